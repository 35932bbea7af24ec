//! Both curves as an image: steps with the bands of their intervals, what is at most and at least possible, the number at risk.

use plotters::coord::Shift;
use plotters::prelude::{
    BitMapBackend, DrawingArea, DrawingBackend, IntoDrawingArea, IntoFont, PathElement, Polygon, RGBColor, Rectangle,
    SVGBackend, ShapeStyle, Text,
};
use plotters::style::Color as _;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::letters;
use super::words::{headline, interval};
use crate::metrics::{Bounds, DAY, Ending, FIVE_DAYS, Measured, Survival};
use crate::model::counted;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// What draws failed.
    #[error("the chart cannot be drawn: {0}")]
    Draw(String),
    /// The file's form could not be made.
    #[error("the chart cannot be written as png: {0}")]
    Png(#[from] png::EncodingError),
}

/// Pixels of the whole.
const SIZE: (u32, u32) = (1200, 760);
/// The raster: its left, upper, right and lower edge.
const LEFT: i32 = 140;
const TOP: i32 = 104;
const RIGHT: i32 = 1160;
const BOTTOM: i32 = 560;

const INK: RGBColor = RGBColor(34, 40, 49);
const FAINT: RGBColor = RGBColor(110, 118, 129);
const GRID: RGBColor = RGBColor(228, 231, 235);
const PAPER: RGBColor = RGBColor(255, 255, 255);

/// The colour of a curve; the two differ in lightness too.
const fn color(ending: Ending) -> RGBColor {
    match ending {
        Ending::Usable => RGBColor(11, 94, 168),
        Ending::Revoked => RGBColor(217, 95, 14),
    }
}

/// What a curve shows the share of.
const fn label(ending: Ending) -> &'static str {
    match ending {
        Ending::Usable => "usable",
        Ending::Revoked => "not revoked",
    }
}

/// The curves of the whole as SVG. A viewer's own font writes the text.
///
/// # Errors
/// Where it cannot be drawn.
pub fn svg(measured: &Measured) -> Result<String, ChartError> {
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
    Chart::new(&area, measured, false).draw()?;
    drop(area);
    Ok(text)
}

/// The same as PNG, eight bits a channel.
///
/// # Errors
/// Where it cannot be drawn or written.
pub fn png(measured: &Measured) -> Result<Vec<u8>, ChartError> {
    let mut pixels = vec![0; SIZE.0 as usize * SIZE.1 as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, SIZE).into_drawing_area();
        Chart::new(&area, measured, true).draw()?;
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, SIZE.0, SIZE.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(file)
}

/// An image that is drawn.
struct Chart<'a, B: DrawingBackend> {
    area: &'a DrawingArea<B, Shift>,
    measured: &'a Measured,
    /// Whether letters are drawn dot by dot.
    dots: bool,
    /// The last second of the axis.
    end: i64,
    /// Days between two marks of it.
    every: i64,
}

type Drawn = Result<(), ChartError>;

impl<'a, B: DrawingBackend> Chart<'a, B> {
    fn new(area: &'a DrawingArea<B, Shift>, measured: &'a Measured, dots: bool) -> Self {
        let reached = measured.whole.curves().map(|survival| survival.curve.horizon);
        let last = reached.into_iter().max().unwrap_or(0).max(DAY);
        let every = [1, 2, 5, 10, 15, 30, 60, 90, 180, 365].into_iter().find(|days| last / (days * DAY) <= 12);
        let every = every.unwrap_or(last / (12 * DAY));
        let end = (last + every * DAY - 1) / (every * DAY) * (every * DAY);
        Self { area, measured, dots, end, every }
    }

    fn draw(&self) -> Drawn {
        self.area.fill(&PAPER).map_err(failed)?;
        self.head()?;
        self.axes()?;
        let curves = self.measured.whole.curves();
        curves.iter().try_for_each(|survival| self.band(survival))?;
        curves.iter().try_for_each(|survival| self.bounds(survival))?;
        self.five_days()?;
        curves.iter().rev().try_for_each(|survival| self.steps(survival))?;
        self.at_risk(curves)?;
        self.foot()?;
        self.area.present().map_err(failed)
    }

    /// The pixel column of a time.
    fn x(&self, seconds: i64) -> i32 {
        let along = i64::from(RIGHT - LEFT).saturating_mul(seconds.clamp(0, self.end)) / self.end.max(1);
        LEFT + i32::try_from(along).unwrap_or(0)
    }

    fn line(&self, points: Vec<(i32, i32)>, style: impl Into<ShapeStyle>) -> Drawn {
        self.area.draw(&PathElement::new(points, style)).map_err(failed)
    }

    fn text(&self, at: (i32, i32), anchor: (HPos, VPos), color: RGBColor, text: &str) -> Drawn {
        if !self.dots {
            let font = ("sans-serif", 15).into_font().color(&color).pos(Pos::new(anchor.0, anchor.1));
            return self.area.draw(&Text::new(text.to_owned(), at, font)).map_err(failed);
        }
        let wide = letters::width() * i32::try_from(text.chars().count()).unwrap_or(0);
        let left = match anchor.0 {
            HPos::Left => 0,
            HPos::Center => wide / 2,
            HPos::Right => wide,
        };
        let up = match anchor.1 {
            VPos::Top => 0,
            VPos::Center => letters::HEIGHT / 2,
            VPos::Bottom => letters::HEIGHT,
        };
        for (x, y, covered) in letters::pixels(text) {
            let point = (at.0 - left + x, at.1 - up + y);
            self.area.draw_pixel(point, &color.mix(covered)).map_err(failed)?;
        }
        Ok(())
    }

    fn head(&self) -> Drawn {
        let (clock, n) = (self.measured.asked.clock, self.measured.whole.usable.curve.n);
        let title = format!("How long leaked credentials stay valid: days since {}, n = {n}", clock.since());
        self.text((LEFT, 24), (HPos::Left, VPos::Top), INK, &title)?;
        if self.dots {
            // Twice, a dot apart: bold.
            self.text((LEFT + 1, 24), (HPos::Left, VPos::Top), INK, &title)?;
        }
        for (number, survival) in (0..).zip(self.measured.whole.curves()) {
            let (y, van) = (56 + 22 * number, survival.van.as_ref());
            let stroke = color(survival.ending).stroke_width(4);
            self.line(vec![(LEFT, y), (LEFT + 26, y)], stroke)?;
            let told = match van {
                Some(_) => format!("after 5 days {} (95 % interval {})", headline(van), interval(van)),
                None => "half are not followed for 5 days".to_owned(),
            };
            let told = format!("{}: {told}", label(survival.ending));
            self.text((LEFT + 36, y), (HPos::Left, VPos::Center), INK, &told)?;
        }
        Ok(())
    }

    fn axes(&self) -> Drawn {
        for quarter in 0..=4 {
            let y = BOTTOM - (BOTTOM - TOP) * quarter / 4;
            self.line(vec![(LEFT, y), (RIGHT, y)], if quarter == 0 { FAINT } else { GRID })?;
            self.text((LEFT - 12, y), (HPos::Right, VPos::Center), FAINT, &format!("{} %", quarter * 25))?;
        }
        for time in self.marks() {
            let x = self.x(time);
            self.line(vec![(x, BOTTOM), (x, BOTTOM + 6)], FAINT)?;
            self.text((x, BOTTOM + 10), (HPos::Center, VPos::Top), FAINT, &(time / DAY).to_string())?;
        }
        Ok(())
    }

    /// The marks of the axis, in seconds.
    fn marks(&self) -> impl Iterator<Item = i64> + use<B> {
        let (every, end) = (self.every * DAY, self.end);
        (0..).map(move |number: i64| number * every).take_while(move |time| *time <= end)
    }

    /// The headline's time, where it is in the image.
    fn five_days(&self) -> Drawn {
        let x = self.x(FIVE_DAYS);
        if FIVE_DAYS >= self.end {
            return Ok(());
        }
        for y in (TOP..BOTTOM).step_by(8) {
            self.line(vec![(x, y), (x, y + 3)], FAINT)?;
        }
        self.text((x + 6, TOP - 2), (HPos::Left, VPos::Top), FAINT, "5 days")
    }

    /// The area between the ends of the interval, where there is one.
    fn band(&self, survival: &Survival) -> Drawn {
        let (mut upper, mut lower) = (Vec::new(), Vec::new());
        let shown = || survival.curve.steps.iter().filter(|step| step.time <= survival.curve.horizon);
        let ends = shown().skip(1).map(|step| step.time).chain([survival.curve.horizon]);
        for (step, end) in shown().zip(ends) {
            let Some((low, high)) = step.interval() else { continue };
            let (from, to) = (self.x(step.time), self.x(end));
            upper.extend([(from, y(high)), (to, y(high))]);
            lower.extend([(from, y(low)), (to, y(low))]);
        }
        let around: Vec<(i32, i32)> = upper.into_iter().chain(lower.into_iter().rev()).collect();
        if around.is_empty() {
            return Ok(());
        }
        self.area.draw(&Polygon::new(around, color(survival.ending).mix(0.16))).map_err(failed)
    }

    /// What the share is at least and at most, dotted.
    fn bounds(&self, survival: &Survival) -> Drawn {
        let (from, to) = (LEFT, self.x(survival.curve.horizon));
        let color = color(survival.ending).mix(0.75);
        for x in (from..to).step_by(5) {
            let time = self.end.saturating_mul(i64::from(x - LEFT)) / i64::from(RIGHT - LEFT);
            let Some(bounds) = Bounds::of(&survival.spells, time) else { continue };
            for share in [bounds.best, bounds.worst] {
                self.line(vec![(x, y(share)), (x + 1, y(share))], color)?;
            }
        }
        Ok(())
    }

    fn steps(&self, survival: &Survival) -> Drawn {
        let curve = &survival.curve;
        let mut height = y(1.0);
        let mut points = vec![(LEFT, height)];
        for step in curve.steps.iter().take_while(|step| step.time <= curve.horizon) {
            let (x, next) = (self.x(step.time), y(step.survival));
            points.extend([(x, height), (x, next)]);
            height = next;
        }
        points.push((self.x(curve.horizon), height));
        // Each stretch by itself: a path of all of them has sharp corners that stick out.
        for (from, to) in points.iter().zip(points.iter().skip(1)).filter(|(from, to)| from != to) {
            let corners = [(from.0.min(to.0) - 1, from.1.min(to.1) - 1), (from.0.max(to.0) + 1, from.1.max(to.1) + 1)];
            self.area.draw(&Rectangle::new(corners, color(survival.ending).filled())).map_err(failed)?;
        }
        Ok(())
    }

    fn at_risk(&self, curves: [&Survival; 2]) -> Drawn {
        let top = BOTTOM + 46;
        self.text((LEFT - 26, top), (HPos::Right, VPos::Center), FAINT, "at risk")?;
        self.text(((LEFT + RIGHT) / 2, BOTTOM + 46), (HPos::Center, VPos::Center), FAINT, "days")?;
        for (number, survival) in (1..).zip(curves) {
            let row = top + 24 * number;
            let name = label(survival.ending);
            self.text((LEFT - 26, row), (HPos::Right, VPos::Center), color(survival.ending), name)?;
            for time in self.marks().filter(|time| *time <= survival.curve.horizon) {
                let count = survival.at_risk(time).to_string();
                self.text((self.x(time), row), (HPos::Center, VPos::Center), INK, &count)?;
            }
        }
        Ok(())
    }

    fn foot(&self) -> Drawn {
        let c = &self.measured.whole.coverage;
        let lines = [
            "bands: 95 % intervals; dots: the least and the most, were all whose state is not known dead, or alive"
                .to_owned(),
            format!(
                "{}: {} followed, {} never notified, {} never verified; shown as far as half are followed",
                counted(c.cases as u64, "case", "cases"),
                c.followed,
                c.never_notified,
                c.never_verified
            ),
        ];
        for (line, text) in (0..).zip(lines) {
            self.text((LEFT, 706 + 22 * line), (HPos::Left, VPos::Center), FAINT, &text)?;
        }
        Ok(())
    }
}

/// The pixel row of a share.
#[expect(clippy::cast_possible_truncation, reason = "a share of some hundred pixels")]
fn y(share: f64) -> i32 {
    BOTTOM - (f64::from(BOTTOM - TOP) * share.clamp(0.0, 1.0)).round() as i32
}

fn failed(error: impl std::fmt::Display) -> ChartError {
    ChartError::Draw(error.to_string())
}

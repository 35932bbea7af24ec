//! Survival curves as an image in the page, in the page's own colours: steps, the bands of their intervals, five days.

use std::io::{self, Write};

use crate::metrics::{DAY, Ending, FIVE_DAYS, Measured, Survival, days};

/// The raster, in units of the image: left, top, right, bottom.
const LEFT: f64 = 52.0;
const TOP: f64 = 14.0;
const RIGHT: f64 = 704.0;
const BOTTOM: f64 = 236.0;

/// Draws both curves, or says why there is none.
pub(super) fn curve(measured: &Measured, out: &mut dyn Write) -> io::Result<()> {
    let curves = measured.whole.curves();
    let end = curves.iter().map(|survival| survival.curve.horizon).max().unwrap_or(0);
    if end <= 0 {
        return writeln!(out, "<p>No curve: nobody whose owner was told is followed for any time yet.</p>");
    }
    let axis = Axis::of(end);
    writeln!(
        out,
        "<figure>\n<svg class=\"curve\" viewBox=\"0 0 720 276\" role=\"img\" aria-label=\"Share still valid by days since the \
         owner was notified\">"
    )?;
    axis.grid(out)?;
    curves.iter().try_for_each(|survival| axis.band(survival, out))?;
    curves.iter().rev().try_for_each(|survival| axis.steps(survival, out))?;
    writeln!(out, "</svg>\n<figcaption>")?;
    for survival in curves {
        let (class, what) = named(survival.ending);
        writeln!(out, "<span class=\"key {class}\">{what} (n = {})</span>", survival.curve.n)?;
    }
    writeln!(
        out,
        "<span class=\"soft\">days since the owner was told; bands are 95 % intervals; shown as far as half are followed</span>\n\
         </figcaption>\n</figure>"
    )
}

const fn named(ending: Ending) -> (&'static str, &'static str) {
    match ending {
        Ending::Usable => ("usable", "usable"),
        Ending::Revoked => ("revoked", "not revoked"),
    }
}

/// The axis of time.
struct Axis {
    /// Its last second.
    end: i64,
    /// Seconds between two marks.
    every: i64,
}

impl Axis {
    /// One that reaches a time, in whole days, with at most a dozen marks.
    fn of(end: i64) -> Self {
        let steps = [1, 2, 5, 10, 15, 30, 60, 90, 180, 365];
        let every = steps.into_iter().map(|days| days * DAY).find(|every| end / every < 12).unwrap_or(end / 12);
        Self { end: (end.saturating_add(every - 1) / every).max(1).saturating_mul(every), every }
    }

    fn x(&self, time: i64) -> f64 {
        LEFT + (RIGHT - LEFT) * (days(time.clamp(0, self.end)) / days(self.end))
    }

    fn grid(&self, out: &mut dyn Write) -> io::Result<()> {
        for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let y = y(share);
            writeln!(out, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>")?;
            writeln!(
                out,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{:.0} %</text>",
                LEFT - 8.0,
                y + 4.0,
                share * 100.0
            )?;
        }
        let mut time = 0;
        while time <= self.end {
            let x = self.x(time);
            writeln!(
                out,
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{:.0} d</text>",
                BOTTOM + 20.0,
                days(time)
            )?;
            time = time.saturating_add(self.every);
        }
        if FIVE_DAYS < self.end {
            let x = self.x(FIVE_DAYS);
            writeln!(out, "<path class=\"five\" d=\"M{x:.1} {TOP}V{BOTTOM}\"/>")?;
            writeln!(out, "<text x=\"{:.1}\" y=\"{}\">5 days</text>", x + 6.0, TOP + 12.0)?;
        }
        Ok(())
    }

    /// The area between the ends of the interval, where there is one.
    fn band(&self, survival: &Survival, out: &mut dyn Write) -> io::Result<()> {
        let shown = || survival.curve.steps.iter().filter(|step| step.time <= survival.curve.horizon);
        let ends = shown().skip(1).map(|step| step.time).chain([survival.curve.horizon]);
        let (mut upper, mut lower) = (Vec::new(), Vec::new());
        for (step, end) in shown().zip(ends) {
            let Some((low, high)) = step.interval() else { continue };
            let (from, to) = (self.x(step.time), self.x(end));
            upper.extend([(from, y(high)), (to, y(high))]);
            lower.extend([(from, y(low)), (to, y(low))]);
        }
        if upper.is_empty() {
            return Ok(());
        }
        let around = upper.into_iter().chain(lower.into_iter().rev());
        let points: Vec<String> = around.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        writeln!(out, "<polygon class=\"band {}\" points=\"{}\"/>", named(survival.ending).0, points.join(" "))
    }

    fn steps(&self, survival: &Survival, out: &mut dyn Write) -> io::Result<()> {
        let curve = &survival.curve;
        if curve.n == 0 {
            return Ok(());
        }
        let mut path = format!("M{LEFT} {:.1}", y(1.0));
        for step in curve.steps.iter().take_while(|step| step.time <= curve.horizon) {
            path.push_str(&format!("H{:.1}V{:.1}", self.x(step.time), y(step.survival)));
        }
        path.push_str(&format!("H{:.1}", self.x(curve.horizon)));
        writeln!(out, "<path class=\"line {}\" d=\"{path}\"/>", named(survival.ending).0)
    }
}

/// The height of a share.
fn y(share: f64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * share.clamp(0.0, 1.0)
}

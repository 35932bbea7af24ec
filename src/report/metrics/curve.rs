//! Both curves in a terminal: a raster of braille dots, or of plain characters where those are not wanted.

use std::io::{self, Write};

use super::words::{headline, interval};
use crate::metrics::{Curve, Measured, days};

/// Columns and rows of the raster.
const WIDTH: usize = 84;
const HEIGHT: usize = 16;

/// Writes the curves of the whole. `plain` keeps to ASCII.
///
/// # Errors
/// The writer's.
pub fn curve(measured: &Measured, plain: bool, out: &mut dyn Write) -> io::Result<()> {
    let [usable, revoked] = measured.whole.curves();
    let end = usable.curve.horizon.max(revoked.curve.horizon);
    if end <= 0 {
        return writeln!(out, "no curve: nobody is followed for any time");
    }
    let clock = measured.asked.clock.since();
    writeln!(out, "share still valid, by days since {clock} (n = {})", usable.curve.n)?;
    let rows = if plain {
        ascii(&[&usable.curve, &revoked.curve], end)
    } else {
        braille(&[&usable.curve, &revoked.curve], end)
    };
    for (number, row) in rows.iter().enumerate() {
        let label = match number * 4 {
            0 => "100 %",
            HEIGHT => " 75 %",
            n if n == 2 * HEIGHT => " 50 %",
            n if n == 3 * HEIGHT => " 25 %",
            _ => "     ",
        };
        writeln!(out, "{label} {}{}", if plain { '|' } else { '│' }, row.trim_end())?;
    }
    let line = if plain { "-" } else { "─" }.repeat(WIDTH);
    writeln!(out, "  0 % {}{line}", if plain { '+' } else { '└' })?;
    let (middle, last) = (format!("{:.1} d", days(end) / 2.0), format!("{:.1} d", days(end)));
    let half = WIDTH / 2;
    writeln!(out, "      {:<half$}{middle:<rest$}{last:>8}", " 0", rest = WIDTH - half - 8)?;
    let marks = if plain { ("#", "o") } else { ("⠿", "⠒") };
    for (survival, mark) in [(usable, marks.0), (revoked, marks.1)] {
        let van = survival.van.as_ref();
        let what = if survival.ending.as_str() == "usable" { "usable" } else { "not revoked" };
        writeln!(out, "      {mark} {what}: after 5 d {} ({})", headline(van), interval(van))?;
    }
    Ok(())
}

/// The height of a curve in a column of so many, in a raster of so many rows from the top; `None` beyond its horizon. The last
/// column is the end itself: a curve that falls there is seen to.
fn heights(curve: &Curve, end: i64, columns: usize, rows: usize) -> Vec<Option<usize>> {
    let last = i64::try_from(columns.saturating_sub(1).max(1)).unwrap_or(1);
    let at = |column: usize| {
        let time = end.saturating_mul(i64::try_from(column).unwrap_or(0)) / last;
        (time <= curve.horizon).then(|| {
            let survival = curve.step(time).map_or(1.0, |step| step.survival);
            row(survival, rows)
        })
    };
    (0..columns).map(at).collect()
}

/// The row of a share.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of rows"
)]
fn row(survival: f64, rows: usize) -> usize {
    ((1.0 - survival.clamp(0.0, 1.0)) * rows.saturating_sub(1) as f64).round() as usize
}

/// Two columns and four rows of dots a character. The second curve has a gap in every other dot.
fn braille(curves: &[&Curve], end: i64) -> Vec<String> {
    let (columns, rows) = (WIDTH * 2, HEIGHT * 4);
    let mut cells = vec![vec![0_u8; WIDTH]; HEIGHT];
    for (number, curve) in curves.iter().enumerate() {
        let mut before = None;
        for (column, height) in heights(curve, end, columns, rows).into_iter().enumerate() {
            let Some(height) = height else { break };
            let from: usize = before.unwrap_or(height);
            for dot in from.min(height)..=from.max(height) {
                if number == 0 || (column + dot) % 2 == 0 {
                    let bit = [[0, 3], [1, 4], [2, 5], [6, 7]];
                    let bit = bit.get(dot % 4).and_then(|pair| pair.get(column % 2)).copied().unwrap_or(0);
                    let cell = cells.get_mut(dot / 4).and_then(|row| row.get_mut(column / 2));
                    cell.into_iter().for_each(|cell| *cell |= 1 << bit);
                }
            }
            before = Some(height);
        }
    }
    let character = |cell: &u8| match cell {
        0 => ' ',
        dots => char::from_u32(0x2800 + u32::from(*dots)).unwrap_or(' '),
    };
    cells.iter().map(|row| row.iter().map(character).collect()).collect()
}

/// A character a column; the first curve covers the second.
fn ascii(curves: &[&Curve], end: i64) -> Vec<String> {
    let mut cells = vec![vec![' '; WIDTH]; HEIGHT];
    for (curve, mark) in curves.iter().zip(['#', 'o']).rev() {
        for (column, height) in heights(curve, end, WIDTH, HEIGHT).into_iter().enumerate() {
            let cell = height.and_then(|height| cells.get_mut(height)).and_then(|row| row.get_mut(column));
            cell.into_iter().for_each(|cell| *cell = mark);
        }
    }
    cells.into_iter().map(|row| row.into_iter().collect()).collect()
}

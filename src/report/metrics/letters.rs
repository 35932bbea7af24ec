//! Text in an image of pixels, without a font of the system: letters of Noto Sans Mono that come as bitmaps.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, RasterizedChar, get_raster, get_raster_width};

/// Height of a line, in pixels.
pub(super) const HEIGHT: i32 = 16;

/// Width of a letter, in pixels.
pub(super) fn width() -> i32 {
    i32::try_from(get_raster_width(FontWeight::Regular, RasterHeight::Size16)).unwrap_or(8)
}

/// Pixels of a text that starts at the origin, each with how much of it is covered, from 0 to 1. What the font does not have
/// is a question mark.
pub(super) fn pixels(text: &str) -> Vec<(i32, i32, f64)> {
    let mut all = Vec::new();
    for (letter, x) in text.chars().map(plain).zip((0..).step_by(usize::try_from(width()).unwrap_or(8))) {
        let raster = glyph(letter).or_else(|| glyph('?'));
        let rows = raster.as_ref().map(RasterizedChar::raster).unwrap_or_default();
        for (row, y) in rows.iter().zip(0..) {
            let row = row.iter().zip(x..).filter(|(covered, _)| **covered > 0);
            all.extend(row.map(|(covered, x)| (x, y, f64::from(*covered) / 255.0)));
        }
    }
    all
}

fn glyph(letter: char) -> Option<RasterizedChar> {
    get_raster(letter, FontWeight::Regular, RasterHeight::Size16)
}

/// Signs that the font does not have.
const fn plain(letter: char) -> char {
    match letter {
        '–' | '—' => '-',
        '≤' => '<',
        other => other,
    }
}

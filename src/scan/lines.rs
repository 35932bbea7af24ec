//! Lines and columns, counted in one pass over the places that are asked for.

use crate::sources::Encoding;

/// A place in a text that lines and columns are known of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Line, from 1.
    pub(super) line: u32,
    /// Column, from 1, in characters.
    pub(super) column: u32,
}

impl Cursor {
    /// The start of a text.
    pub(super) const START: Self = Self { line: 1, column: 1 };

    /// The start of a text that begins with a mark of its encoding: the mark takes no column.
    pub(super) const MARKED: Self = Self { line: 1, column: 0 };

    /// Moves on over `text`, which starts at this place; `wide` says that it was narrowed, a byte a unit.
    pub(super) fn advance(&mut self, text: &[u8], wide: bool) {
        let characters = |text: &[u8]| characters(text, wide);
        match memchr::memrchr(b'\n', text) {
            None => self.column = self.column.saturating_add(characters(text)),
            Some(last) => {
                let newlines = memchr::memchr_iter(b'\n', text).count();
                self.line = self.line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
                self.column = 1 + characters(text.get(last + 1..).unwrap_or_default());
            }
        }
    }
}

/// Characters in a stretch of a line: code points in UTF-8 and in wide encodings, bytes in anything else.
fn characters(text: &[u8], wide: bool) -> u32 {
    let count = match () {
        () if text.is_ascii() => text.len(),
        () if wide => text.iter().filter(|b| **b != Encoding::LOW).count(),
        () if std::str::from_utf8(text).is_err() => text.len(),
        () => text.iter().filter(|b| **b & 0xC0 != 0x80).count(),
    };
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// How many bytes at the end of a stretch begin a UTF-8 character that goes on behind it.
pub(super) fn cut_character(text: &[u8]) -> usize {
    let tail = text.get(text.len().saturating_sub(3)..).unwrap_or_default();
    let Some(back) = tail.iter().rev().position(|b| *b & 0xC0 != 0x80) else { return 0 };
    let needed = match tail.iter().rev().nth(back) {
        Some(0xC0..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xF7) => 4,
        _ => 1,
    };
    if needed > back + 1 { back + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_moves_by_lines_and_characters() {
        let mut cursor = Cursor::START;
        cursor.advance("aé\nüb".as_bytes(), false);
        assert_eq!(cursor, Cursor { line: 2, column: 3 });
        cursor.advance(b"xy", false);
        assert_eq!(cursor, Cursor { line: 2, column: 5 });
        cursor.advance(b"\n\n", false);
        assert_eq!(cursor, Cursor { line: 4, column: 1 });
        cursor.advance(b"caf\xe9!", false);
        assert_eq!(cursor.column, 6, "Latin-1 counts by bytes");
        cursor.advance(b"a\xff\xfe", true);
        assert_eq!(cursor.column, 8, "two units make one character beyond the basic plane");
    }

    #[test]
    fn a_character_that_is_cut_is_known() {
        for (text, cut) in [
            (&b"ab"[..], 0),
            (b"a\xc3", 1),
            (b"a\xc3\xa9", 0),
            (b"\xe2\x82", 2),
            (b"\xf0\x9f\x94", 3),
            (b"\xf0\x9f\x94\x91", 0),
            (b"\x80\x80\x80", 0),
            (b"", 0),
        ] {
            assert_eq!(cut_character(text), cut, "{text:?}");
        }
    }
}

//! Lines and columns, counted in one pass over the places that are asked for.

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

    /// Moves on over `text`, which starts at this place.
    pub(super) fn advance(&mut self, text: &[u8]) {
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

/// Characters in a stretch of a line: code points in UTF-8, bytes in anything else.
fn characters(text: &[u8]) -> u32 {
    let count = if text.is_ascii() || std::str::from_utf8(text).is_err() {
        text.len()
    } else {
        text.iter().filter(|b| **b & 0xC0 != 0x80).count()
    };
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_moves_by_lines_and_characters() {
        let mut cursor = Cursor::START;
        cursor.advance("aé\nüb".as_bytes());
        assert_eq!(cursor, Cursor { line: 2, column: 3 });
        cursor.advance(b"xy");
        assert_eq!(cursor, Cursor { line: 2, column: 5 });
        cursor.advance(b"\n\n");
        assert_eq!(cursor, Cursor { line: 4, column: 1 });
        cursor.advance(b"caf\xe9!");
        assert_eq!(cursor.column, 6, "Latin-1 counts by bytes");
    }
}

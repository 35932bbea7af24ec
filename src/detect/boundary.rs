//! Where a token may begin and end.

use crate::rules::Shape;
use crate::rules::classes::{ByteSet, has};

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a token may begin at `at`: the byte before is no letter, digit or underscore, or it ends an escape
/// (`\n`, `\x3d`, `\u003d`, `%3D`) that stands for something that is none. Nor is it in `lead`, the set that the token's
/// own beginning may repeat: the token then began before.
pub(super) fn begins(text: &[u8], at: usize, lead: &ByteSet) -> bool {
    let before = text.get(at.saturating_sub(Shape::CONTEXT)..at).unwrap_or_default();
    let Some(last) = before.last() else { return true };
    if is_word(*last) { ends_escape(before) } else { !has(lead, *last) }
}

fn ends_escape(before: &[u8]) -> bool {
    let hex = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    match before {
        [.., b'\\', b'n' | b'r' | b't' | b'f' | b'v' | b'b' | b'0'] => true,
        // A terminal's colour: `ESC [ 1 ; 31 m`.
        [.., b'm'] if is_color(before) => true,
        [.., b'\\', b'u', a, b, c, d] => hex(&[*a, *b, *c, *d]),
        [.., b'\\', b'x', a, b] => hex(&[*a, *b]),
        // An encoded letter, digit or underscore would be part of a longer word.
        [.., b'%', a, b] => {
            hex(&[*a, *b]) && matches!(a, b'2' | b'3' | b'0' | b'5' | b'7') && !matches!((a, b), (b'3', b'0'..=b'9'))
        }
        _ => false,
    }
}

fn is_color(before: &[u8]) -> bool {
    let escape = before.iter().rposition(|b| *b == 0x1B).and_then(|at| before.get(at + 1..));
    let inner = escape.and_then(|rest| rest.strip_prefix(b"[")?.strip_suffix(b"m"));
    inner.is_some_and(|codes| codes.iter().all(|b| b.is_ascii_digit() || *b == b';'))
}

/// Whether a match that ends before `at` ends there: the next byte could not be part of the same token. `last` is
/// the set of bytes that the pattern's matches end in.
pub(super) fn ends(text: &[u8], at: usize, last: &ByteSet) -> bool {
    text.get(at).is_none_or(|next| !is_word(*next) && !has(last, *next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_begins_after_what_is_no_word_or_ends_an_escape() {
        for (text, may) in [
            ("", true),
            ("=", true),
            ("a", false),
            ("_", false),
            ("\\n", true),
            ("%3D", true),
            ("%41", false),
            ("%39", false),
            ("\\u003d", true),
            ("\\x20", true),
            ("3D", false),
            ("\x1b[1;31m", true),
            ("[31m", false),
        ] {
            assert_eq!(begins(text.as_bytes(), text.len(), &[0; 4]), may, "{text}");
        }
    }
}

//! JSON Web Tokens: three base64url segments, read in one pass that stops at the first byte that cannot belong.

use std::ops::Range;

use crate::rules::Shape;

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// The length of the first segment. `None` where another token begins in it (`eyJ` after a hyphen): no byte is then read
/// as the header of more than one token.
fn header(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let stop = rest.iter().position(|b| !is_base64url(*b) || *b == b'-').unwrap_or(rest.len());
        match rest.get(stop..) {
            Some([b'-', b'e', b'y', b'J', ..]) => return None,
            Some([b'-', ..]) => at += stop + 1,
            _ => return Some(at + stop),
        }
    }
}

/// The segments of a token that starts at `at`: header, payload, signature (empty for an unsigned one). `None`
/// where there is none of at most `Shape::JWT` bytes.
pub(super) fn scan(text: &[u8], at: usize) -> Option<[Range<usize>; 3]> {
    let limit = (at + Shape::JWT).min(text.len());
    let segment = |from: usize| {
        let body = text.get(from..limit)?;
        let len = body.iter().position(|b| !is_base64url(*b)).unwrap_or(body.len());
        Some(from..from + len)
    };
    let header = header(text.get(at..limit)?)
        .map(|len| at..at + len)
        .filter(|s| s.len() >= 12 && text.get(s.end) == Some(&b'.'))?;
    let payload = segment(header.end + 1).filter(|s| s.len() >= 8 && text.get(s.end) == Some(&b'.'))?;
    let signature = segment(payload.end + 1)?;
    // A token that goes on at the limit is none; one with five segments is encrypted (RFC 7516) and none of these.
    let ends = signature.end < limit || limit == text.len();
    let fourth = segment(signature.end + 1).filter(|_| text.get(signature.end) == Some(&b'.'));
    let encrypted = fourth.is_some_and(|s| !s.is_empty() && text.get(s.end) == Some(&b'.'));
    (ends && !encrypted).then_some([header, payload, signature])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_segments_make_a_token_and_the_scan_is_linear() {
        let (header, payload, signature) = ("h".repeat(20), "p".repeat(15), "s".repeat(12));
        let text = format!("{header}.{payload}.{signature} rest");
        assert_eq!(scan(text.as_bytes(), 0), Some([0..20, 21..36, 37..49]));
        assert!(scan(header.as_bytes(), 0).is_none());
        assert!(scan(format!("{header}.{payload}.").as_bytes(), 0).is_some_and(|[.., s]| s.is_empty()));
        let encrypted = format!("{text}.{signature}.{header}").replace(" rest", "");
        assert!(scan(encrypted.as_bytes(), 0).is_none(), "a token of five segments is encrypted");
        assert!(scan("eyJ".repeat(10_000).as_bytes(), 0).is_none());
        assert_eq!(super::header(b"eyJab-cd-eyJxy."), None, "another token begins");
        assert_eq!(super::header(b"eyJab-cd-x."), Some(10));
    }
}

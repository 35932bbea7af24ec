//! PEM blocks: from a BEGIN line that a rule's pattern accepted to the END line, through whatever the source
//! language put around the lines (quotes, `\n`, `+`, indentation, comment signs).

use std::ops::Range;

use crate::rules::Shape;

/// A PEM block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// From the first hyphen of BEGIN to the last of END.
    pub span: Range<usize>,
    /// The base64 of the body, without what stands between its lines.
    pub body: Vec<u8>,
    /// Whether a header says that the key is encrypted (RFC 1421 `Proc-Type: 4,ENCRYPTED`).
    pub encrypted: bool,
}

/// The least base64 of a key: the shortest, an Ed25519 key in PKCS #8, has 64.
const MIN_BODY: usize = 56;

/// The longest header line.
const MAX_HEADER: usize = 200;

/// Reads the block whose BEGIN line is `begin`. `None` where the body has a byte that no key has, is too short
/// to be one, or does not end within `Shape::PEM` bytes.
pub(super) fn scan(text: &[u8], begin: Range<usize>) -> Option<Block> {
    let limit = (begin.start + Shape::PEM).min(text.len());
    let mut block = Block { span: begin.start..begin.end, body: Vec::new(), encrypted: false };
    let mut at = begin.end;
    while at < limit {
        let rest = text.get(at..limit)?;
        match rest {
            [b'-', b'-', b'-', b'-', ..] => {
                let label = rest.iter().position(|b| *b != b'-' && *b != b' ')?;
                let line = rest.get(label..(label + 100).min(rest.len()))?;
                let closed = line.strip_prefix(b"END ").and_then(|name| memchr::memchr(b'-', name))? + 4;
                let dashes = line.get(closed..)?.iter().take_while(|b| **b == b'-').count();
                block.span.end = at + label + closed + dashes.min(5);
                return (block.body.len() >= MIN_BODY).then_some(block);
            }
            // Escaped line ends, in one or more layers of strings.
            [b'\\', ..] => {
                at += 1 + rest.iter().skip(1).take_while(|b| **b == b'\\').count() + usize::from(escape_letter(rest))
            }
            [b, ..] if b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=') => at += word(&mut block, rest)?,
            [b, ..] if b.is_ascii_whitespace() || b"\"'`,#*;>|&.()-:".contains(b) => at += 1,
            _ => return None,
        }
    }
    None
}

/// Whether the letter after a run of backslashes is an escape's.
fn escape_letter(rest: &[u8]) -> bool {
    rest.iter().find(|b| **b != b'\\').is_some_and(|b| matches!(b, b'n' | b'r' | b't'))
}

/// Takes one word: base64, or a header line (`Proc-Type: …`), or a sign of the language. Returns its length.
fn word(block: &mut Block, rest: &[u8]) -> Option<usize> {
    let len =
        rest.iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))).unwrap_or(rest.len());
    let after = rest.get(len).copied();
    if after == Some(b'-') || after == Some(b':') {
        let line_end =
            rest.iter().take(MAX_HEADER).position(|b| *b == b'\n' || *b == b'\\').unwrap_or(MAX_HEADER.min(rest.len()));
        let line = rest.get(..line_end)?;
        let header = line.contains(&b':')
            && ["Proc-Type", "DEK-Info", "Comment", "Version", "Hash", "Charset", "X-", "Subject", "MessageID"]
                .iter()
                .any(|h| line.starts_with(h.as_bytes()));
        if header {
            // A block that begins in a header line is the next one's.
            if memchr::memmem::find(line, b"-----BEGIN").is_some() {
                return None;
            }
            block.encrypted |= line.windows(9).any(|w| w == b"ENCRYPTED") || line.starts_with(b"DEK-Info");
            return Some(line_end);
        }
        if after == Some(b':') {
            return None;
        }
    }
    let word = rest.get(..len)?;
    // A lone `+` joins strings in code; it is not base64.
    if word != b"+" {
        block.body.extend_from_slice(word);
    }
    Some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Block> {
        let begin = text.find("-----BEGIN").unwrap();
        let end = begin + text[begin..].find("KEY-----").unwrap() + 8;
        scan(text.as_bytes(), begin..end)
    }

    #[test]
    fn blocks_are_read_however_they_are_quoted() {
        let line = "Ab3+".repeat(16);
        let plain = format!("x -----BEGIN PRIVATE KEY-----\n{line}\n{line}\n-----END PRIVATE KEY----- y");
        let block = read(&plain).unwrap();
        assert_eq!((block.body.len(), block.encrypted), (128, false));
        assert_eq!(&plain[block.span], &plain[2..plain.len() - 2]);
        for text in [
            format!("\"-----BEGIN PRIVATE KEY-----\\n{line}\\n{line}\\n-----END PRIVATE KEY-----\\n\""),
            format!("\"-----BEGIN PRIVATE KEY-----\\\\n{line}\\\\n{line}\\\\n-----END PRIVATE KEY-----\""),
            format!(
                "\"-----BEGIN PRIVATE KEY-----\\n\" +\n  \"{line}\\n\" +\n \"{line}\\n\" + \"-----END PRIVATE KEY-----\""
            ),
            format!("# -----BEGIN PRIVATE KEY-----\n# {line}\n# {line}\n# -----END PRIVATE KEY-----"),
        ] {
            assert_eq!(read(&text).map(|b| b.body.len()), Some(128), "{text}");
        }
        let locked = format!(
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A\n\n{line}\n-----END RSA PRIVATE KEY-----"
        );
        assert!(read(&locked).unwrap().encrypted);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----".to_owned(),
            "-----BEGIN PRIVATE KEY-----\n<your key>\n-----END PRIVATE KEY-----".to_owned(),
            format!("-----BEGIN PRIVATE KEY-----\n{}", "A".repeat(20_000)),
            "-----BEGIN PRIVATE KEY-----".repeat(100),
        ] {
            assert_eq!(read(&text), None);
        }
    }
}

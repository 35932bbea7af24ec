//! One line of one file, read again for the person who asks why something there is or is no finding.

use std::io::Read;
use std::ops::Range;
use std::path::Path;

use super::lines::Cursor;
use super::paths;
use crate::detect::score::{Feature, VETO};
use crate::detect::{Detector, Judged, Quoting};
use crate::sources::Encoding;

/// The largest file that is read for a line of it.
const MAX_FILE: u64 = 256 << 20;

/// What decides about a bare value of source code.
const EXPRESSION: Feature =
    Feature { name: "file", points: VETO, phrase: "source code, where a bare word is an expression" };

/// A judgement with what is shown of its place.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What decided.
    pub judged: Judged,
    /// The name.
    pub name: Vec<u8>,
    /// The line and the column of the value, or of the name that has none.
    pub place: (u32, u32),
    /// The length of the value in bytes.
    pub len: usize,
}

/// What the generic rules make of each name and value on a line of a file, counted from 1.
///
/// # Errors
/// When the file cannot be read, is no regular one, or is too large to be read for a line.
pub fn asked(detector: &Detector<'_>, path: &Path, line: u32) -> std::io::Result<Vec<Asked>> {
    let file = std::fs::metadata(path)?;
    if !file.is_file() || file.len() > MAX_FILE {
        return Err(std::io::Error::other("not a file that is read for a line of it"));
    }
    let mut raw = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE).read_to_end(&mut raw)?;
    let encoding = Encoding::detect(&raw);
    let text = if encoding == Encoding::EightBit { raw } else { encoding.to_utf8(&raw) };
    let code = paths::is_code(path.as_os_str().as_encoded_bytes());
    let judged = detector.judgements(&text, &extent(&text, line));
    Ok(judged.into_iter().map(|judged| shown(&text, judged, code)).collect())
}

fn shown(text: &[u8], mut judged: Judged, code: bool) -> Asked {
    if code && judged.quoting == Quoting::Bare {
        judged.features.insert(0, EXPRESSION);
    }
    let value = judged.value.clone().unwrap_or(judged.name.start..judged.name.start);
    let mut cursor = if Encoding::marked(text) { Cursor::MARKED } else { Cursor::START };
    cursor.advance(text.get(..value.start).unwrap_or_default(), false);
    let name = text.get(judged.name.clone()).unwrap_or_default().to_vec();
    Asked { judged, name, place: (cursor.line, cursor.column), len: value.len() }
}

/// Where a line begins and ends, its line break included.
fn extent(text: &[u8], line: u32) -> Range<usize> {
    let mut ends = memchr::memchr_iter(b'\n', text).map(|at| at + 1);
    let before = line.saturating_sub(1) as usize;
    let start = match before.checked_sub(1) {
        Some(last) => ends.nth(last).unwrap_or(text.len()),
        None => 0,
    };
    start..ends.next().unwrap_or(text.len())
}

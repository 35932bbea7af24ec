//! Reads YAML that anybody may have written.
//!
//! Aliases multiply what they stand for, so that a few hundred bytes can mean gigabytes. A file with any may have 64 KiB;
//! the reader itself stops at 128 levels, and where a document stands for more than a hundred times what it has. Only
//! the keys that are asked for are kept.

use serde::de::DeserializeOwned;

/// The largest file that is read, in bytes.
pub const LARGEST: usize = 1 << 20;
/// The largest with aliases in it, in bytes.
const LARGEST_WITH_ALIASES: usize = 64 << 10;
/// How many brackets may be open at once.
const DEEPEST: usize = 64;
/// How many documents of one file are read.
const DOCUMENTS: usize = 1000;

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// It is too large.
    #[error("it has more than {LARGEST} bytes")]
    TooLarge,
    /// It has aliases and is too large for that.
    #[error("it has aliases, and more than {LARGEST_WITH_ALIASES} bytes")]
    Aliases,
    /// Its brackets are nested too deeply.
    #[error("its brackets are more than {DEEPEST} deep")]
    Deep,
    /// It is no YAML, or not of the form that it should have.
    #[error("it cannot be read, near line {0}")]
    Malformed(usize),
}

/// Every document of a file that has the form asked for; those of another form are left out.
pub(super) fn documents<T: DeserializeOwned>(text: &[u8]) -> Result<Vec<T>, YamlError> {
    if text.len() > LARGEST {
        return Err(YamlError::TooLarge);
    }
    if text.len() > LARGEST_WITH_ALIASES && has_aliases(text) {
        return Err(YamlError::Aliases);
    }
    if depth(text) > DEEPEST {
        return Err(YamlError::Deep);
    }
    let malformed = |e: &serde_yaml_ng::Error| YamlError::Malformed(e.location().map_or(1, |at| at.line()));
    let text = std::str::from_utf8(text).map_err(|e| YamlError::Malformed(lines(text.get(..e.valid_up_to()))))?;
    let mut found = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(text).take(DOCUMENTS) {
        match T::deserialize(document) {
            Ok(document) => found.push(document),
            // A document of another form is none of ours; one that is no YAML ends the file.
            Err(e) if is_form(&e) => {}
            Err(e) if found.is_empty() => return Err(malformed(&e)),
            Err(_) => break,
        }
    }
    Ok(found)
}

/// Whether the text was YAML, and only its form was another.
fn is_form(error: &serde_yaml_ng::Error) -> bool {
    let text = error.to_string();
    ["missing field", "invalid type", "duplicate field", "invalid value"].iter().any(|form| text.contains(form))
}

fn lines(text: Option<&[u8]>) -> usize {
    1 + text.unwrap_or_default().iter().filter(|b| **b == b'\n').count()
}

/// Whether a `*` stands where an alias may: this sees too many, never too few.
fn has_aliases(text: &[u8]) -> bool {
    let before = |at: usize| at.checked_sub(1).and_then(|at| text.get(at)).is_none_or(|b| b" \t\n[{,:-?".contains(b));
    let name = |at: usize| text.get(at + 1).is_some_and(|b| !b.is_ascii_whitespace());
    memchr::memchr_iter(b'*', text).any(|at| before(at) && name(at))
}

/// The most brackets that are open at once, those in texts counted too.
fn depth(text: &[u8]) -> usize {
    let (mut now, mut most) = (0usize, 0);
    for byte in text {
        match byte {
            b'[' | b'{' => now += 1,
            b']' | b'}' => now = now.saturating_sub(1),
            _ => {}
        }
        most = most.max(now);
    }
    most
}

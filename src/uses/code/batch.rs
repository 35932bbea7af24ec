//! Scripts of `cmd`: variables that they read and do not set.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::scripts::is_variable;
use super::{Asked, add, is_word};
use crate::model::Confidence;
use crate::model::usage::{Context, Store, System, Use};
use crate::uses::notes::looks_secret;
use crate::uses::shell::{self, Dialect, Script, examine};

/// How much of a line before a name is looked at.
const LINE: usize = 256;

/// Finds the references of a script of `cmd`, of which there are few: each name once.
pub(super) fn references(text: &[u8], base: usize, out: &mut Vec<Use>) {
    let text = text.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let script = Script { text, base: 0, dialect: Dialect::Cmd, traced: false };
    let assigned = examine(script, &|_| Vec::<()>::new()).assigned;
    let mut known: HashSet<&str> = assigned
        .iter()
        .map(String::as_str)
        .chain(["PATH", "CD", "TEMP", "TMP", "ERRORLEVEL", "RANDOM", "DATE", "TIME"])
        .collect();
    let context = Arc::new(Context::default());
    for name in named_in_batch(text) {
        let one = text.get(name.clone()).unwrap_or_default();
        if is_variable(one.as_bytes()) && known.insert(one) {
            let confidence = if looks_secret(one) { Confidence::High } else { Confidence::Medium };
            let asked = Asked { name, store: Store::Environment, confidence };
            add(out, System::Shell, text.as_bytes(), base, asked, Arc::clone(&context));
        }
    }
    for one in shell::references(script) {
        if is_variable(one.text.as_bytes()) && known.insert(one.text) {
            let confidence = if looks_secret(one.text) { Confidence::High } else { Confidence::Medium };
            // Between the signs.
            let name = one.span.start + 1..one.span.start + 1 + one.text.len();
            let asked = Asked { name, store: Store::Environment, confidence };
            add(out, System::Shell, text.as_bytes(), base, asked, Arc::clone(&context));
        }
    }
}

/// `!NAME!`, `if defined NAME`.
fn named_in_batch(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let length = |at: usize| bytes.get(at..).unwrap_or_default().iter().take_while(|b| is_word(**b)).count();
    let is_code = |at: usize| {
        let line = bytes.get(at.saturating_sub(LINE)..at).unwrap_or_default().rsplit(|b| *b == b'\n').next();
        let line = line.unwrap_or_default().trim_ascii_start();
        let line = line.strip_prefix(b"@").unwrap_or(line);
        !line.starts_with(b"::") && !line.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"rem "))
    };
    let mut all = Vec::new();
    let mut last = 0;
    for at in memchr::memchr_iter(b'!', bytes) {
        let end = at + 1 + length(at + 1);
        if at >= last && end > at + 1 && bytes.get(end) == Some(&b'!') && is_code(at) {
            all.push(at + 1..end);
            last = end + 1;
        }
    }
    for at in memchr::memmem::find_iter(bytes, b"efined ") {
        let end = at + 7 + length(at + 7);
        if end > at + 7 && is_code(at) {
            all.push(at + 7..end);
        }
    }
    all
}

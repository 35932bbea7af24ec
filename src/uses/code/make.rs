//! Files of `make` and `just`: variables that look secret, and that nothing there sets.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Asked, add, is_word};
use crate::model::Confidence;
use crate::model::usage::{Context, Store, System, Use};
use crate::uses::notes::looks_secret;

/// The longest name.
const LONGEST: usize = 256;
/// How much of a line is looked at for whether it is a comment.
const LINE: usize = 4 << 10;

/// Finds the references of a file, or of a part of it.
pub(super) fn references(text: &[u8], base: usize, out: &mut Vec<Use>) {
    let mut found = Vec::new();
    for at in memchr::memchr_iter(b'$', text) {
        let Some(rest) = text.get(at + 1..text.len().min(at + LONGEST)) else { continue };
        // `$(NAME)`, `${NAME}`; `$$NAME` for the shell.
        let open = rest.iter().take_while(|b| matches!(b, b'$' | b'{' | b'(')).count();
        let name = rest.get(open..).unwrap_or_default();
        let length = name.iter().take_while(|b| is_word(**b)).count();
        let is_closed = open > 0 && matches!(name.get(length), Some(b'}' | b')' | b':'));
        let is_second = at > 0 && text.get(at - 1) == Some(&b'$');
        let is_whole = !is_second && (is_closed || rest.starts_with(b"$"));
        if let Some(name) = name.get(..length).and_then(|name| std::str::from_utf8(name).ok())
            && is_whole
            && !name.bytes().any(|b| b.is_ascii_lowercase())
            && looks_secret(name)
        {
            found.push(at + 1 + open..at + 1 + open + length);
        }
    }
    found.extend(asked(text));
    found.extend(named(text));
    if found.is_empty() {
        return;
    }
    let set = assigned(text);
    let context = Arc::new(Context::default());
    for name in found.into_iter().filter(|name| !set.contains(text.get(name.clone()).unwrap_or_default())) {
        let before = text.get(name.start.saturating_sub(LINE)..name.start).unwrap_or_default();
        let line = memchr::memrchr(b'\n', before).and_then(|at| before.get(at + 1..)).unwrap_or(before);
        if !line.trim_ascii_start().starts_with(b"#") {
            let asked = Asked { name, store: Store::Environment, confidence: Confidence::Medium };
            add(out, System::Code, text, base, asked, Arc::clone(&context));
        }
    }
}

/// `env_var("NAME")` of `just`.
fn asked(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut all = Vec::new();
    for at in memchr::memmem::find_iter(text, b"env_var") {
        let rest = text.get(at..text.len().min(at + LONGEST)).unwrap_or_default();
        let Some(quote) = rest.iter().position(|b| matches!(b, b'"' | b'\'')) else { continue };
        let is_call = rest.get(7..quote).is_some_and(|text| matches!(text, b"(" | b"_or_default(" | b"( "));
        let name = rest.get(quote + 1..).unwrap_or_default();
        let length = name.iter().take_while(|b| is_word(**b)).count();
        if is_call && length > 0 && matches!(name.get(length), Some(b'"' | b'\'')) {
            all.push(at + quote + 1..at + quote + 1 + length);
        }
    }
    all
}

/// `export NAME`, `ifndef NAME`, and in scripts `docker run -e NAME` and `printenv NAME`, where the name looks secret.
fn named(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    const WORDS: &[&[u8]] = &[b"export ", b"ifdef ", b"ifndef ", b" -e ", b"--env ", b"printenv "];
    let mut all = Vec::new();
    for word in WORDS {
        for at in memchr::memmem::find_iter(text, word) {
            let start = at + word.len();
            let begins =
                word.starts_with(b" ") || at.checked_sub(1).and_then(|at| text.get(at)).is_none_or(|b| !is_word(*b));
            let rest = text.get(start..text.len().min(start + LONGEST)).unwrap_or_default();
            let length = rest.iter().take_while(|b| is_word(**b)).count();
            let ends = rest.get(length).is_none_or(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b')' | b';' | b'`'));
            let is_secret = |name: &[u8]| {
                !name.iter().any(u8::is_ascii_lowercase) && std::str::from_utf8(name).is_ok_and(looks_secret)
            };
            if begins && ends && rest.get(..length).is_some_and(is_secret) {
                all.push(start..start + length);
            }
        }
    }
    all
}

/// Names that are set there; not those that are where the environment has none (`?=`).
fn assigned(text: &[u8]) -> HashSet<&[u8]> {
    let mut all = HashSet::new();
    for line in text.split(|b| *b == b'\n') {
        let line = line.trim_ascii_start();
        let line =
            [b"export ".as_slice(), b"override "].iter().find_map(|word| line.strip_prefix(*word)).unwrap_or(line);
        let length = line.iter().take_while(|b| is_word(**b)).count();
        let after = line.get(length..).unwrap_or_default().trim_ascii_start();
        if length > 0 && [b"=".as_slice(), b":=", b"::=", b"+=", b"!="].iter().any(|sign| after.starts_with(sign)) {
            all.insert(line.get(..length).unwrap_or_default());
        }
    }
    all
}

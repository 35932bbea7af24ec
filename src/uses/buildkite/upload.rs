//! Commands as they stand in a pipeline: what is filled in when it is uploaded, and what is left for the shell.

use crate::model::usage::Span;

/// The command that fetches a secret.
pub(super) const FETCH: &str = "buildkite-agent secret get ";

/// Whether a command sets a variable itself. It is then meant for the shell, although nothing comes of it.
pub(super) fn is_assigned(command: &str, name: &str) -> bool {
    command.match_indices(name).any(|(at, _)| {
        let before = command.get(..at).unwrap_or_default();
        let after = command.get(at + name.len()..).unwrap_or_default();
        (before.is_empty() || before.ends_with([' ', '\n', ';', '\t']))
            && (after.starts_with('=') || after.starts_with(" in "))
    })
}

/// Variables that are filled in at upload, and where: `$NAME`, `${NAME}`, not `$$NAME` or `\$NAME`.
pub(super) fn filled(text: &str, base: usize) -> Vec<(&str, Span)> {
    let mut all = Vec::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == '$' && !escaped {
            let rest = text.get(at + 1..).unwrap_or_default();
            let inner = rest.strip_prefix('{').unwrap_or(rest);
            let length = inner.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
            let name =
                inner.get(..length).filter(|name| !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()));
            if let Some(name) = name {
                let braces = if inner.len() < rest.len() { 1 } else { 0 };
                let closes = usize::from(braces == 1 && inner.as_bytes().get(length) == Some(&b'}'));
                let start = base + at;
                all.push((name, Span { start, end: start + 1 + braces + length + closes }));
            }
        }
        escaped = (c == '$' || c == '\\') && !escaped;
    }
    all
}

/// Variables that are left for where the text ends up: `$$NAME`, `\$NAME`; not behind another dollar that is left.
pub(super) fn later(text: &str, base: usize) -> Vec<(&str, Span)> {
    let (mut all, mut at, mut last) = (Vec::new(), 0, None);
    while let Some(found) = memchr::memchr2(b'$', b'\\', text.as_bytes().get(at..).unwrap_or_default()) {
        let start = at + found;
        at = start + 1;
        if text.as_bytes().get(at) != Some(&b'$') {
            continue;
        }
        let begins = base + at;
        let rest = text.get(at..).unwrap_or_default();
        at += 1;
        if last != Some(start) {
            // No other is looked at than the one right here.
            let length = rest.bytes().skip(1).take_while(|b| b.is_ascii_alphanumeric() || b"_{}".contains(b)).count();
            let here = filled(rest.get(..=length).unwrap_or_default(), begins);
            all.extend(here.into_iter().next().filter(|(_, span)| span.start == begins));
        }
        last = Some(at);
    }
    all
}

/// A command in which only what is filled in is a variable, with every byte where it was.
pub(super) fn filled_in(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if matches!(c, '$' | '\\') && rest.peek() == Some(&'$') {
            rest.next();
            all.push_str("__");
        } else {
            all.push(c);
        }
    }
    all
}

/// Where the sign of an assignment is that takes what a command at a byte writes: `NAME="$(…`.
pub(super) fn put_into(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?.trim_end_matches(['$', '(', '"', '\\', '`', ' ']);
    before.ends_with('=').then(|| before.len() - 1)
}

/// A command in which only what is left for the shell is a variable, with every byte where it was. What takes a fetched secret
/// is no assignment there, so that the variable is known by the secret.
pub(super) fn left_over(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek().copied()) {
            ('$' | '\\', Some('$')) => {
                rest.next();
                all.push_str("_$");
            }
            ('$', Some(next)) if next.is_ascii_alphabetic() || matches!(next, '_' | '{') => all.push('_'),
            _ => all.push(c),
        }
    }
    for (at, _) in text.match_indices(FETCH) {
        if let Some(equals) = put_into(text, at) {
            all.replace_range(equals..=equals, "_");
        }
    }
    all
}

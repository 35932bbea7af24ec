//! Strings of Groovy as whoever is given them sees them, each byte with its place in the file.

use super::tokens::{Kind, Token, expression_end};
use crate::model::usage::Span;

/// What is filled into a string.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filled<'t> {
    /// The expression.
    pub(super) text: &'t str,
    /// Where that begins.
    pub(super) base: usize,
    /// The bytes from `$` on.
    pub(super) span: Span,
}

/// A string without its escapes. What is filled in stands in it as a template with a number: `${{g0}}`.
#[derive(Debug, Default)]
pub(super) struct Cooked<'t> {
    pub(super) text: String,
    /// The place in the file of every byte, and of the end.
    map: Vec<usize>,
    pub(super) filled: Vec<Filled<'t>>,
}

impl<'t> Cooked<'t> {
    /// Reads a token of `source`.
    pub(super) fn read(source: &'t str, token: Token) -> Self {
        let mut cooked = Self::default();
        let Kind::Text { interpolates, slashes } = token.kind else { return cooked };
        let inner = source.get(token.inner.start..token.inner.end).unwrap_or_default();
        let mut at = 0;
        while let Some(c) = inner.get(at..).and_then(|rest| rest.chars().next()) {
            let place = token.inner.start + at;
            let next = inner.get(at + 1..).and_then(|rest| rest.chars().next());
            match (c, next) {
                ('\\', Some(next)) if !slashes || next == '/' => {
                    cooked.escape(next, place);
                    at += 1 + next.len_utf8();
                }
                ('$', Some(next)) if interpolates => match filled(inner, at, next) {
                    Some((text, begin, end)) => {
                        let base = token.inner.start + begin;
                        cooked.fill(Filled { text, base, span: Span { start: place, end: token.inner.start + end } });
                        at = end;
                    }
                    None => {
                        cooked.push(c, place);
                        at += 1;
                    }
                },
                _ => {
                    cooked.push(c, place);
                    at += c.len_utf8();
                }
            }
        }
        cooked.map.push(token.inner.end);
        cooked
    }

    /// The same, behind words that are not in the file.
    pub(super) fn behind(mut self, words: &str) -> Self {
        let first = self.map.first().copied().unwrap_or_default();
        self.text.insert_str(0, words);
        self.map.splice(0..0, std::iter::repeat_n(first, words.len()));
        self
    }

    fn push(&mut self, c: char, place: usize) {
        self.text.push(c);
        self.map.extend((0..c.len_utf8()).map(|byte| place + byte));
    }

    fn escape(&mut self, c: char, place: usize) {
        match c {
            '\n' => {}
            'n' => self.push('\n', place),
            't' => self.push('\t', place),
            'r' => self.push('\r', place),
            '$' | '\\' | '\'' | '"' | '/' => {
                // The place is that of the escaped letter, so that a reference begins where its `$` is.
                self.push(c, place + 1);
            }
            _ => {
                self.push('\\', place);
                self.push(c, place + 1);
            }
        }
    }

    fn fill(&mut self, one: Filled<'t>) {
        for c in format!("${{{{g{}}}}}", self.filled.len()).chars() {
            self.push_at(c, one.span.start);
        }
        self.filled.push(one);
    }

    fn push_at(&mut self, c: char, place: usize) {
        self.text.push(c);
        self.map.push(place);
    }

    /// The bytes of the file behind bytes of the text.
    pub(super) fn place(&self, span: Span) -> Span {
        let end = self.map.last().copied().unwrap_or_default();
        let at = |byte: usize| self.map.get(byte).copied().unwrap_or(end);
        let start = at(span.start);
        Span { start, end: at(span.end).max(start) }
    }

    /// What a template of the text stands for.
    pub(super) fn filled_by(&self, template: &str) -> Option<Filled<'t>> {
        let number: usize = template.strip_prefix('g')?.parse().ok()?;
        self.filled.get(number).copied()
    }
}

/// What is filled in at a `$`: the expression, where it begins, and what stands behind it.
fn filled(inner: &str, at: usize, next: char) -> Option<(&str, usize, usize)> {
    if next == '{' {
        let end = expression_end(inner.as_bytes(), at + 2, 1);
        let closed = if inner.as_bytes().get(end.saturating_sub(1)) == Some(&b'}') { end - 1 } else { end };
        return Some((inner.get(at + 2..closed.max(at + 2))?, at + 2, end.max(at + 2)));
    }
    if !(next.is_ascii_alphabetic() || next == '_') {
        return None;
    }
    let word = |from: usize| {
        let rest = inner.as_bytes().get(from..).unwrap_or_default();
        let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        from + if rest.first().is_some_and(u8::is_ascii_digit) { 0 } else { length }
    };
    let mut end = word(at + 1);
    while inner.as_bytes().get(end) == Some(&b'.') && word(end + 1) > end + 1 {
        end = word(end + 1);
    }
    Some((inner.get(at + 1..end)?, at + 1, end))
}

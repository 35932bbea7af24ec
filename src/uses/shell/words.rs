//! Words of commands, and the references in them.

use std::borrow::Cow;
use std::ops::Range;

use super::Dialect;
use super::commands::{DEEPEST, Lexer};
use super::{Reference, Script};
use crate::model::usage::Span;

/// A word of a command, as it is written.
#[derive(Clone, Debug, Default)]
pub(super) struct Word<'s> {
    /// Its text, quotes and all.
    pub(super) text: &'s str,
    pub(super) span: Span,
    pub(super) references: Vec<Reference<'s>>,
    /// Variables that are not of the environment: `$name` of PowerShell; `1`, `*` and `@`, what a function is given.
    pub(super) locals: Vec<&'s str>,
    /// The commands whose output stands in it, and how deep those are: `$(…)`.
    pub(super) inner: Vec<(Range<usize>, u32)>,
}

impl<'s> Word<'s> {
    /// The word without its quotes.
    pub(super) fn plain(&self) -> Cow<'s, str> {
        let is_quote = |c: char| matches!(c, '"' | '\'' | '\\');
        let inner = self.text.trim_matches(['"', '\'']);
        if inner.contains(is_quote) {
            return Cow::Owned(inner.chars().filter(|c| !is_quote(*c)).collect());
        }
        Cow::Borrowed(inner)
    }

    /// Whether nothing in it is filled in.
    pub(super) fn is_literal(&self) -> bool {
        self.references.is_empty() && self.locals.is_empty() && self.inner.is_empty()
    }
}

/// What of a reference a word gets.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// How many blocks and `$(…)` it stands in.
    pub(super) depth: u32,
    /// How many `$(…)` alone.
    pub(super) level: u32,
    /// What ends the `$(…)` that it stands in.
    pub(super) close: Option<u8>,
}

/// Every reference of a script.
#[must_use]
pub fn references(script: Script<'_>) -> Vec<Reference<'_>> {
    let mut all: Vec<Reference<'_>> = Vec::new();
    for command in Lexer::of(script).read().done {
        let targets =
            command.redirects.into_iter().flat_map(|redirect| redirect.to.into_iter().chain(redirect.document));
        all.extend(command.words.into_iter().chain(targets).flat_map(|word| word.references));
    }
    all.sort_by_key(|one| one.span);
    all.dedup();
    all
}

impl<'s> Lexer<'s> {
    /// The byte that ends a word as a quote of its dialect.
    fn is_quote(&self, byte: u8) -> bool {
        byte == b'"' || byte == b'\'' && self.dialect != Dialect::Cmd
    }

    /// The byte that takes the meaning from the next one.
    fn is_escape(&self, byte: u8) -> bool {
        byte == match self.dialect {
            Dialect::Posix => b'\\',
            Dialect::PowerShell => b'`',
            Dialect::Cmd => b'^',
        }
    }

    /// Whether a `(` belongs to the word that it stands in: a list, an arithmetic expression, a pattern, an expression of PowerShell.
    fn nests(&self, start: usize) -> bool {
        let before = self.at.checked_sub(1).filter(|at| *at >= start).and_then(|at| self.text.as_bytes().get(at));
        match self.dialect {
            Dialect::Posix => matches!(before, Some(b'=' | b'$' | b'@' | b'?' | b'*' | b'+' | b'!')),
            Dialect::PowerShell => true,
            Dialect::Cmd => false,
        }
    }

    fn ends_word(&self, byte: u8, start: usize) -> bool {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b'|' | b'<' | b'>' => true,
            b';' => self.dialect != Dialect::Cmd,
            b'&' => self.at > start,
            b'(' => self.dialect == Dialect::Posix,
            b'{' | b'}' => self.dialect == Dialect::PowerShell,
            b')' => true,
            _ => false,
        }
    }

    pub(super) fn word(&mut self, place: Place) -> Word<'s> {
        let start = self.at;
        let mut word = Word::default();
        let (mut quote, mut nested) = (None, 0_u32);
        while self.at < self.text.len() {
            let byte = self.peek(0);
            match (quote, byte) {
                (None, b'(') if nested > 0 || self.nests(start) => {
                    nested += 1;
                    self.at += 1;
                }
                (None, b')') if nested > 0 => {
                    nested -= 1;
                    self.at += 1;
                }
                (None, _) if nested == 0 && self.ends_word(byte, start) => break,
                (_, b'`') if place.close == Some(b'`') => break,
                (None, b'@') if self.dialect == Dialect::PowerShell && self.here_string(&mut word, place) => {}
                (None, b'[') if self.dialect == Dialect::PowerShell && self.asks_environment(&mut word) => {}
                (Some(open), _) if open == byte => {
                    quote = None;
                    self.at += 1;
                }
                (Some(b'\''), _) => {
                    if !self.template(&mut word) {
                        self.step();
                    }
                }
                (None, _) if self.is_quote(byte) => {
                    quote = Some(byte);
                    self.at += 1;
                }
                (_, _) if self.is_escape(byte) => {
                    self.at += 1;
                    self.step();
                }
                _ => {
                    if !self.reference(&mut word, quote.is_some(), place) {
                        self.step();
                    }
                }
            }
        }
        if self.at == start {
            // Nothing takes it: it is passed over, so that there is always an end.
            self.step();
        }
        word.text = self.text.get(start..self.at).unwrap_or_default();
        word.span = self.span(start);
        word
    }

    /// A string of several lines: from `@"` to a line that begins with `"@`.
    fn here_string(&mut self, word: &mut Word<'s>, place: Place) -> bool {
        let quote = self.peek(1);
        let opens = matches!(quote, b'"' | b'\'') && matches!(self.peek(2), b'\n' | b'\r');
        if !opens {
            return false;
        }
        let last = if quote == b'"' { "\"@" } else { "'@" };
        let (mut end, mut next) = (self.text.len(), self.text.len());
        let mut at = self.at;
        for line in self.rest().split_inclusive('\n') {
            if at > self.at && line.trim_start().starts_with(last) {
                end = at;
                next = at + line.len() - line.trim_start().len() + last.len();
                break;
            }
            at += line.len();
        }
        self.document(word, end, quote == b'"', Place { level: DEEPEST, ..place });
        self.at = next;
        true
    }

    /// `[Environment]::GetEnvironmentVariable('NAME')`, if it begins here.
    fn asks_environment(&mut self, word: &mut Word<'s>) -> bool {
        const CALLS: [&str; 2] =
            ["[Environment]::GetEnvironmentVariable(", "[System.Environment]::GetEnvironmentVariable("];
        let (start, rest) = (self.at, self.rest());
        let call =
            CALLS.iter().find(|call| rest.get(..call.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(call)));
        let Some(inner) = call.and_then(|call| rest.get(call.len()..)) else { return false };
        let text = name_of(inner.trim_start_matches([' ', '"', '\'']));
        let Some(end) = inner.find(')').filter(|_| !text.is_empty() && inner.starts_with(['"', '\''])) else {
            return false;
        };
        self.at += rest.len() - inner.len() + end + 1;
        word.references.push(Reference { text, is_template: false, expands: true, span: self.span(start) });
        true
    }

    /// Text up to a byte that is no command: its references alone count, and templates even where the shell leaves it as it is.
    pub(super) fn document(&mut self, word: &mut Word<'s>, end: usize, expands: bool, place: Place) {
        while self.at < end {
            let byte = self.peek(0);
            if expands && self.is_escape(byte) {
                self.at += 1;
                self.step();
            } else if !(if expands { self.reference(word, true, place) } else { self.template(word) }) {
                self.step();
            }
        }
    }

    /// A template of the pipeline, if one begins here. It is filled in before the shell sees it: quotes keep nothing out.
    fn template(&mut self, word: &mut Word<'s>) -> bool {
        if self.no_template {
            return false;
        }
        let Some(inner) = self.rest().strip_prefix("${{") else { return false };
        let Some(end) = inner.find("}}") else {
            // None ends later either: nobody looks again.
            self.no_template = true;
            return false;
        };
        let start = self.at;
        self.at += end + 5;
        let text = inner.get(..end).unwrap_or_default().trim();
        word.references.push(Reference { text, is_template: true, expands: true, span: self.span(start) });
        true
    }

    /// A reference or a command in a word, if one begins here.
    fn reference(&mut self, word: &mut Word<'s>, quoted: bool, place: Place) -> bool {
        if self.template(word) {
            return true;
        }
        let start = self.at;
        let rest = self.rest();
        let ticks = rest.starts_with('`') && self.dialect == Dialect::Posix;
        let opens = self.dialect != Dialect::Cmd && rest.starts_with("$(") && !rest.starts_with("$((");
        // In quotes that stand in backquotes, those end the command.
        let opens_ticks = ticks && place.close != Some(b'`');
        if (opens || opens_ticks) && place.level < DEEPEST {
            self.at += if opens { 2 } else { 1 };
            self.command(word, if opens { b')' } else { b'`' }, place);
            return self.at > start;
        }
        let Some(found) = variable(rest, self.dialect, quoted) else { return false };
        self.at += found.length;
        if found.is_local {
            word.locals.push(found.text);
        } else {
            let span = self.span(start);
            word.references.push(Reference { text: found.text, is_template: false, expands: found.expands, span });
        }
        true
    }

    /// A command whose output stands in a word, from behind what opens it.
    pub(super) fn command(&mut self, word: &mut Word<'s>, close: u8, place: Place) {
        let first = self.done.len();
        let depth = place.depth + 1;
        self.until(Place { depth, level: place.level + 1, close: Some(close) });
        self.at = (self.at + 1).min(self.text.len());
        word.inner.push((first..self.done.len(), depth));
    }
}

/// A variable that is referred to.
struct Found<'s> {
    text: &'s str,
    /// How long the reference is.
    length: usize,
    /// Whether its value is what the reference gives.
    expands: bool,
    /// Whether it is none of the environment.
    is_local: bool,
}

fn name_of(text: &str) -> &str {
    let length = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    text.get(..length).unwrap_or_default()
}

/// The variable that begins here.
fn variable(rest: &str, dialect: Dialect, quoted: bool) -> Option<Found<'_>> {
    match dialect {
        Dialect::Posix => posix(rest),
        Dialect::PowerShell => powershell(rest, quoted),
        Dialect::Cmd => {
            let inner = rest.strip_prefix('%')?;
            let text = Some(name_of(inner)).filter(|text| !text.is_empty())?;
            let length = match inner.as_bytes().get(text.len())? {
                b'%' => text.len() + 2,
                // `%NAME:~0,4%`: a part of it.
                b':' => {
                    inner
                        .bytes()
                        .position(|b| matches!(b, b'%' | b'\n'))
                        .filter(|at| inner.as_bytes().get(*at) == Some(&b'%'))?
                        + 2
                }
                _ => return None,
            };
            Some(Found { text, length, expands: true, is_local: false })
        }
    }
}

fn posix(rest: &str) -> Option<Found<'_>> {
    let is_word = |text: &&str| !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit());
    let argument = rest.get(1..).unwrap_or_default();
    let braces = usize::from(argument.starts_with('{'));
    if let Some(b'1'..=b'9' | b'*' | b'@') = argument.as_bytes().get(braces)
        && rest.starts_with('$')
    {
        let text = argument.get(braces..=braces).unwrap_or_default();
        let after = argument.get(braces + 1..).unwrap_or_default();
        if braces == 1 && (after.starts_with('+') || after.starts_with(":+")) {
            return None;
        }
        let closed = usize::from(braces == 1 && argument.as_bytes().get(2) == Some(&b'}'));
        return Some(Found { text, length: 2 + braces + closed, expands: true, is_local: true });
    }
    let Some(inner) = rest.strip_prefix("${") else {
        let text = Some(name_of(rest.strip_prefix('$')?)).filter(is_word)?;
        return Some(Found { text, length: text.len() + 1, expands: true, is_local: false });
    };
    let mark = usize::from(inner.starts_with(['!', '#']));
    let text = Some(name_of(inner.get(mark..)?)).filter(is_word)?;
    let after = inner.get(mark + text.len()..).unwrap_or_default();
    // `${#NAME}` gives a length, `${NAME:+word}` gives another word.
    let expands = !inner.starts_with('#') && !after.starts_with('+') && !after.starts_with(":+");
    // The rest of the braces (`:-default`) is read as part of the word.
    let length = 2 + mark + text.len() + usize::from(after.starts_with('}'));
    Some(Found { text, length, expands, is_local: false })
}

fn powershell(rest: &str, quoted: bool) -> Option<Found<'_>> {
    let (braces, inner) = match rest.strip_prefix("${") {
        Some(inner) => (1, inner),
        None => (0, rest.strip_prefix('$')?),
    };
    let prefix = inner.get(..4).filter(|word| word.eq_ignore_ascii_case("env:")).map_or(0, str::len);
    let text = Some(name_of(inner.get(prefix..)?)).filter(|text| !text.is_empty())?;
    let after = inner.get(prefix + text.len()..).unwrap_or_default();
    let closed = braces.min(usize::from(after.starts_with('}')));
    let is_length = after.get(..7).is_some_and(|word| word.eq_ignore_ascii_case(".length"));
    let length = 1 + braces + prefix + text.len() + closed;
    Some(Found { text, length, expands: quoted || !is_length, is_local: prefix == 0 })
}

//! The function or class that a place in code is in, as far as lines and their indents say.

use std::sync::Arc;

use super::is_word;
use crate::model::Untrusted;
use crate::model::usage::Context;

/// How far back is looked, in bytes.
const BACK: usize = 64 << 10;
/// How much of a line is looked at.
const LONGEST: usize = 1 << 10;
/// How many times a file may be looked through.
const TIMES: usize = 4;
/// Words that a name stands behind.
const OPENING: &[&[u8]] = &[
    b"def",
    b"type",
    b"defp",
    b"fn",
    b"func",
    b"fun",
    b"function",
    b"sub",
    b"class",
    b"struct",
    b"union",
    b"impl",
    b"trait",
    b"interface",
    b"enum",
    b"object",
    b"module",
    b"namespace",
    b"defmodule",
    b"defn",
    b"record",
    b"extension",
    b"protocol",
    b"actor",
];
/// Those of them that begin a variable too, where no block or parentheses follow.
const TYPES: &[&[u8]] = &[b"type", b"struct", b"enum", b"union", b"record", b"object", b"interface", b"module"];
/// Words that may stand before those.
const BEFORE: &[&[u8]] = &[
    b"pub",
    b"public",
    b"private",
    b"protected",
    b"internal",
    b"static",
    b"async",
    b"export",
    b"default",
    b"final",
    b"abstract",
    b"override",
    b"open",
    b"suspend",
    b"inline",
    b"extern",
    b"const",
    b"unsafe",
    b"virtual",
    b"sealed",
    b"data",
    b"partial",
    b"local",
    b"crate",
    b"readonly",
    b"let",
    b"var",
    b"mut",
    b"case",
];
/// Words before `(` that make no function.
const CONTROL: &[&[u8]] = &[
    b"if",
    b"for",
    b"while",
    b"switch",
    b"catch",
    b"else",
    b"return",
    b"new",
    b"try",
    b"do",
    b"match",
    b"with",
    b"elif",
    b"using",
    b"lock",
    b"foreach",
    b"synchronized",
    b"when",
    b"await",
    b"throw",
    b"super",
    b"describe",
    b"it",
    b"test",
    b"unless",
    b"select",
    b"case",
];

/// Looks for what places of a file are in.
pub(super) struct Symbols<'t> {
    /// Whether functions stand at the left alone: methods of the same look are calls.
    flat: bool,
    /// How many bytes may be looked at yet, so that many places in a long function cost no more than the file does a few times.
    left: usize,
    /// The last that was told, so that it is kept once.
    last: Option<(&'t [u8], Arc<Context>)>,
    none: Option<Arc<Context>>,
}

impl<'t> Symbols<'t> {
    pub(super) const fn of(text: &'t [u8], flat: bool) -> Self {
        Self { flat, left: text.len().saturating_mul(TIMES).saturating_add(BACK), last: None, none: None }
    }

    /// What a byte is in.
    pub(super) fn at(&mut self, text: &'t [u8], at: usize) -> Arc<Context> {
        let start = line_start(text, at);
        // The line itself counts too: what it opens has what stands behind it.
        let line = text.get(start..at.min(start + LONGEST)).unwrap_or_default();
        let name = declared(line.trim_ascii()).or_else(|| self.inside(text, start, indent(line)));
        self.context(name)
    }

    /// The name of what is open before a line: the last line above that opens something and stands further to the left, and so
    /// do all that open something and are further up.
    fn inside(&mut self, text: &'t [u8], start: usize, mut limit: usize) -> Option<&'t [u8]> {
        let mut end = start;
        let oldest = start.saturating_sub(BACK.min(self.left));
        while end > oldest && limit > 0 {
            let start = line_start(text, end - 1);
            let line = text.get(start..(end - 1).min(start + LONGEST)).unwrap_or_default();
            let indent = indent(line);
            if indent < limit && indent < line.len() {
                if let Some(name) = opened(line, self.flat) {
                    self.left = self.left.saturating_sub(end - start);
                    return Some(name);
                }
                // What begins as far to the left ends what was open, whatever it is.
                let begins = !self.flat
                    && matches!(line.trim_ascii_end().last(), Some(b'{' | b'(' | b'[' | b':'))
                    && line.get(indent).is_some_and(u8::is_ascii_alphabetic);
                if begins {
                    limit = indent;
                }
            }
            self.left = self.left.saturating_sub(end - start);
            end = start;
        }
        None
    }

    fn context(&mut self, name: Option<&'t [u8]>) -> Arc<Context> {
        let Some(name) = name else { return Arc::clone(self.none.get_or_insert_default()) };
        match &self.last {
            Some((known, context)) if *known == name => Arc::clone(context),
            _ => {
                let context = Arc::new(Context { job: Some(Untrusted::new(name)), ..Context::default() });
                self.last = Some((name, Arc::clone(&context)));
                context
            }
        }
    }
}

/// Where the line of a byte begins.
fn line_start(text: &[u8], at: usize) -> usize {
    memchr::memrchr(b'\n', text.get(..at).unwrap_or_default()).map_or(0, |end| end + 1)
}

fn indent(line: &[u8]) -> usize {
    line.len() - line.trim_ascii_start().len()
}

fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let length = text.iter().take_while(|b| is_word(**b)).count();
    text.split_at_checked(length).unwrap_or((text, b""))
}

/// The name of what a line opens. `flat` are languages in which functions stand at the left alone.
fn opened(line: &[u8], flat: bool) -> Option<&[u8]> {
    let indent = line.len() - line.trim_ascii_start().len();
    let line = line.trim_ascii();
    let first = line.first()?;
    if !first.is_ascii_alphabetic() && !matches!(first, b'_' | b'(' | b'#') {
        return None;
    }
    declared(line).or_else(|| function(line, flat, indent))
}

/// The name behind a word that opens something.
fn declared(line: &[u8]) -> Option<&[u8]> {
    let mut rest = line.strip_prefix(b"(").unwrap_or(line);
    for _ in 0..6 {
        let (one, after) = word(rest);
        if OPENING.contains(&one) {
            let name = named(after.trim_ascii_start())?;
            if OPENING.contains(&name) {
                // `enum class`
                rest = after.trim_ascii_start();
                continue;
            }
            if !TYPES.contains(&one) || line.ends_with(b"{") && !line.iter().any(|b| matches!(b, b'(' | b'=')) {
                return Some(name);
            }
            return if line.contains(&b'=') { None } else { before_list(line) };
        }
        if !BEFORE.contains(&one) {
            return None;
        }
        // `pub(crate)`
        let after = after.strip_prefix(b"(").and_then(|inner| inner.splitn(2, |b| *b == b')').nth(1)).unwrap_or(after);
        rest = after.trim_ascii_start();
    }
    None
}

/// The name of a function that no word opens: `static String name(…) {`, `name = (…) => {`.
fn function(line: &[u8], flat: bool, indent: usize) -> Option<&[u8]> {
    let mut rest = line;
    while let (one, after) = word(rest)
        && BEFORE.contains(&one)
    {
        rest = after.trim_ascii_start();
    }
    let (one, after) = word(rest);
    if CONTROL.contains(&one) {
        return None;
    }
    if after.trim_ascii_start().starts_with(b"=") {
        let value = after.trim_ascii_start().strip_prefix(b"=").unwrap_or(after).trim_ascii_start();
        let begins = [b"(".as_slice(), b"async", b"function"].iter().any(|word| value.starts_with(word));
        let arrow = word(value).1.trim_ascii_start().starts_with(b"=>");
        let is_function = line.ends_with(b"{") && (begins && (has(line, b"=>") || has(line, b"function")) || arrow);
        return is_function.then_some(one).filter(|name| !name.is_empty());
    }
    let open = memchr::memchr(b'(', line)?;
    let typed = line.get(..open)?.trim_ascii_end().contains(&b' ')
        && !line.get(..open)?.iter().any(|b| matches!(b, b'=' | b'.' | b'"' | b'\''));
    let begins = indent == 0 && typed && !line.ends_with(b";") && !line.ends_with(b":");
    // A call that is given a function or an object is no method.
    let given = has(line, b"=>")
        || has(line, b"function")
        || has(line, b"func(")
        || line.ends_with(b"({")
        || line.ends_with(b", {");
    if begins || !flat && line.ends_with(b"{") && !given { before_list(line) } else { None }
}

/// The name before the parentheses of a line.
fn before_list(line: &[u8]) -> Option<&[u8]> {
    let open = memchr::memchr(b'(', line)?;
    let before = line.get(..open)?.trim_ascii_end();
    let start = before.iter().rposition(|b| !is_word(*b)).map_or(0, |at| at + 1);
    let name = before
        .get(start..)
        .filter(|name| !name.is_empty() && ![CONTROL, BEFORE, OPENING].iter().any(|all| all.contains(name)))?;
    let is_call = start
        .checked_sub(1)
        .and_then(|at| before.get(at))
        .is_some_and(|b| matches!(b, b'.' | b'!' | b'>' | b'@' | b'$' | b'%'));
    (!is_call).then_some(name)
}

fn has(line: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(line, part).is_some()
}

/// The name behind a word that opens; that of a method behind what it is one of.
fn named(mut rest: &[u8]) -> Option<&[u8]> {
    if let Some(inner) = rest.strip_prefix(b"(") {
        rest = inner.splitn(2, |b| *b == b')').nth(1)?.trim_ascii_start();
    }
    // `impl<T> Name`, `def self.name`
    if rest.starts_with(b"<") {
        rest = rest.splitn(2, |b| *b == b'>').nth(1)?.trim_ascii_start();
    }
    let rest = rest.strip_prefix(b"self.").unwrap_or(rest);
    let (name, _) = word(rest);
    (!name.is_empty()).then_some(name)
}

//! What stands around the words that calls for a name begin with.

use std::ops::Range;

use super::indirect::constant;
use super::{Site, is_word};
use crate::model::Confidence;
use crate::model::usage::Store;

/// A call for a name, by the word that it begins with.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) word: &'static str,
    pub(super) before: Before,
    pub(super) after: After,
    pub(super) names: Names,
    pub(super) store: Store,
    pub(super) confidence: Confidence,
    /// Whether it stands in a text.
    pub(super) quoted: bool,
}

/// What stands before the word.
#[derive(Clone, Copy)]
pub(super) enum Before {
    /// Anything.
    Any,
    /// No letter of a name.
    Word,
    /// Neither that, nor a mark that makes it a part of something else: `.`, `$`, `->`.
    Start,
    /// One of these; an empty one for `Start`.
    Behind(&'static [&'static str]),
}

/// What stands behind the word.
#[derive(Clone, Copy)]
pub(super) enum After {
    /// A text in parentheses, or without them: `("NAME")`.
    Call,
    /// A text in brackets: `["NAME"]`.
    Index,
    /// Either, or a text in parentheses behind one of these methods.
    Map(&'static [&'static str]),
    /// The name itself, up to a comma or a quote.
    Tag,
    /// The name itself, or a text, up to a brace.
    Braces,
    /// The name itself.
    Plain,
    /// A text with the name in `${…}`.
    Template,
    /// What else there is.
    Special(fn(&mut Site<'_, '_>, &Form, Range<usize>)),
}

/// Of what a name is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// As variables of the environment.
    Variable,
    /// With dots, dashes and colons too.
    Setting,
    /// With what is in paths and addresses too.
    Path,
}

/// The longest name.
pub(super) const LONGEST: usize = 512;

/// Looks at a word that stands at these bytes.
pub(super) fn read(site: &mut Site<'_, '_>, form: &Form, start: usize, end: usize) {
    if !stands(site, form.before, start) {
        return;
    }
    (site.word, site.place) = (start, None);
    let found = match form.after {
        After::Call => call(site, end),
        After::Index => index(site, end),
        After::Map(methods) => index(site, end).or_else(|| method(site, end, methods)),
        After::Tag => tag(site, end),
        After::Braces => braces(site, end),
        After::Plain => plain(site, end),
        After::Template => template(site, end),
        After::Special(special) => return special(site, form, start..end),
    };
    if let Some(name) = found {
        take(site, form, name);
    }
}

/// Writes a name down, if it is one.
pub(super) fn take(site: &mut Site<'_, '_>, form: &Form, name: Range<usize>) {
    if is_name(site.text.get(name.clone()).unwrap_or_default(), form.names) {
        site.uses(name, form.store, form.confidence, form.quoted);
    }
}

fn stands(site: &Site<'_, '_>, before: Before, start: usize) -> bool {
    let last = start.checked_sub(1).map_or(b' ', |at| site.byte(at));
    let is_start = !is_word(last) && !matches!(last, b'.' | b'$' | b'>' | b'@' | b'-');
    match before {
        Before::Any => true,
        Before::Word => !is_word(last),
        Before::Start => is_start,
        Before::Behind(all) => {
            let text = site.text.get(..start).unwrap_or_default();
            all.iter().any(|one| if one.is_empty() { is_start } else { text.ends_with(one.as_bytes()) })
        }
    }
}

fn is_name(name: &[u8], names: Names) -> bool {
    let first = name.first().copied().unwrap_or(0);
    let rest = |extra: &[u8]| name.iter().all(|b| is_word(*b) || extra.contains(b));
    match names {
        Names::Variable => (first.is_ascii_alphabetic() || first == b'_') && rest(b""),
        Names::Setting => first.is_ascii_alphabetic() && rest(b".-:"),
        Names::Path => !name.is_empty() && rest(b".-:/@+="),
    }
}

pub(super) fn spaces(site: &Site<'_, '_>, mut at: usize) -> usize {
    while site.byte(at).is_ascii_whitespace() {
        at += 1;
    }
    at
}

/// The text that begins at a quote here, and the byte behind it.
pub(super) fn literal(site: &Site<'_, '_>, mut at: usize) -> Option<(Range<usize>, usize)> {
    if matches!(site.byte(at), b'b' | b'B' | b'r' | b'R' | b'u' | b'U' | b'L')
        && matches!(site.byte(at + 1), b'"' | b'\'')
    {
        at += 1;
    }
    // In a notebook code is itself a text.
    let escaped = site.byte(at) == b'\\';
    at += usize::from(escaped);
    let quote = Some(site.byte(at)).filter(|quote| matches!(quote, b'"' | b'\'' | b'`'))?;
    let start = at + 1;
    let text = site.text.get(start..site.text.len().min(start + LONGEST))?;
    let length = text.iter().position(|b| *b == quote || *b == b'\n' || *b == b'\\')?;
    let closes =
        if escaped { text.get(length..length + 2) == Some(&[b'\\', quote]) } else { text.get(length) == Some(&quote) };
    closes.then_some((start..start + length, start + length + 1 + usize::from(escaped)))
}

/// A text that is not put together with others.
pub(super) fn whole(site: &Site<'_, '_>, at: usize) -> Option<(Range<usize>, usize)> {
    let (name, end) = literal(site, at)?;
    let next = site.byte(spaces(site, end));
    (!matches!(next, b'+' | b'.' | b'%' | b'<' | b'&' | b'$')).then_some((name, end))
}

/// A text in parentheses, which may have been passed already, or be left out.
pub(super) fn call(site: &Site<'_, '_>, at: usize) -> Option<Range<usize>> {
    let mut at = spaces(site, at);
    if site.byte(at) == b'(' {
        at = spaces(site, at + 1);
    }
    whole(site, at).map(|(name, _)| name).or_else(|| constant(site, at))
}

/// A text in brackets that nothing is given to.
pub(super) fn index(site: &Site<'_, '_>, at: usize) -> Option<Range<usize>> {
    let passed = at.checked_sub(1).is_some_and(|before| site.byte(before) == b'[');
    let mut at = at;
    if !passed {
        at = spaces(site, at);
        at = if site.byte(at) == b'?' && site.byte(at + 1) == b'.' { at + 2 } else { at };
        if site.byte(at) != b'[' {
            return None;
        }
        at += 1;
    }
    let at = spaces(site, at);
    let (name, end) = whole(site, at).or_else(|| Some((constant(site, at)?, run(site, at).end)))?;
    let end = spaces(site, end);
    (site.byte(end) == b']' && !is_given(site, end + 1)).then_some(name)
}

/// Whether it is given a value here, and not read.
pub(super) fn is_given(site: &Site<'_, '_>, at: usize) -> bool {
    let mut at = at;
    while matches!(site.byte(at), b' ' | b'\t') {
        at += 1;
    }
    site.byte(at) == b'=' && !matches!(site.byte(at + 1), b'=' | b'~' | b'>')
}

pub(super) fn method(site: &Site<'_, '_>, at: usize, methods: &[&str]) -> Option<Range<usize>> {
    if site.byte(at) == b'(' {
        return call(site, at);
    }
    let rest = site.text.get(at..)?.strip_prefix(b".")?;
    let is_one = |method: &&&str| rest.strip_prefix(method.as_bytes()).is_some_and(|rest| rest.starts_with(b"("));
    call(site, at + 1 + methods.iter().find(is_one)?.len())
}

pub(super) fn run(site: &Site<'_, '_>, at: usize) -> Range<usize> {
    let rest = site.text.get(at..site.text.len().min(at + LONGEST)).unwrap_or_default();
    at..at + rest.iter().take_while(|b| is_word(**b)).count()
}

fn tag(site: &Site<'_, '_>, at: usize) -> Option<Range<usize>> {
    let name = run(site, at);
    matches!(site.byte(name.end), b',' | b'"').then_some(name)
}

fn plain(site: &Site<'_, '_>, at: usize) -> Option<Range<usize>> {
    let name = run(site, at);
    let end = name.end + usize::from(site.byte(name.end) == b'}');
    (!is_given(site, end)).then_some(name)
}

fn braces(site: &Site<'_, '_>, at: usize) -> Option<Range<usize>> {
    let at = spaces(site, at);
    let (name, end) = literal(site, at).unwrap_or_else(|| {
        let name = run(site, at);
        (name.clone(), name.end)
    });
    let end = spaces(site, end);
    (site.byte(end) == b'}' && !is_given(site, end + 1)).then_some(name)
}

fn template(site: &Site<'_, '_>, at: usize) -> Option<Range<usize>> {
    let line = site.text.get(at..site.text.len().min(at + LONGEST))?;
    let line = line.split(|b| *b == b'\n' || *b == b')').next()?;
    let start = memchr::memmem::find(line, b"${")? + 2;
    let length = line.get(start..)?.iter().position(|b| matches!(b, b'}' | b':'))?;
    Some(at + start..at + start + length)
}

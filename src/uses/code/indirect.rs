//! Names that stand elsewhere in a file than where they are asked for: in a constant, or behind another name of the environment.

use std::cell::Cell;
use std::ops::Range;

use super::forms::{Form, index, is_given, run, spaces, take, whole};
use super::{Site, is_word};

/// How many times a file may be looked through for them.
const TIMES: usize = 64;
/// How many other names the environment may have in a file.
const ALIASES: u8 = 4;
/// How much of a line is looked at.
const LINE: usize = 256;
/// Words of lines that give a name another meaning for what stands in them.
const SHADOWS: &[&str] = &["def ", "func", "fn ", "fun ", "for ", "=>", "->", "lambda"];
/// Words of lines that say that a name keeps its value.
const CONSTANT: &[&str] = &["const ", "final ", "val ", "let ", "static "];

/// How much of a file may yet be looked through.
pub(super) struct Indirect {
    left: Cell<usize>,
    /// How many other names of the environment were looked for.
    aliases: Cell<u8>,
}

impl Indirect {
    pub(super) const fn of(text: &[u8]) -> Self {
        Self { left: Cell::new(text.len().saturating_mul(TIMES)), aliases: Cell::new(0) }
    }

    /// Whether a file may be looked through once more.
    pub(super) fn may(&self, text: &[u8]) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(text.len()));
        left >= text.len()
    }
}

/// Where a name stands as a word of its own.
fn places<'t>(text: &'t [u8], name: &'t [u8]) -> impl Iterator<Item = usize> + 't {
    memchr::memmem::find_iter(text, name).filter(move |at| {
        let before = at.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or(b' ');
        !is_word(before)
            && !matches!(before, b'.' | b'"' | b'\'')
            && text.get(at + name.len()).is_none_or(|b| !is_word(*b))
    })
}

/// The text that a name here stands for, where the file gives it one, once, and the name is all there is: `os.environ[NAME]`.
pub(super) fn constant(site: &Site<'_, '_>, at: usize) -> Option<Range<usize>> {
    let place = run(site, at);
    let name = site.text.get(place.clone())?;
    let first = name.first()?;
    if !first.is_ascii_alphabetic() && *first != b'_'
        || !matches!(site.byte(spaces(site, place.end)), b')' | b']' | b',')
        || !site.known.may(site.text)
    {
        return None;
    }
    let is_constant = !name.iter().any(u8::is_ascii_lowercase);
    let mut found = None;
    for one in places(site.text, name).filter(|one| *one != at) {
        let line = line_of(site.text, one);
        if let Some(value) = value(site, one + name.len()) {
            let says = |word: &&str| memchr::memmem::find(line, word.as_bytes()).is_some();
            let keeps = is_constant || line.is_empty() || CONSTANT.iter().any(says);
            if found.is_some() || !keeps {
                return None;
            }
            found = Some(whole(site, value)?.0);
        } else if !is_constant {
            let end = site.text.len().min(one + LINE);
            let rest = site.text.get(one..end)?.split(|b| *b == b'\n').next()?;
            let is_shadowed =
                |part: &[u8]| SHADOWS.iter().any(|word| memchr::memmem::find(part, word.as_bytes()).is_some());
            // What a function is given has its name behind it, what a closure is given before the arrow.
            if is_shadowed(line) && !line.contains(&b'{') || memchr::memmem::find(rest, b"=>").is_some() {
                return None;
            }
        }
    }
    found
}

/// The line up to a byte.
fn line_of(text: &[u8], at: usize) -> &[u8] {
    let before = text.get(at.saturating_sub(LINE)..at).unwrap_or_default();
    memchr::memrchr(b'\n', before).and_then(|end| before.get(end + 1..)).unwrap_or(before)
}

/// Where the value begins that a name is given here: `= `, `:= `, `: Type = `.
fn value(site: &Site<'_, '_>, at: usize) -> Option<usize> {
    let mut at = spaces(site, at);
    if site.byte(at) == b':' && site.byte(at + 1) != b'=' {
        let rest = site.text.get(at + 1..site.text.len().min(at + 40))?;
        at += 1 + rest.iter().take_while(|b| is_word(**b) || matches!(b, b' ' | b'&' | b'\'' | b'.')).count();
    } else if site.byte(at) == b':' {
        at += 1;
    } else if is_word(site.byte(at)) {
        // `const NAME string = …`
        at = spaces(site, run(site, at).end);
    }
    is_given(site, at).then(|| spaces(site, spaces(site, at) + 1))
}

/// What is asked for by another name of the environment: `env.NAME`, `env["NAME"]`.
pub(super) fn aliased(site: &mut Site<'_, '_>, form: &Form, name: &[u8], properties: bool) {
    let aliases = site.known.aliases.get();
    if name.is_empty() || aliases >= ALIASES {
        return;
    }
    site.known.aliases.set(aliases + 1);
    let text = site.text;
    let (word, place) = (site.word, site.place);
    for at in memchr::memmem::find_iter(text, name) {
        let before = at.checked_sub(1).map_or(b' ', |at| site.byte(at));
        let end = at + name.len();
        if is_word(before) || matches!(before, b'.' | b'$' | b'/' | b'"' | b'\'') {
            continue;
        }
        let found = if properties && site.byte(end) == b'.' {
            let name = run(site, end + 1);
            let is_read = site.byte(name.end) != b'(' && !is_given(site, name.end);
            Some(name).filter(|name| {
                is_read && text.get(name.clone()).is_some_and(|name| !name.iter().any(u8::is_ascii_lowercase))
            })
        } else {
            index(site, end)
        };
        if let Some(name) = found {
            site.place = Some(site.places.of_line(at));
            take(site, form, name);
        }
    }
    (site.word, site.place) = (word, place);
}

//! Scripts of a shell: variables that they read and do not set. There are many of them, and so this is a pass of its own that knows
//! quotes, comments and documents.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use memchr::memmem::Finder;

use super::{Asked, add, is_word};
use crate::model::Confidence;
use crate::model::usage::{Context, Store, System, Use};
use crate::uses::notes::looks_secret;

/// How many `$(…)` in quotes may stand in each other.
const DEEPEST: usize = 32;
/// How many names of a script are looked for a second time.
const NAMES: usize = 256;
/// How long a script is at most in which names are looked for that it hands on: most that deploy are short, and it is a pass of its own.
const SHORT: usize = 4 << 10;
/// How much of a line before a name is looked at.
const LINE: usize = 256;
/// What shells set themselves, or every system does.
const OWN: &[&str] = &[
    "HOME",
    "PATH",
    "PWD",
    "OLDPWD",
    "IFS",
    "RANDOM",
    "SECONDS",
    "LINENO",
    "EUID",
    "UID",
    "PPID",
    "USER",
    "SHELL",
    "TERM",
    "LANG",
    "TMPDIR",
    "HOSTNAME",
    "OSTYPE",
    "HOSTTYPE",
    "MACHTYPE",
    "COLUMNS",
    "LINES",
    "OPTARG",
    "OPTIND",
    "OPTERR",
    "REPLY",
    "FUNCNAME",
    "PIPESTATUS",
    "LOGNAME",
    "SHLVL",
    "PS1",
    "PS2",
    "PS4",
    "DIRSTACK",
    "GROUPS",
    "EDITOR",
    "PAGER",
    "DISPLAY",
    "BASH",
    "BASHPID",
    "COMP_WORDS",
    "COMP_CWORD",
    "COMPREPLY",
    "COMP_LINE",
    "COMP_POINT",
];

/// Words that names stand behind which a script hands on.
static WORDS: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| [Finder::new("export "), Finder::new("printenv "), Finder::new("docker ")]);

/// The bytes that mean something outside of quotes.
static FEW: [bool; 256] = marked(b"\\\"$'#<=");
/// Those and the ones that do so in some places alone.
static ALL: [bool; 256] = marked(b"\\\"$'#<=()\n");

#[expect(clippy::indexing_slicing, reason = "computed at compile time, where a panic is an error")]
const fn marked(bytes: &[u8]) -> [bool; 256] {
    let mut all = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        all[bytes[at] as usize] = true;
        at += 1;
    }
    all
}

/// Whether a file without an ending is a script: its first line names a shell.
pub(super) fn is_script(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"#!") else { return false };
    let line = rest.get(..rest.len().min(128)).unwrap_or_default().split(|b| *b == b'\n').next().unwrap_or_default();
    let mut words = line.split(|b| matches!(b, b'/' | b' ' | b'\t' | b'\r'));
    words.any(|word| matches!(word, b"sh" | b"bash" | b"dash" | b"ksh" | b"zsh" | b"ash"))
}

/// Finds the references of a script, or of a part of it: each name once.
pub(super) fn references(text: &[u8], base: usize, out: &mut Vec<Use>) {
    let context = Arc::new(Context::default());
    for name in free(text) {
        let secret = text.get(name.clone()).and_then(|name| std::str::from_utf8(name).ok()).is_some_and(looks_secret);
        let confidence = if secret { Confidence::High } else { Confidence::Medium };
        let asked = Asked { name, store: Store::Environment, confidence };
        add(out, System::Shell, text, base, asked, Arc::clone(&context));
    }
}

/// Whether a name is one that pipelines give: in capitals.
pub(super) fn is_variable(name: &[u8]) -> bool {
    let capitals = !name.iter().any(u8::is_ascii_lowercase) && name.iter().any(u8::is_ascii_uppercase);
    name.len() > 1 && capitals && !name.first().is_some_and(u8::is_ascii_digit)
}

/// The first places of the names that a script reads and does not set.
fn free(text: &[u8]) -> Vec<Range<usize>> {
    let Scan { found, set, .. } = Scan::of(text).run();
    // A script with more names than that is none.
    let few = found.len() <= NAMES;
    let named = named(text, &found, &set);
    let mut all: Vec<Range<usize>> = found
        .into_iter()
        .filter(|(name, _)| !(set.contains(name) || few && is_taken(text, name)))
        .map(|(_, place)| place)
        .collect();
    all.extend(named);
    all.sort_by_key(|place| place.start);
    all
}

/// Names that a script hands on and does not read itself, where they look secret: `printenv NAME`, `export NAME`, `docker run -e NAME`.
fn named<'t>(text: &'t [u8], found: &BTreeMap<&'t [u8], Range<usize>>, set: &BTreeSet<&'t [u8]>) -> Vec<Range<usize>> {
    let mut all = BTreeMap::new();
    if text.len() > SHORT {
        return Vec::new();
    }
    for finder in &*WORDS {
        let word = finder.needle();
        for at in finder.find_iter(text) {
            let before = text.get(at.saturating_sub(LINE)..at).unwrap_or_default();
            let line = memchr::memrchr(b'\n', before).and_then(|end| before.get(end + 1..)).unwrap_or(before);
            let is_command = line.last().is_none_or(|b| matches!(b, b' ' | b'\t' | b';' | b'(' | b'`'));
            if !is_command || line.iter().any(|b| matches!(b, b'#' | b'\'')) {
                continue;
            }
            let start = at + word.len();
            let rest = text.get(start..text.len().min(start + LINE)).unwrap_or_default();
            let rest = rest.split(|b| matches!(b, b'\n' | b';' | b'&' | b'|' | b')')).next().unwrap_or_default();
            let (mut place, mut last) = (start, b"-e".as_slice());
            for part in rest.split(|b| *b == b' ') {
                let is_asked = word != b"docker " || place > start && matches!(last, b"-e" | b"--env");
                let name = part.iter().all(|b| is_word(*b)) && is_variable(part);
                let secret = std::str::from_utf8(part).is_ok_and(looks_secret);
                if is_asked && name && secret && !found.contains_key(part) && !set.contains(part) {
                    all.entry(part).or_insert(place..place + part.len());
                }
                place += part.len() + 1;
                last = part;
            }
        }
    }
    all.into_values().collect()
}

/// Whether a name is given a value by a word before it: `read NAME`, `for NAME in`.
fn is_taken(text: &[u8], name: &[u8]) -> bool {
    const TAKERS: &[&[u8]] =
        &[b"for", b"read", b"local", b"declare", b"typeset", b"getopts", b"mapfile", b"readarray", b"select"];
    memchr::memmem::find_iter(text, name).any(|at| {
        let is_word = |b: Option<&u8>| b.is_some_and(|b| is_word(*b));
        if at == 0 || text.get(at - 1) != Some(&b' ') || is_word(text.get(at + name.len())) {
            return false;
        }
        let line = text.get(at.saturating_sub(LINE)..at).unwrap_or_default();
        // The last command of the line.
        let command = line.rsplit(|b| matches!(b, b'\n' | b';' | b'&' | b'|' | b'(')).next().unwrap_or_default();
        let is_before = |word: &[u8]| {
            word.is_empty()
                || word.contains(&b'=')
                || matches!(word, b"do" | b"then" | b"while" | b"until" | b"if" | b"else")
        };
        let mut words = command.split(|b| matches!(b, b' ' | b'\t')).filter(|word| !is_before(word));
        words.next().is_some_and(|word| TAKERS.contains(&word))
    })
}

/// A pass over a script.
struct Scan<'t> {
    text: &'t [u8],
    at: usize,
    /// Names that are read, and where first.
    found: BTreeMap<&'t [u8], Range<usize>>,
    /// Names that are set.
    set: BTreeSet<&'t [u8]>,
    /// What each `$(…)` that is open stands in: whether in quotes, and in how many parentheses.
    open: Vec<(bool, u32)>,
    quoted: bool,
    nested: u32,
    /// The last lines of documents that begin on the next line, and whether they are filled in.
    here: Vec<(&'t [u8], bool)>,
}

impl<'t> Scan<'t> {
    fn of(text: &'t [u8]) -> Self {
        let (found, set, open, here) = <_>::default();
        Self { text, at: 0, found, set, open, quoted: false, nested: 0, here }
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn find(&self, byte: u8, from: usize) -> usize {
        memchr::memchr(byte, self.text.get(from..).unwrap_or_default()).map_or(self.text.len(), |at| from + at)
    }

    fn run(mut self) -> Self {
        while let Some(byte) = self.next() {
            match byte {
                b'\\' => self.at += 1,
                b'"' => self.quoted = !self.quoted,
                b'$' => self.dollar(),
                _ if self.quoted => {}
                b'\'' => self.at = self.find(b'\'', self.at + 1),
                b'#' if self.at == 0 || matches!(self.byte(self.at - 1), b' ' | b'\t' | b'\n' | b';') => {
                    self.at = self.find(b'\n', self.at);
                    continue;
                }
                b'\n' if !self.here.is_empty() => {
                    self.documents();
                    continue;
                }
                b'=' => self.assignment(),
                b'<' if self.byte(self.at + 1) == b'<' => self.document(),
                b'(' => self.nested += 1,
                b')' if self.nested > 0 => self.nested -= 1,
                b')' => {
                    if let Some((quoted, nested)) = self.open.pop() {
                        (self.quoted, self.nested) = (quoted, nested);
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        self
    }

    /// Goes to the next byte that means something, and gives it.
    fn next(&mut self) -> Option<u8> {
        let rest = self.text.get(self.at..)?;
        let skipped = if self.quoted {
            memchr::memchr3(b'"', b'$', b'\\', rest)
        } else {
            let table = if self.open.is_empty() && self.here.is_empty() { &FEW } else { &ALL };
            rest.iter().position(|byte| table.get(usize::from(*byte)).is_some_and(|means| *means))
        };
        self.at += skipped?;
        self.text.get(self.at).copied()
    }

    fn run_of(&self, at: usize) -> Range<usize> {
        let rest = self.text.get(at..).unwrap_or_default();
        at..at + rest.iter().take_while(|b| is_word(**b)).count()
    }

    /// What stands behind a `$`.
    fn dollar(&mut self) {
        match self.byte(self.at + 1) {
            b'(' => {
                if self.open.len() < DEEPEST {
                    self.open.push((self.quoted, self.nested));
                    (self.quoted, self.nested) = (false, 0);
                }
                self.at += 1;
            }
            b'{' => {
                let at = self.at + 2 + usize::from(matches!(self.byte(self.at + 2), b'#' | b'!'));
                self.name(self.run_of(at));
            }
            b'\'' if !self.quoted => self.at = self.find(b'\'', self.at + 2),
            byte if byte.is_ascii_uppercase() || byte == b'_' => self.name(self.run_of(self.at + 1)),
            // `$#` begins no comment, `$$` no name.
            b'#' | b'$' => self.at += 1,
            _ => {}
        }
    }

    fn name(&mut self, place: Range<usize>) {
        let end = place.end;
        let name = self.text.get(place.clone()).unwrap_or_default();
        if is_variable(name) && !name.starts_with(b"BASH_") && !OWN.iter().any(|own| own.as_bytes() == name) {
            self.found.entry(name).or_insert(place);
        }
        self.at = end.max(self.at + 1) - 1;
    }

    /// A `=` behind a name at the beginning of a word.
    fn assignment(&mut self) {
        let end = self.at - usize::from(self.at > 0 && self.byte(self.at - 1) == b'+');
        let before = self.text.get(..end).unwrap_or_default();
        let length = before.iter().rev().take_while(|b| is_word(**b)).count();
        let name = before.get(end - length..).unwrap_or_default();
        let is_first = end == length
            || matches!(self.byte(end - length - 1), b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b'`' | b')');
        if !is_first || !is_variable(name) {
            return;
        }
        // `NAME=${NAME:-}` takes it from the environment.
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        let rest = rest.strip_prefix(b"\"").unwrap_or(rest);
        let own = rest.strip_prefix(b"${").or_else(|| rest.strip_prefix(b"$")).and_then(|rest| rest.strip_prefix(name));
        if own.is_none_or(|rest| rest.first().is_some_and(|b| is_word(*b))) {
            self.set.insert(name);
        }
    }

    /// `<<END`
    fn document(&mut self) {
        let mut at = self.at + 2 + usize::from(self.byte(self.at + 2) == b'-');
        if self.byte(self.at + 2) == b'<' {
            self.at += 2;
            return;
        }
        while self.byte(at) == b' ' {
            at += 1;
        }
        let mark = self.byte(at);
        let is_plain = !matches!(mark, b'\'' | b'"' | b'\\');
        let name = self.run_of(at + usize::from(!is_plain));
        if !name.is_empty() && self.here.len() < DEEPEST {
            self.at = name.end - usize::from(is_plain || mark == b'\\');
            self.here.push((self.text.get(name).unwrap_or_default(), is_plain));
        }
    }

    /// The documents that begin on the next line.
    fn documents(&mut self) {
        self.at += 1;
        for (last, is_plain) in std::mem::take(&mut self.here) {
            while self.at < self.text.len() {
                let end = self.find(b'\n', self.at);
                let line = self.text.get(self.at..end).unwrap_or_default();
                if line.trim_ascii() == last {
                    self.at = end + 1;
                    break;
                }
                if is_plain {
                    self.filled_in(end);
                }
                self.at = end + 1;
            }
        }
    }

    /// The variables of a line of a document.
    fn filled_in(&mut self, end: usize) {
        while self.at < end {
            let rest = self.text.get(self.at..end).unwrap_or_default();
            let Some(at) = memchr::memchr(b'$', rest).map(|at| self.at + at) else { return };
            let is_escaped = at > 0 && self.byte(at - 1) == b'\\';
            self.at = at;
            let brace = usize::from(self.byte(at + 1) == b'{');
            let place = self.run_of(at + 1 + brace);
            if !is_escaped {
                self.name(place);
            }
            self.at = at.max(self.at) + 1;
        }
    }
}

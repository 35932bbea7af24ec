//! Words of a script that a shell reads a second time: what `eval` and `sh -c` are given. A value that is written out there is code.

use std::ops::Range;

use super::commands::Lexer;
use super::doors::{Called, Examiner, Flow, Values};
use super::words::Word;
use super::{Dialect, Script, is_tracing};
use crate::model::usage::Span;

/// Words before a command that say nothing of it.
const BEFORE: &[&str] =
    &["if", "then", "else", "elif", "do", "while", "until", "!", "time", "exec", "sudo", "command", "nohup"];

/// A command that reads words as code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::uses) struct Again {
    /// The whole command.
    pub(in crate::uses) command: Range<usize>,
    /// What is code in it.
    pub(in crate::uses) code: Range<usize>,
}

/// Every such command of a script.
pub(in crate::uses) fn read_again(text: &str) -> Vec<Again> {
    let (mut all, mut words, mut start, mut quote) = (Vec::new(), Vec::new(), None::<usize>, None::<u8>);
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        match (quote, byte) {
            (Some(b'\''), _) | (Some(_), b'"') if quote == Some(byte) => quote = None,
            (Some(b'"') | None, b'\\') => {
                start = start.or(Some(at));
                at += 1;
            }
            (Some(_), _) => {}
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                start = start.or(Some(at));
            }
            (None, b'#') if start.is_none() => {
                at += text.get(at..).and_then(|rest| rest.find('\n')).unwrap_or(bytes.len());
                continue;
            }
            (None, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'`') => {
                words.extend(start.take().map(|start| start..at));
                if !matches!(byte, b' ' | b'\t' | b'\r') {
                    all.extend(command(text, &std::mem::take(&mut words)));
                }
            }
            _ => start = start.or(Some(at)),
        }
        at += 1;
    }
    words.extend(start.map(|start| start..bytes.len()));
    all.extend(command(text, &words));
    all
}

fn command(text: &str, words: &[Range<usize>]) -> Option<Again> {
    let word = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
    let sets = |word: &str| {
        word.split_once('=').is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
    };
    let skipped = words.iter().take_while(|range| BEFORE.contains(&word(range)) || sets(word(range))).count();
    let words = words.get(skipped..)?;
    let (first, rest) = words.split_first()?;
    let command = first.start..words.last()?.end;
    let name = word(first).rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let code = match name.as_str() {
        "eval" | "iex" | "invoke-expression" => rest.first()?.start..rest.last()?.end,
        name if SHELLS.contains(&name) => {
            let words: Vec<&str> = rest.iter().map(word).collect();
            rest.get(code_of(&words)?)?.clone()
        }
        _ => return None,
    };
    Some(Again { command, code })
}

/// Shells that take code as a word.
const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "zsh", "ksh"];

/// Which word of those behind the name of a shell is code: the one behind its options, where one of those is `-c`.
fn code_of(words: &[&str]) -> Option<usize> {
    let (mut options, mut runs) = (0, false);
    while let Some(option) = words.get(options).filter(|option| option.starts_with(['-', '+'])) {
        runs |= option.starts_with('-') && !option.starts_with("--") && option.contains('c');
        // `-o` has a word of its own.
        options += 1 + usize::from(option.ends_with('o') && !option.starts_with("--"));
    }
    (runs && options < words.len()).then_some(options)
}

/// A command that is read again, while it is.
pub(super) struct Within<N> {
    /// The whole of it: whatever is found in its code is told of it.
    pub(super) span: Span,
    /// Whether the code has a shell of its own.
    pub(super) is_own: bool,
    /// Whether what stands here was looked at before: `$(…)`.
    pub(super) is_muted: bool,
    /// What the code writes.
    pub(super) output: Vec<Flow<N>>,
    /// What its variables had before.
    pub(super) before: Vec<(String, Option<Values<N>>)>,
    /// Whether commands in it were looked at before.
    has_inner: bool,
    /// Where each byte of the code stands in the file.
    places: Vec<usize>,
}

impl<N> Within<N> {
    /// A command begins.
    pub(super) fn enter(&mut self, depth: u32) {
        self.is_muted = self.has_inner && depth > 0;
    }

    /// Where a part of the code stands in the file.
    pub(super) fn place(&self, span: Span) -> Span {
        let place = |at: usize| self.places.get(at).copied();
        let start = place(span.start).unwrap_or(self.span.start);
        Span { start, end: span.end.checked_sub(1).and_then(place).map_or(start, |last| last + 1) }
    }
}

/// Words as the shell has them when it reads them again.
#[derive(Default)]
struct Code {
    text: String,
    places: Vec<usize>,
}

impl<N: Clone + Eq> Examiner<'_, N> {
    /// What the code writes that a command has another shell read, or its own a second time; `None` where there is none. Code in
    /// code is not followed.
    pub(super) fn again(&mut self, called: &Called<'_, '_>) -> Option<Vec<Flow<N>>> {
        let is_power = self.dialect == Dialect::PowerShell;
        let (words, dialect, is_own) = match called.name {
            "eval" if !is_power => (called.rest, self.dialect, false),
            "iex" | "invoke-expression" if is_power => (called.rest, self.dialect, false),
            name if SHELLS.contains(&name) => {
                let words: Vec<&str> = called.plain.iter().map(|word| &**word).collect();
                let at = code_of(&words)?;
                (called.rest.get(at..=at)?, Dialect::Posix, true)
            }
            "pwsh" | "powershell" => {
                let is_code = |word: &str| ["-c", "-command"].iter().any(|own| word.eq_ignore_ascii_case(own));
                let at = called.plain.iter().position(|word| is_code(word))?;
                (called.rest.get(at + 1..)?, Dialect::PowerShell, true)
            }
            "cmd" => {
                let at = called.plain.iter().position(|word| word.eq_ignore_ascii_case("/c"))?;
                (called.rest.get(at + 1..)?, Dialect::Cmd, true)
            }
            _ => return None,
        };
        if self.within.is_some() {
            return Some(Vec::new());
        }
        // What the outer shell fills in is written as its variables are.
        let is_raw = words.first().is_some_and(|word| word.text.starts_with('\''));
        let dialect = if is_raw { dialect } else { self.dialect };
        let options = called.plain.iter().take_while(|word| word.starts_with(['-', '+']) || *word == "xtrace");
        let traced = if is_own {
            dialect == Dialect::Posix && options.into_iter().any(|word| is_tracing(word) || word == "xtrace")
        } else {
            self.traced
        };
        let mut code = Code::default();
        words.iter().for_each(|word| code.push(word, self.dialect));
        let has_inner = words.iter().any(|word| !word.inner.is_empty());
        let (output, before) = <_>::default();
        let within =
            Within { span: called.span, is_own, is_muted: false, output, before, has_inner, places: code.places };
        Some(self.follow(&code.text, Script { text: "", base: 0, dialect, traced }, within))
    }

    fn follow(&mut self, text: &str, script: Script<'_>, within: Within<N>) -> Vec<Flow<N>> {
        let span = within.span;
        let outer = (std::mem::take(&mut self.outputs), std::mem::take(&mut self.depths), self.traced, self.dialect);
        self.within = Some(within);
        (self.traced, self.dialect) = (script.traced, script.dialect);
        let lexed = Lexer::of(Script { text, ..script }).read();
        self.run(&lexed.done);
        if lexed.left_out.is_some() {
            self.seen.left_out.get_or_insert(span.start);
        }
        let traced = self.traced;
        (self.outputs, self.depths, self.traced, self.dialect) = outer;
        let Some(within) = self.within.take() else { return Vec::new() };
        if !within.is_own {
            self.traced = traced;
        }
        for (name, values) in within.before.into_iter().rev() {
            match values {
                Some(values) => self.tainted.insert(name, values),
                None => self.tainted.remove(&name),
            };
        }
        within.output.into_iter().map(|flow| Flow { span, ..flow }).collect()
    }
}

impl Code {
    fn add(&mut self, c: char, place: usize) {
        self.text.push(c);
        self.places.extend(place..place + c.len_utf8());
    }

    /// Adds a word without the quotes and escapes that the outer shell takes off. What it fills in stands in no quotes for the code,
    /// and so single quotes in double ones are made double ones.
    fn push(&mut self, word: &Word<'_>, dialect: Dialect) {
        let escape = match dialect {
            Dialect::Posix => '\\',
            Dialect::PowerShell => '`',
            Dialect::Cmd => '^',
        };
        if !self.text.is_empty() {
            self.add(' ', word.span.start);
        }
        let (mut outer, mut inner) = (None, None);
        let mut rest = word.text.char_indices();
        while let Some((at, c)) = rest.next() {
            let place = word.span.start + at;
            match (outer, c) {
                (None, '"' | '\'') => outer = Some(c),
                (Some(quote), _) if quote == c => outer = None,
                (Some('\''), _) => self.add(c, place),
                (_, _) if c == escape => {
                    let Some((at, next)) = rest.next() else { break };
                    let place = word.span.start + at;
                    if inner == Some('\'') && matches!(next, '$' | '"') {
                        self.add(escape, place);
                    } else if next == '"' {
                        inner = if inner.is_some() { None } else { Some('"') };
                    }
                    if next != '\n' {
                        self.add(next, place);
                    }
                }
                (Some('"'), '\'') if inner != Some('"') => {
                    inner = if inner.is_some() { None } else { Some('\'') };
                    self.add('"', place);
                }
                _ => self.add(c, place),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_read_twice_are_told_from_those_that_are_not() {
        let code = |text: &str| read_again(text).into_iter().map(|one| text[one.code].to_owned()).collect::<Vec<_>>();
        assert_eq!(code("cd x && eval \"run $A\" now; echo $B"), ["\"run $A\" now"]);
        assert_eq!(code("X=1 sudo /bin/sh -ec \"echo $A; b\" name \"$C\""), ["\"echo $A; b\""]);
        assert_eq!(code("bash script.sh $A\nsh -x other.sh -c\n# eval $A\necho \"eval $A\""), [""; 0]);
        assert_eq!(code("eval"), [""; 0]);
    }
}

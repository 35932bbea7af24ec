//! Variables that a script sets: what they are given is followed.

use std::borrow::Cow;

use super::commands::Command;
use super::doors::{Called, Examiner, VALUES, Value, Values};
use super::known::{before, is_name};
use super::words::Word;
use super::{Dialect, Reference};
use crate::model::usage::Span;

impl<N: Clone + Eq> Examiner<'_, N> {
    /// Takes the values that are set before a command, or by it; what is left is the command itself.
    pub(super) fn assignments<'w, 's>(&mut self, command: &'w Command<'s>) -> Vec<&'w Word<'s>> {
        let all: Vec<&Word<'_>> = command.words.iter().collect();
        if self.dialect == Dialect::PowerShell && self.assigns_expression(&all) {
            return Vec::new();
        }
        let mut at = before(&all, self.dialect);
        let (mut set, mut declares) = (Vec::new(), false);
        while let Some(word) = all.get(at) {
            let plain = word.plain();
            if !declares && declares_more(&plain, all.get(at + 1..).unwrap_or_default(), self.dialect) {
                declares = true;
            } else if let Some((name, _)) = assignment(&plain) {
                set.push((name.to_owned(), self.values(word)));
                if self.traced && self.dialect == Dialect::Posix {
                    let values = self.values(word);
                    self.traces_values(values, word.span);
                }
            } else if !(declares && word.text.starts_with('-')) {
                break;
            }
            at += 1;
            if set.is_empty() && !declares {
                at += before(all.get(at..).unwrap_or_default(), self.dialect);
            }
        }
        let rest = all.get(at..).unwrap_or_default();
        // What stands before a command is set for that one alone.
        if declares || rest.is_empty() {
            for (name, values) in set {
                self.set(name, values, command.surely);
            }
        }
        let rest = rest.get(before(rest, self.dialect)..).unwrap_or_default();
        if declares { Vec::new() } else { rest.to_vec() }
    }

    /// `$name = …` of PowerShell.
    fn assigns_expression(&mut self, words: &[&Word<'_>]) -> bool {
        let Some(first) = words.first().map(|word| word.text).filter(|text| text.starts_with('$')) else {
            return false;
        };
        let (name, rest) = match first.split_once('=') {
            Some((name, _)) => (name, words),
            None if words.get(1).is_some_and(|word| matches!(word.text, "=" | "+=")) => {
                (first, words.get(2..).unwrap_or_default())
            }
            None => return false,
        };
        let name = name.trim_end_matches('+').trim_matches(['$', '{', '}']);
        let prefix = name.get(..4).filter(|word| word.eq_ignore_ascii_case("env:")).map_or(0, str::len);
        let key = if prefix > 0 { name.get(prefix..).unwrap_or_default().to_owned() } else { local(name) };
        // A command on the right gives its output, which few are known by.
        let command = rest.first().is_some_and(|word| word.text.starts_with(|c: char| c.is_ascii_alphabetic()));
        let values = if command { self.fetched_by(rest) } else { self.all(rest) };
        if self.traced {
            let span = words.first().map(|word| word.span).unwrap_or_default();
            self.traces_values(values.clone(), span);
        }
        self.set(key, values, true);
        true
    }

    /// What a command fetches that stands on the right of `=`.
    fn fetched_by(&mut self, words: &[&Word<'_>]) -> Values<N> {
        let (Some((first, rest)), Some(last)) = (words.split_first(), words.last()) else { return Vec::new() };
        let plain: Vec<Cow<'_, str>> = rest.iter().map(|word| word.plain()).collect();
        let (name, command) = (first.plain().to_ascii_lowercase(), Command::default());
        let span = Span { start: first.span.start, end: last.span.end };
        let called = Called { command: &command, name: &name, rest, plain: &plain, span };
        self.fetches(&called).unwrap_or_default().into_iter().map(|flow| flow.value).collect()
    }

    fn set(&mut self, name: String, mut values: Values<N>, surely: bool) {
        if !surely {
            let reference = Reference { text: &name, is_template: false, expands: true, span: Span::default() };
            add(&mut values, self.value(&reference));
        }
        // What a shell of its own sets ends with it.
        match self.within.as_mut().filter(|within| within.is_own) {
            Some(within) => {
                let before = self.tainted.insert(name.clone(), values);
                within.before.push((name, before));
            }
            None => {
                self.seen.assigned.push(name.clone());
                self.tainted.insert(name, values);
            }
        }
    }

    /// What commands of the shell put into variables by other means than `=`.
    pub(super) fn takes(&mut self, name: &str, command: &Command<'_>, rest: &[Cow<'_, str>]) {
        let words: Vec<&Word<'_>> = command.words.iter().collect();
        match name {
            "set" if self.dialect == Dialect::Cmd => {
                if let Some((name, _)) = rest.iter().find_map(|word| word.split_once('=')) {
                    let values = self.all(&words);
                    self.set(name.to_owned(), values, command.surely);
                }
            }
            "for" | "select" => {
                if let Some(name) = rest.first().filter(|name| is_name(name)) {
                    let values = self.all(&words);
                    self.set(name.to_string(), values, true);
                }
            }
            "printf" if rest.first().is_some_and(|word| word == "-v") => {
                if let Some(name) = rest.get(1) {
                    let values = self.all(&words);
                    self.set(name.to_string(), values, command.surely);
                }
            }
            "read" | "mapfile" | "readarray" => {
                let from =
                    command.redirects.iter().find(|r| matches!(r.operator, "<<<" | "<(")).and_then(|r| r.to.as_ref());
                let values = from.map(|word| self.values(word)).unwrap_or_default();
                for name in rest.iter().filter(|name| is_name(name)) {
                    self.set(name.to_string(), values.clone(), command.surely);
                }
            }
            "unset" => {
                for name in rest.iter().filter(|name| is_name(name) && command.surely) {
                    self.tainted.insert(name.to_string(), Vec::new());
                }
            }
            _ => {}
        }
    }
}

/// Whether what follows is set by a command that declares.
fn declares_more(name: &str, rest: &[&Word<'_>], dialect: Dialect) -> bool {
    let is_one = matches!(name, "export" | "local" | "readonly" | "declare" | "typeset");
    let next = rest.iter().find(|word| !word.text.starts_with('-'));
    is_one && dialect == Dialect::Posix && next.is_some_and(|word| assignment(&word.plain()).is_some())
}

/// Name and value of an assignment.
fn assignment(plain: &str) -> Option<(&str, &str)> {
    let (name, value) = plain.split_once('=')?;
    let name = name.trim_end_matches('+').split('[').next().unwrap_or_default();
    is_name(name).then_some((name, value))
}

/// The key of a variable of PowerShell that is none of the environment; no name of one has a `$`.
pub(super) fn local(name: &str) -> String {
    format!("${}", name.to_ascii_lowercase())
}

/// Adds values that are not there yet.
pub(super) fn add<N: Clone + Eq>(all: &mut Values<N>, more: impl IntoIterator<Item = Value<N>>) {
    for one in more {
        if all.len() < VALUES && !all.contains(&one) {
            all.push(one);
        }
    }
}

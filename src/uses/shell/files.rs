//! What files have that scripts write: a value that goes into one comes out again where it is read.

use std::borrow::Cow;
use std::collections::HashMap;

use super::commands::Command;
use super::doors::{Called, Examiner, Flow, TOLD, Value, Values, sure};
use super::known::{is_nowhere, is_shown, sinks};
use super::variables::add;
use super::words::Word;
use super::{Dialect, Written};

/// How many files are followed.
const FILES: usize = 256;

/// Files, by their paths as the script has them.
pub(super) struct Files<N>(HashMap<String, Values<N>>);

impl<N: Clone + Eq> Files<N> {
    /// Those that were written before.
    pub(super) fn of(written: &[Written<N>]) -> Self {
        let mut all = Self(HashMap::new());
        for one in written {
            all.learn(&one.path, &Value::Of(one.name.clone()));
        }
        all
    }

    /// A value goes into a file.
    pub(super) fn learn(&mut self, path: &str, value: &Value<N>) {
        let path = plain(path);
        if let Some(values) = self.0.get_mut(path) {
            add(values, [value.clone()]);
        } else if self.0.len() < FILES {
            self.0.insert(path.to_owned(), vec![value.clone()]);
        }
    }

    /// What it had is gone.
    pub(super) fn forget(&mut self, path: &str) {
        if !self.0.is_empty() {
            self.0.remove(plain(path));
        }
    }

    /// What it has.
    pub(super) fn get(&self, path: &str) -> Values<N> {
        self.0.get(plain(path)).cloned().unwrap_or_default()
    }
}

fn plain(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

impl<N: Clone + Eq> Examiner<'_, N> {
    /// Writes down the files that output goes into; says whether it is not shown.
    pub(super) fn redirects(&mut self, command: &Command<'_>, flows: &[Flow<N>]) -> bool {
        let mut away = false;
        for redirect in command.redirects.iter().filter(|r| r.operator.starts_with('>') && r.from == 1) {
            let path = redirect.to.as_ref().map(|word| self.path(word)).unwrap_or_default();
            away |= !is_shown(&path);
            if command.surely && !redirect.operator.starts_with(">>") {
                self.files.forget(&path);
            }
            self.writes(&path, flows);
        }
        away
    }

    /// A word as a path, with `/`.
    pub(super) fn path<'s>(&self, word: &Word<'s>) -> Cow<'s, str> {
        match self.dialect {
            Dialect::Posix => word.plain(),
            _ => Cow::Owned(word.text.replace(['"', '\''], "").replace('\\', "/")),
        }
    }

    pub(super) fn writes(&mut self, path: &str, flows: &[Flow<N>]) {
        let within = self.within.as_ref().map(|within| (within.span, within.is_muted));
        if flows.is_empty() || is_nowhere(path) || is_shown(path) || within.is_some_and(|(_, muted)| muted) {
            return;
        }
        for flow in flows {
            self.files.learn(path, &flow.value);
            let span = within.map_or(flow.span, |(outer, _)| outer);
            if self.seen.written.len() + self.seen.whole.len() >= TOLD {
                continue;
            }
            match &flow.value {
                Value::Of(name) => self.seen.written.push(Written { path: path.to_owned(), name: name.clone(), span }),
                Value::Whole => self.seen.whole.push((path.to_owned(), span)),
                Value::Argument(_) => {}
            }
        }
    }

    /// The files that a command writes what it reads into.
    pub(super) fn sinks(&self, called: &Called<'_, '_>) -> Vec<String> {
        let paths: Vec<Cow<'_, str>> = called.rest.iter().map(|word| self.path(word)).collect();
        sinks(called.name, &paths)
    }

    /// What a file has that a command reads as its input.
    pub(super) fn input(&self, command: &Command<'_>) -> Vec<Flow<N>> {
        let mut all = Vec::new();
        for redirect in command.redirects.iter().filter(|r| r.operator == "<") {
            if let Some(word) = &redirect.to {
                all.extend(sure(self.file(&self.path(word), word.span), word.span));
            }
        }
        all
    }
}

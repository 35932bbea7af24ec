//! Scripts of a shell, as pipelines run them: which variables they read, and through which doors their values go.
//!
//! `words` and `commands` tell commands apart, `doors` follows what they are given, through `variables` and `files`, and `known`, `tools`
//! and `managers` say what well-known ones do. Nothing is run or filled in: text that a shell reads a second time is followed once,
//! as it is written (`again`).
//!
//! `names` knows what names of variables say, `dollars` finds them in values that are no scripts.

pub(in crate::uses) mod again;
mod commands;
mod dollars;
mod doors;
mod files;
mod known;
mod managers;
mod names;
mod powershell;
mod redirects;
#[cfg(test)]
mod tests;
mod tools;
mod variables;
mod words;

use std::collections::HashSet;

use crate::model::Confidence;
use crate::model::usage::{Door, Span, Store};

pub use dollars::dollars;
pub use names::{is_of_shell, looks_secret};
pub use words::references;

/// Which shell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// `sh`, `bash` and their kin: `$NAME`, `${NAME}`.
    #[default]
    Posix,
    /// PowerShell: `$env:NAME`, `${env:NAME}`.
    PowerShell,
    /// `cmd`: `%NAME%`.
    Cmd,
}

impl Dialect {
    /// The dialect of a shell by its name: `bash`, `pwsh`, `cmd`.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let word = name.split_whitespace().next().unwrap_or_default();
        match word.rsplit(['/', '\\']).next().unwrap_or_default().trim_end_matches(".exe") {
            "pwsh" | "powershell" => Self::PowerShell,
            "cmd" => Self::Cmd,
            _ => Self::Posix,
        }
    }
}

/// A part of a script that stands for a value from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'s> {
    /// The name of a variable, or what stands between the braces of a template.
    pub text: &'s str,
    /// Whether it is a template that the pipeline fills in before the shell sees it: `${{ secrets.TOKEN }}`.
    pub is_template: bool,
    /// Whether its value stands there in the end: a template always does; a variable not in single quotes, nor where its
    /// length is asked.
    pub expands: bool,
    /// Its bytes in the file.
    pub span: Span,
}

/// A value that goes through a door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage<N> {
    /// Which.
    pub door: Door,
    /// Whose value; `None` where it is the whole environment.
    pub name: Option<N>,
    /// The command, or the part of it that opens the door.
    pub span: Span,
    /// How sure.
    pub confidence: Confidence,
}

/// A file that a script writes a value into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<N> {
    /// The path, as the script has it.
    pub path: String,
    /// Whose value.
    pub name: N,
    /// The command.
    pub span: Span,
}

/// A secret that a command fetches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its name, where it is kept.
    pub name: String,
    /// Where that is.
    pub store: Store,
    /// The bytes of the name.
    pub span: Span,
}

/// What a script does with secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<N> {
    /// Doors, in the order of the script.
    pub passages: Vec<Passage<N>>,
    /// Files.
    pub written: Vec<Written<N>>,
    /// Files into which the whole environment goes, and the commands.
    pub whole: Vec<(String, Span)>,
    /// Secrets that commands fetch from where they are kept.
    pub fetched: Vec<Fetched>,
    /// Variables that the script gives a value itself, by name.
    pub assigned: Vec<String>,
    /// The byte from which on something was left out, where the script says more than is followed.
    pub left_out: Option<usize>,
}

/// A script, and where it begins in its file.
#[derive(Clone, Copy, Debug)]
pub struct Script<'s> {
    /// As it stands in the file.
    pub text: &'s str,
    /// The byte of its first.
    pub base: usize,
    /// Which shell.
    pub dialect: Dialect,
    /// Whether the shell is started so that it prints every command: `bash -x`.
    pub traced: bool,
}

/// What is known of the values in a script.
pub struct Sources<'a, N> {
    /// Which secrets are in the value behind a reference. It is also asked for what is in the files that commands show, by their paths
    /// ([`is_path`]).
    pub secret: &'a dyn Fn(&Reference<'_>) -> Vec<N>,
    /// What a secret is called that a command fetches, by its name where it is kept; nothing where nobody asks for those.
    pub fetched: &'a dyn Fn(&str) -> Option<N>,
    /// Files that were written before.
    pub files: &'a [Written<N>],
}

/// Looks at what a script does with secrets. `secret` says which secrets are in the value behind a reference.
#[must_use]
pub fn examine<N: Clone + Eq>(script: Script<'_>, secret: &dyn Fn(&Reference<'_>) -> Vec<N>) -> Seen<N> {
    examine_all(script, &Sources { secret, fetched: &|_| None, files: &[] })
}

/// Looks at what a script does with secrets, and with those that it fetches itself.
#[must_use]
pub fn examine_all<N: Clone + Eq>(script: Script<'_>, sources: &Sources<'_, N>) -> Seen<N> {
    doors::examine(script, sources)
}

/// The secrets that the commands of a script fetch.
#[must_use]
pub fn fetched(script: Script<'_>) -> Vec<Fetched> {
    examine(script, &|_: &Reference<'_>| Vec::<()>::new()).fetched
}

/// Whether what is asked for is in a file: its path is from the root, or a variable has it.
#[must_use]
pub fn is_path(text: &str) -> bool {
    text.starts_with(['/', '$'])
}

/// The variables that a script gives a value itself.
#[must_use]
pub fn assigned(script: Script<'_>) -> HashSet<String> {
    examine(script, &|_: &Reference<'_>| Vec::<()>::new()).assigned.into_iter().collect()
}

/// Whether a command line starts a shell so that it prints every command: `bash -x`, `sh -o xtrace`.
#[must_use]
pub fn is_traced(line: &str) -> bool {
    line.split_whitespace().skip(1).any(|word| is_tracing(word) || word == "xtrace")
}

/// Whether an option of a shell has it print every command: `-ex`.
#[must_use]
pub fn is_tracing(option: &str) -> bool {
    option.strip_prefix('-').is_some_and(|flags| !flags.starts_with('-') && flags.contains('x'))
}

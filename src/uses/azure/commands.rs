//! What lists of commands have in common, whoever runs them: one script out of many entries, and the variables in a text.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;

use crate::model::usage::{Context, Span, Store, Unread};
use crate::model::{Confidence, GapKind, Untrusted};
use crate::uses::notes::{Env, Notes, looks_secret};
use crate::uses::shell::{Dialect, Reference, Script, examine, references};
use crate::uses::yaml::{Form, Node};

/// How many bytes of a file are looked at, those behind an alias as often as it stands there: some times its length, and at most.
const TIMES: usize = 4;
const LEAST: usize = 1 << 20;
const MOST: usize = 8 << 20;

/// What is left to look at. Aliases make a small file say much.
#[derive(Debug)]
pub(in crate::uses) struct Budget(Cell<Option<usize>>);

impl Budget {
    /// For a file.
    pub(in crate::uses) fn of(source: &str) -> Self {
        Self(Cell::new(Some((source.len() * TIMES + LEAST).min(MOST))))
    }

    /// Pays for a look at a text, and for what is written down about it.
    pub(in crate::uses) fn pays(&self, text: &str) -> bool {
        self.0.set(self.0.get().and_then(|left| left.checked_sub(text.len() + 8)));
        self.0.get().is_some()
    }

    /// What was not read for it.
    pub(in crate::uses) fn unread(&self) -> Option<Unread> {
        let why = "it says more than is looked at: its anchors multiply".to_owned();
        self.0.get().is_none().then_some(Unread { at: 0, kind: Some(GapKind::OverBudget), why })
    }
}

/// Commands that one shell runs.
#[derive(Debug)]
pub(in crate::uses) struct Commands {
    text: String,
    base: usize,
}

impl Commands {
    pub(in crate::uses) fn script(&self, dialect: Dialect) -> Script<'_> {
        Script { text: &self.text, base: self.base, dialect, traced: false }
    }
}

/// Entries of a list as one script, with every byte at its place: what is set in one is known in the next. An entry that
/// stands elsewhere in the file, behind an alias, begins a script of its own.
pub(in crate::uses) fn joined(source: &str, entries: &[Node<'_>], budget: &Budget) -> Vec<Commands> {
    let mut all: Vec<Commands> = Vec::new();
    for entry in entries {
        let Some((raw, start)) = entry.raw().filter(|(raw, _)| budget.pays(raw)) else { continue };
        let text = if is_folded(*entry, source, start) { folded(raw) } else { raw.to_owned() };
        let gap = all
            .last()
            .and_then(|last| start.checked_sub(last.base + last.text.len()).filter(|gap| (1..1 << 12).contains(gap)));
        match (all.last_mut(), gap) {
            (Some(last), Some(gap)) => {
                last.text.push('\n');
                last.text.extend(std::iter::repeat_n(' ', gap - 1));
                last.text.push_str(&text);
            }
            _ => all.push(Commands { text, base: start }),
        }
    }
    all
}

/// Whether the lines of a scalar are one line for whoever reads it.
fn is_folded(entry: Node<'_>, source: &str, start: usize) -> bool {
    if entry.form() != Some(Form::Block) {
        return true;
    }
    let before = source.get(..start).unwrap_or_default().trim_end();
    let mark = before.rsplit([' ', '\n']).next().unwrap_or_default();
    mark.starts_with('>') && mark.bytes().all(|b| matches!(b, b'>' | b'-' | b'+') || b.is_ascii_digit())
}

/// A line for every paragraph.
fn folded(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut ended = false;
    for line in raw.split_inclusive('\n') {
        let is_blank = line.trim().is_empty();
        if ended && is_blank {
            text.pop();
            text.push('\n');
        }
        ended = !is_blank && line.ends_with('\n');
        text.push_str(line.strip_suffix('\n').unwrap_or(line));
        if line.ends_with('\n') {
            text.push(if is_blank { '\n' } else { ' ' });
        }
    }
    text
}

/// The variables of a text that is no script: `$NAME`, `${NAME}`.
pub(in crate::uses) fn dollars(text: &str, base: usize) -> Vec<(&str, Span)> {
    let mut all = Vec::new();
    for (at, _) in text.match_indices('$') {
        let rest = text.get(at + 1..).unwrap_or_default();
        let (brace, inner) = rest.strip_prefix('{').map_or((0, rest), |inner| (1, inner));
        let length = inner.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let name = inner.get(..length).unwrap_or_default();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let closed = usize::from(brace == 1 && inner.as_bytes().get(length) == Some(&b'}'));
        all.push((name, Span { start: base + at, end: base + at + 1 + brace + length + closed }));
    }
    all
}

/// Writes down the variables that a script reads and that nothing in the file sets.
pub(in crate::uses) fn reads(
    notes: &mut Notes,
    script: Script<'_>,
    env: &Env,
    is_own: &dyn Fn(&str) -> bool,
    context: &Arc<Context>,
) {
    for (name, span) in free(script, env, is_own) {
        if let Some(confidence) = confidence(name) {
            notes.uses_surely(name, Store::Variable, None, span, context, confidence);
        }
    }
}

/// The variables of the environment that a script reads and that nothing here sets.
pub(in crate::uses) fn free<'s>(script: Script<'s>, env: &Env, is_own: &dyn Fn(&str) -> bool) -> Vec<(&'s str, Span)> {
    let assigned = assigned(script);
    let is_free = |one: &Reference<'_>| {
        let start = one.span.start.saturating_sub(script.base);
        let written = script.text.get(start..).unwrap_or_default().trim_start_matches(['$', '{']);
        let is_local = script.dialect == Dialect::PowerShell
            && !written.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("env:"));
        let is_known = env.get(one.text).is_some() || assigned.contains(one.text);
        !one.is_template && !is_local && !is_known && !is_own(one.text) && !is_ambient(one.text)
    };
    references(script).into_iter().filter(is_free).map(|one| (one.text, one.span)).collect()
}

/// The variables that a script gives a value itself.
pub(in crate::uses) fn assigned(script: Script<'_>) -> HashSet<String> {
    let nothing = |_: &Reference<'_>| Vec::<Untrusted>::new();
    examine(script, &nothing).assigned.into_iter().collect()
}

/// How sure it is that a variable that nothing in the file sets is one of the system; `None` for one that scripts have for themselves.
pub(in crate::uses) fn confidence(name: &str) -> Option<Confidence> {
    let is_capital =
        name.len() > 1 && !name.bytes().any(|b| b.is_ascii_lowercase()) && name.bytes().any(|b| b.is_ascii_uppercase());
    match (looks_secret(name), is_capital) {
        (true, _) => Some(Confidence::High),
        (false, true) => Some(Confidence::Medium),
        _ => None,
    }
}

/// Variables that are there on every machine, and those of shells.
const AMBIENT: &[&str] = &[
    "ALLUSERSPROFILE",
    "APPDATA",
    "BASH",
    "BASH_REMATCH",
    "BASH_SOURCE",
    "BASH_VERSION",
    "CD",
    "CI",
    "COMPUTERNAME",
    "COMSPEC",
    "DATE",
    "DIRSTACK",
    "DISPLAY",
    "EDITOR",
    "ERRORLEVEL",
    "EUID",
    "FUNCNAME",
    "GOPATH",
    "GOROOT",
    "HOME",
    "HOMEDRIVE",
    "HOMEPATH",
    "HOSTNAME",
    "HOSTTYPE",
    "IFS",
    "JAVA_HOME",
    "LANG",
    "LASTEXITCODE",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "LINENO",
    "LOCALAPPDATA",
    "LOGNAME",
    "MACHTYPE",
    "NUMBER_OF_PROCESSORS",
    "OLDPWD",
    "OPTARG",
    "OPTIND",
    "OS",
    "OSTYPE",
    "PATH",
    "PATHEXT",
    "PIPESTATUS",
    "PPID",
    "PROCESSOR_ARCHITECTURE",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "PSMODULEPATH",
    "PSSCRIPTROOT",
    "PUBLIC",
    "PWD",
    "PYTHONPATH",
    "RANDOM",
    "REPLY",
    "SECONDS",
    "SHELL",
    "SHELLOPTS",
    "SHLVL",
    "SSH_AUTH_SOCK",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TERM",
    "TIME",
    "TMP",
    "TMPDIR",
    "TZ",
    "UID",
    "USER",
    "USERNAME",
    "USERPROFILE",
    "WINDIR",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
];

/// Whether a variable is there on every machine, or is the shell's own.
pub(in crate::uses) fn is_ambient(name: &str) -> bool {
    AMBIENT.contains(&name.to_ascii_uppercase().as_str())
}

//! What well-known commands do with what they are given.

use std::borrow::Cow;

use super::Dialect;
use super::names::{looks_secret, tells_about};
use super::words::Word;
use crate::model::Confidence;

/// Commands that write what they are given to where their output goes.
const WRITERS: &[&str] = &[
    "echo",
    "printf",
    "print",
    "write-host",
    "write-output",
    "write-information",
    "write-verbose",
    "write-warning",
    "write-error",
    "throw",
    "out-host",
    "out-string",
    "out-default",
];
/// Commands that pass on all that they read, as it is or in another form.
const FILTERS: &[&str] = &[
    "cat",
    "tee",
    "tee-object",
    "base64",
    "base32",
    "rev",
    "xxd",
    "od",
    "hexdump",
    "tr",
    "fold",
    "sort",
    "nl",
    "uniq",
    "tac",
    "strings",
    "paste",
    "column",
    "iconv",
    "dos2unix",
    "more",
    "less",
    "out-host",
    "out-string",
    "out-default",
    "sort-object",
    "format-table",
    "format-list",
    "ft",
    "fl",
];
/// Commands that pass on a part, or something made of it.
const PARTLY: &[&str] = &[
    "sed",
    "awk",
    "gawk",
    "jq",
    "yq",
    "grep",
    "egrep",
    "fgrep",
    "head",
    "tail",
    "cut",
    "select-object",
    "select-string",
    "findstr",
];
/// Beginnings of lines that a pipeline takes as orders and does not show.
const ORDERS: &[&str] =
    &["::add-mask::", "::set-output ", "::save-state ", "::set-env ", "##vso[task.set", "##teamcity[setParameter "];
/// Words before a command that say nothing of it.
const BEFORE: &[&str] =
    &["time", "exec", "sudo", "doas", "command", "builtin", "nohup", "timeout", "call", "stdbuf", "&", "."];

/// Whether a command writes what it is given.
pub(super) fn writes(name: &str, rest: &[&Word<'_>]) -> bool {
    let is_order = |word: &&Word<'_>| {
        let text = word.text.trim_start_matches(['"', '\'']);
        ORDERS.iter().any(|order| text.starts_with(order))
    };
    WRITERS.contains(&name) && !rest.iter().any(is_order)
}

/// How surely a command passes on what it reads; `None` where it does not. `whole` asks for the whole environment.
pub(super) fn passes(name: &str, rest: &[Cow<'_, str>], whole: bool) -> Option<Confidence> {
    let has = |flags: &[char]| rest.iter().any(|word| is_short(word) && word.contains(flags));
    if FILTERS.contains(&name) || READERS.contains(&name) {
        return Some(Confidence::High);
    }
    match name {
        "grep" | "egrep" | "fgrep"
            if has(&['q', 'c', 'l']) || rest.iter().any(|w| matches!(&**w, "--quiet" | "--silent" | "--count")) =>
        {
            None
        }
        // Most of it, or what looks secret.
        "grep" | "egrep" | "fgrep" | "findstr" | "select-string" if whole => {
            (has(&['v']) || rest.iter().any(|word| looks_secret(word))).then_some(Confidence::Medium)
        }
        "openssl" => rest.first().is_some_and(|word| word == "base64").then_some(Confidence::High),
        "xargs" => {
            let inner = rest.iter().find(|word| !word.starts_with('-'));
            inner.is_none_or(|word| WRITERS.contains(&&**word)).then_some(Confidence::High)
        }
        // A part whose name says that it is none of the secret: `jq -r .client_email`.
        "jq" | "yq" if rest.iter().any(|word| word.rsplit_once('.').is_some_and(|(_, part)| tells_about(part))) => None,
        _ => (PARTLY.contains(&name) && !whole).then_some(Confidence::Medium),
    }
}

/// Commands that write the files that they are given to where their output goes, all of them.
const READERS: &[&str] = &["get-content", "gc", "type", "bat"];

/// Whether a command writes files that it is given.
pub(super) fn reads_files(name: &str, rest: &[Cow<'_, str>], dialect: Dialect) -> bool {
    match name {
        // These write into what they are given.
        "tee" | "tee-object" | "tr" | "out-host" | "out-string" | "out-default" => false,
        "jq" | "yq" => {
            rest.iter().any(|word| word == ".") || rest.iter().filter(|word| !word.starts_with('-')).count() < 2
        }
        // It tells of a command.
        "type" | "gc" | "sort" if dialect == Dialect::Posix && name != "sort" => false,
        _ => FILTERS.contains(&name) || READERS.contains(&name) || matches!(name, "head" | "tail"),
    }
}

/// Whether a filter writes what stands in its arguments: a script with a value in it.
pub(super) fn writes_arguments(name: &str, rest: &[Cow<'_, str>]) -> bool {
    match name {
        "sed" => !rest.iter().any(|word| edits(word)),
        "jq" | "yq" => rest.iter().any(|word| word.starts_with("--arg")),
        _ => false,
    }
}

/// Whether `sed` changes the file itself.
pub(super) fn edits(word: &str) -> bool {
    word.starts_with("--in-place") || is_short(word) && word.contains('i')
}

/// Whether a command writes the whole environment.
pub(super) fn whole(name: &str, rest: &[Cow<'_, str>], dialect: Dialect) -> bool {
    let is_posix = dialect == Dialect::Posix;
    match name {
        "env" => rest.iter().all(|word| word.starts_with('-') && word != "-i"),
        "printenv" => rest.iter().all(|word| word.starts_with('-')),
        "set" => rest.is_empty() && dialect != Dialect::PowerShell,
        "export" | "declare" | "typeset" => {
            is_posix && rest.iter().all(|word| matches!(&**word, "-p" | "-x" | "-px" | "-xp"))
        }
        "gci" | "get-childitem" | "get-item" | "dir" | "ls" if dialect == Dialect::PowerShell => {
            rest.iter().any(|word| drive(word).is_some_and(|name| name.trim_matches(['*', '/']).is_empty()))
        }
        "cat" | "strings" | "xxd" | "od" | "tr" | "hexdump" => {
            rest.iter().any(|word| word.starts_with("/proc/") && word.ends_with("/environ"))
        }
        _ => false,
    }
}

/// The names of variables that a command writes the values of.
pub(super) fn asks<'w>(name: &str, rest: &'w [Cow<'_, str>], dialect: Dialect) -> Vec<&'w str> {
    let found: Vec<&str> = match name {
        "printenv" => rest.iter().map(|word| &**word).collect(),
        "gci" | "get-childitem" | "get-item" | "dir" | "ls" if dialect == Dialect::PowerShell => {
            rest.iter().filter_map(|word| drive(word)).collect()
        }
        _ => Vec::new(),
    };
    found.into_iter().filter(|word| is_name(word)).collect()
}

/// What stands behind the drive of the environment: `env:NAME`.
fn drive(word: &str) -> Option<&str> {
    let prefix = word.get(..4).filter(|prefix| prefix.eq_ignore_ascii_case("env:"))?;
    word.get(prefix.len()..).map(|name| name.trim_start_matches('/'))
}

/// The files that a command writes what it reads into.
pub(super) fn sinks(name: &str, rest: &[Cow<'_, str>]) -> Vec<String> {
    match name {
        "tee" | "sponge" => rest.iter().filter(|word| !word.starts_with('-')).map(|word| word.to_string()).collect(),
        "set-content" | "out-file" | "add-content" | "tee-object" => {
            let named = rest
                .iter()
                .position(|word| matches!(word.to_ascii_lowercase().as_str(), "-path" | "-filepath" | "-literalpath"));
            let path = match named {
                Some(at) => rest.get(at + 1),
                None => rest.iter().find(|word| !word.starts_with('-')),
            };
            path.into_iter().map(|path| path.to_string()).collect()
        }
        "sed" if rest.iter().any(|word| edits(word)) => rest.last().into_iter().map(|path| path.to_string()).collect(),
        _ => Vec::new(),
    }
}

/// How many words before a command say nothing of it.
pub(super) fn before(words: &[&Word<'_>], dialect: Dialect) -> usize {
    let mut at = 0;
    while let Some(plain) = words.get(at).map(|word| word.plain()) {
        let is_prefix = BEFORE.contains(&&*plain) || plain == "env" && runs(words.get(at + 1..).unwrap_or_default());
        if !is_prefix || dialect == Dialect::PowerShell && plain != "&" {
            break;
        }
        at += 1;
        at += words.get(at..).unwrap_or_default().iter().take_while(|word| word.text.starts_with('-')).count();
        // How long it may take.
        let is_time = |word: &&Word<'_>| word.text.starts_with(|c: char| c.is_ascii_digit());
        at += usize::from(plain == "timeout" && words.get(at).is_some_and(is_time));
    }
    at
}

/// Whether `env` runs a command, and does not print.
fn runs(rest: &[&Word<'_>]) -> bool {
    rest.iter().any(|word| !word.text.starts_with('-') && !word.text.contains('='))
}

/// Whether a place that output goes to shows it all the same.
pub(super) fn is_shown(to: &str) -> bool {
    matches!(
        to,
        "/dev/stdout"
            | "/dev/stderr"
            | "/dev/tty"
            | "/dev/fd/1"
            | "/dev/fd/2"
            | "/proc/self/fd/1"
            | "/proc/self/fd/2"
            | "/proc/1/fd/1"
            | "/proc/1/fd/2"
    ) || matches!(
        to,
        "$GITHUB_STEP_SUMMARY"
            | "${GITHUB_STEP_SUMMARY}"
            | "$env:GITHUB_STEP_SUMMARY"
            | "${env:GITHUB_STEP_SUMMARY}"
            | "%GITHUB_STEP_SUMMARY%"
    )
}

/// Whether nothing is kept of what is written there.
pub(super) fn is_nowhere(path: &str) -> bool {
    path.is_empty() || ["/dev/null", "nul", "$null"].iter().any(|own| path.eq_ignore_ascii_case(own))
}

/// Several flags in one word: `-qx`.
fn is_short(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

pub(super) fn is_name(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    first && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

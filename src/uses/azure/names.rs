//! Names in the text of a pipeline: macros `$(NAME)`, expressions `variables['NAME']` and `parameters.NAME`; and whose they are.

use std::collections::HashSet;
use std::ops::Range;

use crate::model::usage::Span;
use crate::uses::shell::Dialect;

/// How many orders of a script are followed, and how many secrets in each.
pub(super) const ORDERS: usize = 64;

/// A name that an expression reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expression<'t> {
    pub(super) name: &'t str,
    /// Whether it is a parameter of a template, and no variable.
    pub(super) is_parameter: bool,
    /// The bytes of the reference; for a parameter those of the whole `${{ … }}`.
    pub(super) span: Span,
}

/// How a variable is known, whoever writes it: names have no case, and a dot is `_` in the environment.
pub(super) fn key(name: &str) -> String {
    name.trim().to_ascii_uppercase().replace(['.', ' '], "_")
}

/// Macros of a text.
pub(super) fn macros(text: &str, base: usize) -> Vec<(&str, Span)> {
    let mut all = Vec::new();
    for (at, _) in text.match_indices("$(") {
        let inner = text.get(at + 2..).unwrap_or_default();
        let length = inner.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')).count();
        let name = inner.get(..length).unwrap_or_default();
        if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && inner.as_bytes().get(length) == Some(&b')')
        {
            all.push((name, Span { start: base + at, end: base + at + length + 3 }));
        }
    }
    all
}

/// Macros of a script: what a shell would run as a command is none.
pub(super) fn macros_of_script(text: &str, base: usize, dialect: Dialect) -> Vec<(&str, Span)> {
    let functions = if dialect == Dialect::Posix { functions(text) } else { HashSet::new() };
    let is_verb =
        |name: &str| name.split_once('-').is_some_and(|(verb, _)| VERBS.contains(&verb.to_ascii_lowercase().as_str()));
    let is_command = |name: &str| match dialect {
        Dialect::Cmd => false,
        Dialect::PowerShell => COMMANDS.contains(&name) || is_verb(name),
        Dialect::Posix => COMMANDS.contains(&name) || functions.contains(name),
    };
    macros(text, base).into_iter().filter(|(name, _)| !is_command(name)).collect()
}

/// Functions that a script defines.
fn functions(text: &str) -> HashSet<&str> {
    let before = text.match_indices("()").filter_map(|(at, _)| text.get(..at)?.lines().next_back());
    let named =
        text.match_indices("function ").filter_map(|(at, word)| text.get(at + word.len()..)?.split_whitespace().next());
    before
        .filter_map(|line| line.split_whitespace().next_back())
        .chain(named)
        .map(|name| name.trim_end_matches("()"))
        .collect()
}

/// The order to the agent that sets a variable.
pub(super) const SETS: &str = "task.setvariable";

/// The properties of an order, which stand behind it.
pub(super) fn properties(rest: &str) -> &str {
    rest.split([']', '\n']).next().unwrap_or_default()
}

/// A property: `variable=NAME;issecret=true`.
pub(super) fn property<'t>(properties: &'t str, wanted: &str) -> Option<&'t str> {
    let mut pairs = properties.split(';').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
}

/// The variables that a script sets by orders, and where in it the rest of the line is, which has their values.
pub(super) fn sets(script: &str) -> Vec<(&str, Range<usize>)> {
    let mut all = Vec::new();
    for (at, _) in script.match_indices("##vso[").take(ORDERS) {
        let rest = script.get(at..).unwrap_or_default();
        let is_one = rest.get("##vso[".len()..).and_then(|rest| rest.get(..SETS.len()));
        if !is_one.is_some_and(|word| word.eq_ignore_ascii_case(SETS)) {
            continue;
        }
        let properties = properties(rest.get("##vso[".len() + SETS.len()..).unwrap_or_default());
        if let Some(name) = property(properties, "variable") {
            all.push((name, at..at + rest.find('\n').unwrap_or(rest.len())));
        }
    }
    all
}

/// Commands that scripts call without anything behind them.
const COMMANDS: &[&str] = &[
    "arch",
    "cat",
    "date",
    "dirname",
    "dotnet",
    "env",
    "getconf",
    "git",
    "hostname",
    "id",
    "jq",
    "logname",
    "ls",
    "lsb_release",
    "mktemp",
    "nproc",
    "printenv",
    "pwd",
    "tty",
    "uname",
    "uuidgen",
    "whoami",
    "gcloud",
    "Get-Location",
    "Get-Date",
    "gci",
    "kubectl",
    "python",
    "python3",
    "node",
    "npm",
    "which",
    "true",
    "false",
    "cd",
    "gpgconf",
    "sw_vers",
    "uptime",
    "users",
    "who",
];
/// First words of commands of PowerShell.
const VERBS: &[&str] = &[
    "get",
    "new",
    "set",
    "select",
    "join",
    "split",
    "resolve",
    "test",
    "invoke",
    "convertto",
    "convertfrom",
    "read",
    "find",
    "write",
];

/// Variables and parameters that expressions read: `${{ … }}` and `$[ … ]`; the whole text where it is one expression.
pub(super) fn expressions(text: &str, base: usize, whole: bool) -> Vec<Expression<'_>> {
    if whole {
        return inside(text, base, Span { start: base, end: base + text.len() });
    }
    let mut all = Vec::new();
    for (open, close) in [("${{", "}}"), ("$[", "\n")] {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| rest.find(open)).map(|at| from + at) {
            let rest = text.get(at..).unwrap_or_default();
            let length = rest.find(close).map_or(rest.len(), |end| if close == "\n" { end } else { end + close.len() });
            let span = Span { start: base + at, end: base + at + length };
            all.extend(inside(rest.get(..length).unwrap_or_default(), span.start, span));
            from = at + length.max(1);
        }
    }
    all.sort_by_key(|one| one.span);
    all
}

fn inside(text: &str, base: usize, around: Span) -> Vec<Expression<'_>> {
    let mut all = Vec::new();
    for word in ["variables", "parameters"] {
        let lower = text.to_ascii_lowercase();
        for (at, _) in lower.match_indices(word) {
            let is_inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'\'');
            if at.checked_sub(1).and_then(|before| text.as_bytes().get(before)).is_some_and(|b| is_inner(*b)) {
                continue;
            }
            let rest = text.get(at + word.len()..).unwrap_or_default();
            let Some((name, length)) = member(rest) else { continue };
            let is_parameter = word == "parameters";
            let own = Span { start: base + at, end: base + at + word.len() + length };
            all.push(Expression { name, is_parameter, span: if is_parameter { around } else { own } });
        }
    }
    all
}

/// The member that is read: `.NAME` or `['NAME']`, and how long that is.
fn member(rest: &str) -> Option<(&str, usize)> {
    if let Some(inner) = rest.strip_prefix("['") {
        let length = inner.find('\'')?;
        return inner.get(length..)?.starts_with("']").then_some((inner.get(..length)?, length + 4));
    }
    let inner = rest.strip_prefix('.')?;
    let length = inner.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    (length > 0).then_some((inner.get(..length)?, length + 1))
}

/// Whether the system itself sets a variable.
pub(super) fn is_system(name: &str) -> bool {
    const OWN: &[&str] = &[
        "BUILD_",
        "SYSTEM_",
        "AGENT_",
        "PIPELINE_",
        "ENVIRONMENT_",
        "CHECKS_",
        "STRATEGY_",
        "COMMON_",
        "RELEASE_",
        "RESOURCES_",
        "TF_BUILD",
        "ENDPOINT_",
        "TASK_",
        "VSTS_",
    ];
    let key = key(name);
    // In a macro the part before the dot counts: `$(BUILD_ID)` is none of the system's.
    let is_dotted = name.contains('.') || name == key;
    is_dotted && OWN.iter().any(|own| key.starts_with(own))
        || matches!(key.as_str(), "REV" | "DATE" | "SOURCEBRANCHNAME")
}

/// Whether strangers choose the value of a variable of the system: they name the branch of a pull request and write its title, which
/// is in the message of its merge. Other branches are named by those who may write here; `Build.SourceBranchName` of a pull request
/// is `merge`.
pub(super) fn is_of_strangers(name: &str) -> bool {
    matches!(key(name).as_str(), "BUILD_SOURCEVERSIONMESSAGE" | "SYSTEM_PULLREQUEST_SOURCEBRANCH")
}

/// Puts templates where macros stand, as long as they are, so that a script can be read as if they were filled in.
pub(super) fn filled(text: &str, base: usize, macros: &[(&str, Span)]) -> String {
    let mut all = String::with_capacity(text.len());
    let mut from = 0;
    for (name, span) in macros.iter().filter(|(name, _)| name.len() >= 2) {
        let (start, end) = (span.start.saturating_sub(base), span.end.saturating_sub(base));
        all.push_str(text.get(from..start).unwrap_or_default());
        all.push_str("${{");
        all.push_str(name.get(..name.len() - 2).unwrap_or_default());
        all.push_str("}}");
        from = end;
    }
    all.push_str(text.get(from..).unwrap_or_default());
    all
}

/// A path in which variables are written one way, whatever the shell: that of a script and that of an artifact are compared so.
/// Names lack their last two letters, as [`filled`] leaves them.
pub(super) fn path(text: &str) -> String {
    let mut all = String::new();
    let mut rest = text.trim();
    while let Some(c) = rest.chars().next() {
        let mark = ["${{", "$env:", "$", "%"].into_iter().find(|mark| rest.starts_with(mark));
        let inner = mark.and_then(|mark| rest.get(mark.len()..)).unwrap_or_default();
        let length = inner.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')).count();
        match mark {
            Some(mark) if length > 2 => {
                let kept = if mark == "${{" { length } else { length - 2 };
                all.push('$');
                all.push_str(&key(inner.get(..kept).unwrap_or_default()));
                rest = inner.get(length..).unwrap_or_default().trim_start_matches(['}', '%']);
            }
            _ => {
                all.push(if c == '\\' { '/' } else { c });
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
    }
    for here in ["$SYSTEM_DEFAULTWORKINGDIRECTO", "$BUILD_SOURCESDIRECTO"] {
        if let Some(below) = all.strip_prefix(here) {
            return format!(".{below}");
        }
    }
    all
}

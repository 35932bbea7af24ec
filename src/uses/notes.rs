//! What a reader of one system writes down, and what all of them do alike: variables that hold secrets, scripts, artifacts.

use std::collections::HashMap;
use std::sync::Arc;

use super::script::Placed;
pub use super::shell::looks_secret;
use super::shell::{
    Dialect, Reference, Script, Sources, Written, assigned, examine_all, is_of_shell, is_path, references,
};
use crate::model::usage::{Context, Door, Exposure, Include, Scope, Span, Store, System, Unread, Use, Uses};
use crate::model::{Confidence, GapKind, Untrusted};

/// The environment of a step: which secrets are in the value of a variable, and which in files. What an outer part sets, an inner one
/// sees.
#[derive(Clone, Debug, Default)]
pub struct Env {
    variables: HashMap<String, Vec<Untrusted>>,
    files: HashMap<String, Vec<Untrusted>>,
}

impl Env {
    /// Sets a variable. One without secrets hides an outer one that has some.
    pub fn set(&mut self, name: &str, secrets: Vec<Untrusted>) {
        self.variables.insert(name.to_owned(), secrets);
    }

    /// Sets what is in a file or folder; its path as scripts have it: `/etc/keys`, or `$NAME` of a variable.
    pub fn set_file(&mut self, path: &str, secrets: Vec<Untrusted>) {
        self.files.insert(path.to_owned(), secrets);
    }

    /// The secrets in a variable; `None` where nothing here sets it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[Untrusted]> {
        self.variables.get(name).map(Vec::as_slice)
    }

    /// The secrets in a file, by its path.
    fn file(&self, path: &str) -> Vec<Untrusted> {
        let mut rest = Some(path).filter(|path| !self.files.is_empty() && path.len() <= LONGEST);
        while let Some(path) = rest {
            let plain = path.strip_prefix("${").and_then(|inner| inner.strip_suffix('}'));
            let found = plain.map_or_else(|| self.files.get(path), |name| self.files.get(&format!("${name}")));
            if let Some(found) = found {
                return found.clone();
            }
            rest = path.rsplit_once('/').map(|(folder, _)| folder);
        }
        Vec::new()
    }

    /// Whether nothing sets anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty() && self.files.is_empty()
    }

    /// Every secret that is in it.
    #[must_use]
    pub fn secrets(&self) -> Vec<Untrusted> {
        let mut all: Vec<Untrusted> = self.variables.values().flatten().cloned().collect();
        all.sort();
        all.dedup();
        all
    }
}

/// How the names in a script are to be understood.
pub struct Meaning<'a> {
    /// The secrets behind what stands between the braces of a template.
    pub template: &'a dyn Fn(&str) -> Vec<Untrusted>,
    /// The secrets behind a variable that nothing in the file sets, where the system fills it in.
    pub free: &'a dyn Fn(&str) -> Vec<Untrusted>,
}

/// How many secrets are told of those that a script writes into files with the whole environment, beside some for its length.
const WHOLE: usize = 32;

/// What is written down about a file.
#[derive(Debug)]
pub struct Notes {
    system: System,
    uses: Uses,
}

impl Notes {
    /// For a file of a system.
    #[must_use]
    pub fn new(system: System) -> Self {
        Self { system, uses: Uses::default() }
    }

    /// What was written, in the order of the file, each thing once.
    #[must_use]
    pub fn done(mut self) -> Uses {
        self.uses.sort();
        self.uses
    }

    /// A reference to a name; `variable` is the name under which it is handed over.
    pub fn uses(&mut self, name: &str, store: Store, variable: Option<&str>, span: Span, context: &Arc<Context>) {
        self.uses_surely(name, store, variable, span, context, Confidence::High);
    }

    /// A reference, and how sure it is.
    pub fn uses_surely(
        &mut self,
        name: &str,
        store: Store,
        variable: Option<&str>,
        span: Span,
        context: &Arc<Context>,
        confidence: Confidence,
    ) {
        self.uses.uses.push(Use {
            name: Untrusted::from(name),
            store,
            variable: variable.filter(|variable| *variable != name).map(Untrusted::from),
            system: self.system,
            span,
            context: Arc::clone(context),
            confidence,
        });
    }

    /// A door that is open; `None` for every secret that is there.
    pub fn exposes(
        &mut self,
        door: Door,
        name: Option<Untrusted>,
        span: Span,
        context: &Arc<Context>,
        confidence: Confidence,
    ) {
        let (system, context) = (self.system, Arc::clone(context));
        self.uses.exposures.push(Exposure { door, name, system, span, context, confidence });
    }

    /// What stands in these bytes has this context.
    pub fn scope(&mut self, span: Span, context: &Arc<Context>) {
        self.uses.scopes.push(Scope { span, context: Arc::clone(context) });
    }

    /// Another file that belongs to this one: `path` from the root of the repository, where it is one there.
    pub fn includes(&mut self, what: &str, path: Option<&str>, span: Span) {
        let include = Include { what: what.into(), path: path.map(Untrusted::from), system: self.system, span };
        self.uses.includes.push(include);
    }

    /// What was not read.
    pub fn unread(&mut self, unread: impl IntoIterator<Item = Unread>) {
        self.uses.unread.extend(unread);
    }

    /// Says that more of something is in the file than is followed: once, where that begins.
    pub fn leaves_out(&mut self, at: usize, why: &str) {
        if !self.uses.unread.iter().any(|one| one.why == why) {
            self.unread([Unread { at, kind: Some(GapKind::OverBudget), why: why.to_owned() }]);
        }
    }

    /// Looks at a script: doors are written down, and the files that secrets go into are given back.
    pub fn script<'s>(
        &mut self,
        script: impl Into<Placed<'s>>,
        env: &Env,
        meaning: &Meaning<'_>,
        context: &Arc<Context>,
    ) -> Vec<Written<Untrusted>> {
        self.script_after(&[], script, env, meaning, context)
    }

    /// Looks at a script that finds files with secrets, as scripts before it wrote them.
    pub fn script_after<'s>(
        &mut self,
        files: &[Written<Untrusted>],
        script: impl Into<Placed<'s>>,
        env: &Env,
        meaning: &Meaning<'_>,
        context: &Arc<Context>,
    ) -> Vec<Written<Untrusted>> {
        let placed = script.into();
        let secret = |one: &Reference<'_>| match (one.is_template, env.get(one.text)) {
            (true, _) => (meaning.template)(one.text),
            (false, Some(known)) => known.to_vec(),
            (false, None) if is_path(one.text) => env.file(one.text),
            (false, None) => (meaning.free)(one.text),
        };
        let sources = Sources { secret: &secret, fetched: &|name| Some(Untrusted::from(name)), files };
        let seen = examine_all(placed.script, &sources);
        if let Some(at) = seen.left_out {
            let at = placed.place(Span { start: at, end: at }).start;
            let why =
                "a script says more than is followed: what it does with secrets from here on is not known".to_owned();
            self.unread([Unread { at, kind: Some(GapKind::OverBudget), why }]);
        }
        for one in seen.fetched {
            self.uses(&one.name, one.store, None, placed.place(one.span), context);
        }
        // The whole environment is a door where there are secrets in it.
        let is_whole = seen.passages.iter().any(|passage| passage.name.is_none()) || !seen.whole.is_empty();
        let everything = if is_whole { env.secrets() } else { Vec::new() };
        for passage in seen.passages {
            if passage.name.is_some() || !everything.is_empty() {
                self.exposes(passage.door, passage.name, placed.place(passage.span), context, passage.confidence);
            }
        }
        let mut written = seen.written;
        let pairs = seen.whole.iter().flat_map(|file| everything.iter().map(move |name| (file, name)));
        for ((path, span), name) in pairs.take(WHOLE + placed.script.text.len() / WHOLE) {
            written.push(Written { path: path.clone(), name: name.clone(), span: *span });
        }
        written.into_iter().map(|one| Written { span: placed.place(one.span), ..one }).collect()
    }

    /// Writes down the variables that a script reads and that nothing in the file sets: `is_own` says which the system itself sets.
    pub fn reads<'s>(
        &mut self,
        script: impl Into<Placed<'s>>,
        env: &Env,
        is_own: &dyn Fn(&str) -> bool,
        context: &Arc<Context>,
    ) {
        let placed = script.into();
        for (name, span) in unset(placed.script, env, is_own) {
            if let Some(confidence) = confidence(name) {
                self.uses_surely(name, Store::Variable, None, placed.place(span), context, confidence);
            }
        }
    }

    /// Files with secrets that are kept as artifacts or in caches; `paths` are patterns as the system has them.
    pub fn keeps(&mut self, written: &[Written<Untrusted>], paths: &[&str], context: &Arc<Context>) {
        for one in written.iter().filter(|one| paths.iter().any(|pattern| covers(pattern, &one.path))) {
            self.exposes(Door::Artifact, Some(one.name.clone()), one.span, context, Confidence::Medium);
        }
    }
}

/// The variables of the environment that a script reads and that neither it nor anything in the file sets, nor any shell; `is_own`
/// says which the system itself sets.
#[must_use]
pub fn unset<'s>(script: Script<'s>, env: &Env, is_own: &dyn Fn(&str) -> bool) -> Vec<(&'s str, Span)> {
    let assigned = assigned(script);
    let is_unset = |one: &Reference<'_>| {
        let start = one.span.start.saturating_sub(script.base);
        let written = script.text.get(start..).unwrap_or_default().trim_start_matches(['$', '{']);
        let is_local = script.dialect == Dialect::PowerShell
            && !written.starts_with('[')
            && !written.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("env:"));
        let is_known = env.get(one.text).is_some() || assigned.contains(one.text);
        !one.is_template && !is_local && !is_known && !is_own(one.text) && !is_of_shell(one.text)
    };
    references(script).into_iter().filter(is_unset).map(|one| (one.text, one.span)).collect()
}

/// How sure it is that a variable that nothing in the file sets is one of the system; `None` for one that scripts have for themselves.
#[must_use]
pub fn confidence(name: &str) -> Option<Confidence> {
    let is_capital =
        name.len() > 1 && !name.bytes().any(|b| b.is_ascii_lowercase()) && name.bytes().any(|b| b.is_ascii_uppercase());
    match (looks_secret(name), is_capital) {
        (true, _) => Some(Confidence::High),
        (false, true) => Some(Confidence::Medium),
        _ => None,
    }
}

/// Beginnings of paths that are the folder of the repository.
const HERE: &[&str] = &[
    "./",
    "$PWD/",
    "${PWD}/",
    "$GITHUB_WORKSPACE/",
    "${GITHUB_WORKSPACE}/",
    "$CI_PROJECT_DIR/",
    "${CI_PROJECT_DIR}/",
    "$WORKSPACE/",
    "${WORKSPACE}/",
];
/// The longest path that is compared.
const LONGEST: usize = 1_024;

/// Whether a pattern of paths has a path: by folder, or by `*` and `**`.
fn covers(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (from_here(pattern), from_here(path));
    if path.is_empty() || pattern.is_empty() || path.len().max(pattern.len()) > LONGEST {
        return false;
    }
    // What is elsewhere is in no folder of the repository.
    let is_away = |text: &str| text.starts_with(['/', '~', '$', '%']) || text == ".." || text.starts_with("../");
    if is_away(path) && !is_away(pattern) {
        return false;
    }
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    matches!(pattern.as_slice(), ["."]) || matches(&pattern, &path)
}

/// A path without what it begins and ends with in vain.
fn from_here(path: &str) -> &str {
    let mut path = path.trim().trim_end_matches('/');
    while let Some(rest) = HERE.iter().find_map(|prefix| path.strip_prefix(prefix)) {
        path = rest;
    }
    path
}

/// A pattern in folders: `**` is any number of them; one that ends early has all that is below.
fn matches(pattern: &[&str], path: &[&str]) -> bool {
    let (mut p, mut t, mut back) = (0, 0, None::<(usize, usize)>);
    loop {
        match (pattern.get(p), path.get(t)) {
            (None, _) => return true,
            (Some(&"**"), _) => {
                p += 1;
                back = Some((p, t));
            }
            (Some(wanted), Some(name)) if glob(wanted.as_bytes(), name.as_bytes()) => {
                p += 1;
                t += 1;
            }
            _ => match back {
                Some((after, at)) if at < path.len() => {
                    (p, t) = (after, at + 1);
                    back = Some((after, t));
                }
                _ => return false,
            },
        }
    }
}

/// A pattern within a folder: `*` and `?`.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut t, mut back) = (0, 0, None::<(usize, usize)>);
    while let Some(byte) = name.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                back = Some((p, t));
            }
            Some(wanted) if *wanted == *byte || *wanted == b'?' => {
                p += 1;
                t += 1;
            }
            _ => match back {
                Some((after, at)) => {
                    (p, t) = (after, at + 1);
                    back = Some((after, t));
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_paths() {
        let covered = [
            ("out", "out/a"),
            ("out/", "./out/a/b"),
            ("./out", "out"),
            (".", "a/b"),
            ("./", "a"),
            ("**", "a/b"),
            ("**/*", "a/b"),
            ("*", "a"),
            ("*", "a/b"),
            ("*.txt", "a.txt"),
            ("out/*.txt", "out/a.txt"),
            ("out/**", "out/a/b"),
            ("**/a.txt", "a.txt"),
            ("**/a.txt", "x/y/a.txt"),
            ("**/b*/c", "b1/x/b2/c"),
            ("a/**/c", "a/c"),
            ("a/?", "a/b"),
            ("out/*", "out/a/b"),
            ("~/.npmrc", "~/.npmrc"),
            ("/tmp/x", "/tmp/x/y"),
            ("$HOME/x", "$HOME/x"),
            ("a", "$GITHUB_WORKSPACE/a"),
            ("$CI_PROJECT_DIR/a", "a"),
            ("**/**/**/**/a", "b/c/a"),
        ];
        for (pattern, path) in covered {
            assert!(covers(pattern, path), "{pattern} {path}");
        }
        let not = [
            ("out", "output"),
            ("out", "a/out"),
            ("*.txt", "a/b.txt"),
            ("**/b.txt", "ab.txt"),
            ("out/*.txt", "out/a.log"),
            ("", "a"),
            ("a", ""),
            (".", "/tmp/a"),
            ("**", "~/.npmrc"),
            ("*", "$GITHUB_ENV"),
            ("**", "../a"),
            ("!out", "out"),
            ("a/?", "a/bc"),
            ("**/x", "a/b"),
            ("a/**/c", "a/b"),
        ];
        for (pattern, path) in not {
            assert!(!covers(pattern, path), "{pattern} {path}");
        }
        let many = ("**/*a".repeat(200), "b/".repeat(500));
        assert!(!covers(&many.0, &many.1));
        assert!(!covers(&"a".repeat(5_000), &"a".repeat(5_000)));
    }

    #[test]
    fn a_script_is_noted_with_what_its_variables_mean() {
        let context = Arc::new(Context::default());
        let mut env = Env::default();
        env.set("A", vec!["DEPLOY_TOKEN".into()]);
        env.set("B", Vec::new());
        let (template, free) = (|text: &str| vec![text.into()], |_: &str| vec!["free".into()]);
        let meaning = Meaning { template: &template, free: &free };
        let text = "echo $A $B ${{ x }} $C > f\nenv\nX=1; login $X $D_TOKEN ${E} $lower";
        let script = Script { text, base: 0, dialect: Dialect::Posix, traced: false };
        let mut notes = Notes::new(System::Shell);
        let written = notes.script(script, &env, &meaning, &context);
        assert_eq!(
            written.iter().map(|one| one.name.clone()).collect::<Vec<_>>(),
            ["DEPLOY_TOKEN".into(), "x".into(), "free".into()]
        );
        notes.keeps(&written, &["*"], &context);
        notes.reads(script, &env, &|name| name == "E", &context);
        let uses = notes.done();
        let all: Vec<_> = uses.exposures.iter().map(|one| (one.door, &text[one.span.start..one.span.end])).collect();
        let write = "echo $A $B ${{ x }} $C";
        assert_eq!(
            all,
            [(Door::Artifact, write), (Door::Artifact, write), (Door::Artifact, write), (Door::Printed, "env")]
        );
        let read: Vec<_> = uses.uses.iter().map(|one| (&text[one.span.start..one.span.end], one.confidence)).collect();
        assert_eq!(read, [("$D_TOKEN", Confidence::High)]);
        let mut notes = Notes::new(System::Shell);
        let _ = notes.script(Script { text: &"a;".repeat(60_000), ..script }, &env, &meaning, &context);
        assert_eq!(notes.done().unread.len(), 1);
    }
}

//! What a reader of one system writes down, and what all of them do alike: variables that hold secrets, scripts, artifacts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub use super::shell::looks_secret;
use super::shell::{Dialect, Reference, Script, Written, examine, references};
use super::yaml::Node;
use crate::model::usage::{Context, Door, Exposure, Include, Scope, Span, Store, System, Unread, Use, Uses};
use crate::model::{Confidence, GapKind, Untrusted};

/// The environment of a step: which secrets are in the value of a variable. What an outer part sets, an inner one sees.
#[derive(Clone, Debug, Default)]
pub struct Env(HashMap<String, Vec<Untrusted>>);

impl Env {
    /// Sets a variable. One without secrets hides an outer one that has some.
    pub fn set(&mut self, name: &str, secrets: Vec<Untrusted>) {
        self.0.insert(name.to_owned(), secrets);
    }

    /// The secrets in a variable; `None` where nothing here sets it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[Untrusted]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// Every secret that is in it.
    #[must_use]
    pub fn secrets(&self) -> Vec<Untrusted> {
        let mut all: Vec<Untrusted> = self.0.values().flatten().cloned().collect();
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

    /// Looks at a script: doors are written down, and the files that secrets go into are given back.
    pub fn script(
        &mut self,
        script: Script<'_>,
        env: &Env,
        meaning: &Meaning<'_>,
        context: &Arc<Context>,
    ) -> Vec<Written<Untrusted>> {
        let secret = |one: &Reference<'_>| match (one.is_template, env.get(one.text)) {
            (true, _) => (meaning.template)(one.text),
            (false, Some(known)) => known.to_vec(),
            (false, None) => (meaning.free)(one.text),
        };
        let seen = examine(script, &secret);
        if let Some(at) = seen.left_out {
            let why =
                "a script says more than is followed: what it does with secrets from here on is not known".to_owned();
            self.unread([Unread { at, kind: Some(GapKind::OverBudget), why }]);
        }
        let everything = !env.secrets().is_empty();
        for passage in seen.passages {
            // The whole environment is a door where there are secrets in it.
            if passage.name.is_some() || everything {
                self.exposes(passage.door, passage.name, passage.span, context, passage.confidence);
            }
        }
        seen.written
    }

    /// Writes down the variables that a script reads and that nothing in the file sets: `is_own` says which the system itself sets.
    pub fn reads(&mut self, script: Script<'_>, env: &Env, is_own: &dyn Fn(&str) -> bool, context: &Arc<Context>) {
        let nothing = |_: &Reference<'_>| Vec::<Untrusted>::new();
        let assigned: HashSet<String> = examine(script, &nothing).assigned.into_iter().collect();
        for one in references(script).into_iter().filter(|one| !one.is_template) {
            let known = env.get(one.text).is_some() || assigned.contains(one.text);
            if !known && !is_own(one.text) && is_variable(one.text) {
                let confidence = if looks_secret(one.text) { Confidence::High } else { Confidence::Medium };
                self.uses_surely(one.text, Store::Variable, None, one.span, context, confidence);
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

/// A scalar as a script.
#[must_use]
pub fn script_of<'y>(node: Node<'y>, dialect: Dialect) -> Option<Script<'y>> {
    let (text, base) = node.raw()?;
    Some(Script { text, base, dialect, traced: false })
}

/// Whether a variable's name is one that pipelines give: letters in capitals.
fn is_variable(name: &str) -> bool {
    name.len() > 1
        && name.bytes().any(|b| b.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
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

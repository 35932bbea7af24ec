//! Dockerfiles: which secrets a build takes, and which of them stay in the image.
//!
//! Format: <https://docs.docker.com/reference/dockerfile/>; what stays: <https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/>.

mod parse;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use super::command;
use super::notes::{Env, Meaning, Notes, looks_secret};
use super::shell::{Dialect, Script, references};
use super::{File, Reader};
use crate::model::usage::{Context, Door, Span, Store, System, Unread, Uses};
use crate::model::{Confidence, GapKind, Untrusted};
use parse::{Instruction, flags, instructions, mount, pairs, strings};

/// The reader of Dockerfiles.
pub const READER: Reader = Reader { system: System::Docker, is_own, read };

/// The largest file that is read, in bytes.
const LARGEST: usize = 1 << 20;
/// The most secrets of a stage that are followed.
const MOST: usize = 128;
/// What is said where there are more.
const TOO_MANY: &str = "a stage of it takes more secrets than are followed: what it does with the others is not known";
/// Names of files that hold secrets.
const FILES: &[&str] = &[
    ".env",
    ".npmrc",
    ".pypirc",
    ".netrc",
    ".git-credentials",
    ".dockercfg",
    ".htpasswd",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "kubeconfig",
    "credentials",
    "credentials.json",
];
/// Ends of names of such files.
const ENDS: &[&str] = &[".pem", ".key", ".p12", ".pfx", ".jks", ".keystore"];
/// Words in names of files that say that what is in them is no secret.
const OPEN: &[&str] = &[
    "example",
    "sample",
    "template",
    "dist",
    "ca",
    "cert",
    "certs",
    "chain",
    "fullchain",
    "bundle",
    "pub",
    "public",
    "test",
    "dhparam",
    "dhparams",
    "ffdhe2048",
    "ffdhe3072",
    "ffdhe4096",
];

fn is_own(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let begins =
        |word: &str| name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']));
    let lower = name.to_ascii_lowercase();
    let is_named = begins("Dockerfile")
        || begins("Containerfile")
        || lower.ends_with(".dockerfile")
        || lower.ends_with(".containerfile");
    is_named && !lower.ends_with(".dockerignore")
}

fn read(file: File<'_>) -> Uses {
    let mut notes = Notes::new(System::Docker);
    if file.text.len() > LARGEST {
        let why = format!("it has more than {LARGEST} bytes: who uses what in it is not known");
        notes.unread([Unread { at: 0, kind: Some(GapKind::OverBudget), why }]);
        return notes.done();
    }
    let (text, rest) = match std::str::from_utf8(file.text) {
        Ok(text) => (text, None),
        Err(error) => {
            let good = file.text.get(..error.valid_up_to()).unwrap_or_default();
            (std::str::from_utf8(good).unwrap_or_default(), Some(good.len()))
        }
    };
    if let Some(at) = rest {
        let why = "it is not UTF-8 from here on: what stands before was read".to_owned();
        notes.unread([Unread { at, kind: Some(GapKind::Corrupt), why }]);
    }
    let all = instructions(text);
    let kept = kept(&all);
    let mut build = Build { notes, stages: 0, stage: Stage::default(), kept };
    all.iter().for_each(|one| build.instruction(one, text));
    build.ends(text.len());
    build.notes.done()
}

/// The image and the name of a stage.
fn from(text: &str) -> (&str, Option<&str>) {
    let mut words = text.split_whitespace().filter(|word| !word.starts_with("--"));
    let image = words.next().unwrap_or_default();
    (image, words.next().filter(|word| word.eq_ignore_ascii_case("as")).and_then(|_| words.next()))
}

/// Which stages are in the image that is built if none is named: the last, and those that it is made from.
fn kept(all: &[Instruction]) -> Vec<bool> {
    let stages: Vec<_> = all.iter().filter(|one| one.word == "FROM").map(|one| from(&one.text)).collect();
    let mut named = HashMap::new();
    let mut parents = Vec::new();
    for (number, (image, name)) in stages.iter().enumerate() {
        parents.push(named.get(&image.to_ascii_lowercase()).copied());
        named.extend(name.map(|name| (name.to_ascii_lowercase(), number)));
    }
    let mut kept = vec![false; stages.len()];
    let mut next = stages.len().checked_sub(1);
    while let Some(stage) = next.and_then(|at| kept.get_mut(at)) {
        *stage = true;
        next = next.and_then(|at| parents.get(at).copied().flatten());
    }
    kept
}

/// An argument of the build whose name says that it is secret.
struct Argument {
    name: String,
    span: Span,
    /// Whether a command has its name.
    used: bool,
    /// Whether it is in the history: a command ran while it was there.
    ran: bool,
}

#[derive(Default)]
struct Stage {
    start: usize,
    context: Arc<Context>,
    env: Env,
    arguments: Vec<Argument>,
    /// How its commands are started.
    dialect: Dialect,
    traced: bool,
}

struct Build {
    notes: Notes,
    /// How many stages began.
    stages: usize,
    stage: Stage,
    kept: Vec<bool>,
}

impl Build {
    fn is_kept(&self) -> bool {
        self.stages.checked_sub(1).and_then(|at| self.kept.get(at)).copied().unwrap_or_default()
    }

    fn instruction(&mut self, one: &Instruction, file: &str) {
        match one.word.as_str() {
            "FROM" => {
                self.ends(one.span.start);
                let (image, name) = from(&one.text);
                let job = name.map_or_else(|| Untrusted::from(self.stages.to_string().as_str()), Untrusted::from);
                let context = Context { job: Some(job), action: Some(Untrusted::from(image)), ..Context::default() };
                self.stage = Stage { start: one.span.start, context: Arc::new(context), ..Stage::default() };
                self.stages += 1;
            }
            "ARG" => self.argument(one),
            "ENV" => self.environment(one),
            "RUN" => self.run(one, file),
            "COPY" | "ADD" => self.copies(one),
            "CMD" | "ENTRYPOINT" => self.starts(one),
            "SHELL" => {
                let words = strings(&one.text, one.base);
                let flags = words.iter().skip(1).map(|(word, _)| *word);
                self.stage.traced =
                    flags.clone().any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('x'));
                self.stage.dialect = words.first().map_or_else(Dialect::default, |(word, _)| Dialect::named(word));
            }
            _ => {}
        }
    }

    /// Ends a stage: what its arguments came to is known.
    fn ends(&mut self, end: usize) {
        let kept = self.is_kept();
        let stage = std::mem::take(&mut self.stage);
        if self.stages > 0 {
            self.notes.scope(Span { start: stage.start, end }, &stage.context);
        }
        for one in stage.arguments.iter().filter(|one| one.ran) {
            // A stage that is left behind is in no image, but in caches and attestations.
            let confidence = if one.used && kept { Confidence::Medium } else { Confidence::Low };
            let name = Some(Untrusted::from(one.name.as_str()));
            self.notes.exposes(Door::BuildArgument, name, one.span, &stage.context, confidence);
        }
    }

    fn argument(&mut self, one: &Instruction) {
        for (name, _, span) in pairs(&one.text, one.base, false) {
            if !looks_secret(name) {
                continue;
            }
            if self.stage.arguments.len() >= MOST {
                self.notes.leaves_out(span.start, TOO_MANY);
                continue;
            }
            self.stage.env.set(name, vec![name.into()]);
            let span = Span { end: span.start + name.len(), ..span };
            self.notes.uses(name, Store::Variable, None, span, &self.stage.context);
            let known = self.stage.arguments.iter().any(|known| known.name == name);
            if self.stages > 0 && !known {
                self.stage.arguments.push(Argument { name: name.to_owned(), span, used: false, ran: false });
            }
        }
    }

    /// Variables of the image: what is put into one stays in the image.
    fn environment(&mut self, one: &Instruction) {
        let confidence = if self.is_kept() { Confidence::High } else { Confidence::Medium };
        for (name, (value, base), span) in pairs(&one.text, one.base, true) {
            let mut secrets: Vec<Untrusted> = Vec::new();
            for reference in references(script(value, base)).iter().filter(|reference| reference.expands) {
                let known = self.stage.env.get(reference.text).unwrap_or_default();
                let own = self.stage.arguments.iter().any(|one| one.name == reference.text);
                for secret in known.iter().filter(|_| own) {
                    self.notes.uses(reference.text, Store::Variable, Some(name), reference.span, &self.stage.context);
                    self.notes.exposes(
                        Door::BuildArgument,
                        Some(secret.clone()),
                        span,
                        &self.stage.context,
                        confidence,
                    );
                }
                secrets.extend_from_slice(known);
            }
            if !secrets.is_empty() || self.stage.env.get(name).is_some() {
                self.stage.env.set(name, secrets);
            }
        }
    }

    fn run(&mut self, one: &Instruction, file: &str) {
        let (mounts, at) = flags(&one.text);
        // A variable that a mount sets is there for this command alone.
        let mut before = Vec::new();
        if let Some((_, start)) = mounts.get(MOST) {
            self.notes.leaves_out(one.base + start, TOO_MANY);
        }
        for (flag, start) in mounts.into_iter().take(MOST) {
            let Some((name, span, variable, target)) = mount(flag, one.base + start) else { continue };
            let path = target.map_or_else(|| format!("/run/secrets/{name}"), str::to_owned);
            self.notes.uses(name, Store::Secret, Some(variable.unwrap_or(&path)), span, &self.stage.context);
            if let Some(variable) = variable {
                before.push((variable, self.stage.env.get(variable).unwrap_or_default().to_vec()));
                self.stage.env.set(variable, vec![name.into()]);
            }
        }
        let text = one.text.get(at..).unwrap_or_default();
        let whole = Script { dialect: self.stage.dialect, traced: self.stage.traced, ..script(text, one.base + at) };
        let is_document = text.trim_start().starts_with("<<");
        if text.trim_start().starts_with('[') {
            if let Some(inner) = command::of_words(&strings(text, one.base + at)) {
                self.script(inner);
            }
        } else if is_document {
            for document in &one.documents {
                let text = file.get(document.start..document.end).unwrap_or_default();
                self.script(Script { text, base: document.start, ..whole });
            }
        } else {
            self.script(whole);
            for document in &one.documents {
                let text = file.get(document.start..document.end).unwrap_or_default();
                self.reads(Script { text, base: document.start, ..whole });
            }
        }
        for (variable, secrets) in before {
            self.stage.env.set(variable, secrets);
        }
        self.stage.arguments.iter_mut().for_each(|one| one.ran = true);
    }

    fn script(&mut self, script: Script<'_>) {
        let meaning = Meaning { template: &|_| Vec::new(), free: &|_| Vec::new() };
        self.notes.script(script, &self.stage.env, &meaning, &self.stage.context);
        self.reads(script);
    }

    /// Where a script has the name of an argument.
    fn reads(&mut self, script: Script<'_>) {
        for reference in references(script) {
            if let Some(argument) = self.stage.arguments.iter_mut().find(|one| one.name == reference.text) {
                argument.used = true;
                self.notes.uses(reference.text, Store::Variable, None, reference.span, &self.stage.context);
            }
        }
    }

    /// What a container runs: it reads variables that it is started with.
    fn starts(&mut self, one: &Instruction) {
        let words = strings(&one.text, one.base);
        let is_list = one.text.trim_start().starts_with('[');
        let inner = if is_list { command::of_words(&words) } else { Some(script(&one.text, one.base)) };
        for reference in inner.map(references).unwrap_or_default() {
            if looks_secret(reference.text) {
                let (store, level) = (Store::Environment, Confidence::Medium);
                self.notes.uses_surely(reference.text, store, None, reference.span, &self.stage.context, level);
            }
        }
    }

    /// Files that are put into the image.
    fn copies(&mut self, one: &Instruction) {
        let (flags, at) = flags(&one.text);
        let is_inner = flags.iter().any(|(flag, _)| flag.starts_with("--from"));
        if is_inner || !self.is_kept() {
            return;
        }
        let text = one.text.get(at..).unwrap_or_default();
        let base = one.base + at;
        let words = if text.trim_start().starts_with('[') { strings(text, base) } else { command::words(text, base) };
        for (path, at) in words.iter().take(words.len().saturating_sub(1)).filter(|(path, _)| holds_secrets(path)) {
            let span = Span { start: *at, end: at + path.len() };
            self.notes.uses_surely(path, Store::File, None, span, &self.stage.context, Confidence::Medium);
            self.notes.exposes(Door::Artifact, Some((*path).into()), span, &self.stage.context, Confidence::Low);
        }
    }
}

fn script(text: &str, base: usize) -> Script<'_> {
    Script { text, base, dialect: Dialect::Posix, traced: false }
}

/// Whether the name of a file says that it holds secrets.
fn holds_secrets(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_open = name.split(['.', '-', '_']).any(|word| OPEN.contains(&word));
    let is_env = name.starts_with(".env.");
    let is_config = path.ends_with(".docker/config.json") || path.ends_with(".kube/config");
    !is_open && (FILES.contains(&name) || is_env || is_config || ENDS.iter().any(|end| name.ends_with(end)))
}

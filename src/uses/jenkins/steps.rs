//! Steps of a pipeline, and what they do with the secrets that they are given.

use std::sync::Arc;

use super::code::Range;
use super::names::{is_own, is_strange};
use super::strings::Cooked;
use super::tokens::Kind;
use super::walk::Walk;
use crate::model::usage::{Context, Door, Span, Store, System, Unread};
use crate::model::{Confidence, Untrusted};
use crate::uses::label::label;
use crate::uses::notes::{Meaning, Notes, looks_secret};
use crate::uses::shell::{Dialect, Script, Written};

/// Words that begin a statement and are no call.
const NO_CALLS: &[&str] =
    &["def", "return", "final", "if", "else", "try", "String", "steps", "script", "this", "pipeline", "stages", "node"];

impl<'t> Walk<'t> {
    /// Looks at a token; the number of the next one to look at.
    pub(super) fn token(&mut self, at: usize) -> usize {
        let Some(word) = self.code.word(at) else { return at + 1 };
        self.follows_call(at, word);
        let is_member = self.code.before(at).is_some_and(|last| last.kind == Kind::Mark(b'.'));
        let is_key = self.code.is(at + 1, b':');
        match word {
            "pipeline" if self.code.is(at + 1, b'{') => self.pipeline(at + 1),
            "stage" if !is_member => self.stage(at),
            "withCredentials" if !is_key => return self.with_credentials(at),
            "withEnv" => self.with_env(at),
            "sh" | "bat" | "powershell" | "pwsh" if !is_key => self.shell(at, word),
            "echo" | "println" | "print" | "error" if !is_key => self.prints(at),
            "writeFile" => self.writes(at),
            "archiveArtifacts" | "archive" | "stash" | "publishHTML" if !is_key => self.keeps(at, word),
            "build" if is_member && at >= 2 && self.code.word(at - 2) == Some("docker") => self.builds(at),
            "withRegistry" | "sshagent" | "withAWS" | "credentials" if !is_key => self.credential(at, word),
            "envVar" if is_key => self.vault(at),
            "secretEnvVar" | "secretVolume" => self.pod(at),
            "load" => self.loads(at),
            "library" | "Library" if !is_key => self.library(at, word),
            "env" | "params" => self.variable(at),
            _ if is_credential_key(word) => self.credential_key(at),
            _ => {
                if let Some(value) = self.code.assigned(at).filter(|value| self.pays(*value)) {
                    self.assigns(at, value);
                    if let Some(key) = self.vault_step(value) {
                        let (context, span) = (self.step(Some("vault")), self.span(value));
                        self.notes.uses(&key, Store::Manager, Some(word), span, &context);
                    }
                }
            }
        }
        at + 1
    }

    /// Keeps in mind what the current statement calls.
    fn follows_call(&mut self, at: usize, word: &'t str) {
        let Some(token) = self.code.token(at) else { return };
        let starts = |at: usize| {
            let first = self.code.token(at).is_none_or(|token| token.first);
            first
                || self
                    .code
                    .before(at)
                    .is_none_or(|last| matches!(last.kind, Kind::Mark(b'{' | b'}' | b';' | b'=' | b'>')))
        };
        // `docker.withRegistry(…)` is a call as much as `git(…)`.
        let of_global = at >= 2
            && self.code.is(at - 1, b'.')
            && starts(at - 2)
            && !matches!(self.code.word(at - 2), Some("env" | "params"));
        let begins = matches!(token.parent, 0 | b'{') && (starts(at) || of_global);
        if begins && !NO_CALLS.contains(&word) && (self.code.arguments(at).is_some() || self.code.is(at + 1, b'{')) {
            self.call = Some(word);
        }
    }

    fn pipeline(&mut self, brace: usize) {
        let context = self.block_context(brace, (*self.context()).clone());
        self.opens(brace, Arc::new(context));
        self.environment(brace);
    }

    fn stage(&mut self, at: usize) {
        let Some(range) = self.code.arguments(at) else { return };
        let first = self.code.named(range).into_iter().find(|one| matches!(one.name, None | Some("name")));
        let Some((name, _)) = first.and_then(|one| self.text(one.value)) else { return };
        let outer = self.context();
        let job = Context { job: Some(label(&name)), step: None, ..(*outer).clone() };
        let Some(brace) = self.code.block(at) else { return };
        let context = Arc::new(self.block_context(brace, job));
        let start = self.code.token(at).map_or(0, |token| token.span.start);
        let mate = self.code.token(brace).and_then(|token| self.code.token(token.mate));
        let end = mate.map_or(self.code.text.len(), |token| token.span.end);
        self.notes.scope(Span { start, end }, &context);
        self.opens(brace, context);
        self.environment(brace);
    }

    fn with_env(&mut self, at: usize) {
        let Some(brace) = self.code.block(at) else { return };
        let Some(range) = self.code.arguments(at).filter(|range| self.pays(*range)) else { return };
        let all: Vec<(String, Vec<Untrusted>)> = self
            .code
            .strings(range)
            .into_iter()
            .filter_map(|at| {
                let text = self.code.cooked(self.code.string(at)?).text;
                let name = text.split_once('=')?.0.trim_end_matches('+').to_owned();
                Some((name, self.secrets(Range { start: at, end: at + 1 })))
            })
            .collect();
        let context = self.context();
        self.opens(brace, context);
        for (name, secrets) in all {
            self.sets(&name, super::names::Holds::Secret, secrets);
        }
    }

    /// `sh`, `bat`, `powershell`, `pwsh`.
    fn shell(&mut self, at: usize, word: &'t str) {
        let Some(range) = self.code.arguments(at).filter(|range| self.pays(*range)) else { return };
        let all = self.code.named(range);
        let named = |name: &str| all.iter().find(|one| one.name == Some(name)).map(|one| one.value);
        let Some(script) = named("script").or_else(|| all.iter().find(|one| one.name.is_none()).map(|one| one.value))
        else {
            return;
        };
        let label = named("label").and_then(|label| self.text(label)).map(|(label, _)| label);
        let captured = named("returnStdout").is_some_and(|value| self.code.word(value.start) == Some("true"));
        let dialect = match word {
            "bat" => Dialect::Cmd,
            "sh" => Dialect::Posix,
            _ => Dialect::PowerShell,
        };
        let context = self.step(label.as_deref().or(Some(word)));
        self.notes.scope(self.span(range), &context);
        for one in self.code.strings(script) {
            let Some(token) = self.code.string(one) else { continue };
            let cooked = self.code.cooked(token);
            self.fills(&cooked, &context);
            self.script(&cooked, dialect, captured, &context);
        }
    }

    /// What is filled into a script by Groovy: secrets, and text of strangers.
    fn fills(&mut self, cooked: &Cooked<'t>, context: &Arc<Context>) {
        let known = self.part().names;
        let has_secrets = !known.env.secrets().is_empty();
        for one in &cooked.filled {
            let names = self.code.names_in(one.text, one.base);
            let of_params = one.text.trim_start().starts_with("params.");
            let mut seen: Vec<&Untrusted> = Vec::new();
            for name in &names {
                for secret in known.env.get(name).unwrap_or_default() {
                    if !seen.contains(&secret) {
                        seen.push(secret);
                        self.notes.exposes(Door::Traced, Some(secret.clone()), one.span, context, Confidence::Medium);
                    }
                }
            }
            let is_free = |name: &&str| of_params && !self.bounded.contains(name) && known.env.get(name).is_none();
            if has_secrets && names.iter().any(|name| is_strange(name)) {
                self.notes.exposes(Door::Injected, None, one.span, context, Confidence::Medium);
            } else if has_secrets && names.iter().any(is_free) {
                self.notes.exposes(Door::Injected, None, one.span, context, Confidence::Low);
            }
            self.variables(one.text, one.base);
        }
    }

    /// A script as the shell is given it: its spans are brought back to those of the file.
    fn script(&mut self, cooked: &Cooked<'t>, dialect: Dialect, captured: bool, context: &Arc<Context>) {
        let known = self.part().names;
        if !self.spends(cooked.text.len() + known.size.saturating_mul(64)) {
            return;
        }
        let template = |text: &str| {
            let names = cooked.filled_by(text).map(|one| self.code.names_in(one.text, one.base)).unwrap_or_default();
            let mut all: Vec<Untrusted> =
                names.iter().flat_map(|name| known.env.get(name).unwrap_or_default()).cloned().collect();
            all.dedup();
            all
        };
        let free =
            |name: &str| if looks_secret(name) && is_capital(name) { vec![Untrusted::from(name)] } else { Vec::new() };
        let mut notes = Notes::new(System::Jenkins);
        let script = Script { text: &cooked.text, base: 0, dialect, traced: false };
        let written = notes.script(script, &known.env, &Meaning { template: &template, free: &free }, context);
        notes.reads(script, &known.env, &|name| is_own(name) || self.set.contains(name), context);
        let found = notes.done();
        let place = |at: usize| cooked.place(Span { start: at, end: at }).start;
        self.notes.unread(found.unread.into_iter().map(|one| Unread { at: place(one.at), ..one }));
        for one in found.exposures {
            let bound = one
                .name
                .as_ref()
                .is_none_or(|name| known.env.secrets().contains(name) || known.files.secrets().contains(name));
            let sure = if bound && one.door != Door::Traced { one.confidence } else { Confidence::Medium };
            if !(captured && one.door == Door::Printed) {
                self.notes.exposes(one.door, one.name, cooked.place(one.span), context, sure);
            }
        }
        for one in found.uses {
            let name = String::from_utf8_lossy(one.name.raw()).into_owned();
            self.notes.uses_surely(&name, one.store, None, cooked.place(one.span), context, one.confidence);
        }
        for one in written {
            self.written.push((Written { span: cooked.place(one.span), ..one }, Arc::clone(context)));
        }
    }

    fn prints(&mut self, at: usize) {
        let Some(range) = self.code.arguments(at) else { return };
        let (context, span) = (self.step(self.call), self.span(range));
        for name in self.secrets(range) {
            self.notes.exposes(Door::Printed, Some(name), span, &context, Confidence::High);
        }
    }

    /// `writeFile file: 'path', text: "…"`.
    fn writes(&mut self, at: usize) {
        let Some(range) = self.code.arguments(at).filter(|range| self.pays(*range)) else { return };
        let all = self.code.named(range);
        let value = |name: &str| all.iter().find(|one| one.name == Some(name)).map(|one| one.value);
        let (Some(file), Some(text)) = (value("file").and_then(|file| self.text(file)), value("text")) else { return };
        let (span, context) = (self.span(range), self.step(Some("writeFile")));
        for name in self.secrets(text) {
            self.written.push((Written { path: file.0.clone(), name, span }, Arc::clone(&context)));
        }
    }

    /// What keeps files that were written before.
    fn keeps(&mut self, at: usize, word: &str) {
        let Some(range) = self.code.arguments(at).filter(|range| self.pays(*range)) else { return };
        let key = match word {
            "archiveArtifacts" => "artifacts",
            "publishHTML" => "reportDir",
            _ => "includes",
        };
        let all = self.code.named(range);
        let unnamed = || all.iter().find(|one| one.name.is_none() && word != "stash");
        let Some(value) = all.iter().find(|one| one.name == Some(key)).or_else(unnamed) else { return };
        let Some((paths, _)) = self.text(value.value) else { return };
        let paths: Vec<&str> = paths.split(',').map(str::trim).collect();
        if self.spends(self.written.len().saturating_mul(paths.len()).saturating_mul(8) + 1) {
            for (written, context) in &self.written {
                self.notes.keeps(std::slice::from_ref(written), &paths, context);
            }
        }
    }

    /// `docker.build('name', "--build-arg …")`.
    fn builds(&mut self, at: usize) {
        let Some(range) = self.code.arguments(at).filter(|range| self.pays(*range)) else { return };
        let context = self.step(Some("docker.build"));
        let Some(arguments) = self.code.items(range).into_iter().nth(1) else { return };
        for one in self.code.strings(arguments) {
            let Some(token) = self.code.string(one) else { continue };
            self.script(&self.code.cooked(token).behind("docker build "), Dialect::Posix, true, &context);
        }
    }

    /// A script or program that is loaded.
    fn loads(&mut self, at: usize) {
        let Some(value) = self.code.arguments(at).filter(|range| self.pays(*range)) else { return };
        if let Some((what, sure)) = self.text(value) {
            let path = what.trim_start_matches("./").to_owned();
            let is_here = sure == Confidence::High && !path.starts_with(['/', '$']) && !path.contains("..");
            self.notes.includes(&what, is_here.then_some(path.as_str()), self.span(value));
        }
    }

    /// `@Library('name@version')`, `library 'name@version'`.
    fn library(&mut self, at: usize, word: &str) {
        let is_annotation = word == "Library" && self.code.before(at).is_some_and(|last| last.kind == Kind::Mark(b'@'));
        let Some(range) = self.code.arguments(at).filter(|range| self.pays(*range)) else { return };
        if word == "Library" && !is_annotation {
            return;
        }
        let all = self.code.named(range);
        let identifier = all.iter().find(|one| one.name == Some("identifier")).map(|one| one.value);
        let several =
            || all.iter().filter(|one| one.name.is_none()).flat_map(|one| self.code.strings(one.value)).collect();
        let strings: Vec<usize> = identifier.map_or_else(several, |value| self.code.strings(value));
        for one in strings {
            let value = Range { start: one, end: one + 1 };
            let Some((what, _)) = self.text(value) else { continue };
            let span = self.span(value);
            self.notes.includes(&what, None, span);
            let version = what.rsplit_once('@').map(|(_, version)| version).unwrap_or_default();
            if !(matches!(version.len(), 40 | 64) && version.bytes().all(|b| b.is_ascii_hexdigit())) {
                self.libraries.push(span);
            }
        }
    }

    /// `env.NAME` and `params.NAME`, where they are read.
    fn variable(&mut self, at: usize) {
        let Some(name) = self.code.word(at + 2).filter(|_| self.code.is(at + 1, b'.')) else { return };
        let is_set = self.code.is(at + 3, b'=') && !self.code.is(at + 4, b'=');
        let is_call = self.code.is(at + 3, b'(');
        if !is_set && !is_call {
            self.reads(name, self.code.token(at + 2).map(|token| token.span).unwrap_or_default());
        }
    }

    /// The same in what is filled into a string.
    fn variables(&mut self, text: &str, base: usize) {
        for prefix in ["env.", "params."] {
            let Some(rest) = text.strip_prefix(prefix) else { continue };
            let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
            let start = base + prefix.len();
            if let Some(name) = rest.get(..length).filter(|name| !name.is_empty()) {
                self.reads(name, Span { start, end: start + length });
            }
        }
    }
}

/// Whether an argument names a credential: `credentialsId`, `registryCredentialsId`, `tokenCredentialId`.
fn is_credential_key(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    word.ends_with("credentialsid") || word.ends_with("credentialid")
}

fn is_capital(name: &str) -> bool {
    name.len() > 1 && !name.bytes().any(|b| b.is_ascii_lowercase())
}

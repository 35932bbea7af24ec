//! How a pipeline names credentials: bindings of `withCredentials`, arguments of steps, what a vault fills in.

use super::code::{Argument, Range};
use super::names::Holds;
use super::walk::Walk;
use crate::model::Untrusted;
use crate::model::usage::Store;

/// How deep lists of bindings may stand in each other.
const DEEPEST: u32 = 4;

/// Bindings that put a file into a place, and give its path.
const FILES: &[&str] = &[
    "file",
    "zip",
    "certificate",
    "dockerCert",
    "kubeconfigFile",
    "FileBinding",
    "ZipFileBinding",
    "CertificateMultiBinding",
    "DockerServerCredentialsBinding",
];

impl<'t> Walk<'t> {
    /// `withCredentials([…]) { … }`; the number of the token to go on with.
    pub(super) fn with_credentials(&mut self, at: usize) -> usize {
        let Some(range) = self.code.arguments(at).filter(|range| self.pays(*range)) else { return at + 1 };
        let mut bound = Vec::new();
        self.bindings(range, DEEPEST, &mut bound);
        let Some(brace) = self.code.block(at) else { return range.end };
        let context = self.context();
        self.opens(brace, context);
        for (variable, holds, secret) in bound {
            self.sets(&variable, holds, vec![secret]);
        }
        brace
    }

    fn bindings(&mut self, range: Range, left: u32, bound: &mut Vec<(String, Holds, Untrusted)>) {
        for item in self.code.items(range) {
            if let Some(inner) = self.code.bracketed(item) {
                let all: Vec<Argument<'t>> = self.code.named(item);
                if all.iter().any(|one| one.name.is_some()) {
                    self.binding("", &all, bound);
                } else if left > 0 {
                    self.bindings(inner, left - 1, bound);
                }
            } else if let (Some(kind), Some(inner)) = (self.code.word(item.start), self.code.arguments(item.start)) {
                let all = self.code.named(inner);
                self.binding(kind, &all, bound);
            }
        }
    }

    fn binding(&mut self, kind: &str, all: &[Argument<'t>], bound: &mut Vec<(String, Holds, Untrusted)>) {
        let named = |name: &str| all.iter().find(|one| one.name == Some(name)).map(|one| one.value);
        let class = named("$class").and_then(|value| self.code.plain(value.start)).unwrap_or_default();
        let kind = class.rsplit('.').next().filter(|class| !class.is_empty()).unwrap_or(kind).to_owned();
        let first = || all.first().filter(|one| one.name.is_none()).map(|one| one.value);
        let Some(id) = named("credentialsId").or_else(first) else { return };
        let mut variables: Vec<(String, Holds)> = Vec::new();
        for one in all {
            let Some(key) = one.name.filter(|key| *key == "variable" || key.ends_with("Variable")) else { continue };
            if let Some((variable, _)) = self.text(one.value) {
                variables.push((variable, held(key, &kind)));
            }
        }
        let has = |holds: Holds| variables.iter().any(|(_, one)| *one == holds);
        if matches!(kind.as_str(), "aws" | "AmazonWebServicesCredentialsBinding") && !has(Holds::Secret) {
            variables.push(("AWS_ACCESS_KEY_ID".to_owned(), Holds::Plain));
            variables.push(("AWS_SECRET_ACCESS_KEY".to_owned(), Holds::Secret));
        }
        if kind == "azureServicePrincipal" && variables.is_empty() {
            variables.push(("AZURE_CLIENT_SECRET".to_owned(), Holds::Secret));
        }
        let context = self.step(Some("withCredentials"));
        if variables.is_empty() {
            self.refers(id, None, &context);
        }
        for (variable, holds) in variables {
            if let Some(name) = self.refers(id, Some(&variable), &context) {
                bound.push((variable, holds, name));
            }
        }
    }

    /// Steps and blocks that are given credentials without a name: `sshagent(['id'])`, `docker.withRegistry(url, 'id')`.
    pub(super) fn credential(&mut self, at: usize, word: &str) {
        let Some(range) = self.code.arguments(at).filter(|range| self.pays(*range)) else { return };
        let all = self.code.named(range);
        let value = |name: &str| all.iter().find(|one| one.name == Some(name)).map(|one| one.value);
        let lists = |value: Range| match self.code.bracketed(value) {
            Some(inner) => self.code.items(inner),
            None => vec![value],
        };
        let unnamed: Vec<Range> = all.iter().filter(|one| one.name.is_none()).map(|one| one.value).collect();
        let ids: Vec<Range> = match word {
            "withRegistry" => unnamed.get(1).copied().into_iter().collect(),
            "withAWS" => value("credentials").into_iter().collect(),
            "sshagent" => value("credentials").map_or_else(|| unnamed.into_iter().flat_map(lists).collect(), lists),
            _ => unnamed.first().copied().into_iter().collect(),
        };
        let set =
            (word == "credentials" && at >= 2 && self.code.is(at - 1, b'=')).then(|| self.code.word(at - 2)).flatten();
        // Another function of that name is no helper of an environment.
        if word == "credentials" && set.is_none() {
            return;
        }
        let step = if set.is_some() { None } else { Some(word) };
        let context = self.step(step);
        for id in ids {
            self.refers(id, set, &context);
        }
    }

    /// `credentialsId: 'id'`, `registryCredentialsId 'id'`.
    pub(super) fn credential_key(&mut self, at: usize) {
        let value = if self.code.is(at + 1, b':') {
            let start = at + 2;
            let mut end = start;
            while !self.code.is(end, b',') && self.code.token(end).is_some_and(|token| !token.first || end == start) {
                if end > start + 1 || self.code.is(end, b')') || self.code.is(end, b']') || self.code.is(end, b'}') {
                    break;
                }
                end += 1;
            }
            Some(Range { start, end })
        } else {
            self.code.arguments(at).filter(|range| self.code.string(range.start).is_some())
        };
        if let Some(value) = value.filter(|value| value.start < value.end) {
            let context = self.step(self.call);
            self.refers(value, None, &context);
        }
    }

    /// `envVar: 'NAME'` in a map that says where its value is kept.
    pub(super) fn vault(&mut self, at: usize) {
        if let Some((variable, name)) = self.code.plain(at + 2).zip(self.vault_key(at)) {
            let (context, span) = (self.step(None), self.span(Range { start: at + 2, end: at + 3 }));
            self.has_credentials = true;
            self.notes.uses(&name, Store::Manager, Some(&variable), span, &context);
        }
    }

    /// `secretEnvVar(key: 'NAME', secretName: 'name', secretKey: 'key')` and `secretVolume` of a pod of Kubernetes.
    pub(super) fn pod(&mut self, at: usize) {
        let Some(range) = self.code.arguments(at).filter(|range| self.pays(*range)) else { return };
        let all = self.code.named(range);
        let value = |name: &str| all.iter().find(|one| one.name == Some(name)).map(|one| one.value);
        let text = |name: &str| value(name).and_then(|value| self.text(value)).map(|(text, _)| text);
        let (Some(named), Some(name)) = (value("secretName"), text("secretName")) else { return };
        let whole = text("secretKey").map_or_else(|| name.clone(), |key| format!("{name}/{key}"));
        let (variable, span, context) = (text("key").or_else(|| text("mountPath")), self.span(named), self.context());
        self.notes.uses(&whole, Store::Secret, variable.as_deref(), span, &context);
    }

    /// The name of the secret in the map where `envVar` stands.
    pub(super) fn vault_key(&self, at: usize) -> Option<String> {
        // The map is short: its entries stand right before or behind.
        let near = at.saturating_sub(12)..at + 16;
        let is_key = |one: &usize| {
            matches!(self.code.word(*one), Some("vaultKey" | "secretRef" | "key")) && self.code.is(one + 1, b':')
        };
        let found = near.filter(is_key).min_by_key(|one| one.abs_diff(at))?;
        self.code.plain(found + 2)
    }
}

/// What a binding puts into the variable that a key names.
fn held(key: &str, kind: &str) -> Holds {
    match key {
        "variable" if FILES.contains(&kind) => Holds::Path,
        "variable"
        | "passwordVariable"
        | "passphraseVariable"
        | "secretKeyVariable"
        | "tokenVariable"
        | "secretIdVariable"
        | "clientSecretVariable" => Holds::Secret,
        "keyFileVariable" | "keystoreVariable" => Holds::Path,
        _ => Holds::Plain,
    }
}

//! What a pipeline says of names somewhere in its file, before it is walked: parameters, variables that scripts set, secrets that
//! come out of a vault, repositories with templates.

use std::collections::{HashMap, HashSet};

use super::names::{SETS, is_system, key, macros, properties, property};
use crate::model::usage::Store;
use crate::model::{Confidence, Untrusted};
use crate::uses::notes::looks_secret;
use crate::uses::yaml::Node;

/// The token of the job, which is a secret.
pub(super) const TOKEN: &str = "SYSTEM_ACCESSTOKEN";

/// Variables that a part of the file defines, by key, with the secrets in their values; and what is around it.
#[derive(Debug, Default)]
pub(super) struct Variables<'v> {
    pub(super) outer: Option<&'v Variables<'v>>,
    pub(super) own: HashMap<String, Vec<Untrusted>>,
}

impl Variables<'_> {
    /// The secrets in the value of a variable; `None` where the file does not define it.
    pub(super) fn get(&self, name: &str) -> Option<&[Untrusted]> {
        let key = key(name);
        let mut here = Some(self);
        while let Some(variables) = here {
            if let Some(found) = variables.own.get(&key) {
                return Some(found);
            }
            here = variables.outer;
        }
        None
    }
}

/// A parameter of a template.
#[derive(Debug, Default)]
pub(super) struct Parameter {
    /// The secrets in its default.
    pub(super) secrets: Vec<Untrusted>,
    /// Whether whoever starts the pipeline writes any text for it.
    pub(super) is_free: bool,
}

/// A repository that templates are taken from.
#[derive(Debug)]
pub(super) struct Repository {
    /// How sure it is that others than those who run the pipeline can change what its name stands for; `None` if nobody can.
    pub(super) movable: Option<Confidence>,
}

/// What a name stands for.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// The secrets behind it.
    pub(super) secrets: Vec<Untrusted>,
    /// Where its value is kept, if not in this file.
    pub(super) kept: Option<(Store, Confidence)>,
}

/// Everything of one file.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Variables that scripts set, by key, and whether as secrets.
    made: HashMap<String, bool>,
    /// Names of steps, whose variables are `$(step.variable)`.
    steps: HashSet<String>,
    /// Secrets out of a vault.
    vault: HashSet<String>,
    pub(super) parameters: HashMap<String, Parameter>,
    pub(super) repositories: HashMap<String, Repository>,
}

impl Known {
    /// Reads a file.
    pub(super) fn of(root: Node<'_>, source: &str) -> Self {
        let mut known = Self { made: made(source), ..Self::default() };
        root.scalars(&mut |keys, value| {
            let (last, text) = (keys.last().copied().unwrap_or_default(), value.text().unwrap_or_default());
            if last == "name" {
                known.steps.insert(key(text));
            } else if last.eq_ignore_ascii_case("SecretsFilter") {
                known.vault.extend(text.split(',').map(key).filter(|name| !name.is_empty() && name != "*"));
            }
        });
        let is_started = ["trigger", "pr", "schedules"].iter().any(|key| root.get(key).is_some());
        known.parameters = parameters(root, is_started);
        for repository in root.path(&["resources", "repositories"]).map(Node::items).unwrap_or_default() {
            let alias = repository.word("repository").map(key).unwrap_or_default();
            known.repositories.insert(alias, Repository { movable: movable(repository) });
        }
        known
    }

    /// What a variable stands for; whoever takes it (`taker`) says whether it is secret, where its name does not.
    pub(super) fn look(&self, name: &str, taker: Option<&str>, variables: &Variables<'_>) -> Look {
        let key = key(name);
        let itself = || vec![Untrusted::from(name)];
        if key == TOKEN {
            return Look { secrets: itself(), kept: Some((Store::Secret, Confidence::High)) };
        }
        if is_system(name) {
            return Look::default();
        }
        if let Some(secrets) = variables.get(name) {
            return Look { secrets: secrets.to_vec(), kept: None };
        }
        if self.vault.contains(&key) {
            return Look { secrets: itself(), kept: Some((Store::Manager, Confidence::High)) };
        }
        if let Some(is_secret) = self.made.get(&key) {
            return Look { secrets: if *is_secret { itself() } else { Vec::new() }, kept: None };
        }
        if name.split_once('.').is_some_and(|(step, _)| self.steps.contains(&step.to_ascii_uppercase())) {
            return Look::default();
        }
        let is_secret = looks_secret(name) || taker.is_some_and(looks_secret);
        let sure = if is_secret { Confidence::High } else { Confidence::Medium };
        Look { secrets: if is_secret { itself() } else { Vec::new() }, kept: Some((Store::Variable, sure)) }
    }

    /// The secrets behind a parameter.
    pub(super) fn parameter(&self, name: &str) -> Vec<Untrusted> {
        let secrets = self.parameters.get(&key(name)).map(|parameter| parameter.secrets.clone()).unwrap_or_default();
        if secrets.is_empty() && looks_secret(name) { vec![name.into()] } else { secrets }
    }

    /// Whether a script sets a variable.
    pub(super) fn is_made(&self, name: &str) -> bool {
        self.made.contains_key(&key(name))
    }
}

/// Variables that scripts set: `##vso[task.setvariable variable=NAME;issecret=true]`.
fn made(source: &str) -> HashMap<String, bool> {
    let mut all = HashMap::new();
    let lower = source.to_ascii_lowercase();
    for (at, command) in lower.match_indices(SETS) {
        let properties = properties(source.get(at + command.len()..).unwrap_or_default());
        if let Some(name) = property(properties, "variable") {
            let is_secret = property(properties, "issecret").is_some_and(|value| value.eq_ignore_ascii_case("true"));
            *all.entry(key(name)).or_insert(false) |= is_secret;
        }
    }
    all
}

/// Parameters: a list of them, or names with defaults.
fn parameters(root: Node<'_>, is_started: bool) -> HashMap<String, Parameter> {
    let mut all = HashMap::new();
    let Some(node) = root.get("parameters") else { return all };
    let secrets = |default: Option<Node<'_>>| {
        let text = default.and_then(Node::text).unwrap_or_default();
        let names = macros(text, 0).into_iter().filter(|(name, _)| looks_secret(name) || key(name) == TOKEN);
        names.map(|(name, _)| Untrusted::from(name)).collect()
    };
    for (name, default) in node.entries() {
        let parameter = Parameter { secrets: secrets(Some(default)), is_free: false };
        all.insert(key(name.text().unwrap_or_default()), parameter);
    }
    for one in node.items() {
        let is_text = one.word("type").is_none_or(|kind| kind == "string");
        let is_free = is_started && is_text && one.get("values").is_none();
        all.insert(
            key(one.word("name").unwrap_or_default()),
            Parameter { secrets: secrets(one.get("default")), is_free },
        );
    }
    all
}

/// How sure it is that others can change what a repository has under the name that is given.
fn movable(repository: Node<'_>) -> Option<Confidence> {
    let name = repository.word("ref").unwrap_or_default();
    if name.len() >= 40 && name.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let is_ours = repository.word("type").is_none_or(|kind| kind == "git");
    Some(if is_ours || name.starts_with("refs/tags/") { Confidence::Low } else { Confidence::Medium })
}

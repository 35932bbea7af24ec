//! Objects of Kubernetes that run containers: their environment, their volumes, and what their scripts do.

use std::sync::Arc;

use crate::model::usage::{Context, Door, Span, Store, System, Uses};
use crate::model::{Confidence, Untrusted};
use crate::uses::drone::{Budget, Handed, is_of_shell};
use crate::uses::kubernetes::command;
use crate::uses::notes::{Meaning, Notes, looks_secret};
use crate::uses::shell::{Dialect, Script, Written};
use crate::uses::yaml::{Node, Yaml};

/// What Pipelines as Code fills in that strangers choose.
const STRANGE: &[&str] = &[
    "source_branch",
    "trigger_comment",
    "body.pull_request.title",
    "body.pull_request.body",
    "body.head_commit.message",
];

/// The name and the kind of an object, as a context.
pub(in crate::uses) fn context_of(node: Node<'_>) -> Context {
    let name =
        node.path(&["metadata", "name"]).or_else(|| node.path(&["metadata", "generateName"])).and_then(Node::text);
    let kind = node.word("kind").unwrap_or_default();
    let title = name.map_or_else(|| kind.to_owned(), |name| format!("{kind}/{name}"));
    let environment = node.path(&["metadata", "namespace"]).and_then(Node::text).map(Untrusted::from);
    Context { pipeline: Some(title.as_str().into()), environment, ..Context::default() }
}

/// What is written down about objects that run containers.
pub(in crate::uses) struct Pods {
    pub(in crate::uses) notes: Notes,
    budget: Budget,
}

/// Who mounts a volume: its name, the context, the path.
pub(in crate::uses) type Mounts<'y> = Vec<(&'y str, Arc<Context>, Option<&'y str>)>;

impl Pods {
    pub(in crate::uses) fn new(system: System) -> Self {
        Self { notes: Notes::new(system), budget: Budget::new() }
    }

    /// What was found. A file in which there is no such object is none of this system, whatever else is wrong with it.
    pub(in crate::uses) fn done(mut self, yaml: &Yaml<'_>, found: bool) -> Uses {
        if found {
            self.notes.unread(yaml.unread().into_iter().chain(self.budget.unread()));
        }
        self.notes.done()
    }

    /// A reference to a secret and a key of it.
    pub(in crate::uses) fn refers(
        &mut self,
        name: Option<Node<'_>>,
        key: Option<Node<'_>>,
        variable: Option<&str>,
        context: &Arc<Context>,
        sure: Confidence,
    ) -> Option<String> {
        let name = name?;
        let text = name.text().filter(|text| !text.is_empty())?;
        let sure = if text.contains("$(") || text.contains("{{") { sure.min(Confidence::Medium) } else { sure };
        let whole = key.and_then(Node::text).map_or_else(|| text.to_owned(), |key| format!("{text}/{key}"));
        self.notes.uses_surely(&whole, Store::Secret, variable, name.span(), context, sure);
        Some(whole)
    }

    /// The environment of a container.
    pub(in crate::uses) fn environment(&mut self, node: Node<'_>, handed: &mut Handed, context: &Arc<Context>) {
        for from in node.get("envFrom").map(Node::items).unwrap_or_default() {
            let secret = from.path(&["secretRef", "name"]);
            if let Some(name) = self.refers(secret, None, None, context, Confidence::High) {
                // Which variables it has is not known; that there are some is.
                handed.add("*", &name);
            }
        }
        for item in node.get("env").map(Node::items).unwrap_or_default() {
            let variable = item.word("name").unwrap_or_default();
            let from = item.path(&["valueFrom", "secretKeyRef"]);
            let (name, key) = (from.and_then(|from| from.get("name")), from.and_then(|from| from.get("key")));
            match self.refers(name, key, Some(variable), context, Confidence::High) {
                Some(secret) => handed.add(variable, &secret),
                None => handed.hide(variable),
            }
        }
    }

    /// A container: its environment, what it mounts, what it runs. Gives the files that it writes secrets into.
    pub(in crate::uses) fn container<'y>(
        &mut self,
        node: Node<'y>,
        outer: &Handed,
        context: &Arc<Context>,
        mounts: &mut Mounts<'y>,
    ) -> Vec<Written<Untrusted>> {
        self.notes.scope(node.span(), context);
        if !self.budget.pays(outer) {
            return Vec::new();
        }
        let mut handed = outer.clone();
        self.environment(node, &mut handed, context);
        for mount in node.get("volumeMounts").map(Node::items).unwrap_or_default() {
            if let Some(name) = mount.word("name") {
                mounts.push((name, Arc::clone(context), mount.word("mountPath")));
            }
        }
        let mut written = Vec::new();
        let words = |key: &str| node.get(key).map(Node::each).unwrap_or_default().into_iter().filter_map(Node::raw);
        let all: Vec<(&str, usize)> = words("command").chain(words("args")).collect();
        if let Some(script) = command::of_words(&all) {
            written.extend(self.script(script, &handed, context));
        }
        let by = words("command").next().map(|(word, _)| word);
        for source in ["script", "source"].into_iter().filter_map(|key| node.get(key)) {
            if let Some(script) = source.raw().and_then(|(text, base)| shell_script(text, base, by)) {
                written.extend(self.script(script, &handed, context));
            }
        }
        written
    }

    fn script(&mut self, script: Script<'_>, handed: &Handed, context: &Arc<Context>) -> Vec<Written<Untrusted>> {
        if !self.budget.pays(handed) {
            return Vec::new();
        }
        if !handed.secrets.is_empty() {
            for span in strange(script.text, script.base) {
                self.notes.exposes(Door::Injected, None, span, context, Confidence::Medium);
            }
        }
        // A variable that nothing sets may be one of a secret that is taken in as a whole.
        let whole = handed.env.get("*").map(<[_]>::to_vec).unwrap_or_default();
        let free = |name: &str| {
            if looks_secret(name) && !is_of_shell(name) { whole.clone() } else { Vec::new() }
        };
        self.notes.script(script, &handed.env, &Meaning { template: &|_| Vec::new(), free: &free }, context)
    }

    /// Volumes with secrets, each told for everything that mounts it.
    pub(in crate::uses) fn volumes(&mut self, node: Option<Node<'_>>, mounts: &Mounts<'_>, context: &Arc<Context>) {
        for volume in node.map(Node::items).unwrap_or_default() {
            let projected = volume.path(&["projected", "sources"]).map(Node::items).unwrap_or_default();
            let secrets: Vec<Node<'_>> = volume
                .get("secret")
                .into_iter()
                .chain(projected.into_iter().filter_map(|one| one.get("secret")))
                .collect();
            if secrets.is_empty() {
                continue;
            }
            let name = volume.word("name").unwrap_or_default();
            let mut by: Vec<(Arc<Context>, Option<&str>)> = Vec::new();
            for (_, context, path) in mounts.iter().filter(|(mounted, ..)| *mounted == name).take(64) {
                by.push((Arc::clone(context), *path));
            }
            if by.is_empty() {
                by.push((Arc::clone(context), None));
            }
            for secret in secrets {
                let named = secret.get("secretName").or_else(|| secret.get("name"));
                for (context, path) in &by {
                    self.refers(named, None, *path, context, Confidence::High);
                }
            }
        }
    }
}

/// A script as its first line or the command that runs it says; `None` where that is no shell.
fn shell_script<'s>(text: &'s str, base: usize, by: Option<&str>) -> Option<Script<'s>> {
    let first = text.lines().next().unwrap_or_default().trim();
    let line = first.strip_prefix("#!").or(by).unwrap_or("sh");
    let mut words = line
        .split_whitespace()
        .map(|word| word.rsplit('/').next().unwrap_or_default())
        .filter(|word| *word != "env" && *word != "-S");
    let shell = words.next().unwrap_or("sh");
    let traced = words.any(|flags| flags.starts_with('-') && !flags.starts_with("--") && flags.contains('x'));
    let known = matches!(shell, "sh" | "bash" | "ash" | "dash" | "ksh" | "zsh" | "pwsh" | "powershell");
    known.then(|| Script { text, base, dialect: Dialect::named(shell), traced })
}

/// Where text of strangers is filled into a script: `{{ source_branch }}`.
fn strange(text: &str, base: usize) -> Vec<Span> {
    let found = text.match_indices("{{").filter_map(|(at, _)| {
        let inner = text.get(at + 2..)?;
        let length = inner.get(..256.min(inner.len())).unwrap_or_default().find("}}")?;
        let name = inner.get(..length)?.trim();
        STRANGE.contains(&name).then_some(Span { start: base + at, end: base + at + length + 4 })
    });
    found.collect()
}

//! Objects of Kubernetes that run containers: their environment, their volumes, and what their scripts do.

use std::sync::Arc;

use super::budget::Budget;
use super::command::{Inner, of_nodes};
use super::handed::{Handed, LOOKS};
use super::notes::{Meaning, Notes, looks_secret};
use super::script::Lines;
use super::shell::{Dialect, Written, is_of_shell, is_tracing};
use super::yaml::{Node, Yaml};
use crate::model::usage::{Context, Door, Span, Store, System, Uses};
use crate::model::{Confidence, Untrusted};

/// For how many of those that mount a volume its secrets are told.
const MOUNTS: usize = 64;
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
        Self { notes: Notes::new(system), budget: Budget::new(LOOKS) }
    }

    /// What was found. A file in which there is no such object is none of this system, whatever else is wrong with it.
    pub(in crate::uses) fn done(mut self, yaml: &Yaml<'_>, found: bool) -> Uses {
        if found {
            self.notes.unread(yaml.unread().into_iter().chain(self.budget.unread()));
        }
        self.notes.done()
    }

    /// Says that what stands in a node is deeper than is followed; a scalar ends there anyway.
    pub(in crate::uses) fn leaves_out(&mut self, node: Node<'_>) {
        if node.text().is_none() {
            let why = "its objects are deeper than is followed: who uses what further down is not known";
            self.notes.leaves_out(node.span().start, why);
        }
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
        if !self.budget.pays(outer.cost()) {
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
        let words = |key: &str| node.get(key).map(Node::each).unwrap_or_default();
        if let Some(inner) = of_nodes(words("command").into_iter().chain(words("args")).filter_map(Lines::of).collect())
        {
            written.extend(self.script(&inner, &handed, context));
        }
        let by = words("command").first().and_then(|word| word.text());
        for source in ["script", "source"].into_iter().filter_map(|key| node.get(key)) {
            if let Some(inner) = Lines::of(source).and_then(|lines| shell_script(lines, by)) {
                written.extend(self.script(&inner, &handed, context));
            }
        }
        written
    }

    fn script(&mut self, inner: &Inner<'_>, handed: &Handed, context: &Arc<Context>) -> Vec<Written<Untrusted>> {
        if !self.budget.pays(handed.cost()) {
            return Vec::new();
        }
        if !handed.secrets.is_empty() {
            for span in strange(inner.lines.text()) {
                self.notes.exposes(Door::Injected, None, inner.lines.place(span), context, Confidence::Medium);
            }
        }
        // A variable that nothing sets may be one of a secret that is taken in as a whole.
        let whole = handed.env.get("*").map(<[_]>::to_vec).unwrap_or_default();
        let free = |name: &str| {
            if looks_secret(name) && !is_of_shell(name) { whole.clone() } else { Vec::new() }
        };
        self.notes.script(inner.script(), &handed.env, &Meaning { template: &|_| Vec::new(), free: &free }, context)
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
            let mut all = mounts.iter().filter(|(mounted, ..)| *mounted == name);
            by.extend(all.by_ref().take(MOUNTS).map(|(_, context, path)| (Arc::clone(context), *path)));
            if all.next().is_some() {
                let why = "a volume is mounted more often than is told: who else mounts it is not known";
                self.notes.leaves_out(volume.span().start, why);
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
fn shell_script<'y>(lines: Lines<'y>, by: Option<&str>) -> Option<Inner<'y>> {
    let first = lines.text().lines().next().unwrap_or_default().trim();
    let line = first.strip_prefix("#!").or(by).unwrap_or("sh");
    let mut words = line
        .split_whitespace()
        .map(|word| word.rsplit('/').next().unwrap_or_default())
        .filter(|word| *word != "env" && *word != "-S");
    let shell = words.next().unwrap_or("sh");
    let traced = words.any(is_tracing);
    let known = matches!(shell, "sh" | "bash" | "ash" | "dash" | "ksh" | "zsh" | "pwsh" | "powershell");
    let dialect = Dialect::named(shell);
    known.then_some(Inner { lines, dialect, traced })
}

/// Where text of strangers is filled into a script: `{{ source_branch }}`.
fn strange(text: &str) -> Vec<Span> {
    let found = text.match_indices("{{").filter_map(|(at, _)| {
        let inner = text.get(at + 2..)?;
        let length = inner.get(..256.min(inner.len())).unwrap_or_default().find("}}")?;
        let name = inner.get(..length)?.trim();
        STRANGE.contains(&name).then_some(Span { start: at, end: at + length + 4 })
    });
    found.collect()
}

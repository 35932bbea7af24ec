//! Objects of Kubernetes that run containers: their environment, their volumes, and what their scripts do.

use std::sync::Arc;

use super::budget::Budget;
use super::command::{Inner, of_nodes};
use super::handed::{Handed, LOOKS};
use super::notes::{Meaning, Notes, looks_secret};
use super::script::Lines;
use super::shell::{Dialect, Script, Written, is_of_shell, is_tracing};
use super::templates::Filled;
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

/// What is written down about objects that run containers.
pub(in crate::uses) struct Pods<'f> {
    pub(in crate::uses) notes: Notes,
    budget: Budget,
    /// What the file is without its templates, where it has some.
    filled: Option<&'f Filled<'f>>,
    /// Volumes with secrets: their names, and the secrets. Those of inner parts stand behind those of outer ones.
    pub(in crate::uses) kept: Vec<(String, Vec<Untrusted>)>,
}

/// Who mounts a volume: its name, the context, the path.
pub(in crate::uses) type Mounts<'y> = Vec<(&'y str, Arc<Context>, Option<&'y str>)>;

impl<'f> Pods<'f> {
    pub(in crate::uses) fn new(system: System, filled: Option<&'f Filled<'f>>) -> Self {
        Self { notes: Notes::new(system), budget: Budget::new(LOOKS), filled, kept: Vec::new() }
    }

    /// The text of a scalar; where it is made by a template, the template as it is written.
    pub(in crate::uses) fn text(&self, node: Option<Node<'_>>) -> Option<String> {
        let node = node?;
        self.filled.map_or_else(|| node.text().map(str::to_owned), |filled| filled.text_of(node))
    }

    /// The same, as a part of a context.
    pub(in crate::uses) fn name(&self, node: Option<Node<'_>>) -> Option<Untrusted> {
        self.text(node).map(|text| text.as_str().into())
    }

    /// The name and the kind of an object, as a context.
    pub(in crate::uses) fn context_of(&self, node: Node<'_>) -> Context {
        let named = node.path(&["metadata", "name"]).or_else(|| node.path(&["metadata", "generateName"]));
        let kind = node.word("kind").unwrap_or_default();
        let title = self.text(named).map_or_else(|| kind.to_owned(), |name| format!("{kind}/{name}"));
        let environment = self.name(node.path(&["metadata", "namespace"]));
        Context { pipeline: Some(title.as_str().into()), environment, ..Context::default() }
    }

    /// Takes the volumes with secrets of a part, so that its containers know them; gives how many there were before.
    pub(in crate::uses) fn keep_volumes(&mut self, node: Option<Node<'_>>) -> usize {
        let before = self.kept.len();
        for volume in node.map(Node::items).unwrap_or_default() {
            let of = |secret: Node<'_>| self.name(secret.get("secretName").or_else(|| secret.get("name")));
            let secrets: Vec<Untrusted> = secrets_of(volume).into_iter().filter_map(of).collect();
            self.kept.push((volume.word("name").unwrap_or_default().to_owned(), secrets));
        }
        before
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
        let text = self.text(Some(name)).filter(|text| !text.is_empty())?;
        let span = self.filled.map_or_else(|| name.span(), |filled| filled.span(name));
        let sure = if text.contains("$(") || text.contains("{{") { sure.min(Confidence::Medium) } else { sure };
        let whole = self.text(key).map_or_else(|| text.clone(), |key| format!("{text}/{key}"));
        self.notes.uses_surely(&whole, Store::Secret, variable, span, context, sure);
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
            let Some(name) = mount.word("name") else { continue };
            let path = mount.word("mountPath");
            mounts.push((name, Arc::clone(context), path));
            let is_paid = self.budget.pays(self.kept.len());
            let kept = self.kept.iter().rev().find(|(volume, _)| is_paid && volume == name).map(|(_, secrets)| secrets);
            if let Some((secrets, path)) = kept.zip(path) {
                handed.env.set_file(path.trim_end_matches('/'), secrets.clone());
            }
        }
        let mut written = Vec::new();
        let words = |key: &str| node.get(key).map(Node::each).unwrap_or_default();
        let command: Vec<Node<'_>> = words("command").into_iter().chain(words("args")).collect();
        let lines = command.iter().filter_map(|word| Lines::of(*word));
        match of_nodes(lines.map(|lines| filled_in(lines, &handed)).collect()) {
            Some(inner) => written.extend(self.script(&inner, &handed, context)),
            None => written.extend(self.program(&command, words("command").is_empty(), &handed, context)),
        }
        let by: Vec<&str> = words("command").into_iter().filter_map(Node::text).collect();
        for source in ["script", "source"].into_iter().filter_map(|key| node.get(key)) {
            if let Some(inner) = Lines::of(source).and_then(|lines| shell_script(lines, &by.join(" "))) {
                written.extend(self.script(&inner, &handed, context));
            }
        }
        written
    }

    /// A program that no shell starts: of variables, it sees those alone that are filled in (`$(NAME)`).
    fn program(
        &mut self,
        words: &[Node<'_>],
        of_image: bool,
        handed: &Handed,
        context: &Arc<Context>,
    ) -> Vec<Written<Untrusted>> {
        let Some(first) = words.first().filter(|_| self.budget.pays(handed.cost())) else { return Vec::new() };
        // What the image starts is not known.
        let mut line = if of_image { "_".to_owned() } else { String::new() };
        for text in words.iter().filter_map(|word| word.text()) {
            line.push(' ');
            line.push_str(&as_word(text, handed));
        }
        let (nothing, mut notes) = (Arc::default(), Notes::new(System::Shell));
        let meaning = Meaning { template: &|_| Vec::new(), free: &|_| Vec::new() };
        let script = Script { text: &line, base: 0, dialect: Dialect::Posix, traced: false };
        let written = notes.script(script, &handed.env, &meaning, &nothing);
        let span_of = |secret: Option<&Untrusted>| {
            let has = |word: &&Node<'_>| {
                let names = named(word.text().unwrap_or_default());
                names
                    .into_iter()
                    .any(|(_, name)| handed.env.get(name).unwrap_or_default().iter().any(|one| Some(one) == secret))
            };
            words.iter().find(has).unwrap_or(first).span()
        };
        for one in notes.done().exposures {
            let span = span_of(one.name.as_ref());
            self.notes.exposes(one.door, one.name, span, context, one.confidence);
        }
        written.into_iter().map(|one| Written { span: span_of(Some(&one.name)), ..one }).collect()
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
            let secrets = secrets_of(volume);
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

/// The secrets of a volume.
fn secrets_of(volume: Node<'_>) -> Vec<Node<'_>> {
    let projected = volume.path(&["projected", "sources"]).map(Node::items).unwrap_or_default();
    volume.get("secret").into_iter().chain(projected.into_iter().filter_map(|one| one.get("secret"))).collect()
}

/// A script as its first line or the command that runs it says; `None` where that is no shell.
fn shell_script<'y>(lines: Lines<'y>, by: &str) -> Option<Inner<'y>> {
    let first = lines.text().lines().next().unwrap_or_default().trim();
    let line = first.strip_prefix("#!").unwrap_or(if by.is_empty() { "sh" } else { by });
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

/// Where variables are filled into a word before anything is run: `$(NAME)`.
fn named(text: &str) -> Vec<(usize, &str)> {
    let inner = text.match_indices("$(").filter(|(at, _)| !text.get(..*at).is_some_and(|before| before.ends_with('$')));
    let name = |(at, _): (usize, &str)| {
        let rest = text.get(at + 2..)?;
        let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let is_closed = rest.as_bytes().get(length) == Some(&b')');
        rest.get(..length).filter(|name| !name.is_empty() && is_closed).map(|name| (at, name))
    };
    inner.filter_map(name).collect()
}

/// A word in which what is filled in is a variable as a shell has it, with every byte where it was.
fn filled_in<'y>(mut lines: Lines<'y>, handed: &Handed) -> Lines<'y> {
    let mut text = lines.text().to_owned();
    let all: Vec<_> = named(lines.text()).into_iter().filter(|(_, name)| handed.env.get(name).is_some()).collect();
    if all.is_empty() {
        return lines;
    }
    for (at, name) in all {
        text.replace_range(at..at + name.len() + 3, &format!("${{{name}}}"));
    }
    lines.change(text);
    lines
}

/// A word as a shell would be given it: nothing in it is a sign but the variables that are filled in.
fn as_word(text: &str, handed: &Handed) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_=./:,@+".contains(c) { c } else { '_' };
    let (mut all, mut from) = (String::with_capacity(text.len()), 0);
    for (at, name) in named(text).into_iter().filter(|(_, name)| handed.env.get(name).is_some()) {
        all.extend(text.get(from..at).unwrap_or_default().chars().map(plain));
        all.push_str(&format!("${{{name}}}"));
        from = at + name.len() + 3;
    }
    all.extend(text.get(from..).unwrap_or_default().chars().map(plain));
    all
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

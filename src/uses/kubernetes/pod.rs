//! Pods: containers, their environment, their volumes, and what their commands do.

use std::collections::HashMap;
use std::sync::Arc;

use super::Manifest;
use crate::model::usage::{Context, Door, Store};
use crate::model::{Confidence, Untrusted};
use crate::uses::command::of_nodes;
use crate::uses::notes::{Env, Meaning, looks_secret};
use crate::uses::script::Lines;
use crate::uses::yaml::Node;

/// Lists of containers.
const CONTAINERS: &[&str] = &["initContainers", "containers", "ephemeralContainers"];

/// Who mounts a volume: the context, and the path in it.
type Mounts = HashMap<String, Vec<(Arc<Context>, Option<String>)>>;

/// The environment of a container.
#[derive(Debug, Default)]
pub(super) struct Environment {
    env: Env,
    /// Secrets that are taken in with all their keys.
    whole: Vec<Untrusted>,
}

impl Manifest<'_> {
    /// Reads what containers stand in.
    pub(super) fn pod(&mut self, node: Node<'_>, context: &Arc<Context>, depth: usize) {
        let mut mounts = Mounts::new();
        for list in CONTAINERS {
            for container in node.get(list).map(Node::items).unwrap_or_default() {
                self.container(container, context, &mut mounts, depth);
            }
        }
        for (key, value) in node.entries() {
            match key.text().unwrap_or_default() {
                "volumes" => {
                    value.items().into_iter().for_each(|volume| self.volume(volume, context, &mut mounts, depth))
                }
                key if CONTAINERS.contains(&key) => {}
                key => self.entry(key, value, context, depth + 1),
            }
        }
    }

    fn container(&mut self, node: Node<'_>, pod: &Arc<Context>, mounts: &mut Mounts, depth: usize) {
        let told =
            |node: Option<Node<'_>>| node.and_then(|node| self.text(node)).map(|text| Untrusted::from(text.as_str()));
        let (job, action) = (told(node.get("name")), told(node.get("image")));
        let context = Arc::new(Context { job, action, ..Context::clone(pod) });
        self.notes.scope(node.span(), &context);
        let mut known = Environment::default();
        for (key, value) in node.entries() {
            match key.text().unwrap_or_default() {
                "env" => known.env = self.environment(value, &context),
                "envFrom" => {
                    for source in value.items() {
                        let secret =
                            source.get("secretRef").and_then(|of| self.whole(of, Store::Secret, None, &context));
                        known.whole.extend(secret);
                        if let Some(map) = source.get("configMapRef") {
                            self.whole(map, Store::Variable, None, &context);
                        }
                    }
                }
                "volumeMounts" => {
                    for mount in value.items() {
                        let path = mount.get("mountPath").and_then(|path| self.text(path));
                        if let Some(name) = mount.get("name").and_then(|name| self.text(name)) {
                            mounts.entry(name).or_default().push((Arc::clone(&context), path));
                        }
                    }
                }
                "command" | "args" => {}
                key => self.entry(key, value, &context, depth + 1),
            }
        }
        self.command(node, known, &context);
    }

    /// Variables of a container, and which secrets are in them.
    pub(super) fn environment(&mut self, node: Node<'_>, context: &Arc<Context>) -> Env {
        let mut env = Env::default();
        for item in node.items() {
            let name = item.get("name").and_then(|name| self.text(name)).unwrap_or_default();
            let variable = Some(name.as_str()).filter(|name| !name.is_empty());
            for (key, value) in item.entries() {
                match key.text().unwrap_or_default() {
                    "valueFrom" => {
                        for (key, from) in value.entries() {
                            match key.text().unwrap_or_default() {
                                "secretKeyRef" => {
                                    let secret = self.whole(from, Store::Secret, variable, context);
                                    env.set(&name, secret.into_iter().collect());
                                }
                                "configMapKeyRef" => drop(self.whole(from, Store::Variable, variable, context)),
                                _ => {}
                            }
                        }
                    }
                    "value" => {
                        self.seen.handed.push((value.span(), name.clone()));
                        let text = value.text().unwrap_or_default();
                        let mut secrets = expanded(text, &env);
                        if secrets.is_empty() && looks_secret(&name) && !text.is_empty() {
                            secrets.push(Untrusted::from(name.as_str()));
                        }
                        env.set(&name, secrets);
                    }
                    _ => {}
                }
            }
        }
        env
    }

    fn volume(&mut self, node: Node<'_>, pod: &Arc<Context>, mounts: &mut Mounts, depth: usize) {
        let name = node.get("name").and_then(|name| self.text(name)).unwrap_or_default();
        let by = mounts.remove(&name).unwrap_or_else(|| vec![(Arc::clone(pod), None)]);
        for (context, path) in by {
            let path = path.as_deref();
            for (key, value) in node.entries() {
                match key.text().unwrap_or_default() {
                    "secret" => self.secret(value, path, &context),
                    "projected" => {
                        for source in value.get("sources").map(Node::items).unwrap_or_default() {
                            if let Some(secret) = source.get("secret") {
                                self.secret(secret, path, &context);
                            }
                        }
                    }
                    "csi" => {
                        if let Some(class) = value.path(&["volumeAttributes", "secretProviderClass"]) {
                            self.refers((class, None), Store::Manager, path, &context);
                        }
                        if let Some(secret) = value.get("nodePublishSecretRef") {
                            self.whole(secret, Store::Secret, None, &context);
                        }
                    }
                    key => self.entry(key, value, &context, depth + 1),
                }
            }
        }
    }

    /// What a container runs: what it writes is in its log.
    fn command(&mut self, node: Node<'_>, mut known: Environment, context: &Arc<Context>) {
        let items: Vec<Node<'_>> =
            ["command", "args"].iter().filter_map(|key| node.get(key)).flat_map(Node::each).collect();
        known.env.set("*", known.whole.clone());
        let whole = known.whole;
        let free = |name: &str| if looks_secret(name) { whole.clone() } else { Vec::new() };
        let meaning = Meaning { template: &|_| Vec::new(), free: &free };
        if let Some(mut inner) = of_nodes(items.iter().copied().filter_map(Lines::of).collect()) {
            inner.lines.change(braced(inner.lines.text(), &known.env));
            self.notes.script(inner.script(), &known.env, &meaning, context);
            return;
        }
        let first = items.first().and_then(|word| word.text()?.rsplit('/').next()).unwrap_or_default();
        let rest = items.get(1..).unwrap_or_default();
        let door = Door::Printed;
        match first {
            "echo" | "printf" => {
                for word in rest {
                    for name in expanded(word.text().unwrap_or_default(), &known.env) {
                        self.notes.exposes(door, Some(name), word.span(), context, Confidence::High);
                    }
                }
            }
            "env" | "printenv" if rest.is_empty() && !known.env.secrets().is_empty() => {
                let span = items.first().map(|item| item.span()).unwrap_or_default();
                self.notes.exposes(door, None, span, context, Confidence::High);
            }
            _ => {}
        }
    }
}

/// Variables as Kubernetes fills them in, `$(NAME)`: where each begins, and its name.
fn variables(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices("$(").filter_map(|(at, _)| {
        let rest = text.get(at + 2..)?;
        let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')).count();
        let is_escaped = text.get(..at)?.ends_with('$');
        (length > 0 && rest.as_bytes().get(length) == Some(&b')') && !is_escaped).then_some((at, rest.get(..length)?))
    })
}

/// The secrets in a text that Kubernetes fills in.
fn expanded(text: &str, env: &Env) -> Vec<Untrusted> {
    let mut all: Vec<Untrusted> = variables(text).filter_map(|(_, name)| env.get(name)).flatten().cloned().collect();
    all.sort();
    all.dedup();
    all
}

/// A script in which `$(NAME)` of Kubernetes is written `${NAME}`, as a shell has it.
fn braced(text: &str, env: &Env) -> String {
    let mut bytes = text.to_owned().into_bytes();
    for (at, name) in variables(text).filter(|(_, name)| env.get(name).is_some()) {
        for (place, brace) in [(at + 1, b'{'), (at + 2 + name.len(), b'}')] {
            if let Some(byte) = bytes.get_mut(place) {
                *byte = brace;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

//! References by the keys that Kubernetes and what builds on it have for them, wherever they stand.

use std::sync::Arc;

use super::Manifest;
use crate::model::usage::{Context, Store};
use crate::model::{Confidence, Untrusted};
use crate::uses::yaml::Node;

/// How deep objects are read.
const DEEPEST: usize = 64;
/// Keys whose text is the name of a secret.
const NAMES: &[&str] = &["secretName", "existingSecret", "existingSecretName"];
/// What such keys end with.
const ENDS: &[&str] = &["SecretName", "ExistingSecret"];
/// Lists whose items name an object by kind and name.
const KINDS: &[&str] = &["valuesFrom", "substituteFrom", "certificateRefs", "caCertificateRefs"];
/// Annotations whose text is the name of a secret, after the namespace.
const ANNOTATIONS: &[&str] =
    &["nginx.ingress.kubernetes.io/auth-secret", "nginx.ingress.kubernetes.io/auth-tls-secret"];
/// What an annotation begins with that has a path of Vault, before the name of the file.
const INJECTED: &str = "vault.hashicorp.com/agent-inject-secret-";

impl Manifest<'_> {
    /// Reads whatever may refer to something below a node.
    pub(super) fn walk(&mut self, node: Node<'_>, context: &Arc<Context>, depth: usize) {
        if depth > DEEPEST {
            let why = "its objects are deeper than is followed: who uses what further down is not known";
            return self.notes.leaves_out(node.span().start, why);
        }
        let has = |key: &str| node.get(key).is_some_and(Node::is_sequence);
        if node.is_mapping() && (has("containers") || has("initContainers")) {
            return self.pod(node, context, depth);
        }
        for item in node.items() {
            self.walk(item, context, depth + 1);
        }
        for (key, value) in node.entries() {
            self.entry(key.text().unwrap_or_default(), value, context, depth + 1);
        }
    }

    /// A key and its value.
    pub(super) fn entry(&mut self, key: &str, value: Node<'_>, context: &Arc<Context>, depth: usize) {
        match key {
            "secretKeyRef" | "secretRef" => drop(self.whole(value, Store::Secret, None, context)),
            "configMapKeyRef" | "configMapRef" => drop(self.whole(value, Store::Variable, None, context)),
            "imagePullSecrets" => {
                for item in value.each() {
                    self.whole(item, Store::Secret, None, context);
                }
            }
            "secret" if value.is_mapping() => self.secret(value, None, context),
            "secretProviderClass" => drop(self.refers((value, None), Store::Manager, None, context)),
            "env" if value.is_sequence() => drop(self.environment(value, context)),
            "annotations" => self.annotations(value, context),
            _ if value.text().is_some() && (NAMES.contains(&key) || ENDS.iter().any(|end| key.ends_with(end))) => {
                self.refers((value, None), Store::Secret, None, context);
            }
            _ if KINDS.contains(&key) => {
                for item in value.items() {
                    let kind = item.word("kind").unwrap_or(if key == "certificateRefs" { "Secret" } else { "" });
                    match (kind, item.get("name")) {
                        ("Secret", Some(name)) => {
                            drop(self.refers((name, item.get("valuesKey")), Store::Secret, None, context))
                        }
                        _ => self.walk(item, context, depth + 1),
                    }
                }
            }
            _ if key.ends_with("SecretRef") || key.ends_with("SecretKeyRef") => {
                self.whole(value, Store::Secret, None, context);
            }
            _ => self.walk(value, context, depth + 1),
        }
    }

    /// What names an object, and maybe a key of it: `{name, key}`, or the name alone.
    pub(super) fn whole(
        &mut self,
        node: Node<'_>,
        store: Store,
        variable: Option<&str>,
        context: &Arc<Context>,
    ) -> Option<Untrusted> {
        match node.get("name") {
            Some(name) => self.refers((name, node.get("key")), store, variable, context),
            None => self.refers((node, None), store, variable, context),
        }
    }

    /// A secret that is mounted: of a volume, or of a projected one. `path` is where.
    pub(super) fn secret(&mut self, node: Node<'_>, path: Option<&str>, context: &Arc<Context>) {
        let Some(name) = node.get("secretName").or_else(|| node.get("name")) else {
            return;
        };
        let items = node.get("items").map(Node::items).unwrap_or_default();
        for item in &items {
            let file = item.get("path").and_then(|file| self.text(file));
            let file = match (path, &file) {
                (Some(path), Some(file)) => Some(format!("{}/{file}", path.trim_end_matches('/'))),
                (path, file) => path.map(str::to_owned).or_else(|| file.clone()),
            };
            self.refers((name, item.get("key")), Store::Secret, file.as_deref(), context);
        }
        if items.is_empty() {
            self.refers((name, None), Store::Secret, path, context);
        }
    }

    fn annotations(&mut self, node: Node<'_>, context: &Arc<Context>) {
        for (key, value) in node.entries() {
            let key = key.text().unwrap_or_default();
            let file = key.strip_prefix(INJECTED);
            if file.is_some() {
                self.refers((value, None), Store::Manager, file, context);
            } else if ANNOTATIONS.contains(&key)
                && let Some(text) = self.text(value)
            {
                let name = text.rsplit('/').next().unwrap_or_default();
                let span = self.filled.span(value);
                self.notes.uses_surely(name, Store::Secret, None, span, context, Confidence::High);
            }
        }
    }
}

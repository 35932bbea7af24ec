//! Objects that bring secrets from elsewhere into a cluster: External Secrets, sealed secrets, the CSI driver, Kustomize.

use std::sync::Arc;

use super::Manifest;
use crate::model::Untrusted;
use crate::model::usage::{Context, Span, Store};
use crate::uses::yaml::Node;

impl Manifest<'_> {
    /// A secret that an operator loads from a manager: <https://external-secrets.io/latest/api/externalsecret/>.
    pub(super) fn external(&mut self, node: Node<'_>, name: &str, context: &Arc<Context>) {
        let Some(spec) = node.get("spec") else { return };
        let spec = spec.get("externalSecretSpec").unwrap_or(spec);
        let named = spec.path(&["target", "name"]).or_else(|| node.path(&["spec", "externalSecretName"]));
        let target = named.and_then(|named| self.text(named)).unwrap_or_else(|| name.to_owned());
        for item in spec.get("data").map(Node::items).unwrap_or_default() {
            // Before the operator had an interface of its own, `key` stood in the item.
            let remote = item.get("remoteRef").unwrap_or(item);
            let key = ["secretKey", "name"].iter().find_map(|key| item.get(key)).and_then(|key| self.text(key));
            let variable = key.map_or_else(|| target.clone(), |key| format!("{target}/{key}"));
            if let Some(key) = item.get("secretKey") {
                // Whoever knows the secret by its key in the cluster gets it from here.
                self.notes.uses(&variable, Store::Secret, None, self.filled.span(key), context);
            }
            self.remote(remote, &variable, context);
        }
        for item in spec.get("dataFrom").map(Node::items).unwrap_or_default() {
            if let Some(remote) = item.get("extract").or_else(|| item.text().map(|_| item)) {
                self.remote(remote, &target, context);
            }
            if let Some(path) = item.path(&["find", "path"]) {
                self.refers((path, None), Store::Manager, Some(&target), context);
            }
        }
        if let Some(target) = named {
            self.refers((target, None), Store::Secret, None, context);
        }
    }

    fn remote(&mut self, node: Node<'_>, variable: &str, context: &Arc<Context>) {
        let key = node.get("key").unwrap_or(node);
        self.refers((key, node.get("property")), Store::Manager, Some(variable), context);
    }

    /// A secret that stands in the file, encrypted.
    pub(super) fn sealed(&mut self, node: Node<'_>, name: &str, context: &Arc<Context>) {
        for (key, _) in node.path(&["spec", "encryptedData"]).map(Node::entries).unwrap_or_default() {
            if let Some(text) = self.text(key) {
                self.notes.uses(&format!("{name}/{text}"), Store::Secret, None, self.filled.span(key), context);
            }
        }
        if let Some(template) = node.path(&["spec", "template"]) {
            self.walk(template, context, 0);
        }
    }

    /// Secrets that the CSI driver mounts. Its list of objects is YAML in a text, of a form that each provider chose itself.
    pub(super) fn provided(&mut self, node: Node<'_>, context: &Arc<Context>) {
        let parameters = node.path(&["spec", "parameters"]);
        for list in ["objects", "secrets"] {
            if let Some((text, base)) = parameters.and_then(|all| all.get(list)).and_then(|list| list.raw()) {
                // In a text of one line its lines end with a sign, of as many bytes.
                self.objects(&text.replace("\\n", " \n"), base, context);
            }
        }
        for (key, value) in node.get("spec").map(Node::entries).unwrap_or_default() {
            self.entry(key.text().unwrap_or_default(), value, context, 0);
        }
    }

    fn objects(&mut self, text: &str, base: usize, context: &Arc<Context>) {
        let mut item = Item::default();
        let mut at = base;
        for line in text.split_inclusive('\n') {
            let start = at;
            at += line.len();
            let content = line.trim_start_matches([' ', '-', '\t']);
            let begin = start + (line.len() - content.len());
            if line.trim_start().starts_with('-') {
                self.item(std::mem::take(&mut item), context);
            }
            let Some((key, value)) = content.split_once(':') else { continue };
            let inner = value.trim_start_matches([' ', '"', '\'']);
            let begin = begin + key.len() + 1 + (value.len() - inner.len());
            let end = inner.find(['"', '\'', '\n', '\r']).unwrap_or(inner.len());
            let inner = inner.get(..end).unwrap_or_default();
            let inner = inner.split(" #").next().unwrap_or_default().trim_end();
            let span = Span { start: begin, end: begin + inner.len() };
            let key = key.trim().trim_matches(['"', '\'']);
            let place = match key {
                "objectName" => &mut item.name,
                "secretPath" | "resourceName" => &mut item.path,
                "secretKey" => &mut item.key,
                "objectAlias" | "path" | "fileName" => &mut item.file,
                _ => continue,
            };
            *place = Some(span).filter(|span| !span.is_empty()).or(*place);
        }
        self.item(item, context);
    }

    /// What an item of the list names: its path where it has one, since its name is that of the file then.
    fn item(&mut self, item: Item, context: &Arc<Context>) {
        let Some(span) = item.path.or(item.name) else { return };
        let text = |span: Span| self.filled.original(span).into_owned();
        let key = item.key.map(|key| format!("/{}", text(key))).unwrap_or_default();
        let file = item.file.or(item.path.and(item.name)).map(text);
        let name = text(span) + &key;
        self.seen.templated |= self.filled.is_templated(span);
        self.notes.uses(&name, Store::Manager, file.as_deref(), span, context);
    }

    /// Secrets that belong to an account of the cluster.
    pub(super) fn account(&mut self, node: Node<'_>, context: &Arc<Context>) {
        for list in ["secrets", "imagePullSecrets"] {
            for item in node.get(list).map(Node::items).unwrap_or_default() {
                self.whole(item, Store::Secret, None, context);
            }
        }
    }

    /// Secrets that Kustomize makes of files; what is a literal is there already.
    pub(super) fn kustomization(&mut self, node: Node<'_>, context: &Arc<Context>) {
        for item in node.get("secretGenerator").map(Node::items).unwrap_or_default() {
            let name = item.get("name").and_then(|name| self.text(name)).unwrap_or_default();
            let job = Some(Untrusted::from(name.as_str()));
            let context = Arc::new(Context { job, ..Context::clone(context) });
            self.notes.scope(item.span(), &context);
            for (list, keyed) in [("files", true), ("envs", false), ("env", false)] {
                for file in item.get(list).map(Node::each).unwrap_or_default() {
                    let Some((text, base)) = file.raw() else { continue };
                    let text = text.trim_end();
                    let (key, path) = text.split_once('=').filter(|_| keyed).unwrap_or((text, text));
                    let key = key.rsplit('/').next().unwrap_or_default();
                    let variable = if keyed { format!("{name}/{key}") } else { name.clone() };
                    let end = base + text.len();
                    let span = Span { start: end - path.len(), end };
                    if !path.is_empty() {
                        self.notes.uses(path, Store::File, Some(&variable), span, &context);
                    }
                }
            }
        }
    }
}

/// What was read of an item of the list of the driver.
#[derive(Default)]
struct Item {
    name: Option<Span>,
    path: Option<Span>,
    key: Option<Span>,
    file: Option<Span>,
}

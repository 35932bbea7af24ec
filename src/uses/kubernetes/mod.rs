//! Manifests of Kubernetes: which secret, config map or secret of a manager an object, a container, a volume is handed.
//!
//! Formats: <https://kubernetes.io/docs/reference/kubernetes-api/>, <https://external-secrets.io/latest/api/externalsecret/>,
//! <https://secrets-store-csi-driver.sigs.k8s.io/concepts>, <https://kubectl.docs.kubernetes.io/references/kustomize/>.

mod custom;
mod pod;
mod references;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use memchr::memmem;

use super::notes::Notes;
use super::objects::{is_of_chart, is_yaml};
use super::templates::Filled;
use super::yaml::{Form, Node, Yaml};
use super::{File, Reader};
use crate::model::Untrusted;
use crate::model::usage::{Context, Span, Store, System, Unread, Uses};

/// The reader of manifests.
pub const READER: Reader = Reader { system: System::Kubernetes, is_own, read };

/// How deep lists of objects may stand in each other.
const LISTS: usize = 4;
/// Objects that hold data and schemas: nothing in them refers to anything.
const DATA: &[&str] = &["ConfigMap", "Secret", "CustomResourceDefinition"];
/// What a name is not.
const NOTHING: &[&str] = &["null", "~", "true", "false"];
/// Objects that are pipelines, and are read as such.
const PIPELINES: &[&str] = &["Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"];

fn is_own(path: &str) -> bool {
    is_yaml(path) && !is_of_chart(path)
}

fn read(file: File<'_>) -> Uses {
    if !may_be(file) {
        return Uses::default();
    }
    let filled = Filled::new(file.text);
    let (mut uses, seen) = manifests(file, &filled, System::Kubernetes);
    if seen.templated {
        let why = "names in it are filled in by templates: they are told as they are written".to_owned();
        uses.unread.push(Unread { at: 0, kind: None, why });
    }
    uses
}

/// Whether there can be an object in it.
pub(super) fn may_be(file: File<'_>) -> bool {
    let has = |word: &str| memmem::find(file.text, word.as_bytes()).is_some();
    (has("apiVersion") && has("kind")) || is_kustomization(file.path)
}

fn is_kustomization(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("kustomization.yaml" | "kustomization.yml"))
}

/// What else is learned of a file.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Whether a name is made by a template.
    pub(super) templated: bool,
    /// Values and the variables or keys that they are handed over as.
    pub(super) handed: Vec<(Span, String)>,
}

/// Reads the objects of a file.
pub(super) fn manifests(file: File<'_>, filled: &Filled<'_>, system: System) -> (Uses, Seen) {
    let yaml = Yaml::read(&filled.text);
    let mut manifest = Manifest { notes: Notes::new(system), filled, seen: Seen::default() };
    let mut found = false;
    for document in yaml.documents() {
        found |= manifest.object(document, None, file, LISTS);
    }
    let begins = |line: &[u8]| line.starts_with(b"apiVersion:") || line.starts_with(b"kind:");
    if found || filled.text.split(|byte| *byte == b'\n').any(begins) {
        manifest.notes.unread(filled.unread());
        manifest.notes.unread(yaml.unread());
    }
    (manifest.notes.done(), manifest.seen)
}

/// Reads values that a chart is filled in with: each key of the first level is a part of its own.
pub(super) fn values(file: File<'_>, chart: &Context) -> Uses {
    let filled = Filled::new(file.text);
    let yaml = Yaml::read(&filled.text);
    let mut manifest = Manifest { notes: Notes::new(System::Helm), filled: &filled, seen: Seen::default() };
    for (key, value) in yaml.documents().flat_map(Node::entries) {
        let key = key.text().unwrap_or_default();
        let context = Arc::new(Context { job: Some(Untrusted::from(key)), ..chart.clone() });
        manifest.notes.scope(value.span(), &context);
        manifest.entry(key, value, &context, 0);
    }
    manifest.notes.unread(filled.unread());
    manifest.notes.unread(yaml.unread());
    manifest.notes.done()
}

/// A file that is being read.
struct Manifest<'m> {
    notes: Notes,
    filled: &'m Filled<'m>,
    seen: Seen,
}

impl Manifest<'_> {
    /// Reads an object or a list of them; whether it is one.
    fn object(&mut self, node: Node<'_>, of_list: Option<&str>, file: File<'_>, lists: usize) -> bool {
        let kind = node.word("kind").or(of_list).unwrap_or_default();
        let version = node.word("apiVersion").unwrap_or_default();
        let generates = |key: &str| node.get(key).is_some();
        let kustomizes = version.starts_with("kustomize.config.k8s.io/")
            || (version.is_empty()
                && is_kustomization(file.path)
                && (generates("secretGenerator") || generates("resources")));
        if (kind.is_empty() || version.is_empty() && of_list.is_none()) && !kustomizes {
            return false;
        }
        if version.starts_with("tekton.dev/") || version.starts_with("argoproj.io/") && PIPELINES.contains(&kind) {
            return false;
        }
        if let Some(items) = node.get("items").filter(|items| items.is_sequence() && kind.ends_with("List")) {
            let of = kind.strip_suffix("List").filter(|of| !of.is_empty());
            let mut found = false;
            for item in items.items().into_iter().filter(|_| lists > 0) {
                found |= self.object(item, of, file, lists - 1);
            }
            return found;
        }
        let name = node.path(&["metadata", "name"]).or_else(|| node.path(&["metadata", "generateName"]));
        let name = name.and_then(|name| self.text(name)).unwrap_or_default();
        let kind = if kustomizes { "Kustomization" } else { kind };
        let title = if name.is_empty() { kind.to_owned() } else { format!("{kind}/{name}") };
        let namespace = node.path(&["metadata", "namespace"]).or_else(|| node.get("namespace").filter(|_| kustomizes));
        let environment =
            namespace.and_then(|namespace| self.text(namespace)).map(|text| Untrusted::from(text.as_str()));
        let context = Context { pipeline: Some(Untrusted::from(title.as_str())), environment, ..Context::default() };
        let context = Arc::new(context);
        self.notes.scope(node.span(), &context);
        match kind {
            "Kustomization" if kustomizes => self.kustomization(node, &context),
            "ExternalSecret" | "ClusterExternalSecret" => self.external(node, &name, &context),
            "SealedSecret" => self.sealed(node, &name, &context),
            "SecretProviderClass" => self.provided(node, &context),
            "ServiceAccount" => self.account(node, &context),
            "Secret" | "ConfigMap" => self.data(node),
            _ if DATA.contains(&kind) => {}
            _ => self.walk(node, &context, 0),
        }
        true
    }

    /// The values of the keys of a secret or config map.
    fn data(&mut self, node: Node<'_>) {
        for part in ["data", "stringData"] {
            for (key, value) in node.get(part).map(Node::entries).unwrap_or_default() {
                if let Some(key) = key.text() {
                    self.seen.handed.push((value.span(), key.to_owned()));
                }
            }
        }
    }

    /// The text of a scalar, as [`Filled::text_of`].
    fn text(&self, node: Node<'_>) -> Option<String> {
        self.filled.text_of(node)
    }

    /// A reference by the text of a scalar; `key` is of what it names. Gives the name that was written down.
    fn refers(
        &mut self,
        (name, key): (Node<'_>, Option<Node<'_>>),
        store: Store,
        variable: Option<&str>,
        context: &Arc<Context>,
    ) -> Option<Untrusted> {
        let mut text = self.text(name)?;
        if name.form() == Some(Form::Plain) && NOTHING.contains(&text.as_str()) {
            return None;
        }
        let span = self.filled.span(name);
        if let Some(key) = key.and_then(|key| self.text(key)) {
            text = format!("{text}/{key}");
        }
        self.seen.templated |= self.filled.is_templated(span);
        self.notes.uses(&text, store, variable, span, context);
        Some(Untrusted::from(text.as_str()))
    }
}

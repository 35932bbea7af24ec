//! Tasks and pipelines of Tekton: which secrets their steps and workspaces are handed, and what comes of them.
//! Source of the format: <https://tekton.dev/docs/pipelines/tasks/>, <https://tekton.dev/docs/pipelines/pipelineruns/>,
//! <https://tekton.dev/docs/pipelines/resolution/> and <https://tekton.dev/docs/triggers/>.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::handed::Handed;
use super::objects::{every, is_plain};
use super::pods::{Mounts, Pods};
use super::templates::Filled;
use super::yaml::{Node, Yaml};
use super::{File, Reader};
use crate::model::usage::{Context, Door, System, Uses};
use crate::model::{Confidence, Untrusted};

/// The reader of Tekton.
pub const READER: Reader = Reader { system: System::Tekton, is_own, read: every };

/// How deep objects may stand in each other.
const DEEPEST: u32 = 16;
/// Where results are kept, which everybody sees who sees a run.
const RESULTS: &[&str] = &["$(results.**", "$(step.results.**", "/tekton/results"];

/// Whether an object is one of Tekton, by its `kind` and `apiVersion`.
#[must_use]
pub fn is_document(kind: &str, api_version: &str) -> bool {
    !kind.is_empty() && (api_version.starts_with("tekton.dev/") || api_version.starts_with("triggers.tekton.dev/"))
}

fn is_own(path: &str) -> bool {
    is_plain(path) && path.split('/').any(|part| part.contains("tekton"))
}

/// Reads the objects of Tekton in a file, and no others.
#[must_use]
pub fn objects(file: File<'_>) -> Uses {
    objects_in(file, None)
}

/// The same, of a file whose templates are covered up.
pub(in crate::uses) fn objects_in(file: File<'_>, filled: Option<&Filled<'_>>) -> Uses {
    let yaml = Yaml::read(filled.map_or(file.text, |filled| &filled.text));
    let mut pods = Pods::new(System::Tekton, filled);
    let mut found = false;
    for document in yaml.documents() {
        found |= pods.object(document, DEEPEST);
    }
    pods.done(&yaml, found)
}

impl Pods<'_> {
    /// An object of Tekton; whether it is one.
    fn object(&mut self, node: Node<'_>, left: u32) -> bool {
        let kind = node.word("kind").unwrap_or_default();
        if kind == "List" && left == 0 {
            self.leaves_out(node);
        } else if kind == "List" {
            let mut found = false;
            for item in node.get("items").map(Node::items).unwrap_or_default() {
                found |= self.object(item, left - 1);
            }
            return found;
        }
        if !is_document(kind, node.word("apiVersion").unwrap_or_default()) {
            return false;
        }
        let mut context = self.context_of(node);
        context.events = node.path(&["metadata", "annotations"]).map(events).unwrap_or_default();
        let context = Arc::new(context);
        self.notes.scope(node.span(), &context);
        let Some(spec) = node.get("spec") else { return true };
        match kind {
            "Task" | "ClusterTask" => self.task(spec, &self.named(&context, node.path(&["metadata", "name"]))),
            "StepAction" => drop(self.container(spec, &Handed::default(), &context, &mut Vec::new())),
            "Pipeline" => self.pipeline(spec, &[], &context),
            "PipelineRun" | "TaskRun" => self.run(spec, &context),
            "TriggerTemplate" => {
                if left == 0 {
                    self.leaves_out(spec);
                    return true;
                }
                for inner in spec.get("resourcetemplates").map(Node::items).unwrap_or_default() {
                    self.object(inner, left - 1);
                }
            }
            _ => self.interceptors(spec, &context, DEEPEST),
        }
        true
    }

    /// The context of what has a name.
    fn named(&self, context: &Arc<Context>, name: Option<Node<'_>>) -> Arc<Context> {
        Arc::new(Context { job: self.name(name), ..(**context).clone() })
    }

    /// `secretRef: {secretName, secretKey}`, wherever it stands.
    fn interceptors(&mut self, node: Node<'_>, context: &Arc<Context>, left: u32) {
        if let Some(name) = node.get("secretName") {
            self.refers(Some(name), node.get("secretKey"), None, context, Confidence::High);
        }
        if left == 0 {
            return self.leaves_out(node);
        }
        for one in node.items().into_iter().chain(node.entries().into_iter().map(|(_, value)| value)) {
            self.interceptors(one, context, left - 1);
        }
    }

    fn run(&mut self, spec: Node<'_>, context: &Arc<Context>) {
        let mut given: Vec<(&str, Untrusted)> = Vec::new();
        for workspace in spec.get("workspaces").map(Node::items).unwrap_or_default() {
            let name = workspace.word("name").unwrap_or_default();
            let projected = workspace.path(&["projected", "sources"]).map(Node::items).unwrap_or_default();
            for secret in
                workspace.get("secret").into_iter().chain(projected.into_iter().filter_map(|one| one.get("secret")))
            {
                let named = secret.get("secretName").or_else(|| secret.get("name"));
                if let Some(secret) = self.refers(named, None, Some(name), context, Confidence::High) {
                    given.push((name, secret.as_str().into()));
                }
            }
        }
        for template in [spec.get("podTemplate"), spec.path(&["taskRunTemplate", "podTemplate"])].into_iter().flatten()
        {
            for secret in template.get("imagePullSecrets").map(Node::items).unwrap_or_default() {
                self.refers(secret.get("name"), None, None, context, Confidence::High);
            }
            self.environment(template, &mut Handed::default(), context);
            self.volumes(template.get("volumes"), &Vec::new(), context);
        }
        let mut secrets: Vec<Untrusted> = given.iter().map(|(_, secret)| secret.clone()).collect();
        secrets.extend(self.parameters(spec, context));
        for key in ["taskRef", "pipelineRef"] {
            self.resolved(spec.get(key), &secrets, context);
        }
        if let Some(task) = spec.get("taskSpec") {
            self.task(task, context);
        }
        if let Some(pipeline) = spec.get("pipelineSpec") {
            self.pipeline(pipeline, &given, context);
        }
    }

    fn pipeline(&mut self, spec: Node<'_>, given: &[(&str, Untrusted)], context: &Arc<Context>) {
        for task in ["tasks", "finally"].into_iter().filter_map(|key| spec.get(key)).flat_map(Node::items) {
            let context = self.named(context, task.get("name"));
            self.notes.scope(task.span(), &context);
            let mut secrets = self.parameters(task, &context);
            for workspace in task.get("workspaces").map(Node::items).unwrap_or_default() {
                let bound = workspace.word("workspace").or_else(|| workspace.word("name")).unwrap_or_default();
                secrets
                    .extend(given.iter().take(64).filter(|(name, _)| *name == bound).map(|(_, secret)| secret.clone()));
            }
            self.resolved(task.get("taskRef"), &secrets, &context);
            if let Some(inner) = task.get("taskSpec") {
                self.task(inner, &context);
            }
        }
    }

    fn task(&mut self, spec: Node<'_>, context: &Arc<Context>) {
        let mut outer = Handed::default();
        if let Some(template) = spec.get("stepTemplate") {
            self.environment(template, &mut outer, context);
        }
        let mut mounts = Mounts::new();
        let before = self.keep_volumes(spec.get("volumes"));
        for step in ["steps", "sidecars"].into_iter().filter_map(|key| spec.get(key)).flat_map(Node::items) {
            let text = |key: &str| self.name(step.get(key));
            let inner = Context { step: text("name"), action: text("image"), ..(**context).clone() };
            let inner = Arc::new(inner);
            let written = self.container(step, &outer, &inner, &mut mounts);
            self.notes.keeps(&written, RESULTS, &inner);
            let secrets = self.parameters(step, &inner);
            self.resolved(step.get("ref"), &secrets, &inner);
        }
        self.kept.truncate(before);
        self.volumes(spec.get("volumes"), &mounts, context);
    }

    /// Parameters that say which secret is to be taken, by their names.
    fn parameters(&mut self, node: Node<'_>, context: &Arc<Context>) -> Vec<Untrusted> {
        let mut all = Vec::new();
        for parameter in node.get("params").map(Node::items).unwrap_or_default() {
            let name = parameter.word("name").unwrap_or_default();
            let flat = name.to_ascii_lowercase().replace(['-', '_'], "");
            let is_name = flat.ends_with("secret") || flat.ends_with("secretname");
            let value = parameter.get("value").filter(|value| is_name && value.text().is_some_and(is_object_name));
            all.extend(
                self.refers(value, None, Some(name), context, Confidence::Medium).map(|name| name.as_str().into()),
            );
        }
        all
    }

    /// A task that is taken from elsewhere, and handed secrets.
    fn resolved(&mut self, node: Option<Node<'_>>, secrets: &[Untrusted], context: &Arc<Context>) {
        let Some(node) = node else { return };
        let parameters = node.get("params").map(Node::items).unwrap_or_default();
        let value =
            |name: &str| parameters.iter().find(|one| one.word("name") == Some(name)).and_then(|one| one.get("value"));
        for token in ["token", "gitToken"] {
            self.refers(value(token), value(&format!("{token}Key")), None, context, Confidence::High);
        }
        let (reference, sure) = match node.word("resolver") {
            Some("git") => (value("revision").or(value("url")), None),
            Some("bundles") => (value("bundle"), None),
            Some("http") => (value("url"), Some(Confidence::Medium)),
            _ => (node.get("bundle"), None),
        };
        let Some((reference, text)) = reference.and_then(|node| Some((node, node.text()?))) else { return };
        let last = text.rsplit(['@', '/', ':']).next().unwrap_or_default();
        let is_hash = |text: &str| text.len() >= 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if text.contains("{{") || text.contains("$(") || text.split(['/', '@', ':']).any(is_hash) || secrets.is_empty()
        {
            return;
        }
        // A number says that it is a version: it can be moved, and hardly ever is.
        let is_version = last.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
        let sure = sure.unwrap_or(if is_version { Confidence::Low } else { Confidence::Medium });
        let of = value("url").or(value("bundle")).or(value("repo")).and_then(Node::text).unwrap_or(text);
        let context = Arc::new(Context { action: Some(of.into()), ..(**context).clone() });
        for secret in secrets {
            self.notes.exposes(Door::Unpinned, Some(secret.clone()), reference.span(), &context, sure);
        }
    }
}

/// Whether a text can be the name of an object.
fn is_object_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
}

/// What starts a run of Pipelines as Code: `on-event: "[pull_request, push]"`, or `event == "push"` in an expression.
fn events(annotations: Node<'_>) -> Vec<Untrusted> {
    let text = |name: &str| annotations.word(&format!("pipelinesascode.tekton.dev/{name}")).unwrap_or_default();
    let listed = text("on-event").split(['[', ']', ',', ' ', '"']).filter(|event| !event.is_empty());
    let flat: String = text("on-cel-expression").chars().filter(|c| !c.is_whitespace()).collect();
    let asked = flat.split("event==").skip(1).filter_map(|rest| rest.get(1..)?.split(['"', '\'']).next());
    let mut all: Vec<Untrusted> = Vec::new();
    for event in listed.chain(asked).map(Untrusted::from) {
        if !all.contains(&event) {
            all.push(event);
        }
    }
    all
}

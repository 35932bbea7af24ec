//! Workflows of Argo: which secrets their templates are handed, and which of them end in artifacts.
//! Source of the format: <https://argo-workflows.readthedocs.io/en/latest/fields/> and
//! <https://argo-workflows.readthedocs.io/en/latest/configure-artifact-repository/>.

use std::sync::Arc;

use super::handed::Handed;
use super::objects::{every, is_plain};
use super::pods::{Mounts, Pods};
use super::templates::Filled;
use super::yaml::{Node, Yaml};
use super::{File, Reader};
use crate::model::Confidence;
use crate::model::usage::{Context, System, Uses};

/// The reader of Argo Workflows.
pub const READER: Reader = Reader { system: System::Argo, is_own, read: every };

/// Objects that are workflows.
const KINDS: &[&str] = &["Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"];
/// How deep objects are read.
const DEEPEST: u32 = 32;
/// What is read as containers, and not as whatever else refers to a secret.
const CONTAINERS: &[&str] =
    &["container", "script", "containerSet", "initContainers", "sidecars", "volumes", "env", "envFrom"];

/// Whether an object is a workflow of Argo, by its `kind` and `apiVersion`.
#[must_use]
pub fn is_document(kind: &str, api_version: &str) -> bool {
    api_version.starts_with("argoproj.io/") && KINDS.contains(&kind)
}

fn is_own(path: &str) -> bool {
    let of_others = path.starts_with(".github/") || path.contains("/.github/");
    is_plain(path) && !of_others && path.split('/').any(|part| part.contains("argo") || part.contains("workflow"))
}

/// Reads the workflows in a file, and no other objects.
#[must_use]
pub fn objects(file: File<'_>) -> Uses {
    objects_in(file, None)
}

/// The same, of a file whose templates are covered up.
pub(in crate::uses) fn objects_in(file: File<'_>, filled: Option<&Filled<'_>>) -> Uses {
    let yaml = Yaml::read(filled.map_or(file.text, |filled| &filled.text));
    let mut pods = Pods::new(System::Argo, filled);
    let mut found = false;
    for document in yaml.documents() {
        let items = document.get("items").filter(|_| document.word("kind") == Some("List"));
        for node in items.map_or_else(|| vec![document], Node::items) {
            found |= object(&mut pods, node);
        }
    }
    pods.done(&yaml, found)
}

/// An object; whether it is a workflow.
fn object(pods: &mut Pods<'_>, node: Node<'_>) -> bool {
    if !is_document(node.word("kind").unwrap_or_default(), node.word("apiVersion").unwrap_or_default()) {
        return false;
    }
    let mut context = pods.context_of(node);
    if node.word("kind") == Some("CronWorkflow") {
        context.events.push("schedule".into());
    }
    let context = Arc::new(context);
    pods.notes.scope(node.span(), &context);
    let Some(spec) = node.path(&["spec", "workflowSpec"]).or_else(|| node.get("spec")) else { return true };
    let mut mounts = Mounts::new();
    let mut outer = Handed::default();
    for defaults in spec
        .get("templateDefaults")
        .into_iter()
        .flat_map(|node| ["container", "script"].map(|key| node.get(key)))
        .flatten()
    {
        pods.environment(defaults, &mut outer, &context);
    }
    let before = pods.keep_volumes(spec.get("volumes"));
    for template in spec.get("templates").map(Node::items).unwrap_or_default() {
        self::template(pods, template, &outer, &context, &mut mounts);
    }
    pods.kept.truncate(before);
    pods.volumes(spec.get("volumes"), &mounts, &context);
    for secret in spec.get("imagePullSecrets").map(Node::items).unwrap_or_default() {
        pods.refers(secret.get("name"), None, None, &context, Confidence::High);
    }
    for (key, value) in spec.entries() {
        if !matches!(key.text(), Some("templates" | "volumes" | "imagePullSecrets" | "templateDefaults")) {
            credentials(pods, value, &context, DEEPEST);
        }
    }
    true
}

fn template<'y>(pods: &mut Pods<'_>, node: Node<'y>, outer: &Handed, workflow: &Arc<Context>, mounts: &mut Mounts<'y>) {
    let job = pods.name(node.get("name"));
    let context = Arc::new(Context { job, ..(**workflow).clone() });
    pods.notes.scope(node.span(), &context);
    let single = ["container", "script"].into_iter().filter_map(|key| node.get(key));
    let listed = [node.path(&["containerSet", "containers"]), node.get("initContainers"), node.get("sidecars")];
    let paths: Vec<&str> = kept(node);
    let mut own = Mounts::new();
    let before = pods.keep_volumes(node.get("volumes"));
    for container in single.chain(listed.into_iter().flatten().flat_map(Node::items)) {
        let text = |key: &str| pods.name(container.get(key));
        let inner = Arc::new(Context { step: text("name"), action: text("image"), ..(*context).clone() });
        let written = pods.container(container, outer, &inner, &mut own);
        pods.notes.keeps(&written, &paths, &inner);
    }
    pods.kept.truncate(before);
    pods.volumes(node.get("volumes"), &own, &context);
    mounts.append(&mut own);
    for (key, value) in node.entries() {
        if !CONTAINERS.contains(&key.text().unwrap_or_default()) {
            credentials(pods, value, &context, DEEPEST);
        }
    }
}

/// Files that a template gives on: as artifacts, and as parameters, which are in the status of the workflow.
fn kept<'y>(template: Node<'y>) -> Vec<&'y str> {
    let items = |key: &str| template.path(&["outputs", key]).map(Node::items).unwrap_or_default();
    let artifacts = items("artifacts").into_iter().filter_map(|one| one.word("path"));
    let parameters = items("parameters").into_iter().filter_map(|one| one.path(&["valueFrom", "path"])?.text());
    artifacts.chain(parameters).collect()
}

/// Keys of secrets wherever they stand: of stores of artifacts (`accessKeySecret`), of headers (`secretKeyRef`).
fn credentials(pods: &mut Pods<'_>, node: Node<'_>, context: &Arc<Context>, left: u32) {
    if left == 0 {
        return pods.leaves_out(node);
    }
    for item in node.items() {
        credentials(pods, item, context, left - 1);
    }
    for (key, value) in node.entries() {
        let key = key.text().unwrap_or_default();
        let names =
            (key.ends_with("Secret") || key == "secretKeyRef" || key == "secretRef") && value.get("name").is_some();
        if names {
            pods.refers(value.get("name"), value.get("key"), None, context, Confidence::High);
        } else {
            credentials(pods, value, context, left - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::usage::Door;
    use crate::uses::testing::{leaks, names, word};

    const WORKFLOW: &str = r#"apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly, namespace: batch}
spec:
  schedule: "0 4 * * *"
  workflowSpec:
    imagePullSecrets: [{name: pull}]
    volumes: [{name: keys, secret: {secretName: ssh-keys}}]
    templates:
      - name: fetch
        inputs:
          artifacts:
            - name: code
              git: {repo: "https://git.example/app", passwordSecret: {name: git, key: word}}
        container:
          image: tool:1
          command: [sh, -c]
          args: ['echo "$TOKEN" > /out/token.txt; use "$NOTE"; echo "$(date)"']
          env:
            - {name: TOKEN, valueFrom: {secretKeyRef: {name: api, key: token}}}
            - {name: NOTE, value: hunter-two}
          volumeMounts: [{name: keys, mountPath: /keys}]
        outputs:
          artifacts:
            - {name: out, path: /out, s3: {bucket: b, accessKeySecret: {name: s3, key: access}, secretKeySecret: {name: s3, key: secret}}}
      - name: say
        script:
          image: tool:1
          command: [bash]
          env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: api, key: token}}}]
          source: |
            set -x
            login "$TOKEN"
      - name: code
        script:
          image: python
          command: [python]
          env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: api, key: token}}}]
          source: |
            echo $TOKEN
---
apiVersion: argoproj.io/v1alpha1
kind: Application
spec: {source: {repoSecret: {name: not-ours}}}
"#;

    #[test]
    fn references() {
        let uses = objects(File { path: "argo/a.yaml", text: WORKFLOW.as_bytes() });
        let wanted = [
            ("pull", "", ""),
            ("ssh-keys", "/keys", "fetch"),
            ("git/word", "", "fetch"),
            ("api/token", "TOKEN", "fetch"),
            ("s3/access", "", "fetch"),
            ("s3/secret", "", "fetch"),
            ("api/token", "TOKEN", "say"),
            ("api/token", "TOKEN", "code"),
        ];
        assert_eq!(names(&uses), wanted.map(|(name, variable, job)| (name, variable, job, "")));
        assert_eq!(&WORKFLOW[uses.uses[2].span.start..uses.uses[2].span.end], "git");
        assert_eq!(uses.uses[0].context.events, ["schedule".into()]);
    }

    #[test]
    fn doors() {
        let uses = objects(File { path: "argo/a.yaml", text: WORKFLOW.as_bytes() });
        let wanted =
            [(Door::Artifact, "api/token", "echo \"$TOKEN\""), (Door::Traced, "api/token", "login \"$TOKEN\"")];
        assert_eq!(leaks(&uses, WORKFLOW), wanted);
    }

    #[test]
    fn other_objects_of_the_file() {
        let pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n    - name: c\n      envFrom: [{secretRef: {name: of-a-pod}}]\n";
        let text = format!("{WORKFLOW}{pod}");
        let uses = every(File { path: "argo/a.yaml", text: text.as_bytes() });
        let last = uses.uses.last().map(|u| (word(Some(&u.name)), u.system));
        assert_eq!(last, Some(("of-a-pod", System::Kubernetes)));
        assert!(uses.uses.iter().any(|u| u.system == System::Argo));
        assert!(!is_own("charts/argo/templates/a.yaml") && !is_own("charts/argo/values.yaml"));
    }

    #[test]
    fn what_stands_where() {
        let uses = objects(File { path: "argo/a.yaml", text: WORKFLOW.as_bytes() });
        let at = uses.at(WORKFLOW.find("hunter-two").unwrap()).unwrap();
        let all = [&at.pipeline, &at.job, &at.environment, &at.action].map(|one| word(one.as_ref()));
        assert_eq!(all, ["CronWorkflow/nightly", "fetch", "batch", "tool:1"]);
        assert!(is_own("argo/a.yaml") && is_own("workflows/b.yml") && !is_own(".github/workflows/a.yml"));
        assert!(is_document("Workflow", "argoproj.io/v1alpha1") && !is_document("Application", "argoproj.io/v1alpha1"));
    }

    #[test]
    fn hostile_files_end() {
        for end in 0..WORKFLOW.len() {
            let _ = objects(File { path: "argo/a.yaml", text: &WORKFLOW.as_bytes()[..end] });
        }
        assert_eq!(objects(File { path: "argo/a.yaml", text: b"a: [1" }), Uses::default());
        let invalid = [WORKFLOW.as_bytes(), b"\xff"].concat();
        assert!(!objects(File { path: "argo/a.yaml", text: &invalid }).unread.is_empty());
    }

    #[test]
    fn commands_without_a_script() {
        let workflow = |container: &str| {
            let env = "env: [{name: T, valueFrom: {secretKeyRef: {name: s, key: token}}}]";
            let text = format!(
                "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec:\n  templates:\n  - name: a\n    {container}, {env}}}\n"
            );
            let uses = objects(File { path: "argo/w.yaml", text: text.as_bytes() });
            leaks(&uses, &text).into_iter().map(|(door, ..)| door).collect::<Vec<_>>()
        };
        assert_eq!(workflow("script: {command: [bash, -x], source: 'curl -u a:$T x'"), [Door::Traced]);
        assert_eq!(workflow("script: {command: [bash, -e], source: 'curl -u a:$T x'"), []);
        assert_eq!(workflow("container: {command: [printenv]"), [Door::Printed]);
        assert_eq!(workflow("container: {command: [echo, 'a $(T)']"), [Door::Printed]);
        assert_eq!(workflow("container: {command: [env, A=b, serve, $(T)]"), []);
        assert_eq!(workflow("container: {command: [echo, 'a > $T; printenv']"), []);
    }
}

//! Labels and annotations of a Kubernetes manifest: who runs it, and what it is a part of. A manifest stands in the
//! repository, so what it says is a hint.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::yaml::{self, YamlError};

/// Labels that name an owner; the last part of a label with a prefix (`acme.com/team`) counts for it.
const OWNERS: [&str; 2] = ["team", "owner"];

/// What a manifest says of one thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// `Deployment`, `Secret`, …
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Who owns it, each with the label that says so.
    pub owners: Vec<(String, String)>,
    /// What application it is: `app.kubernetes.io/name`.
    pub application: Option<String>,
    /// What it is a part of: `app.kubernetes.io/part-of`.
    pub part_of: Option<String>,
    /// What manages it: `app.kubernetes.io/managed-by`. Mostly a tool, such as Helm, and no owner.
    pub managed_by: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "apiVersion")]
    _version: String,
    kind: String,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    labels: Option<BTreeMap<String, serde_yaml_ng::Value>>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, serde_yaml_ng::Value>>,
}

/// What the manifests of a file say. `labels` are names of more labels that name an owner.
///
/// # Errors
/// Where the file is too large, multiplies itself, or is no YAML.
pub fn manifests(text: &[u8], labels: &[String]) -> Result<Vec<Manifest>, YamlError> {
    let documents: Vec<Document> = yaml::documents(text)?;
    Ok(documents.into_iter().map(|document| manifest(document, labels)).collect())
}

fn manifest(document: Document, more: &[String]) -> Manifest {
    let Metadata { name, namespace, labels, annotations } = document.metadata;
    let marks = labels.unwrap_or_default().into_iter().chain(annotations.unwrap_or_default());
    let mut found = Manifest { kind: document.kind, name, namespace, ..Manifest::default() };
    for (key, value) in marks {
        let serde_yaml_ng::Value::String(value) = value else { continue };
        if value.trim().is_empty() {
            continue;
        }
        let last = key.rsplit_once('/').map_or(key.as_str(), |(_, last)| last);
        match key.as_str() {
            "app.kubernetes.io/name" => found.application = Some(value),
            "app.kubernetes.io/part-of" => found.part_of = Some(value),
            "app.kubernetes.io/managed-by" => found.managed_by = Some(value),
            _ if OWNERS.contains(&last) || more.contains(&key) => found.owners.push((key, value)),
            _ => {}
        }
    }
    found
}

/// Whether a path may be a manifest's.
#[must_use]
pub fn may_be(path: &[u8]) -> bool {
    path.ends_with(b".yaml") || path.ends_with(b".yml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_name_owners_and_what_it_is_a_part_of() {
        let text = b"apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  labels:\n    team: payments\n    app.kubernetes.io/part-of: shop\n    app.kubernetes.io/managed-by: Helm\n    version: 3\n  annotations:\n    acme.com/owner: kim@acme.example\n    acme.com/squad: blue\n---\n- not\n- one\n---\napiVersion: v1\nkind: List\nitems: []\n";
        let found = manifests(text, &["acme.com/squad".to_owned()]).unwrap();
        assert_eq!(found.len(), 1);
        let owners: Vec<&str> = found[0].owners.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(owners, ["payments", "kim@acme.example", "blue"]);
        assert_eq!((found[0].part_of.as_deref(), found[0].managed_by.as_deref()), (Some("shop"), Some("Helm")));
    }
}

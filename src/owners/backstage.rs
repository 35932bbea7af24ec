//! Backstage catalog files (`catalog-info.yaml`): who owns a component, what it is, and what it needs.
//!
//! The nearest file up from the leak's path counts. It stands in the repository, so it is a hint.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::yaml::{self, YamlError};

/// Names that a catalog file may have.
const FILES: [&str; 2] = ["catalog-info.yaml", "catalog-info.yml"];
/// How many directories up are looked at.
const DEEPEST: usize = 64;

/// What a catalog file says of one thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entity {
    /// `Component`, `Resource`, `System` or `API`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Who owns it, as written: `group:default/payments`, `user:kim`, `payments`.
    pub owner: Option<String>,
    /// What system it is a part of.
    pub system: Option<String>,
    /// What it needs.
    pub depends_on: Vec<String>,
    /// Where its source is said to be: a slug `owner/name`, or an address.
    pub source: Option<String>,
    /// `production`, `deprecated`, …
    pub lifecycle: Option<String>,
    /// `service`, `database`, …
    pub of_type: Option<String>,
    /// What it is, in a sentence.
    pub description: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "apiVersion")]
    version: String,
    kind: String,
    metadata: Metadata,
    #[serde(default)]
    spec: Option<Spec>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    tags: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
struct Spec {
    owner: Option<String>,
    system: Option<String>,
    #[serde(default, rename = "dependsOn")]
    depends_on: Option<Vec<String>>,
    lifecycle: Option<String>,
    #[serde(rename = "type")]
    of_type: Option<String>,
}

/// The components, resources, systems and APIs of a catalog file; other kinds are left out.
///
/// # Errors
/// Where the file is too large, multiplies itself, or is no YAML.
pub fn entities(text: &[u8]) -> Result<Vec<Entity>, YamlError> {
    let documents: Vec<Document> = yaml::documents(text)?;
    let is_one = |d: &Document| {
        d.version.starts_with("backstage.io/") && ["Component", "Resource", "System", "API"].contains(&d.kind.as_str())
    };
    Ok(documents.into_iter().filter(is_one).map(entity).collect())
}

fn entity(document: Document) -> Entity {
    let Metadata { name, description, annotations, tags } = document.metadata;
    let annotations = annotations.unwrap_or_default();
    let source = ["github.com/project-slug", "gitlab.com/project-slug", "backstage.io/source-location"];
    let spec = document.spec.unwrap_or_default();
    Entity {
        kind: document.kind,
        name,
        owner: spec.owner,
        system: spec.system,
        depends_on: spec.depends_on.unwrap_or_default(),
        source: source.iter().find_map(|key| annotations.get(*key).cloned()),
        lifecycle: spec.lifecycle,
        of_type: spec.of_type,
        description,
        tags: tags.unwrap_or_default(),
    }
}

/// Where the catalog file of a path may stand, the nearest first.
#[must_use]
pub fn places(path: &[u8]) -> Vec<String> {
    let Ok(path) = std::str::from_utf8(path) else { return FILES.map(str::to_owned).to_vec() };
    let mut found = Vec::new();
    let mut directory = path;
    for _ in 0..DEEPEST {
        let above = directory.rsplit_once('/').map(|(above, _)| above);
        let at = |file: &str| above.map_or_else(|| file.to_owned(), |above| format!("{above}/{file}"));
        found.extend(FILES.map(at));
        match above {
            Some(above) => directory = above,
            None => break,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalog_file_says_who_owns_what() {
        let text = b"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: shop\n  description: takes orders\n  annotations:\n    github.com/project-slug: acme/shop\n  tags: [go]\n  links: [{url: x}]\nspec:\n  type: service\n  lifecycle: production\n  owner: group:default/payments\n  system: sales\n  dependsOn:\n    - resource:orders-db\n---\napiVersion: backstage.io/v1alpha1\nkind: Resource\nmetadata: {name: orders-db}\nspec: {owner: user:kim, type: database}\n---\nkind: Deployment\napiVersion: apps/v1\nmetadata: {name: x}\n---\njust: text\n";
        let found = entities(text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].owner.as_deref(), found[0].depends_on.len()), (Some("group:default/payments"), 1));
        assert_eq!(found[0].source.as_deref(), Some("acme/shop"));
        assert_eq!(found[1].owner.as_deref(), Some("user:kim"));
    }

    #[test]
    fn the_nearest_file_comes_first() {
        assert_eq!(places(b"a/b/c.txt")[..2], ["a/b/catalog-info.yaml", "a/b/catalog-info.yml"]);
        assert_eq!(places(b"a/b/c.txt").len(), 6);
        assert_eq!(places(b"c.txt"), ["catalog-info.yaml", "catalog-info.yml"]);
        assert!(places("a/".repeat(10_000).as_bytes()).len() <= 2 * DEEPEST);
    }
}

//! What is read of Jira's answers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::super::{Account, Marker, adf, when};

/// The property of an issue that keeps the marker.
pub(super) const PROPERTY: &str = "quell.marker";
/// What of an issue is asked for.
pub(super) const FIELDS: [&str; 4] = ["status", "creator", "created", "updated"];

/// An issue with the marker's property, and what changed of it where that was asked for.
#[derive(Deserialize)]
pub(super) struct Issue {
    pub(super) key: String,
    pub(super) fields: Fields,
    #[serde(default)]
    pub(super) properties: BTreeMap<String, Value>,
    pub(super) changelog: Option<Changelog>,
}

/// What [`FIELDS`] names.
#[derive(Deserialize)]
pub(super) struct Fields {
    pub(super) status: Option<Status>,
    pub(super) creator: Option<User>,
    pub(super) created: String,
    pub(super) updated: String,
}

/// A status, of which the category alone means the same everywhere.
#[derive(Deserialize)]
pub(super) struct Status {
    #[serde(rename = "statusCategory")]
    pub(super) category: Category,
}

/// `new`, `indeterminate` or `done`.
#[derive(Deserialize)]
pub(super) struct Category {
    pub(super) key: String,
}

/// What changed.
#[derive(Deserialize)]
pub(super) struct Changelog {
    #[serde(default)]
    pub(super) histories: Vec<History>,
}

/// One change.
#[derive(Deserialize)]
pub(super) struct History {
    pub(super) author: Option<User>,
    pub(super) created: String,
    #[serde(default)]
    pub(super) items: Vec<Item>,
}

/// What of the issue it changed.
#[derive(Deserialize)]
pub(super) struct Item {
    pub(super) field: String,
}

/// An account.
#[derive(Deserialize)]
pub(super) struct User {
    #[serde(rename = "accountId")]
    pub(super) id: Option<String>,
    /// Of Data Center.
    pub(super) name: Option<String>,
    #[serde(default, rename = "accountType")]
    pub(super) kind: String,
}

/// A page of a search.
#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    pub(super) issues: Vec<Issue>,
    #[serde(rename = "nextPageToken")]
    pub(super) next: Option<String>,
}

/// A page of comments.
#[derive(Deserialize)]
pub(super) struct Notes {
    pub(super) comments: Vec<Note>,
}

/// A comment.
#[derive(Deserialize)]
pub(super) struct Note {
    pub(super) id: String,
    pub(super) author: Option<User>,
    pub(super) body: Value,
    pub(super) created: String,
    pub(super) updated: String,
}

/// The ways that the workflow has from where an issue is.
#[derive(Deserialize)]
pub(super) struct Transitions {
    pub(super) transitions: Vec<Transition>,
}

/// One of them.
#[derive(Deserialize)]
pub(super) struct Transition {
    pub(super) id: String,
    pub(super) to: Status,
}

impl User {
    pub(super) fn named(&self) -> Option<&str> {
        self.id.as_deref().or(self.name.as_deref())
    }

    pub(super) fn account(&self) -> Option<Account> {
        Account::new("jira", self.named()?, self.kind == "app")
    }
}

impl Status {
    pub(super) fn open(&self) -> bool {
        self.category.key != "done"
    }
}

/// Who moved an issue to the status that it has.
pub(super) fn closer(changelog: &Changelog) -> Option<Account> {
    let moves = changelog.histories.iter().filter(|h| h.items.iter().any(|i| i.field == "status"));
    moves.max_by_key(|h| when::seconds(&h.created)).and_then(|h| h.author.as_ref()?.account())
}

/// The marker that a comment begins with.
pub(super) fn marker_of(body: &Value) -> Option<Marker> {
    match body {
        Value::String(text) => Marker::parse(text.lines().next()?.trim_end()),
        document => adf::marker(document),
    }
}

pub(super) fn marked(issue: &Issue) -> Option<Marker> {
    issue.properties.get(PROPERTY).and_then(Value::as_str).and_then(Marker::parse)
}

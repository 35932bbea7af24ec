//! The form of `owners.toml`, as it is read before anything in it is checked, and a template that explains it.

use serde::Deserialize;
use toml::Spanned;

use super::catalog::CatalogError;
use crate::model::answers::{Criticality, Environment};
use crate::model::unknown_key_help;

/// An `owners.toml` with every option, explained.
pub const TEMPLATE: &str = include_str!("template.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) team: Vec<Team>,
    #[serde(default)]
    pub(super) person: Vec<Person>,
    #[serde(default)]
    pub(super) service: Vec<Service>,
    pub(super) freeze: Option<Freeze>,
    #[serde(default)]
    pub(super) labels: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Team {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) contact: String,
    #[serde(default)]
    pub(super) members: Vec<String>,
    #[serde(default)]
    pub(super) forge: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) addresses: Vec<String>,
    #[serde(default)]
    pub(super) forge: Vec<String>,
    pub(super) left: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    pub(super) provider: String,
    pub(super) account: Option<String>,
    pub(super) subject: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    pub(super) name: Spanned<String>,
    pub(super) team: Option<String>,
    pub(super) person: Option<String>,
    #[serde(default)]
    pub(super) repositories: Vec<String>,
    #[serde(default)]
    pub(super) paths: Vec<String>,
    #[serde(default)]
    pub(super) identities: Vec<Identity>,
    #[serde(default)]
    pub(super) secrets: Vec<String>,
    #[serde(default)]
    pub(super) hosts: Vec<String>,
    pub(super) criticality: Option<Criticality>,
    pub(super) environment: Option<Environment>,
    pub(super) downtime_minutes: Option<u32>,
    pub(super) partners: Option<Vec<String>>,
    pub(super) shared: Option<bool>,
    pub(super) purpose: Option<String>,
    pub(super) decommissioned: Option<bool>,
    pub(super) hot_reload: Option<bool>,
    pub(super) privileged: Option<bool>,
    #[serde(default)]
    pub(super) windows: Vec<String>,
    #[serde(default)]
    pub(super) depends_on: Vec<String>,
    pub(super) used_by: Option<Vec<String>>,
    pub(super) reviewed: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Freeze {
    pub(super) from: Spanned<String>,
    pub(super) until: String,
}

/// Says on which line something stands.
pub(super) struct Line<'a>(&'a str);

impl<'a> Line<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The line of a value, from 1.
    pub(super) fn of<T>(&self, value: &Spanned<T>) -> usize {
        line(self.0, value.span().start)
    }
}

fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|b| *b == b'\n').count()
}

/// What the TOML reader says, with its line and, for an unknown key, the nearest known one.
pub(super) fn syntax(text: &str, error: &toml::de::Error) -> CatalogError {
    let message = error.message();
    let what = message.split_once(", expected").map_or(message, |(first, _)| first);
    CatalogError {
        line: error.span().map_or(1, |span| line(text, span.start)),
        what: what.lines().collect::<Vec<_>>().join(" "),
        help: unknown_key_help(message),
    }
}

//! One match at one place, before it is joined with others.

use std::borrow::Cow;

use crate::model::{Confidence, Fact, Location, Secret, Severity};

/// One match at one place. There may be as many as a file has room for, so it is kept small.
#[derive(Debug)]
pub(super) struct Sighting {
    /// Index of the rule.
    pub(super) rule: u16,
    /// Whether it stands in a test, an example or documentation.
    pub(super) in_test: bool,
    /// Whether it stands, in part at least, in what the scan is about: always, but for a scan of changes.
    pub(super) touched: bool,
    /// The marker on its line that allows it.
    pub(super) allowed: Option<&'static str>,
    /// How sure.
    pub(super) confidence: Confidence,
    /// How bad.
    pub(super) severity: Severity,
    /// The bytes.
    pub(super) secret: Secret,
    /// Where.
    pub(super) location: Location,
    /// Other parts of the credential.
    pub(super) parts: Vec<Part>,
    /// What was learnt.
    pub(super) facts: Vec<Fact>,
    /// Rules that matched the same bytes and are less specific.
    pub(super) others: Vec<u16>,
}

/// Another part of a credential, as it was found.
#[derive(Debug)]
pub(super) struct Part {
    /// What it is to the credential.
    pub(super) name: Cow<'static, str>,
    /// The rule of its own that found it; `None` for a group of the sighting's pattern.
    pub(super) rule: Option<u16>,
    /// The bytes.
    pub(super) secret: Secret,
    /// Where.
    pub(super) location: Location,
}

impl Sighting {
    /// A group of the pattern, or nothing.
    pub(super) fn group(&self, name: &str) -> Option<&Secret> {
        self.parts.iter().find(|p| p.rule.is_none() && p.name == name).map(|p| &p.secret)
    }

    /// Its place, and those of its parts.
    pub(super) fn locations(&mut self) -> impl Iterator<Item = &mut Location> {
        self.parts.iter_mut().map(|part| &mut part.location).chain([&mut self.location])
    }

    /// Whether a part that another rule found was joined to it.
    pub(super) fn is_joined(&self) -> bool {
        self.parts.iter().any(|p| p.rule.is_some())
    }
}

//! One match at one place, before it is joined with others.

use crate::model::{Confidence, Fact, Location, Secret, Severity};

/// One match at one place.
#[derive(Debug)]
pub(super) struct Sighting {
    /// Index of the rule.
    pub(super) rule: u16,
    /// The bytes.
    pub(super) secret: Secret,
    /// Where.
    pub(super) location: Location,
    /// Whether it stands in a test, an example or documentation.
    pub(super) in_test: bool,
    /// Other groups of the pattern: name, bytes, place.
    pub(super) groups: Vec<(String, Secret, Location)>,
    /// Other parts, found by rules of their own.
    pub(super) companions: Vec<(String, u16, Secret, Location)>,
    /// How sure.
    pub(super) confidence: Confidence,
    /// How bad.
    pub(super) severity: Severity,
    /// What was learnt.
    pub(super) facts: Vec<Fact>,
    /// Rules that matched the same bytes and are less specific.
    pub(super) others: Vec<u16>,
}

impl Sighting {
    /// A group of the pattern, or nothing.
    pub(super) fn group(&self, name: &str) -> Option<&Secret> {
        self.groups.iter().find(|(n, ..)| n == name).map(|(_, secret, _)| secret)
    }
}

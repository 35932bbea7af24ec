//! What suppressions took out of a report.

use serde::Serialize;

use super::{Fingerprint, Untrusted};

/// Where a suppression stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuppressionSource {
    /// A target's `.quell.toml`.
    File,
    /// A baseline.
    Baseline,
    /// The user's own configuration.
    Configuration,
}

/// A suppression that took places out of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// Where it stands.
    pub source: SuppressionSource,
    /// Its file.
    pub path: Untrusted,
    /// Which of the entries of its file it is, from 1.
    pub number: u64,
    /// The credential that it names.
    pub fingerprint: Fingerprint,
    /// The reason that it gives; `None` where that may hold a secret.
    pub reason: Option<String>,
    /// Who decided, where that is said.
    pub author: Option<String>,
    /// The last day that it holds on, as YYYY-MM-DD.
    pub expires: Option<String>,
    /// How many places it took out.
    pub places: u64,
}

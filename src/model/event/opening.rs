//! What a case begins with.

use serde::{Deserialize, Serialize};

use super::super::case::Place;
use super::super::{Confidence, Severity, Untrusted};

/// What a case begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// What it is known by; never empty. The first is its own.
    pub fingerprints: Vec<String>,
    /// Id of the rule.
    pub rule: String,
    /// What the rule calls it.
    pub title: String,
    /// Id of the provider.
    pub provider: String,
    /// The form that may be shown.
    pub redacted: String,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// What to do.
    pub advice: String,
    /// The provider's page.
    pub docs: String,
    /// Ids of controls that it touches.
    pub controls: Vec<String>,
    /// Names of variables that it is assigned to where it stands.
    pub names: Vec<Untrusted>,
    /// Where it stands.
    pub places: Vec<Place>,
    /// When it was exposed first, in seconds since 1970 UTC, as far as commits say.
    pub exposed: Option<i64>,
    /// Whether a report alone says all this: the secret was not at hand.
    #[serde(default)]
    pub by_report: bool,
    /// When it ends, in seconds since 1970 UTC, where it says so itself.
    #[serde(default)]
    pub expires: Option<i64>,
}

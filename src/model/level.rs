//! How bad a leak is, and how sure quell is that it is one.

use serde::{Deserialize, Serialize};

/// What an attacker gains from the credential, before anything is known about its liveness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing, of no use to an attacker alone: an expired token, a documented example.
    Info,
    /// Little harm: a test credential, a publishable key.
    Low,
    /// Harm that is bounded by its scope.
    Medium,
    /// Access to data or money.
    High,
    /// Access to a whole account or to infrastructure.
    Critical,
}

impl Severity {
    /// One step less severe, never below [`Severity::Info`].
    #[must_use]
    pub const fn lower(self) -> Self {
        match self {
            Self::Critical => Self::High,
            Self::High => Self::Medium,
            Self::Medium => Self::Low,
            Self::Low | Self::Info => Self::Info,
        }
    }

    /// The word used in every format and option.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// How likely the match is a real credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Looks like one; shown only with `--confidence low`.
    Low,
    /// The form fits and the context agrees. The default threshold.
    Medium,
    /// A form that hardly anything else has, or a checksum that holds.
    High,
}

impl Confidence {
    /// The word used in every format and option.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

//! Words that events have.

use serde::{Deserialize, Serialize};

use super::super::Untrusted;
use super::Body;

/// A task in a tracker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRef {
    /// The tracker's name in the configuration.
    pub tracker: String,
    /// What the tracker calls it: a number, a key, a file's name.
    pub key: String,
    /// Where a person finds it.
    pub url: Untrusted,
}

impl TaskRef {
    /// What it is found by among all tasks.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}#{}", self.tracker, self.key)
    }
}

/// What a notice says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// A credential of theirs leaked.
    Opened,
    /// What was closed is open again.
    Reopened,
    /// What its issuer says has changed.
    Verdict,
    /// An approval is asked for.
    Approval,
    /// Nobody has acknowledged it in time.
    Escalation,
    /// It is over.
    Closed,
    /// Several notices in one.
    Digest,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Opened, Self::Reopened, Self::Verdict, Self::Approval, Self::Escalation, Self::Closed, Self::Digest];

    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Reopened => "reopened",
            Self::Verdict => "verdict",
            Self::Approval => "approval",
            Self::Escalation => "escalation",
            Self::Closed => "closed",
            Self::Digest => "digest",
        }
    }
}

/// What made a restoration necessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestoreCause {
    /// Something that may use the credential did, and failed.
    LegitimateUse,
    /// Anything else.
    Other,
}

impl RestoreCause {
    /// Every cause, with its word.
    pub const ALL: [(&'static str, Self); 2] = [("legitimate-use", Self::LegitimateUse), ("other", Self::Other)];

    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LegitimateUse => "legitimate-use",
            Self::Other => "other",
        }
    }
}

/// Why a case that was closed is open again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reopening {
    /// It stands somewhere again.
    Appeared,
    /// It works again.
    LivesAgain,
    /// The risk was accepted until a day that is past.
    AcceptanceEnded,
}

/// What closes a case (invariant 10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Closure {
    /// The issuer proved it dead.
    ProofOfDeath {
        /// When it was asked, in seconds since 1970 UTC.
        asked: i64,
        /// The recipe.
        recipe: String,
    },
    /// A person judged that it is no credential, or one of a test.
    NoCredential,
}

/// Files of a policy set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFiles {
    /// Hash of the whole set, guardrails included: `sha256:…`.
    pub hash: String,
    /// Hash of the schema.
    pub schema: String,
    /// The profile: `default` or `regulated`.
    pub profile: String,
    /// The organisation's own files, by name.
    pub files: Vec<(String, String)>,
}

impl Body {
    /// Whether a person who signs this shows that they look after the case. Who only says whose it is, or writes a note, does not.
    #[must_use]
    pub const fn acknowledges(&self) -> bool {
        matches!(
            self,
            Self::Acknowledged
                | Self::ActReported { .. }
                | Self::ApprovalRequested(_)
                | Self::Approved { .. }
                | Self::Rejected { .. }
                | Self::RiskAccepted { .. }
                | Self::OutcomeSet { .. }
                | Self::EmergencyOpened { .. }
                | Self::Closed { .. }
        )
    }
}

//! The three questions that are answered before anything is changed: who depends on a credential, what breaks without it,
//! and how fast it is restored (REMEDIATION, requirements 16 to 18).

use serde::{Deserialize, Serialize};

use super::action::Action;
use super::owner::Subject;
use super::{Confidence, Untrusted};

/// Where an answer comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// What said so: `owners.toml`, `provider`, `code`.
    pub source: String,
    /// Where: a file and line, a recipe and host.
    pub place: Untrusted,
    /// When it was so, in seconds since 1970 UTC.
    pub at: i64,
    /// How sure.
    pub confidence: Confidence,
}

/// An answer with its evidence. No value means that it is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer<T> {
    /// What the answer is.
    pub value: Option<T>,
    /// Why; empty where nothing is known.
    pub evidence: Vec<Evidence>,
}

impl<T> Default for Answer<T> {
    fn default() -> Self {
        Self { value: None, evidence: Vec::new() }
    }
}

impl<T> Answer<T> {
    /// An answer from one source.
    #[must_use]
    pub fn of(value: T, evidence: Evidence) -> Self {
        Self { value: Some(value), evidence: vec![evidence] }
    }

    /// When the newest of its evidence is from.
    #[must_use]
    pub fn at(&self) -> Option<i64> {
        self.evidence.iter().map(|e| e.at).max()
    }
}

/// How something uses a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DependentKind {
    /// Code names the variable that holds it.
    Code,
    /// A job of a pipeline.
    CiJob,
    /// A manifest of a deployment.
    Manifest,
    /// A service that the organisation's record names.
    Service,
    /// The provider saw it used.
    LastUse,
}

impl DependentKind {
    /// The words that people read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::CiJob => "CI job",
            Self::Manifest => "manifest",
            Self::Service => "service",
            Self::LastUse => "last use",
        }
    }
}

/// Something that uses a credential.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependent {
    /// How.
    pub kind: DependentKind,
    /// What: a service, a job, the name of a variable.
    pub name: Untrusted,
    /// Why that is thought.
    pub evidence: Evidence,
}

/// How much harm its absence does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criticality {
    /// Nobody notices.
    Low,
    /// Some work waits.
    Medium,
    /// Customers notice.
    High,
    /// The business stops.
    Critical,
}

/// Where it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    /// One developer's own.
    Development,
    /// Tests and pipelines.
    Test,
    /// A copy of production.
    Staging,
    /// Production.
    Production,
}

/// Whether an act on it can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reversibility {
    /// It cannot.
    Irreversible,
    /// Another credential can take its place.
    Replaceable,
    /// The same credential can be made to work again.
    Reversible,
}

/// What can be done to a credential of a provider, and undone, by the provider's own documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// Whether taking its access away can be undone; `None` where that cannot be done.
    pub quarantine: Option<Reversibility>,
    /// Whether ending it can be undone; `None` where that cannot be done.
    pub revoke: Option<Reversibility>,
    /// Whether the provider tells when it was used last.
    pub observe: bool,
    /// Whether a locked one is refused in other words than a wrong one.
    pub tells_blocked: bool,
    /// Whether sessions that are open outlive a quarantine.
    pub sessions_survive: bool,
}

impl Capability {
    /// Whether an act can be undone. A replacement is always another credential.
    #[must_use]
    pub const fn undo(&self, action: Action) -> Option<Reversibility> {
        match action {
            Action::Quarantine => self.quarantine,
            Action::Revoke => self.revoke,
            Action::Rotate => Some(Reversibility::Replaceable),
            Action::Restore | Action::Notify | Action::Close => Some(Reversibility::Reversible),
        }
    }
}

/// What the three questions, and what a policy asks beside them, come to for one credential.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answers {
    /// Who depends on it; an empty list says that it was looked for and nothing was found.
    pub dependents: Answer<Vec<Dependent>>,
    /// When it was used last, in seconds since 1970 UTC.
    pub last_use: Answer<i64>,
    /// How much harm its absence does.
    pub criticality: Answer<Criticality>,
    /// Where it is used.
    pub environment: Answer<Environment>,
    /// For how many minutes it may be away.
    pub downtime_minutes: Answer<u32>,
    /// Partners who use it or whose system it opens.
    pub partners: Answer<Vec<Untrusted>>,
    /// Whether a platform that several teams share rests on it.
    pub shared: Answer<bool>,
    /// What it is for.
    pub purpose: Answer<Untrusted>,
    /// Whether what used it is no longer there.
    pub decommissioned: Answer<bool>,
    /// Whether what uses it takes a new one without a restart.
    pub hot_reload: Answer<bool>,
    /// What can be done to it, and undone.
    pub capability: Answer<Capability>,
    /// When its way back was rehearsed last, in seconds since 1970 UTC.
    pub rehearsed: Answer<i64>,
    /// How many minutes its way back took, when it was last measured.
    pub restore_minutes: Answer<u32>,
    /// Whether it may do more than its own affairs.
    pub privileged: Answer<bool>,
    /// When it was made, in seconds since 1970 UTC.
    pub made: Answer<i64>,
    /// When it ends, in seconds since 1970 UTC.
    pub expires: Answer<i64>,
    /// How many seconds it lives from when it was made.
    pub lifetime: Answer<i64>,
    /// What it opens: a host, an account.
    pub target: Answer<Untrusted>,
    /// Whether the provider's identity is the one that the owner's record means.
    pub subject: Subject,
    /// Days and hours in which changes are allowed, where the record names some: whether now is one.
    pub in_window: Answer<bool>,
    /// What makes the answers worth less than they seem, by name (requirements 75 to 79), with a sentence.
    pub degraded: Vec<(String, String)>,
}

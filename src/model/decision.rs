//! What a policy said about one action on one credential, and everything that is needed to have it say so again.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::action::{Action, Tier};

/// A precondition that did not hold: the policy that forbids, for a tier that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unmet {
    /// The highest tier that it stands in the way of.
    pub tier: Tier,
    /// The policy's id.
    pub id: String,
    /// What it wants, for people.
    pub title: String,
    /// Ids of the controls that it carries out, as `OWASP:NHI2`.
    pub controls: Vec<String>,
}

/// Whether somebody was told what to do, or quell did it (requirement 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionKind {
    /// An aid: nothing was done.
    Recommendation,
    /// quell acted on it.
    Act,
}

impl DecisionKind {
    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recommendation => "recommendation",
            Self::Act => "act",
        }
    }
}

/// A decision: a pure function of facts and policy (invariant 11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What is decided about.
    pub action: Action,
    /// How far it may go.
    pub tier: Tier,
    /// Whether somebody is told, or it is done.
    pub kind: DecisionKind,
    /// The policies that allowed the tier; none for [`Tier::Watch`].
    pub determining: Vec<String>,
    /// Every precondition of a higher tier that did not hold, the highest tier first.
    pub unmet: Vec<Unmet>,
    /// What went wrong while policies were evaluated; anything here is a refusal.
    pub errors: Vec<String>,
    /// Hash of the policy set: `sha256:` and 64 hexadecimal digits.
    pub policy: String,
    /// Hash of the schema, likewise.
    pub schema: String,
    /// The facts, whole and canonical: what is asked again when the decision is replayed.
    pub facts: Value,
    /// Hash of the facts.
    pub snapshot: String,
}

impl Decision {
    /// Whether another decision says the same: the same tier of the same action for the same reasons.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        let reasons = |d: &Self| (d.action, d.tier, d.determining.clone(), d.unmet.clone(), d.errors.is_empty());
        reasons(self) == reasons(other)
    }
}

/// What would be done, step by step. A person who approves, approves this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What is planned.
    pub action: Action,
    /// The steps, in their order, for people.
    pub steps: Vec<Step>,
    /// The way back, for people; `None` where there is none.
    pub way_back: Option<String>,
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What is done.
    pub what: String,
    /// Whether it can be undone.
    pub reversible: bool,
}

/// Somebody asked for the approval of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    /// Its name: `a-` and 12 hexadecimal digits.
    pub id: String,
    /// What is asked for.
    pub plan: Plan,
    /// Hash of the plan: what an approver names.
    pub plan_hash: String,
    /// Hash of the facts that it was decided on.
    pub snapshot: String,
    /// Hash of the decision.
    pub decision: String,
    /// How many people have to approve.
    pub quorum: u32,
    /// After this time, in seconds since 1970 UTC, it counts no more.
    pub expires: i64,
    /// What an agent or a machine said about it: kept beside it, believed by nobody.
    pub said: Option<super::Untrusted>,
}

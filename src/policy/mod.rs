//! Facts to decisions: Cedar policies say how far an act on a credential may go, and who may do what.
//!
//! The layer is pure: a [`PolicySet`] and [`Facts`] give a [`Decision`](crate::model::decision::Decision), always the same one.
//! Guardrails are compiled in and only forbid, so that no file can loosen them; a [`Profile`] has the tiers and thresholds;
//! an organisation's own files add to it. Every precondition is a `forbid` with a name, so that a decision lists
//! everything that stood in its way at once. What is not known is a value of its own and never raises a tier.

pub mod cases;
mod decide;
mod error;
mod facts;
mod humans;
mod known;
mod lint;
mod parse;
mod set;
mod words;

pub use decide::NOT_EARNED;
pub use error::{Fault, PolicyErrors, ReplayError, Warning};
pub use facts::Facts;
pub use humans::{About, Allowed, Caller, Verb};
pub use known::Known;
pub use parse::{Origin, PolicyText};
pub use set::PolicySet;
pub use words::{Answer, Degraded, Judgement, Proposer, Trust, VerdictWord};

/// Which compiled-in set is the ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// The tiers and thresholds of the default set.
    Default,
    /// Those, and stricter guards for every tier.
    Regulated,
}

impl Profile {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Default, Self::Regulated];

    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Regulated => "regulated",
        }
    }

    /// The profile of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == word)
    }
}

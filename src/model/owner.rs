//! Who owns a credential: claims with their evidence, and what they come to.

use serde::{Deserialize, Serialize};

use super::Untrusted;

/// What kind of owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerKind {
    /// A team.
    Team,
    /// A person.
    Person,
}

/// A team or a person, by the name that its source has for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// What it is.
    pub kind: OwnerKind,
    /// The name: of the organisation's record where there is one (`payments`), else as the source writes it (`@acme/pay`).
    pub name: Untrusted,
}

/// How much a claim is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// What a repository or an author's line says: anyone who may commit may write it.
    Hint,
    /// What the organisation's own record says.
    Asserted,
    /// What a registered person said, or what the record and the provider's own answer agree in.
    Confirmed,
}

impl Strength {
    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Asserted => "asserted",
            Self::Confirmed => "confirmed",
        }
    }
}

/// Where a claim comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimSource {
    /// A CODEOWNERS file.
    Codeowners,
    /// A Backstage catalog file.
    Backstage,
    /// The organisation's `owners.toml`.
    Catalog,
    /// The author of the commit that brought the credential in.
    Author,
    /// The identity that the provider reports.
    Provider,
    /// The labels of a Kubernetes manifest.
    Kubernetes,
    /// A registered person.
    Assigned,
}

impl ClaimSource {
    /// The words that people read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Codeowners => "CODEOWNERS",
            Self::Backstage => "Backstage catalog",
            Self::Catalog => "owners.toml",
            Self::Author => "author",
            Self::Provider => "provider's identity",
            Self::Kubernetes => "Kubernetes labels",
            Self::Assigned => "assigned",
        }
    }
}

/// That somebody owns a credential, and why that is thought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Who.
    pub owner: Owner,
    /// Where it comes from.
    pub source: ClaimSource,
    /// How much it is worth.
    pub strength: Strength,
    /// Where the evidence stands: file and line, commit, identity.
    pub place: Untrusted,
    /// When the evidence is from, in seconds since 1970 UTC.
    pub at: i64,
    /// The day since which that person is gone, in seconds since 1970 UTC.
    pub departed: Option<i64>,
}

/// What the claims come to. Unknown is an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Ownership {
    /// Nobody is known to own it.
    #[default]
    Unknown,
    /// The strongest claims name different owners.
    Conflict {
        /// Who, in the order of their names.
        between: Vec<Owner>,
        /// How strong the claims are.
        strength: Strength,
    },
    /// Somebody owns it.
    Known {
        /// Who.
        owner: Owner,
        /// How strong the strongest claim is.
        strength: Strength,
    },
}

impl Ownership {
    /// The owner, where one is known.
    #[must_use]
    pub const fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Known { owner, .. } => Some(owner),
            _ => None,
        }
    }
}

/// Whether the identity that the provider reports is the one that the owner's record means (requirement 34).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Nothing says so.
    #[default]
    Unknown,
    /// It is.
    Match,
    /// The record means another.
    Mismatch,
}

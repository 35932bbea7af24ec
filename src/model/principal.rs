//! Who acts: people, agents and machines that hold a registered key.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The name of a principal: letters, digits, `.`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PrincipalId(String);

impl PrincipalId {
    /// The longest name.
    const MOST: usize = 64;

    /// Reads a name; `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        let first = text.starts_with(|c: char| c.is_ascii_lowercase());
        (first && text.len() <= Self::MOST && text.chars().all(fits)).then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PrincipalId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("no name of a principal")
    }
}

impl From<PrincipalId> for String {
    fn from(id: PrincipalId) -> Self {
        id.0
    }
}

/// What a principal is. Agents and machines recommend, and are refused everything else (invariant 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrincipalKind {
    /// A human being.
    Person,
    /// A program that decides by a model.
    Agent,
    /// A pipeline, a service.
    Machine,
}

impl PrincipalKind {
    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Agent => "agent",
            Self::Machine => "machine",
        }
    }
}

/// What a person may do beside looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Works on cases: assigns, notes, asks for approval.
    Responder,
    /// Approves and rejects.
    Approver,
    /// Adds and revokes people, and stages and activates policies.
    Administrator,
    /// Passes on what registered people write in tasks. Machines alone have it, and no other.
    Relay,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Responder, Self::Approver, Self::Administrator, Self::Relay];

    /// Those that people have.
    pub const OF_PEOPLE: [Self; 3] = [Self::Responder, Self::Approver, Self::Administrator];

    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Responder => "responder",
            Self::Approver => "approver",
            Self::Administrator => "administrator",
            Self::Relay => "relay",
        }
    }
}

/// Whoever holds a registered key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The name.
    pub id: PrincipalId,
    /// What it is.
    pub kind: PrincipalKind,
    /// What it may do.
    pub roles: BTreeSet<Role>,
    /// Its public key: Ed25519, 64 hexadecimal digits.
    pub key: String,
    /// The forge account, as `github:login`; a person's own, and nobody else's.
    pub forge: Option<String>,
    /// The mail address; a person's own, and nobody else's.
    pub address: Option<String>,
    /// Since when, in seconds since 1970 UTC.
    pub since: i64,
    /// When it was revoked, and why.
    pub revoked: Option<(i64, String)>,
}

impl Principal {
    /// Whether its key still counts.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.revoked.is_none()
    }

    /// Whether it is an active person with that role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.is_active() && self.kind == PrincipalKind::Person && self.roles.contains(&role)
    }

    /// Whether it may pass on what registered people write in tasks: a machine alone may. A person who could would be whoever
    /// they name, and an agent is told what to do by what it reads.
    #[must_use]
    pub fn relays(&self) -> bool {
        self.is_active() && self.kind == PrincipalKind::Machine && self.roles.contains(&Role::Relay)
    }

    /// Whether a forge account, as `github:login`, is its own.
    #[must_use]
    pub fn is_account(&self, account: &str) -> bool {
        self.forge.as_deref().is_some_and(|own| own.trim().eq_ignore_ascii_case(account.trim()))
    }
}

/// What a relay says that a person wrote.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Relayed {
    /// The person whose account wrote it.
    pub person: PrincipalId,
    /// That account, as `github:login`.
    pub account: String,
    /// Where it was written: the tracker's name and the comment's number.
    pub comment: String,
    /// Who read it there.
    pub by: PrincipalId,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "as", content = "name")]
pub enum Actor {
    /// quell itself.
    Quell,
    /// A registered principal, who signed it.
    Principal(PrincipalId),
    /// A registered person, who wrote it in a task; a relay read it there, and signed that.
    Relayed(Relayed),
    /// Somebody without a registered key, by the name that the system has; such a caller may recommend alone.
    Unregistered(String),
}

impl Actor {
    /// The principal, where it is one.
    #[must_use]
    pub const fn principal(&self) -> Option<&PrincipalId> {
        match self {
            Self::Principal(id) => Some(id),
            Self::Relayed(relayed) => Some(&relayed.person),
            Self::Quell | Self::Unregistered(_) => None,
        }
    }

    /// Whose key it is signed with.
    #[must_use]
    pub const fn signer(&self) -> Option<&PrincipalId> {
        match self {
            Self::Relayed(relayed) => Some(&relayed.by),
            other => other.principal(),
        }
    }

    /// The name that is shown. Whoever has no registered key may have any name.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Quell => "quell".to_owned(),
            Self::Principal(id) => id.as_str().to_owned(),
            Self::Relayed(relayed) => format!("{} (in {})", relayed.person.as_str(), relayed.comment),
            Self::Unregistered(name) => format!("somebody without a registered key, who says `{name}`"),
        }
    }
}

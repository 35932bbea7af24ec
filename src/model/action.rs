//! What can be done about a credential, and how far that may go without a person.

use serde::{Deserialize, Serialize};

/// Something that is done about a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Makes a replacement, hands it over, proves it in use, and retires the old one.
    Rotate,
    /// Locks it, or takes away what it may do, so that it can be undone.
    Quarantine,
    /// Ends it for good.
    Revoke,
    /// Undoes a quarantine.
    Restore,
    /// Tells its owner.
    Notify,
    /// Ends its case.
    Close,
}

impl Action {
    /// Every action, in the order in which they are told.
    pub const ALL: [Self; 6] = [Self::Notify, Self::Rotate, Self::Quarantine, Self::Revoke, Self::Restore, Self::Close];

    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rotate => "rotate",
            Self::Quarantine => "quarantine",
            Self::Revoke => "revoke",
            Self::Restore => "restore",
            Self::Notify => "notify",
            Self::Close => "close",
        }
    }

    /// The action of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }
}

/// How far an action on a credential may go (REMEDIATION, requirements 7 to 9). A higher one allows what a lower one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// It is watched and told; nothing is done, not even with an approval, until more is known.
    Watch,
    /// A person may approve it.
    Approval,
    /// quell may contain it by itself, in a way that can be undone; what comes after waits for a person.
    Quarantine,
    /// quell may do it by itself.
    Automatic,
}

impl Tier {
    /// Those that a policy is asked for, the highest first; what none of them is allowed is [`Tier::Watch`].
    pub const ASKED: [Self; 3] = [Self::Automatic, Self::Quarantine, Self::Approval];

    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Approval => "approval",
            Self::Quarantine => "quarantine",
            Self::Automatic => "automatic",
        }
    }
}

//! Policy sets, from being put forward to being replaced.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ledger::error::LedgerError;
use crate::model::event::{Body, Event, PolicyFiles};
use crate::model::principal::Actor;

/// How far a policy set has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyState {
    /// It was put forward.
    Staged,
    /// It was asked about past facts.
    Replayed,
    /// It counts.
    Active,
    /// Another counts in its place.
    Retired,
}

impl PolicyState {
    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Replayed => "replayed",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

/// A policy set and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyStanding {
    /// The files.
    pub set: PolicyFiles,
    /// How far it has come.
    pub state: PolicyState,
    /// Who staged it last.
    pub stager: Actor,
    /// When its state changed last, in seconds since 1970 UTC.
    pub at: i64,
    /// How many decisions were made again, and how many came out differently, when it was replayed last since it was staged.
    pub replayed: Option<(u64, u64)>,
}

/// Every set, by its hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ledger) struct Policies(pub(in crate::ledger) BTreeMap<String, PolicyStanding>);

impl Policies {
    /// Takes an event; those about other things change nothing.
    pub(in crate::ledger) fn take(&mut self, event: &Event) -> Result<(), LedgerError> {
        match &event.body {
            Body::PolicyStaged { set } => self.stage(set, event),
            Body::PolicyReplayed { hash, decisions, differences } => {
                let standing = self.known(hash)?;
                standing.replayed = Some((*decisions, *differences));
                if standing.state == PolicyState::Staged {
                    (standing.state, standing.at) = (PolicyState::Replayed, event.at);
                }
            }
            Body::PolicyActivated { hash, .. } => {
                self.known(hash)?;
                for (own, standing) in &mut self.0 {
                    let after = match standing.state {
                        _ if own == hash => PolicyState::Active,
                        PolicyState::Active => PolicyState::Retired,
                        other => other,
                    };
                    if after != standing.state {
                        (standing.state, standing.at) = (after, event.at);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn stage(&mut self, set: &PolicyFiles, event: &Event) {
        // The one that counts goes on doing so when it is put forward again.
        if self.0.get(&set.hash).is_some_and(|known| known.state == PolicyState::Active) {
            return;
        }
        let (state, stager) = (PolicyState::Staged, event.actor.clone());
        let standing = PolicyStanding { set: set.clone(), state, stager, at: event.at, replayed: None };
        self.0.insert(set.hash.clone(), standing);
    }

    fn known(&mut self, hash: &str) -> Result<&mut PolicyStanding, LedgerError> {
        let unknown = || LedgerError::NotPermitted(format!("no policy set `{}` was staged", hash.escape_debug()));
        self.0.get_mut(hash).ok_or_else(unknown)
    }
}

/// Whether an event is about policy sets.
pub(in crate::ledger) const fn concerns(body: &Body) -> bool {
    matches!(body, Body::PolicyStaged { .. } | Body::PolicyReplayed { .. } | Body::PolicyActivated { .. })
}

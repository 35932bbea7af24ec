//! Policy sets, from being put forward to being replaced.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ledger::error::LedgerError;
use crate::model::action::Action;
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
    /// It is compiled in, and counted without being put forward when it was promoted.
    CompiledIn,
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
            Self::CompiledIn => "compiled-in",
        }
    }
}

/// That a policy set may take an act by itself: it decided as people did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// The act.
    pub action: Action,
    /// In how many cases its decision was compared with people's.
    pub cases: u64,
    /// In how many it was the same.
    pub agreed: u64,
    /// Who promoted it.
    pub by: Actor,
    /// When, in seconds since 1970 UTC.
    pub at: i64,
}

/// A policy set and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyStanding {
    /// The files; of a set that is compiled in and was never put forward, its hash alone.
    pub set: PolicyFiles,
    /// How far it has come.
    pub state: PolicyState,
    /// Who staged it last.
    pub stager: Actor,
    /// When its state changed last, in seconds since 1970 UTC.
    pub at: i64,
    /// How many decisions were made again, and how many came out differently, when it was replayed last since it was staged.
    pub replayed: Option<(u64, u64)>,
    /// What it may do by itself, by act. It ends when another set is activated: what was earned by one is no other's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promoted: Vec<Promotion>,
}

impl PolicyStanding {
    /// Whether it has earned to take an act by itself.
    #[must_use]
    pub fn has_earned(&self, action: Action) -> bool {
        self.promoted.iter().any(|one| one.action == action)
    }
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
                let standing = self.staged(hash)?;
                standing.replayed = Some((*decisions, *differences));
                if standing.state == PolicyState::Staged {
                    (standing.state, standing.at) = (PolicyState::Replayed, event.at);
                }
            }
            Body::PolicyActivated { hash, .. } => {
                let counted = self.staged(hash)?.state == PolicyState::Active;
                for (own, standing) in &mut self.0 {
                    if !counted {
                        standing.promoted.clear();
                    }
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
            Body::PolicyPromoted { hash, action, cases, agreed } => {
                let (action, cases, agreed, by) = (*action, *cases, *agreed, event.actor.clone());
                self.promote(hash, Promotion { action, cases, agreed, by, at: event.at })?;
            }
            Body::PolicyDemoted { hash, action, .. } => {
                self.known(hash)?.promoted.retain(|one| one.action != *action);
            }
            _ => {}
        }
        Ok(())
    }

    /// Promotes the set that counts. Where none was activated, a compiled-in one does, which the ledger knows by its hash alone.
    fn promote(&mut self, hash: &str, promotion: Promotion) -> Result<(), LedgerError> {
        let active = self.0.iter().find(|(_, one)| one.state == PolicyState::Active).map(|(hash, _)| hash.as_str());
        if active.is_some_and(|active| active != hash) {
            let why = format!("the policy set `{}` does not count, and cannot be promoted", hash.escape_debug());
            return Err(LedgerError::NotPermitted(why));
        }
        let standing = self.0.entry(hash.to_owned()).or_insert_with(|| PolicyStanding {
            set: PolicyFiles {
                hash: hash.to_owned(),
                schema: String::new(),
                profile: String::new(),
                files: Vec::new(),
            },
            state: PolicyState::CompiledIn,
            stager: Actor::Quell,
            at: promotion.at,
            replayed: None,
            promoted: Vec::new(),
        });
        standing.promoted.retain(|one| one.action != promotion.action);
        standing.promoted.push(promotion);
        standing.promoted.sort_by_key(|one| one.action);
        Ok(())
    }

    fn stage(&mut self, set: &PolicyFiles, event: &Event) {
        let known = self.0.get(&set.hash);
        // The one that counts goes on doing so when it is put forward again; one that is compiled in, with what it has earned.
        if known.is_some_and(|known| known.state == PolicyState::Active) {
            return;
        }
        let promoted = known.map(|known| known.promoted.clone()).unwrap_or_default();
        let (state, stager) = (PolicyState::Staged, event.actor.clone());
        let standing = PolicyStanding { set: set.clone(), state, stager, at: event.at, replayed: None, promoted };
        self.0.insert(set.hash.clone(), standing);
    }

    /// One that was put forward.
    fn staged(&mut self, hash: &str) -> Result<&mut PolicyStanding, LedgerError> {
        let standing = self.known(hash)?;
        if standing.state == PolicyState::CompiledIn {
            let why = format!("the policy set `{}` is compiled in, and was not staged", hash.escape_debug());
            return Err(LedgerError::NotPermitted(why));
        }
        Ok(standing)
    }

    fn known(&mut self, hash: &str) -> Result<&mut PolicyStanding, LedgerError> {
        let unknown = || LedgerError::NotPermitted(format!("no policy set `{}` was staged", hash.escape_debug()));
        self.0.get_mut(hash).ok_or_else(unknown)
    }
}

/// Whether an event is about policy sets.
pub(in crate::ledger) const fn concerns(body: &Body) -> bool {
    matches!(
        body,
        Body::PolicyStaged { .. }
            | Body::PolicyReplayed { .. }
            | Body::PolicyActivated { .. }
            | Body::PolicyPromoted { .. }
            | Body::PolicyDemoted { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(body: Body) -> Event {
        Event { seq: 1, at: 7, case: None, actor: Actor::Quell, body, nonce: None, signature: None }
    }

    fn staged(hash: &str) -> Event {
        let set = PolicyFiles { hash: hash.into(), schema: "s".into(), profile: "default".into(), files: Vec::new() };
        event(Body::PolicyStaged { set })
    }

    fn activated(hash: &str) -> Event {
        event(Body::PolicyActivated { hash: hash.into(), alone: false })
    }

    fn promoted(hash: &str) -> Event {
        event(Body::PolicyPromoted { hash: hash.into(), action: Action::Revoke, cases: 20, agreed: 20 })
    }

    fn earned(all: &Policies, hash: &str) -> bool {
        all.0.get(hash).is_some_and(|one| one.has_earned(Action::Revoke))
    }

    #[test]
    fn what_is_compiled_in_earns_until_another_set_counts() {
        let mut all = Policies::default();
        all.take(&promoted("built")).unwrap();
        assert!(earned(&all, "built") && !all.0["built"].has_earned(Action::Rotate));
        assert!(matches!(all.take(&activated("built")), Err(LedgerError::NotPermitted(_))), "nobody put it forward");
        // Put forward as it stands, it goes on counting with what it earned; activated, it starts anew.
        all.take(&staged("built")).unwrap();
        assert!(earned(&all, "built"));
        all.take(&staged("own")).unwrap();
        all.take(&activated("own")).unwrap();
        assert!(!earned(&all, "built") && !earned(&all, "own"));
        assert!(matches!(all.take(&promoted("built")), Err(LedgerError::NotPermitted(_))), "it counts no more");
        all.take(&promoted("own")).unwrap();
        // Activating what counts already changes nothing.
        all.take(&activated("own")).unwrap();
        assert!(earned(&all, "own"));
        all.take(&activated("built")).unwrap();
        all.take(&activated("own")).unwrap();
        assert!(!earned(&all, "own"), "what it had earned ended with it");
    }

    #[test]
    fn a_demotion_takes_it_back() {
        let mut all = Policies::default();
        let demoted =
            |hash: &str| event(Body::PolicyDemoted { hash: hash.into(), action: Action::Revoke, reason: "w".into() });
        all.take(&promoted("built")).unwrap();
        all.take(&promoted("built")).unwrap();
        assert_eq!(all.0["built"].promoted.len(), 1);
        all.take(&demoted("built")).unwrap();
        assert!(!earned(&all, "built"));
        assert!(all.take(&demoted("other")).is_err(), "nobody knows that set");
    }

    #[test]
    fn a_standing_without_promotions_reads_and_writes_as_before() {
        let mut all = Policies::default();
        all.take(&staged("own")).unwrap();
        let text = serde_json::to_string(&all.0["own"]).unwrap();
        assert!(!text.contains("promoted"), "{text}");
        assert_eq!(serde_json::from_str::<PolicyStanding>(&text).unwrap(), all.0["own"]);
    }
}

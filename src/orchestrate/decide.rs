//! The policy is asked about every action on a credential, each time anew on fresh facts. What it says is a recommendation;
//! a case is closed by itself alone, on a proof of death.

use super::facts::facts;
use super::settings::{DAY, HOUR, PROOF_HOURS};
use super::{CommandError, Orchestrator};
use crate::ledger::Filter;
use crate::model::Verdict;
use crate::model::action::{Action, Tier};
use crate::model::case::{Case, CaseNumber, Stage};
use crate::model::decision::{Decision, DecisionKind};
use crate::model::event::{Body, Closure, NewEvent};

/// A decision that says the same as the last is written down again after this time, in seconds.
const SAID_AGAIN: i64 = DAY;
/// So many credentials are counted: more than any policy lets one plan touch.
const BLAST: u32 = 100;

impl Orchestrator<'_> {
    /// Asks about every action that makes sense, and writes down what is new. A case whose proof of death is fresh is
    /// closed, where the policy lets quell do that by itself.
    ///
    /// # Errors
    /// Where there is no such case, or the ledger cannot be written.
    pub async fn decide(&self, number: CaseNumber) -> Result<Vec<Decision>, CommandError> {
        let case = self.case(number).await?;
        if !case.stage.is_open() {
            return Ok(Vec::new());
        }
        let (blast, earned) = (self.blast(&case).await?, self.earned().await?);
        let mut tx = self.store.begin().await?;
        tx.expect(number, case.version).await?;
        let now = tx.now();
        let mut bodies = Vec::new();
        let mut all = Vec::new();
        for action in actions(&case) {
            let mut decision = self.policy.decide(action, &facts(&case, action, blast, &earned, now));
            let closes = action == Action::Close && decision.tier == Tier::Automatic;
            let proof = case
                .proof_of_death()
                .filter(|(proof, asked, _)| closes && !proof.listed && asked + PROOF_HOURS * HOUR >= now);
            if proof.is_some() {
                decision.kind = DecisionKind::Act;
            }
            let last = case.decisions.iter().find(|(known, _)| known.action == action);
            let new = last.is_none_or(|(known, at)| !known.agrees(&decision) || at + SAID_AGAIN <= now);
            if new || proof.is_some() {
                bodies.push(Body::Decided { decision: Box::new(decision.clone()) });
            }
            if let Some((verification, asked, _)) = proof {
                bodies.push(Body::Closed {
                    closure: Closure::ProofOfDeath { asked, recipe: verification.recipe.clone() },
                });
            }
            all.push(decision);
        }
        if !bodies.is_empty() {
            let events = bodies.into_iter().map(|body| NewEvent::by_quell(Some(number), body)).collect();
            tx.append(events).await?;
        }
        tx.commit().await?;
        Ok(all)
    }

    /// What the policy says now about a case: about one action, or every one that makes sense. Nothing is written.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub async fn explain(&self, case: &Case, action: Option<Action>) -> Result<Vec<Decision>, CommandError> {
        let (now, blast, earned) = (self.store.now().await?, self.blast(case).await?, self.earned().await?);
        let all = action.map_or_else(|| actions(case), |action| vec![action]);
        let decide = |action| self.policy.decide(action, &facts(case, action, blast, &earned, now));
        Ok(all.into_iter().map(decide).collect())
    }

    /// What the policy says now about one action that a caller asks for. Nothing is written.
    pub(super) async fn decide_again(&self, case: &Case, action: Action) -> Result<Decision, CommandError> {
        let (now, blast, earned) = (self.store.now().await?, self.blast(case).await?, self.earned().await?);
        Ok(self.policy.decide(action, &facts(case, action, blast, &earned, now)))
    }

    /// How many credentials the plan would touch: those of the same provider that work now, for which it is as right.
    async fn blast(&self, case: &Case) -> Result<i64, CommandError> {
        let filter = Filter {
            stages: Stage::OPEN.to_vec(),
            providers: vec![case.opening.provider.clone()],
            live: true,
            limit: BLAST,
            ..Filter::default()
        };
        Ok(self.store.count(&filter).await?.max(1))
    }
}

/// The actions that make sense for a credential as it stands.
pub(super) fn actions(case: &Case) -> Vec<Action> {
    let verdict = case.verdict().map(|v| v.verdict);
    let mut all = match verdict {
        Some(Verdict::Dead) => vec![Action::Notify, Action::Close],
        Some(Verdict::Blocked) => vec![Action::Notify, Action::Rotate, Action::Revoke, Action::Restore],
        _ if case.stage == Stage::Closed => Vec::new(),
        _ => vec![Action::Notify, Action::Rotate, Action::Quarantine, Action::Revoke],
    };
    // What the provider says cannot be done is not proposed.
    if let Some(can) = &case.answers.capability.value {
        let possible = |action: &Action| match action {
            Action::Quarantine => can.quarantine.is_some(),
            Action::Revoke => can.revoke.is_some(),
            _ => true,
        };
        all.retain(possible);
    }
    all
}

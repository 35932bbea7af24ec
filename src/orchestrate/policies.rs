//! A new policy set is staged, asked about past facts, and activated by somebody else than whoever staged it (requirement 36).

use serde::Serialize;

use super::{CommandError, Orchestrator};
use crate::model::action::{Action, Tier};
use crate::model::case::CaseNumber;
use crate::model::event::Body;
use crate::model::principal::{PrincipalKind, Role};
use crate::policy::{About, Answer, Caller, PolicySet, Verb};

/// What a policy set would have decided otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The case.
    pub case: CaseNumber,
    /// The action.
    pub action: Action,
    /// What was decided.
    pub before: Tier,
    /// What the set decides on the same facts.
    pub after: Tier,
    /// The reasons that are new.
    pub added: Vec<String>,
    /// The reasons that are gone.
    pub gone: Vec<String>,
}

/// What came of asking a policy set about past facts.
#[derive(Clone, Debug, Serialize)]
pub struct Replay {
    /// How many decisions were made again.
    pub decisions: u64,
    /// Those that came out differently.
    pub differences: Vec<Difference>,
}

impl Orchestrator<'_> {
    /// Puts a policy set forward.
    ///
    /// # Errors
    /// Where the caller may not, or the ledger cannot be written.
    pub async fn stage(&self, set: &PolicySet) -> Result<String, CommandError> {
        self.allow(Verb::PolicyStage, &About::default(), None).await?;
        if let Some(why) = locks_out(set) {
            let help = "write it so that an administrator may still stage and activate";
            return Err(self.refuse("policy-stage", None, why, help).await?);
        }
        let files = set.files();
        let hash = files.hash.clone();
        let mut tx = self.store.begin().await?;
        self.append(&mut tx, None, vec![Body::PolicyStaged { set: files }]).await?;
        tx.commit().await?;
        Ok(hash)
    }

    /// Asks a policy set about the facts of every case's last decisions. For a staged set, that it was asked is recorded.
    ///
    /// # Errors
    /// Where a decision cannot be made again, or the ledger cannot be read or written.
    pub async fn replay(&self, set: &PolicySet) -> Result<Replay, CommandError> {
        let mut replay = Replay { decisions: 0, differences: Vec::new() };
        let mut after = None;
        loop {
            let cases = self.store.cases(&crate::ledger::Filter { after, limit: 500, ..Default::default() }).await?;
            let Some(last) = cases.last() else { break };
            after = Some(last.number);
            for case in &cases {
                for (decision, _) in &case.decisions {
                    let again = set.replay(decision).map_err(|e| CommandError::Policy(e.to_string()))?;
                    replay.decisions += 1;
                    if again.tier != decision.tier || again.unmet != decision.unmet {
                        let ids = |d: &crate::model::decision::Decision| {
                            d.unmet.iter().map(|u| u.id.clone()).collect::<Vec<_>>()
                        };
                        let (before, now) = (ids(decision), ids(&again));
                        replay.differences.push(Difference {
                            case: case.number,
                            action: decision.action,
                            before: decision.tier,
                            after: again.tier,
                            added: now.iter().filter(|id| !before.contains(id)).cloned().collect(),
                            gone: before.iter().filter(|id| !now.contains(id)).cloned().collect(),
                        });
                    }
                }
            }
        }
        if self.store.policy(set.hash()).await?.is_some() {
            let (decisions, differences) = (replay.decisions, replay.differences.len() as u64);
            let body = Body::PolicyReplayed { hash: set.hash().to_owned(), decisions, differences };
            let mut tx = self.store.begin().await?;
            self.append(&mut tx, None, vec![body]).await?;
            tx.commit().await?;
        }
        Ok(replay)
    }

    /// Lets a staged set count from now on: by another administrator than whoever staged it, after it was replayed.
    ///
    /// # Errors
    /// Where it was not staged or not replayed, the caller may not, or the ledger cannot be written.
    pub async fn activate(&self, hash: &str) -> Result<(), CommandError> {
        let Some(staged) = self.store.policies().await?.into_iter().find(|p| p.set.hash == hash) else {
            let help = "`quell policy stage --file FILE` stages one, `quell policy show` lists them";
            return Err(CommandError::usage(format!("no policy set `{hash}` was staged"), help));
        };
        let people = self.store.people().await?;
        let administers = |p: &&crate::model::principal::Principal| p.has(Role::Administrator);
        let alone = people.iter().filter(administers).count() == 1;
        let own = staged.stager == self.caller.actor();
        let about = About {
            stager: own.into(),
            alone: alone.into(),
            replayed: staged.replayed.is_some().into(),
            ..About::default()
        };
        let allowed = self.allow(Verb::PolicyActivate, &about, None).await?;
        // What was staged is parsed once more: nothing counts that this program does not understand.
        PolicySet::of(&staged.set).map_err(|e| CommandError::Policy(e.to_string()))?;
        let mut tx = self.store.begin().await?;
        self.append(&mut tx, None, vec![Body::PolicyActivated { hash: hash.to_owned(), alone: allowed.alone }]).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Why nobody could ever let another set count again, where that is so.
fn locks_out(set: &PolicySet) -> Option<&'static str> {
    let administrator =
        Caller { kind: Some(PrincipalKind::Person), active: true, roles: Role::ALL.into_iter().collect(), bound: true };
    let about = About { stager: Answer::No, alone: Answer::No, replayed: Answer::Yes, ..About::default() };
    let may = |verb| set.may(verb, &administrator, &about).allowed;
    if !may(Verb::People) {
        return Some("under this set nobody could register people any more");
    }
    let both = may(Verb::PolicyStage) && may(Verb::PolicyActivate);
    (!both).then_some("under this set nobody could stage and activate another")
}

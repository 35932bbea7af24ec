//! What may follow on what was before in a case: approvals, and proofs of death. Of a case only that is kept, so that an audit
//! can keep it for every case.

use std::collections::{HashMap, HashSet};

use crate::model::Verdict;
use crate::model::action::Action;
use crate::model::case::{ApprovalState, Case, CaseNumber};
use crate::model::event::{Body, Closure, Event};
use crate::model::principal::{Actor, PrincipalId};

/// A request for approval.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Request {
    id: String,
    action: Action,
    requester: Actor,
    plan_hash: String,
    state: ApprovalState,
    by: Vec<PrincipalId>,
}

/// What was asked for in a case, and what emergencies it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asked {
    requests: Vec<Request>,
    /// Those that are open.
    emergencies: Vec<(String, Vec<Action>)>,
}

/// Where cases stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ledger) struct Standing {
    opened: HashSet<CaseNumber>,
    /// Those whose issuer proved them dead, by what it said last.
    dead: HashSet<CaseNumber>,
    asked: HashMap<CaseNumber, Asked>,
}

/// Whether what may be written depends on what was before.
pub(in crate::ledger) const fn depends(body: &Body) -> bool {
    matches!(body, Body::Approved { .. } | Body::Closed { .. })
}

impl Standing {
    /// Where one case stands.
    pub(in crate::ledger) fn of(case: &Case) -> Self {
        let request = |a: &crate::model::case::Approval| Request {
            id: a.request.id.clone(),
            action: a.request.plan.action,
            requester: a.requester.clone(),
            plan_hash: a.request.plan_hash.clone(),
            state: a.state,
            by: a.by.iter().map(|(id, _)| id.clone()).collect(),
        };
        let open = case.emergencies.iter().filter(|e| e.ended.is_none());
        let asked = Asked {
            requests: case.approvals.iter().map(request).collect(),
            emergencies: open.map(|e| (e.id.clone(), e.actions.clone())).collect(),
        };
        Self {
            opened: HashSet::from([case.number]),
            dead: case.proof_of_death().map(|_| case.number).into_iter().collect(),
            asked: HashMap::from([(case.number, asked)]),
        }
    }

    /// What is wrong with an event after those before; nothing of it is taken then.
    pub(in crate::ledger) fn fault(&self, event: &Event) -> Option<String> {
        let number = event.case?;
        match (&event.body, self.opened.contains(&number)) {
            (Body::CaseOpened(_), true) => return Some(format!("it opens {number}, which was opened before")),
            (Body::CaseOpened(_), false) => {}
            (_, false) => return Some(format!("it is about {number}, which was not opened")),
            _ => {}
        }
        match &event.body {
            Body::Closed { closure: Closure::ProofOfDeath { .. } } if !self.dead.contains(&number) => {
                Some("it closes a case on a proof of death, and there is none".to_owned())
            }
            Body::Approved { request, plan_hash, alone, .. } => {
                self.approval(number, request, &event.actor, plan_hash, *alone).err().map(str::to_owned)
            }
            Body::Rejected { request, .. }
            | Body::ApprovalExpired { request }
            | Body::ApprovalWithdrawn { request, .. } => match self.request(number, request) {
                Some(_) => None,
                None => Some("it is about a request for approval that was not made".to_owned()),
            },
            _ => None,
        }
    }

    fn request(&self, number: CaseNumber, id: &str) -> Option<&Request> {
        self.asked.get(&number)?.requests.iter().find(|request| request.id == id)
    }

    /// Whether an approval counts: of what waits, as it was asked for, and by somebody else.
    fn approval(
        &self,
        number: CaseNumber,
        id: &str,
        actor: &Actor,
        plan_hash: &str,
        alone: bool,
    ) -> Result<(), &'static str> {
        let request = self.request(number, id).ok_or("it approves a request that was not made")?;
        if request.state != ApprovalState::Waiting {
            return Err("it approves a request that did not wait any more");
        }
        if request.plan_hash != plan_hash {
            return Err("it approves another plan than the one that was asked for");
        }
        // Even who is alone counts once.
        if request.by.iter().any(|by| Some(by) == actor.principal()) {
            return Err("it is a second approval of one person");
        }
        if request.requester.principal() == actor.principal() && !alone {
            return Err("it is an approval of the person who asked for it");
        }
        Ok(())
    }

    /// Takes an event. The same as a case makes of it.
    pub(in crate::ledger) fn take(&mut self, event: &Event) {
        let Some(number) = event.case else { return };
        match &event.body {
            Body::CaseOpened(_) => {
                self.opened.insert(number);
            }
            Body::VerdictHad { verification, by, .. } => {
                let proved = verification.verdict == Verdict::Dead && verification.controlled;
                if proved && !matches!(by, Actor::Unregistered(_)) {
                    self.dead.insert(number);
                } else {
                    self.dead.remove(&number);
                }
            }
            Body::ApprovalRequested(_) | Body::EmergencyOpened { .. } => {
                self.asked.entry(number).or_default().begin(event);
            }
            _ => {
                if let Some(asked) = self.asked.get_mut(&number) {
                    asked.take(event);
                }
            }
        }
    }
}

impl Asked {
    fn begin(&mut self, event: &Event) {
        match &event.body {
            Body::ApprovalRequested(request) => self.requests.push(Request {
                id: request.id.clone(),
                action: request.plan.action,
                requester: event.actor.clone(),
                plan_hash: request.plan_hash.clone(),
                state: ApprovalState::Waiting,
                by: Vec::new(),
            }),
            Body::EmergencyOpened { id, actions, .. } => self.emergencies.push((id.clone(), actions.clone())),
            _ => {}
        }
    }

    fn take(&mut self, event: &Event) {
        match &event.body {
            Body::Approved { request, quorum, .. } => {
                if let Some(found) = self.find(request) {
                    found.by.extend(event.actor.principal().cloned());
                    if found.by.len() as u64 >= u64::from(*quorum) {
                        found.state = ApprovalState::Granted;
                    }
                }
            }
            Body::ApprovalWithdrawn { request, of, .. } => {
                if let Some(found) = self.find(request) {
                    found.by.retain(|by| by != of);
                    found.state = ApprovalState::Waiting;
                }
            }
            Body::Rejected { request, .. } => self.set(request, ApprovalState::Rejected),
            Body::ApprovalExpired { request } => self.set(request, ApprovalState::Expired),
            Body::EmergencyEnded { id, .. } => {
                // As a case has it: what the last of that name allowed.
                let ended = |(known, _): &&(String, Vec<Action>)| known == id;
                let actions = self.emergencies.iter().rfind(ended).map(|(_, actions)| actions.clone());
                self.emergencies.retain(|(known, _)| known != id);
                self.drop_live(|request| actions.as_ref().is_some_and(|all| all.contains(&request.action)));
            }
            Body::RiskAccepted { .. } | Body::Closed { .. } => self.drop_live(|_| true),
            _ => {}
        }
    }

    fn find(&mut self, id: &str) -> Option<&mut Request> {
        self.requests.iter_mut().find(|request| request.id == id)
    }

    fn set(&mut self, id: &str, state: ApprovalState) {
        if let Some(found) = self.find(id) {
            found.state = state;
        }
    }

    fn drop_live(&mut self, which: impl Fn(&Request) -> bool) {
        for request in self.requests.iter_mut().filter(|request| which(request)) {
            if matches!(request.state, ApprovalState::Waiting | ApprovalState::Granted) {
                request.state = ApprovalState::Dropped;
            }
        }
    }
}

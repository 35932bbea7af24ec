//! What each event makes of a case.

use super::{Approval, ApprovalState, Case, CaseNumber, Emergency, Note, Place, Stage};
use crate::model::answers::Answers;
use crate::model::decision::Decision;
use crate::model::event::{Body, Event, Opening, Reopening};
use crate::model::principal::Actor;
use crate::model::{Verdict, Verification};

/// An event that cannot have happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// About a case that was not opened.
    #[error("event {0} is about a case that was not opened")]
    NotOpened(i64),
    /// Opens a case that was opened before.
    #[error("event {0} opens a case that was opened before")]
    OpenedTwice(i64),
    /// Names a request for approval that nobody made.
    #[error("event {0} is about a request for approval that was not made")]
    NoRequest(i64),
    /// About no case.
    #[error("event {0} is about no case")]
    NoCase(i64),
}

impl Case {
    /// What an event makes of a case. Events about no case leave `None`.
    ///
    /// # Errors
    /// Where the event cannot follow on what was before.
    pub fn after(before: Option<Self>, event: &Event) -> Result<Self, FoldError> {
        let number = event.case.ok_or(FoldError::NoCase(event.seq))?;
        let mut case = match (before, &event.body) {
            (None, Body::CaseOpened(opening)) => Self::opened(number, opening, event.at),
            (Some(_), Body::CaseOpened(_)) => return Err(FoldError::OpenedTwice(event.seq)),
            (None, _) => return Err(FoldError::NotOpened(event.seq)),
            (Some(mut case), _) => {
                case.acknowledge(event);
                if !case.worked(event) {
                    case.apply(event)?;
                }
                case
            }
        };
        case.version += 1;
        case.updated = event.at;
        Ok(case)
    }

    fn opened(number: CaseNumber, opening: &Opening, at: i64) -> Self {
        let mut case = Self {
            number,
            version: 0,
            stage: Stage::Opened,
            opening: opening.clone(),
            detected: at,
            notified: None,
            reopened: 0,
            verdicts: Vec::new(),
            sealed: None,
            claims: Vec::new(),
            assigned: None,
            answers: Answers::default(),
            answered: None,
            decisions: Vec::new(),
            approvals: Vec::new(),
            accepted: None,
            emergencies: Vec::new(),
            outcome: None,
            notes: Vec::new(),
            updated: at,
            authors: Vec::new(),
            tasks: Vec::new(),
            notices: Vec::new(),
            acknowledged: None,
            acts: Vec::new(),
            heard: Vec::new(),
            closure: None,
            reopening: None,
            since: at,
        };
        case.remember(&opening.places);
        case
    }

    /// Remembers who was recorded as an author.
    fn remember(&mut self, places: &[Place]) {
        for commit in places.iter().filter_map(|place| place.commit.as_ref()) {
            if !self.authors.contains(&commit.author) {
                self.authors.push(commit.author.clone());
            }
        }
    }

    fn apply(&mut self, event: &Event) -> Result<(), FoldError> {
        match &event.body {
            Body::PlacesJoined { places, fingerprints } => self.join(places, fingerprints),
            Body::CaseReopened { why } => self.reopen(*why, event.at),
            Body::VerdictHad { verification, by, .. } => self.had(verification, by, event.at),
            Body::SecretSealed { until } => self.sealed = Some(*until),
            Body::SecretErased { .. } => self.sealed = None,
            Body::ClaimsGathered { claims } => self.claims.clone_from(claims),
            Body::OwnerAssigned { owner, reason } => {
                self.assigned = Some((owner.clone(), reason.clone(), event.actor.clone(), event.at));
            }
            Body::Answered { answers } => (self.answers, self.answered) = ((**answers).clone(), Some(event.at)),
            Body::Decided { decision } => self.decided(decision, event.at),
            Body::RiskAccepted { until, reason } => {
                self.accepted = Some((*until, reason.clone(), event.actor.clone()));
                self.stage = Stage::RiskAccepted;
                self.drop_waiting();
            }
            Body::Noted { text, counts_as } => {
                self.notes.push(Note {
                    at: event.at,
                    actor: event.actor.clone(),
                    kind: *counts_as,
                    text: text.clone(),
                });
            }
            Body::OutcomeSet { outcome, reason } => self.outcome = Some((*outcome, reason.clone())),
            Body::Closed { closure } => {
                self.closure = Some(closure.clone());
                self.stage = Stage::Closed;
                self.drop_waiting();
            }
            other => return self.approval(other, event),
        }
        Ok(())
    }

    /// Events about approvals and emergencies.
    fn approval(&mut self, body: &Body, event: &Event) -> Result<(), FoldError> {
        match body {
            Body::ApprovalRequested(request) => {
                self.approvals.push(Approval {
                    request: (**request).clone(),
                    requester: event.actor.clone(),
                    at: event.at,
                    by: Vec::new(),
                    state: ApprovalState::Waiting,
                });
            }
            Body::Approved { request, quorum, .. } => {
                let approval = self.request(request, event.seq)?;
                approval.request.quorum = *quorum;
                approval.by.extend(event.actor.principal().map(|id| (id.clone(), event.at)));
                if approval.by.len() as u64 >= u64::from(*quorum) {
                    approval.state = ApprovalState::Granted;
                    self.stage = Stage::Approved;
                }
            }
            Body::ApprovalWithdrawn { request, of, .. } => {
                let approval = self.request(request, event.seq)?;
                approval.by.retain(|(id, _)| id != of);
                approval.state = ApprovalState::Waiting;
                self.fall_back();
            }
            Body::Rejected { request, .. } => {
                self.request(request, event.seq)?.state = ApprovalState::Rejected;
                self.fall_back();
            }
            Body::ApprovalExpired { request } => {
                self.request(request, event.seq)?.state = ApprovalState::Expired;
                self.fall_back();
            }
            Body::EmergencyOpened { id, purpose, actions, until, trigger } => self.emergencies.push(Emergency {
                id: id.clone(),
                purpose: purpose.clone(),
                actions: actions.clone(),
                until: *until,
                trigger: trigger.clone(),
                by: event.actor.clone(),
                ended: None,
            }),
            Body::EmergencyEnded { id, reason } => self.emergency_ended(id, reason, event.at),
            // What happens to no case, and refusals: on record, and nothing changes.
            _ => {}
        }
        Ok(())
    }

    /// Ends an emergency path, and with it what was asked for under it.
    fn emergency_ended(&mut self, id: &str, reason: &str, at: i64) {
        let mut actions = Vec::new();
        for emergency in self.emergencies.iter_mut().filter(|e| e.id == *id && e.ended.is_none()) {
            emergency.ended = Some((at, reason.to_owned()));
            actions.clone_from(&emergency.actions);
        }
        for approval in self.approvals.iter_mut().filter(|a| actions.contains(&a.request.plan.action)) {
            if matches!(approval.state, ApprovalState::Waiting | ApprovalState::Granted) {
                approval.state = ApprovalState::Dropped;
            }
        }
        self.fall_back();
    }

    fn request(&mut self, id: &str, seq: i64) -> Result<&mut Approval, FoldError> {
        self.approvals.iter_mut().find(|a| a.request.id == id).ok_or(FoldError::NoRequest(seq))
    }

    /// Where no approval is granted any more, the case is where it was after the last decision.
    fn fall_back(&mut self) {
        if self.stage == Stage::Approved && !self.approvals.iter().any(|a| a.state == ApprovalState::Granted) {
            self.stage = Stage::Decided;
        }
    }

    /// Approvals that nobody needs any more.
    fn drop_waiting(&mut self) {
        for approval in &mut self.approvals {
            if matches!(approval.state, ApprovalState::Waiting | ApprovalState::Granted) {
                approval.state = ApprovalState::Dropped;
            }
        }
    }

    fn join(&mut self, places: &[Place], fingerprints: &[String]) {
        self.remember(places);
        for place in places {
            match self.opening.places.iter_mut().find(|known| known.is(place)) {
                Some(known) => {
                    // A scan of the tree alone does not know who brought it in, or whether it is in the history.
                    let commit = place.commit.clone().or(known.commit.take());
                    let presence = place.presence.or(known.presence);
                    *known = Place { commit, presence, ..place.clone() };
                }
                None => self.opening.places.push(place.clone()),
            }
        }
        let dates = self.opening.places.iter().filter_map(|place| place.commit.as_ref()).map(|commit| commit.date);
        self.opening.exposed = dates.filter(|date| *date > 0).chain(self.opening.exposed).min();
        for print in fingerprints {
            if !self.opening.fingerprints.contains(print) {
                self.opening.fingerprints.push(print.clone());
            }
        }
    }

    fn reopen(&mut self, why: Reopening, at: i64) {
        self.stage = Stage::Opened;
        self.reopened += 1;
        (self.since, self.acknowledged, self.reopening) = (at, None, Some(why));
        // What was judged and decided was so before this.
        self.outcome = None;
        self.decisions.clear();
        if why == Reopening::AcceptanceEnded {
            self.accepted = None;
        }
    }

    /// When it was asked counts by the ledger's clock: a worker's may be off.
    fn had(&mut self, verification: &Verification, by: &Actor, at: i64) {
        let asked = if verification.cached { verification.asked.min(at) } else { at };
        let same = |known: &Verification| {
            let told =
                |v: &Verification| (v.verdict, v.controlled, v.identity.clone(), v.recipe.clone(), v.host.clone());
            told(known) == told(verification)
        };
        match self.verdicts.last_mut() {
            Some((known, last, asker)) if same(known) && asker == by => *last = asked,
            _ => {
                // What was decided before rests on what was said before.
                self.decisions.clear();
                self.verdicts.push((Verification { asked, ..verification.clone() }, asked, by.clone()));
            }
        }
    }

    fn decided(&mut self, decision: &Decision, at: i64) {
        self.decisions.retain(|(known, _)| known.action != decision.action);
        self.decisions.push((decision.clone(), at));
        self.decisions.sort_by_key(|(known, _)| known.action);
        if self.stage == Stage::Opened {
            self.stage = Stage::Decided;
        }
    }

    /// What an answer means in the light of what the case knows: that a server holds no such credential is death where that server said
    /// before that it works, and says nothing anywhere else.
    #[must_use]
    pub fn weighed(&self, answer: Verification) -> Verification {
        let knew = |(known, _, by): &(Verification, i64, Actor)| {
            let place = |v: &Verification| (v.recipe.clone(), v.host.clone(), v.listed);
            known.proves_life() && place(known) == place(&answer) && !matches!(by, Actor::Unregistered(_))
        };
        match answer.verdict {
            Verdict::Indistinct if answer.absent && self.verdicts.iter().any(knew) => {
                Verification { verdict: Verdict::Dead, ..answer }
            }
            _ => answer,
        }
    }

    /// Whether the issuer proved it dead, when, and who asked: no reversible state answers alike. What somebody without a
    /// registered key says that it said proves nothing.
    #[must_use]
    pub fn proof_of_death(&self) -> Option<(&Verification, i64, &Actor)> {
        let (verification, last, by) = self.verdicts.last()?;
        let proved = verification.verdict == Verdict::Dead && verification.controlled;
        (proved && !matches!(by, Actor::Unregistered(_))).then_some((verification, *last, by))
    }
}

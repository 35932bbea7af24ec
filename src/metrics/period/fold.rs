//! Takes the ledger's events, and keeps what a report needs that a [`Life`] does not have: reasons, titles, decisions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::fold::{Fold, check};
use super::super::life::Life;
use super::{Covered, DeadLetter, Deed, EmergencyRow, Period, Reopened, Reported};
use crate::model::action::{Action, Tier};
use crate::model::case::CaseNumber;
use crate::model::decision::{Decision, DecisionKind};
use crate::model::event::{Body, Closure, Event, Opening};
use crate::model::principal::{Actor, PrincipalKind};
use crate::model::{Severity, Untrusted};

/// What events have come to so far.
#[derive(Debug, Default)]
pub struct PeriodFold {
    pub(super) since: i64,
    pub(super) until: i64,
    /// Controls that a policy names which allowed something, by its id.
    allowing: BTreeMap<String, Vec<String>>,
    lives: Fold,
    /// How lives stood at the end, where events came after it.
    end: Option<Fold>,
    pub(super) cases: BTreeMap<CaseNumber, Kept>,
    /// What is about no case.
    pub(super) whole: Tally,
    pub(super) scanned: Covered,
    /// Titles of preconditions and of rules, by id.
    pub(super) titles: HashMap<String, String>,
}

/// What happened in the period, about a case or about none.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) deeds: BTreeMap<Deed, usize>,
    pub(super) controls: BTreeMap<String, usize>,
    pub(super) refused: Vec<(String, String)>,
    pub(super) delivered: usize,
    pub(super) dead_letters: Vec<DeadLetter>,
    /// Requests for approval, those granted, rejected, expired.
    pub(super) approvals: [usize; 4],
    pub(super) closed: (usize, usize),
    pub(super) reopened: Reopened,
    pub(super) reported: Vec<Reported>,
    /// Recommendations, acts, those in which a policy failed.
    pub(super) decisions: [usize; 3],
    pub(super) policies: BTreeMap<String, usize>,
}

/// What is kept of a case beside its life.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) opened: i64,
    pub(super) rule: String,
    pub(super) severity: Severity,
    /// Its rule's own severity: what an answer raises.
    before: Severity,
    pub(super) live: bool,
    pub(super) tally: Tally,
    /// The last decision of the period about each action: the tier, and what was unmet.
    pub(super) last: BTreeMap<Action, (Tier, BTreeSet<String>)>,
    /// Accepted risks: who, why, since, until, and when the case moved on.
    pub(super) risks: Vec<Risk>,
    pub(super) emergencies: Vec<EmergencyRow>,
    /// Requests by name: how many have approved.
    votes: BTreeMap<String, u32>,
}

/// A risk that was accepted.
#[derive(Debug)]
pub(super) struct Risk {
    pub(super) by: String,
    pub(super) reason: String,
    pub(super) at: i64,
    pub(super) until: i64,
    pub(super) ended: Option<i64>,
}

impl PeriodFold {
    /// A period from its first second to before `until`, both since 1970 UTC. `allowing` has the controls that permits name,
    /// by their ids: a decision holds those of what forbids alone.
    #[must_use]
    pub fn new(since: i64, until: i64, allowing: BTreeMap<String, Vec<String>>) -> Self {
        Self { since, until, allowing, ..Self::default() }
    }

    /// Takes the next event. Events have to come in their order.
    pub fn take(&mut self, event: &Event) {
        if event.at >= self.until {
            self.end.get_or_insert_with(|| self.lives.clone());
            self.lives.take(event);
            return;
        }
        self.lives.take(event);
        let within = event.at >= self.since;
        let Some(number) = event.case else {
            if within {
                self.store(event);
                self.whole.take(event);
            }
            return;
        };
        if let Body::CaseOpened(opening) = &event.body {
            self.titles.insert(opening.rule.clone(), opening.title.clone());
            self.cases.insert(number, Kept::new(opening, event.at));
        }
        if let (true, Body::Decided { decision }) = (within, &event.body) {
            let unmet = decision.unmet.iter().filter(|unmet| !unmet.title.is_empty());
            self.titles.extend(unmet.map(|unmet| (unmet.id.clone(), unmet.title.clone())));
        }
        let Some(kept) = self.cases.get_mut(&number) else { return };
        kept.stand(event);
        if within {
            kept.approval(event);
            kept.tally.take(event);
            if let Body::Decided { decision } = &event.body {
                kept.tally.decided(decision, &self.allowing);
                let unmet = decision.unmet.iter().map(|unmet| unmet.id.clone()).collect();
                kept.last.insert(decision.action, (decision.tier, unmet));
            }
        }
    }

    /// What is about the whole store.
    fn store(&mut self, event: &Event) {
        if let Body::ScanEnded { target, complete, .. } = &event.body {
            self.scanned.scans += 1;
            if !complete {
                self.scanned.partial.push((target.clone(), event.at));
            }
        }
    }

    /// Lives as they stood at the end of the period.
    pub(super) fn at_end(&self) -> &Fold {
        self.end.as_ref().unwrap_or(&self.lives)
    }

    /// Lives that were known at the end of the period and were this team's then, or all; each as far as it is known now.
    pub fn followed<'a>(&'a self, team: Option<&'a Untrusted>) -> impl Iterator<Item = &'a Life> {
        let theirs: BTreeSet<CaseNumber> = self
            .at_end()
            .cases()
            .filter(|(_, life)| team.is_none_or(|team| life.owner.as_ref() == Some(team)))
            .map(|(number, _)| number)
            .collect();
        self.lives.cases().filter(move |(number, _)| theirs.contains(number)).map(|(_, life)| life)
    }

    /// What happened, for all or for the cases of one team, by the time of the store (in seconds since 1970 UTC).
    #[must_use]
    pub fn period(&self, team: Option<&Untrusted>, now: i64) -> Period {
        super::tell::period(self, team, now)
    }
}

impl Tally {
    /// Counts an event of the period.
    fn take(&mut self, event: &Event) {
        if let Some(deed) = deed(event) {
            *self.deeds.entry(deed).or_default() += 1;
        }
        if event.signature.is_some() {
            *self.deeds.entry(Deed::Signed).or_default() += 1;
        }
        match &event.body {
            Body::CaseOpened(opening) => self.name(opening.controls.iter()),
            Body::Closed { closure: Closure::ProofOfDeath { .. } } => self.closed.0 += 1,
            Body::Closed { closure: Closure::NoCredential } => self.closed.1 += 1,
            Body::CaseReopened { why } => self.reopened.add(*why),
            Body::Refused { verb, reason } => self.refused.push((verb.clone(), reason.clone())),
            Body::NoticeDelivered { .. } => self.delivered += 1,
            Body::NoticeFailed { route, what, why, .. } => self.dead_letters.push(DeadLetter {
                case: event.case,
                route: route.as_str().into(),
                what: *what,
                why: why.as_str().into(),
                at: event.at,
            }),
            // What nobody vouches for was not done.
            Body::ActReported { action, reason, cause } if !matches!(event.actor, Actor::Unregistered(_)) => {
                if let Some(case) = event.case {
                    let (by, reason) = (event.actor.name().as_str().into(), reason.as_str().into());
                    self.reported.push(Reported { case, action: *action, by, reason, cause: *cause, at: event.at });
                }
            }
            _ => {}
        }
    }

    /// Counts controls that something names, each once.
    fn name<'a>(&mut self, controls: impl Iterator<Item = &'a String>) {
        for control in controls.collect::<BTreeSet<_>>() {
            *self.controls.entry(control.clone()).or_default() += 1;
        }
    }

    fn decided(&mut self, decision: &Decision, allowing: &BTreeMap<String, Vec<String>>) {
        let [recommended, acts, failed] = &mut self.decisions;
        match decision.kind {
            DecisionKind::Recommendation => *recommended += 1,
            DecisionKind::Act => *acts += 1,
        }
        *failed += usize::from(!decision.errors.is_empty());
        *self.policies.entry(decision.policy.clone()).or_default() += 1;
        let forbidding = decision.unmet.iter().flat_map(|unmet| &unmet.controls);
        let allowed = decision.determining.iter().filter_map(|id| allowing.get(id)).flatten();
        self.name(forbidding.chain(allowed));
    }
}

impl Kept {
    fn new(opening: &Opening, at: i64) -> Self {
        Self {
            opened: at,
            rule: opening.rule.clone(),
            severity: opening.severity,
            before: opening.severity,
            live: false,
            tally: Tally::default(),
            last: BTreeMap::new(),
            risks: Vec::new(),
            emergencies: Vec::new(),
            votes: BTreeMap::new(),
        }
    }

    /// How it stands: by every event until the end of the period.
    fn stand(&mut self, event: &Event) {
        match &event.body {
            Body::VerdictHad { verification, by, nominal }
                if check(verification, by, *nominal, event.at).is_some_and(|check| check.state.is_live()) =>
            {
                self.live = true;
                self.severity = self.severity.max(verification.verdict.severity(self.before));
            }
            Body::RiskAccepted { until, reason } => {
                self.moved_on(event.at);
                let (by, reason) = (event.actor.name(), reason.clone());
                self.risks.push(Risk { by, reason, at: event.at, until: *until, ended: None });
            }
            Body::Closed { .. } | Body::CaseReopened { .. } => self.moved_on(event.at),
            Body::EmergencyOpened { id, purpose, actions, until, .. } => {
                let Some(case) = event.case else { return };
                self.emergencies.push(EmergencyRow {
                    case,
                    id: id.clone(),
                    purpose: purpose.as_str().into(),
                    actions: actions.clone(),
                    by: event.actor.name().as_str().into(),
                    at: event.at,
                    until: *until,
                    ended: None,
                });
            }
            Body::EmergencyEnded { id, reason } => {
                for open in self.emergencies.iter_mut().filter(|e| e.id == *id && e.ended.is_none()) {
                    open.ended = Some((event.at, reason.as_str().into()));
                }
            }
            Body::Approved { request, .. } => *self.votes.entry(request.clone()).or_default() += 1,
            Body::ApprovalWithdrawn { request, .. } => {
                let votes = self.votes.entry(request.clone()).or_default();
                *votes = votes.saturating_sub(1);
            }
            _ => {}
        }
    }

    /// Ends a risk that was accepted.
    fn moved_on(&mut self, at: i64) {
        if let Some(risk) = self.risks.last_mut().filter(|risk| risk.ended.is_none()) {
            risk.ended = Some(at);
        }
    }

    /// Counts what became of requests in the period; votes are counted before.
    fn approval(&mut self, event: &Event) {
        let [requested, granted, rejected, expired] = &mut self.tally.approvals;
        match &event.body {
            Body::ApprovalRequested(_) => *requested += 1,
            Body::Approved { request, quorum, .. } => {
                let votes = self.votes.get(request).copied().unwrap_or(0);
                // The vote that makes it enough; a later one changes nothing.
                *granted += usize::from(votes == *quorum);
            }
            Body::Rejected { .. } => *rejected += 1,
            Body::ApprovalExpired { .. } => *expired += 1,
            _ => {}
        }
    }
}

/// What an event is that carries out controls.
fn deed(event: &Event) -> Option<Deed> {
    let by_person = |counts_as: PrincipalKind| counts_as == PrincipalKind::Person;
    Some(match &event.body {
        Body::CaseOpened(_) => Deed::Opened,
        Body::ScanEnded { .. } => Deed::Scanned,
        Body::VerdictHad { verification, .. } if verification.verdict.is_had() => Deed::Asked,
        Body::ClaimsGathered { claims } if !claims.is_empty() => Deed::Owned,
        Body::OwnerAssigned { .. } => Deed::Owned,
        Body::Answered { .. } => Deed::Answered,
        Body::SecretSealed { .. } => Deed::Sealed,
        Body::TaskOpened { .. } => Deed::Tasked,
        Body::NoticeDelivered { .. } => Deed::Told,
        Body::ApprovalRequested(_) => Deed::Requested,
        Body::Approved { .. } | Body::Rejected { .. } => Deed::Voted,
        Body::Closed { closure: Closure::ProofOfDeath { .. } } => Deed::Proved,
        Body::Refused { .. } => Deed::Refused,
        Body::Noted { counts_as, .. } if !by_person(*counts_as) => Deed::Noted,
        Body::PolicyActivated { .. } => Deed::Activated,
        Body::PolicyPromoted { .. } | Body::PolicyDemoted { .. } => Deed::Promoted,
        Body::PersonRevoked { .. } => Deed::Revoked,
        Body::ActReported { action, .. } => acted(*action)?,
        Body::Decided { decision } if decision.kind == DecisionKind::Act => acted(decision.action)?,
        _ => return None,
    })
}

const fn acted(action: Action) -> Option<Deed> {
    match action {
        Action::Quarantine => Some(Deed::Contained),
        Action::Restore => Some(Deed::Restored),
        _ => None,
    }
}

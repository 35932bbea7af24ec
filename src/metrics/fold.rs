//! Lives out of a ledger's events: a light fold, since a hundred thousand cases have to fit in memory at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::life::{Accepted, Act, Again, Check, Life, Reopened, Request, State};
use crate::model::action::Action;
use crate::model::answers::Environment;
use crate::model::case::{ApprovalState, CaseNumber, Place};
use crate::model::decision::{Decision, DecisionKind};
use crate::model::event::{Body, Closure, Event, Opening, Reopening};
use crate::model::owner::{Claim, Owner, OwnerKind};
use crate::model::principal::{Actor, PrincipalId, PrincipalKind};
use crate::model::{Untrusted, Verdict, Verification};

/// Scans that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scans {
    /// How many.
    pub ended: usize,
    /// Those that read everything.
    pub complete: usize,
}

/// What events have come to so far.
#[derive(Clone, Debug, Default)]
pub struct Fold {
    lives: BTreeMap<CaseNumber, Kept>,
    people: HashSet<PrincipalId>,
    names: HashSet<Untrusted>,
    policies: HashMap<String, Untrusted>,
    scans: Scans,
}

/// A life, and what is needed to follow it.
#[derive(Clone, Debug, Default)]
struct Kept {
    life: Life,
    assigned: Option<Untrusted>,
    emergencies: Vec<(String, Vec<Action>)>,
}

impl Fold {
    /// Takes the next event. Events have to come in their order; what belongs to no case that was opened is left out.
    pub fn take(&mut self, event: &Event) {
        match &event.body {
            Body::PersonAdded { principal } if principal.kind == PrincipalKind::Person => {
                self.people.insert(principal.id.clone());
            }
            Body::ScanEnded { complete, .. } => {
                self.scans.ended += 1;
                self.scans.complete += usize::from(*complete);
            }
            _ => {}
        }
        let Some(number) = event.case else { return };
        if let Body::CaseOpened(opening) = &event.body {
            let life = self.opened(opening, event.at);
            self.lives.insert(number, Kept { life, ..Kept::default() });
            return;
        }
        // What has a name is interned, before the life is at hand.
        let by_person = event.actor.principal().is_some_and(|id| self.people.contains(id));
        let Some(mut kept) = self.lives.remove(&number) else { return };
        self.apply(&mut kept, event);
        let life = &mut kept.life;
        let told = life.notified.is_some_and(|notified| event.at >= notified);
        if told && event.body.acknowledges() && by_person && life.acknowledged.is_none() {
            life.acknowledged = Some(event.at);
        }
        self.lives.insert(number, kept);
    }

    /// Lives, in the order of their cases.
    pub fn lives(&self) -> impl Iterator<Item = &Life> {
        self.lives.values().map(|kept| &kept.life)
    }

    /// The same with their numbers.
    pub fn cases(&self) -> impl Iterator<Item = (CaseNumber, &Life)> {
        self.lives.iter().map(|(number, kept)| (*number, &kept.life))
    }

    /// How many scans have ended.
    #[must_use]
    pub const fn scans(&self) -> Scans {
        self.scans
    }

    /// The same name once in memory, however many lives have it.
    fn name(&mut self, name: &Untrusted) -> Untrusted {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        self.names.insert(name.clone());
        name.clone()
    }

    fn opened(&mut self, opening: &Opening, at: i64) -> Life {
        let mut life = Life {
            exposed: opening.exposed.filter(|at| *at > 0),
            detected: at,
            provider: Some(self.name(&opening.provider.as_str().into())),
            rule: Some(self.name(&opening.rule.as_str().into())),
            ..Life::default()
        };
        self.join(&mut life, &opening.places);
        life
    }

    fn join(&mut self, life: &mut Life, places: &[Place]) {
        for place in places {
            if !life.repositories.contains(&place.repository) {
                life.repositories.push(self.name(&place.repository));
            }
        }
        let dates = places.iter().filter_map(|place| place.commit.as_ref()).map(|commit| commit.date);
        life.exposed = dates.filter(|date| *date > 0).chain(life.exposed).min();
    }

    fn apply(&mut self, kept: &mut Kept, event: &Event) {
        let (life, at) = (&mut kept.life, event.at);
        match &event.body {
            Body::PlacesJoined { places, .. } => self.join(life, places),
            Body::VerdictHad { verification, by, nominal } => {
                life.checks.extend(check(verification, by, *nominal, at));
            }
            Body::NoticeDelivered { to_owner: true, .. } | Body::TaskOpened { to_owner: true, .. } => {
                life.notified = life.notified.or(Some(at));
            }
            Body::ClaimsGathered { claims } => {
                let owner = strongest(claims).map(|owner| self.name(&owner.name));
                life.owner = kept.assigned.clone().or(owner);
            }
            Body::OwnerAssigned { owner, .. } => {
                kept.assigned = Some(self.name(&owner.name));
                life.owner.clone_from(&kept.assigned);
            }
            Body::Answered { answers } => life.environment = answers.environment.value.map(environment),
            Body::Decided { decision } => self.decided(life, decision, at),
            Body::RiskAccepted { until, .. } => {
                drop_waiting(life, at, |_| true);
                life.accepted.push(Accepted { from: at, until: *until });
            }
            Body::OutcomeSet { outcome, .. } => life.outcome = Some(*outcome),
            Body::Closed { closure } => {
                drop_waiting(life, at, |_| true);
                end_acceptance(life, at);
                if let Closure::ProofOfDeath { asked, .. } = closure {
                    life.closures.push(proved(life, (*asked).min(at)));
                }
            }
            Body::CaseReopened { why } => reopened(life, *why, at),
            Body::ActReported { action, cause, .. } if !matches!(event.actor, Actor::Unregistered(_)) => {
                let asked = life.requests.iter().rev().find(|r| r.action == *action).map(|r| r.requested);
                let requested = (*action == Action::Restore).then_some(asked.unwrap_or(at));
                let act = Act { action: *action, at, automatic: false, policies: Vec::new(), cause: *cause, requested };
                life.acts.push(act);
            }
            Body::EmergencyOpened { id, actions, .. } => kept.emergencies.push((id.clone(), actions.clone())),
            Body::EmergencyEnded { id, .. } => {
                let ended = kept.emergencies.iter().filter(|(known, _)| known == id);
                let actions: Vec<Action> = ended.flat_map(|(_, actions)| actions.iter().copied()).collect();
                drop_waiting(life, at, |request| actions.contains(&request.action));
            }
            other => approval(life, other, at),
        }
    }

    fn decided(&mut self, life: &mut Life, decision: &Decision, at: i64) {
        if matches!(decision.action, Action::Rotate | Action::Quarantine | Action::Revoke) {
            life.tiers.retain(|(action, _)| *action != decision.action);
            life.tiers.push((decision.action, decision.tier));
        }
        if decision.kind == DecisionKind::Act {
            let mut policies = Vec::with_capacity(decision.determining.len());
            for id in &decision.determining {
                let known = self.policies.entry(id.clone()).or_insert_with(|| id.as_str().into());
                policies.push(known.clone());
            }
            let requested = (decision.action == Action::Restore).then_some(at);
            life.acts.push(Act { action: decision.action, at, automatic: true, policies, cause: None, requested });
        }
    }
}

/// A definitive answer, where it is one: of a server that refuses what is made up, had by somebody with a registered key. It
/// counts by the ledger's clock: a worker's may be off.
pub(super) fn check(verification: &Verification, by: &Actor, nominal: Option<i64>, at: i64) -> Option<Check> {
    let state = match verification.verdict {
        Verdict::Live => State::Live,
        Verdict::LiveLimited => State::Limited,
        Verdict::Blocked => State::Blocked,
        Verdict::Dead => State::Dead,
        Verdict::Indistinct | Verdict::Unknown(_) | Verdict::NoVerifier => return None,
    };
    if !verification.controlled || matches!(by, Actor::Unregistered(_)) {
        return None;
    }
    let asked = if verification.cached { verification.asked.min(at) } else { at };
    Some(Check { nominal, asked, state })
}

/// Who the strongest claims of those who are still there agree in; a team goes before its people.
fn strongest(claims: &[Claim]) -> Option<&Owner> {
    let standing = || claims.iter().filter(|claim| claim.departed.is_none());
    let most = standing().map(|claim| claim.strength).max()?;
    let all: BTreeSet<&Owner> = standing().filter(|claim| claim.strength == most).map(|claim| &claim.owner).collect();
    let teams: BTreeSet<&Owner> = all.iter().copied().filter(|owner| owner.kind == OwnerKind::Team).collect();
    let owners = if teams.is_empty() { all } else { teams };
    owners.first().copied().filter(|_| owners.len() == 1)
}

/// The word of an environment that formats have.
const fn environment(is: Environment) -> &'static str {
    match is {
        Environment::Development => "development",
        Environment::Test => "test",
        Environment::Staging => "staging",
        Environment::Production => "production",
    }
}

/// When it was proved dead that is closed on: the first of the answers in a row that say so.
fn proved(life: &Life, asked: i64) -> i64 {
    let since = life.reopened.last().map_or(i64::MIN, |again| again.at);
    let dead = life.checks.iter().rev().take_while(|check| check.state == State::Dead && check.asked >= since);
    dead.map(|check| check.asked).last().map_or(asked, |first| first.min(asked))
}

fn reopened(life: &mut Life, why: Reopening, at: i64) {
    // What was judged was so before this.
    life.outcome = None;
    end_acceptance(life, at);
    let since = life.closures.last().copied();
    let restored = |act: &Act| act.action == Action::Restore && since.is_none_or(|since| act.at >= since);
    let why = match why {
        Reopening::AcceptanceEnded => return,
        Reopening::Appeared => Again::ReExposure,
        Reopening::LivesAgain if life.acts.iter().any(restored) => Again::Rollback,
        Reopening::LivesAgain => Again::Resurrection,
    };
    life.reopened.push(Reopened { at, why });
}

/// An accepted risk ends where the case moves on.
fn end_acceptance(life: &mut Life, at: i64) {
    if let Some(risk) = life.accepted.last_mut() {
        risk.until = risk.until.min(at);
    }
}

/// Requests that nobody has to answer any more.
fn drop_waiting(life: &mut Life, at: i64, which: impl Fn(&Request) -> bool) {
    for request in life.requests.iter_mut().filter(|request| which(request)) {
        if matches!(request.state, ApprovalState::Waiting | ApprovalState::Granted) {
            (request.state, request.ended) = (ApprovalState::Dropped, request.ended.or(Some(at)));
        }
    }
}

/// Events about approvals.
fn approval(life: &mut Life, body: &Body, at: i64) {
    if let Body::ApprovalRequested(request) = body {
        life.requests.push(Request {
            id: request.id.clone(),
            action: request.plan.action,
            requested: at,
            ended: None,
            granted: None,
            state: ApprovalState::Waiting,
            votes: (0, request.quorum),
        });
        return;
    }
    let (Body::Approved { request: id, .. }
    | Body::Rejected { request: id, .. }
    | Body::ApprovalExpired { request: id }
    | Body::ApprovalWithdrawn { request: id, .. }) = body
    else {
        return;
    };
    let Some(request) = life.requests.iter_mut().find(|request| request.id == *id) else { return };
    match body {
        Body::Approved { quorum, .. } => {
            request.votes = (request.votes.0 + 1, *quorum);
            if request.votes.0 >= *quorum {
                request.state = ApprovalState::Granted;
                (request.ended, request.granted) = (Some(at), request.granted.or(Some(at)));
            }
        }
        Body::ApprovalWithdrawn { .. } => {
            request.votes.0 = request.votes.0.saturating_sub(1);
            (request.state, request.ended) = (ApprovalState::Waiting, None);
        }
        Body::Rejected { .. } => (request.state, request.ended) = (ApprovalState::Rejected, Some(at)),
        _ => (request.state, request.ended) = (ApprovalState::Expired, Some(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{NoticeKind, RestoreCause};
    use crate::model::principal::Principal;
    use crate::model::{Confidence, Severity, Why};

    /// Events, each a second after the other.
    struct Tale(Fold, i64);

    fn person(name: &str) -> PrincipalId {
        PrincipalId::parse(name).unwrap()
    }

    impl Tale {
        fn new() -> Self {
            let mut tale = Self(Fold::default(), 0);
            for (name, kind) in [("ada", PrincipalKind::Person), ("bot", PrincipalKind::Agent)] {
                let principal = Principal {
                    id: person(name),
                    kind,
                    roles: BTreeSet::new(),
                    key: String::new(),
                    forge: None,
                    address: None,
                    since: 0,
                    revoked: None,
                };
                tale.event(None, Actor::Quell, Body::PersonAdded { principal });
            }
            let opening = Opening {
                fingerprints: vec!["f".to_owned()],
                rule: "acme-token".to_owned(),
                title: String::new(),
                provider: "acme".to_owned(),
                redacted: String::new(),
                severity: Severity::High,
                confidence: Confidence::High,
                advice: String::new(),
                docs: String::new(),
                controls: Vec::new(),
                names: Vec::new(),
                places: Vec::new(),
                exposed: Some(-5),
                by_report: false,
                expires: None,
            };
            tale.at(3, Body::CaseOpened(Box::new(opening)));
            tale
        }

        fn event(&mut self, case: Option<i64>, actor: Actor, body: Body) {
            self.1 += 1;
            let signature = actor.signer().map(|_| "s".to_owned());
            let event =
                Event { seq: self.1, at: self.1, case: case.map(CaseNumber), actor, body, nonce: None, signature };
            self.0.take(&event);
        }

        fn at(&mut self, at: i64, body: Body) {
            self.1 = at - 1;
            self.event(Some(1), Actor::Quell, body);
        }

        fn by(&mut self, name: &str, body: Body) {
            self.event(Some(1), Actor::Principal(person(name)), body);
        }

        fn had(&mut self, at: i64, verdict: Verdict, controlled: bool, by: Actor) {
            let verification = Verification { controlled, ..Verification::not_asked(verdict, "acme/x", at) };
            self.at(at, Body::VerdictHad { verification: Box::new(verification), by, nominal: Some(at - 1) });
        }

        fn told(&mut self, at: i64, to_owner: bool) {
            let body = Body::NoticeDelivered {
                notice: "n".to_owned(),
                route: "r".to_owned(),
                what: NoticeKind::Opened,
                to_owner,
            };
            self.at(at, body);
        }

        fn life(&self) -> &Life {
            self.0.lives().next().unwrap()
        }
    }

    #[test]
    fn only_definitive_answers_are_checks() {
        let mut tale = Tale::new();
        tale.had(10, Verdict::Live, true, Actor::Quell);
        tale.had(11, Verdict::Live, false, Actor::Quell);
        tale.had(12, Verdict::Unknown(Why::Timeout), true, Actor::Quell);
        tale.had(13, Verdict::Indistinct, true, Actor::Quell);
        tale.had(14, Verdict::NoVerifier, true, Actor::Quell);
        tale.had(15, Verdict::Dead, true, Actor::Unregistered("x".to_owned()));
        tale.had(16, Verdict::Dead, false, Actor::Quell);
        tale.had(17, Verdict::Blocked, true, Actor::Principal(person("ada")));
        let states: Vec<_> = tale.life().checks.iter().map(|c| (c.asked, c.nominal, c.state)).collect();
        assert_eq!(states, [(10, Some(9), State::Live), (17, Some(16), State::Blocked)]);
    }

    #[test]
    fn the_first_notice_to_the_owner_starts_the_clock_and_a_person_answers_it() {
        let mut tale = Tale::new();
        tale.by("ada", Body::Acknowledged);
        tale.told(10, false);
        assert_eq!((tale.life().notified, tale.life().acknowledged), (None, None));
        tale.told(20, true);
        tale.told(30, true);
        tale.by("bot", Body::Noted { text: "x".into(), counts_as: PrincipalKind::Agent });
        assert_eq!((tale.life().notified, tale.life().acknowledged), (Some(20), None));
        tale.by("ada", Body::Noted { text: "x".into(), counts_as: PrincipalKind::Person });
        assert_eq!(tale.life().acknowledged, None, "a note says nothing");
        tale.by("ada", Body::Acknowledged);
        assert_eq!(tale.life().acknowledged, Some(33));
        assert_eq!((tale.life().exposed, tale.life().detected), (None, 3));
    }

    #[test]
    fn what_comes_back_after_it_was_closed_says_why() {
        let mut tale = Tale::new();
        let closed = |asked| Body::Closed { closure: Closure::ProofOfDeath { asked, recipe: "acme/x".to_owned() } };
        tale.had(10, Verdict::Live, true, Actor::Quell);
        tale.had(20, Verdict::Dead, true, Actor::Quell);
        tale.had(25, Verdict::Dead, true, Actor::Quell);
        tale.at(30, closed(25));
        tale.at(40, Body::CaseReopened { why: Reopening::LivesAgain });
        tale.at(50, closed(50));
        let restore = || Body::ActReported {
            action: Action::Restore,
            reason: "it broke".to_owned(),
            cause: Some(RestoreCause::LegitimateUse),
        };
        tale.event(Some(1), Actor::Unregistered("x".to_owned()), restore());
        assert!(tale.life().acts.is_empty(), "nobody vouches for it");
        tale.by("ada", restore());
        tale.at(60, Body::CaseReopened { why: Reopening::LivesAgain });
        tale.at(70, Body::CaseReopened { why: Reopening::AcceptanceEnded });
        let life = tale.life();
        assert_eq!(life.closures, [20, 50], "when it was proved first");
        let why: Vec<_> = life.reopened.iter().map(|r| (r.at, r.why)).collect();
        assert_eq!(why, [(40, Again::Resurrection), (60, Again::Rollback)]);
    }

    #[test]
    fn an_accepted_risk_ends_where_the_case_moves_on() {
        let mut tale = Tale::new();
        tale.at(10, Body::RiskAccepted { until: 1000, reason: "x".to_owned() });
        assert_eq!(tale.life().accepted, [Accepted { from: 10, until: 1000 }]);
        tale.at(50, Body::CaseReopened { why: Reopening::Appeared });
        assert_eq!(tale.life().accepted, [Accepted { from: 10, until: 50 }]);
    }
}

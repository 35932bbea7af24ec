//! What belongs to a period and what does not, to the second; and how things stood when it ended.
#![cfg(test)]

use serde_json::Value;

use super::*;
use crate::model::decision::{ApprovalRequest, Decision, DecisionKind, Plan, Unmet};
use crate::model::event::{Body, Closure, Event, Opening, TaskRef};
use crate::model::owner::{Owner, OwnerKind};
use crate::model::principal::{Actor, PrincipalId, PrincipalKind};
use crate::model::{Confidence, Verdict, Verification};

const SINCE: i64 = 1_000;
const UNTIL: i64 = 2_000;

/// A ledger.
struct Tale(Vec<Event>);

fn ada() -> Actor {
    Actor::Principal(PrincipalId::parse("ada").unwrap())
}

impl Tale {
    fn at(&mut self, at: i64, case: i64, actor: Actor, body: Body) -> &mut Self {
        let signature = actor.signer().map(|_| String::new());
        let case = (case > 0).then_some(CaseNumber(case));
        let seq = i64::try_from(self.0.len()).unwrap() + 1;
        self.0.push(Event { seq, at, case, actor, body, nonce: None, signature });
        self
    }

    fn quell(&mut self, at: i64, case: i64, body: Body) -> &mut Self {
        self.at(at, case, Actor::Quell, body)
    }

    fn opens(&mut self, at: i64, case: i64) -> &mut Self {
        let opening = Opening {
            fingerprints: vec![format!("f{case}")],
            rule: "acme-token".to_owned(),
            title: "Acme token".to_owned(),
            provider: "acme".to_owned(),
            redacted: String::new(),
            severity: Severity::Medium,
            confidence: Confidence::High,
            advice: String::new(),
            docs: String::new(),
            controls: vec!["NHI2".to_owned()],
            names: Vec::new(),
            places: Vec::new(),
            exposed: None,
            by_report: false,
            expires: None,
        };
        self.quell(at, case, Body::CaseOpened(Box::new(opening)))
    }

    fn had(&mut self, at: i64, case: i64, verdict: Verdict) -> &mut Self {
        let verification = Verification { controlled: true, ..Verification::not_asked(verdict, "acme/x", at) };
        self.quell(at, case, Body::VerdictHad { verification: Box::new(verification), by: Actor::Quell, nominal: None })
    }

    fn owned(&mut self, at: i64, case: i64, name: &str) -> &mut Self {
        let owner = Owner { kind: OwnerKind::Team, name: name.into() };
        self.at(at, case, ada(), Body::OwnerAssigned { owner, reason: String::new() })
    }

    fn decided(&mut self, at: i64, case: i64, action: Action, tier: Tier, kind: DecisionKind) -> &mut Self {
        let unmet = |id: &str, controls: &[&str]| Unmet {
            tier: Tier::Automatic,
            id: id.to_owned(),
            title: format!("{id} holds"),
            controls: controls.iter().map(|control| (*control).to_owned()).collect(),
        };
        let decision = Decision {
            action,
            tier,
            kind,
            determining: vec!["allow".to_owned()],
            unmet: vec![unmet("window", &["CSF:RS.MI-01"]), unmet("owner", &["CSF:RS.MI-01", "CSF:PR.AA-01"])],
            errors: Vec::new(),
            policy: "sha256:p".to_owned(),
            schema: String::new(),
            facts: Value::Null,
            snapshot: String::new(),
        };
        self.quell(at, case, Body::Decided { decision: Box::new(decision) })
    }

    fn requests(&mut self, at: i64, case: i64, id: &str, quorum: u32) -> &mut Self {
        let plan = Plan { action: Action::Revoke, steps: Vec::new(), way_back: None };
        let request = ApprovalRequest {
            id: id.to_owned(),
            plan,
            plan_hash: String::new(),
            snapshot: String::new(),
            decision: String::new(),
            quorum,
            expires: i64::MAX,
            said: None,
        };
        self.at(at, case, ada(), Body::ApprovalRequested(Box::new(request)))
    }

    fn approves(&mut self, at: i64, case: i64, id: &str, quorum: u32) -> &mut Self {
        let body = Body::Approved { request: id.to_owned(), plan_hash: String::new(), alone: false, quorum };
        self.at(at, case, ada(), body)
    }

    fn fold(&self) -> PeriodFold {
        let allowing = [("allow".to_owned(), vec!["CSF:PR.AA-05".to_owned()])].into();
        let mut fold = PeriodFold::new(SINCE, UNTIL, allowing);
        self.0.iter().for_each(|event| fold.take(event));
        fold
    }

    fn period(&self) -> Period {
        self.fold().period(None, 10_000)
    }
}

fn tale() -> Tale {
    Tale(Vec::new())
}

fn proof() -> Body {
    Body::Closed { closure: Closure::ProofOfDeath { asked: 0, recipe: String::new() } }
}

#[test]
fn the_first_second_belongs_to_a_period_and_the_one_after_the_last_does_not() {
    let mut tale = tale();
    tale.opens(SINCE - 1, 1).opens(SINCE, 2).opens(UNTIL - 1, 3).opens(UNTIL, 4);
    assert_eq!(tale.period().found.all.cases, 2);
    let mut tale = self::tale();
    tale.opens(1, 1).opens(1, 2).opens(1, 3).opens(1, 4);
    tale.quell(SINCE - 1, 1, proof()).quell(SINCE, 2, proof()).quell(UNTIL - 1, 3, proof()).quell(UNTIL, 4, proof());
    let scan = |complete| Body::ScanEnded { target: "app".into(), complete, credentials: 0, opened: 0 };
    tale.0.retain(|event| event.at != UNTIL);
    tale.quell(UNTIL - 1, 0, scan(false)).quell(UNTIL, 0, scan(true)).quell(UNTIL, 4, proof());
    let period = tale.period();
    assert_eq!((period.done.proved, period.found.all.cases, period.deeds[&Deed::Proved]), (2, 0, 2));
    assert_eq!((period.covered.scans, period.covered.partial.len()), (1, 1));
    assert_eq!((period.since, period.until, period.as_of), (SINCE, UNTIL, UNTIL));
    assert_eq!(tale.fold().period(None, 1_500).as_of, 1_500, "a period that is not over stands as of now");
}

#[test]
fn what_comes_after_a_period_changes_nothing_in_it() {
    let mut tale = tale();
    tale.opens(1_100, 1).had(1_200, 1, Verdict::Live).owned(1_300, 1, "pay").requests(1_400, 1, "a-1", 1);
    tale.at(1_500, 1, ada(), Body::RiskAccepted { until: 9_000, reason: "r".to_owned() }).requests(1_600, 1, "a-2", 1);
    let before = tale.period();
    tale.had(UNTIL, 1, Verdict::Dead).owned(UNTIL, 1, "shop").approves(UNTIL, 1, "a-2", 1).quell(UNTIL, 1, proof());
    assert_eq!(tale.period(), before);
    assert_eq!((before.found.all.live, before.found.live_at_end), (1, 1));
    assert_eq!(before.found.by_owner, [Row { name: Some("pay".into()), count: Count { cases: 1, live: 1 } }]);
    let waiting: Vec<_> = before.exceptions.waiting.iter().map(|row| (row.id.as_str(), row.age)).collect();
    assert_eq!(waiting, [("a-2", 400)], "the other was dropped when the risk was accepted");
    // The curve follows it further.
    let fold = tale.fold();
    let [pay, shop] = ["pay", "shop"].map(Untrusted::from);
    let life = fold.followed(Some(&pay)).next().unwrap();
    assert_eq!((life.checks.len(), fold.followed(Some(&shop)).count()), (2, 0));
}

#[test]
fn what_works_raises_its_severity_and_what_died_stays_found() {
    let mut tale = tale();
    tale.opens(1_100, 1).opens(1_100, 2).opens(1_100, 3);
    tale.had(1_200, 1, Verdict::Live).had(1_300, 1, Verdict::Dead).had(1_200, 2, Verdict::Dead);
    let found = tale.period().found;
    assert_eq!((found.all, found.live_at_end), (Count { cases: 3, live: 1 }, 0));
    let high = (Severity::High, Count { cases: 1, live: 1 });
    assert_eq!(found.by_severity, [high, (Severity::Medium, Count { cases: 2, live: 0 })]);
    assert_eq!((found.never_verified, found.never_notified), (1, 3));
    assert_eq!(found.by_rule, [("acme-token".into(), "Acme token".into(), Count { cases: 3, live: 1 })]);
}

#[test]
fn who_was_told_is_not_among_those_that_nobody_told() {
    let mut tale = tale();
    tale.opens(1_100, 1).opens(1_100, 2).had(1_200, 1, Verdict::Live).had(1_200, 2, Verdict::Live);
    let task = TaskRef { tracker: "t".to_owned(), key: "1".to_owned(), url: "".into() };
    tale.quell(1_300, 2, Body::TaskOpened { task, to_owner: true });
    let notice = |what| Body::NoticeFailed {
        notice: String::new(),
        route: "mail".to_owned(),
        what,
        why: "no such box".to_owned(),
    };
    tale.quell(1_400, 1, notice(NoticeKind::Opened)).quell(UNTIL, 1, notice(NoticeKind::Escalation));
    let period = tale.period();
    assert_eq!((period.found.never_notified, period.found.live_untold), (1, vec![CaseNumber(1)]));
    assert_eq!(period.covered.dead_letters.len(), 1);
    assert_eq!(period.covered.dead_letters[0].case, Some(CaseNumber(1)));
}

#[test]
fn a_recommendation_is_no_act_and_the_last_decision_of_a_case_counts() {
    let (aid, act) = (DecisionKind::Recommendation, DecisionKind::Act);
    let mut tale = tale();
    tale.opens(1_100, 1).opens(1_100, 2);
    tale.decided(SINCE - 1, 1, Action::Rotate, Tier::Automatic, aid);
    tale.decided(1_200, 1, Action::Rotate, Tier::Watch, aid).decided(1_300, 1, Action::Rotate, Tier::Approval, aid);
    tale.decided(1_300, 2, Action::Quarantine, Tier::Quarantine, act);
    let reported = |cause| Body::ActReported { action: Action::Restore, reason: "down".to_owned(), cause };
    tale.at(1_400, 2, ada(), reported(Some(RestoreCause::LegitimateUse)));
    tale.at(1_500, 2, Actor::Unregistered("eve".to_owned()), reported(None));
    let period = tale.period();
    let all = &period.recommended;
    assert_eq!((all.recommendations, all.acts, all.policies["sha256:p"]), (2, 1, 3));
    let tiers: Vec<_> = all.tiers.iter().map(|(key, count)| (*key, *count)).collect();
    let quarantine = ((Action::Quarantine, Tier::Quarantine), 1);
    assert_eq!(tiers, [((Action::Rotate, Tier::Approval), 1), quarantine]);
    let unmet: Vec<_> = all.unmet.iter().map(|row| (row.title.clone(), row.cases)).collect();
    assert_eq!(unmet, [("owner holds".into(), 2), ("window holds".into(), 2)]);
    // Each decision names a control once.
    assert_eq!(period.controls["CSF:RS.MI-01"], 3);
    assert_eq!(period.controls["CSF:PR.AA-05"], 3, "what allowed it names controls too");
    assert_eq!(period.controls["NHI2"], 2, "and rules of cases");
    let own: Vec<_> = period.done.automatic.iter().map(|act| (act.case.0, act.action)).collect();
    assert_eq!(own, [(2, Action::Quarantine)]);
    assert_eq!(period.done.restored(), [1, 0, 0], "nobody vouches for the other");
    assert_eq!(period.deeds[&Deed::Contained], 1);
}

#[test]
fn approvals_are_counted_when_they_suffice() {
    let mut tale = tale();
    tale.opens(1, 1).requests(SINCE - 1, 1, "a-1", 2).approves(SINCE - 1, 1, "a-1", 2);
    tale.requests(1_100, 1, "a-2", 1).requests(1_100, 1, "a-3", 1).requests(1_150, 1, "a-4", 2);
    tale.approves(1_200, 1, "a-1", 2).approves(1_300, 1, "a-4", 2);
    tale.at(1_200, 1, ada(), Body::Rejected { request: "a-2".to_owned(), reason: String::new() });
    tale.quell(1_300, 1, Body::ApprovalExpired { request: "a-3".to_owned() });
    let refused = || Body::Refused { verb: "close".to_owned(), reason: "no proof".to_owned() };
    tale.quell(1_400, 1, refused()).quell(1_500, 0, refused()).quell(UNTIL, 1, refused());
    let all = tale.period().exceptions;
    assert_eq!((all.requested, all.granted, all.rejected, all.expired), (3, 1, 1, 1));
    assert_eq!((all.waiting.len(), all.debt()), (1, (850, 850)));
    assert_eq!(all.refused, [("close".into(), "no proof".into(), 2)]);
}

#[test]
fn exceptions_that_touch_a_period_are_in_it() {
    let mut tale = tale();
    let accepted = |until| Body::RiskAccepted { until, reason: "a sandbox".to_owned() };
    for case in 1..=4 {
        tale.opens(1, case);
    }
    tale.at(10, 1, ada(), accepted(SINCE - 1)).at(10, 2, ada(), accepted(SINCE)).at(10, 3, ada(), accepted(9_000));
    tale.at(UNTIL, 4, ada(), accepted(9_000));
    tale.0.sort_by_key(|event| event.at);
    let mut later = Tale(tale.0.clone());
    later.0.retain(|event| event.at < UNTIL);
    later.quell(1_500, 3, Body::CaseReopened { why: Reopening::Appeared });
    let risks = |tale: &Tale| -> Vec<_> {
        tale.period().exceptions.risks.iter().map(|risk| (risk.case.0, risk.ended)).collect()
    };
    assert_eq!(risks(&tale), [(2, None), (3, None)]);
    assert_eq!(risks(&later), [(2, None), (3, Some(1_500))]);
    assert_eq!(later.period().done.reopened, Reopened { appeared: 1, ..Reopened::default() });
    let mut tale = self::tale();
    let opened = |id: &str, until| Body::EmergencyOpened {
        id: id.to_owned(),
        purpose: "p".to_owned(),
        actions: vec![Action::Revoke],
        until,
        trigger: String::new(),
    };
    tale.opens(1, 1).at(10, 1, ada(), opened("e-1", 20)).at(10, 1, ada(), opened("e-2", 3_000));
    tale.at(1_200, 1, ada(), Body::EmergencyEnded { id: "e-2".to_owned(), reason: "over".to_owned() });
    let open: Vec<_> = tale.period().exceptions.emergencies.into_iter().map(|e| (e.id, e.ended)).collect();
    assert_eq!(open, [("e-2".to_owned(), Some((1_200, "over".into())))]);
}

#[test]
fn a_team_has_its_own_cases_and_the_scans_of_all() {
    let mut tale = tale();
    tale.opens(1_100, 1).opens(1_100, 2).owned(1_200, 1, "pay").owned(1_200, 2, "shop");
    tale.quell(1_300, 0, Body::ScanEnded { target: "app".into(), complete: true, credentials: 0, opened: 0 });
    tale.at(1_400, 2, ada(), Body::Noted { text: "x".into(), counts_as: PrincipalKind::Agent });
    tale.quell(1_500, 2, proof());
    let fold = tale.fold();
    let pay = fold.period(Some(&"pay".into()), 10_000);
    assert_eq!((pay.found.all.cases, pay.done.proved, pay.covered.scans), (1, 0, 1));
    assert!(!pay.deeds.contains_key(&Deed::Noted));
    let shop = fold.period(Some(&"shop".into()), 10_000);
    assert_eq!((shop.done.proved, shop.deeds[&Deed::Noted]), (1, 1));
    assert_eq!(fold.period(Some(&"none".into()), 10_000).found.all.cases, 0);
}

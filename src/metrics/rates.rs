//! Times and shares beside the curves: how fast people were, what came back, what was a mistake, what waits.
//!
//! Each is of what happened in the period, whenever its case began: a closure, a containment, an answer, a restoration, an act.
//! A case that a person judged to be no credential, or one of a test, is in none of them, but for the acts of quell: one upon
//! what is no credential was a mistake, and tells against the policy that let it.

use std::collections::BTreeMap;

use super::life::{Act, Again, Life, Request};
use super::{REOPEN_WINDOW, days, float, share};
use crate::model::Untrusted;
use crate::model::action::Action;
use crate::model::case::{ApprovalState, Outcome};
use crate::model::event::RestoreCause;

/// A mean of times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mean {
    /// Of how many.
    pub n: usize,
    /// Their sum, in seconds.
    pub sum: i64,
}

impl Mean {
    fn add(&mut self, from: i64, to: Option<i64>) {
        if let Some(took) = to.map(|to| to.saturating_sub(from)).filter(|took| *took >= 0) {
            (self.n, self.sum) = (self.n + 1, self.sum.saturating_add(took));
        }
    }

    /// The mean, in days.
    #[must_use]
    pub fn days(&self) -> Option<f64> {
        (self.n > 0).then(|| days(self.sum) / float(self.n))
    }

    /// The mean, in hours.
    #[must_use]
    pub fn hours(&self) -> Option<f64> {
        self.days().map(|days| days * 24.0)
    }
}

/// Closures by proof that did not last for the window. A closure counts once in `reopened`; each cause counts it at most once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reopenings {
    /// Proved closures that are at least as old as the window.
    pub closures: usize,
    /// Those that did not last for it.
    pub reopened: usize,
    /// It stands somewhere again.
    pub re_exposures: usize,
    /// It works again by itself.
    pub resurrections: usize,
    /// Somebody restored it.
    pub rollbacks: usize,
}

/// Approvals that wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApprovalDebt {
    /// How many.
    pub waiting: usize,
    /// For how long together, in seconds.
    pub sum: i64,
    /// The longest, in seconds.
    pub oldest: i64,
}

/// How often what one policy let quell do by itself was undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Automation {
    /// The policy's id.
    pub policy: Untrusted,
    /// Acts that it allowed.
    pub acts: usize,
    /// Those that were rolled back or overturned.
    pub overturned: usize,
}

impl Automation {
    /// The share that stood.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        share(self.acts.saturating_sub(self.overturned), self.acts)
    }
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// MTTR: from detection to the proof of death, of each closure that was proved in the period; what was closed again counts
    /// again. Biased low: what is still open is missing.
    pub remediated: Mean,
    /// MTTA: from notice to a person's answer.
    pub acknowledged: Mean,
    /// MTTC: from detection to the first proof that it is locked or dead, where it worked before.
    pub contained: Mean,
    /// From when a rollback was asked for to the first proof that the credential works again.
    pub restored: Mean,
    /// What came back.
    pub reopenings: Reopenings,
    /// Restorations because something that may use the credential failed.
    pub mistaken: usize,
    /// Quarantines and revocations.
    pub disruptive: usize,
    /// What waits for approval.
    pub approvals: ApprovalDebt,
    /// By policy, in the order of their ids.
    pub automation: Vec<Automation>,
}

impl Rates {
    /// The rates of lives at a time (in seconds since 1970 UTC), of what happened in the period: from its first second to before
    /// its last. What waits is what waits at that time, and was asked for before the period's end.
    pub(super) fn of<'a>(lives: impl IntoIterator<Item = &'a Life>, now: i64, period: (i64, i64)) -> Self {
        let mut all = Self::default();
        let mut policies: BTreeMap<Untrusted, (usize, usize)> = BTreeMap::new();
        for life in lives {
            automation(life, period, &mut policies);
            if life.is_none() {
                continue;
            }
            all.times(life, period);
            all.reopened(life, now, period);
            all.acts(life, period);
            all.waits(life, now, period.1);
        }
        let row = |(policy, (acts, overturned))| Automation { policy, acts, overturned };
        all.automation = policies.into_iter().map(row).collect();
        all
    }

    fn times(&mut self, life: &Life, period: (i64, i64)) {
        let within = |at: &i64| (period.0..period.1).contains(at);
        for closed in life.closures.iter().copied().filter(within) {
            self.remediated.add(life.detected, Some(closed));
        }
        if let Some(notified) = life.notified {
            self.acknowledged.add(notified, life.acknowledged.filter(within));
        }
        self.contained.add(life.detected, life.contained().filter(within));
        for act in life.acts.iter().filter(|act| act.action == Action::Restore) {
            self.restored.add(act.requested.unwrap_or(act.at), life.alive_after(act.at).filter(within));
        }
    }

    fn reopened(&mut self, life: &Life, now: i64, period: (i64, i64)) {
        let old = |at: &i64| (period.0..period.1).contains(at) && at.saturating_add(REOPEN_WINDOW) <= now;
        for (number, closed) in life.closures.iter().enumerate().filter(|(_, at)| old(at)) {
            let until = life.closures.get(number + 1).copied().unwrap_or(i64::MAX);
            let until = until.min(closed.saturating_add(REOPEN_WINDOW));
            let within = |why| life.reopened.iter().any(|r| (*closed..=until).contains(&r.at) && r.why == why);
            let causes = [Again::ReExposure, Again::Resurrection, Again::Rollback].map(within);
            let [appeared, lives_again, rolled_back] = causes.map(usize::from);
            let counts = &mut self.reopenings;
            counts.closures += 1;
            counts.reopened += usize::from(causes.contains(&true));
            counts.re_exposures += appeared;
            counts.resurrections += lives_again;
            counts.rollbacks += rolled_back;
        }
    }

    fn acts(&mut self, life: &Life, period: (i64, i64)) {
        for act in life.acts.iter().filter(|act| (period.0..period.1).contains(&act.at)) {
            self.disruptive += usize::from(matches!(act.action, Action::Quarantine | Action::Revoke));
            let legitimate = act.cause == Some(RestoreCause::LegitimateUse);
            self.mistaken += usize::from(act.action == Action::Restore && legitimate);
        }
    }

    fn waits(&mut self, life: &Life, now: i64, until: i64) {
        let waits = |r: &&Request| r.state == ApprovalState::Waiting && r.requested < until;
        for request in life.requests.iter().filter(waits) {
            let age = now.saturating_sub(request.requested).max(0);
            let debt = &mut self.approvals;
            debt.waiting += 1;
            (debt.sum, debt.oldest) = (debt.sum.saturating_add(age), debt.oldest.max(age));
        }
    }

    /// Mistaken remediations among quarantines and revocations.
    #[must_use]
    pub fn mistaken_rate(&self) -> Option<f64> {
        share(self.mistaken, self.disruptive)
    }
}

/// What quell did by itself in the period, and how much of it was undone since, by policy.
fn automation(life: &Life, period: (i64, i64), policies: &mut BTreeMap<Untrusted, (usize, usize)>) {
    for act in life.acts.iter().filter(|act| act.automatic && (period.0..period.1).contains(&act.at)) {
        let overturned = usize::from(overturned(act, life));
        for policy in &act.policies {
            let (acts, gone) = policies.entry(policy.clone()).or_default();
            (*acts, *gone) = (*acts + 1, *gone + overturned);
        }
    }
}

/// Whether what quell did by itself was undone: restored, opened again since it works, or judged to be about no credential.
fn overturned(act: &Act, life: &Life) -> bool {
    let later = |at: i64| at >= act.at;
    let undone = match act.action {
        Action::Rotate | Action::Quarantine | Action::Revoke => {
            life.acts.iter().any(|other| other.action == Action::Restore && later(other.at))
        }
        Action::Close => life.reopened.iter().any(|again| again.why != Again::ReExposure && later(again.at)),
        Action::Notify | Action::Restore => false,
    };
    undone || (life.outcome == Some(Outcome::False) && act.action != Action::Close)
}

impl Reopenings {
    /// The share that did not last.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        share(self.reopened, self.closures)
    }
}

#[cfg(test)]
mod tests {
    use super::super::DAY;
    use super::super::life::{Check, Reopened, State};
    use super::*;

    fn act(action: Action, at: i64, automatic: bool) -> Act {
        let policies = if automatic { vec!["default.low-risk".into()] } else { vec![] };
        Act { action, at, automatic, policies, cause: None, requested: None }
    }

    const EVER: (i64, i64) = (i64::MIN, i64::MAX);

    #[test]
    fn what_came_back_within_the_window_counts_by_its_cause() {
        let closed = |at: i64, again: &[(i64, Again)]| Life {
            closures: vec![at],
            reopened: again.iter().map(|(at, why)| Reopened { at: *at, why: *why }).collect(),
            ..Life::default()
        };
        let lives = [
            closed(0, &[(10 * DAY, Again::Resurrection)]),
            closed(0, &[(30 * DAY, Again::Rollback)]),
            closed(0, &[(31 * DAY, Again::ReExposure)]),
            closed(0, &[(DAY, Again::ReExposure), (2 * DAY, Again::Resurrection)]),
            closed(80 * DAY, &[(81 * DAY, Again::Rollback)]),
        ];
        let found = Rates::of(&lives, 100 * DAY, EVER).reopenings;
        let expected = Reopenings { closures: 4, reopened: 3, re_exposures: 1, resurrections: 2, rollbacks: 1 };
        assert_eq!(found, expected);
        assert_eq!(found.rate(), Some(0.75));
    }

    #[test]
    fn what_was_undone_counts_against_the_policy_that_let_it() {
        let legitimate = Act { cause: Some(RestoreCause::LegitimateUse), ..act(Action::Restore, 30, false) };
        let lives = [
            Life { acts: vec![act(Action::Quarantine, 10, true), legitimate], ..Life::default() },
            Life { acts: vec![act(Action::Quarantine, 10, true)], ..Life::default() },
            Life { acts: vec![act(Action::Revoke, 10, false)], ..Life::default() },
            Life { acts: vec![act(Action::Notify, 10, true)], outcome: Some(Outcome::False), ..Life::default() },
        ];
        let found = Rates::of(&lives, 100, EVER);
        assert_eq!((found.mistaken, found.disruptive), (1, 3));
        let row = &found.automation[0];
        assert_eq!((row.acts, row.overturned), (3, 2));
        assert!((row.precision().unwrap() - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn times_are_means_of_what_happened() {
        let check = |asked, state| Check { nominal: None, asked, state };
        let restored = Act { requested: Some(5 * DAY), ..act(Action::Restore, 6 * DAY, false) };
        let life = Life {
            detected: DAY,
            notified: Some(2 * DAY),
            acknowledged: Some(3 * DAY),
            checks: vec![check(DAY, State::Live), check(4 * DAY, State::Blocked), check(7 * DAY, State::Live)],
            closures: vec![11 * DAY],
            acts: vec![restored],
            ..Life::default()
        };
        let found = Rates::of([&life], 20 * DAY, EVER);
        let means = [found.acknowledged, found.contained, found.restored, found.remediated].map(|m| m.days());
        assert_eq!(means, [Some(1.0), Some(3.0), Some(2.0), Some(10.0)]);
        assert_eq!(Rates::of([&life], 20 * DAY, (0, DAY)).remediated.n, 0, "closed in another period");
        assert_eq!(found.remediated.hours(), Some(240.0));
    }

    #[test]
    fn each_rate_is_of_what_happened_in_the_period() {
        let check = |asked, state| Check { nominal: None, asked, state };
        let life = Life {
            detected: 0,
            notified: Some(DAY),
            acknowledged: Some(41 * DAY),
            checks: vec![check(DAY, State::Live), check(42 * DAY, State::Blocked), check(50 * DAY, State::Live)],
            closures: vec![10 * DAY, 44 * DAY, 80 * DAY],
            reopened: vec![Reopened { at: 12 * DAY, why: Again::Resurrection }],
            acts: vec![
                act(Action::Quarantine, 9 * DAY, true),
                act(Action::Quarantine, 42 * DAY, true),
                Act { cause: Some(RestoreCause::LegitimateUse), ..act(Action::Restore, 49 * DAY, false) },
            ],
            ..Life::default()
        };
        let of = |from: i64, to: i64| Rates::of([&life], 200 * DAY, (from * DAY, to * DAY));
        let n = |r: &Rates| [r.remediated, r.acknowledged, r.contained, r.restored].map(|mean| mean.n);
        let counts = |r: &Rates| (r.reopenings.closures, r.reopenings.reopened, r.mistaken, r.disruptive);
        let acts = |r: &Rates| r.automation.iter().map(|row| row.acts).sum::<usize>();
        let (first, second) = (of(0, 40), of(40, 60));
        assert_eq!((n(&first), counts(&first), acts(&first)), ([1, 0, 0, 0], (1, 1, 0, 1), 1));
        assert_eq!((n(&second), counts(&second), acts(&second)), ([1, 1, 1, 1], (1, 0, 1, 1), 1));
        assert_eq!(of(0, 100).remediated, Mean { n: 3, sum: 134 * DAY }, "what was closed again counts again");
    }

    #[test]
    fn what_was_judged_to_be_no_credential_is_in_no_time() {
        for outcome in [Outcome::False, Outcome::Test] {
            let check = |asked, state| Check { nominal: None, asked, state };
            let life = Life {
                notified: Some(1),
                acknowledged: Some(2),
                checks: vec![check(1, State::Live), check(3, State::Dead)],
                closures: vec![3],
                acts: vec![act(Action::Revoke, 3, false)],
                outcome: Some(outcome),
                ..Life::default()
            };
            assert_eq!(Rates::of([&life], 100 * DAY, EVER), Rates::default());
        }
    }

    #[test]
    fn debt_is_how_long_people_have_kept_others_waiting() {
        let request = |requested, state| Request {
            id: String::new(),
            action: Action::Revoke,
            requested,
            ended: None,
            granted: None,
            state,
            votes: (0, 1),
        };
        let life = Life {
            requests: vec![
                request(0, ApprovalState::Waiting),
                request(60, ApprovalState::Waiting),
                request(0, ApprovalState::Expired),
            ],
            ..Life::default()
        };
        assert_eq!(Rates::of([&life], 100, EVER).approvals, ApprovalDebt { waiting: 2, sum: 140, oldest: 100 });
    }
}

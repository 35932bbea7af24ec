//! Issuers are asked again on their schedule, by a clock that tests move.

use std::collections::BTreeSet;

use quell::model::action::Action;
use quell::model::case::{Outcome, Stage};
use quell::model::event::Body;
use quell::model::{Untrusted, Verdict, Verification, Why};
use quell::orchestrate::CHECK;
use quell::orchestrate::outside::Outside;

use super::rig::{BO, DAY, HOUR, KIM, MINUTE, NOTHING, NOW, ONE, Plain, Rig, folder, tracker};
use crate::ledger::{Kind, runtime};

/// The times of the schedule that were recorded, in hours after another.
async fn nominal(rig: &Rig, since: i64) -> Vec<i64> {
    let all = rig.events(ONE, |body| matches!(body, Body::VerdictHad { nominal: Some(_), .. })).await;
    let of = |body: &Body| match body {
        Body::VerdictHad { nominal: Some(nominal), .. } => (nominal - since) / HOUR,
        _ => unreachable!(),
    };
    all.iter().map(|event| of(&event.body)).collect()
}

async fn asked(rig: &Rig) -> usize {
    rig.events(ONE, |body| matches!(body, Body::VerdictHad { .. })).await.len()
}

/// Lets time pass, and makes what is due. When each check was made.
async fn goes_on(rig: &Rig, outside: &Outside<'_>, until: i64, says: impl Fn(i64) -> Verdict) -> Vec<i64> {
    let mut all = Vec::new();
    while rig.now() < until {
        rig.works(outside).await;
        rig.waits(until).await;
        let now = rig.now();
        for _ in rig.checks(outside, |_| says(now)).await {
            all.push(now);
        }
    }
    all
}

#[test]
fn an_issuer_is_asked_on_the_schedule_from_the_notice_on() {
    for kind in [folder(), Kind::server()] {
        runtime().block_on(async {
            let rig = Rig::new(&kind).await;
            let (pay, _) = tracker(&rig, "pay", &[], false);
            let all = [pay];
            let outside = Outside { trackers: &all, channels: &[], words: &Plain };
            rig.opens(1).await;
            // Two hours without an owner: a chain of its own, which ends with the notice.
            goes_on(&rig, &outside, NOW + 2 * HOUR, |_| Verdict::Live).await;
            assert_eq!(nominal(&rig, NOW).await, [1]);
            rig.owned(ONE, "pay").await;
            let before = asked(&rig).await;
            let told = rig.now();
            rig.works(&outside).await;
            assert_eq!(rig.case(ONE).await.notified, Some(told));
            rig.checks(&outside, |_| Verdict::Live).await;
            let times = goes_on(&rig, &outside, told + 35 * DAY, |_| Verdict::Live).await;
            let hours = nominal(&rig, told).await;
            assert_eq!(&hours[1..], [0, 1, 6, 24, 48, 72, 96, 120, 168, 240, 336, 504, 720], "one chain");
            assert_eq!(asked(&rig).await - before, 13);
            let five = times.iter().find(|at| **at >= told + 5 * DAY).unwrap() - told - 5 * DAY;
            assert!((0..=HOUR).contains(&five), "{five}");
            let case = rig.case(ONE).await;
            assert_eq!((case.stage, case.verdicts.len()), (Stage::Decided, 1));
            rig.is_sound().await;
        });
    }
}

#[test]
fn after_its_death_it_is_asked_four_times_whether_or_not_somebody_answers() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        rig.opens(1).await;
        rig.pass(DAY);
        rig.hears(ONE, Verdict::Dead).await;
        assert_eq!(rig.case(ONE).await.stage, Stage::Closed);
        let (died, before) = (rig.now(), asked(&rig).await);
        // For two hours nobody answers: that ends nothing.
        let says = |at: i64| if at < died + 2 * HOUR { Verdict::Unknown(Why::Timeout) } else { Verdict::Dead };
        let times = goes_on(&rig, &NOTHING, died + 70 * DAY, says).await;
        let definite: Vec<i64> =
            times.iter().filter(|at| **at >= died + 2 * HOUR).map(|at| (at - died) / DAY).collect();
        assert!(definite.contains(&0) || definite.len() == 3, "{definite:?}");
        let hours: BTreeSet<i64> = nominal(&rig, died).await.into_iter().collect();
        assert!(hours.is_superset(&[1, 24, 168, 720].into()), "{hours:?}");
        assert!(asked(&rig).await - before <= 9, "{}", asked(&rig).await - before);
        assert_eq!(rig.case(ONE).await.stage, Stage::Closed);
        assert!(times.iter().all(|at| *at <= died + 34 * DAY));
    });
}

#[test]
fn what_lives_again_is_open_again() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        rig.opens(1).await;
        rig.pass(HOUR / 2);
        rig.hears(ONE, Verdict::Dead).await;
        let died = rig.now();
        let says = |at: i64| if at < died + 3 * DAY { Verdict::Dead } else { Verdict::Live };
        goes_on(&rig, &NOTHING, died + 9 * DAY, says).await;
        let case = rig.case(ONE).await;
        assert_eq!((case.stage, case.reopened), (Stage::Decided, 1));
        let since = case.since;
        assert!((died + 6 * DAY..died + 8 * DAY).contains(&since));
        let again = rig.events(ONE, |body| matches!(body, Body::VerdictHad { .. })).await;
        let of = |body: &Body| match body {
            Body::VerdictHad { nominal, .. } => nominal.map(|nominal| (nominal - since) / HOUR),
            _ => None,
        };
        let hours: Vec<_> = again.iter().filter(|event| event.at > since).map(|event| of(&event.body)).collect();
        assert!(hours.starts_with(&[Some(1), Some(6), Some(24)]), "a chain of its own: {hours:?}");
    });
}

#[test]
fn an_act_that_is_told_is_checked_at_once_and_a_judgement_ends_it() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        rig.opens(1).await;
        let kim = rig.caller("kim", KIM);
        // In the second in which it was asked.
        rig.office_of(&kim).did(ONE, Action::Revoke, None, "in the console").await.unwrap();
        assert_eq!(rig.checks(&NOTHING, |_| Verdict::Live).await, [ONE]);
        assert!(rig.checks(&NOTHING, |_| Verdict::Live).await.is_empty());
        rig.pass(HOUR / 2);
        rig.office_of(&kim).did(ONE, Action::Revoke, None, "really").await.unwrap();
        assert_eq!(rig.checks(&NOTHING, |_| Verdict::Dead).await, [ONE]);
        assert_eq!(rig.case(ONE).await.stage, Stage::Closed);
        rig.opens(2).await;
        let two = quell::model::case::CaseNumber(2);
        rig.pass(MINUTE);
        rig.hears(two, Verdict::Indistinct).await;
        let bo = rig.caller("bo", BO);
        rig.office_of(&bo).judge(two, Outcome::False, "a hash").await.unwrap();
        rig.office_of(&bo).close(two).await.unwrap();
        let mut all = Vec::new();
        for _ in 0..60 {
            rig.pass(DAY);
            all.extend(rig.checks(&NOTHING, |_| Verdict::Dead).await);
        }
        assert!(!all.contains(&two), "{all:?}");
    });
}

#[test]
fn who_does_not_answer_after_five_days_is_asked_again_within_the_hour() {
    for number in [1, 2, 3, 5, 8, 13] {
        runtime().block_on(async {
            let rig = Rig::alone(None).await;
            for one in 1..=number {
                rig.opens(one).await;
            }
            let case = quell::model::case::CaseNumber(number);
            let mut answers = Vec::new();
            while rig.now() < NOW + 6 * DAY {
                rig.office().follow(&NOTHING).await.unwrap();
                rig.waits(NOW + 6 * DAY).await;
                let since = rig.now() - NOW;
                let says = |_: &quell::model::case::Case| {
                    // Twice nobody answers.
                    let five = (5 * DAY..5 * DAY + HOUR).contains(&since);
                    if five && answers.len() < 2 { Verdict::Unknown(Why::Unreachable) } else { Verdict::Live }
                };
                let asked = rig.checks(&NOTHING, says).await;
                if since >= 5 * DAY && asked.contains(&case) {
                    answers.push(since - 5 * DAY);
                }
            }
            assert!(answers.len() == 3 && answers[2] <= HOUR, "Q-{number}: {answers:?}");
            let all = rig.store.events(0, u32::MAX, Some(case)).await.unwrap();
            let live = all.iter().any(|event| {
                matches!(&event.body, Body::VerdictHad { verification, nominal, .. }
                    if verification.verdict == Verdict::Live && *nominal == Some(NOW + 5 * DAY))
            });
            assert!(live, "Q-{number}: the answer stands for that of the fifth day");
        });
    }
}

#[test]
fn who_never_answers_is_asked_on_the_schedule_for_ever() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        rig.opens(1).await;
        let times = goes_on(&rig, &NOTHING, NOW + 35 * DAY, |_| Verdict::Unknown(Why::Outage)).await;
        let hours: BTreeSet<i64> = times.iter().map(|at| (at - NOW) / DAY).collect();
        assert!(hours.len() >= 11 && hours.contains(&5), "{hours:?}");
        assert!(times.len() < 120, "{}", times.len());
        assert!(rig.store.jobs("parked").await.unwrap().is_empty());
        assert_eq!(rig.store.jobs("ready").await.unwrap().len(), 1, "and there is a next one");
    });
}

#[test]
fn a_runner_that_was_away_makes_one_check_and_two_runners_make_each_once() {
    for kind in [folder(), Kind::server()] {
        runtime().block_on(async {
            let rig = Rig::new(&kind).await;
            rig.opens(1).await;
            rig.checks(&NOTHING, |_| Verdict::Live).await;
            rig.pass(3 * DAY + 12 * HOUR);
            assert_eq!(rig.checks(&NOTHING, |_| Verdict::Live).await, [ONE]);
            assert!(rig.checks(&NOTHING, |_| Verdict::Live).await.is_empty());
            let other = rig.other().await;
            for number in 2..=20 {
                rig.opens(number).await;
            }
            rig.pass(HOUR + 10 * MINUTE);
            let (one, two) =
                tokio::join!(rig.checks(&NOTHING, |_| Verdict::Live), other.checks(&NOTHING, |_| Verdict::Live));
            let all: Vec<_> = one.iter().chain(&two).collect();
            let each: BTreeSet<_> = all.iter().collect();
            assert_eq!((all.len(), each.len()), (19, 19), "{one:?} {two:?}");
            rig.is_sound().await;
        });
    }
}

#[test]
fn a_clock_that_jumps_loses_no_chain() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        rig.opens(1).await;
        rig.checks(&NOTHING, |_| Verdict::Live).await;
        rig.to(NOW + 12 * DAY);
        assert_eq!(rig.checks(&NOTHING, |_| Verdict::Live).await.len(), 1);
        rig.to(NOW + HOUR);
        goes_on(&rig, &NOTHING, NOW + 35 * DAY, |_| Verdict::Live).await;
        let hours = nominal(&rig, NOW).await;
        let each: BTreeSet<i64> = hours.iter().copied().collect();
        assert_eq!(hours.len(), each.len(), "none twice: {hours:?}");
        assert!(each.is_superset(&[336, 504, 720].into()), "{hours:?}");
        rig.is_sound().await;
    });
}

/// What a server says of a credential that it does not hold is death where it said before that the credential works, and nothing
/// where it did not: it may be another's.
#[test]
fn what_a_server_holds_no_more_is_dead_there_alone() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        rig.opens(1).await;
        let says = async |host: &str, verdict, controlled, listed| {
            let answer = Verification::not_asked(verdict, "acme/key", rig.now());
            let absent = verdict == Verdict::Indistinct;
            let answer = Verification { host: Untrusted::from(host), controlled, listed, absent, ..answer };
            rig.office().verdict(ONE, answer, None).await.unwrap();
            rig.pass(MINUTE);
            rig.case(ONE).await.verdict().unwrap().verdict
        };
        let (known, other) = ("api.acme.example:443", "chat.acme.example:443");
        for host in [other, "api.acme.example:444"] {
            assert_eq!(says(host, Verdict::Indistinct, true, false).await, Verdict::Indistinct, "{host}");
        }
        assert_eq!(says(known, Verdict::Indistinct, true, true).await, Verdict::Indistinct, "as listed, it is another");
        // A server that was not shown to refuse anything knows nothing.
        says(other, Verdict::Live, false, false).await;
        assert_eq!(says(other, Verdict::Indistinct, true, false).await, Verdict::Indistinct);
        says(other, Verdict::Blocked, true, false).await;
        assert_eq!(says(other, Verdict::Indistinct, true, false).await, Verdict::Indistinct);
        assert!(rig.case(ONE).await.proof_of_death().is_none());
        for _ in 0..2 {
            assert_eq!(says(known, Verdict::Indistinct, true, false).await, Verdict::Dead);
            assert!(rig.case(ONE).await.proof_of_death().is_some());
        }
        rig.is_sound().await;
    });
}

/// A check that was given up is the last of its chain; within the hour there is one again.
#[test]
fn a_chain_that_was_lost_goes_on() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        rig.opens(1).await;
        goes_on(&rig, &NOTHING, NOW + 2 * DAY, |_| Verdict::Live).await;
        for job in rig.store.jobs("ready").await.unwrap().into_iter().filter(|job| job.what == CHECK) {
            rig.to(job.due);
            let job = rig.store.claim(&[CHECK]).await.unwrap().unwrap();
            let mut tx = rig.store.begin().await.unwrap();
            tx.park(&job, "it could not be made").await.unwrap();
            tx.commit().await.unwrap();
        }
        let before = asked(&rig).await;
        let lost = rig.now();
        goes_on(&rig, &NOTHING, lost + 9 * DAY, |_| Verdict::Live).await;
        assert_eq!(asked(&rig).await, before, "nobody looks");
        for _ in 0..3 {
            rig.office().watch().await.unwrap();
        }
        let waiting = rig.store.jobs("ready").await.unwrap();
        assert_eq!(waiting.iter().filter(|job| job.what == CHECK).count(), 1, "one chain");
        goes_on(&rig, &NOTHING, rig.now() + 30 * DAY, |_| Verdict::Live).await;
        assert!(asked(&rig).await > before);
        rig.is_sound().await;
    });
}

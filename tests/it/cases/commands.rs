//! What people write in tasks acts under the person whose account wrote it, and as far as the policy lets that person.

use std::sync::Arc;

use quell::connectors::tracker::Account;
use quell::model::action::Action;
use quell::model::case::{ApprovalState, CaseNumber, Place, Stage};
use quell::model::event::{Body, NewEvent};
use quell::model::principal::{Actor, Relayed};
use quell::model::{CommitRef, ObjectId, Part, Untrusted, Verdict};
use quell::orchestrate::outside::{Outside, Tracker};

use super::rig::{
    BO, Board, DAY, HOUR, KIM, Luck, MINUTE, NOW, ONE, Plain, RELAY, RUNNER, Rig, account, folder, tracker,
};
use crate::ledger::{Kind, id, key, nonce, runtime};

fn outside(trackers: &[Tracker]) -> Outside<'_> {
    Outside { trackers, channels: &[], words: &Plain }
}

/// A case with its task.
async fn scene(rig: Rig) -> (Rig, [Tracker; 1], Arc<Board>) {
    let (pay, board) = tracker(&rig, "pay", &[], true);
    rig.opens(1).await;
    let all = [pay];
    rig.works(&outside(&all)).await;
    rig.pass(10 * MINUTE);
    (rig, all, board)
}

/// Who did what is recorded of a kind, and what was heard.
async fn heard(rig: &Rig) -> Vec<(String, bool, String)> {
    let all = rig.events(ONE, |body| matches!(body, Body::CommandHeard { .. })).await;
    let of = |body: &Body| match body {
        Body::CommandHeard { account, registered, answer, .. } => {
            (String::from_utf8_lossy(account.raw()).into_owned(), *registered, answer.clone())
        }
        _ => unreachable!(),
    };
    all.iter().map(|event| of(&event.body)).collect()
}

#[test]
fn a_person_acts_by_what_they_write() {
    for kind in [folder(), Kind::server()] {
        runtime().block_on(async {
            let (rig, all, board) = scene(Rig::new(&kind).await).await;
            let outside = outside(&all);
            let kim = rig.caller("kim", KIM);
            let request = rig.office_of(&kim).request(ONE, Action::Notify).await.unwrap();
            board.comment("1", "github:Bo", &format!("Fine.\n\n/quell approve {}\n", request.plan_hash));
            let own = board.comment(
                "1",
                "github:kim",
                "/quell ack\n/quell owner @acme/pay\r\n/quell done rotate in the console",
            );
            rig.listens(&outside).await;
            let case = rig.case(ONE).await;
            assert_eq!(case.approvals[0].state, ApprovalState::Granted, "{:?}", heard(&rig).await);
            assert_eq!(case.acts.len(), 1);
            assert_eq!(case.assigned.as_ref().map(|(owner, ..)| owner.name.raw().to_vec()), Some(b"acme/pay".to_vec()));
            let acted = rig.events(ONE, |body| matches!(body, Body::ActReported { .. })).await;
            let by = Relayed {
                person: id("kim"),
                account: "github:kim".to_owned(),
                comment: format!("pay#1#{own}-2"),
                by: id("relay"),
            };
            assert_eq!(acted[0].actor, Actor::Relayed(by));
            assert_eq!((board.only().says("Answer"), heard(&rig).await.len()), (4, 4));
            assert!(heard(&rig).await.iter().all(|(_, registered, answer)| *registered && answer == "done"));
            // The tracker lists them again, and nothing happens.
            for _ in 0..3 {
                rig.pass(MINUTE);
                rig.listens(&outside).await;
            }
            assert_eq!(
                (board.only().says("Answer"), heard(&rig).await.len(), rig.case(ONE).await.acts.len()),
                (4, 4, 1)
            );
            board.comment("1", "github:bo", "/quell accept-risk 2026-12-31 until the migration");
            rig.listens(&outside).await;
            assert_eq!(rig.case(ONE).await.stage, Stage::RiskAccepted, "{:?}", heard(&rig).await);
            rig.is_sound().await;
        });
    }
}

#[test]
fn who_may_not_does_nothing_and_is_told_so_if_they_are_known() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        let (pay, board) = tracker(&rig, "pay", &[], true);
        let all = [pay];
        let outside = outside(&all);
        // Bo brought the leak in.
        rig.opens_as(1, |opening| {
            opening.places.push(Place {
                repository: Untrusted::from("/app"),
                path: Untrusted::from("a.py"),
                part: Part::File,
                line: 1,
                column: 1,
                commit: Some(CommitRef {
                    id: ObjectId::from_hex(&b"1".repeat(40)).unwrap(),
                    author: Untrusted::from("Bo <bo+work@acme.example>"),
                    date: NOW - DAY,
                }),
                presence: None,
                root: Untrusted::from("/app"),
                seen: NOW,
            });
        })
        .await;
        rig.works(&outside).await;
        rig.pass(10 * MINUTE);
        let ada = rig.caller("ada", crate::ledger::ADA);
        let request = rig.office_of(&rig.caller("kim", KIM)).request(ONE, Action::Notify).await.unwrap();
        let approve = format!("/quell approve {}", request.plan_hash);
        board.comment("1", "github:stranger", &approve);
        board.comment_as("1", Account { bot: true, ..account("github:ada") }, false, &approve);
        board.comment_as("1", account("github:ada"), true, &approve);
        board.comment("1", "github:bo", &approve);
        board.comment("1", "github:kim", &approve);
        board.comment("1", "github:robot", &approve);
        board.comment("1", "github:relay", &approve);
        board.comment("1", "github:kim", "/quell accept-risk 2026-12-31 because");
        board.comment("1", "github:bo", "/quell accept-risk 2026-12-31 because");
        board.comment("1", "github:ada", &format!("> {approve}\n```\n{approve}\n```\n    {approve}\nsee {approve}"));
        board.comment("1", "gitlab:ada", &approve);
        rig.listens(&outside).await;
        let all_heard = heard(&rig).await;
        assert!(all_heard.iter().all(|(.., answer)| answer != "done"), "{all_heard:#?}");
        assert_eq!(all_heard.len(), 10, "{all_heard:#?}");
        let case = rig.case(ONE).await;
        assert_eq!((case.approvals[0].state, case.stage), (ApprovalState::Waiting, Stage::Decided));
        assert!(case.approvals[0].by.is_empty());
        let known = all_heard.iter().filter(|(_, registered, _)| *registered).count();
        assert_eq!(
            (known, board.only().says("Answer")),
            (6, 6),
            "strangers, programs and what was changed are not answered"
        );
        // And somebody who may.
        board.comment("1", "github:ada", &approve);
        rig.listens(&outside).await;
        assert_eq!(rig.case(ONE).await.approvals[0].state, ApprovalState::Granted, "{:?}", heard(&rig).await.last());
        // The requester's own approval by another way is theirs all the same.
        let own = rig.office_of(&ada).request(ONE, Action::Notify).await;
        if let Ok(own) = own {
            board.comment("1", "github:ada", &format!("/quell approve {}", own.plan_hash));
            rig.listens(&outside).await;
            let last = heard(&rig).await.pop().unwrap();
            assert!(last.2.contains("guardrail.requester-approves"), "{last:?}");
        }
        rig.is_sound().await;
    });
}

#[test]
fn strangers_fill_neither_the_record_nor_the_task() {
    runtime().block_on(async {
        let (rig, all, board) = scene(Rig::alone(None).await).await;
        for number in 0..100 {
            board.comment("1", &format!("github:s{number}"), "/quell ack");
        }
        rig.listens(&outside(&all)).await;
        assert_eq!((heard(&rig).await.len(), board.only().said().len()), (20, 0));
        board.comment("1", "github:kim", "/quell ack");
        rig.pass(MINUTE);
        rig.listens(&outside(&all)).await;
        assert!(rig.case(ONE).await.acknowledged.is_some());
    });
}

#[test]
fn a_runner_that_is_no_relay_passes_nothing_on() {
    runtime().block_on(async {
        let (mut rig, all, board) = scene(Rig::alone(None).await).await;
        for (name, seed) in [("runner", RUNNER), ("bo", BO)] {
            rig.run_by(name, seed);
            rig.pass(MINUTE);
            board.comment("1", "github:kim", "/quell ack");
            rig.listens(&outside(&all)).await;
            assert_eq!(rig.case(ONE).await.acknowledged, None, "{name}");
        }
        assert_eq!(board.only().says("no relay"), 2, "who is known is told why");
        rig.run_by("relay", RELAY);
        rig.pass(MINUTE);
        board.comment("1", "github:kim", "/quell ack");
        rig.listens(&outside(&all)).await;
        assert!(rig.case(ONE).await.acknowledged.is_some());
    });
}

#[test]
fn a_relay_that_lies_is_refused_by_the_ledger() {
    for kind in [folder(), Kind::server()] {
        runtime().block_on(async {
            let (rig, ..) = scene(Rig::new(&kind).await).await;
            let relayed = |person: &str, account: &str, by: &str| Relayed {
                person: id(person),
                account: account.to_owned(),
                comment: "pay#1#7-0".to_owned(),
                by: id(by),
            };
            let writes = async |relayed: Relayed, seed: u8, body: Body| {
                let actor = Actor::Relayed(relayed);
                let event = NewEvent { case: Some(ONE), actor, body, nonce: None, signature: None };
                let event = key(seed).sign_event(rig.store.id(), event, &nonce()).unwrap();
                let mut tx = rig.store.begin().await.unwrap();
                match tx.append(vec![event]).await {
                    Ok(_) => tx.commit().await.is_ok(),
                    Err(_) => false,
                }
            };
            let risk = || Body::RiskAccepted { until: NOW + DAY, reason: "mine".to_owned() };
            assert!(!writes(relayed("bo", "github:kim", "relay"), RELAY, risk()).await, "somebody else's account");
            assert!(!writes(relayed("kim", "github:kim", "relay"), RELAY, risk()).await, "no approver");
            assert!(!writes(relayed("bo", "github:bo", "runner"), RUNNER, risk()).await, "no relay");
            assert!(!writes(relayed("bo", "github:bo", "kim"), KIM, risk()).await, "a person is no relay");
            assert!(!writes(relayed("bo", "github:bo", "relay"), RUNNER, risk()).await, "another key");
            assert!(!writes(relayed("robot", "github:robot", "relay"), RELAY, risk()).await, "an agent");
            let judged = Body::OutcomeSet { outcome: quell::model::case::Outcome::False, reason: "no".to_owned() };
            assert!(!writes(relayed("bo", "github:bo", "relay"), RELAY, judged).await, "that is not passed on");
            assert_eq!(rig.case(ONE).await.stage, Stage::Decided);
            assert!(writes(relayed("bo", "github:bo", "relay"), RELAY, risk()).await);
            rig.is_sound().await;
        });
    }
}

#[test]
fn an_answer_is_written_once_although_the_tracker_fails() {
    runtime().block_on(async {
        let (rig, all, board) = scene(Rig::alone(None).await).await;
        let outside = outside(&all);
        board.comment("1", "github:kim", "/quell ack\n/quell approve nothing\n/quell done revoke by hand");
        for luck in [Luck::Before, Luck::After] {
            board.luck(move |what| if what == "comment" { luck } else { Luck::Well });
            rig.listens(&outside).await;
            rig.pass(MINUTE);
        }
        board.luck(|_| Luck::Well);
        for _ in 0..5 {
            rig.listens(&outside).await;
            rig.pass(MINUTE);
        }
        let task = board.only();
        assert_eq!(task.says("Answer"), 3, "{:#?}", task.said());
        assert_eq!(task.says("refused: Some"), 1);
        assert_eq!((rig.case(ONE).await.acts.len(), heard(&rig).await.len()), (1, 3));
    });
}

#[test]
fn a_command_is_done_once_although_the_runner_dies_before_it_is_heard() {
    use std::sync::atomic::{AtomicU64, Ordering};
    runtime().block_on(async {
        let after = Arc::new(AtomicU64::new(0));
        let counted = after.clone();
        // The second commit from when it is armed fails: the first is the act itself.
        let faults: quell::ledger::Faults = Arc::new(move |name| match name {
            "begin.after-lock" if counted.load(Ordering::SeqCst) > 0 => match counted.fetch_sub(1, Ordering::SeqCst) {
                1 => Err(std::io::Error::other("it died")),
                _ => Ok(()),
            },
            _ => Ok(()),
        });
        let rig = Rig::alone(Some(faults)).await;
        let (pay, board) = tracker(&rig, "pay", &[], true);
        let all = [pay];
        let outside = outside(&all);
        rig.opens(1).await;
        rig.works(&outside).await;
        rig.pass(10 * MINUTE);
        board.comment("1", "github:kim", "/quell done revoke by hand");
        rig.office().listening(&outside, true).await.unwrap();
        let mut job = rig.store.claim(&[quell::orchestrate::LISTEN]).await.unwrap().unwrap();
        after.store(2, Ordering::SeqCst);
        assert!(rig.office().listen(&outside, &mut job).await.is_err());
        after.store(0, Ordering::SeqCst);
        assert_eq!((rig.case(ONE).await.acts.len(), heard(&rig).await.len()), (1, 0), "it died between the two");
        rig.pass(2 * MINUTE);
        rig.listens(&outside).await;
        assert_eq!((rig.case(ONE).await.acts.len(), heard(&rig).await.len()), (1, 1));
        assert_eq!(board.only().says("refused: None"), 1);
    });
}

#[test]
fn a_comment_is_about_the_case_of_its_own_task() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        let (pay, board) = tracker(&rig, "pay", &[], true);
        let all = [pay];
        let outside = outside(&all);
        // Its task is the first; that of the ninth is the tenth.
        for number in (20..=20).chain(1..=12) {
            rig.opens(number).await;
            rig.works(&outside).await;
        }
        rig.pass(10 * MINUTE);
        board.comment("1", "github:kim", "/quell ack");
        rig.listens(&outside).await;
        assert!(rig.case(CaseNumber(20)).await.acknowledged.is_some());
        for number in 1..=12 {
            assert_eq!(rig.case(CaseNumber(number)).await.acknowledged, None);
        }
    });
}

#[test]
fn a_task_that_is_gone_silences_no_other() {
    runtime().block_on(async {
        let (rig, all, board) = scene(Rig::alone(None).await).await;
        let outside = outside(&all);
        rig.opens(2).await;
        rig.works(&outside).await;
        rig.pass(MINUTE);
        board.comment("2", "github:kim", "/quell ack");
        let first = std::sync::atomic::AtomicBool::new(true);
        board.luck(move |what| {
            let gone = what == "see" && first.swap(false, std::sync::atomic::Ordering::SeqCst);
            if gone { Luck::Refused } else { Luck::Well }
        });
        board.tasks()[0].updated = rig.now();
        rig.listens(&outside).await;
        assert!(rig.case(CaseNumber(2)).await.acknowledged.is_some());
    });
}

#[test]
fn what_is_written_while_the_clock_is_ahead_is_heard() {
    runtime().block_on(async {
        let (rig, all, board) = scene(Rig::alone(None).await).await;
        let outside = outside(&all);
        rig.listens(&outside).await;
        rig.pass(HOUR);
        let real = rig.now();
        rig.to(real + 10 * DAY);
        rig.listens(&outside).await;
        // The tracker's clock is right.
        rig.to(real + MINUTE);
        board.comment("1", "github:kim", "/quell ack");
        rig.to(real + 10 * DAY + 2 * MINUTE);
        rig.listens(&outside).await;
        assert!(rig.case(ONE).await.acknowledged.is_some());
        rig.to(real + 5 * MINUTE);
        board.comment("1", "github:kim", "/quell done revoke by hand");
        rig.pass(MINUTE);
        rig.listens(&outside).await;
        assert_eq!(rig.case(ONE).await.acts.len(), 1);
        // Nothing changes for days, and little is asked.
        rig.hears(ONE, Verdict::Live).await;
        rig.listens(&outside).await;
        rig.pass(DAY);
        rig.listens(&outside).await;
        let calls = board.calls();
        rig.pass(MINUTE);
        rig.listens(&outside).await;
        assert!(board.calls() <= calls + 3, "{}", board.calls() - calls);
        rig.is_sound().await;
    });
}

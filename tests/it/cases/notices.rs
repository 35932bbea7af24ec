//! Notices: each is delivered or a dead letter, under one id; and who was told, and when, is what was delivered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quell::connectors::notice::{NoticeError, Webhook};
use quell::model::action::Action;
use quell::model::case::CaseNumber;
use quell::model::event::{Body, NoticeKind};
use quell::model::{Severity, Verdict};
use quell::orchestrate::outside::{Channel, Outside};
use quell::orchestrate::routes::{Daily, Quiet, Route, hours};
use quell::orchestrate::{NOTICE, WAITS};

use super::rig::{BO, DAY, HOUR, KIM, MINUTE, NOW, ONE, Plain, Rig, away, channel, folder, to_owners, to_security};
use crate::ledger::{Kind, runtime};
use crate::notice::{Receiver, answer, secret};

fn outside(channels: &[Channel]) -> Outside<'_> {
    Outside { trackers: &[], channels, words: &Plain }
}

#[test]
fn every_webhook_is_delivered_or_a_dead_letter_and_none_twice_with_another_id() {
    let receiver = Receiver::start(|number, seen, stream| {
        if seen.body.contains("Q-13 ") {
            return answer(stream, "500 Internal Server Error", "", "never");
        }
        match number % 5 {
            // It takes it and says nothing.
            0 => {}
            2 => answer(stream, "503 Service Unavailable", "", ""),
            _ => answer(stream, "200 OK", "", ""),
        }
    });
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        let hook = Webhook::new(&receiver.url("/in"), &[secret(1).1], None).unwrap();
        let all = [Channel { route: to_owners("hook"), notifier: Box::new(hook) }];
        let outside = outside(&all);
        for number in 1..=40 {
            rig.opens(number).await;
            // More at once would be one message.
            if number % 20 == 0 {
                rig.works(&outside).await;
            }
        }
        for _ in 0..40 {
            rig.works(&outside).await;
            rig.pass(HOUR);
        }
        let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for seen in receiver.seen() {
            ids.entry(seen.body.clone()).or_default().insert(seen.fields["webhook-id"].clone());
        }
        assert_eq!(ids.len(), 40);
        assert!(ids.values().all(|ids| ids.len() == 1), "{ids:?}");
        assert_eq!(ids.values().flatten().collect::<BTreeSet<_>>().len(), 40);
        let (mut delivered, mut dead) = (0, Vec::new());
        for number in 1..=40 {
            let case = rig.case(CaseNumber(number)).await;
            assert_eq!(case.notices.len(), 1, "{number}");
            match &case.notices[0].failed {
                None => delivered += 1,
                Some(why) => dead.push((number, why.contains("500"))),
            }
        }
        assert_eq!((delivered, dead), (39, vec![(13, true)]));
        let parked = rig.store.jobs("parked").await.unwrap();
        assert_eq!((parked.len(), parked[0].attempts), (1, 8));
        assert!(rig.store.jobs("ready").await.unwrap().iter().all(|job| job.what != NOTICE));
        rig.is_sound().await;
    });
}

#[test]
fn the_owner_was_told_when_the_first_notice_reached_them() {
    for kind in [folder(), Kind::server()] {
        runtime().block_on(async {
            let rig = Rig::new(&kind).await;
            let (owners, pay) = channel(Route { teams: vec!["pay".to_owned()], ..to_owners("pay") });
            let (team, security) = channel(to_security());
            let all = [owners, team];
            let outside = outside(&all);
            rig.opens(1).await;
            rig.works(&outside).await;
            assert_eq!(security.texts(), ["Q-1 opened"]);
            assert_eq!(rig.case(ONE).await.notified, None, "the security team is not the owner");
            pay.fails(|number| (number < 3).then(away));
            rig.pass(HOUR);
            rig.owned(ONE, "pay").await;
            rig.works(&outside).await;
            assert_eq!(rig.case(ONE).await.notified, None, "it was tried");
            rig.pass(WAITS[0]);
            rig.works(&outside).await;
            rig.pass(WAITS[1]);
            rig.works(&outside).await;
            assert_eq!(rig.case(ONE).await.notified, Some(rig.now()));
            assert_eq!((pay.tries().len(), pay.texts()), (3, vec!["Q-1 opened".to_owned()]));
            assert_eq!(pay.tries().iter().collect::<BTreeSet<_>>().len(), 1, "under one id");
            assert_eq!(security.texts().len(), 1);
            rig.is_sound().await;
        });
    }
}

#[test]
fn what_waits_is_told_to_whoever_owns_it_when_it_goes_out() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        let quiet = Quiet { from: "11:00".parse().unwrap(), to: "14:00".parse().unwrap(), ..Quiet::default() };
        let (owners, pay) = channel(Route { teams: vec!["pay".to_owned()], quiet: Some(quiet), ..to_owners("pay") });
        let (others, web) = channel(Route { teams: vec!["web".to_owned()], quiet: Some(quiet), ..to_owners("web") });
        let all = [owners, others];
        let outside = outside(&all);
        rig.opens(1).await;
        rig.owned(ONE, "pay").await;
        rig.works(&outside).await;
        assert!(pay.texts().is_empty(), "quiet hours");
        rig.pass(HOUR);
        rig.owned(ONE, "web").await;
        web.fails(|_| Some(away()));
        rig.pass(HOUR);
        rig.works(&outside).await;
        assert_eq!(pay.texts(), ["Q-1 opened"]);
        assert_eq!(rig.case(ONE).await.notified, None, "it is not theirs any more");
        web.fails(|_| None);
        rig.pass(MINUTE);
        rig.works(&outside).await;
        assert_eq!(rig.case(ONE).await.notified, Some(rig.now()));
    });
}

#[test]
fn quiet_hours_are_quiet_for_what_is_tried_again_and_not_for_what_is_critical() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        let (from, to) = hours("12:30-14:00").unwrap();
        let quiet = Some(Quiet { from, to, ..Quiet::default() });
        let (owners, inbox) = channel(Route { quiet, ..to_owners("all") });
        let all = [owners];
        let outside = outside(&all);
        inbox.fails(|number| (number < 5).then(|| NoticeError { after: Some(1800), ..away() }));
        rig.opens(1).await;
        rig.works(&outside).await;
        assert_eq!(inbox.tries().len(), 1);
        inbox.fails(|_| None);
        rig.pass(45 * MINUTE);
        rig.works(&outside).await;
        assert_eq!(inbox.tries().len(), 1, "not in quiet hours");
        rig.opens_as(2, |opening| opening.severity = Severity::Critical).await;
        rig.works(&outside).await;
        assert_eq!(inbox.texts(), ["Q-2 opened"]);
        rig.to(NOW + 2 * HOUR);
        rig.works(&outside).await;
        assert_eq!(inbox.texts().len(), 2);
    });
}

#[test]
fn a_digest_is_one_message_and_tells_of_every_case_in_it() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        let daily = Some(Daily { at: "17:00".parse().unwrap(), ..Daily::default() });
        let (owners, inbox) = channel(Route { digest: daily, ..to_owners("all") });
        let all = [owners];
        let outside = outside(&all);
        for number in 1..=5 {
            rig.opens(number).await;
            rig.owned(CaseNumber(number), "pay").await;
            rig.pass(HOUR / 2);
            rig.works(&outside).await;
        }
        rig.hears(CaseNumber(3), Verdict::Dead).await;
        assert!(inbox.tries().is_empty());
        inbox.fails(|number| (number == 1).then(away));
        rig.to(NOW + 5 * HOUR);
        rig.works(&outside).await;
        assert_eq!(rig.case(ONE).await.notified, None);
        // One more, for tomorrow's.
        rig.opens(6).await;
        rig.pass(WAITS[0]);
        rig.works(&outside).await;
        assert_eq!(inbox.texts(), ["Q-1 opened, Q-2 opened, Q-4 opened, Q-5 opened"], "nothing of what is over");
        assert_eq!(inbox.tries().iter().collect::<BTreeSet<_>>().len(), 1, "under one id");
        for number in [1, 2, 4, 5] {
            assert_eq!(rig.case(CaseNumber(number)).await.notified, Some(rig.now()), "{number}");
        }
        assert_eq!(rig.case(CaseNumber(3)).await.notified, None);
        rig.to(NOW + 29 * HOUR);
        rig.works(&outside).await;
        assert_eq!(inbox.texts().last().unwrap(), "Q-6 opened");
        assert_eq!(inbox.told().iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len(), 2);
        rig.is_sound().await;
    });
}

#[test]
fn a_long_digest_is_told_in_parts_each_of_them_once() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        let daily = Some(Daily { at: "17:00".parse().unwrap(), ..Daily::default() });
        let (owners, inbox) = channel(Route { digest: daily, ..to_owners("all") });
        let all = [owners];
        let outside = outside(&all);
        for number in 1..=250 {
            rig.opens(number).await;
        }
        rig.works(&outside).await;
        inbox.fails(|number| (number == 2).then(away));
        rig.to(NOW + 5 * HOUR);
        rig.works(&outside).await;
        assert_eq!(inbox.texts().len(), 1);
        // One of those that were not told is over meanwhile.
        rig.hears(CaseNumber(230), Verdict::Dead).await;
        rig.pass(WAITS[0]);
        rig.works(&outside).await;
        let texts = inbox.texts();
        let told: Vec<&str> = texts.iter().flat_map(|text| text.split(", ")).collect();
        assert_eq!((told.len(), told.iter().collect::<BTreeSet<_>>().len()), (249, 249));
        let tries = inbox.tries();
        assert!(tries.len() == 3 && tries[1] == tries[2] && tries[0] != tries[1], "{tries:?}");
    });
}

fn watched() -> (Vec<Channel>, Arc<super::rig::Inbox>, Arc<super::rig::Inbox>) {
    let (owners, inbox) =
        channel(Route { escalate_after: Some(4 * HOUR), escalate_to: Some("security".to_owned()), ..to_owners("all") });
    let (team, security) = channel(to_security());
    (vec![owners, team], inbox, security)
}

#[test]
fn whoever_comes_next_is_told_where_nobody_acknowledges_it() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        let (all, inbox, security) = watched();
        let outside = outside(&all);
        for number in 1..=4 {
            rig.opens(number).await;
            rig.owned(CaseNumber(number), "pay").await;
        }
        // Whoever says whose it is has heard of it: it is opened again.
        for number in 1..=4 {
            rig.pass(MINUTE);
            rig.hears(CaseNumber(number), Verdict::Dead).await;
            rig.pass(MINUTE);
            rig.hears(CaseNumber(number), Verdict::Live).await;
            assert_eq!(rig.case(CaseNumber(number)).await.acknowledged, None);
        }
        rig.works(&outside).await;
        assert_eq!(inbox.texts().len(), 4, "{:?}", inbox.texts());
        let kim = rig.caller("kim", KIM);
        rig.pass(HOUR);
        rig.office_of(&kim).acknowledge(CaseNumber(2)).await.unwrap();
        rig.hears(CaseNumber(3), Verdict::Dead).await;
        rig.hears(CaseNumber(4), Verdict::Dead).await;
        rig.pass(HOUR);
        rig.hears(CaseNumber(4), Verdict::Live).await;
        rig.works(&outside).await;
        rig.to(rig.now() + 2 * HOUR);
        rig.works(&outside).await;
        let escalated = |inbox: &super::rig::Inbox| -> Vec<String> {
            inbox.texts().into_iter().filter(|text| text.contains("escalation")).collect()
        };
        assert_eq!(escalated(&security), ["Q-1 escalation"]);
        // The fourth was opened again an hour later.
        rig.pass(2 * HOUR);
        rig.works(&outside).await;
        assert_eq!(escalated(&security), ["Q-1 escalation", "Q-4 escalation"]);
        rig.pass(9 * DAY);
        rig.works(&outside).await;
        assert_eq!(escalated(&security).len(), 2);
        assert!(escalated(&inbox).is_empty());
        rig.is_sound().await;
    });
}

#[test]
fn a_dead_letter_is_told_to_whoever_comes_next_and_goes_out_later_under_its_id() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        let (all, inbox, security) = watched();
        let outside = outside(&all);
        inbox.fails(|_| Some(NoticeError { permanent: true, ..away() }));
        rig.opens(1).await;
        rig.owned(ONE, "pay").await;
        rig.pass(MINUTE);
        rig.hears(ONE, Verdict::Dead).await;
        rig.pass(MINUTE);
        rig.hears(ONE, Verdict::Live).await;
        rig.works(&outside).await;
        assert_eq!(security.texts(), ["Q-1 escalation"], "at once: nobody can acknowledge what they were not told");
        let case = rig.case(ONE).await;
        assert_eq!(case.notified, None);
        assert!(case.notices.iter().any(|notice| notice.failed.is_some() && notice.what == NoticeKind::Reopened));
        let parked = rig.store.jobs("parked").await.unwrap();
        assert_eq!(parked.len(), 1);
        inbox.fails(|_| None);
        rig.pass(DAY);
        let bo = rig.caller("bo", BO);
        rig.office_of(&bo).retry(parked[0].id).await.unwrap();
        assert!(rig.office_of(&bo).retry(parked[0].id + 1000).await.is_err());
        rig.works(&outside).await;
        assert_eq!(rig.case(ONE).await.notified, Some(rig.now()));
        let tries = inbox.tries();
        assert!(tries.len() == 2 && tries[0] == tries[1], "{tries:?}");
        assert!(rig.case(ONE).await.notices.iter().all(|notice| notice.failed.is_none()));
    });
}

#[test]
fn what_is_over_is_not_told_late() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        let (owners, inbox) = channel(to_owners("all"));
        let all = [owners];
        let outside = outside(&all);
        inbox.fails(|_| Some(away()));
        rig.opens(1).await;
        rig.works(&outside).await;
        rig.pass(MINUTE);
        rig.hears(ONE, Verdict::Dead).await;
        rig.pass(MINUTE);
        rig.hears(ONE, Verdict::Live).await;
        inbox.fails(|_| None);
        rig.pass(HOUR);
        rig.works(&outside).await;
        assert_eq!(inbox.texts(), ["Q-1 reopened"]);
        // Two changes while nobody answers: the last is told.
        inbox.fails(|_| Some(away()));
        for verdict in [Verdict::Blocked, Verdict::Live, Verdict::LiveLimited] {
            rig.pass(1);
            rig.hears(ONE, verdict).await;
            rig.works(&outside).await;
        }
        inbox.fails(|_| None);
        rig.pass(HOUR);
        rig.works(&outside).await;
        assert_eq!(inbox.texts(), ["Q-1 reopened", "Q-1 verdict"]);
        // A request for which nobody waits.
        let (kim, bo) = (rig.caller("kim", KIM), rig.caller("bo", BO));
        inbox.fails(|_| Some(away()));
        rig.office_of(&kim).request(ONE, Action::Notify).await.unwrap();
        rig.works(&outside).await;
        rig.office_of(&bo).reject(ONE, None, "not now").await.unwrap();
        inbox.fails(|_| None);
        rig.pass(HOUR);
        rig.works(&outside).await;
        assert_eq!(inbox.texts().len(), 2, "{:?}", inbox.texts());
    });
}

#[test]
fn a_runner_that_dies_after_sending_sends_again_under_the_same_id() {
    let died = Arc::new(AtomicBool::new(false));
    let dies = died.clone();
    let faults: quell::ledger::Faults = Arc::new(move |name| match name {
        "job.completed" if dies.swap(false, Ordering::SeqCst) => Err(std::io::Error::other("it died")),
        _ => Ok(()),
    });
    runtime().block_on(async {
        let rig = Rig::alone(Some(faults)).await;
        let (owners, inbox) = channel(to_owners("all"));
        let all = [owners];
        let outside = outside(&all);
        rig.opens(1).await;
        rig.owned(ONE, "pay").await;
        died.store(true, Ordering::SeqCst);
        rig.works(&outside).await;
        assert_eq!((inbox.tries().len(), rig.case(ONE).await.notified), (1, None));
        rig.pass(2 * MINUTE);
        rig.works(&outside).await;
        let tries = inbox.tries();
        assert!(tries.len() == 2 && tries[0] == tries[1], "{tries:?}");
        let told = rig.events(ONE, |body| matches!(body, Body::NoticeDelivered { .. })).await;
        assert_eq!((told.len(), rig.case(ONE).await.notified), (1, Some(rig.now())));
    });
}

#[test]
fn a_clock_that_jumps_delivers_each_notice_once() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        let (owners, inbox) = channel(to_owners("all"));
        let all = [owners];
        let outside = outside(&all);
        for (number, days) in [(1, 0), (2, 9), (3, 0), (4, -6), (5, 2), (6, 30)] {
            rig.to(NOW + days * DAY);
            rig.opens(number).await;
            rig.works(&outside).await;
            assert_eq!(inbox.texts().len() as i64, number, "what happens now is told now");
        }
        assert_eq!(inbox.told().iter().collect::<BTreeSet<_>>().len(), 6);
        rig.is_sound().await;
    });
}

#[test]
fn many_at_once_along_one_route_are_one_message() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        let (team, inbox) = channel(to_security());
        let all = [team];
        let outside = outside(&all);
        for number in 1..=20 {
            rig.opens(number).await;
        }
        rig.works(&outside).await;
        assert_eq!(inbox.tries().len(), 20, "so many are read one by one");
        for number in 21..=45 {
            rig.opens(number).await;
        }
        rig.works(&outside).await;
        assert_eq!(inbox.tries().len(), 21);
        let last = inbox.texts().pop().unwrap();
        assert!((21..=45).all(|number| last.contains(&format!("Q-{number} opened"))), "{last}");
        rig.is_sound().await;
    });
}

#[test]
fn a_channel_that_is_added_later_is_told_of_what_there_is() {
    runtime().block_on(async {
        let rig = Rig::alone(None).await;
        let (team, security) = channel(to_security());
        let (owners, inbox) = channel(to_owners("all"));
        for number in 1..=3 {
            rig.opens(number).await;
            rig.owned(CaseNumber(number), "pay").await;
        }
        rig.hears(CaseNumber(3), Verdict::Dead).await;
        let alone = [team];
        rig.works(&outside(&alone)).await;
        assert_eq!(security.texts(), ["Q-1 opened", "Q-2 opened"]);
        assert_eq!(rig.case(ONE).await.notified, None);
        rig.pass(HOUR);
        let [team] = alone;
        let both = [team, owners];
        for _ in 0..2 {
            rig.works(&outside(&both)).await;
        }
        assert_eq!(inbox.texts(), ["Q-1 opened", "Q-2 opened"]);
        assert_eq!(security.texts().len(), 2, "nobody is told twice");
        assert_eq!(rig.case(ONE).await.notified, Some(rig.now()));
    });
}

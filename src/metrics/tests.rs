//! The worked example of REMEDIATION, section 5, with its figures, and what lives come to when they are put together.
#![cfg(test)]

use super::*;
use crate::model::case::ApprovalState;

/// A day that is a whole number of hours.
const HALF: i64 = DAY / 2;

/// Twelve credentials: the time in half days, and whether it ended then.
const EXAMPLE: [(i64, bool); 12] = [
    (1, true),
    (2, true),
    (4, true),
    (4, false),
    (6, true),
    (8, true),
    (8, false),
    (12, true),
    (16, false),
    (20, true),
    (24, false),
    (28, false),
];

/// When the owner was told, in seconds since 1970 UTC.
const TOLD: i64 = 1_767_225_600;

fn check(at: i64, state: State) -> Check {
    Check { nominal: None, asked: at, state }
}

/// A life that ended, or was last seen alive, so many seconds after notice.
fn life(time: i64, ended: bool) -> Life {
    let mut life =
        Life { detected: TOLD, notified: Some(TOLD), checks: vec![check(TOLD, State::Live)], ..Life::default() };
    if ended {
        life.checks.push(check(TOLD + time, State::Dead));
        life.closures.push(TOLD + time);
    } else {
        life.checks.push(check(TOLD + time, State::Live));
    }
    life
}

fn example() -> Vec<Life> {
    EXAMPLE.iter().map(|(halves, ended)| life(halves * HALF, *ended)).collect()
}

fn measured(lives: &[Life], asked: Asked) -> Figures {
    Survey::new(lives, asked).whole()
}

#[track_caller]
fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 5e-7, "{a} is not {b}");
}

#[test]
fn the_worked_example_has_its_figures() {
    let lives = example();
    let figures = measured(&lives, Asked::default());
    let survival = &figures.usable;
    let table = [
        (0.5, 12, 0.916_667, 0.079_786),
        (1.0, 11, 0.833_333, 0.107_583),
        (2.0, 10, 0.75, 0.125),
        (3.0, 8, 0.656_25, 0.140_190),
        (4.0, 7, 0.562_5, 0.148_232),
        (6.0, 5, 0.45, 0.155_523),
        (10.0, 3, 0.3, 0.160_468),
    ];
    assert_eq!((survival.curve.n, survival.events, survival.curve.steps.len()), (12, 7, 7));
    for (step, (at, n, s, se)) in survival.curve.steps.iter().zip(table) {
        close(days(step.time), at);
        assert_eq!((step.at_risk, step.events), (n, 1));
        close(step.survival, s);
        close(step.se(), se);
    }
    let van = survival.van.as_ref().unwrap();
    close(van.at.survival, 0.562_5);
    let (low, high) = van.at.interval.unwrap();
    close(low, 0.243_681);
    close(high, 0.790_992);
    close(survival.curve.step(FIVE_DAYS).unwrap().greenwood, 0.069_444_4);
    let bounds = van.bounds.unwrap();
    close(bounds.best, 0.416_667);
    close(bounds.worst, 0.583_333);
    assert_eq!((van.n, van.censored, van.at.events), (12, 2, 5));
    close(van.coverage, 10.0 / 12.0);
    assert_eq!(survival.median, Some(6 * DAY));
    assert_eq!(survival.restricted.unwrap().0, 14 * DAY);
    close(survival.restricted.unwrap().1, 7.322_917);
    close(survival.curve.restricted_mean(14 * DAY), 7.322_917);
    assert!(van.is_headline(), "it has an interval");
}

#[test]
fn leaving_out_what_is_not_known_gives_another_figure() {
    let known = EXAMPLE.iter().filter(|(halves, ended)| *ended || *halves >= 10);
    let alive = known.clone().filter(|(halves, _)| *halves > 10).count();
    close(float(alive) / float(known.count()), 0.5);
    let van = measured(&example(), Asked::default()).usable.van.unwrap();
    assert!((van.at.survival - 0.5).abs() > 0.06);
}

#[test]
fn the_mean_of_the_closed_ones_is_biased_low_and_stands_beside_the_restricted_mean() {
    let figures = measured(&example(), Asked::default());
    close(figures.rates.remediated.days().unwrap(), 3.785_714);
    assert!(figures.rates.remediated.days().unwrap() < figures.usable.restricted.unwrap().1);
}

#[test]
fn an_agreed_time_is_met_breached_or_undetermined() {
    let mut asked = Asked::default();
    asked.sla.set(None, 3 * DAY);
    let figures = measured(&example(), asked);
    let sla = &figures.sla[0];
    assert_eq!((sla.met, sla.undetermined, sla.breached), (4, 1, 7));
    close(sla.breach_rate().unwrap(), 0.636_364);
    close(sla.survival.unwrap(), 0.656_25);
}

#[test]
fn events_come_before_censorings_of_the_same_time() {
    // C ends on day 2 and D is last seen alive then: D is at risk when C ends.
    let figures = measured(&example(), Asked::default());
    assert_eq!(figures.usable.curve.step(2 * DAY).unwrap().at_risk, 10);
    assert_eq!(figures.usable.at_risk(2 * DAY), 10);
}

#[test]
fn a_horizon_is_shown_where_half_are_followed_so_far() {
    // Three of four are last seen alive on day 2.
    let mut lives = vec![life(20 * DAY, false), life(2 * DAY, false), life(2 * DAY, false), life(2 * DAY, false)];
    let figures = measured(&lives, Asked::default());
    assert_eq!((figures.usable.curve.horizon, figures.usable.van.is_none()), (2 * DAY, true));
    lives.push(life(20 * DAY, false));
    lives.push(life(20 * DAY, true));
    let figures = measured(&lives, Asked::default());
    assert_eq!(figures.usable.curve.horizon, 20 * DAY);
    assert!(!figures.usable.van.unwrap().is_headline(), "six, and nothing ended: no interval, no headline");
}

#[test]
fn who_enters_late_is_at_risk_from_then_on() {
    let mut late = life(10 * DAY, true);
    late.checks[0] = check(TOLD + 4 * DAY, State::Live);
    let lives = [life(2 * DAY, true), life(6 * DAY, true), late];
    let curve = measured(&lives, Asked::default()).usable.curve;
    let steps: Vec<_> = curve.steps.iter().map(|s| (s.time / DAY, s.at_risk)).collect();
    assert_eq!(steps, [(2, 2), (6, 2), (10, 1)]);
    close(curve.step(6 * DAY).unwrap().survival, 0.25);
}

#[test]
fn wide_gaps_are_estimated_as_intervals() {
    let mut wide = life(4 * DAY, true);
    wide.checks.insert(1, check(TOLD + DAY, State::Live));
    let daily = |day: i64, ended: bool| {
        let mut life = life(day * DAY, ended);
        life.checks.splice(1..1, (1..day).map(|d| check(TOLD + d * DAY, State::Live)));
        life
    };
    let mut lives = vec![daily(2, true), daily(6, true), daily(7, false)];
    assert_eq!(measured(&lives, Asked::default()).usable.van.unwrap().turnbull, None, "a day apart");
    lives.push(wide);
    let van = measured(&lives, Asked::default()).usable.van.unwrap();
    close(van.at.survival, 0.5);
    close(van.early, 0.25);
    let (least, most) = van.turnbull.unwrap();
    close(least, 0.5);
    close(most, 0.5);
}

#[test]
fn coverage_counts_whom_no_figure_speaks_of() {
    let mut lives = example();
    lives.push(Life { notified: Some(TOLD), ..Life::default() });
    lives.push(Life { checks: vec![check(TOLD, State::Live)], ..Life::default() });
    lives.push(Life { outcome: Some(crate::model::case::Outcome::False), ..Life::default() });
    lives.push(Life { notified: Some(TOLD), checks: vec![check(TOLD + 1, State::Dead)], ..Life::default() });
    let dead = vec![check(TOLD - 2, State::Live), check(TOLD - 1, State::Dead)];
    lives.push(Life { notified: Some(TOLD), checks: dead, ..Life::default() });
    let found = measured(&lives, Asked::default()).coverage;
    let expected = Coverage {
        cases: 17,
        followed: 12,
        no_credential: 1,
        never_verified: 1,
        never_notified: 1,
        no_origin: 0,
        never_live: 1,
        ended_before: 1,
    };
    assert_eq!(found, expected);
    close(found.share().unwrap(), 0.75);
}

#[test]
fn slices_are_what_their_lives_alone_would_be() {
    let mut lives = example();
    for (number, life) in lives.iter_mut().enumerate() {
        life.owner = [Some("payments"), Some("search"), None][number % 3].map(Into::into);
        life.repositories = vec!["a".into(), "b".into()];
    }
    let survey = Survey::new(&lives, Asked::default());
    let teams = survey.by(Dimension::Team);
    let names: Vec<_> = teams.iter().map(|(_, name, _)| name.clone()).collect();
    assert_eq!(names, [Some("payments".into()), Some("search".into()), None]);
    for (_, name, figures) in &teams {
        let own: Vec<Life> = lives.iter().filter(|life| life.owner == *name).cloned().collect();
        assert_eq!(*figures, measured(&own, Asked::default()));
    }
    let repositories = survey.by(Dimension::Repository);
    assert_eq!(repositories.iter().map(|(.., f)| f.coverage.cases).collect::<Vec<_>>(), [12, 12]);
    let months = survey.by(Dimension::Month);
    assert_eq!(months[0].1, Some("2026-01".into()));
}

#[test]
fn an_approved_action_that_did_not_help_in_time_is_missed() {
    let mut lives = example();
    for number in [0, 11] {
        lives[number].requests.push(Request {
            id: "a-1".to_owned(),
            action: crate::model::action::Action::Revoke,
            requested: TOLD,
            ended: Some(TOLD),
            granted: Some(TOLD),
            state: ApprovalState::Granted,
            votes: (1, 1),
        });
    }
    assert_eq!(measured(&lives, Asked::default()).missed, (1, 2));
}

#[test]
fn a_period_takes_cases_by_their_clock() {
    let lives = example();
    let asked = |since, until| Asked { since, until, ..Asked::default() };
    assert_eq!(measured(&lives, asked(Some(TOLD), Some(TOLD + 1))).coverage.cases, 12);
    assert_eq!(measured(&lives, asked(Some(TOLD + 1), None)).coverage.cases, 0);
    assert_eq!(measured(&lives, asked(None, Some(TOLD))).coverage.cases, 0);
}

#[test]
fn what_was_closed_in_a_period_counts_whenever_its_clock_started() {
    let mut lives = example();
    lives.iter_mut().for_each(|life| life.owner = Some("payments".into()));
    lives[0].owner = Some("search".into());
    let asked = Asked { since: Some(TOLD + 3 * DAY), until: Some(TOLD + 5 * DAY), ..Asked::default() };
    let survey = Survey::new(&lives, asked);
    let figures = survey.whole();
    assert_eq!((figures.coverage.cases, figures.usable.curve.n), (0, 0));
    assert_eq!(figures.rates.remediated, Mean { n: 2, sum: 7 * DAY }, "E and F");
    let teams: Vec<_> =
        survey.by(Dimension::Team).into_iter().map(|(_, name, of)| (name, of.rates.remediated.n)).collect();
    assert_eq!(teams, [(Some("payments".into()), 2)], "nothing happened to what is search's");
}

#[test]
fn five_of_ten_of_the_worked_example_are_known_to_work_after_five_days() {
    let five = measured(&example(), Asked::default()).occupancy[0];
    assert_eq!((five.time, five.live, five.known), (FIVE_DAYS, 5, 10));
    close(five.estimate, 0.562_5);
}

#[test]
fn nothing_at_all_is_no_fault() {
    let figures = measured(&[], Asked::default());
    assert_eq!((figures.usable.van, figures.usable.median, figures.usable.restricted), (None, None, None));
    assert_eq!((figures.sla.len(), figures.coverage.share()), (0, None));
}

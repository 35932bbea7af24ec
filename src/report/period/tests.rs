//! What each form makes of the same period, hostile names included.
#![cfg(test)]

use serde_json::Value;

use super::*;
use crate::metrics::period::{
    AcceptedRisk, Automatic, Count, Covered, DeadLetter, Deed, Done, EmergencyRow, Exceptions, Found, Recommended,
    Reopened, Reported, Row, UnmetRow, WaitingRow,
};
use crate::metrics::{Asked, Check, DAY, Life, State, Survey};
use crate::model::action::{Action, Tier};
use crate::model::case::CaseNumber;
use crate::model::event::{NoticeKind, RestoreCause};
use crate::model::{Severity, Untrusted};

/// A name that no sink may act upon.
const HOSTILE: &str = "<script>alert(1)</script>\"'&\u{202e}\u{1b}[31m";

const START: i64 = 1_767_225_600;

fn day(n: i64) -> i64 {
    START + n * DAY
}

fn lives() -> Vec<Life> {
    let check = |asked, state| Check { nominal: None, asked, state };
    let one = |n: i64| {
        let told = day(n % 20) + n * 977;
        let time = [2, 9, 30, 70, 110, 160, 220, 300][usize::try_from(n % 8).unwrap()] * 3_600 + n * 613;
        let (ended, seen) = (n % 5 != 0, told + 10 * DAY);
        let mut checks = vec![check(told - 60, State::Live)];
        match (ended, n % 3) {
            (true, 0) => checks.extend([check(told + time, State::Blocked), check(told + time + 2 * DAY, State::Dead)]),
            (true, _) => checks.push(check(told + time, State::Dead)),
            (false, _) => checks.push(check(seen, State::Live)),
        }
        let closures = if ended { vec![told + time + 2 * DAY] } else { Vec::new() };
        let mut life =
            Life { detected: told - DAY, exposed: Some(told - 9 * DAY), notified: Some(told), ..Life::default() };
        (life.checks, life.closures, life.acknowledged) = (checks, closures, Some(told + 7_200 + n * 60));
        life.tiers = vec![(Action::Revoke, [Tier::Approval, Tier::Quarantine][usize::try_from(n % 2).unwrap()])];
        life
    };
    (0..48).map(one).collect()
}

fn measured(lives: &[Life]) -> Measured {
    let asked = Asked { now: day(30), since: Some(day(0)), until: Some(day(31)), ..Asked::default() };
    Survey::new(lives, asked).measure(None)
}

fn row(name: &str, cases: usize, live: usize) -> Row {
    Row { name: (!name.is_empty()).then(|| name.into()), count: Count { cases, live } }
}

fn found() -> Found {
    let count = |cases, live| Count { cases, live };
    Found {
        all: count(48, 39),
        live_at_end: 10,
        by_severity: vec![
            (Severity::Critical, count(21, 21)),
            (Severity::High, count(18, 18)),
            (Severity::Medium, count(9, 0)),
        ],
        by_provider: vec![row("github", 19, 17), row("aws", 16, 14), row("postgres", 8, 8), row("slack", 5, 0)],
        by_owner: vec![row("payments", 17, 15), row(HOSTILE, 12, 9), row("platform", 10, 9), row("", 9, 6)],
        by_repository: vec![
            row("github.com/acme/shop", 22, 19),
            row("github.com/acme/infra", 16, 12),
            row(HOSTILE, 10, 8),
        ],
        by_rule: vec![
            ("github-classic-pat".into(), "GitHub personal access token (classic)".into(), count(19, 17)),
            ("aws-secret-access-key".into(), HOSTILE.into(), count(16, 14)),
        ],
        never_verified: 9,
        never_notified: 3,
        live_untold: vec![CaseNumber(7), CaseNumber(31)],
    }
}

fn done() -> Done {
    let reported = |case, action, cause| Reported {
        case: CaseNumber(case),
        action,
        by: "ada".into(),
        reason: HOSTILE.into(),
        cause,
        at: day(case) + 36_000,
    };
    Done {
        proved: 24,
        judged: 4,
        reported: vec![
            reported(3, Action::Revoke, None),
            reported(5, Action::Quarantine, None),
            reported(5, Action::Restore, Some(RestoreCause::LegitimateUse)),
        ],
        automatic: vec![Automatic {
            case: CaseNumber(11),
            action: Action::Quarantine,
            policies: vec!["default.low-risk".into()],
            at: day(12),
        }],
        reopened: Reopened { appeared: 2, lives_again: 1, acceptance_ended: 0 },
    }
}

fn exceptions() -> Exceptions {
    let (by, reason) = (Untrusted::from("ben"), Untrusted::from(HOSTILE));
    let waiting = |case, age| WaitingRow {
        case: CaseNumber(case),
        id: "a-1".to_owned(),
        action: Action::Revoke,
        at: day(30) - age,
        age,
    };
    Exceptions {
        risks: vec![AcceptedRisk {
            case: CaseNumber(9),
            owner: Some("platform".into()),
            by: by.clone(),
            reason: reason.clone(),
            at: day(4),
            until: day(60),
            ended: None,
        }],
        emergencies: vec![EmergencyRow {
            case: CaseNumber(12),
            id: "e-1".to_owned(),
            purpose: reason.clone(),
            actions: vec![Action::Revoke],
            by,
            at: day(6),
            until: day(7),
            ended: Some((day(6) + 7_200, reason.clone())),
        }],
        requested: 11,
        granted: 7,
        rejected: 1,
        expired: 1,
        waiting: vec![waiting(14, 4 * DAY), waiting(20, 30_000)],
        refused: vec![("close".into(), reason, 3)],
    }
}

fn period() -> Period {
    let unmet = |id: &str, title: &str, cases| UnmetRow { id: id.into(), title: title.into(), cases };
    Period {
        since: day(0),
        until: day(31),
        as_of: day(30),
        team: None,
        found: found(),
        done: done(),
        recommended: Recommended {
            recommendations: 140,
            acts: 1,
            failed: 0,
            tiers: [
                ((Action::Rotate, Tier::Approval), 30),
                ((Action::Quarantine, Tier::Quarantine), 9),
                ((Action::Revoke, Tier::Watch), 9),
            ]
            .into(),
            unmet: vec![
                unmet("default.owner-known", "somebody is known to own it", 21),
                unmet("default.rehearsed", "its way back was rehearsed", 18),
                unmet("own.x", HOSTILE, 2),
            ],
            policies: [(format!("sha256:{}", "ab".repeat(32)), 141)].into(),
        },
        exceptions: exceptions(),
        covered: Covered {
            scans: 62,
            partial: vec![(HOSTILE.into(), day(8))],
            delivered: 45,
            dead_letters: vec![DeadLetter {
                case: None,
                route: "mail".into(),
                what: NoticeKind::Digest,
                why: HOSTILE.into(),
                at: day(9),
            }],
        },
        controls: [("NHI2".to_owned(), 48), ("CSF:RS.MI-01".to_owned(), 60)].into(),
        deeds: [(Deed::Asked, 310), (Deed::Proved, 24), (Deed::Voted, 8), (Deed::Scanned, 62), (Deed::Signed, 97)]
            .into(),
    }
}

type Form = fn(&PeriodReport<'_>, &mut dyn std::io::Write) -> std::io::Result<()>;

fn text(form: Form, period: &Period, lives: &[Life]) -> String {
    let measured = measured(lives);
    let mut out = Vec::new();
    form(&PeriodReport { period, measured: &measured }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn empty() -> Period {
    Period { since: day(0), until: day(31), as_of: day(30), ..Period::default() }
}

#[test]
fn nothing_from_outside_is_markup_on_the_page() {
    let team = Some(HOSTILE.into());
    let page = text(html, &Period { team, ..period() }, &lives());
    for wrong in
        ["<script", "alert(1)</", "\u{202e}", "\u{1b}", "style=", "onload", "http-equiv=\"refresh\"", "<a ", "<img"]
    {
        assert!(!page.contains(wrong), "{wrong}");
    }
    let escaped = page.matches("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;").count();
    assert_eq!(escaped, 14, "every place that takes a text from outside shows it");
    let hash = {
        use base64::Engine as _;
        use sha2::Digest as _;
        base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(include_bytes!("style.css")))
    };
    assert!(page.contains(&format!("default-src 'none'; style-src 'sha256-{hash}'")));
    // Whatever is opened is closed, in its order.
    let mut open = Vec::new();
    for tag in page.split('<').skip(1).filter(|tag| !tag.starts_with('!') && !tag.starts_with("meta ")) {
        let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        match tag.starts_with('/') {
            true => assert_eq!(open.pop(), Some(name)),
            false if tag.contains("/>") => {}
            false => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_page_says_first_what_matters() {
    let page = text(html, &period(), &lives());
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    let order =
        ["48 credentials were found", "still usable five days", "need attention", "What was found", "Three clocks"];
    assert!(order.map(place).is_sorted());
    for said in [
        "2 credentials work and no owner was told: Q-7, Q-31",
        "2 requests wait for approval, the oldest for 4 d",
        "more than 90 % of leaked secrets",
        "of 48 credentials of this store",
        "the notice to the owner was delivered".trim_start_matches("the "),
        "too low: those that are open are missing",
        "<span class=\"badge aid\">recommendation</span>",
        "<span class=\"badge act\">act</span>",
        "Incidents are contained",
        "60 decisions and findings whose policies or rules name it",
        "nothing in this period",
        "<path class=\"line usable\"",
    ] {
        place(said);
    }
    for wrong in ["PR.AC-", "RS.AN-1<", "MAESTRO L"] {
        assert!(!page.contains(wrong), "{wrong}");
    }
}

#[test]
fn an_empty_period_says_that_nothing_was_looked_at() {
    let page = text(html, &empty(), &[]);
    assert!(page.contains("no credential was found") && page.contains("No curve") && page.contains("no scan ended"));
    let summary = text(summary, &empty(), &[]);
    assert!(summary.contains("still usable 5 d after notice  –") && !summary.contains("NaN"), "{summary}");
    let value: Value = serde_json::from_str(&text(json, &empty(), &[])).unwrap();
    assert_eq!((&value["found"]["cases"], &value["team"]), (&0.into(), &Value::Null));
    assert!(value["validity"]["figures"]["usable"]["after_5_days"].is_null());
}

#[test]
fn few_credentials_are_no_headline_without_an_interval() {
    let all = lives();
    let alive: Vec<Life> = all.iter().filter(|life| life.closures.is_empty()).cloned().collect();
    assert!(alive.len() < 30);
    let told = text(summary, &period(), &alive);
    assert!(told.contains("5 d after notice  too few (95 % interval –; n = 10)"), "{told}");
    assert!(!told.contains("100.0 % (95"), "{told}");
    assert!(text(html, &period(), &alive).contains("<b>too few</b>"));
}

#[test]
fn programs_get_every_count_and_text() {
    let value: Value = serde_json::from_str(&text(json, &period(), &lives())).unwrap();
    let at = |pointer: &str| value.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}")).clone();
    assert_eq!(at("/found/by_owner/1/name"), HOSTILE);
    assert_eq!(at("/found/by_owner/3/name"), Value::Null);
    assert_eq!(at("/done/closed"), serde_json::json!({ "by_proof": 24, "by_judgement": 4 }));
    assert_eq!(at("/done/restored/legitimate_use"), 1);
    assert_eq!(at("/done/automatic/0/kind"), "act");
    assert_eq!(at("/recommended/kinds"), serde_json::json!({ "recommendation": 140, "act": 1 }));
    assert_eq!(at("/exceptions/approvals/oldest_hours"), 96.0);
    assert_eq!(at("/exceptions/risks/0/until"), day(60));
    assert_eq!(at("/coverage/scans/complete"), 61);
    assert_eq!(at("/validity/figures/usable/n"), 48);
    assert_eq!(at("/validity/clocks/1/clock"), "exposed");
    assert!(at("/validity/often_quoted").as_str().unwrap().contains("public GitHub"));
    assert_eq!(at("/frameworks/0/controls/1/id"), "NHI2");
    assert_eq!(at("/frameworks/0/controls/1/named"), 48);
}

#[test]
fn the_summary_fits_a_terminal() {
    let told = text(summary, &Period { team: Some(HOSTILE.into()), ..period() }, &lives());
    assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told}");
    insta::assert_snapshot!("period_summary", text(summary, &period(), &lives()));
}

//! Tasks and comments, word for word; and that nothing that is kept out of them is in them.

use serde_json::json;

use super::*;
use crate::model::action::{Action, Tier};
use crate::model::answers::{Answer, Criticality};
use crate::model::answers::{Answers, Capability, Dependent, DependentKind, Evidence, Reversibility};
use crate::model::case::{CaseNumber, Place};
use crate::model::decision::{ApprovalRequest, Decision, DecisionKind, Plan, Step, Unmet};
use crate::model::event::{Body, Closure, Event, Opening, Reopening, TaskRef};
use crate::model::owner::{Claim, ClaimSource, Owner, OwnerKind, Strength};
use crate::model::principal::{PrincipalId, PrincipalKind};
use crate::model::{CommitRef, Confidence, Identity, ObjectId, Part, Presence, Severity, Verdict, Verification};
use crate::report::document::{adf, html, markdown, markdown_title, mrkdwn, plain, title as plain_title};

/// 2026-01-31T12:00:00Z.
const NOW: i64 = 1_769_860_800;
const DAY: i64 = 86_400;

pub(in crate::report) fn principal(name: &str) -> Actor {
    Actor::Principal(PrincipalId::parse(name).unwrap())
}

pub(in crate::report) fn asked(verdict: Verdict, at: i64) -> Verification {
    let mut asked = Verification::not_asked(verdict, "github/user", at);
    asked.host = "api.github.com:443".into();
    asked.answer = canary();
    asked.identity = Identity { subject: Some("octocat".into()), ..Identity::default() };
    asked
}

/// A text that no task may show.
pub(in crate::report) fn canary() -> String {
    ["canary", "kept", "out"].join("-")
}

fn place(path: &str, line: u32) -> Place {
    let id = ObjectId::from_hex("0123456789abcdef0123456789abcdef01234567".as_bytes());
    Place {
        repository: "github.com/acme/shop".into(),
        path: path.into(),
        part: Part::File,
        line,
        column: 9,
        commit: Some(CommitRef { id: id.unwrap(), author: "Kim <kim@acme.example>".into(), date: NOW - 9 * DAY }),
        presence: Some(Presence::Head),
        root: "/srv/shop".into(),
        seen: NOW - DAY,
    }
}

fn opening() -> Opening {
    Opening {
        fingerprints: vec!["v1:0011223344556677".into()],
        rule: "github-classic-pat".into(),
        title: "GitHub token".into(),
        provider: "github".into(),
        redacted: "ghp_…3f2a".into(),
        severity: Severity::High,
        confidence: Confidence::High,
        advice: "Revoke it under Settings, Developer settings, and replace it by a fine-grained token.".into(),
        docs: "https://docs.github.com/en/tokens".into(),
        controls: vec!["NHI2".into()],
        names: vec!["SHOP_TOKEN".into()],
        places: vec![place("app/config.py", 12)],
        exposed: Some(NOW - 9 * DAY),
        by_report: false,
        expires: None,
    }
}

fn evidence(source: &str) -> Evidence {
    Evidence {
        source: source.into(),
        place: "owners.toml:7".into(),
        at: NOW - 30 * DAY,
        confidence: Confidence::Medium,
    }
}

fn answers() -> Answers {
    let used = Dependent { kind: DependentKind::CiJob, name: "deploy".into(), evidence: evidence("code") };
    let can = Capability {
        quarantine: None,
        revoke: Some(Reversibility::Irreversible),
        observe: false,
        tells_blocked: false,
        sessions_survive: false,
    };
    Answers {
        dependents: Answer::of(vec![used], evidence("code")),
        criticality: Answer::of(Criticality::High, evidence("owners.toml")),
        capability: Answer::of(can, evidence("documentation")),
        ..Answers::default()
    }
}

fn decision() -> Decision {
    let unmet = |tier, id: &str, title: &str| Unmet { tier, id: id.into(), title: title.into(), controls: Vec::new() };
    Decision {
        action: Action::Rotate,
        tier: Tier::Approval,
        kind: DecisionKind::Recommendation,
        determining: vec!["approve.rotate".into()],
        unmet: vec![
            unmet(Tier::Automatic, "default.privileged", "it is not privileged"),
            unmet(
                Tier::Quarantine,
                "guardrail.owner-unknown",
                "the organisation's record or a person says who owns it",
            ),
        ],
        errors: Vec::new(),
        policy: "sha256:0".into(),
        schema: "sha256:1".into(),
        facts: json!({ "note": canary() }),
        snapshot: "sha256:2".into(),
    }
}

fn request() -> ApprovalRequest {
    let step = |what: &str, reversible| Step { what: what.into(), reversible };
    ApprovalRequest {
        id: "a-0123456789ab".into(),
        plan: Plan {
            action: Action::Rotate,
            steps: vec![step("make a new token", true), step("revoke the old one", false)],
            way_back: None,
        },
        plan_hash: "sha256:feed".into(),
        snapshot: "sha256:2".into(),
        decision: "sha256:3".into(),
        quorum: 2,
        expires: NOW + DAY,
        said: Some("trust me, @everyone".into()),
    }
}

/// A case after these events; by quell where nobody else is named.
pub(in crate::report) fn folded(events: Vec<(Actor, Body)>) -> Case {
    let mut case = None;
    for (seq, (actor, body)) in (1..).zip(events) {
        let event = Event {
            seq,
            at: NOW - 2 * DAY + seq * 60,
            case: Some(CaseNumber(17)),
            actor,
            body,
            nonce: None,
            signature: None,
        };
        case = Some(Case::after(case, &event).unwrap());
    }
    case.unwrap()
}

/// A case of which much is known.
pub(in crate::report) fn known() -> Case {
    let claim = |kind, name: &str, source, strength| Claim {
        owner: Owner { kind, name: name.into() },
        source,
        strength,
        place: "CODEOWNERS:3".into(),
        at: NOW - 90 * DAY,
        departed: None,
    };
    let claims = vec![
        claim(OwnerKind::Team, "payments", ClaimSource::Catalog, Strength::Asserted),
        claim(OwnerKind::Person, "kim@acme.example", ClaimSource::Author, Strength::Hint),
    ];
    let verification = Box::new(asked(Verdict::Live, NOW - 2 * DAY));
    folded(vec![
        (Actor::Quell, Body::CaseOpened(Box::new(opening()))),
        (Actor::Quell, Body::VerdictHad { verification, by: principal("ada"), nominal: None }),
        (Actor::Quell, Body::ClaimsGathered { claims }),
        (Actor::Quell, Body::Answered { answers: Box::new(answers()) }),
        (Actor::Quell, Body::Decided { decision: Box::new(decision()) }),
        (principal("ada"), Body::ApprovalRequested(Box::new(request()))),
        (principal("ada"), Body::Noted { text: canary().as_str().into(), counts_as: PrincipalKind::Person }),
    ])
}

pub(in crate::report) fn about() -> TaskContext<'static> {
    TaskContext { now: NOW, deadline: Some(NOW + 5 * DAY), commands: true, base: Some("https://quell.example/") }
}

/// Every form of a text.
pub(in crate::report) fn forms(document: &Document) -> Vec<String> {
    let title = [plain_title(document), markdown_title(document)].join("\n");
    vec![title, markdown(document), plain(document), mrkdwn(document), adf(document).to_string(), html(document)]
}

#[test]
fn a_task_tells_what_its_owner_needs() {
    let task = task(&known(), &about());
    assert_eq!(plain_title(&task), "Q-17: GitHub token leaked in app/config.py (live, high)");
    insta::assert_snapshot!("task_markdown", markdown(&task));
    insta::assert_snapshot!("task_plain", plain(&task));
}

#[test]
fn what_is_not_known_is_said_and_a_closed_case_asks_for_nothing() {
    let new = folded(vec![(Actor::Quell, Body::CaseOpened(Box::new(opening())))]);
    let text = plain(&task(&new, &TaskContext { now: NOW, ..TaskContext::default() }));
    for words in [
        "Nobody asked its issuer yet",
        "Not known.",
        "depends on it: not known",
        "environment: not known",
        "way back: not known",
        "It has not decided yet",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("`/quell") && !text.contains("Deadline"), "{text}");
    let closed = folded(vec![
        (Actor::Quell, Body::CaseOpened(Box::new(opening()))),
        (Actor::Quell, Body::Closed { closure: Closure::NoCredential }),
    ]);
    let text = plain(&task(&closed, &about()));
    assert!(text.contains("It is over") && !text.contains("What to do") && !text.contains("`/quell"), "{text}");
}

#[test]
fn a_text_stays_the_same_until_something_happens() {
    let later = TaskContext { now: NOW + 3600, ..about() };
    assert_eq!(task(&known(), &about()), task(&known(), &later));
    let past = TaskContext { now: NOW + 2 * DAY, ..about() };
    assert!(!plain(&task(&known(), &past)).contains("/quell approve"), "what is past is not asked for");
}

#[test]
fn twenty_places_are_shown_and_the_rest_counted() {
    let places = (1..=31).map(|line| place(&format!("app/{line}.py"), line)).collect();
    let case = folded(vec![(Actor::Quell, Body::CaseOpened(Box::new(Opening { places, ..opening() })))]);
    let text = markdown(&task(&case, &about()));
    assert_eq!(text.matches("`github.com/acme/shop`").count(), 20);
    assert!(text.contains("- and 11 more places"), "{text}");
}

#[test]
fn a_disputed_owner_and_a_person_who_left_are_named_as_such() {
    let claim = |name: &str, departed| Claim {
        owner: Owner { kind: OwnerKind::Team, name: name.into() },
        source: ClaimSource::Codeowners,
        strength: Strength::Hint,
        place: "CODEOWNERS:1".into(),
        at: NOW,
        departed,
    };
    let claims = vec![claim("@acme/a", None), claim("@acme/b", None), claim("@acme/c", Some(NOW - DAY))];
    let opened = (Actor::Quell, Body::CaseOpened(Box::new(opening())));
    let text = plain(&task(&folded(vec![opened, (Actor::Quell, Body::ClaimsGathered { claims })]), &about()));
    assert!(text.contains("Disputed: team `@acme/a`, team `@acme/b` (hint each)"), "{text}");
    assert!(text.contains("team `@acme/c`, who left on 2026-01-30, by CODEOWNERS at"), "{text}");
}

/// Every comment that there is.
fn comments(case: &Case) -> Vec<(&'static str, Document)> {
    let (live, dead) = (asked(Verdict::Live, NOW - DAY), asked(Verdict::Dead, NOW));
    let (ada, account) = (principal("ada"), Untrusted::from("github:mallory"));
    let text = Untrusted::from("/quell approve sha256:feed");
    let proof = Closure::ProofOfDeath { asked: NOW, recipe: "github/user".into() };
    let other =
        TaskRef { tracker: "shop".into(), key: "9".into(), url: "https://github.com/acme/shop/issues/9".into() };
    let all = [
        ("verdict", Comment::Verdict { from: Some(&live), to: &dead, by: &ada }),
        ("first_verdict", Comment::Verdict { from: None, to: &live, by: &Actor::Quell }),
        ("unproved", Comment::ReopenedUnproved { by: Some(&account) }),
        ("reopened", Comment::Reopened { why: Reopening::LivesAgain }),
        ("closed", Comment::Closed { closure: &proof }),
        ("no_credential", Comment::Closed { closure: &Closure::NoCredential }),
        ("risk", Comment::RiskAccepted { until: NOW + 9 * DAY, reason: "it ends on Friday", by: &ada }),
        ("approval", Comment::Approval(case.approvals.first().unwrap())),
        ("done", Comment::Answered { account: &account, text: &text, refused: None }),
        (
            "refused",
            Comment::Answered { account: &account, text: &text, refused: Some("`github:mallory` is nobody's account") },
        ),
        ("duplicate", Comment::Duplicate { of: &other }),
    ];
    all.into_iter().map(|(name, what)| (name, comment(case, &what, &about()))).collect()
}

#[test]
fn comments_say_what_happened() {
    let all = comments(&known());
    let told =
        all.iter().map(|(name, document)| format!("## {name}: {}\n\n{}", plain_title(document), markdown(document)));
    insta::assert_snapshot!("comments", told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn nothing_that_is_kept_out_of_tasks_is_in_them() {
    let case = known();
    assert!(format!("{case:?}").contains(&canary()));
    let all = comments(&case).into_iter().map(|(_, document)| document).chain([task(&case, &about())]);
    for document in all {
        for form in forms(&document) {
            assert!(!form.contains(&canary()), "{form}");
        }
    }
}

#[test]
fn names_from_outside_do_nothing() {
    let evil = "x`@everyone fixes #1 [a](https://evil.example)<img src=x>\n/quell approve y\u{202e}";
    let title = format!("{evil} token");
    let opening = Opening {
        title,
        by_report: true,
        redacted: evil.into(),
        docs: evil.into(),
        advice: evil.into(),
        names: vec![evil.into()],
        places: vec![place(evil, 1)],
        ..opening()
    };
    let case = folded(vec![(Actor::Quell, Body::CaseOpened(Box::new(opening)))]);
    let task = task(&case, &TaskContext { base: None, ..about() });
    let text = markdown(&task);
    for event in pulldown_cmark::Parser::new_ext(&text, pulldown_cmark::Options::all()) {
        use pulldown_cmark::{Event, Tag};
        let bad = matches!(
            &event,
            Event::Html(_) | Event::InlineHtml(_) | Event::Start(Tag::Link { .. } | Tag::Image { .. })
        );
        let loose = matches!(&event, Event::Text(words) if words.contains("everyone") || words.contains("#1"));
        assert!(!bad && !loose, "{event:?}");
    }
    assert!(text.lines().all(|line| !line.trim_start().starts_with("/quell")), "{text}");
    assert!(!plain_title(&task).contains('\n'));
}

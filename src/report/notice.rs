//! What people and programs are told about a case: short texts for mail and messages, several in one, and the JSON of webhooks.
//! The secret is there in its redacted form alone.

use serde_json::{Value, json};

use super::escape::json as text;
use super::task;
use super::when::zoned;
use crate::model::case::{ApprovalState, Case, Place, Stage};
use crate::model::document::{Block, Document, Span};
use crate::model::event::NoticeKind;
use crate::model::owner::{OwnerKind, Ownership};
use crate::model::{Verdict, Verification, counted};

/// How many places and cases a notice shows.
const SHOWN: usize = 5;
/// How many cases a digest shows.
const IN_DIGEST: usize = 100;
/// The form of the JSON that this program writes.
const FORM: u32 = 1;

/// What a notice depends on besides its case.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoticeContext<'a> {
    /// The time, in seconds since 1970 UTC.
    pub now: i64,
    /// Until when it is to be proved dead, in seconds since 1970 UTC.
    pub deadline: Option<i64>,
    /// The address below which cases are shown; there may be none.
    pub base: Option<&'a str>,
    /// The address of its task, where there is one. It becomes a link: what a tracker answered is given only after its host was
    /// compared with the one that the configuration names.
    pub task: Option<&'a str>,
}

/// What whoever is told about a case reads.
#[must_use]
pub fn notice(case: &Case, kind: NoticeKind, about: &NoticeContext<'_>) -> Document {
    let mut blocks = vec![Block::Paragraph(why(case, kind))];
    let mut items = Vec::new();
    if let Some((first, ..)) = case.verdicts.last() {
        items.push(task::verdict(first));
    } else {
        items.push(vec![Span::text("Nobody asked its issuer yet.")]);
    }
    items.push([vec![Span::text("redacted: "), Span::code(&case.opening.redacted)]].concat());
    let places = &case.opening.places;
    for place in places.iter().take(SHOWN) {
        items.push(vec![
            Span::text("in "),
            Span::Code(place.repository.clone()),
            Span::text(" "),
            Span::code(at(place)),
        ]);
    }
    if places.len() > SHOWN {
        let more = counted((places.len() - SHOWN) as u64, "more place", "more places");
        items.push(vec![Span::text(format!("and {more}"))]);
    }
    items.push([vec![Span::text("owner: ")], task::owner(case)].concat());
    if let Some(deadline) = about.deadline.filter(|_| case.stage.is_open()) {
        items.push(vec![Span::text(format!("to be proved dead by {}", zoned(deadline)))]);
    }
    blocks.push(Block::List { ordered: false, items });
    blocks.push(Block::Paragraph(next(case, kind, about)));
    let mut title = task::title(case);
    title.insert(0, Span::text(format!("[{}] ", word(kind))));
    Document { title, blocks }
}

/// Several notices in one, the worst ahead. `items` are cases with what there is to say of each.
#[must_use]
pub fn digest(items: &[(&Case, NoticeKind)], about: &NoticeContext<'_>) -> Document {
    let mut sorted: Vec<&(&Case, NoticeKind)> = items.iter().collect();
    sorted.sort_by_key(|(case, kind)| (std::cmp::Reverse(case.severity()), case.number, *kind));
    let mut lines: Vec<Vec<Span>> = Vec::new();
    for (case, kind) in sorted.iter().take(IN_DIGEST) {
        let mut line = vec![Span::Strong(word(*kind).to_owned()), Span::text(" ")];
        line.extend(task::title(case));
        line.extend(task::link(case, about.base).into_iter().flat_map(|link| [Span::text(" "), link]));
        lines.push(line);
    }
    if items.len() > IN_DIGEST {
        lines.push(vec![Span::text(format!("and {} more", items.len() - IN_DIGEST))]);
    }
    let told = counted(items.len() as u64, "notice", "notices");
    let blocks = if lines.is_empty() {
        vec![Block::Paragraph(vec![Span::text("There is nothing to say.")])]
    } else {
        vec![Block::List { ordered: false, items: lines }]
    };
    Document { title: vec![Span::text(format!("quell: {told} until {}", zoned(about.now)))], blocks }
}

/// What a webhook carries. Keys keep their names and meanings within a form; new ones may come.
///
/// | key | what it is |
/// |---|---|
/// | `type` | `case.` and the kind of the notice: `case.opened`, `case.escalation` |
/// | `timestamp` | when it was said, RFC 3339 |
/// | `data.form` | the form of the rest: 1 |
/// | `data.case` | the case, as `Q-17` |
/// | `data.stage`, `data.severity`, `data.confidence` | words, as in exports |
/// | `data.rule`, `data.provider`, `data.title`, `data.redacted` | what it is |
/// | `data.fingerprints` | what it is known by; the first is its own |
/// | `data.places`, `data.places_total` | the first 100 places: `repository`, `path`, `line`, `part`; and how many there are |
/// | `data.verdict` | what its issuer said last: `verdict`, `why`, `controlled`, `host`, `asked`; null where nobody asked |
/// | `data.owner` | `is` (`known`, `conflict`, `unknown`), `owners` with `kind` and `name`, `strength` or null |
/// | `data.detected`, `data.exposed`, `data.notified`, `data.deadline` | times, RFC 3339, or null |
/// | `data.approvals` | those that wait: `action`, `plan`, `quorum`, `approved`, `expires` |
/// | `data.task`, `data.url` | where its task and its page are, or null |
///
/// Text from outside stands as it is, with bytes that are no UTF-8 as `\xNN`: whoever shows it escapes it. The secret is not
/// in it, nor anything it could be made of.
#[must_use]
pub fn json(case: &Case, kind: NoticeKind, about: &NoticeContext<'_>) -> Value {
    let opening = &case.opening;
    let time = |at: i64| (at != 0).then(|| zoned(at));
    let base = about.base.map(|base| base.trim_end_matches('/')).filter(|base| !base.is_empty());
    json!({
        "type": format!("case.{}", kind.as_str()),
        "timestamp": zoned(about.now),
        "data": {
            "form": FORM,
            "case": case.number.to_string(),
            "stage": case.stage.as_str(),
            "severity": case.severity().as_str(),
            "confidence": opening.confidence.as_str(),
            "rule": opening.rule,
            "provider": opening.provider,
            "title": opening.title,
            "redacted": opening.redacted,
            "fingerprints": opening.fingerprints,
            "places": opening.places.iter().take(100).map(place).collect::<Vec<_>>(),
            "places_total": opening.places.len(),
            "verdict": case.verdict().map(said),
            "owner": owner(case),
            "detected": time(case.detected),
            "exposed": opening.exposed.and_then(time),
            "notified": case.notified.and_then(time),
            "deadline": about.deadline.and_then(time),
            "approvals": approvals(case, about.now),
            "task": about.task,
            "url": base.map(|base| format!("{base}/cases/{}", case.number)),
        },
    })
}

/// Several notices in one, for a webhook: `type` is `digest`, and `data.notices` has what [`json()`] makes of each.
#[must_use]
pub fn digest_json(items: &[(&Case, NoticeKind)], about: &NoticeContext<'_>) -> Value {
    let all: Vec<Value> = items.iter().map(|(case, kind)| json(case, *kind, about)).collect();
    json!({ "type": "digest", "timestamp": zoned(about.now), "data": { "notices": all } })
}

fn place(place: &Place) -> Value {
    json!({
        "repository": text(&place.repository),
        "path": text(&place.path),
        "line": place.line,
        "part": place.part.as_str(),
    })
}

fn said(asked: &Verification) -> Value {
    let why = match asked.verdict {
        Verdict::Unknown(why) => Some(why.as_str()),
        _ => None,
    };
    json!({
        "verdict": asked.verdict.as_str(),
        "why": why,
        "controlled": asked.controlled,
        "host": text(&asked.host),
        "asked": zoned(asked.asked),
    })
}

fn owner(case: &Case) -> Value {
    let (is, owners, strength) = match case.ownership() {
        Ownership::Known { owner, strength } => ("known", vec![owner], Some(strength.as_str())),
        Ownership::Conflict { between, strength } => ("conflict", between, Some(strength.as_str())),
        Ownership::Unknown => ("unknown", Vec::new(), None),
    };
    let kind = |kind| match kind {
        OwnerKind::Team => "team",
        OwnerKind::Person => "person",
    };
    let owners: Vec<Value> = owners.iter().map(|o| json!({ "kind": kind(o.kind), "name": text(&o.name) })).collect();
    json!({ "is": is, "owners": owners, "strength": strength })
}

fn approvals(case: &Case, now: i64) -> Vec<Value> {
    let waits = case.approvals.iter().filter(|a| a.state == ApprovalState::Waiting && a.request.expires > now);
    let told = waits.map(|approval| {
        json!({
            "action": approval.request.plan.action.as_str(),
            "plan": approval.request.plan_hash,
            "quorum": approval.request.quorum,
            "approved": approval.by.len(),
            "expires": zoned(approval.request.expires),
        })
    });
    told.collect()
}

/// A kind of notice, in a word or two.
const fn word(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Opened => "new",
        NoticeKind::Reopened => "open again",
        NoticeKind::Verdict => "changed",
        NoticeKind::Approval => "approval wanted",
        NoticeKind::Escalation => "not acknowledged",
        NoticeKind::Closed => "closed",
        NoticeKind::Digest => "digest",
    }
}

/// Why somebody is told.
fn why(case: &Case, kind: NoticeKind) -> Vec<Span> {
    let owned = case.ownership().owner().is_some();
    let text = match kind {
        NoticeKind::Opened | NoticeKind::Digest if owned => {
            "A credential that is yours, as far as is known, stands where others can read it."
        }
        NoticeKind::Opened | NoticeKind::Digest => {
            "A credential stands where others can read it, and it is not known whose it is."
        }
        NoticeKind::Reopened => "A case that was closed is open again.",
        NoticeKind::Verdict => "What its issuer says has changed.",
        NoticeKind::Approval => "Somebody asks for approval of a plan. Look at it before you approve it.",
        NoticeKind::Escalation => "Nobody has acknowledged it in time, so you are told as well.",
        NoticeKind::Closed if case.proof_of_death().is_some() => "It is over: its issuer proved it dead.",
        NoticeKind::Closed => "It is over: a person judged that it is no credential, or one that is meant to be there.",
    };
    vec![Span::text(text)]
}

/// What to do next, and where.
fn next(case: &Case, kind: NoticeKind, about: &NoticeContext<'_>) -> Vec<Span> {
    let mut out = Vec::new();
    let waits = case.approvals.iter().find(|a| a.state == ApprovalState::Waiting && a.request.expires > about.now);
    match (case.stage, waits) {
        (Stage::Closed, _) => out.push(Span::text("Nothing is to be done.")),
        (_, Some(approval)) if kind == NoticeKind::Approval => {
            out.push(Span::text(format!("To approve ({}): ", approval.request.plan.action.as_str())));
            out.push(Span::code(format!("quell approve {} --plan {}", case.number, approval.request.plan_hash)));
        }
        _ => {
            out.push(Span::text("Next: make a replacement, hand it over, then end the old one; "));
            out.push(Span::code(format!("quell case show {}", case.number)));
            out.push(Span::text(" tells more."));
        }
    }
    if let Some(task) = about.task {
        out.extend([
            Span::text(" "),
            Span::Link { text: "Its task".to_owned(), url: task.to_owned() },
            Span::text("."),
        ]);
    }
    out.extend(
        task::link(case, about.base).into_iter().flat_map(|link| [Span::text(" Its page: "), link, Span::text(".")]),
    );
    out
}

fn at(place: &Place) -> String {
    format!("{}:{}", String::from_utf8_lossy(place.path.raw()), place.line)
}

#[cfg(test)]
mod tests {
    use super::super::document::plain;
    use super::super::task::tests::{asked, canary, folded, forms, known};
    use super::*;

    /// 2026-01-31T12:00:00Z.
    const NOW: i64 = 1_769_860_800;

    fn about() -> NoticeContext<'static> {
        NoticeContext { now: NOW, deadline: Some(NOW + 86_400), base: Some("https://quell.example"), task: None }
    }

    #[test]
    fn notices_say_what_happened_and_what_to_do() {
        let told = NoticeKind::ALL.map(|kind| plain(&notice(&known(), kind, &about())));
        insta::assert_snapshot!("notices", told.join("\n\n"));
        insta::assert_snapshot!(
            "digest",
            plain(&digest(&[(&known(), NoticeKind::Opened), (&known(), NoticeKind::Verdict)], &about()))
        );
        assert!(plain(&digest(&[], &about())).contains("nothing to say"));
    }

    #[test]
    fn a_webhook_has_keys_that_stay() {
        let value = json(&known(), NoticeKind::Escalation, &about());
        insta::assert_snapshot!("webhook", serde_json::to_string_pretty(&value).unwrap());
    }

    #[test]
    fn what_is_kept_out_of_notices_is_not_in_them() {
        let case = known();
        let documents = NoticeKind::ALL.map(|kind| notice(&case, kind, &about()));
        for document in documents.iter().chain([&digest(&[(&case, NoticeKind::Opened)], &about())]) {
            assert!(forms(document).iter().all(|form| !form.contains(&canary())));
        }
        for kind in NoticeKind::ALL {
            assert!(!json(&case, kind, &about()).to_string().contains(&canary()));
        }
    }

    #[test]
    fn the_worst_is_told_first_and_a_reason_is_given() {
        use crate::model::Why;
        use crate::model::event::Body;
        use crate::model::principal::Actor;
        let unknown = Box::new(asked(Verdict::Unknown(Why::Timeout), NOW));
        let opening = Box::new(known().opening);
        let mut other = folded(vec![
            (Actor::Quell, Body::CaseOpened(opening)),
            (Actor::Quell, Body::VerdictHad { verification: unknown, by: Actor::Quell, nominal: None }),
        ]);
        other.opening.severity = crate::model::Severity::Critical;
        other.number = crate::model::case::CaseNumber(18);
        let text = plain(&digest(&[(&known(), NoticeKind::Opened), (&other, NoticeKind::Opened)], &about()));
        assert!(text.find("Q-18").unwrap() < text.find("Q-17").unwrap(), "{text}");
        let value = json(&other, NoticeKind::Verdict, &about());
        assert_eq!(
            (&value["data"]["verdict"]["verdict"], &value["data"]["verdict"]["why"]),
            (&json!("unknown"), &json!("timeout"))
        );
    }
}

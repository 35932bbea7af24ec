//! A case for people: the page that whoever is called at night needs, and the list of many. `evidence` has the part that
//! says who, what depends on it and what breaks, `decisions` what quell would do and why not more.

mod decisions;
mod evidence;
mod work;

use std::io::{self, Write};

use super::escape::{terminal, terminal_str};
use super::when::zoned;
use super::words::verdict;
use crate::model::case::{ApprovalState, Case, Place, Stage};
use crate::model::event::{Body, Event};
use crate::model::owner::Ownership;
use crate::model::{Part, Presence, Severity, Untrusted, counted};

/// How many places, notes and events are shown.
const SHOWN: usize = 10;
/// Columns of a label and what parts it from its text.
const LABEL: usize = 10;

/// How a case is shown.
#[derive(Clone, Copy, Debug)]
pub struct CaseStyle {
    /// Whether it may be coloured.
    pub color: bool,
    /// The time, in seconds since 1970 UTC: ages are told against it.
    pub now: i64,
}

/// Writes the page of a case. `events` are its events, the newest last: the last of them are shown, or `all`.
///
/// # Errors
/// The writer's.
pub fn show(case: &Case, events: &[Event], all: bool, style: CaseStyle, out: &mut dyn Write) -> io::Result<()> {
    head(case, style, out)?;
    places(case, out)?;
    evidence::write(case, style.now, out)?;
    decisions::write(case, style.now, out)?;
    work::write(case, out)?;
    notes(case, style.now, out)?;
    timeline(events, if all { usize::MAX } else { SHOWN }, out)?;
    line(out, "next", &terminal_str(&decisions::next(case, style.now)))
}

/// Writes a line of the page.
fn line(out: &mut dyn Write, label: &str, text: &str) -> io::Result<()> {
    writeln!(out, "{label:<LABEL$}{text}")
}

/// A short name for how it stands: what a person looks for first.
fn standing(case: &Case) -> &'static str {
    match (case.stage, case.verdict().map(|v| v.verdict.as_str())) {
        (Stage::Closed, _) => "closed",
        (Stage::RiskAccepted, _) => "risk accepted",
        (_, Some("live")) => "LIVE",
        (_, Some("live-limited")) => "LIVE, limited",
        (_, Some("blocked")) => "blocked",
        (_, Some("dead")) => "dead",
        (_, Some("indistinct")) => "refused",
        _ => "unknown",
    }
}

fn head(case: &Case, style: CaseStyle, out: &mut dyn Write) -> io::Result<()> {
    let (paint, plain) = if style.color { (color(case.severity()), "\x1b[0m") } else { ("", "") };
    let opening = &case.opening;
    let what = format!("{}  {}", terminal_str(&opening.title), terminal_str(&opening.redacted));
    writeln!(out, "{paint}{}  {}  {}{plain}  {what}", case.number, standing(case), case.severity().as_str())?;
    let again = if case.reopened > 0 { format!(", reopened {} ×", case.reopened) } else { String::new() };
    let stage = match (&case.accepted, case.stage) {
        (Some((until, reason, by)), Stage::RiskAccepted) => {
            format!("risk accepted until {} by {}: {}", zoned(*until), terminal_str(&by.name()), terminal_str(reason))
        }
        _ => case.stage.as_str().to_owned(),
    };
    line(out, "stage", &format!("{stage}{again}"))?;
    let exposed = opening.exposed.map_or_else(|| "not known".to_owned(), zoned);
    let told = case.notified.map_or_else(|| "nobody so far".to_owned(), zoned);
    let detected = zoned(case.detected);
    line(out, "times", &format!("exposed {exposed}; detected {detected}; owner told {told}"))?;
    let answer = match case.verdicts.last() {
        Some((first, last, by)) => {
            let until =
                if *last > first.asked + 60 { format!("; the same until {}", zoned(*last)) } else { String::new() };
            let listed = if first.listed { " (a host that a configuration lists)" } else { "" };
            format!("{}{until}{listed}; had by {}", terminal_str(&verdict(first)), terminal_str(&by.name()))
        }
        None => "not asked yet".to_owned(),
    };
    line(out, "is", &answer)
}

fn places(case: &Case, out: &mut dyn Write) -> io::Result<()> {
    if case.opening.by_report {
        line(out, "but", "a report alone says all this: the secret was not at hand")?;
    }
    for shown in case.opening.places.iter().take(SHOWN) {
        line(out, "where", &place(shown))?;
    }
    let more = case.opening.places.len().saturating_sub(SHOWN);
    if more > 0 {
        line(out, "", &format!("and {}", counted(more as u64, "more place", "more places")))?;
    }
    Ok(())
}

/// A place of a case, for people.
fn place(place: &Place) -> String {
    let path = terminal(&place.path);
    let at = match place.part {
        Part::FileName => format!("the name of {path}"),
        _ => format!("{path}:{}:{}", place.line, place.column),
    };
    let presence = match place.presence {
        Some(Presence::Head) => ", still at HEAD",
        Some(Presence::Tip) => ", still at a branch",
        Some(Presence::History) => ", in history",
        Some(Presence::Log) => ", in a reflog alone",
        Some(Presence::Unreachable) => ", in no branch, not yet removed",
        None => "",
    };
    let commit = place.commit.as_ref().map(|commit| {
        let id: String = commit.id.to_string().chars().take(12).collect();
        format!(", commit {id} by {} at {}", terminal(&commit.author), zoned(commit.date))
    });
    format!("{}  {at}{presence}{}", terminal(&place.repository), commit.unwrap_or_default())
}

fn notes(case: &Case, now: i64, out: &mut dyn Write) -> io::Result<()> {
    if let Some((outcome, reason)) = &case.outcome {
        line(out, "outcome", &format!("{}: {}", outcome.as_str(), terminal_str(reason)))?;
    }
    let skipped = case.notes.len().saturating_sub(SHOWN);
    for note in case.notes.iter().skip(skipped) {
        let (who, kind) = (terminal_str(&note.actor.name()), note.kind.as_str());
        line(out, "note", &format!("{who} (as {kind}), {} ago: {}", age(now - note.at), terminal(&note.text)))?;
    }
    Ok(())
}

fn timeline(events: &[Event], shown: usize, out: &mut dyn Write) -> io::Result<()> {
    let skipped = events.len().saturating_sub(shown);
    if skipped > 0 {
        line(out, "events", &format!("{skipped} before; `--events` shows all"))?;
    }
    let mut label = if skipped > 0 { "" } else { "events" };
    for event in events.iter().skip(skipped) {
        line(out, label, &told(event))?;
        label = "";
    }
    Ok(())
}

/// An event in a line.
#[must_use]
pub fn told(event: &Event) -> String {
    let body = serde_json::to_value(&event.body).ok();
    let kind = body.as_ref().and_then(|v| v.get("kind")?.as_str()).unwrap_or("?").replace('-', " ");
    let who = terminal_str(&event.actor.name());
    format!("{} #{} {kind}{} by {who}", zoned(event.at), event.seq, terminal_str(&more(&event.body)))
}

/// What an event says beside its kind.
fn more(body: &Body) -> String {
    match body {
        Body::Decided { decision } => format!(" {} {}", decision.action.as_str(), decision.tier.as_str()),
        Body::VerdictHad { verification, .. } => format!(" {}", verification.verdict.as_str()),
        Body::ApprovalRequested(request) => format!(" {} {}", request.plan.action.as_str(), request.id),
        Body::Approved { request, alone, .. } => format!(" {request}{}", if *alone { ", alone" } else { "" }),
        Body::Rejected { request, reason } => format!(" {request}: {reason}"),
        Body::ApprovalWithdrawn { request, of, reason } => format!(" {request} of {}: {reason}", of.as_str()),
        Body::OwnerAssigned { owner, reason } => format!(" {}: {reason}", String::from_utf8_lossy(owner.name.raw())),
        Body::OutcomeSet { outcome, reason } => format!(" {}: {reason}", outcome.as_str()),
        Body::RiskAccepted { reason, .. } => format!(": {reason}"),
        Body::Refused { verb, reason } => format!(" {verb}: {reason};"),
        Body::TaskOpened { task, .. } => format!(" {}", task.name()),
        Body::TaskMoved { tracker, open, why, .. } => {
            format!(" {tracker} {}: {why}", if *open { "open" } else { "closed" })
        }
        Body::TaskCommented { tracker, about } => format!(" {tracker} {about}"),
        Body::CommandHeard { text, answer, .. } => format!(" {}: {answer}", cut(text)),
        Body::NoticeDelivered { route, what, .. } => format!(" {} {route}", what.as_str()),
        Body::NoticeFailed { route, what, why, .. } => format!(" {} {route}: {why}", what.as_str()),
        Body::ActReported { action, reason, .. } => format!(" {}: {reason}", action.as_str()),
        Body::PlacesJoined { places, .. } => format!(" {}", counted(places.len() as u64, "place", "places")),
        _ => String::new(),
    }
}

/// Writes a list of cases, a line each.
///
/// # Errors
/// The writer's.
pub fn list(cases: &[Case], style: CaseStyle, out: &mut dyn Write) -> io::Result<()> {
    for case in cases {
        let (paint, plain) = if style.color { (color(case.severity()), "\x1b[0m") } else { ("", "") };
        let owner = match case.ownership() {
            Ownership::Known { owner, .. } => terminal(&owner.name),
            Ownership::Conflict { .. } => "disputed".to_owned(),
            Ownership::Unknown => "nobody known".to_owned(),
        };
        let first = case.opening.places.first();
        let path = first.map(|p| format!("{} {}", terminal(&p.repository), terminal(&p.path))).unwrap_or_default();
        let waiting = case.approvals.iter().any(|a| a.state == ApprovalState::Waiting);
        let waiting = if waiting { ", waits for approval" } else { "" };
        writeln!(
            out,
            "{:<7} {paint}{:<8} {:<13}{plain} {:<7} {}  {}  {owner}{waiting}  {path}",
            case.number.to_string(),
            case.severity().as_str(),
            standing(case),
            age(style.now - case.detected),
            terminal_str(&case.opening.title),
            terminal_str(&case.opening.redacted),
        )?;
    }
    Ok(())
}

/// How long something took, in its largest whole unit.
#[must_use]
pub fn age(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let seconds = seconds.max(0);
    let unit = units.iter().find(|(unit, _)| seconds >= *unit);
    unit.map_or_else(|| format!("{seconds} s"), |(unit, name)| format!("{} {name}", seconds / unit))
}

/// A text from outside, cut to what a line holds.
fn cut(text: &Untrusted) -> String {
    let shown = terminal(text);
    if shown.chars().count() <= 160 { shown } else { shown.chars().take(160).chain(['…']).collect() }
}

const fn color(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "\x1b[1;31m",
        Severity::High => "\x1b[31m",
        Severity::Medium => "\x1b[33m",
        Severity::Low => "\x1b[36m",
        Severity::Info => "\x1b[2m",
    }
}

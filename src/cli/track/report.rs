//! What cases begin with, by a report alone: of findings whose secrets are not at hand.

use serde_json::Value;

use super::places::Roots;
use crate::model::case::Place;
use crate::model::event::Opening;
use crate::model::{CommitRef, Confidence, ObjectId, Part, Severity, Untrusted};
use crate::orchestrate::Tracked;

/// The findings of a report that have a fingerprint, and how many have none.
pub(super) fn openings(findings: &[Value], roots: &Roots, now: i64) -> (Vec<Tracked>, u64) {
    let mut nameless = 0;
    let mut all = Vec::new();
    for finding in findings {
        match opening(finding, roots, now) {
            Some(opening) => all.push(Tracked { opening, parts: None, verification: None }),
            None => nameless += 1,
        }
    }
    (all, nameless)
}

fn opening(finding: &Value, roots: &Roots, now: i64) -> Option<Opening> {
    let text = |name: &str| finding.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let of = |name: &str| finding.get(name).cloned().unwrap_or_default();
    let fingerprint = finding.get("fingerprint").and_then(Value::as_str)?.to_owned();
    let places: Vec<Place> =
        finding.get("locations")?.as_array()?.iter().filter_map(|location| place(location, roots, now)).collect();
    let dates = places.iter().filter_map(|place| place.commit.as_ref()).map(|commit| commit.date);
    Some(Opening {
        fingerprints: vec![fingerprint],
        rule: text("rule"),
        title: text("title"),
        provider: text("provider"),
        redacted: text("redacted"),
        severity: serde_json::from_value(of("severity")).unwrap_or(Severity::Medium),
        confidence: serde_json::from_value(of("confidence")).unwrap_or(Confidence::Low),
        advice: text("advice"),
        docs: text("docs"),
        controls: serde_json::from_value(of("controls")).unwrap_or_default(),
        names: Vec::new(),
        exposed: dates.filter(|date| *date > 0).min(),
        expires: None,
        by_report: true,
        places,
    })
}

fn place(location: &Value, roots: &Roots, now: i64) -> Option<Place> {
    let number = |name: &str| location.get(name).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let path = Untrusted::from(location.get("path")?.as_str()?);
    let of_history = location.get("history").or(location.get("commit")).is_some();
    let (repository, path, root) = roots.split(&path, of_history);
    let commit = location.get("commit").and_then(|commit| {
        Some(CommitRef {
            id: ObjectId::from_hex(commit.get("id")?.as_str()?.as_bytes())?,
            author: Untrusted::from(commit.get("author")?.as_str()?),
            date: commit.get("date")?.as_i64()?,
        })
    });
    let part = location.get("part").cloned().and_then(|part| serde_json::from_value(part).ok());
    let presence = location.pointer("/history/presence").cloned().and_then(|p| serde_json::from_value(p).ok());
    Some(Place {
        repository,
        path,
        part: part.unwrap_or(Part::File),
        line: number("line").unwrap_or(1),
        column: number("column").unwrap_or(1),
        commit,
        presence,
        root,
        seen: now,
    })
}

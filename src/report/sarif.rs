//! SARIF 2.1.0 (OASIS, 2020): one run, a result for each place of each finding.
//!
//! Code hosts show the first location of a result alone: a credential in three places is three results, which have the
//! same fingerprint.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::Style;
use super::escape::{json as text, uri, write_json};
use super::json::verification;
use super::lazy::Lazy;
use super::reveal::reveal;
use super::why::reasons;
use super::words::verdict;
use crate::model::{Companion, Coverage, Finding, Location, Part, Report, Severity, Untrusted, counted};

/// Writes the report.
pub(super) fn write(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut rules: BTreeMap<&str, (usize, &Finding)> = BTreeMap::new();
    for finding in &report.findings {
        rules.entry(&finding.kind.rule).or_insert((0, finding));
    }
    for (number, (place, _)) in rules.values_mut().enumerate() {
        *place = number;
    }
    let results = Lazy::flat_list(&report.findings, |finding| {
        let index = rules.get(finding.kind.rule.as_ref()).map_or(0, |(place, _)| *place);
        results(finding, index, style)
    });
    let driver = json!({
        "name": "quell",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules.values().map(|(_, finding)| rule(finding)).collect::<Vec<_>>(),
    });
    let invocation = Lazy::object(
        [("executionSuccessful", json!(report.coverage.is_complete()))],
        [("toolExecutionNotifications", notifications(&report.coverage))],
    );
    let properties = json!({ "filesRead": report.coverage.files, "objectsRead": report.coverage.objects, "bytesRead": report.coverage.bytes, "belowConfidence": report.below_confidence, "suppressed": report.suppressed });
    let run = Lazy::object(
        [("tool", json!({ "driver": driver })), ("columnKind", json!("unicodeCodePoints")), ("properties", properties)],
        [("invocations", Lazy::Few(vec![invocation])), ("results", results)],
    );
    let head = [
        (
            "$schema",
            json!("https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"),
        ),
        ("version", json!("2.1.0")),
    ];
    write_json(&Lazy::object(head, [("runs", Lazy::Few(vec![run]))]), true, out)
}

/// What was not read, what else to know, and an example of what was left out for each reason.
fn notifications(coverage: &Coverage) -> Lazy<'_> {
    let notification = |path: &Untrusted, level: &str, message: &str| {
        Lazy::Value(json!({
            "level": level,
            "message": { "text": message },
            "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(path) } } }],
        }))
    };
    Lazy::each(move || {
        let gaps = coverage
            .gaps
            .iter()
            .map(move |g| notification(&g.path, "error", &format!("not read ({}): {}", g.kind.as_str(), g.why)));
        let notices = coverage.notices.iter().map(move |n| notification(&n.path, "note", &n.text));
        let skipped = coverage.skipped.iter().filter_map(move |(reason, s)| {
            let (files, directories) =
                (counted(s.files, "file", "files"), counted(s.directories, "directory", "directories"));
            let text = format!("left out by design ({}): {files} and {directories}", reason.as_str());
            Some(notification(s.examples.first()?, "note", &text))
        });
        gaps.chain(notices).chain(skipped)
    })
}

fn rule(finding: &Finding) -> Value {
    let kind = &finding.kind;
    json!({
        "id": kind.rule,
        "name": kind.rule,
        "shortDescription": { "text": kind.title },
        "fullDescription": { "text": format!("{} of {} in clear text.", kind.title, kind.provider) },
        "helpUri": kind.docs,
        "help": { "text": kind.advice },
        "defaultConfiguration": { "level": level(finding.severity) },
        "properties": { "tags": ["security", "secret"], "precision": precision(finding), "security-severity": score(finding.severity), "controls": kind.controls },
    })
}

/// A result for each place of a finding; each companion is named with the place that it belongs to.
fn results(finding: &Finding, index: usize, style: Style) -> impl Iterator<Item = Lazy<'_>> {
    let mut companions: BTreeMap<usize, Vec<&Companion>> = BTreeMap::new();
    for part in &finding.companions {
        companions.entry(nearest(&finding.locations, part)).or_default().push(part);
    }
    finding.locations.iter().enumerate().map(move |(number, place)| {
        let related = companions.get(&number).cloned().unwrap_or_default();
        result(finding, index, place, related, style)
    })
}

/// How much nearer a part that stands before a secret is taken to be than one behind it, in bytes: formats put the id
/// first.
const BEFORE: u64 = 100;

/// The place of a finding that a companion belongs to: the nearest in its file, else the last before it in path order.
fn nearest(places: &[Location], part: &Companion) -> usize {
    let to = &part.location;
    let after = places.partition_point(|place| place <= to);
    let distance = |index: &usize| match places.get(*index).filter(|place| place.path == to.path) {
        None => u64::MAX,
        Some(place) if to.start < place.start => place.start.saturating_sub(to.end),
        // A group of the pattern is in the same match: which side it stands on says nothing.
        Some(place) => to.start.saturating_sub(place.end) + if part.kind.is_some() { BEFORE } else { 0 },
    };
    let before = after.saturating_sub(1);
    [before, after].into_iter().min_by_key(distance).unwrap_or(before)
}

fn result<'a>(
    finding: &'a Finding,
    index: usize,
    place: &Location,
    companions: Vec<&'a Companion>,
    style: Style,
) -> Lazy<'a> {
    let kind = &finding.kind;
    let shown = reveal(&finding.secret, style).unwrap_or_else(|| finding.redacted().to_string());
    let asked = finding.verification.as_deref();
    // Brackets in a message are links (3.11.6).
    let plain = |said: String| said.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
    let said =
        asked.map(|asked| plain(text(&Untrusted::from(format!("It is {}. ", verdict(asked)).as_str())).to_string()));
    let said = said.unwrap_or_default();
    let mut fields = vec![
        ("ruleId", json!(kind.rule)),
        ("ruleIndex", json!(index)),
        ("level", json!(level(finding.severity))),
        ("message", json!({ "text": format!("{}: {shown}. {said}{}", kind.title, kind.advice) })),
        ("locations", json!([location(place)])),
        (
            "properties",
            json!({
                "severity": finding.severity,
                "confidence": finding.confidence,
                "otherRules": finding.other_kinds.iter().map(|k| &k.rule).collect::<Vec<_>>(),
                "reasons": reasons(finding),
                "verification": asked.map(verification),
                "security-severity": score(finding.severity),
            }),
        ),
    ];
    if let Some(fingerprint) = &finding.fingerprint {
        fields.push(("partialFingerprints", json!({ "quell/v1": fingerprint.as_str() })));
    }
    if companions.is_empty() {
        return Lazy::object(fields, []);
    }
    let related = Lazy::each(move || companions.clone().into_iter().map(move |part| related(part, style).into()));
    Lazy::object(fields, [("relatedLocations", related)])
}

/// Where a companion stands, and what it is.
fn related(part: &Companion, style: Style) -> Value {
    let shown = reveal(&part.secret, style).unwrap_or_else(|| part.redacted().to_string());
    let mut out = location(&part.location);
    if let Some(object) = out.as_object_mut() {
        let name = text(&Untrusted::from(part.name.as_ref()));
        object.insert("message".to_owned(), json!({ "text": format!("{name}: {shown}") }));
    }
    out
}

fn location(location: &Location) -> Value {
    let mut out = json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&location.path) },
        "region": {
            "byteOffset": location.start,
            "byteLength": location.end - location.start,
            "startLine": location.line,
            "startColumn": location.column,
            "endLine": location.end_line,
            "endColumn": location.end_column,
        },
    } });
    let mut properties = serde_json::Map::new();
    if location.part != Part::File {
        properties.insert("part".to_owned(), json!(location.part.as_str()));
    }
    if let Some(commit) = &location.commit {
        properties.insert("commit".to_owned(), json!(commit.id.to_string()));
        properties.insert("author".to_owned(), json!(text(&commit.author)));
        properties.insert("date".to_owned(), json!(commit.date));
    }
    if let Some(history) = &location.history {
        properties.insert("presence".to_owned(), json!(history.presence.as_str()));
        properties.insert("object".to_owned(), json!(history.object.map(|id| id.to_string())));
    }
    if let (false, Some(fields)) = (properties.is_empty(), out.as_object_mut()) {
        fields.insert("properties".to_owned(), properties.into());
    }
    out
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// The number that code hosts sort by, on the scale of CVSS.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "0.1",
    }
}

const fn precision(finding: &Finding) -> &'static str {
    match finding.confidence {
        crate::model::Confidence::High => "very-high",
        crate::model::Confidence::Medium => "high",
        crate::model::Confidence::Low => "low",
    }
}

//! SARIF 2.1.0 (OASIS, 2020): one run, a result for each finding with all of its places.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::Style;
use super::escape::{json as text, uri, write_json};
use super::plain::reasons;
use super::reveal::reveal;
use crate::model::{Finding, Location, Report, Severity};

/// Writes the report.
pub(super) fn write(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut rules: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in &report.findings {
        rules.entry(&finding.rule).or_insert(finding);
    }
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(i, id)| (*id, i)).collect();
    let results: Vec<Value> =
        report.findings.iter().map(|f| result(f, index.get(f.rule.as_str()).copied().unwrap_or(0), style)).collect();
    let notes =
        report.coverage.gaps.iter().map(|g| (&g.path, "error", format!("not read ({}): {}", g.kind.as_str(), g.why)));
    let notes = notes.chain(report.coverage.notices.iter().map(|n| (&n.path, "note", n.text.clone())));
    let notes = notes.chain(report.coverage.skipped.iter().filter_map(|(reason, s)| {
        let first = s.examples.first()?;
        Some((
            first,
            "note",
            format!("left out by design ({}): {} files and {} directories", reason.as_str(), s.files, s.directories),
        ))
    }));
    let notifications: Vec<Value> = notes.map(|(path, level, message)| {
        json!({ "level": level, "message": { "text": message }, "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(path) } } }] })
    }).collect();
    let sarif = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "quell",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.values().map(|f| rule(f)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": report.coverage.is_complete(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
            "properties": { "filesRead": report.coverage.files, "bytesRead": report.coverage.bytes, "belowConfidence": report.below_confidence, "suppressed": report.suppressed },
        }],
    });
    write_json(&sarif, true, out)
}

fn rule(finding: &Finding) -> Value {
    json!({
        "id": finding.rule,
        "name": finding.rule,
        "shortDescription": { "text": finding.title },
        "fullDescription": { "text": format!("{} of {} in clear text.", finding.title, finding.provider) },
        "helpUri": finding.docs,
        "help": { "text": finding.advice },
        "defaultConfiguration": { "level": level(finding.severity) },
        "properties": { "tags": ["security", "secret"], "precision": precision(finding), "security-severity": score(finding.severity), "controls": finding.controls },
    })
}

fn result(finding: &Finding, index: usize, style: Style) -> Value {
    let shown = reveal(&finding.secret, style).unwrap_or_else(|| finding.redacted.to_string());
    let companions =
        finding.companions.iter().filter(|c| c.rule.is_some()).map(|c| location(&c.location, Some(&c.name)));
    let locations: Vec<Value> = finding.locations.iter().map(|l| location(l, None)).chain(companions).collect();
    let mut out = json!({
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": level(finding.severity),
        "message": { "text": format!("{}: {shown}. {}", finding.title, finding.advice) },
        "locations": locations,
        "properties": { "severity": finding.severity, "confidence": finding.confidence, "otherRules": finding.other_rules, "reasons": reasons(finding) },
    });
    if let (Some(fingerprint), Some(object)) = (&finding.fingerprint, out.as_object_mut()) {
        object.insert("partialFingerprints".to_owned(), json!({ "quell/v1": fingerprint.as_str() }));
    }
    out
}

fn location(location: &Location, message: Option<&str>) -> Value {
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
    if let (Some(name), Some(object)) = (message, out.as_object_mut()) {
        object.insert("message".to_owned(), json!({ "text": text(&name.into()) }));
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

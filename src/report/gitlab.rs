//! GitLab's report of secret detection, schema 15: a vulnerability for each place.
//!
//! `raw_source_code_extract` is left out: it is the secret itself (invariant 1). Descriptions are Markdown there. Such a
//! report is shown to everybody who sees a project's pipelines: it never has whole secrets.

use std::io::{self, Write};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Style;
use super::escape::{json as text, markdown, markdown_code, write_json};
use super::lazy::Lazy;
use super::plain::place;
use super::when::{second, zoned};
use super::why::reasons;
use super::words::verdict;
use crate::model::{Finding, Location, Report, Severity, Untrusted};

/// The version of the schema. GitLab takes every 15.
const VERSION: &str = "15.0.7";

/// The most characters that the schema allows.
const NAME: usize = 255;
const SOLUTION: usize = 7_000;
const DESCRIPTION: usize = 100_000;

/// The commit of what stands in no commit, as GitLab's own analyzer writes it: the schema wants one.
const NO_COMMIT: &str = "0000000";

/// Writes the report.
pub(super) fn write(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let tool =
        json!({ "id": "quell", "name": "quell", "version": env!("CARGO_PKG_VERSION"), "vendor": { "name": "quell" } });
    let scan = [
        ("analyzer", tool.clone()),
        ("scanner", tool),
        ("type", json!("secret_detection")),
        ("start_time", json!(second(style.started))),
        ("end_time", json!(second(style.ended))),
        // A scan that did not read all that it was asked to has not succeeded; what it found is in the report.
        ("status", json!(if report.coverage.is_complete() { "success" } else { "failure" })),
    ];
    let coverage = &report.coverage;
    let messages = Lazy::each(move || {
        let gaps = coverage
            .gaps
            .iter()
            .map(|gap| message("warn", &format!("not read: {} ({}): {}", text(&gap.path), gap.kind.as_str(), gap.why)));
        let notices = coverage.notices.iter();
        gaps.chain(notices.map(|notice| message("info", &format!("{}: {}", text(&notice.path), notice.text))))
    });
    let vulnerabilities = Lazy::flat_list(&report.findings, |finding| {
        finding.locations.iter().map(move |location| vulnerability(finding, location))
    });
    let parts = [("scan", Lazy::object(scan, [("messages", messages)])), ("vulnerabilities", vulnerabilities)];
    write_json(&Lazy::object([("version", json!(VERSION))], parts), true, out)
}

/// What is told of the scan itself.
fn message<'a>(level: &str, value: &str) -> Lazy<'a> {
    Lazy::Value(json!({ "level": level, "value": value }))
}

fn vulnerability(finding: &Finding, location: &Location) -> Value {
    let kind = &finding.kind;
    let rule = json!({
        "type": "quell_rule_id",
        "name": format!("quell rule {}", kind.rule),
        "value": kind.rule,
    });
    let mut identifiers = vec![rule];
    if let Some(fingerprint) = &finding.fingerprint {
        let id = fingerprint.as_str();
        identifiers
            .push(json!({ "type": "quell_fingerprint", "name": format!("quell fingerprint {id}"), "value": id }));
    }
    let mut out = json!({
        "id": id(finding, location),
        "name": cut(&kind.title, NAME),
        "description": cut(&description(finding, location), DESCRIPTION),
        "severity": severity(finding.severity),
        "solution": cut(&kind.advice, SOLUTION),
        "identifiers": identifiers,
        "location": self::location(location),
    });
    if let (true, Some(fields)) = (kind.docs.starts_with("https://"), out.as_object_mut()) {
        fields.insert("links".to_owned(), json!([{ "name": kind.provider, "url": kind.docs }]));
    }
    out
}

/// What it is and why it is believed, as Markdown. Where it stands is here too: a place in a history has more to say than
/// GitLab's fields do.
fn description(finding: &Finding, location: &Location) -> String {
    let what =
        format!("{}: {}.", markdown(finding.kind.title.as_ref()), markdown_code(&finding.redacted().to_string()));
    let mut lines = vec![what, format!("Where: {}", markdown_code(&place(location)))];
    for part in &finding.companions {
        let shown = markdown_code(&format!("{}, {}", part.redacted(), place(&part.location)));
        lines.push(format!("With its {}: {shown}", markdown(&part.name.replace('_', " "))));
    }
    if let Some(asked) = &finding.verification {
        lines.push(format!("It is {}", markdown_code(&verdict(asked))));
    }
    lines.push(format!("Why: {}", markdown(&reasons(finding).join("; "))));
    // The newer schemas have no `solution` for secrets.
    lines.push(format!("What to do: {}", markdown(finding.kind.advice.as_ref())));
    lines.join("\n\n")
}

fn location(location: &Location) -> Value {
    let mut commit: Map<String, Value> = Map::new();
    let sha = location.commit.as_ref().map_or_else(|| NO_COMMIT.to_owned(), |c| c.id.to_string());
    commit.insert("sha".to_owned(), json!(sha));
    if let Some(known) = &location.commit {
        commit.insert("author".to_owned(), json!(text(&known.author)));
        commit.insert("date".to_owned(), json!(zoned(known.date)));
    }
    json!({
        "file": text(&location.path),
        "start_line": location.line,
        "end_line": location.end_line,
        "commit": commit,
    })
}

/// An id that is the same for the same secret in the same place: a UUID (version 8) of the fingerprint and the place, and
/// of the rule where there is no fingerprint. The secret itself does not enter: a password could be searched for.
fn id(finding: &Finding, location: &Location) -> String {
    let mut hash = Sha256::new();
    let commit = location.commit.as_ref().map(|c| c.id.to_string()).unwrap_or_default();
    let parts: [&[u8]; 7] = [
        b"quell-gitlab-1",
        finding.fingerprint.as_ref().map_or(finding.kind.rule.as_ref(), |f| f.as_str()).as_bytes(),
        location.path.raw(),
        location.part.as_str().as_bytes(),
        &location.start.to_le_bytes(),
        &location.end.to_le_bytes(),
        commit.as_bytes(),
    ];
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut out = String::with_capacity(36);
    for (number, byte) in digest.iter().take(16).enumerate() {
        let byte = match number {
            6 => byte & 0x0f | 0x80,
            8 => byte & 0x3f | 0x80,
            _ => *byte,
        };
        let dash = if matches!(number, 4 | 6 | 8 | 10) { "-" } else { "" };
        out.push_str(&format!("{dash}{byte:02x}"));
    }
    out
}

/// At most so many characters.
fn cut(line: &str, most: usize) -> String {
    text(&Untrusted::from(line)).chars().take(most).collect()
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::High => "High",
        Severity::Medium => "Medium",
        Severity::Low => "Low",
        Severity::Info => "Info",
    }
}

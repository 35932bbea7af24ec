//! JSON and JSON Lines, as docs/report-1.schema.json describes them.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::escape::{json as text, write_json};
use super::reveal::reveal;
use super::{Style, escape};
use crate::model::{Companion, Coverage, Fact, Finding, Location, Report, Untrusted};

/// The version of the format: it changes when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// Writes the whole report as one document.
pub(super) fn document(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let findings: Vec<Value> = report
        .findings
        .iter()
        .map(|f| {
            let mut value = common(f, style);
            value.insert("locations".to_owned(), f.locations.iter().map(|l| Value::Object(place(l))).collect());
            value.insert("companions".to_owned(), f.companions.iter().map(|c| companion(c, style)).collect());
            Value::Object(value)
        })
        .collect();
    let mut head = summary(report);
    head.insert("findings".to_owned(), Value::Array(findings));
    write_json(&head, true, out)
}

/// Writes a line for each place of each finding, one for each place of a companion, and one for the summary.
pub(super) fn lines(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    for (number, finding) in report.findings.iter().enumerate() {
        for location in &finding.locations {
            let mut line =
                Map::from_iter([("type".to_owned(), json!("finding")), ("finding".to_owned(), json!(number))]);
            line.extend(place(location));
            line.extend(common(finding, style));
            write_json(&line, false, out)?;
        }
        for part in finding.companions.iter().filter(|c| c.rule.is_some()) {
            let mut line =
                Map::from_iter([("type".to_owned(), json!("companion")), ("finding".to_owned(), json!(number))]);
            line.extend(place(&part.location));
            line.extend([
                ("name".to_owned(), json!(part.name)),
                ("rule".to_owned(), json!(part.rule)),
                ("redacted".to_owned(), json!(part.redacted.to_string())),
            ]);
            write_json(&line, false, out)?;
        }
    }
    let mut line = Map::from_iter([("type".to_owned(), json!("summary"))]);
    line.extend(summary(report));
    write_json(&line, false, out)
}

fn summary(report: &Report) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("version".to_owned(), json!(VERSION));
    out.insert(
        "tool".to_owned(),
        json!({ "name": "quell", "version": env!("CARGO_PKG_VERSION"), "rules": report.rules }),
    );
    out.insert("complete".to_owned(), json!(report.coverage.is_complete()));
    out.insert("below_confidence".to_owned(), json!(report.below_confidence));
    out.insert("suppressed".to_owned(), json!(report.suppressed));
    out.insert("coverage".to_owned(), coverage(&report.coverage));
    out
}

fn coverage(coverage: &Coverage) -> Value {
    let skipped: Vec<Value> = coverage.skipped.iter().map(|(reason, s)| {
        json!({ "reason": reason, "files": s.files, "directories": s.directories, "examples": s.examples.iter().map(text).collect::<Vec<_>>() })
    }).collect();
    let gaps: Vec<Value> =
        coverage.gaps.iter().map(|g| json!({ "path": text(&g.path), "kind": g.kind, "why": g.why })).collect();
    let notices: Vec<Value> =
        coverage.notices.iter().map(|n| json!({ "path": text(&n.path), "text": n.text })).collect();
    json!({ "files": coverage.files, "bytes": coverage.bytes, "skipped": skipped, "gaps": gaps, "notices": notices })
}

/// What a finding says beside its places.
fn common(finding: &Finding, style: Style) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("rule".to_owned(), json!(finding.rule));
    out.insert("title".to_owned(), json!(finding.title));
    out.insert("provider".to_owned(), json!(finding.provider));
    out.insert("other_rules".to_owned(), json!(finding.other_rules));
    out.insert("severity".to_owned(), json!(finding.severity));
    out.insert("confidence".to_owned(), json!(finding.confidence));
    out.insert("fingerprint".to_owned(), json!(finding.fingerprint.as_ref().map(|f| f.as_str().to_owned())));
    out.insert("redacted".to_owned(), json!(finding.redacted.to_string()));
    out.insert("facts".to_owned(), finding.facts.iter().map(fact).collect());
    out.insert("advice".to_owned(), json!(finding.advice));
    out.insert("docs".to_owned(), json!(finding.docs));
    out.insert("controls".to_owned(), json!(finding.controls));
    if let Some(secret) = reveal(&finding.secret, style) {
        out.insert("secret".to_owned(), json!(secret));
    }
    out
}

fn companion(companion: &Companion, style: Style) -> Value {
    let mut out = Map::new();
    out.insert("name".to_owned(), json!(companion.name));
    out.insert("rule".to_owned(), json!(companion.rule));
    out.insert("redacted".to_owned(), json!(companion.redacted.to_string()));
    out.insert("location".to_owned(), Value::Object(place(&companion.location)));
    if let Some(secret) = reveal(&companion.secret, style) {
        out.insert("secret".to_owned(), json!(secret));
    }
    Value::Object(out)
}

fn place(location: &Location) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("path".to_owned(), json!(text(&location.path)));
    if std::str::from_utf8(location.path.raw()).is_err() {
        out.insert("uri".to_owned(), json!(escape::uri(&location.path)));
    }
    out.insert("start".to_owned(), json!(location.start));
    out.insert("end".to_owned(), json!(location.end));
    out.insert("line".to_owned(), json!(location.line));
    out.insert("column".to_owned(), json!(location.column));
    out.insert("end_line".to_owned(), json!(location.end_line));
    out.insert("end_column".to_owned(), json!(location.end_column));
    out
}

fn fact(fact: &Fact) -> Value {
    match fact {
        Fact::ChecksumHolds => json!({ "kind": "checksum-holds" }),
        Fact::AwsAccount(account) => json!({ "kind": "aws-account", "account": account }),
        Fact::Expires(at) => json!({ "kind": "expires", "at": at }),
        Fact::Expired(at) => json!({ "kind": "expired", "at": at }),
        Fact::Unsigned => json!({ "kind": "unsigned" }),
        Fact::Encrypted => json!({ "kind": "encrypted" }),
        Fact::TestPath => json!({ "kind": "test-path" }),
        Fact::DocumentedExample => json!({ "kind": "documented-example" }),
        Fact::PartMissing(name) => json!({ "kind": "part-missing", "part": text(&Untrusted::from(name.as_str())) }),
    }
}

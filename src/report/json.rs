//! JSON and JSON Lines, as docs/report-1.schema.json describes them.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::escape::{json as text, write_json};
use super::lazy::Lazy;
use super::reveal::reveal;
use super::why::told;
use super::{Style, consumers, escape};
use crate::model::usage::{Placed, Use};
use crate::model::{
    Companion, Coverage, Fact, Finding, InHistory, Location, Report, Suppressed, Untrusted, Verdict, Verification,
};

/// The version of the format: it changes when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// Fields by their names.
type Fields = Map<String, Value>;

/// Writes the whole report as one document.
pub(super) fn document(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let findings = Lazy::list(&report.findings, move |finding| {
        let locations = Lazy::list(&finding.locations, place);
        let companions = Lazy::list(&finding.companions, move |part| {
            let mut fields = companion(part, style);
            fields.insert("location".to_owned(), Value::Object(place(&part.location)));
            fields
        });
        Lazy::object(common(finding, style), [("locations", locations), ("companions", companions)])
    });
    let coverage = coverage(&report.coverage);
    let mut parts = vec![("coverage", coverage), ("findings", findings)];
    if report.consumers.asked {
        parts.push(("uses", Lazy::list(&report.consumers.uses, uses)));
    }
    write_json(&Lazy::object(summary(report), parts), true, out)
}

/// Who uses which secret, and where that stands.
fn uses(one: &Placed<Use>) -> Fields {
    let mut out: Fields =
        consumers::fields(&one.what).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    out.extend(place(&one.place));
    out
}

/// Writes a line for each place of each finding, one for each companion, and one for the summary.
pub(super) fn lines(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    for (number, finding) in report.findings.iter().enumerate() {
        for location in &finding.locations {
            let mut line = line("finding", number);
            line.extend(place(location));
            line.extend(common(finding, style));
            write_json(&line, false, out)?;
        }
        for part in &finding.companions {
            let mut line = line("companion", number);
            line.extend(place(&part.location));
            line.extend(companion(part, style));
            write_json(&line, false, out)?;
        }
    }
    for one in &report.consumers.uses {
        let mut line = fields([("type", json!("use"))]);
        line.extend(uses(one));
        write_json(&line, false, out)?;
    }
    let mut line = fields([("type", json!("summary"))]);
    line.extend(summary(report));
    write_json(&Lazy::object(line, [("coverage", coverage(&report.coverage))]), false, out)
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Fields {
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

/// The start of a line about a finding.
fn line(kind: &str, number: usize) -> Fields {
    fields([("type", json!(kind)), ("finding", json!(number))])
}

/// What a report says beside its findings and its coverage.
fn summary(report: &Report) -> Fields {
    fields([
        ("version", json!(VERSION)),
        ("tool", json!({ "name": "quell", "version": env!("CARGO_PKG_VERSION"), "rules": report.rules })),
        ("complete", json!(report.coverage.is_complete())),
        ("below_confidence", json!(report.below_confidence)),
        ("suppressed", json!(report.suppressed)),
        ("suppressions", report.suppressions.iter().map(suppression).collect()),
        ("markers", json!(report.markers)),
    ])
}

fn coverage(coverage: &Coverage) -> Lazy<'_> {
    let skipped: Vec<Value> = coverage.skipped.iter().map(|(reason, s)| {
        json!({ "reason": reason, "files": s.files, "directories": s.directories, "examples": s.examples.iter().map(text).collect::<Vec<_>>() })
    }).collect();
    let gaps = Lazy::list(&coverage.gaps, |g| json!({ "path": text(&g.path), "kind": g.kind, "why": g.why }));
    let notices = Lazy::list(&coverage.notices, |n| json!({ "path": text(&n.path), "text": n.text }));
    let small = [
        ("files", json!(coverage.files)),
        ("objects", json!(coverage.objects)),
        ("bytes", json!(coverage.bytes)),
        ("skipped", json!(skipped)),
    ];
    Lazy::object(small, [("gaps", gaps), ("notices", notices)])
}

/// What a suppression took out.
fn suppression(suppressed: &Suppressed) -> Value {
    let shown = |said: &Option<String>| said.as_ref().map(|said| text(&Untrusted::from(said.as_str())));
    json!({
        "source": suppressed.source,
        "path": text(&suppressed.path),
        "number": suppressed.number,
        "fingerprint": suppressed.fingerprint.as_str(),
        "reason": shown(&suppressed.reason),
        "author": shown(&suppressed.author),
        "expires": suppressed.expires,
        "places": suppressed.places,
    })
}

/// What a finding says beside its places and companions.
fn common(finding: &Finding, style: Style) -> Fields {
    let kind = &finding.kind;
    let mut out = fields([
        ("rule", json!(kind.rule)),
        ("title", json!(kind.title)),
        ("provider", json!(kind.provider)),
        ("other_rules", finding.other_kinds.iter().map(|k| json!(k.rule)).collect()),
        ("severity", json!(finding.severity)),
        ("confidence", json!(finding.confidence)),
        ("fingerprint", json!(finding.fingerprint.as_ref().map(|f| f.as_str()))),
        ("redacted", json!(finding.redacted().to_string())),
        ("facts", finding.facts.iter().map(fact).collect()),
        ("advice", json!(kind.advice)),
        ("docs", json!(kind.docs)),
        ("controls", json!(kind.controls)),
        ("verification", finding.verification.as_ref().map_or(Value::Null, |asked| verification(asked))),
    ]);
    match &finding.leaks {
        Some(name) => out.extend([("leaks".to_owned(), json!(text(name)))]),
        None => out.extend(reveal(&finding.secret, style).map(|secret| ("secret".to_owned(), json!(secret)))),
    }
    out
}

/// What an issuer said.
pub(super) fn verification(asked: &Verification) -> Value {
    let why = match asked.verdict {
        Verdict::Unknown(why) => Some(why.as_str()),
        _ => None,
    };
    let identity: Fields = asked
        .identity
        .told()
        .map(|(name, values)| {
            let mut values: Vec<String> = values.into_iter().map(text).collect();
            let listed = matches!(name, "scopes" | "resources");
            (name.to_owned(), if listed { json!(values) } else { json!(values.pop()) })
        })
        .collect();
    json!({
        "verdict": asked.verdict.as_str(),
        "why": why,
        "controlled": asked.controlled,
        "asked": asked.asked,
        "cached": asked.cached,
        "recipe": asked.recipe,
        "host": text(&asked.host),
        "answer": asked.answer,
        "identity": identity,
    })
}

/// What a companion says beside its place.
fn companion(companion: &Companion, style: Style) -> Fields {
    let mut out = fields([
        ("name", json!(companion.name)),
        ("rule", json!(companion.kind.as_ref().map(|k| &k.rule))),
        ("redacted", json!(companion.redacted().to_string())),
    ]);
    out.extend(reveal(&companion.secret, style).map(|secret| ("secret".to_owned(), json!(secret))));
    out
}

/// Where in a history a place is.
fn in_history(history: &InHistory) -> Value {
    json!({
        "presence": history.presence.as_str(),
        "object": history.object.map(|id| id.to_string()),
        "tips": history.tips.iter().map(text).collect::<Vec<_>>(),
    })
}

fn place(location: &Location) -> Fields {
    let mut out = fields([
        ("path", json!(text(&location.path))),
        ("part", json!(location.part.as_str())),
        ("start", json!(location.start)),
        ("end", json!(location.end)),
        ("line", json!(location.line)),
        ("column", json!(location.column)),
        ("end_line", json!(location.end_line)),
        ("end_column", json!(location.end_column)),
    ]);
    if let Some(commit) = &location.commit {
        let author = text(&commit.author);
        let commit = json!({ "id": commit.id.to_string(), "author": author, "date": commit.date });
        out.insert("commit".to_owned(), commit);
    }
    if let Some(history) = &location.history {
        out.insert("history".to_owned(), in_history(history));
    }
    if std::str::from_utf8(location.path.raw()).is_err() {
        out.insert("uri".to_owned(), json!(escape::uri(&location.path)));
    }
    out
}

fn fact(fact: &Fact) -> Value {
    let told = told(fact);
    let value = told.value.map(|(name, value)| (name.to_owned(), value));
    Value::Object([("kind".to_owned(), json!(told.kind))].into_iter().chain(value).collect())
}

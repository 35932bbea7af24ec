//! CSV (RFC 4180), for spreadsheets and databases: a row for each place of each finding, for each other part of a
//! credential, and for each thing that was not read or is to be known.
//!
//! Cells that a spreadsheet would run as a formula have an apostrophe before them.

use std::io::{self, Write};

use super::Style;
use super::escape::{csv, terminal};
use super::reveal::reveal;
use super::when::zoned;
use super::why::reasons;
use crate::model::usage::Use;
use crate::model::{Companion, Finding, Location, Report, Untrusted, Verdict, Verification};

/// What a row says; a row of another type leaves out what it does not know.
const COLUMNS: [&str; 26] = [
    "type",
    "finding",
    "severity",
    "confidence",
    "rule",
    "title",
    "provider",
    "redacted",
    "fingerprint",
    "path",
    "line",
    "column",
    "end_line",
    "end_column",
    "commit",
    "author",
    "date",
    "presence",
    "part",
    "why",
    "advice",
    "docs",
    "verdict",
    "verdict_why",
    "asked",
    "holder",
];

/// Writes the report. Whole secrets, where they were asked for, are a column more.
pub(super) fn write(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let secret = style.show_secrets.then(|| "secret".to_owned());
    row(COLUMNS.map(str::to_owned), secret, out)?;
    for (number, found) in report.findings.iter().enumerate() {
        let secret = reveal(&found.secret, style);
        for location in &found.locations {
            row(finding(number, found, location), secret.clone(), out)?;
        }
        for part in &found.companions {
            row(companion(number, found, part), reveal(&part.secret, style), out)?;
        }
    }
    for one in &report.consumers.uses {
        row(used(&one.what, &one.place), style.show_secrets.then(String::new), out)?;
    }
    for unread in &report.coverage.gaps {
        let title = format!("not read: {}", unread.kind.as_str());
        row(about("gap", title, &unread.path, &unread.why), style.show_secrets.then(String::new), out)?;
    }
    for notice in &report.coverage.notices {
        row(about("notice", String::new(), &notice.path, &notice.text), style.show_secrets.then(String::new), out)?;
    }
    Ok(())
}

fn row<const N: usize>(cells: [String; N], secret: Option<String>, out: &mut dyn Write) -> io::Result<()> {
    for (number, cell) in cells.iter().chain(&secret).enumerate() {
        let comma = if number == 0 { "" } else { "," };
        write!(out, "{comma}{}", csv(cell))?;
    }
    out.write_all(b"\r\n")
}

/// A row of what is known of it, by the names of its columns.
fn cells(known: impl IntoIterator<Item = (&'static str, String)>) -> [String; 26] {
    let mut cells: [String; 26] = Default::default();
    for (name, value) in known {
        if let Some((_, cell)) = COLUMNS.iter().zip(&mut cells).find(|(column, _)| **column == name) {
            *cell = value;
        }
    }
    cells
}

fn finding(number: usize, finding: &Finding, location: &Location) -> [String; 26] {
    let kind = &finding.kind;
    let own = [
        ("type", "finding".to_owned()),
        ("finding", number.to_string()),
        ("severity", finding.severity.as_str().to_owned()),
        ("confidence", finding.confidence.as_str().to_owned()),
        ("rule", kind.rule.to_string()),
        ("title", kind.title.to_string()),
        ("provider", kind.provider.to_string()),
        ("redacted", finding.redacted().to_string()),
        ("fingerprint", finding.fingerprint.as_ref().map(|f| f.as_str().to_owned()).unwrap_or_default()),
        ("why", reasons(finding).join("; ")),
        ("advice", kind.advice.to_string()),
        ("docs", kind.docs.to_string()),
    ];
    cells(own.into_iter().chain(place(location)).chain(finding.verification.iter().flat_map(|v| asked(v))))
}

/// Another part of a credential: its own rule, its name as the title.
fn companion(number: usize, finding: &Finding, companion: &Companion) -> [String; 26] {
    let own = [
        ("type", "companion".to_owned()),
        ("finding", number.to_string()),
        ("rule", companion.kind.as_ref().map(|k| k.rule.to_string()).unwrap_or_default()),
        ("title", companion.name.to_string()),
        ("provider", finding.kind.provider.to_string()),
        ("redacted", companion.redacted().to_string()),
    ];
    cells(own.into_iter().chain(place(&companion.location)))
}

/// What an issuer said: the verdict, why it is not known, when it was asked, and whose it is.
fn asked(asked: &Verification) -> [(&'static str, String); 4] {
    let why = match asked.verdict {
        Verdict::Unknown(why) => why.as_str(),
        _ if asked.is_uncontrolled() => "uncontrolled",
        _ => "",
    };
    let holder = asked.identity.told().map(|(name, values)| {
        let values: Vec<String> = values.into_iter().map(terminal).collect();
        format!("{name}: {}", values.join(", "))
    });
    let holder: Vec<String> = holder.collect();
    [
        ("verdict", asked.verdict.as_str().to_owned()),
        ("verdict_why", why.to_owned()),
        ("asked", zoned(asked.asked)),
        ("holder", holder.join("; ")),
    ]
}

/// Who uses a secret: its name as the title, and where as the reason.
fn used(one: &Use, at: &Location) -> [String; 26] {
    let own = [
        ("type", "use".to_owned()),
        ("confidence", one.confidence.as_str().to_owned()),
        ("title", terminal(&one.name)),
        ("provider", one.system.title().to_owned()),
        ("why", one.context.words()),
    ];
    cells(own.into_iter().chain(place(at)))
}

/// A row about a path and no finding.
fn about(what: &str, title: String, path: &Untrusted, why: &str) -> [String; 26] {
    cells([("type", what.to_owned()), ("title", title), ("path", terminal(path)), ("why", why.to_owned())])
}

/// Where something stands.
fn place(location: &Location) -> [(&'static str, String); 10] {
    let commit = location.commit.as_ref();
    [
        ("path", terminal(&location.path)),
        ("line", location.line.to_string()),
        ("column", location.column.to_string()),
        ("end_line", location.end_line.to_string()),
        ("end_column", location.end_column.to_string()),
        ("commit", commit.map(|c| c.id.to_string()).unwrap_or_default()),
        ("author", commit.map(|c| terminal(&c.author)).unwrap_or_default()),
        ("date", commit.map(|c| zoned(c.date)).unwrap_or_default()),
        ("presence", location.history.as_ref().map(|h| h.presence.as_str().to_owned()).unwrap_or_default()),
        ("part", location.part.as_str().to_owned()),
    ]
}

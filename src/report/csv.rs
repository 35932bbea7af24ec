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

fn finding(number: usize, finding: &Finding, location: &Location) -> [String; 26] {
    let kind = &finding.kind;
    let [path, line, column, end_line, end_column, commit, author, date, presence, part] = place(location);
    let [word, why, at, holder] = finding.verification.as_deref().map(asked).unwrap_or_default();
    [
        "finding".to_owned(),
        number.to_string(),
        finding.severity.as_str().to_owned(),
        finding.confidence.as_str().to_owned(),
        kind.rule.to_string(),
        kind.title.to_string(),
        kind.provider.to_string(),
        finding.redacted().to_string(),
        finding.fingerprint.as_ref().map(|f| f.as_str().to_owned()).unwrap_or_default(),
        path,
        line,
        column,
        end_line,
        end_column,
        commit,
        author,
        date,
        presence,
        part,
        reasons(finding).join("; "),
        kind.advice.to_string(),
        kind.docs.to_string(),
        word,
        why,
        at,
        holder,
    ]
}

/// Another part of a credential: its own rule, its name as the title.
fn companion(number: usize, finding: &Finding, companion: &Companion) -> [String; 26] {
    let none = String::new;
    let [path, line, column, end_line, end_column, commit, author, date, presence, part] = place(&companion.location);
    [
        "companion".to_owned(),
        number.to_string(),
        none(),
        none(),
        companion.kind.as_ref().map(|k| k.rule.to_string()).unwrap_or_default(),
        companion.name.to_string(),
        finding.kind.provider.to_string(),
        companion.redacted().to_string(),
        none(),
        path,
        line,
        column,
        end_line,
        end_column,
        commit,
        author,
        date,
        presence,
        part,
        none(),
        none(),
        none(),
        none(),
        none(),
        none(),
        none(),
    ]
}

/// What an issuer said: the verdict, why it is not known, when it was asked, and whose it is.
fn asked(asked: &Verification) -> [String; 4] {
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
    [asked.verdict.as_str().to_owned(), why.to_owned(), zoned(asked.asked), holder.join("; ")]
}

/// A row about a path and no finding.
fn about(what: &str, title: String, path: &Untrusted, why: &str) -> [String; 26] {
    let mut cells: [String; 26] = Default::default();
    for (name, cell) in COLUMNS.iter().zip(&mut cells) {
        match *name {
            "type" => what.clone_into(cell),
            "title" => cell.clone_from(&title),
            "path" => *cell = terminal(path),
            "why" => why.clone_into(cell),
            _ => {}
        }
    }
    cells
}

/// The cells from `path` to `part`.
fn place(location: &Location) -> [String; 10] {
    let commit = location.commit.as_ref();
    [
        terminal(&location.path),
        location.line.to_string(),
        location.column.to_string(),
        location.end_line.to_string(),
        location.end_column.to_string(),
        commit.map(|c| c.id.to_string()).unwrap_or_default(),
        commit.map(|c| terminal(&c.author)).unwrap_or_default(),
        commit.map(|c| zoned(c.date)).unwrap_or_default(),
        location.history.as_ref().map(|h| h.presence.as_str().to_owned()).unwrap_or_default(),
        location.part.as_str().to_owned(),
    ]
}

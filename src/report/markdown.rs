//! Markdown, for a comment on a pull request or a step's summary: what was found in a table, what was not read, what to
//! do.
//!
//! It is cut at what a comment takes, the smaller of the two. Nothing from outside is a link, an image, a mention or a
//! reference in it: names stand in code spans. A comment is read by many: it never has a whole secret.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::escape::{markdown, markdown_code, terminal};
use super::plain::place;
use super::words::{headline, left_out, shortfalls, verdict};
use crate::model::{Coverage, Finding, Report, counted};

/// The most characters that GitHub takes for a comment. They are counted as bytes, which are never fewer.
const COMMENT: usize = 65_536;

/// What the lines may take that say how much is not shown.
const TAIL: usize = 512;

/// How many gaps are named, and how many notices.
const GAPS: usize = 20;

/// How many kinds of secrets have their advice.
const KINDS: usize = 20;

/// The most characters of a cell, or of a line of advice.
const CELL: usize = 240;

/// Writes the report.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut head = heading(report);
    coverage(&report.coverage, &mut head);
    let mut end = String::new();
    advice(report, &mut end);
    let mut room = COMMENT.saturating_sub(head.len() + end.len() + TAIL);
    out.write_all(head.as_bytes())?;
    if !report.findings.is_empty() {
        out.write_all(b"\n| severity | what | where | fingerprint |\n|---|---|---|---|\n")?;
    }
    let mut shown = 0;
    for finding in &report.findings {
        let row = row(finding);
        if row.len() > room {
            break;
        }
        room -= row.len();
        shown += 1;
        out.write_all(row.as_bytes())?;
    }
    let rest = report.findings.len() - shown;
    if rest > 0 {
        writeln!(out, "\n{} not shown here.", counted(rest as u64, "more finding is", "more findings are"))?;
    }
    out.write_all(end.as_bytes())
}

fn heading(report: &Report) -> String {
    let verdict = match (report.findings.is_empty(), report.coverage.is_complete()) {
        (true, true) => "quell found no secrets",
        (true, false) => "quell found no secrets in what it could read",
        (false, _) => "quell found secrets",
    };
    let mut out = format!("### {verdict}\n\n{}.\n", headline(report));
    for line in shortfalls(&report.coverage) {
        out.push_str(&format!("\n**{line}**\n"));
    }
    out
}

/// What was not read, what else to know, and what was left out.
fn coverage(coverage: &Coverage, out: &mut String) {
    if !coverage.is_complete() {
        out.push('\n');
    }
    for gap in coverage.gaps.iter().take(GAPS) {
        let path = markdown_code(&cut(&terminal(&gap.path)));
        out.push_str(&format!("- not read: {path}: {}\n", markdown(&cut(&gap.why))));
    }
    let more = coverage.gaps.len().saturating_sub(GAPS);
    if more > 0 {
        out.push_str(&format!("- and {}\n", counted(more as u64, "more item", "more items")));
    }
    if !coverage.notices.is_empty() {
        out.push('\n');
    }
    for notice in coverage.notices.iter().take(GAPS) {
        let path = markdown_code(&cut(&terminal(&notice.path)));
        out.push_str(&format!("- note: {path}: {}\n", markdown_code(&cut(&notice.text))));
    }
    let more = coverage.notices.len().saturating_sub(GAPS);
    if more > 0 {
        out.push_str(&format!("- and {}\n", counted(more as u64, "more note", "more notes")));
    }
    if let Some(line) = left_out(coverage) {
        out.push_str(&format!("\n{line}\n"));
    }
}

fn row(finding: &Finding) -> String {
    let title = markdown(&cut(&finding.kind.title));
    let shown = markdown_code(&finding.redacted().to_string());
    let at = finding.locations.first().map(|first| markdown_code(&cut(&place(first)))).unwrap_or_default();
    let at = match finding.locations.len().saturating_sub(1) {
        0 => at,
        more => format!("{at} and {}", counted(more as u64, "more place", "more places")),
    };
    let id = finding.fingerprint.as_ref().map(|f| markdown_code(f.as_str())).unwrap_or_default();
    let is = finding.verification.as_ref().map(|asked| format!("<br>{}", markdown_code(&cut(&verdict(asked)))));
    format!("| {} | {title} {shown}{} | {at} | {id} |\n", finding.severity.as_str(), is.unwrap_or_default())
}

/// What to do, once for each kind of secret, the most severe first.
fn advice(report: &Report, out: &mut String) {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut first: Vec<&Finding> = Vec::new();
    for finding in &report.findings {
        let known = kinds.len();
        kinds.entry(&finding.kind.rule).or_insert(known);
        if kinds.len() > known && known < KINDS {
            first.push(finding);
        }
    }
    if first.is_empty() {
        return;
    }
    out.push_str(
        "\n**What to do**: what was pushed is known to others; take it out of use first, then out of the files.\n\n",
    );
    for finding in first {
        let (title, advice) = (markdown(&cut(&finding.kind.title)), markdown(&cut(&finding.kind.advice)));
        out.push_str(&format!("- {title}: {advice}\n"));
    }
    let more = kinds.len().saturating_sub(KINDS);
    if more > 0 {
        out.push_str(&format!("- and {}\n", counted(more as u64, "more kind of secret", "more kinds of secrets")));
    }
}

/// The start of a text that is long.
fn cut(text: &str) -> String {
    let text = &text.replace(['\n', '\r'], " ");
    match text.char_indices().nth(CELL) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.clone(),
    }
}

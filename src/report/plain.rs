//! Plain text, for people: what, where, why it is believed, what to do.

use std::io::{self, Write};

use super::Style;
use super::consumers::table;
use super::escape::{terminal, terminal_str};
use super::reveal::reveal;
use super::why::reasons;
use super::words::{headline, left_out, shortfalls, verdict};
use crate::model::{CommitRef, Finding, InHistory, Location, Part, Presence, Report, Severity, counted};

/// How many places of a finding are listed.
const PLACES: usize = 10;

/// Writes the findings, then the summary.
pub(super) fn write(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let bold = if style.color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    table(&report.consumers, bold, out)?;
    findings(report, style, out)?;
    summary(report, out)
}

/// Writes the findings alone.
///
/// # Errors
/// The writer's.
pub fn findings(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    for finding in &report.findings {
        self::finding(finding, style, out)?;
        writeln!(out)?;
    }
    Ok(())
}

fn finding(finding: &Finding, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let shown = reveal(&finding.secret, style).map_or_else(|| finding.redacted().to_string(), |s| terminal_str(&s));
    let (paint, plain) = if style.color { (color(finding.severity), "\x1b[0m") } else { ("", "") };
    let bold = if style.color { "\x1b[1m" } else { "" };
    writeln!(
        out,
        "{paint}{:<8}{plain} {bold}{}{plain}  {}",
        finding.severity.as_str(),
        terminal_str(&finding.kind.title),
        shown.trim_end()
    )?;
    for location in finding.locations.iter().take(PLACES) {
        writeln!(out, "  where  {}", place(location))?;
    }
    let more = finding.locations.len().saturating_sub(PLACES);
    if more > 0 {
        writeln!(out, "         and {}", counted(more as u64, "more place", "more places"))?;
    }
    for part in &finding.companions {
        let shown = reveal(&part.secret, style).map_or_else(|| part.redacted().to_string(), |s| terminal_str(&s));
        let name = terminal_str(&part.name.replace('_', " "));
        writeln!(out, "  with   {name} {shown}, {}", place(&part.location))?;
    }
    if let Some(asked) = &finding.verification {
        writeln!(out, "  is     {}", terminal_str(&verdict(asked)))?;
    }
    writeln!(out, "  why    {}", terminal_str(&reasons(finding).join("; ")))?;
    writeln!(out, "  do     {}", terminal_str(&finding.kind.advice))?;
    match &finding.fingerprint {
        Some(fingerprint) => writeln!(out, "  id     {}", fingerprint.as_str()),
        None => Ok(()),
    }
}

/// A place for people.
#[must_use]
pub fn place(location: &Location) -> String {
    let commit = location.commit.as_ref().map(|c| format!(" in {}", commit(c))).unwrap_or_default();
    let presence = location.history.as_ref().map(|h| format!("{}: ", presence(h))).unwrap_or_default();
    let path = terminal(&location.path);
    match location.part {
        Part::FileName => format!("{presence}the name of {path}{commit}"),
        _ => format!("{presence}{path}:{}:{}{commit}", location.line, location.column),
    }
}

/// Whether what stands in a history can still be had, for people.
fn presence(history: &InHistory) -> String {
    let tip = || history.tips.first().map(|tip| terminal(tip).to_string()).unwrap_or_default();
    match history.presence {
        Presence::Head => "still at HEAD".to_owned(),
        Presence::Tip => format!("still at {}", tip()),
        Presence::History => "in history".to_owned(),
        Presence::Log => "in a reflog alone".to_owned(),
        Presence::Unreachable => "in no branch, not yet removed".to_owned(),
    }
}

/// A commit for people: the start of its id, whose it is, and the day.
fn commit(commit: &CommitRef) -> String {
    let id: String = commit.id.to_string().chars().take(12).collect();
    let day = time::OffsetDateTime::from_unix_timestamp(commit.date)
        .map_or_else(|_| "?".to_owned(), |t| t.date().to_string());
    format!("commit {id} ({}, {day})", terminal(&commit.author))
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

/// Writes what was found in a line, what was left out in another, and every gap.
///
/// # Errors
/// The writer's.
pub fn summary(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    coverage(report, out)?;
    let coverage = &report.coverage;
    let ends = left_out(coverage).into_iter().chain([headline(report)]).chain(shortfalls(coverage));
    for line in ends {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Writes every gap and every note.
///
/// # Errors
/// The writer's.
pub fn coverage(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let coverage = &report.coverage;
    for gap in &coverage.gaps {
        writeln!(out, "not read: {}: {}", terminal(&gap.path), terminal_str(&gap.why))?;
    }
    for notice in &coverage.notices {
        writeln!(out, "note: {}: {}", terminal(&notice.path), terminal_str(&notice.text))?;
    }
    Ok(())
}

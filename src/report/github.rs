//! Annotations of GitHub's workflow commands: the lines of a change that have secrets are marked.
//!
//! GitHub shows ten annotations of a level for a step. Findings come most severe first, as they do in every report; what
//! was not read is a warning, and keeps room among them; the last line counts what is not shown. Logs are read by many:
//! they never have whole secrets.

use std::io::{self, Write};

use super::escape::{command, command_property, terminal};
use super::plain::place;
use super::words::verdict;
use crate::model::{Finding, Gap, Location, Part, Presence, Report, Severity, counted};

/// How many annotations of a level GitHub shows for a step.
const SHOWN: usize = 10;

/// How many of the warnings what was not read takes from findings, at most.
const GAPS: usize = 3;

/// Writes the report.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let gaps = &report.coverage.gaps;
    // A notice is kept for the last line.
    let mut room = [("error", SHOWN), ("warning", SHOWN - gaps.len().min(GAPS)), ("notice", SHOWN - 1)];
    let mut left_out = 0;
    for finding in &report.findings {
        let level = level(finding.severity);
        let Some((_, room)) = room.iter_mut().find(|(of, _)| *of == level) else { continue };
        for location in finding.locations.iter().take(*room) {
            annotation(level, finding, location, out)?;
        }
        left_out += finding.locations.len().saturating_sub(*room);
        *room = room.saturating_sub(finding.locations.len());
    }
    let room = room.iter().find(|(of, _)| *of == "warning").map_or(0, |(_, room)| room + gaps.len().min(GAPS));
    for gap in gaps.iter().take(room) {
        unread(gap, out)?;
    }
    let unread = gaps.len().saturating_sub(room);
    let mut rest = Vec::new();
    if left_out > 0 {
        rest.push(counted(left_out as u64, "more place of a secret", "more places of secrets"));
    }
    if unread > 0 {
        rest.push(format!("{} not read", counted(unread as u64, "more item", "more items")));
    }
    if rest.is_empty() {
        return Ok(());
    }
    let rest = format!("not shown here: {}; the other reports name them", rest.join(" and "));
    writeln!(out, "::notice title=quell::{}", command(&rest))
}

fn annotation(level: &str, finding: &Finding, location: &Location, out: &mut dyn Write) -> io::Result<()> {
    let kind = &finding.kind;
    let mut properties = Vec::new();
    // A line of another version is not that of the file.
    let there = location.history.as_ref().is_none_or(|h| h.presence == Presence::Head);
    if location.part == Part::File && there {
        properties.push(format!("file={}", command_property(&location.path)));
        properties.push(format!("line={},endLine={}", location.line, location.end_line));
        // GitHub takes columns within a line alone.
        if location.line == location.end_line {
            properties.push(format!("col={},endColumn={}", location.column, location.end_column));
        }
    } else if location.part == Part::FileName && there {
        properties.push(format!("file={}", command_property(&location.path)));
    }
    properties.push(format!("title={}", command_property(kind.title.as_ref())));
    let is = finding.verification.as_ref().map(|asked| format!(" It is {}.", verdict(asked))).unwrap_or_default();
    let message = format!("{} {} in {}.{is} {}", kind.title, finding.redacted(), place(location), kind.advice);
    writeln!(out, "::{level} {}::{}", properties.join(","), command(&message))
}

fn unread(gap: &Gap, out: &mut dyn Write) -> io::Result<()> {
    let message = format!("not read ({}): {}: {}", gap.kind.as_str(), terminal(&gap.path), gap.why);
    writeln!(out, "::warning title=quell%3A incomplete scan::{}", command(&message))
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "notice",
    }
}

//! Plain text, for people: what, where, why it is believed, what to do.

use std::io::{self, Write};

use super::Style;
use super::escape::{terminal, terminal_str};
use super::reveal::reveal;
use crate::model::{Fact, Finding, Location, Report, Severity, SkipReason};

/// How many places of a finding are listed.
const PLACES: usize = 10;

/// Writes the findings, then the summary.
pub(super) fn write(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
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
    let shown = reveal(&finding.secret, style).map_or_else(|| finding.redacted.to_string(), |s| terminal_str(&s));
    let (paint, plain) = if style.color { (color(finding.severity), "\x1b[0m") } else { ("", "") };
    let bold = if style.color { "\x1b[1m" } else { "" };
    writeln!(
        out,
        "{paint}{:<8}{plain} {bold}{}{plain}  {}",
        finding.severity.as_str(),
        finding.title,
        shown.trim_end()
    )?;
    for location in finding.locations.iter().take(PLACES) {
        writeln!(out, "  where  {}", place(location))?;
    }
    if finding.locations.len() > PLACES {
        writeln!(out, "         and {} more places", finding.locations.len() - PLACES)?;
    }
    for part in &finding.companions {
        let shown = reveal(&part.secret, style).map_or_else(|| part.redacted.to_string(), |s| terminal_str(&s));
        writeln!(out, "  with   {} {}, {}", part.name.replace('_', " "), shown, place(&part.location))?;
    }
    writeln!(out, "  why    {}", reasons(finding).join("; "))?;
    writeln!(out, "  do     {}", finding.advice)?;
    match &finding.fingerprint {
        Some(fingerprint) => writeln!(out, "  id     {}", fingerprint.as_str()),
        None => Ok(()),
    }
}

fn place(location: &Location) -> String {
    format!("{}:{}:{}", terminal(&location.path), location.line, location.column)
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

/// Why a finding is believed and judged as it is, in phrases.
pub(super) fn reasons(finding: &Finding) -> Vec<String> {
    let mut out = vec![format!("rule {}, {} confidence", finding.rule, finding.confidence.as_str())];
    if !finding.other_rules.is_empty() {
        out.push(format!("also {}", finding.other_rules.join(", ")));
    }
    out.extend(finding.facts.iter().map(|fact| match fact {
        Fact::ChecksumHolds => "its checksum holds".to_owned(),
        Fact::AwsAccount(account) => format!("AWS account {account}"),
        Fact::Expires(at) => format!("expires on {}", day(*at)),
        Fact::Expired(at) => format!("expired on {}", day(*at)),
        Fact::Unsigned => "without a signature".to_owned(),
        Fact::Encrypted => "needs a passphrase".to_owned(),
        Fact::TestPath => "in a test, an example or documentation".to_owned(),
        Fact::DocumentedExample => "a value that its provider publishes as an example".to_owned(),
        Fact::PartMissing(name) => format!("its {} was not found near it", name.replace('_', " ")),
    }));
    out
}

/// The day of a time in seconds since 1970, UTC.
fn day(at: i64) -> String {
    time::OffsetDateTime::from_unix_timestamp(at)
        .map_or_else(|_| "an impossible date".to_owned(), |t| t.date().to_string())
}

/// Writes what was found in a line, what was left out in another, and every gap.
///
/// # Errors
/// The writer's.
pub fn summary(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let coverage = &report.coverage;
    for gap in &coverage.gaps {
        writeln!(out, "not read: {}: {}", terminal(&gap.path), terminal_str(&gap.why))?;
    }
    for notice in &coverage.notices {
        writeln!(out, "note: {}: {}", terminal(&notice.path), terminal_str(&notice.text))?;
    }
    let left_out: Vec<String> = coverage
        .skipped
        .iter()
        .map(|(reason, s)| {
            let what = match reason {
                SkipReason::Symlink => "links",
                SkipReason::SpecialFile => "special files",
                SkipReason::Ignored => "ignored",
                SkipReason::Excluded => "excluded",
                SkipReason::GitDirectory => "git objects",
            };
            match (s.files, s.directories) {
                (files, 0) => format!("{what} {files}"),
                (0, directories) => format!("{what} {}", counted(directories, "directory", "directories")),
                (files, directories) => {
                    format!("{what} {files} and {}", counted(directories, "directory", "directories"))
                }
            }
        })
        .collect();
    if !left_out.is_empty() {
        writeln!(out, "left out by design: {}", left_out.join(", "))?;
    }
    let findings = counted(report.findings.len() as u64, "finding", "findings");
    let read =
        format!("{} ({}) and {} rules", counted(coverage.files, "file", "files"), size(coverage.bytes), report.rules);
    let mut more = Vec::new();
    if report.below_confidence > 0 {
        more.push(format!("{} of lower confidence not shown", report.below_confidence));
    }
    if report.suppressed > 0 {
        more.push(format!("{} suppressed", report.suppressed));
    }
    let more = if more.is_empty() { String::new() } else { format!("; {}", more.join(", ")) };
    writeln!(out, "{findings} in {read}{more}")?;
    if coverage.files == 0 {
        writeln!(out, "nothing was scanned")?;
    }
    if !coverage.is_complete() {
        writeln!(out, "INCOMPLETE: {} not read", counted(coverage.gaps.len() as u64, "item", "items"))?;
    }
    Ok(())
}

fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// A number of bytes for people, in powers of a thousand.
fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    units.iter().find(|(unit, _)| bytes >= *unit).map_or_else(
        || format!("{bytes} B"),
        |(unit, name)| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
    )
}

//! JUnit XML, for servers that show tests: a suite for each rule, and a failed case for each place.
//!
//! What was not read is a case with an error, so that an incomplete scan is not green; where nothing was found, one case
//! has passed, since a report without cases is taken for one that is missing. Such reports are shown to everybody who
//! sees a pipeline: they never have whole secrets.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::escape::xml;
use super::plain::place;
use super::why::reasons;
use super::words::verdict;
use crate::model::{Coverage, Finding, Location, Part, Report};

/// Writes the report.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut suites: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        suites.entry(&finding.kind.rule).or_default().push(finding);
    }
    let failures: usize = report.findings.iter().map(|f| f.locations.len()).sum();
    let errors = report.coverage.gaps.len();
    let passed = usize::from(report.findings.is_empty());
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites{}>", counts("quell", passed, failures, errors))?;
    for (rule, findings) in suites {
        let failures = findings.iter().map(|f| f.locations.len()).sum();
        writeln!(out, "  <testsuite{}>", counts(rule, 0, failures, 0))?;
        for finding in findings {
            for location in &finding.locations {
                failure(finding, location, out)?;
            }
        }
        writeln!(out, "  </testsuite>")?;
    }
    if passed > 0 {
        writeln!(out, "  <testsuite{}>", counts("findings", passed, 0, 0))?;
        writeln!(out, "    <testcase classname=\"quell.findings\" name=\"no secrets in what was read\" time=\"0\"/>")?;
        writeln!(out, "  </testsuite>")?;
    }
    unread(&report.coverage, out)?;
    writeln!(out, "</testsuites>")
}

/// The attributes of a suite. No case takes a time of its own.
fn counts(name: &str, passed: usize, failures: usize, errors: usize) -> String {
    let tests = passed + failures + errors;
    format!(" name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"0\"", xml(name))
}

fn failure(finding: &Finding, location: &Location, out: &mut dyn Write) -> io::Result<()> {
    let (kind, place) = (&finding.kind, place(location));
    let name = format!("{} in {place}", kind.title);
    write!(out, "    <testcase classname=\"quell.{}\" name=\"{}\"", xml(kind.rule.as_ref()), xml(&name))?;
    if location.part == Part::File {
        write!(out, " file=\"{}\" line=\"{}\"", xml(&location.path), location.line)?;
    }
    let message = format!("{} {}", kind.title, finding.redacted());
    writeln!(out, " time=\"0\">")?;
    write!(out, "      <failure message=\"{}\" type=\"{}\">", xml(&message), finding.severity.as_str())?;
    let mut line = |label: &str, text: &str| writeln!(out, "{label:<6} {}", xml(text));
    line("where", &place)?;
    for part in &finding.companions {
        let what = format!("{} {}", part.name.replace('_', " "), part.redacted());
        line("with", &format!("{what}, {}", self::place(&part.location)))?;
    }
    if let Some(asked) = &finding.verification {
        line("is", &verdict(asked))?;
    }
    line("why", &reasons(finding).join("; "))?;
    line("do", &kind.advice)?;
    if let Some(fingerprint) = &finding.fingerprint {
        line("id", fingerprint.as_str())?;
    }
    writeln!(out, "</failure>\n    </testcase>")
}

/// A case with an error for each gap.
fn unread(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    if coverage.is_complete() {
        return Ok(());
    }
    writeln!(out, "  <testsuite{}>", counts("coverage", 0, 0, coverage.gaps.len()))?;
    for gap in &coverage.gaps {
        let (path, why) = (xml(&gap.path), xml(&gap.why));
        writeln!(out, "    <testcase classname=\"quell.coverage\" name=\"{path} is read: {why}\" time=\"0\">")?;
        writeln!(out, "      <error message=\"not read: {why}\" type=\"{}\"/>", gap.kind.as_str())?;
        writeln!(out, "    </testcase>")?;
    }
    writeln!(out, "  </testsuite>")
}

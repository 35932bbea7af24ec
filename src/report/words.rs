//! The sentences about a scan that several formats have in common. They hold nothing from outside.

use super::when::zoned;
use crate::model::{Coverage, Report, SkipReason, Untrusted, Verdict, Verification, counted};

/// What was found in what, on a line.
pub(super) fn headline(report: &Report) -> String {
    let coverage = &report.coverage;
    let findings = counted(report.findings.len() as u64, "finding", "findings");
    let files = match coverage.objects {
        0 => counted(coverage.files, "file", "files"),
        objects => counted(objects, "object", "objects"),
    };
    let rules = counted(report.rules, "rule", "rules");
    let read = format!("{files} ({}) and {rules}", size(coverage.bytes));
    let live = report.findings.iter().filter(|f| f.verification.as_ref().is_some_and(|v| v.verdict.is_live())).count();
    let mut more = Vec::new();
    if report.findings.iter().any(|f| f.verification.is_some()) {
        more.push(format!("{live} live"));
    }
    if report.below_confidence > 0 {
        more.push(format!("{} of lower confidence not shown", report.below_confidence));
    }
    if report.suppressed > 0 {
        more.push(format!("{} suppressed", report.suppressed));
    }
    let more = if more.is_empty() { String::new() } else { format!("; {}", more.join(", ")) };
    format!("{findings} in {read}{more}")
}

/// What an issuer said, in a line. It holds what the issuer said of the holder: it passes the sink's escaper as what comes from
/// outside does.
pub(super) fn verdict(asked: &Verification) -> String {
    let lossy = |value: &Untrusted| String::from_utf8_lossy(value.raw()).into_owned();
    let mut out = match asked.verdict {
        Verdict::Live => "LIVE".to_owned(),
        Verdict::LiveLimited => "LIVE, with reduced access".to_owned(),
        Verdict::Blocked => "blocked: it is right, and locked".to_owned(),
        Verdict::Dead if asked.absent => "dead: the server where it worked holds no such credential".to_owned(),
        Verdict::Dead => "dead: its issuer refuses it for good".to_owned(),
        Verdict::Indistinct if asked.absent => {
            "refused: the server holds no such credential, and may never have".to_owned()
        }
        Verdict::Indistinct => "refused, as wrong, locked and revoked ones alike".to_owned(),
        Verdict::Unknown(why) => format!("unknown: {}", why.sentence()),
        Verdict::NoVerifier => "unknown: no recipe says how to ask".to_owned(),
    };
    if !asked.controlled {
        out.push_str(" (uncontrolled: no made-up one could be tried)");
    }
    // What would read as more than a value stands between quotes.
    let quoted = |value: String| if value.contains([';', ',', '"']) { format!("{value:?}") } else { value };
    for (name, values) in asked.identity.told() {
        let values: Vec<String> = values.into_iter().map(lossy).map(quoted).collect();
        out.push_str(&format!("; {} {}", name.replace('_', " "), values.join(", ")));
    }
    if !asked.host.raw().is_empty() {
        let again = if asked.cached { ", by an earlier run" } else { "" };
        let asked_or_tried = if asked.verdict.is_had() { "asked" } else { "tried" };
        out.push_str(&format!("; {asked_or_tried} {} at {}{again}", lossy(&asked.host), zoned(asked.asked)));
    }
    out
}

/// That nothing was scanned, or not all, where that is so.
pub(super) fn shortfalls(coverage: &Coverage) -> Vec<String> {
    let mut out = Vec::new();
    if coverage.files + coverage.objects == 0 {
        out.push("nothing was scanned".to_owned());
    }
    if !coverage.is_complete() {
        out.push(format!("INCOMPLETE: {} not read", counted(coverage.gaps.len() as u64, "item", "items")));
    }
    out
}

/// What was left out by design, where something was.
pub(super) fn left_out(coverage: &Coverage) -> Option<String> {
    let each = coverage.skipped.iter().map(|(reason, s)| {
        let what = match reason {
            SkipReason::Symlink => "links",
            SkipReason::SpecialFile => "special files",
            SkipReason::Ignored => "ignored",
            SkipReason::Excluded => "excluded",
            SkipReason::GitDirectory => "git objects",
            SkipReason::Submodule => "submodules",
            SkipReason::Archived => "archived",
            SkipReason::Fork => "forks",
        };
        match (s.files, s.directories) {
            (files, 0) => format!("{what} {files}"),
            (0, directories) => format!("{what} {}", counted(directories, "directory", "directories")),
            (files, directories) => {
                format!("{what} {files} and {}", counted(directories, "directory", "directories"))
            }
        }
    });
    let each: Vec<String> = each.collect();
    (!each.is_empty()).then(|| format!("left out by design: {}", each.join(", ")))
}

/// A number of bytes for people, in powers of a thousand.
fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    units.iter().find(|(unit, _)| bytes >= *unit).map_or_else(
        || format!("{bytes} B"),
        |(unit, name)| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
    )
}

//! What a target may say for itself: suppressions in its `.quell.toml`, and nothing else.
//!
//! Every other key in it is reported and ignored: a scanned tree changes neither what is looked for nor whom quell
//! talks to.

use std::path::Path;

use serde::Deserialize;

use crate::model::{Coverage, Fingerprint, Report, Untrusted};

/// The file's name.
pub(super) const FILE: &str = ".quell.toml";

/// A finding that somebody decided about.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Suppression {
    fingerprint: String,
    reason: String,
    /// The last day that it holds on.
    expires: Option<toml::value::Date>,
    #[serde(default, rename = "author")]
    _author: Option<String>,
}

/// Reads the suppressions of a target and takes the findings that they name out of the report; `refuse` is
/// `--no-target-ignores`. `today` is year, month and day.
pub(super) fn apply(target: &Path, refuse: bool, today: (u16, u8, u8), report: &mut Report) {
    let file = target.join(FILE);
    let shown = Untrusted::from(file.to_string_lossy().trim_start_matches("./"));
    let regular = file.symlink_metadata().is_ok_and(|m| m.is_file() && m.len() <= 1 << 20);
    let Some(text) = regular.then(|| std::fs::read_to_string(&file).ok()).flatten() else { return };
    let table: toml::Table = match toml::from_str(&text) {
        Ok(table) => table,
        Err(e) => {
            return report
                .coverage
                .notice(&shown, format!("it cannot be read, so nothing of it holds: {}", e.message()));
        }
    };
    for key in table.keys().filter(|k| *k != "suppress") {
        report.coverage.notice(&shown, format!("`{key}` is ignored: in a target only `suppress` counts; put the rest into a file of your own and name it with --config"));
    }
    let entries = table.get("suppress").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    if refuse && !entries.is_empty() {
        return report
            .coverage
            .notice(&shown, format!("its {} suppressions are refused by --no-target-ignores", entries.len()));
    }
    for entry in entries {
        match entry.try_into::<Suppression>() {
            Ok(suppression) => suppress(&suppression, today, &shown, report),
            Err(e) => report.coverage.notice(&shown, format!("a suppression does not hold: {}", e.message())),
        }
    }
}

fn suppress(entry: &Suppression, today: (u16, u8, u8), shown: &Untrusted, report: &mut Report) {
    let coverage: &mut Coverage = &mut report.coverage;
    let Some(fingerprint) = Fingerprint::parse(&entry.fingerprint) else {
        return coverage
            .notice(shown, format!("a suppression does not hold: `{}` is no fingerprint", entry.fingerprint));
    };
    if entry.reason.trim().is_empty() {
        return coverage
            .notice(shown, format!("the suppression of {} does not hold: it gives no reason", fingerprint.as_str()));
    }
    if entry.expires.is_some_and(|d| (d.year, d.month, d.day) < today) {
        return coverage.notice(shown, format!("the suppression of {} has expired", fingerprint.as_str()));
    }
    let before = report.findings.len();
    report.findings.retain(|f| f.fingerprint.as_ref() != Some(&fingerprint));
    let taken = before - report.findings.len();
    if taken == 0 {
        return coverage.notice(shown, format!("the suppression of {} matches nothing", fingerprint.as_str()));
    }
    report.suppressed += taken as u64;
}

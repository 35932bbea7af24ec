//! What a target may say for itself: suppressions in its `.quell.toml`, and nothing else.
//!
//! Every other key in it is reported and ignored: a scanned tree changes neither what is looked for nor whom quell
//! talks to.

use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::Deserialize;

use crate::model::{Finding, Fingerprint, Location, Report, Untrusted};

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

/// Reads the suppressions of a target and takes the places that they name out of the report, as far as they lie in that
/// target; `refuse` is `--no-target-ignores`. `today` is year, month and day.
///
/// Nothing of the file is quoted but known words: somebody may have put the secret itself into it (invariant 1).
pub(super) fn apply(target: &Path, refuse: bool, today: (u16, u8, u8), report: &mut Report) {
    let file = target.join(FILE);
    let shown = Untrusted::new(file.as_os_str().as_bytes().strip_prefix(b"./").unwrap_or(file.as_os_str().as_bytes()));
    let regular = file.symlink_metadata().is_ok_and(|m| m.is_file() && m.len() <= 1 << 20);
    let Some(text) = regular.then(|| std::fs::read_to_string(&file).ok()).flatten() else { return };
    let mut notice = |text: String| report.coverage.notice(&shown, text);
    let line =
        |at: Option<Range<usize>>| text.get(..at.map_or(0, |s| s.start)).map_or(0, |t| t.matches('\n').count()) + 1;
    let table: toml::Table = match toml::from_str(&text) {
        Ok(table) => table,
        Err(e) => return notice(format!("it is no TOML in line {}, so nothing of it holds", line(e.span()))),
    };
    for key in table.keys().filter(|k| *k != "suppress") {
        notice(format!(
            "{} is ignored: in a target only `suppress` counts; put the rest into a file of your own and name it with --config",
            named(key)
        ));
    }
    let entries = match table.get("suppress") {
        None => return,
        Some(toml::Value::Array(entries)) => entries.clone(),
        Some(_) => return notice("`suppress` does not hold: write each suppression as `[[suppress]]`".to_owned()),
    };
    if refuse && !entries.is_empty() {
        return notice(format!("its {} suppressions are refused by --no-target-ignores", entries.len()));
    }
    for (number, entry) in entries.into_iter().enumerate() {
        let held = read(entry).and_then(|s| check(&s, today)).and_then(|f| suppress(&f, target, report));
        if let Err(why) = held {
            report.coverage.notice(&shown, format!("suppression {} does not hold: {why}", number + 1));
        }
    }
}

/// A key as it may be shown: short words of letters are, anything else might be a secret.
fn named(key: &str) -> String {
    let word = key.len() <= 24 && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'-');
    if word { format!("`{key}`") } else { "a key that quell does not know".to_owned() }
}

fn read(entry: toml::Value) -> Result<Suppression, String> {
    let keys: Vec<String> = entry.as_table().map(|t| t.keys().map(|k| named(k)).collect()).unwrap_or_default();
    entry.try_into().map_err(|_| {
        let have = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
        format!("it needs `fingerprint` and `reason`, may have `expires` (a date) and `author`, and has {have}")
    })
}

/// The fingerprint of a suppression that holds today.
fn check(entry: &Suppression, today: (u16, u8, u8)) -> Result<Fingerprint, String> {
    let fingerprint = Fingerprint::parse(&entry.fingerprint).ok_or("its `fingerprint` is none")?;
    if entry.reason.trim().is_empty() {
        return Err("it gives no reason".to_owned());
    }
    if entry.expires.is_some_and(|d| (d.year, d.month, d.day) < today) {
        return Err(format!("that of {} has expired", fingerprint.as_str()));
    }
    Ok(fingerprint)
}

/// Takes a finding's places in the target out, and the finding with the last of them.
fn suppress(fingerprint: &Fingerprint, target: &Path, report: &mut Report) -> Result<(), String> {
    let named = |f: &Finding| f.fingerprint.as_ref() == Some(fingerprint);
    let inside = |l: &Location| is_below(l.path.raw(), target.as_os_str().as_bytes());
    if !report.findings.iter().any(|f| named(f) && f.locations.iter().any(inside)) {
        return Err(format!("that of {} matches nothing", fingerprint.as_str()));
    }
    for finding in report.findings.iter_mut().filter(|f| named(f)) {
        finding.locations.retain(|l| !inside(l));
    }
    let before = report.findings.len();
    report.findings.retain(|f| !f.locations.is_empty());
    report.suppressed += (before - report.findings.len()) as u64;
    Ok(())
}

/// Whether a path that a report shows lies below a target as it was named.
fn is_below(path: &[u8], target: &[u8]) -> bool {
    if matches!(target, b"." | b"./") {
        return !path.starts_with(b"/") && !path.starts_with(b"../");
    }
    let target = target.strip_suffix(b"/").unwrap_or(target);
    path.strip_prefix(target).is_some_and(|rest| rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_below_the_target_that_they_were_found_in() {
        for (path, target, below) in [
            ("a/b", ".", true),
            ("../a/b", ".", false),
            ("/a/b", "./", false),
            ("a/b", "a", true),
            ("a/b", "a/", true),
            ("ab/c", "a", false),
            ("/a/b", "/a", true),
            ("/b", "/", true),
            ("a", "a", false),
        ] {
            assert_eq!(is_below(path.as_bytes(), target.as_bytes()), below, "{path} {target}");
        }
    }
}

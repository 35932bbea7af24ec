//! Takes out of a report what suppressions name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Held;
use super::told::{sentence, tellable};
use crate::model::{Finding, Fingerprint, Report, Salt, Suppressed, SuppressionSource, Untrusted, counted};
use crate::rules::RuleSet;

/// How many salts of slow fingerprints are tried: each costs a slow hash for each password.
const SALTS: usize = 4;

/// Takes out what the suppressions name: `below` says whether a path lies below a directory, and `whole` whether all of a
/// directory was scanned.
pub(super) fn settle(
    held: &[Held],
    below: &dyn Fn(&Untrusted, &Path) -> bool,
    whole: &dyn Fn(Option<&Path>) -> bool,
    rules: &RuleSet,
    report: &mut Report,
) {
    if held.is_empty() {
        return;
    }
    let told = tellable(held, rules, &report.findings);
    let by_fingerprint = prints(&report.findings, held.iter().map(|held| &held.fingerprint));
    // Of each baseline: entries that took something out, places, and entries that match nothing.
    let mut baselines: BTreeMap<&Untrusted, (u64, u64, u64)> = BTreeMap::new();
    for (held, told) in held.iter().zip(told) {
        let mut places = 0;
        for index in by_fingerprint.get(held.fingerprint.as_str()).into_iter().flatten() {
            if let Some(finding) = report.findings.get_mut(*index) {
                let before = finding.locations.len();
                let speaks = |path: &Untrusted| held.directory.as_ref().is_none_or(|d| below(path, d));
                finding.locations.retain(|l| !speaks(&l.path));
                places += (before - finding.locations.len()) as u64;
            }
        }
        // Where only a part of the tree was asked for, the rest may well have it.
        let is_unused = places == 0 && whole(held.directory.as_deref());
        if held.source == SuppressionSource::Baseline {
            let counts = baselines.entry(&held.shown).or_default();
            counts.0 += u64::from(places > 0);
            counts.1 += places;
            counts.2 += u64::from(is_unused);
        } else if places > 0 {
            report.coverage.notice(&held.shown, sentence(held, told));
        } else if is_unused && held.source == SuppressionSource::File {
            let why = format!("that of {} matches nothing", held.fingerprint.as_str());
            report.coverage.notice(&held.shown, format!("suppression {} does not hold: {why}", held.number));
        }
        if places > 0 {
            report.suppressions.push(suppressed(held, told, places));
        }
    }
    for (shown, (used, places, unused)) in baselines {
        if used > 0 {
            let (used, places) = (counted(used, "entry takes", "entries take"), counted(places, "place", "places"));
            report.coverage.notice(shown, format!("{used} {places} out"));
        }
        if unused > 0 {
            let unused = counted(unused, "entry matches", "entries match");
            report.coverage.notice(shown, format!("{unused} nothing any more; `quell baseline update` takes them out"));
        }
    }
    let before = report.findings.len();
    report.findings.retain(|f| !f.locations.is_empty());
    report.suppressed += (before - report.findings.len()) as u64;
}

/// The findings by fingerprint; those without one by the slow ones that `wanted` could be.
pub(in crate::cli) fn prints<'w>(
    findings: &[Finding],
    wanted: impl Iterator<Item = &'w Fingerprint>,
) -> BTreeMap<String, Vec<usize>> {
    let salts: BTreeSet<Salt> = wanted.filter_map(Fingerprint::salt).collect();
    let mut prints: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut add = |print: &Fingerprint, index| prints.entry(print.as_str().to_owned()).or_default().push(index);
    for (index, finding) in findings.iter().enumerate() {
        match &finding.fingerprint {
            Some(print) => add(print, index),
            None => {
                let slow = salts.iter().take(SALTS).filter_map(|salt| salt.fingerprint(finding.as_password()));
                slow.for_each(|print| add(&print, index));
            }
        }
    }
    prints
}

fn suppressed(held: &Held, told: bool, places: u64) -> Suppressed {
    Suppressed {
        source: held.source,
        path: held.shown.clone(),
        number: held.number as u64,
        fingerprint: held.fingerprint.clone(),
        reason: told.then(|| held.entry.reason.clone()),
        author: held.entry.author.clone().filter(|_| told),
        expires: held.entry.expires.map(|day| day.to_string()),
        places,
    }
}

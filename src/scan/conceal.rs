//! Takes secrets out of the names that a report shows: where the name of a file, of a ref or of a person is the leak, every
//! path, tip, author and record of the coverage that repeats it would be one more (invariant 1).

use std::sync::Arc;

use memchr::memmem::Finder;

use crate::model::{Finding, Location, Part, Report, Secret, Untrusted};

/// A secret of a name, and what is shown in its place.
type Hidden = (Secret, Vec<u8>);

/// Replaces secrets that stand in anything but the content of files by what of them may be shown, wherever the report says
/// a name.
pub(super) fn conceal(report: &mut Report) {
    let mut hidden: Vec<Hidden> = report.findings.iter().flat_map(of).collect();
    if hidden.is_empty() {
        return;
    }
    // One may be a part of another.
    hidden.sort_by_key(|(secret, _)| std::cmp::Reverse(secret.len()));
    for finding in &mut report.findings {
        let companions = finding.companions.iter_mut().map(|companion| &mut companion.location);
        finding.locations.iter_mut().chain(companions).for_each(|location| place(location, &hidden));
    }
    let coverage = &mut report.coverage;
    for gap in &mut coverage.gaps {
        text(&mut gap.path, &hidden);
        words(&mut gap.why, &hidden);
    }
    for notice in &mut coverage.notices {
        text(&mut notice.path, &hidden);
        words(&mut notice.text, &hidden);
    }
    let examples = coverage.skipped.values_mut().flat_map(|skipped| &mut skipped.examples);
    examples.for_each(|path| text(path, &hidden));
}

/// The secrets of a finding that may stand in names.
fn of(finding: &Finding) -> Vec<Hidden> {
    let is_name = |location: &Location| location.part != Part::File;
    let own = finding.locations.iter().any(is_name).then(|| (&finding.secret, finding.redacted()));
    let companions = finding.companions.iter().filter(|companion| is_name(&companion.location));
    let companions = companions.map(|companion| (&companion.secret, companion.redacted()));
    own.into_iter()
        .chain(companions)
        .map(|(secret, shown)| (secret.clone(), format!("{}…", shown.prefix()).into_bytes()))
        .collect()
}

fn place(location: &mut Location, hidden: &[Hidden]) {
    text(&mut location.path, hidden);
    if let Some(commit) = location.commit.as_ref().filter(|commit| has_any(commit.author.raw(), hidden)) {
        let mut shown = commit.as_ref().clone();
        text(&mut shown.author, hidden);
        location.commit = Some(Arc::new(shown));
    }
    if let Some(history) = location.history.as_ref().filter(|h| h.tips.iter().any(|tip| has_any(tip.raw(), hidden))) {
        let mut shown = history.as_ref().clone();
        shown.tips.iter_mut().for_each(|tip| text(tip, hidden));
        location.history = Some(Arc::new(shown));
    }
}

fn has_any(text: &[u8], hidden: &[Hidden]) -> bool {
    hidden.iter().any(|(secret, _)| Finder::new(secret.expose()).find(text).is_some())
}

fn text(text: &mut Untrusted, hidden: &[Hidden]) {
    if let Some(shown) = without(text.raw(), hidden) {
        *text = Untrusted::new(&shown);
    }
}

fn words(text: &mut String, hidden: &[Hidden]) {
    if let Some(shown) = without(text.as_bytes(), hidden) {
        *text = String::from_utf8_lossy(&shown).into_owned();
    }
}

/// A text with every secret replaced; `None` where it has none.
fn without(text: &[u8], hidden: &[Hidden]) -> Option<Vec<u8>> {
    let mut shown = None;
    for (secret, instead) in hidden.iter().filter(|(secret, _)| !secret.is_empty()) {
        let own: &[u8] = shown.as_deref().unwrap_or(text);
        let places: Vec<usize> = Finder::new(secret.expose()).find_iter(own).collect();
        if places.is_empty() {
            continue;
        }
        let (mut out, mut from) = (Vec::new(), 0);
        for at in places {
            out.extend_from_slice(own.get(from..at).unwrap_or_default());
            out.extend_from_slice(instead);
            from = at + secret.len();
        }
        out.extend_from_slice(own.get(from..).unwrap_or_default());
        shown = Some(out);
    }
    shown
}

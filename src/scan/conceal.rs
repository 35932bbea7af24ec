//! Takes secrets out of the names that a report shows: where the name of a file, of a ref or of a person is the leak, every
//! path, tip, author and record of the coverage that repeats it would be one more (invariant 1).

use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};

use super::consumers::Consumed;
use super::sighting::Sighting;
use crate::model::{Finding, Location, Part, Redacted, Report, Secret, Untrusted};
use crate::rules::Rule;

/// A secret of a name, and what is shown in its place.
pub(super) type Hide = (Secret, Vec<u8>);

/// All secrets of names, looked for at once: a report can have as many as it has names.
struct Hidden {
    secrets: AhoCorasick,
    instead: Vec<Vec<u8>>,
    /// Whether short ones count as whole words alone: the password `prod` does not make `production` one.
    words: bool,
}

/// The length from which a secret is one within a word too, in bytes.
const LONG: usize = 16;

/// Replaces secrets that stand in anything but the content of files by what of them may be shown, wherever the report says
/// a name.
pub(super) fn conceal(report: &mut Report) {
    let all = report.findings.iter().flat_map(of).collect();
    let Some(hidden) = hidden(all, false) else { return };
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

/// How many secrets of a file are compared with its names one by one.
const FEW: usize = 16;

/// Takes secrets out of what is told of who uses what in a file: whatever was seen there, reported or not. The name of a step can be the
/// command that has the secret in it, and a file that is taken in can be named by one.
pub(super) fn conceal_uses(consumed: &mut Consumed, sightings: &[Sighting], rules: &[Rule]) {
    if consumed.is_empty() {
        return;
    }
    let of = |sighting: &Sighting| {
        let prefix = rules.get(usize::from(sighting.rule)).map_or(0, |rule| usize::from(rule.public_prefix));
        shown((&sighting.secret, sighting.secret.redacted(prefix)))
    };
    let seen: Vec<Hide> = sightings.iter().map(of).collect();
    if !consumed.includes.is_empty() {
        consumed.seen.clone_from(&seen);
    }
    // Names are short and most files have few secrets: to look for them all at once costs more.
    let mut stands = seen.len() > FEW;
    if !stands {
        consumed.texts(&mut |text| stands |= seen.iter().any(|(secret, _)| has(text.raw(), secret.expose())));
    }
    if stands && let Some(hidden) = hidden(seen, true) {
        consumed.texts(&mut |one| text(one, &hidden));
    }
}

/// Whether a text has another, in capitals or small letters.
fn has(text: &[u8], part: &[u8]) -> bool {
    text.len() >= part.len() && text.windows(part.len().max(1)).any(|window| window.eq_ignore_ascii_case(part))
}

/// A path without the secrets that it is named by.
pub(super) fn named(path: &Untrusted, seen: &[Hide]) -> Untrusted {
    let mut path = path.clone();
    if let Some(hidden) = hidden(seen.to_vec(), true) {
        text(&mut path, &hidden);
    }
    path
}

/// Replaces secrets that stand in names of files in the places of uses.
pub(super) fn conceal_paths(report: &mut Report) {
    let in_names = hidden(report.findings.iter().flat_map(of).collect(), false);
    for hidden in in_names.iter() {
        report.consumers.paths().for_each(|path| text(path, hidden));
    }
}

/// Everything that is to be hidden; `None` where nothing is.
fn hidden(mut all: Vec<Hide>, names: bool) -> Option<Hidden> {
    all.retain(|(secret, _)| !secret.is_empty());
    all.sort_by(|a, b| a.0.expose().cmp(b.0.expose()));
    all.dedup_by(|a, b| a.0.expose() == b.0.expose());
    // One may be a part of another. Some systems write the names of secrets in capitals.
    let longest = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .ascii_case_insensitive(names)
        .build(all.iter().map(|(s, _)| s.expose()));
    // It fails for two thousand million bytes of secrets alone, which no list of findings can hold.
    let secrets = longest.ok().filter(|_| !all.is_empty())?;
    Some(Hidden { secrets, instead: all.into_iter().map(|(_, instead)| instead).collect(), words: names })
}

/// What is shown in the place of a secret.
fn shown((secret, redacted): (&Secret, Redacted)) -> Hide {
    (secret.clone(), format!("{}…", redacted.prefix()).into_bytes())
}

/// The secrets of a finding that may stand in names.
fn of(finding: &Finding) -> Vec<Hide> {
    let is_name = |location: &Location| location.part != Part::File;
    let own = finding.locations.iter().any(is_name).then(|| (&finding.secret, finding.redacted()));
    let companions = finding.companions.iter().filter(|companion| is_name(&companion.location));
    let companions = companions.map(|companion| (&companion.secret, companion.redacted()));
    own.into_iter().chain(companions).map(shown).collect()
}

fn place(location: &mut Location, hidden: &Hidden) {
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

fn has_any(text: &[u8], hidden: &Hidden) -> bool {
    hidden.secrets.is_match(text)
}

fn text(text: &mut Untrusted, hidden: &Hidden) {
    if let Some(shown) = without(text.raw(), hidden) {
        *text = Untrusted::new(&shown);
    }
}

fn words(text: &mut String, hidden: &Hidden) {
    if let Some(shown) = without(text.as_bytes(), hidden) {
        *text = String::from_utf8_lossy(&shown).into_owned();
    }
}

/// A text with every secret replaced; `None` where it has none.
fn without(text: &[u8], hidden: &Hidden) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut from = 0;
    let is_letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    for found in hidden.secrets.find_iter(text) {
        let within =
            found.start().checked_sub(1).is_some_and(|at| is_letter(text.get(at))) || is_letter(text.get(found.end()));
        if hidden.words && within && found.len() < LONG {
            continue;
        }
        out.extend_from_slice(text.get(from..found.start()).unwrap_or_default());
        out.extend_from_slice(hidden.instead.get(found.pattern().as_usize()).map(Vec::as_slice).unwrap_or_default());
        from = found.end();
    }
    if from == 0 {
        return None;
    }
    out.extend_from_slice(text.get(from..).unwrap_or_default());
    Some(out)
}

//! Takes secrets out of the names that a report shows: where the name of a file, of a ref or of a person is the leak, every
//! path, tip, author and record of the coverage that repeats it would be one more (invariant 1).

use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::model::{Fact, Finding, Location, Part, Redacted, Report, Secret, Untrusted};

/// A secret of a name, and what is shown in its place.
type Hide = (Secret, Vec<u8>);

/// All secrets of names, looked for at once: a report can have as many as it has names.
struct Hidden {
    secrets: AhoCorasick,
    instead: Vec<Vec<u8>>,
}

/// Replaces secrets that stand in anything but the content of files by what of them may be shown, wherever the report says
/// a name.
pub(super) fn conceal(report: &mut Report) {
    let all = report.findings.iter().flat_map(of).collect();
    let Some(hidden) = hidden(all) else { return };
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

/// Replaces secrets in what is told of who uses which: the name of a step can be the command that has the secret in it.
pub(super) fn conceal_consumers(report: &mut Report) {
    if report.consumers.files == 0 {
        return;
    }
    let all = report.findings.iter().flat_map(|finding| {
        let companions = finding.companions.iter().map(|companion| (&companion.secret, companion.redacted()));
        [(&finding.secret, finding.redacted())].into_iter().chain(companions).map(shown)
    });
    let Some(hidden) = hidden(all.collect()) else { return };
    report.consumers.texts(&mut |one| text(one, &hidden));
    for fact in report.findings.iter_mut().flat_map(|finding| &mut finding.facts) {
        if let Fact::Within(said) = fact {
            words(said, &hidden);
        }
    }
}

/// Everything that is to be hidden; `None` where nothing is.
fn hidden(all: Vec<Hide>) -> Option<Hidden> {
    let all: Vec<Hide> = all.into_iter().filter(|(secret, _)| !secret.is_empty()).collect();
    // One may be a part of another.
    let longest =
        AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(all.iter().map(|(s, _)| s.expose()));
    // It fails for two thousand million bytes of secrets alone, which no list of findings can hold.
    let secrets = longest.ok().filter(|_| !all.is_empty())?;
    Some(Hidden { secrets, instead: all.into_iter().map(|(_, instead)| instead).collect() })
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
    for found in hidden.secrets.find_iter(text) {
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

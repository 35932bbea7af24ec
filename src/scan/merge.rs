//! Resolves sightings that overlap in a file: the most specific names the secret, the others are listed with it.

use super::sighting::Sighting;
use crate::rules::{RuleSet, Shape};

/// Leaves one sighting for each stretch of bytes that several rules matched.
///
/// The most specific rule decides whatever its confidence: a token whose checksum fails is not saved by a generic
/// rule that matches it too. A part whose other part is missing is the least specific of all.
pub(super) fn overlaps(set: &RuleSet, mut all: Vec<Sighting>) -> Vec<Sighting> {
    all.sort_by_key(|s| (s.location.start, s.location.end, s.rule));
    let mut out: Vec<Sighting> = Vec::with_capacity(all.len());
    let mut end = 0;
    for sighting in all {
        match out.last_mut().filter(|_| sighting.location.start < end) {
            Some(last) => {
                end = end.max(sighting.location.end);
                absorb(set, last, sighting);
            }
            None => {
                end = sighting.location.end;
                out.push(sighting);
            }
        }
    }
    out
}

fn absorb(set: &RuleSet, kept: &mut Sighting, mut other: Sighting) {
    if rank(set, &other) > rank(set, kept) {
        std::mem::swap(kept, &mut other);
    }
    let more = std::mem::take(&mut other.others).into_iter().chain([other.rule]);
    for rule in more.filter(|r| *r != kept.rule) {
        if !kept.others.contains(&rule) {
            kept.others.push(rule);
        }
    }
}

/// How specific a sighting is: by its rule, then a format before a guess, then the longer match.
fn rank(set: &RuleSet, sighting: &Sighting) -> (u8, bool, u64) {
    let length = sighting.location.end - sighting.location.start;
    let Some(rule) = set.rules.get(usize::from(sighting.rule)) else { return (0, false, length) };
    let alone = rule.shape == Shape::Pair && sighting.companions.is_empty();
    (if alone { 0 } else { set.specificity(sighting.rule) }, !rule.password, length)
}

//! Resolves sightings that overlap in a file: the most specific names the secret, the others are listed with it.

use std::collections::BTreeMap;

use super::sighting::Sighting;
use crate::rules::{RuleSet, Shape};

/// Leaves sightings that do not overlap: of those that several rules matched, the most specific.
///
/// The most specific rule decides whatever its confidence: a token whose checksum fails is not saved by a generic
/// rule that matches it too. A part whose other part is missing is the least specific of all. Two tokens in one
/// stretch that a wider match covers are both kept: the wider one is listed with each.
pub(super) fn overlaps(set: &RuleSet, mut all: Vec<Sighting>) -> Vec<Sighting> {
    let place = |s: &Sighting| (s.location.start, s.location.end, s.rule);
    all.sort_by(|a, b| rank(set, b).cmp(&rank(set, a)).then_with(|| place(a).cmp(&place(b))));
    // By their start; they never overlap, so that the last ones before an end are the ones to compare with.
    let mut kept: BTreeMap<u64, Sighting> = BTreeMap::new();
    for sighting in all {
        let mut over = kept
            .range_mut(..sighting.location.end)
            .rev()
            .map(|(_, k)| k)
            .take_while(|k| k.location.end > sighting.location.start)
            .peekable();
        if over.peek().is_none() {
            drop(over);
            kept.insert(sighting.location.start, sighting);
            continue;
        }
        for winner in over {
            if sighting.rule != winner.rule && !winner.others.contains(&sighting.rule) {
                winner.others.push(sighting.rule);
            }
        }
    }
    kept.into_values().collect()
}

/// How specific a sighting is: by its rule, then a format before a guess, then the longer match.
fn rank(set: &RuleSet, sighting: &Sighting) -> (u8, bool, u64) {
    let length = sighting.location.end - sighting.location.start;
    let Some(rule) = set.rules.get(usize::from(sighting.rule)) else { return (0, false, length) };
    let alone = rule.shape == Shape::Pair && sighting.companions.is_empty();
    (if alone { 0 } else { set.specificity(sighting.rule) }, !rule.password, length)
}

//! Resolves sightings that overlap in a file: the most specific names the secret, the others are listed with it.

use std::collections::BTreeMap;

use super::sighting::Sighting;
use crate::rules::{RuleSet, Shape};

/// Leaves sightings that do not overlap: of those that several rules matched, the most specific.
///
/// The most specific rule decides whatever its confidence: a token whose checksum fails is not saved by a generic
/// rule that matches it too. A part whose other part is missing is the least specific of all. Two tokens in one
/// stretch that a wider match covers are both kept: the wider one is listed with each.
pub(super) fn overlaps(set: &RuleSet, all: &mut Vec<Sighting>) {
    let mut order: Vec<(usize, &Sighting)> = all.iter().enumerate().collect();
    let place = |s: &Sighting| (s.location.start, s.location.end, s.rule);
    order.sort_by(|(_, a), (_, b)| rank(set, b).cmp(&rank(set, a)).then_with(|| place(a).cmp(&place(b))));
    let order: Vec<usize> = order.into_iter().map(|(index, _)| index).collect();
    // By their start; they never overlap, so that the last ones before an end are the ones to compare with.
    let mut kept: BTreeMap<u64, usize> = BTreeMap::new();
    for index in order {
        let Some((start, end, rule)) = all.get(index).map(place) else { continue };
        // A key that lacks the account which would make it another kind of key is of its own kind alone.
        let unlisted = all.get(index).is_some_and(|s| alone(set, s) == Some(Shape::Pem));
        let over = |winner: &usize| all.get(*winner).is_some_and(|k| k.location.end > start);
        let winners: Vec<usize> = kept.range(..end).rev().map(|(_, winner)| *winner).take_while(over).collect();
        if winners.is_empty() {
            kept.insert(start, index);
        }
        for winner in winners.into_iter().filter(|_| !unlisted) {
            if let Some(winner) = all.get_mut(winner).filter(|w| w.rule != rule && !w.others.contains(&rule)) {
                winner.others.push(rule);
            }
        }
    }
    let mut kept: Vec<usize> = kept.into_values().collect();
    kept.sort_unstable();
    let (mut kept, mut index) = (kept.into_iter().peekable(), 0..);
    all.retain(|_| index.next().is_some_and(|index| kept.next_if_eq(&index).is_some()));
    all.shrink_to_fit();
}

/// How specific a sighting is: by its rule, then a format before a guess, then the longer match.
fn rank(set: &RuleSet, sighting: &Sighting) -> (u8, bool, u64) {
    let length = sighting.location.end - sighting.location.start;
    let Some(rule) = set.rules.get(usize::from(sighting.rule)) else { return (0, false, length) };
    (if alone(set, sighting).is_some() { 0 } else { set.specificity(sighting.rule) }, !rule.password, length)
}

/// The shape of a sighting that is nothing without another part, and stands without it.
fn alone(set: &RuleSet, sighting: &Sighting) -> Option<Shape> {
    let rule = set.rules.get(usize::from(sighting.rule))?;
    let needs = match rule.shape {
        Shape::Pair => true,
        Shape::Pem => rule.companions.iter().any(|companion| companion.required),
        _ => false,
    };
    (needs && !sighting.is_joined()).then_some(rule.shape)
}

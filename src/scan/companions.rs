//! Joins the parts of a credential that stand near each other: a key id and its secret key.

use std::collections::BTreeMap;

use super::sighting::{Part, Sighting};
use crate::model::{Confidence, Fact};
use crate::rules::{CompanionRef, Rule, RuleSet, Shape, Within};

/// A companion after the secret is this many bytes further away than one before it: formats put the id first.
const AFTER: u64 = 100;

/// The sightings of one file, by the rule that found them: what companions are looked for in.
type ByRule<'s> = BTreeMap<u16, Vec<&'s Sighting>>;

/// A part with the number of the file that it stands in, and whether it was touched.
type PartIn = (usize, Part, bool);

/// Where each rule stands in its set, by id.
pub(super) type Ids<'r> = BTreeMap<&'r str, u16>;

/// Gives every sighting whose rule has companions the nearest of them, drops the sightings that became part of another,
/// and lowers what lacks a part that it cannot do without.
///
/// `files` are the sightings of the files of one directory, in name order.
pub(super) fn join(set: &RuleSet, ids: &Ids<'_>, files: &mut [Vec<Sighting>]) {
    let wants = |s: &Sighting| set.rules.get(usize::from(s.rule)).filter(|r| !r.companions.is_empty());
    if !files.iter().flatten().any(|s| wants(s).is_some()) {
        return;
    }
    let mut found: Vec<(usize, usize, Vec<PartIn>)> = Vec::new();
    {
        let indexed: Vec<ByRule<'_>> = files.iter().map(|f| by_rule(f)).collect();
        for (file, sightings) in files.iter().enumerate() {
            for (place, sighting) in sightings.iter().enumerate() {
                if let Some(rule) = wants(sighting) {
                    found.push((file, place, parts_of(rule, ids, sighting, file, &indexed)));
                }
            }
        }
    }
    // Where the parts stand that became part of another credential: file and start, with the end.
    let mut taken: BTreeMap<(usize, u64), u64> = BTreeMap::new();
    for (file, place, parts) in found {
        let Some(sighting) = files.get_mut(file).and_then(|f| f.get_mut(place)) else { continue };
        let Some(rule) = set.rules.get(usize::from(sighting.rule)) else { continue };
        for (file, part, touched) in parts {
            sighting.touched |= touched;
            taken.insert((file, part.location.start), part.location.end);
            sighting.parts.push(part);
        }
        without_part(rule, sighting);
    }
    for (file, sightings) in files.iter_mut().enumerate() {
        // Whatever rule saw it: the same bytes are no credential of their own.
        sightings.retain(|s| {
            s.is_joined()
                || taken
                    .range((file, 0)..=(file, s.location.start))
                    .next_back()
                    .is_none_or(|(_, end)| s.location.end > *end)
        });
    }
}

fn by_rule(sightings: &[Sighting]) -> ByRule<'_> {
    let mut out = ByRule::new();
    for sighting in sightings {
        out.entry(sighting.rule).or_default().push(sighting);
    }
    out
}

/// The parts that a rule wants beside a sighting, each with the file that it stands in.
fn parts_of(rule: &Rule, ids: &Ids<'_>, sighting: &Sighting, file: usize, files: &[ByRule<'_>]) -> Vec<PartIn> {
    let part = |wanted: &CompanionRef| {
        let index = *ids.get(wanted.rule.as_ref())?;
        let (file, near) = nearest(index, wanted.within, sighting, file, files)?;
        let (secret, location) = (near.secret.clone(), near.location.clone());
        Some((file, Part { name: wanted.name.clone(), rule: Some(index), secret, location }, near.touched))
    };
    rule.companions.iter().filter_map(part).collect()
}

/// The nearest sighting of a rule: in the same file, else in the first other file of the directory that has one.
fn nearest<'s>(
    rule: u16,
    within: Within,
    from: &Sighting,
    file: usize,
    files: &[ByRule<'s>],
) -> Option<(usize, &'s Sighting)> {
    let own = files.get(file).and_then(|f| f.get(&rule)).and_then(|all| {
        // Sightings are in place order: the nearest is one of the two around this one.
        let after = all.partition_point(|s| s.location.start < from.location.start);
        let around = all.get(after.saturating_sub(1)..(after + 1).min(all.len())).unwrap_or_default();
        around.iter().copied().min_by_key(|s| distance(from, s))
    });
    if let Some(own) = own {
        return Some((file, own));
    }
    if within == Within::File {
        return None;
    }
    files.iter().enumerate().find_map(|(i, f)| f.get(&rule).and_then(|all| all.first()).map(|s| (i, *s)))
}

fn distance(from: &Sighting, to: &Sighting) -> u64 {
    let (a, b) = (&from.location, &to.location);
    if b.end <= a.start { a.start - b.end } else { b.start.saturating_sub(a.end) + AFTER }
}

/// Notes a required part that is missing; a `pair` without it is too weak for the default threshold.
fn without_part(rule: &Rule, sighting: &mut Sighting) {
    for wanted in rule.companions.iter().filter(|c| c.required) {
        if !sighting.parts.iter().any(|p| p.rule.is_some() && p.name == wanted.name) {
            sighting.facts.push(Fact::PartMissing(wanted.name.to_string()));
            if matches!(rule.shape, Shape::Pair | Shape::Pem) {
                sighting.confidence = Confidence::Low;
            }
        }
    }
}

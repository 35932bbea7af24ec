//! A rule's own test: its `match` lines give its sample, its `miss` lines nothing.

use super::{Candidate, Chunk, Detector, Scratch};
use crate::model::Confidence;
use crate::rules::template::{Random, expand};
use crate::rules::{Rule, RuleSet, lint};

/// How many different samples each line is tried with.
const ROUNDS: u64 = 8;

/// Runs a rule's lines, each with several samples.
///
/// # Errors
/// A sentence for each line that does not do what it says, without the sample's bytes.
pub fn run(set: &RuleSet, rule: &Rule) -> Result<(), Vec<String>> {
    let detector = Detector::new(set, |_| true);
    let mut errors = Vec::new();
    for (lines, wanted) in [(&rule.matches, true), (&rule.misses, false)] {
        for line in lines.iter() {
            if let Some(error) = (0..ROUNDS).find_map(|seed| try_line(&detector, rule, line, wanted, seed).err()) {
                errors.push(error);
            }
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn try_line(detector: &Detector<'_>, rule: &Rule, line: &str, wanted: bool, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed + 1);
    let sample = lint::sample(&rule.sample, rule.checksum, &mut random)?;
    let text = expand(line, &mut random, &lint::bindings(sample.clone()))?;
    let mut out: Vec<Candidate> = Vec::new();
    detector.scan(&Chunk::whole(&text), &mut Scratch::default(), &mut out);
    let own = out.iter().filter(|c| detector.rules().rules.get(usize::from(c.rule)).is_some_and(|r| r.id == rule.id));
    // A weak rule's best is what it can have; every other must reach the default threshold.
    let threshold = rule.confidence.min(Confidence::Medium);
    let found = own.filter(|c| c.confidence >= threshold).any(|c| !wanted || fits(&text, c, &sample));
    match (wanted, found) {
        (true, false) => Err(format!("rule `{}` does not find its sample in the match line `{line}`", rule.id)),
        (false, true) => Err(format!("rule `{}` finds something in the miss line `{line}`", rule.id)),
        _ => Ok(()),
    }
}

/// Whether the candidate is the sample: the secret is the sample or a part of it (where the sample is a whole URL
/// or block, the secret stands inside of it).
fn fits(text: &[u8], candidate: &Candidate, sample: &[u8]) -> bool {
    let secret = text.get(candidate.secret.clone()).unwrap_or_default();
    let trimmed = sample.strip_suffix(b"\n").unwrap_or(sample);
    !secret.is_empty() && (secret == trimmed || trimmed.windows(secret.len()).any(|w| w == secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_rule_passes_its_own_test() {
        let set = crate::rules::embedded::embedded();
        let errors: Vec<String> = set.rules.iter().filter_map(|r| run(set, r).err()).flatten().collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
    }
}

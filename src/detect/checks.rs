//! What must hold of a match beyond its pattern, and what it says about severity and confidence.

use std::ops::Range;

use super::assign::Value;
use super::chunk::{Candidate, Quoting};
use super::context::{self, Place};
use super::placeholder::{is_placeholder, is_reference};
use super::score::{self, Feature, Subject};
use super::{decode, entropy, literal, names, pem};
use crate::model::{Confidence, Fact, Severity};
use crate::rules::{Decoder, Rule, Shape};

/// A match of a rule's pattern.
pub(super) struct Match {
    /// The whole of it.
    pub(super) whole: Range<usize>,
    /// Its group `secret`.
    pub(super) secret: Range<usize>,
    /// Its other groups.
    pub(super) groups: Vec<(String, Range<usize>)>,
    /// For an assignment: the keyword's place and the value.
    pub(super) assigned: Option<(Range<usize>, Value)>,
}

/// Checks a match; `None` where it is no credential at all.
pub(super) fn judge(index: u16, rule: &Rule, text: &[u8], found: Match) -> Option<Candidate> {
    let secret = text.get(found.secret.clone())?;
    if u32::from(rule.min_entropy) > 0 && entropy::hundredths(secret) < u32::from(rule.min_entropy) {
        return None;
    }
    let (mut confidence, mut severity, mut facts) = (rule.confidence, rule.severity, Vec::new());
    if let Some(checksum) = rule.checksum {
        if checksum.holds(secret) {
            facts.push(Fact::ChecksumHolds);
        } else {
            confidence = Confidence::Low;
        }
    }
    if let Some(decoder) = rule.decoder {
        let decoded = decode::decode(decoder, secret)?;
        facts.extend(decoded.facts);
        if decoded.doubtful {
            confidence = Confidence::Low;
        }
    }
    let body = secret.get(usize::from(rule.public_prefix)..).unwrap_or_default();
    if rule.password {
        let judged = judge_password(rule, text, secret, &found)?;
        confidence = if confidence < rule.confidence { confidence.min(judged) } else { judged };
    } else if is_reference(secret) {
        return None;
    } else if matches!(rule.decoder, None | Some(Decoder::AwsKeyId))
        && !facts.contains(&Fact::ChecksumHolds)
        && is_placeholder(body)
    {
        confidence = Confidence::Low;
    }
    if is_example(rule, secret) {
        facts.push(Fact::DocumentedExample);
        (confidence, severity) = (Confidence::Low, Severity::Info);
    }
    let quoting = found.assigned.map_or(Quoting::None, |(hit, value)| quoting(text, &hit, &value));
    Some(Candidate { rule: index, secret: found.secret, groups: found.groups, confidence, severity, facts, quoting })
}

/// How a value is written: what is bare in a comment, a string or a URL is as literal as what is quoted.
pub(super) fn quoting(text: &[u8], hit: &Range<usize>, value: &Value) -> Quoting {
    let bare = value.quoting == Quoting::Bare;
    if bare && context::place(text, hit, value.span.start) != Place::Code { Quoting::Quoted } else { value.quoting }
}

fn is_example(rule: &Rule, secret: &[u8]) -> bool {
    let is = |word: &str| secret.windows(word.len().max(1)).any(|w| w.eq_ignore_ascii_case(word.as_bytes()));
    rule.examples.iter().any(is)
}

/// Judges a password by its features. The rule's own confidence bounds what its pattern says; of an assignment the sum
/// says it all.
fn judge_password(rule: &Rule, text: &[u8], secret: &[u8], found: &Match) -> Option<Confidence> {
    let Some((hit, value)) = &found.assigned else {
        if is_reference(secret) {
            return None;
        }
        let sum = patterned(rule, text, secret, found).map(|f| f.points).sum();
        return score::confidence(sum).map(|confidence| confidence.min(rule.confidence));
    };
    score::judge(&subject(text, secret, hit, value)?)
}

/// Every feature of a password, those that reject it first.
pub(super) fn features(rule: &Rule, text: &[u8], found: &Match) -> Vec<Feature> {
    let Some(secret) = text.get(found.secret.clone()) else { return Vec::new() };
    match &found.assigned {
        Some((hit, value)) => {
            subject(text, secret, hit, value).map_or_else(|| vec![score::BINARY], |s| score::features(&s))
        }
        None => is_reference(secret)
            .then_some(score::REFERENCE)
            .into_iter()
            .chain(patterned(rule, text, secret, found))
            .collect(),
    }
}

fn subject<'a>(text: &'a [u8], secret: &'a [u8], hit: &'a Range<usize>, value: &'a Value) -> Option<Subject<'a>> {
    let name = text.get(names::around(text, hit.clone()))?;
    let (shown, password) = (std::str::from_utf8(secret).ok()?, names::is_password(name));
    Some(Subject { text, hit, name, value, secret, shown, password })
}

/// What speaks for and against what a pattern for passwords matched.
fn patterned<'s>(rule: &Rule, text: &[u8], secret: &'s [u8], found: &Match) -> impl Iterator<Item = Feature> + use<'s> {
    let shown = std::str::from_utf8(secret).ok().filter(|_| rule.fallback).unwrap_or_default();
    let group = |name: &str| {
        found.groups.iter().find(|(n, _)| n == name).and_then(|(_, r)| text.get(r.clone())).unwrap_or_default()
    };
    let short = rule.shape == Shape::Url
        && secret.len() < 5
        && !std::str::from_utf8(secret).is_ok_and(|s| literal::is_structured(true, s));
    let stock = literal::is_stock_login(group("user"), secret, group("host"));
    let doubts = [(short, score::SHORT), (stock, score::STOCK), (is_placeholder(secret), score::PLACEHOLDER)];
    let doubts = doubts.into_iter().filter_map(|(holds, feature)| holds.then_some(feature));
    [score::FITS].into_iter().chain(doubts).chain(score::written(shown))
}

/// Checks a PEM block: whether it is of the kind, plain or encrypted, that the rule is for.
pub(super) fn judge_key(
    index: u16,
    rule: &Rule,
    text: &[u8],
    begin: Range<usize>,
    block: &pem::Block,
) -> Option<Candidate> {
    let encrypted = decode::key_is_encrypted(text.get(begin)?, block);
    match rule.decoder {
        Some(Decoder::PemPlain) if encrypted => return None,
        Some(Decoder::PemEncrypted) if !encrypted => return None,
        _ => {}
    }
    // The base64 of a key of some hundred bytes is near 6 bits a character; a made-up one repeats itself.
    let doubtful = entropy::hundredths(block.body.get(..block.body.len().min(255)).unwrap_or_default()) < 400;
    let confidence = if doubtful { Confidence::Low } else { rule.confidence };
    let facts = if encrypted { vec![Fact::Encrypted] } else { Vec::new() };
    Some(Candidate {
        rule: index,
        secret: block.span.clone(),
        groups: Vec::new(),
        confidence,
        severity: rule.severity,
        facts,
        quoting: Quoting::None,
    })
}

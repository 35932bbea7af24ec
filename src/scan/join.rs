//! From sightings to findings: one credential, with every place it stands in.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::engine::ScanOptions;
use super::markers::Allowed;
use super::sighting::Sighting;
use super::{companions, merge};
use crate::model::{
    Companion, Confidence, Fact, Finding, Fingerprint, FingerprintInput, FingerprintKey, Kind, Location, Secret,
    Severity,
};
use crate::rules::{Rule, RuleSet};

/// Joins the sightings of all files into findings, most severe first, then by place.
///
/// Sightings of rules that `enable` refuses serve as parts of others alone. A file may hold hundreds of thousands of
/// sightings: they are sorted and taken apart where they lie, and never stand in memory twice.
pub(super) fn findings(options: &ScanOptions<'_>, files: Vec<Vec<Sighting>>) -> (Vec<Finding>, Allowed) {
    let ScanOptions { rules: set, enable, key, now, .. } = *options;
    if files.iter().all(Vec::is_empty) {
        return (Vec::new(), Allowed::default());
    }
    let ids: companions::Ids<'_> = set.rules.iter().zip(0u16..).map(|(r, i)| (r.id.as_ref(), i)).collect();
    let mut all: Vec<Sighting> = Vec::new();
    for mut directory in by_directory(files) {
        companions::join(set, &ids, &mut directory);
        for mut file in directory {
            file.retain(|s| set.rules.get(usize::from(s.rule)).is_some_and(enable));
            merge::overlaps(set, &mut file);
            file.retain(|s| s.touched);
            if all.is_empty() {
                all = file;
            } else {
                all.append(&mut file);
            }
        }
    }
    all.sort_unstable_by(|a, b| {
        identity(set, a).cmp(&identity(set, b)).then_with(|| (&a.location, a.rule).cmp(&(&b.location, b.rule)))
    });
    let joiner = Joiner { set, key, now, kinds: vec![OnceCell::new(); set.rules.len()] };
    let (mut out, mut group, mut allowed) = (Vec::new(), Vec::new(), Allowed::default());
    let mut rest = all.into_iter().peekable();
    while let Some(first) = rest.next() {
        group.push(first);
        while let Some(same) =
            rest.next_if(|s| group.first().is_some_and(|first| identity(set, first) == identity(set, s)))
        {
            group.push(same);
        }
        allowed.take(&mut group, options);
        out.extend(joiner.finding(&mut group));
        group.clear();
    }
    out.sort_unstable_by(|a, b| {
        let order = b.severity.cmp(&a.severity).then_with(|| a.locations.first().cmp(&b.locations.first()));
        order.then_with(|| a.kind.rule.cmp(&b.kind.rule))
    });
    (out, allowed)
}

/// Sorts files by path and gathers those of each directory.
fn by_directory(mut files: Vec<Vec<Sighting>>) -> Vec<Vec<Vec<Sighting>>> {
    fn path(file: &[Sighting]) -> &[u8] {
        file.first().map(|s| s.location.path.raw()).unwrap_or_default()
    }
    fn directory(path: &[u8]) -> &[u8] {
        path.iter().rposition(|b| *b == b'/').and_then(|slash| path.get(..slash)).unwrap_or_default()
    }
    files.sort_by(|a, b| (directory(path(a)), path(a)).cmp(&(directory(path(b)), path(b))));
    let mut out: Vec<Vec<Vec<Sighting>>> = Vec::new();
    for file in files {
        match out.last_mut() {
            Some(last) if last.last().is_some_and(|f| directory(path(f)) == directory(path(&file))) => last.push(file),
            _ => out.push(vec![file]),
        }
    }
    out
}

/// What makes two sightings the same credential: the secret, and for passwords subject and host.
fn identity<'s>(set: &RuleSet, sighting: &'s Sighting) -> [&'s [u8]; 3] {
    let password = set.rules.get(usize::from(sighting.rule)).is_some_and(|rule| rule.password);
    let group = |name: &str| sighting.group(name).filter(|_| password).map(Secret::expose).unwrap_or_default();
    [sighting.secret.expose(), group("user"), group("host")]
}

/// What a rule says of every finding of it.
#[must_use]
pub fn kind(set: &RuleSet, rule: &Rule) -> Kind {
    Kind {
        rule: rule.id.clone(),
        title: rule.name.clone(),
        provider: set.provider_of(rule).map(|p| p.name.clone()).unwrap_or_default(),
        public_prefix: rule.public_prefix,
        advice: rule.advice.clone(),
        docs: rule.docs.clone(),
        controls: rule.controls.iter().map(|control| control.to_owned().into()).collect(),
    }
}

/// What all findings are made with.
struct Joiner<'a> {
    set: &'a RuleSet,
    /// Of each rule that has a finding, by its index.
    kinds: Vec<OnceCell<Arc<Kind>>>,
    key: &'a FingerprintKey,
    now: i64,
}

impl Joiner<'_> {
    fn kind(&self, rule: u16) -> Option<&Arc<Kind>> {
        let (kept, rule) = (self.kinds.get(usize::from(rule))?, self.set.rules.get(usize::from(rule))?);
        Some(kept.get_or_init(|| Arc::new(kind(self.set, rule))))
    }

    /// Makes one finding of the sightings of a credential, and leaves `group` empty.
    fn finding(&self, group: &mut Vec<Sighting>) -> Option<Finding> {
        // However sure a generic rule is, one for the format says more.
        let bound = |s: &Sighting| match self.set.specificity(s.rule) {
            ..=1 => s.confidence.min(Confidence::Medium),
            _ => s.confidence,
        };
        let rank = |s: &Sighting| (bound(s), self.set.specificity(s.rule), s.confidence, s.severity);
        let best = group.iter().enumerate().max_by_key(|(i, s)| (rank(s), Reverse(*i))).map(|(_, s)| s)?;
        let (lead, confidence, severity, secret) = (best.rule, best.confidence, best.severity, best.secret.clone());
        let fingerprint = self.fingerprint(best);
        let kind = Arc::clone(self.kind(lead)?);
        let mut facts: Vec<Fact> = Vec::new();
        for sighting in group.iter_mut().filter(|s| s.rule == lead) {
            facts.append(&mut sighting.facts);
        }
        let severity = judged(severity, self.now, &mut facts, group);
        let others: BTreeSet<u16> =
            group.iter().flat_map(|s| s.others.iter().copied().chain([s.rule])).filter(|r| *r != lead).collect();
        let mut other_kinds: Vec<Arc<Kind>> = others.into_iter().filter_map(|r| self.kind(r).cloned()).collect();
        other_kinds.sort_by(|a, b| a.rule.cmp(&b.rule));
        let companions = self.companions(group);
        let mut locations: Vec<Location> = group.drain(..).map(|s| s.location).collect();
        locations.sort();
        locations.dedup();
        let verification = None;
        Some(Finding {
            leaks: None,
            kind,
            other_kinds,
            severity,
            confidence,
            secret,
            fingerprint,
            locations,
            companions,
            facts,
            verification,
        })
    }

    fn fingerprint(&self, sighting: &Sighting) -> Option<Fingerprint> {
        let group = |name: &str| sighting.group(name).map(Secret::expose).unwrap_or_default();
        let secret = &sighting.secret;
        self.key.fingerprint(if self.set.rules.get(usize::from(sighting.rule))?.password {
            FingerprintInput::Password { secret, subject: group("user"), host: group("host") }
        } else {
            FingerprintInput::Token(secret)
        })
    }

    /// Takes the other parts of the credential from its sightings: each name once with each value.
    fn companions(&self, group: &mut [Sighting]) -> Vec<Companion> {
        let parts = group.iter_mut().flat_map(|s| std::mem::take(&mut s.parts));
        let mut seen = HashSet::new();
        parts
            .filter(|part| seen.insert((part.name.clone(), part.secret.clone())))
            .map(|part| Companion {
                name: part.name,
                kind: part.rule.and_then(|r| self.kind(r).cloned()),
                secret: part.secret,
                location: part.location,
            })
            .collect()
    }
}

/// The severity after what is known of the token's time and of where it stands; the facts say why.
fn judged(mut severity: Severity, now: i64, facts: &mut Vec<Fact>, group: &[Sighting]) -> Severity {
    for fact in facts.iter_mut() {
        if let Fact::Expires(at) = *fact
            && at < now
        {
            *fact = Fact::Expired(at);
            severity = Severity::Info;
        }
    }
    if group.iter().all(|s| s.in_test) {
        facts.push(Fact::TestPath);
        severity = severity.lower();
    }
    facts.sort();
    facts.dedup();
    facts.shrink_to_fit();
    severity
}

/// Splits findings into those at or above a confidence and the number of the others.
pub(super) fn above(findings: Vec<Finding>, threshold: Confidence) -> (Vec<Finding>, u64) {
    let total = findings.len();
    let kept: Vec<Finding> = findings.into_iter().filter(|f| f.confidence >= threshold).collect();
    let below = (total - kept.len()) as u64;
    (kept, below)
}

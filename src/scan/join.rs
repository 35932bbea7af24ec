//! From sightings to findings: one credential, with every place it stands in.

use std::collections::BTreeMap;

use super::sighting::Sighting;
use super::{companions, merge};
use crate::model::{Companion, Confidence, Fact, Finding, FingerprintKey, Identity, Location, Secret, Severity};
use crate::rules::{Rule, RuleSet};

/// What makes two sightings the same credential: the secret, and for passwords subject and host.
type Key = (Vec<u8>, Vec<u8>, Vec<u8>);

/// Joins the sightings of all files into findings, most severe first, then by place.
///
/// Sightings of rules that `enable` refuses serve as parts of others alone.
pub(super) fn findings(
    set: &RuleSet,
    enable: &dyn Fn(&Rule) -> bool,
    key: &FingerprintKey,
    now: i64,
    files: Vec<Vec<Sighting>>,
) -> Vec<Finding> {
    let ids: companions::Ids<'_> = set.rules.iter().zip(0u16..).map(|(r, i)| (r.id.as_ref(), i)).collect();
    let mut groups: BTreeMap<Key, Vec<Sighting>> = BTreeMap::new();
    for mut directory in by_directory(files) {
        companions::join(set, &ids, &mut directory);
        for file in &mut directory {
            file.retain(|s| set.rules.get(usize::from(s.rule)).is_some_and(enable));
        }
        for sighting in directory.into_iter().flat_map(|file| merge::overlaps(set, file)) {
            if let Some(rule) = set.rules.get(usize::from(sighting.rule)) {
                groups.entry(identity(rule, &sighting)).or_default().push(sighting);
            }
        }
    }
    let mut out: Vec<Finding> = groups.into_values().filter_map(|group| finding(set, key, now, group)).collect();
    out.sort_by(|a, b| {
        let place = |f: &Finding| f.locations.first().map(|l| (l.path.clone(), l.start, l.end));
        b.severity.cmp(&a.severity).then_with(|| place(a).cmp(&place(b))).then_with(|| a.rule.cmp(&b.rule))
    });
    out
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

fn identity(rule: &Rule, sighting: &Sighting) -> Key {
    let group =
        |name: &str| sighting.group(name).filter(|_| rule.password).map(|s| s.expose().to_vec()).unwrap_or_default();
    (sighting.secret.expose().to_vec(), group("user"), group("host"))
}

/// Makes one finding of the sightings of a credential.
fn finding(set: &RuleSet, key: &FingerprintKey, now: i64, mut group: Vec<Sighting>) -> Option<Finding> {
    let best = group
        .iter()
        .enumerate()
        .max_by_key(|(i, s)| (s.confidence, set.specificity(s.rule), s.severity, std::cmp::Reverse(*i)))?
        .0;
    let lead = group.get(best)?.rule;
    let rule = set.rules.get(usize::from(lead))?;
    let confidence = group.get(best)?.confidence;
    let mut facts: Vec<Fact> = group.iter().filter(|s| s.rule == lead).flat_map(|s| s.facts.iter().cloned()).collect();
    let lead_severity = group.get(best)?.severity;
    let severity = severity(lead_severity, now, &mut facts, &group);
    let id = |index: u16| set.rules.get(usize::from(index)).map(|r| r.id.to_string());
    let mut other_rules: Vec<String> = group
        .iter()
        .flat_map(|s| s.others.iter().copied().chain([s.rule]))
        .filter(|r| *r != lead)
        .filter_map(id)
        .collect();
    other_rules.sort();
    other_rules.dedup();
    let companions = parts(set, &mut group);
    let first = group.get(best).map(|s| s.secret.clone())?;
    let fingerprint = {
        let group_of = |name: &str| group.get(best).and_then(|s| s.group(name)).map(Secret::expose).unwrap_or_default();
        let identity = if rule.password {
            Identity::Password { secret: &first, subject: group_of("user"), host: group_of("host") }
        } else {
            Identity::Token(&first)
        };
        key.fingerprint(identity)
    };
    let mut locations: Vec<Location> = group.into_iter().map(|s| s.location).collect();
    locations.sort();
    locations.dedup();
    Some(Finding {
        rule: rule.id.to_string(),
        title: rule.name.to_string(),
        provider: set.provider_of(rule).map(|p| p.name.to_string()).unwrap_or_default(),
        other_rules,
        severity,
        confidence,
        redacted: first.redacted(usize::from(rule.public_prefix)),
        secret: first,
        fingerprint,
        locations,
        companions,
        facts,
        advice: rule.advice.to_string(),
        docs: rule.docs.to_string(),
        controls: rule.controls.iter().map(ToString::to_string).collect(),
    })
}

/// The severity after what is known of the token's time and of where it stands; the facts say why.
fn severity(mut severity: Severity, now: i64, facts: &mut Vec<Fact>, group: &[Sighting]) -> Severity {
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
    severity
}

/// Takes the other parts of the credential from its sightings: each name once with each value.
fn parts(set: &RuleSet, group: &mut [Sighting]) -> Vec<Companion> {
    let mut out: Vec<Companion> = Vec::new();
    let mut add = |name: String, index: Option<u16>, secret: Secret, location: Location| {
        let rule = index.and_then(|i| set.rules.get(usize::from(i)));
        if !out.iter().any(|c| c.name == name && c.secret == secret) {
            let redacted = secret.redacted(rule.map_or(0, |r| usize::from(r.public_prefix)));
            out.push(Companion { name, rule: rule.map(|r| r.id.to_string()), secret, redacted, location });
        }
    };
    for sighting in group {
        for (name, secret, location) in std::mem::take(&mut sighting.groups) {
            add(name, None, secret, location);
        }
        for (name, rule, secret, location) in std::mem::take(&mut sighting.companions) {
            add(name, Some(rule), secret, location);
        }
    }
    out
}

/// Splits findings into those at or above a confidence and the number of the others.
pub(super) fn above(findings: Vec<Finding>, threshold: Confidence) -> (Vec<Finding>, u64) {
    let total = findings.len();
    let kept: Vec<Finding> = findings.into_iter().filter(|f| f.confidence >= threshold).collect();
    let below = (total - kept.len()) as u64;
    (kept, below)
}

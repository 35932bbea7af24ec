//! The outcome of a scan, as every format tells it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use super::usage::Consumers;
use super::{Coverage, Fact, Finding, Fingerprint, Location, Secret, Suppressed, Untrusted};

/// What a scan found, and what it covered.
#[derive(Debug, Default)]
pub struct Report {
    /// Findings at or above the confidence that was asked for, most severe first, then by place.
    pub findings: Vec<Finding>,
    /// How many more there are below it.
    pub below_confidence: u64,
    /// How many were left out because a suppression names them.
    pub suppressed: u64,
    /// The suppressions that took something out.
    pub suppressions: Vec<Suppressed>,
    /// How many places a marker on their line allows, by the marker; they are left out.
    pub markers: BTreeMap<&'static str, u64>,
    /// How many rules were looked for.
    pub rules: u64,
    /// What was read, and what was not.
    pub coverage: Coverage,
    /// Who consumes which secret, where that was asked.
    pub consumers: Consumers,
}

/// What makes two findings of different reports the same credential. A fingerprint tells a password from the same one
/// of another user; where there is none, the other parts do.
type Same = (Secret, Option<Fingerprint>, Vec<(String, Secret)>);

impl Report {
    /// Puts the name of a repository before every path, as `NAME: path`. `root` is where it lay while it was scanned: what
    /// is named by that directory is named by the repository.
    pub fn within(&mut self, name: &Untrusted, root: &[u8]) {
        // Places share the paths that they are in.
        let mut named: HashMap<Untrusted, Untrusted> = HashMap::new();
        let mut within = |path: &mut Untrusted| {
            let long = named.entry(path.clone()).or_insert_with(|| match path.raw().strip_prefix(root) {
                Some(b"" | b"/") => name.clone(),
                Some([b'/', rest @ ..]) => Untrusted::new(&[name.raw(), b": ", rest].concat()),
                _ => Untrusted::new(&[name.raw(), b": ", path.raw()].concat()),
            });
            *path = long.clone();
        };
        for finding in &mut self.findings {
            let parts = finding.companions.iter_mut().map(|part| &mut part.location);
            finding.locations.iter_mut().chain(parts).for_each(|location| within(&mut location.path));
        }
        self.coverage.paths().for_each(&mut within);
        self.consumers.paths().for_each(within);
    }

    /// Joins the reports of several targets: a credential that more than one of them has is one finding, with all its
    /// places.
    #[must_use]
    pub fn joined(reports: Vec<Self>) -> Self {
        let mut all = Self::default();
        let mut known: HashMap<Same, usize> = HashMap::new();
        for report in reports {
            for finding in report.findings {
                match known.entry(same(&finding)) {
                    Entry::Occupied(at) => {
                        if let Some(first) = all.findings.get_mut(*at.get()) {
                            join(first, finding);
                        }
                    }
                    Entry::Vacant(at) => {
                        at.insert(all.findings.len());
                        all.findings.push(finding);
                    }
                }
            }
            all.below_confidence += report.below_confidence;
            all.suppressed += report.suppressed;
            all.suppressions.extend(report.suppressions);
            for (marker, places) in report.markers {
                *all.markers.entry(marker).or_default() += places;
            }
            all.rules = all.rules.max(report.rules);
            all.coverage.merge(report.coverage);
            all.consumers.merge(report.consumers);
        }
        all.sort();
        all
    }

    /// Puts the findings in their order: most severe first, then by place.
    pub fn sort(&mut self) {
        self.findings.sort_by(|a, b| {
            let order = b.severity.cmp(&a.severity).then_with(|| a.locations.first().cmp(&b.locations.first()));
            order.then_with(|| a.kind.rule.cmp(&b.kind.rule))
        });
    }
}

fn same(finding: &Finding) -> Same {
    let parts = finding.companions.iter().filter(|_| finding.fingerprint.is_none());
    let mut parts: Vec<_> = parts.map(|part| (part.name.to_string(), part.secret.clone())).collect();
    parts.sort_by(|a, b| a.0.cmp(&b.0));
    (finding.secret.clone(), finding.fingerprint.clone(), parts)
}

/// Adds the places of a credential, and what is known of it there, to what is known of it already.
fn join(first: &mut Finding, mut other: Finding) {
    if (other.confidence, other.severity) > (first.confidence, first.severity) {
        std::mem::swap(first, &mut other);
    }
    let (severity, confidence) = (first.severity.max(other.severity), first.confidence.max(other.confidence));
    (first.severity, first.confidence) = (severity, confidence);
    let everywhere = |fact: &Fact| matches!(fact, Fact::TestPath | Fact::PartMissing(_));
    first.facts.retain(|fact| !everywhere(fact) || other.facts.contains(fact));
    first.facts.extend(other.facts.into_iter().filter(|fact| !everywhere(fact)));
    first.facts.sort();
    first.facts.dedup();
    for part in other.companions {
        if !first.companions.iter().any(|known| known.name == part.name && known.secret == part.secret) {
            first.companions.push(part);
        }
    }
    for kind in other.other_kinds.into_iter().chain([other.kind]) {
        if kind.rule != first.kind.rule && !first.other_kinds.iter().any(|known| known.rule == kind.rule) {
            first.other_kinds.push(kind);
        }
    }
    first.other_kinds.sort_by(|a, b| a.rule.cmp(&b.rule));
    first.locations.append(&mut other.locations);
    first.locations.sort_by(Location::cmp);
    first.locations.dedup();
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use super::*;
    use crate::model::{Confidence, GapKind, Kind, Part, Severity};

    fn finding(secret: &str, path: &str, facts: &[Fact], severity: Severity) -> Finding {
        let text = || Cow::Borrowed("x");
        let kind = Kind {
            rule: text(),
            title: text(),
            provider: text(),
            public_prefix: 0,
            advice: text(),
            docs: text(),
            controls: Cow::Borrowed(&[]),
        };
        let place = Location {
            path: path.into(),
            part: Part::File,
            start: 0,
            end: 1,
            line: 1,
            column: 1,
            end_line: 1,
            end_column: 2,
            commit: None,
            history: None,
        };
        Finding {
            leaks: None,
            kind: Arc::new(kind),
            other_kinds: Vec::new(),
            severity,
            confidence: Confidence::High,
            secret: Secret::new(secret.as_bytes().to_vec()),
            fingerprint: None,
            locations: vec![place],
            companions: Vec::new(),
            facts: facts.to_vec(),
            verification: None,
        }
    }

    fn report(name: &str, findings: Vec<Finding>) -> Report {
        let mut report = Report { findings, rules: 3, ..Report::default() };
        for path in ["/tmp/m", "/tmp/m/packed-refs", "a"] {
            report.coverage.gap(GapKind::Corrupt, &path.into(), "why");
        }
        report.within(&name.into(), b"/tmp/m");
        report
    }

    #[test]
    fn reports_of_repositories_are_joined_by_credential() {
        let test = [Fact::TestPath];
        let first = report("o/a", vec![finding("one", "tests/x", &test, Severity::Low)]);
        let gaps: Vec<&[u8]> = first.coverage.gaps.iter().map(|gap| gap.path.raw()).collect();
        assert_eq!(gaps, [&b"o/a"[..], b"o/a: packed-refs", b"o/a: a"]);
        let both = vec![finding("one", "src/x", &[], Severity::High), finding("two", "y", &test, Severity::Critical)];
        let all = Report::joined(vec![first, report("o/b", both)]);
        let told: Vec<_> = all
            .findings
            .iter()
            .map(|f| (f.severity, f.locations.iter().map(|l| l.path.raw()).collect::<Vec<_>>(), f.facts.len()))
            .collect();
        assert_eq!(told.len(), 2);
        assert_eq!(told[0], (Severity::Critical, vec![&b"o/b: y"[..]], 1));
        assert_eq!(told[1], (Severity::High, vec![&b"o/a: tests/x"[..], b"o/b: src/x"], 0), "a test in one alone");
        assert_eq!((all.rules, all.coverage.gaps.len()), (3, 6));
    }
}

//! Why a place is or is no finding of a generic rule: every value that a name for secrets is given, with all its features,
//! for the person who asks. A scan runs none of it.

use std::ops::Range;

use super::assign::{self, Value};
use super::checks::{self, Match};
use super::chunk::Quoting;
use super::detector::{self, Detector, Scratch};
use super::names;
use super::score::{self, Feature};
use crate::model::Confidence;
use crate::rules::{Rule, Shape};

/// What a generic rule makes of a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Index of the rule.
    pub rule: u16,
    /// Where the name stands that has the rule's keyword in it: the keyword alone where it is given no value, or where it
    /// stands in one, since what is around it may be a secret.
    pub name: Range<usize>,
    /// Where the keyword stands.
    keyword: Range<usize>,
    /// Where the value stands; `None` where the name is given none.
    pub value: Option<Range<usize>>,
    /// How the value is written.
    pub quoting: Quoting,
    /// What speaks for and against it, what rejects it first.
    pub features: Vec<Feature>,
}

impl Judged {
    /// The points of all features.
    #[must_use]
    pub fn sum(&self) -> i32 {
        self.features.iter().map(|f| f.points).sum()
    }

    /// What a scan makes of it: `None` where it is rejected.
    #[must_use]
    pub fn confidence(&self) -> Option<Confidence> {
        if self.features.iter().any(Feature::rejects) { None } else { score::confidence(self.sum()) }
    }
}

const NO_VALUE: Feature = no("value", "the name is given no value here");
const EXTENT: Feature = no("length", "too short or too long for the rule");
const PATTERN: Feature = no("pattern", "not made as the rule wants bare values, or too short for it");
const GOES_ON: Feature = no("pattern", "goes on with a sign that bare values do not have");

const fn no(name: &'static str, phrase: &'static str) -> Feature {
    Feature { name, points: score::VETO, phrase }
}

impl Detector<'_> {
    /// What the generic rules make of the names and values that stand in a range of a text, in their order; each value
    /// once, by the rule that says most for it.
    #[must_use]
    pub fn judgements(&self, text: &[u8], range: &Range<usize>) -> Vec<Judged> {
        let mut hits = Vec::new();
        self.hits(text, &mut Scratch::default(), &mut hits);
        let mut out: Vec<Judged> = Vec::new();
        for hit in &hits {
            let start = hit.start as usize;
            // A value may stand lines below its name.
            if !(range.start.saturating_sub(Shape::TOKEN)..range.end).contains(&start) {
                continue;
            }
            let end = start + self.len_of(hit.keyword);
            for index in self.rules().index.rules_of(hit.keyword) {
                let rule = self.rule(*index).filter(|r| r.password && r.fallback);
                if let Some(rule) = rule {
                    self.judged(*index, rule, text, start..end, &mut out);
                }
            }
        }
        let values: Vec<Range<usize>> = out.iter().filter_map(|j| j.value.clone()).collect();
        for judged in &mut out {
            if values.iter().any(|v| v.start < judged.name.end && judged.name.start < v.end) {
                judged.name = judged.keyword.clone();
            }
        }
        let within = |r: &Range<usize>| r.start < range.end && range.start < r.end.max(r.start + 1);
        out.retain(|j| within(&j.name) || j.value.as_ref().is_some_and(within));
        let place = |j: &Judged| j.value.clone().map_or((j.name.end, j.name.end, true), |v| (v.start, v.end, false));
        out.sort_by_key(|j| (place(j), std::cmp::Reverse(j.confidence()), std::cmp::Reverse(j.sum()), j.rule));
        out.dedup_by_key(|j| place(j));
        out
    }

    fn judged(&self, index: u16, rule: &Rule, text: &[u8], hit: Range<usize>, out: &mut Vec<Judged>) {
        match rule.shape {
            Shape::Assign => {
                let first = assign::value_after(text, hit.clone());
                let others = assign::others(text, hit.start, first.as_ref());
                let Some(first) = first else {
                    let (name, features) = (hit.clone(), vec![NO_VALUE]);
                    out.push(Judged { rule: index, name, keyword: hit, value: None, quoting: Quoting::None, features });
                    return;
                };
                let values = std::iter::once(first).chain(others);
                out.extend(values.map(|value| self.judged_assignment(index, rule, text, hit.clone(), value)));
            }
            Shape::Token => {
                let first = hit.start.saturating_sub(usize::from(rule.before.1));
                let found = (first..=hit.start).find_map(|start| self.token_at(index, rule, text, &hit, start));
                let Some(found) = found else { return };
                let (name, value) = (found.whole.start..found.secret.start, Some(found.secret.clone()));
                let features = checks::features(rule, text, &found);
                out.push(Judged { rule: index, name, keyword: hit, value, quoting: Quoting::None, features });
            }
            _ => {}
        }
    }

    fn judged_assignment(&self, index: u16, rule: &Rule, text: &[u8], hit: Range<usize>, value: Value) -> Judged {
        let name = names::around(text, hit.clone());
        let quoting = checks::quoting(text, &hit, &value);
        let keyword = hit.clone();
        let (span, odd) = self.extent(index, rule, text, &value);
        let found =
            Match { whole: span.clone(), secret: span.clone(), groups: Vec::new(), assigned: Some((hit, value)) };
        let features = odd.into_iter().chain(checks::features(rule, text, &found)).collect();
        Judged { rule: index, name, keyword, value: Some(span), quoting, features }
    }

    /// Where a value begins and ends, and what of that the rule does not accept.
    fn extent(&self, index: u16, rule: &Rule, text: &[u8], value: &Value) -> (Range<usize>, Option<Feature>) {
        if value.quoting == Quoting::Quoted {
            let fits = (rule.prefix.len()..=detector::MAX_PASSWORD).contains(&value.span.len());
            return (value.span.clone(), (!fits).then_some(EXTENT));
        }
        let start = value.span.start;
        if let Some(found) = self.matched(index, rule, text, start) {
            let ends = detector::ends_bare(text, found.whole.end);
            return (found.secret, (!ends).then_some(GOES_ON));
        }
        let rest = text.get(start..).unwrap_or_default();
        let word = rest.iter().take(detector::MAX_PASSWORD).take_while(|b| !b.is_ascii_whitespace()).count();
        (start..start + word, Some(PATTERN))
    }
}

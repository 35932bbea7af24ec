//! Patterns that need no regular expression engine: rows of byte sets, each repeated within bounds, where greedy
//! matching without going back gives the regex's own answer.
//!
//! That is so where every set that may repeat a varying number of times is disjoint from what may follow it: after as
//! many bytes as there are, another choice could only end earlier, before a byte that what follows does not take.
//! Alternatives and optional parts make several rows, tried in the regex's order of preference. Most tokens are of this
//! kind. They are matched by a loop, and cost nothing to compile. `detect` tests the loop against the regex.

use std::borrow::Cow;

use regex_syntax::hir::{Hir, HirKind};

use super::classes::{ByteSet, class_set, one};

/// One byte set and how often it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The bytes.
    pub set: ByteSet,
    /// At least so often.
    pub min: u16,
    /// At most so often.
    pub max: u16,
}

/// A group of the pattern: from the start of one step to the start of another (or the end).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepGroup {
    /// Its name.
    pub name: Cow<'static, str>,
    /// First step.
    pub from: u8,
    /// Step after the last.
    pub to: u8,
}

/// One way for a pattern to match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The steps, in order.
    pub steps: Cow<'static, [Step]>,
    /// The named groups.
    pub groups: Cow<'static, [StepGroup]>,
}

/// The most steps of a row: positions of all of them are kept while it is matched.
pub const MAX_STEPS: usize = 64;
/// The most rows of a pattern; a regex is better at more.
const MAX_ROWS: usize = 16;

/// The rows of a pattern, in order of preference; `None` where the pattern is of another kind.
#[must_use]
pub fn derive(hir: &Hir) -> Option<Vec<Row>> {
    let rows = ways(hir)?;
    rows.iter().all(|row| row.steps.len() <= MAX_STEPS && is_deterministic(&row.steps)).then_some(rows)
}

fn step(set: ByteSet, min: u32, max: u32) -> Option<Vec<Row>> {
    let step = Step { set, min: u16::try_from(min).ok()?, max: u16::try_from(max).ok()? };
    Some(vec![Row { steps: vec![step].into(), groups: Cow::default() }])
}

/// Every way for a pattern to match, the preferred first.
fn ways(hir: &Hir) -> Option<Vec<Row>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![Row::default()]),
        HirKind::Look(_) => None,
        HirKind::Literal(literal) => {
            let steps: Vec<Step> = literal.0.iter().map(|b| Step { set: one(*b), min: 1, max: 1 }).collect();
            Some(vec![Row { steps: steps.into(), groups: Cow::default() }])
        }
        HirKind::Class(class) => step(class_set(class)?, 1, 1),
        HirKind::Concat(parts) => {
            parts.iter().try_fold(vec![Row::default()], |head, part| chained(&head, &ways(part)?))
        }
        HirKind::Alternation(parts) => {
            let all: Option<Vec<Vec<Row>>> = parts.iter().map(ways).collect();
            all.map(|rows| rows.concat()).filter(|rows| rows.len() <= MAX_ROWS)
        }
        HirKind::Capture(capture) => {
            let mut rows = ways(&capture.sub)?;
            if let Some(name) = &capture.name {
                for row in &mut rows {
                    let group = StepGroup { name: name.to_string().into(), from: 0, to: row.steps.len() as u8 };
                    row.groups.to_mut().push(group);
                }
            }
            Some(rows)
        }
        HirKind::Repetition(repetition) => {
            let max = repetition.max.filter(|_| repetition.greedy)?;
            match repetition.sub.kind() {
                HirKind::Class(class) => step(class_set(class)?, repetition.min, max),
                HirKind::Literal(literal) if literal.0.len() == 1 => {
                    step(one(*literal.0.first()?), repetition.min, max)
                }
                _ => repeated(&ways(&repetition.sub)?, repetition.min, max),
            }
        }
    }
}

/// Every way of the first followed by every way of the second.
fn chained(head: &[Row], tail: &[Row]) -> Option<Vec<Row>> {
    let joined = |a: &Row, b: &Row| {
        let shift = a.steps.len() as u8;
        let moved = b.groups.iter().map(|g| StepGroup { name: g.name.clone(), from: g.from + shift, to: g.to + shift });
        let groups: Vec<StepGroup> = a.groups.iter().cloned().chain(moved).collect();
        Row { steps: [&a.steps[..], &b.steps[..]].concat().into(), groups: groups.into() }
    };
    let fits = head.len() * tail.len() <= MAX_ROWS && head.iter().chain(tail).all(|row| row.steps.len() <= MAX_STEPS);
    fits.then(|| head.iter().flat_map(|a| tail.iter().map(move |b| joined(a, b))).collect())
}

/// Every way of a part that stands from `min` to `max` times, more before fewer.
fn repeated(part: &[Row], min: u32, max: u32) -> Option<Vec<Row>> {
    if max > MAX_STEPS as u32 {
        return None;
    }
    let times = |n: u32| (0..n).try_fold(vec![Row::default()], |head, _| chained(&head, part));
    let all: Option<Vec<Vec<Row>>> = (min..=max).rev().map(times).collect();
    all.map(|rows| rows.concat()).filter(|rows| rows.len() <= MAX_ROWS)
}

fn is_deterministic(steps: &[Step]) -> bool {
    steps.iter().enumerate().filter(|(_, step)| step.min < step.max).all(|(i, step)| {
        let after = steps.get(i + 1..).unwrap_or_default();
        let until = after.iter().position(|s| s.min > 0).map_or(after.len(), |required| required + 1);
        after.iter().take(until).all(|next| next.set.iter().zip(step.set).all(|(a, b)| a & b == 0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::classes::parse;

    fn rows(pattern: &str) -> Option<Vec<Vec<(u16, u16)>>> {
        let bounds = |row: &Row| row.steps.iter().map(|s| (s.min, s.max)).collect();
        derive(&parse(pattern).unwrap()).map(|rows| rows.iter().map(bounds).collect())
    }

    #[test]
    fn rows_of_sets_are_derived_where_greed_is_right() {
        assert_eq!(rows("ab[0-9]{2,5}-[a-z]{3}"), Some(vec![vec![(1, 1), (1, 1), (2, 5), (1, 1), (3, 3)]]));
        assert_eq!(rows("(?<secret>x[0-9]{4})"), Some(vec![vec![(1, 1), (4, 4)]]));
        assert_eq!(rows("[0-9]{2,5}-?[a-z]"), Some(vec![vec![(2, 5), (0, 1), (1, 1)]]));
        assert_eq!(rows("a(?:bc|[0-9]{2})?"), Some(vec![vec![(1, 1); 3], vec![(1, 1), (2, 2)], vec![(1, 1)]]));
        assert_eq!(rows("(?:a[0-9]){1,2}").map(|r| r.iter().map(Vec::len).collect()), Some(vec![4, 2]));
        let many = "(?:ab|cd)".repeat(5);
        for other in ["[0-9]{2,5}[0-9a]", "[0-9]{2,5}a?[0-9]", "a{2,3}?b", "a*", "[0-9]{2,5}(?:x|1)", &many] {
            assert_eq!(rows(other), None, "{other}");
        }
        let rows = derive(&parse("(?<id>[a-z]{2}):(?<secret>[0-9]{3})").unwrap()).unwrap();
        let of = |name: &'static str, from, to| StepGroup { name: name.into(), from, to };
        assert_eq!(rows[0].groups[..], [of("id", 0, 1), of("secret", 2, 3)]);
    }
}

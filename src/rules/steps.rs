//! Patterns that need no regular expression engine: a row of byte sets, each repeated within bounds, where greedy
//! matching without going back gives the regex's own answer.
//!
//! That is so where every set that may repeat a varying number of times is disjoint from what may follow it: after as
//! many bytes as there are, another choice could only end earlier, before a byte that what follows does not take.
//! Most tokens are of this kind. They are matched by a loop, and cost nothing to compile. `detect` tests the loop
//! against the regex.

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
    pub name: std::borrow::Cow<'static, str>,
    /// First step.
    pub from: u8,
    /// Step after the last.
    pub to: u8,
}

/// The most steps of a row: positions of all of them are kept while it is matched.
pub const MAX_STEPS: usize = 64;

/// The row of a pattern, and its named groups; `None` where the pattern is of another kind.
#[must_use]
pub fn derive(hir: &Hir) -> Option<(Vec<Step>, Vec<StepGroup>)> {
    let mut row = Row::default();
    row.add(hir)?;
    row.is_deterministic().then_some((row.steps, row.groups))
}

#[derive(Default)]
struct Row {
    steps: Vec<Step>,
    groups: Vec<StepGroup>,
}

impl Row {
    fn push(&mut self, set: ByteSet, min: u32, max: u32) -> Option<()> {
        let (min, max) = (u16::try_from(min).ok()?, u16::try_from(max).ok()?);
        self.steps.push(Step { set, min, max });
        (self.steps.len() <= MAX_STEPS).then_some(())
    }

    fn add(&mut self, hir: &Hir) -> Option<()> {
        match hir.kind() {
            HirKind::Empty => Some(()),
            HirKind::Look(_) | HirKind::Alternation(_) => None,
            HirKind::Literal(literal) => literal.0.iter().try_for_each(|b| self.push(one(*b), 1, 1)),
            HirKind::Class(class) => self.push(class_set(class)?, 1, 1),
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.add(part)),
            HirKind::Capture(capture) => {
                let from = self.steps.len() as u8;
                self.add(&capture.sub)?;
                if let Some(name) = &capture.name {
                    self.groups.push(StepGroup { name: name.to_string().into(), from, to: self.steps.len() as u8 });
                }
                Some(())
            }
            HirKind::Repetition(repetition) => match repetition.sub.kind() {
                HirKind::Class(class) if repetition.greedy => {
                    self.push(class_set(class)?, repetition.min, repetition.max?)
                }
                HirKind::Literal(literal) if repetition.greedy && literal.0.len() == 1 => {
                    self.push(one(*literal.0.first()?), repetition.min, repetition.max?)
                }
                _ if repetition.max == Some(repetition.min) => {
                    (0..repetition.min).try_for_each(|_| self.add(&repetition.sub))
                }
                _ => None,
            },
        }
    }

    fn is_deterministic(&self) -> bool {
        self.steps.iter().enumerate().filter(|(_, step)| step.min < step.max).all(|(i, step)| {
            let after = self.steps.get(i + 1..).unwrap_or_default();
            let until = after.iter().position(|s| s.min > 0).map_or(after.len(), |required| required + 1);
            after.iter().take(until).all(|next| next.set.iter().zip(step.set).all(|(a, b)| a & b == 0))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::classes::parse;

    fn steps(pattern: &str) -> Option<Vec<(u16, u16)>> {
        derive(&parse(pattern).unwrap()).map(|(steps, _)| steps.iter().map(|s| (s.min, s.max)).collect())
    }

    #[test]
    fn rows_of_sets_are_derived_where_greed_is_right() {
        assert_eq!(steps("ab[0-9]{2,5}-[a-z]{3}"), Some(vec![(1, 1), (1, 1), (2, 5), (1, 1), (3, 3)]));
        assert_eq!(steps("(?<secret>x[0-9]{4})"), Some(vec![(1, 1), (4, 4)]));
        assert_eq!(steps("[0-9]{2,5}-?[a-z]"), Some(vec![(2, 5), (0, 1), (1, 1)]));
        for other in ["a|bc", "[0-9]{2,5}[0-9a]", "[0-9]{2,5}a?[0-9]", "(?:ab){1,2}", "a{2,3}?b", "a*"] {
            assert_eq!(steps(other), None, "{other}");
        }
        let (_, groups) = derive(&parse("(?<id>[a-z]{2}):(?<secret>[0-9]{3})").unwrap()).unwrap();
        let of = |name: &'static str, from, to| StepGroup { name: name.into(), from, to };
        assert_eq!(groups, [of("id", 0, 1), of("secret", 2, 3)]);
    }
}

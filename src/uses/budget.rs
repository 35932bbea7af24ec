//! How much of a file is looked at: aliases and what jobs share make a small file say much.

use std::cell::Cell;

use crate::model::GapKind;
use crate::model::usage::Unread;

/// What a file may cost that says little: whatever it costs above that has to be in proportion to its length.
const LEAST: usize = 1 << 20;
/// How often the bytes of a file are looked at, those behind an alias as often as it stands there.
const TIMES: usize = 4;
/// What no file may cost more than.
const MOST: usize = 8 << 20;

/// What is left to look at. What it is counted in is up to the reader: bytes, or things that are looked through.
#[derive(Debug)]
pub(in crate::uses) struct Budget(Cell<Option<usize>>);

impl Budget {
    /// So much and no more.
    pub(in crate::uses) const fn new(most: usize) -> Self {
        Self(Cell::new(Some(most)))
    }

    /// The bytes of a file, some times over.
    pub(in crate::uses) fn of(source: &str) -> Self {
        Self::new((source.len() * TIMES + LEAST).min(MOST))
    }

    /// Pays; `false` where too little is left, from then on for good.
    pub(in crate::uses) fn pays(&self, cost: usize) -> bool {
        self.0.set(self.0.get().and_then(|left| left.checked_sub(cost)));
        self.0.get().is_some()
    }

    /// Pays for a look at a text, and for what is written down about it.
    pub(in crate::uses) fn reads(&self, text: &str) -> bool {
        self.pays(text.len() + 8)
    }

    /// What is to be said where it ran out.
    pub(in crate::uses) fn unread(&self) -> Option<Unread> {
        let why =
            "it says more than is followed, each alias counted: who uses what in the rest is not known".to_owned();
        self.0.get().is_none().then_some(Unread { at: 0, kind: Some(GapKind::OverBudget), why })
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;

    #[test]
    fn what_ran_out_is_told_and_stays_so() {
        let budget = Budget::new(10);
        assert!(budget.pays(6) && budget.unread().is_none() && !budget.pays(6) && !budget.pays(1));
        assert!(budget.unread().is_some() && Budget::of("").reads("a"));
    }
}

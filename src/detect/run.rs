//! Runs of one alphabet, for rules without a keyword.

use std::ops::Range;

use crate::rules::Rule;
use crate::rules::classes::has;

/// Calls `found` with every maximal run of bytes of the rule's first set that is no longer than its matches may
/// be and starts in `owned`. A run is decided by its own bytes and one on each side.
pub(super) fn runs(rule: &Rule, text: &[u8], owned: Range<usize>, mut found: impl FnMut(Range<usize>)) {
    let Some(set) = rule.prefix.first() else { return };
    let min = rule.prefix.len();
    let mut at = owned.start;
    // A run that goes on from before the owned part belongs to the chunk before.
    if at.checked_sub(1).and_then(|i| text.get(i)).is_some_and(|b| has(set, *b)) {
        at += len_of_run(text, at, set);
    }
    while at < owned.end {
        let rest = text.get(at..owned.end).unwrap_or_default();
        let Some(skip) = rest.iter().position(|b| has(set, *b)) else { return };
        let start = at + skip;
        let len = len_of_run(text, start, set);
        if len >= min && len <= usize::from(rule.max_len) {
            found(start..start + len);
        }
        at = start + len;
    }
}

fn len_of_run(text: &[u8], start: usize, set: &[u64; 4]) -> usize {
    text.get(start..).map_or(0, |rest| rest.iter().position(|b| !has(set, *b)).unwrap_or(rest.len()))
}

//! Lines of PowerShell that are no commands.

use super::words::Word;

/// Words that join two texts to one.
const JOINS: &[&str] = &["+", "-f", "-join"];
/// Beginnings of calls that write to the output.
const CALLS: &[&str] = &["[console]::", "[system.console]::"];

/// Whether a line is an expression whose value is its output, or a call that writes what it is given.
pub(super) fn is_expression(words: &[&Word<'_>]) -> bool {
    let Some(first) = words.first().map(|word| word.text) else { return false };
    let starts = |call: &&str| first.get(..call.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(call));
    if CALLS.iter().any(starts) {
        let called = first.split('(').next().unwrap_or_default().to_ascii_lowercase();
        return called.contains("write");
    }
    match words {
        [_] => first.starts_with(['$', '"']),
        [_, join, ..] => {
            first.starts_with(['$', '"', '\'', '(']) && JOINS.iter().any(|own| join.text.eq_ignore_ascii_case(own))
        }
        [] => false,
    }
}

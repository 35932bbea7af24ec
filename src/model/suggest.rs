//! Help for a misspelt word: the nearest known one.

/// The candidate nearest to `word`, if one is near enough to be a slip of the hand.
///
/// Nearness is the Damerau–Levenshtein distance; at most a third of the word may differ.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&word, &known.to_lowercase()), known))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Turns serde's "unknown field `x`, expected one of `a`, `b`" into the help line that names the nearest
/// known key. `None` where the message is about something else or nothing is near.
#[must_use]
pub fn unknown_key_help(message: &str) -> Option<String> {
    let mut words = message.split('`').skip(1).step_by(2);
    if !(message.contains("unknown field") || message.contains("unknown variant")) {
        return None;
    }
    let word = words.next()?;
    let known: Vec<&str> = words.collect();
    nearest(word, known.iter().copied()).map(|k| format!("did you mean `{k}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_named_and_a_far_one_is_not() {
        let message = "unknown field `pattrn`, expected one of `pattern`, `sample`";
        assert_eq!(unknown_key_help(message).as_deref(), Some("did you mean `pattern`?"));
        assert_eq!(unknown_key_help("unknown field `zzz`, expected `pattern`"), None);
        assert_eq!(unknown_key_help("invalid type"), None);
    }
}

//! Matches the patterns that are rows of byte sets (`rules::steps`): a loop, without going back.

use super::checks::Match;
use crate::rules::classes::has;
use crate::rules::steps::{MAX_STEPS, Row};

/// The match of a row that starts at `start`, if there is one.
pub(super) fn matched(row: &Row, text: &[u8], start: usize) -> Option<Match> {
    // Where each step begins, counted from the start.
    let mut places = [0u16; MAX_STEPS + 1];
    let mut at = start;
    for (step, place) in row.steps.iter().zip(places.iter_mut().skip(1)) {
        if step.min == 1 && step.max == 1 {
            // Most steps are one byte of a literal.
            if !text.get(at).is_some_and(|b| has(&step.set, *b)) {
                return None;
            }
            at += 1;
        } else {
            let reach = text.get(at..(at + usize::from(step.max)).min(text.len()))?;
            let len = reach.iter().position(|b| !has(&step.set, *b)).unwrap_or(reach.len());
            if len < usize::from(step.min) {
                return None;
            }
            at += len;
        }
        *place = (at - start) as u16;
    }
    let mut found = Match { whole: start..at, secret: start..at, groups: Vec::new(), assigned: None };
    for group in row.groups.iter() {
        let place = |step: u8| places.get(usize::from(step)).map(|place| start + usize::from(*place));
        let range = place(group.from)?..place(group.to)?;
        if group.name == "secret" {
            found.secret = range;
        } else {
            found.groups.push((group.name.to_string(), range));
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use regex_automata::{Anchored, Input};

    use super::*;
    use crate::rules::embedded::embedded;
    use crate::rules::template::{Bindings, Random, expand};

    /// Every row against its own regex, on samples, on samples with a byte changed, and on samples cut or drawn out.
    #[test]
    fn rows_match_what_their_regexes_match() {
        let set = embedded();
        let (mut rows, mut matches) = (0, 0);
        for rule in set.rules.iter().filter(|r| !r.rows.is_empty()) {
            let syntax = regex_automata::util::syntax::Config::new().unicode(false).utf8(false);
            let regex = regex_automata::meta::Regex::builder().syntax(syntax).build(&rule.pattern).unwrap();
            let mut random = Random::new(3);
            rows += 1;
            for round in 0..60 {
                let mut text = expand(&rule.sample, &mut random, &Bindings::new()).unwrap();
                let place = random.below(text.len());
                match round % 4 {
                    1 => text[place] = b"aZ0-_./=:@+ "[random.below(12)],
                    2 => text.truncate(place),
                    3 => text.insert(place, text[place]),
                    _ => {}
                }
                for start in 0..text.len() {
                    let input = Input::new(&text).range(start..).anchored(Anchored::Yes);
                    let mut captures = regex.create_captures();
                    regex.search_captures(&input, &mut captures);
                    let secret = || captures.get_group_by_name("secret").or(captures.get_group(0)).map(|s| s.range());
                    let wanted = captures.get_group(0).map(|g| (g.range(), secret()));
                    let got =
                        rule.rows.iter().find_map(|row| matched(row, &text, start)).map(|m| (m.whole, Some(m.secret)));
                    matches += usize::from(got.is_some());
                    assert_eq!(got, wanted, "{} at {start} of {}", rule.id, text.escape_ascii());
                }
            }
        }
        assert!(rows > 100 && matches > 2_000, "{rows} rows, {matches} matches");
    }
}

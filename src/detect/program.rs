//! Matches the patterns that are no rows of byte sets (`steps`) by going back: a small program, made in a hundredth of the
//! time that a regex takes.
//!
//! Few of these patterns are asked for in a scan, and then a few times each, so that making a regex costs more than all of
//! its searches. The program takes the choices in the regex's order of preference, and so finds the regex's own match:
//! the longer of a greedy repetition first, the shorter of a lazy one, the alternatives as they are written. It gives up
//! after [`FUEL`] steps, and the regex is asked: going back may take a time that grows with a power of the length.

use regex_syntax::hir::{Hir, HirKind, Repetition};

use super::checks::Match;
use crate::rules::classes::{self, ByteSet, class_set, has, one};

/// Steps of a search: most take a few dozen.
const FUEL: usize = 2_048;
/// The longest program.
const MAX_CODE: usize = 1_024;
/// Groups with a name, two slots each.
const MAX_GROUPS: usize = 8;

#[derive(Clone, Copy, Debug)]
enum Op {
    /// So many bytes of a set.
    Run { set: u16, min: u16, max: u16, greedy: bool },
    /// Go on at the first, or else at the second.
    Split { first: u16, second: u16 },
    /// Go on there.
    Jump(u16),
    /// Note the place: the start of a group, then its end.
    Save(u8),
    /// The end of a match.
    Match,
}

/// A pattern as a program.
pub(super) struct Program {
    sets: Vec<ByteSet>,
    code: Vec<Op>,
    groups: Vec<String>,
}

/// What is left to try.
enum Choice {
    /// Another way on.
    Way { at: usize, pc: usize },
    /// A repetition that ended before `at` may end earlier, down to `least`.
    Shorter { at: usize, least: usize, pc: usize },
    /// One that ended before `at` may go on, up to `most`.
    Longer { at: usize, most: usize, pc: usize },
    /// The place that a slot had.
    Slot { slot: u8, had: Option<usize> },
}

impl Program {
    /// The program of a pattern; `None` where it needs a regex.
    pub(super) fn derive(pattern: &str) -> Option<Self> {
        let mut program = Self { sets: Vec::new(), code: Vec::new(), groups: Vec::new() };
        program.add(&classes::parse(pattern).ok()?)?;
        program.push(Op::Match)?;
        Some(program)
    }

    fn push(&mut self, op: Op) -> Option<usize> {
        let at = self.code.len();
        (at < MAX_CODE).then(|| self.code.push(op))?;
        Some(at)
    }

    fn run(&mut self, set: ByteSet, min: u16, max: u16, greedy: bool) -> Option<()> {
        let known = self.sets.iter().position(|s| *s == set);
        let set = known.unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        });
        self.push(Op::Run { set: set as u16, min, max, greedy }).map(|_| ())
    }

    fn set_op(&mut self, at: usize, op: Op) -> Option<()> {
        *self.code.get_mut(at)? = op;
        Some(())
    }

    fn add(&mut self, hir: &Hir) -> Option<()> {
        match hir.kind() {
            HirKind::Empty => Some(()),
            HirKind::Look(_) => None,
            HirKind::Literal(literal) => literal.0.iter().try_for_each(|b| self.run(one(*b), 1, 1, true)),
            HirKind::Class(class) => self.run(class_set(class)?, 1, 1, true),
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.add(part)),
            HirKind::Alternation(parts) => self.alternation(parts),
            HirKind::Repetition(repetition) => self.repetition(repetition),
            HirKind::Capture(capture) => {
                let Some(name) = &capture.name else { return self.add(&capture.sub) };
                let group = self.groups.len();
                (group < MAX_GROUPS).then(|| self.groups.push(name.to_string()))?;
                self.push(Op::Save(group as u8 * 2))?;
                self.add(&capture.sub)?;
                self.push(Op::Save(group as u8 * 2 + 1)).map(|_| ())
            }
        }
    }

    fn alternation(&mut self, parts: &[Hir]) -> Option<()> {
        let mut ends = Vec::new();
        let (last, others) = parts.split_last()?;
        for part in others {
            let split = self.push(Op::Match)?;
            self.add(part)?;
            ends.push(self.push(Op::Match)?);
            self.set_op(split, Op::Split { first: split as u16 + 1, second: self.code.len() as u16 })?;
        }
        self.add(last)?;
        let end = self.code.len() as u16;
        ends.into_iter().try_for_each(|at| self.set_op(at, Op::Jump(end)))
    }

    fn repetition(&mut self, repetition: &Repetition) -> Option<()> {
        let max = u16::try_from(repetition.max?).ok()?;
        let min = u16::try_from(repetition.min).ok()?;
        match repetition.sub.kind() {
            HirKind::Class(class) => return self.run(class_set(class)?, min, max, repetition.greedy),
            HirKind::Literal(literal) if literal.0.len() == 1 => {
                return self.run(one(*literal.0.first()?), min, max, repetition.greedy);
            }
            _ => {}
        }
        // Groups in what is repeated would be several.
        if max > 1 && repetition.sub.properties().explicit_captures_len() > 0 {
            return None;
        }
        (0..min).try_for_each(|_| self.add(&repetition.sub))?;
        // Each further time is tried, or else the rest left out: x{0,3} is (x(x(x)?)?)?.
        let mut splits = Vec::new();
        for _ in min..max {
            splits.push(self.push(Op::Match)?);
            self.add(&repetition.sub)?;
        }
        let end = self.code.len() as u16;
        splits.into_iter().try_for_each(|at| {
            let (on, out) = (at as u16 + 1, end);
            let (first, second) = if repetition.greedy { (on, out) } else { (out, on) };
            self.set_op(at, Op::Split { first, second })
        })
    }

    /// The match that starts at `start`, if there is one; `None` where finding it would take too long.
    pub(super) fn search(&self, text: &[u8], start: usize) -> Option<Option<Match>> {
        let mut slots = [None; MAX_GROUPS * 2];
        let mut left: Vec<Choice> = Vec::with_capacity(32);
        let (mut at, mut pc) = (start, 0);
        for _ in 0..FUEL {
            let on = match self.code.get(pc)? {
                Op::Run { set, min, max, greedy } => {
                    self.repeated(text, at, usize::from(*set), (*min, *max)).map(|(least, most)| {
                        if least < most {
                            left.push(match greedy {
                                true => Choice::Shorter { at: most, least, pc: pc + 1 },
                                false => Choice::Longer { at: least, most, pc: pc + 1 },
                            });
                        }
                        (if *greedy { most } else { least }, pc + 1)
                    })
                }
                Op::Split { first, second } => {
                    left.push(Choice::Way { at, pc: usize::from(*second) });
                    Some((at, usize::from(*first)))
                }
                Op::Jump(to) => Some((at, usize::from(*to))),
                Op::Save(slot) => {
                    let place = slots.get_mut(usize::from(*slot))?;
                    left.push(Choice::Slot { slot: *slot, had: *place });
                    *place = Some(at);
                    Some((at, pc + 1))
                }
                Op::Match => return Some(Some(self.found(start..at, &slots))),
            };
            match on.or_else(|| back(&mut left, &mut slots)) {
                Some(next) => (at, pc) = next,
                None => return Some(None),
            }
        }
        None
    }

    /// The least and the greatest end of a repetition from `at` on.
    fn repeated(&self, text: &[u8], at: usize, set: usize, (min, max): (u16, u16)) -> Option<(usize, usize)> {
        let set = self.sets.get(set)?;
        let reach = text.get(at..(at + usize::from(max)).min(text.len()))?;
        let len = reach.iter().position(|b| !has(set, *b)).unwrap_or(reach.len());
        (len >= usize::from(min)).then_some((at + usize::from(min), at + len))
    }

    fn found(&self, whole: std::ops::Range<usize>, slots: &[Option<usize>]) -> Match {
        let mut found = Match { secret: whole.clone(), whole, groups: Vec::new(), assigned: None };
        for (name, span) in self.groups.iter().zip(slots.chunks_exact(2)) {
            let [Some(from), Some(to)] = span else { continue };
            match name.as_str() {
                "secret" => found.secret = *from..*to,
                _ => found.groups.push((name.clone(), *from..*to)),
            }
        }
        found
    }
}

/// The next thing to try: a place in the text and one in the code.
fn back(left: &mut Vec<Choice>, slots: &mut [Option<usize>]) -> Option<(usize, usize)> {
    loop {
        match left.pop()? {
            Choice::Way { at, pc } => return Some((at, pc)),
            Choice::Shorter { at, least, pc } => {
                let at = at - 1;
                if at > least {
                    left.push(Choice::Shorter { at, least, pc });
                }
                return Some((at, pc));
            }
            Choice::Longer { at, most, pc } => {
                let at = at + 1;
                if at < most {
                    left.push(Choice::Longer { at, most, pc });
                }
                return Some((at, pc));
            }
            Choice::Slot { slot, had } => {
                if let Some(place) = slots.get_mut(usize::from(slot)) {
                    *place = had;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use regex_automata::meta::Regex;
    use regex_automata::{Anchored, Input};

    use super::*;
    use crate::rules::embedded::embedded;
    use crate::rules::template::{Bindings, Random, expand};

    type Groups = Vec<(String, std::ops::Range<usize>)>;

    fn regex(pattern: &str) -> Regex {
        let syntax = regex_automata::util::syntax::Config::new().unicode(false).utf8(false);
        Regex::builder().syntax(syntax).build(pattern).unwrap()
    }

    /// The regex's answer: the whole match, and its named groups.
    fn wanted(regex: &Regex, text: &[u8], start: usize) -> Option<(std::ops::Range<usize>, Groups)> {
        let mut captures = regex.create_captures();
        regex.search_captures(&Input::new(text).range(start..).anchored(Anchored::Yes), &mut captures);
        let names = regex.group_info().pattern_names(regex_automata::PatternID::ZERO).enumerate();
        let named = names.filter_map(|(i, name)| Some((name?.to_owned(), captures.get_group(i)?.range())));
        let mut groups: Groups = named.collect();
        groups.sort_by_key(|(name, span)| (name.clone(), span.start));
        captures.get_group(0).map(|whole| (whole.range(), groups))
    }

    /// The program's, in the same form; `None` where it gave up.
    fn got(program: &Program, text: &[u8], start: usize) -> Option<Option<(std::ops::Range<usize>, Groups)>> {
        let found = program.search(text, start)?;
        Some(found.map(|m| {
            let mut groups = m.groups;
            if program.groups.iter().any(|name| name == "secret") {
                groups.push(("secret".to_owned(), m.secret));
            }
            groups.sort_by_key(|(name, span)| (name.clone(), span.start));
            (m.whole, groups)
        }))
    }

    #[test]
    fn choices_are_taken_in_the_regexes_order() {
        for (pattern, texts) in [
            ("[0-9]{2,5}(?:x|1)", &["12341", "123x", "12", "111111"][..]),
            ("(?<a>a|ab)(?<b>c|bcd)(?<c>d{0,3})", &["abcd", "acd", "abcdd"]),
            ("a[^\\n]{0,9}?b(?<secret>c{0,2}?)d", &["axbxbcd", "abd", "ab\nbd"]),
            ("(?:ab|a){0,3}?(?<x>b)?a", &["abaaba", "aa", "abba"]),
            ("(?:(?:a|b)c){1,3}(?<t>c{1,2}|)", &["acbcacc", "ac", "bccc"]),
            ("(?<p>x)?(?<q>y)?z", &["z", "xz", "yz", "xyz"]),
        ] {
            let (program, regex) = (Program::derive(pattern).unwrap(), regex(pattern));
            for text in texts {
                assert_eq!(
                    got(&program, text.as_bytes(), 0),
                    Some(wanted(&regex, text.as_bytes(), 0)),
                    "{pattern} {text}"
                );
            }
        }
    }

    #[test]
    fn a_search_that_takes_long_is_given_up() {
        let program = Program::derive("[a-z]{0,200}[a-y]{0,200}[a-x]{0,200}0").unwrap();
        assert!(program.search("a".repeat(300).as_bytes(), 0).is_none());
        for other in ["a*", "\\ba", "(?:(?<x>a)b){2}"] {
            assert!(Program::derive(other).is_none(), "{other}");
        }
    }

    /// Every program against its own regex, on samples as they are found, with a byte changed, cut or drawn out.
    #[test]
    fn programs_match_what_their_regexes_match() {
        let (mut programs, mut matches, mut searches, mut unknown) = (0, 0, 0, 0);
        for rule in embedded().rules.iter().filter(|r| r.rows.is_empty()) {
            let Some(program) = Program::derive(&rule.pattern) else { continue };
            let (regex, mut random) = (regex(&rule.pattern), Random::new(7));
            programs += 1;
            let templates: Vec<&str> = [rule.sample.as_ref()].into_iter().chain(rule.matches.iter()).collect();
            for round in 0..60 {
                let template = templates[round % templates.len()];
                let mut text = match expand(template, &mut random, &Bindings::new()) {
                    Ok(text) => text,
                    Err(_) => expand(&rule.sample, &mut random, &Bindings::new()).unwrap(),
                };
                let place = random.below(text.len());
                match round / 2 % 4 {
                    1 => text[place] = b"aZ0-_./=:@+ \"&?"[random.below(15)],
                    2 => text.truncate(place),
                    3 => text.insert(place, text[place]),
                    _ => {}
                }
                for start in 0..text.len() {
                    searches += 1;
                    let Some(got) = got(&program, &text, start) else {
                        unknown += 1;
                        continue;
                    };
                    matches += usize::from(got.is_some());
                    assert_eq!(got, wanted(&regex, &text, start), "{} at {start} of {}", rule.id, text.escape_ascii());
                }
            }
        }
        assert!(programs > 50 && matches > 1_000, "{programs} programs, {matches} matches");
        assert!(unknown * 100 < searches, "{unknown} of {searches} searches were given up");
    }
}

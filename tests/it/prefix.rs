//! The cheap checks before and instead of a regex lose nothing: wherever a rule's regex matches, its sets of first bytes
//! accept, and a pattern that is run as rows of byte sets finds what its regex finds.

use quell::detect::{Chunk, Detector, Scratch};
use quell::rules::classes::has;
use quell::rules::embedded::embedded;
use quell::rules::template::Random;
use quell::rules::{Rule, RuleSet, lint, template};
use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};

/// The rule's regex, as detection compiles it.
fn compiled(rule: &Rule) -> Regex {
    let syntax = regex_automata::util::syntax::Config::new().unicode(false).utf8(false);
    Regex::builder().syntax(syntax).configure(Regex::config().utf8_empty(false)).build(&rule.pattern).unwrap()
}

/// Whether the sets accept what stands at a place.
fn accepts(rule: &Rule, text: &[u8]) -> bool {
    text.len() >= rule.prefix.len() && rule.prefix.iter().zip(text).all(|(set, byte)| has(set, *byte))
}

/// Texts in which the rule's pattern may match: its lines, and changed ones.
fn texts(rule: &Rule, random: &mut Random) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for line in rule.matches.iter().chain(rule.misses.iter()) {
        let sample = lint::sample(&rule.sample, rule.checksum, random).unwrap();
        out.push(sample.clone());
        out.push(template::expand(line, random, &lint::bindings(sample)).unwrap());
    }
    for number in 0..out.len() {
        for _ in 0..3 {
            out.push(mutated(&out[number], random));
        }
    }
    out
}

fn mutated(text: &[u8], random: &mut Random) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(text.len());
        match random.below(5) {
            _ if text.is_empty() => {}
            0 => text[at] = random.below(256) as u8,
            1 => text[at] ^= 0x20,
            2 => text.insert(at, b"aZ09-_+/.=:\"' "[random.below(14)]),
            3 => drop(text.remove(at)),
            _ => text[at] = b"abcXYZ0123456789"[random.below(16)],
        }
    }
    text
}

/// The places of a text where the regex matches, and those where the sets refuse it all the same.
fn refused(rule: &Rule, regex: &Regex, text: &[u8]) -> (usize, Option<usize>) {
    let mut matches = 0;
    for start in 0..text.len() {
        // A match is at most `max_len` long, which is all that detection gives to the regex.
        let window = &text[..text.len().min(start + usize::from(rule.max_len))];
        if regex.search_half(&Input::new(window).range(start..).anchored(Anchored::Yes)).is_some() {
            matches += 1;
            if !accepts(rule, &text[start..]) {
                return (matches, Some(start));
            }
        }
    }
    (matches, None)
}

#[test]
fn wherever_a_regex_matches_its_prefix_accepts() {
    let mut random = Random::new(3);
    let mut silent = Vec::new();
    for rule in embedded().rules.iter() {
        let regex = compiled(rule);
        let mut matches = 0;
        for text in texts(rule, &mut random) {
            let (here, wrong) = refused(rule, &regex, &text);
            assert_eq!(wrong, None, "{}: its prefix refuses a match", rule.id);
            matches += here;
        }
        if matches == 0 {
            silent.push(rule.id.as_ref());
        }
    }
    assert!(silent.is_empty(), "patterns that matched nowhere, so that nothing was tried: {silent:?}");
}

#[test]
fn a_prefix_that_is_too_narrow_is_noticed() {
    // The control: with one byte taken out of a set, some match is refused.
    let rule = embedded().rule("github-classic-pat").unwrap();
    let regex = compiled(rule);
    let mut narrow = rule.clone();
    let mut sets = rule.prefix.to_vec();
    sets[0] = [0; 4];
    narrow.prefix = sets.into();
    let mut random = Random::new(4);
    assert!(texts(rule, &mut random).iter().any(|t| refused(&narrow, &regex, t).1.is_some()));
}

#[test]
fn no_match_is_longer_than_the_rule_says() {
    let mut random = Random::new(5);
    for rule in embedded().rules.iter() {
        let regex = compiled(rule);
        for text in texts(rule, &mut random) {
            for start in 0..text.len() {
                let found = regex.search_half(&Input::new(&text).range(start..).anchored(Anchored::Yes));
                let len = found.map_or(0, |m| m.offset() - start);
                assert!(len <= usize::from(rule.max_len), "{}: {len} bytes", rule.id);
            }
        }
    }
}

#[test]
fn patterns_run_as_rows_find_what_their_regexes_find() {
    let set = embedded();
    let slow: Vec<Rule> = set.rules.iter().map(|r| Rule { rows: Vec::new().into(), ..r.clone() }).collect();
    let slow = RuleSet::new(set.providers.to_vec(), slow);
    let (fast, slow) = (Detector::new(set, |_| true), Detector::new(&slow, |_| true));
    let found = |detector: &Detector<'_>, text: &[u8]| {
        let mut out = Vec::new();
        detector.scan(&Chunk::whole(text), &mut Scratch::default(), &mut out);
        out
    };
    let mut random = Random::new(6);
    let mut all = 0;
    for rule in set.rules.iter() {
        for text in texts(rule, &mut random) {
            let wanted = found(&slow, &text);
            all += wanted.len();
            assert_eq!(found(&fast, &text), wanted, "in a line of {}", rule.id);
        }
    }
    assert!(set.rules.iter().any(|r| !r.rows.is_empty()) && all > 5_000, "{all}");
}

//! The first stage against an Aho–Corasick automaton: on both engines, the same keywords at the same places, at every
//! length, alignment and block edge.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};
use proptest::prelude::*;
use quell::detect::hits::{Engine, Hit, HitScratch, find_hits};
use quell::rules::KeywordIndex;
use quell::rules::embedded::embedded;
use quell::rules::template::Random;

/// The size of a block of the first stage.
const BLOCK: usize = 8 * 1024;

/// The same search by an automaton that shares no code with quell.
struct Reference {
    automaton: AhoCorasick,
    /// For each pattern of it: the keyword, whether its case counts, its bytes.
    patterns: Vec<(u16, bool, Vec<u8>)>,
}

impl Reference {
    fn new(index: &KeywordIndex) -> Self {
        let patterns: Vec<(u16, bool, Vec<u8>)> = index
            .keywords
            .iter()
            .zip(0u16..)
            .map(|(k, i)| (i, k.fold == [0; 16], k.bytes[..usize::from(k.len)].to_vec()))
            .collect();
        let literals = patterns.iter().map(|(.., bytes)| bytes.to_ascii_lowercase());
        Self { automaton: AhoCorasick::builder().match_kind(MatchKind::Standard).build(literals).unwrap(), patterns }
    }

    fn hits(&self, text: &[u8]) -> Vec<Hit> {
        let lower = text.to_ascii_lowercase();
        let all = self.automaton.find_overlapping_iter(&lower).filter_map(|m| {
            let (keyword, exact, bytes) = &self.patterns[m.pattern().as_usize()];
            (!exact || text[m.range()] == bytes[..]).then_some(Hit { start: m.start() as u32, keyword: *keyword })
        });
        sorted(all.collect())
    }
}

fn sorted(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort();
    hits
}

fn quells(index: &KeywordIndex, engine: Engine, text: &[u8], scratch: &mut HitScratch) -> Vec<Hit> {
    let mut hits = Vec::new();
    find_hits(index, engine, text, scratch, &mut hits);
    sorted(hits)
}

fn engines() -> Vec<Engine> {
    let fast = Engine::detect();
    if fast == Engine::Scalar {
        eprintln!("this processor has no AVX2: its engine was not tried");
        return vec![fast];
    }
    vec![fast, Engine::Scalar]
}

/// Asserts that both searches agree on a text.
fn agree(index: &KeywordIndex, reference: &Reference, text: &[u8], scratch: &mut HitScratch) -> usize {
    let wanted = reference.hits(text);
    for engine in engines() {
        let found = quells(index, engine, text, scratch);
        assert!(found == wanted, "{engine:?}, {} bytes: {} hits and not {}", text.len(), found.len(), wanted.len());
    }
    wanted.len()
}

/// Keywords as they are written in texts: as declared, and in other cases.
fn written(index: &KeywordIndex) -> Vec<Vec<u8>> {
    let own = index.keywords.iter().map(|k| k.bytes[..usize::from(k.len)].to_vec());
    own.flat_map(|k| [k.to_ascii_uppercase(), k]).collect()
}

/// A text that is made of whole keywords, pieces of them, and other bytes.
fn text(fragments: &[Vec<u8>], random: &mut Random, len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 32);
    while out.len() < len {
        let keyword = &fragments[random.below(fragments.len())];
        match random.below(4) {
            0 => out.extend_from_slice(keyword),
            1 => out.extend_from_slice(&keyword[random.below(keyword.len())..]),
            2 => out.extend_from_slice(&keyword[..random.below(keyword.len()) + 1]),
            _ => out.extend((0..random.below(6)).map(|i| (random.below(256) + i) as u8)),
        }
    }
    out.truncate(len);
    out
}

#[test]
fn both_engines_agree_with_the_automaton_at_every_length_and_alignment() {
    let index = &embedded().index;
    let (reference, fragments, mut scratch) = (Reference::new(index), written(index), HitScratch::default());
    let mut random = Random::new(11);
    let mut hits = 0;
    for len in 0..=300 {
        let whole = text(&fragments, &mut random, len + 32);
        for shift in [0, 1, 2, 3, 5, 8, 13, 17, 31] {
            hits += agree(index, &reference, &whole[shift..shift + len], &mut scratch);
        }
    }
    assert!(hits > 10_000, "the texts have keywords: {hits}");
}

#[test]
fn every_keyword_is_found_at_every_place_of_a_buffer() {
    let index = &embedded().index;
    let mut scratch = HitScratch::default();
    for (keyword, id) in index.keywords.iter().zip(0u16..) {
        let bytes = &keyword.bytes[..usize::from(keyword.len)];
        // Behind it as many bytes as a vector has, or none: the end of the buffer.
        for (place, behind) in (0..40).flat_map(|p| [(p, 0), (p, 1), (p, 33)]) {
            let text = [&vec![b'~'; place][..], bytes, &vec![b'~'; behind]].concat();
            for engine in engines() {
                let found = quells(index, engine, &text, &mut scratch);
                assert!(
                    found.contains(&Hit { start: place as u32, keyword: id }),
                    "{engine:?} at {place}: {}",
                    String::from_utf8_lossy(bytes)
                );
            }
        }
    }
}

#[test]
fn every_keyword_is_found_over_the_edge_of_a_block() {
    let index = &embedded().index;
    let (reference, mut scratch) = (Reference::new(index), HitScratch::default());
    let keywords: Vec<&[u8]> = index.keywords.iter().map(|k| &k.bytes[..usize::from(k.len)]).collect();
    // A keyword over each edge of one long text: at another distance for each, and for each in another round.
    for round in 0..4 {
        let mut text = vec![b'~'; BLOCK * (keywords.len() + 2)];
        let places: Vec<usize> = (0..keywords.len()).map(|n| BLOCK * (n + 1) + 2 - (n + round * 5) % 20).collect();
        for (keyword, at) in keywords.iter().zip(&places) {
            text[*at..at + keyword.len()].copy_from_slice(keyword);
        }
        // The automaton is slow without optimisation: it looks at some of the edges.
        let part = &text[round * 50 * BLOCK..(round * 50 + 40) * BLOCK];
        assert!(agree(index, &reference, part, &mut scratch) >= 38);
        let found = quells(index, Engine::detect(), &text, &mut scratch);
        for (number, at) in places.into_iter().enumerate() {
            assert!(found.contains(&Hit { start: at as u32, keyword: number as u16 }), "keyword {number} at {at}");
        }
    }
}

#[test]
fn the_comparison_notices_a_missing_keyword() {
    // The control: an index without one of the keywords must not agree.
    let index = &embedded().index;
    let last = index.keywords.last().unwrap();
    let text = [b"xx", &last.bytes[..usize::from(last.len)], b"yy"].concat();
    let fewer = KeywordIndex::build(&BTreeMap::from([((b"absent_word".to_vec(), true), vec![0])]));
    assert_ne!(Reference::new(index).hits(&text), Reference::new(&fewer).hits(&text));
    assert!(quells(&fewer, Engine::detect(), &text, &mut HitScratch::default()).is_empty());
}

#[test]
fn five_thousand_keywords_of_both_kinds_are_all_found() {
    let mut random = Random::new(5);
    let alphabet = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=\" ";
    let mut wanted: BTreeMap<(Vec<u8>, bool), Vec<u16>> = BTreeMap::new();
    while wanted.len() < 5000 {
        let word: Vec<u8> = (0..4 + random.below(13)).map(|_| alphabet[random.below(alphabet.len())]).collect();
        let exact = random.below(2) == 0;
        wanted.insert((if exact { word } else { word.to_ascii_lowercase() }, exact), vec![0]);
    }
    let index = KeywordIndex::build(&wanted);
    assert_eq!(index.keywords.len(), 5000);
    let (reference, fragments, mut scratch) = (Reference::new(&index), written(&index), HitScratch::default());
    let mut hits = 0;
    for _ in 0..10 {
        hits += agree(&index, &reference, &text(&fragments, &mut random, 3 * BLOCK + 7), &mut scratch);
    }
    let all: Vec<u8> = fragments.iter().flat_map(|k| [&k[..], b"~"].concat()).collect();
    assert!(agree(&index, &reference, &all, &mut scratch) >= 5000);
    assert!(hits > 1000, "{hits}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn texts_of_fragments_give_the_same_hits(seed in any::<u64>(), len in 0usize..20_000) {
        let index = &embedded().index;
        let text = text(&written(index), &mut Random::new(seed), len);
        agree(index, &Reference::new(index), &text, &mut HitScratch::default());
    }

    #[test]
    fn texts_of_any_bytes_give_the_same_hits(text in proptest::collection::vec(any::<u8>(), 0..600)) {
        let index = &embedded().index;
        agree(index, &Reference::new(index), &text, &mut HitScratch::default());
    }
}

//! Locality: a match is decided by a bounded window, so that neither where a scan starts nor how the input is cut
//! changes what is found (docs/design/0001).

use std::io::{Cursor, Read};
use std::sync::LazyLock;

use proptest::prelude::*;
use quell::detect::{Candidate, Chunk, Detector, Scratch};
use quell::model::{Confidence, FingerprintKey, Report, Untrusted};
use quell::rules::Shape;
use quell::rules::embedded::embedded;
use quell::rules::template::Random;
use quell::scan::{MARGINS, MAX_MATCHES, Markers, Progress, ScanOptions, Target, scan};
use quell::sources::{Margins, Options, PathFilter};

use crate::support::{Tree, expanded, made, places, rule, scan as scan_tree, token};

/// Owned bytes in a part of a large file (`sources::read`).
const PART: usize = 1 << 20;

/// A text with lines of random rules at random places, between words and bytes of no text at all.
fn text(random: &mut Random, len: usize) -> Vec<u8> {
    let rules = &embedded().rules;
    let mut out = Vec::new();
    while out.len() < len {
        let seed = random.below(1 << 20) as u64;
        match random.below(8) {
            0..=2 => {
                let rule = &rules[random.below(rules.len())];
                let line = rule.matches.iter().nth(random.below(rule.matches.len())).unwrap();
                out.extend_from_slice(expanded(rule, line, seed).0.as_bytes());
            }
            3 => out.extend_from_slice(made("{alnum:300}", seed).as_bytes()),
            4 => out.extend_from_slice("é — größe\u{1F511} ".repeat(random.below(20)).as_bytes()),
            5 => out.extend((0..random.below(200)).map(|_| random.below(256) as u8)),
            _ => out.extend_from_slice(made("the {lower:7} of {lower:4}, {digits:3} = ", seed).repeat(9).as_bytes()),
        }
        if random.below(3) > 0 {
            out.push(b'\n');
        }
    }
    out
}

fn detected(detector: &Detector<'_>, chunk: &Chunk<'_>) -> Vec<Candidate> {
    let mut out = Vec::new();
    detector.scan(chunk, &mut Scratch::default(), &mut out);
    out
}

/// Detects chunk by chunk, cut at the given places, with margins of context around each; places are in the whole.
fn in_chunks(detector: &Detector<'_>, text: &[u8], cuts: &[usize], margins: Margins) -> Vec<Candidate> {
    let mut out = Vec::new();
    let ends = cuts.iter().copied().chain([text.len()]);
    let mut from = 0;
    for to in ends {
        let (first, last) = (from - from.min(margins.back), (to + margins.ahead).min(text.len()));
        for mut found in detected(detector, &Chunk { bytes: &text[first..last], from: from - first, to: to - first }) {
            let spans = found.groups.iter_mut().map(|(_, span)| span).chain([&mut found.secret]);
            spans.for_each(|span| *span = span.start + first..span.end + first);
            out.push(found);
        }
        from = to;
    }
    sorted(out)
}

fn sorted(mut all: Vec<Candidate>) -> Vec<Candidate> {
    all.sort_by_key(|c| (c.secret.start, c.secret.end, c.rule));
    all.dedup();
    all
}

/// Places to cut a text at, in order.
fn cuts(random: &mut Random, len: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..1 + random.below(30)).map(|_| random.below(len)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// One detector for all tests: compiling its patterns takes longer than the texts.
static DETECTOR: LazyLock<Detector<'static>> = LazyLock::new(|| Detector::new(embedded(), |_| true));

/// What a report says of each place: everything that a cut might change.
fn told(report: &Report) -> Vec<String> {
    let one = |f: &quell::model::Finding| {
        let others: Vec<&str> = f.other_kinds.iter().map(|k| k.rule.as_ref()).collect();
        format!("{} {:?} {:?} {others:?} {} {:?}", f.kind.rule, f.confidence, f.locations, f.redacted(), f.facts)
    };
    report.findings.iter().map(one).collect()
}

/// Scans a stream.
fn streamed(stream: impl Read + Send + 'static) -> Report {
    let options = ScanOptions {
        rules: embedded(),
        enable: &|_| true,
        confidence: Confidence::Low,
        key: &FingerprintKey::open().unwrap(),
        threads: 1,
        now: 0,
        max_matches: MAX_MATCHES,
        markers: Markers::Hold,
        walk: Options { ignored_too: false, filter: PathFilter::new(&[], &[]).unwrap(), max_file_size: None },
        consumers: quell::scan::Consumption::Nothing,
    };
    scan(vec![Target::Stream(Box::new(stream), Untrusted::from("x"))], &options, &Progress::default())
}

/// Yields as many bytes at a time as its random numbers say.
struct Drip(Cursor<Vec<u8>>, Random);

impl Read for Drip {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let limit = (1 + self.1.below(9000)).min(out.len());
        self.0.read(&mut out[..limit])
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_text_that_is_cut_anywhere_has_the_same_candidates(seed in any::<u64>()) {
        let random = &mut Random::new(seed);
        let text = text(random, 60_000);
        let cuts = cuts(random, text.len());
        let whole = sorted(detected(&DETECTOR, &Chunk::whole(&text)));
        prop_assert!(!whole.is_empty());
        prop_assert!(in_chunks(&DETECTOR, &text, &cuts, MARGINS) == whole, "seed {seed}");
    }

    #[test]
    fn what_stands_before_and_after_far_away_changes_nothing(seed in any::<u64>()) {
        let random = &mut Random::new(seed);
        let (before, inner, after) = (text(random, 20_000), text(random, 3_000), text(random, 20_000));
        // A newline and blanks as wide as any window between them.
        let gap = [vec![b' '; MARGINS.ahead], vec![b'\n'; 2]].concat();
        let alone = detected(&DETECTOR, &Chunk::whole(&[&gap[..], &inner, &gap].concat()));
        let text = [&before[..], &gap, &inner, &gap, &after].concat();
        let shift = before.len();
        let among: Vec<Candidate> = detected(&DETECTOR, &Chunk::whole(&text)).into_iter().filter(|c| {
            (shift + gap.len()..shift + gap.len() + inner.len()).contains(&c.secret.start)
        }).map(|mut c| {
            c.groups.iter_mut().map(|(_, s)| s).chain([&mut c.secret]).for_each(|s| *s = s.start - shift..s.end - shift);
            c
        }).collect();
        prop_assert!(sorted(among) == sorted(alone), "seed {seed}");
    }

    #[test]
    fn a_stream_that_drips_gives_the_same_report(seed in any::<u64>()) {
        let random = &mut Random::new(seed);
        let len = 1 + random.below(20_000);
        let text = text(random, len);
        let whole = told(&streamed(Cursor::new(text.clone())));
        prop_assert_eq!(told(&streamed(Drip(Cursor::new(text), Random::new(seed)))), whole);
    }
}

#[test]
fn without_margins_some_are_lost() {
    // The control of the first test: cuts do fall into what is looked for.
    let lost = (0..20).filter(|seed| {
        let random = &mut Random::new(*seed);
        let text = text(random, 60_000);
        let cuts = cuts(random, text.len());
        in_chunks(&DETECTOR, &text, &cuts, Margins { back: 0, ahead: 0 })
            != sorted(detected(&DETECTOR, &Chunk::whole(&text)))
    });
    assert!(lost.count() > 10);
}

/// A private key block of about 12 KB, and a token of about 6 KB.
fn long_secrets() -> [(&'static str, String); 2] {
    let key = made("-----BEGIN RSA PRIVATE KEY-----\n{pem:185}-----END RSA PRIVATE KEY-----", 5);
    let claims =
        "{b64url({{\"alg\":\"HS256\",\"typ\":\"JWT\"}})}.{b64url({{\"sub\":\"{alnum:4000}\"}})}.{base64url:43}";
    let jwt = made(claims, 6);
    assert!(key.len() > 12_000 && jwt.len() > 5_000 && jwt.len() < Shape::JWT);
    [("private-key-rsa", key), ("jwt-signed", jwt)]
}

/// Asserts that a file of filling with a secret at `at` has that one finding, where it is.
fn one_at(rule: &str, secret: &str, at: usize, len: usize, fill: &str) {
    let mut head = fill.repeat(at / fill.len() + 1).into_bytes();
    head.truncate(at - 1);
    // A filling that is cut inside of a character is ended by a whole one.
    while std::str::from_utf8(&head).is_err() {
        head.pop();
    }
    head.resize(at - 1, b'~');
    head.push(b' ');
    let mut content = [&head, secret.as_bytes(), b" \n"].concat();
    content.resize(content.len().max(len), b'~');
    let tree = Tree::new();
    tree.write("big.log", &content);
    let report = scan_tree(&tree, &["--threads", "1"]).code(1).json();
    let all = places(&report);
    assert_eq!(all.len(), 1, "{rule} at {at}: {} places", all.len());
    let (place, finding) = &all[0];
    assert_eq!((&finding["rule"], place.start, place.end), (&rule.into(), at, at + secret.len()), "{rule} at {at}");
    let text = std::str::from_utf8(&head).unwrap();
    let line = text.matches('\n').count() as u64 + 1;
    let column = text.rsplit('\n').next().unwrap().chars().count() as u64 + 1;
    assert_eq!((place.line, place.column), (line, column), "{rule} at {at}");
    assert_eq!(report["coverage"]["bytes"], content.len());
}

#[test]
fn secrets_around_the_edge_of_a_part_are_found_once() {
    // The first part ends after PART and what is kept before it; later ones after PART more.
    let edges = [PART, PART + MARGINS.back, PART + MARGINS.back + MARGINS.ahead, 2 * PART + MARGINS.back];
    let lines = "a line of text with a größe in it\n";
    for edge in edges {
        let token = token(8);
        for at in [edge - token.len(), edge - 20, edge - 1, edge, edge + 1, edge + 300] {
            one_at("github-classic-pat", &token, at, edge + 40_000, lines);
        }
    }
    for (rule, secret) in long_secrets() {
        for edge in [PART + MARGINS.back, 2 * PART + MARGINS.back] {
            for at in [edge - secret.len(), edge - 4_000, edge - 30, edge - 5, edge - 1, edge] {
                one_at(rule, &secret, at, edge + 40_000, lines);
            }
        }
    }
}

#[test]
fn columns_of_a_line_of_megabytes_count_characters() {
    // Characters of two, three and four bytes, so that parts are cut inside of them.
    for fill in ["é~", "—~~", "🔑~", "aé—🔑"] {
        for at in [PART + MARGINS.back + 5_000, 2 * PART + MARGINS.back + 5_000] {
            one_at("github-classic-pat", &token(9), at, at + 50_000, fill);
        }
    }
}

#[test]
fn a_name_and_its_value_on_both_sides_of_the_edge_belong_together() {
    let rule = rule("generic-password");
    let (line, sample) = expanded(rule, "    db_password = \"{sample}\"\n", 3);
    let edge = PART + MARGINS.back;
    for shift in 0..line.len() {
        let start = edge - shift;
        let mut content = "some words of a text\n".repeat(edge / 20).into_bytes();
        content.truncate(start - 1);
        content.push(b'\n');
        content.extend_from_slice(line.as_bytes());
        content.resize(PART + 60_000, b'~');
        let report = streamed(Cursor::new(content));
        let found = report.findings.iter().find(|f| f.kind.rule == rule.id).expect("the password");
        assert_eq!(found.locations.len(), 1);
        assert_eq!(found.locations[0].start as usize, start + line.find(&sample).unwrap());
    }
}

#[test]
fn wide_text_of_megabytes_is_one_text() {
    let token = token(4);
    let start = PART - 300;
    let text = format!("{}{token}\n{}", "zeile mit größe\n".repeat(start / 32), "x\n".repeat(PART / 2));
    let raw: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for content in [[&b"\xff\xfe"[..], &raw].concat(), raw] {
        let tree = Tree::new();
        tree.write("wide.txt", &content);
        let report = scan_tree(&tree, &[]).code(1).json();
        let all = places(&report);
        assert_eq!(all.len(), 1);
        let narrow: Vec<u8> = content[all[0].0.start..all[0].0.end].iter().copied().step_by(2).collect();
        assert_eq!(narrow, token.as_bytes());
        assert_eq!((all[0].0.line, all[0].0.column), ((start / 32) as u64 + 1, 1));
    }
}

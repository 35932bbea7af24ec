//! Detection in the delta domain: of an object that is a delta against another one, only what is new is looked at.
//!
//! A pure function of a bounded window decides each match (the locality invariant), so what was decided in the base
//! holds wherever that window was copied whole. Three rules make the result the same as that of a scan of the whole
//! text, by induction along any chain of deltas:
//!
//! 1. A keyword that lies in a copy whole stands there exactly if it stands in the base; every other one starts in an
//!    insertion, or fewer bytes before the end of a copy than a keyword has. Only those places are searched.
//! 2. What a keyword's window decided is inherited exactly if the window lies in the same copy, or hangs over an edge
//!    that both texts share.
//! 3. Every other inherited keyword is decided again, in its new surroundings.

use crate::detect::hits::Hit;
use crate::detect::{Candidate, Chunk, Detector, Scratch};
use crate::rules::Shape;
use crate::rules::grams::MAX_KEYWORD;
use crate::sources::git::Copied;

/// Shorter copies are taken for insertions: what they save is less than their seams cost.
const MIN_COPY: usize = 2 * MAX_KEYWORD;

/// What is kept of a text: where its keywords are, and what they led to.
#[derive(Debug, Default)]
pub struct Anchors {
    /// Every keyword, by place.
    hits: Vec<Hit>,
    /// The candidates, each with the keyword that led to it, by place of the keyword.
    found: Vec<(Hit, Candidate)>,
    /// Candidates of rules without keywords; they are looked for in every text anew.
    runs: Vec<Candidate>,
    len: usize,
}

impl Anchors {
    /// The candidates of the text, in no order; one may come more than once.
    pub fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.found.iter().map(|(_, candidate)| candidate).chain(&self.runs)
    }
}

/// Scans texts, whole or as deltas.
pub struct Deltas<'d> {
    detector: &'d Detector<'d>,
    /// How many bytes before the end of a copy a keyword may start that goes on behind it.
    seam: usize,
    /// Whether windows are looked at before a result is inherited.
    windows: bool,
}

impl<'d> Deltas<'d> {
    /// A scan by a detector.
    #[must_use]
    pub const fn new(detector: &'d Detector<'d>) -> Self {
        Self { detector, seam: MAX_KEYWORD - 1, windows: true }
    }

    /// Scans a text; `base` has what was kept of the text that it is a delta against, and what was copied from there, by
    /// place.
    #[must_use]
    pub fn scan(&self, text: &[u8], base: Option<(&Anchors, &[Copied])>, scratch: &mut Scratch) -> Anchors {
        let mut new = Anchors { len: text.len(), ..Anchors::default() };
        let mut undecided = Vec::new();
        match base {
            Some((base, copies)) => self.inherit(&mut new, text, base, copies, scratch, &mut undecided),
            None => self.detector.hits(text, scratch, &mut undecided),
        }
        let order = |h: &Hit| (h.start, h.keyword);
        new.hits.extend_from_slice(&undecided);
        new.hits.sort_unstable_by_key(order);
        undecided.sort_unstable_by_key(order);
        let (mut at, mut candidates) = (0, Vec::new());
        for hit in undecided {
            // Both are in the same order, and every one of these is among the others.
            at += new.hits.get(at..).unwrap_or_default().partition_point(|h| order(h) < order(&hit));
            self.detector.decide(text, &new.hits, at, &mut candidates);
            new.found.extend(candidates.drain(..).map(|candidate| (hit, candidate)));
        }
        new.found.sort_by_key(|(hit, _)| order(hit));
        self.detector.runs(&Chunk::whole(text), &mut new.runs);
        new
    }

    /// Takes over what the base has in copies, and searches the rest. What is to be decided goes to `undecided`.
    fn inherit(
        &self,
        new: &mut Anchors,
        text: &[u8],
        base: &Anchors,
        copies: &[Copied],
        scratch: &mut Scratch,
        undecided: &mut Vec<Hit>,
    ) {
        let mut copied_to = 0;
        for copy in copies.iter().filter(|c| c.len >= MIN_COPY) {
            self.search(text, copied_to, copy.at, scratch, undecided);
            self.copy(new, base, copy, undecided);
            copied_to = copy.at + copy.len;
        }
        self.search(text, copied_to, text.len(), scratch, undecided);
    }

    fn copy(&self, new: &mut Anchors, base: &Anchors, copy: &Copied, undecided: &mut Vec<Hit>) {
        let end = copy.from + copy.len;
        let (head, tail) = (copy.from == 0 && copy.at == 0, end == base.len && copy.at + copy.len == new.len);
        let whole = |hit: &Hit| {
            let start = hit.start as usize;
            let begins = head || start >= copy.from + Shape::MAX_BACK;
            !self.windows || (begins && (tail || start + self.detector.ahead(hit.keyword) <= end))
        };
        let moved = |hit: &Hit| Hit { start: (hit.start as usize - copy.from + copy.at) as u32, ..*hit };
        let first = base.hits.partition_point(|h| (h.start as usize) < copy.from);
        let inside = base.hits.iter().skip(first).take_while(|h| (h.start as usize) < end);
        for hit in inside.filter(|h| h.start as usize + self.detector.len_of(h.keyword) <= end) {
            if whole(hit) { new.hits.push(moved(hit)) } else { undecided.push(moved(hit)) }
        }
        let first = base.found.partition_point(|(h, _)| (h.start as usize) < copy.from);
        let inside = base.found.iter().skip(first).take_while(|(h, _)| (h.start as usize) < end);
        let inside = inside.filter(|(h, _)| h.start as usize + self.detector.len_of(h.keyword) <= end);
        for (hit, candidate) in inside.filter(|(h, _)| whole(h)) {
            new.found.push((moved(hit), shifted(candidate, copy)));
        }
    }

    /// Appends the keywords that start in `from..to`, or before `from` and go on behind it: what lies before is a copy.
    fn search(&self, text: &[u8], from: usize, to: usize, scratch: &mut Scratch, out: &mut Vec<Hit>) {
        let start = from.saturating_sub(self.seam);
        let Some(stretch) = text.get(start..(to + MAX_KEYWORD - 1).min(text.len())) else { return };
        let first = out.len();
        self.detector.hits(stretch, scratch, out);
        let mut kept = first;
        for i in first..out.len() {
            let Some(hit) = out.get_mut(i) else { break };
            hit.start += start as u32;
            let at = hit.start as usize;
            if at < to && (from == 0 || at + self.detector.len_of(hit.keyword) > from) {
                out.swap(kept, i);
                kept += 1;
            }
        }
        out.truncate(kept);
    }
}

/// A candidate at its place in the new text.
fn shifted(candidate: &Candidate, copy: &Copied) -> Candidate {
    let moved = |span: &std::ops::Range<usize>| {
        (span.start + copy.at).saturating_sub(copy.from)..(span.end + copy.at).saturating_sub(copy.from)
    };
    Candidate {
        secret: moved(&candidate.secret),
        groups: candidate.groups.iter().map(|(name, span)| (name.clone(), moved(span))).collect(),
        ..candidate.clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::embedded::embedded;
    use crate::rules::template::{Bindings, Random, expand};

    /// One version of a text as an edit of another one: stretches of it, copied or written out again, and new text.
    fn edited(base: &[u8], pool: &[Vec<u8>], random: &mut Random) -> (Vec<u8>, Vec<Copied>) {
        let (mut text, mut copies) = (Vec::new(), Vec::<Copied>::new());
        let mut copy = |text: &mut Vec<u8>, from: usize, to: usize| {
            let new = Copied { at: text.len(), from, len: to - from };
            text.extend_from_slice(&base[from..to]);
            match copies.last_mut() {
                Some(last) if last.at + last.len == new.at && last.from + last.len == from => last.len += new.len,
                _ => copies.push(new),
            }
        };
        for _ in 0..1 + random.below(6) {
            if base.is_empty() || random.below(3) == 0 {
                let piece = &pool[random.below(pool.len())];
                text.extend_from_slice(&piece[..random.below(piece.len() + 1)]);
                continue;
            }
            // Edges are taken now and then.
            let from = if random.below(4) == 0 { 0 } else { random.below(base.len()) };
            let to = if random.below(4) == 0 { base.len() } else { from + random.below(base.len() - from + 1) };
            let cut = from + random.below(to - from + 1);
            let again = (cut + random.below(20)).min(to);
            copy(&mut text, from, cut);
            text.extend_from_slice(&base[cut..again]);
            copy(&mut text, again, to);
        }
        (text, copies)
    }

    fn sorted(anchors: &Anchors) -> Vec<(u16, usize, usize, String)> {
        let mut all: Vec<_> = anchors
            .candidates()
            .map(|c| (c.rule, c.secret.start, c.secret.end, format!("{:?} {:?} {:?}", c.confidence, c.groups, c.facts)))
            .collect();
        all.sort();
        all.dedup();
        all
    }

    fn pool(random: &mut Random) -> Vec<Vec<u8>> {
        let rules = &embedded().rules;
        let mut pool: Vec<Vec<u8>> = (0..24)
            .filter_map(|_| {
                let rule = &rules[random.below(rules.len())];
                let sample = expand(&rule.sample, random, &Bindings::new()).ok()?;
                let bound = Bindings::from([("sample".to_owned(), sample)]);
                expand(rule.matches.first()?, random, &bound).ok()
            })
            .collect();
        pool.push(b"plain text between, of no interest\n".repeat(12));
        pool.push(b"password = ".to_vec());
        pool.push(b"\n".to_vec());
        pool
    }

    /// How many of `texts` versions, each a delta against the one before, get something else than a scan of the whole.
    fn differing(deltas: &Deltas<'_>, seed: u64, texts: usize) -> usize {
        let mut random = Random::new(seed);
        let mut scratch = Scratch::default();
        let pool = pool(&mut random);
        let (mut base, _) = edited(&pool.concat(), &pool, &mut random);
        let mut kept = deltas.scan(&base, None, &mut scratch);
        let mut differing = 0;
        for _ in 0..texts {
            let (text, copies) = edited(&base, &pool, &mut random);
            let delta = deltas.scan(&text, Some((&kept, &copies)), &mut scratch);
            let full = deltas.scan(&text, None, &mut scratch);
            differing += usize::from(sorted(&delta) != sorted(&full));
            (base, kept) = (text, delta);
        }
        differing
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn a_chain_of_deltas_finds_what_whole_scans_find(seed in any::<u64>()) {
            let detector = Detector::new(embedded(), |_| true);
            prop_assert_eq!(differing(&Deltas::new(&detector), seed, 6), 0);
        }
    }

    #[test]
    fn without_its_care_the_delta_domain_loses_and_invents_matches() {
        let detector = Detector::new(embedded(), |_| true);
        let all = |deltas: &Deltas<'_>| (0..40).map(|seed| differing(deltas, seed, 6)).sum::<usize>();
        assert!(all(&Deltas { seam: 0, ..Deltas::new(&detector) }) > 0, "keywords over seams");
        assert!(all(&Deltas { windows: false, ..Deltas::new(&detector) }) > 0, "windows over seams");
        assert_eq!(all(&Deltas::new(&detector)), 0);
    }
}

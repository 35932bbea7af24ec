//! Which part of a keyword it is looked for by, and the table that the text is looked at with first.

use std::collections::{BTreeMap, BTreeSet};

use super::grams::{ALONE, before, behind, class, fold, set, word3};
use super::rates::Rates;

/// The first multiplier that is tried for 3-grams (odd, from the golden ratio), and how many are.
const HASH3: u32 = 0x9E37_79B1;
const TRIALS: u32 = 48;

/// What another 4-gram costs wherever it stands, as a rate in a million: two bits more in half a million, and the bits that
/// the next ones have to share.
const NEW: f64 = 4.0;
/// What it costs to look further at a 4-gram with the byte beside it, against a window that passes.
const LOOK: f64 = 2.0;

/// Chooses the 4-gram that each keyword is indexed by, and the byte beside it: those that cost least wherever they stand in
/// ordinary text. The keywords of a provider have its name in common, so that one gram can stand for dozens of them; all
/// of them are looked at where it is found.
pub(super) struct Chooser {
    rates: Rates,
    /// The 4-grams that are looked for already.
    grams: BTreeSet<u32>,
    /// How many keywords each 4-gram stands for with what is beside it.
    anchors: BTreeMap<(u32, u8), u32>,
}

impl Chooser {
    pub(super) fn new() -> Self {
        Self { rates: Rates::new(), grams: BTreeSet::new(), anchors: BTreeMap::new() }
    }

    /// How many 4-grams were chosen.
    pub(super) fn grams(&self) -> usize {
        self.grams.len()
    }

    /// How many pairs of a 4-gram and what is beside it were chosen.
    pub(super) fn anchors(&self) -> usize {
        self.anchors.len()
    }

    /// The cheapest 4-gram of a literal, folded, with its offset and what is beside it; the first of equals.
    pub(super) fn choose(&mut self, literal: &[u8]) -> Option<(u32, u8, u8)> {
        let mut best: Option<(f64, (u32, u8, u8))> = None;
        for (gram, offset) in literal.windows(4).zip(0u8..) {
            let Some(word) = gram.first_chunk().map(|b| fold(u32::from_le_bytes(*b))) else { continue };
            let rate = self.rates.four(word.to_le_bytes());
            let new = if self.grams.contains(&word) { 0.0 } else { NEW + rate };
            for (beside, likely) in self.beside(literal, offset, word).into_iter().flatten() {
                let shared = self.anchors.get(&(word, beside)).copied().unwrap_or(0);
                let look = if shared == 0 { LOOK } else { f64::from(shared) };
                let cost = new + rate * likely * look;
                if best.is_none_or(|(least, _)| cost < least) {
                    best = Some((cost, (word, offset, beside)));
                }
            }
        }
        let (_, (gram, offset, beside)) = best?;
        self.grams.insert(gram);
        *self.anchors.entry((gram, beside)).or_default() += 1;
        Some((gram, offset, beside))
    }

    /// What is beside a 4-gram of a literal, and how likely it is there in ordinary text.
    fn beside(&self, literal: &[u8], offset: u8, gram: u32) -> [Option<(u8, f64)>; 3] {
        let [a, b, c, d] = gram.to_le_bytes();
        let at = usize::from(offset);
        let folded = |at: usize| literal.get(at).map(|b| b | 0x20);
        let back = at.checked_sub(1).and_then(folded).map(|x| (before(x), self.rates.before(x, [a, b])));
        let ahead = folded(at + 4).map(|x| (behind(x), self.rates.behind([c, d], x)));
        let alone = (back.is_none() && ahead.is_none()).then_some((ALONE, 1.0));
        [ahead, back, alone]
    }

    /// The table of 3-grams, of 2^`bits` words, and the multiplier under which the fewest windows of ordinary text pass it.
    pub(super) fn table(&self, bits: u32) -> (u32, Vec<u32>) {
        let weights: Vec<(u32, [f64; 32])> =
            self.rates.listed.iter().map(|(gram, rate)| (*gram, self.weights(*gram, *rate))).collect();
        let trial = |n: u32| {
            let hash = HASH3.wrapping_mul(n.wrapping_mul(n).wrapping_mul(2) + 1) | 1;
            let mut table = vec![0u32; 1 << bits];
            for gram in &self.grams {
                let [first, .., last] = gram.to_le_bytes();
                set(&mut table, word3(*gram, hash, bits), class(last));
                set(&mut table, word3(*gram >> 8, hash, bits), class(first));
            }
            let passing = |(gram, weights): &(u32, [f64; 32])| {
                let word = table.get(word3(*gram, hash, bits) as usize).copied().unwrap_or(0);
                let bits = weights.iter().enumerate().filter(|(class, _)| word >> class & 1 == 1);
                bits.map(|(_, weight)| weight).sum::<f64>()
            };
            (weights.iter().map(passing).sum::<f64>(), hash, table)
        };
        let best = (0..TRIALS).map(trial).min_by(|(a, ..), (b, ..)| a.total_cmp(b));
        best.map(|(_, hash, table)| (hash, table)).unwrap_or_default()
    }

    /// How often a listed 3-gram comes with a byte of each class before it, and behind it.
    fn weights(&self, gram: u32, rate: u32) -> [f64; 32] {
        let [a, b, c, _] = gram.to_le_bytes();
        let mut weights = [0.0; 32];
        for byte in (0x20..0x80u8).filter(|byte| byte & 0x20 != 0) {
            if let Some(weight) = weights.get_mut(class(byte) as usize) {
                *weight += f64::from(rate) * (self.rates.before(byte, [a, b]) + self.rates.behind([b, c], byte));
            }
        }
        weights
    }
}

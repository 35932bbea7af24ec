//! How common runs of bytes are in source and prose.

use std::sync::LazyLock;

/// The common 3-grams of source and prose with how often they come in a million, measured on 260 MB of C, Rust, Go,
/// Python and JavaScript with their documentation: a line is a count and the grams, folded, one after the other.
const COMMON: &str = include_str!("common_grams.txt");

/// What is not listed comes less than once in 25,000 places.
const UNLISTED: u32 = 10;
/// What a 2-gram comes to at least: of a rare one, the listed 3-grams are not all there are.
const LEAST2: u32 = 200;

/// Every listed 3-gram, folded, with its count.
fn common() -> impl Iterator<Item = (u32, u32)> {
    let packed = |gram: &[u8]| gram.iter().rev().fold(0, |word, b| word << 8 | u32::from(*b));
    COMMON.lines().filter_map(|line| line.split_at_checked(6)).flat_map(move |(count, grams)| {
        let count = count.trim().parse().unwrap_or(1);
        grams.as_bytes().chunks_exact(3).map(move |gram| (packed(gram), count))
    })
}

/// How many in a hundred of a text's 3-grams are common in source and prose: most of a word's are, few of random
/// letters'.
#[must_use]
pub fn commonness(text: &[u8]) -> usize {
    /// One bit for each 3-gram of folded ASCII.
    static LISTED: LazyLock<Vec<u64>> = LazyLock::new(|| {
        let mut bits = vec![0u64; 1 << 12];
        for place in common().filter_map(|(gram, _)| place(gram.to_le_bytes().get(..3)?)) {
            if let Some(word) = bits.get_mut(place >> 6) {
                *word |= 1 << (place & 63);
            }
        }
        bits
    });
    let listed = |gram: &[u8]| place(gram).is_some_and(|p| LISTED.get(p >> 6).is_some_and(|w| w >> (p & 63) & 1 == 1));
    let known = text.windows(3).filter(|gram| listed(gram)).count();
    known * 100 / text.len().saturating_sub(2).max(1)
}

/// The place of a run among those of folded ASCII, 6 bits a byte: of a folded byte, the bit of 0x20 says nothing.
fn place(run: &[u8]) -> Option<usize> {
    let six = |b: u8| b.is_ascii().then_some(usize::from(b & 0x1F | (b & 0x40) >> 1));
    run.iter().try_fold(0, |place, b| Some(place << 6 | six(*b)?))
}

/// How often runs come in a million places. Beyond three bytes it is an estimate: each byte depends on the two before it
/// (or behind it) alone.
pub(super) struct Rates {
    /// By the places of 3-grams.
    three: Vec<u32>,
    /// By the places of 2-grams: what the 3-grams that begin with them, and that end with them, come to.
    two: [Vec<u32>; 2],
    /// The 3-grams that are listed.
    pub(super) listed: Vec<(u32, u32)>,
}

impl Rates {
    pub(super) fn new() -> Self {
        let listed: Vec<(u32, u32)> = common().collect();
        let (mut three, mut two) = (vec![0; 1 << 18], [vec![0; 1 << 12], vec![0; 1 << 12]]);
        for (gram, count) in &listed {
            let Some(at) = gram.to_le_bytes().get(..3).and_then(place) else { continue };
            let [heads, tails] = &mut two;
            for (table, at) in [(&mut three, at), (heads, at >> 6), (tails, at & 0xFFF)] {
                if let Some(slot) = table.get_mut(at) {
                    *slot += count;
                }
            }
        }
        Self { three, two, listed }
    }

    /// The rate of a folded 3-gram.
    pub(super) fn three(&self, gram: [u8; 3]) -> f64 {
        let listed = place(&gram).and_then(|at| self.three.get(at)).filter(|count| **count > 0);
        f64::from(*listed.unwrap_or(&UNLISTED))
    }

    fn two(&self, gram: [u8; 2]) -> f64 {
        let at = place(&gram).unwrap_or(0);
        let count = self.two.iter().filter_map(|table| table.get(at)).max();
        f64::from(count.copied().unwrap_or(0).max(LEAST2))
    }

    /// The rate of a folded 4-gram: that of its first three bytes, times how often the last comes behind the two before it.
    pub(super) fn four(&self, [a, b, c, d]: [u8; 4]) -> f64 {
        let (head, tail) = (self.three([a, b, c]), self.three([b, c, d]));
        (head * tail / self.two([b, c])).min(head).min(tail)
    }

    /// How likely a byte comes before two others.
    pub(super) fn before(&self, byte: u8, [a, b]: [u8; 2]) -> f64 {
        (self.three([byte, a, b]) / self.two([a, b])).min(1.0)
    }

    /// How likely a byte comes behind two others.
    pub(super) fn behind(&self, [a, b]: [u8; 2], byte: u8) -> f64 {
        (self.three([a, b, byte]) / self.two([a, b])).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_runs_are_rarer() {
        let rates = Rates::new();
        assert!(rates.three(*b"the") > rates.three(*b"xqz"));
        assert!(rates.four(*b"this") <= rates.three(*b"thi"));
        assert!(rates.four(*b"ther") > 10.0 * rates.four(*b"thex"));
        assert!(rates.behind(*b"th", b'e') > rates.behind(*b"th", b'z'));
        assert!(rates.before(b't', *b"he") > rates.before(b'z', *b"he"));
    }
}

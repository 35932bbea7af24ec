//! The keyword index: which literals to look for, and the tables that find them fast.
//!
//! Every keyword is indexed by one run of four bytes (a 4-gram), the one that is rarest in ordinary text. The text is looked at in every second
//! byte: whichever way a 4-gram falls, one of its two 3-grams starts at an even place, so both are entered in a
//! bitmap (`grams3`). A place that passes it is checked against a bitmap of 4-grams, then in a hash table, and
//! only then compared with the keyword. Bytes are folded with `| 0x20` for hashing, which maps ASCII letters to
//! lower case and a few other bytes onto each other; the last comparison is exact.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Keywords are cut to this many bytes; the rule's pattern confirms the rest.
pub const MAX_KEYWORD: usize = 16;
/// Shorter literals cannot be indexed.
pub const MIN_KEYWORD: usize = 4;

/// A literal and the rules that it wakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyword {
    /// Its bytes, in lower case where case does not matter; padded with zeros.
    pub bytes: [u8; MAX_KEYWORD],
    /// The bits of the text that do not count: 0x20 where a letter may be of either case.
    pub fold: [u8; MAX_KEYWORD],
    /// How many bytes count.
    pub len: u8,
    /// Its rules: a range of [`KeywordIndex::rules`].
    pub rules: (u32, u32),
}

/// One place in the hash table: a 4-gram of a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The folded 4-gram, little-endian.
    pub gram: u32,
    /// The keyword's own first four bytes, folded: compared before the keyword is.
    pub head: u32,
    /// Index into [`KeywordIndex::keywords`].
    pub keyword: u16,
    /// Where in the keyword the 4-gram stands.
    pub offset: u8,
}

/// The tables. Built by `build.rs` for the embedded rules, at run time for others.
#[derive(Clone, Debug)]
pub struct KeywordIndex {
    /// The keywords.
    pub keywords: Cow<'static, [Keyword]>,
    /// Rule indices, a range for each keyword.
    pub rules: Cow<'static, [u16]>,
    /// Multiplier of the hash of 3-grams, chosen so that common ones do not fall on the keywords'.
    pub hash3: u32,
    /// Bitmap of hashed 3-grams; a power of two bits.
    pub grams3: Cow<'static, [u32]>,
    /// Bitmap of hashed 4-grams; as large.
    pub grams4: Cow<'static, [u32]>,
    /// For each hash of a 4-gram, the first of its entries; one more at the end.
    pub buckets: Cow<'static, [u16]>,
    /// Entries, in the order of their buckets.
    pub entries: Cow<'static, [Entry]>,
}

const FOLD: u32 = 0x2020_2020;
/// The first multiplier that is tried for 3-grams (odd, from the golden ratio), and how many are.
const HASH3: u32 = 0x9E37_79B1;
const TRIALS: u32 = 48;
/// Multiplier of the hash of 4-grams (from murmur3's finaliser).
const HASH4: u32 = 0x85EB_CA6B;

/// Folds four bytes for hashing.
#[inline]
#[must_use]
pub const fn fold(word: u32) -> u32 {
    word | FOLD
}

/// The bit of a 3-gram (the low three bytes of a folded word) in a bitmap of 2^`bits` bits, under a multiplier.
#[inline]
#[must_use]
pub const fn bit3(folded: u32, hash: u32, bits: u32) -> u32 {
    (folded & 0x00FF_FFFF).wrapping_mul(hash) >> (32 - bits)
}

/// The bit of a folded 4-gram in a bitmap of 2^`bits` bits.
#[inline]
#[must_use]
pub const fn bit4(folded: u32, bits: u32) -> u32 {
    folded.wrapping_mul(HASH4) >> (32 - bits)
}

impl KeywordIndex {
    /// Builds the tables for keywords and the rules that each wakes. Literals shorter than [`MIN_KEYWORD`] are
    /// left out (the linter refuses them).
    #[must_use]
    pub fn build(wanted: &BTreeMap<(Vec<u8>, bool), Vec<u16>>) -> Self {
        let (mut keywords, mut rules, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        let mut chooser = Chooser::new();
        // Short keywords have the least choice, so they choose first.
        let mut in_order: Vec<_> = wanted.iter().collect();
        in_order.sort_by_key(|((literal, _), _)| literal.len());
        for ((literal, exact), woken) in in_order {
            let cut = literal.get(..literal.len().min(MAX_KEYWORD)).unwrap_or_default();
            let Some((gram, offset)) = chooser.choose(cut) else { continue };
            let head = cut.first_chunk::<4>().map_or(0, |b| fold(u32::from_le_bytes(*b)));
            let (mut bytes, mut fold) = ([0; MAX_KEYWORD], [0; MAX_KEYWORD]);
            for ((to, fold), from) in bytes.iter_mut().zip(&mut fold).zip(cut) {
                *to = if *exact { *from } else { from.to_ascii_lowercase() };
                *fold = if *exact || !from.is_ascii_alphabetic() { 0 } else { 0x20 };
            }
            let first = rules.len() as u32;
            rules.extend_from_slice(woken);
            entries.push(Entry { gram, head, keyword: keywords.len() as u16, offset });
            keywords.push(Keyword { bytes, fold, len: cut.len() as u8, rules: (first, rules.len() as u32) });
        }
        // 16 bits (8 KiB) serve two thousand 3-grams, 17 (16 KiB, still in the first-level cache) four thousand.
        let bits = (chooser.taken.len() as u32 * 32).next_power_of_two().trailing_zeros().max(16);
        let (hash3, grams3) = chooser.bitmap(&entries, bits);
        let mut grams4 = vec![0u32; 1 << (bits - 5)];
        for entry in &entries {
            set(&mut grams4, bit4(entry.gram, bits));
        }
        let bucket_bits = ((entries.len() as u32 * 4).next_power_of_two().trailing_zeros()).max(4);
        entries.sort_by_key(|e| (bit4(e.gram, bucket_bits), e.gram, e.keyword));
        let bucket_of = |h: u32| entries.partition_point(|e| bit4(e.gram, bucket_bits) < h) as u16;
        let buckets: Vec<u16> = (0..=1u32 << bucket_bits).map(bucket_of).collect();
        Self {
            keywords: keywords.into(),
            rules: rules.into(),
            hash3,
            grams3: grams3.into(),
            grams4: grams4.into(),
            buckets: buckets.into(),
            entries: entries.into(),
        }
    }

    /// Number of bits of a hash into the bitmaps.
    #[inline]
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.grams3.len().trailing_zeros() + 5
    }

    /// The entries whose 4-gram may be `folded`.
    #[inline]
    #[must_use]
    pub fn entries_for(&self, folded: u32) -> &[Entry] {
        let bits = (self.buckets.len().saturating_sub(1)).trailing_zeros();
        let h = bit4(folded, bits) as usize;
        match self.buckets.get(h..h + 2) {
            Some([from, to]) => self.entries.get(usize::from(*from)..usize::from(*to)).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The rules that a keyword wakes.
    #[inline]
    #[must_use]
    pub fn rules_of(&self, keyword: u16) -> &[u16] {
        let range = self.keywords.get(usize::from(keyword)).map_or((0, 0), |k| k.rules);
        self.rules.get(range.0 as usize..range.1 as usize).unwrap_or_default()
    }

    /// The length of a keyword in bytes.
    #[inline]
    #[must_use]
    pub fn len_of(&self, keyword: u16) -> usize {
        self.keywords.get(usize::from(keyword)).map_or(0, |k| usize::from(k.len))
    }
}

impl Keyword {
    /// Whether `text` starts with this keyword.
    #[inline]
    #[must_use]
    pub fn starts(&self, text: &[u8]) -> bool {
        let len = usize::from(self.len);
        let there = match text.first_chunk::<MAX_KEYWORD>() {
            Some(there) => *there,
            None if text.len() < len => return false,
            None => {
                let mut padded = [0; MAX_KEYWORD];
                padded.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
                padded
            }
        };
        // All bytes at once: where a letter may be of either case, its bit is set; what is beyond the length is cut off.
        let differs = (u128::from_le_bytes(there) | u128::from_le_bytes(self.fold)) ^ u128::from_le_bytes(self.bytes);
        differs.checked_shl(8 * (MAX_KEYWORD - len) as u32).unwrap_or(0) == 0
    }
}

fn set(bitmap: &mut [u32], bit: u32) {
    if let Some(word) = bitmap.get_mut((bit >> 5) as usize) {
        *word |= 1 << (bit & 31);
    }
}

/// The common 3-grams of source and prose with how often they come in a million, measured on 260 MB of C, Rust, Go,
/// Python and JavaScript with their documentation: a line is a count and the grams, folded, one after the other.
const COMMON: &str = include_str!("common_grams.txt");

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

/// The place of a 3-gram among those of folded ASCII, 18 bits: of a folded byte, the bit of 0x20 says nothing.
fn place(gram: &[u8]) -> Option<usize> {
    let six = |b: u8| b.is_ascii().then_some(usize::from(b & 0x1F | (b & 0x40) >> 1));
    gram.iter().try_fold(0, |place, b| Some(place << 6 | six(*b)?))
}

/// Chooses the 4-gram that each keyword is indexed by: the one whose 3-grams add least to what passes the bitmap. The
/// keywords of a provider have its name in common, so that one gram can stand for dozens of them.
struct Chooser {
    /// Matches in a million places, by folded 3-gram.
    rate: BTreeMap<u32, u32>,
    /// The 3-grams that are in the bitmap already.
    taken: BTreeSet<u32>,
    /// How many keywords each 4-gram stands for already: all of them are looked at where it is found.
    shared: BTreeMap<u32, u32>,
}

/// How many keywords of a 4-gram cost as much, where it is found, as another place that passes the bitmap.
const SHARING: u32 = 8;

impl Chooser {
    fn new() -> Self {
        Self { rate: common().collect(), taken: BTreeSet::new(), shared: BTreeMap::new() }
    }

    /// The cheapest 4-gram of a literal, folded, and its offset; the first of equals.
    fn choose(&mut self, literal: &[u8]) -> Option<(u32, u8)> {
        let folded = |gram: &[u8]| gram.first_chunk::<4>().map(|b| fold(u32::from_le_bytes(*b)));
        let grams = literal.windows(4).enumerate().filter_map(|(offset, gram)| Some((folded(gram)?, offset as u8)));
        let (gram, offset) = grams.min_by_key(|(gram, _)| {
            let halves = [gram & 0x00FF_FFFF, gram >> 8];
            let new: u32 =
                halves.iter().filter(|half| !self.taken.contains(half)).map(|half| self.rate_of(*half)).sum();
            // It is found no more often than the rarer of its halves.
            let rate = halves.iter().map(|half| self.rate_of(*half)).min().unwrap_or(0);
            new + self.shared.get(gram).copied().unwrap_or(0) * rate / SHARING
        })?;
        *self.shared.entry(gram).or_default() += 1;
        self.taken.extend([gram & 0x00FF_FFFF, gram >> 8]);
        Some((gram, offset))
    }

    /// The bitmap of the keywords' 3-grams, and the multiplier under which the fewest places of ordinary text pass it.
    fn bitmap(&self, entries: &[Entry], bits: u32) -> (u32, Vec<u32>) {
        let trial = |n: u32| {
            let hash = HASH3.wrapping_mul(n.wrapping_mul(n).wrapping_mul(2) + 1) | 1;
            let mut bitmap = vec![0u32; 1 << (bits - 5)];
            for gram in entries.iter().flat_map(|e| [e.gram, e.gram >> 8]) {
                set(&mut bitmap, bit3(gram, hash, bits));
            }
            let passes = |gram: u32| {
                let bit = bit3(gram, hash, bits);
                bitmap.get((bit >> 5) as usize).is_some_and(|word| word >> (bit & 31) & 1 == 1)
            };
            let missed = self.rate.iter().filter(|(gram, _)| !self.taken.contains(gram) && passes(**gram));
            let cost: u64 = missed.map(|(_, n)| u64::from(*n)).sum();
            (cost, hash, bitmap)
        };
        let best = (0..TRIALS).map(trial).min_by_key(|(cost, ..)| *cost);
        best.map(|(_, hash, bitmap)| (hash, bitmap)).unwrap_or_default()
    }

    /// What is not listed comes less than once in 25,000 places.
    fn rate_of(&self, gram: u32) -> u32 {
        self.rate.get(&gram).copied().unwrap_or(10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_know_every_keyword_by_its_grams() {
        let wanted: BTreeMap<_, _> =
            (0..3000u16).map(|i| ((format!("Key{i}x_").into_bytes(), i % 2 == 0), vec![i, 7])).collect();
        let index = KeywordIndex::build(&wanted);
        assert!(index.bits() <= 17, "keywords that share grams share their bits");
        let letters =
            |i: u32| (0..6).map(|at| b'a' + (i.wrapping_mul(HASH3) >> (5 * at + 2)) as u8 % 26).collect::<Vec<u8>>();
        let unlike: BTreeMap<_, _> = (0..9000).map(|i| ((letters(i), true), vec![1])).collect();
        assert!(KeywordIndex::build(&unlike).bits() > 17, "others get a larger bitmap");
        for (i, keyword) in index.keywords.iter().enumerate() {
            let bytes = &keyword.bytes[..usize::from(keyword.len)];
            let grams = bytes.windows(4).map(|g| fold(u32::from_le_bytes(g.try_into().unwrap())));
            let found = grams
                .zip(0u8..)
                .any(|(g, o)| index.entries_for(g).iter().any(|e| (e.gram, e.keyword, e.offset) == (g, i as u16, o)));
            assert!(found && keyword.starts(bytes));
            assert_eq!(index.rules_of(i as u16)[1], 7);
        }
    }
}

//! The keyword index: which literals to look for, and the tables that find them fast.
//!
//! Every keyword is indexed by one run of four bytes (a 4-gram) and, where it is longer, a byte beside it, which `anchors`
//! chooses. The text is looked at in windows of five bytes, one at every second byte: whichever way a 4-gram falls, it is the
//! first or the last four of one of them, and the middle three are one of its two 3-grams. Both are entered in a table of
//! words (`grams3`), each with the bit of the byte that makes it the 4-gram. A window that passes is checked for both of its
//! 4-grams in a second such table (`grams4`), with the byte beside each, then in a hash table, and only then compared with
//! the keyword. Bytes are folded with `| 0x20` for hashing, which maps ASCII letters to lower case and a few other bytes
//! onto each other, and stand for their low five bits in words; the last comparison is exact.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::anchors::Chooser;
pub use super::rates::commonness;

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

/// One place in the hash table: a 4-gram of a keyword, and what is beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The keyword's first four bytes, folded, little-endian: compared before the keyword is.
    pub head: u32,
    /// Its last four.
    pub tail: u32,
    /// Index into [`KeywordIndex::keywords`].
    pub keyword: u16,
    /// Where in the keyword the 4-gram stands.
    pub offset: u8,
    /// How far behind the 4-gram's start the last four bytes do.
    pub last: u8,
    /// The byte beside it that was chosen: [`ALONE`], [`behind`] or [`before`].
    pub beside: u8,
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
    /// For each hash of a 3-gram, the [`class`]es of the bytes that make it a keyword's 4-gram, in front or behind.
    pub grams3: Cow<'static, [u32]>,
    /// For each hash of a 4-gram, the [`class`]es of the bytes beside it, or the one of [`ALONE`].
    pub grams4: Cow<'static, [u32]>,
    /// For each hash of a 4-gram and the byte beside it, the first of its entries; one more at the end.
    pub buckets: Cow<'static, [u16]>,
    /// Entries, in the order of their buckets.
    pub entries: Cow<'static, [Entry]>,
}

const FOLD: u32 = 0x2020_2020;
/// Multiplier of the hash of 4-grams (from murmur3's finaliser), and of what is beside them (odd, from the golden ratio).
const HASH4: u32 = 0x85EB_CA6B;
const BESIDE: u32 = 0x9E37_79B1;
/// An entry whose keyword is a 4-gram alone.
pub const ALONE: u8 = 0;

/// Folds four bytes for hashing.
#[inline]
#[must_use]
pub const fn fold(word: u32) -> u32 {
    word | FOLD
}

/// What a byte is in a word of 32 bits: letters of either case are apart from each other.
#[inline]
#[must_use]
pub const fn class(byte: u8) -> u32 {
    (byte & 31) as u32
}

/// What an entry says of the byte before its 4-gram.
#[inline]
#[must_use]
pub const fn before(byte: u8) -> u8 {
    1 + (byte & 31)
}

/// What an entry says of the byte behind its 4-gram.
#[inline]
#[must_use]
pub const fn behind(byte: u8) -> u8 {
    33 + (byte & 31)
}

/// The place of a 3-gram (the low three bytes of a folded word) in a table of 2^`bits` words, under a multiplier.
#[inline]
#[must_use]
pub const fn word3(folded: u32, hash: u32, bits: u32) -> u32 {
    (folded & 0x00FF_FFFF).wrapping_mul(hash) >> (32 - bits)
}

/// The place of a folded 4-gram in a table of 2^`bits` words (at most 2^27), and the bit there that says that it may stand
/// alone.
#[inline]
#[must_use]
pub const fn word4(folded: u32, bits: u32) -> (u32, u32) {
    let hash = folded.wrapping_mul(HASH4);
    (hash >> (32 - bits), hash >> (27 - bits) & 31)
}

/// The bucket, of 2^`bits`, of a folded 4-gram and what is beside it.
const fn bucket(folded: u32, beside: u8, bits: u32) -> u32 {
    folded.wrapping_mul(HASH4).wrapping_add((beside as u32).wrapping_mul(BESIDE)) >> (32 - bits)
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
            let Some((gram, offset, beside)) = chooser.choose(cut) else { continue };
            let [head, tail] = [cut.first_chunk::<4>(), cut.last_chunk::<4>()]
                .map(|end| end.map_or(0, |b| fold(u32::from_le_bytes(*b))));
            let (mut bytes, mut fold) = ([0; MAX_KEYWORD], [0; MAX_KEYWORD]);
            for ((to, fold), from) in bytes.iter_mut().zip(&mut fold).zip(cut) {
                *to = if *exact { *from } else { from.to_ascii_lowercase() };
                *fold = if *exact || !from.is_ascii_alphabetic() { 0 } else { 0x20 };
            }
            let first = rules.len() as u32;
            rules.extend_from_slice(woken);
            let last = (cut.len() - MIN_KEYWORD) as u8 - offset;
            entries.push((gram, Entry { head, tail, keyword: keywords.len() as u16, offset, last, beside }));
            keywords.push(Keyword { bytes, fold, len: cut.len() as u8, rules: (first, rules.len() as u32) });
        }
        // Four words for each 4-gram: 64 KiB for four thousand. Half as many let twice as much text through.
        let bits = log2(chooser.grams() * 4).max(10);
        let (hash3, grams3) = chooser.table(bits);
        let grams4 = table4(&entries, bits - 1);
        let bucket_bits = log2(chooser.anchors() * 2).max(4);
        entries.sort_by_key(|(gram, e)| (bucket(*gram, e.beside, bucket_bits), *gram, e.beside, e.keyword));
        let bucket_of = |h: u32| entries.partition_point(|(gram, e)| bucket(*gram, e.beside, bucket_bits) < h) as u16;
        let buckets: Vec<u16> = (0..=1u32 << bucket_bits).map(bucket_of).collect();
        Self {
            keywords: keywords.into(),
            rules: rules.into(),
            hash3,
            grams3: grams3.into(),
            grams4: grams4.into(),
            buckets: buckets.into(),
            entries: entries.into_iter().map(|(_, entry)| entry).collect(),
        }
    }

    /// The entries whose 4-gram may be `folded`, with that beside it.
    #[inline]
    #[must_use]
    pub fn entries_for(&self, folded: u32, beside: u8) -> &[Entry] {
        let bits = (self.buckets.len().saturating_sub(1)).trailing_zeros();
        let h = bucket(folded, beside, bits) as usize;
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

/// The binary logarithm of the next power of two.
fn log2(count: usize) -> u32 {
    count.next_power_of_two().trailing_zeros()
}

/// Adds a bit to a word of a table.
pub(super) fn set(table: &mut [u32], place: u32, bit: u32) {
    if let Some(word) = table.get_mut(place as usize) {
        *word |= 1 << bit;
    }
}

/// The table of 4-grams and what is beside them, of 2^`bits` words.
fn table4(entries: &[(u32, Entry)], bits: u32) -> Vec<u32> {
    let mut table = vec![0u32; 1 << bits];
    for (gram, entry) in entries {
        let (place, alone) = word4(*gram, bits);
        let bit = if entry.beside == ALONE { alone } else { u32::from(entry.beside - 1) & 31 };
        set(&mut table, place, bit);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_know_every_keyword_by_its_grams() {
        let wanted: BTreeMap<_, _> =
            (0..3000u16).map(|i| ((format!("Key{i}x_").into_bytes(), i % 2 == 0), vec![i, 7])).collect();
        let index = KeywordIndex::build(&wanted);
        assert!(index.grams3.len() <= 1 << 14, "keywords that share grams share their bits");
        let letters =
            |i: u32| (0..6).map(|at| b'a' + (i.wrapping_mul(BESIDE) >> (5 * at + 2)) as u8 % 26).collect::<Vec<u8>>();
        let unlike: BTreeMap<_, _> = (0..9000).map(|i| ((letters(i), true), vec![1])).collect();
        assert!(KeywordIndex::build(&unlike).grams3.len() > 1 << 14, "others get a larger table");
        for (i, keyword) in index.keywords.iter().enumerate() {
            let bytes = &keyword.bytes[..usize::from(keyword.len)];
            let grams = bytes.windows(4).map(|g| fold(u32::from_le_bytes(g.try_into().unwrap())));
            let found = grams.zip(0u8..).any(|(g, o)| {
                let at = usize::from(o);
                let beside =
                    [at.checked_sub(1).map(|i| before(bytes[i])), bytes.get(at + 4).map(|b| behind(*b)), Some(ALONE)];
                let mut entries = beside.into_iter().flatten().flat_map(|b| index.entries_for(g, b));
                entries.any(|e| (e.keyword, e.offset) == (i as u16, o))
            });
            assert!(found && keyword.starts(bytes));
            assert_eq!(index.rules_of(i as u16)[1], 7);
        }
    }
}

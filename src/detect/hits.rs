//! The first stage: every place where a keyword stands, by the gram filter (`rules::grams` has the idea).
//!
//! The work is done in blocks, without a branch that depends on the text: candidates for a 3-gram go to a buffer,
//! those that pass the bitmap of 4-grams to a second one, and only they are looked up and compared. The search
//! for 3-grams has an AVX2 form in `avx2`; the scalar form here is the same search in safe code. Both are tested
//! against an Aho–Corasick automaton at every length and alignment.

use super::avx2;
use crate::rules::KeywordIndex;
use crate::rules::grams::{MAX_KEYWORD, MIN_KEYWORD, bit3, bit4, fold};

/// One occurrence of a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Offset of its first byte.
    pub start: u32,
    /// Index into [`KeywordIndex::keywords`].
    pub keyword: u16,
}

/// Bytes of text for each round: its candidates fit the first-level cache beside the bitmaps.
const BLOCK: usize = 8 * 1024;

/// Which form of the search for 3-grams runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Safe code, for any processor.
    Scalar,
    /// With AVX2, where the processor has it.
    Avx2,
}

impl Engine {
    /// The fastest form that this processor runs.
    #[must_use]
    pub fn detect() -> Self {
        if avx2::available() { Self::Avx2 } else { Self::Scalar }
    }
}

/// Buffers that are used again from one call to the next.
#[derive(Debug)]
pub struct HitScratch {
    /// Places of 3-grams in the block: every second byte at most, and a margin for whole vector stores.
    places: Box<[u16; BLOCK / 2 + 16]>,
    /// Places of 4-grams in the block: two for each of the former.
    grams: Box<[u16; BLOCK + 32]>,
}

impl Default for HitScratch {
    fn default() -> Self {
        Self { places: Box::new([0; BLOCK / 2 + 16]), grams: Box::new([0; BLOCK + 32]) }
    }
}

/// Appends every occurrence of every keyword in `text` to `hits`, overlapping ones included, in the order of
/// their 4-grams. `text` has less than 4 GiB.
pub fn find_hits(index: &KeywordIndex, engine: Engine, text: &[u8], scratch: &mut HitScratch, hits: &mut Vec<Hit>) {
    let bits = index.bits();
    let mut base = 0;
    while base < text.len() {
        let block = text.get(base..).unwrap_or_default();
        // One byte more than the block is read, so that a 3-gram may hang over its end.
        let len = block.len().min(BLOCK);
        let count = match engine {
            Engine::Avx2 => avx2::grams3(&index.grams3, index.hash3, block, len, scratch.places.as_mut()),
            Engine::Scalar => 0..0,
        };
        let count = scalar_grams3(index, bits, block, count.end, len, count.start, scratch.places.as_mut());
        let places = scratch.places.get(..count).unwrap_or_default();
        let count = grams4(index, bits, text, base, places, scratch.grams.as_mut());
        for place in scratch.grams.get(..count).unwrap_or_default() {
            // Places of 4-grams are shifted by one, since one may start a byte before its block.
            confirm(index, text, base + usize::from(*place) - 1, hits);
        }
        base += BLOCK;
    }
}

/// Finds the even places in `block[from..to]` whose 3-gram is in the bitmap; returns the count with `found` more.
fn scalar_grams3(
    index: &KeywordIndex,
    bits: u32,
    block: &[u8],
    from: usize,
    to: usize,
    found: usize,
    places: &mut [u16; BLOCK / 2 + 16],
) -> usize {
    let mut count = found;
    let mut place = from;
    let mut look = |place: usize, word: u32, count: usize| {
        let bit = bit3(fold(word), index.hash3, bits);
        let there = index.grams3.get((bit >> 5) as usize).copied().unwrap_or(0) >> (bit & 31) & 1;
        if let Some(slot) = places.get_mut(count) {
            *slot = place as u16;
        }
        count + there as usize
    };
    // Four places from each ten bytes.
    while let Some(bytes) = block.get(place..place + 10).filter(|_| place + 8 <= to) {
        let (low, high) = (first_u64(bytes), first_u64(bytes.get(2..).unwrap_or_default()));
        count = look(place, low as u32, count);
        count = look(place + 2, (low >> 16) as u32, count);
        count = look(place + 4, (low >> 32) as u32, count);
        count = look(place + 6, (high >> 32) as u32, count);
        place += 8;
    }
    while let Some([a, b, c]) = block.get(place..place + 3).filter(|_| place < to) {
        count = look(place, u32::from_le_bytes([*a, *b, *c, 0]), count);
        place += 2;
    }
    count
}

fn first_u64(bytes: &[u8]) -> u64 {
    bytes.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b))
}

/// For each place of a 3-gram, keeps the 4-grams that start there or a byte before and are in the bitmap.
fn grams4(
    index: &KeywordIndex,
    bits: u32,
    text: &[u8],
    base: usize,
    places: &[u16],
    grams: &mut [u16; BLOCK + 32],
) -> usize {
    let mut count = 0;
    for place in places {
        let at = base + usize::from(*place);
        // The byte before the place and the four from it on; at the edges of the text, one by one.
        let inside = at.checked_sub(1).and_then(|i| text.get(i..)).and_then(<[u8]>::first_chunk::<8>);
        let words = match inside.map(|bytes| u64::from_le_bytes(*bytes)) {
            Some(word) => [Some((word >> 8) as u32), Some(word as u32)],
            None => [word_at(text, Some(at)), word_at(text, at.checked_sub(1))],
        };
        for (shift, word) in words.into_iter().enumerate() {
            let bit = bit4(fold(word.unwrap_or(0)), bits);
            let known = index.grams4.get((bit >> 5) as usize).copied().unwrap_or(0) >> (bit & 31);
            if let Some(slot) = grams.get_mut(count) {
                *slot = place + 1 - shift as u16;
            }
            count += (known & u32::from(word.is_some())) as usize;
        }
    }
    count
}

fn word_at(text: &[u8], at: Option<usize>) -> Option<u32> {
    let bytes = at.and_then(|at| text.get(at..)).and_then(<[u8]>::first_chunk::<4>);
    bytes.map(|b| u32::from_le_bytes(*b))
}

/// Appends the keywords of the 4-gram at `at` that stand around it.
fn confirm(index: &KeywordIndex, text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    let Some(gram) = word_at(text, Some(at)).map(fold) else { return };
    let entries = index.entries_for(gram);
    if entries.is_empty() {
        return;
    }
    // A keyword's first four bytes lie in the sixteen that end with its 4-gram.
    const BACK: usize = MAX_KEYWORD - MIN_KEYWORD;
    let inside = at.checked_sub(BACK).and_then(|from| text.get(from..)).and_then(<[u8]>::first_chunk);
    let around = u128::from_le_bytes(inside.copied().unwrap_or_else(|| at_edge(text, at)));
    for entry in entries.iter().filter(|e| e.gram == gram) {
        let offset = usize::from(entry.offset);
        if fold((around >> (8 * (BACK - offset))) as u32) != entry.head {
            continue;
        }
        let Some(start) = at.checked_sub(offset) else { continue };
        let keyword = index.keywords.get(usize::from(entry.keyword)).zip(text.get(start..));
        if keyword.is_some_and(|(keyword, rest)| keyword.starts(rest)) {
            hits.push(Hit { start: start as u32, keyword: entry.keyword });
        }
    }
}

/// The sixteen bytes that end with the four at `at`, zeros where the text has none.
#[cold]
fn at_edge(text: &[u8], at: usize) -> [u8; MAX_KEYWORD] {
    let mut around = [0; MAX_KEYWORD];
    for (slot, from) in around.iter_mut().rev().zip((0..at + MIN_KEYWORD).rev()) {
        *slot = text.get(from).copied().unwrap_or(0);
    }
    around
}

//! The first stage: every place where a keyword stands, by the gram filter (`rules::grams` has the idea).
//!
//! The work is done in blocks, without a branch that depends on the text: windows whose 3-gram has a keyword's byte beside it
//! go to a buffer, their 4-grams that have one too to a second one, and only they are looked up and compared. The search
//! for windows has an AVX2 form in `avx2`; the scalar form here is the same search in safe code. Both are tested
//! against an Aho–Corasick automaton at every length and alignment.

use std::ops::Range;

use super::avx2;
use crate::rules::KeywordIndex;
use crate::rules::grams::{ALONE, Entry, MAX_KEYWORD, MIN_KEYWORD, before, behind, class, fold, word3, word4};

/// One occurrence of a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Offset of its first byte.
    pub start: u32,
    /// Index into [`KeywordIndex::keywords`].
    pub keyword: u16,
}

/// Bytes of text for each round: its candidates fit the first-level cache.
const BLOCK: usize = 8 * 1024;

/// Which form of the search for windows runs.
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
    /// Places of windows in the block: every second byte at most, and a margin for whole vector stores.
    places: Box<[u16; BLOCK / 2 + 16]>,
    /// 4-grams in the block, two for each window: the place, and in the lowest bits which of the three things that may be
    /// beside it fits.
    grams: Box<[u32; BLOCK + 32]>,
}

impl Default for HitScratch {
    fn default() -> Self {
        Self { places: Box::new([0; BLOCK / 2 + 16]), grams: Box::new([0; BLOCK + 32]) }
    }
}

/// Appends every occurrence of every keyword in `text` to `hits`, overlapping ones included, in the order of
/// their 4-grams. `text` has less than 4 GiB.
pub fn find_hits(index: &KeywordIndex, engine: Engine, text: &[u8], scratch: &mut HitScratch, hits: &mut Vec<Hit>) {
    let mut base = 0;
    while base < text.len() {
        let block = text.get(base..).unwrap_or_default();
        // A window that begins in the block may hang over its end.
        let len = block.len().min(BLOCK);
        let done = match engine {
            Engine::Avx2 => avx2::windows(&index.grams3, index.hash3, block, len, scratch.places.as_mut()),
            Engine::Scalar => 0..0,
        };
        let count = scalar_windows(index, block, done.end..len, done.start, scratch.places.as_mut());
        let places = scratch.places.get(..count).unwrap_or_default();
        let count = grams4(index, text, base, places, scratch.grams.as_mut());
        for gram in scratch.grams.get(..count).unwrap_or_default() {
            confirm(index, text, base + (gram >> 3) as usize, gram & 7, hits);
        }
        base += BLOCK;
    }
}

/// Finds the windows at even places in `block[part]` that pass; returns the count with `found` more.
fn scalar_windows(
    index: &KeywordIndex,
    block: &[u8],
    part: Range<usize>,
    found: usize,
    places: &mut [u16; BLOCK / 2 + 16],
) -> usize {
    let bits = index.grams3.len().trailing_zeros();
    let (mut place, mut count) = (part.start, found);
    let mut look = |place: usize, window: u64, count: usize| {
        let middle = word3(fold((window >> 8) as u32), index.hash3, bits);
        let word = index.grams3.get(middle as usize).copied().unwrap_or(0);
        let there = (word >> class(window as u8) | word >> class((window >> 32) as u8)) & 1;
        if let Some(slot) = places.get_mut(count) {
            *slot = place as u16;
        }
        count + there as usize
    };
    // Two windows from each eight bytes.
    while let Some(bytes) = block.get(place..place + 8).filter(|_| place + 4 <= part.end) {
        let window = first_u64(bytes);
        count = look(place, window, count);
        count = look(place + 2, window >> 16, count);
        place += 4;
    }
    while place < part.end && place + MIN_KEYWORD <= block.len() {
        count = look(place, u64::from_le_bytes(padded(block, Some(place))), count);
        place += 2;
    }
    count
}

/// The eight bytes from a place on, zeros where the text has none. A zero is no more than a wrong guess: what a keyword has
/// there is compared in the end.
fn padded(text: &[u8], from: Option<usize>) -> [u8; 8] {
    let mut bytes = [0; 8];
    // A place before the text's start is one byte before it.
    let (skip, from) = from.map_or((1, 0), |from| (0, from));
    bytes.iter_mut().skip(skip).zip(text.get(from..).unwrap_or_default()).for_each(|(to, byte)| *to = *byte);
    bytes
}

fn first_u64(bytes: &[u8]) -> u64 {
    bytes.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b))
}

/// For each window, keeps its 4-grams that are in the table, with what is beside them.
fn grams4(index: &KeywordIndex, text: &[u8], base: usize, places: &[u16], grams: &mut [u32; BLOCK + 32]) -> usize {
    let bits = index.grams4.len().trailing_zeros();
    let mut count = 0;
    for place in places {
        // The byte before the window, its five, and the one behind it.
        let from = (base + usize::from(*place)).checked_sub(1);
        let inside = from.and_then(|i| text.get(i..)).and_then(<[u8]>::first_chunk::<8>);
        let around = u64::from_le_bytes(inside.copied().unwrap_or_else(|| padded(text, from)));
        for shift in 0..2 {
            let here = around >> (8 * shift);
            let (at, alone) = word4(fold((here >> 8) as u32), bits);
            let word = index.grams4.get(at as usize).copied().unwrap_or(0);
            let (back, ahead) = (word >> class(here as u8) & 1, word >> class((here >> 40) as u8) & 1);
            let fits = word >> alone & 1 | back << 1 | ahead << 2;
            if let Some(slot) = grams.get_mut(count) {
                *slot = (u32::from(*place) + shift) << 3 | fits;
            }
            count += usize::from(fits != 0);
        }
    }
    count
}

fn word_at(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..).and_then(<[u8]>::first_chunk::<4>).map(|b| u32::from_le_bytes(*b))
}

/// Appends the keywords of the 4-gram at `at` that stand around it. `fits` has a bit for each of what may be beside it.
fn confirm(index: &KeywordIndex, text: &[u8], at: usize, fits: u32, hits: &mut Vec<Hit>) {
    let Some(gram) = word_at(text, at).map(fold) else { return };
    // At the text's edges any byte will do: no keyword that has one there is found.
    let byte = |at: usize| text.get(at).copied().unwrap_or(0);
    let kinds = [ALONE, before(byte(at.wrapping_sub(1))), behind(byte(at + MIN_KEYWORD))];
    let mut fits = fits;
    while let Some(beside) = kinds.get(fits.trailing_zeros() as usize) {
        compare(index.entries_for(gram, *beside), *beside, index, text, at, hits);
        fits &= fits - 1;
    }
}

/// Appends the keywords of those entries that have that beside the 4-gram at `at`, and stand around it. Their own 4-gram need
/// not be compared: a keyword that stands there has it.
fn compare(entries: &[Entry], beside: u8, index: &KeywordIndex, text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    if entries.is_empty() {
        return;
    }
    // A keyword's first four bytes lie in the sixteen that end with its 4-gram.
    const BACK: usize = MAX_KEYWORD - MIN_KEYWORD;
    let inside = at.checked_sub(BACK).and_then(|from| text.get(from..)).and_then(<[u8]>::first_chunk);
    let around = u128::from_le_bytes(inside.copied().unwrap_or_else(|| at_edge(text, at)));
    for entry in entries.iter().filter(|entry| entry.beside == beside) {
        let offset = usize::from(entry.offset);
        if fold((around >> (8 * (BACK - offset))) as u32) != entry.head
            || word_at(text, at + usize::from(entry.last)).map(fold) != Some(entry.tail)
        {
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

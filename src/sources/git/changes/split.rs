//! An index that is split in two: a large file that is shared (`sharedindex.ID`), and a small one with what changed since.
//!
//! The extension `link` of the small one names the other, and has two bitmaps over its entries: those that are gone, and
//! those in whose place an entry of the small one stands, which then has no path of its own. The format is that of
//! gitformat-index and of the bitmaps (EWAH) of gitformat-bitmap: words of 64 bits, runs of equal ones counted.

use super::Index;
use super::index::Bytes;
use crate::model::ObjectId;

/// What an index is split from.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) base: ObjectId,
    /// Numbers of the shared entries that are gone, and of those that are replaced, ascending.
    gone: Vec<usize>,
    replaced: Vec<usize>,
}

impl Link {
    /// Reads the extension.
    pub(super) fn parse(bytes: &[u8], width: usize) -> Option<Self> {
        let mut rest = Bytes(bytes);
        let base = ObjectId::new(rest.take(width)?)?;
        // One that shares nothing yet may lack the bitmaps.
        if rest.0.is_empty() {
            return Some(Self { base, gone: Vec::new(), replaced: Vec::new() });
        }
        Some(Self { base, gone: bits(&mut rest)?, replaced: bits(&mut rest)? })
    }

    /// Whether there is another file.
    pub(super) fn has_base(&self) -> bool {
        self.base.as_bytes().iter().any(|b| *b != 0)
    }

    /// Makes one index of the shared one and the one with the changes.
    pub(super) fn join(&self, shared: Index, changes: Index) -> Option<Index> {
        let mut out = Index { trees: changes.trees, ..Index::default() };
        let offset = shared.paths.len();
        out.paths = [shared.paths, changes.paths].concat();
        let mut changed = changes.entries.into_iter().peekable();
        let (mut gone, mut replaced) = (self.gone.iter().peekable(), self.replaced.iter().peekable());
        for (number, mut entry) in shared.entries.into_iter().enumerate() {
            if replaced.next_if_eq(&&number).is_some() {
                let path = entry.path;
                entry = changed.next_if(|e| e.path.is_empty())?;
                entry.path = path;
            }
            if gone.next_if_eq(&&number).is_none() {
                out.entries.push(entry);
            }
        }
        // Bits behind the last entry, or replacements without one.
        if gone.next().is_some() || replaced.next().is_some() || changed.peek().is_some_and(|e| e.path.is_empty()) {
            return None;
        }
        out.entries.extend(changed.map(|mut entry| {
            entry.path = entry.path.start + offset..entry.path.end + offset;
            entry
        }));
        let paths = std::mem::take(&mut out.paths);
        out.entries.sort_by_key(|e| (paths.get(e.path.clone()), e.stage));
        out.paths = paths;
        Some(out)
    }
}

/// The numbers of the bits that are set in a compressed bitmap. No more are made than an index of the largest size that is
/// read has entries.
fn bits(rest: &mut Bytes<'_>) -> Option<Vec<usize>> {
    const MOST: usize = 1 << 24;
    let size = rest.number()? as usize;
    let count = rest.number()? as usize;
    let mut words = rest.take(count.checked_mul(8)?)?.chunks_exact(8);
    rest.number()?;
    if size > MOST {
        return None;
    }
    let (mut out, mut at) = (Vec::new(), 0usize);
    while let Some(marker) = number(&mut words) {
        let (ones, run, literals) = (marker & 1 == 1, marker >> 1 & 0xffff_ffff, marker >> 33);
        let end = at.checked_add(usize::try_from(run).ok()?.checked_mul(64)?)?;
        if ones {
            out.extend(at..end.min(size));
        }
        at = end;
        for _ in 0..literals {
            let word = number(&mut words).filter(|_| at < size)?;
            out.extend((0..64).filter(|bit| word >> bit & 1 == 1).map(|bit| at.saturating_add(bit)));
            at = at.checked_add(64)?;
        }
    }
    out.last().is_none_or(|last| *last < size).then_some(out)
}

fn number<'b>(words: &mut impl Iterator<Item = &'b [u8]>) -> Option<u64> {
    words.next().and_then(|w| w.try_into().ok()).map(u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(size: u32, words: &[u64]) -> Vec<u8> {
        let words_len = words.len() as u32;
        let mut out = [size.to_be_bytes(), words_len.to_be_bytes()].concat();
        words.iter().for_each(|w| out.extend(w.to_be_bytes()));
        out.extend([0; 4]);
        out
    }

    #[test]
    fn bits_are_those_of_runs_and_of_words() {
        let run = |ones: u64, words: u64, literals: u64| ones | words << 1 | literals << 33;
        let read = |size, words: &[u64]| bits(&mut Bytes(&map(size, words)));
        assert_eq!(read(70, &[run(0, 1, 1), 0b101]), Some(vec![64, 66]));
        assert_eq!(read(66, &[run(1, 2, 0)]), Some((0..66).collect()));
        assert_eq!(read(3, &[run(0, 0, 1), 0b1000]), None, "a bit behind the end");
        assert_eq!(read(3, &[run(0, 0, 2), 1]), None, "a word that is not there");
        assert_eq!(read(64, &[run(1, 0xffff_ffff, 0)]), Some((0..64).collect()), "no more than stated");
        assert_eq!(read(u32::MAX, &[]), None);
        let whole = map(70, &[run(0, 1, 1), 0b101]);
        (0..whole.len()).for_each(|end| assert_eq!(bits(&mut Bytes(&whole[..end])), None, "{end}"));
    }
}

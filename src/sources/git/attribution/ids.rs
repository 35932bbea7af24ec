//! Ids, and other keys of one length, as small numbers.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// Numbers keys of one length in the order in which they come, at the length and about six bytes a key.
///
/// Trees name what they like as an id, so that the hash has a seed that nobody knows.
#[derive(Debug, Default)]
pub(super) struct Ids {
    width: usize,
    bytes: Vec<u8>,
    /// Numbers plus one; 0 is free.
    slots: Vec<u32>,
    seed: RandomState,
}

impl Ids {
    pub(super) fn len(&self) -> usize {
        self.bytes.len().checked_div(self.width).unwrap_or(0)
    }

    /// The key of a number; empty for one that was not given.
    pub(super) fn get(&self, number: u32) -> &[u8] {
        let at = number as usize * self.width;
        self.bytes.get(at..at + self.width).unwrap_or_default()
    }

    pub(super) fn find(&self, key: &[u8]) -> Option<u32> {
        self.slot(key)?.1
    }

    /// The slot of a key, and its number where it has one. `None` for a key of another length.
    fn slot(&self, key: &[u8]) -> Option<(usize, Option<u32>)> {
        if key.len() != self.width || self.slots.is_empty() {
            return None;
        }
        let mask = self.slots.len() - 1;
        let mut at = self.seed.hash_one(key) as usize & mask;
        loop {
            let number = self.slots.get(at)?.checked_sub(1);
            match number {
                Some(number) if self.get(number) != key => at = (at + 1) & mask,
                _ => return Some((at, number)),
            }
        }
    }

    /// The number of a key, a new one where it has none. `None` for a key of another length, or where there are more
    /// than can be numbered (2^26).
    pub(super) fn intern(&mut self, key: &[u8]) -> Option<u32> {
        if self.width == 0 {
            self.width = key.len();
        }
        if self.len() * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        let (at, number) = self.slot(key)?;
        if number.is_some() {
            return number;
        }
        let number = u32::try_from(self.len()).ok().filter(|n| *n < 1 << 26)?;
        *self.slots.get_mut(at)? = number + 1;
        self.bytes.extend_from_slice(key);
        Some(number)
    }

    fn grow(&mut self) {
        self.slots = vec![0; (self.slots.len() * 2).max(64)];
        for number in 0..self.len() as u32 {
            // Every key differs, so that each comes to a free slot.
            let mask = self.slots.len() - 1;
            let mut at = self.seed.hash_one(self.get(number)) as usize & mask;
            while self.slots.get(at).is_some_and(|s| *s != 0) {
                at = (at + 1) & mask;
            }
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = number + 1;
            }
        }
    }
}

/// Numbers names of any length.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<Arc<[u8]>, u32>,
    names: Vec<Arc<[u8]>>,
}

impl Names {
    /// The longest name that is kept whole.
    pub(super) const MOST: usize = 4096;

    pub(super) fn find(&self, name: &[u8]) -> Option<u32> {
        self.numbers.get(cut(name)).copied()
    }

    pub(super) fn intern(&mut self, name: &[u8]) -> u32 {
        if let Some(number) = self.find(name) {
            return number;
        }
        let name: Arc<[u8]> = cut(name).into();
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn get(&self, number: u32) -> &[u8] {
        self.names.get(number as usize).map_or(b"", |n| n)
    }
}

fn cut(name: &[u8]) -> &[u8] {
    name.get(..Names::MOST).unwrap_or(name)
}

/// Two numbers as a key.
pub(super) fn pair(a: u32, b: u32) -> [u8; 8] {
    (u64::from(a) << 32 | u64::from(b)).to_be_bytes()
}

/// The two numbers of a key.
pub(super) fn unpair(key: &[u8]) -> (u32, u32) {
    let both = key.first_chunk().map_or(0, |k| u64::from_be_bytes(*k));
    ((both >> 32) as u32, both as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_numbers_and_other_lengths_are_refused() {
        let mut ids = Ids::default();
        assert_eq!(ids.find(&[0; 8]), None);
        for i in 0..10_000 {
            assert_eq!(ids.intern(&pair(i, i * 7)), Some(i));
        }
        for i in 0..10_000 {
            assert_eq!((ids.intern(&pair(i, i * 7)), unpair(ids.get(i))), (Some(i), (i, i * 7)));
            assert_eq!(ids.find(&pair(i, i * 7 + 1)), None);
        }
        assert_eq!((ids.intern(&[1; 20]), ids.len()), (None, 10_000));
    }
}

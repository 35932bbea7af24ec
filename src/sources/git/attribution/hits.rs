//! What is looked for: ids, with a quick no for all others, and names, which are found on the way.

use super::ids::{Ids, Names};
use crate::model::ObjectId;

/// What is looked for. History names a blob hundreds of times for each time that it is one of these.
#[derive(Debug)]
pub(super) struct Hits {
    ids: Ids,
    /// Bits by the first four bytes of an id.
    bits: Vec<u64>,
    shift: u32,
    /// The names with hits in them, numbered after the ids.
    names: Names,
}

impl Hits {
    pub(super) fn new(hits: &[ObjectId]) -> Self {
        // 32 bits an id, from 8 KiB, which stay in the nearest cache, to 8 MiB.
        let size = (hits.len() * 32).next_power_of_two().clamp(1 << 16, 1 << 26);
        let mut new = Self {
            ids: Ids::default(),
            bits: vec![0; size / 64],
            shift: 32 - size.trailing_zeros(),
            names: Names::default(),
        };
        for hit in hits {
            let at = new.place(hit.as_bytes());
            if new.ids.intern(hit.as_bytes()).is_some()
                && let Some(word) = new.bits.get_mut(at / 64)
            {
                *word |= 1 << (at % 64);
            }
        }
        new
    }

    fn place(&self, id: &[u8]) -> usize {
        (id.first_chunk().map_or(0, |start| u32::from_be_bytes(*start)) >> self.shift) as usize
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ids.len() + self.names.len()
    }

    /// How many of them are ids.
    pub(super) fn ids(&self) -> u32 {
        self.ids.len() as u32
    }

    pub(super) fn set_names(&mut self, names: Names) {
        self.names = names;
    }

    /// The name that has a number.
    pub(super) fn name(&self, number: u32) -> Option<&[u8]> {
        number.checked_sub(self.ids()).map(|number| self.names.get(number))
    }

    /// The id that has a number; empty for a name.
    pub(super) fn get(&self, number: u32) -> &[u8] {
        self.ids.get(number)
    }

    pub(super) fn find(&self, id: &[u8]) -> Option<u32> {
        let at = self.place(id);
        let may = self.bits.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1);
        may.then(|| self.ids.find(id)).flatten()
    }
}

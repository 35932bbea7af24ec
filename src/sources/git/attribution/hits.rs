//! The ids that are looked for, and a quick no for all others.

use super::ids::Ids;
use crate::model::ObjectId;

/// What is looked for. History names a blob hundreds of times for each time that it is one of these.
#[derive(Debug)]
pub(super) struct Hits {
    ids: Ids,
    /// Bits by the first four bytes of an id.
    bits: Vec<u64>,
    shift: u32,
}

impl Hits {
    pub(super) fn new(hits: &[ObjectId]) -> Self {
        // 32 bits an id, from 8 KiB, which stay in the nearest cache, to 8 MiB.
        let size = (hits.len() * 32).next_power_of_two().clamp(1 << 16, 1 << 26);
        let mut new = Self { ids: Ids::default(), bits: vec![0; size / 64], shift: 32 - size.trailing_zeros() };
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

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn get(&self, number: u32) -> &[u8] {
        self.ids.get(number)
    }

    pub(super) fn find(&self, id: &[u8]) -> Option<u32> {
        let at = self.place(id);
        let may = self.bits.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1);
        may.then(|| self.ids.find(id)).flatten()
    }
}

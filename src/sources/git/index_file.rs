//! The index file of a pack (version 2, gitformat-pack), of which only what is asked for is read.
//!
//! Its first kilobyte says how many ids start with each byte or a smaller one, and is kept. A search goes on from there
//! with a few reads of single ids, and one of the last few hundred.

use std::fs::File;

use super::fault::Fault;
use super::pack::read_at;
use super::repository::ObjectFormat;
use crate::model::ObjectId;

/// Bytes before the ids: eight that say what it is, and a number for each first byte.
const HEAD: usize = 8 + 4 * 256;
/// Bytes of ids that are read at once when a search has come down to so few.
const NEAR: usize = 4096;

const CORRUPT: Fault = Fault::Corrupt("the index of the pack is not one");

/// An index file.
#[derive(Debug)]
pub(super) struct IndexFile {
    file: File,
    width: usize,
    /// Of each first byte: how many ids start with a smaller one; at the end, how many there are.
    fan: Vec<u32>,
}

impl IndexFile {
    /// Opens an index. The file was opened without following a link and is a regular one.
    pub(super) fn open(file: File, format: ObjectFormat) -> Result<Self, Fault> {
        let mut head = [0; HEAD];
        if read_at(&file, 0, &mut head)? < HEAD {
            return Err(CORRUPT);
        }
        let numbers = head.strip_prefix(b"\xfftOc\0\0\0\x02").ok_or(CORRUPT)?;
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n, b| n << 8 | u32::from(*b));
        let fan: Vec<u32> = std::iter::once(0).chain(numbers.chunks_exact(4).map(number)).collect();
        let index = Self { file, width: format.len(), fan };
        // Ids, checksums, offsets, and the two checksums at the end.
        let least = HEAD as u64 + (index.len() as u64) * (index.width as u64 + 8) + 2 * index.width as u64;
        if !index.fan.is_sorted() || index.file.metadata()?.len() < least {
            return Err(CORRUPT);
        }
        Ok(index)
    }

    /// How many objects there are.
    pub(super) fn len(&self) -> usize {
        self.fan.last().map_or(0, |n| *n as usize)
    }

    /// How many ids are lower than this one.
    pub(super) fn position(&self, id: &ObjectId) -> Result<usize, Fault> {
        self.search(id).map(|(at, _)| at)
    }

    /// The id at a position; nothing behind the last.
    pub(super) fn id(&self, at: usize) -> Result<Option<ObjectId>, Fault> {
        if at >= self.len() {
            return Ok(None);
        }
        let mut id = [0; 32];
        let id = id.get_mut(..self.width).ok_or(Fault::Internal)?;
        self.read(HEAD as u64 + at as u64 * self.width as u64, id)?;
        Ok(ObjectId::new(id))
    }

    /// Where in the pack an object lies.
    pub(super) fn find(&self, id: &ObjectId) -> Result<Option<u64>, Fault> {
        let (at, found) = self.search(id)?;
        if !found {
            return Ok(None);
        }
        let (count, mut short, mut long) = (self.len() as u64, [0; 4], [0; 8]);
        let offsets = HEAD as u64 + count * (self.width as u64 + 4);
        self.read(offsets + 4 * at as u64, &mut short)?;
        let offset = u32::from_be_bytes(short);
        if offset >> 31 == 0 {
            return Ok(Some(u64::from(offset)));
        }
        // Behind 2 GiB, it is the number of a longer one.
        self.read(offsets + 4 * count + 8 * u64::from(offset & 0x7fff_ffff), &mut long)?;
        Ok(Some(u64::from_be_bytes(long)))
    }

    /// How many ids are lower than this one, and whether it is there itself.
    fn search(&self, id: &ObjectId) -> Result<(usize, bool), Fault> {
        let wanted = id.as_bytes();
        let first = wanted.first().map_or(0, |b| usize::from(*b));
        let bound = |at: usize| self.fan.get(at).map_or(0, |n| *n as usize);
        let (mut low, mut high) = (bound(first), bound(first + 1));
        if wanted.len() != self.width {
            return Ok((low, false));
        }
        let mut ids = [0; NEAR + 32];
        while (high - low) * self.width > NEAR {
            let middle = usize::midpoint(low, high);
            let one = ids.get_mut(..self.width).ok_or(Fault::Internal)?;
            self.read(HEAD as u64 + (middle * self.width) as u64, one)?;
            if *one < *wanted { low = middle + 1 } else { high = middle }
        }
        // One more, which may be the one that ended the search.
        let last = (high + 1).min(self.len());
        let near = ids.get_mut(..(last - low) * self.width).ok_or(Fault::Internal)?;
        self.read(HEAD as u64 + (low * self.width) as u64, near)?;
        let mut lower = 0;
        for one in near.chunks_exact(self.width) {
            match one.cmp(wanted) {
                std::cmp::Ordering::Less => lower += 1,
                order => return Ok((low + lower, order.is_eq())),
            }
        }
        Ok((low + lower, false))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Fault> {
        if read_at(&self.file, offset, out)? == out.len() { Ok(()) } else { Err(Fault::Truncated) }
    }
}

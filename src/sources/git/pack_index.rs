//! Which objects a pack has, and where: by id, and by place.
//!
//! `gix-pack` reads an index or a multi-pack index from memory; what is kept of it takes 36 bytes an object (48 with
//! SHA-256).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use super::fault::Fault;
use super::repository::ObjectFormat;
use crate::model::ObjectId;

const CORRUPT: Fault = Fault::Corrupt("the index of the pack is not one");

/// The objects of a pack. They are numbered by their place in it.
#[derive(Debug, Default)]
pub(super) struct PackIndex {
    width: usize,
    /// All ids, ascending.
    ids: Vec<u8>,
    /// Place of each object, ascending.
    offsets: Vec<u64>,
    /// Of each object: which id it has.
    id_of: Vec<u32>,
    /// Of each id: which object has it.
    object_of: Vec<u32>,
    /// Of each first byte: how many ids start with it or a smaller one.
    fan: Vec<u32>,
}

impl PackIndex {
    /// Reads an index file.
    pub(super) fn parse(data: Vec<u8>, format: ObjectFormat) -> Result<Self, Fault> {
        // The parser is somebody else's and the bytes are hostile.
        catch_unwind(AssertUnwindSafe(|| {
            let index = gix_pack::index::File::from_data(data, PathBuf::new(), format.kind()).map_err(|_| CORRUPT)?;
            let count = index.num_objects();
            let mut ids = Vec::with_capacity(count as usize * format.len());
            (0..count).for_each(|i| ids.extend_from_slice(index.oid_at_index(i).as_bytes()));
            let offsets: Vec<u64> = (0..count).map(|i| index.pack_offset_at_index(i)).collect();
            drop(index);
            Self::new(ids, &offsets, format.len())
        }))
        .unwrap_or(Err(CORRUPT))
    }

    /// What a multi-pack index says of the pack with this index's name.
    pub(super) fn parse_multi(data: Vec<u8>, index_name: &[u8], format: ObjectFormat) -> Result<Self, Fault> {
        catch_unwind(AssertUnwindSafe(|| {
            let most = Some(data.len().saturating_mul(16));
            let index = gix_pack::multi_index::File::from_data(data, PathBuf::new(), most).map_err(|_| CORRUPT)?;
            if index.object_hash() != format.kind() {
                return Err(CORRUPT);
            }
            let mut names = index.index_names().iter();
            let pack = names.position(|n| n.as_os_str().as_encoded_bytes() == index_name);
            let pack = pack.and_then(|p| u32::try_from(p).ok()).ok_or(CORRUPT)?;
            let (mut ids, mut offsets) = (Vec::new(), Vec::new());
            for i in 0..index.num_objects() {
                let (of, offset) = index.pack_id_and_pack_offset_at_index(i).map_err(|_| CORRUPT)?;
                if of == pack {
                    ids.extend_from_slice(index.oid_at_index(i).as_bytes());
                    offsets.push(offset);
                }
            }
            Self::new(ids, &offsets, format.len())
        }))
        .unwrap_or(Err(CORRUPT))
    }

    fn new(ids: Vec<u8>, places: &[u64], width: usize) -> Result<Self, Fault> {
        let count = u32::try_from(places.len()).map_err(|_| CORRUPT)?;
        if !ids.chunks_exact(width).is_sorted() {
            return Err(CORRUPT);
        }
        let place = |id: &u32| places.get(*id as usize).copied().unwrap_or_default();
        let mut id_of: Vec<u32> = (0..count).collect();
        id_of.sort_unstable_by_key(|id| (place(id), *id));
        let offsets = id_of.iter().map(place).collect();
        let mut object_of = vec![0; places.len()];
        for (object, id) in (0..count).zip(&id_of) {
            if let Some(slot) = object_of.get_mut(*id as usize) {
                *slot = object;
            }
        }
        let mut fan = vec![0u32; 257];
        for id in ids.chunks_exact(width) {
            if let Some(slot) = id.first().and_then(|b| fan.get_mut(usize::from(*b) + 1)) {
                *slot += 1;
            }
        }
        let mut sum = 0;
        for slot in &mut fan {
            sum += *slot;
            *slot = sum;
        }
        Ok(Self { width, ids, offsets, id_of, object_of, fan })
    }

    /// How many objects there are.
    pub(super) fn len(&self) -> usize {
        self.offsets.len()
    }

    /// How many places there are. Two objects in one place hide a third.
    pub(super) fn places(&self) -> usize {
        self.len() - self.offsets.windows(2).filter(|pair| pair.first() == pair.last()).count()
    }

    /// Where all objects lie, ascending.
    pub(super) fn offsets(&self) -> &[u64] {
        &self.offsets
    }

    /// Where an object lies.
    pub(super) fn offset(&self, object: u32) -> u64 {
        self.offsets.get(object as usize).copied().unwrap_or_default()
    }

    /// Where the next object lies, or `end`.
    pub(super) fn next(&self, object: u32, end: u64) -> u64 {
        let at = self.offset(object);
        let later = self.offsets.get(object as usize + 1..).unwrap_or_default();
        // Almost always the first; an index may name many objects at one place.
        let next = later.first().filter(|next| **next > at).or_else(|| later.get(later.partition_point(|n| *n <= at)));
        next.map_or(end, |next| end.min(*next))
    }

    /// The object at an offset.
    pub(super) fn at(&self, offset: u64) -> Option<u32> {
        self.offsets.binary_search(&offset).ok().and_then(|i| u32::try_from(i).ok())
    }

    /// The id of an object.
    pub(super) fn id(&self, object: u32) -> Option<ObjectId> {
        let id = *self.id_of.get(object as usize)? as usize;
        ObjectId::new(self.raw(id)?)
    }

    /// The object with an id.
    pub(super) fn find(&self, id: &ObjectId) -> Option<u32> {
        let at = self.position(id);
        (self.raw(at)? == id.as_bytes()).then(|| self.object_of.get(at).copied()).flatten()
    }

    /// How many ids are lower than this one.
    pub(super) fn position(&self, id: &ObjectId) -> usize {
        let wanted = id.as_bytes();
        let first = wanted.first().map_or(0, |b| usize::from(*b));
        let bound = |at: usize| self.fan.get(at).map_or(0, |n| *n as usize);
        let (mut low, mut high) = (bound(first), bound(first + 1));
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.raw(middle).is_some_and(|id| id < wanted) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The id at a position; nothing behind the last.
    pub(super) fn id_at(&self, at: usize) -> Option<ObjectId> {
        ObjectId::new(self.raw(at)?)
    }

    fn raw(&self, id: usize) -> Option<&[u8]> {
        self.ids.get(id * self.width..(id + 1) * self.width)
    }
}

//! One pack: its entries' headers and bytes.
//!
//! The file is read and never mapped: packs are written once, but this one may be somebody's who shortens it while it is
//! read, and a map would end the process then. `gix-pack` reads the headers from our buffers (its own reader of whole
//! packs wants a map). An entry costs one `pread` of as many bytes as lie between its place and the next one's.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use gix_pack::data::entry::Header;

use super::fault::Fault;
use super::inflate::{Inflater, Stream};
use super::object::ObjectKind;
use super::repository::ObjectFormat;
use crate::model::ObjectId;

/// Bytes of an entry that hold its header: a size (10), and an offset (10) or an id (32).
pub(super) const HEADER: usize = 64;
/// Input of an object that is read at once; more is read in steps of as much.
const STEP: usize = 1 << 18;

/// What an object in a pack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A whole one.
    Whole(ObjectKind),
    /// A delta against the one at an offset of the same pack.
    At(u64),
    /// A delta against an object by its id.
    By(ObjectId),
}

/// The header of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) form: Form,
    /// Bytes that its stream states: of the object, or of the delta.
    pub(super) size: u64,
    /// Where its stream starts.
    pub(super) data: u64,
}

/// An open pack.
#[derive(Debug)]
pub(super) struct Pack {
    file: File,
    path: PathBuf,
    /// First byte that belongs to no entry: the checksum at the end.
    end: u64,
    /// How many objects it says it has.
    pub(super) objects: u32,
    format: ObjectFormat,
}

impl Pack {
    /// Opens a pack. The file was opened without following a link and is a regular one.
    pub(super) fn open(file: File, path: PathBuf, format: ObjectFormat) -> Result<Self, Fault> {
        let len = file.metadata()?.len();
        let mut start = [0u8; 12];
        if read_at(&file, 0, &mut start)? < start.len() {
            return Err(Fault::Truncated);
        }
        let (_, objects) =
            gix_pack::data::header::decode(&start).map_err(|_| Fault::Corrupt("it does not start like a pack"))?;
        let end = len.saturating_sub(format.len() as u64);
        Ok(Self { file, path, end, objects, format })
    }

    /// Where it lies, as reports name it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where its entries end.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Reads up to `out.len()` bytes of entries from an offset; fewer only at their end.
    pub(super) fn read(&self, offset: u64, out: &mut [u8]) -> Result<usize, Fault> {
        let most = usize::try_from(self.end.saturating_sub(offset)).unwrap_or(usize::MAX).min(out.len());
        Ok(read_at(&self.file, offset, out.get_mut(..most).unwrap_or_default())?)
    }

    /// Reads the header of the entry at `offset` from its first bytes.
    pub(super) fn header(&self, bytes: &[u8], offset: u64) -> Result<Entry, Fault> {
        let bytes = bytes.get(..HEADER.min(bytes.len())).unwrap_or_default();
        let entry = gix_pack::data::Entry::from_bytes(bytes, offset, self.format.kind())
            .map_err(|_| Fault::Corrupt("its header is none"))?;
        let form = match entry.header {
            Header::Commit => Form::Whole(ObjectKind::Commit),
            Header::Tree => Form::Whole(ObjectKind::Tree),
            Header::Blob => Form::Whole(ObjectKind::Blob),
            Header::Tag => Form::Whole(ObjectKind::Tag),
            Header::OfsDelta { base_distance } => {
                let base = offset.checked_sub(base_distance).filter(|_| base_distance > 0);
                Form::At(base.ok_or(Fault::Corrupt("it is a delta against a place before the pack's start"))?)
            }
            Header::RefDelta { base_id } => {
                Form::By(ObjectId::new(base_id.as_slice()).ok_or(Fault::Corrupt("it is a delta against no id"))?)
            }
        };
        Ok(Entry { form, size: entry.decompressed_size, data: entry.data_offset })
    }

    /// Reads the header of the entry at an offset.
    pub(super) fn entry(&self, offset: u64) -> Result<Entry, Fault> {
        let mut bytes = [0; HEADER];
        let n = self.read(offset, &mut bytes)?;
        self.header(bytes.get(..n).unwrap_or_default(), offset)
    }

    /// Inflates the entry at `offset` into the front of `buffers.out`. `next` is where the next one is thought to start;
    /// `most` the bytes that are held. Returns the header.
    pub(super) fn inflate(&self, offset: u64, next: u64, most: u64, buffers: &mut Buffers) -> Result<Entry, Fault> {
        let place = usize::try_from(next.saturating_sub(offset)).unwrap_or(usize::MAX);
        let slot = place.clamp(HEADER, STEP);
        if buffers.input.len() < slot {
            buffers.input.resize(slot, 0);
        }
        let n = self.read(offset, buffers.input.get_mut(..slot).unwrap_or_default())?;
        let bytes = buffers.input.get(..n).unwrap_or_default();
        let entry = self.header(bytes, offset)?;
        if entry.size > most {
            return Err(Fault::TooLarge { size: entry.size, most });
        }
        let size = usize::try_from(entry.size).map_err(|_| Fault::TooLarge { size: entry.size, most })?;
        let skip = usize::try_from(entry.data - offset).unwrap_or(usize::MAX);
        let data = bytes.get(skip..).unwrap_or_default();
        // Not more than the input can make: deflate makes at most 1032 bytes of one.
        let plausible = place <= STEP && size / 1032 <= data.len();
        if plausible && buffers.inflater.whole(data, size, &mut buffers.out)?.is_some() {
            return Ok(entry);
        }
        // It is longer than its place, which a wrong index can make of it, or than one step.
        self.stream(&entry).into_vec(size, &mut buffers.out)?;
        Ok(entry)
    }

    /// The content of an entry as a stream.
    pub(super) fn stream(&self, entry: &Entry) -> Stream<impl FnMut(&mut Vec<u8>) -> Result<(), Fault> + '_> {
        let mut at = entry.data;
        // A stream may be longer than what it makes, but not by much: what is not worth the reading is corrupt.
        let mut left = entry.size.saturating_add(entry.size / 4).saturating_add(STEP as u64);
        // Small ones are read in small steps: there may be millions, all broken.
        let step = usize::try_from(left - STEP as u64).unwrap_or(STEP).saturating_add(1 << 12).min(STEP);
        Stream::new(entry.size, Vec::new(), move |input: &mut Vec<u8>| {
            if left == 0 {
                return Err(Fault::Corrupt("its zlib stream is longer than what it holds"));
            }
            input.resize(step, 0);
            let n = self.read(at, input)?;
            input.truncate(n);
            at += n as u64;
            left = left.saturating_sub(n as u64);
            Ok(())
        })
    }
}

/// What inflating an entry needs, and is used again for the next.
#[derive(Default)]
pub(super) struct Buffers {
    input: Vec<u8>,
    inflater: Inflater,
    /// What was inflated; its front is the entry, what follows is from others.
    pub(super) out: Vec<u8>,
}

impl Buffers {
    /// Gives memory back that a large object took.
    pub(super) fn shrink(&mut self) {
        const KEPT: usize = 1 << 20;
        if self.out.len() > KEPT {
            self.out.truncate(KEPT);
            self.out.shrink_to_fit();
        }
    }
}

/// Reads as much as there is.
pub(super) fn read_at(file: &File, offset: u64, out: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(space) = out.get_mut(filled..).filter(|s| !s.is_empty()) {
        match file.read_at(space, offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

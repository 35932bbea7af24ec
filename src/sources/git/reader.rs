//! Reads single objects by their ids.

use std::collections::{BTreeSet, VecDeque};
use std::io::Read;
use std::sync::Arc;

use super::delta::Delta;
use super::directories::Directory;
use super::fault::Fault;
use super::lookup::{Packs, Place};
use super::loose;
use super::object::{Copied, ObjectKind};
use super::pack::{Buffers, Form, HEADER};
use super::repository::{ObjectFormat, Repository};
use crate::model::ObjectId;

/// The most bytes that are kept of objects that were read, and the most objects.
const KEPT_BYTES: usize = 16 << 20;
const KEPT: usize = 128;

/// Where the way from an object to its root ends.
enum End {
    /// A whole object in a pack.
    Packed(Place),
    /// An object that was kept.
    Kept(ObjectKind, Arc<Vec<u8>>),
    /// A loose object.
    Loose(ObjectId),
}

/// Reads single objects. What it read last is kept, as those that are read together are often deltas against each other.
pub struct ObjectReader<'r> {
    packs: Packs<'r>,
    /// How many objects the packs have.
    objects: usize,
    format: ObjectFormat,
    directories: &'r [Directory],
    most: u64,
    buffers: Buffers,
    copies: Vec<Copied>,
    kept: VecDeque<(Place, ObjectKind, Arc<Vec<u8>>)>,
    kept_bytes: usize,
    made: u64,
}

impl std::fmt::Debug for ObjectReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectReader").field("most", &self.most).finish_non_exhaustive()
    }
}

impl<'r> ObjectReader<'r> {
    /// A reader that holds objects of up to `most` bytes.
    #[must_use]
    pub fn new(repository: &'r Repository, most: u64) -> Self {
        let packs = repository.packs();
        Self {
            packs,
            objects: packs.objects(),
            format: repository.format(),
            directories: repository.directories(),
            most,
            buffers: Buffers::default(),
            copies: Vec::new(),
            kept: VecDeque::new(),
            kept_bytes: 0,
            made: 0,
        }
    }

    /// The kind and content of an object.
    ///
    /// # Errors
    /// [`Fault::Missing`] where there is no such object; another fault where no copy of it can be read.
    pub fn read(&mut self, id: &ObjectId) -> Result<(ObjectKind, Arc<Vec<u8>>), Fault> {
        self.read_within(id, self.most)
    }

    /// The same for an object of at most `most` bytes. What it is a delta against may be larger.
    ///
    /// # Errors
    /// As those of [`Self::read`].
    pub fn read_within(&mut self, id: &ObjectId, most: u64) -> Result<(ObjectKind, Arc<Vec<u8>>), Fault> {
        let mut fault = Fault::Missing(*id);
        for place in self.packs.find(*id) {
            match place.and_then(|place| self.read_place(place, most)) {
                Ok(found) => return Ok(found),
                Err(other) => fault = other,
            }
        }
        self.loose(id, most).map_err(|other| if matches!(other, Fault::Missing(_)) { fault } else { other })
    }

    /// Shows an object that is no delta and has more than `least` bytes to `each`, as a stream with its size. Says whether
    /// it was such a one.
    ///
    /// # Errors
    /// Where it cannot be read to its end; what `each` saw is then not all.
    pub fn stream_above(
        &self,
        id: &ObjectId,
        least: u64,
        mut each: impl FnMut(u64, &mut dyn Read),
    ) -> Result<bool, Fault> {
        for place in self.packs.find(*id) {
            let Ok((number, offset)) = place else { continue };
            let pack = self.packs.pack(number)?;
            let entry = pack.entry(offset)?;
            if !matches!(entry.form, Form::Whole(_)) || entry.size <= least {
                return Ok(false);
            }
            let mut stream = pack.stream(&entry);
            each(entry.size, &mut stream);
            return stream.fault().cloned().map_or(Ok(true), Err);
        }
        for directory in self.directories {
            let Some((header, mut stream)) = loose::open(directory, id)? else { continue };
            if header.size <= least {
                return Ok(false);
            }
            each(header.size, &mut stream);
            return stream.fault().cloned().map_or(Ok(true), Err);
        }
        Ok(false)
    }

    /// The kind of an object, by headers alone.
    ///
    /// # Errors
    /// As those of [`Self::read`].
    pub fn kind(&mut self, id: &ObjectId) -> Result<ObjectKind, Fault> {
        let mut fault = Fault::Missing(*id);
        for place in self.packs.find(*id) {
            let end = place.and_then(|place| self.way(place)).and_then(|(_, end)| match end {
                End::Kept(kind, _) => Ok(kind),
                End::Loose(base) => self.loose_header(&base),
                End::Packed((pack, offset)) => match self.packs.pack(pack)?.entry(offset)?.form {
                    Form::Whole(kind) => Ok(kind),
                    _ => Err(Fault::Internal),
                },
            });
            match end {
                Ok(kind) => return Ok(kind),
                Err(other) => fault = other,
            }
        }
        self.loose_header(id).map_err(|other| if matches!(other, Fault::Missing(_)) { fault } else { other })
    }

    /// The objects whose ids start with these digits, two at least where there are several.
    ///
    /// # Errors
    /// Where the ids cannot be read.
    pub fn starting_with(&self, digits: &str) -> Result<BTreeSet<ObjectId>, Fault> {
        let digits = digits.to_ascii_lowercase();
        let low = format!("{digits:0<width$}", width = 2 * self.format.len());
        let mut ids = BTreeSet::new();
        let (Some(low), Some(first)) = (ObjectId::from_hex(low.as_bytes()), digits.get(..2)) else { return Ok(ids) };
        self.packs.starting_with(&digits, &low, &mut ids)?;
        for directory in self.directories {
            loose::list_below(directory, first, self.format, |id| {
                ids.extend(Some(id).filter(|id| id.to_string().starts_with(&digits)));
            })?;
        }
        Ok(ids)
    }

    /// The kind of an object that another one is a delta against.
    pub(super) fn kind_of_base(&mut self, id: &ObjectId) -> Result<ObjectKind, Fault> {
        self.kind(id).map_err(|fault| if fault == Fault::Missing(*id) { Fault::NoBase(*id) } else { fault })
    }

    /// Bytes that were made since this was last asked for, those on the way to what was read included.
    pub(super) fn take_made(&mut self) -> u64 {
        std::mem::take(&mut self.made)
    }

    /// Whether there is such an object. Nothing of it is read but where it is said to be.
    #[must_use]
    pub fn has(&self, id: &ObjectId) -> bool {
        let (below, name) = loose::place(id);
        self.packs.find(*id).any(|place| place.is_ok())
            || self.directories.iter().any(|d| matches!(d.file(&below, name.as_bytes()), Ok(Some(_))))
    }

    fn loose_header(&self, id: &ObjectId) -> Result<ObjectKind, Fault> {
        let mut fault = Fault::Missing(*id);
        for directory in self.directories {
            match loose::open(directory, id) {
                Ok(Some((header, _))) => return Ok(header.kind),
                Ok(None) => {}
                Err(other) => fault = other,
            }
        }
        Err(fault)
    }

    /// Reads a loose object.
    pub(super) fn read_loose(&mut self, id: &ObjectId) -> Result<(ObjectKind, Arc<Vec<u8>>), Fault> {
        self.loose(id, self.most)
    }

    fn loose(&mut self, id: &ObjectId, most: u64) -> Result<(ObjectKind, Arc<Vec<u8>>), Fault> {
        let mut fault = Fault::Missing(*id);
        for directory in self.directories {
            match read_loose(directory, id, most) {
                Ok(Some((kind, bytes))) => {
                    self.made += bytes.len() as u64;
                    return Ok((kind, Arc::new(bytes)));
                }
                Ok(None) => {}
                Err(other) => fault = other,
            }
        }
        Err(fault)
    }

    /// Reads the object at a place.
    pub(super) fn read_at(&mut self, place: Place) -> Result<(ObjectKind, Arc<Vec<u8>>), Fault> {
        self.read_place(place, self.most)
    }

    fn read_place(&mut self, place: Place, most: u64) -> Result<(ObjectKind, Arc<Vec<u8>>), Fault> {
        let (way, end) = self.way(place)?;
        self.made += way.len() as u64 * HEADER as u64;
        let most_of_root = if way.is_empty() { most } else { self.most };
        let (kind, mut bytes) = match end {
            End::Kept(kind, bytes) => match bytes.len() as u64 {
                size if size > most_of_root => return Err(Fault::TooLarge { size, most }),
                _ => (kind, bytes),
            },
            End::Loose(id) => self.read_loose(&id).map_err(|fault| match fault {
                Fault::Missing(id) => Fault::NoBase(id),
                other => other,
            })?,
            End::Packed(place) => {
                let pack = self.packs.pack(place.0)?;
                let next = self.packs.next(place, pack.end());
                let entry = pack.inflate(place.1, next, most_of_root, &mut self.buffers)?;
                let Form::Whole(kind) = entry.form else { return Err(Fault::Internal) };
                let size = usize::try_from(entry.size).map_err(|_| Fault::Internal)?;
                let bytes = Arc::new(self.buffers.out.get(..size).unwrap_or_default().to_vec());
                self.keep(place, kind, &bytes);
                self.made += entry.size;
                (kind, bytes)
            }
        };
        for (above, place) in way.into_iter().enumerate().rev() {
            bytes = Arc::new(self.apply(place, &bytes, if above == 0 { most } else { self.most })?);
            self.keep(place, kind, &bytes);
        }
        self.buffers.shrink();
        Ok((kind, bytes))
    }

    /// The deltas from an object to where its root is found, the object itself first.
    fn way(&self, mut place: Place) -> Result<(Vec<Place>, End), Fault> {
        let mut way = Vec::new();
        // A place that the way comes by again shows a cycle; the mark moves on when the way has become twice as long.
        let mut mark = (place, 1);
        loop {
            if let Some((_, kind, bytes)) = self.kept.iter().find(|(kept, ..)| *kept == place) {
                return Ok((way, End::Kept(*kind, Arc::clone(bytes))));
            }
            let base = match self.packs.pack(place.0)?.entry(place.1)?.form {
                Form::Whole(_) => return Ok((way, End::Packed(place))),
                Form::At(base) if self.packs.may_start((place.0, base)) => (place.0, base),
                Form::At(base) => return Err(Fault::NoBaseAt(base)),
                Form::By(id) => match self.packs.find_in(place.0, &id)? {
                    Some(base) => base,
                    None => match self.packs.find(id).next().transpose()? {
                        Some(base) => base,
                        None => {
                            way.push(place);
                            return Ok((way, End::Loose(id)));
                        }
                    },
                },
            };
            way.push(place);
            // Where no whole index says what starts where, offsets of a hostile pack could lead on and on.
            if base == mark.0 || way.len() > self.objects {
                return Err(Fault::Cycle);
            }
            if way.len() == mark.1 * 2 {
                mark = (base, way.len());
            }
            place = base;
        }
    }

    fn apply(&mut self, place: Place, base: &[u8], most: u64) -> Result<Vec<u8>, Fault> {
        let pack = self.packs.pack(place.0)?;
        let next = self.packs.next(place, pack.end());
        let entry = pack.inflate(place.1, next, self.most, &mut self.buffers)?;
        let size = usize::try_from(entry.size).map_err(|_| Fault::Internal)?;
        let delta = Delta::parse(self.buffers.out.get(..size).unwrap_or_default())?;
        if delta.result > most {
            return Err(Fault::TooLarge { size: delta.result, most });
        }
        let mut out = Vec::new();
        self.made += delta.result;
        delta.apply(base, &mut out, &mut self.copies)?;
        Ok(out)
    }

    fn keep(&mut self, place: Place, kind: ObjectKind, bytes: &Arc<Vec<u8>>) {
        if bytes.len() > KEPT_BYTES / 4 {
            return;
        }
        self.kept_bytes += bytes.len();
        self.kept.push_back((place, kind, Arc::clone(bytes)));
        while self.kept.len() > KEPT || self.kept_bytes > KEPT_BYTES {
            let Some((_, _, old)) = self.kept.pop_front() else { break };
            self.kept_bytes -= old.len();
        }
    }
}

/// Reads a loose object of a directory.
pub(super) fn read_loose(
    directory: &Directory,
    id: &ObjectId,
    most: u64,
) -> Result<Option<(ObjectKind, Vec<u8>)>, Fault> {
    let Some((header, stream)) = loose::open(directory, id)? else { return Ok(None) };
    let size = usize::try_from(header.size).ok().filter(|_| header.size <= most);
    let size = size.ok_or(Fault::TooLarge { size: header.size, most })?;
    let mut bytes = Vec::new();
    stream.into_vec(size, &mut bytes)?;
    Ok(Some((header.kind, bytes)))
}

//! Finds single objects in packs without reading whole indexes.
//!
//! A walk wants every object and reads each index once (`store`). A scan of a change wants a few hundred, and to read
//! 12 MB of index for them takes longer than the scan: here an index file is asked for what is wanted (`index_file`), and
//! a pack is opened when something is read from it.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::directories::Directory;
use super::fault::Fault;
use super::index_file::IndexFile;
use super::pack::Pack;
use super::pack_index::PackIndex;
use super::repository::ObjectFormat;
use super::store::{self, Store};
use crate::model::{Coverage, ObjectId, Untrusted};

/// How far behind an object the next one is thought to start where no whole index says it: most are shorter.
const GUESS: u64 = 4096;

/// A place of an object: the number of the pack, and the offset there.
pub(super) type Place = (usize, u64);

/// The packs of a repository, to look up objects in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packs<'r> {
    /// With the whole indexes that a walk has read.
    Whole(&'r Store),
    /// With index files, and the directories that the packs are in.
    Files(&'r Lookups, &'r [Directory]),
}

/// The index of a pack.
#[derive(Clone, Copy)]
enum Index<'r> {
    Whole(&'r PackIndex),
    File(&'r IndexFile),
}

impl<'r> Packs<'r> {
    fn len(self) -> usize {
        match self {
            Packs::Whole(store) => store.packs.len(),
            Packs::Files(lookups, _) => lookups.packs.len(),
        }
    }

    fn index(self, number: usize) -> Result<Index<'r>, Fault> {
        match self {
            Packs::Whole(store) => Ok(Index::Whole(&store.pack(number)?.index)),
            Packs::Files(lookups, _) => match &lookups.packs.get(number).ok_or(Fault::Internal)?.index {
                Found::Whole(index) => Ok(Index::Whole(index)),
                Found::File(file) => Ok(Index::File(file)),
            },
        }
    }

    /// How many objects they have.
    pub(super) fn objects(self) -> usize {
        match self {
            Packs::Whole(store) => store.packs.iter().map(|p| p.index.len()).sum(),
            Packs::Files(lookups, _) => lookups.packs.iter().map(|p| p.index.len()).sum(),
        }
    }

    /// A pack.
    pub(super) fn pack(self, number: usize) -> Result<&'r Pack, Fault> {
        match self {
            Packs::Whole(store) => Ok(&store.pack(number)?.pack),
            Packs::Files(lookups, directories) => {
                let lookup = lookups.packs.get(number).ok_or(Fault::Internal)?;
                let opened = lookup.pack.get_or_init(|| {
                    let directory = directories.get(lookup.directory).ok_or(Fault::Internal)?;
                    store::open_pack(directory, &lookup.name, lookups.format)
                });
                opened.as_ref().map_err(Clone::clone)
            }
        }
    }

    /// The places of an object, or why one of the packs cannot be asked.
    pub(super) fn find(self, id: ObjectId) -> impl Iterator<Item = Result<Place, Fault>> {
        (0..self.len()).filter_map(move |number| self.find_in(number, &id).transpose())
    }

    /// The place of an object in a pack.
    pub(super) fn find_in(self, number: usize, id: &ObjectId) -> Result<Option<Place>, Fault> {
        let offset = match self.index(number)? {
            Index::Whole(index) => index.find(id).map(|object| index.offset(object)),
            Index::File(file) => file.find(id)?,
        };
        Ok(offset.map(|offset| (number, offset)))
    }

    /// Where the next object starts, or is thought to.
    pub(super) fn next(self, (number, offset): Place, end: u64) -> u64 {
        match self.index(number) {
            Ok(Index::Whole(index)) => index.at(offset).map_or(end, |object| index.next(object, end)),
            _ => end.min(offset.saturating_add(GUESS)),
        }
    }

    /// Whether an object may start at a place. An index file does not tell: what is no object has no header there, or none
    /// that fits what follows.
    pub(super) fn may_start(self, (number, offset): Place) -> bool {
        !matches!(self.index(number), Ok(Index::Whole(index)) if index.at(offset).is_none())
    }

    /// Adds ids that start with these digits, of each pack two at most: more than one is too many. `low` is the lowest
    /// such id.
    pub(super) fn starting_with(self, digits: &str, low: &ObjectId, ids: &mut BTreeSet<ObjectId>) -> Result<(), Fault> {
        for number in 0..self.len() {
            let index = self.index(number)?;
            let first = match index {
                Index::Whole(index) => index.position(low),
                Index::File(file) => file.position(low)?,
            };
            for at in [first, first + 1] {
                let id = match index {
                    Index::Whole(index) => index.id_at(at),
                    Index::File(file) => file.id(at)?,
                };
                ids.extend(id.filter(|id| id.to_string().starts_with(digits)));
            }
        }
        Ok(())
    }
}

/// The packs of a repository, those with most objects first, and those whose index cannot be read.
#[derive(Debug)]
pub(super) struct Lookups {
    packs: Vec<Lookup>,
    faults: Vec<(PathBuf, Fault)>,
    format: ObjectFormat,
}

#[derive(Debug)]
struct Lookup {
    /// The number of its directory, and its name there without the ending.
    directory: usize,
    name: Vec<u8>,
    index: Found,
    pack: OnceLock<Result<Pack, Fault>>,
}

#[derive(Debug)]
enum Found {
    File(IndexFile),
    /// One of another version, or what a multi-pack index says in its place.
    Whole(PackIndex),
}

impl Found {
    fn len(&self) -> usize {
        match self {
            Self::File(file) => file.len(),
            Self::Whole(index) => index.len(),
        }
    }
}

impl Lookups {
    /// Opens the indexes of all packs.
    pub(super) fn open(directories: &[Directory], format: ObjectFormat) -> Self {
        let mut lookups = Self { packs: Vec::new(), faults: Vec::new(), format };
        for (number, directory) in directories.iter().enumerate() {
            let (names, fault) = store::names(directory);
            lookups.faults.extend(fault);
            for name in names {
                match open_index(directory, &name, format) {
                    Ok(index) => {
                        lookups.packs.push(Lookup { directory: number, name, index, pack: OnceLock::new() });
                    }
                    Err(fault) => lookups.faults.push((store::path(directory, &name), fault)),
                }
            }
        }
        lookups.packs.sort_by_key(|p| std::cmp::Reverse(p.index.len()));
        lookups
    }

    /// Says what could not be opened.
    pub(super) fn report(&self, directories: &[Directory], coverage: &mut Coverage) {
        let opened = self.packs.iter().filter_map(|p| {
            let fault = p.pack.get()?.as_ref().err()?;
            Some((store::path(directories.get(p.directory)?, &p.name), fault.clone()))
        });
        for (path, fault) in self.faults.iter().cloned().chain(opened) {
            coverage.gap(fault.kind(), &Untrusted::new(path.as_os_str().as_bytes()), fault.to_string());
        }
    }
}

fn open_index(directory: &Directory, name: &[u8], format: ObjectFormat) -> Result<Found, Fault> {
    let file = directory.file("pack", &[name, b".idx"].concat())?;
    match file.map(|file| IndexFile::open(file, format)) {
        Some(Ok(file)) => Ok(Found::File(file)),
        _ => store::index(directory, name, format).map(Found::Whole),
    }
}

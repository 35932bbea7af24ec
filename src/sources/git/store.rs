//! All packs of a repository, and where in them an object is.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::directories::Directory;
use super::fault::Fault;
use super::pack::Pack;
use super::pack_index::PackIndex;
use super::repository::ObjectFormat;
use crate::model::{Coverage, ObjectId, Untrusted};

/// The largest index that is read: one for 64 million objects.
const INDEX: u64 = 2 << 30;

/// A pack and its index.
#[derive(Debug)]
pub(super) struct Indexed {
    pub(super) pack: Pack,
    pub(super) index: PackIndex,
}

/// The packs of a repository, those with most objects first, and what is wrong with the others.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) packs: Vec<Indexed>,
    faults: Vec<(PathBuf, Fault)>,
}

impl Store {
    /// Opens all packs.
    pub(super) fn open(directories: &[Directory], format: ObjectFormat) -> Self {
        let mut store = Self::default();
        for directory in directories {
            let (names, fault) = names(directory);
            store.faults.extend(fault);
            for name in names {
                store.add(directory, &name, format);
            }
        }
        store.packs.sort_by_key(|p| std::cmp::Reverse(p.index.len()));
        store
    }

    fn add(&mut self, directory: &Directory, name: &[u8], format: ObjectFormat) {
        let path = path(directory, name);
        let opened = open_pack(directory, name, format);
        match opened.and_then(|pack| Ok(Indexed { index: index(directory, name, format)?, pack })) {
            Ok(indexed) => {
                let (stated, listed) = (indexed.pack.objects as usize, indexed.index.places());
                if stated != listed {
                    self.faults.push((path, Fault::Corrupt("its index does not list as many objects as it has")));
                }
                self.packs.push(indexed);
            }
            Err(fault) => self.faults.push((path, fault)),
        }
    }

    /// Says what could not be opened.
    pub(super) fn report(&self, coverage: &mut Coverage) {
        for (path, fault) in &self.faults {
            coverage.gap(fault.kind(), &Untrusted::new(path.as_os_str().as_bytes()), fault.to_string());
        }
    }

    /// The pack at a place in the list.
    pub(super) fn pack(&self, at: usize) -> Result<&Indexed, Fault> {
        self.packs.get(at).ok_or(Fault::Internal)
    }

    /// The packs that have an object, and its number in them.
    pub(super) fn find<'a>(&'a self, id: &'a ObjectId) -> impl Iterator<Item = (usize, u32)> + 'a {
        self.packs.iter().enumerate().filter_map(|(at, p)| Some((at, p.index.find(id)?)))
    }
}

/// The names of a directory's packs, without the ending, and why they cannot be listed.
pub(super) fn names(directory: &Directory) -> (Vec<Vec<u8>>, Option<(PathBuf, Fault)>) {
    let mut names = Vec::new();
    let listed = directory.list("pack", |name, _| names.extend(name.strip_suffix(b".pack").map(<[u8]>::to_vec)));
    names.sort();
    (names, listed.err().map(|fault| (directory.path.join("pack"), fault)))
}

/// Where a pack lies, as reports name it.
pub(super) fn path(directory: &Directory, name: &[u8]) -> PathBuf {
    directory.path.join("pack").join(std::ffi::OsStr::from_bytes(&[name, b".pack"].concat()))
}

/// Opens a pack.
pub(super) fn open_pack(directory: &Directory, name: &[u8], format: ObjectFormat) -> Result<Pack, Fault> {
    // It may have been packed anew since the directory was listed; then another pack has its objects.
    let file = directory.file("pack", &[name, b".pack"].concat())?;
    let file = file.ok_or_else(|| Fault::Unreadable("it was removed".to_owned()))?;
    Pack::open(file, path(directory, name), format)
}

/// Reads a pack's index, or what a multi-pack index says of it.
pub(super) fn index(directory: &Directory, name: &[u8], format: ObjectFormat) -> Result<PackIndex, Fault> {
    let index_name = [name, b".idx"].concat();
    let own = match directory.read("pack", &index_name, INDEX) {
        Ok(Some(data)) => PackIndex::parse(data, format),
        Ok(None) => Err(Fault::Corrupt("there is no index for it")),
        Err(fault) => Err(fault),
    };
    own.or_else(|fault| match directory.read("pack", b"multi-pack-index", INDEX) {
        Ok(Some(data)) => PackIndex::parse_multi(data, &index_name, format).map_err(|_| fault),
        _ => Err(fault),
    })
}

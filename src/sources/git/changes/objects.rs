//! Reads the objects of a change, with limits that fit what they are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Commit;
use crate::model::{Coverage, ObjectId};
use crate::sources::git::commit::Tag;
use crate::sources::git::{Fault, ObjectKind, ObjectReader, Repository};

/// The largest file that is read: it stands in memory whole, and twice for a moment.
const LARGEST: u64 = 128 << 20;
/// The largest commit, tag or tree.
const LARGEST_META: u64 = 64 << 20;
/// How many tags may be tags of one another.
const TAGS: usize = 64;

/// The objects of a repository.
#[derive(Debug)]
pub struct Objects<'r> {
    repository: &'r Repository,
    // Few objects are read, and by one thread at a time.
    reader: Mutex<ObjectReader<'r>>,
    most: u64,
}

impl<'r> Objects<'r> {
    /// The objects of a repository; `most` is `--max-file-size`.
    #[must_use]
    pub fn new(repository: &'r Repository, most: Option<u64>) -> Self {
        let reader = Mutex::new(ObjectReader::new(repository, LARGEST));
        Self { repository, reader, most: most.unwrap_or(LARGEST).min(LARGEST) }
    }

    /// The repository.
    #[must_use]
    pub fn repository(&self) -> &'r Repository {
        self.repository
    }

    fn reader(&self) -> MutexGuard<'_, ObjectReader<'r>> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what packs could not be opened.
    pub fn report(&self, coverage: &mut Coverage) {
        self.repository.report(coverage);
    }

    /// The object that a shortened id stands for.
    ///
    /// # Errors
    /// Where several have it, or the ids cannot be read.
    pub fn shortened(&self, digits: &str) -> Result<Option<ObjectId>, &'static str> {
        let ids = self.reader().starting_with(digits).map_err(|_| "the objects' ids cannot be read")?;
        if ids.len() > 1 { Err("several objects have an id that starts so") } else { Ok(ids.first().copied()) }
    }

    /// Reads an object of a kind.
    ///
    /// # Errors
    /// Where it is missing, damaged, too large, or of another kind.
    pub fn read_as(&self, id: &ObjectId, wanted: ObjectKind) -> Result<Arc<Vec<u8>>, Fault> {
        let most = if wanted == ObjectKind::Blob { self.most } else { LARGEST_META };
        let (kind, bytes) = self.reader().read_within(id, most)?;
        if kind == wanted { Ok(bytes) } else { Err(Fault::Corrupt("it is of another kind than it is taken for")) }
    }

    /// Reads a commit.
    ///
    /// # Errors
    /// As [`Self::read_as`], and where it is none.
    pub fn commit(&self, id: &ObjectId) -> Result<Commit, Fault> {
        let bytes = self.read_as(id, ObjectKind::Commit)?;
        Commit::parse(*id, bytes).ok_or(Fault::Corrupt("what it stands on cannot be read"))
    }

    /// What an object is, tags followed to what they name; every tag on the way is given to `tag`.
    ///
    /// # Errors
    /// As [`Self::read_as`].
    pub fn peel(&self, mut id: ObjectId, mut tag: impl FnMut(&ObjectId)) -> Result<(ObjectId, ObjectKind), Fault> {
        for _ in 0..TAGS {
            let kind = self.reader().kind(&id)?;
            if kind != ObjectKind::Tag {
                return Ok((id, kind));
            }
            tag(&id);
            let bytes = self.read_as(&id, ObjectKind::Tag)?;
            id = Tag::parse(&bytes).target.ok_or(Fault::Corrupt("it does not say what it is a tag of"))?;
        }
        Err(Fault::Cycle)
    }
}

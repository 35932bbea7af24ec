//! Reads single objects, through libgit2's object database alone.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use git2::{ErrorCode, ObjectType, Odb, Oid};

use super::{ChangesError, Commit, Repository};
use crate::model::{ObjectId, system_words};
use crate::sources::git::config::Config;
use crate::sources::git::{ObjectFormat, ObjectKind};
use crate::sources::repository::small_file;

/// The largest file that is read: it stands in memory whole, and twice for a moment. Headers are asked first.
const LARGEST: u64 = 128 << 20;
/// The largest commit, tag or tree.
const LARGEST_META: u64 = 64 << 20;

/// Why an object was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is not there.
    Missing,
    /// It has more bytes than are taken.
    TooLarge(u64),
    /// It is damaged, or of another kind than it is taken for.
    Broken,
}

impl Unread {
    /// One line for a person.
    #[must_use]
    pub fn words(&self, id: &ObjectId) -> String {
        match self {
            Self::Missing => format!("object {id} is missing"),
            Self::TooLarge(size) => format!("object {id} is larger than is read ({size} bytes)"),
            Self::Broken => format!("object {id} is damaged"),
        }
    }
}

/// The objects of a repository.
pub struct Objects {
    odb: Odb<'static>,
    most: u64,
}

impl Objects {
    /// Opens the objects of a repository: those of `own`, directories that the caller's own environment names (a received
    /// push), or the repository's. What lies outside of it is opened where `allowed` names it; `most` is
    /// `--max-file-size`.
    ///
    /// # Errors
    /// Where objects are borrowed from outside, or cannot be opened without harm.
    pub fn open(
        repository: &Repository,
        own: &[PathBuf],
        allowed: &[PathBuf],
        most: Option<u64>,
    ) -> Result<Self, ChangesError> {
        let main = repository.common.join("objects");
        let config = Config::parse(&repository.file("config").unwrap_or_default());
        if config.format != ObjectFormat::Sha1 {
            return Err(ChangesError::Unreadable {
                what: repository.common.display().to_string(),
                why: "its objects have SHA-256 names, from which changes are not read yet".to_owned(),
            });
        }
        let roots = if own.is_empty() { vec![main.clone()] } else { own.to_vec() };
        let named: BTreeSet<PathBuf> = allowed.iter().chain(own).filter_map(|p| p.canonicalize().ok()).collect();
        let mut all = Vec::new();
        for root in roots {
            borrowed(&root, &repository.common, &named, &mut all)?;
        }
        repository.check(&all)?;
        // Every object would be hashed again, which is slow and tells nothing of secrets.
        git2::opts::strict_hash_verification(false);
        let failed = |what: &Path, e: &git2::Error| ChangesError::Unreadable {
            what: what.display().to_string(),
            why: e.message().to_owned(),
        };
        let odb = Odb::new().map_err(|e| failed(&main, &e))?;
        for directory in &all {
            let path = directory.to_str().ok_or_else(|| ChangesError::Unreadable {
                what: directory.display().to_string(),
                why: "its path is no UTF-8".to_owned(),
            })?;
            odb.add_disk_alternate(path).map_err(|e| failed(directory, &e))?;
        }
        Ok(Self { odb, most: most.unwrap_or(LARGEST).min(LARGEST) })
    }

    /// Whether an object is there.
    #[must_use]
    pub fn has(&self, id: &ObjectId) -> bool {
        oid(id).is_some_and(|oid| self.odb.exists(oid))
    }

    /// The object that a shortened id stands for.
    ///
    /// # Errors
    /// Where several have it.
    pub fn shortened(&self, digits: &str) -> Result<Option<ObjectId>, &'static str> {
        let Ok(oid) = Oid::from_str(digits) else { return Ok(None) };
        match self.odb.exists_prefix(oid, digits.len()) {
            Ok(oid) => Ok(ObjectId::new(oid.as_bytes())),
            Err(e) if e.code() == ErrorCode::Ambiguous => Err("several objects have an id that starts so"),
            Err(_) => Ok(None),
        }
    }

    /// Reads an object.
    ///
    /// # Errors
    /// Where it is missing, damaged, or too large.
    pub fn read(&self, id: &ObjectId) -> Result<(ObjectKind, Vec<u8>), Unread> {
        let oid = oid(id).ok_or(Unread::Broken)?;
        let why = |e: git2::Error| if e.code() == ErrorCode::NotFound { Unread::Missing } else { Unread::Broken };
        let (size, kind) = self.odb.read_header(oid).map_err(why)?;
        let most = if kind == ObjectType::Blob { self.most } else { LARGEST_META };
        if size as u64 > most {
            return Err(Unread::TooLarge(size as u64));
        }
        let object = self.odb.read(oid).map_err(why)?;
        let kind = match object.kind() {
            ObjectType::Commit => ObjectKind::Commit,
            ObjectType::Tree => ObjectKind::Tree,
            ObjectType::Blob => ObjectKind::Blob,
            ObjectType::Tag => ObjectKind::Tag,
            ObjectType::Any => return Err(Unread::Broken),
        };
        Ok((kind, object.data().to_vec()))
    }

    /// Reads an object of a kind.
    ///
    /// # Errors
    /// As [`Self::read`], and where it is of another kind.
    pub fn read_as(&self, id: &ObjectId, wanted: ObjectKind) -> Result<Vec<u8>, Unread> {
        let (kind, bytes) = self.read(id)?;
        if kind == wanted { Ok(bytes) } else { Err(Unread::Broken) }
    }

    /// Reads a commit.
    ///
    /// # Errors
    /// As [`Self::read_as`], and where it is none.
    pub fn commit(&self, id: &ObjectId) -> Result<Commit, Unread> {
        Commit::parse(*id, self.read_as(id, ObjectKind::Commit)?).ok_or(Unread::Broken)
    }

    /// What an object is, tags followed to what they name; every tag on the way is given to `tag`.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn peel(
        &self,
        mut id: ObjectId,
        mut tag: impl FnMut(&ObjectId, &[u8]),
    ) -> Result<(ObjectId, ObjectKind), Unread> {
        for _ in 0..64 {
            let (kind, bytes) = self.read(&id)?;
            if kind != ObjectKind::Tag {
                return Ok((id, kind));
            }
            tag(&id, &bytes);
            let line = bytes.strip_prefix(b"object ").and_then(|t| t.split(|b| *b == b'\n').next());
            id = line.and_then(ObjectId::from_hex).ok_or(Unread::Broken)?;
        }
        Err(Unread::Broken)
    }
}

fn oid(id: &ObjectId) -> Option<Oid> {
    Oid::from_bytes(id.as_bytes()).ok()
}

/// Adds an object directory and those that it borrows from, which lie in the repository or are named by somebody who may.
fn borrowed(
    directory: &Path,
    common: &Path,
    named: &BTreeSet<PathBuf>,
    all: &mut Vec<PathBuf>,
) -> Result<(), ChangesError> {
    let refused = |why: &str| ChangesError::Unreadable { what: directory.display().to_string(), why: why.to_owned() };
    let real = directory.canonicalize().map_err(|e| refused(&system_words(&e)))?;
    if all.contains(&real) {
        return Ok(());
    }
    if !named.contains(&real) && !real.starts_with(common) {
        return Err(refused(
            "objects are borrowed from this directory, which lies outside of the repository: name it with --allow-alternate if they may be read",
        ));
    }
    all.push(real.clone());
    let file = real.join("info/alternates");
    let Ok(meta) = file.symlink_metadata() else { return Ok(()) };
    let text = meta.is_file().then(|| small_file(&file)).flatten();
    let text = text.ok_or_else(|| refused("its `info/alternates` cannot be read"))?;
    for line in text.split(|b| *b == b'\n').filter(|l| !l.is_empty() && !l.starts_with(b"#")) {
        borrowed(&real.join(OsStr::from_bytes(line)), common, named, all)?;
    }
    Ok(())
}

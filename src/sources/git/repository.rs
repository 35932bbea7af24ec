//! A repository: where its objects lie, and what kind they are.
//!
//! Opening one reads a few small files and lists directories. No git process is started, and nothing of the repository's
//! configuration is carried out (invariants 3 and 5a).

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::config::Config;
use super::directories::{self, Directory};
use super::locate::Location;
use super::lookup::{Lookups, Packs};
use super::store::Store;
use crate::model::{Coverage, ObjectId};
use crate::sources::open::small_file;

/// How objects are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ObjectFormat {
    /// By SHA-1, in 20 bytes.
    #[default]
    Sha1,
    /// By SHA-256, in 32 bytes.
    Sha256,
}

impl ObjectFormat {
    /// Bytes of an id.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is the length of an id, and never 0")]
    pub fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    pub(super) fn kind(self) -> gix_hash::Kind {
        match self {
            Self::Sha1 => gix_hash::Kind::Sha1,
            Self::Sha256 => gix_hash::Kind::Sha256,
        }
    }
}

/// Why a repository could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is none.
    #[error("there is no git repository: neither a `.git` in it, nor a git directory itself")]
    None,
    /// The system refused.
    #[error("its git directory cannot be read: {0}")]
    Unreadable(String),
    /// Its `.git` leads out of the target, to a git directory that does not lead back.
    #[error("its git directory lies elsewhere and does not point back, so it is not read")]
    Outside,
    /// Its objects are somewhere else.
    #[error("its `objects` is not a directory, or a link that leads outside of the repository")]
    NoObjects,
}

/// What outside of the target may be read, by the word of whoever started the scan.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Object directories that alternates may name although they lie outside of the target.
    pub alternates: Vec<PathBuf>,
    /// Directories with objects that are read too: those of a push that was received and not yet accepted, as a
    /// receiving hook is told.
    pub received: Vec<PathBuf>,
}

/// An open repository.
#[derive(Debug)]
pub struct Repository {
    location: Location,
    format: ObjectFormat,
    partial: bool,
    shallow: Vec<ObjectId>,
    directories: Vec<Directory>,
    store: OnceLock<Store>,
    lookups: OnceLock<Lookups>,
}

impl Repository {
    /// Opens the repository of a work tree (its root), a submodule, a linked worktree, or a bare one. What of it is not
    /// read goes into `coverage`.
    ///
    /// # Errors
    /// Where there is none, or none that may be read.
    pub fn open(path: &Path, coverage: &mut Coverage) -> Result<Self, OpenError> {
        Self::open_with(path, &Access::default(), coverage)
    }

    /// Opens a repository, with more directories that may be read.
    ///
    /// # Errors
    /// Where there is none, or none that may be read.
    pub fn open_with(path: &Path, access: &Access, coverage: &mut Coverage) -> Result<Self, OpenError> {
        Self::open_at(Location::of(path)?, access, coverage)
    }

    /// Opens a repository that was found.
    ///
    /// # Errors
    /// Where its objects may not be read.
    pub fn open_at(location: Location, access: &Access, coverage: &mut Coverage) -> Result<Self, OpenError> {
        let Location { work_tree, git_dir, common_dir } = &location;
        let config = small_file(&common_dir.join("config")).map(|text| Config::parse(&text));
        let config = config.unwrap_or_default();
        let shallow = small_file(&common_dir.join("shallow")).unwrap_or_default();
        let shallow = shallow.split(|b| *b == b'\n').filter_map(|l| ObjectId::from_hex(l.trim_ascii())).collect();
        let roots = work_tree.iter().chain([git_dir, common_dir]);
        let inside: Vec<PathBuf> = roots.filter_map(|p| p.canonicalize().ok()).collect();
        let directories = directories::find(&common_dir.join("objects"), &inside, access, coverage)?;
        let partial = config.partial || directories.iter().any(Directory::is_promised);
        let (format, store, lookups) = (config.format, OnceLock::new(), OnceLock::new());
        Ok(Self { location, format, partial, shallow, directories, store, lookups })
    }

    /// Where it lies.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The git directory: `HEAD` and what else a linked worktree has to itself.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.location.git_dir
    }

    /// The git directory that linked worktrees share, with refs and objects; else the same as [`Self::git_dir`].
    #[must_use]
    pub fn common_dir(&self) -> &Path {
        &self.location.common_dir
    }

    /// How objects are named.
    #[must_use]
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// Whether objects may be missing because a remote has promised them.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.partial
    }

    /// Commits whose parents are missing on purpose; none where the repository is not shallow.
    #[must_use]
    pub fn shallow(&self) -> &[ObjectId] {
        &self.shallow
    }

    /// Directories with objects, the repository's own first.
    pub(super) fn directories(&self) -> &[Directory] {
        &self.directories
    }

    /// The packs with their whole indexes, read when they are first asked for: what a walk needs.
    pub(super) fn store(&self) -> &Store {
        self.store.get_or_init(|| Store::open(&self.directories, self.format))
    }

    /// Where single objects are looked up: in whole indexes where a walk has read them, else in as much of the files as
    /// that takes.
    pub(super) fn packs(&self) -> Packs<'_> {
        match self.store.get() {
            Some(store) => Packs::Whole(store),
            None => {
                let lookups = self.lookups.get_or_init(|| Lookups::open(&self.directories, self.format));
                Packs::Files(lookups, &self.directories)
            }
        }
    }

    /// Says which packs could not be opened.
    pub(super) fn report(&self, coverage: &mut Coverage) {
        match self.packs() {
            Packs::Whole(store) => store.report(coverage),
            Packs::Files(lookups, directories) => lookups.report(directories, coverage),
        }
    }
}

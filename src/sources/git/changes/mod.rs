//! What a change brings in: the index against `HEAD`, and commits against their parents.
//!
//! `index` reads the index, `split` one that is in two files, `revision` what people call commits. `staged`, `tree` and
//! `walk` say what changed; `lines` says which lines of a file, and is all that libgit2 is used for. Objects are read as
//! everywhere (`objects`, with limits). No repository is opened by libgit2, since that reads configuration, the user's and
//! the system's too, and follows its includes.

mod commit;
mod index;
mod lines;
mod objects;
pub mod revision;
mod split;
mod staged;
mod tree;
mod walk;

pub use commit::Commit;
pub use index::{Entry as IndexEntry, Index, Stat};
pub use lines::{Lines, hash};
pub use objects::Objects;
pub use staged::staged;
pub use tree::{Gone, changed, expand, file_at};
pub use walk::{Range, Walked, walk};

use std::path::Path;

use super::OpenError;
use crate::model::ObjectId;

/// Why a repository, or what was asked of it, cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ChangesError {
    /// There is none.
    #[error("`{0}` is no git repository, and lies in none")]
    NotARepository(String),
    /// A `.git` file leads to a directory that does not lead back.
    #[error("the git directory of `{0}` lies elsewhere and does not point back, so it is not read")]
    LinkElsewhere(String),
    /// It has no work tree.
    #[error("`{0}` is a bare repository: it has no work tree")]
    Bare(String),
    /// No ref and no object has the name.
    #[error("there is no commit `{0}` in the repository")]
    Unknown(String),
    /// A name that quell does not read, or an ambiguous one.
    #[error("`{name}` names no commit: {why}")]
    Name {
        /// As it was given.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something of the repository cannot be read, so that nothing of it was scanned.
    #[error("{what}: {why}")]
    Unreadable {
        /// A path in it.
        what: String,
        /// In words of quell or of the system.
        why: String,
    },
}

impl ChangesError {
    /// Why a repository cannot be opened that a path should lead to.
    #[must_use]
    pub fn open(path: &Path, error: OpenError) -> Self {
        let what = path.display().to_string();
        match error {
            OpenError::None => Self::NotARepository(what),
            OpenError::Outside => Self::LinkElsewhere(what),
            OpenError::Unreadable(_) | OpenError::NoObjects => Self::Unreadable { what, why: error.to_string() },
        }
    }
}

/// A file that a change made or altered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its path in the work tree.
    pub path: Box<[u8]>,
    /// Its content after the change.
    pub new: ObjectId,
    /// Its content before: in each parent, or nothing where it did not exist there.
    pub old: Vec<Option<ObjectId>>,
    /// Whether it is a submodule's commit, which has no content here.
    pub submodule: bool,
}

/// What a change did to a tree.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// What it made or altered, against every parent.
    pub made: Vec<Change>,
    /// What it took away, of each parent.
    pub gone: Vec<Vec<Gone>>,
}

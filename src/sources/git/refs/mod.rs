//! What a repository's history is entered by: refs of every kind, and the ids in their logs.
//!
//! Read here and not by git or a library, because the repository may be anybody's: nothing of its configuration counts,
//! links are not followed, every file is bounded, and what cannot be read is a gap. A symbolic ref is looked up among the
//! refs that were read; no name ever becomes a path. Both formats are read where both are there: files
//! (gitrepository-layout: `refs/`, `packed-refs`, `logs/`) and reftable (git's technical documentation of that name).

mod files;
mod lines;
mod names;
mod reftable;
mod stack;
mod store;
mod worktrees;

use std::path::Path;

pub use names::Names;

use crate::model::{Coverage, ObjectId, Untrusted};

/// What a tip is. The order is that in which tips are named: what a reader knows best comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TipKind {
    /// `HEAD` of the git directory that was asked for.
    Head,
    /// Below `refs/heads`.
    Branch,
    /// Below `refs/remotes`.
    Remote,
    /// Below `refs/tags`.
    Tag,
    /// `refs/stash`.
    Stash,
    /// Below `refs/notes`.
    Notes,
    /// Any other ref, such as those of pull requests.
    Other,
    /// What another worktree has to itself: its `HEAD`, its bisection.
    Worktree,
    /// `FETCH_HEAD`, `ORIG_HEAD`, `MERGE_HEAD` and their like.
    Pseudo,
}

/// A name for an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tip {
    /// What it is.
    pub kind: TipKind,
    /// Its full name; that of another worktree starts with `worktrees/NAME/` or `main-worktree/`, as git writes it.
    pub name: Untrusted,
    /// What it names: most often a commit, or an annotated tag.
    pub id: ObjectId,
    /// What the annotated tag names, where the ref says so.
    pub peeled: Option<ObjectId>,
}

/// What a ref named in the past.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Log {
    /// The ref's name.
    pub name: Untrusted,
    /// Every id in its log, old and new, each once and sorted.
    pub ids: Vec<ObjectId>,
}

/// Every name of a repository's objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refs {
    /// The tips, sorted: `HEAD` first.
    pub tips: Vec<Tip>,
    /// The logs, sorted by name.
    pub logs: Vec<Log>,
    /// The commits at which the history was cut off (a shallow clone), sorted.
    pub shallow: Vec<ObjectId>,
}

/// Reads the refs of a repository. `git_dir` is the git directory asked for; `common_dir` the one that linked worktrees
/// share, or the same. Both paths were found by whoever calls and may lead through links; nothing below them does.
/// What cannot be read goes into `coverage`.
#[must_use]
pub fn read(git_dir: &Path, common_dir: &Path, coverage: &mut Coverage) -> Refs {
    let mut refs = worktrees::read(git_dir, common_dir, coverage);
    refs.tips.sort();
    refs.tips.dedup();
    refs.logs.sort();
    refs.shallow.sort();
    refs.shallow.dedup();
    refs
}

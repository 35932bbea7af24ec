//! Where a hit in a repository's history comes from: who brought it in, at which paths, and whether it is still there.
//!
//! A blob knows neither its path nor its commit. [`Collector`] sees every tree and commit once, as a walk over the
//! objects yields them; [`Attribution`] is what follows for each hit. No two trees are compared as diffs do: trees are
//! cut down to what leads to hits (`prune`), equal ones are one node, and a commit brings in what its node has and none
//! of its parents' nodes have at the same path (`introduce`). `reach` says which ref leads to a commit; `answer` puts
//! it together. Everything is bounded, since a few trees can stand for any number of paths.

mod answer;
mod collect;
mod expand;
mod history;
mod hits;
mod ids;
mod introduce;
mod present;
mod prune;
mod reach;
mod secret_names;
mod trees;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub use self::collect::Collector;
pub use self::history::Person;
pub use self::secret_names::HasHit;
pub use self::trees::Kept;
pub use crate::model::Presence;
use crate::model::{ObjectId, Untrusted};

/// The most paths that are named for one hit; more are counted.
pub const PATHS: usize = 64;

/// The most tips that are named for one hit, besides `HEAD`.
pub const TIPS: usize = 4;

/// Whether a ref counts.
pub type Counts<'a> = &'a dyn Fn(&[u8]) -> bool;

/// What of a history is asked about. The default is everything.
#[derive(Clone, Copy, Default)]
pub struct Narrow<'a> {
    /// Which refs count, by full name. With it, what they do not lead to does not count either.
    pub refs: Option<Counts<'a>>,
    /// How many commits count: those with the latest committer dates that a ref which counts leads to.
    pub commits: Option<usize>,
}

/// Where hits come from.
#[derive(Debug, Default)]
pub struct Attribution {
    origins: HashMap<ObjectId, Origin>,
    names: Vec<(Untrusted, Origin)>,
    latest: Option<HashSet<ObjectId>>,
}

impl Attribution {
    /// Where an object comes from; `None` for one that was no hit.
    #[must_use]
    pub fn of(&self, id: &ObjectId) -> Option<&Origin> {
        self.origins.get(id)
    }

    /// The names of files and directories with hits in them, and where each comes from.
    #[must_use]
    pub fn names(&self) -> &[(Untrusted, Origin)] {
        &self.names
    }

    /// Whether a commit is one of the latest, where [`Narrow`] asks for some.
    #[must_use]
    pub fn is_latest(&self, commit: Option<&ObjectId>) -> bool {
        self.latest.as_ref().is_none_or(|latest| commit.is_some_and(|commit| latest.contains(commit)))
    }

    /// All objects, in no order.
    pub fn all(&self) -> impl Iterator<Item = (&ObjectId, &Origin)> {
        self.origins.iter()
    }
}

/// Where one hit comes from. With [`Narrow`], its commits and paths are those that count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Where it is now, whatever was asked about.
    pub presence: Presence,
    /// Whether a ref leads to it that [`Narrow`] lets count.
    pub counts: bool,
    /// The first commit that has it: of those that a ref leads to, or else that a ref's log leads to, or else of those
    /// that nothing leads to, the one with the earliest committer date, and of several the smallest id. For a commit
    /// itself, that commit. `None` for a blob in no commit.
    pub first: Option<Arc<Introduction>>,
    /// Who made the tag, where the hit is one.
    pub tagger: Option<Person>,
    /// The paths that it has had, at most [`PATHS`], those that came first in front.
    pub paths: Vec<Place>,
    /// How many paths it has had.
    pub path_count: u64,
    /// Whether there may be more paths than were counted.
    pub more_paths: bool,
    /// Names of refs whose tips have it, at most [`TIPS`], `HEAD` left out. For a commit, those that name it.
    pub tips: Vec<Untrusted>,
    /// Whether there are more such refs.
    pub more_tips: bool,
    /// The ref, or the ref whose log, leads to `first`, or to the tag or blob itself: a stash, notes, a pull request.
    pub held_by: Option<Untrusted>,
}

/// A path, and the first commit that brought the hit there, chosen as [`Origin::first`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path in the commit's tree, cut to 4 KiB.
    pub path: Untrusted,
    /// The commit; `None` in a tree that a ref names without a commit.
    pub commit: Option<ObjectId>,
}

/// A commit that brought something in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// Its id.
    pub commit: ObjectId,
    /// Who wrote it.
    pub author: Option<Person>,
    /// Who committed it.
    pub committer: Option<Person>,
    /// Whether a parent of it is not there (a shallow clone): it was brought in here or before.
    pub at_or_before: bool,
}

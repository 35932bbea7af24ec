//! Collects trees, commits and tags as a walk over the objects yields them, in any order and from several threads.

use std::io::Read;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Attribution;
use super::Narrow;
use super::answer::Answer;
use super::history::{History, NONE};
use super::hits::Hits;
use super::secret_names::{HasHit, SecretNames};
use super::trees::{Kept, Trees, lock};
use crate::model::{Coverage, GapKind, ObjectId, Untrusted};
use crate::sources::git::commit::{Commit, Tag};
use crate::sources::git::refs::Refs;
use crate::sources::git::{Copied, Object, ObjectKind, Visitor};

/// How much of a commit or tag that is too large to be held is read: its headers stand in front.
const HEADERS: u64 = 1 << 20;

/// What is collected for a set of hits.
///
/// Hand it to a walk over all trees, commits and tags, then ask for the [`Attribution`]. It wants no object where there
/// is no hit, and names are of no interest. Every tree is read once, and of a delta only what it does not copy; kept are four bytes for each sub-tree
/// and hit in it, and about a hundred for a commit.
#[derive(Debug)]
pub struct Collector<'n> {
    trees: Trees<'n>,
    history: Mutex<History>,
    malformed: AtomicU64,
    large: AtomicU64,
}

impl<'n> Collector<'n> {
    /// For these objects: blobs with hits in them, and commits and tags whose messages have some; and for the names of
    /// files and directories that `names` says have hits in them.
    #[must_use]
    pub fn new(hits: &[ObjectId], names: Option<HasHit<'n>>) -> Self {
        Self {
            trees: Trees::new(Hits::new(hits), SecretNames::new(names)),
            history: Mutex::default(),
            malformed: AtomicU64::new(0),
            large: AtomicU64::new(0),
        }
    }

    /// Works out where the hits come from, as far as `narrow` wants to know. What stands in the way of a full answer goes
    /// into `coverage`, under the repository's name.
    #[must_use]
    pub fn finish(
        self,
        refs: &Refs,
        narrow: &Narrow<'_>,
        repository: &Untrusted,
        coverage: &mut Coverage,
    ) -> Attribution {
        let malformed = self.malformed.into_inner();
        if malformed > 0 {
            let what = "commits, trees and tags are malformed: what can be read of them was";
            coverage.notice(repository, format!("{malformed} of its {what}"));
        }
        for (count, what) in [
            (self.large.into_inner(), "trees are too large to be read: names in them are not searched"),
            (self.trees.secret_names.lost(), "names of files are too long or too many to be searched and kept"),
        ] {
            if count > 0 {
                coverage.gap(GapKind::OverBudget, repository, format!("{count} of its {what}"));
            }
        }
        let history = self.history.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (hits, trees) = self.trees.freeze();
        Answer::new(&hits, &trees, &history, refs, narrow).attribution(repository, coverage)
    }

    /// Every commit that brings a hit to a path at which none of its parents has it, with the hit and the path. As many
    /// as there are: for comparing with git.
    #[must_use]
    pub fn introductions(self, refs: &Refs) -> Vec<(ObjectId, ObjectId, Vec<u8>)> {
        let history = self.history.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (hits, trees) = self.trees.freeze();
        Answer::new(&hits, &trees, &history, refs, &Narrow::default()).introductions()
    }

    fn commit(&self, id: &ObjectId, bytes: &[u8]) {
        let commit = Commit::parse(bytes);
        let tree = commit.tree.and_then(|tree| self.trees.number(tree.as_bytes())).unwrap_or(NONE);
        self.malformed.fetch_add(u64::from(commit.malformed), Ordering::Relaxed);
        lock(&self.history).commit(id, &commit, tree);
    }

    fn tag(&self, id: &ObjectId, bytes: &[u8]) {
        let tag = Tag::parse(bytes);
        self.malformed.fetch_add(u64::from(tag.target.is_none()), Ordering::Relaxed);
        lock(&self.history).tag(id, &tag);
    }
}

impl Visitor for Collector<'_> {
    type State = Kept;

    fn wants(&self, kind: ObjectKind) -> bool {
        kind != ObjectKind::Blob && (self.trees.hits.len() > 0 || self.trees.secret_names.are_wanted())
    }

    fn visit(&self, object: &Object<'_>, base: Option<(&Kept, &[Copied])>) -> Kept {
        match object.kind {
            ObjectKind::Tree => {
                let (kept, whole) = self.trees.add(object, base);
                self.malformed.fetch_add(u64::from(!whole), Ordering::Relaxed);
                return if object.is_base { kept } else { Kept::default() };
            }
            ObjectKind::Commit => self.commit(&object.id, object.bytes),
            ObjectKind::Tag => self.tag(&object.id, object.bytes),
            ObjectKind::Blob => {}
        }
        Kept::default()
    }

    fn large(&self, id: ObjectId, kind: ObjectKind, _size: u64, content: &mut dyn Read) {
        let mut bytes = Vec::new();
        match kind {
            ObjectKind::Commit | ObjectKind::Tag => {
                // What was read before an error still says something; that it is not all is the walk's to report.
                let _ = content.take(HEADERS).read_to_end(&mut bytes);
                if kind == ObjectKind::Commit { self.commit(&id, &bytes) } else { self.tag(&id, &bytes) }
            }
            ObjectKind::Tree => {
                self.large.fetch_add(1, Ordering::Relaxed);
            }
            ObjectKind::Blob => {}
        }
    }
}

//! What the walk over a repository yields, and to whom.

use std::io::Read;

use super::id_set::IdSet;
use crate::model::ObjectId;

/// The kinds of git objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A commit.
    Commit,
    /// A directory.
    Tree,
    /// A file's content.
    Blob,
    /// An annotated tag.
    Tag,
}

/// One object, whole.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    /// Its id.
    pub id: ObjectId,
    /// Its kind.
    pub kind: ObjectKind,
    /// Its content, without the header.
    pub bytes: &'a [u8],
    /// Whether other objects are deltas against it: without them, what a visitor keeps of it is never asked for.
    pub is_base: bool,
}

/// A stretch of an object that was copied from its base. Contiguous ones are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Offset in the object.
    pub at: usize,
    /// Offset in the base.
    pub from: usize,
    /// Bytes.
    pub len: usize,
}

/// Who sees the objects. It is called from several threads.
pub trait Visitor: Sync {
    /// What it keeps of a base for the objects that are deltas against it.
    type State: Send + Sync;

    /// Whether objects of a kind are wanted at all; others are not even inflated.
    fn wants(&self, kind: ObjectKind) -> bool;

    /// Objects that need not be seen. They are made where others are deltas against them, which are then seen whole.
    fn known(&self) -> Option<&IdSet> {
        None
    }

    /// Sees an object. `base` has what was kept of the object that this one is a delta against, and the stretches that
    /// were copied from it, in the order of their place in this object.
    fn visit(&self, object: &Object<'_>, base: Option<(&Self::State, &[Copied])>) -> Self::State;

    /// Sees an object that is too large to be held, as a stream. It is no delta, and no base of one.
    fn large(&self, id: ObjectId, kind: ObjectKind, size: u64, content: &mut dyn Read);
}

//! Looks paths up in trees. Most trees of a history are the same as their neighbours', so each is read once.

use std::collections::HashMap;

use crate::model::ObjectId;
use crate::sources::git::ObjectKind;
use crate::sources::git::changes::Objects;
use crate::sources::git::commit::{self, EntryKind};

/// How many answers are kept.
const KEPT: usize = 1 << 18;

/// A name in a tree.
pub(super) type Asked = (ObjectId, Box<[u8]>);

/// What was looked up before.
pub(super) type Known = HashMap<Asked, Option<(ObjectId, EntryKind)>>;

pub(super) struct Trees<'a, 'r> {
    objects: &'a Objects<'r>,
    /// What was looked up; it can be taken along to the next reader of the same repository.
    pub(super) known: Known,
}

impl<'a, 'r> Trees<'a, 'r> {
    pub(super) fn new(objects: &'a Objects<'r>) -> Self {
        Self::resume(objects, Known::new())
    }

    pub(super) fn resume(objects: &'a Objects<'r>, known: Known) -> Self {
        Self { objects, known }
    }

    /// The blob that a tree has at a path; nothing where it has none there, or what leads there cannot be read.
    pub(super) fn file(&mut self, tree: &ObjectId, path: &[u8]) -> Option<ObjectId> {
        let mut id = *tree;
        let mut parts = path.split(|b| *b == b'/').peekable();
        while let Some(part) = parts.next() {
            match (parts.peek(), self.entry(&id, part)?) {
                (None, (blob, EntryKind::Blob)) => return Some(blob),
                (Some(_), (tree, EntryKind::Tree)) => id = tree,
                _ => return None,
            }
        }
        None
    }

    fn entry(&mut self, tree: &ObjectId, name: &[u8]) -> Option<(ObjectId, EntryKind)> {
        let asked: Asked = (*tree, name.into());
        if let Some(known) = self.known.get(&asked) {
            return *known;
        }
        let found = self.look(tree, name);
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        self.known.insert(asked, found);
        found
    }

    fn look(&self, tree: &ObjectId, name: &[u8]) -> Option<(ObjectId, EntryKind)> {
        let bytes = self.objects.read_as(tree, ObjectKind::Tree).ok()?;
        let (mut at, width) = (0, tree.as_bytes().len());
        while let Some(entry) = commit::entry(&bytes, at, width) {
            if entry.name == name {
                return Some((ObjectId::new(entry.id)?, entry.kind));
            }
            at = entry.next;
        }
        None
    }
}

//! A commit of a range, kept with its text.

use std::sync::Arc;

use crate::model::{CommitRef, ObjectId};
use crate::sources::git::commit;

/// A commit.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Its id.
    pub id: ObjectId,
    /// Its tree.
    pub tree: ObjectId,
    /// Its parents.
    pub parents: Vec<ObjectId>,
    /// The committer's date, in seconds since 1970; zero where it cannot be read.
    pub time: i64,
    /// What a report says of it.
    pub reference: Arc<CommitRef>,
    raw: Arc<Vec<u8>>,
}

impl Commit {
    /// Reads a commit object; `None` where it does not say what it stands on, so that what it brings in is not known.
    #[must_use]
    pub fn parse(id: ObjectId, raw: Arc<Vec<u8>>) -> Option<Self> {
        let read = commit::Commit::parse(&raw);
        let tree = read.tree.filter(|_| read.linked)?;
        let time = read.committer.and_then(|c| c.time).map_or(0, |t| t.seconds);
        let (parents, reference) = (read.parents().collect(), Arc::new(read.reference(id)));
        Some(Self { id, tree, parents, time, reference, raw })
    }

    /// The lines of its head that people have a say in.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        commit::Commit::parse(&self.raw).head
    }

    /// Its message.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        commit::Commit::parse(&self.raw).message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_has_its_parents_its_author_and_its_texts() {
        let (tree, parent) = ("a".repeat(40), "b".repeat(40));
        let text = format!(
            "tree {tree}\nparent {parent}\nauthor A <a@b> 12 +0100\ncommitter C <c@d> 34 +0000\ngpgsig x\n y\n\nhello\n\nworld\n"
        );
        let id = ObjectId::from_hex(tree.as_bytes()).unwrap();
        let parse = |text: String| Commit::parse(id, Arc::new(text.into_bytes()));
        let commit = parse(text).unwrap();
        assert_eq!((commit.parents.len(), commit.time, commit.reference.date), (1, 34, 12));
        assert_eq!(commit.reference.author.raw(), b"A <a@b>");
        assert!(commit.head().starts_with(b"author A") && commit.head().ends_with(b" y\n\n"));
        assert_eq!(commit.message(), b"hello\n\nworld\n");
        assert!(parse("tree x\n\n".to_owned()).is_none());
        assert!(parse(format!("tree {tree}\nparent x\n\n")).is_none());
        assert!(parse(format!("tree {tree}")).unwrap().message().is_empty());
    }
}

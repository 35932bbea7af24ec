//! Reads a commit: what it stands on, who made it, and the text that people wrote.

use std::sync::Arc;

use crate::model::{CommitRef, ObjectId, Untrusted};

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
    raw: Vec<u8>,
    /// Where the author's line starts, and where the message does.
    texts: (usize, usize),
}

impl Commit {
    /// Reads a commit object; `None` where it is none.
    #[must_use]
    pub fn parse(id: ObjectId, raw: Vec<u8>) -> Option<Self> {
        let end = raw.windows(2).position(|w| w == b"\n\n").unwrap_or(raw.len());
        let (mut tree, mut parents, mut at, mut head) = (None, Vec::new(), 0, None);
        let (mut author, mut committer) = (&b""[..], &b""[..]);
        for line in raw.get(..end)?.split(|b| *b == b'\n') {
            if let Some(hex) = line.strip_prefix(b"tree ") {
                tree = tree.or(ObjectId::from_hex(hex));
            } else if let Some(hex) = line.strip_prefix(b"parent ") {
                parents.push(ObjectId::from_hex(hex)?);
            } else {
                head = head.or(Some(at));
                author = line.strip_prefix(b"author ").unwrap_or(author);
                committer = line.strip_prefix(b"committer ").unwrap_or(committer);
            }
            at += line.len() + 1;
        }
        let (name, date) = identity(author);
        let reference = Arc::new(CommitRef { id, author: Untrusted::new(name), date });
        let time = identity(committer).1;
        let texts = (head.unwrap_or(end), (end + 2).min(raw.len()));
        Some(Self { id, tree: tree?, parents, time, reference, raw, texts })
    }

    /// The lines of its head that people have a say in: author, committer, and whatever else stands there.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        self.raw.get(self.texts.0..self.texts.1).unwrap_or_default()
    }

    /// Its message.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.raw.get(self.texts.1..).unwrap_or_default()
    }
}

/// Name with address, and time, of `Name <address> 1700000000 +0100`.
fn identity(line: &[u8]) -> (&[u8], i64) {
    let Some(close) = line.iter().rposition(|b| *b == b'>') else { return (line, 0) };
    let (name, rest) = line.split_at(close + 1);
    let digits = rest.split(|b| *b == b' ').find(|w| !w.is_empty()).unwrap_or_default();
    (name, std::str::from_utf8(digits).ok().and_then(|d| d.parse().ok()).unwrap_or(0))
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
        let commit = Commit::parse(id, text.into_bytes()).unwrap();
        assert_eq!((commit.parents.len(), commit.time, commit.reference.date), (1, 34, 12));
        assert_eq!(commit.reference.author.raw(), b"A <a@b>");
        assert!(commit.head().starts_with(b"author A") && commit.head().ends_with(b" y\n\n"));
        assert_eq!(commit.message(), b"hello\n\nworld\n");
        assert!(Commit::parse(id, b"tree x\n\n".to_vec()).is_none());
        assert!(Commit::parse(id, format!("tree {tree}").into_bytes()).unwrap().message().is_empty());
    }
}

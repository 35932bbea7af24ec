//! Commits, tags and trees, read from their bytes.
//!
//! What is in them was written by anybody, and git itself has written oddities over the years. So nothing is refused:
//! what can be read is yielded, and what is left is said to be malformed. The format is that of gitformat-commit and
//! git's `fsck`: headers line by line to the first empty line, then the message. Nothing is copied or allocated.

use crate::model::{CommitRef, ObjectId, Untrusted};

/// The most bytes of a name or an address that are kept of a signature.
const MOST: usize = 1024;

/// A point in time, with the offset from UTC that its writer's clock had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Minutes east of Greenwich.
    pub offset: i16,
}

/// Who did something, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature<'a> {
    /// The name, without spaces around it.
    pub name: &'a [u8],
    /// What stands between `<` and `>`.
    pub email: &'a [u8],
    /// The date; `None` where there is none that can be read.
    pub time: Option<Time>,
}

impl<'a> Signature<'a> {
    /// Reads `Name <address> seconds +hhmm`. The address is between the first `<` and the next `>`, the date behind the
    /// last `>`; a line without an address is a name.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Self {
        let cut = |text: &'a [u8]| text.trim_ascii().get(..MOST).unwrap_or(text.trim_ascii());
        let Some((name, rest)) = split(line, b'<') else {
            return Self { name: cut(line), email: b"", time: None };
        };
        let email = split(rest, b'>').map_or(rest, |(email, _)| email);
        let date = rest.iter().rposition(|b| *b == b'>').and_then(|at| rest.get(at + 1..));
        Self { name: cut(name), email: cut(email), time: date.and_then(date_of) }
    }
}

/// Reads `seconds +hhmm`.
fn date_of(text: &[u8]) -> Option<Time> {
    let mut words = text.split(|b| *b == b' ').filter(|w| !w.is_empty());
    let seconds = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    let zone = words.next().and_then(|w| std::str::from_utf8(w).ok()).and_then(|w| w.parse::<i32>().ok());
    let offset = zone.map_or(0, |z| z / 100 * 60 + z % 100);
    Some(Time { seconds, offset: i16::try_from(offset).unwrap_or(0) })
}

/// A commit's headers that say where it stands, and its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit<'a> {
    /// Its tree; `None` where it is malformed.
    pub tree: Option<ObjectId>,
    parents: &'a [u8],
    /// Who wrote the change.
    pub author: Option<Signature<'a>>,
    /// Who made the commit.
    pub committer: Option<Signature<'a>>,
    /// The lines that people have a say in: author, committer, and whatever else stands behind its parents.
    pub head: &'a [u8],
    /// What stands behind the headers.
    pub message: &'a [u8],
    /// Whether its tree and all its parents could be read.
    pub linked: bool,
    /// Whether something of it could not be read: its tree, a parent, its author or its committer.
    pub malformed: bool,
}

impl<'a> Commit<'a> {
    /// Reads a commit.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Self {
        let mut rest = bytes;
        let tree = header(&mut rest, b"tree ").and_then(ObjectId::from_hex);
        let before = rest;
        while header(&mut rest, b"parent ").is_some() {}
        let parents = before.get(..before.len() - rest.len()).unwrap_or_default();
        let texts = rest;
        let author = header(&mut rest, b"author ").map(Signature::parse);
        let committer = header(&mut rest, b"committer ").map(Signature::parse);
        let message = message(rest);
        let head = texts.get(..texts.len() - message.len()).unwrap_or_default();
        let mut commit = Self { tree, parents, author, committer, head, message, linked: false, malformed: false };
        let lines = parents.iter().filter(|b| **b == b'\n').count();
        let dated = |s: &Option<Signature<'_>>| s.is_some_and(|s| s.time.is_some());
        commit.linked = tree.is_some() && commit.parents().count() == lines;
        commit.malformed = !commit.linked || !dated(&commit.author) || !dated(&commit.committer);
        commit
    }

    /// What a report says of it: its id, who wrote it, and when.
    #[must_use]
    pub fn reference(&self, id: ObjectId) -> CommitRef {
        let signed = |a: &Signature<'_>| Untrusted::new(&[a.name, b" <", a.email, b">"].concat());
        let author = self.author.as_ref().map_or_else(|| Untrusted::new(b""), signed);
        let date = self.author.and_then(|a| a.time).map_or(0, |t| t.seconds);
        CommitRef { id, author, date }
    }

    /// Its parents, the first one first; those whose id cannot be read are left out.
    pub fn parents(&self) -> impl Iterator<Item = ObjectId> + use<'a> {
        self.parents.split(|b| *b == b'\n').filter_map(|line| ObjectId::from_hex(line.strip_prefix(b"parent ")?))
    }
}

/// An annotated tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// What it names; `None` where it is malformed.
    pub target: Option<ObjectId>,
    /// Who made it: tags of long ago do not say.
    pub tagger: Option<Signature<'a>>,
    /// What stands behind the headers.
    pub message: &'a [u8],
}

impl<'a> Tag<'a> {
    /// Reads a tag.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Self {
        let mut rest = bytes;
        let target = header(&mut rest, b"object ").and_then(ObjectId::from_hex);
        let _ = (header(&mut rest, b"type "), header(&mut rest, b"tag "));
        let tagger = header(&mut rest, b"tagger ").map(Signature::parse);
        Self { target, tagger, message: message(rest) }
    }
}

/// What an entry of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Tree,
    /// A file, or a link, whose content is a blob too.
    Blob,
    /// A submodule: the id is a commit of another repository.
    Submodule,
}

impl EntryKind {
    /// The kind of an entry with a mode.
    #[must_use]
    pub const fn of(mode: u32) -> Self {
        match mode & 0o170_000 {
            0o040_000 => Self::Tree,
            0o160_000 => Self::Submodule,
            _ => Self::Blob,
        }
    }
}

/// An entry of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What it is.
    pub kind: EntryKind,
    /// Its name.
    pub name: &'a [u8],
    /// The bytes of its id.
    pub id: &'a [u8],
    /// Offset of the next entry.
    pub next: usize,
}

/// Reads the entry of a tree at an offset: `mode name NUL id`, the id of `width` bytes. `None` where what stands there
/// is none.
#[must_use]
pub fn entry(tree: &[u8], at: usize, width: usize) -> Option<Entry<'_>> {
    let rest = tree.get(at..)?;
    let space = rest.iter().take(8).position(|b| *b == b' ')?;
    let mode = rest.get(..space)?.iter().try_fold(0u32, |mode, digit| match digit {
        b'0'..=b'7' => Some(mode << 3 | u32::from(digit - b'0')),
        _ => None,
    })?;
    let named = rest.get(space + 1..)?;
    let nul = memchr::memchr(0, named)?;
    let id = named.get(nul + 1..nul + 1 + width)?;
    Some(Entry { kind: EntryKind::of(mode), name: named.get(..nul)?, id, next: at + space + 1 + nul + 1 + width })
}

fn split(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let found = memchr::memchr(at, text)?;
    Some((text.get(..found)?, text.get(found + 1..)?))
}

/// Takes the line off the front that starts with `name`, and returns what follows that.
fn header<'a>(rest: &mut &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = rest.strip_prefix(name)?;
    let (line, after) = split(value, b'\n').unwrap_or((value, b""));
    *rest = after;
    Some(line)
}

/// What follows the first empty line.
fn message(headers: &[u8]) -> &[u8] {
    if let Some(message) = headers.strip_prefix(b"\n") {
        return message;
    }
    memchr::memmem::find(headers, b"\n\n").and_then(|at| headers.get(at + 2..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_commit_is_read_with_all_its_headers() {
        let text = format!(
            "tree {ID}\nparent {ID}\nparent {ID}\nauthor A U Thor <a@x> 1 +0130\ncommitter C <c@x> -2 -0100\n\
             gpgsig -----\n more\n\nsubject\n\nbody"
        );
        let commit = Commit::parse(text.as_bytes());
        assert_eq!((commit.parents().count(), commit.malformed), (2, false));
        assert_eq!(commit.author.unwrap().time, Some(Time { seconds: 1, offset: 90 }));
        let committer = commit.committer.unwrap();
        assert_eq!((committer.name, committer.email), (b"C".as_slice(), b"c@x".as_slice()));
        assert_eq!(committer.time, Some(Time { seconds: -2, offset: -60 }));
        assert_eq!(commit.message, b"subject\n\nbody");
    }

    #[test]
    fn a_malformed_commit_yields_what_can_be_read() {
        let cases = [
            format!("tree x\nparent {ID}\nauthor a\n"),
            format!("tree {ID}\nparent {ID}\nparent 12\nauthor A <a> 1 +0\ncommitter A <a> 1 +0\n\n"),
            format!("tree {ID}\nparent {ID}"),
        ];
        for text in &cases {
            for end in 0..text.len() {
                let _ = Commit::parse(&text.as_bytes()[..end]);
                let _ = Tag::parse(&text.as_bytes()[..end]);
            }
            let commit = Commit::parse(text.as_bytes());
            assert!(commit.malformed && commit.parents().count() == 1, "{text}");
        }
        assert!(Commit::parse(cases[0].as_bytes()).tree.is_none());
        assert_eq!(Commit::parse(cases[0].as_bytes()).author.unwrap().name, b"a");
    }

    #[test]
    fn signatures_are_tolerant() {
        for (line, name, email, seconds) in [
            ("A <a@x> 5 +0000", "A", "a@x", Some(5)),
            ("<a@x> 5", "", "a@x", Some(5)),
            ("A <a <b> c> 5 +0000", "A", "a <b", Some(5)),
            ("A <a@x>", "A", "a@x", None),
            ("A <a@x> 99999999999999999999 +0000", "A", "a@x", None),
            ("no address", "no address", "", None),
            ("", "", "", None),
        ] {
            let signature = Signature::parse(line.as_bytes());
            assert_eq!((signature.name, signature.email), (name.as_bytes(), email.as_bytes()), "{line}");
            assert_eq!(signature.time.map(|t| t.seconds), seconds, "{line}");
        }
    }

    #[test]
    fn the_entries_of_a_tree_end_where_it_is_malformed() {
        let mut tree = Vec::new();
        for (mode, name) in [("40000", "dir"), ("100644", "file"), ("160000", "module"), ("120000", "link")] {
            tree.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            tree.extend_from_slice(&[7; 20]);
        }
        let kinds = |tree: &[u8]| {
            let (mut at, mut kinds) = (0, Vec::new());
            while let Some(e) = entry(tree, at, 20) {
                kinds.push(e.kind);
                at = e.next;
            }
            kinds
        };
        assert_eq!(kinds(&tree), [EntryKind::Tree, EntryKind::Blob, EntryKind::Submodule, EntryKind::Blob]);
        assert_eq!(kinds(&tree[..tree.len() - 1]).len(), 3);
        assert_eq!(kinds(b"999999999999 x\0").len(), 0);
    }
}

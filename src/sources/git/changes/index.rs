//! Reads an index: its entries, and the trees that git remembers of directories which did not change.
//!
//! It is read here and not by libgit2 because of those trees, which libgit2 does not hand out: with them a staged change is
//! found without reading a tree of what did not change, and in a third of the time.

use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::Path;

use super::split::Link;
use crate::model::{ObjectId, system_words};
use crate::sources::git::ObjectFormat;
use crate::sources::open;

/// The largest index that is read.
const LARGEST: u64 = 1 << 30;
/// Bytes of what the system says of a file, before the id.
const STAT: usize = 40;
const EXTENDED: u16 = 0x4000;
const INTENT_TO_ADD: u16 = 0x2000;

/// What the system said of a file when it was staged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Seconds and nanoseconds of its last change.
    pub modified: (u32, u32),
    /// Its number.
    pub inode: u32,
    /// Its size, cut to 32 bits.
    pub size: u32,
}

/// A file in the index.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(super) path: Range<usize>,
    /// Its mode: a file, a link, a submodule's commit, or a directory of a sparse index.
    pub mode: u32,
    /// Its content.
    pub id: ObjectId,
    /// 0, or in a conflict 1 for the base, 2 for ours, 3 for theirs.
    pub stage: u8,
    /// Whether it was only announced (`git add --intent-to-add`): it has no content yet.
    pub announced: bool,
    /// What the system said of it.
    pub stat: Stat,
}

/// An index.
#[derive(Debug, Default)]
pub struct Index {
    /// Its entries in git's order.
    pub entries: Vec<Entry>,
    pub(super) paths: Vec<u8>,
    /// What it is split from.
    pub(super) link: Option<Link>,
    /// By directory: how many entries are below it, and the tree that they make.
    pub(super) trees: HashMap<Vec<u8>, (usize, ObjectId)>,
}

impl Index {
    /// Reads the index file of a git directory; one that is not there is empty. Its own checksum is not computed: what does
    /// not hold together is an error anyway.
    ///
    /// # Errors
    /// Where it cannot be read, or is no index; in words.
    pub fn read(file: &Path, git_dir: &Path, format: ObjectFormat) -> Result<Self, String> {
        Self::joined(file, git_dir, |bytes| Self::parse(bytes, format.len()))
    }

    /// The same with ids of either width, compared with its checksum (all zero where git was told not to make one).
    ///
    /// # Errors
    /// In words.
    pub fn verified(file: &Path, git_dir: &Path) -> Result<Self, String> {
        Self::joined(file, git_dir, |bytes| {
            let holds = |kind: gix_hash::Kind| {
                let (content, sum) = bytes.split_at_checked(bytes.len().checked_sub(kind.len_in_bytes())?)?;
                let mut hasher = gix_hash::hasher(kind);
                let unmade = sum.iter().all(|b| *b == 0);
                let made = || {
                    hasher.update(content);
                    hasher.try_finalize().is_ok_and(|id| id.as_slice() == sum)
                };
                (unmade || made()).then_some(kind.len_in_bytes())
            };
            let width = holds(gix_hash::Kind::Sha1).or_else(|| holds(gix_hash::Kind::Sha256));
            Self::parse(bytes, width.ok_or("its checksum does not hold")?)
        })
    }

    /// Reads an index file, and the one that it is split from.
    fn joined(file: &Path, git_dir: &Path, parse: impl Fn(&[u8]) -> Result<Self, String>) -> Result<Self, String> {
        let Some(bytes) = content(file)? else { return Ok(Self::default()) };
        let mut index = parse(&bytes)?;
        let Some(link) = index.link.take().filter(Link::has_base) else { return Ok(index) };
        let shared = content(&git_dir.join(format!("sharedindex.{}", link.base)))?;
        let shared = parse(&shared.ok_or("what it is split from is not there")?)?;
        if shared.link.is_some() {
            return Err("it is split from one that is split itself".to_owned());
        }
        link.join(shared, index).ok_or_else(|| "it is split, and does not fit what it is split from".to_owned())
    }

    /// Reads an index's bytes, with ids of `width` bytes: 20 for SHA-1, 32 for SHA-256.
    ///
    /// # Errors
    /// In words.
    fn parse(bytes: &[u8], width: usize) -> Result<Self, String> {
        let broken = || "it is damaged".to_owned();
        let mut rest = Bytes(bytes.strip_prefix(b"DIRC").ok_or("it is no index")?);
        let version = rest.number().ok_or_else(broken)?;
        if !(2..=4).contains(&version) {
            return Err(format!("version {version} of its format is not known"));
        }
        let count = rest.number().ok_or_else(broken)? as usize;
        let mut index = Self::default();
        index.entries.reserve(count.min(bytes.len() / (STAT + 22)));
        for _ in 0..count {
            index.entry(&mut rest, version, width).ok_or_else(broken)?;
        }
        // What follows: extensions, then the checksum.
        while rest.0.len() > width + 8 {
            let name = rest.take(4).ok_or_else(broken)?;
            let size = rest.number().ok_or_else(broken)? as usize;
            let content = rest.take(size).ok_or_else(broken)?;
            match name {
                b"TREE" => index.tree(&mut Bytes(content), Vec::new(), (width, 0)).unwrap_or_default(),
                b"link" => index.link = Some(Link::parse(content, width).ok_or_else(broken)?),
                _ => {}
            }
        }
        Ok(index)
    }

    /// The path of an entry.
    #[must_use]
    pub fn path(&self, entry: &Entry) -> &[u8] {
        self.paths.get(entry.path.clone()).unwrap_or_default()
    }

    /// The tree that a directory's entries make (its path without a slash), and how many they are, where git remembers.
    #[must_use]
    pub fn known_tree(&self, directory: &[u8]) -> Option<(usize, ObjectId)> {
        self.trees.get(directory).copied()
    }

    fn entry(&mut self, rest: &mut Bytes<'_>, version: u32, width: usize) -> Option<()> {
        let before = rest.0.len();
        let mut stat = Bytes(rest.take(STAT)?);
        stat.take(8)?;
        let modified = (stat.number()?, stat.number()?);
        stat.take(4)?;
        let (inode, mode) = (stat.number()?, stat.number()?);
        stat.take(8)?;
        let stat = Stat { modified, inode, size: stat.number()? };
        // A file, a link, a submodule, a directory: anything else is no entry, but perhaps one with ids of another width.
        matches!(mode >> 12, 0o10 | 0o12 | 0o16 | 0o04).then_some(())?;
        let id = ObjectId::new(rest.take(width)?)?;
        let flags = rest.short()?;
        let more = if flags & EXTENDED != 0 && version > 2 { rest.short()? } else { 0 };
        let start = self.paths.len();
        if version == 4 {
            let strip = rest.varint()?;
            let last = self.entries.last().map_or(start..start, |e| e.path.clone());
            self.paths.extend_from_within(last.start..last.end.checked_sub(strip).filter(|end| *end >= last.start)?);
        }
        let length = memchr::memchr(0, rest.0)?;
        self.paths.extend_from_slice(rest.take(length)?);
        // A zero at least, and up to a multiple of eight.
        let padding = if version == 4 { 1 } else { 8 - (before - rest.0.len()) % 8 };
        rest.take(padding)?;
        let stage = (flags >> 12 & 3) as u8;
        let announced = more & INTENT_TO_ADD != 0;
        self.entries.push(Entry { path: start..self.paths.len(), mode, id, stage, announced, stat });
        Some(())
    }

    /// Reads the remembered trees of a directory and of those below it.
    fn tree(&mut self, rest: &mut Bytes<'_>, above: Vec<u8>, (width, depth): (usize, usize)) -> Option<()> {
        let name = rest.until(0)?;
        let count: i64 = std::str::from_utf8(rest.until(b' ')?).ok()?.parse().ok()?;
        let below: usize = std::str::from_utf8(rest.until(b'\n')?).ok()?.parse().ok()?;
        let path = if above.is_empty() { name.to_vec() } else { [&above[..], b"/", name].concat() };
        if let Ok(count) = usize::try_from(count) {
            self.trees.insert(path.clone(), (count, ObjectId::new(rest.take(width)?)?));
        }
        if depth > 1000 {
            return None;
        }
        (0..below).try_for_each(|_| self.tree(rest, path.clone(), (width, depth + 1)))
    }
}

/// The bytes of an index file; `None` where there is none.
fn content(file: &Path) -> Result<Option<Vec<u8>>, String> {
    let file = match open::regular(file) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(system_words(&e)),
    };
    let size = file.metadata().map_err(|e| system_words(&e))?.len();
    if size > LARGEST {
        return Err("it is larger than is read".to_owned());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(size).read_to_end(&mut bytes).map_err(|e| system_words(&e))?;
    Ok(Some(bytes))
}

/// What is left to read.
pub(super) struct Bytes<'b>(pub(super) &'b [u8]);

impl<'b> Bytes<'b> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    fn short(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    fn until(&mut self, end: u8) -> Option<&'b [u8]> {
        let found = self.take(memchr::memchr(end, self.0)?)?;
        self.take(1)?;
        Some(found)
    }

    /// A number in git's own variable length, as offsets in packs have it.
    fn varint(&mut self) -> Option<usize> {
        let mut value = 0usize;
        for place in 0..9 {
            let byte = *self.take(1)?.first()?;
            value = value.checked_add(usize::from(place > 0))?.checked_mul(if place > 0 { 128 } else { 1 })?;
            value = value.checked_add(usize::from(byte & 0x7F))?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_index_is_said_and_never_a_panic() {
        assert!(Index::parse(b"", 20).is_err() && Index::parse(b"DIRC\0\0\0\x09\0\0\0\0", 20).is_err());
        let mut bytes = b"DIRC\0\0\0\x02\0\0\0\x02".to_vec();
        bytes.extend([0; 62 + 2]);
        for cut in 0..bytes.len() {
            assert!(Index::parse(&bytes[..cut], 20).is_err(), "{cut}");
        }
        let whole = Index::parse(b"DIRC\0\0\0\x02\0\0\0\0aaaaaaaaaaaaaaaaaaaa", 20).unwrap();
        assert!(whole.entries.is_empty());
    }

    #[test]
    fn numbers_of_variable_length_are_those_of_git() {
        for (bytes, value) in [(&[0x05][..], 5), (&[0x80, 0x00], 128), (&[0x80, 0x7F], 255), (&[0x81, 0x00], 256)] {
            assert_eq!(Bytes(bytes).varint(), Some(value), "{bytes:?}");
        }
        assert_eq!(Bytes(&[0xFF; 20]).varint(), None);
    }
}

//! What the index has that the commits it goes on from do not.

use super::tree::{Node, Nodes, nodes};
use super::{Change, Changes, Gone, Index, IndexEntry, Objects, file_at};
use crate::model::ObjectId;
use crate::sources::git::commit::EntryKind;

/// The difference of an index to the trees of `HEAD` and, in a merge, of what is merged; none before the first commit.
/// A directory whose tree git remembers is not gone into. In a conflict ours and theirs are looked at. What cannot be
/// read goes into `faults`, in words.
#[must_use]
pub fn staged(objects: &Objects<'_>, index: &Index, bases: &[ObjectId], faults: &mut Vec<String>) -> Changes {
    let mut out = Changes { made: Vec::new(), gone: vec![Vec::new(); bases.len()] };
    let (first, others) = bases.split_first().map_or((None, bases), |(f, o)| (Some(*f), o));
    let mut walk = Walk { objects, index, out: &mut out, faults, based: first.is_some() };
    walk.level(b"", &index.entries, first);
    out.made.retain_mut(|change| {
        let before: Vec<Option<ObjectId>> = others.iter().map(|tree| file_at(objects, tree, &change.path)).collect();
        let is_there = before.contains(&Some(change.new));
        change.old.extend(before);
        !is_there
    });
    out
}

struct Walk<'a, 'r> {
    objects: &'a Objects<'r>,
    index: &'a Index,
    out: &'a mut Changes,
    faults: &'a mut Vec<String>,
    /// Whether there is a commit to compare with.
    based: bool,
}

impl Walk<'_, '_> {
    /// Compares the entries below a directory, whose path ends in a slash, with its tree in `HEAD`.
    fn level(&mut self, directory: &[u8], mut entries: &[IndexEntry], base: Option<ObjectId>) {
        let known = self.index.known_tree(directory.strip_suffix(b"/").unwrap_or(directory));
        if base.is_some() && known.is_some_and(|(count, id)| count == entries.len() && Some(id) == base) {
            return;
        }
        let mut before = match base.map(|id| nodes(self.objects, &id).map_err(|e| e.of(&id))).transpose() {
            Ok(nodes) => nodes.unwrap_or_default(),
            Err(fault) => return self.faults.push(fault),
        };
        while let Some(first) = entries.first() {
            let path = self.index.path(first);
            let rest = path.get(directory.len()..).unwrap_or_default();
            let name = rest.split(|b| *b == b'/').next().unwrap_or_default();
            let end = directory.len() + name.len();
            let same = |e: &IndexEntry| {
                let other = self.index.path(e);
                other.get(..end) == path.get(..end) && other.get(end) == path.get(end)
            };
            let (group, left) = entries.split_at(entries.iter().position(|e| !same(e)).unwrap_or(entries.len()).max(1));
            entries = left;
            if rest.len() == name.len() {
                self.file(path, group, &mut before, name);
            } else {
                let below = path.get(..=end).unwrap_or_default();
                let tree = before.get(name).filter(|n| n.kind == EntryKind::Tree).map(|n| n.id);
                if tree.is_some() {
                    before.remove(name);
                }
                if EntryKind::of(first.mode) == EntryKind::Tree {
                    self.sparse(below, first, tree);
                } else {
                    self.level(below, group, tree);
                }
            }
        }
        if let Some(gone) = self.out.gone.first_mut() {
            gone.extend(before.values().filter(|n| n.kind != EntryKind::Submodule).map(Gone::new));
        }
    }

    /// A directory of a sparse index: git keeps it so only while it is what `HEAD` has.
    fn sparse(&mut self, directory: &[u8], entry: &IndexEntry, tree: Option<ObjectId>) {
        if tree != Some(entry.id) {
            let shown = String::from_utf8_lossy(directory).into_owned();
            self.faults.push(format!("the sparse directory {shown} differs from HEAD, and is not read"));
        }
    }

    /// Compares the entries of one path with what `HEAD` has there.
    fn file(&mut self, path: &[u8], group: &[IndexEntry], before: &mut Nodes, name: &[u8]) {
        let old: Option<Node> = before.get(name).copied().filter(|n| n.kind != EntryKind::Tree);
        if old.is_some() {
            before.remove(name);
        }
        let mut seen: Vec<ObjectId> = Vec::new();
        for entry in group.iter().filter(|e| e.stage != 1 && !e.announced) {
            let kind = EntryKind::of(entry.mode);
            if old.is_some_and(|o| o.id == entry.id && o.kind == kind) || seen.contains(&entry.id) {
                continue;
            }
            seen.push(entry.id);
            let old = if self.based { vec![old.filter(|o| o.kind == kind).map(|o| o.id)] } else { Vec::new() };
            let submodule = kind == EntryKind::Submodule;
            self.out.made.push(Change { path: path.into(), new: entry.id, old, submodule });
        }
    }
}

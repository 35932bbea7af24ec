//! What changed between trees: what a commit brings in against every parent.

use std::collections::BTreeMap;

use super::{Change, Changes, Objects};
use crate::model::ObjectId;
use crate::sources::git::commit::{self, EntryKind};
use crate::sources::git::{Fault, ObjectKind};

/// How deep directories are gone into.
const DEEPEST: usize = 1024;
/// How many changed files one commit may have: a few trees can name any number.
const MOST: usize = 1_000_000;

/// An entry of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) id: ObjectId,
    pub(super) kind: EntryKind,
}

/// A file or a directory that a change took away.
#[derive(Clone, Copy, Debug)]
pub struct Gone {
    id: ObjectId,
    tree: bool,
}

impl Gone {
    pub(super) const fn new(node: &Node) -> Self {
        Self { id: node.id, tree: matches!(node.kind, EntryKind::Tree) }
    }
}

/// The entries of a tree by their names.
pub(super) type Nodes = BTreeMap<Vec<u8>, Node>;

pub(super) fn nodes(objects: &Objects<'_>, id: &ObjectId) -> Result<Nodes, Fault> {
    let bytes = objects.read_as(id, ObjectKind::Tree)?;
    let (mut at, width, mut out) = (0, id.as_bytes().len(), Nodes::new());
    while at < bytes.len() {
        let entry = commit::entry(&bytes, at, width).ok_or(Fault::Corrupt("it has an entry that is none"))?;
        let id = ObjectId::new(entry.id).ok_or(Fault::Internal)?;
        if out.insert(entry.name.to_vec(), Node { id, kind: entry.kind }).is_some() {
            return Err(Fault::Corrupt("it has two entries of one name"));
        }
        at = entry.next;
    }
    Ok(out)
}

/// What a tree has that none of its parents' trees has: in each file's place another content. What cannot be read goes
/// into `faults`, in words.
#[must_use]
pub fn changed(objects: &Objects<'_>, parents: &[ObjectId], new: &ObjectId, faults: &mut Vec<String>) -> Changes {
    let mut out = Changes { made: Vec::new(), gone: vec![Vec::new(); parents.len()] };
    let olds: Vec<Option<ObjectId>> = parents.iter().copied().map(Some).collect();
    if let Err(fault) = level(objects, &mut Vec::new(), &olds, new, 0, &mut out, faults) {
        faults.push(fault);
    }
    out
}

fn level(
    objects: &Objects<'_>,
    path: &mut Vec<u8>,
    olds: &[Option<ObjectId>],
    new: &ObjectId,
    depth: usize,
    out: &mut Changes,
    faults: &mut Vec<String>,
) -> Result<(), String> {
    if olds.contains(&Some(*new)) {
        return Ok(());
    }
    if depth > DEEPEST {
        return Err(format!("directories are more than {DEEPEST} deep"));
    }
    let read = |id: &ObjectId| nodes(objects, id).map_err(|e| e.of(id));
    let new = read(new)?;
    let mut old = Vec::new();
    for id in olds {
        old.push(id.as_ref().map(read).transpose()?.unwrap_or_default());
    }
    for (name, node) in &new {
        let before: Vec<Option<Node>> = old.iter().map(|nodes| nodes.get(name).copied()).collect();
        if before.contains(&Some(*node)) {
            continue;
        }
        let length = path.len();
        path.extend_from_slice(name);
        let same = |b: &Option<Node>| b.filter(|b| b.kind == node.kind).map(|b| b.id);
        let before: Vec<Option<ObjectId>> = before.iter().map(same).collect();
        if node.kind == EntryKind::Tree {
            path.push(b'/');
            if let Err(fault) = level(objects, path, &before, &node.id, depth + 1, out, faults) {
                faults.push(fault);
            }
        } else if out.made.len() >= MOST {
            path.truncate(length);
            return Err(format!("more than {MOST} files are changed"));
        } else {
            let submodule = node.kind == EntryKind::Submodule;
            out.made.push(Change { path: path[..].into(), new: node.id, old: before, submodule });
        }
        path.truncate(length);
    }
    for (nodes, gone) in old.iter().zip(&mut out.gone) {
        let kinds = |name: &Vec<u8>| new.get(name).map(|n| n.kind);
        let left = nodes.iter().filter(|(name, n)| n.kind != EntryKind::Submodule && kinds(name) != Some(n.kind));
        gone.extend(left.map(|(_, n)| Gone::new(n)));
    }
    Ok(())
}

/// What a tree has at a path; nothing where it has nothing there, or what leads there cannot be read.
#[must_use]
pub fn file_at(objects: &Objects<'_>, tree: &ObjectId, path: &[u8]) -> Option<ObjectId> {
    let mut id = *tree;
    let mut parts = path.split(|b| *b == b'/').peekable();
    while let Some(part) = parts.next() {
        let node = nodes(objects, &id).ok()?.get(part).copied()?;
        match (parts.peek(), node.kind) {
            (None, EntryKind::Blob) => return Some(node.id),
            (Some(_), EntryKind::Tree) => id = node.id,
            _ => return None,
        }
    }
    None
}

/// Calls `each` with every file of what was taken away; what cannot be read is left out, since nothing is reported of it.
pub fn expand(objects: &Objects<'_>, gone: &[Gone], each: &mut impl FnMut(&ObjectId)) {
    let (mut left, mut budget): (Vec<Gone>, usize) = (gone.to_vec(), MOST);
    while let Some(next) = left.pop() {
        let Some(fewer) = budget.checked_sub(1) else { return };
        budget = fewer;
        if next.tree {
            let below = nodes(objects, &next.id).unwrap_or_default();
            left.extend(below.values().filter(|n| n.kind != EntryKind::Submodule).map(Gone::new));
        } else {
            each(&next.id);
        }
    }
}

//! The trees of a repository, as far as they can lead to a hit: sub-trees and hits, four bytes each.
//!
//! Trees come in any order and from several threads. An entry that counts is a *link*: a name and what it leads to.
//! Links are numbered, since one entry stands in thousands of successive trees. Most trees are deltas: what they copied
//! was read in the base and is not read again.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use super::hits::Hits;
use super::ids::{Ids, Names, pair, unpair};
use super::secret_names::SecretNames;
use crate::sources::git::commit::{self, EntryKind};
use crate::sources::git::{Copied, Object};

/// How many tables trees and links are spread over, so that threads seldom wait for one another.
const SHARDS: u32 = 32;

/// Marks what a link leads to as a hit and not a tree.
pub(super) const HIT: u32 = 1 << 31;

/// What is kept of a tree for those that are deltas against it.
#[derive(Debug, Default)]
pub struct Kept {
    /// Where its entries start, and where the last one ends.
    starts: Vec<u32>,
    /// Where a link's entry starts, and the link.
    links: Vec<(u32, u32)>,
}

/// Some of the trees.
#[derive(Debug, Default)]
pub(super) struct Shard {
    ids: Ids,
    /// For each tree the part of `edges` that is its own, once it was seen.
    spans: Vec<Option<(u32, u32)>>,
    edges: Vec<u32>,
}

/// All trees while they are collected.
#[derive(Debug)]
pub(super) struct Trees<'n> {
    pub(super) hits: Hits,
    pub(super) secret_names: SecretNames<'n>,
    shards: Vec<Mutex<Shard>>,
    links: Vec<Mutex<Ids>>,
    names: RwLock<Names>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'n> Trees<'n> {
    pub(super) fn new(hits: Hits, secret_names: SecretNames<'n>) -> Self {
        Self {
            hits,
            secret_names,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            links: (0..SHARDS).map(|_| Mutex::default()).collect(),
            names: RwLock::default(),
        }
    }

    /// The number of a tree, a new one where it has none.
    pub(super) fn number(&self, id: &[u8]) -> Option<u32> {
        let shard = u32::from(*id.last()?) % SHARDS;
        let mut own = lock(self.shards.get(shard as usize)?);
        own.number(id).map(|n| n * SHARDS + shard)
    }

    fn link(&self, name: &[u8], target: u32) -> Option<u32> {
        let known = self.names.read().unwrap_or_else(PoisonError::into_inner).find(name);
        let name = known.unwrap_or_else(|| self.names.write().unwrap_or_else(PoisonError::into_inner).intern(name));
        let shard = target.wrapping_mul(0x9e37_79b1) >> 27;
        let number = lock(self.links.get(shard as usize)?).intern(&pair(name, target))?;
        Some(number * SHARDS + shard)
    }

    /// Reads a tree. Returns what is to be kept of it, and whether it could be read to its end.
    pub(super) fn add(&self, tree: &Object<'_>, base: Option<(&Kept, &[Copied])>) -> (Kept, bool) {
        let width = tree.id.as_bytes().len();
        let mut kept = Kept::default();
        let whole = self.read(tree, width, base, &mut kept);
        let shard = tree.id.as_bytes().last().map_or(0, |b| u32::from(*b) % SHARDS);
        if let Some(mut own) = self.shards.get(shard as usize).map(lock) {
            own.set(tree.id.as_bytes(), kept.links.iter().map(|(_, link)| *link));
        }
        (kept, whole)
    }

    fn read(&self, tree: &Object<'_>, width: usize, base: Option<(&Kept, &[Copied])>, kept: &mut Kept) -> bool {
        let bytes = tree.bytes;
        let (base, copies) = base.unzip();
        let mut copies = copies.unwrap_or_default();
        let mut at = 0;
        while at < bytes.len() {
            while let Some((first, rest)) = copies.split_first()
                && first.at + first.len <= at
            {
                copies = rest;
            }
            if let (Some(base), Some(copy)) = (base, copies.first())
                && copy.at <= at
                && let Some(len) = kept.inherit(base, at, copy, tree.is_base)
            {
                at += len;
                continue;
            }
            let Some(entry) = commit::entry(bytes, at, width) else { break };
            let target = match entry.kind {
                EntryKind::Tree => self.number(entry.id),
                EntryKind::Blob => self.hits.find(entry.id).map(|hit| hit | HIT),
                EntryKind::Submodule => None,
            };
            let named = self.secret_names.find(entry.name).map(|number| (self.hits.ids() + number) | HIT);
            // A name with a hit in it leads there, and to what has the name.
            let targets = [target, named].into_iter().flatten();
            kept.links.extend(targets.filter_map(|t| Some((at as u32, self.link(entry.name, t)?))));
            if tree.is_base {
                kept.starts.push(at as u32);
            }
            at = entry.next;
        }
        if tree.is_base {
            kept.starts.push(at as u32);
        }
        at == bytes.len()
    }

    /// Ends the collection.
    pub(super) fn freeze(mut self) -> (Hits, Frozen) {
        self.hits.set_names(self.secret_names.into_found());
        let own = |m: Mutex<Shard>| m.into_inner().unwrap_or_else(PoisonError::into_inner);
        let ids = |m: Mutex<Ids>| m.into_inner().unwrap_or_else(PoisonError::into_inner);
        let frozen = Frozen {
            shards: self.shards.into_iter().map(own).collect(),
            links: self.links.into_iter().map(ids).collect(),
            names: self.names.into_inner().unwrap_or_else(PoisonError::into_inner),
        };
        (self.hits, frozen)
    }
}

impl Kept {
    /// Takes over the entries of the base that lie wholly in what was copied from `at` on, and returns their length.
    /// `None` where no entry of the base starts there: then entries are read from the bytes until one does.
    fn inherit(&mut self, base: &Self, at: usize, copy: &Copied, is_base: bool) -> Option<usize> {
        let from = u32::try_from(copy.from + (at - copy.at)).ok()?;
        let end = u32::try_from(copy.from + copy.len).ok()?;
        let first = base.starts.binary_search(&from).ok()?;
        let last = base.starts.partition_point(|s| *s <= end).checked_sub(1).filter(|last| *last > first)?;
        let to = *base.starts.get(last)?;
        let moved = |offset: u32| offset.wrapping_sub(from).wrapping_add(at as u32);
        if is_base {
            self.starts.extend(base.starts.get(first..last)?.iter().map(|s| moved(*s)));
        }
        let (a, b) = (base.place(from), base.place(to));
        self.links.extend(base.links.get(a..b)?.iter().map(|(s, link)| (moved(*s), *link)));
        Some((to - from) as usize)
    }

    fn place(&self, offset: u32) -> usize {
        self.links.partition_point(|(start, _)| *start < offset)
    }
}

impl Shard {
    fn number(&mut self, id: &[u8]) -> Option<u32> {
        let number = self.ids.intern(id)?;
        if self.spans.len() <= number as usize {
            self.spans.resize(number as usize + 1, None);
        }
        Some(number)
    }

    fn set(&mut self, id: &[u8], edges: impl Iterator<Item = u32>) {
        let Some(number) = self.number(id) else { return };
        let Some(span) = self.spans.get_mut(number as usize).filter(|s| s.is_none()) else { return };
        let start = self.edges.len();
        self.edges.extend(edges);
        if let (Ok(from), Ok(to)) = (u32::try_from(start), u32::try_from(self.edges.len())) {
            *span = Some((from, to));
        }
    }
}

/// All trees once they are collected.
#[derive(Debug)]
pub(super) struct Frozen {
    shards: Vec<Shard>,
    links: Vec<Ids>,
    pub(super) names: Names,
}

impl Frozen {
    pub(super) fn find(&self, id: &[u8]) -> Option<u32> {
        let shard = u32::from(*id.last()?) % SHARDS;
        Some(self.shards.get(shard as usize)?.ids.find(id)? * SHARDS + shard)
    }

    pub(super) fn id(&self, tree: u32) -> &[u8] {
        self.shards.get((tree % SHARDS) as usize).map_or(b"", |s| s.ids.get(tree / SHARDS))
    }

    /// A tree's links; `None` where it is named and was never seen.
    pub(super) fn edges(&self, tree: u32) -> Option<&[u32]> {
        let shard = self.shards.get((tree % SHARDS) as usize)?;
        let (from, to) = (*shard.spans.get((tree / SHARDS) as usize)?)?;
        shard.edges.get(from as usize..to as usize)
    }

    /// A link's name, and what it leads to: a tree, or with [`HIT`] a hit.
    pub(super) fn link(&self, link: u32) -> (u32, u32) {
        self.links.get((link % SHARDS) as usize).map_or((0, 0), |ids| unpair(ids.get(link / SHARDS)))
    }

    /// One value for each tree, to be found by [`Frozen::slot`].
    pub(super) fn table(&self, value: u32) -> Vec<Vec<u32>> {
        self.shards.iter().map(|s| vec![value; s.spans.len()]).collect()
    }

    /// A tree's value in a table.
    pub(super) fn value(&self, table: &[Vec<u32>], tree: u32) -> Option<u32> {
        table.get((tree % SHARDS) as usize)?.get((tree / SHARDS) as usize).copied()
    }

    /// The place of a tree's value in a table.
    pub(super) fn slot(table: &mut [Vec<u32>], tree: u32) -> Option<&mut u32> {
        table.get_mut((tree % SHARDS) as usize)?.get_mut((tree / SHARDS) as usize)
    }
}

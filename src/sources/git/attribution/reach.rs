//! What the refs lead to: which commits are reached from which name, and what the tips' own trees are.

use std::collections::HashSet;

use super::Narrow;
use super::history::{History, NONE};
use super::hits::Hits;
use super::trees::Frozen;
use crate::model::{ObjectId, Untrusted};
use crate::sources::git::refs::{Refs, TipKind};

/// How many tags may name one another.
const TAGS: usize = 1000;

/// A name from which objects are reached. Their order is that in which they are named.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) text: Untrusted,
    /// `None` for a ref's log.
    pub(super) kind: Option<TipKind>,
    /// Whether what it leads to was asked about.
    pub(super) counts: bool,
    /// What it leads to.
    pub(super) ends: Vec<End>,
    /// The tags on the way.
    pub(super) tags: Vec<ObjectId>,
}

impl Name {
    fn new(text: &Untrusted) -> Self {
        Self { text: text.clone(), kind: None, counts: true, ends: Vec::new(), tags: Vec::new() }
    }
}

/// What a name leads to, tags peeled off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Commit(u32),
    Tree(u32),
    Hit(u32),
}

/// Where in the order a commit stands that is first reached from a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// From a ref.
    Ref,
    /// From a ref's log alone.
    Log,
    /// From none.
    Nowhere,
}

#[derive(Debug)]
pub(super) struct Reach {
    pub(super) names: Vec<Name>,
    /// For each commit the first name that counts and leads to it, or [`NONE`].
    pub(super) by: Vec<u32>,
    /// Whether some refs do not count.
    pub(super) is_narrowed: bool,
    /// The commits whose parents were cut off.
    pub(super) shallow: HashSet<u32>,
    /// Ids that refs name and that were not seen; those in logs are left out: git removes their objects in time.
    pub(super) missing: Vec<ObjectId>,
}

impl Reach {
    pub(super) fn new(refs: &Refs, narrow: &Narrow<'_>, history: &History, trees: &Frozen, hits: &Hits) -> Self {
        let objects = Objects { history, trees, hits };
        let mut missing = Vec::new();
        let mut names: Vec<Name> = Vec::new();
        for tip in &refs.tips {
            let counts = narrow.refs.is_none_or(|counts| counts(tip.name.raw()));
            let mut name = Name { kind: Some(tip.kind), counts, ..Name::new(&tip.name) };
            let known =
                objects.follow(&tip.id, &mut name) || tip.peeled.is_some_and(|id| objects.follow(&id, &mut name));
            // What was fetched or merged in the past need not be there any more, and any other ref may name a blob.
            let commits = matches!(tip.kind, TipKind::Head | TipKind::Branch | TipKind::Remote | TipKind::Worktree);
            if !known && commits && counts {
                missing.push(tip.id);
            }
            names.push(name);
        }
        for log in &refs.logs {
            let mut name = Name { counts: narrow.refs.is_none(), ..Name::new(&log.name) };
            for id in &log.ids {
                objects.follow(id, &mut name);
            }
            names.push(name);
        }
        let shallow = refs.shallow.iter().filter_map(|id| history.ids.find(id.as_bytes())).collect();
        let (by, is_narrowed) = (vec![NONE; history.len() as usize], narrow.refs.is_some());
        let mut reach = Self { by, names, is_narrowed, shallow, missing };
        reach.mark(history);
        reach
    }

    /// Marks each commit with the first name that leads to it, and notes those that a ref leads to and are not there.
    fn mark(&mut self, history: &History) {
        let mut left = Vec::new();
        for (number, name) in self.names.iter().enumerate().filter(|(_, name)| name.counts) {
            left.extend(name.ends.iter().filter_map(|e| if let End::Commit(c) = e { Some(*c) } else { None }));
            while let Some(commit) = left.pop() {
                let Some(by) = self.by.get_mut(commit as usize).filter(|by| **by == NONE) else { continue };
                *by = number as u32;
                match history.record(commit) {
                    Some(_) if self.shallow.contains(&commit) => {}
                    Some(record) => left.extend(history.parents(record)),
                    None if name.kind.is_some() => self.missing.extend(ObjectId::new(history.ids.get(commit))),
                    None => {}
                }
            }
        }
    }

    pub(super) fn class(&self, commit: u32) -> Class {
        match self.name_of(commit) {
            Some(name) if name.kind.is_some() => Class::Ref,
            Some(_) => Class::Log,
            None => Class::Nowhere,
        }
    }

    /// Whether a commit was asked about.
    pub(super) fn counts(&self, commit: u32) -> bool {
        !self.is_narrowed || self.class(commit) == Class::Ref
    }

    /// The first name that leads to a commit.
    pub(super) fn name_of(&self, commit: u32) -> Option<&Name> {
        self.names.get(*self.by.get(commit as usize)? as usize)
    }

    /// The tips, with their numbers.
    pub(super) fn tips(&self) -> impl Iterator<Item = (u32, &Name)> {
        self.names.iter().enumerate().filter(|(_, n)| n.kind.is_some()).map(|(i, n)| (i as u32, n))
    }
}

struct Objects<'a> {
    history: &'a History,
    trees: &'a Frozen,
    hits: &'a Hits,
}

impl Objects<'_> {
    /// Follows an id over tags to its end; returns whether there is one.
    fn follow(&self, id: &ObjectId, name: &mut Name) -> bool {
        let mut id = *id;
        for _ in 0..TAGS {
            let bytes = id.as_bytes();
            if let Some(tag) = self.history.tag_record(bytes) {
                name.tags.push(id);
                match tag.target {
                    Some(target) => id = target,
                    None => return true,
                }
                continue;
            }
            let commit = self.history.ids.find(bytes).filter(|c| self.history.record(*c).is_some());
            let tree = || self.trees.find(bytes).filter(|t| self.trees.edges(*t).is_some());
            let end = commit
                .map(End::Commit)
                .or_else(|| tree().map(End::Tree))
                .or_else(|| self.hits.find(bytes).map(End::Hit));
            name.ends.extend(end);
            // A tag of a blob that is no hit ends nowhere, and nothing is missing.
            return end.is_some() || !name.tags.is_empty();
        }
        false
    }
}

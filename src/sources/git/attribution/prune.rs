//! Trees cut down to what leads to a hit. Equal ones are one node, so that comparing two takes one step.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::trees::{Frozen, HIT};

/// The node of a tree that leads to no hit.
pub(super) const EMPTY: u32 = 0;

/// Not looked at yet.
const UNKNOWN: u32 = u32::MAX;
/// Being looked at: a tree that contains itself, which no repository that is whole has.
const ACTIVE: u32 = u32::MAX - 1;

/// A name and what it leads to: a node, or with [`HIT`] a hit.
pub(super) type Child = (u32, u32);

/// The nodes: a child's number is smaller than its parent's.
#[derive(Debug)]
pub(super) struct Nodes {
    children: Vec<Child>,
    spans: Vec<(u32, u32)>,
    first: HashMap<u64, u32>,
    /// The next node of the same hash, or [`EMPTY`].
    next: Vec<u32>,
    seed: RandomState,
}

impl Nodes {
    fn new() -> Self {
        Self {
            children: Vec::new(),
            spans: vec![(0, 0)],
            first: HashMap::new(),
            next: vec![EMPTY],
            seed: RandomState::new(),
        }
    }

    pub(super) fn len(&self) -> u32 {
        self.spans.len() as u32
    }

    /// A node's children, sorted.
    pub(super) fn children(&self, node: u32) -> &[Child] {
        let (from, to) = self.spans.get(node as usize).copied().unwrap_or_default();
        self.children.get(from as usize..to as usize).unwrap_or_default()
    }

    /// A node's children of a name: one, unless the tree is malformed.
    pub(super) fn named(&self, node: u32, name: u32) -> &[Child] {
        let children = self.children(node);
        let from = children.partition_point(|(n, _)| *n < name);
        let len = children.iter().skip(from).take_while(|(n, _)| *n == name).count();
        children.get(from..from + len).unwrap_or_default()
    }

    fn intern(&mut self, children: &[Child]) -> u32 {
        if children.is_empty() {
            return EMPTY;
        }
        let hash = self.seed.hash_one(children);
        let first = self.first.get(&hash).copied().unwrap_or(EMPTY);
        let mut node = first;
        while node != EMPTY {
            if self.children(node) == children {
                return node;
            }
            node = self.next.get(node as usize).copied().unwrap_or(EMPTY);
        }
        let node = self.len();
        let from = self.children.len();
        self.children.extend_from_slice(children);
        self.spans.push((from as u32, self.children.len() as u32));
        self.next.push(first);
        self.first.insert(hash, node);
        node
    }
}

/// The nodes of trees.
#[derive(Debug)]
pub(super) struct Pruned<'a> {
    trees: &'a Frozen,
    table: Vec<Vec<u32>>,
    pub(super) nodes: Nodes,
    /// Trees that are named and were not seen.
    pub(super) missing: Vec<u32>,
    /// How many entries lead back to a tree that they are in.
    pub(super) cycles: u64,
}

/// A tree that is being looked at: which of its links is next, and where its children start.
struct Frame {
    tree: u32,
    next: usize,
    from: usize,
}

impl<'a> Pruned<'a> {
    pub(super) fn new(trees: &'a Frozen) -> Self {
        Self { trees, table: trees.table(UNKNOWN), nodes: Nodes::new(), missing: Vec::new(), cycles: 0 }
    }

    /// The node of a tree. Every tree is looked at once, however many lead to it and however deep they are.
    pub(super) fn node(&mut self, tree: u32) -> u32 {
        let (mut frames, mut found) = (Vec::new(), Vec::<Child>::new());
        self.enter(tree, &mut frames, 0);
        while let Some(frame) = frames.last_mut() {
            let edges = self.trees.edges(frame.tree).unwrap_or_default();
            let Some(link) = edges.get(frame.next) else {
                let (tree, from) = (frame.tree, frame.from);
                let own = found.get_mut(from..).unwrap_or_default();
                own.sort_unstable();
                let mut own = own.to_vec();
                own.dedup();
                let node = self.nodes.intern(&own);
                self.set(tree, node);
                found.truncate(from);
                frames.pop();
                continue;
            };
            let (name, target) = self.trees.link(*link);
            let known = if target & HIT != 0 { target } else { self.known(target) };
            match known {
                UNKNOWN => {
                    // The link is looked at again once its tree is known.
                    self.enter(target, &mut frames, found.len());
                    continue;
                }
                ACTIVE => self.cycles += 1,
                EMPTY => {}
                node => found.push((name, node)),
            }
            frame.next += 1;
        }
        self.known(tree)
    }

    /// The node of a tree that was looked at and leads to a hit.
    pub(super) fn seen(&self, tree: u32) -> Option<u32> {
        self.trees.value(&self.table, tree).filter(|n| *n != UNKNOWN && *n != EMPTY)
    }

    fn enter(&mut self, tree: u32, frames: &mut Vec<Frame>, from: usize) {
        if self.known(tree) != UNKNOWN {
            return;
        }
        if self.trees.edges(tree).is_none() {
            self.missing.push(tree);
            self.set(tree, EMPTY);
            return;
        }
        self.set(tree, ACTIVE);
        frames.push(Frame { tree, next: 0, from });
    }

    fn known(&mut self, tree: u32) -> u32 {
        Frozen::slot(&mut self.table, tree).map_or(EMPTY, |slot| *slot)
    }

    fn set(&mut self, tree: u32, node: u32) {
        if let Some(slot) = Frozen::slot(&mut self.table, tree) {
            *slot = node;
        }
    }
}

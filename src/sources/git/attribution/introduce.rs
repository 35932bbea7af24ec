//! Which commit brings a hit to a path: one whose pruned tree has it there, and none of whose parents' has.

use std::collections::HashSet;

use super::history::History;
use super::ids::{Ids, pair, unpair};
use super::prune::{Child, EMPTY, Nodes};
use super::trees::HIT;

/// The most children that are compared in one repository: about ten seconds' worth, a hundred times what large
/// histories take with every blob a hit.
const MOST: u64 = 1 << 30;

/// The paths at which something was brought in: each is another one and a name.
#[derive(Debug)]
pub(super) struct Paths(Ids);

impl Paths {
    /// The path of a commit's own tree.
    pub(super) const ROOT: u32 = 0;

    pub(super) fn new() -> Self {
        let mut ids = Ids::default();
        ids.intern(&pair(u32::MAX, u32::MAX));
        Self(ids)
    }

    /// The path below another one.
    pub(super) fn below(&mut self, path: u32, name: u32) -> Option<u32> {
        self.0.intern(&pair(path, name))
    }

    /// The path's last names, the last one first, the root left out.
    pub(super) fn names(&self, path: u32) -> impl Iterator<Item = u32> {
        let mut at = path;
        std::iter::from_fn(move || {
            let (above, name) = (at != Self::ROOT).then(|| unpair(self.0.get(at)))?;
            at = above;
            Some(name)
        })
    }
}

/// Compares commits with their parents.
pub(super) struct Introductions<'a> {
    pub(super) history: &'a History,
    pub(super) nodes: &'a Nodes,
    /// The pruned tree of each commit.
    pub(super) roots: &'a [u32],
    pub(super) paths: Paths,
    /// Commits whose parents do not count.
    shallow: &'a HashSet<u32>,
    steps: u64,
}

/// A directory that differs: the node, those of the parents at the same path, and the path.
type Differing = (u32, Vec<u32>, u32);

impl<'a> Introductions<'a> {
    pub(super) fn new(history: &'a History, nodes: &'a Nodes, roots: &'a [u32], shallow: &'a HashSet<u32>) -> Self {
        Self { history, nodes, roots, paths: Paths::new(), shallow, steps: 0 }
    }

    /// Whether the comparison was given up, so that introductions are missing.
    pub(super) fn is_exhausted(&self) -> bool {
        self.steps > MOST
    }

    /// Calls `each` with every commit that brings something in, the path, and what is there: a hit, or a node that has
    /// nothing in common with what any parent has at that path.
    pub(super) fn all(&mut self, mut each: impl FnMut(u32, u32, u32)) {
        for commit in 0..self.history.len() {
            let Some(record) = self.history.record(commit) else { continue };
            let node = self.root(commit);
            let parents = if self.shallow.contains(&commit) { &[] } else { self.history.parents(record) };
            let mut parents: Vec<u32> = parents.iter().map(|p| self.root(*p)).collect();
            if node == EMPTY || parents.contains(&node) {
                continue;
            }
            distinct(&mut parents);
            if parents.is_empty() {
                each(commit, Paths::ROOT, node);
                continue;
            }
            self.compare(node, parents, |path, target| each(commit, path, target));
            if self.is_exhausted() {
                return;
            }
        }
    }

    fn root(&self, commit: u32) -> u32 {
        self.roots.get(commit as usize).copied().unwrap_or(EMPTY)
    }

    fn compare(&mut self, node: u32, parents: Vec<u32>, mut each: impl FnMut(u32, u32)) {
        let mut left: Vec<Differing> = vec![(node, parents, Paths::ROOT)];
        while let Some((node, parents, path)) = left.pop() {
            for (name, target) in self.nodes.children(node) {
                self.steps += 1 + parents.len() as u64;
                if self.is_exhausted() {
                    return;
                }
                let there = |p: &u32| self.nodes.named(*p, *name);
                if parents.iter().flat_map(there).any(|(_, t)| t == target) {
                    continue;
                }
                let Some(below) = self.paths.below(path, *name) else { continue };
                let is_node = |(_, t): &&Child| t & HIT == 0;
                let mut others: Vec<u32> = match target & HIT {
                    0 => parents.iter().flat_map(there).filter(is_node).map(|(_, t)| *t).collect(),
                    _ => Vec::new(),
                };
                distinct(&mut others);
                if others.is_empty() {
                    each(below, *target);
                } else {
                    left.push((*target, others, below));
                }
            }
        }
    }
}

/// Leaves each node once, and none that is empty.
fn distinct(nodes: &mut Vec<u32>) {
    nodes.retain(|n| *n != EMPTY);
    nodes.sort_unstable();
    nodes.dedup();
}

//! Which tips still have a hit.

use super::prune::Nodes;
use super::trees::HIT;

/// How many tips are noted for each node: `HEAD`, those that are named, and one that says that there are more.
const MOST: usize = super::TIPS + 2;

/// The first tips that have something, by their numbers, smallest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tips([u32; MOST]);

impl Tips {
    const NONE: Self = Self([u32::MAX; MOST]);

    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.0.iter().copied().take_while(|t| *t != u32::MAX)
    }

    fn add(&mut self, tip: u32) {
        let Some(at) = self.0.iter().position(|t| *t >= tip) else { return };
        if self.0.get(at) == Some(&tip) {
            return;
        }
        if let Some(rest) = self.0.get_mut(at..) {
            rest.rotate_right(1);
            if let Some(first) = rest.first_mut() {
                *first = tip;
            }
        }
    }
}

/// The tips of every hit, found from those of nodes: the smallest of a child are among the smallest of its parents, so
/// that each node passes on a few numbers however many tips there are.
#[derive(Debug)]
pub(super) struct Present {
    nodes: Vec<Tips>,
    hits: Vec<Tips>,
}

impl Present {
    pub(super) fn new(nodes: &Nodes, hits: usize) -> Self {
        Self { nodes: vec![Tips::NONE; nodes.len() as usize], hits: vec![Tips::NONE; hits] }
    }

    /// Notes that a tip has a node, or with [`HIT`] a hit.
    pub(super) fn add(&mut self, target: u32, tip: u32) {
        let slot = match target & HIT {
            0 => self.nodes.get_mut(target as usize),
            _ => self.hits.get_mut((target & !HIT) as usize),
        };
        if let Some(tips) = slot {
            tips.add(tip);
        }
    }

    /// Passes on what is known of every node to what is in it.
    pub(super) fn spread(mut self, nodes: &Nodes) -> Vec<Tips> {
        // A child's number is smaller than its parent's.
        for node in (0..nodes.len()).rev() {
            let tips = self.nodes.get(node as usize).copied().unwrap_or(Tips::NONE);
            for (_, target) in nodes.children(node) {
                tips.numbers().for_each(|tip| self.add(*target, tip));
            }
        }
        self.hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_tips_stay_each_once() {
        let mut tips = Tips::NONE;
        for tip in [9, 3, 9, 7, 1, 8, 2, 6, 4, 3, 5] {
            tips.add(tip);
        }
        assert_eq!(tips.numbers().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    }
}

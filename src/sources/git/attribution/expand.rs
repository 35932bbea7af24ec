//! From what was brought in at a path, node by node, to the paths of each hit.

use std::collections::HashMap;

use super::introduce::Paths;
use super::prune::Nodes;
use super::trees::HIT;

/// The most steps that are taken in one repository, and so about the most paths that are counted: 64 MiB of them. Ten
/// trees within one another, each with ten names for the next, are ten thousand million paths.
const MOST: u64 = 1 << 22;

/// The paths of every hit, each with the commit that is its own.
#[derive(Debug, Default)]
pub(super) struct Expanded {
    pub(super) hits: Vec<HashMap<u32, u32>>,
    /// Whether there are paths that were not counted.
    pub(super) incomplete: bool,
}

/// Expands (path, node or hit, commit); `better` says whether the first commit goes before the second.
pub(super) fn expand(
    brought: impl Iterator<Item = (u32, u32, u32)>,
    nodes: &Nodes,
    paths: &mut Paths,
    hits: usize,
    better: impl Fn(u32, u32) -> bool,
) -> Expanded {
    let mut out = Expanded { hits: vec![HashMap::new(); hits], incomplete: false };
    let (mut steps, mut left) = (0u64, Vec::new());
    for (path, target, commit) in brought {
        left.push((path, target));
        while let Some((path, target)) = left.pop() {
            steps += 1;
            if steps > MOST {
                out.incomplete = true;
                return out;
            }
            if target & HIT != 0 {
                if let Some(own) = out.hits.get_mut((target & !HIT) as usize) {
                    let best = own.entry(path).or_insert(commit);
                    if better(commit, *best) {
                        *best = commit;
                    }
                }
                continue;
            }
            for (name, below) in nodes.children(target) {
                // Not more at once than may be taken.
                if left.len() as u64 > MOST {
                    out.incomplete = true;
                    break;
                }
                left.extend(paths.below(path, *name).map(|path| (path, *below)));
            }
        }
    }
    out
}

/// The first commit of every hit, found by passing those of nodes on to what is in them.
pub(super) fn firsts(
    brought: impl Iterator<Item = (u32, u32)>,
    nodes: &Nodes,
    hits: usize,
    better: impl Fn(u32, u32) -> bool,
) -> Vec<Option<u32>> {
    let mut by_node: Vec<Option<u32>> = vec![None; nodes.len() as usize];
    let mut by_hit: Vec<Option<u32>> = vec![None; hits];
    let offer = |slot: Option<&mut Option<u32>>, commit: u32| {
        if let Some(slot) = slot
            && slot.is_none_or(|best| better(commit, best))
        {
            *slot = Some(commit);
        }
    };
    let mut pass = |by_node: &mut Vec<Option<u32>>, target: u32, commit: u32| match target & HIT {
        0 => offer(by_node.get_mut(target as usize), commit),
        _ => offer(by_hit.get_mut((target & !HIT) as usize), commit),
    };
    for (target, commit) in brought {
        pass(&mut by_node, target, commit);
    }
    for node in (0..nodes.len()).rev() {
        if let Some(commit) = by_node.get(node as usize).copied().flatten() {
            for (_, target) in nodes.children(node) {
                pass(&mut by_node, *target, commit);
            }
        }
    }
    by_hit
}

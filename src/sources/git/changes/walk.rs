//! Which commits a range brings in: those that can be reached from what it includes and from nothing that it excludes.

use std::collections::{BinaryHeap, HashMap, HashSet};

use super::{Commit, Objects};
use crate::model::ObjectId;
use crate::sources::git::Fault;

/// How many commits older than all that is brought in are looked at, for the sake of clocks that went wrong.
const SLOP: usize = 5;

/// From where, and up to where.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// What it leads to.
    pub include: Vec<ObjectId>,
    /// What was there before.
    pub exclude: Vec<ObjectId>,
}

/// The commits of a range.
#[derive(Debug, Default)]
pub struct Walked {
    /// Them, in no order that means anything.
    pub commits: Vec<Commit>,
    /// Those among them whose parents are not there because the repository is shallow.
    pub shallow: HashSet<ObjectId>,
    /// The newest commit outside of the range that one in it goes on from.
    pub base: Option<ObjectId>,
    /// What could not be read, in words.
    pub faults: Vec<String>,
}

/// What is known of a commit on the way.
#[derive(Clone, Copy, Default)]
struct Seen {
    excluded: bool,
    waits: bool,
}

/// Walks a range, newest first. A wrong clock may make it bring in too much, never too little.
#[must_use]
pub fn walk(objects: &Objects<'_>, range: &Range) -> Walked {
    let ends: HashSet<ObjectId> = objects.repository().shallow().iter().copied().collect();
    let mut walk = Walk::new(objects, &ends);
    for (ids, excluded) in [(&range.exclude, true), (&range.include, false)] {
        ids.iter().for_each(|id| walk.meet(*id, excluded));
    }
    walk.run();
    walk.end()
}

struct Walk<'a, 'r> {
    objects: &'a Objects<'r>,
    ends: &'a HashSet<ObjectId>,
    seen: HashMap<ObjectId, Seen>,
    read: HashMap<ObjectId, Commit>,
    queue: BinaryHeap<(i64, ObjectId)>,
    /// How many of the queue are not excluded.
    open: usize,
    /// The date of the oldest that was brought in.
    oldest: i64,
    out: Vec<ObjectId>,
    faults: Vec<String>,
}

impl<'a, 'r> Walk<'a, 'r> {
    fn new(objects: &'a Objects<'r>, ends: &'a HashSet<ObjectId>) -> Self {
        let (seen, read, queue) = (HashMap::new(), HashMap::new(), BinaryHeap::new());
        Self { objects, ends, seen, read, queue, open: 0, oldest: i64::MAX, out: Vec::new(), faults: Vec::new() }
    }

    /// Puts a commit into the queue: one that was not met, or is now known to be excluded.
    fn meet(&mut self, id: ObjectId, excluded: bool) {
        let seen = self.seen.get(&id).copied();
        if let Some(seen) = seen {
            if seen.excluded || !excluded {
                return;
            }
            self.seen.insert(id, Seen { excluded, waits: true });
            if seen.waits {
                self.open -= 1;
                return;
            }
        } else {
            match self.objects.commit(&id) {
                Ok(commit) => {
                    self.read.insert(id, commit);
                }
                // What was there before may be gone since.
                Err(Fault::Missing(_)) if excluded => return,
                Err(e) => return self.faults.push(e.of(&id)),
            }
            self.seen.insert(id, Seen { excluded, waits: true });
        }
        if !excluded {
            self.open += 1;
        }
        self.queue.push((self.read.get(&id).map_or(0, |c| c.time), id));
    }

    fn run(&mut self) {
        let mut slop = SLOP;
        while let Some((date, id)) = self.queue.pop() {
            if self.open == 0 && (self.out.is_empty() || date < self.oldest) {
                if slop == 0 || self.out.is_empty() {
                    return;
                }
                slop -= 1;
            }
            let Some(seen) = self.seen.get_mut(&id) else { continue };
            seen.waits = false;
            let excluded = seen.excluded;
            if !excluded {
                self.open -= 1;
                self.oldest = self.oldest.min(date);
                self.out.push(id);
            }
            if self.ends.contains(&id) {
                continue;
            }
            let parents = self.read.get(&id).map(|c| c.parents.clone()).unwrap_or_default();
            parents.into_iter().for_each(|parent| self.meet(parent, excluded));
        }
    }

    fn end(mut self) -> Walked {
        let excluded = |id: &ObjectId| self.seen.get(id).is_some_and(|s| s.excluded);
        let ids: Vec<ObjectId> = self.out.iter().copied().filter(|id| !excluded(id)).collect();
        let parents = ids.iter().filter_map(|id| self.read.get(id)).flat_map(|c| &c.parents);
        let outside = parents.filter(|id| excluded(id)).filter_map(|id| self.read.get(id));
        let base = outside.max_by_key(|c| (c.time, c.id)).map(|c| c.id);
        let shallow = ids.iter().copied().filter(|id| self.ends.contains(id)).collect();
        let commits = ids.iter().filter_map(|id| self.read.remove(id)).collect();
        Walked { commits, shallow, base, faults: self.faults }
    }
}

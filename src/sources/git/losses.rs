//! What a walk could not visit in one place, and whether another place had it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;

use super::fault::Fault;
use super::forest::Forest;
use super::store::Store;
use crate::model::{Coverage, GapKind, ObjectId, Untrusted};

/// Gaps that name an object, of each pack; the rest is counted.
const NAMED: usize = 50;

/// What could not be visited in a pack.
pub(super) struct Lost {
    pub(super) object: u32,
    /// Whether all that build on it are lost with it.
    pub(super) tree: bool,
    pub(super) fault: Fault,
}

/// Objects of a pack that one fault costs.
struct Group {
    fault: Fault,
    objects: Vec<u32>,
}

/// The losses of all packs.
#[derive(Default)]
pub(super) struct Losses {
    /// By the number of the pack.
    groups: BTreeMap<usize, Vec<Group>>,
    objects: HashMap<usize, HashSet<u32>>,
    /// Lost ones that a loose copy was found of.
    found: HashSet<ObjectId>,
}

impl Losses {
    /// Adds what a pack lost.
    pub(super) fn add(&mut self, pack: usize, forest: &Forest, lost: Vec<Lost>) {
        for Lost { object, tree, fault } in lost {
            let mut group = Group { fault, objects: Vec::new() };
            if tree {
                forest.subtree(object, |object| group.objects.push(object));
            } else {
                group.objects.push(object);
            }
            self.objects.entry(pack).or_default().extend(&group.objects);
            self.groups.entry(pack).or_default().push(group);
        }
        if !forest.cyclic.is_empty() {
            let group = Group { fault: Fault::Cycle, objects: forest.cyclic.clone() };
            self.objects.entry(pack).or_default().extend(&group.objects);
            self.groups.entry(pack).or_default().push(group);
        }
    }

    /// Whether an object of a pack was lost.
    pub(super) fn has(&self, pack: usize, object: u32) -> bool {
        self.objects.get(&pack).is_some_and(|objects| objects.contains(&object))
    }

    /// Whether one of the first `packs` packs has an object and did not lose it.
    pub(super) fn is_visited(&self, store: &Store, packs: usize, id: &ObjectId) -> bool {
        store.find(id).take_while(|(pack, _)| *pack < packs).any(|(pack, object)| !self.has(pack, object))
    }

    /// Notes that there was a loose copy of an object.
    pub(super) fn find(&mut self, id: ObjectId) {
        self.found.insert(id);
    }

    /// Says what was lost everywhere.
    pub(super) fn report(&self, store: &Store, coverage: &mut Coverage) {
        for (number, groups) in &self.groups {
            let Ok(pack) = store.pack(*number) else { continue };
            let name = Untrusted::new(pack.pack.path().as_os_str().as_bytes());
            let (mut named, mut rest) = (0, 0);
            for group in groups {
                let ids = group.objects.iter().filter_map(|object| pack.index.id(*object));
                let mut gone =
                    ids.filter(|id| !self.found.contains(id) && !self.is_visited(store, store.packs.len(), id));
                let Some(first) = gone.next() else { continue };
                let more = gone.count();
                if named == NAMED {
                    rest += more + 1;
                    continue;
                }
                named += 1;
                let more = match more {
                    0 => String::new(),
                    1 => "; nor is one that builds on it".to_owned(),
                    n => format!("; nor are {n} that build on it"),
                };
                coverage.gap(group.fault.kind(), &name, format!("object {first} is not read: {}{more}", group.fault));
            }
            if rest > 0 {
                coverage.gap(GapKind::Corrupt, &name, format!("{rest} more objects are not read"));
            }
        }
    }
}

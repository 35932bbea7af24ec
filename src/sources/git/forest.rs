//! What is a delta against what, in one pack: a forest whose roots are whole objects.
//!
//! One pass over the headers in the order of the file finds each object's base. An object's kind is that of its root, so
//! that trees of unwanted kinds are never inflated. Children stand lightest subtree first: a walk that goes down in this
//! order holds about log2 of the objects as bases, however deep the tree is. It takes 13 bytes an object, and as many
//! again while it is built.

use super::fault::Fault;
use super::object::ObjectKind;
use super::pack::{Form, HEADER, Pack};
use super::pack_index::PackIndex;
use crate::model::ObjectId;

/// The base of an object that is none in this pack.
const NONE: u32 = u32::MAX;
/// Bytes that the pass over the headers reads at once.
const WINDOW: usize = 1 << 18;
/// An object whose kind is not known, or not yet.
const UNKNOWN: u8 = u8::MAX;

/// The delta trees of a pack.
#[derive(Debug, Default)]
pub(super) struct Forest {
    /// The base of each object; itself for one with a fault.
    base: Vec<u32>,
    kind: Vec<u8>,
    /// Of each object, where its children start; one more at the end.
    first: Vec<u32>,
    children: Vec<u32>,
    /// Roots that are deltas against an object that is not in this pack, by number.
    outside: Vec<(u32, ObjectId)>,
    /// Roots of what cannot be read, with the reason.
    pub(super) faults: Vec<(u32, Fault)>,
    /// Objects that no root leads to.
    pub(super) cyclic: Vec<u32>,
}

impl Forest {
    /// Reads all headers. `outside` finds the kind of an object that is not in this pack.
    pub(super) fn build(
        pack: &Pack,
        index: &PackIndex,
        outside: impl FnMut(&ObjectId) -> Result<ObjectKind, Fault>,
    ) -> Self {
        let mut forest = Self::default();
        forest.read_headers(pack, index, outside);
        forest.list_children();
        let order = forest.order();
        forest.find_cycles(index.len(), &order);
        forest.sort_children(&order);
        forest
    }

    /// The roots of a kind that is wanted, by their place.
    pub(super) fn roots(&self, wants: impl Fn(ObjectKind) -> bool) -> Vec<u32> {
        let bases = (0u32..).zip(&self.base);
        let roots = bases.filter(|(object, base)| **base == NONE && self.kind(*object).is_some_and(&wants));
        roots.map(|(object, _)| object).collect()
    }

    /// The kind of an object, where it is known.
    pub(super) fn kind(&self, object: u32) -> Option<ObjectKind> {
        const KINDS: [ObjectKind; 4] = [ObjectKind::Commit, ObjectKind::Tree, ObjectKind::Blob, ObjectKind::Tag];
        KINDS.get(usize::from(*self.kind.get(object as usize)?)).copied()
    }

    /// What an object in another place is, which a root is a delta against.
    pub(super) fn outside(&self, root: u32) -> Option<ObjectId> {
        let at = self.outside.binary_search_by_key(&root, |(object, _)| *object).ok()?;
        self.outside.get(at).map(|(_, id)| *id)
    }

    /// Where in the list of all children those of an object stand.
    pub(super) fn children(&self, object: u32) -> std::ops::Range<u32> {
        let at = |i: usize| self.first.get(i).copied().unwrap_or_default();
        at(object as usize)..at(object as usize + 1)
    }

    /// A child, by its place in the list of all.
    pub(super) fn child(&self, place: u32) -> Option<u32> {
        self.children.get(place as usize).copied()
    }

    /// Which objects are needed to make those that are `wanted`.
    pub(super) fn needed(&self, mut wanted: impl FnMut(u32) -> bool) -> Vec<bool> {
        let mut needed = vec![false; self.base.len()];
        for object in 0..self.base.len() as u32 {
            let mut at = object;
            // What is needed already has bases that are; what is in a cycle ends there too.
            while (at != object || wanted(at))
                && let Some(slot) = needed.get_mut(at as usize).filter(|slot| !**slot)
            {
                *slot = true;
                match self.base.get(at as usize) {
                    Some(base) if *base != NONE => at = *base,
                    _ => break,
                }
            }
        }
        needed
    }

    /// Calls `each` with an object and with all that build on it.
    pub(super) fn subtree(&self, object: u32, mut each: impl FnMut(u32)) {
        let mut ahead = vec![object];
        while let Some(object) = ahead.pop() {
            each(object);
            ahead.extend(self.children(object).filter_map(|place| self.child(place)).filter(|child| *child != object));
        }
    }

    fn read_headers(
        &mut self,
        pack: &Pack,
        index: &PackIndex,
        mut outside: impl FnMut(&ObjectId) -> Result<ObjectKind, Fault>,
    ) {
        let mut window = Window::default();
        self.base.reserve_exact(index.len());
        self.kind.reserve_exact(index.len());
        for (object, offset) in (0u32..).zip(index.offsets()) {
            let form = window.at(pack, *offset).and_then(|bytes| pack.header(bytes, *offset)).map(|entry| entry.form);
            let found = form.and_then(|form| match form {
                Form::Whole(kind) => Ok((NONE, kind as u8)),
                Form::At(base) => Ok((index.at(base).ok_or(Fault::NoBaseAt(base))?, UNKNOWN)),
                Form::By(id) => match index.find(&id) {
                    Some(base) if base == object => Err(Fault::Cycle),
                    Some(base) => Ok((base, UNKNOWN)),
                    None => {
                        let kind = outside(&id)?;
                        self.outside.push((object, id));
                        Ok((NONE, kind as u8))
                    }
                },
            });
            let (base, kind) = found.unwrap_or_else(|fault| {
                self.faults.push((object, fault));
                (object, UNKNOWN)
            });
            self.base.push(base);
            self.kind.push(kind);
        }
    }

    /// Lists each object's children, by their place.
    fn list_children(&mut self) {
        let count = self.base.len();
        // Counted one place later, so that after the placing below each entry is where its list starts.
        let mut first = vec![0u32; count + 2];
        let deltas = || (0u32..).zip(&self.base).filter(|(object, base)| **base != NONE && *base != object);
        for (_, base) in deltas() {
            if let Some(slot) = first.get_mut(*base as usize + 2) {
                *slot += 1;
            }
        }
        let mut sum = 0;
        for slot in &mut first {
            sum += *slot;
            *slot = sum;
        }
        let mut children = vec![0u32; sum as usize];
        for (object, base) in deltas() {
            if let Some(slot) = first.get_mut(*base as usize + 1) {
                if let Some(child) = children.get_mut(*slot as usize) {
                    *child = object;
                }
                *slot += 1;
            }
        }
        first.truncate(count + 1);
        (self.first, self.children) = (first, children);
    }

    /// All objects, each after its base, and their kinds handed down. Those in or below a cycle are not among them.
    fn order(&mut self) -> Vec<u32> {
        let roots = (0u32..).zip(&self.base).filter(|(object, base)| **base == NONE || *base == object);
        let mut order: Vec<u32> = Vec::with_capacity(self.base.len());
        order.extend(roots.map(|(object, _)| object));
        let mut at = 0;
        while let Some(object) = order.get(at).copied() {
            let kind = self.kind.get(object as usize).copied().unwrap_or(UNKNOWN);
            for place in self.children(object) {
                let Some(child) = self.child(place) else { continue };
                order.push(child);
                if let Some(slot) = self.kind.get_mut(child as usize) {
                    *slot = kind;
                }
            }
            at += 1;
        }
        order
    }

    /// Lists the objects that no root leads to.
    fn find_cycles(&mut self, count: usize, order: &[u32]) {
        if order.len() == count {
            return;
        }
        let mut reached = vec![false; count];
        for object in order {
            if let Some(slot) = reached.get_mut(*object as usize) {
                *slot = true;
            }
        }
        let lost = (0u32..).zip(reached).filter(|(_, reached)| !reached);
        self.cyclic = lost.map(|(object, _)| object).collect();
    }

    /// Puts each object's children in the order of how many objects build on them.
    fn sort_children(&mut self, order: &[u32]) {
        let mut weight = vec![1u32; self.base.len()];
        for object in order.iter().rev() {
            let own = weight.get(*object as usize).copied().unwrap_or_default();
            let base = self.base.get(*object as usize).copied().filter(|base| base != object);
            if let Some(slot) = base.and_then(|base| weight.get_mut(base as usize)) {
                *slot += own;
            }
        }
        for object in order {
            let places = self.children(*object);
            if let Some(list) = self.children.get_mut(places.start as usize..places.end as usize)
                && list.len() > 1
            {
                list.sort_unstable_by_key(|child| (weight.get(*child as usize).copied(), *child));
            }
        }
    }
}

/// What was last read of a pack, in the order of the file.
#[derive(Default)]
struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The bytes of a header at an offset.
    fn at(&mut self, pack: &Pack, offset: u64) -> Result<&[u8], Fault> {
        let held = |w: &Self, len: usize| {
            let from = usize::try_from(offset.checked_sub(w.start)?).ok()?;
            (from.checked_add(len)? <= w.bytes.len()).then_some(from)
        };
        if held(self, HEADER).is_none() {
            if offset >= pack.end() {
                return Err(Fault::Truncated);
            }
            // Where objects are larger than a window there is nothing to be read ahead.
            let is_near = offset < self.start.saturating_add(2 * WINDOW as u64);
            self.bytes.resize(if is_near { WINDOW } else { HEADER }, 0);
            let n = pack.read(offset, &mut self.bytes)?;
            self.bytes.truncate(n);
            self.start = offset;
        }
        let from = held(self, 0).unwrap_or_default();
        Ok(self.bytes.get(from..).unwrap_or_default())
    }
}

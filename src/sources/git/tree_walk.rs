//! Walks the delta trees of one pack on several threads.
//!
//! A thread goes down one tree with an explicit stack, so that no chain is too deep. A frame of the stack is a base and
//! those of its children that are left. The lightest comes first and the heaviest last, when the base is no longer
//! needed: what is alive at a time is about log2 of the tree. A thread without work gets half of the children of
//! another one's topmost base.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::crew::Crew;
use super::delta::Delta;
use super::fault::Fault;
use super::forest::Forest;
use super::object::{Copied, Object, Visitor};
use super::pack::Buffers;
use super::reader::ObjectReader;
use super::repository::Repository;
use super::store::{Indexed, Store};
use super::walk::Limits;

/// What could not be visited.
pub(super) struct Lost {
    pub(super) object: u32,
    /// Whether all that build on it are lost with it.
    pub(super) tree: bool,
    pub(super) fault: Fault,
}

/// A base that objects still wait for.
struct Live<'w, S> {
    bytes: Vec<u8>,
    /// `None` where the visitor failed, or the base is of another pack.
    state: Option<S>,
    alive: &'w AtomicUsize,
}

impl<S> Drop for Live<'_, S> {
    fn drop(&mut self) {
        self.alive.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// A base, and those of its children that are left.
struct Frame<'w, S> {
    base: Arc<Live<'w, S>>,
    children: Range<u32>,
}

/// The walk over one pack.
pub(super) struct TreeWalk<'w, V: Visitor> {
    pub(super) repository: &'w Repository,
    pub(super) store: &'w Store,
    /// Which of the packs.
    pub(super) number: usize,
    pub(super) found: &'w Indexed,
    pub(super) forest: &'w Forest,
    pub(super) visitor: &'w V,
    pub(super) limits: &'w Limits,
    /// Bytes that were made so far.
    pub(super) total: &'w AtomicU64,
    pub(super) objects: &'w AtomicU64,
    /// Bytes of live bases.
    pub(super) alive: &'w AtomicUsize,
    pub(super) lost: Mutex<Vec<Lost>>,
}

impl<'w, V: Visitor> TreeWalk<'w, V> {
    /// Walks all trees; returns what was lost.
    pub(super) fn run(&self, threads: usize) -> Vec<Lost> {
        let roots = self.forest.roots(|kind| self.visitor.wants(kind));
        let threads = threads.clamp(1, roots.len().max(1));
        let (next, crew) = (AtomicUsize::new(0), Crew::new(threads));
        let work = || {
            let mut worker = Worker::new(self);
            let done = catch_unwind(AssertUnwindSafe(|| worker.run(&roots, &next, &crew)));
            if done.is_err() {
                self.lose(u32::MAX, false, Fault::Internal);
                crew.leave();
            }
        };
        std::thread::scope(|scope| {
            (1..threads).for_each(|_| {
                scope.spawn(work);
            });
            work();
        });
        std::mem::take(&mut *self.lost.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lose(&self, object: u32, tree: bool, fault: Fault) {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).push(Lost { object, tree, fault });
    }

    /// Whether a leaf stands in a pack that was walked before.
    fn is_seen(&self, object: u32) -> bool {
        let before = self.store.packs.get(..self.number).unwrap_or_default();
        if before.is_empty() {
            return false;
        }
        self.found.index.id(object).is_some_and(|id| before.iter().any(|p| p.index.find(&id).is_some()))
    }

    /// Takes from the budget of the whole walk.
    fn spend(&self, bytes: u64) -> Result<(), Fault> {
        let most = self.limits.total;
        let before = self.total.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > most { Err(Fault::Exhausted { most }) } else { Ok(()) }
    }
}

/// One thread of the walk.
struct Worker<'w, 'a, V: Visitor> {
    walk: &'a TreeWalk<'w, V>,
    stack: Vec<Frame<'a, V::State>>,
    buffers: Buffers,
    out: Vec<u8>,
    copies: Vec<Copied>,
}

impl<'a, 'w: 'a, V: Visitor> Worker<'w, 'a, V> {
    fn new(walk: &'a TreeWalk<'w, V>) -> Self {
        Self { walk, stack: Vec::new(), buffers: Buffers::default(), out: Vec::new(), copies: Vec::new() }
    }

    fn run(&mut self, roots: &[u32], next: &AtomicUsize, crew: &Crew<Frame<'a, V::State>>) {
        loop {
            if crew.is_hungry() {
                self.share(crew);
            }
            if let Some((object, base)) = self.next_child() {
                let done = self.delta(object, &base.bytes, base.state.as_ref());
                self.note(object, done);
            } else if let Some(root) = roots.get(next.fetch_add(1, Ordering::Relaxed)) {
                let done = self.root(*root);
                self.note(*root, done);
            } else if let Some(frame) = crew.take() {
                self.stack.push(frame);
            } else {
                return;
            }
        }
    }

    fn note(&self, object: u32, done: Result<(), Fault>) {
        if let Err(fault) = done {
            self.walk.lose(object, true, fault);
        }
    }

    /// Gives the heavier half of the children of the topmost base that has several left.
    fn share(&mut self, crew: &Crew<Frame<'a, V::State>>) {
        if let Some(frame) = self.stack.iter_mut().find(|frame| frame.children.len() > 1) {
            let middle = frame.children.start + (frame.children.end - frame.children.start) / 2;
            let half = middle..frame.children.end;
            frame.children.end = middle;
            crew.give(Frame { base: Arc::clone(&frame.base), children: half });
        }
    }

    /// The next object and its base. With the last child the base leaves the stack.
    fn next_child(&mut self) -> Option<(u32, Arc<Live<'a, V::State>>)> {
        loop {
            let frame = self.stack.last_mut()?;
            let place = frame.children.next();
            let base =
                if frame.children.is_empty() { self.stack.pop()?.base } else { Arc::clone(&self.stack.last()?.base) };
            if let Some(object) = place.and_then(|place| self.walk.forest.child(place)) {
                return Some((object, base));
            }
        }
    }

    /// A whole object, or a delta against one that is not in this pack.
    fn root(&mut self, object: u32) -> Result<(), Fault> {
        let walk = self.walk;
        if let Some(id) = walk.forest.outside(object) {
            let (_, bytes) = ObjectReader::new(walk.repository, walk.limits.held).read(&id)?;
            return self.delta(object, &bytes, None);
        }
        let is_base = !walk.forest.children(object).is_empty();
        if !is_base && walk.is_seen(object) {
            return Ok(());
        }
        let (at, next) = self.slot(object);
        let most = if is_base { walk.limits.held } else { walk.limits.stream };
        let entry = match walk.found.pack.inflate(at, next, most, &mut self.buffers) {
            Err(Fault::TooLarge { size, .. }) if !is_base => return self.large(object, at, size),
            other => other?,
        };
        walk.spend(entry.size)?;
        let size = usize::try_from(entry.size).map_err(|_| Fault::Internal)?;
        if is_base {
            let bytes = self.buffers.out.get(..size).unwrap_or_default().to_vec();
            self.buffers.shrink();
            let state = self.visit(object, &bytes, true, None);
            self.push(object, bytes, state)
        } else {
            let bytes = std::mem::take(&mut self.buffers.out);
            self.visit(object, bytes.get(..size).unwrap_or_default(), false, None);
            self.buffers.out = bytes;
            self.buffers.shrink();
            Ok(())
        }
    }

    /// An object that is a delta against `base`.
    fn delta(&mut self, object: u32, base: &[u8], state: Option<&V::State>) -> Result<(), Fault> {
        let walk = self.walk;
        let is_base = !walk.forest.children(object).is_empty();
        if !is_base && walk.is_seen(object) {
            return Ok(());
        }
        let (at, next) = self.slot(object);
        let entry = walk.found.pack.inflate(at, next, walk.limits.held, &mut self.buffers)?;
        let size = usize::try_from(entry.size).map_err(|_| Fault::Internal)?;
        let delta = Delta::parse(self.buffers.out.get(..size).unwrap_or_default())?;
        if delta.result > walk.limits.held {
            return Err(Fault::TooLarge { size: delta.result, most: walk.limits.held });
        }
        walk.spend(delta.result)?;
        // What stays alive is as large as it must be; what does not is written over by the next.
        let mut out = if is_base { Vec::new() } else { std::mem::take(&mut self.out) };
        let applied = delta.apply(base, &mut out, &mut self.copies);
        let mut state_of = None;
        if applied.is_ok() {
            let copies = std::mem::take(&mut self.copies);
            state_of = self.visit(object, &out, is_base, state.map(|state| (state, copies.as_slice())));
            self.copies = copies;
        }
        self.buffers.shrink();
        if is_base {
            applied?;
            return self.push(object, out, state_of);
        }
        self.out = if out.capacity() > 4 << 20 { Vec::new() } else { out };
        applied
    }

    fn slot(&self, object: u32) -> (u64, u64) {
        let found = self.walk.found;
        (found.index.offset(object), found.index.next(object, found.pack.end()))
    }

    /// Shows an object to the visitor. A visitor that fails costs that object alone.
    fn visit(
        &self,
        object: u32,
        bytes: &[u8],
        is_base: bool,
        base: Option<(&V::State, &[Copied])>,
    ) -> Option<V::State> {
        let walk = self.walk;
        let (id, kind) = (walk.found.index.id(object)?, walk.forest.kind(object)?);
        walk.objects.fetch_add(1, Ordering::Relaxed);
        let object_of = Object { id, kind, bytes, is_base };
        let seen = catch_unwind(AssertUnwindSafe(|| walk.visitor.visit(&object_of, base)));
        if seen.is_err() {
            walk.lose(object, false, Fault::Internal);
        }
        seen.ok()
    }

    /// Shows an object as a stream.
    fn large(&self, object: u32, at: u64, size: u64) -> Result<(), Fault> {
        let walk = self.walk;
        walk.spend(size)?;
        let entry = walk.found.pack.entry(at)?;
        let mut stream = walk.found.pack.stream(&entry);
        let (id, kind) = walk.found.index.id(object).zip(walk.forest.kind(object)).ok_or(Fault::Internal)?;
        walk.objects.fetch_add(1, Ordering::Relaxed);
        let seen = catch_unwind(AssertUnwindSafe(|| walk.visitor.large(id, kind, size, &mut stream)));
        match stream.fault() {
            Some(fault) => Err(fault.clone()),
            None => seen.map_err(|_| Fault::Internal),
        }
    }

    /// Goes on with an object's children.
    fn push(&mut self, object: u32, bytes: Vec<u8>, state: Option<V::State>) -> Result<(), Fault> {
        let walk = self.walk;
        walk.alive.fetch_add(bytes.len(), Ordering::Relaxed);
        let base = Arc::new(Live { bytes, state, alive: walk.alive });
        self.stack.push(Frame { base, children: walk.forest.children(object) });
        Ok(())
    }
}

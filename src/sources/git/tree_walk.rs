//! Walks the delta trees of one pack on several threads.
//!
//! A thread goes down one tree with an explicit stack, so that no chain is too deep. A frame of the stack is a base and
//! those of its children that are left. The lightest comes first and the heaviest last, when the base is no longer
//! needed: what is alive at a time is about log2 of the tree. A thread without work gets half of the children of
//! another one's topmost base.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::crew::Crew;
use super::delta::Delta;
use super::fault::Fault;
use super::forest::Forest;
use super::gate::{Pass, SMALL};
use super::losses::{Losses, Lost};
use super::meter::Meter;
use super::object::{Copied, Object, Visitor};
use super::pack::{Buffers, Entry};
use super::reader::ObjectReader;
use super::repository::Repository;
use super::store::{Indexed, Store};
use super::walk::Limits;

/// A base that objects still wait for.
struct Live<'w, S> {
    object: u32,
    /// `None` where it made room for others; it is made again when it is needed.
    bytes: Mutex<Option<Arc<Vec<u8>>>>,
    /// `None` where the visitor failed, or the base is of another pack.
    state: Option<S>,
    alive: &'w AtomicUsize,
}

impl<'w, S> Live<'w, S> {
    fn new(object: u32, bytes: Vec<u8>, state: Option<S>, alive: &'w AtomicUsize) -> Self {
        alive.fetch_add(bytes.len(), Ordering::Relaxed);
        Self { object, bytes: Mutex::new(Some(Arc::new(bytes))), state, alive }
    }

    fn get(&self) -> Option<Arc<Vec<u8>>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts back what was made again.
    fn set(&self, bytes: &Arc<Vec<u8>>) {
        let mut place = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        if place.is_none() {
            self.alive.fetch_add(bytes.len(), Ordering::Relaxed);
            *place = Some(Arc::clone(bytes));
        }
    }

    /// Makes room.
    fn clear(&self) {
        if let Some(bytes) = self.bytes.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.alive.fetch_sub(bytes.len(), Ordering::Relaxed);
        }
    }
}

impl<S> Drop for Live<'_, S> {
    fn drop(&mut self) {
        self.clear();
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
    pub(super) meter: &'w Meter,
    /// What the packs before this one lost.
    pub(super) losses: &'w Losses,
    pub(super) lost: Mutex<Vec<Lost>>,
    /// Which objects are needed, where the visitor knows some.
    pub(super) needed: Option<Vec<bool>>,
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
            for _ in 1..threads {
                if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    crew.leave();
                }
            }
            work();
        });
        std::mem::take(&mut *self.lost.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lose(&self, object: u32, tree: bool, fault: Fault) {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).push(Lost { object, tree, fault });
    }

    /// Whether an object, or one that builds on it, is not known yet.
    fn is_needed(&self, object: u32) -> bool {
        self.needed.as_ref().is_none_or(|needed| needed.get(object as usize).is_none_or(|needed| *needed))
    }

    fn is_known(&self, object: u32) -> bool {
        self.visitor.known().is_some_and(|known| self.found.index.id(object).is_some_and(|id| known.contains(&id)))
    }

    /// Whether a leaf was visited in a pack before this one.
    fn is_seen(&self, object: u32) -> bool {
        self.number > 0
            && self.found.index.id(object).is_some_and(|id| self.losses.is_visited(self.store, self.number, &id))
    }
}

/// One thread of the walk.
struct Worker<'w, 'a, V: Visitor> {
    walk: &'a TreeWalk<'w, V>,
    stack: Vec<Frame<'a, V::State>>,
    buffers: Buffers,
    out: Vec<u8>,
    copies: Vec<Copied>,
    /// Reads bases of other packs, and those that made room.
    reader: ObjectReader<'a>,
}

impl<'a, 'w: 'a, V: Visitor> Worker<'w, 'a, V> {
    fn new(walk: &'a TreeWalk<'w, V>) -> Self {
        let reader = ObjectReader::new(walk.repository, walk.limits.held);
        Self { walk, stack: Vec::new(), buffers: Buffers::default(), out: Vec::new(), copies: Vec::new(), reader }
    }

    fn run(&mut self, roots: &[u32], next: &AtomicUsize, crew: &Crew<Frame<'a, V::State>>) {
        loop {
            if crew.is_hungry() {
                self.share(crew);
            }
            if let Some((object, base)) = self.next_child() {
                let bytes = base.get().map_or_else(|| self.again(&base), Ok);
                let done = bytes.and_then(|bytes| self.delta(object, &bytes, base.state.as_ref()));
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
            let object = place.and_then(|place| self.walk.forest.child(place));
            if let Some(object) = object.filter(|object| self.walk.is_needed(*object)) {
                return Some((object, base));
            }
        }
    }

    /// A whole object, or a delta against one that is not in this pack.
    fn root(&mut self, object: u32) -> Result<(), Fault> {
        let walk = self.walk;
        if !walk.is_needed(object) {
            return Ok(());
        }
        if let Some(id) = walk.forest.outside(object) {
            let read = self.reader.read(&id);
            walk.meter.spend(self.reader.take_made())?;
            return self.delta(object, &read?.1, None);
        }
        let is_base = !walk.forest.children(object).is_empty();
        if !is_base && walk.is_seen(object) {
            return Ok(());
        }
        let most = if is_base { walk.limits.held } else { walk.limits.stream };
        let (entry, _pass) = match self.inflate(object, most) {
            Err(Fault::TooLarge { size, .. }) if !is_base => return self.large(object, size),
            other => other?,
        };
        walk.meter.spend(entry.size)?;
        let size = usize::try_from(entry.size).map_err(|_| Fault::Internal)?;
        if is_base {
            let bytes = self.buffers.out.get(..size).unwrap_or_default().to_vec();
            self.buffers.shrink();
            let state = self.visit(object, &bytes, true, None);
            self.push(object, bytes, state);
            Ok(())
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
        let (entry, _pass) = self.inflate(object, walk.limits.held)?;
        let size = usize::try_from(entry.size).map_err(|_| Fault::Internal)?;
        let delta = Delta::parse(self.buffers.out.get(..size).unwrap_or_default())?;
        if delta.result > walk.limits.held {
            return Err(Fault::TooLarge { size: delta.result, most: walk.limits.held });
        }
        walk.meter.spend(delta.result)?;
        let _second = (entry.size <= SMALL).then(|| walk.meter.gate.enter(delta.result));
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
            self.push(object, out, state_of);
            return Ok(());
        }
        self.out = if out.capacity() > 4 << 20 { Vec::new() } else { out };
        applied
    }

    /// Inflates an object's entry, when there is room for it.
    fn inflate(&mut self, object: u32, most: u64) -> Result<(Entry, Option<Pass<'a>>), Fault> {
        let (walk, found) = (self.walk, self.walk.found);
        let (at, next) = (found.index.offset(object), found.index.next(object, found.pack.end()));
        match found.pack.inflate(at, next, most.min(SMALL), &mut self.buffers) {
            Err(Fault::TooLarge { size, .. }) if size <= most => {
                let pass = walk.meter.gate.enter(size);
                Ok((found.pack.inflate(at, next, most, &mut self.buffers)?, Some(pass)))
            }
            Err(Fault::TooLarge { size, .. }) => Err(Fault::TooLarge { size, most }),
            other => Ok((other?, None)),
        }
    }

    /// Makes a base again that had made room for others.
    fn again(&mut self, base: &Live<'a, V::State>) -> Result<Arc<Vec<u8>>, Fault> {
        let walk = self.walk;
        let read = self.reader.read_at((walk.number, walk.found.index.offset(base.object)));
        walk.meter.spend(self.reader.take_made())?;
        let (_, bytes) = read?;
        base.set(&bytes);
        Ok(bytes)
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
        if walk.is_known(object) {
            return None;
        }
        let (id, kind) = (walk.found.index.id(object)?, walk.forest.kind(object)?);
        walk.meter.objects.fetch_add(1, Ordering::Relaxed);
        let object_of = Object { id, kind, bytes, is_base };
        let seen = catch_unwind(AssertUnwindSafe(|| walk.visitor.visit(&object_of, base)));
        if seen.is_err() {
            walk.lose(object, false, Fault::Internal);
        }
        seen.ok()
    }

    /// Shows an object as a stream.
    fn large(&self, object: u32, size: u64) -> Result<(), Fault> {
        let walk = self.walk;
        walk.meter.spend(size)?;
        let entry = walk.found.pack.entry(walk.found.index.offset(object))?;
        let mut stream = walk.found.pack.stream(&entry);
        let (id, kind) = walk.found.index.id(object).zip(walk.forest.kind(object)).ok_or(Fault::Internal)?;
        walk.meter.objects.fetch_add(1, Ordering::Relaxed);
        let seen = catch_unwind(AssertUnwindSafe(|| walk.visitor.large(id, kind, size, &mut stream)));
        match stream.fault() {
            Some(fault) => Err(fault.clone()),
            None => seen.map_err(|_| Fault::Internal),
        }
    }

    /// Goes on with an object's children. The bases furthest up make room, as they are needed last.
    fn push(&mut self, object: u32, bytes: Vec<u8>, state: Option<V::State>) {
        let walk = self.walk;
        let base = Arc::new(Live::new(object, bytes, state, &walk.meter.alive));
        self.stack.push(Frame { base, children: walk.forest.children(object) });
        if walk.meter.alive.load(Ordering::Relaxed) > walk.limits.live {
            let above = self.stack.len() - 1;
            for frame in self.stack.iter().take(above) {
                frame.base.clear();
            }
        }
    }
}

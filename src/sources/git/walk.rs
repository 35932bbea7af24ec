//! The walk over all objects of a repository.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::fault::Fault;
use super::forest::Forest;
use super::loose;
use super::losses::{Losses, Lost};
use super::meter::Meter;
use super::object::{Object, Visitor};
use super::reader::ObjectReader;
use super::repository::Repository;
use super::tree_walk::TreeWalk;
use crate::model::{Coverage, ObjectId, Untrusted};

/// How much of a repository is held and read.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A larger object is streamed, where it is no delta and no base of one.
    pub stream: u64,
    /// A larger delta or base is not read. Of several threads, one at a time holds so much.
    pub held: u64,
    /// Bytes of bases that are kept while objects wait for them; past it they are made again.
    pub live: usize,
    /// Bytes that all objects may come to.
    pub total: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { stream: 32 << 20, held: 128 << 20, live: 128 << 20, total: 1 << 40 }
    }
}

/// What a walk came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Objects that were visited; one that stands in several packs may count more than once.
    pub objects: u64,
    /// Objects that were not visited since the visitor knows them; counted as the others are.
    pub known: u64,
    /// Bytes that were made for them.
    pub bytes: u64,
}

/// Shows every object of the wanted kinds to a visitor, at least once. What cannot be read goes into `coverage`.
///
/// Contents are not compared with their ids: what is found is found in what is there, whatever it is called.
pub fn walk<V: Visitor>(repository: &Repository, threads: usize, visitor: &V, coverage: &mut Coverage) -> Walked {
    walk_within(repository, &Limits::default(), threads, visitor, coverage)
}

/// [`walk`], with other limits.
pub fn walk_within<V: Visitor>(
    repository: &Repository,
    limits: &Limits,
    threads: usize,
    visitor: &V,
    coverage: &mut Coverage,
) -> Walked {
    let store = repository.store();
    store.report(coverage);
    let mut losses = Losses::default();
    let meter = Meter::new(limits);
    let mut known = 0;
    for (number, found) in store.packs.iter().enumerate() {
        let mut reader = ObjectReader::new(repository, limits.held);
        let forest = Forest::build(&found.pack, &found.index, |id| reader.kind_of_base(id));
        let mut count = 0;
        let needed = visitor.known().map(|known| {
            forest.needed(|object| {
                let is_known = found.index.id(object).is_some_and(|id| known.contains(&id));
                let is_wanted = forest.kind(object).is_some_and(|kind| visitor.wants(kind));
                count += u64::from(is_known && is_wanted);
                is_wanted && !is_known
            })
        });
        known += count;
        let tree_walk = TreeWalk {
            repository,
            store,
            number,
            found,
            forest: &forest,
            visitor,
            limits,
            meter: &meter,
            losses: &losses,
            needed,
            lost: Mutex::new(
                forest
                    .faults
                    .iter()
                    .map(|(object, fault)| Lost { object: *object, tree: true, fault: fault.clone() })
                    .collect(),
            ),
        };
        let lost = tree_walk.run(threads);
        losses.add(number, &forest, lost);
    }
    known += LooseWalk { repository, visitor, limits, meter: &meter }.run(threads, &mut losses, coverage);
    losses.report(store, coverage);
    Walked { objects: meter.objects.into_inner(), known, bytes: meter.bytes.into_inner() }
}

/// The walk over loose objects.
struct LooseWalk<'w, V: Visitor> {
    repository: &'w Repository,
    visitor: &'w V,
    limits: &'w Limits,
    meter: &'w Meter,
}

impl<V: Visitor> LooseWalk<'_, V> {
    /// Walks all; returns how many the visitor knows.
    fn run(&self, threads: usize, losses: &mut Losses, coverage: &mut Coverage) -> u64 {
        let mut ids = Vec::new();
        for directory in self.repository.directories() {
            for (below, fault) in loose::list(directory, self.repository.format(), &mut ids) {
                let name = directory.path.join(below);
                coverage.gap(fault.kind(), &Untrusted::new(name.as_os_str().as_bytes()), fault.to_string());
            }
        }
        // What is packed was visited there, unless it was lost.
        let store = self.repository.store();
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| !losses.is_visited(store, store.packs.len(), id));
        let all = ids.len();
        ids.retain(|id| self.visitor.known().is_none_or(|known| !known.contains(id)));
        let known = all - ids.len();
        let (next, lost) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let work = || {
            while let Some(id) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(fault) = self.object(id) {
                    lost.lock().unwrap_or_else(PoisonError::into_inner).push((*id, fault));
                }
            }
        };
        std::thread::scope(|scope| {
            // Where the system has no thread to give, the others do its work.
            let more = (1..threads.min(ids.len() / 16)).map(|_| std::thread::Builder::new().spawn_scoped(scope, work));
            let _started = more.filter(Result::is_ok).count();
            work();
        });
        let lost: HashMap<ObjectId, Fault> =
            lost.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect();
        ids.iter().filter(|id| !lost.contains_key(*id)).for_each(|id| losses.find(*id));
        for (id, fault) in lost {
            let (below, file) = loose::place(&id);
            let path = self.repository.common_dir().join("objects").join(below).join(file);
            coverage.gap(fault.kind(), &Untrusted::new(path.as_os_str().as_bytes()), fault.to_string());
        }
        known as u64
    }

    fn object(&self, id: &ObjectId) -> Result<(), Fault> {
        let mut fault = Fault::Missing(*id);
        for directory in self.repository.directories() {
            match catch_unwind(AssertUnwindSafe(|| self.copy(directory, id))).unwrap_or(Err(Fault::Internal)) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(other) => fault = other,
            }
        }
        Err(fault)
    }

    /// Visits the copy of an object in a directory; says whether there is one.
    fn copy(&self, directory: &super::directories::Directory, id: &ObjectId) -> Result<bool, Fault> {
        let Some((header, mut stream)) = loose::open(directory, id)? else { return Ok(false) };
        if !self.visitor.wants(header.kind) {
            return Ok(true);
        }
        self.meter.spend(header.size)?;
        self.meter.objects.fetch_add(1, Ordering::Relaxed);
        if header.size > self.limits.stream {
            self.visitor.large(*id, header.kind, header.size, &mut stream);
            return stream.fault().cloned().map_or(Ok(true), Err);
        }
        let size = usize::try_from(header.size).map_err(|_| Fault::Internal)?;
        let mut bytes = Vec::new();
        let _pass = self.meter.gate.enter(header.size);
        stream.into_vec(size, &mut bytes)?;
        self.visitor.visit(&Object { id: *id, kind: header.kind, bytes: &bytes, is_base: false }, None);
        Ok(true)
    }
}

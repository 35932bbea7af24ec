//! The walk over all objects of a repository.

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::fault::Fault;
use super::forest::Forest;
use super::loose;
use super::object::{Object, Visitor};
use super::reader::ObjectReader;
use super::repository::Repository;
use super::tree_walk::{Lost, TreeWalk};
use crate::model::{Coverage, ObjectId, Untrusted};

/// How much of a repository is held and read.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A larger object is streamed, where it is no delta and no base of one.
    pub stream: u64,
    /// A larger delta or base is not read.
    pub held: u64,
    /// Bytes of bases that are kept while objects wait for them; past it they are made again.
    pub live: usize,
    /// Bytes that all objects may come to.
    pub total: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { stream: 32 << 20, held: 128 << 20, live: 192 << 20, total: 1 << 40 }
    }
}

/// What a walk came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Objects that were visited; one that stands in several packs may count more than once.
    pub objects: u64,
    /// Their bytes.
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
    let (total, objects, alive) = (AtomicU64::new(0), AtomicU64::new(0), AtomicUsize::new(0));
    for (number, found) in store.packs.iter().enumerate() {
        let mut reader = ObjectReader::new(repository, limits.held);
        let mut forest = Forest::build(&found.pack, &found.index, |id| reader.kind_of_base(id));
        let mut lost: Vec<Lost> =
            forest.faults.drain(..).map(|(object, fault)| Lost { object, tree: true, fault }).collect();
        lost.extend(forest.cyclic.drain(..).map(|object| Lost { object, tree: false, fault: Fault::Cycle }));
        let tree_walk = TreeWalk {
            repository,
            store,
            number,
            found,
            forest: &forest,
            visitor,
            limits,
            total: &total,
            objects: &objects,
            alive: &alive,
            lost: Mutex::new(lost),
        };
        let lost = tree_walk.run(threads);
        Salvage { repository, number, forest: &forest, visitor, limits, objects: &objects }.run(lost, coverage);
    }
    let walk = LooseWalk { repository, visitor, limits, total: &total, objects: &objects };
    walk.run(threads, coverage);
    Walked { objects: objects.into_inner(), bytes: total.into_inner() }
}

/// Looks for other copies of what was lost in a pack, and says what there is none of.
struct Salvage<'w, V: Visitor> {
    repository: &'w Repository,
    number: usize,
    forest: &'w Forest,
    visitor: &'w V,
    limits: &'w Limits,
    objects: &'w AtomicU64,
}

impl<V: Visitor> Salvage<'_, V> {
    /// Gaps that name an object, of each pack; the rest is counted.
    const NAMED: usize = 50;

    fn run(&self, lost: Vec<Lost>, coverage: &mut Coverage) {
        let Ok(found) = self.repository.store().pack(self.number) else { return };
        let mut reader = ObjectReader::new(self.repository, self.limits.held);
        let name = Untrusted::new(found.pack.path().as_os_str().as_bytes());
        let (mut named, mut rest) = (0, 0);
        for Lost { object, tree, fault } in lost {
            let (mut gone, mut first) = (0u64, None);
            let mut look = |object| {
                let id = found.index.id(object);
                if !id.is_some_and(|id| self.elsewhere(&id, &mut reader)) {
                    gone += 1;
                    first = first.or(id);
                }
            };
            if tree {
                self.forest.subtree(object, look)
            } else {
                look(object)
            }
            let Some(id) = first.filter(|_| named < Self::NAMED) else {
                rest += gone;
                continue;
            };
            named += 1;
            let more = match gone - 1 {
                0 => String::new(),
                1 => "; so is one that builds on it".to_owned(),
                n => format!("; so are {n} that build on it"),
            };
            coverage.gap(fault.kind(), &name, format!("object {id} is not read: {fault}{more}"));
        }
        if rest > 0 {
            coverage.gap(crate::model::GapKind::Corrupt, &name, format!("{rest} more objects are not read"));
        }
    }

    /// Visits another copy of an object. Says whether there was one, or it is not wanted.
    fn elsewhere(&self, id: &ObjectId, reader: &mut ObjectReader<'_>) -> bool {
        let Ok((kind, bytes)) = reader.read_elsewhere(id, self.number) else { return false };
        if !self.visitor.wants(kind) {
            return true;
        }
        self.objects.fetch_add(1, Ordering::Relaxed);
        let object = Object { id: *id, kind, bytes: &bytes, is_base: false };
        catch_unwind(AssertUnwindSafe(|| self.visitor.visit(&object, None))).is_ok()
    }
}

/// The walk over loose objects.
struct LooseWalk<'w, V: Visitor> {
    repository: &'w Repository,
    visitor: &'w V,
    limits: &'w Limits,
    total: &'w AtomicU64,
    objects: &'w AtomicU64,
}

impl<V: Visitor> LooseWalk<'_, V> {
    fn run(&self, threads: usize, coverage: &mut Coverage) {
        let mut ids = Vec::new();
        for directory in self.repository.directories() {
            for (below, fault) in loose::list(directory, self.repository.format(), &mut ids) {
                let name = directory.path.join(below);
                coverage.gap(fault.kind(), &Untrusted::new(name.as_os_str().as_bytes()), fault.to_string());
            }
        }
        // What is packed was visited there.
        let ids: HashSet<ObjectId> =
            ids.into_iter().filter(|id| self.repository.store().find(id).next().is_none()).collect();
        let ids: Vec<ObjectId> = ids.into_iter().collect();
        let (next, lost) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let work = || {
            while let Some(id) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(fault) = self.object(id) {
                    lost.lock().unwrap_or_else(PoisonError::into_inner).push((*id, fault));
                }
            }
        };
        std::thread::scope(|scope| {
            (1..threads.min(ids.len() / 16)).for_each(|_| {
                scope.spawn(work);
            });
            work();
        });
        for (id, fault) in lost.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let (below, file) = loose::place(&id);
            let path = self.repository.common_dir().join("objects").join(below).join(file);
            coverage.gap(fault.kind(), &Untrusted::new(path.as_os_str().as_bytes()), fault.to_string());
        }
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
        let most = self.limits.total;
        if self.total.fetch_add(header.size, Ordering::Relaxed).saturating_add(header.size) > most {
            return Err(Fault::Exhausted { most });
        }
        self.objects.fetch_add(1, Ordering::Relaxed);
        if header.size > self.limits.stream {
            self.visitor.large(*id, header.kind, header.size, &mut stream);
            return stream.fault().cloned().map_or(Ok(true), Err);
        }
        let size = usize::try_from(header.size).map_err(|_| Fault::Internal)?;
        let mut bytes = Vec::new();
        stream.into_vec(size, &mut bytes)?;
        self.visitor.visit(&Object { id: *id, kind: header.kind, bytes: &bytes, is_base: false }, None);
        Ok(true)
    }
}

//! Secrets in the objects of a repository: which object has which.
//!
//! The walk over the objects (`sources::git`) yields each once; what a visitor keeps of a base lets the objects that are
//! deltas against it be searched where they differ alone (`delta`). What is kept here is a mark for each secret of an
//! object: places, lines and parts of a credential are worked out afterwards, for the objects that a report names.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, PoisonError};

use super::delta::{Anchors, Deltas};
use super::file::{FileScan, FileScratch, MARGINS};
use super::sighting::Sighting;
use crate::detect::{Candidate, Detector};
use crate::model::{Confidence, ObjectId, Untrusted};
use crate::sources::git::{Copied, IdSet, Object, ObjectKind, Visitor};
use crate::sources::{Reader, Source};

/// A secret of an object, without its bytes: the rule and a hash that no other run makes alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Mark {
    /// Index of the rule.
    pub(super) rule: u16,
    digest: u64,
}

/// An object that has secrets.
#[derive(Debug)]
pub(super) struct Marked {
    /// Its kind.
    pub(super) kind: ObjectKind,
    /// Its secrets, each once.
    pub(super) marks: Vec<Mark>,
}

/// Searches objects, on many threads.
pub(super) struct Search<'d> {
    detector: &'d Detector<'d>,
    deltas: Deltas<'d>,
    threshold: Confidence,
    max_matches: usize,
    hasher: RandomState,
    scratch: Mutex<Vec<FileScratch>>,
    marked: Mutex<HashMap<ObjectId, Marked>>,
    /// The objects that need not be searched, and those in which nothing was found; `None` where that is not kept.
    clean: Option<(IdSet, Mutex<Vec<ObjectId>>)>,
}

impl<'d> Search<'d> {
    /// A search for what is at or above a confidence; of no object are more than `max_matches` matches kept.
    pub(super) fn new(detector: &'d Detector<'d>, threshold: Confidence, max_matches: usize) -> Self {
        Self {
            detector,
            deltas: Deltas::new(detector),
            threshold,
            max_matches,
            hasher: RandomState::new(),
            scratch: Mutex::default(),
            marked: Mutex::default(),
            clean: None,
        }
    }

    /// The same, which leaves out objects that are known to have nothing in them, and keeps which others have nothing.
    pub(super) fn knowing(self, clean: IdSet) -> Self {
        Self { clean: Some((clean, Mutex::default())), ..self }
    }

    /// What was known, and the objects besides in which nothing was found.
    pub(super) fn take_clean(&self) -> Option<(&IdSet, Vec<ObjectId>)> {
        let (known, new) = self.clean.as_ref()?;
        Some((known, std::mem::take(&mut new.lock().unwrap_or_else(PoisonError::into_inner))))
    }

    /// The objects that have secrets.
    pub(super) fn take_marked(&self) -> HashMap<ObjectId, Marked> {
        std::mem::take(&mut self.marked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The mark of a secret: the same whether it is in a [`Secret`](crate::model::Secret) or still bytes of a text.
    pub(super) fn mark(&self, sighting: &Sighting) -> Mark {
        Mark { rule: sighting.rule, digest: self.hasher.hash_one(&sighting.secret) }
    }

    /// Every secret of an object's content, with its place, and how many more there were no `room` for; `path` is what
    /// reports call it.
    pub(super) fn sightings(
        &self,
        content: &mut impl Source,
        size: u64,
        path: &Untrusted,
        room: &AtomicUsize,
    ) -> (Vec<Sighting>, u64) {
        self.with_scratch(|scratch| {
            let mut file = FileScan::new(self.detector, path, self.threshold, scratch, room);
            // What comes from memory cannot fail; a stream that does is a gap of whoever made it.
            let _ = Reader::new(MARGINS).read(content, Some(size), |part| file.part(&part));
            (file.sightings, file.dropped)
        })
    }

    fn with_scratch<T>(&self, work: impl FnOnce(&mut FileScratch) -> T) -> T {
        let pool = || self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = pool().pop().unwrap_or_default();
        let done = work(&mut scratch);
        pool().push(scratch);
        done
    }

    fn keep(&self, id: ObjectId, kind: ObjectKind, mut marks: Vec<Mark>) {
        marks.sort_unstable();
        marks.dedup();
        if !marks.is_empty() {
            self.marked.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Marked { kind, marks });
        }
    }

    /// The marks of a short text.
    pub(super) fn marks_of_text(&self, text: &[u8]) -> Vec<Mark> {
        self.marks_of(&mut &*text, text.len() as u64)
    }

    /// The marks of a content, read as a file is.
    fn marks_of(&self, content: &mut impl Source, size: u64) -> Vec<Mark> {
        let (sightings, _) = self.sightings(content, size, &Untrusted::new(b""), &AtomicUsize::new(self.max_matches));
        sightings.iter().filter(|s| s.confidence >= self.threshold).map(|s| self.mark(s)).collect()
    }
}

impl Visitor for Search<'_> {
    type State = Anchors;

    fn wants(&self, kind: ObjectKind) -> bool {
        kind != ObjectKind::Tree
    }

    fn known(&self) -> Option<&IdSet> {
        self.clean.as_ref().map(|(known, _)| known)
    }

    fn visit(&self, object: &Object<'_>, base: Option<(&Anchors, &[Copied])>) -> Anchors {
        let anchors = self.with_scratch(|scratch| self.deltas.scan(object.bytes, base, &mut scratch.detect));
        let sure = anchors.candidates().filter(|c| c.confidence >= self.threshold);
        let mark = |c: &Candidate| {
            let secret = object.bytes.get(c.secret.clone())?;
            Some(Mark { rule: c.rule, digest: self.hasher.hash_one(secret) })
        };
        let mut marks: Vec<Mark> = sure.filter_map(mark).collect();
        // Text of wide characters is read apart: a reading of the whole, since its base may be of another encoding.
        if object.kind == ObjectKind::Blob && memchr::memchr(0, object.bytes).is_some() {
            marks.extend(self.marks_of(&mut &*object.bytes, object.bytes.len() as u64));
        }
        if let Some((_, clean)) = self.clean.as_ref().filter(|_| marks.is_empty()) {
            clean.lock().unwrap_or_else(PoisonError::into_inner).push(object.id);
        }
        self.keep(object.id, object.kind, marks);
        anchors
    }

    fn large(&self, id: ObjectId, kind: ObjectKind, size: u64, content: &mut dyn Read) {
        self.keep(id, kind, self.marks_of(&mut Stream(content), size));
    }
}

/// What is read once, from its start to its end.
pub(super) struct Stream<'r>(pub(super) &'r mut dyn Read);

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Source for Stream<'_> {}

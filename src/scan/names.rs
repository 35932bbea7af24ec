//! Secrets in the names of files and directories.

use std::collections::HashSet;
use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, PoisonError};

use super::file::{FileScan, FileScratch, MARGINS};
use super::paths;
use super::sighting::Sighting;
use crate::detect::Detector;
use crate::model::{Confidence, Part, Untrusted};
use crate::sources::Reader;

/// Searches the names of a scan's paths: a directory's once, however many files it has.
pub(super) struct Names<'a> {
    pub(super) detector: &'a Detector<'a>,
    pub(super) threshold: Confidence,
    /// How many more matches the scan may keep.
    pub(super) room: &'a AtomicUsize,
    /// Directories whose names may have secrets and were searched.
    pub(super) searched: Mutex<HashSet<Box<[u8]>>>,
}

impl Names<'_> {
    /// The secrets in the names that a path has from the byte `above` on: of each name apart, since a secret does not go
    /// on in the next.
    pub(super) fn of(&self, path: &Untrusted, above: usize, scratch: &mut FileScratch) -> Vec<Vec<Sighting>> {
        let raw = path.raw();
        let mut hits = std::mem::take(&mut scratch.hits);
        hits.clear();
        self.detector.hits(raw.get(above..).unwrap_or_default(), &mut scratch.detect, &mut hits);
        let mut ends: Vec<usize> = hits.iter().map(|hit| end(raw, above + hit.start as usize)).collect();
        scratch.hits = hits;
        ends.sort_unstable();
        ends.dedup();
        let found =
            ends.into_iter().map(|end| self.name(raw.get(..end).unwrap_or_default(), end == raw.len(), scratch));
        found.filter(|found| !found.is_empty()).collect()
    }

    /// The secrets in the last name of a path.
    fn name(&self, path: &[u8], is_file: bool, scratch: &mut FileScratch) -> Vec<Sighting> {
        let searched = || self.searched.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_file && !searched().insert(path.into()) {
            return Vec::new();
        }
        let start = path.iter().rposition(|b| *b == b'/').map_or(0, |slash| slash + 1);
        let name = path.get(start..).unwrap_or_default();
        let shown = Untrusted::new(path);
        let mut scan = FileScan::new(self.detector, &shown, self.threshold, scratch, self.room);
        // Reading from memory does not fail.
        let _ = Reader::new(MARGINS).read(&mut &*name, Some(name.len() as u64), |part| scan.part(&part));
        let mut sightings = scan.sightings;
        let in_test = paths::is_test(path);
        for sighting in &mut sightings {
            sighting.in_test = in_test;
            let parts = sighting.parts.iter_mut().map(|part| &mut part.location);
            parts.chain([&mut sighting.location]).for_each(|location| location.part = Part::FileName);
        }
        sightings
    }
}

/// Where the name ends that a byte of a path is in.
fn end(path: &[u8], at: usize) -> usize {
    let rest = path.get(at..).unwrap_or_default();
    at + memchr::memchr(b'/', rest).unwrap_or(rest.len())
}

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
pub(super) struct PathNames<'a> {
    detector: &'a Detector<'a>,
    threshold: Confidence,
    /// Directories whose names may have secrets and were searched.
    searched: Mutex<HashSet<Box<[u8]>>>,
}

impl<'a> PathNames<'a> {
    pub(super) fn new(detector: &'a Detector<'a>, threshold: Confidence) -> Self {
        Self { detector, threshold, searched: Mutex::default() }
    }

    /// The secrets in the names that a path has from the byte `above` on: of each name apart, since a secret does not go
    /// on in the next. There is `room` for so many matches more.
    pub(super) fn of(
        &self,
        path: &Untrusted,
        above: usize,
        room: &AtomicUsize,
        scratch: &mut FileScratch,
    ) -> Vec<Vec<Sighting>> {
        let raw = path.raw();
        let from = Self::unseen(raw, above, scratch);
        let mut hits = std::mem::take(&mut scratch.hits);
        hits.clear();
        self.detector.hits(raw.get(from..).unwrap_or_default(), &mut scratch.detect, &mut hits);
        let mut ends: Vec<usize> = hits.iter().map(|hit| end(raw, from + hit.start as usize)).collect();
        scratch.hits = hits;
        ends.sort_unstable();
        ends.dedup();
        let paths = ends.into_iter().filter_map(|end| raw.get(..end));
        let new = paths.filter(|path| path.len() == raw.len() || self.is_new(path));
        new.map(|path| self.name(path, room, scratch)).filter(|found| !found.is_empty()).collect()
    }

    /// Where what is to be looked at begins: behind the directory, if this thread's last file was in it too.
    fn unseen(raw: &[u8], above: usize, scratch: &mut FileScratch) -> usize {
        let name = memchr::memrchr(b'/', raw).map_or(0, |slash| slash + 1).max(above);
        let directory = raw.get(..name).unwrap_or_default();
        let (known, known_above) = &mut scratch.directory;
        if *known_above == above && known == directory {
            return name;
        }
        *known_above = above;
        known.clear();
        known.extend_from_slice(directory);
        above
    }

    /// Whether a directory was not searched yet.
    fn is_new(&self, path: &[u8]) -> bool {
        self.searched.lock().unwrap_or_else(PoisonError::into_inner).insert(path.into())
    }

    /// The secrets in the last name of a path.
    fn name(&self, path: &[u8], room: &AtomicUsize, scratch: &mut FileScratch) -> Vec<Sighting> {
        let start = path.iter().rposition(|b| *b == b'/').map_or(0, |slash| slash + 1);
        let name = path.get(start..).unwrap_or_default();
        let shown = Untrusted::new(path);
        let mut scan = FileScan::new(self.detector, &shown, self.threshold, scratch, room);
        // Reading from memory does not fail.
        let _ = Reader::new(MARGINS).read(&mut &*name, Some(name.len() as u64), |part| scan.part(&part));
        let mut sightings = scan.sightings;
        let in_test = paths::is_test(path);
        for sighting in &mut sightings {
            sighting.in_test = in_test;
            sighting.locations().for_each(|location| location.part = Part::FileName);
        }
        sightings
    }
}

/// Where the name ends that a byte of a path is in.
fn end(path: &[u8], at: usize) -> usize {
    let rest = path.get(at..).unwrap_or_default();
    at + memchr::memchr(b'/', rest).unwrap_or(rest.len())
}

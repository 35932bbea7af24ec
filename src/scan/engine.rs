//! Runs a scan: every target, on every thread, into one report.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::conceal::{conceal, conceal_paths, conceal_uses};
use super::consumers::{Consumed, Consuming, Consumption, joined, placed};
use super::file::{FileScan, FileScratch, MARGINS};
use super::includes::included;
use super::names::PathNames;
use super::sighting::Sighting;
use super::{join, paths};
use crate::detect::Detector;
use crate::model::usage::Consumers;
use crate::model::{Confidence, Coverage, FingerprintKey, GapKind, Report, Untrusted, counted, system_words};
use crate::rules::{Rule, RuleSet};
use crate::sources::{Entry, Options, Reader, Source, Visit, walk};
use crate::uses;

/// How many matches a scan keeps unless told otherwise: joined and written, they take less than half a gibibyte. A tree
/// with more is made to have them.
pub const MAX_MATCHES: usize = 600_000;

/// What to scan.
pub enum Target {
    /// A file or directory.
    Path(PathBuf),
    /// A stream, with the name that reports give it.
    Stream(Box<dyn Read + Send>, Untrusted),
}

/// How to scan.
pub struct ScanOptions<'a> {
    /// The rules.
    pub rules: &'a RuleSet,
    /// Which of them are looked for.
    pub enable: &'a (dyn Fn(&Rule) -> bool + Sync),
    /// Findings below this confidence are counted, not reported.
    pub confidence: Confidence,
    /// The key of fingerprints.
    pub key: &'a FingerprintKey,
    /// Threads; at least one.
    pub threads: usize,
    /// The time, in seconds since 1970 UTC, that expiry is judged by.
    pub now: i64,
    /// How many matches are kept; more are counted, and a gap.
    pub max_matches: usize,
    /// What becomes of places with a marker on their line, such as `quell:allow`.
    pub markers: Markers,
    /// What of trees is walked.
    pub walk: Options,
    /// Of which files it is asked who uses what in them.
    pub consumers: Consumption,
}

/// Whether markers hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Markers {
    /// They hold: what they allow is counted and left out.
    #[default]
    Hold,
    /// They are refused and counted.
    Refused,
    /// They do not hold for what a change brings in, since it could bring them in too; and they are counted.
    OfChange,
}

/// How far a scan has come; read by whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Files read.
    pub files: AtomicU64,
    /// Bytes read.
    pub bytes: AtomicU64,
}

/// Scans the targets and joins what was found.
#[must_use]
pub fn scan(targets: Vec<Target>, options: &ScanOptions<'_>, progress: &Progress) -> Report {
    let detector = detector(options);
    let workers = (0..options.threads.max(1)).map(|_| Mutex::new(Worker::default())).collect();
    let mut scanner = Scanner {
        detector: &detector,
        workers,
        threshold: looked_for(options),
        names: PathNames::new(&detector, looked_for(options)),
        room: AtomicUsize::new(options.max_matches),
        progress,
        consumers: options.consumers,
        forced: None,
    };
    let (mut coverage, mut consumed) = (Coverage::default(), Vec::new());
    for target in targets {
        match target {
            Target::Path(path) => {
                coverage.merge(on_threads(&path, options, &scanner));
                consumed.extend(scanner.taken_in(&path, options, &mut coverage));
            }
            Target::Stream(mut stream, name) => {
                scanner.stream(&mut stream, None, (&name, 0), &mut coverage);
            }
        }
    }
    let (mut files, mut below) = (Vec::new(), 0);
    for worker in scanner.workers {
        let worker = worker.into_inner().unwrap_or_else(PoisonError::into_inner);
        files.extend(worker.files);
        consumed.extend(worker.consumed);
        below += worker.below;
    }
    let mut report = report(options, files, below, coverage);
    if options.consumers != Consumption::Nothing {
        let (consumers, doors) = joined(consumed, options.key);
        placed(&mut report.findings, &consumers);
        report.findings.extend(doors.into_iter().filter(|door| door.confidence >= options.confidence));
        report.consumers = consumers;
        report.sort();
        conceal_paths(&mut report);
    }
    report
}

/// The detector of the rules that are asked for. A rule whose best is below the threshold is not run, and neither is one
/// that is not asked for, unless another rule joins it.
pub(super) fn detector<'a>(options: &ScanOptions<'a>) -> Detector<'a> {
    let asked = options.rules.rules.iter().filter(|rule| (options.enable)(rule));
    let joined: HashSet<&str> = asked.flat_map(|rule| rule.companions.iter().map(|c| c.rule.as_ref())).collect();
    Detector::new(options.rules, |rule| {
        joined.contains(rule.id.as_ref()) || ((options.enable)(rule) && rule.confidence >= looked_for(options))
    })
}

/// How sure a match must be to be kept until all are joined. Where it is asked who uses what, names of jobs and steps are shown:
/// what may be a secret is looked for, so that none stands in them, though it be reported nowhere.
fn looked_for(options: &ScanOptions<'_>) -> Confidence {
    match options.consumers {
        Consumption::Nothing => options.confidence,
        Consumption::Pipelines | Consumption::Everything => options.confidence.min(Confidence::Medium),
    }
}

/// Joins what was found in all files into a report; `below` were doubtful and only counted.
pub(super) fn report(
    options: &ScanOptions<'_>,
    files: Vec<Vec<Sighting>>,
    below: u64,
    mut coverage: Coverage,
) -> Report {
    let (found, allowed) = join::findings(options, files);
    let (findings, below_confidence) = join::above(found, options.confidence);
    allowed.tell(options.markers, &mut coverage);
    coverage.sort();
    let rules = options.rules.rules.iter().filter(|r| (options.enable)(r)).count() as u64;
    let below_confidence = below_confidence + below;
    let mut report = Report {
        findings,
        below_confidence,
        suppressed: allowed.findings,
        suppressions: Vec::new(),
        markers: allowed.held(options.markers),
        rules,
        coverage,
        consumers: Consumers::default(),
    };
    conceal(&mut report);
    report
}

/// Walks a path on a pool of threads; a single file, or a single thread, needs none.
fn on_threads(path: &Path, options: &ScanOptions<'_>, scanner: &Scanner<'_>) -> Coverage {
    if path.is_file() {
        return walk(path, &options.walk, scanner);
    }
    match rayon::ThreadPoolBuilder::new().num_threads(options.threads.max(1)).build() {
        Ok(pool) => pool.install(|| walk(path, &options.walk, scanner)),
        Err(e) => {
            let mut coverage = Coverage::default();
            coverage.gap(GapKind::Internal, &Untrusted::from("<threads>"), format!("the system gave no threads: {e}"));
            coverage
        }
    }
}

/// What one thread has: its buffers, and what it found.
#[derive(Default)]
struct Worker {
    scratch: FileScratch,
    reader: Option<Reader>,
    files: Vec<Vec<Sighting>>,
    /// Doubtful matches that were counted alone.
    below: u64,
    /// Who uses what in its files.
    consumed: Vec<Consumed>,
}

struct Scanner<'a> {
    detector: &'a Detector<'a>,
    workers: Vec<Mutex<Worker>>,
    threshold: Confidence,
    names: PathNames<'a>,
    room: AtomicUsize,
    progress: &'a Progress,
    consumers: Consumption,
    /// Who reads the files that are walked, whatever their names.
    forced: Option<&'static uses::Reader>,
}

impl Scanner<'_> {
    /// Reads the files that pipelines take in and that were not read as such, until there are no more.
    fn taken_in(&mut self, root: &Path, options: &ScanOptions<'_>, coverage: &mut Coverage) -> Vec<Consumed> {
        if self.consumers == Consumption::Nothing {
            return Vec::new();
        }
        let (mut known, mut all) = (BTreeSet::new(), Vec::new());
        let root = if root.is_file() { root.parent().unwrap_or(root) } else { root };
        loop {
            let new = self.consumed();
            let path = |one: &Consumed| Some(PathBuf::from(OsStr::from_bytes(one.path.as_ref()?.raw())));
            known.extend(new.iter().filter_map(path));
            let more = included(root, &new, &mut known, coverage);
            all.extend(new);
            if more.is_empty() {
                return all;
            }
            for (file, reader) in more {
                self.forced = Some(reader);
                coverage.merge(walk(&file, &options.walk, self));
            }
            self.forced = None;
        }
    }

    /// Takes what the threads have read so far.
    fn consumed(&mut self) -> Vec<Consumed> {
        let of = |worker: &mut Mutex<Worker>| {
            std::mem::take(&mut worker.get_mut().unwrap_or_else(PoisonError::into_inner).consumed)
        };
        self.workers.iter_mut().flat_map(of).collect()
    }

    /// Searches the names of a path.
    fn names(&self, path: &Untrusted, above: usize) {
        let index = rayon::current_thread_index().unwrap_or(0);
        let Some(worker) = self.workers.get(index) else { return };
        let mut worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self.names.of(path, above, &self.room, &mut worker.scratch);
        worker.files.extend(found);
    }

    /// Scans what a file or stream has. `path` comes with how much of it says where the target is, and so nothing of
    /// what lies there. Says whether it was one of those that are asked for; nothing is kept of what was not.
    fn stream(
        &self,
        source: &mut impl Source,
        size: Option<u64>,
        (path, above): (&Untrusted, usize),
        coverage: &mut Coverage,
    ) -> bool {
        let mut consuming = Consuming::of(self.consumers, path, above, self.forced);
        if self.consumers == Consumption::Pipelines && consuming.is_none() {
            return false;
        }
        let index = rayon::current_thread_index().unwrap_or(0);
        let Some(worker) = self.workers.get(index) else { return false };
        let mut worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
        let Worker { scratch, reader, files, below, consumed } = &mut *worker;
        let mut file = FileScan::new(self.detector, path, self.threshold, scratch, &self.room);
        let outcome = reader.get_or_insert_with(|| Reader::new(MARGINS)).read(source, size, |part| {
            file.part(&part);
            consuming.iter_mut().for_each(|consuming| consuming.part(&part));
        });
        if outcome.is_ok() && consuming.as_ref().is_some_and(|consuming| !consuming.is_asked()) {
            self.room.fetch_add(file.sightings.len(), Ordering::Relaxed);
            return false;
        }
        let mut told = consuming.map(|consuming| consuming.done(coverage));
        if let Some(told) = told.as_mut().filter(|_| !file.sightings.is_empty()) {
            conceal_uses(told, &file.sightings, &self.detector.rules().rules);
        }
        consumed.extend(told);
        *below += file.below;
        dropped(file.dropped, path, coverage);
        let mut sightings = file.sightings;
        if !sightings.is_empty() {
            let in_test = paths::is_test(path.raw().get(above..).unwrap_or_default());
            sightings.iter_mut().for_each(|s| s.in_test = in_test);
            files.push(sightings);
        }
        match outcome {
            Ok(bytes) => self.read(bytes, size, path, coverage),
            Err(e) => coverage.gap(GapKind::Unreadable, path, format!("reading stopped: {}", system_words(&e))),
        }
        true
    }

    /// Counts a file that was read.
    fn read(&self, bytes: u64, size: Option<u64>, path: &Untrusted, coverage: &mut Coverage) {
        coverage.files += 1;
        coverage.bytes += bytes;
        self.progress.files.fetch_add(1, Ordering::Relaxed);
        self.progress.bytes.fetch_add(bytes, Ordering::Relaxed);
        if size.is_some_and(|expected| bytes < expected) {
            coverage.gap(GapKind::Changed, path, "it was shortened while the scan read it");
        }
    }
}

/// Says that matches were not kept for want of room.
pub(super) fn dropped(matches: u64, path: &Untrusted, coverage: &mut Coverage) {
    if matches > 0 {
        let more = counted(matches, "match", "matches");
        let why =
            format!("{more} in it were not kept, since there are too many; take away what is found, and scan again");
        coverage.gap(GapKind::OverBudget, path, why);
    }
}

impl Visit for Scanner<'_> {
    fn file(&self, mut entry: Entry, coverage: &mut Coverage) {
        // A fault in one file costs that file, and is said.
        let scanned = catch_unwind(AssertUnwindSafe(|| {
            if self.stream(&mut entry.file, Some(entry.size), (&entry.path, entry.above), coverage) {
                self.names(&entry.path, entry.above);
            }
        }));
        if scanned.is_err() {
            coverage.gap(GapKind::Internal, &entry.path, "quell itself failed on it; please report this");
        }
    }
}

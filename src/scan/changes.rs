//! Scans what a change brings in: the staged content of changed files, and each commit of a range.
//!
//! A changed file is scanned whole, so that every match is decided with its surroundings, and what stands in lines that
//! the change did not make is left out afterwards. Lines are compared only where something was found.

use std::collections::HashSet;
use std::hash::RandomState;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::engine::{self, Progress, ScanOptions};
use super::file::{FileScan, FileScratch, MARGINS};
use super::names::PathNames;
use super::paths;
use super::sighting::Sighting;
use super::touched::{Moves, Touched};
use crate::detect::Detector;
use crate::model::{CommitRef, Coverage, GapKind, ObjectId, Part, Report, SkipReason, Untrusted};
use crate::sources::Reader;
use crate::sources::git::changes::{
    Change, Changes, ChangesError, Commit, Index, Lines, Objects, Range, Walked, changed, expand, hash,
    staged as staged_changes, walk,
};
use crate::sources::git::refs::Names;
use crate::sources::git::{ObjectKind, Repository};

/// What a scan of changes found, and the commit whose suppressions count: what was there before.
#[derive(Debug)]
pub struct Outcome {
    /// What was found.
    pub report: Report,
    /// The commit that the change goes on from; none before the first.
    pub base: Option<ObjectId>,
}

/// What a push brings beside commits.
#[derive(Clone, Debug)]
pub enum Arrived {
    /// An annotated tag's own text.
    Tag(ObjectId),
    /// A tree or a file that a ref names outright.
    Object(ObjectId, ObjectKind),
}

/// Scans what an index has that `HEAD` has not; in a merge, what none of the merged commits has.
///
/// # Errors
/// Where the index cannot be read.
pub fn staged(
    objects: &Objects<'_>,
    index: &Path,
    options: &ScanOptions<'_>,
    progress: &Progress,
) -> Result<Outcome, ChangesError> {
    let index = read_index(index, objects.repository())?;
    let detector = engine::detector(options);
    let mut scan = ChangeScan::new(objects, &detector, options, progress);
    let names = names(objects.repository(), &mut scan.coverage);
    let head = names.target(b"HEAD");
    let commits = head.into_iter().chain(names.heads(b"MERGE_HEAD"));
    let mut bases = Vec::new();
    for id in commits {
        match objects.commit(&id) {
            Ok(commit) => bases.push(commit.tree),
            Err(e) => scan.fault(&e.of(&id)),
        }
    }
    if head.is_none() || !bases.is_empty() {
        let mut faults = Vec::new();
        let changes = staged_changes(objects, &index, &bases, &mut faults);
        faults.iter().for_each(|fault| scan.fault(fault));
        scan.change(&changes, None);
    }
    Ok(Outcome { report: scan.end(), base: head })
}

pub(super) fn read_index(file: &Path, repository: &Repository) -> Result<Index, ChangesError> {
    let index = Index::read(file, repository.git_dir(), repository.format());
    index.map_err(|why| ChangesError::Unreadable { what: file.display().to_string(), why })
}

/// The refs of a repository, of which `HEAD` alone is asked for: what is wrong with others is said where it is not found.
pub(super) fn names(repository: &Repository, coverage: &mut Coverage) -> Names {
    let mut of_refs = Coverage::default();
    let names = Names::read(repository.git_dir(), repository.common_dir(), &mut of_refs);
    if names.target(b"HEAD").is_none() {
        coverage.merge(of_refs);
    }
    names
}

/// Scans what each commit of ranges brings in against its parents, with its message and its head.
#[must_use]
pub fn range(objects: &Objects<'_>, ranges: &[Range], options: &ScanOptions<'_>, progress: &Progress) -> Outcome {
    pushed(objects, (ranges, &[]), options, progress)
}

/// Scans ranges, and what else a push brings.
#[must_use]
pub fn pushed(
    objects: &Objects<'_>,
    (ranges, arrived): (&[Range], &[Arrived]),
    options: &ScanOptions<'_>,
    progress: &Progress,
) -> Outcome {
    let detector = engine::detector(options);
    let mut scan = ChangeScan::new(objects, &detector, options, progress);
    let (mut base, mut seen) = (None, HashSet::new());
    for range in ranges {
        let walked = walk(objects, range);
        base = base.or(walked.base);
        scan.commits(walked, &mut seen);
    }
    for item in arrived {
        scan.arrived(item);
    }
    Outcome { report: scan.end(), base }
}

/// A scan of changes on its way.
pub(super) struct ChangeScan<'a, 'r> {
    pub(super) objects: &'a Objects<'r>,
    options: &'a ScanOptions<'a>,
    detector: &'a Detector<'a>,
    progress: &'a Progress,
    reader: Reader,
    scratch: FileScratch,
    names: PathNames<'a>,
    /// The key of lines' hashes.
    pub(super) state: RandomState,
    /// Contents in which nothing was found, as source code and as other text.
    clean: HashSet<(ObjectId, bool)>,
    pub(super) files: Vec<Vec<Sighting>>,
    below: u64,
    /// How many more matches are kept.
    room: AtomicUsize,
    pub(super) coverage: Coverage,
}

impl<'a, 'r> ChangeScan<'a, 'r> {
    pub(super) fn new(
        objects: &'a Objects<'r>,
        detector: &'a Detector<'a>,
        options: &'a ScanOptions<'a>,
        progress: &'a Progress,
    ) -> Self {
        Self {
            objects,
            options,
            detector,
            progress,
            reader: Reader::new(MARGINS),
            scratch: FileScratch::default(),
            names: PathNames::new(detector, options.confidence),
            state: RandomState::new(),
            clean: HashSet::new(),
            files: Vec::new(),
            below: 0,
            room: AtomicUsize::new(options.max_matches),
            coverage: Coverage::default(),
        }
    }

    pub(super) fn end(mut self) -> Report {
        self.objects.report(&mut self.coverage);
        engine::report(self.options, self.files, self.below, self.coverage)
    }

    /// Records what could not be read of the repository itself.
    pub(super) fn fault(&mut self, why: &str) {
        self.coverage.gap(GapKind::Unreadable, &Untrusted::from("<repository>"), why);
    }

    /// Scans the commits of a range, each once however many ranges have it.
    fn commits(&mut self, walked: Walked, seen: &mut HashSet<ObjectId>) {
        walked.faults.iter().for_each(|fault| self.fault(fault));
        for commit in walked.commits {
            if !seen.insert(commit.id) {
                continue;
            }
            self.text("<commit message>", Part::Commit, commit.message(), Some(&commit.reference));
            self.text("<commit head>", Part::Commit, commit.head(), Some(&commit.reference));
            if walked.shallow.contains(&commit.id) {
                let why = "the repository is shallow here, so that what this commit brings in is not known: fetch what is before it (`git fetch --unshallow`)";
                let place = Untrusted::from(format!("<commit {}>", commit.id).as_str());
                self.coverage.gap(GapKind::Unreadable, &place, why);
                continue;
            }
            self.commit(&commit);
        }
    }

    fn commit(&mut self, commit: &Commit) {
        let mut parents = Vec::new();
        for id in &commit.parents {
            match self.objects.commit(id) {
                Ok(parent) => parents.push(parent.tree),
                Err(e) => {
                    let why = format!("what commit {} brings in is not known: {}", commit.id, e.of(id));
                    return self.fault(&why);
                }
            }
        }
        let mut faults = Vec::new();
        let changes = changed(self.objects, &parents, &commit.tree, &mut faults);
        faults.iter().for_each(|fault| self.fault(&format!("in commit {}, {fault}", commit.id)));
        self.change(&changes, Some(&commit.reference));
    }

    /// Scans what a push brings beside commits.
    fn arrived(&mut self, item: &Arrived) {
        match item {
            Arrived::Tag(id) => match self.objects.read_as(id, ObjectKind::Tag) {
                Ok(text) => self.text(&format!("<tag {id}>"), Part::Tag, &text, None),
                Err(e) => self.fault(&e.of(id)),
            },
            Arrived::Object(id, ObjectKind::Tree) => {
                let mut faults = Vec::new();
                let changes = changed(self.objects, &[], id, &mut faults);
                faults.iter().for_each(|fault| self.fault(fault));
                self.change(&changes, None);
            }
            Arrived::Object(id, _) => {
                let path = format!("<object {id}>").into_bytes().into();
                let made = vec![Change { path, new: *id, old: Vec::new(), submodule: false }];
                self.change(&Changes { made, gone: Vec::new() }, None);
            }
        }
    }

    /// Scans a text that is no file.
    fn text(&mut self, name: &str, part: Part, text: &[u8], commit: Option<&Arc<CommitRef>>) {
        let mut found = self.detect(name.as_bytes(), text, commit);
        found.iter_mut().flat_map(Sighting::locations).for_each(|location| location.part = part);
        if !found.is_empty() {
            self.files.push(found);
        }
    }

    /// Scans what one change made, and keeps what stands in the lines that it made.
    pub(super) fn change(&mut self, changes: &Changes, commit: Option<&Arc<CommitRef>>) {
        let mut open = Vec::new();
        for change in &changes.made {
            let Some((bytes, sightings)) = self.made(change, commit) else { continue };
            if sightings.is_empty() {
                continue;
            }
            let lines = self.lines(change, &bytes);
            if lines.iter().all(|lines| !lines.made.is_empty()) {
                open.push(Touched { sightings, lines });
            }
        }
        if open.is_empty() {
            return;
        }
        let moves: Vec<Moves> = (0..changes.gone.len()).map(|parent| self.moves(changes, parent)).collect();
        self.files.extend(open.into_iter().map(|touched| touched.judge(&moves)));
    }

    /// Reads and scans a file that a change made; nothing where it is left out or cannot be read.
    fn made(&mut self, change: &Change, commit: Option<&Arc<CommitRef>>) -> Option<(Arc<Vec<u8>>, Vec<Sighting>)> {
        let path = Untrusted::new(&change.path);
        if change.submodule {
            self.coverage.skip(SkipReason::Submodule, &path, true);
            return None;
        } else if self.options.walk.filter.leaves_out_named_file(&change.path) {
            self.coverage.skip(SkipReason::Excluded, &path, false);
            return None;
        }
        if change.old.iter().all(Option::is_none) {
            self.named(&change.path, commit);
        }
        let known = (change.new, paths::is_code(&change.path));
        if self.clean.contains(&known) {
            return None;
        }
        match self.objects.read_as(&change.new, ObjectKind::Blob) {
            Ok(bytes) => {
                let sightings = self.detect(&change.path, &bytes, commit);
                if sightings.is_empty() {
                    self.clean.insert(known);
                }
                Some((bytes, sightings))
            }
            Err(e) => {
                self.coverage.gap(e.kind(), &path, e.of(&change.new));
                None
            }
        }
    }

    /// Finds what the names of a path hold that is new.
    pub(super) fn named(&mut self, path: &[u8], commit: Option<&Arc<CommitRef>>) {
        let mut found = self.names.of(&Untrusted::new(path), 0, &self.room, &mut self.scratch);
        found.iter_mut().flatten().flat_map(Sighting::locations).for_each(|at| at.commit = commit.cloned());
        self.files.extend(found);
    }

    /// The lines of a file against each parent; where what was there before cannot be read, all of them are new.
    fn lines(&self, change: &Change, new: &[u8]) -> Vec<Lines> {
        let old = |id: &Option<ObjectId>| id.and_then(|id| self.objects.read_as(&id, ObjectKind::Blob).ok());
        let lines = |id| match old(id) {
            Some(old) => Lines::between(&old, new, &self.state),
            None => Lines { made: Lines::of(new, &self.state), gone: Vec::new() },
        };
        change.old.iter().map(lines).collect()
    }

    /// How often each line was made and taken away, in the whole change against one parent.
    fn moves(&self, changes: &Changes, parent: usize) -> Moves {
        let mut moves = Moves::default();
        for change in changes.made.iter().filter(|c| !c.submodule) {
            let Some(old) = change.old.get(parent) else { continue };
            let new = self.objects.read_as(&change.new, ObjectKind::Blob).unwrap_or_default();
            let one = Change { old: vec![*old], ..change.clone() };
            self.lines(&one, &new).iter().for_each(|lines| moves.count(lines));
        }
        expand(self.objects, changes.gone.get(parent).map_or(&[], Vec::as_slice), &mut |id| self.gone(id, &mut moves));
        moves
    }

    /// Counts the lines of a file that was taken away.
    pub(super) fn gone(&self, id: &ObjectId, moves: &mut Moves) {
        let old = self.objects.read_as(id, ObjectKind::Blob).unwrap_or_default();
        old.split_inclusive(|b| *b == b'\n').for_each(|line| moves.gone(hash(&self.state, line)));
    }

    /// Finds what a content holds. A fault costs this content alone, and is said.
    pub(super) fn detect(&mut self, path: &[u8], bytes: &[u8], commit: Option<&Arc<CommitRef>>) -> Vec<Sighting> {
        let path = Untrusted::new(path);
        let Self { reader, scratch, detector, options, room, .. } = self;
        let found = catch_unwind(AssertUnwindSafe(|| {
            let mut file = FileScan::new(detector, &path, options.confidence, scratch, room);
            let size = Some(bytes.len() as u64);
            // Reading from memory does not fail.
            let _ = reader.read(&mut &bytes[..], size, |part| file.part(&part));
            (file.sightings, file.below, file.dropped)
        }));
        let Ok((mut sightings, below, dropped)) = found else {
            self.coverage.gap(GapKind::Internal, &path, "quell itself failed on it; please report this");
            return Vec::new();
        };
        self.below += below;
        engine::dropped(dropped, &path, &mut self.coverage);
        let in_test = paths::is_test(path.raw());
        for sighting in &mut sightings {
            sighting.in_test = in_test;
            sighting.locations().for_each(|at| at.commit = commit.cloned());
        }
        self.coverage.files += 1;
        self.coverage.bytes += bytes.len() as u64;
        self.progress.files.fetch_add(1, Ordering::Relaxed);
        self.progress.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        sightings
    }
}

//! Scans what of a work tree is not staged: files that differ from the index, and untracked ones.
//!
//! The walk is that of any scan, so that nothing is followed out of the tree, and git's filters play no part: a file
//! whose size and times are those in the index is not read, and any other is compared as it lies there.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::changes::{ChangeScan, Outcome, names, read_index};
use super::engine::{self, Progress, ScanOptions};
use super::touched::{Moves, Touched};
use crate::model::{Coverage, GapKind, ObjectId, Untrusted};
use crate::sources::git::ObjectKind;
use crate::sources::git::changes::{ChangesError, Index, IndexEntry, Lines, Objects};
use crate::sources::{Entry, Visit, walk};

/// The largest file that is compared with the index.
const LARGEST: u64 = 128 << 20;

/// Scans the files of a work tree that the index does not have so.
///
/// # Errors
/// Where there is no work tree, or the index cannot be read.
pub fn unstaged(
    objects: &Objects<'_>,
    file: &Path,
    options: &ScanOptions<'_>,
    progress: &Progress,
) -> Result<Outcome, ChangesError> {
    let repository = objects.repository();
    let root = repository.location().work_tree.as_deref();
    let root = root.ok_or_else(|| ChangesError::Bare(repository.git_dir().display().to_string()))?;
    let index = read_index(file, repository)?;
    let written = file.metadata().map_or((0, 0), |m| (m.mtime(), m.mtime_nsec()));
    let detector = engine::detector(options);
    let mut scan = ChangeScan::new(objects, &detector, options, progress);
    let base = names(repository, &mut scan.coverage).target(b"HEAD");
    let visitor = Visitor {
        prefix: [root.as_os_str().as_bytes(), b"/"].concat(),
        by_path: index.entries.iter().filter(|e| matches!(e.stage, 0 | 2)).map(|e| (index.path(e), e)).collect(),
        written,
        inner: Mutex::new(Inner { scan, open: Vec::new(), moves: Moves::default(), seen: HashSet::new() }),
    };
    let coverage = match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
        Ok(pool) => pool.install(|| walk(root, &options.walk, &visitor)),
        Err(e) => {
            let mut coverage = Coverage::default();
            coverage.gap(GapKind::Internal, &Untrusted::from("<threads>"), format!("the system gave no threads: {e}"));
            coverage
        }
    };
    let Inner { mut scan, open, mut moves, seen } = visitor.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
    scan.coverage.merge(coverage);
    if !open.is_empty() {
        for id in missing(&index, root, &seen) {
            scan.gone(&id, &mut moves);
        }
    }
    let moves = [moves];
    scan.files.extend(open.into_iter().map(|touched| touched.judge(&moves)));
    Ok(Outcome { report: scan.end(), base })
}

/// What the index has of files that are not in the work tree any more.
fn missing(index: &Index, root: &Path, seen: &HashSet<Box<[u8]>>) -> Vec<ObjectId> {
    let left = index.entries.iter().filter(|e| !seen.contains(index.path(e)) && e.mode & 0o170_000 == 0o100_000);
    let path = |e: &IndexEntry| -> PathBuf { root.join(std::ffi::OsStr::from_bytes(index.path(e))) };
    left.filter(|e| path(e).symlink_metadata().is_err()).map(|e| e.id).collect()
}

/// Takes the files of the walk.
struct Visitor<'a, 'r> {
    /// How the paths of the work tree begin.
    prefix: Vec<u8>,
    by_path: HashMap<&'a [u8], &'a IndexEntry>,
    /// When the index was written: a file that changed no earlier may have changed again.
    written: (i64, i64),
    inner: Mutex<Inner<'a, 'r>>,
}

struct Inner<'a, 'r> {
    scan: ChangeScan<'a, 'r>,
    open: Vec<Touched>,
    moves: Moves,
    /// The paths that the index has too.
    seen: HashSet<Box<[u8]>>,
}

impl Visitor<'_, '_> {
    /// Whether a file is as it was when it was staged, by what the system says of it.
    fn unchanged(&self, entry: &IndexEntry, file: &Entry) -> bool {
        let Ok(meta) = file.file.metadata() else { return false };
        let (seconds, nanos) = (meta.mtime(), meta.mtime_nsec());
        let stat = &entry.stat;
        // The index cuts all of them to 32 bits.
        let same = stat.modified == (seconds as u32, nanos as u32)
            && stat.size == meta.size() as u32
            && (stat.inode == 0 || stat.inode == meta.ino() as u32);
        same && (seconds, nanos) < self.written && !entry.announced && entry.stage == 0
    }

    /// Whether a path lies in a submodule, which has an index of its own.
    fn in_submodule(&self, path: &[u8]) -> bool {
        let module = |end: usize| path.get(..end).and_then(|above| self.by_path.get(above));
        memchr::memchr_iter(b'/', path).any(|end| module(end).is_some_and(|e| e.mode & 0o170_000 == 0o160_000))
    }
}

impl Visit for Visitor<'_, '_> {
    fn file(&self, file: Entry, coverage: &mut Coverage) {
        let Some(path) = file.path.raw().strip_prefix(&self.prefix[..]) else { return };
        if path.split(|b| *b == b'/').any(|part| part == b".git") || self.in_submodule(path) {
            return;
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { scan, open, moves, seen } = &mut *inner;
        let entry = self.by_path.get(path).copied();
        if let Some(entry) = entry {
            seen.insert(path.into());
            if self.unchanged(entry, &file) {
                return;
            }
        }
        if file.size > LARGEST {
            return coverage.gap(GapKind::OverBudget, &Untrusted::new(path), "it is larger than is compared");
        }
        let mut bytes = Vec::new();
        if let Err(e) = (&file.file).take(LARGEST).read_to_end(&mut bytes) {
            return coverage.gap(GapKind::Unreadable, &Untrusted::new(path), format!("reading stopped: {}", e.kind()));
        }
        if entry.is_none() {
            scan.named(path, None);
        }
        let staged = entry.filter(|e| !e.announced);
        let old = staged.and_then(|e| scan.objects.read_as(&e.id, ObjectKind::Blob).ok());
        if old.as_deref() == Some(&bytes) {
            return;
        }
        let lines = match old {
            Some(old) => Lines::between(&old, &bytes, &scan.state),
            None => Lines { made: Lines::of(&bytes, &scan.state), gone: Vec::new() },
        };
        moves.count(&lines);
        let sightings = scan.detect(path, &bytes, None);
        if !sightings.is_empty() && !lines.made.is_empty() {
            open.push(Touched { sightings, lines: vec![lines] });
        }
    }
}

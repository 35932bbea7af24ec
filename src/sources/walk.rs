//! Goes through a tree on several threads and hands every file to a visitor.
//!
//! It is quell's own walk because of what is asked of it (docs/design/0005-walking.md): tracked files are scanned even
//! where an ignore rule matches them, what is left out is counted, nothing outside of the tree can be reached by a link
//! that appears while it runs, and no path is too deep. The ignore rules themselves are matched by the `ignore` crate.

use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::Scope;
use rustix::fs::{AtFlags, FileType, fstat, statat};
use rustix::io::Errno;

use super::filter::PathFilter;
use super::open;
use super::repository::{IgnoreFile, Repository, Tracked, ignore_files_above};
use crate::model::{Coverage, GapKind, SkipReason, Untrusted};

/// Files that one task takes; a directory with more is shared between threads.
const BATCH: usize = 32;

/// What to go through, and what to leave out.
#[derive(Debug)]
pub struct Options {
    /// Whether files that the repository ignores are scanned too.
    pub ignored_too: bool,
    /// Paths that the user left out or asked for.
    pub filter: PathFilter,
    /// Larger files are gaps, in bytes.
    pub max_file_size: Option<u64>,
}

/// A file, opened for reading.
#[derive(Debug)]
pub struct Entry {
    /// Its path for reports: the target's as given, and the path below it.
    pub path: Untrusted,
    /// The open file.
    pub file: File,
    /// Its size when it was opened, in bytes.
    pub size: u64,
}

/// What is done with each file. Called from several threads.
pub trait Visit: Sync {
    /// Takes a file; what could not be read of it goes into the coverage.
    fn file(&self, entry: Entry, coverage: &mut Coverage);
}

/// Goes through the file or directory `root` on the threads of the current rayon pool.
///
/// Everything that was left out or could not be opened is in the coverage that is returned.
pub fn walk(root: &Path, options: &Options, visitor: &impl Visit) -> Coverage {
    let walk = Walk { root, options, visitor, coverage: Mutex::new(Coverage::default()) };
    let shown = Untrusted::new(root.as_os_str().as_bytes());
    match std::fs::metadata(root) {
        Ok(meta) if meta.is_dir() => walk.root_directory(),
        Ok(meta) if meta.is_file() => walk.root_file(&shown),
        Ok(_) => {
            let why = "it is neither a file nor a directory; give its content to `quell scan -`";
            walk.note(|c| c.gap(GapKind::Unreadable, &shown, why));
        }
        Err(e) => walk.note(|c| c.gap(GapKind::Unreadable, &shown, e.kind().to_string())),
    }
    walk.coverage.into_inner().unwrap_or_else(PoisonError::into_inner)
}

struct Walk<'a, V> {
    root: &'a Path,
    options: &'a Options,
    visitor: &'a V,
    coverage: Mutex<Coverage>,
}

/// A directory that is still to be read.
struct Directory {
    parent: Option<Arc<OwnedFd>>,
    name: CString,
    /// Its path below the root; empty for the root.
    relative: Vec<u8>,
    rules: Rules,
}

/// What the repository that a directory lies in says about it.
#[derive(Clone, Default)]
struct Rules {
    tracked: Option<Arc<Tracked>>,
    ignore: Option<Arc<IgnoreFile>>,
    /// The directory's path below the work tree's root.
    in_tree: Vec<u8>,
    /// Whether the directory itself is ignored, so that only what is tracked in it counts.
    ignored: bool,
}

/// What an entry of a directory is.
struct Named {
    name: CString,
    kind: FileType,
}

impl<V: Visit> Walk<'_, V> {
    fn note(&self, write: impl FnOnce(&mut Coverage)) {
        write(&mut self.coverage.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn root_file(&self, shown: &Untrusted) {
        let mut coverage = Coverage::default();
        match rustix::fs::open(
            self.root,
            rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        ) {
            Ok(fd) => self.opened(fd, shown.clone(), &mut coverage),
            Err(e) => coverage.gap(GapKind::Unreadable, shown, open::words(e)),
        }
        self.note(|c| c.merge(coverage));
    }

    fn root_directory(&self) {
        let rules = if self.options.ignored_too { Rules::default() } else { self.rules_around() };
        let name = CString::new(self.root.as_os_str().as_bytes()).unwrap_or_default();
        rayon::scope(|scope| self.directory(scope, Directory { parent: None, name, relative: Vec::new(), rules }));
    }

    /// The rules of the repository that the root lies in, but is not the root of.
    fn rules_around(&self) -> Rules {
        let Some(parent) = self.root.canonicalize().ok().filter(|_| !has_git(self.root)) else {
            return Rules::default();
        };
        let Some((tree, below, repository)) = Repository::around(&parent) else { return Rules::default() };
        let Some(tracked) = repository.tracked else { return Rules::default() };
        let ignore = ignore_files_above(&tree, &below, repository.exclude);
        // A target that is itself ignored by a repository around it is none of that repository's business.
        let ignored =
            |path: &[u8]| ignore.as_ref().is_some_and(|i| i.ignores(path, true)) && !tracked.has_directory(path);
        let mut ends = below.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(i, _)| i).chain([below.len()]);
        if ends.any(|end| below.get(..end).is_some_and(ignored)) {
            return Rules::default();
        }
        Rules { tracked: Some(Arc::new(tracked)), ignore, in_tree: below, ignored: false }
    }

    fn shown(&self, relative: &[u8]) -> Untrusted {
        let root = self.root.as_os_str().as_bytes();
        match (root, relative) {
            (_, []) => Untrusted::new(root),
            (b"." | b"./", _) => Untrusted::new(relative),
            _ => Untrusted::new(&[root.strip_suffix(b"/").unwrap_or(root), relative].join(&b'/')),
        }
    }

    fn directory<'s>(&'s self, scope: &Scope<'s>, mut dir: Directory) {
        let (fd, entries) = match list(&dir) {
            Ok(listed) => listed,
            Err(e) => {
                let kind = if e == Errno::NAMETOOLONG { GapKind::OverBudget } else { GapKind::Unreadable };
                return self.note(|c| c.gap(kind, &self.shown(&dir.relative), open::words(e)));
            }
        };
        let fd = Arc::new(fd);
        if !self.options.ignored_too {
            self.enter_repository(&fd, &entries, &mut dir);
        }
        let mut files = Vec::new();
        for entry in entries {
            let relative = joined(&dir.relative, entry.name.to_bytes());
            match entry.kind {
                FileType::Directory => self.subdirectory(scope, &fd, &dir.rules, entry.name, relative),
                FileType::RegularFile => files.push((entry.name, relative)),
                FileType::Symlink => self.note(|c| c.skip(SkipReason::Symlink, &self.shown(&relative), false)),
                _ => self.note(|c| c.skip(SkipReason::SpecialFile, &self.shown(&relative), false)),
            }
        }
        let rules = Arc::new(dir.rules);
        while files.len() > BATCH {
            let (batch, fd, rules) = (files.split_off(files.len() - BATCH), Arc::clone(&fd), Arc::clone(&rules));
            scope.spawn(move |_| self.files(&fd, &rules, batch));
        }
        self.files(&fd, &rules, files);
    }

    /// Takes up the repository whose work tree's root this directory is, and this directory's ignore file.
    fn enter_repository(&self, fd: &OwnedFd, entries: &[Named], dir: &mut Directory) {
        let has = |name: &CStr, kind: FileType| entries.iter().any(|e| e.name.as_c_str() == name && e.kind == kind);
        if has(c".git", FileType::Directory) || has(c".git", FileType::RegularFile) {
            let git = PathBuf::from(OsStr::from_bytes(self.root.as_os_str().as_bytes()))
                .join(super::filter::path(&dir.relative))
                .join(".git");
            if let Some(repository) = Repository::read(&git) {
                if let Some(text) = repository.notice {
                    self.note(|c| c.notice(&self.shown(&dir.relative), text));
                }
                dir.rules = Rules {
                    tracked: repository.tracked.map(Arc::new),
                    ignore: repository.exclude,
                    in_tree: Vec::new(),
                    ignored: false,
                };
            }
        }
        if dir.rules.tracked.is_some() && has(c".gitignore", FileType::RegularFile) {
            let text = open::file(fd, c".gitignore").ok().and_then(|fd| read_small(File::from(fd)));
            let own = text.and_then(|t| IgnoreFile::parse(&t, &dir.rules.in_tree, dir.rules.ignore.clone()));
            dir.rules.ignore = own.or_else(|| dir.rules.ignore.take());
        }
    }

    fn subdirectory<'s>(
        &'s self,
        scope: &Scope<'s>,
        fd: &Arc<OwnedFd>,
        rules: &Rules,
        name: CString,
        relative: Vec<u8>,
    ) {
        if name.to_bytes() == b".git" && is_git_directory(fd) {
            return self.note(|c| c.skip(SkipReason::GitDirectory, &self.shown(&relative), true));
        }
        if self.options.filter.leaves_out_directory(&relative) {
            return self.note(|c| c.skip(SkipReason::Excluded, &self.shown(&relative), true));
        }
        let in_tree = joined(&rules.in_tree, name.to_bytes());
        let ignored = rules.ignored || ignores(rules, &in_tree, true);
        if ignored && !rules.tracked.as_ref().is_some_and(|t| t.has_directory(&in_tree)) {
            return self.note(|c| c.skip(SkipReason::Ignored, &self.shown(&relative), true));
        }
        let rules = Rules { in_tree, ignored, ..rules.clone() };
        let dir = Directory { parent: Some(Arc::clone(fd)), name, relative, rules };
        scope.spawn(move |scope| self.directory(scope, dir));
    }

    fn files(&self, fd: &OwnedFd, rules: &Rules, files: Vec<(CString, Vec<u8>)>) {
        let mut coverage = Coverage::default();
        for (name, relative) in files {
            let shown = self.shown(&relative);
            if self.options.filter.leaves_out_file(&relative) {
                coverage.skip(SkipReason::Excluded, &shown, false);
                continue;
            }
            if let Some(tracked) = &rules.tracked {
                let in_tree = joined(&rules.in_tree, name.to_bytes());
                if !tracked.has_file(&in_tree) && (rules.ignored || ignores(rules, &in_tree, false)) {
                    coverage.skip(SkipReason::Ignored, &shown, false);
                    continue;
                }
            }
            match open::file(fd, &name) {
                Ok(file) => self.opened(file, shown, &mut coverage),
                // It was a regular file a moment ago.
                Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => {
                    coverage.gap(GapKind::Changed, &shown, "it was removed or replaced while the scan ran")
                }
                Err(e) => coverage.gap(GapKind::Unreadable, &shown, open::words(e)),
            }
        }
        self.note(|c| c.merge(coverage));
    }

    fn opened(&self, fd: OwnedFd, path: Untrusted, coverage: &mut Coverage) {
        let stat = match fstat(&fd) {
            Ok(stat) => stat,
            Err(e) => return coverage.gap(GapKind::Unreadable, &path, open::words(e)),
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return coverage.gap(
                GapKind::Changed,
                &path,
                "it was replaced by something that is no file while the scan ran",
            );
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        if let Some(max) = self.options.max_file_size.filter(|max| size > *max) {
            return coverage.gap(
                GapKind::OverBudget,
                &path,
                format!("its {size} bytes are more than --max-file-size {max}"),
            );
        }
        self.visitor.file(Entry { path, file: File::from(fd), size }, coverage);
    }
}

fn ignores(rules: &Rules, in_tree: &[u8], directory: bool) -> bool {
    rules.tracked.is_some() && rules.ignore.as_ref().is_some_and(|i| i.ignores(in_tree, directory))
}

fn joined(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, name].join(&b'/') }
}

/// Opens a directory and reads its entries, in name order.
fn list(dir: &Directory) -> Result<(OwnedFd, Vec<Named>), Errno> {
    let fd = match &dir.parent {
        Some(parent) => open::directory(parent, &dir.name)?,
        // The target itself may be a link: the user named it.
        None => rustix::fs::open(
            dir.name.as_c_str(),
            rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )?,
    };
    let mut entries = Vec::new();
    open::entries(&fd, |name, kind| {
        let kind = match kind {
            FileType::Unknown => statat(&fd, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_or(FileType::Unknown, |s| FileType::from_raw_mode(s.st_mode)),
            known => known,
        };
        entries.push(Named { name: name.to_owned(), kind });
    })?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((fd, entries))
}

/// Whether the `.git` in a directory is a repository's own directory and not one that merely has the name.
fn is_git_directory(fd: &OwnedFd) -> bool {
    [c".git/HEAD", c".git/objects", c".git/refs"].iter().all(|p| statat(fd, *p, AtFlags::SYMLINK_NOFOLLOW).is_ok())
}

fn has_git(root: &Path) -> bool {
    root.join(".git").symlink_metadata().is_ok()
}

fn read_small(file: File) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut text = Vec::new();
    file.take(1 << 20).read_to_end(&mut text).ok()?;
    Some(text)
}

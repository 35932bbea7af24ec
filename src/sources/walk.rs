//! Goes through a tree on several threads and hands every file to a visitor.
//!
//! It is quell's own walk because of what is asked of it (docs/design/0005-walking.md): tracked files are scanned even
//! where an ignore rule matches them, what is left out is counted, nothing outside of the tree can be reached by a link
//! that appears while it runs, and no path is too deep. The ignore rules themselves are matched by the `ignore` crate.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::Scope;
use rustix::fs::{AtFlags, FileType, fstat, statat};
use rustix::io::Errno;

use super::filter::PathFilter;
use super::gitdir::{self, Place};
use super::open;
use super::repository::Repository;
use super::rules::Rules;
use crate::model::{Coverage, GapKind, SkipReason, Untrusted, system_words};

/// Files that one task takes; a directory with more is shared between threads.
const BATCH: usize = 32;

/// What to go through, and what to leave out.
#[derive(Clone, Debug)]
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
    /// How much of that path says nothing of what lies there: where the target is, as against what is in it.
    pub above: usize,
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
/// A file that is named is filtered by its path below the current directory; one elsewhere by its name alone. Where a
/// work tree's git directory lies outside of `root` and belongs to it (a linked worktree, a submodule), it is gone through
/// too. Everything that was left out or could not be opened is in the coverage that is returned.
pub fn walk(root: &Path, options: &Options, visitor: &impl Visit) -> Coverage {
    let walk = Walk::new(root, options, visitor);
    let shown = Untrusted::new(root.as_os_str().as_bytes());
    match std::fs::metadata(root) {
        Ok(meta) if meta.is_dir() => {
            let git = gitdir::place_of(root);
            let rules = if options.ignored_too || git.is_some() { Rules::default() } else { Rules::above(root) };
            walk.tree(rules, git);
        }
        Ok(meta) if meta.is_file() => walk.root_file(&shown),
        Ok(_) => {
            let why = "it is neither a file nor a directory; give its content to `quell scan -`";
            walk.note(|c| c.gap(GapKind::Unreadable, &shown, why));
        }
        Err(e) => walk.note(|c| c.gap(GapKind::Unreadable, &shown, system_words(&e))),
    }
    let (mut coverage, elsewhere) = walk.end();
    for git in elsewhere {
        let walk = Walk::new(&git, options, visitor);
        walk.tree(Rules::default(), Some(Place::Root));
        coverage.merge(walk.end().0);
    }
    coverage
}

struct Walk<'a, V> {
    root: &'a Path,
    /// How the path of everything below the root begins in reports.
    prefix: Vec<u8>,
    options: &'a Options,
    visitor: &'a V,
    coverage: Mutex<Coverage>,
    /// Git directories outside of the root that belong to work trees in it.
    elsewhere: Mutex<BTreeSet<PathBuf>>,
}

/// A directory that is still to be read.
struct Directory {
    parent: Option<Arc<OwnedFd>>,
    name: CString,
    /// Its path below the root; empty for the root.
    relative: Vec<u8>,
    rules: Rules,
    /// Where it lies in a git directory, if it does: no ignore file counts there.
    git: Option<Place>,
}

/// What an entry of a directory is.
struct Named {
    name: CString,
    kind: FileType,
}

impl<'a, V: Visit> Walk<'a, V> {
    fn new(root: &'a Path, options: &'a Options, visitor: &'a V) -> Self {
        let prefix = match root.as_os_str().as_bytes() {
            b"." | b"./" => Vec::new(),
            named => [named.strip_suffix(b"/").unwrap_or(named), b"/"].concat(),
        };
        Self { root, prefix, options, visitor, coverage: Mutex::default(), elsewhere: Mutex::default() }
    }

    fn end(self) -> (Coverage, BTreeSet<PathBuf>) {
        (
            self.coverage.into_inner().unwrap_or_else(PoisonError::into_inner),
            self.elsewhere.into_inner().unwrap_or_else(PoisonError::into_inner),
        )
    }

    fn note(&self, write: impl FnOnce(&mut Coverage)) {
        write(&mut self.coverage.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn root_file(&self, shown: &Untrusted) {
        let mut coverage = Coverage::default();
        let (below, above) = named(self.root);
        if self.options.filter.leaves_out_named_file(below.as_os_str().as_bytes()) {
            return self.note(|c| c.skip(SkipReason::Excluded, shown, false));
        }
        match rustix::fs::open(
            self.root,
            rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        ) {
            Ok(fd) => self.opened(fd, shown.clone(), above, &mut coverage),
            Err(e) => coverage.gap(GapKind::Unreadable, shown, system_words(&e.into())),
        }
        self.note(|c| c.merge(coverage));
    }

    fn tree(&self, rules: Rules, git: Option<Place>) {
        let name = CString::new(self.root.as_os_str().as_bytes()).unwrap_or_default();
        let root = Directory { parent: None, name, relative: Vec::new(), rules, git };
        rayon::scope(|scope| self.directory(scope, root));
    }

    fn shown(&self, relative: &[u8]) -> Untrusted {
        if relative.is_empty() {
            return Untrusted::new(self.root.as_os_str().as_bytes());
        }
        Untrusted::new(&[&self.prefix, relative].concat())
    }

    fn directory<'s>(&'s self, scope: &Scope<'s>, mut dir: Directory) {
        let (fd, entries) = match list(&dir) {
            Ok(listed) => listed,
            Err(e) => {
                let kind = match e {
                    Errno::NAMETOOLONG => GapKind::OverBudget,
                    // It was a directory a moment ago.
                    Errno::NOENT | Errno::LOOP | Errno::NOTDIR => GapKind::Changed,
                    _ => GapKind::Unreadable,
                };
                return self.note(|c| c.gap(kind, &self.shown(&dir.relative), system_words(&e.into())));
            }
        };
        let fd = Arc::new(fd);
        // Descriptors are few: the one above is no longer needed here.
        dir.parent = None;
        match dir.git {
            Some(Place::Modules) if gitdir::is_git(&fd) => dir.git = Some(Place::Root),
            Some(_) => {}
            None => self.enter_repository(&fd, &entries, &mut dir),
        }
        let mut files = Vec::new();
        for Named { name, kind } in entries {
            let skip = |reason| self.note(|c| c.skip(reason, &self.shown(&joined(&dir.relative, &name)), false));
            match kind {
                FileType::Directory => self.subdirectory(scope, &fd, &dir, name),
                FileType::RegularFile if dir.git.is_some_and(|g| g.is_index(&fd, &name)) => {
                    skip(SkipReason::GitDirectory);
                }
                FileType::RegularFile => files.push(name),
                FileType::Symlink => skip(SkipReason::Symlink),
                _ => skip(SkipReason::SpecialFile),
            }
        }
        let dir = Arc::new(dir);
        while files.len() > BATCH {
            let (batch, fd, dir) = (files.split_off(files.len() - BATCH), Arc::clone(&fd), Arc::clone(&dir));
            scope.spawn(move |_| self.files(&fd, &dir, batch));
        }
        self.files(&fd, &dir, files);
    }

    /// Takes up the repository whose work tree's root this directory is, and this directory's ignore file.
    fn enter_repository(&self, fd: &OwnedFd, entries: &[Named], dir: &mut Directory) {
        let has = |name: &CStr, kind: FileType| entries.iter().any(|e| e.name.as_c_str() == name && e.kind == kind);
        let (directory, file) = (has(c".git", FileType::Directory), has(c".git", FileType::RegularFile));
        if file || (directory && !self.options.ignored_too) {
            let root = self.root.join(super::filter::path(&dir.relative));
            if let Some(mut repository) = Repository::read(&root) {
                if let Some(text) = repository.notice.take() {
                    self.note(|c| c.notice(&self.shown(&dir.relative), text));
                }
                let asked = !self.options.filter.leaves_out_directory(&joined(&dir.relative, c".git"));
                if let Some(git) = repository.elsewhere.take().filter(|git| asked && !self.holds(git)) {
                    self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner).insert(git);
                }
                if !self.options.ignored_too {
                    dir.rules = std::mem::take(&mut dir.rules).enter(repository);
                }
            }
        }
        if dir.rules.reads_ignore_files() && has(c".gitignore", FileType::RegularFile) {
            let text = open::file(fd, c".gitignore").ok().and_then(|fd| read_small(File::from(fd)));
            if let Some(text) = text {
                dir.rules.ignore_file(&text);
            }
        }
    }

    /// Whether a path without links lies in what is walked anyway.
    fn holds(&self, path: &Path) -> bool {
        self.root.canonicalize().is_ok_and(|root| path.starts_with(root))
    }

    fn subdirectory<'s>(&'s self, scope: &Scope<'s>, fd: &Arc<OwnedFd>, dir: &Directory, name: CString) {
        let relative = joined(&dir.relative, &name);
        let skip = |reason| self.note(|c| c.skip(reason, &self.shown(&relative), true));
        if self.options.filter.leaves_out_directory(&relative) {
            return skip(SkipReason::Excluded);
        }
        let root = || name.as_c_str() == c".git" && open::directory(fd, &name).is_ok_and(gitdir::is_git);
        let (rules, git) = match dir.git {
            Some(place) => match place.below(name.to_bytes()) {
                Some(below) => (Rules::default(), Some(below)),
                None => return skip(SkipReason::GitDirectory),
            },
            None if root() => (Rules::default(), Some(Place::Root)),
            None => match dir.rules.directory(name.to_bytes()) {
                Some(rules) => (rules, None),
                None => return skip(SkipReason::Ignored),
            },
        };
        let inner = Directory { parent: Some(Arc::clone(fd)), name, relative, rules, git };
        scope.spawn(move |scope| self.directory(scope, inner));
    }

    fn files(&self, fd: &OwnedFd, dir: &Directory, names: Vec<CString>) {
        let mut coverage = Coverage::default();
        // Paths are put together in place: there are as many of them as files.
        let mut path = self.prefix.clone();
        if !dir.relative.is_empty() {
            path.extend([dir.relative.as_slice(), b"/"].concat());
        }
        let mut in_tree = if dir.rules.reads_ignore_files() { dir.rules.prefix() } else { Vec::new() };
        let (start, start_in_tree) = (path.len(), in_tree.len());
        for name in names {
            path.truncate(start);
            path.extend_from_slice(name.to_bytes());
            if self.options.filter.leaves_out_file(path.get(self.prefix.len()..).unwrap_or_default()) {
                coverage.skip(SkipReason::Excluded, &Untrusted::new(&path), false);
                continue;
            }
            if dir.rules.reads_ignore_files() {
                in_tree.truncate(start_in_tree);
                in_tree.extend_from_slice(name.to_bytes());
                if dir.rules.leaves_out_file(&in_tree) {
                    coverage.skip(SkipReason::Ignored, &Untrusted::new(&path), false);
                    continue;
                }
            }
            let shown = Untrusted::new(&path);
            match open::file(fd, &name) {
                Ok(file) => self.opened(file, shown, self.prefix.len(), &mut coverage),
                // It was a regular file a moment ago.
                Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => {
                    coverage.gap(GapKind::Changed, &shown, "it was removed or replaced while the scan ran")
                }
                Err(e) => coverage.gap(GapKind::Unreadable, &shown, system_words(&e.into())),
            }
        }
        self.note(|c| c.merge(coverage));
    }

    fn opened(&self, fd: OwnedFd, path: Untrusted, above: usize, coverage: &mut Coverage) {
        let stat = match fstat(&fd) {
            Ok(stat) => stat,
            Err(e) => return coverage.gap(GapKind::Unreadable, &path, system_words(&e.into())),
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
        self.visitor.file(Entry { path, above, file: File::from(fd), size }, coverage);
    }
}

/// What is to be known of the place of a file that was named: its path below the current directory, or its name alone
/// if it lies elsewhere; and how much of the path as it was given stands before that.
fn named(path: &Path) -> (PathBuf, usize) {
    let below = match path.is_relative() {
        true => Some(path),
        false => Path::new(".").canonicalize().ok().and_then(|here| path.strip_prefix(here).ok()),
    };
    let below = below.filter(|b| b.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)));
    let kept = below.unwrap_or_else(|| Path::new(path.file_name().unwrap_or(OsStr::new(""))));
    let plain = kept.components().filter(|c| *c != Component::CurDir).collect();
    (plain, path.as_os_str().len().saturating_sub(kept.as_os_str().len()))
}

fn joined(directory: &[u8], name: &CStr) -> Vec<u8> {
    if directory.is_empty() { name.to_bytes().to_vec() } else { [directory, name.to_bytes()].join(&b'/') }
}

/// Opens a directory and reads its entries, in name order.
fn list(dir: &Directory) -> Result<(OwnedFd, Vec<Named>), Errno> {
    let fd = match &dir.parent {
        Some(parent) => open::directory(parent, &dir.name)?,
        None => open::target(Path::new(OsStr::from_bytes(dir.name.to_bytes())))?,
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

fn read_small(file: File) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut text = Vec::new();
    file.take(1 << 20).read_to_end(&mut text).ok()?;
    Some(text)
}

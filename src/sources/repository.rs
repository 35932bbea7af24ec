//! What a git repository tracks and ignores. Nothing of its configuration is read.
//!
//! The index is read as a file of its own, without opening the repository, so that no include, hook or setting of it
//! plays a part. Ignore rules are the work tree's `.gitignore` files and `info/exclude`; a person's
//! global ignore file lies outside of the target and is not read.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::filter::path;
use super::git::changes::Index;
use super::git::{Location, OpenError};
use super::open::small_file;
use super::{gitdir, open};

/// What the index of a repository says.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    files: HashSet<Box<[u8]>>,
    directories: HashSet<Box<[u8]>>,
}

impl Tracked {
    fn of(index: &Index) -> Self {
        let mut tracked = Self::default();
        for entry in &index.entries {
            let path = index.path(entry);
            let mut parent = path;
            while let Some(slash) = parent.iter().rposition(|b| *b == b'/') {
                parent = parent.get(..slash).unwrap_or_default();
                if tracked.directories.contains(parent) {
                    break;
                }
                tracked.directories.insert(parent.into());
            }
            // A submodule is an entry too: its directory is tracked, its files by its own index.
            if entry.mode & 0o170_000 == 0o160_000 {
                tracked.directories.insert(path.into());
            }
            tracked.files.insert(path.into());
        }
        tracked
    }

    pub(super) fn has_file(&self, relative: &[u8]) -> bool {
        self.files.contains(relative)
    }

    pub(super) fn has_directory(&self, relative: &[u8]) -> bool {
        self.directories.contains(relative)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// A repository around or in the target.
#[derive(Debug)]
pub(super) struct Repository {
    /// What it tracks; `None` where the index could not be read, so that nothing may be left out as ignored.
    pub(super) tracked: Option<Tracked>,
    /// `info/exclude`.
    pub(super) exclude: Option<Arc<IgnoreFile>>,
    /// The git directory that a `.git` which is a file leads to: a worktree's common one, or a submodule's.
    pub(super) elsewhere: Option<PathBuf>,
    /// What to tell about it.
    pub(super) notice: Option<String>,
}

/// One ignore file, and those above it.
#[derive(Debug)]
pub(super) struct IgnoreFile {
    patterns: Gitignore,
    /// Length of its directory's path below the work tree's root, with the slash.
    below: usize,
    above: Option<Arc<IgnoreFile>>,
}

impl IgnoreFile {
    /// Reads the lines of an ignore file of the directory `relative` (empty for the root).
    pub(super) fn parse(text: &[u8], relative: &[u8], above: Option<Arc<Self>>) -> Option<Arc<Self>> {
        let mut builder = GitignoreBuilder::new("");
        for line in String::from_utf8_lossy(text).trim_start_matches('\u{feff}').lines() {
            // Git takes a line that it cannot read for one that matches nothing; so does this.
            let _ = builder.add_line(None, line);
        }
        let patterns = builder.build().ok()?;
        let below = if relative.is_empty() { 0 } else { relative.len() + 1 };
        Some(Arc::new(Self { patterns, below, above }))
    }

    /// Whether the path below the work tree's root is ignored: the nearest file with a pattern for it decides.
    pub(super) fn ignores(&self, relative: &[u8], directory: bool) -> bool {
        let mut file = Some(self);
        while let Some(f) = file {
            let own = relative.get(f.below..).unwrap_or_default();
            let matched = f.patterns.matched(path(own), directory);
            if !matched.is_none() {
                return matched.is_ignore();
            }
            file = f.above.as_deref();
        }
        false
    }
}

impl Repository {
    /// Reads the repository of a work tree's root, a linked worktree's or a submodule's too. `None` where it has none.
    pub(super) fn read(root: &Path) -> Option<Self> {
        let is_file = root.join(".git").symlink_metadata().ok().filter(|m| m.is_file() || m.is_dir())?.is_file();
        let Location { git_dir, common_dir, .. } = match Location::linked(root) {
            Ok(found) => found?,
            Err(OpenError::Outside | OpenError::Unreadable(_)) if is_file => {
                let notice = "its git directory lies elsewhere and does not point back, so it is not read: ignored files are scanned too".to_owned();
                return Some(Self { tracked: None, exclude: None, elsewhere: None, notice: Some(notice) });
            }
            Err(_) => return None,
        };
        let is_git = || opened(&common_dir).is_some_and(gitdir::is_git);
        let elsewhere = (is_file && is_git()).then(|| common_dir.canonicalize().ok()).flatten();
        Some(Self { elsewhere, ..Self::at(&git_dir, &common_dir) })
    }

    /// Reads a git directory; `common` is the one that linked worktrees share with it, or itself.
    fn at(dir: &Path, common: &Path) -> Self {
        let index = dir.join("index");
        // A repository without commits has no index yet, and tracks nothing.
        let tracked = Index::verified(&index, dir).map(|index| Tracked::of(&index));
        let info = common.join("info");
        let exclude =
            info.symlink_metadata().is_ok_and(|m| m.is_dir()).then(|| small_file(&info.join("exclude"))).flatten();
        let exclude = exclude.and_then(|text| IgnoreFile::parse(&text, b"", None));
        match tracked {
            Ok(tracked) => Self { tracked: Some(tracked), exclude, elsewhere: None, notice: None },
            Err(why) => Self {
                tracked: None,
                exclude: None,
                elsewhere: None,
                notice: Some(format!("its index cannot be read ({why}): ignored files are scanned too")),
            },
        }
    }

    /// The roots of the repositories that a directory lies in, the innermost first; not the one that it is the root of.
    pub(super) fn all_around(directory: &Path) -> Vec<(PathBuf, Self)> {
        let repository = |root: &Path| Some((root.to_path_buf(), Self::read(root)?));
        directory.ancestors().skip(1).filter_map(repository).collect()
    }
}

/// The root of the work tree that a path lies in: the nearest directory with a repository's `.git`. The path is
/// absolute and without links.
#[must_use]
pub fn work_tree(path: &Path) -> Option<&Path> {
    path.ancestors().find(|root| {
        let git = root.join(".git");
        match git.symlink_metadata() {
            Ok(meta) if meta.is_dir() => opened(&git).is_some_and(gitdir::is_git),
            Ok(meta) => meta.is_file() && small_file(&git).is_some_and(|text| text.starts_with(b"gitdir:")),
            Err(_) => false,
        }
    })
}

fn opened(directory: &Path) -> Option<OwnedFd> {
    open::target(directory).ok()
}

/// The ignore files from a work tree's root down to the directory `below` it, that one left out.
pub(super) fn ignore_files_above(
    root: &Path,
    below: &[u8],
    exclude: Option<Arc<IgnoreFile>>,
) -> Option<Arc<IgnoreFile>> {
    let mut chain = exclude;
    let mut relative = PathBuf::new();
    for part in path(below).components() {
        let text = small_file(&root.join(&relative).join(".gitignore"));
        chain = text.and_then(|t| IgnoreFile::parse(&t, relative.as_os_str().as_bytes(), chain.clone())).or(chain);
        relative.push(part);
    }
    chain
}

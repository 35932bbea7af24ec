//! What a git repository tracks and ignores. Nothing of its configuration is read.
//!
//! The index is read as a file of its own, without opening the repository, so that no include, hook or setting of it
//! plays a part. Ignore rules are the work tree's `.gitignore` files and `info/exclude`; a person's
//! global ignore file lies outside of the target and is not read.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::filter::path;
use super::git::changes::Index;
use super::{gitdir, open};

/// The largest ignore file or back-link that is read.
const SMALL_FILE: u64 = 1 << 20;

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
    /// Reads the repository whose `.git` (a directory, or the file of a worktree or submodule) is at `git`.
    /// `None` where it is not one.
    pub(super) fn read(git: &Path) -> Option<Self> {
        let meta = git.symlink_metadata().ok()?;
        if meta.is_dir() {
            return opened(git).is_some_and(gitdir::is_git).then(|| Self::at(git, git));
        }
        let text = meta.is_file().then(|| small_file(git)).flatten()?;
        let target = text.strip_prefix(b"gitdir:")?.trim_ascii();
        let dir = git.parent()?.join(OsStr::from_bytes(target));
        if !points_back(&dir, git) {
            let notice = "its git directory lies elsewhere and does not point back, so it is not read: ignored files are scanned too".to_owned();
            return Some(Self { tracked: None, exclude: None, elsewhere: None, notice: Some(notice) });
        }
        if !opened(&dir).is_some_and(gitdir::has_head) {
            return None;
        }
        let common = common_directory(&dir).unwrap_or_else(|| dir.clone());
        let elsewhere = opened(&common).is_some_and(gitdir::is_git).then(|| common.canonicalize().ok()).flatten();
        Some(Self { elsewhere, ..Self::at(&dir, &common) })
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
        let repository = |root: &Path| Some((root.to_path_buf(), Self::read(&root.join(".git"))?));
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

/// Whether a git directory names `git` as its work tree's link: a linked worktree by its file `gitdir`, a submodule by
/// lying in the `modules` of a repository that holds the work tree.
pub(super) fn points_back(dir: &Path, git: &Path) -> bool {
    let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if let Some(link) = small_file(&dir.join("gitdir")) {
        let link = PathBuf::from(std::ffi::OsString::from_vec(link.trim_ascii().to_vec()));
        return same(&dir.join(link), git);
    }
    let Ok(dir) = dir.canonicalize() else { return false };
    let above = git.parent().and_then(|p| p.canonicalize().ok());
    above.is_some_and(|tree| tree.ancestors().skip(1).any(|root| dir.starts_with(root.join(".git/modules"))))
}

/// The directory that a linked worktree's git directory shares with its repository, where it lies in that one's
/// `worktrees`.
pub(super) fn common_directory(dir: &Path) -> Option<PathBuf> {
    let text = small_file(&dir.join("commondir"))?;
    let common = dir.join(OsStr::from_bytes(text.trim_ascii())).canonicalize().ok()?;
    dir.canonicalize().ok()?.starts_with(common.join("worktrees")).then_some(common)
}

/// The content of a small regular file, not a link; `None` for anything else.
pub(super) fn small_file(file: &Path) -> Option<Vec<u8>> {
    let file = open::regular(file).ok()?;
    let mut text = Vec::new();
    let small = file.metadata().is_ok_and(|m| m.len() <= SMALL_FILE);
    (small && file.take(SMALL_FILE).read_to_end(&mut text).is_ok()).then_some(text)
}

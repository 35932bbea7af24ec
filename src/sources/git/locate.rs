//! Where a repository lies: its work tree, its git directory, and the one that linked worktrees share.
//!
//! A `.git` that is a file is followed into the target, and elsewhere only where it is led back to. Whose a repository is
//! makes no difference, and nothing of its configuration counts.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::repository::OpenError;
use crate::model::system_words;
use crate::sources::open::small_file;
use crate::sources::{gitdir, open};

/// Where a repository lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The root of its work tree; a bare one has none.
    pub work_tree: Option<PathBuf>,
    /// The git directory: `HEAD`, the index, and what else a linked worktree has to itself.
    pub git_dir: PathBuf,
    /// The git directory that linked worktrees share, with refs and objects; else the same.
    pub common_dir: PathBuf,
}

impl Location {
    /// The repository of a work tree (its root), a submodule, a linked worktree, or a bare one.
    ///
    /// # Errors
    /// Where there is none, or none that may be read.
    pub fn of(path: &Path) -> Result<Self, OpenError> {
        Self::linked(path)?.map_or_else(|| Self::bare(path), Ok)
    }

    /// The repository that a path is, or lies in.
    ///
    /// # Errors
    /// Where there is none, or the nearest may not be read.
    pub fn find(path: &Path) -> Result<Self, OpenError> {
        let real = path.canonicalize().map_err(|_| OpenError::None)?;
        for root in real.ancestors().skip_while(|p| !p.is_dir()) {
            match Self::linked(root) {
                Ok(Some(found)) => return Ok(found),
                Ok(None) | Err(OpenError::None) => {}
                Err(e) => return Err(e),
            }
            // A directory above that may not be listed is none that holds objects for us.
            if let Ok(found) = Self::bare(root) {
                let work_tree = beside(root);
                return Ok(Self { work_tree, ..found });
            }
        }
        Err(OpenError::None)
    }

    /// The repository of a git directory that the caller's own environment names (`GIT_DIR`), with its work tree.
    ///
    /// # Errors
    /// Where it is none.
    pub fn at(git: &Path, work_tree: Option<PathBuf>) -> Result<Self, OpenError> {
        let git_dir = git.canonicalize().map_err(|_| OpenError::None)?;
        let common_dir = common_directory(&git_dir).unwrap_or_else(|| git_dir.clone());
        if !gitdir::is_git(opened(&common_dir)?) {
            return Err(OpenError::None);
        }
        let work_tree = work_tree.or_else(|| beside(&git_dir));
        Ok(Self { work_tree, git_dir, common_dir })
    }

    /// A small regular file of the git directory; a linked worktree's own comes first.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        let read = |dir: &Path| small_file(&dir.join(name));
        read(&self.git_dir).or_else(|| read(&self.common_dir))
    }

    /// The index of the work tree.
    #[must_use]
    pub fn index(&self) -> PathBuf {
        self.git_dir.join("index")
    }

    /// A directory that is a git directory itself.
    fn bare(path: &Path) -> Result<Self, OpenError> {
        let found = opened(path)?;
        if !gitdir::is_git(found) {
            return Err(OpenError::None);
        }
        Ok(Self { work_tree: None, git_dir: path.to_path_buf(), common_dir: path.to_path_buf() })
    }

    /// The repository of a directory with a `.git`; nothing where it has none.
    pub(in crate::sources) fn linked(path: &Path) -> Result<Option<Self>, OpenError> {
        let git = path.join(".git");
        let meta = match git.symlink_metadata() {
            Ok(meta) => meta,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(e) => return Err(unreadable(&e)),
        };
        let work_tree = Some(path.to_path_buf());
        if meta.is_dir() {
            return Ok(Some(Self { work_tree, ..Self::bare(&git)? }));
        }
        if !meta.is_file() {
            return Err(OpenError::Outside);
        }
        let text = small_file(&git).ok_or(OpenError::None)?;
        let link = text.strip_prefix(b"gitdir:").ok_or(OpenError::None)?.trim_ascii();
        let git_dir = path.join(OsStr::from_bytes(link));
        let real = |p: &Path| p.canonicalize().map_err(|e| unreadable(&e));
        let is_inside = real(&git_dir)?.starts_with(real(path)?);
        if !is_inside && !points_back(&git_dir, &git) {
            return Err(OpenError::Outside);
        }
        if !gitdir::has_head(opened(&git_dir)?) {
            return Err(OpenError::None);
        }
        let common_dir = common_directory(&git_dir).unwrap_or_else(|| git_dir.clone());
        Ok(Some(Self { work_tree, git_dir, common_dir }))
    }
}

/// The work tree of a git directory that is called `.git`.
fn beside(git: &Path) -> Option<PathBuf> {
    git.parent().filter(|_| git.file_name() == Some(OsStr::new(".git"))).map(Path::to_path_buf)
}

fn opened(directory: &Path) -> Result<std::os::fd::OwnedFd, OpenError> {
    open::target(directory).map_err(|e| unreadable(&e.into()))
}

fn unreadable(error: &std::io::Error) -> OpenError {
    OpenError::Unreadable(system_words(error))
}

/// Whether a git directory names `git` as its work tree's link: a linked worktree by its file `gitdir`, a submodule by
/// lying in the `modules` of a repository that holds the work tree.
fn points_back(dir: &Path, git: &Path) -> bool {
    let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if let Some(link) = small_file(&dir.join("gitdir")) {
        let link = PathBuf::from(OsString::from_vec(link.trim_ascii().to_vec()));
        return same(&dir.join(link), git);
    }
    let Ok(dir) = dir.canonicalize() else { return false };
    let above = git.parent().and_then(|p| p.canonicalize().ok());
    above.is_some_and(|tree| tree.ancestors().skip(1).any(|root| dir.starts_with(root.join(".git/modules"))))
}

/// The directory that a linked worktree's git directory shares with its repository, where it lies in that one's
/// `worktrees`.
fn common_directory(dir: &Path) -> Option<PathBuf> {
    let text = small_file(&dir.join("commondir"))?;
    let common = dir.join(OsStr::from_bytes(text.trim_ascii())).canonicalize().ok()?;
    dir.canonicalize().ok()?.starts_with(common.join("worktrees")).then_some(common)
}

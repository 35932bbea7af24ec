//! Finds a repository, and looks whether it can be read without being held up or led elsewhere.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::ChangesError;
use crate::model::system_words;
use crate::sources::repository::{common_directory, points_back, small_file};
use crate::sources::{gitdir, open};

/// Directories below each other that are looked into; git itself makes no more than names of refs have.
const DEEPEST: usize = 64;

/// Where a repository lies.
#[derive(Clone, Debug)]
pub struct Repository {
    /// The root of its work tree; a bare one has none.
    pub work_tree: Option<PathBuf>,
    /// Its git directory: of a linked worktree, its own.
    pub git: PathBuf,
    /// The git directory that linked worktrees share, or the same.
    pub common: PathBuf,
}

impl Repository {
    /// The repository that a path is, or lies in. Whose it is makes no difference.
    ///
    /// # Errors
    /// Where there is none, or its `.git` is a file that leads to a directory which does not lead back.
    pub fn find(path: &Path) -> Result<Self, ChangesError> {
        let none = || ChangesError::NotARepository(path.display().to_string());
        let real = path.canonicalize().map_err(|_| none())?;
        for root in real.ancestors() {
            if is_git(root) {
                return Ok(Self::of(root, root, Self::tree_of(root)));
            }
            let git = root.join(".git");
            let Ok(meta) = git.symlink_metadata() else { continue };
            if meta.is_dir() && is_git(&git) {
                return Ok(Self::of(&git, &git, Some(root.to_path_buf())));
            }
            let Some(text) = meta.is_file().then(|| small_file(&git)).flatten() else { continue };
            let Some(target) = text.strip_prefix(b"gitdir:") else { continue };
            let dir = root.join(OsStr::from_bytes(target.trim_ascii()));
            if !points_back(&dir, &git) {
                return Err(ChangesError::LinkElsewhere(root.display().to_string()));
            }
            let dir = dir.canonicalize().map_err(|_| none())?;
            let common = common_directory(&dir).unwrap_or_else(|| dir.clone());
            return Ok(Self::of(&dir, &common, Some(root.to_path_buf())));
        }
        Err(none())
    }

    /// The repository of a git directory that the caller's own environment names (`GIT_DIR`), with its work tree.
    ///
    /// # Errors
    /// Where it is none.
    pub fn at(git: &Path, work_tree: Option<PathBuf>) -> Result<Self, ChangesError> {
        let none = |_| ChangesError::NotARepository(git.display().to_string());
        let dir = git.canonicalize().map_err(none)?;
        let common = common_directory(&dir).unwrap_or_else(|| dir.clone());
        if !is_git(&common) {
            return Err(ChangesError::NotARepository(git.display().to_string()));
        }
        let work_tree = work_tree.or_else(|| Self::tree_of(&dir));
        Ok(Self::of(&dir, &common, work_tree))
    }

    fn of(git: &Path, common: &Path, work_tree: Option<PathBuf>) -> Self {
        Self { work_tree, git: git.to_path_buf(), common: common.to_path_buf() }
    }

    /// The work tree of a git directory that is called `.git`.
    fn tree_of(git: &Path) -> Option<PathBuf> {
        git.parent().filter(|_| git.file_name() == Some(OsStr::new(".git"))).map(Path::to_path_buf)
    }

    /// A small regular file of the git directory; a linked worktree's own comes first.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        small_file(&self.git.join(name)).or_else(|| small_file(&self.common.join(name)))
    }

    /// Looks whether all that will be read is a regular file: libgit2 would wait for a FIFO, and follow a link.
    ///
    /// # Errors
    /// Names the first that is not.
    pub fn check(&self, objects: &[PathBuf]) -> Result<(), ChangesError> {
        for directory in objects {
            plain(directory, DEEPEST)?;
        }
        Ok(())
    }
}

fn is_git(directory: &Path) -> bool {
    open::target(directory).is_ok_and(gitdir::is_git)
}

/// Fails where a directory holds anything but directories and regular files.
fn plain(directory: &Path, depth: usize) -> Result<(), ChangesError> {
    let odd = |what: &Path, why: String| ChangesError::Unreadable { what: what.display().to_string(), why };
    let words = |e: std::io::Error| system_words(&e);
    if directory.symlink_metadata().map_err(|e| odd(directory, words(e)))?.is_symlink() {
        return Err(odd(directory, "it is a link, which is not followed".to_owned()));
    }
    for entry in std::fs::read_dir(directory).map_err(|e| odd(directory, words(e)))? {
        let entry = entry.map_err(|e| odd(directory, words(e)))?;
        match entry.file_type().map_err(|e| odd(&entry.path(), words(e)))? {
            kind if kind.is_file() => {}
            kind if kind.is_dir() && depth > 0 => plain(&entry.path(), depth - 1)?,
            _ => return Err(odd(&entry.path(), "it is neither a file nor a directory, so nothing is read".to_owned())),
        }
    }
    Ok(())
}

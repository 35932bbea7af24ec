//! What of a git directory is scanned. Most of it is text that people and hooks write (`config`, `hooks`, `logs`,
//! `packed-refs`, messages), and URLs with credentials stand in it. What holds packed objects is left out and counted:
//! the objects are what the history scan reads.

use std::ffi::{CStr, OsStr};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, fstat, readlinkat, statat};

use super::open;

/// Where in a git directory a directory lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is one: `.git` itself, or that of a submodule in its `modules`.
    Root,
    /// `modules`, or below it where a submodule's name has slashes.
    Modules,
    /// `worktrees`.
    Worktrees,
    /// What a linked worktree has to itself.
    Worktree,
    /// `lfs`.
    Lfs,
    /// Anything else in it.
    Other,
}

impl Place {
    /// The place of a directory in this one; `None` for one that holds objects.
    pub(super) fn below(self, name: &[u8]) -> Option<Self> {
        match (self, name) {
            (Self::Root | Self::Lfs, b"objects") => None,
            (Self::Root, b"modules") | (Self::Modules, _) => Some(Self::Modules),
            (Self::Root, b"worktrees") => Some(Self::Worktrees),
            (Self::Root, b"lfs") => Some(Self::Lfs),
            (Self::Worktrees, _) => Some(Self::Worktree),
            _ => Some(Self::Other),
        }
    }

    /// Whether a file in this place is an index: by its name and by how it starts, so that nothing hides behind the
    /// name alone.
    pub(super) fn is_index(self, fd: &OwnedFd, name: &CStr) -> bool {
        let named = name == c"index" || name.to_bytes().starts_with(b"sharedindex.");
        named && matches!(self, Self::Root | Self::Worktree) && start(fd, name, 4).as_deref() == Some(b"DIRC")
    }
}

/// Where in a repository's `.git` a directory lies that was named. What was named is scanned, objects too.
pub(super) fn place_of(directory: &Path) -> Option<Place> {
    let directory = directory.canonicalize().ok()?;
    let is_root = |d: &&Path| d.file_name() == Some(OsStr::new(".git")) && open::target(d).is_ok_and(is_git);
    let root = directory.ancestors().find(is_root)?;
    let below = directory.strip_prefix(root).ok()?.iter();
    Some(below.fold(Place::Root, |at, name| at.below(name.as_encoded_bytes()).unwrap_or(Place::Other)))
}

/// Whether a directory is a git directory and not one that merely looks like it: it has objects, refs, and a `HEAD`
/// that git would take.
pub(super) fn is_git(fd: impl AsFd) -> bool {
    let has = |name: &CStr| statat(&fd, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
    has(c"objects") && has(c"refs") && has_head(&fd)
}

/// Whether a directory has a `HEAD` that names a ref or an object.
pub(super) fn has_head(fd: impl AsFd) -> bool {
    if let Ok(link) = readlinkat(&fd, c"HEAD", Vec::new()) {
        // What git wrote long ago.
        return link.to_bytes().starts_with(b"refs/");
    }
    start(fd, c"HEAD", 4096).is_some_and(|text| match text.strip_prefix(b"ref:") {
        Some(name) => name.trim_ascii_start().starts_with(b"refs/"),
        None => {
            let digits = text.iter().take_while(|b| b.is_ascii_hexdigit()).count();
            matches!(digits, 40 | 64) && text.get(digits).is_none_or(u8::is_ascii_whitespace)
        }
    })
}

/// The first bytes of a regular file; `None` for anything else.
fn start(fd: impl AsFd, name: &CStr, bytes: u64) -> Option<Vec<u8>> {
    let file = open::file(fd, name).ok()?;
    let regular = fstat(&file).is_ok_and(|s| FileType::from_raw_mode(s.st_mode) == FileType::RegularFile);
    let mut text = Vec::new();
    (regular && std::fs::File::from(file).take(bytes).read_to_end(&mut text).is_ok()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_known_by_their_place() {
        let below = |path: &str| {
            path.split('/').try_fold(Place::Root, |at, name| match at.below(name.as_bytes()) {
                // The walk finds out by looking.
                Some(Place::Modules) if name == "repository" => Some(Place::Root),
                place => place,
            })
        };
        for path in ["objects", "lfs/objects", "modules/a/b/repository/objects", "modules/repository/lfs/objects"] {
            assert_eq!(below(path), None, "{path}");
        }
        for path in ["logs/objects", "hooks", "refs/heads/objects", "modules/objects", "lfs/tmp", "worktrees/objects"] {
            assert!(below(path).is_some(), "{path}");
        }
    }

    #[test]
    fn a_head_names_a_ref_or_an_object() {
        let dir = tempfile::tempdir().unwrap();
        let fd = std::fs::File::open(dir.path()).unwrap();
        for (text, valid) in [
            ("ref: refs/heads/main\n".to_owned(), true),
            ("ref:refs/heads/main".to_owned(), true),
            ("a".repeat(40) + "\n", true),
            ("0".repeat(64), true),
            ("a".repeat(41), false),
            ("ref: ../x\n".to_owned(), false),
            (String::new(), false),
            ("x".to_owned(), false),
        ] {
            std::fs::write(dir.path().join("HEAD"), &text).unwrap();
            assert_eq!(has_head(&fd), valid, "{text}");
        }
    }
}

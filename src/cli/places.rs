//! Where the targets of a scan lie, and which files in them and above them may speak for them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::model::Untrusted;
use crate::sources::work_tree;

/// A target as it was named, and where it lies.
struct Place {
    named: Vec<u8>,
    /// Absolute and without links.
    real: PathBuf,
    directory: bool,
}

/// The targets of a scan.
pub(super) struct Places {
    all: Vec<Place>,
    /// The current directory, so that paths can be shown below it.
    here: Option<PathBuf>,
}

impl Places {
    /// Looks up where the targets lie; those that do not exist, and standard input, are left out.
    pub(super) fn of(targets: &[PathBuf]) -> Self {
        let place = |path: &PathBuf| {
            let real = path.canonicalize().ok()?;
            Some(Place { named: path.as_os_str().as_bytes().to_vec(), directory: real.is_dir(), real })
        };
        let all = targets.iter().filter(|p| p.as_os_str() != "-").filter_map(place).collect();
        Self { all, here: Path::new(".").canonicalize().ok() }
    }

    /// The directories whose `.quell.toml` counts, the outermost first: from each target up to the root of the work tree
    /// that it lies in; outside of a repository a directory that was named, and no other.
    pub(super) fn directories(&self) -> BTreeSet<PathBuf> {
        let mut out = BTreeSet::new();
        for place in &self.all {
            let Some(nearest) = (if place.directory { Some(&*place.real) } else { place.real.parent() }) else {
                continue;
            };
            match work_tree(nearest) {
                Some(root) => {
                    out.extend(nearest.ancestors().take_while(|d| d.starts_with(root)).map(Path::to_path_buf));
                }
                None if place.directory => {
                    out.insert(nearest.to_path_buf());
                }
                None => {}
            }
        }
        out
    }

    /// Whether everything below a directory was asked for.
    pub(super) fn has_all_of(&self, directory: &Path) -> bool {
        self.all.iter().any(|p| p.directory && directory.starts_with(&p.real))
    }

    /// Whether a path that the report shows lies below a directory.
    pub(super) fn is_below(&self, path: &Untrusted, directory: &Path) -> bool {
        let targets = self.all.iter().filter_map(|p| Some((p, rest(path.raw(), &p.named)?)));
        // `.` has every relative path below it; the target that says most of the path is the one that it was found in.
        let Some((place, rest)) = targets.min_by_key(|(_, rest)| rest.len()) else { return false };
        place.real.starts_with(directory) || place.real.join(OsStr::from_bytes(rest)).starts_with(directory)
    }

    /// How a file's path is shown: below the current directory, or whole.
    pub(super) fn shown(&self, file: &Path) -> Untrusted {
        let below = self.here.as_ref().and_then(|here| file.strip_prefix(here).ok());
        Untrusted::new(below.unwrap_or(file).as_os_str().as_bytes())
    }
}

/// What of a path is below a target as it was named; nothing for the target itself.
fn rest<'p>(path: &'p [u8], target: &[u8]) -> Option<&'p [u8]> {
    if path == target {
        return Some(b"");
    }
    if matches!(target, b"." | b"./") {
        return (!path.starts_with(b"/") && !path.starts_with(b"../")).then_some(path);
    }
    let target = target.strip_suffix(b"/").unwrap_or(target);
    path.strip_prefix(target)?.strip_prefix(b"/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_below_the_target_that_they_were_found_in() {
        for (path, target, below) in [
            ("a/b", ".", Some("a/b")),
            ("../a/b", ".", None),
            ("/a/b", "./", None),
            ("a/b", "a", Some("b")),
            ("a/b", "a/", Some("b")),
            ("ab/c", "a", None),
            ("/a/b", "/a", Some("b")),
            ("/b", "/", Some("b")),
            ("a", "a", Some("")),
        ] {
            assert_eq!(rest(path.as_bytes(), target.as_bytes()), below.map(str::as_bytes), "{path} {target}");
        }
    }

    #[test]
    fn a_directory_has_what_lies_below_it_however_it_was_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/b/f"), "").unwrap();
        let shown = |path: &Path| Untrusted::new(path.as_os_str().as_bytes());
        let places = Places::of(&[root.join("a/b"), root.join("a/b/../b/f")]);
        for (directory, below) in [("a", true), ("a/b", true), ("a/b/c", false), ("b", false)] {
            for path in ["a/b/x", "a/b/../b/f"] {
                assert_eq!(places.is_below(&shown(&root.join(path)), &root.join(directory)), below, "{directory}");
            }
        }
        assert!(places.has_all_of(&root.join("a/b")) && !places.has_all_of(&root.join("a")));
        assert_eq!(places.directories().into_iter().collect::<Vec<_>>(), [root.join("a/b")], "no repository");
        std::fs::create_dir_all(root.join(".git/objects")).unwrap();
        std::fs::create_dir_all(root.join(".git/refs")).unwrap();
        std::fs::write(root.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        let up: Vec<PathBuf> = Places::of(&[root.join("a/b/f")]).directories().into_iter().collect();
        assert_eq!(up, [root.clone(), root.join("a"), root.join("a/b")]);
    }
}

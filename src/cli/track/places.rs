//! Which repository a place of a finding is in, and the names of variables that it is assigned to there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::cli::remote;
use crate::model::case::Place;
use crate::model::{Finding, Location, Part, Secret, Untrusted};
use crate::owners::{Histories, names_at, repository_name};
use crate::sources::work_tree;

/// The largest file whose lines are looked at for names.
const MOST: u64 = 4 << 20;
/// The most names that are kept of a credential.
const NAMES: usize = 8;

/// The roots of what was scanned.
pub(in crate::cli) struct Roots {
    /// The repository of a history or a change: paths in its report are below it.
    history: Option<PathBuf>,
    /// Whether paths begin with the name of a repository on a server.
    remote: bool,
    /// The root and the name of a directory, once they were looked up.
    known: RefCell<HashMap<PathBuf, (PathBuf, Untrusted)>>,
    histories: Histories,
}

impl Roots {
    /// Of the targets of a scan; the first is the repository where a history or a change was scanned.
    pub(in crate::cli) fn of(targets: &[PathBuf]) -> Self {
        let remote = targets.iter().any(|target| remote::is_remote(target));
        let root = targets.first().filter(|_| !remote).map(|root| absolute(root));
        Self { history: root, remote, known: RefCell::default(), histories: Histories::default() }
    }

    /// Where a location is, as a case keeps it. Of a work tree, the commit that brought the secret in is looked for.
    pub(in crate::cli) fn place(&self, location: &Location, secret: &Secret, now: i64) -> Place {
        let of_history = location.history.is_some() || location.commit.is_some();
        let (repository, path, root) = self.split(&location.path, of_history);
        let mut commit = location.commit.as_deref().cloned();
        if commit.is_none() && !self.remote && location.part == Part::File {
            let history = self.histories.at(Path::new(std::ffi::OsStr::from_bytes(root.raw())));
            commit = history.and_then(|history| history.introduced(path.raw(), |text| secret.stands_in(text)));
        }
        Place {
            repository,
            path,
            part: location.part,
            line: location.line,
            column: location.column,
            commit,
            presence: location.history.as_ref().map(|history| history.presence),
            root,
            seen: now,
        }
    }

    /// Repository, path below its root, and what to scan again.
    pub(super) fn split(&self, path: &Untrusted, of_history: bool) -> (Untrusted, Untrusted, Untrusted) {
        if self.remote {
            let at = path.raw().windows(2).position(|pair| pair == b": ");
            let (name, rest) = match at {
                Some(at) => (path.raw().get(..at), path.raw().get(at + 2..)),
                None => (Some(path.raw()), None),
            };
            let name = name.unwrap_or_default();
            return (short(name), Untrusted::new(rest.unwrap_or_default()), again(name));
        }
        let text = |path: &Path| Untrusted::new(path.as_os_str().as_bytes());
        if let Some(root) = self.history.as_ref().filter(|_| of_history) {
            return (self.root(root).1, path.clone(), text(root));
        }
        let real = absolute(Path::new(std::ffi::OsStr::from_bytes(path.raw())));
        let (root, name) = self.root(real.parent().unwrap_or(&real));
        let below = real.strip_prefix(&root).map_or_else(|_| text(&real), text);
        (name, below, text(&root))
    }

    /// The root of the work tree that a directory lies in, and its name; a directory outside of any is its own.
    fn root(&self, directory: &Path) -> (PathBuf, Untrusted) {
        if let Some(known) = self.known.borrow().get(directory) {
            return known.clone();
        }
        let root = work_tree(directory).map_or_else(|| directory.to_path_buf(), Path::to_path_buf);
        let found = (root.clone(), repository_name(&root).0);
        self.known.borrow_mut().insert(directory.to_path_buf(), found.clone());
        found
    }

    /// Names of variables that a credential is assigned to, where its files lie on this machine.
    pub(in crate::cli) fn names(&self, finding: &Finding) -> Vec<Untrusted> {
        let mut all: Vec<Untrusted> = Vec::new();
        for location in &finding.locations {
            let found = self.line(location).map(|(line, start)| names_at(&line, start..line.len())).unwrap_or_default();
            for name in found {
                if !all.contains(&name) && all.len() < NAMES {
                    all.push(name);
                }
            }
        }
        all
    }

    /// The line that a location is in, and where in it the secret starts.
    fn line(&self, location: &Location) -> Option<(Vec<u8>, usize)> {
        if self.remote || location.part != Part::File || location.commit.is_some() {
            return None;
        }
        let path = Path::new(std::ffi::OsStr::from_bytes(location.path.raw()));
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = File::options().read(true).custom_flags(flags.bits() as i32).open(path).ok()?;
        let about = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let start = usize::try_from(location.start).ok().filter(|_| about.len() <= MOST)?;
        let mut text = zeroize::Zeroizing::new(Vec::new());
        file.take(MOST).read_to_end(&mut text).ok()?;
        let before = text.get(..start)?;
        let begin = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        Some((before.get(begin..)?.to_vec(), start - begin))
    }
}

/// An absolute path without links; where it does not exist, as it is.
fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_path_buf())
}

/// `host/owner/name` of a repository on a server, by the name that its report has.
fn short(name: &[u8]) -> Untrusted {
    let text = String::from_utf8_lossy(name);
    let rest = text.strip_prefix("https://").unwrap_or(&text);
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let rest = rest.strip_suffix(".git").unwrap_or(rest);
    let whole = if text.contains("://") { rest.to_owned() } else { format!("github.com/{rest}") };
    Untrusted::from(whole.as_str())
}

/// What to scan to find it again.
fn again(name: &[u8]) -> Untrusted {
    let text = String::from_utf8_lossy(name);
    let whole = if text.contains("://") { text.into_owned() } else { format!("github:{text}") };
    Untrusted::from(whole.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_on_a_server_has_one_name_however_it_was_asked_for() {
        let names = ["https://github.com/acme/shop.git", "https://github.com/acme/shop", "acme/shop"];
        let all: Vec<Untrusted> = names.iter().map(|name| short(name.as_bytes())).collect();
        assert!(all.iter().all(|name| name.raw() == b"github.com/acme/shop"), "{all:?}");
        assert_eq!(again(b"acme/shop").raw(), b"github:acme/shop");
    }

    #[test]
    fn a_path_is_kept_below_its_repository() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("app/.git/objects")).unwrap();
        std::fs::create_dir_all(root.join("app/.git/refs")).unwrap();
        std::fs::write(root.join("app/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
        std::fs::create_dir_all(root.join("app/src")).unwrap();
        std::fs::write(root.join("app/src/x.env"), "A=1").unwrap();
        let roots = Roots::of(std::slice::from_ref(&root));
        let (name, path, again) =
            roots.split(&Untrusted::new(root.join("app/src/x.env").as_os_str().as_bytes()), false);
        assert_eq!(path.raw(), b"src/x.env");
        assert_eq!(again.raw(), root.join("app").as_os_str().as_bytes());
        assert_eq!(name, again, "without an address it goes by its directory");
    }
}

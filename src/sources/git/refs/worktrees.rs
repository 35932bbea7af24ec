//! The git directories that belong to one repository, and the tips that they make together.

use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{FileType, fstat};

use super::lines::Place;
use super::store::{Found, Store, Value};
use super::{Log, Refs, Tip, TipKind, files, stack};
use crate::model::{Coverage, GapKind, ObjectId, Untrusted, system_words};
use crate::sources::open;

/// The most linked worktrees that are read.
const MOST: usize = 10_000;

/// One git directory.
struct Worktree {
    /// What stands before the names that it has to itself.
    prefix: Vec<u8>,
    /// Whether it is the one that was asked for.
    asked: bool,
    store: Store,
    pseudo: Vec<(Vec<u8>, ObjectId)>,
}

/// Reads the common directory, every linked worktree's, and the one that was asked for.
pub(super) fn read(git_dir: &Path, common_dir: &Path, coverage: &mut Coverage) -> Refs {
    let Some(common) = place(common_dir, coverage) else { return Refs::default() };
    let asked = if git_dir == common_dir { None } else { place(git_dir, coverage) };
    let same = |place: &Place| asked.as_ref().is_some_and(|a| is_same(&a.fd, &place.fd));
    let main = asked.is_none() || same(&common);
    let prefix: &[u8] = if main { b"" } else { b"main-worktree/" };
    let shared = worktree(&common, prefix.to_vec(), main, coverage);
    let mut refs = Refs { shallow: files::shallow(&common, coverage), ..Refs::default() };
    add(&mut refs, &shared, &shared.store, coverage);
    let mut met = main;
    for (name, dir) in linked(&common, coverage) {
        let own = same(&dir);
        met |= own;
        let prefix = if own { Vec::new() } else { [b"worktrees/".as_slice(), &name, b"/"].concat() };
        add(&mut refs, &worktree(&dir, prefix, own, coverage), &shared.store, coverage);
    }
    if let (Some(dir), false) = (&asked, met) {
        add(&mut refs, &worktree(dir, Vec::new(), true, coverage), &shared.store, coverage);
    }
    refs
}

/// Opens a git directory.
pub(super) fn place(path: &Path, coverage: &mut Coverage) -> Option<Place> {
    let bytes = path.as_os_str().as_bytes();
    match open::target(path) {
        Ok(fd) => Some(Place { fd, path: bytes.to_vec() }),
        Err(e) => {
            coverage.gap(GapKind::Unreadable, &Untrusted::new(bytes), system_words(&e.into()));
            None
        }
    }
}

fn is_same(a: impl AsFd, b: impl AsFd) -> bool {
    matches!((fstat(a), fstat(b)), (Ok(a), Ok(b)) if (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino))
}

/// The git directories of linked worktrees, in the order of their names.
fn linked(common: &Place, coverage: &mut Coverage) -> Vec<(Vec<u8>, Place)> {
    let Some(all) = common.below(c"worktrees", coverage) else { return Vec::new() };
    let mut names = Vec::new();
    let outcome = open::entries(&all.fd, |name, kind| {
        if matches!(kind, FileType::Directory | FileType::Unknown | FileType::Symlink) {
            names.push(name.to_owned());
        }
    });
    if let Err(e) = outcome {
        coverage.gap(GapKind::Unreadable, &Untrusted::new(&all.path), system_words(&e.into()));
    }
    names.sort();
    if names.len() > MOST {
        let why = format!("it has {} worktrees: the refs of {MOST} were read", names.len());
        coverage.gap(GapKind::OverBudget, &Untrusted::new(&all.path), why);
        names.truncate(MOST);
    }
    names.iter().filter_map(|n| Some((n.to_bytes().to_vec(), all.below(n, coverage)?))).collect()
}

fn worktree(dir: &Place, prefix: Vec<u8>, asked: bool, coverage: &mut Coverage) -> Worktree {
    let (mut store, mut pseudo) = (Store::default(), Vec::new());
    files::names(dir, &mut store, &mut pseudo, coverage);
    files::logs(dir, &mut store, coverage);
    stack::read(dir, true, &mut store, coverage);
    store.say_full(dir, coverage);
    pseudo.sort();
    pseudo.dedup();
    Worktree { prefix, asked, store, pseudo }
}

/// Adds the tips and logs of a git directory.
fn add(refs: &mut Refs, from: &Worktree, common: &Store, coverage: &mut Coverage) {
    // Only what no other worktree shares is told apart by a prefix.
    let named = |name: &[u8]| {
        let own = super::store::is_per_worktree(name);
        Untrusted::new(&[if own { from.prefix.as_slice() } else { b"" }, name].concat())
    };
    for (name, value) in &from.store.refs {
        match from.store.resolve(value, common) {
            Found::Object(id, peeled) => {
                let kind = kind(name, from);
                refs.tips.push(Tip { kind, name: named(name), id, peeled });
            }
            Found::Loop => {
                coverage.gap(GapKind::Corrupt, &named(name), "it leads back to itself, by way of other refs")
            }
            Found::Nothing => {
                let head = name == b"HEAD" || matches!(value, Value::Symbolic(to) if to.starts_with(b"refs/remotes/"));
                if !head {
                    coverage.notice(&named(name), "it is the name of a ref that is not there");
                }
            }
        }
    }
    for (name, id) in &from.pseudo {
        refs.tips.push(Tip { kind: TipKind::Pseudo, name: named(name), id: *id, peeled: None });
    }
    for (name, ids) in &from.store.logs {
        refs.logs.push(Log { name: named(name), ids: ids.iter().copied().collect() });
    }
}

fn kind(name: &[u8], from: &Worktree) -> TipKind {
    let below = |prefix: &[u8]| name.starts_with(prefix);
    match name {
        b"HEAD" if from.asked => TipKind::Head,
        b"HEAD" => TipKind::Worktree,
        b"refs/stash" => TipKind::Stash,
        _ if below(b"refs/heads/") => TipKind::Branch,
        _ if below(b"refs/remotes/") => TipKind::Remote,
        _ if below(b"refs/tags/") => TipKind::Tag,
        _ if below(b"refs/notes/") => TipKind::Notes,
        _ if !below(b"refs/") => TipKind::Pseudo,
        _ if super::store::is_per_worktree(name) && !from.asked => TipKind::Worktree,
        _ => TipKind::Other,
    }
}

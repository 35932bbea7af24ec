//! What the refs of one worktree name, without their logs: what a scan of a change asks for.

use std::collections::BTreeSet;
use std::path::Path;

use super::store::{Found, Store, is_per_worktree};
use super::worktrees::place;
use super::{files, stack};
use crate::model::{Coverage, ObjectId};

/// The refs of a worktree, and those that it shares with others.
#[derive(Debug, Default)]
pub struct Names {
    /// What a linked worktree has to itself; else the same as is shared, and left out.
    own: Option<Dir>,
    common: Dir,
}

#[derive(Debug, Default)]
struct Dir {
    store: Store,
    pseudo: Vec<(Vec<u8>, ObjectId)>,
}

impl Names {
    /// Reads the refs of a repository, of its files and reftables alike. What cannot be read goes into `coverage`.
    #[must_use]
    pub fn read(git_dir: &Path, common_dir: &Path, coverage: &mut Coverage) -> Self {
        let own = (git_dir != common_dir).then(|| Dir::read(git_dir, coverage));
        Self { own, common: Dir::read(common_dir, coverage) }
    }

    fn own(&self) -> &Dir {
        self.own.as_ref().unwrap_or(&self.common)
    }

    /// What a ref names, by its full name; `HEAD` and its like are a worktree's own.
    #[must_use]
    pub fn target(&self, name: &[u8]) -> Option<ObjectId> {
        let dir = if is_per_worktree(name) { self.own() } else { &self.common };
        let Some(value) = dir.store.refs.get(name) else { return self.heads(name).next() };
        match self.own().store.resolve(value, &self.common.store) {
            Found::Object(id, _) => Some(id),
            Found::Nothing | Found::Loop => None,
        }
    }

    /// The ids in one of the files at the top that hold several: `MERGE_HEAD`, `FETCH_HEAD`.
    pub fn heads(&self, name: &[u8]) -> impl Iterator<Item = ObjectId> {
        self.own().pseudo.iter().filter(move |(known, _)| known == name).map(|(_, id)| *id)
    }

    /// What the refs below a folder (`refs/`, `refs/remotes/origin/`) name.
    #[must_use]
    pub fn below(&self, folder: &[u8]) -> BTreeSet<ObjectId> {
        let names = self.own.iter().chain([&self.common]).flat_map(|dir| dir.store.refs.keys());
        names.filter(|name| name.starts_with(folder)).filter_map(|name| self.target(name)).collect()
    }
}

impl Dir {
    fn read(path: &Path, coverage: &mut Coverage) -> Self {
        let mut dir = Self::default();
        if let Some(place) = place(path, coverage) {
            files::names(&place, &mut dir.store, &mut dir.pseudo, coverage);
            stack::read(&place, false, &mut dir.store, coverage);
            dir.store.say_full(&place, coverage);
        }
        dir
    }
}

//! What the repositories that a directory lies in say about it: what they track, and what the innermost one ignores.
//!
//! A file that any repository around it tracks is scanned, whatever a repository further in ignores: to put a `.git`
//! and an ignore file into a tracked directory hides nothing that is committed (docs/design/0005-walking.md).

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use super::repository::{IgnoreFile, Repository, Tracked, ignore_files_above};

/// What holds in a directory.
#[derive(Clone, Default)]
pub(super) struct Rules {
    /// What the innermost repository tracks; `None` where nothing is left out.
    tracked: Option<Arc<Tracked>>,
    ignore: Option<Arc<IgnoreFile>>,
    /// The directory's path below the innermost work tree's root.
    in_tree: Vec<u8>,
    /// Whether the directory itself is ignored, so that only what is tracked in it counts.
    ignored: bool,
    /// Whether there is a repository at all.
    inside: bool,
    around: Option<Arc<Around>>,
}

/// A repository around another one.
struct Around {
    tracked: Option<Arc<Tracked>>,
    /// Where the inner work tree's root lies in this one.
    at: Vec<u8>,
    around: Option<Arc<Around>>,
}

impl Rules {
    /// The rules of the repositories that a directory lies in, the one that it may be the root of left out.
    pub(super) fn above(directory: &Path) -> Self {
        let Ok(directory) = directory.canonicalize() else { return Self::default() };
        let mut trees = Repository::all_around(&directory);
        let mut rules = Self::default();
        let Some((mut tree, first)) = trees.pop() else { return rules };
        rules = rules.enter(first);
        while let Some((inner, repository)) = trees.pop() {
            rules.in_tree = below(&inner, &tree);
            rules = rules.enter(repository);
            tree = inner;
        }
        let path = below(&directory, &tree);
        rules.ignore = ignore_files_above(&tree, &path, rules.ignore.take()).filter(|_| rules.tracked.is_some());
        // A target that is itself ignored by a repository around it is none of that repository's business.
        let mut ends = path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(i, _)| i).chain([path.len()]);
        if ends.any(|end| path.get(..end).is_some_and(|part| rules.ignores_directory(part))) {
            return Self::default();
        }
        rules.in_tree = path;
        rules
    }

    /// The rules in the root of a repository's work tree.
    ///
    /// One that lies in another and tracks nothing leaves nothing out: it may have been put there for that.
    pub(super) fn enter(self, repository: Repository) -> Self {
        let around =
            self.inside.then(|| Arc::new(Around { tracked: self.tracked, at: self.in_tree, around: self.around }));
        let tracked = repository.tracked.filter(|t| around.is_none() || !t.is_empty());
        Self {
            ignore: repository.exclude.filter(|_| tracked.is_some()),
            tracked: tracked.map(Arc::new),
            in_tree: Vec::new(),
            ignored: false,
            inside: true,
            around,
        }
    }

    /// Whether an ignore file in this directory counts.
    pub(super) const fn reads_ignore_files(&self) -> bool {
        self.tracked.is_some()
    }

    /// Takes up the directory's own ignore file.
    pub(super) fn ignore_file(&mut self, text: &[u8]) {
        if let Some(own) = IgnoreFile::parse(text, &self.in_tree, self.ignore.clone()) {
            self.ignore = Some(own);
        }
    }

    /// The rules of a directory in this one; `None` where it is ignored and nothing in it tracked.
    pub(super) fn directory(&self, name: &[u8]) -> Option<Self> {
        if !self.inside {
            return Some(self.clone());
        }
        let in_tree = [self.prefix().as_slice(), name].concat();
        let ignored = self.ignored || self.ignores(&in_tree, true);
        let tracked = || self.tracks(&in_tree, Tracked::has_directory);
        (!ignored || tracked()).then(|| Self { in_tree, ignored, ..self.clone() })
    }

    /// The path of this directory below the innermost work tree's root, as the paths of its files begin.
    pub(super) fn prefix(&self) -> Vec<u8> {
        if self.in_tree.is_empty() { Vec::new() } else { [self.in_tree.as_slice(), b"/"].concat() }
    }

    /// Whether a file of this directory is ignored and not tracked, by its path below the innermost work tree's root.
    pub(super) fn leaves_out_file(&self, in_tree: &[u8]) -> bool {
        let Some(tracked) = &self.tracked else { return false };
        !tracked.has_file(in_tree)
            && (self.ignored || self.ignores(in_tree, false))
            && !self.tracks(in_tree, Tracked::has_file)
    }

    fn ignores_directory(&self, in_tree: &[u8]) -> bool {
        self.ignores(in_tree, true) && !self.tracks(in_tree, Tracked::has_directory)
    }

    fn ignores(&self, in_tree: &[u8], directory: bool) -> bool {
        self.tracked.is_some() && self.ignore.as_ref().is_some_and(|i| i.ignores(in_tree, directory))
    }

    /// Whether the innermost repository or one around it tracks a path.
    fn tracks(&self, in_tree: &[u8], has: fn(&Tracked, &[u8]) -> bool) -> bool {
        let (mut tracked, mut path) = (&self.tracked, in_tree.to_vec());
        let mut around = &self.around;
        loop {
            if tracked.as_ref().is_some_and(|t| has(t, &path)) {
                return true;
            }
            let Some(next) = around else { return false };
            if !next.at.is_empty() {
                path = [next.at.as_slice(), &path].join(&b'/');
            }
            (tracked, around) = (&next.tracked, &next.around);
        }
    }
}

fn below(inner: &Path, outer: &Path) -> Vec<u8> {
    inner.strip_prefix(outer).unwrap_or(inner).as_os_str().as_bytes().to_vec()
}

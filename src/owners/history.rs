//! What a repository said at its default branch before a leak, and which commit brought the leak in.
//!
//! Whoever leaks a credential may edit CODEOWNERS in the same commit, on the same branch, or in a commit before it on a
//! branch that is merged later. None of that is read: what counts is the newest commit on the first-parent line of the
//! default branch that stands before the leak by topology. Dates are written by whoever commits, and they decide nothing
//! as long as both histories meet. Objects are read by quell's own readers; nothing of a configuration is followed
//! (invariant 5a), and the address of `origin` is text that anyone may have written.

use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::trees::{Known, Trees};
use crate::model::case::Place;
use crate::model::{CommitRef, Coverage, ObjectId, Untrusted};
use crate::sources::git::changes::{Commit, Objects};
use crate::sources::git::refs::Names;
use crate::sources::git::{ObjectKind, Repository};

/// The most commits that are read to answer one question.
pub const MOST_COMMITS: usize = 50_000;
/// How many commits in a row, right before the leak and by its author, are passed over: a branch that was fast-forwarded
/// looks like this.
const OWN_COMMITS: usize = 100;
/// The largest file of a repository that says something of its owners, in bytes.
const LARGEST: u64 = 3 << 20;
/// The largest file that is searched for where a secret came in, in bytes.
const LARGEST_SEARCHED: u64 = 64 << 20;

/// A file as it was at the default branch before a leak.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its content.
    pub text: Arc<Vec<u8>>,
    /// The commit in which it was so.
    pub commit: ObjectId,
    /// That commit's date, in seconds since 1970 UTC.
    pub at: i64,
}

/// Whoever can say what repositories said before leaks.
pub trait RepositoryFiles {
    /// A file of the place's repository, by its path below the root, as it was at the default branch before the leak at
    /// that place; `None` where there was none, or where it is not known what was before.
    fn before(&self, place: &Place, path: &str) -> Option<Told>;
}

/// Nobody: no repository can be read.
impl RepositoryFiles for () {
    fn before(&self, _: &Place, _: &str) -> Option<Told> {
        None
    }
}

/// A repository, open for questions about its history.
#[derive(Debug)]
pub struct History {
    repository: Repository,
    names: Names,
    /// What was looked up in trees: a hostile one may be large, and many files are asked for.
    known: Mutex<Known>,
}

impl History {
    /// Opens the repository of a work tree's root, or a bare one; `None` for a directory without one that may be read.
    #[must_use]
    pub fn open(root: &Path) -> Option<Self> {
        let mut coverage = Coverage::default();
        let repository = Repository::open(root, &mut coverage).ok()?;
        let names = Names::read(repository.git_dir(), repository.common_dir(), &mut coverage);
        Some(Self { repository, names, known: Mutex::default() })
    }

    fn objects(&self) -> Objects<'_> {
        Objects::new(&self.repository, Some(LARGEST_SEARCHED))
    }

    fn commit_of(&self, objects: &Objects<'_>, name: &str) -> Option<ObjectId> {
        let (id, kind) = objects.peel(self.names.target(name.as_bytes())?, |_| {}).ok()?;
        (kind == ObjectKind::Commit).then_some(id)
    }

    /// The newest commit of the default branch: where the clone says that the server's `HEAD` is; in a bare repository its
    /// own; else `main` or `master`, the server's before one's own; else `HEAD`, which may be on any branch.
    fn tip(&self, objects: &Objects<'_>) -> Option<ObjectId> {
        let bare = self.repository.location().work_tree.is_none();
        let own = ["refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master"];
        let names = ["refs/remotes/origin/HEAD"].into_iter().chain(bare.then_some("HEAD")).chain(own).chain(["HEAD"]);
        names.into_iter().find_map(|name| self.commit_of(objects, name))
    }

    /// The repository at its default branch before the commit that brought a leak in; for `None`, a leak that is in no
    /// commit, at its newest commit. `None` where that is not known: no such commit, a history that is cut off or too
    /// long, or nothing before it.
    #[must_use]
    pub fn before(&self, leak: Option<&ObjectId>) -> Option<Snapshot> {
        let objects = self.objects();
        let tip = self.tip(&objects)?;
        let Some(leak) = leak else { return Some(Snapshot::of(&objects.commit(&tip).ok()?)) };
        let mut graph = Graph { objects: &objects, seen: HashMap::new(), whole: true };
        graph.before(tip, *leak).map(|commit| Snapshot::of(&commit))
    }

    /// The commit that brought something into a file, by path below the root: of those that lead to `HEAD`, the one whose
    /// version of the file has it and no parent's has. `None` where the newest version does not have it, or
    /// [`MOST_COMMITS`] commits do not suffice.
    pub fn introduced(&self, path: &[u8], contains: impl Fn(&[u8]) -> bool) -> Option<CommitRef> {
        let objects = self.objects();
        let mut trees = Trees::new(&objects);
        let mut versions: HashMap<ObjectId, bool> = HashMap::new();
        let mut has = |tree: &ObjectId| {
            let Some(blob) = trees.file(tree, path) else { return false };
            let read = || objects.read_as(&blob, ObjectKind::Blob).is_ok_and(|bytes| contains(&bytes));
            *versions.entry(blob).or_insert_with(read)
        };
        let mut at = objects.commit(&self.commit_of(&objects, "HEAD")?).ok()?;
        if !has(&at.tree) {
            return None;
        }
        for _ in 0..MOST_COMMITS {
            let mut next = None;
            for parent in &at.parents {
                // What is behind the cut of a shallow clone is not known, and neither is who brought it in.
                let parent = objects.commit(parent).ok()?;
                if has(&parent.tree) {
                    next = Some(parent);
                    break;
                }
            }
            match next {
                Some(parent) => at = parent,
                None => return Some(CommitRef::clone(&at.reference)),
            }
        }
        None
    }

    /// Whether the newest commit of the default branch, or `HEAD`, has something at a path.
    fn has(&self, path: &[u8]) -> bool {
        let objects = self.objects();
        let tips = [self.tip(&objects), self.commit_of(&objects, "HEAD")];
        tips.into_iter().flatten().any(|tip| {
            // Where it cannot be looked up, it may be there.
            objects.commit(&tip).map_or(true, |commit| Trees::new(&objects).file(&commit.tree, path).is_some())
        })
    }

    /// A file of a snapshot, by its path below the root, of at most 3 MiB.
    #[must_use]
    pub fn file(&self, snapshot: &Snapshot, path: &str) -> Option<Told> {
        let objects = Objects::new(&self.repository, Some(LARGEST));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut trees = Trees::resume(&objects, std::mem::take(&mut *known));
        let id = trees.file(&snapshot.tree, path.as_bytes());
        *known = trees.known;
        drop(known);
        let id = id?;
        let text = objects.read_as(&id, ObjectKind::Blob).ok()?;
        Some(Told { text, commit: snapshot.commit, at: snapshot.at })
    }
}

/// A commit of the default branch from before a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The commit.
    pub commit: ObjectId,
    tree: ObjectId,
    /// Its date, in seconds since 1970 UTC.
    pub at: i64,
}

impl Snapshot {
    fn of(commit: &Commit) -> Self {
        Self { commit: commit.id, tree: commit.tree, at: commit.time }
    }
}

/// What leads to a commit.
const FROM_TIP: u8 = 1;
const FROM_LEAK: u8 = 2;

struct Graph<'a, 'r> {
    objects: &'a Objects<'r>,
    seen: HashMap<ObjectId, (u8, Commit)>,
    /// Whether all that was asked for could be read.
    whole: bool,
}

impl Graph<'_, '_> {
    fn before(&mut self, tip: ObjectId, leak: ObjectId) -> Option<Commit> {
        self.paint(tip, leak)?;
        let (_, leaked) = self.seen.get(&leak)?;
        let leaked = leaked.clone();
        let after = self.after(leak);
        let merged = after.contains(&tip);
        if !merged && !self.whole {
            // It may have come in behind the cut.
            return None;
        }
        let meets = self.seen.values().any(|(flags, _)| *flags == FROM_TIP | FROM_LEAK);
        let is_before = |commit: &Commit| match (merged, meets) {
            (true, _) => !after.contains(&commit.id),
            (false, true) => self.flags(&commit.id) & FROM_LEAK != 0,
            (false, false) => commit.time < leaked.time,
        };
        let line: Vec<Commit> = self.line(tip).skip_while(|commit| !is_before(commit)).take(OWN_COMMITS + 1).collect();
        let by_leaker = |commit: &&Commit| commit.reference.author == leaked.reference.author;
        let other = line.iter().find(|commit| !by_leaker(commit));
        // Where nobody else ever wrote, the leaker's own word is all there is.
        let alone = if line.len() > OWN_COMMITS { line.last() } else { line.first() };
        other.or(alone).cloned()
    }

    /// Marks what leads to the tip and what leads to the leak, until every commit that only the tip has is known.
    fn paint(&mut self, tip: ObjectId, leak: ObjectId) -> Option<()> {
        let cut: HashSet<ObjectId> = self.objects.repository().shallow().iter().copied().collect();
        let mut queue = BinaryHeap::new();
        // Commits in the queue that are not known to lead to the leak.
        let (mut open, mut met) = (HashSet::new(), false);
        self.meet(leak, FROM_LEAK, &mut queue, &mut open)?;
        self.meet(tip, FROM_TIP, &mut queue, &mut open)?;
        while let Some((_, id)) = queue.pop() {
            open.remove(&id);
            let Some((flags, commit)) = self.seen.get(&id) else { continue };
            let (flags, parents) = (*flags, commit.parents.clone());
            if cut.contains(&id) {
                self.whole = false;
            } else {
                for parent in parents {
                    self.meet(parent, flags, &mut queue, &mut open)?;
                }
            }
            // Both histories are followed until they meet, or to their ends: dates that somebody made up put one of them last.
            met = met || self.flags(&id) == FROM_TIP | FROM_LEAK;
            if open.is_empty() && met {
                break;
            }
        }
        Some(())
    }

    /// Adds what leads to a commit; `None` where too many were read.
    fn meet(
        &mut self,
        id: ObjectId,
        flags: u8,
        queue: &mut BinaryHeap<(i64, ObjectId)>,
        open: &mut HashSet<ObjectId>,
    ) -> Option<()> {
        if !self.seen.contains_key(&id) {
            match self.objects.commit(&id) {
                Ok(commit) => {
                    self.seen.insert(id, (0, commit));
                }
                Err(_) => {
                    self.whole = false;
                    return Some(());
                }
            }
        }
        let count = self.seen.len();
        let (known, commit) = self.seen.get_mut(&id)?;
        if *known | flags != *known {
            *known |= flags;
            if *known == FROM_TIP {
                open.insert(id);
            } else {
                open.remove(&id);
            }
            queue.push((commit.time, id));
        }
        (count <= MOST_COMMITS).then_some(())
    }

    /// The leak, and all that stands on it.
    fn after(&self, leak: ObjectId) -> HashSet<ObjectId> {
        let mut children: BTreeMap<ObjectId, Vec<ObjectId>> = BTreeMap::new();
        for (id, (_, commit)) in &self.seen {
            commit.parents.iter().for_each(|parent| children.entry(*parent).or_default().push(*id));
        }
        let (mut found, mut ahead) = (HashSet::new(), vec![leak]);
        while let Some(id) = ahead.pop() {
            if found.insert(id) {
                ahead.extend(children.get(&id).into_iter().flatten().copied());
            }
        }
        found
    }

    fn flags(&self, id: &ObjectId) -> u8 {
        self.seen.get(id).map_or(0, |(flags, _)| *flags)
    }

    /// The first-parent line, the newest first, as far as it can be read.
    fn line(&self, tip: ObjectId) -> impl Iterator<Item = Commit> {
        let cut = self.objects.repository().shallow();
        let read = |id: &ObjectId| match self.seen.get(id) {
            Some((_, commit)) => Some(commit.clone()),
            None => self.objects.commit(id).ok(),
        };
        let next = move |commit: &Commit| commit.parents.first().filter(|_| !cut.contains(&commit.id)).and_then(read);
        std::iter::successors(read(&tip), next).take(MOST_COMMITS)
    }
}

/// A repository, and the commit that brought a leak in.
type Leak = (PathBuf, Option<ObjectId>);

/// Repositories by where they lie, opened when they are first asked for.
#[derive(Debug, Default)]
pub struct Histories {
    known: Mutex<HashMap<PathBuf, Option<Arc<History>>>>,
    before: Mutex<HashMap<Leak, Option<Snapshot>>>,
}

impl Histories {
    /// The repository of a directory.
    #[must_use]
    pub fn at(&self, root: &Path) -> Option<Arc<History>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(root.to_path_buf()).or_insert_with(|| History::open(root).map(Arc::new)).clone()
    }
}

impl RepositoryFiles for Histories {
    /// A place without a commit counts as one that is in no commit only where its file is in none either: else it is not
    /// known since when the leak has been there. [`History::introduced`] finds the commit.
    fn before(&self, place: &Place, path: &str) -> Option<Told> {
        use std::os::unix::ffi::OsStrExt;
        let root = PathBuf::from(std::ffi::OsStr::from_bytes(place.root.raw()));
        let history = self.at(&root)?;
        let leak = place.commit.as_ref().map(|commit| commit.id);
        if leak.is_none() && history.has(place.path.raw()) {
            return None;
        }
        let snapshot = {
            let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
            *before.entry((root, leak)).or_insert_with(|| history.before(leak.as_ref()))
        }?;
        history.file(&snapshot, path)
    }
}

/// The name of the repository at a directory, and whether it was proved: `host/owner/name` by the address of `origin`,
/// without what stands before an `@` in it; else the directory's own path. Anyone who made the directory may have written
/// that address, so it is never proved; it is where quell itself cloned the repository from there.
#[must_use]
pub fn repository_name(root: &Path) -> (Untrusted, bool) {
    use std::os::unix::ffi::OsStrExt;
    let location = crate::sources::git::Location::of(root).ok();
    let text = location.and_then(|location| location.file("config")).unwrap_or_default();
    let url = crate::sources::git::setting(&text, "remote \"origin\"", "url");
    let name = url.and_then(|url| name_of_address(&url)).map(|name| Untrusted::from(name.as_str()));
    let path = || root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    (name.unwrap_or_else(|| Untrusted::new(path().as_os_str().as_bytes())), false)
}

/// `host/owner/name` of an address: a URL, or `user@host:owner/name`. `None` for a path and anything else.
#[must_use]
pub fn name_of_address(address: &str) -> Option<String> {
    let address = address.split(['?', '#']).next()?.trim();
    let (authority, path, is_web) = match address.split_once("://") {
        Some((scheme, rest)) => {
            let scheme = scheme.to_ascii_lowercase();
            if !["https", "http", "ssh", "git", "git+ssh"].contains(&scheme.as_str()) {
                return None;
            }
            let (authority, path) = rest.split_once('/')?;
            (authority, path, scheme.starts_with("http"))
        }
        None => {
            let (authority, path) = address.split_once(':').filter(|(host, _)| !host.contains('/'))?;
            (authority, path, false)
        }
    };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    // The port of a web server is part of its name; that of SSH says nothing of the forge.
    let host = match host.rsplit_once(':') {
        Some((host, port)) if !is_web || matches!(port, "443" | "80") => host.to_owned(),
        _ => host,
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let plain = |c: char| c.is_ascii_graphic() && !"\\@<>\"'`".contains(c);
    let parts = || path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    (!host.is_empty() && host.len() + path.len() < 1024 && parts() && host.chars().chain(path.chars()).all(plain))
        .then(|| format!("{host}/{path}"))
}

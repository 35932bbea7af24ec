//! The walk over a repository's objects, against git's own listing: every object is visited, with its bytes, whatever
//! way it is packed; and stretches that are said to be copied are in the base.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;

use quell::model::{Coverage, ObjectId};
use quell::sources::git::{Copied, Limits, Object, ObjectKind, Repository, Visitor, walk_within};

use crate::support::Tree;

/// Keeps what it sees of each object, and compares copies with the base's bytes.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) seen: Mutex<BTreeMap<String, (ObjectKind, Vec<u8>)>>,
    pub(crate) visits: Mutex<usize>,
    pub(crate) copied: Mutex<usize>,
    pub(crate) streamed: Mutex<usize>,
    pub(crate) only: Option<ObjectKind>,
    pub(crate) fails_on: Option<Vec<u8>>,
}

impl Visitor for Recorder {
    type State = Vec<u8>;

    fn wants(&self, kind: ObjectKind) -> bool {
        self.only.is_none_or(|only| only == kind)
    }

    fn visit(&self, object: &Object<'_>, base: Option<(&Vec<u8>, &[Copied])>) -> Vec<u8> {
        assert!(self.fails_on.as_deref() != Some(object.bytes), "a visitor that fails");
        let mut end = 0;
        for copy in base.iter().flat_map(|(_, copies)| copies.iter()) {
            let from = &base.unwrap().0[copy.from..copy.from + copy.len];
            assert!(from == &object.bytes[copy.at..copy.at + copy.len], "a copy that is none");
            assert!(copy.at >= end && copy.len > 0, "copies overlap or are out of order");
            end = copy.at + copy.len;
            *self.copied.lock().unwrap() += copy.len;
        }
        *self.visits.lock().unwrap() += 1;
        self.seen.lock().unwrap().insert(object.id.to_string(), (object.kind, object.bytes.to_vec()));
        object.bytes.to_vec()
    }

    fn large(&self, id: ObjectId, kind: ObjectKind, size: u64, content: &mut dyn Read) {
        let mut bytes = Vec::new();
        if content.read_to_end(&mut bytes).is_ok() {
            assert_eq!(bytes.len() as u64, size);
            *self.streamed.lock().unwrap() += 1;
            self.seen.lock().unwrap().insert(id.to_string(), (kind, bytes));
        }
    }
}

/// What git says the repository has: ids with kind and content.
fn listed(tree: &Tree, directory: &str) -> BTreeMap<String, (ObjectKind, Vec<u8>)> {
    let out = tree.git(directory, &["cat-file", "--batch", "--batch-all-objects"]).stdout;
    let (mut rest, mut all) = (out.as_slice(), BTreeMap::new());
    while let Some(end) = rest.iter().position(|b| *b == b'\n') {
        let header = String::from_utf8(rest[..end].to_vec()).unwrap();
        let parts: Vec<&str> = header.split(' ').collect();
        let size: usize = parts[2].parse().unwrap();
        let kind = match parts[1] {
            "commit" => ObjectKind::Commit,
            "tree" => ObjectKind::Tree,
            "blob" => ObjectKind::Blob,
            _ => ObjectKind::Tag,
        };
        all.insert(parts[0].to_owned(), (kind, rest[end + 1..end + 1 + size].to_vec()));
        rest = &rest[end + size + 2..];
    }
    all
}

fn walked(path: &Path, recorder: &Recorder, threads: usize) -> Coverage {
    let mut coverage = Coverage::default();
    let repository = Repository::open(path, &mut coverage).unwrap();
    walk_within(&repository, &Limits::default(), threads, recorder, &mut coverage);
    coverage
}

/// Walks a repository with one thread and with four, and compares with what git lists.
#[track_caller]
fn same_as_git(tree: &Tree, directory: &str) -> Recorder {
    let wanted = listed(tree, directory);
    let mut last = Recorder::default();
    for threads in [1, 4] {
        last = Recorder::default();
        let coverage = walked(&tree.at(directory), &last, threads);
        assert_eq!(coverage.gaps, []);
        let seen = last.seen.lock().unwrap();
        let ids = |all: &BTreeMap<String, _>| all.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(ids(&seen), ids(&wanted));
        assert!(*seen == wanted, "the bytes of an object are others");
    }
    last
}

/// A repository with files that change a little from commit to commit, several directories, a tag and an empty file.
fn history(tree: &Tree, directory: &str, arguments: &[&str]) {
    tree.dir(directory);
    tree.git(directory, &[&["init", "-q", "-b", "main"], arguments].concat());
    let line = |i: usize| format!("{i} a line that is like the others {}\n", i * 7919 % 1000);
    for commit in 0..12 {
        for file in 0..6 {
            let lines = (0..200 + commit * 5).map(|i| line(if i % 40 == commit { i + commit } else { i + file }));
            tree.write(format!("{directory}/d{}/f{file}.txt", file % 3), lines.collect::<String>());
        }
        tree.write(format!("{directory}/empty"), "");
        tree.write(format!("{directory}/x{commit}.bin"), [commit as u8; 3000]);
        tree.git(directory, &["add", "-A"]);
        tree.git(directory, &["commit", "-q", "-m", &format!("commit {commit}")]);
    }
    tree.git(directory, &["tag", "-a", "v1", "-m", "a tag"]);
}

#[test]
fn loose_objects_are_visited() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    same_as_git(&tree, "r");
}

#[test]
fn packed_objects_are_visited_with_their_copies() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    tree.git("r", &["repack", "-q", "-adf", "--depth=50", "--window=50"]);
    tree.git("r", &["prune-packed"]);
    let recorder = same_as_git(&tree, "r");
    assert!(*recorder.copied.lock().unwrap() > 100_000);
    assert_eq!(*recorder.visits.lock().unwrap(), recorder.seen.lock().unwrap().len(), "each is visited once");
}

//! The walk over a repository's objects, against git's own listing: every object is visited, with its bytes, whatever
//! way it is packed; and stretches that are said to be copied are in the base.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;

use quell::model::{Coverage, GapKind, ObjectId};
use quell::sources::git::{
    Access, Copied, Fault, Limits, Object, ObjectKind, ObjectReader, OpenError, Repository, Visitor, walk_within,
};

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
pub(crate) fn listed(tree: &Tree, directory: &str) -> BTreeMap<String, (ObjectKind, Vec<u8>)> {
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

pub(crate) fn walked(path: &Path, recorder: &Recorder, threads: usize) -> Coverage {
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
pub(crate) fn history(tree: &Tree, directory: &str, arguments: &[&str]) {
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

#[test]
fn several_packs_with_the_same_objects_and_loose_ones_are_visited() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    tree.git("r", &["repack", "-q", "-adf"]);
    for round in 0..3 {
        tree.write("r/more", format!("{round}\n").repeat(100));
        tree.git("r", &["add", "-A"]);
        tree.git("r", &["commit", "-q", "-m", "more"]);
        // Once only what is new, once all anew beside the old ones.
        tree.git("r", if round == 1 { &["repack", "-q", "-af"][..] } else { &["repack", "-q"][..] });
    }
    tree.write("r/more", "loose\n");
    tree.git("r", &["add", "-A"]);
    let recorder = same_as_git(&tree, "r");
    let packs = std::fs::read_dir(tree.at("r/.git/objects/pack")).unwrap();
    assert!(packs.filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|x| x == "pack")).count() > 2);
    assert!(*recorder.visits.lock().unwrap() < 2 * recorder.seen.lock().unwrap().len(), "leaves are visited once");
}

#[test]
fn deltas_that_name_their_base_by_id_are_visited() {
    let tree = Tree::new();
    history(&tree, "r", &["--object-format=sha1"]);
    tree.git("r", &["-c", "repack.useDeltaBaseOffset=false", "repack", "-q", "-adf"]);
    assert!(*same_as_git(&tree, "r").copied.lock().unwrap() > 100_000);
}

#[test]
fn a_thin_pack_that_was_completed_is_visited() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    tree.git(".", &["clone", "-q", "--bare", "r", "b"]);
    for file in 0..6 {
        let name = format!("r/d{}/f{file}.txt", file % 3);
        let mut text = std::fs::read_to_string(tree.at(&name)).unwrap();
        text.push_str("one line more\n");
        tree.write(name, text);
    }
    tree.git("r", &["commit", "-q", "-a", "-m", "more"]);
    let mut command = std::process::Command::new("git");
    crate::support::clean(&mut command);
    let thin = crate::support::run_with(
        command.current_dir(tree.at("r")).args(["pack-objects", "--revs", "--thin", "--stdout", "-q"]),
        b"HEAD\n^HEAD~1\n",
    );
    let mut command = std::process::Command::new("git");
    crate::support::clean(&mut command);
    let fixed = ["index-pack", "--stdin", "--fix-thin"];
    crate::support::run_with(command.current_dir(tree.at("b")).args(fixed), &thin.code(0).stdout).code(0);
    same_as_git(&tree, "b");
}

#[test]
fn objects_named_by_sha256_are_visited() {
    let tree = Tree::new();
    history(&tree, "r", &["--object-format=sha256"]);
    same_as_git(&tree, "r");
    tree.git("r", &["repack", "-q", "-adf"]);
    same_as_git(&tree, "r");
    tree.git("r", &["-c", "repack.useDeltaBaseOffset=false", "repack", "-q", "-adf"]);
    same_as_git(&tree, "r");
}

#[test]
fn a_multi_pack_index_stands_for_an_index_that_is_missing() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    tree.git("r", &["repack", "-q", "-adf"]);
    tree.git("r", &["multi-pack-index", "write"]);
    let wanted = listed(&tree, "r");
    let index = files(&tree.at("r/.git/objects/pack"), "idx").remove(0);
    std::fs::remove_file(&index).unwrap();
    let recorder = Recorder::default();
    assert_eq!(walked(&tree.at("r"), &recorder, 2).gaps, []);
    assert!(*recorder.seen.lock().unwrap() == wanted);
    std::fs::remove_file(tree.at("r/.git/objects/pack/multi-pack-index")).unwrap();
    let coverage = walked(&tree.at("r"), &Recorder::default(), 2);
    assert_eq!(coverage.gaps.len(), 1);
    assert_eq!(coverage.gaps[0].why, "it is corrupt: there is no index for it");
}

#[test]
fn a_bare_repository_a_worktree_and_a_submodule_are_opened() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    let wanted = listed(&tree, "r");
    tree.git(".", &["clone", "-q", "--bare", "r", "bare.git"]);
    same_as_git(&tree, "bare.git");
    tree.git("r", &["worktree", "add", "-q", "../linked"]);
    let recorder = Recorder::default();
    assert_eq!(walked(&tree.at("linked"), &recorder, 2).gaps, []);
    assert!(*recorder.seen.lock().unwrap() == wanted);
    tree.dir("super");
    tree.git("super", &["init", "-q"]);
    tree.git("super", &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../r", "sub"]);
    let recorder = Recorder::default();
    assert_eq!(walked(&tree.at("super/sub"), &recorder, 2).gaps, []);
    assert!(*recorder.seen.lock().unwrap() == wanted);
    // A link that leads to a repository which does not lead back is refused.
    tree.write("thief/.git", format!("gitdir: {}\n", tree.at("r/.git").display()));
    let refused = Repository::open(&tree.at("thief"), &mut Coverage::default());
    assert_eq!(refused.unwrap_err(), OpenError::Outside);
    tree.dir("none");
    assert_eq!(Repository::open(&tree.at("none"), &mut Coverage::default()).unwrap_err(), OpenError::None);
}

#[test]
fn alternates_are_read_inside_of_the_target_alone() {
    let tree = Tree::new();
    history(&tree, "t/inner", &[]);
    tree.git(".", &["clone", "-q", "--shared", "t/inner", "outside"]);
    let mut coverage = Coverage::default();
    let repository = Repository::open(&tree.at("outside"), &mut coverage).unwrap();
    assert_eq!((coverage.gaps.len(), coverage.gaps[0].kind), (1, GapKind::Outside));
    drop(repository);
    let access = Access { alternates: vec![tree.at("t/inner/.git/objects")], received: Vec::new() };
    let mut coverage = Coverage::default();
    let repository = Repository::open_with(&tree.at("outside"), &access, &mut coverage).unwrap();
    let recorder = Recorder::default();
    walk_within(&repository, &Limits::default(), 2, &recorder, &mut coverage);
    assert_eq!(coverage.gaps, []);
    assert!(*recorder.seen.lock().unwrap() == listed(&tree, "outside"));
    // The other way around: the target holds the repository that lends.
    tree.git("t", &["init", "-q"]);
    tree.write("t/.git/objects/info/alternates", "# lent\n../../inner/.git/objects\n");
    same_as_git(&tree, "t");
    // Circles end.
    tree.write("t/inner/.git/objects/info/alternates", "../../../.git/objects\n");
    same_as_git(&tree, "t");
}

#[test]
fn what_is_in_quarantine_is_read_where_it_is_named() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    let wanted = listed(&tree, "r");
    tree.git(".", &["init", "-q", "--bare", "b"]);
    std::fs::rename(tree.at("r/.git/objects"), tree.at("q")).unwrap();
    let access = Access { alternates: Vec::new(), received: vec![tree.at("q")] };
    let mut coverage = Coverage::default();
    let repository = Repository::open_with(&tree.at("b"), &access, &mut coverage).unwrap();
    let recorder = Recorder::default();
    walk_within(&repository, &Limits::default(), 2, &recorder, &mut coverage);
    assert_eq!(coverage.gaps, []);
    assert!(*recorder.seen.lock().unwrap() == wanted);
}

#[test]
fn shallow_and_partial_clones_are_known_as_such() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    let url = format!("file://{}", tree.at("r").display());
    tree.git(".", &["clone", "-q", "--depth=2", &url, "shallow"]);
    same_as_git(&tree, "shallow");
    let open = |name: &str| Repository::open(&tree.at(name), &mut Coverage::default()).unwrap();
    assert_eq!((open("shallow").shallow().len(), open("shallow").is_partial()), (1, false));
    assert_eq!((open("r").shallow().len(), open("r").is_partial()), (0, false));
    tree.git("r", &["config", "uploadpack.allowFilter", "true"]);
    tree.git(".", &["clone", "-q", "--bare", "--filter=blob:none", &url, "partial"]);
    assert!(open("partial").is_partial());
    same_as_git(&tree, "partial");
}

#[test]
fn single_objects_are_read_by_their_ids() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    tree.git("r", &["repack", "-q", "-adf", "--depth=50", "--window=50"]);
    tree.write("r/loose", "loose\n");
    tree.git("r", &["add", "-A"]);
    let repository = Repository::open(&tree.at("r"), &mut Coverage::default()).unwrap();
    let mut reader = ObjectReader::new(&repository, 1 << 20);
    for (id, (kind, bytes)) in listed(&tree, "r") {
        let id = ObjectId::from_hex(id.as_bytes()).unwrap();
        assert!(reader.has(&id));
        assert_eq!(reader.kind(&id).unwrap(), kind);
        let found = reader.read(&id).unwrap();
        assert!(found.0 == kind && *found.1 == bytes);
    }
    let none = ObjectId::new(&[7; 20]).unwrap();
    assert_eq!(reader.read(&none).unwrap_err(), Fault::Missing(none));
    assert!(!reader.has(&none));
}

#[test]
fn single_objects_are_found_by_indexes_of_every_kind() {
    for format in ["sha1", "sha256"] {
        let tree = Tree::new();
        history(&tree, "r", &[&format!("--object-format={format}")]);
        tree.git("r", &["repack", "-q", "-adf", "--depth=50", "--window=50"]);
        let wanted = listed(&tree, "r");
        let pack = files(&tree.at("r/.git/objects/pack"), "pack").remove(0);
        let index = pack.with_extension("idx");
        let same = |what: &str| {
            let repository = Repository::open(&tree.at("r"), &mut Coverage::default()).unwrap();
            let mut reader = ObjectReader::new(&repository, 1 << 20);
            for (id, (kind, bytes)) in &wanted {
                let found = reader.read(&ObjectId::from_hex(id.as_bytes()).unwrap()).unwrap();
                assert!(found.0 == *kind && *found.1 == *bytes, "{format} {what} {id}");
                let short = reader.starting_with(&id[..20]).unwrap();
                assert!(short.iter().map(ToString::to_string).eq([id.clone()]), "{format} {what} {id}");
            }
            for last in [0, 0xff] {
                let mut none = [last; 32];
                none[1] = 7;
                let none = ObjectId::new(&none[..repository.format().len()]).unwrap();
                assert_eq!(reader.read(&none).unwrap_err(), Fault::Missing(none));
            }
        };
        same("version 2");
        // Every offset behind 64 stands in the table of long ones.
        for version in ["2,0x40", "1"] {
            if (version, format) == ("1", "sha256") {
                continue;
            }
            std::fs::remove_file(&index).unwrap();
            let option = format!("--index-version={version}");
            tree.git("r", &["index-pack", "-o", index.to_str().unwrap(), &option, pack.to_str().unwrap()]);
            same(version);
        }
        tree.git("r", &["multi-pack-index", "write"]);
        std::fs::remove_file(&index).unwrap();
        same("multi-pack-index");
    }
}

#[test]
fn large_objects_are_streamed_and_one_kind_alone_is_read() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    tree.write(
        "r/large.bin",
        (0..300_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect::<Vec<_>>(),
    );
    tree.git("r", &["add", "-A"]);
    let wanted = listed(&tree, "r");
    let limits = Limits { stream: 1 << 20, ..Limits::default() };
    for packed in [false, true] {
        if packed {
            tree.git("r", &["commit", "-q", "-m", "large"]);
            tree.git("r", &["repack", "-q", "-adf"]);
        }
        let recorder = Recorder { only: Some(ObjectKind::Blob), ..Recorder::default() };
        let mut coverage = Coverage::default();
        let repository = Repository::open(&tree.at("r"), &mut coverage).unwrap();
        walk_within(&repository, &limits, 2, &recorder, &mut coverage);
        assert_eq!((coverage.gaps, *recorder.streamed.lock().unwrap()), (Vec::new(), 1));
        let blobs = wanted.iter().filter(|(_, (kind, _))| *kind == ObjectKind::Blob);
        assert!(recorder.seen.lock().unwrap().iter().eq(blobs));
    }
}

#[test]
fn bases_make_room_and_are_made_again() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    tree.git("r", &["repack", "-q", "-adf", "--depth=50", "--window=50"]);
    let limits = Limits { live: 1, ..Limits::default() };
    for threads in [1, 4] {
        let (recorder, mut coverage) = (Recorder::default(), Coverage::default());
        let repository = Repository::open(&tree.at("r"), &mut coverage).unwrap();
        walk_within(&repository, &limits, threads, &recorder, &mut coverage);
        assert_eq!(coverage.gaps, []);
        assert!(*recorder.seen.lock().unwrap() == listed(&tree, "r"));
    }
}

#[test]
fn a_visitor_that_fails_on_an_object_sees_the_others() {
    let tree = Tree::new();
    history(&tree, "r", &[]);
    let wanted = listed(&tree, "r");
    for packed in [false, true] {
        if packed {
            tree.git("r", &["repack", "-q", "-adf"]);
        }
        let bad = wanted.values().filter(|(_, bytes)| bytes.len() > 3000).nth(5).unwrap().1.clone();
        let recorder = Recorder { fails_on: Some(bad), ..Recorder::default() };
        let coverage = walked(&tree.at("r"), &recorder, 2);
        let kinds: Vec<GapKind> = coverage.gaps.iter().map(|gap| gap.kind).collect();
        assert_eq!(kinds, [GapKind::Internal]);
        assert_eq!(recorder.seen.lock().unwrap().len(), wanted.len() - 1);
    }
}

/// The files of a directory with an ending.
pub(crate) fn files(directory: &Path, ending: &str) -> Vec<std::path::PathBuf> {
    let all = std::fs::read_dir(directory).unwrap().map(|e| e.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|x| x == ending)).collect()
}

//! Where hits in history come from: what git says about every blob of made repositories, and of real ones.
//!
//! The objects come from `git cat-file`, in packs' order or any other, whole or as deltas that the test makes up.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use quell::model::{Coverage, ObjectId, Untrusted};
use quell::sources::git::attribution::{Attribution, Collector, Kept, Narrow, Origin, Presence};
use quell::sources::git::refs::{self, Refs};
use quell::sources::git::{Copied, Object, ObjectKind, Repository, Visitor, walk};

use crate::refs::knows_reftables;
use crate::support::{Tree, clean};

type Held = (ObjectId, ObjectKind, Vec<u8>);

fn git(directory: &Path) -> Command {
    let mut command = Command::new("git");
    clean(&mut command);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").current_dir(directory);
    command
}

/// Calls `each` with every object of a repository that is wanted.
fn objects(directory: &Path, wanted: impl Fn(ObjectKind) -> bool, mut each: impl FnMut(Held)) {
    let kind = |name: &str| match name {
        "commit" => ObjectKind::Commit,
        "tree" => ObjectKind::Tree,
        "tag" => ObjectKind::Tag,
        _ => ObjectKind::Blob,
    };
    let mut command = git(directory);
    command.args(["cat-file", "--batch-all-objects", "--unordered", "--buffer", "--batch"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::with_capacity(1 << 20, child.stdout.take().unwrap());
    let mut header = String::new();
    while out.read_line(&mut header).unwrap() > 0 {
        let words: Vec<&str> = header.split_whitespace().collect();
        let mut bytes = vec![0; words[2].parse::<usize>().unwrap() + 1];
        out.read_exact(&mut bytes).unwrap();
        bytes.pop();
        if wanted(kind(words[1])) {
            each((ObjectId::from_hex(words[0].as_bytes()).unwrap(), kind(words[1]), bytes));
        }
        header.clear();
    }
    assert!(child.wait().unwrap().success());
}

fn all(directory: &Path) -> Vec<Held> {
    let mut out = Vec::new();
    objects(directory, |_| true, |o| out.push(o));
    out
}

fn feed(collector: &Collector, objects: &[Held]) {
    for (id, kind, bytes) in objects {
        if collector.wants(*kind) {
            collector.visit(&Object { id: *id, kind: *kind, bytes, is_base: false }, None);
        }
    }
}

/// Feeds every tree as a delta against the one before it, with copies that start and end anywhere.
fn feed_deltas(collector: &Collector, objects: &[Held]) {
    let mut base: Option<(Kept, &[u8])> = None;
    for (id, kind, bytes) in objects.iter().filter(|o| o.1 != ObjectKind::Blob) {
        let object = Object { id: *id, kind: *kind, bytes, is_base: true };
        if *kind != ObjectKind::Tree {
            collector.visit(&object, None);
            continue;
        }
        let copies = base.as_ref().map(|(_, base)| copies(base, bytes)).unwrap_or_default();
        let kept = collector.visit(&object, base.as_ref().map(|(kept, _)| (kept, copies.as_slice())));
        base = Some((kept, bytes));
    }
}

/// Stretches of at least four bytes of `to` that stand in `from` too, wherever.
fn copies(from: &[u8], to: &[u8]) -> Vec<Copied> {
    let mut places: BTreeMap<&[u8], usize> = BTreeMap::new();
    for (at, window) in from.windows(4).enumerate() {
        places.entry(window).or_insert(at);
    }
    let (mut at, mut out) = (0, Vec::new());
    while at + 4 <= to.len() {
        let Some(found) = places.get(&to[at..at + 4]) else {
            at += 1;
            continue;
        };
        let len = from[*found..].iter().zip(&to[at..]).take_while(|(a, b)| a == b).count();
        out.push(Copied { at, from: *found, len });
        at += len;
    }
    out
}

fn refs_of(git_dir: &Path) -> Refs {
    let mut coverage = Coverage::default();
    let refs = refs::read(git_dir, git_dir, &mut coverage);
    assert!(coverage.is_complete(), "{:?}", coverage.gaps);
    refs
}

fn blobs(objects: &[Held]) -> Vec<ObjectId> {
    objects.iter().filter(|o| o.1 == ObjectKind::Blob).map(|o| o.0).collect()
}

/// (commit, blob, path)
type Triple = (String, String, Vec<u8>);

/// What `git log` says was brought in: for a merge, what none of its parents has.
fn log(directory: &Path, revisions: &[&str], wanted: impl Fn(&str) -> bool) -> BTreeSet<Triple> {
    let mut command = git(directory);
    command.args(["log", "--raw", "-c", "--no-abbrev", "--root", "-z", "--no-renames", "--format=%x01%H"]);
    let out = command.args(revisions).env("GIT_NO_REPLACE_OBJECTS", "1").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let (mut found, mut commit) = (BTreeSet::new(), String::new());
    let mut fields = out.stdout.split(|b| *b == 0);
    while let Some(field) = fields.next() {
        let field = field.strip_prefix(b"\n").unwrap_or(field);
        let field = String::from_utf8_lossy(field).into_owned();
        if let Some(id) = field.strip_prefix('\u{1}') {
            commit = id.trim().to_owned();
            continue;
        }
        if !field.starts_with(':') {
            continue;
        }
        let parents = field.chars().take_while(|c| *c == ':').count();
        let words: Vec<&str> = field.trim_start_matches(':').split(' ').collect();
        let path = fields.next().unwrap().to_vec();
        let (modes, ids) = (&words[..=parents], &words[parents + 1..2 * parents + 2]);
        let (mode, id) = (modes[parents], ids[parents]);
        // A deletion, a submodule, and a change of mode bring nothing in.
        if !id.starts_with("0000000000000000") && mode != "160000" && !ids[..parents].contains(&id) && wanted(id) {
            found.insert((commit.clone(), id.to_owned(), path));
        }
    }
    found
}

fn introduced(collector: Collector, refs: &Refs) -> BTreeSet<Triple> {
    let all = collector.introductions(refs).into_iter();
    all.map(|(commit, blob, path)| (commit.to_string(), blob.to_string(), path)).collect()
}

fn attributed(collector: Collector, refs: &Refs) -> (Attribution, Coverage) {
    let mut coverage = Coverage::default();
    let attribution = collector.finish(refs, &Narrow::default(), &Untrusted::from("r"), &mut coverage);
    (attribution, coverage)
}

/// A repository whose commits have increasing dates.
struct Made {
    tree: Tree,
    clock: u32,
}

impl Made {
    fn new(options: &[&str]) -> Self {
        let made = Self { tree: Tree::new(), clock: 1_700_000_000 };
        made.tree.dir("r");
        let init = git(&made.tree.at("r")).args(["init", "-q", "-b", "main"]).args(options).status();
        assert!(init.unwrap().success());
        made
    }

    fn git(&mut self, arguments: &[&str]) -> String {
        self.clock += 60;
        let mut command = git(&self.tree.at("r"));
        for name in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{name}_NAME"), name).env(format!("GIT_{name}_EMAIL"), format!("{name}@x"));
            command.env(format!("GIT_{name}_DATE"), format!("{} +0100", self.clock));
        }
        let out = command.args(arguments).output().unwrap();
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    fn write(&self, path: &str, text: &str) {
        self.tree.write(format!("r/{path}"), text);
    }

    fn commit(&mut self, files: &[(&str, &str)]) -> String {
        files.iter().for_each(|(path, text)| self.write(path, text));
        self.git(&["add", "-A", "-f"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "x"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn blob(&mut self, text: &str) -> ObjectId {
        self.write("../blob", text);
        let id = self.git(&["hash-object", "-w", "../blob"]);
        ObjectId::from_hex(id.as_bytes()).unwrap()
    }

    fn git_dir(&self) -> std::path::PathBuf {
        self.tree.at("r/.git")
    }

    fn attribution(&self) -> Attribution {
        let objects = all(&self.tree.at("r"));
        let hits: Vec<_> = objects.iter().filter(|o| o.1 != ObjectKind::Tree).map(|o| o.0).collect();
        let collector = Collector::new(&hits, None);
        feed_deltas(&collector, &objects);
        let (attribution, coverage) = attributed(collector, &refs_of(&self.git_dir()));
        assert!(coverage.is_complete(), "{:?}", coverage.gaps);
        attribution
    }
}

/// Branches, merges of every kind, renames, reverts, a stash, notes, tags of everything, a log's and nobody's commits.
fn eventful(options: &[&str]) -> Made {
    let mut made = Made::new(options);
    made.commit(&[("a", "one\n"), ("d/b", "two\n"), ("d/e/c", "three\n"), ("x.y/z", "four\n"), ("x/z", "four\n")]);
    made.git(&["branch", "side"]);
    made.commit(&[("a", "one more\n"), ("d/copy", "two\n")]);
    made.git(&["mv", "d", "moved"]);
    made.commit(&[("moved/e/new", "five\n")]);
    made.git(&["checkout", "-q", "side"]);
    made.commit(&[("side", "six\n"), ("d/b", "two, aside\n")]);
    // An evil merge: something in it is from no parent.
    made.git(&["merge", "-q", "--no-commit", "main"]);
    made.commit(&[("evil", "seven\n"), ("moved/b", "two, evil\n")]);
    for branch in ["p", "q", "s"] {
        made.git(&["checkout", "-q", "-b", branch, "main"]);
        made.commit(&[(branch, branch), ("both", branch)]);
        made.git(&["rm", "-q", "both"]);
        made.commit(&[]);
    }
    made.git(&["checkout", "-q", "main"]);
    made.git(&["merge", "-q", "-m", "octopus", "p", "q", "s"]);
    // Criss-cross.
    made.git(&["branch", "cross"]);
    made.commit(&[("left", "l\n")]);
    made.git(&["checkout", "-q", "cross"]);
    made.commit(&[("right", "r\n")]);
    made.git(&["merge", "-q", "-m", "m1", "main~0"]);
    made.git(&["checkout", "-q", "main"]);
    made.git(&["merge", "-q", "-m", "m2", "cross~1"]);
    let leaked = made.commit(&[("leak", "eight\n")]);
    made.git(&["revert", "--no-edit", &leaked]);
    made.git(&["revert", "--no-edit", "HEAD"]);
    made.git(&["rm", "-q", "leak"]);
    std::os::unix::fs::symlink("a", made.tree.at("r/link")).unwrap();
    made.commit(&[]);
    made.git(&["merge", "-q", "-s", "ours", "-m", "ours", "side"]);
    made.git(&["checkout", "-q", "--orphan", "island"]);
    made.commit(&[("island", "nine\n")]);
    made.git(&["checkout", "-q", "-f", "main"]);
    made
}

fn events(made: &mut Made) {
    made.git(&["notes", "add", "-m", "a note"]);
    made.write("a", "stashed\n");
    made.write("untracked", "untracked and stashed\n");
    made.git(&["stash", "-u"]);
    let blob = made.blob("a tagged blob\n").to_string();
    made.git(&["tag", "of-blob", &blob]);
    made.git(&["tag", "-a", "-m", "x", "of-blob-annotated", &blob]);
    made.git(&["tag", "of-tree", "main~3^{tree}"]);
    made.git(&["tag", "-a", "-m", "x", "of-tag", "of-blob-annotated"]);
    made.commit(&[("amended", "before\n")]);
    made.write("amended", "after\n");
    made.git(&["add", "-A"]);
    made.git(&["commit", "-q", "--amend", "-m", "amended"]);
    made.blob("in nothing\n");
}

fn compare(directory: &Path, refs: &Refs) {
    let objects = all(directory);
    let reachable = log(directory, &["--all", "--reflog"], |_| true);
    for deltas in [false, true] {
        for reversed in [false, true] {
            let mut objects = objects.clone();
            if reversed {
                objects.reverse();
            }
            let collector = Collector::new(&blobs(&objects), None);
            if deltas {
                feed_deltas(&collector, &objects)
            } else {
                feed(&collector, &objects)
            }
            let own = introduced(collector, refs);
            assert_eq!(own.difference(&reachable).collect::<Vec<_>>(), [] as [&Triple; 0], "deltas: {deltas}");
            assert_eq!(reachable.difference(&own).collect::<Vec<_>>(), [] as [&Triple; 0], "deltas: {deltas}");
        }
    }
    let from_refs = log(directory, &["--all", "HEAD"], |_| true);
    let collector = Collector::new(&blobs(&objects), None);
    feed(&collector, &objects);
    let (attribution, _) = attributed(collector, refs);
    check(directory, &attribution, &from_refs, &reachable);
}

/// Compares every answer with what follows from `git log` and the tips' trees.
fn check(directory: &Path, attribution: &Attribution, from_refs: &BTreeSet<Triple>, all: &BTreeSet<Triple>) {
    let dates = dates(directory);
    let heads = at(directory, "HEAD");
    let tips = at_tips(directory);
    for (id, origin) in attribution.all() {
        let id = id.to_string();
        let of = |set: &BTreeSet<Triple>| set.iter().filter(|t| t.1 == id).cloned().collect::<Vec<_>>();
        let (own, any) = (of(from_refs), of(all));
        let best = |set: &[Triple]| set.iter().map(|t| (dates[&t.0], t.0.clone())).min().map(|(_, c)| c);
        let first = best(&own).or_else(|| best(&any));
        assert_eq!(origin.first.as_ref().map(|f| f.commit.to_string()), first, "{id}");
        let mut paths: BTreeMap<Vec<u8>, Vec<Triple>> = BTreeMap::new();
        any.iter().for_each(|t| paths.entry(t.2.clone()).or_default().push(t.clone()));
        let of_trees = origin.paths.iter().filter(|p| p.commit.is_none()).count();
        assert_eq!(origin.path_count as usize, paths.len() + of_trees, "{id}");
        for place in origin.paths.iter().filter(|p| p.commit.is_some()) {
            let with = &paths[place.path.raw()];
            let refd: Vec<_> = with.iter().filter(|t| from_refs.contains(*t)).cloned().collect();
            let commit = best(&refd).or_else(|| best(with));
            assert_eq!(place.commit.map(|c| c.to_string()), commit, "{id}");
        }
        let presence = match () {
            () if heads.contains(&id) => Presence::Head,
            () if tips.contains_key(&id) => Presence::Tip,
            () if !own.is_empty() => Presence::History,
            () if !any.is_empty() => Presence::Log,
            () => Presence::Unreachable,
        };
        assert_eq!(origin.presence, presence, "{id}");
        let names: BTreeSet<String> =
            origin.tips.iter().map(|t| String::from_utf8(t.raw().to_vec()).unwrap()).collect();
        let real = tips.get(&id).cloned().unwrap_or_default();
        let real_refs: BTreeSet<String> = real.iter().filter(|t| t.starts_with("refs/")).cloned().collect();
        assert!(names.iter().all(|n| real.contains(n) || !n.starts_with("refs/")), "{id}: {names:?} {real:?}");
        assert!(origin.more_tips || names.is_superset(&real_refs), "{id}: {names:?} {real:?}");
    }
}

fn lines(directory: &Path, arguments: &[&str]) -> Vec<String> {
    let out = git(directory).args(arguments).output().unwrap();
    String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect()
}

fn dates(directory: &Path) -> BTreeMap<String, i64> {
    let all = lines(directory, &["log", "--all", "--reflog", "HEAD", "--format=%H %ct"]);
    all.iter().map(|l| l.split_once(' ').unwrap()).map(|(c, d)| (c.to_owned(), d.parse().unwrap())).collect()
}

/// The blobs in a revision.
fn at(directory: &Path, revision: &str) -> BTreeSet<String> {
    let entries = lines(directory, &["ls-tree", "-r", revision]);
    entries.iter().filter_map(|l| l.split(['\t', ' ']).nth(2).map(str::to_owned)).collect()
}

fn at_tips(directory: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines(directory, &["for-each-ref", "--format=%(refname) %(objectname)"]) {
        let (name, id) = line.split_once(' ').unwrap();
        let peeled = lines(directory, &["rev-parse", &format!("{id}^{{}}")]).remove(0);
        let kind = lines(directory, &["cat-file", "-t", &peeled]).remove(0);
        let blobs = if kind == "blob" { BTreeSet::from([peeled]) } else { at(directory, &peeled) };
        for blob in blobs {
            out.entry(blob).or_default().insert(name.to_owned());
        }
    }
    out
}

#[test]
fn introductions_paths_and_tips_are_those_that_git_tells() {
    for options in [&["--object-format=sha1"], &["--object-format=sha256"], &["--ref-format=reftable"]] {
        if options[0].contains("reftable") && !knows_reftables() {
            continue;
        }
        let mut made = eventful(options);
        compare(&made.tree.at("r"), &refs_of(&made.git_dir()));
        events(&mut made);
        // What is reached from ORIG_HEAD alone is a matter of its own.
        let _ = std::fs::remove_file(made.tree.at("r/.git/ORIG_HEAD"));
        compare(&made.tree.at("r"), &refs_of(&made.git_dir()));
        made.git(&["pack-refs", "--all"]);
        made.git(&["repack", "-adq"]);
        compare(&made.tree.at("r"), &refs_of(&made.git_dir()));
    }
}

fn found<'a>(attribution: &'a Attribution, made: &mut Made, text: &str) -> &'a Origin {
    attribution.of(&made.blob(text)).unwrap()
}

fn held(origin: &Origin) -> &str {
    std::str::from_utf8(origin.held_by.as_ref().unwrap().raw()).unwrap()
}

#[test]
fn a_reader_sees_what_holds_a_hit() {
    let mut made = eventful(&[]);
    events(&mut made);
    made.git(&["checkout", "-q", "--detach"]);
    let lost = made.commit(&[("lost", "ten\n")]);
    made.git(&["checkout", "-q", "main"]);
    made.git(&["update-ref", "-d", "ORIG_HEAD"]);
    let dangling = made.git(&["commit-tree", "-m", "x", &format!("{lost}^{{tree}}"), "-p", "HEAD"]);
    let attribution = made.attribution();
    let untracked = found(&attribution, &mut made, "untracked and stashed\n");
    assert_eq!((untracked.presence, held(untracked)), (Presence::History, "refs/stash"));
    assert_eq!(untracked.paths[0].path.raw(), b"untracked");
    let note = found(&attribution, &mut made, "a note\n");
    assert_eq!((note.presence, held(note)), (Presence::Tip, "refs/notes/commits"));
    let tagged = found(&attribution, &mut made, "a tagged blob\n");
    assert_eq!((tagged.presence, &tagged.first, tagged.path_count), (Presence::Tip, &None, 0));
    assert_eq!(tagged.tips.len(), 3);
    let amended = found(&attribution, &mut made, "before\n");
    assert_eq!((amended.presence, held(amended)), (Presence::Log, "HEAD"));
    let nothing = found(&attribution, &mut made, "in nothing\n");
    assert_eq!((nothing.presence, &nothing.first, &nothing.held_by), (Presence::Unreachable, &None, &None));
    let moved = found(&attribution, &mut made, "two\n");
    let paths: BTreeSet<_> = moved.paths.iter().map(|p| p.path.raw()).collect();
    assert_eq!(paths, BTreeSet::from([b"d/b".as_slice(), b"d/copy", b"moved/b", b"moved/copy"]));
    let first = moved.first.as_ref().unwrap();
    let author = first.author.as_ref().unwrap();
    assert_eq!((author.name.raw(), author.email.raw()), (b"AUTHOR".as_slice(), b"AUTHOR@x".as_slice()));
    assert_eq!(author.time.unwrap().offset, 60);
    let of = |text: &str| attribution.of(&ObjectId::from_hex(text.as_bytes()).unwrap()).unwrap();
    assert_eq!((of(&dangling).presence, of(&lost).presence), (Presence::Unreachable, Presence::Log));
    let head = made.git(&["rev-parse", "HEAD"]);
    assert_eq!((of(&head).presence, of(&head).tips.len()), (Presence::Head, 1));
    let tag = made.git(&["rev-parse", "of-blob-annotated"]);
    assert_eq!((of(&tag).presence, of(&tag).tips.len()), (Presence::Tip, 2));
    assert_eq!(of(&tag).tagger.as_ref().unwrap().name.raw(), b"COMMITTER");
}

#[test]
fn nothing_is_wanted_without_hits() {
    let collector = Collector::new(&[], None);
    assert!([ObjectKind::Commit, ObjectKind::Tree, ObjectKind::Tag].iter().all(|k| !collector.wants(*k)));
    assert_eq!(attributed(collector, &Refs::default()).0.all().count(), 0);
}

#[test]
fn what_a_shallow_clone_cuts_off_is_labelled() {
    let mut made = Made::new(&[]);
    for i in 0..5 {
        made.commit(&[(&format!("f{i}"), &format!("{i}\n"))]);
    }
    made.tree.git(".", &["clone", "-q", "--depth=2", &format!("file://{}", made.tree.at("r").display()), "s"]);
    let directory = made.tree.at("s");
    let refs = refs_of(&directory.join(".git"));
    assert_eq!(refs.shallow.len(), 1);
    compare(&directory, &refs);
    let objects = all(&directory);
    let collector = Collector::new(&blobs(&objects), None);
    feed(&collector, &objects);
    let (attribution, coverage) = attributed(collector, &refs);
    assert!(coverage.is_complete(), "{:?}", coverage.gaps);
    for (text, labelled) in [("0\n", true), ("3\n", true), ("4\n", false)] {
        let first = found(&attribution, &mut made, text).first.clone().unwrap();
        assert_eq!(first.at_or_before, labelled, "{text}");
    }
    // Without the list of where it ends, parents are missing.
    let refs = Refs { shallow: Vec::new(), ..refs };
    let collector = Collector::new(&blobs(&objects), None);
    feed(&collector, &objects);
    let (_, coverage) = attributed(collector, &refs);
    assert_eq!(coverage.gaps.len(), 1, "{:?}", coverage.gaps);
}

/// Sees the same objects and does nothing with them.
struct Nothing;

impl Visitor for Nothing {
    type State = ();

    fn wants(&self, kind: ObjectKind) -> bool {
        kind != ObjectKind::Blob
    }

    fn visit(&self, _: &Object<'_>, _: Option<(&(), &[Copied])>) {}

    fn large(&self, _: ObjectId, _: ObjectKind, _: u64, _: &mut dyn Read) {}
}

/// The process's seconds of CPU, and the most memory that it had, in MiB.
fn used() -> (f64, u64) {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let stat = read("stat");
    let ticks = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
    let ticks: f64 = ticks.map(|t| t.parse::<f64>().unwrap()).sum();
    let status = read("status");
    let most = status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .map_or(0, |l| l.split_whitespace().next().unwrap().parse::<u64>().unwrap() >> 10);
    (ticks / 100.0, most)
}

/// Real histories: the git directories in `QUELL_HISTORIES`, with colons between them.
#[test]
#[ignore = "needs QUELL_HISTORIES"]
fn real_histories_are_told_as_git_tells_them() {
    for directory in std::env::var("QUELL_HISTORIES").unwrap().split(':') {
        let directory = Path::new(directory);
        let mut ids = Vec::new();
        for line in lines(directory, &["cat-file", "--batch-all-objects", "--unordered", "--batch-check"]) {
            let words: Vec<&str> = line.split(' ').collect();
            if words[1] == "blob" {
                ids.push(ObjectId::from_hex(words[0].as_bytes()).unwrap());
            }
        }
        // Ids are as good as random.
        ids.sort();
        ids.truncate(2000);
        let refs = refs_of(directory);
        let repository = Repository::open(directory, &mut Coverage::default()).unwrap();
        let walked = |collector: &dyn Fn(&mut Coverage)| {
            let mut coverage = Coverage::default();
            collector(&mut coverage);
            assert!(coverage.is_complete(), "{:?}", coverage.gaps);
        };
        let before = used();
        let collector = Collector::new(&ids, None);
        walked(&|c| {
            walk(&repository, 2, &collector, c);
        });
        let read = used();
        let (attribution, coverage) = attributed(collector, &refs);
        let answered = used();
        walked(&|c| {
            walk(&repository, 2, &Nothing, c);
        });
        let bare = used();
        eprintln!(
            "{}: CPU {:.2} s for the walk ({:.2} s without reading), {:.2} s for the answer; at most {} MiB, {} before",
            directory.display(),
            read.0 - before.0,
            bare.0 - answered.0,
            answered.0 - read.0,
            answered.1,
            before.1
        );
        let [collector, whole] = [(); 2].map(|()| Collector::new(&ids, None));
        walked(&|c| {
            walk(&repository, 2, &collector, c);
        });
        let own = introduced(collector, &refs);
        let mut seconds = 0.0;
        objects(
            directory,
            |k| k != ObjectKind::Blob,
            |(id, kind, bytes)| {
                let start = std::time::Instant::now();
                whole.visit(&Object { id, kind, bytes: &bytes, is_base: false }, None);
                seconds += start.elapsed().as_secs_f64();
            },
        );
        assert_eq!(own, introduced(whole, &refs), "whole or as deltas");
        let names: BTreeSet<String> = ids.iter().map(ToString::to_string).collect();
        let git = log(directory, &["--all", "HEAD"], |id| names.contains(id));
        let unreachable = |c: &Triple| {
            let commit = &attribution.of(&ObjectId::from_hex(c.1.as_bytes()).unwrap()).unwrap();
            commit.presence == Presence::Unreachable
        };
        let pairs: BTreeSet<_> = own.iter().map(|t| (&t.1, &t.2)).collect();
        eprintln!(
            "{}: {} blobs, {} (blob, path) pairs, {} introductions; git tells {}; whole objects are read in {seconds:.2} s; {:?}",
            directory.display(),
            ids.len(),
            pairs.len(),
            own.len(),
            git.len(),
            coverage.gaps,
        );
        let more: Vec<_> = own.difference(&git).filter(|t| !unreachable(t)).collect();
        let less: Vec<_> = git.difference(&own).collect();
        assert!(more.is_empty() && less.is_empty(), "more {:?}, less {:?}", more.first(), less.first());
        let sample: BTreeSet<String> = names.iter().take(200).cloned().collect();
        check_sample(directory, &attribution, &git, &sample);
    }
}

/// The first commits of some blobs, and whether `HEAD` has them.
fn check_sample(directory: &Path, attribution: &Attribution, git: &BTreeSet<Triple>, sample: &BTreeSet<String>) {
    let dates = dates(directory);
    let heads = at(directory, "HEAD");
    for id in sample {
        let origin = attribution.of(&ObjectId::from_hex(id.as_bytes()).unwrap()).unwrap();
        let with = git.iter().filter(|t| t.1 == *id);
        let first = with.map(|t| (dates[&t.0], t.0.clone())).min().map(|(_, c)| c);
        if origin.presence != Presence::Unreachable {
            assert_eq!(origin.first.as_ref().map(|f| f.commit.to_string()), first, "{id}");
        }
        assert_eq!(origin.presence == Presence::Head, heads.contains(id), "{id}");
    }
}

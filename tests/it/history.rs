//! The history scan: a credential in every place that a repository has, with who brought it in and whether it is still
//! there; and the delta domain against whole scans, object by object.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use quell::detect::{Detector, Scratch};
use quell::model::{Confidence, Coverage, FingerprintKey, GapKind, ObjectId};
use quell::rules::embedded::embedded;
use quell::scan::{Anchors, Deltas, Markers, Narrow, Progress, ScanOptions};
use quell::sources::git::{Copied, Object, ObjectKind, Repository, Visitor, walk};
use quell::sources::{Options, PathFilter};
use serde_json::Value;

use crate::support::{Tree, findings, quell, run, token};

/// Compares what is found in an object as a delta with what a scan of the whole object finds.
struct Differential<'d> {
    deltas: Deltas<'d>,
    scratch: Mutex<Vec<Scratch>>,
    deltas_seen: AtomicU64,
    candidates: AtomicU64,
    differing: Mutex<Vec<ObjectId>>,
}

fn told(anchors: &Anchors) -> Vec<String> {
    let mut all: Vec<String> = anchors
        .candidates()
        .map(|c| format!("{} {:?} {:?} {:?} {:?}", c.rule, c.secret, c.confidence, c.groups, c.facts))
        .collect();
    all.sort();
    all.dedup();
    all
}

impl Visitor for Differential<'_> {
    type State = Anchors;

    fn wants(&self, _: ObjectKind) -> bool {
        true
    }

    fn visit(&self, object: &Object<'_>, base: Option<(&Anchors, &[Copied])>) -> Anchors {
        let mut scratch = self.scratch.lock().unwrap().pop().unwrap_or_default();
        let found = self.deltas.scan(object.bytes, base, &mut scratch);
        let whole = told(&self.deltas.scan(object.bytes, None, &mut scratch));
        self.scratch.lock().unwrap().push(scratch);
        self.deltas_seen.fetch_add(u64::from(base.is_some()), Ordering::Relaxed);
        self.candidates.fetch_add(whole.len() as u64, Ordering::Relaxed);
        if told(&found) != whole {
            self.differing.lock().unwrap().push(object.id);
        }
        found
    }

    fn large(&self, _: ObjectId, _: ObjectKind, _: u64, _: &mut dyn Read) {}
}

/// The deltas of a repository and the candidates in its objects; every object is compared.
fn compared(repository: &Path) -> (u64, u64) {
    let detector = Detector::new(embedded(), |_| true);
    let differential = Differential {
        deltas: Deltas::new(&detector),
        scratch: Mutex::default(),
        deltas_seen: AtomicU64::new(0),
        candidates: AtomicU64::new(0),
        differing: Mutex::default(),
    };
    let mut coverage = Coverage::default();
    let opened = Repository::open(repository, &mut coverage).unwrap();
    walk(&opened, 2, &differential, &mut coverage);
    assert!(coverage.is_complete(), "{:?}", coverage.gaps);
    assert_eq!(*differential.differing.lock().unwrap(), [], "{}", repository.display());
    (differential.deltas_seen.into_inner(), differential.candidates.into_inner())
}

/// A repository with many versions of files that have tokens at their edges and in the middle.
fn versions(tree: &Tree) {
    tree.git(".", &["init", "-q", "-b", "main"]);
    let filler = |n: u64| format!("line {n} of nothing in particular, with a password in words\n");
    for version in 0..40u64 {
        let mut text: String = (0..200).map(filler).collect();
        text.insert_str((version as usize * 97) % 900, &format!("key {}\n", token(version % 7)));
        text.insert_str((version as usize * 31) % 500, "password: \"");
        text.push_str(&format!("TOKEN={}", token(version % 3)));
        tree.write("config.txt", &text);
        tree.write(format!("copy{}.txt", version % 4), text.replace("nothing", "something"));
        tree.git(".", &["add", "."]);
        tree.git(".", &["commit", "-q", "-m", &format!("version {version}")]);
    }
}

#[test]
fn deltas_find_what_whole_scans_find_however_a_repository_is_packed() {
    let tree = Tree::new();
    versions(&tree);
    assert_eq!(compared(tree.path()).0, 0, "loose objects are no deltas");
    for (depth, window) in [("1", "2"), ("4", "10"), ("50", "250"), ("4000", "250")] {
        let arguments = ["repack", "-adfq", &format!("--depth={depth}"), &format!("--window={window}")];
        tree.git(".", &arguments);
        let (deltas, candidates) = compared(tree.path());
        assert!(deltas > 30 && candidates > 100, "{deltas} deltas, {candidates} candidates");
    }
}

/// `QUELL_HISTORIES=DIR` names a directory of repositories.
#[test]
#[ignore = "reads real repositories, named by QUELL_HISTORIES"]
fn deltas_find_what_whole_scans_find_in_real_histories() {
    let directory = std::env::var("QUELL_HISTORIES").expect("QUELL_HISTORIES names a directory of repositories");
    let mut seen = 0;
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        for path in [entry.path(), entry.path().join("repo")] {
            if Repository::open(&path, &mut Coverage::default()).is_ok() {
                let (deltas, candidates) = compared(&path);
                eprintln!("{}: {deltas} deltas, {candidates} candidates, all alike", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 0, "there is no repository");
}

/// Every place of a report: path to presence and commit.
fn where_found(report: &Value) -> BTreeMap<String, (String, Option<String>)> {
    let places = findings(report).iter().flat_map(|f| f["locations"].as_array().unwrap());
    places
        .map(|l| {
            let commit = l["commit"]["id"].as_str().map(str::to_owned);
            (l["path"].as_str().unwrap().to_owned(), (l["history"]["presence"].as_str().unwrap().to_owned(), commit))
        })
        .collect()
}

fn id(tree: &Tree, name: &str) -> String {
    tree.git(".", &["rev-parse", name]).out().trim().to_owned()
}

fn leak(seed: u64) -> String {
    format!("TOKEN={}\n", token(seed))
}

#[test]
fn a_credential_in_every_place_is_found_with_who_brought_it_in() {
    let tree = Tree::new();
    let git = |arguments: &[&str]| tree.git(".", arguments);
    git(&["init", "-q", "-b", "main"]);
    tree.write("kept.env", leak(1));
    tree.write("gone.env", leak(2));
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    let first = id(&tree, "HEAD");
    git(&["rm", "-q", "gone.env"]);
    git(&["commit", "-q", "-m", &format!("take it out\n\nIt was {}", token(3))]);
    let message = id(&tree, "HEAD");
    // A merge that brings in what neither side has.
    git(&["checkout", "-q", "-b", "side", &first]);
    tree.write("side.txt", "side\n");
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "side"]);
    git(&["checkout", "-q", "main"]);
    git(&["merge", "-q", "--no-commit", "--no-ff", "side"]);
    tree.write("merged.env", leak(4));
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "merge"]);
    let merge = id(&tree, "HEAD");
    git(&["branch", "-q", "-D", "side"]);
    git(&["checkout", "-q", "-b", "branch"]);
    tree.write("branch.env", leak(5));
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "on a branch"]);
    let branch = id(&tree, "HEAD");
    git(&["checkout", "-q", "main"]);
    git(&["tag", "-a", "v1", "-m", &format!("release {}", token(6))]);
    git(&["notes", "add", "-m", &format!("note {}", token(7))]);
    tree.write("untracked.env", leak(8));
    tree.write("side.txt", leak(9));
    git(&["stash", "-q", "--include-untracked"]);
    // What only the reflog still has.
    tree.write("reset.env", leak(10));
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "to be reset"]);
    let reset = id(&tree, "HEAD");
    git(&["reset", "-q", "--hard", "HEAD~1"]);
    std::fs::remove_file(tree.path().join(".git/ORIG_HEAD")).unwrap();
    tree.write("blob", leak(11));
    let dangling = git(&["hash-object", "-w", "blob"]).out().trim().to_owned();
    std::fs::remove_file(tree.path().join("blob")).unwrap();
    git(&["branch", &token(12)]);
    // Names: of a file that is still there, and of a directory that is not.
    tree.write(format!("kept-{}.txt", token(13)), "kept\n");
    tree.write(format!("old/{}/a/b.txt", token(14)), "old\n");
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "names"]);
    let named = id(&tree, "HEAD");
    tree.write(format!("old/{}/a/b.txt", token(14)), "changed\n");
    git(&["commit", "-q", "-a", "-m", "the same names"]);
    git(&["rm", "-rq", "old"]);
    git(&["commit", "-q", "-m", "take names out", "--author", &format!("x {} <x@example.com>", token(15))]);
    let identity = id(&tree, "HEAD");

    for packed in [false, true] {
        if packed {
            git(&["repack", "-adq", "--keep-unreachable"]);
        }
        let run = run(quell().current_dir(tree.path()).args(["scan", "--history", "--format", "json"])).code(1);
        let report = run.json();
        let found = where_found(&report);
        let has = |path: &str, presence: &str, commit: Option<&str>| {
            assert_eq!(
                found.get(path),
                Some(&(presence.to_owned(), commit.map(str::to_owned))),
                "{path} in {found:#?}"
            );
        };
        has("kept.env", "head", Some(&first));
        has("gone.env", "history", Some(&first));
        has(&format!("commit {message}"), "history", Some(&message));
        has("merged.env", "head", Some(&merge));
        has("branch.env", "tip", Some(&branch));
        has("side.txt", "tip", Some(&id(&tree, "stash@{0}")));
        has("untracked.env", "history", Some(&id(&tree, "stash@{0}^3")));
        has("reset.env", "reflog", Some(&reset));
        has(&format!("blob {dangling}"), "unreachable", None);
        assert!(found.keys().any(|path| path.starts_with("tag ")), "the tag's message in {found:#?}");
        has("kept-ghp_….txt", "head", Some(&named));
        has("old/ghp_…", "history", Some(&named));
        has(&format!("commit {identity}"), "head", Some(&identity));
        for seed in 1..=15 {
            assert!(!run.out().contains(&token(seed)), "the report holds secret {seed} itself");
        }
        assert!(found.keys().any(|path| path.starts_with("ref refs/heads/")), "the branch's name in {found:#?}");
        let tokens: std::collections::BTreeSet<&str> =
            findings(&report).iter().filter_map(|f| f["fingerprint"].as_str()).collect();
        assert_eq!(tokens.len(), 15, "{found:#?}");
    }
}

#[test]
fn what_is_no_repository_is_told() {
    let tree = Tree::new();
    let told = run(quell().current_dir(tree.path()).args(["scan", "--history"])).code(2).err();
    assert!(told.contains("there is no git repository") && told.contains("help:"), "{told}");
    tree.git(".", &["init", "-q"]);
    run(quell().current_dir(tree.path()).args(["scan", "--history"])).code(0);
}

#[test]
fn what_is_excluded_is_counted_and_matches_beyond_the_limit_are_a_gap() {
    let tree = Tree::new();
    tree.git(".", &["init", "-q", "-b", "main"]);
    tree.write("many.env", (1..=5).map(leak).collect::<String>());
    tree.write("left/out.env", leak(6));
    tree.git(".", &["add", "."]);
    tree.git(".", &["commit", "-q", "-m", "all"]);
    let arguments = ["scan", "--history", "--format", "json", "--exclude-path", "left"];
    let report = run(quell().current_dir(tree.path()).args(arguments)).code(1).json();
    assert_eq!(findings(&report).len(), 5);
    assert_eq!(report["coverage"]["skipped"][0]["reason"], "excluded", "{report:#}");
    assert_eq!(report["coverage"]["skipped"][0]["examples"], serde_json::json!(["left/out.env"]));

    let key = FingerprintKey::open().unwrap();
    let options = ScanOptions {
        rules: embedded(),
        enable: &|_| true,
        confidence: Confidence::Medium,
        key: &key,
        threads: 1,
        now: 0,
        max_matches: 4,
        markers: Markers::Hold,
        walk: Options { ignored_too: true, filter: PathFilter::new(&[], &[]).unwrap(), max_file_size: None },
        consumers: quell::scan::Consumption::Nothing,
    };
    let report = quell::scan::history(tree.path(), &Narrow::default(), None, &options, &Progress::default()).unwrap();
    assert!(report.findings.len() <= 4, "{} findings", report.findings.len());
    assert!(report.coverage.gaps.iter().any(|gap| gap.kind == GapKind::OverBudget), "{:?}", report.coverage.gaps);
}

#[test]
fn a_large_file_is_read_as_a_stream() {
    let tree = Tree::new();
    tree.git(".", &["init", "-q", "-b", "main"]);
    let lines = 3_000_000;
    tree.write("large.txt", "nothing here\n".repeat(lines) + &leak(1));
    tree.git(".", &["add", "."]);
    tree.git(".", &["commit", "-q", "-m", "large"]);
    for packed in [false, true] {
        if packed {
            tree.git(".", &["repack", "-adq"]);
        }
        let arguments = ["scan", "--history", "--format", "json"];
        let report = run(quell().current_dir(tree.path()).args(arguments)).code(1).json();
        assert_eq!(findings(&report)[0]["locations"][0]["line"], lines + 1);
    }
}

//! Scans of a change in every format of a repository: ids of SHA-256, refs in reftables, split indexes, packs; and what
//! people call a commit in them.

use std::os::unix::fs::PermissionsExt;

use quell::model::ObjectId;

use crate::changes::leak;
use crate::refs::{command, git, knows_reftables};
use crate::support::{QUELL, Run, Tree, gaps, places, quell, run, run_with, token};

/// The options of `git init` that this git knows.
fn formats() -> Vec<Vec<&'static str>> {
    let mut all = vec![vec![], vec!["--object-format=sha256"]];
    if knows_reftables() {
        all.push(vec!["--ref-format=reftable"]);
        all.push(vec!["--ref-format=reftable", "--object-format=sha256"]);
    }
    all
}

fn init(format: &[&str]) -> Tree {
    let tree = Tree::new();
    git(&tree, ".", &[&["init", "-q", "-b", "main"], format].concat());
    tree
}

fn commit(tree: &Tree, message: &str) -> String {
    git(tree, ".", &["add", "-A"]);
    git(tree, ".", &["commit", "-q", "--allow-empty", "-m", message]);
    git(tree, ".", &["rev-parse", "HEAD"]).out().trim().to_owned()
}

fn scan(tree: &Tree, arguments: &[&str]) -> Run {
    run(quell().current_dir(tree.path()).args(["scan", "--format", "json"]).args(arguments))
}

/// The places of a report that has no gaps.
#[track_caller]
fn found(run: &Run) -> Vec<String> {
    let report = run.json();
    assert_eq!(gaps(&report), []);
    let mut all: Vec<String> = places(&report).iter().map(|(p, _)| format!("{}:{}", p.path, p.line)).collect();
    all.sort();
    all
}

#[test]
fn what_is_staged_is_found_in_every_format() {
    for format in formats() {
        let tree = init(&format);
        tree.write("a/old.env", leak(1));
        git(&tree, ".", &["add", "-A"]);
        assert_eq!(found(&scan(&tree, &["--staged"]).code(1)), ["a/old.env:1"], "{format:?}: before the first commit");
        commit(&tree, "one");
        git(&tree, ".", &["pack-refs", "--all"]);
        assert_eq!(found(&scan(&tree, &["--staged"]).code(0)), [""; 0], "{format:?}");
        tree.write("a/old.env", format!("{}{}", leak(1), leak(2)));
        git(&tree, ".", &["add", "-A"]);
        tree.write("b.env", leak(3));
        assert_eq!(found(&scan(&tree, &["--staged"]).code(1)), ["a/old.env:2"], "{format:?}");
        assert_eq!(found(&scan(&tree, &["--unstaged"]).code(1)), ["b.env:1"], "{format:?}");
        run(quell().current_dir(tree.path()).args(["hook", "pre-commit"])).code(1);
    }
}

#[test]
fn what_a_range_brings_in_is_found_in_every_format() {
    for format in formats() {
        let tree = init(&format);
        tree.write("old.env", leak(1));
        let first = commit(&tree, "one");
        git(&tree, ".", &["tag", "-a", "-m", "first", "v1"]);
        tree.write("new.env", leak(2));
        commit(&tree, &format!("two\n\n{}", token(3)));
        git(&tree, ".", &["rm", "-q", "new.env"]);
        let last = commit(&tree, "three");
        git(&tree, ".", &["branch", "side", &first]);
        let wanted = ["<commit message>:3", "new.env:1"];
        for packed in [false, true] {
            if packed {
                git(&tree, ".", &["repack", "-q", "-adf"]);
                git(&tree, ".", &["pack-refs", "--all"]);
            }
            let short = format!("{}..{}", &first[..9], &last[..12]);
            let long = format!("{}..{last}", &first[..40]);
            for range in
                [&long, "v1..main", "v1^{}..HEAD", "v1^{commit}..", "HEAD~2..@", "side..refs/heads/main", &short]
            {
                assert_eq!(found(&scan(&tree, &["--range", range]).code(1)), wanted, "{format:?} {range}");
            }
            assert_eq!(found(&scan(&tree, &["--range", "HEAD^..HEAD"]).code(0)), [""; 0], "{format:?}");
            let ended = scan(&tree, &["--range", "v1^{tree}..HEAD"]).code(2);
            assert!(ended.err().contains("names no commit"), "{}", ended.err());
        }
        git(&tree, ".", &["worktree", "add", "-q", "-b", "linked", "linked", "v1"]);
        tree.write("linked/c.env", leak(4));
        git(&tree, "linked", &["add", "-A"]);
        assert_eq!(found(&scan(&tree, &["--staged", "linked"]).code(1)), ["c.env:1"], "{format:?}");
        assert_eq!(found(&scan(&tree, &["--range", "HEAD..main", "linked"]).code(1)), wanted, "{format:?}");
    }
}

#[test]
fn a_server_refuses_a_push_in_every_format() {
    for format in formats() {
        let tree = init(&format);
        git(&tree, ".", &[&["init", "-q", "--bare", "-b", "main", "remote.git"], &format[..]].concat());
        git(&tree, ".", &["remote", "add", "origin", "remote.git"]);
        tree.write(".gitignore", "remote.git\n");
        let hook = tree.write("remote.git/hooks/pre-receive", format!("#!/bin/sh\nexec '{QUELL}' hook pre-receive\n"));
        std::fs::set_permissions(hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        let push = || run(command().current_dir(tree.path()).args(["push", "-q", "origin", "main"]));
        tree.write("a.txt", "clean\n");
        commit(&tree, "one");
        push().code(0);
        tree.write("a.env", leak(1));
        commit(&tree, "two");
        let refused = push().code(1);
        assert!(refused.err().contains("a.env:1:7 in commit"), "{format:?}: {}", refused.err());
        assert!(!refused.err().contains(&token(1)) && !refused.err().contains("INCOMPLETE"), "{}", refused.err());
        run(quell().current_dir(tree.path()).args(["hook", "install"])).code(0);
        assert_ne!(push().code(1).err(), "", "{format:?}: by the hook of the one who pushes");
    }
}

#[test]
fn a_split_index_is_read_with_what_it_is_split_from() {
    for (format, version) in [(vec![], "2"), (vec![], "4"), (vec!["--object-format=sha256"], "2")] {
        let tree = init(&format);
        for name in ["a.env", "b.env", "d/c.env", "e.env"] {
            tree.write(name, "nothing\n");
        }
        commit(&tree, "one");
        git(&tree, ".", &["update-index", "--index-version", version]);
        git(&tree, ".", &["update-index", "--split-index"]);
        assert_eq!(found(&scan(&tree, &["--staged"]).code(0)), [""; 0]);
        // One entry replaced, one gone, and two that are new: before the others, and in the middle.
        tree.write("b.env", leak(1));
        git(&tree, ".", &["rm", "-q", "a.env"]);
        tree.write("0.env", leak(2));
        tree.write("d/d.env", leak(3));
        git(&tree, ".", &["add", "-A"]);
        let shared = std::fs::read_dir(tree.at(".git")).unwrap();
        let shared: Vec<_> =
            shared.map(|e| e.unwrap().path()).filter(|p| p.to_string_lossy().contains("sharedindex")).collect();
        assert!(!shared.is_empty() && git(&tree, ".", &["ls-files"]).out().lines().count() == 5);
        assert_eq!(
            found(&scan(&tree, &["--staged"]).code(1)),
            ["0.env:1", "b.env:1", "d/d.env:1"],
            "{format:?} {version}"
        );
        tree.write("e.env", leak(4));
        assert_eq!(found(&scan(&tree, &["--unstaged"]).code(1)), ["e.env:1"], "{format:?} {version}");
        // A scan of the tree knows what is tracked, too.
        tree.write(".gitignore", "*.env\n");
        assert_eq!(found(&scan(&tree, &[]).code(1)).len(), 4);
        tree.write("ignored.env", leak(5));
        assert_eq!(found(&scan(&tree, &[]).code(1)).len(), 4, "what is not tracked is ignored");
        for file in &shared {
            std::fs::write(file, "DIRC").unwrap();
        }
        assert!(scan(&tree, &["--staged"]).code(3).out().contains("damaged"));
        shared.iter().for_each(|file| std::fs::remove_file(file).unwrap());
        assert!(scan(&tree, &["--staged"]).code(3).out().contains("split from is not there"));
    }
}

#[test]
fn a_pack_that_cannot_be_read_is_a_gap_and_the_rest_is_scanned() {
    for (ending, cut) in [("idx", 40), ("idx", 1100), ("pack", 5), ("pack", 100)] {
        let tree = init(&[]);
        tree.write("a.env", leak(1));
        commit(&tree, "one");
        git(&tree, ".", &["repack", "-q", "-adf"]);
        tree.write("b.env", leak(2));
        commit(&tree, "two");
        let of = |ending: &str| {
            let files = std::fs::read_dir(tree.at(".git/objects/pack")).unwrap().map(|e| e.unwrap().path());
            files.into_iter().find(|p| p.extension().is_some_and(|x| x == ending)).unwrap()
        };
        let bytes = std::fs::read(of(ending)).unwrap();
        std::fs::remove_file(of(ending)).unwrap_or(());
        let name = of("rev").with_extension(ending);
        std::fs::write(name, &bytes[..cut]).unwrap();
        let report = scan(&tree, &["--range", "HEAD^..HEAD"]);
        assert!(matches!(report.code, Some(3 | 4)), "{ending} {cut}: {:?} {}", report.code, report.err());
        tree.write("c.env", leak(3));
        git(&tree, ".", &["hash-object", "-w", "c.env"]);
        let lines = format!("100644 {} 0\tc.env\n", git(&tree, ".", &["hash-object", "c.env"]).out().trim());
        std::fs::remove_file(tree.at(".git/index")).unwrap();
        run_with(command().current_dir(tree.path()).args(["update-index", "--index-info"]), lines.as_bytes()).code(0);
        let report = scan(&tree, &["--staged"]);
        assert!(matches!(report.code, Some(1 | 4)), "{ending} {cut}: {:?} {}", report.code, report.err());
        assert_eq!(places(&report.json())[0].0.path, "c.env", "{ending} {cut}");
    }
}

#[test]
fn a_ref_that_is_broken_takes_nothing_from_a_change_that_does_not_need_it() {
    let tree = init(&[]);
    tree.write("a.txt", "x");
    commit(&tree, "one");
    tree.write("a.env", leak(1));
    commit(&tree, "two");
    tree.write(".git/refs/heads/broken", "nothing");
    assert_eq!(found(&scan(&tree, &["--range", "HEAD^..HEAD"]).code(1)), ["a.env:1"]);
    assert_eq!(found(&scan(&tree, &["--staged"]).code(0)), [""; 0]);
    assert!(scan(&tree, &["--range", "broken..HEAD"]).code(2).err().contains("no commit `broken`"));
    tree.write(".git/refs/heads/main", "nothing");
    let report = scan(&tree, &["--staged"]).code(4).json();
    assert!(gaps(&report).iter().any(|(path, ..)| path.ends_with("refs/heads/main")), "{report:#}");
}

#[test]
fn a_tree_that_names_two_files_alike_is_a_gap() {
    let tree = init(&[]);
    commit(&tree, "one");
    let mut bytes = Vec::new();
    for seed in [1, 2] {
        tree.write("x", leak(seed));
        let id = git(&tree, ".", &["hash-object", "-w", "x"]).out();
        bytes.extend_from_slice(b"100644 a.env\0");
        bytes.extend_from_slice(ObjectId::from_hex(id.trim().as_bytes()).unwrap().as_bytes());
    }
    let mut command = command();
    let hash = ["hash-object", "-t", "tree", "--literally", "--stdin", "-w"];
    let made = run_with(command.current_dir(tree.path()).args(hash), &bytes).code(0).out();
    let made = git(&tree, ".", &["commit-tree", made.trim(), "-p", "HEAD", "-m", "two"]).out();
    let report = scan(&tree, &["--range", &format!("HEAD..{}", made.trim())]).code(3).json();
    assert!(gaps(&report)[0].2.contains("two entries of one name"), "{report:#}");
}

#[test]
fn a_shortened_id_that_several_objects_have_names_none() {
    let tree = init(&[]);
    let first = commit(&tree, "one");
    for packed in [false, true] {
        // Commits until two ids start alike in four digits.
        let mut ids = vec![first.clone()];
        let same = loop {
            let message = format!("{packed}{}", ids.len());
            let made = git(&tree, ".", &["commit-tree", "HEAD^{tree}", "-m", &message]).out().trim().to_owned();
            if let Some(other) = ids.iter().find(|id| id[..4] == made[..4]) {
                break (other.clone(), made);
            }
            ids.push(made);
            assert!(ids.len() < 5000);
        };
        if packed {
            for id in [&same.0, &same.1] {
                git(&tree, ".", &["update-ref", &format!("refs/kept/{id}"), id]);
            }
            git(&tree, ".", &["repack", "-q", "-adf"]);
            git(&tree, ".", &["prune-packed"]);
        }
        let ended = scan(&tree, &["--range", &format!("{}..HEAD", &same.0[..4])]).code(2);
        assert!(ended.err().contains("several objects have an id that starts so"), "{}", ended.err());
        scan(&tree, &["--range", &format!("{}..HEAD", &same.1[..40])]).code(0);
    }
}

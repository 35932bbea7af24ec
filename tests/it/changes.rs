//! Scans of a change: what the index, the work tree and the commits of a range bring in, and nothing that was there
//! before. Nothing that a repository's configuration says is run, and nothing of it holds a scan up.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;

use crate::support::{Run, Tree, findings, gaps, only_finding, places, quell, run, scan, skipped, token};

pub(crate) fn leak(seed: u64) -> String {
    format!("TOKEN={}\n", token(seed))
}

pub(crate) fn repository() -> Tree {
    let tree = Tree::new();
    tree.git(".", &["init", "-q", "-b", "main"]);
    tree
}

pub(crate) fn commit(tree: &Tree, message: &str) -> String {
    tree.git(".", &["add", "-A"]);
    tree.git(".", &["commit", "-q", "--allow-empty", "-m", message]);
    tree.git(".", &["rev-parse", "HEAD"]).out().trim().to_owned()
}

/// The places of a report: path and line.
fn found(run: &Run) -> BTreeSet<(String, u64)> {
    places(&run.json()).into_iter().map(|(p, _)| (p.path, p.line)).collect()
}

fn at(all: &[(&str, u64)]) -> BTreeSet<(String, u64)> {
    all.iter().map(|(path, line)| ((*path).to_owned(), *line)).collect()
}

fn staged(tree: &Tree) -> Run {
    scan(tree, &["--staged"])
}

/// The commits that a report names, with the paths.
fn commits(report: &Value) -> BTreeSet<(String, String)> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let all = findings(report).iter().flat_map(|f| f["locations"].as_array().unwrap());
    all.map(|l| (text(&l["path"]), text(&l["commit"]["id"]))).collect()
}

#[test]
fn staged_lines_are_reported_and_what_was_there_is_not() {
    let tree = repository();
    tree.write("old.env", format!("{}a = 1\nb = 2\n", leak(1)));
    assert_eq!(found(&staged(&tree).code(0)), at(&[]), "nothing is staged yet");
    tree.git(".", &["add", "-A"]);
    assert_eq!(found(&staged(&tree).code(1)), at(&[("old.env", 1)]), "before the first commit");
    commit(&tree, "one");
    tree.write("old.env", format!("{}a = 1\nb = 3\n", leak(1)));
    tree.write("sub/new.env", format!("x\né {}", leak(2)));
    tree.git(".", &["add", "-A"]);
    tree.write("sub/new.env", "taken out of the work tree alone");
    let report = staged(&tree).code(1).json();
    let all = places(&report);
    assert_eq!(all.len(), 1, "{report:#}");
    let line = format!("x\né {}", leak(2));
    let start = line.find(&token(2)).unwrap();
    assert_eq!((all[0].0.path.as_str(), all[0].0.line, all[0].0.start), ("sub/new.env", 2, start));
    let inside = run(quell().current_dir(tree.at("sub")).args(["scan", "--staged", "--format", "json"])).code(1);
    assert_eq!(found(&inside), at(&[("sub/new.env", 2)]), "from a directory of it, the whole change");
    tree.write("old.env", format!("{}a = 1\n{}", leak(1), leak(1)));
    tree.git(".", &["add", "old.env"]);
    assert!(found(&staged(&tree)).contains(&("old.env".to_owned(), 3)), "a copy is an addition");
}

#[test]
fn moved_files_and_lines_are_no_additions() {
    let tree = repository();
    tree.write("a/one.env", format!("{}rest\nof it\n", leak(1)));
    tree.write("two.env", format!("x\n{}y\n", leak(2)));
    commit(&tree, "one");
    tree.git(".", &["mv", "a/one.env", "moved.env"]);
    tree.write("moved.env", format!("    {}rest\nchanged\n", leak(1)));
    tree.write("two.env", "x\ny\n");
    tree.write("three.env", format!("z\n{}", leak(2)));
    tree.git(".", &["add", "-A"]);
    assert_eq!(found(&staged(&tree).code(0)), at(&[]));
    tree.write("four.env", leak(2));
    tree.git(".", &["add", "-A"]);
    assert_eq!(found(&staged(&tree).code(1)), at(&[("three.env", 2), ("four.env", 1)]), "one of two is a copy");
}

#[test]
fn every_kind_of_entry_is_taken() {
    let tree = repository();
    let wide: Vec<u8> = leak(1).encode_utf16().flat_map(u16::to_le_bytes).collect();
    tree.write("wide.txt", [&[0xFF, 0xFE], &wide[..]].concat());
    tree.write("binary", [b"\0\x01\x02\0\n", leak(2).as_bytes(), b"\0\0\xFF"].concat());
    tree.write("mode.sh", leak(3));
    symlink(token(4), tree.at("link")).unwrap();
    tree.write("announced.env", leak(5));
    tree.git(".", &["add", "mode.sh"]);
    tree.git(".", &["commit", "-qm", "one"]);
    std::fs::set_permissions(tree.at("mode.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    tree.git(".", &["add", "wide.txt", "binary", "mode.sh", "link"]);
    tree.git(".", &["add", "-N", "announced.env"]);
    let head = tree.git(".", &["rev-parse", "HEAD"]).out().trim().to_owned();
    tree.git(".", &["update-index", "--add", "--cacheinfo", &format!("160000,{head},module")]);
    let report = staged(&tree).code(1);
    assert_eq!(found(&report), at(&[("wide.txt", 1), ("binary", 2), ("link", 1)]), "{}", report.out());
    assert_eq!(skipped(&report.json(), "submodule"), (0, 1, vec!["module".to_owned()]));
    let unstaged = scan(&tree, &["--unstaged"]).code(1);
    assert_eq!(found(&unstaged), at(&[("announced.env", 1)]));
    for version in ["2", "3", "4"] {
        tree.git(".", &["update-index", "--index-version", version]);
        assert_eq!(found(&staged(&tree)).len(), 3, "index version {version}");
    }
}

#[test]
fn merges_bring_in_what_no_parent_has_and_conflicts_are_looked_at() {
    let tree = repository();
    tree.write("f", "1\n");
    commit(&tree, "base");
    tree.git(".", &["checkout", "-qb", "side"]);
    tree.write("side.env", leak(1));
    tree.write("f", "side\n");
    let side = commit(&tree, "side");
    tree.git(".", &["checkout", "-q", "main"]);
    tree.write("f", "main\n");
    let main = commit(&tree, "main");
    let mut merge = std::process::Command::new("git");
    crate::support::clean(&mut merge);
    let merged =
        run(merge.current_dir(tree.path()).args(["-c", "user.name=x", "-c", "user.email=x@y", "merge", "-q", "side"]));
    assert_ne!(merged.code, Some(0), "a conflict");
    assert_eq!(found(&staged(&tree).code(0)), at(&[]), "the side's secret is the side's");
    tree.write("f", format!("both\n{}", leak(2)));
    tree.git(".", &["add", "-A"]);
    assert_eq!(found(&staged(&tree).code(1)), at(&[("f", 2)]));
    let merge = commit(&tree, "merge");
    let range = |text: &str| commits(&scan(&tree, &["--range", text]).code(1).json());
    assert_eq!(
        range(&format!("{main}..{merge}")),
        [("f".to_owned(), merge.clone()), ("side.env".to_owned(), side)].into()
    );
    assert_eq!(range(&format!("{merge}^2..{merge}")), [("f".to_owned(), merge)].into());
    // A conflict without a merge: theirs is looked at.
    let tree = repository();
    tree.write("f", "1\n");
    commit(&tree, "base");
    let id = |text: &str| {
        tree.write("x", text);
        tree.git(".", &["hash-object", "-w", "x"]).out().trim().to_owned()
    };
    let lines = format!("0 {0} 0\tf\n100644 {1} 2\tf\n100644 {2} 3\tf\n", "0".repeat(40), id("ours\n"), id(&leak(4)));
    let mut command = std::process::Command::new("git");
    crate::support::clean(&mut command);
    let info = command.current_dir(tree.path()).args(["update-index", "--index-info"]);
    crate::support::run_with(info, lines.as_bytes()).code(0);
    assert_eq!(found(&staged(&tree).code(1)), at(&[("f", 1)]));
}

#[test]
fn what_is_not_staged_is_found_with_untracked_files() {
    let tree = repository();
    tree.write("a.env", format!("{}x\n", leak(1)));
    tree.write(".gitignore", "ignored.env\n");
    commit(&tree, "one");
    tree.write("staged.env", leak(2));
    tree.git(".", &["add", "-A"]);
    tree.write("a.env", format!("{}y\n{}", leak(1), leak(3)));
    tree.write("new/untracked.env", leak(4));
    tree.write("ignored.env", leak(5));
    let report = scan(&tree, &["--unstaged"]).code(1);
    assert_eq!(found(&report), at(&[("a.env", 3), ("new/untracked.env", 1)]));
    std::fs::rename(tree.at("staged.env"), tree.at("renamed.env")).unwrap();
    assert_eq!(found(&scan(&tree, &["--unstaged"])), found(&report), "a file with another name is no addition");
}

#[test]
fn a_range_has_what_its_commits_bring_in_though_it_was_taken_out_again() {
    let tree = repository();
    tree.write("before.env", leak(1));
    let first = commit(&tree, "one");
    tree.write("gone.env", format!("a\n{}", leak(2)));
    let second = commit(&tree, "two");
    tree.git(".", &["rm", "-q", "gone.env"]);
    let third = commit(&tree, &format!("three\n\nwith {}", token(3)));
    let range = scan(&tree, &["--range", &format!("{first}..{third}")]).code(1);
    let report = range.json();
    let wanted = [("gone.env".to_owned(), second.clone()), ("<commit message>".to_owned(), third.clone())];
    assert_eq!(commits(&report), wanted.into());
    let place = places(&report).into_iter().find(|(p, _)| p.path == "gone.env").unwrap().0;
    assert_eq!((place.line, place.start), (2, 8));
    let author = &findings(&report)[0]["locations"][0]["commit"];
    assert_eq!(author["author"], "Tester <tester@example.com>");
    assert!(author["date"].as_i64().unwrap() > 1_600_000_000);
    for (arguments, paths) in [
        (vec!["--since-ref", &first], 2),
        (vec!["--since-ref", "HEAD~1"], 1),
        (vec!["--range", "HEAD~2.."], 2),
        (vec!["--range", "HEAD...HEAD~2"], 2),
        (vec!["--range", "main~1..main"], 1),
        (vec!["--range", "HEAD..HEAD"], 0),
    ] {
        assert_eq!(commits(&scan(&tree, &arguments).json()).len(), paths, "{arguments:?}");
    }
    let plain = run(quell().current_dir(tree.path()).args(["scan", "--since-ref", &first])).code(1);
    assert!(plain.out().contains(&format!("gone.env:2:7 in commit {} (Tester", &second[..12])), "{}", plain.out());
    for format in ["jsonl", "sarif", "csv", "gitlab"] {
        let text =
            run(quell().current_dir(tree.path()).args(["scan", "--since-ref", &first, "--format", format])).out();
        assert!(text.contains(&second) && !text.contains(&token(2)), "{format}");
    }
    tree.git(".", &["clone", "-q", "--bare", ".", "bare.git"]);
    let bare = run(quell().current_dir(tree.at("bare.git")).args(["scan", "--since-ref", &first, "--format", "json"]));
    assert_eq!(commits(&bare.code(1).json()).len(), 2);
}

#[test]
fn identities_and_other_lines_of_a_head_are_scanned() {
    let tree = repository();
    let first = commit(&tree, "one");
    let author = format!("--author={} <x@y>", token(1));
    tree.git(".", &["commit", "-q", "--allow-empty", "-m", "two", &author]);
    let report = scan(&tree, &["--since-ref", &first]).code(1).json();
    assert_eq!(commits(&report).into_iter().next().unwrap().0, "<commit head>");
}

#[test]
fn what_cannot_be_asked_is_said_and_ends_with_2() {
    let tree = repository();
    commit(&tree, "one");
    for (arguments, words) in [
        (&["--range", "nothing..HEAD"][..], "there is no commit `nothing`"),
        (&["--range", "HEAD"], "is no range"),
        (&["--range", "HEAD..HEAD..HEAD"], "is no range"),
        (&["--since-ref", "origin/main"], "there is no commit `origin/main`"),
        (&["--since-ref", "HEAD@{1}"], "names no commit"),
        (&["--since-ref", "HEAD~9"], "there is no commit"),
        (&["--since-ref", "refs/../../x"], "there is no commit"),
        (&["--since-ref", &"f".repeat(40)], "there is no commit"),
        (&["--staged", "--unstaged"], "cannot be used with"),
        (&["--staged", ".", "."], "2 paths"),
        (&["--staged", "-"], "standard input"),
        (&["--staged", "/"], "is no git repository"),
        (&["--allow-alternate", "/"], "--staged or --range"),
    ] {
        let ended = scan(&tree, arguments).code(2);
        assert!(ended.err().contains(words) && ended.out().is_empty(), "{arguments:?}: {}", ended.err());
    }
    tree.git(".", &["clone", "-q", "--bare", ".", "bare.git"]);
    assert!(scan(&tree, &["--unstaged", "bare.git"]).code(2).err().contains("no work tree"));
    let empty = repository();
    assert_eq!(found(&staged(&empty).code(0)), at(&[]));
    assert!(scan(&empty, &["--since-ref", "HEAD"]).code(2).err().contains("no commit `HEAD`"));
}

#[test]
fn a_shallow_end_and_missing_objects_are_gaps() {
    let tree = repository();
    for number in 0..4u64 {
        tree.write("f.env", leak(number + 1));
        commit(&tree, "x");
    }
    tree.git(".", &["branch", "other", "HEAD~3"]);
    let url = format!("file://{}", tree.path().display());
    tree.git(".", &["clone", "-q", "--depth", "2", "--no-single-branch", &url, "shallow"]);
    let report = scan(&tree, &["--range", "origin/other..HEAD", "shallow"]).code(4).json();
    assert_eq!((gaps(&report).len(), places(&report).len()), (1, 1), "{report:#}");
    assert!(gaps(&report)[0].2.contains("shallow"));
    let blob = tree.git(".", &["rev-parse", "HEAD:f.env"]).out().trim().to_owned();
    std::fs::remove_file(tree.at(format!(".git/objects/{}/{}", &blob[..2], &blob[2..]))).unwrap();
    let report = scan(&tree, &["--since-ref", "HEAD~1"]).code(3).json();
    assert!(gaps(&report)[0].2.contains("is missing"), "{report:#}");
    std::fs::write(tree.at(".git/index"), "DIRC nonsense").unwrap();
    assert!(staged(&tree).code(3).out().contains(".git/index"));
}

#[test]
fn suppressions_count_from_what_was_there_before() {
    let tree = repository();
    commit(&tree, "one");
    tree.write("a.env", leak(1));
    tree.git(".", &["add", "a.env"]);
    let id = only_finding(&staged(&tree).json())["fingerprint"].as_str().unwrap().to_owned();
    let text = format!("[[suppress]]\nfingerprint = \"{id}\"\nreason = \"kept for a test\"\n");
    tree.write(".quell.toml", text);
    tree.git(".", &["add", "-A"]);
    staged(&tree).code(1);
    let both = commit(&tree, "both at once");
    scan(&tree, &["--range", &format!("{both}^..{both}")]).code(1);
    tree.git(".", &["rm", "-q", "a.env"]);
    commit(&tree, "without");
    tree.write("a.env", leak(1));
    tree.git(".", &["add", "-A"]);
    let report = staged(&tree).code(0).json();
    assert_eq!(report["suppressed"], 1);
    scan(&tree, &["--staged", "--no-target-ignores"]).code(1);
    commit(&tree, "again");
    scan(&tree, &["--since-ref", "HEAD~1"]).code(0);
}

/// A repository whose configuration would run a command at every turn, and includes a FIFO.
fn hostile(tree: &Tree) {
    let run = tree.write("run", format!("#!/bin/sh\ntouch '{}'\ncat\n", tree.at("ran").display()));
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = run.display();
    let config = format!(
        "[core]\n\trepositoryformatversion = 0\n\tfsmonitor = {run}\n\tsshCommand = {run}\n\thooksPath = /tmp\n\tpager = {run}\n\
         [filter \"x\"]\n\tclean = {run}\n\tsmudge = {run}\n\tprocess = {run}\n[diff]\n\texternal = {run}\n\
         [diff \"x\"]\n\ttextconv = {run}\n\tcommand = {run}\n[include]\n\tpath = fifo\n"
    );
    std::fs::write(tree.at(".git/config"), config).unwrap();
    mknodat(CWD, tree.at(".git/fifo"), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    std::fs::write(tree.at(".gitattributes"), "* filter=x diff=x\n").unwrap();
}

#[test]
fn hostile_configuration_runs_nothing_and_holds_nothing_up() {
    let tree = repository();
    let first = commit(&tree, "one");
    tree.write("a.env", leak(1));
    commit(&tree, "two");
    tree.write("b.env", leak(2));
    tree.git(".", &["add", "-A"]);
    tree.write("c.env", leak(3));
    hostile(&tree);
    assert_eq!(found(&staged(&tree).code(1)), at(&[("b.env", 1)]));
    assert_eq!(found(&scan(&tree, &["--unstaged"]).code(1)), at(&[("c.env", 1)]));
    assert_eq!(found(&scan(&tree, &["--since-ref", &first]).code(1)), at(&[("a.env", 1)]));
    run(quell().current_dir(tree.path()).args(["hook", "pre-commit"])).code(1);
    assert!(!tree.at("ran").exists(), "a command of the configuration was run");
    let outside = run(quell().current_dir(tree.path()).args(["hook", "install"])).code(2);
    assert!(outside.err().contains("outside of the repository"), "{}", outside.err());
}

#[test]
fn what_is_no_file_among_the_objects_is_said_and_not_opened() {
    for place in ["objects/pack/pack-1.idx", "objects/ab", "refs/heads/fifo", "packed-refs", "MERGE_HEAD"] {
        let tree = repository();
        tree.write("a.env", leak(1));
        tree.git(".", &["add", "-A"]);
        std::fs::create_dir_all(tree.at(".git/objects/pack")).unwrap();
        mknodat(CWD, tree.at(format!(".git/{place}")), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
        let code = staged(&tree).code.unwrap();
        assert!([1, 3].contains(&code), "{place}: {code}");
    }
    let tree = repository();
    let outside = Tree::new();
    outside.git(".", &["init", "-q"]);
    tree.write("a.env", leak(1));
    std::fs::rename(tree.at(".git/objects"), outside.at("moved")).unwrap();
    symlink(outside.at("moved"), tree.at(".git/objects")).unwrap();
    tree.git(".", &["add", "-A"]);
    assert!(staged(&tree).code(3).out().contains("outside of the repository"));
    std::fs::remove_file(tree.at(".git/objects")).unwrap();
    std::fs::rename(outside.at("moved"), tree.at(".git/objects")).unwrap();
    tree.git(".", &["add", "-A"]);
    let borrowed = outside.at(".git/objects");
    tree.write(".git/objects/info/alternates", format!("{}\n", borrowed.display()));
    let report = staged(&tree).code(4);
    assert!(
        report.out().contains("--allow-alternate") && found(&report) == at(&[("a.env", 1)]),
        "what is there is read"
    );
    scan(&tree, &["--staged", "--allow-alternate", borrowed.to_str().unwrap()]).code(1);
}

#[test]
fn linked_work_trees_and_repositories_of_other_owners_are_scanned() {
    let tree = repository();
    commit(&tree, "one");
    tree.git(".", &["worktree", "add", "-q", "linked"]);
    tree.write("linked/a.env", leak(1));
    tree.git("linked", &["add", "-A"]);
    assert_eq!(found(&scan(&tree, &["--staged", "linked"]).code(1)), at(&[("a.env", 1)]));
    assert_eq!(found(&staged(&tree).code(0)), at(&[]));
    let chown = std::process::Command::new("chown").args(["-R", "12345:12345"]).arg(tree.path()).status().unwrap();
    if chown.success() {
        assert_eq!(found(&scan(&tree, &["--staged", "linked"]).code(1)), at(&[("a.env", 1)]), "somebody else's");
    }
}

#[test]
fn a_sparse_index_is_read_where_it_is_not_sparse() {
    let tree = repository();
    tree.write("in/a.txt", "x");
    tree.write("out/b.env", leak(1));
    commit(&tree, "one");
    tree.git(".", &["sparse-checkout", "set", "--cone", "--sparse-index", "in"]);
    tree.write("in/c.env", leak(2));
    tree.git(".", &["add", "in"]);
    assert_eq!(found(&staged(&tree).code(1)), at(&[("in/c.env", 1)]));
}

#[test]
fn names_that_a_change_brings_in_are_searched() {
    let tree = repository();
    let first = commit(&tree, "one");
    tree.write(format!("new/{}.txt", token(1)), "nothing\n");
    let unstaged = scan(&tree, &["--unstaged"]).code(1);
    tree.git(".", &["add", "-A"]);
    let staged = staged(&tree).code(1);
    commit(&tree, "two");
    let range = scan(&tree, &["--since-ref", &first]).code(1);
    for run in [unstaged, staged, range] {
        let report = run.json();
        let place = &only_finding(&report)["locations"][0];
        assert_eq!((place["path"].as_str(), place["part"].as_str()), (Some("new/ghp_….txt"), Some("file-name")));
        assert!(!run.out().contains(&token(1)));
    }
    // What was there before under the same name is not new.
    tree.write(format!("new/{}.txt", token(1)), "something\n");
    scan(&tree, &["--unstaged"]).code(0);
}

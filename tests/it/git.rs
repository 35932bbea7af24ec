//! Git repositories: what is tracked is scanned whatever ignores it, what is ignored is counted, and nothing that a
//! repository says about itself is run or followed.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;

use crate::support::{Tree, findings, notices, places, quell, run, scan, skipped, token};

pub(crate) fn leak(seed: u64) -> String {
    format!("TOKEN={}\n", token(seed))
}

/// A repository at `directory` of a tree.
pub(crate) fn repository(tree: &Tree, directory: &str) {
    tree.dir(directory);
    tree.git(directory, &["init", "-q", "-b", "main"]);
}

pub(crate) fn commit(tree: &Tree, directory: &str, files: &[&str]) {
    tree.git(directory, &[&["add", "-f"], files].concat());
    tree.git(directory, &["commit", "-q", "-m", "x"]);
}

/// The paths that have findings.
pub(crate) fn found(report: &Value) -> BTreeSet<String> {
    places(report).into_iter().map(|(p, _)| p.path).collect()
}

fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(ToString::to_string).collect()
}

/// Writes files with a token each.
fn leaks(tree: &Tree, paths: &[&str]) {
    for (seed, path) in paths.iter().enumerate() {
        tree.write(path, leak(seed as u64 + 1));
    }
}

#[test]
fn tracked_files_are_scanned_even_where_they_are_ignored_and_ignored_ones_are_counted() {
    let tree = Tree::new();
    repository(&tree, ".");
    leaks(&tree, &["a.env", "b.log", "c.log", "build/in.txt", "build/out.txt", "new.txt"]);
    tree.write(".gitignore", "*.log\nbuild/\n");
    commit(&tree, ".", &["a.env", "b.log", "build/in.txt"]);
    let report = scan(&tree, &[]).code(1).json();
    assert_eq!(found(&report), set(&["a.env", "b.log", "build/in.txt", "new.txt"]));
    assert_eq!(skipped(&report, "ignored"), (2, 0, vec!["build/out.txt".to_owned(), "c.log".to_owned()]));
    assert_eq!(skipped(&report, "git-directory"), (1, 1, vec![".git/index".to_owned(), ".git/objects".to_owned()]));
    let plain = run(quell().current_dir(tree.path()).arg("scan")).code(1);
    assert!(plain.out().contains("ignored 2"), "{}", plain.out());
    let report = scan(&tree, &["--no-ignore"]).code(1).json();
    assert_eq!(found(&report), set(&["a.env", "b.log", "c.log", "build/in.txt", "build/out.txt", "new.txt"]));
}

/// What git itself would not list: the untracked files that it ignores.
fn ignored_by_git(tree: &Tree, directory: &str) -> BTreeSet<String> {
    let listed = tree.git(directory, &["ls-files", "--others", "--ignored", "--exclude-standard", "-z"]);
    listed.out().split('\0').filter(|p| !p.is_empty()).map(str::to_owned).collect()
}

#[test]
fn nested_ignore_files_negation_and_exclude_mean_what_git_means() {
    let tree = Tree::new();
    repository(&tree, ".");
    let files = [
        "keep.txt",
        "x.tmp",
        "sub/x.tmp",
        "sub/keep.tmp",
        "sub/deep/x.tmp",
        "sub/deep/y.bak",
        "only/root.cfg",
        "root.cfg",
        "dir/a",
        "dir/b/c",
        "other/dir/d",
        "file-or-dir/x",
        "sub/file-or-dir",
        "private/p",
        "space name",
        "hash#1",
        "!bang",
        "a/b/c/d.o",
        "a/x/d.o",
        "glob/q1.txt",
        "glob/q22.txt",
        "glob/[x].txt",
        "star/one/two/t.z",
        "caf\u{e9}/x",
        "back\\slash",
        "trail",
        "negated/in.o",
        "negated/keep.o",
        "whole/a",
        "whole/keep",
        "sub/deep/private/q",
        "UPPER.TMP",
    ];
    leaks(&tree, &files);
    let root = "# a comment\n*.tmp\n!keep.tmp\n/root.cfg\ndir/\nfile-or-dir/\na/**/d.o\nglob/q?.txt\nglob/\\[x\\].txt\nstar/**\n\
                space\\ name\n\\#hash\nhash\\#1\n\\!bang\ntrail   \ncaf\u{e9}/\nback\\\\slash\nnegated/*\n!negated/keep.o\nwhole\n!whole/keep\r\n\
                [broken\n";
    tree.write(".gitignore", root);
    tree.write("sub/.gitignore", "*.bak\n!x.tmp\n");
    tree.write("sub/deep/.gitignore", "!y.bak\nx.tmp\n");
    tree.write(".git/info/exclude", "private/\n");
    let ignored = ignored_by_git(&tree, ".");
    assert!(ignored.len() > 10, "git ignores something: {ignored:?}");
    let wanted: BTreeSet<String> = files.iter().map(ToString::to_string).filter(|f| !ignored.contains(f)).collect();
    assert_eq!(found(&scan(&tree, &[]).code(1).json()), wanted);
    assert_eq!(found(&scan(&tree, &["--no-ignore"]).code(1).json()).len(), files.len());
}

#[test]
fn a_subdirectory_of_a_repository_goes_by_the_same_rules() {
    let tree = Tree::new();
    repository(&tree, ".");
    leaks(&tree, &["app/a.log", "app/b.log", "app/src/c.env", "app/private/p", "app/src/gen/g"]);
    tree.write(".gitignore", "*.log\n/app/src/gen/\n");
    tree.write("app/.gitignore", "/private/\n");
    commit(&tree, ".", &["app/b.log"]);
    for (target, prefix) in [("app", "app/"), ("./app/", "./app/"), ("app/src/..", "app/src/../")] {
        let report = scan(&tree, &[target]).code(1).json();
        assert_eq!(found(&report), set(&[&format!("{prefix}b.log"), &format!("{prefix}src/c.env")]), "{target}");
        assert_eq!(skipped(&report, "ignored").0 + skipped(&report, "ignored").1, 3);
    }
    let report = scan(&tree, &["app/src"]).code(1).json();
    assert_eq!(found(&report), set(&["app/src/c.env"]));
}

#[test]
fn a_file_that_is_named_is_scanned_though_it_is_ignored() {
    let tree = Tree::new();
    repository(&tree, ".");
    leaks(&tree, &["a.log"]);
    tree.write(".gitignore", "*.log\n");
    assert_eq!(found(&scan(&tree, &["a.log"]).code(1).json()), set(&["a.log"]));
}

#[test]
fn a_target_that_an_outer_repository_ignores_is_scanned_whole() {
    let tree = Tree::new();
    repository(&tree, ".");
    leaks(&tree, &["work/checkout/a.env", "work/checkout/b.log"]);
    tree.write(".gitignore", "work/\n*.log\n");
    for target in ["work", "work/checkout"] {
        assert_eq!(findings(&scan(&tree, &[target]).code(1).json()).len(), 2, "{target}");
    }
    // From above, it is ignored, and said to be.
    let report = scan(&tree, &[]).code(0).json();
    assert_eq!(skipped(&report, "ignored"), (0, 1, vec!["work".to_owned()]));
}

#[test]
fn a_linked_worktree_has_its_own_index_and_the_common_exclude_file() {
    let tree = Tree::new();
    repository(&tree, "main");
    leaks(&tree, &["main/a.log", "main/b.env"]);
    commit(&tree, "main", &["a.log", "b.env"]);
    tree.git("main", &["worktree", "add", "-q", "../linked"]);
    tree.write("linked/.gitignore", "*.log\n");
    leaks(&tree, &["linked/new.log", "linked/private.txt", "linked/new.env"]);
    tree.write("main/.git/info/exclude", "private.txt\n");
    let ignored = ignored_by_git(&tree, "linked");
    assert_eq!(ignored, set(&["new.log", "private.txt"]));
    let report = scan(&tree, &["linked"]).code(1).json();
    assert_eq!(found(&report), set(&["linked/a.log", "linked/b.env", "linked/new.env"]), "{report:#}");
    assert_eq!(notices(&report), vec![]);
}

#[test]
fn a_nested_repository_goes_by_its_own_rules() {
    let tree = Tree::new();
    repository(&tree, "outer");
    repository(&tree, "outer/lib");
    leaks(&tree, &["outer/a.log", "outer/lib/a.log", "outer/lib/b.o", "outer/lib/c.o", "outer/lib/d.txt"]);
    tree.write("outer/.gitignore", "*.log\n");
    tree.write("outer/lib/.gitignore", "*.o\n");
    commit(&tree, "outer/lib", &["b.o"]);
    let report = scan(&tree, &["outer"]).code(1).json();
    assert_eq!(found(&report), set(&["outer/lib/a.log", "outer/lib/b.o", "outer/lib/d.txt"]));
}

#[test]
fn a_submodule_is_read_by_its_link_into_the_outer_repository() {
    let tree = Tree::new();
    repository(&tree, "lib");
    leaks(&tree, &["lib/a.env", "lib/b.o"]);
    tree.write("lib/.gitignore", "*.o\n");
    commit(&tree, "lib", &["a.env", "b.o", ".gitignore"]);
    repository(&tree, "outer");
    tree.git("outer", &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../lib", "deps/lib"]);
    leaks(&tree, &["outer/deps/lib/new.o", "outer/deps/lib/new.env"]);
    let report = scan(&tree, &["outer"]).code(1).json();
    assert_eq!(notices(&report), vec![]);
    assert_eq!(found(&report), set(&["outer/deps/lib/a.env", "outer/deps/lib/b.o", "outer/deps/lib/new.env"]));
}

#[test]
fn a_link_to_a_git_directory_elsewhere_is_not_believed() {
    let tree = Tree::new();
    repository(&tree, "elsewhere");
    leaks(&tree, &["target/a.log"]);
    tree.write("elsewhere/.git/info/exclude", "*\n");
    tree.write("target/.gitignore", "*.log\n");
    tree.write("target/.git", format!("gitdir: {}\n", tree.at("elsewhere/.git").display()));
    let report = scan(&tree, &["target"]).code(1).json();
    assert_eq!(found(&report), set(&["target/a.log"]));
    assert!(notices(&report)[0].1.contains("does not point back"), "{report:#}");
}

#[test]
fn a_link_inside_of_a_git_directory_is_not_followed_out_of_the_target() {
    let tree = Tree::new();
    repository(&tree, "target");
    leaks(&tree, &["target/a.env"]);
    tree.write("outside/exclude", "*\n");
    std::fs::remove_dir_all(tree.at("target/.git/info")).unwrap();
    symlink("../../outside", tree.at("target/.git/info")).unwrap();
    assert_eq!(found(&scan(&tree, &["target"]).code(1).json()), set(&["target/a.env"]));
    // Neither is one in place of the git directory itself.
    std::fs::rename(tree.at("target/.git"), tree.at("moved")).unwrap();
    tree.write("target/.gitignore", "*\n");
    symlink("../moved", tree.at("target/.git")).unwrap();
    let report = scan(&tree, &["target"]).code(1).json();
    assert_eq!(found(&report), set(&["target/a.env"]));
}

#[test]
fn an_index_that_cannot_be_read_leaves_nothing_out_and_says_so() {
    let tree = Tree::new();
    repository(&tree, ".");
    leaks(&tree, &["a.log", "b.env"]);
    tree.write(".gitignore", "*.log\n");
    commit(&tree, ".", &["b.env"]);
    let good = std::fs::read(tree.at(".git/index")).unwrap();
    let mut wrong = good.clone();
    wrong[good.len() / 2] ^= 0xff;
    let many = [b"DIRC\0\0\0\x02\xff\xff\xff\xff", &[0; 40][..]].concat();
    for (what, index) in [
        ("garbage", b"garbage".to_vec()),
        ("cut", good[..good.len() - 30].to_vec()),
        ("flipped", wrong),
        ("lying", many),
        ("empty", Vec::new()),
    ] {
        tree.write(".git/index", index);
        let report = scan(&tree, &[]).code(1).json();
        assert_eq!(found(&report), set(&["a.log", "b.env"]), "{what}");
        assert!(notices(&report).iter().any(|(_, text)| text.contains("index cannot be read")), "{what}: {report:#}");
    }
    std::fs::remove_file(tree.at(".git/index")).unwrap();
    mknodat(CWD, tree.at(".git/index"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let report = scan(&tree, &[]).code(1).json();
    assert_eq!((found(&report).len(), notices(&report).len()), (2, 1));
}

#[test]
fn every_version_of_an_index_is_read_or_said_not_to_be() {
    for arguments in [vec!["update-index", "--index-version", "4"], vec!["update-index", "--split-index"]] {
        let tree = Tree::new();
        repository(&tree, ".");
        leaks(&tree, &["a.log", "b.log", "c.env"]);
        tree.write(".gitignore", "*.log\n");
        commit(&tree, ".", &["a.log", "c.env"]);
        tree.git(".", &arguments);
        let report = scan(&tree, &[]).code(1).json();
        let all = set(&["a.log", "b.log", "c.env"]);
        let wanted = if notices(&report).is_empty() { set(&["a.log", "c.env"]) } else { all };
        assert_eq!(found(&report), wanted, "{arguments:?}: {report:#}");
    }
    let tree = Tree::new();
    tree.git(".", &["init", "-q", "--object-format=sha256"]);
    leaks(&tree, &["a.log", "b.log"]);
    tree.write(".gitignore", "*.log\n");
    commit(&tree, ".", &["a.log"]);
    let report = scan(&tree, &[]).code(1).json();
    assert!(found(&report).contains("a.log"), "{report:#}");
    assert!(found(&report) == set(&["a.log"]) || !notices(&report).is_empty(), "{report:#}");
}

#[test]
fn what_only_looks_like_a_git_directory_is_scanned() {
    let tree = Tree::new();
    leaks(&tree, &["plain/.git/a.env", "file/b.env"]);
    tree.write("file/.git", "not a link\n");
    assert_eq!(findings(&scan(&tree, &[]).code(1).json()).len(), 2);
    for kind in ["fifo", "symlink"] {
        let tree = Tree::new();
        leaks(&tree, &["x/a.log"]);
        tree.write("x/.gitignore", "*.log\n");
        if kind == "fifo" {
            mknodat(CWD, tree.at("x/.git"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        } else {
            symlink("nowhere", tree.at("x/.git")).unwrap();
        }
        assert_eq!(findings(&scan(&tree, &["x"]).code(1).json()).len(), 1, "{kind}");
        assert_eq!(findings(&scan(&tree, &[]).code(1).json()).len(), 1, "{kind}");
    }
}

#[test]
fn an_ignore_file_outside_of_any_repository_leaves_nothing_out() {
    let tree = Tree::new();
    leaks(&tree, &["a.log"]);
    tree.write(".gitignore", "*\n");
    tree.write(".ignore", "*\n");
    tree.write(".rgignore", "*\n");
    assert_eq!(findings(&scan(&tree, &[]).code(1).json()).len(), 1);
    repository(&tree, ".");
    std::fs::remove_file(tree.at(".gitignore")).unwrap();
    assert_eq!(findings(&scan(&tree, &[]).code(1).json()).len(), 1, "other tools' ignore files do not count");
}

#[test]
fn nothing_that_a_repository_configures_is_run_or_opened() {
    let tree = Tree::new();
    repository(&tree, "target");
    leaks(&tree, &["target/a.env", "target/b.log"]);
    commit(&tree, "target", &["a.env"]);
    let marker = tree.at("ran");
    let script = tree.write("evil.sh", format!("#!/bin/sh\ntouch {}\n", marker.display()));
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    mknodat(CWD, tree.at("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let (evil, pipe) = (script.display(), tree.at("pipe"));
    let pipe: &Path = &pipe;
    let config = format!(
        "[core]\n\trepositoryformatversion = 0\n\tfsmonitor = {evil}\n\thooksPath = {0}\n\tpager = {evil}\n\tsshCommand = {evil}\n\
         \texcludesFile = {1}\n\tattributesFile = {1}\n[include]\n\tpath = {1}\n[filter \"x\"]\n\tclean = {evil}\n\tsmudge = {evil}\n\
         [diff \"x\"]\n\ttextconv = {evil}\n[extensions]\n\tworktreeConfig = true\n",
        tree.path().display(),
        pipe.display()
    );
    tree.write("target/.git/config", config);
    tree.write("target/.gitattributes", "* filter=x diff=x\n");
    for hook in ["post-index-change", "fsmonitor-watchman", "pre-auto-gc"] {
        std::fs::copy(&script, tree.at("target/.git/hooks").join(hook)).unwrap();
    }
    mknodat(CWD, tree.at("target/.git/config.worktree"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    // The person's own configuration is no source of a pause either.
    tree.dir("home/.config/git");
    for file in ["home/.gitconfig", "home/.config/git/config", "home/.config/git/ignore"] {
        mknodat(CWD, tree.at(file), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    }
    let mut command = quell();
    command.env("HOME", tree.at("home")).env("GIT_DIR", "/nonexistent").env("GIT_INDEX_FILE", "/nonexistent");
    let run = run(command.current_dir(tree.path()).args(["scan", "--format", "json", "target"])).code(1);
    assert_eq!(found(&run.json()), set(&["target/a.env", "target/b.log"]));
    assert!(!marker.exists(), "something of the repository's configuration ran");
    // The control: git itself would have run it.
    std::fs::remove_file(tree.at("target/.git/config")).unwrap();
    tree.git("target", &["config", "core.fsmonitor", &script.display().to_string()]);
    std::fs::remove_file(tree.at("target/.git/config.worktree")).unwrap();
    tree.git("target", &["status"]);
    assert!(marker.exists(), "the script runs where it is asked to");
}

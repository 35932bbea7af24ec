//! Git directories: their text is scanned, their objects are left out and counted; and a repository inside of another
//! hides nothing that the outer one tracks.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;

use crate::git::{commit, found, leak, repository};
use crate::support::{Tree, notices, places, scan, skipped, token};

fn set<S: AsRef<str>>(paths: &[S]) -> BTreeSet<String> {
    paths.iter().map(|p| p.as_ref().to_owned()).collect()
}

/// What looks like a git directory as little as it must: `HEAD`, `objects`, `refs`.
fn fake(tree: &Tree, directory: &str, head: &str) {
    tree.write(format!("{directory}/.git/HEAD"), head);
    tree.dir(format!("{directory}/.git/objects"));
    tree.dir(format!("{directory}/.git/refs"));
}

#[test]
fn the_text_of_a_git_directory_is_scanned_and_its_objects_are_counted() {
    let tree = Tree::new();
    repository(&tree, ".");
    tree.write("a.txt", "nothing\n");
    commit(&tree, ".", &["a.txt"]);
    let text = [
        "config.worktree",
        "FETCH_HEAD",
        "packed-refs",
        "description",
        "COMMIT_EDITMSG",
        "MERGE_MSG",
        "hooks/pre-push",
        "info/exclude",
        "info/attributes",
        "logs/refs/heads/x",
        "logs/objects",
        "rebase-merge/message",
        "lfs/tmp/x",
        "refs/heads/x",
        "unknown/to/git",
        "worktrees/w/objects",
    ];
    for (seed, path) in (1..).zip(text) {
        tree.write(format!(".git/{path}"), leak(seed));
    }
    // The place that it is most often found in.
    tree.git(".", &["remote", "add", "origin", &format!("https://bot:{}@git.acme.net/shop.git", token(99))]);
    tree.write(".git/objects/pack/pack-1.pack", leak(100));
    tree.write(".git/lfs/objects/aa/bb", leak(101));
    let report = scan(&tree, &[]).code(1).json();
    let mut wanted: BTreeSet<String> = text.iter().map(|path| format!(".git/{path}")).collect();
    wanted.insert(".git/config".to_owned());
    assert_eq!(found(&report), wanted);
    let left = [".git/index", ".git/lfs/objects", ".git/objects"].map(str::to_owned).to_vec();
    assert_eq!(skipped(&report, "git-directory"), (1, 2, left));
    assert_eq!(found(&scan(&tree, &["--no-ignore"]).code(1).json()), wanted, "ignore files play no part in it");
    let report = scan(&tree, &["--exclude-path", ".git"]).code(0).json();
    assert_eq!(skipped(&report, "excluded"), (0, 1, vec![".git".to_owned()]));
}

#[test]
fn nothing_hides_behind_the_name_of_an_index_or_an_ignore_file_in_a_git_directory() {
    let tree = Tree::new();
    repository(&tree, ".");
    tree.write(".git/index", leak(1));
    tree.write(".git/worktrees/w/index", leak(2));
    tree.write(".git/hooks/index", [b"DIRC", leak(3).as_bytes()].concat());
    tree.write(".git/.gitignore", "*\n");
    tree.write(".git/x/hidden", leak(4));
    repository(&tree, ".git/x");
    tree.write(".git/x/.gitignore", "*\n");
    symlink("../a", tree.at(".git/link")).unwrap();
    let report = scan(&tree, &[]).code(1).json();
    assert_eq!(found(&report), set(&[".git/index", ".git/worktrees/w/index", ".git/hooks/index", ".git/x/hidden"]));
    assert_eq!(skipped(&report, "symlink").0, 1);
}

#[test]
fn git_directories_of_submodules_and_worktrees_are_scanned_wherever_they_lie() {
    let tree = Tree::new();
    repository(&tree, "lib");
    tree.write("lib/a.txt", "nothing\n");
    commit(&tree, "lib", &["a.txt"]);
    repository(&tree, "outer");
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "--name", "deps/lib"];
    tree.git("outer", &[&add[..], &["../lib", "deps/lib"]].concat());
    tree.git("lib", &["worktree", "add", "-q", "../linked"]);
    let url = |seed| format!("https://bot:{}@git.acme.net/lib.git", token(seed));
    tree.git("outer/deps/lib", &["remote", "add", "private", &url(1)]);
    tree.git("lib", &["remote", "add", "private", &url(2)]);
    tree.write("lib/.git/worktrees/linked/FETCH_HEAD", leak(3));
    let report = scan(&tree, &["outer"]).code(1).json();
    assert_eq!(found(&report), set(&["outer/.git/modules/deps/lib/config"]));
    let left = skipped(&report, "git-directory");
    assert!(left.2.contains(&"outer/.git/modules/deps/lib/objects".to_owned()), "{left:?}");
    // From a part of it, what belongs to that part: a worktree's common directory, a submodule's own.
    let at = |path: &str| tree.at(path).canonicalize().unwrap().display().to_string();
    let common = set(&[at("lib/.git/config"), at("lib/.git/worktrees/linked/FETCH_HEAD")]);
    let submodule = set(&[at("outer/.git/modules/deps/lib/config")]);
    for more in [&[][..], &["--no-ignore"]] {
        assert_eq!(found(&scan(&tree, &[&["linked"], more].concat()).code(1).json()), common);
        assert_eq!(found(&scan(&tree, &[&["outer/deps"], more].concat()).code(1).json()), submodule);
    }
    scan(&tree, &["--exclude-path", ".git", "linked"]).code(0);
    let everything = scan(&tree, &[]).code(1).json();
    assert_eq!(places(&everything).len(), 3, "each once: {everything:#}");
}

#[test]
fn a_git_directory_that_does_not_point_back_is_not_gone_through() {
    let tree = Tree::new();
    repository(&tree, "elsewhere");
    tree.write("elsewhere/.git/FETCH_HEAD", leak(1));
    tree.write("target/.git", format!("gitdir: {}\n", tree.at("elsewhere/.git").display()));
    let report = scan(&tree, &["target"]).code(0).json();
    assert!(notices(&report)[0].1.contains("does not point back"), "{report:#}");
}

#[test]
fn a_repository_in_a_tracked_directory_hides_nothing_that_the_outer_one_tracks() {
    for head in ["ref: refs/heads/main\n", "nonsense\n"] {
        let tree = Tree::new();
        repository(&tree, ".");
        tree.write("lib/a.env", leak(1));
        tree.write("lib/sub/b.env", leak(2));
        tree.write("lib/sub/deeper/c.env", leak(3));
        tree.write("lib/new.env", leak(4));
        commit(&tree, ".", &["lib/a.env", "lib/sub", "lib/sub/deeper"]);
        tree.write("lib/.gitignore", "*\n");
        fake(&tree, "lib", head);
        fake(&tree, "lib/sub/deeper", head);
        tree.write("lib/sub/deeper/.gitignore", "*\n");
        let mut all = set(&["lib/a.env", "lib/sub/b.env", "lib/sub/deeper/c.env", "lib/new.env"]);
        if head == "nonsense\n" {
            // No repository at all: the ignore file is the outer one's, which does not track this.
            all.remove("lib/new.env");
        }
        assert_eq!(found(&scan(&tree, &[]).code(1).json()), all, "{head}");
        // Whatever part of it is named.
        let below = |directory: &str| all.iter().filter(|p| p.starts_with(directory)).cloned().collect::<BTreeSet<_>>();
        for target in ["lib", "lib/sub", "lib/sub/deeper"] {
            assert_eq!(found(&scan(&tree, &[target]).code(1).json()), below(&format!("{target}/")), "{head} {target}");
        }
    }
}

#[test]
fn a_real_repository_in_a_tracked_directory_hides_only_what_none_of_them_tracks() {
    let tree = Tree::new();
    repository(&tree, ".");
    for (seed, path) in (1..).zip(["lib/outer.env", "lib/inner.env", "lib/none.env", "lib/deep/er/outer.env"]) {
        tree.write(path, leak(seed));
    }
    commit(&tree, ".", &["lib/outer.env", "lib/deep"]);
    repository(&tree, "lib");
    commit(&tree, "lib", &["inner.env"]);
    repository(&tree, "lib/deep/er");
    tree.write("lib/deep/er/own", "nothing\n");
    commit(&tree, "lib/deep/er", &["own"]);
    tree.write("lib/.gitignore", "*.env\ndeep\n");
    tree.write("lib/deep/er/.gitignore", "*\n");
    let report = scan(&tree, &[]).code(1).json();
    assert_eq!(found(&report), set(&["lib/outer.env", "lib/inner.env", "lib/deep/er/outer.env"]));
    let (files, directories, examples) = skipped(&report, "ignored");
    assert!(examples.contains(&"lib/none.env".to_owned()), "what is left out is counted: {examples:?}");
    assert_eq!((files, directories), (2, 0), "{examples:?}");
    assert_eq!(found(&scan(&tree, &["lib/deep/er"]).code(1).json()), set(&["lib/deep/er/outer.env"]));
}

#[test]
fn a_fake_repository_without_a_valid_head_gives_no_rules() {
    for (head, ignored) in [("ref: refs/heads/main\n", 1), ("ref: elsewhere\n", 0), ("", 0), ("x", 0)] {
        let tree = Tree::new();
        fake(&tree, ".", head);
        tree.write(".gitignore", "*.env\n");
        tree.write("a.env", leak(1));
        let report = scan(&tree, &[]).code(i32::from(ignored == 0)).json();
        assert_eq!(skipped(&report, "ignored").0, ignored, "{head:?}: a new repository is one, and tracks nothing yet");
    }
}

#[test]
fn a_git_directory_that_is_named_goes_by_no_ignore_file() {
    let tree = Tree::new();
    repository(&tree, ".");
    tree.write("a.txt", "nothing\n");
    commit(&tree, ".", &["a.txt"]);
    tree.write(".gitignore", "*\n");
    for (seed, path) in (1..).zip(["hooks/a", "logs/b", "objects/c", "modules/m/config"]) {
        tree.write(format!(".git/{path}"), leak(seed));
    }
    for (target, wanted) in [
        (".git", &[".git/hooks/a", ".git/logs/b", ".git/modules/m/config"][..]),
        (".git/hooks", &[".git/hooks/a"]),
        (".git/objects", &[".git/objects/c"]),
        (".git/objects/c", &[".git/objects/c"]),
    ] {
        assert_eq!(found(&scan(&tree, &[target]).code(1).json()), set(wanted), "{target}");
    }
}

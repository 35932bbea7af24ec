//! Hooks as git itself runs them: real commits and real pushes with quell's hooks in place.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::changes::{commit, leak, repository};
use crate::support::{QUELL, Run, Tree, clean, quell, run, run_with, token};

fn hook(tree: &Tree, arguments: &[&str]) -> Run {
    run(quell().current_dir(tree.path()).arg("hook").args(arguments))
}

/// Runs git as a person would; it may be refused.
fn git(directory: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new("git");
    clean(&mut command);
    for (name, value) in
        [("user.name", "Tester"), ("user.email", "tester@example.com"), ("protocol.file.allow", "always")]
    {
        command.args(["-c", &format!("{name}={value}")]);
    }
    run(command.current_dir(directory).args(arguments))
}

fn executable(tree: &Tree, path: &str, text: &str) {
    let file = tree.write(path, text);
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The three lines about a finding, and nothing of the secret.
#[track_caller]
fn tells(ended: &Run, place: &str, seed: u64) {
    let text = ended.err();
    let line = |start: &str| {
        text.lines().find(|l| l.trim_start().trim_start_matches("remote: ").trim_start().starts_with(start))
    };
    assert!(line("what").is_some_and(|l| l.contains("GitHub")), "{text}");
    assert!(line("where").is_some_and(|l| l.contains(place)), "{text}");
    assert!(line("do").is_some_and(|l| l.contains("take it out") && l.contains("fingerprint = \"q1-open-")), "{text}");
    assert!(!text.contains(&token(seed)) && !ended.out().contains(&token(seed)));
}

#[test]
fn a_commit_is_stopped_and_goes_through_when_the_secret_is_out() {
    let tree = repository();
    let installed = hook(&tree, &["install"]).code(0);
    assert!(installed.out().contains("pre-commit: installed (") && installed.out().contains("pre-push: installed ("));
    tree.write("a.env", leak(1));
    tree.git(".", &["add", "-A"]);
    let stopped = git(tree.path(), &["commit", "-m", "x"]).code(1);
    tells(&stopped, "a.env:1:7", 1);
    tree.write("a.env", "TOKEN=from the vault\n");
    tree.git(".", &["add", "-A"]);
    let through = git(tree.path(), &["commit", "-m", "x"]).code(0);
    assert!(!through.err().contains("quell"), "of a clean commit nothing is said: {}", through.err());
    // `commit -a` and `commit FILE` commit from an index of their own.
    tree.write("a.env", leak(2));
    tells(&git(tree.path(), &["commit", "-am", "x"]).code(1), "a.env:1:7", 2);
    tells(&git(tree.path(), &["commit", "-m", "x", "a.env"]).code(1), "a.env:1:7", 2);
    // In a linked work tree git names the git directory in the environment.
    tree.git(".", &["checkout", "-q", "a.env"]);
    tree.git(".", &["worktree", "add", "-q", "../linked-of-hooks-test"]);
    let linked = tree.at("../linked-of-hooks-test");
    std::fs::write(linked.join("b.env"), leak(3)).unwrap();
    git(&linked, &["add", "-A"]).code(0);
    let stopped = git(&linked, &["commit", "-m", "x"]);
    std::fs::remove_dir_all(&linked).unwrap();
    tells(&stopped.code(1), "b.env:1:7", 3);
}

#[test]
fn a_gap_is_said_and_does_not_block() {
    let tree = repository();
    commit(&tree, "one");
    hook(&tree, &["install"]).code(0);
    let outside = Tree::new();
    outside.git(".", &["init", "-q"]);
    tree.write(".git/objects/info/alternates", format!("{}\n", outside.at(".git/objects").display()));
    tree.write("a.txt", "x");
    tree.git(".", &["add", "-A"]);
    let through = git(tree.path(), &["commit", "-m", "x"]).code(0);
    assert!(through.err().contains("INCOMPLETE") && through.err().contains("not read"), "{}", through.err());
}

#[test]
fn hooks_that_are_there_run_after_quell_and_come_back_exactly() {
    let tree = repository();
    executable(&tree, ".git/hooks/pre-commit", "#!/bin/sh\necho \"theirs $#\" >> ran\n");
    executable(&tree, ".git/hooks/pre-push", "#!/bin/sh\necho \"$1\" >> pushed\ncat >> pushed\n");
    let before = |name: &str| {
        let file = tree.at(format!(".git/hooks/{name}"));
        (std::fs::read(&file).unwrap(), file.metadata().unwrap().permissions().mode())
    };
    let (commit_hook, push_hook) = (before("pre-commit"), before("pre-push"));
    assert!(hook(&tree, &["install"]).code(0).out().contains("before the hook that was there"));
    let ours = before("pre-commit");
    assert!(hook(&tree, &["install"]).code(0).out().contains("installed already"));
    assert_eq!(before("pre-commit"), ours, "twice is once");
    assert!(hook(&tree, &["status"]).code(0).out().contains("pre-commit: installed, before the hook"));
    tree.write("a.txt", "x");
    tree.git(".", &["add", "a.txt"]);
    git(tree.path(), &["commit", "-m", "x"]).code(0);
    assert_eq!(std::fs::read_to_string(tree.at("ran")).unwrap(), "theirs 0\n");
    tree.git(".", &["init", "-q", "--bare", "remote.git"]);
    tree.git(".", &["remote", "add", "origin", "remote.git"]);
    git(tree.path(), &["push", "-q", "origin", "main"]).code(0);
    let pushed = std::fs::read_to_string(tree.at("pushed")).unwrap();
    assert!(pushed.starts_with("origin\nrefs/heads/main ") && pushed.lines().count() == 2, "{pushed}");
    assert!(hook(&tree, &["uninstall"]).code(0).out().contains("is back"));
    assert_eq!((before("pre-commit"), before("pre-push")), (commit_hook, push_hook));
    assert!(hook(&tree, &["uninstall"]).code(0).out().contains("not installed"));
    assert!(hook(&tree, &["status"]).code(0).out().contains("pre-commit: not installed"));
    let names =
        std::fs::read_dir(tree.at(".git/hooks")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|n| n.contains("quell")), "nothing is left");
}

#[test]
fn a_push_is_stopped_by_what_the_remote_does_not_have() {
    let tree = repository();
    tree.git(".", &["init", "-q", "--bare", "remote.git"]);
    tree.git(".", &["remote", "add", "origin", "remote.git"]);
    tree.write(".gitignore", "remote.git\n");
    tree.write("old.env", leak(1));
    commit(&tree, "one");
    git(tree.path(), &["push", "-q", "origin", "main"]).code(0);
    hook(&tree, &["install", "--only", "pre-push"]).code(0);
    tree.write("b.txt", "clean");
    commit(&tree, "two");
    git(tree.path(), &["push", "-q", "origin", "main"]).code(0);
    tree.write("c.env", leak(2));
    let bad = commit(&tree, "three");
    tree.git(".", &["rm", "-q", "c.env"]);
    commit(&tree, "four");
    let stopped = git(tree.path(), &["push", "-q", "origin", "main:new-branch"]).code(1);
    tells(&stopped, &format!("c.env:1:7 in commit {}", &bad[..12]), 2);
    git(tree.path(), &["push", "-q", "origin", "HEAD~2:refs/heads/fine"]).code(0);
    git(tree.path(), &["push", "-q", "origin", ":fine"]).code(0);
}

#[test]
fn a_server_refuses_what_a_push_brings_before_it_is_in() {
    let tree = repository();
    tree.git(".", &["init", "-q", "--bare", "-b", "main", "remote.git"]);
    tree.git(".", &["remote", "add", "origin", "remote.git"]);
    tree.write(".gitignore", "remote.git\n");
    executable(&tree, "remote.git/hooks/pre-receive", &format!("#!/bin/sh\nexec '{QUELL}' hook pre-receive\n"));
    commit(&tree, "one");
    let push = |what: &str| git(tree.path(), &["push", "-q", "origin", what]);
    push("main").code(0);
    let first = tree.git(".", &["rev-parse", "HEAD"]).out().trim().to_owned();
    tree.write("a.env", leak(1));
    commit(&tree, "two");
    for (branch, force) in [("main", ""), ("main:new", ""), ("main", "+")] {
        tells(&push(&format!("{force}{branch}")).code(1), "a.env:1:7 in commit", 1);
    }
    let there = tree.git("remote.git", &["for-each-ref", "--format=%(objectname)"]).out();
    assert_eq!(there.trim(), first, "nothing of it came in");
    tree.git(".", &["reset", "-q", "--hard", "HEAD~1"]);
    commit(&tree, "other");
    push("+main").code(0);
    push("main:branch").code(0);
    push(":branch").code(0);
    tree.git(".", &["tag", "-a", "-m", &format!("with {}", token(2)), "v1"]);
    tells(&push("v1").code(1), "<tag ", 2);
    tree.write("blob.env", leak(3));
    let blob = tree.git(".", &["hash-object", "-w", "blob.env"]).out().trim().to_owned();
    tree.git(".", &["tag", "blob", &blob]);
    tells(&push("blob").code(1), "<object ", 3);
    tree.git(".", &["add", "-f", "blob.env"]);
    let root = tree.git(".", &["write-tree"]).out().trim().to_owned();
    tree.git(".", &["tag", "tree", &root]);
    tells(&push("tree").code(1), "blob.env:1:7", 3);
    tree.git(".", &["tag", "-a", "-m", "clean", "v2"]);
    push("v2").code(0);
}

#[test]
fn other_layouts_are_respected() {
    let tree = repository();
    tree.write(".husky/pre-commit", "npm test\n");
    tree.git(".", &["config", "core.hooksPath", ".husky/_"]);
    hook(&tree, &["install"]).code(0);
    let text = std::fs::read_to_string(tree.at(".husky/pre-commit")).unwrap();
    assert!(
        text.contains("hook pre-commit || exit $?") && text.ends_with("npm test\n") && !tree.at(".husky/_").exists()
    );
    assert!(hook(&tree, &["install"]).code(0).out().contains("installed already"));
    assert!(hook(&tree, &["status"]).code(0).out().contains("pre-push: installed"));
    hook(&tree, &["uninstall"]).code(0);
    assert_eq!(std::fs::read_to_string(tree.at(".husky/pre-commit")).unwrap(), "npm test\n");
    assert!(!tree.at(".husky/pre-push").exists());

    let tree = repository();
    tree.git(".", &["config", "core.hooksPath", "my hooks"]);
    hook(&tree, &["install"]).code(0);
    assert!(tree.at("my hooks/pre-commit").exists() && !tree.at(".git/hooks/pre-commit").exists());
    tree.write("a.env", leak(1));
    tree.git(".", &["add", "a.env"]);
    git(tree.path(), &["commit", "-m", "x"]).code(1);

    let outside = Tree::new();
    tree.git(".", &["config", "core.hooksPath", outside.path().to_str().unwrap()]);
    assert!(hook(&tree, &["install"]).code(2).err().contains("outside of the repository"));
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);

    let tree = repository();
    tree.write(".pre-commit-config.yaml", "repos: []\n");
    let told = hook(&tree, &["install"]).code(2);
    assert!(told.err().contains("- id: quell") && !tree.at(".git/hooks/pre-commit").exists());
    assert!(hook(&Tree::new(), &["install"]).code(2).err().contains("is no git repository"));
}

#[test]
fn what_takes_quells_place_is_never_written_over() {
    let tree = repository();
    executable(&tree, ".git/hooks/pre-commit", "#!/bin/sh\n# first\n");
    hook(&tree, &["install", "--only", "pre-commit"]).code(0);
    executable(&tree, ".git/hooks/pre-commit", "#!/bin/sh\n# second\n");
    assert!(hook(&tree, &["install", "--only", "pre-commit"]).code(2).err().contains("nothing was changed"));
    assert!(hook(&tree, &["uninstall", "--only", "pre-commit"]).code(0).out().contains("not installed"));
    let text = |name: &str| std::fs::read_to_string(tree.at(format!(".git/hooks/{name}"))).unwrap();
    assert_eq!(
        (text("pre-commit").as_str(), text("pre-commit.before-quell").as_str()),
        ("#!/bin/sh\n# second\n", "#!/bin/sh\n# first\n")
    );
}

#[test]
fn lines_that_git_would_not_write_are_wrong_usage() {
    let tree = repository();
    commit(&tree, "one");
    for verb in ["pre-push", "pre-receive"] {
        let run = |input: &str| run_with(quell().current_dir(tree.path()).args(["hook", verb]), input.as_bytes());
        assert!(run("nonsense\n").code(2).err().contains("none of git's"));
        run("").code(0);
    }
}

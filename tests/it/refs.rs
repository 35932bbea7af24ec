//! Refs and their logs: what git itself lists is what is read, in both formats, and hostile ones do no harm.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use quell::model::{Coverage, GapKind, SkipReason};
use quell::sources::git::refs::{self, Refs, TipKind};

use crate::support::{Run, Tree, clean, run};

/// Runs the git that is first on the path: one that knows reftables may be newer than the system's.
pub(crate) fn git(tree: &Tree, directory: &str, arguments: &[&str]) -> Run {
    let mut command = command();
    let names = ["AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL"];
    command.envs(names.map(|name| (format!("GIT_{name}"), "a@example.com")));
    run(command.current_dir(tree.at(directory)).args(arguments)).code(0)
}

/// That git, with no configuration.
pub(crate) fn command() -> Command {
    let mut command = Command::new("git");
    clean(&mut command);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// Whether git knows the format; where it does not, that is said.
pub(crate) fn knows_reftables() -> bool {
    let tree = Tree::new();
    let made = command().current_dir(tree.path()).args(["init", "-q", "--ref-format=reftable"]).output();
    let knows = made.is_ok_and(|o| o.status.success());
    if !knows {
        eprintln!("not tried: git knows no reftables");
    }
    knows
}

fn read(tree: &Tree, git_dir: &str, common: &str) -> (Refs, Coverage) {
    let mut coverage = Coverage::default();
    let refs = refs::read(&tree.at(git_dir), &tree.at(common), &mut coverage);
    (refs, coverage)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// `name id` of every tip of these kinds.
fn tips(refs: &Refs, wanted: impl Fn(TipKind) -> bool) -> BTreeSet<String> {
    refs.tips.iter().filter(|t| wanted(t.kind)).map(|t| format!("{} {}", text(t.name.raw()), t.id)).collect()
}

fn lines(out: &str) -> BTreeSet<String> {
    out.lines().map(str::to_owned).collect()
}

/// A repository with a bit of everything that has a name.
fn repository(tree: &Tree, options: &[&str]) {
    tree.dir("r");
    git(tree, "r", &[&["init", "-q", "-b", "main"], options].concat());
    for i in 0..3 {
        tree.write(format!("r/f{i}"), format!("{i}\n"));
        git(tree, "r", &["add", "."]);
        git(tree, "r", &["commit", "-q", "-m", &format!("c{i}")]);
    }
    for i in 0..300 {
        git(tree, "r", &["update-ref", &format!("refs/pull/{i}/head"), "HEAD~1"]);
    }
    git(tree, "r", &["tag", "light"]);
    git(tree, "r", &["tag", "-a", "-m", "x", "annotated"]);
    git(tree, "r", &["branch", "deep/er/branch", "HEAD~2"]);
    git(tree, "r", &["branch", "gone"]);
    git(tree, "r", &["branch", "-D", "gone"]);
    git(tree, "r", &["notes", "add", "-m", "note"]);
    tree.write("r/f0", "changed\n");
    git(tree, "r", &["stash"]);
    tree.write("r/f0", "changed again\n");
    git(tree, "r", &["stash"]);
    git(tree, "r", &["stash", "drop", "-q"]);
    git(tree, "r", &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/main"]);
    git(tree, "r", &["worktree", "add", "-q", "--detach", "../w", "HEAD~1"]);
    git(tree, "r", &["commit", "-q", "--amend", "-m", "amended"]);
    git(tree, "r", &["reset", "-q", "--hard", "HEAD~1"]);
}

fn same_as_git(tree: &Tree) {
    let (refs, coverage) = read(tree, "r/.git", "r/.git");
    assert_eq!(coverage.gaps, []);
    let listed = git(tree, "r", &["for-each-ref", "--format=%(refname) %(objectname)"]);
    assert_eq!(
        tips(&refs, |k| !matches!(k, TipKind::Head | TipKind::Worktree | TipKind::Pseudo)),
        lines(listed.out().as_str())
    );
    let head = git(tree, "r", &["rev-parse", "HEAD"]).out();
    assert_eq!(tips(&refs, |k| k == TipKind::Head), lines(&format!("HEAD {head}")));
    assert!(refs.tips.first().unwrap().kind == TipKind::Head);
    let other = git(tree, "w", &["rev-parse", "HEAD"]).out();
    assert!(tips(&refs, |k| k == TipKind::Worktree).contains(&format!("worktrees/w/HEAD {}", other.trim())));
    let orig = git(tree, "r", &["rev-parse", "ORIG_HEAD"]).out();
    assert!(tips(&refs, |k| k == TipKind::Pseudo).contains(&format!("ORIG_HEAD {}", orig.trim())));
    let peeled: BTreeSet<_> = refs.tips.iter().filter_map(|t| t.peeled).collect();
    assert!(peeled.len() <= 1);
    logs_as_git(tree, &refs, "HEAD", "HEAD");
    logs_as_git(tree, &refs, "refs/stash", "refs/stash");
    logs_as_git(tree, &refs, "refs/heads/main", "refs/heads/main");
    // From the linked worktree, its own HEAD is the head.
    let (refs, coverage) = read(tree, "r/.git/worktrees/w", "r/.git");
    assert_eq!(coverage.gaps, []);
    assert_eq!(tips(&refs, |k| k == TipKind::Head), lines(&format!("HEAD {other}")));
    assert!(tips(&refs, |k| k == TipKind::Worktree).contains(&format!("main-worktree/HEAD {}", head.trim())));
}

/// All that git lists in a log is among the ids that were read, and nothing else but what came before the first.
fn logs_as_git(tree: &Tree, refs: &Refs, log: &str, name: &str) {
    let ids: BTreeSet<String> = lines(&git(tree, "r", &["reflog", "show", "--format=%H", log]).out());
    let own = refs.logs.iter().find(|l| text(l.name.raw()) == name).unwrap();
    let own: BTreeSet<String> = own.ids.iter().map(ToString::to_string).collect();
    assert!(own.is_superset(&ids), "{log}");
    assert!(own.len() <= ids.len() + 1, "{log}: {} {}", own.len(), ids.len());
}

#[test]
fn loose_and_packed_refs_are_those_that_git_lists() {
    for hash in ["sha1", "sha256"] {
        let tree = Tree::new();
        repository(&tree, &[&format!("--object-format={hash}")]);
        same_as_git(&tree);
        git(&tree, "r", &["pack-refs", "--all"]);
        git(&tree, "r", &["update-ref", "refs/pull/7/head", "HEAD"]);
        same_as_git(&tree);
        let (refs, _) = read(&tree, "r/.git", "r/.git");
        let tag = refs.tips.iter().find(|t| text(t.name.raw()) == "refs/tags/annotated").unwrap();
        let commit = git(&tree, "r", &["rev-parse", "annotated^{commit}"]).out();
        assert_eq!(tag.peeled.unwrap().to_string(), commit.trim());
    }
}

#[test]
fn reftables_are_read_as_git_reads_them() {
    if !knows_reftables() {
        return;
    }
    for hash in ["sha1", "sha256"] {
        let tree = Tree::new();
        repository(&tree, &["--ref-format=reftable", &format!("--object-format={hash}")]);
        same_as_git(&tree);
        // Every block size, with one table of many blocks and several after it.
        for size in ["512", "4096", "0"] {
            git(&tree, "r", &["-c", &format!("reftable.blockSize={size}"), "pack-refs", "--all"]);
            git(&tree, "r", &["update-ref", "-d", "refs/pull/9/head"]);
            git(&tree, "r", &["update-ref", "refs/pull/9/other", "HEAD"]);
            same_as_git(&tree);
        }
    }
}

#[test]
fn a_reftable_that_was_changed_is_a_gap_and_never_a_fault() {
    if !knows_reftables() {
        return;
    }
    let tree = Tree::new();
    repository(&tree, &["--ref-format=reftable"]);
    git(&tree, "r", &["pack-refs", "--all"]);
    let list = std::fs::read_to_string(tree.at("r/.git/reftable/tables.list")).unwrap();
    let table = tree.at("r/.git/reftable").join(list.lines().next().unwrap());
    let whole = std::fs::read(&table).unwrap();
    let replace = |bytes: &[u8]| {
        let _ = std::fs::remove_file(&table);
        std::fs::write(&table, bytes).unwrap();
    };
    for len in (0..whole.len()).step_by(97) {
        replace(&whole[..len]);
        assert!(!read(&tree, "r/.git", "r/.git").1.is_complete(), "{len}");
    }
    // With the checksum made good, any byte may be anything.
    for at in (0..whole.len() - 72).step_by(13) {
        for value in [0, 0x7f, 0xff, whole[at] ^ 1] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            let footer = bytes.len() - 68;
            let header = bytes[..24].to_vec();
            bytes[footer..footer + 24].copy_from_slice(&header);
            let sum = crc32fast::hash(&bytes[footer..footer + 64]);
            bytes[footer + 64..].copy_from_slice(&sum.to_be_bytes());
            replace(&bytes);
            let _ = read(&tree, "r/.git", "r/.git");
        }
    }
}

/// A git directory by hand.
fn bare(tree: &Tree) -> String {
    tree.write("g/HEAD", "ref: refs/heads/main\n");
    tree.dir("g/objects");
    tree.dir("g/refs/heads");
    "1".repeat(40)
}

#[test]
fn symbolic_refs_that_loop_are_gaps_and_those_that_lead_nowhere_are_not() {
    let tree = Tree::new();
    let id = bare(&tree);
    let (refs, coverage) = read(&tree, "g", "g");
    assert!(refs.tips.is_empty() && coverage.is_complete(), "a branch without commits");
    tree.write("g/refs/heads/a", "ref: refs/heads/b\n");
    tree.write("g/refs/heads/b", "ref: refs/heads/a\n");
    tree.write("g/refs/heads/out", "ref: ../../../etc/passwd\n");
    tree.write("g/refs/heads/good", format!("{id}\n"));
    tree.write("g/refs/heads/bad", "what is this\n");
    tree.write("g/refs/heads/half.lock", "");
    let (refs, coverage) = read(&tree, "g", "g");
    assert_eq!(tips(&refs, |_| true), lines(&format!("refs/heads/good {id}")));
    assert_eq!(coverage.gaps.len(), 3, "{:?}", coverage.gaps);
    assert_eq!(coverage.notices.len(), 1, "{:?}", coverage.notices);
}

#[test]
fn links_are_not_followed() {
    let tree = Tree::new();
    let id = bare(&tree);
    tree.write("secret", format!("{id}\n"));
    tree.dir("outside/x");
    tree.write("outside/x/ref", format!("{id}\n"));
    symlink(tree.at("secret"), tree.at("g/refs/heads/link")).unwrap();
    symlink(tree.at("outside"), tree.at("g/refs/tags")).unwrap();
    symlink(tree.at("outside"), tree.at("g/logs")).unwrap();
    symlink(tree.at("outside"), tree.at("g/worktrees")).unwrap();
    symlink(tree.at("secret"), tree.at("g/packed-refs")).unwrap();
    symlink(tree.at("secret"), tree.at("g/FETCH_HEAD")).unwrap();
    // What git wrote long ago: the link's text is the name of a ref.
    tree.write("g/refs/heads/main", format!("{id}\n"));
    std::fs::remove_file(tree.at("g/HEAD")).unwrap();
    symlink("refs/heads/main", tree.at("g/HEAD")).unwrap();
    let (refs, coverage) = read(&tree, "g", "g");
    assert_eq!(tips(&refs, |_| true), lines(&format!("HEAD {id}\nrefs/heads/main {id}")));
    assert!(refs.logs.is_empty() && coverage.is_complete(), "{:?}", coverage.gaps);
    let skipped = &coverage.skipped[&SkipReason::Symlink];
    assert_eq!(skipped.files + skipped.directories, 6, "{skipped:?}");
}

#[test]
fn names_of_any_bytes_and_files_of_any_size_are_read_in_bounds() {
    let tree = Tree::new();
    let id = bare(&tree);
    let name = Path::new("g/refs/heads").join(std::ffi::OsString::from("e\u{1b}[31m\u{202e}"));
    tree.write(&name, format!("{id}\n"));
    tree.write("g/refs/heads/long", format!("{id} {}", "x".repeat(1 << 20)));
    let log = format!("{0} {1} A <a> 1 +0000\t{2}\n{1} {0} A <a> 1 +0000\n", "0".repeat(40), id, "y".repeat(1 << 20));
    tree.write("g/logs/refs/heads/main", log.as_bytes());
    tree.write("g/packed-refs", format!("# pack\n{}\nbroken\n{id} refs/heads/packed\n", "z".repeat(1 << 16)));
    tree.write("g/FETCH_HEAD", format!("{id}\tnot-for-merge\tbranch 'x' of y\n{}\tbranch\n", "2".repeat(40)));
    tree.dir(format!("g/refs/{}", "d/".repeat(200)));
    let (refs, coverage) = read(&tree, "g", "g");
    assert_eq!(tips(&refs, |k| k == TipKind::Branch).len(), 3);
    assert_eq!(tips(&refs, |k| k == TipKind::Pseudo).len(), 2);
    assert_eq!(refs.logs[0].ids.len(), 1);
    let kinds: Vec<_> = coverage.gaps.iter().map(|g| g.kind).collect();
    assert_eq!(kinds.len(), 2);
    assert!(kinds.contains(&GapKind::Corrupt) && kinds.contains(&GapKind::OverBudget), "{kinds:?}");
}

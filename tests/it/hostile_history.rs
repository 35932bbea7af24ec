//! Hostile repositories, scanned whole by the command: it ends, nothing is run, nothing outside is read, and what is not
//! read is said.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;

use crate::support::{Run, Tree, findings, gaps, notices, quell, run, stored, token};

fn scan(directory: &Path, arguments: &[&str]) -> Run {
    run(quell().current_dir(directory).args(["scan", "--history", "--format", "json"]).args(arguments))
}

fn leak(seed: u64) -> String {
    format!("TOKEN={}\n", token(seed))
}

/// A repository with a secret in its only commit.
fn repository() -> Tree {
    let tree = Tree::new();
    tree.git(".", &["init", "-q", "-b", "main"]);
    tree.write("a.env", leak(1));
    tree.git(".", &["add", "-A"]);
    tree.git(".", &["commit", "-q", "-m", "one"]);
    tree
}

/// An id that no content has.
fn id(number: u8) -> String {
    format!("{number:02x}").repeat(20)
}

fn raw(id: &str) -> Vec<u8> {
    (0..id.len() / 2).map(|i| u8::from_str_radix(&id[i * 2..i * 2 + 2], 16).unwrap()).collect()
}

/// Writes a loose object under a name of choice, of the size that it states.
fn forge_sized(tree: &Tree, id: &str, kind: &str, size: u64, content: &[u8]) {
    let whole = [format!("{kind} {size}\0").as_bytes(), content].concat();
    tree.write(format!(".git/objects/{}/{}", &id[..2], &id[2..]), stored(&whole));
}

fn forge(tree: &Tree, id: &str, kind: &str, content: &[u8]) {
    forge_sized(tree, id, kind, content.len() as u64, content);
}

fn forge_tree(tree: &Tree, own: &str, entries: &[(&str, &str, &str)]) {
    let entry = |(mode, name, id): &(&str, &str, &str)| [format!("{mode} {name}\0").as_bytes(), &raw(id)].concat();
    forge(tree, own, "tree", &entries.iter().flat_map(entry).collect::<Vec<u8>>());
}

fn forge_commit(tree: &Tree, own: &str, top: &str, parents: &[&str]) {
    let parents: String = parents.iter().map(|p| format!("parent {p}\n")).collect();
    let text = format!("tree {top}\n{parents}author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nforged\n");
    forge(tree, own, "commit", text.as_bytes());
}

/// Lets a branch name an object, whatever git thinks of it.
fn point(tree: &Tree, branch: &str, id: &str) {
    fs::write(tree.at(".git/refs/heads").join(branch), format!("{id}\n")).unwrap();
}

fn paths(report: &Value) -> Vec<&str> {
    let places = findings(report).iter().flat_map(|f| f["locations"].as_array().unwrap());
    places.map(|l| l["path"].as_str().unwrap()).collect()
}

#[test]
fn trees_that_stand_for_any_number_of_paths_are_bounded_and_said() {
    let tree = repository();
    let leaf = tree.git(".", &["rev-parse", "HEAD:a.env"]).out().trim().to_owned();
    forge_tree(&tree, &id(1), &[("100644", "leak", &leaf)]);
    for level in 2..=12 {
        let names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        let below = id(level - 1);
        forge_tree(&tree, &id(level), &names.map(|name| ("40000", name, below.as_str())));
    }
    forge_commit(&tree, &id(99), &id(12), &[]);
    point(&tree, "main", &id(99));
    let report = scan(tree.path(), &[]).code(1).json();
    assert_eq!(findings(&report).len(), 1);
    assert!(paths(&report).len() <= 64, "{}", paths(&report).len());
    assert!(notices(&report).iter().any(|(_, text)| text.contains("more paths than are followed")), "{report:#}");
}

#[test]
fn commits_and_trees_in_circles_end() {
    let tree = repository();
    let leaf = tree.git(".", &["rev-parse", "HEAD:a.env"]).out().trim().to_owned();
    forge_tree(&tree, &id(1), &[("100644", "leak", &leaf), ("40000", "self", &id(1)), ("40000", "other", &id(2))]);
    forge_tree(&tree, &id(2), &[("40000", "back", &id(1))]);
    forge_commit(&tree, &id(10), &id(1), &[&id(11)]);
    forge_commit(&tree, &id(11), &id(1), &[&id(10), &id(11)]);
    point(&tree, "main", &id(10));
    let report = scan(tree.path(), &[]).code(1).json();
    assert_eq!(findings(&report).len(), 1);
    assert!(notices(&report).iter().any(|(_, text)| text.contains("contain themselves")), "{report:#}");
    let narrowed = scan(tree.path(), &["--refs", "main", "--max-commits", "5"]);
    assert!(matches!(narrowed.code, Some(0 | 1)), "{}", narrowed.err());
}

#[test]
fn what_refs_and_trees_name_and_is_not_there_is_a_gap() {
    let tree = repository();
    fs::write(tree.at(".git/refs/heads/gone"), format!("{}\n", id(7))).unwrap();
    let report = scan(tree.path(), &[]).code(4).json();
    assert!(gaps(&report).iter().any(|(_, kind, why)| kind == "missing" && why.contains(&id(7))), "{report:#}");

    let tree = repository();
    forge_tree(&tree, &id(1), &[("40000", "gone", &id(2))]);
    forge_commit(&tree, &id(3), &id(1), &[]);
    point(&tree, "other", &id(3));
    let report = scan(tree.path(), &[]).code(4).json();
    assert!(gaps(&report).iter().any(|(_, kind, why)| kind == "missing" && why.contains(&id(2))), "{report:#}");

    // Without a secret too: what is missing could have one.
    let tree = repository();
    tree.git(".", &["update-ref", "-d", "refs/heads/main"]);
    fs::remove_dir_all(tree.at(".git/objects")).unwrap();
    fs::create_dir(tree.at(".git/objects")).unwrap();
    fs::remove_dir_all(tree.at(".git/logs")).unwrap();
    fs::write(tree.at(".git/refs/heads/main"), format!("{}\n", id(7))).unwrap();
    scan(tree.path(), &[]).code(3);
}

#[test]
fn loose_objects_that_lie_or_are_broken_cost_themselves_alone() {
    let tree = repository();
    forge_sized(&tree, &id(1), "blob", 16 << 30, leak(2).as_bytes());
    forge_sized(&tree, &id(2), "blob", 3, leak(3).as_bytes());
    forge(&tree, &id(3), "nothing", b"x");
    tree.write(format!(".git/objects/{}/{}", &id(4)[..2], &id(4)[2..]), "no zlib at all");
    let whole = stored(&[b"blob 9\0".as_slice(), b"truncated"].concat());
    tree.write(format!(".git/objects/{}/{}", &id(5)[..2], &id(5)[2..]), &whole[..whole.len() / 2]);
    let report = scan(tree.path(), &[]).code(4).json();
    assert!(paths(&report).contains(&"a.env"), "{report:#}");
    for number in 1..=5 {
        let name = &id(number)[2..];
        assert!(gaps(&report).iter().any(|(path, ..)| path.contains(name)), "object {number}: {report:#}");
    }
}

#[test]
fn nothing_outside_is_read_and_nothing_is_run() {
    let (tree, outside) = (repository(), repository());
    outside.write("b.env", leak(2));
    outside.git(".", &["add", "-A"]);
    outside.git(".", &["commit", "-q", "-m", "two"]);
    let there = outside.at(".git/objects");
    fs::create_dir_all(tree.at(".git/objects/info")).unwrap();
    fs::write(tree.at(".git/objects/info/alternates"), format!("{}\n", there.display())).unwrap();
    let report = scan(tree.path(), &[]).code(4).json();
    assert_eq!(paths(&report), ["a.env"]);
    assert!(gaps(&report).iter().any(|(_, kind, _)| kind == "outside"), "{report:#}");

    // A `.git` that leads to a repository which does not know of it.
    let elsewhere = Tree::new();
    elsewhere.write(".git", format!("gitdir: {}\n", outside.at(".git").display()));
    assert!(scan(elsewhere.path(), &[]).code(2).err().contains("does not point back"));
    fs::remove_file(elsewhere.at(".git")).unwrap();
    symlink(outside.at(".git"), elsewhere.at(".git")).unwrap();
    scan(elsewhere.path(), &[]).code(2);

    let tree = repository();
    let ran = tree.at("ran");
    let command = format!("touch {}", ran.display());
    let text = format!(
        "[core]\n\tfsmonitor = {command}\n\tsshCommand = {command}\n\tpager = {command}\n\thooksPath = {hooks}\n\
         [include]\n\tpath = {fifo}\n[filter \"x\"]\n\tclean = {command}\n\tsmudge = {command}\n\tprocess = {command}\n\
         [diff \"x\"]\n\ttextconv = {command}\n\tcommand = {command}\n[extensions]\n\tpartialClone = origin\n\
         [remote \"origin\"]\n\turl = ext::{command}\n\tpromisor = true\n",
        hooks = tree.at(".git/hooks").display(),
        fifo = tree.at(".git/fifo").display(),
    );
    let config = fs::read_to_string(tree.at(".git/config")).unwrap() + &text;
    fs::write(tree.at(".git/config"), config).unwrap();
    fs::write(tree.at(".gitattributes"), "* filter=x diff=x\n").unwrap();
    mknodat(CWD, tree.at(".git/fifo"), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    assert_eq!(paths(&scan(tree.path(), &[]).code(1).json()), ["a.env"]);
    assert!(!ran.exists(), "a command of the configuration was run");
}

#[test]
fn whoever_owns_a_repository_it_is_scanned() {
    let tree = repository();
    let owned = std::process::Command::new("chown").args(["-R", "12345"]).arg(tree.path()).status().unwrap();
    if owned.success() {
        assert_eq!(paths(&scan(tree.path(), &[]).code(1).json()), ["a.env"]);
    } else {
        eprintln!("not tried: only root can give files away");
    }
}

#[test]
fn an_empty_repository_is_clean_and_a_broken_one_is_told() {
    let tree = Tree::new();
    tree.git(".", &["init", "-q"]);
    scan(tree.path(), &[]).code(0);
    fs::remove_dir_all(tree.at(".git/objects")).unwrap();
    assert!(scan(tree.path(), &[]).code(2).err().contains("help:"));
    assert!(scan(&tree.at(".git/refs"), &[]).code(2).err().contains("there is no git repository"));
}

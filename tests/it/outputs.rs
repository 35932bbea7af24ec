//! Where reports go: nothing is written over, into or instead of something else, and what cannot be written is told
//! before the scan.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{QUELL, Run, Tree, clean, findings, formats, quell, run, run_with, token, wait};

fn tree() -> Tree {
    let tree = Tree::new();
    tree.write("t/a.env", format!("TOKEN={}\n", token(1)));
    tree
}

/// Scans `t` with a `--format` for each of `formats`.
fn reports(tree: &Tree, formats: &[&str]) -> Run {
    let arguments = formats.iter().flat_map(|format| ["--format", format]);
    run(quell().current_dir(tree.path()).args(["scan", "t"]).args(arguments))
}

/// Runs a line of a shell in a tree; `$0` is the command.
fn shell(tree: &Tree, line: &str) -> Run {
    let mut command = Command::new("/bin/sh");
    clean(&mut command);
    run(command.current_dir(tree.path()).args(["-c", line, QUELL]))
}

/// The names in a directory, hidden ones too.
fn names(tree: &Tree, directory: &str) -> Vec<String> {
    let entries = std::fs::read_dir(tree.at(directory)).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn two_reports_never_share_a_file() {
    let tree = tree();
    tree.dir("d");
    symlink(".", tree.at("here")).unwrap();
    tree.write("old", "old");
    std::fs::hard_link(tree.at("old"), tree.at("other")).unwrap();
    symlink("old", tree.at("link")).unwrap();
    for (one, two) in [
        ("json=x", "sarif=x"),
        ("json=x", "sarif=./d/../x"),
        ("json=x", "sarif=here/x"),
        ("json=old", "sarif=link"),
        ("json=old", "sarif=other"),
        ("json=x", "json=x"),
        ("json", "sarif"),
        ("json", "sarif=-"),
        ("plain", "json=/dev/stdout"),
        ("json=/dev/stdout", "sarif=/proc/self/fd/1"),
        ("json=/dev/stderr", "sarif=/proc/self/fd/2"),
    ] {
        let run = reports(&tree, &[one, two]).code(2);
        assert!(run.out().is_empty() && run.err().contains("two formats cannot share"), "{one} {two}: {}", run.err());
    }
    assert_eq!(std::fs::read(tree.at("old")).unwrap(), b"old");
    assert_eq!(names(&tree, "."), ["d", "here", "link", "old", "other", "t"]);
    // Standard output is the file that it was sent to.
    let both = shell(&tree, "\"$0\" scan t --format plain --format json=out > out");
    assert!(both.code == Some(2) && both.err().contains("cannot share standard output"), "{}", both.err());
    // What is thrown away twice is no conflict.
    reports(&tree, &["plain", "json=/dev/null", "sarif=/dev/null"]).code(1);
}

#[test]
fn what_cannot_be_written_is_told_before_the_scan() {
    let tree = tree();
    tree.dir("d");
    tree.write("file", "x");
    symlink("gone", tree.at("dangling")).unwrap();
    for (path, words) in [
        ("d", "is a directory"),
        ("d/", "is a directory"),
        ("/", "is a directory"),
        ("new/", "names no file"),
        ("gone/report", "no such file or directory"),
        ("file/report", "not a directory"),
        ("dangling", "leads nowhere"),
        ("", "names no file"),
    ] {
        let run = reports(&tree, &["plain", &format!("json={path}")]).code(2);
        let told = run.err();
        // Nothing was scanned: there is no finding on standard output.
        assert!(run.out().is_empty() && told.contains(words) && told.contains("help:"), "{path}: {told}");
        assert!(!told.contains("os error"), "{path}: {told}");
    }
    assert_eq!(names(&tree, "."), ["d", "dangling", "file", "t"]);
}

#[test]
fn a_report_replaces_the_old_one_whole() {
    let tree = tree();
    let old = tree.write("reports/old.json", "old");
    std::fs::set_permissions(&old, Permissions::from_mode(0o640)).unwrap();
    symlink("reports/old.json", tree.at("link.json")).unwrap();
    let before = std::fs::metadata(&old).unwrap().ino();
    reports(&tree, &["json=link.json", "plain=new.txt"]).code(1);
    let meta = std::fs::metadata(&old).unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o640);
    assert_ne!(meta.ino(), before, "it was written beside and renamed");
    assert!(tree.at("link.json").symlink_metadata().unwrap().is_symlink());
    let report: Value = serde_json::from_slice(&std::fs::read(&old).unwrap()).unwrap();
    assert_eq!(findings(&report).len(), 1);
    assert!(std::fs::read_to_string(tree.at("new.txt")).unwrap().contains("1 finding in 1 file"));
    assert_eq!((names(&tree, "reports"), names(&tree, "t")), (vec!["old.json".to_owned()], vec!["a.env".to_owned()]));
    // A run that fails leaves it as it is.
    let failed = run(quell().current_dir(tree.path()).args(["scan", "t", "--format", "json=link.json", "--only", "x"]));
    failed.code(2);
    assert!(serde_json::from_slice::<Value>(&std::fs::read(&old).unwrap()).is_ok());
}

#[test]
fn a_file_that_may_be_written_but_not_replaced_is_written() {
    let tree = tree();
    for (name, folder) in [("closed", 0o755), ("shared", 0o1777)] {
        let old = tree.write(format!("{name}/r.json"), "old, and longer than nothing");
        std::fs::set_permissions(&old, Permissions::from_mode(0o666)).unwrap();
        std::fs::set_permissions(tree.dir(name), Permissions::from_mode(folder)).unwrap();
    }
    std::fs::set_permissions(tree.path(), Permissions::from_mode(0o755)).unwrap();
    // Where the command was built, nobody else may be let in.
    let binary = tree.at("quell");
    std::fs::copy(QUELL, &binary).unwrap();
    let run = |file: &str| {
        let mut command = Command::new(&binary);
        clean(&mut command);
        if rustix::process::geteuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
        run(command.current_dir(tree.path()).args(["scan", "t", "--format", &format!("json={file}")]))
    };
    for name in ["closed", "shared"] {
        run(&format!("{name}/r.json")).code(1);
        let report = std::fs::read(tree.at(format!("{name}/r.json"))).unwrap();
        assert_eq!(findings(&serde_json::from_slice(&report).unwrap()).len(), 1, "{name}");
        assert_eq!(names(&tree, name), ["r.json"]);
    }
    if rustix::process::geteuid().is_root() {
        assert!(run("closed/new.json").code(2).err().contains("permission denied"));
        std::fs::set_permissions(tree.at("shared/r.json"), Permissions::from_mode(0o644)).unwrap();
        assert!(run("shared/r.json").code(2).err().contains("permission denied"));
    }
}

#[test]
fn a_full_device_is_told() {
    let tree = tree();
    let full = reports(&tree, &["plain", "json=/dev/full"]).code(2);
    assert!(full.err().contains("`/dev/full` cannot be written: no space left on device"), "{}", full.err());
    assert!(full.out().contains("1 finding"), "the other report is written: {}", full.out());
    let out = shell(&tree, "\"$0\" scan t > /dev/full").code(2);
    assert!(out.err().contains("standard output cannot be written to: no space left on device"), "{}", out.err());
}

#[test]
fn the_report_is_no_part_of_the_scan() {
    let tree = tree();
    let scan = |name: &str| run(quell().current_dir(tree.at("t")).args(["scan", "--format", name])).code(1);
    scan("json=report.json");
    let report: Value = serde_json::from_slice(&std::fs::read(tree.at("t/report.json")).unwrap()).unwrap();
    assert_eq!(report["coverage"]["files"], 1);
}

#[test]
fn a_report_that_shows_secrets_is_for_its_owner_alone() {
    let tree = tree();
    reports(&tree, &["json=all.json"]).code(1);
    run(quell().current_dir(tree.path()).args(["scan", "t", "--show-secrets", "--format", "json=mine.json"])).code(1);
    let mode = |name: &str| std::fs::metadata(tree.at(name)).unwrap().permissions().mode() & 0o077;
    assert_eq!(mode("mine.json"), 0);
    assert_ne!(mode("all.json"), 0);
}

#[test]
fn a_report_goes_into_a_pipe_that_is_named() {
    let tree = tree();
    let run = shell(&tree, "mkfifo p; cat p > got & \"$0\" scan t --format jsonl=p; wait");
    assert_eq!(std::fs::read_to_string(tree.at("got")).unwrap().lines().count(), 2, "{}", run.err());
}

#[test]
fn who_stops_reading_does_not_change_how_the_scan_ended() {
    let tree = Tree::new();
    tree.write("clean/a", "nothing");
    tree.write("many/a", (0..2_000).map(|n| format!("TOKEN={}\n", token(n))).collect::<String>());
    for format in formats() {
        for (path, code) in [("clean", 0), ("many", 1), ("missing", 3)] {
            let mut command = quell();
            command.current_dir(tree.path()).args(["scan", path, "--format", format, "--format", "json=kept.json"]);
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            drop(child.stdout.take());
            let mut told = String::new();
            std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut told).unwrap();
            assert_eq!(wait(&mut child), Some(code), "{format} {path}: {told}");
            assert!(!told.contains("error") && !told.contains("panic"), "{format} {path}: {told}");
            assert!(tree.at("kept.json").exists());
        }
    }
    let list = shell(&tree, "{ \"$0\" rules list; echo \"code $?\" >&2; } | true");
    assert!(list.err() == "code 0\n" || list.err().is_empty(), "{}", list.err());
}

#[test]
fn standard_input_is_read_once_and_named_where_it_is_read() {
    let tree = tree();
    let scan = |arguments: &[&str]| {
        run_with(quell().current_dir(tree.path()).arg("scan").args(arguments), token(2).as_bytes())
    };
    let twice = scan(&["-", "t", "-"]).code(2);
    assert!(twice.out().is_empty() && twice.err().contains("read once"), "{}", twice.err());
    let unread = scan(&["t", "--stdin-name", "x"]).code(2);
    assert!(unread.out().is_empty() && unread.err().contains("--stdin-name"), "{}", unread.err());
    assert!(scan(&["-", "t", "--stdin-name", "x"]).code(1).out().contains("where  x:1:1"));
}

#[test]
fn one_of_a_thing_is_called_one() {
    let tree = tree();
    let one = run(quell().current_dir(tree.path()).args(["scan", "t", "--only", "github-classic-pat"])).code(1);
    assert!(one.out().contains("1 finding in 1 file (47 B) and 1 rule\n"), "{}", one.out());
    tree.write("many", format!("TOKEN={}\n", token(3)).repeat(11));
    let more = run(quell().current_dir(tree.path()).args(["scan", "many"])).code(1);
    assert!(more.out().contains("and 1 more place\n"), "{}", more.out());
}

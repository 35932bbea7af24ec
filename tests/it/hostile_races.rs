//! Trees that change while they are walked, and memory that stays bounded: what was there is found or named, nothing
//! outside is reached, and the exit code says which.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::support::{QUELL, Run, Tree, clean, findings, gaps, places, run, scan, token};

fn leak(seed: u64) -> String {
    format!("TOKEN={}\n", token(seed))
}

/// Scans a tree several times while something happens to it over and over.
fn while_it_changes(tree: &Tree, change: impl Fn(u64) + Sync, check: impl Fn(&Run)) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                change(round);
                round += 1;
            }
        });
        for _ in 0..15 {
            check(&scan(tree, &["target"]));
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn files_that_vanish_and_come_back_are_read_or_named() {
    let tree = Tree::new();
    tree.write("target/kept.env", leak(1));
    for number in 0..200 {
        tree.write(format!("target/{number}/x"), "nothing\n");
    }
    let change = |round: u64| {
        let path = tree.at(format!("target/{}/x", round % 200));
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "nothing\n").unwrap();
        let directory = tree.at(format!("target/{}", (round + 100) % 200));
        std::fs::rename(&directory, tree.at("away")).unwrap();
        std::fs::rename(tree.at("away"), &directory).unwrap();
    };
    while_it_changes(&tree, change, |run| {
        let report = run.json();
        assert_eq!(findings(&report).len(), 1);
        assert!(gaps(&report).iter().all(|(_, kind, _)| kind == "changed"), "{report:#}");
        assert_eq!(run.code, Some(if gaps(&report).is_empty() { 1 } else { 4 }));
    });
}

#[test]
fn a_link_that_takes_the_place_of_a_file_or_directory_reaches_nothing() {
    let tree = Tree::new();
    tree.write("target/kept.env", leak(1));
    tree.write("outside/in/secret.env", leak(2));
    for number in 0..50 {
        tree.write(format!("target/{number}/in/secret.env"), "nothing\n");
    }
    symlink("../outside", tree.at("link")).unwrap();
    symlink("../../../outside/in/secret.env", tree.at("file-link")).unwrap();
    let swap = |a: &str, b: &str| {
        for _ in 0..2 {
            renameat_with(CWD, tree.at(a), CWD, tree.at(b), RenameFlags::EXCHANGE).unwrap();
        }
    };
    let change = |round: u64| {
        swap(&format!("target/{}", round % 50), "link");
        swap(&format!("target/{}/in/secret.env", (round + 25) % 50), "file-link");
    };
    while_it_changes(&tree, change, |run| {
        let report = run.json();
        let found: Vec<String> = places(&report).into_iter().map(|(p, _)| p.path).collect();
        assert_eq!(found, ["target/kept.env"], "{report:#}");
        assert_eq!(run.code, Some(if gaps(&report).is_empty() { 1 } else { 4 }));
    });
}

/// Scans with as little memory as 300 MB of addresses, which bounds what is used of it.
fn with_little_memory(tree: &Tree, file: &str) -> Run {
    let mut command = Command::new("/bin/sh");
    clean(&mut command);
    let script = "ulimit -v 300000; exec \"$0\" \"$@\"";
    run(command.current_dir(tree.path()).args([
        "-c",
        script,
        QUELL,
        "scan",
        "--threads",
        "1",
        "--format",
        "json",
        file,
    ]))
}

#[test]
fn one_line_of_many_megabytes_is_read_in_little_memory() {
    let tree = Tree::new();
    let mut file = File::create(tree.at("line.txt")).unwrap();
    let block = b"{\"some\":\"words of a line\"},".repeat(1 << 15);
    let blocks = 80;
    for _ in 0..blocks {
        file.write_all(&block).unwrap();
    }
    let start = (blocks * block.len() + " TOKEN=".len()) as u64;
    file.write_all(format!(" {}", leak(1)).as_bytes()).unwrap();
    drop(file);
    let report = with_little_memory(&tree, "line.txt").code(1).json();
    let (place, _) = places(&report).remove(0);
    assert_eq!((place.start as u64, place.line, place.column), (start, 1, start + 1));
}

#[test]
fn two_hundred_thousand_small_files_are_all_scanned_in_little_memory() {
    let tree = Tree::new();
    for directory in 0..200 {
        let path = tree.dir(format!("many/{directory}"));
        for number in 0..1000 {
            std::fs::write(path.join(format!("{number}")), "x = 1\n").unwrap();
        }
    }
    tree.write("many/199/zzz.env", leak(1));
    let report = with_little_memory(&tree, ".").code(1).json();
    assert_eq!((findings(&report).len(), &report["coverage"]["files"]), (1, &200_001.into()));
}

//! Hostile sizes: trees deeper than a path may be long, directories of many files, sparse files, files that shrink.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags, mkdirat, open, openat};

use crate::support::{QUELL, Tree, clean, findings, gaps, places, quell, run, scan, token};

fn leak(seed: u64) -> String {
    format!("TOKEN={}\n", token(seed))
}

/// Makes a chain of directories below a tree, with a token in some of them; returns how many.
fn chain(tree: &Tree, name: &str, depth: usize, every: usize) -> usize {
    let mut at: OwnedFd = open(tree.path(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
    let mut planted = 0;
    for level in 1..=depth {
        mkdirat(&at, name, Mode::from_raw_mode(0o755)).unwrap();
        at = openat(&at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW, Mode::empty()).unwrap();
        if level % every == 0 || level == depth {
            let file = openat(&at, "a.env", OFlags::CREATE | OFlags::WRONLY, Mode::from_raw_mode(0o644)).unwrap();
            File::from(file).write_all(leak(level as u64).as_bytes()).unwrap();
            planted += 1;
        }
    }
    planted
}

#[test]
fn directories_three_thousand_deep_are_scanned_to_the_bottom() {
    // Names of ten bytes make a path eight times as long as the system takes in one call.
    for name in ["d", "directory_"] {
        let tree = Tree::new();
        let planted = chain(&tree, name, 3000, 250);
        let report = scan(&tree, &[]).code(1).json();
        assert_eq!((findings(&report).len(), gaps(&report)), (planted, vec![]), "{name}");
        let deepest = places(&report).into_iter().map(|(p, _)| p.path.len()).max().unwrap();
        assert_eq!(deepest, 3000 * (name.len() + 1) + "a.env".len());
    }
}

#[test]
fn few_descriptors_lose_nothing_in_silence() {
    let tree = Tree::new();
    let planted = chain(&tree, "d", 300, 20);
    for number in 0..300 {
        tree.dir(format!("wide/{number}/x"));
    }
    let mut command = Command::new("/bin/sh");
    clean(&mut command);
    command.current_dir(tree.path()).args([
        "-c",
        "ulimit -n 24; exec \"$0\" \"$@\"",
        QUELL,
        "scan",
        "--format",
        "json",
    ]);
    let run = run(&mut command);
    let report = run.json();
    let (found, lost) = (findings(&report).len(), gaps(&report).len());
    assert!(found == planted || lost > 0, "{found} of {planted} and no gap");
    assert_eq!(run.code, Some(if lost > 0 { if found > 0 { 4 } else { 3 } } else { 1 }));
}

#[test]
fn fifty_thousand_files_in_a_directory_are_all_scanned() {
    let tree = Tree::new();
    let many = tree.dir("many");
    for number in 0..50_000 {
        let content = if number % 10_000 == 0 { leak(number + 1) } else { String::new() };
        std::fs::write(many.join(format!("{number}")), content).unwrap();
    }
    let report = scan(&tree, &[]).code(1).json();
    assert_eq!((findings(&report).len(), &report["coverage"]["files"]), (5, &50_000.into()));
}

#[test]
fn a_token_at_the_end_of_a_sparse_file_of_any_size_is_found() {
    // A hole is not read: a file of a tebibyte takes no longer than one of two gigabytes.
    for size in [2u64 << 30, 1 << 40] {
        let tree = Tree::new();
        let mut file = File::create(tree.at("sparse.img")).unwrap();
        file.seek(SeekFrom::Start(size)).unwrap();
        file.write_all(leak(1).as_bytes()).unwrap();
        let report = scan(&tree, &[]).code(1).json();
        let (place, _) = places(&report).remove(0);
        let column = (size + 7).min(u32::MAX.into());
        assert_eq!((place.start as u64, place.line, place.column), (size + 6, 1, column));
        assert_eq!(report["coverage"]["bytes"], size + leak(1).len() as u64);
    }
}

#[test]
fn a_file_that_is_shorter_than_the_system_says_is_a_gap() {
    // Files of sysfs have the size of a page and hold a line.
    let file = "/sys/kernel/mm/transparent_hugepage/enabled";
    if !std::path::Path::new(file).exists() {
        eprintln!("{file} is not there: a short file was not tried");
        return;
    }
    let tree = Tree::new();
    let report = scan(&tree, &[file]).code(3).json();
    assert_eq!((gaps(&report)[0].0.as_str(), gaps(&report)[0].1.as_str()), (file, "changed"));
}

#[test]
fn a_file_that_grows_and_shrinks_while_it_is_read_is_no_crash() {
    let tree = Tree::new();
    let path = tree.write("log", "a line of a log\n".repeat(1 << 20));
    tree.write("other.env", leak(1));
    let (stop, file) = (AtomicBool::new(false), File::options().write(true).open(path).unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                file.set_len(5).unwrap();
                file.write_all_at(b"x", 30 << 20).unwrap();
            }
        });
        for _ in 0..5 {
            let run = run(quell().current_dir(tree.path()).args(["scan", "--format", "json"]));
            let report = run.json();
            assert_eq!(findings(&report).len(), 1);
            assert!(gaps(&report).iter().all(|(path, kind, _)| path == "log" && kind == "changed"), "{report:#}");
            assert_eq!(run.code, Some(if gaps(&report).is_empty() { 1 } else { 4 }));
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_line_of_a_hundred_thousand_tokens_is_told_whole() {
    let tree = Tree::new();
    let token = token(1);
    tree.write("a.txt", format!("{token} ").repeat(20_000));
    let report = scan(&tree, &[]).code(1).json();
    assert_eq!(places(&report).len(), 20_000);
    let plain = run(quell().current_dir(tree.path()).arg("scan")).code(1);
    assert!(plain.out().contains("more places") && plain.out().len() < 10_000);
}

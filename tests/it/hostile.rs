//! Hostile files and names: what is no regular file, what cannot be read, what would reach out of the target, and what
//! would take over the terminal. No crash, no hang, no silence.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::support::{
    QUELL, Run, Tree, clean, findings, formats, gaps, only_finding, places, quell, run, run_with, scan, skipped, token,
    wait,
};

/// A text with one token in it.
fn leak(seed: u64) -> String {
    format!("TOKEN={}\n", token(seed))
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

#[test]
fn a_missing_path_is_a_gap() {
    let tree = Tree::new();
    tree.write("a.env", leak(1));
    let report = scan(&tree, &["nowhere"]).code(3).json();
    assert_eq!(gaps(&report)[0].0, "nowhere");
    let report = scan(&tree, &["nowhere", "a.env"]).code(4).json();
    assert_eq!((findings(&report).len(), gaps(&report).len()), (1, 1));
    let plain = run(quell().current_dir(tree.path()).args(["scan", "nowhere"])).code(3);
    assert!(plain.out().contains("not read: nowhere") && plain.out().contains("INCOMPLETE"), "{}", plain.out());
}

#[test]
fn what_is_no_regular_file_is_skipped_and_counted() {
    let tree = Tree::new();
    tree.write("a.env", leak(1));
    fifo(&tree.at("pipe"));
    let _socket = UnixListener::bind(tree.at("socket")).unwrap();
    symlink("/dev/zero", tree.at("device")).unwrap();
    let report = scan(&tree, &[]).code(1).json();
    only_finding(&report);
    assert_eq!(skipped(&report, "special-file"), (2, 0, vec!["pipe".to_owned(), "socket".to_owned()]));
    assert_eq!(skipped(&report, "symlink"), (1, 0, vec!["device".to_owned()]));
    // Named on the command line, they were asked for: a gap, and they do not hold the scan up either.
    for path in ["pipe", "socket", "/dev/zero", "/dev/null", "device"] {
        let report = scan(&tree, &[path]).code(3).json();
        assert_eq!(gaps(&report).len(), 1, "{path}: {report:#}");
    }
}

#[test]
fn links_are_neither_followed_out_of_the_target_nor_around_in_it() {
    let tree = Tree::new();
    tree.write("outside/secret.env", leak(1));
    tree.write("target/inner/b.env", leak(2));
    symlink(tree.at("outside"), tree.at("target/out")).unwrap();
    symlink("../outside/secret.env", tree.at("target/file")).unwrap();
    symlink(".", tree.at("target/loop")).unwrap();
    symlink("..", tree.at("target/inner/up")).unwrap();
    symlink("self", tree.at("target/self")).unwrap();
    symlink("gone", tree.at("target/dangling")).unwrap();
    let report = scan(&tree, &["target"]).code(1).json();
    assert_eq!(only_finding(&report)["locations"][0]["path"], "target/inner/b.env");
    assert_eq!(skipped(&report, "symlink").0, 6);
    // A target that the user names is followed: it is what was asked for.
    let report = scan(&tree, &["target/out"]).code(1).json();
    assert_eq!(places(&report)[0].0.path, "target/out/secret.env");
}

/// Runs the command as a user who may not read everything: as itself, or, for root, as nobody.
fn unprivileged(tree: &Tree, arguments: &[&str]) -> Run {
    let binary = tree.at("bin/quell");
    if rustix::process::geteuid().is_root() {
        tree.dir("bin");
        std::fs::copy(QUELL, &binary).unwrap();
        std::fs::set_permissions(tree.path(), Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(&binary);
        clean(&mut command);
        command.uid(65_534).gid(65_534);
        return run(command.current_dir(tree.at("target")).args(arguments));
    }
    run(quell().current_dir(tree.at("target")).args(arguments))
}

#[test]
fn unreadable_files_and_directories_are_gaps() {
    let tree = Tree::new();
    tree.write("target/open.env", leak(1));
    tree.write("target/closed.env", leak(2));
    tree.write("target/closed/c.env", leak(3));
    // Its entries can be listed, and not be opened.
    tree.write("target/listed/d.env", leak(4));
    for (path, mode) in [("target/closed.env", 0o000), ("target/closed", 0o000), ("target/listed", 0o444)] {
        std::fs::set_permissions(tree.at(path), Permissions::from_mode(mode)).unwrap();
    }
    let report = unprivileged(&tree, &["scan", "--format", "json"]).code(4).json();
    assert_eq!(only_finding(&report)["locations"][0]["path"], "open.env");
    let mut paths: Vec<String> = gaps(&report).into_iter().map(|(path, kind, _)| format!("{path} {kind}")).collect();
    paths.sort();
    assert_eq!(paths[..2], ["closed unreadable", "closed.env unreadable"]);
    assert!(paths.len() == 3 && paths[2].starts_with("listed") && paths[2].ends_with(" unreadable"), "{paths:?}");
    for (path, mode) in [("target/closed", 0o700), ("target/listed", 0o700)] {
        std::fs::set_permissions(tree.at(path), Permissions::from_mode(mode)).unwrap();
    }
}

/// Whether a text holds nothing that a terminal would act upon.
fn is_harmless(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    text.chars().all(|c| {
        let hides =
            matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}');
        c == '\n' || !(c.is_control() || hides)
    })
}

/// Names that a terminal must not get.
fn evil_names() -> [&'static OsStr; 6] {
    let names: [&[u8]; 6] = [
        b"new\nline",
        b"red\x1b[31m",
        b"title\x1b]0;owned\x07",
        b"bidi\xe2\x80\xaetxt.exe",
        b"bad\xff\xfe\x80utf8",
        b"c1\xc2\x9b31m\x7f\r",
    ];
    names.map(OsStr::from_bytes)
}

#[test]
fn no_name_reaches_the_terminal_raw_in_any_format() {
    let tree = Tree::new();
    for (number, name) in evil_names().into_iter().enumerate() {
        tree.write(Path::new("found").join(name), leak(number as u64 + 1));
        tree.dir(Path::new("skipped").join(name));
        symlink(name, tree.at(Path::new("skipped").join(name).join("link"))).unwrap();
        fifo(&tree.at(Path::new("skipped").join(name).join(name)));
    }
    let missing: Vec<&OsStr> = evil_names().to_vec();
    for format in formats() {
        let run = run(quell().current_dir(tree.path()).args(["scan", "--format", format, "."]).args(&missing)).code(4);
        // Lines of CSV end as RFC 4180 has it.
        let text = if format == "csv" { run.out().replace("\r\n", "\n").into_bytes() } else { run.stdout };
        assert!(is_harmless(&text), "{format}: {}", text.escape_ascii());
        assert!(is_harmless(&run.stderr), "{format}: {}", run.stderr.escape_ascii());
    }
    let report = scan(&tree, &[]).code(1).json();
    assert_eq!(findings(&report).len(), evil_names().len(), "every name is scanned");
}

#[test]
fn no_argument_is_echoed_raw() {
    let evil = "x\u{1b}[31m\u{7}\u{202e}\u{9b}y";
    let tree = Tree::new();
    tree.write(format!("rules/{evil}.toml"), format!("[provider]\nid = \"{}\"\n", "\\u001b[31m"));
    let option = format!("--{evil}");
    let calls: Vec<Vec<&str>> = vec![
        vec![evil],
        vec!["scan", &option],
        vec!["scan", "--format", evil],
        vec!["scan", "--only", evil],
        vec!["scan", "--confidence", evil],
        vec!["scan", "--max-file-size", evil],
        vec!["scan", "--threads", evil],
        vec!["scan", "--config", evil],
        vec!["scan", "--rules", evil],
        vec!["scan", "--rules", "rules"],
        vec!["scan", "--exclude-path", "a{b\u{1b}[31m"],
        vec!["scan", "--stdin-name", evil, "-"],
        vec!["explain", evil],
        vec!["rules", "show", evil],
        vec!["rules", "check", evil],
        vec!["rules", "check", "rules"],
        vec!["completions", evil],
    ];
    for call in calls {
        let run = run(quell().current_dir(tree.path()).args(&call));
        for text in [&run.stdout, &run.stderr] {
            assert!(is_harmless(text), "{call:?}: {}", text.escape_ascii());
        }
    }
    assert!(!is_harmless(evil.as_bytes()) && !is_harmless(b"\xff") && is_harmless("ok é\n".as_bytes()), "the control");
}

#[test]
fn standard_input_is_scanned_under_the_name_that_it_is_given() {
    let input = format!("# größe\n{}", leak(1));
    for (arguments, name) in [(&["-"][..], "<stdin>"), (&["--stdin-name", "src/app.env", "-"], "src/app.env")] {
        let run = run_with(quell().args(["scan", "--format", "json"]).args(arguments), input.as_bytes()).code(1);
        let report = run.json();
        let (place, _) = places(&report).remove(0);
        assert_eq!((place.path.as_str(), place.line, place.column), (name, 2, 7));
        assert_eq!(&input[place.start..place.end], token(1));
    }
    assert_eq!(run_with(quell().args(["scan", "-"]), b"").code(0).err(), "");
}

#[test]
fn a_closed_output_is_no_panic() {
    let tree = Tree::new();
    for number in 0..400 {
        tree.write(format!("{number}.env"), leak(number + 1));
    }
    for arguments in [
        &["scan"][..],
        &["scan", "--format", "json"],
        &["rules", "list"],
        &["man"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = quell();
        command.current_dir(tree.path()).args(arguments).stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(command);
        let code = wait(&mut child);
        let mut errors = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut errors).unwrap();
        assert!(matches!(code, Some(0..=4)), "{arguments:?}: {code:?} {errors}");
        assert!(!errors.contains("panicked") && !errors.contains("failed at"), "{arguments:?}: {errors}");
    }
}

#[test]
fn exit_codes_say_how_a_scan_ended() {
    let tree = Tree::new();
    tree.write("clean/a.txt", "nothing here\n");
    tree.write("leak/a.env", leak(1));
    for (arguments, code) in [
        (&["clean"][..], 0),
        (&["leak"], 1),
        (&["--format", "nonsense", "leak"], 2),
        (&["clean", "nowhere"], 3),
        (&["leak", "nowhere"], 4),
        (&["--fail-on", "none", "leak"], 0),
        (&["--fail-on", "none", "leak", "nowhere"], 3),
        (&["--fail-on", "any", "leak"], 1),
        // No verdict can be had without verification, and one was asked for.
        (&["--fail-on", "live", "leak"], 3),
        (&["--fail-on", "live", "clean"], 0),
        (&["--fail-on", "dead", "leak"], 2),
        (&["--threads", "0", "leak"], 2),
        (&["--confidence", "high", "leak"], 1),
        (&["--exclude", "github", "--exclude", "generic", "leak"], 0),
        (&["--max-file-size", "3", "clean"], 3),
        (&["--exclude-path", "*.env", "leak"], 0),
        (&["--include-path", "*.txt", "leak", "clean"], 0),
    ] {
        let run = run(quell().current_dir(tree.path()).arg("scan").args(arguments));
        assert_eq!(run.code, Some(code), "{arguments:?}\n{}{}", run.out(), run.err());
    }
    assert_eq!(run(&mut quell()).code, Some(2), "without a verb");
    assert_eq!(run(quell().arg("--version")).code, Some(0));
}

#[test]
fn a_verdict_that_could_not_be_had_is_a_gap_with_its_reason() {
    let tree = Tree::new();
    tree.write("a.env", leak(1));
    let report = scan(&tree, &["--fail-on", "live"]).code(3).json();
    assert_eq!((findings(&report).len(), gaps(&report)[0].1.as_str()), (1, "no-verdict"));
}

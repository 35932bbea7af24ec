//! What is named on the command line: where a target lies says nothing of what is in it, filters hold for files that are
//! named, and a target's own file speaks for it however it is named.

use serde_json::Value;

use crate::support::{
    Tree, findings, formats, notices, only_finding, places, quell, run, sample_of, scan, skipped, token,
};

fn leak(seed: u64) -> String {
    format!("TOKEN={}\n", token(seed))
}

fn in_test(report: &Value) -> bool {
    let facts = only_finding(report)["facts"].as_array().unwrap();
    facts.iter().any(|f| f["kind"] == "test-path")
}

#[test]
fn a_test_is_known_by_its_path_below_the_target() {
    let tree = Tree::new();
    tree.write("tests/project/a.env", leak(1));
    tree.write("tests/project/tests/b.env", leak(2));
    let absolute = tree.at("tests/project/a.env").display().to_string();
    let directory = tree.at("tests/project").display().to_string();
    let inner = format!("{directory}/tests/b.env");
    for (target, only, test) in [
        (".", "*/a.env", true),
        ("tests/project", "a.env", false),
        ("tests/project/", "b.env", true),
        (&directory, "a.env", false),
        (&directory, "b.env", true),
        // A file: below the current directory, or its name alone.
        ("tests/project/a.env", "*", true),
        ("./tests/project/a.env", "*", true),
        (&absolute, "*", true),
    ] {
        let only = only.replace("*/", "**/");
        let report = scan(&tree, &["--include-path", &only, target]).code(1).json();
        assert_eq!(in_test(&report), test, "{target} {only}");
    }
    let elsewhere = |target: &str| {
        run(quell().current_dir(tree.at("tests/project/tests")).args(["scan", "--format", "json", target]))
            .code(1)
            .json()
    };
    for (target, test) in [("b.env", false), ("../a.env", false), (&absolute, false), (&inner, false)] {
        assert_eq!(in_test(&elsewhere(target)), test, "{target}");
    }
    // Standard input is what its name says.
    let mut command = quell();
    command.args(["scan", "--format", "json", "--stdin-name", "tests/a.env", "-"]);
    assert!(in_test(&crate::support::run_with(&mut command, leak(1).as_bytes()).code(1).json()));
}

#[test]
fn path_filters_hold_for_files_that_are_named() {
    let tree = Tree::new();
    tree.write("src/a.env", leak(1));
    tree.write("src/gen/b.env", leak(2));
    let absolute = tree.at("src/gen/b.env").display().to_string();
    for (filter, file, scanned) in [
        (["--exclude-path", "*.env"], "src/a.env", false),
        (["--exclude-path", "gen/"], "src/gen/b.env", false),
        (["--exclude-path", "/src/gen"], "./src/./gen/b.env", false),
        (["--exclude-path", "/src/gen"], &absolute, false),
        (["--exclude-path", "/gen"], "src/gen/b.env", true),
        (["--include-path", "*.txt"], "src/a.env", false),
        (["--include-path", "src"], "src/a.env", true),
        (["--include-path", "src/gen"], &absolute, true),
    ] {
        let run = scan(&tree, &[filter[0], filter[1], file]).code(i32::from(scanned));
        let left = if scanned { (0, 0, Vec::new()) } else { (1, 0, vec![file.to_owned()]) };
        assert_eq!(skipped(&run.json(), "excluded"), left, "{filter:?} {file}");
    }
    // One that lies elsewhere goes by its name.
    let run = |filter: &str| {
        run(quell().current_dir(tree.at("src/gen")).args(["scan", "--exclude-path", filter, "../a.env"])).code
    };
    assert_eq!((run("a.env"), run("src")), (Some(0), Some(1)));
}

fn suppression(fingerprint: &str, more: &str) -> String {
    format!("[[suppress]]\nfingerprint = \"{fingerprint}\"\n{more}\n")
}

/// A repository with a token at `app/src/a.env`, and the token's fingerprint.
fn repository() -> (Tree, String) {
    let tree = Tree::new();
    tree.git(".", &["init", "-q"]);
    tree.write("app/src/a.env", leak(1));
    let id = only_finding(&scan(&tree, &[]).json())["fingerprint"].as_str().unwrap().to_owned();
    (tree, id)
}

#[test]
fn a_targets_file_speaks_for_every_part_of_its_repository_that_is_named() {
    let (tree, id) = repository();
    tree.write(".quell.toml", suppression(&id, "reason = \"revoked\""));
    let absolute = tree.at("app/src/a.env").display().to_string();
    for target in [".", "app", "app/src/", "app/src/a.env", "app/../app/src/a.env", &absolute] {
        let report = scan(&tree, &[target]).code(0).json();
        assert_eq!((report["suppressed"].as_u64(), notices(&report).len()), (Some(1), 1), "{target}: {report:#}");
        assert_eq!(notices(&report)[0].0, ".quell.toml");
        scan(&tree, &["--no-target-ignores", target]).code(1);
    }
    let inside = run(quell().current_dir(tree.at("app/src")).args(["scan", "--format", "json", "a.env"])).code(0);
    assert_eq!(inside.json()["suppressed"], 1);
    // What a part does not have may stand in the rest: nothing to tell.
    tree.write("other/b.txt", "nothing\n");
    assert_eq!(notices(&scan(&tree, &["other"]).code(0).json()), vec![]);
}

#[test]
fn a_file_further_in_speaks_for_what_lies_below_it() {
    let (tree, id) = repository();
    tree.write("other/b.env", leak(1));
    tree.write("app/.quell.toml", suppression(&id, "reason = \"revoked\""));
    for (targets, left) in [(&["app/src/a.env", "other"][..], 1), (&["app", "other"], 1), (&["app/src"], 0)] {
        let report = scan(&tree, targets).json();
        assert_eq!(findings(&report).len(), left, "{targets:?}");
        assert!(places(&report).iter().all(|(p, _)| p.path == "other/b.env"), "{report:#}");
    }
    // Nothing above a repository speaks for it, and outside of one only a directory that is named.
    let tree = Tree::new();
    tree.write("x/in/a.env", leak(1));
    tree.write("x/.quell.toml", suppression(&id, "reason = \"revoked\""));
    scan(&tree, &["x/in"]).code(1);
    scan(&tree, &["x/in/a.env"]).code(1);
    scan(&tree, &["x"]).code(0);
    tree.git("x/in", &["init", "-q"]);
    scan(&tree, &["x/in"]).code(1);
}

#[test]
fn a_suppression_is_told_with_who_and_why_escaped() {
    let (tree, id) = repository();
    let text = "reason = \"revoked in\\u001b[31m May\\nby hand\"\nauthor = \"An Author \\u202e\"\nexpires = 2999-12-31";
    tree.write(".quell.toml", suppression(&id, text));
    let report = scan(&tree, &[]).code(0).json();
    let (path, told) = &notices(&report)[0];
    let wanted = format!(
        "suppression 1 takes {id} out until 2999-12-31: revoked in\\u{{1b}}[31m May\\nby hand (by An Author \\u{{202e}})"
    );
    assert_eq!((path.as_str(), told), (".quell.toml", &wanted));
    for format in ["plain", "jsonl", "sarif", "csv", "gitlab", "markdown", "html"] {
        let run = run(quell().current_dir(tree.path()).args(["scan", "--format", format])).code(0);
        assert!(run.out().contains("An Author") && run.out().contains(&id), "{format}: {}", run.out());
        assert!(!run.out().contains(['\u{1b}', '\u{202e}']), "{format}");
    }
    tree.write(".quell.toml", suppression(&id, &format!("reason = \"{}\"", "long ".repeat(500))));
    let report = scan(&tree, &[]).code(0).json();
    let (_, told) = &notices(&report)[0];
    assert!(told.len() < 400 && told.contains("…") && told.ends_with("(no author named)"), "{told}");
}

#[test]
fn a_reason_or_an_author_that_holds_a_secret_is_not_shown() {
    let (tree, id) = repository();
    // One that no rule finds on its own, but that stands in the tree.
    let password = sample_of(crate::support::rule("generic-password"), 3);
    tree.write("db.env", format!("password = \"{password}\"\n"));
    let (own, other) = (token(1), token(2));
    for secret in [own.as_str(), &other, &own[8..20], &password, &format!("password={password}")] {
        for field in ["reason", "author"] {
            let rest = if field == "reason" { "" } else { "reason = \"revoked\"" };
            tree.write(".quell.toml", suppression(&id, &format!("{field} = \"it was {secret} then\"\n{rest}")));
            for format in formats() {
                let run = run(quell().current_dir(tree.path()).args(["scan", "--format", format, "app", "db.env"]));
                let all = run.out() + &run.err();
                assert!(!all.contains("it was"), "{format} {field}: {}", all.replace(secret, "SECRET"));
                assert!(all.contains("may hold a secret"), "{format} {field}");
            }
        }
    }
}

#[test]
fn a_targets_file_that_is_not_read_is_told() {
    let (tree, _) = repository();
    std::os::unix::fs::symlink("elsewhere", tree.at(".quell.toml")).unwrap();
    assert!(notices(&scan(&tree, &["app"]).code(1).json())[0].1.contains("is a link"));
    for (content, word) in [(vec![b'#'; (16 << 20) + 1], "more than 16 MiB"), (b"a = \"\xff\"".to_vec(), "no UTF-8")] {
        std::fs::remove_file(tree.at(".quell.toml")).unwrap();
        tree.write(".quell.toml", content);
        assert!(notices(&scan(&tree, &["app"]).code(1).json())[0].1.contains(word), "{word}");
    }
    std::fs::remove_file(tree.at(".quell.toml")).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, tree.at(".quell.toml"), fifo, mode, 0).unwrap();
    assert!(notices(&scan(&tree, &["app"]).code(1).json())[0].1.contains("not a regular file"));
}

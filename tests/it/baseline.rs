//! The findings that a tree has already: written, renewed, looked through, and left out.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Run, Tree, findings, notices, quell, run, scan, token};

fn baseline(tree: &Tree, arguments: &[&str]) -> Run {
    run(quell().current_dir(tree.path()).arg("baseline").args(arguments))
}

fn leak(seed: u64) -> String {
    format!("TOKEN={}\n", token(seed))
}

/// A password, which has no fingerprint of its own.
fn password(seed: u64) -> String {
    format!("database_password = \"{}\"\n", &token(seed)[4..22])
}

fn file(tree: &Tree) -> PathBuf {
    tree.at(".quell-baseline.toml")
}

fn read(tree: &Tree) -> String {
    fs::read_to_string(file(tree)).unwrap()
}

fn paths(report: &Value) -> Vec<&str> {
    let places = findings(report).iter().flat_map(|f| f["locations"].as_array().unwrap());
    places.map(|l| l["path"].as_str().unwrap()).collect()
}

/// A tree with three findings and a baseline of them.
fn made() -> Tree {
    let tree = Tree::new();
    tree.write("a.env", leak(1));
    tree.write("b/b.env", leak(2));
    tree.write("c.py", password(3));
    let told = baseline(&tree, &["create", "--author", "Kim", "--expires", "2999-01-01"]).code(0);
    assert!(told.out().contains("3 findings"), "{}", told.out());
    tree
}

#[test]
fn what_is_in_a_baseline_is_left_out_wherever_it_goes_and_nothing_else_is() {
    let tree = made();
    let text = read(&tree);
    for seed in 1..=3 {
        assert!(!text.contains(&token(seed)[4..22]), "the baseline holds secret {seed}");
    }
    let report = scan(&tree, &[]).code(0).json();
    assert_eq!((&report["suppressed"], report["suppressions"].as_array().unwrap().len()), (&3.into(), 3));
    let first = &report["suppressions"][0];
    assert_eq!((&first["source"], &first["author"]), (&"baseline".into(), &"Kim".into()));
    assert!(notices(&report).iter().any(|(_, text)| text == "3 entries take 3 places out"), "{report:#}");
    // Other lines, other names, another checkout.
    let other = Tree::new();
    other.write("moved/x.env", format!("\n\n# moved\n{}", leak(1)));
    other.write("moved/y.py", format!("\n{}", password(3)));
    fs::copy(file(&tree), file(&other)).unwrap();
    scan(&other, &[]).code(0);
    // A different secret in the same place.
    tree.write("a.env", leak(4));
    tree.write("c.py", password(5));
    let mut found = scan(&tree, &[]).code(1).json();
    assert_eq!(paths(&found), ["a.env", "c.py"]);
    assert!(notices(&found).iter().any(|(_, text)| text.contains("match nothing any more")), "{found:#}");
    // The target's word can be refused, and a trusted file be named instead.
    found = scan(&tree, &["--no-target-ignores"]).code(1).json();
    assert_eq!(findings(&found).len(), 3);
    let elsewhere = Tree::new();
    fs::rename(file(&tree), elsewhere.at("mine.toml")).unwrap();
    let named = elsewhere.at("mine.toml");
    let arguments = ["--no-target-ignores", "--baseline", named.to_str().unwrap()];
    assert_eq!(paths(&scan(&tree, &arguments).code(1).json()), ["a.env", "c.py"]);
}

#[test]
fn an_update_changes_what_has_changed_alone() {
    let tree = made();
    let before = read(&tree);
    assert!(baseline(&tree, &["update"]).code(0).out().contains("3 kept, 0 added, 0 taken out"));
    assert_eq!(read(&tree), before, "nothing has changed");
    // A reason that somebody gave stays.
    fs::write(file(&tree), before.replacen("it was there when the baseline was made", "revoked in May", 1)).unwrap();
    fs::remove_file(tree.at("b/b.env")).unwrap();
    tree.write("d.env", leak(6));
    tree.write("e.py", password(7));
    let told = baseline(&tree, &["update", "--reason", "new in June"]).code(0).out();
    assert!(told.contains("2 kept, 2 added, 1 taken out"), "{told}");
    let text = read(&tree);
    assert_eq!((text.matches("revoked in May").count(), text.matches("new in June").count()), (1, 2), "{text}");
    let salts: std::collections::BTreeSet<&str> =
        text.lines().filter_map(|line| line.split("q1-slow-").nth(1)?.split('-').next()).collect();
    assert_eq!(salts.len(), 1, "one slow hash a password");
    scan(&tree, &[]).code(0);
    // What could not be read may still be there.
    let config = Tree::new();
    let small = config.write("config.toml", "[scan]\nmax_file_size = \"10\"\n");
    let told = baseline(&tree, &["update", "--config", small.to_str().unwrap()]).code(3).out();
    assert!(told.contains("4 kept, 0 added, 0 taken out"), "{told}");
    assert_eq!(read(&tree), text, "an incomplete scan takes nothing out");
    let told = run(quell().current_dir(tree.path()).args(["baseline", "create"])).code(2).err();
    assert!(told.contains("is there already") && told.contains("baseline update"), "{told}");
}

#[test]
fn an_audit_lists_every_entry_and_whether_it_holds() {
    let tree = made();
    let told = baseline(&tree, &["audit"]).code(0).out();
    assert!(told.contains("3 entries: 3 holds") && told.contains("author Kim"), "{told}");
    fs::remove_file(tree.at("b/b.env")).unwrap();
    let text = read(&tree).replacen("expires = 2999-01-01", "expires = 2001-01-01", 1);
    fs::write(file(&tree), text).unwrap();
    let told = baseline(&tree, &["audit"]).code(1).out();
    assert!(told.contains("1 expired, 1 holds, 1 matches nothing"), "{told}");
    let report = scan(&tree, &[]).code(1).json();
    assert!(notices(&report).iter().any(|(_, text)| text.contains("1 expired")), "{report:#}");
}

#[test]
fn a_broken_or_newer_baseline_is_told_and_hides_nothing() {
    let tree = made();
    let good = read(&tree);
    for (text, why) in [
        ("suppress = [".to_owned(), "it is no TOML in line 1"),
        (good.replace("version = 1", "version = 2"), "of a newer quell"),
        (good.replace("version = 1", "version = \"x\""), "`version` is none"),
        ("version = 1\nsuppress = 3\n".to_owned(), "write each suppression as"),
        (format!("{good}\n[[suppress]]\nreason = \"x\"\n"), "it needs `fingerprint` and `reason`"),
        (
            format!("{good}\n[[suppress]]\nfingerprint = \"q1-00000000-{}\"\nreason = \"x\"\n", "0".repeat(32)),
            "another fingerprint key",
        ),
    ] {
        fs::write(file(&tree), &text).unwrap();
        let whole = text.starts_with(&good);
        let report = scan(&tree, &[]).code(if whole { 0 } else { 1 }).json();
        assert!(notices(&report).iter().any(|(_, text)| text.contains(why)), "{why}: {report:#}");
        if !why.contains("another") {
            let named = run(quell().current_dir(tree.path()).args(["scan", "--baseline", ".quell-baseline.toml"]));
            assert!(named.code(2).err().contains("help:"));
            baseline(&tree, &["update"]).code(2);
        }
    }
    run(quell().current_dir(tree.path()).args(["scan", "--baseline", "none"])).code(2);
    fs::write(file(&tree), &good).unwrap();
    let arguments = ["scan", "--no-target-ignores", "--baseline", ".quell-baseline.toml"];
    let told = run(quell().current_dir(tree.path()).args(arguments)).code(2).err();
    assert!(told.contains("lies in the target"), "{told}");
}

#[test]
fn a_change_is_held_against_the_baseline_as_it_was() {
    let tree = made();
    let git = |arguments: &[&str]| tree.git(".", arguments);
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    tree.write("d.env", leak(6));
    tree.write("moved.env", leak(1));
    baseline(&tree, &["update"]).code(0);
    git(&["add", "."]);
    let staged = || run(quell().current_dir(tree.path()).args(["scan", "--staged", "--format", "json"]));
    assert_eq!(paths(&staged().code(1).json()), ["d.env"], "a change cannot suppress what it brings in");
    git(&["commit", "-q", "-m", "two"]);
    run(quell().current_dir(tree.path()).args(["scan", "--history"])).code(0);
}

#[test]
fn suppressions_of_the_configuration_hold_everywhere() {
    let tree = made();
    let print =
        read(&tree).lines().find_map(|l| Some(l.split("fingerprint = \"").nth(1)?.trim_end_matches('"').to_owned()));
    fs::remove_file(file(&tree)).unwrap();
    let config = Tree::new();
    let text = format!("[[suppress]]\nfingerprint = \"{}\"\nreason = \"known to all\"\n", print.unwrap());
    let path = config.write("config.toml", text);
    let arguments = ["--no-target-ignores", "--config", path.to_str().unwrap()];
    let report = scan(&tree, &arguments).code(1).json();
    assert_eq!(findings(&report).len(), 2);
    assert_eq!(report["suppressions"][0]["source"], "configuration");
    fs::write(&path, "[[suppress]]\nreason = \"x\"\n").unwrap();
    let told = run(quell().current_dir(tree.path()).args(["scan", "--config", path.to_str().unwrap()])).code(2).err();
    assert!(told.contains("suppression 1") && told.contains("help:"), "{told}");
}

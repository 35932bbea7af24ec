//! Words on a line that allow its secret.

use serde_json::{Value, json};

use crate::support::{Tree, findings, notices, quell, run, scan, token};

const OWN_LINE: [&str; 8] = [
    "quell:allow",
    "gitleaks:allow",
    "betterleaks:allow",
    "trufflehog:ignore",
    "kingfisher:ignore",
    "ggignore",
    "pragma: allowlist secret",
    "secretlint-disable-line",
];
const NEXT_LINE: [&str; 2] = ["pragma: allowlist nextline secret", "secretlint-disable-next-line"];

fn lines(report: &Value) -> Vec<u64> {
    let places = findings(report).iter().flat_map(|f| f["locations"].as_array().unwrap());
    let mut lines: Vec<u64> = places.map(|l| l["line"].as_u64().unwrap()).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn every_dialect_allows_its_line_and_is_counted() {
    let tree = Tree::new();
    let mut text = String::new();
    for (seed, marker) in (0..).zip(OWN_LINE) {
        text += &format!("key = {} # {marker}\n", token(seed));
    }
    for (seed, marker) in (20..).zip(NEXT_LINE) {
        text += &format!("# {marker}\nkey = {}\n", token(seed));
    }
    text += &format!("key = {}\n", token(40));
    let last = text.lines().count() as u64;
    tree.write("a.conf", &text);
    let report = scan(&tree, &[]).code(1).json();
    assert_eq!(lines(&report), [last]);
    assert_eq!((&report["suppressed"], report["markers"].as_object().unwrap().len()), (&json!(10), 10));
    assert_eq!(report["markers"]["gitleaks:allow"], 1);
    assert!(notices(&report).iter().any(|(_, text)| text == "`ggignore` on the line allows 1 place"), "{report:#}");
    // All of them are refused at once, and that is said.
    let refused = scan(&tree, &["--no-target-ignores"]).code(1).json();
    assert_eq!((findings(&refused).len(), &refused["suppressed"], &refused["markers"]), (11, &json!(0), &json!({})));
    assert!(notices(&refused).iter().filter(|(_, text)| text.contains("refused by --no-target-ignores")).count() >= 10);
}

#[test]
fn a_marker_allows_the_credential_on_its_line_and_nowhere_else() {
    let tree = Tree::new();
    tree.write("a.conf", format!("key = {} # quell:allow\nkey = {}\n", token(1), token(1)));
    tree.write("wide.txt", {
        let text = format!("key = {} # quell:allow\r\nkey = {}\r\n", token(2), token(3));
        text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
    });
    // A marker where nothing is found does nothing, and nothing is said of it.
    tree.write("b.conf", "nothing # quell:allow\n");
    let report = scan(&tree, &[]).code(1).json();
    assert_eq!((lines(&report), &report["markers"]), (vec![2, 2], &json!({ "quell:allow": 2 })));
    assert_eq!(report["suppressed"], 1, "one credential has no other place");
    // Whatever stands on the rest of a line of megabytes.
    let tree = Tree::new();
    tree.write("a.js", format!("a='{}';{}/* quell:allow */", token(1), "x;".repeat(1 << 20)));
    scan(&tree, &[]).code(1);
}

#[test]
fn a_change_cannot_allow_what_it_brings_in() {
    let tree = Tree::new();
    tree.git(".", &["init", "-q", "-b", "main"]);
    tree.write("a.conf", format!("key = {} # gitleaks:allow\n", token(1)));
    tree.git(".", &["add", "."]);
    let staged = || run(quell().current_dir(tree.path()).args(["scan", "--staged", "--format", "json"]));
    let report = staged().code(1).json();
    assert!(notices(&report).iter().any(|(_, text)| text.contains("cannot allow what it brings in")), "{report:#}");
    tree.git(".", &["commit", "-q", "-m", "one"]);
    // What is there already is allowed, in the tree and in its history.
    scan(&tree, &[]).code(0);
    run(quell().current_dir(tree.path()).args(["scan", "--history"])).code(0);
}

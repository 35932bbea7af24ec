//! What users see, word for word: reports, help, rules and mistakes. `INSTA_UPDATE=always tests/run snapshots` writes
//! them anew; look at the difference before it is committed.

use quell::rules::embedded::embedded;
use serde_json::Value;

use crate::support::{Tree, expanded, made, only_finding, quell, rule, run, sample_of, scan, token};

/// A small tree with a finding of each kind that reads differently, the same on every run.
fn tree() -> Tree {
    let tree = Tree::new();
    let id = sample_of(rule("aws-access-key-id"), 4);
    let secret = sample_of(rule("aws-secret-access-key"), 4);
    tree.write(
        "deploy/credentials",
        format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"),
    );
    tree.write("app/.env", format!("DEBUG=1\nGITHUB_TOKEN={}\n", token(4)));
    tree.write("tests/fixture.env", format!("# größe\nTOKEN={}\n", token(5)));
    tree.write("app/other.sh", format!("export X={}\n", token(4)));
    let url = "postgres://app:{alpha:5}{digits:3}{alnumlower:6}@db.internal.acme.net:5432/app";
    tree.write("app/db.conf", format!("url = {}\n", made(url, 4)));
    tree.write("keys/id", expanded(rule("private-key-rsa"), "{sample}\n", 4).0);
    std::os::unix::fs::symlink("nowhere", tree.at("link")).unwrap();
    tree.write(".quell.toml", "threads = 2\n");
    tree
}

/// A text with what changes from version to version replaced.
fn stable(text: &str, tree: &Tree) -> String {
    let text =
        text.replace(env!("CARGO_PKG_VERSION"), "[VERSION]").replace(&tree.path().display().to_string(), "[TREE]");
    without_times(&without_style(&text))
}

/// A page without its style, its script, and their hashes.
fn without_style(text: &str) -> String {
    let Some((head, rest)) = text.split_once("<!DOCTYPE html>") else { return text.to_owned() };
    let (body, end) = rest.split_once("<body>").unwrap().1.split_once("<script>").unwrap();
    format!("{head}[HEAD]\n<body>{body}[SCRIPT]{}", end.split_once("</script>").unwrap().1)
}

/// A text with the times at which a scan ran replaced.
fn without_times(text: &str) -> String {
    let form = |w: &[u8]| {
        w.iter().zip(b"0000-00-00T00:00:00").all(|(c, f)| match f {
            b'0' => c.is_ascii_digit(),
            b'T' => matches!(c, b'T' | b' '),
            _ => c == f,
        })
    };
    let mut text = text.to_owned();
    while let Some(at) = text.as_bytes().windows(19).position(form) {
        text.replace_range(at..at + 19, "[TIME]");
    }
    text
}

/// The rules that the tree is scanned with: new rules that match the same bytes must not change what is written here.
const RULES: [&str; 5] =
    ["github-classic-pat", "aws-secret-access-key", "postgres-url", "private-key-rsa", "generic-token"];

/// What a call writes, and how it ends.
fn told(tree: &Tree, arguments: &[&str]) -> String {
    let config = tree.at("home/quell/config.toml");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    std::fs::write(&config, format!("[scan]\nonly = {RULES:?}\nexclude_path = [\"/home\"]\n")).unwrap();
    let run = run(quell().env("XDG_CONFIG_HOME", tree.at("home")).current_dir(tree.path()).args(arguments));
    let mut out = format!("$ quell {}\n", arguments.join(" "));
    for (name, text) in [("standard output", run.out()), ("standard error", run.err())] {
        if !text.is_empty() {
            out += &format!("--- {name}\n{text}");
        }
    }
    stable(&format!("{out}--- exit code {}\n", run.code.unwrap()), tree)
}

macro_rules! snapshot {
    ($name:ident, $($call:expr),+) => {
        #[test]
        fn $name() {
            let tree = tree();
            let calls: Vec<&[&str]> = vec![$(&$call),+];
            let text: Vec<String> = calls.into_iter().map(|call| told(&tree, call)).collect();
            insta::assert_snapshot!(stringify!($name), text.join("\n"));
        }
    };
}

snapshot!(
    plain_report,
    ["scan"],
    ["scan", "--confidence", "high", "app", "missing"],
    ["scan", "--exclude-path", "*", "."],
    ["scan", "--fail-on", "live", "tests"]
);
snapshot!(json_report, ["scan", "--format", "json"]);
snapshot!(jsonl_report, ["scan", "--format", "jsonl"]);
snapshot!(sarif_report, ["scan", "--format", "sarif"]);
snapshot!(csv_report, ["scan", "--format", "csv"], ["scan", "--format", "csv", "missing"]);
snapshot!(junit_report, ["scan", "--format", "junit"], ["scan", "--format", "junit", "link", "tests/none"]);
snapshot!(gitlab_report, ["scan", "--format", "gitlab", ".", "missing"]);
snapshot!(github_report, ["scan", "--format", "github", ".", "missing"]);
snapshot!(
    markdown_report,
    ["scan", "--format", "markdown", ".", "missing"],
    ["scan", "--format", "markdown", "--exclude-path", "*"]
);
snapshot!(html_report, ["scan", "--format", "html", ".", "missing"]);
snapshot!(rule_shown, ["rules", "show", "github-classic-pat"], ["explain", "github-classic-pat"]);
snapshot!(help, ["--help"], ["help", "scan"], ["scan", "-h"]);
snapshot!(
    help_of_other_verbs,
    ["rules", "--help"],
    ["rules", "list", "--help"],
    ["rules", "show", "--help"],
    ["rules", "check", "--help"],
    ["rules", "pages", "--help"],
    ["explain", "--help"],
    ["init", "--help"],
    ["hook", "--help"],
    ["hook", "install", "--help"],
    ["completions", "--help"],
    ["man", "--help"]
);
snapshot!(
    mistakes,
    [],
    ["scann"],
    ["scan", "--formt", "json"],
    ["scan", "--format", "jsn"],
    ["scan", "--format", "json", "--format", "sarif"],
    ["scan", "--only", "github-clasic-pat"],
    ["scan", "--only", "zzzzzz"],
    ["scan", "--confidence", "sure"],
    ["scan", "--fail-on", "dead"],
    ["scan", "--max-file-size", "huge"],
    ["scan", "--threads", "0"],
    ["scan", "--exclude-path", "a{b"],
    ["scan", "--config", "none.toml"],
    ["scan", "--rules", "none"],
    ["rules", "show", "github-clasic-pat"],
    ["rules", "check", "none"],
    ["rules", "check", "."],
    ["explain", "nonsense"],
    ["explain", "q1-open-00000000000000000000000000000000"],
    ["init", "--target", "."]
);
snapshot!(templates, ["init", "--stdout"], ["init", "--stdout", "--target", "."]);

#[test]
fn a_finding_is_explained_by_its_fingerprint() {
    let tree = tree();
    let report = scan(&tree, &["--only", "private-key-rsa"]).code(1).json();
    let fingerprint = only_finding(&report)["fingerprint"].as_str().unwrap().to_owned();
    insta::assert_snapshot!("finding_explained", told(&tree, &["explain", &fingerprint]));
}

#[test]
fn every_rule_is_listed_and_shown() {
    let list = run(quell().args(["rules", "list"])).code(0).out();
    for rule in embedded().rules.iter() {
        assert!(list.lines().any(|l| l.split_whitespace().next() == Some(&rule.id)), "{}", rule.id);
    }
    let check = run(quell().args(["rules", "check"])).code(0).out();
    assert!(check.contains(" 0 errors"), "{check}");
}

#[test]
fn completions_and_manual_pages_are_made() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(run(quell().args(["completions", shell])).code(0).out().contains("quell"), "{shell}");
    }
    let tree = Tree::new();
    assert!(run(quell().arg("man")).code(0).out().contains(".TH quell"));
    run(quell().current_dir(tree.path()).args(["man", "--dir", "pages"])).code(0);
    assert!(tree.at("pages/quell.1").exists() && tree.at("pages/quell-scan.1").exists());
}

#[test]
fn the_template_is_written_once_and_is_a_configuration() {
    let tree = Tree::new();
    let init = || run(quell().env("XDG_CONFIG_HOME", tree.at("config")).arg("init"));
    init().code(0);
    assert!(init().code(2).err().contains("is there already"));
    run(quell().env("XDG_CONFIG_HOME", tree.at("config")).current_dir(tree.path()).args(["scan", "config"])).code(0);
    run(quell().current_dir(tree.path()).args(["init", "--target", "."])).code(0);
    let report: Value = scan(&tree, &[]).code(0).json();
    assert_eq!(report["coverage"]["notices"].as_array().unwrap().len(), 0);
}

//! Configuration: what a target says about itself counts as little as it may, and mistakes in what counts are told with
//! their place and what to do.

use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::support::{Run, Tree, findings, formats, made, notices, only_finding, quell, run, scan, token};

fn leak(seed: u64) -> String {
    format!("TOKEN={}\n", token(seed))
}

/// The fingerprint of the only finding in a tree.
fn fingerprint(tree: &Tree) -> String {
    only_finding(&scan(tree, &["--no-target-ignores"]).json())["fingerprint"].as_str().unwrap().to_owned()
}

fn suppression(fingerprint: &str, more: &str) -> String {
    format!("[[suppress]]\nfingerprint = \"{fingerprint}\"\nreason = \"revoked, kept for a test\"\n{more}\n")
}

fn suppressed(report: &Value) -> (usize, u64) {
    (findings(report).len(), report["suppressed"].as_u64().unwrap())
}

#[test]
fn what_a_target_says_beyond_suppressions_is_reported_and_ignored() {
    let tree = Tree::new();
    tree.write("a.env", leak(1));
    let clean = scan(&tree, &[]).code(1).json();
    let keys = ["rules", "endpoints", "store", "scan", "exclude_path", "fingerprint"];
    let text = "exclude_path = [\"*\"]\nendpoints = [\"https://evil.example\"]\nstore = \"/tmp/x\"\n[rules]\ndir = \"evil\"\n\
                [scan]\nonly = [\"slack\"]\nconfidence = \"high\"\n[fingerprint]\nkey_file = \"k\"\n";
    tree.write(".quell.toml", text);
    let report = scan(&tree, &[]).code(1).json();
    assert_eq!(report["findings"], clean["findings"]);
    let told: Vec<String> = notices(&report).into_iter().map(|(path, text)| format!("{path}: {text}")).collect();
    for key in keys {
        assert!(told.iter().any(|n| n.starts_with(&format!(".quell.toml: `{key}` is ignored"))), "{key}: {told:?}");
    }
    assert_eq!(told.len(), keys.len());
}

#[test]
fn a_suppression_holds_is_counted_and_can_be_refused() {
    let tree = Tree::new();
    tree.write("a.env", leak(1));
    let id = fingerprint(&tree);
    tree.write(".quell.toml", suppression(&id, "expires = 2999-12-31"));
    assert_eq!(suppressed(&scan(&tree, &[]).code(0).json()), (0, 1));
    let plain = run(quell().current_dir(tree.path()).arg("scan")).code(0);
    assert!(plain.out().contains("1 suppressed"), "{}", plain.out());
    let refused = scan(&tree, &["--no-target-ignores"]).code(1).json();
    assert_eq!(suppressed(&refused), (1, 0));
    assert!(notices(&refused)[0].1.contains("refused"), "{refused:#}");
}

#[test]
fn a_suppression_that_does_not_hold_says_why() {
    let tree = Tree::new();
    tree.write("a.env", leak(1));
    let id = fingerprint(&tree);
    let other = format!("{}0", &id[..id.len() - 1]);
    let other = if other == id { format!("{}1", &id[..id.len() - 1]) } else { other };
    for (text, word) in [
        (suppression(&id, "expires = 2001-01-31"), "expired"),
        (suppression(&other, ""), "matches nothing"),
        (suppression("q1-nonsense", ""), "`fingerprint` is none"),
        (format!("[[suppress]]\nfingerprint = \"{id}\"\n"), "reason"),
        (format!("[[suppress]]\nfingerprint = \"{id}\"\nreason = \" \"\n"), "reason"),
        (suppression(&id, "until = 2030-01-01"), "until"),
        ("suppress = \"all\"\n".to_owned(), "suppress"),
        ("[[suppress]\n".to_owned(), "no TOML in line 1"),
    ] {
        tree.write(".quell.toml", &text);
        let report = scan(&tree, &[]).code(1).json();
        assert_eq!(suppressed(&report), (1, 0), "{text}");
        let told: Vec<String> = notices(&report).into_iter().map(|(_, text)| text).collect();
        assert!(told.iter().any(|n| n.contains(word)), "{word}: {told:?}");
    }
}

#[test]
fn a_target_suppresses_nothing_in_another_target() {
    let tree = Tree::new();
    tree.write("theirs/x.txt", "nothing");
    tree.write("mine/a.env", leak(1));
    let id = fingerprint(&tree);
    tree.write("theirs/.quell.toml", suppression(&id, ""));
    let report = scan(&tree, &["theirs", "mine"]).code(1).json();
    assert_eq!(suppressed(&report), (1, 0));
    // A secret that lies in both is still one finding, in the place that nobody spoke for.
    tree.write("theirs/b.env", leak(1));
    let report = scan(&tree, &["theirs", "mine"]).code(1).json();
    assert_eq!(suppressed(&report), (1, 0));
    let places = only_finding(&report)["locations"].as_array().unwrap();
    assert!(places.iter().any(|p| p["path"] == "mine/a.env"), "{report:#}");
}

#[test]
fn a_targets_file_that_is_a_link_is_not_read() {
    let tree = Tree::new();
    tree.write("target/a.env", leak(1));
    let id = fingerprint(&tree);
    tree.write("outside.toml", suppression(&id, ""));
    symlink("../outside.toml", tree.at("target/.quell.toml")).unwrap();
    assert_eq!(suppressed(&scan(&tree, &["target"]).code(1).json()), (1, 0));
}

#[test]
fn a_secret_in_a_targets_file_is_not_quoted() {
    let secret = token(7);
    for text in [
        suppression(&secret, ""),
        format!("{secret} = 1\n"),
        format!("[[suppress]]\nfingerprint = \"q1\"\nreason = \"r\"\nexpires = \"{secret}\"\n"),
        format!("[[suppress]]\nfingerprint = \"q1\"\nreason = \"r\"\n{secret} = 1\n"),
        format!("a = {secret}\n"),
    ] {
        let tree = Tree::new();
        tree.write(".quell.toml", &text);
        for format in formats() {
            let run = run(quell().current_dir(tree.path()).args(["scan", "--format", format]));
            let all = run.out() + &run.err();
            assert!(!all.contains(&secret[6..14]), "{format}: {}", text.replace(&secret, "SECRET"));
        }
    }
}

/// A rule file that is right, with one thing in it replaced.
fn provider(from: &str, to: &str) -> String {
    let file = r#"[provider]
id = "acme"
name = "Acme"
docs = "https://acme.example/tokens"

[[rule]]
id = "acme-token"
name = "Acme token"
shape = "token"
keywords = ["acme_"]
pattern = '(?<secret>acme_[0-9a-z]{20})'
severity = "high"
confidence = "high"
sample = "acme_{alnumlower:20}"
match = ["x = {sample}"]
miss = ["x{sample}"]
advice = "Change it."
controls = ["NHI2"]
"#;
    assert!(file.contains(from));
    file.replace(from, to)
}

/// Scans a tree with a rule directory that has one file.
fn with_rules(text: &str) -> (Tree, Run) {
    let tree = Tree::new();
    tree.write("rules/acme.toml", text);
    tree.write("target/a.env", format!("{}X={}\n", leak(1), made("acme_{alnumlower:20}", 3)));
    let run = scan(&tree, &["--rules", "rules", "target"]);
    (tree, run)
}

#[test]
fn rules_of_a_directory_join_the_embedded_ones() {
    let (_tree, run) = with_rules(&provider("acme_", "acme_"));
    let report = run.code(1).json();
    let rules: Vec<&str> = findings(&report).iter().map(|f| f["rule"].as_str().unwrap()).collect();
    assert_eq!(findings(&report).len(), 2, "{rules:?}");
    assert!(rules.contains(&"acme-token") && rules.contains(&"github-classic-pat"));
}

#[test]
fn a_broken_rule_names_file_line_and_what_to_do_and_nothing_is_scanned() {
    for (from, to, line, word) in [
        ("pattern =", "pattrn =", 11, "did you mean `pattern`?"),
        ("{20})'", "*)'", 11, "unbounded"),
        ("{20})'", "+)'", 11, "unbounded"),
        ("{20})'", "{20,})'", 11, "unbounded"),
        ("'(?<secret>", "'^(?<secret>", 11, "looks around"),
        ("'(?<secret>", "'\\b(?<secret>", 11, "looks around"),
        ("{20})'", "{9000})'", 11, "a match may have"),
        ("'(?<secret>acme_", "'(?<secret>(acme_", 11, "does not parse"),
        ("(?<secret>", "(?<key>", 11, "group `secret`"),
        ("\"acme_\"]", "\"a_\"]", 10, "shorter"),
        ("\"high\"\nconfidence", "\"hihg\"\nconfidence", 12, "did you mean `high`?"),
        ("id = \"acme-token\"", "id = \"token\"", 7, "provider's id"),
        ("\"acme_{alnumlower:20}\"", "\"acme_{alnumlower:20\"", 14, "brace"),
        ("controls = [\"NHI2\"]", "controls = [\"X1\"]", 7, "control"),
        ("[provider]", "[providr]", 1, "providr"),
    ] {
        let (_tree, run) = with_rules(&provider(from, to));
        let errors = run.code(2);
        assert!(errors.out().is_empty(), "nothing is scanned: {}", errors.out());
        let text = errors.err();
        assert!(text.contains(&format!("acme.toml:{line}:")), "{from} → {to}: {text}");
        assert!(text.contains(word) && text.contains("help:"), "{from} → {to}: {text}");
    }
}

#[test]
fn a_broken_configuration_names_the_nearest_key() {
    let tree = Tree::new();
    tree.write("t/a.env", leak(1));
    for (text, line, word) in [
        ("[scan]\nthreds = 2\n", 2, "did you mean `threads`?"),
        ("[scn]\n", 1, "did you mean `scan`?"),
        ("[scan]\n\nthreads = \"two\"\n", 3, "two"),
        ("[scan\n", 1, ""),
    ] {
        tree.write("c.toml", text);
        let run = scan(&tree, &["--config", "c.toml", "t"]).code(2);
        assert!(run.out().is_empty() && run.err().contains(&format!("c.toml:{line}: ")), "{}", run.err());
        assert!(run.err().contains(word), "{}", run.err());
    }
    for arguments in [["--config", "missing.toml"], ["--rules", "missing"]] {
        let run = scan(&tree, &arguments).code(2);
        assert!(run.out().is_empty() && run.err().contains("missing"), "{}", run.err());
    }
}

#[test]
fn a_tracker_with_a_key_of_another_kind_is_told_so() {
    let tree = Tree::new();
    for (kind, key, words) in [
        ("files", "project = \"acme/shop\"", "`project` says nothing for the kind `files`"),
        ("github", "issue_type = \"Bug\"", "`issue_type` says nothing for the kind `github`"),
        ("trello", "project = \"x\"", "there is no kind `trello`"),
    ] {
        tree.write("c.toml", format!("[[task]]\nname = \"board\"\nkind = \"{kind}\"\n{key}\n"));
        let mut command = quell();
        command.current_dir(tree.path()).env("HOME", tree.path()).env("XDG_STATE_HOME", tree.at("state"));
        let run = run(command.args(["run", "--once", "--config", "c.toml"])).code(2);
        assert!(run.err().contains("[[task]] `board`") && run.err().contains(words), "{}", run.err());
        assert!(run.err().contains("help:"), "{}", run.err());
    }
}

#[test]
fn the_trusted_configuration_counts_by_option_variable_and_folder() {
    let tree = Tree::new();
    tree.write("t/a.env", leak(1));
    let config = tree.write("home/quell/config.toml", "[scan]\nexclude = [\"github\", \"generic\"]\n");
    scan(&tree, &["t"]).code(1);
    scan(&tree, &["--config", "home/quell/config.toml", "t"]).code(0);
    run(quell().current_dir(tree.path()).env("QUELL_CONFIG", &config).args(["scan", "t"])).code(0);
    run(quell().current_dir(tree.path()).env("XDG_CONFIG_HOME", tree.at("home")).args(["scan", "t"])).code(0);
    // The same file in the target does not.
    tree.write("t/config.toml", "[scan]\nexclude = [\"github\", \"generic\"]\n");
    scan(&tree, &["t"]).code(1);
}

#[test]
fn an_unknown_rule_format_or_level_names_the_nearest() {
    let tree = Tree::new();
    tree.write("a.env", leak(1));
    for (arguments, word) in [
        (["--only", "github-clasic-pat"], "did you mean `github-classic-pat`?"),
        (["--exclude", "githb"], "did you mean `github`?"),
        (["--confidence", "hihg"], "did you mean `high`?"),
        (["--fail-on", "nne"], "did you mean `none`?"),
        (["--format", "jsn"], "did you mean `json`?"),
        (["--max-file-size", "many"], "is no size"),
    ] {
        let run = run(quell().current_dir(tree.path()).arg("scan").args(arguments)).code(2);
        assert!(run.out().is_empty() && run.err().contains(word), "{arguments:?}: {}", run.err());
    }
}

#[test]
fn two_formats_cannot_share_standard_output_and_several_may_go_to_files() {
    let tree = Tree::new();
    tree.write("t/a.env", leak(1));
    let run = scan(&tree, &["--format", "plain", "t"]).code(2);
    assert!(run.err().contains("standard output") && run.err().contains("help:"), "{}", run.err());
    let (sarif, lines) =
        (format!("sarif={}", tree.at("r.sarif").display()), format!("jsonl={}", tree.at("r.jsonl").display()));
    let run = scan(&tree, &["--format", &sarif, "--format", &lines, "t"]).code(1);
    assert_eq!(findings(&run.json()).len(), 1);
    let sarif: Value = serde_json::from_slice(&std::fs::read(tree.at("r.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 1);
    assert_eq!(std::fs::read_to_string(tree.at("r.jsonl")).unwrap().lines().count(), 2);
    let run = scan(&tree, &["--format", "sarif=/nonexistent/r.sarif", "t"]).code(2);
    assert!(run.err().contains("/nonexistent/r.sarif"), "{}", run.err());
}

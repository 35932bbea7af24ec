//! A tree in which every embedded rule has a secret planted, among decoys: exactly the planted ones are found, each at
//! its bytes.

use std::collections::{BTreeMap, BTreeSet};

use quell::model::Confidence;
use quell::rules::embedded::embedded;
use quell::rules::{Rule, Shape};
use serde_json::Value;

use crate::support::{
    Run, Tree, expanded, findings, made, only_finding, places, quell, rule, rules_of, run, sample_of, scan, token,
};

/// Names that such secrets are found under. None is a source file, in which a bare value would be an expression.
const NAMES: [&str; 8] =
    [".env", "config.yaml", "settings.json", "values.yml", "app.properties", "notes", "deploy.tfvars", "run.log"];

/// What was planted in one file.
struct Planted {
    rule: &'static Rule,
    /// The whole text of the file.
    text: String,
    /// Where the planted line starts and ends.
    line: (usize, usize),
    sample: String,
    /// Whether the line has nothing random in it but the sample.
    alone: bool,
}

/// Plants a `match` line of a rule below lines of another script and above more text; a part that the credential cannot
/// do without stands in the line before.
fn plant(rule: &'static Rule, number: usize) -> Planted {
    let seed = 1000 + number as u64;
    let template = rule.matches.iter().nth(number % rule.matches.len()).unwrap();
    let (line, sample) = expanded(rule, template, seed);
    let mut text = "# größe: 3 — naïve\n".repeat(number % 5 + 1);
    for part in rule.companions.iter().filter(|c| c.required) {
        let other = embedded().rule(&part.rule).unwrap();
        text.push_str(&expanded(other, other.matches.first().unwrap(), seed + 1).0);
        text.push('\n');
    }
    let start = text.len();
    text.push_str(&line);
    let span = (start, text.len());
    text.push_str("\n# end of the file\n");
    let alone = template.replace("{sample}", "").replace("{{", "").replace("}}", "").find('{').is_none()
        && rule.companions.is_empty();
    Planted { rule, text, line: span, sample, alone }
}

/// The tree, and what stands in its files.
fn tree() -> (Tree, BTreeMap<String, Planted>) {
    let tree = Tree::new();
    let mut all = BTreeMap::new();
    for (number, rule) in embedded().rules.iter().enumerate() {
        let provider = &embedded().provider_of(rule).unwrap().id;
        let path = format!("services/{provider}/{}/{}", rule.id, NAMES[number % NAMES.len()]);
        let planted = plant(rule, number);
        tree.write(&path, &planted.text);
        all.insert(path, planted);
    }
    (tree, all)
}

/// Asserts that a report has the planted secret of a file, at its bytes, and nothing that was not planted there.
fn check(path: &str, planted: &Planted, report: &Value) -> Result<(), String> {
    let here: Vec<_> = places(report).into_iter().filter(|(p, _)| p.path == path).collect();
    let sample = planted.sample.trim_end();
    let begin = planted.text[planted.line.0..].find(sample).map(|i| i + planted.line.0).unwrap();
    let mut found = false;
    for (place, finding) in &here {
        let bytes = planted.text.get(place.start..place.end).ok_or("a place beyond the file")?;
        if finding["secret"] != bytes {
            return Err(format!("the bytes at {}..{} are not the secret", place.start, place.end));
        }
        let (line, column) = line_and_column(&planted.text, place.start);
        if (place.line, place.column) != (line, column) {
            return Err(format!("at {}:{} and not at {line}:{column}", place.line, place.column));
        }
        let inside = place.start >= begin && place.end <= begin + sample.len();
        found |= inside && rules_of(finding).iter().any(|r| *r == planted.rule.id);
        if place.start < planted.line.0 || place.end > planted.line.1 {
            return Err(format!("{} at {}..{} was not planted", finding["rule"], place.start, place.end));
        }
    }
    match (found, here.len()) {
        (false, _) => Err(format!("not found; {} other places", here.len())),
        (true, more) if planted.alone && more > 1 => Err(format!("found {more} times")),
        _ => Ok(()),
    }
}

fn line_and_column(text: &str, at: usize) -> (u64, u64) {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    (line as u64, column as u64)
}

fn scanned(tree: &Tree, arguments: &[&str]) -> Value {
    scan(tree, &[&["--show-secrets"], arguments].concat()).code(1).json()
}

#[test]
fn every_rule_finds_its_secret_in_a_tree_at_its_bytes() {
    let (tree, all) = tree();
    let (medium, low) = (scanned(&tree, &[]), scanned(&tree, &["--confidence", "low"]));
    let mut errors = Vec::new();
    for (path, planted) in &all {
        // A rule whose own best is low is looked for among what is shown on request.
        let weak = planted.rule.confidence == Confidence::Low;
        let report = if weak { &low } else { &medium };
        // Beside a weak rule's secret, the low threshold shows more of the same line's surroundings.
        if let Err(error) = check(path, planted, report) {
            errors.push(format!("{}: {error}", planted.rule.id));
        }
    }
    assert!(errors.is_empty(), "{} of {} rules:\n{}", errors.len(), all.len(), errors.join("\n"));
    assert!(all.len() > 100, "the embedded set is not a handful");
    let paths: BTreeSet<String> = places(&medium).into_iter().map(|(p, _)| p.path).collect();
    assert!(paths.iter().all(|p| all.contains_key(p)), "only planted files have findings");
}

#[test]
fn the_check_notices_a_wrong_place() {
    // The control of the test above: a report about another file's bytes must not pass.
    let planted = plant(rule("github-classic-pat"), 0);
    let tree = Tree::new();
    tree.write("a/x.env", format!(" {}", planted.text));
    let report = scanned(&tree, &[]);
    assert!(check("a/x.env", &planted, &report).is_err());
    assert!(check("a/other.env", &planted, &report).is_err());
}

#[test]
fn nothing_is_found_in_decoys() {
    let tree = Tree::new();
    let mut own: BTreeMap<String, &Rule> = BTreeMap::new();
    for (at, rule) in embedded().rules.iter().enumerate() {
        for (number, line) in rule.misses.iter().enumerate() {
            let path = format!("src/{}/miss-{number}.conf", rule.id);
            // Another seed for each, so that no two rules' decoys share a secret.
            tree.write(&path, format!("# a decoy\n{}\n", expanded(rule, line, (at * 100 + number) as u64).0));
            own.insert(path, rule);
        }
    }
    let report = scan(&tree, &[]).json();
    let wrong: Vec<String> = places(&report)
        .into_iter()
        .filter(|(p, f)| f["rule"] == own[&p.path].id.as_ref())
        .map(|(p, f)| format!("{}: {}", p.path, f["rule"]))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(own.len() > 300, "there are decoys");
}

#[test]
fn references_placeholders_and_code_are_no_findings() {
    let lines = [
        "password = ${DB_PASSWORD}",
        "password: {{ vault_password }}",
        "api_key = os.environ[\"API_KEY\"]",
        "const token = process.env.GITHUB_TOKEN;",
        "GITHUB_TOKEN=$GITHUB_TOKEN",
        "token: ${{ secrets.GITHUB_TOKEN }}",
        "secret = \"your_secret_key_here\"",
        "password = getpass.getpass()",
        "postgres://user:password@localhost/db",
        "postgres://${USER}:${PASSWORD}@db.acme.net/app",
        "Authorization: Bearer <token>",
        "client_secret: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
        "AWS_SECRET_ACCESS_KEY=<secret>",
        "private_key: /etc/ssl/private/server.key",
        "commit 0000000000000000000000000000000000000000",
    ];
    let tree = Tree::new();
    tree.write("config/all.conf", lines.join("\n"));
    for (number, line) in lines.iter().enumerate() {
        tree.write(format!("config/{number}.conf"), line);
    }
    let report = scan(&tree, &[]).code(0).json();
    assert!(findings(&report).is_empty(), "{report:#}");
    assert_eq!(report["coverage"]["files"], lines.len() as u64 + 1);
}

/// An AWS key id and its secret, each on its line.
fn aws(seed: u64) -> (String, String) {
    let id = sample_of(rule("aws-access-key-id"), seed);
    let secret = sample_of(rule("aws-secret-access-key"), seed);
    (format!("aws_access_key_id = {id}\n"), format!("aws_secret_access_key = {secret}\n"))
}

#[test]
fn a_key_id_and_its_secret_are_one_finding_with_a_companion() {
    for (files, second) in [(vec!["credentials"], "credentials"), (vec!["a.env", "b.env"], "b.env")] {
        let (id, secret) = aws(5);
        let tree = Tree::new();
        if files.len() == 1 {
            tree.write("app/credentials", format!("[default]\n{id}{secret}"));
        } else {
            tree.write("app/a.env", &id);
            tree.write("app/b.env", &secret);
        }
        let report = scan(&tree, &[]).code(1).json();
        let finding = only_finding(&report);
        assert_eq!(finding["rule"], "aws-secret-access-key");
        assert_eq!(finding["locations"][0]["path"], format!("app/{second}"));
        let parts = finding["companions"].as_array().unwrap();
        assert_eq!((parts.len(), &parts[0]["name"]), (1, &Value::from("key_id")));
        assert_eq!(parts[0]["location"]["path"], format!("app/{}", files[0]));
    }
}

#[test]
fn parts_in_different_directories_are_not_joined() {
    let (id, secret) = aws(6);
    let tree = Tree::new();
    tree.write("app/a.env", &id);
    tree.write("other/b.env", &secret);
    let report = scan(&tree, &[]).code(1).json();
    assert_eq!(findings(&report).len(), 2, "{report:#}");
    assert!(findings(&report).iter().all(|f| f["companions"].as_array().unwrap().is_empty()));
}

#[test]
fn a_rule_that_is_asked_for_alone_still_finds_its_companion() {
    let (id, secret) = aws(7);
    let tree = Tree::new();
    tree.write("credentials", format!("{id}{secret}"));
    let report = scan(&tree, &["--only", "aws-secret-access-key"]).code(1).json();
    let finding = only_finding(&report);
    assert_eq!(
        (&finding["rule"], &finding["companions"][0]["name"]),
        (&Value::from("aws-secret-access-key"), &Value::from("key_id"))
    );
}

#[test]
fn the_same_token_in_three_files_is_one_finding_with_three_places() {
    let tree = Tree::new();
    let token = token(3);
    for path in ["b/deploy.sh", "a/.env", "c"] {
        tree.write(path, format!("TOKEN={token}\n"));
    }
    let report = scan(&tree, &[]).code(1).json();
    let finding = only_finding(&report);
    let paths: Vec<&str> =
        finding["locations"].as_array().unwrap().iter().map(|l| l["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["a/.env", "b/deploy.sh", "c"]);
}

#[test]
fn a_part_without_its_partner_hides_nothing_from_generic_rules() {
    let tree = Tree::new();
    for (number, line) in
        ["{\"api_key\": \"{hex:32}\"}", "auth_token: {hex:32}", "API_SECRET={alnum:32}"].iter().enumerate()
    {
        tree.write(format!("{number}.json"), made(&line.replace("{\"", "{{\"").replace("\"}", "\"}}"), number as u64));
    }
    let report = scan(&tree, &[]).code(1).json();
    let rules: BTreeSet<String> = findings(&report).iter().map(|f| f["rule"].as_str().unwrap().to_owned()).collect();
    assert!(findings(&report).len() == 3 && rules.iter().all(|r| r.starts_with("generic-")), "{rules:?}");
}

#[test]
fn two_secrets_in_one_quoted_value_are_both_found() {
    let tree = Tree::new();
    let (first, second) = (token(3), token(4));
    tree.write("a.env", format!("passwords = \"{first};{second}\"\n"));
    let report = scan(&tree, &[]).code(1).json();
    assert_eq!(findings(&report).len(), 2, "{report:#}");
}

#[test]
fn a_secret_in_a_test_is_a_finding_of_lower_severity() {
    let tree = Tree::new();
    tree.write("a.env", format!("TOKEN={}\n", token(1)));
    tree.write("tests/b.env", format!("TOKEN={}\n", token(2)));
    let report = scan(&tree, &[]).code(1).json();
    let severity = |path: &str| {
        places(&report).into_iter().find(|(p, _)| p.path == path).map(|(_, f)| f["severity"].clone()).unwrap()
    };
    assert_ne!(severity("a.env"), severity("tests/b.env"));
}

#[test]
fn a_token_with_a_wrong_checksum_is_shown_on_request_alone() {
    let tree = Tree::new();
    let mut wrong = token(1).into_bytes();
    let last = wrong.last_mut().unwrap();
    *last = if *last == b'0' { b'1' } else { b'0' };
    tree.write("a.env", format!("X={}\n", String::from_utf8(wrong).unwrap()));
    let report = scan(&tree, &[]).code(0).json();
    assert_eq!((findings(&report).len(), &report["below_confidence"]), (0, &Value::from(1)));
    assert_eq!(findings(&scan(&tree, &["--confidence", "low"]).code(1).json()).len(), 1);
}

#[test]
fn files_named_on_the_command_line_and_every_name_are_scanned() {
    let tree = Tree::new();
    let names = [
        "package-lock.json",
        "node_modules/x/index.min.js",
        "vendor/a.svg",
        ".hidden/.deep",
        "README.md",
        "no-extension",
    ];
    for (number, name) in names.iter().enumerate() {
        tree.write(name, format!("{}{}\n", made("{alpha:8} ", number as u64 + 1), token(number as u64 + 1)));
    }
    assert_eq!(findings(&scan(&tree, &[]).code(1).json()).len(), names.len());
    let named: Run = run(quell().current_dir(tree.path()).args(["scan", "--format", "json", "vendor/a.svg"]));
    assert_eq!(only_finding(&named.code(1).json())["locations"][0]["path"], "vendor/a.svg");
}

#[test]
fn every_shape_is_among_the_planted() {
    let shapes: BTreeSet<Shape> = embedded().rules.iter().map(|r| r.shape).collect();
    assert_eq!(shapes.len(), 7, "{shapes:?}");
}

//! The machine formats keep to their schemas, and none of them shows more of a secret than its public prefix.

use std::collections::{BTreeSet, HashMap, HashSet};

use jsonschema::Validator;
use quell::rules::Rule;
use quell::rules::embedded::embedded;
use serde_json::{Value, json};

use crate::support::{SHOWING, Tree, expanded, findings, formats, made, quell, rule, run, sample_of, scan, token};

/// The published schema of JSON reports, or of a definition in it.
fn schema(definition: &str) -> Validator {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report-1.schema.json")).unwrap();
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    schema["$ref"] = json!(format!("#/$defs/{definition}"));
    jsonschema::options().build(&schema).unwrap()
}

/// The first mistakes of a document against a schema.
pub(crate) fn mistakes(validator: &Validator, document: &Value) -> Vec<String> {
    validator.iter_errors(document).take(5).map(|e| format!("{}: {e:.300}", e.instance_path)).collect()
}

/// A tree with a secret of every rule, and with skips, gaps and notices of every kind that a test can make.
pub(crate) fn rich_tree() -> Tree {
    let tree = Tree::new();
    for (number, rule) in embedded().rules.iter().enumerate() {
        let mut text = String::new();
        for part in rule.companions.iter() {
            let other = embedded().rule(&part.rule).unwrap();
            text += &format!("{}\n", expanded(other, other.matches.first().unwrap(), 900 + number as u64).0);
        }
        text += &expanded(rule, rule.matches.first().unwrap(), 500 + number as u64).0;
        let place = if number % 3 == 0 { "tests" } else { "app" };
        tree.write(format!("{place}/{}/a.env", rule.id), text);
    }
    tree.write(".quell.toml", "rules = 1\n[[suppress]]\nfingerprint = \"x\"\nreason = \"y\"\n");
    tree.write("excluded.bin", "x");
    std::os::unix::fs::symlink("nowhere", tree.at("link")).unwrap();
    std::os::unix::net::UnixListener::bind(tree.at("socket")).unwrap();
    let odd = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"odd\xff\n.env");
    tree.write(odd, format!("x {}", token(77)));
    tree.git(".", &["init", "-q"]);
    tree.write(".gitignore", "*.ignored\n");
    tree.write("a.ignored", "x");
    tree
}

/// Scans the rich tree in a format; findings and gaps are in it.
pub(crate) fn report(tree: &Tree, format: &str, arguments: &[&str]) -> String {
    let command = ["scan", "--format", format, "--exclude-path", "*.bin", "--confidence", "low", ".", "missing"];
    let run = run(quell().current_dir(tree.path()).args(command).args(arguments)).code(4);
    String::from_utf8(run.stdout).unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn json_and_json_lines_keep_to_their_published_schema() {
    let tree = rich_tree();
    for arguments in [&[][..], &["--show-secrets"], &["--fail-on", "none"]] {
        let extra = if arguments.contains(&"--fail-on") { 3 } else { 4 };
        let all = [&["scan", "--confidence", "low", ".", "missing", "--format"][..], &["json"], arguments].concat();
        let document = run(quell().current_dir(tree.path()).args(&all)).code(extra).json();
        assert_eq!(mistakes(&schema("report"), &document), Vec::<String>::new(), "{arguments:?}");
    }
    for arguments in [&[][..], &["--show-secrets"]] {
        let all = lines(&report(&tree, "jsonl", arguments));
        let validator = schema("line");
        for line in &all {
            assert_eq!(mistakes(&validator, line), Vec::<String>::new(), "{line:#}");
        }
        let kinds: BTreeSet<&str> = all.iter().map(|l| l["type"].as_str().unwrap()).collect();
        assert_eq!(kinds.len(), 3, "{kinds:?}");
        assert_eq!(all.last().unwrap()["type"], "summary");
    }
    let clean = Tree::new();
    assert_eq!(mistakes(&schema("report"), &scan(&clean, &[]).code(0).json()), Vec::<String>::new());
}

#[test]
fn the_schema_refuses_what_no_report_has() {
    // The control: each change to a valid report must be noticed.
    let tree = rich_tree();
    let good: Value = serde_json::from_str(&report(&tree, "json", &[])).unwrap();
    let validator = schema("report");
    let changes: [(&str, Value); 12] = [
        ("/unknown", json!(1)),
        ("/version", json!(2)),
        ("/tool/name", json!("other")),
        ("/findings/0/severity", json!("terrible")),
        ("/findings/0/more", json!(1)),
        ("/findings/0/locations", json!([])),
        ("/findings/0/locations/0/line", json!(0)),
        ("/findings/0/locations/0/unknown", json!(0)),
        ("/findings/0/fingerprint", json!("q1-open-00")),
        ("/findings/0/redacted", json!("the secret")),
        ("/coverage/gaps/0/kind", json!("other")),
        ("/coverage/skipped/0/more", json!(1)),
    ];
    for (pointer, value) in changes {
        let mut changed = good.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.to_owned(), value);
        assert!(!validator.is_valid(&changed), "{pointer}");
    }
    let mut changed = good;
    changed.as_object_mut().unwrap().remove("coverage");
    assert!(!validator.is_valid(&changed));
}

#[test]
fn the_lines_say_what_the_document_says() {
    let tree = rich_tree();
    let document: Value = serde_json::from_str(&report(&tree, "json", &[])).unwrap();
    let all = lines(&report(&tree, "jsonl", &[]));
    let of = |kind: &str| all.iter().filter(|l| l["type"] == kind).count();
    let count = |name: &str| findings(&document).iter().map(|f| f[name].as_array().unwrap().len()).sum::<usize>();
    assert_eq!(of("finding"), count("locations"));
    assert!(of("companion") > 20);
    assert_eq!(of("companion"), count("companions"));
    let summary = all.last().unwrap();
    for field in ["complete", "coverage", "below_confidence", "suppressed", "tool", "version"] {
        assert_eq!(summary[field], document[field], "{field}");
    }
    for line in all.iter().filter(|l| l["type"] == "finding") {
        let finding = &findings(&document)[line["finding"].as_u64().unwrap() as usize];
        assert!(
            finding["locations"]
                .as_array()
                .unwrap()
                .iter()
                .any(|l| l["start"] == line["start"] && l["path"] == line["path"])
        );
        assert_eq!((&finding["rule"], &finding["fingerprint"]), (&line["rule"], &line["fingerprint"]));
    }
}

fn sarif(tree: &Tree, arguments: &[&str]) -> Value {
    serde_json::from_str(&report(tree, "sarif", arguments)).unwrap()
}

#[test]
fn sarif_keeps_to_the_official_schema() {
    let Some(path) = std::env::var_os("QUELL_SARIF_SCHEMA") else {
        assert!(
            std::env::var_os("CI").is_none_or(|v| v != "true"),
            "tests/sarif-schema gives the path for QUELL_SARIF_SCHEMA"
        );
        eprintln!("QUELL_SARIF_SCHEMA is not set: the official schema was not tried");
        return;
    };
    let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let tree = rich_tree();
    for arguments in [&[][..], &["--show-secrets"]] {
        assert_eq!(mistakes(&validator, &sarif(&tree, arguments)), Vec::<String>::new());
    }
    let mut wrong = sarif(&tree, &[]);
    wrong["runs"][0]["results"][0]["level"] = json!("terrible");
    assert!(!validator.is_valid(&wrong), "the control");
}

#[test]
fn sarif_has_what_code_hosts_need() {
    let tree = rich_tree();
    let (document, sarif) = (serde_json::from_str::<Value>(&report(&tree, "json", &[])).unwrap(), sarif(&tree, &[]));
    assert_eq!(sarif["version"], "2.1.0");
    assert!(sarif["$schema"].as_str().unwrap().ends_with("sarif-schema-2.1.0.json"));
    let run = &sarif["runs"][0];
    assert_eq!((&run["tool"]["driver"]["name"], &run["columnKind"]), (&json!("quell"), &json!("unicodeCodePoints")));
    assert_eq!(run["invocations"][0]["executionSuccessful"], false, "there are gaps");
    let told = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    assert!(told.iter().any(|n| n["level"] == "error" && n["message"]["text"].as_str().unwrap().contains("not read")));
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let ids: BTreeSet<&str> = rules.iter().map(|r| r["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), rules.len(), "no rule twice");
    for rule in rules {
        for field in ["shortDescription", "fullDescription", "help"] {
            assert!(rule[field]["text"].as_str().unwrap().len() > 3, "{rule:#}");
        }
        assert!(rule["properties"]["security-severity"].as_str().unwrap().parse::<f64>().unwrap() <= 10.0);
    }
    let results = run["results"].as_array().unwrap();
    let places: Vec<(&Value, &Value)> = findings(&document)
        .iter()
        .flat_map(|f| f["locations"].as_array().unwrap().iter().map(move |place| (f, place)))
        .collect();
    assert_eq!(results.len(), places.len());
    for (result, (finding, place)) in results.iter().zip(places) {
        assert_eq!(rules[result["ruleIndex"].as_u64().unwrap() as usize]["id"], result["ruleId"]);
        assert_eq!(result["ruleId"], finding["rule"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert_eq!(result["partialFingerprints"]["quell/v1"], finding["fingerprint"]);
        // Code hosts show the first location alone.
        assert_eq!(result["locations"].as_array().unwrap().len(), 1);
        let region = &result["locations"][0]["physicalLocation"]["region"];
        assert_eq!(
            (&region["byteOffset"], &region["startLine"], &region["startColumn"]),
            (&place["start"], &place["line"], &place["column"])
        );
        assert_eq!(
            region["byteLength"].as_u64().unwrap(),
            place["end"].as_u64().unwrap() - place["start"].as_u64().unwrap()
        );
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.bytes().all(|b| b.is_ascii_graphic()) && !uri.contains(['#', '?', '\\']), "{uri}");
    }
}

/// A part of a credential as a format tells it: its name, its place in the file, and what is shown of it.
type Part = (String, usize, usize, String);

/// The parts in a report of one file, in order.
fn parts(format: &str, text: &str, show: &str) -> Vec<Part> {
    let part = |part: &Value, place: &Value| {
        let number = |name: &str| place[name].as_u64().unwrap() as usize;
        let word = |name: &str| part[name].as_str().unwrap_or("absent").to_owned();
        (word("name"), number("start"), number("end"), word(show))
    };
    let mut out: Vec<Part> = match format {
        "json" => findings(&serde_json::from_str(text).unwrap())
            .iter()
            .flat_map(|f| f["companions"].as_array().unwrap().iter().map(|c| part(c, &c["location"])))
            .collect(),
        "jsonl" => lines(text).iter().filter(|l| l["type"] == "companion").map(|l| part(l, l)).collect(),
        _ => {
            let sarif: Value = serde_json::from_str(text).unwrap();
            let results = sarif["runs"][0]["results"].as_array().unwrap().iter();
            let related = results.flat_map(|r| r["relatedLocations"].as_array().into_iter().flatten());
            related
                .map(|l| {
                    let (name, shown) = l["message"]["text"].as_str().unwrap().split_once(": ").unwrap();
                    let region = &l["physicalLocation"]["region"];
                    let number = |name: &str| region[name].as_u64().unwrap() as usize;
                    let start = number("byteOffset");
                    (name.to_owned(), start, start + number("byteLength"), shown.to_owned())
                })
                .collect()
        }
    };
    out.sort();
    out
}

#[test]
fn every_machine_format_has_every_part_of_a_credential_and_its_place() {
    // Two key pairs below each other, found by rules of their own, and two groups of a pattern.
    let [(id, key), (other, more)] =
        [4, 5].map(|seed| (sample_of(rule("aws-access-key-id"), seed), sample_of(rule("aws-secret-access-key"), seed)));
    let (user, host) = (made("{alpha:7}", 3), "db.internal.acme.net:5432");
    let url = format!("postgres://{user}:{}@{host}/app", made("{alpha:5}{digits:3}{alnumlower:6}", 4));
    let text = format!(
        "aws_access_key_id = {id}\naws_secret_access_key = {key}\naws_access_key_id = {other}\n\
         aws_secret_access_key = {more}\nurl = {url}\n"
    );
    let tree = Tree::new();
    tree.write("a.conf", &text);
    let place = |name: &str, value: &str| {
        let start = text.find(value).unwrap();
        (name.to_owned(), start, start + value.len(), value.to_owned())
    };
    let mut wanted = [place("key_id", &id), place("key_id", &other), place("user", &user), place("host", host)];
    wanted.sort();
    for format in ["json", "jsonl", "sarif"] {
        let scan = ["scan", "--only", "aws", "--only", "postgres-url", "--format", format];
        let shown = run(quell().current_dir(tree.path()).args(scan).arg("--show-secrets")).code(1).out();
        assert_eq!(parts(format, &shown, "secret"), wanted, "{format}");
        let hidden = run(quell().current_dir(tree.path()).args(scan)).code(1).out();
        let redacted = parts(format, &hidden, "redacted");
        assert_eq!(redacted.len(), 4, "{format}");
        assert!(redacted.iter().all(|(.., shown)| shown.ends_with(" bytes)")), "{format}: {redacted:?}");
        assert!(![&id, &other, &user].into_iter().any(|secret| hidden.contains(secret)), "{format}");
        if format == "sarif" {
            // Each beside the secret that it goes with.
            let sarif: Value = serde_json::from_str(&hidden).unwrap();
            let lines = |l: &Value| l["physicalLocation"]["region"]["startLine"].as_u64().unwrap();
            for result in sarif["runs"][0]["results"].as_array().unwrap() {
                for related in result["relatedLocations"].as_array().unwrap() {
                    assert!(lines(&result["locations"][0]) - lines(related) <= 1, "{result:#}");
                }
            }
        }
    }
}

/// Eight bytes of a secret are enough to know it by.
const RUN: usize = 8;

fn runs(text: &str) -> HashSet<Vec<u8>> {
    text.as_bytes().windows(RUN).map(<[u8]>::to_vec).collect()
}

/// Every run of what the rules themselves say, which is public: prefixes, and a host name that is a part of a credential.
fn public_runs() -> HashSet<Vec<u8>> {
    embedded()
        .rules
        .iter()
        .flat_map(|r| runs(&format!("{} {} {} {} {}", r.name, r.advice, r.docs, r.keywords.join(" "), r.sample)))
        .collect()
}

/// Every run of bytes of a rule's sample that is the secret's own: not of its public prefix, not the same in another
/// sample, and not a label such as a key block's.
fn own_runs(rule: &Rule, seed: u64, public: &HashSet<Vec<u8>>) -> Vec<Vec<u8>> {
    let sample = sample_of(rule, seed);
    let common = runs(&sample_of(rule, seed + 1));
    let own = runs(&sample[usize::from(rule.public_prefix).min(sample.len())..]);
    let label = |w: &[u8]| w.contains(&b'-') && w.contains(&b' ') || w.windows(3).any(|c| c == b"---");
    own.into_iter().filter(|w| !common.contains(w) && !label(w) && !public.contains(w)).collect()
}

#[test]
fn no_format_shows_a_secret_that_nobody_asked_to_see() {
    let tree = rich_tree();
    let public = public_runs();
    let mut owners: HashMap<Vec<u8>, &str> = HashMap::new();
    for (number, rule) in embedded().rules.iter().enumerate() {
        owners.extend(own_runs(rule, 500 + number as u64, &public).into_iter().map(|run| (run, rule.id.as_ref())));
    }
    // A fingerprint is as many hexadecimal digits as some secrets, and eight of them may well be the same.
    let without_fingerprints = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).into_owned();
        let mut parts = text.split("q1-open-");
        let mut out = parts.next().unwrap_or_default().to_owned();
        parts.for_each(|part| out.push_str(part.get(32..).unwrap_or_default()));
        out.into_bytes()
    };
    let shown = |text: &[u8]| {
        let text = without_fingerprints(text);
        text.windows(RUN).filter_map(|w| owners.get(w).copied()).collect::<BTreeSet<_>>()
    };
    let fingerprint = findings(&serde_json::from_str(&report(&tree, "json", &[])).unwrap())[0]["fingerprint"].clone();
    for format in formats() {
        let arguments = ["scan", "--confidence", "low", "--format", format, ".", "missing"];
        let hidden = run(quell().current_dir(tree.path()).args(arguments)).code(4);
        assert_eq!(shown(&hidden.stdout), BTreeSet::new(), "{format}");
        assert_eq!(shown(&hidden.stderr), BTreeSet::new(), "{format}, standard error");
        // The control: asked for, nearly every rule's secret is there, in the formats that nobody else reads.
        let open = run(quell().current_dir(tree.path()).args(arguments).arg("--show-secrets")).code(4);
        let rules = shown(&open.stdout).len();
        if SHOWING.contains(&format) {
            assert!(rules * 10 > embedded().rules.len() * 9, "{format} shows {rules}");
        } else {
            assert_eq!(rules, 0, "{format}");
        }
        assert_eq!(shown(&open.stderr), BTreeSet::new(), "{format}, standard error");
    }
    let told = run(quell().current_dir(tree.path()).args(["explain", fingerprint.as_str().unwrap()])).code(0);
    assert_eq!(shown(&told.stdout), BTreeSet::new(), "explain");
}

#[test]
fn a_redacted_form_has_at_most_the_public_prefix() {
    let tree = rich_tree();
    let document: Value = serde_json::from_str(&report(&tree, "json", &["--show-secrets"])).unwrap();
    for finding in findings(&document) {
        let rule = embedded().rule(finding["rule"].as_str().unwrap()).unwrap();
        let (redacted, secret) = (finding["redacted"].as_str().unwrap(), finding["secret"].as_str().unwrap());
        let head = redacted.split('…').next().unwrap();
        assert!(head.len() <= usize::from(rule.public_prefix) && secret.starts_with(head), "{}: {redacted}", rule.id);
        assert!(head.len() * 2 <= secret.len(), "{}: {redacted}", rule.id);
    }
}

#[test]
fn places_in_commits_keep_to_the_schemas() {
    let tree = Tree::new();
    tree.git(".", &["init", "-q"]);
    tree.git(".", &["commit", "-q", "--allow-empty", "-m", "one"]);
    tree.write("a.env", format!("x {}", token(1)));
    tree.git(".", &["add", "-A"]);
    tree.git(".", &["commit", "-q", "-m", &format!("two {}", token(2))]);
    let report = |format: &str| {
        let arguments = ["scan", "--since-ref", "HEAD~1", "--format", format];
        run(quell().current_dir(tree.path()).args(arguments)).code(1)
    };
    let document = report("json").json();
    assert_eq!(mistakes(&schema("report"), &document), Vec::<String>::new());
    let commit = |f: &Value| f["locations"][0]["commit"]["id"].as_str().map(str::len);
    assert_eq!(findings(&document).iter().filter_map(commit).collect::<Vec<_>>(), [40, 40]);
    for line in lines(&report("jsonl").out()) {
        assert_eq!(mistakes(&schema("line"), &line), Vec::<String>::new(), "{line:#}");
    }
    let sarif = report("sarif").json();
    let place = &sarif["runs"][0]["results"][0]["locations"][0];
    assert_eq!(place["properties"]["author"], "Tester <tester@example.com>", "{place:#}");
    if let Some(path) = std::env::var_os("QUELL_SARIF_SCHEMA") {
        let official: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let validator = jsonschema::options().should_validate_formats(true).build(&official).unwrap();
        assert_eq!(mistakes(&validator, &sarif), Vec::<String>::new());
    }
}

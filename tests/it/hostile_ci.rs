//! Pipelines and manifests that are broken or hostile: what was not read is said, the rest is read, and no secret is shown by a name.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Tree, gaps, made, notices, quell, run};

const GOOD: &str = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: ./ship\n        env: { K: \"${{ secrets.GOOD_KEY }}\" }\n";

/// A tree with a file that is good and one that is not.
fn with(path: &str, text: impl AsRef<[u8]>) -> Tree {
    let tree = Tree::new();
    tree.write(".github/workflows/good.yml", GOOD);
    tree.write(path, text);
    tree
}

fn report(tree: &Tree) -> Value {
    let began = Instant::now();
    let run = run(quell().current_dir(tree.path()).args(["ci", "--format", "json", "--fail-on", "none"]));
    assert!(began.elapsed() < Duration::from_secs(60));
    serde_json::from_str(&run.out()).unwrap()
}

/// The names that are used, without the one of the good file, which is always there.
fn names(report: &Value) -> Vec<&str> {
    let all = report["uses"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap());
    let (good, rest): (Vec<_>, Vec<_>) = all.partition(|name| *name == "GOOD_KEY");
    assert_eq!(good.len(), 1, "{report:#}");
    rest
}

const FLOW: &str = ".github/workflows/x.yml";

#[test]
fn what_is_too_much_is_a_gap() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (one, next) in "abcdefghijklmno".chars().zip("bcdefghijklmnop".chars()) {
        bomb.push_str(&format!("{next}: &{next} [{}]\n", vec![format!("*{one}"); 9].join(", ")));
    }
    bomb.push_str("on: push\njobs: { x: { steps: *p } }\n");
    let deep: String = (1..2_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    for text in ["[".repeat(1_000_000), format!("jobs:\n{deep}"), "#".repeat(5 << 20), bomb] {
        let report = report(&with(FLOW, text));
        assert_eq!(names(&report), [""; 0]);
        assert_eq!(report["complete"], false, "{report:#}");
        assert!(gaps(&report).iter().all(|(path, ..)| path == FLOW), "{report:#}");
    }
}

#[test]
fn what_is_no_yaml_is_a_gap_and_the_rest_is_read() {
    let step =
        |name: &str| format!("    steps:\n      - run: ls\n        env: {{ K: \"${{{{ secrets.{name} }}}}\" }}\n");
    let tabs = format!("on: push\njobs:\n\ta:\n\t\truns-on: x\n{}", step("TAB_KEY"));
    let report_of = report(&with(FLOW, tabs));
    assert_eq!(gaps(&report_of).len(), 1, "{report_of:#}");

    let bytes =
        [b"on: push\njobs:\n  a:\n    name: \"\xff\xfe\"\n    runs-on: x\n", step("UTF_KEY").as_bytes()].concat();
    let report_of = report(&with(FLOW, bytes));
    assert_eq!(names(&report_of), ["UTF_KEY"], "{report_of:#}");
    assert_eq!(notices(&report_of).len(), 1, "{report_of:#}");

    let jinja =
        format!("on: push\njobs:\n  a:\n    {{% if x %}}\n    runs-on: x\n    {{% endif %}}\n{}", step("JINJA_KEY"));
    let report_of = report(&with(FLOW, jinja));
    assert_eq!(names(&report_of), ["JINJA_KEY"], "{report_of:#}");
    assert_eq!(notices(&report_of).len(), 1, "{report_of:#}");
}

#[test]
fn what_yaml_allows_and_few_write_is_read() {
    let step = |name: &str| {
        format!("    runs-on: x\n    steps:\n      - run: ls\n        env: {{ K: \"${{{{ secrets.{name} }}}}\" }}\n")
    };
    let documents = format!("on: push\n---\non: push\njobs:\n  a:\n{}", step("DOC_KEY"));
    assert_eq!(names(&report(&with(FLOW, documents))), ["DOC_KEY"]);

    let merged = "on: push\nx: &x\n  env: { K: \"${{ secrets.MERGE_KEY }}\" }\njobs:\n  a:\n    <<: *x\n    runs-on: x\n    steps:\n      - run: ls\n";
    assert!(names(&report(&with(FLOW, merged))).contains(&"MERGE_KEY"));

    let twice = "on: push\njobs:\n  a:\n    runs-on: x\n    env: { K: \"${{ secrets.FIRST_KEY }}\" }\n    env: { K: \"${{ secrets.SECOND_KEY }}\" }\n    steps:\n      - run: ls\n";
    let report = report(&with(FLOW, twice));
    assert_eq!(names(&report), ["SECOND_KEY"]);
    assert_eq!(notices(&report).len(), 1, "{report:#}");
}

#[test]
fn a_groovy_file_that_is_no_pipeline_opens_no_door() {
    let text = "class Shop {\n  def name = 'x'\n  void show() { println \"${name} echo $TOKEN\" }\n}\n";
    let report = report(&with("Jenkinsfile", text));
    assert_eq!(names(&report), [""; 0], "{report:#}");
    assert_eq!(report["findings"], serde_json::json!([]));
}

#[test]
fn nothing_outside_of_the_target_is_taken_in() {
    let tree = Tree::new();
    tree.write("outside.yml", "job:\n  script: echo $OUTSIDE_TOKEN\n");
    let includes = ["/../outside.yml", "../outside.yml", "/etc/passwd", "link.yml", "/ci/loop.yml"];
    let list: String = includes.iter().map(|path| format!("  - local: {path}\n")).collect();
    tree.write("t/.gitlab-ci.yml", format!("include:\n{list}  - remote: https://ci.acme.example/x.yml\n"));
    tree.write(
        "t/ci/loop.yml",
        "include:\n  - local: /ci/loop.yml\n  - local: /.gitlab-ci.yml\njob:\n  script: run $LOOP_TOKEN\n",
    );
    std::os::unix::fs::symlink("../outside.yml", tree.at("t/link.yml")).unwrap();
    let run = run(quell().current_dir(tree.path()).args(["ci", "t", "--format", "json"])).code(3);
    assert!(!run.out().contains("OUTSIDE_TOKEN"), "{}", run.out());
    let report: Value = serde_json::from_str(&run.out()).unwrap();
    let used: Vec<_> = report["uses"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(used, ["LOOP_TOKEN"]);
    assert!(gaps(&report).len() >= 3, "{report:#}");
}

#[test]
fn manifests_are_pipelines_by_what_they_say() {
    let tree = Tree::new();
    let task = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: { name: ship }\nspec:\n  steps:\n    - name: push\n      image: alpine\n      env:\n        - name: TOKEN\n          valueFrom: { secretKeyRef: { name: deploy, key: token } }\n      script: echo \"$TOKEN\"\n";
    let literal = made("sk_live_{alnum:24}", 3);
    tree.write("deploy/tasks.yaml", task);
    tree.write("deploy/other.yaml", format!("apiVersion: v1\nkind: Secret\nstringData: {{ key: {literal} }}\n"));
    let run = run(quell().current_dir(tree.path()).args(["ci", "--format", "json"])).code(1);
    let report: Value = serde_json::from_str(&run.out()).unwrap();
    assert_eq!(report["uses"].as_array().unwrap().len(), 1, "{report:#}");
    let rules: Vec<_> = report["findings"].as_array().unwrap().iter().map(|f| f["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["exposure-printed"], "a manifest that is no pipeline is not what was asked for: {report:#}");
    assert_eq!(report["coverage"]["files"], 1, "{report:#}");
}

/// Asks in every way there is, and wants a text nowhere, in capitals neither.
fn nowhere(tree: &Tree, literal: &str) {
    let formats = ["plain", "json", "jsonl", "sarif", "csv", "junit", "gitlab", "github", "markdown", "html"];
    let asked = formats.map(|format| vec!["ci", "--format", format]);
    let more = [vec!["ci", "--graph", "dot"], vec!["ci", "--graph", "svg"], vec!["deps", "SHOP_KEY"]];
    let json = [vec!["deps", "SHOP_KEY", "--format", "json"], vec!["ci", "--confidence", "high", "--format", "json"]];
    for arguments in asked.into_iter().chain(more).chain(json) {
        let run = run(quell().current_dir(tree.path()).args(&arguments));
        assert!(!(run.out() + &run.err()).is_empty(), "{arguments:?}");
        for said in [run.out(), run.err()] {
            assert!(!said.to_lowercase().contains(&literal.to_lowercase()), "{arguments:?}: {said}");
        }
    }
}

#[test]
fn a_secret_in_a_name_is_not_shown() {
    let literal = made("sk_live_{alnum:24}", 11);
    let tree = Tree::new();
    let text = format!(
        "on: push\njobs:\n  {literal}:\n    runs-on: x\n    environment: {literal}\n    steps:\n      - run: curl -u {literal} ${{{{ secrets.SHOP_KEY }}}}\n      - run: echo {literal} ${{{{ secrets.{literal} }}}}\n"
    );
    tree.write(FLOW, text);
    tree.write(".gitlab-ci.yml", format!("include:\n  - local: /ci/{literal}.yml\n"));
    tree.write(".circleci/config.yml", format!("version: 2.1\njobs:\n  a:\n    docker: [{{ image: x }}]\n    steps:\n      - run: deploy --to the-place-that-is-meant --token {literal} --now\nworkflows:\n  w:\n    jobs:\n      - a: {{ context: {literal} }}\n"));
    nowhere(&tree, &literal);
}

#[test]
fn nor_is_one_that_is_reported_nowhere() {
    let literal = made("sk_live_{alnum:24}", 12);
    let tree = Tree::new();
    let text = format!(
        "on: push\njobs:\n  a:\n    runs-on: x\n    environment: {literal} # quell:allow\n    steps:\n      - run: deploy {literal} ${{{{ secrets.SHOP_KEY }}}} # quell:allow\n"
    );
    tree.write(FLOW, text);
    nowhere(&tree, &literal);
    // A short password is one as a word alone: names that have it in them stay what they are.
    let tree = Tree::new();
    let text = "on: push\njobs:\n  production:\n    runs-on: x\n    env: { DB_PASSWORD: prod7 }\n    steps:\n      - run: ./ship ${{ secrets.SHOP_KEY }}\n      - name: log in with prod7\n        run: ./login ${{ secrets.SHOP_KEY }} # in prod7uction\n";
    tree.write(FLOW, text);
    let said = run(quell().current_dir(tree.path()).args(["ci", "--format", "json"])).out();
    assert!(said.contains("\"production\"") && said.contains(FLOW), "{said}");
}

#[test]
fn names_cannot_write_to_a_terminal_or_a_page() {
    let tree = Tree::new();
    let text = "on: push\njobs:\n  a:\n    name: \"\\e[2J\\u202e<script>alert(1)</script>\\\"]; x [label=\\\"\"\n    runs-on: x\n    steps:\n      - run: echo ${{ secrets.SHOP_KEY }}\n";
    tree.write(FLOW, text);
    for arguments in
        [vec!["ci"], vec!["ci", "--graph", "dot"], vec!["ci", "--graph", "svg"], vec!["ci", "--format", "html"]]
    {
        let said = run(quell().current_dir(tree.path()).args(&arguments)).out();
        assert!(said.contains("SHOP_KEY"), "{arguments:?}: {said}");
        assert!(!said.contains(['\u{1b}', '\u{202e}']), "{arguments:?}: {said:?}");
        if arguments.len() > 1 {
            assert!(!said.contains("<script>alert") || arguments.last() == Some(&"dot"), "{arguments:?}: {said}");
        }
        if arguments.last() == Some(&"dot") {
            assert!(!said.contains("\"]; x"), "{said}");
        }
        if arguments.last() == Some(&"svg") {
            roxmltree::Document::parse(&said).unwrap();
        }
    }
}

//! `quell ci` and `quell deps` over fixtures of every system that runs pipelines: a literal, references and exposures in each, with their
//! places and contexts.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::{Tree, made, quell, run};

/// What a fixture has: its folder, what the literal stands in, every name with its job and environment, and every exposure with
/// the name that leaks and the text of its place.
struct Fixture {
    system: &'static str,
    within: &'static str,
    uses: &'static [(&'static str, &'static str, &'static str)],
    exposures: &'static [(&'static str, &'static str, &'static str)],
}

const PRINTED: &str = "exposure-printed";

const FIXTURES: &[Fixture] = &[
    Fixture {
        system: "github",
        within: "pipeline release, job publish, environment production, on push, release",
        uses: &[("CHAT_WEBHOOK", "publish", "production"), ("REGISTRY_TOKEN", "publish", "production")],
        exposures: &[
            (PRINTED, "REGISTRY_TOKEN", "echo \"pushing with $TOKEN\""),
            ("exposure-unpinned", "CHAT_WEBHOOK", "acme/notify@v3"),
        ],
    },
    Fixture {
        system: "gitlab",
        within: "job build",
        uses: &[("DEPLOY_TOKEN", "deploy", "production"), ("PKG_TOKEN", "bake", "")],
        exposures: &[
            (
                "exposure-traced",
                "DEPLOY_TOKEN",
                "curl -H \"Authorization: Bearer $DEPLOY_TOKEN\" https://deploy.acme.example/",
            ),
            ("exposure-build-argument", "PKG_TOKEN", "docker build --build-arg PKG_TOKEN=$PKG_TOKEN ."),
        ],
    },
    Fixture {
        system: "circleci",
        within: "pipeline main, job deploy, on push",
        uses: &[("DEPLOY_TOKEN", "deploy", ""), ("production", "deploy", "")],
        exposures: &[(PRINTED, "DEPLOY_TOKEN", "echo \"$DEPLOY_TOKEN\"")],
    },
    Fixture {
        system: "azure",
        within: "job Ship, environment production, on push",
        uses: &[("DeployToken", "Ship", "production")],
        exposures: &[(PRINTED, "DeployToken", "echo \"$TOKEN\"")],
    },
    Fixture {
        system: "bitbucket",
        within: "pipeline branches: main, job Ship, step Ship, environment production, on push",
        uses: &[("DEPLOY_TOKEN", "Ship", "production")],
        exposures: &[("exposure-traced", "DEPLOY_TOKEN", "curl -u \"bot:$DEPLOY_TOKEN\" https://deploy.acme.example/")],
    },
    Fixture {
        system: "jenkins",
        within: "job Ship",
        uses: &[("deploy-token", "Ship", "")],
        exposures: &[(
            "exposure-traced",
            "deploy-token",
            "curl -H \"Authorization: Bearer $TOKEN\" https://deploy.acme.example/",
        )],
    },
    Fixture {
        system: "drone",
        within: "pipeline main, step ship",
        uses: &[("deploy_token", "", "")],
        exposures: &[(PRINTED, "deploy_token", "echo \"$TOKEN\"")],
    },
    Fixture {
        system: "woodpecker",
        within: "step ship, on push",
        uses: &[("deploy_token", "", "")],
        exposures: &[(PRINTED, "deploy_token", "echo \"$TOKEN\"")],
    },
    Fixture {
        system: "buildkite",
        within: "job Ship",
        uses: &[("DEPLOY_TOKEN", "Ship", "")],
        exposures: &[(PRINTED, "DEPLOY_TOKEN", "echo \"$$DEPLOY_TOKEN\"")],
    },
    Fixture {
        system: "travis",
        within: "pipeline Ship, job deploy",
        uses: &[("DEPLOY_TOKEN", "deploy", "")],
        exposures: &[(PRINTED, "DEPLOY_TOKEN", "echo \"$DEPLOY_TOKEN\"")],
    },
    Fixture {
        system: "appveyor",
        within: "step build_script",
        uses: &[("DEPLOY_TOKEN", "", "")],
        exposures: &[(PRINTED, "DEPLOY_TOKEN", "echo %DEPLOY_TOKEN%")],
    },
    Fixture {
        system: "tekton",
        within: "pipeline Task/ship, job ship, step push, handed to alpine:3.20",
        uses: &[("deploy/token", "ship", "")],
        exposures: &[(PRINTED, "deploy/token", "echo \"$TOKEN\"")],
    },
    Fixture {
        system: "argo",
        within: "pipeline Workflow/ship-, job push, handed to alpine:3.20",
        uses: &[("deploy/token", "push", "")],
        exposures: &[(PRINTED, "deploy/token", "echo \"$TOKEN\"")],
    },
];

/// Copies a fixture, with a literal made now.
fn planted(system: &str) -> Tree {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ci").join(system);
    let tree = Tree::new();
    let literal = made("sk_live_{alnum:24}", 7);
    let mut left = vec![from.clone()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                left.push(entry);
                continue;
            }
            let text = std::fs::read_to_string(&entry).unwrap().replace("@LITERAL@", &literal);
            tree.write(entry.strip_prefix(&from).unwrap().to_str().unwrap(), text);
        }
    }
    tree
}

fn word<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// The text that a place names.
fn text_at(tree: &Tree, place: &Value) -> String {
    let text = std::fs::read(tree.at(word(place, "path"))).unwrap();
    let at = |key: &str| usize::try_from(place[key].as_u64().unwrap()).unwrap();
    String::from_utf8(text[at("start")..at("end")].to_vec()).unwrap()
}

#[test]
fn every_system_tells_its_literal_its_references_and_its_exposures() {
    for fixture in FIXTURES {
        let tree = planted(fixture.system);
        let run = run(quell().current_dir(tree.path()).args(["ci", "--format", "json"])).code(1);
        let report: Value = serde_json::from_str(&run.out()).unwrap();
        assert_eq!(report["complete"], true, "{}: {report:#}", fixture.system);
        let findings = report["findings"].as_array().unwrap();
        let (doors, literals): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| finding.get("leaks").is_some());
        assert_eq!(literals.len(), 1, "{}: {report:#}", fixture.system);
        let facts = literals[0]["facts"].as_array().unwrap();
        let within = facts.iter().find(|fact| fact["kind"] == "within").map(|fact| word(fact, "place"));
        assert_eq!(within.unwrap_or_default(), fixture.within, "{}", fixture.system);
        let uses: BTreeSet<_> = report["uses"]
            .as_array()
            .unwrap()
            .iter()
            .collect::<Vec<_>>()
            .into_iter()
            .map(|one| {
                let name = text_at(&tree, one);
                let last = word(one, "name").rsplit('/').next_back().unwrap();
                assert!(name.contains(last), "{}: {name} is no {last}", fixture.system);
                (word(one, "name"), word(one, "job"), word(one, "environment"))
            })
            .collect();
        assert_eq!(uses, fixture.uses.iter().copied().collect(), "{}", fixture.system);
        let told: BTreeSet<_> = doors
            .iter()
            .map(|door| {
                (word(door, "rule").to_owned(), word(door, "leaks").to_owned(), text_at(&tree, &door["locations"][0]))
            })
            .collect();
        let wanted = fixture
            .exposures
            .iter()
            .map(|(rule, name, text)| ((*rule).to_owned(), (*name).to_owned(), (*text).to_owned()));
        assert_eq!(told, wanted.collect(), "{}", fixture.system);
    }
}

#[test]
fn exposures_are_findings_in_every_format_and_can_be_suppressed() {
    let tree = planted("drone");
    for format in ["plain", "json", "jsonl", "sarif", "csv", "junit", "gitlab", "github", "markdown", "html"] {
        let run = run(quell().current_dir(tree.path()).args(["ci", "--format", format])).code(1);
        assert!(run.out().contains("deploy_token") && run.out().contains("rinted"), "{format}: {}", run.out());
    }
    let list = || {
        let run = run(quell().current_dir(tree.path()).args(["ci", "--format", "json"]));
        serde_json::from_str::<Value>(&run.out()).unwrap()
    };
    let report = list();
    let id = report["findings"].as_array().unwrap().iter().find(|finding| finding.get("leaks").is_some()).unwrap();
    let id = word(id, "fingerprint");
    tree.write(".quell.toml", format!("[[suppress]]\nfingerprint = \"{id}\"\nreason = \"the log is private\"\n"));
    let after = list();
    assert_eq!(after["suppressed"], 1, "{after:#}");
    assert!(after["findings"].as_array().unwrap().iter().all(|finding| finding.get("leaks").is_none()));
}

#[test]
fn graphs_are_drawn_in_both_languages() {
    let tree = planted("github");
    let dot = run(quell().current_dir(tree.path()).args(["ci", "--graph", "dot", "--fail-on", "none"])).code(0).out();
    assert!(dot.starts_with("digraph") && dot.contains("REGISTRY_TOKEN") && dot.contains("production"), "{dot}");
    run(quell().current_dir(tree.path()).args(["ci", "--graph", "svg=map.svg", "--fail-on", "none"])).code(0);
    let svg = std::fs::read_to_string(tree.at("map.svg")).unwrap();
    let parsed = roxmltree::Document::parse(&svg).unwrap();
    let texts: Vec<&str> =
        parsed.descendants().filter(|node| node.has_tag_name("text")).filter_map(|t| t.text()).collect();
    assert!(texts.contains(&"release / publish") && texts.contains(&"CHAT_WEBHOOK"), "{texts:?}");
}

#[test]
fn whoever_uses_a_name_is_found_across_repositories() {
    let tree = Tree::new();
    tree.write("shop/.github/workflows/ship.yml", "on: push\njobs:\n  ship:\n    environment: production\n    runs-on: x\n    steps:\n      - run: ./ship\n        env: { API_KEY: '${{ secrets.SHOP_KEY }}' }\n");
    tree.write("shop/src/main.py", "import os\n\ndef pay():\n    return os.environ[\"API_KEY\"]\n");
    tree.write("ops/deploy.yaml", "apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec:\n  containers:\n    - name: app\n      env:\n        - name: SHOP_KEY\n          valueFrom: { secretKeyRef: { name: shop, key: SHOP_KEY } }\n");
    tree.write("ops/other.py", "import os\nos.environ[\"OTHER_KEY\"]\n");
    let asked = |arguments: &[&str]| {
        let run =
            run(quell().current_dir(tree.path()).args(["deps"]).args(arguments).args(["--format", "json"])).code(0);
        serde_json::from_str::<Value>(&run.out()).unwrap()
    };
    let report = asked(&["SHOP_KEY", "shop", "ops"]);
    let told: BTreeSet<_> = report["uses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (word(one, "kind"), word(one, "path"), one["line"].as_u64().unwrap(), word(one, "confidence")))
        .collect();
    let wanted = [
        ("ci-job", "shop/.github/workflows/ship.yml", 8, "high"),
        ("manifest", "ops/deploy.yaml", 9, "high"),
        ("code", "shop/src/main.py", 4, "medium"),
    ];
    assert_eq!(told, wanted.into(), "{report:#}");
    assert_eq!(asked(&["NOBODY_USES_IT", "shop"])["uses"], serde_json::json!([]));
}

#[test]
fn what_is_taken_in_from_elsewhere_is_said() {
    let tree = Tree::new();
    tree.write(
        "t/.gitlab-ci.yml",
        "include:\n  - local: /missing.yml\n  - local: ../outside.yml\n  - remote: https://ci.acme.example/x.yml\n",
    );
    tree.write("outside.yml", "job:\n  script: echo $SOME_TOKEN\n");
    let run = run(quell().current_dir(tree.path()).args(["ci", "t"])).code(3);
    assert!(run.out().contains("missing.yml: it is not there"), "{}", run.out());
    assert!(run.out().contains("lies elsewhere and was not read"), "{}", run.out());
    assert!(!run.out().contains("SOME_TOKEN"), "{}", run.out());
}

//! The files that other people's pipelines take in: valid YAML, pinned, and their scripts do what they say.

use std::process::Command;

use serde_yaml_ng::{Deserializer, Value};

use crate::changes::{commit, leak, repository};
use crate::support::{QUELL, Run, Tree, clean, run, token};

/// The documents of a YAML file of this repository.
fn documents(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let value = |d| serde::Deserialize::deserialize(d).unwrap_or_else(|e| panic!("{name}: {e}"));
    Deserializer::from_str(&text).map(value).collect()
}

/// Runs a script of a pipeline in a repository; without jq there is nothing to try.
fn script(tree: &Tree, script: &Value, variables: &[(&str, &str)]) -> Option<Run> {
    if !std::path::Path::new("/usr/bin/jq").exists() {
        eprintln!("jq is not here: the script of a pipeline was not tried");
        return None;
    }
    let mut command = Command::new("bash");
    clean(&mut command);
    let path = format!("{}:/usr/bin:/bin", std::path::Path::new(QUELL).parent().unwrap().display());
    command
        .env("PATH", path)
        .env("RUNNER_TEMP", tree.path())
        .env("GITHUB_STEP_SUMMARY", tree.at("summary"))
        .envs(variables.iter().copied());
    let flags = ["--noprofile", "--norc", "-eo", "pipefail", "-c"];
    Some(run(command.current_dir(tree.path()).args(flags).arg(script.as_str().unwrap())))
}

/// A repository with two commits of which the second brings a secret in, and their ids.
fn leaking() -> (Tree, String, String) {
    let tree = repository();
    let first = commit(&tree, "one");
    tree.write("a,b.env", leak(1));
    let second = commit(&tree, "two");
    (tree, first, second)
}

#[test]
fn the_hooks_of_pre_commit_call_verbs_that_exist() {
    let hooks = documents(".pre-commit-hooks.yaml");
    for hook in hooks[0].as_sequence().unwrap() {
        let entry: Vec<&str> = hook["entry"].as_str().unwrap().split(' ').collect();
        assert_eq!(entry[0], "quell");
        let mut command = Command::new(QUELL);
        clean(&mut command);
        run(command.args(&entry[1..]).arg("--help")).code(0);
        assert_eq!(hook["language"].as_str(), Some("rust"));
        assert_eq!(hook["pass_filenames"].as_bool(), Some(false));
    }
}

#[test]
fn the_action_annotates_and_fails_on_what_a_pull_request_brings_in() {
    let action = &documents("action.yml")[0];
    let steps = action["runs"]["steps"].as_sequence().unwrap();
    assert!(steps.iter().all(|s| s["uses"].is_null()), "an action of somebody else would have to be pinned");
    let scan = &steps[1]["run"];
    assert!(!scan.as_str().unwrap().contains("${{"), "what anybody may write never enters a script's text");
    let (tree, first, second) = leaking();
    let zeros = "0".repeat(40);
    tree.git(".", &["update-ref", "refs/remotes/origin/main", &first]);
    let range = format!("{first}..{second}");
    for variables in [
        [("RANGE", ""), ("BASE", &first), ("HEAD", &second), ("MAIN", "main"), ("SARIF", "q.sarif")],
        [("RANGE", &range), ("BASE", ""), ("HEAD", ""), ("MAIN", ""), ("SARIF", "q.sarif")],
        [("RANGE", ""), ("BASE", &zeros), ("HEAD", &second), ("MAIN", "main"), ("SARIF", "q.sarif")],
    ] {
        let Some(ended) = script(&tree, scan, &variables) else { return };
        let text = ended.code(1).out();
        assert!(text.contains("::error file=a%2Cb.env,line=1,endLine=1,col=7,endColumn=47,title=GitHub"), "{text}");
        assert!(text.contains(&format!("in commit {}", &second[..12])) && !text.contains(&token(1)), "{text}");
        assert!(std::fs::read_to_string(tree.at("q.sarif")).unwrap().contains("\"2.1.0\""));
        assert!(std::fs::read_to_string(tree.at("summary")).unwrap().contains("### quell found secrets"));
    }
    let clean = [("RANGE", "HEAD..HEAD"), ("BASE", ""), ("HEAD", ""), ("MAIN", ""), ("SARIF", "q.sarif")];
    script(&tree, scan, &clean).unwrap().code(0);
    let wrong = [("RANGE", "no..HEAD"), ("BASE", ""), ("HEAD", ""), ("MAIN", ""), ("SARIF", "q.sarif")];
    script(&tree, scan, &wrong).unwrap().code(2);
}

#[test]
fn the_gitlab_template_writes_code_quality_and_fails_on_findings() {
    let template = documents("templates/quell.yml");
    assert!(template[0]["spec"]["inputs"]["version"]["default"].as_str() == Some(env!("CARGO_PKG_VERSION")));
    let job = &template[1]["quell"];
    let (tree, first, second) = leaking();
    let main =
        [("CI_MERGE_REQUEST_DIFF_BASE_SHA", first.as_str()), ("CI_COMMIT_SHA", &second), ("CI_DEFAULT_BRANCH", "main")];
    let Some(ended) = script(&tree, &job["script"][0], &main) else { return };
    ended.code(1);
    let name = job["artifacts"]["reports"]["codequality"].as_str().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(tree.at(name)).unwrap()).unwrap();
    assert_eq!(report[0]["location"], serde_json::json!({ "path": "a,b.env", "lines": { "begin": 1 } }));
    assert!(!report.to_string().contains(&token(1)));
    let name = job["artifacts"]["reports"]["secret_detection"].as_str().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(tree.at(name)).unwrap()).unwrap();
    assert_eq!(report["vulnerabilities"][0]["location"]["commit"]["sha"].as_str(), Some(second.as_str()));
    tree.git(".", &["update-ref", "refs/remotes/origin/main", &second]);
    let zeros = "0".repeat(40);
    let new = [("CI_COMMIT_BEFORE_SHA", zeros.as_str()), ("CI_COMMIT_SHA", &second), ("CI_DEFAULT_BRANCH", "main")];
    script(&tree, &job["script"][0], &new).unwrap().code(0);
}

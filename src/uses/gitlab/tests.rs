//! Pipelines of GitLab: references, doors, near misses, hostile files.

use super::*;
use crate::uses::testing::{leaks_of_jobs, part, place, word};

const FILE: &str = r##"
spec:
  inputs:
    stage:
      default: $STAGE_NAME
---
include:
  - local: /ci/build.yml
  - local: ci/$SET.yml
  - project: group/templates
    file: [/a.yml, /b.yml]
  - project: group/pinned
    ref: v1.2.3
    file: /c.yml
  - project: group/moving
    ref: main
    file: /d.yml
  - remote: https://example.com/e.yml
  - remote: https://example.com/f.yml
    integrity: sha256-PLACEHOLDER
  - component: $CI_SERVER_FQDN/group/scan@~latest
    inputs: { token: $SCAN_TOKEN }
  - component: $CI_SERVER_FQDN/group/scan@1.0.2
  - template: Jobs/SAST.gitlab-ci.yml
workflow:
  name: main line
  rules:
    - if: $CI_PIPELINE_SOURCE == "push"
variables:
  PLAIN: "hunter-two"
  DSN: "postgres://app:$DB_PASSWORD@db"
  UNNAMED: $LONELY_SECRET
  RAW: { value: "$NOT_FILLED", expand: false }
default:
  image: $BASE_IMAGE
  before_script:
    - docker login -p "$CI_REGISTRY_PASSWORD" $CI_REGISTRY
.snippets:
  login:
    - echo "$SNIPPET_TOKEN"
.loose: &loose
  - curl -H "$LOOSE_TOKEN" https://example.com
.deploy:
  extends: .base
  script:
    - set -x
    - deploy --token "$DEPLOY_TOKEN" --to $PLAIN
  environment: { name: production }
.base:
  variables: { LEVEL: $BASE_LEVEL, CI_DEBUG_TRACE: "true" }
  rules:
    - if: $CI_COMMIT_TAG
    - if: $CI_PIPELINE_SOURCE == "merge_request_event" && $CI_COMMIT_BRANCH
    - if: $CI_PIPELINE_SOURCE == "schedule"
      when: never
release:
  extends: [.deploy]
  script:
    - !reference [.snippets, login]
    - !reference [.deploy, script]
    - *loose
    - psql "$DSN" # $COMMENT_TOKEN
    - |
      LOCAL=1
      for ONE in a b; do echo "$ONE $LOCAL"; done
      read ANSWER
      echo "$ANSWER"
  after_script: ["deploy $AFTER_TOKEN"]
build:
  inherit: { default: false, variables: [PLAIN] }
  only: [merge_requests, main]
  id_tokens:
    ID_JWT: { aud: https://example.com }
  secrets:
    DB_PASS:
      vault: production/db/password@ops
      file: false
    BY_FILE:
      azure_key_vault: { name: key-name }
      token: $ID_JWT
  services:
    - name: postgres:16
      variables: { POSTGRES_PASSWORD: $PG_PASSWORD }
  script:
    - echo "$DB_PASS"
    - echo "$BY_FILE"
    - docker build --build-arg PKG_TOKEN=$PKG_TOKEN .
    - echo "TOKEN=$PKG_TOKEN" > $CI_PROJECT_DIR/build.env
    - echo "$PKG_TOKEN" > /tmp/elsewhere
    - echo "$PKG_TOKEN" > out/left
    - bash -c "notify $CI_COMMIT_MESSAGE"
    - bash -c 'notify "$CI_COMMIT_TITLE"'
    - notify "$CI_COMMIT_TITLE"
    - >
      echo
      "$FOLDED_TOKEN"
  artifacts:
    untracked: true
    exclude: [out/*]
    reports: { dotenv: build.env }
later:
  inherit: { default: false }
  variables:
    KEY: "literal-two"
  script: use $TOKEN
down:
  inherit: { default: false }
  variables: { PASSED_ON: $PASS_TOKEN }
  trigger:
    project: group/down
    forward: { pipeline_variables: true }
"##;

fn at(text: &str) -> Uses {
    read(File { path: ".gitlab-ci.yml", text: text.as_bytes() })
}

#[test]
fn references_are_told_with_the_jobs_that_consume_them() {
    let uses = at(FILE);
    let told: Vec<String> = uses
        .uses
        .iter()
        .map(|one| {
            let text = part(FILE, one.span);
            let (job, variable) = (word(one.context.job.as_ref()), word(one.variable.as_ref()));
            format!("{job}/{} {} {text} {variable}", word(one.context.step.as_ref()), one.store.as_str())
        })
        .collect();
    let expected = [
        "/ variable $STAGE_NAME ",
        "/ variable $SET ",
        "/ variable $SCAN_TOKEN token",
        "release/ variable $DB_PASSWORD DSN",
        "/ variable $LONELY_SECRET UNNAMED",
        "release/ variable $BASE_IMAGE ",
        "release/before_script secret $CI_REGISTRY_PASSWORD ",
        "release/script variable $SNIPPET_TOKEN ",
        "release/script variable $LOOSE_TOKEN ",
        "release/script variable $DEPLOY_TOKEN ",
        "release/ variable $BASE_LEVEL LEVEL",
        "release/after_script variable $AFTER_TOKEN ",
        "build/ manager production/db/password@ops DB_PASS",
        "build/ manager key-name BY_FILE",
        "build/ variable $PG_PASSWORD POSTGRES_PASSWORD",
        "build/script variable $PKG_TOKEN ",
        "build/script variable $PKG_TOKEN ",
        "build/script variable $PKG_TOKEN ",
        "build/script variable $PKG_TOKEN ",
        "build/script variable $FOLDED_TOKEN ",
        "down/ variable $PASS_TOKEN PASSED_ON",
    ];
    assert_eq!(told, expected);
    let release = uses.uses.iter().find(|one| word(Some(&one.name)) == "DEPLOY_TOKEN").map(|one| &one.context);
    let release = release.expect("it is there");
    assert_eq!(word(release.environment.as_ref()), "production");
    assert_eq!(word(release.pipeline.as_ref()), "main line");
    assert_eq!(release.events.iter().map(|one| word(Some(one))).collect::<Vec<_>>(), ["tags", "merge_request_event"]);
    let action = |name: &str| {
        uses.uses.iter().find(|one| word(Some(&one.name)) == name).and_then(|one| one.context.action.clone())
    };
    assert_eq!(word(action("PG_PASSWORD").as_ref()), "postgres:16");
    assert_eq!(word(action("PASS_TOKEN").as_ref()), "group/down");
}

#[test]
fn each_door_is_told_and_what_only_looks_like_one_is_not() {
    let uses = at(FILE);
    let told = leaks_of_jobs(&uses, FILE);
    let expected = [
        " unpinned  group/templates",
        " unpinned  main",
        " unpinned  https://example.com/e.yml",
        " unpinned  $CI_SERVER_FQDN/group/scan@~latest",
        "release printed SNIPPET_TOKEN echo \"$SNIPPET_TOKEN\"",
        "release traced LOOSE_TOKEN curl -H \"$LOOSE_TOKEN\" https://example.com",
        "release traced DEPLOY_TOKEN deploy --token \"$DEPLOY_TOKEN\" --to $PLAIN",
        "release traced  true",
        "release traced DB_PASSWORD psql \"$DSN\"",
        "build printed production/db/password@ops echo \"$DB_PASS\"",
        "build build-argument PKG_TOKEN docker build --build-arg PKG_TOKEN=$PKG_TOKEN .",
        "build artifact PKG_TOKEN echo \"TOKEN=$PKG_TOKEN\"",
        "build injected  bash -c \"notify $CI_COMMIT_MESSAGE\"",
        "build printed FOLDED_TOKEN echo\n      \"$FOLDED_TOKEN\"",
        "down inherited-whole  true",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_literal_has_its_job_and_step() {
    let uses = at(FILE);
    assert_eq!(place(&uses, FILE, "literal-two"), Some(("later", "")));
    assert_eq!(place(&uses, FILE, "deploy --token"), Some((".deploy", "script")));
    assert_eq!(place(&uses, FILE, "deploy $AFTER"), Some(("release", "after_script")));
    assert_eq!(place(&uses, FILE, "docker login"), Some(("", "before_script")));
    assert_eq!(place(&uses, FILE, "hunter-two"), None);
}

#[test]
fn includes_are_told_with_their_paths() {
    let uses = at(FILE);
    let told: Vec<_> = uses.includes.iter().map(|one| (word(Some(&one.what)), word(one.path.as_ref()))).collect();
    assert_eq!(told.first(), Some(&("/ci/build.yml", "ci/build.yml")));
    assert_eq!(told.get(1), Some(&("ci/$SET.yml", "")));
    assert_eq!(told.get(2), Some(&("group/templates:a.yml", "")));
    assert_eq!(told.len(), 11);
}

#[test]
fn templates_that_nobody_extends_and_whole_environments_are_told() {
    let text = ".a:\n  script:\n    - printenv\n    - use $A_TOKEN\n";
    let uses = at(text);
    assert_eq!(uses.uses.len(), 1);
    assert_eq!(
        uses.exposures.iter().map(|one| (one.door, one.name.clone())).collect::<Vec<_>>(),
        [(Door::Printed, None)]
    );
    assert!(at("a:\n  script: [printenv, 'echo $HOME $PWD $CI_COMMIT_SHA']\n").exposures.is_empty());
    assert!(at("a:\n  script: 'echo ''$A_TOKEN'' && eval $CI_COMMIT_SHA'\n").exposures.is_empty());
}

#[test]
fn hostile_files_end() {
    // The parts of the file are alike: every byte of some of it, and some of all of it.
    for end in (0..FILE.len()).filter(|end| end % 17 == 0 || (1200..1500).contains(end)) {
        let _ = at(FILE.get(..end).unwrap_or_default());
    }
    assert!(!read(File { path: "x", text: b"a:\n  script: [\xff" }).unread.is_empty());
    assert_eq!(at("- 1\n- 2\n"), Uses::default());
    let extends: String = (0..2000)
        .map(|n| {
            format!(
                "a{n}: {{extends: [a{}, a{}], script: [!reference [a{n}, script]]}}\n",
                (n + 1) % 2000,
                (n + 7) % 2000
            )
        })
        .collect();
    let _ = at(&extends);
    let line = "echo $A_TOKEN; ".repeat(2000);
    let shared: String = (0..2000).map(|n| format!("j{n}: {{script: *s}}\n")).collect();
    assert!(!at(&format!(".s: &s\n  - {line}\n{shared}")).unread.is_empty());
}

#[test]
fn files_are_known_by_their_paths() {
    for path in [
        ".gitlab-ci.yml",
        "sub/.gitlab-ci.yaml",
        "x/build.gitlab-ci.yml",
        ".gitlab/ci/rules.yml",
        ".gitlab-ci/lint.yml",
    ] {
        assert!(is_own(path), "{path}");
    }
    for path in [".gitlab/agents/a/config.yaml", "gitlab.yml", ".gitlab-ci.md", "ci.yml"] {
        assert!(!is_own(path), "{path}");
    }
}

fn leaks_in(text: &str) -> Vec<String> {
    leaks_of_jobs(&at(text), text)
}

#[test]
fn a_job_that_starts_a_pipeline_runs_nothing_of_the_defaults() {
    let text =
        "default:\n  before_script: ['echo \"$MY_TOKEN\"']\ntrig:\n  trigger: {project: a/b}\nrun:\n  script: make\n";
    assert_eq!(leaks_in(text), ["run printed MY_TOKEN echo \"$MY_TOKEN\""]);
    assert!(at(text).uses.iter().all(|one| word(one.context.job.as_ref()) == "run"));
}

#[test]
fn a_file_with_a_secret_is_printed_by_what_reads_it() {
    let secrets = "a:\n  secrets:\n    KEY: {vault: ops/key@kv}\n    OTHER: {vault: ops/other@kv, file: false}\n";
    for (command, told) in [
        ("cat $KEY", true),
        ("base64 < \"${KEY}\"", true),
        ("T=$(cat $KEY); echo $T", true),
        ("head -c 9 \"$KEY\" | tr a b", true),
        ("echo $KEY", false),
        ("cat $KEY > /dev/null", false),
        ("cat $KEY | ssh-add -", false),
        ("deploy --key $KEY", false),
        ("tee $KEY", false),
        ("KEY=README.md; cat $KEY", false),
        ("cat $OTHER", false),
        ("set -x; cat $KEY > /dev/null", false),
    ] {
        let found = leaks_in(&format!("{secrets}  script:\n    - '{command}'\n"));
        assert_eq!(!found.is_empty(), told, "{command}: {found:?}");
        assert!(found.iter().all(|one| one.starts_with("a printed ops/key@kv ")), "{found:?}");
    }
}

#[test]
fn inputs_whose_names_say_it_are_secret() {
    let text = "spec:\n  inputs:\n    api_token: {}\n    stage: {}\n---\na:\n  variables: {HANDED: \"$[[ inputs.api_token ]]\"}\n  script:\n    - echo \"$[[ inputs.api_token | expand_vars ]]\"\n    - echo $[[ inputs.stage ]]\n    - use $[[ inputs.api_token ]]\n    - echo $HANDED\n";
    let uses = at(text);
    let expected =
        ["a printed api_token echo \"$[[ inputs.api_token | expand_vars ]]\"", "a printed api_token echo $HANDED"];
    assert_eq!(leaks_of_jobs(&uses, text), expected);
    assert!(uses.exposures.iter().all(|one| one.confidence == Confidence::Medium));
}

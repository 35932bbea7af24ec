//! Pipelines of CircleCI: references, doors, near misses, hostile files.

use super::*;
use crate::model::usage::Door;
use crate::uses::testing::{leaks, leaks_of_jobs, names, part, place, word};

const FILE: &str = r##"
version: 2.1
orbs:
  ecr: circleci/aws-ecr@9.1
  slack: circleci/slack@4.12.1
  own:
    commands:
      greet:
        steps: [{ run: 'greet $GREET_TOKEN' }]
executors:
  main:
    docker:
      - image: example/app:1
        auth: { username: robot, password: $REGISTRY_PASSWORD }
    shell: /bin/bash -eox pipefail
commands:
  publish:
    parameters:
      token: { type: env_var_name, default: PUBLISH_TOKEN }
    steps:
      - run: echo $<< parameters.token >>
      - run:
          name: upload
          command: |
            cat \<<END > note
            END
            upload << parameters.token >> --key $UPLOAD_KEY
  unused:
    steps: [{ run: 'use $UNUSED_TOKEN' }]
jobs:
  build:
    docker:
      - image: example/build:2
    environment: { LEVEL: "literal-two", COPY: $COPIED_TOKEN }
    steps:
      - checkout
      - run: echo "$LEVEL $CIRCLE_SHA1 $HOME"
      - run:
          name: login
          environment: { MODE: quiet }
          command: echo "$LOGIN_PASSWORD" | docker login --password-stdin
      - run: echo "export MADE=1" >> $BASH_ENV
      - run: use $MADE
      - run: echo "$PKG_TOKEN" > ~/project/out/npmrc
      - run: echo "$PKG_TOKEN" > /tmp/elsewhere
      - publish
      - own/greet
      - run: checkout << pipeline.git.branch >> << pipeline.git.revision >>
      - run: git log $CIRCLE_BRANCH
      - run: eval "git log $CIRCLE_BRANCH"
      - add_ssh_keys: { fingerprints: ["PLACE:HOLDER"] }
      - save_cache: { key: 'v1-{{ .Environment.CACHE_VERSION }}', paths: [node_modules] }
      - persist_to_workspace: { root: ., paths: [out] }
  traced:
    executor: main
    steps:
      - run: deploy $DEPLOY_TOKEN
      - when: { condition: << pipeline.parameters.x >>, steps: [{ run: printenv }] }
workflows:
  main:
    jobs:
      - build:
          context: [org-secrets]
          filters: { tags: { only: /v.*/ }, branches: { ignore: /.*/ } }
      - traced: { name: run it }
      - ecr/build-and-push-image:
          context: aws
          registry-id: AWS_REGISTRY_ID
          extra-build-args: --build-arg KEY_TOKEN=$KEY_TOKEN
      - slack/on-hold: { context: chat }
  nightly:
    triggers: [{ schedule: { cron: "0 0 * * *" } }]
    jobs: [traced]
"##;

fn at(text: &str) -> Uses {
    read(File { path: ".circleci/config.yml", text: text.as_bytes() })
}

#[test]
fn references_are_told_with_workflow_job_and_step() {
    let uses = at(FILE);
    let told: Vec<String> = uses
        .uses
        .iter()
        .map(|one| {
            let place =
                [&one.context.pipeline, &one.context.job, &one.context.step].map(|text| word(text.as_ref())).join("/");
            format!("{place} {} {} {}", one.store.as_str(), part(FILE, one.span), word(one.variable.as_ref()))
        })
        .collect();
    let expected = [
        "main/build/greet $GREET_TOKEN variable $GREET_TOKEN ",
        "main/run it/ variable $REGISTRY_PASSWORD password",
        "nightly/traced/ variable $REGISTRY_PASSWORD password",
        "main/build/publish variable PUBLISH_TOKEN token",
        "main/build/upload variable $UPLOAD_KEY ",
        "//use $UNUSED_TOKEN variable $UNUSED_TOKEN ",
        "main/build/ variable $COPIED_TOKEN COPY",
        "main/build/login variable $LOGIN_PASSWORD ",
        "main/build/echo \"$PKG_TOKEN\" > ~/project/out/npmrc variable $PKG_TOKEN ",
        "main/build/echo \"$PKG_TOKEN\" > /tmp/elsewhere variable $PKG_TOKEN ",
        "main/build/add_ssh_keys secret PLACE:HOLDER ",
        "main/build/save_cache variable CACHE_VERSION ",
        "main/run it/deploy $DEPLOY_TOKEN variable $DEPLOY_TOKEN ",
        "nightly/traced/deploy $DEPLOY_TOKEN variable $DEPLOY_TOKEN ",
        "main/build/ manager org-secrets ",
        "main/ecr/build-and-push-image/ manager aws ",
        "main/ecr/build-and-push-image/ variable AWS_REGISTRY_ID registry-id",
        "main/ecr/build-and-push-image/ variable $KEY_TOKEN extra-build-args",
        "main/slack/on-hold/ manager chat ",
    ];
    assert_eq!(told, expected);
    let events = |job: &str| {
        uses.uses.iter().find(|one| word(one.context.job.as_ref()) == job).map(|one| one.context.events.clone())
    };
    assert_eq!(events("build"), Some(vec!["tag".into()]));
    assert_eq!(events("run it"), Some(vec!["push".into()]));
    assert_eq!(events("traced"), Some(vec!["schedule".into()]));
}

#[test]
fn each_door_is_told_and_what_only_looks_like_one_is_not() {
    let uses = at(FILE);
    let told = leaks_of_jobs(&uses, FILE);
    let expected = [
        "ecr/build-and-push-image unpinned KEY_TOKEN circleci/aws-ecr@9.1",
        "ecr/build-and-push-image unpinned aws circleci/aws-ecr@9.1",
        "build printed PUBLISH_TOKEN echo $<< parameters.token >>",
        "build artifact PKG_TOKEN echo \"$PKG_TOKEN\"",
        "build injected  << pipeline.git.branch >>",
        "build injected  $CIRCLE_BRANCH",
        "run it traced DEPLOY_TOKEN deploy $DEPLOY_TOKEN",
        "traced traced DEPLOY_TOKEN deploy $DEPLOY_TOKEN",
        "run it printed  printenv",
        "traced printed  printenv",
        "ecr/build-and-push-image build-argument KEY_TOKEN --build-arg KEY_TOKEN=$KEY_TOKEN",
    ];
    assert_eq!(told, expected);
    assert!(uses.exposures.iter().all(|one| one.door != Door::Fork));
}

#[test]
fn a_literal_has_its_job_and_step() {
    let uses = at(FILE);
    assert_eq!(place(&uses, FILE, "literal-two"), Some(("build", "")));
    assert_eq!(place(&uses, FILE, "quiet"), Some(("build", "login")));
    assert_eq!(place(&uses, FILE, "robot"), None);
}

#[test]
fn hostile_files_end() {
    for end in 0..FILE.len() {
        if end % 11 == 0 || (300..600).contains(&end) {
            let _ = at(FILE.get(..end).unwrap_or_default());
        }
    }
    assert!(!read(File { path: "x", text: b"jobs: [\xff" }).unread.is_empty());
    assert_eq!(at("- 1\n- 2\n"), Uses::default());
    let command = |n: usize| {
        format!(
            "  c{n}: {{steps: [{}]}}\n",
            (0..20).map(|k| format!("c{}", (n + k) % 50)).collect::<Vec<_>>().join(", ")
        )
    };
    let commands: String = (0..50).map(command).collect();
    let _ = at(&format!("commands:\n{commands}jobs: {{build: {{steps: [c0]}}}}\n"));
    assert!(is_own(".circleci/config.yml") && is_own("x/.circleci/continue.yaml") && !is_own("circleci/config.yml"));
}

#[test]
fn parameters_hold_what_they_are_given() {
    let text = r#"version: 2.1
commands:
  say:
    parameters: {tok: {type: string}, plain: {type: string, default: x}}
    steps: [{run: 'echo "<< parameters.tok >>"'}, {run: 'echo << parameters.plain >>'}, {run: 'use <<parameters.tok>>'}]
  pass:
    parameters: {tok: {type: string}}
    steps: [{say: {tok: << parameters.tok >>, plain: y}}]
jobs:
  build:
    parameters: {envn: {type: string}}
    docker: [{image: x}]
    steps:
      - pass: {tok: $ARG_TOKEN}
      - run: echo $<< parameters.envn >>_TOKEN "${API_<< parameters.envn >>_KEY}"
workflows:
  ci: {jobs: [{build: {matrix: {parameters: {envn: [DEV, PROD]}}}}]}
"#;
    let uses = read(File { path: ".circleci/config.yml", text: text.as_bytes() });
    assert_eq!(names(&uses).iter().map(|one| one.0).collect::<Vec<_>>(), ["ARG_TOKEN"]);
    assert_eq!(leaks(&uses, text), [(Door::Printed, "ARG_TOKEN", "echo \"<< parameters.tok >>\"")]);
}

#[test]
fn a_job_of_two_workflows_is_told_for_both() {
    let text = "version: 2.1\njobs: {b: {steps: [{run: 'echo $MY_TOKEN'}]}}\nworkflows: {one: {jobs: [b]}, two: {jobs: [b]}}\n";
    let uses = read(File { path: ".circleci/config.yml", text: text.as_bytes() });
    let of = |one: &Arc<Context>| word(one.pipeline.as_ref()).to_owned();
    assert_eq!(uses.uses.iter().map(|one| of(&one.context)).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(uses.exposures.iter().map(|one| of(&one.context)).collect::<Vec<_>>(), ["one", "two"]);
}

#[test]
fn a_step_has_no_part_of_a_word_as_its_name() {
    let long = "PLACEHOLDER-".repeat(12);
    let text = format!("jobs: {{b: {{steps: [{{run: 'deploy --token {long} $MY_TOKEN'}}]}}}}\n");
    let uses = read(File { path: ".circleci/config.yml", text: text.as_bytes() });
    assert_eq!(word(uses.uses[0].context.step.as_ref()), "deploy --token …");
}

//! Pipelines of Drone and Woodpecker: references, doors, near misses, hostile files.

use super::*;
use crate::model::GapKind;
use crate::uses::testing::{doors, names, word};

const DRONE: &str = r#"kind: pipeline
type: docker
name: default
trigger:
  event: [push, promote]
  target: production
environment:
  SHARED: {from_secret: shared_word}
steps:
- name: build
  image: golang:1.22
  environment:
    TOKEN:
      from_secret: api_token
    PLAIN: hunter-two
  commands:
  - make && curl "$SHARED" | sh
  - echo ${TOKEN}
  - echo $${TOKEN}
  - set -x
  - curl -H "$TOKEN" ${DRONE_COMMIT_MESSAGE} $MIRROR_HOST $HOME
  - export NEXT=1
  - run $NEXT
- name: publish
  image: plugins/docker:20
  settings:
    username: {from_secret: hub_user}
    build_args_from_env: [SHARED]
- name: notify
  image: other/notify
  secrets: [hook, {source: chat_word, target: CHAT}]
- name: pinned
  image: other/notify@sha256:0000
  settings: {key: {from_secret: hub_user}}
image_pull_secrets: [pull_config]
---
kind: secret
name: api_token
get: {path: kv/app, name: token}
---
kind: signature
hmac: x
"#;

const WOODPECKER: &str = r#"when:
  - event: [push, tag]
variables:
  - &login
    password: {from_secret: hub_word}
steps:
  publish:
    image: woodpeckerci/plugin-docker-buildx:2
    settings:
      logins: [*login]
  deploy:
    image: alpine
    when: {event: tag}
    environment:
      KEY: {from_secret: deploy_key}
    commands: |
      printenv KEY
      echo "$PLUGIN_X"
"#;

fn read_as(at: usize, path: &str, text: &[u8]) -> Uses {
    (READERS[at].read)(File { path, text })
}

#[test]
fn a_pipeline_of_drone() {
    let uses = read_as(0, ".drone.yml", DRONE.as_bytes());
    let wanted = [
        ("shared_word", "SHARED", ""),
        ("api_token", "TOKEN", "build"),
        ("MIRROR_HOST", "", "build"),
        ("hub_user", "username", "publish"),
        ("hook", "", "notify"),
        ("chat_word", "CHAT", "notify"),
        ("hub_user", "key", "pinned"),
        ("pull_config", "", ""),
        ("kv/app/token", "api_token", ""),
    ];
    assert_eq!(names(&uses), wanted.map(|(a, b, c)| (a, b, "", c)));
    assert!(uses.uses.iter().all(|u| DRONE.get(u.span.start..u.span.end).is_some_and(|text| text.len() > 3)));
    assert_eq!(uses.uses[0].context.events, ["push".into(), "promote".into()]);
    let (high, medium, low) = (Confidence::High, Confidence::Medium, Confidence::Low);
    let wanted = [
        (Door::Printed, "api_token", "echo $${TOKEN}", high),
        (Door::Traced, "api_token", "curl -H \"$TOKEN\" ${DRONE_COMMIT_MESSAGE} $MIRROR_HOST $HOME", high),
        (Door::Injected, "", "${DRONE_COMMIT_MESSAGE}", low),
        (Door::Unpinned, "hub_user", "plugins/docker:20", low),
        (Door::Unpinned, "shared_word", "plugins/docker:20", low),
        (Door::BuildArgument, "shared_word", "SHARED", high),
        (Door::Unpinned, "chat_word", "other/notify", medium),
        (Door::Unpinned, "hook", "other/notify", medium),
        (Door::Unpinned, "shared_word", "other/notify", medium),
    ];
    assert_eq!(doors(&uses, DRONE), wanted);
    let at = uses.at(DRONE.find("hunter-two").unwrap()).unwrap();
    assert_eq!((word(at.pipeline.as_ref()), word(at.step.as_ref())), ("default", "build"));
    assert_eq!(word(at.environment.as_ref()), "production");
    assert!(uses.unread.is_empty());
}

#[test]
fn a_pipeline_of_woodpecker() {
    let uses = read_as(1, ".woodpecker/release.yaml", WOODPECKER.as_bytes());
    let wanted = [("hub_word", "password", "publish"), ("deploy_key", "KEY", "deploy")];
    assert_eq!(names(&uses), wanted.map(|(a, b, c)| (a, b, "", c)));
    assert_eq!(word(uses.uses[1].context.pipeline.as_ref()), "release");
    assert_eq!(uses.uses[1].context.events, ["tag".into()]);
    let all: Vec<_> = doors(&uses, WOODPECKER).into_iter().map(|(door, name, ..)| (door, name)).collect();
    assert_eq!(all, [(Door::Unpinned, "hub_word"), (Door::Printed, "deploy_key")]);
}

#[test]
fn the_old_form_of_drone() {
    let text = "pipeline:\n  deploy:\n    image: alpine\n    secrets: [ssh_key]\n    commands: [\"echo $SSH_KEY\"]\n";
    let uses = read_as(0, ".drone.yml", text.as_bytes());
    assert_eq!(names(&uses), [("ssh_key", "", "", "deploy")]);
    assert_eq!(doors(&uses, text), [(Door::Printed, "ssh_key", "echo $SSH_KEY", Confidence::High)]);
}

#[test]
fn commands_of_a_step_are_one_script() {
    let text = "kind: pipeline\nsteps:\n- name: a\n  environment: {T: {from_secret: t}}\n  commands:\n  - COPY=$T\n  - >\n    echo\n    $COPY\n";
    let uses = read_as(0, ".drone.yml", text.as_bytes());
    assert_eq!(doors(&uses, text), [(Door::Printed, "t", "echo\n    $COPY", Confidence::High)]);
}

#[test]
fn paths_and_what_is_none() {
    assert!(
        is_drone(".drone.yml")
            && is_drone("a/.drone.yaml")
            && !is_drone("drone.json")
            && !is_drone("src/drone.yml.txt")
    );
    assert!(
        is_woodpecker(".woodpecker.yml") && is_woodpecker(".woodpecker/a.yaml") && !is_woodpecker("woodpecker.yml")
    );
    assert_eq!(read_as(0, ".drone.yml", b"a: 1").unread[0].kind, None);
    assert!(read_as(0, ".drone.yml", b"steps: [\xff").unread.iter().any(|one| one.kind.is_some()));
}

#[test]
fn hostile_files_end() {
    for end in 0..DRONE.len() {
        read_as(0, ".drone.yml", &DRONE.as_bytes()[..end]);
    }
    let shared: String = (0..3000).map(|n| format!("  A{n}: {{from_secret: s{n}}}\n")).collect();
    let text = format!("environment:\n{shared}steps:\n{}", "- image: a\n  commands: [b, c]\n".repeat(3000));
    let uses = read_as(0, ".drone.yml", text.as_bytes());
    assert!(uses.unread.iter().any(|unread| unread.kind == Some(GapKind::OverBudget)));
}

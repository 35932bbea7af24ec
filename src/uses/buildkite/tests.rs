//! Pipelines of Buildkite: references, doors, near misses, hostile files.

use super::*;
use crate::uses::testing::{doors, names, stored, word};

const PIPELINE: &str = r#"env:
  MODE: fast
steps:
  - group: "release"
    if: build.tag != null
    steps:
      - label: "publish"
        key: pub
        env:
          NOTE: hunter-two
        secrets:
          - API_TOKEN
          - {key: chat-word, environment_variable: CHAT}
        commands:
          - make $MODE $BUILDKITE_COMMIT $SITE
          - curl -d "$$CHAT" "$BUILDKITE_MESSAGE"
          - echo $API_TOKEN
          - echo $$API_TOKEN > out/log.txt
          - printf '%s' "\$CHAT"
        artifact_paths: ["out/**"]
        plugins:
          - docker#v5.8.0: {environment: [PKG_TOKEN, "A=b"], build-args: [CHAT]}
          - someone/tool#main: ~
          - ./local: ~
          - someone/pinned#0123456789abcdef0123456789abcdef01234567
  - label: "fetch"
    secrets: {WORD: stored-word}
    command: |
      X="$$(buildkite-agent secret get other_word)"
      set -x
      login "$$X"
      curl $HUB_PASSWORD
    plugins:
      secrets#v1.0.0:
        variables: {LLAMA: llamas}
  - label: "plain"
    command: echo $$API_TOKEN
  - wait
  - block: "go on?"
"#;

fn read_as(path: &str, text: &[u8]) -> Uses {
    read(File { path, text })
}

#[test]
fn references() {
    let uses = read_as(".buildkite/pipeline.yml", PIPELINE.as_bytes());
    let (secret, around) = (Store::Secret, Store::Environment);
    let wanted = [
        ("API_TOKEN", "", "API_TOKEN", secret),
        ("chat-word", "CHAT", "chat-word", secret),
        ("SITE", "", "$SITE", around),
        ("PKG_TOKEN", "", "PKG_TOKEN", around),
        ("stored-word", "WORD", "stored-word", secret),
        ("other_word", "X", "other_word", secret),
        ("HUB_PASSWORD", "", "$HUB_PASSWORD", around),
        ("llamas", "LLAMA", "llamas", secret),
        ("API_TOKEN", "", "$API_TOKEN", Store::Variable),
    ];
    assert_eq!(stored(&uses, PIPELINE), wanted.map(|(name, _, part, store)| (name, store, part)));
    let variables: Vec<_> = names(&uses).into_iter().map(|(_, variable, ..)| variable).collect();
    assert_eq!(variables, wanted.map(|(_, variable, ..)| variable));
    assert_eq!(uses.uses[0].context.events, ["tag".into()]);
    assert!(uses.unread.is_empty());
}

#[test]
fn doors_and_near_misses() {
    let uses = read_as(".buildkite/pipeline.yml", PIPELINE.as_bytes());
    let (high, medium, low) = (Confidence::High, Confidence::Medium, Confidence::Low);
    let wanted = [
        (Door::Injected, "", "$BUILDKITE_MESSAGE", medium),
        (Door::Artifact, "API_TOKEN", "echo $$API_TOKEN", medium),
        (Door::Printed, "chat-word", "printf '%s' \"\\$CHAT\"", high),
        (Door::Unpinned, "", "docker#v5.8.0", low),
        (Door::BuildArgument, "chat-word", "CHAT", medium),
        (Door::Unpinned, "", "someone/tool#main", medium),
        (Door::Traced, "other_word", "login \"$$X\"", high),
        (Door::Traced, "HUB_PASSWORD", "curl $HUB_PASSWORD", high),
        (Door::Printed, "HUB_PASSWORD", "$HUB_PASSWORD", medium),
        (Door::Unpinned, "", "secrets#v1.0.0", low),
        (Door::Printed, "API_TOKEN", "echo $$API_TOKEN", high),
    ];
    assert_eq!(doors(&uses, PIPELINE), wanted);
}

#[test]
fn what_stands_where() {
    let uses = read_as(".buildkite/pipeline.yml", PIPELINE.as_bytes());
    let at = uses.at(PIPELINE.find("hunter-two").unwrap()).unwrap();
    assert_eq!((word(at.pipeline.as_ref()), word(at.job.as_ref())), ("release", "publish"));
    assert!(is_own(".buildkite/a.yml") && is_own("buildkite.yaml") && !is_own(".buildkite/docker-compose.yml"));
}

#[test]
fn hostile_files_end() {
    for end in 0..PIPELINE.len() {
        read_as(".buildkite/pipeline.yml", &PIPELINE.as_bytes()[..end]);
    }
    assert_eq!(read_as("buildkite.yml", b"a: 1").unread[0].kind, None);
    assert!(read_as("buildkite.yml", b"steps: [\xff").unread.iter().any(|one| one.kind.is_some()));
    let deep = format!("steps:\n{}", (0..40).map(|n| format!("{}- steps:\n", " ".repeat(n * 2))).collect::<String>());
    read_as("buildkite.yml", deep.as_bytes());
}

#[test]
fn what_is_left_for_the_shell_opens_every_door() {
    let told = |command: &str| {
        let text = format!("steps:\n  - command: |\n      {command}\n    artifact_paths: out/*\n");
        let uses = read_as(".buildkite/a.yml", text.as_bytes());
        uses.exposures.iter().map(|one| (one.door, word(one.name.as_ref()).to_owned())).collect::<Vec<_>>()
    };
    let one = |door| vec![(door, "BA_SECRET".to_owned())];
    assert_eq!(told("docker build --build-arg T=$$BA_SECRET ."), one(Door::BuildArgument));
    assert_eq!(told("echo $$BA_SECRET > out/t"), one(Door::Artifact));
    assert_eq!(told("set -x; use $$BA_SECRET"), one(Door::Traced));
    assert_eq!(told("echo \\$BA_SECRET"), one(Door::Printed));
    assert_eq!(told("BA_SECRET=x; echo $$BA_SECRET"), []);
    assert_eq!(told("echo $$MODE $$BUILDKITE_AGENT_ACCESS_TOKEN"), []);
    let both = [one(Door::BuildArgument), one(Door::Printed)].concat();
    assert_eq!(told("docker build --build-arg T=$BA_SECRET ."), both);
    assert_eq!(told("use $BA_SECRET"), one(Door::Printed));
}

#[test]
fn settings_of_plugins() {
    let text = r#"steps:
  - command: make
    plugins:
      - acme/thing#main: {token: "$$THING_TOKEN", mode: "$$$$NOT_TOKEN fast"}
      - acme/pinned#0123456789abcdef0123456789abcdef01234567: {token: '\$PINNED_TOKEN'}
      - docker-compose#v4: {args: ["T=$$BA_TOKEN", MODE, NPM_TOKEN], build: app}
      - acme/free#main: {mode: fast}
"#;
    let uses = read_as(".buildkite/a.yml", text.as_bytes());
    let all: Vec<_> = names(&uses).into_iter().map(|(name, variable, ..)| (name, variable)).collect();
    assert_eq!(all, [("THING_TOKEN", "token"), ("PINNED_TOKEN", "token"), ("BA_TOKEN", "args")]);
    let (medium, low) = (Confidence::Medium, Confidence::Low);
    let plugin = "docker-compose#v4";
    let wanted = [
        (Door::Unpinned, "THING_TOKEN", "acme/thing#main", medium),
        (Door::Unpinned, "BA_TOKEN", plugin, low),
        (Door::BuildArgument, "BA_TOKEN", "T=$$BA_TOKEN", medium),
        (Door::BuildArgument, "NPM_TOKEN", "NPM_TOKEN", medium),
    ];
    assert_eq!(doors(&uses, text), wanted);
}

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
        (Door::Printed, "HUB_PASSWORD", "$HUB_PASSWORD", medium),
        (Door::Unpinned, "", "secrets#v1.0.0", low),
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

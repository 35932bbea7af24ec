//! Objects of Tekton: references, doors, near misses, hostile files.

use super::*;
use crate::uses::testing::{doors, names, word};

const OBJECTS: &str = r#"apiVersion: tekton.dev/v1
kind: Task
metadata: {name: deploy, namespace: prod}
spec:
  stepTemplate:
    env:
      - {name: SHARED, valueFrom: {secretKeyRef: {name: shared, key: word}}}
  steps:
    - name: push
      image: builder:1
      env:
        - name: TOKEN
          valueFrom: {secretKeyRef: {name: api, key: token}}
        - {name: MODE, value: hunter-two}
      envFrom: [{secretRef: {name: whole}}]
      volumeMounts: [{name: keys, mountPath: /keys}]
      script: |
        #!/usr/bin/env bash
        curl -H "$TOKEN" https://api.example
        echo -n "$TOKEN" > $(results.token.path)
        echo "$SHARED" "$MODE"
        echo "$UNKNOWN_PASSWORD" "$(params.title)"
    - name: trace
      image: builder:1
      env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: api, key: token}}}]
      command: [sh, -xc]
      args: ['login "$TOKEN" {{ source_branch }}']
    - name: code
      image: python
      env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: api, key: token}}}]
      script: |
        #!/usr/bin/env python
        echo $TOKEN
  volumes:
    - {name: keys, secret: {secretName: ssh-keys}}
    - {name: scratch, emptyDir: {}}
---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  generateName: run-
  annotations: {pipelinesascode.tekton.dev/on-event: "[pull_request, push]"}
spec:
  workspaces:
    - {name: auth, secret: {secretName: git-auth}}
  taskRunTemplate: {podTemplate: {imagePullSecrets: [{name: pull}]}}
  pipelineSpec:
    tasks:
      - name: clone
        taskRef: {resolver: git, params: [{name: url, value: https://git.example/tasks}, {name: revision, value: main}]}
        workspaces: [{name: basic, workspace: auth}]
      - name: fixed
        taskRef: {resolver: git, params: [{name: url, value: https://git.example/tasks}, {name: revision, value: 0123456789abcdef0123456789abcdef01234567}]}
        workspaces: [{name: basic, workspace: auth}]
      - name: free
        taskRef: {resolver: git, params: [{name: url, value: https://git.example/tasks}, {name: revision, value: main}]}
      - name: chat
        taskRef: {resolver: bundles, params: [{name: bundle, value: "registry.example/chat:1.2"}]}
        params: [{name: slack-secret, value: chat-hook}, {name: message, value: hi}]
---
apiVersion: v1
kind: Pod
metadata: {name: other}
spec: {containers: [{name: a, env: [{name: A, valueFrom: {secretKeyRef: {name: not-ours, key: x}}}]}]}
"#;

#[test]
fn references() {
    let uses = objects(File { path: ".tekton/a.yaml", text: OBJECTS.as_bytes() });
    let wanted = [
        ("shared/word", "SHARED", "deploy", ""),
        ("api/token", "TOKEN", "deploy", "push"),
        ("whole", "", "deploy", "push"),
        ("api/token", "TOKEN", "deploy", "trace"),
        ("api/token", "TOKEN", "deploy", "code"),
        ("ssh-keys", "/keys", "deploy", "push"),
        ("git-auth", "auth", "", ""),
        ("pull", "", "", ""),
        ("chat-hook", "slack-secret", "chat", ""),
    ];
    assert_eq!(names(&uses), wanted);
    assert_eq!(&OBJECTS[uses.uses[5].span.start..uses.uses[5].span.end], "ssh-keys");
    assert_eq!(uses.uses[6].context.events, ["pull_request".into(), "push".into()]);
    assert!(uses.unread.is_empty());
}

#[test]
fn doors_and_near_misses() {
    let uses = objects(File { path: ".tekton/a.yaml", text: OBJECTS.as_bytes() });
    let (high, medium, low) = (Confidence::High, Confidence::Medium, Confidence::Low);
    let wanted = [
        (Door::Artifact, "api/token", "echo -n \"$TOKEN\"", medium),
        (Door::Printed, "shared/word", "echo \"$SHARED\" \"$MODE\"", high),
        (Door::Printed, "whole", "echo \"$UNKNOWN_PASSWORD\" \"$(params.title)\"", high),
        (Door::Traced, "api/token", "login \"$TOKEN\" {{ source_branch }}", high),
        (Door::Injected, "", "{{ source_branch }}", medium),
        (Door::Unpinned, "git-auth", "main", medium),
        (Door::Unpinned, "chat-hook", "registry.example/chat:1.2", low),
    ];
    assert_eq!(doors(&uses, OBJECTS), wanted);
}

#[test]
fn what_stands_where() {
    let uses = objects(File { path: ".tekton/a.yaml", text: OBJECTS.as_bytes() });
    let at = uses.at(OBJECTS.find("hunter-two").unwrap()).unwrap();
    let all = [&at.pipeline, &at.job, &at.step, &at.environment, &at.action].map(|one| word(one.as_ref()));
    assert_eq!(all, ["Task/deploy", "deploy", "push", "prod", "builder:1"]);
    assert!(is_own(".tekton/a.yaml") && is_own("ci/tekton/b.yml") && !is_own("k8s/a.yaml"));
    assert!(is_document("Task", "tekton.dev/v1") && !is_document("Pod", "v1"));
}

#[test]
fn hostile_files_end() {
    for end in 0..OBJECTS.len() {
        let _ = objects(File { path: ".tekton/a.yaml", text: &OBJECTS.as_bytes()[..end] });
    }
    assert_eq!(objects(File { path: ".tekton/a.yaml", text: b"a: [1" }), Uses::default());
    let nested = "{apiVersion: triggers.tekton.dev/v1, kind: TriggerTemplate, spec: {resourcetemplates: [".repeat(2000);
    let _ = objects(File { path: ".tekton/a.yaml", text: nested.as_bytes() });
    let invalid = [OBJECTS.as_bytes(), b"\xff"].concat();
    assert!(!objects(File { path: ".tekton/a.yaml", text: &invalid }).unread.is_empty());
}

#[test]
fn what_no_shell_runs_and_files_of_volumes() {
    let text = r#"apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t}
spec:
  volumes: [{name: v, secret: {secretName: vol-sec}}, {name: w, emptyDir: {}}]
  steps:
  - name: k
    image: kaniko
    env: [{name: T, valueFrom: {secretKeyRef: {name: kan, key: token}}}, {name: P, value: x}]
    args: ["--context=.", "--build-arg=TOKEN=$(T)", "--build-arg=P=$(P)", "--label=$T", "--note=$$(T)"]
  - name: c
    image: bash
    volumeMounts: [{name: v, mountPath: /var/sec/}, {name: w, mountPath: /var/work}]
    script: cat /var/sec/token /var/work/a /var/secret/b
  - name: d
    image: bash
    script: cat /var/sec/token
  - name: e
    image: bash
    env: [{name: T, valueFrom: {secretKeyRef: {name: kan, key: token}}}]
    command: [sh, -c, "echo $(T)"]
"#;
    let uses = objects(File { path: ".tekton/a.yaml", text: text.as_bytes() });
    let wanted = [
        (Door::BuildArgument, "kan/token", "--build-arg=TOKEN=$(T)", Confidence::High),
        (Door::Printed, "vol-sec", "cat /var/sec/token /var/work/a /var/secret/b", Confidence::High),
        (Door::Printed, "kan/token", "echo $(T)", Confidence::High),
    ];
    assert_eq!(doors(&uses, text), wanted);
}

//! Compose files: references, doors, near misses, hostile files.

use super::{READER, is_own};
use crate::model::GapKind;
use crate::model::usage::{Door, Uses};
use crate::uses::File;
use crate::uses::testing::{leaks, part, told, word};

fn read(text: &str) -> Uses {
    (READER.read)(File { path: "deploy/shop/compose.yaml", text: text.as_bytes() })
}

const FILE: &str = r#"
x-common: &common
  SHARED_TOKEN: ${SHARED_TOKEN:?must be set}
  LEVEL: $LEVEL
include: [../db/compose.yaml, "https://example.com/x.git"]
services:
  web:
    image: shop:${TAG:-latest}
    build:
      context: .
      args:
        PKG_TOKEN: ${PKG_TOKEN}
        VERSION: ${VERSION}
        GIT_PASSWORD: literal
      secrets: [npm]
    environment:
      <<: *common
      DB_PASSWORD: "${DB_PASS:-${OTHER_PASS}}"
      API_KEY:
      EMPTY: ""
      PRICE: $$5
    env_file: [.env, {path: prod.env, required: false}]
    secrets:
      - db
      - { source: tls, target: key.pem }
    command: sh -c "echo $$DB_PASSWORD; echo '$$API_KEY'; run --token $$API_KEY"
  job:
    extends: {file: ../base.yml, service: base}
    build:
      args: [AUTH_TOKEN, PLAIN=1]
    environment:
      - TOKEN=${JOB_TOKEN}
      - HOME
      - SECRET_KEY=planted-literal
    entrypoint: [bash, -xc]
    command: ["curl -H $$TOKEN x"]
  none:
    image: a
secrets:
  db: { file: ./db.txt }
  tls: { external: true, name: shop_tls }
  npm: { environment: PKG_TOKEN }
"#;

#[test]
fn services() {
    let uses = read(FILE);
    let expected = [
        "environment SHARED_TOKEN|${SHARED_TOKEN:?must be set}||web",
        "environment LEVEL|$LEVEL||web",
        "environment TAG|${TAG:-latest}||web",
        "environment PKG_TOKEN|${PKG_TOKEN}||web",
        "environment VERSION|${VERSION}||web",
        "secret npm|npm|/run/secrets/npm|web",
        "environment DB_PASS|${DB_PASS:-${OTHER_PASS}}|DB_PASSWORD|web",
        "environment OTHER_PASS|${OTHER_PASS}|DB_PASSWORD|web",
        "environment API_KEY|API_KEY||web",
        "file .env|.env||web",
        "file prod.env|prod.env||web",
        "secret db|db|/run/secrets/db|web",
        "secret tls|tls|/run/secrets/key.pem|web",
        "environment AUTH_TOKEN|AUTH_TOKEN||job",
        "environment JOB_TOKEN|${JOB_TOKEN}|TOKEN|job",
        "environment HOME|HOME||job",
        "file ./db.txt|./db.txt|db|",
        "secret shop_tls|shop_tls|tls|",
        "environment PKG_TOKEN|PKG_TOKEN|npm|",
    ];
    assert_eq!(told(&uses, FILE), expected);
    let doors: Vec<_> = uses.exposures.iter().map(|one| (one.door, part(FILE, one.span))).collect();
    let expected = [
        (Door::BuildArgument, "PKG_TOKEN: ${PKG_TOKEN}"),
        (Door::Printed, "echo $$DB_PASSWORD"),
        (Door::Printed, "echo $$DB_PASSWORD"),
        (Door::BuildArgument, "AUTH_TOKEN"),
        (Door::Traced, "curl -H $$TOKEN x"),
    ];
    assert_eq!(doors, expected);
    let at = uses.at(FILE.find("planted").unwrap()).unwrap();
    assert_eq!((&at.pipeline, &at.job), (&Some("shop".into()), &Some("job".into())));
    let paths: Vec<_> = uses.includes.iter().map(|one| word(one.path.as_ref())).collect();
    assert_eq!(paths, ["deploy/base.yml", "deploy/db/compose.yaml", ""]);
    assert!(uses.unread.is_empty());
}

#[test]
fn commands_over_several_lines() {
    let text = "services:\n  a:\n    environment: {DB_PASSWORD: x}\n    command:\n      - sh\n      - -c\n      - >\n        echo\n        $$DB_PASSWORD\n  b:\n    command: >\n      sh -c\n      \"echo $$API_TOKEN\"\n";
    let uses = read(text);
    let expected = [
        (Door::Printed, "DB_PASSWORD", "echo\n        $$DB_PASSWORD"),
        (Door::Printed, "API_TOKEN", "echo $$API_TOKEN"),
    ];
    assert_eq!(leaks(&uses, text), expected);
}

#[test]
fn what_is_left_out_is_told_once() {
    let long = "A".repeat(2_000);
    let text =
        format!("services:\n  a:\n    environment: [{long}, B{long}]\n    image: ${{C{long}}}\n    env_file: {long}\n");
    let unread: Vec<_> = read(&text).unread.iter().map(|one| one.kind).collect();
    assert_eq!(unread, [Some(GapKind::OverBudget)]);
}

#[test]
fn of_anybody() {
    for own in
        ["compose.yaml", "a/docker-compose.yml", "compose.prod.yml", "docker-compose-dev.yaml", "x.docker-compose.yml"]
    {
        assert!(is_own(own), "{own}");
    }
    assert!(!is_own("composer.yml") && !is_own("compose.json") && !is_own("a/compose/b.yml"));
    for end in 0..FILE.len() {
        read(&FILE[..end]);
    }
    assert_eq!(read("services: [a, {b: c}]\nsecrets: d\n").uses, []);
    assert_eq!(read(&format!("services: {{a: {{image: \"{}\"}}}}", "${A:-".repeat(200_000))).uses.len(), 200_000);
    assert!(!(READER.read)(File { path: "compose.yml", text: b"services:\n  a:\n    image: \xff" }).unread.is_empty());
}

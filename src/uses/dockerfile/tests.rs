//! Dockerfiles: references, doors, near misses, hostile files.

use super::{READER, is_own};
use crate::model::usage::{Door, Uses};
use crate::model::{Confidence, GapKind};
use crate::uses::File;
use crate::uses::testing::told;

fn read(text: &str) -> Uses {
    (READER.read)(File { path: "Dockerfile", text: text.as_bytes() })
}

fn doors<'t>(uses: &Uses, text: &'t str) -> Vec<(Door, &'t str, Confidence)> {
    uses.exposures.iter().map(|one| (one.door, &text[one.span.start..one.span.end], one.confidence)).collect()
}

const FILE: &str = r#"# syntax=docker/dockerfile:1
ARG BASE=alpine
FROM ${BASE} AS build
ARG PKG_TOKEN
ARG VERSION=1
RUN --mount=type=secret,id=npmrc,target=/home/app/.npmrc \
    --mount=type=secret,id=aws,env=AWS_SECRET_ACCESS_KEY,required \
    # a comment
    npm ci && \
    echo "$AWS_SECRET_ACCESS_KEY" > /dev/null
COPY .npmrc ./
FROM alpine
ARG DB_PASSWORD
ARG API_TOKEN=planted
ARG UNUSED_SECRET
ENV PGPASSWORD=$DB_PASSWORD LEVEL=$VERSION
ENV OLD_TOKEN some '$API_TOKEN'
RUN <<EOF
echo $API_TOKEN
curl $AWS_SECRET_ACCESS_KEY
EOF
RUN ["sh", "-xc", "curl $API_TOKEN"]
COPY --from=build /app/server.key /app/
COPY .env .env.example ca.pem keys/server.key app.js /app/
ADD ["id_rsa", "/home/app/.ssh/"]
CMD echo $API_TOKEN
"#;

#[test]
fn builds() {
    let uses = read(FILE);
    let expected = [
        "variable PKG_TOKEN|PKG_TOKEN||build",
        "secret npmrc|npmrc|/home/app/.npmrc|build",
        "secret aws|aws|AWS_SECRET_ACCESS_KEY|build",
        "variable DB_PASSWORD|DB_PASSWORD||1",
        "variable API_TOKEN|API_TOKEN||1",
        "variable UNUSED_SECRET|UNUSED_SECRET||1",
        "variable DB_PASSWORD|$DB_PASSWORD|PGPASSWORD|1",
        "variable API_TOKEN|$API_TOKEN||1",
        "variable API_TOKEN|$API_TOKEN||1",
        "file .env|.env||1",
        "file keys/server.key|keys/server.key||1",
        "file id_rsa|id_rsa||1",
        "environment API_TOKEN|$API_TOKEN||1",
    ];
    assert_eq!(told(&uses, FILE), expected);
    let expected = [
        (Door::BuildArgument, "PKG_TOKEN", Confidence::Low),
        (Door::BuildArgument, "DB_PASSWORD", Confidence::Low),
        (Door::BuildArgument, "API_TOKEN", Confidence::Medium),
        (Door::BuildArgument, "UNUSED_SECRET", Confidence::Low),
        (Door::BuildArgument, "PGPASSWORD=$DB_PASSWORD", Confidence::High),
        (Door::Printed, "echo $API_TOKEN", Confidence::High),
        (Door::Traced, "curl $API_TOKEN", Confidence::High),
        (Door::Artifact, ".env", Confidence::Low),
        (Door::Artifact, "keys/server.key", Confidence::Low),
        (Door::Artifact, "id_rsa", Confidence::Low),
    ];
    assert_eq!(doors(&uses, FILE), expected);
    assert_eq!(uses.at(FILE.find("planted").unwrap()).unwrap().job, Some("1".into()));
}

#[test]
fn escapes_and_shells() {
    let text = "# escape=`\nFROM a\nSHELL [\"powershell\", \"-Command\"]\nARG APP_TOKEN\nRUN Write-Host `\n  $env:APP_TOKEN\nRUN a; c:\\\n";
    let uses = read(text);
    assert_eq!(doors(&uses, text)[1], (Door::Printed, "Write-Host `\n  $env:APP_TOKEN", Confidence::High));
    let text = "FROM a\nSHELL [\"/bin/bash\", \"-exc\"]\nARG APP_TOKEN\nRUN curl $APP_TOKEN\n";
    assert_eq!(doors(&read(text), text)[1].0, Door::Traced);
}

#[test]
fn what_is_left_out_is_told_once() {
    let arguments: String = (0..200).map(|n| format!("ARG TOKEN_{n}_KEY\n")).collect();
    let mounts: String = (0..200).map(|n| format!(" --mount=type=secret,id=s{n}")).collect();
    let unread = read(&format!("FROM a\n{arguments}RUN{mounts} b\n")).unread;
    assert_eq!(unread.iter().map(|one| one.kind).collect::<Vec<_>>(), [Some(GapKind::OverBudget)]);
}

#[test]
fn of_anybody() {
    for own in ["Dockerfile", "a/Dockerfile.dev", "Dockerfile-arm", "x.Dockerfile", "web.dockerfile", "Containerfile"] {
        assert!(is_own(own), "{own}");
    }
    assert!(!is_own("Dockerfile.dev.dockerignore") && !is_own("Dockerfiles/a") && !is_own("docker.md"));
    for end in 0..FILE.len() {
        read(&FILE[..end]);
    }
    let text = [FILE.as_bytes(), b"RUN \xff\n"].concat();
    let uses = (READER.read)(File { path: "Dockerfile", text: &text });
    assert_eq!((uses.uses.len(), uses.unread.len()), (13, 1));
    for text in [
        "FROM a\n".repeat(50_000),
        "RUN <<A\n".repeat(50_000),
        "RUN \\\n".repeat(100_000),
        "ARG A_TOKEN\n".repeat(50_000),
    ] {
        read(&text);
    }
}

#[test]
fn what_a_container_runs_reads_variables() {
    let text = "FROM a\nCMD [\"sh\", \"-c\", \"exec x $A_TOKEN '$B_TOKEN'\"]\nENTRYPOINT x ${C_TOKEN} $LEVEL\nCMD [\"x\", \"$D_TOKEN\"]\n";
    let uses = (READER.read)(File { path: "Dockerfile", text: text.as_bytes() });
    let names: Vec<_> = uses.uses.iter().map(|one| String::from_utf8_lossy(one.name.raw()).into_owned()).collect();
    assert_eq!(names, ["A_TOKEN", "C_TOKEN"]);
}

//! What scripts do with a secret, and what they do not.

#![cfg(test)]

use proptest::prelude::*;

use super::{Dialect, Script, Seen, Sources, Written, examine, examine_all, fetched, references};
use crate::model::usage::{Door, Store};

fn script(text: &str, dialect: Dialect) -> Script<'_> {
    Script { text, base: 0, dialect, traced: false }
}

/// Every variable and template that has `T` as its name, or ends in `.T`, is secret.
fn seen(text: &str, dialect: Dialect) -> Seen<&'static str> {
    examine(script(text, dialect), &|one| match one.text {
        "T" | "secrets.T" => vec!["T"],
        "U" => vec!["U"],
        _ => Vec::new(),
    })
}

/// Doors with names and the text that opens them.
fn doors(text: &str, dialect: Dialect) -> Vec<(Door, &'static str, &str)> {
    let told = seen(text, dialect).passages;
    told.into_iter().map(|one| (one.door, one.name.unwrap_or("*"), &text[one.span.start..one.span.end])).collect()
}

fn posix(text: &str) -> Vec<(Door, &'static str, &str)> {
    doors(text, Dialect::Posix)
}

/// What is printed, as texts.
fn printed(text: &str) -> Vec<&str> {
    posix(text).into_iter().filter(|(door, ..)| *door == Door::Printed).map(|(.., text)| text).collect()
}

fn traced(text: &str) -> Vec<&str> {
    posix(text).into_iter().filter(|(door, ..)| *door == Door::Traced).map(|(.., text)| text).collect()
}

fn written(text: &str, dialect: Dialect) -> Vec<(String, &'static str)> {
    seen(text, dialect).written.into_iter().map(|one| (one.path, one.name)).collect()
}

#[track_caller]
fn quiet(all: &[&str], dialect: Dialect) {
    for text in all {
        assert_eq!(doors(text, dialect), Vec::new(), "{text}");
    }
}

#[track_caller]
fn loud(all: &[&str], dialect: Dialect) {
    for text in all {
        let found = doors(text, dialect);
        assert!(found.iter().any(|(door, name, _)| *door == Door::Printed && *name == "T"), "{text}: {found:?}");
    }
}

#[test]
fn what_is_written_to_the_output_is_printed() {
    loud(
        &[
            "echo $T",
            "echo ${T}",
            "echo \"$T\"",
            "echo pre\"$T\"post",
            "printf '%s' \"$T\" >&2",
            "echo $T 1>&2",
            "echo $T > /dev/stderr",
            "echo $T >> $GITHUB_STEP_SUMMARY",
            "echo ${T:0:4}",
            "echo ${T:-none}",
            "/bin/echo $T",
            "sudo -E echo $T",
            "env A=b echo $T",
            "time echo $T",
            "! echo $T",
            "X=1 echo $T",
            "echo \\\n  $T",
            "echo \\\r\n  $T",
            "echo '${{ secrets.T }}'",
            "echo ${{secrets.T}}",
            "echo \"a;b|c\" $T",
            "echo '\"' $T",
            "echo \"'$T'\"",
            "echo a#b $T",
            "# it's\necho $T",
            "true # don't\necho $T",
            "true && echo $T",
            "false || echo $T",
            "true & echo $T",
            "echo $T 2>/dev/null",
            "echo 2>/dev/null $T",
            "printenv T",
            "printenv T | base64",
        ],
        Dialect::Posix,
    );
    assert_eq!(posix("X=1 echo \"a $T\" >&2 # b"), [(Door::Printed, "T", "echo \"a $T\"")]);
    assert_eq!(posix("echo $T $U"), [(Door::Printed, "T", "echo $T $U"), (Door::Printed, "U", "echo $T $U")]);
}

#[test]
fn what_is_not_written_to_the_output_is_not_printed() {
    quiet(
        &[
            "echo '$T'",
            "echo \\$T",
            "echo \"\\$T\"",
            "echo $TT",
            "echo T",
            "echo ${#T}",
            "echo ${T:+set}",
            "echo ${T+set}",
            "curl -H \"Authorization: Bearer $T\" https://example.org",
            "[ -n \"$T\" ] && echo set",
            "if [ -z \"$T\" ]; then echo \"not set\"; fi",
            ": \"${T:?is not set}\"",
            "echo $T > f",
            "echo $T >f",
            "echo $T >> f",
            "echo $T &> f",
            "echo $T >& f",
            "echo $T > /dev/null 2>&1",
            "echo $T >&3",
            "> f echo $T",
            "# echo $T",
            "true # echo $T",
            "echo \"::add-mask::$T\"",
            "echo '::add-mask::${{ secrets.T }}'",
            "echo \"##vso[task.setvariable variable=x;issecret=true]$T\"",
            "printf -v X '%s' \"$T\"",
            "cat f",
            "env T=$T cmd",
            "env -i cmd",
            "export -n T",
            "export T",
            "set -e",
            "git commit -m \"echo $T\"",
        ],
        Dialect::Posix,
    );
}

#[test]
fn a_pipe_carries_a_value_as_far_as_its_commands_do() {
    quiet(
        &[
            "echo $T | docker login --password-stdin -u me",
            "echo \"$T\" | docker login -u \"$(id -un)\" --password-stdin",
            "echo \"$T\" |\n  docker login --password-stdin",
            "echo $T | base64 | gh secret set X",
            "echo $T | base64 -d > f",
            "echo $T | tee f > /dev/null",
            "echo $T | sudo tee f >/dev/null",
            "echo $T | grep -q x",
            "echo $T | grep -c x",
            "echo $T | wc -c",
            "echo $T | sha256sum",
            "echo $T | gpg --import",
            "echo $T | openssl rsa -pubout",
            "echo $T | xargs -I{} curl {}",
            "docker login -u me --password-stdin <<< \"$T\"",
            "docker login -u me --password-stdin < <(echo $T)",
            "( echo me; echo $T ) | login",
            "{ echo me; echo $T; } | login",
            "{ echo A=$T; echo B=c; } >> $GITHUB_ENV",
            "for x in a b; do echo $T; done | login",
            "if true; then echo $T; fi > f",
            "while read x; do\n  echo $T\ndone < f > g",
            "case $x in\n  a) echo $T ;;\n  *) true ;;\nesac | login",
        ],
        Dialect::Posix,
    );
    loud(
        &[
            "echo $T | base64",
            "echo $T | base64 -w0 | rev",
            "echo $T | tee f",
            "echo $T | tee /dev/stderr | login",
            "echo $T | sed 's/./& /g'",
            "echo $T | cut -c1-4",
            "echo $T | grep x",
            "echo $T | openssl base64",
            "echo $T | xargs echo",
            "base64 <<< \"$T\"",
            "cat <(echo $T)",
            "( echo $T )",
            "{ echo $T; }",
            "{ echo $T; } 2>&1",
            "for x in a b; do echo $T; done",
            "if true; then echo $T; else true; fi",
            "while true\ndo\n  echo $T\ndone",
            "case $x in a) echo $T;; esac",
            "case $x in\n(a) true;;\nb|c) echo $T\nesac",
            "sed \"s/x/$T/\" f",
            "jq -n --arg t \"$T\" '{t: $t}'",
            "echo $T | cat $(ls)",
        ],
        Dialect::Posix,
    );
    assert_eq!(printed("echo $T | base64 -w0"), ["base64 -w0"]);
    assert_eq!(printed("{ true; echo $T; }"), ["echo $T"]);
    assert_eq!(printed("(echo me; (echo $T) | cat)"), ["cat"]);
}

#[test]
fn what_an_inner_command_writes_is_a_part_of_its_word() {
    loud(
        &[
            "echo $(echo $T)",
            "echo \"$(echo \"$T\" | base64)\"",
            "echo `echo $T`",
            "echo \"`echo $T | rev`\"",
            "X=$(echo $T | base64); echo $X",
            "echo \"$(cat <<END\n$T\nEND\n)\"",
            "echo $( (echo $T) )",
            "echo $(case a in a) echo $T;; esac)",
            "echo \"$(printenv T)\"",
        ],
        Dialect::Posix,
    );
    quiet(
        &[
            "echo \"$(curl -H \"Authorization: $T\" https://example.org)\"",
            "X=$(curl -u \"me:$T\" https://example.org | jq -r .id)\necho \"$X\"",
            "echo $(echo $T | sha256sum)",
            "X=$(echo $T)",
            "echo $(echo $T > f)",
            "echo $((1 + 2))",
            "echo $(login `echo $T`)",
        ],
        Dialect::Posix,
    );
    assert_eq!(printed("Y=$(env)\necho \"$Y\""), ["echo \"$Y\""]);
}

#[test]
fn documents_are_text_of_the_command_that_reads_them() {
    loud(
        &[
            "cat <<END\na $T\nEND",
            "cat <<-END\n\t$T\n\tEND\n",
            "cat << \"END\" <<EOF\nx\nEND\n$T\nEOF\n",
            "cat <<'END'\n${{ secrets.T }}\nEND\n",
            "cat <<A | base64\n$T\nA\n",
            "cat <<END\n$T",
            "cat <<END\r\n$T\r\nEND\r\n",
        ],
        Dialect::Posix,
    );
    quiet(
        &[
            "cat <<'END'\n$T\nEND",
            "cat <<\\END\n$T\nEND",
            "cat <<END\n\\$T\nEND",
            "cat > f <<END\n$T\nEND",
            "cat <<END > f\n$T\nEND",
            "cat <<END | login\n$T\nEND",
            "login <<END || echo failed\n$T\nEND",
            "set -x\ncat > f <<END\n$T\nEND",
            "cat <<END\necho it's\nEND\ncurl $T",
        ],
        Dialect::Posix,
    );
    assert_eq!(written("cat > f <<END\n  x: $T\nEND\n", Dialect::Posix), [("f".to_owned(), "T")]);
    assert_eq!(printed("cat <<END\n$T\nEND\nls"), ["cat <<END\n$T\n"]);
    let text = "cat <<END\necho it's $T\nEND\necho \"$U\"";
    assert_eq!(posix(text).last(), Some(&(Door::Printed, "U", "echo \"$U\"")));
}

#[test]
fn the_whole_environment() {
    for text in [
        "env",
        "printenv",
        "export -p",
        "export",
        "declare -x",
        "set",
        "env | sort",
        "env | cat",
        "/usr/bin/env",
        "cat /proc/self/environ",
        "env | grep -v PATH",
        "env | grep TOKEN",
        "(env)",
        "env | tee f",
    ] {
        assert_eq!(posix(text).first().map(|(door, name, _)| (*door, *name)), Some((Door::Printed, "*")), "{text}");
    }
    quiet(
        &[
            "env > f",
            "env | grep -q X",
            "env | cut -d= -f1",
            "env | grep ^CI",
            "X=$(env)",
            "env X=1 make",
            "env -u X make",
            "export X=1",
            "set -e",
            "declare -A x",
            "env | login",
            "(env) > f",
        ],
        Dialect::Posix,
    );
}

#[test]
fn a_traced_shell_prints_what_commands_are_given() {
    assert_eq!(traced("set -x\ncurl -u $T a\nset +x\ncurl -u $T b"), ["curl -u $T a"]);
    for on in [
        "set -euxo pipefail",
        "set -o xtrace",
        "set -eo xtrace",
        "set -e -x",
        "set -ex",
        "set -x -e",
        "set +e -x",
        "false || set -x",
    ] {
        assert_eq!(traced(&format!("{on}\ncurl $T")), ["curl $T"], "{on}");
    }
    for off in [
        "set -euo pipefail",
        "set -- -x",
        "set +x",
        "set +xe",
        "set -e # -x",
        "echo set -x",
        "set -o pipefail",
        "(set -x; true)",
        "set -x; { set +x; } 2>/dev/null",
        "set -x; set +o xtrace",
        "set -x; set -",
    ] {
        assert!(traced(&format!("{off}\ncurl $T")).is_empty(), "{off}");
    }
    assert_eq!(traced("set -x\nX=$T\nexport Y=$T\n[ -n \"$T\" ]"), ["X=$T", "Y=$T", "[ -n \"$T\" ]"]);
    assert_eq!(traced("set -x\nX=$(curl $T)"), ["curl $T"]);
    assert_eq!(traced("bash -xc \"curl $T\""), ["bash -xc \"curl $T\""]);
    assert!(traced("set -x\nlogin <<< $T\nlogin '$T'\nlogin").is_empty());
    assert!(traced("set -x\nfor x in $T; do true; done").is_empty());
    let started = Script { traced: true, ..script("login $T", Dialect::Posix) };
    assert_eq!(examine(started, &|one| vec![one.text.to_owned()]).passages.len(), 1);
}

#[test]
fn arguments_of_builds() {
    for text in [
        "docker build --build-arg A=$T .",
        "docker build --build-arg=A=$T .",
        "docker build --build-arg=\"A=$T\" .",
        "docker build --build-arg \"A=$T\" .",
        "docker build --build-arg T .",
        "docker build --build-arg=T .",
        "docker buildx build --push --build-arg T=${T} .",
        "docker build \\\n  --build-arg A=\"$T\" \\\n  .",
        "buildctl build --opt build-arg:A=$T",
        "buildctl build --opt=build-arg:A=$T",
        "/kaniko/executor --build-arg A=$T",
        "podman build --build-arg A=${{ secrets.T }} .",
        "sudo docker compose build --build-arg A=$T",
        "A=$T; docker build --build-arg A .",
        "docker buildx bake --set \"*.args.A=$T\"",
        "docker buildx bake --push --set=app.args.A=$T app",
    ] {
        let found = posix(text);
        assert!(matches!(found.as_slice(), [(Door::BuildArgument, "T", _)]), "{text}: {found:?}");
    }
    quiet(
        &[
            "docker build --secret id=T .",
            "docker build --build-arg A=b .",
            "docker build --build-arg",
            "docker buildx bake --set *.platform=$T",
            "helm upgrade x . --set a.args.b=$T",
            "echo --build-arg",
            "docker run -e T=$T x",
        ],
        Dialect::Posix,
    );
}

#[test]
fn files_that_values_go_into() {
    let f = || vec![("f".to_owned(), "T")];
    for text in [
        "echo $T > f",
        "echo $T >> \"f\"",
        "echo $T | tee f",
        "echo $T | tee -a f >/dev/null",
        "echo $T | base64 -d > f",
        "{ echo $T; } > f",
        "(echo a; echo $T) >f",
        "sed -i \"s/x/$T/\" f",
        "sed \"s/x/$T/\" g > f",
        "echo $T &> f",
        "echo $T >| f",
        "printenv T > f",
    ] {
        assert_eq!(written(text, Dialect::Posix), f(), "{text}");
    }
    for text in ["echo $T > /dev/null", "echo $T 2> f", "login $T > f", "echo '$T' > f", "echo $T | login > f"] {
        assert_eq!(written(text, Dialect::Posix), [], "{text}");
    }
}

#[test]
fn variables_that_are_set_have_what_they_are_given() {
    loud(
        &[
            "X=$T; echo $X",
            "X=\"a $T\"\nY=$X\necho $Y",
            "export X=$T\necho $X",
            "local -r X=$T; echo $X",
            "X+=$T\necho $X",
            "X=(a $T)\necho \"${X[@]}\"",
            "for x in a $T; do echo $x; done",
            "read -r X <<< \"$T\"; echo $X",
            "T=${T:-none}; echo $T",
            "if a; then T=none; fi; echo $T",
            "a || T=none; echo $T",
            "T=x login\necho $T",
            "(T=x); echo $T",
        ],
        Dialect::Posix,
    );
    quiet(
        &["T=none; echo $T", "X=$T\nX=b\necho $X", "X=$T login; echo $X", "unset T; echo $T", "X='$T'; echo $X"],
        Dialect::Posix,
    );
    assert_eq!(
        seen("A=1 B=$T; export C=2 D\nfor e in 1; do F=1 x; done", Dialect::Posix).assigned,
        ["A", "B", "C", "e"]
    );
}

#[test]
fn functions_write_where_they_are_called() {
    loud(
        &[
            "f() { echo $T; }\nf",
            "function f { echo $T; }\nf a",
            "function f () {\n  echo $T\n}\nf",
            "f ()\n{\n echo $T\n}\nf | base64",
        ],
        Dialect::Posix,
    );
    quiet(
        &["f() { echo $T; }", "f() { echo $T; }\nf | login", "f() { echo $T; }\nlogin \"$(f)\"", "f() { f; }\nf"],
        Dialect::Posix,
    );
    assert_eq!(printed("f() { echo $T; }\nX=1 f"), ["echo $T"]);
}

#[test]
fn functions_write_what_they_are_given() {
    loud(
        &[
            "log() { echo \"[log] $*\"; }\nlog \"token $T\"",
            "log() { local m=\"$1\"; printf '%s' \"$m\" >&2; }\nlog $T",
            "say() { echo \"$@\"; }\nlog() { say \"a: ${2:-none}\"; }\nlog a $T",
            "run() { echo \"+ $*\"; \"$@\"; }\nrun docker login -p $T",
        ],
        Dialect::Posix,
    );
    quiet(
        &[
            "log() { echo \"$1\"; }\nlog a $T",
            "log() { echo \"$#\" \"${1:+set}\" '$1' \\$1; }\nlog $T",
            "need() { [ -n \"$1\" ] || echo \"$2 is not set\"; }\nneed \"$T\" T",
            "log() { echo \"$*\" > f; }\nlog $T",
            "log() { echo $1; }\nlog $T | login",
            "echo $1 $@",
        ],
        Dialect::Posix,
    );
    assert_eq!(printed("log() { echo $1; }\nlog $T"), ["log $T"]);
}

#[test]
fn what_a_shell_reads_again_is_followed_once() {
    loud(
        &[
            "bash -c \"echo $T\"",
            "sh -ec 'echo $T'",
            "sudo /bin/sh -c 'set -e; echo \"$T\"'",
            "bash -c \"echo '$T'\"",
            "bash -c \"echo \\\"$T\\\"\"",
            "bash -c \"echo \\$T\"",
            "eval \"echo $T\"",
            "eval echo \\$T",
            "eval \"X=$T\"; echo $X",
            "echo \"$(bash -c 'echo $T')\"",
            "timeout 5m bash -c 'echo $T'",
            "pwsh -c 'Write-Host $env:T'",
            "sh -c 'cat <<E\n$T\nE'",
        ],
        Dialect::Posix,
    );
    quiet(
        &[
            "bash -c \"echo '\\$T'\"",
            "bash -c 'echo \\$T'",
            "bash -c 'echo $T' > f",
            "bash -c \"echo $T\" | login",
            "bash -c 'login \"$T\"'",
            "sh script.sh -c \"echo $T\"",
            "bash -c 'X=$T'; echo $X",
            "eval \"$(login $T)\"",
            "bash -c \"bash -c 'echo $T'\"",
            "eval",
            "sh -c",
        ],
        Dialect::Posix,
    );
    assert_eq!(posix("true; bash -c \"echo $T\""), [(Door::Printed, "T", "bash -c \"echo $T\"")]);
    assert_eq!(traced("bash -xc 'curl -u a:$T x'"), ["bash -xc 'curl -u a:$T x'"]);
    assert_eq!(traced("sh -o xtrace -c 'curl $T'"), ["sh -o xtrace -c 'curl $T'"]);
    assert_eq!(traced("bash -c 'set -x; curl $T'\ncurl $T"), ["bash -c 'set -x; curl $T'"]);
    assert_eq!(traced("eval 'set -x'\ncurl $T"), ["curl $T"]);
    assert_eq!(traced("bash -c 'curl $T' -x"), [""; 0]);
    assert_eq!(written("bash -c 'echo $T > f'", Dialect::Posix), [("f".to_owned(), "T")]);
    loud(&["iex \"echo $env:T\"", "Invoke-Expression 'Write-Host $env:T'"], Dialect::PowerShell);
    // A template is told with its place in the file.
    let text = "sh -c \"echo \\\"${{ x }}\\\"\"";
    let all = examine(script(text, Dialect::Posix), &|one| vec![text[one.span.start..one.span.end].to_owned()]);
    assert_eq!(all.passages[0].name.as_deref(), Some("${{ x }}"));
}

#[test]
fn files_give_back_what_was_written_into_them() {
    loud(
        &[
            "echo \"$T\" > key.json; cat key.json",
            "echo \"$T\" > ./key.json\nbase64 key.json",
            "printf %s $T | tee f >/dev/null\necho \"$(cat f)\"",
            "echo $T | base64 -d > f\nhead -1 f",
            "echo $T > f\nX=$(<f)\necho $X",
            "echo $T > f\nbase64 < f",
            "echo $T > f\njq . f",
        ],
        Dialect::Posix,
    );
    quiet(
        &[
            "cat key.json; echo \"$T\" > key.json",
            "echo $T > key.json\ncat other.json",
            "echo $T > key.json\necho a > key.json\ncat key.json",
            "echo $T > key.json\ngcloud auth login --cred-file key.json",
            "echo $T > key.json\njq -r .project_id key.json",
            "echo $T > key.json\ncat key.json | jq -r .client_email",
            "echo $T > key.json\ncat key.json | docker login --password-stdin",
            "echo $T > f\ntee f < g",
            "echo $T > f\ngrep x f\nls f\nchmod 600 f",
        ],
        Dialect::Posix,
    );
    let shell = Dialect::PowerShell;
    loud(&["Set-Content -Path f -Value $env:T\nGet-Content f", "$env:T | Out-File f\ntype f"], shell);
    assert_eq!(doors("echo %T%>f\ntype f", Dialect::Cmd).len(), 1);
    assert_eq!(printed("env > f\ncat f"), ["cat f"]);
    assert_eq!(seen("env > f", Dialect::Posix).whole.len(), 1);
    let before = [Written { path: "f".to_owned(), name: "T", span: <_>::default() }];
    let sources = Sources { secret: &|_| Vec::new(), fetched: &|_| None, files: &before };
    assert_eq!(examine_all(script("cat f", Dialect::Posix), &sources).passages.len(), 1);
}

#[test]
fn tools_show_what_they_are_given() {
    loud(
        &[
            "curl -v -H \"Authorization: Bearer $T\" x",
            "curl -sSv -u \"me:$T\" x",
            "curl --verbose \"https://x/?key=$T\"",
            "curl -v -H \"A: $T\" x > f",
            "curl -v -H \"A: $T\" x 2>&1",
            "kubectl create secret generic x --from-literal=t=$T --dry-run=client -o yaml",
            "oc create secret generic x --from-literal t=$T --dry-run=client --output=json",
            "X=$(kubectl create secret generic x --from-literal=t=$T --dry-run=client -oyaml); echo \"$X\"",
        ],
        Dialect::Posix,
    );
    quiet(
        &[
            "curl -H \"A: $T\" x",
            "curl -s -o v -H \"A: $T\" x",
            "curl -v -d \"password=$T\" x",
            "curl -v --data-binary \"$T\" x",
            "curl -v --digest -u \"me:$T\" x",
            "curl -v -H \"A: $T\" x 2>/dev/null",
            "curl -v -H \"A: $T\" x > f 2>&1",
            "curl -v -H \"A: $T\" x &> f",
            "curl -v -H \"A: $T\" x 2>&1 | grep HTTP",
            "curl -H \"-v $T\" x",
            "kubectl create secret generic x --from-literal=t=$T",
            "kubectl create secret generic x --from-literal=t=$T --dry-run=client -o yaml | kubectl apply -f -",
            "kubectl create secret generic x --from-literal=t=$T --dry-run=client -o yaml > f",
            "kubectl create secret generic x --from-literal=t=$T --dry-run=client -o name",
        ],
        Dialect::Posix,
    );
}

/// The names and places of the secrets that a script fetches.
fn fetches(text: &str, dialect: Dialect) -> Vec<(String, Store)> {
    let all = fetched(script(text, dialect));
    all.iter().for_each(|one| assert!(one.name.ends_with(&text[one.span.start..one.span.end]), "{text}"));
    all.into_iter().map(|one| (one.name, one.store)).collect()
}

#[test]
fn commands_fetch_secrets() {
    let all = [
        ("aws secretsmanager get-secret-value --secret-id prod/db --output text", "prod/db"),
        ("aws --region x secretsmanager get-secret-value --secret-id='prod/db'", "prod/db"),
        ("aws ssm get-parameter --name \"/app/token\" --with-decryption", "/app/token"),
        ("gcloud secrets versions access latest --secret=one", "one"),
        ("gcloud secrets versions access projects/a/secrets/one/versions/2", "one"),
        ("az keyvault secret show --vault-name v -n one --query value -o tsv", "one"),
        ("az keyvault secret show --id https://v.vault.azure.net/secrets/one", "one"),
        ("vault kv get -field=token secret/app", "secret/app"),
        ("vault kv get -mount secret app", "secret/app"),
        ("vault read -field=password database/creds/app", "database/creds/app"),
        ("op read \"op://vault/item/field\"", "op://vault/item/field"),
        ("bash -c \"op read \\\"op://vault/item/field\\\"\"", "op://vault/item/field"),
        ("if X=$(op read op://vault/item/field); then true; fi", "op://vault/item/field"),
    ];
    for (text, name) in all {
        assert_eq!(fetches(text, Dialect::Posix), [(name.to_owned(), Store::Manager)], "{text}");
    }
    for text in ["kubectl get secret one", "kubectl -n a get secrets/one -o yaml", "oc get secret -n a one -o json"] {
        assert_eq!(fetches(text, Dialect::Posix), [("one".to_owned(), Store::Secret)], "{text}");
    }
    assert_eq!(fetches("aws ssm get-parameters --names /a /b --with-decryption", Dialect::Posix).len(), 2);
    assert_eq!(fetches("$x = Get-AzKeyVaultSecret -VaultName v -Name one", Dialect::PowerShell).len(), 1);
    let none = [
        "aws secretsmanager list-secrets",
        "aws secretsmanager get-secret-value --secret-id \"$ID\"",
        "gcloud secrets list",
        "vault kv put secret/app a=b",
        "vault read auth/token/lookup-self",
        "kubectl get pods one",
        "kubectl get secret",
        "echo aws secretsmanager get-secret-value --secret-id one",
        "op read",
    ];
    for text in none {
        assert_eq!(fetches(text, Dialect::Posix), [], "{text}");
    }
}

#[test]
fn what_is_fetched_is_followed() {
    let told = |text: &str, dialect| {
        let sources = Sources { secret: &|_| Vec::new(), fetched: &|name| Some(name.to_owned()), files: &[] };
        let seen = examine_all(script(text, dialect), &sources);
        let shown: Vec<_> = seen.passages.into_iter().map(|one| one.name.unwrap_or_default()).collect();
        (shown, seen.written.len())
    };
    let one = |text: &str| assert_eq!(told(text, Dialect::Posix), (vec!["one".to_owned()], 0), "{text}");
    one("P=$(aws secretsmanager get-secret-value --secret-id one | jq -r .SecretString)\necho \"$P\"");
    one("gcloud secrets versions access latest --secret one");
    one("kubectl get secret one -o jsonpath='{.data.pw}' | base64 -d");
    one("echo \"$(vault kv get -field=token -mount=a one)\"".replace("-mount=a ", "").as_str());
    let quiet = [
        "P=$(aws secretsmanager get-secret-value --secret-id one); login \"$P\"",
        "aws secretsmanager get-secret-value --secret-id one > /dev/null",
        "aws secretsmanager get-secret-value --secret-id one --query ARN",
        "aws ssm get-parameter --name one",
        "aws ssm get-parameter --name /app/host --with-decryption",
        "vault kv get -field=username one",
        "az keyvault secret show --name one -o none",
        "az keyvault secret show --name one --query id",
        "kubectl get secret one",
        "kubectl get secret one -o name",
        "op read op://a/b/one | docker login --password-stdin",
    ];
    for text in quiet {
        assert_eq!(told(text, Dialect::Posix), (Vec::new(), 0), "{text}");
    }
    for text in [
        "gcloud secrets versions access 1 --secret one --out-file=f",
        "op read -o f op://a/b/one",
        "op read op://a/b/one > f",
    ] {
        assert_eq!(told(text, Dialect::Posix), (Vec::new(), 1), "{text}");
    }
    let text = "$x = Get-AzKeyVaultSecret -VaultName v -Name one -AsPlainText\nWrite-Host $x";
    assert_eq!(told(text, Dialect::PowerShell).0, ["one"]);
}

#[test]
fn powershell() {
    let shell = Dialect::PowerShell;
    loud(
        &[
            "Write-Host $env:T",
            "write-output \"a $env:T b\"",
            "Write-Host \"$($env:T)\"",
            "Write-Host (\"a\" + $env:T)",
            "echo ${env:T}",
            "$env:T",
            "\"token: $env:T\"",
            "$env:T | Out-String",
            "$x = $env:T\nWrite-Host $X",
            "$x=\"$env:T\"; Write-Host \"$x\"",
            "if ($env:A) { Write-Host $Env:T }",
            "try {Write-Host $env:T} catch {}",
            "Write-Host `\n  $env:T",
            "Write-Host @\"\n it's \"quoted\" $env:T\n\"@",
            "gci env:T",
            "Get-ChildItem Env:T | Format-List",
            "function Show { Write-Host $env:T }\nShow",
            "Write-Host 'it''s' $env:T",
            "# it's\nWrite-Host $env:T",
            "<# it's #> Write-Host $env:T",
            "[Console]::WriteLine($env:T)",
            "[System.Console]::Error.WriteLine(\"a $env:T\")",
            "\"{0}\" -f $env:T",
            "$env:T + 'x'",
            "throw \"x $env:T\"",
            "echo ('x' + [Environment]::GetEnvironmentVariable('T'))",
            "$x = [System.Environment]::GetEnvironmentVariable(\"T\", 'Process'); Write-Host $x",
        ],
        shell,
    );
}

#[test]
fn powershell_keeps_to_itself() {
    let shell = Dialect::PowerShell;
    quiet(
        &[
            "Write-Host '$env:T'",
            "Write-Host \"`$env:T\"",
            "Write-Host $T",
            "Write-Host $env:T.Length",
            "if ($env:T -eq \"\") { Write-Host \"none\" }",
            "$x = $env:T",
            "$env:T | docker login --password-stdin",
            "Invoke-WebRequest -Headers @{ Authorization = $env:T }",
            "$env:T = 'x'; Write-Host $env:T",
            "$x = Get-Thing $env:T; Write-Host $x",
            "$env:T | Out-File f",
            "Set-Content -Path f -Value $env:T",
            "Write-Host $env:T > f",
            "Write-Host @'\n$env:T\n'@",
            "Set-PSDebug -Trace 1\nLogin $env:T",
            "# Write-Host $env:T",
            "<# Write-Host $env:T #>",
            "[Console]::ReadLine($env:T)",
            "[Environment]::SetEnvironmentVariable('X', $env:T)",
            "[Environment]::GetEnvironmentVariable('T') | login",
            "echo ([Environment]::GetEnvironmentVariable('A'))",
            "$x = \"{0}\" -f $env:T",
            "\"{0}\" -f $env:A",
            "ls",
        ],
        shell,
    );
}

#[test]
fn powershell_lists_and_writes() {
    let shell = Dialect::PowerShell;
    assert_eq!(doors("gci env: | sort-object name", shell), [(Door::Printed, "*", "sort-object name")]);
    assert_eq!(doors("Get-ChildItem Env:*", shell), [(Door::Printed, "*", "Get-ChildItem Env:*")]);
    for text in [
        "$env:T | Out-File f",
        "Set-Content -Path f -Value $env:T",
        "$env:T | Set-Content f",
        "Write-Output $env:T > f",
        "Set-Content f $env:T",
    ] {
        assert_eq!(written(text, shell), [("f".to_owned(), "T")], "{text}");
    }
    let told: Vec<_> = references(script("$a = $env:One + ${env:Two}; $b", shell)).iter().map(|one| one.text).collect();
    assert_eq!(told, ["One", "Two"]);
}

#[test]
fn cmd() {
    let shell = Dialect::Cmd;
    loud(
        &[
            "echo %T%",
            "@echo '%T%'",
            "echo %T:~0,3%",
            "set X=%T%\r\necho %X%",
            "set \"X=%T%\"\necho %X%",
            "if exist f (echo %T%) else (dir)",
            "echo a;%T%",
            "call echo %T%",
            "echo a ^\r\n %T%",
            "rem it's\necho %T%",
        ],
        shell,
    );
    quiet(
        &[
            "echo T%",
            "echo %TT%",
            "rem echo %T%",
            ":: echo %T%",
            "@REM echo %T%",
            "echo %T%| docker login --password-stdin",
            "echo %T%>f",
            "set X=%T%",
            "curl -u %T% a",
        ],
        shell,
    );
    assert_eq!(doors("set\r\nset X=1", shell), [(Door::Printed, "*", "set")]);
    assert_eq!(written("echo %T%>f", shell), [("f".to_owned(), "T")]);
    assert_eq!(Dialect::named("/usr/bin/pwsh -NoProfile"), Dialect::PowerShell);
    assert_eq!(Dialect::named("C:\\Windows\\cmd.exe"), Dialect::Cmd);
    assert_eq!(Dialect::named("bash --noprofile {0}"), Dialect::Posix);
}

#[test]
fn references_have_exact_places() {
    let text = "é=$A; \"${B:-$C}\" '$D' `$E` $(x ${F}) <<X >$G\n$H\nX\n${{ env.I }} $1 $? ${!J} ${#K}";
    let file = format!("----{text}");
    let told = references(Script { base: 4, ..script(text, Dialect::Posix) });
    let told: Vec<(&str, &str)> = told.iter().map(|one| (one.text, &file[one.span.start..one.span.end])).collect();
    let all = [
        ("A", "$A"),
        ("B", "${B"),
        ("C", "$C"),
        ("E", "$E"),
        ("F", "${F}"),
        ("G", "$G"),
        ("H", "$H"),
        ("env.I", "${{ env.I }}"),
        ("J", "${!J}"),
        ("K", "${#K}"),
    ];
    assert_eq!(told, all);
}

#[test]
fn what_is_hostile_ends_in_time() {
    let many = |part: &str| part.repeat((1 << 14) / part.len());
    for part in [
        "$(",
        "`",
        "(",
        "{ ",
        "${{",
        "'",
        "\"",
        "$",
        "a|",
        "a;",
        "\"$(",
        "<<A\n",
        "a<<A\nA\n",
        "@\"\n",
        "<#",
        "A=(",
        "${",
        "%a:",
        "if ",
        "case x in a) ",
        "f(){ ",
        "$T ",
        "x=$T ",
        "#",
        "\\\n",
        "é",
        "<(",
        "a|b $(",
        "}",
        ")",
        "a=$T;",
        "f(){ echo $T\n}\nf\n",
        "> ",
        "&",
        "echo $T | cat |",
    ] {
        let text = many(part);
        for dialect in [Dialect::Posix, Dialect::PowerShell, Dialect::Cmd] {
            let start = std::time::Instant::now();
            let seen = examine(script(&text, dialect), &|one| vec![one.text.to_owned()]);
            assert!(seen.passages.len() <= 10_000);
            let _ = references(script(&text, dialect));
            assert!(start.elapsed().as_secs() < 60, "{part:?} {dialect:?}: {:?}", start.elapsed());
        }
    }
    let names: String = (0..20_000).map(|n| format!("$A{n} ")).collect();
    let _ = examine(script(&format!("echo {names}"), Dialect::Posix), &|one| vec![one.text.to_owned()]);
    let large = format!("{}\necho $T", "# a\n".repeat(1 << 18));
    assert!(seen(&large, Dialect::Posix).left_out.is_some());
    assert!(seen(&"a;".repeat(60_000), Dialect::Posix).left_out.is_some());
    let _ = seen(&"$(".repeat(1 << 19), Dialect::Posix);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_and_places_lie_in_it(parts in prop::collection::vec(prop_oneof![
        Just("$T"), Just("${T"), Just("}"), Just("{ "), Just("("), Just(")"), Just("$("), Just("`"), Just("'"), Just("\""), Just("\\"), Just("\n"), Just("\r\n"), Just(" "),
        Just(";"), Just("|"), Just("&&"), Just(">"), Just("<<"), Just("<<<"), Just("END"), Just("echo "), Just("if "), Just("fi"), Just("case x in"), Just("esac"), Just("f() "),
        Just("set -x"), Just("X="), Just("${{"), Just("}}"), Just("#"), Just("%T%"), Just("$env:T"), Just("@\"\n"), Just("é"), Just("\u{0}"), Just("--build-arg "), Just("<("), Just("&>"), Just("2>&1"), Just("function "),
    ], 0..40), other in ".{0,20}", dialect in 0..3_u8) {
        let dialect = [Dialect::Posix, Dialect::PowerShell, Dialect::Cmd][usize::from(dialect)];
        let text = format!("{}{other}", parts.concat());
        let given = Script { text: &text, base: 7, dialect, traced: false };
        let seen = examine(given, &|one| vec![one.text.to_owned()]);
        let told = references(given);
        let spans = seen.passages.iter().map(|one| one.span).chain(seen.written.iter().map(|one| one.span)).chain(told.iter().map(|one| one.span));
        for span in spans {
            prop_assert!(span.start >= 7 && span.start <= span.end);
            prop_assert!(text.get(span.start - 7..span.end - 7).is_some(), "{:?}", span);
        }
        for one in told {
            prop_assert!(text[one.span.start - 7..one.span.end - 7].contains(one.text));
        }
    }
}

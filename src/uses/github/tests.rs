//! Workflows and actions: who uses what in them, and which doors they open.

#![cfg(test)]

use super::*;
use crate::model::usage::{Door, Store};
use crate::model::{Confidence, Untrusted};

const PATH: &str = ".github/workflows/deploy.yml";
const COMMIT: &str = "0123456789012345678901234567890123456789";

fn uses(text: &str) -> Uses {
    read(File { path: PATH, text: text.as_bytes() })
}

fn word(name: Option<&Untrusted>) -> String {
    name.map_or("-".to_owned(), |name| String::from_utf8_lossy(name.raw()).into_owned())
}

/// Name, variable, job, step and the bytes of each reference.
fn told(text: &str) -> Vec<String> {
    let tell = |one: &crate::model::usage::Use| {
        let context = &one.context;
        let words = [Some(&one.name), one.variable.as_ref(), context.job.as_ref(), context.step.as_ref()].map(word);
        format!("{} [{}]", words.join(" "), &text[one.span.start..one.span.end])
    };
    uses(text).uses.iter().map(tell).collect()
}

/// Door, name and the bytes of each exposure that is shown unless somebody asks for more.
fn doors(text: &str) -> Vec<String> {
    let all = uses(text).exposures;
    let shown = all.iter().filter(|one| one.confidence > Confidence::Low);
    shown
        .map(|one| {
            format!("{} {} [{}]", one.door.as_str(), word(one.name.as_ref()), &text[one.span.start..one.span.end])
        })
        .collect()
}

fn door(text: &str, door: Door) -> Vec<(String, Confidence)> {
    uses(text)
        .exposures
        .iter()
        .filter(|one| one.door == door)
        .map(|one| (word(one.name.as_ref()), one.confidence))
        .collect()
}

const DEPLOY: &str = r#"name: Deploy
on: [push, workflow_dispatch]
env:
  REGION: ${{ vars.region }}
  SHARED: "${{ secrets['SHARED'] }}"
jobs:
  ship:
    runs-on: ubuntu-latest
    environment: { name: production, url: "https://${{ vars.HOST }}" }
    container:
      image: ghcr.io/x/y
      credentials: { username: me, password: '${{ secrets[''REGISTRY''] }}' }
    env:
      API: &api ${{ secrets.api_key }}
    steps:
      - name: Push
        if: secrets.GATE != '' && 'secrets.NOT'
        env: { TOKEN: *api, COPY: "${{ env.API }}", HAS: "${{ secrets.FLAG != '' }}" }
        run: |
          # ${{ secrets.COMMENT }}
          password=hunter-two
          curl -H "$TOKEN" ${{ format('{0}}}', github.token) }}
      - uses: owner/action@v1
        with:
          key: ${{ secrets.KEY }}
          flag: ${{ env.HAS }}
  other:
    uses: ./.github/workflows/called.yml
    secrets:
      inner: ${{ secrets.OUTER }}
"#;

#[test]
fn tells_who_uses_which_secret() {
    assert_eq!(
        told(DEPLOY),
        [
            "REGION - ship - [vars.region]",
            "SHARED - ship - [secrets['SHARED']]",
            "HOST - ship - [vars.HOST]",
            "REGISTRY password ship - [secrets[''REGISTRY'']]",
            "API_KEY API ship - [secrets.api_key]",
            "API_KEY TOKEN ship Push [secrets.api_key]",
            "GATE - ship Push [secrets.GATE]",
            "API_KEY COPY ship Push [env.API]",
            "FLAG HAS ship Push [secrets.FLAG]",
            "COMMENT - ship Push [secrets.COMMENT]",
            "GITHUB_TOKEN - ship Push [github.token]",
            "KEY key ship owner/action@v1 [secrets.KEY]",
            "OUTER inner other - [secrets.OUTER]",
        ]
    );
    let all = uses(DEPLOY);
    assert_eq!(all.uses[0].store, Store::Variable);
    assert_eq!(word(all.uses[3].context.action.as_ref()), "ghcr.io/x/y");
    assert_eq!(word(all.includes[0].path.as_ref()), ".github/workflows/called.yml");
    assert_eq!(all.unread, []);
    assert_eq!(
        doors(DEPLOY),
        ["unpinned API_KEY [owner/action@v1]", "unpinned KEY [owner/action@v1]", "unpinned SHARED [owner/action@v1]"]
    );
}

#[test]
fn tells_where_a_literal_stands() {
    let all = uses(DEPLOY);
    let context = all.at(DEPLOY.find("hunter-two").unwrap()).unwrap();
    let words = [&context.pipeline, &context.job, &context.step, &context.environment].map(|one| word(one.as_ref()));
    assert_eq!(words, ["Deploy", "ship", "Push", "production"]);
    assert_eq!(context.events, [Untrusted::from("push"), Untrusted::from("workflow_dispatch")]);
    assert_eq!(word(all.at(DEPLOY.find("REGION").unwrap()).unwrap().job.as_ref()), "-");
}

#[test]
fn reads_secrets_named_by_a_matrix() {
    let text = "on: push\njobs:\n  a:\n    strategy: { matrix: { k: [ONE, two], include: [{ k: THREE }] } }\n    steps:\n      - run: x\n        env: { A: \"${{ secrets[matrix.k] }}\", B: \"${{ secrets[inputs.x] }}\" }\n";
    let names: Vec<String> = uses(text).uses.iter().map(|one| word(Some(&one.name))).collect();
    assert_eq!(names, ["ONE", "THREE", "TWO"]);
    let unread = uses(text).unread;
    assert_eq!((unread.len(), unread[0].kind, unread[0].at), (1, None, text.find("secrets[inputs").unwrap()));
}

#[test]
fn finds_secrets_that_are_handed_over() {
    let text = format!(
        "on: push\njobs:\n  a:\n    uses: o/r/.github/workflows/w.yml@main\n    secrets: inherit\n  b:\n    permissions: {{ contents: read }}\n    steps:\n      - uses: o/pinned@{COMMIT}\n        with: {{ k: '${{{{ secrets.A }}}}' }}\n      - uses: docker://x/y:1\n        env: {{ K: '${{{{ secrets.B }}}}' }}\n      - uses: ./local\n        with: {{ k: '${{{{ secrets.C }}}}' }}\n      - uses: actions/setup-node@v4\n        with: {{ k: '${{{{ secrets.D }}}}' }}\n      - uses: o/r@v1\n        with: {{ k: '${{{{ github.token }}}}' }}\n      - uses: o/p@{COMMIT}\n        env: {{ ALL: '${{{{ toJSON(secrets) }}}}' }}\n      - uses: docker/build-push-action@{COMMIT}\n        with:\n          build-args: |\n            A=1\n            T=${{{{ secrets.E }}}}\n          secrets: |\n            T=${{{{ secrets.F }}}}\n"
    );
    assert_eq!(
        doors(&text),
        [
            "unpinned - [o/r/.github/workflows/w.yml@main]",
            "inherited-whole - [inherit]",
            "unpinned B [docker://x/y:1]",
            "inherited-whole - [secrets]",
            "build-argument E [secrets.E]",
        ]
    );
    assert_eq!(uses(&text).includes.len(), 2);
}

#[test]
fn finds_what_scripts_print() {
    let text = "on: push\njobs:\n  a:\n    env: { T: '${{ secrets.T }}' }\n    defaults: { run: { shell: 'bash -ex {0}' } }\n    steps:\n      - run: |\n          echo \"::add-mask::$T\"\n          curl -u \"$T\" x\n      - run: echo ${{ secrets.U }}\n        shell: bash\n      - run: print('${{ secrets.V }}', T)\n        shell: python\n      - run: |\n          echo \"W=${{ secrets.W }}\" >> \"$GITHUB_ENV\"\n        shell: bash\n      - run: echo $W\n        shell: sh\n      - run: Write-Host $env:T\n        shell: pwsh\n";
    assert_eq!(
        doors(text),
        [
            "traced T [echo \"::add-mask::$T\"]",
            "traced T [curl -u \"$T\" x]",
            "printed U [echo ${{ secrets.U }}]",
            "printed W [echo $W]",
            "printed T [Write-Host $env:T]",
        ]
    );
    let text = "on: push\nenv: { RUNNER_DEBUG: 1 }\njobs:\n  a:\n    steps:\n      - run: ./x ${{ secrets.A }}\n";
    assert_eq!(door(text, Door::Traced), [("-".to_owned(), Confidence::Low)]);
}

fn kept(checkout: &str, upload: &str) -> Vec<(String, Confidence)> {
    let text = format!(
        "on: push\njobs:\n  a:\n    steps:\n      - uses: {checkout}\n      - run: echo \"$K\" > conf.txt && echo \"$K\" > .env\n        env: {{ K: '${{{{ secrets.K }}}}' }}\n        working-directory: app\n      - uses: {upload}\n"
    );
    door(&text, Door::Artifact)
}

#[test]
fn finds_files_that_are_kept() {
    let names = |all: Vec<(String, Confidence)>| all.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let upload = |version: &str, with: &str| format!("actions/upload-artifact@{version}\n        with: {{ {with} }}");
    let checkout = "actions/checkout@v4";
    assert_eq!(names(kept(checkout, &upload("v4", "path: app"))), ["K"]);
    assert_eq!(names(kept(checkout, &upload("v4", "path: dist"))), [""; 0]);
    assert_eq!(names(kept(checkout, &upload("v4", "path: .env"))), [""; 0]);
    assert_eq!(names(kept(checkout, &upload("v4", "path: \"app\\n!app/conf.txt\""))), [""; 0]);
    assert_eq!(names(kept(checkout, &upload("v4.3.1", "path: ."))), ["GITHUB_TOKEN", "K", "K"]);
    assert_eq!(names(kept(checkout, &upload("v4", "path: ., include-hidden-files: true"))), ["GITHUB_TOKEN", "K", "K"]);
    assert_eq!(names(kept("actions/checkout@v6", &upload("v4", "path: ., include-hidden-files: true"))), ["K", "K"]);
    let clean = "actions/checkout@v4\n        with: { persist-credentials: false }";
    assert_eq!(names(kept(clean, &upload("v2", "path: ."))), ["K", "K"]);
    assert_eq!(names(kept(clean, "actions/cache@v4\n        with: { path: app/.env }")), ["K"]);
}

fn forked(on: &str, job: &str, first: &str, second: &str) -> Vec<(String, Confidence)> {
    let text = format!(
        "on: {on}\npermissions: read-all\njobs:\n  a:\n    runs-on: ubuntu-latest\n    {job}\n    steps:\n      - {first}\n      - {second}\n"
    );
    door(&text, Door::Fork)
}

#[test]
fn finds_forks_that_reach_secrets() {
    let head = "uses: actions/checkout@v3\n        with: { ref: '${{ github.event.pull_request.head.sha }}' }";
    let build = "run: npm ci\n        env: { A: '${{ secrets.A }}' }";
    let open = |confidence| vec![("A".to_owned(), confidence)];
    let event = "pull_request_target";
    assert_eq!(forked(event, "timeout-minutes: 1", head, build), open(Confidence::High));
    // Since tags that move have come to refuse it, they open no door by themselves.
    let guarded = head.replace("v3", "v4");
    assert_eq!(forked(event, "timeout-minutes: 1", &guarded, build), open(Confidence::Low));
    let allowed = guarded.replace("{ ref", "{ allow-unsafe-pr-checkout: true, ref");
    assert_eq!(forked(event, "timeout-minutes: 1", &allowed, build), open(Confidence::High));
    let by_hand = "run: gh pr checkout ${{ github.event.issue.number }}";
    assert_eq!(forked("issue_comment", "timeout-minutes: 1", by_hand, build), open(Confidence::High));
    let run = "uses: actions/checkout@v3\n        with: { ref: '${{ github.event.workflow_run.head_sha }}' }";
    assert_eq!(forked("workflow_run", "timeout-minutes: 1", run, build), open(Confidence::Medium));
    assert_eq!(forked(event, "environment: safe", head, build), open(Confidence::Medium));
    let token = forked(event, "permissions: write-all", head, "run: make");
    assert_eq!(token, [("GITHUB_TOKEN".to_owned(), Confidence::High)]);
}

#[test]
fn leaves_forks_alone_that_reach_none() {
    let head = "uses: actions/checkout@v3\n        with: { ref: '${{ github.event.pull_request.head.sha }}' }";
    let build = "run: npm ci\n        env: { A: '${{ secrets.A }}' }";
    let none: [(String, Confidence); 0] = [];
    let event = "pull_request_target";
    assert_eq!(forked("pull_request", "timeout-minutes: 1", head, build), none);
    assert_eq!(forked(event, "timeout-minutes: 1", "uses: actions/checkout@v3", build), none);
    assert_eq!(forked(event, "timeout-minutes: 1", head, "run: npm ci"), none);
    assert_eq!(forked(event, "timeout-minutes: 1", build, head), none);
    assert_eq!(
        forked(event, "if: github.event.pull_request.head.repo.full_name == github.repository", head, build),
        none
    );
    assert_eq!(forked(event, "if: '!github.event.pull_request.head.repo.fork'", head, build), none);
    let guarded = "if: github.event.comment.author_association == 'OWNER'";
    assert_eq!(forked("issue_comment", guarded, "run: gh pr checkout 1", build), none);
}

#[test]
fn finds_text_of_strangers_in_scripts() {
    let text = |on: &str, step: &str| {
        format!(
            "on: {on}\npermissions: {{}}\njobs:\n  a:\n    env: {{ A: '${{{{ secrets.A }}}}' }}\n    steps:\n      - {step}\n"
        )
    };
    let title = "run: test \"${{ github.event.issue.title }}\"";
    assert_eq!(doors(&text("issues", title)), ["injected A [github.event.issue.title]"]);
    assert_eq!(doors(&text("push", title)), [""; 0]);
    let script =
        format!("uses: actions/github-script@{COMMIT}\n        with: {{ script: '${{{{ github.head_ref }}}}' }}");
    assert_eq!(doors(&text("pull_request_target", &script)), ["injected A [github.head_ref]"]);
    assert_eq!(doors(&text("pull_request", &script)), [""; 0]);
    let env = "run: test \"$T\"\n        env: { T: '${{ github.event.issue.title }}' }";
    assert_eq!(doors(&text("issues", env)), [""; 0]);
    let asked = "run: test ${{ contains(github.event.comment.body, '/x') }}";
    assert_eq!(doors(&text("issue_comment", asked)), [""; 0]);
    let whole = "run: test '${{ toJSON(github.event) }}'";
    assert_eq!(doors(&text("issue_comment", whole)), ["injected A [github.event]"]);
    assert_eq!(doors(&text("push", "run: test ${{ github.event.head_commit.message }}")).len(), 1);
    let bare =
        "on: issues\npermissions: {}\njobs:\n  a:\n    steps:\n      - run: test ${{ github.event.issue.title }}\n";
    assert_eq!(doors(bare), [""; 0]);
}

#[test]
fn reads_actions() {
    let text = "name: Act\ninputs:\n  token: { default: '${{ github.token }}' }\nruns:\n  using: composite\n  steps:\n    - run: echo ${{ inputs.token }}\n      shell: bash\n    - uses: ./.github/actions/x\n      with: { t: '${{ inputs.token }}' }\n";
    assert_eq!(
        told(text),
        [
            "GITHUB_TOKEN token - - [github.token]",
            "GITHUB_TOKEN - - 1 [inputs.token]",
            "GITHUB_TOKEN t - ./.github/actions/x [inputs.token]"
        ]
    );
    assert_eq!(doors(text), ["printed GITHUB_TOKEN [echo ${{ inputs.token }}]"]);
    let image = "runs: { using: docker, image: Dockerfile, env: { T: '${{ github.token }}' } }\n";
    assert_eq!(told(image), ["GITHUB_TOKEN T - - [github.token]"]);
}

#[test]
fn knows_its_files() {
    let own = [PATH, "a/.github/workflows/b.yaml", "action.yml", "x/action.yaml", ".forgejo/workflows/c.yml"];
    assert!(own.into_iter().all(is_own));
    let others = [
        ".github/dependabot.yml",
        "a.yml",
        "x.github/workflows/a.yml",
        ".github/workflows/a.json",
        ".github/workflows/a/b.yml",
    ];
    assert!(!others.into_iter().any(is_own));
}

#[test]
fn survives_whatever_it_is_given() {
    for end in (0..DEPLOY.len()).filter(|end| DEPLOY.is_char_boundary(*end)) {
        uses(&DEPLOY[..end]);
    }
    assert_eq!(uses("a: 1\n"), Uses::default());
    assert_eq!(uses("jobs: [1]\non: 5\n").uses, []);
    let broken = read(File { path: PATH, text: b"jobs: {} # \xff\n" });
    assert_eq!(broken.unread.len(), 1);
    // A long text that is used again and again is paid for.
    let long = format!("on: push\nenv: {{ A: &a \"{}\" }}\njobs:\n", "${{ secrets.A }}".repeat(5000));
    let many: String = (0..3000).map(|n| format!("  j{n}: {{ steps: [{{ run: *a }}] }}\n")).collect();
    let all = uses(&(long + &many));
    assert!(all.uses.len() < 500_000 && !all.unread.is_empty(), "{} {:?}", all.uses.len(), all.unread);
}

#[test]
fn folded_lines_are_one_and_a_condition_begins_with_its_first() {
    let text = r#"on: push
jobs:
  a:
    if: |
      secrets.FIRST != '' &&
      secrets.SECOND != ''
    runs-on: ubuntu-latest
    env: { T: "${{ secrets.T }}" }
    steps:
      - run: >
          true; echo
          "$T"
      - run: >-
          curl --data y | tee
          /dev/null; echo
          ${{ secrets.FOLD }}
      - run: "echo \"$T\" \
          more"
      - run: echo
          $T
"#;
    let all = [
        "printed T [echo\n          \"$T\"]",
        "printed FOLD [echo\n          ${{ secrets.FOLD }}]",
        "printed T [echo \\\"$T\\\" \\\n          more]",
        "printed T [echo\n          $T]",
    ];
    assert_eq!(doors(text), all);
    let names: Vec<String> = uses(text).uses.iter().map(|one| word(Some(&one.name))).collect();
    assert_eq!(names, ["FIRST", "SECOND", "T", "FOLD"]);
}

#[test]
fn follows_what_steps_hand_on() {
    let told = |steps: &str| doors(&format!("on: push\njobs:\n  a:\n    runs-on: u\n    steps:\n{steps}"));
    let set = "      - id: g\n        run: echo \"t=${{ secrets.A }}\" >> $GITHUB_OUTPUT\n";
    assert_eq!(
        told(&format!("{set}      - run: echo ${{{{ steps.g.outputs.t }}}}\n")),
        ["printed A [echo ${{ steps.g.outputs.t }}]"]
    );
    assert_eq!(
        told(&format!("{set}      - run: echo $T\n        env: {{ T: \"${{{{ steps.G.outputs.T }}}}\" }}\n")),
        ["printed A [echo $T]"]
    );
    assert!(
        told(&format!("{set}      - run: echo ${{{{ steps.g.outputs.u }}}} ${{{{ steps.h.outputs.t }}}}\n")).is_empty()
    );
    let write = "      - run: echo \"$K\" > key.json\n        env: { K: \"${{ secrets.A }}\" }\n";
    assert_eq!(told(&format!("{write}      - run: cat key.json\n")), ["printed A [cat key.json]"]);
    assert!(told(&format!("{write}      - run: cat key.json\n        working-directory: b\n")).is_empty());
    assert!(told(&format!("      - run: cat key.json\n{write}")).is_empty());
    let here = "        working-directory: b\n";
    assert_eq!(told(&format!("{write}{here}      - run: cat ./key.json\n{here}")), ["printed A [cat ./key.json]"]);
    let keep = "      - uses: actions/upload-artifact@v4\n        with: { path: env.txt }\n";
    let all = "      - run: env > env.txt\n        env: { K: \"${{ secrets.A }}\", L: b }\n";
    assert_eq!(told(&format!("{all}{keep}")), ["artifact A [env]"]);
    assert!(told(&format!("      - run: env > env.txt\n{keep}")).is_empty());
}

const MANAGED: &str = r#"on: push
jobs:
  a:
    runs-on: u
    steps:
      - uses: 1password/load-secrets-action@0123456789012345678901234567890123456789
        env: { DB: "op://vault/item/field" }
      - uses: hashicorp/vault-action@0123456789012345678901234567890123456789
        with:
          secrets: |
            secret/data/ci npmToken | NPM ;
            secret/data/ci other.key
      - uses: aws-actions/aws-secretsmanager-get-secrets@0123456789012345678901234567890123456789
        with:
          secret-ids: |
            AB, prod/db
            app/one
            many*
      - id: g
        uses: google-github-actions/get-secretmanager-secrets@0123456789012345678901234567890123456789
        with: { secrets: "token:project/own" }
      - run: echo $DB $NPM $OTHERKEY $AB $APP_ONE ${{ steps.g.outputs.token }} $PLAIN
      - run: T=$(vault kv get -field=token secret/app); echo $T; kubectl get secret two
"#;

#[test]
fn knows_what_is_kept_in_managers() {
    assert_eq!(
        told(MANAGED),
        [
            "op://vault/item/field DB a 1password/load-secrets-action@0123456789012345678901234567890123456789 [op://vault/item/field]",
            "secret/data/ci NPM a hashicorp/vault-action@0123456789012345678901234567890123456789 [secret/data/ci]",
            "secret/data/ci OTHERKEY a hashicorp/vault-action@0123456789012345678901234567890123456789 [secret/data/ci]",
            "prod/db AB a aws-actions/aws-secretsmanager-get-secrets@0123456789012345678901234567890123456789 [prod/db]",
            "app/one APP_ONE a aws-actions/aws-secretsmanager-get-secrets@0123456789012345678901234567890123456789 [app/one]",
            "own token a google-github-actions/get-secretmanager-secrets@0123456789012345678901234567890123456789 [own]",
            "secret/app - a 6 [secret/app]",
            "two - a 6 [two]",
        ]
    );
    let stores = |text: &str| uses(text).uses.iter().map(|one| one.store).collect::<Vec<_>>();
    assert_eq!(stores(MANAGED).iter().filter(|store| **store == Store::Manager).count(), 7);
    let names: Vec<_> = door(MANAGED, Door::Printed).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["app/one", "op://vault/item/field", "own", "prod/db", "secret/data/ci", "secret/app"]);
}

#[test]
fn follows_text_of_strangers_through_variables() {
    let text = r#"on: pull_request_target
env: { TITLE: "${{ github.event.pull_request.title }}", BASE: "${{ github.base_ref }}" }
jobs:
  a:
    runs-on: u
    env: { SHA: "${{ github.event.pull_request.head.sha }}", NUMBER: "${{ github.event.number }}" }
    steps:
      - uses: actions/checkout@v3
        with: { ref: "${{ env.SHA }}" }
      - run: make "${{ env.TITLE }}" "${{ env.BASE }}" $TITLE
        env: { T: "${{ secrets.A }}" }
      - run: echo "${{ env.TITLE }}"
        env: { TITLE: fixed }
  b:
    runs-on: u
    steps:
      - uses: actions/checkout@v3
        with: { ref: "${{ env.BASE }}" }
      - run: make
        env: { T: "${{ secrets.B }}" }
  c:
    uses: ./.github/workflows/x.yml
    with: { ref: "${{ github.event.pull_request.head.sha }}", number: "${{ github.event.number }}" }
    secrets: { t: "${{ secrets.C }}" }
  d:
    uses: ./.github/workflows/x.yml
    with: { number: "${{ github.event.number }}" }
    secrets: { t: "${{ secrets.D }}" }
"#;
    let all = doors(text);
    let has = |wanted: &str| all.iter().any(|one| one == wanted);
    assert!(has("fork A [${{ env.SHA }}]") && has("injected A [env.TITLE]"), "{all:?}");
    assert!(has("fork C [${{ github.event.pull_request.head.sha }}]"), "{all:?}");
    assert_eq!(all.iter().filter(|one| one.contains(" A ")).count(), 2, "{all:?}");
    assert!(!all.iter().any(|one| one.contains(" B ") || one.contains(" D ")), "{all:?}");
}

#[test]
fn inputs_whose_names_say_so_are_secrets() {
    let action = r#"inputs:
  title: {}
  npm-token: {}
  skip-token: {}
  persist-credentials: { default: true }
  level: { default: "3" }
runs:
  using: composite
  steps:
    - run: echo "${{ inputs.title }} ${{ inputs.level }}"
      shell: bash
    - run: echo ${{ inputs.npm-token }} ${{ inputs.skip-token }} ${{ inputs.persist-credentials }}
      shell: bash
    - uses: some/thing@main
      with: { t: "${{ inputs.npm-token }}" }
"#;
    let all = uses(action);
    let told: Vec<_> = all
        .exposures
        .iter()
        .map(|one| (one.door, word(one.name.as_ref()), &action[one.span.start..one.span.end], one.confidence))
        .collect();
    let echo = "echo ${{ inputs.npm-token }} ${{ inputs.skip-token }} ${{ inputs.persist-credentials }}";
    let name = || "npm-token".to_owned();
    assert_eq!(
        told,
        [
            (Door::Injected, name(), "inputs.title", Confidence::Low),
            (Door::Printed, name(), echo, Confidence::High),
            (Door::Injected, name(), "inputs.skip-token", Confidence::Low),
            (Door::Unpinned, name(), "some/thing@main", Confidence::High),
        ]
    );
    assert!(all.uses.is_empty());
    let called = r#"on:
  workflow_call:
    inputs: { deploy_token: { type: string }, name: { type: string }, use_token: { type: boolean } }
jobs:
  a:
    runs-on: u
    steps:
      - run: echo ${{ inputs.deploy_token }} ${{ inputs.name }} ${{ inputs.use_token }}
"#;
    assert_eq!(door(called, Door::Printed), [("deploy_token".to_owned(), Confidence::High)]);
    assert_eq!(door(called, Door::Injected), [("deploy_token".to_owned(), Confidence::Low)]);
    let plain = "inputs: { title: {} }\nruns:\n  using: composite\n  steps:\n    - run: echo ${{ inputs.title }}\n      shell: bash\n";
    assert!(uses(plain).exposures.is_empty());
}

//! Pipelines of GitLab: `.gitlab-ci.yml` and what it takes in. Source: <https://docs.gitlab.com/ci/yaml/>.
//!
//! A project has variables that the file does not tell from others: a name that nothing sets is one of them. Pipelines of a fork run
//! in the fork and have none of the parent's variables, unless a member of the parent starts them there; no file says so, and none is
//! reported for it (<https://docs.gitlab.com/ci/pipelines/merge_request_pipelines/#use-with-forked-projects>).

mod again;
mod events;
mod include;
mod job;
mod lines;
mod names;
mod scripts;

use std::collections::HashSet;
use std::sync::Arc;

use crate::model::usage::{Context, Door, Span, Store, System, Uses};
use crate::model::{Confidence, Untrusted};
use crate::uses::yaml::{Node, Yaml};
use crate::uses::{File, Reader};

use job::{DEFAULTS, Document, Job, NESTED, Values, Variable};
use names::{dollars, store};

pub(in crate::uses) use again::read_again;
pub(in crate::uses) use lines::{Lines, Pen, Sense, free};
pub(in crate::uses) use names::{dollars as dollars_of, is_of_shell};

/// Reads pipelines of GitLab.
pub const READER: Reader = Reader { system: System::GitlabCi, is_own, read };

/// Keys of a job whose scalars are no values: scripts are read as such, and the rest are names.
const NO_VALUES: &[&str] =
    &["before_script", "script", "after_script", "hooks", "run", "extends", "inherit", "variables", "include"];

fn is_own(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    let in_folder =
        format!("/{path}").contains("/.gitlab/ci/") || path.split('/').any(|part| part.starts_with(".gitlab-ci"));
    is_yaml && (in_folder || name.contains("gitlab-ci"))
}

fn read(file: File<'_>) -> Uses {
    let yaml = Yaml::read(file.text);
    let mut pen = Pen::new(System::GitlabCi);
    for root in yaml.documents().filter(|root| root.is_mapping()) {
        let document = Document::new(root);
        let mut visit = Visit::new(&mut pen, &document, yaml.source());
        visit.document();
    }
    pen.notes.unread(yaml.unread());
    pen.notes.done()
}

/// A walk over a document.
struct Visit<'y, 'd, 'p> {
    pen: &'p mut Pen,
    document: &'d Document<'y>,
    source: &'y str,
    /// A secret of the project that the file names: every job has it.
    around: Option<Untrusted>,
    /// Variables that jobs hand on to later ones.
    handed_on: HashSet<String>,
    /// What the pipeline is called.
    pipeline: Option<Untrusted>,
}

/// What is known of a job while it is read.
struct Scene<'y> {
    values: Values<'y>,
    env: crate::uses::notes::Env,
    context: Arc<Context>,
    /// The variables that it names anywhere.
    named: HashSet<&'y str>,
}

impl<'y, 'd, 'p> Visit<'y, 'd, 'p> {
    fn new(pen: &'p mut Pen, document: &'d Document<'y>, source: &'y str) -> Self {
        let pipeline = document.get("workflow").and_then(|workflow| workflow.word("name")).map(Untrusted::from);
        let mut visit = Self { pen, document, source, around: None, handed_on: HashSet::new(), pipeline };
        let mut globals = Values::default();
        document
            .get("variables")
            .map(|all| document.variables(all))
            .unwrap_or_default()
            .into_iter()
            .for_each(|one| globals.set(one));
        let lines = source.lines().filter(|line| !line.trim_start().starts_with('#'));
        let mut all = lines.flat_map(dollars).map(|(name, _)| name).filter(|name| !globals.has(name));
        let is_secret = |name: &&str| store(name) == Some(Store::Variable) && !free(&store, name).is_empty();
        visit.around = all.find(is_secret).map(Untrusted::from);
        visit
    }

    fn document(&mut self) {
        let nowhere = self.pen.context(Context { pipeline: self.pipeline.clone(), ..Context::default() });
        let parts = self.document.parts();
        self.hand_on(&parts);
        let is_hidden = |key: &Node<'_>| key.text().is_none_or(|key| key.starts_with('.'));
        for (key, value) in parts.iter().filter(|(key, _)| !is_hidden(key)) {
            self.part(*key, *value);
        }
        // A template is told for the jobs that extend it; for itself where no job of this file does.
        self.pen.only_new();
        for (key, value) in parts.iter().filter(|(key, _)| is_hidden(key)) {
            self.part(*key, *value);
        }
        self.pen.only_new();
        self.rest(&nowhere);
        if let Some(node) = self.document.root.get("include") {
            let sure = self.sure();
            include::includes(self.pen, self.document, node, &nowhere, sure);
        }
    }

    /// How sure it is that code of others in the pipeline finds a secret: every job has all variables of the project.
    fn sure(&self) -> Confidence {
        if self.around.is_some() { Confidence::Medium } else { Confidence::Low }
    }

    /// What stands beside the jobs, where no job was told with it.
    fn rest(&mut self, nowhere: &Arc<Context>) {
        let root = self.document.root;
        let values = Values::default();
        let env = values.env(&|_| Vec::new());
        let mut scene = Scene { values, env, context: Arc::clone(nowhere), named: HashSet::new() };
        for variable in root.get("variables").map(|all| self.document.variables(all)).unwrap_or_default() {
            scene.values.set(variable);
            self.variable(variable, &scene);
        }
        scene.env = scene.values.env(&|name| free(&store, name));
        for node in ["workflow", "spec", "image", "services", "cache"].iter().filter_map(|key| root.get(key)) {
            self.values(node, &mut scene);
        }
        if let Some((key, default)) = root.entries().into_iter().find(|(key, _)| key.text() == Some("default")) {
            self.sections(key, default, nowhere);
            let job = self.document.job(default);
            self.scripts(&job, &mut scene);
            let keys: Vec<Node<'y>> =
                DEFAULTS.iter().filter(|key| !NO_VALUES.contains(key)).filter_map(|key| job.own(key)).collect();
            keys.into_iter().for_each(|node| self.values(node, &mut scene));
        } else {
            let job = self.document.job(root);
            self.scripts(&job, &mut scene);
        }
    }

    /// A job, a template, or a list of commands that others refer to.
    fn part(&mut self, key: Node<'y>, value: Node<'y>) {
        let value = self.document.resolve(value);
        let name = key.text().unwrap_or_default();
        let job = self.document.job(value);
        let trigger = job.own("trigger");
        let downstream = trigger.and_then(|trigger| trigger.text().or_else(|| trigger.word("project")));
        let environment =
            job.layers("environment").into_iter().find_map(|layer| layer.text().or_else(|| layer.word("name")));
        let context = self.pen.context(Context {
            pipeline: self.pipeline.clone(),
            job: Some(name.into()),
            step: None,
            environment: environment.map(Untrusted::from),
            events: events::events(self.document, &job),
            action: downstream.map(Untrusted::from),
        });
        self.sections(key, value, &context);
        if !value.is_mapping() {
            self.loose(value, &context);
            return;
        }
        let mut scene = self.scene(&job, context);
        for variable in job.variables() {
            self.variable(variable, &scene);
        }
        self.stored(&job, &scene);
        let mut keys = job.keys();
        keys.extend(DEFAULTS);
        keys.sort_unstable();
        keys.dedup();
        for key in keys.into_iter().filter(|key| !NO_VALUES.contains(key)) {
            self.key(key, &job, &mut scene);
        }
        self.scripts(&job, &mut scene);
        self.globals(&job, &mut scene);
        if let Some(trigger) = trigger {
            self.trigger(trigger, &scene);
        }
    }

    /// What a job knows of variables.
    fn scene(&mut self, job: &Job<'y, '_>, context: Arc<Context>) -> Scene<'y> {
        let mut values = Values::default();
        job.variables().into_iter().for_each(|one| values.set(one));
        let mut more = Vec::new();
        for rules in
            job.own("rules").into_iter().chain(self.document.get("workflow").and_then(|workflow| workflow.get("rules")))
        {
            more.extend(rules.items().into_iter().filter_map(|rule| self.document.resolve(rule).get("variables")));
        }
        let matrix = job.own("parallel").and_then(|parallel| parallel.get("matrix"));
        more.extend(matrix.map(Node::items).unwrap_or_default());
        for node in more {
            self.document.variables(node).into_iter().for_each(|one| values.set(one));
        }
        job.globals().into_iter().for_each(|one| values.set(one));
        let mut env = values.env(&|name| free(&store, name));
        for (name, _) in job.get("id_tokens").map(Node::entries).unwrap_or_default() {
            let name = name.text().unwrap_or_default();
            env.set(name, vec![name.into()]);
        }
        for (name, secret) in job.layers("secrets").into_iter().flat_map(Node::entries) {
            // Without `file: false`, the variable is the path of a file.
            let held = if secret.word("file") == Some("false") { scripts::path_of(secret) } else { None };
            env.set(
                name.text().unwrap_or_default(),
                held.and_then(Node::text).map(Untrusted::from).into_iter().collect(),
            );
        }
        for name in self.handed_on.iter().filter(|name| !values.has(name)) {
            env.set(name, Vec::new());
        }
        Scene { values, env, context, named: HashSet::new() }
    }

    /// Says where the parts of a job stand.
    fn sections(&mut self, key: Node<'y>, value: Node<'y>, context: &Arc<Context>) {
        let whole = reach(key, value);
        self.pen.scope(whole, context);
        for (key, value) in value.entries() {
            let name = key.text().unwrap_or_default();
            if ["before_script", "script", "after_script"].contains(&name) && whole.has(key.span().start) {
                let context = self.step(context, name);
                self.pen.scope(reach(key, value), &context);
            }
        }
    }

    fn step(&mut self, context: &Arc<Context>, step: &str) -> Arc<Context> {
        self.pen.context(Context { step: Some(step.into()), ..(**context).clone() })
    }

    /// A key of a job that is no script.
    fn key(&mut self, key: &str, job: &Job<'y, '_>, scene: &mut Scene<'y>) {
        let Some(nearest) = job.get(key) else { return };
        let layers = if nearest.is_mapping() { job.layers(key) } else { Vec::new() };
        let layers = if layers.is_empty() { vec![nearest] } else { layers };
        let context = Arc::clone(&scene.context);
        for layer in layers {
            for one in if matches!(key, "services" | "image") { layer.each() } else { vec![layer] } {
                if matches!(key, "services" | "image") && one.is_mapping() {
                    let action = one.word("name").map(Untrusted::from);
                    scene.context = self.pen.context(Context { action, ..(*context).clone() });
                }
                self.values(one, scene);
                scene.context = Arc::clone(&context);
            }
        }
    }

    /// Every value below a node.
    fn values(&mut self, node: Node<'y>, scene: &mut Scene<'y>) {
        let document = self.document;
        document.walk(node, &mut Vec::new(), &mut |keys, scalar| {
            let (last, before) = (keys.last().copied(), keys.iter().rev().nth(1).copied());
            let variable = last.filter(|_| matches!(before, Some("variables" | "inputs")));
            self.scalar(variable, scalar, scene);
            scene.named.extend(dollars(scalar.text().unwrap_or_default()).into_iter().map(|(name, _)| name));
        });
    }

    fn variable(&mut self, variable: Variable<'y>, scene: &Scene<'y>) {
        if variable.expands {
            self.scalar(Some(variable.name), variable.value, scene);
        }
    }

    /// A value: what it names, and under which name it is handed over.
    fn scalar(&mut self, variable: Option<&str>, node: Node<'y>, scene: &Scene<'y>) {
        let Some((raw, base)) = node.raw() else { return };
        for (name, range) in dollars(raw) {
            // What is made of itself is the project's: `TOKEN: $TOKEN`.
            if (scene.env.get(name).is_some() || scene.values.has(name)) && variable != Some(name) {
                continue;
            }
            if let Some(store) = store(name) {
                let span = Span { start: base + range.start, end: base + range.end };
                self.pen.uses(name, store, variable, span, &scene.context);
            }
        }
        // The runner takes these words for true.
        if variable == Some("CI_DEBUG_TRACE") && matches!(raw, "true" | "TRUE" | "True" | "1" | "t" | "T") {
            self.pen.exposes(Door::Traced, None, node.span(), &scene.context, Confidence::High);
        }
    }

    /// Variables of the file that a job names, and what they are made of.
    fn globals(&mut self, job: &Job<'y, '_>, scene: &mut Scene<'y>) {
        let mut left = job.globals();
        let own: HashSet<&str> = job.variables().iter().map(|one| one.name).collect();
        left.retain(|one| one.name != "CI_DEBUG_TRACE" && !own.contains(one.name));
        let mut values: Vec<Variable<'y>> = job.variables();
        for _ in 0..NESTED {
            scene.named.extend(
                values.iter().flat_map(|one| dollars(one.value.text().unwrap_or_default())).map(|(name, _)| name),
            );
            let (named, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|one| scene.named.contains(one.name));
            named.iter().for_each(|one| self.variable(*one, scene));
            left = others;
            if named.is_empty() {
                return;
            }
            values = named;
        }
    }

    /// A job that starts another pipeline.
    fn trigger(&mut self, trigger: Node<'y>, scene: &Scene<'y>) {
        if let Some(node) = trigger.get("include") {
            let sure = self.sure();
            include::includes(self.pen, self.document, node, &scene.context, sure);
        }
        if let Some(forward) = trigger.path(&["forward", "pipeline_variables"])
            && forward.text() == Some("true")
        {
            self.pen.exposes(Door::InheritedWhole, None, forward.span(), &scene.context, Confidence::Medium);
        }
    }
}

/// The bytes of a key and its value, where that stands behind it and is not written elsewhere.
fn reach(key: Node<'_>, value: Node<'_>) -> Span {
    let (key, value) = (key.span(), value.span());
    Span { start: key.start, end: if value.start >= key.start { value.end.max(key.end) } else { key.end } }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn word(text: Option<&Untrusted>) -> String {
        text.map(|text| String::from_utf8_lossy(text.raw()).into_owned()).unwrap_or_default()
    }

    #[test]
    fn references_are_told_with_the_jobs_that_consume_them() {
        let uses = at(FILE);
        let told: Vec<String> = uses
            .uses
            .iter()
            .map(|one| {
                let text = &FILE[one.span.start..one.span.end];
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
        assert_eq!(
            release.events.iter().map(|one| word(Some(one))).collect::<Vec<_>>(),
            ["tags", "merge_request_event"]
        );
        let action = |name: &str| {
            uses.uses.iter().find(|one| word(Some(&one.name)) == name).and_then(|one| one.context.action.clone())
        };
        assert_eq!(word(action("PG_PASSWORD").as_ref()), "postgres:16");
        assert_eq!(word(action("PASS_TOKEN").as_ref()), "group/down");
    }

    #[test]
    fn each_door_is_told_and_what_only_looks_like_one_is_not() {
        let uses = at(FILE);
        let told: Vec<String> = uses
            .exposures
            .iter()
            .map(|one| {
                format!(
                    "{} {} {} {}",
                    word(one.context.job.as_ref()),
                    one.door.as_str(),
                    word(one.name.as_ref()),
                    &FILE[one.span.start..one.span.end]
                )
            })
            .collect();
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
        let place = |text: &str| {
            FILE.find(text)
                .and_then(|byte| uses.at(byte))
                .map(|context| (word(context.job.as_ref()), word(context.step.as_ref())))
        };
        let said = |job: &str, step: &str| Some((job.to_owned(), step.to_owned()));
        assert_eq!(place("literal-two"), said("later", ""));
        assert_eq!(place("deploy --token"), said(".deploy", "script"));
        assert_eq!(place("deploy $AFTER"), said("release", "after_script"));
        assert_eq!(place("docker login"), said("", "before_script"));
        assert_eq!(place("hunter-two"), None);
    }

    #[test]
    fn includes_are_told_with_their_paths() {
        let told: Vec<_> =
            at(FILE).includes.iter().map(|one| (word(Some(&one.what)), word(one.path.as_ref()))).collect();
        assert_eq!(told.first(), Some(&("/ci/build.yml".to_owned(), "ci/build.yml".to_owned())));
        assert_eq!(told.get(1), Some(&("ci/$SET.yml".to_owned(), String::new())));
        assert_eq!(told.get(2), Some(&("group/templates:a.yml".to_owned(), String::new())));
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
}

//! Pipelines of CircleCI: the files below `.circleci`. Source: <https://circleci.com/docs/reference/configuration-reference/>.
//!
//! Variables of the project and of contexts are set outside: a name that nothing sets is one of them. A context is a set of secrets,
//! and is told by its own name. Whether builds of forks have secrets is a setting of the project, and no file says so.

mod orbs;
mod steps;
mod template;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::model::usage::{Context, Exposure, Span, Store, System, Uses};
use crate::model::{Confidence, Untrusted};
use crate::uses::gitlab::{Lines, Pen, Sense, dollars_of, free, is_of_shell};
use crate::uses::notes::{Env, Meaning, Notes, looks_secret};
use crate::uses::yaml::{Node, Yaml};
use crate::uses::{File, Reader};

/// Reads pipelines of CircleCI.
pub const READER: Reader = Reader { system: System::CircleCi, is_own, read };

/// What a workflow says of a job that is no parameter of it.
const ABOUT: &[&str] = &[
    "context",
    "filters",
    "requires",
    "matrix",
    "type",
    "name",
    "pre-steps",
    "post-steps",
    "serial-group",
    "override-with",
    "max_auto_reruns",
    "when",
    "unless",
];

fn is_own(path: &str) -> bool {
    let path = format!("/{path}");
    path.contains("/.circleci/") && (path.ends_with(".yml") || path.ends_with(".yaml"))
}

/// Where the value of a variable is kept that nothing in the file sets; `None` where the system itself sets it.
fn store(name: &str) -> Option<Store> {
    match name {
        "CIRCLE_OIDC_TOKEN" | "CIRCLE_OIDC_TOKEN_V2" => Some(Store::Secret),
        // Those of the system have no word for secrets; `CIRCLE_TOKEN` is set by people.
        _ if is_of_shell(name) || (name.starts_with("CIRCLE") && !looks_secret(name)) => None,
        _ => Some(Store::Variable),
    }
}

fn read(file: File<'_>) -> Uses {
    let yaml = Yaml::read(file.text);
    let mut pen = Pen::new(System::CircleCi);
    for root in yaml.documents().filter(|root| root.is_mapping()) {
        Visit::new(&mut pen, root, yaml.source()).document(root);
    }
    pen.notes.unread(yaml.unread());
    pen.notes.done()
}

/// A walk over a document.
struct Visit<'y, 'p> {
    pen: &'p mut Pen,
    source: &'y str,
    jobs: HashMap<String, (Node<'y>, Node<'y>)>,
    commands: HashMap<String, (Node<'y>, Node<'y>)>,
    executors: HashMap<String, Node<'y>>,
    orbs: HashMap<&'y str, Node<'y>>,
    /// A secret that the file names, where none of its jobs has a context that could be meant.
    named: Option<Untrusted>,
    /// The contexts of the job that is read.
    contexts: Vec<Untrusted>,
    /// A secret that its steps name.
    own: Option<Untrusted>,
}

/// A job of a workflow.
struct Call<'y> {
    job: &'y str,
    about: Option<Node<'y>>,
    contexts: Vec<Node<'y>>,
    context: Arc<Context>,
}

impl<'y, 'p> Visit<'y, 'p> {
    fn new(pen: &'p mut Pen, root: Node<'y>, source: &'y str) -> Self {
        let (jobs, commands, executors, orbs) = <_>::default();
        let mut visit =
            Self { pen, source, jobs, commands, executors, orbs, named: None, contexts: Vec::new(), own: None };
        visit.define("", root);
        for (name, orb) in root.get("orbs").map(Node::entries).unwrap_or_default() {
            let Some(name) = name.text() else { continue };
            visit.orbs.insert(name, orb);
            visit.define(&format!("{name}/"), orb);
        }
        let lines = source.lines().filter(|line| !line.trim_start().starts_with('#'));
        let mut all = lines.flat_map(dollars_of).map(|(name, _)| name);
        visit.named = all.find(|name| !free(&store, name).is_empty()).map(Untrusted::from);
        visit
    }

    /// Takes the jobs, commands and executors of a file or of an orb in it.
    fn define(&mut self, before: &str, node: Node<'y>) {
        let all = |key: &str| node.get(key).map(Node::entries).unwrap_or_default().into_iter();
        let named = |(key, value): (Node<'y>, Node<'y>)| Some((format!("{before}{}", key.text()?), (key, value)));
        self.jobs.extend(all("jobs").filter_map(named));
        self.commands.extend(all("commands").filter_map(named));
        self.executors.extend(all("executors").filter_map(named).map(|(name, (_, value))| (name, value)));
    }

    fn document(&mut self, root: Node<'y>) {
        let calls = self.calls(root);
        if calls.iter().any(|call| !call.contexts.is_empty()) {
            self.named = None;
        }
        let mut done = HashSet::new();
        let mut times: HashMap<&str, usize> = HashMap::new();
        calls.iter().for_each(|call| *times.entry(call.job).or_default() += 1);
        for call in &calls {
            self.call(call, times.get(call.job) == Some(&1), &mut done);
        }
        // What no workflow runs is told for itself.
        self.pen.only_new();
        self.contexts = Vec::new();
        let mut jobs: Vec<_> = self.jobs.iter().map(|(name, job)| (name.clone(), *job)).collect();
        jobs.sort_by_key(|(_, (key, _))| key.span());
        for (name, (key, value)) in jobs {
            let context = self.pen.context(Context { job: Some(name.as_str().into()), ..Context::default() });
            if times.get(name.as_str()).is_none_or(|times| *times > 1) {
                self.pen.scope(reach(key, value), &context);
            }
            self.job(value, None, &context);
        }
        let mut commands: Vec<_> = self.commands.values().copied().collect();
        commands.sort_by_key(|(key, _)| key.span());
        let nowhere = Arc::new(Context::default());
        for (_, command) in commands {
            self.command_alone(command, &nowhere);
        }
    }

    /// The jobs of all workflows.
    fn calls(&mut self, root: Node<'y>) -> Vec<Call<'y>> {
        let mut all = Vec::new();
        for (name, workflow) in root.get("workflows").map(Node::entries).unwrap_or_default() {
            let pipeline = name.text().map(Untrusted::from);
            let here = self.pen.context(Context { pipeline: pipeline.clone(), ..Context::default() });
            self.pen.scope(reach(name, workflow), &here);
            for item in workflow.get("jobs").map(Node::items).unwrap_or_default() {
                let entry = item.entries().first().copied();
                let Some(key) = entry.map_or(Some(item), |(key, _)| Some(key)) else { continue };
                let about = entry.map(|(_, about)| about);
                let Some(job) = key.text() else { continue };
                let title =
                    about.and_then(|about| about.word("name")).filter(|name| !name.contains("<<")).unwrap_or(job);
                let contexts = about.and_then(|about| about.get("context")).map(Node::each).unwrap_or_default();
                let events = events(workflow, about);
                let context =
                    Context { pipeline: pipeline.clone(), job: Some(title.into()), events, ..Context::default() };
                let context = self.pen.context(context);
                self.pen.scope(entry.map_or(item.span(), |(key, about)| reach(key, about)), &context);
                all.push(Call { job, about, contexts, context });
            }
        }
        all
    }

    fn call(&mut self, call: &Call<'y>, only: bool, done: &mut HashSet<(String, Arc<Context>)>) {
        let acting = self.acting(call.job, &call.context);
        self.contexts = Vec::new();
        for context in &call.contexts {
            if let Some(name) = context.text().filter(|name| !name.contains("<<") && !name.is_empty()) {
                self.pen.uses(name, Store::Manager, None, context.span(), &acting);
                self.contexts.push(name.into());
            }
        }
        let job = self.jobs.get(call.job).copied();
        let known = job.and_then(|(_, job)| job.get("parameters"));
        let about = call.about.map(Node::entries).unwrap_or_default();
        let mut given: Vec<_> =
            about.iter().copied().filter(|(key, _)| key.text().is_some_and(|key| !ABOUT.contains(&key))).collect();
        given.extend(
            call.about.and_then(|about| about.path(&["matrix", "parameters"])).map(Node::entries).unwrap_or_default(),
        );
        self.given(call.job, &given, known, &call.context);
        for key in ["pre-steps", "post-steps"] {
            if let Some(steps) = call.about.and_then(|about| about.get(key)) {
                self.steps_alone(steps, &call.context);
            }
        }
        for (_, steps) in given.iter().filter(|(_, value)| value.is_sequence()) {
            self.steps_alone(*steps, &acting);
        }
        let Some((key, value)) = job else { return };
        if only {
            self.pen.scope(reach(key, value), &call.context);
        }
        if done.insert((call.job.to_owned(), Arc::clone(&call.context))) {
            self.job(value, call.about, &call.context);
        }
    }

    /// A secret that is in the environment of the job that is read.
    fn around(&self) -> Option<Untrusted> {
        self.contexts.first().or(self.own.as_ref()).or(self.named.as_ref()).cloned()
    }

    /// The doors of a script that is part of a value.
    fn doors_of(&self, lines: &Lines) -> Vec<Exposure> {
        let mut notes = Notes::new(System::CircleCi);
        let (env, nothing) = (Env::default(), Arc::new(Context::default()));
        let meaning = Meaning { template: &|_| Vec::new(), free: &|name| free(&store, name) };
        notes.script(lines.script(false), &env, &meaning, &nothing);
        notes.done().exposures
    }

    /// Every `$NAME` below a node. `sure` is how sure it is that it is filled in, where that does not depend on the name.
    fn values(&mut self, node: Node<'y>, sure: Option<Confidence>, context: &Arc<Context>) {
        let pen = &mut *self.pen;
        node.scalars(&mut |keys, scalar| {
            let Some((raw, base)) = scalar.raw() else { return };
            let variable = keys.iter().rev().copied().find(|key| !key.is_empty());
            for (name, range) in dollars_of(raw) {
                let span = Span { start: base + range.start, end: base + range.end };
                match (store(name), sure) {
                    (Some(store), Some(sure)) => pen.uses_surely(name, store, variable, span, context, sure),
                    (Some(store), None) => pen.uses(name, store, variable, span, context),
                    (None, _) => {}
                }
            }
        });
    }

    fn examine(&mut self, lines: &Lines, env: &Env, traced: bool) -> Vec<crate::uses::shell::Written<Untrusted>> {
        let around = self.around();
        self.pen.script(lines, &Sense { known: env, around: around.as_ref(), store: &store, traced })
    }
}

/// What starts a job: pushes to branches, tags where its filters have some, and the clock.
fn events(workflow: Node<'_>, about: Option<Node<'_>>) -> Vec<Untrusted> {
    let triggers = workflow.get("triggers").map(Node::items).unwrap_or_default();
    if triggers.iter().any(|trigger| trigger.get("schedule").is_some()) {
        return vec!["schedule".into()];
    }
    let filters = about.and_then(|about| about.get("filters"));
    let all_ignored =
        |ignore: Node<'_>| ignore.each().iter().any(|one| matches!(one.text(), Some("/.*/" | "/^.*$/" | "/^.*/")));
    let no_branch = filters.and_then(|filters| filters.path(&["branches", "ignore"])).is_some_and(all_ignored);
    let mut all = Vec::new();
    if !no_branch {
        all.push("push".into());
    }
    if filters.and_then(|filters| filters.get("tags")).is_some() {
        all.push("tag".into());
    }
    all
}

/// The bytes of a key and its value, where that stands behind it and is not written elsewhere.
fn reach(key: Node<'_>, value: Node<'_>) -> Span {
    let (key, value) = (key.span(), value.span());
    Span { start: key.start, end: if value.start >= key.start { value.end.max(key.end) } else { key.end } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::usage::Door;

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

    fn word(text: Option<&Untrusted>) -> String {
        text.map(|text| String::from_utf8_lossy(text.raw()).into_owned()).unwrap_or_default()
    }

    #[test]
    fn references_are_told_with_workflow_job_and_step() {
        let uses = at(FILE);
        let told: Vec<String> = uses
            .uses
            .iter()
            .map(|one| {
                let place = [&one.context.pipeline, &one.context.job, &one.context.step]
                    .map(|text| word(text.as_ref()))
                    .join("/");
                format!(
                    "{place} {} {} {}",
                    one.store.as_str(),
                    &FILE[one.span.start..one.span.end],
                    word(one.variable.as_ref())
                )
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
        let place = |text: &str| {
            FILE.find(text)
                .and_then(|byte| uses.at(byte))
                .map(|context| (word(context.job.as_ref()), word(context.step.as_ref())))
        };
        let said = |job: &str, step: &str| Some((job.to_owned(), step.to_owned()));
        assert_eq!(place("literal-two"), said("build", ""));
        assert_eq!(place("quiet"), said("build", "login"));
        assert_eq!(place("robot"), None);
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
        assert!(
            is_own(".circleci/config.yml") && is_own("x/.circleci/continue.yaml") && !is_own("circleci/config.yml")
        );
    }
}

//! Pipelines of Bitbucket: steps, the pipes that they call, the images that they run in. Variables are set in the settings of a
//! workspace, repository or deployment, and every one is in the environment of every step; those that are not secured are no
//! different in the file. No door is reported for forks: their pull requests start no pipeline of the repository
//! (<https://bitbucket.org/site/master/issues/17656>, <https://bitbucket.org/site/master/issues/13162>).
//!
//! Source: <https://support.atlassian.com/bitbucket-cloud/docs/bitbucket-pipelines-configuration-reference/>.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::budget::Budget;
use super::label::label;
use super::notes::{Env, Meaning, Notes, confidence, looks_secret};
use super::script::Lines;
use super::shell::{Dialect, Written, dollars, is_of_shell};
use super::yaml::{Node, Yaml};
use super::{File, Reader};
use crate::model::usage::{Context, Door, Span, Store, System, Uses};
use crate::model::{Confidence, Untrusted};

/// Reads `bitbucket-pipelines.yml`.
pub const READER: Reader = Reader { system: System::Bitbucket, is_own, read };

/// The token that a step with `oidc: true` gets from the system.
const OIDC: &str = "BITBUCKET_STEP_OIDC_TOKEN";
/// How deep stages, parallel steps and lists may stand in each other.
const DEEPEST: u32 = 8;
/// What is said where they stand deeper.
const TOO_DEEP: &str = "its steps stand deeper in each other than is followed: who uses what there is not known";

fn is_own(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    matches!(name, "bitbucket-pipelines.yml" | "bitbucket-pipelines.yaml")
}

fn read(file: File<'_>) -> Uses {
    let yaml = Yaml::read(file.text);
    let mut reading = Reading {
        notes: Notes::new(System::Bitbucket),
        budget: Budget::of(yaml.source()),
        caches: HashMap::new(),
        seen: HashSet::new(),
        secrets: secrets(yaml.source()),
    };
    for root in yaml.documents().filter(|root| root.is_mapping()) {
        reading.root(root);
    }
    let Reading { mut notes, budget, .. } = reading;
    notes.unread(budget.unread());
    notes.unread(yaml.unread());
    notes.done()
}

/// The secrets that a file names: every step has all of them.
fn secrets(source: &str) -> Vec<Untrusted> {
    let mut all: Vec<Untrusted> = dollars(source, 0).into_iter().flat_map(|(name, _)| secret(name)).collect();
    all.sort();
    all.dedup();
    all
}

/// The secret behind a variable that nothing in the file sets.
fn secret(name: &str) -> Vec<Untrusted> {
    let is_secret = name == OIDC || (looks_secret(name) && !is_of_shell(name) && !is_system(name));
    if is_secret { vec![name.into()] } else { Vec::new() }
}

/// Whether the system sets it.
fn is_system(name: &str) -> bool {
    name.starts_with("BITBUCKET_") || matches!(name, "CI" | "DOCKER_HOST" | "PIPELINES_JWT_TOKEN")
}

struct Reading<'y> {
    notes: Notes,
    budget: Budget,
    /// The folders of caches that the file defines.
    caches: HashMap<&'y str, &'y str>,
    /// Where the steps begin that some pipeline runs.
    seen: HashSet<usize>,
    secrets: Vec<Untrusted>,
}

/// What a step stands in.
#[derive(Clone, Default)]
struct Around {
    context: Context,
    env: Env,
    number: usize,
}

impl<'y> Reading<'y> {
    fn root(&mut self, root: Node<'y>) {
        let whole = Arc::new(Context::default());
        if let Some(image) = root.get("image") {
            self.image(image, &whole);
        }
        let below = |keys: &[&str]| root.path(keys).map(Node::entries).unwrap_or_default();
        for (name, cache) in below(&["definitions", "caches"]) {
            let path = cache.text().or_else(|| cache.word("path"));
            self.caches.extend(name.text().zip(path));
        }
        for (name, service) in below(&["definitions", "services"]) {
            let context = Arc::new(Context { job: name.text().map(Untrusted::from), ..Context::default() });
            self.notes.scope(service.span(), &context);
            self.hands_over(service, &context);
        }
        for (_, from) in below(&["definitions", "imports"]) {
            self.imports(from);
        }
        for keys in [&["pipelines"][..], &["definitions", "pipelines"]] {
            for (section, value) in below(keys) {
                self.section(section.text().unwrap_or_default(), value);
            }
        }
        // What no pipeline runs is read all the same: others may import it.
        for keys in ["steps", "stages"] {
            for item in root.path(&["definitions", keys]).map(Node::items).unwrap_or_default() {
                let is_new = |node: Node<'_>| !self.seen.contains(&node.span().start);
                if item.get("step").or_else(|| item.get("stage")).is_some_and(is_new) {
                    self.item(item, &mut Around::default(), 0);
                }
            }
        }
    }

    fn section(&mut self, section: &str, value: Node<'y>) {
        let event = match section {
            "tags" => "tag",
            "custom" => "custom",
            "pull-requests" => "pull_request",
            _ => "push",
        };
        let mut pipeline = |name: String, list: Node<'y>| {
            let context =
                Context { pipeline: Some(name.as_str().into()), events: vec![event.into()], ..Context::default() };
            self.notes.scope(list.span(), &Arc::new(context.clone()));
            let mut around = Around { context, ..Around::default() };
            self.items(list, &mut around, 0);
            if let Some(from) = list.get("import") {
                self.imports(from);
            }
        };
        if value.is_sequence() {
            return pipeline(section.to_owned(), value);
        }
        for (name, list) in value.entries() {
            pipeline(format!("{section}: {}", name.text().unwrap_or_default()), list);
        }
    }

    fn imports(&mut self, from: Node<'y>) {
        if let Some(text) = from.text() {
            self.notes.includes(text, None, from.span());
        }
    }

    fn items(&mut self, list: Node<'y>, around: &mut Around, depth: u32) {
        for item in list.items() {
            self.item(item, around, depth);
        }
    }

    fn item(&mut self, item: Node<'y>, around: &mut Around, depth: u32) {
        if depth > DEEPEST {
            return self.notes.leaves_out(item.span().start, TOO_DEEP);
        }
        if !self.budget.reads("") {
            return;
        }
        for variable in item.get("variables").map(Node::items).unwrap_or_default() {
            // Whoever starts the pipeline gives its value.
            around.env.set(variable.word("name").unwrap_or_default(), Vec::new());
        }
        if item.is_sequence() {
            self.items(item, around, depth + 1);
        }
        if let Some(step) = item.get("step") {
            around.number += 1;
            self.step(step, around);
        }
        if let Some(parallel) = item.get("parallel") {
            self.items(parallel.get("steps").unwrap_or(parallel), around, depth + 1);
        }
        if let Some(stage) = item.get("stage") {
            let outer = around.context.clone();
            around.context.job = stage.word("name").map(label);
            around.context.environment = stage.word("deployment").map(Untrusted::from);
            self.seen.insert(stage.span().start);
            self.notes.scope(stage.span(), &Arc::new(around.context.clone()));
            if let Some(steps) = stage.get("steps") {
                self.items(steps, around, depth + 1);
            }
            around.context = outer;
        }
    }

    fn step(&mut self, step: Node<'y>, around: &Around) {
        let mut context = around.context.clone();
        let name = step.word("name").map_or_else(|| around.number.to_string(), str::to_owned);
        let name = label(&name);
        context.job.get_or_insert(name.clone());
        context.step = Some(name);
        context.environment = step.word("deployment").map(Untrusted::from).or(context.environment);
        let context = Arc::new(context);
        self.seen.insert(step.span().start);
        self.notes.scope(step.span(), &context);
        if let Some(image) = step.get("image") {
            self.image(image, &context);
        }
        if let Some(oidc) = step.get("oidc").filter(|oidc| oidc.text() == Some("true")) {
            self.notes.uses(OIDC, Store::Secret, None, oidc.span(), &context);
        }
        let runners = step.get("runs-on").map(Node::each).unwrap_or_default();
        let is_windows = runners.iter().any(|runner| runner.text().is_some_and(|label| label.contains("windows")));
        let dialect = if is_windows { Dialect::PowerShell } else { Dialect::Posix };
        let mut written = Vec::new();
        for key in ["script", "after-script"] {
            if let Some(list) = step.get(key) {
                written.extend(self.script(list, &around.env, dialect, &context));
            }
        }
        let kept = self.kept(step);
        self.notes.keeps(&written, &kept, &context);
    }

    /// Paths that a step keeps for others: artifacts, and caches that the file defines.
    fn kept(&self, step: Node<'y>) -> Vec<&'y str> {
        let mut all: Vec<&str> = Vec::new();
        if let Some(artifacts) = step.get("artifacts") {
            artifacts.scalars(&mut |keys, path| {
                if keys.first().is_none_or(|key| matches!(*key, "" | "paths" | "upload")) && !keys.contains(&"name") {
                    all.extend(path.text());
                }
            });
        }
        let caches = step.get("caches").map(Node::items).unwrap_or_default();
        all.extend(caches.iter().filter_map(|name| self.caches.get(name.text()?).copied()));
        all
    }

    fn script(
        &mut self,
        list: Node<'y>,
        env: &Env,
        dialect: Dialect,
        context: &Arc<Context>,
    ) -> Vec<Written<Untrusted>> {
        let mut commands = Vec::new();
        for entry in list.each().into_iter().flat_map(Node::each) {
            match entry.get("pipe") {
                Some(pipe) => self.pipe(entry, pipe, context),
                None => commands.push(entry),
            }
        }
        let mut all = env.clone();
        // A step has every variable, and `env` shows them: the names that the file knows stand for all.
        all.set("", self.secrets.clone());
        let meaning = Meaning { template: &|_| Vec::new(), free: &secret };
        commands.retain(|command| self.budget.reads(command.text().unwrap_or_default()));
        let lines = Lines::all(commands);
        let script = lines.placed(lines.script(dialect));
        self.notes.reads(script, env, &is_system, context);
        self.notes.script(script, &all, &meaning, context)
    }

    fn pipe(&mut self, entry: Node<'y>, pipe: Node<'y>, context: &Arc<Context>) {
        let Some(name) = pipe.text() else { return };
        let context = Arc::new(Context { action: Some(name.into()), ..Context::clone(context) });
        self.notes.scope(entry.span(), &context);
        let Some(variables) = entry.get("variables") else { return };
        let handed = self.hands_over(variables, &context);
        let Some(confidence) = movable(name) else { return };
        for name in handed {
            self.notes.exposes(Door::Unpinned, Some(name), pipe.span(), &context, confidence);
        }
    }

    /// The image of a step, and what opens its registry.
    fn image(&mut self, image: Node<'y>, context: &Arc<Context>) {
        self.hands_over(image, context);
    }

    /// Variables in the values of a mapping; the secrets among them are given back.
    fn hands_over(&mut self, node: Node<'y>, context: &Arc<Context>) -> Vec<Untrusted> {
        let (notes, budget, mut handed) = (&mut self.notes, &self.budget, Vec::new());
        node.scalars(&mut |keys, value| {
            let Some((raw, base)) = value.raw().filter(|(raw, _)| budget.reads(raw)) else { return };
            let key = keys.iter().rev().find(|key| !key.is_empty()).copied();
            for (name, span) in dollars(raw, base) {
                handed.extend(variable(notes, name, key, span, context));
            }
        });
        handed.sort();
        handed.dedup();
        handed
    }
}

/// Writes down a variable that is handed over under a key. Who takes it says whether it is secret, where its name does not.
fn variable(notes: &mut Notes, name: &str, key: Option<&str>, span: Span, context: &Arc<Context>) -> Option<Untrusted> {
    if is_of_shell(name) || is_system(name) {
        return secret(name).pop();
    }
    let is_secret = looks_secret(name) || key.is_some_and(looks_secret);
    let sure = if is_secret { Confidence::High } else { confidence(name).unwrap_or(Confidence::Medium) };
    notes.uses_surely(name, Store::Variable, key, span, context, sure);
    is_secret.then(|| name.into())
}

/// How sure it is that others can change what the name of a pipe stands for; `None` where they cannot.
fn movable(pipe: &str) -> Option<Confidence> {
    let version = pipe.rsplit([':', '@']).next().unwrap_or_default();
    let is_commit = version.len() >= 40 && version.bytes().all(|b| b.is_ascii_hexdigit());
    if pipe.contains("@sha256:") || is_commit {
        return None;
    }
    Some(if pipe.starts_with("atlassian/") { Confidence::Low } else { Confidence::Medium })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::usage::Use;
    use crate::uses::testing::{doors, part, word};

    const PIPELINE: &str = r#"
image:
  name: registry.example/tools:1
  username: $REGISTRY_USER
  password: ${REGISTRY_KEY}
definitions:
  caches:
    secrets: ./cached
  services:
    db:
      image: postgres:16
      variables:
        POSTGRES_PASSWORD: $DB
        PLACE: hunter-one
  steps:
    - step: &deploy
        name: Deploy
        deployment: production
        oidc: true
        script:
          - export KEY=$DEPLOY_TOKEN
          - 'echo "key is $KEY"'
          - for ONE in a b; do echo $ONE $HOME $BITBUCKET_COMMIT; done
          - pipe: atlassian/aws-s3-deploy:1.1.0
            variables:
              AWS_SECRET_ACCESS_KEY: $AWS
              BUCKET: hunter-two
          - pipe: docker://others/pipe:latest
            variables: { TOKEN: $OTHER_TOKEN }
          - pipe: others/pinned@sha256:0000
            variables: { TOKEN: $OTHER_TOKEN }
pipelines:
  default:
    - step:
        script:
          - echo "$PKG_TOKEN" > cached/npmrc
          - echo "$PKG_TOKEN" > elsewhere
          - printenv
        caches: [secrets]
        artifacts:
          - dist/**
  branches:
    main:
      - stage:
          name: Ship
          deployment: staging
          steps:
            - step: *deploy
  pull-requests:
    '**':
      - parallel:
          steps:
            - step: *deploy
            - step:
                script: [docker build --build-arg TOKEN=$PKG_TOKEN ., "set -x; login $lower_secret"]
  custom:
    by-hand:
      - variables:
          - name: VERSION
      - step: { script: ["release $VERSION $TARGET"] }
"#;

    fn uses() -> Uses {
        read(File { path: "bitbucket-pipelines.yml", text: PIPELINE.as_bytes() })
    }

    #[test]
    fn references_are_told_for_each_pipeline() {
        let uses = uses();
        let told = |one: &Use| {
            let or_none = |word: &str| if word.is_empty() { "-".to_owned() } else { word.to_owned() };
            let (variable, job) = (word(one.variable.as_ref()), word(one.context.job.as_ref()));
            format!("{} {} {}", part(PIPELINE, one.span), or_none(variable), or_none(job))
        };
        let told: Vec<String> = uses.uses.iter().map(told).collect();
        let deploy = |text: &str| vec![format!("{text} Deploy"), format!("{text} Ship")];
        let mut expected = vec!["$REGISTRY_USER username -".to_owned(), "${REGISTRY_KEY} password -".to_owned()];
        expected.push("$DB POSTGRES_PASSWORD db".to_owned());
        let rest =
            ["true -", "$DEPLOY_TOKEN -", "$AWS AWS_SECRET_ACCESS_KEY", "$OTHER_TOKEN TOKEN", "$OTHER_TOKEN TOKEN"];
        expected.extend(rest.iter().flat_map(|text| deploy(text)));
        for text in ["$PKG_TOKEN - 1", "$PKG_TOKEN - 1", "$PKG_TOKEN - 2", "$lower_secret - 2", "$TARGET - 1"] {
            expected.push(text.to_owned());
        }
        let (mut told, mut expected) = (told, expected);
        told.sort();
        expected.sort();
        assert_eq!(told, expected);
    }

    #[test]
    fn doors_are_told_and_nothing_else() {
        let uses = uses();
        let expected = [
            // Two pipelines have the step, by an alias.
            (Door::Printed, "DEPLOY_TOKEN", "echo \"key is $KEY\"", Confidence::High),
            (Door::Printed, "DEPLOY_TOKEN", "echo \"key is $KEY\"", Confidence::High),
            (Door::Unpinned, "AWS", "atlassian/aws-s3-deploy:1.1.0", Confidence::Low),
            (Door::Unpinned, "AWS", "atlassian/aws-s3-deploy:1.1.0", Confidence::Low),
            (Door::Unpinned, "OTHER_TOKEN", "docker://others/pipe:latest", Confidence::Medium),
            (Door::Unpinned, "OTHER_TOKEN", "docker://others/pipe:latest", Confidence::Medium),
            (Door::Artifact, "PKG_TOKEN", "echo \"$PKG_TOKEN\"", Confidence::Medium),
            (Door::Printed, "", "printenv", Confidence::High),
            (Door::BuildArgument, "PKG_TOKEN", "docker build --build-arg TOKEN=$PKG_TOKEN .", Confidence::High),
            (Door::Traced, "lower_secret", "login $lower_secret", Confidence::High),
        ];
        assert_eq!(doors(&uses, PIPELINE), expected);
    }

    #[test]
    fn a_place_has_its_job_step_and_environment() {
        let uses = uses();
        let at = |text: &str| uses.at(PIPELINE.find(text).unwrap()).unwrap();
        let two = at("hunter-two");
        assert_eq!(two.step, Some("Deploy".into()));
        assert_eq!(two.environment, Some("production".into()));
        assert_eq!(two.action, Some("atlassian/aws-s3-deploy:1.1.0".into()));
        assert_eq!(at("hunter-one").job, Some("db".into()));
        assert_eq!(at("release $VERSION").pipeline, Some("custom: by-hand".into()));
        assert_eq!(at("docker build").events, [Untrusted::from("pull_request")]);
    }

    #[test]
    fn whatever_a_file_has_it_ends() {
        let read = |text: &[u8]| read(File { path: "bitbucket-pipelines.yml", text });
        for end in 0..PIPELINE.len() {
            read(&PIPELINE.as_bytes()[..end]);
        }
        assert_eq!(read(b"services:\n  web:\n    image: $X\n"), Uses::default());
        assert_eq!(read(b"image: $TOKEN\n# \xff\n").unread.len(), 1);
        assert!(read(b"pipelines: &a\n  default: &b\n  - parallel: *b\n  - step: *a\n").uses.is_empty());
    }
}

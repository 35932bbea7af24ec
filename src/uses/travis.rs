//! Builds of Travis CI: phases of commands, variables (`env`), deployments, and values that `travis encrypt` made (`secure`).
//! Builds of pull requests from forks get no secure variable.
//!
//! Sources: <https://docs.travis-ci.com/user/environment-variables/>, <https://docs.travis-ci.com/user/job-lifecycle/>,
//! <https://docs.travis-ci.com/user/encryption-keys/>, <https://docs.travis-ci.com/user/deployment-v2/>.

use std::sync::Arc;

use super::budget::Budget;
use super::label::label;
use super::notes::{Env, Meaning, Notes, looks_secret};
use super::script::Lines;
use super::shell::{Dialect, Reference, Script, Written, assigned, dollars, examine, is_of_shell};
use super::yaml::{Node, Yaml};
use super::{File, Reader};
use crate::model::usage::{Context, Door, Store, System, Uses};
use crate::model::{Confidence, Untrusted};

/// Reads `.travis.yml`.
pub const READER: Reader = Reader { system: System::Travis, is_own, read };

/// Phases of a job, in the order in which one shell runs them.
const PHASES: &[&str] = &[
    "before_install",
    "install",
    "before_script",
    "script",
    "before_cache",
    "after_success",
    "after_failure",
    "before_deploy",
    "after_deploy",
    "after_script",
];
/// What is asked for behind a script.
const LAST: &str = "behind all";
/// How deep lists of variables may stand in each other.
const DEEPEST: u32 = 4;
/// Keys that are read as what they are; what is secure elsewhere is known by the key that it stands under.
const READ: &[&str] = &["env", "jobs", "matrix", "deploy"];

fn is_own(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    matches!(name, ".travis.yml" | ".travis.yaml")
}

fn read(file: File<'_>) -> Uses {
    let yaml = Yaml::read(file.text);
    let source = yaml.source();
    let secrets = dollars(source, 0).into_iter().flat_map(|(name, _)| secret(name)).collect();
    let mut reading = Reading { notes: Notes::new(System::Travis), budget: Budget::of(source), secrets };
    for root in yaml.documents().filter(|root| root.is_mapping()) {
        reading.root(root);
    }
    let Reading { mut notes, budget, .. } = reading;
    notes.unread(budget.unread());
    notes.unread(yaml.unread());
    notes.done()
}

/// Whether the system sets a variable.
fn is_system(name: &str) -> bool {
    name.starts_with("TRAVIS_")
        || matches!(name, "TRAVIS" | "CI" | "CONTINUOUS_INTEGRATION" | "HAS_JOSH_K_SEAL_OF_APPROVAL")
}

/// The secret behind a variable that nothing in the file sets: it is in the settings of the repository, or secure.
fn secret(name: &str) -> Vec<Untrusted> {
    let is_secret = looks_secret(name) && !is_of_shell(name) && !is_system(name);
    if is_secret { vec![name.into()] } else { Vec::new() }
}

struct Reading {
    notes: Notes,
    budget: Budget,
    secrets: Vec<Untrusted>,
}

impl Reading {
    fn root(&mut self, root: Node<'_>) {
        let context = Arc::new(Context::default());
        let mut env = Env::default();
        for import in root.get("import").map(Node::each).unwrap_or_default() {
            self.import(import);
        }
        if let Some(variables) = root.get("env") {
            self.variables(variables, &mut env, &context, 0);
        }
        let jobs: Vec<Node<'_>> = ["jobs", "matrix"].iter().filter_map(|key| root.path(&[key, "include"])).collect();
        let mut all = env.clone();
        for name in jobs.iter().flat_map(|list| list.items()).flat_map(names) {
            if all.get(name).is_none() {
                all.set(name, secret(name));
            }
        }
        self.job(root, None, &all, &context);
        let mut stage: Option<&str> = None;
        for (number, job) in jobs.into_iter().flat_map(Node::items).enumerate() {
            // A job without a stage is in that of the job before it.
            stage = job.word("stage").or_else(|| job.path(&["stage", "name"])?.text()).or(stage);
            let name = job.word("name").or(stage).map_or_else(|| (number + 1).to_string(), str::to_owned);
            let context =
                Context { pipeline: stage.map(Untrusted::from), job: Some(label(&name)), ..Context::default() };
            let (context, mut env) = (Arc::new(context), env.clone());
            self.notes.scope(job.span(), &context);
            if let Some(variables) = job.get("env") {
                self.variables(variables, &mut env, &context, 0);
            }
            self.job(job, Some(root), &env, &context);
        }
    }

    fn import(&mut self, import: Node<'_>) {
        let Some(source) = import.get("source").or(Some(import)).filter(|source| source.text().is_some()) else {
            return;
        };
        let text = source.text().unwrap_or_default();
        // `owner/name:path@ref`: without the first it is this repository, without the last this commit.
        let local = (!text.contains([':', '@'])).then(|| text.trim_start_matches("./"));
        self.notes.includes(text, local, source.span());
        let Some((from, path)) = text.split_once(':').filter(|_| !text.contains('$')) else { return };
        let version = path.rsplit_once('@').map(|(_, version)| version).unwrap_or_default();
        if !(matches!(version.len(), 40 | 64) && version.bytes().all(|b| b.is_ascii_hexdigit())) {
            let context = Arc::new(Context { action: Some(from.into()), ..Context::default() });
            let sure = if self.secrets.is_empty() { Confidence::Low } else { Confidence::Medium };
            self.notes.exposes(Door::Unpinned, None, source.span(), &context, sure);
        }
    }

    /// A job, or the whole file: every job has its phases, but for those that it has itself.
    fn job(&mut self, job: Node<'_>, file: Option<Node<'_>>, env: &Env, context: &Arc<Context>) {
        let mut written = Vec::new();
        let (mut known, mut traced) = (env.clone(), false);
        for phase in PHASES {
            if let Some(list) = job.get(phase) {
                let context = inner(context, phase, None);
                self.notes.scope(list.span(), &context);
                written.extend(self.script(&list.each(), &mut known, &mut traced, &context));
            } else if let Some(list) = file.and_then(|file| file.get(phase)) {
                // Told for the whole file.
                let lines = self.lines(&list.each());
                traced = stays_traced(Script { traced, ..lines.script(Dialect::Posix) });
            }
        }
        for deploy in job.get("deploy").map(Node::each).unwrap_or_default() {
            self.deploy(deploy, env, context);
        }
        for (key, value) in job.entries() {
            let name = key.text().unwrap_or_default();
            if !READ.contains(&name) && !PHASES.contains(&name) {
                self.values(value, name, env, context);
            }
        }
        let mut kept: Vec<&str> = Vec::new();
        for path in
            [&["cache", "directories"][..], &["addons", "artifacts", "paths"], &["workspaces", "create", "paths"]]
        {
            let paths = job.path(path).map(Node::each).unwrap_or_default();
            kept.extend(paths.into_iter().filter_map(Node::text));
        }
        self.notes.keeps(&written, &kept, context);
    }

    /// Commands of a phase; what they set, the next one knows.
    fn script(
        &mut self,
        entries: &[Node<'_>],
        env: &mut Env,
        traced: &mut bool,
        context: &Arc<Context>,
    ) -> Vec<Written<Untrusted>> {
        let mut all = env.clone();
        // The settings of the repository are in the environment, and `env` shows them: the names that the file knows stand for all.
        all.set("", self.secrets.clone());
        let meaning = Meaning { template: &|_| Vec::new(), free: &secret };
        let lines = self.lines(entries);
        let script = lines.placed(Script { traced: *traced, ..lines.script(Dialect::Posix) });
        *traced = stays_traced(script.script);
        self.notes.reads(script, env, &is_system, context);
        let written = self.notes.script(script, &all, &meaning, context);
        for name in assigned(script.script).into_iter().filter(|name| all.get(name).is_none()) {
            env.set(&name, secret(&name));
        }
        written
    }

    fn lines<'y>(&self, entries: &[Node<'y>]) -> Lines<'y> {
        Lines::all(entries.iter().copied().filter(|one| self.budget.reads(one.text().unwrap_or_default())))
    }

    fn deploy(&mut self, deploy: Node<'_>, env: &Env, context: &Arc<Context>) {
        let provider = deploy.word("provider").or_else(|| deploy.text());
        let context = inner(context, "deploy", provider);
        self.notes.scope(deploy.span(), &context);
        for (key, value) in deploy.entries() {
            match key.text() {
                Some("script") if provider == Some("script") => {
                    self.script(&value.each(), &mut env.clone(), &mut false, &context);
                }
                key => self.values(value, key.unwrap_or_default(), env, &context),
            }
        }
    }

    /// Values that a key has below it: variables in them, and what is encrypted.
    fn values(&mut self, value: Node<'_>, key: &str, env: &Env, context: &Arc<Context>) {
        let (notes, budget) = (&mut self.notes, &self.budget);
        value.scalars(&mut |keys, scalar| {
            let Some((raw, base)) = scalar.raw().filter(|(raw, _)| budget.reads(raw)) else { return };
            if keys.last() == Some(&"secure") {
                let outer = keys.iter().rev().find(|key| !matches!(**key, "" | "secure" | "rooms" | "urls")).copied();
                return notes.uses(outer.unwrap_or(key), Store::Secret, None, scalar.span(), context);
            }
            let input = keys.iter().rev().find(|key| !key.is_empty()).copied().unwrap_or(key);
            for (name, span) in dollars(raw, base) {
                let is_known = env.get(name).is_some() || is_of_shell(name) || is_system(name);
                if !is_known {
                    let is_secret = looks_secret(name) || looks_secret(input);
                    let sure = if is_secret { Confidence::High } else { Confidence::Medium };
                    notes.uses_surely(name, Store::Variable, Some(input), span, context, sure);
                }
            }
        });
    }

    /// Variables: `NAME=value OTHER=value`, mappings, `secure`, and lists of them; `global` and those of jobs.
    fn variables(&mut self, variables: Node<'_>, env: &mut Env, context: &Arc<Context>, depth: u32) {
        if depth > DEEPEST {
            let why = "its variables stand deeper in each other than is followed: what is in them is not known";
            return self.notes.leaves_out(variables.span().start, why);
        }
        for one in variables.each() {
            if one.is_sequence() {
                self.variables(one, env, context, depth + 1);
            } else if one.text().is_some() {
                self.assignments(one, env, context);
            }
            for (key, value) in one.entries() {
                match key.text().unwrap_or_default() {
                    "global" | "jobs" | "matrix" => self.variables(value, env, context, depth + 1),
                    "secure" => self.secure("secure", value, env, context),
                    name => match value.get("secure") {
                        Some(secure) => self.secure(name, secure, env, context),
                        None => self.set(name, value, env, context),
                    },
                }
            }
        }
    }

    /// What is encrypted is a whole `NAME=value` where it has no name here.
    fn secure(&mut self, name: &str, value: Node<'_>, env: &mut Env, context: &Arc<Context>) {
        if self.budget.reads(name) {
            self.notes.uses(name, Store::Secret, None, value.span(), context);
            env.set(name, vec![name.into()]);
        }
    }

    fn set(&mut self, name: &str, value: Node<'_>, env: &mut Env, context: &Arc<Context>) {
        let Some((raw, base)) = value.raw().filter(|(raw, _)| self.budget.reads(raw)) else { return };
        let mut secrets = Vec::new();
        for (used, span) in dollars(raw, base) {
            if env.get(used).is_none() && !is_of_shell(used) && !is_system(used) {
                let sure = if looks_secret(used) { Confidence::High } else { Confidence::Medium };
                self.notes.uses_surely(used, Store::Variable, Some(name), span, context, sure);
            }
            secrets.extend(env.get(used).map_or_else(|| secret(used), <[_]>::to_vec));
        }
        env.set(name, secrets);
    }

    fn assignments(&mut self, line: Node<'_>, env: &mut Env, context: &Arc<Context>) {
        let Some(lines) = Lines::of(line).filter(|lines| self.budget.reads(lines.text())) else { return };
        self.notes.reads(lines.placed(lines.script(Dialect::Posix)), env, &is_system, context);
        for word in lines.text().split_whitespace() {
            let Some((name, value)) = word.split_once('=') else { continue };
            let of = |used: &str| env.get(used).map_or_else(|| secret(used), <[_]>::to_vec);
            let secrets = dollars(value, 0).into_iter().flat_map(|(used, _)| of(used)).collect();
            env.set(name.trim_start_matches(['"', '\'']), secrets);
        }
    }
}

/// Whether the shell prints every command behind a script too: one shell runs all phases.
fn stays_traced(script: Script<'_>) -> bool {
    if !script.text.contains("set ") {
        return script.traced;
    }
    let text = format!("{}\n: ${{{{{LAST}}}}}", script.text);
    let last = |one: &Reference<'_>| Vec::from_iter((one.is_template && one.text.trim() == LAST).then_some(()));
    examine(Script { text: &text, ..script }, &last).passages.iter().any(|one| one.door == Door::Traced)
}

/// The variables that a job sets, which the phases of the whole file see too.
fn names(job: Node<'_>) -> Vec<&str> {
    let mut all = Vec::new();
    for one in job.get("env").map(Node::each).unwrap_or_default() {
        let words = one.text().unwrap_or_default().split_whitespace();
        all.extend(words.filter_map(|word| word.split_once('=')).map(|(name, _)| name));
        all.extend(one.entries().into_iter().filter_map(|(name, _)| name.text()));
    }
    all
}

/// The context of a phase.
fn inner(context: &Arc<Context>, step: &str, action: Option<&str>) -> Arc<Context> {
    Arc::new(Context { step: Some(step.into()), action: action.map(Untrusted::from), ..Context::clone(context) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::usage::Door;
    use crate::uses::testing::{leaks, stored, word};

    const BUILD: &str = r#"
language: python
import:
  - ./shared/build.yml
  - source: others/configs:python.yml@v1
env:
  global:
    - secure: "ENCRYPTED-PLACEHOLDER-1"
    - MODE=fast OUT=out
    - API_TOKEN:
        secure: ENCRYPTED-PLACEHOLDER-2
  jobs:
    - PY=3 NOTE=hunter-one
before_install:
  - export VERSION=1
  - set -x
script:
  - ./test --key $API_TOKEN $MODE $PY $VERSION $TRAVIS_BRANCH $SHARD
  - set +x
  - echo "$API_TOKEN" > $OUT
  - curl -u "$REPO_USER:$REPO_PASSWORD" https://example.com
  - cd "$HOME" && ls "$PWD"
after_success:
  - env
cache:
  directories: [out, $OUT]
jobs:
  include:
    - stage: test
      env: SHARD=1
    - name: Ship
      stage: deploy
      env:
        - LOCAL=hunter-two
      script: docker build --build-arg T=$API_TOKEN .
deploy:
  - provider: releases
    api_key:
      secure: ENCRYPTED-PLACEHOLDER-3
    file: $OUT
  - provider: pypi
    password: $PYPI
notifications:
  slack:
    rooms:
      - secure: ENCRYPTED-PLACEHOLDER-4
"#;

    fn uses() -> Uses {
        read(File { path: ".travis.yml", text: BUILD.as_bytes() })
    }

    #[test]
    fn references_have_their_names_stores_and_places() {
        let uses = uses();
        let expected = [
            ("secure", Store::Secret, "ENCRYPTED-PLACEHOLDER-1"),
            ("API_TOKEN", Store::Secret, "ENCRYPTED-PLACEHOLDER-2"),
            ("REPO_USER", Store::Variable, "$REPO_USER"),
            ("REPO_PASSWORD", Store::Variable, "$REPO_PASSWORD"),
            ("api_key", Store::Secret, "ENCRYPTED-PLACEHOLDER-3"),
            ("PYPI", Store::Variable, "$PYPI"),
            ("slack", Store::Secret, "ENCRYPTED-PLACEHOLDER-4"),
        ];
        assert_eq!(stored(&uses, BUILD), expected);
        let deploy = &uses.uses[5].context;
        assert_eq!((word(deploy.step.as_ref()), word(deploy.action.as_ref())), ("deploy", "pypi"));
        let includes: Vec<_> = uses.includes.iter().map(|one| word(one.path.as_ref())).collect();
        assert_eq!(includes, ["shared/build.yml", ""]);
    }

    #[test]
    fn doors_are_told_and_nothing_else() {
        let uses = uses();
        let expected = [
            (Door::Unpinned, "", "others/configs:python.yml@v1"),
            (Door::Traced, "API_TOKEN", "./test --key $API_TOKEN $MODE $PY $VERSION $TRAVIS_BRANCH $SHARD"),
            (Door::Artifact, "API_TOKEN", "echo \"$API_TOKEN\""),
            (Door::Printed, "", "env"),
            (Door::Traced, "API_TOKEN", "docker build --build-arg T=$API_TOKEN ."),
            (Door::BuildArgument, "API_TOKEN", "docker build --build-arg T=$API_TOKEN ."),
        ];
        assert_eq!(leaks(&uses, BUILD), expected);
    }

    #[test]
    fn a_place_has_its_job_and_step() {
        let uses = uses();
        let at = |text: &str| uses.at(BUILD.find(text).unwrap());
        let two = at("hunter-two").unwrap();
        assert_eq!((two.pipeline.clone(), two.job.clone()), (Some("deploy".into()), Some("Ship".into())));
        assert_eq!(at("./test").unwrap().step, Some("script".into()));
        assert_eq!(at("PLACEHOLDER-3").unwrap().action, Some("releases".into()));
    }

    #[test]
    fn whatever_a_file_has_it_ends() {
        let read = |text: &[u8]| read(File { path: ".travis.yml", text });
        for end in 0..BUILD.len() {
            read(&BUILD.as_bytes()[..end]);
        }
        assert_eq!(read(b"- a\n- b: $TOKEN\n"), Uses::default());
        assert_eq!(read(b"script: run $API_TOKEN\n# \xff\n").uses.len(), 1);
        assert!(!read(b"env: &a\n  global: *a\n  jobs: [*a]\n").unread.iter().any(|one| one.kind.is_none()));
    }

    #[test]
    fn one_shell_runs_all_phases() {
        let told = |text: &str| {
            let uses = read(File { path: ".travis.yml", text: text.as_bytes() });
            uses.exposures.iter().map(|one| one.door).collect::<Vec<_>>()
        };
        let script = "script: curl -u a:$MY_TOKEN x\n";
        assert_eq!(told(&format!("before_script: set -x\n{script}")), [Door::Traced]);
        let job = "before_script: set -x\njobs:\n  include:\n    - script: curl -u a:$MY_TOKEN x\n";
        assert_eq!(told(job), [Door::Traced]);
        for near in ["before_script: [set -x, set +x]", "before_script: (set -x; make)", "before_script: bash -x a.sh"]
        {
            assert_eq!(told(&format!("{near}\n{script}")), [], "{near}");
        }
        assert_eq!(told(&format!("after_success: set -x\n{script}")), []);
    }

    #[test]
    fn what_others_can_move_is_told() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let text = format!("import: [org/repo:x.yml@main, ./y.yml, ./z.yml@main, 'org/repo:w.yml@{commit}']\n");
        let uses = read(File { path: ".travis.yml", text: text.as_bytes() });
        assert_eq!(leaks(&uses, &text), [(Door::Unpinned, "", "org/repo:x.yml@main")]);
    }
}

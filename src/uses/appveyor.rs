//! Builds of AppVeyor: commands of `cmd`, PowerShell and `sh`, variables, deployments and notifications, and values that are
//! encrypted (`secure`). Builds of pull requests from forks get no secure variable.
//!
//! Sources: <https://www.appveyor.com/docs/appveyor-yml/>, <https://www.appveyor.com/docs/build-configuration/>.

use std::sync::Arc;

use super::budget::Budget;
use super::label::label;
use super::notes::{Env, Meaning, Notes, looks_secret};
use super::script::{Lines, Placed};
use super::shell::{Dialect, Script, Written, assigned, dollars, is_of_shell, references};
use super::yaml::{Node, Yaml};
use super::{File, Reader};
use crate::model::usage::{Context, Span, Store, System, Uses};
use crate::model::{Confidence, Untrusted};

/// Reads `appveyor.yml`.
pub const READER: Reader = Reader { system: System::AppVeyor, is_own, read };

/// Keys that have commands.
const PHASES: &[&str] = &[
    "init",
    "install",
    "before_build",
    "build_script",
    "after_build",
    "before_package",
    "before_test",
    "test_script",
    "after_test",
    "before_deploy",
    "deploy_script",
    "after_deploy",
    "on_success",
    "on_failure",
    "on_finish",
    "on_image_bake",
];
/// Keys that say who is told or given what is built.
const PROVIDERS: &[&str] = &["deploy", "notifications"];
/// How deep configurations may stand in each other.
const DEEPEST: u32 = 3;

fn is_own(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    matches!(name.as_str(), "appveyor.yml" | ".appveyor.yml" | "appveyor.yaml" | ".appveyor.yaml")
}

fn read(file: File<'_>) -> Uses {
    let yaml = Yaml::read(file.text);
    let source = yaml.source();
    let secrets = [Dialect::Cmd, Dialect::PowerShell].iter().flat_map(|dialect| variables(source, 0, *dialect));
    let secrets = secrets.flat_map(|(name, _)| secret(name)).collect();
    let mut reading = Reading { notes: Notes::new(System::AppVeyor), budget: Budget::of(source), secrets };
    // Several configurations may stand in a list.
    for root in yaml.documents().flat_map(Node::each).filter(|root| root.is_mapping()) {
        reading.configuration(root, &Env::default(), &Arc::new(Context::default()), false, 0);
    }
    let Reading { mut notes, budget, .. } = reading;
    notes.unread(budget.unread());
    notes.unread(yaml.unread());
    notes.done()
}

/// Whether the system sets a variable.
fn is_system(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.starts_with("APPVEYOR") || matches!(name.as_str(), "CI" | "PLATFORM" | "CONFIGURATION")
}

/// The secret behind a variable that nothing in the file sets: it is in the settings of the project.
fn secret(name: &str) -> Vec<Untrusted> {
    let is_secret = looks_secret(name) && !is_of_shell(name) && !is_system(name);
    if is_secret { vec![name.into()] } else { Vec::new() }
}

/// Variables of a text: `%NAME%` or `$NAME`, `$env:NAME`; and `$(NAME)`, which the system fills in.
fn variables(text: &str, base: usize, dialect: Dialect) -> Vec<(&str, Span)> {
    let mut all = if dialect == Dialect::Posix { dollars(text, base) } else { Vec::new() };
    if dialect == Dialect::Cmd {
        all.extend(between(text, base, "%", '%'));
    }
    if dialect == Dialect::PowerShell {
        all.extend(between(text, base, "$env:", '\0'));
    }
    all.extend(between(text, base, "$(", ')'));
    all.sort_by_key(|(_, span)| *span);
    all
}

/// Names between an opening and a closing mark; the end of the name closes where the mark is none.
fn between<'t>(text: &'t str, base: usize, open: &str, close: char) -> Vec<(&'t str, Span)> {
    let mut all: Vec<(&str, Span)> = Vec::new();
    for (at, _) in text.match_indices(open) {
        let inner = text.get(at + open.len()..).unwrap_or_default();
        let length = inner.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let closed = close == '\0' || inner.get(length..).is_some_and(|rest| rest.starts_with(close));
        let start = base + at;
        // A closing `%` opens nothing.
        let is_new = all.last().is_none_or(|(_, last)| last.end <= start);
        if let Some(name) = inner.get(..length).filter(|name| !name.is_empty() && closed && is_new) {
            all.push((name, Span { start, end: start + open.len() + length + usize::from(close != '\0') }));
        }
    }
    all
}

struct Reading {
    notes: Notes,
    budget: Budget,
    secrets: Vec<Untrusted>,
}

impl Reading {
    /// A configuration, or one that `for` has for some jobs.
    fn configuration(&mut self, root: Node<'_>, outer: &Env, context: &Arc<Context>, unix: bool, depth: u32) {
        let mut env = outer.clone();
        let images = root.get("image").map(Node::each).unwrap_or_default();
        let is_unix =
            |image: &Node<'_>| image.text().is_some_and(|name| name.starts_with("Ubuntu") || name.starts_with("macOS"));
        let unix = unix && images.is_empty() || !images.is_empty() && images.iter().all(is_unix);
        if let Some(environment) = root.get("environment") {
            self.environment(environment, &mut env, context, 0);
        }
        let mut written = Vec::new();
        for (key, value) in root.entries() {
            let name = key.text().unwrap_or_default();
            if PHASES.contains(&name) {
                let context = inner(context, name, None, None);
                self.notes.scope(value.span(), &context);
                written.extend(self.phase(value, &mut env, unix, &context));
            } else if PROVIDERS.contains(&name) {
                for provider in value.each() {
                    self.provider(provider, name, &env, context);
                }
            } else if !matches!(name, "environment" | "for") {
                self.values(value, name, &env, context);
            }
        }
        self.notes.keeps(&written, &kept(root), context);
        for one in root.get("for").map(Node::items).unwrap_or_default() {
            if depth >= DEEPEST {
                let why =
                    "its configurations stand deeper in each other than is followed: who uses what there is not known";
                return self.notes.leaves_out(one.span().start, why);
            }
            let job = one.path(&["matrix", "only"]).map(Node::items).unwrap_or_default();
            let job = job.iter().find_map(|only| only.word("job_name").or_else(|| only.word("job_group")));
            let context = Arc::new(Context { job: job.map(label), ..Context::clone(context) });
            self.notes.scope(one.span(), &context);
            self.configuration(one, &env, &context, unix, depth + 1);
        }
    }

    /// Variables: plain ones and secure ones, those of every job (`global`) and of some (`matrix`).
    fn environment(&mut self, environment: Node<'_>, env: &mut Env, context: &Arc<Context>, depth: u32) {
        for (key, value) in environment.entries() {
            match key.text().unwrap_or_default() {
                "global" if depth == 0 => self.environment(value, env, context, 1),
                "matrix" if depth == 0 => {
                    for one in value.items() {
                        let job = one.word("job_name").or_else(|| one.word("APPVEYOR_JOB_NAME"));
                        let context = Arc::new(Context { job: job.map(label), ..Context::clone(context) });
                        self.notes.scope(one.span(), &context);
                        self.environment(one, env, &context, 1);
                    }
                }
                name => self.variable(name, value, env, context),
            }
        }
    }

    fn variable(&mut self, name: &str, value: Node<'_>, env: &mut Env, context: &Arc<Context>) {
        if let Some(secure) = value.get("secure") {
            if self.budget.reads(name) {
                self.notes.uses(name, Store::Secret, None, secure.span(), context);
                env.set(name, vec![name.into()]);
            }
            return;
        }
        let Some((raw, base)) = value.raw().filter(|(raw, _)| self.budget.reads(raw)) else { return };
        let mut secrets = Vec::new();
        for (used, span) in variables(raw, base, Dialect::Cmd) {
            self.hands_over(used, Some(name), span, env, context);
            secrets.extend(env.get(used).map_or_else(|| secret(used), <[_]>::to_vec));
        }
        env.set(name, secrets);
    }

    /// Writes down a variable in a value, where nothing in the file sets it.
    fn hands_over(&mut self, name: &str, key: Option<&str>, span: Span, env: &Env, context: &Arc<Context>) {
        if env.get(name).is_none() && !is_of_shell(name) && !is_system(name) {
            let is_secret = looks_secret(name) || key.is_some_and(looks_secret);
            let sure = if is_secret { Confidence::High } else { Confidence::Medium };
            self.notes.uses_surely(name, Store::Variable, key, span, context, sure);
        }
    }

    /// Commands; each says its shell, and those that say none have that of the machine.
    fn phase<'y>(
        &mut self,
        list: Node<'y>,
        env: &mut Env,
        unix: bool,
        context: &Arc<Context>,
    ) -> Vec<Written<Untrusted>> {
        let plain = if unix { Dialect::Posix } else { Dialect::Cmd };
        let mut runs: Vec<(Dialect, Vec<Node<'y>>)> = Vec::new();
        let mut push = |dialect: Dialect, command: Node<'y>| match runs.last_mut() {
            Some((last, commands)) if *last == dialect => commands.push(command),
            _ => runs.push((dialect, vec![command])),
        };
        for entry in list.each() {
            if let Some(text) = entry.text() {
                push(text.split_once(':').and_then(|(shell, _)| shell_of(shell)).unwrap_or(plain), entry);
            }
            for (shell, command) in entry.entries() {
                if let Some(dialect) = shell.text().and_then(shell_of) {
                    push(dialect, command);
                }
            }
        }
        let mut written = Vec::new();
        for (dialect, commands) in runs {
            let read = |one: &Node<'_>| self.budget.reads(one.text().unwrap_or_default());
            let lines = Lines::all(commands.into_iter().filter(read));
            written.extend(self.script(lines.placed(lines.script(dialect)), env, context));
        }
        written
    }

    fn script(&mut self, script: Placed<'_>, env: &mut Env, context: &Arc<Context>) -> Vec<Written<Untrusted>> {
        if script.script.dialect == Dialect::Cmd {
            sets(script.script, env);
        }
        self.notes.reads(script, env, &is_system, context);
        let mut all = env.clone();
        // The settings of the project are in the environment, and `set` shows them: the names that the file knows stand for all.
        all.set("", self.secrets.clone());
        let meaning = Meaning { template: &|_| Vec::new(), free: &secret };
        let written = self.notes.script(script, &all, &meaning, context);
        for name in assigned(script.script).into_iter().filter(|name| all.get(name).is_none()) {
            env.set(&name, secret(&name));
        }
        written
    }

    fn provider(&mut self, provider: Node<'_>, step: &str, env: &Env, context: &Arc<Context>) {
        let action = provider.word("provider");
        let environment =
            provider.word("name").filter(|_| action.is_some_and(|name| name.eq_ignore_ascii_case("environment")));
        let context = inner(context, step, action, environment);
        self.notes.scope(provider.span(), &context);
        self.values(provider, step, env, &context);
    }

    /// Values that a key has below it: variables in them, and what is encrypted.
    fn values(&mut self, value: Node<'_>, key: &str, env: &Env, context: &Arc<Context>) {
        let mut found = Vec::new();
        let budget = &self.budget;
        value.scalars(&mut |keys, scalar| {
            let Some((raw, base)) = scalar.raw().filter(|(raw, _)| budget.reads(raw)) else { return };
            let named = keys.iter().rev().find(|key| !matches!(**key, "" | "secure")).copied().unwrap_or(key);
            if keys.last() == Some(&"secure") {
                found.push((named, None, scalar.span()));
            } else {
                let used = variables(raw, base, Dialect::Cmd);
                found.extend(used.into_iter().map(|(name, span)| (named, Some(name), span)));
            }
        });
        for (named, variable, span) in found {
            match variable {
                Some(name) => self.hands_over(name, Some(named), span, env, context),
                None => self.notes.uses(named, Store::Secret, None, span, context),
            }
        }
    }
}

/// The shell of a command.
fn shell_of(word: &str) -> Option<Dialect> {
    match word.trim() {
        "ps" | "pwsh" => Some(Dialect::PowerShell),
        "cmd" => Some(Dialect::Cmd),
        "sh" | "bash" => Some(Dialect::Posix),
        _ => None,
    }
}

/// Variables that `set NAME=value` gives a value; later commands see them.
fn sets(script: Script<'_>, env: &mut Env) {
    for line in script.text.lines() {
        let line = line.trim_start();
        let Some(rest) = line.get(..4).filter(|word| word.eq_ignore_ascii_case("set ")).and_then(|_| line.get(4..))
        else {
            continue;
        };
        let Some((name, value)) = rest.trim_start().trim_start_matches("/p ").trim_start_matches('"').split_once('=')
        else {
            continue;
        };
        let used = references(Script { text: value, base: 0, ..script });
        let of = |name: &str| env.get(name).map_or_else(|| secret(name), <[_]>::to_vec);
        let secrets = used.iter().flat_map(|one| of(one.text)).collect();
        env.set(name.trim(), secrets);
    }
}

/// Paths that are kept for others: artifacts and caches.
fn kept(root: Node<'_>) -> Vec<&str> {
    let mut all = Vec::new();
    for artifact in root.get("artifacts").map(Node::each).unwrap_or_default() {
        all.extend(artifact.word("path").or_else(|| artifact.text()));
    }
    for cache in root.get("cache").map(Node::each).unwrap_or_default() {
        // `folder -> file`: what the file says makes the cache void.
        all.extend(cache.text().and_then(|text| text.split("->").next()).map(str::trim));
    }
    all
}

/// The context of a phase or provider.
fn inner(context: &Arc<Context>, step: &str, action: Option<&str>, environment: Option<&str>) -> Arc<Context> {
    Arc::new(Context {
        step: Some(step.into()),
        action: action.map(Untrusted::from),
        environment: environment.map(Untrusted::from),
        ..Context::clone(context)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::usage::Door;
    use crate::uses::testing::{leaks, stored};

    const BUILD: &str = r#"
version: 1.0.{build}-$(APPVEYOR_REPO_BRANCH)
image: Visual Studio 2022
environment:
  global:
    NUGET_KEY:
      secure: ENCRYPTED-PLACEHOLDER-1
    PLAIN: hunter-one
  matrix:
    - job_name: Fast
      FLAVOUR: x
install:
  - set KIND=%PLAIN%
  - ps: $value = 1; Write-Host $value $env:FLAVOUR
build_script:
  - nuget push -ApiKey %NUGET_KEY% %KIND% %FLAVOUR% %PATH% %APPVEYOR_BUILD_ID%
  - ps: Write-Host "key $env:NUGET_KEY"
  - cmd: echo %SIGN_PASSWORD%> out\key.txt
  - ps: Invoke-Deploy $env:TARGET_HOST $env:LOGIN_TOKEN
  - sh: docker build --build-arg K=$NUGET_KEY .
artifacts:
  - path: out
    name: hunter-two
deploy:
  - provider: Environment
    name: production
    password: hunter-three
  - provider: GitHub
    auth_token:
      secure: ENCRYPTED-PLACEHOLDER-2
    release: v$(VERSION_OF_RELEASE)
notifications:
  - provider: Slack
    incoming_webhook: $(HOOK)
for:
  - matrix:
      only:
        - job_name: Fast
    test_script:
      - set
"#;

    fn uses() -> Uses {
        read(File { path: "appveyor.yml", text: BUILD.as_bytes() })
    }

    #[test]
    fn references_have_their_names_stores_and_places() {
        let uses = uses();
        let expected = [
            ("NUGET_KEY", Store::Secret, "ENCRYPTED-PLACEHOLDER-1"),
            ("SIGN_PASSWORD", Store::Variable, "%SIGN_PASSWORD%"),
            ("TARGET_HOST", Store::Variable, "$env:TARGET_HOST"),
            ("LOGIN_TOKEN", Store::Variable, "$env:LOGIN_TOKEN"),
            ("auth_token", Store::Secret, "ENCRYPTED-PLACEHOLDER-2"),
            ("VERSION_OF_RELEASE", Store::Variable, "$(VERSION_OF_RELEASE)"),
            ("HOOK", Store::Variable, "$(HOOK)"),
        ];
        assert_eq!(stored(&uses, BUILD), expected);
    }

    #[test]
    fn doors_are_told_and_nothing_else() {
        let uses = uses();
        let expected = [
            (Door::Printed, "NUGET_KEY", "Write-Host \"key $env:NUGET_KEY\""),
            (Door::Artifact, "SIGN_PASSWORD", "echo %SIGN_PASSWORD%"),
            (Door::BuildArgument, "NUGET_KEY", "docker build --build-arg K=$NUGET_KEY ."),
            (Door::Printed, "", "set"),
        ];
        assert_eq!(leaks(&uses, BUILD), expected);
    }

    #[test]
    fn a_place_has_its_step_and_environment() {
        let uses = uses();
        let at = |text: &str| uses.at(BUILD.find(text).unwrap()).unwrap();
        assert_eq!(at("hunter-three").environment, Some("production".into()));
        assert_eq!(at("Write-Host \"key").step, Some("build_script".into()));
        assert_eq!(at("      - set").job, Some("Fast".into()));
        assert_eq!(at("PLACEHOLDER-2").action, Some("GitHub".into()));
    }

    #[test]
    fn whatever_a_file_has_it_ends() {
        let read = |text: &[u8]| read(File { path: "appveyor.yml", text });
        for end in 0..BUILD.len() {
            read(&BUILD.as_bytes()[..end]);
        }
        assert_eq!(read(b"pipelines:\n  default: []\n"), Uses::default());
        assert_eq!(read(b"install: run %API_TOKEN%\n# \xff\n").uses.len(), 1);
        assert!(read(b"for: &a\n- for: *a\n  environment: *a\n").uses.is_empty());
    }
}

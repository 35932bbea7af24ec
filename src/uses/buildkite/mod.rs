//! Pipelines of Buildkite: secrets that steps and plugins are handed, and what is filled in when a pipeline is uploaded.
//! Source of the format: <https://buildkite.com/docs/pipelines/configure/step-types/command-step>,
//! <https://buildkite.com/docs/pipelines/security/secrets/risk-considerations> and <https://buildkite.com/docs/agent/v3/cli-pipeline>.
//!
//! `$NAME` is filled in by the agent that uploads the file, and its value is then in the pipeline for all to see; `$$NAME` and
//! `\$NAME` are left for the shell of the step.

mod upload;

use std::sync::Arc;

use super::drone::{Budget, Handed, assigned, is_of_shell, tracing};
use super::notes::{Meaning, Notes, looks_secret};
use super::shell::{Dialect, Script, Written};
use super::yaml::{Node, Yaml};
use super::{File, Reader};
use crate::model::usage::{Context, Door, Span, Store, System, Unread, Uses};
use crate::model::{Confidence, Untrusted};
use upload::{FETCH, filled, is_assigned, left_over, put_into};

/// The reader of Buildkite.
pub const READER: Reader = Reader { system: System::Buildkite, is_own, read };

/// How deep groups are read.
const GROUPS: u32 = 8;

/// Variables of a build whose text strangers choose.
const STRANGE: &[&str] = &[
    "BUILDKITE_MESSAGE",
    "BUILDKITE_BRANCH",
    "BUILDKITE_BUILD_AUTHOR",
    "BUILDKITE_BUILD_AUTHOR_EMAIL",
    "BUILDKITE_TAG",
];

fn is_own(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let is_file = [".yml", ".yaml", ".json"].iter().any(|ending| name.ends_with(ending));
    let is_other = name.contains("compose") || name.ends_with("schema.json");
    let is_there = folder.split('/').any(|part| part == ".buildkite") || folder == "buildkite";
    is_file && !is_other && (is_there || name.starts_with("buildkite.") || name.starts_with(".buildkite."))
}

struct Reading {
    notes: Notes,
    written: Vec<(Written<Untrusted>, Arc<Context>)>,
    kept: Vec<String>,
    budget: Budget,
}

fn read(file: File<'_>) -> Uses {
    let yaml = Yaml::read(file.text);
    let mut reading =
        Reading { notes: Notes::new(System::Buildkite), written: Vec::new(), kept: Vec::new(), budget: Budget::new() };
    let mut found = false;
    for document in yaml.documents() {
        let steps = document.get("steps").or(Some(document).filter(|node| node.is_sequence()));
        let Some(steps) = steps else { continue };
        found = true;
        let context = Arc::new(Context::default());
        let mut handed = Handed::default();
        reading.hands(document, &mut handed, &context);
        if let Some(env) = document.get("env") {
            reading.uploads(env, &handed, &context);
        }
        reading.steps(steps, &handed, &context, GROUPS);
    }
    reading.notes.unread(yaml.unread().into_iter().chain(reading.budget.unread()));
    if !found && yaml.unread().is_empty() {
        let why = "it is where pipelines of Buildkite are, and has no steps".to_owned();
        reading.notes.unread([Unread { at: 0, kind: None, why }]);
    }
    let paths: Vec<&str> = reading.kept.iter().map(String::as_str).collect();
    for (written, context) in &reading.written {
        reading.notes.keeps(std::slice::from_ref(written), &paths, context);
    }
    reading.notes.done()
}

impl Reading {
    fn steps(&mut self, steps: Node<'_>, outer: &Handed, group: &Arc<Context>, left: u32) {
        for step in steps.items() {
            if let Some(inner) = step.get("steps").filter(|_| left > 0) {
                let name = step.word("group").or_else(|| step.word("label"));
                let mut context = Context { pipeline: name.map(Untrusted::from), ..(**group).clone() };
                conditions(step, &mut context);
                let context = Arc::new(context);
                self.notes.scope(step.span(), &context);
                let mut handed = outer.clone();
                self.hands(step, &mut handed, &context);
                self.steps(inner, &handed, &context, left - 1);
            } else if step.is_mapping() {
                self.step(step, outer, group);
            }
        }
    }

    fn step(&mut self, node: Node<'_>, outer: &Handed, group: &Arc<Context>) {
        let names = ["label", "name", "key", "id", "identifier", "trigger", "block", "input"];
        let commands: Vec<Node<'_>> =
            ["command", "commands"].into_iter().filter_map(|key| node.get(key)).flat_map(Node::each).collect();
        let first = || commands.first().and_then(|command| command.text()).and_then(|text| text.lines().next());
        let name = names.into_iter().find_map(|key| node.word(key)).or_else(first);
        let mut context = Context { job: name.map(Untrusted::from), ..(**group).clone() };
        conditions(node, &mut context);
        let context = Arc::new(context);
        self.notes.scope(node.span(), &context);
        if !self.budget.pays(outer) {
            return;
        }
        let mut handed = outer.clone();
        self.hands(node, &mut handed, &context);
        for command in &commands {
            self.fetched(*command, &mut handed, &context);
        }
        self.plugins(node, &mut handed, &context);
        self.uploads(node, &handed, &context);
        self.unpinned(node, &handed, &context);
        self.commands(&commands, &handed, &context);
        for paths in node.get("artifact_paths").map(Node::each).unwrap_or_default() {
            self.kept.extend(paths.text().unwrap_or_default().split(';').map(str::to_owned));
        }
    }

    /// `env` and `secrets` of a pipeline or step.
    fn hands(&mut self, node: Node<'_>, handed: &mut Handed, context: &Arc<Context>) {
        for (key, _) in node.get("env").map(Node::entries).unwrap_or_default() {
            handed.hide(key.text().unwrap_or_default());
        }
        let Some(secrets) = node.get("secrets") else { return };
        for item in secrets.items() {
            let name = item.get("key").unwrap_or(item);
            let variable = item.word("environment_variable").or(name.text());
            self.secret(name, variable, Store::Secret, handed, context);
        }
        for (variable, name) in secrets.entries() {
            self.secret(name, variable.text(), Store::Secret, handed, context);
        }
    }

    fn secret(
        &mut self,
        name: Node<'_>,
        variable: Option<&str>,
        store: Store,
        handed: &mut Handed,
        context: &Arc<Context>,
    ) {
        let Some(text) = name.text().filter(|text| !text.is_empty()) else { return };
        self.notes.uses(text, store, variable, name.span(), context);
        if let Some(variable) = variable {
            handed.add(variable, text);
        }
    }

    /// `buildkite-agent secret get NAME`, and the variable that it is put into.
    fn fetched(&mut self, command: Node<'_>, handed: &mut Handed, context: &Arc<Context>) {
        let Some((raw, base)) = command.raw() else { return };
        for (at, _) in raw.match_indices(FETCH) {
            let rest = raw.get(at + FETCH.len()..).unwrap_or_default();
            let quotes = rest.len() - rest.trim_start_matches(['"', '\'', '\\', ' ']).len();
            let rest = rest.get(quotes..).unwrap_or_default();
            let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
            let Some(name) = rest.get(..length).filter(|name| !name.is_empty()) else { continue };
            let start = base + at + FETCH.len() + quotes;
            let variable = put_into(raw, at).and_then(|equals| {
                let before = raw.get(..equals)?;
                let start = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
                before.get(start..)
            });
            let variable = variable.filter(|variable| !variable.is_empty());
            self.notes.uses(name, Store::Secret, variable, Span { start, end: start + length }, context);
            if let Some(variable) = variable {
                handed.add(variable, name);
            }
        }
    }

    /// Plugins, each by its name with its settings where it has some.
    fn plugins(&mut self, node: Node<'_>, handed: &mut Handed, context: &Arc<Context>) {
        for (name, settings) in listed(node) {
            let text = name.text().unwrap_or_default();
            let Some(settings) = settings else { continue };
            let plugin = text.split('#').next().unwrap_or_default();
            let plugin = plugin.rsplit('/').next().unwrap_or_default().trim_end_matches("-buildkite-plugin");
            let inner = Arc::new(Context { action: Some(text.into()), ..(**context).clone() });
            let is_native = plugin == "secrets";
            if is_native || plugin.contains("secret") || plugin.starts_with("aws-s") || plugin.contains("vault") {
                let store = if is_native { Store::Secret } else { Store::Manager };
                for key in ["variables", "env", "parameters", "secrets"] {
                    let Some(values) = settings.get(key) else { continue };
                    for (variable, value) in values.entries() {
                        let name = value.get("secret-id").unwrap_or(value);
                        self.secret(name, variable.text(), store, handed, &inner);
                    }
                    for item in values.each().into_iter().filter(|item| item.text().is_some() && key != "parameters") {
                        self.secret(item, item.text(), store, handed, &inner);
                    }
                }
            }
            if plugin.contains("docker") {
                self.builds(settings, handed, &inner);
                self.passes(settings, handed, &inner);
            }
        }
    }

    /// Secrets that a plugin makes arguments of a build.
    fn builds(&mut self, settings: Node<'_>, handed: &Handed, context: &Arc<Context>) {
        for item in ["args", "build-args"].into_iter().filter_map(|key| settings.get(key)).flat_map(Node::each) {
            for name in item.text().and_then(|name| handed.env.get(name)).unwrap_or_default() {
                self.notes.exposes(Door::BuildArgument, Some(name.clone()), item.span(), context, Confidence::Medium);
            }
        }
    }

    /// Variables that a container gets from the environment of the agent, by their names.
    fn passes(&mut self, settings: Node<'_>, handed: &Handed, context: &Arc<Context>) {
        for item in ["environment", "env"].into_iter().filter_map(|key| settings.get(key)).flat_map(Node::each) {
            let Some(name) = item.text().filter(|name| !name.is_empty() && !name.contains(['=', '$', ' '])) else {
                continue;
            };
            if handed.env.get(name).is_none() && !is_system(name) {
                let sure = if looks_secret(name) { Confidence::High } else { Confidence::Medium };
                self.notes.uses_surely(name, Store::Environment, None, item.span(), context, sure);
            }
        }
    }

    /// Plugins that run where secrets are, and are named by what can be moved.
    fn unpinned(&mut self, node: Node<'_>, handed: &Handed, context: &Arc<Context>) {
        let name = match handed.secrets.as_slice() {
            [] => return,
            [only] => Some(only.clone()),
            _ => None,
        };
        for (plugin, _) in listed(node) {
            let text = plugin.text().unwrap_or_default();
            let version = text.split_once('#').map(|(_, version)| version).unwrap_or_default();
            let pinned = version.len() == 40 && version.bytes().all(|b| b.is_ascii_hexdigit());
            if pinned
                || text.starts_with('.')
                || text.starts_with('/')
                || text.starts_with("file:")
                || version.contains('$')
            {
                continue;
            }
            let official = !text.contains('/')
                || text.contains("github.com/buildkite-plugins/")
                || text.starts_with("buildkite-plugins/");
            let sure = if official { Confidence::Low } else { Confidence::Medium };
            let inner = Arc::new(Context { action: Some(text.into()), ..(**context).clone() });
            self.notes.exposes(Door::Unpinned, name.clone(), plugin.span(), &inner, sure);
        }
    }

    /// What is filled in when the pipeline is uploaded.
    fn uploads(&mut self, node: Node<'_>, handed: &Handed, context: &Arc<Context>) {
        node.scalars(&mut |keys, value| {
            let Some((raw, base)) = value.raw() else { return };
            let is_command = matches!(keys.first(), Some(&"command" | &"commands"));
            for (name, span) in filled(raw, base) {
                if STRANGE.contains(&name) && is_command && !handed.secrets.is_empty() {
                    self.notes.exposes(Door::Injected, None, span, context, Confidence::Medium);
                }
                if handed.env.get(name).is_some() || is_system(name) || is_assigned(raw, name) {
                    continue;
                }
                let secret = looks_secret(name);
                let sure = if secret { Confidence::High } else { Confidence::Medium };
                let variable = keys.last().copied().filter(|_| keys.len() == 2 && keys.first() == Some(&"env"));
                self.notes.uses_surely(name, Store::Environment, variable, span, context, sure);
                if secret {
                    self.notes.exposes(Door::Printed, Some(name.into()), span, context, Confidence::Medium);
                }
            }
        });
    }

    fn commands(&mut self, commands: &[Node<'_>], handed: &Handed, context: &Arc<Context>) {
        let (mut traced, mut set) = (false, Vec::new());
        for node in commands {
            let Some((raw, base)) = node.raw().filter(|_| self.budget.pays(handed)) else { continue };
            let text = left_over(raw);
            let script = Script { text: &text, base, dialect: Dialect::Posix, traced };
            let meaning = Meaning { template: &|_| Vec::new(), free: &|_| Vec::new() };
            let written = self.notes.script(script, &handed.env, &meaning, context);
            self.notes.reads(
                script,
                &handed.env,
                &|name| is_system(name) || set.iter().any(|one| one == name),
                context,
            );
            set.extend(assigned(script));
            self.written.extend(written.into_iter().map(|one| (one, Arc::clone(context))));
            for (at, upload) in raw.match_indices("artifact upload ") {
                let path =
                    raw.get(at + upload.len()..).and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
                self.kept.extend(path.trim_matches(['"', '\'']).split(';').map(str::to_owned));
            }
            traced = tracing(raw).unwrap_or(traced);
        }
    }
}

fn is_system(name: &str) -> bool {
    is_of_shell(name) || name.starts_with("BUILDKITE")
}

/// Plugins of a step, in a list or a mapping.
fn listed(node: Node<'_>) -> Vec<(Node<'_>, Option<Node<'_>>)> {
    let Some(plugins) = node.get("plugins") else { return Vec::new() };
    let mut all: Vec<(Node<'_>, Option<Node<'_>>)> = Vec::new();
    for item in plugins.each() {
        match item.text() {
            Some(_) => all.push((item, None)),
            None => all.extend(item.entries().into_iter().map(|(name, settings)| (name, Some(settings)))),
        }
    }
    all
}

/// When a step runs, where that says what starts it.
fn conditions(node: Node<'_>, context: &mut Context) {
    let condition = node.word("if").unwrap_or_default();
    let flat: String = condition.chars().filter(|c| !c.is_whitespace()).collect();
    let mut events: Vec<Untrusted> = Vec::new();
    if flat.contains("build.tag!=null") || flat.contains("build.tag=~") {
        events.push("tag".into());
    }
    if flat.contains("build.pull_request.id!=null") {
        events.push("pull_request".into());
    }
    for quote in ['"', '\''] {
        let found =
            flat.split("build.source==").skip(1).filter_map(|rest| rest.strip_prefix(quote)?.split(quote).next());
        events.extend(found.map(Untrusted::from));
    }
    if !events.is_empty() {
        context.events = events;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPELINE: &str = r#"env:
  MODE: fast
steps:
  - group: "release"
    if: build.tag != null
    steps:
      - label: "publish"
        key: pub
        env:
          NOTE: hunter-two
        secrets:
          - API_TOKEN
          - {key: chat-word, environment_variable: CHAT}
        commands:
          - make $MODE $BUILDKITE_COMMIT $SITE
          - curl -d "$$CHAT" "$BUILDKITE_MESSAGE"
          - echo $API_TOKEN
          - echo $$API_TOKEN > out/log.txt
          - printf '%s' "\$CHAT"
        artifact_paths: ["out/**"]
        plugins:
          - docker#v5.8.0: {environment: [PKG_TOKEN, "A=b"], build-args: [CHAT]}
          - someone/tool#main: ~
          - ./local: ~
          - someone/pinned#0123456789abcdef0123456789abcdef01234567
  - label: "fetch"
    secrets: {WORD: stored-word}
    command: |
      X="$$(buildkite-agent secret get other_word)"
      set -x
      login "$$X"
      curl $HUB_PASSWORD
    plugins:
      secrets#v1.0.0:
        variables: {LLAMA: llamas}
  - label: "plain"
    command: echo $$API_TOKEN
  - wait
  - block: "go on?"
"#;

    fn read_as(path: &str, text: &[u8]) -> Uses {
        read(File { path, text })
    }

    fn text_of(name: Option<&Untrusted>) -> String {
        name.map(|name| String::from_utf8_lossy(name.raw()).into_owned()).unwrap_or_default()
    }

    #[test]
    fn references() {
        let uses = read_as(".buildkite/pipeline.yml", PIPELINE.as_bytes());
        let one = |u: &crate::model::usage::Use| {
            (
                text_of(Some(&u.name)),
                text_of(u.variable.as_ref()),
                PIPELINE[u.span.start..u.span.end].to_owned(),
                u.store,
            )
        };
        let found: Vec<_> = uses.uses.iter().map(one).collect();
        let (secret, around) = (Store::Secret, Store::Environment);
        let wanted = [
            ("API_TOKEN", "", "API_TOKEN", secret),
            ("chat-word", "CHAT", "chat-word", secret),
            ("SITE", "", "$SITE", around),
            ("PKG_TOKEN", "", "PKG_TOKEN", around),
            ("stored-word", "WORD", "stored-word", secret),
            ("other_word", "X", "other_word", secret),
            ("HUB_PASSWORD", "", "$HUB_PASSWORD", around),
            ("llamas", "LLAMA", "llamas", secret),
            ("API_TOKEN", "", "$API_TOKEN", Store::Variable),
        ];
        assert_eq!(found, wanted.map(|(a, b, c, d)| (a.to_owned(), b.to_owned(), c.to_owned(), d)));
        assert_eq!(uses.uses[0].context.events, ["tag".into()]);
        assert!(uses.unread.is_empty());
    }

    #[test]
    fn doors() {
        let uses = read_as(".buildkite/pipeline.yml", PIPELINE.as_bytes());
        let one = |e: &crate::model::usage::Exposure| {
            (e.door, text_of(e.name.as_ref()), &PIPELINE[e.span.start..e.span.end], e.confidence)
        };
        let found: Vec<_> = uses.exposures.iter().map(one).collect();
        let (high, medium, low) = (Confidence::High, Confidence::Medium, Confidence::Low);
        let wanted = [
            (Door::Injected, "", "$BUILDKITE_MESSAGE", medium),
            (Door::Artifact, "API_TOKEN", "echo $$API_TOKEN", medium),
            (Door::Printed, "chat-word", "printf '%s' \"\\$CHAT\"", high),
            (Door::Unpinned, "", "docker#v5.8.0", low),
            (Door::BuildArgument, "chat-word", "CHAT", medium),
            (Door::Unpinned, "", "someone/tool#main", medium),
            (Door::Traced, "other_word", "login \"$$X\"", high),
            (Door::Printed, "HUB_PASSWORD", "$HUB_PASSWORD", medium),
            (Door::Unpinned, "", "secrets#v1.0.0", low),
        ];
        assert_eq!(found, wanted.map(|(a, b, c, d)| (a, b.to_owned(), c, d)));
    }

    #[test]
    fn what_stands_where() {
        let uses = read_as(".buildkite/pipeline.yml", PIPELINE.as_bytes());
        let at = uses.at(PIPELINE.find("hunter-two").unwrap()).unwrap();
        assert_eq!(
            (text_of(at.pipeline.as_ref()), text_of(at.job.as_ref())),
            ("release".to_owned(), "publish".to_owned())
        );
        assert!(is_own(".buildkite/a.yml") && is_own("buildkite.yaml") && !is_own(".buildkite/docker-compose.yml"));
    }

    #[test]
    fn hostile_files_end() {
        for end in 0..PIPELINE.len() {
            read_as(".buildkite/pipeline.yml", &PIPELINE.as_bytes()[..end]);
        }
        assert_eq!(read_as("buildkite.yml", b"a: 1").unread[0].kind, None);
        assert!(read_as("buildkite.yml", b"steps: [\xff").unread[0].kind.is_some());
        let deep =
            format!("steps:\n{}", (0..40).map(|n| format!("{}- steps:\n", " ".repeat(n * 2))).collect::<String>());
        read_as("buildkite.yml", deep.as_bytes());
    }
}

//! Pipelines of Drone and of Woodpecker, which grew out of it: secrets that steps and plugins are handed.
//! Source of the format: <https://docs.drone.io/yaml/docker/>, <https://docs.drone.io/secret/> and
//! <https://woodpecker-ci.org/docs/usage/secrets>.
//!
//! What both fill into a file before it runs (`${NAME}`) is taken from what they know of the build, never from secrets: those are
//! in the environment alone (`$NAME`, `$${NAME}`).

mod handed;

use std::collections::HashSet;
use std::sync::Arc;

use super::notes::{Meaning, Notes};
use super::shell::{Dialect, Script};
use super::yaml::{Node, Yaml};
use super::{File, Reader};
use crate::model::usage::{Context, Door, Span, Store, System, Unread, Uses};
use crate::model::{Confidence, Untrusted};
pub(super) use handed::{Budget, Handed, assigned, is_of_shell, tracing};

/// The readers of Drone and Woodpecker.
pub const READERS: &[Reader] = &[
    Reader { system: System::Drone, is_own: is_drone, read: |file| read(System::Drone, file) },
    Reader { system: System::Woodpecker, is_own: is_woodpecker, read: |file| read(System::Woodpecker, file) },
];

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yml") || path.ends_with(".yaml")
}

fn is_drone(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.trim_end_matches(".yml").trim_end_matches(".yaml");
    is_yaml(path)
        && (stem == ".drone"
            || stem.starts_with(".drone.")
            || stem.ends_with(".drone")
            || path.split('/').rev().nth(1) == Some(".drone"))
}

fn is_woodpecker(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    is_yaml(path)
        && (name.starts_with(".woodpecker.") || path.split('/').rev().skip(1).any(|part| part == ".woodpecker"))
}

/// The names of a build whose text strangers choose, as both systems fill them in.
const STRANGE: &[&str] = &[
    "DRONE_COMMIT_MESSAGE",
    "DRONE_PULL_REQUEST_TITLE",
    "DRONE_COMMIT_AUTHOR_NAME",
    "DRONE_SOURCE_BRANCH",
    "DRONE_COMMIT_AUTHOR_EMAIL",
    "CI_COMMIT_MESSAGE",
    "CI_COMMIT_SOURCE_BRANCH",
    "CI_COMMIT_AUTHOR",
    "CI_COMMIT_AUTHOR_EMAIL",
    "CI_COMMIT_PULL_REQUEST_TITLE",
];

struct Reading {
    system: System,
    notes: Notes,
    /// References that were told already, by where they are.
    told: HashSet<Span>,
    budget: Budget,
}

fn read(system: System, file: File<'_>) -> Uses {
    let yaml = Yaml::read(file.text);
    let mut reading = Reading { system, notes: Notes::new(system), told: HashSet::new(), budget: Budget::new() };
    let mut found = false;
    for document in yaml.documents() {
        found |= reading.document(document, file.path);
    }
    let unread = yaml.unread();
    if !found && unread.is_empty() {
        let why = format!("it has the name of a pipeline of {}, and is none", system.title());
        reading.notes.unread([Unread { at: 0, kind: None, why }]);
    }
    reading.notes.unread(unread.into_iter().chain(reading.budget.unread()));
    reading.notes.done()
}

impl Reading {
    /// A document; whether it is of a pipeline.
    fn document(&mut self, node: Node<'_>, path: &str) -> bool {
        match node.word("kind") {
            Some("secret") => self.kept(node),
            Some("signature") => {}
            Some("template") => {
                if let Some(load) = node.get("load") {
                    self.notes.includes(load.text().unwrap_or_default(), None, load.span());
                }
            }
            _ if ["steps", "pipeline", "services", "clone"].iter().any(|key| node.get(key).is_some()) => {
                self.pipeline(node, path)
            }
            _ => return node.is_mapping() && node.get("kind").is_some(),
        }
        true
    }

    /// `kind: secret`: a name for what is kept in another store.
    fn kept(&mut self, node: Node<'_>) {
        let Some(name) = node.path(&["get", "name"]) else { return };
        let path = node.path(&["get", "path"]).and_then(Node::text).unwrap_or_default();
        let key = name.text().unwrap_or_default();
        let whole = if path.is_empty() { key.to_owned() } else { format!("{path}/{key}") };
        self.notes.uses(&whole, Store::Manager, node.word("name"), name.span(), &Arc::default());
    }

    fn pipeline(&mut self, node: Node<'_>, path: &str) {
        let file = path.rsplit('/').next().unwrap_or_default();
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let name =
            node.word("name").or(Some(stem).filter(|_| self.system == System::Woodpecker && !stem.starts_with('.')));
        let mut context = Context { pipeline: name.map(Untrusted::from), ..Context::default() };
        conditions(node.get("trigger").or_else(|| node.get("when")), &mut context);
        let context = Arc::new(context);
        self.notes.scope(node.span(), &context);
        let mut handed = Handed::default();
        if let Some(environment) = node.get("environment") {
            self.environment(environment, "", &mut handed, &context);
        }
        for list in ["clone", "services", "steps", "pipeline"] {
            let Some(steps) = node.get(list) else { continue };
            for step in steps.items() {
                self.step(step, step.word("name"), &handed, &context);
            }
            for (name, step) in steps.entries() {
                if step.is_mapping() {
                    self.step(step, name.text(), &handed, &context);
                }
            }
        }
        for one in node.get("image_pull_secrets").map(Node::items).unwrap_or_default() {
            self.tells(one, None, &context);
        }
        // What no step takes in.
        node.scalars(&mut |keys, value| {
            if keys.last() == Some(&"from_secret") && !self.told.contains(&value.span()) {
                self.tells(value, keys.len().checked_sub(2).and_then(|at| keys.get(at)).copied(), &context);
            }
        });
    }

    fn tells(&mut self, node: Node<'_>, variable: Option<&str>, context: &Arc<Context>) {
        if let Some(name) = node.text().filter(|name| !name.is_empty()) {
            self.told.insert(node.span());
            self.notes.uses(
                name,
                Store::Secret,
                variable.filter(|variable| !variable.is_empty()),
                node.span(),
                context,
            );
        }
    }

    /// Variables of an environment or settings of a plugin, which it sees with a word before their names.
    fn environment(&mut self, node: Node<'_>, prefix: &str, handed: &mut Handed, context: &Arc<Context>) {
        for (key, value) in node.entries() {
            let name = key.text().unwrap_or_default();
            let variable = if prefix.is_empty() {
                name.to_owned()
            } else {
                format!("{prefix}{}", name.to_uppercase().replace('-', "_"))
            };
            handed.hide(&variable);
            value.scalars(&mut |keys, secret| {
                if keys.last() == Some(&"from_secret") {
                    let inner = keys.iter().rev().skip(1).find(|key| !key.is_empty()).copied();
                    self.tells(secret, inner.or(Some(name)), context);
                    handed.add(&variable, secret.text().unwrap_or_default());
                }
            });
        }
        for item in node.items() {
            if let Some((name, _)) = item.text().and_then(|text| text.split_once('=')) {
                handed.hide(name);
            }
        }
    }

    fn step(&mut self, node: Node<'_>, name: Option<&str>, outer: &Handed, pipeline: &Arc<Context>) {
        let image = node.get("image");
        let commands = node.get("commands").or_else(|| node.get("command"));
        let is_plugin = commands.is_none() && image.is_some();
        let action = image.and_then(Node::text).filter(|_| is_plugin);
        let step = name.or(image.and_then(Node::text));
        let mut context =
            Context { step: step.map(Untrusted::from), action: action.map(Untrusted::from), ..(**pipeline).clone() };
        conditions(node.get("when"), &mut context);
        let context = Arc::new(context);
        self.notes.scope(node.span(), &context);
        if !self.budget.pays(outer) {
            return;
        }
        let mut handed = outer.clone();
        for (key, value) in node.entries() {
            match key.text().unwrap_or_default() {
                "environment" => self.environment(value, "", &mut handed, &context),
                "settings" => self.environment(value, "PLUGIN_", &mut handed, &context),
                "secrets" => self.listed(value, &mut handed, &context),
                _ => {}
            }
        }
        if let Some(settings) = node.get("settings") {
            self.builds(settings, &handed, &context);
        }
        if let Some(image) = image.filter(|_| is_plugin) {
            self.plugin(image, &handed, &context);
        }
        self.commands(commands, &handed, &context);
    }

    /// `secrets: [name, {source: name, target: variable}]`.
    fn listed(&mut self, node: Node<'_>, handed: &mut Handed, context: &Arc<Context>) {
        for item in node.each() {
            let (name, target) = match item.get("source") {
                Some(source) => (source, item.word("target")),
                None => (item, None),
            };
            let Some(text) = name.text() else { continue };
            self.tells(name, target, context);
            let variable = target.unwrap_or(text);
            handed.add(variable, text);
            handed.add(&variable.to_uppercase(), text);
        }
    }

    /// Secrets that a plugin makes arguments of a build.
    fn builds(&mut self, settings: Node<'_>, handed: &Handed, context: &Arc<Context>) {
        for item in settings.get("build_args_from_env").map(Node::each).unwrap_or_default() {
            for name in item.text().and_then(|name| handed.env.get(name)).unwrap_or_default() {
                self.notes.exposes(Door::BuildArgument, Some(name.clone()), item.span(), context, Confidence::High);
            }
        }
        if let Some(arguments) = settings.get("build_args") {
            arguments.scalars(&mut |keys, value| {
                if keys.last() == Some(&"from_secret") {
                    let name = value.text().map(Untrusted::from);
                    self.notes.exposes(Door::BuildArgument, name, value.span(), context, Confidence::High);
                }
            });
        }
    }

    /// An image that is handed secrets, and named by what can be moved.
    fn plugin(&mut self, image: Node<'_>, handed: &Handed, context: &Arc<Context>) {
        let text = image.text().unwrap_or_default();
        if text.contains("@sha256:") || text.contains("${") || text.is_empty() {
            return;
        }
        let name = text.trim_start_matches("docker.io/");
        let official = match self.system {
            System::Drone => name.starts_with("plugins/") || name.starts_with("drone/"),
            _ => name.starts_with("woodpeckerci/") || name.starts_with("plugins/"),
        };
        let sure = if official { Confidence::Low } else { Confidence::Medium };
        for secret in &handed.secrets {
            self.notes.exposes(Door::Unpinned, Some(secret.clone()), image.span(), context, sure);
        }
    }

    fn commands(&mut self, commands: Option<Node<'_>>, handed: &Handed, context: &Arc<Context>) {
        let (mut traced, mut set) = (false, Vec::new());
        let is_own =
            |name: &str| is_of_shell(name) || ["DRONE_", "CI_", "PLUGIN_"].iter().any(|own| name.starts_with(own));
        for node in commands.map(Node::each).unwrap_or_default() {
            let Some((raw, base)) = node.raw().filter(|_| self.budget.pays(handed)) else { continue };
            let text = unfilled(raw);
            let script = Script { text: &text, base, dialect: Dialect::Posix, traced };
            let meaning = Meaning { template: &|_| Vec::new(), free: &|_| Vec::new() };
            self.notes.script(script, &handed.env, &meaning, context);
            self.notes.reads(script, &handed.env, &|name| is_own(name) || set.iter().any(|one| one == name), context);
            set.extend(assigned(script));
            if !handed.secrets.is_empty() {
                for span in strange(raw, base) {
                    self.notes.exposes(Door::Injected, None, span, context, Confidence::Low);
                }
            }
            traced = tracing(raw).unwrap_or(traced);
        }
    }
}

/// What starts a pipeline or step, and where it is deployed to.
fn conditions(node: Option<Node<'_>>, context: &mut Context) {
    let mut events: Vec<Untrusted> = Vec::new();
    for one in node.map(Node::each).unwrap_or_default() {
        let Some(event) = one.get("event") else { continue };
        for item in event.get("include").unwrap_or(event).each() {
            if let Some(text) = item.text().map(Untrusted::from).filter(|text| !events.contains(text)) {
                events.push(text);
            }
        }
    }
    if !events.is_empty() {
        context.events = events;
    }
    for one in node.map(Node::each).unwrap_or_default() {
        let target = one.get("target").or_else(|| one.get("environment"));
        if let [only] = target.map(Node::each).unwrap_or_default().as_slice()
            && let Some(text) = only.text()
        {
            context.environment = Some(text.into());
        }
    }
}

/// A command in which what is filled in beforehand (`${NAME}`, not `$${NAME}`) is no variable any more, with every byte where it was.
fn unfilled(text: &str) -> String {
    let mut after_dollar = false;
    let mut all = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let fills = c == '$' && rest.peek() == Some(&'{') && !after_dollar;
        all.push(if fills { '_' } else { c });
        after_dollar = c == '$' && !after_dollar;
    }
    all
}

/// Where text of strangers is filled into a command.
fn strange(text: &str, base: usize) -> Vec<Span> {
    let found = text.match_indices("${").filter_map(|(at, _)| {
        let inner = text.get(at + 2..)?;
        let length = inner.find('}')?;
        let name = inner.get(..length)?.split([':', '/', '^', ',', '#', '%', '=']).next()?;
        let escaped = text.get(..at)?.ends_with('$');
        (!escaped && STRANGE.contains(&name)).then_some(Span { start: base + at, end: base + at + length + 3 })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GapKind;

    const DRONE: &str = r#"kind: pipeline
type: docker
name: default
trigger:
  event: [push, promote]
  target: production
environment:
  SHARED: {from_secret: shared_word}
steps:
- name: build
  image: golang:1.22
  environment:
    TOKEN:
      from_secret: api_token
    PLAIN: hunter-two
  commands:
  - make && curl "$SHARED" | sh
  - echo ${TOKEN}
  - echo $${TOKEN}
  - set -x
  - curl -H "$TOKEN" ${DRONE_COMMIT_MESSAGE} $MIRROR_HOST $HOME
  - export NEXT=1
  - run $NEXT
- name: publish
  image: plugins/docker:20
  settings:
    username: {from_secret: hub_user}
    build_args_from_env: [SHARED]
- name: notify
  image: other/notify
  secrets: [hook, {source: chat_word, target: CHAT}]
- name: pinned
  image: other/notify@sha256:0000
  settings: {key: {from_secret: hub_user}}
image_pull_secrets: [pull_config]
---
kind: secret
name: api_token
get: {path: kv/app, name: token}
---
kind: signature
hmac: x
"#;

    const WOODPECKER: &str = r#"when:
  - event: [push, tag]
variables:
  - &login
    password: {from_secret: hub_word}
steps:
  publish:
    image: woodpeckerci/plugin-docker-buildx:2
    settings:
      logins: [*login]
  deploy:
    image: alpine
    when: {event: tag}
    environment:
      KEY: {from_secret: deploy_key}
    commands: |
      printenv KEY
      echo "$PLUGIN_X"
"#;

    fn read_as(at: usize, path: &str, text: &[u8]) -> Uses {
        (READERS[at].read)(File { path, text })
    }

    fn text_of(name: Option<&Untrusted>) -> String {
        name.map(|name| String::from_utf8_lossy(name.raw()).into_owned()).unwrap_or_default()
    }

    fn names(uses: &Uses) -> Vec<(String, String, String)> {
        let one = |u: &crate::model::usage::Use| {
            (text_of(Some(&u.name)), text_of(u.variable.as_ref()), text_of(u.context.step.as_ref()))
        };
        uses.uses.iter().map(one).collect()
    }

    fn doors<'t>(text: &'t str, uses: &Uses) -> Vec<(Door, String, &'t str, Confidence)> {
        uses.exposures
            .iter()
            .map(|e| (e.door, text_of(e.name.as_ref()), &text[e.span.start..e.span.end], e.confidence))
            .collect()
    }

    #[test]
    fn a_pipeline_of_drone() {
        let uses = read_as(0, ".drone.yml", DRONE.as_bytes());
        let wanted = [
            ("shared_word", "SHARED", ""),
            ("api_token", "TOKEN", "build"),
            ("MIRROR_HOST", "", "build"),
            ("hub_user", "username", "publish"),
            ("hook", "", "notify"),
            ("chat_word", "CHAT", "notify"),
            ("hub_user", "key", "pinned"),
            ("pull_config", "", ""),
            ("kv/app/token", "api_token", ""),
        ];
        assert_eq!(names(&uses), wanted.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
        assert!(uses.uses.iter().all(|u| DRONE.get(u.span.start..u.span.end).is_some_and(|text| text.len() > 3)));
        assert_eq!(uses.uses[0].context.events, ["push".into(), "promote".into()]);
        let (high, medium, low) = (Confidence::High, Confidence::Medium, Confidence::Low);
        let all = doors(DRONE, &uses);
        let wanted = [
            (Door::Printed, "api_token", "echo $${TOKEN}", high),
            (Door::Traced, "api_token", "curl -H \"$TOKEN\" ${DRONE_COMMIT_MESSAGE} $MIRROR_HOST $HOME", high),
            (Door::Injected, "", "${DRONE_COMMIT_MESSAGE}", low),
            (Door::Unpinned, "hub_user", "plugins/docker:20", low),
            (Door::Unpinned, "shared_word", "plugins/docker:20", low),
            (Door::BuildArgument, "shared_word", "SHARED", high),
            (Door::Unpinned, "chat_word", "other/notify", medium),
            (Door::Unpinned, "hook", "other/notify", medium),
            (Door::Unpinned, "shared_word", "other/notify", medium),
        ];
        assert_eq!(all, wanted.map(|(a, b, c, d)| (a, b.to_owned(), c, d)));
        let at = uses.at(DRONE.find("hunter-two").unwrap()).unwrap();
        assert_eq!(
            (text_of(at.pipeline.as_ref()), text_of(at.step.as_ref())),
            ("default".to_owned(), "build".to_owned())
        );
        assert_eq!(text_of(at.environment.as_ref()), "production");
        assert!(uses.unread.is_empty());
    }

    #[test]
    fn a_pipeline_of_woodpecker() {
        let uses = read_as(1, ".woodpecker/release.yaml", WOODPECKER.as_bytes());
        let wanted = [("hub_word", "password", "publish"), ("deploy_key", "KEY", "deploy")];
        assert_eq!(names(&uses), wanted.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
        assert_eq!(text_of(uses.uses[1].context.pipeline.as_ref()), "release");
        assert_eq!(uses.uses[1].context.events, ["tag".into()]);
        let all: Vec<_> = doors(WOODPECKER, &uses).into_iter().map(|(door, name, ..)| (door, name)).collect();
        assert_eq!(all, [(Door::Unpinned, "hub_word".to_owned()), (Door::Printed, "deploy_key".to_owned())]);
    }

    #[test]
    fn the_old_form_of_drone() {
        let text =
            "pipeline:\n  deploy:\n    image: alpine\n    secrets: [ssh_key]\n    commands: [\"echo $SSH_KEY\"]\n";
        let uses = read_as(0, ".drone.yml", text.as_bytes());
        assert_eq!(names(&uses), [("ssh_key".to_owned(), String::new(), "deploy".to_owned())]);
        assert_eq!(doors(text, &uses), [(Door::Printed, "ssh_key".to_owned(), "echo $SSH_KEY", Confidence::High)]);
    }

    #[test]
    fn paths_and_what_is_none() {
        assert!(
            is_drone(".drone.yml")
                && is_drone("a/.drone.yaml")
                && !is_drone("drone.json")
                && !is_drone("src/drone.yml.txt")
        );
        assert!(
            is_woodpecker(".woodpecker.yml") && is_woodpecker(".woodpecker/a.yaml") && !is_woodpecker("woodpecker.yml")
        );
        assert_eq!(read_as(0, ".drone.yml", b"a: 1").unread[0].kind, None);
        assert!(read_as(0, ".drone.yml", b"steps: [\xff").unread[0].kind.is_some());
    }

    #[test]
    fn hostile_files_end() {
        for end in 0..DRONE.len() {
            read_as(0, ".drone.yml", &DRONE.as_bytes()[..end]);
        }
        let shared: String = (0..3000).map(|n| format!("  A{n}: {{from_secret: s{n}}}\n")).collect();
        let text = format!("environment:\n{shared}steps:\n{}", "- image: a\n  commands: [b, c]\n".repeat(3000));
        let uses = read_as(0, ".drone.yml", text.as_bytes());
        assert!(uses.unread.iter().any(|unread| unread.kind == Some(GapKind::OverBudget)));
    }
}

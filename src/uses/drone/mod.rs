//! Pipelines of Drone and of Woodpecker, which grew out of it: secrets that steps and plugins are handed.
//! Source of the format: <https://docs.drone.io/yaml/docker/>, <https://docs.drone.io/secret/> and
//! <https://woodpecker-ci.org/docs/usage/secrets>.
//!
//! What both fill into a file before it runs (`${NAME}`) is taken from what they know of the build, never from secrets: those are
//! in the environment alone (`$NAME`, `$${NAME}`).

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use super::budget::Budget;
use super::handed::{Handed, LOOKS};
use super::label::label;
use super::notes::{Meaning, Notes};
use super::script::Lines;
use super::shell::Dialect;
use super::yaml::{Node, Yaml};
use super::{File, Reader};
use crate::model::usage::{Context, Door, Span, Store, System, Unread, Uses};
use crate::model::{Confidence, Untrusted};

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
    let mut reading = Reading { system, notes: Notes::new(system), told: HashSet::new(), budget: Budget::new(LOOKS) };
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
            Context { step: step.map(label), action: action.map(Untrusted::from), ..(**pipeline).clone() };
        conditions(node.get("when"), &mut context);
        let context = Arc::new(context);
        self.notes.scope(node.span(), &context);
        if !self.budget.pays(outer.cost()) {
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
        if handed.has_more {
            let why = "a plugin is handed more secrets than are told: which others it has is not known";
            self.notes.leaves_out(image.span().start, why);
        }
        for secret in &handed.secrets {
            self.notes.exposes(Door::Unpinned, Some(secret.clone()), image.span(), context, sure);
        }
    }

    /// Commands of a step: one shell runs them all.
    fn commands(&mut self, commands: Option<Node<'_>>, handed: &Handed, context: &Arc<Context>) {
        let all = commands.map(Node::each).unwrap_or_default();
        let mut lines = Lines::all(all.into_iter().filter(|_| self.budget.pays(handed.cost())));
        if !handed.secrets.is_empty() {
            for span in strange(lines.text()) {
                self.notes.exposes(Door::Injected, None, lines.place(span), context, Confidence::Low);
            }
        }
        lines.change(unfilled(lines.text()));
        let script = lines.placed(lines.script(Dialect::Posix));
        let is_own = |name: &str| ["DRONE_", "CI_", "PLUGIN_"].iter().any(|own| name.starts_with(own));
        let meaning = Meaning { template: &|_| Vec::new(), free: &|_| Vec::new() };
        self.notes.script(script, &handed.env, &meaning, context);
        self.notes.reads(script, &handed.env, &is_own, context);
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
fn strange(text: &str) -> Vec<Span> {
    let found = text.match_indices("${").filter_map(|(at, _)| {
        let inner = text.get(at + 2..)?;
        let length = inner.find('}')?;
        let name = inner.get(..length)?.split([':', '/', '^', ',', '#', '%', '=']).next()?;
        let escaped = text.get(..at)?.ends_with('$');
        (!escaped && STRANGE.contains(&name)).then_some(Span { start: at, end: at + length + 3 })
    });
    found.collect()
}

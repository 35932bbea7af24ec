//! Pipelines of Buildkite: secrets that steps and plugins are handed, and what is filled in when a pipeline is uploaded.
//! Source of the format: <https://buildkite.com/docs/pipelines/configure/step-types/command-step>,
//! <https://buildkite.com/docs/pipelines/security/secrets/risk-considerations> and <https://buildkite.com/docs/agent/v3/cli-pipeline>.
//!
//! `$NAME` is filled in by the agent that uploads the file, and its value is then in the pipeline for all to see; `$$NAME` and
//! `\$NAME` are left for the shell of the step.

mod plugins;
#[cfg(test)]
mod tests;
mod upload;

use std::sync::Arc;

use super::budget::Budget;
use super::handed::{Handed, LOOKS};
use super::label::label;
use super::notes::{Meaning, Notes, looks_secret};
use super::script::Lines;
use super::shell::{Dialect, Written, is_of_shell};
use super::yaml::{Node, Yaml};
use super::{File, Reader};
use crate::model::usage::{Context, Door, Span, Store, System, Unread, Uses};
use crate::model::{Confidence, Untrusted};
use upload::{FETCH, filled, filled_in, is_assigned, left_over, put_into};

/// The reader of Buildkite.
pub const READER: Reader = Reader { system: System::Buildkite, is_own, read };

/// How deep groups are read.
const GROUPS: u32 = 8;

/// The command that keeps files.
const UPLOAD: &str = "artifact upload ";

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
    let mut reading = Reading {
        notes: Notes::new(System::Buildkite),
        written: Vec::new(),
        kept: Vec::new(),
        budget: Budget::new(LOOKS),
    };
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
            if let Some(inner) = step.get("steps") {
                if left == 0 {
                    let why =
                        "its groups stand deeper in each other than is followed: who uses what there is not known";
                    self.notes.leaves_out(inner.span().start, why);
                    continue;
                }
                let name = step.word("group").or_else(|| step.word("label"));
                let mut context = Context { pipeline: name.map(label), ..(**group).clone() };
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
        let first = || commands.first().and_then(|command| command.text());
        let name = names.into_iter().find_map(|key| node.word(key)).or_else(first);
        let mut context = Context { job: name.map(label), ..(**group).clone() };
        conditions(node, &mut context);
        let context = Arc::new(context);
        self.notes.scope(node.span(), &context);
        if !self.budget.pays(outer.cost()) {
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

    /// Commands of a step: one shell runs them all.
    fn commands(&mut self, commands: &[Node<'_>], handed: &Handed, context: &Arc<Context>) {
        let mut lines = Lines::all(commands.iter().copied().filter(|_| self.budget.pays(handed.cost())));
        for (at, upload) in lines.text().match_indices(UPLOAD) {
            let rest = lines.text().get(at + upload.len()..).unwrap_or_default();
            let path = rest.split_whitespace().next().unwrap_or_default();
            self.kept.extend(path.trim_matches(['"', '\'']).split(';').map(str::to_owned));
        }
        let meaning = Meaning { template: &|_| Vec::new(), free: &secret };
        let mut written = self.at_upload(&lines, handed, context);
        lines.change(left_over(lines.text()));
        let script = lines.placed(lines.script(Dialect::Posix));
        written.extend(self.notes.script(script, &handed.env, &meaning, context));
        self.notes.reads(script, &handed.env, &is_system, context);
        self.written.extend(written.into_iter().map(|one| (one, Arc::clone(context))));
    }

    /// Doors of secrets that are filled in when the pipeline is uploaded. That they are in the pipeline then is told already.
    fn at_upload(&mut self, lines: &Lines<'_>, handed: &Handed, context: &Arc<Context>) -> Vec<Written<Untrusted>> {
        let text = lines.text();
        let is_free = |name: &str| handed.env.get(name).is_none() && !is_assigned(text, name);
        let free = |name: &str| secret(name).into_iter().filter(|_| is_free(name)).collect();
        if !filled(text, 0).iter().any(|(name, _)| is_free(name) && !secret(name).is_empty()) {
            return Vec::new();
        }
        let mut lines = lines.clone();
        let text = filled_in(lines.text());
        lines.change(text);
        let mut notes = Notes::new(System::Buildkite);
        let meaning = Meaning { template: &|_| Vec::new(), free: &free };
        let written = notes.script(lines.placed(lines.script(Dialect::Posix)), &<_>::default(), &meaning, context);
        for one in notes.done().exposures.into_iter().filter(|one| one.door != Door::Printed) {
            self.notes.exposes(one.door, one.name, one.span, context, one.confidence);
        }
        written
    }
}

/// The secret behind a variable that nothing in the file sets: the agent has it.
fn secret(name: &str) -> Vec<Untrusted> {
    if looks_secret(name) && !is_system(name) { vec![name.into()] } else { Vec::new() }
}

/// The secrets behind a variable.
fn known(name: &str, handed: &Handed) -> Vec<Untrusted> {
    handed.env.get(name).map_or_else(|| secret(name), <[_]>::to_vec)
}

fn is_system(name: &str) -> bool {
    is_of_shell(name) || name.starts_with("BUILDKITE")
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

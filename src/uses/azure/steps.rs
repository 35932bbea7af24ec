//! Steps of a job: scripts, tasks and their inputs, what they map into the environment, and what they keep.

use std::collections::HashMap;
use std::sync::Arc;

use super::known::TOKEN;
use super::names::{
    self, ORDERS, expressions, filled, is_of_strangers, is_system, key, macros, macros_of_script, sets,
};
use super::{DEEPEST, Place, Reading};
use crate::model::usage::{Context, Door, Span, Store};
use crate::model::{Confidence, Untrusted};
use crate::uses::label::label;
use crate::uses::notes::{Env, looks_secret, unset};
use crate::uses::script::{Lines, Placed};
use crate::uses::shell::{Dialect, Passage, Reference, Script, Sources, Written, examine, examine_all, references};
use crate::uses::yaml::Node;

/// Inputs of tasks, in small letters, that take the name of a service connection.
const CONNECTIONS: &[&str] = &[
    "awscredentials",
    "azureconnection",
    "azureresourcemanagerconnection",
    "azuresubscription",
    "azuresubscriptionendpoint",
    "azurecontainerregistryconnection",
    "connectedservicename",
    "connectedservicenamearm",
    "containerregistry",
    "customendpoint",
    "dockerregistryendpoint",
    "environmentserviceconnectionaws",
    "environmentservicenameaws",
    "environmentservicenameazurerm",
    "environmentservicenamegcp",
    "externalendpoint",
    "githubconnection",
    "githubserviceconnection",
    "kubernetesserviceconnection",
    "kubernetesserviceendpoint",
    "publishendpoint",
    "publishfeedcredentials",
    "pythondownloadserviceconnection",
    "pythonuploadserviceconnection",
    "scconnectionname",
    "serviceconnection",
    "serviceendpoint",
    "sonarcloud",
    "sonarqube",
    "sshendpoint",
    "backendservicearm",
];
/// Inputs that take the name of a file among the secure ones.
const FILES: &[&str] = &["securefile", "sshkeysecurefile", "certsecurefile", "provprofilesecurefile"];
/// Inputs that are scripts.
const SCRIPTS: &[&str] = &["script", "inlinescript", "inline", "scriptcontent"];

/// A step, and what its scripts have.
struct Step<'p, 'v> {
    /// What its variables are known by in others.
    name: Option<&'p str>,
    place: &'p Place<'v>,
    env: Env,
}

impl<'y> Reading<'y> {
    pub(super) fn steps(&mut self, steps: Node<'y>, place: &Place<'_>) {
        for (number, step) in self.items(steps, place).into_iter().enumerate() {
            if step.get("template").is_some() {
                self.template(step, place);
            } else if step.is_mapping() {
                self.step(step, number + 1, place);
            }
        }
    }

    fn step(&mut self, step: Node<'y>, number: usize, outer: &Place<'_>) {
        if outer.depth > DEEPEST {
            return;
        }
        let task = step.word("task");
        let name = step.word("displayName").or_else(|| step.word("name")).or(task).filter(|name| !name.is_empty());
        let name = name.map_or_else(|| number.to_string(), str::to_owned);
        let place = &outer.with(|context| {
            context.step = Some(label(&name));
            context.action = task.map(Untrusted::from);
        });
        self.notes.scope(step.span(), &place.context);
        let entries = self.entries(step, place);
        let mut here = Step { name: step.word("name"), place, env: Env::default() };
        for (_, env) in entries.iter().filter(|(key, _)| key.text() == Some("env")) {
            self.environment(*env, &mut here);
        }
        for (key, value) in entries {
            match key.text().unwrap_or_default() {
                "env" | "task" => {}
                "inputs" => self.inputs(value, task.unwrap_or_default(), &here),
                "script" => self.script(value, if place.is_windows { Dialect::Cmd } else { Dialect::Posix }, &here),
                "bash" => self.script(value, Dialect::Posix, &here),
                "pwsh" | "powershell" => self.script(value, Dialect::PowerShell, &here),
                "publish" => {
                    self.keep(value);
                    self.handed_as(value, "publish", place);
                }
                name => self.handed_as(value, name, place),
            }
        }
    }

    /// Variables that a step maps; secret ones are in the environment in no other way.
    fn environment(&mut self, env: Node<'y>, step: &mut Step<'_, '_>) {
        for (name, value) in self.entries(env, step.place) {
            let name = name.text().unwrap_or_default();
            let secrets = self.names(value, Some(name), false, step.place);
            self.job.secrets |= !secrets.is_empty();
            // Windows does not know small letters from capitals.
            step.env.set(&name.to_ascii_uppercase(), secrets.clone());
            step.env.set(name, secrets);
        }
    }

    fn inputs(&mut self, inputs: Node<'y>, task: &str, step: &Step<'_, '_>) {
        let task = task.split('@').next().unwrap_or_default().to_ascii_lowercase();
        let entries = self.entries(inputs, step.place);
        let word = |wanted: &str| {
            let found = entries.iter().find(|(key, _)| key.text().is_some_and(|key| key.eq_ignore_ascii_case(wanted)));
            found.and_then(|(_, value)| value.text()).unwrap_or_default()
        };
        let dialect = dialect(&task, word("scriptType"), step.place.is_windows);
        for (key, value) in &entries {
            let name = key.text().unwrap_or_default();
            let lower = name.to_ascii_lowercase();
            match (lower.as_str(), task.as_str()) {
                ("secretsfilter", "azurekeyvault") => self.vault(*value, step.place),
                (
                    "targetpath" | "path" | "pathtopublish",
                    "publishpipelineartifact" | "publishbuildartifacts" | "cache",
                ) => {
                    self.keep(*value);
                    self.handed_as(*value, name, step.place);
                }
                (input, _) if SCRIPTS.contains(&input) && task != "pythonscript" => self.script(*value, dialect, step),
                (input, _) if CONNECTIONS.contains(&input) => {
                    self.connection(*value, Some(name), step.place);
                    self.handed_under(*value, name, step.place);
                }
                (input, _) if FILES.contains(&input) => {
                    self.file(*value, name, step.place);
                    self.handed_under(*value, name, step.place);
                }
                (input, _) => {
                    let secrets = self.handed_under(*value, name, step.place);
                    self.job.secrets |= !secrets.is_empty();
                    if task.starts_with("docker") && matches!(input, "arguments" | "buildarguments") {
                        self.build(*value, input == "buildarguments", secrets, step.place);
                    }
                }
            }
        }
    }

    /// Secrets that a vault gives the job.
    fn vault(&mut self, filter: Node<'y>, place: &Place<'_>) {
        let Some((raw, base)) = filter.raw().filter(|(raw, _)| self.budget.reads(raw)) else { return };
        self.job.secrets = true;
        if raw.trim() == "*" {
            self.notes.exposes(Door::InheritedWhole, None, filter.span(), &place.context, Confidence::Medium);
        }
        let mut start = base;
        for part in raw.split(',') {
            let name = part.trim();
            let at = start + part.len() - part.trim_start().len();
            start += part.len() + 1;
            if !name.is_empty() && !name.contains('$') {
                let span = Span { start: at, end: at + name.len() };
                self.notes.uses(name, Store::Manager, None, span, &place.context);
            }
        }
        self.handed_under(filter, "SecretsFilter", place);
    }

    /// A file among the secure ones of the project.
    fn file(&mut self, value: Node<'y>, input: &str, place: &Place<'_>) {
        let name = value.text().filter(|name| !name.is_empty() && !name.contains('$') && self.budget.reads(name));
        if let Some(name) = name {
            self.notes.uses(name, Store::Secret, Some(input), value.span(), &place.context);
            self.job.secrets = true;
        }
    }

    /// Arguments of the build of an image; `NAME=value` alone where all of them are build arguments.
    fn build(&mut self, value: Node<'y>, are_build_arguments: bool, secrets: Vec<Untrusted>, place: &Place<'_>) {
        const COMMAND: &str = "docker build ";
        let Some((raw, base)) = value.raw() else { return };
        let mut names = Vec::new();
        if are_build_arguments {
            names = secrets;
        } else {
            let used = macros(raw, base);
            let text = format!("{COMMAND}{}", filled(raw, base, &used).replace('\n', " "));
            let script = Script { text: &text, base, dialect: Dialect::Posix, traced: false };
            let secret = |one: &Reference<'_>| {
                let at = one.span.start.saturating_sub(COMMAND.len());
                let found = used.iter().find(|(_, span)| span.start == at);
                found.map(|(name, _)| self.known.look(name, None, place.variables).secrets).unwrap_or_default()
            };
            let seen = examine(script, &secret);
            names.extend(seen.passages.into_iter().filter(|p| p.door == Door::BuildArgument).filter_map(|p| p.name));
        }
        names.sort();
        names.dedup();
        for name in names {
            self.notes.exposes(Door::BuildArgument, Some(name), value.span(), &place.context, Confidence::High);
        }
    }

    /// A path that is kept as an artifact or in a cache.
    fn keep(&mut self, value: Node<'y>) {
        for (raw, base) in value.each().into_iter().filter_map(Node::raw) {
            let kept = raw.lines().map(|line| filled(line, base, &macros(line, base)));
            self.job.kept.extend(kept);
        }
    }

    fn script(&mut self, node: Node<'y>, dialect: Dialect, step: &Step<'_, '_>) {
        if let Some(lines) = Lines::of(node).filter(|lines| self.budget.reads(lines.text())) {
            self.commands(lines.placed(lines.script(dialect)), step);
        }
    }

    fn commands(&mut self, placed: Placed<'_>, step: &Step<'_, '_>) {
        let (script, place) = (placed.script, step.place);
        let macros = macros_of_script(script.text, script.base, script.dialect);
        let mut secrets: HashMap<usize, Vec<Untrusted>> = HashMap::new();
        for (name, span) in &macros {
            secrets.insert(span.start, self.name(name, None, placed.place(*span), place));
            if is_of_strangers(name) {
                self.job.injected.push((placed.place(*span), Arc::clone(&place.context), Confidence::Medium));
            }
        }
        for one in expressions(script.text, script.base, false) {
            if one.is_parameter {
                let is_free = self.known.parameters.get(&key(one.name)).is_some_and(|parameter| parameter.is_free);
                let injected = is_free.then(|| (placed.place(one.span), Arc::clone(&place.context), Confidence::Low));
                self.job.injected.extend(injected);
                secrets.entry(one.span.start).or_default().extend(self.known.parameter(one.name));
            } else {
                let found = self.name(one.name, None, placed.place(one.span), place);
                let around = script
                    .text
                    .get(..one.span.start.saturating_sub(script.base))
                    .and_then(|before| before.rfind("${{"));
                secrets.entry(script.base + around.unwrap_or_default()).or_default().extend(found);
            }
        }
        self.job.secrets |= secrets.values().any(|names| !names.is_empty()) || !step.env.secrets().is_empty();
        self.environment_of(placed, step);
        let text = filled(script.text, script.base, &macros);
        let variable = |name: &str| {
            let upper = name.to_ascii_uppercase();
            let mapped =
                step.env.get(name).or_else(|| step.env.get(&upper).filter(|_| script.dialect != Dialect::Posix));
            mapped.or_else(|| place.variables.get(name)).map(<[_]>::to_vec).unwrap_or_default()
        };
        let secret = |one: &Reference<'_>| match one.is_template {
            true => secrets.get(&one.span.start).cloned().unwrap_or_default(),
            false => variable(one.text),
        };
        let (filled, mut set) = (Script { text: &text, ..script }, Vec::new());
        let orders = sets(script.text);
        let all = if orders.is_empty() { Vec::new() } else { references(filled) };
        for (name, range) in orders {
            let within = |one: &&Reference<'_>| range.contains(&one.span.start.saturating_sub(script.base));
            let secrets: Vec<Untrusted> = all.iter().filter(within).flat_map(secret).take(ORDERS).collect();
            set.extend(step.name.map(|step| (key(&format!("{step}.{name}")), secrets.clone())));
            set.push((key(name), secrets));
        }
        let named = |name: &str| Some(Untrusted::from(name));
        let seen = examine_all(filled, &Sources { secret: &secret, fetched: &named, files: &[] });
        for one in &seen.fetched {
            self.notes.uses(&one.name, one.store, None, placed.place(one.span), &place.context);
        }
        self.set.extend(set.into_iter().filter(|(_, secrets)| !secrets.is_empty()));
        for passage in seen.passages {
            self.passes(Passage { span: placed.place(passage.span), ..passage }, step);
        }
        let at =
            |one: Written<Untrusted>| Written { path: names::path(&one.path), span: placed.place(one.span), ..one };
        self.job.written.extend(seen.written.into_iter().map(at));
    }

    /// A door, unless it is a command to the agent, which takes it out of the log.
    fn passes(&mut self, passage: Passage<Untrusted>, step: &Step<'_, '_>) {
        let text = self.source.get(passage.span.start..passage.span.end).unwrap_or_default();
        let is_command = passage.door == Door::Printed && text.to_ascii_lowercase().contains("##vso[task.set");
        let is_empty = passage.name.is_none() && step.env.secrets().is_empty();
        if !is_command && !is_empty {
            let context: &Arc<Context> = &step.place.context;
            self.notes.exposes(passage.door, passage.name, passage.span, context, passage.confidence);
        }
    }

    /// Variables of the environment that nothing maps: they are no secret of the system, and may still be set elsewhere.
    fn environment_of(&mut self, placed: Placed<'_>, step: &Step<'_, '_>) {
        let place = step.place;
        let is_own = |name: &str| {
            let is_mapped = step.env.get(&name.to_ascii_uppercase()).is_some() || place.variables.get(name).is_some();
            let is_set = self.known.is_made(name) || is_system(name);
            !looks_secret(name) || key(name) == TOKEN || is_mapped || is_set
        };
        for (name, span) in unset(placed.script, &step.env, &is_own) {
            let span = placed.place(span);
            self.notes.uses_surely(name, Store::Variable, None, span, &place.context, Confidence::Medium);
        }
    }
}

/// The shell of a task's script.
fn dialect(task: &str, kind: &str, is_windows: bool) -> Dialect {
    let kind = kind.to_ascii_lowercase();
    match task {
        "powershell" | "azurepowershell" => Dialect::PowerShell,
        _ if matches!(kind.as_str(), "ps" | "pscore") => Dialect::PowerShell,
        _ if kind == "batch" => Dialect::Cmd,
        "cmdline" | "batchscript" if is_windows => Dialect::Cmd,
        _ => Dialect::Posix,
    }
}

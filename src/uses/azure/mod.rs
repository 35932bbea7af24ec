//! Azure Pipelines: stages, jobs, steps and the tasks that they call, variables and groups of them, templates.
//!
//! A variable that the file does not define is set where the pipeline is kept, in a group, or in a vault. Secret ones are no
//! variables of the environment unless a step maps them (`env`); macros (`$(NAME)`) put any of them into scripts and inputs.
//! Whether builds of forks get secrets is a setting of the pipeline, and not in its file.
//!
//! Sources: <https://learn.microsoft.com/azure/devops/pipelines/yaml-schema/>,
//! <https://learn.microsoft.com/azure/devops/pipelines/process/variables>,
//! <https://learn.microsoft.com/azure/devops/pipelines/process/set-secret-variables>,
//! <https://learn.microsoft.com/azure/devops/pipelines/process/templates>.

mod known;
mod names;
mod steps;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::HashMap;
use std::sync::Arc;

use self::known::{Known, Variables};
use self::names::key;
use super::budget::Budget;
use super::label::label;
use super::notes::Notes;
use super::shell::Written;
use super::yaml::{Node, Yaml};
use super::{File, Reader};
use crate::model::usage::{Context, Door, Span, System, Uses};
use crate::model::{Confidence, Untrusted};

/// Reads pipelines and their templates.
pub const READER: Reader = Reader { system: System::AzurePipelines, is_own, read };

/// How deep templates, conditions and lists may stand in each other.
const DEEPEST: u32 = 24;

fn is_own(path: &str) -> bool {
    const FOLDERS: &[&str] = &[
        "azure-pipelines",
        "azure-pipeline",
        ".azure-pipelines",
        ".azure-pipeline",
        ".azuredevops",
        "azure-pipeline-templates",
        "azure-pipelines-templates",
        ".pipelines",
        ".vsts-pipelines",
    ];
    let lower = path.to_ascii_lowercase();
    let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    let name = name.trim_start_matches('.');
    let is_named = name.starts_with("azure-pipeline")
        || name.starts_with("vsts") && lower.contains("/.vsts") | lower.starts_with(".vsts");
    is_yaml && (is_named || folders.split('/').any(|folder| FOLDERS.contains(&folder)))
}

fn read(file: File<'_>) -> Uses {
    let yaml = Yaml::read(file.text);
    let source = yaml.source();
    let (mut notes, budget) = (Notes::new(System::AzurePipelines), Budget::of(source));
    for root in yaml.documents().filter(|root| root.is_mapping()) {
        let known = Known::of(root, source);
        let job = Job::default();
        let mut reading = Reading {
            source,
            path: file.path,
            notes,
            budget: &budget,
            known: &known,
            job,
            secrets: false,
            set: HashMap::new(),
            debug: None,
        };
        reading.root(root);
        notes = reading.notes;
    }
    notes.unread(budget.unread());
    notes.unread(yaml.unread());
    notes.done()
}

struct Reading<'y> {
    source: &'y str,
    path: &'y str,
    notes: Notes,
    budget: &'y Budget,
    known: &'y Known,
    job: Job,
    /// Whether the file has a secret anywhere.
    secrets: bool,
    /// Secrets in variables that scripts set, by key, those of steps with a name under that too.
    set: HashMap<String, Vec<Untrusted>>,
    /// Where the file has the agent tell everything that it does.
    debug: Option<Span>,
}

/// What is known of a job at its end.
#[derive(Default)]
struct Job {
    secrets: bool,
    written: Vec<Written<Untrusted>>,
    kept: Vec<String>,
    /// Text of strangers in scripts.
    injected: Vec<(Span, Arc<Context>, Confidence)>,
}

/// What a part of the file stands in.
#[derive(Clone)]
struct Place<'v> {
    context: Arc<Context>,
    variables: &'v Variables<'v>,
    is_windows: bool,
    depth: u32,
}

impl Place<'_> {
    fn with(&self, change: impl FnOnce(&mut Context)) -> Self {
        let mut context = Context::clone(&self.context);
        change(&mut context);
        Self { context: Arc::new(context), depth: self.depth + 1, ..self.clone() }
    }
}

impl<'y> Reading<'y> {
    fn root(&mut self, root: Node<'y>) {
        let nothing = Variables::default();
        let context = Arc::new(Context { events: events(root), ..Context::default() });
        let place = Place { context, variables: &nothing, is_windows: false, depth: 0 };
        for key in ["parameters", "resources"] {
            if let Some(node) = root.get(key) {
                self.handed(node, &place);
            }
        }
        for (_, resource) in root.get("resources").map(Node::entries).unwrap_or_default() {
            for one in resource.items() {
                let endpoint =
                    one.get("endpoint").or_else(|| one.get("connection")).or_else(|| one.get("azureSubscription"));
                if let Some(endpoint) = endpoint {
                    self.connection(endpoint, None, &place);
                }
            }
        }
        self.part(root, &place);
        if let Some(span) = self.debug.filter(|_| self.secrets) {
            self.notes.exposes(Door::Traced, None, span, &place.context, Confidence::Low);
        }
    }

    /// A pipeline, or a part of one that has the same keys: a stage, the parameters of a template.
    fn part(&mut self, part: Node<'y>, outer: &Place<'_>) {
        if outer.depth > DEEPEST {
            return;
        }
        let entries = self.entries(part, outer);
        let own = self.variables(&entries, outer);
        let variables = Variables { outer: Some(outer.variables), own };
        let mut place = Place { variables: &variables, depth: outer.depth + 1, ..outer.clone() };
        place.is_windows |= part.get("pool").is_some_and(is_windows);
        let has = |word: &str| entries.iter().any(|(key, _)| key.text() == Some(word));
        for (key, value) in &entries {
            let name = key.text().unwrap_or_default();
            match name {
                "variables" | "resources" | "trigger" | "pr" | "schedules" => {}
                "parameters" if !has("template") => {}
                "name" if outer.depth == 0 => {}
                "extends" => self.template(*value, &place),
                "stages" => self.stages(*value, &place),
                "jobs" => self.jobs(*value, &place),
                "steps" => self.job(part, true, &place),
                _ => self.handed_as(*value, name, &place),
            }
        }
    }

    fn stages(&mut self, stages: Node<'y>, place: &Place<'_>) {
        for stage in self.items(stages, place) {
            if stage.get("template").is_some() {
                self.template(stage, place);
            } else {
                let name = stage.word("stage").filter(|name| !name.is_empty()).or_else(|| stage.word("displayName"));
                let place = place.with(|context| context.job = name.map(label));
                self.notes.scope(stage.span(), &place.context);
                self.part(stage, &place);
            }
        }
    }

    fn jobs(&mut self, jobs: Node<'y>, place: &Place<'_>) {
        for job in self.items(jobs, place) {
            if job.get("template").is_some() {
                self.template(job, place);
            } else {
                self.job(job, false, place);
            }
        }
    }

    /// A job, or a part that has steps alone: what else it has is read there.
    fn job(&mut self, job: Node<'y>, has_steps_alone: bool, outer: &Place<'_>) {
        if outer.depth > DEEPEST {
            return;
        }
        let names = ["job", "deployment", "displayName"];
        let name = names.iter().filter_map(|key| job.word(key)).find(|name| !name.is_empty());
        let environment = job.get("environment").and_then(|one| one.text().or_else(|| one.word("name")));
        let outer = outer.with(|context| {
            if !has_steps_alone {
                context.job = name.map(label);
                context.environment = environment.map(Untrusted::from);
            }
        });
        self.notes.scope(job.span(), &outer.context);
        let entries = if has_steps_alone { Vec::new() } else { self.entries(job, &outer) };
        let mut own = self.variables(&entries, &outer);
        for (_, row) in job.path(&["strategy", "matrix"]).map(Node::entries).unwrap_or_default() {
            own.extend(row.entries().iter().filter_map(|(name, _)| name.text()).map(|name| (key(name), Vec::new())));
        }
        let variables = Variables { outer: Some(outer.variables), own };
        let mut place = Place { variables: &variables, ..outer.clone() };
        place.is_windows |= job.get("pool").is_some_and(is_windows);
        let before = std::mem::take(&mut self.job);
        if let Some(endpoint) = job.path(&["container", "endpoint"]) {
            self.connection(endpoint, Some("endpoint"), &place);
        }
        if let Some(steps) = job.get("steps") {
            self.steps(steps, &place);
        }
        for (key, value) in entries {
            match key.text().unwrap_or_default() {
                "variables" | "steps" => {}
                "strategy" => self.strategy(value, &place),
                name => self.handed_as(value, name, &place),
            }
        }
        let job = std::mem::replace(&mut self.job, before);
        self.end(job, &place);
    }

    /// How a deployment goes: steps of `runOnce`, `rolling` or `canary`, each below `deploy`, `on: failure` and their like.
    fn strategy(&mut self, strategy: Node<'y>, place: &Place<'_>) {
        if place.depth > DEEPEST {
            return;
        }
        for (name, value) in self.entries(strategy, place) {
            match name.text().unwrap_or_default() {
                "steps" => self.steps(value, place),
                "matrix" => self.handed(value, place),
                _ if value.is_mapping() => self.strategy(value, &place.with(|_| {})),
                name => self.handed_as(value, name, place),
            }
        }
    }

    /// What is known when a job ends: whether there were secrets, and what is kept of its files.
    fn end(&mut self, job: Job, place: &Place<'_>) {
        for path in &job.kept {
            let path = names::path(path);
            let is_below = |one: &&Written<Untrusted>| path != "." || !one.path.starts_with(['/', '$', '~']);
            let written: Vec<_> = job.written.iter().filter(is_below).cloned().collect();
            self.notes.keeps(&written, &[&path], &place.context);
        }
        self.secrets |= job.secrets;
        for (span, context, confidence) in job.injected.into_iter().filter(|_| job.secrets) {
            self.notes.exposes(Door::Injected, None, span, &context, confidence);
        }
    }

    /// A template that is called: its file, and what it is handed. Parameters may hold whole stages, jobs and steps.
    fn template(&mut self, call: Node<'y>, outer: &Place<'_>) {
        let Some(template) = call.get("template").filter(|_| outer.depth <= DEEPEST) else { return };
        let text = template.text().unwrap_or_default();
        let (path, alias) = text.rsplit_once('@').map_or((text, "self"), |(path, alias)| (path, alias));
        let local = (alias == "self" && !path.contains("${{")).then(|| beside(self.path, path));
        self.notes.includes(text, local.as_deref(), template.span());
        let place = outer.with(|context| context.action = Some(text.into()));
        self.notes.scope(call.span(), &place.context);
        let mut handed = Vec::new();
        for parameters in call.get("parameters").map(Node::each).unwrap_or_default() {
            for (name, value) in self.entries(parameters, &place) {
                let word = name.text().unwrap_or_default();
                let is_part = value.is_sequence() && Part::named(word).is_some();
                if !is_part {
                    handed.extend(self.handed_under(value, word, &place));
                }
            }
            self.parts(parameters, outer);
        }
        handed.sort();
        handed.dedup();
        self.job.secrets |= !handed.is_empty();
        self.secrets |= !handed.is_empty();
        let movable = self.known.repositories.get(&key(alias)).and_then(|repository| repository.movable);
        if let Some(confidence) = movable.filter(|_| alias != "self") {
            for name in handed {
                self.notes.exposes(Door::Unpinned, Some(name), template.span(), &place.context, confidence);
            }
        }
    }

    /// Stages, jobs and steps among the parameters of a template.
    fn parts(&mut self, parameters: Node<'y>, outer: &Place<'_>) {
        let place = outer.with(|_| {});
        for (name, value) in self.entries(parameters, &place).into_iter().filter(|(_, value)| value.is_sequence()) {
            match Part::named(name.text().unwrap_or_default()) {
                Some(Part::Stages) => self.stages(value, &place),
                Some(Part::Jobs) => self.jobs(value, &place),
                Some(Part::Steps) => self.steps(value, &place),
                None => {}
            }
        }
    }
}

/// A part of a pipeline that a template is handed.
enum Part {
    Stages,
    Jobs,
    Steps,
}

impl Part {
    /// What a parameter holds by its name: `steps`, `preBuildStages`.
    fn named(parameter: &str) -> Option<Self> {
        let lower = parameter.to_ascii_lowercase();
        let ends = [("stages", Self::Stages), ("jobs", Self::Jobs), ("steps", Self::Steps)];
        ends.into_iter().find(|(end, _)| lower.ends_with(end)).map(|(_, part)| part)
    }
}

/// What starts a pipeline, as far as its file says.
fn events(root: Node<'_>) -> Vec<Untrusted> {
    let names = [("trigger", "push"), ("pr", "pull_request"), ("schedules", "schedule")];
    let is_on = |key: &str| root.get(key).is_some_and(|node| node.text() != Some("none"));
    names.into_iter().filter(|(key, _)| is_on(key)).map(|(_, event)| event.into()).collect()
}

/// Whether a pool has machines with Windows.
fn is_windows(pool: Node<'_>) -> bool {
    let mut found = false;
    pool.scalars(&mut |_, value| {
        let text = value.text().unwrap_or_default().to_ascii_lowercase();
        found |= text.contains("windows") || text.contains("win20");
    });
    found
}

/// The path of a template, from the root of the repository: it is beside the file that calls it, or begins with `/`.
fn beside(file: &str, template: &str) -> String {
    let mut all: Vec<&str> = Vec::new();
    if !template.starts_with('/') {
        all.extend(file.rsplit_once('/').map(|(folder, _)| folder).unwrap_or_default().split('/'));
    }
    for part in template.split(['/', '\\']) {
        match part {
            ".." => {
                all.pop();
            }
            "." => {}
            part => all.push(part),
        }
    }
    all.retain(|part| !part.is_empty());
    all.join("/")
}

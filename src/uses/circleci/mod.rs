//! Pipelines of CircleCI: the files below `.circleci`. Source: <https://circleci.com/docs/reference/configuration-reference/>.
//!
//! Variables of the project and of contexts are set outside: a name that nothing sets is one of them. A context is a set of secrets,
//! and is told by its own name. Whether builds of forks have secrets is a setting of the project, and no file says so.

mod orbs;
mod steps;
mod template;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::model::usage::{Context, Exposure, Store, System, Uses};
use crate::model::{Confidence, Untrusted};
use crate::uses::notes::{Env, Meaning, Notes, looks_secret};
use crate::uses::pen::{Pen, Pieces, Sense, free};
use crate::uses::script::Lines;
use crate::uses::shell::{Dialect, Written, dollars, is_of_shell};
use crate::uses::yaml::{Node, Yaml, reach};
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
    pen.done()
}

/// A walk over a document.
struct Visit<'y, 'p> {
    pen: &'p mut Pen,
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
        let mut visit = Self { pen, jobs, commands, executors, orbs, named: None, contexts: Vec::new(), own: None };
        visit.define("", root);
        for (name, orb) in root.get("orbs").map(Node::entries).unwrap_or_default() {
            let Some(name) = name.text() else { continue };
            visit.orbs.insert(name, orb);
            visit.define(&format!("{name}/"), orb);
        }
        let lines = source.lines().filter(|line| !line.trim_start().starts_with('#'));
        let mut all = lines.flat_map(|line| dollars(line, 0)).map(|(name, _)| name);
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
    fn doors_of(&self, lines: &Lines<'_>) -> Vec<Exposure> {
        let mut notes = Notes::new(System::CircleCi);
        let (env, nothing) = (Env::default(), Arc::new(Context::default()));
        let meaning = Meaning { template: &|_| Vec::new(), free: &|name| free(&store, name) };
        notes.script(lines.script(Dialect::Posix), &env, &meaning, &nothing);
        notes.done().exposures
    }

    /// Every `$NAME` below a node. `sure` is how sure it is that it is filled in, where that does not depend on the name.
    fn values(&mut self, node: Node<'y>, sure: Option<Confidence>, context: &Arc<Context>) {
        let pen = &mut *self.pen;
        node.scalars(&mut |keys, scalar| {
            let Some((raw, base)) = scalar.raw() else { return };
            let variable = keys.iter().rev().copied().find(|key| !key.is_empty());
            for (name, span) in dollars(raw, base) {
                match (store(name), sure) {
                    (Some(store), Some(sure)) => pen.uses_surely(name, store, variable, span, context, sure),
                    (Some(store), None) => pen.uses(name, store, variable, span, context),
                    (None, _) => {}
                }
            }
        });
    }

    fn examine(
        &mut self,
        lines: &Pieces<'_>,
        env: &Env,
        traced: bool,
        template: &dyn Fn(&str) -> Vec<Untrusted>,
    ) -> Vec<Written<Untrusted>> {
        let around = self.around();
        let sense = Sense { known: env, around: around.as_ref(), store: &store, traced, template, unsure: &[] };
        self.pen.script(lines, &sense)
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

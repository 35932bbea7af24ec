//! Pipelines of GitLab: `.gitlab-ci.yml` and what it takes in. Source: <https://docs.gitlab.com/ci/yaml/>.
//!
//! A project has variables that the file does not tell from others: a name that nothing sets is one of them. Pipelines of a fork run
//! in the fork and have none of the parent's variables, unless a member of the parent starts them there; no file says so, and none is
//! reported for it (<https://docs.gitlab.com/ci/pipelines/merge_request_pipelines/#use-with-forked-projects>).

mod events;
mod include;
mod job;
mod names;
mod scripts;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use crate::model::usage::{Context, Door, Store, System, Uses};
use crate::model::{Confidence, Untrusted};
use crate::uses::notes::Env;
use crate::uses::pen::{Pen, free};
use crate::uses::shell::dollars;
use crate::uses::yaml::{Node, Yaml, reach};
use crate::uses::{File, Reader};

use job::{DEFAULTS, Document, Job, NESTED, Values, Variable};
use names::{filled, store};

/// Reads pipelines of GitLab.
pub const READER: Reader = Reader { system: System::GitlabCi, is_own, read };

/// Keys of a job whose scalars are no values: scripts are read as such, and the rest are names.
const NO_VALUES: &[&str] =
    &["before_script", "script", "after_script", "hooks", "run", "extends", "inherit", "variables", "include"];

fn is_own(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    let in_folder =
        format!("/{path}").contains("/.gitlab/ci/") || path.split('/').any(|part| part.starts_with(".gitlab-ci"));
    is_yaml && (in_folder || name.contains("gitlab-ci"))
}

fn read(file: File<'_>) -> Uses {
    let yaml = Yaml::read(file.text);
    let mut pen = Pen::new(System::GitlabCi);
    for root in yaml.documents().filter(|root| root.is_mapping()) {
        let document = Document::new(root);
        Visit::new(&mut pen, &document, yaml.source()).document();
    }
    pen.notes.unread(yaml.unread());
    pen.done()
}

/// A walk over a document.
struct Visit<'y, 'd, 'p> {
    pen: &'p mut Pen,
    document: &'d Document<'y>,
    /// A secret of the project that the file names: every job has it.
    around: Option<Untrusted>,
    /// Variables that jobs hand on to later ones.
    handed_on: HashSet<String>,
    /// What the pipeline is called.
    pipeline: Option<Untrusted>,
    /// Inputs whose names say that they are secret: whoever takes the file in gives their values.
    inputs: Vec<Untrusted>,
}

/// What is known of a job while it is read.
struct Scene<'y> {
    values: Values<'y>,
    env: Env,
    context: Arc<Context>,
    /// The variables that it names anywhere.
    named: HashSet<&'y str>,
}

impl<'y, 'd, 'p> Visit<'y, 'd, 'p> {
    fn new(pen: &'p mut Pen, document: &'d Document<'y>, source: &'y str) -> Self {
        let pipeline = document.get("workflow").and_then(|workflow| workflow.word("name")).map(Untrusted::from);
        let (handed_on, inputs) = (HashSet::new(), scripts::inputs(source));
        let mut visit = Self { pen, document, around: None, handed_on, pipeline, inputs };
        let mut globals = Values::default();
        document
            .get("variables")
            .map(|all| document.variables(all))
            .unwrap_or_default()
            .into_iter()
            .for_each(|one| globals.set(one));
        let lines = source.lines().filter(|line| !line.trim_start().starts_with('#'));
        let mut all = lines.flat_map(|line| dollars(line, 0)).map(|(name, _)| name).filter(|name| !globals.has(name));
        let is_secret = |name: &&str| store(name) == Some(Store::Variable) && !free(&store, name).is_empty();
        visit.around = all.find(is_secret).map(Untrusted::from);
        visit
    }

    fn document(&mut self) {
        let nowhere = self.pen.context(Context { pipeline: self.pipeline.clone(), ..Context::default() });
        let parts = self.document.parts();
        self.hand_on(&parts);
        let is_hidden = |key: &Node<'_>| key.text().is_none_or(|key| key.starts_with('.'));
        for (key, value) in parts.iter().filter(|(key, _)| !is_hidden(key)) {
            self.part(*key, *value);
        }
        // A template is told for the jobs that extend it; for itself where no job of this file does.
        self.pen.only_new();
        for (key, value) in parts.iter().filter(|(key, _)| is_hidden(key)) {
            self.part(*key, *value);
        }
        self.pen.only_new();
        self.rest(&nowhere);
        if let Some(node) = self.document.root.get("include") {
            let sure = self.sure();
            include::includes(self.pen, self.document, node, &nowhere, sure);
        }
    }

    /// How sure it is that code of others in the pipeline finds a secret: every job has all variables of the project.
    fn sure(&self) -> Confidence {
        if self.around.is_some() { Confidence::Medium } else { Confidence::Low }
    }

    /// What stands beside the jobs, where no job was told with it.
    fn rest(&mut self, nowhere: &Arc<Context>) {
        let root = self.document.root;
        let values = Values::default();
        let env = values.env(&|_| Vec::new());
        let mut scene = Scene { values, env, context: Arc::clone(nowhere), named: HashSet::new() };
        for variable in root.get("variables").map(|all| self.document.variables(all)).unwrap_or_default() {
            scene.values.set(variable);
            self.variable(variable, &scene);
        }
        scene.env = scene.values.env(&|name| free(&store, name));
        for node in ["workflow", "spec", "image", "services", "cache"].iter().filter_map(|key| root.get(key)) {
            self.values(node, &mut scene);
        }
        if let Some((key, default)) = root.entries().into_iter().find(|(key, _)| key.text() == Some("default")) {
            self.sections(key, default, nowhere);
            let job = self.document.job(default);
            self.scripts(&job, &mut scene);
            let keys: Vec<Node<'y>> =
                DEFAULTS.iter().filter(|key| !NO_VALUES.contains(key)).filter_map(|key| job.own(key)).collect();
            keys.into_iter().for_each(|node| self.values(node, &mut scene));
        } else {
            let job = self.document.job(root);
            self.scripts(&job, &mut scene);
        }
    }

    /// A job, a template, or a list of commands that others refer to.
    fn part(&mut self, key: Node<'y>, value: Node<'y>) {
        let value = self.document.resolve(value);
        let name = key.text().unwrap_or_default();
        let job = self.document.job(value);
        let trigger = job.own("trigger");
        let downstream = trigger.and_then(|trigger| trigger.text().or_else(|| trigger.word("project")));
        let environment =
            job.layers("environment").into_iter().find_map(|layer| layer.text().or_else(|| layer.word("name")));
        let context = self.pen.context(Context {
            pipeline: self.pipeline.clone(),
            job: Some(name.into()),
            step: None,
            environment: environment.map(Untrusted::from),
            events: events::events(self.document, &job),
            action: downstream.map(Untrusted::from),
        });
        self.sections(key, value, &context);
        if !value.is_mapping() {
            self.loose(value, &context);
            return;
        }
        let mut scene = self.scene(&job, context);
        for variable in job.variables() {
            self.variable(variable, &scene);
        }
        self.stored(&job, &scene);
        // A job that starts another pipeline runs nothing itself, and has nothing of the defaults.
        let runs = trigger.is_none();
        let mut keys = job.keys();
        keys.extend(DEFAULTS.iter().filter(|_| runs));
        keys.sort_unstable();
        keys.dedup();
        for key in keys.into_iter().filter(|key| !NO_VALUES.contains(key)) {
            self.key(key, &job, &mut scene);
        }
        if runs {
            self.scripts(&job, &mut scene);
        }
        self.globals(&job, &mut scene);
        if let Some(trigger) = trigger {
            self.trigger(trigger, &scene);
        }
    }

    /// What a job knows of variables.
    fn scene(&mut self, job: &Job<'y, '_>, context: Arc<Context>) -> Scene<'y> {
        let mut values = Values::default();
        job.variables().into_iter().for_each(|one| values.set(one));
        let mut more = Vec::new();
        for rules in
            job.own("rules").into_iter().chain(self.document.get("workflow").and_then(|workflow| workflow.get("rules")))
        {
            more.extend(rules.items().into_iter().filter_map(|rule| self.document.resolve(rule).get("variables")));
        }
        let matrix = job.own("parallel").and_then(|parallel| parallel.get("matrix"));
        more.extend(matrix.map(Node::items).unwrap_or_default());
        for node in more {
            self.document.variables(node).into_iter().for_each(|one| values.set(one));
        }
        job.globals().into_iter().for_each(|one| values.set(one));
        let mut env = values.env(&|name| free(&store, name));
        for (name, _) in job.get("id_tokens").map(Node::entries).unwrap_or_default() {
            let name = name.text().unwrap_or_default();
            env.set(name, vec![name.into()]);
        }
        for (name, secret) in job.layers("secrets").into_iter().flat_map(Node::entries) {
            // Without `file: false`, the variable is the path of a file.
            let is_file = secret.word("file") != Some("false");
            let held: Vec<Untrusted> =
                scripts::path_of(secret).and_then(Node::text).map(Untrusted::from).into_iter().collect();
            let name = name.text().unwrap_or_default();
            if is_file {
                env.set_file(&format!("${name}"), held);
                env.set(name, Vec::new());
            } else {
                env.set(name, held);
            }
        }
        for name in self.handed_on.iter().filter(|name| !values.has(name)) {
            env.set(name, Vec::new());
        }
        Scene { values, env, context, named: HashSet::new() }
    }

    /// Says where the parts of a job stand.
    fn sections(&mut self, key: Node<'y>, value: Node<'y>, context: &Arc<Context>) {
        let whole = reach(key, value);
        self.pen.scope(whole, context);
        for (key, value) in value.entries() {
            let name = key.text().unwrap_or_default();
            if ["before_script", "script", "after_script"].contains(&name) && whole.has(key.span().start) {
                let context = self.step(context, name);
                self.pen.scope(reach(key, value), &context);
            }
        }
    }

    fn step(&mut self, context: &Arc<Context>, step: &str) -> Arc<Context> {
        self.pen.context(Context { step: Some(step.into()), ..(**context).clone() })
    }

    /// A key of a job that is no script.
    fn key(&mut self, key: &str, job: &Job<'y, '_>, scene: &mut Scene<'y>) {
        let Some(nearest) = job.get(key) else { return };
        let layers = if nearest.is_mapping() { job.layers(key) } else { Vec::new() };
        let layers = if layers.is_empty() { vec![nearest] } else { layers };
        let context = Arc::clone(&scene.context);
        for layer in layers {
            for one in if matches!(key, "services" | "image") { layer.each() } else { vec![layer] } {
                if matches!(key, "services" | "image") && one.is_mapping() {
                    let action = one.word("name").map(Untrusted::from);
                    scene.context = self.pen.context(Context { action, ..(*context).clone() });
                }
                self.values(one, scene);
                scene.context = Arc::clone(&context);
            }
        }
    }

    /// Every value below a node.
    fn values(&mut self, node: Node<'y>, scene: &mut Scene<'y>) {
        let document = self.document;
        document.walk(node, &mut Vec::new(), &mut |keys, scalar| {
            let (last, before) = (keys.last().copied(), keys.iter().rev().nth(1).copied());
            let variable = last.filter(|_| matches!(before, Some("variables" | "inputs")));
            self.scalar(variable, scalar, scene);
            scene.named.extend(dollars(scalar.text().unwrap_or_default(), 0).into_iter().map(|(name, _)| name));
        });
    }

    fn variable(&mut self, variable: Variable<'y>, scene: &Scene<'y>) {
        if variable.expands {
            self.scalar(Some(variable.name), variable.value, scene);
        }
    }

    /// A value: what it names, and under which name it is handed over.
    fn scalar(&mut self, variable: Option<&str>, node: Node<'y>, scene: &Scene<'y>) {
        let Some((raw, base)) = node.raw() else { return };
        for (name, span) in filled(raw, base) {
            // What is made of itself is the project's: `TOKEN: $TOKEN`.
            if (scene.env.get(name).is_some() || scene.values.has(name)) && variable != Some(name) {
                continue;
            }
            if let Some(store) = store(name) {
                self.pen.uses(name, store, variable, span, &scene.context);
            }
        }
        // The runner takes these words for true.
        if variable == Some("CI_DEBUG_TRACE") && matches!(raw, "true" | "TRUE" | "True" | "1" | "t" | "T") {
            self.pen.exposes(Door::Traced, None, node.span(), &scene.context, Confidence::High);
        }
    }

    /// Variables of the file that a job names, and what they are made of.
    fn globals(&mut self, job: &Job<'y, '_>, scene: &mut Scene<'y>) {
        let mut left = job.globals();
        let own: HashSet<&str> = job.variables().iter().map(|one| one.name).collect();
        left.retain(|one| one.name != "CI_DEBUG_TRACE" && !own.contains(one.name));
        let mut values: Vec<Variable<'y>> = job.variables();
        for _ in 0..NESTED {
            scene.named.extend(
                values.iter().flat_map(|one| dollars(one.value.text().unwrap_or_default(), 0)).map(|(name, _)| name),
            );
            let (named, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|one| scene.named.contains(one.name));
            named.iter().for_each(|one| self.variable(*one, scene));
            left = others;
            if named.is_empty() {
                return;
            }
            values = named;
        }
    }

    /// A job that starts another pipeline.
    fn trigger(&mut self, trigger: Node<'y>, scene: &Scene<'y>) {
        if let Some(node) = trigger.get("include") {
            let sure = self.sure();
            include::includes(self.pen, self.document, node, &scene.context, sure);
        }
        if let Some(forward) = trigger.path(&["forward", "pipeline_variables"])
            && forward.text() == Some("true")
        {
            self.pen.exposes(Door::InheritedWhole, None, forward.span(), &scene.context, Confidence::Medium);
        }
    }
}

//! The walk through a workflow or an action: its jobs and steps, and what each of them is given. Source of the format:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax>.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::expression::Expression;
use super::handed_on::{HandedOn, exported, fetched};
use super::reading::{COST, EVERY, Flow, Place, Reading};
use super::{called, doors, strangers};
use crate::model::usage::{Context, Door, Span};
use crate::model::{Confidence, Untrusted};
use crate::uses::label::label;
use crate::uses::notes::Env;
use crate::uses::yaml::Node;

/// How many events of a workflow are told.
const EVENTS: usize = 64;

/// What the token of a job may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Writes,
    Reads,
    /// The settings of the repository say it.
    Unknown,
}

/// A job that was read.
pub(super) struct Job<'y> {
    pub(super) id: &'y str,
    pub(super) condition: Vec<Expression>,
    pub(super) needs: Vec<&'y str>,
    /// The secrets that it has.
    pub(super) secrets: BTreeSet<Untrusted>,
    pub(super) token: Token,
    /// Whether an environment may ask somebody before it runs.
    pub(super) is_deployed: bool,
    pub(super) steps: Vec<Step<'y>>,
    /// The environments that it and the workflow set.
    pub(super) environments: [Option<Node<'y>>; 2],
    /// What it gives to a workflow of this repository.
    pub(super) given: Option<Node<'y>>,
    pub(super) context: Arc<Context>,
}

/// A step.
pub(super) struct Step<'y> {
    pub(super) node: Node<'y>,
    pub(super) context: Arc<Context>,
    pub(super) condition: Vec<Expression>,
    /// The action, and where it is named.
    pub(super) uses: Option<(&'y str, Span)>,
    pub(super) run: Option<Node<'y>>,
    /// The shell that runs it.
    pub(super) shell: &'y str,
    /// Where it runs.
    pub(super) folder: &'y str,
}

/// What the steps of a job share.
struct Steps<'p, 'y> {
    context: &'p Arc<Context>,
    inputs: &'p Env,
    matrix: Option<Node<'y>>,
    token: Token,
    shell: &'y str,
    folder: &'y str,
    /// How much their environment has.
    weight: usize,
}

/// Reads a workflow.
pub(super) fn workflow<'y>(reading: &mut Reading<'y>, root: Node<'y>, path: &str) {
    let events = events(root);
    let name = root.word("name").filter(|name| !name.trim().is_empty()).unwrap_or(path);
    let context = Arc::new(Context {
        pipeline: Some(name.into()),
        events: events.iter().map(|event| Untrusted::from(*event)).collect(),
        ..Context::default()
    });
    reading.notes.scope(whole(reading, root), &context);
    let nothing = Env::default();
    let place = Place { context: &context, env: &nothing, inputs: &nothing, outputs: &nothing, matrix: None };
    for (key, value) in root.entries() {
        if !matches!(key.text(), Some("jobs" | "env")) {
            reading.part(value, place);
        }
    }
    let all = root.get("jobs").map(Node::entries).unwrap_or_default();
    // A reusable workflow sees nothing of the environment of its caller.
    if !all.iter().any(|(_, job)| job.get("steps").is_some()) {
        reading.variables(root.get("env"), &mut Env::default(), &context, place);
    }
    reading.reach.clear();
    let inputs = called::inputs(reading, root.path(&["on", "workflow_call", "inputs"]));
    let jobs: Vec<Job<'_>> =
        all.into_iter().filter_map(|(key, node)| job(reading, root, (key, node), &inputs, &context)).collect();
    for job in &jobs {
        called::injected(reading, &job.steps, &job.secrets, &inputs);
    }
    let labelled = root.path(&["on", "pull_request_target", "types"]).map(Node::each).unwrap_or_default();
    let labelled = !labelled.is_empty() && labelled.iter().all(|one| matches!(one.text(), Some("labeled" | "closed")));
    strangers::look(reading, &jobs, &events, labelled);
}

/// What starts a workflow.
fn events(root: Node<'_>) -> Vec<&str> {
    let Some(on) = root.get("on") else { return Vec::new() };
    let mut all: Vec<&str> = if on.is_mapping() {
        on.entries().into_iter().filter_map(|(key, _)| key.text()).take(EVENTS).collect()
    } else {
        on.each().into_iter().filter_map(Node::text).take(EVENTS).collect()
    };
    let mut seen = BTreeSet::new();
    all.retain(|event| seen.insert(*event));
    all
}

/// A document with what stands before it, where it is the only one.
fn whole(reading: &Reading<'_>, root: Node<'_>) -> Span {
    if reading.yaml.documents().nth(1).is_some() {
        return root.span();
    }
    Span { start: 0, end: reading.yaml.source().len() }
}

fn job<'y>(
    reading: &mut Reading<'y>,
    root: Node<'y>,
    (key, node): (Node<'y>, Node<'y>),
    inputs: &called::Inputs<'y>,
    outer: &Arc<Context>,
) -> Option<Job<'y>> {
    let id = key.text().filter(|_| node.is_mapping())?;
    let environment = node.get("environment").and_then(|one| one.text().or_else(|| one.word("name")));
    let called = node.get("uses").and_then(|uses| Some((uses.text()?, uses.span())));
    let context = Arc::new(Context {
        job: Some(id.into()),
        environment: environment.map(Untrusted::from),
        action: called.map(|(uses, _)| uses.into()),
        ..(**outer).clone()
    });
    reading.notes.scope(Span { start: key.span().start, end: node.span().end }, &context);
    let token = token(node.get("permissions").or_else(|| root.get("permissions")));
    let matrix = node.path(&["strategy", "matrix"]);
    let (inputs, nothing) = (&inputs.secret, Env::default());
    let (mut env, mut weight) = match called {
        Some(_) => (Env::default(), 0),
        None => environment_of(reading, [root, node], inputs, &context, matrix),
    };
    let place = Place { context: &context, env: &env, inputs, outputs: &nothing, matrix };
    let condition = node.get("if").map(|condition| reading.expressions(condition, true)).unwrap_or_default();
    let mut inside = Env::default();
    weight += fields(reading, node, &mut inside, place);
    if let Some((uses, span)) = called {
        call(reading, node, uses, span, place);
    }
    // What a container is given, its steps see.
    for (key, _) in node.path(&["container", "env"]).map(Node::entries).unwrap_or_default() {
        if let Some(secrets) = key.text().and_then(|name| inside.get(name)) {
            env.set(key.text().unwrap_or_default(), secrets.to_vec());
        }
    }
    let run = |word: &str| [node, root].iter().find_map(|from| from.path(&["defaults", "run", word])?.text());
    let windows = node.get("runs-on").is_some_and(on_windows);
    let shell = run("shell").unwrap_or(if windows { "pwsh" } else { "bash" });
    let shared = Steps {
        context: &context,
        inputs,
        matrix,
        token,
        shell,
        folder: run("working-directory").unwrap_or(""),
        weight,
    };
    let steps = steps(reading, node.get("steps"), env, &shared);
    let needs = node.get("needs").map(Node::each).unwrap_or_default().into_iter().filter_map(Node::text).collect();
    let secrets = std::mem::take(&mut reading.reach);
    if called.is_none() && !secrets.is_empty() {
        [root, node].into_iter().for_each(|part| doors::debugged(reading, part, &context));
    }
    let environments = [node.get("env"), root.get("env")];
    let given = called.filter(|(uses, _)| uses.starts_with("./")).and_then(|_| node.get("with"));
    let is_deployed = environment.is_some();
    Some(Job { id, condition, needs, secrets, token, is_deployed, steps, environments, given, context })
}

/// The environment that a workflow and its job set, and how much is in it.
fn environment_of<'y>(
    reading: &mut Reading<'y>,
    parts: [Node<'y>; 2],
    inputs: &Env,
    context: &Arc<Context>,
    matrix: Option<Node<'y>>,
) -> (Env, usize) {
    let (nothing, mut env, mut weight) = (Env::default(), Env::default(), 0);
    for part in parts {
        let before = env.clone();
        let place = Place { context, env: &before, inputs, outputs: &nothing, matrix };
        weight += reading.variables(part.get("env"), &mut env, context, place).len() + entries(part.get("env"));
    }
    (env, weight)
}

fn entries(node: Option<Node<'_>>) -> usize {
    node.map(Node::entries).unwrap_or_default().len()
}

/// What a job says beside its steps; `inside` is what its container is given, and how much that is is given back.
fn fields<'y>(reading: &mut Reading<'y>, node: Node<'y>, inside: &mut Env, place: Place<'_, 'y>) -> usize {
    let mut weight = 0;
    for (key, value) in node.entries() {
        match key.text() {
            Some("steps" | "env" | "secrets") => {}
            Some("container") => weight += image(reading, value, inside, place),
            Some("services") => value.entries().into_iter().for_each(|(_, service)| {
                image(reading, service, &mut Env::default(), place);
            }),
            _ => reading.part_of(key, value, place),
        }
    }
    weight
}

fn on_windows(runner: Node<'_>) -> bool {
    let labels = runner.get("labels").unwrap_or(runner).each();
    labels.iter().any(|label| label.text().is_some_and(|text| text.to_ascii_lowercase().starts_with("windows")))
}

fn token(permissions: Option<Node<'_>>) -> Token {
    let Some(permissions) = permissions else { return Token::Unknown };
    let writes = permissions.text() == Some("write-all")
        || permissions.entries().iter().any(|(_, value)| value.text() == Some("write"));
    if writes { Token::Writes } else { Token::Reads }
}

/// A container or service: how much its environment has.
fn image<'y>(reading: &mut Reading<'y>, node: Node<'y>, env: &mut Env, place: Place<'_, 'y>) -> usize {
    let name = node.text().or_else(|| node.word("image"));
    let context = Arc::new(Context { action: name.map(Untrusted::from), ..(**place.context).clone() });
    reading.notes.scope(node.span(), &context);
    let place = Place { context: &context, ..place };
    let weight = reading.variables(node.get("env"), env, &context, place).len() + entries(node.get("env"));
    for (key, value) in node.entries() {
        if key.text() != Some("env") {
            reading.part_of(key, value, place);
        }
    }
    weight
}

/// A job that is a workflow of its own.
fn call<'y>(reading: &mut Reading<'y>, node: Node<'y>, uses: &str, span: Span, place: Place<'_, 'y>) {
    let local = uses.strip_prefix("./");
    reading.notes.includes(uses, local, span);
    let mut handed: Vec<Flow> = Vec::new();
    if let Some(all) = node.get("secrets").filter(|secrets| secrets.text() == Some("inherit")) {
        let confidence = if local.is_some() { Confidence::Medium } else { Confidence::High };
        reading.notes.exposes(Door::InheritedWhole, None, all.span(), place.context, confidence);
        handed.push((EVERY.into(), all.span()));
    }
    handed.extend(reading.variables(node.get("secrets"), &mut Env::default(), place.context, place));
    doors::unpinned(reading, (uses, span), &handed, &[], Token::Unknown, place.context);
}

/// Reads an action.
pub(super) fn action<'y>(reading: &mut Reading<'y>, root: Node<'y>, path: &str) {
    let Some(runs) = root.get("runs") else { return };
    let name = root.word("name").filter(|name| !name.trim().is_empty()).unwrap_or(path);
    let context = Arc::new(Context { pipeline: Some(name.into()), ..Context::default() });
    reading.notes.scope(whole(reading, root), &context);
    let nothing = Env::default();
    let all = called::inputs(reading, root.get("inputs"));
    let mut inputs = all.secret.clone();
    let place = Place { context: &context, env: &nothing, inputs: &nothing, outputs: &nothing, matrix: None };
    for (key, input) in root.get("inputs").map(Node::entries).unwrap_or_default() {
        let (Some(name), Some(default)) = (key.text(), input.get("default")) else { continue };
        let flows = reading.scalar(default, Some(name), false, place);
        if !flows.is_empty() {
            inputs.set(&name.to_ascii_lowercase(), flows.into_iter().map(|(name, _)| name).collect());
        }
    }
    let place = Place { inputs: &inputs, ..place };
    for (key, value) in root.entries().into_iter().chain(runs.entries()) {
        if !matches!(key.text(), Some("inputs" | "runs" | "steps")) {
            reading.part_of(key, value, place);
        }
    }
    let shared = Steps {
        context: &context,
        inputs: &inputs,
        matrix: None,
        token: Token::Unknown,
        shell: "bash",
        folder: "",
        weight: 0,
    };
    let steps = steps(reading, runs.get("steps"), Env::default(), &shared);
    let secrets = std::mem::take(&mut reading.reach);
    called::injected(reading, &steps, &secrets, &all);
}

/// The steps of a job or action, one after the other.
fn steps<'y>(reading: &mut Reading<'y>, node: Option<Node<'y>>, env: Env, shared: &Steps<'_, 'y>) -> Vec<Step<'y>> {
    let mut all = Vec::new();
    let mut before = HandedOn { env, ..HandedOn::default() };
    let mut weight = shared.weight;
    for (number, node) in node.map(Node::items).unwrap_or_default().into_iter().enumerate() {
        if !node.is_mapping() || !reading.pays(COST * (weight + 1)) {
            continue;
        }
        let step = step(reading, node, number + 1, shared);
        reading.notes.scope(node.span(), &step.context);
        weight += look(reading, &step, &mut before, shared);
        all.push(step);
    }
    before.kept.end(reading);
    all
}

fn step<'y>(reading: &mut Reading<'y>, node: Node<'y>, number: usize, shared: &Steps<'_, 'y>) -> Step<'y> {
    let uses = node.get("uses").and_then(|uses| Some((uses.text()?, uses.span())));
    let name = node.word("name").filter(|name| !name.trim().is_empty()).or(uses.map(|(action, _)| action));
    let context = Arc::new(Context {
        step: Some(label(name.unwrap_or(&number.to_string()))),
        action: uses.map(|(action, _)| action.into()),
        ..(**shared.context).clone()
    });
    Step {
        node,
        context,
        condition: node.get("if").map(|condition| reading.expressions(condition, true)).unwrap_or_default(),
        uses,
        run: node.get("run").filter(|run| run.text().is_some()),
        shell: node.word("shell").unwrap_or(shared.shell),
        folder: node.word("working-directory").unwrap_or(shared.folder),
    }
}

/// Writes down what a step refers to, and the doors that it opens; how many variables it sets for those behind it.
fn look<'y>(reading: &mut Reading<'y>, step: &Step<'y>, before: &mut HandedOn, shared: &Steps<'_, 'y>) -> usize {
    let context = &step.context;
    let (inputs, matrix) = (shared.inputs, shared.matrix);
    let around = Place { context, env: &before.env, inputs, outputs: &before.outputs, matrix };
    let mut own = None;
    let mut handed = Vec::new();
    if let Some(node) = step.node.get("env") {
        handed = reading.variables(Some(node), own.insert(before.env.clone()), context, around);
    }
    let env = own.as_ref().unwrap_or(&before.env);
    let place = Place { env, ..around };
    for (key, value) in step.node.entries() {
        if !matches!(key.text(), Some("env" | "with")) {
            reading.part_of(key, value, place);
        }
    }
    let mut with = Vec::new();
    for (key, value) in step.node.get("with").map(Node::entries).unwrap_or_default() {
        let Some(name) = key.text() else { continue };
        let flows = reading.scalar(value, Some(name), false, place);
        handed.extend(flows.iter().cloned());
        with.push((name, value, flows));
    }
    let secrets = env.secrets();
    if !handed.is_empty() || !secrets.is_empty() {
        doors::debugged(reading, step.node, context);
    }
    let mut on = Vec::new();
    if let Some(uses) = step.uses {
        if let Some(local) = uses.0.strip_prefix("./").map(|path| path.trim_end_matches('/')) {
            let path = if local.is_empty() { "action.yml".to_owned() } else { format!("{local}/action.yml") };
            reading.notes.includes(uses.0, Some(&path), uses.1);
        }
        doors::unpinned(reading, uses, &handed, &secrets, shared.token, context);
        doors::built(reading, uses.0, &with, context);
        before.kept.action(reading, uses, &with, context);
        on = fetched(reading, step, &with);
    }
    for one in doors::script(reading, step, &before.kept, place) {
        on.extend(exported(&one, reading.yaml.source()).map(|what| (what, one.name.clone())));
        before.kept.file(one, step.folder);
    }
    before.take(step, on)
}

//! Jobs, commands and steps of CircleCI. Source: <https://circleci.com/docs/reference/configuration-reference/#steps>.

use std::sync::Arc;

use crate::model::usage::{Context, Door, Span, Store};
use crate::model::{Confidence, Untrusted};
use crate::uses::label::label;
use crate::uses::notes::Env;
use crate::uses::pen::{Pieces, free};
use crate::uses::shell::again::read_again;
use crate::uses::shell::{Written, dollars, is_traced, references};
use crate::uses::yaml::{Node, reach};

use super::template::{Template, fill, is_of_strangers, name_of, number_of};
use super::{Visit, store};

/// How many commands may call each other.
const CALLS: usize = 8;

/// How many parameters with secrets are told apart, and how many secrets in each.
const GIVEN: usize = 64;

/// What steps see and leave behind.
struct Frame {
    env: Env,
    /// Parameters that are names of variables: the parameter and the variable.
    names: Vec<(String, String)>,
    /// Parameters that are given values with secrets in them.
    given: Vec<(String, Vec<Untrusted>)>,
    traced: bool,
    depth: usize,
    written: Vec<Written<Untrusted>>,
    kept: Vec<String>,
}

impl Frame {
    fn new(env: Env, traced: bool) -> Self {
        let (names, given, written, kept) = <_>::default();
        Self { env, names, given, traced, depth: 0, written, kept }
    }

    /// The secrets in a parameter.
    fn of(&self, parameter: &str) -> Option<&[Untrusted]> {
        self.given.iter().find(|(name, _)| name == parameter).map(|(_, secrets)| secrets.as_slice())
    }

    /// The secrets in a value that a parameter is given here.
    fn secrets(&self, value: Node<'_>) -> Vec<Untrusted> {
        let mut all: Vec<Untrusted> = Vec::new();
        for (text, _) in value.each().into_iter().filter_map(Node::raw) {
            all.extend(dollars(text, 0).into_iter().flat_map(|(name, _)| free(&store, name)).take(GIVEN));
            let passed = if text.contains("<<") { fill(text).1 } else { Vec::new() };
            all.extend(passed.iter().filter_map(|template| self.of(&template.inner)).flatten().take(GIVEN).cloned());
        }
        all.truncate(GIVEN);
        all
    }
}

impl<'y> Visit<'y, '_> {
    /// A job; `given` is what a workflow says of it.
    pub(super) fn job(&mut self, job: Node<'y>, given: Option<Node<'y>>, context: &Arc<Context>) {
        self.own = None;
        let mut env = Env::default();
        let executor = job.get("executor").and_then(|one| one.text().or_else(|| one.word("name")));
        let executor = executor.and_then(|name| self.executors.get(name).copied());
        let mut traced = false;
        for node in executor.into_iter().chain([job]) {
            traced = node.word("shell").map_or(traced, is_traced);
            for image in node.get("docker").map(Node::items).unwrap_or_default() {
                let action = image.word("image").map(Untrusted::from);
                let context = self.pen.context(Context { action, ..(**context).clone() });
                for key in ["image", "auth", "aws_auth", "command", "entrypoint"] {
                    image.get(key).into_iter().for_each(|node| self.values(node, None, &context));
                }
                self.environment(image, &mut env, &context);
            }
            self.environment(node, &mut env, context);
        }
        let mut frame = Frame::new(env, traced);
        let outer = Frame::new(Env::default(), false);
        self.parameters(job, given, &mut frame, &outer, context);
        if let Some(steps) = job.get("steps") {
            self.steps(steps, &mut frame, context);
        }
        self.keep(&frame, context);
    }

    /// Steps that stand beside a job.
    pub(super) fn steps_alone(&mut self, steps: Node<'y>, context: &Arc<Context>) {
        let mut frame = Frame::new(Env::default(), false);
        self.steps(steps, &mut frame, context);
        self.keep(&frame, context);
    }

    /// A command that no job calls.
    pub(super) fn command_alone(&mut self, command: Node<'y>, context: &Arc<Context>) {
        let mut frame = Frame::new(Env::default(), false);
        let outer = Frame::new(Env::default(), false);
        self.parameters(command, None, &mut frame, &outer, context);
        if let Some(steps) = command.get("steps") {
            self.steps(steps, &mut frame, context);
        }
        self.keep(&frame, context);
    }

    /// Variables that a job or step sets. What stands there is taken as it is, dollars and all.
    fn environment(&mut self, node: Node<'y>, env: &mut Env, context: &Arc<Context>) {
        let Some(all) = node.get("environment") else { return };
        self.values(all, Some(Confidence::Low), context);
        for one in all.each() {
            for (name, _) in one.entries() {
                env.set(name.text().unwrap_or_default(), Vec::new());
            }
            if let Some((name, _)) = one.text().and_then(|text| text.split_once('=')) {
                env.set(name, Vec::new());
            }
        }
    }

    /// Parameters that are names of variables, or hold secrets. `outer` is where their values stand.
    fn parameters(
        &mut self,
        node: Node<'y>,
        given: Option<Node<'y>>,
        frame: &mut Frame,
        outer: &Frame,
        context: &Arc<Context>,
    ) {
        for (key, parameter) in node.get("parameters").map(Node::entries).unwrap_or_default() {
            let Some(name) = key.text() else { continue };
            let in_matrix = || given?.path(&["matrix", "parameters", name]);
            let given = given.and_then(|given| given.get(name)).or_else(in_matrix);
            let default = parameter.get("default");
            if parameter.word("type") != Some("env_var_name") {
                let secrets = given.or(default).map(|value| outer.secrets(value)).unwrap_or_default();
                if !secrets.is_empty() && frame.given.len() < GIVEN {
                    frame.given.push((format!("parameters.{name}"), secrets));
                }
                continue;
            }
            let Some(variable) = given.or(default).filter(|node| node.text().is_some_and(|text| !text.contains("<<")))
            else {
                continue;
            };
            let text = variable.text().unwrap_or_default();
            if given.is_none()
                && let Some(store) = store(text)
            {
                self.pen.uses(text, store, Some(name), variable.span(), context);
            }
            frame.names.push((format!("parameters.{name}"), text.to_owned()));
        }
    }

    fn steps(&mut self, steps: Node<'y>, frame: &mut Frame, context: &Arc<Context>) {
        for step in steps.items() {
            if let Some(name) = step.text() {
                self.step(name, step, None, frame, context);
            }
            for (key, value) in step.entries() {
                self.step(key.text().unwrap_or_default(), key, Some(value), frame, context);
            }
        }
    }

    fn step(&mut self, name: &str, key: Node<'y>, value: Option<Node<'y>>, frame: &mut Frame, context: &Arc<Context>) {
        let said = value.and_then(|value| value.word("name"));
        let ran = value.filter(|_| name == "run").and_then(|value| value.text().or_else(|| value.word("command")));
        let title = label(said.or(ran).unwrap_or(name));
        let here = self.pen.context(Context { step: Some(title), ..(**context).clone() });
        if name != "when" && name != "unless" {
            self.pen.scope(value.map_or(key.span(), |value| reach(key, value)), &here);
        }
        match (name, value) {
            ("run", Some(value)) => self.run(value, frame, &here),
            ("when" | "unless", Some(value)) => {
                value.get("steps").into_iter().for_each(|steps| self.steps(steps, frame, context))
            }
            ("store_artifacts", Some(value)) => frame.kept.extend(value.word("path").map(inside)),
            ("persist_to_workspace", Some(value)) => {
                let root = value.word("root").map(inside).unwrap_or_default();
                let paths = value.get("paths").map(Node::each).unwrap_or_default();
                frame.kept.extend(paths.into_iter().filter_map(Node::text).map(|path| join(&root, path)));
            }
            ("save_cache" | "restore_cache", Some(value)) => {
                if name == "save_cache" {
                    let paths = value.get("paths").map(Node::each).unwrap_or_default();
                    frame.kept.extend(paths.into_iter().filter_map(Node::text).map(inside));
                }
                self.cache_key(value, &here);
            }
            ("add_ssh_keys", Some(value)) => {
                for key in value.get("fingerprints").map(Node::items).unwrap_or_default() {
                    if let Some(text) = key.text().filter(|text| !text.contains("<<")) {
                        self.pen.uses(text, Store::Secret, None, key.span(), &here);
                    }
                }
            }
            _ => self.called(name, value, frame, context, &here),
        }
    }

    /// A command of the file or of an orb.
    fn called(
        &mut self,
        name: &str,
        value: Option<Node<'y>>,
        frame: &mut Frame,
        context: &Arc<Context>,
        here: &Arc<Context>,
    ) {
        let command = self.commands.get(name).copied();
        let given = value.map(Node::entries).unwrap_or_default();
        if command.is_none() && self.orb(name).is_none() {
            return;
        }
        self.given(name, &given, command.and_then(|(_, command)| command.get("parameters")), here);
        for (_, steps) in given.iter().filter(|(_, value)| value.is_sequence()) {
            self.steps(*steps, frame, context);
        }
        let Some((_, command)) = command.filter(|_| frame.depth < CALLS) else { return };
        let mut outer = Frame::new(Env::default(), false);
        std::mem::swap(&mut outer.names, &mut frame.names);
        std::mem::swap(&mut outer.given, &mut frame.given);
        frame.depth += 1;
        self.parameters(command, value, frame, &outer, here);
        if let Some(steps) = command.get("steps") {
            self.steps(steps, frame, context);
        }
        frame.depth -= 1;
        (frame.names, frame.given) = (outer.names, outer.given);
    }

    fn run(&mut self, value: Node<'y>, frame: &mut Frame, context: &Arc<Context>) {
        let mut env = frame.env.clone();
        self.environment(value, &mut env, context);
        let traced = value.word("shell").map_or(frame.traced, is_traced);
        let Some(command) = value.get("command").or(value.text().map(|_| value)) else { return };
        let mut lines = Pieces::default();
        lines.push(command, context);
        let (text, templates) = fill(lines.text());
        lines.lines.change(text);
        for template in &templates {
            let variable = frame.names.iter().find(|(name, _)| *name == template.inner).map(|(_, variable)| variable);
            let secrets = variable.map(|variable| free(&store, variable)).unwrap_or_default();
            env.set(&name_of(&template.inner, template.span.len()), secrets);
        }
        let mut named = dollars(lines.text(), 0).into_iter().filter(|(name, _)| env.get(name).is_none());
        self.own = self.own.take().or_else(|| named.find_map(|(name, _)| free(&store, name).into_iter().next()));
        let template = |text: &str| frame.of(templates.get(number_of(text)?)?.inner.as_str());
        let template = |text: &str| template(text).map(<[_]>::to_vec).unwrap_or_default();
        let written = self.examine(&lines, &env, traced, &template);
        frame.written.extend(written);
        self.injected(&lines, &templates, context);
        // What is written to that file is read by every shell after this one.
        if lines.text().contains("BASH_ENV") {
            for line in lines.text().lines() {
                let name = line
                    .split_once('=')
                    .and_then(|(before, _)| before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next());
                if let Some(name) = name.filter(|name| !name.is_empty()) {
                    frame.env.set(name, free(&store, name));
                }
            }
        }
    }

    /// Text of strangers that is part of a script before the shell sees it, or that the shell reads a second time.
    fn injected(&mut self, lines: &Pieces<'_>, templates: &[Template], context: &Arc<Context>) {
        let has_secrets = self.around().is_some();
        let again = read_again(lines.text());
        let (mut templates, mut all) = (templates.to_vec(), Vec::new());
        templates.retain(|template| is_of_strangers(&template.inner));
        all.extend(templates.into_iter().map(|template| template.span));
        if !again.is_empty() {
            let of_strangers =
                |text: &str| matches!(text, "CIRCLE_BRANCH" | "CIRCLE_PR_USERNAME" | "CIRCLE_PR_REPONAME");
            let read = references(lines.script(false)).into_iter().filter(|one| one.expands && of_strangers(one.text));
            all.extend(read.map(|one| one.span).filter(|span| again.iter().any(|one| one.code.contains(&span.start))));
        }
        for span in all.into_iter().filter(|_| has_secrets) {
            self.pen.exposes(Door::Injected, None, lines.place(span), context, Confidence::Medium);
        }
    }

    /// `{{ .Environment.NAME }}` in the key of a cache.
    fn cache_key(&mut self, value: Node<'y>, context: &Arc<Context>) {
        for node in ["key", "keys"].iter().filter_map(|key| value.get(key)).flat_map(Node::each) {
            let Some((raw, base)) = node.raw() else { continue };
            for (at, word) in raw.match_indices(".Environment.") {
                let start = at + word.len();
                let rest = raw.get(start..).unwrap_or_default();
                let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
                let name = rest.get(..length).unwrap_or_default();
                if let Some(store) = store(name).filter(|_| length > 0) {
                    let span = Span { start: base + start, end: base + start + length };
                    self.pen.uses(name, store, None, span, context);
                }
            }
        }
    }

    fn keep(&mut self, frame: &Frame, context: &Arc<Context>) {
        let written = frame.written.iter().map(|one| Written { path: inside(&one.path), ..one.clone() });
        // A whole folder is the one of the project: what is beside it is not in there.
        let written: Vec<_> =
            written.filter(|one| !is_beside(&one.path) || frame.kept.iter().any(|path| is_beside(path))).collect();
        let kept: Vec<&str> = frame.kept.iter().map(String::as_str).collect();
        self.pen.keeps(&written, &kept, &[], context);
    }
}

fn is_beside(path: &str) -> bool {
    path.starts_with(['/', '~', '$'])
}

/// A path as it is below the folder of the project.
fn inside(path: &str) -> String {
    let path = path.trim();
    let below = ["~/project", "$CIRCLE_WORKING_DIRECTORY", "${CIRCLE_WORKING_DIRECTORY}"]
        .iter()
        .find_map(|start| path.strip_prefix(start));
    let path = match (below, path.strip_prefix("$HOME/").or_else(|| path.strip_prefix("${HOME}/"))) {
        (Some(below), _) => below.trim_start_matches('/').to_owned(),
        (None, Some(home)) => format!("~/{home}"),
        (None, None) => path.strip_prefix("./").unwrap_or(path).to_owned(),
    };
    if path.is_empty() { ".".to_owned() } else { path }
}

fn join(root: &str, path: &str) -> String {
    let path = inside(path);
    match (root, path.as_str()) {
        ("" | ".", _) => path,
        (root, ".") => root.to_owned(),
        _ if is_beside(&path) => path,
        (root, path) => format!("{}/{path}", root.trim_end_matches('/')),
    }
}

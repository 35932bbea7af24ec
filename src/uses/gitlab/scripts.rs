//! Scripts of a job of GitLab, the files that it keeps, and the secrets that it loads.

use std::collections::HashSet;
use std::sync::Arc;

use crate::model::usage::{Context, Door, Span, Store};
use crate::model::{Confidence, Untrusted};
use crate::uses::pen::{Pieces, Sense, free};
use crate::uses::shell::again::read_again;
use crate::uses::shell::{Written, dollars, looks_secret, references};
use crate::uses::yaml::Node;

use super::job::{Job, Values};
use super::names::{is_of_strangers, store};
use super::{Scene, Visit};

/// Managers of secrets, each with the keys under which it has a secret's name.
const MANAGERS: &[(&str, &[&str])] = &[
    ("vault", &["path"]),
    ("azure_key_vault", &["name"]),
    ("gcp_secret_manager", &["name"]),
    ("aws_secrets_manager", &["secret_id"]),
    ("akeyless", &["name"]),
    ("gitlab_secrets_manager", &["name"]),
];

/// How many inputs are told apart, and how long what is filled in for one may be.
const INPUTS: usize = 256;
/// What begins an input, which is filled in before anything else.
pub(super) const INPUT: &str = "$[[";

/// The input that stands between these brackets: `inputs.name | expand_vars`.
pub(super) fn input(inner: &str) -> Option<Untrusted> {
    let name = inner.trim_start().strip_prefix("inputs.")?;
    let length = name.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
    name.get(..length).filter(|name| !name.is_empty()).map(Untrusted::from)
}

/// The inputs of a text whose names say that they are secret.
pub(super) fn inputs(text: &str) -> Vec<Untrusted> {
    let mut all: Vec<Untrusted> = Vec::new();
    for inner in text.split(INPUT).skip(1) {
        if all.len() >= INPUTS {
            break;
        }
        let is_secret = |name: &Untrusted| std::str::from_utf8(name.raw()).is_ok_and(looks_secret);
        all.extend(input(inner).filter(|name| is_secret(name) && !all.contains(name)));
    }
    all
}

/// What names a secret in its manager.
pub(super) fn path_of(secret: Node<'_>) -> Option<Node<'_>> {
    MANAGERS.iter().find_map(|(manager, keys)| {
        let found = secret.get(manager)?;
        if found.text().is_some() { Some(found) } else { keys.iter().find_map(|key| found.get(key)) }
    })
}

impl<'y> Visit<'y, '_, '_> {
    /// Secrets that a job loads from a manager.
    pub(super) fn stored(&mut self, job: &Job<'y, '_>, scene: &Scene<'y>) {
        for (variable, secret) in job.layers("secrets").into_iter().flat_map(Node::entries) {
            if let Some(path) = path_of(secret)
                && let Some(text) = path.text()
            {
                self.pen.uses(text, Store::Manager, variable.text(), path.span(), &scene.context);
            }
        }
    }

    /// A list of commands that no job is: others refer to it.
    pub(super) fn loose(&mut self, node: Node<'y>, context: &Arc<Context>) {
        let lines = self.lines(&[node], context);
        let values = Values::default();
        let env = self.document.get("variables").map(|all| self.document.variables(all)).unwrap_or_default();
        let mut known = values;
        env.into_iter().for_each(|one| known.set(one));
        let env = known.env(&|name| free(&store, name));
        let scene = Scene { values: known, env, context: Arc::clone(context), named: HashSet::new() };
        self.script(&lines, &scene);
    }

    fn lines(&self, nodes: &[Node<'y>], context: &Arc<Context>) -> Pieces<'y> {
        let mut lines = Pieces::default();
        for command in nodes.iter().flat_map(|node| self.document.commands(*node)) {
            lines.push(command, context);
        }
        lines
    }

    /// The scripts of a job, and what it keeps of the files that they write.
    pub(super) fn scripts(&mut self, job: &Job<'y, '_>, scene: &mut Scene<'y>) {
        let mut written = Vec::new();
        let hook = job.get("hooks").and_then(|hooks| hooks.get("pre_get_sources_script"));
        let step = |run: Node<'y>| run.get("script");
        let run = job.own("run").map(Node::items).unwrap_or_default().into_iter().filter_map(step).collect();
        // The first two are one script, with one shell.
        let both: Vec<_> = ["before_script", "script"].iter().filter_map(|key| Some((*key, job.get(key)?))).collect();
        let after = job.get("after_script").map(|node| ("after_script", node));
        let named = |name, nodes: Vec<Node<'y>>| nodes.into_iter().map(|node| (name, node)).collect::<Vec<_>>();
        for part in [named("hooks", hook.into_iter().collect()), named("run", run), both, after.into_iter().collect()] {
            let mut lines = Pieces::default();
            for (name, node) in part {
                let context = self.step(&scene.context, name);
                for command in self.document.commands(node) {
                    lines.push(command, &context);
                    scene
                        .named
                        .extend(dollars(command.text().unwrap_or_default(), 0).into_iter().map(|(name, _)| name));
                }
            }
            if !lines.text().is_empty() {
                written.extend(self.script(&lines, scene));
            }
        }
        self.kept(job, written, &scene.context);
        // Lists that a template has for others to refer to.
        let is_list = |key: &&str| !super::NO_VALUES.contains(key) && !KEYS.contains(key);
        for key in job.keys().into_iter().filter(is_list) {
            if let Some(list) =
                job.own(key).filter(|node| node.is_sequence() || node.text().is_some_and(|text| text.contains('\n')))
            {
                self.loose(list, &scene.context);
            }
        }
    }

    fn script(&mut self, lines: &Pieces<'_>, scene: &Scene<'y>) -> Vec<Written<Untrusted>> {
        let filled = self.with_inputs(lines);
        let template = |text: &str| input(text).filter(|name| self.inputs.contains(name)).into_iter().collect();
        let sense = Sense {
            known: &scene.env,
            around: self.around.as_ref(),
            store: &store,
            traced: false,
            template: &template,
            unsure: &self.inputs,
        };
        let written = self.pen.script(filled.as_ref().unwrap_or(lines), &sense);
        self.injected(lines, scene);
        written
    }

    /// A script with a template where an input is filled in (`$[[ inputs.name ]]`), byte for byte; `None` where it has none.
    fn with_inputs<'l>(&self, lines: &Pieces<'l>) -> Option<Pieces<'l>> {
        if self.inputs.is_empty() || !lines.text().contains(INPUT) {
            return None;
        }
        let mut filled = lines.clone();
        let mut text = lines.text().to_owned();
        let starts: Vec<usize> = lines.text().match_indices(INPUT).map(|(at, _)| at).collect();
        for start in starts {
            let rest = lines.text().as_bytes().get(start..).unwrap_or_default();
            let near = rest.get(..INPUTS).unwrap_or(rest).split(|b| *b == b'\n').next().unwrap_or_default();
            if let Some(end) = near.windows(2).position(|two| two == b"]]") {
                text.replace_range(start..start + INPUT.len(), "${{");
                text.replace_range(start + end..start + end + 2, "}}");
            }
        }
        filled.lines.change(text);
        Some(filled)
    }

    /// Text of strangers in what a shell reads a second time.
    fn injected(&mut self, lines: &Pieces<'_>, scene: &Scene<'y>) {
        let again = read_again(lines.text());
        let has_secrets = self.around.is_some()
            || !scene.env.secrets().is_empty()
            || dollars(lines.text(), 0).iter().any(|(name, _)| !free(&store, name).is_empty());
        if again.is_empty() || !has_secrets {
            return;
        }
        let all = references(lines.script(false));
        let of_strangers = all
            .iter()
            .filter(|one| one.expands && !one.is_template && scene.values.is_of_strangers(one.text, &is_of_strangers));
        for one in of_strangers {
            let Some(command) = again.iter().find(|again| again.code.contains(&one.span.start)) else { continue };
            let span = lines.place(Span { start: command.command.start, end: command.command.end });
            if let Some(context) = lines.context(one.span.start) {
                self.pen.exposes(Door::Injected, None, span, context, Confidence::Medium);
            }
        }
    }

    /// Files with secrets in artifacts, reports and caches.
    fn kept(&mut self, job: &Job<'y, '_>, written: Vec<Written<Untrusted>>, context: &Arc<Context>) {
        if written.is_empty() {
            return;
        }
        let layered = |key: &str, inner: &str| {
            let own = job.layers(key).into_iter().find_map(|layer| layer.get(inner));
            own.or_else(|| job.get(key)?.get(inner))
        };
        let mut paths = Vec::new();
        let texts = |node: Option<Node<'y>>| {
            node.map(Node::each).unwrap_or_default().into_iter().filter_map(Node::text).map(inside)
        };
        if layered("artifacts", "access").and_then(Node::text) != Some("none") {
            paths.extend(texts(layered("artifacts", "paths")));
            paths.extend(
                layered("artifacts", "untracked").filter(|node| node.text() == Some("true")).map(|_| "**".to_owned()),
            );
            if let Some(reports) = layered("artifacts", "reports") {
                self.document.walk(reports, &mut Vec::new(), &mut |_, scalar| paths.extend(scalar.text().map(inside)));
            }
        }
        for cache in job.get("cache").map(Node::each).unwrap_or_default() {
            paths.extend(texts(cache.get("paths")));
            paths.extend(cache.get("untracked").filter(|node| node.text() == Some("true")).map(|_| "**".to_owned()));
        }
        if let Some(pages) = job.own("pages").filter(|pages| pages.text() != Some("false")) {
            paths.push(pages.word("publish").map_or_else(|| "public".to_owned(), inside));
        }
        let excluded: Vec<String> = texts(layered("artifacts", "exclude")).collect();
        let written: Vec<_> = written
            .into_iter()
            .map(|one| Written { path: inside(&one.path), ..one })
            .filter(|one| is_within(&one.path, &paths))
            .collect();
        let (paths, excluded): (Vec<&str>, Vec<&str>) =
            (paths.iter().map(String::as_str).collect(), excluded.iter().map(String::as_str).collect());
        self.pen.keeps(&written, &paths, &excluded, context);
    }

    /// Learns which variables jobs hand on by reports of `dotenv`: `echo "VERSION=1" >> build.env`.
    pub(super) fn hand_on(&mut self, parts: &[(Node<'y>, Node<'y>)]) {
        for (_, value) in parts {
            let job = self.document.job(*value);
            let report = job.layers("artifacts").into_iter().find_map(|layer| layer.path(&["reports", "dotenv"]));
            let file = report.map(Node::each).unwrap_or_default().first().and_then(|node| node.text());
            let Some(file) = file.and_then(|path| path.rsplit('/').next()).filter(|file| !file.is_empty()) else {
                continue;
            };
            let scripts = ["before_script", "script", "after_script"].iter().filter_map(|key| job.get(key));
            for command in scripts.flat_map(|node| self.document.commands(node)) {
                let text = command.text().unwrap_or_default();
                for line in
                    text.lines().filter(|line| line.contains(file) || text.contains(file) && is_assignment(line))
                {
                    // What is handed on under its own name is still a variable of the project.
                    let itself: HashSet<&str> = dollars(line, 0).into_iter().map(|(name, _)| name).collect();
                    self.handed_on.extend(set_in(line).filter(|name| !itself.contains(name)).map(str::to_owned));
                }
            }
        }
    }
}

/// Whether a line is `NAME=value`, as in a document that is written to a file.
fn is_assignment(line: &str) -> bool {
    let name = line.split_once('=').map_or("", |(name, _)| name.trim_start());
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Names before `=` in a script.
fn set_in(text: &str) -> impl Iterator<Item = &str> {
    let pieces = text.split('=').take(text.matches('=').count());
    pieces.filter_map(|piece| {
        let name = piece.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
        (!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())).then_some(name)
    })
}

/// Keys of a job that are no lists of commands.
const KEYS: &[&str] = &[
    "allow_failure",
    "artifacts",
    "cache",
    "coverage",
    "dast_configuration",
    "dependencies",
    "description",
    "environment",
    "except",
    "id_tokens",
    "identity",
    "image",
    "inputs",
    "interruptible",
    "manual_confirmation",
    "needs",
    "only",
    "pages",
    "parallel",
    "release",
    "resource_group",
    "retry",
    "rules",
    "secrets",
    "services",
    "stage",
    "start_in",
    "tags",
    "timeout",
    "trigger",
    "when",
];

/// A path as it is below the folder of the project.
fn inside(path: &str) -> String {
    let path = path.trim();
    let below = ["$CI_PROJECT_DIR", "${CI_PROJECT_DIR}"]
        .iter()
        .find_map(|start| path.strip_prefix(start))
        .map(|rest| rest.trim_start_matches('/'));
    let path = below.unwrap_or(path);
    let path = path.strip_prefix("./").unwrap_or(path);
    if path.is_empty() { ".".to_owned() } else { path.to_owned() }
}

/// Whether a file may be below the folder of the project, or a pattern begins as it does.
fn is_within(path: &str, patterns: &[String]) -> bool {
    let outside = path.starts_with(['/', '~', '$']) || path.starts_with("..");
    !outside || patterns.iter().any(|pattern| pattern.chars().next() == path.chars().next())
}

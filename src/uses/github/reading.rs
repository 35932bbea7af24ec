//! What a workflow or action says while it is read: scalars with expressions, and the secrets in their values.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::expression::{Access, Expression, Found, Part, expressions, templates};
use crate::model::usage::{Context, Door, Span, Store, System, Unread, Uses};
use crate::model::{Confidence, Untrusted};
use crate::uses::budget::Budget;
use crate::uses::notes::{Env, Notes};
use crate::uses::yaml::{Node, Yaml};

/// How many bytes are looked at, counted again wherever they are used.
const MOST: usize = 16 << 20;
/// What writing down one thing costs beside them.
pub(super) const COST: usize = 128;
/// Stands for every secret.
pub(super) const EVERY: &str = "*";
/// The token that each job has.
pub(super) const TOKEN: &str = "GITHUB_TOKEN";

/// Where something stands, and what the names there mean.
#[derive(Clone, Copy)]
pub(super) struct Place<'p, 'y> {
    pub(super) context: &'p Arc<Context>,
    /// Variables of the environment.
    pub(super) env: &'p Env,
    /// Inputs of an action.
    pub(super) inputs: &'p Env,
    /// Outputs of the steps before: `step.output`.
    pub(super) outputs: &'p Env,
    /// What the job is repeated for.
    pub(super) matrix: Option<Node<'y>>,
}

/// A secret in a value, and the reference that puts it there.
pub(super) type Flow = (Untrusted, Span);

/// What a reference stands for.
enum Named {
    Kept(Untrusted, Store),
    /// It has it among others, and hardly anybody reads it there.
    Beside(&'static str),
    Every,
    /// A secret, but which is not known.
    Some,
}

/// A file while it is read.
pub(super) struct Reading<'y> {
    pub(super) notes: Notes,
    pub(super) yaml: &'y Yaml<'y>,
    /// Secrets that the job has so far.
    pub(super) reach: BTreeSet<Untrusted>,
    /// Those that are no secrets of GitHub: a manager has them, or whoever calls.
    pub(super) elsewhere: BTreeSet<Untrusted>,
    budget: Budget,
}

impl<'y> Reading<'y> {
    pub(super) fn new(yaml: &'y Yaml<'y>) -> Self {
        let notes = Notes::new(System::GithubActions);
        let (reach, elsewhere) = <_>::default();
        Self { notes, yaml, reach, elsewhere, budget: Budget::new(MOST) }
    }

    /// Pays for what is looked at; `false` where there is nothing left.
    pub(super) fn pays(&mut self, bytes: usize) -> bool {
        self.budget.pays(bytes)
    }

    /// What was read.
    pub(super) fn done(mut self) -> Uses {
        self.notes.unread(self.yaml.unread().into_iter().chain(self.budget.unread()));
        let source = self.yaml.source();
        let mut uses = self.notes.done();
        // What asks the runner to hide a value is no leak of it.
        uses.exposures.retain(|one| {
            let text = source.get(one.span.start..one.span.end).unwrap_or_default();
            one.door != Door::Printed
                || !["::add-mask::", "::set-output", "::save-state"].iter().any(|mark| text.contains(mark))
        });
        for one in &mut uses.exposures {
            one.name = one.name.take().filter(|name| name.raw() != EVERY.as_bytes());
        }
        uses.sort();
        uses
    }

    /// The expressions of a scalar; `bare` where it is one without braces.
    pub(super) fn expressions(&mut self, node: Node<'_>, bare: bool) -> Vec<Expression> {
        let Some((text, base)) = node.raw() else { return Vec::new() };
        if !self.pays(text.len() + 1) {
            return Vec::new();
        }
        let doubled = node.quote() == Some(b'\'');
        if bare && !text.contains("${{") {
            return expressions(text, base, doubled);
        }
        templates(text, base, doubled)
    }

    /// Writes down what a scalar refers to, and gives back the secrets in its value.
    pub(super) fn scalar(
        &mut self,
        node: Node<'_>,
        variable: Option<&str>,
        bare: bool,
        place: Place<'_, '_>,
    ) -> Vec<Flow> {
        let mut flows = Vec::new();
        for expression in self.expressions(node, bare) {
            for found in expression.found() {
                for named in named(&found, place) {
                    if !self.pays(COST) {
                        return flows;
                    }
                    flows.extend(self.reference(&found, named, variable, place).filter(|_| found.flows));
                }
            }
        }
        self.reach.extend(flows.iter().map(|(name, _)| name.clone()));
        flows
    }

    /// Writes down a reference; the secret, where it is one.
    fn reference(
        &mut self,
        found: &Found<'_>,
        named: Named,
        variable: Option<&str>,
        place: Place<'_, '_>,
    ) -> Option<Flow> {
        let (span, context) = (found.access.span, place.context);
        match named {
            Named::Kept(name, store) => {
                let text = std::str::from_utf8(name.raw()).unwrap_or_default();
                if text != EVERY && !self.elsewhere.contains(&name) {
                    self.notes.uses(text, store, variable, span, context);
                }
                (store == Store::Secret).then_some((name, span))
            }
            Named::Beside(name) => {
                self.notes.uses_surely(name, Store::Secret, variable, span, context, Confidence::Low);
                None
            }
            Named::Every if !found.flows => None,
            Named::Every => {
                self.notes.exposes(Door::InheritedWhole, None, span, context, Confidence::High);
                Some((EVERY.into(), span))
            }
            Named::Some => {
                let why = "a secret is named by an expression: which one it is is not known".to_owned();
                self.notes.unread([Unread { at: span.start, kind: None, why }]);
                None
            }
        }
    }

    /// Writes down what stands in every scalar of a part.
    pub(super) fn part(&mut self, node: Node<'y>, place: Place<'_, 'y>) {
        node.scalars(&mut |keys, scalar| {
            self.scalar(scalar, variable(keys), keys == ["if"], place);
        });
    }

    /// Writes down what a key and all below it refer to.
    pub(super) fn part_of(&mut self, key: Node<'y>, value: Node<'y>, place: Place<'_, 'y>) {
        match key.text() {
            Some("if") => self.scalar_of(Some(value), place),
            Some("with") => drop(self.variables(Some(value), &mut Env::default(), place.context, place)),
            Some("credentials" | "env" | "secrets") => {
                drop(self.variables(Some(value), &mut Env::default(), place.context, place))
            }
            _ => self.part(value, place),
        }
    }

    /// Writes down what a condition refers to.
    fn scalar_of(&mut self, node: Option<Node<'y>>, place: Place<'_, 'y>) {
        if let Some(node) = node {
            self.scalar(node, None, true, place);
        }
    }

    /// Writes down what a mapping of variables refers to, and sets them.
    pub(super) fn variables(
        &mut self,
        node: Option<Node<'y>>,
        env: &mut Env,
        context: &Arc<Context>,
        outer: Place<'_, 'y>,
    ) -> Vec<Flow> {
        let mut all = Vec::new();
        for (key, value) in node.map(Node::entries).unwrap_or_default() {
            let Some(name) = key.text() else { continue };
            let flows = self.scalar(value, Some(name), false, Place { context, ..outer });
            // What `op` fills in.
            if let Some(address) = value.text().filter(|text| text.starts_with("op://") && flows.is_empty()) {
                self.notes.uses(address, Store::Manager, Some(name), value.span(), context);
            }
            let secrets = flows.iter().map(|(name, _)| name.clone()).collect();
            env.set(name, secrets);
            all.extend(flows);
        }
        all
    }

    /// Writes down that a door is open.
    pub(super) fn exposes(
        &mut self,
        door: Door,
        name: &Untrusted,
        span: Span,
        context: &Arc<Context>,
        confidence: Confidence,
    ) {
        if self.pays(COST) {
            self.notes.exposes(door, Some(name.clone()), span, context, confidence);
        }
    }
}

/// The name under which a scalar is handed over.
fn variable<'k>(keys: &[&'k str]) -> Option<&'k str> {
    match keys {
        [.., "env" | "with" | "secrets" | "credentials", name] => Some(name),
        _ => None,
    }
}

/// The secrets in the value of a template, as it stands in a script.
pub(super) fn secrets_of(text: &str, place: Place<'_, '_>) -> Vec<Untrusted> {
    let all = expressions(text, 0, false);
    let flowing = all.iter().flat_map(Expression::found).filter(|found| found.flows);
    let secrets = flowing.flat_map(|found| named(&found, place)).filter_map(|named| match named {
        Named::Kept(name, Store::Secret) => Some(name),
        Named::Every => Some(EVERY.into()),
        _ => None,
    });
    secrets.collect()
}

/// What a reference stands for: nothing where it is of another kind.
fn named(found: &Found<'_>, place: Place<'_, '_>) -> Vec<Named> {
    let access = found.access;
    // Names of secrets have no case, and are kept in capitals.
    let kept = |name: &str, store| vec![Named::Kept(name.to_ascii_uppercase().as_str().into(), store)];
    let known = |all: Option<&[Untrusted]>| {
        all.unwrap_or_default().iter().map(|name| Named::Kept(name.clone(), Store::Secret)).collect()
    };
    let is = |context: &str| access.path.first().is_some_and(|part| part.is(context));
    match access.path.get(1) {
        None | Some(Part::Any) if is("secrets") => vec![Named::Every],
        None if is("github") && found.is_whole => vec![Named::Beside(TOKEN)],
        Some(Part::Name(name)) if is("secrets") => kept(name, Store::Secret),
        Some(Part::Name(name)) if is("vars") => kept(name, Store::Variable),
        Some(Part::Name(name)) if is("env") => known(place.env.get(name)),
        Some(Part::Name(name)) if is("inputs") => known(place.inputs.get(&name.to_ascii_lowercase())),
        Some(Part::Name(step)) if is("steps") => match access.path.get(2..) {
            Some([outputs, Part::Name(name)]) if outputs.is("outputs") && !place.outputs.is_empty() => {
                known(place.outputs.get(&output(step, name)))
            }
            _ => Vec::new(),
        },
        Some(_) if access.leads_to(&["github", "token"]) => kept(TOKEN, Store::Secret),
        Some(Part::Computed(inner)) if is("secrets") => match &**inner {
            Expression::Access(by) => repeated(by, place.matrix),
            _ => vec![Named::Some],
        },
        _ => Vec::new(),
    }
}

/// The name under which the output of a step is known here.
pub(super) fn output(step: &str, name: &str) -> String {
    format!("{step}.{name}").to_ascii_lowercase()
}

/// `secrets[matrix.token]`: each that the matrix names.
fn repeated(by: &Access, matrix: Option<Node<'_>>) -> Vec<Named> {
    let names: Option<Vec<&str>> =
        by.path.iter().map(|part| if let Part::Name(name) = part { Some(name.as_str()) } else { None }).collect();
    let (Some([first, key, rest @ ..]), Some(matrix)) = (names.as_deref(), matrix) else { return vec![Named::Some] };
    if !first.eq_ignore_ascii_case("matrix") {
        return vec![Named::Some];
    }
    let own = matrix.get(key).map(Node::each).unwrap_or_default();
    let included =
        matrix.get("include").map(Node::each).unwrap_or_default().into_iter().filter_map(|item| item.get(key));
    let texts = own.into_iter().chain(included).filter_map(|node| node.path(rest)?.text());
    let is_name =
        |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let all: BTreeSet<String> = texts.filter(is_name).map(str::to_ascii_uppercase).collect();
    if all.is_empty() {
        return vec![Named::Some];
    }
    all.iter().map(|name| Named::Kept(name.as_str().into(), Store::Secret)).collect()
}

/// Whether a name is the token that every job has.
pub(super) fn is_token(name: &Untrusted) -> bool {
    name.raw() == TOKEN.as_bytes()
}

//! Inputs of actions and of workflows that others call: who does is not known, and so names say which of them hold secrets.

use std::collections::BTreeSet;

use super::expression::{Access, Expression, Part};
use super::reading::Reading;
use super::workflow::Step;
use crate::model::usage::Door;
use crate::model::{Confidence, Untrusted};
use crate::uses::notes::{Env, looks_secret};
use crate::uses::yaml::Node;

/// Words before a name that make it a question.
const ASKING: &[&str] =
    &["use", "skip", "persist", "enable", "disable", "has", "is", "require", "no", "with", "mask", "check", "allow"];

/// What is known of inputs.
#[derive(Default)]
pub(super) struct Inputs<'y> {
    /// Those that hold secrets.
    pub(super) secret: Env,
    /// Those that may be any text.
    free: Vec<&'y str>,
}

/// The inputs that a part declares.
pub(super) fn inputs<'y>(reading: &mut Reading<'y>, node: Option<Node<'y>>) -> Inputs<'y> {
    let mut all = Inputs::default();
    for (key, input) in node.map(Node::entries).unwrap_or_default() {
        let Some(name) = key.text().filter(|_| reading.pays(1)) else { continue };
        let default = input.word("default").unwrap_or_default();
        let is_plain = matches!(default, "true" | "false")
            || default.parse::<i64>().is_ok()
            || matches!(input.word("type"), Some("boolean" | "number" | "choice" | "environment"));
        let first = name.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        if is_plain {
            continue;
        }
        if looks_secret(name) && !ASKING.contains(&first.as_str()) {
            let secret = Untrusted::from(name);
            all.secret.set(&name.to_ascii_lowercase(), vec![secret.clone()]);
            reading.elsewhere.insert(secret);
        } else {
            all.free.push(name);
        }
    }
    all
}

/// Text of whoever calls in scripts that have secrets: it may be that of a stranger.
pub(super) fn injected(
    reading: &mut Reading<'_>,
    steps: &[Step<'_>],
    secrets: &BTreeSet<Untrusted>,
    inputs: &Inputs<'_>,
) {
    if inputs.free.is_empty() || secrets.is_empty() {
        return;
    }
    let is_free = |access: &Access| match access.path.as_slice() {
        [first, Part::Name(name)] if first.is("inputs") => inputs.free.iter().any(|own| own.eq_ignore_ascii_case(name)),
        _ => false,
    };
    for step in steps {
        let Some(run) = step.run else { continue };
        let templates = reading.expressions(run, false);
        for found in templates.iter().flat_map(Expression::found).filter(|found| found.flows && is_free(found.access)) {
            if !reading.pays(secrets.len() + inputs.free.len()) {
                return;
            }
            for name in secrets {
                reading.exposes(Door::Injected, name, found.access.span, &step.context, Confidence::Low);
            }
        }
    }
}

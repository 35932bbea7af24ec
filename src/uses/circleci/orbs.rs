//! Orbs: packages of others that a pipeline of CircleCI hands secrets to. Source: <https://circleci.com/docs/orbs/use/orb-concepts/>.

use std::sync::Arc;

use crate::model::usage::{Context, Door};
use crate::model::{Confidence, Untrusted};
use crate::uses::notes::looks_secret;
use crate::uses::pen::free;
use crate::uses::script::Lines;
use crate::uses::shell::dollars;
use crate::uses::yaml::Node;

use super::{Visit, store};

/// Whether the version of an orb is a published one that stays what it is. What a template fills in is not known, and is not told.
fn is_pinned(orb: &str) -> bool {
    let Some((_, version)) = orb.rsplit_once('@') else { return true };
    let parts: Vec<&str> = version.split('.').collect();
    version.contains("<<")
        || (parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())))
}

impl<'y> Visit<'y, '_> {
    /// The orb that a command or job comes from.
    pub(super) fn orb(&self, name: &str) -> Option<Node<'y>> {
        let (orb, _) = name.split_once('/')?;
        self.orbs.get(orb).copied().filter(|node| node.text().is_some())
    }

    /// The context of what an orb does.
    pub(super) fn acting(&mut self, name: &str, context: &Arc<Context>) -> Arc<Context> {
        let Some(orb) = self.orb(name).and_then(Node::text) else { return Arc::clone(context) };
        let part = name.split_once('/').map_or("", |(_, part)| part);
        self.pen.context(Context { action: Some(format!("{orb}/{part}").as_str().into()), ..(**context).clone() })
    }

    /// What a command or job is given; `known` are its own parameters, where they are in the file.
    pub(super) fn given(
        &mut self,
        name: &str,
        given: &[(Node<'y>, Node<'y>)],
        known: Option<Node<'y>>,
        context: &Arc<Context>,
    ) {
        let context = self.acting(name, context);
        let orb = self.orb(name);
        let mut handed = Vec::new();
        for (key, value) in given {
            let variable = key.text().unwrap_or_default();
            let is_name = match known.and_then(|known| known.get(variable)) {
                Some(parameter) => parameter.word("type") == Some("env_var_name"),
                None => orb.is_some(),
            };
            for scalar in value.each() {
                handed.extend(self.value(variable, scalar, is_name, &context));
            }
            self.build_arguments(variable, *value, &context);
        }
        let Some(orb) = orb.filter(|orb| !is_pinned(orb.text().unwrap_or_default())) else { return };
        handed.extend(self.contexts.iter().cloned());
        handed.sort();
        handed.dedup();
        for secret in handed {
            self.pen.exposes(Door::Unpinned, Some(secret), orb.span(), &context, Confidence::Medium);
        }
    }

    /// A value that is handed over: it names variables by `$`, or is the name of one itself. Gives back the secrets in it.
    fn value(&mut self, variable: &str, node: Node<'y>, is_name: bool, context: &Arc<Context>) -> Vec<Untrusted> {
        let mut handed = Vec::new();
        let Some((raw, base)) = node.raw() else { return handed };
        for (name, span) in dollars(raw, base) {
            if let Some(store) = store(name) {
                self.pen.uses(name, store, Some(variable), span, context);
                handed.extend(free(&super::store, name));
            }
        }
        let is_word =
            raw.contains('_') && raw.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if is_name
            && is_word
            && let Some(store) = store(raw)
        {
            self.pen.uses(raw, store, Some(variable), node.span(), context);
            if looks_secret(raw) {
                handed.push(raw.into());
            }
        }
        handed
    }

    /// `extra_build_args: --build-arg TOKEN=$TOKEN`: orbs that build images put it behind their command.
    fn build_arguments(&mut self, variable: &str, value: Node<'y>, context: &Arc<Context>) {
        if !variable.contains("build") || !value.text().is_some_and(|text| text.contains("--build-arg")) {
            return;
        }
        let mut lines = Lines::default();
        lines.words("docker build ", value.span().start);
        lines.push(value);
        for one in &self.doors_of(&lines) {
            if one.door == Door::BuildArgument {
                self.pen.exposes(one.door, one.name.clone(), value.span(), context, one.confidence);
            }
        }
    }
}

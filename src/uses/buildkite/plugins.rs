//! Plugins of a step: the secrets that they are handed, and what they make of them.
//! Source: <https://buildkite.com/docs/pipelines/integrations/plugins/using>.

use std::sync::Arc;

use super::upload::{filled, later};
use super::{Reading, is_system, known};
use crate::model::usage::{Context, Door, Store};
use crate::model::{Confidence, Untrusted};
use crate::uses::handed::Handed;
use crate::uses::notes::looks_secret;
use crate::uses::yaml::Node;

impl Reading {
    /// Plugins, each by its name with its settings where it has some.
    pub(super) fn plugins(&mut self, node: Node<'_>, handed: &mut Handed, context: &Arc<Context>) {
        for (name, settings) in listed(node) {
            let text = name.text().unwrap_or_default();
            let Some(settings) = settings else { continue };
            let plugin = text.split('#').next().unwrap_or_default();
            let plugin = plugin.rsplit('/').next().unwrap_or_default().trim_end_matches("-buildkite-plugin");
            let inner = Arc::new(Context { action: Some(text.into()), ..(**context).clone() });
            self.settings(settings, handed, &inner);
            let is_native = plugin == "secrets";
            if is_native || plugin.contains("secret") || plugin.starts_with("aws-s") || plugin.contains("vault") {
                let store = if is_native { Store::Secret } else { Store::Manager };
                for key in ["variables", "env", "parameters", "secrets"] {
                    let Some(values) = settings.get(key) else { continue };
                    for (variable, value) in values.entries() {
                        let name = value.get("secret-id").unwrap_or(value);
                        self.secret(name, variable.text(), store, handed, &inner);
                    }
                    for item in values.each().into_iter().filter(|item| item.text().is_some() && key != "parameters") {
                        self.secret(item, item.text(), store, handed, &inner);
                    }
                }
            }
            if plugin.contains("docker") {
                self.builds(settings, handed, &inner);
                self.passes(settings, handed, &inner);
            }
        }
    }

    /// Secrets that a plugin makes arguments of a build.
    fn builds(&mut self, settings: Node<'_>, handed: &Handed, context: &Arc<Context>) {
        for item in ["args", "build-args"].into_iter().filter_map(|key| settings.get(key)).flat_map(Node::each) {
            let Some((raw, base)) = item.raw() else { continue };
            // `NAME=value`, or the name alone of a variable that has it.
            let mut names = used(raw, base, handed);
            let is_name = raw.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            names.extend(Some(raw).filter(|_| is_name).map(|raw| known(raw, handed)).unwrap_or_default());
            for name in names {
                self.notes.exposes(Door::BuildArgument, Some(name), item.span(), context, Confidence::Medium);
            }
        }
    }

    /// Variables that a container gets from the environment of the agent, by their names.
    fn passes(&mut self, settings: Node<'_>, handed: &Handed, context: &Arc<Context>) {
        for item in ["environment", "env"].into_iter().filter_map(|key| settings.get(key)).flat_map(Node::each) {
            let Some(name) = item.text().filter(|name| !name.is_empty() && !name.contains(['=', '$', ' '])) else {
                continue;
            };
            if handed.env.get(name).is_none() && !is_system(name) {
                let sure = if looks_secret(name) { Confidence::High } else { Confidence::Medium };
                self.notes.uses_surely(name, Store::Environment, None, item.span(), context, sure);
            }
        }
    }

    /// Plugins that are named by what can be moved, and run where secrets are: those in their settings, else those of the step.
    pub(super) fn unpinned(&mut self, node: Node<'_>, handed: &Handed, context: &Arc<Context>) {
        for (plugin, settings) in listed(node) {
            let mut names: Vec<Option<Untrusted>> =
                settings.map(|settings| named(settings, handed)).unwrap_or_default().into_iter().map(Some).collect();
            if names.is_empty() {
                names.extend(match handed.secrets.as_slice() {
                    [] => None,
                    [only] => Some(Some(only.clone())),
                    _ => Some(None),
                });
            }
            let text = plugin.text().unwrap_or_default();
            let version = text.split_once('#').map(|(_, version)| version).unwrap_or_default();
            let pinned = version.len() == 40 && version.bytes().all(|b| b.is_ascii_hexdigit());
            if pinned
                || text.starts_with('.')
                || text.starts_with('/')
                || text.starts_with("file:")
                || version.contains('$')
            {
                continue;
            }
            let official = !text.contains('/')
                || text.contains("github.com/buildkite-plugins/")
                || text.starts_with("buildkite-plugins/");
            let sure = if official { Confidence::Low } else { Confidence::Medium };
            let inner = Arc::new(Context { action: Some(text.into()), ..(**context).clone() });
            for name in names {
                self.notes.exposes(Door::Unpinned, name, plugin.span(), &inner, sure);
            }
        }
    }

    /// Variables in the settings of a plugin that are left for where it runs, and that the step is not handed.
    fn settings(&mut self, settings: Node<'_>, handed: &Handed, context: &Arc<Context>) {
        settings.scalars(&mut |keys, value| {
            let Some((raw, base)) = value.raw() else { return };
            let key = keys.iter().rev().find(|key| !key.is_empty()).copied();
            for (name, span) in later(raw, base) {
                if handed.env.get(name).is_none() && !is_system(name) {
                    let sure = if looks_secret(name) { Confidence::High } else { Confidence::Medium };
                    self.notes.uses_surely(name, Store::Environment, key, span, context, sure);
                }
            }
        });
    }
}

/// The secrets in the settings of a plugin.
fn named(settings: Node<'_>, handed: &Handed) -> Vec<Untrusted> {
    let mut all: Vec<Untrusted> = Vec::new();
    settings.scalars(&mut |_, value| {
        let Some((raw, base)) = value.raw() else { return };
        all.extend(used(raw, base, handed));
    });
    all.sort();
    all.dedup();
    all
}

/// The secrets of variables in a text, filled in now or later.
fn used(raw: &str, base: usize, handed: &Handed) -> Vec<Untrusted> {
    let names = later(raw, base).into_iter().chain(filled(raw, base));
    names.flat_map(|(name, _)| known(name, handed)).collect()
}

/// Plugins of a step, in a list or a mapping.
fn listed(node: Node<'_>) -> Vec<(Node<'_>, Option<Node<'_>>)> {
    let Some(plugins) = node.get("plugins") else { return Vec::new() };
    let mut all: Vec<(Node<'_>, Option<Node<'_>>)> = Vec::new();
    for item in plugins.each() {
        match item.text() {
            Some(_) => all.push((item, None)),
            None => all.extend(item.entries().into_iter().map(|(name, settings)| (name, Some(settings)))),
        }
    }
    all
}

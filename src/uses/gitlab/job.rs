//! A job of GitLab as it runs: what it says itself, what it extends, and the defaults. Source: <https://docs.gitlab.com/ci/yaml/>.

use std::collections::{HashMap, HashSet};

use crate::model::Untrusted;
use crate::uses::notes::Env;
use crate::uses::yaml::Node;

use super::names::filled;
use super::scripts::inputs;

/// How many jobs may extend each other in a row.
const EXTENDS: usize = 11;
/// How many templates of one job are read.
const TEMPLATES: usize = 64;
/// How many references may lead to each other, and how many lists may stand in each other.
pub(super) const NESTED: usize = 10;
/// Levels of a value.
const DEEPEST: usize = 24;

/// Keys of a file that are no jobs.
const GLOBAL: &[&str] = &[
    "default",
    "include",
    "stages",
    "types",
    "variables",
    "workflow",
    "spec",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
];
/// Keys that a job has from the defaults where it has none itself.
pub(super) const DEFAULTS: &[&str] = &[
    "after_script",
    "artifacts",
    "before_script",
    "cache",
    "hooks",
    "id_tokens",
    "identity",
    "image",
    "interruptible",
    "retry",
    "services",
    "tags",
    "timeout",
];

/// A document.
#[derive(Debug)]
pub(super) struct Document<'y> {
    pub(super) root: Node<'y>,
    keys: HashMap<&'y str, Node<'y>>,
}

/// A job, with everything that it is made of.
#[derive(Debug)]
pub(super) struct Job<'y, 'd> {
    document: &'d Document<'y>,
    /// Itself, then what it extends, nearest first.
    chain: Vec<Node<'y>>,
}

/// A variable that a file sets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variable<'y> {
    pub(super) name: &'y str,
    pub(super) value: Node<'y>,
    /// Whether variables in the value are filled in.
    pub(super) expands: bool,
}

impl<'y> Document<'y> {
    pub(super) fn new(root: Node<'y>) -> Self {
        let keys = root.entries().into_iter().rev().filter_map(|(key, value)| Some((key.text()?, value))).collect();
        Self { root, keys }
    }

    /// What may be jobs, templates or lists of commands.
    pub(super) fn parts(&self) -> Vec<(Node<'y>, Node<'y>)> {
        let is_part = |key: &Node<'_>| key.text().is_some_and(|key| !GLOBAL.contains(&key) && key != "<<");
        self.root.entries().into_iter().filter(|(key, _)| is_part(key)).collect()
    }

    pub(super) fn get(&self, key: &str) -> Option<Node<'y>> {
        self.keys.get(key).copied().map(|node| self.resolve(node))
    }

    pub(super) fn job(&self, own: Node<'y>) -> Job<'y, '_> {
        let mut chain = Vec::new();
        self.extend(own, &mut chain, 0);
        Job { document: self, chain }
    }

    fn extend(&self, node: Node<'y>, chain: &mut Vec<Node<'y>>, depth: usize) {
        let is_known = chain.iter().any(|one| one.span() == node.span());
        if is_known || depth > EXTENDS || chain.len() >= TEMPLATES || !node.is_mapping() {
            return;
        }
        chain.push(node);
        let Some(extends) = node.get("extends") else { return };
        // The last one of a list counts most.
        for name in extends.each().into_iter().rev() {
            if let Some(template) = name.text().and_then(|name| self.keys.get(name)) {
                self.extend(*template, chain, depth + 1);
            }
        }
    }

    /// What `!reference [job, key]` stands for; anything else is itself.
    pub(super) fn resolve(&self, node: Node<'y>) -> Node<'y> {
        let mut node = node;
        for _ in 0..NESTED {
            let found = match node.tag() {
                Some("reference") => self.referred(node),
                _ => None,
            };
            match found {
                Some(found) => node = found,
                None => break,
            }
        }
        node
    }

    fn referred(&self, node: Node<'y>) -> Option<Node<'y>> {
        let items = node.items();
        let mut keys = items.iter().map(|item| item.text());
        let first = *self.keys.get(keys.next()??)?;
        let Some(second) = keys.next() else { return Some(first) };
        let mut found = self.job(first).own(second?)?;
        for key in keys {
            found = found.get(key?)?;
        }
        Some(found)
    }

    /// The commands of a script: lists may stand in lists.
    pub(super) fn commands(&self, node: Node<'y>) -> Vec<Node<'y>> {
        let mut all = Vec::new();
        self.flatten(node, &mut all, 0);
        all
    }

    fn flatten(&self, node: Node<'y>, all: &mut Vec<Node<'y>>, depth: usize) {
        let node = self.resolve(node);
        if node.text().is_some() {
            all.push(node);
        } else if depth <= NESTED {
            node.items().into_iter().for_each(|item| self.flatten(item, all, depth + 1));
        }
    }

    /// Every scalar of a value, each with the keys that lead to it.
    pub(super) fn walk(&self, node: Node<'y>, keys: &mut Vec<&'y str>, f: &mut dyn FnMut(&[&'y str], Node<'y>)) {
        let node = self.resolve(node);
        if keys.len() > DEEPEST {
            return;
        }
        if node.text().is_some() {
            f(keys, node);
        }
        for item in node.items() {
            self.walk(item, keys, f);
        }
        for (key, value) in node.entries() {
            keys.push(key.text().unwrap_or_default());
            self.walk(value, keys, f);
            keys.pop();
        }
    }

    /// The variables of a mapping.
    pub(super) fn variables(&self, node: Node<'y>) -> Vec<Variable<'y>> {
        let node = self.resolve(node);
        let entries = node.entries().into_iter();
        entries
            .filter_map(|(key, value)| {
                let value = self.resolve(value);
                let expands = value.word("expand") != Some("false");
                let value = if value.is_mapping() { value.get("value").unwrap_or(value) } else { value };
                Some(Variable { name: key.text()?, value, expands })
            })
            .collect()
    }
}

impl<'y> Job<'y, '_> {
    /// A key that it has without the defaults.
    pub(super) fn own(&self, key: &str) -> Option<Node<'y>> {
        self.chain.iter().find_map(|node| node.get(key)).map(|node| self.document.resolve(node))
    }

    /// A key, by itself or from the defaults.
    pub(super) fn get(&self, key: &str) -> Option<Node<'y>> {
        let default = || {
            let inherits = DEFAULTS.contains(&key) && self.inherits("default", key);
            let found = inherits
                .then(|| self.document.get("default").and_then(|all| all.get(key)).or_else(|| self.document.get(key)));
            found.flatten().map(|node| self.document.resolve(node))
        };
        self.own(key).or_else(default)
    }

    /// Whether it takes something over from the defaults or the variables of the file.
    fn inherits(&self, what: &str, key: &str) -> bool {
        let Some(inherit) = self.own("inherit").and_then(|inherit| inherit.get(what)) else { return true };
        match inherit.text() {
            Some(text) => text != "false",
            None => inherit.items().iter().any(|item| item.text() == Some(key)),
        }
    }

    /// The keys that it has, by itself or from what it extends.
    pub(super) fn keys(&self) -> Vec<&'y str> {
        let all = self.chain.iter().flat_map(|node| node.entries()).filter_map(|(key, _)| key.text());
        let mut all: Vec<&str> = all.collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The parts of a key that are put together from everything that it is made of: mappings.
    pub(super) fn layers(&self, key: &str) -> Vec<Node<'y>> {
        self.chain.iter().filter_map(|node| node.get(key)).map(|node| self.document.resolve(node)).collect()
    }

    /// The variables that it sets itself, nearest first.
    pub(super) fn variables(&self) -> Vec<Variable<'y>> {
        let mut known = HashSet::new();
        let all = self.layers("variables").into_iter().flat_map(|layer| self.document.variables(layer));
        all.filter(|one| known.insert(one.name)).collect()
    }

    /// The variables that the file sets for it.
    pub(super) fn globals(&self) -> Vec<Variable<'y>> {
        let all = self.document.get("variables").map(|node| self.document.variables(node)).unwrap_or_default();
        all.into_iter().filter(|one| self.inherits("variables", one.name)).collect()
    }
}

/// The values of variables, and what is in them.
#[derive(Debug, Default)]
pub(super) struct Values<'y>(HashMap<&'y str, Variable<'y>>);

impl<'y> Values<'y> {
    /// Sets a variable where nothing nearer did.
    pub(super) fn set(&mut self, variable: Variable<'y>) {
        self.0.entry(variable.name).or_insert(variable);
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The secrets that are in each.
    pub(super) fn env(&self, free: &dyn Fn(&str) -> Vec<Untrusted>) -> Env {
        let mut env = Env::default();
        for name in self.0.keys() {
            self.fill(name, &mut env, free, 0);
        }
        env
    }

    fn fill(&self, name: &str, env: &mut Env, free: &dyn Fn(&str) -> Vec<Untrusted>, depth: usize) {
        if env.get(name).is_some() {
            return;
        }
        env.set(name, Vec::new());
        let mut secrets = Vec::new();
        let variable = self.0.get(name).filter(|variable| variable.expands);
        for (inner, _) in filled(variable.and_then(|variable| variable.value.text()).unwrap_or_default(), 0) {
            if inner == name || !self.has(inner) {
                secrets.extend(free(inner));
            } else if depth < NESTED {
                self.fill(inner, env, free, depth + 1);
                secrets.extend(env.get(inner).unwrap_or_default().iter().cloned());
            }
        }
        secrets.extend(inputs(variable.and_then(|variable| variable.value.text()).unwrap_or_default()));
        secrets.sort();
        secrets.dedup();
        env.set(name, secrets);
    }

    /// Whether strangers write what is in a variable.
    pub(super) fn is_of_strangers(&self, name: &str, of_system: &dyn Fn(&str) -> bool) -> bool {
        let value = self.0.get(name).filter(|variable| variable.expands).and_then(|variable| variable.value.text());
        value.map_or(of_system(name), |value| filled(value, 0).iter().any(|(inner, _)| of_system(inner)))
    }
}

//! What every part of a pipeline needs: its variables, lists and mappings with conditions in them, and the names in whatever has text.

use std::collections::HashMap;

use super::names::{expressions, key, macros};
use super::{DEEPEST, Place, Reading};
use crate::model::usage::{Span, Store, Unread};
use crate::model::{Confidence, Untrusted};
use crate::uses::yaml::Node;

impl<'y> Reading<'y> {
    /// Variables of a pipeline, stage or job: names with values, or a list with groups and templates in it.
    pub(super) fn variables(
        &mut self,
        entries: &[(Node<'y>, Node<'y>)],
        place: &Place<'_>,
    ) -> HashMap<String, Vec<Untrusted>> {
        let mut own: HashMap<String, Vec<Untrusted>> = HashMap::new();
        for (_, node) in entries.iter().filter(|(key, _)| key.text() == Some("variables")) {
            if node.is_mapping() {
                for (name, value) in self.entries(*node, place) {
                    self.variable(name.text().unwrap_or_default(), value, &mut own, place);
                }
            }
            for one in self.items(*node, place) {
                if let Some(group) = one.get("group") {
                    self.group(group, place);
                }
                if let Some((name, value)) = one.word("name").zip(one.get("value")) {
                    self.variable(name, value, &mut own, place);
                }
                if one.get("template").is_some() {
                    self.template(one, place);
                }
            }
        }
        own
    }

    /// A group of variables by its name, where that is written.
    fn group(&mut self, group: Node<'y>, place: &Place<'_>) {
        let Some(name) = group.text() else { return };
        if name.contains("${{") {
            let why = "the name of a group of variables is made by a template: which secrets it brings is not known";
            self.notes.unread([Unread { at: group.span().start, kind: None, why: why.to_owned() }]);
        } else {
            self.notes.uses(name, Store::Manager, None, group.span(), &place.context);
        }
    }

    fn variable(&mut self, name: &str, value: Node<'y>, own: &mut HashMap<String, Vec<Untrusted>>, place: &Place<'_>) {
        if name.eq_ignore_ascii_case("system.debug")
            && value.text().is_some_and(|text| text.eq_ignore_ascii_case("true"))
        {
            self.debug = Some(value.span());
        }
        let mut secrets = match (self.own_secrets(value, own), value.text().is_some()) {
            (Some(secrets), _) => secrets,
            (None, true) => self.names(value, Some(name), false, place),
            (None, false) => Vec::new(),
        };
        // `$[ dependencies.job.outputs['step.NAME'] ]`: what a script of another job sets.
        for output in value.text().unwrap_or_default().split(".outputs['").skip(1) {
            let output = output.split('\'').next().unwrap_or_default();
            secrets.extend(self.set.get(&key(output)).cloned().unwrap_or_default());
        }
        own.insert(key(name), secrets);
    }

    /// The secrets of a variable whose value is nothing but another one of the same list.
    fn own_secrets(&self, value: Node<'y>, own: &HashMap<String, Vec<Untrusted>>) -> Option<Vec<Untrusted>> {
        let (raw, base) = value.raw()?;
        let used = macros(raw, base);
        let known: Vec<_> = used.iter().filter_map(|(name, _)| own.get(&key(name))).collect();
        (!used.is_empty() && known.len() == used.len()).then(|| known.into_iter().flatten().cloned().collect())
    }

    /// The items of a list, those that are there under a condition or for each of something among them.
    pub(super) fn items(&mut self, node: Node<'y>, place: &Place<'_>) -> Vec<Node<'y>> {
        let mut all = Vec::new();
        self.flatten(node, place, &mut all, 0);
        all
    }

    fn flatten(&mut self, node: Node<'y>, place: &Place<'_>, all: &mut Vec<Node<'y>>, depth: u32) {
        if depth > DEEPEST {
            return;
        }
        for item in node.items() {
            let entries = item.entries();
            let is_template = |(key, _): &(Node<'_>, Node<'_>)| key.text().is_some_and(|key| key.starts_with("${{"));
            if entries.is_empty() || !entries.iter().all(is_template) {
                all.push(item);
                continue;
            }
            for (key, value) in entries {
                self.names(key, None, false, place);
                if value.is_mapping() { all.push(value) } else { self.flatten(value, place, all, depth + 1) }
            }
        }
        for (key, value) in node.entries() {
            if key.text().is_some_and(|key| key.starts_with("${{")) && value.is_sequence() {
                self.names(key, None, false, place);
                self.flatten(value, place, all, depth + 1);
            }
        }
    }

    /// The entries of a mapping, likewise.
    pub(super) fn entries(&mut self, node: Node<'y>, place: &Place<'_>) -> Vec<(Node<'y>, Node<'y>)> {
        let mut all = Vec::new();
        self.unfold(node, place, &mut all, 0);
        all
    }

    fn unfold(&mut self, node: Node<'y>, place: &Place<'_>, all: &mut Vec<(Node<'y>, Node<'y>)>, depth: u32) {
        for (key, value) in node.entries() {
            if depth <= DEEPEST && value.is_mapping() && key.text().is_some_and(|key| key.starts_with("${{")) {
                self.names(key, None, false, place);
                self.unfold(value, place, all, depth + 1);
            } else {
                all.push((key, value));
            }
        }
    }

    /// Writes down the variables of a scalar that the file does not define. The secrets behind all of its names are given back.
    pub(super) fn names(
        &mut self,
        scalar: Node<'y>,
        taker: Option<&str>,
        whole: bool,
        place: &Place<'_>,
    ) -> Vec<Untrusted> {
        let Some((raw, base)) = scalar.raw().filter(|(raw, _)| self.budget.reads(raw)) else { return Vec::new() };
        let mut secrets = Vec::new();
        for (name, span) in macros(raw, base) {
            secrets.extend(self.name(name, taker, span, place));
        }
        for one in expressions(raw, base, whole) {
            secrets.extend(if one.is_parameter {
                self.known.parameter(one.name)
            } else {
                self.name(one.name, taker, one.span, place)
            });
        }
        secrets
    }

    pub(super) fn name(&mut self, name: &str, taker: Option<&str>, span: Span, place: &Place<'_>) -> Vec<Untrusted> {
        let look = self.known.look(name, taker, place.variables);
        if let Some((store, confidence)) = look.kept {
            self.notes.uses_surely(name, store, taker, span, &place.context, confidence);
        }
        match self.set.get(&key(name)).filter(|_| look.kept.is_none()) {
            Some(set) => set.clone(),
            None => look.secrets,
        }
    }

    /// Variables in whatever a node has below it.
    pub(super) fn handed(&mut self, node: Node<'y>, place: &Place<'_>) {
        self.handed_as(node, "", place);
    }

    /// Variables in what a key has below it, which are no inputs of anybody.
    pub(super) fn handed_as(&mut self, node: Node<'y>, key: &str, place: &Place<'_>) {
        let mut all = Vec::new();
        node.scalars(&mut |keys, scalar| all.push((keys.last().copied().unwrap_or(key) == "condition", scalar)));
        for (is_condition, scalar) in all {
            self.names(scalar, None, is_condition, place);
        }
    }

    /// Variables in what is handed over under a key; the secrets among them are given back.
    pub(super) fn handed_under(&mut self, node: Node<'y>, key: &'y str, place: &Place<'_>) -> Vec<Untrusted> {
        let mut all = Vec::new();
        node.scalars(&mut |keys, scalar| {
            all.push((keys.iter().rev().find(|key| !key.is_empty()).copied().unwrap_or(key), scalar));
        });
        let mut secrets = Vec::new();
        for (key, scalar) in all {
            secrets.extend(self.names(scalar, Some(key), false, place));
        }
        secrets
    }

    /// The name of a service connection, which holds what opens the service.
    pub(super) fn connection(&mut self, value: Node<'y>, input: Option<&str>, place: &Place<'_>) {
        let name = value.text().unwrap_or_default();
        // A template that uses names from elsewhere says none; what has a dot and no blank is the address of a registry.
        let is_name = !name.is_empty() && !name.contains('$') && (!name.contains('.') || name.contains(' '));
        if is_name && self.budget.reads(name) {
            let (context, sure) = (&place.context, Confidence::Medium);
            self.notes.uses_surely(name, Store::Secret, input, value.span(), context, sure);
            self.job.secrets = true;
        }
    }
}

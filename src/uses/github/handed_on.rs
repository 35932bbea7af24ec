//! What a step hands on to those behind it: variables and outputs that its script sets, and secrets that an action fetches from
//! where they are kept. Sources: <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>,
//! <https://github.com/hashicorp/vault-action>, <https://github.com/aws-actions/aws-secretsmanager-get-secrets>,
//! <https://github.com/google-github-actions/get-secretmanager-secrets>, <https://github.com/1password/load-secrets-action>.

use super::doors::{Inputs, Kept, bare};
use super::reading::{COST, Reading, output};
use super::workflow::Step;
use crate::model::Untrusted;
use crate::model::usage::{Span, Store};
use crate::uses::notes::Env;
use crate::uses::shell::Written;
use crate::uses::yaml::Node;

/// What the steps before have left.
#[derive(Default)]
pub(super) struct HandedOn {
    /// The environment.
    pub(super) env: Env,
    /// Their outputs.
    pub(super) outputs: Env,
    pub(super) kept: Kept,
}

/// Something that is handed on.
pub(super) enum Handed {
    Variable(String),
    Output(String),
}

impl HandedOn {
    /// Takes what a step hands on; how many things it is.
    pub(super) fn take(&mut self, step: &Step<'_>, all: Vec<(Handed, Untrusted)>) -> usize {
        let weight = all.len();
        let (mut variables, mut outputs): (Vec<(String, Vec<Untrusted>)>, _) = (Vec::new(), Vec::new());
        for (what, secret) in all {
            let (to, name) = match (what, step.node.word("id")) {
                (Handed::Variable(name), _) => (&mut variables, name),
                (Handed::Output(name), Some(id)) => (&mut outputs, output(id, &name)),
                (Handed::Output(_), None) => continue,
            };
            match to.iter_mut().find(|(own, _)| *own == name) {
                Some((_, secrets)) => secrets.push(secret),
                None => to.push((name, vec![secret])),
            }
        }
        variables.into_iter().for_each(|(name, secrets)| self.env.set(&name, secrets));
        outputs.into_iter().for_each(|(name, secrets)| self.outputs.set(&name, secrets));
        weight
    }
}

/// What a script sets for the steps behind it: `echo "NAME=…" >> "$GITHUB_ENV"`, `"$GITHUB_OUTPUT"`.
pub(super) fn exported(written: &Written<Untrusted>, source: &str) -> Option<Handed> {
    let is_output = written.path.contains("GITHUB_OUTPUT");
    if !is_output && !written.path.contains("GITHUB_ENV") {
        return None;
    }
    let before = source.get(written.span.start..written.span.end)?.split_once('=')?.0;
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_' || is_output && *b == b'-';
    let length = before.bytes().rev().take_while(is_name).count();
    let name = before.get(before.len() - length..).filter(|name| !name.is_empty())?.to_owned();
    Some(if is_output { Handed::Output(name) } else { Handed::Variable(name) })
}

/// A secret that an action fetches: its name, where that stands, and the name under which it is handed on.
struct Fetched<'t> {
    name: &'t str,
    span: Span,
    to: String,
}

/// What an action fetches from a manager.
pub(super) fn fetched(reading: &mut Reading<'_>, step: &Step<'_>, with: &Inputs<'_>) -> Vec<(Handed, Untrusted)> {
    let action = step.uses.map(|(action, _)| bare(action)).unwrap_or_default();
    let input = |name: &str| with.iter().find(|(own, ..)| own.eq_ignore_ascii_case(name)).map(|(_, node, _)| *node);
    let all = match action.as_str() {
        "hashicorp/vault-action" => input("secrets").map(vault),
        "aws-actions/aws-secretsmanager-get-secrets" => input("secret-ids").map(aws),
        "google-github-actions/get-secretmanager-secrets" => input("secrets").map(google),
        "1password/load-secrets-action" => return addresses(reading, step),
        _ => None,
    };
    let mut handed = Vec::new();
    for Fetched { name, span, to } in all.unwrap_or_default() {
        if !reading.pays(COST) {
            break;
        }
        let variable = Some(to.as_str()).filter(|to| !to.is_empty());
        reading.notes.uses(name, Store::Manager, variable, span, &step.context);
        let secret = Untrusted::from(name);
        reading.elsewhere.insert(secret.clone());
        reading.reach.insert(secret.clone());
        if !to.is_empty() {
            handed.push((Handed::Output(to.clone()), secret.clone()));
            handed.push((Handed::Variable(to), secret));
        }
    }
    handed
}

/// `NAME: op://vault/item/field` in the environment of the step.
fn addresses(reading: &mut Reading<'_>, step: &Step<'_>) -> Vec<(Handed, Untrusted)> {
    let mut handed = Vec::new();
    for (key, value) in step.node.get("env").map(Node::entries).unwrap_or_default() {
        let (Some(name), Some(address)) = (key.text(), value.text().filter(|text| text.starts_with("op://"))) else {
            continue;
        };
        let secret = Untrusted::from(address);
        reading.elsewhere.insert(secret.clone());
        reading.reach.insert(secret.clone());
        handed.push((Handed::Output(name.to_owned()), secret.clone()));
        handed.push((Handed::Variable(name.to_owned()), secret));
    }
    handed
}

/// What is listed in a scalar. `one` says which part of an entry is the name of the secret, and under which name it is handed on.
fn listed<'y>(
    node: Node<'y>,
    between: &[char],
    one: impl Fn(&'y str) -> Option<(&'y str, String)>,
) -> Vec<Fetched<'y>> {
    let (text, mut at) = node.raw().unwrap_or_default();
    let mut all = Vec::new();
    for part in text.split(between) {
        let is_known = !part.contains("${{") && !matches!(part.trim(), "" | "|" | "|-" | ">" | ">-");
        if let Some((name, to)) = one(part.trim()).filter(|_| is_known) {
            let start = at + (name.as_ptr() as usize - part.as_ptr() as usize);
            all.push(Fetched { name, span: Span { start, end: start + name.len() }, to });
        }
        at += part.len() + 1;
    }
    all
}

/// `path key | NAME ;`
fn vault(node: Node<'_>) -> Vec<Fetched<'_>> {
    listed(node, &[';', '\n'], |part| {
        let (from, to) = part.split_once('|').map_or((part, None), |(from, to)| (from, Some(to.trim())));
        let mut words = from.split_whitespace();
        let (name, key) = (words.next()?, words.next()?);
        let plain = || key.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
        Some((name, to.map_or_else(|| plain().to_ascii_uppercase(), str::to_owned)))
    })
}

/// `NAME, id`, or an id alone.
fn aws(node: Node<'_>) -> Vec<Fetched<'_>> {
    listed(node, &['\n'], |part| {
        let (to, name) = part.split_once(',').map_or((None, part), |(to, name)| (Some(to.trim()), name.trim_start()));
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let to = to.map_or_else(|| name.chars().map(plain).collect(), str::to_owned);
        // Those that only begin so are named nowhere.
        (!name.ends_with('*')).then_some((name, to))
    })
}

/// `name:project/secret`, and `name:projects/project/secrets/secret/versions/version`.
fn google(node: Node<'_>) -> Vec<Fetched<'_>> {
    listed(node, &['\n', ','], |part| {
        let (to, path) = part.split_once(':')?;
        let name = match path.split_once("/secrets/") {
            Some((_, rest)) => rest.split('/').next()?,
            None => path.split('/').nth(1)?,
        };
        Some((name, to.trim().to_owned()))
    })
}

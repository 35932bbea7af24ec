//! What a resource hands to a container, or keeps under a name: blocks and lists that name a secret in a text.

use std::sync::Arc;

use super::Terraform;
use super::hcl::{Attribute, Block, Body, Expression};
use crate::model::usage::{Context, Span, Store};

/// How deep blocks are looked into.
const DEEPEST: usize = 32;
/// How many containers a definition may have secrets for.
const MOST: usize = 256;

/// What is written as the value of a key: a text, or an expression.
struct Value<'t> {
    text: &'t str,
    span: Span,
    is_text: bool,
}

impl Terraform<'_> {
    /// Secrets that a resource names in blocks and attributes of its own.
    pub(super) fn resource(&mut self, block: &Block<'_>, context: &Arc<Context>) {
        let kind = block.labels.first().copied().unwrap_or_default();
        if kind.starts_with("github_") && kind.ends_with("_secret") {
            self.named(block.body.get("secret_name"), None, Store::Secret, None, context);
        }
        if kind == "aws_ecs_task_definition" {
            for one in block.body.attributes.iter().filter(|one| one.name == "container_definitions") {
                self.containers(one, context);
            }
        }
        let store = match kind {
            _ if kind.starts_with("kubernetes_") => Store::Secret,
            _ if kind.starts_with("google_cloud_run") => Store::Manager,
            _ => return,
        };
        self.handed(&block.body, None, store, context, 0);
    }

    fn named(
        &mut self,
        name: Option<&Expression<'_>>,
        key: Option<&Expression<'_>>,
        store: Store,
        variable: Option<&str>,
        context: &Arc<Context>,
    ) {
        let Some((text, at)) = name.and_then(Expression::literal).filter(|(text, _)| !text.is_empty()) else { return };
        let span = Span { start: at, end: at + text.len() };
        match key.and_then(Expression::literal).filter(|_| store == Store::Secret) {
            Some((key, _)) => self.notes.uses(&format!("{text}/{key}"), store, variable, span, context),
            None => self.notes.uses(text, store, variable, span, context),
        }
    }

    /// Blocks as the API of Kubernetes has them.
    fn handed(&mut self, body: &Body<'_>, variable: Option<&str>, store: Store, context: &Arc<Context>, depth: usize) {
        for block in body.blocks.iter().filter(|_| depth < DEEPEST) {
            let inner = &block.body;
            let name = inner.get("secret").or_else(|| inner.get("secret_name")).or_else(|| inner.get("name"));
            match block.kind {
                "secret_key_ref" => self.named(name, inner.get("key"), store, variable, context),
                "secret_ref" | "image_pull_secrets" | "secret" => self.named(name, None, store, None, context),
                "env" => {
                    let variable = inner.get("name").and_then(Expression::literal).map(|(name, _)| name);
                    self.handed(inner, variable, store, context, depth + 1);
                }
                _ => self.handed(inner, variable, store, context, depth + 1),
            }
        }
    }

    /// `secrets = [{ name = "NAME", valueFrom = "arn:…" }]` of containers of ECS, in HCL or in JSON.
    fn containers(&mut self, one: &Attribute<'_>, context: &Arc<Context>) {
        let text = one.value.text;
        for (at, word) in text.match_indices("valueFrom").take(MOST) {
            let Some(value) = value(text, at + word.len()) else { continue };
            let object = text.get(..at).and_then(|before| before.rfind('{')).and_then(|open| {
                let rest = text.get(open..)?;
                rest.get(..rest.find('}')?)
            });
            let object = object.unwrap_or_default();
            let name = object.match_indices("name").find_map(|(at, word)| {
                let is_key = !object.get(..at)?.ends_with(|c: char| c.is_alphanumeric() || c == '_');
                self::value(object, at + word.len()).filter(|value| is_key && value.is_text)
            });
            let secret = match value.text {
                text if value.is_text => part_of_arn(text),
                text => text,
            };
            let base = one.value.span.start + (value.text.find(secret).unwrap_or_default());
            let span = Span { start: base + value.span.start, end: base + value.span.start + secret.len() };
            let known = if value.is_text { None } else { self.secrets.known(secret) };
            let variable = name.map(|name| name.text.to_owned());
            let secret = known.unwrap_or_else(|| secret.to_owned());
            self.notes.uses(&secret, Store::Manager, variable.as_deref(), span, context);
        }
    }
}

/// The name in `arn:aws:secretsmanager:region:account:secret:NAME:key::` and `arn:…:parameter/NAME`.
fn part_of_arn(text: &str) -> &str {
    if let Some((_, name)) = text.split_once(":secret:") {
        return name.split(':').next().unwrap_or_default();
    }
    // The name of a parameter that has a path begins with the slash.
    match text.split_once(":parameter") {
        Some((_, name)) if name.matches('/').count() > 1 => name,
        Some((_, name)) => name.trim_start_matches('/'),
        None => text,
    }
}

/// What stands behind `=` or `:` here.
fn value(text: &str, at: usize) -> Option<Value<'_>> {
    let rest = text.get(at..)?;
    let inner = rest.trim_start_matches(['"', ' ', '\t']).strip_prefix(['=', ':'])?.trim_start_matches([' ', '\t']);
    let start = at + rest.len() - inner.len();
    if let Some(inner) = inner.strip_prefix('"') {
        let text = inner.get(..inner.find('"')?)?;
        let span = Span { start: start + 1, end: start + 1 + text.len() };
        return Some(Value { text, span, is_text: true }).filter(|value| !value.text.is_empty());
    }
    let length =
        inner.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']'))).unwrap_or(inner.len());
    let text = inner.get(..length)?;
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.contains('.');
    is_name.then_some(Value { text, span: Span { start, end: start + length }, is_text: false })
}

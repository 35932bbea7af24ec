//! Terraform and OpenTofu: which variables and secrets of managers a resource, a module or an output is handed.
//!
//! Format: <https://developer.hashicorp.com/terraform/language>. What it hides:
//! <https://developer.hashicorp.com/terraform/language/manage-sensitive-data> (an output of a value that is marked as sensitive is
//! refused unless it says so itself; provisioners that are handed one print nothing).

mod expression;
mod handed;
mod hcl;
mod json;
mod secrets;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::notes::{Env, Meaning, Notes, looks_secret};
use super::shell::{Dialect, Script, references};
use super::yaml::LARGEST;
use super::{File, Reader};
use crate::model::usage::{Context, Door, Span, Store, System, Unread, Uses};
use crate::model::{Confidence, GapKind, Untrusted};
use hcl::{Attribute, Block, Body, Expression};
use secrets::{Mark, Secret, Secrets};

/// The reader of Terraform.
pub const READER: Reader = Reader { system: System::Terraform, is_own, read };

/// How deep blocks are looked into.
const DEEPEST: usize = 32;

fn is_own(path: &str) -> bool {
    [".tf", ".tofu", ".tfvars", ".tf.json", ".tofu.json", ".tfvars.json"].iter().any(|end| path.ends_with(end))
}

fn read(file: File<'_>) -> Uses {
    let mut notes = Notes::new(System::Terraform);
    if file.path.ends_with(".json") {
        return json::read(file, notes);
    }
    if file.text.len() > LARGEST {
        let why = format!("it has more than {LARGEST} bytes: who uses what in it is not known");
        notes.unread([Unread { at: 0, kind: Some(GapKind::OverBudget), why }]);
        return notes.done();
    }
    let text = match std::str::from_utf8(file.text) {
        Ok(text) => text,
        Err(error) => {
            let good = file.text.get(..error.valid_up_to()).unwrap_or_default();
            let why = "it is not UTF-8 from here on: what stands before was read".to_owned();
            notes.unread([Unread { at: good.len(), kind: Some(GapKind::Corrupt), why }]);
            std::str::from_utf8(good).unwrap_or_default()
        }
    };
    let (body, wrong) = hcl::parse(text);
    if let Some(at) = wrong {
        let why = "a part of it is no Terraform: that part was passed over".to_owned();
        notes.unread([Unread { at, kind: Some(GapKind::Corrupt), why }]);
    }
    module(file.path, &body, notes)
}

/// Reads what a file holds.
fn module(path: &str, body: &Body<'_>, notes: Notes) -> Uses {
    let folder = path.rsplit('/').nth(1).map(Untrusted::from);
    let whole = Context { pipeline: folder, ..Context::default() };
    let mut terraform = Terraform { notes, secrets: Secrets::of(body), is_called: path.contains("modules/") };
    for one in &body.attributes {
        // In a file of values a variable is what stands there.
        let job = Some(Untrusted::from(format!("var.{}", one.name).as_str()));
        let context = Arc::new(Context { job, ..whole.clone() });
        terraform.notes.scope(one.span, &context);
    }
    for block in &body.blocks {
        terraform.block(block, &whole);
    }
    if let Some(at) = terraform.secrets.too_long.get() {
        let why = "the name of a secret in it is longer than is told: such names are cut short";
        terraform.notes.leaves_out(at, why);
    }
    terraform.notes.done()
}

/// What a block is called by others.
fn address(block: &Block<'_>) -> String {
    let parts = Some(block.kind).filter(|kind| *kind != "resource").into_iter().chain(block.labels.iter().copied());
    parts.collect::<Vec<_>>().join(".")
}

struct Terraform<'s> {
    notes: Notes,
    secrets: Secrets<'s>,
    /// Whether it is a module that others call, so that its outputs are not printed.
    is_called: bool,
}

impl Terraform<'_> {
    fn block(&mut self, block: &Block<'_>, whole: &Context) {
        let job = Some(Untrusted::from(address(block).as_str()));
        let source = block.body.get("source").and_then(Expression::literal).filter(|_| block.kind == "module");
        let action = source.map(|(source, _)| Untrusted::from(source));
        let context = Arc::new(Context { job, action, ..whole.clone() });
        self.notes.scope(block.span, &context);
        match block.kind {
            "variable" => self.variable(block, &context),
            "data" | "ephemeral" => self.source(block, &context),
            "output" => self.output(block, &context),
            "module" => self.unpinned(block, &context),
            "resource" => self.resource(block, &context),
            _ => {}
        }
        self.body(&block.body, &context, 0);
    }

    fn body(&mut self, body: &Body<'_>, context: &Arc<Context>, depth: usize) {
        for one in &body.attributes {
            self.attribute(one, context);
        }
        for block in body.blocks.iter().filter(|_| depth < DEEPEST) {
            let label = block.labels.first().copied().unwrap_or_default();
            let inner = match block.kind {
                "backend" => {
                    Context { job: Some(format!("backend.{label}").as_str().into()), ..Context::clone(context) }
                }
                "provisioner" => Context { step: Some(label.into()), ..Context::clone(context) },
                "connection" => Context { step: Some("connection".into()), ..Context::clone(context) },
                _ => {
                    self.body(&block.body, context, depth + 1);
                    continue;
                }
            };
            let inner = Arc::new(inner);
            self.notes.scope(block.span, &inner);
            self.body(&block.body, &inner, depth + 1);
            if block.kind == "provisioner" {
                self.provisioner(block, label, &inner);
            }
        }
    }

    /// References in a value.
    fn attribute(&mut self, one: &Attribute<'_>, context: &Arc<Context>) {
        for name in &one.value.names {
            if let Some(secret) = self.secrets.behind(name.path) {
                self.notes.uses(&secret.name, secret.store, name.key.or(Some(one.name)), name.span, context);
            }
        }
    }

    /// A variable that is secret is filled in from the environment, or a file of values.
    fn variable(&mut self, block: &Block<'_>, context: &Arc<Context>) {
        let Some(name) = block.labels.first() else { return };
        if self.secrets.behind(&format!("var.{name}")).is_some() {
            let alias = format!("TF_VAR_{name}");
            self.notes.uses_surely(&alias, Store::Environment, Some(name), block.label, context, Confidence::Medium);
        }
    }

    /// What a secret manager is asked for.
    fn source(&mut self, block: &Block<'_>, context: &Arc<Context>) {
        if let Some((name, span)) = self.secrets.source(block) {
            self.notes.uses(&name, Store::Manager, block.labels.last().copied(), span, context);
        }
    }

    /// What is printed when it was applied.
    fn output(&mut self, block: &Block<'_>, context: &Arc<Context>) {
        let Some(value) = block.body.get("value") else { return };
        if block.body.is_true("sensitive") || block.body.is_true("ephemeral") {
            return;
        }
        for name in value.names.iter().filter(|name| name.shows) {
            let Some(secret) = self.secrets.behind(name.path) else { continue };
            let confidence = match secret.mark {
                Mark::Sensitive if !name.revealed => continue,
                _ if self.is_called => Confidence::Low,
                Mark::Unknown if !name.revealed => Confidence::Low,
                _ => Confidence::Medium,
            };
            let told = Some(Untrusted::from(secret.name.as_str()));
            self.notes.exposes(Door::Printed, told, name.span, context, confidence);
        }
    }

    /// A module of others that is handed secrets.
    fn unpinned(&mut self, block: &Block<'_>, context: &Arc<Context>) {
        let Some((source, at)) = block.body.get("source").and_then(Expression::literal) else { return };
        let version = block.body.get("version").and_then(Expression::literal).map(|(version, _)| version);
        if !is_mutable(source, version) {
            return;
        }
        let handed = block.body.attributes.iter().flat_map(|one| &one.value.names);
        let mut names: Vec<String> =
            handed.filter_map(|name| self.secrets.behind(name.path)).map(|secret| secret.name).collect();
        names.sort();
        names.dedup();
        let span = Span { start: at, end: at + source.len() };
        for name in names {
            self.notes.exposes(Door::Unpinned, Some(name.as_str().into()), span, context, Confidence::Medium);
        }
    }

    /// Commands that run beside a resource. Nothing of them is printed where they are handed what is marked as sensitive.
    fn provisioner(&mut self, block: &Block<'_>, label: &str, context: &Arc<Context>) {
        let secrets = |value: &Expression<'_>| -> Vec<(Option<String>, Secret)> {
            let each = value.names.iter().filter(|name| name.shows);
            each.filter_map(|name| Some((name.key.map(str::to_owned), self.secrets.behind(name.path)?))).collect()
        };
        let all: Vec<_> = block.body.attributes.iter().flat_map(|one| secrets(&one.value)).collect();
        if all.iter().any(|(_, secret)| secret.mark == Mark::Sensitive) {
            return;
        }
        let mut env = Env::default();
        for (key, secret) in block.body.get("environment").map(secrets).unwrap_or_default() {
            if secret.mark == Mark::Open {
                env.set(&key.unwrap_or_default(), vec![secret.name.as_str().into()]);
            }
        }
        let Some(value) = block.body.get(if label == "local-exec" { "command" } else { "inline" }) else { return };
        let echoes = label == "local-exec" && !block.body.is_true("quiet");
        for name in value.names.iter().filter(|name| name.shows) {
            let Some(secret) = self.secrets.behind(name.path) else { continue };
            if echoes {
                // The command itself is printed before it runs.
                let confidence = if secret.mark == Mark::Open { Confidence::Medium } else { Confidence::Low };
                self.notes.exposes(Door::Printed, Some(secret.name.as_str().into()), name.span, context, confidence);
            } else if secret.mark == Mark::Open {
                env.set(&identifier(name.path), vec![secret.name.as_str().into()]);
            }
        }
        let shell = block.body.get("interpreter").and_then(|value| value.strings.first());
        let dialect = shell.map_or(Dialect::Posix, |(shell, _)| Dialect::named(shell));
        let meaning = Meaning { template: &|_| Vec::new(), free: &|_| Vec::new() };
        for (text, base) in &value.strings {
            let whole = Script { text, base: *base, dialect, traced: false };
            let text = filled(text);
            self.notes.script(Script { text: &text, ..whole }, &env, &meaning, context);
            if label == "local-exec" {
                self.free(whole, block, context);
            }
        }
    }

    /// Variables of the shell that a command reads, where Terraform itself has them from.
    fn free(&mut self, script: Script<'_>, block: &Block<'_>, context: &Arc<Context>) {
        let set = block.body.get("environment").map_or("", |value| value.text);
        for one in references(script).iter().filter(|one| looks_secret(one.text) && one.expands && !one.is_template) {
            // `${…}` is of Terraform, `$${…}` of the shell.
            let from = one.span.start.saturating_sub(script.base);
            let is_braced = script.text.get(from..).is_some_and(|rest| rest.starts_with("${"));
            let is_doubled = script.text.get(..from).is_some_and(|before| before.ends_with('$'));
            if (!is_braced || is_doubled) && !set.contains(one.text) {
                self.notes.uses_surely(one.text, Store::Environment, None, one.span, context, Confidence::Medium);
            }
        }
    }
}

/// A name with its parts as one that a shell has.
fn identifier(path: &str) -> String {
    path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// A script in which `${var.name}` is written as a variable of the shell, and `$${name}` as what it stands for.
fn filled(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        let end = from.find('}').map_or(from.len(), |end| end + 1);
        let (template, after) = from.split_at(end);
        if let Some(before) = before.strip_suffix('$') {
            all.push_str(before);
            all.push(' ');
            all.push_str(template);
        } else {
            all.push_str(before);
            let inner = template.get(2..end.saturating_sub(1)).unwrap_or_default();
            let name: String =
                inner.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b) } else { '_' }).collect();
            all.push_str("${");
            all.push_str(&name);
            all.push('}');
        }
        rest = after;
    }
    all.push_str(rest);
    all
}

/// Whether whoever has the source of a module can change what it is.
fn is_mutable(source: &str, version: Option<&str>) -> bool {
    if source.starts_with(['.', '/']) || source.is_empty() {
        return false;
    }
    let hosts = ["git::", "git@", "github.com/", "bitbucket.org/", "hg::"];
    if hosts.iter().any(|host| source.starts_with(host)) || source.contains(".git?") || source.ends_with(".git") {
        let reference =
            source.split_once("ref=").map_or("", |(_, reference)| reference.split('&').next().unwrap_or_default());
        return !(matches!(reference.len(), 40 | 64) && reference.bytes().all(|b| b.is_ascii_hexdigit()));
    }
    let is_registry =
        !source.contains(':') && matches!(source.split("//").next().unwrap_or_default().split('/').count(), 3 | 4);
    let exact = |version: &str| {
        version
            .trim_start_matches(['=', ' '])
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+'))
    };
    is_registry && !version.is_some_and(exact)
}

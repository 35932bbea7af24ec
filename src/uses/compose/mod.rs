//! Compose files: which variable, file or secret a service is handed, and what of it goes into an image.
//!
//! Format: <https://docs.docker.com/reference/compose-file/>.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use super::command::{Inner, of_nodes, undoubled, words_of};
use super::notes::{Env, Meaning, Notes, looks_secret};
use super::script::Lines;
use super::shell::dollars;
use super::templates::Filled;
use super::yaml::{Form, Node, Yaml};
use super::{File, Reader};
use crate::model::usage::{Context, Door, Span, Store, System, Uses};
use crate::model::{Confidence, Untrusted};

/// The reader of Compose files.
pub const READER: Reader = Reader { system: System::Compose, is_own, read };

/// The longest text that is a name, in bytes.
const LONGEST: usize = 1024;
/// How far the end of a reference is looked for.
const FAR: usize = 256;
/// Commands that are looked at without a shell.
const WRITERS: &[&str] = &["echo", "printf", "env", "printenv"];

fn is_own(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some(stem) = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml")) else { return false };
    let begins =
        |word: &str| stem.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
    begins("compose") || begins("docker-compose") || stem.ends_with("docker-compose") || stem.ends_with(".compose")
}

fn read(file: File<'_>) -> Uses {
    let filled = Filled::new(file.text);
    let yaml = Yaml::read(&filled.text);
    let mut compose = Compose { notes: Notes::new(System::Compose), told: HashSet::new(), path: file.path };
    for document in yaml.documents() {
        compose.project(document);
    }
    compose.notes.unread(filled.unread());
    compose.notes.unread(yaml.unread());
    compose.notes.done()
}

/// A variable of a service: its name, its value, and what stands in the file for both.
struct Pair<'y> {
    name: &'y str,
    /// None where the name stands alone: the value is that of whoever starts Compose.
    value: Option<(&'y str, usize)>,
    span: Span,
}

struct Compose<'c> {
    notes: Notes,
    /// Where references begin that were told with their service.
    told: HashSet<usize>,
    path: &'c str,
}

impl Compose<'_> {
    fn project(&mut self, root: Node<'_>) {
        if ["services", "include", "secrets"].iter().all(|key| root.get(key).is_none()) {
            return;
        }
        let folder = self.path.rsplit('/').nth(1);
        let pipeline = root.word("name").filter(|name| !name.contains('$')).or(folder).map(Untrusted::from);
        let context = Arc::new(Context { pipeline, ..Context::default() });
        self.notes.scope(root.span(), &context);
        for (name, service) in root.get("services").map(Node::entries).unwrap_or_default() {
            let told = |text: Option<&str>| text.filter(|text| text.len() <= LONGEST).map(Untrusted::from);
            let (job, action) = (told(name.text()), told(service.word("image")));
            let context = Arc::new(Context { job, action, ..Context::clone(&context) });
            self.notes.scope(service.span(), &context);
            self.service(service, &context);
        }
        for (name, secret) in root.get("secrets").map(Node::entries).unwrap_or_default() {
            self.definition(name, secret, &context);
        }
        for item in root.get("include").map(Node::each).unwrap_or_default() {
            let paths = item.get("path").unwrap_or(item);
            paths.each().into_iter().for_each(|path| self.includes(path));
            for file in item.get("env_file").map(Node::each).unwrap_or_default() {
                self.file(file, None, &context);
            }
        }
        for (key, value) in root.entries() {
            if key.text() != Some("services") {
                self.rest(value, &context, true);
            }
        }
    }

    /// A secret of the project: where its value comes from.
    fn definition(&mut self, name: Node<'_>, secret: Node<'_>, context: &Arc<Context>) {
        if let Some(file) = secret.get("file") {
            self.file(file, name.text(), context);
        }
        if let Some(variable) = secret.get("environment").filter(|variable| variable.text().is_some()) {
            let text = variable.text().unwrap_or_default();
            self.notes.uses(text, Store::Environment, name.text(), variable.span(), context);
        }
        if secret.get("external").is_some_and(|external| external.text() != Some("false")) {
            let real = secret.get("name").or_else(|| secret.path(&["external", "name"])).unwrap_or(name);
            self.notes.uses(real.text().unwrap_or_default(), Store::Secret, name.text(), real.span(), context);
        }
    }

    fn file(&mut self, node: Node<'_>, variable: Option<&str>, context: &Arc<Context>) {
        if let Some(path) = node.text().filter(|path| !path.is_empty() && self.fits(path, node.span().start)) {
            self.notes.uses(path, Store::File, variable, node.span(), context);
        }
    }

    /// Another file, by its path from this one.
    fn includes(&mut self, node: Node<'_>) {
        let Some(text) = node.text() else { return };
        let is_local =
            !text.contains("://") && !text.starts_with("git@") && !text.starts_with('/') && !text.contains('$');
        let path = is_local.then(|| beside(self.path, text)).flatten();
        self.notes.includes(text, path.as_deref(), node.span());
    }

    fn service(&mut self, service: Node<'_>, context: &Arc<Context>) {
        let mut env = Env::default();
        for (key, value) in service.entries() {
            match key.text().unwrap_or_default() {
                "environment" => self.environment(value, &mut env, context),
                "env_file" => {
                    for file in value.each() {
                        self.file(file.get("path").unwrap_or(file), None, context);
                    }
                    self.rest(value, context, false);
                }
                "secrets" => self.secrets(value, context),
                "build" if value.is_mapping() => self.build(value, context),
                "extends" => {
                    if let Some(file) = value.get("file") {
                        self.includes(file);
                    }
                }
                _ => self.rest(value, context, false),
            }
        }
        self.command(service, &env, context);
    }

    fn environment(&mut self, node: Node<'_>, env: &mut Env, context: &Arc<Context>) {
        for pair in self.pairs(node) {
            let Some((value, base)) = pair.value else {
                self.taken(&pair, context);
                env.set(pair.name, is_secret(pair.name).into_iter().collect());
                continue;
            };
            let names = self.interpolated(value, base, Some(pair.name), context);
            let mut secrets: Vec<Untrusted> = names
                .into_iter()
                .filter(|name| looks_secret(name) || looks_secret(pair.name))
                .map(Untrusted::from)
                .collect();
            if secrets.is_empty() && !value.is_empty() {
                secrets.extend(is_secret(pair.name));
            }
            env.set(pair.name, secrets);
        }
    }

    /// Whether a text is short enough for a name or a path; that it is not is told.
    fn fits(&mut self, text: &str, at: usize) -> bool {
        if text.len() > LONGEST {
            let why = format!("a name in it has more than {LONGEST} bytes: who uses what by such names is not known");
            self.notes.leaves_out(at, &why);
        }
        text.len() <= LONGEST
    }

    fn pairs<'y>(&mut self, node: Node<'y>) -> Vec<Pair<'y>> {
        let mut all = pairs(node);
        all.retain(|pair| self.fits(pair.name, pair.span.start));
        all
    }

    /// A variable that is taken from whoever starts Compose.
    fn taken(&mut self, pair: &Pair<'_>, context: &Arc<Context>) {
        let confidence = if looks_secret(pair.name) { Confidence::High } else { Confidence::Medium };
        self.notes.uses_surely(pair.name, Store::Environment, None, pair.span, context, confidence);
    }

    /// Secrets that are mounted.
    fn secrets(&mut self, node: Node<'_>, context: &Arc<Context>) {
        for item in node.items() {
            let source = item.get("source").unwrap_or(item);
            let Some(name) = source.text().filter(|name| self.fits(name, source.span().start)) else { continue };
            let target = item.word("target").unwrap_or(name);
            let path = if target.starts_with('/') { target.to_owned() } else { format!("/run/secrets/{target}") };
            self.notes.uses(name, Store::Secret, Some(&path), source.span(), context);
        }
    }

    fn build(&mut self, node: Node<'_>, context: &Arc<Context>) {
        for (key, value) in node.entries() {
            match key.text().unwrap_or_default() {
                "secrets" => self.secrets(value, context),
                "args" => {
                    for pair in self.pairs(value) {
                        self.argument(&pair, context);
                    }
                }
                _ => self.rest(value, context, false),
            }
        }
    }

    /// An argument of a build: it stays in the history of the image.
    fn argument(&mut self, pair: &Pair<'_>, context: &Arc<Context>) {
        let names = match pair.value {
            Some((value, base)) => self.interpolated(value, base, Some(pair.name), context),
            None => {
                self.taken(pair, context);
                vec![pair.name]
            }
        };
        for name in names.into_iter().filter(|name| looks_secret(name) || looks_secret(pair.name)) {
            self.notes.exposes(Door::BuildArgument, Some(name.into()), pair.span, context, Confidence::High);
        }
    }

    /// What a service runs: what it writes is in its log.
    fn command(&mut self, service: Node<'_>, env: &Env, context: &Arc<Context>) {
        let all = ["entrypoint", "command"].iter().filter_map(|key| service.get(key));
        let inner = of_nodes(all.flat_map(words_of).collect()).or_else(|| {
            let lines = Lines::of(service.get("command").filter(|_| service.get("entrypoint").is_none())?)?;
            let first = lines.text().split_whitespace().next()?.rsplit('/').next()?;
            let writes = WRITERS.contains(&first);
            writes.then_some(Inner { lines, dialect: <_>::default(), traced: false })
        });
        let free = |name: &str| is_secret(name).into_iter().collect();
        let meaning = Meaning { template: &|_| Vec::new(), free: &free };
        if let Some(mut inner) = inner {
            inner.lines.change(undoubled(inner.lines.text()));
            self.notes.script(inner.script(), env, &meaning, context);
        }
    }

    /// References in every scalar below; `once` leaves those out that were told with a service.
    fn rest(&mut self, node: Node<'_>, context: &Arc<Context>, once: bool) {
        let mut found = Vec::new();
        node.scalars(&mut |_, scalar| found.extend(scalar.raw()));
        for (text, base) in found {
            if !once || !self.told.contains(&base) {
                self.interpolated(text, base, None, context);
            }
        }
    }

    /// Tells the references in a text, and gives their names.
    fn interpolated<'t>(
        &mut self,
        text: &'t str,
        base: usize,
        variable: Option<&str>,
        context: &Arc<Context>,
    ) -> Vec<&'t str> {
        self.told.insert(base);
        let mut all = Vec::new();
        for (name, span) in variables(text, base) {
            if !self.fits(name, span.start) {
                continue;
            }
            let confidence = if looks_secret(name) { Confidence::High } else { Confidence::Medium };
            self.notes.uses_surely(name, Store::Environment, variable, span, context, confidence);
            all.push(name);
        }
        all
    }
}

fn is_secret(name: &str) -> Option<Untrusted> {
    looks_secret(name).then(|| name.into())
}

/// Variables as a mapping or a list has them.
fn pairs(node: Node<'_>) -> Vec<Pair<'_>> {
    let of_map = node.entries().into_iter().filter_map(|(key, value)| {
        let name = key.text()?;
        let raw =
            value.raw().filter(|(raw, _)| value.form() != Some(Form::Plain) || !matches!(*raw, "" | "~" | "null"));
        let end = raw.map_or(key.span().end, |_| value.span().end);
        // What is merged in or an alias stands elsewhere.
        let start = if key.span().start < end { key.span().start } else { value.span().start };
        Some(Pair { name, value: raw, span: Span { start, end } })
    });
    let of_list = node.items().into_iter().filter_map(|item| {
        let (raw, base) = item.raw()?;
        let raw = raw.trim_end();
        let (name, value) = match raw.split_once('=') {
            Some((name, value)) => (name, Some((value, base + name.len() + 1))),
            None => (raw, None),
        };
        Some(Pair { name, value, span: Span { start: base, end: base + raw.len() } })
    });
    of_map.chain(of_list).filter(|pair| !pair.name.is_empty()).collect()
}

/// Variables that Compose fills in: `$NAME`, `${NAME}`, `${NAME:-default}` with its default.
fn variables(text: &str, base: usize) -> Vec<(&str, Span)> {
    let mut all = dollars(text, base);
    for (_, span) in &mut all {
        let (written, rest) = text.split_at_checked(span.end - base).unwrap_or_default();
        if text.get(span.start - base..).is_some_and(|text| text.starts_with("${")) && !written.ends_with('}') {
            span.end += closes(rest);
        }
    }
    all
}

/// Where the braces end that are open; 0 where that is far.
fn closes(rest: &str) -> usize {
    let mut open = 1_usize;
    for (at, byte) in rest.bytes().take(FAR).enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return at + 1;
        }
    }
    0
}

/// A path from the root, of a file that is named from another one; `None` where it is outside.
fn beside(path: &str, named: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in named.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

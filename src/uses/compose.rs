//! Compose files: which variable, file or secret a service is handed, and what of it goes into an image.
//!
//! Format: <https://docs.docker.com/reference/compose-file/>.

use std::collections::HashSet;
use std::sync::Arc;

use super::kubernetes::command;
use super::kubernetes::templates::Filled;
use super::notes::{Env, Meaning, Notes, looks_secret};
use super::shell::Script;
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
    compose.notes.unread(filled.unread.iter().cloned());
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
        if let Some(path) = node.text().filter(|path| !path.is_empty() && path.len() <= LONGEST) {
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
        for pair in pairs(node) {
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

    /// A variable that is taken from whoever starts Compose.
    fn taken(&mut self, pair: &Pair<'_>, context: &Arc<Context>) {
        let confidence = if looks_secret(pair.name) { Confidence::High } else { Confidence::Medium };
        self.notes.uses_surely(pair.name, Store::Environment, None, pair.span, context, confidence);
    }

    /// Secrets that are mounted.
    fn secrets(&mut self, node: Node<'_>, context: &Arc<Context>) {
        for item in node.items() {
            let source = item.get("source").unwrap_or(item);
            let Some(name) = source.text().filter(|name| name.len() <= LONGEST) else { continue };
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
                    for pair in pairs(value) {
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
        let mut words = Vec::new();
        for node in ["entrypoint", "command"].iter().filter_map(|key| service.get(key)) {
            match node.raw() {
                Some((line, base)) => words.extend(command::words(line, base)),
                None => words.extend(node.items().into_iter().filter_map(|item| item.raw())),
            }
        }
        let free = |name: &str| is_secret(name).into_iter().collect();
        let meaning = Meaning { template: &|_| Vec::new(), free: &free };
        let script = command::of_words(&words).or_else(|| {
            let (text, base) = service.get("command").filter(|_| service.get("entrypoint").is_none())?.raw()?;
            let first = text.split_whitespace().next()?;
            WRITERS.contains(&first.rsplit('/').next()?).then_some(Script {
                text,
                base,
                dialect: <_>::default(),
                traced: false,
            })
        });
        if let Some(script) = script {
            let text = command::dollars(script.text);
            self.notes.script(Script { text: &text, ..script }, env, &meaning, context);
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
    of_map.chain(of_list).filter(|pair| !pair.name.is_empty() && pair.name.len() <= LONGEST).collect()
}

/// Variables that Compose fills in: `$NAME`, `${NAME}`, `${NAME:-default}`; `$$` is none.
fn variables(text: &str, base: usize) -> Vec<(&str, Span)> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find('$')).map(|found| at + found) {
        let rest = text.get(start + 1..).unwrap_or_default();
        if rest.starts_with('$') {
            at = start + 2;
            continue;
        }
        let braced = rest.starts_with('{');
        let inner = if braced { rest.get(1..).unwrap_or_default() } else { rest };
        let length = inner.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let name = inner.get(..length).unwrap_or_default();
        let begin = start + 1 + usize::from(braced);
        at = begin;
        if name.is_empty() || name.len() > LONGEST || name.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        at += length;
        let end = if braced { at + closes(text.get(at..).unwrap_or_default()) } else { at };
        all.push((name, Span { start: base + start, end: base + end }));
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

#[cfg(test)]
mod tests {
    use super::{READER, is_own};
    use crate::model::usage::{Door, Uses};
    use crate::uses::File;

    fn read(text: &str) -> Uses {
        (READER.read)(File { path: "deploy/shop/compose.yaml", text: text.as_bytes() })
    }

    const FILE: &str = r#"
x-common: &common
  SHARED_TOKEN: ${SHARED_TOKEN:?must be set}
  LEVEL: $LEVEL
include: [../db/compose.yaml, "https://example.com/x.git"]
services:
  web:
    image: shop:${TAG:-latest}
    build:
      context: .
      args:
        PKG_TOKEN: ${PKG_TOKEN}
        VERSION: ${VERSION}
        GIT_PASSWORD: literal
      secrets: [npm]
    environment:
      <<: *common
      DB_PASSWORD: "${DB_PASS:-${OTHER_PASS}}"
      API_KEY:
      EMPTY: ""
      PRICE: $$5
    env_file: [.env, {path: prod.env, required: false}]
    secrets:
      - db
      - { source: tls, target: key.pem }
    command: sh -c "echo $$DB_PASSWORD; echo '$$API_KEY'; run --token $$API_KEY"
  job:
    extends: {file: ../base.yml, service: base}
    build:
      args: [AUTH_TOKEN, PLAIN=1]
    environment:
      - TOKEN=${JOB_TOKEN}
      - HOME
      - SECRET_KEY=planted-literal
    entrypoint: [bash, -xc]
    command: ["curl -H $$TOKEN x"]
  none:
    image: a
secrets:
  db: { file: ./db.txt }
  tls: { external: true, name: shop_tls }
  npm: { environment: PKG_TOKEN }
"#;

    #[test]
    fn services() {
        let uses = read(FILE);
        let word = |one: Option<&crate::model::Untrusted>| {
            one.map_or(String::new(), |one| String::from_utf8_lossy(one.raw()).into_owned())
        };
        let line = |one: &crate::model::usage::Use| {
            let span = &FILE[one.span.start..one.span.end];
            let (name, store) = (word(Some(&one.name)), one.store.as_str());
            format!("{store} {name}|{span}|{}|{}", word(one.variable.as_ref()), word(one.context.job.as_ref()))
        };
        let expected = [
            "environment SHARED_TOKEN|${SHARED_TOKEN:?must be set}||web",
            "environment LEVEL|$LEVEL||web",
            "environment TAG|${TAG:-latest}||web",
            "environment PKG_TOKEN|${PKG_TOKEN}||web",
            "environment VERSION|${VERSION}||web",
            "secret npm|npm|/run/secrets/npm|web",
            "environment DB_PASS|${DB_PASS:-${OTHER_PASS}}|DB_PASSWORD|web",
            "environment OTHER_PASS|${OTHER_PASS}|DB_PASSWORD|web",
            "environment API_KEY|API_KEY||web",
            "file .env|.env||web",
            "file prod.env|prod.env||web",
            "secret db|db|/run/secrets/db|web",
            "secret tls|tls|/run/secrets/key.pem|web",
            "environment AUTH_TOKEN|AUTH_TOKEN||job",
            "environment JOB_TOKEN|${JOB_TOKEN}|TOKEN|job",
            "environment HOME|HOME||job",
            "file ./db.txt|./db.txt|db|",
            "secret shop_tls|shop_tls|tls|",
            "environment PKG_TOKEN|PKG_TOKEN|npm|",
        ];
        assert_eq!(uses.uses.iter().map(line).collect::<Vec<_>>(), expected);
        let doors: Vec<_> = uses.exposures.iter().map(|one| (one.door, &FILE[one.span.start..one.span.end])).collect();
        let expected = [
            (Door::BuildArgument, "PKG_TOKEN: ${PKG_TOKEN}"),
            (Door::Printed, "echo $$DB_PASSWORD"),
            (Door::Printed, "echo $$DB_PASSWORD"),
            (Door::BuildArgument, "AUTH_TOKEN"),
            (Door::Traced, "curl -H $$TOKEN x"),
        ];
        assert_eq!(doors, expected);
        let at = uses.at(FILE.find("planted").unwrap()).unwrap();
        assert_eq!((&at.pipeline, &at.job), (&Some("shop".into()), &Some("job".into())));
        let paths: Vec<_> = uses.includes.iter().map(|one| word(one.path.as_ref())).collect();
        assert_eq!(paths, ["deploy/base.yml", "deploy/db/compose.yaml", ""]);
        assert!(uses.unread.is_empty());
    }

    #[test]
    fn of_anybody() {
        for own in [
            "compose.yaml",
            "a/docker-compose.yml",
            "compose.prod.yml",
            "docker-compose-dev.yaml",
            "x.docker-compose.yml",
        ] {
            assert!(is_own(own), "{own}");
        }
        assert!(!is_own("composer.yml") && !is_own("compose.json") && !is_own("a/compose/b.yml"));
        for end in 0..FILE.len() {
            read(&FILE[..end]);
        }
        assert_eq!(read("services: [a, {b: c}]\nsecrets: d\n").uses, []);
        assert_eq!(read(&format!("services: {{a: {{image: \"{}\"}}}}", "${A:-".repeat(200_000))).uses.len(), 200_000);
        assert!(
            !(READER.read)(File { path: "compose.yml", text: b"services:\n  a:\n    image: \xff" }).unread.is_empty()
        );
    }
}

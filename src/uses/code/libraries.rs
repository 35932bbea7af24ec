//! Calls of libraries for a name.

use std::ops::Range;

use super::forms::{Form, LONGEST, Names, call, index, literal, run, spaces, take, whole};
use super::indirect::aliased;
use super::managers::texts;
use super::{Site, is_word};
use crate::model::Confidence;

/// How far back the call is looked for that an argument is of.
const BACK: usize = 2 << 10;

/// `config("NAME")` of a library, where the file names it.
pub(super) fn decoupled(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    if let Some(name) = call(site, word.end)
        && *site.decouples.get_or_insert_with(|| memchr::memmem::find(site.text, b"decouple").is_some())
    {
        take(site, form, name);
    }
}

/// `env.str("NAME")`.
pub(super) fn casts(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    const CASTS: &[&[u8]] = &[
        b"str",
        b"bool",
        b"int",
        b"float",
        b"decimal",
        b"list",
        b"tuple",
        b"dict",
        b"json",
        b"url",
        b"uuid",
        b"bytes",
        b"path",
        b"db",
        b"db_url",
        b"cache",
        b"cache_url",
        b"dj_db_url",
        b"dj_cache_url",
        b"email_url",
        b"search_url",
        b"enum",
        b"get_value",
    ];
    let method = run(site, word.end);
    if CASTS.contains(&site.text.get(method.clone()).unwrap_or_default())
        && site.byte(method.end) == b'('
        && let Some(name) = call(site, method.end)
    {
        take(site, form, name);
    }
}

/// `#[arg(long, env = "NAME")]`, `Arg::new("key").env("NAME")`; a program that is started is given a value too.
pub(super) fn clap(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let before = site.text.get(word.start.saturating_sub(BACK)..word.start).unwrap_or_default().trim_ascii_end();
    let is_method = form.word.starts_with('.');
    if (is_method || before.ends_with(b",") || before.ends_with(b"("))
        && let Some((name, end)) = literal(site, word.end - 1)
        && (!is_method || site.byte(spaces(site, end)) == b')')
    {
        take(site, form, name);
    }
}

/// `viper.BindEnv("key", "NAME")`; of a key alone the name is made of it.
pub(super) fn bound(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let Some((key, mut end)) = whole(site, spaces(site, word.end)) else { return };
    let mut all = Vec::new();
    while site.byte(end) == b',' && all.len() < 16 {
        let Some((name, next)) = whole(site, spaces(site, end + 1)) else { break };
        all.push(name);
        end = next;
    }
    if all.is_empty() {
        take(site, &Form { names: Names::Setting, ..*form }, key);
    }
    for name in all {
        take(site, form, name);
    }
}

/// `EnvVar: "NAME"`, `EnvVars: []string{"A", "B"}`.
pub(super) fn flags(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let at = word.end + usize::from(site.byte(word.end) == b's');
    if site.byte(at) != b':' {
        return;
    }
    let at = spaces(site, at + 1);
    let list = b"[]string{";
    let is_list = site.text.get(at..).is_some_and(|rest| rest.starts_with(list));
    let mut at = if is_list { at + list.len() } else { at };
    for _ in 0..16 {
        let Some((name, end)) = whole(site, spaces(site, at)) else { return };
        take(site, form, name);
        if !is_list || site.byte(end) != b',' {
            return;
        }
        at = end + 1;
    }
}

/// `(env :database-url)` stands for `DATABASE_URL`.
pub(super) fn tagged(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let rest = site.text.get(word.end..site.text.len().min(word.end + LONGEST)).unwrap_or_default();
    let length = rest.iter().take_while(|b| is_word(**b) || **b == b'-').count();
    take(site, &Form { names: Names::Setting, ..*form }, word.end..word.end + length);
}

/// `Field(…, env="NAME")`, `@click.option(…, envvar=["NAME"])`.
pub(super) fn field(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    const CALLS: &[&str] = &["Field(", "option(", "Option(", "argument(", "Argument(", "add_argument("];
    let at = word.end + usize::from(site.byte(word.end) == b'[');
    if literal(site, at).is_none() {
        return;
    }
    let before = site.text.get(word.start.saturating_sub(LONGEST)..word.start).unwrap_or_default();
    if CALLS.iter().any(|call| memchr::memmem::rfind(before, call.as_bytes()).is_some()) {
        texts(site, form, at);
    }
}

/// `configService.get<string>("NAME")`, `configService.getOrThrow("NAME")`, `GetValue<string>("NAME")`.
pub(super) fn generic(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let rest = site.text.get(word.end..site.text.len().min(word.end + 128)).unwrap_or_default();
    let rest = rest.split(|b| matches!(b, b'\n' | b';')).next().unwrap_or_default();
    let Some(open) = memchr::memchr(b'(', rest) else { return };
    let before = rest.get(..open).unwrap_or_default();
    let before = before.strip_prefix(b"OrThrow").unwrap_or(before);
    let is_type = before.is_empty() || before.ends_with(b">") && (before.starts_with(b"<") || form.word.ends_with('<'));
    if let Some(name) = call(site, word.end + open).filter(|_| is_type) {
        take(site, form, name);
    }
}

/// `@ConfigProperty(name = "NAME")`.
pub(super) fn configured(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    let rest = site.text.get(word.end..site.text.len().min(word.end + LONGEST)).unwrap_or_default();
    let rest = rest.split(|b| *b == b')').next().unwrap_or_default();
    let Some(at) = memchr::memmem::find(rest, b"name") else { return };
    let at = spaces(site, word.end + at + 4);
    if site.byte(at) == b'='
        && let Some((name, _)) = whole(site, spaces(site, at + 1))
    {
        take(site, form, name);
    }
}

/// `config["NAME"]`, where the file says that it is of .NET.
pub(super) fn configured_by_key(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    if let Some(name) = index(site, word.end) {
        let is_known = site.mentions("IConfiguration") || site.mentions("ConfigurationBuilder");
        let confidence = if is_known { form.confidence } else { Confidence::Low };
        take(site, &Form { confidence, ..*form }, name);
    }
}

/// `System.env.NAME`, `System.env["NAME"]` of Groovy.
pub(super) fn property(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    if site.byte(word.end) == b'.' {
        let name = run(site, word.end + 1);
        if site.byte(name.end) != b'(' {
            take(site, form, name);
        }
    } else if let Some(name) = index(site, word.end) {
        take(site, form, name);
    }
}

/// `Properties.envOrElse("NAME", …)` of Scala.
pub(super) fn another(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    if let Some(name) = call(site, run(site, word.end).end) {
        take(site, form, name);
    }
}

/// The environment by another name: `const { env } = process`, `import { env } from "node:process"`, `let env = ….environment`.
pub(super) fn taken_out(site: &mut Site<'_, '_>, form: &Form, word: Range<usize>) {
    const MODULES: &[&[u8]] = &[b"process", b"node:process", b"$env/dynamic/private", b"$env/dynamic/public"];
    if form.word == "environment" {
        if let Some(name) = index(site, word.end) {
            return take(site, form, name);
        }
        let line = site.text.get(word.start.saturating_sub(128)..word.start).unwrap_or_default();
        let line = line.rsplit(|b| matches!(b, b'\n' | b';')).next().unwrap_or_default().trim_ascii_start();
        let Some(rest) = line.strip_prefix(b"let ").or_else(|| line.strip_prefix(b"var ")) else { return };
        let name = rest.split(|b| !is_word(*b)).next().unwrap_or_default();
        let is_all = !matches!(site.byte(word.end), b'.' | b'[' | b'?') && !is_word(site.byte(word.end));
        if is_all && rest.get(name.len()..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"=")) {
            aliased(site, &Form { confidence: Confidence::Medium, ..*form }, name, false);
        }
        return;
    }
    let mut at = spaces(site, word.end);
    let mut name = b"env".to_vec();
    let renames =
        [b"as ".as_slice(), b": "].into_iter().find(|sign| site.text.get(at..).is_some_and(|t| t.starts_with(sign)));
    if let Some(sign) = renames {
        let place = run(site, at + sign.len());
        name = site.text.get(place.clone()).unwrap_or_default().to_vec();
        at = spaces(site, place.end);
    }
    if site.byte(at) != b'}' {
        return;
    }
    let rest = site.text.get(spaces(site, at + 1)..).unwrap_or_default();
    let is_taken = if let Some(rest) = rest.strip_prefix(b"=") {
        rest.trim_ascii_start()
            .strip_prefix(b"process")
            .is_some_and(|rest| rest.first().is_none_or(|b| matches!(b, b';' | b'\n' | b'\r' | b',' | b' ')))
    } else if rest.starts_with(b"from") {
        let from = site.text.len() - rest.len() + 4;
        literal(site, spaces(site, from))
            .is_some_and(|(module, _)| MODULES.contains(&site.text.get(module).unwrap_or_default()))
    } else {
        false
    };
    if is_taken {
        aliased(site, &Form { confidence: Confidence::Medium, ..*form }, &name, true);
    }
}

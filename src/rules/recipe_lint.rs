//! What a recipe must keep: hosts of its provider, conditions for both answers, a way back where it claims one.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::lint::{Report, https};
use super::recipe::{ActDecl, ConditionDecl, ControlDecl, IDENTITY, RequestDecl, VerifyDecl};
use super::schema::{ProviderFile, RuleDecl};
use super::template::{self, Random};
use crate::model::nearest;

/// Lints the recipes of a file and the references to them.
pub(super) fn lint(report: &mut Report<'_>, file: &ProviderFile) {
    for (name, recipe) in &file.verify {
        verify(report, file, name, recipe);
    }
    if let Some(capability) = &file.capability {
        let (offset, capability) = (capability.span().start, capability.get_ref());
        https(report, offset, &capability.docs);
        if capability.quarantine.is_none() && capability.revoke.is_none() {
            let help = "say whether either can be undone, or leave the table out";
            report.at(offset, "[capability] says neither `quarantine` nor `revoke`", help);
        }
    }
    for (kind, acts) in
        [("make", &file.make), ("quarantine", &file.quarantine), ("revoke", &file.revoke), ("restore", &file.restore)]
    {
        for recipe in acts.values() {
            act(report, file, kind, recipe);
        }
    }
    for rule in &file.rule {
        let offset = rule.id.span().start;
        reference(report, offset, "verify", rule.verify.as_deref(), &file.verify);
        reference(report, offset, "make", rule.make.as_deref(), &file.make);
        reference(report, offset, "quarantine", rule.quarantine.as_deref(), &file.quarantine);
        reference(report, offset, "revoke", rule.revoke.as_deref(), &file.revoke);
    }
}

fn reference<T>(
    report: &mut Report<'_>,
    offset: usize,
    kind: &str,
    name: Option<&str>,
    known: &BTreeMap<String, Spanned<T>>,
) {
    let Some(name) = name.filter(|n| !known.contains_key(*n)) else { return };
    let near = nearest(name, known.keys().map(String::as_str));
    let help =
        near.map_or_else(|| format!("declare `[{kind}.{name}]` in this file"), |n| format!("did you mean `{n}`?"));
    report.at(offset, format!("there is no recipe `[{kind}.{name}]`"), help);
}

fn verify(report: &mut Report<'_>, file: &ProviderFile, name: &str, recipe: &Spanned<VerifyDecl>) {
    let (offset, decl) = (recipe.span().start, recipe.get_ref());
    documented(report, offset, &decl.docs, &decl.read);
    request(report, file, offset, &decl.request);
    if decl.live.is_empty() || [&decl.dead, &decl.indistinct, &decl.absent].iter().all(|all| all.is_empty()) {
        report.at(
            offset,
            "a verify recipe says what means live and what means dead",
            "add `live` and `dead` conditions from the provider's page; where it documents no refusal there is no recipe",
        );
    }
    let all = || {
        let refusals = [&decl.blocked, &decl.dead, &decl.indistinct, &decl.absent, &decl.refused];
        [&decl.live, &decl.limited].into_iter().chain(refusals).flatten()
    };
    conditions(report, offset, all());
    for condition in all().filter(|c| decl.request.protocol == "https" && !has_shape(c)) {
        report.at(
            offset,
            format!("status {:?} alone is no proof: captive portals and outages answer so too", condition.status),
            "name a `json`, `header`, `xml` or `body` that the provider's page shows",
        );
    }
    if !matches!(decl.request.method.as_str(), "GET" | "HEAD") && decl.request.read_only.is_none() {
        report.at(offset, "a verify recipe changes nothing", "say in `read_only` why this method changes nothing");
    }
    identity(report, offset, decl);
    parts(report, file, name, offset, decl);
    answers(report, offset, decl);
    reference(report, offset, "verify", decl.then.as_deref(), &file.verify);
}

/// Whether a condition asks for more than a status, which anything between here and the provider may give.
fn has_shape(c: &ConditionDecl) -> bool {
    !c.header.is_empty() || !c.json.is_empty() || !c.xml.is_empty() || c.body.is_some()
}

fn identity(report: &mut Report<'_>, offset: usize, decl: &VerifyDecl) {
    for (key, from) in &decl.identity {
        if !IDENTITY.contains(&key.as_str()) {
            let near = nearest(key, IDENTITY.iter().copied()).unwrap_or("subject");
            report.at(offset, format!("nothing of an identity is called `{key}`"), format!("did you mean `{near}`?"));
        }
        if !from.starts_with('/') && !["header:", "xml:", "part:"].iter().any(|kind| from.starts_with(kind)) {
            report.at(
                offset,
                format!("`{from}` names no place in an answer"),
                "write `/json/pointer`, `header:NAME`, `xml:PATH` or `part:NAME`",
            );
        }
    }
}

/// What the rules that name a recipe know of a credential, and what its templates ask for.
fn parts(report: &mut Report<'_>, file: &ProviderFile, name: &str, offset: usize, decl: &VerifyDecl) {
    let asked = placeholders(&decl.request);
    let asked = match asked {
        Ok(asked) => asked,
        Err(why) => return report.at(offset, why, "see docs/rule-format.md for the placeholders"),
    };
    let by_then = |rule: &RuleDecl| {
        let first = rule.verify.as_ref().and_then(|first| file.verify.get(first));
        first.is_some_and(|first| first.get_ref().then.as_deref() == Some(name))
    };
    let users: Vec<&RuleDecl> =
        file.rule.iter().filter(|rule| rule.verify.as_deref() == Some(name) || by_then(rule)).collect();
    if users.is_empty() {
        report.at(offset, format!("no rule names the recipe `{name}`"), format!("add `verify = \"{name}\"` to one"));
    }
    for rule in users {
        for part in &asked {
            let companion = rule.companions.iter().any(|c| c.name == *part);
            let group = rule.pattern.get_ref().contains(&format!("(?<{part}>"));
            if !companion && !group && !GIVEN.contains(&part.as_str()) {
                report.at(
                    offset,
                    format!("rule `{}` has no part `{part}`", rule.id.get_ref()),
                    "name a group of its pattern or one of its companions",
                );
            }
        }
    }
    controlled(report, offset, decl, &asked);
}

/// Parts that every credential has, or that the engine and signers give.
const GIVEN: &[&str] = &["secret", "endpoint", "assertion"];

/// A login's control is no made-up password for a real account: that locks it.
fn controlled(report: &mut Report<'_>, offset: usize, decl: &VerifyDecl, asked: &BTreeSet<String>) {
    let templates: Vec<&String> = match &decl.control {
        ControlDecl::Secret(text) => vec![text],
        ControlDecl::Parts(parts) => parts.values().collect(),
    };
    for text in templates {
        if let Err(why) = template::expand(text, &mut Random::new(1), &template::Bindings::default()) {
            report.at(offset, why, "see docs/rule-format.md for the placeholders");
        }
    }
    let made_up = match &decl.control {
        ControlDecl::Secret(text) => text == "none",
        ControlDecl::Parts(parts) => parts.contains_key("user"),
    };
    let login = asked.contains("user") || (decl.request.protocol != "https" && decl.request.protocol != "ssh");
    if login && !made_up {
        report.at(
            offset,
            "the control is a made-up password for a real account, which may lock it",
            "give `control` as a table that makes up `user` and `secret`",
        );
    }
}

/// The names that a request's templates ask for.
fn placeholders(request: &RequestDecl) -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    let maps = [&request.headers, &request.query, &request.form];
    let mut texts: Vec<&str> = maps.iter().flat_map(|map| map.values()).map(String::as_str).collect();
    texts.push(&request.url);
    texts.extend(request.body.as_deref());
    if let Some(json) = &request.json {
        leaves(json, &mut texts);
    }
    for text in texts {
        template::parts(text, &mut names)?;
    }
    Ok(names)
}

/// The texts of a value.
fn leaves<'v>(value: &'v toml::Value, to: &mut Vec<&'v str>) {
    match value {
        toml::Value::String(text) => to.push(text),
        toml::Value::Array(items) => items.iter().for_each(|item| leaves(item, to)),
        toml::Value::Table(table) => table.values().for_each(|item| leaves(item, to)),
        _ => {}
    }
}

/// A recipe is tested by what its provider's page shows.
fn answers(report: &mut Report<'_>, offset: usize, decl: &VerifyDecl) {
    let known = ["live", "limited", "blocked", "dead", "indistinct", "absent", "unknown"];
    for answer in decl.answer.iter().filter(|a| !known.contains(&a.means.as_str())) {
        report.at(
            offset,
            format!("an answer cannot mean `{}`", answer.means),
            format!("write one of {}", known.join(", ")),
        );
    }
    let has = |means: &[&str]| decl.answer.iter().any(|a| means.contains(&a.means.as_str()));
    if !has(&["live"]) || !has(&["dead", "indistinct", "absent"]) {
        report.at(
            offset,
            "a verify recipe shows an answer that means live and one that means dead, indistinct or absent",
            "add `[[verify.NAME.answer]]` with `means`, `status` and `body` from the provider's page",
        );
    }
}

fn act(report: &mut Report<'_>, file: &ProviderFile, kind: &str, recipe: &Spanned<ActDecl>) {
    let (offset, decl) = (recipe.span().start, recipe.get_ref());
    documented(report, offset, &decl.docs, &decl.read);
    request(report, file, offset, &decl.request);
    if decl.accepted.is_empty() {
        report.at(
            offset,
            format!("a {kind} recipe says which answers mean that it was accepted"),
            "add `accepted` conditions from the provider's page",
        );
    }
    conditions(report, offset, decl.accepted.iter());
    reference(report, offset, "verify", Some(&decl.confirm), &file.verify);
    reference(report, offset, "restore", decl.restore.as_deref(), &file.restore);
    let undoes = matches!(kind, "quarantine" | "revoke");
    if undoes && decl.reversible && decl.restore.is_none() {
        report.at(
            offset,
            format!("a reversible {kind} recipe names how to restore"),
            "add `restore = \"NAME\"`, or say `reversible = false`",
        );
    }
    if undoes && !decl.reversible && decl.first.is_none() {
        report.at(offset, format!("an irreversible {kind} recipe says what to do first"), "add `first = \"…\"`");
    }
}

fn documented(report: &mut Report<'_>, offset: usize, docs: &str, read: &toml::value::Datetime) {
    https(report, offset, docs);
    if read.date.is_none() {
        report.at(offset, "`read` is the day the page was read", "write it as a date, such as 2026-01-31");
    }
}

fn conditions<'a>(report: &mut Report<'_>, offset: usize, all: impl Iterator<Item = &'a ConditionDecl>) {
    for c in all {
        let empty = c.status.is_empty() && !has_shape(c) && c.outcome.is_none();
        if empty {
            report.at(
                offset,
                "a condition without a requirement holds for every answer",
                "name a status, header, field or text that must be there",
            );
        }
        for pointer in c.json.keys().filter(|p| !p.starts_with('/')) {
            report.at(offset, format!("`{pointer}` is no JSON pointer"), "start it with `/` (RFC 6901)");
        }
    }
}

fn request(report: &mut Report<'_>, file: &ProviderFile, offset: usize, request: &RequestDecl) {
    if !PROTOCOLS.contains(&request.protocol.as_str()) {
        let near = nearest(&request.protocol, PROTOCOLS.iter().copied()).unwrap_or("https");
        report.at(offset, format!("there is no protocol `{}`", request.protocol), format!("did you mean `{near}`?"));
    }
    if let Some(signer) = request.signer.as_deref().filter(|s| !SIGNERS.contains(s)) {
        report.at(offset, format!("there is no signer `{signer}`"), format!("known are {}", SIGNERS.join(", ")));
    }
    let bodies = [!request.form.is_empty(), request.json.is_some(), request.body.is_some()];
    if bodies.iter().filter(|given| **given).count() > 1 {
        report.at(offset, "a request has one body", "give one of `form`, `json` and `body`");
    }
    let url = request.url.as_str();
    if request.protocol != "https" {
        let known = ["{host}", "{endpoint}"].iter().any(|host| url == format!("{}://{host}", request.protocol));
        if !known {
            let help = format!("write `{0}://{{host}}` or `{0}://{{endpoint}}`", request.protocol);
            report.at(offset, format!("`{url}` is no address of `{}`", request.protocol), help);
        }
        return;
    }
    if url.strip_prefix("{endpoint}").is_some_and(|rest| rest.starts_with('/')) {
        return;
    }
    https(report, offset, url);
    let authority = url.trim_start_matches("https://").split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains(['@', ':']) || !file.provider.hosts.iter().any(|allowed| host_fits(authority, allowed)) {
        report.at(
            offset,
            format!("`{authority}` is not one of the provider's hosts"),
            "add it to `hosts` of `[provider]` if the provider documents it",
        );
    }
}

/// Protocols that a recipe may ask by.
pub const PROTOCOLS: &[&str] =
    &["https", "postgres", "mysql", "mongodb", "redis", "amqp", "ldap", "smtp", "nats", "ssh", "registry"];

/// Signers of requests.
pub const SIGNERS: &[&str] = &["aws-sigv4", "google-jwt"];

/// Whether a host is the allowed one, or one label (perhaps a part of the credential) below `*.allowed`.
#[must_use]
pub fn host_fits(host: &str, allowed: &str) -> bool {
    let is_label = |label: &str| {
        let name = label.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(label);
        let known = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || (b == b'_' && name.len() < label.len());
        !name.is_empty() && name.len() <= 63 && name.bytes().all(known) && !name.starts_with('-')
    };
    match allowed.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).and_then(|h| h.strip_suffix('.')).is_some_and(is_label),
        None => host == allowed,
    }
}

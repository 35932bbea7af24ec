//! What a recipe must keep: hosts of its provider, conditions for both answers, a way back where it claims one.

use std::collections::BTreeMap;

use toml::Spanned;

use super::lint::{Report, https};
use super::schema::{ActDecl, ConditionDecl, ProviderFile, RequestDecl, VerifyDecl};
use crate::model::nearest;

/// Lints the recipes of a file and the references to them.
pub(super) fn lint(report: &mut Report<'_>, file: &ProviderFile) {
    for recipe in file.verify.values() {
        verify(report, file, recipe);
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

fn verify(report: &mut Report<'_>, file: &ProviderFile, recipe: &Spanned<VerifyDecl>) {
    let (offset, decl) = (recipe.span().start, recipe.get_ref());
    documented(report, offset, &decl.docs, &decl.read);
    request(report, file, offset, &decl.request);
    if decl.live.is_empty() || (decl.dead.is_empty() && decl.indistinct.is_empty()) {
        report.at(
            offset,
            "a verify recipe says what means live and what means dead",
            "add `live` and `dead` conditions from the provider's page",
        );
    }
    if decl.control.trim().is_empty() {
        report.at(
            offset,
            "a verify recipe names its negative control",
            "give a template of a made-up credential that must be refused, or `none`",
        );
    }
    let all = [&decl.live, &decl.limited, &decl.blocked, &decl.dead, &decl.indistinct];
    conditions(report, offset, all.into_iter().flatten());
    reference(report, offset, "verify", decl.then.as_deref(), &file.verify);
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
        let empty = c.status.is_empty()
            && c.header.is_empty()
            && c.json.is_empty()
            && c.xml.is_empty()
            && c.body.is_none()
            && c.outcome.is_none();
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
    if request.protocol != "https" {
        return;
    }
    https(report, offset, &request.url);
    let authority = request.url.trim_start_matches("https://").split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    if authority.contains('@') || !file.provider.hosts.iter().any(|allowed| host_fits(host, allowed)) {
        report.at(
            offset,
            format!("`{host}` is not one of the provider's hosts"),
            "add it to `hosts` of `[provider]` if the provider documents it",
        );
    }
}

/// Whether a host is the allowed one, or one label below `*.allowed`.
fn host_fits(host: &str, allowed: &str) -> bool {
    match allowed.strip_prefix("*.") {
        Some(parent) => {
            host.strip_suffix(parent).and_then(|h| h.strip_suffix('.')).is_some_and(|label| !label.is_empty())
        }
        None => host == allowed,
    }
}

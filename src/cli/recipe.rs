//! A recipe in words: for `quell explain`, `quell rules show` and the pages of rules.

use crate::rules::recipe::{ConditionDecl, ControlDecl};
use crate::rules::{Rule, RuleSet, VerifyDecl};
use crate::verify::plan::Book;

/// What a recipe asks, and what it makes of the answers: a name and its text for each line. Nothing where a rule has none.
pub(super) fn lines(set: &RuleSet, rule: &Rule) -> Vec<(&'static str, String)> {
    let Some(recipe) = Book::new(set).recipe(rule) else { return Vec::new() };
    let mut out = vec![("asks", request(&recipe))];
    if recipe.request.url.starts_with("https://") {
        let (host, _) = crate::verify::request::authority(&recipe.request.url);
        out.push(("hosts", format!("{host}, or what [endpoints] lists in its place")));
    } else {
        out.push(("hosts", "what [endpoints] lists, and no other".to_owned()));
    }
    let meanings = [
        ("live", &recipe.live),
        ("limited", &recipe.limited),
        ("blocked", &recipe.blocked),
        ("dead", &recipe.dead),
        ("indistinct", &recipe.indistinct),
        ("absent", &recipe.absent),
    ];
    for (name, conditions) in meanings.into_iter().filter(|(_, conditions)| !conditions.is_empty()) {
        out.push((name, conditions.iter().map(condition).collect::<Vec<_>>().join("; or ")));
    }
    out.push(("control", control(&recipe).to_owned()));
    if !recipe.identity.is_empty() {
        out.push(("tells", recipe.identity.keys().map(|key| key.replace('_', " ")).collect::<Vec<_>>().join(", ")));
    }
    if recipe.may_lock {
        out.push(("lock-out", "a refusal may lock the account: asked with --logins alone".to_owned()));
    }
    let read = recipe.read.date.map(|date| format!(", as of {date}")).unwrap_or_default();
    out.push(("page", format!("{}{read}", recipe.docs)));
    out
}

fn request(recipe: &VerifyDecl) -> String {
    let request = &recipe.request;
    match request.protocol.as_str() {
        "https" => {
            let why = request.read_only.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            format!("{} {}{why}", request.method, request.url)
        }
        protocol => format!("a login by {protocol} at {}", request.url),
    }
}

/// A condition as people would write it down.
fn condition(condition: &ConditionDecl) -> String {
    let mut out: Vec<String> = Vec::new();
    if !condition.status.is_empty() {
        let status: Vec<String> = condition.status.iter().map(u16::to_string).collect();
        out.push(format!("status {}", status.join(" or ")));
    }
    let maps = [("header", &condition.header), ("", &condition.json), ("element", &condition.xml)];
    for (kind, map) in maps {
        for (name, wanted) in map {
            let kind = if kind.is_empty() { String::new() } else { format!("{kind} ") };
            out.push(match wanted.as_str() {
                "*" => format!("{kind}{name} is there"),
                _ => format!("{kind}{name} = {}", or(wanted)),
            });
        }
    }
    out.extend(condition.body.as_ref().map(|text| format!("the text \"{text}\"")));
    out.extend(condition.outcome.as_ref().map(|outcome| format!("outcome {}", or(outcome))));
    out.join(", ")
}

/// One of several.
fn or(wanted: &str) -> String {
    wanted.replace('|', " or ")
}

fn control(recipe: &VerifyDecl) -> &'static str {
    match &recipe.control {
        ControlDecl::Secret(text) if text == "none" => "none can be made: what is live is told as uncontrolled",
        ControlDecl::Secret(_) => "a made-up one of the same shape must be refused",
        ControlDecl::Parts(_) => "a made-up login must be refused",
    }
}

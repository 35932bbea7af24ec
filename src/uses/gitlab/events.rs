//! What starts a job of GitLab: its `rules` and `only`, else the rules of the whole pipeline. Source: <https://docs.gitlab.com/ci/yaml/#rules>.

use crate::model::Untrusted;
use crate::uses::yaml::Node;

use super::job::{Document, Job};

/// Words of `only` that are events; anything else is the name of a branch or tag.
const ONLY: &[&str] = &[
    "api",
    "branches",
    "chat",
    "external",
    "external_pull_requests",
    "merge_requests",
    "pipelines",
    "pushes",
    "schedules",
    "tags",
    "triggers",
    "web",
];

/// What starts a job, as far as the file says.
pub(super) fn events(document: &Document<'_>, job: &Job<'_, '_>) -> Vec<Untrusted> {
    let mut all = Vec::new();
    if let Some(rules) = job.own("rules") {
        of_rules(document, rules, &mut all);
    }
    if let Some(only) = job.own("only") {
        let refs = if only.is_mapping() { only.get("refs") } else { Some(only) };
        let words: Vec<&str> = refs.map(Node::each).unwrap_or_default().into_iter().filter_map(Node::text).collect();
        words
            .into_iter()
            .filter_map(|word| word.split('@').next())
            .filter(|word| ONLY.contains(word))
            .for_each(|word| add(&mut all, word));
    }
    if all.is_empty()
        && let Some(rules) = document.get("workflow").and_then(|workflow| workflow.get("rules"))
    {
        of_rules(document, rules, &mut all);
    }
    all
}

fn add(all: &mut Vec<Untrusted>, word: &str) {
    let word = Untrusted::from(word);
    if !all.contains(&word) {
        all.push(word);
    }
}

/// The rules that do not keep it from running.
fn of_rules(document: &Document<'_>, rules: Node<'_>, all: &mut Vec<Untrusted>) {
    let mut left = vec![(rules, 0)];
    while let Some((rule, depth)) = left.pop() {
        let rule = document.resolve(rule);
        if rule.is_sequence() && depth <= 10 {
            left.extend(rule.items().into_iter().rev().map(|item| (item, depth + 1)));
        } else if rule.word("when") != Some("never") {
            rule.word("if").unwrap_or_default().split("||").for_each(|part| of_condition(part, all));
        }
    }
}

fn of_condition(condition: &str, all: &mut Vec<Untrusted>) {
    for part in condition.split("&&").map(|part| part.trim().trim_matches(['(', ')']).trim()) {
        if let Some(source) = part.strip_prefix("$CI_PIPELINE_SOURCE") {
            match source.trim_start().strip_prefix("==") {
                Some(word) => add(all, word.trim().trim_matches(['"', '\''])),
                None => in_pattern(source, all),
            }
        } else if is_set(part, "$CI_COMMIT_TAG") {
            add(all, "tags");
        } else if ["$CI_MERGE_REQUEST_ID", "$CI_MERGE_REQUEST_IID"].iter().any(|name| is_set(part, name)) {
            add(all, "merge_request_event");
        }
    }
}

/// `=~ /^(push|web)$/`.
fn in_pattern(source: &str, all: &mut Vec<Untrusted>) {
    let Some(pattern) = source.trim_start().strip_prefix("=~") else { return };
    let words = pattern.split(|c: char| !c.is_ascii_alphabetic() && c != '_').filter(|word| word.len() > 1);
    words.for_each(|word| add(all, word));
}

/// Whether a condition asks that a variable is there or has a value.
fn is_set(part: &str, name: &str) -> bool {
    let Some(rest) = part.strip_prefix(name).map(str::trim) else { return false };
    rest.is_empty()
        || rest.starts_with("=~")
        || (rest.starts_with("==") && !rest.ends_with("null"))
        || rest == "!= null"
}

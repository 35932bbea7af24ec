//! Text that strangers write and that a workflow puts into a script before the shell sees it. Source:
//! <https://docs.github.com/en/actions/concepts/security/script-injections>.

use super::doors::bare;
use super::expression::{Access, Expression, Found, Part};
use super::guard::{is_closed, is_narrow};
use super::reading::Reading;
use super::strangers::{lower, opens};
use super::workflow::{Job, Step};
use crate::model::Confidence;
use crate::model::usage::Door;
use crate::uses::yaml::Node;

const ISSUES: &[&str] = &["issues", "issue_comment"];
const DISCUSSIONS: &[&str] = &["discussion", "discussion_comment"];
const COMMENTS: &[&str] = &["issue_comment", "discussion_comment", "pull_request_review_comment", "commit_comment"];
const TARGET: &[&str] = &["pull_request_target"];
const RUN: &[&str] = &["workflow_run"];
const PUSH: &[&str] = &["push"];

/// Text that strangers write, behind `github`, and the events in which it comes with secrets.
const TEXTS: &[(&[&str], &[&str])] = &[
    (&["head_ref"], TARGET),
    (&["event", "issue", "title"], ISSUES),
    (&["event", "issue", "body"], ISSUES),
    (&["event", "comment", "body"], COMMENTS),
    (&["event", "review", "body"], &["pull_request_review"]),
    (&["event", "review_comment", "body"], &["pull_request_review_comment"]),
    (&["event", "discussion", "title"], DISCUSSIONS),
    (&["event", "discussion", "body"], DISCUSSIONS),
    (&["event", "pull_request", "title"], TARGET),
    (&["event", "pull_request", "body"], TARGET),
    (&["event", "pull_request", "head", "ref"], TARGET),
    (&["event", "pull_request", "head", "label"], TARGET),
    (&["event", "pull_request", "head", "repo", "default_branch"], TARGET),
    (&["event", "pull_request", "head", "repo", "description"], TARGET),
    (&["event", "pull_request", "head", "repo", "homepage"], TARGET),
    (&["event", "pages", "*", "page_name"], &["gollum"]),
    (&["event", "pages", "*", "title"], &["gollum"]),
    (&["event", "head_commit", "message"], PUSH),
    (&["event", "head_commit", "author", "name"], PUSH),
    (&["event", "head_commit", "author", "email"], PUSH),
    (&["event", "commits", "*", "message"], PUSH),
    (&["event", "commits", "*", "author", "name"], PUSH),
    (&["event", "commits", "*", "author", "email"], PUSH),
    (&["event", "workflow_run", "head_branch"], RUN),
    (&["event", "workflow_run", "display_title"], RUN),
    (&["event", "workflow_run", "head_commit", "message"], RUN),
    (&["event", "workflow_run", "head_commit", "author", "name"], RUN),
    (&["event", "workflow_run", "head_commit", "author", "email"], RUN),
    (&["event", "workflow_run", "head_repository", "description"], RUN),
];

/// Inputs of actions that are run as a script.
const SCRIPTS: &[(&str, &str)] = &[
    ("actions/github-script", "script"),
    ("appleboy/ssh-action", "script"),
    ("azure/cli", "inlinescript"),
    ("azure/powershell", "inlinescript"),
    ("nick-fields/retry", "command"),
    ("nick-invision/retry", "command"),
];

/// Whether text of strangers comes with an event.
pub(super) fn comes_with(event: &str) -> bool {
    TEXTS.iter().any(|(_, own)| own.contains(&event))
}

/// Text of strangers in the scripts of a job.
pub(super) fn injected(reading: &mut Reading<'_>, job: &Job<'_>, event: &str, narrow: bool) {
    for step in job.steps.iter().filter(|step| !is_closed(&step.condition, event)) {
        let action = step.uses.map(|(action, _)| bare(action)).unwrap_or_default();
        let inputs = step.node.get("with").map(Node::entries).unwrap_or_default();
        let scripts = inputs.into_iter().filter(|(key, _)| {
            SCRIPTS
                .iter()
                .any(|(own, input)| *own == action && key.text().is_some_and(|name| name.eq_ignore_ascii_case(input)))
        });
        for node in step.run.into_iter().chain(scripts.map(|(_, value)| value)) {
            let templates = reading.expressions(node, false);
            for found in templates.iter().flat_map(Expression::found).filter(|found| found.flows) {
                let set = variable(found.access).and_then(|name| value_of(job, step, name));
                let set = set.map(|value| reading.expressions(value, false)).unwrap_or_default();
                if !is_text(&found, event) && !set.iter().flat_map(Expression::found).any(|one| is_text(&one, event)) {
                    continue;
                }
                // Who pushes may write; what a merge brings has the words of others.
                let sure = if matches!(event, "push" | "workflow_run") || event.starts_with("pull_request_review") {
                    Confidence::Medium
                } else {
                    Confidence::High
                };
                let sure = if narrow || is_narrow(&step.condition) { lower(sure) } else { sure };
                opens(reading, Door::Injected, found.access.span, &step.context, job, sure);
            }
        }
    }
}

/// Whether a reference is text that a stranger writes in this event.
fn is_text(found: &Found<'_>, event: &str) -> bool {
    let Some((first, rest)) = found.access.path.split_first() else { return false };
    found.flows
        && first.is("github")
        && TEXTS.iter().any(|(path, events)| {
            let all_of_it = rest.len() == path.len() || (found.is_whole && rest.len() < path.len());
            events.contains(&event) && all_of_it && rest.iter().zip(*path).all(|(part, name)| part.is(name))
        })
}

/// The variable that a reference is to: `env.NAME`.
pub(super) fn variable(access: &Access) -> Option<&str> {
    match access.path.as_slice() {
        [first, Part::Name(name)] if first.is("env") => Some(name),
        _ => None,
    }
}

/// What a variable of a step is set to.
pub(super) fn value_of<'y>(job: &Job<'y>, step: &Step<'y>, name: &str) -> Option<Node<'y>> {
    let all = std::iter::once(step.node.get("env")).chain(job.environments);
    all.flatten().find_map(|env| env.get(name))
}

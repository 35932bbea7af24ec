//! What those can do who may not write to a repository: open a pull request that a job with secrets checks out and runs, or write text
//! that is put into a script (`texts`). Sources: <https://docs.github.com/en/actions/reference/security/securely-using-pull_request_target>,
//! <https://docs.github.com/en/actions/concepts/security/script-injections>.

use std::collections::HashSet;
use std::sync::Arc;

use super::doors::{bare, version};
use super::expression::{Access, Expression, Part};
use super::guard::{is_closed, is_narrow, is_stubborn};
use super::reading::{Reading, TOKEN, is_token};
use super::texts::{comes_with, injected, value_of, variable};
use super::workflow::{Job, Step, Token};
use crate::model::usage::{Context, Door, Span};
use crate::model::{Confidence, Untrusted};
use crate::uses::script::Lines;
use crate::uses::yaml::Node;

/// Events that a stranger starts and that have secrets, for code of a pull request.
const PULLED: &[&str] = &["pull_request_target", "issue_comment", "workflow_run"];
/// How often a job that is kept from running keeps others from it.
const ROUNDS: usize = 8;

/// Commands that run nothing of what is checked out.
const HARMLESS: &[&str] = &[
    "echo", "printf", "git", "gh", "cd", "set", "exit", "if", "then", "else", "elif", "fi", "[", "[[", "test", "mkdir",
    "ls", "cat", "jq", "curl", "export", "sleep", "date", "pwd", "}", "{", "exit", "true",
];

/// Actions that run what is checked out.
const RUNNERS: &[&str] = &[
    "docker/build-push-action",
    "docker/bake-action",
    "gradle/gradle-build-action",
    "pre-commit/action",
    "golangci/golangci-lint-action",
    "goreleaser/goreleaser-action",
    "cypress-io/github-action",
    "bahmutov/npm-install",
    "borales/actions-yarn",
    "actions-rs/cargo",
];

/// Looks at all jobs of a workflow; `labelled` says that a pull request starts it only when somebody who may gives it a label.
pub(super) fn look(reading: &mut Reading<'_>, jobs: &[Job<'_>], events: &[&str], labelled: bool) {
    let about = |event: &&str| comes_with(event) || PULLED.contains(event);
    for event in events.iter().filter(|event| about(event)) {
        let closed = closed(reading, jobs, event);
        for job in jobs.iter().filter(|job| !closed.contains(job.id)) {
            let labelled = labelled && **event == *"pull_request_target";
            let narrow = labelled || is_narrow(&job.condition) || job.is_deployed;
            if PULLED.contains(event) {
                pulled(reading, job, event, narrow);
                gives(reading, job, narrow);
            }
            injected(reading, job, event, narrow);
        }
    }
}

/// Jobs that do not run when a stranger starts this event: by their own condition, or since one that they need does not.
fn closed<'j>(reading: &mut Reading<'_>, jobs: &'j [Job<'_>], event: &str) -> HashSet<&'j str> {
    let mut all: HashSet<&str> = jobs.iter().filter(|job| is_closed(&job.condition, event)).map(|job| job.id).collect();
    for _ in 0..ROUNDS {
        let before = all.len();
        for job in jobs {
            let waits = reading.pays(job.needs.len() + 1) && job.needs.iter().any(|need| all.contains(need));
            if waits && !is_stubborn(&job.condition) {
                all.insert(job.id);
            }
        }
        if all.len() == before {
            break;
        }
    }
    all
}

/// The secrets that code in a job reaches: whatever the job has is in the memory of the runner.
fn reachable(job: &Job<'_>) -> Vec<(Untrusted, Confidence)> {
    let mut all: Vec<_> =
        job.secrets.iter().filter(|name| !is_token(name)).map(|name| (name.clone(), Confidence::High)).collect();
    match job.token {
        Token::Writes => all.push((TOKEN.into(), Confidence::High)),
        Token::Unknown => all.push((TOKEN.into(), Confidence::Medium)),
        Token::Reads => {}
    }
    all
}

pub(super) fn opens(
    reading: &mut Reading<'_>,
    door: Door,
    span: Span,
    context: &Arc<Context>,
    job: &Job<'_>,
    confidence: Confidence,
) {
    if !reading.pays(job.secrets.len() + 1) {
        return;
    }
    for (name, own) in reachable(job) {
        reading.exposes(door, &name, span, context, confidence.min(own));
    }
}

pub(super) fn lower(confidence: Confidence) -> Confidence {
    if confidence == Confidence::High { Confidence::Medium } else { Confidence::Low }
}

/// A job that runs what a pull request of a stranger brings.
fn pulled(reading: &mut Reading<'_>, job: &Job<'_>, event: &str, narrow: bool) {
    let mut brought: Vec<(Span, &Step<'_>, Confidence, Option<Confidence>)> = Vec::new();
    let mut asked = false;
    for step in &job.steps {
        if is_closed(&step.condition, event) {
            continue;
        }
        asked |= asks(step);
        let found = brings(reading, job, step, event);
        let ran = runs(step, found.map(|(span, _)| span));
        for (.., best) in &mut brought {
            *best = (*best).max(ran);
        }
        if let Some((span, confidence)) = found {
            let narrow = narrow || is_narrow(&step.condition);
            let confidence = if narrow { lower(confidence) } else { confidence };
            let own = ran.filter(|_| step.run.is_some());
            brought.push((span, step, if asked { Confidence::Low } else { confidence }, own));
        }
    }
    for (span, step, confidence, best) in brought {
        if let Some(best) = best {
            opens(reading, Door::Fork, span, &step.context, job, confidence.min(best));
        }
    }
}

/// A job that tells a workflow of this repository which commit of a stranger to take.
fn gives(reading: &mut Reading<'_>, job: &Job<'_>, narrow: bool) {
    for (_, value) in job.given.map(Node::entries).unwrap_or_default() {
        if let Some(confidence) = head(reading, value) {
            let confidence = confidence.min(Confidence::Medium);
            let confidence = if narrow { lower(confidence) } else { confidence };
            opens(reading, Door::Fork, value.span(), &job.context, job, confidence);
        }
    }
}

/// Whether a step asks what somebody may do: what it does with the answer is not known.
fn asks(step: &Step<'_>) -> bool {
    let has = |text: &str| {
        ["permission", "collaborator", "membership"].iter().any(|word| text.to_ascii_lowercase().contains(word))
    };
    let script = step.node.path(&["with", "script"]).and_then(Node::text);
    step.uses.is_some_and(|(action, _)| has(action)) || step.run.and_then(Node::text).or(script).is_some_and(has)
}

/// Whether a step runs code of the folder, and how sure that is; `behind` is where it brings that code itself.
fn runs(step: &Step<'_>, behind: Option<Span>) -> Option<Confidence> {
    if let Some((action, _)) = step.uses {
        return Some(match bare(action) {
            _ if action.starts_with("./") => Confidence::High,
            name if RUNNERS.contains(&name.as_str()) => Confidence::Medium,
            _ => Confidence::Low,
        });
    }
    let (text, base) = step.run.and_then(Node::raw)?;
    let from = behind.map_or(0, |span| span.end.saturating_sub(base));
    let mut words = text
        .get(from..)?
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| !word.starts_with(['#', '|', '>']));
    let runs = words.any(|word| !HARMLESS.contains(&word));
    match behind {
        Some(_) if !runs => None,
        _ => Some(if runs { Confidence::High } else { Confidence::Low }),
    }
}

/// Whether a step brings the code of a pull request: where it says so, and how sure that is.
fn brings(reading: &mut Reading<'_>, job: &Job<'_>, step: &Step<'_>, event: &str) -> Option<(Span, Confidence)> {
    let most = if event == "workflow_run" { Confidence::Medium } else { Confidence::High };
    if let Some(run) = step.run {
        return fetched(reading, step, run).map(|(span, confidence)| (span, confidence.min(most)));
    }
    let (action, span) = step.uses?;
    let name = bare(action);
    let with = |input: &str| step.node.path(&["with", input]);
    if event == "workflow_run" && name.contains("download-artifact") && !name.starts_with("./") {
        let other = !name.starts_with("actions/") || with("run-id").is_some();
        return other.then_some((span, Confidence::Low));
    }
    if !name.ends_with("/checkout") {
        return None;
    }
    let fork = with("repository").filter(|node| {
        reading.expressions(*node, false).iter().flat_map(Expression::found).any(|found| is_fork(found.access))
    });
    let named = with("ref").and_then(|node| {
        let value = whole_variable(reading, node).and_then(|name| value_of(job, step, &name));
        Some((node, head(reading, value.unwrap_or(node))?))
    });
    let (node, confidence) = match (named, fork) {
        (Some((node, _)), Some(_)) => (node, Confidence::High),
        (Some(named), None) => named,
        (None, Some(node)) => (node, Confidence::High),
        (None, None) => return None,
    };
    let confidence = if with("path").is_some() { lower(confidence) } else { confidence };
    let refused =
        name == "actions/checkout" && event != "issue_comment" && refuses(version(action, span, reading.yaml.source()));
    let allowed = with("allow-unsafe-pr-checkout").and_then(Node::text).is_some_and(|text| text != "false");
    Some((node.span(), if refused && !allowed { Confidence::Low } else { confidence.min(most) }))
}

/// Versions of the checkout that refuse the code of forks unless they are told otherwise; tags that move have come to them.
fn refuses(version: Option<(u32, Option<u32>)>) -> bool {
    match version {
        Some((4, minor)) => minor.is_none_or(|minor| minor >= 4),
        Some((5 | 6, minor)) => minor.is_none_or(|minor| minor >= 1),
        Some((major, _)) => major > 6,
        None => false,
    }
}

fn is_fork(access: &Access) -> bool {
    access.begins_with(&["github", "event", "pull_request", "head", "repo"])
        || access.begins_with(&["github", "event", "workflow_run", "head_repository"])
}

/// Whether a reference of git is the code of a pull request. A branch alone is looked for in the repository itself, where strangers
/// have none.
fn head(reading: &mut Reading<'_>, node: Node<'_>) -> Option<Confidence> {
    let all = reading.expressions(node, false);
    let found =
        all.iter().flat_map(Expression::found).filter(|found| found.flows).filter_map(|found| commit(found.access));
    let pulls = node.text().filter(|text| is_pull(text)).map(|_| Confidence::High);
    found.chain(pulls).max()
}

/// The variable whose value is all of a scalar: `${{ env.NAME }}`.
fn whole_variable(reading: &mut Reading<'_>, node: Node<'_>) -> Option<String> {
    match reading.expressions(node, false).as_slice() {
        [Expression::Access(access)] => variable(access).map(str::to_owned),
        _ => None,
    }
}

/// `refs/pull/1/head`, and `refs/pull/1/merge`.
fn is_pull(text: &str) -> bool {
    text.contains("pull/") && (text.contains("/head") || text.contains("/merge"))
}

fn commit(access: &Access) -> Option<Confidence> {
    const COMMITS: &[&[&str]] = &[
        &["github", "event", "pull_request", "head", "sha"],
        &["github", "event", "pull_request", "merge_commit_sha"],
        &["github", "event", "workflow_run", "head_sha"],
        &["github", "event", "workflow_run", "head_commit", "id"],
    ];
    const BRANCHES: &[&[&str]] = &[
        &["github", "head_ref"],
        &["github", "event", "pull_request", "head", "ref"],
        &["github", "event", "workflow_run", "head_branch"],
    ];
    if COMMITS.iter().any(|path| access.leads_to(path)) {
        return Some(Confidence::High);
    }
    if BRANCHES.iter().any(|path| access.leads_to(path)) {
        return Some(Confidence::Low);
    }
    // What a step before found out about the pull request.
    let told = access.begins_with(&["steps"]) || access.begins_with(&["needs"]);
    let is_head = |name: &str| name.contains("head") || name.starts_with("pr_") || name.starts_with("pr-");
    let last = access.path.last();
    let named = matches!(last, Some(Part::Name(name)) if is_head(&name.to_ascii_lowercase()));
    (told && named).then_some(Confidence::Medium)
}

/// A script that fetches the code of a pull request.
fn fetched(reading: &mut Reading<'_>, step: &Step<'_>, run: Node<'_>) -> Option<(Span, Confidence)> {
    let lines = Lines::of(run)?;
    let templates = reading.expressions(run, false);
    let heads: Vec<(Span, Confidence)> = templates
        .iter()
        .flat_map(Expression::found)
        .filter_map(|found| Some((found.access.span, commit(found.access)?)))
        .collect();
    let mut names: Vec<(String, Confidence)> = Vec::new();
    for (key, value) in step.node.get("env").map(Node::entries).unwrap_or_default() {
        let Some(name) = key.text().filter(|name| name.len() > 2) else { continue };
        if let Some(confidence) = head(reading, value) {
            names.extend([(format!("${name}"), confidence), (format!("${{{name}}}"), confidence)]);
        }
    }
    if !reading.pays(lines.text().len() * (names.len() + heads.len() + 1)) {
        return None;
    }
    let mut at = 0;
    for line in lines.text().split_inclusive('\n') {
        let span = Span { start: at + line.len() - line.trim_start().len(), end: at + line.trim_end().len() };
        let span = lines.place(span);
        at += line.len();
        let plain = line.trim();
        if plain.starts_with('#') {
            continue;
        }
        if plain.contains("gh pr checkout") || plain.contains("hub pr checkout") {
            return Some((span, Confidence::High));
        }
        let fetches = ["fetch", "checkout", "pull ", "merge ", "clone", "worktree", "switch", "reset"];
        if !plain.contains("git ") || !fetches.iter().any(|verb| plain.contains(verb)) {
            continue;
        }
        let here = heads.iter().filter(|(head, _)| span.has(head.start)).map(|(_, confidence)| *confidence);
        let by_name = names.iter().filter(|(name, _)| plain.contains(name.as_str())).map(|(_, confidence)| *confidence);
        let by_path = is_pull(plain).then_some(Confidence::High);
        if let Some(confidence) = here.chain(by_name).chain(by_path).max() {
            return Some((span, confidence));
        }
    }
    None
}

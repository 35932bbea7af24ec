//! What a task says: everything that its owner needs to end a leaked credential, and nothing that helps anybody else. The secret
//! is there in its redacted form alone.
//!
//! Times are dates and not ages: a task is written anew when what it says has changed, and an age changes by itself.
//! `standing` has what it is, where it stands and whether it works, `people` whose it is and what depends on it, `steps` what to do,
//! `decided` what quell would do and what waits, `comment` what is said below it as the case moves.

mod comment;
mod decided;
mod people;
mod standing;
mod steps;

#[cfg(test)]
pub(super) mod tests;

use super::when::zoned;
use crate::model::Untrusted;
use crate::model::case::{Case, Stage};
use crate::model::document::{Block, Document, Span};
use crate::model::principal::Actor;

pub use comment::{Comment, comment};
pub(super) use people::owner;
pub(super) use standing::{title, verdict};

/// How many places, claims, dependents and steps are shown of each.
const SHOWN: usize = 20;

/// What a task depends on besides its case.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskContext<'a> {
    /// The time, in seconds since 1970 UTC: what is past by then is not asked for.
    pub now: i64,
    /// Until when it is to be proved dead, in seconds since 1970 UTC.
    pub deadline: Option<i64>,
    /// Whether commands are heard in the task's comments.
    pub commands: bool,
    /// The address below which cases are shown, as `https://quell.example`; there may be none.
    pub base: Option<&'a str>,
}

/// The task of a case.
#[must_use]
pub fn task(case: &Case, about: &TaskContext<'_>) -> Document {
    let mut blocks = standing::blocks(case);
    blocks.extend(people::blocks(case));
    if case.stage.is_open() {
        blocks.extend(steps::blocks(case));
        blocks.extend(decided::blocks(case, about.now));
        if about.commands {
            blocks.extend(commands(case, about.now));
        }
    }
    blocks.extend(end(case, about));
    Document { title: title(case), blocks }
}

/// What may be written below it.
fn commands(case: &Case, now: i64) -> Vec<Block> {
    let mut items: Vec<Vec<Span>> = Vec::new();
    let mut item = |command: &str, does: &str| items.push(vec![Span::code(command), Span::text(format!(" {does}"))]);
    for approval in decided::waiting(case, now) {
        let action = approval.request.plan.action.as_str();
        let hash = &approval.request.plan_hash;
        item(&format!("/quell approve {hash}"), &format!("approves the plan above ({action})"));
    }
    if decided::waiting(case, now).next().is_some() {
        item("/quell reject REASON", "rejects it");
    }
    item("/quell ack", "says that you look after it");
    item("/quell owner @team", "says whose it is");
    item("/quell done ACTION REASON", "says what you did: rotate, quarantine, revoke or restore");
    item("/quell accept-risk UNTIL REASON", "accepts the risk until a day, where you may");
    let who = "They act under your own registered name, and only where it is allowed to. Each stands on a line of its own, in a \
               comment that is not edited afterwards.";
    vec![
        Block::Heading("Commands in a comment".to_owned()),
        Block::List { ordered: false, items },
        Block::Paragraph(vec![Span::text(who)]),
    ]
}

/// Until when, and how it ends.
fn end(case: &Case, about: &TaskContext<'_>) -> Vec<Block> {
    let number = case.number;
    let mut blocks = vec![Block::Heading("How this ends".to_owned())];
    if let Some(deadline) = about.deadline.filter(|_| case.stage.is_open()) {
        let by = format!("{}.", zoned(deadline));
        blocks.push(Block::Paragraph(vec![Span::text("Deadline: "), Span::Strong(by)]));
    }
    let mut how = match case.stage {
        Stage::Closed => {
            vec![Span::text("It is over. Should the credential work or stand somewhere again, this is opened again.")]
        }
        _ => vec![
            Span::text(
                "With proof of death alone: its issuer refuses it for good. quell asks on a schedule, and when you type ",
            ),
            Span::code(format!("quell case verify {number}")),
            Span::text(". Then this task is closed. Closing it before that proves nothing: it is opened again."),
        ],
    };
    if let Some(link) = link(case, about.base) {
        how.extend([Span::text(" More: "), link, Span::text(".")]);
    }
    blocks.push(Block::Paragraph(how));
    blocks
}

/// The page of a case, where there is one.
pub(super) fn link(case: &Case, base: Option<&str>) -> Option<Span> {
    let base = base?.trim_end_matches('/');
    (!base.is_empty())
        .then(|| Span::Link { text: case.number.to_string(), url: format!("{base}/cases/{}", case.number) })
}

/// Who did something: a name that may come from outside.
pub(super) fn who(actor: &Actor) -> Span {
    match actor {
        Actor::Quell => Span::text("quell"),
        other => Span::code(other.name()),
    }
}

/// The day of a time, UTC; nothing where it is not known.
pub(super) fn day(at: i64) -> String {
    zoned(at).chars().take(10).collect()
}

/// Text from outside, cut to what a line holds.
fn cut(text: &Untrusted, most: usize) -> Span {
    let whole = String::from_utf8_lossy(text.raw());
    if whole.chars().count() <= most {
        return Span::Code(text.clone());
    }
    Span::code(whole.chars().take(most).chain(['…']).collect::<String>())
}

/// A list without marks of order, where there is anything in it.
fn list(items: Vec<Vec<Span>>) -> Option<Block> {
    (!items.is_empty()).then_some(Block::List { ordered: false, items })
}

//! What is said below a task as its case moves.

use super::{TaskContext, cut, decided, standing, who};
use crate::model::case::{Approval, Case};
use crate::model::document::{Block, Document, Span};
use crate::model::event::{Closure, Reopening, TaskRef};
use crate::model::principal::Actor;
use crate::model::{Untrusted, Verification};
use crate::report::when::zoned;

/// What a comment is about.
#[derive(Clone, Copy, Debug)]
pub enum Comment<'a> {
    /// What its issuer says has changed.
    Verdict {
        /// What it said before; `None` where nobody had asked.
        from: Option<&'a Verification>,
        /// What it says now.
        to: &'a Verification,
        /// Who asked.
        by: &'a Actor,
    },
    /// Somebody closed the task, and nothing proves the credential dead.
    ReopenedUnproved {
        /// The account that closed it, where the tracker says which.
        by: Option<&'a Untrusted>,
    },
    /// The case is open again.
    Reopened {
        /// Why.
        why: Reopening,
    },
    /// The case is closed.
    Closed {
        /// By what.
        closure: &'a Closure,
    },
    /// The risk was accepted.
    RiskAccepted {
        /// Until when, in seconds since 1970 UTC.
        until: i64,
        /// Why.
        reason: &'a str,
        /// By whom.
        by: &'a Actor,
    },
    /// An approval is asked for.
    Approval(&'a Approval),
    /// A command was heard.
    Answered {
        /// The account that wrote it.
        account: &'a Untrusted,
        /// What it wrote.
        text: &'a Untrusted,
        /// Why it was refused; `None` where it was done.
        refused: Option<&'a str>,
    },
    /// Another task is about the same credential, and goes on.
    Duplicate {
        /// That one.
        of: &'a TaskRef,
    },
}

/// A comment below the task of a case.
#[must_use]
pub fn comment(case: &Case, what: &Comment<'_>, about: &TaskContext<'_>) -> Document {
    let strong = |words: &str| Span::Strong(words.to_owned());
    let blocks = match what {
        Comment::Verdict { from, to, by } => changed(*from, to, by),
        Comment::ReopenedUnproved { by } => unproved(case, *by, about.commands),
        Comment::Reopened { why } => {
            let why = match why {
                Reopening::Appeared => "It stands somewhere again.",
                Reopening::LivesAgain => "It works again, after its issuer had refused it.",
                Reopening::AcceptanceEnded => "The risk was accepted until a day that is past.",
            };
            vec![Block::Paragraph(vec![strong("Opened again."), Span::text(format!(" {why}"))])]
        }
        Comment::Closed { closure } => closed(closure),
        Comment::RiskAccepted { until, reason, by } => {
            let mut first =
                vec![strong("The risk is accepted"), Span::text(format!(" until {}, by ", zoned(*until))), who(by)];
            first.extend([
                Span::text(": "),
                cut(&(*reason).into(), 500),
                Span::text(". After that day it is open again."),
            ]);
            vec![Block::Paragraph(first)]
        }
        Comment::Approval(approval) => approval_asked(approval, about.commands),
        Comment::Answered { account, text, refused } => {
            let mut first = vec![cut(account, 100), Span::text(" wrote "), cut(text, 300), Span::text(": ")];
            match refused {
                None => first.push(strong("done.")),
                Some(why) => first.extend([strong("not done."), Span::text(" "), cut(&(*why).into(), 500)]),
            }
            vec![Block::Paragraph(first)]
        }
        Comment::Duplicate { of } => {
            let first = vec![
                strong("Closed as a duplicate."),
                Span::text(" The same credential is followed in "),
                cut(&of.url, 300),
                Span::text("."),
            ];
            vec![Block::Paragraph(first)]
        }
    };
    Document { title: vec![Span::text(format!("{}: {}", case.number, named(what)))], blocks }
}

/// What a comment is about, in a few words.
const fn named(what: &Comment<'_>) -> &'static str {
    match what {
        Comment::Verdict { .. } => "the verdict changed",
        Comment::ReopenedUnproved { .. } | Comment::Reopened { .. } => "opened again",
        Comment::Closed { .. } => "closed",
        Comment::RiskAccepted { .. } => "risk accepted",
        Comment::Approval(_) => "an approval is asked for",
        Comment::Answered { .. } => "a command was heard",
        Comment::Duplicate { .. } => "a duplicate",
    }
}

fn changed(from: Option<&Verification>, to: &Verification, by: &Actor) -> Vec<Block> {
    let before = from.map_or("not asked", |before| standing::word(before.verdict));
    let now = standing::word(to.verdict);
    let mut first = vec![Span::Strong(format!("{before} → {now}")), Span::text(". ")];
    first.extend(standing::verdict(to));
    first.extend([Span::text(", asked by "), who(by), Span::text(".")]);
    vec![Block::Paragraph(first)]
}

fn unproved(case: &Case, by: Option<&Untrusted>, commands: bool) -> Vec<Block> {
    let dead = case.proof_of_death().is_some();
    let why = if dead { "Opened again: its case is open." } else { "Opened again: nothing proves it dead." };
    let mut first = vec![Span::Strong(why.to_owned())];
    if let Some(by) = by {
        first.extend([Span::text(" "), cut(by, 100), Span::text(" closed this task.")]);
    }
    if dead {
        first.extend([
            Span::text(" It is proved dead at a host that a configuration lists, so a responder closes it: "),
            Span::code(format!("quell case close {}", case.number)),
            Span::text("."),
        ]);
        return vec![Block::Paragraph(first)];
    }
    first.extend([
        Span::text(" Whoever has the credential can use it until its issuer refuses it. "),
        Span::code(format!("quell case verify {}", case.number)),
        Span::text(" asks its issuer, and closes this where it is dead."),
    ]);
    if commands {
        let command = Span::code("/quell accept-risk UNTIL REASON");
        first.extend([Span::text(" Who may accept the risk writes "), command, Span::text(".")]);
    }
    vec![Block::Paragraph(first)]
}

fn approval_asked(approval: &Approval, commands: bool) -> Vec<Block> {
    let mut blocks = decided::asked(approval);
    if commands {
        let approve = Span::code(format!("/quell approve {}", approval.request.plan_hash));
        let (or, reject) = (Span::text(" or "), Span::code("/quell reject REASON"));
        blocks.push(Block::Paragraph(vec![Span::text("Write "), approve, or, reject, Span::text(".")]));
    }
    blocks
}

fn closed(closure: &Closure) -> Vec<Block> {
    let first = match closure {
        Closure::ProofOfDeath { asked, recipe } => vec![
            Span::Strong("Closed: it is proved dead.".to_owned()),
            Span::text(format!(" Its issuer refused it for good at {} (recipe ", zoned(*asked))),
            Span::code(recipe),
            Span::text("). quell asks again for thirty days, and opens this again should it work."),
        ],
        Closure::NoCredential => vec![
            Span::Strong("Closed.".to_owned()),
            Span::text(" A person judged that it is no credential, or one that is meant to be there."),
        ],
    };
    vec![Block::Paragraph(first)]
}

//! What tasks, comments and notices say: the documents of `report`, in the form that each tracker and channel takes.

use crate::connectors::notice::Message;
use crate::connectors::tracker::TaskFormat;
use crate::model::Untrusted;
use crate::model::case::Case;
use crate::model::document::{Block, Document, Span};
use crate::model::event::NoticeKind;
use crate::orchestrate::deadline;
use crate::orchestrate::outside::{Comment, TaskAbout, Words};
use crate::report::document::{adf, markdown, markdown_title, mrkdwn, plain, title};
use crate::report::notice::{self, NoticeContext};
use crate::report::task::{self, TaskContext};

/// The texts.
pub(super) struct Texts;

impl Words for Texts {
    fn task(&self, case: &Case, about: TaskAbout, format: TaskFormat) -> (String, String) {
        let context =
            TaskContext { now: about.now, deadline: Some(about.deadline), commands: about.commands, base: None };
        let document = task::task(case, &context);
        let line = match format {
            TaskFormat::Markdown => markdown_title(&document),
            TaskFormat::Adf | TaskFormat::Plain => title(&document),
        };
        (line, body(&document, format))
    }

    fn comment(&self, case: &Case, comment: &Comment, format: TaskFormat) -> String {
        let context = TaskContext { commands: true, ..TaskContext::default() };
        let answer;
        let of = |what: &task::Comment<'_>| task::comment(case, what, &context);
        let document = match comment {
            Comment::Verdict { before, place } => {
                let from = before.and_then(|before| case.verdicts.get(before)).map(|(v, ..)| v);
                case.verdicts.get(*place).map(|(to, _, by)| of(&task::Comment::Verdict { from, to, by }))
            }
            Comment::NotDead { by, refused } => {
                let by = by.as_deref().filter(|by| !by.is_empty()).map(Untrusted::from);
                let mut document = of(&task::Comment::ReopenedUnproved { by: by.as_ref() });
                if let Some(refused) = refused {
                    let what = if case.proof_of_death().is_some() {
                        "The case is not closed: "
                    } else {
                        "The risk is not accepted: "
                    };
                    let why = vec![Span::text(what), Span::code(refused), Span::text(".")];
                    document.blocks.push(Block::Paragraph(why));
                }
                Some(document)
            }
            Comment::RiskAccepted => case
                .accepted
                .as_ref()
                .map(|(until, reason, by)| of(&task::Comment::RiskAccepted { until: *until, reason, by })),
            Comment::Closed => case.closure.as_ref().map(|closure| of(&task::Comment::Closed { closure })),
            Comment::Reopened => case.reopening.map(|why| of(&task::Comment::Reopened { why })),
            Comment::Approval { request } => {
                let approval = case.approvals.iter().find(|approval| approval.request.id == *request);
                approval.map(|approval| of(&task::Comment::Approval(approval)))
            }
            Comment::Answer { account, text, refused } => {
                answer = (Untrusted::from(account.as_str()), Untrusted::from(text.as_str()));
                let (account, text) = (&answer.0, &answer.1);
                Some(of(&task::Comment::Answered { account, text, refused: refused.as_deref() }))
            }
            Comment::Duplicate { of: twin } => Some(of(&task::Comment::Duplicate { of: twin })),
            Comment::Moved { to } => Some(moved(case, to)),
            Comment::Back => Some(line(case, vec![Span::text("Opened again: its owner works here again.")])),
        };
        body(&document.unwrap_or_default(), format)
    }

    fn notice(&self, case: &Case, what: NoticeKind, id: &str, now: i64) -> Message {
        let url = case.tasks.iter().find(|task| task.open).map(|task| text(&task.task.url));
        let context = NoticeContext {
            now,
            deadline: Some(case.since + deadline(case.opening.severity)),
            base: None,
            task: url.as_deref().filter(|url| url.starts_with("https://")),
        };
        let document = notice::notice(case, what, &context);
        message(&document, id, now, notice::json(case, what, &context))
    }

    fn digest(&self, all: &[(Case, NoticeKind)], id: &str, now: i64) -> Message {
        let context = NoticeContext { now, ..NoticeContext::default() };
        let items: Vec<(&Case, NoticeKind)> = all.iter().map(|(case, what)| (case, *what)).collect();
        let document = notice::digest(&items, &context);
        message(&document, id, now, notice::digest_json(&items, &context))
    }
}

fn message(document: &Document, id: &str, now: i64, json: serde_json::Value) -> Message {
    Message {
        id: id.to_owned(),
        at: now,
        subject: title(document),
        plain: plain(document),
        slack: mrkdwn(document),
        json,
    }
}

fn body(document: &Document, format: TaskFormat) -> String {
    match format {
        TaskFormat::Markdown => markdown(document),
        TaskFormat::Adf => adf(document).to_string(),
        TaskFormat::Plain => plain(document),
    }
}

/// That a task goes on elsewhere.
fn moved(case: &Case, to: &str) -> Document {
    line(case, vec![Span::text("Closed: its owner works elsewhere. It goes on in "), Span::code(to), Span::text(".")])
}

/// A comment of one line.
fn line(case: &Case, line: Vec<Span>) -> Document {
    Document { title: vec![Span::text(case.number.to_string())], blocks: vec![Block::Paragraph(line)] }
}

fn text(value: &Untrusted) -> String {
    String::from_utf8_lossy(value.raw()).into_owned()
}

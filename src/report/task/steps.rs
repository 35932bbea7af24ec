//! What to do, in an order that breaks nothing, and why history comes last.

use crate::model::Verdict;
use crate::model::case::Case;
use crate::model::document::{Block, Span};

pub(super) fn blocks(case: &Case) -> Vec<Block> {
    let mut blocks = vec![Block::Heading("What to do".to_owned())];
    blocks.push(Block::List { ordered: true, items: steps(case) });
    // How it is ended stands behind the steps: whoever ends it first breaks what uses it.
    let opening = &case.opening;
    let mut advice = vec![Span::text("How one of this kind is ended: ")];
    // What a report from elsewhere advises is not quell's advice.
    if opening.by_report {
        advice.push(Span::code(&opening.advice));
    } else {
        advice.push(Span::text(opening.advice.clone()));
    }
    if !opening.docs.is_empty() {
        let docs = if opening.by_report {
            Span::code(&opening.docs)
        } else {
            Span::Link { text: "the provider's page".to_owned(), url: opening.docs.clone() }
        };
        advice.extend([Span::text(" See "), docs, Span::text(".")]);
    }
    if !opening.advice.is_empty() {
        blocks.push(Block::Paragraph(advice));
    }
    blocks.push(Block::Heading("After that: history".to_owned()));
    let why = "Rewriting history comes after, if at all. Everybody who cloned or forked the repository has the credential, and so \
               has whoever read it meanwhile: taking it out hides it, and ends nothing. What is dead does no harm where it stands; \
               what works does, wherever it was taken out.";
    blocks.push(Block::Paragraph(vec![Span::text(why)]));
    blocks
}

fn steps(case: &Case) -> Vec<Vec<Span>> {
    let dead = case.verdict().is_some_and(|v| v.verdict == Verdict::Dead);
    let words = |text: &str| vec![Span::text(text)];
    let mut items = vec![
        words("Make a replacement, with no more access than it needs, and an end."),
        words(
            "Hand it over to everything that uses the old one (above), from a secret store and not from a file in the repository.",
        ),
        words("Prove that it is in use: the new one was used, the old one no more."),
        words("Retire the old one: lock it first where that can be undone, wait for what was forgotten, then end it."),
    ];
    let mut last = vec![Span::text("Prove it dead: ")];
    last.push(Span::code(format!("quell case verify {}", case.number)));
    last.push(Span::text(" asks its issuer, or wait for the schedule."));
    items.push(last);
    if dead {
        items.insert(0, words("Its issuer refuses it already: see that nothing that used it is left without one."));
    }
    items
}

//! Whose it is, what depends on it, what breaks without it and how fast it is restored: each with where that comes from, since
//! when, and how sure it is. What is not known is said.

use serde::Serialize;

use super::{SHOWN, cut, day, list, who};
use crate::model::answers::{Answer, Answers, Reversibility};
use crate::model::case::Case;
use crate::model::counted;
use crate::model::document::{Block, Span};
use crate::model::owner::{Owner, OwnerKind, Ownership, Subject};
use crate::report::when::zoned;

pub(super) fn blocks(case: &Case) -> Vec<Block> {
    let mut blocks = vec![Block::Heading("Whose it is".to_owned())];
    blocks.push(Block::Paragraph(owner(case)));
    blocks.extend(list(claims(case)));
    blocks.push(Block::Heading("What depends on it, and what breaks".to_owned()));
    blocks.extend(list(questions(&case.answers)));
    blocks
}

/// Whose it is, as far as that is known.
pub(in crate::report) fn owner(case: &Case) -> Vec<Span> {
    match case.ownership() {
        Ownership::Known { owner, strength } => {
            let mut out = named(&owner);
            out.push(Span::text(format!(" ({})", strength.as_str())));
            if let Some((_, reason, by, at)) = &case.assigned {
                out.extend([Span::text("; assigned by "), who(by), Span::text(format!(" on {}: ", day(*at)))]);
                out.push(cut(&reason.as_str().into(), 200));
            }
            out
        }
        Ownership::Conflict { between, strength } => {
            let mut out = vec![Span::Strong("Disputed:".to_owned()), Span::text(" ")];
            for (n, owner) in between.iter().take(SHOWN).enumerate() {
                out.extend((n > 0).then(|| Span::text(", ")));
                out.extend(named(owner));
            }
            out.push(Span::text(format!(" ({} each). Somebody has to say whose it is.", strength.as_str())));
            out
        }
        Ownership::Unknown => {
            vec![
                Span::Strong("Not known.".to_owned()),
                Span::text(" Nothing is done by itself until somebody says whose it is."),
            ]
        }
    }
}

fn named(owner: &Owner) -> Vec<Span> {
    let kind = match owner.kind {
        OwnerKind::Team => "team ",
        OwnerKind::Person => "person ",
    };
    vec![Span::text(kind), cut(&owner.name, 160)]
}

fn claims(case: &Case) -> Vec<Vec<Span>> {
    let each = case.claims.iter().take(SHOWN).map(|claim| {
        let mut item = vec![Span::text(format!("{}: ", claim.strength.as_str()))];
        item.extend(named(&claim.owner));
        if let Some(gone) = claim.departed {
            item.push(Span::text(format!(", who left on {}", day(gone))));
        }
        item.extend([Span::text(format!(", by {} at ", claim.source.as_str())), cut(&claim.place, 160)]);
        item.push(Span::text(since(Some(claim.at))));
        item
    });
    let mut items: Vec<Vec<Span>> = each.collect();
    if case.claims.len() > SHOWN {
        items.push(vec![Span::text(format!("and {} more", case.claims.len() - SHOWN))]);
    }
    if case.answers.subject == Subject::Mismatch {
        items.push(vec![Span::text("the owner's record means another identity than the one that its issuer reports")]);
    }
    items
}

fn since(at: Option<i64>) -> String {
    at.map(day).filter(|day| !day.is_empty()).map(|day| format!(", as of {day}")).unwrap_or_default()
}

/// Where an answer comes from, of when, and how sure it is.
fn source<T>(answer: &Answer<T>) -> Vec<Span> {
    let mut sources: Vec<&str> = answer.evidence.iter().map(|e| e.source.as_str()).collect();
    sources.sort_unstable();
    sources.dedup();
    // No surer than its least sure part.
    let Some(sure) = answer.evidence.iter().map(|e| e.confidence).min() else { return Vec::new() };
    let mut out = vec![Span::text(" (by ")];
    for (n, source) in sources.into_iter().take(SHOWN).enumerate() {
        out.extend((n > 0).then(|| Span::text(", ")));
        out.push(Span::code(source));
    }
    out.push(Span::text(format!("{}, confidence {})", since(answer.at()), sure.as_str())));
    out
}

fn questions(answers: &Answers) -> Vec<Vec<Span>> {
    let mut items = depends(answers);
    items.extend(breaks(answers));
    items.push(way_back(answers));
    items.extend(
        answers.degraded.iter().map(|(_, sentence)| vec![Span::text("but: "), cut(&sentence.as_str().into(), 300)]),
    );
    items
}

fn depends(answers: &Answers) -> Vec<Vec<Span>> {
    let mut first = vec![Span::text("depends on it: ")];
    let Some(all) = &answers.dependents.value else {
        first.push(Span::Strong("not known".to_owned()));
        return [vec![first], last_use(answers)].concat();
    };
    let found = counted(all.len() as u64, "dependent", "dependents");
    first.push(Span::text(format!("{found} found")));
    first.extend(source(&answers.dependents));
    let mut items = vec![first];
    for dependent in all.iter().take(SHOWN) {
        let mut item = vec![Span::text(format!("{} ", dependent.kind.as_str())), cut(&dependent.name, 160)];
        item.extend([Span::text(", at "), cut(&dependent.evidence.place, 160)]);
        items.push(item);
    }
    if all.len() > SHOWN {
        items.push(vec![Span::text(format!("and {} more", all.len() - SHOWN))]);
    }
    [items, last_use(answers)].concat()
}

fn last_use(answers: &Answers) -> Vec<Vec<Span>> {
    let told = |at: i64| [vec![Span::text(format!("last used {}", zoned(at)))], source(&answers.last_use)].concat();
    answers.last_use.value.map(told).into_iter().collect()
}

/// An answer with its source, or that it is not known.
fn answer<T>(what: &str, value: Option<Span>, of: &Answer<T>) -> Vec<Span> {
    let mut out = vec![Span::text(format!("{what}: ")), value.unwrap_or_else(|| Span::Strong("not known".to_owned()))];
    out.extend(source(of));
    out
}

/// The word that a value has in formats.
fn word<T: Serialize>(value: Option<T>) -> Option<Span> {
    let value = serde_json::to_value(value?).ok()?;
    Some(Span::text(value.as_str()?.to_owned()))
}

fn breaks(answers: &Answers) -> Vec<Vec<Span>> {
    let mut items = vec![
        answer("breaks without it, criticality", word(answers.criticality.value), &answers.criticality),
        answer("environment", word(answers.environment.value), &answers.environment),
        answer(
            "may be away",
            answers.downtime_minutes.value.map(|minutes| Span::text(format!("{minutes} min"))),
            &answers.downtime_minutes,
        ),
    ];
    let partners = answers.partners.value.as_ref().map(|all| match all.as_slice() {
        [] => vec![Span::text("none")],
        all => all.iter().take(SHOWN).flat_map(|name| [cut(name, 80), Span::text(" ")]).collect(),
    });
    let mut item = vec![Span::text("partners: ")];
    item.extend(partners.unwrap_or_else(|| vec![Span::Strong("not known".to_owned())]));
    item.extend(source(&answers.partners));
    items.push(item);
    if let Some(purpose) = &answers.purpose.value {
        items.push(answer("for", Some(cut(purpose, 200)), &answers.purpose));
    }
    let flags = [
        (&answers.shared, "a shared platform rests on it"),
        (&answers.privileged, "it is privileged: it may do more than its own affairs"),
        (&answers.decommissioned, "what used it is gone"),
        (&answers.hot_reload, "what uses it takes a new one without a restart"),
    ];
    for (flag, words) in flags.into_iter().filter(|(flag, _)| flag.value == Some(true)) {
        items.push([vec![Span::text(words)], source(flag)].concat());
    }
    items
}

fn way_back(answers: &Answers) -> Vec<Span> {
    let mut out = vec![Span::text("way back: ")];
    match &answers.capability.value {
        None => out.push(Span::Strong("not known".to_owned())),
        Some(can) => {
            let undo = |what: &str, undo: Option<Reversibility>| match undo {
                Some(Reversibility::Reversible) => format!("a {what} can be undone"),
                Some(Reversibility::Replaceable) => format!("after a {what} another takes its place"),
                Some(Reversibility::Irreversible) => format!("a {what} cannot be undone"),
                None => format!("there is no {what}"),
            };
            out.push(Span::text(format!("{}, {}", undo("quarantine", can.quarantine), undo("revocation", can.revoke))));
        }
    }
    out.extend(source(&answers.capability));
    let rehearsed =
        answers.rehearsed.value.map_or_else(|| "never rehearsed".to_owned(), |at| format!("rehearsed on {}", day(at)));
    let minutes = answers.restore_minutes.value.map(|m| format!(", {m} min as last measured")).unwrap_or_default();
    out.push(Span::text(format!("; {rehearsed}{minutes}")));
    out
}

//! What it is, where it stands, and whether it works.

use super::{SHOWN, cut, day, list, who};
use crate::model::case::{Case, Place, Stage};
use crate::model::document::{Block, Span};
use crate::model::{Part, Presence, Untrusted, Verdict, Verification, counted};
use crate::report::when::zoned;

/// How much of a path stands in a title: trackers hold about 250 characters.
const IN_TITLE: usize = 100;

/// What it is about, in a line: `Q-17: GitHub token leaked in app/config.py (live, high)`.
pub(in crate::report) fn title(case: &Case) -> Vec<Span> {
    let mut out = vec![Span::text(format!("{}: ", case.number)), called(case)];
    if let Some(place) = case.opening.places.first() {
        let path = String::from_utf8_lossy(place.path.raw()).into_owned();
        // The end of a path says more than its beginning.
        let skipped = path.chars().count().saturating_sub(IN_TITLE);
        let shown: String = path.chars().skip(skipped).collect();
        let shown = if skipped > 0 { format!("…{shown}") } else { shown };
        out.extend([Span::text(" leaked in "), Span::code(shown)]);
    } else {
        out.push(Span::text(" leaked"));
    }
    out.push(Span::text(format!(" ({}, {})", standing(case), case.severity().as_str())));
    out
}

/// What the rule calls it. A report from elsewhere may call it anything.
pub(in crate::report) fn called(case: &Case) -> Span {
    if case.opening.by_report { Span::code(&case.opening.title) } else { Span::text(case.opening.title.clone()) }
}

/// How it stands, in a word or two.
pub(in crate::report) fn standing(case: &Case) -> &'static str {
    match (case.stage, case.verdict().map(|v| v.verdict)) {
        (Stage::Closed, _) => "closed",
        (Stage::RiskAccepted, _) => "risk accepted",
        (_, Some(verdict)) => word(verdict),
        (_, None) => "not asked yet",
    }
}

pub(super) const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Live => "live",
        Verdict::LiveLimited => "live, with reduced access",
        Verdict::Blocked => "blocked",
        Verdict::Dead => "dead",
        Verdict::Indistinct => "refused",
        Verdict::Unknown(_) | Verdict::NoVerifier => "unknown",
    }
}

pub(super) fn blocks(case: &Case) -> Vec<Block> {
    let intro = "A credential stands where others can read it. Whoever has it can use it until its issuer refuses it; taking it \
                 out of the file does not change that.";
    let mut blocks = vec![Block::Paragraph(vec![Span::text(intro)]), Block::Heading("What it is".to_owned())];
    blocks.extend(list(what(case)));
    blocks.push(Block::Heading("Where it stands".to_owned()));
    blocks.extend(list(places(case)));
    blocks.push(Block::Heading("Whether it works".to_owned()));
    blocks.extend(list(works(case)));
    blocks
}

fn what(case: &Case) -> Vec<Vec<Span>> {
    let opening = &case.opening;
    let mut items = vec![vec![called(case), Span::text(": "), Span::code(&opening.redacted)]];
    items.push(vec![
        Span::text(format!(
            "severity {}, confidence {}, by the rule ",
            case.severity().as_str(),
            opening.confidence.as_str()
        )),
        Span::code(&opening.rule),
    ]);
    if !opening.names.is_empty() {
        let mut item = vec![Span::text("assigned to ")];
        for (n, name) in opening.names.iter().take(SHOWN).enumerate() {
            item.extend((n > 0).then(|| Span::text(", ")));
            item.push(cut(name, 80));
        }
        items.push(item);
    }
    let exposed = opening.exposed.map_or_else(|| "not known".to_owned(), zoned);
    items.push(vec![Span::text(format!("exposed {exposed}; detected {}", zoned(case.detected)))]);
    if let Some(at) = opening.expires {
        items.push(vec![Span::text(format!("ends by itself on {}", zoned(at)))]);
    }
    if case.reopened > 0 {
        let times = counted(u64::from(case.reopened), "time", "times");
        items.push(vec![Span::text(format!("opened again {times}"))]);
    }
    if opening.by_report {
        items.push(vec![Span::text("a report alone says this: the secret was not at hand")]);
    }
    if let Some(print) = opening.fingerprints.first() {
        items.push(vec![Span::text("fingerprint "), Span::code(print)]);
    }
    items
}

fn places(case: &Case) -> Vec<Vec<Span>> {
    let places = &case.opening.places;
    let mut items: Vec<Vec<Span>> = places.iter().take(SHOWN).map(place).collect();
    match places.len().saturating_sub(SHOWN) {
        0 => {}
        more => items.push(vec![Span::text(format!("and {}", counted(more as u64, "more place", "more places")))]),
    }
    if items.is_empty() {
        items.push(vec![Span::text("no place is known")]);
    }
    items
}

fn place(place: &Place) -> Vec<Span> {
    let at = match place.part {
        Part::File => format!(":{}:{}", place.line, place.column),
        Part::Commit | Part::Tag => format!(" ({}, line {})", place.part.as_str(), place.line),
        Part::FileName | Part::RefName => format!(" ({})", place.part.as_str().replace('-', " ")),
    };
    let path = Untrusted::new(&[place.path.raw(), at.as_bytes()].concat());
    let mut out = vec![Span::Code(place.repository.clone()), Span::text(" "), Span::Code(path)];
    let presence = match place.presence {
        Some(Presence::Head) => ", still at HEAD",
        Some(Presence::Tip) => ", still at a branch",
        Some(Presence::History) => ", in history",
        Some(Presence::Log) => ", in a reflog alone",
        Some(Presence::Unreachable) => ", in no branch, not yet removed",
        None => "",
    };
    out.push(Span::text(presence));
    if let Some(commit) = &place.commit {
        let id: String = commit.id.to_string().chars().take(12).collect();
        out.extend([Span::text(", commit "), Span::code(id), Span::text(" by "), cut(&commit.author, 160)]);
        out.push(Span::text(if commit.date > 0 { format!(" on {}", day(commit.date)) } else { String::new() }));
    }
    out
}

fn works(case: &Case) -> Vec<Vec<Span>> {
    let Some((first, last, by)) = case.verdicts.last() else {
        return vec![vec![Span::text("Nobody asked its issuer yet.")]];
    };
    let mut item = verdict(first);
    if *last > first.asked + 60 {
        // To the day: every check of the same answer would be another text.
        item.push(Span::text(format!("; the same until {}", day(*last))));
    }
    item.extend([Span::text("; asked by "), who(by)]);
    let mut items = vec![item];
    for (name, values) in first.identity.told() {
        let mut item = vec![Span::text(format!("{}: ", name.replace('_', " ")))];
        for (n, value) in values.into_iter().take(SHOWN).enumerate() {
            item.extend((n > 0).then(|| Span::text(", ")));
            item.push(cut(value, 160));
        }
        items.push(item);
    }
    if let Some((said, at, _)) = case.said().filter(|(v, ..)| v.verdict.is_had() && v.verdict != first.verdict) {
        let mut item = vec![Span::text("before that: ")];
        item.extend(verdict(said));
        item.push(Span::text(format!(", until {}", zoned(*at))));
        items.push(item);
    }
    items
}

/// What an issuer said, and when it was asked first.
pub(in crate::report) fn verdict(asked: &Verification) -> Vec<Span> {
    let strong = |words: &str| Span::Strong(words.to_owned());
    let mut out = match asked.verdict {
        Verdict::Live => vec![strong("It works.")],
        Verdict::LiveLimited => vec![strong("It works, with reduced access.")],
        Verdict::Blocked => {
            vec![strong("It is blocked:"), Span::text(" right, and locked by somebody who can unlock it.")]
        }
        Verdict::Dead if asked.absent => {
            vec![strong("It is dead:"), Span::text(" the server where it worked holds no such credential.")]
        }
        Verdict::Dead => vec![strong("It is dead:"), Span::text(" its issuer refuses it for good.")],
        Verdict::Indistinct if asked.absent => {
            vec![strong("It is refused:"), Span::text(" the server holds no such credential, and may never have.")]
        }
        Verdict::Indistinct => vec![strong("It is refused,"), Span::text(" as wrong, locked and revoked ones alike.")],
        Verdict::Unknown(why) => vec![strong("It is not known:"), Span::text(format!(" {}.", why.sentence()))],
        Verdict::NoVerifier => vec![strong("It is not known:"), Span::text(" no recipe says how to ask.")],
    };
    if !asked.controlled {
        out.push(Span::text(" No made-up one could be tried, so the answer proves less."));
    }
    if !asked.host.raw().is_empty() {
        let verb = if asked.verdict.is_had() { "Asked" } else { "Tried" };
        out.extend([
            Span::text(format!(" {verb} ")),
            cut(&asked.host, 160),
            Span::text(format!(" at {}", zoned(asked.asked))),
        ]);
    } else if asked.asked != 0 {
        out.push(Span::text(format!(" As of {}", zoned(asked.asked))));
    }
    out
}

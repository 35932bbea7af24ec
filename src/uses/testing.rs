//! What tests of readers have in common: what was found, in words.

use crate::model::usage::{Door, Exposure, Span, Store, Use, Uses};
use crate::model::{Confidence, Untrusted};

/// A name; nothing where there is none.
pub(super) fn word(one: Option<&Untrusted>) -> &str {
    one.map_or("", |one| std::str::from_utf8(one.raw()).unwrap())
}

/// What stands in a file at these bytes.
pub(super) fn part(text: &str, span: Span) -> &str {
    &text[span.start..span.end]
}

/// References: `store name|what stands there|variable|job`.
pub(super) fn told(uses: &Uses, text: &str) -> Vec<String> {
    let line = |one: &Use| {
        let (variable, job) = (word(one.variable.as_ref()), word(one.context.job.as_ref()));
        format!("{} {}|{}|{variable}|{job}", one.store.as_str(), word(Some(&one.name)), part(text, one.span))
    };
    uses.uses.iter().map(line).collect()
}

/// References: name, variable, job, step.
pub(super) fn names(uses: &Uses) -> Vec<(&str, &str, &str, &str)> {
    let all = uses.uses.iter();
    all.map(|one| {
        let (variable, context) = (word(one.variable.as_ref()), &one.context);
        (word(Some(&one.name)), variable, word(context.job.as_ref()), word(context.step.as_ref()))
    })
    .collect()
}

/// References: name, store, what stands there.
pub(super) fn stored<'u>(uses: &'u Uses, text: &'u str) -> Vec<(&'u str, Store, &'u str)> {
    uses.uses.iter().map(|one| (word(Some(&one.name)), one.store, part(text, one.span))).collect()
}

/// Doors: which, the secret, what stands there, how sure.
pub(super) fn doors<'u>(uses: &'u Uses, text: &'u str) -> Vec<(Door, &'u str, &'u str, Confidence)> {
    let one = |one: &'u Exposure| (one.door, word(one.name.as_ref()), part(text, one.span), one.confidence);
    uses.exposures.iter().map(one).collect()
}

/// Doors: which, the secret, what stands there.
pub(super) fn leaks<'u>(uses: &'u Uses, text: &'u str) -> Vec<(Door, &'u str, &'u str)> {
    doors(uses, text).into_iter().map(|(door, name, part, _)| (door, name, part)).collect()
}

/// Doors: `job door name what stands there`.
pub(super) fn leaks_of_jobs(uses: &Uses, text: &str) -> Vec<String> {
    let jobs = uses.exposures.iter().map(|one| word(one.context.job.as_ref()));
    let line = |(job, (door, name, part)): (&str, (Door, &str, &str))| format!("{job} {} {name} {part}", door.as_str());
    jobs.zip(leaks(uses, text)).map(line).collect()
}

/// Job and step of the first place where something stands.
pub(super) fn place<'u>(uses: &'u Uses, text: &str, what: &str) -> Option<(&'u str, &'u str)> {
    let context = uses.at(text.find(what)?)?;
    Some((word(context.job.as_ref()), word(context.step.as_ref())))
}

//! Who owns it, who depends on it, what breaks without it and how fast it is restored: each with where that comes from.

use std::io::{self, Write};

use super::{SHOWN, age, cut, line};
use crate::model::answers::{Answer, Answers, Reversibility};
use crate::model::case::Case;
use crate::model::counted;
use crate::model::owner::{Owner, OwnerKind, Ownership, Subject};
use crate::report::escape::{terminal, terminal_str};
use crate::report::when::zoned;

/// Writes these lines of a case's page.
pub(super) fn write(case: &Case, now: i64, out: &mut dyn Write) -> io::Result<()> {
    owner(case, now, out)?;
    depends(&case.answers, now, out)?;
    line(out, "breaks", &breaks(&case.answers, now))?;
    line(out, "way back", &way_back(&case.answers, now))?;
    for (_, sentence) in &case.answers.degraded {
        line(out, "but", &terminal_str(sentence))?;
    }
    Ok(())
}

fn owner(case: &Case, now: i64, out: &mut dyn Write) -> io::Result<()> {
    let told = match case.ownership() {
        Ownership::Known { owner, strength } => {
            let why = case.assigned.as_ref().map(|(_, reason, by, at)| {
                format!("; assigned by {}, {} ago: {}", terminal_str(&by.name()), age(now - at), terminal_str(reason))
            });
            format!("{} ({}){}", named(&owner), strength.as_str(), why.unwrap_or_default())
        }
        Ownership::Conflict { between, strength } => {
            let all: Vec<String> = between.iter().map(named).collect();
            format!("disputed: {} ({} each)", all.join(", "), strength.as_str())
        }
        Ownership::Unknown => "not known".to_owned(),
    };
    line(out, "owner", &told)?;
    for claim in case.claims.iter().take(SHOWN) {
        let gone = claim.departed.map(|day| format!(", who left on {}", zoned(day).get(..10).unwrap_or_default()));
        let (who, source) = (named(&claim.owner), claim.source.as_str());
        let strength = claim.strength.as_str();
        let gone = gone.unwrap_or_default();
        line(out, "", &format!("{strength}: {who}{gone}, by {source} at {}", cut(&claim.place)))?;
    }
    if case.answers.subject == Subject::Mismatch {
        line(out, "", "the owner's record means another identity than the one that its issuer reports")?;
    }
    Ok(())
}

/// An owner for people.
pub(super) fn named(owner: &Owner) -> String {
    let kind = match owner.kind {
        OwnerKind::Team => "team",
        OwnerKind::Person => "person",
    };
    format!("{kind} {}", terminal(&owner.name))
}

fn depends(answers: &Answers, now: i64, out: &mut dyn Write) -> io::Result<()> {
    let last = answers.last_use.value.map(|at| format!("; last used {} ago", age(now - at))).unwrap_or_default();
    let Some(all) = &answers.dependents.value else {
        return line(out, "depends", &format!("not known{last}"));
    };
    let known = counted(all.len() as u64, "dependent", "dependents");
    line(out, "depends", &format!("{known} found{last}{}", source(&answers.dependents, now)))?;
    for dependent in all.iter().take(SHOWN) {
        let (kind, name, place) = (dependent.kind.as_str(), cut(&dependent.name), cut(&dependent.evidence.place));
        line(out, "", &format!("{kind} {name}, {place}"))?;
    }
    match all.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => line(out, "", &format!("and {more} more")),
    }
}

/// Where an answer comes from, and how old it is.
fn source<T>(answer: &Answer<T>, now: i64) -> String {
    let mut sources: Vec<String> = answer.evidence.iter().map(|e| terminal_str(&e.source)).collect();
    sources.sort();
    sources.dedup();
    let age = answer.at().map(|at| format!(", {} old", age(now - at))).unwrap_or_default();
    if sources.is_empty() { String::new() } else { format!(" ({}{age})", sources.join(", ")) }
}

fn breaks(answers: &Answers, now: i64) -> String {
    let word = |value: Option<serde_json::Value>| value.and_then(|v| v.as_str().map(str::to_owned));
    let criticality = answers.criticality.value.and_then(|c| word(serde_json::to_value(c).ok()));
    let environment = answers.environment.value.and_then(|e| word(serde_json::to_value(e).ok()));
    let mut all = vec![
        format!("criticality {}{}", or_unknown(criticality), source(&answers.criticality, now)),
        format!("environment {}{}", or_unknown(environment), source(&answers.environment, now)),
        format!("may be away {}", or_unknown(answers.downtime_minutes.value.map(|m| format!("{m} min")))),
    ];
    let partners = answers.partners.value.as_ref().map(|all| match all.as_slice() {
        [] => "none".to_owned(),
        all => all.iter().map(terminal).collect::<Vec<_>>().join(" "),
    });
    all.push(format!("partners {}", or_unknown(partners)));
    all.extend(answers.purpose.value.as_ref().map(|purpose| format!("for {}", cut(purpose))));
    all.extend(answers.shared.value.filter(|shared| *shared).map(|_| "a shared platform rests on it".to_owned()));
    all.extend(answers.privileged.value.filter(|p| *p).map(|_| "PRIVILEGED".to_owned()));
    all.extend(answers.decommissioned.value.filter(|d| *d).map(|_| "what used it is gone".to_owned()));
    all.join("; ")
}

fn way_back(answers: &Answers, now: i64) -> String {
    let Some(can) = &answers.capability.value else { return "not known".to_owned() };
    let undo = |what: &str, undo: Option<Reversibility>| match undo {
        Some(Reversibility::Reversible) => format!("a {what} can be undone"),
        Some(Reversibility::Replaceable) => format!("after a {what} another takes its place"),
        Some(Reversibility::Irreversible) => format!("a {what} cannot be undone"),
        None => format!("there is no {what}"),
    };
    let reversible = format!("{}, {}", undo("quarantine", can.quarantine), undo("revocation", can.revoke));
    let rehearsed = match answers.rehearsed.value {
        Some(at) => format!("rehearsed {} ago", age(now - at)),
        None => "never rehearsed".to_owned(),
    };
    let minutes = answers.restore_minutes.value.map(|m| format!(", {m} min as last measured")).unwrap_or_default();
    format!("{reversible}{}; {rehearsed}{minutes}", source(&answers.capability, now))
}

fn or_unknown(value: Option<String>) -> String {
    value.unwrap_or_else(|| "not known".to_owned())
}

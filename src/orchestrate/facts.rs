//! A case as the policy sees it: every fact, and what is not known as not known.

use std::collections::BTreeSet;

use super::settings::{DAY, HOUR};
use crate::model::action::Action;
use crate::model::answers::Answers;
use crate::model::case::Case;
use crate::model::owner::Ownership;
use crate::model::{Verdict, Why};
use crate::policy::{Answer, Degraded, Facts, Known, Proposer, VerdictWord};

/// Without a use for so many days, by the provider's own word, nothing uses it.
const UNUSED_DAYS: i64 = 90;
/// How many acts quell may do by itself in an hour, and on one owner's credentials (REMEDIATION, THREATS 17). None was done
/// yet: every decision is a recommendation.
const ACTIONS: i64 = 10;
const OWNER_ACTIONS: i64 = 3;

/// The facts about an action on the credential of a case. quell proposes it, and nobody has looked yet; `blast` is how many
/// credentials the same plan would touch, and `earned` what the policy set may do by itself.
pub(super) fn facts(case: &Case, action: Action, blast: i64, earned: &BTreeSet<Action>, now: i64) -> Facts {
    let answers = &case.answers;
    let said = case.said();
    let hours = |at: i64| (now - at) / HOUR;
    let days = |at: i64| (now - at) / DAY;
    let known = |at: Option<i64>, unit: &dyn Fn(i64) -> i64| Known::from(at.map(unit));
    let text = |value: &crate::model::Untrusted| String::from_utf8_lossy(value.raw()).into_owned();
    let open = case.emergencies.iter().any(|e| e.ended.is_none() && e.until > now && e.actions.contains(&action));
    let mut facts = Facts {
        confidence: Known::Is(case.opening.confidence),
        verdict: VerdictWord::from(said.map(|(v, ..)| v.verdict).filter(|verdict| was_asked(*verdict))),
        verdict_age_hours: known(said.map(|(_, at, _)| *at), &hours),
        controlled: said.map(|(v, ..)| v.controlled).into(),
        provider: Known::Is(case.opening.provider.clone()),
        rule: Known::Is(case.opening.rule.clone()),
        reversibility: answers.capability.value.and_then(|can| can.undo(action)).into(),
        rehearsed_age_days: known(answers.rehearsed.value, &days),
        replacement_proven: Answer::No,
        restore_minutes: answers.restore_minutes.value.map(i64::from).into(),
        age_days: known(answers.made.value, &days),
        lifetime_hours: known(answers.lifetime.value, &|seconds| seconds / HOUR),
        expires_in_hours: known(answers.expires.value, &|at| (at - now).div_euclid(HOUR)),
        privileged: answers.privileged.value.into(),
        last_use_days: known(answers.last_use.value, &days),
        unused_confirmed: answers.last_use.value.map(|at| days(at) >= UNUSED_DAYS).into(),
        criticality: answers.criticality.value.into(),
        downtime_minutes: answers.downtime_minutes.value.map(i64::from).into(),
        environment: answers.environment.value.into(),
        target: answers.target.value.as_ref().map(text).into(),
        third_party: answers.partners.value.as_ref().map(|partners| !partners.is_empty()).into(),
        shared: answers.shared.value.into(),
        purpose: answers.purpose.value.as_ref().map(text).into(),
        decommissioned: answers.decommissioned.value.into(),
        hot_reload: answers.hot_reload.value.into(),
        subject: answers.subject,
        dependents: answers.dependents.value.as_ref().map(|all| i64::try_from(all.len()).unwrap_or(i64::MAX)).into(),
        dependents_age_hours: known(answers.dependents.at(), &hours),
        degraded: degraded(answers, case.answered.is_some()),
        outcome: case.outcome.as_ref().map(|(outcome, _)| *outcome).into(),
        in_window: answers.in_window.value.into(),
        frozen: Answer::No,
        actions_left: Known::Is(ACTIONS),
        owner_actions_left: Known::Is(OWNER_ACTIONS),
        blast: Known::Is(blast),
        proposer: Proposer::Quell,
        human_reviewed: Answer::No,
        chained: Answer::No,
        emergency: open.into(),
        earned: earned.contains(&action).into(),
        ..Facts::default()
    };
    owner(case, &mut facts);
    facts
}

/// Whether an issuer was asked at all: a verdict that was not had for want of asking is none.
const fn was_asked(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Unknown(why) => matches!(
            why,
            Why::Unreachable
                | Why::Timeout
                | Why::Tls
                | Why::RateLimited
                | Why::Outage
                | Why::Unexpected
                | Why::TooLarge
                | Why::ControlFailed
                | Why::Ambiguous
        ),
        _ => true,
    }
}

fn owner(case: &Case, facts: &mut Facts) {
    let left = !case.claims.is_empty() && case.assigned.is_none() && case.claims.iter().all(|c| c.departed.is_some());
    facts.owner_departed = left.into();
    facts.owner_conflict = Answer::No;
    match case.ownership() {
        Ownership::Known { strength, .. } => facts.owner = Known::Is(strength),
        Ownership::Conflict { strength, .. } => {
            facts.owner = Known::Is(strength);
            facts.owner_conflict = Answer::Yes;
        }
        Ownership::Unknown => {}
    }
}

/// What makes the answers worth less; before they were asked for, that is not known.
fn degraded(answers: &Answers, asked: bool) -> Known<BTreeSet<Degraded>> {
    if !asked {
        return Known::Unknown;
    }
    let named = |word: &str| Degraded::ALL.iter().copied().find(|d| d.as_str() == word);
    // A condition that has no word here counts as the one that says least.
    Known::Is(answers.degraded.iter().map(|(word, _)| named(word).unwrap_or(Degraded::NoMetadata)).collect())
}

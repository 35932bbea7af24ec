//! The tiers as the requirements have them, in plain Rust. It shares nothing with the policies but the words.

use std::collections::BTreeSet;

use quell::model::Confidence;
use quell::model::action::{Action, Tier};
use quell::model::answers::{Criticality, Environment, Reversibility};
use quell::model::owner::{Strength, Subject};
use quell::policy::{Answer, Facts, Judgement, Known, Profile, Proposer, Trust, VerdictWord};

fn within(number: &Known<i64>, most: i64) -> bool {
    number.value().is_some_and(|n| (0..=most).contains(n))
}

fn some(number: &Known<i64>, test: impl Fn(i64) -> bool) -> bool {
    number.value().is_some_and(|n| test(*n))
}

/// Requirement 27: a way back that was tested.
fn rehearsed(f: &Facts) -> bool {
    f.reversibility == Known::Is(Reversibility::Reversible) && f.rehearsed_age_days != Known::Unknown
}

/// Nothing can break: it is unused, its workload is gone, or it does not work any more (requirement 15).
fn over(f: &Facts) -> bool {
    f.unused_confirmed == Answer::Yes || f.decommissioned == Answer::Yes || some(&f.expires_in_hours, |h| h <= 0)
}

fn fresh_proof(f: &Facts, hours: i64) -> bool {
    f.controlled == Answer::Yes && within(&f.verdict_age_hours, hours)
}

/// A policy set earns what it does by itself, by people who decide the same (requirement 69). Requirements 19, 34, 75 to 79, 16 to 18, 26 to 28, 35, 61 and 66; invariants 5 to 8.
fn unattended(f: &Facts) -> bool {
    let owner = matches!(f.owner, Known::Is(Strength::Asserted | Strength::Confirmed))
        && f.owner_conflict == Answer::No
        && f.owner_departed == Answer::No
        && f.subject == Subject::Match;
    let said = !matches!(f.verdict, VerdictWord::Unanswered | VerdictWord::NoVerifier | VerdictWord::Unknown);
    let questions = f.dependents != Known::Unknown
        && f.criticality != Known::Unknown
        && f.environment != Known::Unknown
        && f.restore_minutes != Known::Unknown;
    let human = matches!(f.proposer, Proposer::Quell | Proposer::Person) || f.human_reviewed == Answer::Yes;
    let budget = some(&f.actions_left, |n| n > 0) && some(&f.owner_actions_left, |n| n > 0);
    let judged = matches!(f.outcome, Judgement::Unset | Judgement::True);
    owner
        && (rehearsed(f) || f.replacement_proven == Answer::Yes)
        && said
        && fresh_proof(f, 24)
        && human
        && f.chained == Answer::No
        && f.degraded == Known::Is(BTreeSet::new())
        && questions
        && f.frozen == Answer::No
        && budget
        && judged
        && f.earned == Answer::Yes
}

/// Requirements 13, 22, 24, 35, 38 to 40: what a person approves whatever else is good.
fn contained(f: &Facts) -> bool {
    f.privileged == Answer::No
        && f.criticality != Known::Is(Criticality::Critical)
        && f.third_party == Answer::No
        && f.shared == Answer::No
        && (within(&f.rehearsed_age_days, 30) || f.replacement_proven == Answer::Yes)
        && within(&f.blast, 5)
}

/// Requirements 13, 15, 20, 21, 23, 25, 31.
fn automatic(action: Action, f: &Facts) -> bool {
    let emergency = f.emergency == Answer::Yes && action == Action::Quarantine;
    let short = within(&f.lifetime_hours, 24);
    let place = f.environment != Known::Is(Environment::Production) || over(f) || emergency;
    let harm = matches!(f.criticality, Known::Is(Criticality::Low | Criticality::Medium));
    let back = match (f.restore_minutes.value(), f.downtime_minutes.value()) {
        (Some(restore), Some(down)) => restore <= down,
        _ => false,
    };
    let own = match action {
        Action::Revoke => {
            let idle = some(&f.last_use_days, |d| d > 30) || some(&f.expires_in_hours, |h| h <= 0);
            let free =
                f.dependents == Known::Is(0) || f.replacement_proven == Answer::Yes || f.decommissioned == Answer::Yes;
            idle && free
        }
        Action::Rotate => {
            (f.hot_reload == Answer::Yes || short) && f.workload_trust == Trust::Trusted && f.workload != Known::Unknown
        }
        _ => true,
    };
    f.confidence == Known::Is(Confidence::High)
        && place
        && harm
        && (within(&f.age_days, 365) || short || over(f))
        && (within(&f.dependents_age_hours, 24) || emergency)
        && (f.in_window == Answer::Yes || emergency)
        && (back || over(f))
        && f.purpose != Known::Unknown
        && f.target != Known::Unknown
        && own
}

/// Requirement 14: what the stricter profile wants besides, for an approval and for what quell does by itself.
fn regulated(action: Action, f: &Facts) -> [bool; 2] {
    let said = !matches!(f.verdict, VerdictWord::Unanswered | VerdictWord::NoVerifier | VerdictWord::Unknown);
    let revoke = matches!(f.owner, Known::Is(Strength::Asserted | Strength::Confirmed))
        && f.subject == Subject::Match
        && said
        && f.dependents != Known::Unknown
        && (f.reversibility == Known::Is(Reversibility::Reversible) || f.replacement_proven == Answer::Yes);
    let approval = (f.chained == Answer::No || f.human_reviewed == Answer::Yes) && (action != Action::Revoke || revoke);
    let alone = !matches!(f.environment, Known::Unknown | Known::Is(Environment::Production))
        && matches!(f.criticality, Known::Is(Criticality::Low | Criticality::Medium))
        && f.owner == Known::Is(Strength::Confirmed)
        && within(&f.verdict_age_hours, 1)
        && within(&f.dependents_age_hours, 4)
        && f.in_window == Answer::Yes
        && within(&f.rehearsed_age_days, 7)
        && within(&f.blast, 1);
    [approval, alone]
}

fn change(profile: Profile, action: Action, f: &Facts) -> Tier {
    let [approval, alone] = if profile == Profile::Regulated { regulated(action, f) } else { [true, true] };
    let real = matches!(f.confidence, Known::Is(Confidence::Medium | Confidence::High));
    if !real || matches!(f.verdict, VerdictWord::Dead | VerdictWord::Unknown) || !approval {
        return Tier::Watch;
    }
    match (unattended(f) && contained(f) && alone, automatic(action, f)) {
        (true, true) => Tier::Automatic,
        (true, false) => Tier::Quarantine,
        (false, _) => Tier::Approval,
    }
}

fn restore(profile: Profile, f: &Facts) -> Tier {
    if matches!(f.verdict, VerdictWord::Dead | VerdictWord::Unknown) && !rehearsed(f) {
        return Tier::Watch;
    }
    let strict = profile == Profile::Regulated;
    let hours = if strict { 1 } else { 24 };
    let held = matches!(f.verdict, VerdictWord::Blocked | VerdictWord::LiveLimited | VerdictWord::Indistinct);
    let recent = within(&f.rehearsed_age_days, 30) || f.replacement_proven == Answer::Yes;
    let human = matches!(f.proposer, Proposer::Quell | Proposer::Person) || f.human_reviewed == Answer::Yes;
    let good = held
        && f.subject == Subject::Match
        && fresh_proof(f, hours)
        && human
        && f.chained == Answer::No
        && f.frozen == Answer::No
        && rehearsed(f)
        && recent
        && (!strict || within(&f.rehearsed_age_days, 7));
    if good { Tier::Automatic } else { Tier::Approval }
}

/// The highest tier that the guardrails alone leave, whatever else is permitted.
pub(super) fn guarded(action: Action, f: &Facts) -> Tier {
    let real = matches!(f.confidence, Known::Is(Confidence::Medium | Confidence::High));
    let asked = !matches!(f.verdict, VerdictWord::Dead | VerdictWord::Unknown);
    match action {
        Action::Rotate | Action::Quarantine | Action::Revoke if !real || !asked => Tier::Watch,
        Action::Rotate | Action::Quarantine | Action::Revoke if !unattended(f) => Tier::Approval,
        Action::Restore if !rehearsed(f) => Tier::Approval,
        Action::Close => tier(Profile::Default, action, f),
        _ => Tier::Automatic,
    }
}

/// The tier of an act.
pub(super) fn tier(profile: Profile, action: Action, f: &Facts) -> Tier {
    let judged = matches!(f.outcome, Judgement::False | Judgement::Test);
    match action {
        Action::Rotate | Action::Quarantine | Action::Revoke => change(profile, action, f),
        Action::Restore => restore(profile, f),
        Action::Notify => {
            let real = matches!(f.confidence, Known::Is(Confidence::Medium | Confidence::High));
            let open = matches!(f.outcome, Judgement::Unset | Judgement::True);
            if real && open { Tier::Automatic } else { Tier::Approval }
        }
        Action::Close => match f.verdict == VerdictWord::Dead && fresh_proof(f, 24) {
            true if profile == Profile::Default => Tier::Automatic,
            true => Tier::Approval,
            false if judged => Tier::Approval,
            false => Tier::Watch,
        },
    }
}

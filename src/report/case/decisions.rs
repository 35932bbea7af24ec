//! What quell would do, why not more, what waits for a person, and the one command to type next.

use std::io::{self, Write};

use super::{age, line};
use crate::model::action::{Action, Tier};
use crate::model::case::{ApprovalState, Case, Outcome, Stage};
use crate::model::counted;
use crate::model::decision::Decision;
use crate::model::owner::Ownership;
use crate::report::escape::{terminal, terminal_str};
use crate::report::when::zoned;

/// How many reasons are told.
const REASONS: usize = 8;

/// Writes these lines of a case's page.
pub(super) fn write(case: &Case, now: i64, out: &mut dyn Write) -> io::Result<()> {
    if !case.stage.is_open() {
        return Ok(());
    }
    let all: Vec<String> = case
        .decisions
        .iter()
        .map(|(decision, _)| format!("{} {}", decision.action.as_str(), tier(case, decision)))
        .collect();
    let at = case.decisions.iter().map(|(_, at)| *at).max();
    match at {
        Some(at) => line(out, "quell", &format!("would: {} (recommended {} ago)", all.join("; "), age(now - at)))?,
        None => line(out, "quell", "has not decided yet")?,
    }
    why_not_more(case, out)?;
    for approval in case.approvals.iter().filter(|a| a.state == ApprovalState::Waiting) {
        let request = &approval.request;
        let so_far =
            format!("{} of {}", approval.by.len(), counted(u64::from(request.quorum), "approval", "approvals"));
        let (who, until) = (terminal_str(&approval.requester.name()), zoned(request.expires));
        let short: String = request.plan_hash.chars().take(19).collect();
        let action = request.plan.action.as_str();
        line(
            out,
            "waits",
            &format!("{action}, asked by {who} {} ago: {so_far}, until {until}, plan {short}", age(now - approval.at)),
        )?;
        for (number, step) in (1..).zip(&request.plan.steps) {
            let undo = if step.reversible { "" } else { " (cannot be undone)" };
            line(out, "", &format!("{number}. {}{undo}", terminal_str(&step.what)))?;
        }
        let back = request.plan.way_back.as_deref().unwrap_or("none");
        line(out, "", &format!("way back: {}", terminal_str(back)))?;
        if let Some(said) = &request.said {
            line(out, "", &format!("said by the caller, not checked: {}", terminal(said)))?;
        }
    }
    for approval in case.approvals.iter().filter(|a| a.state == ApprovalState::Granted) {
        let who: Vec<String> =
            approval.by.iter().map(|(id, at)| format!("{} {} ago", id.as_str(), age(now - at))).collect();
        let (action, until) = (approval.request.plan.action.as_str(), zoned(approval.request.expires));
        line(out, "approved", &format!("{action}, by {}; counts until {until}", who.join(" and ")))?;
    }
    for emergency in case.emergencies.iter().filter(|e| e.ended.is_none() && e.until > now) {
        let (until, what) = (zoned(emergency.until), terminal_str(&emergency.purpose));
        let trigger = terminal_str(&emergency.trigger);
        line(out, "emergency", &format!("{} until {until}: {what}; ends when {trigger}", emergency.id))?;
    }
    Ok(())
}

fn tier(case: &Case, decision: &Decision) -> &'static str {
    let listed = case.proof_of_death().is_some_and(|(proof, ..)| proof.listed);
    match decision.tier {
        Tier::Automatic if decision.action == Action::Close && listed => {
            "with a person (a host that a configuration lists proved it)"
        }
        Tier::Automatic => "by itself",
        Tier::Quarantine => "contain by itself, then ask",
        Tier::Approval => "with a person's approval",
        Tier::Watch => "not yet",
    }
}

/// What stands in the way of the next tier, of all actions together: each reason once, with the actions that it holds back.
/// Those that stand in the way of the most are told first; `quell policy explain` tells all.
fn why_not_more(case: &Case, out: &mut dyn Write) -> io::Result<()> {
    let mut reasons: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for (decision, _) in &case.decisions {
        // What is forbidden below a tier is told before what is forbidden for it.
        let next = decision.unmet.iter().map(|unmet| unmet.tier).min();
        for unmet in decision.unmet.iter().filter(|unmet| Some(unmet.tier) == next) {
            match reasons.iter_mut().find(|(id, ..)| *id == unmet.id) {
                Some((.., actions)) if actions.contains(&decision.action.as_str()) => {}
                Some((.., actions)) => actions.push(decision.action.as_str()),
                None => reasons.push((&unmet.id, &unmet.title, vec![decision.action.as_str()])),
            }
        }
    }
    let more = reasons.len().saturating_sub(REASONS);
    let mut label = "why not";
    for (id, title, actions) in reasons.iter().take(REASONS) {
        line(out, label, &format!("not {} until {} ({})", actions.join(", "), terminal_str(title), terminal_str(id)))?;
        label = "";
    }
    if more > 0 {
        line(out, "", &format!("and {more} more: `quell policy explain {}`", case.number))?;
    }
    let errors = case.decisions.iter().flat_map(|(d, _)| &d.errors);
    for error in errors {
        line(out, "error", &terminal_str(error))?;
    }
    Ok(())
}

/// The one command to type next.
pub(super) fn next(case: &Case, now: i64) -> String {
    let number = case.number;
    let waiting = case.approvals.iter().find(|a| a.state == ApprovalState::Waiting && a.request.expires > now);
    if let Some(approval) = waiting {
        return format!("quell approve {number} --plan {}", approval.request.plan_hash);
    }
    if !case.stage.is_open() {
        return match case.stage {
            Stage::RiskAccepted => format!("nothing until then; `quell case close {number}` once it is proved dead"),
            _ => "nothing: it is closed".to_owned(),
        };
    }
    if let Some(granted) = case.approvals.iter().find(|a| a.state == ApprovalState::Granted) {
        let action = granted.request.plan.action.as_str();
        return format!("carry out the approved plan by hand, then `quell case did {number} {action} --reason HOW`");
    }
    if case.proof_of_death().is_some() {
        return format!("quell case close {number}");
    }
    if case.verdict().is_none_or(|v| !v.verdict.is_had()) && case.outcome.is_none() {
        return format!("quell case verify {number}");
    }
    if matches!(case.ownership(), Ownership::Unknown | Ownership::Conflict { .. }) {
        return format!("quell case assign {number} --team NAME --reason WHY");
    }
    if matches!(case.outcome, Some((Outcome::False | Outcome::Test, _))) {
        return format!("quell case close {number}");
    }
    let may = |action| case.decision(action).is_some_and(|d| d.tier >= Tier::Approval);
    match [Action::Rotate, Action::Quarantine, Action::Revoke].into_iter().find(|action| may(*action)) {
        Some(action) => format!("quell case request {number} {}", action.as_str()),
        None => format!("{} (then `quell case verify {number}`)", case.opening.advice),
    }
}

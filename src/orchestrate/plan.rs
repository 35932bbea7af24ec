//! What would be done about a credential, step by step. A person who approves, approves this text: it is hashed.

use crate::ledger::canonical;
use crate::model::action::Action;
use crate::model::answers::Reversibility;
use crate::model::canonical::digest;
use crate::model::case::Case;
use crate::model::decision::{Decision, Plan, Step};

/// The plan for an action on the credential of a case.
#[must_use]
pub(super) fn plan(case: &Case, action: Action) -> Plan {
    let what = format!("{} {}", case.opening.title, case.opening.redacted);
    let step = |what: String, reversible| Step { what, reversible };
    let undo = case.answers.capability.value.and_then(|can| can.undo(action));
    let reversible = undo == Some(Reversibility::Reversible);
    let steps = match action {
        Action::Notify => {
            vec![step(format!("tell the owner that {what} leaked, with every place and what to do"), true)]
        }
        Action::Rotate => vec![
            step(format!("make a replacement of {what} at {}", case.opening.provider), true),
            step("hand it to what depends on the old one".to_owned(), true),
            step("ask the issuer whether the replacement is live, and see it used".to_owned(), true),
            step("retire the old one, and ask until it is proved dead".to_owned(), reversible),
        ],
        Action::Quarantine => vec![
            step(format!("lock {what}, or take away what it may do, at {}", case.opening.provider), reversible),
            step("watch whether anything that is legitimate fails, until the deadline".to_owned(), true),
        ],
        Action::Revoke => vec![
            step("keep the evidence: places, verdicts, identity, dependents".to_owned(), true),
            step(format!("end {what} at {}", case.opening.provider), reversible),
            step("ask until it is proved dead".to_owned(), true),
        ],
        Action::Restore => vec![step(format!("undo the quarantine of {what}, and ask whether it is live"), true)],
        Action::Close => vec![step("close the case on its proof of death".to_owned(), true)],
    };
    Plan { action, steps, way_back: way_back(case, action) }
}

fn way_back(case: &Case, action: Action) -> Option<String> {
    let minutes =
        case.answers.restore_minutes.value.map(|m| format!(", in {m} min as last measured")).unwrap_or_default();
    match (action, case.answers.capability.value.and_then(|can| can.undo(action))) {
        (Action::Notify | Action::Close, _) => Some("open the case again".to_owned()),
        (Action::Restore, _) => Some("quarantine it again".to_owned()),
        (_, Some(Reversibility::Reversible)) => Some(format!("make the same credential work again{minutes}")),
        (_, Some(Reversibility::Replaceable)) => Some(format!("hand out the replacement{minutes}")),
        (_, Some(Reversibility::Irreversible) | None) => None,
    }
}

/// The hash of what people approve: the plan, the decision with its reasons, and the facts that both rest on. How old an
/// answer is to the hour, and how much of a budget is left, are decided anew and are no part of it.
pub(super) fn plan_hash(case: &Case, plan: &Plan, decision: &Decision) -> String {
    let mut facts = decision.facts.clone();
    if let Some(fields) = facts.as_object_mut() {
        let moves = |name: &str| name.ends_with("_hours") || name.ends_with("_days") || name.ends_with("actions_left");
        fields.retain(|name, _| !moves(name) && name != "blast" && name != "in_window");
    }
    let reasons = (decision.tier, &decision.determining, &decision.unmet, &decision.policy, &decision.schema);
    let about = (case.number, case.opening.fingerprints.first(), case.ownership());
    canonical(&(about, plan, reasons, facts)).map(|text| digest([text.as_str()])).unwrap_or_default()
}

//! What quell would do and why not more; what a person is asked to approve; what is in force beside it.

use super::{SHOWN, cut, list, who};
use crate::model::action::Tier;
use crate::model::case::{Approval, ApprovalState, Case};
use crate::model::counted;
use crate::model::decision::{Decision, DecisionKind, Unmet};
use crate::model::document::{Block, Span};
use crate::report::when::zoned;

/// How many reasons are shown.
const REASONS: usize = 8;

/// Requests for approval that wait, and still count.
pub(super) fn waiting(case: &Case, now: i64) -> impl Iterator<Item = &Approval> {
    case.approvals.iter().filter(move |a| a.state == ApprovalState::Waiting && a.request.expires > now)
}

pub(super) fn blocks(case: &Case, now: i64) -> Vec<Block> {
    let mut blocks = vec![Block::Heading("What quell would do".to_owned())];
    let mut items: Vec<Vec<Span>> = case.decisions.iter().map(|(decision, _)| decided(decision)).collect();
    items.extend(missing(case));
    let errors = case.decisions.iter().flat_map(|(decision, _)| &decision.errors).take(SHOWN);
    items.extend(errors.map(|e| vec![Span::text("error: "), cut(&e.as_str().into(), 300)]));
    blocks.push(list(items).unwrap_or_else(|| Block::Paragraph(vec![Span::text("It has not decided yet.")])));
    for approval in waiting(case, now) {
        blocks.extend(asked(approval));
    }
    let mut more = Vec::new();
    for approval in case.approvals.iter().filter(|a| a.state == ApprovalState::Granted) {
        let action = approval.request.plan.action.as_str();
        let mut item = vec![Span::text(format!("{action} is approved until {}, by ", zoned(approval.request.expires)))];
        for (n, (id, _)) in approval.by.iter().enumerate() {
            item.extend((n > 0).then(|| Span::text(" and ")));
            item.push(Span::code(id.as_str()));
        }
        more.push(item);
    }
    for emergency in case.emergencies.iter().filter(|e| e.ended.is_none() && e.until > now) {
        let mut item = vec![Span::text(format!("an emergency path is open until {}: ", zoned(emergency.until)))];
        item.extend([cut(&emergency.purpose.as_str().into(), 200), Span::text("; ends when ")]);
        item.push(cut(&emergency.trigger.as_str().into(), 200));
        more.push(item);
    }
    blocks.extend(list(more));
    blocks
}

fn decided(decision: &Decision) -> Vec<Span> {
    let how = match decision.tier {
        Tier::Automatic => "by itself",
        Tier::Quarantine => "contain by itself, then ask",
        Tier::Approval => "with a person's approval",
        Tier::Watch => "not yet",
    };
    let kind = match decision.kind {
        DecisionKind::Recommendation => "recommended",
        DecisionKind::Act => "done by quell",
    };
    let mut first = vec![Span::Strong(decision.action.as_str().to_owned()), Span::text(format!(": {how} ({kind}"))];
    for (n, id) in decision.determining.iter().enumerate() {
        first.push(Span::text(if n == 0 { ", by " } else { ", " }));
        first.push(Span::code(id));
    }
    first.push(Span::text(")"));
    first
}

/// What stands in the way of the next tier of each action: once for all the actions that it stands in the way of, those that most
/// wait for first.
fn missing(case: &Case) -> Vec<Vec<Span>> {
    let mut reasons: Vec<(&Unmet, Vec<&str>)> = Vec::new();
    for (decision, _) in &case.decisions {
        // What stands in the way of the lowest tier that is refused is what helps next.
        let next = decision.unmet.iter().map(|unmet| unmet.tier).min();
        for unmet in decision.unmet.iter().filter(|unmet| Some(unmet.tier) == next) {
            let action = decision.action.as_str();
            match reasons.iter_mut().find(|(known, _)| (&known.id, known.tier) == (&unmet.id, unmet.tier)) {
                Some((_, actions)) => actions.push(action),
                None => reasons.push((unmet, vec![action])),
            }
        }
    }
    reasons.sort_by_key(|(_, actions)| std::cmp::Reverse(actions.len()));
    let more = reasons.len().saturating_sub(REASONS);
    let told = |(unmet, actions): &(&Unmet, Vec<&str>)| {
        let item = format!("not {} {} until {} (", actions.join(", "), ahead(unmet.tier), unmet.title);
        vec![Span::text(item), Span::code(&unmet.id), Span::text(")")]
    };
    let mut items: Vec<Vec<Span>> = reasons.iter().take(REASONS).map(told).collect();
    if more > 0 {
        let why = Span::code(format!("quell policy explain {}", case.number));
        let more = counted(more as u64, "more reason", "more reasons");
        items.push(vec![Span::text(format!("and {more}: ")), why]);
    }
    items
}

/// What a tier that is not reached would allow.
const fn ahead(tier: Tier) -> &'static str {
    match tier {
        Tier::Automatic => "by itself",
        Tier::Quarantine => "as containment by itself",
        Tier::Approval | Tier::Watch => "even with an approval",
    }
}

/// A plan that waits for approval.
pub(super) fn asked(approval: &Approval) -> Vec<Block> {
    let request = &approval.request;
    let so_far = counted(u64::from(request.quorum), "approval", "approvals");
    let head = format!("Waits for approval: {}", request.plan.action.as_str());
    let about = vec![
        Span::text("Asked by "),
        who(&approval.requester),
        Span::text(format!(
            " at {}; {} of {so_far}, until {}. Plan ",
            zoned(approval.at),
            approval.by.len(),
            zoned(request.expires)
        )),
        Span::code(&request.plan_hash),
        Span::text(":"),
    ];
    let steps = request.plan.steps.iter().map(|step| {
        let undo = if step.reversible { "" } else { " (cannot be undone)" };
        vec![cut(&step.what.as_str().into(), 300), Span::text(undo)]
    });
    let steps = Block::List { ordered: true, items: steps.collect() };
    let mut back = vec![Span::text("Way back: ")];
    back.push(
        request
            .plan
            .way_back
            .as_ref()
            .map_or_else(|| Span::Strong("none".to_owned()), |way| cut(&way.as_str().into(), 300)),
    );
    let mut blocks = vec![Block::Heading(head), Block::Paragraph(about), steps, Block::Paragraph(back)];
    if let Some(said) = &request.said {
        let words = Span::text("Said by the caller, checked by nobody: ");
        blocks.push(Block::Paragraph(vec![words, cut(said, 500)]));
    }
    blocks
}

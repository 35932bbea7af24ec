//! Who may write which event. Writing and auditing ask the same table, so that what was slipped past the one is told by the
//! other.

use super::people::People;
use crate::ledger::error::LedgerError;
use crate::model::event::{Body, Closure};
use crate::model::principal::{Actor, Principal, PrincipalId, PrincipalKind, Role};

/// Who may write an event.
enum Writer<'a> {
    /// The program itself, without a key.
    Quell,
    /// Whoever there is.
    Anybody,
    /// An active person.
    Person,
    /// An active person with one of these roles.
    Roles(&'static [Role]),
    /// The program itself, or an active person with one of these roles.
    QuellOr(&'static [Role]),
    /// The program itself, or this principal.
    QuellOrSelf(&'a PrincipalId),
}

/// The table.
const fn writer(body: &Body) -> Writer<'_> {
    use Role::{Administrator, Approver, Responder};
    match body {
        Body::PersonAdded { .. }
        | Body::PersonBound { .. }
        | Body::RolesSet { .. }
        | Body::PersonRevoked { .. }
        | Body::PolicyStaged { .. }
        | Body::PolicyActivated { .. } => Writer::Roles(&[Administrator]),
        Body::PolicyReplayed { .. } => Writer::Person,
        Body::PolicyPromoted { .. } => Writer::Roles(&[Administrator]),
        Body::PolicyDemoted { .. } => Writer::Roles(&[Responder, Approver, Administrator]),
        Body::Approved { .. } | Body::Rejected { .. } | Body::RiskAccepted { .. } => Writer::Roles(&[Approver]),
        Body::OwnerAssigned { .. }
        | Body::OutcomeSet { .. }
        | Body::ApprovalRequested(_)
        | Body::Acknowledged
        | Body::ActReported { .. }
        | Body::Closed { closure: Closure::NoCredential } => Writer::Roles(&[Responder, Approver]),
        // Whoever asks for it to be closed signs that; the proof has to be on record either way.
        Body::Closed { closure: Closure::ProofOfDeath { .. } } => Writer::QuellOr(&[Responder, Approver]),
        Body::EmergencyOpened { .. } => Writer::Roles(&[Approver, Administrator]),
        Body::EmergencyEnded { .. } => Writer::Roles(&[Responder, Approver, Administrator]),
        // Where a key is revoked or a role is taken, quell withdraws what was approved with it.
        Body::ApprovalWithdrawn { of, .. } => Writer::QuellOrSelf(of),
        Body::Noted { .. } => Writer::Anybody,
        Body::StoreMade { .. }
        | Body::ScanEnded { .. }
        | Body::JobQueued { .. }
        | Body::JobEnded { .. }
        | Body::CaseOpened(_)
        | Body::PlacesJoined { .. }
        | Body::CaseReopened { .. }
        | Body::VerdictHad { .. }
        | Body::SecretSealed { .. }
        | Body::SecretErased { .. }
        | Body::ClaimsGathered { .. }
        | Body::Answered { .. }
        | Body::Decided { .. }
        | Body::ApprovalExpired { .. }
        | Body::TaskOpened { .. }
        | Body::TaskWritten { .. }
        | Body::TaskCommented { .. }
        | Body::TaskMoved { .. }
        | Body::CommandHeard { .. }
        | Body::NoticeDelivered { .. }
        | Body::NoticeFailed { .. }
        | Body::Refused { .. } => Writer::Quell,
    }
}

/// Refuses an event from whoever may not write it, by who is registered at that point of the chain. That a principal signed it
/// is checked elsewhere; without a principal, nobody needs to be known.
pub(super) fn permitted(people: &People, actor: &Actor, body: &Body) -> Result<(), LedgerError> {
    let known = actor.principal().and_then(|id| people.get(id)).filter(|one| one.is_active());
    let has = |roles: &[Role]| known.is_some_and(|one| roles.iter().any(|role| one.has(*role)));
    let is_quell = matches!(actor, Actor::Quell);
    let refuse = |what: &str| Err(LedgerError::NotPermitted(format!("`{}` is {what}", actor.name().escape_debug())));
    if let Actor::Relayed(relayed) = actor {
        if !people.get(&relayed.by).is_some_and(Principal::relays) {
            return refuse("what somebody passed on who is no relay");
        }
        if !known.is_some_and(|one| one.is_account(&relayed.account)) {
            return refuse("not the person whose account wrote it");
        }
        if !may_be_relayed(body) {
            return refuse("what a relay passed on, and this a person signs");
        }
    }
    match writer(body) {
        Writer::Anybody => Ok(()),
        Writer::Quell | Writer::QuellOr(_) | Writer::QuellOrSelf(_) if is_quell => Ok(()),
        Writer::Quell => refuse("not quell, which alone writes such events"),
        Writer::Person if known.is_some_and(|one| one.kind == PrincipalKind::Person) => Ok(()),
        Writer::Person => refuse("no registered person"),
        Writer::QuellOrSelf(of) if known.is_some_and(|one| one.id == *of) => Ok(()),
        Writer::QuellOrSelf(of) => refuse(&format!("not `{}`, who approved", of.as_str())),
        Writer::Roles(_) if people.is_empty() => first(actor, body),
        Writer::Roles(roles) | Writer::QuellOr(roles) if has(roles) => Ok(()),
        Writer::Roles(roles) | Writer::QuellOr(roles) => refuse(&named(roles)),
    }
}

/// What people may do by writing it in a task: their work on a case, and nothing that changes who may do what.
const fn may_be_relayed(body: &Body) -> bool {
    matches!(
        body,
        Body::Approved { .. }
            | Body::Rejected { .. }
            | Body::RiskAccepted { .. }
            | Body::Closed { .. }
            | Body::OwnerAssigned { .. }
            | Body::Acknowledged
            | Body::ActReported { .. }
            | Body::Noted { .. }
    )
}

/// Whoever comes first adds themselves.
fn first(actor: &Actor, body: &Body) -> Result<(), LedgerError> {
    let own = |one: &Principal| actor.principal() == Some(&one.id) && one.has(Role::Administrator);
    match body {
        Body::PersonAdded { principal } if own(principal) => Ok(()),
        _ => Err(LedgerError::NotPermitted("the first person is an administrator, who adds themselves".to_owned())),
    }
}

fn named(roles: &[Role]) -> String {
    let words: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    format!("no {}", words.join(" or "))
}

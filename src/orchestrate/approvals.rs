//! Approvals: asked for on a plan and a decision, given by other people than whoever asks or leaked, bound to exactly what was
//! shown, and gone with time (REMEDIATION, requirements 37 to 45; invariant 8).

use super::commands::{nonce, text};
use super::decide::actions;
use super::plan::{plan, plan_hash};
use super::settings::{ALONE_HOURS, APPROVAL_HOURS, HIGH_QUORUM, HOUR, MINUTE};
use super::{CommandError, Orchestrator};
use crate::ledger::{Filter, canonical};
use crate::model::Untrusted;
use crate::model::action::{Action, Tier};
use crate::model::answers::{Criticality, Reversibility};
use crate::model::canonical::digest;
use crate::model::case::{Approval, ApprovalState, Case, CaseNumber, Emergency, Stage};
use crate::model::decision::{ApprovalRequest, Decision};
use crate::model::event::{Body, NewEvent, Reopening};
use crate::model::principal::{PrincipalId, PrincipalKind, Role};
use crate::policy::{About, Answer, Known, Verb};

impl Orchestrator<'_> {
    /// Asks for the approval of an action. What an agent or a machine noted last is kept beside it, unchecked.
    ///
    /// # Errors
    /// Where the policy lets nobody approve it yet, the same is asked already, or the ledger cannot be written.
    pub async fn request(&self, number: CaseNumber, action: Action) -> Result<ApprovalRequest, CommandError> {
        let case = self.case(number).await?;
        self.allow(Verb::RequestApproval, &self.about(&case).await?, Some(number)).await?;
        if !case.stage.is_open() || !actions(&case).contains(&action) {
            let help = format!("`quell case show {number}` says how it stands");
            return Err(CommandError::usage(
                format!("there is nothing to {} as {number} stands", action.as_str()),
                help,
            ));
        }
        let decision = self.decide_again(&case, action).await?;
        if decision.tier == Tier::Watch {
            let reasons: Vec<&str> = decision.unmet.iter().map(|unmet| unmet.title.as_str()).collect();
            let why = format!("{} may not be approved yet: {}", action.as_str(), reasons.join("; "));
            let help = format!("`quell case show {number}` says what is missing");
            return Err(self.refuse("request", Some(number), why, help).await?);
        }
        let plan = plan(&case, action);
        let plan_hash = plan_hash(&case, &plan, &decision);
        let now = self.store.now().await?;
        let same = |a: &&Approval| a.state == ApprovalState::Waiting && a.request.plan.action == action;
        let mut stale = Vec::new();
        for waiting in case.approvals.iter().filter(same) {
            if waiting.request.plan_hash == plan_hash && waiting.request.expires > now {
                let help = format!("another person types: quell approve {number} --plan {plan_hash}");
                return Err(CommandError::usage(format!("{} waits for approval already", action.as_str()), help));
            }
            // What it was asked on is no longer so.
            stale.push(NewEvent::by_quell(Some(number), Body::ApprovalExpired { request: waiting.request.id.clone() }));
        }
        let request = ApprovalRequest {
            id: format!("a-{}", nonce()?.get(..12).unwrap_or_default()),
            plan_hash,
            snapshot: decision.snapshot.clone(),
            decision: decision_hash(&decision),
            quorum: self.quorum(&case, action).await?,
            expires: now + APPROVAL_HOURS * HOUR,
            said: said(&case),
            plan,
        };
        let mut tx = self.store.begin().await?;
        tx.expect(case.number, case.version).await?;
        stale.push(NewEvent::by_quell(Some(number), Body::Decided { decision: Box::new(decision) }));
        tx.append(stale).await?;
        self.append(&mut tx, Some(number), vec![Body::ApprovalRequested(Box::new(request.clone()))]).await?;
        tx.commit().await?;
        Ok(request)
    }

    /// Approves a plan, named by its hash. The decision is made again, and must be the same.
    ///
    /// # Errors
    /// Where there is no such request any more, it or the facts changed, the caller may not, or the ledger cannot be written.
    pub async fn approve(&self, number: CaseNumber, plan_named: &str) -> Result<Approval, CommandError> {
        let case = self.case(number).await?;
        let now = self.store.now().await?;
        let approval = self.waiting(&case, plan_named, now).await?;
        let (request, me) = (&approval.request, self.caller.actor());
        let action = request.plan.action;
        let fresh = self.decide_again(&case, action).await?;
        let current = plan_hash(&case, &plan(&case, action), &fresh) == request.plan_hash;
        let quorum = self.quorum(&case, action).await?;
        let about = About {
            // Who asked with a key and approves in a task is the same person.
            requester: (approval.requester == me
                || me.principal().is_some() && approval.requester.principal() == me.principal())
            .into(),
            reversible: reversible(&case, action),
            waited_minutes: Known::Is((now - approval.at) / MINUTE),
            delay_minutes: Known::Is(ALONE_HOURS * (HOUR / MINUTE)),
            quorum: Known::Is(i64::from(quorum)),
            current: current.into(),
            expired: (request.expires <= now).into(),
            ..self.about(&case).await?
        };
        let alone = self.allow(Verb::Approve, &about, Some(number)).await?.alone;
        if approval.by.iter().any(|(id, _)| Some(id) == me.principal()) {
            let why = "you approved it before: another person has to";
            return Err(self.refuse("approve", Some(number), why, "ask another approver").await?);
        }
        // Written only if nothing was since all this was looked at.
        let plan_hash = request.plan_hash.clone();
        let body = Body::Approved { request: request.id.clone(), plan_hash, alone, quorum };
        self.write(&case, vec![body]).await?;
        let case = self.case(number).await?;
        case.approvals.into_iter().find(|a| a.request.id == approval.request.id).ok_or(CommandError::NoCase(number))
    }

    /// Rejects what waits for approval.
    ///
    /// # Errors
    /// Where nothing waits, the caller may not, or the ledger cannot be written.
    pub async fn reject(&self, number: CaseNumber, plan_named: Option<&str>, reason: &str) -> Result<(), CommandError> {
        let case = self.case(number).await?;
        self.allow(Verb::Reject, &self.about(&case).await?, Some(number)).await?;
        let fits = |a: &&Approval| {
            matches!(a.state, ApprovalState::Waiting | ApprovalState::Granted)
                && plan_named.is_none_or(|named| is_named(&a.request.plan_hash, named))
        };
        let all: Vec<&Approval> = case.approvals.iter().filter(fits).collect();
        if all.is_empty() {
            let help = format!("`quell case show {number}` shows what waits");
            return Err(CommandError::usage(format!("nothing of {number} waits for approval"), help));
        }
        let reason = text(reason)?.to_owned();
        let rejected = |a: &Approval| Body::Rejected { request: a.request.id.clone(), reason: reason.clone() };
        self.write(&case, all.into_iter().map(rejected).collect()).await
    }

    /// Takes back the caller's own approval, while nothing was done on it.
    ///
    /// # Errors
    /// Where the caller approved nothing of it, or the ledger cannot be written.
    pub async fn withdraw(&self, number: CaseNumber, reason: &str) -> Result<(), CommandError> {
        let case = self.case(number).await?;
        let me = self.caller.actor();
        let mine = |a: &&Approval| {
            matches!(a.state, ApprovalState::Waiting | ApprovalState::Granted)
                && a.by.iter().any(|(id, _)| Some(id) == me.principal())
        };
        let Some(approval) = case.approvals.iter().find(mine) else {
            let help = format!("`quell case show {number}` shows who approved what");
            return Err(CommandError::usage(format!("you approved nothing of {number} that still counts"), help));
        };
        let (request, reason) = (approval.request.id.clone(), text(reason)?.to_owned());
        let Some(of) = me.principal().cloned() else { return Ok(()) };
        self.write(&case, vec![Body::ApprovalWithdrawn { request, of, reason }]).await
    }

    /// Takes back what somebody approved who may approve no more.
    pub(super) async fn withdraw_all(&self, of: &PrincipalId, reason: &str) -> Result<(), CommandError> {
        let filter = Filter { stages: Stage::OPEN.to_vec(), limit: u32::MAX, ..Filter::default() };
        for case in self.store.cases(&filter).await? {
            let theirs = |a: &&Approval| {
                matches!(a.state, ApprovalState::Waiting | ApprovalState::Granted)
                    && a.by.iter().any(|(id, _)| id == of)
            };
            for approval in case.approvals.iter().filter(theirs) {
                let (request, reason) = (approval.request.id.clone(), reason.to_owned());
                let body = Body::ApprovalWithdrawn { request, of: of.clone(), reason };
                self.append_alone(case.number, body).await?;
            }
        }
        Ok(())
    }

    /// Approvals whose time is over, and accepted risks: written down as such. How many there were.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub async fn expire(&self) -> Result<u64, CommandError> {
        let now = self.store.now().await?;
        let overdue = self.store.overdue(now).await?;
        let count = overdue.approvals.len() + overdue.risks.len();
        for (case, request) in overdue.approvals {
            self.append_alone(case, Body::ApprovalExpired { request }).await?;
        }
        for case in overdue.risks {
            let why = Reopening::AcceptanceEnded;
            self.append_alone(case, Body::CaseReopened { why }).await?;
        }
        Ok(count as u64)
    }

    /// The request that waits under this plan's hash.
    async fn waiting(&self, case: &Case, plan_named: &str, now: i64) -> Result<Approval, CommandError> {
        let number = case.number;
        let help = format!("`quell case show {number}` shows what waits");
        let Some(approval) = case.approvals.iter().rev().find(|a| is_named(&a.request.plan_hash, plan_named)) else {
            return Err(self.refuse("approve", Some(number), "no request has this plan", help).await?);
        };
        let why = match approval.state {
            ApprovalState::Waiting if approval.request.expires <= now => "the request has expired",
            ApprovalState::Waiting => return Ok(approval.clone()),
            ApprovalState::Granted => "enough people approved it before",
            ApprovalState::Rejected => "it was rejected",
            ApprovalState::Expired => "the request has expired",
            ApprovalState::Dropped => "the case moved on without it",
        };
        Err(self.refuse("approve", Some(number), why, help).await?)
    }

    /// How many people have to approve.
    async fn quorum(&self, case: &Case, action: Action) -> Result<u32, CommandError> {
        let people = self.store.people().await?;
        let approvers = people.iter().filter(|p| p.has(Role::Approver)).count();
        let now = self.store.now().await?;
        let urgent = |e: &Emergency| e.ended.is_none() && e.until > now && e.actions.contains(&action);
        if approvers <= 1 || case.emergencies.iter().any(urgent) {
            return Ok(1);
        }
        let answers = &case.answers;
        let weighty =
            answers.criticality.value >= Some(Criticality::Critical) || answers.privileged.value == Some(true);
        let reversible = reversible(case, action);
        let own = if weighty || reversible != Answer::Yes { HIGH_QUORUM } else { 1 };
        Ok(self.policy.quorum(reversible).max(own))
    }

    /// Writes one event of quell's own about a case.
    async fn append_alone(&self, number: CaseNumber, body: Body) -> Result<(), CommandError> {
        let mut tx = self.store.begin().await?;
        tx.append(vec![NewEvent::by_quell(Some(number), body)]).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// What an agent or a machine, or somebody without a registered key, noted last.
fn said(case: &Case) -> Option<Untrusted> {
    case.notes.iter().rev().find(|note| note.kind != PrincipalKind::Person).map(|note| note.text.clone())
}

/// A decision's own hash: what it says and why.
fn decision_hash(decision: &Decision) -> String {
    let said =
        (decision.action, decision.tier, &decision.determining, &decision.unmet, &decision.policy, &decision.schema);
    canonical(&said).map(|text| digest([text.as_str()])).unwrap_or_default()
}

/// Whether a plan's hash is the one that was named, whole or by its first digits.
fn is_named(hash: &str, named: &str) -> bool {
    const LEAST: usize = 12;
    let digits = |text: &str| text.strip_prefix("sha256:").unwrap_or(text).to_owned();
    digits(named).len() >= LEAST && digits(hash).starts_with(&digits(named))
}

/// Whether an action on this credential can be undone, as far as is known.
fn reversible(case: &Case, action: Action) -> Answer {
    match action {
        Action::Notify | Action::Close | Action::Restore => Answer::Yes,
        Action::Rotate | Action::Quarantine | Action::Revoke => {
            let undo = case.answers.capability.value.and_then(|can| can.undo(action));
            undo.map(|undo| undo == Reversibility::Reversible).into()
        }
    }
}

//! A policy set earns what it does by itself: its shadow decisions, which lacked nothing but that, are compared with what people
//! did on the same cases, and an administrator promotes it where they agree (REMEDIATION, requirement 69).

use std::collections::BTreeSet;

use serde::Serialize;

use super::commands::{caller, text};
use super::{CommandError, Orchestrator};
use crate::model::action::{Action, Tier};
use crate::model::case::{CaseNumber, Outcome};
use crate::model::decision::Unmet;
use crate::model::event::{Body, Event, RestoreCause};
use crate::model::principal::{PrincipalId, PrincipalKind, Role};
use crate::policy::{About, Answer, Known, NOT_EARNED, PolicySet, Verb};

/// So many cases are compared at most.
const MOST: u32 = 10_000;
/// So many are looked up at once.
const PAGE: u32 = 500;

/// What people did where quell would have acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// The same, and nothing spoke against it afterwards.
    Agreed,
    /// Something else.
    Disagreed,
    /// Nothing that says either.
    Undecided,
}

impl Agreement {
    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Disagreed => "disagreed",
            Self::Undecided => "undecided",
        }
    }
}

/// A case in which quell would have acted by itself, and what people did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shadow {
    /// The case.
    pub case: CaseNumber,
    /// When quell would have acted first, in seconds since 1970 UTC.
    pub at: i64,
    /// At which tier.
    pub tier: Tier,
    /// What people did after that.
    pub people: Agreement,
    /// Why they disagreed.
    pub why: Option<String>,
    /// Who did the same.
    pub by: BTreeSet<PrincipalId>,
}

/// Shadow decisions beside people's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The policy set, by its hash.
    pub policy: String,
    /// The act.
    pub action: Action,
    /// Whether it is earned already.
    pub earned: bool,
    /// In how many cases people decided.
    pub cases: u64,
    /// In how many of them as quell would have.
    pub agreed: u64,
    /// In how many otherwise.
    pub disagreed: u64,
    /// In how many more nobody decided yet. They do not count.
    pub undecided: u64,
    /// In how many of those that agreed the caller is one of those who decided.
    pub own: u64,
    /// Each case, the newest first.
    pub shadows: Vec<Shadow>,
}

impl Comparison {
    /// In how many of a thousand cases people decided the same, rounded down; `None` where they decided in none.
    #[must_use]
    pub fn permille(&self) -> Option<i64> {
        let share = (self.agreed * 1000).checked_div(self.cases)?;
        i64::try_from(share).ok()
    }
}

impl Orchestrator<'_> {
    /// What the policy set that counts may do by itself.
    pub(super) async fn earned(&self) -> Result<BTreeSet<Action>, CommandError> {
        let promoted = self.store.promoted(self.policy.hash()).await?;
        Ok(promoted.into_iter().map(|one| one.action).collect())
    }

    /// Compares the shadow decisions about an act, in the newest cases that have one, so many at most, with what people did.
    ///
    /// # Errors
    /// Where nothing is to be earned in the act, the number is out of bounds, or the ledger cannot be read.
    pub async fn compare(&self, action: Action, last: u32) -> Result<Comparison, CommandError> {
        if !matches!(action, Action::Rotate | Action::Quarantine | Action::Revoke) {
            let help = "name rotate, quarantine or revoke";
            return Err(CommandError::usage(format!("{} need not be earned", action.as_str()), help));
        }
        if !(1..=MOST).contains(&last) {
            let why = format!("{last} cases cannot be compared");
            return Err(CommandError::usage(why, format!("give --last a number from 1 to {MOST}")));
        }
        let people = self.store.people().await?;
        let people: BTreeSet<PrincipalId> =
            people.into_iter().filter(|one| one.kind == PrincipalKind::Person).map(|one| one.id).collect();
        let (wanted, mut shadows, mut below) = (last as usize, Vec::new(), None);
        'pages: loop {
            let page = self.store.held_back(self.policy.hash(), NOT_EARNED, below, PAGE).await?;
            let Some(lowest) = page.last() else { break };
            below = Some(*lowest);
            for number in page {
                let events = self.store.events(0, u32::MAX, Some(number)).await?;
                shadows.extend(shadow(&events, self.policy, action, &people)?);
                if shadows.len() >= wanted {
                    break 'pages;
                }
            }
        }
        let of = |wanted: Agreement| shadows.iter().filter(|one| one.people == wanted).count() as u64;
        let (agreed, disagreed, undecided) =
            (of(Agreement::Agreed), of(Agreement::Disagreed), of(Agreement::Undecided));
        let me = self.caller.principal.as_ref().map(|me| &me.id);
        let mine = |one: &&Shadow| one.people == Agreement::Agreed && me.is_some_and(|me| one.by.contains(me));
        Ok(Comparison {
            policy: self.policy.hash().to_owned(),
            action,
            earned: self.earned().await?.contains(&action),
            cases: agreed + disagreed,
            agreed,
            disagreed,
            undecided,
            own: shadows.iter().filter(mine).count() as u64,
            shadows,
        })
    }

    /// What stands in the way of a promotion by this caller; nothing where they may. Nothing is written.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub async fn unpromotable(&self, comparison: &Comparison) -> Result<Vec<Unmet>, CommandError> {
        let about = self.promotion(comparison).await?;
        Ok(self.policy.may(Verb::Promote, &caller(self.caller), &about).unmet)
    }

    /// Lets the policy set that counts take an act by itself, where it decided as people did. The comparison is made anew.
    ///
    /// # Errors
    /// Where it is earned already, the guardrails refuse it, or the ledger cannot be written.
    pub async fn promote(&self, action: Action, last: u32) -> Result<Comparison, CommandError> {
        let comparison = self.compare(action, last).await?;
        if comparison.earned {
            let help = "`quell policy demote` takes it back";
            return Err(CommandError::usage(format!("{} is earned already", action.as_str()), help));
        }
        self.allow(Verb::Promote, &self.promotion(&comparison).await?, None).await?;
        let (cases, agreed) = (comparison.cases, comparison.agreed);
        self.recorded(Body::PolicyPromoted { hash: comparison.policy.clone(), action, cases, agreed }).await?;
        Ok(comparison)
    }

    /// Takes back that the policy set that counts takes an act by itself.
    ///
    /// # Errors
    /// Where it is not earned, the caller may not, or the ledger cannot be written.
    pub async fn demote(&self, action: Action, reason: &str) -> Result<(), CommandError> {
        self.allow(Verb::Demote, &About::default(), None).await?;
        let reason = text(reason)?.to_owned();
        if !self.earned().await?.contains(&action) {
            let help = "`quell policy show` says what is earned";
            return Err(CommandError::usage(format!("{} is not earned", action.as_str()), help));
        }
        self.recorded(Body::PolicyDemoted { hash: self.policy.hash().to_owned(), action, reason }).await
    }

    /// What the policy is told about a promotion. A set that is compiled in and was never activated, nobody put forward.
    async fn promotion(&self, comparison: &Comparison) -> Result<About, CommandError> {
        let people = self.store.people().await?;
        let alone = people.iter().filter(|one| one.has(Role::Administrator)).count() == 1;
        let active = self.store.active_policy().await?;
        let own = active.is_some_and(|active| active.stager == self.caller.actor());
        Ok(About {
            stager: own.into(),
            alone: Answer::from(alone),
            shadow_cases: Known::Is(i64::try_from(comparison.cases).unwrap_or(i64::MAX)),
            shadow_agreed_permille: comparison.permille().into(),
            ..About::default()
        })
    }

    async fn recorded(&self, body: Body) -> Result<(), CommandError> {
        let mut tx = self.store.begin().await?;
        self.append(&mut tx, None, vec![body]).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// What people did after a shadow decision.
#[derive(Default)]
struct Deeds {
    /// Who approved which request. An approval that was taken back is none.
    approved: BTreeSet<(String, PrincipalId)>,
    /// Who said that they did it.
    did: BTreeSet<PrincipalId>,
    /// What spoke against it first. That weighs more than what speaks for it, whichever came before: quell would have acted.
    against: Option<String>,
    /// That it is no credential, or one of a test, by the last judgement.
    judged: Option<String>,
}

/// The first shadow decision about an act in the events of a case, with what people did from then on; `None` where there is none.
/// `people` are those who count.
///
/// # Errors
/// Where a decision cannot be made again.
fn shadow(
    events: &[Event],
    set: &PolicySet,
    action: Action,
    people: &BTreeSet<PrincipalId>,
) -> Result<Option<Shadow>, CommandError> {
    let (mut first, mut deeds, mut requests) = (None, Deeds::default(), BTreeSet::new());
    for event in events {
        match &event.body {
            Body::ApprovalRequested(request) if request.plan.action == action => {
                requests.insert(request.id.as_str());
            }
            Body::Decided { decision } if first.is_none() && decision.action == action => {
                let tier = set.shadow(decision).map_err(|error| CommandError::Policy(error.to_string()))?;
                first = tier.zip(Some((event.case, event.at)));
            }
            _ if first.is_some() => deeds.take(event, action, &requests, people),
            _ => {}
        }
    }
    let Some((tier, (Some(case), at))) = first else { return Ok(None) };
    let why = deeds.against.or(deeds.judged);
    let by: BTreeSet<PrincipalId> = deeds.approved.into_iter().map(|(_, id)| id).chain(deeds.did).collect();
    let people = match (&why, by.is_empty()) {
        (Some(_), _) => Agreement::Disagreed,
        (None, false) => Agreement::Agreed,
        (None, true) => Agreement::Undecided,
    };
    Ok(Some(Shadow { case, at, tier, people, why, by }))
}

impl Deeds {
    fn take(&mut self, event: &Event, action: Action, requests: &BTreeSet<&str>, people: &BTreeSet<PrincipalId>) {
        if let Body::ApprovalWithdrawn { request, of, .. } = &event.body {
            self.approved.remove(&(request.clone(), of.clone()));
            return;
        }
        let Some(who) = event.actor.principal().filter(|who| people.contains(*who)) else { return };
        let mut speaks = |why: String| {
            self.against.get_or_insert(why);
        };
        match &event.body {
            Body::Approved { request, .. } if requests.contains(request.as_str()) => {
                self.approved.insert((request.clone(), who.clone()));
            }
            Body::Rejected { request, reason } if requests.contains(request.as_str()) => {
                speaks(format!("{} rejected it: {reason}", who.as_str()));
            }
            Body::ActReported { action: Action::Restore, cause: Some(RestoreCause::LegitimateUse), reason } => {
                speaks(format!("{} restored it for a legitimate use: {reason}", who.as_str()));
            }
            Body::ActReported { action: did, .. } if *did == action => {
                self.did.insert(who.clone());
            }
            Body::RiskAccepted { reason, .. } => speaks(format!("{} accepted the risk: {reason}", who.as_str())),
            Body::OutcomeSet { outcome, reason } => {
                let not_real = matches!(outcome, Outcome::False | Outcome::Test);
                self.judged = not_real.then(|| format!("{} judged it {}: {reason}", who.as_str(), outcome.as_str()));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::decision::{ApprovalRequest, Plan};
    use crate::model::principal::Actor;
    use crate::policy::{Facts, Profile};

    fn id(name: &str) -> PrincipalId {
        PrincipalId::parse(name).unwrap()
    }

    fn request(name: &str, action: Action) -> Body {
        Body::ApprovalRequested(Box::new(ApprovalRequest {
            id: name.to_owned(),
            plan: Plan { action, steps: Vec::new(), way_back: None },
            plan_hash: String::new(),
            snapshot: String::new(),
            decision: String::new(),
            quorum: 1,
            expires: 0,
            said: None,
        }))
    }

    fn approved(request: &str) -> Body {
        Body::Approved { request: request.to_owned(), plan_hash: String::new(), alone: false, quorum: 1 }
    }

    fn rejected(request: &str) -> Body {
        Body::Rejected { request: request.to_owned(), reason: "no".to_owned() }
    }

    fn did(action: Action, cause: Option<RestoreCause>) -> Body {
        Body::ActReported { action, reason: "by hand".to_owned(), cause }
    }

    fn judged(outcome: Outcome) -> Body {
        Body::OutcomeSet { outcome, reason: "looked".to_owned() }
    }

    /// What comes of a shadow decision about revoking, after a request for it and one for rotating, with these events before
    /// and after it by a person, or whoever is named.
    fn people(before: Vec<Body>, after: Vec<(&str, Body)>) -> Option<Agreement> {
        let set = PolicySet::builtin(Profile::Default).unwrap();
        let facts = Facts { earned: Answer::No, ..Facts::good() };
        let decision = Box::new(set.decide(Action::Revoke, &facts));
        let requests = vec![request("revoke", Action::Revoke), request("rotate", Action::Rotate)];
        let before = requests.into_iter().chain(before).map(|body| ("kim", body));
        let all = before.chain([("kim", Body::Decided { decision })]).chain(after);
        let events: Vec<Event> = all
            .enumerate()
            .map(|(at, (who, body))| Event {
                seq: at as i64,
                at: at as i64,
                case: Some(CaseNumber(1)),
                actor: Actor::Principal(id(who)),
                body,
                nonce: None,
                signature: None,
            })
            .collect();
        let persons = BTreeSet::from([id("kim"), id("lee")]);
        shadow(&events, &set, Action::Revoke, &persons).unwrap().map(|one| one.people)
    }

    fn after(all: Vec<Body>) -> Agreement {
        people(Vec::new(), all.into_iter().map(|body| ("kim", body)).collect()).unwrap()
    }

    #[test]
    fn what_people_do_after_it_agrees_or_not() {
        use Agreement::{Agreed, Disagreed, Undecided};
        let withdrawn =
            Body::ApprovalWithdrawn { request: "revoke".to_owned(), of: id("kim"), reason: "no".to_owned() };
        let restored = |cause| did(Action::Restore, Some(cause));
        let accepted = Body::RiskAccepted { until: 9, reason: "known".to_owned() };
        for (events, wanted) in [
            (vec![], Undecided),
            (vec![approved("revoke")], Agreed),
            (vec![did(Action::Revoke, None)], Agreed),
            (vec![approved("rotate"), did(Action::Rotate, None)], Undecided),
            (vec![approved("revoke"), withdrawn], Undecided),
            (vec![rejected("revoke")], Disagreed),
            (vec![rejected("rotate")], Undecided),
            (vec![approved("revoke"), rejected("revoke")], Disagreed),
            (vec![rejected("revoke"), approved("revoke")], Disagreed),
            (vec![did(Action::Revoke, None), restored(RestoreCause::LegitimateUse)], Disagreed),
            (vec![did(Action::Revoke, None), restored(RestoreCause::Other)], Agreed),
            (vec![accepted], Disagreed),
            (vec![judged(Outcome::False)], Disagreed),
            (vec![judged(Outcome::Test)], Disagreed),
            (vec![judged(Outcome::True)], Undecided),
            (vec![judged(Outcome::False), judged(Outcome::True), approved("revoke")], Agreed),
        ] {
            assert_eq!(after(events.clone()), wanted, "{events:?}");
        }
    }

    #[test]
    fn only_people_count_and_only_what_they_did_after_it() {
        let by = |who, body| people(Vec::new(), vec![(who, body)]);
        assert_eq!(by("bot", did(Action::Revoke, None)), Some(Agreement::Undecided));
        assert_eq!(by("bot", approved("revoke")), Some(Agreement::Undecided));
        assert_eq!(by("bot", rejected("revoke")), Some(Agreement::Undecided));
        assert_eq!(by("lee", did(Action::Revoke, None)), Some(Agreement::Agreed));
        assert_eq!(people(vec![did(Action::Revoke, None)], Vec::new()), Some(Agreement::Undecided));
    }

    #[test]
    fn shares_are_rounded_down() {
        let of = |agreed, cases| {
            let shadows = Vec::new();
            let (policy, action) = (String::new(), Action::Revoke);
            let disagreed = cases - agreed;
            Comparison { policy, action, earned: false, cases, agreed, disagreed, undecided: 0, own: 0, shadows }
                .permille()
        };
        assert_eq!([of(19, 20), of(949, 1000), of(9499, 10_000), of(0, 0)], [Some(950), Some(949), Some(949), None]);
    }
}

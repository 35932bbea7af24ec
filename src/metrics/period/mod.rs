//! What happened in a period, out of the ledger's events: what a report for people is made of.
//!
//! [`PeriodFold`] (`fold`) takes events in their order, `tell` makes a [`Period`] of them. A period begins with its first second
//! and ends before its last one. What is counted happened in it; how things stand is told as of its end, or of the last event
//! where the end lies ahead: what comes later changes no report. Survival is another matter: [`PeriodFold::followed`] has the lives
//! as far as they are known at all, since a credential that was told of in the last days of a period is followed beyond it.

mod fold;
mod tell;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::model::action::{Action, Tier};
use crate::model::case::CaseNumber;
use crate::model::event::{NoticeKind, Reopening, RestoreCause};
use crate::model::{Severity, Untrusted};

pub use fold::PeriodFold;

/// How many of something, and how many of those were proved alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Cases.
    pub cases: usize,
    /// Those whose credential was proved to work.
    pub live: usize,
}

/// A line of a table: a name, or `None` where it is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The name.
    pub name: Option<Untrusted>,
    /// How many.
    pub count: Count,
}

/// What was found: cases that were opened in the period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// All of them; live are those that were proved to work at some time before the end.
    pub all: Count,
    /// Those whose last definitive answer before the end says that they work.
    pub live_at_end: usize,
    /// By the worst that they were in that time: as the rule says, higher where the issuer said that it works. The worst first.
    pub by_severity: Vec<(Severity, Count)>,
    /// By provider, the most first.
    pub by_provider: Vec<Row>,
    /// By owner at the end, the most first.
    pub by_owner: Vec<Row>,
    /// By repository, the most first; what stands in several counts in each.
    pub by_repository: Vec<Row>,
    /// By rule, the most first: id, title.
    pub by_rule: Vec<(Untrusted, Untrusted, Count)>,
    /// Without a definitive answer before the end.
    pub never_verified: usize,
    /// Without a delivered notice to an owner before the end.
    pub never_notified: usize,
    /// Live at the end, and still nobody was told who owns it.
    pub live_untold: Vec<CaseNumber>,
}

/// Something that a person says they did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// The case.
    pub case: CaseNumber,
    /// What.
    pub action: Action,
    /// Who says so.
    pub by: Untrusted,
    /// Why, or how.
    pub reason: Untrusted,
    /// Of a restoration: what made it necessary.
    pub cause: Option<RestoreCause>,
    /// When, in seconds since 1970 UTC.
    pub at: i64,
}

/// Something that quell did by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Automatic {
    /// The case.
    pub case: CaseNumber,
    /// What.
    pub action: Action,
    /// The policies that allowed it.
    pub policies: Vec<Untrusted>,
    /// When, in seconds since 1970 UTC.
    pub at: i64,
}

/// What was done in the period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Closures by proof of death.
    pub proved: usize,
    /// Closures because a person judged that it is no credential, or one of a test.
    pub judged: usize,
    /// What people reported, in its order.
    pub reported: Vec<Reported>,
    /// What quell did by itself, in its order.
    pub automatic: Vec<Automatic>,
    /// What was opened again, by why.
    pub reopened: Reopened,
}

impl Done {
    /// Restorations that people reported, by what made them necessary: a legitimate use, something else, not said.
    #[must_use]
    pub fn restored(&self) -> [usize; 3] {
        let of = |cause| self.reported.iter().filter(|r| r.action == Action::Restore && r.cause == cause).count();
        [of(Some(RestoreCause::LegitimateUse)), of(Some(RestoreCause::Other)), of(None)]
    }
}

/// Cases that were opened again, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reopened {
    /// It stands somewhere again.
    pub appeared: usize,
    /// It works again.
    pub lives_again: usize,
    /// The risk was accepted until a day that is past.
    pub acceptance_ended: usize,
}

impl Reopened {
    const fn add(&mut self, why: Reopening) {
        match why {
            Reopening::Appeared => self.appeared += 1,
            Reopening::LivesAgain => self.lives_again += 1,
            Reopening::AcceptanceEnded => self.acceptance_ended += 1,
        }
    }

    /// All of them.
    #[must_use]
    pub const fn all(&self) -> usize {
        self.appeared + self.lives_again + self.acceptance_ended
    }
}

/// A precondition that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmetRow {
    /// The policy's id.
    pub id: Untrusted,
    /// What it wants, for people.
    pub title: Untrusted,
    /// In how many cases it stood in the way of some action, by their last decisions of the period.
    pub cases: usize,
}

/// What was recommended, by the decisions of the period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recommended {
    /// Decisions that told somebody what to do (requirement 2).
    pub recommendations: usize,
    /// Decisions on which quell acted.
    pub acts: usize,
    /// Decisions during which a policy failed: each is a refusal.
    pub failed: usize,
    /// In how many cases an action came to a tier, by the last decision about it in the period.
    pub tiers: BTreeMap<(Action, Tier), usize>,
    /// Preconditions that did not hold, the most frequent first.
    pub unmet: Vec<UnmetRow>,
    /// How many decisions each policy set made, by its hash.
    pub policies: BTreeMap<String, usize>,
}

/// A risk that was accepted, at some time of the period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedRisk {
    /// The case.
    pub case: CaseNumber,
    /// Whose credential it is, at the end of the period.
    pub owner: Option<Untrusted>,
    /// Who accepted it.
    pub by: Untrusted,
    /// Why.
    pub reason: Untrusted,
    /// Since when, in seconds since 1970 UTC.
    pub at: i64,
    /// Until when.
    pub until: i64,
    /// When the case moved on, where it did so before the end of the period.
    pub ended: Option<i64>,
}

/// An emergency path that was open at some time of the period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmergencyRow {
    /// The case.
    pub case: CaseNumber,
    /// Its name.
    pub id: String,
    /// What for.
    pub purpose: Untrusted,
    /// What may be done.
    pub actions: Vec<Action>,
    /// Who opened it.
    pub by: Untrusted,
    /// When, in seconds since 1970 UTC.
    pub at: i64,
    /// When it ends by itself.
    pub until: i64,
    /// When somebody ended it, and why.
    pub ended: Option<(i64, Untrusted)>,
}

/// A request that still waits at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingRow {
    /// The case.
    pub case: CaseNumber,
    /// Its name.
    pub id: String,
    /// What is asked for.
    pub action: Action,
    /// When, in seconds since 1970 UTC.
    pub at: i64,
    /// For how long, in seconds.
    pub age: i64,
}

/// Exceptions, approvals and refusals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// Accepted risks, by case.
    pub risks: Vec<AcceptedRisk>,
    /// Emergency paths, by case.
    pub emergencies: Vec<EmergencyRow>,
    /// Requests for approval in the period.
    pub requested: usize,
    /// Those that came to enough approvals in it, whenever they were made.
    pub granted: usize,
    /// Those that were rejected in it.
    pub rejected: usize,
    /// Those that nobody answered in time.
    pub expired: usize,
    /// What waits at the end, the longest first.
    pub waiting: Vec<WaitingRow>,
    /// Refusals: what was refused, why, how often; the most frequent first.
    pub refused: Vec<(Untrusted, Untrusted, usize)>,
}

impl Exceptions {
    /// Approval debt at the end, in seconds: for how long all of them have waited together, and the longest of them.
    #[must_use]
    pub fn debt(&self) -> (i64, i64) {
        let ages = || self.waiting.iter().map(|waiting| waiting.age);
        (ages().fold(0, i64::saturating_add), ages().max().unwrap_or(0))
    }
}

/// A notice that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The case; a digest has none.
    pub case: Option<CaseNumber>,
    /// The route.
    pub route: Untrusted,
    /// What it would have said.
    pub what: NoticeKind,
    /// Why.
    pub why: Untrusted,
    /// When, in seconds since 1970 UTC.
    pub at: i64,
}

/// What was looked at and who was told in the period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    /// Scans that ended, of the whole store.
    pub scans: usize,
    /// Those that did not read everything that was asked for: what, and when.
    pub partial: Vec<(Untrusted, i64)>,
    /// Notices that were delivered.
    pub delivered: usize,
    /// Those that were given up.
    pub dead_letters: Vec<DeadLetter>,
}

/// What happened in a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// Its first second, since 1970 UTC.
    pub since: i64,
    /// The second after its last.
    pub until: i64,
    /// When how things stand is told of: the end, or now where that comes first.
    pub as_of: i64,
    /// Whose cases alone are told.
    pub team: Option<Untrusted>,
    /// What was found.
    pub found: Found,
    /// What was done.
    pub done: Done,
    /// What was recommended.
    pub recommended: Recommended,
    /// Exceptions, approvals and refusals.
    pub exceptions: Exceptions,
    /// What was looked at.
    pub covered: Covered,
    /// Decisions whose policies name a control, and cases whose rule does, by the control's id as they name it.
    pub controls: BTreeMap<String, usize>,
    /// What else carries controls out.
    pub deeds: BTreeMap<Deed, usize>,
}

/// Something that was recorded, and that carries out controls of frameworks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    /// A case was opened.
    Opened,
    /// A scan ended.
    Scanned,
    /// An issuer was asked.
    Asked,
    /// Who may own it was gathered, or said.
    Owned,
    /// The three questions were asked.
    Answered,
    /// Its secret was sealed.
    Sealed,
    /// A task was opened.
    Tasked,
    /// A notice was delivered.
    Told,
    /// An approval was asked for.
    Requested,
    /// A person approved or rejected.
    Voted,
    /// Somebody reported, or quell did, what contains.
    Contained,
    /// Somebody restored it.
    Restored,
    /// It was closed by proof of death.
    Proved,
    /// Something was refused.
    Refused,
    /// An agent or a machine wrote a note, which nobody believes.
    Noted,
    /// A policy set was put into force.
    Activated,
    /// Automation was given to a policy set or taken from it.
    Promoted,
    /// A key was revoked.
    Revoked,
    /// Somebody signed what they did.
    Signed,
}

impl Deed {
    /// What was counted, for people: of one, and of many.
    #[must_use]
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Opened => ("case opened", "cases opened"),
            Self::Scanned => ("scan", "scans"),
            Self::Asked => ("answer of an issuer", "answers of issuers"),
            Self::Owned => ("ownership recorded", "ownerships recorded"),
            Self::Answered => ("set of answers", "sets of answers"),
            Self::Sealed => ("secret sealed", "secrets sealed"),
            Self::Tasked => ("task", "tasks"),
            Self::Told => ("notice delivered", "notices delivered"),
            Self::Requested => ("approval asked for", "approvals asked for"),
            Self::Voted => ("approval or rejection", "approvals and rejections"),
            Self::Contained => ("containment", "containments"),
            Self::Restored => ("restoration", "restorations"),
            Self::Proved => ("closure by proof of death", "closures by proof of death"),
            Self::Refused => ("refusal", "refusals"),
            Self::Noted => ("note of an agent or machine kept apart", "notes of agents and machines kept apart"),
            Self::Activated => ("policy activated", "policies activated"),
            Self::Promoted => ("promotion or demotion", "promotions and demotions"),
            Self::Revoked => ("key revoked", "keys revoked"),
            Self::Signed => ("signed act", "signed acts"),
        }
    }
}

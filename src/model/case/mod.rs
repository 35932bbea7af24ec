//! One credential's life: a fold over its events.

mod apply;
mod work;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::action::Action;
use super::answers::Answers;
use super::decision::{ApprovalRequest, Decision};
use super::event::{Closure, Opening, Reopening};
use super::owner::{Claim, Owner, Ownership};
use super::principal::{Actor, PrincipalId, PrincipalKind};
use super::{CommitRef, Part, Presence, Severity, Untrusted, Verification};

pub use apply::FoldError;
pub use work::{CaseNotice, CaseTask, ReportedAct};

/// The number of a case, shown as `Q-17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseNumber(pub i64);

impl CaseNumber {
    /// Reads `Q-17`, `q-17` or `17`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("Q-").or_else(|| text.strip_prefix("q-")).unwrap_or(text);
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse().ok().filter(|number| plain && *number > 0).map(Self)
    }
}

impl std::fmt::Display for CaseNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Q-{}", self.0)
    }
}

/// Where a credential stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The repository, as `host/owner/name` where it is known by a server, else its directory.
    pub repository: Untrusted,
    /// The path below its root.
    pub path: Untrusted,
    /// What it is a place in.
    pub part: Part,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// The commit that brought it in.
    pub commit: Option<CommitRef>,
    /// Whether it can still be had, where a history was scanned.
    pub presence: Option<Presence>,
    /// What to scan to find it again: a directory, or the address of a repository.
    pub root: Untrusted,
    /// When it was seen there last, in seconds since 1970 UTC.
    pub seen: i64,
}

impl Place {
    /// Whether another place is the same file of the same repository.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        (&self.repository, &self.path, self.part) == (&other.repository, &other.path, other.part)
    }
}

/// How far a case has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It was opened.
    Opened,
    /// A policy was asked.
    Decided,
    /// Enough people approved a plan.
    Approved,
    /// A person accepted the risk, until a day.
    RiskAccepted,
    /// It is over.
    Closed,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 5] = [Self::Opened, Self::Decided, Self::Approved, Self::RiskAccepted, Self::Closed];

    /// Those at which somebody still has to do something.
    pub const OPEN: [Self; 3] = [Self::Opened, Self::Decided, Self::Approved];

    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Decided => "decided",
            Self::Approved => "approved",
            Self::RiskAccepted => "risk-accepted",
            Self::Closed => "closed",
        }
    }

    /// The stage of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == word)
    }

    /// Whether somebody still has to do something.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Opened | Self::Decided | Self::Approved)
    }
}

/// What a person judged of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A real credential.
    True,
    /// None.
    False,
    /// One that is meant to be there: of a test.
    Test,
}

impl Outcome {
    /// Every outcome, with its word.
    pub const ALL: [(&'static str, Self); 3] = [("true", Self::True), ("false", Self::False), ("test", Self::Test)];

    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::False => "false",
            Self::Test => "test",
        }
    }
}

/// What has become of a request for approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalState {
    /// It waits.
    Waiting,
    /// Enough people approved.
    Granted,
    /// A person rejected it.
    Rejected,
    /// Nobody, or too few, approved in time.
    Expired,
    /// The case moved on without it.
    Dropped,
}

impl ApprovalState {
    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Granted => "granted",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Dropped => "dropped",
        }
    }
}

/// A request for approval, and who approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// What is asked for.
    pub request: ApprovalRequest,
    /// Who asks.
    pub requester: Actor,
    /// When it was asked, in seconds since 1970 UTC.
    pub at: i64,
    /// Who approved, and when.
    pub by: Vec<(PrincipalId, i64)>,
    /// What has become of it.
    pub state: ApprovalState,
}

/// A note that somebody wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When, in seconds since 1970 UTC.
    pub at: i64,
    /// Who.
    pub actor: Actor,
    /// What the writer counted as.
    pub kind: PrincipalKind,
    /// What it says.
    pub text: Untrusted,
}

/// An emergency path that was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emergency {
    /// Its name.
    pub id: String,
    /// What for.
    pub purpose: String,
    /// What may be done.
    pub actions: Vec<Action>,
    /// When it ends, in seconds since 1970 UTC.
    pub until: i64,
    /// What ends it before.
    pub trigger: String,
    /// Who opened it.
    pub by: Actor,
    /// When it was ended, and why.
    pub ended: Option<(i64, String)>,
}

/// One credential's life so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Its number.
    pub number: CaseNumber,
    /// How many events it has had: what is changed on the ground of an older count is refused.
    pub version: i64,
    /// How far it has come.
    pub stage: Stage,
    /// What it began with; places and fingerprints are kept up.
    pub opening: Opening,
    /// When it was opened, in seconds since 1970 UTC: when the credential was detected.
    pub detected: i64,
    /// When its owner was told first; nobody has been so far.
    pub notified: Option<i64>,
    /// How often it was opened again.
    pub reopened: u32,
    /// What its issuer said, the newest last; the same answer in a row is kept once, with its first and last time, and with
    /// who asked last.
    pub verdicts: Vec<(Verification, i64, Actor)>,
    /// Everybody who ever was recorded as the author of a commit that brought it in: a commit that is written anew adds
    /// somebody, and takes nobody away.
    pub authors: Vec<Untrusted>,
    /// Until when its secret is sealed here; `None` where it is not.
    pub sealed: Option<i64>,
    /// Who may own it.
    pub claims: Vec<Claim>,
    /// Whom a person named, why, who did, and when.
    pub assigned: Option<(Owner, String, Actor, i64)>,
    /// The three questions.
    pub answers: Answers,
    /// When they were answered.
    pub answered: Option<i64>,
    /// The last decision about each action, with its time.
    pub decisions: Vec<(Decision, i64)>,
    /// Requests for approval.
    pub approvals: Vec<Approval>,
    /// Until when the risk is accepted, why, and by whom.
    pub accepted: Option<(i64, String, Actor)>,
    /// Emergency paths.
    pub emergencies: Vec<Emergency>,
    /// How a person judged it, and why.
    pub outcome: Option<(Outcome, String)>,
    /// Notes.
    pub notes: Vec<Note>,
    /// Tasks in trackers, at most one in each.
    pub tasks: Vec<CaseTask>,
    /// The last notices.
    pub notices: Vec<CaseNotice>,
    /// When somebody showed first, since it was opened last, that they look after it, and who.
    pub acknowledged: Option<(i64, Actor)>,
    /// What people say that they did.
    pub acts: Vec<ReportedAct>,
    /// Comments whose commands were heard, and whether registered people wrote them.
    pub heard: Vec<(String, bool)>,
    /// What closed it last.
    pub closure: Option<Closure>,
    /// Why it was opened again last.
    pub reopening: Option<Reopening>,
    /// When it was opened last: the first time, or again.
    pub since: i64,
    /// When something was written about it last.
    pub updated: i64,
}

/// A fact about a case that can be asked for across cases.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FactRow {
    /// What it is: `owner`, `author`, `subject`, `account`, `service`, `repository`, `fingerprint`, `name`, `task`.
    pub name: &'static str,
    /// What it says.
    pub value: String,
    /// Where it comes from.
    pub source: String,
}

impl Case {
    /// What its issuer said last.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verification> {
        self.verdicts.last().map(|(verification, ..)| verification)
    }

    /// The last that its issuer did say, when, and who asked: that it cannot be reached now makes that older, not unsaid.
    #[must_use]
    pub fn said(&self) -> Option<&(Verification, i64, Actor)> {
        self.verdicts.iter().rev().find(|(v, ..)| v.verdict.is_had()).or(self.verdicts.last())
    }

    /// How bad it is, now that its issuer was asked; of a closed one, how bad it was.
    #[must_use]
    pub fn severity(&self) -> Severity {
        let now = self.verdict().filter(|_| self.stage.is_open());
        now.map_or(self.opening.severity, |v| v.verdict.severity(self.opening.severity))
    }

    /// Who owns it: whom a person named, else what the strongest claims come to. People who have left own nothing.
    #[must_use]
    pub fn ownership(&self) -> Ownership {
        let of_person = self.assigned.as_ref().map(|(owner, ..)| owner.clone());
        if let Some(owner) = of_person {
            return Ownership::Known { owner, strength: super::owner::Strength::Confirmed };
        }
        let standing = || self.claims.iter().filter(|claim| claim.departed.is_none());
        let Some(strength) = standing().map(|claim| claim.strength).max() else { return Ownership::Unknown };
        let owners: BTreeSet<&Owner> = standing().filter(|c| c.strength == strength).map(|c| &c.owner).collect();
        // A person of a team that is named as well is no conflict: the team owns it.
        let teams: BTreeSet<&Owner> =
            owners.iter().copied().filter(|o| o.kind == super::owner::OwnerKind::Team).collect();
        let owners = if teams.is_empty() { owners } else { teams };
        match owners.iter().next() {
            Some(owner) if owners.len() == 1 => Ownership::Known { owner: (*owner).clone(), strength },
            _ => Ownership::Conflict { between: owners.into_iter().cloned().collect(), strength },
        }
    }

    /// The last decision about an action.
    #[must_use]
    pub fn decision(&self, action: Action) -> Option<&Decision> {
        self.decisions.iter().find(|(decision, _)| decision.action == action).map(|(decision, _)| decision)
    }

    /// What can be asked for across cases.
    #[must_use]
    pub fn facts(&self) -> Vec<FactRow> {
        let text = |value: &Untrusted| String::from_utf8_lossy(value.raw()).into_owned();
        let row = |name, value: String, source: &str| FactRow { name, value, source: source.to_owned() };
        let mut rows = Vec::new();
        rows.extend(self.opening.fingerprints.iter().map(|print| row("fingerprint", print.clone(), "scan")));
        rows.extend(self.opening.names.iter().map(|name| row("name", text(name), "scan")));
        rows.extend(self.opening.places.iter().map(|place| row("repository", text(&place.repository), "scan")));
        rows.extend(self.authors.iter().map(|author| row("author", text(author), "commit")));
        rows.extend(self.claims.iter().map(|claim| row("owner", text(&claim.owner.name), claim.source.as_str())));
        rows.extend(self.tasks.iter().map(|t| row("task", t.task.name(), "tracker")));
        if let Some((owner, ..)) = &self.assigned {
            rows.push(row("owner", text(&owner.name), "assigned"));
        }
        for (verification, ..) in &self.verdicts {
            let identity = &verification.identity;
            rows.extend(identity.subject.iter().map(|s| row("subject", text(s), "provider")));
            rows.extend(identity.account.iter().map(|s| row("account", text(s), "provider")));
        }
        let dependents = self.answers.dependents.value.iter().flatten();
        rows.extend(dependents.map(|d| row("service", text(&d.name), &d.evidence.source)));
        rows.sort();
        rows.dedup();
        rows
    }
}

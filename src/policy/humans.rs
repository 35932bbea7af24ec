//! What people may do: the same policies, asked about a caller and a matter.

use std::collections::BTreeSet;

use cedar_policy::RestrictedExpression;
use serde::{Deserialize, Serialize};

use super::decide::Asked;
use super::known::{Fact, Known};
use super::set::PolicySet;
use super::words::{self, Answer};
use crate::model::action::Tier;
use crate::model::decision::Unmet;
use crate::model::principal::{Principal, Role};

/// Something that a caller wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Approves a plan.
    Approve,
    /// Rejects one, or takes an approval back.
    Reject,
    /// Accepts a risk for a time.
    AcceptRisk,
    /// Says whose a credential is.
    Assign,
    /// Writes a note.
    Note,
    /// Judges a finding.
    Outcome,
    /// Closes a case.
    Close,
    /// Asks for an approval.
    RequestApproval,
    /// Adds and revokes people.
    People,
    /// Puts a policy set forward.
    PolicyStage,
    /// Makes a policy set count.
    PolicyActivate,
    /// Opens the emergency path.
    Emergency,
    /// Erases a sealed secret.
    Erase,
    /// Reads evidence.
    ReadEvidence,
    /// Recommends.
    Recommend,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 15] = [
        Self::Approve,
        Self::Reject,
        Self::AcceptRisk,
        Self::Assign,
        Self::Note,
        Self::Outcome,
        Self::Close,
        Self::RequestApproval,
        Self::People,
        Self::PolicyStage,
        Self::PolicyActivate,
        Self::Emergency,
        Self::Erase,
        Self::ReadEvidence,
        Self::Recommend,
    ];

    /// The word that policies have for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::AcceptRisk => "accept-risk",
            Self::Assign => "assign",
            Self::Note => "note",
            Self::Outcome => "outcome",
            Self::Close => "close-case",
            Self::RequestApproval => "request-approval",
            Self::People => "people",
            Self::PolicyStage => "policy-stage",
            Self::PolicyActivate => "policy-activate",
            Self::Emergency => "emergency",
            Self::Erase => "erase",
            Self::ReadEvidence => "read-evidence",
            Self::Recommend => "recommend",
        }
    }
}

/// Who wants it. The default is somebody without a registered key, who may recommend alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// `person`, `agent`, `machine`; none without a registered key.
    pub kind: Option<crate::model::principal::PrincipalKind>,
    /// Whether the key still counts.
    pub active: bool,
    /// What it may do.
    pub roles: BTreeSet<Role>,
    /// Whether a mail address is bound.
    pub bound: bool,
}

impl Caller {
    /// What is registered about a principal.
    #[must_use]
    pub fn of(principal: &Principal) -> Self {
        Self {
            kind: Some(principal.kind),
            active: principal.is_active(),
            roles: principal.roles.clone(),
            bound: principal.address.is_some(),
        }
    }

    fn attributes(&self) -> Vec<(String, RestrictedExpression)> {
        let kind = self.kind.map_or("unregistered", crate::model::principal::PrincipalKind::as_str);
        vec![
            ("kind".to_owned(), words::word("CallerKind", kind)),
            ("active".to_owned(), RestrictedExpression::new_bool(self.active)),
            ("roles".to_owned(), words::words(&self.roles)),
            ("bound".to_owned(), RestrictedExpression::new_bool(self.bound)),
        ]
    }
}

/// What it is done to, and the caller's part in it. Everything is unknown by default; a verb asks only for what concerns it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Whether the caller asked for it: for approvals.
    pub requester: Answer,
    /// Whether the caller brought the leak in; unknown where nobody is known to have.
    pub leaker: Answer,
    /// Whether the caller put the policy set forward.
    pub stager: Answer,
    /// Whether nobody else could do it: no other active person has the role.
    pub alone: Answer,
    /// Whether the act can be undone.
    pub reversible: Answer,
    /// How many minutes ago it was asked for.
    pub waited_minutes: Known<i64>,
    /// How many minutes have to pass where one person is alone with what cannot be undone.
    pub delay_minutes: Known<i64>,
    /// How many people have to approve.
    pub quorum: Known<i64>,
    /// Whether plan, facts and decision are the ones that were asked about.
    pub current: Answer,
    /// Whether the request's time is up.
    pub expired: Answer,
    /// For how many minutes it is to hold: an accepted risk, an emergency.
    pub minutes: Known<i64>,
    /// Whether it says what for.
    pub purpose: Answer,
    /// Whether it says what ends it before its time.
    pub trigger: Answer,
    /// Whether the policy set was replayed.
    pub replayed: Answer,
}

impl About {
    fn attributes(&self) -> Vec<(String, RestrictedExpression)> {
        let answers = [
            ("requester", self.requester),
            ("leaker", self.leaker),
            ("stager", self.stager),
            ("alone", self.alone),
            ("reversible", self.reversible),
            ("current", self.current),
            ("expired", self.expired),
            ("purpose", self.purpose),
            ("trigger", self.trigger),
            ("replayed", self.replayed),
        ];
        let numbers = [
            ("waited_minutes", self.waited_minutes),
            ("delay_minutes", self.delay_minutes),
            ("quorum", self.quorum),
            ("minutes", self.minutes),
        ];
        let answers = answers.into_iter().map(|(name, answer)| (name.to_owned(), answer.expression()));
        answers.chain(numbers.into_iter().map(|(name, number)| (name.to_owned(), number.expression()))).collect()
    }
}

/// Whether a caller may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Whether it is.
    pub allowed: bool,
    /// Whether the caller may only because nobody else could: that goes on record.
    pub alone: bool,
    /// The policies that allowed it.
    pub determining: Vec<String>,
    /// Every precondition that does not hold. The tier has no meaning here and is [`Tier::Approval`].
    pub unmet: Vec<Unmet>,
    /// What went wrong; anything here is a refusal.
    pub errors: Vec<String>,
}

impl PolicySet {
    /// Whether a caller may do something.
    #[must_use]
    pub fn may(&self, verb: Verb, who: &Caller, about: &About) -> Allowed {
        let parties = [("Caller", "caller", Some(who.attributes())), ("Matter", "it", Some(about.attributes()))];
        let mut answer =
            Allowed { allowed: false, alone: false, determining: Vec::new(), unmet: Vec::new(), errors: Vec::new() };
        let reply = match Asked::new(self, parties, Vec::new()) {
            Ok(asked) => self.ask(verb.as_str(), &asked),
            Err(error) => {
                answer.errors.push(error);
                return answer;
            }
        };
        let Some(reply) = reply else { return answer };
        answer.allowed = reply.allowed;
        if reply.allowed {
            answer.determining = reply.by;
            answer.alone = about.alone == Answer::Yes && !self.may(verb, who, &About { alone: Answer::No, ..about.clone() }).allowed;
        } else {
            self.refused(Tier::Approval, &reply, &mut answer.unmet);
            answer.errors = reply.errors.into_iter().map(|(_, error)| error).collect();
        }
        answer
    }

    /// How many people have to approve an act: the fewest that the policies let an approver be one of, at most 9.
    #[must_use]
    pub fn quorum(&self, reversible: Answer) -> u32 {
        let kind = Some(crate::model::principal::PrincipalKind::Person);
        let who = Caller { kind, active: true, roles: BTreeSet::from(Role::ALL), bound: true };
        let about = About {
            requester: Answer::No,
            leaker: Answer::No,
            alone: Answer::No,
            reversible,
            current: Answer::Yes,
            expired: Answer::No,
            ..About::default()
        };
        let enough = |count: &u32| {
            let about = About { quorum: Known::Is(i64::from(*count)), ..about.clone() };
            self.may(Verb::Approve, &who, &about).allowed
        };
        (1..=9).find(enough).unwrap_or(9)
    }
}

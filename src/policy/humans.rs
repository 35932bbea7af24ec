//! What people may do: the same policies, asked about a caller and a matter.

use std::collections::BTreeSet;

use cedar_policy::RestrictedExpression;
use serde::{Deserialize, Serialize};

use super::decide::{Asked, Attributes, Party};
use super::known::{Fact, Known};
use super::set::PolicySet;
use super::words::{self, Answer};
use crate::model::action::Tier;
use crate::model::decision::Unmet;
use crate::model::principal::{Principal, PrincipalKind, Role};

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
    /// Lets a policy set take an act by itself.
    Promote,
    /// Takes that back.
    Demote,
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
    pub const ALL: [Self; 17] = [
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
        Self::Promote,
        Self::Demote,
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
            Self::Promote => "promote",
            Self::Demote => "demote",
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
    pub kind: Option<PrincipalKind>,
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

    fn attributes(&self) -> Attributes {
        let kind = self.kind.map_or("unregistered", PrincipalKind::as_str);
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
    /// In how many cases people decided where the policy set would have acted by itself.
    pub shadow_cases: Known<i64>,
    /// In how many of a thousand of those they decided the same, rounded down.
    pub shadow_agreed_permille: Known<i64>,
}

impl About {
    fn attributes(&self) -> Attributes {
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
            ("shadow_cases", self.shadow_cases),
            ("shadow_agreed_permille", self.shadow_agreed_permille),
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
        let parties = [
            Party { kind: "Caller", id: "caller", attributes: Some(who.attributes()) },
            Party { kind: "Matter", id: "it", attributes: Some(about.attributes()) },
        ];
        let mut answer =
            Allowed { allowed: false, alone: false, determining: Vec::new(), unmet: Vec::new(), errors: Vec::new() };
        let reply = match Asked::new(self, verb.as_str(), parties, Vec::new()) {
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
            answer.alone = about.alone == Answer::Yes
                && !self.may(verb, who, &About { alone: Answer::No, ..about.clone() }).allowed;
        } else {
            self.refused(Tier::Approval, &reply, &mut answer.unmet);
            answer.errors = reply.errors.into_iter().map(|(_, error)| error).collect();
        }
        answer
    }

    /// How many people have to approve an act: the fewest that the policies let an approver be one of, at most 9.
    #[must_use]
    pub fn quorum(&self, reversible: Answer) -> u32 {
        let kind = Some(PrincipalKind::Person);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Profile;

    fn set(profile: Profile) -> PolicySet {
        PolicySet::builtin(profile).unwrap()
    }

    fn person(roles: &[Role]) -> Caller {
        let roles = roles.iter().copied().collect();
        Caller { kind: Some(PrincipalKind::Person), active: true, roles, bound: true }
    }

    /// A matter in which nothing is wrong.
    fn fine() -> About {
        About {
            requester: Answer::No,
            leaker: Answer::No,
            stager: Answer::No,
            alone: Answer::No,
            reversible: Answer::Yes,
            waited_minutes: Known::Is(0),
            delay_minutes: Known::Is(60),
            quorum: Known::Is(2),
            current: Answer::Yes,
            expired: Answer::No,
            minutes: Known::Is(30),
            purpose: Answer::Yes,
            trigger: Answer::Yes,
            replayed: Answer::Yes,
            shadow_cases: Known::Is(20),
            shadow_agreed_permille: Known::Is(950),
        }
    }

    fn ids(answer: &Allowed) -> Vec<&str> {
        answer.unmet.iter().map(|unmet| unmet.id.as_str()).collect()
    }

    #[test]
    fn agents_machines_and_callers_without_a_key_recommend_and_nothing_else() {
        for profile in Profile::ALL {
            let set = set(profile);
            for kind in [Some(PrincipalKind::Agent), Some(PrincipalKind::Machine), None] {
                let who = Caller { kind, ..person(&Role::ALL) };
                for verb in Verb::ALL {
                    let answer = set.may(verb, &who, &fine());
                    assert_eq!(answer.allowed, verb == Verb::Recommend, "{kind:?} {verb:?}");
                }
            }
            assert!(set.may(Verb::Recommend, &Caller::default(), &About::default()).allowed);
        }
    }

    #[test]
    fn each_verb_wants_its_role_and_a_key_that_counts() {
        use Role::{Administrator as Ad, Approver as Ap, Responder as Re};
        let set = set(Profile::Default);
        let may = |verb, who: &Caller| set.may(verb, who, &fine()).allowed;
        for verb in Verb::ALL {
            let by: &[Role] = match verb {
                Verb::Approve | Verb::Reject | Verb::AcceptRisk => &[Ap],
                Verb::Assign | Verb::Note | Verb::Outcome | Verb::Close | Verb::RequestApproval => &[Re, Ap],
                Verb::People | Verb::PolicyStage | Verb::PolicyActivate | Verb::Promote | Verb::Erase => &[Ad],
                Verb::Emergency => &[Ap, Ad],
                Verb::Demote | Verb::ReadEvidence | Verb::Recommend => &[Re, Ap, Ad],
            };
            for role in Role::OF_PEOPLE {
                assert_eq!(may(verb, &person(&[role])), by.contains(&role), "{verb:?} {role:?}");
            }
            let revoked = Caller { active: false, ..person(&Role::ALL) };
            assert_eq!(may(verb, &revoked), verb == Verb::Recommend, "{verb:?}");
        }
        assert!(may(Verb::ReadEvidence, &person(&[])));
    }

    #[test]
    fn whoever_approves_is_neither_the_requester_nor_the_leaker() {
        let set = set(Profile::Default);
        let who = person(&[Role::Approver]);
        let why = |about: About| set.may(Verb::Approve, &who, &about);
        for (about, id) in [
            (About { requester: Answer::Yes, ..fine() }, "guardrail.requester-approves"),
            (About { requester: Answer::Unknown, ..fine() }, "guardrail.requester-approves"),
            (About { leaker: Answer::Yes, ..fine() }, "guardrail.leaker-approves"),
            (About { current: Answer::No, ..fine() }, "guardrail.plan-changed"),
            (About { current: Answer::Unknown, ..fine() }, "guardrail.plan-changed"),
            (About { expired: Answer::Yes, ..fine() }, "guardrail.request-expired"),
            (About { expired: Answer::Unknown, ..fine() }, "guardrail.request-expired"),
        ] {
            assert_eq!(ids(&why(about)), [id]);
        }
        let unbound = Caller { bound: false, ..who.clone() };
        assert_eq!(ids(&set.may(Verb::Approve, &unbound, &fine())), ["guardrail.unbound"]);
        assert!(why(About { leaker: Answer::Unknown, ..fine() }).allowed);
    }

    #[test]
    fn a_team_of_one_approves_with_the_lack_on_record_and_waits_for_what_cannot_be_undone() {
        let (set, regulated) = (set(Profile::Default), set(Profile::Regulated));
        let who = person(&Role::ALL);
        let own = About { requester: Answer::Yes, alone: Answer::Yes, ..fine() };
        let answer = set.may(Verb::Approve, &who, &own);
        assert!(answer.allowed && answer.alone, "{answer:?}");
        let other = set.may(Verb::Approve, &who, &About { alone: Answer::Yes, ..fine() });
        assert!(other.allowed && !other.alone, "nothing was lacking: {other:?}");
        let final_one = About { reversible: Answer::Unknown, ..own };
        assert_eq!(ids(&set.may(Verb::Approve, &who, &final_one)), ["guardrail.alone-too-soon"]);
        let later = About { waited_minutes: Known::Is(60), ..final_one.clone() };
        assert!(set.may(Verb::Approve, &who, &later).allowed);
        let undelayed = About { delay_minutes: Known::Unknown, ..later.clone() };
        assert!(!set.may(Verb::Approve, &who, &undelayed).allowed);
        assert!(!regulated.may(Verb::Approve, &who, &later).allowed);
    }

    #[test]
    fn a_set_counts_after_a_replay_and_by_another_person_than_put_it_forward() {
        let set = set(Profile::Default);
        let who = person(&[Role::Administrator]);
        let may = |about: About| set.may(Verb::PolicyActivate, &who, &about);
        assert_eq!(ids(&may(About { stager: Answer::Yes, ..fine() })), ["guardrail.stager-activates"]);
        assert_eq!(ids(&may(About { replayed: Answer::Unknown, ..fine() })), ["guardrail.not-replayed"]);
        let alone = may(About { stager: Answer::Yes, alone: Answer::Yes, ..fine() });
        assert!(alone.allowed && alone.alone);
    }

    #[test]
    fn a_set_is_promoted_on_enough_cases_and_by_another_person_than_put_it_forward() {
        let who = person(&[Role::Administrator]);
        let set = set(Profile::Default);
        let may = |about: About| set.may(Verb::Promote, &who, &about);
        assert!(may(fine()).allowed);
        for (about, id) in [
            (About { shadow_cases: Known::Is(19), ..fine() }, "guardrail.promoted-too-soon"),
            (About { shadow_cases: Known::Unknown, ..fine() }, "guardrail.promoted-too-soon"),
            (About { shadow_agreed_permille: Known::Is(949), ..fine() }, "guardrail.promoted-unproven"),
            (About { shadow_agreed_permille: Known::Unknown, ..fine() }, "guardrail.promoted-unproven"),
            (About { stager: Answer::Yes, ..fine() }, "guardrail.stager-promotes"),
            (About { stager: Answer::Unknown, ..fine() }, "guardrail.stager-promotes"),
        ] {
            assert_eq!(ids(&may(about)), [id]);
        }
        let own = About { stager: Answer::Yes, alone: Answer::Yes, ..fine() };
        assert!(may(own.clone()).alone, "the only person there is, and that is told");
        let regulated = PolicySet::builtin(Profile::Regulated).unwrap();
        assert_eq!(ids(&regulated.may(Verb::Promote, &who, &own)), ["regulated.stager-promotes"]);
        // Being careful needs nothing but a role.
        assert!(set.may(Verb::Demote, &person(&[Role::Responder]), &About::default()).allowed);
        assert_eq!(ids(&set.may(Verb::Demote, &person(&[]), &fine())), ["guardrail.demote-by"]);
    }

    #[test]
    fn risks_and_emergencies_end() {
        let set = set(Profile::Default);
        let who = person(&[Role::Approver]);
        let may = |verb, minutes| set.may(verb, &who, &About { minutes, ..fine() }).allowed;
        for (verb, most) in [(Verb::AcceptRisk, 525_600), (Verb::Emergency, 480)] {
            assert!(may(verb, Known::Is(most)) && !may(verb, Known::Is(most + 1)));
            assert!(!may(verb, Known::Unknown) && !may(verb, Known::Is(0)) && !may(verb, Known::Is(-1)));
        }
        for about in [About { purpose: Answer::No, ..fine() }, About { trigger: Answer::Unknown, ..fine() }] {
            assert_eq!(ids(&set.may(Verb::Emergency, &who, &about)), ["guardrail.emergency-unbounded"]);
        }
    }

    #[test]
    fn the_regulated_profile_wants_two_people_for_what_cannot_be_undone() {
        assert_eq!(set(Profile::Default).quorum(Answer::Unknown), 1);
        assert_eq!(set(Profile::Regulated).quorum(Answer::Unknown), 2);
        assert_eq!(set(Profile::Regulated).quorum(Answer::Yes), 1);
    }
}

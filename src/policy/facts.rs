//! Facts: what a decision about one act on one credential is made of.

use std::collections::BTreeSet;

use cedar_policy::RestrictedExpression;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::known::{Fact, Known};
use super::words::{Answer, Degraded, Judgement, Proposer, Trust, VerdictWord};
use crate::model::Confidence;
use crate::model::answers::{Criticality, Environment, Reversibility};
use crate::model::canonical::{digest, sorted};
use crate::model::owner::{Strength, Subject};

/// The struct, the names of its fields, how each is forgotten, and where a policy finds it.
macro_rules! facts {
    ($(#[$doc:meta])* $name:ident; $(
        $(#[$where_doc:meta])* $place:ident { $($(#[$what:meta])* $field:ident: $kind:ty,)* }
    )*) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name { $($($(#[$what])* pub $field: $kind,)*)* }

        impl $name {
            /// The name of every fact, as policies and files of cases have it.
            pub const FIELDS: &'static [&'static str] = &[$($(stringify!($field),)*)*];

            /// Makes one fact unknown. False where there is none of that name.
            pub fn forget(&mut self, field: &str) -> bool {
                match field {
                    $($(stringify!($field) => self.$field = Default::default(),)*)*
                    _ => return false,
                }
                true
            }

            $(
                $(#[$where_doc])*
                pub(super) fn $place(&self) -> Vec<(String, RestrictedExpression)> {
                    vec![$((stringify!($field).to_owned(), self.$field.expression()),)*]
                }
            )*
        }
    };
}

facts! {
    /// What is known when an act on a credential is decided about. Everything has an explicit unknown, which is the default;
    /// no fact that is missing raises a tier.
    Facts;
    /// What a policy finds at `resource`.
    credential {
        /// How sure quell is that it is a credential.
        confidence: Known<Confidence>,
        /// What the issuer said.
        verdict: VerdictWord,
        /// How many hours ago the issuer was asked.
        verdict_age_hours: Known<i64>,
        /// Whether a made-up credential was refused where this one was accepted.
        controlled: Answer,
        /// Id of the provider.
        provider: Known<String>,
        /// Id of the rule.
        rule: Known<String>,
        /// Whether the act can be undone.
        reversibility: Known<Reversibility>,
        /// How many days ago quell rehearsed the way back.
        rehearsed_age_days: Known<i64>,
        /// Whether a replacement is proven live and in use.
        replacement_proven: Answer,
        /// How many minutes the way back takes.
        restore_minutes: Known<i64>,
        /// How many days ago it was made.
        age_days: Known<i64>,
        /// For how many hours it is made.
        lifetime_hours: Known<i64>,
        /// In how many hours it ends; zero or less where it ended.
        expires_in_hours: Known<i64>,
        /// Whether it may do more than its own affairs.
        privileged: Answer,
        /// How many days ago it was used last; of one that never was, how many days ago it was made.
        last_use_days: Known<i64>,
        /// Whether a source that would know says that nothing uses it.
        unused_confirmed: Answer,
        /// How much harm its absence does.
        criticality: Known<Criticality>,
        /// For how many minutes it may be away.
        downtime_minutes: Known<i64>,
        /// Where it is used.
        environment: Known<Environment>,
        /// What it opens: a host, an account.
        target: Known<String>,
        /// Whether a partner uses it, or it opens a partner's system.
        third_party: Answer,
        /// Whether a platform that several teams share rests on it.
        shared: Answer,
        /// What it is for.
        purpose: Known<String>,
        /// Whether what used it is no longer there.
        decommissioned: Answer,
        /// Whether what uses it takes a new one without a restart.
        hot_reload: Answer,
        /// How strong the claim of its owner is.
        owner: Known<Strength>,
        /// Whether the strongest claims name different owners.
        owner_conflict: Answer,
        /// Whether the owner is gone.
        owner_departed: Answer,
        /// Whether the issuer's identity is the one that the owner's record means.
        subject: Subject,
        /// How many things use it.
        dependents: Known<i64>,
        /// How many hours ago that was looked for.
        dependents_age_hours: Known<i64>,
        /// What makes the answers worth less than they seem.
        degraded: Known<BTreeSet<Degraded>>,
        /// What a person judged of the finding.
        outcome: Judgement,
        /// Whether what uses it is in good order.
        workload_trust: Trust,
        /// What uses it, as its platform names it.
        workload: Known<String>,
    }
    /// What a policy finds in `context`.
    moment {
        /// Whether changes are allowed now.
        in_window: Answer,
        /// Whether the kill switch is on.
        frozen: Answer,
        /// How many acts quell may still do by itself in this hour.
        actions_left: Known<i64>,
        /// How many of those on this owner's credentials.
        owner_actions_left: Known<i64>,
        /// How many credentials the same plan would touch now.
        blast: Known<i64>,
        /// Who proposes it.
        proposer: Proposer,
        /// Whether a person looked at the proposal.
        human_reviewed: Answer,
        /// Whether agents act on what agents said.
        chained: Answer,
        /// Whether a person opened the emergency path for it.
        emergency: Answer,
        /// Whether the policy set has earned to take the act by itself.
        earned: Answer,
    }
}

impl Facts {
    /// Facts about which nothing is wrong: every act that changes something is automatic. What cases and warnings start from.
    #[must_use]
    pub fn good() -> Self {
        let text = |text: &str| Known::Is(text.to_owned());
        Self {
            confidence: Known::Is(Confidence::High),
            verdict: VerdictWord::Live,
            verdict_age_hours: Known::Is(0),
            controlled: Answer::Yes,
            provider: text("acme"),
            rule: text("acme-api-token"),
            reversibility: Known::Is(Reversibility::Reversible),
            rehearsed_age_days: Known::Is(1),
            replacement_proven: Answer::Yes,
            restore_minutes: Known::Is(1),
            age_days: Known::Is(10),
            lifetime_hours: Known::Is(720),
            expires_in_hours: Known::Is(480),
            privileged: Answer::No,
            last_use_days: Known::Is(60),
            unused_confirmed: Answer::Yes,
            criticality: Known::Is(Criticality::Low),
            downtime_minutes: Known::Is(600),
            environment: Known::Is(Environment::Test),
            target: text("api.acme.example"),
            third_party: Answer::No,
            shared: Answer::No,
            purpose: text("reports"),
            decommissioned: Answer::No,
            hot_reload: Answer::Yes,
            owner: Known::Is(Strength::Confirmed),
            owner_conflict: Answer::No,
            owner_departed: Answer::No,
            subject: Subject::Match,
            dependents: Known::Is(0),
            dependents_age_hours: Known::Is(1),
            degraded: Known::Is(BTreeSet::new()),
            outcome: Judgement::Unset,
            workload_trust: Trust::Trusted,
            workload: text("reports"),
            in_window: Answer::Yes,
            frozen: Answer::No,
            actions_left: Known::Is(10),
            owner_actions_left: Known::Is(3),
            blast: Known::Is(1),
            proposer: Proposer::Quell,
            human_reviewed: Answer::No,
            chained: Answer::No,
            emergency: Answer::No,
            earned: Answer::Yes,
        }
    }

    /// The facts as a value with its keys in order: what a decision keeps, and is made of again.
    #[must_use]
    pub fn canonical(&self) -> Value {
        // Everything in it is a word, a number, a text or a list of words: it has a form in JSON.
        sorted(serde_json::to_value(self).unwrap_or_default())
    }
}

/// The hash of canonical facts.
pub(super) fn snapshot(canonical: &Value) -> String {
    digest([canonical.to_string().as_str()])
}

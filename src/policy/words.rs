//! The words that facts are made of: closed lists, each with a word for what is not known.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use cedar_policy::{EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use serde::{Deserialize, Serialize};

use crate::model::Verdict;
use crate::model::case::Outcome;
use crate::model::owner::{Strength, Subject};
use crate::model::principal::{PrincipalKind, Role};
use crate::model::{Confidence, answers};

/// An enumeration whose variants have a word, which the schema declares under the same name.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident $kind:literal { $($(#[$what:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$what])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// Every one, in the order in which the schema has them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word that formats and policies have.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl Word for $name {
            const KIND: &'static str = $kind;
            fn word(&self) -> &'static str { self.as_str() }
        }
    };
}

/// A word of a closed list that the schema declares.
pub(super) trait Word {
    /// The name of the list in the schema.
    const KIND: &'static str;
    /// The word.
    fn word(&self) -> &'static str;
}

words! {
    /// Yes, no, or not known.
    #[derive(Default)]
    Answer "Answer" {
        /// It is so.
        Yes = "yes",
        /// It is not so.
        No = "no",
        /// It is not known.
        #[default]
        Unknown = "unknown",
    }
}

impl From<bool> for Answer {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl From<Option<bool>> for Answer {
    fn from(yes: Option<bool>) -> Self {
        yes.map_or(Self::Unknown, Self::from)
    }
}

words! {
    /// What the issuer said, as a policy sees it.
    #[derive(Default)]
    VerdictWord "Verdict" {
        /// It works.
        Live = "live",
        /// It is right, with less access than it had.
        LiveLimited = "live-limited",
        /// It is right, and locked.
        Blocked = "blocked",
        /// It is proved dead.
        Dead = "dead",
        /// A wrong, a locked and a revoked one look alike.
        Indistinct = "indistinct",
        /// The issuer was asked, and it was not found out.
        Unanswered = "unanswered",
        /// Nobody knows how to ask.
        NoVerifier = "no-verifier",
        /// Nobody asked.
        #[default]
        Unknown = "unknown",
    }
}

impl From<Option<Verdict>> for VerdictWord {
    /// The newest verdict that says something; `None` where the issuer was never asked. A verdict that was had stays one when
    /// the issuer cannot be reached later: its age says what it is worth.
    fn from(verdict: Option<Verdict>) -> Self {
        match verdict {
            None => Self::Unknown,
            Some(Verdict::Live) => Self::Live,
            Some(Verdict::LiveLimited) => Self::LiveLimited,
            Some(Verdict::Blocked) => Self::Blocked,
            Some(Verdict::Dead) => Self::Dead,
            Some(Verdict::Indistinct) => Self::Indistinct,
            Some(Verdict::Unknown(_)) => Self::Unanswered,
            Some(Verdict::NoVerifier) => Self::NoVerifier,
        }
    }
}

words! {
    /// Who proposes an act.
    #[derive(Default)]
    Proposer "Proposer" {
        /// quell itself.
        Quell = "quell",
        /// A human being.
        Person = "person",
        /// A program that decides by a model.
        Agent = "agent",
        /// A pipeline, a service.
        Machine = "machine",
        /// Not known, or not registered.
        #[default]
        Unknown = "unknown",
    }
}

impl From<PrincipalKind> for Proposer {
    fn from(kind: PrincipalKind) -> Self {
        match kind {
            PrincipalKind::Person => Self::Person,
            PrincipalKind::Agent => Self::Agent,
            PrincipalKind::Machine => Self::Machine,
        }
    }
}

words! {
    /// What makes the answers worth less than they seem (REMEDIATION, requirements 75 to 79).
    Degraded "Degraded" {
        /// Not everything was read.
        IncompleteCoverage = "incomplete-coverage",
        /// The identity comes from another organisation's directory.
        FederatedSource = "federated-source",
        /// Nothing says whose it is or how it is restored.
        NoMetadata = "no-metadata",
        /// What it may do comes from elsewhere.
        InheritedEntitlements = "inherited-entitlements",
        /// It opens what opens others.
        ChainedCredentials = "chained-credentials",
        /// What uses it comes and goes.
        Ephemeral = "ephemeral",
        /// One identity stands on many systems.
        ManySystems = "many-systems",
    }
}

words! {
    /// What a person judged of the finding.
    #[derive(Default)]
    Judgement "Judgement" {
        /// A real credential.
        True = "true",
        /// None.
        False = "false",
        /// One that is meant to be there.
        Test = "test",
        /// Nobody judged it.
        Unset = "unset",
        /// Nobody looked whether it was judged.
        #[default]
        Unknown = "unknown",
    }
}

impl From<Option<Outcome>> for Judgement {
    fn from(outcome: Option<Outcome>) -> Self {
        match outcome {
            None => Self::Unset,
            Some(Outcome::True) => Self::True,
            Some(Outcome::False) => Self::False,
            Some(Outcome::Test) => Self::Test,
        }
    }
}

words! {
    /// Whether what uses a credential is what it says it is, and in good order.
    #[derive(Default)]
    Trust "Trust" {
        /// It is.
        Trusted = "trusted",
        /// It is not.
        Untrusted = "untrusted",
        /// Nobody looked.
        #[default]
        Unknown = "unknown",
    }
}

/// What the model says, under the names of the schema.
macro_rules! model_words {
    ($($kind:literal $name:ty: $($variant:path => $word:literal),*;)*) => {$(
        impl Word for $name {
            const KIND: &'static str = $kind;
            fn word(&self) -> &'static str {
                match self { $($variant => $word,)* }
            }
        }
    )*};
}

model_words! {
    "Confidence" Confidence: Confidence::Low => "low", Confidence::Medium => "medium", Confidence::High => "high";
    "Criticality" answers::Criticality: answers::Criticality::Low => "low", answers::Criticality::Medium => "medium",
        answers::Criticality::High => "high", answers::Criticality::Critical => "critical";
    "Environment" answers::Environment: answers::Environment::Development => "development",
        answers::Environment::Test => "test", answers::Environment::Staging => "staging",
        answers::Environment::Production => "production";
    "Reversibility" answers::Reversibility: answers::Reversibility::Irreversible => "irreversible",
        answers::Reversibility::Replaceable => "replaceable", answers::Reversibility::Reversible => "reversible";
    "Strength" Strength: Strength::Hint => "hint", Strength::Asserted => "asserted", Strength::Confirmed => "confirmed";
    "Subject" Subject: Subject::Match => "match", Subject::Mismatch => "mismatch", Subject::Unknown => "unknown";
    "Role" Role: Role::Responder => "responder", Role::Approver => "approver", Role::Administrator => "administrator",
        Role::Relay => "relay";
}

/// The types of the schema that words and requests have. Cedar parses a name anew wherever it is asked for one, which takes
/// longer than the evaluation of a policy; so each is parsed once.
static TYPES: LazyLock<HashMap<&str, EntityTypeName>> = LazyLock::new(|| {
    let kinds = [
        "Answer",
        "Caller",
        "CallerKind",
        "Confidence",
        "Credential",
        "Criticality",
        "Degraded",
        "Environment",
        "Judgement",
        "Matter",
        "Proposer",
        "Reversibility",
        "Role",
        "Strength",
        "Subject",
        "Trust",
        "Verdict",
    ];
    kinds.into_iter().filter_map(|kind| Some((kind, kind.parse().ok()?))).collect()
});

/// A word as Cedar has it: `Environment::"production"`; `None` for a kind that is not of the schema.
pub(super) fn uid(kind: &str, word: &str) -> Option<EntityUid> {
    TYPES.get(kind).map(|kind| EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(word)))
}

/// As in [`uid`], for a value of an attribute. In the place of a kind that is not of the schema is a text, which fails it.
pub(super) fn word(kind: &str, word: &str) -> RestrictedExpression {
    uid(kind, word)
        .map_or_else(|| RestrictedExpression::new_string(word.to_owned()), RestrictedExpression::new_entity_uid)
}

/// Words as a set.
pub(super) fn words<W: Word>(set: &BTreeSet<W>) -> RestrictedExpression {
    RestrictedExpression::new_set(set.iter().map(|w| word(W::KIND, w.word())))
}

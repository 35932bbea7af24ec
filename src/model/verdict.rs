//! What an issuer said of a credential when it was asked, and when.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Severity, Untrusted};

/// Whether a credential works. Never a yes or no: what is not known is said, with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It works.
    Live,
    /// It is right, and what it may do was reduced.
    LiveLimited,
    /// It is right, and locked; whoever locked it can unlock it.
    Blocked,
    /// It is refused as no credential that can be unlocked is.
    Dead,
    /// It is refused, in words that a wrong, a locked and a revoked one get alike.
    Indistinct,
    /// It could not be found out.
    Unknown(Why),
    /// Nobody knows how to ask: no recipe.
    NoVerifier,
}

/// Why a verdict is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// There is no network, or quell was told not to use it.
    Offline,
    /// The host's name has no address.
    NoAddress,
    /// The host did not take the connection, or ended it.
    Unreachable,
    /// An answer did not come in time.
    Timeout,
    /// The host did not prove over TLS that it is the one, or has no TLS.
    Tls,
    /// The provider wants fewer requests.
    RateLimited,
    /// The provider says that it is out of order.
    Outage,
    /// The answer is none that the provider documents: a redirect, a login page, an empty one.
    Unexpected,
    /// The answer was larger than any that the provider documents.
    TooLarge,
    /// The provider accepted a made-up credential too, so that its answer proves nothing.
    ControlFailed,
    /// The credential's host is not one that an administrator listed.
    HostNotListed,
    /// The host has an address that is not asked: private, of this machine, or of metadata services.
    AddressRefused,
    /// Another part of the credential was not found.
    PartMissing,
    /// It was refused, but as what it was taken for, or with parts that may not belong to it.
    Ambiguous,
    /// A refusal may lock the account, and such logins are not turned on.
    MayLock,
    /// It belongs to an account that is known to be a trap: asking would ring its bell.
    Canary,
    /// The run's or the provider's number of requests is used up.
    BudgetSpent,
    /// The secret does not stand any more where it was found.
    SecretGone,
    /// It is itself encrypted, and the passphrase is not known.
    Encrypted,
    /// The recipe cannot be carried out with what was found.
    Unusable,
}

impl Why {
    /// Every reason, with the word that formats have and a sentence.
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Offline, "offline", "there is no network, or it was not to be used"),
        (Self::NoAddress, "no-address", "the host's name has no address"),
        (Self::Unreachable, "unreachable", "the host did not take the connection, or ended it"),
        (Self::Timeout, "timeout", "the answer did not come in time"),
        (Self::Tls, "tls", "the host did not prove by TLS that it is the one"),
        (Self::RateLimited, "rate-limited", "the provider wants fewer requests"),
        (Self::Outage, "outage", "the provider is out of order"),
        (Self::Unexpected, "unexpected", "the answer is none that the provider documents"),
        (Self::TooLarge, "too-large", "the answer was too large"),
        (Self::ControlFailed, "control-failed", "a made-up credential was accepted too"),
        (Self::HostNotListed, "host-not-listed", "its host is not listed under [endpoints]"),
        (Self::AddressRefused, "address-refused", "its host has a private address that is not listed"),
        (Self::PartMissing, "part-missing", "another part of the credential was not found"),
        (Self::Ambiguous, "ambiguous", "it was refused, with parts or at a provider that may not be its own"),
        (Self::MayLock, "may-lock", "a refusal may lock the account, and logins are not turned on"),
        (Self::Canary, "canary", "its account is known to be a trap, and was not asked"),
        (Self::BudgetSpent, "budget-spent", "the number of requests is used up"),
        (Self::SecretGone, "secret-gone", "it does not stand any more where it was found"),
        (Self::Encrypted, "encrypted", "it is encrypted"),
        (Self::Unusable, "unusable", "the recipe cannot be carried out with what was found"),
    ];

    /// The word that formats have.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(why, ..)| *why == self).map_or("unknown", |(_, word, _)| word)
    }

    /// The reason of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == word).map(|(why, ..)| *why)
    }

    /// A sentence for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        Self::ALL.iter().find(|(why, ..)| *why == self).map_or("", |(.., sentence)| sentence)
    }
}

impl Verdict {
    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::LiveLimited => "live-limited",
            Self::Blocked => "blocked",
            Self::Dead => "dead",
            Self::Indistinct => "indistinct",
            Self::Unknown(_) => "unknown",
            Self::NoVerifier => "no-verifier",
        }
    }

    /// The verdict of that word, where it needs no reason.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        let known = [Self::Live, Self::LiveLimited, Self::Blocked, Self::Dead, Self::Indistinct, Self::NoVerifier];
        known.into_iter().find(|verdict| verdict.as_str() == word)
    }

    /// How bad a leak is, now that its issuer was asked: what works is at least high, what is dead only worth knowing, what
    /// is refused for now bounded. What is not known changes nothing.
    #[must_use]
    pub fn severity(self, before: Severity) -> Severity {
        match self {
            Self::Live => before.max(Severity::High),
            Self::LiveLimited => before.max(Severity::Medium),
            Self::Blocked | Self::Indistinct => before.min(Severity::Medium),
            Self::Dead => Severity::Info,
            Self::Unknown(_) | Self::NoVerifier => before,
        }
    }

    /// Whether it works now.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live | Self::LiveLimited)
    }

    /// Whether the issuer said something of the credential: its answer, whatever it was, is one.
    #[must_use]
    pub const fn is_had(self) -> bool {
        !matches!(self, Self::Unknown(_) | Self::NoVerifier)
    }
}

/// In the ledger: the word, and for `unknown` the reason behind a colon.
impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unknown(why) => to.collect_str(&format_args!("unknown:{}", why.as_str())),
            other => to.serialize_str(other.as_str()),
        }
    }
}

impl<'de> Deserialize<'de> for Verdict {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let unknown = || text.strip_prefix("unknown:").and_then(Why::named).map(Self::Unknown);
        Self::named(&text).or_else(unknown).ok_or_else(|| serde::de::Error::custom("no verdict"))
    }
}

/// The non-human identity that a credential belongs to, as far as its issuer told. All of it comes from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// Who it is: a login, an ARN, a role.
    pub subject: Option<Untrusted>,
    /// The account or organisation that it is of.
    pub account: Option<Untrusted>,
    /// What it may do, as the issuer names it.
    pub scopes: Vec<Untrusted>,
    /// Whether it may do more than its own affairs: a role, a flag of an administrator.
    pub privilege: Option<Untrusted>,
    /// When it ends, as the issuer writes it.
    pub expires: Option<Untrusted>,
    /// When it was used last, as the issuer writes it.
    pub last_use: Option<Untrusted>,
    /// What it reached: repositories, projects, databases.
    pub resources: Vec<Untrusted>,
}

impl Identity {
    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is known, by the name that formats have, in a fixed order; lists as one value a line.
    pub fn told(&self) -> impl Iterator<Item = (&'static str, Vec<&Untrusted>)> {
        [
            ("subject", self.subject.iter().collect::<Vec<_>>()),
            ("account", self.account.iter().collect()),
            ("scopes", self.scopes.iter().collect()),
            ("privilege", self.privilege.iter().collect()),
            ("expires", self.expires.iter().collect()),
            ("last_use", self.last_use.iter().collect()),
            ("resources", self.resources.iter().collect()),
        ]
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
    }

    /// Adds a value under the name of a recipe; `scopes` and `resources` take each of several.
    pub fn set(&mut self, name: &str, values: Vec<Untrusted>) {
        let first = || values.first().cloned();
        match name {
            "subject" => self.subject = first().or(self.subject.take()),
            "account" => self.account = first().or(self.account.take()),
            "privilege" => self.privilege = first().or(self.privilege.take()),
            "expires" => self.expires = first().or(self.expires.take()),
            "last_use" => self.last_use = first().or(self.last_use.take()),
            "scopes" => self.scopes.extend(values),
            "resources" => self.resources.extend(values),
            _ => {}
        }
    }
}

/// What came of asking about one credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// What it is.
    pub verdict: Verdict,
    /// Whether the same host refused a made-up credential in the same run, so that `Live` is more than a friendly server.
    /// True where nothing is claimed that would need it.
    pub controlled: bool,
    /// Whose it is.
    pub identity: Identity,
    /// When the issuer was asked, in seconds since 1970 UTC; for what an earlier run asked, then.
    pub asked: i64,
    /// The recipe, as `provider/name`; empty where there is none.
    pub recipe: String,
    /// The host that was asked, with its port; empty where none was.
    pub host: Untrusted,
    /// The shape of the answer, for people: status, type, length. Never its bytes.
    pub answer: String,
    /// Whether an earlier run asked, and its answer still counts.
    pub cached: bool,
    /// Whether that host is one that a configuration lists, and not the provider's own.
    #[serde(default)]
    pub listed: bool,
    /// Whether the server said that it holds no such credential, as it says of no locked one: dead where it said before that the
    /// credential works, else indistinct, since it may never have been this server's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
}

impl Verification {
    /// Nothing was asked, for this reason.
    #[must_use]
    pub fn not_asked(verdict: Verdict, recipe: &str, now: i64) -> Self {
        Self {
            verdict,
            controlled: true,
            identity: Identity::default(),
            asked: now,
            recipe: recipe.to_owned(),
            host: Untrusted::from(""),
            answer: String::new(),
            cached: false,
            listed: false,
            absent: false,
        }
    }

    /// Whether it works, on the word of a server that refuses what is made up.
    #[must_use]
    pub const fn proves_life(&self) -> bool {
        self.verdict.is_live() && self.controlled
    }

    /// Whether it is `Live` on the word of a server that was not shown to refuse anything.
    #[must_use]
    pub const fn is_uncontrolled(&self) -> bool {
        self.verdict.is_live() && !self.controlled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_of_its_own() {
        for (why, word, sentence) in Why::ALL {
            assert_eq!((Why::named(word), why.as_str()), (Some(*why), *word));
            assert!(!sentence.is_empty());
        }
        let verdicts = ["live", "live-limited", "blocked", "dead", "indistinct", "no-verifier"];
        assert!(verdicts.iter().all(|word| Verdict::named(word).is_some_and(|v| v.as_str() == *word)));
        assert_eq!(Verdict::named("unknown"), None);
    }

    #[test]
    fn an_identity_keeps_lists_and_the_first_of_a_single_value() {
        let mut identity = Identity::default();
        assert!(identity.is_empty());
        identity.set("scopes", vec!["repo".into(), "gist".into()]);
        identity.set("subject", vec!["octocat".into()]);
        identity.set("subject", vec![]);
        let told: Vec<_> = identity.told().map(|(name, values)| (name, values.len())).collect();
        assert_eq!(told, [("subject", 1), ("scopes", 2)]);
    }
}

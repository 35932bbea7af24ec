//! One credential, with every place it was found in.

use std::borrow::Cow;
use std::sync::Arc;

use super::{
    CommitRef, Confidence, Fingerprint, FingerprintInput, InHistory, Part, Redacted, Secret, Severity, Untrusted,
    Verification,
};

/// A place in a file.
///
/// Offsets are bytes in the file as it lies on disk, whatever its encoding. Lines and columns count from 1;
/// a column counts characters (code points).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The path as given on the command line, joined with the path below it.
    pub path: Untrusted,
    /// What it is a place in: of a file or in a history.
    pub part: Part,
    /// Byte offset of the first byte.
    pub start: u64,
    /// Byte offset after the last byte.
    pub end: u64,
    /// Line of the first byte.
    pub line: u32,
    /// Column of the first byte.
    pub column: u32,
    /// Line of the last byte.
    pub end_line: u32,
    /// Column after the last byte.
    pub end_column: u32,
    /// The commit that brought it in, where a history or a range was scanned; offsets are then in its version.
    pub commit: Option<Arc<CommitRef>>,
    /// Where in the history it is, where one was scanned whole.
    pub history: Option<Arc<InHistory>>,
}

/// A kind of credential: what its rule says of it, whatever is found. Findings of one kind share it.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Id of the rule.
    pub rule: Cow<'static, str>,
    /// What the rule calls it.
    pub title: Cow<'static, str>,
    /// The name that people know its provider by.
    pub provider: Cow<'static, str>,
    /// How many leading bytes may be shown.
    pub public_prefix: u8,
    /// What to do.
    pub advice: Cow<'static, str>,
    /// The provider's page about it.
    pub docs: Cow<'static, str>,
    /// Ids of the controls that it touches.
    pub controls: Cow<'static, [Cow<'static, str>]>,
}

/// Another part of the same credential: a key id beside a secret key, a user beside a password.
#[derive(Clone, Debug)]
pub struct Companion {
    /// What it is, as the rule names it (`key_id`, `user`, `host`).
    pub name: Cow<'static, str>,
    /// The kind that it is of its own, where another rule found it; `None` where the finding's own pattern did.
    pub kind: Option<Arc<Kind>>,
    /// Its bytes.
    pub secret: Secret,
    /// Where it stands.
    pub location: Location,
}

impl Companion {
    /// The form of it that may be shown.
    #[must_use]
    pub fn redacted(&self) -> Redacted {
        self.secret.redacted(self.kind.as_ref().map_or(0, |kind| usize::from(kind.public_prefix)))
    }
}

/// Something learnt from the credential's own bytes or its surroundings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// The checksum of its format holds.
    ChecksumHolds,
    /// The AWS account that a key id belongs to.
    AwsAccount(String),
    /// A token that names its own end, at this time (seconds since 1970, UTC).
    Expires(i64),
    /// The same, already past when the scan ran.
    Expired(i64),
    /// A JSON Web Token with no signature: whoever accepts it accepts anything.
    Unsigned,
    /// A private key that needs a passphrase.
    Encrypted,
    /// It stands in a test, an example or documentation.
    TestPath,
    /// A value that a provider publishes as an example.
    DocumentedExample,
    /// A required part of the credential was not found near it.
    PartMissing(String),
    /// Where in a pipeline or manifest it stands, in words.
    Within(String),
}

/// One credential with every place it was found in; or a door through which one leaks that is known by its name alone.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What the most specific rule that matched says of it.
    pub kind: Arc<Kind>,
    /// Every other rule that matched the same bytes, in the order of their ids.
    pub other_kinds: Vec<Arc<Kind>>,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// The primary secret; empty where this is a door.
    pub secret: Secret,
    /// The name of the secret that leaks, where this is a door and no credential.
    pub leaks: Option<Untrusted>,
    /// Its identity; `None` for a password without a team's key.
    pub fingerprint: Option<Fingerprint>,
    /// Every place of the primary secret, in path order; never empty.
    pub locations: Vec<Location>,
    /// The other parts of the credential.
    pub companions: Vec<Companion>,
    /// Why it is believed, and what else is known.
    pub facts: Vec<Fact>,
    /// What its issuer said, where it was to be asked.
    pub verification: Option<Box<Verification>>,
}

impl Finding {
    /// What identifies a credential that a person chose, and that has no fingerprint of its own for that.
    #[must_use]
    pub fn as_password(&self) -> FingerprintInput<'_> {
        let own = |name: &str| self.companions.iter().find(|c| c.kind.is_none() && c.name == name);
        let bytes = |name| own(name).map(|c| c.secret.expose()).unwrap_or_default();
        FingerprintInput::Password { secret: &self.secret, subject: bytes("user"), host: bytes("host") }
    }

    /// The form of the primary secret that may be shown.
    #[must_use]
    pub fn redacted(&self) -> Redacted {
        match &self.leaks {
            Some(name) => Redacted::of_name(name),
            None => self.secret.redacted(usize::from(self.kind.public_prefix)),
        }
    }
}

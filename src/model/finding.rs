//! One credential, with every place it was found in.

use super::{Confidence, Fingerprint, Redacted, Secret, Severity, Untrusted};

/// A place in a file.
///
/// Offsets are bytes in the file as it lies on disk, whatever its encoding. Lines and columns count from 1;
/// a column counts characters (code points).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The path as given on the command line, joined with the path below it.
    pub path: Untrusted,
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
}

/// Another part of the same credential: a key id beside a secret key, a user beside a password.
#[derive(Clone, Debug)]
pub struct Companion {
    /// What it is, as the rule names it (`key_id`, `user`, `host`).
    pub name: String,
    /// The rule that found it, where it was found by one of its own.
    pub rule: Option<String>,
    /// Its bytes.
    pub secret: Secret,
    /// The form of it that may be shown.
    pub redacted: Redacted,
    /// Where it stands.
    pub location: Location,
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
}

/// One credential with every place it was found in.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Id of the most specific rule that matched.
    pub rule: String,
    /// What that rule calls it.
    pub title: String,
    /// The name that people know its provider by.
    pub provider: String,
    /// Every other rule that matched the same bytes, in name order.
    pub other_rules: Vec<String>,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// The primary secret.
    pub secret: Secret,
    /// The form of it that may be shown.
    pub redacted: Redacted,
    /// Its identity; `None` for a password without a team's key.
    pub fingerprint: Option<Fingerprint>,
    /// Every place of the primary secret, in path order; never empty.
    pub locations: Vec<Location>,
    /// The other parts of the credential.
    pub companions: Vec<Companion>,
    /// Why it is believed, and what else is known.
    pub facts: Vec<Fact>,
    /// What to do, from the rule.
    pub advice: String,
    /// The provider's page about this kind of credential.
    pub docs: String,
    /// Ids of the controls that the rule maps to.
    pub controls: Vec<String>,
}

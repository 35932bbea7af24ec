//! A leak's identity outside memory: a keyed hash of the credential.

use argon2::{Algorithm, Argon2, Params, Version};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Secret;

/// What of a credential enters its fingerprint.
///
/// Optional companions never enter, so that finding one later changes nothing. Neither do rule names or
/// places: a secret keeps its identity when a rule is renamed or a file moves.
#[derive(Clone, Copy, Debug)]
pub enum FingerprintInput<'a> {
    /// A secret that nobody can guess: the secret alone identifies it.
    Token(&'a Secret),
    /// A secret that a person chose: the same word may protect different accounts, so subject and host enter.
    Password {
        /// The password.
        secret: &'a Secret,
        /// The user name, or empty.
        subject: &'a [u8],
        /// The host with its port, or empty.
        host: &'a [u8],
    },
    /// A door through which a secret leaks. None of it is secret.
    Door {
        /// Which door.
        door: &'a str,
        /// The name of what leaks; empty for all.
        name: &'a [u8],
        /// The path below the target, and the job.
        place: &'a [u8],
    },
}

impl FingerprintInput<'_> {
    /// Gives every part to a hash, each preceded by its length, so that no two identities run together to the same bytes.
    fn feed(&self, mut to: impl FnMut(&[u8])) {
        let (kind, parts): (&[u8], [&[u8]; 3]) = match self {
            Self::Token(secret) => (b"token", [secret.expose(), b"", b""]),
            Self::Password { secret, subject, host } => (b"password", [secret.expose(), subject, host]),
            Self::Door { door, name, place } => (b"door", [door.as_bytes(), name, place]),
        };
        for part in [b"quell-fingerprint-1", kind].into_iter().chain(parts) {
            to(&(part.len() as u64).to_le_bytes());
            to(part);
        }
    }
}

/// What makes the slow fingerprints of one list of suppressions unlike those of another, so that nobody can search for
/// guessable secrets in many lists at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Salt([u8; Salt::LEN]);

impl Salt {
    /// Bytes of a salt.
    pub const LEN: usize = 8;
    /// How a slow fingerprint begins.
    const START: &'static str = "q1-slow-";

    /// Makes one of random bytes.
    #[must_use]
    pub const fn new(random: [u8; Self::LEN]) -> Self {
        Self(random)
    }

    /// The fingerprint of a credential, guessable ones included: 20 ms of one core, and 19 MiB, for each guess (Argon2id,
    /// RFC 9106, with the least parameters that OWASP's password storage cheat sheet names).
    #[must_use]
    pub fn fingerprint(&self, identity: FingerprintInput<'_>) -> Option<Fingerprint> {
        let mut bytes = Zeroizing::new(Vec::new());
        identity.feed(|part| bytes.extend_from_slice(part));
        let params = Params::new(19 << 10, 2, 1, Some(16)).ok()?;
        let mut digest = [0; 16];
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon.hash_password_into(&bytes, &self.0, &mut digest).ok()?;
        Some(Fingerprint(format!("{}{}-{}", Self::START, hex(&self.0), hex(&digest))))
    }
}

/// The key of fingerprints.
///
/// Without a team's own key, tokens are hashed under a published constant: nobody can search a space of
/// 2^100 tokens. Passwords can be searched for, so without a key they get no fingerprint at all.
pub struct FingerprintKey {
    mac: Hmac<Sha256>,
    id: String,
    open: bool,
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Fewer than [`FingerprintKey::MIN_BYTES`] bytes.
    #[error("the fingerprint key has {0} bytes; at least {min} are needed", min = FingerprintKey::MIN_BYTES)]
    TooShort(usize),
    /// The hash refused it.
    #[error("the fingerprint key was refused by the hash")]
    Refused,
}

impl FingerprintKey {
    /// The least length of a team's key, in bytes.
    pub const MIN_BYTES: usize = 32;
    const OPEN: &'static [u8] = b"quell: open fingerprint key, version 1";

    /// The published key, for tokens alone.
    ///
    /// # Errors
    /// Never in practice: HMAC takes keys of any length.
    pub fn open() -> Result<Self, KeyError> {
        Ok(Self { mac: mac(Self::OPEN)?, id: "open".to_owned(), open: true })
    }

    /// A team's own key; the same key gives the same fingerprints on every machine.
    ///
    /// # Errors
    /// If the key is shorter than [`Self::MIN_BYTES`].
    pub fn team(key: &[u8]) -> Result<Self, KeyError> {
        if key.len() < Self::MIN_BYTES {
            return Err(KeyError::TooShort(key.len()));
        }
        let id = Sha256::new().chain_update(b"quell: key id, version 1").chain_update(key).finalize();
        Ok(Self { mac: mac(key)?, id: hex(id.get(..4).unwrap_or_default()), open: false })
    }

    /// The fingerprint of a credential; `None` where it could be searched for.
    #[must_use]
    pub fn fingerprint(&self, identity: FingerprintInput<'_>) -> Option<Fingerprint> {
        if self.open && matches!(identity, FingerprintInput::Password { .. }) {
            return None;
        }
        let mut mac = self.mac.clone();
        identity.feed(|bytes| mac.update(bytes));
        let digest = mac.finalize().into_bytes();
        Some(Fingerprint(format!("q1-{}-{}", self.id, hex(digest.get(..16).unwrap_or_default()))))
    }
}

impl std::fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FingerprintKey({})", self.id)
    }
}

fn mac(key: &[u8]) -> Result<Hmac<Sha256>, KeyError> {
    Hmac::new_from_slice(key).map_err(|_| KeyError::Refused)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// `q1-KEYID-HEX`: HMAC-SHA-256 (RFC 2104) over length-prefixed version, kind and identity, cut to 128 bits.
/// The key id is `open` or the first four bytes of a hash of the key. `q1-slow-SALT-HEX` is a slow hash of the same
/// ([`Salt::fingerprint`]), for guessable secrets in lists of suppressions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a text form that a person typed; `None` where it has not the form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = |s: &str, len: usize| s.len() == len && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let rest = text.strip_prefix("q1-")?;
        let (key, digest) = rest.rsplit_once('-')?;
        let salt = key.strip_prefix("slow-");
        let is_key = key == "open" || is_hex(key, 8) || salt.is_some_and(|salt| is_hex(salt, 2 * Salt::LEN));
        (is_key && is_hex(digest, 32)).then(|| Self(text.to_owned()))
    }

    /// What it was made with, where it is a slow one.
    #[must_use]
    pub fn salt(&self) -> Option<Salt> {
        let (salt, _) = self.0.strip_prefix(Salt::START)?.split_once('-')?;
        let mut bytes = [0; Salt::LEN];
        for (to, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            *to = u8::from_str_radix(salt.get(at..at + 2)?, 16).ok()?;
        }
        Some(Salt(bytes))
    }

    /// Whether it can be one of a key's.
    #[must_use]
    pub fn is_of(&self, key: &FingerprintKey) -> bool {
        self.0.strip_prefix("q1-").and_then(|rest| rest.split_once('-')).is_some_and(|(id, _)| id == key.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_key_and_identity_alone() {
        let open = FingerprintKey::open().unwrap();
        let team = FingerprintKey::team(&[7; 32]).unwrap();
        let secret = Secret::new(b"abc".to_vec());
        let a = open.fingerprint(FingerprintInput::Token(&secret)).unwrap();
        assert_eq!(Some(&a), open.fingerprint(FingerprintInput::Token(&secret)).as_ref());
        assert_ne!(Some(&a), team.fingerprint(FingerprintInput::Token(&secret)).as_ref());
        assert_eq!(Fingerprint::parse(a.as_str()), Some(a.clone()));
        assert!(Fingerprint::parse("q1-open-xyz").is_none());
    }

    #[test]
    fn a_password_has_no_searchable_fingerprint_and_depends_on_subject_and_host() {
        let secret = Secret::new(b"hunter2".to_vec());
        let password = |subject, host| FingerprintInput::Password { secret: &secret, subject, host };
        assert_eq!(FingerprintKey::open().unwrap().fingerprint(password(b"u", b"h")), None);
        let team = FingerprintKey::team(&[7; 32]).unwrap();
        let [a, b, c] = [password(b"u", b"h"), password(b"uh", b""), password(b"u", b"i")].map(|i| team.fingerprint(i));
        assert!(a.is_some() && a != b && a != c && b != c);
    }

    #[test]
    fn a_slow_fingerprint_depends_on_its_salt_and_identity_alone() {
        let secret = Secret::new(b"hunter2".to_vec());
        let identity = |subject| FingerprintInput::Password { secret: &secret, subject, host: b"h" };
        let [one, two] = [Salt::new([1; 8]), Salt::new([2; 8])];
        let print = one.fingerprint(identity(b"u")).unwrap();
        assert_eq!(one.fingerprint(identity(b"u")), Some(print.clone()));
        assert!(one.fingerprint(identity(b"v")) != Some(print.clone()));
        assert!(two.fingerprint(identity(b"u")) != Some(print.clone()));
        let read = Fingerprint::parse(print.as_str()).unwrap();
        assert_eq!((read.salt(), read), (Some(one), print));
        assert!(Fingerprint::parse("q1-slow-01-00000000000000000000000000000000").is_none());
        assert_eq!(Fingerprint::parse("q1-open-00000000000000000000000000000000").unwrap().salt(), None);
    }

    #[test]
    fn a_short_key_is_refused() {
        assert!(FingerprintKey::team(b"short").is_err());
    }
}

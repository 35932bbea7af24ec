//! Ed25519: who signed an event or a checkpoint.

use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use zeroize::Zeroize as _;

use super::canonical::{canonical, hex, sha256_hex, unhex};
use super::error::LedgerError;
use super::parallel;
use crate::model::event::NewEvent;
use crate::model::principal::Actor;

/// A private key. It has no `Debug`, and its memory is wiped on drop.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key that 32 random bytes make.
    #[must_use]
    pub fn generate(random: [u8; 32]) -> Self {
        Self::from_seed(random)
    }

    /// The key of a seed, as it was kept. The bytes are wiped.
    #[must_use]
    pub fn from_seed(mut seed: [u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(&seed);
        seed.zeroize();
        Self(key)
    }

    /// The public key: 64 hexadecimal digits.
    #[must_use]
    pub fn public_hex(&self) -> String {
        hex(self.0.verifying_key().as_bytes())
    }

    /// Signs an event of a principal for one store. The nonce is 1 to 128 visible ASCII characters that were never used before.
    ///
    /// # Errors
    /// Where the event's actor is no principal, or its body cannot be kept.
    pub fn sign_event(&self, store: &str, mut event: NewEvent, nonce: &str) -> Result<NewEvent, LedgerError> {
        let Some(who) = signed_as(&event.actor)? else {
            return Err(LedgerError::NotPermitted("only a principal signs events".to_owned()));
        };
        let body = canonical(&event.body)?;
        let message = message(store, event.case.map(|case| case.0), &who, nonce, &body);
        event.signature = Some(self.sign(message.as_bytes()));
        event.nonce = Some(nonce.to_owned());
        Ok(event)
    }

    /// Signs bytes: 128 hexadecimal digits.
    pub(super) fn sign(&self, message: &[u8]) -> String {
        hex(&self.0.sign(message).to_bytes())
    }
}

/// What a signature names as whoever did it: a principal's name; for what a relay passes on, all that it says of it. `None` for
/// whoever signs nothing.
pub(super) fn signed_as(actor: &Actor) -> Result<Option<String>, LedgerError> {
    match actor {
        Actor::Principal(id) => Ok(Some(id.as_str().to_owned())),
        Actor::Relayed(_) => canonical(actor).map(Some),
        Actor::Quell | Actor::Unregistered(_) => Ok(None),
    }
}

/// What a principal's signature is made over. Cases are their bare numbers, and none is `-`.
pub(super) fn message(store: &str, about: Option<i64>, principal: &str, nonce: &str, body: &str) -> String {
    let about = about.map_or_else(|| "-".to_owned(), |number| number.to_string());
    format!("quell event 1\n{store}\n{about}\n{principal}\n{nonce}\n{}", sha256_hex(body.as_bytes()))
}

/// Whether a nonce is one: what it is made of cannot run into the line after it.
pub(super) fn is_nonce(nonce: &str) -> bool {
    (1..=128).contains(&nonce.len()) && nonce.bytes().all(|b| b.is_ascii_graphic())
}

/// Reads a public key; `None` where it is none, or a weak one.
pub(super) fn public(key: &str) -> Option<VerifyingKey> {
    let bytes: [u8; 32] = unhex(key)?.try_into().ok()?;
    VerifyingKey::from_bytes(&bytes).ok().filter(|key| !key.is_weak())
}

/// Whether a signature is that of a key over these bytes.
pub(super) fn signed(key: &VerifyingKey, message: &[u8], signature: &str) -> bool {
    let bytes: Option<[u8; 64]> = unhex(signature).and_then(|bytes| bytes.try_into().ok());
    bytes.is_some_and(|bytes| key.verify_strict(message, &Signature::from_bytes(&bytes)).is_ok())
}

/// A signature that is to be checked.
pub(super) struct Signed {
    pub(super) key: VerifyingKey,
    pub(super) message: String,
    pub(super) signature: String,
    /// Whose it is said to be.
    pub(super) actor: String,
}

/// Why a signature does not count.
pub(super) const NOT_THEIRS: &str = "it is not made with their key over this event";

/// Checks signatures, each by itself and strictly, on as many threads as the machine has. The first that does not count is
/// told. Checking them as one sum would be faster, and takes some that are refused one by one.
pub(super) fn check_all(all: &[Signed]) -> Result<(), LedgerError> {
    let good = parallel::map(all, |_, one| signed(&one.key, one.message.as_bytes(), &one.signature));
    match all.iter().zip(good).find(|(_, good)| !good) {
        Some((bad, _)) => {
            let actor = bad.actor.escape_debug().to_string();
            Err(LedgerError::BadSignature { actor, why: NOT_THEIRS })
        }
        None => Ok(()),
    }
}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], LedgerError> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty())
            .map_err(|e| LedgerError::io("the system's random bytes")(e.into()))?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_one_key_and_one_message() {
        let key = SigningKey::from_seed([7; 32]);
        let own = public(&key.public_hex()).unwrap();
        let signature = key.sign(b"one");
        assert!(signed(&own, b"one", &signature));
        assert!(!signed(&own, b"two", &signature));
        assert!(!signed(&public(&SigningKey::from_seed([8; 32]).public_hex()).unwrap(), b"one", &signature));
        assert!(!signed(&own, b"one", &signature.to_uppercase()));
        assert!(public(&"0".repeat(64)).is_none(), "a weak key");
    }

    #[test]
    fn one_bad_signature_among_many_is_found_wherever_it_stands() {
        let key = SigningKey::from_seed([7; 32]);
        let own = public(&key.public_hex()).unwrap();
        let all = |bad: Option<usize>| {
            let one = |n: usize| {
                let message = n.to_string();
                let signature = key.sign(if bad == Some(n) { b"other" } else { message.as_bytes() });
                Signed { key: own, message, signature, actor: format!("a{n}") }
            };
            (0..70).map(one).collect::<Vec<_>>()
        };
        assert!(check_all(&[]).is_ok() && check_all(&all(None)).is_ok());
        for bad in [0, 15, 16, 34, 35, 69] {
            let told = check_all(&all(Some(bad))).unwrap_err().to_string();
            assert!(told.contains(&format!("a{bad}")), "{told}");
        }
    }
}

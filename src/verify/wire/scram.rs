//! SCRAM (RFC 5802, RFC 7677) without channel binding, for protocols whose library of the field does not bring it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};
use zeroize::Zeroizing;

use crate::model::Why;

/// The most and the fewest rounds that are done: fewer is no protection of the password, more is a trap.
const MOST: u32 = 100_000;
const FEWEST: u32 = 4096;

/// Which hash.
#[derive(Clone, Copy)]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

/// A login on its way.
pub(super) struct Scram {
    hash: Hash,
    bare: String,
    nonce: String,
    server: Option<(hmac::Key, String)>,
}

impl Scram {
    /// A login of a user. `nonce` is new each time.
    pub(super) fn new(hash: Hash, user: &str, nonce: &str) -> Self {
        let bare = format!("n={},r={nonce}", user.replace('=', "=3D").replace(',', "=2C"));
        Self { hash, bare, nonce: nonce.to_owned(), server: None }
    }

    /// The first message.
    pub(super) fn first(&self) -> String {
        format!("n,,{}", self.bare)
    }

    /// The proof for the server's challenge.
    pub(super) fn proof(&mut self, challenge: &str, password: &[u8]) -> Result<String, Why> {
        let (mut nonce, mut salt, mut rounds) = (None, None, None);
        for field in challenge.split(',') {
            match field.split_once('=') {
                Some(("r", value)) => nonce = Some(value),
                Some(("s", value)) => salt = STANDARD.decode(value).ok(),
                Some(("i", value)) => rounds = value.parse::<u32>().ok(),
                _ => return Err(Why::Unexpected),
            }
        }
        let (Some(nonce), Some(salt), Some(rounds)) = (nonce, salt, rounds) else { return Err(Why::Unexpected) };
        let is_longer = nonce.starts_with(&self.nonce) && nonce.len() > self.nonce.len();
        if !is_longer || !(FEWEST..=MOST).contains(&rounds) {
            return Err(Why::Unexpected);
        }
        let (pbkdf, mac, plain) = match self.hash {
            Hash::Sha1 => {
                (pbkdf2::PBKDF2_HMAC_SHA1, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA1_FOR_LEGACY_USE_ONLY)
            }
            Hash::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, hmac::HMAC_SHA256, &digest::SHA256),
        };
        let mut salted = Zeroizing::new(vec![0; plain.output_len()]);
        let rounds = std::num::NonZeroU32::new(rounds).ok_or(Why::Unexpected)?;
        pbkdf2::derive(pbkdf, rounds, &salt, password, &mut salted);
        let keyed = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(mac, key), text);
        let client = keyed(&salted, b"Client Key");
        let stored = digest::digest(plain, client.as_ref());
        let bare = format!("c=biws,r={nonce}");
        let all = format!("{},{challenge},{bare}", self.bare);
        let signature = keyed(stored.as_ref(), all.as_bytes());
        let proof: Vec<u8> = client.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        let server = keyed(&salted, b"Server Key");
        self.server = Some((hmac::Key::new(mac, server.as_ref()), all));
        Ok(format!("{bare},p={}", STANDARD.encode(proof)))
    }

    /// Whether the server knows the password too.
    pub(super) fn is_proved(&self, last: &str) -> bool {
        let told = last.split(',').find_map(|field| field.strip_prefix("v=")).and_then(|v| STANDARD.decode(v).ok());
        match (told, &self.server) {
            (Some(told), Some((key, all))) => hmac::verify(key, all.as_bytes(), &told).is_ok(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(hash: Hash, nonce: &str, challenge: &str, last: &str) -> String {
        let mut scram = Scram::new(hash, "user", nonce);
        assert_eq!(scram.first(), format!("n,,n=user,r={nonce}"));
        // The password of the RFCs' examples.
        let proof = scram.proof(challenge, b"pencil").unwrap();
        assert!(scram.is_proved(last) && !scram.is_proved("v=AAAA") && !scram.is_proved("e=other-error"));
        proof.rsplit_once("p=").unwrap().1.to_owned()
    }

    #[test]
    fn the_examples_of_the_documents_hold() {
        let challenge = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
        let last = "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=";
        assert_eq!(exchange(Hash::Sha1, "fyko+d2lbbFgONRv9qkxdawL", challenge, last), "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
        let challenge = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let last = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        let proof = exchange(Hash::Sha256, "rOprNGfwEbeRWgbNEkqO", challenge, last);
        assert_eq!(proof, "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    }

    #[test]
    fn a_challenge_that_is_none_gets_no_proof() {
        for bad in [
            "",
            "r=abc,s=AAAA,i=4096",
            "r=abcd,s=AAAA,i=1",
            "r=abcd,s=AAAA,i=4294967295",
            "r=abcd,i=4096",
            "m=x,r=abcd,s=AAAA,i=4096",
        ] {
            assert!(Scram::new(Hash::Sha256, "user", "abc").proof(bad, b"x").is_err(), "{bad}");
        }
    }
}

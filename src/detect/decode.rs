//! The named decoders: what a secret's own structure says.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::literal::is_stock_login;
use super::placeholder::{is_placeholder, is_reference};
use super::{jwt, pem};
use crate::model::Fact;
use crate::rules::{Decoder, aws_account};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// Decodes base64 of either alphabet, padded or not.
#[must_use]
pub fn base64_any(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// What a secret's structure says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Decoded {
    /// What was learnt.
    pub facts: Vec<Fact>,
    /// Whether it is one that documentation is full of.
    pub doubtful: bool,
}

/// Reads a secret's structure; `None` where it has not the one that the decoder is for.
#[must_use]
pub(super) fn decode(decoder: Decoder, secret: &[u8]) -> Option<Decoded> {
    if decoder == Decoder::Basic {
        return basic(secret).map(|doubtful| Decoded { facts: Vec::new(), doubtful });
    }
    facts(decoder, secret).map(|facts| Decoded { facts, doubtful: false })
}

fn facts(decoder: Decoder, secret: &[u8]) -> Option<Vec<Fact>> {
    match decoder {
        Decoder::AwsKeyId => Some(aws_account(secret).map(Fact::AwsAccount).into_iter().collect()),
        Decoder::Jwt => token(secret, true),
        Decoder::JwtUnsigned => token(secret, false),
        Decoder::Base64Json => {
            let json: serde_json::Value = serde_json::from_slice(&base64_any(secret)?).ok()?;
            json.is_object().then(Vec::new)
        }
        // libmacaroons' binary format, version 2: the first byte is 2, then the location or identifier field.
        Decoder::Macaroon => matches!(base64_any(secret)?.as_slice(), [2, 1 | 2, ..]).then(Vec::new),
        // Read where the block is scanned: see `key_is_encrypted`.
        Decoder::PemPlain | Decoder::PemEncrypted | Decoder::Basic => Some(Vec::new()),
    }
}

/// Whether base64 holds `user:password` with a password that is a literal, and if so, whether it is a stock one.
fn basic(secret: &[u8]) -> Option<bool> {
    let plain = base64_any(secret)?;
    let colon = plain.iter().position(|b| *b == b':')?;
    let (user, password) = (plain.get(..colon)?, plain.get(colon + 1..)?);
    let printable = std::str::from_utf8(&plain).is_ok_and(|s| s.chars().all(|c| !c.is_control()));
    let literal = printable && !password.is_empty() && !is_reference(password) && !is_reference(user);
    literal.then(|| is_placeholder(password) || is_stock_login(user, password, b"unknown"))
}

/// Facts of a JSON Web Token; `None` where it is none, or not of the kind that is asked for.
fn token(secret: &[u8], signed: bool) -> Option<Vec<Fact>> {
    let [header, payload, signature] = jwt::scan(secret, 0)?;
    let object = |part: std::ops::Range<usize>| -> Option<serde_json::Map<String, serde_json::Value>> {
        serde_json::from_slice(&URL_SAFE.decode(secret.get(part)?).ok()?).ok()
    };
    let header = object(header)?;
    let algorithm = header.get("alg")?.as_str()?;
    let unsigned = signature.is_empty() || algorithm.eq_ignore_ascii_case("none");
    if unsigned == signed {
        return None;
    }
    let mut facts = Vec::new();
    if let Some(expires) = object(payload)?.get("exp").and_then(serde_json::Value::as_f64) {
        facts.push(Fact::Expires(expires as i64));
    }
    if unsigned {
        facts.push(Fact::Unsigned);
    }
    Some(facts)
}

/// Whether a private key needs a passphrase: by its label, by an RFC 1421 header, or by the cipher that an
/// OpenSSH key names (PROTOCOL.key: magic, then a length-prefixed cipher name).
#[must_use]
pub(super) fn key_is_encrypted(label: &[u8], block: &pem::Block) -> bool {
    if block.encrypted || label.windows(9).any(|w| w == b"ENCRYPTED") {
        return true;
    }
    let magic = b"openssh-key-v1\0";
    let start = block.body.get(..64).and_then(base64_any).unwrap_or_default();
    start.strip_prefix(magic).is_some_and(|rest| !rest.starts_with(b"\0\0\0\x04none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD as PADDED, URL_SAFE_NO_PAD};

    fn made(header: &str, payload: &str, signature: &str) -> Vec<u8> {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        [part(header), part(payload), part(signature)].join(".").into_bytes()
    }

    #[test]
    fn a_token_tells_its_end_and_whether_it_is_signed() {
        let of = |decoder, token: &[u8]| decode(decoder, token).map(|d| d.facts);
        let signed = made(r#"{"alg":"HS256"}"#, r#"{"exp":1500000000}"#, "signature");
        assert_eq!(of(Decoder::Jwt, &signed), Some(vec![Fact::Expires(1_500_000_000)]));
        assert_eq!(of(Decoder::JwtUnsigned, &signed), None);
        let unsigned = made(r#"{"alg":"none"}"#, r#"{"sub":"1"}"#, "");
        assert_eq!(of(Decoder::JwtUnsigned, &unsigned), Some(vec![Fact::Unsigned]));
        assert_eq!(of(Decoder::Jwt, &made(r#"{"typ":"x"}"#, r#"{"a":"bcdef"}"#, "sig")), None);
    }

    #[test]
    fn basic_credentials_need_a_literal_password() {
        let of = |plain: &str| decode(Decoder::Basic, PADDED.encode(plain).as_bytes()).map(|d| d.doubtful);
        let chosen = ["Bl4u", "er-H1mmel"].concat();
        assert_eq!(of(&format!("user:{chosen}")), Some(false));
        assert_eq!(of("user:password"), Some(true));
        for plain in ["user", "user:", "user:${PASSWORD}", "user:\u{1}x"] {
            assert_eq!(of(plain), None, "{plain}");
        }
    }
}

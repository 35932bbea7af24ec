//! NATS: a text protocol of lines, in which a server tells first whether it wants TLS. Logins are by user and password, by a
//! token, by the seed of a key, or by a token of a user with the seed that it is for.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::talk::Talk;
use super::{outcome, user_or_none};
use crate::model::Why;
use crate::verify::answer::Reply;
use crate::verify::connect::Network;
use crate::verify::endpoints::Place;
use crate::verify::parts::Parts;

/// The byte before a user's public key, which gives it its `U`.
const USER: u8 = 20 << 3;
const SEED: u8 = 18 << 3;

/// Logs in, pings and leaves. Outcomes: `accepted`, `trusted` (the server wants no login), `wrong` (an authorization
/// violation: wrong, unknown and taken-out ones alike), `expired` (a user's token that has ended), `revoked`.
pub(super) async fn login(network: &Network, place: &Place, parts: &Parts) -> Result<Reply, Why> {
    let mut talk = Talk::plain(network, place).await?;
    let info = info(&mut talk).await?;
    let flag = |name: &str| info.get(name).and_then(Value::as_bool) == Some(true);
    if flag("tls_required") || flag("tls_available") {
        talk = talk.secure(network, place).await?;
    }
    talk.may_tell(place)?;
    if !flag("auth_required") {
        return Ok(outcome("trusted"));
    }
    let nonce = info.get("nonce").and_then(Value::as_str).unwrap_or_default();
    let (connect, who) = credentials(place, parts, nonce)?;
    let connect = Zeroizing::new(format!("CONNECT {connect}\r\nPING\r\n"));
    talk.send(connect.as_bytes()).await?;
    loop {
        let line = talk.line().await?;
        let line = String::from_utf8_lossy(&line);
        if line == "PONG" {
            break;
        }
        if line == "PING" {
            talk.send(b"PONG\r\n").await?;
        } else if let Some(error) = line.strip_prefix("-ERR ") {
            return refusal(error);
        } else if line != "+OK" && !line.starts_with("INFO ") {
            return Err(Why::Unexpected);
        }
    }
    let mut reply = outcome("accepted");
    if let Some(who) = who {
        reply.told.insert("user".to_owned(), who);
    }
    Ok(reply)
}

async fn info(talk: &mut Talk) -> Result<Value, Why> {
    let line = talk.line().await?;
    let text = line.strip_prefix(b"INFO ").ok_or(Why::Unexpected)?;
    serde_json::from_slice(text).map_err(|_| Why::Unexpected)
}

/// What CONNECT says of the credential, and who it is.
fn credentials(place: &Place, parts: &Parts, nonce: &str) -> Result<(String, Option<String>), Why> {
    let mut connect = json!({
        "verbose": false, "pedantic": false, "lang": "rust", "version": "0", "name": "quell", "protocol": 1, "echo": false,
    });
    let fields = connect.as_object_mut().ok_or(Why::Unusable)?;
    let secret = parts.text("secret")?;
    let name = user_or_none(place, parts);
    let who = if let Some(pair) = key_pair(secret) {
        let signature = BASE64URL_NOPAD.encode(pair.sign(nonce.as_bytes()).as_ref());
        let public = public_key(pair.public_key().as_ref());
        match parts.text("jwt") {
            Ok(jwt) => fields.insert("jwt".to_owned(), jwt.into()),
            Err(_) => fields.insert("nkey".to_owned(), public.clone().into()),
        };
        fields.insert("sig".to_owned(), signature.into());
        Some(public)
    } else if let Some(name) = name {
        fields.insert("user".to_owned(), name.clone().into());
        fields.insert("pass".to_owned(), secret.into());
        Some(name)
    } else {
        fields.insert("auth_token".to_owned(), secret.into());
        None
    };
    Ok((connect.to_string(), who))
}

/// The key of a user's seed: `SU…`, two bytes of kind, 32 of seed, a sum.
fn key_pair(secret: &str) -> Option<Ed25519KeyPair> {
    if secret.len() != 58 || !secret.starts_with("SU") {
        return None;
    }
    let bytes = Zeroizing::new(BASE32_NOPAD.decode(secret.as_bytes()).ok()?);
    let (body, sum) = bytes.split_at_checked(bytes.len().checked_sub(2)?)?;
    let (kind, seed) = body.split_at_checked(2)?;
    let is_user = kind.first().map(|b| b & 0xf8) == Some(SEED);
    if !is_user || sum != crc16(body).to_le_bytes() {
        return None;
    }
    Ed25519KeyPair::from_seed_unchecked(seed).ok()
}

fn public_key(key: &[u8]) -> String {
    let mut bytes = vec![USER];
    bytes.extend_from_slice(key);
    let sum = crc16(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    BASE32_NOPAD.encode(&bytes)
}

/// CRC-16/XMODEM, as NKEYS have it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(
            sum ^ (u16::from(*byte) << 8),
            |sum, _| if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 },
        )
    })
}

fn refusal(error: &str) -> Result<Reply, Why> {
    let error = error.trim_matches('\'').to_ascii_lowercase();
    Ok(outcome(if error.contains("authentication expired") {
        "expired"
    } else if error.contains("authentication revoked") {
        "revoked"
    } else if error.contains("authorization violation") {
        "wrong"
    } else if error.contains("maximum connections") || error.contains("maximum account") {
        "full"
    } else {
        return Err(Why::Unexpected);
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_public_key_that_it_is_for() {
        // Made of a seed of 32 zeros.
        let mut body = vec![SEED | (USER >> 5), (USER & 31) << 3];
        body.extend_from_slice(&[0; 32]);
        let sum = crc16(&body);
        body.extend_from_slice(&sum.to_le_bytes());
        let seed = BASE32_NOPAD.encode(&body);
        assert!(seed.starts_with("SU"), "{seed}");
        let public = public_key(key_pair(&seed).unwrap().public_key().as_ref());
        assert!(public.starts_with('U') && public.len() == 56, "{public}");
        assert!(key_pair(&seed.replacen("SU", "SA", 1)).is_none());
        assert!(key_pair(&format!("{}B", &seed[..57])).is_none() || seed.ends_with('B'));
        assert_eq!(crc16(b"123456789"), 0x31c3);
    }
}

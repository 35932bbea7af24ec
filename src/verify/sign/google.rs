//! The assertion of a Google service account (RFC 7523, RS256), signed with its private key.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::json;
use zeroize::Zeroizing;

use crate::model::{Secret, Why};
use crate::verify::parts::Parts;

/// Who takes it, whatever host is asked in its place.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
/// The narrowest scope: the account's own address.
const SCOPE: &str = "https://www.googleapis.com/auth/userinfo.email";
/// How long it holds, in seconds. Google allows an hour.
const HOLDS: i64 = 300;

/// An assertion by the account of the part `client_email`, with the key that the secret is: PEM (PKCS #8).
pub(super) fn assertion(parts: &Parts, now: i64) -> Result<Secret, Why> {
    let account = parts.text("client_email")?;
    let pair = RsaKeyPair::from_pkcs8(&der(parts.text("secret")?).ok_or(Why::Unusable)?).map_err(|_| Why::Unusable)?;
    let claims =
        json!({ "iss": account, "scope": SCOPE, "aud": AUDIENCE, "iat": now, "exp": now.saturating_add(HOLDS) });
    let head = json!({ "alg": "RS256", "typ": "JWT" });
    let encoded = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encoded(&head), encoded(&claims));
    let mut signature = vec![0; pair.public().modulus_len()];
    let done = pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature);
    done.map_err(|_| Why::Unusable)?;
    Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into_bytes()))
}

/// The bytes between the lines of PEM, whose line ends are escaped in JSON.
fn der(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, rest) = text.split_once("-----BEGIN PRIVATE KEY-----")?;
    let body = Zeroizing::new(rest.split("-----").next()?.replace("\\r", "").replace("\\n", ""));
    let kept = body.bytes().filter(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b)).collect::<Vec<u8>>();
    STANDARD.decode(Zeroizing::new(kept)).ok().map(Zeroizing::new)
}

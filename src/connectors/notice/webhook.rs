//! Signed webhooks, as Standard Webhooks 1.0.0 has them
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>, read 2026-11-21).
//!
//! A `2xx` is a delivery, and anything else a failure that is tried again, as the specification recommends: a receiver that is
//! broken for a day answers with any status. `410 Gone` alone is for good. Redirects are failures. `Retry-After` is heard
//! with any status.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode};
use sha2::Sha256;
use url::Url;
use zeroize::Zeroizing;

use super::{ChannelError, Message, NoticeError, Notifier, Sending, check_id, client, post, target};
use crate::model::Secret;

/// What a secret begins with.
const PREFIX: &[u8] = b"whsec_";

/// A receiver of signed webhooks.
pub struct Webhook {
    client: Client,
    url: Url,
    keys: Vec<Secret>,
}

impl Webhook {
    /// A receiver at an URL. Every secret signs: give the new one and the old one while a receiver changes over. `pem` has
    /// authorities to trust beside the system's.
    ///
    /// # Errors
    /// Where the URL has no TLS and does not lead to this machine, or a secret or the certificates cannot be used.
    pub fn new(url: &str, secrets: &[Secret], pem: Option<&[u8]>) -> Result<Self, ChannelError> {
        let keys: Option<Vec<Secret>> = secrets.iter().map(key).collect();
        let keys = keys.filter(|keys| matches!(keys.len(), 1 | 2)).ok_or(ChannelError::Secret)?;
        Ok(Self { client: client(pem)?, url: target(url)?, keys })
    }

    fn headers(&self, message: &Message, body: &str) -> Result<HeaderMap, NoticeError> {
        check_id(&message.id)?;
        let at = message.at.to_string();
        let signed = format!("{}.{at}.{body}", message.id);
        let signatures: Option<Vec<String>> = self.keys.iter().map(|key| signature(key, signed.as_bytes())).collect();
        let signatures = signatures.ok_or_else(|| NoticeError::never("it cannot be signed"))?.join(" ");
        let fields = [("webhook-id", &message.id), ("webhook-timestamp", &at), ("webhook-signature", &signatures)];
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| NoticeError::never("it fits in no header"));
        fields.into_iter().map(|(name, text)| Ok((HeaderName::from_static(name), value(text)?))).collect()
    }

    async fn deliver(&self, message: &Message) -> Result<(), NoticeError> {
        let body = message.json.to_string();
        let headers = self.headers(message, &body)?;
        let answer = post(&self.client, self.url.clone(), headers, body, message.at).await?;
        match answer.status {
            status if status.is_success() => Ok(()),
            StatusCode::GONE => {
                Err(NoticeError::never("it answers 410: it wants no more notices, take it out of the routes"))
            }
            status if status.is_redirection() => {
                let why =
                    format!("it answers {}: redirects are not followed, configure where it leads to", status.as_u16());
                Err(NoticeError { after: answer.after, ..NoticeError::again(why) })
            }
            status => {
                let why = format!("it answers {}", status.as_u16());
                Err(NoticeError { after: answer.after, ..NoticeError::again(why) })
            }
        }
    }
}

impl Notifier for Webhook {
    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a> {
        Box::pin(self.deliver(message))
    }
}

/// The bytes of a secret that is written down.
fn key(secret: &Secret) -> Option<Secret> {
    let text = secret.expose().trim_ascii().strip_prefix(PREFIX)?;
    let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
    (24..=64).contains(&bytes.len()).then(|| Secret::new(bytes.to_vec()))
}

fn signature(key: &Secret, signed: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).ok()?;
    mac.update(signed);
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(bytes: &[u8]) -> Secret {
        Secret::new([PREFIX, STANDARD.encode(bytes).as_bytes(), b"\n"].concat())
    }

    fn hook(secrets: &[Secret]) -> Result<Webhook, ChannelError> {
        Webhook::new("https://hooks.acme.example/", secrets, None)
    }

    #[test]
    fn a_secret_is_neither_short_nor_long_nor_plain() {
        for length in [24, 64] {
            assert!(hook(&[written(&vec![7; length])]).is_ok(), "{length}");
        }
        for bad in [written(&[7; 23]), written(&[7; 65]), Secret::new(vec![b'a'; 32]), Secret::new(Vec::new())] {
            assert_eq!(hook(&[bad]).err(), Some(ChannelError::Secret));
        }
        assert_eq!(hook(&[]).err(), Some(ChannelError::Secret));
        assert_eq!(hook(&vec![written(&[7; 24]); 3]).err(), Some(ChannelError::Secret));
    }

    #[test]
    fn every_secret_signs_the_id_the_time_and_the_body() {
        let hook = hook(&[written(b"abcdefghijklmnopqrstuvwx"), written(&[7; 32])]).unwrap();
        let json = json!({ "type": "case.opened" });
        let message = Message {
            id: "n_1".into(),
            at: 1_700_000_000,
            subject: String::new(),
            plain: String::new(),
            slack: String::new(),
            json,
        };
        let headers = hook.headers(&message, &message.json.to_string()).unwrap();
        let signatures = headers["webhook-signature"].to_str().unwrap();
        // printf 'n_1.1700000000.{"type":"case.opened"}' | openssl dgst -sha256 -hmac abcdefghijklmnopqrstuvwx -binary | base64
        assert_eq!(signatures.split(' ').next(), Some("v1,F0sUXFziYjcVwXyfHONioXrfLEPCzfwvCBOihMCF81U="));
        assert_eq!(signatures.split(' ').filter(|s| s.starts_with("v1,")).count(), 2);
        assert_eq!(
            (&headers["webhook-id"], &headers["webhook-timestamp"]),
            (&"n_1".parse().unwrap(), &"1700000000".parse().unwrap())
        );
        assert!(hook.headers(&Message { id: "n.1".into(), ..message }, "").unwrap_err().permanent);
    }
}

//! The transit engine of OpenBao and Vault: it encrypts and decrypts keys with a key that never leaves it.
//!
//! <https://openbao.org/api-docs/secret/transit/>, read 2026-11-21: `POST /v1/transit/encrypt/NAME` with `plaintext` as base64
//! answers `data.ciphertext`; `decrypt` with `ciphertext` answers `data.plaintext`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};
use serde_json::{Value, json};
use url::{Host, Url};
use zeroize::Zeroizing;

use crate::model::root_cause;

/// How long it may take, from the first byte to the last.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer.
const MOST: usize = 64 << 10;

/// Why the engine did not do it.
#[derive(Debug, thiserror::Error)]
pub enum TransitError {
    /// The address cannot be used.
    #[error("`{0}` is no address of OpenBao or Vault: write https://HOST:PORT")]
    Address(String),
    /// The name of the key cannot be used.
    #[error("`{0}` is no name of a transit key: letters, digits, `-` and `_`")]
    Name(String),
    /// The token cannot be sent.
    #[error("the token is no line of text")]
    Token,
    /// The client cannot be made.
    #[error("no client: {0}")]
    Client(String),
    /// It could not be asked.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It refused.
    #[error("it refuses with status {0}: the token may not use the key, or the key is not there")]
    Refused(u16),
    /// It said something else than it documents.
    #[error("its answer is none that it documents")]
    Answer,
}

/// A key in a transit engine.
pub struct Transit {
    client: Client,
    base: Url,
    name: String,
}

impl Transit {
    /// A key by its name, in the engine at an address. `pem` has authorities to trust beside the system's.
    ///
    /// # Errors
    /// Where the address has no TLS and is not this machine, or the name, token or certificates cannot be used.
    pub fn new(address: &str, name: &str, token: &[u8], pem: Option<&[u8]>) -> Result<Self, TransitError> {
        let bad = || TransitError::Address(shown(address));
        let base = Url::parse(address).map_err(|_| bad())?;
        let local = match base.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            _ => false,
        };
        let plain = base.username().is_empty() && base.password().is_none() && base.query().is_none();
        if !plain || !(base.scheme() == "https" || base.scheme() == "http" && local) {
            return Err(bad());
        }
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(TransitError::Name(name.to_owned()));
        }
        let mut value = HeaderValue::from_bytes(token.trim_ascii()).map_err(|_| TransitError::Token)?;
        value.set_sensitive(true);
        let headers = HeaderMap::from_iter([(reqwest::header::HeaderName::from_static("x-vault-token"), value)]);
        let client = |e: reqwest::Error| TransitError::Client(root_cause(&e));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder =
            Client::builder().default_headers(headers).no_proxy().redirect(Policy::none()).timeout(PATIENCE);
        for certificate in pem.map(Certificate::from_pem_bundle).transpose().map_err(client)?.unwrap_or_default() {
            builder = builder.add_root_certificate(certificate);
        }
        Ok(Self { client: builder.build().map_err(client)?, base, name: name.to_owned() })
    }

    /// What the key is called wherever it is told which key wrapped something.
    #[must_use]
    pub fn id(&self) -> String {
        format!("transit:{}/{}", self.base.authority(), self.name)
    }

    /// Encrypts bytes.
    ///
    /// # Errors
    /// Where the engine cannot be reached, or refuses.
    pub async fn encrypt(&self, bytes: &[u8]) -> Result<Vec<u8>, TransitError> {
        let plaintext = Zeroizing::new(STANDARD.encode(bytes));
        let answer = self.ask("encrypt", &json!({ "plaintext": plaintext.as_str() })).await?;
        let text = answer.pointer("/data/ciphertext").and_then(Value::as_str).ok_or(TransitError::Answer)?;
        Ok(text.as_bytes().to_vec())
    }

    /// Decrypts what [`Self::encrypt`] gave.
    ///
    /// # Errors
    /// As of [`Self::encrypt`].
    pub async fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransitError> {
        let text = std::str::from_utf8(ciphertext).map_err(|_| TransitError::Answer)?;
        let answer = self.ask("decrypt", &json!({ "ciphertext": text })).await?;
        let plain = answer.pointer("/data/plaintext").and_then(Value::as_str).ok_or(TransitError::Answer)?;
        STANDARD.decode(plain).map(Zeroizing::new).map_err(|_| TransitError::Answer)
    }

    async fn ask(&self, verb: &str, body: &Value) -> Result<Value, TransitError> {
        let failed = |e: reqwest::Error| TransitError::Unreachable(root_cause(&e));
        let path = format!("{}/v1/transit/{verb}/{}", self.base.path().trim_end_matches('/'), self.name);
        let mut url = self.base.clone();
        url.set_path(&path);
        let body = Zeroizing::new(body.to_string());
        let request = self.client.post(url).header("content-type", "application/json").body(body.as_bytes().to_vec());
        let mut response = request.send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(TransitError::Refused(response.status().as_u16()));
        }
        let mut bytes = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > MOST {
                return Err(TransitError::Answer);
            }
            bytes.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&bytes).map_err(|_| TransitError::Answer)
    }
}

/// An address without what may be secret in it.
fn shown(address: &str) -> String {
    let end = address.rsplit('@').next().unwrap_or_default();
    end.split(['?', '#']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_asked_over_tls_or_on_this_machine_alone() {
        let make = |address: &str| Transit::new(address, "quell", b"t", None).map(|t| t.id());
        for bad in ["http://bao.example:8200", "bao.example", "ftp://127.0.0.1", "https://a:b@bao.example", ""] {
            let told = make(bad).unwrap_err().to_string();
            assert!(told.contains("no address") && !told.contains("a:b"), "{told}");
        }
        assert!(Transit::new("https://bao.example", "../sys", b"t", None).is_err());
        assert!(Transit::new("https://bao.example", "quell", b"a\nb", None).is_err());
    }
}

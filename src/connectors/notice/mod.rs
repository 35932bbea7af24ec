//! Notices to people: one message by a signed webhook (`webhook`), a webhook of Slack's kind (`slack`) or mail (`mail`).
//!
//! One call is one try: whether and when there is another is the caller's, who keeps the message and its id. A channel is
//! named by an administrator, so its host may be a private one; it is asked over TLS, or on this machine. What it answers is
//! outside text: of it, status codes and words that its protocol has are told.

mod mail;
mod slack;
mod webhook;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use url::{Host, Url};

use crate::model::root_cause;

pub use mail::{Mail, MailServer, MailTls};
pub use slack::Slack;
pub use webhook::Webhook;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one try may take: the longest that Standard Webhooks recommends.
const PATIENCE: Duration = Duration::from_secs(30);
/// What of an answer is read.
const MOST: usize = 4 << 10;
/// The longest wait that a receiver may ask for, in seconds: a day.
const LONGEST_WAIT: u64 = 86_400;

/// What is sent, in every form that a channel may want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Of letters, digits, `-` and `_`; the same for every try, by which a receiver knows what it has already.
    pub id: String,
    /// The time of this try, in seconds since 1970 UTC.
    pub at: i64,
    /// One line. What is no text in it becomes a space.
    pub subject: String,
    /// For mail.
    pub plain: String,
    /// For Slack, as mrkdwn, with what is outside text in it escaped by the caller.
    pub slack: String,
    /// For a webhook: `type`, `timestamp` and `data`, as Standard Webhooks recommends.
    pub json: serde_json::Value,
}

/// Why a message was not delivered, as far as is known: it may have been where no answer came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct NoticeError {
    /// In words. Nothing of the channel's secrets is in it.
    pub why: String,
    /// Whether trying again is of no use.
    pub permanent: bool,
    /// In how many seconds the receiver asks to be tried again: at most a day.
    pub after: Option<u64>,
}

impl NoticeError {
    fn again(why: impl Into<String>) -> Self {
        Self { why: why.into(), permanent: false, after: None }
    }

    fn never(why: impl Into<String>) -> Self {
        Self { why: why.into(), permanent: true, after: None }
    }
}

/// Why a channel cannot be used as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// The URL. It is not quoted, since it may be a secret.
    #[error("this is no URL of a webhook: write https://HOST/PATH, without user and password")]
    Url,
    /// The secrets of a webhook.
    #[error("a webhook has one secret, or two while it is changed, each `whsec_` and 24 to 64 bytes as base64")]
    Secret,
    /// An address of mail.
    #[error("`{0}` is no mail address: write NAME@HOST, or WORDS <NAME@HOST>, in ASCII")]
    Address(String),
    /// A mail goes to nobody.
    #[error("a mail has at least one recipient")]
    Nobody,
    /// The host of a mail server.
    #[error("`{0}` is no mail server's host: write a name or an IP address")]
    Host(String),
    /// Mail without TLS to another machine.
    #[error("mail goes to `{0}` over TLS alone: only an address of this machine, as 127.0.0.1, may do without")]
    Plain(String),
    /// The password of a mail server.
    #[error("the password of the mail server is no text")]
    Password,
    /// Certificates, or the client.
    #[error("no client: {0}")]
    Client(String),
}

/// The future of a try.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), NoticeError>> + Send + 'a>>;

/// A channel by which messages go out. It keeps nothing between two tries.
pub trait Notifier: Send + Sync {
    /// Tries once; at most half a minute.
    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a>;
}

/// Whether an id may stand in a header, in a signed text and in a `Message-ID`.
fn check_id(id: &str) -> Result<(), NoticeError> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if id.is_empty() || id.len() > 128 || !id.bytes().all(good) {
        return Err(NoticeError::never("its id is none: letters, digits, `-` and `_`"));
    }
    Ok(())
}

/// Whether this is an address of this machine, by number: a name may lead elsewhere.
fn is_local(host: Option<Host<&str>>) -> bool {
    match host {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        _ => false,
    }
}

/// An URL to post to.
fn target(text: &str) -> Result<Url, ChannelError> {
    let url = Url::parse(text.trim()).map_err(|_| ChannelError::Url)?;
    let plain = url.username().is_empty() && url.password().is_none() && url.host().is_some();
    let safe = url.scheme() == "https" || url.scheme() == "http" && is_local(url.host());
    (plain && safe).then_some(url).ok_or(ChannelError::Url)
}

/// A client that follows nothing and goes through no proxy. `pem` has authorities to trust beside the system's.
fn client(pem: Option<&[u8]>) -> Result<Client, ChannelError> {
    let failed = |e: reqwest::Error| ChannelError::Client(root_cause(&e));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .timeout(PATIENCE)
        .user_agent("quell");
    for certificate in pem.map(Certificate::from_pem_bundle).transpose().map_err(failed)?.unwrap_or_default() {
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(failed)
}

/// What a receiver answers.
struct Answer {
    status: StatusCode,
    /// In how many seconds it asks to be tried again.
    after: Option<u64>,
    /// As much of it as is read.
    body: Vec<u8>,
}

/// Posts JSON, at a time in seconds since 1970 UTC.
async fn post(client: &Client, url: Url, headers: HeaderMap, body: String, at: i64) -> Result<Answer, NoticeError> {
    let failed = |e: reqwest::Error| {
        let e = e.without_url();
        let why = if e.is_timeout() { "no answer in time".to_owned() } else { root_cause(&e) };
        NoticeError::again(format!("it cannot be reached: {why}"))
    };
    let request = client.post(url).headers(headers).header("content-type", "application/json").body(body);
    let mut response = request.send().await.map_err(failed)?;
    let (status, after) = (response.status(), wait(response.headers(), at));
    let mut body = Vec::new();
    // The status is the answer: a body that breaks off changes nothing.
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend(chunk.iter().take(MOST.saturating_sub(body.len())));
        if body.len() >= MOST {
            break;
        }
    }
    Ok(Answer { status, after, body })
}

/// What `Retry-After` asks for: seconds, or a time (RFC 9110, section 10.2.3).
fn wait(headers: &HeaderMap, at: i64) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let until =
        || OffsetDateTime::parse(text, &Rfc2822).ok().map(|time| time.unix_timestamp().saturating_sub(at).max(0));
    let seconds = text.parse().ok().or_else(|| until()?.try_into().ok())?;
    Some(LONGEST_WAIT.min(seconds))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn an_url_has_tls_or_leads_to_this_machine() {
        for good in
            ["https://hooks.acme.example/a?b=c", "http://127.0.0.1:8080/", "http://[::1]/", " https://10.0.0.1/\n"]
        {
            assert!(target(good).is_ok(), "{good}");
        }
        for bad in [
            "http://hooks.acme.example/",
            "http://localhost/",
            "ftp://127.0.0.1/",
            "https://a:b@acme.example/",
            "x",
            "",
        ] {
            let told = target(bad).unwrap_err().to_string();
            assert!(told.contains("https://HOST") && !told.contains("acme"), "{told}");
        }
    }

    #[test]
    fn a_wait_is_in_seconds_or_until_a_time_and_ends() {
        let asked = |text: &str| {
            let value = HeaderValue::from_str(text).unwrap();
            wait(&HeaderMap::from_iter([(RETRY_AFTER, value)]), 784_111_777)
        };
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0), "it is past");
        assert_eq!(asked("99999999999"), Some(LONGEST_WAIT));
        assert_eq!(asked("Sun, 06 Nov 2994 08:50:37 GMT"), Some(LONGEST_WAIT));
        assert_eq!((asked("soon"), asked("-1"), asked("")), (None, None, None));
        assert_eq!(wait(&HeaderMap::new(), 0), None);
    }

    #[test]
    fn an_id_can_stand_anywhere() {
        assert!(check_id("n_01-Ab").is_ok());
        for bad in ["", "a.b", "a b", "a\r\nb", "ä", &"a".repeat(129)] {
            assert!(check_id(bad).unwrap_err().permanent, "{bad}");
        }
    }
}

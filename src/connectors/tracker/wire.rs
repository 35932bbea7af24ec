//! How trackers are asked: over TLS or on this machine, within limits, and nowhere else.
//!
//! Limits of GitHub: <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>: 403 or 429 with
//! `retry-after`, or with `x-ratelimit-remaining: 0` and `x-ratelimit-reset` in seconds since 1970; else at least a minute. Of
//! GitLab: <https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/>: 429 with `Retry-After` and
//! `RateLimit-Reset`. Of Jira: <https://developer.atlassian.com/cloud/jira/platform/rate-limiting/>: 429 with `Retry-After`, which
//! a 503 may have too.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::TrackerError;
use crate::model::root_cause;

/// How long one request may take, from the first byte to the last.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer: ten comments of the longest kind that GitHub takes.
const MOST: usize = 4 << 20;
/// Most pages of a list.
pub(super) const PAGES: usize = 400;

/// A tracker's address, and how it is asked.
#[derive(Clone)]
pub(super) struct Wire {
    client: Client,
    base: Url,
}

/// An answer, whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

impl Wire {
    /// Takes a client's settings (authorities, proxy) and an address. Redirects are never followed.
    pub(super) fn new(client: ClientBuilder, address: &str) -> Result<Self, TrackerError> {
        let bad = || TrackerError::Settings("the tracker's address is `https://HOST`, or with a path".to_owned());
        let mut base = Url::parse(address).map_err(|_| bad())?;
        let local = match base.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            _ => false,
        };
        let plain = base.username().is_empty() && base.password().is_none() && base.host().is_some();
        if !plain || base.query().is_some() || !(base.scheme() == "https" || base.scheme() == "http" && local) {
            return Err(bad());
        }
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = client.redirect(Policy::none()).timeout(PATIENCE).build();
        let client = client.map_err(|e| TrackerError::Settings(format!("no client: {}", root_cause(&e))))?;
        Ok(Self { client, base })
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// A URL below the address: each step is one, whatever it has in it.
    pub(super) fn url(&self, steps: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(steps);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Asks. What comes back has a status of success, or one that [`refusal`] tells apart; what only reads is asked once more
    /// where the tracker fails.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, TrackerError> {
        if !same_host(&url, &self.base) {
            return Err(TrackerError::Broken("it leads to another host"));
        }
        let first = self.once(&method, &url, &headers, body.clone()).await;
        match first {
            Err(TrackerError::Failing(_)) if method == Method::GET => self.once(&method, &url, &headers, body).await,
            other => other,
        }
    }

    async fn once(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, TrackerError> {
        let failed = |e: reqwest::Error| TrackerError::Unreachable(root_cause(&e));
        let mut request = self.client.request(method.clone(), url.clone()).headers(headers.clone());
        request = request.header(USER_AGENT, HeaderValue::from_static("quell"));
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body);
        }
        let mut response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        if status.is_redirection() {
            return Err(TrackerError::Broken("it sends on to another place"));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > MOST {
                return Err(TrackerError::Broken("it is too long"));
            }
            bytes.extend_from_slice(&chunk);
        }
        if let Some(after) = limit(status, &headers, &bytes) {
            return Err(TrackerError::Limited { after });
        }
        if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
            return Err(TrackerError::Failing(status.as_u16()));
        }
        Ok(Answer { status, body: bytes })
    }
}

impl Answer {
    /// What it says, where its status is one of success.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, TrackerError> {
        refusal(self.status)?;
        serde_json::from_slice(&self.body).map_err(|_| TrackerError::Broken("it is not the JSON that is documented"))
    }
}

/// What a status that is none of success means.
pub(super) fn refusal(status: StatusCode) -> Result<(), TrackerError> {
    match status.as_u16() {
        200..=299 => Ok(()),
        404 | 410 => Err(TrackerError::Gone),
        status => Err(TrackerError::Refused(status)),
    }
}

/// Where something is gone, there is none.
pub(super) fn none_if_gone<T>(result: Result<T, TrackerError>) -> Result<Option<T>, TrackerError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(TrackerError::Gone) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether two URLs are of the same host and port, and asked the same way.
pub(super) fn same_host(a: &Url, b: &Url) -> bool {
    let place = |u: &Url| (u.scheme().to_owned(), u.host_str().map(str::to_owned), u.port_or_known_default());
    place(a) == place(b) && a.username().is_empty() && a.password().is_none()
}

/// A header of a token, which nobody shows.
pub(super) fn secret_header(text: &str) -> Result<HeaderValue, TrackerError> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| TrackerError::Settings("the tracker's token is no line of text".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether no more is answered for now, and for how many seconds where it is told. The answer's own date is the clock.
fn limit(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Option<u64>> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let number = |name: &str| text(name).and_then(|v| v.trim().parse::<u64>().ok());
    let after = number("retry-after");
    match status.as_u16() {
        429 => {}
        403 | 503 if after.is_some() => {}
        403 if number("x-ratelimit-remaining") == Some(0) => {}
        // A secondary limit of GitHub's may have no header at all.
        403 if String::from_utf8_lossy(body).contains("secondary rate limit") => {}
        _ => return None,
    }
    let date =
        text("date").and_then(|d| time::OffsetDateTime::parse(d, &time::format_description::well_known::Rfc2822).ok());
    let now = date.and_then(|d| u64::try_from(d.unix_timestamp()).ok());
    let reset = number("x-ratelimit-reset").or_else(|| number("ratelimit-reset"));
    Some(after.or_else(|| Some(reset?.saturating_sub(now?))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trackers_are_asked_over_tls_or_on_this_machine_alone() {
        for bad in ["http://git.example", "ftp://127.0.0.1", "https://a:b@git.example", "git.example", "https://h/?a=1"]
        {
            let error = Wire::new(Client::builder(), bad).err().unwrap();
            assert!(error.is_permanent() && !error.to_string().contains("a:b"), "{bad}: {error}");
        }
        let wire = Wire::new(Client::builder(), "https://git.example/api/").unwrap();
        let url = wire.url(&["projects", "a/b", "..", "issues"], &[("q", "x&y")]);
        assert_eq!(url.as_str(), "https://git.example/api/projects/a%2Fb/issues?q=x%26y");
        assert!(same_host(&url, wire.base()));
        for other in
            ["https://git.example:8443/", "http://git.example/", "https://x@git.example/", "https://evil.example/"]
        {
            assert!(!same_host(&Url::parse(other).unwrap(), wire.base()), "{other}");
        }
    }

    #[test]
    fn limits_are_read_from_the_answer_alone() {
        let headers = |pairs: &[(&'static str, &str)]| {
            pairs.iter().map(|(n, v)| (http::HeaderName::from_static(n), v.parse().unwrap())).collect::<HeaderMap>()
        };
        let date = ("date", "Thu, 01 Jan 1970 00:16:40 GMT");
        let spent = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1042"), date]);
        assert_eq!(limit(StatusCode::FORBIDDEN, &spent, b""), Some(Some(42)));
        assert_eq!(limit(StatusCode::OK, &spent, b""), None);
        assert_eq!(limit(StatusCode::TOO_MANY_REQUESTS, &headers(&[("retry-after", "7")]), b""), Some(Some(7)));
        assert_eq!(limit(StatusCode::SERVICE_UNAVAILABLE, &headers(&[("retry-after", "7")]), b""), Some(Some(7)));
        assert_eq!(limit(StatusCode::TOO_MANY_REQUESTS, &headers(&[]), b""), Some(None));
        let told = b"{\"message\": \"You have exceeded a secondary rate limit.\"}";
        assert_eq!(limit(StatusCode::FORBIDDEN, &headers(&[]), told), Some(None));
        assert_eq!(limit(StatusCode::FORBIDDEN, &headers(&[]), b"{}"), None, "a refusal is no limit");
    }
}

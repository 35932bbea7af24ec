//! Which repositories an owner on GitHub has. The answers are not trusted: a name must be one that GitHub allows, and a URL
//! must lead to the host that belongs to the API.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode};
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder, Page};
use reqwest::{Client, Url};
use serde::Deserialize;

use crate::model::{Untrusted, counted, root_cause};

/// The API of github.com.
pub const API: &str = "https://api.github.com";

/// The longest page that is taken.
const PAGE: usize = 32 << 20;
/// Most pages of an owner: with a hundred repositories each, more than anybody has.
const PAGES: usize = 1_000;
/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// A limit that ends sooner than this is waited for.
const WAIT: u64 = 60;

/// Why the API cannot be asked, or what is wrong with its answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GithubError {
    /// It is none.
    #[error("the URL of GitHub's API is `https://HOST` or `https://HOST/api/v3`")]
    Api,
    /// A name that GitHub does not allow.
    #[error("this is no name of an owner or a repository on GitHub")]
    Name,
    /// There is no such owner, or the token may not know.
    #[error("GitHub knows no organisation or user of this name, or the token may not see it")]
    NoOwner,
    /// The token is not taken.
    #[error("GitHub answers {0}: the token is not valid, or may not list repositories")]
    Refused(u16),
    /// Too many requests.
    #[error("GitHub allows no more requests for {0}; a token allows more of them")]
    Limited(String),
    /// Any other status.
    #[error("GitHub answers {0}")]
    Status(u16),
    /// No connection, or a broken one.
    #[error("GitHub's API cannot be reached: {0}")]
    Connection(String),
    /// An answer that is not what the API's description says.
    #[error("the answer of GitHub's API is broken: {0}")]
    Broken(&'static str),
}

/// Where the API is, and where the repositories are that it names.
#[derive(Clone, Debug)]
pub struct Api {
    base: Url,
    /// `https://HOST`, perhaps with a port: where repositories are cloned from.
    site: Url,
}

/// A repository as the API names it, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// `OWNER/NAME`.
    pub name: String,
    /// Where to clone it from: on the API's own site.
    pub url: String,
    /// Whether nobody may change it any more.
    pub archived: bool,
    /// Whether it was made from another one.
    pub fork: bool,
}

/// What an owner has.
#[derive(Debug, Default)]
pub struct Listing {
    /// In the order of their names.
    pub repositories: Vec<Repository>,
    /// What the API names and cannot be taken: its name, and why.
    pub refused: Vec<(Untrusted, &'static str)>,
    /// Why the list is not whole.
    pub ended: Option<GithubError>,
    /// Whether they are a user's: the API lists no private repository of a user.
    pub of_user: bool,
}

/// What of a repository is read.
#[derive(Deserialize)]
struct Listed {
    full_name: String,
    clone_url: String,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    fork: bool,
}

impl Api {
    /// Reads the API's URL.
    ///
    /// # Errors
    /// Where it is not https, or has more than a host and a path.
    pub fn new(url: &str) -> Result<Self, GithubError> {
        let base = Url::parse(url.trim_end_matches('/')).map_err(|_| GithubError::Api)?;
        let plain = base.username().is_empty() && base.password().is_none();
        let host = base.host_str().filter(|_| base.scheme() == "https" && plain && base.query().is_none());
        // `api.github.com` belongs to `github.com`; an own server has its API below a path.
        let host = host.ok_or(GithubError::Api)?;
        let host = if base.path() == "/" { host.strip_prefix("api.").unwrap_or(host) } else { host };
        let mut site = base.clone();
        site.set_host(Some(host)).map_err(|_| GithubError::Api)?;
        site.set_path("/");
        site.set_fragment(None);
        Ok(Self { base, site })
    }

    /// Where one repository is cloned from.
    ///
    /// # Errors
    /// Where the name is none that GitHub allows.
    pub fn clone_url(&self, name: &str) -> Result<String, GithubError> {
        let (owner, repository) = name.split_once('/').ok_or(GithubError::Name)?;
        if !is_name(owner) || !is_name(repository) {
            return Err(GithubError::Name);
        }
        Ok(format!("{}{owner}/{}.git", self.site, repository.strip_suffix(".git").unwrap_or(repository)))
    }

    /// Whether this is what the API names a repository by, and where it says that it is cloned from.
    fn check(&self, listed: &Listed) -> Result<(), &'static str> {
        let parts = listed.full_name.split_once('/').filter(|(owner, name)| is_name(owner) && is_name(name));
        parts.ok_or("GitHub's API names it, and no repository can have this name")?;
        let url = Url::parse(&listed.clone_url).ok();
        let same = |u: &Url| {
            (u.scheme(), u.host_str(), u.port_or_known_default())
                == ("https", self.site.host_str(), self.site.port_or_known_default())
        };
        let plain = |u: &Url| u.username().is_empty() && u.password().is_none();
        match url.filter(|u| same(u) && plain(u)) {
            Some(_) => Ok(()),
            None => Err("GitHub's API says to clone it from somewhere else than its own site over https"),
        }
    }
}

/// Whether GitHub allows it as the name of an owner or a repository. It leads out of no folder.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    !name.is_empty() && name.len() <= 100 && name.bytes().all(allowed) && name != "." && name != ".."
}

/// Lists what an organisation has, or a user. Must run on a runtime with a clock and with input and output.
///
/// # Errors
/// Where there is nothing to list at all. A list that ends early is returned with what ended it.
pub async fn list(
    client: &Client,
    api: &Api,
    owner: &str,
    authorization: Option<HeaderValue>,
) -> Result<Listing, GithubError> {
    if !is_name(owner) {
        return Err(GithubError::Name);
    }
    let asking =
        Asking { client: client.clone(), base: api.base.clone(), authorization, fault: Arc::new(Mutex::new(None)) };
    let crab = asking.crab();
    let root = api.base.as_str().trim_end_matches('/');
    let mut first = asking.page(&crab, &format!("{root}/orgs/{owner}/repos?type=all&per_page=100")).await;
    let of_user = matches!(first, Err(GithubError::Status(404)));
    if of_user {
        first = asking.page(&crab, &format!("{root}/users/{owner}/repos?type=owner&per_page=100")).await;
    }
    let mut page = match first {
        Err(GithubError::Status(404)) => return Err(GithubError::NoOwner),
        other => other?,
    };
    let mut listing = Listing { of_user, ..Listing::default() };
    for _ in 0..PAGES {
        for listed in page.take_items() {
            match api.check(&listed) {
                Ok(()) => listing.repositories.push(Repository {
                    name: listed.full_name,
                    url: listed.clone_url,
                    archived: listed.archived,
                    fork: listed.fork,
                }),
                Err(why) => listing.refused.push((Untrusted::from(listed.full_name.as_str()), why)),
            }
        }
        let Some(next) = page.next.take() else { return Ok(sorted(listing)) };
        match asking.page(&crab, &next.to_string()).await {
            Ok(next) => page = next,
            Err(error) => {
                listing.ended = Some(error);
                return Ok(sorted(listing));
            }
        }
    }
    listing.ended = Some(GithubError::Broken("it has pages without end"));
    Ok(sorted(listing))
}

fn sorted(mut listing: Listing) -> Listing {
    listing.repositories.sort_by(|a, b| a.name.cmp(&b.name));
    // A repository that is made while pages are read shifts the others: one is on two pages then.
    listing.repositories.dedup_by(|a, b| a.name == b.name);
    listing
}

/// How octocrab's requests are made: with the caller's client, to the API's host alone, within limits.
#[derive(Clone)]
struct Asking {
    client: Client,
    base: Url,
    authorization: Option<HeaderValue>,
    /// What went wrong below octocrab, which hands it on as a text.
    fault: Arc<Mutex<Option<GithubError>>>,
}

impl Asking {
    fn crab(&self) -> Octocrab {
        let asking = self.clone();
        let service = tower::service_fn(move |request: Request<OctoBody>| {
            let asking = asking.clone();
            async move {
                let fault = Arc::clone(&asking.fault);
                asking.answer(&request).await.inspect_err(|error| {
                    *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
                })
            }
        });
        let Ok(crab) = OctocrabBuilder::new_empty().with_service(service).with_auth(AuthState::None).build();
        crab
    }

    async fn page(&self, crab: &Octocrab, url: &str) -> Result<Page<Listed>, GithubError> {
        crab.get(url, None::<&()>).await.map_err(|error| {
            let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner).take();
            fault.unwrap_or(match error {
                octocrab::Error::GitHub { source, .. } => match source.status_code.as_u16() {
                    status @ (401 | 403) => GithubError::Refused(status),
                    status => GithubError::Status(status),
                },
                _ => GithubError::Broken("it is no list of repositories"),
            })
        })
    }

    /// Asks, and waits once where the API says for how long.
    async fn answer(&self, request: &Request<OctoBody>) -> Result<Response<String>, GithubError> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| GithubError::Broken("a page has no URL"))?;
        let place = |u: &Url| (u.scheme().to_owned(), u.host_str().map(str::to_owned), u.port_or_known_default());
        if place(&url) != place(&self.base) {
            return Err(GithubError::Broken("its next page is on another host"));
        }
        for again in [true, false] {
            let response = self.ask(url.clone()).await?;
            match limited(response.status(), response.headers()) {
                Some(seconds) if again && seconds < WAIT => tokio::time::sleep(Duration::from_secs(seconds + 1)).await,
                Some(seconds) => return Err(GithubError::Limited(counted(seconds.div_ceil(60), "minute", "minutes"))),
                None => return whole(response).await,
            }
        }
        Err(GithubError::Broken("it is not given"))
    }

    async fn ask(&self, url: Url) -> Result<reqwest::Response, GithubError> {
        let mut request = self.client.get(url).timeout(PATIENCE);
        request = request.header(ACCEPT, "application/vnd.github+json").header("x-github-api-version", "2022-11-28");
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        request.send().await.map_err(|e| connection(&e))
    }
}

/// The body of an answer, which has its limit.
async fn whole(mut response: reqwest::Response) -> Result<Response<String>, GithubError> {
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    if status.is_redirection() {
        return Err(GithubError::Status(status.as_u16()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| connection(&e))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > PAGE {
            return Err(GithubError::Broken("a page is too long"));
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| GithubError::Broken("it is no UTF-8"))?;
    let mut answer = Response::new(text);
    (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
    Ok(answer)
}

/// For how many seconds no more is answered, where that is what an answer says. The answer's own date is the clock.
fn limited(status: StatusCode, headers: &HeaderMap) -> Option<u64> {
    if !matches!(status.as_u16(), 403 | 429) {
        return None;
    }
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let number = |name: &str| text(name).and_then(|v| v.trim().parse::<u64>().ok());
    if let Some(seconds) = number("retry-after") {
        return Some(seconds);
    }
    let reset = number("x-ratelimit-reset").filter(|_| number("x-ratelimit-remaining") == Some(0))?;
    let date =
        text("date").and_then(|d| time::OffsetDateTime::parse(d, &time::format_description::well_known::Rfc2822).ok());
    let now = date.and_then(|d| u64::try_from(d.unix_timestamp()).ok());
    // Without a date, an hour: the length of GitHub's own limits.
    Some(now.map_or(3600, |now| reset.saturating_sub(now)))
}

fn connection(error: &reqwest::Error) -> GithubError {
    GithubError::Connection(root_cause(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(full_name: &str, clone_url: &str) -> Listed {
        Listed { full_name: full_name.to_owned(), clone_url: clone_url.to_owned(), archived: false, fork: false }
    }

    #[test]
    fn names_lead_nowhere_else() {
        let api = Api::new(API).unwrap();
        assert_eq!(api.clone_url("o/r.git").unwrap(), "https://github.com/o/r.git");
        for name in
            ["", "o", "o/", "/r", "../r", "o/..", "o/r/x", "o/r?x", "o/r#x", "o/%2e%2e", "o@h/r", "o/a b", "o/r\n"]
        {
            assert!(api.clone_url(name).is_err(), "{name}");
        }
    }

    #[test]
    fn repositories_are_cloned_from_the_site_of_the_api_alone() {
        let own = Api::new("https://git.acme.example:8443/api/v3/").unwrap();
        assert_eq!(own.clone_url("o/r").unwrap(), "https://git.acme.example:8443/o/r.git");
        assert_eq!(
            Api::new("https://api.acme.ghe.com").unwrap().clone_url("o/r").unwrap(),
            "https://acme.ghe.com/o/r.git"
        );
        let github = Api::new(API).unwrap();
        assert!(github.check(&listed("o/r", "https://github.com/o/r.git")).is_ok());
        for url in [
            "http://github.com/o/r.git",
            "https://github.com:444/o/r.git",
            "https://github.com.evil.example/o/r.git",
            "https://github.com@evil.example/o/r.git",
            "https://u:p@github.com/o/r.git",
            "https://api.github.com/o/r.git",
            "file:///etc",
            "ext::sh -c true",
            "",
        ] {
            assert!(github.check(&listed("o/r", url)).is_err(), "{url}");
        }
        assert!(github.check(&listed("../r", "https://github.com/o/r.git")).is_err());
        for url in ["http://api.github.com", "https://u@h.example", "h.example", "https://h.example/?x"] {
            assert!(Api::new(url).is_err(), "{url}");
        }
    }

    #[test]
    fn limits_are_read_by_the_answers_own_clock() {
        let headers = |pairs: &[(&'static str, &str)]| {
            pairs.iter().map(|(n, v)| ((*n).parse().unwrap(), v.parse().unwrap())).collect::<HeaderMap>()
        };
        let date = ("date", "Thu, 01 Jan 1970 00:16:40 GMT");
        let reset = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1042"), date];
        assert_eq!(limited(StatusCode::FORBIDDEN, &headers(&reset)), Some(42));
        assert_eq!(limited(StatusCode::OK, &headers(&reset)), None);
        assert_eq!(limited(StatusCode::TOO_MANY_REQUESTS, &headers(&[("retry-after", "7")])), Some(7));
        assert_eq!(limited(StatusCode::FORBIDDEN, &headers(&[date])), None, "a refusal is no limit");
    }
}

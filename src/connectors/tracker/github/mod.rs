//! Issues of a repository on GitHub, by octocrab: with a token, or as an installed App.
//!
//! <https://docs.github.com/en/rest/issues/issues>: `POST /repos/OWNER/NAME/issues`; `GET` and `PATCH …/issues/NUMBER` (an issue
//! that was deleted answers 410); the list takes `state`, `creator`, `since` (of `updated_at`), `sort` and `direction`, and has
//! pull requests among it. <https://docs.github.com/en/rest/issues/comments>: `…/issues/NUMBER/comments`, by ascending id, with
//! `since`. <https://docs.github.com/en/rest/issues/labels>: `POST …/issues/NUMBER/labels` adds. Labels of a new issue are dropped
//! without a word where the token may not push, so no task is looked for by its label.
//! <https://docs.github.com/en/rest/search/search>: `GET /search/issues`, an index that lags.
//! <https://docs.github.com/en/rest/apps/apps>: an installation's token lives for an hour and is made again in time.

mod client;

use octocrab::auth::AppAuth;
use octocrab::models::{AppId, InstallationId};
use octocrab::{AuthState, Octocrab};
use reqwest::ClientBuilder;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

use client::{fault, get, octocrab, read};

use super::wire::{PAGES, Wire, none_if_gone, same_host, secret_header};
use super::{
    Account, Comment, LABEL, Marker, Pending, Task, TaskFormat, TaskSink, TaskText, TrackerError, fitted, labels, when,
};
use crate::connectors::github::is_name;

/// The longest body of an issue or a comment, in characters, with space for the marker.
const BODY: usize = 65_000;
/// Issues on a page: quell's own are short.
const ISSUES: usize = 30;
/// Comments on a page: ten of the longest are below the limit of an answer.
const COMMENTS: usize = 10;
/// Pages at the end of a list of comments that are looked through for a marker.
const LAST: usize = 3;

/// As whom GitHub is asked.
pub enum GithubAuth {
    /// A personal access token: fine-grained, with `issues: write`, or classic.
    Token(String),
    /// An App that is installed for the repository.
    App {
        /// Its number.
        id: u64,
        /// Its private key: RSA, as PEM.
        key: Vec<u8>,
        /// The number of the installation.
        installation: u64,
    },
}

/// A repository whose issues are tasks.
pub struct Github {
    name: String,
    wire: Wire,
    /// Where the repository's pages are.
    site: Url,
    owner: String,
    repository: String,
    auth: AuthState,
    installation: Option<InstallationId>,
    /// Made when it is used first, because it belongs to a runtime. It keeps an installation's token.
    crab: OnceCell<Octocrab>,
    /// The account's own login.
    login: OnceCell<String>,
}

/// What of an issue is read.
#[derive(Deserialize)]
struct Issue {
    number: u64,
    html_url: String,
    state: String,
    body: Option<String>,
    user: Option<User>,
    closed_by: Option<User>,
    created_at: String,
    updated_at: String,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    comments: usize,
    pull_request: Option<Value>,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

#[derive(Deserialize)]
struct User {
    login: String,
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Note {
    id: u64,
    user: Option<User>,
    body: Option<String>,
    created_at: String,
    updated_at: String,
    performed_via_github_app: Option<Value>,
}

#[derive(Deserialize)]
struct Found {
    items: Vec<Issue>,
}

impl User {
    fn account(&self) -> Option<Account> {
        Account::new("github", &self.login, self.kind == "Bot" || self.login.ends_with("[bot]"))
    }
}

impl Github {
    /// A repository `OWNER/NAME` by the address of the API: [`crate::connectors::github::API`], or `https://HOST/api/v3` of a
    /// server of one's own.
    ///
    /// # Errors
    /// Where the address has no TLS and is not this machine, or the repository's name, the token or the key cannot be used.
    pub fn new(
        name: &str,
        client: ClientBuilder,
        api: &str,
        repository: &str,
        auth: GithubAuth,
    ) -> Result<Self, TrackerError> {
        let wire = Wire::new(client, api)?;
        let mut site = wire.base().clone();
        // `api.github.com` belongs to `github.com`; an own server has its API below a path.
        let host = site.host_str().unwrap_or_default();
        let host = if site.path() == "/" { host.strip_prefix("api.").unwrap_or(host) } else { host }.to_owned();
        site.set_host(Some(&host)).map_err(|_| TrackerError::Settings("the API has no host".to_owned()))?;
        site.set_path("/");
        let (owner, short) = repository
            .split_once('/')
            .filter(|(o, n)| is_name(o) && is_name(n))
            .ok_or_else(|| TrackerError::Settings("tasks on GitHub go to a repository: `OWNER/NAME`".to_owned()))?;
        let (auth, installation) = match auth {
            GithubAuth::Token(token) => {
                secret_header(token.trim())?;
                (AuthState::AccessToken { token: token.trim().into() }, None)
            }
            GithubAuth::App { id, key, installation } => {
                let key = octocrab::auth::EncodingKey::from_rsa_pem(&key);
                let key = key.map_err(|_| {
                    TrackerError::Settings(
                        "the App's private key is no RSA key as PEM: take the file from GitHub".to_owned(),
                    )
                })?;
                (AuthState::App(AppAuth { app_id: AppId(id), key }), Some(InstallationId(installation)))
            }
        };
        let (owner, repository) = (owner.to_owned(), short.to_owned());
        let (crab, login) = (OnceCell::new(), OnceCell::new());
        Ok(Self { name: name.to_owned(), wire, site, owner, repository, auth, installation, crab, login })
    }

    async fn crab(&self) -> Result<&Octocrab, TrackerError> {
        self.crab
            .get_or_try_init(|| async {
                let crab = octocrab(&self.wire, self.auth.clone())?;
                match self.installation {
                    Some(id) => crab.installation(id).map_err(fault),
                    None => Ok(crab),
                }
            })
            .await
    }

    /// The login that quell's own issues and comments have.
    async fn login(&self) -> Result<&str, TrackerError> {
        let asked = self.login.get_or_try_init(|| async {
            let text = |value: Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
            let broken = TrackerError::Broken("it does not say who asks");
            if self.installation.is_none() {
                return text(get(self.crab().await?, "/user").await?, "login").ok_or(broken);
            }
            let app = octocrab(&self.wire, self.auth.clone())?;
            Ok(format!("{}[bot]", text(get(&app, "/app").await?, "slug").ok_or(broken)?))
        });
        Ok(asked.await?.as_str())
    }

    fn issues(&self) -> String {
        format!("/repos/{}/{}/issues", self.owner, self.repository)
    }

    fn issue(&self, key: &str) -> Result<String, TrackerError> {
        let digits = !key.is_empty() && key.len() <= 19 && key.bytes().all(|b| b.is_ascii_digit());
        if digits { Ok(format!("{}/{key}", self.issues())) } else { Err(TrackerError::Key) }
    }

    fn task(&self, issue: &Issue) -> Result<Task, TrackerError> {
        let url = Url::parse(&issue.html_url).ok().filter(|url| same_host(url, &self.site));
        let url = url.ok_or(TrackerError::Broken("a task's URL is not on the tracker's host"))?;
        let open = match issue.state.as_str() {
            "open" => true,
            "closed" => false,
            _ => return Err(TrackerError::Broken("a task is neither open nor closed")),
        };
        let updated = when::seconds(&issue.updated_at).ok_or(TrackerError::Broken("a task has no time"))?;
        let closed_by = issue.closed_by.as_ref().filter(|_| !open).and_then(User::account);
        Ok(Task { key: issue.number.to_string(), url: url.into(), open, closed_by, updated })
    }

    /// The issues that quell's account opened and that changed since, by their numbers.
    async fn own(&self, since: i64) -> Result<Vec<Issue>, TrackerError> {
        let (crab, login) = (self.crab().await?, self.login().await?);
        let query = query(&[
            ("state", "all"),
            ("creator", login),
            ("since", &when::stamp(since)),
            ("sort", "created"),
            ("direction", "asc"),
            ("per_page", &ISSUES.to_string()),
        ]);
        let mut all: Vec<Issue> = Vec::new();
        for page in 1..=PAGES {
            let issues: Vec<Issue> = get(crab, &format!("{}?{query}&page={page}", self.issues())).await?;
            let last = issues.len() < ISSUES;
            all.extend(issues);
            if last {
                all.retain(|issue| is_by(issue, login));
                return Ok(all);
            }
        }
        Err(TrackerError::Broken("it has pages without end"))
    }

    async fn page_of_comments(&self, issue: &str, more: &str, page: usize) -> Result<Vec<Note>, TrackerError> {
        let route = format!("{issue}/comments?per_page={COMMENTS}&page={page}{more}");
        get(self.crab().await?, &route).await
    }
}

/// Whether an account opened an issue that is no pull request.
fn is_by(issue: &Issue, login: &str) -> bool {
    issue.pull_request.is_none() && issue.user.as_ref().is_some_and(|u| u.login == login)
}

fn has(text: Option<&String>, marker: &Marker) -> bool {
    text.and_then(|text| Marker::in_markdown(text)).as_ref() == Some(marker)
}

fn query(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

impl TaskSink for Github {
    fn name(&self) -> &str {
        &self.name
    }

    fn format(&self) -> TaskFormat {
        TaskFormat::Markdown
    }

    fn find<'a>(&'a self, marker: &'a Marker, since: i64) -> Pending<'a, Vec<Task>> {
        Box::pin(async move {
            let (crab, login) = (self.crab().await?, self.login().await?);
            let text = format!("\"{}\" in:body is:issue repo:{}/{}", marker.as_str(), self.owner, self.repository);
            let route = format!("/search/issues?{}", query(&[("q", &text), ("per_page", &ISSUES.to_string())]));
            let found: Found = get(crab, &route).await?;
            let mut issues = self.own(since).await?;
            issues.extend(found.items.into_iter().filter(|issue| is_by(issue, login)));
            issues.retain(|issue| has(issue.body.as_ref(), marker));
            issues.sort_by(|a, b| (&a.created_at, a.number).cmp(&(&b.created_at, b.number)));
            issues.dedup_by_key(|issue| issue.number);
            issues.iter().map(|issue| self.task(issue)).collect()
        })
    }

    fn create<'a>(&'a self, text: &'a TaskText) -> Pending<'a, Task> {
        Box::pin(async move {
            let body = text.marker.markdown(fitted(&text.body, BODY));
            let body = json!({ "title": fitted(&text.title, 250), "body": body, "labels": labels(text) });
            let issue: Issue = read(self.crab().await?.post(self.issues(), Some(&body))).await?;
            self.task(&issue)
        })
    }

    fn see<'a>(&'a self, key: &'a str) -> Pending<'a, Option<Task>> {
        Box::pin(async move {
            let issue = none_if_gone(get::<Issue>(self.crab().await?, &self.issue(key)?).await)?;
            issue.map(|issue| self.task(&issue)).transpose()
        })
    }

    fn write<'a>(&'a self, key: &'a str, text: &'a TaskText) -> Pending<'a, ()> {
        Box::pin(async move {
            let (crab, issue) = (self.crab().await?, self.issue(key)?);
            let body = text.marker.markdown(fitted(&text.body, BODY));
            let body = json!({ "title": fitted(&text.title, 250), "body": body });
            let now: Issue = read(crab.patch(&issue, Some(&body))).await?;
            let wanted = labels(text);
            if wanted.iter().any(|label| !now.labels.iter().any(|l| l.name.eq_ignore_ascii_case(label))) {
                let _: Value = read(crab.post(format!("{issue}/labels"), Some(&json!({ "labels": wanted })))).await?;
            }
            Ok(())
        })
    }

    fn comments<'a>(&'a self, key: &'a str, since: i64) -> Pending<'a, Vec<Comment>> {
        Box::pin(async move {
            let issue = self.issue(key)?;
            let more = format!("&{}", query(&[("since", &when::stamp(since))]));
            let mut all = Vec::new();
            for page in 1..=PAGES {
                let notes = self.page_of_comments(&issue, &more, page).await?;
                let last = notes.len() < COMMENTS;
                all.extend(notes.into_iter().filter_map(comment));
                if last {
                    all.retain(|comment| comment.at >= since);
                    return Ok(all);
                }
            }
            Err(TrackerError::Broken("it has pages without end"))
        })
    }

    fn comment<'a>(&'a self, key: &'a str, body: &'a str, marker: &'a Marker) -> Pending<'a, String> {
        Box::pin(async move {
            let (crab, login, issue) = (self.crab().await?, self.login().await?, self.issue(key)?);
            let now: Issue = get(crab, &issue).await?;
            let last = now.comments.div_ceil(COMMENTS).max(1);
            for page in (last.saturating_sub(LAST - 1).max(1)..=last).rev() {
                let notes = self.page_of_comments(&issue, "", page).await?;
                let own = |n: &&Note| n.user.as_ref().is_some_and(|u| u.login == login) && has(n.body.as_ref(), marker);
                if let Some(note) = notes.iter().find(own) {
                    return Ok(note.id.to_string());
                }
            }
            let body = json!({ "body": marker.markdown(fitted(body, BODY)) });
            let note: Note = read(crab.post(format!("{issue}/comments"), Some(&body))).await?;
            Ok(note.id.to_string())
        })
    }

    fn set_open<'a>(&'a self, key: &'a str, open: bool) -> Pending<'a, ()> {
        Box::pin(async move {
            let (state, reason) = if open { ("open", "reopened") } else { ("closed", "completed") };
            let body = json!({ "state": state, "state_reason": reason });
            let issue: Issue = read(self.crab().await?.patch(self.issue(key)?, Some(&body))).await?;
            // Asked for is not done: the answer has the state.
            if issue.state == state { Ok(()) } else { Err(TrackerError::Broken("the task has another state")) }
        })
    }

    fn changed(&self, since: i64) -> Pending<'_, Vec<String>> {
        Box::pin(async move {
            let mut issues = self.own(since).await?;
            let ours = |i: &Issue| {
                i.body.as_deref().and_then(Marker::in_markdown).is_some() || i.labels.iter().any(|l| l.name == LABEL)
            };
            issues.retain(|i| ours(i) && when::seconds(&i.updated_at).is_some_and(|at| at >= since));
            Ok(issues.iter().map(|issue| issue.number.to_string()).collect())
        })
    }
}

/// A comment. Of an account that is no more there is none.
fn comment(note: Note) -> Option<Comment> {
    let mut account = note.user.as_ref()?.account()?;
    account.bot |= note.performed_via_github_app.is_some_and(|app| !app.is_null());
    let text = note.body.unwrap_or_default();
    let at = when::seconds(&note.created_at)?;
    let own = Marker::in_markdown(&text).is_some();
    Some(Comment { id: note.id.to_string(), account, at, edited: note.created_at != note.updated_at, own, text })
}

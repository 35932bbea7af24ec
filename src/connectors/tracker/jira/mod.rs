//! Issues of a project in Jira: Cloud by version 3 of its API, Data Center by version 2.
//!
//! <https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/>: `POST /rest/api/3/issue` takes `fields` and
//! `properties`; `GET` and `PUT …/issue/KEY` (`update.labels` adds); `POST …/issue/bulkfetch` reads up to a hundred keys and
//! leaves out those that there are not; `…/issue/KEY/transitions`; with `expand=changelog` the newest changes come first.
//! <https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/>: `POST …/search/jql` with
//! `nextPageToken`. <https://developer.atlassian.com/cloud/jira/platform/search-and-reconcile>: what was just written may be missing
//! there for minutes, so the keys after the last one that it knows are read too. Properties of issues can be read by whoever may
//! see the issue, and are found by no query of a plain token.
//! <https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comments/>: `orderBy=-created`.
//! <https://developer.atlassian.com/server/jira/platform/rest/v10000/>: `POST /rest/api/2/search` with `startAt`. Its index is
//! written together with the issue.
//!
//! Cloud takes an account's address with its token (basic), Data Center a token (bearer). A text for Data Center is put between
//! `{noformat}`, where nothing of it is marked up.

mod shapes;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::ClientBuilder;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use shapes::{FIELDS, Issue, Note, Notes, PROPERTY, Page, Transitions, User, closer, marked, marker_of};

use super::wire::{Answer, PAGES, Wire, none_if_gone, refusal, secret_header};
use super::{Comment, Marker, Pending, Task, TaskFormat, TaskSink, TaskText, TrackerError, adf, fitted, labels, when};

/// Issues on a page; the same number of keys is read after the last one that a search knows.
const ISSUES: u64 = 50;
/// Comments on a page: Jira's longest has 32,767 characters.
const COMMENTS: usize = 20;
/// The longest text of Data Center, with space for the marker.
const BODY: usize = 32_000;

/// As whom Jira is asked, and which Jira it is.
pub enum JiraAuth {
    /// Cloud: an account's e-mail address and its API token.
    Cloud {
        /// The address.
        email: String,
        /// The token.
        token: String,
    },
    /// Data Center: a personal access token.
    DataCenter {
        /// The token.
        token: String,
    },
}

/// A project whose issues are tasks.
pub struct Jira {
    name: String,
    wire: Wire,
    project: String,
    kind: String,
    cloud: bool,
    headers: HeaderMap,
    account: OnceCell<String>,
}

impl Jira {
    /// A project by its key, such as `SEC`, and the kind of issue that a task is, such as `Task`. The address is
    /// `https://NAME.atlassian.net`, or where a Data Center is.
    ///
    /// # Errors
    /// Where the address has no TLS and is not this machine, or the project's key or the token cannot be used.
    pub fn new(
        name: &str,
        client: ClientBuilder,
        address: &str,
        project: &str,
        kind: &str,
        auth: JiraAuth,
    ) -> Result<Self, TrackerError> {
        let wire = Wire::new(client, address)?;
        if !is_project(project) {
            return Err(TrackerError::Settings("tasks in Jira go to a project by its key, such as `SEC`".to_owned()));
        }
        let (cloud, value) = match auth {
            JiraAuth::Cloud { email, token } => {
                let pair = zeroize::Zeroizing::new(format!("{}:{}", email.trim(), token.trim()));
                (true, secret_header(&format!("Basic {}", STANDARD.encode(pair.as_bytes())))?)
            }
            JiraAuth::DataCenter { token } => (false, secret_header(&format!("Bearer {}", token.trim()))?),
        };
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value), (ACCEPT, json)]);
        let (name, project, kind) = (name.to_owned(), project.to_owned(), kind.to_owned());
        Ok(Self { name, wire, project, kind, cloud, headers, account: OnceCell::new() })
    }

    async fn send(
        &self,
        method: Method,
        steps: &[&str],
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Answer, TrackerError> {
        let url = self.wire.url(&[&["rest", "api", if self.cloud { "3" } else { "2" }], steps].concat(), query);
        let body = body.map(|body| body.to_string().into_bytes());
        let answer = self.wire.ask(method, url, self.headers.clone(), body).await?;
        refusal(answer.status)?;
        Ok(answer)
    }

    /// Sends fields with the day that they are due; without it where a project has no such field on its screens, which 400 says.
    /// What is refused has made nothing.
    async fn with_due(
        &self,
        method: Method,
        steps: &[&str],
        fields: &Value,
        due: Option<i64>,
        make: impl Fn(&Value) -> Value,
    ) -> Result<Answer, TrackerError> {
        if let Some(due) = due {
            let mut dated = fields.clone();
            if let Some(dated) = dated.as_object_mut() {
                dated.insert("duedate".to_owned(), when::day(due).into());
            }
            match self.send(method.clone(), steps, &[], Some(make(&dated))).await {
                Err(TrackerError::Refused(400)) => {}
                other => return other,
            }
        }
        self.send(method, steps, &[], Some(make(fields))).await
    }

    async fn get<T: serde::de::DeserializeOwned>(
        &self,
        steps: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, TrackerError> {
        self.send(Method::GET, steps, query, None).await?.json()
    }

    async fn account(&self) -> Result<&str, TrackerError> {
        let asked = self.account.get_or_try_init(|| async {
            let user: User = self.get(&["myself"], &[]).await?;
            user.named().map(str::to_owned).ok_or(TrackerError::Broken("it does not say who asks"))
        });
        Ok(asked.await?.as_str())
    }

    fn checked<'a>(&self, key: &'a str) -> Result<&'a str, TrackerError> {
        let number = key.strip_prefix(self.project.as_str()).and_then(|rest| rest.strip_prefix('-'));
        match number {
            Some(n) if !n.is_empty() && n.len() <= 18 && n.bytes().all(|b| b.is_ascii_digit()) => Ok(key),
            _ => Err(TrackerError::Key),
        }
    }

    fn task(&self, issue: &Issue) -> Result<Task, TrackerError> {
        let key = self.checked(&issue.key).map_err(|_| TrackerError::Broken("a task has a key of another project"))?;
        let status = issue.fields.status.as_ref().ok_or(TrackerError::Broken("a task has no status"))?;
        let updated = when::seconds(&issue.fields.updated).ok_or(TrackerError::Broken("a task has no time"))?;
        let open = status.open();
        let closed_by = issue.changelog.as_ref().filter(|_| !open).and_then(closer);
        let url = self.wire.url(&["browse", key], &[]).into();
        Ok(Task { key: key.to_owned(), url, open, closed_by, updated })
    }

    /// What a query gives, with the marker's property.
    async fn search(&self, jql: &str) -> Result<Vec<Issue>, TrackerError> {
        let mut all: Vec<Issue> = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..PAGES {
            let mut body = json!({ "jql": jql, "maxResults": ISSUES, "fields": FIELDS, "properties": [PROPERTY] });
            let from = if self.cloud { next.take().map(Value::from) } else { Some(Value::from(all.len())) };
            if let (Some(from), Some(body)) = (from, body.as_object_mut()) {
                body.insert(if self.cloud { "nextPageToken" } else { "startAt" }.to_owned(), from);
            }
            let steps: &[&str] = if self.cloud { &["search", "jql"] } else { &["search"] };
            let page: Page = self.send(Method::POST, steps, &[], Some(body)).await?.json()?;
            let more = page.issues.len() as u64 >= ISSUES;
            all.extend(page.issues);
            next = page.next;
            if if self.cloud { next.is_none() } else { !more } {
                return Ok(all);
            }
        }
        Err(TrackerError::Broken("it has pages without end"))
    }

    /// The issues of the project that changed since, and in Cloud those that the search may not know yet.
    async fn since(&self, since: i64) -> Result<Vec<Issue>, TrackerError> {
        let own = format!("project = \"{}\" AND creator = currentUser()", self.project);
        let jql = format!("{own} AND updated >= \"{}\" ORDER BY created ASC", when::for_jql(since));
        let mut all = self.search(&jql).await?;
        if self.cloud {
            let last = self.newest().await?;
            let keys: Vec<String> = (1..=ISSUES).map(|n| format!("{}-{}", self.project, last + n)).collect();
            let body = json!({ "issueIdsOrKeys": keys, "fields": FIELDS, "properties": [PROPERTY] });
            let page: Page = self.send(Method::POST, &["issue", "bulkfetch"], &[], Some(body)).await?.json()?;
            all.extend(page.issues);
        }
        let account = self.account().await?;
        all.retain(|issue| issue.fields.creator.as_ref().and_then(User::named) == Some(account));
        Ok(all)
    }

    /// The number of the newest issue of the project that a search knows.
    async fn newest(&self) -> Result<u64, TrackerError> {
        let jql = format!("project = \"{}\" ORDER BY key DESC", self.project);
        let body = json!({ "jql": jql, "maxResults": 1, "fields": FIELDS });
        let page: Page = self.send(Method::POST, &["search", "jql"], &[], Some(body)).await?.json()?;
        let key = page.issues.first().map(|issue| issue.key.as_str());
        let number = key.and_then(|key| key.rsplit('-').next()).map(|number| number.parse::<u64>());
        match number {
            None => Ok(0),
            Some(Ok(number)) if number < u64::MAX / 2 => Ok(number),
            Some(_) => Err(TrackerError::Broken("a task has a key without a number")),
        }
    }

    /// A text as this Jira takes it, with the marker.
    fn document(&self, body: &str, marker: Option<&Marker>) -> Result<Value, TrackerError> {
        let (true, marker) = (self.cloud, marker) else {
            // Whatever would end the block is taken apart.
            let inside = fitted(body, BODY).replace("{noformat", "{ noformat");
            let first = marker.map(|marker| format!("{}\n", marker.as_str())).unwrap_or_default();
            return Ok(Value::from(format!("{first}{{noformat}}\n{inside}\n{{noformat}}")));
        };
        match marker {
            Some(marker) => adf::with_marker(body, marker),
            None => serde_json::from_str(body)
                .map_err(|_| TrackerError::Settings("a text for Jira Cloud is no document".to_owned())),
        }
    }

    fn comment_of(&self, note: &Note) -> Option<Comment> {
        let account = note.author.as_ref()?.account()?;
        let text = if self.cloud { adf::text(&note.body) } else { note.body.as_str()?.to_owned() };
        let own = marker_of(&note.body).is_some();
        let (at, edited) = (when::seconds(&note.created)?, note.created != note.updated);
        Some(Comment { id: note.id.clone(), account, at, edited, own, text })
    }

    /// A page of an issue's comments, newest first.
    async fn notes(&self, key: &str, page: usize) -> Result<Vec<Note>, TrackerError> {
        let (start, size) = ((page * COMMENTS).to_string(), COMMENTS.to_string());
        let query = [("orderBy", "-created"), ("maxResults", &size), ("startAt", &start)];
        let notes: Notes = self.get(&["issue", self.checked(key)?, "comment"], &query).await?;
        Ok(notes.comments)
    }
}

impl TaskSink for Jira {
    fn name(&self) -> &str {
        &self.name
    }

    fn format(&self) -> TaskFormat {
        if self.cloud { TaskFormat::Adf } else { TaskFormat::Plain }
    }

    fn find<'a>(&'a self, marker: &'a Marker, since: i64) -> Pending<'a, Vec<Task>> {
        Box::pin(async move {
            let mut issues = self.since(since).await?;
            issues.retain(|issue| marked(issue).as_ref() == Some(marker));
            let order = |i: &Issue| (when::seconds(&i.fields.created), i.key.len(), i.key.clone());
            issues.sort_by_key(order);
            issues.dedup_by(|a, b| a.key == b.key);
            issues.iter().map(|issue| self.task(issue)).collect()
        })
    }

    fn create<'a>(&'a self, text: &'a TaskText) -> Pending<'a, Task> {
        Box::pin(async move {
            #[derive(Deserialize)]
            struct Made {
                key: String,
            }
            let fields = json!({
                "project": { "key": self.project },
                "issuetype": { "name": self.kind },
                "summary": line(&text.title),
                "description": self.document(&text.body, None)?,
                "labels": words(text),
            });
            let property = json!([{ "key": PROPERTY, "value": text.marker.as_str() }]);
            let make = |fields: &Value| json!({ "fields": fields, "properties": property });
            let answer = self.with_due(Method::POST, &["issue"], &fields, text.due, make).await?;
            let made: Made = answer.json()?;
            self.see(&made.key).await?.ok_or(TrackerError::Broken("what it says it made is not there"))
        })
    }

    fn see<'a>(&'a self, key: &'a str) -> Pending<'a, Option<Task>> {
        Box::pin(async move {
            let query = [("fields", FIELDS.join(",")), ("expand", "changelog".to_owned())];
            let query = query.each_ref().map(|(name, value)| (*name, value.as_str()));
            let issue = none_if_gone(self.get::<Issue>(&["issue", self.checked(key)?], &query).await)?;
            issue.map(|issue| self.task(&issue)).transpose()
        })
    }

    fn write<'a>(&'a self, key: &'a str, text: &'a TaskText) -> Pending<'a, ()> {
        Box::pin(async move {
            let added: Vec<Value> = words(text).into_iter().map(|label| json!({ "add": label })).collect();
            let fields = json!({ "summary": line(&text.title), "description": self.document(&text.body, None)? });
            let make = |fields: &Value| json!({ "fields": fields, "update": { "labels": added } });
            self.with_due(Method::PUT, &["issue", self.checked(key)?], &fields, text.due, make).await?;
            Ok(())
        })
    }

    fn comments<'a>(&'a self, key: &'a str, since: i64) -> Pending<'a, Vec<Comment>> {
        Box::pin(async move {
            let mut all = Vec::new();
            for page in 0..PAGES {
                let notes = self.notes(key, page).await?;
                let before = notes.iter().any(|n| when::seconds(&n.created).is_some_and(|at| at < since));
                let last = notes.len() < COMMENTS;
                all.extend(notes.iter().filter_map(|note| self.comment_of(note)).filter(|c| c.at >= since));
                if last || before {
                    all.reverse();
                    return Ok(all);
                }
            }
            Err(TrackerError::Broken("it has pages without end"))
        })
    }

    fn comment<'a>(&'a self, key: &'a str, body: &'a str, marker: &'a Marker) -> Pending<'a, String> {
        Box::pin(async move {
            let account = self.account().await?;
            let own = |n: &&Note| {
                n.author.as_ref().and_then(User::named) == Some(account) && marker_of(&n.body).as_ref() == Some(marker)
            };
            if let Some(note) = self.notes(key, 0).await?.iter().find(own) {
                return Ok(note.id.clone());
            }
            let body = json!({ "body": self.document(body, Some(marker))? });
            let steps = ["issue", self.checked(key)?, "comment"];
            let note: Note = self.send(Method::POST, &steps, &[], Some(body)).await?.json()?;
            Ok(note.id)
        })
    }

    fn set_open<'a>(&'a self, key: &'a str, open: bool) -> Pending<'a, ()> {
        Box::pin(async move {
            let now = self.see(key).await?.ok_or(TrackerError::Gone)?;
            if now.open == open {
                return Ok(());
            }
            let steps = ["issue", self.checked(key)?, "transitions"];
            let all: Transitions = self.get(&steps, &[]).await?;
            let verb = if open { "reopens" } else { "closes" };
            let way = all.transitions.into_iter().find(|t| t.to.open() == open).ok_or(TrackerError::Workflow(verb))?;
            let body = json!({ "transition": { "id": way.id } });
            self.send(Method::POST, &steps, &[], Some(body)).await?;
            Ok(())
        })
    }

    fn changed(&self, since: i64) -> Pending<'_, Vec<String>> {
        Box::pin(async move {
            let mut issues = self.since(since).await?;
            issues.retain(|i| marked(i).is_some() && when::seconds(&i.fields.updated).is_some_and(|at| at >= since));
            let keys: BTreeSet<String> = issues.into_iter().map(|issue| issue.key).collect();
            Ok(keys.into_iter().collect())
        })
    }
}

/// Whether Jira allows it as a project's key.
fn is_project(key: &str) -> bool {
    let first = key.bytes().next().is_some_and(|b| b.is_ascii_uppercase());
    first && key.len() <= 64 && key.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// A title: Jira takes one line of up to 255 characters.
fn line(title: &str) -> String {
    fitted(title, 250).replace(['\n', '\r'], " ")
}

/// Labels, which have no space in Jira.
fn words(text: &TaskText) -> Vec<String> {
    labels(text).iter().map(|label| label.replace(char::is_whitespace, "-")).collect()
}

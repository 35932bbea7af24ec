//! Issues of a project on GitLab.
//!
//! <https://docs.gitlab.com/api/issues/>: `POST /projects/ID/issues`; `GET` and `PUT …/issues/IID`, with `add_labels` and
//! `state_event`; the list takes `scope`, `state`, `author_username`, `updated_after`, `search` and `in`. `closed_by` names who
//! closed an issue. <https://docs.gitlab.com/api/notes/>: `…/issues/IID/notes` with `sort` and `order_by`; what GitLab writes
//! itself is `system`. <https://docs.gitlab.com/api/rest/authentication/>: the header `PRIVATE-TOKEN`. Accounts of tokens of
//! projects and groups are called `project_ID_bot_…` and `group_ID_bot_…`
//! (<https://docs.gitlab.com/user/project/settings/project_access_tokens/>).
//!
//! A line of a text that begins with `/` may be a command to GitLab (quick actions), so it gets a backslash before it.

use http::Method;
use http::header::{HeaderMap, HeaderName};
use reqwest::ClientBuilder;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

use super::wire::{PAGES, Wire, none_if_gone, same_host, secret_header};
use super::{
    Account, Comment, LABEL, Marker, Pending, Task, TaskFormat, TaskSink, TaskText, TrackerError, fitted, labels, when,
};

/// The longest description or note, in characters: GitLab takes a million; nobody reads more than this.
const BODY: usize = 100_000;
/// Issues, or notes, on a page.
const PAGE: usize = 20;

/// A project whose issues are tasks.
pub struct Gitlab {
    name: String,
    wire: Wire,
    project: String,
    headers: HeaderMap,
    user: OnceCell<String>,
}

/// What of an issue is read.
#[derive(Deserialize)]
struct Issue {
    iid: u64,
    web_url: String,
    state: String,
    description: Option<String>,
    author: Option<User>,
    closed_by: Option<User>,
    created_at: String,
    updated_at: String,
    #[serde(default)]
    labels: Vec<String>,
}

#[derive(Deserialize)]
struct User {
    username: String,
    #[serde(default)]
    bot: bool,
}

#[derive(Deserialize)]
struct Note {
    id: u64,
    body: String,
    author: Option<User>,
    created_at: String,
    updated_at: String,
    #[serde(default)]
    system: bool,
}

impl User {
    fn account(&self) -> Option<Account> {
        Account::new("gitlab", &self.username, self.bot || is_bot(&self.username))
    }
}

/// Whether GitLab gives such names to programs alone.
fn is_bot(name: &str) -> bool {
    let of = |kind: &str| {
        let rest = name.strip_prefix(kind).map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        rest.is_some_and(|rest| rest == "_bot" || rest.starts_with("_bot"))
    };
    of("project_") || of("group_") || name.starts_with("service_account_") || name.ends_with("-bot")
}

impl Gitlab {
    /// A project by its number or its path `GROUP/NAME`; the address is `https://HOST`, without `/api/v4`. The token needs the
    /// scope `api`.
    ///
    /// # Errors
    /// Where the address has no TLS and is not this machine, or the token cannot be sent.
    pub fn new(
        name: &str,
        client: ClientBuilder,
        address: &str,
        project: &str,
        token: &str,
    ) -> Result<Self, TrackerError> {
        let wire = Wire::new(client, address)?;
        let plain = |part: &str| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            !part.is_empty() && part != "." && part != ".." && part.bytes().all(allowed)
        };
        if !project.split('/').all(plain) {
            return Err(TrackerError::Settings(
                "tasks on GitLab go to a project: `GROUP/NAME` or its number".to_owned(),
            ));
        }
        let headers = HeaderMap::from_iter([(HeaderName::from_static("private-token"), secret_header(token.trim())?)]);
        Ok(Self { name: name.to_owned(), wire, project: project.to_owned(), headers, user: OnceCell::new() })
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        steps: &[&str],
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<T, TrackerError> {
        let url = self.wire.url(&[&["api", "v4"], steps].concat(), query);
        let body = body.map(|body| body.to_string().into_bytes());
        self.wire.ask(method, url, self.headers.clone(), body).await?.json()
    }

    async fn user(&self) -> Result<&str, TrackerError> {
        let asked = self.user.get_or_try_init(|| async {
            Ok::<_, TrackerError>(self.ask::<User>(Method::GET, &["user"], &[], None).await?.username)
        });
        Ok(asked.await?.as_str())
    }

    async fn issue(&self, method: Method, key: &str, body: Option<Value>) -> Result<Issue, TrackerError> {
        self.ask(method, &["projects", &self.project, "issues", checked(key)?], &[], body).await
    }

    fn task(&self, issue: &Issue) -> Result<Task, TrackerError> {
        let url = Url::parse(&issue.web_url).ok().filter(|url| same_host(url, self.wire.base()));
        let url = url.ok_or(TrackerError::Broken("a task's URL is not on the tracker's host"))?;
        let open = match issue.state.as_str() {
            "opened" | "reopened" => true,
            "closed" => false,
            _ => return Err(TrackerError::Broken("a task is neither open nor closed")),
        };
        let updated = when::seconds(&issue.updated_at).ok_or(TrackerError::Broken("a task has no time"))?;
        let closed_by = issue.closed_by.as_ref().filter(|_| !open).and_then(User::account);
        Ok(Task { key: issue.iid.to_string(), url: url.into(), open, closed_by, updated })
    }

    /// The issues that quell's account opened, by when they were, of those that a filter names.
    async fn own(&self, filter: &[(&str, &str)]) -> Result<Vec<Issue>, TrackerError> {
        let user = self.user().await?;
        let size = PAGE.to_string();
        let fixed = [
            ("scope", "all"),
            ("state", "all"),
            ("author_username", user),
            ("order_by", "created_at"),
            ("sort", "asc"),
            ("per_page", &size),
        ];
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let page = page.to_string();
            let query = [&fixed, filter, &[("page", &page)]].concat();
            let issues: Vec<Issue> =
                self.ask(Method::GET, &["projects", &self.project, "issues"], &query, None).await?;
            let last = issues.len() < PAGE;
            all.extend(issues.into_iter().filter(|i| i.author.as_ref().is_some_and(|a| a.username == user)));
            if last {
                return Ok(all);
            }
        }
        Err(TrackerError::Broken("it has pages without end"))
    }

    /// A page of an issue's notes, newest first.
    async fn notes(&self, key: &str, order: &str, page: usize) -> Result<Vec<Note>, TrackerError> {
        let (size, page) = (PAGE.to_string(), page.to_string());
        let query = [("sort", "desc"), ("order_by", order), ("per_page", &size), ("page", &page)];
        self.ask(Method::GET, &["projects", &self.project, "issues", checked(key)?, "notes"], &query, None).await
    }
}

fn checked(key: &str) -> Result<&str, TrackerError> {
    let digits = !key.is_empty() && key.len() <= 19 && key.bytes().all(|b| b.is_ascii_digit());
    if digits { Ok(key) } else { Err(TrackerError::Key) }
}

/// A text of which no line is a command.
fn inert(text: &str) -> String {
    let line = |line: &str| {
        let space = line.len() - line.trim_start().len();
        let (space, rest) = line.split_at(space);
        if rest.starts_with('/') { format!("{space}\\{rest}") } else { line.to_owned() }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn fields(text: &TaskText, labels_key: &str) -> Value {
    // Labels are a list with commas between.
    let labels: Vec<String> = labels(text).iter().map(|label| label.replace(',', " ")).collect();
    let mut fields = json!({
        "title": fitted(&text.title, 250),
        "description": text.marker.markdown(fitted(&inert(&text.body), BODY)),
        labels_key: labels.join(","),
    });
    if let (Some(due), Some(fields)) = (text.due, fields.as_object_mut()) {
        fields.insert("due_date".to_owned(), when::day(due).into());
    }
    fields
}

fn has(text: Option<&str>, marker: &Marker) -> bool {
    text.and_then(Marker::in_markdown).as_ref() == Some(marker)
}

impl TaskSink for Gitlab {
    fn name(&self) -> &str {
        &self.name
    }

    fn format(&self) -> TaskFormat {
        TaskFormat::Markdown
    }

    fn find<'a>(&'a self, marker: &'a Marker, since: i64) -> Pending<'a, Vec<Task>> {
        Box::pin(async move {
            let mut issues = self.own(&[("updated_after", &when::stamp(since))]).await?;
            issues.extend(self.own(&[("search", marker.as_str()), ("in", "description")]).await?);
            issues.retain(|issue| has(issue.description.as_deref(), marker));
            issues.sort_by(|a, b| (&a.created_at, a.iid).cmp(&(&b.created_at, b.iid)));
            issues.dedup_by_key(|issue| issue.iid);
            issues.iter().map(|issue| self.task(issue)).collect()
        })
    }

    fn create<'a>(&'a self, text: &'a TaskText) -> Pending<'a, Task> {
        Box::pin(async move {
            let steps = ["projects", &self.project, "issues"];
            let issue: Issue = self.ask(Method::POST, &steps, &[], Some(fields(text, "labels"))).await?;
            self.task(&issue)
        })
    }

    fn see<'a>(&'a self, key: &'a str) -> Pending<'a, Option<Task>> {
        Box::pin(async move {
            let issue = none_if_gone(self.issue(Method::GET, key, None).await)?;
            issue.map(|issue| self.task(&issue)).transpose()
        })
    }

    fn write<'a>(&'a self, key: &'a str, text: &'a TaskText) -> Pending<'a, ()> {
        Box::pin(async move {
            self.issue(Method::PUT, key, Some(fields(text, "add_labels"))).await?;
            Ok(())
        })
    }

    fn comments<'a>(&'a self, key: &'a str, since: i64) -> Pending<'a, Vec<Comment>> {
        Box::pin(async move {
            let mut all = Vec::new();
            for page in 1..=PAGES {
                let notes = self.notes(key, "created_at", page).await?;
                let last = notes.len() < PAGE;
                let before = notes.iter().any(|n| when::seconds(&n.created_at).is_some_and(|at| at < since));
                all.extend(notes.into_iter().filter_map(comment).filter(|comment| comment.at >= since));
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
            let user = self.user().await?;
            let notes = self.notes(key, "created_at", 1).await?;
            let own = |n: &&Note| n.author.as_ref().is_some_and(|a| a.username == user) && has(Some(&n.body), marker);
            if let Some(note) = notes.iter().find(own) {
                return Ok(note.id.to_string());
            }
            let body = json!({ "body": marker.markdown(fitted(&inert(body), BODY)) });
            let steps = ["projects", &self.project, "issues", checked(key)?, "notes"];
            let note: Note = self.ask(Method::POST, &steps, &[], Some(body)).await?;
            Ok(note.id.to_string())
        })
    }

    fn set_open<'a>(&'a self, key: &'a str, open: bool) -> Pending<'a, ()> {
        Box::pin(async move {
            if self.task(&self.issue(Method::GET, key, None).await?)?.open == open {
                return Ok(());
            }
            let body = json!({ "state_event": if open { "reopen" } else { "close" } });
            let task = self.task(&self.issue(Method::PUT, key, Some(body)).await?)?;
            if task.open == open { Ok(()) } else { Err(TrackerError::Broken("the task has another state")) }
        })
    }

    fn changed(&self, since: i64) -> Pending<'_, Vec<String>> {
        Box::pin(async move {
            let issues = self.own(&[("updated_after", &when::stamp(since))]).await?;
            let ours = |i: &&Issue| {
                i.description.as_deref().and_then(Marker::in_markdown).is_some() || i.labels.iter().any(|l| l == LABEL)
            };
            Ok(issues.iter().filter(ours).map(|issue| issue.iid.to_string()).collect())
        })
    }
}

/// A comment, where a person or a program wrote it and not GitLab itself.
fn comment(note: Note) -> Option<Comment> {
    let account = note.author.as_ref().filter(|_| !note.system)?.account()?;
    let at = when::seconds(&note.created_at)?;
    let own = Marker::in_markdown(&note.body).is_some();
    Some(Comment {
        id: note.id.to_string(),
        account,
        at,
        edited: note.created_at != note.updated_at,
        own,
        text: note.body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_a_command() {
        assert_eq!(inert("a\n/close\n  /assign @kim\nb/c"), "a\n\\/close\n  \\/assign @kim\nb/c");
    }

    #[test]
    fn programs_are_told_by_their_names() {
        for (name, bot) in [
            ("project_17_bot_3f", true),
            ("group_4_bot", true),
            ("service_account_group_1_a", true),
            ("support-bot", true),
            ("kim", false),
            ("project_manager", false),
            ("abbot", false),
        ] {
            assert_eq!(is_bot(name), bot, "{name}");
        }
    }
}

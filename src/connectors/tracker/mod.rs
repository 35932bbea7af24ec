//! Where tasks are opened for the people who own a credential: GitHub, GitLab, Jira, or plain files.
//!
//! A [`TaskSink`] opens one task a case, finds it again by its [`Marker`], keeps its text as the case moves, comments on it,
//! closes and reopens it, and reads what people say there. It decides nothing: what a comment may do is for the caller, and
//! every text comes ready from the caller, escaped for the tracker's format.
//!
//! What a tracker answers is hostile. A page has its limit, a list has its pages, a request has its time, nothing is
//! followed elsewhere, and a task's URL must lie on the tracker's own host. Nothing that makes something is sent twice: after
//! a failure the caller looks with [`TaskSink::find`] first. What only reads is asked once more where the tracker fails.

mod adf;
mod files;
mod github;
mod gitlab;
mod jira;
mod marker;
mod when;
mod wire;

use std::future::Future;
use std::pin::Pin;

pub use files::Files;
pub use github::{Github, GithubAuth};
pub use gitlab::Gitlab;
pub use jira::{Jira, JiraAuth};
pub use marker::Marker;

/// The label that every task of quell's has.
pub const LABEL: &str = "quell";

/// A future of a tracker. It must run on a runtime with a clock and with input and output, and all futures of one tracker on
/// the same one.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, TrackerError>> + Send + 'a>>;

/// How bodies and comments are written for a tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskFormat {
    /// Markdown.
    Markdown,
    /// The Atlassian Document Format: JSON of a whole document.
    Adf,
    /// Plain text, of which nothing is marked up.
    Plain,
}

/// What a task says.
#[derive(Clone, Debug)]
pub struct TaskText {
    /// One line.
    pub title: String,
    /// In the tracker's [`TaskFormat`], without the marker. What is too long for a tracker is cut at its
    /// end; a document of Jira's is not, and has at most 32,767 characters.
    pub body: String,
    /// Labels to have beside [`LABEL`]. Others stay.
    pub labels: Vec<String>,
    /// The day it is due, as seconds since 1970 UTC; none changes nothing. GitHub has no field for it, and a project in Jira
    /// may have none.
    pub due: Option<i64>,
    /// What it is found again by.
    pub marker: Marker,
}

/// A task as the tracker has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What the tracker calls it: `42`, `SEC-42`, `Q-17`.
    pub key: String,
    /// Where people see it: on the tracker's own host.
    pub url: String,
    /// Whether it is open.
    pub open: bool,
    /// Who closed it, where it is closed and the tracker says so.
    pub closed_by: Option<Account>,
    /// When it changed last, in seconds since 1970 UTC.
    pub updated: i64,
}

/// An account of a tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// `github:LOGIN`, `gitlab:USERNAME`, `jira:ACCOUNT-ID` (of Data Center: its user name), as a registered principal names it.
    /// One line without control characters.
    pub name: String,
    /// Whether a program acts by it, as far as the tracker tells.
    pub bot: bool,
}

impl Account {
    /// An account by what a tracker calls it. What no account can be called gives none.
    fn new(tracker: &str, name: &str, bot: bool) -> Option<Self> {
        let plain = !name.is_empty() && name.len() <= 255 && !name.chars().any(|c| c.is_control() || c.is_whitespace());
        plain.then(|| Self { name: format!("{tracker}:{name}"), bot })
    }
}

/// A comment on a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// What the tracker calls it.
    pub id: String,
    /// Who wrote it.
    pub account: Account,
    /// When it was written, in seconds since 1970 UTC.
    pub at: i64,
    /// Whether it was changed after it was written.
    pub edited: bool,
    /// Whether it begins with a marker of quell's. People who copy one are not heard.
    pub own: bool,
    /// What it says: Markdown as it was written; of the Document Format its text, a line a block, with `> ` before quoted lines
    /// and four spaces before lines of code. Hostile.
    pub text: String,
}

/// A tracker of tasks.
pub trait TaskSink: Send + Sync {
    /// What the configuration calls it.
    fn name(&self) -> &str;

    /// How its bodies and comments are written.
    fn format(&self) -> TaskFormat;

    /// Every task that has the marker and that quell's own account opened, oldest first. A search may lag, so what was opened
    /// since `since` (seconds since 1970 UTC) is listed too.
    fn find<'a>(&'a self, marker: &'a Marker, since: i64) -> Pending<'a, Vec<Task>>;

    /// Opens a task. It is sent once: look with [`Self::find`] before it is tried again.
    fn create<'a>(&'a self, text: &'a TaskText) -> Pending<'a, Task>;

    /// A task as it is now; none where it is gone or may not be seen.
    fn see<'a>(&'a self, key: &'a str) -> Pending<'a, Option<Task>>;

    /// Writes title, body and due date, and adds labels. Labels and assignees of people stay.
    fn write<'a>(&'a self, key: &'a str, text: &'a TaskText) -> Pending<'a, ()>;

    /// The comments that were written since, oldest first. What the tracker itself notes is left out.
    fn comments<'a>(&'a self, key: &'a str, since: i64) -> Pending<'a, Vec<Comment>>;

    /// Comments on a task, and gives what the tracker calls the comment. Where one of the last comments of quell's own account
    /// has the marker, that one stays alone.
    fn comment<'a>(&'a self, key: &'a str, body: &'a str, marker: &'a Marker) -> Pending<'a, String>;

    /// Opens or closes a task; nothing happens where it already is so.
    fn set_open<'a>(&'a self, key: &'a str, open: bool) -> Pending<'a, ()>;

    /// The keys of quell's tasks that changed since: commented, closed, edited.
    fn changed(&self, since: i64) -> Pending<'_, Vec<String>>;
}

/// Why a tracker did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrackerError {
    /// What is configured cannot be used.
    #[error("{0}")]
    Settings(String),
    /// A key that this tracker never gave.
    #[error("this is no key of a task there")]
    Key,
    /// No connection, or one that breaks or takes too long.
    #[error("the tracker cannot be reached: {0}")]
    Unreachable(String),
    /// It fails by itself.
    #[error("the tracker answers {0}, which is its own fault; it is asked again later")]
    Failing(u16),
    /// Too many requests.
    #[error("the tracker allows no more requests for now")]
    Limited {
        /// After how many seconds it does, where it says so.
        after: Option<u64>,
    },
    /// It does not allow this, or not in this form.
    #[error("the tracker answers {0}: the token is not valid, or may not do this, or the project does not take it so")]
    Refused(u16),
    /// The task or the project is not there, or may not be seen.
    #[error("the tracker has no such task or project, or does not show it to this token")]
    Gone,
    /// The project's workflow has no way there.
    #[error("the project's workflow has no step that {0} this task: add one that quell's account may take")]
    Workflow(&'static str),
    /// An answer that is not what its documentation says.
    #[error("the tracker's answer is broken: {0}")]
    Broken(&'static str),
    /// A folder of tasks that cannot be read or written.
    #[error("the folder of tasks: {0}")]
    Folder(String),
}

impl TrackerError {
    /// How many seconds to wait at least before anything else is asked. A minute where the tracker says nothing, as GitHub
    /// asks for.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Limited { after } => Some(after.unwrap_or(60)),
            _ => None,
        }
    }

    /// Whether trying again helps nobody until a person has changed something.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Settings(_) | Self::Key | Self::Refused(_) | Self::Gone | Self::Workflow(_))
    }
}

/// A text of at most so many characters, cut at its end.
fn fitted(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(end, _)| text.get(..end).unwrap_or_default())
}

/// The labels of a text with quell's own, each once.
fn labels(text: &TaskText) -> Vec<&str> {
    let mut all = vec![LABEL];
    for label in &text.labels {
        if !all.contains(&label.as_str()) {
            all.push(label);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_whether_to_try_again() {
        assert_eq!(TrackerError::Limited { after: None }.retry_after(), Some(60));
        assert_eq!(TrackerError::Limited { after: Some(7) }.retry_after(), Some(7));
        assert_eq!(TrackerError::Gone.retry_after(), None);
        for permanent in [TrackerError::Refused(401), TrackerError::Gone, TrackerError::Key] {
            assert!(permanent.is_permanent());
        }
        for passing in [TrackerError::Failing(500), TrackerError::Broken("x"), TrackerError::Limited { after: None }] {
            assert!(!passing.is_permanent());
        }
    }

    #[test]
    fn texts_are_cut_between_characters_and_accounts_are_one_word() {
        assert_eq!((fitted("häß", 2), fitted("ab", 2), fitted("", 2)), ("hä", "ab", ""));
        assert_eq!(Account::new("github", "kim", false).unwrap().name, "github:kim");
        for bad in ["", "a b", "a\nb", "a\u{202e}\u{7}"] {
            assert_eq!(Account::new("github", bad, false), None, "{bad:?}");
        }
    }
}

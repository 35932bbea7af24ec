//! The parts of the trusted configuration that say whom quell talks to about cases: `[[task]]`, `[[notice]]` and `[mail]`.

use std::path::PathBuf;

use serde::Deserialize;

/// `[[task]]`: where tasks are opened.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct TaskConfig {
    /// What it is called.
    pub(in crate::cli) name: String,
    /// `github`, `gitlab`, `jira`, `files`.
    pub(in crate::cli) kind: String,
    /// `owner/repository`, the path of a GitLab project, the key of a Jira project.
    pub(in crate::cli) project: Option<String>,
    /// The address of the API, or of the instance.
    pub(in crate::cli) url: Option<String>,
    /// A file with the token.
    pub(in crate::cli) token_file: Option<PathBuf>,
    /// Jira Cloud: the account's address that the token is of.
    pub(in crate::cli) user: Option<String>,
    /// Jira: the type of issues.
    pub(in crate::cli) issue_type: Option<String>,
    /// GitHub App: its number, and that of its installation; `token_file` has its private key.
    pub(in crate::cli) app: Option<u64>,
    /// As above.
    pub(in crate::cli) installation: Option<u64>,
    /// Files: the folder.
    pub(in crate::cli) folder: Option<PathBuf>,
    /// The teams that work there; none for everybody.
    #[serde(default)]
    pub(in crate::cli) teams: Vec<String>,
    /// Whether it takes what has no owner.
    #[serde(default)]
    pub(in crate::cli) security: bool,
    /// The least severity that has a task.
    pub(in crate::cli) from: Option<String>,
    /// Whether commands are heard in comments.
    pub(in crate::cli) commands: Option<bool>,
}

/// `[[notice]]`: how people are told, and of what.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct NoticeConfig {
    /// What it is called.
    pub(in crate::cli) name: String,
    /// Addresses that mail goes to.
    #[serde(default)]
    pub(in crate::cli) mail: Vec<String>,
    /// The URL of a webhook.
    pub(in crate::cli) webhook: Option<String>,
    /// Files with its secrets: `whsec_…`; two while one is changed.
    #[serde(default)]
    pub(in crate::cli) secret_files: Vec<PathBuf>,
    /// A file with the URL of a webhook of Slack's kind, which is a secret.
    pub(in crate::cli) slack_file: Option<PathBuf>,
    /// The teams whose credentials it tells of; none for every team's.
    #[serde(default)]
    pub(in crate::cli) teams: Vec<String>,
    /// Whether it reaches the owner.
    pub(in crate::cli) owner: Option<bool>,
    /// Whether it takes what reaches no owner.
    #[serde(default)]
    pub(in crate::cli) security: bool,
    /// Tiers; none for all.
    #[serde(default)]
    pub(in crate::cli) tiers: Vec<String>,
    /// The least severity.
    pub(in crate::cli) from: Option<String>,
    /// Kinds of notices; none for all.
    #[serde(default)]
    pub(in crate::cli) kinds: Vec<String>,
    /// Hours in which nothing is sent but what is critical: `22:00-07:00`.
    pub(in crate::cli) quiet: Option<String>,
    /// Whether Saturdays and Sundays are quiet.
    #[serde(default)]
    pub(in crate::cli) quiet_weekends: bool,
    /// The time of day of a digest.
    pub(in crate::cli) digest: Option<String>,
    /// How far these times are from UTC: `+01:00`.
    pub(in crate::cli) offset: Option<String>,
    /// After how long without an acknowledgement somebody else is told.
    pub(in crate::cli) escalate_after: Option<String>,
    /// Who: another notice's name.
    pub(in crate::cli) escalate_to: Option<String>,
}

/// `[mail]`: the server that mail goes by.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct MailConfig {
    /// `HOST:PORT`.
    pub(in crate::cli) server: Option<String>,
    /// `starttls`, `tls`, or `none` for this machine.
    pub(in crate::cli) tls: Option<String>,
    /// Who writes.
    pub(in crate::cli) from: Option<String>,
    /// Who logs in.
    pub(in crate::cli) user: Option<String>,
    /// A file with the password.
    pub(in crate::cli) password_file: Option<PathBuf>,
}

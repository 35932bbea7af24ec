//! Trackers, and ways to tell people, as the configuration names them.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use reqwest::{Certificate, Client, ClientBuilder, Proxy};
use zeroize::Zeroizing;

use super::config::outside::{NoticeConfig, TaskConfig};
use super::config::{Config, word};
use super::remote::own::authorities;
use super::{run, state};
use crate::connectors::notice::{Mail, MailServer, MailTls, Notifier, Slack, Webhook};
use crate::connectors::tracker::{Files, Github, GithubAuth, Gitlab, Jira, JiraAuth, TaskSink};
use crate::model::action::Tier;
use crate::model::event::NoticeKind;
use crate::model::{Secret, Severity};
use crate::orchestrate::outside::{Channel, Tracker};
use crate::orchestrate::routes::{self, Daily, Minute, Offset, Quiet, Route};

/// Where GitHub's API is, where nothing else is said.
const GITHUB: &str = "https://api.github.com";
/// The folder of tasks below the state folder, where no tracker is named.
const FOLDER: &str = "tasks";

/// Everything outside that the configuration names.
pub(super) struct Parts {
    pub(super) trackers: Vec<Tracker>,
    pub(super) channels: Vec<Channel>,
}

impl Parts {
    /// Reads the configuration. Nothing is connected to yet.
    pub(super) fn new(config: &Config) -> Result<Self> {
        let pem = authorities(config.network.ca_file.as_deref())?;
        let mut trackers = Vec::new();
        for one in &config.task {
            let tracker = tracker(one, config, pem.as_deref());
            let tracker = tracker.with_context(|| format!("[[task]] `{}`", one.name))?;
            if trackers.iter().any(|known: &Tracker| known.sink.name() == tracker.sink.name()) {
                bail!("[[task]]: two have the name `{}`\n  help: tasks are known by it; give each its own", one.name);
            }
            trackers.push(tracker);
        }
        if config.task.is_empty() {
            trackers.extend(own()?);
        }
        let mut channels = Vec::new();
        for one in &config.notice {
            let channel = channel(one, config, pem.as_deref());
            channels.push(channel.with_context(|| format!("[[notice]] `{}`", one.name))?);
        }
        let all: Vec<Route> = channels.iter().map(|channel: &Channel| channel.route.clone()).collect();
        routes::check(&all).map_err(|e| anyhow!("[[notice]]: {e}"))?;
        Ok(Self { trackers, channels })
    }
}

/// Files in the state folder, for the security team: whoever has no tracker has tasks all the same.
fn own() -> Result<Option<Tracker>> {
    let Some(folder) = state::folder().map(|folder| folder.join(FOLDER)) else { return Ok(None) };
    state::make_folder(&folder).with_context(|| format!("`{}` cannot be made", folder.display()))?;
    let sink = Files::new("files", &folder)?;
    Ok(Some(Tracker { sink: Box::new(sink), teams: Vec::new(), security: true, from: Severity::Info, commands: false }))
}

fn tracker(one: &TaskConfig, config: &Config, pem: Option<&[u8]>) -> Result<Tracker> {
    named(&one.name)?;
    only_its_own(one)?;
    let project = || one.project.as_deref().context("it needs a project\n  help: name it as `project`");
    let url = || {
        one.url.as_deref().context("it needs an address\n  help: name it as `url`, such as https://gitlab.example.com")
    };
    let sink: Box<dyn TaskSink> = match one.kind.as_str() {
        "github" => {
            let auth = match (one.app, one.installation) {
                (Some(id), Some(installation)) => {
                    GithubAuth::App { id, key: bytes(one.token_file.as_deref())?.to_vec(), installation }
                }
                (None, None) => GithubAuth::Token(line(one.token_file.as_deref())?),
                _ => bail!(
                    "an App has both a number and that of its installation\n  help: name `app` and `installation`"
                ),
            };
            let api = one.url.as_deref().unwrap_or(GITHUB);
            Box::new(Github::new(&one.name, client(config, pem)?, api, project()?, auth)?)
        }
        "gitlab" => {
            let token = line(one.token_file.as_deref())?;
            Box::new(Gitlab::new(&one.name, client(config, pem)?, url()?, project()?, &token)?)
        }
        "jira" => {
            let token = line(one.token_file.as_deref())?;
            let auth = match &one.user {
                Some(user) => JiraAuth::Cloud { email: user.clone(), token },
                None => JiraAuth::DataCenter { token },
            };
            let kind = one.issue_type.as_deref().unwrap_or("Task");
            Box::new(Jira::new(&one.name, client(config, pem)?, url()?, project()?, kind, auth)?)
        }
        "files" => {
            let folder = one.folder.as_deref().context("it needs a folder\n  help: name it as `folder`")?;
            Box::new(Files::new(&one.name, folder)?)
        }
        other => bail!("there is no kind `{other}`\n  help: write github, gitlab, jira or files"),
    };
    let from = one.from.as_deref().map_or(Ok(Severity::Info), severity)?;
    let commands = one.commands.unwrap_or(one.kind != "files");
    Ok(Tracker { sink, teams: one.teams.clone(), security: one.security, from, commands })
}

/// That a tracker has no key of another kind: whoever wrote it expects it to do something.
fn only_its_own(one: &TaskConfig) -> Result<()> {
    let all: [(&str, bool, &[&str]); 8] = [
        ("project", one.project.is_some(), &["github", "gitlab", "jira"]),
        ("url", one.url.is_some(), &["github", "gitlab", "jira"]),
        ("token_file", one.token_file.is_some(), &["github", "gitlab", "jira"]),
        ("user", one.user.is_some(), &["jira"]),
        ("issue_type", one.issue_type.is_some(), &["jira"]),
        ("app", one.app.is_some(), &["github"]),
        ("installation", one.installation.is_some(), &["github"]),
        ("folder", one.folder.is_some(), &["files"]),
    ];
    // A kind that is none is told for itself.
    let is_known = all.iter().any(|(.., kinds)| kinds.contains(&one.kind.as_str()));
    for (key, is_there, kinds) in all.into_iter().filter(|_| is_known) {
        if is_there && !kinds.contains(&one.kind.as_str()) {
            bail!(
                "`{key}` says nothing for the kind `{}`\n  help: take it out; it is for {}",
                one.kind,
                kinds.join(", ")
            );
        }
    }
    Ok(())
}

fn channel(one: &NoticeConfig, config: &Config, pem: Option<&[u8]>) -> Result<Channel> {
    named(&one.name)?;
    let notifier: Box<dyn Notifier> = match (&one.webhook, &one.slack_file, one.mail.is_empty()) {
        (Some(url), None, true) => {
            let secrets = one.secret_files.iter().map(|file| secret(Some(file))).collect::<Result<Vec<_>>>()?;
            Box::new(Webhook::new(url, &secrets, pem)?)
        }
        (None, Some(file), true) => Box::new(Slack::new(&secret(Some(file))?, pem)?),
        (None, None, false) => Box::new(mail(one, config, pem)?),
        _ => bail!("it goes one way\n  help: name `mail`, `webhook` or `slack_file`, and one of them alone"),
    };
    Ok(Channel { route: route(one)?, notifier })
}

fn mail(one: &NoticeConfig, config: &Config, pem: Option<&[u8]>) -> Result<Mail> {
    let mail = &config.mail;
    let (Some(server), Some(from)) = (&mail.server, &mail.from) else {
        bail!("mail goes by a server\n  help: name `server` and `from` under [mail]");
    };
    let tls = mail.tls.as_deref().unwrap_or("starttls");
    let tls = word(
        "kind of TLS",
        tls,
        &[("starttls", MailTls::StartTls), ("tls", MailTls::Implicit), ("none", MailTls::None)],
    )?;
    let place = crate::verify::endpoints::host_and_port(server);
    let Some((host, port)) = place else { bail!("[mail]: `{server}` is no server\n  help: write HOST:PORT") };
    let port = port.unwrap_or(if tls == MailTls::Implicit { 465 } else { 587 });
    let login = match (&mail.user, &mail.password_file) {
        (Some(user), file) => Some((user.clone(), secret(file.as_deref())?)),
        (None, _) => None,
    };
    let host = host.to_string().trim_matches(['[', ']']).to_owned();
    Ok(Mail::new(MailServer { host, port, tls, login }, from, &one.mail, pem)?)
}

fn route(one: &NoticeConfig) -> Result<Route> {
    let offset = one.offset.as_deref().map(str::parse::<Offset>).transpose()?.unwrap_or_default();
    let hours = one.quiet.as_deref().map(routes::hours).transpose()?;
    let quiet = match hours {
        Some((from, to)) => Some(Quiet { from, to, offset, weekends: one.quiet_weekends }),
        None if one.quiet_weekends => {
            Some(Quiet { from: Minute::default(), to: Minute::default(), offset, weekends: true })
        }
        None => None,
    };
    let digest = one.digest.as_deref().map(str::parse::<Minute>).transpose()?.map(|at| Daily { at, offset });
    let tiers = [Tier::Watch, Tier::Approval, Tier::Quarantine, Tier::Automatic].map(|tier| (tier.as_str(), tier));
    let kinds = NoticeKind::ALL.map(|kind| (kind.as_str(), kind));
    Ok(Route {
        name: one.name.clone(),
        teams: one.teams.clone(),
        tiers: one.tiers.iter().map(|name| word("tier", name, &tiers)).collect::<Result<_>>()?,
        severities_from: one.from.as_deref().map(severity).transpose()?,
        kinds: one.kinds.iter().map(|name| word("kind of notice", name, &kinds)).collect::<Result<_>>()?,
        owner: one.owner.unwrap_or(!one.security),
        security: one.security,
        quiet,
        digest,
        escalate_after: one.escalate_after.as_deref().map(run::every).transpose()?,
        escalate_to: one.escalate_to.clone(),
    })
}

fn severity(name: &str) -> Result<Severity> {
    let all = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    word("severity", name, &all.map(|severity| (severity.as_str(), severity)))
}

/// That a name can stand in the record and on a command line.
fn named(name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        bail!("a name is made of letters, digits, `-`, `_` and `.`\n  help: such as payments-issues");
    }
    Ok(())
}

/// What stands in a file that only its owner may read.
fn bytes(path: Option<&Path>) -> Result<Zeroizing<Vec<u8>>> {
    let path = path.context("it needs a secret\n  help: name the file that has it, which only you may read")?;
    let bytes = state::private(path)?.with_context(|| format!("`{}` is not there", path.display()))?;
    Ok(Zeroizing::new(bytes.trim_ascii().to_vec()))
}

fn secret(path: Option<&Path>) -> Result<Secret> {
    Ok(Secret::new(bytes(path)?.to_vec()))
}

fn line(path: Option<&Path>) -> Result<String> {
    let bytes = bytes(path)?;
    std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| anyhow!("the token is no line of text"))
}

/// What trackers are asked by: the authorities of the configuration, and its proxy.
fn client(config: &Config, pem: Option<&[u8]>) -> Result<ClientBuilder> {
    let mut client = Client::builder().no_proxy();
    if let Some(proxy) = &config.network.proxy {
        client = client.proxy(Proxy::all(proxy).context("[network]: the proxy cannot be used")?);
    }
    for certificate in pem.map(Certificate::from_pem_bundle).transpose()?.unwrap_or_default() {
        client = client.add_root_certificate(certificate);
    }
    Ok(client)
}

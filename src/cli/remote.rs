//! Repositories on servers: by URL, or all that an owner on GitHub has. Each is cloned into a directory of its own, scanned
//! with its whole history, and removed before the next.
//!
//! `chosen` says which of an owner's repositories are taken, `own` reads the token and the certificates of the user.

mod chosen;
pub(super) mod own;

use std::cell::Cell;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, anyhow, bail};

use chosen::Chosen;
use own::{authorities, token};

use super::progress::Line;
use super::scan;
use super::scratch::Scratch;
use super::suppress::{Suppress, Texts};
use super::{changes, config, exit};
use crate::connectors::{Token, github};
use crate::model::{Coverage, GapKind, Report, Untrusted, counted};
use crate::scan::{Cache, HistoryError, Narrow, Progress, ScanOptions, history};
use crate::sources::git::Repository;
use crate::sources::git::changes::Objects;
use crate::sources::git::refs::Names;
use crate::sources::git::remote::{Address, Cloner, RemoteError, Web};

/// The most that a repository may have, unless told otherwise.
const MOST: &str = "20G";
/// Where a token for clones comes from.
const GIT_TOKEN: &[&str] = &["QUELL_GIT_TOKEN"];
/// Where one for github.com comes from.
const SITE_TOKEN: &[&str] = &["QUELL_GIT_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"];
/// Where one for GitHub's API, and the clones of what it lists, comes from.
const GITHUB_TOKEN: &[&str] = &["QUELL_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"];

#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// With `github:OWNER`: take only repositories whose name, or OWNER/NAME, matches.
    #[arg(long, value_name = "GLOB", help_heading = "Servers")]
    include: Vec<String>,
    /// With `github:OWNER`: take archived repositories too.
    #[arg(long, help_heading = "Servers")]
    archived: bool,
    /// With `github:OWNER`: take forks too.
    #[arg(long, help_heading = "Servers")]
    forks: bool,
    /// A file with the token to clone private repositories with, instead of QUELL_GIT_TOKEN, or for github: of
    /// QUELL_GITHUB_TOKEN, GITHUB_TOKEN or GH_TOKEN. It is sent to the host that is named, and to no other.
    #[arg(long, value_name = "FILE", help_heading = "Servers")]
    token_file: Option<PathBuf>,
    /// A file with the certificates of authorities to trust beside the system's, as PEM.
    #[arg(long, value_name = "FILE", env = "QUELL_CA_FILE", help_heading = "Servers")]
    pub(super) ca_file: Option<PathBuf>,
    /// A repository of which more than this must be received is not scanned, which makes the scan incomplete [default: 20G].
    #[arg(long, value_name = "SIZE", help_heading = "Servers")]
    max_clone_size: Option<String>,
    /// The API that `github:` asks; for GitHub Enterprise `https://HOST/api/v3` [default: https://api.github.com].
    #[arg(long, value_name = "URL", env = "QUELL_GITHUB_API", help_heading = "Servers")]
    github_api: Option<String>,
}

/// What is on a server.
#[derive(Debug)]
pub(super) enum Target {
    /// A repository.
    Url(Address),
    /// What an owner on GitHub has, or one repository of it.
    Github(String, Option<String>),
}

/// Whether `--include` and `--exclude` choose among repositories.
pub(super) fn names_repositories(targets: &[Target]) -> bool {
    targets.iter().any(|t| matches!(t, Target::Github(_, None)))
}

/// The targets that are on servers; none where all are paths.
pub(super) fn targets(args: &scan::Args) -> Result<Vec<Target>> {
    let targets: Vec<Target> = args.paths.iter().filter_map(|path| parse(path).transpose()).collect::<Result<_>>()?;
    let remote = &args.remote;
    if !names_repositories(&targets) {
        let given =
            [("--include", !remote.include.is_empty()), ("--archived", remote.archived), ("--forks", remote.forks)];
        if let Some((option, _)) = given.iter().find(|(_, given)| *given) {
            bail!(
                "{option} chooses among the repositories of a target `github:OWNER`, and there is none\n  help: files are chosen with --include-path and --exclude-path"
            );
        }
    }
    if targets.is_empty() {
        if remote.token_file.is_some() {
            bail!("--token-file is for a target on a server, and there is none\n  help: leave it out");
        }
        return Ok(targets);
    }
    if targets.len() < args.paths.len() {
        bail!("paths and targets on servers cannot be scanned together\n  help: run once for each kind");
    }
    if args.changes.asked() {
        bail!(
            "a change is looked for in a repository on this machine; one on a server is scanned with its whole history\n  help: leave --staged, --unstaged, --range and --since-ref out"
        );
    }
    let mut hosts = targets.iter().map(|target| match target {
        Target::Url(address) => Some(address.host()),
        Target::Github(..) => None,
    });
    let first = hosts.next();
    if hosts.any(|host| Some(host) != first) {
        bail!(
            "targets on several servers cannot be scanned together: a token belongs to one\n  help: run once for each"
        );
    }
    Ok(targets)
}

/// Whether a target is on a server.
#[cfg(feature = "remediate")]
pub(super) fn is_remote(path: &Path) -> bool {
    matches!(parse(path), Ok(Some(_)))
}

/// Reads a target; `None` is a path.
fn parse(path: &Path) -> Result<Option<Target>> {
    let Some(text) = path.to_str() else { return Ok(None) };
    if let Some(name) = text.strip_prefix("github:") {
        let (owner, repository) = name.split_once('/').map_or((name, None), |(owner, name)| (owner, Some(name)));
        if !github::is_name(owner) || !repository.is_none_or(github::is_name) {
            bail!("`{text}` names nothing on GitHub\n  help: write `github:OWNER` or `github:OWNER/REPO`");
        }
        return Ok(Some(Target::Github(owner.to_owned(), repository.map(str::to_owned))));
    }
    // A file may have a name that only looks like what ssh takes.
    if !Address::is_meant(text) || !text.contains("://") && path.symlink_metadata().is_ok() {
        return Ok(None);
    }
    let address =
        Address::parse(text).map_err(|e| anyhow!("the repository is not scanned: {e}\n  help: {}", e.help()))?;
    Ok(Some(Target::Url(address)))
}

/// What repositories are cloned and scanned with.
struct Session<'a> {
    cloner: Cloner,
    scratch: Scratch,
    most: u64,
    token: Option<Token>,
    options: &'a ScanOptions<'a>,
    narrow: Narrow,
    cache: Option<Cache>,
    /// How many more matches are kept: the reports of all repositories are held until the end.
    room: Cell<usize>,
    suppress: &'a Suppress<'a>,
}

/// Scans what is on servers. What cannot be had is a gap, and the rest is scanned.
pub(super) fn run(
    args: &scan::Args,
    targets: &[Target],
    options: &ScanOptions<'_>,
    suppress: &Suppress<'_>,
) -> Result<Report> {
    let remote = &args.remote;
    let most = config::size(remote.max_clone_size.as_deref().unwrap_or(MOST))?;
    let api = github::Api::new(remote.github_api.as_deref().unwrap_or(github::API))
        .map_err(|e| anyhow!("--github-api cannot be used: {e}"))?;
    let chosen = Chosen::new(args)?;
    let narrow = args.narrow.narrow(options.now)?;
    let cache = args.cache.as_deref().map(scan::cache).transpose()?;
    let names = match targets.first() {
        Some(Target::Github(..)) => GITHUB_TOKEN,
        Some(Target::Url(address)) if address.host() == ("github.com", 443) => SITE_TOKEN,
        _ => GIT_TOKEN,
    };
    let token = token(remote.token_file.as_deref(), names)?;
    let scratch = Scratch::start()?;
    // Where nothing can be stored, that is said before anything is asked for.
    scratch.directory()?.remove()?;
    let web = Web::new(authorities(remote.ca_file.as_deref())?.as_deref()).map_err(set_up)?;
    let cloner = Cloner::new(web).map_err(set_up)?;
    let room = Cell::new(options.max_matches);
    let session = Session { cloner, scratch, most, token, options, narrow, cache, room, suppress };
    let mut reports = Vec::new();
    for target in targets {
        match target {
            Target::Url(address) => reports.push(session.repository(address.as_str(), address, targets.len() > 1)),
            Target::Github(owner, None) => session.owner(&api, owner, &chosen, &mut reports),
            Target::Github(owner, Some(name)) => {
                let name = format!("{owner}/{name}");
                let url = api.clone_url(&name)?;
                reports.push(session.named(&name, &url, targets.len() > 1));
            }
        }
    }
    Ok(Report::joined(reports))
}

fn set_up(error: RemoteError) -> anyhow::Error {
    anyhow!(
        "{error}\n  help: install the system's certificates (`ca-certificates`), or name a file of your own with --ca-file"
    )
}

impl Session<'_> {
    /// Lists what an owner has, and scans what is chosen of it.
    fn owner(&self, api: &github::Api, owner: &str, chosen: &Chosen, reports: &mut Vec<Report>) {
        let web = self.cloner.web();
        let header = self.token.as_ref().and_then(Token::for_api);
        let listed = web.wait(github::list(web.client(), api, owner, header));
        let mut report = self.nothing();
        let coverage = &mut report.coverage;
        let target = Untrusted::from(format!("github:{owner}").as_str());
        let listing = listed.unwrap_or_else(|e| github::Listing { ended: Some(e), ..Default::default() });
        for (name, why) in &listing.refused {
            coverage.gap(GapKind::Unreadable, name, *why);
        }
        if let Some(why) = &listing.ended {
            coverage.gap(GapKind::Unreadable, &target, format!("its repositories were not all listed: {why}"));
        }
        if listing.of_user {
            let why = "GitHub lists no private repositories of a user; name each as `github:OWNER/REPO`";
            coverage.notice(&target, why);
        }
        let mut taken = Vec::new();
        for repository in &listing.repositories {
            match chosen.leaves_out(repository) {
                Some(reason) => coverage.skip(reason, &Untrusted::from(repository.name.as_str()), true),
                None => taken.push(repository),
            }
        }
        reports.push(report);
        for repository in taken {
            reports.push(self.named(&repository.name, &repository.url, true));
        }
    }

    /// Clones and scans a repository that GitHub has.
    fn named(&self, name: &str, url: &str, told: bool) -> Report {
        match Address::parse(url) {
            Ok(address) => self.repository(name, &address, told),
            Err(error) => self.failed(&Untrusted::from(name), GapKind::Unreadable, error.to_string()),
        }
    }

    /// Clones and scans a repository; `told` says that how it ended is told at once.
    fn repository(&self, name: &str, address: &Address, told: bool) -> Report {
        let (start, path) = (Instant::now(), Untrusted::from(name));
        let report = match self.scratch.directory() {
            Ok(directory) => {
                let progress = Arc::new(Progress::default());
                let line = Line::start(&progress);
                let mut report = self.scanned(name, address, directory.path(), &progress);
                drop(line);
                report.within(&path, directory.path().as_os_str().as_bytes());
                if let Err(error) = directory.remove() {
                    report.coverage.notice(&path, format!("its clone is still there: {}", one_line(&error)));
                }
                report
            }
            Err(error) => self.failed(&path, GapKind::Unreadable, one_line(&error)),
        };
        if told {
            let found = counted(report.findings.len() as u64, "finding", "findings");
            let gaps = counted(report.coverage.gaps.len() as u64, "gap", "gaps");
            let line = format!("{name}: {found}, {gaps}, {:.1} s", start.elapsed().as_secs_f64());
            let _ = writeln!(std::io::stderr(), "{}", exit::escaped(&line));
        }
        report
    }

    fn scanned(&self, name: &str, address: &Address, into: &Path, progress: &Progress) -> Report {
        // What is named by this directory is named by the repository in the end.
        let here = Untrusted::new(into.as_os_str().as_bytes());
        let header = self.token.as_ref().and_then(Token::for_git);
        let mirror = match self.cloner.fetch(address, header.as_ref(), self.most, into) {
            Ok(mirror) => mirror,
            Err(error) => return self.failed(&here, kind(&error), format!("it was not cloned: {error}")),
        };
        let options = ScanOptions { max_matches: self.room.get(), walk: self.options.walk.clone(), ..*self.options };
        // A mirror lies elsewhere each time: it is known by where it comes from.
        let cache = self.cache.as_ref().map(|cache| cache.named(address.as_str().as_bytes()));
        let mut report = match history(into, &self.narrow, cache.as_ref(), &options, progress) {
            Ok(report) => report,
            Err(error) => {
                let kind = if matches!(error, HistoryError::Narrow(_)) { GapKind::Missing } else { GapKind::Corrupt };
                let why = error.to_string().replace(&*into.to_string_lossy(), name);
                return self.failed(&here, kind, why);
            }
        };
        let refused =
            (&mirror.refused, GapKind::Corrupt, "the server has a ref of this name, which git does not allow");
        let missing = (&mirror.missing, GapKind::Missing, "the server did not send what this ref leads to");
        for (names, kind, why) in [refused, missing] {
            names.iter().for_each(|name| report.coverage.gap(kind, name, why));
        }
        self.suppress.apply_head(head_texts(into).unwrap_or_default(), &mut report);
        report
    }

    /// The report of a repository that could not be had.
    fn failed(&self, path: &Untrusted, kind: GapKind, why: String) -> Report {
        let mut report = self.nothing();
        report.coverage.gap(kind, path, why);
        report
    }

    /// The report of a scan that came to nothing.
    fn nothing(&self) -> Report {
        let rules = self.options.rules.rules.iter().filter(|rule| (self.options.enable)(rule)).count() as u64;
        Report { rules, ..Report::default() }
    }
}

/// What an error says, without what to do about it.
fn one_line(error: &anyhow::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

const fn kind(error: &RemoteError) -> GapKind {
    match error {
        RemoteError::TooLarge(_) => GapKind::OverBudget,
        RemoteError::NotFound(_) => GapKind::Missing,
        RemoteError::Broken(_) | RemoteError::Type(_) => GapKind::Corrupt,
        _ => GapKind::Unreadable,
    }
}

/// The suppressions that the mirror's `HEAD` has.
fn head_texts(mirror: &Path) -> Option<Texts> {
    let repository = Repository::open(mirror, &mut Coverage::default()).ok()?;
    let objects = Objects::new(&repository, None);
    let head = Names::read(mirror, mirror, &mut Coverage::default()).target(b"HEAD")?;
    let tree = objects.commit(&head).ok()?.tree;
    Some(changes::texts(&objects, &tree))
}

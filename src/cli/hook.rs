//! `quell hook`: installs git hooks, and is what they call.
//!
//! What git tells a hook by its environment (the index that it commits from, the quarantine of a push) is read here and
//! nowhere else. A hook blocks on findings; what could not be read it says, and lets pass.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Parser;

use super::changes::{Job, Update, What, absolute, located};
use super::config::Config;
use super::{Exit, install, scan};
use crate::model::{Finding, ObjectId, Report, counted};
use crate::report;
use crate::sources::git::{Access, Location};

/// The most that git tells a hook.
const LARGEST: u64 = 64 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Install the hooks pre-commit and pre-push; what is there already is kept and still runs.
    Install(install::Args),
    /// Take the hooks out, and put back what was there.
    Uninstall(install::Args),
    /// Say which hooks are installed, and where.
    Status(install::Args),
    /// What the hook pre-commit calls: scan what is about to be committed.
    PreCommit,
    /// What the hook pre-push calls: scan the commits that the remote does not have, from git's lines on standard input.
    PrePush {
        /// The remote's name.
        remote: Option<String>,
        /// Its address.
        url: Option<String>,
    },
    /// What the hook pre-receive of a server calls: scan all that a push brings, from git's lines on standard input.
    PreReceive {
        /// A directory outside of the repository from which it may borrow objects.
        #[arg(long, value_name = "DIR")]
        allow_alternate: Vec<PathBuf>,
    },
}

/// The options of a scan as configuration and environment give them: a hook has none of its own.
#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    scan: scan::Args,
}

/// Which hook asks.
#[derive(Clone, Copy)]
enum Hook {
    Commit,
    Push,
    Receive,
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    match &args.verb {
        Verb::Install(args) => install::install(args),
        Verb::Uninstall(args) => install::uninstall(args),
        Verb::Status(args) => install::status(args),
        Verb::PreCommit => pre_commit(),
        Verb::PrePush { remote, .. } => pre_push(remote.as_deref()),
        Verb::PreReceive { allow_alternate } => pre_receive(allow_alternate),
    }
}

/// The repository that git runs the hook in: it says so where it is not the one around the current directory.
fn location() -> Result<Location> {
    let named = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    match named("GIT_DIR") {
        Some(git) => {
            let here = Path::new(".").canonicalize().ok();
            let around = here.filter(|here| !here.starts_with(git.canonicalize().unwrap_or_default()));
            located(&git, Location::at(&git, named("GIT_WORK_TREE").or(around)))
        }
        None => located(Path::new("."), Location::find(Path::new("."))),
    }
}

fn pre_commit() -> Result<Exit> {
    let location = location()?;
    // `git commit -a` and `git commit FILE` commit from an index of their own.
    let index = std::env::var_os("GIT_INDEX_FILE").filter(|v| !v.is_empty()).map(PathBuf::from);
    let index = index.map_or_else(|| location.index(), |file| absolute(&file));
    scanned(Job { location, access: Access::default(), what: What::Staged(index) }, Hook::Commit)
}

fn pre_push(remote: Option<&str>) -> Result<Exit> {
    let location = location()?;
    let mut updates = updates(&input()?, [3, 1])?;
    // pre-commit (the program) tells the same by its environment, and gives no lines.
    let told = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let mut remote = remote.map(str::to_owned);
    if let (true, Some(new)) = (updates.is_empty(), told("PRE_COMMIT_TO_REF")) {
        let id = |text: &str| ObjectId::from_hex(text.as_bytes());
        let old = told("PRE_COMMIT_FROM_REF").and_then(|t| id(&t));
        let new = id(&new).ok_or_else(|| anyhow!("`PRE_COMMIT_TO_REF` is no id of a commit"))?;
        updates.push(Update { old: old.filter(exists), new });
        remote = remote.or_else(|| told("PRE_COMMIT_REMOTE_NAME"));
    }
    // What another remote has is not known to this one; one that is new, or an address, has nothing.
    let known = remote.map_or_else(|| "refs/remotes/".to_owned(), |name| format!("refs/remotes/{name}/"));
    let what = What::Updates(updates, known, false);
    scanned(Job { location, access: Access::default(), what }, Hook::Push)
}

fn pre_receive(allowed: &[PathBuf]) -> Result<Exit> {
    let location = location()?;
    let updates = updates(&input()?, [0, 1])?;
    let directories = |name: &str| std::env::var_os(name).map(|v| std::env::split_paths(&v).collect::<Vec<_>>());
    let quarantine = std::env::var_os("GIT_QUARANTINE_PATH").map(|v| vec![PathBuf::from(v)]);
    let mut own = directories("GIT_OBJECT_DIRECTORY").or(quarantine).unwrap_or_default();
    own.extend(directories("GIT_ALTERNATE_OBJECT_DIRECTORIES").unwrap_or_default());
    own.retain(|d| !d.as_os_str().is_empty());
    let received = own.iter().map(|d| absolute(d)).collect();
    let what = What::Updates(updates, "refs/".to_owned(), true);
    scanned(Job { location, access: Access { alternates: allowed.to_vec(), received }, what }, Hook::Receive)
}

/// What git gives a hook on standard input.
fn input() -> Result<String> {
    let mut text = String::new();
    std::io::stdin().lock().take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// Reads git's lines; `places` are those of the old and the new id. A ref that is deleted brings nothing.
fn updates(text: &str, [old, new]: [usize; 2]) -> Result<Vec<Update>> {
    let mut out = Vec::new();
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        let words: Vec<&str> = line.split(' ').collect();
        let id = |place: usize| words.get(place).and_then(|w| ObjectId::from_hex(w.as_bytes()));
        let (Some(old), Some(new)) = (id(old), id(new)) else {
            bail!("standard input has a line that is none of git's\n  help: let git run the hook");
        };
        if exists(&new) {
            out.push(Update { old: Some(old).filter(exists), new });
        }
    }
    Ok(out)
}

/// Git writes zeros for what does not exist.
fn exists(id: &ObjectId) -> bool {
    id.as_bytes().iter().any(|b| *b != 0)
}

/// Runs the scan, tells what it found, and says whether git may go on.
fn scanned(job: Job, hook: Hook) -> Result<Exit> {
    if matches!(&job.what, What::Updates(updates, ..) if updates.is_empty()) {
        return Ok(Exit::Clean);
    }
    let args = Defaults::try_parse_from(["quell"]).map_err(|e| anyhow!("{}", e.render()))?.scan;
    let config = Config::load(args.config.as_deref())?;
    let report = scan::scanned(&args, &config, Some(&job), &[])?;
    let mut out = std::io::stderr().lock();
    tell(&report, hook, &mut out)?;
    Ok(match Exit::of(!report.findings.is_empty(), report.coverage.is_complete()) {
        Exit::Incomplete => Exit::Clean,
        other => other,
    })
}

/// Three lines for each finding: what, where, and what to do. Of a scan that found nothing and read all, nothing is said.
fn tell(report: &Report, hook: Hook, out: &mut dyn Write) -> std::io::Result<()> {
    let what = match hook {
        Hook::Commit => "this commit",
        Hook::Push | Hook::Receive => "this push",
    };
    if let count @ 1.. = report.findings.len() {
        writeln!(out, "quell stopped {what}: {}", counted(count as u64, "secret", "secrets"))?;
    }
    for finding in &report.findings {
        let more = finding.locations.len().saturating_sub(1) as u64;
        let more =
            if more == 0 { String::new() } else { format!(" and {}", counted(more, "more place", "more places")) };
        let place = finding.locations.first().map(report::place).unwrap_or_default();
        writeln!(out, "  what   {}, {}", finding.kind.title, finding.redacted())?;
        writeln!(out, "  where  {place}{more}")?;
        writeln!(out, "  do     {}", advice(finding, hook))?;
    }
    if !report.coverage.is_complete() || !report.findings.is_empty() {
        report::summary(report, out)?;
    }
    Ok(())
}

/// How to take it out, or to allow it with a reason.
fn advice(finding: &Finding, hook: Hook) -> String {
    let out = match hook {
        Hook::Commit => "take it out and `git add` the file again",
        Hook::Push | Hook::Receive => {
            "take it out of the commit that has it (`git rebase -i`), and roll it if it was ever shared"
        }
    };
    let first = if matches!(hook, Hook::Commit) { "commit" } else { "push" };
    match &finding.fingerprint {
        Some(id) => format!(
            "{out}; or allow it: {first} a .quell.toml first that has [[suppress]] with fingerprint = \"{}\" and reason = \"…\"",
            id.as_str()
        ),
        None => format!("{out}; to allow a password your team needs a fingerprint key: see `quell init --stdout`"),
    }
}

//! `quell scan`: find secrets in directories, files, standard input and repositories on servers.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};

use super::config::{Config, human, size, word};
use super::progress::Line;
use super::suppress::Suppress;
use super::{Exit, baseline, changes, exit, narrow, output, remote, verification};
use crate::model::{Confidence, Report, nearest, system_words};
use crate::rules::embedded::embedded;
use crate::rules::{Rule, RuleError, RuleSet, load};
use crate::scan::{
    Cache, Consumption, HistoryError, MAX_MATCHES, Markers, Progress, ScanOptions, Target, history, scan,
};
use crate::sources::{Options, PathFilter, stdin_name};

#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// Directories and files; `-` for standard input; `https://HOST/OWNER/REPO` or `github:OWNER[/REPO]` for a
    /// repository on a server, with its whole history.
    #[arg(default_value = ".")]
    pub(super) paths: Vec<PathBuf>,
    /// The name that reports give standard input.
    #[arg(long, value_name = "NAME")]
    pub(super) stdin_name: Option<String>,
    /// A format, perhaps with a file: plain, json, jsonl, sarif, csv, junit, gitlab, github, markdown, html. May be given
    /// several times.
    #[arg(long, value_name = "FORMAT[=FILE]")]
    pub(super) format: Vec<String>,
    /// Which findings fail the run: any, live, none [default: any].
    #[arg(long, value_name = "WHICH", env = "QUELL_FAIL_ON")]
    pub(super) fail_on: Option<String>,
    /// Report findings of this confidence and above: low, medium, high [default: medium].
    #[arg(long, value_name = "LEVEL", env = "QUELL_CONFIDENCE")]
    pub(super) confidence: Option<String>,
    /// Look for these rules or providers alone.
    #[arg(long, value_name = "RULE")]
    pub(super) only: Vec<String>,
    /// Do not look for these rules or providers. With a target `github:OWNER`: leave out repositories whose name, or
    /// OWNER/NAME, matches this glob.
    #[arg(long, value_name = "RULE")]
    pub(super) exclude: Vec<String>,
    /// Scan only files that match, as in an ignore file; a file that is named goes by its path below the current directory.
    #[arg(long, value_name = "GLOB")]
    pub(super) include_path: Vec<String>,
    /// Leave out files and directories that match, as in an ignore file; files that are named too.
    #[arg(long, value_name = "GLOB")]
    pub(super) exclude_path: Vec<String>,
    /// In a git repository, scan ignored files too.
    #[arg(long)]
    pub(super) no_ignore: bool,
    /// Refuse the suppressions that stand in the target.
    #[arg(long)]
    pub(super) no_target_ignores: bool,
    /// A baseline whose findings are left out, beside that of the target; one that you trust, from outside of the target.
    #[arg(long, value_name = "FILE", env = "QUELL_BASELINE")]
    pub(super) baseline: Option<PathBuf>,
    /// The baseline that is being made anew.
    #[arg(skip)]
    pub(super) without: Option<PathBuf>,
    /// Files larger than this are not read, which makes the scan incomplete [default: none].
    #[arg(long, value_name = "SIZE")]
    pub(super) max_file_size: Option<String>,
    /// Threads [default: one for each processor].
    #[arg(long, value_name = "N", env = "QUELL_THREADS")]
    pub(super) threads: Option<usize>,
    /// Show whole secrets, to you alone.
    #[arg(long)]
    pub(super) show_secrets: bool,
    /// A directory of rule files, added to the embedded rules.
    #[arg(long, value_name = "DIR", env = "QUELL_RULES")]
    pub(super) rules: Option<PathBuf>,
    /// The configuration to use instead of the user's.
    #[arg(long, value_name = "FILE", env = "QUELL_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Scan the whole history of the repository PATH: every object, also those that no branch leads to, with the commit
    /// that brought each secret in and whether it is still at HEAD.
    #[arg(long, help_heading = "Changes", conflicts_with_all = ["staged", "unstaged", "range", "since_ref"])]
    pub(super) history: bool,
    /// Keep in this directory what a scan of a history came to, and read only what is new since. Whoever may write to it
    /// can hide secrets from you.
    #[arg(long, value_name = "DIR", help_heading = "Histories")]
    pub(super) cache: Option<PathBuf>,
    /// Of which files it is asked who uses what in them.
    #[arg(skip)]
    pub(super) consumers: Consumption,
    #[command(flatten)]
    pub(super) narrow: narrow::Args,
    #[command(flatten)]
    pub(super) changes: changes::Args,
    #[command(flatten)]
    pub(super) remote: remote::Args,
    /// Ask each provider, harmlessly, whether what is found works. `quell verify --hosts` prints who may be asked.
    #[arg(long, help_heading = "Verification")]
    pub(super) verify: bool,
    /// Ask again what an earlier run asked within a day.
    #[arg(long, help_heading = "Verification")]
    pub(super) fresh: bool,
    #[command(flatten)]
    pub(super) verification: verification::Args,
    #[cfg(feature = "remediate")]
    #[command(flatten)]
    pub(super) cases: super::track::Cases,
}

/// Which findings fail a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailOn {
    Any,
    Live,
    None,
}

const CONFIDENCES: &[(&str, Confidence)] =
    &[("low", Confidence::Low), ("medium", Confidence::Medium), ("high", Confidence::High)];
pub(super) const FAIL_ON: &[(&str, FailOn)] = &[("any", FailOn::Any), ("live", FailOn::Live), ("none", FailOn::None)];

pub(super) fn run(args: &Args) -> Result<Exit> {
    let config = Config::load(args.config.as_deref())?;
    let fail_on =
        word("kind of findings", args.fail_on.as_deref().or(config.scan.fail_on.as_deref()).unwrap_or("any"), FAIL_ON)?;
    let outputs = output::parse(&args.format)?;
    let remote = remote::targets(args)?;
    let job = if remote.is_empty() { args.changes.job(&args.paths)? } else { None };
    if !args.history && remote.is_empty() {
        args.narrow.needs_history()?;
        if args.cache.is_some() {
            bail!("--cache keeps what a scan of a history came to, and none is scanned\n  help: add --history");
        }
    }
    let started = output::now();
    let asked = verification(args, &config)?;
    #[cfg(feature = "remediate")]
    let tracking = args.cases.open(args, &config)?;
    let mut report = scanned(args, &config, job.as_ref(), &remote)?;
    if let Some((rules, verification)) = &asked {
        verification.run(rules, &mut report)?;
    }
    // The report is written whatever becomes of the cases: nothing that was found is lost.
    #[cfg(feature = "remediate")]
    let tracked = tracking.map_or(Ok(()), |tracking| tracking.report(args, &config, &report));
    let exit = finish(&outputs, args.show_secrets, fail_on, started, &mut report);
    #[cfg(feature = "remediate")]
    tracked?;
    exit
}

/// How findings are verified, where they are to be.
fn verification<'a>(
    args: &'a Args,
    config: &Config,
) -> Result<Option<(Cow<'static, RuleSet>, verification::Verification<'a>)>> {
    if !args.verify && !config.verify.scans.unwrap_or(false) {
        let given = args.fresh || args.verification.given();
        if given {
            bail!("--fresh, --offline, --max-requests and --logins are for verification\n  help: add --verify");
        }
        return Ok(None);
    }
    let rules = rules(args.rules.as_deref().or(config.rules.dir.as_deref()))?;
    let ca_file = args.remote.ca_file.as_deref();
    let verification = verification::Verification::new(&args.verification, config, &rules, ca_file, args.fresh)?;
    Ok(Some((rules, verification)))
}

/// Writes the reports, and says how the run ended.
pub(super) fn finish(
    outputs: &[output::Output],
    show_secrets: bool,
    fail_on: FailOn,
    started: i64,
    report: &mut Report,
) -> Result<Exit> {
    let failing = match fail_on {
        FailOn::Any => !report.findings.is_empty(),
        FailOn::Live => verification::live(report),
        FailOn::None => false,
    };
    output::write(outputs, report, show_secrets, started)?;
    Ok(Exit::of(failing, report.coverage.is_complete()))
}

/// Standard input can be read once, and has a name only where it is read.
fn one_stream(args: &Args) -> Result<()> {
    let streams = args.paths.iter().filter(|path| is_stream(path)).count();
    if streams > 1 {
        bail!("standard input can be read once, and `-` is given {streams} times\n  help: give `-` once");
    }
    if streams == 0 && args.stdin_name.is_some() {
        bail!(
            "--stdin-name names standard input, which is not scanned\n  help: give `-` to scan standard input, or leave --stdin-name out"
        );
    }
    Ok(())
}

/// A history is that of one repository.
fn one_repository(paths: &[PathBuf]) -> Result<&Path> {
    match paths {
        [path] if !is_stream(path) => Ok(path),
        _ => bail!("--history reads one repository\n  help: name one directory, and run once for each repository"),
    }
}

fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Runs the scan that the options and the configuration describe: of the paths, or of a change.
pub(super) fn scanned(
    args: &Args,
    config: &Config,
    job: Option<&changes::Job>,
    remote: &[remote::Target],
) -> Result<Report> {
    one_stream(args)?;
    let rules = rules(args.rules.as_deref().or(config.rules.dir.as_deref()))?;
    // On GitHub it names repositories.
    let excluded = if remote::names_repositories(remote) { &[][..] } else { &args.exclude[..] };
    let (only, exclude) = ([&args.only[..], &config.scan.only].concat(), [excluded, &config.scan.exclude].concat());
    for name in only.iter().chain(&exclude) {
        known(&rules, name)?;
    }
    let enable = |rule: &Rule| {
        (only.is_empty() || only.iter().any(|n| names(&rules, rule, n)))
            && !exclude.iter().any(|n| names(&rules, rule, n))
    };
    let confidence = word(
        "confidence",
        args.confidence.as_deref().or(config.scan.confidence.as_deref()).unwrap_or("medium"),
        CONFIDENCES,
    )?;
    let max_file_size = args.max_file_size.as_deref().or(config.scan.max_file_size.as_deref()).map(size).transpose()?;
    let filter = filter(args, config)?;
    let threads = threads(args, config)?;
    let now = output::now();
    let options = ScanOptions {
        rules: &rules,
        enable: &enable,
        confidence,
        key: &config.key()?,
        threads,
        now,
        max_matches: MAX_MATCHES,
        markers: markers(args, job.is_some()),
        walk: Options { ignored_too: args.no_ignore || config.scan.no_ignore.unwrap_or(false), filter, max_file_size },
        consumers: args.consumers,
    };
    exit::many_files();
    let progress = Arc::new(Progress::default());
    let suppress = Suppress {
        refuse: args.no_target_ignores,
        today: output::today(now),
        rules: &rules,
        key: options.key,
        own: &config.suppress,
        named: named_baseline(args)?,
        without: args.without.clone(),
    };
    let mut report = if remote.is_empty() {
        let _line = Line::start(&progress);
        run_on(args, job, &options, &progress, &suppress)?
    } else {
        remote::run(args, remote, &options, &suppress)?
    };
    report.coverage.sort();
    Ok(report)
}

/// The baseline that the user names.
fn named_baseline(args: &Args) -> Result<Option<(PathBuf, String)>> {
    let named = |path| baseline::named(path, &args.paths, args.no_target_ignores);
    args.baseline.as_deref().map(named).transpose()
}

/// What becomes of markers on lines.
const fn markers(args: &Args, of_change: bool) -> Markers {
    match (args.no_target_ignores, of_change) {
        (true, _) => Markers::Refused,
        (false, true) => Markers::OfChange,
        (false, false) => Markers::Hold,
    }
}

/// Which paths are left out.
fn filter(args: &Args, config: &Config) -> Result<PathFilter> {
    let include = [&args.include_path[..], &config.scan.include_path].concat();
    let exclude = [&args.exclude_path[..], &config.scan.exclude_path].concat();
    Ok(PathFilter::new(&include, &exclude)?)
}

/// Scans what was named, and takes out what its suppressions name.
fn run_on(
    args: &Args,
    job: Option<&changes::Job>,
    options: &ScanOptions<'_>,
    progress: &Progress,
    suppress: &Suppress<'_>,
) -> Result<Report> {
    let mut report;
    if let Some(job) = job {
        let before;
        (report, before) = job.run(options, progress)?;
        suppress.apply_base(before, &mut report);
    } else if args.history {
        let root = one_repository(&args.paths)?;
        let narrow = args.narrow.narrow(options.now)?;
        let cache = args.cache.as_deref().map(cache).transpose()?;
        report = history(root, &narrow, cache.as_ref(), options, progress).map_err(|error| no_history(root, &error))?;
        suppress.apply_root(root, &mut report);
    } else {
        report = scan(targets(args), options, progress);
        suppress.apply(&args.paths, &mut report);
    }
    Ok(report)
}

/// What is told where a history cannot be scanned.
fn no_history(root: &Path, error: &HistoryError) -> anyhow::Error {
    let help = match error {
        HistoryError::Open(_) => "name a work tree's root, or a bare repository",
        HistoryError::Narrow(_) => "give a ref's name, or a pattern such as `release/*`",
        HistoryError::Cache(_) => CACHE,
    };
    anyhow!("{}: {error}\n  help: {help}", root.display())
}

/// What is told where a cache cannot be used.
const CACHE: &str = "name a directory of your own outside of what is scanned, such as `~/.cache/quell`";

/// Opens a cache.
pub(super) fn cache(directory: &Path) -> Result<Cache> {
    Cache::new(directory).map_err(|error| anyhow!("{error}\n  help: {CACHE}"))
}

/// How many threads to run on.
fn threads(args: &Args, config: &Config) -> Result<usize> {
    let asked = args.threads.or(config.scan.threads);
    let threads = asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    if threads == 0 || threads > 1024 {
        bail!("{threads} threads cannot be run\n  help: give a number from 1 to 1024");
    }
    Ok(threads)
}

fn targets(args: &Args) -> Vec<Target> {
    let name = || stdin_name(args.stdin_name.as_deref());
    args.paths
        .iter()
        .map(|path| {
            if is_stream(path) {
                Target::Stream(Box::new(std::io::stdin()), name())
            } else {
                Target::Path(path.clone())
            }
        })
        .collect()
}

/// The embedded rules, with those of a directory over them.
pub(super) fn rules(dir: Option<&Path>) -> Result<Cow<'static, RuleSet>> {
    let Some(dir) = dir else { return Ok(Cow::Borrowed(embedded())) };
    let own: Vec<&str> = embedded().rules.iter().map(|r| r.id.as_ref()).collect();
    readable(dir)?;
    let set = load::read_dir(dir).and_then(|sources| load::load_beside(&sources, &own)).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(mistake).collect();
        anyhow!("the rules cannot be used, and nothing was scanned\n{}", lines.join("\n"))
    })?;
    Ok(Cow::Owned(embedded().overlay(&set)))
}

/// An error where a directory of rules cannot be read at all: no line of a file is to blame for that.
pub(super) fn readable(dir: &Path) -> Result<()> {
    let help = "name a directory of rule files that you may read";
    let told = |e| anyhow!("the rules `{}` cannot be read: {}\n  help: {help}", dir.display(), system_words(&e));
    std::fs::read_dir(dir).map(|_| ()).map_err(told)
}

/// A mistake in a rule file as it is told.
pub(super) fn mistake(error: &RuleError) -> String {
    RuleError { message: human(&error.message).into_owned(), ..error.clone() }.to_string()
}

fn names(rules: &RuleSet, rule: &Rule, name: &str) -> bool {
    rule.id == name || rules.provider_of(rule).is_some_and(|p| p.id == name)
}

fn known(rules: &RuleSet, name: &str) -> Result<()> {
    if rules.rules.iter().any(|r| names(rules, r, name)) {
        return Ok(());
    }
    let all = rules.rules.iter().map(|r| r.id.as_ref()).chain(rules.providers.iter().map(|p| p.id.as_ref()));
    let near =
        nearest(name, all).map_or_else(|| "see `quell rules list`".to_owned(), |n| format!("did you mean `{n}`?"));
    bail!("there is no rule or provider `{name}`\n  help: {near}")
}

//! `quell baseline`: the findings that a tree has already, so that only new ones fail a run.
//!
//! A baseline is a file of suppressions by the fingerprints of credentials. It survives moved lines, renamed files and
//! another checkout, and a different secret in the same place is found.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use super::config::Config;
use super::destination::Destination;
use super::output::today;
use super::random::random;
use super::scan;
use super::suppress::{BASELINE, Suppression, VERSION, Why, check, entries, entry, prints, read};
use super::{Exit, narrow, output};
use crate::model::{Finding, Fingerprint, Report, Salt, Untrusted, counted};
use crate::report::terminal;

/// What stands at the start of a baseline.
const HEAD: &str = "# Findings that were there when this was written: `quell baseline update` renews it, `quell baseline audit` lists it.\n\
                    # Each is a credential by its fingerprint, wherever it stands. Give each a reason, and an end: expires = 2027-01-31.\n";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Scan, and write what is found into a new baseline.
    Create(Options),
    /// Scan again: add what is new, take out what is not found any more, leave the rest as it is.
    Update(Options),
    /// Scan, and list every entry with whether it still holds; exit code 1 where one does not.
    Audit(Options),
}

#[derive(Debug, clap::Args)]
struct Options {
    /// The tree, or with --history the repository.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The baseline [default: .quell-baseline.toml in PATH].
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Scan the whole history of the repository PATH.
    #[arg(long)]
    history: bool,
    /// The reason that new entries give.
    #[arg(long, value_name = "TEXT", default_value = "it was there when the baseline was made")]
    reason: String,
    /// Who decides about new entries.
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// The last day that new entries hold on, as YYYY-MM-DD.
    #[arg(long, value_name = "DAY", value_parser = day)]
    expires: Option<toml::value::Date>,
    /// Take findings of this confidence and above: low, medium, high [default: medium].
    #[arg(long, value_name = "LEVEL")]
    confidence: Option<String>,
    /// Leave out files and directories that match, as in an ignore file.
    #[arg(long, value_name = "GLOB")]
    exclude_path: Vec<String>,
    /// A directory of rule files, added to the embedded rules.
    #[arg(long, value_name = "DIR", env = "QUELL_RULES")]
    rules: Option<PathBuf>,
    /// The configuration to use instead of the user's.
    #[arg(long, value_name = "FILE", env = "QUELL_CONFIG")]
    config: Option<PathBuf>,
}

/// Reads a day.
fn day(text: &str) -> Result<toml::value::Date, String> {
    let read = text.parse::<toml::value::Datetime>().ok().filter(|read| read.time.is_none());
    read.and_then(|read| read.date).ok_or_else(|| "it is no day; write one as 2027-01-31".to_owned())
}

/// A baseline as it is written.
#[derive(Debug, Serialize, Deserialize)]
struct Baseline {
    version: i64,
    suppress: Vec<Suppression>,
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    match &args.verb {
        Verb::Create(options) => create(options),
        Verb::Update(options) => update(options),
        Verb::Audit(options) => audit(options),
    }
}

/// Reads a baseline that `--baseline` names. Whoever names one relies on it, so that a broken one is an error; so is one
/// in a target where nothing of a target may suppress.
pub(super) fn named(path: &Path, targets: &[PathBuf], refuse: bool) -> Result<(PathBuf, String)> {
    let text = text(path)?;
    let lies_in = |target: &PathBuf| {
        path.canonicalize().ok().zip(target.canonicalize().ok()).is_some_and(|(a, b)| a.starts_with(b))
    };
    if refuse && targets.iter().any(lies_in) {
        bail!(
            "the baseline `{}` lies in the target, and --no-target-ignores refuses what does\n  help: keep it outside of the target",
            path.display()
        );
    }
    parsed(path, &text)?;
    Ok((path.to_path_buf(), text))
}

fn text(path: &Path) -> Result<String> {
    let told =
        |why: &str, help: &str| anyhow!("the baseline `{}` cannot be used: {why}\n  help: {help}", path.display());
    match read(path) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(told("it is not there", "`quell baseline create` writes one")),
        Err(why) => Err(told(why, "name a regular file that you may read")),
    }
}

/// The entries of a baseline's text.
fn parsed(path: &Path, text: &str) -> Result<Vec<Suppression>> {
    let wrong = |why: &str| {
        let help = "repair it, or make it anew with `quell baseline create`";
        anyhow!("the baseline `{}` cannot be used: {why}\n  help: {help}", path.display())
    };
    let mut other = Vec::new();
    let values = entries(text, |key| other.push(key.to_owned())).map_err(|why| wrong(&why))?;
    if let Some(key) = other.first() {
        return Err(wrong(&format!("{key} is no key of a baseline")));
    }
    let numbered = (1..).zip(values);
    numbered.map(|(n, value)| entry(value).map_err(|why| wrong(&format!("entry {n}: {}", why.text())))).collect()
}

/// A scan without the baseline itself.
struct Scanned {
    report: Report,
    file: PathBuf,
    today: (u16, u8, u8),
    config: Config,
}

impl Options {
    fn file(&self) -> Result<PathBuf> {
        match &self.file {
            Some(file) => Ok(file.clone()),
            None if self.path.is_dir() => Ok(self.path.join(BASELINE)),
            None => bail!("`{}` is no directory\n  help: name one, or the baseline with --file", self.path.display()),
        }
    }

    fn scanned(&self) -> Result<Scanned> {
        let (config, file) = (Config::load(self.config.as_deref())?, self.file()?);
        let without =
            file.parent().and_then(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p }.canonicalize().ok());
        let args = scan::Args {
            paths: vec![self.path.clone()],
            history: self.history,
            confidence: self.confidence.clone(),
            exclude_path: self.exclude_path.clone(),
            rules: self.rules.clone(),
            without: without.zip(file.file_name()).map(|(directory, name)| directory.join(name)),
            narrow: narrow::Args::default(),
            ..scan::Args::default()
        };
        let report = scan::scanned(&args, &config, None, &[])?;
        Ok(Scanned { report, file, today: today(output::now()), config })
    }

    /// The entry of a finding.
    fn entry(&self, finding: &Finding, salt: &Salt) -> Option<Suppression> {
        let slow = || salt.fingerprint(finding.as_password());
        let fingerprint = finding.fingerprint.clone().or_else(slow)?;
        Some(Suppression {
            fingerprint: fingerprint.as_str().to_owned(),
            rule: Some(finding.kind.rule.to_string()),
            place: finding.locations.first().map(|place| terminal(&place.path)),
            reason: self.reason.clone(),
            author: self.author.clone(),
            expires: self.expires,
        })
    }
}

fn create(options: &Options) -> Result<Exit> {
    let file = options.file()?;
    if file.symlink_metadata().is_ok() {
        bail!("`{}` is there already\n  help: renew it with `quell baseline update`", file.display());
    }
    checked(options)?;
    let scanned = options.scanned()?;
    let salt = Salt::new(random()?);
    let new: Vec<Suppression> = scanned.report.findings.iter().filter_map(|f| options.entry(f, &salt)).collect();
    let count = new.len() as u64;
    written(&scanned, new)?;
    say(&format!("{} of {} written", file.display(), counted(count, "finding", "findings")))?;
    Ok(ended(&scanned.report))
}

fn update(options: &Options) -> Result<Exit> {
    checked(options)?;
    let file = options.file()?;
    let old = parsed(&file, &text(&file)?)?;
    let scanned = options.scanned()?;
    let wanted: Vec<Fingerprint> = old.iter().filter_map(|e| Fingerprint::parse(&e.fingerprint)).collect();
    let by_print = prints(&scanned.report.findings, wanted.iter());
    let covered: BTreeSet<usize> =
        wanted.iter().filter_map(|print| by_print.get(print.as_str())).flatten().copied().collect();
    // What was not read may still have what an entry names.
    let complete = scanned.report.coverage.is_complete();
    let (count, mut all) = (old.len(), old);
    all.retain(|entry| !complete || by_print.contains_key(&entry.fingerprint));
    let dropped = count - all.len();
    // One salt for the whole list: each costs a slow hash for every password of every scan.
    let known = wanted.iter().find_map(Fingerprint::salt);
    let salt = known.map_or_else(|| random().map(Salt::new), Ok)?;
    let findings = scanned.report.findings.iter().enumerate().filter(|(index, _)| !covered.contains(index));
    let new: Vec<Suppression> = findings.filter_map(|(_, finding)| options.entry(finding, &salt)).collect();
    let (kept, added) = (all.len() as u64, new.len() as u64);
    all.extend(new);
    written(&scanned, all)?;
    say(&format!("{}: {kept} kept, {added} added, {dropped} taken out", file.display()))?;
    Ok(ended(&scanned.report))
}

fn audit(options: &Options) -> Result<Exit> {
    let file = options.file()?;
    let all = parsed(&file, &text(&file)?)?;
    let scanned = options.scanned()?;
    let key = scanned.config.key()?;
    let wanted: Vec<Fingerprint> = all.iter().filter_map(|e| Fingerprint::parse(&e.fingerprint)).collect();
    let by_print = prints(&scanned.report.findings, wanted.iter());
    let complete = scanned.report.coverage.is_complete();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut out = std::io::stdout().lock();
    for entry in &all {
        let is_found = by_print.contains_key(&entry.fingerprint);
        let state = match check(entry, scanned.today, &key) {
            Err(Why::Expired(_)) => "expired",
            Err(Why::OtherKey(_)) => "of another key",
            Err(Why::Wrong(_)) => "wrong",
            Ok(_) if is_found => "holds",
            Ok(_) if complete => "matches nothing",
            Ok(_) => "not known: the scan is incomplete",
        };
        *counts.entry(state).or_default() += 1;
        let shown = |text: &str| terminal(&Untrusted::from(text));
        let more = |name: &str, text: &Option<String>| {
            text.as_ref().map(|text| format!("\n  {name:<7}{}", shown(text))).unwrap_or_default()
        };
        let until = entry.expires.map(|day| format!("\n  until  {day}")).unwrap_or_default();
        writeln!(
            out,
            "{state}: {}{}{}\n  reason {}{}{until}",
            shown(&entry.fingerprint),
            more("rule", &entry.rule),
            more("where", &entry.place),
            shown(&entry.reason),
            more("author", &entry.author),
        )?;
    }
    let all = counted(all.len() as u64, "entry", "entries");
    let told: Vec<String> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    writeln!(out, "{all}{}{}", if told.is_empty() { "" } else { ": " }, told.join(", "))?;
    let holds = counts.keys().all(|state| *state == "holds" || state.starts_with("not known"));
    Ok(Exit::of(!holds, complete))
}

/// Every entry needs a reason, or it would not hold.
fn checked(options: &Options) -> Result<()> {
    if options.reason.trim().is_empty() {
        bail!("--reason gives no reason\n  help: say why the findings may stay, for those who read it later");
    }
    Ok(())
}

/// Writes the entries in the order of where they stood, which changes as little as it may from one time to the next.
fn written(scanned: &Scanned, mut suppress: Vec<Suppression>) -> Result<()> {
    suppress.sort_by(|a, b| (&a.place, &a.fingerprint).cmp(&(&b.place, &b.fingerprint)));
    suppress.dedup_by(|a, b| a.fingerprint == b.fingerprint);
    let text = toml::to_string(&Baseline { version: VERSION, suppress })?;
    let to = Destination::prepare(&scanned.file)?;
    to.write(false, |out| write!(out, "{HEAD}{text}"))
}

fn say(text: &str) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")?;
    Ok(())
}

/// An incomplete scan makes an incomplete baseline, and what is missing is said.
fn ended(report: &Report) -> Exit {
    for gap in &report.coverage.gaps {
        let why = terminal(&Untrusted::from(gap.why.as_str()));
        let _ = writeln!(std::io::stderr(), "not read: {}: {why}", terminal(&gap.path));
    }
    Exit::of(false, report.coverage.is_complete())
}

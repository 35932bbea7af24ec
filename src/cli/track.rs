//! `quell track REPORT`, and what `quell scan --track` does with its findings: one case a credential.
//!
//! `places` says which repository a place is in, `report` reads a report whose secrets are not at hand.

mod places;
mod report;

use std::borrow::Cow;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::config::Config;
use super::desk::{self, Desk};
use super::verify::again::{self, Again};
use super::{Exit, exit, gather, output, scan};
use crate::ledger::{SealedParts, Wrapper};
use crate::model::case::CaseNumber;
use crate::model::event::Opening;
use crate::model::{Fact, Finding, FingerprintInput, FingerprintKey, Report, Untrusted, counted};
use crate::orchestrate::{How, Opened, Scanned, Tracked};
use crate::rules::RuleSet;
pub(super) use places::Roots;

/// `quell track`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A report that `quell scan --format json` or `jsonl` wrote. Its secrets are read again from where they stand, as far
    /// as they are there.
    report: PathBuf,
    /// The repository that a report of a history is about.
    #[arg(long, value_name = "PATH", default_value = ".")]
    repository: PathBuf,
    #[command(flatten)]
    seal: Sealing,
    #[command(flatten)]
    desk: desk::Args,
    /// The configuration to use instead of the user's.
    #[arg(long, value_name = "FILE", env = "QUELL_CONFIG")]
    config: Option<PathBuf>,
    /// A directory of rule files, added to the embedded rules.
    #[arg(long, value_name = "DIR", env = "QUELL_RULES")]
    rules: Option<PathBuf>,
}

/// Where cases are opened, and what is kept of their secrets.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub(super) struct Cases {
    /// Open a case for each credential that is found, and keep it up: who owns it, what depends on it, what to do.
    #[arg(long, help_heading = "Cases")]
    pub(super) track: bool,
    #[command(flatten)]
    pub(super) seal: Sealing,
    #[command(flatten)]
    pub(super) desk: desk::Args,
}

/// What is kept of secrets.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub(super) struct Sealing {
    /// Keep no secret in the store, not even sealed: where it stands is kept, and it is read again from there.
    #[arg(long, help_heading = "Cases")]
    pub(super) no_seal: bool,
}

impl Cases {
    /// Opens the store, where findings are to be tracked.
    pub(super) fn open(&self, args: &scan::Args, config: &Config) -> Result<Option<Tracking>> {
        if !self.track {
            if self.seal.no_seal || self.desk.as_kind.is_some() {
                bail!("--no-seal and --as are for cases\n  help: add --track");
            }
            return Ok(None);
        }
        let rules = scan::rules(args.rules.as_deref().or(config.rules.dir.as_deref()))?;
        // What is wrong with the record of owners is told before anything is written.
        desk::catalog(config)?;
        Ok(Some(Tracking { desk: Desk::open(&self.desk, config, true)?, rules }))
    }
}

/// A store that is open for the findings of a scan.
pub(super) struct Tracking {
    desk: Desk,
    rules: Cow<'static, RuleSet>,
}

impl Tracking {
    /// Tracks what was found.
    pub(super) fn report(&self, args: &scan::Args, config: &Config, report: &Report) -> Result<()> {
        after_scan(args, config, &self.desk, &self.rules, report)
    }
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    let config = Config::load(args.config.as_deref())?;
    desk::catalog(&config)?;
    let desk = Desk::open(&args.desk, &config, true)?;
    let (rules, config_file) = (args.rules.as_deref(), args.config.as_deref());
    let again = Again { report: &args.report, repository: &args.repository, rules, config: config_file };
    let found = again::read(&again, &config)?;
    let rules = scan::rules(args.rules.as_deref().or(config.rules.dir.as_deref()))?;
    let key = desk::identity_key(&config, false)?;
    let roots = Roots::of(std::slice::from_ref(&args.repository));
    let mut all = tracked(&found, &rules, &key, &roots, args.seal.no_seal);
    let at_hand = all.iter().flat_map(|one| one.opening.fingerprints.clone()).collect::<Vec<_>>();
    let written = again::written(&args.report)?;
    let (lost, nameless) = report::openings(&written.findings, &roots, output::now());
    all.extend(lost.into_iter().filter(|one| !one.opening.fingerprints.iter().any(|f| at_hand.contains(f))));
    if nameless > 0 {
        exit::say(&format!(
            "{} not tracked: passwords without a fingerprint, which are not where the report says\n  help: scan with `--track`, or with your team's fingerprint key",
            counted(nameless, "finding is", "findings are")
        ));
    }
    let target = Untrusted::from(args.report.to_string_lossy().as_ref());
    let scanned = Scanned { target, complete: written.complete };
    open(&desk, &config, &all, &scanned, args.seal.no_seal)?;
    Ok(Exit::of(!all.is_empty(), scanned.complete && nameless == 0))
}

/// What `quell scan --track` does when the report is there.
pub(super) fn after_scan(
    args: &scan::Args,
    config: &Config,
    desk: &Desk,
    rules: &RuleSet,
    report: &Report,
) -> Result<()> {
    let key = desk::identity_key(config, false)?;
    let roots = Roots::of(&args.paths);
    let all = tracked(report, rules, &key, &roots, args.cases.seal.no_seal);
    let names: Vec<String> = args.paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let target = Untrusted::from(names.join(" ").as_str());
    let scanned = Scanned { target, complete: report.coverage.is_complete() };
    open(desk, config, &all, &scanned, args.cases.seal.no_seal)
}

/// Opens the cases, gathers what is known about them, decides, and says so on standard error.
fn open(desk: &Desk, config: &Config, all: &[Tracked], scanned: &Scanned, no_seal: bool) -> Result<()> {
    let wrapper = if no_seal { None } else { desk::wrapper(config, false)? };
    let wrapper = wrapper.as_deref().map(|wrapper| wrapper as &dyn Wrapper);
    desk.fits(wrapper, &desk::identity_key(config, false)?)?;
    let Some(key) = desk::checkpoint_key(config, false)? else {
        bail!(
            "the key of checkpoints is not there\n  help: put checkpoint.key back into the state folder, or name it under [store]"
        );
    };
    let opened = desk.done(desk.orchestrator().track(all, scanned, wrapper))?;
    let cases: Vec<CaseNumber> = opened.iter().map(|opened| opened.case).collect();
    gather::gather(desk, config, &cases, !scanned.complete)?;
    let checkpoint = desk.wait(desk.store.checkpoint(&key)).map_err(desk::told)?;
    desk::send_elsewhere(config, &checkpoint)?;
    exit::say(&summary(&opened));
    Ok(())
}

/// What became of the credentials, in a line.
fn summary(opened: &[Opened]) -> String {
    let of =
        |how: fn(&How) -> bool| opened.iter().filter(|o| how(&o.how)).map(|o| o.case.to_string()).collect::<Vec<_>>();
    let told = |cases: Vec<String>, what: &str| match cases.len() {
        0 => None,
        1..=8 => Some(format!("{} {what}: {}", cases.len(), cases.join(" "))),
        many => Some(format!("{many} {what}")),
    };
    let parts = [
        told(of(|how| *how == How::New), "opened"),
        told(of(|how| matches!(how, How::Reopened(_))), "opened again"),
        told(of(|how| *how == How::Joined), "known"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        return "no case was opened".to_owned();
    }
    format!(
        "cases: {}\n  help: `quell case show {}` shows one",
        parts.join("; "),
        opened.first().map(|o| o.case.to_string()).unwrap_or_default()
    )
}

/// The findings of a report as what cases begin with.
fn tracked(report: &Report, rules: &RuleSet, key: &FingerprintKey, roots: &Roots, no_seal: bool) -> Vec<Tracked> {
    let now = output::now();
    let mut all: Vec<Tracked> =
        report.findings.iter().map(|finding| one(finding, rules, key, roots, no_seal, now)).collect();
    // A repository's own address may hold a token: then it goes by its directory.
    for place in all.iter_mut().flat_map(|tracked| &mut tracked.opening.places) {
        if report.findings.iter().any(|finding| finding.secret.stands_in(place.repository.raw())) {
            place.repository = place.root.clone();
        }
    }
    all
}

fn one(finding: &Finding, rules: &RuleSet, key: &FingerprintKey, roots: &Roots, no_seal: bool, now: i64) -> Tracked {
    let kind = &finding.kind;
    let provider = rules.rules.iter().find(|rule| rule.id == kind.rule).and_then(|rule| rules.provider_of(rule));
    let password = rules.rules.iter().any(|rule| rule.id == kind.rule && rule.password);
    let token = FingerprintInput::Token(&finding.secret);
    let own = key.fingerprint(if password { finding.as_password() } else { token });
    let fingerprints = own.iter().chain(&finding.fingerprint).map(|print| print.as_str().to_owned());
    let mut distinct: Vec<String> = Vec::new();
    for print in fingerprints {
        if !distinct.contains(&print) {
            distinct.push(print);
        }
    }
    let places: Vec<_> = finding.locations.iter().map(|location| roots.place(location, &finding.secret, now)).collect();
    let dates = places.iter().filter_map(|place| place.commit.as_ref()).map(|commit| commit.date);
    let opening = Opening {
        fingerprints: distinct,
        rule: kind.rule.to_string(),
        title: kind.title.to_string(),
        provider: provider.map_or_else(|| kind.provider.to_string(), |p| p.id.to_string()),
        redacted: finding.redacted().to_string(),
        severity: finding.severity,
        confidence: finding.confidence,
        advice: kind.advice.to_string(),
        docs: kind.docs.to_string(),
        controls: kind.controls.iter().map(ToString::to_string).collect(),
        names: roots.names(finding),
        exposed: dates.filter(|date| *date > 0).min(),
        by_report: false,
        expires: finding.facts.iter().find_map(|fact| match fact {
            Fact::Expires(at) | Fact::Expired(at) => Some(*at),
            _ => None,
        }),
        places,
    };
    let parts = (!no_seal).then(|| sealed(finding));
    Tracked { opening, parts, verification: finding.verification.as_deref().cloned() }
}

/// A credential's secrets, by name: `secret`, and its other parts with the rules that found them.
fn sealed(finding: &Finding) -> SealedParts {
    let own = [("secret".to_owned(), finding.secret.clone())];
    let companions = finding.companions.iter().map(|part| (part.name.to_string(), part.secret.clone()));
    let rules: Vec<(String, Option<String>)> = finding
        .companions
        .iter()
        .map(|part| (part.name.to_string(), part.kind.as_ref().map(|kind| kind.rule.to_string())))
        .collect();
    SealedParts {
        rule: finding.kind.rule.to_string(),
        context: serde_json::json!({ "companions": rules }),
        parts: own.into_iter().chain(companions).collect(),
    }
}

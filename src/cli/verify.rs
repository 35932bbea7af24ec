//! `quell verify`: ask again about the findings of a report, or about one credential that is handed in.
//!
//! `again` reads the secrets of a report from where they stand. A secret is never an argument: arguments are seen by
//! everybody on the machine.

pub(super) mod again;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use zeroize::Zeroizing;

use self::again::Again;
use super::config::{Config, word};
use super::scan::{self, FAIL_ON};
use super::verification::{self, Verification};
use super::{Exit, output};
use crate::model::{Companion, Confidence, Coverage, Fact, Finding, FingerprintKey, Location, Part, Report, Secret};
use crate::rules::{Recipes, Rule, RuleSet, Shape};
use crate::scan::{MAX_MATCHES, Markers, Progress, ScanOptions, Target, kind, scan as scan_targets};
use crate::sources::{Options as WalkOptions, PathFilter};
use crate::verify::request::authority;
use crate::verify::wire::default_port;

/// The largest credential that is handed in.
const MAX_INPUT: u64 = 1 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A report of quell, as JSON or JSON Lines: each of its secrets is read again from its place and asked about.
    #[arg(required_unless_present_any = ["stdin", "fd", "hosts"], conflicts_with_all = ["stdin", "fd", "hosts"])]
    report: Option<PathBuf>,
    /// The repository that a report of a history, a change or a push is about.
    #[arg(long, value_name = "DIR", default_value = ".")]
    repository: PathBuf,
    /// Read one credential from standard input: the text that holds it (a URL, a configuration), or its secret on the
    /// first line and other parts below it as NAME=VALUE.
    #[arg(long, requires = "rule", conflicts_with = "fd")]
    stdin: bool,
    /// The same from this file descriptor.
    #[arg(long, value_name = "N", requires = "rule")]
    fd: Option<RawFd>,
    /// The rule that says what the credential is.
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Print every host that verification may contact, with its port, and why.
    #[arg(long)]
    hosts: bool,
    /// A format, perhaps with a file, as of `quell scan`. May be given several times.
    #[arg(long, value_name = "FORMAT[=FILE]")]
    format: Vec<String>,
    /// Which findings fail the run: any, live, none.
    #[arg(long, value_name = "WHICH", default_value = "live")]
    fail_on: String,
    /// A directory of rule files, added to the embedded rules.
    #[arg(long, value_name = "DIR", env = "QUELL_RULES")]
    rules: Option<PathBuf>,
    /// The configuration to use instead of the user's.
    #[arg(long, value_name = "FILE", env = "QUELL_CONFIG")]
    config: Option<PathBuf>,
    /// A file with the certificates of authorities to trust beside the system's, as PEM.
    #[arg(long, value_name = "FILE", env = "QUELL_CA_FILE")]
    ca_file: Option<PathBuf>,
    #[command(flatten)]
    verification: verification::Args,
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    let config = Config::load(args.config.as_deref())?;
    let fail_on = word("kind of findings", &args.fail_on, FAIL_ON)?;
    let rules = scan::rules(args.rules.as_deref().or(config.rules.dir.as_deref()))?;
    let outputs = output::parse(&args.format)?;
    // Whoever runs this verb asks now: what is known from earlier is asked again.
    let verification = Verification::new(&args.verification, &config, &rules, args.ca_file.as_deref(), true)?;
    if args.hosts {
        return hosts(&rules, &verification);
    }
    let started = output::now();
    let mut report = match (&args.report, &args.rule) {
        (Some(path), _) => {
            let (rules, config_file) = (args.rules.as_deref(), args.config.as_deref());
            let again = Again { report: path, repository: &args.repository, rules, config: config_file };
            again::read(&again, &config)?
        }
        (None, Some(id)) => Report { rules: 1, ..given(&rules, id, args, &config)? },
        (None, None) => bail!("there is nothing to verify\n  help: name a report, or give --stdin with --rule"),
    };
    verification.run(&rules, &mut report)?;
    scan::finish(&outputs, false, fail_on, started, &mut report)
}

/// Every host that may be asked: those of recipes, which are fixed, and those that were listed.
fn hosts(rules: &RuleSet, verification: &Verification<'_>) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    let mut lines: Vec<(String, String)> = Vec::new();
    let replaced = |id: &str| !verification.endpoints().addresses(&[id]).is_empty();
    for provider in rules.providers.iter().filter(|provider| !provider.recipes.is_empty() && !replaced(&provider.id)) {
        let recipes = Recipes::of_text(&provider.recipes);
        let urls = recipes.verify.values().map(|recipe| recipe.request.url.as_str());
        for host in urls.filter(|url| url.starts_with("https://")).map(|url| authority(url).0) {
            // A part of the credential is one label below the provider's own domain.
            let host = host.split_once('}').map_or(host.to_owned(), |(_, rest)| format!("*{rest}"));
            lines.push((format!("{host}:443"), provider.id.to_string()));
        }
    }
    for (key, host) in verification.endpoints().told() {
        let named = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let host = if named { host } else { format!("{host}:{}", default_port(key)) };
        lines.push((host, format!("{key} (listed under [endpoints])")));
    }
    lines.extend(verification.proxy().map(|proxy| (proxy, "everything goes through this proxy".to_owned())));
    lines.sort();
    lines.dedup();
    for (host, why) in &lines {
        writeln!(out, "{host:<44} {why}")?;
    }
    Ok(Exit::Clean)
}

/// The credential that is handed in.
fn given(rules: &RuleSet, id: &str, args: &Args, config: &Config) -> Result<Report> {
    let rule = super::rules::named(rules, id)?;
    let text = input(args)?;
    let key = config.key()?;
    let found = found(rules, rule, &text, &key)?;
    let findings = if found.is_empty() { vec![bare(rules, rule, &text, &key)?] } else { found };
    Ok(Report {
        findings,
        coverage: Coverage { files: 1, bytes: text.len() as u64, ..Coverage::default() },
        ..Report::default()
    })
}

/// Reads what is handed in.
fn input(args: &Args) -> Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::new());
    match args.fd {
        None => std::io::stdin().lock().take(MAX_INPUT + 1).read_to_end(&mut text),
        Some(fd) => {
            let told = || format!("file descriptor {fd} cannot be read\n  help: open it for quell, such as `quell verify --fd 3 … 3<FILE`");
            // Through the system's list of open files, so that a number that is not open is an error and nothing else.
            let file = File::open(format!("/dev/fd/{fd}")).with_context(told)?;
            file.take(MAX_INPUT + 1).read_to_end(&mut text)
        }
    }
    .context("the credential cannot be read")?;
    if text.len() as u64 > MAX_INPUT {
        bail!("this is no credential: it is larger than 1 MiB\n  help: to look for secrets in it, use `quell scan -`");
    }
    if text.trim_ascii().is_empty() {
        bail!(
            "no credential came in\n  help: pipe it in, such as `pass show TOKEN | quell verify --stdin --rule RULE`"
        );
    }
    Ok(text)
}

/// What the rule finds in the text: a URL, a configuration with all parts of a credential.
fn found(rules: &RuleSet, rule: &Rule, text: &Zeroizing<Vec<u8>>, key: &FingerprintKey) -> Result<Vec<Finding>> {
    let options = ScanOptions {
        rules,
        enable: &|_| true,
        confidence: Confidence::Low,
        key,
        threads: 1,
        now: output::now(),
        max_matches: MAX_MATCHES,
        markers: Markers::Refused,
        walk: WalkOptions { ignored_too: true, filter: PathFilter::new(&[], &[])?, max_file_size: None },
        consumers: crate::scan::Consumption::Nothing,
    };
    let stream: Box<dyn Read + Send> = Box::new(std::io::Cursor::new(text.clone()));
    let target = Target::Stream(stream, "standard input".into());
    let mut report = scan_targets(vec![target], &options, &Progress::default());
    report.findings.retain(|f| f.kind.rule == rule.id || f.other_kinds.iter().any(|kind| kind.rule == rule.id));
    for finding in &mut report.findings {
        if finding.kind.rule != rule.id {
            finding.other_kinds.retain(|kind| kind.rule != rule.id);
            finding.other_kinds.push(Arc::clone(&finding.kind));
            finding.kind = Arc::new(kind(rules, rule));
        }
    }
    Ok(report.findings)
}

/// The finding that a secret alone makes: as it is, or as the value of a name that the rule knows.
///
/// What has not the form of the rule's secrets is not sent to its provider: it would be another's.
fn alone(rules: &RuleSet, rule: &Rule, secret: &[u8], key: &FingerprintKey) -> Result<Finding> {
    let mut text = Zeroizing::new([secret, b"\n"].concat());
    if matches!(rule.shape, Shape::Assign | Shape::Pair) {
        for keyword in rule.keywords.iter() {
            text.extend_from_slice(&Zeroizing::new([keyword.as_bytes(), b" = \"", secret, b"\"\n"].concat()));
        }
    }
    let whole = found(rules, rule, &text, key)?.into_iter().find(|finding| finding.secret.len() == secret.len());
    whole.with_context(|| {
        format!(
            "this is not a {}: it has {} bytes, and not the form of one\n  help: `quell rules show {}` shows the form; check that nothing was cut off",
            rule.name,
            secret.len(),
            rule.id
        )
    })
}

/// A credential whose parts are handed in by name, each on its line.
fn bare(rules: &RuleSet, rule: &Rule, text: &[u8], key: &FingerprintKey) -> Result<Finding> {
    let mut lines = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let mut finding = alone(rules, rule, lines.next().unwrap_or_default(), key)?;
    finding.locations = vec![place(1, &finding.secret)];
    for (number, line) in (2..).zip(lines) {
        let Some(equals) = line.iter().position(|b| *b == b'=') else {
            bail!(
                "line {number} of the credential is no NAME=VALUE\n  help: give the secret alone on the first line, and its other parts below"
            );
        };
        let (name, value) = line.split_at(equals);
        let name = String::from_utf8_lossy(name).trim().to_owned();
        let known = rule.companions.iter().any(|c| c.name == name) || rule.pattern.contains(&format!("(?<{name}>"));
        if !known {
            bail!("`{}` has no part `{name}`\n  help: `quell rules show {}` names its parts", rule.id, rule.id);
        }
        let secret = Secret::new(value.get(1..).unwrap_or_default().trim_ascii().to_vec());
        finding.facts.retain(|fact| *fact != Fact::PartMissing(name.clone()));
        let location = place(number, &secret);
        finding.companions.push(Companion { name: name.into(), kind: None, secret, location });
    }
    if rule.password {
        finding.fingerprint = key.fingerprint(finding.as_password());
    }
    Ok(finding)
}

/// Where a part that is handed in stands.
fn place(line: u32, part: &Secret) -> Location {
    Location {
        path: "standard input".into(),
        part: Part::File,
        start: 0,
        end: part.len() as u64,
        line,
        column: 1,
        end_line: line,
        end_column: 1 + u32::try_from(part.len()).unwrap_or(u32::MAX - 1),
        commit: None,
        history: None,
    }
}

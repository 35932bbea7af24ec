//! Verification as the options and the configuration describe it: for scans, for the verb `verify`, and for `explain`.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use super::config::Config;
use super::output;
use super::random::random;
use super::remote::own::authorities;
use super::state;
use crate::model::{Clock, Finding, FingerprintKey, GapKind, Report, Verdict, nearest};
use crate::rules::recipe_lint::PROTOCOLS;
use crate::rules::{Recipes, RuleSet};
use crate::verify::{Cache, Endpoints, Network, Options, Proxy, verify};

/// What verification is asked with.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Send no request: say what the credential itself tells.
    #[arg(long, help_heading = "Verification")]
    pub(super) offline: bool,
    /// The most requests of this run [default: 5000].
    #[arg(long, value_name = "N", help_heading = "Verification")]
    pub(super) max_requests: Option<u64>,
    /// Ask also where a refusal may count against an account and lock it.
    #[arg(long, help_heading = "Verification")]
    pub(super) logins: bool,
}

impl Args {
    /// Whether nobody is to be asked.
    #[cfg(feature = "remediate")]
    pub(super) const fn is_offline(&self) -> bool {
        self.offline
    }

    /// Whether any was given.
    pub(super) const fn given(&self) -> bool {
        self.offline || self.logins || self.max_requests.is_some()
    }
}

/// The system's clock.
struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        output::now()
    }
}

/// How long an answer counts, in hours.
const KEEP: u32 = 24;
/// The most requests of a run, unless told otherwise: a file full of made-up tokens shall not take days.
const REQUESTS: u64 = 5_000;

/// Everything that verification needs, but for the rules and the findings.
pub(super) struct Verification<'a> {
    args: &'a Args,
    endpoints: Endpoints,
    network: Option<Network>,
    cache: Option<Cache>,
    cache_key: Option<FingerprintKey>,
    fresh: bool,
    logins: bool,
    max_requests: u64,
}

impl<'a> Verification<'a> {
    /// Reads the configuration. `fresh` says that what is known from earlier runs is asked again.
    pub(super) fn new(
        args: &'a Args,
        config: &Config,
        rules: &RuleSet,
        ca_file: Option<&Path>,
        fresh: bool,
    ) -> Result<Self> {
        let endpoints = endpoints(config, rules)?;
        let network = if args.offline {
            None
        } else {
            let pem = authorities(ca_file.or(config.network.ca_file.as_deref()))?;
            let proxy = config.network.proxy.as_deref().map(proxy).transpose()?;
            Some(Network::new(pem.as_deref(), proxy).map_err(|e| {
                anyhow!(
                    "{e}\n  help: install the system's certificates (`ca-certificates`), or name a file with --ca-file"
                )
            })?)
        };
        let keep = i64::from(config.verify.keep_hours.unwrap_or(KEEP)) * 3600;
        let folder = state::folder();
        let cache = folder.as_ref().map(|folder| Cache::open(&folder.join("verdicts.json"), keep));
        // Whoever only looks leaves nothing behind.
        let make = !args.offline;
        Ok(Self {
            args,
            endpoints,
            network,
            cache_key: folder.and_then(|folder| cache_key(&folder, make)),
            cache,
            fresh,
            logins: args.logins || config.verify.logins.unwrap_or(false),
            max_requests: args.max_requests.or(config.verify.max_requests).unwrap_or(REQUESTS),
        })
    }

    /// Gives every finding its verification, and puts them in order again.
    pub(super) fn run(&self, rules: &RuleSet, report: &mut Report) -> Result<()> {
        self.ask(rules, &mut report.findings)?;
        report.sort();
        self.keep(report);
        Ok(())
    }

    /// Gives every finding its verification, where it stands. What is learnt is not kept.
    pub(super) fn ask(&self, rules: &RuleSet, findings: &mut [Finding]) -> Result<()> {
        let options = Options {
            rules,
            endpoints: &self.endpoints,
            network: self.network.as_ref(),
            cache: self.cache.as_ref(),
            cache_key: self.cache_key.as_ref(),
            fresh: self.fresh,
            clock: &SystemClock,
            max_requests: Some(self.max_requests),
            logins: self.logins,
            seed: u64::from_le_bytes(random()?),
        };
        verify(findings, &options).context("nothing could be verified")
    }

    /// Writes down what was learnt. Where that fails, the answers stand all the same.
    fn keep(&self, report: &mut Report) {
        let Some(cache) = self.cache.as_ref().filter(|_| !self.args.offline) else { return };
        let stored = cache.store(output::now());
        let trouble = cache.trouble().map(|why| format!("the answers of earlier runs are not used: {why}"));
        for why in trouble.into_iter().chain(stored.err().map(|why| format!("the answers are not kept: {why}"))) {
            report.coverage.notice(&"verdicts.json".into(), why);
        }
    }

    /// The organisation's proxy, for `--hosts`.
    pub(super) fn proxy(&self) -> Option<String> {
        self.network.as_ref().and_then(Network::proxy).map(|proxy| format!("{}:{}", proxy.host, proxy.port))
    }

    /// What was listed, for `--hosts`.
    pub(super) const fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }
}

/// The key of what is kept on this machine, made the first time. Where there is none, passwords are not remembered.
fn cache_key(folder: &Path, make: bool) -> Option<FingerprintKey> {
    let key = state::key(&folder.join("cache.key"), make).ok()??;
    FingerprintKey::team(&*key).ok()
}

/// What stands under `[endpoints]`; its names are providers and protocols.
fn endpoints(config: &Config, rules: &RuleSet) -> Result<Endpoints> {
    let known =
        || rules.providers.iter().map(|p| p.id.as_ref()).chain(PROTOCOLS.iter().copied().filter(|p| *p != "https"));
    for key in config.endpoints.keys() {
        if !known().any(|name| name == key) {
            let near = nearest(key, known())
                .map_or_else(|| "see `quell verify --hosts`".to_owned(), |n| format!("did you mean `{n}`?"));
            bail!("[endpoints]: `{key}` is neither a provider nor a protocol\n  help: {near}");
        }
    }
    let lists: Vec<(&str, Vec<String>)> =
        config.endpoints.iter().map(|(key, hosts)| (key.as_str(), hosts.list())).collect();
    let endpoints = Endpoints::new(lists.iter().map(|(key, hosts)| (*key, hosts.as_slice())))
        .map_err(|e| anyhow!("[endpoints]: {e}"))?;
    for key in endpoints.keys() {
        let (addresses, hosts) = endpoints.forms(key);
        match asked_by(rules, key) {
            (true, false) if !addresses => bail!(
                "[endpoints]: `{key}` is asked by HTTPS\n  help: write the address of your instance whole, such as `https://{key}.example.com`"
            ),
            (false, true) if !hosts => bail!(
                "[endpoints]: `{key}` is no HTTPS service\n  help: write hosts, such as `db.example.com:5432` or `*.db.internal`"
            ),
            _ => {}
        }
    }
    Ok(endpoints)
}

/// Whether what a key of `[endpoints]` names is asked by HTTPS, and whether by another protocol.
fn asked_by(rules: &RuleSet, key: &str) -> (bool, bool) {
    let Some(provider) = rules.providers.iter().find(|p| p.id == key) else {
        return (key == "registry", key != "registry");
    };
    let recipes = Recipes::of_text(&provider.recipes);
    let protocols: Vec<&str> = recipes.verify.values().map(|recipe| recipe.request.protocol.as_str()).collect();
    // A registry is listed by its address, or as a host that a configuration names.
    let http = protocols.iter().any(|protocol| matches!(*protocol, "https" | "registry"));
    let wire = PROTOCOLS.contains(&key) || protocols.iter().any(|protocol| *protocol != "https");
    (http, wire)
}

fn proxy(text: &str) -> Result<Proxy> {
    let shown = crate::verify::endpoints::shown(text);
    let told = || anyhow!("[network]: `{shown}` is no proxy\n  help: write `http://proxy.example.com:3128`");
    let rest = text.strip_prefix("http://").ok_or_else(told)?.trim_end_matches('/');
    let (host, port) = crate::verify::endpoints::host_and_port(rest).ok_or_else(told)?;
    Ok(Proxy { host, port: port.unwrap_or(3128) })
}

/// Which findings fail a run, where `live` was asked for: what works. What could not be found out is a gap.
pub(super) fn live(report: &mut Report) -> bool {
    let mut any = false;
    for finding in &report.findings {
        let verdict = finding.verification.as_ref().map_or(Verdict::NoVerifier, |v| v.verdict);
        any |= verdict.is_live();
        if verdict.is_had() {
            continue;
        }
        if let Some(place) = finding.locations.first() {
            let why = without(finding);
            report.coverage.gap(GapKind::NoVerdict, &place.path, why);
        }
    }
    report.coverage.sort();
    any
}

/// That a finding has no verdict, and why.
fn without(finding: &Finding) -> String {
    let line = finding.locations.first().map_or(0, |place| place.line);
    let why = match finding.verification.as_ref().map(|v| v.verdict) {
        None => "was not verified",
        Some(Verdict::Unknown(why)) => why.sentence(),
        Some(_) => "no recipe says how to ask",
    };
    format!("line {line}: whether {} is live is not known: {why}", finding.kind.rule)
}

//! Asks issuers: each credential once, each provider at its pace, all within the run's budget; `Live` only where the same
//! place refused a made-up credential.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use super::ask::{Asked, Asker};
use super::cache::Cache;
use super::connect::Network;
use super::endpoints::Endpoints;
use super::parts::Parts;
use super::plan::{Book, Plan, places};
use crate::model::{Clock, Finding, Fingerprint, FingerprintKey, Secret, Verdict, Verification, Why};
use crate::rules::RuleSet;

/// How many credentials are asked about at once at one provider.
const AT_ONCE: usize = 8;
/// How many providers are asked at once.
const PROVIDERS: usize = 64;

/// With what is verified.
pub struct Options<'a> {
    /// The rules, with their recipes.
    pub rules: &'a RuleSet,
    /// What an administrator listed.
    pub endpoints: &'a Endpoints,
    /// How hosts are reached; without it nothing is asked.
    pub network: Option<&'a Network>,
    /// What earlier runs learnt.
    pub cache: Option<&'a Cache>,
    /// A key of this machine alone, by which credentials are known that have no fingerprint of their own: passwords are
    /// asked about once a day too.
    pub cache_key: Option<&'a FingerprintKey>,
    /// Whether to ask anew what is known from today.
    pub fresh: bool,
    /// The time.
    pub clock: &'a dyn Clock,
    /// The most requests of the run.
    pub max_requests: Option<u64>,
    /// Whether to ask where a refusal may lock the account.
    pub logins: bool,
    /// What made-up credentials are made from.
    pub seed: u64,
}

/// Verifies findings: each gets its verification.
///
/// # Errors
/// If the system gives no means to wait for connections.
pub fn verify(findings: &mut [Finding], options: &Options<'_>) -> std::io::Result<()> {
    let now = options.clock.now();
    let mut book = Book::new(options.rules);
    let mut checks = Checks::default();
    for (index, finding) in findings.iter_mut().enumerate() {
        finding.verification = None;
        let verification = match book.plan(finding, options.logins) {
            Err((verdict, recipe)) => Verification::not_asked(verdict, &recipe, now),
            Ok(plan) => match known(finding, &plan, options, now) {
                Some(verification) => verification,
                None if options.network.is_none() => {
                    Verification::not_asked(Verdict::Unknown(Why::Offline), &plan.name, now)
                }
                None => {
                    checks.add(plan, index);
                    continue;
                }
            },
        };
        finding.verification = Some(Box::new(verification));
    }
    if let Some(network) = options.network {
        for (users, asked) in run(checks, network, options)? {
            for index in users {
                if let Some(finding) = findings.get_mut(index) {
                    finding.verification = Some(Box::new(asked.clone()));
                }
            }
        }
    }
    if let Some(cache) = options.cache {
        for finding in findings.iter() {
            if let (Some(fingerprint), Some(verification)) = (kept_by(finding, options), &finding.verification) {
                cache.put(&fingerprint, verification);
            }
        }
    }
    of_pairs(findings);
    for finding in findings.iter_mut() {
        if let Some(verification) = &finding.verification {
            finding.severity = verification.verdict.severity(finding.severity);
        }
    }
    Ok(())
}

/// Gives a part that nobody can be asked about alone, such as a key id, what was said of the credential that it is of.
fn of_pairs(findings: &mut [Finding]) {
    let had = |finding: &&Finding| finding.verification.as_ref().is_some_and(|v| v.verdict.is_had());
    let parts = findings.iter().filter(had).flat_map(|finding| {
        let joined = finding.companions.iter().filter(|companion| companion.kind.is_some());
        joined.filter_map(|companion| Some((companion.secret.clone(), finding.verification.clone()?)))
    });
    let mut known: HashMap<Secret, Box<Verification>> = HashMap::new();
    for (secret, verification) in parts {
        let other = known.entry(secret).or_insert_with(|| verification.clone());
        if verification.verdict.is_live() {
            *other = verification;
        }
    }
    for finding in findings {
        let alone = finding.verification.as_ref().is_some_and(|v| v.verdict == Verdict::NoVerifier);
        if let (true, Some(verification)) = (alone, known.get(&finding.secret)) {
            finding.verification = Some(verification.clone());
        }
    }
}

/// What a credential is kept by.
fn kept_by(finding: &Finding, options: &Options<'_>) -> Option<Fingerprint> {
    let own = || options.cache_key?.fingerprint(finding.as_password());
    finding.fingerprint.clone().or_else(own)
}

fn known(finding: &Finding, plan: &Plan<'_>, options: &Options<'_>, now: i64) -> Option<Verification> {
    let cache = options.cache.filter(|_| !options.fresh)?;
    let known = cache.get(&kept_by(finding, options)?, &plan.name, now)?;
    // What another place said counts for that place, and a refusal for what it was asked with.
    let all = plan.parts.iter().map(|parts| places(plan.provider, &plan.recipe, options.endpoints, parts));
    let all: Vec<_> = all.flat_map(Result::unwrap_or_default).map(|place| place.authority()).collect();
    let is_same = |authority: &String| authority.as_bytes() == known.host.raw();
    let counts = match known.verdict.is_live() {
        true => all.iter().any(is_same),
        false => !plan.joined && !all.is_empty() && all.iter().all(is_same),
    };
    counts.then_some(known)
}

/// Credentials to ask about, each with the findings that it is of.
#[derive(Default)]
struct Checks<'r> {
    all: Vec<(Plan<'r>, Vec<usize>)>,
    known: HashMap<(Arc<str>, Vec<Parts>), usize>,
}

impl<'r> Checks<'r> {
    fn add(&mut self, plan: Plan<'r>, index: usize) {
        let at = *self.known.entry((Arc::clone(&plan.name), plan.parts.clone())).or_insert(self.all.len());
        match self.all.get_mut(at) {
            Some((_, users)) => users.push(index),
            None => self.all.push((plan, vec![index])),
        }
    }
}

/// Asks about every credential: those of one provider in a row of their own, so that a slow one holds up nobody else's.
fn run(
    checks: Checks<'_>,
    network: &Network,
    options: &Options<'_>,
) -> std::io::Result<Vec<(Vec<usize>, Verification)>> {
    let mut providers: HashMap<u16, Vec<(Plan<'_>, Vec<usize>)>> = HashMap::new();
    for (plan, users) in checks.all {
        providers.entry(plan.rule.provider).or_default().push((plan, users));
    }
    if providers.is_empty() {
        return Ok(Vec::new());
    }
    let asker = Asker::new(network, options);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rows = stream::iter(providers.into_values()).map(|row| {
        let pace = asker.pace(&row.iter().map(|(plan, _)| plan).collect::<Vec<_>>());
        let asker = &asker;
        async move {
            let pace = &pace;
            let asked =
                stream::iter(row).map(|(plan, users)| async move { (users, asker.credential(&plan, pace).await) });
            asked.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await
        }
    });
    let asked: Vec<Vec<_>> = runtime.block_on(rows.buffer_unordered(PROVIDERS).collect());
    // A name that is still being looked up holds up nobody.
    runtime.shutdown_background();
    // A name that has no address, in a run that reached nobody, is a missing network.
    let offline = !network.reached_any();
    let told = |(users, asked): (Vec<usize>, Asked)| (users, asked.verification(offline));
    Ok(asked.into_iter().flatten().map(told).collect())
}

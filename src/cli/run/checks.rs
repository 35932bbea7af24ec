//! The checks that are due: issuers are asked again, several in one go, so that each provider is asked at its pace.

use anyhow::Result;

use super::super::config::Config;
use super::super::desk::{self, Desk};
use super::super::gather::{self, finding};
use super::super::verification::Verification;
use super::super::{exit, output, scan};
use super::Args;
use super::lease::Renewing;
use super::outside::failed as outside_failed;
use crate::ledger::{ATTEMPTS, Job, LedgerError};
use crate::model::case::Case;
use crate::model::{Finding, Verdict, Verification as Answer, Why};
use crate::orchestrate::outside::{Outside, OutsideError};
use crate::orchestrate::{CHECK, CommandError, Orchestrator};

/// How many are asked in one go.
const TOGETHER: usize = 64;
/// What is known about a case is gathered again after this many seconds, whether its verdict changed or not.
const GATHERED: i64 = 24 * 3600;
/// How long a check waits for which the run's or the provider's number of requests is used up, in seconds.
const BUDGET: i64 = 3600;

/// A check at work.
struct Check {
    job: Job,
    case: Case,
    nominal: Option<i64>,
}

/// Makes the checks that are due. How many there were.
pub(super) fn work(desk: &Desk, config: &Config, args: &Args, outside: &Outside<'_>) -> Result<usize> {
    let mut jobs = Vec::new();
    while jobs.len() < TOGETHER {
        match desk.wait(desk.store.claim(&[CHECK])).map_err(desk::told)? {
            Some(job) => jobs.push(job),
            None => break,
        }
    }
    let count = jobs.len();
    if count == 0 {
        return Ok(0);
    }
    let renewing = Renewing::start(args, config, &jobs)?;
    for (check, answer) in ask(desk, config, args, jobs)? {
        ended(desk, config, outside, check, answer)?;
    }
    // Until the last is written down, all of them are ours.
    drop(renewing);
    Ok(count)
}

/// Asks about each credential. What could not be read is told, and tried again.
fn ask(desk: &Desk, config: &Config, args: &Args, jobs: Vec<Job>) -> Result<Vec<(Check, Answer)>> {
    let rules = scan::rules(config.rules.dir.as_deref())?;
    let verification = Verification::new(&args.verification, config, &rules, None, true)?;
    let office = desk.orchestrator();
    let now = desk.wait(desk.store.now()).map_err(desk::told)?;
    let (mut checks, mut findings, mut gone): (Vec<Check>, Vec<Finding>, Vec<Check>) = <_>::default();
    for job in jobs {
        let Some(number) = job.case else { continue };
        let case = desk.done(office.case(number))?;
        let Some(nominal) = office.is_due(&case, &job, now) else {
            desk.done(office.checked(&job))?;
            continue;
        };
        let check = |job| Check { job, case: case.clone(), nominal };
        match finding(&case, config, desk, &rules) {
            Ok(Some(found)) => {
                checks.push(check(job));
                findings.push(found);
            }
            Ok(None) => gone.push(check(job)),
            Err(error) => {
                exit::say(&format!("{number} cannot be checked: {error:#}"));
                failed(desk, &job, &error.to_string())?;
            }
        }
    }
    verification.ask(&rules, &mut findings)?;
    let unknown = |why| Answer::not_asked(Verdict::Unknown(why), "", output::now());
    let answers = findings.into_iter().map(|finding| finding.verification.map(|answer| *answer));
    let asked = checks.into_iter().zip(answers);
    let asked = asked.map(|(check, answer)| (check, answer.unwrap_or_else(|| unknown(Why::Unusable))));
    Ok(asked.chain(gone.into_iter().map(|check| (check, unknown(Why::SecretGone)))).collect())
}

/// Writes down what an issuer said, decides anew, and ends the job.
fn ended(desk: &Desk, config: &Config, outside: &Outside<'_>, check: Check, answer: Answer) -> Result<()> {
    let Check { mut job, case, nominal } = check;
    let office = desk.orchestrator();
    let number = case.number;
    if matches!(answer.verdict, Verdict::Unknown(Why::BudgetSpent | Why::Offline)) {
        let told = "the number of requests is used up, or the network is not to be used";
        return lost(desk.wait(desk.store.postpone(&job, BUDGET, false, told)));
    }
    let now = desk.wait(desk.store.now()).map_err(desk::told)?;
    let changed = case.verdict().is_none_or(|known| known.verdict != answer.verdict);
    retried(desk, || office.verdict(number, answer.clone(), nominal))?;
    if changed || case.answered.is_none_or(|at| at + GATHERED <= now) {
        gather::gather(desk, config, &[number], false)?;
    } else {
        retried(desk, || office.decide(number))?;
    }
    if let Some(tracker) = job.payload.get("settles").and_then(|name| name.as_str()).map(str::to_owned) {
        let settled = desk.wait(settle(&office, outside, &tracker, &mut job));
        if let Err(error) = settled {
            return outside_failed(desk, outside, &job, &error);
        }
    }
    finished(desk, &job, answer.verdict)
}

/// Ends the job of a check, or puts it off.
fn finished(desk: &Desk, job: &Job, verdict: Verdict) -> Result<()> {
    let office = desk.orchestrator();
    let ended = desk.wait(async {
        let put_off = match verdict {
            Verdict::Unknown(why) => office.put_off(job, why).await?,
            _ => false,
        };
        if put_off { Ok(()) } else { office.checked(job).await }
    });
    match ended {
        Err(CommandError::Ledger(error)) => lost(Err(error)),
        other => desk.done(async { other }),
    }
}

/// Tries a check again that could not be made here; in the end the next of the schedule.
fn failed(desk: &Desk, job: &Job, why: &str) -> Result<()> {
    if job.attempts < ATTEMPTS {
        return lost(desk.wait(desk.store.fail(job, why)).map(drop));
    }
    finished(desk, job, Verdict::NoVerifier)
}

/// What comes of a task that somebody closed, now that its issuer was asked.
async fn settle(
    office: &Orchestrator<'_>,
    outside: &Outside<'_>,
    tracker: &str,
    job: &mut Job,
) -> Result<(), OutsideError> {
    let Some(number) = job.case else { return Ok(()) };
    let case = office.case(number).await?;
    let closer = office.closer(outside, &case, tracker).await?;
    let person = closer.as_ref().map(|caller| Orchestrator { caller, ..*office });
    office.settle(outside, tracker, job, person.as_ref()).await
}

/// Does what somebody else may have come before in, until it is done.
fn retried<T, F: Future<Output = Result<T, CommandError>>>(desk: &Desk, what: impl Fn() -> F) -> Result<()> {
    for _ in 0..gather::RETRIES {
        match desk.wait(what()) {
            Err(CommandError::Ledger(LedgerError::Conflict { .. })) => {}
            other => return desk.done(async { other.map(drop) }),
        }
    }
    desk.done(async { what().await.map(drop) })
}

/// That somebody else has the job by now is no failure: they do it.
pub(super) fn lost(outcome: Result<(), LedgerError>) -> Result<()> {
    match outcome {
        Ok(()) | Err(LedgerError::Lost(_)) => Ok(()),
        Err(error) => Err(desk::told(error)),
    }
}

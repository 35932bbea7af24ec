//! What is to be done outside: tasks, notices, and what people write in tasks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;

use super::super::desk::{self, Desk};
use super::super::exit;
use super::checks::lost;
use crate::ledger::{Job, LedgerError};
use crate::orchestrate::outside::{Outside, OutsideError};
use crate::orchestrate::{CommandError, DIGEST, ESCALATE, LISTEN, NOTICE, TASK};

/// So many jobs are done before it is looked whether anything else is due.
const AT_ONCE: usize = 200;
/// The shortest and the longest time that a task waits for a tracker that fails, in seconds.
const WAITS: (i64, i64) = (30, 3600);

/// Does what is due. How many jobs there were.
pub(super) fn work(desk: &Desk, outside: &Outside<'_>, end: &AtomicBool) -> Result<usize> {
    let office = desk.orchestrator();
    let mut count = 0;
    while count < AT_ONCE
        && !end.load(Ordering::Relaxed)
        && let Some(mut job) = desk.wait(desk.store.claim(&[NOTICE, TASK, ESCALATE, LISTEN])).map_err(desk::told)?
    {
        count += 1;
        let done = match job.what.as_str() {
            NOTICE => desk.wait(office.deliver(outside, &mut job)).map(drop),
            TASK => desk.wait(office.sync_task(outside, &mut job)),
            ESCALATE => desk.wait(office.escalate(outside, &job)),
            _ => desk.wait(office.listen(outside, &mut job)).map(drop),
        };
        if let Err(error) = done {
            failed(desk, outside, &job, &error)?;
        }
    }
    Ok(count + together(desk, outside)?)
}

/// Delivers what waits for digests: what is due of each route and time as one.
fn together(desk: &Desk, outside: &Outside<'_>) -> Result<usize> {
    let mut groups: BTreeMap<String, Vec<Job>> = BTreeMap::new();
    let mut count = 0;
    while let Some(job) = desk.wait(desk.store.claim(&[DIGEST])).map_err(desk::told)? {
        let key = ["route", "slot"].map(|name| job.payload.get(name).map(ToString::to_string).unwrap_or_default());
        groups.entry(key.concat()).or_default().push(job);
        count += 1;
    }
    for jobs in groups.values_mut() {
        if let Err(error) = desk.wait(desk.orchestrator().deliver_together(outside, jobs)) {
            // Those of a part that went out before are done.
            let left = desk.wait(still_leased(desk, jobs)).map_err(desk::told)?;
            failed_all(desk, outside, &left, &error)?;
        }
    }
    Ok(count)
}

async fn still_leased<'a>(desk: &Desk, jobs: &'a [Job]) -> Result<Vec<&'a Job>, LedgerError> {
    let mut left = Vec::new();
    for job in jobs {
        let now = desk.store.job(job.id).await?;
        left.extend(now.filter(|now| now.state == "leased" && now.lease == job.lease).map(|_| job));
    }
    Ok(left)
}

/// What becomes of a job that failed. What a service does for now is waited for; what a person has to change is told.
pub(super) fn failed(desk: &Desk, outside: &Outside<'_>, job: &Job, error: &OutsideError) -> Result<()> {
    failed_all(desk, outside, &[job], error)
}

/// The same of several that failed by one try.
fn failed_all(desk: &Desk, outside: &Outside<'_>, jobs: &[&Job], error: &OutsideError) -> Result<()> {
    let Some(job) = jobs.first() else { return Ok(()) };
    let ours = match error {
        OutsideError::Command(CommandError::Ledger(LedgerError::Lost(_))) => return Ok(()),
        // Somebody else wrote about the case meanwhile: soon again.
        OutsideError::Command(CommandError::Ledger(LedgerError::Conflict { .. })) => {
            let told = "somebody else wrote about the case";
            return lost(desk.wait(desk.store.postpone_all(jobs, 1, false, told)));
        }
        OutsideError::Command(CommandError::Ledger(error)) => Some(error.to_string()),
        _ => None,
    };
    if let Some(ours) = ours {
        anyhow::bail!("{ours}");
    }
    let about = job.case.map(|case| format!("{case}: ")).unwrap_or_default();
    match job.what.as_str() {
        NOTICE | DIGEST => {
            match desk.wait(desk.orchestrator().undelivered(outside, jobs, error)) {
                Ok(0) => exit::say(&format!("{about}a notice is tried again later: {error}")),
                Ok(_) => {
                    exit::say(&format!("{about}a notice is a dead letter: {error}; `quell notice list` shows it"));
                }
                Err(OutsideError::Command(CommandError::Ledger(LedgerError::Lost(_)))) => {}
                Err(error) => anyhow::bail!("{error}"),
            }
            Ok(())
        }
        // It is read again in a minute, from where it was read last.
        LISTEN => {
            exit::say(&format!("tasks are not read: {error}"));
            match desk.wait(desk.orchestrator().listened(job)) {
                Ok(()) | Err(OutsideError::Command(CommandError::Ledger(LedgerError::Lost(_)))) => Ok(()),
                Err(error) => anyhow::bail!("{error}"),
            }
        }
        _ if error.is_permanent() => {
            exit::say(&format!("{about}the task is not written until somebody changes something: {error}"));
            lost(desk.wait(async {
                let mut tx = desk.store.begin().await?;
                tx.park(job, &error.to_string()).await?;
                tx.commit().await
            }))
        }
        _ => {
            let now = desk.wait(desk.store.now()).map_err(desk::told)?;
            let since = job.payload.get("since").and_then(serde_json::Value::as_i64).unwrap_or(now);
            let wait = ((now - since) / 2).clamp(WAITS.0, WAITS.1).max(error.after().unwrap_or(0));
            exit::say(&format!("{about}the task is written later: {error}"));
            lost(desk.wait(desk.store.postpone(job, wait, false, &error.to_string())))
        }
    }
}

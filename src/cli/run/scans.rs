//! The scans of what is registered.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::super::config::Config;
use super::super::desk::{self, Desk};
use super::super::{Exit, exit, remote, scan, track, verification};
use super::lease::Renewing;
use super::{Args, every};
use crate::ledger::{Job, LedgerError, NewJob, Store};
use crate::model::Report;

/// What a job of a scan is called.
pub(super) const SCAN: &str = "scan";

/// Queues the scan of each target, once for each time that it is due.
pub(super) fn queue(desk: &Desk, config: &Config, now: bool) -> Result<()> {
    let every = every(config.run.every.as_deref().unwrap_or("1d"))?;
    let at = desk.wait(desk.store.now()).map_err(desk::told)?;
    for target in &config.run.targets {
        // A time slot has one scan, whoever queues it.
        let slot = if now { at } else { at.div_euclid(every) };
        let job = NewJob {
            what: SCAN.to_owned(),
            dedupe: format!("{SCAN}:{target}:{slot}"),
            case: None,
            payload: serde_json::json!({ "target": target }),
            due: at,
        };
        desk.wait(queued(&desk.store, job)).map_err(desk::told)?;
    }
    Ok(())
}

async fn queued(store: &Store, job: NewJob) -> Result<(), LedgerError> {
    let mut tx = store.begin().await?;
    tx.queue(job).await?;
    tx.commit().await
}

async fn completed(store: &Store, job: &Job) -> Result<(), LedgerError> {
    let mut tx = store.begin().await?;
    tx.complete(job).await?;
    tx.commit().await
}

/// Does a job, with its lease renewed meanwhile by another connection.
pub(super) fn work(desk: &Desk, config: &Config, args: &Args, job: &Job) -> Result<Exit> {
    let target = job.payload.get("target").and_then(|t| t.as_str()).unwrap_or_default().to_owned();
    let renewing = Renewing::start(args, config, std::slice::from_ref(job))?;
    let outcome = scanned(desk, config, args, &target);
    drop(renewing);
    match outcome {
        Ok(exit) => {
            desk.wait(completed(&desk.store, job)).map_err(desk::told)?;
            Ok(exit)
        }
        Err(error) => {
            exit::say(&format!("{target}: {error}"));
            desk.wait(desk.store.fail(job, &error.to_string())).map_err(desk::told)?;
            Ok(Exit::Incomplete)
        }
    }
}

/// Scans a target with its history, asks issuers where that is wanted, and tracks what is found.
fn scanned(desk: &Desk, config: &Config, args: &Args, target: &str) -> Result<Exit> {
    if target.is_empty() {
        bail!("the job names no target");
    }
    let mut scan = scan::Args {
        paths: vec![PathBuf::from(target)],
        verify: config.run.verify.unwrap_or(true),
        config: args.common.config.clone(),
        ..scan::Args::default()
    };
    let remote = remote::targets(&scan)?;
    scan.history = remote.is_empty() && crate::sources::git::Location::of(std::path::Path::new(target)).is_ok();
    let mut report: Report = scan::scanned(&scan, config, None, &remote)?;
    let rules = scan::rules(config.rules.dir.as_deref())?;
    if scan.verify {
        let verification = verification::Verification::new(&args.verification, config, &rules, None, false)?;
        verification.run(&rules, &mut report)?;
    }
    for gap in &report.coverage.gaps {
        exit::say(&format!("not read: {}: {}", crate::report::terminal(&gap.path), gap.why));
    }
    track::after_scan(&scan, config, desk, &rules, &report)?;
    Ok(Exit::of(!report.findings.is_empty(), report.coverage.is_complete()))
}

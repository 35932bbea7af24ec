//! `quell run`: scans what is registered, on a schedule, and keeps cases up. Several may run on one store: what is due is
//! leased, and done once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::case::Common;
use super::config::Config;
use super::desk::{self, Desk};
use super::{Exit, exit, scan, track, verification};
use crate::ledger::{Job, LEASE, LedgerError, NewJob, Queued, Store};
use crate::model::Report;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Do what is due, and end.
    #[arg(long)]
    once: bool,
    /// Scan every target now, whether it is due or not.
    #[arg(long, requires = "once")]
    now: bool,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    verification: verification::Args,
}

/// What a job of this verb is called.
const SCAN: &str = "scan";
/// How long it waits where nothing is due.
const IDLE: Duration = Duration::from_secs(5);

pub(super) fn run(args: &Args) -> Result<Exit> {
    let config = Config::load(args.common.config.as_deref())?;
    let every = every(config.run.every.as_deref().unwrap_or("1d"))?;
    if config.run.targets.is_empty() {
        bail!("nothing is registered to be scanned\n  help: name targets under [run] in the configuration");
    }
    let desk = Desk::open(&args.common.desk, &config, true)?;
    if desk.caller.principal.is_none() {
        bail!(
            "whoever runs this has no registered key\n  help: `quell people key` shows it; an administrator adds it with `quell people add NAME --kind machine --key KEY`"
        );
    }
    let end = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&end)).context("signals cannot be heard")?;
    }
    let (mut findings, mut complete) = (false, true);
    loop {
        queue(&desk, &config, every, args.now)?;
        while !end.load(Ordering::Relaxed) {
            let Some(job) = desk.wait(desk.store.claim(&[SCAN])).map_err(desk::told)? else { break };
            let exit = work(&desk, &config, args, &job)?;
            (findings, complete) = (findings || exit.has_findings(), complete && exit.is_complete());
        }
        desk.done(desk.orchestrator().expire())?;
        desk.wait(desk.store.expire()).map_err(desk::told)?;
        if args.once || end.load(Ordering::Relaxed) {
            return Ok(Exit::of(findings, complete));
        }
        let mut waited = Duration::ZERO;
        while waited < IDLE && !end.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(200));
            waited += Duration::from_millis(200);
        }
    }
}

/// Queues the scan of each target, once for each time that it is due.
fn queue(desk: &Desk, config: &Config, every: i64, now: bool) -> Result<()> {
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

async fn queued(store: &Store, job: NewJob) -> Result<Queued, LedgerError> {
    let mut tx = store.begin().await?;
    let queued = tx.queue(job).await?;
    tx.commit().await?;
    Ok(queued)
}

async fn completed(store: &Store, job: &Job) -> Result<(), LedgerError> {
    let mut tx = store.begin().await?;
    tx.complete(job).await?;
    tx.commit().await
}

/// Does a job, with its lease renewed meanwhile by another connection.
fn work(desk: &Desk, config: &Config, args: &Args, job: &Job) -> Result<Exit> {
    let target = job.payload.get("target").and_then(|t| t.as_str()).unwrap_or_default().to_owned();
    let renewing = Renewing::start(args, config, job)?;
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
    let mut scan = scan::Args {
        paths: vec![PathBuf::from(target)],
        verify: config.run.verify.unwrap_or(true),
        config: args.common.config.clone(),
        ..scan::Args::default()
    };
    let remote = super::remote::targets(&scan)?;
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

/// Renews a lease on a thread of its own for as long as it lives.
struct Renewing {
    end: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Renewing {
    fn start(args: &Args, config: &Config, job: &Job) -> Result<Self> {
        let end = Arc::new(AtomicBool::new(false));
        let other = desk::Bare::open(&args.common.desk, config)?;
        let (ended, mut job) = (Arc::clone(&end), job.clone());
        let thread = std::thread::spawn(move || {
            let mut ticks = 0;
            while !ended.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(100));
                ticks += 1;
                // Somebody else's by now: completing it will say so.
                if ticks % (LEASE * 10 / 3) == 0 && other.wait(other.store.renew(&mut job)).is_err() {
                    return;
                }
            }
        });
        Ok(Self { end, thread: Some(thread) })
    }
}

impl Drop for Renewing {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How often, in seconds.
fn every(text: &str) -> Result<i64> {
    let units = [("min", 60), ("h", 3600), ("d", 86_400)];
    let read = units.iter().find_map(|(unit, seconds)| {
        let number: i64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        (number > 0).then(|| number.checked_mul(*seconds))?
    });
    read.with_context(|| format!("[run]: `{text}` is no time\n  help: write 30min, 6h or 1d"))
}

//! `quell run`: scans what is registered, asks issuers again, opens tasks and tells people, on a schedule. Several may run on one
//! store: what is due is leased, and done once.

mod checks;
mod lease;
mod outside;
mod scans;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::case::Common;
use super::config::Config;
use super::desk::{self, Desk};
use super::outside::Parts;
use super::words::Texts;
use super::{Exit, verification};
use crate::orchestrate::outside::Outside;

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

/// How long it waits where nothing is due.
const IDLE: Duration = Duration::from_secs(5);

pub(super) fn run(args: &Args) -> Result<Exit> {
    let config = Config::load(args.common.config.as_deref())?;
    every(config.run.every.as_deref().unwrap_or("1d"))?;
    let parts = Parts::new(&config)?;
    let mut desk = Desk::open(&args.common.desk, &config, !config.run.targets.is_empty())?;
    let end = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&end)).context("signals cannot be heard")?;
    }
    let outside = Outside { trackers: &parts.trackers, channels: &parts.channels, words: &Texts };
    let (mut findings, mut complete) = (false, true);
    loop {
        desk.refresh()?;
        registered(&desk)?;
        scans::queue(&desk, &config, args.now)?;
        desk.done(desk.orchestrator().expire())?;
        desk.done(desk.orchestrator().listening(&outside, args.once))?;
        desk.done(desk.orchestrator().watch())?;
        while !end.load(Ordering::Relaxed) {
            desk.done(desk.orchestrator().follow(&outside))?;
            let done = outside::work(&desk, &outside, &end)?;
            let checked =
                if args.verification.is_offline() { 0 } else { checks::work(&desk, &config, args, &outside)? };
            if done + checked > 0 {
                continue;
            }
            let Some(job) = desk.wait(desk.store.claim(&[scans::SCAN])).map_err(desk::told)? else { break };
            let exit = scans::work(&desk, &config, args, &job)?;
            (findings, complete) = (findings || exit.has_findings(), complete && exit.is_complete());
        }
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

/// That whoever runs this has a key that counts: what an issuer said is on record under it.
fn registered(desk: &Desk) -> Result<()> {
    if desk.caller.principal.is_none() {
        bail!(
            "whoever runs this has no registered key\n  help: `quell people key` shows it; an administrator adds it with `quell people add NAME --kind machine --key KEY`"
        );
    }
    Ok(())
}

/// A length of time, in seconds.
pub(super) fn every(text: &str) -> Result<i64> {
    let units = [("min", 60), ("h", 3600), ("d", 86_400)];
    let read = units.iter().find_map(|(unit, seconds)| {
        let number: i64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        (number > 0).then(|| number.checked_mul(*seconds))?
    });
    read.with_context(|| format!("`{text}` is no time\n  help: write 30min, 6h or 1d"))
}

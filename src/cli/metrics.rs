//! `quell metrics`: how long credentials stay valid, and what was done about them.
//!
//! These are counts and shares without evidence: whoever may open the store may read them.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use time::macros::format_description;
use time::{Date, Time, UtcDateTime};

use super::Exit;
use super::case::Common;
use super::config::word;
use super::desk::{self, Desk};
use super::destination::Destination;
use crate::metrics::{Asked, Clock, DAY, Dimension, Fold, Measured, SlaDays, Survey, Tier};
use crate::model::action;
use crate::model::event::Event;
use crate::report::metrics::{self as told, MetricsFormat};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// By team, repository, provider, tier, environment, month.
    #[arg(long, value_name = "WHAT")]
    by: Option<String>,
    /// Cases whose clock started on this day or after, such as 2026-01-31, UTC.
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
    /// Cases whose clock started before this day.
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
    /// What time is counted from: notified, detected, exposed.
    #[arg(long, value_name = "CLOCK", default_value = "notified")]
    clock: String,
    /// table, json, csv, openmetrics.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: String,
    /// Draw the curves in the terminal.
    #[arg(long)]
    curve: bool,
    /// Draw them with plain characters.
    #[arg(long, requires = "curve")]
    ascii: bool,
    /// Write the curves to a file as SVG.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write the curves to a file as PNG.
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// The agreed time of a tier (watch, approval, quarantine, automatic, undecided), such as approval=7.
    #[arg(long, value_name = "TIER=DAYS")]
    sla: Vec<String>,
    #[command(flatten)]
    common: Common,
}

/// How many events are read at once.
const BATCH: u32 = 10_000;

pub(super) fn run(args: &Args) -> Result<Exit> {
    desk::ended(metrics(args))
}

fn metrics(args: &Args) -> Result<Exit> {
    let by = args.by.as_deref().map(|by| word("slice", by, &Dimension::ALL)).transpose()?;
    let format = word("format", &args.format, MetricsFormat::ALL)?;
    let clock = word("clock", &args.clock, &Clock::ALL.map(|clock| (clock.as_str(), clock)))?;
    let (since, until) = (args.since.as_deref().map(day).transpose()?, args.until.as_deref().map(day).transpose()?);
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        bail!("--since is not before --until\n  help: --until names the first day that is left out");
    }
    if args.curve && format != MetricsFormat::Table {
        bail!("--curve goes with the table alone\n  help: --svg and --png write files beside any format");
    }
    let sla = agreed(&args.sla)?;
    let prepare = |path: &Option<PathBuf>| path.as_deref().map(Destination::prepare).transpose();
    let (svg, png) = (prepare(&args.svg)?, prepare(&args.png)?);
    let (_, desk) = args.common.open()?;
    let fold = fold(&desk)?;
    let now = desk.wait(desk.store.now()).map_err(desk::told)?;
    let measured = Survey::new(fold.lives(), Asked { clock, now, since, until, sla }).measure(by);
    if let Some(to) = svg {
        let image = told::svg(&measured)?;
        to.write(false, |out| out.write_all(image.as_bytes()))?;
    }
    if let Some(to) = png {
        let image = told::png(&measured)?;
        to.write(false, |out| out.write_all(&image))?;
    }
    print(args, format, &measured, &fold)
}

fn print(args: &Args, format: MetricsFormat, measured: &Measured, fold: &Fold) -> Result<Exit> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    if args.curve {
        told::curve(measured, args.ascii, &mut out)?;
        writeln!(out)?;
    }
    told::write(format, measured, fold.scans(), &mut out)?;
    out.flush()?;
    Ok(Exit::Clean)
}

/// Every event, folded.
fn fold(desk: &Desk) -> Result<Fold> {
    let mut fold = Fold::default();
    each_event(desk, |event| fold.take(event))?;
    Ok(fold)
}

/// Gives every event, in their order, to what takes them.
pub(super) fn each_event(desk: &Desk, mut take: impl FnMut(&Event)) -> Result<()> {
    let mut after = 0;
    loop {
        let events = desk.wait(desk.store.events(after, BATCH, None)).map_err(desk::told)?;
        events.iter().for_each(&mut take);
        match events.last() {
            Some(last) => after = last.seq,
            None => return Ok(()),
        }
    }
}

/// The first second of a day, UTC.
pub(super) fn day(text: &str) -> Result<i64> {
    let parsed = Date::parse(text, format_description!("[year]-[month]-[day]")).ok();
    let date = parsed.with_context(|| format!("`{text}` is no day\n  help: write it as 2026-01-31"))?;
    Ok(UtcDateTime::new(date, Time::MIDNIGHT).unix_timestamp())
}

/// Agreed times, each as `tier=days`.
pub(super) fn agreed(given: &[String]) -> Result<SlaDays> {
    let mut sla = SlaDays::default();
    let mut known: Vec<(&str, Tier)> = action::Tier::ASKED.iter().map(|tier| (tier.as_str(), Some(*tier))).collect();
    known.extend([(action::Tier::Watch.as_str(), Some(action::Tier::Watch)), ("undecided", None)]);
    for text in given {
        let (tier, days) = text
            .split_once('=')
            .with_context(|| format!("`{text}` is no agreed time\n  help: write it as approval=7, in days"))?;
        let days: i64 = days
            .parse()
            .ok()
            .filter(|days| (1..=3650).contains(days))
            .with_context(|| format!("`{days}` is no number of days\n  help: give whole days, from 1 to 3650"))?;
        sla.set(word("tier", tier, &known)?, days * DAY);
    }
    Ok(sla)
}

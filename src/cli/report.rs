//! `quell report`: what happened in a period, as a page, as JSON, or in a few lines.
//!
//! It names owners, places and reasons: whoever may read evidence may have it, and a file that is new is readable by them alone.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};

use super::Exit;
use super::case::{Common, evidence};
use super::desk::{self, Desk};
use super::destination::Destination;
use super::exit;
use super::metrics::{agreed, day, each_event};
use crate::metrics::period::PeriodFold;
use crate::metrics::{Asked, Clock, DAY, Survey};
use crate::model::Untrusted;
use crate::report::period::{self as told, PeriodReport};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The first day, such as 2026-01-01, UTC [default: thirty days before the end].
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// The first day that is left out [default: tomorrow].
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Cases of this owner alone.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// Write it as a page for a browser; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    html: Option<String>,
    /// Write it as JSON; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<String>,
    /// The agreed time of a tier (watch, approval, quarantine, automatic, undecided), such as approval=7.
    #[arg(long, value_name = "TIER=DAYS")]
    sla: Vec<String>,
    #[command(flatten)]
    common: Common,
}

/// How many days a report is about that is asked for without them.
const DAYS: i64 = 30;

pub(super) fn run(args: &Args) -> Result<Exit> {
    desk::ended(report(args))
}

fn report(args: &Args) -> Result<Exit> {
    let given = (args.since.as_deref().map(day).transpose()?, args.until.as_deref().map(day).transpose()?);
    // What is empty whatever the time is, is told before a store is opened.
    if let (Some(since), Some(until)) = given {
        not_empty(since, until)?;
    }
    let sla = agreed(&args.sla)?;
    let (html, json) = destinations(args)?;
    let (_, desk) = args.common.open()?;
    evidence(&desk)?;
    let now = desk.wait(desk.store.now()).map_err(desk::told)?;
    let (since, until) = span(given, now)?;
    let mut fold = PeriodFold::new(since, until, allowing(&desk));
    each_event(&desk, |event| fold.take(event))?;
    let team = args.team.as_deref().map(Untrusted::from);
    let asked = Asked { clock: Clock::Notified, now, since: Some(since), until: Some(until), sla };
    let measured = Survey::new(fold.followed(team.as_ref()), asked).measure(None);
    let period = fold.period(team.as_ref(), now);
    if let Some(name) = args.team.as_deref().filter(|_| fold.followed(team.as_ref()).next().is_none()) {
        exit::say(&format!(
            "no case is `{name}`'s\n  help: `quell report --json -` names the owners of cases under by_owner"
        ));
    }
    let report = PeriodReport { period: &period, measured: &measured };
    if let Some(to) = &html {
        to.write(true, |out| told::html(&report, out))?;
    }
    if let Some(to) = &json {
        to.write(true, |out| told::json(&report, out))?;
    }
    if html.is_none() && json.is_none() {
        Destination::Stdout.write(false, |out| told::summary(&report, out))?;
    }
    Ok(Exit::Clean)
}

/// Where the page and the document go. Both are tried before anything is read.
fn destinations(args: &Args) -> Result<(Option<Destination>, Option<Destination>)> {
    let prepare = |file: &Option<String>| match file.as_deref() {
        Some("-") => Ok(Some(Destination::Stdout)),
        Some(path) => Destination::prepare(Path::new(path)).map(Some),
        None => Ok(None),
    };
    let (html, json) = (prepare(&args.html)?, prepare(&args.json)?);
    if html.as_ref().zip(json.as_ref()).is_some_and(|(html, json)| html.is_same(json)) {
        bail!("--html and --json cannot go to the same place\n  help: give each a file of its own");
    }
    Ok((html, json))
}

/// The period: its first second, and the one after its last.
fn span((since, until): (Option<i64>, Option<i64>), now: i64) -> Result<(i64, i64)> {
    let tomorrow = (now.div_euclid(DAY) + 1) * DAY;
    let until = until.unwrap_or(tomorrow);
    let since = since.unwrap_or(until - DAYS * DAY);
    if since >= tomorrow {
        bail!("the period has not begun\n  help: --since names a day that is not after today, UTC");
    }
    not_empty(since, until)?;
    Ok((since, until))
}

fn not_empty(since: i64, until: i64) -> Result<()> {
    if since >= until {
        bail!(
            "the period is empty: --since is not before --until\n  help: --until names the first day that is left out"
        );
    }
    Ok(())
}

/// The controls that policies name which allow something.
fn allowing(desk: &Desk) -> BTreeMap<String, Vec<String>> {
    let permits = desk.policy.listing().into_iter().filter(|policy| policy.effect == "permit");
    permits.map(|policy| (policy.id, policy.controls)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_ends_tomorrow_and_is_thirty_days_long_unless_it_is_named() {
        let now = 100 * DAY + 7;
        assert_eq!(span((None, None), now).unwrap(), (71 * DAY, 101 * DAY));
        assert_eq!(span((None, None), 100 * DAY).unwrap(), (71 * DAY, 101 * DAY), "midnight is of the new day");
        assert_eq!(span((Some(100 * DAY), None), now).unwrap(), (100 * DAY, 101 * DAY), "today");
        assert_eq!(span((None, Some(40 * DAY)), now).unwrap(), (10 * DAY, 40 * DAY));
        assert_eq!(span((Some(90 * DAY), Some(200 * DAY)), now).unwrap(), (90 * DAY, 200 * DAY), "not over yet");
        assert!(span((Some(101 * DAY), None), now).unwrap_err().to_string().contains("has not begun"));
        assert!(span((Some(40 * DAY), Some(40 * DAY)), now).unwrap_err().to_string().contains("is empty"));
    }
}

//! The table for people, at most 100 columns wide.

use std::io::{self, Write};

use super::super::escape::terminal;
use super::super::when::zoned;
use super::words::{NONE, headline, in_days, interval, median, range, share, span};
use crate::metrics::{Clock, Dimension, Ending, FEW, Figures, Mean, Measured, Scans, Slice, Survival, days, tier_word};
use crate::model::{Untrusted, counted};

pub(super) fn write(measured: &Measured, scans: Scans, out: &mut dyn Write) -> io::Result<()> {
    period(measured, scans, out)?;
    coverage(&measured.whole, out)?;
    writeln!(out)?;
    curves(measured, out)?;
    writeln!(out)?;
    live(&measured.whole, out)?;
    times(&measured.whole, out)?;
    rates(&measured.whole, out)?;
    sla(&measured.whole, measured.asked.clock, out)?;
    automation(&measured.whole, out)?;
    if let Some((by, ..)) = measured.slices.first() {
        slices(*by, measured, out)?;
    }
    notes(measured, out)
}

fn period(measured: &Measured, scans: Scans, out: &mut dyn Write) -> io::Result<()> {
    let asked = &measured.asked;
    let since = asked.since.map(|at| format!(" since {}", zoned(at))).unwrap_or_default();
    let until = asked.until.map(|at| format!(" before {}", zoned(at))).unwrap_or_default();
    let partly = scans.ended.saturating_sub(scans.complete);
    writeln!(out, "cases{since}{until}, as of {}; {} scans, {partly} not complete", zoned(asked.now), scans.ended)
}

fn coverage(figures: &Figures, out: &mut dyn Write) -> io::Result<()> {
    let c = &figures.coverage;
    let cases = counted(c.cases as u64, "case", "cases");
    writeln!(out, "{cases}, {} followed ({} of the credentials)", c.followed, share(c.share()))?;
    let left = [
        (c.never_notified, "never notified"),
        (c.never_verified, "never verified"),
        (c.never_live, "never proved alive"),
        (c.ended_before, "ended before the clock"),
        (c.no_origin, "without a start of the clock"),
        (c.no_credential, "no credential"),
    ];
    let left: Vec<String> =
        left.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if left.is_empty() { Ok(()) } else { writeln!(out, "not followed: {}", left.join(", ")) }
}

fn curves(measured: &Measured, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<16} {:>7} {:>7} {:>9}  {:<14} {:<14} {:>11} {:>13}",
        "days since", "n", "ended", "after 5 d", "95 % interval", "bounds", "median", "mean up to"
    )?;
    let clock = measured.asked.clock;
    writeln!(out, "{}", clock.since())?;
    measured.whole.curves().into_iter().try_for_each(|survival| curve(survival, out))?;
    for (clock, usable, revoked) in &measured.clocks {
        writeln!(out, "{}", clock.since())?;
        curve(usable, out)?;
        curve(revoked, out)?;
    }
    Ok(())
}

fn curve(survival: &Survival, out: &mut dyn Write) -> io::Result<()> {
    let van = survival.van.as_ref();
    let bounds = van.and_then(|van| van.bounds).map_or_else(|| NONE.to_owned(), |b| range(b.best, b.worst));
    let mean = survival
        .restricted
        .map_or_else(|| NONE.to_owned(), |(until, mean)| format!("{} ({:.0} d)", in_days(mean), days(until)));
    let name = format!("  {}", what(survival));
    writeln!(
        out,
        "{name:<16} {:>7} {:>7} {:>9}  {:<14} {bounds:<14} {:>11} {mean:>13}",
        survival.curve.n,
        survival.events,
        headline(van),
        interval(van),
        median(survival),
    )
}

/// What the curve shows the share of.
const fn what(survival: &Survival) -> &'static str {
    match survival.ending {
        Ending::Usable => "usable",
        Ending::Revoked => "not revoked",
    }
}

/// Beside the headline: how sure its dates are.
fn live(figures: &Figures, out: &mut dyn Write) -> io::Result<()> {
    for survival in figures.curves() {
        let Some(van) = &survival.van else {
            writeln!(
                out,
                "{}: half are followed for {} alone: no figure for five days",
                what(survival),
                span(survival.curve.horizon)
            )?;
            continue;
        };
        let early = if van.is_headline() { share(Some(van.early)) } else { "too few".to_owned() };
        let turnbull = van.turnbull.map(|(least, most)| format!(", as intervals (Turnbull) {}", range(least, most)));
        let name = what(survival);
        let (events, censored, covered) = (van.at.events, van.censored, share(Some(van.coverage)));
        writeln!(out, "{name}: {events} ended and {censored} were censored before 5 d ({covered} covered)")?;
        writeln!(out, "  dated at the last proof of life {early}{}", turnbull.unwrap_or_default())?;
    }
    for o in figures.occupancy.iter().filter(|o| o.known > 0) {
        let reached = figures.usable.curve.reaches(o.time);
        let estimate = if reached { format!(", estimate {}", share(Some(o.estimate))) } else { String::new() };
        let (live, known, after) = (o.live, o.known, days(o.time));
        writeln!(out, "working after {after:.0} d, what came back included: {live} of {known} known{estimate}")?;
    }
    Ok(())
}

fn times(figures: &Figures, out: &mut dyn Write) -> io::Result<()> {
    let rates = &figures.rates;
    let told =
        |mean: Mean| mean.days().map_or_else(|| NONE.to_owned(), |days| format!("{} ({})", in_days(days), mean.n));
    writeln!(
        out,
        "mean times (of n): to acknowledge {}, to contain {}, to restore {}",
        told(rates.acknowledged),
        told(rates.contained),
        told(rates.restored)
    )?;
    let restricted = figures.revoked.restricted.map_or_else(|| NONE.to_owned(), |(_, mean)| in_days(mean));
    writeln!(
        out,
        "to remediate {}: of closed ones alone, so too low; see the restricted mean {restricted} and median {}",
        told(rates.remediated),
        median(&figures.revoked)
    )
}

fn rates(figures: &Figures, out: &mut dyn Write) -> io::Result<()> {
    let (rates, again) = (&figures.rates, &figures.rates.reopenings);
    writeln!(
        out,
        "opened again within 30 d: {} of {} ({}): {} resurrected, {} exposed again, {} rolled back",
        again.reopened,
        again.closures,
        share(again.rate()),
        again.resurrections,
        again.re_exposures,
        again.rollbacks
    )?;
    writeln!(
        out,
        "mistaken remediations: {} of {} ({}); missed revocations: {} of {} approved",
        rates.mistaken,
        rates.disruptive,
        share(rates.mistaken_rate()),
        figures.missed.0,
        figures.missed.1
    )?;
    let debt = &rates.approvals;
    writeln!(
        out,
        "approval debt: {} wait, {:.1} h together, the oldest {:.1} h",
        debt.waiting,
        days(debt.sum) * 24.0,
        days(debt.oldest) * 24.0
    )
}

fn sla(figures: &Figures, clock: Clock, out: &mut dyn Write) -> io::Result<()> {
    if figures.sla.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{:<12} {:>7} {:>7} {:>9} {:>9} {:>13} {:>7}  survival then, {}",
        "tier",
        "agreed",
        "met",
        "breached",
        "rate",
        "undetermined",
        "paused",
        clock.as_str()
    )?;
    for row in &figures.sla {
        writeln!(
            out,
            "{:<12} {:>7} {:>7} {:>9} {:>9} {:>13} {:>7}  {}",
            tier_word(row.tier),
            span(row.seconds),
            row.met,
            row.breached,
            share(row.breach_rate()),
            row.undetermined,
            row.paused,
            share(row.survival)
        )?;
    }
    Ok(())
}

fn automation(figures: &Figures, out: &mut dyn Write) -> io::Result<()> {
    if figures.rates.automation.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{:<60} {:>8} {:>11} {:>10}", "policy", "acts", "overturned", "precision")?;
    for row in &figures.rates.automation {
        let policy = cut(&terminal(&row.policy), 60);
        writeln!(out, "{policy:<60} {:>8} {:>11} {:>10}", row.acts, row.overturned, share(row.precision()))?;
    }
    Ok(())
}

fn slices(by: Dimension, measured: &Measured, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\n{:<26} {:>7} {:>8} {:>9}  {:<14} {:>11} {:>9} {:>7}",
        by.as_str(),
        "cases",
        "followed",
        "after 5 d",
        "95 % interval",
        "median",
        "in time",
        "waiting"
    )?;
    for (_, slice, figures) in &measured.slices {
        let (met, breached) = figures.sla.iter().fold((0, 0), |sum, row| (sum.0 + row.met, sum.1 + row.breached));
        let in_time = if met + breached > 0 { format!("{met}/{}", met + breached) } else { NONE.to_owned() };
        let van = figures.usable.van.as_ref();
        writeln!(
            out,
            "{:<26} {:>7} {:>8} {:>9}  {:<14} {:>11} {in_time:>9} {:>7}",
            cut(&name(slice), 26),
            figures.coverage.cases,
            figures.coverage.followed,
            headline(van),
            interval(van),
            median(&figures.usable),
            figures.rates.approvals.waiting
        )?;
    }
    Ok(())
}

fn notes(measured: &Measured, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    out.write_all(
        b"usable: until the first proof that it is locked or dead; not revoked: until the first proof of\n\
          death. Dated at the first proof; what is not known any more is censored at the last proof of life.\n\
          bounds: all censored ones dead right after they were last seen, or all alive.\n",
    )?;
    if measured.asked.since.or(measured.asked.until).is_some() {
        writeln!(out, "Curves: cases whose clock started in the period. Times and rates: what happened in it.")?;
    }
    if measured.whole.coverage.followed < FEW {
        writeln!(out, "Fewer than {FEW} are followed: no share without its interval.")?;
    }
    let n = counted(measured.whole.usable.curve.n as u64, "credential", "credentials");
    writeln!(
        out,
        "Often quoted: over 90 % still valid after five days (GitGuardian, State of Secrets Sprawl 2024).\n\
         That is of secrets on public GitHub, and its clock is ambiguous: since exposure, or since the\n\
         author was told. The figure here is by the clock {}, of {n} of this store,\n\
         each proved alive.",
        measured.asked.clock.as_str()
    )
}

/// The name of a slice, for a terminal.
fn name(slice: &Slice) -> String {
    slice.as_ref().map_or_else(|| "(not known)".to_owned(), |name: &Untrusted| terminal(name))
}

/// Cut to so many characters.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

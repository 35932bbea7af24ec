//! The sentences of a report: what a manager reads first. They hold names from outside nowhere, numbers of cases alone.

use super::super::case::age;
use super::super::metrics::words::{NONE, headline, interval, median};
use super::super::when::second;
use super::PeriodReport;
use crate::metrics::{DAY, Survival};
use crate::model::case::CaseNumber;
use crate::model::counted;

/// How many cases are named in a sentence.
const NAMED: usize = 8;

/// A number of things, in words.
pub(super) fn some(count: usize, one: &str, many: &str) -> String {
    counted(count as u64, one, many)
}

/// A day, such as `2026-01-31`; UTC.
pub(super) fn day(at: i64) -> String {
    second(at).chars().take(10).collect()
}

/// A time to the minute, such as `2026-01-31 12:00`; UTC.
pub(super) fn minute(at: i64) -> String {
    second(at).replace('T', " ").chars().take(16).collect()
}

/// The first and the last day.
pub(super) fn days(report: &PeriodReport<'_>) -> String {
    let (since, last) = (day(report.period.since), day(report.period.until.saturating_sub(1)));
    if since == last { since } else { format!("{since} to {last}") }
}

/// Cases by their numbers.
pub(super) fn cases(all: &[CaseNumber]) -> String {
    let named: Vec<String> = all.iter().take(NAMED).map(ToString::to_string).collect();
    let more = all.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}

/// What happened, in a few sentences.
pub(super) fn lead(report: &PeriodReport<'_>) -> String {
    let period = report.period;
    let (found, done) = (&period.found, &period.done);
    let length = some(usize::try_from((period.until - period.since) / DAY).unwrap_or(0), "day", "days");
    let first = match found.all.cases {
        0 => format!("In {length} no credential was found."),
        all => format!(
            "In {length} {} found; {} proved to work, and {} at the end.",
            some(all, "credential was", "credentials were"),
            some(found.all.live, "was", "were"),
            some(found.live_at_end, "still did", "still did")
        ),
    };
    let closed = format!(
        "{} closed by proof of death, {} judged to be no credential, {} opened again.",
        some(done.proved, "case was", "cases were"),
        done.judged,
        done.reopened.all()
    );
    let people = some(done.reported.len(), "act", "acts");
    format!("{first} {closed} People reported {people}; quell did {} by itself.", done.automatic.len())
}

/// What is worth a look before anything else.
pub(super) fn attention(report: &PeriodReport<'_>) -> Vec<String> {
    let (period, mut out) = (report.period, Vec::new());
    let (found, exceptions, covered) = (&period.found, &period.exceptions, &period.covered);
    if !found.live_untold.is_empty() {
        let what = some(
            found.live_untold.len(),
            "credential works and no owner was told",
            "credentials work and no owner was told",
        );
        out.push(format!("{what}: {}", cases(&found.live_untold)));
    }
    let told = found.live_at_end.saturating_sub(found.live_untold.len());
    if told > 0 {
        let what = some(told, "credential still works", "credentials still work");
        out.push(format!("{what}, and the owner was told"));
    }
    let breached: usize = report.measured.whole.sla.iter().map(|row| row.breached).sum();
    if breached > 0 {
        out.push(format!(
            "{} still usable after the agreed time",
            some(breached, "credential was", "credentials were")
        ));
    }
    if !exceptions.waiting.is_empty() {
        let what = some(exceptions.waiting.len(), "request waits for approval", "requests wait for approval");
        out.push(format!("{what}, the oldest for {}", age(exceptions.debt().1)));
    }
    if exceptions.expired > 0 {
        out.push(some(exceptions.expired, "request expired unanswered", "requests expired unanswered"));
    }
    if period.recommended.failed > 0 {
        out.push(format!(
            "in {} a policy failed, which refuses",
            some(period.recommended.failed, "decision", "decisions")
        ));
    }
    if !covered.dead_letters.is_empty() {
        out.push(some(covered.dead_letters.len(), "notice could not be delivered", "notices could not be delivered"));
    }
    if !covered.partial.is_empty() {
        out.push(format!(
            "{} of {} did not read everything",
            covered.partial.len(),
            some(covered.scans, "scan", "scans")
        ));
    }
    if covered.scans == 0 {
        out.push("no scan ended in the period: what was not looked at was not found".to_owned());
    }
    if found.never_verified > 0 {
        let what = some(found.never_verified, "credential was never verified", "credentials were never verified");
        out.push(format!("{what}: whether they work is not known"));
    }
    out
}

/// The headline: how many still work five days after their owner was told, and beside it what it rests on.
pub(super) fn van(report: &PeriodReport<'_>) -> (String, String) {
    let usable = &report.measured.whole.usable;
    let n = format!("n = {}", usable.curve.n);
    match &usable.van {
        None if usable.curve.n == 0 => (NONE.to_owned(), "no owner was told of one that is proved to work".to_owned()),
        None => (NONE.to_owned(), format!("{n}; half of them are followed for less than five days")),
        van => (headline(van.as_ref()), format!("95 % interval {}; {n}", interval(van.as_ref()))),
    }
}

/// The median time until it cannot be used any more; none where nobody is followed.
pub(super) fn middle(survival: &Survival) -> String {
    if survival.curve.n == 0 { NONE.to_owned() } else { median(survival) }
}

/// What stands beside the headline (requirement 81).
pub(super) fn quoted(report: &PeriodReport<'_>) -> String {
    format!(
        "Often quoted: more than 90 % of leaked secrets are still valid five days later (GitGuardian, State of Secrets Sprawl \
         2024). That is of secrets on public GitHub, and its clock is ambiguous: since they were exposed, or since their author was \
         told. The figure here is of {} that were proved alive, and its clock starts when a notice to the owner was delivered.",
        some(report.measured.whole.usable.curve.n, "credential of this store", "credentials of this store")
    )
}

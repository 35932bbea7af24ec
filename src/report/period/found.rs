//! The page's sections about what was found and how long it stayed valid.

use std::io::{self, Write};

use super::super::escape::html as escaped;
use super::super::metrics::words::{NONE, headline, in_days, interval, range, share, span};
use super::PeriodReport;
use super::curve::curve;
use super::html::{paragraph, section};
use super::table::{Cell, table};
use super::words::{middle, quoted};
use crate::metrics::period::{Count, Row};
use crate::metrics::{Clock, Ending, Mean, Survival, days, tier_word};
use crate::model::Severity;

pub(super) fn found(report: &PeriodReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let found = &report.period.found;
    section(
        "What was found",
        "Cases that were opened in the period. Live: its issuer said that it works. A severity is the worst that it was.",
        out,
    )?;
    if found.all.cases == 0 {
        paragraph("No case was opened.", out)?;
        return writeln!(out, "</section>");
    }
    let all = found.all.cases;
    let figures = |count: Count| [Cell::count(count.cases), Cell::count(count.live), Cell::Bar(count.cases, all)];
    let rows = |rows: &[Row]| -> Vec<Vec<Cell>> {
        rows.iter().map(|row| [Cell::Name(row.name.clone())].into_iter().chain(figures(row.count)).collect()).collect()
    };
    let severities: Vec<Vec<Cell>> = found
        .by_severity
        .iter()
        .map(|(severity, count)| [severity_badge(*severity)].into_iter().chain(figures(*count)).collect())
        .collect();
    let rules: Vec<Vec<Cell>> = found
        .by_rule
        .iter()
        .map(|(id, title, count)| [Cell::name(title), Cell::name(id)].into_iter().chain(figures(*count)).collect())
        .collect();
    writeln!(out, "<div class=\"pair\">")?;
    table("By severity", &["severity", "#cases", "#live", ""], &severities, out)?;
    table("By provider", &["provider", "#cases", "#live", ""], &rows(&found.by_provider), out)?;
    table("By owner", &["owner", "#cases", "#live", ""], &rows(&found.by_owner), out)?;
    table("By repository", &["repository", "#cases", "#live", ""], &rows(&found.by_repository), out)?;
    writeln!(out, "</div>")?;
    table("By the rule that found it", &["rule", "id", "#cases", "#live", ""], &rules, out)?;
    writeln!(out, "</section>")
}

const fn severity_badge(severity: Severity) -> Cell {
    Cell::Badge(severity.as_str(), severity.as_str())
}

pub(super) fn validity(report: &PeriodReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let measured = report.measured;
    section(
        "How long it stayed valid",
        "Credentials that were proved to work, and whose owner was told in the period. Usable: until the first proof that it is \
         locked or dead. Not revoked: until the first proof of death. Each is followed until the last definite answer.",
        out,
    )?;
    curve(measured, out)?;
    let whole = &measured.whole;
    let clocks = std::iter::once((measured.asked.clock, &whole.usable, &whole.revoked))
        .chain(measured.clocks.iter().map(|(clock, usable, revoked)| (*clock, usable, revoked)));
    let rows: Vec<Vec<Cell>> =
        clocks.flat_map(|(clock, usable, revoked)| [row(clock, usable), row(clock, revoked)]).collect();
    let heads =
        ["days since", "", "#n", "#ended", "#after 5 d", "#95 % interval", "#bounds", "#median", "#mean within"];
    table("Three clocks", &heads, &rows, out)?;
    writeln!(out, "<p class=\"note\">{}</p>", escaped(&quoted(report)))?;
    times(report, out)?;
    agreed(report, out)?;
    let c = &whole.coverage;
    let told = format!(
        "Of {} cases {} are followed ({} of the credentials); not followed: {} never notified, {} never verified, {} never proved \
         alive, {} ended before the notice, {} no credential.",
        c.cases,
        c.followed,
        share(c.share()),
        c.never_notified,
        c.never_verified,
        c.never_live,
        c.ended_before,
        c.no_credential
    );
    writeln!(out, "<p class=\"soft\">{}</p>\n</section>", escaped(&told))
}

fn row(clock: Clock, survival: &Survival) -> Vec<Cell> {
    let van = survival.van.as_ref();
    let bounds = van.and_then(|van| van.bounds).map_or_else(|| NONE.to_owned(), |b| range(b.best, b.worst));
    let mean = survival.restricted.map(|(until, mean)| format!("{} of {:.0} d", in_days(mean), days(until)));
    let what = match survival.ending {
        Ending::Usable => "usable",
        Ending::Revoked => "not revoked",
    };
    vec![
        Cell::Words(clock.since().to_owned()),
        Cell::Words(what.to_owned()),
        Cell::count(survival.curve.n),
        Cell::count(survival.events),
        Cell::Figure(headline(van)),
        Cell::Figure(interval(van)),
        Cell::Figure(bounds),
        Cell::Figure(middle(survival)),
        Cell::Figure(mean.unwrap_or_else(|| NONE.to_owned())),
    ]
}

/// Mean times. What is still open is missing in the one to the proof of death: beside it stands what has it.
fn times(report: &PeriodReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (rates, revoked) = (&report.measured.whole.rates, &report.measured.whole.revoked);
    let row = |what: &str, mean: Mean, note: String| {
        let figure = mean.days().map_or_else(|| NONE.to_owned(), in_days);
        vec![Cell::Words(what.to_owned()), Cell::Figure(figure), Cell::count(mean.n), Cell::Words(note)]
    };
    let mean = revoked.restricted.map_or_else(|| NONE.to_owned(), |(_, mean)| in_days(mean));
    let bias = format!(
        "too low: those that are open are missing. With them: restricted mean {mean}, median {}",
        middle(revoked)
    );
    let rows = [
        row("from notice to a person's answer (MTTA)", rates.acknowledged, String::new()),
        row("from detection to containment (MTTC)", rates.contained, String::new()),
        row("from detection to the proof of death (MTTR)", rates.remediated, bias),
        row("from the wish to restore to a proof that it works", rates.restored, String::new()),
    ];
    table("Mean times, by what happened in the period", &["", "#mean", "#of", ""], &rows, out)
}

fn agreed(report: &PeriodReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<Vec<Cell>> = report
        .measured
        .whole
        .sla
        .iter()
        .map(|row| {
            vec![
                Cell::Words(tier_word(row.tier).to_owned()),
                Cell::Figure(span(row.seconds)),
                Cell::count(row.met),
                Cell::count(row.breached),
                Cell::Figure(share(row.breach_rate())),
                Cell::count(row.undetermined),
                Cell::count(row.paused),
                Cell::Figure(share(row.survival)),
            ]
        })
        .collect();
    let heads =
        ["tier", "#agreed", "#in time", "#late", "#late share", "#undetermined", "#paused", "#still usable then"];
    table("Agreed times, by tier (undetermined: nothing was known any more when the time was over)", &heads, &rows, out)
}

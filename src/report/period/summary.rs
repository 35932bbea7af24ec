//! A few lines for a terminal.

use std::io::{self, Write};

use super::super::escape::{terminal, terminal_str};
use super::super::metrics::words::{in_days, share};
use super::PeriodReport;
use super::words::{attention, days, lead, middle, minute, van};
use crate::model::counted;

/// Writes what a period comes to, for a terminal.
///
/// # Errors
/// The writer's.
pub fn summary(report: &PeriodReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (period, whole) = (report.period, &report.measured.whole);
    let team = period.team.as_ref().map(|team| format!(", team {}", terminal(team))).unwrap_or_default();
    writeln!(out, "{} (UTC){team}, as of {}\n", days(report), minute(period.as_of))?;
    for sentence in lead(report).split_inclusive(". ") {
        writeln!(out, "{}", sentence.trim_end())?;
    }
    let (headline, beside) = van(report);
    writeln!(out, "\nstill usable 5 d after notice  {headline} ({beside})")?;
    let mean = whole
        .usable
        .restricted
        .map(|(until, mean)| format!("; mean {} within {:.0} d", in_days(mean), crate::metrics::days(until)));
    writeln!(out, "median time usable             {}{}", middle(&whole.usable), mean.unwrap_or_default())?;
    let (met, breached) = whole.sla.iter().fold((0, 0), |sum, row| (sum.0 + row.met, sum.1 + row.breached));
    let undetermined: usize = whole.sla.iter().map(|row| row.undetermined).sum();
    writeln!(out, "in the agreed time             {met} of {}, {undetermined} undetermined", met + breached)?;
    writeln!(out, "followed                       {} of the credentials", share(whole.coverage.share()))?;
    for row in period.recommended.unmet.iter().take(3) {
        let (id, title) = (terminal(&row.id), terminal(&row.title));
        let cases = counted(row.cases as u64, "case", "cases");
        writeln!(out, "why not more                   {title} ({id}, {cases})")?;
    }
    let attention = attention(report);
    if !attention.is_empty() {
        writeln!(out, "\nneeds attention")?;
        attention.iter().try_for_each(|line| writeln!(out, "  {}", terminal_str(line)))?;
    }
    writeln!(out, "\n`quell report --html FILE` writes all of it as a page, `--json FILE` for programs.")
}

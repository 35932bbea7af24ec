//! The page: headline figures and what needs attention first, then the tables (`found`, `rest`).
//!
//! It asks nothing of anybody and runs nothing: its policy forbids every request and every script, and allows the one style that it was
//! made with, by its hash. It prints, and follows the reader's choice of light and dark.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::super::case::age;
use super::super::escape::html as escaped;
use super::super::metrics::words::in_days;
use super::words::{attention, days, lead, middle, minute, some, van};
use super::{PeriodReport, found, rest};

const STYLE: &str = include_str!("style.css");

/// Writes the report as one page.
///
/// # Errors
/// The writer's.
pub fn html(report: &PeriodReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    head(report, out)?;
    let team = report.period.team.as_ref().map(|team| format!(" of <bdi>{}</bdi>", escaped(team))).unwrap_or_default();
    writeln!(out, "<body>\n<header>\n<p class=\"soft\">quell, report of a period</p>")?;
    writeln!(out, "<h1>Leaked credentials{team}, {}</h1>", days(report))?;
    let (as_of, now) = (minute(report.period.as_of), minute(report.measured.asked.now));
    let version = env!("CARGO_PKG_VERSION");
    writeln!(
        out,
        "<p class=\"soft\">Days are UTC. How things stand is told as of {as_of}; credentials are followed until {now}. \
         Made with quell {version}.</p>\n</header>\n<main>"
    )?;
    writeln!(out, "<p class=\"lead\">{}</p>", escaped(&lead(report)))?;
    cards(report, out)?;
    attend(report, out)?;
    found::found(report, out)?;
    found::validity(report, out)?;
    rest::done(report, out)?;
    rest::recommended(report, out)?;
    rest::exceptions(report, out)?;
    rest::covered(report, out)?;
    rest::mapped(report, out)?;
    writeln!(out, "</main>\n</body>\n</html>")
}

fn head(report: &PeriodReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>Leaked credentials, {}</title>\n<style>{STYLE}</style>\n</head>",
        days(report)
    )
}

/// The headline figures.
fn cards(report: &PeriodReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (period, usable) = (report.period, &report.measured.whole.usable);
    let (found, done, exceptions) = (&period.found, &period.done, &period.exceptions);
    let (headline, beside) = van(report);
    let mean = usable.restricted.map_or_else(
        || "nobody is followed".to_owned(),
        |(until, mean)| format!("mean {} within {:.0} d", in_days(mean), crate::metrics::days(until)),
    );
    let waiting = match exceptions.waiting.len() {
        0 => "nothing waits".to_owned(),
        _ => format!("the oldest for {}", age(exceptions.debt().1)),
    };
    let cards = [
        ("", found.all.cases.to_string(), "credentials found", format!("{} proved to work", found.all.live)),
        ("main", headline, "still usable five days after the owner was told", beside),
        ("", middle(usable), "median time usable", mean),
        ("", done.proved.to_string(), "closed by proof of death", format!("{} opened again", done.reopened.all())),
        ("", exceptions.waiting.len().to_string(), "wait for approval", waiting),
    ];
    writeln!(out, "<ul class=\"cards\" aria-label=\"Headline figures\">")?;
    for (class, figure, what, beside) in cards {
        let (figure, beside) = (escaped(&figure), escaped(&beside));
        writeln!(out, "<li class=\"{class}\"><b>{figure}</b>{what}<span class=\"soft\">{beside}</span></li>")?;
    }
    writeln!(out, "</ul>")
}

/// What needs attention, before the tables.
fn attend(report: &PeriodReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let all = attention(report);
    if all.is_empty() {
        return writeln!(out, "<p>Nothing needs attention.</p>");
    }
    let title = some(all.len(), "thing needs", "things need");
    writeln!(out, "<section class=\"gaps\">\n<h2>{title} attention</h2>\n<ul>")?;
    all.iter().try_for_each(|line| writeln!(out, "<li>{}</li>", escaped(line)))?;
    writeln!(out, "</ul>\n</section>")
}

/// Begins a section.
pub(super) fn section(title: &str, note: &str, out: &mut dyn Write) -> io::Result<()> {
    let note = if note.is_empty() { String::new() } else { format!("\n<p class=\"soft\">{}</p>", escaped(note)) };
    writeln!(out, "<section>\n<h2>{}</h2>{note}", escaped(title))
}

/// A paragraph.
pub(super) fn paragraph(text: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<p>{}</p>", escaped(text))
}

//! The page's sections about what was done and recommended, exceptions, coverage, and frameworks.

use std::io::{self, Write};

use super::super::case::age;
use super::super::escape::html as escaped;
use super::super::frameworks::frameworks;
use super::super::metrics::words::{percent, share};
use super::PeriodReport;
use super::controls::carried;
use super::html::{paragraph, section};
use super::table::{Cell, table};
use super::words::{day, minute, some};
use crate::metrics::period::{Exceptions, Reported};
use crate::model::event::RestoreCause;

/// An act, apart from a recommendation (requirements 2 and 4).
const ACT: Cell = Cell::Badge("act", "act");
const AID: Cell = Cell::Badge("aid", "recommendation");
const PERSON: Cell = Cell::Badge("person", "person");

pub(super) fn done(report: &PeriodReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (done, rates) = (&report.period.done, &report.measured.whole.rates);
    section("What was done", "", out)?;
    let [legitimate, other, unsaid] = done.restored();
    let words = |text: &str| Cell::Words(text.to_owned());
    let again = &done.reopened;
    let rows = [
        vec![words("closed by proof of death"), Cell::count(done.proved)],
        vec![words("closed by a person's judgement that it is no credential"), Cell::count(done.judged)],
        vec![words("acts that people reported"), Cell::count(done.reported.len())],
        vec![words("acts of quell by itself"), Cell::count(done.automatic.len())],
        vec![words("restored because something that may use it failed"), Cell::count(legitimate)],
        vec![words("restored for another cause, or none that was said"), Cell::count(other + unsaid)],
        vec![words("opened again: it stands somewhere again"), Cell::count(again.appeared)],
        vec![words("opened again: it works again"), Cell::count(again.lives_again)],
        vec![
            words("opened again: the risk was accepted until a day that is past"),
            Cell::count(again.acceptance_ended),
        ],
    ];
    table("In the period", &["", "#times"], &rows, out)?;
    let people: Vec<Vec<Cell>> = done.reported.iter().map(reported).collect();
    table("Reported by people", &["", "case", "act", "by", "why, or how", "cause", "when"], &people, out)?;
    let own: Vec<Vec<Cell>> = done
        .automatic
        .iter()
        .map(|act| {
            let policies: Vec<String> =
                act.policies.iter().map(|id| String::from_utf8_lossy(id.raw()).into_owned()).collect();
            let what = Cell::Words(act.action.as_str().to_owned());
            vec![ACT, Cell::case(act.case), what, Cell::Words(policies.join(", ")), Cell::minute(act.at)]
        })
        .collect();
    table("Done by quell itself", &["", "case", "act", "allowed by", "when"], &own, out)?;
    let stood: Vec<Vec<Cell>> = rates
        .automation
        .iter()
        .map(|row| {
            let figures = [Cell::count(row.acts), Cell::count(row.overturned), Cell::Figure(share(row.precision()))];
            [Cell::name(&row.policy)].into_iter().chain(figures).collect()
        })
        .collect();
    table(
        "What stood of what quell did in the period, by policy",
        &["policy", "#acts", "#overturned", "#stood"],
        &stood,
        out,
    )?;
    if let Some(rate) = rates.mistaken_rate() {
        let (mistaken, all) = (rates.mistaken, rates.disruptive);
        paragraph(&format!("Mistaken remediations: {mistaken} of {all} ({}).", percent(rate)), out)?;
    }
    writeln!(out, "</section>")
}

fn reported(act: &Reported) -> Vec<Cell> {
    let cause = match act.cause {
        Some(RestoreCause::LegitimateUse) => "legitimate use failed",
        Some(RestoreCause::Other) => "other",
        None => "",
    };
    vec![
        PERSON,
        Cell::case(act.case),
        Cell::Words(act.action.as_str().to_owned()),
        Cell::name(&act.by),
        Cell::name(&act.reason),
        Cell::Words(cause.to_owned()),
        Cell::minute(act.at),
    ]
}

pub(super) fn recommended(report: &PeriodReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let all = &report.period.recommended;
    section(
        "What was recommended, and why",
        "By the last decision of the period about each action in each case. A tier is how far an action may go without more.",
        out,
    )?;
    let kinds =
        [(AID, all.recommendations, "somebody was told, nothing was done"), (ACT, all.acts, "quell acted on it")];
    let kinds: Vec<Vec<Cell>> = kinds
        .into_iter()
        .map(|(badge, count, what)| vec![badge, Cell::count(count), Cell::Words(what.to_owned())])
        .collect();
    table("Decisions", &["kind", "#decisions", ""], &kinds, out)?;
    let tiers: Vec<Vec<Cell>> = all
        .tiers
        .iter()
        .map(|((action, tier), cases)| {
            vec![Cell::Words(action.as_str().to_owned()), Cell::Words(tier.as_str().to_owned()), Cell::count(*cases)]
        })
        .collect();
    table("By action and tier", &["action", "tier", "#cases"], &tiers, out)?;
    let most = all.unmet.first().map_or(0, |row| row.cases);
    let unmet: Vec<Vec<Cell>> = all
        .unmet
        .iter()
        .map(|row| {
            vec![Cell::name(&row.title), Cell::name(&row.id), Cell::count(row.cases), Cell::Bar(row.cases, most)]
        })
        .collect();
    table("Why not more: preconditions that did not hold", &["precondition", "policy", "#cases", ""], &unmet, out)?;
    let sets: Vec<Vec<Cell>> =
        all.policies.iter().map(|(hash, count)| vec![Cell::name(&hash.as_str().into()), Cell::count(*count)]).collect();
    table("By which policy set", &["hash", "#decisions"], &sets, out)?;
    writeln!(out, "</section>")
}

pub(super) fn exceptions(report: &PeriodReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let all = &report.period.exceptions;
    section("Exceptions and approvals", "", out)?;
    let standing = |risk: &crate::metrics::period::AcceptedRisk| match risk.ended {
        Some(at) => format!("over since {}", day(at)),
        None if risk.until < report.period.as_of => "ran out".to_owned(),
        None => "in force".to_owned(),
    };
    let risks: Vec<Vec<Cell>> = all
        .risks
        .iter()
        .map(|risk| {
            vec![
                Cell::case(risk.case),
                Cell::Name(risk.owner.clone()),
                Cell::name(&risk.by),
                Cell::name(&risk.reason),
                Cell::Short(day(risk.at)),
                Cell::Short(day(risk.until)),
                Cell::Words(standing(risk)),
            ]
        })
        .collect();
    table("Accepted risks", &["case", "owner", "accepted by", "why", "since", "until", ""], &risks, out)?;
    emergencies(all, out)?;
    approvals(all, out)?;
    let refused: Vec<Vec<Cell>> = all
        .refused
        .iter()
        .map(|(what, why, count)| vec![Cell::name(what), Cell::name(why), Cell::count(*count)])
        .collect();
    table("Refused", &["what", "why", "#times"], &refused, out)?;
    writeln!(out, "</section>")
}

fn approvals(all: &Exceptions, out: &mut dyn Write) -> io::Result<()> {
    let (sum, oldest) = all.debt();
    let rows: Vec<Vec<Cell>> = [
        ("asked for", all.requested),
        ("granted", all.granted),
        ("rejected", all.rejected),
        ("expired unanswered", all.expired),
        ("waiting at the end", all.waiting.len()),
    ]
    .into_iter()
    .map(|(what, count)| vec![Cell::Words(what.to_owned()), Cell::count(count)])
    .collect();
    table("Approvals", &["", "#requests"], &rows, out)?;
    if !all.waiting.is_empty() {
        let count = some(all.waiting.len(), "request has", "requests have");
        paragraph(
            &format!("Approval debt: {count} waited for {} together, the oldest for {}.", age(sum), age(oldest)),
            out,
        )?;
    }
    let waiting: Vec<Vec<Cell>> = all
        .waiting
        .iter()
        .map(|row| {
            let words =
                [row.case.to_string(), row.action.as_str().to_owned(), row.id.clone(), minute(row.at), age(row.age)];
            words.into_iter().map(Cell::Short).collect()
        })
        .collect();
    table("Waiting for approval", &["case", "action", "request", "since", "for"], &waiting, out)
}

fn emergencies(all: &Exceptions, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<Vec<Cell>> = all
        .emergencies
        .iter()
        .map(|path| {
            let actions: Vec<&str> = path.actions.iter().map(|action| action.as_str()).collect();
            let ended = path.ended.as_ref();
            vec![
                Cell::case(path.case),
                Cell::name(&path.purpose),
                Cell::Words(actions.join(", ")),
                Cell::name(&path.by),
                Cell::minute(path.at),
                Cell::minute(ended.map_or(path.until, |(at, _)| *at)),
                ended.map_or_else(|| Cell::Words("its time".to_owned()), |(_, why)| Cell::name(why)),
            ]
        })
        .collect();
    table("Emergency paths", &["case", "what for", "allowed", "by", "from", "to", "ended by"], &rows, out)
}

pub(super) fn covered(report: &PeriodReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (covered, found) = (&report.period.covered, &report.period.found);
    section("What this rests on", "Scans are those of the whole store. What was not looked at was not found.", out)?;
    let complete = report.scans().complete;
    let rows: Vec<Vec<Cell>> = [
        ("scans that read everything", complete),
        ("scans that did not", covered.partial.len()),
        ("found and never verified: whether it works is not known", found.never_verified),
        ("found, and no owner was told", found.never_notified),
        ("notices delivered", covered.delivered),
        ("notices that could not be delivered", covered.dead_letters.len()),
    ]
    .into_iter()
    .map(|(what, count)| vec![Cell::Words(what.to_owned()), Cell::count(count)])
    .collect();
    table("Coverage", &["", "#"], &rows, out)?;
    let partial: Vec<Vec<Cell>> =
        covered.partial.iter().map(|(target, at)| vec![Cell::name(target), Cell::minute(*at)]).collect();
    table("Scans that did not read everything", &["target", "when"], &partial, out)?;
    let letters: Vec<Vec<Cell>> = covered
        .dead_letters
        .iter()
        .map(|letter| {
            let case = letter.case.map_or_else(|| Cell::Short(String::new()), Cell::case);
            vec![
                case,
                Cell::name(&letter.route),
                Cell::Words(letter.what.as_str().to_owned()),
                Cell::name(&letter.why),
                Cell::minute(letter.at),
            ]
        })
        .collect();
    table("Dead letters", &["case", "route", "notice", "why", "when"], &letters, out)?;
    writeln!(out, "</section>")
}

pub(super) fn mapped(report: &PeriodReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    section(
        "Controls of frameworks",
        "By the frameworks' own current ids and titles, and what in this period carried each out. Layers of CSA MAESTRO are not here: \
         their titles are not confirmed.",
        out,
    )?;
    let carried = carried(report.period);
    for framework in frameworks() {
        let own = carried.iter().filter(|one| one.control.framework == framework.key);
        let rows: Vec<Vec<Cell>> = own
            .map(|one| {
                let told = one.told();
                let told = if told.is_empty() { "nothing in this period".to_owned() } else { told.join("; ") };
                let texts = [one.control.id.clone(), one.control.title.clone(), one.control.quell.clone(), told];
                texts.into_iter().map(Cell::Words).collect()
            })
            .collect();
        let title = format!("{} {}", framework.name, framework.version);
        table(&title, &["id", "title", "what quell does", "in this period"], &rows, out)?;
    }
    let sources: Vec<String> = frameworks().iter().map(|f| format!("<code>{}</code>", escaped(&f.source))).collect();
    writeln!(out, "<p class=\"soft\">{}</p>\n</section>", sources.join(" · "))
}

//! One JSON document. Keys are stable; times are seconds since 1970 UTC, cases are numbers as `Q-17`, what is not known is `null`.
//! Texts from outside are as they came; bytes of them that are no UTF-8 are written as `\xNN`.
//!
//! `{ "format": 1, "period": { "since", "until", "as_of" }, "team", "attention": [ text ], "found", "validity", "done", "recommended",
//! "exceptions", "coverage", "frameworks" }`. `since` is the first second, `until` the one after the last; how things stand is told as
//! of `as_of`.
//!
//! * `found`: `cases`, `live`, `live_at_end`, `never_verified`, `never_notified`, `live_and_untold` (cases), `by_severity`,
//!   `by_provider`, `by_owner`, `by_repository` (`name`, `cases`, `live`), `by_rule` (`id`, `title`, `cases`, `live`).
//! * `validity`: what `quell metrics --format json` says of cases whose owner was told in the period (mean times and rates: of what
//!   happened in it), and `often_quoted`, a note that belongs beside its figure after five days.
//! * `done`: `closed` (`by_proof`, `by_judgement`), `reported` (`case`, `action`, `by`, `reason`, `cause`, `at`), `automatic`
//!   (`kind`, which is `act`; `case`, `action`, `policies`, `at`), `restored` (`legitimate_use`, `other`, `not_said`), `reopened` (`appeared`,
//!   `lives_again`, `acceptance_ended`).
//! * `recommended`: `kinds` (`recommendation`, `act`: how many decisions), `failed`, `tiers` (`action`, `tier`, `cases`), `unmet` (`id`,
//!   `title`, `cases`), `policies` (`hash`, `decisions`).
//! * `exceptions`: `risks` (`case`, `owner`, `by`, `reason`, `at`, `until`, `ended`), `emergencies` (`case`, `id`, `purpose`, `actions`, `by`,
//!   `at`, `until`, `ended`, `ended_why`), `approvals` (`requested`, `granted`, `rejected`, `expired`, `waiting`, `debt_hours`,
//!   `oldest_hours`), `waiting` (`case`, `id`, `action`, `at`, `hours`), `refused` (`what`, `why`, `count`).
//! * `coverage`: `scans` (`ended`, `complete`, `partial`: `target`, `at`), `notices` (`delivered`, `dead_letters`: `case`, `route`, `what`,
//!   `why`, `at`).
//! * `frameworks`: `key`, `name`, `version`, `source`, `controls` (`id`, `title`, `quell`, `named`, `carried_out_by`: texts).

use std::io::{self, Write};

use serde_json::{Value, json as object};

use super::super::escape::json as text;
use super::super::frameworks::frameworks;
use super::super::metrics::json::document;
use super::PeriodReport;
use super::controls::carried;
use super::words::{attention, quoted};
use crate::metrics::days;
use crate::metrics::period::{Count, Covered, Done, Exceptions, Found, Recommended, Row};
use crate::model::Untrusted;
use crate::model::event::RestoreCause;

/// Writes the report for programs.
///
/// # Errors
/// The writer's.
pub fn json(report: &PeriodReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let period = report.period;
    let mut validity = document(report.measured, report.scans());
    if let Some(fields) = validity.as_object_mut() {
        fields.insert("often_quoted".to_owned(), quoted(report).into());
    }
    let whole = object!({
        "format": 1,
        "period": { "since": period.since, "until": period.until, "as_of": period.as_of },
        "team": name(period.team.as_ref()),
        "attention": attention(report),
        "found": found(&period.found),
        "validity": validity,
        "done": done(&period.done),
        "recommended": recommended(&period.recommended),
        "exceptions": exceptions(&period.exceptions),
        "coverage": covered(&period.covered),
        "frameworks": mapped(report),
    });
    serde_json::to_writer_pretty(&mut *out, &whole)?;
    out.write_all(b"\n")
}

fn name(of: Option<&Untrusted>) -> Option<String> {
    of.map(text)
}

fn list<T>(all: &[T], one: impl Fn(&T) -> Value) -> Value {
    all.iter().map(one).collect()
}

fn hours(seconds: i64) -> f64 {
    days(seconds) * 24.0
}

fn found(found: &Found) -> Value {
    let counted =
        |name: Option<String>, count: Count| object!({ "name": name, "cases": count.cases, "live": count.live });
    let rows = |rows: &[Row]| list(rows, |row| counted(name(row.name.as_ref()), row.count));
    object!({
        "cases": found.all.cases,
        "live": found.all.live,
        "live_at_end": found.live_at_end,
        "never_verified": found.never_verified,
        "never_notified": found.never_notified,
        "live_and_untold": list(&found.live_untold, |case| case.to_string().into()),
        "by_severity": list(&found.by_severity, |(severity, count)| counted(Some(severity.as_str().to_owned()), *count)),
        "by_provider": rows(&found.by_provider),
        "by_owner": rows(&found.by_owner),
        "by_repository": rows(&found.by_repository),
        "by_rule": list(&found.by_rule, |(id, title, count)| {
            object!({ "id": text(id), "title": text(title), "cases": count.cases, "live": count.live })
        }),
    })
}

fn done(done: &Done) -> Value {
    let cause = |cause: RestoreCause| RestoreCause::ALL.iter().find(|(_, one)| *one == cause).map(|(word, _)| *word);
    let [legitimate, other, not_said] = done.restored();
    object!({
        "closed": { "by_proof": done.proved, "by_judgement": done.judged },
        "reported": list(&done.reported, |act| object!({
            "case": act.case.to_string(),
            "action": act.action.as_str(),
            "by": text(&act.by),
            "reason": text(&act.reason),
            "cause": act.cause.and_then(cause),
            "at": act.at,
        })),
        "automatic": list(&done.automatic, |act| object!({
            "kind": "act",
            "case": act.case.to_string(),
            "action": act.action.as_str(),
            "policies": list(&act.policies, |id| text(id).into()),
            "at": act.at,
        })),
        "restored": { "legitimate_use": legitimate, "other": other, "not_said": not_said },
        "reopened": {
            "appeared": done.reopened.appeared,
            "lives_again": done.reopened.lives_again,
            "acceptance_ended": done.reopened.acceptance_ended,
        },
    })
}

fn recommended(all: &Recommended) -> Value {
    let tiers = all
        .tiers
        .iter()
        .map(|((action, tier), cases)| object!({ "action": action.as_str(), "tier": tier.as_str(), "cases": cases }));
    let policies = all.policies.iter().map(|(hash, decisions)| object!({ "hash": hash, "decisions": decisions }));
    object!({
        "kinds": { "recommendation": all.recommendations, "act": all.acts },
        "failed": all.failed,
        "tiers": tiers.collect::<Vec<_>>(),
        "unmet": list(&all.unmet, |row| {
            object!({ "id": text(&row.id), "title": text(&row.title), "cases": row.cases })
        }),
        "policies": policies.collect::<Vec<_>>(),
    })
}

fn exceptions(all: &Exceptions) -> Value {
    let (sum, oldest) = all.debt();
    object!({
        "risks": list(&all.risks, |risk| object!({
            "case": risk.case.to_string(),
            "owner": name(risk.owner.as_ref()),
            "by": text(&risk.by),
            "reason": text(&risk.reason),
            "at": risk.at,
            "until": risk.until,
            "ended": risk.ended,
        })),
        "emergencies": list(&all.emergencies, |path| object!({
            "case": path.case.to_string(),
            "id": path.id,
            "purpose": text(&path.purpose),
            "actions": list(&path.actions, |action| action.as_str().into()),
            "by": text(&path.by),
            "at": path.at,
            "until": path.until,
            "ended": path.ended.as_ref().map(|(at, _)| at),
            "ended_why": path.ended.as_ref().map(|(_, why)| text(why)),
        })),
        "approvals": {
            "requested": all.requested,
            "granted": all.granted,
            "rejected": all.rejected,
            "expired": all.expired,
            "waiting": all.waiting.len(),
            "debt_hours": hours(sum),
            "oldest_hours": hours(oldest),
        },
        "waiting": list(&all.waiting, |row| object!({
            "case": row.case.to_string(),
            "id": row.id,
            "action": row.action.as_str(),
            "at": row.at,
            "hours": hours(row.age),
        })),
        "refused": list(&all.refused, |(what, why, count)| {
            object!({ "what": text(what), "why": text(why), "count": count })
        }),
    })
}

fn covered(covered: &Covered) -> Value {
    object!({
        "scans": {
            "ended": covered.scans,
            "complete": covered.scans.saturating_sub(covered.partial.len()),
            "partial": list(&covered.partial, |(target, at)| object!({ "target": text(target), "at": at })),
        },
        "notices": {
            "delivered": covered.delivered,
            "dead_letters": list(&covered.dead_letters, |letter| object!({
                "case": letter.case.map(|case| case.to_string()),
                "route": text(&letter.route),
                "what": letter.what.as_str(),
                "why": text(&letter.why),
                "at": letter.at,
            })),
        },
    })
}

fn mapped(report: &PeriodReport<'_>) -> Value {
    let carried = carried(report.period);
    list(frameworks(), |framework| {
        let own = carried.iter().filter(|one| one.control.framework == framework.key).map(|one| {
            object!({
                "id": one.control.id,
                "title": one.control.title,
                "quell": one.control.quell,
                "named": one.named,
                "carried_out_by": one.told(),
            })
        });
        object!({
            "key": framework.key,
            "name": framework.name,
            "version": framework.version,
            "source": framework.source,
            "controls": own.collect::<Vec<_>>(),
        })
    })
}

//! One JSON document. Keys are stable; times are seconds since 1970 UTC where the key is `at`, `since` or `until`, and days
//! where it ends in `_days`. What is not known, or may not be shown, is `null`.
//!
//! `{ "clock", "at", "since", "until", "scans": { "ended", "complete" }, "figures": F, "clocks": [ { "clock", "usable": S,
//! "revoked": S } ], "slices": [ { "dimension", "slice", "figures": F } ] }`. `slice` is `null` where it is not known.
//!
//! F: `coverage` (`cases`, `followed`, `no_credential`, `never_verified`, `never_notified`, `no_origin`, `never_live`,
//! `ended_before`, `share`), `usable` and `revoked` (S), `live` (`after_days`, `live`, `known`, `estimate`), `sla` (`tier`,
//! `limit_days`, `met`, `breached`, `undetermined`, `paused`, `breach_rate`, `survival`), `missed_revocation` (`missed`,
//! `approved`), `mean_times` (`remediation`, `acknowledgement`, `containment`, `restoration`: `n`, `mean_days`), `reopened`,
//! `mistaken_remediation`, `approval_debt`, `automation`.
//!
//! S: `n`, `events`, `horizon_days`, `median_days`, `restricted_mean` (`limit_days`, `mean_days`), `after_5_days` (`headline`,
//! `estimate`, `se`, `interval`, `events`, `censored`, `coverage`, `best`, `worst`, `dated_early`, `intervals`), `steps`
//! (`day`, `at_risk`, `events`, `survival`, `interval`) up to the horizon. `headline` says whether `estimate` may stand alone.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::super::escape::json as text;
use crate::metrics::{Figures, Mean, Measured, Scans, Survival, days, tier_word};

pub(super) fn write(measured: &Measured, scans: Scans, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(measured, scans))?;
    out.write_all(b"\n")
}

/// The document: other reports have it in them.
pub(in crate::report) fn document(measured: &Measured, scans: Scans) -> Value {
    let asked = &measured.asked;
    let clocks: Vec<Value> = measured
        .clocks
        .iter()
        .map(|(clock, usable, revoked)| {
            json!({ "clock": clock.as_str(), "usable": survival(usable), "revoked": survival(revoked) })
        })
        .collect();
    let slices: Vec<Value> = measured
        .slices
        .iter()
        .map(|(by, slice, of)| {
            json!({ "dimension": by.as_str(), "slice": slice.as_ref().map(text), "figures": figures(of) })
        })
        .collect();
    json!({
        "clock": asked.clock.as_str(),
        "at": asked.now,
        "since": asked.since,
        "until": asked.until,
        "scans": { "ended": scans.ended, "complete": scans.complete },
        "figures": figures(&measured.whole),
        "clocks": clocks,
        "slices": slices,
    })
}

fn figures(of: &Figures) -> Value {
    let c = &of.coverage;
    json!({
        "coverage": {
            "cases": c.cases,
            "followed": c.followed,
            "no_credential": c.no_credential,
            "never_verified": c.never_verified,
            "never_notified": c.never_notified,
            "no_origin": c.no_origin,
            "never_live": c.never_live,
            "ended_before": c.ended_before,
            "share": c.share(),
        },
        "usable": survival(&of.usable),
        "revoked": survival(&of.revoked),
        "live": of.occupancy.iter().map(|o| {
            let estimate = of.usable.curve.reaches(o.time).then_some(o.estimate);
            json!({ "after_days": days(o.time), "live": o.live, "known": o.known, "estimate": estimate })
        }).collect::<Vec<_>>(),
        "sla": of.sla.iter().map(|row| json!({
            "tier": tier_word(row.tier),
            "limit_days": days(row.seconds),
            "met": row.met,
            "breached": row.breached,
            "undetermined": row.undetermined,
            "paused": row.paused,
            "breach_rate": row.breach_rate(),
            "survival": row.survival,
        })).collect::<Vec<_>>(),
        "missed_revocation": { "missed": of.missed.0, "approved": of.missed.1 },
        "mean_times": mean_times(of),
        "reopened": {
            "closures": of.rates.reopenings.closures,
            "reopened": of.rates.reopenings.reopened,
            "resurrections": of.rates.reopenings.resurrections,
            "re_exposures": of.rates.reopenings.re_exposures,
            "rollbacks": of.rates.reopenings.rollbacks,
            "rate": of.rates.reopenings.rate(),
        },
        "mistaken_remediation": {
            "mistaken": of.rates.mistaken,
            "disruptive": of.rates.disruptive,
            "rate": of.rates.mistaken_rate(),
        },
        "approval_debt": {
            "waiting": of.rates.approvals.waiting,
            "sum_hours": days(of.rates.approvals.sum) * 24.0,
            "oldest_hours": days(of.rates.approvals.oldest) * 24.0,
        },
        "automation": of.rates.automation.iter().map(|row| json!({
            "policy": text(&row.policy),
            "acts": row.acts,
            "overturned": row.overturned,
            "precision": row.precision(),
        })).collect::<Vec<_>>(),
    })
}

fn mean_times(of: &Figures) -> Value {
    let mean = |mean: Mean| json!({ "n": mean.n, "mean_days": mean.days() });
    json!({
        "remediation": mean(of.rates.remediated),
        "acknowledgement": mean(of.rates.acknowledged),
        "containment": mean(of.rates.contained),
        "restoration": mean(of.rates.restored),
    })
}

fn survival(of: &Survival) -> Value {
    let van = of.van.as_ref().map(|van| {
        json!({
            "headline": van.is_headline(),
            "estimate": van.at.survival,
            "se": van.at.se,
            "interval": van.at.interval,
            "events": van.at.events,
            "censored": van.censored,
            "coverage": van.coverage,
            "best": van.bounds.map(|b| b.best),
            "worst": van.bounds.map(|b| b.worst),
            "dated_early": van.early,
            "intervals": van.turnbull,
        })
    });
    let shown = of.curve.steps.iter().take_while(|step| step.time <= of.curve.horizon);
    let steps: Vec<Value> = shown
        .map(|step| {
            json!({
                "day": days(step.time),
                "at_risk": step.at_risk,
                "events": step.events,
                "survival": step.survival,
                "interval": step.interval(),
            })
        })
        .collect();
    json!({
        "n": of.curve.n,
        "events": of.events,
        "horizon_days": of.curve.horizon_days(),
        "median_days": of.median.map(days),
        "restricted_mean": of.restricted.map(|(until, mean)| json!({ "limit_days": days(until), "mean_days": mean })),
        "after_5_days": van,
        "steps": steps,
    })
}

//! Figures one by one, under stable names, for formats that have a line for each.

use crate::metrics::{Figures, Measured, Slice, Survival, days, tier_word};
use crate::model::Untrusted;

/// What a figure is called, in which unit it is, and what it says. A unit ends the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) help: &'static str,
}

/// Every family, in the order in which they are written.
pub(super) const FAMILIES: &[Family] = &[
    family("cases", "", "Cases, and why some are in no risk set."),
    family("coverage_ratio", "ratio", "Share of credentials that the figures speak of."),
    family("valid_after_5_days_ratio", "ratio", "Share that is still valid after five days."),
    family("valid_after_5_days_credentials", "", "Credentials behind that share."),
    family("survival_median_days", "days", "Median time until the end; absent where it is not reached."),
    family("survival_restricted_mean_days", "days", "Mean days of validity up to the limit; open ones count."),
    family("survival_restricted_limit_days", "days", "The limit of that mean."),
    family("survival_horizon_days", "days", "How far follow-up covers at least half."),
    family("live_ratio", "ratio", "Share that works at a time, those that came back included (Aalen-Johansen)."),
    family("live_credentials", "", "Credentials that are known to work at a time, of those whose state is known then."),
    family("mean_time_days", "days", "Mean times. Remediation is biased low: open cases are missing."),
    family("mean_time_credentials", "", "Credentials behind the mean times."),
    family("sla_limit_days", "days", "Agreed time by tier."),
    family("sla_credentials", "", "Credentials by how they stand to the agreed time."),
    family("sla_breach_ratio", "ratio", "Share that was breached, undetermined ones left out."),
    family("sla_survival_ratio", "ratio", "Survival at the agreed time, undetermined ones used."),
    family("reopened_ratio", "ratio", "Share of proved closures that did not last 30 days."),
    family("reopened_closures", "", "Proved closures that are 30 days old, and why some did not last."),
    family("mistaken_remediation_ratio", "ratio", "Restorations for legitimate use among quarantines and revocations."),
    family("mistaken_remediation_acts", "", "Acts behind that share."),
    family("missed_revocation_credentials", "", "Working past the agreed time though an action was approved."),
    family("approvals_waiting", "", "Requests for approval that wait."),
    family("approvals_waiting_hours", "hours", "For how long they wait."),
    family("automation_precision_ratio", "ratio", "Share of automatic acts that stood, by policy."),
    family("automation_acts", "", "Automatic acts, by policy."),
];

const fn family(name: &'static str, unit: &'static str, help: &'static str) -> Family {
    Family { name, unit, help }
}

/// A figure of some lives.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    /// The name of its family.
    pub(super) name: &'static str,
    /// What tells it apart from others of the family.
    pub(super) labels: Vec<(&'static str, Untrusted)>,
    pub(super) value: f64,
}

/// The figures of one slice, or of the whole.
pub(super) struct Part<'a> {
    /// The word of the dimension, and the slice.
    pub(super) slice: Option<(&'static str, &'a Slice)>,
    pub(super) figures: Vec<Figure>,
}

/// Every figure there is: of the whole, then of each slice.
pub(super) fn parts(measured: &Measured) -> Vec<Part<'_>> {
    let clock = measured.asked.clock.as_str();
    let mut whole = of(&measured.whole, clock);
    for (clock, usable, revoked) in &measured.clocks {
        let mut list = List(Vec::new());
        list.curve(usable, clock.as_str());
        list.curve(revoked, clock.as_str());
        whole.extend(list.0);
    }
    let slices = measured
        .slices
        .iter()
        .map(|(by, slice, figures)| Part { slice: Some((by.as_str(), slice)), figures: of(figures, clock) });
    std::iter::once(Part { slice: None, figures: whole }).chain(slices).collect()
}

struct List(Vec<Figure>);

impl List {
    fn add(&mut self, name: &'static str, labels: &[(&'static str, &str)], value: impl Into<Option<f64>>) {
        if let Some(value) = value.into() {
            let labels = labels.iter().map(|(name, value)| (*name, Untrusted::from(*value))).collect();
            self.0.push(Figure { name, labels, value });
        }
    }

    fn count(&mut self, name: &'static str, labels: &[(&'static str, &str)], count: usize) {
        self.add(name, labels, number(count));
    }

    fn curve(&mut self, survival: &Survival, clock: &str) {
        let base = [("curve", survival.ending.as_str()), ("clock", clock)];
        let with = |of| [base[0], base[1], ("of", of)];
        let (ratio, count) = ("valid_after_5_days_ratio", "valid_after_5_days_credentials");
        if let Some(van) = &survival.van {
            self.add(ratio, &with("estimate"), van.is_headline().then_some(van.at.survival));
            self.add(ratio, &with("lower"), van.at.interval.map(|(low, _)| low));
            self.add(ratio, &with("upper"), van.at.interval.map(|(_, high)| high));
            self.add(ratio, &with("best"), van.bounds.map(|bounds| bounds.best));
            self.add(ratio, &with("worst"), van.bounds.map(|bounds| bounds.worst));
            self.add(ratio, &with("dated_early"), van.is_headline().then_some(van.early));
            self.add(ratio, &with("intervals_least"), van.turnbull.map(|(least, _)| least));
            self.add(ratio, &with("intervals_most"), van.turnbull.map(|(_, most)| most));
            self.count(count, &with("ended_before"), van.at.events);
            self.count(count, &with("censored_before"), van.censored);
        }
        self.count(count, &with("followed"), survival.curve.n);
        self.count(count, &with("ended"), survival.events);
        self.add("survival_median_days", &base, survival.median.map(days));
        self.add("survival_restricted_mean_days", &base, survival.restricted.map(|(_, mean)| mean));
        self.add("survival_restricted_limit_days", &base, survival.restricted.map(|(until, _)| days(until)));
        self.add("survival_horizon_days", &base, survival.curve.horizon_days());
    }
}

/// The figures of some lives.
fn of(figures: &Figures, clock: &str) -> Vec<Figure> {
    let mut list = List(Vec::new());
    let c = &figures.coverage;
    for (name, count) in [
        ("all", c.cases),
        ("followed", c.followed),
        ("no_credential", c.no_credential),
        ("never_verified", c.never_verified),
        ("never_notified", c.never_notified),
        ("no_origin", c.no_origin),
        ("never_live", c.never_live),
        ("ended_before", c.ended_before),
    ] {
        list.count("cases", &[("of", name)], count);
    }
    list.add("coverage_ratio", &[], c.share());
    figures.curves().into_iter().for_each(|survival| list.curve(survival, clock));
    for occupancy in &figures.occupancy {
        let after = days(occupancy.time).to_string();
        // No share of these: whose state is known at a time is no fair sample of all.
        for (name, count) in [("live", occupancy.live), ("known", occupancy.known)] {
            list.count("live_credentials", &[("after_days", &after), ("of", name)], count);
        }
        let reached = figures.usable.curve.reaches(occupancy.time);
        list.add("live_ratio", &[("after_days", &after), ("of", "estimate")], reached.then_some(occupancy.estimate));
    }
    sla(figures, &mut list);
    rates(figures, &mut list);
    list.0
}

fn sla(figures: &Figures, list: &mut List) {
    for row in &figures.sla {
        let tier = ("tier", tier_word(row.tier));
        list.add("sla_limit_days", &[tier], days(row.seconds));
        let counts =
            [("met", row.met), ("breached", row.breached), ("undetermined", row.undetermined), ("paused", row.paused)];
        for (name, count) in counts {
            list.count("sla_credentials", &[tier, ("of", name)], count);
        }
        list.add("sla_breach_ratio", &[tier], row.breach_rate());
        list.add("sla_survival_ratio", &[tier], row.survival);
    }
    list.count("missed_revocation_credentials", &[("of", "missed")], figures.missed.0);
    list.count("missed_revocation_credentials", &[("of", "approved")], figures.missed.1);
}

fn rates(figures: &Figures, list: &mut List) {
    let rates = &figures.rates;
    for (name, mean) in [
        ("remediation", rates.remediated),
        ("acknowledgement", rates.acknowledged),
        ("containment", rates.contained),
        ("restoration", rates.restored),
    ] {
        list.add("mean_time_days", &[("to", name)], mean.days());
        list.count("mean_time_credentials", &[("to", name)], mean.n);
    }
    let again = &rates.reopenings;
    list.add("reopened_ratio", &[], again.rate());
    for (name, count) in [
        ("closures", again.closures),
        ("reopened", again.reopened),
        ("resurrection", again.resurrections),
        ("re_exposure", again.re_exposures),
        ("rollback", again.rollbacks),
    ] {
        list.count("reopened_closures", &[("of", name)], count);
    }
    list.add("mistaken_remediation_ratio", &[], rates.mistaken_rate());
    list.count("mistaken_remediation_acts", &[("of", "mistaken")], rates.mistaken);
    list.count("mistaken_remediation_acts", &[("of", "disruptive")], rates.disruptive);
    list.count("approvals_waiting", &[], rates.approvals.waiting);
    list.add("approvals_waiting_hours", &[("of", "sum")], days(rates.approvals.sum) * 24.0);
    list.add("approvals_waiting_hours", &[("of", "oldest")], days(rates.approvals.oldest) * 24.0);
    for row in &rates.automation {
        let mut one = List(Vec::new());
        one.add("automation_precision_ratio", &[], row.precision());
        one.count("automation_acts", &[("of", "all")], row.acts);
        one.count("automation_acts", &[("of", "overturned")], row.overturned);
        one.0.iter_mut().for_each(|figure| figure.labels.insert(0, ("policy", row.policy.clone())));
        list.0.extend(one.0);
    }
}

/// A count as a number.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) const fn number(count: usize) -> f64 {
    count as f64
}

//! The Kaplan–Meier estimate of survival, for spells that enter late and end or are censored.
//!
//! S(t) = ∏ over events at tⱼ ≤ t of (1 − dⱼ/nⱼ), with nⱼ = #{i: entryᵢ < tⱼ ≤ timeᵢ}: events come before censorings at the same
//! time (Kaplan and Meier 1958). Its variance is Greenwood's, S² Σ dⱼ/(nⱼ(nⱼ − dⱼ)); its 95 % interval is made on the scale
//! of log(−log S), so that it stays within 0 and 1 (Kalbfleisch and Prentice): S^exp(±1.96 √Σ / |ln S|).

use super::spell::Spell;
use super::{days, float};

/// Standard deviations of a 95 % interval: the normal distribution's 97.5th percentile, which is mostly written as 1.96.
const Z: f64 = 1.959_963_984_540_054;

/// A time at which something ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The time, in seconds since the clock started.
    pub time: i64,
    /// How many were at risk.
    pub at_risk: usize,
    /// How many ended.
    pub events: usize,
    /// The estimate from here on.
    pub survival: f64,
    /// Greenwood's sum from the start until here; infinite where all that were at risk ended.
    pub greenwood: f64,
}

impl Step {
    /// The standard error.
    #[must_use]
    pub fn se(&self) -> f64 {
        if self.survival == 0.0 { 0.0 } else { self.survival * self.greenwood.sqrt() }
    }

    /// The 95 % interval; none where the estimate is 0 or 1, for which Greenwood's sum says nothing.
    #[must_use]
    pub fn interval(&self) -> Option<(f64, f64)> {
        if self.survival <= 0.0 || self.survival >= 1.0 || !self.greenwood.is_finite() {
            return None;
        }
        let width = Z * self.greenwood.sqrt() / self.survival.ln().abs();
        Some((self.survival.powf(width.exp()), self.survival.powf((-width).exp())))
    }
}

/// The estimate at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct At {
    /// The estimate, from 0 to 1.
    pub survival: f64,
    /// Its standard error.
    pub se: f64,
    /// Its 95 % interval, where there is one.
    pub interval: Option<(f64, f64)>,
    /// How many ended until then.
    pub events: usize,
}

/// A curve of survival.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// How many spells it is made of.
    pub n: usize,
    /// Its steps, in the order of time.
    pub steps: Vec<Step>,
    /// Until when it is shown, in seconds: the longest time before which no more than half of the spells were censored.
    pub horizon: i64,
}

impl Curve {
    /// The curve of spells in any order.
    #[must_use]
    pub fn of(spells: &[Spell]) -> Self {
        let mut sorted: Vec<Spell> = spells.to_vec();
        sorted.sort_unstable_by_key(Spell::time);
        Self::sorted(&sorted)
    }

    /// The curve of spells in the order of [`Spell::time`].
    pub(super) fn sorted(spells: &[Spell]) -> Self {
        let mut entries: Vec<i64> = spells.iter().map(|spell| spell.entry).filter(|entry| *entry > 0).collect();
        entries.sort_unstable();
        let n = spells.len();
        let entered = n.saturating_sub(entries.len());
        let mut walk = Walk { curve: Self { n, ..Self::default() }, survival: 1.0, greenwood: 0.0, entered };
        let mut late = entries.iter().peekable();
        let (mut left, mut censored) = (0_usize, 0_usize);
        let mut spells = spells.iter().peekable();
        while let Some(time) = spells.peek().map(|spell| spell.time()) {
            while late.next_if(|entry| **entry < time).is_some() {
                walk.entered += 1;
            }
            let (mut events, mut gone, mut none) = (0, 0, 0);
            while let Some(spell) = spells.next_if(|spell| spell.time() == time) {
                // Who entered at that very time was at no risk.
                let at_risk = spell.entry < time || (spell.entry == 0 && time == 0);
                events += usize::from(spell.ended.is_some() && at_risk);
                none += usize::from(spell.ended.is_none());
                gone += 1;
            }
            walk.step(time, events, left);
            left += gone;
            if censored * 2 <= n {
                walk.curve.horizon = time;
            }
            censored += none;
        }
        walk.curve
    }

    /// The last step at or before a time.
    #[must_use]
    pub fn step(&self, time: i64) -> Option<&Step> {
        let after = self.steps.partition_point(|step| step.time <= time);
        after.checked_sub(1).and_then(|last| self.steps.get(last))
    }

    /// The estimate at a time in seconds, with its interval and the number of events until then.
    #[must_use]
    pub fn at(&self, time: i64) -> At {
        let events = self.steps.iter().take_while(|step| step.time <= time).map(|step| step.events).sum();
        match self.step(time) {
            Some(step) => At { survival: step.survival, se: step.se(), interval: step.interval(), events },
            None => At { survival: 1.0, se: 0.0, interval: None, events: 0 },
        }
    }

    /// The first time at which half or fewer are left, in seconds; not reached where that is not seen.
    #[must_use]
    pub fn median(&self) -> Option<i64> {
        self.steps.iter().find(|step| step.survival <= 0.5).map(|step| step.time)
    }

    /// The restricted mean: the area under the curve until a time in seconds, in days. What has not ended counts too.
    #[must_use]
    pub fn restricted_mean(&self, until: i64) -> f64 {
        let (mut area, mut from, mut height) = (0.0, 0, 1.0);
        for step in self.steps.iter().take_while(|step| step.time < until) {
            area += days(step.time - from) * height;
            (from, height) = (step.time, step.survival);
        }
        area + days((until - from).max(0)) * height
    }

    /// The horizon in days.
    #[must_use]
    pub const fn horizon_days(&self) -> f64 {
        days(self.horizon)
    }

    /// Whether follow-up covers a time in seconds for at least half of the spells, so that it may be shown.
    #[must_use]
    pub const fn reaches(&self, time: i64) -> bool {
        self.n > 0 && self.horizon >= time
    }
}

/// What is known while a curve is walked.
struct Walk {
    curve: Curve,
    survival: f64,
    greenwood: f64,
    entered: usize,
}

impl Walk {
    fn step(&mut self, time: i64, events: usize, left: usize) {
        let at_risk = self.entered.saturating_sub(left);
        if events == 0 || at_risk == 0 {
            return;
        }
        self.survival *= 1.0 - float(events) / float(at_risk);
        if events >= at_risk {
            (self.survival, self.greenwood) = (0.0, f64::INFINITY);
        } else {
            self.greenwood += float(events) / (float(at_risk) * float(at_risk - events));
        }
        let step = Step { time, at_risk, events, survival: self.survival, greenwood: self.greenwood };
        self.curve.steps.push(step);
    }
}

/// How many of some spells are at risk at a time: those that entered before it and had not gone.
#[must_use]
pub(super) fn at_risk(spells: &[Spell], time: i64) -> usize {
    spells.iter().filter(|spell| (spell.entry < time || spell.entry == 0) && spell.time() >= time).count()
}

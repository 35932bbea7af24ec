//! What a curve comes to: the share that is still valid after five days, its interval and bounds, the median, the mean.

use super::km::{At, Curve};
use super::spell::{Ending, Spell};
use super::turnbull::{Interval, Turnbull, turnbull};
use super::{DAY, FEW, FIVE_DAYS, RESTRICTED, share};

/// What the share can be at most and at least, whatever became of those that nothing more is known of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Those that are not known died right after they were last seen alive.
    pub best: f64,
    /// They all live.
    pub worst: f64,
}

impl Bounds {
    /// The bounds at a time in seconds, over the spells that were watched by then.
    #[must_use]
    pub fn of(spells: &[Spell], time: i64) -> Option<Self> {
        let (mut watched, mut alive, mut unknown) = (0, 0, 0);
        for spell in spells.iter().filter(|spell| spell.entry <= time) {
            watched += 1;
            match spell.ended {
                Some(ended) => alive += usize::from(ended > time),
                None if spell.alive >= time => alive += 1,
                None => unknown += 1,
            }
        }
        Some(Self { best: share(alive, watched)?, worst: share(alive + unknown, watched)? })
    }
}

/// Validity after notice: how many still work after five days.
#[derive(Clone, Debug, PartialEq)]
pub struct Van {
    /// The estimate, events dated at the first proof.
    pub at: At,
    /// How many credentials were followed.
    pub n: usize,
    /// How many were censored before.
    pub censored: usize,
    /// The share that was not.
    pub coverage: f64,
    /// The bounds.
    pub bounds: Option<Bounds>,
    /// The estimate with events dated at the last proof of life.
    pub early: f64,
    /// Turnbull's estimate, at least and at most, where a gap between checks of more than a day makes dates uncertain.
    pub turnbull: Option<(f64, f64)>,
}

impl Van {
    /// Whether it may be shown as a headline: with few credentials, only beside its interval.
    #[must_use]
    pub const fn is_headline(&self) -> bool {
        self.n >= FEW || self.at.interval.is_some()
    }
}

/// A curve and what it comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Survival {
    /// What ends it.
    pub ending: Ending,
    /// The curve.
    pub curve: Curve,
    /// How many ended.
    pub events: usize,
    /// After five days; `None` where follow-up does not reach so far for half of them.
    pub van: Option<Van>,
    /// The median in seconds; not reached where that is not seen.
    pub median: Option<i64>,
    /// The restricted mean: until which time in seconds, and how many days. `None` where nobody is followed.
    pub restricted: Option<(i64, f64)>,
    /// The spells, in the order of their times.
    pub spells: Vec<Spell>,
}

impl Survival {
    /// Puts it together: `spells` in the order of [`Spell::time`], `early` the same, dated as early as can be, in theirs.
    pub(super) fn of(ending: Ending, spells: Vec<Spell>, early: &[Spell]) -> Self {
        let curve = Curve::sorted(&spells);
        let events = curve.steps.iter().map(|step| step.events).sum();
        let van = curve.reaches(FIVE_DAYS).then(|| {
            let censored = spells.iter().filter(|s| s.ended.is_none() && s.alive < FIVE_DAYS).count();
            Van {
                at: curve.at(FIVE_DAYS),
                n: curve.n,
                censored,
                coverage: share(curve.n - censored, curve.n).unwrap_or(0.0),
                bounds: Bounds::of(&spells, FIVE_DAYS),
                early: Curve::sorted(early).at(FIVE_DAYS).survival,
                turnbull: uncertain(&spells).map(|found| found.at(FIVE_DAYS)),
            }
        });
        let until = curve.horizon.min(RESTRICTED);
        let restricted = (curve.n > 0 && until > 0).then(|| (until, curve.restricted_mean(until)));
        let median = curve.median().filter(|median| *median <= curve.horizon);
        Self { ending, events, van, median, restricted, curve, spells }
    }

    /// The survival of spells in any order.
    #[must_use]
    pub fn new(ending: Ending, mut spells: Vec<Spell>) -> Self {
        let mut early: Vec<Spell> = spells.iter().map(|spell| spell.earliest()).collect();
        early.sort_unstable_by_key(Spell::time);
        spells.sort_unstable_by_key(Spell::time);
        Self::of(ending, spells, &early)
    }

    /// How many are at risk at a time in seconds.
    #[must_use]
    pub fn at_risk(&self, time: i64) -> usize {
        super::km::at_risk(&self.spells, time)
    }
}

/// Beyond so many credentials, times are taken to the hour, outwards: gaps of days are what matters, and the work grows with
/// how many different intervals there are.
const MANY: usize = 1_000;
/// An hour in seconds.
const HOUR: i64 = 3_600;

/// Turnbull's estimate, where a gap between two checks of the first five days is longer than a day. What happened after thirty
/// days says nothing about the fifth.
fn uncertain(spells: &[Spell]) -> Option<Turnbull> {
    let wide = |s: &Spell| s.alive < FIVE_DAYS && s.ended.is_some_and(|ended| ended - s.alive > DAY);
    let grid = if spells.len() > MANY { HOUR } else { 1 };
    let interval = |spell: &Spell| {
        let until = spell.ended.filter(|ended| *ended <= RESTRICTED);
        Interval {
            entry: (spell.entry / grid * grid).min(RESTRICTED),
            after: (spell.alive / grid * grid).min(RESTRICTED),
            until: until.map(|until| (until + grid - 1) / grid * grid),
        }
    };
    spells.iter().any(wide).then(|| turnbull(&spells.iter().map(interval).collect::<Vec<_>>()))
}

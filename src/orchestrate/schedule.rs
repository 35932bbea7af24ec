//! When an issuer is asked again (REMEDIATION, section 5): at fixed distances from the moment that the owner was told, each a little
//! off so that not everything is asked at once, but for the one after five days, which the most quoted figure rests on; and
//! from the moment that the credential was proved dead, for what comes back.

use super::settings::{DAY, HOUR};
use crate::model::Verdict;
use crate::model::case::{Case, Stage};
use crate::model::event::Closure;

/// Distances from the notice, in seconds.
const TOLD: [i64; 13] =
    [0, HOUR, 6 * HOUR, DAY, 2 * DAY, 3 * DAY, 4 * DAY, FIVE, 7 * DAY, 10 * DAY, 14 * DAY, 21 * DAY, LAST];
/// The check that is never off by more than an hour, and never early.
const FIVE: i64 = 5 * DAY;
/// From then on, one after so long.
const EVERY: i64 = 30 * DAY;
/// The last of those.
const LAST: i64 = 30 * DAY;
/// Distances from the proof of death.
const DIED: [i64; 4] = [HOUR, DAY, 7 * DAY, 30 * DAY];
/// How far a check may be off, as a part of the time since the one ahead of it: one in so many.
const JITTER: i64 = 10;

/// What a schedule counts from, in seconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Its owner was told; until then, when it was opened.
    Told(i64),
    /// It was proved dead.
    Died(i64),
}

/// A check that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// When the schedule wants it, in seconds since 1970 UTC.
    pub nominal: i64,
    /// When it is made.
    pub due: i64,
}

impl Anchor {
    /// What the schedule of a case counts from; `None` where nothing is to be asked any more.
    #[must_use]
    pub fn of(case: &Case) -> Option<Self> {
        // What a person judged to be no credential is left alone.
        if case.stage == Stage::Closed && case.closure == Some(Closure::NoCredential) {
            return None;
        }
        // That it could not be asked meanwhile does not make it live.
        let had = case.verdicts.iter().rev().map(|(v, ..)| v).filter(|v| v.verdict.is_had());
        if let Some(first) = had.take_while(|v| v.verdict == Verdict::Dead).last() {
            return Some(Self::Died(first.asked.max(case.since)));
        }
        if case.stage == Stage::Closed {
            return None;
        }
        Some(Self::Told(case.notified.unwrap_or(case.since).max(case.since)))
    }

    /// What makes its checks different from those of another.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Told(at) => format!("told-{at}"),
            Self::Died(at) => format!("died-{at}"),
        }
    }

    /// The first check after a time. Checks that nobody made in time are not made up for: one now says as much. `seed` is what
    /// the jitter is made of.
    #[must_use]
    pub fn next(self, after: i64, seed: u64) -> Option<Check> {
        self.checks(seed).find(|check| check.due > after)
    }

    /// The check that is to be made by now: the last that is due, where nobody made it. `None` before the first.
    #[must_use]
    pub fn last(self, now: i64, seed: u64) -> Option<Check> {
        self.checks(seed).take_while(|check| check.due <= now).last()
    }

    /// The time of the schedule that a check at `asked` is one of: at most an hour after it was due. `None` for one
    /// that came too late to stand for it.
    #[must_use]
    pub fn nominal(self, asked: i64, seed: u64) -> Option<i64> {
        let last = self.last(asked, seed)?;
        let fifth = last.nominal - self.at() == FIVE;
        let late = if fifth { last.nominal + HOUR } else { last.due + HOUR };
        (asked <= late).then_some(last.nominal)
    }

    const fn at(self) -> i64 {
        match self {
            Self::Told(at) | Self::Died(at) => at,
        }
    }

    /// Every check in its order; without an end but for what is dead.
    fn checks(self, seed: u64) -> impl Iterator<Item = Check> {
        let (fixed, more) = match self {
            Self::Told(_) => (TOLD.as_slice(), true),
            Self::Died(_) => (DIED.as_slice(), false),
        };
        let endless = (1..).map_while(move |n: i64| more.then(|| LAST + n * EVERY));
        let mut before = 0;
        fixed.iter().copied().chain(endless).map(move |distance| {
            let gap = distance - before;
            before = distance;
            let nominal = self.at() + distance;
            Check { nominal, due: nominal + jitter(distance, gap, seed) }
        })
    }
}

/// How far a check is off: up to a tenth of the time since the one ahead of it, to either side. The one after five days is never
/// early and at most half an hour late. Nothing depends on chance: the same credential's checks are off by the same.
fn jitter(distance: i64, gap: i64, seed: u64) -> i64 {
    let random = mixed(seed ^ distance.unsigned_abs());
    let below = |end: i64| i64::try_from(random % u64::try_from(end.max(1)).unwrap_or(1)).unwrap_or(0);
    match distance {
        0 => 0,
        // Where its issuer cannot be reached just then, there is time to ask again within the hour.
        FIVE => below(HOUR / 2),
        _ => below(2 * gap / JITTER) - gap / JITTER,
    }
}

/// A number of which every bit depends on every bit of another (the finaliser of SplitMix64).
const fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_the_one_of_the_requirement() {
        let nominal: Vec<i64> = Anchor::Told(0).checks(1).map(|check| check.nominal / HOUR).take(15).collect();
        assert_eq!(nominal, [0, 1, 6, 24, 48, 72, 96, 120, 168, 240, 336, 504, 720, 1440, 2160]);
        let dead: Vec<i64> = Anchor::Died(0).checks(1).map(|check| check.nominal / HOUR).collect();
        assert_eq!(dead, [1, 24, 168, 720]);
    }

    #[test]
    fn checks_are_off_by_a_tenth_at_most_and_keep_their_order() {
        for seed in 0..2000 {
            let all: Vec<Check> = Anchor::Told(1_000_000).checks(seed).take(20).collect();
            let mut before = 1_000_000;
            for pair in all.windows(2) {
                assert!(pair[0].due < pair[1].due, "{pair:?}");
            }
            for check in all {
                let (off, gap) = (check.due - check.nominal, check.nominal - before);
                if check.nominal == 1_000_000 + FIVE {
                    assert!((0..HOUR / 2).contains(&off), "{check:?}");
                } else {
                    assert!(off.abs() * JITTER <= gap, "{check:?}");
                }
                before = check.nominal;
            }
        }
    }

    #[test]
    fn not_all_are_asked_at_the_same_moment() {
        let due = |seed| Anchor::Told(0).checks(seed).nth(7).map(|check| check.due / 60);
        let minutes: std::collections::BTreeSet<_> = (0..1000).map(due).collect();
        assert_eq!(minutes.len(), 30, "every minute of half an hour");
    }

    #[test]
    fn a_check_that_came_too_late_stands_for_none() {
        let told = Anchor::Told(0);
        assert_eq!(told.nominal(FIVE + HOUR - 1, 3), Some(FIVE));
        assert_eq!(told.nominal(FIVE + HOUR + 1, 3), None, "the figure after five days is measured after five days");
        assert_eq!(told.nominal(FIVE + DAY, 3), None);
        assert_eq!(told.nominal(0, 3), Some(0));
        assert_eq!(told.nominal(-1, 3), None);
    }

    #[test]
    fn what_was_missed_is_one_check_and_what_follows_lies_ahead() {
        let told = Anchor::Told(0);
        for seed in 0..100 {
            let now = 9 * DAY;
            assert_eq!(told.last(now, seed).map(|check| check.nominal), Some(7 * DAY));
            assert!(told.next(now, seed).is_some_and(|check| check.due > now && check.nominal == 10 * DAY));
            assert_eq!(Anchor::Died(0).next(40 * DAY, seed), None);
        }
    }
}

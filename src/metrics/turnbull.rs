//! Survival where each event is known to lie in an interval alone: the nonparametric maximum likelihood estimate.
//!
//! Mass can lie in the innermost intervals alone: those that open where some observation opens and close where the next one
//! closes (Peto 1973). It is spread by self-consistency until it stands still (Turnbull 1976). What entered late is
//! conditioned on its entry: each such observation stands for some that ended before they could be seen; for them the ends of
//! the unseen stretch close intervals too (Frydman 1994).

use super::float;
use super::spell::Spell;

/// Where an event lies: in `(after, until]`, watched since `entry`; `None` never ends. Times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// Since when it is watched.
    pub entry: i64,
    /// It had not ended then.
    pub after: i64,
    /// It had ended then.
    pub until: Option<i64>,
}

impl From<&Spell> for Interval {
    fn from(spell: &Spell) -> Self {
        Self { entry: spell.entry, after: spell.alive, until: spell.ended }
    }
}

/// The estimate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turnbull {
    /// The innermost intervals `(open, close]` with their mass; the last may be open-ended.
    pub mass: Vec<(i64, Option<i64>, f64)>,
    /// After how many rounds it stood still; `None` where it was still moving at the last.
    pub rounds: Option<usize>,
}

/// Most rounds.
const ROUNDS: usize = 500;
/// It stands still where no mass moves by more.
const STILL: f64 = 1e-8;
/// What never ends.
const NEVER: i64 = i64::MAX;

impl Turnbull {
    /// The least and the most that the survival at a time can be: where the time lies within an innermost interval, the
    /// data do not say how its mass lies in it.
    #[must_use]
    pub fn at(&self, time: i64) -> (f64, f64) {
        let sum = |gone: &dyn Fn(i64, Option<i64>) -> bool| {
            self.mass.iter().filter(|(open, close, _)| gone(*open, *close)).map(|(.., mass)| mass).sum::<f64>()
        };
        let surely = sum(&|_, close| close.is_some_and(|close| close <= time));
        let perhaps = sum(&|open, close| open < time && close.is_some());
        ((1.0 - perhaps).max(0.0), (1.0 - surely).min(1.0))
    }
}

/// The estimate for observations in any order.
#[must_use]
pub fn turnbull(observed: &[Interval]) -> Turnbull {
    let mut sorted: Vec<Interval> = observed.iter().map(|one| one.sound()).collect();
    sorted.sort_unstable();
    let inner = innermost(&sorted);
    let mut groups: Vec<Group> = Vec::new();
    let mut last = None;
    for one in sorted {
        match groups.last_mut().filter(|_| last == Some(one)) {
            Some(group) => group.weight += 1.0,
            None => groups.push(Group::of(one, &inner)),
        }
        last = Some(one);
    }
    let mut mass = vec![1.0 / float(inner.len().max(1)); inner.len()];
    let mut rounds = None;
    for round in 1..=ROUNDS {
        let next = consistent(&mass, &groups);
        let moved = mass.iter().zip(&next).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        mass = next;
        if moved < STILL {
            rounds = Some(round);
            break;
        }
    }
    let close = |close: i64| (close != NEVER).then_some(close);
    let mass = inner.iter().zip(mass).map(|((open, end), mass)| (*open, close(*end), mass)).collect();
    Turnbull { mass, rounds }
}

impl Interval {
    /// The same, not empty: an event that is dated at the last proof of life lies right there.
    fn sound(self) -> Self {
        let after = self.until.map_or(self.after, |until| self.after.min(until.saturating_sub(1)));
        Self { entry: self.entry.min(after), after, ..self }
    }
}

/// Observations that are the same, and which innermost intervals they may lie in: `first..end` of those from `seen` on.
struct Group {
    weight: f64,
    first: usize,
    end: usize,
    seen: usize,
}

impl Group {
    fn of(one: Interval, inner: &[(i64, i64)]) -> Self {
        let from = |time: i64| inner.partition_point(|(open, _)| *open < time);
        let end = inner.partition_point(|(_, close)| *close <= one.until.unwrap_or(NEVER));
        Self { weight: 1.0, first: from(one.after), end, seen: if one.entry > 0 { from(one.entry) } else { 0 } }
    }
}

/// Intervals that open where an observation opens and close where the next one closes.
fn innermost(sorted: &[Interval]) -> Vec<(i64, i64)> {
    // What closes at a time comes before what opens there: an interval holds its end and not its start.
    let mut ends: Vec<(i64, bool)> = Vec::with_capacity(sorted.len() * 2);
    for one in sorted {
        ends.extend([(one.after, true), (one.until.unwrap_or(NEVER), false)]);
        ends.extend((one.entry > 0).then_some((one.entry, false)));
    }
    ends.sort_unstable();
    ends.dedup();
    let pairs = ends.iter().zip(ends.iter().skip(1));
    pairs.filter(|((_, opens), (_, next))| *opens && !*next).map(|((open, _), (close, _))| (*open, *close)).collect()
}

/// One round: what each observation expects of each interval, given the mass so far.
fn consistent(mass: &[f64], groups: &[Group]) -> Vec<f64> {
    let mut sums = Vec::with_capacity(mass.len() + 1);
    sums.push(0.0);
    let mut sum = 0.0;
    sums.extend(mass.iter().map(|one| {
        sum += one;
        sum
    }));
    let upto = |end: usize| sums.get(end).copied().unwrap_or(sum);
    let mut slopes = vec![0.0; mass.len() + 1];
    let mut add = |from: usize, end: usize, by: f64| {
        slopes.get_mut(from).into_iter().for_each(|slope| *slope += by);
        slopes.get_mut(end).into_iter().for_each(|slope| *slope -= by);
    };
    for group in groups {
        let inside = upto(group.end) - upto(group.first);
        if inside > 0.0 {
            add(group.first, group.end, group.weight / inside);
        }
        let seen = sum - upto(group.seen);
        if group.seen > 0 && seen > 0.0 {
            add(0, group.seen, group.weight / seen);
        }
    }
    let mut weight = 0.0;
    let expected: Vec<f64> = mass
        .iter()
        .zip(&slopes)
        .map(|(one, slope)| {
            weight += slope;
            one * f64::max(weight, 0.0)
        })
        .collect();
    let total: f64 = expected.iter().sum();
    if total > 0.0 { expected.into_iter().map(|one| one / total).collect() } else { mass.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(observed: &[(i64, i64, i64)]) -> Turnbull {
        let one = |(entry, after, until): &(i64, i64, i64)| Interval {
            entry: *entry,
            after: *after,
            until: (*until >= 0).then_some(*until),
        };
        turnbull(&observed.iter().map(one).collect::<Vec<_>>())
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }

    #[test]
    fn intervals_that_overlap_share_what_lies_in_both() {
        // (0,2], (1,3], (2,∞): by hand, mass lies in (1,2] and (2,3] or never; the likelihood is p1 (p1+p2) (p2+p3).
        let found = of(&[(0, 0, 2), (0, 1, 3), (0, 2, -1)]);
        let intervals: Vec<_> = found.mass.iter().map(|(open, close, _)| (*open, *close)).collect();
        assert_eq!(intervals, [(1, Some(2)), (2, Some(3))]);
        close(found.mass[0].2, 0.5);
        close(found.at(2).1, 0.5);
    }

    #[test]
    fn exact_times_give_the_product_limit_estimate() {
        let times = [(5, true), (10, true), (20, false), (30, true)];
        let observed: Vec<_> =
            times.iter().map(|(t, e)| (0, if *e { t - 1 } else { *t }, if *e { *t } else { -1 })).collect();
        let found = of(&observed);
        close(found.at(10).1, 0.5);
        close(found.at(30).1, 0.0);
        assert!(found.rounds.is_some());
    }

    #[test]
    fn what_entered_late_says_nothing_of_the_time_before() {
        // Two from the start end at 10 and 30; two that entered at 20 end at 30: half are left after 10.
        let found = of(&[(0, 9, 10), (0, 29, 30), (20, 29, 30), (20, 29, 30)]);
        close(found.at(10).1, 0.5);
        close(found.at(30).1, 0.0);
    }

    #[test]
    fn a_time_within_an_interval_is_not_decided() {
        let found = of(&[(0, 0, 100), (0, 100, -1)]);
        let (least, most) = found.at(50);
        close(least, 0.5);
        close(most, 1.0);
        assert_eq!(of(&[]).at(1), (1.0, 1.0));
        close(of(&[(0, 5, 5)]).at(5).1, 0.0);
    }
}

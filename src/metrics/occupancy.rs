//! How many work at a time, where what was ended may come back: rollbacks, resurrections.
//!
//! The curve of survival is of the first end alone. This is the share that is alive at a time: of those whose state is known
//! then, and, since many are not, the Aalen–Johansen estimate: p(t) = p(0) ∏ (I + dA), with dA the transitions between
//! living, locked and dead at a time over those who were in the state before (Aalen and Johansen 1978).

use super::float;
use super::life::{Life, State};
use super::spell::{Clock, Ending, Spell};

/// The share that works at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occupancy {
    /// The time, in seconds since the clock started.
    pub time: i64,
    /// How many work then.
    pub live: usize,
    /// Of how many that is known.
    pub known: usize,
    /// The Aalen–Johansen estimate.
    pub estimate: f64,
}

/// Which of the three a state is.
const fn phase(state: State) -> usize {
    match state {
        State::Live | State::Limited => 0,
        State::Blocked => 1,
        State::Dead => DEAD,
    }
}

/// What holds until an answer says otherwise.
const DEAD: usize = 2;

/// A life as changes of its phase, from its entry until it was seen last. A proof of death holds until an answer says otherwise;
/// that it works, or is locked, is known as long as its issuer is asked.
pub(super) struct Path {
    entry: i64,
    changes: Vec<(i64, usize)>,
    last: i64,
}

impl Path {
    /// The path of a life in the risk set, with its spell until it cannot be used.
    pub(super) fn of(life: &Life, clock: Clock, spell: Spell) -> Self {
        let origin = clock.origin(life).unwrap_or(life.detected);
        let mut path = Self { entry: spell.entry, changes: Vec::new(), last: spell.entry };
        let (mut now, mut entered) = (0, false);
        for check in &life.checks {
            let at = check.on(origin, life.notified);
            if !entered || at <= 0 {
                entered |= check.state.is_live() && at.max(0) == spell.entry;
                continue;
            }
            path.last = path.last.max(at);
            let next = phase(check.state);
            if next != now {
                // Two changes at the same time are one.
                path.changes.retain(|(time, _)| *time < path.last);
                path.changes.push((path.last, next));
                now = next;
            }
        }
        if now == DEAD {
            path.last = i64::MAX;
        }
        path
    }

    fn at(&self, time: i64) -> Option<usize> {
        let known = (self.entry..=self.last).contains(&time);
        let before = self.changes.iter().take_while(|(at, _)| *at <= time).last();
        known.then(|| before.map_or(0, |(_, phase)| *phase))
    }
}

/// What happens at a time, in this order: changes, then who is seen no more, then who enters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Change(usize, usize),
    Leaves(usize),
    Enters,
}

/// The share at each of some times, in seconds since a clock started, the least first.
#[must_use]
pub fn occupancy<'a>(lives: impl IntoIterator<Item = &'a Life>, clock: Clock, times: &[i64]) -> Vec<Occupancy> {
    let path = |life| Some(Path::of(life, clock, Spell::of(life, clock, Ending::Usable).ok()?));
    let paths: Vec<Path> = lives.into_iter().filter_map(path).collect();
    of_paths(&paths.iter().collect::<Vec<_>>(), times)
}

pub(super) fn of_paths(paths: &[&Path], times: &[i64]) -> Vec<Occupancy> {
    let furthest = times.iter().copied().max().unwrap_or(0);
    let mut happenings = Vec::new();
    let mut standing = [0_usize; 3];
    for path in paths {
        if path.entry == 0 {
            standing = add(standing, 0, 1);
        } else {
            happenings.push((path.entry, Happening::Enters));
        }
        let mut now = 0;
        for (at, next) in path.changes.iter().filter(|(at, _)| *at <= furthest) {
            happenings.push((*at, Happening::Change(now, *next)));
            now = *next;
        }
        happenings.push((path.last, Happening::Leaves(now)));
    }
    happenings.retain(|(at, _)| *at <= furthest);
    happenings.sort_unstable();
    let mut walk = Walk { standing, share: [1.0, 0.0, 0.0] };
    let mut next = happenings.chunk_by(|a, b| a.0 == b.0).peekable();
    let mut told = Vec::with_capacity(times.len());
    for time in times {
        while let Some(now) = next.next_if(|now| now.first().is_some_and(|(at, _)| at <= time)) {
            walk.through(now);
        }
        let known: Vec<usize> = paths.iter().filter_map(|path| path.at(*time)).collect();
        let live = known.iter().filter(|phase| **phase == 0).count();
        let [estimate, ..] = walk.share;
        told.push(Occupancy { time: *time, live, known: known.len(), estimate });
    }
    told
}

/// Adds to one of three counts.
fn add(mut counts: [usize; 3], phase: usize, by: usize) -> [usize; 3] {
    counts.iter_mut().skip(phase).take(1).for_each(|count| *count += by);
    counts
}

struct Walk {
    standing: [usize; 3],
    share: [f64; 3],
}

impl Walk {
    /// What happens at one time.
    fn through(&mut self, now: &[(i64, Happening)]) {
        let (before, share) = (self.standing, self.share);
        let of = |phase: usize| before.get(phase).copied().filter(|n| *n > 0);
        let mut moved = self.share;
        let mut stood: [i64; 3] = [0; 3];
        let mut shift = |phase: usize, by: i64| stood.iter_mut().skip(phase).take(1).for_each(|n| *n += by);
        for (_, happening) in now {
            match *happening {
                Happening::Change(from, to) => {
                    shift(from, -1);
                    shift(to, 1);
                    let Some(standing) = of(from) else { continue };
                    let part = share.get(from).copied().unwrap_or(0.0) / float(standing);
                    moved.iter_mut().skip(from).take(1).for_each(|p| *p -= part);
                    moved.iter_mut().skip(to).take(1).for_each(|p| *p += part);
                }
                Happening::Leaves(phase) => shift(phase, -1),
                Happening::Enters => shift(0, 1),
            }
        }
        self.share = moved.map(|p| p.clamp(0.0, 1.0));
        for (count, by) in self.standing.iter_mut().zip(stood) {
            *count = count.saturating_add_signed(isize::try_from(by).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::life::Check;
    use super::*;
    use State::{Blocked, Dead, Live};

    fn life(checks: &[(i64, State)]) -> Life {
        let checks =
            checks.iter().map(|(at, state)| Check { nominal: None, asked: 100 + *at, state: *state }).collect();
        Life { notified: Some(100), checks, ..Life::default() }
    }

    #[test]
    fn what_comes_back_counts_again() {
        let lives = [
            life(&[(0, Live), (10, Blocked), (20, Live), (30, Live)]),
            life(&[(0, Live), (10, Dead), (30, Dead)]),
            life(&[(0, Live), (10, Live), (20, Live), (30, Live)]),
            life(&[(0, Live), (5, Live)]),
        ];
        let found = occupancy(&lives, Clock::Notified, &[5, 10, 20, 40]);
        let counts: Vec<_> = found.iter().map(|o| (o.live, o.known)).collect();
        assert_eq!(counts, [(4, 4), (1, 3), (2, 3), (0, 1)]);
        let shares: Vec<f64> = found.iter().map(|o| (o.estimate * 1e6).round() / 1e6).collect();
        assert_eq!(shares, [1.0, 0.333_333, 0.666_667, 0.666_667]);
    }

    #[test]
    fn what_was_proved_dead_is_known_dead_until_it_works_again() {
        let lives = [
            life(&[(0, Live), (10, Dead)]),
            life(&[(0, Live), (50, Live)]),
            life(&[(0, Live), (10, Dead), (30, Live)]),
        ];
        let found = occupancy(&lives, Clock::Notified, &[20, 29, 30, 40, 60]);
        let counts: Vec<_> = found.iter().map(|o| (o.live, o.known)).collect();
        assert_eq!(counts, [(1, 3), (1, 3), (2, 3), (1, 2), (0, 1)]);
    }
}

//! What one life says about one clock and one way to end: since when it is watched, until when it was alive, when it ended.

use super::life::{Life, State};

/// What time is counted from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Clock {
    /// Since the owner was told: the headline.
    #[default]
    Notified,
    /// Since it was found.
    Detected,
    /// Since the first commit that has it.
    Exposed,
}

impl Clock {
    /// Every clock.
    pub const ALL: [Self; 3] = [Self::Notified, Self::Detected, Self::Exposed];

    /// The word that formats have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notified => "notified",
            Self::Detected => "detected",
            Self::Exposed => "exposed",
        }
    }

    /// What people read behind "days since".
    #[must_use]
    pub const fn since(self) -> &'static str {
        match self {
            Self::Notified => "the owner was notified",
            Self::Detected => "detection",
            Self::Exposed => "exposure",
        }
    }

    /// When this clock starts for a life, in seconds since 1970 UTC.
    #[must_use]
    pub const fn origin(self, life: &Life) -> Option<i64> {
        match self {
            Self::Notified => life.notified,
            Self::Detected => Some(life.detected),
            Self::Exposed => life.exposed,
        }
    }
}

/// What ends a spell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// It cannot be used any more: the first proof that it is locked or dead.
    Usable,
    /// It is ended for good: the first proof of death. That it is locked proves that it is not.
    Revoked,
}

impl Ending {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Usable, Self::Revoked];

    /// The word that formats have: what the curve shows the share of.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::Revoked => "revoked",
        }
    }

    const fn is(self, state: State) -> bool {
        match self {
            Self::Usable => !state.is_live(),
            Self::Revoked => matches!(state, State::Dead),
        }
    }
}

/// Why a life is not in the risk set. Each is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Excluded {
    /// A person judged it to be no credential, or one of a test.
    NoCredential,
    /// The clock never started: nobody was told, or no commit says since when.
    NoOrigin,
    /// No issuer ever gave a definitive answer.
    NeverVerified,
    /// Its issuer answered, and never that it works.
    NeverLive,
    /// It had ended before the clock started.
    EndedBefore,
}

/// A spell, in seconds since its clock started. Its event, where it has one, lies in `(alive, end]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spell {
    /// Since when it is watched: 0, or the first proof of life where that came later (delayed entry).
    pub entry: i64,
    /// When it was proved not to have ended last (L).
    pub alive: i64,
    /// When it was proved to have ended first (U); what has not ended is censored at `alive`.
    pub ended: Option<i64>,
}

impl Spell {
    /// What a life says.
    ///
    /// # Errors
    /// Why it is not in the risk set.
    pub fn of(life: &Life, clock: Clock, ending: Ending) -> Result<Self, Excluded> {
        if life.is_none() {
            return Err(Excluded::NoCredential);
        }
        let origin = clock.origin(life).ok_or(Excluded::NoOrigin)?;
        if life.checks.is_empty() {
            return Err(Excluded::NeverVerified);
        }
        let mut spell: Option<Self> = None;
        let mut ended_before = false;
        for check in &life.checks {
            let at = check.on(origin, life.notified);
            match &mut spell {
                Some(open) if ending.is(check.state) => {
                    if at > 0 {
                        open.ended = Some(at.max(open.alive));
                        break;
                    }
                    // Known to have ended when the clock started; it may live again.
                    (spell, ended_before) = (None, true);
                }
                Some(open) => open.alive = at.max(open.alive),
                None if check.state.is_live() && !(ended_before && at > 0) => {
                    let entry = at.max(0);
                    spell = Some(Self { entry, alive: entry, ended: None });
                }
                None => {}
            }
        }
        spell.ok_or(if ended_before { Excluded::EndedBefore } else { Excluded::NeverLive })
    }

    /// The time that the spell is dated with: the proof of its end, or the last proof that it had not come.
    #[must_use]
    pub const fn time(&self) -> i64 {
        match self.ended {
            Some(ended) => ended,
            None => self.alive,
        }
    }

    /// The same spell with its event dated as early as it can have been: at the last proof of life.
    #[must_use]
    pub const fn earliest(self) -> Self {
        Self { ended: if self.ended.is_some() { Some(self.alive) } else { None }, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::super::life::Check;
    use super::*;
    use crate::model::case::Outcome;

    fn life(notified: Option<i64>, checks: &[(i64, State)]) -> Life {
        let checks = checks.iter().map(|(at, state)| Check { nominal: None, asked: *at, state: *state }).collect();
        Life { notified, checks, ..Life::default() }
    }

    fn spell(notified: i64, checks: &[(i64, State)], ending: Ending) -> Result<(i64, i64, Option<i64>), Excluded> {
        Spell::of(&life(Some(notified), checks), Clock::Notified, ending).map(|s| (s.entry, s.alive, s.ended))
    }

    use Ending::{Revoked, Usable};
    use State::{Blocked, Dead, Limited, Live};

    #[test]
    fn an_event_lies_between_the_last_proof_of_life_and_the_first_of_its_end() {
        let checks = [(90, Live), (110, Limited), (120, Blocked), (150, Dead), (160, Live)];
        assert_eq!(spell(100, &checks, Usable), Ok((0, 10, Some(20))));
        assert_eq!(spell(100, &checks, Revoked), Ok((0, 20, Some(50))), "locked is not revoked");
        assert_eq!(spell(100, &[(90, Live), (130, Live)], Usable), Ok((0, 30, None)));
        assert_eq!(spell(100, &[(90, Live)], Usable), Ok((0, 0, None)), "nothing is known after it");
    }

    #[test]
    fn who_is_proved_alive_late_enters_late() {
        assert_eq!(spell(100, &[(140, Live), (180, Dead)], Usable), Ok((40, 40, Some(80))));
        let dead = [(90, Live), (95, Dead)];
        assert_eq!(spell(100, &dead, Usable), Err(Excluded::EndedBefore));
        assert_eq!(spell(100, &[(90, Live), (100, Dead)], Usable), Err(Excluded::EndedBefore), "known dead at t0");
        assert_eq!(
            spell(100, &[(80, Live), (85, Dead), (90, Live)], Usable),
            Ok((0, 0, None)),
            "lived again before t0"
        );
        assert_eq!(spell(100, &[(80, Live), (85, Dead), (110, Live)], Usable), Err(Excluded::EndedBefore));
    }

    #[test]
    fn what_cannot_be_measured_says_why() {
        assert_eq!(spell(100, &[], Usable), Err(Excluded::NeverVerified));
        assert_eq!(spell(100, &[(110, Dead)], Usable), Err(Excluded::NeverLive));
        let unheard = life(None, &[(90, Live)]);
        assert_eq!(Spell::of(&unheard, Clock::Notified, Usable), Err(Excluded::NoOrigin));
        let test = Life { outcome: Some(Outcome::Test), ..life(Some(1), &[(1, Live)]) };
        assert_eq!(Spell::of(&test, Clock::Notified, Usable), Err(Excluded::NoCredential));
    }

    #[test]
    fn what_ends_right_after_the_clock_started_ended_after_it() {
        let of = |nominal, asked, state| {
            let live = Check { nominal: None, asked: 90, state: Live };
            let checks = vec![live, Check { nominal, asked, state }];
            let life = Life { notified: Some(100), checks, ..Life::default() };
            Spell::of(&life, Clock::Notified, Usable).map(|s| (s.entry, s.alive, s.ended))
        };
        for state in [Dead, Blocked] {
            assert_eq!(of(Some(100), 1_300, state), Ok((0, 0, Some(1_200))), "due at the start, asked after it");
            assert_eq!(of(Some(95), 101, state), Ok((0, 0, Some(1))));
            assert_eq!(of(Some(100), 100, state), Ok((0, 0, Some(1))), "in the same second, because it had started");
            assert_eq!(of(Some(110), 99, state), Err(Excluded::EndedBefore), "asked before it, known before it");
            assert_eq!(of(None, 100, state), Err(Excluded::EndedBefore));
        }
    }

    #[test]
    fn each_clock_counts_from_its_own_start() {
        let life = Life { exposed: Some(10), detected: 50, ..life(Some(100), &[(60, Live), (120, Live), (200, Dead)]) };
        let of = |clock| Spell::of(&life, clock, Usable).map(|s| (s.entry, s.alive, s.ended)).unwrap();
        assert_eq!(of(Clock::Notified), (0, 20, Some(100)));
        assert_eq!(of(Clock::Detected), (10, 70, Some(150)));
        assert_eq!(of(Clock::Exposed), (50, 110, Some(190)));
    }
}

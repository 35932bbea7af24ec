//! Of how many credentials the figures speak, and of how many they cannot.

use super::life::Life;
use super::spell::{Clock, Excluded, Spell};

/// How many cases there are, and why some are in no risk set. A case that was never verified may never have been notified
/// either: these two are counted apart, and may overlap. What a person judged to be no credential is in none of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// All cases.
    pub cases: usize,
    /// Those in the risk set.
    pub followed: usize,
    /// Judged to be no credential, or one of a test.
    pub no_credential: usize,
    /// Without a definitive answer.
    pub never_verified: usize,
    /// Without a delivered notice to an owner.
    pub never_notified: usize,
    /// Notified, and not counted by this clock, since nothing says when it started.
    pub no_origin: usize,
    /// Answered, and never alive.
    pub never_live: usize,
    /// Ended before the clock started.
    pub ended_before: usize,
}

impl Coverage {
    /// Counts a life, with what it says by that clock.
    pub(super) fn add(&mut self, life: &Life, clock: Clock, spell: Result<Spell, Excluded>) {
        self.cases += 1;
        if life.is_none() {
            self.no_credential += 1;
            return;
        }
        self.never_verified += usize::from(life.checks.is_empty());
        self.never_notified += usize::from(life.notified.is_none());
        match spell {
            Ok(_) => self.followed += 1,
            Err(Excluded::NoOrigin) => self.no_origin += usize::from(clock != Clock::Notified),
            Err(Excluded::NeverLive) => self.never_live += 1,
            Err(Excluded::EndedBefore) => self.ended_before += 1,
            Err(Excluded::NeverVerified | Excluded::NoCredential) => {}
        }
    }

    /// The share of credentials that the figures speak of.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        super::share(self.followed, self.cases.saturating_sub(self.no_credential))
    }
}

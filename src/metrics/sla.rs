//! What ended within the time that was agreed for its tier.

use std::collections::BTreeMap;

use super::km::Curve;
use super::life::{Life, Tier};
use super::spell::{Clock, Spell};
use super::{DAY, share};
use crate::model::action::{self, Action};
use crate::model::case::ApprovalState;

/// How many seconds a credential may stay usable, by tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlaDays(BTreeMap<Tier, i64>);

impl Default for SlaDays {
    /// What quell may do by itself, in a day; what it may contain, in three; what a person has to approve, in seven; the rest
    /// in thirty, and seven where no policy was asked.
    fn default() -> Self {
        use action::Tier::{Approval, Automatic, Quarantine, Watch};
        let days = [(None, 7), (Some(Watch), 30), (Some(Approval), 7), (Some(Quarantine), 3), (Some(Automatic), 1)];
        Self(days.map(|(tier, days)| (tier, days * DAY)).into())
    }
}

impl SlaDays {
    /// Agrees on another time for a tier, in seconds.
    pub fn set(&mut self, tier: Tier, seconds: i64) {
        self.0.insert(tier, seconds);
    }

    /// The time of a tier, in seconds.
    #[must_use]
    pub fn of(&self, tier: Tier) -> i64 {
        self.0.get(&tier).copied().unwrap_or(7 * DAY)
    }
}

/// The word for a tier that formats have.
#[must_use]
pub fn word(tier: Tier) -> &'static str {
    tier.map_or("undecided", action::Tier::as_str)
}

/// How one credential stands to its agreed time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It ended in time.
    Met,
    /// It still worked when the time was over.
    Breached,
    /// Nothing was known any more when the time was over.
    Undetermined,
}

/// How a spell stands to a time in seconds. That nothing is known at that time wins over what might be thought.
#[must_use]
pub const fn standing(spell: &Spell, seconds: i64) -> Standing {
    match spell.ended {
        Some(ended) if ended <= seconds => Standing::Met,
        Some(_) => Standing::Breached,
        None if spell.alive < seconds => Standing::Undetermined,
        None => Standing::Breached,
    }
}

/// What one tier comes to. Credentials are usable until they are proved locked or dead.
#[derive(Clone, Debug, PartialEq)]
pub struct Sla {
    /// The tier.
    pub tier: Tier,
    /// The agreed time, in seconds.
    pub seconds: i64,
    /// Ended in time.
    pub met: usize,
    /// Still working when the time was over.
    pub breached: usize,
    /// Last seen alive before that, and not since: in neither.
    pub undetermined: usize,
    /// Their clock stood still for an accepted risk: in none of the others.
    pub paused: usize,
    /// The survival at the agreed time, where follow-up reaches it: this uses the undetermined ones too.
    pub survival: Option<f64>,
}

impl Sla {
    /// The share that was breached, of those that are determined.
    #[must_use]
    pub fn breach_rate(&self) -> Option<f64> {
        share(self.breached, self.breached + self.met)
    }
}

/// Whether an accepted risk stopped the clock between its start and the agreed time, or the end.
fn is_paused(life: &Life, clock: Clock, spell: &Spell, seconds: i64) -> bool {
    let Some(origin) = clock.origin(life) else { return false };
    let end = origin.saturating_add(spell.ended.unwrap_or(seconds).min(seconds));
    life.accepted.iter().any(|risk| risk.from < end && risk.until > origin)
}

/// What each tier comes to that some life has, and in how many an approved action came too late or not at all, of how many
/// that had one.
///
/// Lives come with their spells until they cannot be used.
pub(super) fn table<'a>(
    lives: impl IntoIterator<Item = (&'a Life, Spell)>,
    clock: Clock,
    sla: &SlaDays,
) -> (Vec<Sla>, (usize, usize)) {
    let mut tiers: BTreeMap<Tier, (Sla, Vec<Spell>)> = BTreeMap::new();
    let (mut late, mut approved) = (0, 0);
    for (life, spell) in lives {
        let (tier, seconds) = (life.tier(), sla.of(life.tier()));
        let new = || {
            let row = Sla { tier, seconds, met: 0, breached: 0, undetermined: 0, paused: 0, survival: None };
            (row, Vec::new())
        };
        let (row, spells) = tiers.entry(tier).or_insert_with(new);
        let how = standing(&spell, seconds);
        let was_approved = is_approved(life);
        approved += usize::from(was_approved);
        if is_paused(life, clock, &spell, seconds) {
            row.paused += 1;
            continue;
        }
        late += usize::from(was_approved && how == Standing::Breached);
        match how {
            Standing::Met => row.met += 1,
            Standing::Breached => row.breached += 1,
            Standing::Undetermined => row.undetermined += 1,
        }
        spells.push(spell);
    }
    let told = tiers.into_values().map(|(row, spells)| {
        let curve = Curve::of(&spells);
        let survival = curve.reaches(row.seconds).then(|| curve.at(row.seconds).survival);
        Sla { survival, ..row }
    });
    (told.collect(), (late, approved))
}

/// Whether people approved something that ends or locks it.
fn is_approved(life: &Life) -> bool {
    life.requests.iter().any(|request| {
        matches!(request.action, Action::Rotate | Action::Quarantine | Action::Revoke)
            && (request.granted.is_some() || request.state == ApprovalState::Granted)
    })
}

#[cfg(test)]
mod tests {
    use super::super::life::{Accepted, Check, State};
    use super::super::spell::Ending;
    use super::*;

    fn life(ended: Option<i64>, alive: i64) -> Life {
        let mut checks = vec![(0, State::Live), (alive, State::Live)];
        checks.extend(ended.map(|ended| (ended, State::Dead)));
        let checks = checks.into_iter().map(|(at, state)| Check { nominal: None, asked: at, state }).collect();
        Life { notified: Some(0), checks, ..Life::default() }
    }

    #[test]
    fn a_clock_that_stood_still_is_shown_apart() {
        let mut paused = life(None, 9 * DAY);
        paused.accepted = vec![Accepted { from: DAY, until: 5 * DAY }];
        let mut after = life(None, 9 * DAY);
        after.accepted = vec![Accepted { from: 8 * DAY, until: 9 * DAY }];
        let lives = [life(Some(DAY), 0), life(None, DAY), paused, after];
        let spell = |life| Spell::of(life, Clock::Notified, Ending::Usable).unwrap();
        let (rows, _) = table(lives.iter().map(|life| (life, spell(life))), Clock::Notified, &SlaDays::default());
        let row = &rows[0];
        assert_eq!((row.tier, row.met, row.breached, row.undetermined, row.paused), (None, 1, 1, 1, 1));
        assert_eq!(row.breach_rate(), Some(0.5));
        assert_eq!(word(None), "undecided");
    }

    #[test]
    fn a_later_proof_of_death_is_late_whatever_happened_before_it() {
        let spell = Spell { entry: 0, alive: DAY, ended: Some(4 * DAY) };
        assert_eq!(standing(&spell, 3 * DAY), Standing::Breached);
        assert_eq!(standing(&spell, 4 * DAY), Standing::Met);
    }
}

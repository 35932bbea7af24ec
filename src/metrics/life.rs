//! One credential's life: its clocks, what its issuer said, and what people and quell did about it.

use crate::model::Untrusted;
use crate::model::action::{self, Action};
use crate::model::case::{ApprovalState, Outcome};
use crate::model::event::RestoreCause;

/// What a definitive answer says. What is not known, what looks like several things, and what nobody can ask is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It works, on the word of a server that refuses what is made up.
    Live,
    /// It works, with less than it could.
    Limited,
    /// It is right, and locked.
    Blocked,
    /// It is proved dead.
    Dead,
}

impl State {
    /// Whether it works.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live | Self::Limited)
    }
}

/// A definitive answer of an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// When the schedule wanted it asked, in seconds since 1970 UTC; `None` out of turn.
    pub nominal: Option<i64>,
    /// When it was asked, likewise.
    pub asked: i64,
    /// What was said.
    pub state: State,
}

impl Check {
    /// How late or early the schedule may be followed: an hour, or a tenth of the time since notice.
    const SLACK: i64 = 3600;

    /// The time that the answer is dated with, in seconds since 1970 UTC: the schedule's own, so that jitter orders nothing, as
    /// long as the schedule was followed; else when it was asked. `notified` is what the schedule counts from.
    ///
    /// What was asked out of turn has no such time, and neither has what came too late for it: those count when they were asked.
    #[must_use]
    pub fn dated(&self, notified: Option<i64>) -> i64 {
        let Some(nominal) = self.nominal else { return self.asked };
        let since = notified.map_or(0, |notified| nominal.saturating_sub(notified)).max(0);
        let tenth = since / 10;
        let followed = self.asked.abs_diff(nominal) <= Self::SLACK.max(tenth).unsigned_abs();
        if followed { nominal } else { self.asked }
    }

    /// The same on a clock, in seconds since its start at `origin`. What was asked after the start and proves an end lies after
    /// it, also where the schedule has the check at the start itself; what was asked before it stays before it.
    pub(super) fn on(&self, origin: i64, notified: Option<i64>) -> i64 {
        let dated = self.dated(notified).saturating_sub(origin);
        if self.state.is_live() {
            return dated;
        }
        let asked = self.asked.saturating_sub(origin);
        // In the same second, the schedule says that it was asked because the clock had started.
        let after = asked > 0 || asked == 0 && self.nominal.is_some_and(|nominal| nominal >= origin);
        match after {
            true if dated > 0 => dated,
            true => asked.max(1),
            false => asked,
        }
    }
}

/// Why a proved closure did not last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Again {
    /// The same credential stands somewhere again.
    ReExposure,
    /// It works again, and nobody said that they restored it.
    Resurrection,
    /// It works again, because somebody restored it.
    Rollback,
}

/// A closed case was opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reopened {
    /// When, in seconds since 1970 UTC.
    pub at: i64,
    /// Why.
    pub why: Again,
}

/// A request for approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its name.
    pub id: String,
    /// What was asked for.
    pub action: Action,
    /// When, in seconds since 1970 UTC.
    pub requested: i64,
    /// When it stopped waiting.
    pub ended: Option<i64>,
    /// When enough people had approved, if they ever had.
    pub granted: Option<i64>,
    /// What has become of it.
    pub state: ApprovalState,
    /// How many have approved, and how many have to.
    pub(super) votes: (u32, u32),
}

/// Something was done about the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// What.
    pub action: Action,
    /// When, in seconds since 1970 UTC.
    pub at: i64,
    /// Whether quell did it by itself; else a person reported it.
    pub automatic: bool,
    /// The policies that allowed it.
    pub policies: Vec<Untrusted>,
    /// Of a restoration: what made it necessary.
    pub cause: Option<RestoreCause>,
    /// Of a restoration: when it was asked for.
    pub requested: Option<i64>,
}

/// A time in which the risk was accepted: the clock of an agreed time stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// From when, in seconds since 1970 UTC.
    pub from: i64,
    /// Until when.
    pub until: i64,
}

/// How far the policy would go at most; `None` where it was not asked about anything that ends a credential.
pub type Tier = Option<action::Tier>;

/// One credential. Times are in seconds since 1970 UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// When it was exposed first, as far as commits say.
    pub exposed: Option<i64>,
    /// When it was detected: when its case was opened.
    pub detected: i64,
    /// When its resolved owner was told first: the first notice that was delivered, or task that was opened where they work.
    pub notified: Option<i64>,
    /// When a person answered that first.
    pub acknowledged: Option<i64>,
    /// Definitive answers, in the order in which they were had.
    pub checks: Vec<Check>,
    /// When the case was closed by a proof of death.
    pub closures: Vec<i64>,
    /// When it was opened again after that.
    pub reopened: Vec<Reopened>,
    /// Requests for approval.
    pub requests: Vec<Request>,
    /// What was done.
    pub acts: Vec<Act>,
    /// Times in which the risk was accepted.
    pub accepted: Vec<Accepted>,
    /// How a person judged it.
    pub outcome: Option<Outcome>,
    /// Who owns it, where that is known and undisputed.
    pub owner: Option<Untrusted>,
    /// Repositories that it stands in, each once.
    pub repositories: Vec<Untrusted>,
    /// Id of the provider.
    pub provider: Option<Untrusted>,
    /// Id of the rule.
    pub rule: Option<Untrusted>,
    /// Where it is used, as the word that formats have.
    pub environment: Option<&'static str>,
    /// The newest decision about each of rotating, quarantining and revoking.
    pub tiers: Vec<(Action, action::Tier)>,
}

impl Life {
    /// The highest of its tiers.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.tiers.iter().map(|(_, tier)| *tier).max()
    }

    /// Whether a person judged it to be no credential, or one that is meant to be there.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self.outcome, Some(Outcome::False | Outcome::Test))
    }

    /// When it was seen alive first after a time.
    #[must_use]
    pub fn alive_after(&self, at: i64) -> Option<i64> {
        self.checks.iter().filter(|check| check.state.is_live() && check.asked >= at).map(|check| check.asked).min()
    }

    /// When it was contained first since it was detected: locked or dead, where it was proved to work before. What was found
    /// dead was contained by nobody.
    #[must_use]
    pub fn contained(&self) -> Option<i64> {
        let mut alive = false;
        self.checks.iter().find_map(|check| {
            let ended = alive && !check.state.is_live() && check.asked >= self.detected;
            alive = check.state.is_live();
            ended.then_some(check.asked)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_dates_what_follows_it_and_nothing_else() {
        let check = |nominal, asked| Check { nominal, asked, state: State::Live }.dated(Some(0));
        assert_eq!(check(Some(432_000), 435_000), 432_000, "within the hour");
        assert_eq!(check(Some(864_000), 864_000 + 80_000), 864_000, "within a tenth");
        assert_eq!(check(Some(432_000), 700_000), 700_000, "a worker that was down for days");
        assert_eq!(check(None, 17), 17);
        assert_eq!(check(Some(i64::MIN), i64::MAX), i64::MAX);
    }

    #[test]
    fn a_proof_that_is_off_by_more_than_the_jitter_is_not_dated_back() {
        const DAY: i64 = 86_400;
        for state in [State::Dead, State::Blocked, State::Live] {
            let check = |nominal, asked| Check { nominal: Some(nominal), asked, state }.dated(Some(0));
            assert_eq!(check(30 * DAY, 33 * DAY), 30 * DAY, "jitter orders nothing");
            assert_eq!(check(30 * DAY, 33 * DAY + 1), 33 * DAY + 1, "it may have worked until then");
            assert_eq!(check(30 * DAY, 27 * DAY), 30 * DAY, "early");
            assert_eq!(check(5 * DAY, 5 * DAY + 3600), 5 * DAY, "the five-day check, as late as it may be");
        }
        let out_of_turn = Check { nominal: None, asked: 33 * DAY, state: State::Dead };
        assert_eq!(out_of_turn.dated(Some(0)), 33 * DAY);
    }

    #[test]
    fn what_was_found_dead_was_contained_by_nobody() {
        let life = |checks: &[(i64, State)]| {
            let checks = checks.iter().map(|(asked, state)| Check { nominal: None, asked: *asked, state: *state });
            Life { detected: 100, checks: checks.collect(), ..Life::default() }.contained()
        };
        assert_eq!(life(&[(100, State::Dead)]), None);
        assert_eq!(life(&[(100, State::Live), (100, State::Dead)]), Some(100));
        assert_eq!(life(&[(100, State::Dead), (110, State::Live), (120, State::Blocked)]), Some(120));
        assert_eq!(life(&[(80, State::Live), (90, State::Dead), (110, State::Dead)]), None, "dead when it was found");
    }
}

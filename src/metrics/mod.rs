//! How long leaked credentials stay valid, and what was done about them: figures made of the ledger's events.
//!
//! [`Fold`] takes events in their order and makes a [`Life`] of each case: its clocks, the answers of its issuer, what was
//! asked for and done. A [`Spell`] is what one life says about one clock and one [`Ending`]: entered, last seen alive, ended or
//! not. [`Curve`] is the Kaplan–Meier estimate over spells, [`turnbull`] the one for intervals, `occupancy` the one for
//! credentials that come back. [`Survey`] puts every figure together, for all lives and for slices of them. `rates` has times
//! and shares, `sla` what was in time. `period` is what happened in a period, for a report.
//!
//! Nothing here reads a clock: times come in as seconds since 1970 UTC, whole, and come out as days (`f64`).

mod coverage;
mod fold;
mod km;
mod life;
mod occupancy;
pub mod period;
mod rates;
mod sla;
mod slices;
mod spell;
mod survey;
mod survival;
mod turnbull;

#[cfg(test)]
mod tests;

pub use coverage::Coverage;
pub use fold::{Fold, Scans};
pub use km::{At, Curve, Step};
pub use life::{Accepted, Act, Again, Check, Life, Reopened, Request, State, Tier};
pub use occupancy::{Occupancy, occupancy};
pub use rates::{ApprovalDebt, Automation, Mean, Rates, Reopenings};
pub use sla::{Sla, SlaDays, Standing, standing, word as tier_word};
pub use slices::{Dimension, Slice};
pub use spell::{Clock, Ending, Excluded, Spell};
pub use survey::{Asked, Figures, Measured, Survey};
pub use survival::{Bounds, Survival, Van};
pub use turnbull::{Interval, Turnbull, turnbull};

/// Seconds of a day.
pub const DAY: i64 = 86_400;
/// The horizon that the field quotes: five days.
pub const FIVE_DAYS: i64 = 5 * DAY;
/// Below so many credentials no headline is shown without its interval.
pub const FEW: usize = 30;
/// Within how long after a proved closure a reopening counts against it.
pub const REOPEN_WINDOW: i64 = 30 * DAY;
/// How far the restricted mean reaches where follow-up does.
pub const RESTRICTED: i64 = 30 * DAY;

/// Seconds as days.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "spans of time are far below 2^52 seconds")]
pub const fn days(seconds: i64) -> f64 {
    seconds as f64 / DAY as f64
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
const fn float(count: usize) -> f64 {
    count as f64
}

/// A share; `None` of nothing.
fn share(part: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| float(part) / float(of))
}

//! A report of a period: what was found, how long it stayed valid, what was done and recommended, exceptions, coverage, and which
//! controls of frameworks that carried out.
//!
//! [`html()`] is a page for people, [`json()`] a document for programs, [`summary()`] a few lines for a terminal. `words` has the
//! sentences that they share, `controls` the mapping to frameworks, `curve` draws survival curves for the page.

mod controls;
mod curve;
mod found;
mod html;
mod json;
mod rest;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod words;

use crate::metrics::period::Period;
use crate::metrics::{Measured, Scans};

pub use html::html;
pub use json::json;
pub use summary::summary;

/// What is told.
#[derive(Clone, Copy, Debug)]
pub struct PeriodReport<'a> {
    /// What happened.
    pub period: &'a Period,
    /// How long credentials stayed valid whose owner was told in the period, as far as that is known now; and rates of what
    /// happened in it.
    pub measured: &'a Measured,
}

impl PeriodReport<'_> {
    /// Scans of the period, as metrics tell them.
    const fn scans(&self) -> Scans {
        let covered = &self.period.covered;
        Scans { ended: covered.scans, complete: covered.scans.saturating_sub(covered.partial.len()) }
    }
}

//! What was measured, for people and programs: a table, JSON, CSV, OpenMetrics text; curves in the terminal (`curve`), as SVG
//! and PNG (`chart`). `flat` lists figures one by one for the formats that have a line for each, `letters` writes text into
//! images without a font of the system, `words` has how numbers are written.
//!
//! Names of slices come from outside: every format passes them through its own escaper.

mod chart;
mod csv;
mod curve;
mod flat;
pub(super) mod json;
mod letters;
mod openmetrics;
mod table;
pub(super) mod words;

use std::io::{self, Write};

use crate::metrics::{Measured, Scans};

pub use chart::{ChartError, png, svg};
pub use curve::curve;

/// A format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsFormat {
    /// For people.
    Table,
    /// One JSON document.
    Json,
    /// CSV: a row for each figure of each slice.
    Csv,
    /// OpenMetrics text 1.0, for a scraper.
    OpenMetrics,
}

impl MetricsFormat {
    /// Every format with its name on the command line.
    pub const ALL: &'static [(&'static str, Self)] =
        &[("table", Self::Table), ("json", Self::Json), ("csv", Self::Csv), ("openmetrics", Self::OpenMetrics)];
}

/// Writes what was measured.
///
/// # Errors
/// The writer's.
pub fn write(format: MetricsFormat, measured: &Measured, scans: Scans, out: &mut dyn Write) -> io::Result<()> {
    match format {
        MetricsFormat::Table => table::write(measured, scans, out),
        MetricsFormat::Json => json::write(measured, scans, out),
        MetricsFormat::Csv => csv::write(measured, out),
        MetricsFormat::OpenMetrics => openmetrics::write(measured, out),
    }
}

#[cfg(test)]
mod tests;

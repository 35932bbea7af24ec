//! The outcome of a scan, as every format tells it.

use super::{Coverage, Finding};

/// What a scan found, and what it covered.
#[derive(Debug, Default)]
pub struct Report {
    /// Findings at or above the confidence that was asked for, most severe first, then by place.
    pub findings: Vec<Finding>,
    /// How many more there are below it.
    pub below_confidence: u64,
    /// How many were left out because a suppression names them.
    pub suppressed: u64,
    /// How many rules were looked for.
    pub rules: u64,
    /// What was read, and what was not.
    pub coverage: Coverage,
}

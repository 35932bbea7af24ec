//! Sources × detect, in parallel: from bytes to findings.
//!
//! `file` runs detection over the parts of a file and turns candidates into places (`sighting`); `lines` counts
//! lines and columns; `paths` knows tests and source code by their paths; `merge` resolves what overlaps in a file;
//! `companions` joins the parts of a credential; `join` makes one finding of all sightings of a credential; `engine`
//! runs it all.

mod companions;
#[cfg(test)]
mod delta;
mod engine;
mod file;
mod join;
mod lines;
mod merge;
mod paths;
mod sighting;

pub use engine::{MAX_MATCHES, Progress, ScanOptions, Target, scan};
pub use file::MARGINS;

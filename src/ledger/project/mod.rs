//! Projections: what is made of the events and can be made again. Each is written in the transaction of its events.
//!
//! `cases` has the rows that are made of one case, `people` and `policies` are folds of their own that hold no input or
//! output, and `rebuild` makes everything anew and says where it differs. `rights` says who may write what, and `standing` what
//! may follow on what was before.

pub(super) mod cases;
pub(super) mod people;
pub(super) mod policies;
mod rebuild;
mod repair;
mod rights;
pub(super) mod standing;
pub(super) mod write;

pub use people::Registered;
pub use policies::{PolicyStanding, PolicyState, Promotion};
pub use rebuild::Difference;

use crate::model::Untrusted;

use super::canonical::sha256_hex;

/// What a target of scans is known by: its name may have any bytes, and any length.
pub(super) fn target_key(target: &Untrusted) -> String {
    sha256_hex(target.raw())
}

//! quell finds leaked secrets, proves whether they still work, and sees each one through until it does not.
//!
//! The library never prints, exits, or reads the environment or the clock: [`cli`] does. ARCHITECTURE.md has the
//! map; `docs/design/` has the invariants that comments refer to by number.

pub mod cli;
pub mod connectors;
pub mod detect;
#[cfg(feature = "remediate")]
pub mod ledger;
#[cfg(feature = "remediate")]
pub mod metrics;
pub mod model;
#[cfg(feature = "remediate")]
pub mod orchestrate;
#[cfg(feature = "remediate")]
pub mod owners;
#[cfg(feature = "remediate")]
pub mod policy;
pub mod report;
pub mod rules;
pub mod scan;
pub mod sources;
pub mod uses;
pub mod verify;

//! The ledger: what happened, in an order that cannot be changed unseen, and everything that is made of it.
//!
//! A [`Store`] is a file of SQLite or a database of PostgreSQL. A writer begins a [`Tx`], of which there is one at a time;
//! what it appends is hashed into the chain, folded into cases and other projections, and written with them at once, or not at
//! all. A principal's event carries that principal's signature, and the ledger refuses one that does not count.
//!
//! * `store`, `schema`, `address`, `db`, `parallel`: where it is and how it is laid out; `tx`: writing; `read`, `judged`, `marks`, `batches`: reading.
//! * `chain`, `canonical`, `keys`, `checkpoint`, `verify`, `export`, `pack`: what makes it evidence. Whoever can write to the database can
//!   make a whole new chain; a checkpoint that is kept elsewhere shows that.
//! * `project`: cases, facts, approvals, people, policies, made of events and made again from them.
//! * `seal`: secrets that must be asked again. `jobs`, `queue`: leased work. `backup`: copies.
//!
//! The library reads no clock: the database's own decides, so that workers' clocks play no role.

mod address;
mod backup;
mod batches;
mod canonical;
mod chain;
mod checkpoint;
mod db;
mod error;
mod export;
mod jobs;
mod judged;
mod keys;
mod marks;
mod pack;
mod parallel;
mod project;
mod queue;
mod read;
mod schema;
mod seal;
mod store;
mod tx;
mod verify;

pub use address::Address;
pub use canonical::canonical;
pub use checkpoint::Checkpoint;
pub use error::LedgerError;
pub use export::verify_export;
pub use jobs::{ATTEMPTS, Job, LEASE, NewJob, Queued};
pub use judged::{Judged, Precision};
pub use keys::SigningKey;
pub use marks::Touched;
pub use pack::{PackPolicy, PackVerified, verify_pack};
pub use project::{Difference, PolicyStanding, PolicyState, Promotion, Registered};
pub use read::{Counts, Filter, LastScan, Overdue, Waiting};
pub use seal::{DataKey, KeyWrapper, SealedParts, Wrapped, Wrapper};
pub use store::{Faults, Options, Store};
pub use tx::Tx;
pub use verify::{Fault, Verified};

/// The points at which [`Options::faults`] is called: before and after each step that could leave something half done.
pub const POINTS: &[&str] = &[
    "make.before-schema",
    "make.after-schema",
    "make.before-commit",
    "make.after-commit",
    "begin.after-lock",
    "append.before-check",
    "append.before-insert",
    "append.after-insert",
    "case.before-write",
    "case.after-write",
    "facts.after-write",
    "approvals.after-write",
    "fingerprints.after-write",
    "people.after-write",
    "policies.after-write",
    "scans.after-write",
    "commit.before",
    "commit.after",
    "checkpoint.before-write",
    "checkpoint.after-write",
    "seal.before-key",
    "seal.after-key",
    "seal.after-text",
    "unseal.expired",
    "erase.after-key",
    "erase.after-text",
    "erase.after-truncate",
    "rewrap.after-unwrap",
    "rewrap.after-wrap",
    "rewrap.after-write",
    "rewrap.after-commit",
    "job.queued",
    "job.claimed",
    "job.after-claim",
    "job.renewed",
    "job.completed",
    "job.failed",
    "job.postponed",
    "mark.set",
    "job.parked",
    "rebuild.after-cases",
    "rebuild.after-people",
    "rebuild.before-commit",
    "export.after-batch",
    "import.after-batch",
    "backup.before-copy",
    "backup.after-copy",
    "restore.after-copy",
    "restore.before-place",
    "restore.after-place",
    "migrate.after-lock",
    "migrate.after-steps",
];

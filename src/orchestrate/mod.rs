//! The case machine, its first half: a finding becomes a case (`opening`), what is known about it is gathered (`gather`) and
//! put to the policy (`facts`, `plan`, `decide`), and people act on it (`commands`, `approvals`, `people`, `policies`, `promote`).
//!
//! What happened has consequences (`follow`): the owner is told (`notify`, by the ways of `routes`) and has a task where they work
//! (`task`), in which they are heard (`hear`, `spoken`), and the issuer is asked again on a schedule (`schedule`).
//!
//! Nothing here changes a credential: every decision is a recommendation, but for the closing of a case.
//! Every command is checked against the policy; what is refused is told with its reason, and recorded.

mod approvals;
mod caller;
pub mod commands;
mod decide;
mod error;
mod facts;
mod follow;
mod gather;
mod hear;
mod notify;
mod offboard;
mod opening;
pub mod outside;
mod people;
mod plan;
mod policies;
mod promote;
pub mod routes;
pub mod schedule;
mod settings;
mod spoken;
mod task;
mod work;

pub use caller::Caller;
pub use error::CommandError;
pub use follow::{CHECK, DIGEST, ESCALATE, LISTEN, NOTICE, TASK};
pub use gather::Gatherer;
pub use notify::WAITS;
pub use offboard::Tie;
pub use opening::{How, Opened, Scanned, Tracked};
pub use people::NewPrincipal;
pub use policies::{Difference, Replay};
pub use promote::{Agreement, Comparison, Shadow};
pub use settings::Settings;
pub use spoken::Spoken;
pub use task::deadline;

use crate::ledger::Store;
use crate::policy::PolicySet;

/// Everything that commands work with.
#[derive(Clone, Copy)]
pub struct Orchestrator<'a> {
    /// Where events are kept.
    pub store: &'a Store,
    /// The policy that counts now.
    pub policy: &'a PolicySet,
    /// What an administrator set.
    pub settings: &'a Settings,
    /// Who asks.
    pub caller: &'a Caller,
}

//! What a walk has used so far of what it may.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::fault::Fault;
use super::gate::Gate;
use super::walk::Limits;

/// The counts of a walk, shared by its threads.
pub(super) struct Meter {
    /// Objects that were visited.
    pub(super) objects: AtomicU64,
    /// Bytes that were made.
    pub(super) bytes: AtomicU64,
    /// Bytes of live bases.
    pub(super) alive: AtomicUsize,
    pub(super) gate: Gate,
    most: u64,
}

impl Meter {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            objects: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            alive: AtomicUsize::new(0),
            gate: Gate::new(limits.held),
            most: limits.total,
        }
    }

    /// Takes bytes from the budget of the whole walk.
    pub(super) fn spend(&self, bytes: u64) -> Result<(), Fault> {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.most { Err(Fault::Exhausted { most: self.most }) } else { Ok(()) }
    }
}

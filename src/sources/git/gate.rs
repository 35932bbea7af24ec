//! Keeps several threads from holding many large objects at once.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Objects of up to this size pass freely.
pub(super) const SMALL: u64 = 4 << 20;

/// Lets in as many large objects as fit, and one in any case.
pub(super) struct Gate {
    most: u64,
    used: Mutex<u64>,
    left: Condvar,
}

/// The way in for one object; dropping it lets in the next.
pub(super) struct Pass<'g> {
    gate: &'g Gate,
    size: u64,
}

impl Gate {
    pub(super) fn new(most: u64) -> Self {
        Self { most, used: Mutex::new(0), left: Condvar::new() }
    }

    /// Waits until an object of `size` bytes may be held.
    pub(super) fn enter(&self, size: u64) -> Pass<'_> {
        let size = if size <= SMALL { 0 } else { size };
        let mut used = self.lock();
        while size > 0 && *used > 0 && used.saturating_add(size) > self.most {
            used = self.left.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used += size;
        Pass { gate: self, size }
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.size > 0 {
            *self.gate.lock() -= self.size;
            self.gate.left.notify_all();
        }
    }
}

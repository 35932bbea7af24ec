//! The time, which the library is told and never reads.

/// Whoever knows the time.
pub trait Clock: Send + Sync {
    /// Seconds since 1970, UTC.
    fn now(&self) -> i64;
}

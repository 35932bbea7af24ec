//! What a caller may set. What people's decisions rest on is no setting of a caller's: it stands here as constants, and a
//! policy that was activated can be stricter.

/// Seconds of a minute, an hour and a day.
pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// For how many hours a request for approval, and an approval, counts.
pub(super) const APPROVAL_HOURS: i64 = 72;
/// For how many hours the only person there is waits before approving what cannot be undone.
pub(super) const ALONE_HOURS: i64 = 24;
/// How many people approve what cannot be undone, or touches what is critical or privileged.
pub(super) const HIGH_QUORUM: u32 = 2;
/// How many hours old a proof of death may be that closes a case.
pub(super) const PROOF_HOURS: i64 = 24;

/// What whoever tracks sets.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// For how many days a secret stays sealed.
    pub seal_days: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seal_days: 90 }
    }
}

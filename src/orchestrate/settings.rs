//! What an administrator sets about cases.

/// Times and numbers of the case machine.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// For how many days a secret stays sealed.
    pub seal_days: i64,
    /// For how many hours a request for approval counts.
    pub approval_hours: i64,
    /// For how many hours the only person there is waits before approving what cannot be undone.
    pub alone_hours: i64,
    /// How many people approve what cannot be undone, or touches what is critical or privileged.
    pub high_quorum: u32,
    /// How many hours old a proof of death may be that closes a case.
    pub proof_hours: i64,
    /// For how many days a risk may be accepted at most.
    pub acceptance_days: i64,
    /// How many hours an emergency may last at most.
    pub emergency_hours: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seal_days: 90,
            approval_hours: 72,
            alone_hours: 24,
            high_quorum: 2,
            proof_hours: 24,
            acceptance_days: 365,
            emergency_hours: 24,
        }
    }
}

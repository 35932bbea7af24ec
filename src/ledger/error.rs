//! What can go wrong with a ledger, in words that say what to do.

use crate::model::case::{CaseNumber, FoldError};

/// Why the ledger did not do what it was asked for. Nothing of it was written, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The address is none.
    #[error("`{0}` is no address of a store: give a path, sqlite:PATH or postgres://USER@HOST/DATABASE")]
    Address(String),
    /// There is no store at the address.
    #[error("there is no store at `{0}`: make one first, or put a backup in its place")]
    NotMade(String),
    /// Something else than a store is at the address.
    #[error("the file `{0}` is no store of quell: name the store's file, or put a backup in its place")]
    NoStore(String),
    /// There is a store, or something else, already.
    #[error("there is something at `{0}` already: name another place")]
    Exists(String),
    /// The store was made by a newer program.
    #[error("made by a newer quell (schema {found}, this one knows {known}): update quell")]
    Newer {
        /// The store's schema.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The database does not answer. What was not acknowledged may or may not have been written.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// There is no room.
    #[error("the database has no room left: free some and try again; nothing was lost")]
    Full,
    /// Another writer did not finish in time.
    #[error("the store is locked by another writer that did not finish in time: try again")]
    Locked,
    /// The case moved on since it was looked at.
    #[error("{case} moved on (version {found}, expected {expected}): look at it again")]
    Conflict {
        /// The case.
        case: CaseNumber,
        /// The version that the caller saw.
        expected: i64,
        /// The version that it has.
        found: i64,
    },
    /// An event or a projection is not what was written.
    #[error("event {seq} is not what was written: {what}; run an audit and restore a backup")]
    Chain {
        /// The event.
        seq: i64,
        /// What is wrong.
        what: String,
    },
    /// A signature that counts was wanted.
    #[error("the signature of `{actor}` does not count: {why}")]
    BadSignature {
        /// Who is said to have signed.
        actor: String,
        /// Why it does not count.
        why: &'static str,
    },
    /// The rules do not allow it.
    #[error("not permitted: {0}")]
    NotPermitted(String),
    /// An event that cannot follow on what was before.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The credential has a case already.
    #[error("`{fingerprint}` has a case already: {case}")]
    Taken {
        /// The fingerprint.
        fingerprint: String,
        /// Its case.
        case: CaseNumber,
    },
    /// The secret was sealed with another key.
    #[error("sealed with the key `{sealed_with}`, and this is `{given}`: give that key; nothing was changed")]
    WrongKey {
        /// The wrapper that it was sealed with.
        sealed_with: String,
        /// The wrapper that was given.
        given: String,
    },
    /// Whoever keeps the wrapping key did not do it.
    #[error("the key service does not answer: {0}")]
    Wrapper(String),
    /// The secret's time is over; it was erased.
    #[error("the sealed secret of {0} is past its time and was erased")]
    Expired(CaseNumber),
    /// The sealed bytes do not open.
    #[error("the sealed secret of {0} was changed, and does not open")]
    Damaged(CaseNumber),
    /// Somebody else has the job by now.
    #[error("job {0} is somebody else's by now: drop its result")]
    Lost(i64),
    /// Something that cannot be kept, or cannot be read back.
    #[error("{0}")]
    Data(String),
    /// A backup or an export does not verify.
    #[error("`{place}` does not verify: {what}; nothing was put in place")]
    Unsound {
        /// The file.
        place: String,
        /// The first fault.
        what: String,
    },
    /// The transaction failed before, and can only be dropped.
    #[error("an earlier step of this transaction failed: begin again")]
    Broken,
    /// A file or a stream failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Anything else that the database says.
    #[error("the database refuses: {0}")]
    Database(String),
}

impl LedgerError {
    /// Names what was being done with a file.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| {
            if source.kind() == std::io::ErrorKind::StorageFull {
                return Self::Full;
            }
            Self::Io { what: what.into(), source }
        }
    }
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(told) => of_code(told.code().as_deref().unwrap_or_default(), told.message()),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unreachable(error.to_string()),
            _ => Self::Database(error.to_string()),
        }
    }
}

/// Codes: SQLite's are result codes in decimal, whose low byte is the kind; PostgreSQL's have five characters.
fn of_code(code: &str, message: &str) -> LedgerError {
    let sqlite = code.parse::<i64>().ok().filter(|_| code.len() < 5).map(|number| number & 0xff);
    match (sqlite, code) {
        (Some(13), _) | (_, "53100") => LedgerError::Full,
        (Some(26), _) => LedgerError::NoStore("of the database".to_owned()),
        (Some(5 | 6), _) | (_, "55P03" | "40P01" | "40001") => LedgerError::Locked,
        (Some(10 | 14), _) | (_, "57P01" | "57P02" | "57P03") => LedgerError::Unreachable(message.to_owned()),
        _ if code.starts_with("08") || code.starts_with("53") => LedgerError::Unreachable(message.to_owned()),
        _ => LedgerError::Database(format!("{message} ({code})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_are_told_apart() {
        assert!(matches!(of_code("13", ""), LedgerError::Full));
        assert!(matches!(of_code("53100", ""), LedgerError::Full));
        assert!(matches!(of_code("517", ""), LedgerError::Locked));
        assert!(matches!(of_code("57P01", ""), LedgerError::Unreachable(_)));
        assert!(matches!(of_code("22021", ""), LedgerError::Database(_)));
    }
}

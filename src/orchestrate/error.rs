//! Why a command did not do what it was asked.

use crate::ledger::LedgerError;
use crate::model::case::CaseNumber;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such case.
    #[error("there is no case `{0}`")]
    NoCase(CaseNumber),
    /// The policy or an invariant refuses it. The refusal is on record.
    #[error("refused: {why}")]
    Refused {
        /// Why, with the policies that say so.
        why: String,
        /// What to do.
        help: String,
    },
    /// What was given makes no sense.
    #[error("{why}")]
    Usage {
        /// What is wrong.
        why: String,
        /// What to do.
        help: String,
    },
    /// The ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The policy cannot be used.
    #[error("the policy cannot be used: {0}")]
    Policy(String),
}

impl CommandError {
    /// Something that makes no sense.
    pub(super) fn usage(why: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { why: why.into(), help: help.into() }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Refused { help, .. } | Self::Usage { help, .. } => Some(help),
            Self::NoCase(_) => Some("`quell case list --all` lists them"),
            _ => None,
        }
    }
}

//! Why an object, or a file that holds objects, could not be read.

use crate::model::{GapKind, ObjectId, system_words};

/// A fault in a repository's objects. The words are those of a gap: they hold nothing of the bytes that were read but
/// ids and numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The system failed.
    #[error("reading failed: {0}")]
    Unreadable(String),
    /// The file ends before what is said to be in it.
    #[error("the file ends within it")]
    Truncated,
    /// It is not what the format says.
    #[error("it is corrupt: {0}")]
    Corrupt(&'static str),
    /// It is larger than what is held in memory.
    #[error("it states {size} bytes, more than the {most} that are held at once")]
    TooLarge {
        /// What it says it has.
        size: u64,
        /// What is allowed.
        most: u64,
    },
    /// Its repository has more than is read.
    #[error("the objects before it came to {most} bytes, and no more are read from one repository")]
    Exhausted {
        /// The budget.
        most: u64,
    },
    /// The object that it is a delta against is nowhere.
    #[error("it is a delta against object {0}, which is missing")]
    NoBase(ObjectId),
    /// It is a delta against a place where no object starts.
    #[error("it is a delta against offset {0}, where no object starts")]
    NoBaseAt(u64),
    /// Deltas that are deltas against each other.
    #[error("it is a delta against itself, by way of others")]
    Cycle,
    /// It is not there.
    #[error("object {0} is missing")]
    Missing(ObjectId),
    /// A fault of the scanner.
    #[error("quell itself failed on it; please report this")]
    Internal,
}

impl Fault {
    /// The system has no memory for what was to be held.
    pub(super) fn no_memory() -> Self {
        Self::Unreadable("there is no memory for it".to_owned())
    }

    /// One line for a person about an object that was not read.
    #[must_use]
    pub fn of(&self, id: &ObjectId) -> String {
        match self {
            Self::Missing(missing) if missing == id => self.to_string(),
            _ => format!("object {id} is not read: {self}"),
        }
    }

    /// The kind of gap that it makes.
    #[must_use]
    pub fn kind(&self) -> GapKind {
        match self {
            Self::Unreadable(_) => GapKind::Unreadable,
            Self::Truncated | Self::Corrupt(_) | Self::NoBaseAt(_) | Self::Cycle => GapKind::Corrupt,
            Self::TooLarge { .. } | Self::Exhausted { .. } => GapKind::OverBudget,
            Self::NoBase(_) | Self::Missing(_) => GapKind::Missing,
            Self::Internal => GapKind::Internal,
        }
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Unreadable(system_words(&error))
    }
}

//! The commit that a place belongs to.

use serde::{Deserialize, Serialize};

use super::{ObjectId, Untrusted};

/// What a report says of a commit: which, whose, and when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CommitRef {
    /// Its id.
    pub id: ObjectId,
    /// Its author, as it stands there: name and address.
    pub author: Untrusted,
    /// The author's date, in seconds since 1970 UTC; zero where it has none that can be read.
    pub date: i64,
}

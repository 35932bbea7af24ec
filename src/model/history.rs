//! Where in a repository's history a place is, and whether what stands there can still be had.

use serde::{Deserialize, Serialize};

use super::{ObjectId, Untrusted};

/// Where an object is now. In this order, the first that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// In the tree of `HEAD`.
    Head,
    /// In the tree of another ref, or named by it.
    Tip,
    /// In none of these, and in a commit that a ref leads to.
    History,
    /// Only in a commit that was a ref's once and that its log still names.
    #[serde(rename = "reflog")]
    Log,
    /// In no commit that any ref or log leads to. It is in the repository until git removes it, and a server that hosts
    /// it may hand it out.
    Unreachable,
}

impl Presence {
    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Tip => "tip",
            Self::History => "history",
            Self::Log => "reflog",
            Self::Unreachable => "unreachable",
        }
    }
}

/// What a place is a place in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A file's content.
    File,
    /// A commit: its message, or who made it. Lines are those that `git cat-file -p` shows.
    Commit,
    /// An annotated tag: its message, or who made it.
    Tag,
    /// The name of a file or a directory.
    FileName,
    /// The name of a ref.
    RefName,
}

impl Part {
    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Commit => "commit",
            Self::Tag => "tag",
            Self::FileName => "file-name",
            Self::RefName => "ref-name",
        }
    }
}

/// Where in a repository's history a place is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InHistory {
    /// Whether it can still be had: for a secret at a path, of all versions that have it.
    pub presence: Presence,
    /// The object; `None` for a name.
    pub object: Option<ObjectId>,
    /// Names of refs whose tips have it, a few of them.
    pub tips: Vec<Untrusted>,
}

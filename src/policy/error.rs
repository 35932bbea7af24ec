//! What is wrong with policies, and what to do about it.

use std::fmt;

/// Why policies are not a set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyErrors {
    /// Faults in files: each with its place and what to do.
    #[error("{}", joined(.0))]
    Files(Vec<Fault>),
    /// There is no such profile.
    #[error("no profile is called `{0}`; there are `default` and `regulated`")]
    Profile(String),
    /// The same files make another set than the one on record: the guardrails, the profile or the schema changed since.
    #[error("the policy set {was} is {now} with this version of quell; stage it anew, replay it, and activate it")]
    Changed {
        /// The hash on record.
        was: String,
        /// The hash now.
        now: String,
    },
}

/// A fault in a file of policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file's name.
    pub file: String,
    /// The line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        write!(to, "{}{line}: {}", self.file, self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(to, "; {help}"))
    }
}

fn joined(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Something about a file that is allowed, and probably not meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// The file's name.
    pub file: String,
    /// The policy's id.
    pub policy: String,
    /// What it is.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}: `{}`: {}", self.file, self.policy, self.message)
    }
}

/// Why a decision cannot be made again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Its facts are none that this version knows.
    #[error("the decision's facts cannot be read: {0}")]
    Facts(String),
    /// Its facts are not the ones that its hash was made of.
    #[error("the decision's facts do not have the hash {0} that it records")]
    Snapshot(String),
}

//! What of a history is asked about.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use globset::{GlobBuilder, GlobMatcher};

use crate::model::Untrusted;
use crate::sources::git::refs::Refs;

/// Below which a ref may be named by the rest of its name, as git allows.
const BELOW: [&[u8]; 4] = [b"refs/", b"refs/heads/", b"refs/tags/", b"refs/remotes/"];

/// What of a history is reported. The default is everything. All of it is read all the same: who brought a secret in
/// first follows from the whole history.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    refs: Vec<(String, GlobMatcher)>,
    /// Secrets that came in at this time or later, in seconds since 1970.
    pub since: Option<i64>,
    /// Secrets that came in at this time or before.
    pub until: Option<i64>,
    /// Secrets that one of so many commits brought in: those with the latest dates.
    pub max_commits: Option<usize>,
}

/// Why refs cannot be chosen.
#[derive(Debug, thiserror::Error)]
pub enum NarrowError {
    /// A pattern that is none.
    #[error("the ref pattern `{0}` cannot be read: {1}")]
    Pattern(String, String),
    /// A pattern without a ref.
    #[error("there is no ref `{0}` in the repository")]
    NoRef(String),
}

impl Narrow {
    /// Lets only refs count that match one of the patterns: a full name, or what is left of it after `refs/heads/` and the
    /// like; `*` stands for anything, `/` included. No pattern lets all count.
    ///
    /// # Errors
    /// On the first pattern that cannot be read.
    pub fn refs(mut self, patterns: &[String]) -> Result<Self, NarrowError> {
        for pattern in patterns {
            let glob = GlobBuilder::new(pattern).backslash_escape(true).build();
            let glob = glob.map_err(|e| NarrowError::Pattern(pattern.clone(), e.kind().to_string()))?;
            self.refs.push((pattern.clone(), glob.compile_matcher()));
        }
        Ok(self)
    }

    /// Whether it asks for refs.
    #[must_use]
    pub fn has_refs(&self) -> bool {
        !self.refs.is_empty()
    }

    /// All that it asks for.
    pub(super) fn asked(&self) -> impl std::fmt::Debug {
        let patterns: Vec<&str> = self.refs.iter().map(|(pattern, _)| pattern.as_str()).collect();
        (patterns, self.since, self.until, self.max_commits)
    }

    /// Whether a ref counts.
    #[must_use]
    pub fn counts(&self, name: &[u8]) -> bool {
        self.refs.is_empty() || self.refs.iter().any(|(_, glob)| matches(glob, name))
    }

    /// Whether what came in at a time is asked for.
    pub(super) fn is_in_time(&self, time: i64) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until)
    }

    /// Whether only what a commit or a tag brought in can be meant.
    pub(super) fn has_times(&self) -> bool {
        self.since.is_some() || self.until.is_some() || self.max_commits.is_some()
    }

    /// Fails where a pattern has no ref.
    pub(super) fn check(&self, refs: &Refs) -> Result<(), NarrowError> {
        let has_ref = |glob: &GlobMatcher| refs.tips.iter().any(|tip| matches(glob, tip.name.raw()));
        match self.refs.iter().find(|(_, glob)| !has_ref(glob)) {
            Some((pattern, _)) => Err(NarrowError::NoRef(pattern.clone())),
            None => Ok(()),
        }
    }

    /// What is told of what was left out.
    pub(super) fn told(&self, left_out: usize) -> String {
        let mut asked = Vec::new();
        if self.has_refs() {
            let patterns: Vec<&str> = self.refs.iter().map(|(pattern, _)| pattern.as_str()).collect();
            asked.push(format!("the refs {}", patterns.join(", ")));
        }
        if self.since.is_some() || self.until.is_some() {
            asked.push("a time".to_owned());
        }
        if let Some(most) = self.max_commits {
            asked.push(format!("the latest {most} commits"));
        }
        let asked = asked.join(" and ");
        format!("only what belongs to {asked} is reported: {left_out} places elsewhere are left out")
    }
}

fn matches(glob: &GlobMatcher, name: &[u8]) -> bool {
    let is_match = |name: &[u8]| glob.is_match(OsStr::from_bytes(name));
    is_match(name) || BELOW.iter().any(|below| name.strip_prefix(*below).is_some_and(is_match))
}

/// The names of refs that count.
pub(super) fn named<'r>(narrow: &'r Narrow, refs: &'r Refs) -> impl Iterator<Item = &'r Untrusted> {
    refs.tips.iter().map(|tip| &tip.name).filter(|name| narrow.counts(name.raw()))
}

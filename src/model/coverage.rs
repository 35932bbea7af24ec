//! What was read, what was left out on purpose, and what could not be read (invariant 2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Untrusted;

/// Why something was left out by design. It never changes the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// A symbolic link: what it points to is scanned where it lies, if it lies inside the target.
    Symlink,
    /// A FIFO, socket or device.
    SpecialFile,
    /// Ignored by the repository's ignore files and not tracked; `--no-ignore` scans it.
    Ignored,
    /// Left out by `--exclude-path` or `--include-path`; a repository by `--exclude` or `--include`.
    Excluded,
    /// What holds packed objects in a repository's own directory (`.git`), and its index: the history scan reads them.
    GitDirectory,
    /// A submodule's commit: its content lies in a repository of its own.
    Submodule,
    /// A repository that its owner has archived; `--archived` takes it.
    Archived,
    /// A repository that is a fork of another; `--forks` takes it.
    Fork,
}

impl SkipReason {
    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Symlink => "symlink",
            Self::SpecialFile => "special-file",
            Self::Ignored => "ignored",
            Self::Excluded => "excluded",
            Self::GitDirectory => "git-directory",
            Self::Submodule => "submodule",
            Self::Archived => "archived",
            Self::Fork => "fork",
        }
    }
}

/// What was left out for one reason. A directory that was not entered counts as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Files left out.
    pub files: u64,
    /// Directories left out whole, not counting what is in them.
    pub directories: u64,
    /// The first of them in path order, at most [`Skipped::EXAMPLES`].
    pub examples: Vec<Untrusted>,
}

impl Skipped {
    /// How many paths a report names for each reason; the rest is counted.
    pub const EXAMPLES: usize = 20;
}

/// What kind of failure left something unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// The system refused or failed to open or read it.
    Unreadable,
    /// It is larger than `--max-file-size`, or a name is longer than the system takes.
    OverBudget,
    /// It was removed, replaced or shortened while it was read.
    Changed,
    /// It is broken: cut short, or not what its format says.
    Corrupt,
    /// What refers to it says that it is there, and it is not.
    Missing,
    /// It lies outside of the target.
    Outside,
    /// A verdict was asked for (`--fail-on live`) and could not be had.
    NoVerdict,
    /// The scanner itself failed on it; the rest was scanned.
    Internal,
}

impl GapKind {
    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::OverBudget => "over-budget",
            Self::Changed => "changed",
            Self::Corrupt => "corrupt",
            Self::Missing => "missing",
            Self::Outside => "outside",
            Self::NoVerdict => "no-verdict",
            Self::Internal => "internal",
        }
    }
}

/// One thing that was asked for and not read. Any gap makes the scan incomplete.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// What was not read.
    pub path: Untrusted,
    /// The kind of failure.
    pub kind: GapKind,
    /// One line for a person: why, in words of quell or of the system, never of the scanned bytes.
    pub why: String,
}

/// Something a reader of the report should know that is neither a skip nor a gap, such as a target's
/// configuration that was ignored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// What it is about.
    pub path: Untrusted,
    /// One line for a person.
    pub text: String,
}

/// The record of what a scan covered. Records of parts are merged into one.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Files read to their end.
    pub files: u64,
    /// Objects of repositories read.
    pub objects: u64,
    /// Bytes read from all of them.
    pub bytes: u64,
    /// What was left out by design, by reason.
    pub skipped: BTreeMap<SkipReason, Skipped>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// What else to know.
    pub notices: Vec<Notice>,
}

impl Coverage {
    /// Records something that was left out by design.
    pub fn skip(&mut self, reason: SkipReason, path: &Untrusted, directory: bool) {
        let entry = self.skipped.entry(reason).or_default();
        if directory {
            entry.directories += 1;
        } else {
            entry.files += 1;
        }
        // In path order, whatever order several threads come in.
        let full = entry.examples.len() >= Skipped::EXAMPLES;
        if !full || entry.examples.last().is_some_and(|last| path < last) {
            let at = entry.examples.partition_point(|e| e < path);
            entry.examples.insert(at, path.clone());
            entry.examples.truncate(Skipped::EXAMPLES);
        }
    }

    /// Records something that could not be read.
    pub fn gap(&mut self, kind: GapKind, path: &Untrusted, why: impl Into<String>) {
        self.gaps.push(Gap { path: path.clone(), kind, why: why.into() });
    }

    /// Records something to know.
    pub fn notice(&mut self, path: &Untrusted, text: impl Into<String>) {
        self.notices.push(Notice { path: path.clone(), text: text.into() });
    }

    /// Whether everything that was asked for was read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty()
    }

    /// Adds another part's record to this one.
    pub fn merge(&mut self, other: Self) {
        self.files += other.files;
        self.objects += other.objects;
        self.bytes += other.bytes;
        for (reason, skipped) in other.skipped {
            let entry = self.skipped.entry(reason).or_default();
            entry.files += skipped.files;
            entry.directories += skipped.directories;
            entry.examples.extend(skipped.examples);
            entry.examples.sort();
            entry.examples.truncate(Skipped::EXAMPLES);
        }
        self.gaps.extend(other.gaps);
        self.notices.extend(other.notices);
    }

    /// Every path that the record names.
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut Untrusted> {
        let examples = self.skipped.values_mut().flat_map(|skipped| &mut skipped.examples);
        examples
            .chain(self.gaps.iter_mut().map(|gap| &mut gap.path))
            .chain(self.notices.iter_mut().map(|n| &mut n.path))
    }

    /// Puts gaps and notices into path order, so that two scans of the same tree report alike.
    pub fn sort(&mut self) {
        self.gaps.sort();
        self.notices.sort();
        self.notices.dedup();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_are_counted_and_leave_the_scan_complete_while_a_gap_does_not() {
        let mut a = Coverage { files: 1, bytes: 10, ..Coverage::default() };
        let mut b = Coverage { files: 2, bytes: 5, ..Coverage::default() };
        for i in 0..30 {
            a.skip(SkipReason::Symlink, &Untrusted::from(format!("l{i:02}").as_str()), false);
        }
        b.skip(SkipReason::Symlink, &"a".into(), true);
        a.merge(b);
        assert_eq!((a.files, a.bytes), (3, 15));
        let links = &a.skipped[&SkipReason::Symlink];
        assert_eq!((links.files, links.directories, links.examples.len()), (30, 1, Skipped::EXAMPLES));
        assert_eq!(links.examples[0].raw(), b"a", "examples are in path order after a merge");
        assert!(a.is_complete());
        a.gap(GapKind::Unreadable, &"x".into(), "permission denied");
        assert!(!a.is_complete());
    }
}

//! Scans of a change instead of a tree: `--staged`, `--unstaged`, `--range`, `--since-ref`, and what hooks are told.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

use crate::model::{Coverage, GapKind, ObjectId, Report, Untrusted};
use crate::scan::{Arrived, Outcome, Progress, ScanOptions, pushed, range, staged, unstaged};
use crate::sources::git::changes::{ChangesError, Objects, Range, file_at, revision};
use crate::sources::git::refs::Names;
use crate::sources::git::{Access, Location, ObjectKind, OpenError, Repository};

use super::suppress::{self, Texts};

#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Scan what is staged: secrets in lines that the index adds to HEAD. The repository is the one that PATH lies in. What
    /// was there before and was not touched is not reported, nor are lines and files that were only moved.
    #[arg(long, help_heading = "Changes", conflicts_with_all = ["unstaged", "range", "since_ref"])]
    staged: bool,
    /// Scan what is not staged: lines that the work tree adds to the index, untracked files included.
    #[arg(long, help_heading = "Changes", conflicts_with_all = ["range", "since_ref"])]
    unstaged: bool,
    /// Scan what the commits of a range bring in, each against its parents, with messages and authors; what is added and
    /// taken out again too. `A...B` means the commits that are in one of them alone.
    #[arg(long, value_name = "A..B", help_heading = "Changes", conflicts_with = "since_ref")]
    range: Option<String>,
    /// The same for `REF..HEAD`.
    #[arg(long, value_name = "REF", help_heading = "Changes")]
    since_ref: Option<String>,
    /// A directory outside of the repository from which it may borrow objects.
    #[arg(long, value_name = "DIR", help_heading = "Changes")]
    allow_alternate: Vec<PathBuf>,
}

/// A ref that is to be set: from what, to what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Update {
    pub(super) old: Option<ObjectId>,
    pub(super) new: ObjectId,
}

/// What change is looked at.
#[derive(Debug)]
pub(super) enum What {
    /// The index in this file against `HEAD`.
    Staged(PathBuf),
    /// The work tree against the index in this file.
    Unstaged(PathBuf),
    /// The commits between two names; with `true` those of either side.
    Between(String, String, bool),
    /// What refs are to be set to, beside what the refs below a folder lead to; `true` where this repository receives it.
    Updates(Vec<Update>, String, bool),
}

/// A scan of a change.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) location: Location,
    /// The object directories that the person who asks names, and a hook's environment.
    pub(super) access: Access,
    pub(super) what: What,
}

impl Args {
    /// Whether a scan of a change is asked for.
    pub(super) fn asked(&self) -> bool {
        self.staged || self.unstaged || self.range.is_some() || self.since_ref.is_some()
    }

    /// The scan of a change that the options ask for, if they do.
    pub(super) fn job(&self, paths: &[PathBuf]) -> Result<Option<Job>> {
        let between = match (&self.range, &self.since_ref) {
            (Some(range), _) => Some(sides(range)?),
            (None, Some(name)) => Some(What::Between(name.clone(), "HEAD".to_owned(), false)),
            (None, None) => None,
        };
        if !self.asked() {
            if !self.allow_alternate.is_empty() {
                bail!("--allow-alternate is for scans of a repository's objects\n  help: add --staged or --range");
            }
            return Ok(None);
        }
        let [path] = paths else {
            bail!("a change is looked for in one repository, and {} paths are given\n  help: name one", paths.len());
        };
        if path.as_os_str() == "-" {
            bail!("a change is looked for in a repository, and standard input is none\n  help: name a directory");
        }
        let location = located(path, Location::find(path))?;
        let index = location.index();
        let what = match between {
            Some(between) => between,
            None if self.staged => What::Staged(index),
            None => What::Unstaged(index),
        };
        let access = Access { alternates: self.allow_alternate.clone(), received: Vec::new() };
        Ok(Some(Job { location, access, what }))
    }
}

/// Reads `A..B` or `A...B`; a side that is left out is `HEAD`.
fn sides(text: &str) -> Result<What> {
    let (a, b, either) = match (text.split_once("..."), text.split_once("..")) {
        (Some((a, b)), _) => (a, b, true),
        (None, Some((a, b))) => (a, b, false),
        _ => {
            bail!("`{text}` is no range\n  help: write `A..B`, or use `--since-ref {text}` for all that came after it")
        }
    };
    if b.contains("..") {
        bail!("`{text}` is no range\n  help: write `A..B`");
    }
    let named = |side: &str| if side.is_empty() { "HEAD".to_owned() } else { side.to_owned() };
    Ok(What::Between(named(a), named(b), either))
}

/// Where a repository lies, or what to do about it.
pub(super) fn located(path: &Path, outcome: Result<Location, OpenError>) -> Result<Location> {
    found(outcome.map_err(|e| ChangesError::open(path, e)))
}

/// An error of a repository with what to do about it.
pub(super) fn found<T>(outcome: Result<T, ChangesError>) -> Result<T> {
    outcome.map_err(|error| {
        let help = match &error {
            ChangesError::NotARepository(_) => "name a directory in a repository; `quell scan PATH` scans any directory",
            ChangesError::LinkElsewhere(_) => "name the repository itself",
            ChangesError::Bare(_) => "use --range, or name a work tree",
            ChangesError::Unknown(_) => "`git branch -a` and `git log` show names; in a pipeline, fetch the commit first (GitHub: `fetch-depth: 0`, GitLab: `GIT_DEPTH: 0`)",
            ChangesError::Name { .. } => "`git log` shows ids",
            ChangesError::Unreadable { .. } => "repair the repository, or say where its objects are",
        };
        anyhow!("{error}\n  help: {help}")
    })
}

impl Job {
    /// Runs the scan. The report comes with the suppressions as they were before the change.
    pub(super) fn run(&self, options: &ScanOptions<'_>, progress: &Progress) -> Result<(Report, Texts)> {
        match self.outcome(options, progress) {
            Err(ChangesError::Unreadable { what, why }) => {
                let mut report = Report { rules: options.rules.rules.len() as u64, ..Report::default() };
                report.coverage.gap(GapKind::Unreadable, &Untrusted::from(what.as_str()), why);
                Ok((report, Texts::default()))
            }
            other => found(other),
        }
    }

    fn outcome(&self, options: &ScanOptions<'_>, progress: &Progress) -> Result<(Report, Texts), ChangesError> {
        let mut coverage = Coverage::default();
        let repository = self.open(&mut coverage)?;
        let objects = Objects::new(&repository, options.walk.max_file_size);
        let mut outcome = match &self.what {
            What::Staged(index) => staged(&objects, index, options, progress)?,
            What::Unstaged(index) => unstaged(&objects, index, options, progress)?,
            What::Between(a, b, either) => {
                // Where both names lead to a commit, nothing is lost by another ref that cannot be read.
                let mut of_refs = Coverage::default();
                let names = Names::read(repository.git_dir(), repository.common_dir(), &mut of_refs);
                let commit = |name| revision::commit(&names, &objects, name);
                let (a, b) = (commit(a)?, commit(b)?);
                let mut ranges = vec![Range { include: vec![b], exclude: vec![a] }];
                if *either {
                    ranges.push(Range { include: vec![a], exclude: vec![b] });
                }
                let outcome = range(&objects, &ranges, options, progress);
                Outcome { base: if *either { outcome.base } else { Some(a) }, ..outcome }
            }
            What::Updates(updates, known, received) => {
                updated(&objects, updates, (known, *received), (options, progress))
            }
        };
        outcome.report.coverage.merge(coverage);
        // Where nothing was found there is nothing to suppress: a hook that guards a commit need not read what was there.
        let base = outcome.base.filter(|_| !outcome.report.findings.is_empty());
        let tree = base.and_then(|id| objects.commit(&id).ok()).map(|c| c.tree);
        Ok((outcome.report, tree.map(|tree| texts(&objects, &tree)).unwrap_or_default()))
    }

    fn open(&self, coverage: &mut Coverage) -> Result<Repository, ChangesError> {
        let repository = Repository::open_at(self.location.clone(), &self.access, coverage)
            .map_err(|e| ChangesError::open(&self.location.git_dir, e))?;
        for gap in coverage.gaps.iter_mut().filter(|gap| gap.kind == GapKind::Outside) {
            gap.why.push_str(": name it with --allow-alternate if it may be");
        }
        Ok(repository)
    }
}

/// The files with suppressions that a tree has at its root.
pub(super) fn texts(objects: &Objects<'_>, tree: &ObjectId) -> Texts {
    [suppress::FILE, suppress::BASELINE].map(|name| {
        let blob = file_at(objects, tree, name.as_bytes())?;
        objects.read_as(&blob, ObjectKind::Blob).ok().map(|text| text.to_vec())
    })
}

/// Scans what refs are to be set to and no ref leads to that is known.
fn updated(
    objects: &Objects<'_>,
    updates: &[Update],
    (known, received): (&str, bool),
    (options, progress): (&ScanOptions<'_>, &Progress),
) -> Outcome {
    let (repository, mut coverage) = (objects.repository(), Coverage::default());
    let names = Names::read(repository.git_dir(), repository.common_dir(), &mut coverage);
    let commit = |id: &ObjectId| match objects.peel(*id, |_| {}) {
        Ok((id, ObjectKind::Commit)) => Some(id),
        _ => None,
    };
    let olds: Vec<ObjectId> = updates.iter().filter_map(|u| commit(&u.old?)).collect();
    let mut range = Range { exclude: olds.clone(), ..Range::default() };
    let known = names.below(known.as_bytes());
    range.exclude.extend(known.iter().filter_map(commit));
    let (mut arrived, mut missing) = (Vec::new(), Vec::new());
    for update in updates {
        let tag = |id: &ObjectId| {
            if !known.contains(id) {
                arrived.push(Arrived::Tag(*id));
            }
        };
        match objects.peel(update.new, tag) {
            Ok((id, ObjectKind::Commit)) => range.include.push(id),
            Ok((id, kind)) => arrived.push(Arrived::Object(id, kind)),
            Err(e) => missing.push(e.of(&update.new)),
        }
    }
    let mut outcome = pushed(objects, (&[range], &arrived), options, progress);
    outcome.report.coverage.merge(coverage);
    for why in missing {
        outcome.report.coverage.gap(GapKind::Unreadable, &Untrusted::from("<push>"), why);
    }
    // Suppressions are read from what the branch was; for a new one, or for several, from what the receiver stands at.
    outcome.base = match olds[..] {
        [old] if updates.len() == 1 => Some(old),
        _ if received => names.target(b"HEAD"),
        _ => outcome.base,
    };
    outcome
}

/// A path that an environment variable or a hook gives, from where the command runs.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

//! Which of an owner's repositories are taken: `--include`, `--exclude`, `--archived`, `--forks`.

use anyhow::{Result, anyhow};
use globset::{GlobBuilder, GlobMatcher};

use super::scan;
use crate::connectors::github;
use crate::model::SkipReason;

/// Which of an owner's repositories are taken.
pub(super) struct Chosen {
    include: Vec<(GlobMatcher, bool)>,
    exclude: Vec<(GlobMatcher, bool)>,
    archived: bool,
    forks: bool,
}

impl Chosen {
    pub(super) fn new(args: &scan::Args) -> Result<Self> {
        let globs = |texts: &[String]| texts.iter().map(|text| glob(text)).collect::<Result<Vec<_>>>();
        Ok(Self {
            include: globs(&args.remote.include)?,
            exclude: globs(&args.exclude)?,
            archived: args.remote.archived,
            forks: args.remote.forks,
        })
    }

    /// Why a repository is left out, if it is.
    pub(super) fn leaves_out(&self, repository: &github::Repository) -> Option<SkipReason> {
        let short = repository.name.split_once('/').map_or("", |(_, name)| name);
        let fits = |(glob, whole): &(GlobMatcher, bool)| glob.is_match(if *whole { &repository.name } else { short });
        if !self.include.is_empty() && !self.include.iter().any(fits) || self.exclude.iter().any(fits) {
            Some(SkipReason::Excluded)
        } else if repository.archived && !self.archived {
            Some(SkipReason::Archived)
        } else if repository.fork && !self.forks {
            Some(SkipReason::Fork)
        } else {
            None
        }
    }
}

/// A glob for a repository's name, or with a slash in it for OWNER/NAME. Names differ in more than capitals.
fn glob(text: &str) -> Result<(GlobMatcher, bool)> {
    let glob = GlobBuilder::new(text).case_insensitive(true).literal_separator(true).build();
    let glob = glob.map_err(|e| anyhow!("`{text}` is no glob: {}\n  help: write `name*` or `OWNER/*`", e.kind()))?;
    Ok((glob.compile_matcher(), text.contains('/')))
}

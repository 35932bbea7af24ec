//! What an earlier scan of a history came to, so that a later one reads only what is new.
//!
//! Two files for each repository and set of rules, in a directory that the user names. `clean` has the ids of the objects
//! in which nothing was found; those with secrets are searched anew each time. `outcome` has where the secrets of the
//! whole history stand, for a scan of which nothing has changed: neither objects nor refs, nor what is asked for; the
//! secrets are read from the repository again. So a cache holds no secret, and nothing that is worked out from one.
//!
//! Whoever can write to the directory can hide a secret from later scans. It must therefore lie outside of what is
//! scanned, and a file in it that somebody else owns or may write to is ignored, like one that is damaged or belongs to
//! other rules; that is told, and the file is written anew.

mod file;
mod key;
mod outcome;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use self::file::Kind;
pub(super) use self::key::{rules, state};
pub(super) use self::outcome::Outcome;
use super::engine::ScanOptions;
use crate::model::{Coverage, ObjectId, Untrusted, system_words};
use crate::sources::git::{IdSet, Repository, each_id};

/// A directory with what earlier scans came to.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
    name: Option<Vec<u8>>,
}

/// Why a cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It lies in what is scanned.
    #[error("the cache `{0}` lies in the repository that is scanned, which could then hide secrets from you")]
    Inside(String),
    /// The directory cannot be made.
    #[error("the cache `{0}` cannot be made: {1}")]
    Unwritable(String, String),
}

impl Cache {
    /// Uses a directory, which is made where it is not there.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn new(directory: &Path) -> Result<Self, CacheError> {
        let why = |e: std::io::Error| CacheError::Unwritable(directory.display().to_string(), system_words(&e));
        file::make_directory(directory).map_err(why)?;
        Ok(Self { directory: directory.canonicalize().map_err(why)?, name: None })
    }

    /// The same for a repository that is known by another name than where it lies, such as its address.
    #[must_use]
    pub fn named(&self, name: &[u8]) -> Self {
        Self { directory: self.directory.clone(), name: Some(name.to_vec()) }
    }

    /// What it has for a repository and these options.
    pub(super) fn slot(&self, repository: &Repository, options: &ScanOptions<'_>) -> Result<Slot, CacheError> {
        let places = [repository.git_dir(), repository.common_dir(), work_tree(repository.git_dir())];
        let mut places = places.iter().filter_map(|place| place.canonicalize().ok());
        if places.any(|place| self.directory.starts_with(place)) {
            return Err(CacheError::Inside(self.directory.display().to_string()));
        }
        let own = || repository.git_dir().canonicalize().unwrap_or_default().into_os_string().into_encoded_bytes();
        let name = self.name.clone().unwrap_or_else(own);
        let rules = rules(options, repository.format());
        let mut hash = Sha256::new();
        hash.update(rules);
        hash.update(name);
        let short: String = hash.finalize().iter().take(16).map(|b| format!("{b:02x}")).collect();
        Ok(Slot { stem: self.directory.join(short), rules, width: repository.format().len() })
    }
}

/// The work tree of a git directory that is called `.git`, else the directory itself.
fn work_tree(git_dir: &Path) -> &Path {
    let is_inside = git_dir.file_name().is_some_and(|name| name == ".git");
    git_dir.parent().filter(|_| is_inside).unwrap_or(git_dir)
}

/// The files of one repository and one set of rules.
pub(super) struct Slot {
    stem: PathBuf,
    rules: [u8; 32],
    width: usize,
}

impl Slot {
    /// The objects in which nothing was found.
    pub(super) fn clean(&self, coverage: &mut Coverage) -> IdSet {
        let Some(bytes) = self.read(Kind::Clean, coverage) else { return IdSet::default() };
        IdSet::from_bytes(self.width, bytes).unwrap_or_else(|| {
            self.told(Kind::Clean, "it does not hold what it should", coverage);
            IdSet::default()
        })
    }

    /// Keeps which objects have nothing in them: those of `known` that are still there, and `new` ones.
    pub(super) fn set_clean(
        &self,
        known: &IdSet,
        new: Vec<ObjectId>,
        repository: &Repository,
        coverage: &mut Coverage,
    ) {
        if new.is_empty() {
            return;
        }
        let (new, mut all) = (IdSet::new(new), Vec::new());
        each_id(repository, |id| all.extend((known.contains(id) || new.contains(id)).then_some(*id)));
        self.write(Kind::Clean, IdSet::new(all).as_bytes(), coverage);
    }

    /// What the whole history came to, in this state of the repository.
    pub(super) fn outcome(&self, state: &[u8; 32], coverage: &mut Coverage) -> Option<Outcome> {
        let bytes = self.read(Kind::Outcome, coverage)?;
        let text = bytes.strip_prefix(state)?;
        let outcome = serde_json::from_slice(text).ok();
        if outcome.is_none() {
            self.told(Kind::Outcome, "it does not hold what it should", coverage);
        }
        outcome
    }

    /// Keeps what the whole history came to.
    pub(super) fn set_outcome(&self, state: &[u8; 32], outcome: &Outcome, coverage: &mut Coverage) {
        if let Ok(text) = serde_json::to_vec(outcome) {
            self.write(Kind::Outcome, &[state.as_slice(), &text].concat(), coverage);
        }
    }

    fn read(&self, kind: Kind, coverage: &mut Coverage) -> Option<Vec<u8>> {
        file::read(&self.path(kind), kind, &self.rules).unwrap_or_else(|why| {
            self.told(kind, &why, coverage);
            None
        })
    }

    fn write(&self, kind: Kind, bytes: &[u8], coverage: &mut Coverage) {
        if let Err(e) = file::write(&self.path(kind), kind, &self.rules, bytes) {
            let text = format!("this file of the cache could not be written: {}", system_words(&e));
            coverage.notice(&Untrusted::new(self.path(kind).as_os_str().as_encoded_bytes()), text);
        }
    }

    fn told(&self, kind: Kind, why: &str, coverage: &mut Coverage) {
        let path = self.path(kind);
        let text = format!("this file of the cache was ignored, and everything was scanned: {why}");
        coverage.notice(&Untrusted::new(path.as_os_str().as_encoded_bytes()), text);
    }

    fn path(&self, kind: Kind) -> PathBuf {
        self.stem.with_extension(kind.as_str())
    }
}

//! Names of files and directories with hits in them. A name stands in thousands of successive trees and is asked about
//! once, or seldom more often.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use super::ids::Names;

/// How many names are remembered to have no hit: one of them a place.
const CLEAN: usize = 1 << 16;

/// The most names with hits in them that are kept, as many as a scan keeps matches, and more.
const MOST: usize = 1 << 20;

/// Whether a name has a hit in it.
pub type HasHit<'n> = &'n (dyn Fn(&[u8]) -> bool + Sync);

/// The names that trees have, as far as they have hits in them.
pub(super) struct SecretNames<'n> {
    has_hit: Option<HasHit<'n>>,
    /// Hashes of names without a hit, each at the place that its last bits say. Another name takes the place over.
    clean: Vec<AtomicU64>,
    seed: RandomState,
    found: RwLock<Names>,
    /// Names that are longer than is read, or one too many.
    lost: AtomicU64,
}

impl fmt::Debug for SecretNames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretNames").finish_non_exhaustive()
    }
}

impl<'n> SecretNames<'n> {
    pub(super) fn new(has_hit: Option<HasHit<'n>>) -> Self {
        let places = if has_hit.is_some() { CLEAN } else { 0 };
        Self {
            has_hit,
            clean: (0..places).map(|_| AtomicU64::new(0)).collect(),
            seed: RandomState::new(),
            found: RwLock::default(),
            lost: AtomicU64::new(0),
        }
    }

    /// Whether names are asked about at all.
    pub(super) fn are_wanted(&self) -> bool {
        self.has_hit.is_some()
    }

    /// The number of a name that has a hit in it.
    pub(super) fn find(&self, name: &[u8]) -> Option<u32> {
        let has_hit = self.has_hit?;
        // An empty place holds 0, which no name has.
        let hash = self.seed.hash_one(name).max(1);
        let place = self.clean.get(hash as usize % CLEAN)?;
        // A hash has a seed that nobody knows, so that no name can be made to pass for another one.
        if place.load(Ordering::Relaxed) == hash {
            return None;
        }
        let found = self.found.read().unwrap_or_else(PoisonError::into_inner);
        let (known, is_full) = (found.find(name), found.len() >= MOST);
        drop(found);
        if known.is_some() {
            return known;
        }
        let is_long = name.len() > Names::MOST;
        let is_hit = has_hit(name.get(..Names::MOST).unwrap_or(name));
        self.lost.fetch_add(u64::from(is_long || is_hit && is_full), Ordering::Relaxed);
        if is_hit && !is_full {
            return Some(self.found.write().unwrap_or_else(PoisonError::into_inner).intern(name));
        }
        place.store(hash, Ordering::Relaxed);
        None
    }

    /// How many names were not searched to their end, or not kept.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Those that were found, by number.
    pub(super) fn into_found(self) -> Names {
        self.found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

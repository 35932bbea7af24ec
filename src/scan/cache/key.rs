//! What a cached answer depends on, as a hash.

use std::fmt::{self, Write};

use sha2::{Digest, Sha256};

use crate::rules::Rule;
use crate::scan::engine::ScanOptions;
use crate::scan::narrow::Narrow;
use crate::sources::git::refs::Refs;
use crate::sources::git::{ObjectFormat, Repository, each_id};

/// The version of the program: another one may find something else by the same rules.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Hashes what is formatted into it.
struct Hashed(Sha256);

impl Write for Hashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

impl Hashed {
    /// Adds a value by its debug form, which has every field, with a mark behind it.
    fn add(&mut self, value: &dyn fmt::Debug) {
        // Hashing does not fail.
        let _ = write!(self, "{value:?}\0");
    }

    fn end(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// What is looked for: the rules that are asked for, and how sure one must be.
pub(in crate::scan) fn rules(options: &ScanOptions<'_>, format: ObjectFormat) -> [u8; 32] {
    let mut hashed = Hashed(Sha256::new());
    hashed.add(&(VERSION, format, options.confidence, options.max_matches));
    let asked: Vec<(&Rule, bool)> = options.rules.rules.iter().map(|rule| (rule, (options.enable)(rule))).collect();
    hashed.add(&asked);
    hashed.end()
}

/// What the answer for a whole history depends on besides: its objects, its refs, and what of it is asked for.
pub(in crate::scan) fn state(
    repository: &Repository,
    refs: &Refs,
    narrow: &Narrow,
    options: &ScanOptions<'_>,
) -> [u8; 32] {
    let mut hashed = Hashed(Sha256::new());
    hashed.add(&(refs, narrow.asked(), options.walk.filter.patterns()));
    each_id(repository, |id| hashed.0.update(id.as_bytes()));
    hashed.end()
}

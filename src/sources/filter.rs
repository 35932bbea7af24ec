//! Which paths the user left out or asked for.

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// A pattern that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the path pattern `{pattern}` cannot be read: {why}")]
pub struct PatternError {
    /// As the user wrote it.
    pub pattern: String,
    /// What is wrong with it.
    pub why: String,
}

/// `--include-path` and `--exclude-path`, in the syntax of ignore files, relative to the scanned directory.
#[derive(Clone, Debug)]
pub struct PathFilter {
    patterns: [Vec<String>; 2],
    include: Gitignore,
    exclude: Gitignore,
}

impl PathFilter {
    /// Reads both lists of patterns.
    ///
    /// # Errors
    /// On the first pattern that cannot be read.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, PatternError> {
        let patterns = [include.to_vec(), exclude.to_vec()];
        Ok(Self { patterns, include: matcher(include)?, exclude: matcher(exclude)? })
    }

    /// The patterns, those to include first.
    #[must_use]
    pub fn patterns(&self) -> &[Vec<String>; 2] {
        &self.patterns
    }

    /// Whether a directory, and so everything in it, is left out.
    pub(super) fn leaves_out_directory(&self, relative: &[u8]) -> bool {
        matches(&self.exclude, relative, true)
    }

    /// Whether a file is left out: excluded, or not among what was asked for.
    #[must_use]
    pub(super) fn leaves_out_file(&self, relative: &[u8]) -> bool {
        let wanted =
            self.include.is_empty() || self.include.matched_path_or_any_parents(path(relative), false).is_ignore();
        !wanted || matches(&self.exclude, relative, false)
    }

    /// The same for a file that no walk came to: a pattern may match a directory above it.
    #[must_use]
    pub fn leaves_out_named_file(&self, relative: &[u8]) -> bool {
        let above = || self.exclude.matched_path_or_any_parents(path(relative), false).is_ignore();
        self.leaves_out_file(relative) || (!self.exclude.is_empty() && above())
    }
}

fn matches(patterns: &Gitignore, relative: &[u8], directory: bool) -> bool {
    !patterns.is_empty() && patterns.matched(path(relative), directory).is_ignore()
}

/// A relative path for the matcher, which insists that it has no root.
pub(super) fn path(relative: &[u8]) -> &std::path::Path {
    use std::os::unix::ffi::OsStrExt;
    let start = relative.iter().take_while(|b| **b == b'/').count();
    std::path::Path::new(std::ffi::OsStr::from_bytes(relative.get(start..).unwrap_or_default()))
}

fn matcher(patterns: &[String]) -> Result<Gitignore, PatternError> {
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        builder.add_line(None, pattern).map_err(|e| PatternError { pattern: pattern.clone(), why: e.to_string() })?;
    }
    builder.build().map_err(|e| PatternError { pattern: patterns.join(", "), why: e.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_ignore_files() {
        let list = |s: &[&str]| s.iter().map(ToString::to_string).collect::<Vec<_>>();
        let filter = PathFilter::new(&list(&["src", "*.env"]), &list(&["*.min.js", "src/gen/"])).unwrap();
        for (file, out) in [("src/a.rs", false), ("a.rs", true), ("x/y.env", false), ("src/a.min.js", true)] {
            assert_eq!(filter.leaves_out_file(file.as_bytes()), out, "{file}");
        }
        assert!(filter.leaves_out_directory(b"src/gen") && !filter.leaves_out_directory(b"src"));
        assert!(PathFilter::new(&[], &list(&["a{b"])).is_err());
    }
}

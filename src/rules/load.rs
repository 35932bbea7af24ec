//! Reads provider files. All of them, or none: nothing is scanned with half a rule set.

use std::path::Path;

use super::compile::RuleSet;
use super::error::RuleError;
use super::lint;
use super::schema::ProviderFile;
use crate::model::{system_words, unknown_key_help};

/// A provider file with the text it was read from.
#[derive(Debug)]
pub struct Source {
    /// The name of the file, for messages.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// Reads the `*.toml` files of a directory, in name order.
///
/// # Errors
/// If the directory or a file cannot be read, or there is none.
pub fn read_dir(dir: &Path) -> Result<Vec<Source>, Vec<RuleError>> {
    let place = |path: &Path| path.display().to_string();
    let failed = |path: &Path, why: &str, help: &str| RuleError {
        file: place(path),
        line: 1,
        column: 1,
        message: why.to_owned(),
        help: help.to_owned(),
    };
    let entries =
        std::fs::read_dir(dir).map_err(|e| vec![failed(dir, &system_words(&e), "name a directory of rule files")])?;
    let mut paths: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|x| x == "toml"))
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Err(vec![failed(
            dir,
            "there is no rule file (`*.toml`) in this directory",
            "see `quell rules show ID` for the format of one",
        )]);
    }
    let (mut sources, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        match std::fs::read_to_string(&path) {
            Ok(text) => sources.push(Source { file: place(&path), text }),
            Err(e) => errors.push(failed(&path, &system_words(&e), "make it a readable UTF-8 file, or move it away")),
        }
    }
    if errors.is_empty() { Ok(sources) } else { Err(errors) }
}

/// Parses, lints and compiles sources into one set.
///
/// # Errors
/// Every mistake in every file, in file order.
pub fn load(sources: &[Source]) -> Result<RuleSet, Vec<RuleError>> {
    load_beside(sources, &[])
}

/// The same, where `known` names rules of another set that companions may refer to.
///
/// # Errors
/// Every mistake in every file, in file order.
pub fn load_beside(sources: &[Source], known: &[&str]) -> Result<RuleSet, Vec<RuleError>> {
    files(sources, known).map(|files| RuleSet::compile(&files))
}

/// The linted files themselves, with what is for tests alone: the answers of recipes.
///
/// # Errors
/// Every mistake in every file, in file order.
pub fn files(sources: &[Source], known: &[&str]) -> Result<Vec<ProviderFile>, Vec<RuleError>> {
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for source in sources {
        match parse(source) {
            Ok(file) => files.push(file),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        errors = lint::lint(sources, &files, known);
    }
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}

fn parse(source: &Source) -> Result<ProviderFile, RuleError> {
    toml::from_str(&source.text).map_err(|error| {
        let message = error.message().to_owned();
        let help = unknown_key_help(&message).unwrap_or_else(|| "see docs/rule-format.md for the format".to_owned());
        RuleError::at(&source.file, &source.text, error.span().map_or(0, |s| s.start), message, help)
    })
}

//! `quell rules pages`: a page for each rule and an index of them, in Markdown, made from the rule files alone.
//!
//! The pages are kept beside the code, and `tests/it/rule_pages.rs` says when they are behind. What is said of a rule
//! stands in `rule_pages/page.rs`, the list of all in `rule_pages/index.rs`.

mod index;
mod page;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::Exit;
use crate::model::counted;
use crate::rules::RuleSet;

/// What every page starts with. A file without it is nobody's but its author's, and is left alone.
const MARK: &str = "<!-- Made by `quell rules pages` from the rule files. Change those. -->\n";
/// The index, and the folder of the pages.
const INDEX: &str = "rules.md";
const FOLDER: &str = "rules";

/// Every page with its path below the directory.
fn pages(set: &RuleSet) -> BTreeMap<PathBuf, String> {
    let of_rules = set.rules.iter().map(|r| (Path::new(FOLDER).join(format!("{}.md", r.id)), page::page(set, r)));
    let index = (PathBuf::from(INDEX), index::index(set));
    of_rules.chain([index]).map(|(path, text)| (path, format!("{MARK}\n{text}"))).collect()
}

/// Writes the pages into `dir`, and removes those of rules that are gone.
pub(super) fn write(set: &RuleSet, dir: &Path) -> Result<Exit> {
    let old = old_pages(dir)?;
    let folder = dir.join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("`{}` cannot be made", folder.display()))?;
    let new = pages(set);
    let (mut written, mut removed) = (0, 0);
    for (path, text) in &new {
        if old.get(path) != Some(text) {
            let path = dir.join(path);
            fs::write(&path, text).with_context(|| format!("`{}` cannot be written", path.display()))?;
            written += 1;
        }
    }
    for path in old.keys().filter(|path| !new.contains_key(*path)) {
        let path = dir.join(path);
        fs::remove_file(&path).with_context(|| format!("`{}` cannot be removed", path.display()))?;
        removed += 1;
    }
    let all = counted(new.len() as u64, "page", "pages");
    writeln!(io::stdout().lock(), "{all}: {written} written, {removed} removed")?;
    Ok(Exit::Clean)
}

/// The pages that stand in `dir`, by their paths below it. Anything else where pages go is a mistake.
fn old_pages(dir: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let folder = dir.join(FOLDER);
    let mut paths = match fs::symlink_metadata(&folder) {
        Ok(meta) if !meta.is_dir() => bail!("`{}` is no directory", folder.display()),
        Ok(_) => names(&folder).with_context(|| format!("`{}` cannot be read", folder.display()))?,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).with_context(|| format!("`{}` cannot be read", folder.display())),
    };
    if fs::symlink_metadata(dir.join(INDEX)).is_ok() {
        paths.push(PathBuf::from(INDEX));
    }
    paths.into_iter().map(|path| Ok((path.clone(), old_page(&dir.join(path))?))).collect()
}

fn names(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(Path::new(FOLDER).join(entry?.file_name()))).collect()
}

fn old_page(path: &Path) -> Result<String> {
    let regular = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file());
    let text = if regular {
        fs::read(path).with_context(|| format!("`{}` cannot be read", path.display()))?
    } else {
        Vec::new()
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    if !text.starts_with(MARK) {
        bail!(
            "`{}` is no page of a rule, and nothing was written\n  help: name a directory whose `{INDEX}` and `{FOLDER}` are free for the pages",
            path.display()
        );
    }
    Ok(text)
}

//! Refs, and what people call commits: `main`, `origin/main`, `v1.0`, `HEAD~3`, `4f2a9c1`, `main^2`.
//!
//! Refs are read as files, loose and packed; nothing of a configuration is, so that `@{upstream}` and its like are
//! unknown.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{ChangesError, Objects, Repository};
use crate::model::ObjectId;
use crate::sources::git::ObjectKind;
use crate::sources::repository::small_file;

/// Refs that name refs, one after another.
const LONGEST: usize = 8;
/// The largest `packed-refs` that is read.
const PACKED: u64 = 256 << 20;

/// The refs of a repository.
#[derive(Debug)]
pub struct Names<'r> {
    repository: &'r Repository,
    packed: BTreeMap<Vec<u8>, ObjectId>,
}

impl<'r> Names<'r> {
    /// Reads the packed refs; loose ones are read as they are asked for.
    ///
    /// # Errors
    /// Where the refs are a reftable, or `packed-refs` cannot be read.
    pub fn read(repository: &'r Repository) -> Result<Self, ChangesError> {
        if repository.common.join("reftable").is_dir() {
            return Err(ChangesError::Unreadable {
                what: repository.common.join("reftable").display().to_string(),
                why: "its refs are a reftable, from which changes are not read yet".to_owned(),
            });
        }
        let file = repository.common.join("packed-refs");
        let mut packed = BTreeMap::new();
        if let Ok(meta) = file.symlink_metadata() {
            let text = (meta.is_file() && meta.len() <= PACKED).then(|| std::fs::read(&file).ok()).flatten();
            let text = text.ok_or_else(|| ChangesError::Unreadable {
                what: file.display().to_string(),
                why: "it cannot be read".to_owned(),
            })?;
            for line in text.split(|b| *b == b'\n') {
                let Some(space) = line.iter().position(|b| *b == b' ') else { continue };
                let (id, name) = line.split_at(space);
                if let Some(id) = ObjectId::from_hex(id) {
                    packed.insert(name.trim_ascii().to_vec(), id);
                }
            }
        }
        Ok(Self { repository, packed })
    }

    /// What a ref names, by its full name; `HEAD` and its like are a worktree's own.
    #[must_use]
    pub fn target(&self, name: &[u8]) -> Option<ObjectId> {
        let mut name = name.to_vec();
        for _ in 0..LONGEST {
            let path = Path::new(OsStr::from_bytes(&name));
            if path.components().any(|c| !matches!(c, std::path::Component::Normal(_))) {
                return None;
            }
            let text = below(&self.repository.git, path);
            let Some(text) = text.or_else(|| below(&self.repository.common, path)) else {
                return self.packed.get(&name).copied();
            };
            match text.strip_prefix(b"ref:") {
                Some(next) => name = next.trim_ascii().to_vec(),
                None => return ObjectId::from_hex(text.trim_ascii().split(|b| *b == b' ').next().unwrap_or_default()),
            }
        }
        None
    }

    /// What every ref below a folder (`refs/`, `refs/remotes/origin/`) names.
    #[must_use]
    pub fn below(&self, folder: &str) -> Vec<ObjectId> {
        let mut out: BTreeMap<Vec<u8>, ObjectId> = BTreeMap::new();
        if !Path::new(folder).components().all(|c| matches!(c, std::path::Component::Normal(_))) {
            return Vec::new();
        }
        out.extend(self.packed.iter().filter(|(n, _)| n.starts_with(folder.as_bytes())).map(|(n, i)| (n.clone(), *i)));
        for root in [&self.repository.common, &self.repository.git] {
            loose(&root.join(folder), folder.trim_end_matches('/').as_bytes(), 64, &mut |name| {
                out.extend(self.target(&name).map(|id| (name, id)));
            });
        }
        let mut ids: Vec<ObjectId> = out.into_values().collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The commit that a person means.
    ///
    /// # Errors
    /// Where nothing has the name, or several objects do, or what has it is no commit.
    pub fn commit(&self, name: &str, objects: &Objects) -> Result<ObjectId, ChangesError> {
        let bad = |why| ChangesError::Name { name: name.to_owned(), why };
        let unknown = || ChangesError::Unknown(name.to_owned());
        let start = name.find(['~', '^']).unwrap_or(name.len());
        let (base, mut steps) = (name.get(..start).unwrap_or_default(), name.get(start..).unwrap_or_default());
        if base.contains("@{") || base.contains(':') || base.starts_with('-') {
            return Err(bad("write a branch, a tag or an id, perhaps with `~N` or `^N`"));
        }
        let id = self.named(base, objects).map_err(bad)?.ok_or_else(unknown)?;
        let commit = |id| match objects.peel(id, |_, _| {}) {
            Ok((id, ObjectKind::Commit)) => Ok(id),
            Ok(_) => Err(bad("it is no commit")),
            Err(_) => Err(unknown()),
        };
        let mut id = commit(id)?;
        while let Some(step) = steps.chars().next() {
            steps = steps.get(1..).unwrap_or_default();
            let digits = steps.find(|c: char| !c.is_ascii_digit()).unwrap_or(steps.len());
            let (number, rest) = steps.split_at(digits);
            let count: usize = if number.is_empty() { 1 } else { number.parse().map_err(|_| unknown())? };
            steps = rest;
            let parent = |id: &ObjectId, number: usize| {
                let parents = objects.commit(id).map_err(|_| unknown())?.parents;
                parents.get(number).copied().ok_or_else(unknown)
            };
            match (step, count) {
                ('^', 0) => {}
                ('^', number) => id = parent(&id, number - 1)?,
                ('~', count) => {
                    for _ in 0..count {
                        id = parent(&id, 0)?;
                    }
                }
                _ => return Err(bad("write a branch, a tag or an id, perhaps with `~N` or `^N`")),
            }
        }
        commit(id)
    }

    /// What a name without steps stands for: in git's order, refs before ids.
    fn named(&self, name: &str, objects: &Objects) -> Result<Option<ObjectId>, &'static str> {
        let name = if name == "@" { "HEAD" } else { name };
        let hex = name.len() >= 4 && name.bytes().all(|b| b.is_ascii_hexdigit());
        if let Some(id) = ObjectId::from_hex(name.as_bytes()).filter(|_| hex) {
            return Ok(Some(id));
        }
        let special = !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        if special || name.starts_with("refs/") {
            return Ok(self.target(name.as_bytes()));
        }
        for form in ["refs/", "refs/tags/", "refs/heads/", "refs/remotes/"] {
            if let Some(id) = self.target(format!("{form}{name}").as_bytes()) {
                return Ok(Some(id));
            }
        }
        if let Some(id) = self.target(format!("refs/remotes/{name}/HEAD").as_bytes()) {
            return Ok(Some(id));
        }
        if hex { objects.shortened(name) } else { Ok(None) }
    }
}

/// The content of a small file below a directory, where no link leads to it.
fn below(root: &Path, path: &Path) -> Option<Vec<u8>> {
    let mut at = root.to_path_buf();
    for part in path.components() {
        at.push(part);
        if at.symlink_metadata().ok()?.is_symlink() {
            return None;
        }
    }
    small_file(&at)
}

/// Calls `each` with the name of every file below a directory of refs.
fn loose(directory: &Path, name: &[u8], depth: usize, each: &mut impl FnMut(Vec<u8>)) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = [name, b"/", entry.file_name().as_bytes()].concat();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => loose(&entry.path(), &name, depth - 1, each),
            Ok(kind) if kind.is_file() => each(name),
            _ => {}
        }
    }
}

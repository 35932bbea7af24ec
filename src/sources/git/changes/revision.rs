//! What people call commits: `main`, `origin/main`, `v1.0`, `HEAD~3`, `4f2a9c1`, `main^2`, `v1.0^{}`.
//!
//! Nothing of a configuration is read, so that `@{upstream}` and its like are unknown.

use super::{ChangesError, Objects};
use crate::model::{Coverage, ObjectId};
use crate::sources::git::refs::Names;
use crate::sources::git::{Fault, ObjectKind};

/// The commit that a person means.
///
/// # Errors
/// Where nothing has the name, or several objects do, or what has it is no commit.
pub fn commit(names: &Names, objects: &Objects<'_>, name: &str) -> Result<ObjectId, ChangesError> {
    let bad = |why| ChangesError::Name { name: name.to_owned(), why };
    let unknown = || unknown(objects, name);
    let unread = |id: &ObjectId, fault: &Fault| match fault {
        Fault::Missing(_) => unknown(),
        other => ChangesError::Unreadable { what: name.to_owned(), why: other.of(id) },
    };
    let start = name.find(['~', '^']).unwrap_or(name.len());
    let (base, mut steps) = (name.get(..start).unwrap_or_default(), name.get(start..).unwrap_or_default());
    if base.contains("@{") || base.contains(':') || base.starts_with('-') {
        return Err(bad("write a branch, a tag or an id, perhaps with `~N`, `^N` or `^{}`"));
    }
    let id = named(names, objects, base).map_err(bad)?.ok_or_else(unknown)?;
    let commit = |id| match objects.peel(id, |_| {}) {
        Ok((id, ObjectKind::Commit)) => Ok(id),
        Ok(_) => Err(bad("it is no commit")),
        Err(fault) => Err(unread(&id, &fault)),
    };
    let mut id = commit(id)?;
    while let Some(step) = steps.chars().next() {
        steps = steps.get(1..).unwrap_or_default();
        // What a tag is peeled to: it was, above.
        let peeled = ["{}", "{commit}"].iter().find_map(|p| steps.strip_prefix(p)).filter(|_| step == '^');
        if let Some(rest) = peeled {
            steps = rest;
            continue;
        }
        if steps.starts_with('{') {
            return Err(bad("it is asked for as something else"));
        }
        let digits = steps.find(|c: char| !c.is_ascii_digit()).unwrap_or(steps.len());
        let (number, rest) = steps.split_at(digits);
        let count: usize = if number.is_empty() { 1 } else { number.parse().map_err(|_| unknown())? };
        steps = rest;
        let parent = |id: &ObjectId, number: usize| {
            let parents = objects.commit(id).map_err(|fault| unread(id, &fault))?.parents;
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
            _ => return Err(bad("write a branch, a tag or an id, perhaps with `~N`, `^N` or `^{}`")),
        }
    }
    commit(id)
}

/// The error for a name that nothing has; where a pack cannot be read it may be in there.
fn unknown(objects: &Objects<'_>, name: &str) -> ChangesError {
    let mut coverage = Coverage::default();
    objects.report(&mut coverage);
    match coverage.gaps.into_iter().next() {
        Some(gap) => {
            ChangesError::Unreadable { what: String::from_utf8_lossy(gap.path.raw()).into_owned(), why: gap.why }
        }
        None => ChangesError::Unknown(name.to_owned()),
    }
}

/// What a name without steps stands for: in git's order, refs before ids.
fn named(names: &Names, objects: &Objects<'_>, name: &str) -> Result<Option<ObjectId>, &'static str> {
    let name = if name == "@" { "HEAD" } else { name };
    let hex = name.len() >= 4 && name.bytes().all(|b| b.is_ascii_hexdigit());
    let width = objects.repository().format().len();
    if let Some(id) = ObjectId::from_hex(name.as_bytes()).filter(|id| hex && id.as_bytes().len() == width) {
        return Ok(Some(id));
    }
    let special = !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    if special || name.starts_with("refs/") {
        return Ok(names.target(name.as_bytes()));
    }
    for form in ["refs/", "refs/tags/", "refs/heads/", "refs/remotes/"] {
        if let Some(id) = names.target(format!("{form}{name}").as_bytes()) {
            return Ok(Some(id));
        }
    }
    if let Some(id) = names.target(format!("refs/remotes/{name}/HEAD").as_bytes()) {
        return Ok(Some(id));
    }
    if hex { objects.shortened(name) } else { Ok(None) }
}

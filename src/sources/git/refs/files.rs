//! Refs and logs that are files: one a ref below `refs/`, the rest in `packed-refs`, and the names at the top.

use std::ffi::{CStr, CString};
use std::io::Read;

use rustix::fs::{FileType, readlinkat};

use super::lines::Place;
use super::store::{Store, Value, leading_id, value};
use crate::model::{Coverage, GapKind, ObjectId, SkipReason, Untrusted, system_words};
use crate::sources::open;

/// How deep directories below `refs` and `logs` are entered. Each level takes a descriptor.
const DEPTH: usize = 64;

/// Names at the top of a git directory that hold ids, one a line.
const PSEUDO: &[&CStr] = &[
    c"FETCH_HEAD",
    c"ORIG_HEAD",
    c"MERGE_HEAD",
    c"CHERRY_PICK_HEAD",
    c"REVERT_HEAD",
    c"REBASE_HEAD",
    c"BISECT_HEAD",
    c"AUTO_MERGE",
];

/// Reads the refs that are files in a git directory into `store`; `pseudo` gets the ids of the names at the top.
pub(super) fn names(dir: &Place, store: &mut Store, pseudo: &mut Vec<(Vec<u8>, ObjectId)>, coverage: &mut Coverage) {
    packed(dir, store, coverage);
    tree(dir, c"refs", coverage, &mut |place, name, path, link, coverage| {
        loose(place, name, path, link, store, coverage);
    });
    head(dir, store, coverage);
    for name in PSEUDO {
        dir.lines(name, coverage, |line| {
            pseudo.extend(leading_id(line).map(|id| (name.to_bytes().to_vec(), id)));
            true
        });
    }
}

/// Reads the logs that are files in a git directory into `store`.
pub(super) fn logs(dir: &Place, store: &mut Store, coverage: &mut Coverage) {
    tree(dir, c"logs", coverage, &mut |place, name, path, link, coverage| {
        if link {
            coverage.skip(SkipReason::Symlink, &place.name(name.to_bytes()), false);
            return;
        }
        let of = path.strip_prefix(b"logs/").unwrap_or(path);
        place.lines(name, coverage, |line| {
            let old = leading_id(line);
            let new = old.and_then(|id| leading_id(line.get(id.as_bytes().len() * 2 + 1..)?));
            store.log(of, old.into_iter().chain(new))
        });
    });
}

/// Reads the commits at which a shallow clone ends.
pub(super) fn shallow(dir: &Place, coverage: &mut Coverage) -> Vec<ObjectId> {
    let mut ids = Vec::new();
    dir.lines(c"shallow", coverage, |line| {
        ids.extend(leading_id(line));
        ids.len() < 1 << 22
    });
    ids
}

/// `packed-refs`: comments, `id name`, and behind an annotated tag `^id` of what it names.
fn packed(dir: &Place, store: &mut Store, coverage: &mut Coverage) {
    let (mut last, mut bad) = (None::<Vec<u8>>, 0u64);
    dir.lines(c"packed-refs", coverage, |line| {
        if let Some(peeled) = line.strip_prefix(b"^") {
            let before = last.take().and_then(|name| store.refs.get_mut(&name));
            if let Some(Value::Id(_, to)) = before {
                *to = leading_id(peeled);
            }
            return true;
        }
        if line.is_empty() || line.starts_with(b"#") {
            return true;
        }
        let id = leading_id(line);
        let name = id.and_then(|id| line.get(id.as_bytes().len() * 2 + 1..)).map(<[u8]>::trim_ascii_end);
        match (id, name.filter(|n| !n.is_empty())) {
            (Some(id), Some(name)) => {
                last = Some(name.to_vec());
                store.set(name, Value::Id(id, None))
            }
            _ => {
                bad += 1;
                true
            }
        }
    });
    if bad > 0 {
        coverage.gap(GapKind::Corrupt, &dir.name(b"packed-refs"), format!("{bad} of its lines are no refs"));
    }
}

/// A file below `refs`.
fn loose(place: &Place, name: &CStr, path: &[u8], link: bool, store: &mut Store, coverage: &mut Coverage) {
    // What git leaves while it writes one.
    if path.ends_with(b".lock") {
        return;
    }
    let read = if link { symbolic_link(place, name) } else { text(place, name, coverage).map(|t| value(&t)) };
    match read {
        Some(Some(value)) => {
            store.set(path, value);
        }
        // Where reftables are in use git puts a file in this place, so that nothing is written into it.
        Some(None) if path == b"refs/heads" => {}
        Some(None) if link => coverage.skip(SkipReason::Symlink, &place.name(name.to_bytes()), false),
        Some(None) => coverage.gap(GapKind::Corrupt, &place.name(name.to_bytes()), "it holds neither an id nor a name"),
        None => {}
    }
}

/// `HEAD`, which git long ago wrote as a link.
fn head(dir: &Place, store: &mut Store, coverage: &mut Coverage) {
    let read = match symbolic_link(dir, c"HEAD") {
        Some(Some(value)) => Some(Some(value)),
        _ => text(dir, c"HEAD", coverage).map(|t| value(&t)),
    };
    match read {
        Some(Some(value)) => {
            store.set(b"HEAD", value);
        }
        Some(None) => coverage.gap(GapKind::Corrupt, &dir.name(b"HEAD"), "it holds neither an id nor a name"),
        None => {}
    }
}

/// What a link says, where that is a ref's name; nothing is opened through it.
fn symbolic_link(place: &Place, name: &CStr) -> Option<Option<Value>> {
    let target = readlinkat(&place.fd, name, Vec::new()).ok()?;
    let target = target.to_bytes();
    Some(target.starts_with(b"refs/").then(|| Value::Symbolic(target.to_vec())))
}

/// The start of a small file.
fn text(place: &Place, name: &CStr, coverage: &mut Coverage) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    match place.file(name, coverage)?.take(8 << 10).read_to_end(&mut text) {
        Ok(_) => Some(text),
        Err(e) => {
            coverage.gap(GapKind::Unreadable, &place.name(name.to_bytes()), system_words(&e));
            None
        }
    }
}

/// Whom `tree` calls: the directory, the file's name, its path below the git directory, and whether it is a link.
type Each<'a> = dyn FnMut(&Place, &CStr, &[u8], bool, &mut Coverage) + 'a;

/// Calls `each` for every file and link below a directory of a git directory, in the order of their names.
fn tree(dir: &Place, top: &CStr, coverage: &mut Coverage, each: &mut Each<'_>) {
    let Some(place) = dir.below(top, coverage) else { return };
    let mut levels = vec![level(place, top.to_bytes().to_vec(), coverage)];
    loop {
        let deep = levels.len() >= DEPTH;
        let Some((place, path, left)) = levels.last_mut() else { return };
        let Some((name, kind)) = left.pop() else {
            levels.pop();
            continue;
        };
        let path = [path, b"/".as_slice(), name.to_bytes()].concat();
        match kind {
            FileType::Directory if deep => {
                let whole = [&dir.path, b"/".as_slice(), &path].concat();
                let why = format!("it is more than {DEPTH} directories deep: what is below it was not read");
                coverage.gap(GapKind::OverBudget, &Untrusted::new(&whole), why);
            }
            FileType::Directory => {
                if let Some(below) = place.below(&name, coverage) {
                    levels.push(level(below, path, coverage));
                }
            }
            FileType::RegularFile => each(place, &name, &path, false, coverage),
            FileType::Symlink => each(place, &name, &path, true, coverage),
            _ => coverage.skip(SkipReason::SpecialFile, &place.name(name.to_bytes()), false),
        }
    }
}

/// A directory, its path below the git directory, and what of it is still to be seen, the last first.
type Level = (Place, Vec<u8>, Vec<(CString, FileType)>);

fn level(place: Place, path: Vec<u8>, coverage: &mut Coverage) -> Level {
    let mut entries = Vec::new();
    let outcome = open::entries(&place.fd, |name, kind| {
        // Some file systems do not tell the kind.
        let kind = match kind {
            FileType::Unknown => {
                let stat = rustix::fs::statat(&place.fd, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
                stat.map_or(kind, |s| FileType::from_raw_mode(s.st_mode))
            }
            known => known,
        };
        entries.push((name.to_owned(), kind));
    });
    if let Err(e) = outcome {
        coverage.gap(GapKind::Unreadable, &Untrusted::new(&place.path), system_words(&e.into()));
    }
    entries.sort_by(|a, b| b.0.cmp(&a.0));
    (place, path, entries)
}

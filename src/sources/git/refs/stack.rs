//! A stack of reftables: `reftable/tables.list` names its tables, the oldest first; later ones replace and delete.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io::Read;

use super::lines::{FILE, Place};
use super::reftable::{self, Record};
use super::store::Store;
use crate::model::{Coverage, GapKind, ObjectId, system_words};

/// The most tables that are read; git keeps them to a few dozen.
const MOST: usize = 10_000;

/// Reads the stack of a git directory, where it has one; `logged` says whether the refs' logs are wanted.
pub(super) fn read(dir: &Place, logged: bool, store: &mut Store, coverage: &mut Coverage) {
    let Some(place) = dir.below(c"reftable", coverage) else { return };
    let mut names = Vec::new();
    place.lines(c"tables.list", coverage, |line| {
        names.push(line.to_vec());
        names.len() <= MOST
    });
    if names.len() > MOST {
        coverage.gap(GapKind::OverBudget, &place.name(b"tables.list"), format!("it names more than {MOST} tables"));
        names.truncate(MOST);
    }
    // A log's entry is deleted by its ref and number.
    let mut logs: BTreeMap<(Vec<u8>, u64), [ObjectId; 2]> = BTreeMap::new();
    for name in names.iter().filter(|n| !n.is_empty()) {
        let Some(bytes) = table(&place, name, coverage) else { continue };
        let outcome = reftable::read(&bytes, &mut |record| match record {
            Record::Ref(name, Some(value)) => store.set(name, value),
            Record::Ref(name, None) => {
                store.refs.remove(name);
                true
            }
            Record::Log(..) if !logged => false,
            Record::Log(name, index, ids) => {
                let key = (name.to_vec(), index);
                match ids {
                    Some(ids) => logs.insert(key, ids),
                    None => logs.remove(&key),
                };
                logs.len() < 1 << 22
            }
        });
        if let Err(why) = outcome {
            coverage.gap(GapKind::Corrupt, &place.name(name), format!("{why}: what is before that was read"));
        }
    }
    for ((name, _), ids) in logs {
        store.log(&name, ids);
    }
}

/// A table's bytes. Its name is that of a file in the same directory, nothing else.
fn table(place: &Place, name: &[u8], coverage: &mut Coverage) -> Option<Vec<u8>> {
    let file = CString::new(name).ok().filter(|n| !n.to_bytes().contains(&b'/'));
    let opened = file.as_ref().and_then(|n| place.file(n, coverage));
    let mut bytes = Vec::new();
    let Some(opened) = opened else {
        coverage.gap(GapKind::Missing, &place.name(name), "the list of tables names it, and it is not there");
        return None;
    };
    match opened.take(FILE + 1).read_to_end(&mut bytes) {
        Ok(n) if n as u64 > FILE => {
            coverage.gap(GapKind::OverBudget, &place.name(name), format!("it is larger than {} MiB", FILE >> 20));
            None
        }
        Ok(_) => Some(bytes),
        Err(e) => {
            coverage.gap(GapKind::Unreadable, &place.name(name), system_words(&e));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_outside_of_the_directory_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("reftable")).unwrap();
        std::fs::write(dir.path().join("reftable/tables.list"), "../x\nmissing.ref\n").unwrap();
        std::fs::write(dir.path().join("x"), "REFT").unwrap();
        let fd = std::fs::File::open(dir.path()).unwrap().into();
        let (mut store, mut coverage) = (Store::default(), Coverage::default());
        read(&Place { fd, path: b"g".to_vec() }, true, &mut store, &mut coverage);
        assert_eq!(coverage.gaps.len(), 2);
        assert!(store.refs.is_empty());
    }
}

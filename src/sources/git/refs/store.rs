//! The refs of one git directory as they are collected, and what symbolic ones lead to.

use std::collections::{BTreeMap, BTreeSet};

use super::lines::Place;
use crate::model::{Coverage, GapKind, ObjectId, Untrusted};

/// The most refs, and the most ids in logs, that are kept of one git directory: about half a gibibyte.
const MOST: usize = 1 << 22;

/// How many symbolic refs may lead to one another; git takes as many.
const SYMBOLIC_DEPTH: usize = 5;

/// What a ref holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// An object, and what it is a tag of.
    Id(ObjectId, Option<ObjectId>),
    /// The name of another ref.
    Symbolic(Vec<u8>),
}

/// Refs and logs by name.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) refs: BTreeMap<Vec<u8>, Value>,
    pub(super) logs: BTreeMap<Vec<u8>, BTreeSet<ObjectId>>,
    ids: usize,
    /// Whether there were more than are kept.
    full: bool,
}

/// What a name leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An object.
    Object(ObjectId, Option<ObjectId>),
    /// A ref that is not there: a branch without commits.
    Nothing,
    /// More symbolic refs than git follows: a loop.
    Loop,
}

impl Store {
    /// Sets what a ref holds; returns whether there is room for more.
    pub(super) fn set(&mut self, name: &[u8], value: Value) -> bool {
        self.full |= self.refs.len() >= MOST;
        if !self.full {
            self.refs.insert(name.to_vec(), value);
        }
        !self.full
    }

    /// Adds ids to a ref's log, those that are all zeros left out; returns whether there is room for more.
    pub(super) fn log(&mut self, name: &[u8], ids: impl IntoIterator<Item = ObjectId>) -> bool {
        self.full |= self.ids >= MOST;
        if self.full {
            return false;
        }
        if !self.logs.contains_key(name) {
            self.logs.insert(name.to_vec(), BTreeSet::new());
        }
        if let Some(log) = self.logs.get_mut(name) {
            for id in ids.into_iter().filter(|id| id.as_bytes().iter().any(|b| *b != 0)) {
                self.ids += usize::from(log.insert(id));
            }
        }
        true
    }

    /// Says where there were more than are kept.
    pub(super) fn say_full(&self, dir: &Place, coverage: &mut Coverage) {
        if self.full {
            let why = "it has more refs, or entries in their logs, than are kept";
            coverage.gap(GapKind::OverBudget, &Untrusted::new(&dir.path), why);
        }
    }

    /// What a value leads to. Refs that each worktree has to itself are looked up here, others in `common`.
    pub(super) fn resolve(&self, value: &Value, common: &Self) -> Found {
        let mut value = value;
        for _ in 0..=SYMBOLIC_DEPTH {
            match value {
                Value::Id(id, peeled) => return Found::Object(*id, *peeled),
                Value::Symbolic(name) => {
                    let store = if is_per_worktree(name) { self } else { common };
                    match store.refs.get(name) {
                        Some(next) => value = next,
                        None => return Found::Nothing,
                    }
                }
            }
        }
        Found::Loop
    }
}

/// Whether every worktree has a ref of this name to itself.
pub(super) fn is_per_worktree(name: &[u8]) -> bool {
    let own: [&[u8]; 3] = [b"refs/bisect/", b"refs/worktree/", b"refs/rewritten/"];
    !name.starts_with(b"refs/") || own.iter().any(|p| name.starts_with(p))
}

/// The value that the text of a ref's file says: 40 or 64 digits, or `ref:` and a name.
pub(super) fn value(text: &[u8]) -> Option<Value> {
    if let Some(name) = text.strip_prefix(b"ref:") {
        let name = name.trim_ascii();
        return (!name.is_empty()).then(|| Value::Symbolic(name.to_vec()));
    }
    Some(Value::Id(leading_id(text)?, None))
}

/// The id that a line starts with; the digits end at white space or the line's end.
pub(super) fn leading_id(line: &[u8]) -> Option<ObjectId> {
    let digits = line.iter().take(65).take_while(|b| b.is_ascii_hexdigit()).count();
    let ends = line.get(digits).is_none_or(u8::is_ascii_whitespace);
    ends.then(|| line.get(..digits)).flatten().and_then(ObjectId::from_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbolic_refs_lead_on_until_they_loop() {
        let mut store = Store::default();
        let id = ObjectId::new(&[1; 20]).unwrap();
        let link = |to: &str| Value::Symbolic(to.as_bytes().to_vec());
        store.set(b"refs/heads/a", Value::Id(id, None));
        store.set(b"refs/heads/b", link("refs/heads/a"));
        store.set(b"refs/heads/x", link("refs/heads/y"));
        store.set(b"refs/heads/y", link("refs/heads/x"));
        let own = Store::default();
        assert_eq!(own.resolve(&link("refs/heads/b"), &store), Found::Object(id, None));
        assert_eq!(own.resolve(&link("refs/heads/none"), &store), Found::Nothing);
        assert_eq!(own.resolve(&link("refs/heads/x"), &store), Found::Loop);
        assert_eq!(own.resolve(&link("../../etc/passwd"), &store), Found::Nothing);
    }

    #[test]
    fn ids_end_at_white_space() {
        let digits = "ab".repeat(20);
        for (text, good) in [
            (digits.clone(), true),
            (format!("{digits} x"), true),
            (format!("{digits}\n"), true),
            (format!("{digits}0"), false),
            (format!("{digits}{digits}"), false),
            ("ab".repeat(32), true),
            (digits[1..].to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(leading_id(text.as_bytes()).is_some(), good, "{text}");
        }
    }
}

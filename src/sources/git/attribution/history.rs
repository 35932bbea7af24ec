//! The commits and tags of a repository: what they name, who made them, when.

use super::ids::{Ids, Names};
use crate::model::{ObjectId, Untrusted};
use crate::sources::git::commit::{Commit, Signature, Tag, Time};

/// No object.
pub(super) const NONE: u32 = u32::MAX;

/// Who and when, as numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    name: u32,
    email: u32,
    time: Option<Time>,
}

/// A person, as a commit or a tag names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: Untrusted,
    /// The address.
    pub email: Untrusted,
    /// When they did it; `None` where the date cannot be read.
    pub time: Option<Time>,
}

/// A commit that was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// Its tree, or [`NONE`].
    pub(super) tree: u32,
    parents: (u32, u32),
    pub(super) author: Option<Who>,
    pub(super) committer: Option<Who>,
}

impl Record {
    /// What the first of two commits is told by. A commit without a date comes last.
    pub(super) fn date(&self) -> i64 {
        self.committer.and_then(|c| c.time).map_or(i64::MAX, |t| t.seconds)
    }
}

/// A tag that was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct TagRecord {
    pub(super) target: Option<ObjectId>,
    pub(super) tagger: Option<Who>,
}

/// All of them. A commit that is named and was not seen has a number and no record.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) ids: Ids,
    records: Vec<Option<Record>>,
    parents: Vec<u32>,
    people: Names,
    pub(super) tag_ids: Ids,
    tags: Vec<TagRecord>,
}

impl History {
    /// Adds a commit whose tree has the number `tree`.
    pub(super) fn commit(&mut self, id: &ObjectId, commit: &Commit<'_>, tree: u32) {
        let Some(number) = self.number(id) else { return };
        let from = self.parents.len();
        for parent in commit.parents() {
            let parent = self.number(&parent);
            self.parents.extend(parent);
        }
        let to = self.parents.len();
        let span = (u32::try_from(from).unwrap_or(0), u32::try_from(to).unwrap_or(0));
        let (author, committer) = (self.who(commit.author), self.who(commit.committer));
        if let Some(slot) = self.records.get_mut(number as usize).filter(|s| s.is_none()) {
            *slot = Some(Record { tree, parents: span, author, committer });
        }
    }

    /// Adds a tag.
    pub(super) fn tag(&mut self, id: &ObjectId, tag: &Tag<'_>) {
        let record = TagRecord { target: tag.target, tagger: self.who(tag.tagger) };
        let before = self.tag_ids.len();
        let number = self.tag_ids.intern(id.as_bytes());
        if number.is_some_and(|n| n as usize == before) {
            self.tags.push(record);
        }
    }

    fn number(&mut self, id: &ObjectId) -> Option<u32> {
        let number = self.ids.intern(id.as_bytes())?;
        if self.records.len() <= number as usize {
            self.records.resize(number as usize + 1, None);
        }
        Some(number)
    }

    fn who(&mut self, signature: Option<Signature<'_>>) -> Option<Who> {
        let signature = signature?;
        let (name, email) = (self.people.intern(signature.name), self.people.intern(signature.email));
        Some(Who { name, email, time: signature.time })
    }

    pub(super) fn len(&self) -> u32 {
        self.records.len() as u32
    }

    pub(super) fn record(&self, commit: u32) -> Option<&Record> {
        self.records.get(commit as usize)?.as_ref()
    }

    /// A commit's parents, those that were not seen too.
    pub(super) fn parents(&self, commit: &Record) -> &[u32] {
        self.parents.get(commit.parents.0 as usize..commit.parents.1 as usize).unwrap_or_default()
    }

    pub(super) fn tag_record(&self, id: &[u8]) -> Option<&TagRecord> {
        self.tags.get(self.tag_ids.find(id)? as usize)
    }

    pub(super) fn person(&self, who: Option<Who>) -> Option<Person> {
        let who = who?;
        let text = |number| Untrusted::new(self.people.get(number));
        Some(Person { name: text(who.name), email: text(who.email), time: who.time })
    }
}

//! Which version of a file a report names for a secret that stands in thousands of them.
//!
//! A secret is named once for each path that it has had: in the version of the commit that brought it there first, with
//! what holds of it now in any version.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::narrow::Narrow;
use super::search::{Mark, Marked};
use crate::model::{CommitRef, InHistory, ObjectId, Part, Presence, Untrusted};
use crate::sources::git::attribution::{Attribution, Introduction, Origin, Person};
use crate::sources::git::commit::Commit;
use crate::sources::git::{ObjectKind, ObjectReader};

/// What a place is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Content {
    Object(ObjectId),
    /// The name of a file or a directory.
    Name(Untrusted),
}

/// A version of a file, a commit or tag, or a name, that a report names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) path: Untrusted,
    pub(super) content: Content,
    pub(super) part: Part,
    pub(super) commit: Option<ObjectId>,
}

/// What is known of a secret at a path, over all versions.
struct Known {
    /// Whether it can still be had in any of them.
    presence: Presence,
    tips: Vec<Untrusted>,
    /// When the first of them came; a version in no commit comes last.
    time: i64,
    place: Place,
}

/// The secrets of a place, each with what holds of it in all versions.
pub(super) type Marks = BTreeMap<Mark, Arc<InHistory>>;

/// Commits that were read.
#[derive(Default)]
pub(super) struct Commits(HashMap<ObjectId, Dated>);

/// When a commit was made, and by whom.
type Dated = (i64, Arc<CommitRef>);

impl Commits {
    /// A commit. Most often it is the one that `origin` has already.
    pub(super) fn get(&mut self, id: ObjectId, origin: Option<&Origin>, objects: &mut ObjectReader<'_>) -> Dated {
        if let Some((time, commit)) = self.0.get(&id) {
            return (*time, Arc::clone(commit));
        }
        let first = origin.and_then(|origin| origin.first.as_ref()).filter(|first| first.commit == id);
        let dated = first.map_or_else(|| read(id, objects), |first| told(first));
        self.0.insert(id, (dated.0, Arc::clone(&dated.1)));
        dated
    }
}

fn told(first: &Introduction) -> Dated {
    let seconds = |person: &Option<Person>| person.as_ref().and_then(|p| p.time).map(|t| t.seconds);
    let named = |p: &Person| signed(p.name.raw(), p.email.raw());
    let author = first.author.as_ref().map_or_else(|| Untrusted::new(b""), named);
    let commit = CommitRef { id: first.commit, author, date: seconds(&first.author).unwrap_or(0) };
    (seconds(&first.committer).unwrap_or(i64::MAX - 1), Arc::new(commit))
}

fn read(id: ObjectId, objects: &mut ObjectReader<'_>) -> Dated {
    let bytes = objects.read(&id).map(|(_, bytes)| bytes).unwrap_or_default();
    let commit = Commit::parse(&bytes);
    let author = commit.author.as_ref();
    let text = author.map_or_else(|| Untrusted::new(b""), |a| signed(a.name, a.email));
    let date = author.and_then(|a| a.time).map_or(0, |t| t.seconds);
    let time = commit.committer.as_ref().and_then(|c| c.time).map_or(i64::MAX - 1, |t| t.seconds);
    (time, Arc::new(CommitRef { id, author: text, date }))
}

/// Chooses versions.
pub(super) struct Versions<'a, 'r> {
    objects: &'a mut ObjectReader<'r>,
    commits: Commits,
    known: BTreeMap<(Mark, Untrusted, Part), Known>,
}

impl<'a, 'r> Versions<'a, 'r> {
    pub(super) fn new(objects: &'a mut ObjectReader<'r>) -> Self {
        Self { objects, commits: Commits::default(), known: BTreeMap::new() }
    }

    /// Adds a version of a file, or what else has secrets.
    pub(super) fn add(&mut self, place: &Place, marks: &[Mark], origin: &Origin) {
        let tagged = origin.tagger.as_ref().and_then(|tagger| tagger.time).map(|time| time.seconds);
        let time = place.commit.map_or_else(
            || tagged.unwrap_or(i64::MAX),
            |commit| self.commits.get(commit, Some(origin), self.objects).0,
        );
        for mark in marks {
            self.know(*mark, origin, place, time);
        }
    }

    fn know(&mut self, mark: Mark, origin: &Origin, place: &Place, time: i64) {
        let new = || Known { presence: origin.presence, tips: origin.tips.clone(), time, place: place.clone() };
        let old = self.known.entry((mark, place.path.clone(), place.part)).or_insert_with(new);
        if origin.presence < old.presence {
            (old.presence, old.tips) = (origin.presence, origin.tips.clone());
        }
        if (time, place.commit, &place.content) < (old.time, old.place.commit, &old.place.content) {
            (old.time, old.place) = (time, place.clone());
        }
    }

    /// The versions that are named, the commits that brought them in, and how many were left out since `narrow` does not
    /// ask for them.
    pub(super) fn chosen(self, narrow: &Narrow, attribution: &Attribution) -> Chosen {
        let mut chosen = Chosen { places: BTreeMap::new(), commits: self.commits, left_out: 0 };
        let is_dated = |place: &Place| place.commit.is_some() || place.part == Part::Tag;
        for ((mark, ..), known) in self.known {
            let is_asked = !narrow.has_times() || is_dated(&known.place) && narrow.is_in_time(known.time);
            if !is_asked || !attribution.is_latest(known.place.commit.as_ref()) {
                chosen.left_out += 1;
                continue;
            }
            let object = if let Content::Object(id) = known.place.content { Some(id) } else { None };
            let history = InHistory { presence: known.presence, object, tips: known.tips };
            chosen.places.entry(known.place).or_default().insert(mark, Arc::new(history));
        }
        chosen
    }
}

/// What a report names.
pub(super) struct Chosen {
    pub(super) places: BTreeMap<Place, Marks>,
    commits: Commits,
    pub(super) left_out: usize,
}

impl Chosen {
    /// The commit that brought a place in.
    pub(super) fn commit(&self, place: &Place) -> Option<Arc<CommitRef>> {
        place.commit.and_then(|id| self.commits.0.get(&id)).map(|(_, commit)| Arc::clone(commit))
    }
}

/// The places of an object: every path that it has had, or itself.
pub(super) fn of_object(id: ObjectId, object: &Marked, origin: &Origin) -> Vec<Place> {
    let first = origin.first.as_ref().map(|first| first.commit);
    let content = Content::Object(id);
    let itself = |word: &str, part| {
        let path = Untrusted::from(format!("{word} {id}").as_str());
        vec![Place { path, content: content.clone(), part, commit: first }]
    };
    match object.kind {
        ObjectKind::Commit => itself("commit", Part::Commit),
        ObjectKind::Tag => itself("tag", Part::Tag),
        _ if origin.paths.is_empty() => itself("blob", Part::File),
        _ => at_paths(&content, Part::File, origin),
    }
}

/// The places of a file's or directory's name.
pub(super) fn of_name(name: &Untrusted, origin: &Origin) -> Vec<Place> {
    at_paths(&Content::Name(name.clone()), Part::FileName, origin)
}

fn at_paths(content: &Content, part: Part, origin: &Origin) -> Vec<Place> {
    let paths = origin.paths.iter();
    paths.map(|at| Place { path: at.path.clone(), content: content.clone(), part, commit: at.commit }).collect()
}

/// A person as a commit has it.
fn signed(name: &[u8], email: &[u8]) -> Untrusted {
    Untrusted::new(&[name, b" <", email, b">"].concat())
}

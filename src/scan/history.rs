//! Scans the whole history of a repository: which objects have secrets (`search`), who brought them in, and whether they
//! are still there (`sources::git::attribution`).
//!
//! A secret may stand in thousands of versions of a file. A report names it once for each path that it has had: in the
//! version of the commit that brought it there first, with what holds of it now in any version.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::engine::{self, Progress, ScanOptions};
use super::paths;
use super::search::{Mark, Marked, Search};
use super::sighting::Sighting;
use crate::model::{CommitRef, Coverage, GapKind, InHistory, ObjectId, Part, Presence, Report, SkipReason, Untrusted};
use crate::sources::git::attribution::{Attribution, Collector, Origin, Person};
use crate::sources::git::commit::Commit;
use crate::sources::git::refs::{self, Refs};
use crate::sources::git::{ObjectKind, ObjectReader, OpenError, Repository, walk};

/// The largest object that is read again to say where in it something stands: it is held whole. A larger one with secrets in
/// it is named as a gap.
const MOST: u64 = 256 << 20;

/// Scans every object of the repository at `path`.
///
/// # Errors
/// Where there is no repository, or none that may be read.
pub fn history(path: &Path, options: &ScanOptions<'_>, progress: &Progress) -> Result<Report, OpenError> {
    let mut coverage = Coverage::default();
    let repository = Repository::open(path, &mut coverage)?;
    let name = Untrusted::new(repository.git_dir().as_os_str().as_encoded_bytes());
    let detector = engine::detector(options);
    let search = Search::new(&detector, options.confidence, options.max_matches);
    let walked = walk(&repository, options.threads, &search, &mut coverage);
    (coverage.objects, coverage.bytes) = (walked.objects, walked.bytes);
    progress.files.fetch_add(walked.objects, Ordering::Relaxed);
    progress.bytes.fetch_add(walked.bytes, Ordering::Relaxed);
    let refs = refs::read(repository.git_dir(), repository.common_dir(), &mut coverage);
    let marked = search.take_marked();
    let hits: Vec<ObjectId> = marked.keys().copied().collect();
    let collector = Collector::new(&hits);
    if !hits.is_empty() {
        let mut again = Coverage::default();
        walk(&repository, options.threads, &collector, &mut again);
        // What the first walk met too is said once.
        again.gaps.retain(|gap| !coverage.gaps.contains(gap));
        coverage.merge(again);
    }
    let attribution = collector.finish(&refs, &name, &mut coverage);
    let room = AtomicUsize::new(options.max_matches);
    let objects = ObjectReader::new(&repository, MOST);
    let mut reading = Reading { search: &search, objects, commits: HashMap::new(), room };
    let chosen = reading.choose(&marked, &attribution, options, &mut coverage);
    let mut files: Vec<Vec<Sighting>> = Vec::new();
    for (place, marks) in &chosen {
        files.extend(reading.place(place, marks, &mut coverage));
    }
    files.extend(names(&search, &refs, &reading.room));
    Ok(engine::report(options, files, 0, coverage))
}

/// A version of a file, or a commit or tag, that a report names.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    path: Untrusted,
    object: ObjectId,
    part: Part,
    commit: Option<ObjectId>,
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

struct Reading<'s, 'r> {
    search: &'s Search<'s>,
    objects: ObjectReader<'r>,
    /// Commits that were read: when they were made, and by whom.
    commits: HashMap<ObjectId, (i64, Arc<CommitRef>)>,
    /// How many more matches are kept.
    room: AtomicUsize,
}

/// The secrets of a place, each with what holds of it in all versions.
type Marks = BTreeMap<Mark, Arc<InHistory>>;

impl Reading<'_, '_> {
    /// The version of each path that each secret came there with.
    fn choose(
        &mut self,
        marked: &HashMap<ObjectId, Marked>,
        attribution: &Attribution,
        options: &ScanOptions<'_>,
        coverage: &mut Coverage,
    ) -> BTreeMap<Place, Marks> {
        let mut known: BTreeMap<(Mark, Untrusted, Part), Known> = BTreeMap::new();
        // In the order of ids, so that two runs choose alike.
        let order: BTreeSet<&ObjectId> = marked.keys().collect();
        for id in order {
            let Some(object) = marked.get(id) else { continue };
            let Some(origin) = attribution.of(id) else {
                // What nothing is known of is not forgotten for it.
                let why = "it has secrets, and where it comes from could not be worked out";
                coverage.gap(GapKind::Internal, &Untrusted::from(format!("object {id}").as_str()), why);
                continue;
            };
            for place in places(*id, object.kind, origin) {
                if place.part == Part::File && options.walk.filter.leaves_out_named_file(place.path.raw()) {
                    coverage.skip(SkipReason::Excluded, &place.path, false);
                    continue;
                }
                let time = place.commit.map_or(i64::MAX, |commit| self.time(commit, origin));
                for mark in &object.marks {
                    self.know(&mut known, *mark, origin, &place, time);
                }
            }
        }
        let mut chosen: BTreeMap<Place, Marks> = BTreeMap::new();
        for ((mark, _, part), known) in known {
            let history =
                InHistory { presence: known.presence, part, object: Some(known.place.object), tips: known.tips };
            chosen.entry(known.place).or_default().insert(mark, Arc::new(history));
        }
        chosen
    }

    fn know(
        &self,
        known: &mut BTreeMap<(Mark, Untrusted, Part), Known>,
        mark: Mark,
        origin: &Origin,
        place: &Place,
        time: i64,
    ) {
        let new = || Known {
            presence: origin.presence,
            tips: origin.tips.clone(),
            time,
            place: Place { path: place.path.clone(), ..*place },
        };
        let old = known.entry((mark, place.path.clone(), place.part)).or_insert_with(new);
        if origin.presence < old.presence {
            (old.presence, old.tips) = (origin.presence, origin.tips.clone());
        }
        if (time, place.commit, place.object) < (old.time, old.place.commit, old.place.object) {
            (old.time, old.place) = (time, new().place);
        }
    }

    /// When a commit was made. Most often it is the one that is known already.
    fn time(&mut self, commit: ObjectId, origin: &Origin) -> i64 {
        if let Some((time, _)) = self.commits.get(&commit) {
            return *time;
        }
        let first = origin.first.as_ref().filter(|first| first.commit == commit);
        let read = match first {
            Some(first) => {
                let seconds = |person: &Option<Person>| person.as_ref().and_then(|p| p.time).map(|t| t.seconds);
                let named = |p: &Person| signed(p.name.raw(), p.email.raw());
                let author = first.author.as_ref().map_or_else(|| Untrusted::new(b""), named);
                let told = CommitRef { id: commit, author, date: seconds(&first.author).unwrap_or(0) };
                (seconds(&first.committer).unwrap_or(i64::MAX - 1), Arc::new(told))
            }
            None => self.read_commit(commit),
        };
        let time = read.0;
        self.commits.insert(commit, read);
        time
    }

    fn read_commit(&mut self, id: ObjectId) -> (i64, Arc<CommitRef>) {
        let bytes = self.objects.read(&id).map(|(_, bytes)| bytes).unwrap_or_default();
        let commit = Commit::parse(&bytes);
        let author = commit.author.as_ref();
        let text = author.map_or_else(|| Untrusted::new(b""), |a| signed(a.name, a.email));
        let date = author.and_then(|a| a.time).map_or(0, |t| t.seconds);
        let time = commit.committer.as_ref().and_then(|c| c.time).map_or(i64::MAX - 1, |t| t.seconds);
        (time, Arc::new(CommitRef { id, author: text, date }))
    }

    /// Reads an object again, and says where in it the secrets stand.
    fn place(&mut self, place: &Place, marks: &Marks, coverage: &mut Coverage) -> Option<Vec<Sighting>> {
        let bytes = match self.objects.read(&place.object) {
            Ok((_, bytes)) => bytes,
            Err(fault) => {
                let why = format!("object {} has secrets and cannot be read again: {fault}", place.object);
                coverage.gap(GapKind::Unreadable, &place.path, why);
                return None;
            }
        };
        let scanned = || self.search.sightings(&mut &bytes[..], bytes.len() as u64, &place.path, &self.room);
        let Ok((mut sightings, dropped)) = catch_unwind(AssertUnwindSafe(scanned)) else {
            coverage.gap(GapKind::Internal, &place.path, "quell itself failed on it; please report this");
            return None;
        };
        engine::dropped(dropped, &place.path, coverage);
        let commit = place.commit.and_then(|id| self.commits.get(&id)).map(|(_, commit)| Arc::clone(commit));
        let in_test = place.part == Part::File && paths::is_test(place.path.raw());
        for sighting in &mut sightings {
            let mark = self.search.mark(sighting);
            let history = marks.get(&mark);
            (sighting.touched, sighting.in_test) = (history.is_some(), in_test);
            let parts = sighting.parts.iter_mut().map(|part| &mut part.location);
            for location in parts.chain([&mut sighting.location]) {
                (location.commit, location.history) = (commit.clone(), history.cloned());
            }
        }
        Some(sightings)
    }
}

/// The places of an object: every path that it has had, or itself.
fn places(object: ObjectId, kind: ObjectKind, origin: &Origin) -> Vec<Place> {
    let first = origin.first.as_ref().map(|first| first.commit);
    let itself = |word: &str, part| {
        let path = Untrusted::from(format!("{word} {object}").as_str());
        vec![Place { path, object, part, commit: first }]
    };
    match kind {
        ObjectKind::Commit => itself("commit", Part::Commit),
        ObjectKind::Tag => itself("tag", Part::Tag),
        _ if origin.paths.is_empty() => itself("blob", Part::File),
        _ => {
            let place = |at: &crate::sources::git::attribution::Place| Place {
                path: at.path.clone(),
                object,
                part: Part::File,
                commit: at.commit,
            };
            origin.paths.iter().map(place).collect()
        }
    }
}

/// The secrets in the names of refs.
fn names(search: &Search<'_>, refs: &Refs, room: &AtomicUsize) -> Vec<Vec<Sighting>> {
    let mut found = Vec::new();
    for tip in &refs.tips {
        let name = tip.name.raw();
        let path = Untrusted::new(&[b"ref ", name].concat());
        let (mut sightings, _) = search.sightings(&mut &*name, name.len() as u64, &path, room);
        let history = Arc::new(InHistory {
            presence: Presence::Tip,
            part: Part::RefName,
            object: None,
            tips: vec![tip.name.clone()],
        });
        sightings.iter_mut().for_each(|s| s.location.history = Some(Arc::clone(&history)));
        if !sightings.is_empty() {
            found.push(sightings);
        }
    }
    found
}

/// A person as a commit has it.
fn signed(name: &[u8], email: &[u8]) -> Untrusted {
    Untrusted::new(&[name, b" <", email, b">"].concat())
}

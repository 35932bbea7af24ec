//! Scans the whole history of a repository: which objects have secrets (`search`), who brought them in, and whether they
//! are still there (`sources::git::attribution`), and which version of each a report names (`versions`).

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cache::{self, Cache, CacheError, Outcome, Slot};
use super::engine::{self, Progress, ScanOptions};
use super::narrow::{Narrow, NarrowError, named};
use super::paths;
use super::search::{Marked, Search, Stream};
use super::sighting::Sighting;
use super::versions::{Chosen, Commits, Content, Place, Versions, of_name, of_object};
use crate::model::{
    CommitRef, Coverage, GapKind, InHistory, ObjectId, Part, Presence, Report, SkipReason, Untrusted, counted,
};
use crate::sources::git::attribution::{self, Attribution, Collector, Origin};
use crate::sources::git::refs::{self, Refs};
use crate::sources::git::{Fault, ObjectReader, OpenError, Repository, walk};

/// The largest object that is held whole to say where in it something stands: as large as the walk takes.
const MOST: u64 = 128 << 20;

/// A larger object is read as a stream, where it is no delta.
const HELD: u64 = 16 << 20;

/// Why a history was not scanned.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is no repository, or none that may be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What is asked for is not there.
    #[error(transparent)]
    Narrow(#[from] NarrowError),
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

/// Scans every object of the repository at `path`, and reports what `narrow` asks for. What `cache` has of an earlier scan is
/// not read again.
///
/// # Errors
/// Where there is no repository, or none that may be read, or not what `narrow` asks for, or the cache lies in it.
pub fn history(
    path: &Path,
    narrow: &Narrow,
    cache: Option<&Cache>,
    options: &ScanOptions<'_>,
    progress: &Progress,
) -> Result<Report, HistoryError> {
    let mut coverage = Coverage::default();
    let repository = Repository::open(path, &mut coverage)?;
    let refs = refs::read(repository.git_dir(), repository.common_dir(), &mut coverage);
    narrow.check(&refs)?;
    let detector = engine::detector(options);
    let search = Search::new(&detector, options.confidence, options.max_matches);
    let mut job = Job { repository: &repository, refs: &refs, narrow, options, progress, coverage };
    let slot = cache.map(|cache| cache.slot(&repository, options)).transpose()?;
    let files = match &slot {
        Some(slot) => job.remembered(search, slot),
        None => job.everything(&search).0,
    };
    let coverage = job.coverage;
    Ok(engine::report(options, files, 0, coverage))
}

/// One scan of a history.
struct Job<'j, 'o> {
    repository: &'j Repository,
    refs: &'j Refs,
    narrow: &'j Narrow,
    options: &'j ScanOptions<'o>,
    progress: &'j Progress,
    coverage: Coverage,
}

/// What was found, file by file.
type Files = Vec<Vec<Sighting>>;

impl Job<'_, '_> {
    /// Scans what the cache does not answer for, and keeps in it what came of that.
    fn remembered(&mut self, search: Search<'_>, slot: &Slot) -> Files {
        // What is to be said of the cache is not said of the repository, and does not go into the cache.
        let mut told = Coverage::default();
        let files = self.remembered_telling(search, slot, &mut told);
        self.coverage.merge(told);
        files
    }

    fn remembered_telling(&mut self, search: Search<'_>, slot: &Slot, told: &mut Coverage) -> Files {
        let state = cache::state(self.repository, self.refs, self.narrow, self.options);
        if let Some(files) = slot.outcome(&state, told).and_then(|outcome| self.again(&search, &outcome)) {
            return files;
        }
        let search = search.knowing(slot.clean(told));
        let (files, outcome) = self.everything(&search);
        if let Some((known, new)) = search.take_clean() {
            slot.set_clean(known, new, self.repository, told);
        }
        if let Some(outcome) = outcome.filter(|_| self.coverage.is_complete()) {
            slot.set_outcome(&state, &outcome, told);
        }
        files
    }

    /// Reads the secrets of an earlier scan again, where nothing has changed since. `None` where something does not fit.
    fn again(&mut self, search: &Search<'_>, outcome: &Outcome) -> Option<Files> {
        let places = outcome.places(self.refs)?;
        let mut objects = ObjectReader::new(self.repository, MOST);
        let mut commits = Commits::default();
        let room = AtomicUsize::new(self.options.max_matches);
        let (mut files, mut coverage) = (Vec::new(), Coverage::default());
        let mut reading = Reading { search, objects: &mut objects, room: &room, bytes: 0 };
        for (place, secrets) in &places {
            let commit = place.commit.map(|id| commits.get(id, None, reading.objects).1);
            let mut sightings = reading.place(place, commit, &mut coverage)?;
            for (number, history) in secrets {
                let sighting = sightings.get_mut(*number as usize)?;
                hold(sighting, history);
            }
            files.push(sightings);
        }
        coverage.bytes = reading.bytes;
        outcome.tell(&mut self.coverage);
        self.coverage.merge(coverage);
        let name = self.name();
        let text = "nothing has changed since it was scanned by the same rules: the cache had where its secrets stand";
        self.coverage.notice(&name, text);
        self.progress.files.fetch_add(self.coverage.objects, Ordering::Relaxed);
        files.extend(names(search, self.refs, self.narrow, &room));
        self.told(outcome.left_out());
        Some(files)
    }

    /// Scans everything that the search does not know; returns also what a later scan may go by.
    fn everything(&mut self, search: &Search<'_>) -> (Files, Option<Outcome>) {
        let walked = walk(self.repository, self.options.threads, search, &mut self.coverage);
        (self.coverage.objects, self.coverage.bytes) = (walked.objects + walked.known, walked.bytes);
        self.progress.files.fetch_add(walked.objects, Ordering::Relaxed);
        self.progress.bytes.fetch_add(walked.bytes, Ordering::Relaxed);
        let marked = search.take_marked();
        let attribution = self.attributed(search, &marked);
        let mut objects = ObjectReader::new(self.repository, MOST);
        let chosen = self.choose(&mut objects, search, &marked, &attribution);
        let room = AtomicUsize::new(self.options.max_matches);
        let mut reading = Reading { search, objects: &mut objects, room: &room, bytes: 0 };
        let (mut files, mut kept) = (Vec::new(), Vec::new());
        for (place, marks) in &chosen.places {
            let Some(mut sightings) = reading.place(place, chosen.commit(place), &mut self.coverage) else { continue };
            let mut numbered = Vec::new();
            for (sighting, number) in sightings.iter_mut().zip(0..) {
                if let Some(history) = marks.get(&search.mark(sighting)) {
                    hold(sighting, history);
                    numbered.push((number, Arc::clone(history)));
                }
            }
            files.push(sightings);
            kept.push((place, numbered));
        }
        let is_secret = !attribution.names().is_empty();
        let outcome = (!is_secret).then(|| Outcome::new(&kept, chosen.left_out, self.refs, &self.coverage)).flatten();
        files.extend(names(search, self.refs, self.narrow, &room));
        if walked.known > 0 {
            let text =
                format!("{} of its objects were scanned before by the same rules, as the cache has it", walked.known);
            self.coverage.notice(&self.name(), text);
        }
        self.told(chosen.left_out);
        (files, outcome)
    }

    /// Says what was left out, since it was not asked for.
    fn told(&mut self, left_out: usize) {
        if left_out > 0 {
            self.coverage.notice(&self.name(), self.narrow.told(left_out));
        }
    }

    /// What the repository is called.
    fn name(&self) -> Untrusted {
        Untrusted::new(self.repository.git_dir().as_os_str().as_encoded_bytes())
    }

    /// Walks over trees and commits, to say where the marked objects come from, and which names of files have secrets.
    fn attributed(&mut self, search: &Search<'_>, marked: &HashMap<ObjectId, Marked>) -> Attribution {
        let hits: Vec<ObjectId> = marked.keys().copied().collect();
        let has_hit = |name: &[u8]| !search.marks_of_text(name).is_empty();
        let collector = Collector::new(&hits, Some(&has_hit));
        let mut again = Coverage::default();
        walk(self.repository, self.options.threads, &collector, &mut again);
        // What the first walk met too is said once.
        again.gaps.retain(|gap| !self.coverage.gaps.contains(gap));
        self.coverage.merge(again);
        let counts = |name: &[u8]| self.narrow.counts(name);
        let asked = attribution::Narrow {
            refs: self.narrow.has_refs().then_some(&counts as attribution::Counts<'_>),
            commits: self.narrow.max_commits,
        };
        let name = self.name();
        collector.finish(self.refs, &asked, &name, &mut self.coverage)
    }

    /// The versions that each secret came with to each of its paths.
    fn choose(
        &mut self,
        objects: &mut ObjectReader<'_>,
        search: &Search<'_>,
        marked: &HashMap<ObjectId, Marked>,
        attribution: &Attribution,
    ) -> Chosen {
        let (mut versions, mut elsewhere, mut more) = (Versions::new(objects), 0, 0u64);
        let mut add = |places: Vec<Place>, marks: &[_], origin: &Origin, coverage: &mut Coverage| {
            if !origin.counts {
                elsewhere += places.len();
                return;
            }
            more += u64::from(origin.path_count > origin.paths.len() as u64);
            for place in places {
                let is_file = matches!(place.part, Part::File | Part::FileName);
                if is_file && self.options.walk.filter.leaves_out_named_file(place.path.raw()) {
                    coverage.skip(SkipReason::Excluded, &place.path, false);
                    continue;
                }
                versions.add(&place, marks, origin);
            }
        };
        // In the order of ids, so that two runs choose alike.
        let order: BTreeSet<&ObjectId> = marked.keys().collect();
        for id in order {
            let Some(object) = marked.get(id) else { continue };
            let Some(origin) = attribution.of(id) else {
                // What nothing is known of is not forgotten for it.
                let why = "it has secrets, and where it comes from could not be worked out";
                self.coverage.gap(GapKind::Internal, &Untrusted::from(format!("object {id}").as_str()), why);
                continue;
            };
            add(of_object(*id, object, origin), &object.marks, origin, &mut self.coverage);
        }
        for (name, origin) in attribution.names() {
            add(of_name(name, origin), &search.marks_of_text(name.raw()), origin, &mut self.coverage);
        }
        let mut chosen = versions.chosen(self.narrow, attribution);
        if more > 0 {
            let objects = counted(more, "object with secrets has", "objects with secrets have");
            let text = format!("{objects} had more than {} paths: the first of them are named", attribution::PATHS);
            self.coverage.notice(&self.name(), text);
        }
        chosen.left_out += elsewhere;
        chosen
    }
}

/// Reads what was chosen.
struct Reading<'s, 'o, 'r> {
    search: &'s Search<'s>,
    objects: &'s mut ObjectReader<'o>,
    /// How many more matches are kept.
    room: &'r AtomicUsize,
    /// Bytes that were read.
    bytes: u64,
}

impl Reading<'_, '_, '_> {
    /// Reads an object again, or a name, and says where in it secrets stand. None of them counts yet.
    fn place(
        &mut self,
        place: &Place,
        commit: Option<Arc<CommitRef>>,
        coverage: &mut Coverage,
    ) -> Option<Vec<Sighting>> {
        let Ok(scanned) = catch_unwind(AssertUnwindSafe(|| self.content(place))) else {
            coverage.gap(GapKind::Internal, &place.path, "quell itself failed on it; please report this");
            return None;
        };
        let (mut sightings, dropped) = match scanned {
            Ok(scanned) => scanned,
            Err(fault) => {
                let why = format!("it has secrets and cannot be read again: {fault}");
                coverage.gap(GapKind::Unreadable, &place.path, why);
                return None;
            }
        };
        engine::dropped(dropped, &place.path, coverage);
        let in_test = matches!(place.part, Part::File | Part::FileName) && paths::is_test(place.path.raw());
        for sighting in &mut sightings {
            (sighting.touched, sighting.in_test) = (false, in_test);
            for location in sighting.locations() {
                (location.commit, location.part) = (commit.clone(), place.part);
            }
        }
        Some(sightings)
    }

    /// All secrets of a content, and how many more there were no room for.
    fn content(&mut self, place: &Place) -> Result<(Vec<Sighting>, u64), Fault> {
        let Self { search, objects, room, bytes: read } = self;
        let mut found = (Vec::new(), 0);
        let mut scan = |size: u64, content: &mut dyn Read| {
            *read += size;
            found = search.sightings(&mut Stream(content), size, &place.path, room);
        };
        match &place.content {
            Content::Name(name) => scan(name.raw().len() as u64, &mut name.raw()),
            Content::Object(id) => {
                if !objects.stream_above(id, HELD, &mut scan)? {
                    let bytes = objects.read(id)?.1;
                    scan(bytes.len() as u64, &mut bytes.as_slice());
                }
            }
        }
        Ok(found)
    }
}

/// Lets a secret count, with what holds of it in all versions.
fn hold(sighting: &mut Sighting, history: &Arc<InHistory>) {
    sighting.touched = true;
    sighting.locations().for_each(|location| location.history = Some(Arc::clone(history)));
}

/// The secrets in the names of refs.
fn names(search: &Search<'_>, refs: &Refs, narrow: &Narrow, room: &AtomicUsize) -> Vec<Vec<Sighting>> {
    let mut found = Vec::new();
    for tip in named(narrow, refs) {
        let name = tip.raw();
        let path = Untrusted::new(&[b"ref ", name].concat());
        let (mut sightings, _) = search.sightings(&mut &*name, name.len() as u64, &path, room);
        let history = Arc::new(InHistory { presence: Presence::Tip, object: None, tips: vec![tip.clone()] });
        for sighting in &mut sightings {
            (sighting.location.part, sighting.location.history) = (Part::RefName, Some(Arc::clone(&history)));
        }
        if !sightings.is_empty() {
            found.push(sightings);
        }
    }
    found
}

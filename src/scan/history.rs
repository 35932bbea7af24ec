//! Scans the whole history of a repository: which objects have secrets (`search`), who brought them in, and whether they
//! are still there (`sources::git::attribution`), and which version of each a report names (`versions`).

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::engine::{self, Progress, ScanOptions};
use super::narrow::{Narrow, NarrowError, named};
use super::paths;
use super::search::{Marked, Search};
use super::sighting::Sighting;
use super::versions::{Chosen, Content, Marks, Place, Versions, of_name, of_object};
use crate::model::{Coverage, GapKind, InHistory, ObjectId, Part, Presence, Report, SkipReason, Untrusted};
use crate::sources::git::attribution::{self, Attribution, Collector, Origin};
use crate::sources::git::refs::{self, Refs};
use crate::sources::git::{ObjectReader, OpenError, Repository, walk};

/// The largest object that is read again to say where in it something stands: it is held whole. A larger one with secrets in
/// it is named as a gap.
const MOST: u64 = 256 << 20;

/// Why a history was not scanned.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is no repository, or none that may be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What is asked for is not there.
    #[error(transparent)]
    Narrow(#[from] NarrowError),
}

/// Scans every object of the repository at `path`, and reports what `narrow` asks for.
///
/// # Errors
/// Where there is no repository, or none that may be read, or not what `narrow` asks for.
pub fn history(
    path: &Path,
    narrow: &Narrow,
    options: &ScanOptions<'_>,
    progress: &Progress,
) -> Result<Report, HistoryError> {
    let mut coverage = Coverage::default();
    let repository = Repository::open(path, &mut coverage)?;
    let name = Untrusted::new(repository.git_dir().as_os_str().as_encoded_bytes());
    let refs = refs::read(repository.git_dir(), repository.common_dir(), &mut coverage);
    narrow.check(&refs)?;
    let detector = engine::detector(options);
    let search = Search::new(&detector, options.confidence, options.max_matches);
    let walked = walk(&repository, options.threads, &search, &mut coverage);
    (coverage.objects, coverage.bytes) = (walked.objects, walked.bytes);
    progress.files.fetch_add(walked.objects, Ordering::Relaxed);
    progress.bytes.fetch_add(walked.bytes, Ordering::Relaxed);
    let marked = search.take_marked();
    let attribution = attributed(&repository, &refs, narrow, &search, &marked, options, &mut coverage);
    let room = AtomicUsize::new(options.max_matches);
    let mut objects = ObjectReader::new(&repository, MOST);
    let chosen = choose(&mut objects, &search, &marked, &attribution, (narrow, options), &mut coverage);
    if chosen.left_out > 0 {
        coverage.notice(&name, narrow.told(chosen.left_out));
    }
    let mut reading = Reading { search: &search, objects, chosen: &chosen, room };
    let mut files: Vec<Vec<Sighting>> = Vec::new();
    for (place, marks) in &chosen.places {
        files.extend(reading.place(place, marks, &mut coverage));
    }
    files.extend(names(&search, &refs, narrow, &reading.room));
    Ok(engine::report(options, files, 0, coverage))
}

/// Walks over trees and commits, to say where the marked objects come from, and which names of files have secrets.
fn attributed(
    repository: &Repository,
    refs: &Refs,
    narrow: &Narrow,
    search: &Search<'_>,
    marked: &HashMap<ObjectId, Marked>,
    options: &ScanOptions<'_>,
    coverage: &mut Coverage,
) -> Attribution {
    let hits: Vec<ObjectId> = marked.keys().copied().collect();
    let has_hit = |name: &[u8]| !search.marks_of_text(name).is_empty();
    let collector = Collector::new(&hits, Some(&has_hit));
    let mut again = Coverage::default();
    walk(repository, options.threads, &collector, &mut again);
    // What the first walk met too is said once.
    again.gaps.retain(|gap| !coverage.gaps.contains(gap));
    coverage.merge(again);
    let name = Untrusted::new(repository.git_dir().as_os_str().as_encoded_bytes());
    let counts = |name: &[u8]| narrow.counts(name);
    let asked = attribution::Narrow {
        refs: narrow.has_refs().then_some(&counts as attribution::Counts<'_>),
        commits: narrow.max_commits,
    };
    collector.finish(refs, &asked, &name, coverage)
}

/// The versions that each secret came with to each of its paths.
fn choose(
    objects: &mut ObjectReader<'_>,
    search: &Search<'_>,
    marked: &HashMap<ObjectId, Marked>,
    attribution: &Attribution,
    (narrow, options): (&Narrow, &ScanOptions<'_>),
    coverage: &mut Coverage,
) -> Chosen {
    let mut versions = Versions::new(objects);
    let mut elsewhere = 0;
    let mut add = |places: Vec<Place>, marks: &[_], origin: &Origin, coverage: &mut Coverage| {
        if !origin.counts {
            elsewhere += places.len();
            return;
        }
        for place in places {
            let is_file = matches!(place.part, Part::File | Part::FileName);
            if is_file && options.walk.filter.leaves_out_named_file(place.path.raw()) {
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
            coverage.gap(GapKind::Internal, &Untrusted::from(format!("object {id}").as_str()), why);
            continue;
        };
        add(of_object(*id, object, origin), &object.marks, origin, coverage);
    }
    for (name, origin) in attribution.names() {
        add(of_name(name, origin), &search.marks_of_text(name.raw()), origin, coverage);
    }
    let mut chosen = versions.chosen(narrow, attribution);
    chosen.left_out += elsewhere;
    chosen
}

/// Reads what was chosen.
struct Reading<'s, 'r> {
    search: &'s Search<'s>,
    objects: ObjectReader<'r>,
    chosen: &'s Chosen,
    /// How many more matches are kept.
    room: AtomicUsize,
}

impl Reading<'_, '_> {
    /// Reads an object again, or a name, and says where in it the secrets stand.
    fn place(&mut self, place: &Place, marks: &Marks, coverage: &mut Coverage) -> Option<Vec<Sighting>> {
        let bytes = match &place.content {
            Content::Name(name) => Arc::new(name.raw().to_vec()),
            Content::Object(id) => match self.objects.read(id) {
                Ok((_, bytes)) => bytes,
                Err(fault) => {
                    let why = format!("object {id} has secrets and cannot be read again: {fault}");
                    coverage.gap(GapKind::Unreadable, &place.path, why);
                    return None;
                }
            },
        };
        let scanned = || self.search.sightings(&mut &bytes[..], bytes.len() as u64, &place.path, &self.room);
        let Ok((mut sightings, dropped)) = catch_unwind(AssertUnwindSafe(scanned)) else {
            coverage.gap(GapKind::Internal, &place.path, "quell itself failed on it; please report this");
            return None;
        };
        engine::dropped(dropped, &place.path, coverage);
        let commit = self.chosen.commit(place);
        let in_test = matches!(place.part, Part::File | Part::FileName) && paths::is_test(place.path.raw());
        for sighting in &mut sightings {
            let mark = self.search.mark(sighting);
            let history = marks.get(&mark);
            (sighting.touched, sighting.in_test) = (history.is_some(), in_test);
            let parts = sighting.parts.iter_mut().map(|part| &mut part.location);
            for location in parts.chain([&mut sighting.location]) {
                (location.commit, location.history) = (commit.clone(), history.cloned());
                location.part = place.part;
            }
        }
        Some(sightings)
    }
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

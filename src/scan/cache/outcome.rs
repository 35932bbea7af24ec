//! Where the secrets of a whole history stand, and what was said of it: what a report is made from, without a secret.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::model::{Coverage, InHistory, Notice, ObjectId, Part, Presence, SkipReason, Skipped, Untrusted};
use crate::scan::versions::{Content, Place};
use crate::sources::git::refs::Refs;

/// Bytes from a repository, as base64.
#[derive(Debug, Serialize, Deserialize)]
struct Bytes(String);

impl Bytes {
    fn of(text: &Untrusted) -> Self {
        Self(STANDARD.encode(text.raw()))
    }

    fn untrusted(&self) -> Option<Untrusted> {
        STANDARD.decode(&self.0).ok().map(|bytes| Untrusted::new(&bytes))
    }
}

/// The answer for a whole history.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::scan) struct Outcome {
    objects: u64,
    left_out: usize,
    skipped: Vec<(SkipReason, u64, u64, Vec<Bytes>)>,
    notices: Vec<(Bytes, String)>,
    places: Vec<Kept>,
}

/// An object with secrets at a path.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    path: Bytes,
    object: String,
    part: String,
    commit: Option<String>,
    /// Of each secret that counts: which it is of all that are found in the object, where it is now, and the numbers of
    /// the refs that have it.
    secrets: Vec<(u32, String, Vec<u32>)>,
}

/// The secrets of a place, by their number among all that are found there.
pub(in crate::scan) type Numbered = Vec<(u32, Arc<InHistory>)>;

const PRESENCES: [Presence; 5] =
    [Presence::Head, Presence::Tip, Presence::History, Presence::Log, Presence::Unreachable];
const PARTS: [Part; 3] = [Part::File, Part::Commit, Part::Tag];

impl Outcome {
    /// Takes what a complete scan came to; `None` where a name has a secret in it, which is not written down.
    pub(in crate::scan) fn new(
        places: &[(&Place, Numbered)],
        left_out: usize,
        refs: &Refs,
        coverage: &Coverage,
    ) -> Option<Self> {
        let skipped = coverage.skipped.iter();
        let skipped =
            skipped.map(|(why, s)| (*why, s.files, s.directories, s.examples.iter().map(Bytes::of).collect()));
        let notices = coverage.notices.iter().map(|notice| (Bytes::of(&notice.path), notice.text.clone()));
        Some(Self {
            objects: coverage.objects,
            left_out,
            skipped: skipped.collect(),
            notices: notices.collect(),
            places: places.iter().map(|(place, secrets)| kept(place, secrets, refs)).collect::<Option<_>>()?,
        })
    }

    /// How many places were left out since they were not asked for.
    pub(in crate::scan) fn left_out(&self) -> usize {
        self.left_out
    }

    /// Says again what was said of the repository.
    pub(in crate::scan) fn tell(&self, coverage: &mut Coverage) {
        coverage.objects = self.objects;
        let texts = |bytes: &[Bytes]| bytes.iter().filter_map(Bytes::untrusted).collect();
        for (why, files, directories, examples) in &self.skipped {
            let skipped = Skipped { files: *files, directories: *directories, examples: texts(examples) };
            coverage.skipped.insert(*why, skipped);
        }
        for (path, text) in &self.notices {
            let notice = path.untrusted().map(|path| Notice { path, text: text.clone() });
            // What was found out before is said once.
            coverage
                .notices
                .extend(notice.filter(|notice| !coverage.notices.contains(notice)).into_iter().collect::<Vec<_>>());
        }
    }

    /// The places, each with its secrets by number; `None` where it is not what was written.
    pub(in crate::scan) fn places(&self, refs: &Refs) -> Option<Vec<(Place, Numbered)>> {
        self.places.iter().map(|kept| kept.read(refs)).collect()
    }
}

fn kept(place: &Place, secrets: &Numbered, refs: &Refs) -> Option<Kept> {
    let Content::Object(object) = place.content else { return None };
    let number = |name: &Untrusted| refs.tips.iter().position(|tip| tip.name == *name).map(|at| at as u32);
    let secrets = secrets.iter().map(|(secret, history)| {
        let tips = history.tips.iter().map(number).collect::<Option<_>>()?;
        Some((*secret, history.presence.as_str().to_owned(), tips))
    });
    Some(Kept {
        path: Bytes::of(&place.path),
        object: object.to_string(),
        part: place.part.as_str().to_owned(),
        commit: place.commit.map(|id| id.to_string()),
        secrets: secrets.collect::<Option<_>>()?,
    })
}

impl Kept {
    fn read(&self, refs: &Refs) -> Option<(Place, Numbered)> {
        let object = ObjectId::from_hex(self.object.as_bytes())?;
        let commit = match &self.commit {
            Some(id) => Some(ObjectId::from_hex(id.as_bytes())?),
            None => None,
        };
        let part = PARTS.into_iter().find(|part| part.as_str() == self.part)?;
        let secrets = self.secrets.iter().map(|(secret, presence, tips)| {
            let tip = |number: &u32| refs.tips.get(*number as usize).map(|tip| tip.name.clone());
            let history = InHistory {
                presence: PRESENCES.into_iter().find(|p| p.as_str() == presence)?,
                object: Some(object),
                tips: tips.iter().map(tip).collect::<Option<_>>()?,
            };
            Some((*secret, Arc::new(history)))
        });
        let secrets = secrets.collect::<Option<_>>()?;
        Some((Place { path: self.path.untrusted()?, content: Content::Object(object), part, commit }, secrets))
    }
}

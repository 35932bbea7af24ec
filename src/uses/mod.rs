//! Bytes of a file → who uses which secret there, and the doors through which it leaks. Pure: nothing is opened or asked.
//!
//! `yaml` and `shell` read what the others rest on, `notes` is what they write down, `reader` what each of them is; each other file or
//! folder is one system, and says which files are its own.

pub mod appveyor;
pub mod argo;
pub mod azure;
pub mod bitbucket;
pub mod buildkite;
pub mod circleci;
pub mod code;
pub mod compose;
pub mod dockerfile;
pub mod drone;
pub mod github;
pub mod gitlab;
pub mod helm;
pub mod jenkins;
pub mod kubernetes;
pub mod notes;
mod reader;
pub mod shell;
pub mod systemd;
pub mod tekton;
pub mod terraform;
pub mod travis;
pub mod yaml;

pub use reader::{File, Reader};

use crate::model::usage::{System, Uses};

/// Every reader. Of several that know a path the first reads it: those that go by the kind of a file alone come last.
const READERS: &[&[Reader]] = &[
    &[
        github::READER,
        gitlab::READER,
        circleci::READER,
        azure::READER,
        bitbucket::READER,
        jenkins::READER,
        buildkite::READER,
        travis::READER,
        appveyor::READER,
    ],
    drone::READERS,
    &[
        compose::READER,
        dockerfile::READER,
        terraform::READER,
        systemd::READER,
        tekton::READER,
        argo::READER,
        helm::READER,
        MANIFESTS,
    ],
];

/// Manifests of any kind, which say themselves what they are for.
const MANIFESTS: Reader = Reader { read: manifests, ..kubernetes::READER };

fn manifests(file: File<'_>) -> Uses {
    let mut all = (kubernetes::READER.read)(file);
    let has = |word: &str| memchr::memmem::find(file.text, word.as_bytes()).is_some();
    let more = [has("tekton.dev/").then(|| tekton::objects(file)), has("argoproj.io/").then(|| argo::objects(file))];
    for one in more.into_iter().flatten() {
        all.uses.extend(one.uses);
        all.exposures.extend(one.exposures);
        all.scopes.extend(one.scopes);
        all.unread.extend(one.unread);
    }
    all.sort();
    all
}

/// Who reads a file, by its path from the root of the repository.
#[must_use]
pub fn reader_of(path: &str) -> Option<&'static Reader> {
    READERS.iter().copied().flatten().find(|reader| (reader.is_own)(path))
}

/// Who reads files of a system, whatever their names.
#[must_use]
pub fn reader_for(system: System) -> Option<&'static Reader> {
    READERS.iter().copied().flatten().find(|reader| reader.system == system)
}

//! Bytes of a file → who uses which secret there, and the doors through which it leaks. Pure: nothing is opened or asked.
//!
//! What the others rest on: `yaml` and `shell` read, `script` puts values together as a shell sees them, `command` finds scripts on
//! command lines, `templates` covers up what is no YAML yet, `budget` says how much of a file is looked at, `label` what jobs and
//! steps are called.
//!
//! What they write down: `notes`, and `pen` where jobs share their scripts; `handed` is what a step is given, `pods` are containers
//! of Kubernetes in pipelines, `objects` the files that have objects of any system. `reader` is what each of them is; each other file
//! or folder is one system, and says which files are its own.

pub mod appveyor;
pub mod argo;
pub mod azure;
pub mod bitbucket;
mod budget;
pub mod buildkite;
pub mod circleci;
pub mod code;
mod command;
pub mod compose;
pub mod dockerfile;
pub mod drone;
pub mod github;
pub mod gitlab;
mod handed;
pub mod helm;
pub mod jenkins;
pub mod kubernetes;
mod label;
pub mod notes;
mod objects;
mod pen;
mod pods;
mod reader;
pub mod script;
pub mod shell;
pub mod systemd;
pub mod tekton;
mod templates;
pub mod terraform;
#[cfg(test)]
mod testing;
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
const MANIFESTS: Reader = Reader { read: manifest, ..kubernetes::READER };

/// A manifest, or settings of a program: `application.yml` can be either.
fn manifest(file: File<'_>) -> Uses {
    let mut all = objects::every(file);
    code::references(file.path, file.text, 0, &mut all.uses);
    all.sort();
    all
}

/// Whether a file that a reader knows by its path can be a pipeline.
#[must_use]
pub fn may_be_pipeline(reader: &Reader) -> bool {
    reader.system.is_pipeline() || matches!(reader.system, System::Kubernetes | System::Helm)
}

/// Whether it is one, by a part of its text: the path of a manifest does not say what it is for.
#[must_use]
pub fn is_pipeline(reader: &Reader, text: &[u8]) -> bool {
    reader.system.is_pipeline() || objects::have_pipelines(text)
}

/// The endings of files that readers know, in small letters. Most files of a repository have others, and are asked of nobody.
const ENDINGS: &[&str] = &[
    "yml",
    "yaml",
    "json",
    "tpl",
    "tf",
    "tofu",
    "tfvars",
    "conf",
    "groovy",
    "jenkins",
    "service",
    "socket",
    "timer",
    "dockerfile",
    "containerfile",
    "jenkinsfile",
];
/// Beginnings of files that readers know whatever comes behind, in small letters.
const BEGINNINGS: &[&str] = &["dockerfile", "containerfile", "jenkinsfile"];

/// Who reads a file, by its path from the root of the repository.
#[must_use]
pub fn reader_of(path: &str) -> Option<&'static Reader> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if let Some((_, ending)) = name.rsplit_once('.') {
        let begins = |word: &&str| name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let ends = |word: &&str| ending.eq_ignore_ascii_case(word);
        if !ENDINGS.iter().any(ends) && !BEGINNINGS.iter().any(begins) {
            return None;
        }
    }
    READERS.iter().copied().flatten().find(|reader| (reader.is_own)(path))
}

/// Who reads files of a system, whatever their names.
#[must_use]
pub fn reader_for(system: System) -> Option<&'static Reader> {
    READERS.iter().copied().flatten().find(|reader| reader.system == system)
}

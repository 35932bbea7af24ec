//! GitHub Actions: workflows and actions, and those of Gitea and Forgejo, which are written alike. Source of the format:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax> and
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax>.
//!
//! `expression` reads expressions, `reading` says which secrets are in a value, `workflow` walks through a file, `doors` looks at
//! what a step does with a secret, `handed_on` at what it leaves for others, `called` at what those give who call, and `strangers`, with `guard`, at what those can do who may not write to the repository.

mod called;
mod doors;
mod expression;
mod guard;
mod handed_on;
mod reading;
mod strangers;
#[cfg(test)]
mod tests;
mod texts;
mod workflow;

use super::yaml::Yaml;
use super::{File, Reader};
use crate::model::usage::{System, Uses};

/// The reader of GitHub Actions.
pub const READER: Reader = Reader { system: System::GithubActions, is_own, read };

/// Where workflows are.
const FOLDERS: &[&str] = &[".github/workflows", ".gitea/workflows", ".forgejo/workflows"];

fn is_own(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let Some((stem, "yml" | "yaml")) = name.rsplit_once('.') else { return false };
    let is_below =
        |own: &str| folder.strip_suffix(own).is_some_and(|before| before.is_empty() || before.ends_with('/'));
    stem == "action" || FOLDERS.iter().any(|own| is_below(own))
}

fn read(file: File<'_>) -> Uses {
    let yaml = Yaml::read(file.text);
    let mut reading = reading::Reading::new(&yaml);
    for document in yaml.documents() {
        if document.get("jobs").is_some() {
            workflow::workflow(&mut reading, document, file.path);
        } else if document.get("runs").is_some() {
            workflow::action(&mut reading, document, file.path);
        }
    }
    reading.done()
}

//! Names of variables in pipelines of GitLab: which of them the system sets, and which of those are credentials or text of strangers.
//! Source: <https://docs.gitlab.com/ci/variables/predefined_variables/>.

use crate::model::usage::{Span, Store};
use crate::uses::shell::{dollars, is_of_shell, looks_secret};

/// What the system sets and what lets whoever has it in.
const CREDENTIALS: &[&str] = &[
    "CI_JOB_TOKEN",
    "CI_BUILD_TOKEN",
    "CI_REGISTRY_PASSWORD",
    "CI_DEPLOY_PASSWORD",
    "CI_DEPENDENCY_PROXY_PASSWORD",
    "CI_JOB_JWT",
    "CI_JOB_JWT_V1",
    "CI_JOB_JWT_V2",
];

/// What whoever pushes a commit or opens a merge request writes.
const STRANGERS: &[&str] = &[
    "CI_COMMIT_MESSAGE",
    "CI_COMMIT_TITLE",
    "CI_COMMIT_DESCRIPTION",
    "CI_COMMIT_AUTHOR",
    "CI_COMMIT_REF_NAME",
    "CI_COMMIT_BRANCH",
    "CI_COMMIT_TAG_MESSAGE",
    "CI_MERGE_REQUEST_TITLE",
    "CI_MERGE_REQUEST_DESCRIPTION",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
    "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME",
];

/// Where the value of a variable is kept that nothing in the file sets; `None` where the system itself sets it.
pub(super) fn store(name: &str) -> Option<Store> {
    let of_system = ["CI_", "GITLAB_", "FF_", "CHAT_"].iter().any(|start| name.starts_with(start));
    match name {
        _ if CREDENTIALS.contains(&name) => Some(Store::Secret),
        "TRIGGER_PAYLOAD" => None,
        // Those of the system have no word for secrets; what has one is set by people: `GITLAB_TOKEN`.
        _ if is_of_shell(name) || (of_system && !looks_secret(name)) => None,
        _ => Some(Store::Variable),
    }
}

/// Whether strangers write the value of a variable.
pub(super) fn is_of_strangers(name: &str) -> bool {
    STRANGERS.contains(&name)
}

/// The variables that the system fills into a value, and their bytes there. `${NAME:-default}` is none of them.
pub(super) fn filled(text: &str, base: usize) -> Vec<(&str, Span)> {
    let is_open = |span: &Span| {
        let written = text.get(span.start - base..span.end - base).unwrap_or_default();
        written.starts_with("${") && !written.ends_with('}')
    };
    dollars(text, base).into_iter().filter(|(_, span)| !is_open(span)).collect()
}

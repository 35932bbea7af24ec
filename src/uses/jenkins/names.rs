//! What the names in a pipeline stand for, at one place of it.

use std::rc::Rc;
use std::sync::Arc;

use crate::model::Untrusted;
use crate::model::usage::Context;
use crate::uses::notes::Env;
use crate::uses::shell::is_of_shell;

/// How many names are kept.
pub(super) const MOST: usize = 512;

/// What a variable holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// A secret.
    Secret,
    /// The path of a file with a secret.
    Path,
    /// What belongs to a secret and is none: the name of a user.
    Plain,
}

/// Variables, and the secrets in them or in the files that they name.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) env: Env,
    pub(super) files: Env,
    /// How many there are, each counted as often as it was set.
    pub(super) size: usize,
}

/// A part of a pipeline.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The number of the token that ends it.
    pub(super) end: usize,
    pub(super) context: Arc<Context>,
    pub(super) names: Rc<Names>,
}

impl Names {
    /// Sets a variable; `false` where there are too many.
    pub(super) fn set(&mut self, name: &str, holds: Holds, secrets: Vec<Untrusted>) -> bool {
        if self.size >= MOST {
            return false;
        }
        self.size += 1;
        let (inside, behind) = match holds {
            Holds::Secret => (secrets, Vec::new()),
            Holds::Path => (Vec::new(), secrets),
            Holds::Plain => (Vec::new(), Vec::new()),
        };
        self.env.set(name, inside);
        self.env.set_file(&format!("${name}"), behind.clone());
        self.files.set(name, behind);
        true
    }
}

/// What a variable holds that is set to a credential whose kind the file does not say.
pub(super) fn held_by(name: &str) -> Holds {
    let name = name.to_ascii_uppercase();
    let is_path = ["FILE", "KUBECONFIG", "KEYSTORE", "PATH", "_JSON", "KEYRING"].iter().any(|end| name.ends_with(end));
    if is_path { Holds::Path } else { Holds::Secret }
}

/// Variables that Jenkins and its plugins set.
const OWN: &[&str] = &[
    "BUILD_",
    "JOB_",
    "NODE_",
    "JENKINS_",
    "WORKSPACE",
    "BRANCH_",
    "CHANGE_",
    "TAG_",
    "STAGE_",
    "RUN_",
    "HUDSON_",
    "EXECUTOR_",
    "GIT_COMMIT",
    "GIT_BRANCH",
    "GIT_URL",
    "GIT_PREVIOUS",
    "GIT_LOCAL",
    "GIT_AUTHOR",
    "GIT_COMMITTER",
    "SVN_",
    "ROOT_BUILD",
    "XDG_",
];

/// Whether a variable is one that Jenkins or the shell sets.
pub(super) fn is_own(name: &str) -> bool {
    is_of_shell(name) || OWN.iter().any(|start| name.starts_with(start))
}

/// Variables whose text whoever opens a pull request or a merge request chooses.
const STRANGE: &[&str] = &[
    "CHANGE_TITLE",
    "CHANGE_BRANCH",
    "CHANGE_AUTHOR",
    "CHANGE_AUTHOR_DISPLAY_NAME",
    "CHANGE_AUTHOR_EMAIL",
    "ghprbPullTitle",
    "ghprbPullLongDescription",
    "ghprbCommentBody",
    "ghprbSourceBranch",
    "gitlabMergeRequestTitle",
    "gitlabMergeRequestDescription",
    "gitlabSourceBranch",
    "gitlabTriggerPhrase",
];

/// Whether strangers choose the text of a variable.
pub(super) fn is_strange(name: &str) -> bool {
    STRANGE.contains(&name)
}

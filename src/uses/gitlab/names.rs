//! Names of variables in pipelines of GitLab: which of them the system sets, and which of those are credentials or text of strangers.
//! Source: <https://docs.gitlab.com/ci/variables/predefined_variables/>.

use std::ops::Range;

use crate::model::usage::Store;
use crate::uses::notes::looks_secret;

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

/// What shells and runners set.
const SHELL: &[&str] = &[
    "HOME",
    "PATH",
    "PWD",
    "OLDPWD",
    "USER",
    "USERNAME",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "HOSTNAME",
    "TMPDIR",
    "TEMP",
    "TMP",
    "TERM",
    "UID",
    "EUID",
    "GID",
    "IFS",
    "RANDOM",
    "SECONDS",
    "LINENO",
    "BASH",
    "BASHPID",
    "BASH_ENV",
    "BASH_SOURCE",
    "BASH_VERSION",
    "PPID",
    "PS1",
    "PS4",
    "OPTARG",
    "OPTIND",
    "REPLY",
    "PIPESTATUS",
    "FUNCNAME",
    "SHLVL",
    "OSTYPE",
    "MACHTYPE",
    "HOSTTYPE",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "COMPUTERNAME",
    "JAVA_HOME",
    "GOPATH",
    "GOROOT",
    "CI",
    "DISPLAY",
    "PSSCRIPTROOT",
    "LASTEXITCODE",
    "EDITOR",
    "COLUMNS",
    "LINES",
    "CARGO_HOME",
    "DEBIAN_FRONTEND",
    "VIRTUAL_ENV",
    "NVM_DIR",
];

/// Whether a shell or the image that it runs in sets a variable.
pub(in crate::uses) fn is_of_shell(name: &str) -> bool {
    SHELL.contains(&name)
}

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

/// Every `$NAME` and `${NAME}` of a value that no shell reads, and its bytes there. `$$` is a dollar.
pub(in crate::uses) fn dollars(text: &str) -> Vec<(&str, Range<usize>)> {
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('$')) {
        let start = at + found;
        let rest = text.get(start + 1..).unwrap_or_default();
        let open = usize::from(rest.starts_with('{'));
        let name = rest.get(open..).unwrap_or_default();
        let length = name.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let name = name.get(..length).unwrap_or_default();
        let closed = open == 0 || rest.as_bytes().get(open + length) == Some(&b'}');
        at = start + 1 + usize::from(rest.starts_with('$'));
        if closed && name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') {
            at = start + 1 + length + 2 * open;
            all.push((name, start..at));
        }
    }
    all
}

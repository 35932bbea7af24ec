//! What a step of a pipeline is handed, and what readers of such steps do alike.

use crate::model::usage::Unread;
use crate::model::{GapKind, Untrusted};
use crate::uses::notes::Env;
use crate::uses::shell::{Reference, Script, examine};

/// The most secrets that are told apart of one step.
const SECRETS: usize = 256;

/// What a step is handed.
#[derive(Clone, Debug, Default)]
pub(in crate::uses) struct Handed {
    pub(in crate::uses) env: Env,
    pub(in crate::uses) secrets: Vec<Untrusted>,
    size: usize,
}

impl Handed {
    /// A variable with a secret in it.
    pub(in crate::uses) fn add(&mut self, variable: &str, secret: &str) {
        self.size += 1;
        let secret = Untrusted::from(secret);
        self.env.set(variable, vec![secret.clone()]);
        if self.secrets.len() < SECRETS && !self.secrets.contains(&secret) {
            self.secrets.push(secret);
        }
    }

    /// A variable without one.
    pub(in crate::uses) fn hide(&mut self, variable: &str) {
        self.size += 1;
        self.env.set(variable, Vec::new());
    }
}

/// How often what steps are handed may be looked through: an environment that all steps have is paid for by each of them.
#[derive(Debug)]
pub(in crate::uses) struct Budget(usize);

impl Budget {
    pub(in crate::uses) const fn new() -> Self {
        Self(2_000_000)
    }

    /// Whether there is enough left to look through something once more.
    pub(in crate::uses) fn pays(&mut self, handed: &Handed) -> bool {
        self.0 = self.0.saturating_sub(handed.size + 1);
        self.0 > 0
    }

    /// What is to be said where it ran out.
    pub(in crate::uses) fn unread(&self) -> Option<Unread> {
        let why = "it has more steps and variables than are followed: who uses what in the rest of it is not known"
            .to_owned();
        (self.0 == 0).then_some(Unread { at: 0, kind: Some(GapKind::OverBudget), why })
    }
}

/// The variables that commands set themselves.
pub(in crate::uses) fn assigned(script: Script<'_>) -> Vec<String> {
    examine(script, &|_: &Reference<'_>| Vec::<Untrusted>::new()).assigned
}

/// Variables that every shell or the system below it sets.
const SHELL: &[&str] = &[
    "CI",
    "HOME",
    "PATH",
    "PWD",
    "OLDPWD",
    "USER",
    "USERNAME",
    "LOGNAME",
    "HOSTNAME",
    "HOST",
    "SHELL",
    "LANG",
    "TERM",
    "TMP",
    "TEMP",
    "TMPDIR",
    "RANDOM",
    "IFS",
    "UID",
    "EUID",
    "GID",
    "SECONDS",
    "LINENO",
    "PPID",
    "OPTARG",
    "OPTIND",
    "REPLY",
    "PIPESTATUS",
    "FUNCNAME",
    "USERPROFILE",
    "APPDATA",
    "COMPUTERNAME",
    "EDITOR",
    "DISPLAY",
    "NUMBER_OF_PROCESSORS",
    "ERRORLEVEL",
    "JAVA_HOME",
    "GOPATH",
    "GOROOT",
];

/// Whether a variable is one that shells set.
pub(in crate::uses) fn is_of_shell(name: &str) -> bool {
    SHELL.contains(&name) || name.starts_with("BASH") || name.starts_with("LC_")
}

/// Whether commands turn the tracing of the shell on or off, where they do: what stands last counts.
pub(in crate::uses) fn tracing(commands: &str) -> Option<bool> {
    let words: Vec<&str> = commands.split([' ', '\t', '\n', ';', '&', '|']).filter(|word| !word.is_empty()).collect();
    let flags = words.windows(2).filter(|two| two.first() == Some(&"set")).filter_map(|two| two.get(1).copied());
    let traces = flags.filter(|flags| flags.contains('x') && flags.len() < 8);
    let said = traces
        .filter_map(|flags| if flags.starts_with('-') { Some(true) } else { flags.starts_with('+').then_some(false) });
    said.fold(None, |_, last| Some(last))
}

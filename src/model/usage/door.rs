//! Doors through which secrets leak: what each is, how bad, and what to do.

use crate::model::Severity;

/// A door through which a secret leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Door {
    /// Its value is printed to a log.
    Printed,
    /// It stands on a command line, and the shell prints every command that it runs (`set -x`).
    Traced,
    /// It is handed to code of others that is named by what they can change: a tag or branch.
    Unpinned,
    /// All secrets are handed over, and not those that are needed.
    InheritedWhole,
    /// Whoever opens a pull request from a fork runs code where it is.
    Fork,
    /// It is written to an artifact or a cache, which others can load.
    Artifact,
    /// It is given to the build of an image, which keeps it.
    BuildArgument,
    /// Text of strangers is put into a script that runs where it is.
    Injected,
}

impl Door {
    /// Every door with the word that formats have, a title, how bad it is, and what to do.
    const ALL: &'static [(Self, &'static str, &'static str, Severity, &'static str)] = &[
        (
            Self::Printed,
            "printed",
            "A secret is printed to a log",
            Severity::High,
            "Take the command out. Masks of a log hide the exact value alone: not an encoded, cut or multi-line one. If it ran, rotate the secret.",
        ),
        (
            Self::Traced,
            "traced",
            "A secret stands on a command line that the shell traces",
            Severity::Medium,
            "Turn tracing off (`set +x`) before the command, or hand the value over by the environment or standard input.",
        ),
        (
            Self::Unpinned,
            "unpinned",
            "A secret is handed to code that is not pinned",
            Severity::Medium,
            "Pin it to a full commit or digest: whoever can move the tag or branch can read the secret.",
        ),
        (
            Self::InheritedWhole,
            "inherited-whole",
            "All secrets are handed over",
            Severity::Medium,
            "Name the secrets that are needed, one by one.",
        ),
        (
            Self::Fork,
            "fork",
            "A pull request from a fork reaches a secret",
            Severity::Critical,
            "Do not check out or run what the pull request brings where secrets are: split it into a part without secrets, and one that runs no code of the pull request.",
        ),
        (
            Self::Artifact,
            "artifact",
            "A secret is written to an artifact or cache",
            Severity::High,
            "Leave the file out of artifacts and caches: whoever reads the repository may load them.",
        ),
        (
            Self::BuildArgument,
            "build-argument",
            "A secret is baked into an image by a build argument",
            Severity::High,
            "Use a build secret (`--secret`, `RUN --mount=type=secret`): arguments stay in the history of the image.",
        ),
        (
            Self::Injected,
            "injected",
            "Text of strangers runs where a secret is",
            Severity::High,
            "Hand the text over as a variable of the environment, and quote it in the script.",
        ),
    ];

    fn row(self) -> Option<&'static (Self, &'static str, &'static str, Severity, &'static str)> {
        Self::ALL.iter().find(|(door, ..)| *door == self)
    }

    /// The word that formats have.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().map_or("", |(_, word, ..)| word)
    }

    /// A title for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().map_or("", |(_, _, title, ..)| title)
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.row().map_or(Severity::Info, |(_, _, _, severity, _)| *severity)
    }

    /// What to do.
    #[must_use]
    pub fn advice(self) -> &'static str {
        self.row().map_or("", |(.., advice)| advice)
    }

    /// The page of OWASP's ten risks of pipelines that it belongs to.
    #[must_use]
    pub const fn docs(self) -> &'static str {
        match self {
            Self::Printed | Self::Traced | Self::InheritedWhole | Self::Artifact | Self::BuildArgument => {
                "https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-06-Insufficient-Credential-Hygiene"
            }
            Self::Unpinned => {
                "https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-03-Dependency-Chain-Abuse"
            }
            Self::Fork | Self::Injected => {
                "https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-04-Poisoned-Pipeline-Execution"
            }
        }
    }
}

//! What files are written for.

use crate::model::answers::DependentKind;

/// What a file is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum System {
    /// Workflows and actions of GitHub.
    GithubActions,
    /// Pipelines of GitLab.
    GitlabCi,
    /// CircleCI.
    CircleCi,
    /// Azure Pipelines.
    AzurePipelines,
    /// Bitbucket Pipelines.
    Bitbucket,
    /// A Jenkinsfile.
    Jenkins,
    /// Drone.
    Drone,
    /// Woodpecker.
    Woodpecker,
    /// Buildkite.
    Buildkite,
    /// Travis CI.
    Travis,
    /// AppVeyor.
    AppVeyor,
    /// Tekton.
    Tekton,
    /// Argo Workflows.
    Argo,
    /// Manifests of Kubernetes.
    Kubernetes,
    /// Charts of Helm.
    Helm,
    /// Compose files.
    Compose,
    /// Dockerfiles.
    Docker,
    /// Terraform and OpenTofu.
    Terraform,
    /// Units of systemd.
    Systemd,
    /// Scripts of a shell.
    Shell,
    /// Code of a programming language.
    Code,
}

impl System {
    /// Every system with the word that formats have and the name that people know it by.
    pub const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::GithubActions, "github-actions", "GitHub Actions"),
        (Self::GitlabCi, "gitlab-ci", "GitLab CI"),
        (Self::CircleCi, "circleci", "CircleCI"),
        (Self::AzurePipelines, "azure-pipelines", "Azure Pipelines"),
        (Self::Bitbucket, "bitbucket", "Bitbucket Pipelines"),
        (Self::Jenkins, "jenkins", "Jenkins"),
        (Self::Drone, "drone", "Drone"),
        (Self::Woodpecker, "woodpecker", "Woodpecker"),
        (Self::Buildkite, "buildkite", "Buildkite"),
        (Self::Travis, "travis", "Travis CI"),
        (Self::AppVeyor, "appveyor", "AppVeyor"),
        (Self::Tekton, "tekton", "Tekton"),
        (Self::Argo, "argo", "Argo Workflows"),
        (Self::Kubernetes, "kubernetes", "Kubernetes"),
        (Self::Helm, "helm", "Helm"),
        (Self::Compose, "compose", "Compose"),
        (Self::Docker, "docker", "Docker"),
        (Self::Terraform, "terraform", "Terraform"),
        (Self::Systemd, "systemd", "systemd"),
        (Self::Shell, "shell", "shell script"),
        (Self::Code, "code", "code"),
    ];

    /// The word that formats have.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(system, ..)| *system == self).map_or("", |(_, word, _)| word)
    }

    /// The name that people know it by.
    #[must_use]
    pub fn title(self) -> &'static str {
        Self::ALL.iter().find(|(system, ..)| *system == self).map_or("", |(.., title)| title)
    }

    /// What a use in it makes of whoever uses it.
    #[must_use]
    pub const fn dependent(self) -> DependentKind {
        match self {
            Self::Kubernetes | Self::Helm | Self::Compose | Self::Docker | Self::Terraform | Self::Systemd => {
                DependentKind::Manifest
            }
            Self::Shell | Self::Code => DependentKind::Code,
            _ => DependentKind::CiJob,
        }
    }

    /// Whether it runs pipelines.
    #[must_use]
    pub fn is_pipeline(self) -> bool {
        self.dependent() == DependentKind::CiJob
    }

    /// Whether secrets are objects with keys in it: `db-credentials/password`.
    #[must_use]
    pub const fn has_objects(self) -> bool {
        matches!(self, Self::Kubernetes | Self::Helm | Self::Tekton | Self::Argo)
    }
}

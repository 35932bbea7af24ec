//! What makes answers worth less than they seem (requirements 75 to 79): each by name, with a sentence.

use std::collections::BTreeSet;

use super::catalog::Catalog;
use super::fits::Fit;
use super::{Asked, text};
use crate::model::answers::{Dependent, DependentKind};
use crate::model::owner::{Owner, Strength};

/// From how many systems on, of which nobody is known to own any, a credential is used too widely to be judged.
const MANY: usize = 3;

/// Words of subjects that another platform vouches for.
const FEDERATED: [&str; 9] = [
    ":federated-user/",
    ":saml-provider/",
    ":oidc-provider/",
    "awsreservedsso_",
    "#ext#",
    "principal://",
    "principalset://",
    "workloadidentitypools",
    "cognito-identity",
];

/// Providers whose credentials open stores of other credentials.
const STORES: [&str; 11] = [
    "vault",
    "openbao",
    "hashicorp",
    "doppler",
    "1password",
    "bitwarden",
    "infisical",
    "akeyless",
    "cyberark",
    "conjur",
    "lastpass",
];

/// Words of scopes that let a credential make or read others.
const CHAINS: [&str; 6] = ["assumerole", "impersonat", "secretsmanager", "secret", "iam:passrole", "signjwt"];

/// Paths of pipelines.
const PIPELINES: [&str; 9] = [
    ".github/workflows/",
    ".gitlab-ci",
    "jenkinsfile",
    ".circleci/",
    "azure-pipelines",
    "bitbucket-pipelines",
    ".buildkite/",
    ".drone.",
    ".travis.",
];

/// Words of subjects that pipelines have.
const RUNNERS: [&str; 5] = ["github-actions", "gitlab-ci", "[bot]", "ci-runner", "build-agent"];

pub(super) fn degraded(
    asked: &Asked<'_>,
    catalog: &Catalog,
    fits: &[Fit<'_>],
    dependents: &[Dependent],
) -> Vec<(String, String)> {
    let subject = asked.identity.and_then(|i| i.subject.as_ref()).map(|s| text(s).to_lowercase()).unwrap_or_default();
    let has = |words: &[&str], text: &str| words.iter().any(|word| text.contains(word));
    let scopes = || asked.identity.into_iter().flat_map(|i| &i.scopes).map(|s| text(s).to_lowercase());
    let pipeline = asked.places.iter().any(|place| has(&PIPELINES, &text(&place.path).to_lowercase()));
    let ci_name = asked
        .names
        .iter()
        .any(|name| ["CI_", "GITHUB_", "RUNNER_"].iter().any(|p| name.raw().starts_with(p.as_bytes())));
    let reliable = || fits.iter().filter(|fit| fit.strength > Strength::Hint);
    let owners: BTreeSet<&Owner> = reliable().filter_map(|fit| fit.service.owner.as_ref()).collect();
    let systems = systems(catalog, fits, dependents, asked);
    let several = format!("{} owners' services fit it, so that nobody alone can say what it may do", owners.len());
    let wide = format!("it is used in {systems} systems that nobody is known to own");
    let all = [
        (asked.gaps, "incomplete-coverage", "the scan left something out, so that uses may be missing"),
        (
            reliable().next().is_none(),
            "no-metadata",
            "no record of `owners.toml` is known to be of the service that it belongs to",
        ),
        (systems >= MANY, "many-systems", wide.as_str()),
        (
            has(&FEDERATED, &subject),
            "federated-source",
            "another platform vouches for its identity, and logs of it are kept there too",
        ),
        (
            subject.contains(":assumed-role/") || owners.len() > 1,
            "inherited-entitlements",
            if owners.len() > 1 { several.as_str() } else { "what it may do comes from a role that others take too" },
        ),
        (
            STORES.contains(&asked.provider) || scopes().any(|s| has(&CHAINS, &s)),
            "chained-credentials",
            "it opens or makes other credentials, whose uses are not seen here",
        ),
        (
            pipeline || ci_name || has(&RUNNERS, &subject),
            "ephemeral-ci",
            "it belongs to a pipeline, whose runs are gone before they can be seen",
        ),
    ];
    all.into_iter().filter(|(is, ..)| *is).map(|(_, name, why)| (name.to_owned(), why.to_owned())).collect()
}

/// How many systems use it of which nobody is known to own any: services, jobs and manifests, and repositories that it
/// stands in.
fn systems(catalog: &Catalog, fits: &[Fit<'_>], dependents: &[Dependent], asked: &Asked<'_>) -> usize {
    let kinds = [DependentKind::Service, DependentKind::CiJob, DependentKind::Manifest];
    let is_owned = |name: &str| catalog.service(name).is_some_and(|service| service.owner.is_some());
    let users = dependents.iter().filter(|d| kinds.contains(&d.kind)).map(|d| text(&d.name));
    let users: BTreeSet<String> = users.filter(|name| !is_owned(name)).collect();
    let owned =
        |repository: &[u8]| fits.iter().any(|f| f.service.owner.is_some() && f.service.has_repository(repository));
    let repositories: BTreeSet<&[u8]> = asked.places.iter().map(|place| place.repository.raw()).collect();
    users.len() + repositories.into_iter().filter(|repository| !owned(repository)).count()
}

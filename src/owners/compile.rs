//! Checks what stands in `owners.toml`, and makes services of it.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobMatcher};

use super::catalog::{CatalogError, KnownIdentity, Service};
use super::file::{self, File, Line};
use super::when;
use super::window::Window;
use crate::model::nearest;
use crate::model::owner::{Owner, OwnerKind};

/// Every name that something else may refer to.
pub(super) struct Names {
    teams: BTreeSet<String>,
    people: BTreeSet<String>,
    services: BTreeSet<String>,
}

impl Names {
    pub(super) fn of(file: &File, line: &Line<'_>) -> Result<Self, CatalogError> {
        let collect = |what: &str, names: Vec<&toml::Spanned<String>>| {
            let mut known = BTreeSet::new();
            for name in names {
                let bad = |what: String, help| Err(error(line.of(name), what, help));
                if name.get_ref().trim().is_empty() {
                    return bad(format!("a {what} without a name"), "write its `name`");
                }
                if !known.insert(name.get_ref().clone()) {
                    return bad(format!("two {what}s are called `{}`", name.get_ref()), "keep one of the records");
                }
            }
            Ok(known)
        };
        Ok(Self {
            teams: collect("team", file.team.iter().map(|t| &t.name).collect())?,
            people: collect("person", file.person.iter().map(|p| &p.name).collect())?,
            services: collect("service", file.service.iter().map(|s| &s.name).collect())?,
        })
    }

    pub(super) fn person(&self, name: &str, line: usize) -> Result<(), CatalogError> {
        known(&self.people, "person", name, line)
    }
}

fn known(names: &BTreeSet<String>, what: &str, name: &str, line: usize) -> Result<(), CatalogError> {
    if names.contains(name) {
        return Ok(());
    }
    let near = nearest(name, names.iter().map(String::as_str)).map(|n| format!("did you mean `{n}`?"));
    let help = near.unwrap_or_else(|| format!("add a `[[{what}]]` with that name"));
    Err(error(line, format!("no {what} is called `{name}`"), &help))
}

pub(super) fn compiled(raw: file::Service, line: usize, names: &Names) -> Result<Service, CatalogError> {
    let owner = match (&raw.team, &raw.person) {
        (Some(_), Some(_)) => {
            let help = "keep one of them; a person's team is told as well where that person is one of its `members`";
            return Err(error(line, format!("`{}` has a `team` and a `person`", raw.name.get_ref()), help));
        }
        (Some(team), None) => known(&names.teams, "team", team, line).map(|()| Some((OwnerKind::Team, team)))?,
        (None, Some(person)) => names.person(person, line).map(|()| Some((OwnerKind::Person, person)))?,
        (None, None) => None,
    };
    let owner = owner.map(|(kind, name)| Owner { kind, name: name.as_str().into() });
    for other in raw.depends_on.iter().chain(raw.used_by.iter().flatten()) {
        known(&names.services, "service", other, line)?;
    }
    let mut identities = Vec::new();
    for identity in raw.identities {
        if identity.account.is_none() && identity.subject.is_none() {
            let what = format!("an identity of `{}` with neither `account` nor `subject`", raw.name.get_ref());
            return Err(error(line, what, "name at least one of them; every credential would fit it"));
        }
        let glob = |text: Option<String>| text.map(|t| glob(&t, false, false, line)).transpose();
        let (account, subject) = (glob(identity.account)?, glob(identity.subject)?);
        identities.push(KnownIdentity { provider: identity.provider, account, subject });
    }
    let window = |text: &String| {
        let help = "write days and hours in UTC, as `mon-fri 09:00-17:00`";
        Window::parse(text).ok_or_else(|| error(line, format!("`{text}` is no window"), help))
    };
    let repositories = raw.repositories.iter().map(|r| glob(r.trim_end_matches('/'), true, true, line));
    let mut paths = Vec::new();
    for path in &raw.paths {
        let path = path.trim_start_matches('/').trim_end_matches('/');
        paths.push(glob(path, true, false, line)?);
        paths.push(glob(&format!("{path}/**"), true, false, line)?);
    }
    Ok(Service {
        name: raw.name.into_inner(),
        line,
        owner,
        repositories: repositories.collect::<Result<_, _>>()?,
        paths,
        identities,
        secrets: raw.secrets,
        hosts: raw.hosts,
        criticality: raw.criticality,
        environment: raw.environment,
        downtime_minutes: raw.downtime_minutes,
        partners: raw.partners,
        shared: raw.shared,
        purpose: raw.purpose,
        decommissioned: raw.decommissioned,
        hot_reload: raw.hot_reload,
        privileged: raw.privileged,
        windows: raw.windows.iter().map(window).collect::<Result<_, _>>()?,
        depends_on: raw.depends_on,
        used_by: raw.used_by,
        reviewed: raw.reviewed.map(|text| date(&text, line)).transpose()?,
    })
}

pub(super) fn error(line: usize, what: String, help: &str) -> CatalogError {
    CatalogError { line, what, help: Some(help.to_owned()) }
}

pub(super) fn date(text: &str, line: usize) -> Result<i64, CatalogError> {
    when::parse(text.as_bytes())
        .ok_or_else(|| error(line, format!("`{text}` is no date"), "write it as `2026-03-01` or as RFC 3339"))
}

fn glob(text: &str, paths: bool, folded: bool, line: usize) -> Result<GlobMatcher, CatalogError> {
    let mut builder = GlobBuilder::new(text);
    let glob = builder.literal_separator(paths).case_insensitive(folded).backslash_escape(true).build();
    let bad = |e: globset::Error| {
        let help =
            "`*`, `?`, `**`, `[ab]` and `{a,b}` are special; put a backslash before one that is meant as it stands";
        error(line, format!("the pattern `{text}` cannot be read: {}", e.kind()), help)
    };
    glob.map(|g| g.compile_matcher()).map_err(bad)
}

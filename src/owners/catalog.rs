//! The organisation's `owners.toml`: teams, people, services, and what is known of them.
//!
//! It is trusted configuration: it is read from where an administrator says and never from a scanned tree. A slip of the
//! hand is an error with its line, since a record that is silently left out would leave a credential without an owner.

use globset::GlobMatcher;

use super::compile::{Names, compiled, date, error};
use super::file::{self, File, Line};
use super::window::Window;
use crate::model::answers::{Criticality, Environment};
use crate::model::owner::Owner;
use crate::model::{Identity, Untrusted};

pub use super::file::TEMPLATE;

/// Why `owners.toml` cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("owners.toml:{line}: {what}{}", .help.as_ref().map(|h| format!("\n  help: {h}")).unwrap_or_default())]
pub struct CatalogError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, with the user's words in backticks.
    pub what: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// A team.
#[derive(Clone, Debug)]
pub struct Team {
    /// Its name.
    pub name: String,
    /// Where it is told of things.
    pub contact: String,
    /// Names of its people.
    pub members: Vec<String>,
    /// What forges and catalogs call it: `@acme/payments`.
    pub forge: Vec<String>,
}

/// A person.
#[derive(Clone, Debug)]
pub struct Person {
    /// The name.
    pub name: String,
    /// Addresses, as commits have them.
    pub addresses: Vec<String>,
    /// Accounts: `github:kim`.
    pub forge: Vec<String>,
    /// Since when that person is gone, in seconds since 1970 UTC.
    pub left: Option<i64>,
}

impl Person {
    /// Since when that person is gone, where it is so at `now` (both in seconds since 1970 UTC).
    #[must_use]
    pub fn departed(&self, now: i64) -> Option<i64> {
        self.left.filter(|left| *left <= now)
    }
}

/// An identity that a service uses with a provider; what is not given fits anything.
#[derive(Clone, Debug)]
pub struct KnownIdentity {
    /// The provider's id, as rules have it.
    pub provider: String,
    pub(super) account: Option<GlobMatcher>,
    pub(super) subject: Option<GlobMatcher>,
}

impl KnownIdentity {
    /// Whether a provider's answer fits; `None` where the answer does not say enough.
    #[must_use]
    pub fn fits(&self, identity: &Identity) -> Option<bool> {
        let one = |glob: &Option<GlobMatcher>, value: &Option<Untrusted>| match (glob, value) {
            (None, _) => Some(true),
            (Some(_), None) => None,
            (Some(glob), Some(value)) => Some(matches(glob, value.raw())),
        };
        match (one(&self.account, &identity.account), one(&self.subject, &identity.subject)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }

    /// Whether it names one subject, and not all of an account.
    #[must_use]
    pub const fn names_subject(&self) -> bool {
        self.subject.is_some()
    }
}

/// A service, and what is known of it. What the record does not say is `None`.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The line of its record, from 1.
    pub line: usize,
    /// Who owns it.
    pub owner: Option<Owner>,
    pub(super) repositories: Vec<GlobMatcher>,
    pub(super) paths: Vec<GlobMatcher>,
    /// What it is for its providers.
    pub identities: Vec<KnownIdentity>,
    /// Names of variables that hold its secrets.
    pub secrets: Vec<String>,
    /// Hosts that its credentials open, with a port where only that one is meant.
    pub hosts: Vec<String>,
    /// How much harm its absence does.
    pub criticality: Option<Criticality>,
    /// Where it runs.
    pub environment: Option<Environment>,
    /// For how many minutes it may be away.
    pub downtime_minutes: Option<u32>,
    /// Partners who use it or whose system it opens; an empty list says that there are none.
    pub partners: Option<Vec<String>>,
    /// Whether several teams rest on it.
    pub shared: Option<bool>,
    /// What it is for.
    pub purpose: Option<String>,
    /// Whether it is no longer there.
    pub decommissioned: Option<bool>,
    /// Whether it takes a new credential without a restart.
    pub hot_reload: Option<bool>,
    /// Whether its credentials may do more than its own affairs.
    pub privileged: Option<bool>,
    /// When changes are allowed.
    pub windows: Vec<Window>,
    /// Services that it needs.
    pub depends_on: Vec<String>,
    /// Services that need it; `None` where the record does not say.
    pub used_by: Option<Vec<String>>,
    /// When somebody looked over the record last, in seconds since 1970 UTC.
    pub reviewed: Option<i64>,
}

impl Service {
    /// Whether a repository, by its name `host/owner/name` or its directory, is one of the service's.
    #[must_use]
    pub fn has_repository(&self, name: &[u8]) -> bool {
        self.repositories.iter().any(|glob| matches(glob, name))
    }

    /// Whether a path below a repository's root is the service's; `None` where the record names no paths, so that all are.
    #[must_use]
    pub fn has_path(&self, path: &[u8]) -> Option<bool> {
        (!self.paths.is_empty()).then(|| self.paths.iter().any(|glob| matches(glob, path)))
    }

    /// Whether a host, perhaps with a port, is one that its credentials open.
    #[must_use]
    pub fn has_host(&self, host: &str) -> bool {
        let bare = |h: &str| h.rsplit_once(':').filter(|(_, p)| p.parse::<u16>().is_ok()).map(|(h, _)| h.to_owned());
        let without = bare(host).unwrap_or_else(|| host.to_owned());
        self.hosts.iter().any(|known| {
            known.eq_ignore_ascii_case(host) || (bare(known).is_none() && known.eq_ignore_ascii_case(&without))
        })
    }

    /// Whether a record names the provider at all.
    #[must_use]
    pub fn knows(&self, provider: &str) -> bool {
        self.identities.iter().any(|identity| identity.provider == provider)
    }
}

/// When nothing is changed, in seconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// The first second.
    pub from: i64,
    /// The first second after it.
    pub until: i64,
}

/// The organisation's record.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Teams.
    pub teams: Vec<Team>,
    /// People.
    pub people: Vec<Person>,
    /// Services.
    pub services: Vec<Service>,
    /// When nothing is changed.
    pub freeze: Option<Freeze>,
    /// Labels of manifests that name an owner, besides those that are known.
    pub labels: Vec<String>,
    /// When the record is from, in seconds since 1970 UTC; zero where nobody said.
    pub at: i64,
}

impl Catalog {
    /// Reads the text of an `owners.toml`. `at` of what is returned is zero; see [`Self::dated`].
    ///
    /// # Errors
    /// On the first thing that is wrong: what is no TOML, an unknown key, a name that nothing has, two records of one
    /// name, a pattern, a date or a window that cannot be read.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        let file: File = toml::from_str(text).map_err(|e| file::syntax(text, &e))?;
        let line = Line::new(text);
        let names = Names::of(&file, &line)?;
        let mut catalog = Self { labels: file.labels, ..Self::default() };
        for team in file.team {
            for member in &team.members {
                names.person(member, line.of(&team.name))?;
            }
            let name = team.name.into_inner();
            catalog.teams.push(Team { name, contact: team.contact, members: team.members, forge: team.forge });
        }
        for person in file.person {
            let at = line.of(&person.name);
            let left = person.left.map(|text| date(&text, at)).transpose()?;
            for account in &person.forge {
                let parts = account.split_once(':').filter(|(p, a)| !p.is_empty() && !a.is_empty());
                parts.ok_or_else(|| {
                    error(at, format!("`{account}` is no account"), "write the provider before it: `github:kim`")
                })?;
            }
            let name = person.name.into_inner();
            catalog.people.push(Person { name, addresses: person.addresses, forge: person.forge, left });
        }
        for service in file.service {
            let at = line.of(&service.name);
            catalog.services.push(compiled(service, at, &names)?);
        }
        if let Some(freeze) = file.freeze {
            let at = line.of(&freeze.from);
            let (from, until) = (date(freeze.from.get_ref(), at)?, date(&freeze.until, at)?);
            if from >= until {
                return Err(error(at, "a freeze that ends before it begins".to_owned(), "swap `from` and `until`"));
            }
            catalog.freeze = Some(Freeze { from, until });
        }
        Ok(catalog)
    }

    /// The same record, from `at` (seconds since 1970 UTC): when its file was changed last.
    #[must_use]
    pub fn dated(self, at: i64) -> Self {
        Self { at, ..self }
    }

    /// The service of that name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The person of that name.
    #[must_use]
    pub fn person(&self, name: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.name == name)
    }

    /// The team of that name.
    #[must_use]
    pub fn team(&self, name: &str) -> Option<&Team> {
        self.teams.iter().find(|team| team.name == name)
    }

    /// When a service's record is from, in seconds since 1970 UTC.
    #[must_use]
    pub fn at(&self, service: &Service) -> i64 {
        service.reviewed.unwrap_or(self.at)
    }
}

fn matches(glob: &GlobMatcher, bytes: &[u8]) -> bool {
    use std::os::unix::ffi::OsStrExt;
    glob.is_match(std::path::Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(text: &str) -> CatalogError {
        Catalog::parse(text).err().unwrap_or_else(|| panic!("{text}"))
    }

    fn wrong(text: &str, line: usize, what: &str, help: Option<&str>) {
        let error = fails(text);
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.what.contains(what), "{text}: {error}");
        assert!(help.is_none_or(|help| error.help.as_deref().unwrap_or_default().contains(help)), "{text}: {error}");
    }

    #[test]
    fn the_template_is_read_and_has_every_option() {
        let catalog = Catalog::parse(TEMPLATE).unwrap();
        let shop = catalog.service("shop").unwrap();
        assert_eq!(shop.owner.as_ref().unwrap().name.raw(), b"payments");
        assert_eq!((shop.downtime_minutes, shop.shared, shop.hot_reload), (Some(5), Some(false), Some(true)));
        assert_eq!((shop.partners.as_deref(), shop.used_by.as_deref()), (Some(&[][..]), Some(&[][..])));
        assert!(catalog.freeze.is_some() && shop.reviewed.is_some() && shop.windows.len() == 1);
        // Every key that is known stands in the template.
        for table in ["service", "team", "person", "freeze"] {
            let wrong = match table {
                "freeze" => "[freeze]\nzzzzzzzz = 1\n".to_owned(),
                other => format!("[[{other}]]\nzzzzzzzz = 1\n"),
            };
            let error = toml::from_str::<File>(&wrong).err().unwrap();
            let keys: Vec<&str> = error.message().split('`').skip(3).step_by(2).collect();
            assert!(keys.len() > 1, "{}", error.message());
            for key in keys {
                let stands = TEMPLATE.lines().any(|l| l.trim_start_matches("# ").starts_with(&format!("{key} = ")));
                assert!(stands || key == "person", "{key}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let team = "[[team]]\nname = \"payments\"\n";
        for (text, line, what, help) in [
            ("[[team]\n", 1, "", None),
            ("[[team]]\nnam = \"x\"\n", 2, "unknown field `nam`", Some("did you mean `name`?")),
            (
                "[[service]]\nname = \"x\"\ncritcality = \"low\"\n",
                3,
                "unknown field `critcality`",
                Some("did you mean `criticality`?"),
            ),
            (
                "[[service]]\nname = \"x\"\ncriticality = \"lo\"\n",
                3,
                "unknown variant `lo`",
                Some("did you mean `low`?"),
            ),
            (
                &format!("{team}[[service]]\nname = \"x\"\nteam = \"paymets\"\n"),
                4,
                "no team is called `paymets`",
                Some("did you mean `payments`?"),
            ),
            (
                "[[service]]\nname = \"x\"\nperson = \"Kim\"\n",
                2,
                "no person is called `Kim`",
                Some("add a `[[person]]`"),
            ),
        ] {
            wrong(text, line, what, help);
        }
    }

    #[test]
    fn what_cannot_mean_anything_is_said_with_its_line() {
        let team = "[[team]]\nname = \"payments\"\n";
        for (text, line, what, help) in [
            ("[[service]]\nname = \"x\"\nused_by = [\"shop\"]\n", 2, "no service is called `shop`", None),
            ("[[team]]\nname = \"a\"\nmembers = [\"Kim\"]\n", 2, "no person is called `Kim`", None),
            ("[[team]]\nname = \"a\"\n\n[[team]]\nname = \"a\"\n", 5, "two teams are called `a`", None),
            ("[[team]]\nname = \"\"\n", 2, "a team without a name", None),
            ("[[person]]\nname = \"a\"\nleft = \"soon\"\n", 2, "`soon` is no date", None),
            ("[[person]]\nname = \"a\"\nforge = [\"kim\"]\n", 2, "`kim` is no account", None),
            ("[[service]]\nname = \"a\"\nrepositories = [\"[\"]\n", 2, "the pattern `[` cannot be read", None),
            ("[[service]]\nname = \"a\"\nwindows = [\"always\"]\n", 2, "`always` is no window", None),
            (
                "[[service]]\nname = \"a\"\nidentities = [{ provider = \"aws\" }]\n",
                2,
                "neither `account` nor `subject`",
                None,
            ),
            (
                &format!(
                    "{team}[[person]]\nname = \"k\"\n[[service]]\nname = \"a\"\nteam = \"payments\"\nperson = \"k\"\n"
                ),
                6,
                "a `team` and a `person`",
                None,
            ),
            ("[freeze]\nfrom = \"2026-02-01\"\nuntil = \"2026-01-01\"\n", 2, "ends before it begins", None),
        ] {
            wrong(text, line, what, help);
        }
        assert_eq!(
            fails("[[team]]\nnam = \"x\"\n").to_string(),
            "owners.toml:2: unknown field `nam`\n  help: did you mean `name`?"
        );
    }

    #[test]
    fn repositories_paths_and_hosts_fit_as_they_are_written() {
        let text = "[[service]]\nname = \"a\"\nrepositories = [\"github.com/acme/shop\", \"github.com/acme/x-*\"]\n\
                    paths = [\"services/a\", \"deploy/*/a.yaml\"]\nhosts = [\"db.internal:5432\", \"api.internal\"]\n";
        let catalog = Catalog::parse(text).unwrap();
        let a = catalog.service("a").unwrap();
        for (name, fits) in [
            ("github.com/acme/shop", true),
            ("GitHub.com/Acme/shop", true),
            ("github.com/acme/x-1", true),
            ("github.com/acme/shop2", false),
            ("github.com/acme/x-1/y", false),
            ("evil/github.com/acme/shop", false),
        ] {
            assert_eq!(a.has_repository(name.as_bytes()), fits, "{name}");
        }
        for (path, fits) in [
            ("services/a/x/y", true),
            ("services/a", true),
            ("services/ab/x", false),
            ("deploy/prod/a.yaml", true),
            ("deploy/a/b/a.yaml", false),
            ("x/services/a/y", false),
        ] {
            assert_eq!(a.has_path(path.as_bytes()), Some(fits), "{path}");
        }
        for (host, fits) in [
            ("db.internal:5432", true),
            ("DB.internal:5432", true),
            ("db.internal:5433", false),
            ("db.internal", false),
            ("api.internal", true),
            ("api.internal:443", true),
            ("x.api.internal", false),
        ] {
            assert_eq!(a.has_host(host), fits, "{host}");
        }
    }
}

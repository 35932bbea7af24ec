//! Finds the people and teams of the organisation's record by what commits, forges and catalogs call them.

use super::catalog::{Catalog, Person, Team};
use super::codeowners::{Dialect, Written};
use crate::model::Untrusted;
use crate::model::owner::{Owner, OwnerKind};

/// How much of a `.mailmap` is read, in bytes.
const LARGEST_MAILMAP: usize = 1 << 20;

impl Catalog {
    /// The person with an address, upper and lower case alike. The address that GitHub gives to those who hide theirs
    /// (`1234+kim@users.noreply.github.com`) stands for the account.
    #[must_use]
    pub fn person_by_address(&self, address: &str) -> Option<&Person> {
        let known = |person: &&Person| person.addresses.iter().any(|a| a.eq_ignore_ascii_case(address));
        let hidden = || {
            let (local, host) = address.rsplit_once('@')?;
            let host = host.to_ascii_lowercase();
            let provider = host.strip_prefix("users.noreply.")?.strip_suffix(".com")?;
            let login = local.split_once('+').map_or(local, |(_, login)| login);
            self.person_by_account(provider, login)
        };
        self.people.iter().find(known).or_else(hidden)
    }

    /// The person with an account of a provider, upper and lower case alike.
    #[must_use]
    pub fn person_by_account(&self, provider: &str, login: &str) -> Option<&Person> {
        let is_it = |account: &String| {
            account
                .split_once(':')
                .is_some_and(|(p, l)| p.eq_ignore_ascii_case(provider) && l.eq_ignore_ascii_case(login))
        };
        self.people.iter().find(|person| person.forge.iter().any(is_it))
    }

    /// The person of a commit's author, as `Name <address>`. The address decides: names are not unique, and both are
    /// whatever the author's git was told.
    #[must_use]
    pub fn person_by_author(&self, author: &str) -> Option<&Person> {
        match author.rsplit_once('<').map(|(_, rest)| rest.trim_end_matches('>').trim()) {
            Some(address) if !address.is_empty() => self.person_by_address(address),
            _ => None,
        }
    }

    /// The team that a source calls so: by its name, or by one of its aliases, with or without the `@`.
    #[must_use]
    pub fn team_by_alias(&self, alias: &str) -> Option<&Team> {
        let bare = |text: &str| text.strip_prefix('@').unwrap_or(text).to_lowercase();
        let wanted = bare(alias);
        let known = |team: &&Team| team.forge.iter().any(|a| bare(a) == wanted);
        self.teams.iter().find(known).or_else(|| self.teams.iter().find(|team| team.name.to_lowercase() == wanted))
    }

    /// The owner that a CODEOWNERS file names, as the record calls it where it knows it. Nobody for a role.
    #[must_use]
    pub fn owner_of_written(&self, written: &Written, dialect: Dialect) -> Option<Owner> {
        let provider = match dialect {
            Dialect::GitHub => "github",
            Dialect::GitLab => "gitlab",
            Dialect::Bitbucket => "bitbucket",
        };
        match written {
            Written::Role(_) => None,
            Written::Email(address) => Some(self.owner_of_person(self.person_by_address(address), address)),
            Written::Account(name) => {
                let team = self.team_by_alias(name).map(|team| owner(OwnerKind::Team, &team.name));
                let login = name.strip_prefix('@').unwrap_or(name);
                let person = || self.person_by_account(provider, login).map(|p| owner(OwnerKind::Person, &p.name));
                team.or_else(person).or_else(|| Some(owner(written.kind(), name)))
            }
        }
    }

    /// The owner that a label or a catalog names: `payments`, `group:default/payments`, `user:kim`, an address.
    #[must_use]
    pub fn owner_of_reference(&self, text: &str) -> Owner {
        if let Some(team) = self.team_by_alias(text) {
            return owner(OwnerKind::Team, &team.name);
        }
        let (kind, rest) = text.split_once(':').unwrap_or(("", text));
        let name = rest.rsplit_once('/').map_or(rest, |(_, name)| name);
        let is_person = kind.eq_ignore_ascii_case("user") || (kind.is_empty() && name.contains('@'));
        if is_person {
            let same = |person: &&Person| person.name.eq_ignore_ascii_case(name);
            let account = |p: &&Person| {
                p.forge.iter().any(|a| a.split_once(':').is_some_and(|(_, l)| l.eq_ignore_ascii_case(name)))
            };
            let person = self.person_by_address(name);
            let person = person.or_else(|| self.people.iter().find(same)).or_else(|| self.people.iter().find(account));
            return self.owner_of_person(person, text);
        }
        let team = self.team_by_alias(name).map(|team| team.name.as_str());
        owner(OwnerKind::Team, team.unwrap_or(text))
    }

    /// The owner that a person of the record is, else one by that text.
    pub(super) fn owner_of_person(&self, person: Option<&Person>, text: &str) -> Owner {
        owner(OwnerKind::Person, person.map_or(text, |person| &person.name))
    }

    /// Since when an owner is gone, where the record says so at `now`. Both in seconds since 1970 UTC; teams stay.
    #[must_use]
    pub fn departed(&self, owner: &Owner, now: i64) -> Option<i64> {
        let name = std::str::from_utf8(owner.name.raw()).ok().filter(|_| owner.kind == OwnerKind::Person)?;
        self.person(name)?.departed(now)
    }
}

pub(super) fn owner(kind: OwnerKind, name: &str) -> Owner {
    Owner { kind, name: Untrusted::from(name) }
}

/// The address that a repository's `.mailmap` gives for the address of a commit. It is a hint, as the commit itself is.
pub(super) fn mapped(text: &[u8], address: &str) -> Option<String> {
    let text = text.get(..LARGEST_MAILMAP).unwrap_or(text);
    for line in text.split(|b| *b == b'\n').filter(|line| line.len() < 1024) {
        let line = String::from_utf8_lossy(line.split(|b| *b == b'#').next().unwrap_or_default());
        let addresses: Vec<&str> =
            line.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(a, _)| a.trim()).collect();
        if let [proper, commit] = addresses.as_slice()
            && commit.eq_ignore_ascii_case(address)
        {
            return Some((*proper).to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        Catalog::parse(
            "[[team]]\nname = \"payments\"\nforge = [\"@acme/pay\"]\n[[person]]\nname = \"Kim\"\n\
             addresses = [\"kim@acme.example\"]\nforge = [\"github:kim\"]\nleft = \"2026-03-01\"\n",
        )
        .unwrap()
    }

    #[test]
    fn authors_are_found_by_their_address_and_by_nothing_else() {
        let catalog = catalog();
        for (author, found) in [
            ("Kim <kim@acme.example>", true),
            ("Someone <KIM@acme.example>", true),
            ("x <12+kim@users.noreply.github.com>", true),
            ("x <kim@users.noreply.github.com>", true),
            ("x <kim@users.noreply.gitlab.com>", false),
            ("Kim <kim@evil.example>", false),
            ("Kim", false),
            ("Kim <>", false),
            ("", false),
        ] {
            assert_eq!(catalog.person_by_author(author).is_some(), found, "{author}");
        }
    }

    #[test]
    fn names_become_those_of_the_record_where_it_knows_them() {
        let catalog = catalog();
        let written =
            |text: &str| catalog.owner_of_written(&Written::Account(text.to_owned()), Dialect::GitHub).unwrap();
        assert_eq!(written("@ACME/pay"), owner(OwnerKind::Team, "payments"));
        assert_eq!(written("@kim"), owner(OwnerKind::Person, "Kim"));
        assert_eq!(written("@acme/other"), owner(OwnerKind::Team, "@acme/other"));
        assert_eq!(
            catalog.owner_of_written(&Written::Account("@kim".to_owned()), Dialect::GitLab).unwrap().name.raw(),
            b"@kim"
        );
        assert_eq!(catalog.owner_of_written(&Written::Role("@@owner".to_owned()), Dialect::GitLab), None);
        for (text, kind, name) in [
            ("group:default/payments", OwnerKind::Team, "payments"),
            ("Payments", OwnerKind::Team, "payments"),
            ("user:default/kim", OwnerKind::Person, "Kim"),
            ("user:ann", OwnerKind::Person, "user:ann"),
            ("kim@acme.example", OwnerKind::Person, "Kim"),
            ("other", OwnerKind::Team, "other"),
        ] {
            assert_eq!(catalog.owner_of_reference(text), owner(kind, name), "{text}");
        }
    }

    #[test]
    fn a_mailmap_gives_the_address_that_stands_for_another() {
        let map = b"# people\nKim <kim@acme.example> <kim@home.example>\nAnn <ann@x> # <kim@home.example>\n\xff <a> <b> <c>\n<\n";
        assert_eq!(mapped(map, "KIM@home.example").as_deref(), Some("kim@acme.example"));
        assert_eq!(mapped(map, "ann@x"), None);
        assert_eq!(mapped(map, "b"), None);
    }

    #[test]
    fn who_has_left_is_known_from_that_day_on() {
        let catalog = catalog();
        let kim = owner(OwnerKind::Person, "Kim");
        let day = 1_772_323_200;
        assert_eq!((catalog.departed(&kim, day - 1), catalog.departed(&kim, day)), (None, Some(day)));
        assert_eq!(catalog.departed(&owner(OwnerKind::Team, "Kim"), day), None);
    }
}

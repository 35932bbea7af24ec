//! Who may own a credential: every claim, from everything that says something of it.

use super::catalog::Catalog;
use super::codeowners::{Codeowners, Dialect};
use super::fits::{fits, places};
use super::history::Told;
use super::people::{mapped, owner};
use super::{Asked, backstage, kubernetes, text};
use crate::model::case::Place;
use crate::model::owner::{Claim, ClaimSource, Owner, OwnerKind, Strength, Subject};
use crate::model::{Identity, Part, Untrusted};

/// The most claims of one credential; the strongest are kept.
pub const MOST_CLAIMS: usize = 256;
/// How often the same is claimed by one source, at different places.
const SAME: usize = 4;

/// Every claim, the strongest first, then by owner, source and place. The same owner of the same source and strength is
/// there at most four times. Who has left is marked, and still there.
///
/// Names are those of the organisation's record where it knows them.
#[must_use]
pub fn claims(asked: &Asked<'_>, catalog: &Catalog) -> Vec<Claim> {
    let mut found = Claims { asked, catalog, all: Vec::new() };
    for fit in fits(asked, catalog) {
        if let Some(owner) = &fit.service.owner {
            found.add(owner.clone(), ClaimSource::Catalog, fit.strength, fit.place, fit.at);
        }
    }
    found.of_provider();
    for place in places(asked) {
        found.author(place);
        if matches!(place.part, Part::File | Part::FileName) {
            found.codeowners(place);
            found.backstage(place);
            found.kubernetes(place);
        }
    }
    found.end()
}

struct Claims<'a> {
    asked: &'a Asked<'a>,
    catalog: &'a Catalog,
    all: Vec<Claim>,
}

impl Claims<'_> {
    fn add(&mut self, owner: Owner, source: ClaimSource, strength: Strength, place: Untrusted, at: i64) {
        let departed = self.catalog.departed(&owner, self.asked.now);
        self.all.push(Claim { owner, source, strength, place, at, departed });
    }

    fn hint(&mut self, owner: Owner, source: ClaimSource, place: &str, at: i64) {
        self.add(owner, source, Strength::Hint, Untrusted::from(place), at);
    }

    fn end(mut self) -> Vec<Claim> {
        fn key(c: &Claim) -> (std::cmp::Reverse<Strength>, &Owner, ClaimSource) {
            (std::cmp::Reverse(c.strength), &c.owner, c.source)
        }
        self.all.sort_by(|a, b| (key(a), &a.place, a.at).cmp(&(key(b), &b.place, b.at)));
        self.all.dedup();
        let mut kept: Vec<Claim> = Vec::new();
        for claim in self.all {
            let same = kept.iter().rev().take_while(|k| key(k) == key(&claim)).count();
            if same < SAME && kept.len() < MOST_CLAIMS {
                kept.push(claim);
            }
        }
        kept
    }

    /// The identity itself: a person of the record where its account is that person's; else a hint, a name that somebody
    /// may know.
    fn of_provider(&mut self) {
        let Some(subject) = self.asked.identity.and_then(|identity| identity.subject.as_ref()) else { return };
        let subject = text(subject);
        let place = format!("{subject}, told by {} at {}", self.asked.recipe, self.asked.host);
        let by_account = self.catalog.person_by_account(self.asked.provider, &subject);
        let (person, strength) = match by_account {
            Some(person) => (Some(person), Strength::Confirmed),
            None => {
                // An address is often what a user of the provider typed in.
                let person = self.catalog.person_by_address(&subject).filter(|_| subject.contains('@'));
                (person, if person.is_some() { Strength::Asserted } else { Strength::Hint })
            }
        };
        let owner = self.catalog.owner_of_person(person, &subject);
        self.add(owner, ClaimSource::Provider, strength, Untrusted::from(place.as_str()), self.asked.identity_at);
    }

    fn author(&mut self, place: &Place) {
        let Some(commit) = &place.commit else { return };
        let author = text(&commit.author);
        if author.trim().is_empty() {
            return;
        }
        let mut person = self.catalog.person_by_author(&author);
        if person.is_none() && !self.catalog.people.is_empty() {
            let address = author.rsplit_once('<').map(|(_, rest)| rest.trim_end_matches('>').to_owned());
            let map = self.asked.files.before(place, ".mailmap");
            let proper = address.zip(map).and_then(|(address, map)| mapped(&map.text, &address));
            person = proper.and_then(|address| self.catalog.person_by_address(&address));
        }
        let owner = self.catalog.owner_of_person(person, &author);
        self.hint(owner, ClaimSource::Author, &format!("commit {}", commit.id), commit.date);
    }

    fn codeowners(&mut self, place: &Place) {
        let forge = Dialect::of_repository(place.repository.raw());
        let files = Dialect::places(forge).into_iter();
        // The first that is there counts, whatever it says.
        let found = files.map(|file| (file, self.asked.files.before(place, file))).find(|(_, told)| told.is_some());
        let Some((file, Some(told))) = found else { return };
        let dialect = Dialect::of_file(place.repository.raw(), file, &told.text);
        let owned = Codeowners::parse(&told.text, dialect).and_then(|owners| owners.of(place.path.raw()));
        for owned in owned.unwrap_or_default() {
            for written in &owned.owners {
                if let Some(owner) = self.catalog.owner_of_written(written, dialect) {
                    self.hint(owner, ClaimSource::Codeowners, &at(file, Some(owned.line), &told), told.at);
                }
            }
        }
    }

    fn backstage(&mut self, place: &Place) {
        let files = backstage::places(place.path.raw()).into_iter();
        let mut told = files.filter_map(|file| self.asked.files.before(place, &file).map(|told| (file, told)));
        let Some((file, told)) = told.next() else { return };
        for entity in backstage::entities(&told.text).unwrap_or_default() {
            let Some(owner) = entity.owner.filter(|owner| !owner.trim().is_empty()) else { continue };
            let owner = self.catalog.owner_of_reference(&owner);
            self.hint(owner, ClaimSource::Backstage, &at(&file, None, &told), told.at);
        }
    }

    fn kubernetes(&mut self, place: &Place) {
        let Some(path) = std::str::from_utf8(place.path.raw()).ok().filter(|p| kubernetes::may_be(p.as_bytes())) else {
            return;
        };
        let Some(told) = self.asked.files.before(place, path) else { return };
        for manifest in kubernetes::manifests(&told.text, &self.catalog.labels).unwrap_or_default() {
            let place = at(path, None, &told);
            for (_, value) in &manifest.owners {
                self.hint(self.catalog.owner_of_reference(value), ClaimSource::Kubernetes, &place, told.at);
            }
            // Mostly these are tools and applications; a team of the record is one.
            for value in manifest.managed_by.iter().chain(&manifest.part_of).chain(&manifest.application) {
                if let Some(team) = self.catalog.team_by_alias(value) {
                    self.hint(owner(OwnerKind::Team, &team.name), ClaimSource::Kubernetes, &place, told.at);
                }
            }
        }
    }
}

/// A file at a commit, for people.
pub(super) fn at(file: &str, line: Option<usize>, told: &Told) -> String {
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    let commit: String = told.commit.to_string().chars().take(12).collect();
    format!("{file}{line} at {commit}")
}

/// Whether the identity that a provider reports is the one that the owner's records mean (requirement 34): a match where
/// one of them names an identity that fits, a mismatch where they name identities of that provider and none fits. A
/// person's own accounts count as such. Where the answer says too little to compare, it is not known.
#[must_use]
pub fn subject(identity: Option<&Identity>, provider: &str, catalog: &Catalog, owner: &Owner) -> Subject {
    let Some(identity) = identity.filter(|i| i.subject.is_some() || i.account.is_some()) else {
        return Subject::Unknown;
    };
    let services = catalog.services.iter().filter(|service| service.owner.as_ref() == Some(owner));
    let known = services.flat_map(|s| &s.identities).filter(|known| known.provider == provider);
    let mut told: Vec<Option<bool>> = known.map(|known| known.fits(identity)).collect();
    if owner.kind == OwnerKind::Person {
        let person = catalog.person(&text(&owner.name));
        let accounts = person.into_iter().flat_map(|p| &p.forge).filter_map(|account| account.split_once(':'));
        let login = |login: &str| identity.subject.as_ref().map(|s| text(s).eq_ignore_ascii_case(login));
        told.extend(accounts.filter(|(p, _)| p.eq_ignore_ascii_case(provider)).map(|(_, known)| login(known)));
    }
    match () {
        () if told.contains(&Some(true)) => Subject::Match,
        () if told.is_empty() || told.contains(&None) => Subject::Unknown,
        () => Subject::Mismatch,
    }
}

//! Which services of the organisation's record a credential belongs to, and how far that can be relied on.

use super::catalog::{Catalog, Service};
use super::{Asked, text};
use crate::model::Untrusted;
use crate::model::case::Place;
use crate::model::owner::Strength;

/// The most places that are looked at for one credential.
pub(super) const MOST_PLACES: usize = 64;

/// A service that a credential belongs to.
#[derive(Clone, Debug)]
pub struct Fit<'c> {
    /// The service.
    pub service: &'c Service,
    /// How far it can be relied on.
    pub strength: Strength,
    /// Where its record stands, and what of it fits.
    pub place: Untrusted,
    /// When the record, or the provider's answer, is from: the older of both, in seconds since 1970 UTC.
    pub at: i64,
}

/// The services that a credential belongs to, each once and for its strongest reason; the strongest first, then in the
/// order of the record.
///
/// - The identity that the provider reports is one of the record's: confirmed. Where one record names the subject and
///   another all of the account, the first counts.
/// - It stands in a repository and at a path of the record's: asserted where the repository's name was proved, else a
///   hint, since the name is what the repository's own configuration says. Where several services share a repository,
///   those that name its paths count.
/// - It opens a host of the record's: asserted where that host answered for it, else a hint.
/// - It has the name of one of the record's variables: a hint, since a scanned text gave it that name.
#[must_use]
pub fn fits<'c>(asked: &Asked<'_>, catalog: &'c Catalog) -> Vec<Fit<'c>> {
    let mut found: Vec<Fit<'c>> = Vec::new();
    by_identity(asked, catalog, &mut found);
    by_place(asked, catalog, &mut found);
    let answered = asked.identity.is_some_and(|identity| !identity.is_empty());
    for service in &catalog.services {
        if !asked.host.is_empty() && service.has_host(asked.host) {
            let strength = if answered { Strength::Asserted } else { Strength::Hint };
            found.push(fit(catalog, service, strength, &format!("host {}", asked.host)));
        }
        let name = asked.names.iter().find(|name| service.secrets.iter().any(|s| s.as_bytes() == name.raw()));
        if let Some(name) = name {
            found.push(fit(catalog, service, Strength::Hint, &format!("variable {}", text(name))));
        }
    }
    found.sort_by_key(|fit| (std::cmp::Reverse(fit.strength), fit.service.line));
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|fit| seen.insert(fit.service.line));
    found
}

fn by_identity<'c>(asked: &Asked<'_>, catalog: &'c Catalog, found: &mut Vec<Fit<'c>>) {
    let Some(identity) = asked.identity else { return };
    let known = |service: &'c Service| {
        let of_provider = service.identities.iter().filter(|known| known.provider == asked.provider);
        let fitting = of_provider.filter(|known| known.fits(identity) == Some(true));
        fitting.map(|known| known.names_subject()).max().map(|exact| (service, exact))
    };
    let services: Vec<(&Service, bool)> = catalog.services.iter().filter_map(known).collect();
    let exact = services.iter().any(|(_, exact)| *exact);
    let who = identity.subject.as_ref().or(identity.account.as_ref()).map(text).unwrap_or_default();
    for (service, _) in services.into_iter().filter(|(_, of_subject)| *of_subject == exact) {
        let mut fit = fit(catalog, service, Strength::Confirmed, &format!("identity {who}, told by {}", asked.recipe));
        fit.at = fit.at.min(asked.identity_at);
        found.push(fit);
    }
}

fn by_place<'c>(asked: &Asked<'_>, catalog: &'c Catalog, found: &mut Vec<Fit<'c>>) {
    for place in places(asked) {
        let strength = if (asked.proved)(place) { Strength::Asserted } else { Strength::Hint };
        let here = catalog.services.iter().filter(|service| service.has_repository(place.repository.raw()));
        let here: Vec<(&Service, Option<bool>)> = here.map(|s| (s, s.has_path(place.path.raw()))).collect();
        let by_path = here.iter().any(|(_, path)| *path == Some(true));
        let wanted = if by_path { Some(true) } else { None };
        for (service, _) in here.into_iter().filter(|(_, path)| *path == wanted) {
            let what = if by_path { "repository and path" } else { "repository" };
            found.push(fit(catalog, service, strength, &format!("{what} {}", text(&place.repository))));
        }
    }
}

/// The places that are looked at: each file once.
pub(super) fn places<'a>(asked: &Asked<'a>) -> Vec<&'a Place> {
    let mut seen = std::collections::BTreeSet::new();
    let key = |p: &Place| (p.root.clone(), p.repository.clone(), p.path.clone(), p.commit.as_ref().map(|c| c.id));
    asked.places.iter().filter(|place| seen.insert(key(place))).take(MOST_PLACES).collect()
}

fn fit<'c>(catalog: &Catalog, service: &'c Service, strength: Strength, why: &str) -> Fit<'c> {
    let place = Untrusted::from(format!("owners.toml:{} `{}`, by its {why}", service.line, service.name).as_str());
    Fit { service, strength, place, at: catalog.at(service) }
}

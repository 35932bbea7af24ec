//! The hosts that an administrator listed, and the places that may be asked.

use std::collections::BTreeMap;
use std::net::IpAddr;

use url::{Host, Url};

use super::address::Trust;

/// A place that a credential may be sent to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Name or address.
    pub host: Host<String>,
    /// Port.
    pub port: u16,
    /// On whose word.
    pub trust: Trust,
    /// Whether it is spoken to by TLS. Only an address of this machine may be spoken to without.
    pub tls: bool,
    /// What stands before a request's path: an endpoint may lie below one. Without a `/` at its end.
    pub base: String,
    /// The account to log in as, where the list names one.
    pub user: Option<String>,
}

impl Place {
    /// `host:port`, for people and for keys of caches.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether it is this machine, by its address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Ipv4(v4) => v4.is_loopback(),
            Host::Ipv6(v6) => v6.is_loopback(),
            Host::Domain(name) => name == "localhost",
        }
    }
}

/// What stands under `[endpoints]`.
#[derive(Clone, Debug, Default)]
pub struct Endpoints(BTreeMap<String, Vec<Listed>>);

/// One entry.
#[derive(Clone, Debug)]
enum Listed {
    /// A whole address, in place of a provider's.
    Address(Place),
    /// A host, or all below one, that a credential may name.
    Host { user: Option<String>, host: HostPattern, port: Option<u16> },
}

#[derive(Clone, Debug)]
enum HostPattern {
    Is(Host<String>),
    Below(String),
}

/// Why an entry cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Neither a URL nor a host.
    #[error(
        "`{0}` is neither a URL nor a host; write `https://git.example.com`, `db.example.com:5432` or `*.db.internal`"
    )]
    Form(String),
    /// Without TLS.
    #[error(
        "`{0}` would send credentials in the clear; write `https://`: only an address of this machine may do without"
    )]
    Clear(String),
    /// All hosts of a suffix that everybody may register below.
    #[error("`{0}` stands for hosts of everybody; name the domain that is yours, such as `*.example.com`")]
    Wide(String),
    /// A login in the URL.
    #[error("`{0}` holds a login; write the address alone")]
    Login(String),
}

impl Endpoints {
    /// Reads the entries, by provider or protocol.
    ///
    /// # Errors
    /// The first that cannot be used, with what to write.
    pub fn new<'e>(entries: impl Iterator<Item = (&'e str, &'e [String])>) -> Result<Self, EndpointError> {
        let mut all = BTreeMap::new();
        for (key, values) in entries {
            let listed = values.iter().map(|value| listed(value)).collect::<Result<Vec<_>, _>>()?;
            all.insert(key.to_owned(), listed);
        }
        Ok(Self(all))
    }

    /// The names of the entries.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn under<'k>(&'k self, keys: &'k [&str]) -> impl Iterator<Item = &'k Listed> {
        keys.iter().filter_map(|key| self.0.get(*key)).flatten()
    }

    /// Whether all entries of a name are addresses, and whether all are hosts.
    #[must_use]
    pub fn forms(&self, key: &str) -> (bool, bool) {
        let all = self.0.get(key).map(Vec::as_slice).unwrap_or_default();
        let is_address = |listed: &Listed| matches!(listed, Listed::Address(_));
        (all.iter().all(is_address), !all.iter().any(is_address))
    }

    /// The addresses that stand in place of a provider's own.
    #[must_use]
    pub fn addresses(&self, keys: &[&str]) -> Vec<Place> {
        let address = |listed: &Listed| match listed {
            Listed::Address(place) => Some(place.clone()),
            Listed::Host { .. } => None,
        };
        self.under(keys).filter_map(address).collect()
    }

    /// The place that a credential names, if it is listed.
    #[must_use]
    pub fn named(&self, keys: &[&str], host: &Host<String>, port: u16) -> Option<Place> {
        self.under(keys).find_map(|listed| {
            let Listed::Host { user, host: pattern, port: only } = listed else { return None };
            let fits = pattern.fits(host) && only.is_none_or(|only| only == port);
            fits.then(|| pattern.place(host.clone(), port, user.clone()))
        })
    }

    /// Every host that is listed whole, for credentials that name none.
    #[must_use]
    pub fn whole(&self, keys: &[&str], port: u16) -> Vec<Place> {
        let place = |listed: &Listed| match listed {
            Listed::Host { user, host: HostPattern::Is(host), port: own } => {
                let pattern = HostPattern::Is(host.clone());
                Some(pattern.place(host.clone(), own.unwrap_or(port), user.clone()))
            }
            _ => None,
        };
        self.under(keys).filter_map(place).collect()
    }

    /// Every entry, for a firewall's list: key and host with port, where they are known.
    pub fn told(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().flat_map(|(key, all)| {
            all.iter().map(move |listed| {
                let text = match listed {
                    Listed::Address(place) => place.authority(),
                    Listed::Host { host, port, .. } => {
                        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                        match host {
                            HostPattern::Is(host) => format!("{host}{port}"),
                            HostPattern::Below(parent) => format!("*.{parent}{port}"),
                        }
                    }
                };
                (key.as_str(), text)
            })
        })
    }
}

impl HostPattern {
    fn fits(&self, host: &Host<String>) -> bool {
        match (self, host) {
            (Self::Is(own), host) => own == host,
            (Self::Below(parent), Host::Domain(name)) => {
                name.strip_suffix(parent.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            (Self::Below(_), _) => false,
        }
    }

    fn place(&self, host: Host<String>, port: u16, user: Option<String>) -> Place {
        let trust = trust(&host, matches!(self, Self::Is(_)));
        Place { host, port, trust, tls: true, base: String::new(), user }
    }
}

/// What a listed host may be.
fn trust(host: &Host<String>, whole: bool) -> Trust {
    let literal = match host {
        Host::Domain(name) => name == "localhost",
        _ => true,
    };
    if literal && whole { Trust::Literal } else { Trust::Listed }
}

/// Reads a host as browsers do, so that every spelling of an address is that address.
#[must_use]
pub fn host(text: &str) -> Option<Host<String>> {
    let host = Host::parse(text.trim_end_matches('.')).ok()?;
    match &host {
        Host::Domain(name) if name.is_empty() || name.contains(['%', '*']) => None,
        _ => Some(host),
    }
}

/// Reads `host`, `host:port` or `[v6]:port`.
#[must_use]
pub fn host_and_port(text: &str) -> Option<(Host<String>, Option<u16>)> {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') && !name.contains(':') || name.ends_with(']') => {
            (name, Some(port.parse().ok()?))
        }
        _ => (text, None),
    };
    Some((host(name)?, port))
}

fn listed(text: &str) -> Result<Listed, EndpointError> {
    let form = || EndpointError::Form(shown(text));
    if text.contains("://") {
        return address(text).map(Listed::Address);
    }
    let (user, rest) = text.rsplit_once('@').map_or((None, text), |(user, rest)| (Some(user.to_owned()), rest));
    if user.as_ref().is_some_and(|user| user.is_empty() || user.contains(':')) {
        return Err(EndpointError::Login(shown(text)));
    }
    if let Some(below) = rest.strip_prefix("*.") {
        let (parent, port) = host_and_port(below).ok_or_else(form)?;
        let Host::Domain(parent) = parent else { return Err(form()) };
        if !parent.contains('.') && !INNER.contains(&parent.as_str()) {
            return Err(EndpointError::Wide(text.to_owned()));
        }
        return Ok(Listed::Host { user, host: HostPattern::Below(parent), port });
    }
    let (host, port) = host_and_port(rest).ok_or_else(form)?;
    Ok(Listed::Host { user, host: HostPattern::Is(host), port })
}

/// Suffixes of one label that nobody can register below.
const INNER: &[&str] =
    &["internal", "local", "lan", "intranet", "corp", "home", "private", "test", "localdomain", "localhost"];

/// An entry as it may be told: without what stands before the `@` or behind a `?` or `#`.
#[must_use]
pub fn shown(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    text.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, rest)| format!("…@{rest}"))
}

fn address(text: &str) -> Result<Place, EndpointError> {
    let form = || EndpointError::Form(shown(text));
    let url = Url::parse(text).map_err(|_| form())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EndpointError::Login(shown(text)));
    }
    let (Some(host), Some(port)) = (url.host().map(|host| host.to_owned()), url.port_or_known_default()) else {
        return Err(form());
    };
    if url.query().is_some() || url.fragment().is_some() || !matches!(url.scheme(), "https" | "http") {
        return Err(form());
    }
    let trust = trust(&host, true);
    let base = url.path().trim_end_matches('/').to_owned();
    let place = Place { host, port, trust, tls: url.scheme() == "https", base, user: None };
    if !place.tls && !place.is_loopback() {
        return Err(EndpointError::Clear(text.to_owned()));
    }
    Ok(place)
}

/// An address as a whole host of a provider.
#[must_use]
pub fn public(host: Host<String>) -> Place {
    Place { host, port: 443, trust: Trust::Public, tls: true, base: String::new(), user: None }
}

/// The address of a host that is one already.
#[must_use]
pub fn literal(host: &Host<String>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(v4) => Some((*v4).into()),
        Host::Ipv6(v6) => Some((*v6).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(key: &str, values: &[&str]) -> Result<Endpoints, EndpointError> {
        let values: Vec<String> = values.iter().map(|v| (*v).to_owned()).collect();
        Endpoints::new([(key, values.as_slice())].into_iter())
    }

    #[test]
    fn only_listed_hosts_are_places() {
        let listed = endpoints("postgres", &["*.db.internal", "10.1.2.3:5433", "localhost"]).unwrap();
        let place = |text: &str| {
            let (host, port) = host_and_port(text)?;
            listed.named(&["postgres"], &host, port.unwrap_or(5432))
        };
        assert_eq!(place("a.db.internal").map(|p| (p.trust, p.port)), Some((Trust::Listed, 5432)));
        assert_eq!(place("10.1.2.3:5433").map(|p| p.trust), Some(Trust::Literal));
        assert_eq!(place("0x0a010203:5433").map(|p| p.trust), Some(Trust::Literal), "the same address");
        assert_eq!(place("localhost:1").map(|p| p.trust), Some(Trust::Literal));
        for other in [
            "db.internal",
            ".db.internal",
            "evil-db.internal",
            "a.db.internal.evil.net",
            "10.1.2.3",
            "127.0.0.1",
            "0x7f.1",
        ] {
            assert_eq!(place(other), None, "{other}");
        }
        assert!(listed.named(&["mysql"], &host("a.db.internal").unwrap(), 1).is_none());
        assert_eq!(listed.whole(&["postgres"], 5432).len(), 2);
    }

    #[test]
    fn credentials_go_in_the_clear_to_this_machine_alone() {
        for clear in ["http://git.example.com", "http://10.0.0.1", "http://127.0.0.1.nip.io"] {
            assert!(matches!(endpoints("gitlab", &[clear]), Err(EndpointError::Clear(_))), "{clear}");
        }
        for bad in ["https://", "ftp://x", "https://u:p@x", "a b", "*.10.0.0.1", "https://x/?a=b", "user:pass@host"] {
            assert!(endpoints("gitlab", &[bad]).is_err(), "{bad}");
        }
        let place = &endpoints("gitlab", &["https://git.example.com:8443/api/"]).unwrap().addresses(&["gitlab"])[0];
        assert_eq!((place.authority().as_str(), place.base.as_str()), ("git.example.com:8443", "/api"));
        assert!(endpoints("vault", &["http://127.0.0.1:8200"]).is_ok());
    }
}

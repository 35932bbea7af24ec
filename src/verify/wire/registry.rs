//! Registries of containers: the dance of the distribution protocol. `/v2/` says where tokens come from, and a token is asked
//! for with the login; a registry that takes the login itself is asked once more with it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;
use zeroize::Zeroizing;

use super::{outcome, user_or_none};
use crate::model::Why;
use crate::verify::answer::Reply;
use crate::verify::connect::Network;
use crate::verify::endpoints::{Place, host};
use crate::verify::http::{Request, send};
use crate::verify::parts::Parts;

/// Docker Hub's registry and where its tokens come from: one provider.
const HUB: (&str, &str) = ("registry-1.docker.io", "auth.docker.io");

/// Logs in. Outcomes: `accepted`, `wrong` (401), `forbidden` (403), `trusted` (no login is asked for), `limited` (429),
/// `elsewhere` (tokens come from a host that is not the registry's own).
pub(super) async fn login(network: &Network, place: &Place, parts: &Parts) -> Result<Reply, Why> {
    let (name, basic) = basic(place, parts)?;
    let first = send(network, place, get("/v2/".to_owned(), None)).await?;
    if !first.headers.iter().any(|(name, _)| name == "docker-distribution-api-version") && first.status == 200 {
        // Anything may answer so.
        return Err(Why::Unexpected);
    }
    let said = match (first.status, first.header("www-authenticate").and_then(Challenge::read)) {
        (200, _) => return Ok(outcome("trusted")),
        (401, Some(Challenge::Basic)) => send(network, place, get("/v2/".to_owned(), Some(&basic))).await?,
        (401, Some(Challenge::Bearer { realm, service })) => {
            let Some(issuer) = issuer(place, &realm) else { return Ok(outcome("elsewhere")) };
            let said = send(network, &issuer, get(target(&realm, &service, &name), Some(&basic))).await?;
            // A token for nobody is given without a look at the login by some.
            if said.status == 200 && !has_token(&said) {
                return Err(Why::Unexpected);
            }
            said
        }
        (429, _) => return Ok(Reply { status: 429, ..outcome("limited") }),
        (500.., _) => return Err(Why::Outage),
        _ => return Err(Why::Unexpected),
    };
    let mut reply = outcome(match said.status {
        200 => "accepted",
        401 => "wrong",
        403 => "forbidden",
        429 => "limited",
        500.. => return Err(Why::Outage),
        _ => return Err(Why::Unexpected),
    });
    reply.told.insert("user".to_owned(), name);
    Ok(reply)
}

/// Who logs in, and the header that says so: a configuration file has both in one, in base64.
fn basic(place: &Place, parts: &Parts) -> Result<(String, Zeroizing<String>), Why> {
    if let Some(name) = user_or_none(place, parts) {
        let pair = [name.as_bytes(), b":", parts.get("secret").ok_or(Why::PartMissing)?].concat();
        return Ok((name, Zeroizing::new(format!("Basic {}", STANDARD.encode(Zeroizing::new(pair))))));
    }
    let secret = parts.text("secret")?;
    let pair = Zeroizing::new(STANDARD.decode(secret).map_err(|_| Why::Unusable)?);
    let name = pair.split(|b| *b == b':').next().unwrap_or_default();
    Ok((String::from_utf8_lossy(name).into_owned(), Zeroizing::new(format!("Basic {secret}"))))
}

fn get(target: String, login: Option<&str>) -> Request {
    let headers = login.map(|login| ("authorization".to_owned(), login.as_bytes().to_vec())).into_iter().collect();
    Request { method: "GET".to_owned(), target, headers, body: Vec::new() }
}

/// What `WWW-Authenticate` asks for.
#[derive(Debug, PartialEq)]
enum Challenge {
    Basic,
    Bearer { realm: String, service: String },
}

impl Challenge {
    fn read(header: &str) -> Option<Self> {
        let (scheme, rest) = header.split_once(' ')?;
        let field = |name: &str| {
            let (_, after) = rest.split_once(&format!("{name}=\""))?;
            after.split_once('"').map(|(value, _)| value.to_owned())
        };
        if scheme.eq_ignore_ascii_case("basic") {
            Some(Self::Basic)
        } else if scheme.eq_ignore_ascii_case("bearer") {
            Some(Self::Bearer { realm: field("realm")?, service: field("service").unwrap_or_default() })
        } else {
            None
        }
    }
}

/// Where tokens come from, if the registry itself gives them, or Docker's host for its own.
fn issuer(place: &Place, realm: &str) -> Option<Place> {
    let url = Url::parse(realm).ok()?;
    let named = host(url.host_str()?)?;
    let port = url.port_or_known_default()?;
    let same = named == place.host && port == place.port;
    let hub = place.host.to_string() == HUB.0 && named.to_string() == HUB.1 && port == 443;
    let tls = url.scheme() == "https";
    if !(same || hub) || tls != place.tls || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    Some(Place { host: named, port, base: String::new(), ..place.clone() })
}

fn target(realm: &str, service: &str, name: &str) -> String {
    let path = Url::parse(realm).map(|url| url.path().to_owned()).unwrap_or_default();
    let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    format!("{path}?service={}&account={}", escaped(service), escaped(name))
}

fn has_token(said: &Reply) -> bool {
    let body: Option<serde_json::Value> = serde_json::from_slice(&said.body).ok();
    let token =
        |name: &str| body.as_ref().and_then(|b| b.get(name)).and_then(|t| t.as_str()).is_some_and(|t| !t.is_empty());
    token("token") || token("access_token")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::endpoints::public;

    #[test]
    fn tokens_come_from_the_registry_itself() {
        let place = public(host("registry.acme.example").unwrap());
        assert!(issuer(&place, "https://registry.acme.example/token").is_some());
        for other in [
            "https://acme.example/token",
            "ftp://registry.acme.example/token",
            "https://registry.acme.example:8443/token",
            "https://auth.docker.io/token",
            "https://u:p@registry.acme.example/token",
            "token",
        ] {
            assert!(issuer(&place, other).is_none(), "{other}");
        }
        let hub = public(host(HUB.0).unwrap());
        assert!(issuer(&hub, "https://auth.docker.io/token").is_some());
        let header = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#;
        assert!(
            matches!(Challenge::read(header), Some(Challenge::Bearer { service, .. }) if service == "registry.docker.io")
        );
        assert_eq!(Challenge::read("Basic realm=\"x\""), Some(Challenge::Basic));
    }
}

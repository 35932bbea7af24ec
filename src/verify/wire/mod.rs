//! Protocols other than HTTP: each logs in over a connection that `connect` opened, as far as the server says whether the
//! credential is right, and leaves. The outcome has a name, which recipes give a meaning.
//!
//! TLS first: a password goes over a connection in the clear only to this machine ([`Place::is_loopback`]).

mod amqp;
mod ber;
mod ldap;
mod mongodb;
mod mysql;
mod nats;
mod postgres;
mod redis;
mod registry;
mod scram;
mod smtp;
mod ssh;
mod talk;

use std::time::Duration;

use tokio::time::timeout;

use super::answer::Reply;
use super::connect::Network;
use super::endpoints::Place;
use super::parts::Parts;
use crate::model::Why;

/// How long a login may take.
const LOGIN: Duration = Duration::from_secs(10);

/// The port of a protocol where none is named.
#[must_use]
pub fn default_port(protocol: &str) -> u16 {
    match protocol {
        "postgres" => 5432,
        "mysql" => 3306,
        "mongodb" => 27017,
        "redis" => 6379,
        "amqp" => 5671,
        "ldap" => 636,
        "smtp" => 587,
        "nats" => 4222,
        "ssh" => 22,
        _ => 443,
    }
}

/// Logs in with the parts of a credential, which are percent-decoded where they stood in a URL.
///
/// # Errors
/// Why nothing was learnt.
pub async fn ask(protocol: &str, network: &Network, place: &Place, parts: &Parts) -> Result<Reply, Why> {
    let login = async {
        match protocol {
            "amqp" => amqp::login(network, place, parts).await,
            "ldap" => ldap::login(network, place, parts).await,
            "mongodb" => mongodb::login(network, place, parts).await,
            "mysql" => mysql::login(network, place, parts).await,
            "nats" => nats::login(network, place, parts).await,
            "postgres" => postgres::login(network, place, parts).await,
            "redis" => redis::login(network, place, parts).await,
            "registry" => registry::login(network, place, parts).await,
            "smtp" => smtp::login(network, place, parts).await,
            "ssh" => ssh::login(network, place, parts).await,
            _ => Err(Why::Unusable),
        }
    };
    timeout(LOGIN, login).await.map_err(|_| Why::Timeout)?
}

/// A reply with an outcome.
#[must_use]
pub fn outcome(name: &str) -> Reply {
    Reply { outcome: Some(name.to_owned()), ..Reply::default() }
}

/// The account to log in as: the credential's own, else the one that an administrator listed with the host.
fn user_or_none(place: &Place, parts: &Parts) -> Option<String> {
    let own = parts.text("user").ok().filter(|name| !name.is_empty()).map(str::to_owned);
    own.or_else(|| place.user.clone())
}

/// The account to log in as, where there must be one.
fn user(place: &Place, parts: &Parts) -> Result<String, Why> {
    user_or_none(place, parts).ok_or(Why::PartMissing)
}

//! PostgreSQL (frontend/backend protocol 3.0). Messages and SCRAM are `postgres-protocol`'s; the order of them is here,
//! since a client library would answer a server that asks for the password in the clear, and would not tell a login
//! from a server that lets everybody in.

use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{ErrorFields, Header, Message};
use postgres_protocol::message::frontend;

use fallible_iterator::FallibleIterator;

use super::talk::Talk;
use super::{outcome, user};
use crate::model::Why;
use crate::verify::answer::Reply;
use crate::verify::connect::Network;
use crate::verify::endpoints::Place;
use crate::verify::parts::Parts;

/// What is read of a role that is in: nothing that it may not see, and nothing is written.
const WHO: &str = "SELECT current_user, CASE WHEN rolsuper THEN 'superuser' END, current_database(), rolvaliduntil \
                   FROM pg_catalog.pg_roles WHERE rolname = current_user";
/// The names of these, for recipes.
const TOLD: [&str; 4] = ["user", "privilege", "database", "expires"];

/// Logs in and leaves. Outcomes: `accepted`, `trusted` (no password was asked for), `wrong` (28P01: a wrong, an expired
/// and an unknown one alike), `no-login` (right, and the role may not log in), `connection-limit` (right, and no
/// connection is left to the role), `no-connect` (right, and the database is not the role's), `no-host` (the server takes
/// no such login from here), `full`.
pub(super) async fn login(network: &Network, place: &Place, parts: &Parts) -> Result<Reply, Why> {
    let (name, secret) = (user(place, parts)?, parts.get("secret").ok_or(Why::PartMissing)?);
    let mut talk = start_tls(network, place).await?;
    let mut buffer = BytesMut::new();
    // Every server has this database, and what the credential names is not always known.
    let database = parts.text("database").unwrap_or("postgres");
    let startup = [("user", name.as_str()), ("database", database), ("application_name", "quell")];
    frontend::startup_message(startup, &mut buffer).map_err(|_| Why::Unusable)?;
    talk.send(&buffer).await?;
    let mut asked = false;
    let (mut scram, mut proved) = (None, false);
    loop {
        buffer.clear();
        match message(&mut talk).await? {
            Message::AuthenticationOk if !asked => return Ok(outcome("trusted")),
            // A server that was to prove that it knows the password too, and did not.
            Message::AuthenticationOk if scram.is_some() && !proved => return Err(Why::Unexpected),
            Message::AuthenticationOk => break,
            Message::ErrorResponse(body) => return refusal(body.fields(), asked),
            Message::AuthenticationCleartextPassword => {
                talk.may_tell(place)?;
                frontend::password_message(secret, &mut buffer).map_err(|_| Why::Unusable)?;
            }
            Message::AuthenticationMd5Password(body) => {
                talk.may_tell(place)?;
                let hash = md5_hash(name.as_bytes(), secret, body.salt());
                frontend::password_message(hash.as_bytes(), &mut buffer).map_err(|_| Why::Unusable)?;
            }
            Message::AuthenticationSasl(body) => {
                let known = body.mechanisms().any(|one| Ok(one == SCRAM_SHA_256)).map_err(|_| Why::Unexpected)?;
                if !known {
                    return Err(Why::Unexpected);
                }
                let started = ScramSha256::new(secret, ChannelBinding::unsupported());
                frontend::sasl_initial_response(SCRAM_SHA_256, started.message(), &mut buffer)
                    .map_err(|_| Why::Unusable)?;
                scram = Some(started);
            }
            Message::AuthenticationSaslContinue(body) => {
                let started = scram.as_mut().ok_or(Why::Unexpected)?;
                started.update(body.data()).map_err(|_| Why::Unexpected)?;
                frontend::sasl_response(started.message(), &mut buffer).map_err(|_| Why::Unusable)?;
            }
            Message::AuthenticationSaslFinal(body) => {
                // The server knows the password too.
                scram.as_mut().ok_or(Why::Unexpected)?.finish(body.data()).map_err(|_| Why::Unexpected)?;
                proved = true;
                continue;
            }
            _ => return Err(Why::Unexpected),
        }
        asked = true;
        talk.send(&buffer).await?;
    }
    who(&mut talk).await
}

/// Asks for TLS first; a server without it is spoken to only on this machine.
async fn start_tls(network: &Network, place: &Place) -> Result<Talk, Why> {
    let mut talk = Talk::plain(network, place).await?;
    let mut buffer = BytesMut::new();
    frontend::ssl_request(&mut buffer);
    talk.send(&buffer).await?;
    match talk.byte().await? {
        b'S' => talk.secure(network, place).await,
        b'N' => talk.may_tell(place).map(|()| talk),
        _ => Err(Why::Unexpected),
    }
}

/// The next message, notices left out.
async fn message(talk: &mut Talk) -> Result<Message, Why> {
    loop {
        let head = talk.exact(5).await?;
        let header = Header::parse(&head).ok().flatten().ok_or(Why::Unexpected)?;
        let rest = usize::try_from(header.len()).ok().and_then(|len| len.checked_sub(4)).ok_or(Why::Unexpected)?;
        let mut whole = BytesMut::from(head.as_slice());
        whole.extend_from_slice(&talk.exact(rest).await?);
        match Message::parse(&mut whole).map_err(|_| Why::Unexpected)? {
            Some(Message::NoticeResponse(_)) => {}
            Some(message) => return Ok(message),
            None => return Err(Why::Unexpected),
        }
    }
}

/// What an error says (Appendix A of the manual): before a password was asked for it says nothing of one.
fn refusal(mut fields: ErrorFields<'_>, asked: bool) -> Result<Reply, Why> {
    let mut code = String::new();
    let mut routine = String::new();
    while let Some(field) = fields.next().map_err(|_| Why::Unexpected)? {
        match field.type_() {
            b'C' => code = String::from_utf8_lossy(field.value_bytes()).into_owned(),
            b'R' => routine = String::from_utf8_lossy(field.value_bytes()).into_owned(),
            _ => {}
        }
    }
    Ok(outcome(match (code.as_str(), routine.as_str()) {
        ("28P01", _) => "wrong",
        // What is checked after the password; the routine tells a role that may not log in from a missing rule for its host.
        ("28000", "InitializeSessionUserId") if asked => "no-login",
        ("28000", _) => "no-host",
        ("53300", "InitializeSessionUserId") if asked => "connection-limit",
        ("53300", _) | ("57P03", _) => "full",
        ("42501", _) if asked => "no-connect",
        ("3D000", _) if asked => "no-database",
        _ => return Err(Why::Unexpected),
    }))
}

/// Who it is: its own row of the roles.
async fn who(talk: &mut Talk) -> Result<Reply, Why> {
    let mut reply = outcome("accepted");
    let mut buffer = BytesMut::new();
    let mut sent = false;
    loop {
        match message(talk).await? {
            // An error after the login: of the database, or of the limit of connections, which are looked at after it.
            Message::ErrorResponse(body) if !sent => return refusal(body.fields(), true),
            Message::ReadyForQuery(_) if sent => break,
            Message::ReadyForQuery(_) => {
                frontend::query(WHO, &mut buffer).map_err(|_| Why::Unusable)?;
                talk.send(&buffer).await?;
                sent = true;
            }
            Message::DataRow(row) => {
                let ranges: Vec<_> = row.ranges().collect().map_err(|_| Why::Unexpected)?;
                for (name, range) in TOLD.iter().zip(ranges) {
                    let value = range.and_then(|range| row.buffer().get(range));
                    if let Some(value) = value {
                        reply.told.insert((*name).to_owned(), String::from_utf8_lossy(value).into_owned());
                    }
                }
            }
            _ => {}
        }
    }
    buffer.clear();
    frontend::terminate(&mut buffer);
    let _ = talk.send(&buffer).await;
    Ok(reply)
}

//! Redis and what speaks as it does. Of RESP the four forms are read that the three commands here are answered by: a
//! client library carries on as the default user where a login fails, and knows no bound to what a server sends.

use ring::rand::{SecureRandom, SystemRandom};

use super::talk::Talk;
use super::{outcome, user_or_none};
use crate::model::Why;
use crate::verify::answer::Reply;
use crate::verify::connect::Network;
use crate::verify::endpoints::Place;
use crate::verify::parts::Parts;

/// An answer.
#[derive(Debug, PartialEq)]
enum Value {
    Text(Vec<u8>),
    Error(Vec<u8>),
    Other,
}

/// Logs in. Outcomes: `accepted`, `not-permitted` (right, and it may not even ping), `wrong` (WRONGPASS: a wrong password, a
/// user that is off and one that is not there alike), `trusted` (no password is needed), `no-password` (the server knows none).
pub(super) async fn login(network: &Network, place: &Place, parts: &Parts) -> Result<Reply, Why> {
    let (name, secret) = (user_or_none(place, parts), parts.get("secret").ok_or(Why::PartMissing)?);
    let (mut talk, first) = start(network, place).await?;
    talk.may_tell(place)?;
    // A server that lets everybody in as its default user says PONG before any login.
    let of_default = name.as_deref().is_none_or(|name| name == "default");
    match first {
        // Whoever comes is the default user.
        Value::Text(_) if of_default => return Ok(outcome("trusted")),
        Value::Error(error) if starts(&error, &["DENIED"]) => return Ok(outcome("trusted")),
        Value::Text(_) => {}
        Value::Error(error) if starts(&error, &["NOAUTH", "NOPERM"]) => {}
        _ => return Err(Why::Unexpected),
    }
    let mut said = auth(&mut talk, name.as_deref(), secret).await?;
    // Before Redis 6 there were no users, and URLs had a name nevertheless.
    if matches!(&said, Value::Error(e) if starts(e, &["ERR wrong number of arguments"])) {
        said = auth(&mut talk, None, secret).await?;
    }
    match said {
        // Nothing but OK is a login: whoever carries on after an error is somebody else.
        Value::Text(text) if text == b"OK" => {}
        Value::Error(error) => return Ok(outcome(refusal(&error)?)),
        _ => return Err(Why::Unexpected),
    }
    // A user may be let in with any password. Redis locks nobody out, so this user's other passwords can be tried; a login
    // that fails leaves the one before it as it is.
    if let Some(name) = name.as_deref()
        && matches!(auth(&mut talk, Some(name), &other()?).await?, Value::Text(_))
    {
        return Ok(outcome("trusted"));
    }
    let mut reply = match ask(&mut talk, &[b"PING"]).await? {
        Value::Text(_) => outcome("accepted"),
        Value::Error(error) if starts(&error, &["NOPERM"]) => outcome("not-permitted"),
        Value::Error(error) => outcome(refusal(&error)?),
        Value::Other => return Err(Why::Unexpected),
    };
    if let Value::Text(who) = ask(&mut talk, &[b"ACL", b"WHOAMI"]).await? {
        reply.told.insert("user".to_owned(), String::from_utf8_lossy(&who).into_owned());
    } else {
        reply.told.insert("user".to_owned(), name.unwrap_or_else(|| "default".to_owned()));
    }
    Ok(reply)
}

/// A conversation, and what was said to a first PING. A server without TLS waits for the end of a line that TLS does not
/// have, so on this machine, where nobody reads along, it is asked in the clear first.
async fn start(network: &Network, place: &Place) -> Result<(Talk, Value), Why> {
    if place.is_loopback() {
        let mut talk = Talk::plain(network, place).await?;
        if let Ok(first) = ask(&mut talk, &[b"PING"]).await {
            return Ok((talk, first));
        }
    }
    let mut talk = Talk::secured(network, place).await?;
    let first = ask(&mut talk, &[b"PING"]).await?;
    Ok((talk, first))
}

async fn auth(talk: &mut Talk, name: Option<&str>, secret: &[u8]) -> Result<Value, Why> {
    let words: Vec<&[u8]> = [&b"AUTH"[..]].into_iter().chain(name.map(str::as_bytes)).chain([secret]).collect();
    ask(talk, &words).await
}

/// A password that nobody has.
fn other() -> Result<Vec<u8>, Why> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Why::Unusable)?;
    Ok(data_encoding::HEXLOWER.encode(&bytes).into_bytes())
}

fn refusal(error: &[u8]) -> Result<&'static str, Why> {
    if starts(error, &["WRONGPASS", "ERR invalid password", "NOAUTH"]) {
        Ok("wrong")
    } else if starts(
        error,
        &["ERR AUTH <password> called without any password", "ERR Client sent AUTH, but no password"],
    ) {
        Ok("no-password")
    } else if starts(error, &["ERR max number of clients", "LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN"]) {
        Err(Why::Outage)
    } else {
        Err(Why::Unexpected)
    }
}

fn starts(error: &[u8], any: &[&str]) -> bool {
    any.iter().any(|start| error.starts_with(start.as_bytes()))
}

async fn ask(talk: &mut Talk, words: &[&[u8]]) -> Result<Value, Why> {
    let mut sent = zeroize::Zeroizing::new(format!("*{}\r\n", words.len()).into_bytes());
    for word in words {
        sent.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        sent.extend_from_slice(word);
        sent.extend_from_slice(b"\r\n");
    }
    talk.send(&sent).await?;
    let line = talk.line().await?;
    let (kind, rest) = line.split_first().ok_or(Why::Unexpected)?;
    match kind {
        b'+' => Ok(Value::Text(rest.to_vec())),
        b'-' => Ok(Value::Error(rest.to_vec())),
        b'$' => {
            let length = std::str::from_utf8(rest).ok().and_then(|text| text.parse::<usize>().ok());
            let Some(length) = length else { return Ok(Value::Other) };
            let mut text = talk.exact(length.checked_add(2).ok_or(Why::Unexpected)?).await?;
            text.truncate(length);
            Ok(Value::Text(text))
        }
        b':' => Ok(Value::Other),
        _ => Err(Why::Unexpected),
    }
}

//! MongoDB: OP_MSG with documents of `bson`, and SCRAM. The driver takes no connection that is open already.

use bson::spec::BinarySubtype;
use bson::{Binary, RawDocument, RawDocumentBuf, rawdoc};
use md5::{Digest, Md5};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::scram::{Hash, Scram};
use super::talk::Talk;
use super::{outcome, user};
use crate::model::Why;
use crate::verify::answer::Reply;
use crate::verify::connect::Network;
use crate::verify::endpoints::Place;
use crate::verify::parts::Parts;

/// The operation of all messages since 3.6.
const OP_MSG: i32 = 2013;

/// Logs in and leaves. Outcomes: `accepted`, `wrong` (18: whatever is wrong with a login is said alike), `no-login` (the server
/// has neither kind of SCRAM for this user).
pub(super) async fn login(network: &Network, place: &Place, parts: &Parts) -> Result<Reply, Why> {
    let (name, secret) = (user(place, parts)?, parts.text("secret")?);
    let database = parts.text("database").unwrap_or("admin");
    let mut talk = Talk::implicit(network, place).await?;
    talk.may_tell(place)?;
    let hello = rawdoc! { "hello": 1, "saslSupportedMechs": format!("{database}.{name}"), "$db": "admin" };
    let hello = ask(&mut talk, &hello).await?;
    // A user that is not there has none; SHA-256 is what a server of today has then too.
    let offered: Vec<&str> = match hello.get_array("saslSupportedMechs") {
        Ok(list) => list.into_iter().filter_map(|one| one.ok()?.as_str()).collect(),
        Err(_) => vec!["SCRAM-SHA-256"],
    };
    let (hash, mechanism, password) = if offered.contains(&"SCRAM-SHA-256") {
        let prepared = stringprep::saslprep(secret).map_err(|_| Why::Unusable)?;
        (Hash::Sha256, "SCRAM-SHA-256", Zeroizing::new(prepared.into_owned()))
    } else if offered.contains(&"SCRAM-SHA-1") {
        (Hash::Sha1, "SCRAM-SHA-1", digested(&name, secret))
    } else {
        return Ok(outcome("no-login"));
    };
    let mut scram = Scram::new(hash, &name, &nonce()?);
    let start = rawdoc! {
        "saslStart": 1, "mechanism": mechanism, "payload": binary(scram.first()),
        "options": { "skipEmptyExchange": true }, "$db": database,
    };
    let challenge = ask(&mut talk, &start).await?;
    if let Some(refusal) = refusal(&challenge)? {
        return Ok(refusal);
    }
    let id = challenge.get_i32("conversationId").map_err(|_| Why::Unexpected)?;
    let proof = scram.proof(&payload(&challenge)?, password.as_bytes())?;
    let go_on = rawdoc! { "saslContinue": 1, "conversationId": id, "payload": binary(proof), "$db": database };
    let last = ask(&mut talk, &go_on).await?;
    if let Some(refusal) = refusal(&last)? {
        return Ok(refusal);
    }
    if !scram.is_proved(&payload(&last)?) {
        return Err(Why::Unexpected);
    }
    who(&mut talk, name).await
}

/// Who it is: what the server says of this connection.
async fn who(talk: &mut Talk, name: String) -> Result<Reply, Why> {
    let mut reply = outcome("accepted");
    reply.told.insert("user".to_owned(), name);
    let status = ask(talk, &rawdoc! { "connectionStatus": 1, "$db": "admin" }).await?;
    if let Ok(roles) = status.get_document("authInfo").and_then(|info| info.get_array("authenticatedUserRoles")) {
        let roles: Vec<String> = roles
            .into_iter()
            .filter_map(|role| {
                let role = role.ok()?.as_document()?;
                Some(format!("{}@{}", role.get_str("role").ok()?, role.get_str("db").ok()?))
            })
            .collect();
        reply.told.insert("roles".to_owned(), roles.join(" "));
    }
    Ok(reply)
}

/// What a server that does not go on says (the table of error codes of its source): 18 is a login that failed; 8000 is how
/// Atlas says it.
fn refusal(said: &RawDocument) -> Result<Option<Reply>, Why> {
    if number(said, "ok") == Some(1) {
        return Ok(None);
    }
    match number(said, "code") {
        Some(18 | 8000) => Ok(Some(outcome("wrong"))),
        Some(334) => Ok(Some(outcome("no-login"))),
        Some(11600 | 91) => Err(Why::Outage),
        _ => Err(Why::Unexpected),
    }
}

/// A number, in whichever of three types.
fn number(said: &RawDocument, key: &str) -> Option<i64> {
    let value = said.get(key).ok()??;
    let whole = |f: f64| if f == 1.0 { 1 } else { 0 };
    value.as_i32().map(i64::from).or_else(|| value.as_i64()).or_else(|| value.as_f64().map(whole))
}

fn payload(said: &RawDocument) -> Result<String, Why> {
    let payload = said.get_binary("payload").map_err(|_| Why::Unexpected)?;
    String::from_utf8(payload.bytes.to_vec()).map_err(|_| Why::Unexpected)
}

fn binary(text: String) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: text.into_bytes() }
}

/// What SCRAM-SHA-1 has for a password in MongoDB.
fn digested(name: &str, secret: &str) -> Zeroizing<String> {
    let text = Zeroizing::new(format!("{name}:mongo:{secret}"));
    Zeroizing::new(data_encoding::HEXLOWER.encode(&Md5::digest(text.as_bytes())))
}

fn nonce() -> Result<String, Why> {
    let mut bytes = [0; 18];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Why::Unusable)?;
    Ok(data_encoding::BASE64.encode(&bytes))
}

async fn ask(talk: &mut Talk, document: &RawDocument) -> Result<RawDocumentBuf, Why> {
    let body = document.as_bytes();
    let length = i32::try_from(body.len() + 21).map_err(|_| Why::Unusable)?;
    let head = [length, 1, 0, OP_MSG, 0].map(i32::to_le_bytes).concat();
    talk.send(&Zeroizing::new([&head, &[0][..], body].concat())).await?;
    let head = talk.exact(21).await?;
    let at = |from: usize| head.get(from..from + 4)?.try_into().ok().map(i32::from_le_bytes);
    let rest = at(0).and_then(|length| usize::try_from(length).ok()?.checked_sub(21)).ok_or(Why::Unexpected)?;
    if at(12) != Some(OP_MSG) || head.last() != Some(&0) {
        return Err(Why::Unexpected);
    }
    let mut body = talk.exact(rest).await?;
    // A sum may follow the document.
    let length = body.first_chunk::<4>().map(|length| u32::from_le_bytes(*length) as usize).ok_or(Why::Unexpected)?;
    body.truncate(length);
    RawDocumentBuf::from_bytes(body).map_err(|_| Why::Unexpected)
}

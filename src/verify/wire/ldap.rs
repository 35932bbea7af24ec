//! LDAP (RFC 4511): a simple bind with the request for the password policy's answer, and `who am I` (RFC 4532). By hand: the
//! client of the field opens its own connections.

use zeroize::Zeroizing;

use super::ber::{Reader, value};
use super::talk::Talk;
use super::{outcome, user};
use crate::model::Why;
use crate::verify::answer::Reply;
use crate::verify::connect::Network;
use crate::verify::endpoints::Place;
use crate::verify::parts::Parts;

const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
const WHO_AM_I: &[u8] = b"1.3.6.1.4.1.4203.1.11.3";
/// The control of the draft on password policies.
const POLICY: &[u8] = b"1.3.6.1.4.1.42.2.27.8.5.1";

/// Tags: of a message, of what is asked and answered, of a result code, of a text.
const SEQUENCE: u8 = 0x30;
const BIND: u8 = 0x60;
const BOUND: u8 = 0x61;
const EXTENDED: u8 = 0x77;
const ANSWERED: u8 = 0x78;
const ENUMERATED: u8 = 0x0a;
const INTEGER: u8 = 0x02;
const TEXT: u8 = 0x04;
const CONTROLS: u8 = 0xa0;

/// A result, with what the password policy adds.
struct Said {
    code: u8,
    message: String,
    policy: Option<u8>,
    value: Vec<u8>,
}

/// Binds and leaves. Outcomes: `accepted`, `wrong` (49), `locked-unproved` (a locked account, said before the password is
/// looked at), `disabled` (Active Directory, after the right password), `expired-password` (right), `must-change` (right),
/// `no-simple-bind`.
pub(super) async fn login(network: &Network, place: &Place, parts: &Parts) -> Result<Reply, Why> {
    let (name, secret) = (user(place, parts)?, parts.get("secret").ok_or(Why::PartMissing)?);
    let mut talk = if matches!(place.port, 636 | 3269) {
        Talk::implicit(network, place).await?
    } else {
        start_tls(network, place).await?
    };
    talk.may_tell(place)?;
    let bind = Zeroizing::new([value(INTEGER, &[3]), value(TEXT, name.as_bytes()), value(0x80, secret)].concat());
    let control = value(SEQUENCE, &value(TEXT, POLICY));
    let controls = value(CONTROLS, &control);
    let said = ask(&mut talk, 2, &value(BIND, &bind), &controls, BOUND).await?;
    let mut reply = outcome(meaning(&said)?);
    if said.code == 0 {
        let who = ask(&mut talk, 3, &value(EXTENDED, &value(0x80, WHO_AM_I)), &[], ANSWERED).await;
        let told = who.ok().filter(|who| who.code == 0).map(|who| String::from_utf8_lossy(&who.value).into_owned());
        // A server that answers `anonymous` took the bind for none.
        let told = told.map(|told| told.trim_start_matches("dn:").trim_start_matches("u:").to_owned());
        if told.as_deref() == Some("") {
            return Ok(outcome("trusted"));
        }
        reply.told.insert("user".to_owned(), told.unwrap_or(name));
    }
    Ok(reply)
}

/// Turns to TLS; a server without it is spoken to only on this machine.
async fn start_tls(network: &Network, place: &Place) -> Result<Talk, Why> {
    let mut talk = Talk::plain(network, place).await?;
    let said = ask(&mut talk, 1, &value(EXTENDED, &value(0x80, START_TLS)), &[], ANSWERED).await?;
    match said.code {
        0 => talk.secure(network, place).await,
        _ => talk.may_tell(place).map(|()| talk),
    }
}

async fn ask(talk: &mut Talk, id: u8, request: &[u8], controls: &[u8], wanted: u8) -> Result<Said, Why> {
    let message = Zeroizing::new([&value(INTEGER, &[id]), request, controls].concat());
    talk.send(&Zeroizing::new(value(SEQUENCE, &message))).await?;
    let message = message_of(talk).await?;
    said(&message, id, wanted).ok_or(Why::Unexpected)
}

/// The next message, without its tag and length.
async fn message_of(talk: &mut Talk) -> Result<Vec<u8>, Why> {
    if talk.byte().await? != SEQUENCE {
        return Err(Why::Unexpected);
    }
    let first = talk.byte().await?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        if !(0x81..=0x84).contains(&first) {
            return Err(Why::Unexpected);
        }
        length = talk.exact(usize::from(first & 0x7f)).await?.iter().fold(0, |sum, b| sum << 8 | usize::from(*b));
    }
    talk.exact(length).await
}

fn said(message: &[u8], id: u8, wanted: u8) -> Option<Said> {
    let mut message = Reader(message);
    if message.tagged(INTEGER)? != [id] {
        return None;
    }
    let mut answer = Reader(message.tagged(wanted)?);
    let [code] = answer.tagged(ENUMERATED)? else { return None };
    let _matched = answer.tagged(TEXT)?;
    let text = String::from_utf8_lossy(answer.tagged(TEXT)?).into_owned();
    let mut value = Vec::new();
    while let Some((tag, content)) = answer.any() {
        if tag == 0x8b {
            value = content.to_vec();
        }
    }
    let policy = message.tagged(CONTROLS).and_then(policy);
    Some(Said { code: *code, message: text, policy, value })
}

/// The error that the password policy's control names.
fn policy(controls: &[u8]) -> Option<u8> {
    let mut controls = Reader(controls);
    while let Some(control) = controls.tagged(SEQUENCE) {
        let mut control = Reader(control);
        if control.tagged(TEXT)? != POLICY {
            continue;
        }
        let mut last = &[][..];
        while let Some((tag, content)) = control.any() {
            if tag == TEXT {
                last = content;
            }
        }
        let mut inner = Reader(Reader(last).tagged(SEQUENCE)?);
        let _warning = inner.tagged(0xa0);
        return inner.tagged(0x81)?.first().copied();
    }
    None
}

/// What a bind's result means. Active Directory says more in its message, as a number of Windows: of these, 775 alone is
/// told to a wrong password too.
fn meaning(said: &Said) -> Result<&'static str, Why> {
    const EXPIRED: u8 = 0;
    const LOCKED: u8 = 1;
    const MUST_CHANGE: u8 = 2;
    let data = said.message.split("data ").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or_default();
    match (said.code, said.policy, data) {
        (0, Some(MUST_CHANGE), _) => Ok("must-change"),
        (0, ..) => Ok("accepted"),
        (49, Some(EXPIRED), _) | (49, _, "532") => Ok("expired-password"),
        (49, Some(LOCKED), _) | (49, _, "775") => Ok("locked-unproved"),
        (49, _, "773") => Ok("must-change"),
        (49, _, "530" | "531" | "533" | "701") => Ok("disabled"),
        (49, ..) => Ok("wrong"),
        // Stronger authentication or confidentiality required, or the mechanism is not there.
        (7 | 8 | 13 | 48, ..) => Ok("no-simple-bind"),
        (51 | 52, ..) => Err(Why::Outage),
        _ => Err(Why::Unexpected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u8, message: &str, error: Option<u8>) -> &'static str {
        let result = [value(ENUMERATED, &[code]), value(TEXT, b""), value(TEXT, message.as_bytes())].concat();
        let policy = value(SEQUENCE, &error.map(|error| value(0x81, &[error])).unwrap_or_default());
        let control = [value(TEXT, POLICY), value(TEXT, &policy)].concat();
        let controls = value(CONTROLS, &value(SEQUENCE, &control));
        let message = [value(INTEGER, &[2]), value(BOUND, &result), controls].concat();
        meaning(&said(&message, 2, BOUND).unwrap()).unwrap()
    }

    #[test]
    fn what_a_bind_is_told() {
        assert_eq!(answer(0, "", None), "accepted");
        assert_eq!(answer(49, "", None), "wrong");
        assert_eq!(answer(49, "", Some(1)), "locked-unproved");
        assert_eq!(answer(49, "", Some(0)), "expired-password");
        assert_eq!(answer(0, "", Some(2)), "must-change");
        let windows = |data: &str| answer(49, &format!("80090308: LdapErr: DSID-0C09044E, data {data}, v4563"), None);
        assert_eq!(windows("52e"), "wrong");
        assert_eq!(windows("533"), "disabled");
        assert_eq!(windows("775"), "locked-unproved");
        assert!(said(b"\x02\x01\x02\x61\x03\x0a\x01\x00", 2, BOUND).is_none());
        assert!(said(b"\x02\x01\x03", 2, BOUND).is_none());
    }
}

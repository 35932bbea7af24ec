//! SMTP submission (RFC 6409, RFC 4954): EHLO, STARTTLS, AUTH PLAIN or LOGIN, QUIT. No mail is sent. By hand, since it is
//! five lines, and a mailer's connection cannot turn a stream of ours to TLS.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::talk::Talk;
use super::{outcome, user};
use crate::model::Why;
use crate::verify::answer::Reply;
use crate::verify::connect::Network;
use crate::verify::endpoints::Place;
use crate::verify::parts::Parts;

/// An answer: its code, the enhanced one of RFC 3463 (`5.7.8`) where there is one, and its lines.
struct Answer {
    code: u16,
    lines: Vec<String>,
}

/// Logs in and leaves. Outcomes: `accepted`, `wrong` (535), `weak` (534: the mechanism is not enough for this account),
/// `expired-password` (535 5.7.13 or 524), `disabled`, `later` (454), `no-login` (the server offers none).
pub(super) async fn login(network: &Network, place: &Place, parts: &Parts) -> Result<Reply, Why> {
    let (name, secret) = (user(place, parts)?, parts.get("secret").ok_or(Why::PartMissing)?);
    let mut talk =
        if place.port == 465 { Talk::implicit(network, place).await? } else { Talk::plain(network, place).await? };
    if answer(&mut talk).await?.code != 220 {
        return Err(Why::Outage);
    }
    let mut hello = ehlo(&mut talk).await?;
    if !talk.is_secured() && has(&hello, "STARTTLS") {
        talk.send(b"STARTTLS\r\n").await?;
        if answer(&mut talk).await?.code != 220 {
            return Err(Why::Tls);
        }
        talk = talk.secure(network, place).await?;
        hello = ehlo(&mut talk).await?;
    }
    talk.may_tell(place)?;
    let said = if offers(&hello, "PLAIN") {
        let plain = Zeroizing::new([b"\0", name.as_bytes(), b"\0", secret].concat());
        send(&mut talk, "AUTH PLAIN ", &plain).await?;
        answer(&mut talk).await?
    } else if offers(&hello, "LOGIN") {
        talk.send(b"AUTH LOGIN\r\n").await?;
        let asked = answer(&mut talk).await?;
        if asked.code != 334 {
            return refusal(&asked);
        }
        send(&mut talk, "", name.as_bytes()).await?;
        let asked = answer(&mut talk).await?;
        if asked.code != 334 {
            return refusal(&asked);
        }
        send(&mut talk, "", secret).await?;
        answer(&mut talk).await?
    } else {
        return Ok(outcome("no-login"));
    };
    let _ = talk.send(b"QUIT\r\n").await;
    if said.code != 235 {
        return refusal(&said);
    }
    let mut reply = outcome("accepted");
    reply.told.insert("user".to_owned(), name);
    Ok(reply)
}

async fn send(talk: &mut Talk, before: &str, value: &[u8]) -> Result<(), Why> {
    let line = Zeroizing::new(format!("{before}{}\r\n", STANDARD.encode(value)));
    talk.send(line.as_bytes()).await
}

async fn ehlo(talk: &mut Talk) -> Result<Answer, Why> {
    talk.send(b"EHLO quell.invalid\r\n").await?;
    let said = answer(talk).await?;
    if said.code == 250 { Ok(said) } else { Err(Why::Unexpected) }
}

fn has(hello: &Answer, extension: &str) -> bool {
    hello.lines.iter().any(|line| line.split(' ').next().is_some_and(|word| word.eq_ignore_ascii_case(extension)))
}

fn offers(hello: &Answer, mechanism: &str) -> bool {
    let auth =
        hello.lines.iter().find_map(|line| line.get(..5).filter(|w| w.eq_ignore_ascii_case("AUTH ")).map(|_| line));
    auth.is_some_and(|line| line.split(' ').skip(1).any(|one| one.eq_ignore_ascii_case(mechanism)))
}

async fn answer(talk: &mut Talk) -> Result<Answer, Why> {
    let mut lines = Vec::new();
    loop {
        let line = String::from_utf8_lossy(&talk.line().await?).into_owned();
        let code = line.get(..3).and_then(|code| code.parse().ok()).ok_or(Why::Unexpected)?;
        lines.push(line.get(4..).unwrap_or_default().to_owned());
        if line.get(3..4) != Some("-") {
            return Ok(Answer { code, lines });
        }
    }
}

/// RFC 4954, section 6; RFC 5248 and the registry of enhanced status codes.
fn refusal(said: &Answer) -> Result<Reply, Why> {
    let enhanced = said.lines.first().and_then(|line| line.split(' ').next()).unwrap_or_default();
    Ok(outcome(match (said.code, enhanced) {
        (_, "5.7.13") => "disabled",
        (_, "5.7.12") | (432, _) => "expired-password",
        (535, _) => "wrong",
        (534 | 538, _) => "weak",
        (454 | 421 | 450, _) => "later",
        _ => return Err(Why::Unexpected),
    }))
}

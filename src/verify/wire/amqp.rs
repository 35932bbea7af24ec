//! AMQP 0-9-1 (RabbitMQ): the protocol's header, then `start`, `start-ok` with PLAIN, and what the server says to it. Four
//! frames by hand: the library of the field brings a stack of connections of its own.

use super::talk::Talk;
use super::{outcome, user};
use crate::model::Why;
use crate::verify::answer::Reply;
use crate::verify::connect::Network;
use crate::verify::endpoints::Place;
use crate::verify::parts::Parts;

const HEADER: &[u8] = b"AMQP\0\0\x09\x01";
/// A table that asks for the refusal to be said, and not only for the connection to be cut.
const CAPABILITIES: &[(&str, &[u8])] = &[("authentication_failure_close", b"t\x01")];

/// Logs in as far as the server's tuning, opens nothing, and leaves. Outcomes: `accepted`, `wrong` (403: a wrong password,
/// one that was taken away and a user that is not there alike), `not-permitted` (530: the login is right, and the user may not
/// come from here), `no-login` (the server takes no PLAIN).
pub(super) async fn login(network: &Network, place: &Place, parts: &Parts) -> Result<Reply, Why> {
    let (name, secret) = (user(place, parts)?, parts.get("secret").ok_or(Why::PartMissing)?);
    let mut talk = Talk::implicit(network, place).await?;
    talk.may_tell(place)?;
    talk.send(HEADER).await?;
    let (class, method, start) = method(&mut talk).await?;
    if (class, method) != (10, 10) {
        return Err(Why::Unexpected);
    }
    if !mechanisms(&start).ok_or(Why::Unexpected)?.split(|b| *b == b' ').any(|one| one == b"PLAIN") {
        return Ok(outcome("no-login"));
    }
    talk.send(&start_ok(&name, secret)).await?;
    // `tune`: it is in. `close`: why not. A cut connection is how old servers refuse, and proves nothing.
    match self::method(&mut talk).await? {
        (10, 30, _) => {
            let mut reply = outcome("accepted");
            reply.told.insert("user".to_owned(), name);
            Ok(reply)
        }
        (10, 50, close) => match close.first_chunk::<2>().map(|code| u16::from_be_bytes(*code)) {
            Some(403) => Ok(outcome("wrong")),
            Some(530) => Ok(outcome("not-permitted")),
            Some(320 | 506 | 541) => Err(Why::Outage),
            _ => Err(Why::Unexpected),
        },
        _ => Err(Why::Unexpected),
    }
}

/// The next frame of a method on channel 0.
async fn method(talk: &mut Talk) -> Result<(u16, u16, Vec<u8>), Why> {
    let head = talk.exact(7).await?;
    let [kind, _, _, size @ ..] = <[u8; 7]>::try_from(head).map_err(|_| Why::Unexpected)?;
    let size = usize::try_from(u32::from_be_bytes(size)).map_err(|_| Why::TooLarge)?;
    let body = talk.exact(size).await?;
    if kind != 1 || talk.byte().await? != 0xce {
        return Err(Why::Unexpected);
    }
    let (ids, arguments) = body.split_first_chunk::<4>().ok_or(Why::Unexpected)?;
    let [a, b, c, d] = *ids;
    Ok((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]), arguments.to_vec()))
}

/// `start`: a version of two bytes, a table, and the mechanisms as a long string.
fn mechanisms(start: &[u8]) -> Option<&[u8]> {
    let (_, rest) = start.split_at_checked(2)?;
    let (_table, rest) = long(rest)?;
    long(rest).map(|(text, _)| text)
}

fn long(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn start_ok(name: &str, secret: &[u8]) -> zeroize::Zeroizing<Vec<u8>> {
    let long = |bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&length[..], bytes].concat()
    };
    let short = |text: &str| [&[u8::try_from(text.len()).unwrap_or(u8::MAX)][..], text.as_bytes()].concat();
    let table = |fields: &[(&str, &[u8])]| {
        long(&fields.iter().flat_map(|(name, value)| [short(name), value.to_vec()].concat()).collect::<Vec<_>>())
    };
    let capabilities = [&b"F"[..], &table(CAPABILITIES)].concat();
    let product = [&b"S"[..], &long(b"quell")].concat();
    let properties = table(&[("product", &product), ("capabilities", &capabilities)]);
    let plain = zeroize::Zeroizing::new([b"\0", name.as_bytes(), b"\0", secret].concat());
    let body = zeroize::Zeroizing::new(
        [&[0, 10, 0, 11][..], &properties, &short("PLAIN"), &long(&plain), &short("en_US")].concat(),
    );
    zeroize::Zeroizing::new([&[1, 0, 0][..], &long(&body), &[0xce]].concat())
}

//! SSH: whether an account takes a key. The server is asked by the public half alone (RFC 4252, section 7: a request without
//! a signature), so nothing is signed, no shell is opened, and nothing secret is sent: whoever answers in the host's place
//! learns a public key. The host's own key is for that reason not looked at.
//!
//! By hand: `russh` brings some ninety crates for a client of which a key exchange and one request are used. One way to do
//! each step is offered, which every server of the last ten years has.

mod key;
mod packets;

use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use self::key::{split, string};
use self::packets::{Packets, Sealer};
use super::talk::Talk;
use super::{outcome, user_or_none};
use crate::model::Why;
use crate::verify::answer::Reply;
use crate::verify::connect::Network;
use crate::verify::endpoints::Place;
use crate::verify::parts::Parts;

const OWN: &str = "SSH-2.0-quell";
/// Key exchange, kinds of host keys, cipher twice, sum twice (the cipher has its own), compression twice, languages twice.
const OFFERED: [&str; 10] = [
    "curve25519-sha256,curve25519-sha256@libssh.org",
    "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256",
    "aes256-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-256",
    "none",
    "none",
    "",
    "",
];

/// Numbers of messages.
const DISCONNECT: u8 = 1;
const SERVICE_REQUEST: u8 = 5;
const SERVICE_ACCEPT: u8 = 6;
const KEXINIT: u8 = 20;
const NEWKEYS: u8 = 21;
const EXCHANGE: u8 = 30;
const EXCHANGED: u8 = 31;
const REQUEST: u8 = 50;
const FAILURE: u8 = 51;
const SUCCESS: u8 = 52;
const TAKEN: u8 = 60;

/// Asks. Outcomes: `accepted` (a signature by this key would be let in), `wrong` (it would not: a key that is not there, and an
/// account that is locked or not there, alike), `trusted` (nobody is asked for anything), `no-login` (the server takes no keys).
pub(super) async fn login(network: &Network, place: &Place, parts: &Parts) -> Result<Reply, Why> {
    let name = user_or_none(place, parts).ok_or(Why::PartMissing)?;
    let public = key::public(parts.text("secret")?).ok_or(Why::Unusable)?;
    let mut packets = Packets::new(Talk::plain(network, place).await?);
    exchange(&mut packets).await?;
    packets.send(&[&[SERVICE_REQUEST][..], &string(b"ssh-userauth")].concat()).await?;
    wanted(&mut packets, SERVICE_ACCEPT).await?;
    let request = [
        &[REQUEST][..],
        &string(name.as_bytes()),
        &string(b"ssh-connection"),
        &string(b"publickey"),
        // No signature.
        &[0],
        &string(public.algorithm.as_bytes()),
        &string(&public.blob),
    ];
    packets.send(&request.concat()).await?;
    let said = packets.next().await?;
    let mut reply = match said.split_first() {
        // It names the key that it takes.
        Some((&TAKEN, rest)) if rest.ends_with(&string(&public.blob)) => outcome("accepted"),
        Some((&SUCCESS, _)) => outcome("trusted"),
        Some((&FAILURE, rest)) => {
            let methods = split(rest).ok_or(Why::Unexpected)?.0;
            let takes_keys = methods.split(|b| *b == b',').any(|one| one == b"publickey");
            outcome(if takes_keys { "wrong" } else { "no-login" })
        }
        _ => return Err(Why::Unexpected),
    };
    reply.told.insert("user".to_owned(), name);
    let _ = packets.send(&[&[DISCONNECT, 0, 0, 0, 11][..], &string(b""), &string(b"")].concat()).await;
    Ok(reply)
}

async fn wanted(packets: &mut Packets, kind: u8) -> Result<Vec<u8>, Why> {
    let message = packets.next().await?;
    if message.first() == Some(&kind) { Ok(message) } else { Err(Why::Unexpected) }
}

/// The key exchange (RFC 4253, RFC 8731).
async fn exchange(packets: &mut Packets) -> Result<(), Why> {
    let random = SystemRandom::new();
    packets.talk.send(format!("{OWN}\r\n").as_bytes()).await?;
    let theirs = version(packets).await?;
    let mut cookie = [0; 16];
    random.fill(&mut cookie).map_err(|_| Why::Unusable)?;
    let lists: Vec<u8> = OFFERED.iter().flat_map(|list| string(list.as_bytes())).collect();
    let own_init = [&[KEXINIT][..], &cookie, &lists, &[0; 5]].concat();
    packets.send(&own_init).await?;
    let their_init = wanted(packets, KEXINIT).await?;
    agreed(&their_init)?;
    let own = EphemeralPrivateKey::generate(&X25519, &random).map_err(|_| Why::Unusable)?;
    let own_public = own.compute_public_key().map_err(|_| Why::Unusable)?;
    packets.send(&[&[EXCHANGE][..], &string(own_public.as_ref())].concat()).await?;
    let said = wanted(packets, EXCHANGED).await?;
    let (host_key, rest) = split(said.get(1..).unwrap_or_default()).ok_or(Why::Unexpected)?;
    let (their_public, _signature) = split(rest).ok_or(Why::Unexpected)?;
    let peer = UnparsedPublicKey::new(&X25519, their_public);
    let shared = agree_ephemeral(own, &peer, number).map_err(|_| Why::Unexpected)?;
    let texts = [OWN.as_bytes(), &theirs, &own_init, &their_init, host_key, own_public.as_ref(), their_public];
    let mut all: Vec<u8> = texts.iter().flat_map(|text| string(text)).collect();
    all.extend_from_slice(&shared);
    let session = digest(&SHA256, &all);
    packets.send(&[NEWKEYS]).await?;
    wanted(packets, NEWKEYS).await?;
    let derived = |letter: u8| digest(&SHA256, &[&shared, session.as_ref(), &[letter], session.as_ref()].concat());
    let sealer = |key: u8, start: u8| Sealer::new(derived(key).as_ref(), derived(start).as_ref());
    packets.seal(sealer(b'C', b'A')?, sealer(b'D', b'B')?);
    Ok(())
}

/// The server's line, after others that it may send before.
async fn version(packets: &mut Packets) -> Result<Vec<u8>, Why> {
    for _ in 0..20 {
        let line = packets.talk.line().await?;
        if line.starts_with(b"SSH-2.0-") || line.starts_with(b"SSH-1.99-") {
            return Ok(line);
        }
    }
    Err(Why::Unexpected)
}

/// Whether the server has what is offered.
fn agreed(init: &[u8]) -> Result<(), Why> {
    let mut rest = init.get(17..).ok_or(Why::Unexpected)?;
    for (place, own) in OFFERED.iter().enumerate() {
        let (list, after) = split(rest).ok_or(Why::Unexpected)?;
        rest = after;
        let has = |one: &str| list.split(|b| *b == b',').any(|theirs| theirs == one.as_bytes());
        // The cipher brings its own sum, and languages are nobody's.
        if !matches!(place, 4 | 5 | 8 | 9) && !own.split(',').any(has) {
            return Err(Why::Unusable);
        }
    }
    Ok(())
}

/// A number as SSH writes it: no zeros before it, but for one that keeps it from being negative.
fn number(bytes: &[u8]) -> Vec<u8> {
    let significant: Vec<u8> = bytes.iter().copied().skip_while(|b| *b == 0).collect();
    let sign = if significant.first().is_some_and(|b| *b >= 0x80) { &[0][..] } else { &[] };
    string(&[sign, &significant].concat())
}

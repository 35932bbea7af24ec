//! MySQL and MariaDB (the classic protocol). Packets and the plugins of authentication are `mysql_common`'s; no client
//! library takes a connection that is open already.

use mysql_common::auth::plugins::{AuthProc, ChallengeResponsePlugin, Context, Response};
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{AuthPlugin, AuthSwitchRequest, ErrPacket, HandshakePacket, HandshakeResponse, SslRequest};
use mysql_common::proto::MySerialize;

use super::talk::Talk;
use super::{outcome, user};
use crate::model::Why;
use crate::verify::answer::Reply;
use crate::verify::connect::Network;
use crate::verify::endpoints::Place;
use crate::verify::parts::Parts;

/// utf8mb4_general_ci.
const CHARACTERS: u8 = 45;
const LARGEST: u32 = 1 << 24;

/// A conversation of packets, which are numbered.
struct Packets<'p> {
    talk: Talk,
    number: u8,
    secret: &'p [u8],
    nonce: Vec<u8>,
}

/// What a server says after the handshake.
enum Said {
    In,
    Refused(u16),
}

/// What a plugin of authentication works with.
struct Asked<'a> {
    secret: &'a [u8],
    nonce: &'a [u8],
    secured: bool,
}

impl Context for Asked<'_> {
    fn pass(&self) -> &[u8] {
        self.secret
    }
    fn is_ipc_transport(&self) -> bool {
        false
    }
    fn is_tls_transport(&self) -> bool {
        self.secured
    }
    fn scramble(&self) -> &[u8] {
        self.nonce
    }
    fn server_key_pem(&self) -> Option<&[u8]> {
        None
    }
}

/// Logs in and leaves. Outcomes: `accepted`, `wrong` (1045), `locked` (MariaDB 4151: said after
/// the right password alone), `locked-unproved` (MySQL 3118 and what counts failures: said to a wrong one too), `expired-password` (1820, 1862: right), `no-host` (1130: no account may come
/// from here), `host-blocked` (1129), `full` (1040, 1203), `connection-limit` (1226: right).
pub(super) async fn login(network: &Network, place: &Place, parts: &Parts) -> Result<Reply, Why> {
    let (name, secret) = (user(place, parts)?, parts.get("secret").ok_or(Why::PartMissing)?);
    let mut packets = Packets { talk: Talk::plain(network, place).await?, number: 0, secret, nonce: Vec::new() };
    let first = packets.read().await?;
    if first.first() == Some(&0xff) {
        // Nothing was sent yet: of a password it says nothing.
        return match error(&first)? {
            1040 | 1129 | 1130 | 1203 => refusal(error(&first)?),
            _ => Err(Why::Unexpected),
        };
    }
    let greeting: HandshakePacket<'_> = ParseBuf(&first).parse(()).map_err(|_| Why::Unexpected)?;
    packets.nonce = greeting.nonce();
    let offered = greeting.capabilities();
    let mut wanted = CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_LONG_PASSWORD
        | CapabilityFlags::CLIENT_TRANSACTIONS;
    if offered.contains(CapabilityFlags::CLIENT_SSL) {
        wanted |= CapabilityFlags::CLIENT_SSL;
        packets.write(&SslRequest::new(wanted, LARGEST, CHARACTERS)).await?;
        packets.talk = packets.talk.secure(network, place).await?;
    } else {
        packets.talk.may_tell(place)?;
    }
    let plugin = greeting.auth_plugin().unwrap_or(AuthPlugin::MysqlNativePassword).into_owned();
    // A server may name one that is not spoken; it then asks to switch to the account's.
    let plugin = if is_known(&plugin) { plugin } else { AuthPlugin::MysqlNativePassword };
    let mut procedure = AuthProc::init(&plugin).map_err(|_| Why::Unusable)?;
    let answer = packets.run(&mut procedure, &packets.nonce)?.data().map(<[u8]>::to_vec);
    let response = HandshakeResponse::new(
        answer,
        (8, 0, 0),
        Some(name.as_bytes()),
        None::<&[u8]>,
        Some(plugin),
        wanted,
        None,
        LARGEST,
    );
    packets.write(&response).await?;
    match packets.authenticate(procedure).await? {
        Said::Refused(code) => refusal(code),
        Said::In => packets.who(&name).await,
    }
}

/// The plugins that do not hand over the password to whoever asks.
fn is_known(plugin: &AuthPlugin<'_>) -> bool {
    matches!(plugin, AuthPlugin::MysqlNativePassword | AuthPlugin::CachingSha2Password)
}

impl Packets<'_> {
    async fn read(&mut self) -> Result<Vec<u8>, Why> {
        let head = self.talk.exact(4).await?;
        let [a, b, c, number] = head.try_into().map_err(|_| Why::Unexpected)?;
        self.number = number.wrapping_add(1);
        self.talk.exact(u32::from_le_bytes([a, b, c, 0]) as usize).await
    }

    async fn write(&mut self, packet: &impl MySerialize) -> Result<(), Why> {
        let mut body = Vec::new();
        packet.serialize(&mut body);
        self.write_raw(&body).await
    }

    async fn write_raw(&mut self, body: &[u8]) -> Result<(), Why> {
        let [a, b, c, _] = u32::try_from(body.len()).map_err(|_| Why::Unusable)?.to_le_bytes();
        let packet = zeroize::Zeroizing::new([&[a, b, c, self.number], body].concat());
        self.number = self.number.wrapping_add(1);
        self.talk.send(&packet).await
    }

    fn run(&self, procedure: &mut AuthProc, challenge: &[u8]) -> Result<Response, Why> {
        let asked = Asked { secret: self.secret, nonce: &self.nonce, secured: self.talk.is_secured() };
        procedure.run(asked, challenge).map_err(|_| Why::Unusable)
    }

    /// Answers what the server asks, until it lets in or refuses.
    async fn authenticate(&mut self, mut procedure: AuthProc) -> Result<Said, Why> {
        for _ in 0..8 {
            let packet = self.read().await?;
            let answer = match packet.split_first() {
                Some((0x00, _)) => return Ok(Said::In),
                Some((0xff, _)) => return Ok(Said::Refused(error(&packet)?)),
                Some((0xfe, rest)) => {
                    if rest.is_empty() {
                        // The hash of before MySQL 4.1.
                        return Err(Why::Unusable);
                    }
                    let switch: AuthSwitchRequest<'_> = ParseBuf(&packet).parse(()).map_err(|_| Why::Unexpected)?;
                    let plugin = switch.auth_plugin();
                    if !is_known(&plugin) {
                        return Err(Why::Unusable);
                    }
                    self.nonce = switch.plugin_data().to_vec();
                    procedure = AuthProc::init(&plugin).map_err(|_| Why::Unusable)?;
                    self.run(&mut procedure, &self.nonce)?
                }
                // `caching_sha2_password` wants the password itself, where it has not seen it before.
                Some((0x01, [0x04])) if !self.talk.is_secured() => return Err(Why::Tls),
                Some((0x01, rest)) => self.run(&mut procedure, rest)?,
                _ => return Err(Why::Unexpected),
            };
            if let Response::Next { packet: Some(data) } | Response::Last { packet: Some(data) } = answer {
                self.write_raw(&data).await?;
            }
        }
        Err(Why::Unexpected)
    }

    /// Who it is, by a query that reads the session alone. An account whose password has expired is let in, and refused here.
    async fn who(&mut self, name: &str) -> Result<Reply, Why> {
        self.number = 0;
        self.write_raw(b"\x03SELECT CURRENT_USER()").await?;
        let first = self.read().await?;
        if first.first() == Some(&0xff) {
            return refusal(error(&first)?);
        }
        let mut reply = outcome("accepted");
        reply.told.insert("user".to_owned(), name.to_owned());
        // One column, its description, an end, and the row: a text with its length before it.
        let (_column, _end, row) = (self.read().await?, self.read().await?, self.read().await?);
        if let Some((length, rest)) = row.split_first()
            && let Some(value) = rest.get(..usize::from(*length))
        {
            reply.told.insert("user".to_owned(), String::from_utf8_lossy(value).into_owned());
        }
        self.number = 0;
        let _ = self.write_raw(b"\x01").await;
        Ok(reply)
    }
}

fn error(packet: &[u8]) -> Result<u16, Why> {
    let parsed: ErrPacket<'_> =
        ParseBuf(packet).parse(CapabilityFlags::CLIENT_PROTOCOL_41).map_err(|_| Why::Unexpected)?;
    match parsed {
        ErrPacket::Error(error) => Ok(error.error_code()),
        ErrPacket::Progress(_) => Err(Why::Unexpected),
    }
}

fn refusal(code: u16) -> Result<Reply, Why> {
    Ok(outcome(match code {
        1045 | 1698 => "wrong",
        4151 => "locked",
        3118 | 3955 | 4150 => "locked-unproved",
        1820 | 1862 => "expired-password",
        1226 => "connection-limit",
        1129 => "host-blocked",
        1130 => "no-host",
        1040 | 1203 => "full",
        _ => return Err(Why::Unexpected),
    }))
}

//! Packets of SSH: in the clear until keys are agreed on, then AES-GCM (RFC 4253, section 6; RFC 5647).

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::super::talk::Talk;
use crate::model::Why;

/// The largest packet that is taken (RFC 4253, section 6.1).
const LARGEST: usize = 35_000;
const TAG: usize = 16;

/// One direction's key and count.
pub(super) struct Sealer {
    key: LessSafeKey,
    fixed: [u8; 4],
    count: u64,
}

impl Sealer {
    /// From a key of 32 bytes, and a start of at least 12.
    pub(super) fn new(key: &[u8], start: &[u8]) -> Result<Self, Why> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| Why::Unusable)?;
        let (fixed, rest) = start.split_first_chunk::<4>().ok_or(Why::Unusable)?;
        let count = u64::from_be_bytes(*rest.first_chunk::<8>().ok_or(Why::Unusable)?);
        Ok(Self { key: LessSafeKey::new(key), fixed: *fixed, count })
    }

    fn nonce(&mut self) -> Nonce {
        let [a, b, c, d] = self.fixed;
        let [e, f, g, h, i, j, k, l] = self.count.to_be_bytes();
        self.count = self.count.wrapping_add(1);
        Nonce::assume_unique_for_key([a, b, c, d, e, f, g, h, i, j, k, l])
    }
}

/// A conversation of packets.
pub(super) struct Packets {
    pub(super) talk: Talk,
    sealers: Option<(Sealer, Sealer)>,
}

impl Packets {
    /// In the clear.
    pub(super) const fn new(talk: Talk) -> Self {
        Self { talk, sealers: None }
    }

    /// With keys from now on: for what is sent, and for what comes.
    pub(super) fn seal(&mut self, out: Sealer, back: Sealer) {
        self.sealers = Some((out, back));
    }

    /// Sends a message.
    pub(super) async fn send(&mut self, message: &[u8]) -> Result<(), Why> {
        // Sealed, the length is outside of what is a multiple of a block.
        let (outside, block) = if self.sealers.is_some() { (1, 16) } else { (5, 8) };
        let padding = block - (message.len() + outside) % block;
        let padding = if padding < 4 { padding + block } else { padding };
        let length = u32::try_from(1 + message.len() + padding).map_err(|_| Why::Unusable)?.to_be_bytes();
        let mut body = vec![u8::try_from(padding).unwrap_or(4)];
        body.extend_from_slice(message);
        body.resize(body.len() + padding, 0);
        if let Some((out, _)) = &mut self.sealers {
            let nonce = out.nonce();
            out.key.seal_in_place_append_tag(nonce, Aad::from(length), &mut body).map_err(|_| Why::Unusable)?;
        }
        self.talk.send(&[&length[..], &body].concat()).await
    }

    /// The next message; what is to be ignored, debug notes, banners and notes of extensions are left out.
    pub(super) async fn next(&mut self) -> Result<Vec<u8>, Why> {
        loop {
            let message = self.one().await?;
            match message.first() {
                Some(2 | 4 | 7 | 53) => {}
                Some(1) => return Err(Why::Unreachable),
                _ => return Ok(message),
            }
        }
    }

    async fn one(&mut self) -> Result<Vec<u8>, Why> {
        let head = self.talk.exact(4).await?;
        let length = <[u8; 4]>::try_from(head).map_err(|_| Why::Unexpected)?;
        let size = usize::try_from(u32::from_be_bytes(length)).map_err(|_| Why::TooLarge)?;
        if size > LARGEST {
            return Err(Why::TooLarge);
        }
        let mut body = self.talk.exact(size + if self.sealers.is_some() { TAG } else { 0 }).await?;
        if let Some((_, back)) = &mut self.sealers {
            let nonce = back.nonce();
            let opened = back.key.open_in_place(nonce, Aad::from(length), &mut body);
            opened.map_err(|_| Why::Unexpected)?;
            body.truncate(size);
        }
        let (padding, rest) = body.split_first().ok_or(Why::Unexpected)?;
        let end = rest.len().checked_sub(usize::from(*padding)).ok_or(Why::Unexpected)?;
        rest.get(..end).map(<[u8]>::to_vec).ok_or(Why::Unexpected)
    }
}

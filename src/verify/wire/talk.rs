//! A conversation over a connection that `connect` opened: what is sent, and a bounded amount of what comes back.
//!
//! A server that sends more than [`MOST`] bytes, whatever they are, is not one that a login is learnt from.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::model::Why;
use crate::verify::connect::{Network, Stream};
use crate::verify::endpoints::Place;

/// The most bytes that are read in one login.
const MOST: usize = 64 << 10;
/// The most bytes of a line.
const LINE: usize = 8 << 10;

/// One connection, in use.
pub(super) struct Talk {
    stream: Stream,
    left: usize,
    secured: bool,
}

impl Talk {
    /// A conversation without TLS yet.
    pub(super) async fn plain(network: &Network, place: &Place) -> Result<Self, Why> {
        Ok(Self { stream: network.plain(place).await?, left: MOST, secured: false })
    }

    /// A conversation by TLS from its first byte.
    pub(super) async fn secured(network: &Network, place: &Place) -> Result<Self, Why> {
        Ok(Self { stream: network.connect(place).await?, left: MOST, secured: place.tls })
    }

    /// The same; without TLS only with this machine.
    pub(super) async fn implicit(network: &Network, place: &Place) -> Result<Self, Why> {
        match Self::secured(network, place).await {
            Err(Why::Tls) if place.is_loopback() => Self::plain(network, place).await,
            other => other,
        }
    }

    /// Turns to TLS.
    pub(super) async fn secure(self, network: &Network, place: &Place) -> Result<Self, Why> {
        Ok(Self { stream: network.secure(self.stream, place).await?, left: self.left, secured: true })
    }

    /// Whether nobody between here and there can read it.
    pub(super) const fn is_secured(&self) -> bool {
        self.secured
    }

    /// Whether a password may be sent now.
    pub(super) fn may_tell(&self, place: &Place) -> Result<(), Why> {
        if self.secured || place.is_loopback() { Ok(()) } else { Err(Why::Tls) }
    }

    /// Sends.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), Why> {
        self.stream.write_all(bytes).await.map_err(|_| Why::Unreachable)?;
        self.stream.flush().await.map_err(|_| Why::Unreachable)
    }

    /// The next `count` bytes.
    pub(super) async fn exact(&mut self, count: usize) -> Result<Vec<u8>, Why> {
        self.left = self.left.checked_sub(count).ok_or(Why::TooLarge)?;
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).await.map_err(|_| Why::Unreachable)?;
        Ok(bytes)
    }

    /// The next byte.
    pub(super) async fn byte(&mut self) -> Result<u8, Why> {
        self.left = self.left.checked_sub(1).ok_or(Why::TooLarge)?;
        self.stream.read_u8().await.map_err(|_| Why::Unreachable)
    }

    /// The next line, without its end.
    pub(super) async fn line(&mut self) -> Result<Vec<u8>, Why> {
        let mut line = Vec::new();
        loop {
            match self.byte().await? {
                b'\n' => break,
                byte if line.len() < LINE => line.push(byte),
                _ => return Err(Why::TooLarge),
            }
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(line)
    }
}

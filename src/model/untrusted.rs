//! Text that came from outside: paths, names, messages, answers.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes from a scanned tree or a provider (invariant 12).
///
/// There is no `Display`: whoever prints it passes it through the escaper of the sink it goes to
/// (`report::escape`). A path keeps its raw bytes, so that names which are not UTF-8 survive.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Untrusted(Arc<[u8]>);

impl Untrusted {
    /// Wraps bytes from outside.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(Arc::from(bytes))
    }

    /// The raw bytes, for an escaper or for opening a file.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.0
    }
}

/// In the ledger: a text, or a list of bytes where they are no UTF-8. A report's formats have escapers instead.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored<'a> {
    Text(std::borrow::Cow<'a, str>),
    Bytes(Vec<u8>),
}

impl Serialize for Untrusted {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => Stored::Text(text.into()).serialize(to),
            Err(_) => Stored::Bytes(self.0.to_vec()).serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Untrusted {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match Stored::deserialize(from)? {
            Stored::Text(text) => Self::from(text.as_ref()),
            Stored::Bytes(bytes) => Self::new(&bytes),
        })
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl std::fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Untrusted(\"{}\")", self.0.escape_ascii())
    }
}

//! Text that came from outside: paths, names, messages, answers.

use std::sync::Arc;

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

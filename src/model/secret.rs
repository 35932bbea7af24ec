//! The bytes of a credential, and the only form of them that may be shown.

use std::collections::{BTreeSet, HashMap};

use zeroize::Zeroize;

use super::Untrusted;

/// The bytes of a credential.
///
/// It has no `Display` and no `Serialize`, its `Debug` shows a length only, and its memory is wiped on
/// drop (invariant 1). The bytes are read through [`Secret::expose`] alone; `tests/tidy.rs` lists who may
/// call it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes ownership of the bytes of a credential.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves. Every caller answers for where they go.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it stands in a text, byte for byte.
    #[must_use]
    pub fn stands_in(&self, text: &[u8]) -> bool {
        !self.0.is_empty() && memchr::memmem::find(text, &self.0).is_some()
    }

    /// The form that may be shown: at most the format's `public` first bytes, and the length.
    ///
    /// Nothing of the tail is shown, and nothing of the head where the format has no public prefix. A prefix
    /// that would be more than half of the secret is not a prefix and is left out.
    #[must_use]
    pub fn redacted(&self, public: usize) -> Redacted {
        let head = self.0.get(..public).filter(|_| public * 2 <= self.0.len()).unwrap_or_default();
        let printable = head.iter().all(|b| b.is_ascii_graphic());
        let prefix = if printable { String::from_utf8_lossy(head).into_owned() } else { String::new() };
        Redacted { prefix, length: self.0.len(), is_name: false }
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// What may be shown of a [`Secret`]: the public prefix of its format and its length in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    prefix: String,
    length: usize,
    /// Whether it is a name, which is shown whole.
    is_name: bool,
}

impl Redacted {
    /// The longest name that is shown, in characters.
    const NAME: usize = 120;

    /// For what is known by its name alone: the name, as far as it is plain text.
    #[must_use]
    pub fn of_name(name: &Untrusted) -> Self {
        let plain = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
        let prefix: String = String::from_utf8_lossy(name.raw()).chars().take(Self::NAME).map(plain).collect();
        Self { length: prefix.len(), prefix, is_name: true }
    }

    /// The leading bytes that may be shown.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl std::fmt::Display for Redacted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.is_name {
            true => f.write_str(&self.prefix),
            false => write!(f, "{}… ({} bytes)", self.prefix, self.length),
        }
    }
}

/// Which of several texts quote a secret: texts that somebody wrote about a finding and that are shown beside it.
///
/// A text quotes a secret if it has eight bytes of it in a row, beyond the prefix that may be shown, or all of a shorter
/// one. Each secret is looked at once, however many texts there are.
#[derive(Debug)]
pub struct Quotes<'t> {
    texts: Vec<&'t [u8]>,
    /// Where each stretch of the texts stands, by text.
    stretches: HashMap<&'t [u8], Vec<usize>>,
    quoting: BTreeSet<usize>,
}

impl<'t> Quotes<'t> {
    const STRETCH: usize = 8;

    /// Takes the texts.
    #[must_use]
    pub fn new(texts: Vec<&'t [u8]>) -> Self {
        let mut stretches: HashMap<&'t [u8], Vec<usize>> = HashMap::new();
        for (number, text) in texts.iter().enumerate() {
            for stretch in text.windows(Self::STRETCH) {
                let at = stretches.entry(stretch).or_default();
                if at.last() != Some(&number) {
                    at.push(number);
                }
            }
        }
        Self { texts, stretches, quoting: BTreeSet::new() }
    }

    /// Notes which texts quote a secret, of which `shown` may be seen.
    pub fn look(&mut self, secret: &Secret, shown: &Redacted) {
        let hidden = secret.0.get(shown.prefix.len()..).unwrap_or_default();
        if hidden.len() < Self::STRETCH {
            let whole = |text: &&[u8]| !hidden.is_empty() && text.windows(hidden.len()).any(|w| w == hidden);
            self.quoting.extend(self.texts.iter().enumerate().filter(|(_, t)| whole(t)).map(|(number, _)| number));
        }
        let found = hidden.windows(Self::STRETCH).filter_map(|stretch| self.stretches.get(stretch));
        self.quoting.extend(found.flatten());
    }

    /// Whether the text of this number quotes a secret that was looked at.
    #[must_use]
    pub fn quotes(&self, number: usize) -> bool {
        self.quoting.contains(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redaction_shows_a_public_prefix_and_never_a_tail() {
        let secret = Secret::new(b"abcd_0123456789".to_vec());
        assert_eq!(secret.redacted(5).to_string(), "abcd_… (15 bytes)");
        assert_eq!(secret.redacted(0).to_string(), "… (15 bytes)");
        assert_eq!(secret.redacted(8).to_string(), "… (15 bytes)", "more than half is no prefix");
        assert_eq!(Secret::new(b"\x1b[31mabcdefgh".to_vec()).redacted(4).to_string(), "… (13 bytes)");
    }

    #[test]
    fn a_text_quotes_a_secret_beyond_its_public_prefix() {
        let texts = ["about abcd_ tokens", "the one with 0123456 in it", "it was 01234567", "pin 4711", "none"];
        let mut quotes = Quotes::new(texts.iter().map(|t| t.as_bytes()).collect());
        for (secret, public) in [(&b"abcd_0123456789"[..], 5), (b"4711", 0), (b"", 0)] {
            let secret = Secret::new(secret.to_vec());
            quotes.look(&secret, &secret.redacted(public));
        }
        let quoting: Vec<bool> = (0..texts.len()).map(|number| quotes.quotes(number)).collect();
        assert_eq!(quoting, [false, false, true, true, false]);
    }

    #[test]
    fn debug_does_not_show_the_bytes() {
        assert_eq!(format!("{:?}", Secret::new(b"hunter2".to_vec())), "Secret(7 bytes)");
    }
}

//! Names of git objects.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The id of a git object: the SHA-1 (20 bytes) or SHA-256 (32 bytes) of its content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    bytes: [u8; 32],
    len: u8,
}

impl ObjectId {
    /// The id that these bytes spell; `None` where they are neither 20 nor 32.
    #[must_use]
    pub fn new(raw: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        matches!(raw.len(), 20 | 32).then(|| bytes.iter_mut().zip(raw).for_each(|(to, from)| *to = *from))?;
        Some(Self { bytes, len: raw.len() as u8 })
    }

    /// Reads 40 or 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
        let bytes: Option<Vec<u8>> = text
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
                _ => None,
            })
            .collect();
        Self::new(&bytes?)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::from_hex(text.as_bytes()).ok_or_else(|| serde::de::Error::custom("no id of a git object"))
    }
}

impl std::fmt::Display for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_bytes().iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl std::fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_from_hex_and_shown_as_hex() {
        for digits in [40, 64] {
            let text: String = "0123456789abcdef".chars().cycle().take(digits).collect();
            assert_eq!(ObjectId::from_hex(text.as_bytes()).unwrap().to_string(), text);
        }
        assert!(ObjectId::from_hex(b"0123").is_none() && ObjectId::from_hex(&[b'g'; 40]).is_none());
    }
}

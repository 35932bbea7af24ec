//! How the text of a file is encoded, and the form of it that is scanned.
//!
//! Detection runs on bytes and knows ASCII. Encodings of wider units are narrowed, one byte a unit, so that an
//! offset in the narrowed text gives the offset in the file by a multiplication; a unit beyond ASCII becomes
//! [`Encoding::WIDE`]. Eight-bit encodings (UTF-8, Latin-1) are scanned as they are.

/// An encoding whose units are of one width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, Latin-1, ASCII, or bytes of no text at all.
    EightBit,
    /// UTF-16, little end first.
    Utf16Le,
    /// UTF-16, big end first.
    Utf16Be,
    /// UTF-32, little end first.
    Utf32Le,
    /// UTF-32, big end first.
    Utf32Be,
}

impl Encoding {
    /// What a unit beyond ASCII becomes: a byte that is in no token.
    pub const WIDE: u8 = 0xFF;

    /// What the second half of a character beyond the basic plane becomes in UTF-16: in no token either, and no
    /// character of its own.
    pub const LOW: u8 = 0xFE;

    /// Finds the encoding by the mark at the start of a file, or, without one, by where its zeros are.
    ///
    /// UTF-16 that is little end first and has no mark is not told from binary: both are scanned as bytes and, where
    /// there are zeros, as UTF-16 too.
    #[must_use]
    pub fn detect(start: &[u8]) -> Self {
        match start {
            [0xFF, 0xFE, 0, 0, ..] => Self::Utf32Le,
            [0, 0, 0xFE, 0xFF, ..] => Self::Utf32Be,
            [0xFF, 0xFE, ..] => Self::Utf16Le,
            [0xFE, 0xFF, ..] => Self::Utf16Be,
            _ => Self::unmarked(start.get(..start.len().min(4096)).unwrap_or_default()),
        }
    }

    /// Whether a file starts with a mark of its encoding, which is no character of its text.
    #[must_use]
    pub fn marked(start: &[u8]) -> bool {
        matches!(start, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, 0, 0xFE, 0xFF, ..] | [0xEF, 0xBB, 0xBF, ..])
    }

    /// Whether there may be a run of at least eight ASCII characters in UTF-16, little end first, at even or odd places;
    /// what has none has no match either. Most binaries have none, and need not be read that way.
    #[must_use]
    pub fn may_be_utf16(bytes: &[u8]) -> bool {
        // Such a run has four whole characters at a multiple of eight, or at the place behind one.
        let four = |word: [u8; 8]| {
            let word = u64::from_le_bytes(word);
            let ascii = word & 0xFF80_FF80_FF80_FF80 == 0;
            ascii && word.wrapping_sub(0x0001_0001_0001_0001) & 0x8000_8000_8000_8000 == 0
        };
        let any = |bytes: &[u8]| bytes.as_chunks::<8>().0.iter().any(|word| four(*word));
        any(bytes) || any(bytes.get(1..).unwrap_or_default())
    }

    fn unmarked(start: &[u8]) -> Self {
        if memchr::memchr(0, start).is_none() {
            return Self::EightBit;
        }
        let share = |width: usize, fits: fn(&[u8]) -> bool| {
            let units = start.len() / width;
            units >= 4 && start.chunks_exact(width).filter(|u| fits(u)).count() * 10 > units * 7
        };
        match () {
            () if share(4, |u| matches!(u, [a, b, 0..=0x10, 0] if a | b != 0)) => Self::Utf32Le,
            () if share(4, |u| matches!(u, [0, 0..=0x10, a, b] if a | b != 0)) => Self::Utf32Be,
            () if share(2, |u| matches!(u, [0, 1..=255])) => Self::Utf16Be,
            () => Self::EightBit,
        }
    }

    /// Bytes in a unit.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::EightBit => 1,
            Self::Utf16Le | Self::Utf16Be => 2,
            Self::Utf32Le | Self::Utf32Be => 4,
        }
    }

    /// The code point of a unit; surrogates as they stand.
    fn unit(self, bytes: &[u8]) -> u32 {
        match (self, bytes) {
            (Self::Utf16Le, [a, b]) => u32::from(u16::from_le_bytes([*a, *b])),
            (Self::Utf16Be, [a, b]) => u32::from(u16::from_be_bytes([*a, *b])),
            (Self::Utf32Le, [a, b, c, d]) => u32::from_le_bytes([*a, *b, *c, *d]),
            (Self::Utf32Be, [a, b, c, d]) => u32::from_be_bytes([*a, *b, *c, *d]),
            (_, [a, ..]) => u32::from(*a),
            (_, []) => 0,
        }
    }

    /// Writes the narrowed form of whole units into `out`, which is emptied first. Eight-bit text is left out:
    /// it is its own form.
    pub fn narrow(self, raw: &[u8], out: &mut Vec<u8>) {
        out.clear();
        if self == Self::Utf16Le {
            // Binaries are read this way too, twice: worth a loop without a call for each unit.
            let beyond = |high: u8| if high & 0xFC == 0xDC { Self::LOW } else { Self::WIDE };
            let narrow = |low: u8, high: u8| if high == 0 && low < 0x80 { low } else { beyond(high) };
            return out.extend(raw.as_chunks::<2>().0.iter().map(|[low, high]| narrow(*low, *high)));
        }
        let low = self.width() == 2;
        let byte = |unit: u32| match u8::try_from(unit) {
            Ok(ascii @ 0..=0x7F) => ascii,
            _ if low && (0xDC00..0xE000).contains(&unit) => Self::LOW,
            _ => Self::WIDE,
        };
        out.extend(raw.chunks_exact(self.width()).map(|u| byte(self.unit(u))));
    }

    /// The bytes of a secret as people write it: UTF-8 for wide encodings, the bytes themselves for others.
    #[must_use]
    pub fn to_utf8(self, raw: &[u8]) -> Vec<u8> {
        match self {
            Self::EightBit => raw.to_vec(),
            Self::Utf16Le | Self::Utf16Be => {
                let units: Vec<u16> = raw.chunks_exact(2).map(|u| self.unit(u) as u16).collect();
                String::from_utf16_lossy(&units).into_bytes()
            }
            Self::Utf32Le | Self::Utf32Be => raw
                .chunks_exact(4)
                .map(|u| char::from_u32(self.unit(u)).unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect::<String>()
                .into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(text: &str, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::EightBit => text.as_bytes().to_vec(),
            Encoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Encoding::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Encoding::Utf32Le => text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
            Encoding::Utf32Be => text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(),
        }
    }

    #[test]
    fn eight_characters_of_utf16_are_noticed_wherever_they_stand() {
        for before in 0..20 {
            let text = [vec![0xC3; before], encode("password", Encoding::Utf16Le), vec![0xC3; 9]].concat();
            assert!(Encoding::may_be_utf16(&text), "after {before} bytes");
        }
        assert!(!Encoding::may_be_utf16(&[0, 0, 1, 0, 0, 0, 0, 0, 200, 0, 65, 0, 66, 0, 0, 0].repeat(9)));
        assert!(!Encoding::may_be_utf16(b"plain text of eight bits"));
    }

    #[test]
    fn every_encoding_is_found_by_its_mark_and_read_back() {
        use Encoding::{EightBit, Utf16Be, Utf16Le, Utf32Be, Utf32Le};
        for encoding in [Utf16Le, Utf16Be, Utf32Le, Utf32Be] {
            let raw = encode("\u{feff}päss=wörd", encoding);
            assert_eq!(Encoding::detect(&raw), encoding);
            let mut narrow = Vec::new();
            encoding.narrow(&raw, &mut narrow);
            assert_eq!(narrow, b"\xFFp\xFFss=w\xFFrd");
            assert_eq!(encoding.to_utf8(&raw), "\u{feff}päss=wörd".as_bytes());
        }
        for encoding in [Utf32Le, Utf32Be, Utf16Be] {
            assert_eq!(Encoding::detect(&encode("password", encoding)), encoding, "without a mark");
        }
        for text in ["plain", "", "é"] {
            assert_eq!(Encoding::detect(text.as_bytes()), EightBit);
        }
    }
}

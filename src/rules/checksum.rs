//! Checksums that token formats carry in themselves, by name. A rule names one; none belongs to a provider.

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A checksum inside a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// `crc32-base62`: the last six characters are the CRC-32 (IEEE) of what stands between the last `_` and
    /// them, in base 62 (digits, upper case, lower case), padded with `0`. GitHub, "Behind GitHub's new
    /// authentication token formats" (2021); npm uses the same.
    Crc32Base62,
    /// `crc32-hex`: the eight characters after the last `_` are the CRC-32 (IEEE) of all before that `_`, as
    /// hexadecimal bytes, least significant first. Grafana's service-account tokens (`pkg/components/satokengen`).
    Crc32Hex,
}

impl Checksum {
    /// Every checksum, with its name in rule files.
    pub const ALL: &'static [(&'static str, Self)] =
        &[("crc32-base62", Self::Crc32Base62), ("crc32-hex", Self::Crc32Hex)];

    /// The checksum of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, checksum)| *checksum)
    }

    /// The variant of that name in a rule set's tables.
    #[must_use]
    pub const fn variant(self) -> &'static str {
        match self {
            Self::Crc32Base62 => "Crc32Base62",
            Self::Crc32Hex => "Crc32Hex",
        }
    }

    /// Whether the checksum that a token carries is the one that its other bytes give.
    #[must_use]
    pub fn holds(self, token: &[u8]) -> bool {
        self.split(token).is_some_and(|(body, sum)| self.sum(body) == sum)
    }

    /// Writes the right checksum into a token of the right form; leaves any other as it is.
    pub fn mend(self, token: &mut [u8]) {
        let Some((body, sum)) = self.split(token) else { return };
        let (right, start) = (self.sum(body), token.len() - sum.len());
        if let Some(place) = token.get_mut(start..).filter(|p| p.len() == right.len()) {
            place.copy_from_slice(&right);
        }
    }

    /// The bytes that are summed, and the sum as it is written: the token's tail.
    fn split(self, token: &[u8]) -> Option<(&[u8], &[u8])> {
        let mark = token.iter().rposition(|b| *b == b'_')?;
        match self {
            Self::Crc32Base62 => {
                token.get(mark + 1..).filter(|rest| rest.len() > 6).map(|rest| rest.split_at(rest.len() - 6))
            }
            Self::Crc32Hex => Some((token.get(..mark)?, token.get(mark + 1..).filter(|sum| sum.len() == 8)?)),
        }
    }

    fn sum(self, body: &[u8]) -> Vec<u8> {
        let mut sum = crc32fast::hash(body);
        match self {
            Self::Crc32Hex => format!("{:08x}", sum.swap_bytes()).into_bytes(),
            Self::Crc32Base62 => {
                let mut digits = vec![b'0'; 6];
                for digit in digits.iter_mut().rev() {
                    *digit = BASE62.get((sum % 62) as usize).copied().unwrap_or(b'0');
                    sum /= 62;
                }
                digits
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mended_token_holds_and_any_change_breaks_it() {
        for (_, checksum) in Checksum::ALL {
            let tail = if *checksum == Checksum::Crc32Hex { "_00000000" } else { "000000" };
            let mut token = format!("abc_{}{tail}", "x1Y".repeat(10)).into_bytes();
            assert!(!checksum.holds(&token));
            checksum.mend(&mut token);
            assert!(checksum.holds(&token), "{}", String::from_utf8_lossy(&token));
            token[5] ^= 1;
            assert!(!checksum.holds(&token));
        }
    }

    #[test]
    fn the_sum_is_the_documented_one() {
        // CRC-32 of "123456789" is 0xCBF43926, the check value of the CRC catalogue.
        let mut token = *b"_123456789000000";
        Checksum::Crc32Base62.mend(&mut token);
        let value = token[10..].iter().fold(0u64, |n, b| n * 62 + BASE62.iter().position(|d| d == b).unwrap() as u64);
        assert_eq!(value, 0xCBF4_3926);
        let mut token = *b"123456789_00000000";
        Checksum::Crc32Hex.mend(&mut token);
        assert_eq!(&token[10..], b"2639f4cb");
    }

    #[test]
    fn a_token_without_the_form_neither_holds_nor_is_changed() {
        for (_, checksum) in Checksum::ALL {
            for bad in ["", "_", "abc", "abc_12345"] {
                let mut token = bad.as_bytes().to_vec();
                checksum.mend(&mut token);
                assert_eq!(token, bad.as_bytes());
                assert!(!checksum.holds(&token));
            }
        }
    }
}

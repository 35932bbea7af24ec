//! The account that an AWS key id names, without asking anybody.

/// The account of an AWS key id: the ten characters after the first six, in base 32, hold it in bits 7 to 46 of
/// their first 48 (Aidan Steele, "AWS access key ID formats", 2020; Tal Be'ery, 2023). Older ids hold none.
#[must_use]
pub fn aws_account(id: &[u8]) -> Option<String> {
    let body = id.get(4..).filter(|b| b.len() == 16)?;
    let mut bits: u128 = 0;
    for b in body {
        let digit = match b {
            b'A'..=b'Z' => b - b'A',
            b'2'..=b'7' => b - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u128::from(digit);
    }
    let first48 = (bits >> 32) as u64;
    let account = (first48 & 0x7FFF_FFFF_FF80) >> 7;
    // Ids from before 2019 (their fifth character is below Q) hold something else.
    (id.get(4)? >= &b'Q' && account < 1_000_000_000_000).then(|| format!("{account:012}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aws_account_is_read_from_its_key_id() {
        // Writes an account where the id keeps it, then reads it back.
        let account: u64 = 123_456_789_012;
        let bits = (u128::from(account << 7 | 1 << 47)) << 32;
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let body: String = (0..16).rev().map(|i| digits[(bits >> (5 * i)) as usize & 31] as char).collect();
        assert_eq!(aws_account(format!("AKIA{body}").as_bytes()).as_deref(), Some("123456789012"));
        assert_eq!(aws_account(b"AKIA0"), None);
    }
}

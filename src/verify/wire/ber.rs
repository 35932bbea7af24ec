//! Tags, lengths and values (X.690), as far as LDAP and the keys of SSH need them. What is nested is read one level at a
//! time: libraries that read all of it at once can be sent a depth that no stack holds.

/// One value with its tag.
#[must_use]
pub(super) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|b| *b == 0).collect();
    let mut all = vec![tag];
    match significant.as_slice() {
        [] => all.push(0),
        [short] if *short < 0x80 => all.push(*short),
        long => {
            all.push(0x80 | u8::try_from(long.len()).unwrap_or(0x7f));
            all.extend_from_slice(long);
        }
    }
    all.extend_from_slice(content);
    all
}

/// Reads values one after another.
pub(super) struct Reader<'b>(pub(super) &'b [u8]);

impl<'b> Reader<'b> {
    /// The next value, with its tag.
    pub(super) fn any(&mut self) -> Option<(u8, &'b [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, mut rest) = rest.split_first()?;
        let mut length = usize::from(*first);
        if *first >= 0x80 {
            let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if bytes.is_empty() || bytes.len() > 4 {
                return None;
            }
            length = bytes.iter().fold(0, |sum, b| sum << 8 | usize::from(*b));
            rest = after;
        }
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    /// The next value, if it has that tag.
    pub(super) fn tagged(&mut self, tag: u8) -> Option<&'b [u8]> {
        let mut ahead = Reader(self.0);
        let (found, content) = ahead.any()?;
        (found == tag).then(|| self.0 = ahead.0)?;
        Some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let content = vec![7; length];
            let mut all = value(0x30, &content);
            all.push(1);
            let mut reader = Reader(&all);
            assert_eq!(reader.tagged(0x31), None);
            assert_eq!(reader.tagged(0x30), Some(&content[..]), "{length}");
            assert_eq!(reader.0, [1]);
            assert_eq!(Reader(&all[..all.len() - 2]).any(), None, "cut short");
        }
        assert_eq!(Reader(&[0x30, 0x80]).any(), None);
        assert_eq!(Reader(&[0x30, 0xff, 1, 1]).any(), None);
    }
}

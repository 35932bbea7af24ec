//! What a server says that it has: its refs, as the first answer of the smart protocol lists them.
//!
//! libgit2 reads the same bytes after us. It is read here first since its bindings cannot hold a name that is not UTF-8,
//! and to say what is wrong in words.

use std::collections::BTreeMap;

use super::{RemoteError, quoted};
use crate::model::{ObjectId, Untrusted};

/// The refs of a server.
#[derive(Debug, Default)]
pub(super) struct Advertisement {
    /// By name; none of them is `HEAD`, and every name is one that git allows.
    pub(super) refs: BTreeMap<Vec<u8>, ObjectId>,
    /// What `HEAD` is: the name of a ref, or else a commit.
    pub(super) head: Option<Head>,
    /// Names that git does not allow.
    pub(super) refused: Vec<Untrusted>,
}

/// What `HEAD` is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    Ref(Vec<u8>),
    Commit(ObjectId),
}

impl Advertisement {
    /// Reads `# service=git-upload-pack`, a flush, a line a ref, a flush.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, RemoteError> {
        let broken = |why: &str| RemoteError::Broken(why.to_owned());
        let mut rest = bytes;
        if packet(&mut rest)?.is_none_or(|line| line.trim_ascii_end() != b"# service=git-upload-pack") {
            return Err(broken("it does not name the service"));
        }
        if packet(&mut rest)?.is_some() {
            return Err(broken("the list of refs does not start where it should"));
        }
        let mut out = Self::default();
        let mut detached = None;
        while let Some(line) = packet(&mut rest)? {
            let (line, capabilities) = halves(line, 0).unwrap_or((line, b""));
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            if let Some(message) = line.strip_prefix(b"ERR ") {
                let message = quoted(&String::from_utf8_lossy(message));
                return Err(RemoteError::Broken(format!("it says `{message}`")));
            }
            for capability in capabilities.trim_ascii_end().split(|b| *b == b' ') {
                match halves(capability, b'=') {
                    Some((b"object-format", format)) if format != b"sha1" => {
                        return Err(broken(
                            "its objects have SHA-256 names, which cannot be cloned yet; scan a clone of your own with --history",
                        ));
                    }
                    Some((b"symref", of)) => {
                        if let Some((b"HEAD", name)) = halves(of, b':') {
                            out.head = is_allowed(name).then(|| Head::Ref(name.to_vec()));
                        }
                    }
                    _ => {}
                }
            }
            if line.starts_with(b"shallow ") {
                // libgit2 does not read such a list.
                return Err(broken("the repository is shallow on its server, and has no whole history there"));
            }
            let (id, name) = halves(line, b' ').ok_or_else(|| broken("a line of it names no ref"))?;
            let id = ObjectId::from_hex(id).ok_or_else(|| broken("a line of it has no object's name"))?;
            match name {
                b"HEAD" => detached = Some(Head::Commit(id)),
                // Of no ref; and what an annotated tag leads to.
                b"capabilities^{}" => {}
                _ if name.ends_with(b"^{}") => {}
                _ if is_allowed(name) => drop(out.refs.insert(name.to_vec(), id)),
                _ => out.refused.push(Untrusted::new(name)),
            }
        }
        out.head = out.head.or(detached);
        Ok(out)
    }

    /// The refs as a file of packed refs.
    pub(super) fn packed_refs(&self) -> Vec<u8> {
        let mut out = b"# pack-refs with: sorted \n".to_vec();
        for (name, id) in &self.refs {
            out.extend_from_slice(format!("{id} ").as_bytes());
            out.extend_from_slice(name);
            out.push(b'\n');
        }
        out
    }

    /// Whether there is nothing to fetch.
    pub(super) fn is_empty(&self) -> bool {
        self.refs.is_empty() && !matches!(self.head, Some(Head::Commit(_)))
    }
}

/// What stands before and behind the first such byte.
fn halves(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = text.iter().position(|b| *b == at)?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

/// Takes a packet: four hexadecimal digits of its length with them, and its bytes. `None` is a flush.
fn packet<'b>(rest: &mut &'b [u8]) -> Result<Option<&'b [u8]>, RemoteError> {
    let cut = || RemoteError::Broken("it ends too early".to_owned());
    let (digits, after) = rest.split_at_checked(4).ok_or_else(cut)?;
    let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
    let length = digits.and_then(|d| usize::from_str_radix(d, 16).ok());
    let length = length.ok_or_else(|| RemoteError::Broken("it is not in packets".to_owned()))?;
    let Some(length) = length.checked_sub(4) else {
        *rest = after;
        return if length == 0 { Ok(None) } else { Err(RemoteError::Broken("it is not in packets".to_owned())) };
    };
    let (line, after) = after.split_at_checked(length).ok_or_else(cut)?;
    *rest = after;
    Ok(Some(line))
}

/// Whether git allows a name for a ref: what it forbids could leave the folder of refs or break a line.
fn is_allowed(name: &[u8]) -> bool {
    let forbidden = |b: &u8| *b <= b' ' || *b == 0x7f || b"~^:?*[\\".contains(b);
    let part = |part: &[u8]| !part.is_empty() && !part.starts_with(b".") && !part.ends_with(b".lock");
    let pair = |wanted: &[u8]| name.windows(2).any(|w| w == wanted);
    name.starts_with(b"refs/")
        && !name.iter().any(forbidden)
        && !name.ends_with(b".")
        && !pair(b"..")
        && !pair(b"@{")
        && name.split(|b| *b == b'/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &[u8]) -> Vec<u8> {
        [format!("{:04x}", text.len() + 4).as_bytes(), text].concat()
    }

    fn answer(lines: &[&[u8]]) -> Vec<u8> {
        let mut out = line(b"# service=git-upload-pack\n");
        out.extend_from_slice(b"0000");
        lines.iter().for_each(|l| out.extend(line(l)));
        out.extend_from_slice(b"0000");
        out
    }

    fn id(digit: &str) -> String {
        digit.repeat(40)
    }

    #[test]
    fn refs_are_read_and_names_that_git_forbids_are_refused() {
        let first = format!("{} HEAD\0multi_ack symref=HEAD:refs/heads/main agent=x\n", id("a"));
        let names: Vec<Vec<u8>> = [&b"refs/heads/main"[..], b"refs/../x", b"refs/heads/\xff", b"refs/x\x1by", b"main"]
            .iter()
            .map(|name| [format!("{} ", id("b")).as_bytes(), name, b"\n"].concat())
            .collect();
        let tag = format!("{} refs/tags/v1^{{}}\n", id("c"));
        let mut lines: Vec<&[u8]> = vec![first.as_bytes()];
        lines.extend(names.iter().map(Vec::as_slice));
        lines.push(tag.as_bytes());
        let read = Advertisement::parse(&answer(&lines)).unwrap();
        assert_eq!(read.head, Some(Head::Ref(b"refs/heads/main".to_vec())));
        assert_eq!(read.refs.keys().collect::<Vec<_>>(), [&b"refs/heads/main"[..], b"refs/heads/\xff"]);
        assert_eq!(read.refused.len(), 3);
        assert!(read.packed_refs().ends_with(b" refs/heads/\xff\n"));
    }

    #[test]
    fn broken_answers_are_told() {
        let whole = answer(&[format!("{} refs/heads/a\0x\n", id("a")).as_bytes()]);
        assert_eq!(Advertisement::parse(&whole).unwrap().refs.len(), 1);
        for cut in 0..whole.len() {
            assert!(Advertisement::parse(&whole[..cut]).is_err(), "{cut}");
        }
        let format = format!("{} refs/heads/a\0object-format=sha256\n", "a".repeat(64));
        for lines in [&b"ERR \x1b[31mno\nmore"[..], b"x", b"zz refs/heads/a", format.as_bytes()] {
            let error = Advertisement::parse(&answer(&[lines])).unwrap_err();
            assert!(!error.to_string().contains(['\x1b', '\n']), "{error}");
        }
        for text in [&b""[..], b"<html>", b"0003", b"001e# service=git-upload-pack\n0000"] {
            assert!(Advertisement::parse(text).is_err());
        }
    }
}

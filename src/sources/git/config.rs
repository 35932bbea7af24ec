//! The few facts of a repository's `config` that say how its objects are to be read.
//!
//! It is the target's file, so nothing in it leads anywhere: `include` is a section like any other, and no value is a path
//! or a command to us. The format is that of git-config(1); what cannot be read is as if it were not there.

use super::repository::ObjectFormat;

/// What the configuration says of the objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    /// `extensions.objectFormat`; the last one counts.
    pub(super) format: ObjectFormat,
    /// Whether objects may be missing that a remote has promised: `extensions.partialClone`, or a remote's `promisor`.
    pub(super) partial: bool,
}

impl Config {
    /// Reads the text of a `config`.
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut config = Self::default();
        let mut section = Vec::new();
        for line in text.split(|b| *b == b'\n') {
            let mut line = line.trim_ascii();
            if let Some(header) = line.strip_prefix(b"[") {
                let end = header.iter().position(|b| *b == b']').unwrap_or(header.len());
                section = header.get(..end).unwrap_or_default().to_ascii_lowercase();
                line = header.get(end + 1..).unwrap_or_default().trim_ascii();
            }
            let mut parts = line.splitn(2, |b| *b == b'=');
            let key = parts.next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
            // A key without a value is true.
            let value = parts.next().map_or_else(|| b"true".to_vec(), plain);
            match (section.as_slice(), key.as_slice()) {
                (b"extensions", b"objectformat") => {
                    config.format = if value == b"sha256" { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
                }
                (b"extensions", b"partialclone") => config.partial = true,
                (name, b"promisor") if name.starts_with(b"remote") => {
                    config.partial |= matches!(value.as_slice(), b"true" | b"yes" | b"on" | b"1");
                }
                _ => {}
            }
        }
        config
    }
}

/// A value without its comment and quotes, in lower case.
fn plain(value: &[u8]) -> Vec<u8> {
    let end = value.iter().position(|b| matches!(b, b'#' | b';')).unwrap_or(value.len());
    let text = value.get(..end).unwrap_or_default().trim_ascii();
    text.iter().filter(|b| **b != b'"').map(u8::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_format_and_promises_are_read_and_nothing_else() {
        for (text, format, partial) in [
            ("", ObjectFormat::Sha1, false),
            ("[core]\n\tbare = true\n[extensions]\n\tobjectFormat = sha256\n", ObjectFormat::Sha256, false),
            ("[Extensions] objectformat=\"SHA256\" ; so\n", ObjectFormat::Sha256, false),
            ("[extensions]\nobjectformat = sha256\nobjectformat = sha1", ObjectFormat::Sha1, false),
            ("[core]\nobjectformat = sha256\n[include]\npath = /etc/passwd\n", ObjectFormat::Sha1, false),
            ("[remote \"origin\"]\n\tpromisor = true\n", ObjectFormat::Sha1, true),
            ("[remote \"origin\"]\n\tpromisor\n", ObjectFormat::Sha1, true),
            ("[remote \"origin\"]\n\tpromisor = false\n", ObjectFormat::Sha1, false),
            ("[extensions]\n\tpartialClone = origin\n", ObjectFormat::Sha1, true),
            ("]\n[[\n=\n[\n", ObjectFormat::Sha1, false),
        ] {
            assert_eq!(Config::parse(text.as_bytes()), Config { format, partial }, "{text}");
        }
    }
}

//! A file of the cache: what it is, for which rules, its content, and the SHA-256 of all that, which tells one that was
//! cut or damaged.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use crate::model::system_words;

/// How every file begins; the number changes with the format.
const START: &[u8] = b"quell cache 1\n";
/// The largest file that is read: the ids of 200 million objects.
const LARGEST: u64 = 4 << 30;
const HASH: usize = 32;

/// What a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Clean,
    Outcome,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Outcome => "outcome",
        }
    }
}

/// Makes a directory that nobody else may look into, and those above it.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Reads a file's content; `None` where it is not there. What is no file of this kind, for these rules, by this user, is
/// an error that says so.
pub(super) fn read(path: &Path, kind: Kind, rules: &[u8; 32]) -> Result<Option<Vec<u8>>, String> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(system_words(&e)),
    };
    let meta = file.metadata().map_err(|e| system_words(&e))?;
    if !meta.is_file() || meta.len() > LARGEST {
        return Err("it is no file, or too large for one of a cache".to_owned());
    }
    if meta.uid() != rustix::process::geteuid().as_raw() || meta.mode() & 0o022 != 0 {
        return Err("others own it or may write to it".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(|e| system_words(&e))?;
    let (content, hash) = bytes.split_at_checked(bytes.len().saturating_sub(HASH)).unwrap_or_default();
    if Sha256::digest(content).as_slice() != hash {
        return Err("it is damaged, or none of a cache".to_owned());
    }
    let head = head(kind, rules);
    let own = content.strip_prefix(head.as_slice()).ok_or("it is of another version, or for other rules")?;
    Ok(Some(own.to_vec()))
}

/// Writes a file anew, whole or not at all.
pub(super) fn write(path: &Path, kind: Kind, rules: &[u8; 32], content: &[u8]) -> io::Result<()> {
    let head = head(kind, rules);
    let mut hash = Sha256::new();
    hash.update(&head);
    hash.update(content);
    // Two scans at once write two files, and the later one stays.
    let new = path.with_extension(format!("{}.{}.new", kind.as_str(), std::process::id()));
    let written = create(&new).and_then(|mut file| {
        file.write_all(&head)?;
        file.write_all(content)?;
        file.write_all(hash.finalize().as_slice())
    });
    let renamed = written.and_then(|()| std::fs::rename(&new, path));
    if renamed.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    renamed
}

fn create(path: &Path) -> io::Result<File> {
    // What a scan left that was ended in the middle is in nobody's way.
    let _ = std::fs::remove_file(path);
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn head(kind: Kind, rules: &[u8; 32]) -> Vec<u8> {
    [START, kind.as_str().as_bytes(), b"\n", rules].concat()
}

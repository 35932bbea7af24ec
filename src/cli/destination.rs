//! Where a report goes: standard output, a file, or a device or pipe that a path names.
//!
//! A file is tried before the scan and replaced when the report is whole: it is written beside and renamed, so that a run
//! that fails leaves the old report as it was. What a path names is told by the file system, not by its spelling.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use crate::model::system_words;
use anyhow::{Result, anyhow};

/// Device and number: what makes two names the same file.
type Id = (u64, u64);

/// Where a report goes.
#[derive(Debug)]
pub(super) enum Destination {
    /// Standard output, whatever it was called.
    Stdout,
    /// A file that is replaced, or made.
    File(Target),
    /// A pipe or a device; where two reports may well go (`/dev/null`), without an id.
    Stream(PathBuf, File, Option<Id>),
}

/// A file that is replaced, or made.
#[derive(Debug)]
pub(super) struct Target {
    /// The path, links resolved.
    path: PathBuf,
    /// What is there already.
    old: Option<Metadata>,
    /// Whether its directory takes no other file: it is overwritten where it is.
    in_place: bool,
}

impl Destination {
    /// What a path names; fails where no report could be written to it. Pipes and devices are opened, and files only tried.
    pub(super) fn prepare(path: &Path) -> Result<Self> {
        let failed = |why: &str, help: &str| failed(path, why, help);
        let refused = |e: io::Error| failed(&system_words(&e), "name a file that you may write");
        let meta = match std::fs::metadata(path) {
            Ok(meta) => meta,
            Err(e) if e.kind() == ErrorKind::NotFound => return Target::new(path).map(Self::File),
            Err(e) => return Err(refused(e)),
        };
        let id = (meta.dev(), meta.ino());
        let is = |fd: BorrowedFd<'_>| rustix::fs::fstat(fd).is_ok_and(|s| (s.st_dev, s.st_ino) == id);
        let null = std::fs::metadata("/dev/null").is_ok_and(|null| (null.dev(), null.ino()) == id);
        if meta.is_dir() {
            return Err(failed("it is a directory", "name a file in it"));
        } else if !null && is(rustix::stdio::stdout()) {
            return Ok(Self::Stdout);
        }
        // Opened, and not emptied: to know that it may be written.
        let open = OpenOptions::new().write(true).open(path).map_err(refused)?;
        if !meta.is_file() {
            return Ok(Self::Stream(path.to_owned(), open, (!null).then_some(id)));
        } else if is(rustix::stdio::stderr()) {
            return Err(failed("it is standard error, where messages go", "name another file"));
        }
        let path = path.canonicalize().map_err(refused)?;
        let in_place = Temporary::beside(&path, 0o600).is_err();
        Ok(Self::File(Target { path, old: Some(meta), in_place }))
    }

    /// Whether two reports would be written over or into each other.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let id = |d: &Self| match d {
            Self::Stdout => None,
            Self::File(target) => target.old.as_ref().map(|m| (m.dev(), m.ino())),
            Self::Stream(.., id) => *id,
        };
        match (self, other) {
            (Self::Stdout, Self::Stdout) => true,
            (Self::File(a), Self::File(b)) if a.path == b.path => true,
            _ => id(self).is_some() && id(self) == id(other),
        }
    }

    /// Writes a report; `private` keeps a new file from everybody else. Nobody who listens any more is no error.
    pub(super) fn write(&self, private: bool, report: impl Fn(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        let whole = |out: &mut dyn Write| {
            let mut out = BufWriter::new(out);
            report(&mut out).and_then(|()| out.flush())
        };
        match self {
            Self::Stdout => match whole(&mut io::stdout().lock()) {
                Err(e) if e.kind() != ErrorKind::BrokenPipe => {
                    Err(anyhow!("standard output cannot be written to: {}", system_words(&e)))
                }
                _ => Ok(()),
            },
            Self::Stream(path, file, _) => {
                let mut file = file;
                whole(&mut file).map_err(|e| failed(path, &system_words(&e), "name a file instead"))
            }
            Self::File(target) => target
                .write(private, whole)
                .map_err(|e| failed(&target.path, &system_words(&e), "make room, or name another file")),
        }
    }
}

impl Target {
    /// A file that is to be made.
    fn new(path: &Path) -> Result<Self> {
        let failed = |why: &str, help: &str| failed(path, why, help);
        if path.symlink_metadata().is_ok() {
            return Err(failed("it is a link that leads nowhere", "name the file itself"));
        }
        let name = path.file_name().filter(|_| !path.as_os_str().as_bytes().ends_with(b"/"));
        let name = name.ok_or_else(|| failed("it names no file", "name a file"))?;
        let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.canonicalize().map_err(|e| failed(&system_words(&e), "make its directory first"))?;
        let path = folder.join(name);
        Temporary::beside(&path, 0o600)
            .map_err(|e| failed(&system_words(&e), "name a file in a directory that you may write to"))?;
        Ok(Self { path, old: None, in_place: false })
    }

    fn write(&self, private: bool, report: impl Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let over = || OpenOptions::new().write(true).truncate(true).open(&self.path);
        if self.in_place {
            return report(&mut over()?);
        }
        let mut beside = Temporary::beside(&self.path, if private { 0o600 } else { 0o666 })?;
        report(&mut beside.file)?;
        if let Some(old) = &self.old {
            // As far as the system allows, it stays whose it was.
            let _ = fchown(&beside.file, Some(old.uid()), Some(old.gid()));
            beside.file.set_permissions(old.permissions())?;
        }
        match std::fs::rename(&beside.path, &self.path) {
            // A file that is mounted, or somebody else's in a shared directory, can be written and not replaced.
            Err(_) if self.old.is_some() => io::copy(&mut File::open(&beside.path)?, &mut over()?).map(|_| ()),
            renamed => renamed,
        }
    }
}

/// A file beside another, which is gone when it is dropped if nobody renamed it.
struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    /// Makes one in the directory of `path`.
    fn beside(path: &Path, mode: u32) -> io::Result<Self> {
        let mut number = 0;
        loop {
            let beside = path.with_file_name(format!(".quell-{}-{number}.tmp", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside) {
                Ok(file) => return Ok(Self { path: beside, file }),
                Err(e) if e.kind() == ErrorKind::AlreadyExists && number < 100 => number += 1,
                Err(e) => return Err(e),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn failed(path: &Path, why: &str, help: &str) -> anyhow::Error {
    anyhow!("the report `{}` cannot be written: {why}\n  help: {help}", path.display())
}

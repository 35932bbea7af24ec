//! Directories that hold objects: the repository's own, and those that it borrows from.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, fstat};

use super::fault::Fault;
use super::repository::{Access, OpenError};
use crate::model::{Coverage, GapKind, Untrusted, system_words};
use crate::sources::open;

/// How far alternates of alternates are followed; git does so as far.
const DEPTH: usize = 5;
/// The most alternates of a repository.
const MOST: usize = 64;
/// The largest list of alternates that is read.
const LIST: u64 = 1 << 20;

/// A directory with objects: loose ones in 256 directories, and packs in `pack`.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
    pub(super) fd: OwnedFd,
}

impl Directory {
    fn open(path: PathBuf) -> Result<Self, Fault> {
        let meta = path.symlink_metadata()?;
        if !meta.is_dir() {
            return Err(Fault::Unreadable("it is not a directory".to_owned()));
        }
        let fd = open::target(&path).map_err(|e| Fault::Unreadable(system_words(&e.into())))?;
        Ok(Self { path, fd })
    }

    /// The regular files in a directory of this one; none where there is no such directory. `each` gets their names.
    pub(super) fn list(&self, name: &str, mut each: impl FnMut(&[u8], FileType)) -> Result<(), Fault> {
        let Some(fd) = self.below(name)? else { return Ok(()) };
        open::entries(&fd, |name, kind| each(name.to_bytes(), kind))
            .map_err(|e| Fault::Unreadable(system_words(&e.into())))
    }

    fn below(&self, name: &str) -> Result<Option<OwnedFd>, Fault> {
        let name = CString::new(name).map_err(|_| Fault::Internal)?;
        match open::directory(&self.fd, &name) {
            Ok(fd) => Ok(Some(fd)),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(e) => Err(Fault::Unreadable(system_words(&e.into()))),
        }
    }

    /// Opens a regular file in a directory of this one, without following a link; `None` where there is none.
    pub(super) fn file(&self, directory: &str, name: &[u8]) -> Result<Option<File>, Fault> {
        let Some(fd) = self.below(directory)? else { return Ok(None) };
        let name = CString::new(name).map_err(|_| Fault::Internal)?;
        let file = match open::file(&fd, &name) {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(rustix::io::Errno::LOOP) => return Err(Fault::Unreadable("it is a link".to_owned())),
            Err(e) => return Err(Fault::Unreadable(system_words(&e.into()))),
        };
        let kind = fstat(&file).map(|s| FileType::from_raw_mode(s.st_mode));
        if kind == Ok(FileType::RegularFile) {
            Ok(Some(File::from(file)))
        } else {
            Err(Fault::Unreadable("it is not a regular file".to_owned()))
        }
    }

    /// Reads a file in a directory of this one whole, if it is no larger than `most`.
    pub(super) fn read(&self, directory: &str, name: &[u8], most: u64) -> Result<Option<Vec<u8>>, Fault> {
        let Some(file) = self.file(directory, name)? else { return Ok(None) };
        let size = file.metadata()?.len();
        if size > most {
            return Err(Fault::TooLarge { size, most });
        }
        let mut data = Vec::new();
        let wanted = usize::try_from(size).unwrap_or(usize::MAX);
        data.try_reserve_exact(wanted).map_err(|_| Fault::TooLarge { size, most })?;
        file.take(size).read_to_end(&mut data)?;
        Ok(Some(data))
    }

    /// Whether a pack here came from a remote that has promised what is missing.
    pub(super) fn is_promised(&self) -> bool {
        let mut found = false;
        let listed = self.list("pack", |name, _| found |= name.ends_with(b".promisor"));
        listed.is_ok() && found
    }
}

/// The directories that a repository reads from, its own `objects` first. `inside` are the roots of the target, without
/// links; an alternate elsewhere is refused and recorded.
pub(super) fn find(
    own: &Path,
    inside: &[PathBuf],
    access: &Access,
    coverage: &mut Coverage,
) -> Result<Vec<Directory>, OpenError> {
    let allowed = access.alternates.iter().chain(&access.received).filter_map(|p| p.canonicalize().ok());
    let inside: Vec<PathBuf> = inside.iter().cloned().chain(allowed).collect();
    let mut seen: Vec<PathBuf> = own.canonicalize().into_iter().collect();
    // A link is followed to where the alternates may lie.
    let linked = own.symlink_metadata().is_ok_and(|m| m.is_symlink());
    let real = seen.first().filter(|real| linked && inside.iter().any(|root| real.starts_with(root)));
    let mut found = vec![Directory::open(real.map_or(own, |r| r).to_path_buf()).map_err(|fault| match fault {
        Fault::Unreadable(why) if own.is_dir() && !linked => OpenError::Unreadable(why),
        _ => OpenError::NoObjects,
    })?];
    let mut ahead: Vec<(PathBuf, usize)> = access.received.iter().map(|path| (path.clone(), 0)).collect();
    ahead.extend(found.first().into_iter().flat_map(|own| alternates(own, coverage)).map(|path| (path, 1)));
    ahead.reverse();
    while let Some((path, depth)) = ahead.pop() {
        let name = Untrusted::new(path.as_os_str().as_bytes());
        let real = match path.canonicalize() {
            Ok(real) if seen.contains(&real) => continue,
            Ok(real) => real,
            Err(e) => {
                coverage.gap(GapKind::Missing, &name, format!("a directory of objects that is lent: {}", e.kind()));
                continue;
            }
        };
        seen.push(real.clone());
        if !inside.iter().any(|root| real.starts_with(root)) {
            let why = "objects are lent from this directory, which lies outside of the target, so it is not read";
            coverage.gap(GapKind::Outside, &name, why);
        } else if depth > DEPTH || found.len() > MOST {
            coverage.gap(GapKind::OverBudget, &name, "objects are lent over too many directories");
        } else {
            match Directory::open(real) {
                Ok(directory) => {
                    let more = alternates(&directory, coverage);
                    ahead.extend(more.into_iter().rev().map(|path| (path, depth + 1)));
                    found.push(directory);
                }
                Err(fault) => coverage.gap(fault.kind(), &name, fault.to_string()),
            }
        }
    }
    Ok(found)
}

/// The directories that `info/alternates` names: one a line, relative to the directory of objects.
fn alternates(directory: &Directory, coverage: &mut Coverage) -> Vec<PathBuf> {
    let text = directory.read("info", b"alternates", LIST).unwrap_or_else(|fault| {
        let name = directory.path.join("info/alternates");
        coverage.gap(fault.kind(), &Untrusted::new(name.as_os_str().as_bytes()), fault.to_string());
        None
    });
    let text = text.unwrap_or_default();
    let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    lines.map(|line| directory.path.join(OsStr::from_bytes(line))).collect()
}

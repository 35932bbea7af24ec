//! Small files of a git directory, read line by line and never longer than it takes.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Take};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, fstat};
use rustix::io::Errno;

use crate::model::{Coverage, GapKind, SkipReason, Untrusted, system_words};
use crate::sources::open;

/// The most bytes of a line that are looked at. A ref's name may have 4 KiB; what is longer is a message.
const LINE: usize = 8 << 10;

/// The most bytes of one file that are read.
pub(super) const FILE: u64 = 256 << 20;

/// A directory below a git directory, with its path for reports.
pub(super) struct Place {
    /// It, open.
    pub(super) fd: OwnedFd,
    /// Its path.
    pub(super) path: Vec<u8>,
}

impl Place {
    /// The path of something in it.
    pub(super) fn name(&self, name: &[u8]) -> Untrusted {
        Untrusted::new(&[&self.path, b"/".as_slice(), name].concat())
    }

    /// Opens a directory in it; `None` where there is none, or it cannot be opened, which is recorded.
    pub(super) fn below(&self, name: &CStr, coverage: &mut Coverage) -> Option<Self> {
        let bytes = name.to_bytes();
        match open::directory(&self.fd, name) {
            Ok(fd) => Some(Self { fd, path: self.name(bytes).raw().to_vec() }),
            Err(Errno::NOENT) => None,
            // A file in its place is no directory: nothing is there to be read.
            Err(Errno::NOTDIR) if !is_link(&self.fd, name) => None,
            Err(Errno::LOOP | Errno::NOTDIR) => {
                coverage.skip(SkipReason::Symlink, &self.name(bytes), true);
                None
            }
            Err(e) => {
                coverage.gap(GapKind::Unreadable, &self.name(bytes), system_words(&e.into()));
                None
            }
        }
    }

    /// Opens a regular file in it; `None` where there is none. A link is not followed, and a file that cannot be opened
    /// is recorded.
    pub(super) fn file(&self, name: &CStr, coverage: &mut Coverage) -> Option<File> {
        let path = || self.name(name.to_bytes());
        let fd = match open::file(&self.fd, name) {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::NOTDIR) => return None,
            Err(Errno::LOOP) => {
                coverage.skip(SkipReason::Symlink, &path(), false);
                return None;
            }
            Err(e) => {
                coverage.gap(GapKind::Unreadable, &path(), system_words(&e.into()));
                return None;
            }
        };
        match fstat(&fd).map(|s| FileType::from_raw_mode(s.st_mode)) {
            Ok(FileType::RegularFile) => Some(File::from(fd)),
            Ok(FileType::Directory) => None,
            Ok(_) => {
                coverage.skip(SkipReason::SpecialFile, &path(), false);
                None
            }
            Err(e) => {
                coverage.gap(GapKind::Unreadable, &path(), system_words(&e.into()));
                None
            }
        }
    }

    /// Calls `each` with every line of a file, cut to 8 KiB, until it returns false. What cannot be read is recorded.
    pub(super) fn lines(&self, name: &CStr, coverage: &mut Coverage, mut each: impl FnMut(&[u8]) -> bool) {
        let Some(file) = self.file(name, coverage) else { return };
        let mut lines = Lines { source: BufReader::new(file.take(FILE)), line: Vec::new() };
        loop {
            match lines.next() {
                Ok(Some(line)) => {
                    if !each(line) {
                        return;
                    }
                }
                Ok(None) => break,
                Err(e) => {
                    coverage.gap(GapKind::Unreadable, &self.name(name.to_bytes()), system_words(&e));
                    return;
                }
            }
        }
        if lines.source.get_ref().limit() == 0 {
            let why = format!("it is larger than {} MiB: the rest of it was not read", FILE >> 20);
            coverage.gap(GapKind::OverBudget, &self.name(name.to_bytes()), why);
        }
    }
}

fn is_link(at: impl AsFd, name: &CStr) -> bool {
    let stat = rustix::fs::statat(at, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
    stat.is_ok_and(|s| FileType::from_raw_mode(s.st_mode) == FileType::Symlink)
}

/// Lines of which only the start is kept.
struct Lines {
    source: BufReader<Take<File>>,
    line: Vec<u8>,
}

impl Lines {
    /// The next line, without its end.
    fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        let mut any = false;
        loop {
            let buffer = match self.source.fill_buf() {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if buffer.is_empty() {
                return Ok(any.then_some(&self.line));
            }
            any = true;
            let end = memchr::memchr(b'\n', buffer);
            let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
            let room = LINE - self.line.len().min(LINE);
            self.line.extend_from_slice(part.get(..room).unwrap_or(part));
            let used = part.len() + usize::from(end.is_some());
            self.source.consume(used);
            if end.is_some() {
                return Ok(Some(&self.line));
            }
        }
    }
}

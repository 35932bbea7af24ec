//! Opens what lies below a directory, by descriptor and without following a link (invariant 3).

use std::ffi::{CStr, CString};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, openat};
use rustix::io::Errno;

/// The largest file that is read for a setting, a link or patterns.
const SMALL_FILE: u64 = 1 << 20;

/// Opens the directory that was named, by its path. It may be a link: whoever named it meant what it points to.
pub(super) fn target(path: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Opens a directory below another one. `O_NOFOLLOW` refuses a link in its place.
pub(super) fn directory(at: impl AsFd, name: &CStr) -> Result<OwnedFd, Errno> {
    openat(at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Opens a file in a directory, for reading. `O_NONBLOCK` keeps a FIFO that took its place from holding us up.
pub(super) fn file(at: impl AsFd, name: &CStr) -> Result<OwnedFd, Errno> {
    openat(
        at,
        name,
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

/// Opens a regular file by its path, which the caller made; a link in its place is refused, and a FIFO does not hold us up.
pub(super) fn regular(path: &Path) -> std::io::Result<std::fs::File> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    let file = std::fs::File::from(file(CWD, &name)?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(std::io::Error::other("it is not a regular file")) }
}

/// The content of a small regular file, not a link; `None` for anything else.
pub(super) fn small_file(file: &Path) -> Option<Vec<u8>> {
    let file = regular(file).ok()?;
    let mut text = Vec::new();
    let small = file.metadata().is_ok_and(|m| m.len() <= SMALL_FILE);
    (small && file.take(SMALL_FILE).read_to_end(&mut text).is_ok()).then_some(text)
}

/// Calls `each` with the name and the kind of every entry of a directory, `.` and `..` left out.
#[cfg(target_os = "linux")]
pub(super) fn entries(fd: &OwnedFd, mut each: impl FnMut(&CStr, FileType)) -> Result<(), Errno> {
    // Read from the descriptor itself: the portable way opens the directory once more.
    let mut buffer = [std::mem::MaybeUninit::uninit(); 16 * 1024];
    let mut entries = rustix::fs::RawDir::new(fd, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if entry.file_name() != c"." && entry.file_name() != c".." {
            each(entry.file_name(), entry.file_type());
        }
    }
    Ok(())
}

/// Calls `each` with the name and the kind of every entry of a directory, `.` and `..` left out.
#[cfg(not(target_os = "linux"))]
pub(super) fn entries(fd: &OwnedFd, mut each: impl FnMut(&CStr, FileType)) -> Result<(), Errno> {
    for entry in rustix::fs::Dir::read_from(fd)? {
        let entry = entry?;
        if entry.file_name() != c"." && entry.file_name() != c".." {
            each(entry.file_name(), entry.file_type());
        }
    }
    Ok(())
}

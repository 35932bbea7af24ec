//! Reads a file of suppressions as what it may be: somebody else's.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use rustix::fs::OFlags;

/// The largest such file that is read.
const LARGEST: u64 = 16 << 20;

/// The text of a target's file, or nothing where there is none; an error says why it is not read.
pub(in crate::cli) fn read(path: &Path) -> Result<Option<String>, &'static str> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, rustix::fs::Mode::empty()) {
        Ok(fd) => File::from(fd),
        Err(rustix::io::Errno::LOOP) => return Err("it is a link"),
        Err(e) if std::io::Error::from(e).kind() == ErrorKind::NotFound => return Ok(None),
        Err(_) => return Err("it cannot be opened"),
    };
    match file.metadata() {
        Ok(meta) if !meta.is_file() => return Err("it is not a regular file"),
        Ok(meta) if meta.len() > LARGEST => return Err("it has more than 16 MiB"),
        _ => {}
    }
    let mut text = Vec::new();
    file.take(LARGEST).read_to_end(&mut text).map_err(|_| "it cannot be read")?;
    String::from_utf8(text).map(Some).map_err(|_| "it is no UTF-8")
}

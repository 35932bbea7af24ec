//! What is kept on this machine: the state folder, and small files that only their owner may read.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::random::random;
use crate::model::system_words;

/// The largest file with a key.
const MOST: u64 = 4096;

/// `$XDG_STATE_HOME/quell`, or `~/.local/state/quell`. A home that is not there is not made.
pub(super) fn folder() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let home = || folder("HOME").filter(|home| home.is_dir()).map(|home| home.join(".local/state"));
    folder("XDG_STATE_HOME").or_else(home).map(|state| state.join("quell"))
}

/// Makes a folder that only its owner may enter, where it is not there.
pub(super) fn make_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Writes a file that is not there yet and that only its owner may read; nothing where it is there.
pub(super) fn make_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => file.write_all(bytes).and_then(|()| file.sync_all()),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
}

/// Reads a file that only its owner may read, and that is no link; `None` where there is none.
///
/// # Errors
/// Where it may be read by others, is no regular file, or cannot be read.
pub(super) fn private(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let shown = path.display();
    let file = match OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(anyhow!("the key `{shown}` cannot be read: {}", system_words(&e))),
    };
    let about = file.metadata().with_context(|| format!("the key `{shown}` cannot be read"))?;
    if !about.is_file() || about.len() > MOST {
        bail!("`{shown}` is no file with a key\n  help: name a regular file of at most 4 KiB");
    }
    if about.mode() & 0o077 != 0 {
        bail!("others may read the key `{shown}`, so that it is not used\n  help: chmod 600 {shown}");
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST as usize));
    file.take(MOST).read_to_end(&mut bytes).with_context(|| format!("the key `{shown}` cannot be read"))?;
    Ok(Some(bytes))
}

/// The 32 bytes of a key file, hexadecimal or base64 or raw; made at random where there is none and `make` says so.
pub(super) fn key(path: &Path, make: bool) -> Result<Option<Zeroizing<[u8; 32]>>> {
    if make {
        let failed = |e| anyhow!("the key `{}` cannot be made: {}", path.display(), system_words(&e));
        path.parent().map_or(Ok(()), make_folder).map_err(failed)?;
        let hex: Zeroizing<String> =
            Zeroizing::new(Zeroizing::new(random::<32>()?).iter().map(|b| format!("{b:02x}")).collect());
        make_file(path, hex.as_bytes()).map_err(failed)?;
    }
    let Some(bytes) = private(path)? else { return Ok(None) };
    let told = || {
        format!(
            "`{}` is no key\n  help: a key is 64 hexadecimal digits, as `openssl rand -hex 32` makes",
            path.display()
        )
    };
    thirty_two(&bytes).with_context(told).map(Some)
}

/// Reads 64 hexadecimal digits, or 32 bytes as base64.
pub(super) fn thirty_two(text: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let text = text.trim_ascii();
    let decoded = match text.len() {
        64 => data_encoding::HEXLOWER_PERMISSIVE.decode(text).ok(),
        44 => data_encoding::BASE64.decode(text).ok(),
        _ => None,
    };
    let decoded = Zeroizing::new(decoded?);
    <[u8; 32]>::try_from(decoded.as_slice()).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/one.key");
        assert!(key(&path, false).unwrap().is_none());
        let made = key(&path, true).unwrap().unwrap();
        assert_eq!(key(&path, true).unwrap().unwrap(), made, "it is not made anew");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(key(&path, false).unwrap_err().to_string().contains("others may read"));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(key(&link, false).is_err());
        std::fs::write(dir.path().join("short"), "abc").unwrap();
        std::fs::set_permissions(dir.path().join("short"), std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(key(&dir.path().join("short"), false).unwrap_err().to_string().contains("is no key"));
    }
}

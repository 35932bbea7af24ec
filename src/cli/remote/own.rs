//! What the user has for servers: a token, and the certificates of authorities.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Result, anyhow};

use crate::cli::exit;
use crate::connectors::Token;
use crate::model::system_words;

/// The token: from the file, else the first of the variables that is set.
pub(super) fn token(file: Option<&Path>, names: &[&str]) -> Result<Option<Token>> {
    if let Some(file) = file {
        let text = read(file, "the token file", 1 << 16)?;
        let mode = file.metadata().map_or(0, |m| m.permissions().mode());
        if mode & 0o077 != 0 {
            let line = format!(
                "warning: others may read the token file `{}` (mode {:o})\n  help: `chmod 600` it",
                file.display(),
                mode & 0o777
            );
            let _ = writeln!(std::io::stderr(), "{}", exit::escaped(&line));
        }
        return Token::new(&text)
            .map(Some)
            .map_err(|e| anyhow!("the token file `{}` cannot be used: {e}", file.display()));
    }
    let set = |name| Some((name, std::env::var_os(name).filter(|value| !value.is_empty())?));
    let Some((name, value)) = names.iter().copied().find_map(set) else { return Ok(None) };
    Token::new(value.as_bytes()).map(Some).map_err(|e| anyhow!("{name} cannot be used: {e}"))
}

/// The certificates of authorities, as PEM.
pub(in crate::cli) fn authorities(file: Option<&Path>) -> Result<Option<Vec<u8>>> {
    file.filter(|f| !f.as_os_str().is_empty()).map(|f| read(f, "the certificates", 16 << 20)).transpose()
}

/// A small file that the user named.
fn read(file: &Path, what: &str, most: u64) -> Result<Vec<u8>> {
    let told = |e| anyhow!("{what} `{}` cannot be read: {}", file.display(), system_words(&e));
    let mut bytes = Vec::new();
    File::open(file).and_then(|f| f.take(most).read_to_end(&mut bytes)).map_err(told)?;
    Ok(bytes)
}

//! Where a store is: a file of SQLite, or a database of PostgreSQL.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::error::LedgerError;

/// Where a store is. A password in it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// A file; its folder is made where it is missing.
    Sqlite(PathBuf),
    /// A database, by its whole address.
    Postgres(String),
}

impl Address {
    /// Reads a path, `sqlite:PATH`, `postgres://…` or `postgresql://…`.
    ///
    /// # Errors
    /// Where it is none of these. The text is not repeated past its scheme, for it may hold a password.
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let path = match text.strip_prefix("sqlite:") {
            Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
            None => match text.split_once("://") {
                Some((scheme, _)) => return Err(LedgerError::Address(format!("{scheme}://…"))),
                None => text,
            },
        };
        if path.is_empty() || path.contains('\0') || path == ":memory:" {
            return Err(LedgerError::Address(path.escape_debug().to_string()));
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }

    /// The file, where it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// What the driver is given.
    pub(super) fn url(&self) -> Result<String, LedgerError> {
        match self {
            Self::Postgres(url) => Ok(url.clone()),
            Self::Sqlite(path) => {
                let bad = || LedgerError::Address(path.to_string_lossy().escape_debug().to_string());
                let text = path.to_str().ok_or_else(bad)?;
                let mut url = "sqlite:".to_owned();
                for byte in text.bytes() {
                    let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'.');
                    if plain {
                        url.push(char::from(byte));
                    } else {
                        let _ = write!(url, "%{byte:02X}");
                    }
                }
                url.push_str("?mode=rw");
                Ok(url)
            }
        }
    }
}

/// The form that may be shown: a password, and options, which may hold one, are left out.
impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.to_string_lossy().escape_debug()),
            Self::Postgres(url) => {
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                let rest = rest.split(['?', '#']).next().unwrap_or_default();
                let (login, place) = rest.rsplit_once('@').unwrap_or(("", rest));
                let user = login.split(':').next().unwrap_or_default();
                let at = if user.is_empty() { "" } else { "@" };
                write!(f, "postgres://{}{at}{}", user.escape_debug(), place.escape_debug())
            }
        }
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let secret = ["hun", "ter", "2"].concat();
        for text in [
            format!("postgres://quell:{secret}@db.example:5432/ledger"),
            format!("postgresql://quell:{secret}@x@db.example/ledger?password={secret}"),
            format!("mysql://quell:{secret}@db.example/ledger"),
        ] {
            let told = match Address::parse(&text) {
                Ok(address) => format!("{address} {address:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(!told.contains(&secret), "{told}");
        }
        let address = Address::parse("postgres://quell:x@db.example/ledger").unwrap();
        assert_eq!(address.to_string(), "postgres://quell@db.example/ledger");
    }

    #[test]
    fn paths_in_each_form() {
        for text in ["/var/lib/quell/store.db", "sqlite:/var/lib/quell/store.db", "sqlite:///var/lib/quell/store.db"] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.path(), Some(Path::new("/var/lib/quell/store.db")));
        }
        assert_eq!(Address::parse("a b?.db").unwrap().url().unwrap(), "sqlite:a%20b%3F.db?mode=rw");
        assert!(Address::parse("").is_err() && Address::parse("sqlite:").is_err());
    }
}

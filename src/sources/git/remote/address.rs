//! Which URLs name a repository that may be cloned: `https`, a host, a path, and nothing else.

use reqwest::Url;

/// Why a URL is not taken. None of these quotes the URL: there may be credentials in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is a user or a password in it.
    #[error("the URL holds credentials, which would end up in the shell's history and in lists of processes")]
    Credentials,
    /// `http://`
    #[error("http is not encrypted: anybody on the way could read the token and change what is scanned")]
    Plain,
    /// `ssh://`, or `user@host:path`.
    #[error("quell does not clone over ssh, which would run your own ssh with its configuration")]
    Ssh,
    /// Any other scheme, `ext::` included.
    #[error("quell clones over https alone")]
    Scheme,
    /// `file://`
    #[error("a repository on this machine is named by its path")]
    File,
    /// It cannot be read as a URL.
    #[error("this is no URL")]
    Malformed,
    /// It has no path.
    #[error("the URL names a server and no repository")]
    NoRepository,
    /// It has a query or a fragment.
    #[error("the URL of a repository has no `?` and no `#`")]
    Query,
}

impl AddressError {
    /// What to do.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::Credentials => {
                "take them out of the URL, and put the token into QUELL_GIT_TOKEN or into a file for --token-file"
            }
            Self::File => "write the path alone, with --history to scan all of it",
            Self::Ssh => {
                "write `https://host/owner/repo`; for a private repository put a token into QUELL_GIT_TOKEN, or name your own clone with --history"
            }
            _ => "write `https://host/owner/repo`, or `github:OWNER/REPO`",
        }
    }
}

/// The URL of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Whether a target is meant to be a URL: it has a scheme, or is what ssh and git's helpers take.
    #[must_use]
    pub fn is_meant(target: &str) -> bool {
        let word =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b));
        let scheme = target.split_once("://").is_some_and(|(scheme, _)| word(scheme));
        let helper = target.split_once("::").is_some_and(|(name, _)| word(name));
        scheme || helper || is_scp(target)
    }

    /// Reads a URL.
    ///
    /// # Errors
    /// Where it is not one that may be cloned.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if is_scp(text) {
            return Err(AddressError::Ssh);
        }
        let url = Url::parse(text).map_err(|_| AddressError::Malformed)?;
        match url.scheme() {
            "ssh" | "git+ssh" | "ssh+git" => return Err(AddressError::Ssh),
            "file" => return Err(AddressError::File),
            _ if !url.username().is_empty() || url.password().is_some() => return Err(AddressError::Credentials),
            "https" => {}
            "http" => return Err(AddressError::Plain),
            _ => return Err(AddressError::Scheme),
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Query);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        if path.is_empty() || url.host_str().is_none() {
            return Err(AddressError::NoRepository);
        }
        let mut url = url;
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The URL as text; there are no credentials in it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> (&str, u16) {
        (self.0.host_str().unwrap_or_default(), self.0.port_or_known_default().unwrap_or(443))
    }

    pub(super) const fn url(&self) -> &Url {
        &self.0
    }
}

/// `user@host:path`, as ssh takes it.
fn is_scp(target: &str) -> bool {
    let Some((who, _)) = target.split_once(':') else { return false };
    who.contains('@') && !who.contains('/') && !target.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_alone_is_taken_and_the_rest_is_told_apart() {
        for (text, wanted) in [
            ("http://h.example/o/r", AddressError::Plain),
            ("ssh://git@h.example/o/r", AddressError::Ssh),
            ("git@h.example:o/r", AddressError::Ssh),
            ("git://h.example/o/r", AddressError::Scheme),
            ("ftp://h.example/o/r", AddressError::Scheme),
            ("file:///o/r", AddressError::File),
            ("ext::sh -c true", AddressError::Scheme),
            ("https://u:p@h.example/o/r", AddressError::Credentials),
            ("https://u@h.example/o/r", AddressError::Credentials),
            ("http://u:p@h.example/o/r", AddressError::Credentials),
            ("https://h.example", AddressError::NoRepository),
            ("https://h.example//", AddressError::NoRepository),
            ("https://h.example/o/r?x", AddressError::Query),
            ("https://h.example/o/r#x", AddressError::Query),
            ("https://", AddressError::Malformed),
        ] {
            assert!(Address::is_meant(text), "{text}");
            assert_eq!(Address::parse(text), Err(wanted), "{text}");
        }
        let address = Address::parse("https://H.example:8443/o/../p/r.git/").unwrap();
        assert_eq!((address.as_str(), address.host()), ("https://h.example:8443/p/r.git", ("h.example", 8443)));
    }

    #[test]
    fn paths_are_no_urls() {
        for path in [".", "a/b", "/a:b", "a:b", "./x@y:z", "./https://h.example/o", "-"] {
            assert!(!Address::is_meant(path), "{path}");
        }
    }
}

//! A bare repository with all refs and objects of one on a server.

use std::fs;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use git2::{AutotagOption, ErrorClass, FetchOptions, Oid, RemoteRedirect, Repository, RepositoryInitOptions};
use reqwest::header::HeaderValue;

use super::advertisement::{Advertisement, Head};
use super::exchange::Exchange;
use super::transport::{Current, URL, install};
use super::{Address, RemoteError, Web, quoted};
use crate::model::{ObjectId, Untrusted, system_words};

/// What is fetched: everything that the server names, pull requests and notes included, and a `HEAD` that is on no branch.
const ALL: [&str; 2] = ["+refs/*:refs/*", "+HEAD:HEAD"];

/// Clones repositories, one after another.
pub struct Cloner {
    web: Arc<Web>,
    current: Current,
}

/// What a clone brought.
#[derive(Debug, Default)]
pub struct Mirror {
    /// Refs whose names git does not allow: they are not in the mirror.
    pub refused: Vec<Untrusted>,
    /// Refs whose objects did not come.
    pub missing: Vec<Untrusted>,
}

impl Cloner {
    /// Takes over libgit2's transports; a process may do so once.
    ///
    /// # Errors
    /// Where it was done before.
    pub fn new(web: Web) -> Result<Self, RemoteError> {
        let current = Current::default();
        install(&current).map_err(|e| RemoteError::Setup(quoted(e.message())))?;
        Ok(Self { web: Arc::new(web), current })
    }

    /// The client.
    #[must_use]
    pub fn web(&self) -> &Web {
        &self.web
    }

    /// Clones a repository into a directory that exists and is empty, taking at most `most` bytes. `authorization` is sent
    /// to its host and port, and nowhere else.
    ///
    /// # Errors
    /// Where the server does not give it, or what it gives is not a repository. What came until then is in the directory.
    pub fn fetch(
        &self,
        address: &Address,
        authorization: Option<&HeaderValue>,
        most: u64,
        into: &Path,
    ) -> Result<Mirror, RemoteError> {
        let exchange = Arc::new(Exchange::open(&self.web, address, authorization, most)?);
        let advertisement = Advertisement::parse(exchange.advertisement())?;
        let stored = |e: &git2::Error| {
            let message = quoted(&e.message().replace(&*into.to_string_lossy(), "the mirror"));
            if e.class() == ErrorClass::Os { RemoteError::Storage(message) } else { RemoteError::Broken(message) }
        };
        let mut options = RepositoryInitOptions::new();
        options.bare(true).no_reinit(true).mkdir(false).mkpath(false).external_template(false);
        let repository = Repository::init_opts(into, &options).map_err(|e| stored(&e))?;
        let mut missing = Vec::new();
        if !advertisement.is_empty() {
            let current = || self.current.lock().unwrap_or_else(PoisonError::into_inner);
            *current() = Some(Arc::clone(&exchange));
            let outcome = download(&repository);
            *current() = None;
            outcome.map_err(|e| exchange.fault().unwrap_or_else(|| stored(&e)))?;
            missing = absent(&repository, &advertisement).map_err(|e| stored(&e))?;
        }
        write_refs(&advertisement, into).map_err(|e| RemoteError::Storage(system_words(&e)))?;
        Ok(Mirror { refused: advertisement.refused, missing })
    }
}

/// Fetches the pack and stores it: libgit2 checks its checksum and works out the name of every object in it.
fn download(repository: &Repository) -> Result<(), git2::Error> {
    let mut options = FetchOptions::new();
    options.download_tags(AutotagOption::None).follow_redirects(RemoteRedirect::None);
    repository.remote_anonymous(URL)?.download(&ALL, Some(&mut options))
}

/// The refs whose objects the pack did not have: libgit2 takes whatever pack comes.
fn absent(repository: &Repository, advertisement: &Advertisement) -> Result<Vec<Untrusted>, git2::Error> {
    let objects = repository.odb()?;
    let there = |id: &ObjectId| Oid::from_bytes(id.as_bytes()).is_ok_and(|id| objects.exists(id));
    let refs = advertisement.refs.iter().filter(|(_, id)| !there(id));
    Ok(refs.map(|(name, _)| Untrusted::new(name)).collect())
}

/// Writes the refs in one file: a server may have hundreds of thousands, and each would take a file.
fn write_refs(advertisement: &Advertisement, into: &Path) -> std::io::Result<()> {
    fs::write(into.join("packed-refs"), advertisement.packed_refs())?;
    match &advertisement.head {
        Some(Head::Ref(name)) => fs::write(into.join("HEAD"), [b"ref: ", &name[..], b"\n"].concat()),
        Some(Head::Commit(id)) => fs::write(into.join("HEAD"), format!("{id}\n")),
        None => Ok(()),
    }
}

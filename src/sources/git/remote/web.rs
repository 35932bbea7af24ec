//! The client that speaks to servers: TLS with known authorities, no proxy, no redirect of its own, a limit on every wait.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use reqwest::{Certificate, Client, redirect};
use tokio::runtime::{Builder, Runtime};

use super::{RemoteError, quoted};
use crate::model::root_cause;

const CONNECT: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(60);
/// The start is git's, since some servers tell clients apart by it.
const AGENT: &str = concat!("git/2.0 (quell ", env!("CARGO_PKG_VERSION"), ")");

/// A client and what it runs on. It is made where a target is remote, and nowhere else: the start of a local scan pays
/// nothing for it.
#[derive(Debug)]
pub struct Web {
    client: Client,
    runtime: Runtime,
}

impl Web {
    /// A client that trusts the system's authorities, and those whose certificates are in `authorities`, as PEM.
    ///
    /// # Errors
    /// Where the system knows no authority, or `authorities` holds none.
    pub fn new(authorities: Option<&[u8]>) -> Result<Self, RemoteError> {
        // Whoever was first has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let setup =
            |e: &(dyn Error + 'static)| RemoteError::Setup(format!("connections cannot be made: {}", root_cause(e)));
        let mut builder = Client::builder()
            .https_only(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(IDLE)
            .user_agent(AGENT);
        if let Some(pem) = authorities {
            let certificates = Certificate::from_pem_bundle(pem).unwrap_or_default();
            if certificates.is_empty() {
                return Err(RemoteError::Setup("there is no certificate in the file of --ca-file".to_owned()));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(|e| setup(&e))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self { client, runtime: runtime.map_err(|e| setup(&e))? })
    }

    /// The client itself.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Runs what the client does to its end.
    pub fn wait<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }
}

/// An error of the client, told apart.
pub(super) fn failed(error: &reqwest::Error) -> RemoteError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(this) = cause {
        if let Some(rustls::Error::InvalidCertificate(why)) = this.downcast_ref() {
            return RemoteError::Certificate(quoted(&why.to_string()));
        }
        // What an error of the system wraps is not its source, but takes its place.
        let wrapped = this.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = wrapped.map(|e| -> &(dyn Error + 'static) { e }).or_else(|| this.source());
    }
    let cause = quoted(&root_cause(error));
    if error.is_timeout() {
        RemoteError::Timeout(cause)
    } else if error.is_body() || error.is_decode() {
        RemoteError::Broken(cause)
    } else {
        RemoteError::Connection(cause)
    }
}

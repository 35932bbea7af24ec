//! The one place that opens connections to verify. A host's name is resolved once a run, each of its addresses is looked
//! at, and a connection goes to one of these; TLS proves who answers.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Host;

use super::endpoints::{Place, literal};
use crate::model::Why;

/// A connection, whatever lies below it.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}
/// A connection that somebody owns.
pub type Stream = Box<dyn Io>;

/// How long a name may take to be resolved, and a connection and TLS to be made.
const STEP: Duration = Duration::from_secs(5);

/// A proxy of the organisation: `host:port`, to which `CONNECT` is sent.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Its host.
    pub host: Host<String>,
    /// Its port.
    pub port: u16,
}

/// The addresses of a name.
pub type Resolve = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;
/// The addresses of a name, looked up once.
type Looked = Arc<OnceCell<Result<Vec<IpAddr>, Why>>>;

/// How names become addresses.
pub enum Resolver {
    /// As the system does.
    System,
    /// By a function: for tests of names that turn to other addresses.
    Function(Box<Resolve>),
}

/// How hosts are reached.
pub struct Network {
    tls: TlsConnector,
    proxy: Option<Proxy>,
    resolver: Resolver,
    names: Mutex<HashMap<String, Looked>>,
    reached: AtomicBool,
}

/// Why connections cannot be made at all.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// No certificate in the file of authorities.
    #[error("there is no certificate in the file of authorities")]
    NoCertificate,
}

impl Network {
    /// Trusts the system's authorities, and those whose certificates are in `authorities`, as PEM.
    ///
    /// # Errors
    /// If TLS cannot be set up with them.
    pub fn new(authorities: Option<&[u8]>, proxy: Option<Proxy>) -> Result<Self, NetworkError> {
        let failed = |e: rustls::Error| NetworkError::Tls(e.to_string());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let builder = builder.map_err(failed)?;
        let config = match authorities {
            None => builder.with_platform_verifier().map_err(failed)?.with_no_client_auth(),
            Some(pem) => {
                let own: Vec<_> = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect();
                if own.is_empty() {
                    return Err(NetworkError::NoCertificate);
                }
                let verifier =
                    rustls_platform_verifier::Verifier::new_with_extra_roots(own, provider).map_err(failed)?;
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
            }
        };
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
            proxy,
            resolver: Resolver::System,
            names: Mutex::default(),
            reached: AtomicBool::new(false),
        })
    }

    /// The proxy that it goes through.
    #[must_use]
    pub const fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// The same with another way to resolve names.
    #[must_use]
    pub fn resolving(self, resolver: Resolver) -> Self {
        Self { resolver, ..self }
    }

    /// Whether any host took a connection in this run.
    #[must_use]
    pub fn reached_any(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// A connection to a place, by TLS where the place says so.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn connect(&self, place: &Place) -> Result<Stream, Why> {
        let plain = self.plain(place).await?;
        if place.tls { self.secure(plain, place).await } else { Ok(plain) }
    }

    /// A connection without TLS yet, for protocols that turn to it later ([`Self::secure`]). Nothing secret goes over it
    /// before, unless the place is this machine.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn plain(&self, place: &Place) -> Result<Stream, Why> {
        let stream = match &self.proxy {
            Some(proxy) if !place.is_loopback() => self.through(proxy, place).await?,
            _ => self.open(&self.addresses(place).await?, place.port).await?,
        };
        self.reached.store(true, Ordering::Relaxed);
        Ok(stream)
    }

    /// Turns a connection to TLS; the certificate must be the host's.
    ///
    /// # Errors
    /// [`Why::Tls`] where it is not, or there is no TLS.
    pub async fn secure(&self, stream: Stream, place: &Place) -> Result<Stream, Why> {
        let name = match literal(&place.host) {
            Some(address) => ServerName::from(address),
            None => ServerName::try_from(place.host.to_string()).map_err(|_| Why::Tls)?,
        };
        let secured = timeout(STEP, self.tls.connect(name, stream)).await.map_err(|_| Why::Timeout)?;
        secured.map(|s| Box::new(s) as Stream).map_err(|_| Why::Tls)
    }

    /// The addresses of a place, every one of which may be asked.
    async fn addresses(&self, place: &Place) -> Result<Vec<IpAddr>, Why> {
        let addresses = match literal(&place.host) {
            Some(address) => vec![address],
            None => self.resolved(&place.host.to_string()).await?,
        };
        // One bad address makes the name one that is not to be trusted; what may be spoken to in the clear is this machine.
        let here = |address: &IpAddr| !place.is_loopback() || address.is_loopback();
        let allowed = addresses.iter().all(|address| place.trust.allows(*address) && here(address));
        if allowed { Ok(addresses) } else { Err(Why::AddressRefused) }
    }

    async fn resolved(&self, name: &str) -> Result<Vec<IpAddr>, Why> {
        let cell = {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(names.entry(name.to_owned()).or_default())
        };
        let resolve = async || match &self.resolver {
            Resolver::System => resolve(name).await,
            Resolver::Function(function) => Ok(function(name)),
        };
        cell.get_or_init(resolve).await.clone()
    }

    async fn open(&self, addresses: &[IpAddr], port: u16) -> Result<Stream, Why> {
        let mut why = Why::NoAddress;
        for address in addresses.iter().take(4) {
            match timeout(STEP, TcpStream::connect(SocketAddr::new(*address, port))).await {
                Ok(Ok(stream)) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(Box::new(stream));
                }
                Ok(Err(e)) => why = unreachable(&e),
                Err(_) => why = Why::Timeout,
            }
        }
        Err(why)
    }

    /// Through the organisation's proxy, which resolves the name: only the name is looked at here.
    async fn through(&self, proxy: &Proxy, place: &Place) -> Result<Stream, Why> {
        if literal(&place.host).is_some_and(|address| !place.trust.allows(address)) {
            return Err(Why::AddressRefused);
        }
        let addresses = match literal(&proxy.host) {
            Some(address) => vec![address],
            None => self.resolved(&proxy.host.to_string()).await?,
        };
        let stream = self.open(&addresses, proxy.port).await?;
        timeout(STEP, tunnel(stream, &place.authority())).await.map_err(|_| Why::Timeout)?
    }
}

/// Asks a proxy for a tunnel (RFC 9110, section 9.3.6).
async fn tunnel(mut stream: Stream, authority: &str) -> Result<Stream, Why> {
    let ask = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.map_err(|_| Why::Unreachable)?;
    let mut head = Vec::new();
    // Byte by byte: what follows the head belongs to the tunnel.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > 8192 {
            return Err(Why::Unreachable);
        }
        head.push(stream.read_u8().await.map_err(|_| Why::Unreachable)?);
    }
    let status = head.split(|b| *b == b' ').nth(1);
    if status == Some(b"200") { Ok(stream) } else { Err(Why::Unreachable) }
}

async fn resolve(name: &str) -> Result<Vec<IpAddr>, Why> {
    match timeout(STEP, tokio::net::lookup_host((name, 0))).await {
        Ok(Ok(found)) => {
            let addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
            if addresses.is_empty() { Err(Why::NoAddress) } else { Ok(addresses) }
        }
        // What the system says where no server of names can be asked (getaddrinfo's EAI_AGAIN).
        Ok(Err(e)) if e.to_string().contains("Temporary failure") => Err(Why::Offline),
        Ok(Err(_)) => Err(Why::NoAddress),
        Err(_) => Err(Why::Timeout),
    }
}

fn unreachable(error: &io::Error) -> Why {
    match error.kind() {
        ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => Why::Offline,
        ErrorKind::TimedOut => Why::Timeout,
        _ => Why::Unreachable,
    }
}

//! The requests that a clone makes, and what is taken for an answer to them.

use std::io::{self, Cursor, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{RequestBuilder, Response, Url};

use super::web::{Web, failed};
use super::{Address, RemoteError, quoted};

/// Redirects of the first request that are followed.
const REDIRECTS: usize = 3;
/// The longest list of refs that is taken; it is held in memory.
const ADVERTISEMENT: u64 = 256 << 20;
/// How long the first answer may take, and a pack: a server that sends a byte a minute is not waited for.
const FIRST: Duration = Duration::from_secs(10 * 60);
const PACK: Duration = Duration::from_secs(12 * 60 * 60);

const ADVERTISED: &str = "application/x-git-upload-pack-advertisement";
const REQUEST: &str = "application/x-git-upload-pack-request";
const RESULT: &str = "application/x-git-upload-pack-result";

/// A conversation with a server about one repository.
pub(super) struct Exchange {
    web: Arc<Web>,
    /// The repository's URL after redirects.
    base: Url,
    authorization: Option<HeaderValue>,
    /// How many bytes are taken in all.
    most: u64,
    received: AtomicU64,
    /// Why the conversation ended: libgit2 hands on a number.
    fault: Mutex<Option<RemoteError>>,
    advertisement: Arc<[u8]>,
}

impl Exchange {
    /// Asks for the refs. The token goes to the host and port that were named: a redirect leads to no other.
    pub(super) fn open(
        web: &Arc<Web>,
        address: &Address,
        authorization: Option<&HeaderValue>,
        most: u64,
    ) -> Result<Self, RemoteError> {
        let mut exchange = Self {
            web: Arc::clone(web),
            base: address.url().clone(),
            authorization: authorization.cloned(),
            most,
            received: AtomicU64::new(0),
            fault: Mutex::new(None),
            advertisement: Arc::default(),
        };
        for _ in 0..=REDIRECTS {
            let mut url = below(&exchange.base, "/info/refs");
            url.set_query(Some("service=git-upload-pack"));
            let request = web.client().get(url.clone()).timeout(FIRST).header(ACCEPT, ADVERTISED);
            let response = exchange.send(request)?;
            if !response.status().is_redirection() {
                check(&response, ADVERTISED)?;
                exchange.advertisement = exchange.whole(response)?.into();
                return Ok(exchange);
            }
            exchange.base = redirected(&url, &response)?;
        }
        Err(RemoteError::Redirect("again and again"))
    }

    /// What the server said that it has.
    pub(super) fn advertisement(&self) -> &[u8] {
        &self.advertisement
    }

    /// Why the conversation ended, if it did for a reason of ours.
    pub(super) fn fault(&self) -> Option<RemoteError> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn send(&self, request: RequestBuilder) -> Result<Response, RemoteError> {
        let request = match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        };
        // Within: the client starts its clocks when it is called, and they need the runtime.
        self.web.wait(async { request.send().await }).map_err(|e| failed(&e))
    }

    /// Asks for a pack.
    fn post(&self, body: Vec<u8>) -> Result<Response, RemoteError> {
        let url = below(&self.base, "/git-upload-pack");
        let request = self.web.client().post(url).timeout(PACK).header(ACCEPT, RESULT).header(CONTENT_TYPE, REQUEST);
        let response = self.send(request.body(body))?;
        if response.status().is_redirection() {
            return Err(RemoteError::Redirect("a request that is not the first"));
        }
        check(&response, RESULT)?;
        Ok(response)
    }

    /// The next bytes of an answer; none at its end.
    fn chunk(&self, response: &mut Response) -> Result<Arc<[u8]>, RemoteError> {
        let bytes = self.web.wait(response.chunk()).map_err(|e| failed(&e))?.unwrap_or_default();
        let received = self.received.fetch_add(bytes.len() as u64, Ordering::Relaxed) + bytes.len() as u64;
        if received > self.most {
            return Err(RemoteError::TooLarge(self.most));
        }
        Ok(Arc::from(&*bytes))
    }

    fn whole(&self, mut response: Response) -> Result<Vec<u8>, RemoteError> {
        let mut all = Vec::new();
        loop {
            let bytes = self.chunk(&mut response)?;
            if bytes.is_empty() {
                return Ok(all);
            }
            all.extend_from_slice(&bytes);
            if all.len() as u64 > ADVERTISEMENT {
                return Err(RemoteError::TooLarge(ADVERTISEMENT));
            }
        }
    }
}

/// The URL of a service of the repository.
fn below(base: &Url, service: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{service}", base.path().trim_end_matches('/')));
    url
}

/// The repository that an answer to the first request leads to: on the same host and port, over https, without credentials.
fn redirected(from: &Url, response: &Response) -> Result<Url, RemoteError> {
    let location = response.headers().get(LOCATION).and_then(|l| l.to_str().ok());
    let to = location.and_then(|l| from.join(l).ok()).ok_or(RemoteError::Redirect("to no place"))?;
    if to.scheme() != "https" {
        return Err(RemoteError::Redirect("to something else than https"));
    }
    if (to.host_str(), to.port_or_known_default()) != (from.host_str(), from.port_or_known_default()) {
        return Err(RemoteError::Redirect("to another host"));
    }
    let path = to.path().strip_suffix("/info/refs").filter(|path| !path.is_empty());
    let path = path.filter(|_| to.username().is_empty() && to.password().is_none());
    let path = path.ok_or(RemoteError::Redirect("to something else than a repository, perhaps to sign in"))?;
    let mut base = from.clone();
    base.set_path(path);
    base.set_query(None);
    Ok(base)
}

/// Whether an answer is one, and of the type that the protocol wants.
fn check(response: &Response, wanted: &str) -> Result<(), RemoteError> {
    match response.status().as_u16() {
        200 => {}
        // Hosts answer 404 where they do not want to say that something is there.
        status @ (401 | 403 | 404) => return Err(RemoteError::NotFound(status)),
        status => return Err(RemoteError::Status(status)),
    }
    let kind = response.headers().get(CONTENT_TYPE).map(|t| String::from_utf8_lossy(t.as_bytes()).into_owned());
    let kind = kind.unwrap_or_else(|| "nothing".to_owned());
    if kind.split(';').next().is_some_and(|k| k.trim().eq_ignore_ascii_case(wanted)) {
        return Ok(());
    }
    Err(RemoteError::Type(quoted(&kind)))
}

/// One request of the conversation as libgit2 writes it, and the answer as it reads it.
pub(super) struct Stream {
    exchange: Arc<Exchange>,
    request: Vec<u8>,
    response: Option<Response>,
    /// What came and was not read yet.
    bytes: Cursor<Arc<[u8]>>,
}

impl Stream {
    /// The answer to the first request, which is there.
    pub(super) fn first(exchange: &Arc<Exchange>) -> Self {
        let bytes = Cursor::new(Arc::clone(&exchange.advertisement));
        Self { exchange: Arc::clone(exchange), request: Vec::new(), response: None, bytes }
    }

    /// A request for a pack.
    pub(super) fn pack(exchange: &Arc<Exchange>) -> Self {
        Self { exchange: Arc::clone(exchange), request: Vec::new(), response: None, bytes: Cursor::default() }
    }

    fn more(&mut self) -> Result<Arc<[u8]>, RemoteError> {
        if !self.request.is_empty() {
            self.response = Some(self.exchange.post(std::mem::take(&mut self.request))?);
        }
        self.response.as_mut().map_or_else(|| Ok(Arc::default()), |response| self.exchange.chunk(response))
    }
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(out)?;
        if read > 0 {
            return Ok(read);
        }
        match self.more() {
            Ok(bytes) => {
                self.bytes = Cursor::new(bytes);
                self.bytes.read(out)
            }
            Err(fault) => {
                *self.exchange.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
                Err(io::Error::other("the conversation with the server ended"))
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.request.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! One request, one answer: HTTP/1.1 over a connection that `connect` opened. No redirect is followed, no cookie kept, no
//! compression asked for; the answer's size and time are limited.

use std::time::Duration;

use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::http::{HeaderName, HeaderValue, Method, Request as HttpRequest};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::answer::Reply;
use super::connect::Network;
use super::endpoints::Place;
use crate::model::Why;

/// How long an answer may take, from the first byte sent to the last received.
const ANSWER: Duration = Duration::from_secs(10);
/// The largest body that is read, and head.
const MAX_BODY: usize = 1 << 20;
const MAX_HEAD: usize = 64 << 10;

const AGENT: &str = concat!("quell/", env!("CARGO_PKG_VERSION"));

/// A request that is ready to be sent.
#[derive(Clone)]
pub struct Request {
    /// Method.
    pub method: String,
    /// Path and query, encoded.
    pub target: String,
    /// Headers: name and value. They may hold the secret.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Body.
    pub body: Vec<u8>,
}

/// Sends a request to a place.
///
/// # Errors
/// Why there is no answer.
pub async fn send(network: &Network, place: &Place, request: Request) -> Result<Reply, Why> {
    let stream = network.connect(place).await?;
    timeout(ANSWER, exchange(stream, place, request)).await.map_err(|_| Why::Timeout)?
}

async fn exchange(stream: super::connect::Stream, place: &Place, request: Request) -> Result<Reply, Why> {
    let request = http(place, request)?;
    let handshake = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|_| Why::Unreachable)?;
    let answer = Box::pin(async move {
        let response = sender.send_request(request).await.map_err(|e| refused(&e))?;
        let (head, body) = response.into_parts();
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let body = Limited::new(body, MAX_BODY).collect().await.map_err(|e| {
            let large = e.downcast_ref::<http_body_util::LengthLimitError>().is_some();
            if large { Why::TooLarge } else { Why::Unreachable }
        })?;
        Ok(Reply { status: head.status.as_u16(), headers, body: body.to_bytes().to_vec(), ..Reply::default() })
    });
    match select(answer, Box::pin(connection)).await {
        Either::Left((answer, _)) => answer,
        // The connection has ended; what it brought is still to be read.
        Either::Right((_, answer)) => answer.await,
    }
}

fn refused(error: &hyper::Error) -> Why {
    if error.is_parse() { Why::Unexpected } else { Why::Unreachable }
}

/// The `Host` that a place is asked by.
#[must_use]
pub fn host(place: &Place) -> String {
    let default = if place.tls { 443 } else { 80 };
    if place.port == default { place.host.to_string() } else { place.authority() }
}

fn http(place: &Place, request: Request) -> Result<HttpRequest<Full<Bytes>>, Why> {
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| Why::Unusable)?;
    let target = format!("{}{}", place.base, request.target);
    let mut built =
        HttpRequest::builder().method(method).uri(target).header("host", host(place)).header("user-agent", AGENT);
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
        built = built.header("accept", "application/json, */*;q=0.5");
    }
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Why::Unusable)?;
        let mut value = HeaderValue::from_bytes(value).map_err(|_| Why::Unusable)?;
        value.set_sensitive(true);
        built = built.header(name, value);
    }
    built.body(Full::new(Bytes::from(request.body))).map_err(|_| Why::Unusable)
}

//! octocrab over the wire: its requests go through the limits that hold for all trackers.

use std::future::Future;

use http::header::{ACCEPT, AUTHORIZATION, HeaderMap};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::super::TrackerError;
use super::super::wire::{Wire, refusal};

/// octocrab over the wire, as whom it says.
pub(super) fn octocrab(wire: &Wire, auth: AuthState) -> Result<Octocrab, TrackerError> {
    let sending = wire.clone();
    let service = tower::service_fn(move |request: Request<OctoBody>| send(sending.clone(), request));
    let base = wire.base().as_str().parse();
    let base = base.map_err(|_| TrackerError::Settings("the API's address is none".to_owned()))?;
    let Ok(crab) =
        OctocrabBuilder::new_empty().with_service(service).with_layer(&BaseUriLayer::new(base)).with_auth(auth).build();
    Ok(crab)
}

/// Reads a route of the API.
pub(super) async fn get<T: DeserializeOwned + Send + 'static>(crab: &Octocrab, route: &str) -> Result<T, TrackerError> {
    read(crab.get::<Value, _, ()>(route, None)).await
}

/// What octocrab hands on, checked.
pub(super) async fn read<T: DeserializeOwned>(
    asked: impl Future<Output = octocrab::Result<Value>>,
) -> Result<T, TrackerError> {
    serde_json::from_value(asked.await.map_err(fault)?)
        .map_err(|_| TrackerError::Broken("it is not the JSON that is documented"))
}

/// What went wrong: below octocrab, or in what it read.
pub(super) fn fault(error: octocrab::Error) -> TrackerError {
    match error {
        octocrab::Error::Service { source, .. } => match source.downcast::<TrackerError>() {
            Ok(error) => *error,
            Err(_) => TrackerError::Unreachable("the client has ended".to_owned()),
        },
        octocrab::Error::GitHub { source, .. } => match refusal(source.status_code) {
            Err(error) => error,
            Ok(()) => TrackerError::Broken("it refuses with a status of success"),
        },
        octocrab::Error::JWT { .. } => TrackerError::Settings("the App's private key cannot sign".to_owned()),
        _ => TrackerError::Broken("it is not the JSON that is documented"),
    }
}

/// Carries one request of octocrab's over the wire. All refusals end here, but for 401: with that octocrab makes a new token.
async fn send(wire: Wire, request: Request<OctoBody>) -> Result<Response<String>, TrackerError> {
    let (parts, body) = request.into_parts();
    let broken = |_| TrackerError::Broken("a request has no URL");
    let url = Url::parse(&parts.uri.to_string()).map_err(broken)?;
    let body = body.collect().await.map_err(|_| TrackerError::Broken("a request has no body"))?.to_bytes();
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, http::HeaderValue::from_static("application/vnd.github+json"));
    headers.insert("x-github-api-version", http::HeaderValue::from_static("2022-11-28"));
    if let Some(value) = parts.headers.get(AUTHORIZATION) {
        headers.insert(AUTHORIZATION, value.clone());
    }
    let body = (parts.method != Method::GET).then(|| body.to_vec());
    let answer = wire.ask(parts.method, url, headers, body).await?;
    let text = if answer.status == StatusCode::UNAUTHORIZED {
        json!({ "message": "" }).to_string()
    } else {
        refusal(answer.status)?;
        String::from_utf8(answer.body).map_err(|_| TrackerError::Broken("it is no UTF-8"))?
    };
    let mut response = Response::new(text);
    *response.status_mut() = answer.status;
    Ok(response)
}

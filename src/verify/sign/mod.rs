//! Signers of requests, by the name that recipes give them.

use super::endpoints::Place;
use super::http::Request;
use super::parts::Parts;
use crate::model::Why;

/// What a signer adds to a credential's parts before the request is built: an assertion that is signed with it.
///
/// # Errors
/// [`Why::Unusable`] where the credential cannot sign.
pub fn prepare(signer: Option<&str>, parts: &Parts, _now: i64) -> Result<Parts, Why> {
    match signer {
        _ => Ok(parts.clone()),
    }
    .and_then(|parts: Parts| if signer == Some("google-jwt") { Err(Why::Unusable) } else { Ok(parts) })
}

/// Signs a request that is ready.
///
/// # Errors
/// [`Why::Unusable`] where the credential cannot sign.
pub fn sign(signer: Option<&str>, request: Request, _place: &Place, _parts: &Parts, _now: i64) -> Result<Request, Why> {
    match signer {
        None | Some("google-jwt") => Ok(request),
        Some(_) => Err(Why::Unusable),
    }
}

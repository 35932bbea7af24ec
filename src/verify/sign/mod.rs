//! Signers of requests, by the name that recipes give them: `google-jwt` signs an assertion that the request carries,
//! `aws-sigv4` the request itself.

mod aws;
mod google;

use super::endpoints::Place;
use super::http::Request;
use super::parts::Parts;
use crate::model::Why;
use crate::rules::recipe::RequestDecl;

/// What a signer adds to a credential's parts before the request is built: an assertion that is signed with it.
///
/// # Errors
/// [`Why::Unusable`] where the credential cannot sign, [`Why::PartMissing`] where a part is not known.
pub fn prepare(signer: Option<&str>, parts: &Parts, now: i64) -> Result<Parts, Why> {
    match signer {
        Some("google-jwt") => Ok(parts.with("assertion", google::assertion(parts, now)?)),
        _ => Ok(parts.clone()),
    }
}

/// Signs a request that is ready; `decl` is the recipe's, which names the signer and the service.
///
/// # Errors
/// [`Why::Unusable`] where the credential cannot sign, [`Why::PartMissing`] where a part is not known.
pub fn sign(decl: &RequestDecl, request: Request, place: &Place, parts: &Parts, now: i64) -> Result<Request, Why> {
    match decl.signer.as_deref() {
        Some("aws-sigv4") => aws::sign(&decl.url, request, place, parts, now),
        None | Some("google-jwt") => Ok(request),
        Some(_) => Err(Why::Unusable),
    }
}

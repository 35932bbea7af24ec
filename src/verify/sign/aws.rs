//! AWS Signature Version 4, by the library of AWS's own kit.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as signed};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;

use crate::model::Why;
use crate::verify::endpoints::Place;
use crate::verify::http::{self, Request};
use crate::verify::parts::Parts;
use crate::verify::request::authority;

/// The region of the global hosts.
const REGION: &str = "us-east-1";

/// Signs with the parts `key_id` and `secret`, and `session_token` where the key is a temporary one. The service is the first
/// label of the recipe's host; the host that is signed is the one that is asked.
pub(super) fn sign(url: &str, request: Request, place: &Place, parts: &Parts, now: i64) -> Result<Request, Why> {
    let (host, _) = authority(url);
    let service = host.split('.').next().unwrap_or_default();
    let key = parts.text("key_id")?;
    // A temporary key without its token is refused like one that never was.
    let token = if key.starts_with("ASIA") { Some(parts.text("session_token")?.to_owned()) } else { None };
    let identity = Identity::from(Credentials::new(key, parts.text("secret")?, token, None, "quell"));
    let since = Duration::from_secs(u64::try_from(now).map_err(|_| Why::Unusable)?);
    let settings = SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name(service)
        .time(SystemTime::UNIX_EPOCH + since)
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| Why::Unusable)?
        .into();
    let scheme = if place.tls { "https" } else { "http" };
    let whole = format!("{scheme}://{}{}{}", http::host(place), place.base, request.target);
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .map(|(name, value)| Ok((name.as_str(), std::str::from_utf8(value).map_err(|_| Why::Unusable)?)))
        .collect::<Result<_, Why>>()?;
    let signable =
        SignableRequest::new(&request.method, whole, headers.into_iter(), SignableBody::Bytes(&request.body))
            .map_err(|_| Why::Unusable)?;
    let (instructions, _) = signed(signable, &settings).map_err(|_| Why::Unusable)?.into_parts();
    let added: Vec<_> =
        instructions.headers().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    let headers = request.headers.iter().cloned().chain(added).collect();
    Ok(Request { headers, ..request })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use crate::verify::endpoints::{host, public};

    #[test]
    fn the_host_that_is_asked_is_signed_for_the_service_of_the_recipe() {
        let text = |text: &str| Secret::new(text.as_bytes().to_vec());
        let parts = Parts::default().with("key_id", text("AKIAX")).with("secret", text("not one"));
        let request = || Request {
            method: "GET".to_owned(),
            target: "/?Action=GetCallerIdentity&Version=2011-06-15".to_owned(),
            headers: vec![("accept".to_owned(), b"text/xml".to_vec())],
            body: Vec::new(),
        };
        let place = public(host("sts.amazonaws.com").unwrap());
        let url = "https://sts.amazonaws.com/";
        let signed = sign(url, request(), &place, &parts, 1_440_938_160).unwrap();
        let header = |signed: &Request, name: &str| {
            let value = &signed.headers.iter().find(|(known, _)| known == name)?.1;
            Some(String::from_utf8(value.clone()).unwrap())
        };
        let authorization = header(&signed, "authorization").unwrap();
        let start = "AWS4-HMAC-SHA256 Credential=AKIAX/20150830/us-east-1/sts/aws4_request, SignedHeaders=accept;host;x-amz-date";
        assert!(authorization.starts_with(start), "{authorization}");
        assert_eq!(header(&signed, "x-amz-date").as_deref(), Some("20150830T123600Z"));
        let other = sign(url, request(), &public(host("10.0.0.1").unwrap()), &parts, 1_440_938_160).unwrap();
        assert_ne!(header(&other, "authorization"), Some(authorization));
        let temporary = parts.with("key_id", text("ASIAX"));
        assert_eq!(sign(url, request(), &place, &temporary, 1).err(), Some(Why::PartMissing));
        let with = temporary.with("session_token", text("of a session"));
        assert!(header(&sign(url, request(), &place, &with, 1).unwrap(), "x-amz-security-token").is_some());
        let lasting = with.with("key_id", text("AKIAX"));
        assert!(header(&sign(url, request(), &place, &lasting, 1).unwrap(), "x-amz-security-token").is_none());
        let nameless = Parts::default().with("secret", text("x"));
        assert_eq!(sign(url, request(), &place, &nameless, 1).err(), Some(Why::PartMissing));
    }
}

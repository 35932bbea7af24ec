//! From a recipe's request and the parts of a credential to what is sent.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::http::Request;
use super::parts::Parts;
use crate::model::Why;
use crate::rules::recipe::RequestDecl;

/// All but what RFC 3986 calls unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Builds the request.
///
/// # Errors
/// [`Why::PartMissing`] where a part is not known, [`Why::Unusable`] where one does not fit its place.
pub fn build(request: &RequestDecl, parts: &Parts) -> Result<Request, Why> {
    let mut headers = Vec::new();
    for (name, value) in &request.headers {
        headers.push((name.to_ascii_lowercase(), parts.fill(value, &<[u8]>::to_vec)?.to_vec()));
    }
    let body = if !request.form.is_empty() {
        headers.push(("content-type".to_owned(), b"application/x-www-form-urlencoded".to_vec()));
        pairs(&request.form, parts)?.into_bytes()
    } else if let Some(json) = &request.json {
        headers.push(("content-type".to_owned(), b"application/json".to_vec()));
        serde_json::to_vec(&filled(json, parts)?).map_err(|_| Why::Unusable)?
    } else if let Some(body) = &request.body {
        parts.fill(body, &<[u8]>::to_vec)?.to_vec()
    } else {
        Vec::new()
    };
    Ok(Request { method: request.method.clone(), target: target(request, parts)?, headers, body })
}

/// Path and query.
fn target(request: &RequestDecl, parts: &Parts) -> Result<String, Why> {
    let (_, rest) = authority(&request.url);
    let path = text(&parts.fill(rest, &|value| escaped(value).into_bytes())?)?;
    let mut target = if path.starts_with('/') { path } else { format!("/{path}") };
    if !request.query.is_empty() {
        target.push(if target.contains('?') { '&' } else { '?' });
        target.push_str(&pairs(&request.query, parts)?);
    }
    Ok(target)
}

/// A recipe's URL in two: the authority, and what follows it.
#[must_use]
pub fn authority(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()))
}

fn pairs(fields: &std::collections::BTreeMap<String, String>, parts: &Parts) -> Result<String, Why> {
    let pair = |(name, value): (&String, &String)| {
        let value = parts.fill(value, &<[u8]>::to_vec)?;
        Ok(format!("{}={}", escaped(name.as_bytes()), escaped(&value)))
    };
    Ok(fields.iter().map(pair).collect::<Result<Vec<_>, Why>>()?.join("&"))
}

fn filled(value: &toml::Value, parts: &Parts) -> Result<serde_json::Value, Why> {
    Ok(match value {
        toml::Value::String(template) => text(&parts.fill(template, &<[u8]>::to_vec)?)?.into(),
        toml::Value::Array(items) => items.iter().map(|item| filled(item, parts)).collect::<Result<_, _>>()?,
        toml::Value::Table(table) => {
            let field = |(name, value): (&String, &toml::Value)| Ok((name.clone(), filled(value, parts)?));
            serde_json::Value::Object(table.iter().map(field).collect::<Result<_, Why>>()?)
        }
        toml::Value::Boolean(b) => (*b).into(),
        toml::Value::Integer(i) => (*i).into(),
        toml::Value::Float(f) => (*f).into(),
        toml::Value::Datetime(d) => d.to_string().into(),
    })
}

fn text(bytes: &[u8]) -> Result<String, Why> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Why::Unusable)
}

/// Percent-encoded; bytes that are no text as they are.
fn escaped(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => utf8_percent_encode(text, ESCAPED).to_string(),
        Err(_) => value.iter().map(|b| format!("%{b:02X}")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    #[test]
    fn parts_are_encoded_as_their_place_asks() {
        let parts = Parts::default()
            .with("secret", Secret::new(b"a&b=\"c\" {x}/d".to_vec()))
            .with("user", Secret::new(b"ann".to_vec()));
        let request: RequestDecl = toml::from_str(
            r#"
            url = "https://api.acme.example/v1/{secret}/me?x=1"
            headers = { Authorization = "Basic {b64({user}:{secret})}" }
            query = { key = "{secret}" }
            json = { token = "{secret}", deep = [{ n = 1, who = "{user}" }] }
            "#,
        )
        .unwrap();
        let built = build(&request, &parts).unwrap();
        assert_eq!(built.target, "/v1/a%26b%3D%22c%22%20%7Bx%7D%2Fd/me?x=1&key=a%26b%3D%22c%22%20%7Bx%7D%2Fd");
        assert_eq!(built.headers[0].1, b"Basic YW5uOmEmYj0iYyIge3h9L2Q=");
        let json: serde_json::Value = serde_json::from_slice(&built.body).unwrap();
        assert_eq!(json["token"], "a&b=\"c\" {x}/d");
        assert_eq!(json["deep"][0]["who"], "ann");
        let missing = RequestDecl { query: [("a".to_owned(), "{other}".to_owned())].into(), ..request };
        assert_eq!(build(&missing, &parts).err(), Some(Why::PartMissing));
    }
}

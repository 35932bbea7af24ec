//! The one form in which a value is hashed and stored: keys in order, no spaces (in the manner of RFC 8785; numbers here are
//! whole ones, which have one form).

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The canonical text of a value.
///
/// # Errors
/// Where the value has no form in JSON: a map whose keys are no texts.
pub fn canonical(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_value(value).map(sorted).map(|value| value.to_string())
}

/// The same value with the keys of every object in order.
#[must_use]
pub fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> =
                fields.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// The hash of a text: `sha256:` and 64 hexadecimal digits.
#[must_use]
pub fn digest(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    let hex: String = hash.iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_order_at_every_depth_and_nothing_else_moves() {
        let value: Value = serde_json::from_str(r#"{"b":[{"z":1,"a":null}],"a":{"y":"é","x":-2}}"#).unwrap();
        let text = canonical(&value).unwrap();
        assert_eq!(text, r#"{"a":{"x":-2,"y":"é"},"b":[{"a":null,"z":1}]}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert!(digest(&text).starts_with("sha256:") && digest(&text) != digest(""));
    }
}

//! A form in which a value can be hashed: keys in order, in the manner of RFC 8785; numbers here are whole ones, which have
//! one form. The ledger writes the same form without a value in between.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// A value with the keys of every object in order.
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

/// `sha256:` and 64 hexadecimal digits over texts, each behind its length, so that no two lists run into the same bytes.
pub fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_order_at_every_depth_and_nothing_else_moves() {
        let value: Value = serde_json::from_str(r#"{"b":[{"z":1,"a":null}],"a":{"y":"é","x":-2}}"#).unwrap();
        assert_eq!(sorted(value.clone()).to_string(), r#"{"a":{"x":-2,"y":"é"},"b":[{"a":null,"z":1}]}"#);
        assert_eq!(sorted(value.clone()), value);
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
    }
}

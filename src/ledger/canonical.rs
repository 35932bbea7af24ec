//! Canonical JSON: one text for one value. Keys are sorted at every depth, there is no space, and numbers are whole.
//!
//! Hashes and signatures are made over this text, so that it must not depend on the order in which a program fills a map.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::error::LedgerError;

/// The canonical text of a value.
///
/// # Errors
/// Where it is no JSON, or has a number that is not whole: those do not survive being written and read.
pub fn canonical(value: &impl Serialize) -> Result<String, LedgerError> {
    let value = serde_json::to_value(value).map_err(|e| LedgerError::Data(format!("cannot be kept: {e}")))?;
    let mut text = String::with_capacity(256);
    write(&value, &mut text)?;
    Ok(text)
}

fn write(value: &Value, text: &mut String) -> Result<(), LedgerError> {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            text.push('{');
            for (number, key) in keys.into_iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                quoted(key, text)?;
                text.push(':');
                write(map.get(key).unwrap_or(&Value::Null), text)?;
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                write(item, text)?;
            }
            text.push(']');
        }
        Value::String(string) => quoted(string, text)?,
        Value::Number(number) if number.is_f64() => {
            return Err(LedgerError::Data(format!("cannot be kept: `{number}` is no whole number")));
        }
        other => {
            let _ = write!(text, "{other}");
        }
    }
    Ok(())
}

fn quoted(string: &str, text: &mut String) -> Result<(), LedgerError> {
    let plain = |b: u8| b >= 0x20 && b != b'"' && b != b'\\';
    if string.bytes().all(plain) {
        text.push('"');
        text.push_str(string);
        text.push('"');
    } else {
        text.push_str(&serde_json::to_string(string).map_err(|e| LedgerError::Data(e.to_string()))?);
    }
    Ok(())
}

/// SHA-256, as 64 hexadecimal digits.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Reads lower-case hexadecimal digits.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).ok()
}

/// Text as a column can hold it: PostgreSQL has none with a zero byte.
pub(super) fn column(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let one: Value = serde_json::from_str(r#"{"b": [{"z": 1, "a": "\u0000\n"}], "a": null}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"a": null, "b": [{"a": "\u0000\n", "z": 1}]}"#).unwrap();
        assert_eq!(canonical(&one).unwrap(), canonical(&other).unwrap());
        assert_eq!(canonical(&one).unwrap(), r#"{"a":null,"b":[{"a":"\u0000\n","z":1}]}"#);
        assert!(canonical(&1.5).is_err());
    }
}

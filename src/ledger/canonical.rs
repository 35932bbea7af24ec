//! Canonical JSON: one text for one value. Keys are sorted at every depth, there is no space, and numbers are whole.
//!
//! Hashes and signatures are made over this text, so that it must not depend on the order in which a program fills a map.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use sha2::{Digest, Sha256};

use super::error::LedgerError;

/// The canonical text of a value.
///
/// # Errors
/// Where it is no JSON, or has a number that is not whole: those do not survive being written and read.
pub fn canonical(value: &impl Serialize) -> Result<String, LedgerError> {
    let bad = |e| LedgerError::Data(format!("cannot be kept: {e}"));
    let plain = serde_json::to_string(value).map_err(bad)?;
    let mut text = String::with_capacity(plain.len());
    write(serde_json::from_str(&plain).map_err(bad)?, &mut text)?;
    Ok(text)
}

/// A value whose texts stand in the JSON that it was read of. Maps are lists: they are read once, and in order.
enum Node<'a> {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Signed(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Unsigned(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node<'de>, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node<'de>, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Node::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node<'de>, A::Error> {
        let mut all = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Node<'de>, Node<'de>>()? {
            if let Node::Text(key) = key {
                all.push((key, value));
            }
        }
        Ok(Node::Map(all))
    }
}

fn write(node: Node<'_>, text: &mut String) -> Result<(), LedgerError> {
    match node {
        Node::Map(mut entries) => {
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            text.push('{');
            let mut entries = entries.into_iter().peekable();
            let mut first = true;
            while let Some((key, value)) = entries.next() {
                // Of a key that is there twice, the last counts, as for whoever reads it.
                if entries.peek().is_some_and(|(next, _)| *next == key) {
                    continue;
                }
                if !std::mem::take(&mut first) {
                    text.push(',');
                }
                quoted(&key, text)?;
                text.push(':');
                write(value, text)?;
            }
            text.push('}');
        }
        Node::List(items) => {
            text.push('[');
            for (number, item) in items.into_iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                write(item, text)?;
            }
            text.push(']');
        }
        Node::Text(string) => quoted(&string, text)?,
        Node::Float(number) => {
            return Err(LedgerError::Data(format!("cannot be kept: `{number}` is no whole number")));
        }
        Node::Null => text.push_str("null"),
        Node::Bool(value) => text.push_str(if value { "true" } else { "false" }),
        Node::Signed(number) => text.push_str(&number.to_string()),
        Node::Unsigned(number) => text.push_str(&number.to_string()),
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
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_kind_of_value_comes_out_as_it_was() {
        let text = r#"{"":[],"a\"\\\u0001":{},"b":[-9223372036854775808,0,18446744073709551615,true,false,null],"é":"\n\u007f€"}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        let made = canonical(&value).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&made).unwrap(), value);
        assert_eq!(made, text.replace("\\u007f", "\u{7f}"));
        assert!(canonical(&vec![vec![0.5]]).unwrap_err().to_string().contains("`0.5` is no whole number"));
    }

    #[test]
    fn of_a_key_that_is_there_twice_the_last_counts() {
        #[derive(Serialize)]
        struct Twice {
            a: u8,
            #[serde(rename = "a")]
            again: u8,
            b: u8,
        }
        let twice = Twice { a: 1, again: 2, b: 3 };
        assert_eq!(canonical(&twice).unwrap(), r#"{"a":2,"b":3}"#);
        assert_eq!(canonical(&twice).unwrap(), serde_json::to_value(&twice).unwrap().to_string());
    }

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let one: Value = serde_json::from_str(r#"{"b": [{"z": 1, "a": "\u0000\n"}], "a": null}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"a": null, "b": [{"a": "\u0000\n", "z": 1}]}"#).unwrap();
        assert_eq!(canonical(&one).unwrap(), canonical(&other).unwrap());
        assert_eq!(canonical(&one).unwrap(), r#"{"a":null,"b":[{"a":"\u0000\n","z":1}]}"#);
        assert!(canonical(&1.5).is_err());
    }
}

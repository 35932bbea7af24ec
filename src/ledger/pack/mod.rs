//! The evidence pack of one case: a file of JSON lines that is checked without the store.
//!
//! | line | what it says |
//! |---|---|
//! | `pack` | the form, the store, the case, when it was made, the key of the seal, and how far the chain had come |
//! | `event` | an event with the very texts that its hash is made over, the hash of the event ahead of it in the chain, and its own |
//! | `policy` | a policy set that a decision of the case names, and its files by hash |
//! | `seal` | the signature of the store's checkpoint key over all of that: over the number and hash of every event, in order |
//! | `end` | how many lines came before |
//!
//! Events are those of the case, the first of the store, and those that say who the people are who wrote any of them. Nobody
//! else is named in it. The hash of a policy set is made over the guardrails too, which are compiled into the program; its
//! files are in the store and can be asked for by their hashes.
//!
//! Each line is canonical JSON, so that there is one way to write it, and no byte of it can be another. `make` writes a pack,
//! `check` checks one.

mod check;
mod make;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::canonical::{canonical, sha256_hex};
use super::error::LedgerError;

pub use check::{PackVerified, verify_pack};

/// The form of packs that this program writes.
const FORM: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    form: u32,
    /// The store's name.
    store: String,
    /// The case, by its bare number.
    case: i64,
    /// When the pack was made, in seconds since 1970 UTC.
    at: i64,
    /// The public key that the seal is made with.
    key: String,
    /// The last event of the chain when the pack was made: its number and hash.
    head: (i64, String),
}

/// An event, as [`super::chain::Stored`] has it, with the hash of the one ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    format: i64,
    seq: i64,
    at: i64,
    case: Option<i64>,
    actor: String,
    body: String,
    nonce: Option<String>,
    signature: Option<String>,
    ahead: String,
    hash: String,
}

/// A policy set that a decision names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackPolicy {
    /// Hash of the whole set, guardrails included.
    pub hash: String,
    /// Hash of the schema.
    pub schema: String,
    /// The profile; `None` where the set was never staged, as the one that the program begins with.
    pub profile: Option<String>,
    /// The organisation's own files, by name, each with its SHA-256 as 64 hexadecimal digits.
    pub files: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "line")]
enum Line {
    Pack(Header),
    Event(Recorded),
    Policy(PackPolicy),
    Seal { signature: String },
    End { lines: u64 },
}

/// What the seal is made over. Each part is of fixed form or a hash, so that no two packs have the same text.
fn sealed(header: &Header, events: &[(i64, String)], policies: &[PackPolicy]) -> Result<String, LedgerError> {
    let Header { store, case, at, key, head, .. } = header;
    let list: String = events.iter().map(|(seq, hash)| format!("{seq} {hash}\n")).collect();
    let (count, list) = (events.len(), sha256_hex(list.as_bytes()));
    let policies = sha256_hex(canonical(&policies)?.as_bytes());
    Ok(format!("quell pack {FORM}\n{store}\n{case}\n{at}\n{key}\n{} {}\n{count} {list}\n{policies}", head.0, head.1))
}

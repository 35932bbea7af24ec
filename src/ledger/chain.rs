//! The hash chain: each event's hash is made over all that it says and over the hash of the one before.

use sha2::{Digest, Sha256};
use sqlx::{ColumnIndex, Decode, Row, Type};

use super::error::LedgerError;
use crate::model::case::CaseNumber;
use crate::model::event::Event;

/// The form of hashed records that this program writes.
pub(super) const FORMAT: i64 = 1;

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// An event as it is stored: the texts that the hash is made over, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) format: i64,
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) about: Option<i64>,
    pub(super) actor: String,
    pub(super) body: String,
    pub(super) nonce: Option<String>,
    pub(super) signature: Option<String>,
    pub(super) hash: Vec<u8>,
}

/// The columns of `events`, in the order in which [`Stored::read`] takes them.
pub(super) const COLUMNS: &str = "format, seq, at, about, actor, body, nonce, signature, hash";

impl Stored {
    /// Takes a row of [`COLUMNS`].
    pub(super) fn read<'r, R: Row>(row: &'r R) -> Result<Self, sqlx::Error>
    where
        usize: ColumnIndex<R>,
        i64: Decode<'r, R::Database> + Type<R::Database>,
        Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
        String: Decode<'r, R::Database> + Type<R::Database>,
        Option<String>: Decode<'r, R::Database> + Type<R::Database>,
        Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    {
        Ok(Self {
            format: row.try_get(0)?,
            seq: row.try_get(1)?,
            at: row.try_get(2)?,
            about: row.try_get(3)?,
            actor: row.try_get(4)?,
            body: row.try_get(5)?,
            nonce: row.try_get(6)?,
            signature: row.try_get(7)?,
            hash: row.try_get(8)?,
        })
    }

    /// The hash that it must have after another. Fields carry their length, so that no two records read alike.
    pub(super) fn hashed(&self, previous: &[u8]) -> Hash {
        let mut hasher = Sha256::new();
        let mut field = |bytes: Option<&[u8]>| {
            let length = bytes.map_or(u64::MAX, |b| b.len() as u64);
            hasher.update(length.to_be_bytes());
            hasher.update(bytes.unwrap_or_default());
        };
        field(Some(&self.format.to_be_bytes()));
        field(Some(&self.seq.to_be_bytes()));
        field(Some(&self.at.to_be_bytes()));
        field(self.about.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
        field(Some(self.actor.as_bytes()));
        field(Some(self.body.as_bytes()));
        field(self.nonce.as_deref().map(str::as_bytes));
        field(self.signature.as_deref().map(str::as_bytes));
        field(Some(previous));
        hasher.finalize().into()
    }

    /// The event that it says.
    ///
    /// # Errors
    /// Where its texts are none that this program knows.
    pub(super) fn event(&self) -> Result<Event, LedgerError> {
        self.parsed().map_err(|what| LedgerError::Chain { seq: self.seq, what })
    }

    /// The same; what is wrong in words.
    pub(super) fn parsed(&self) -> Result<Event, String> {
        let bad = |e: serde_json::Error| format!("it cannot be read: {e}");
        Ok(Event {
            seq: self.seq,
            at: self.at,
            case: self.about.map(CaseNumber),
            actor: serde_json::from_str(&self.actor).map_err(bad)?,
            body: serde_json::from_str(&self.body).map_err(bad)?,
            nonce: self.nonce.clone(),
            signature: self.signature.clone(),
        })
    }
}

/// The last event: its number and hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) hash: Hash,
}

impl Head {
    /// Before the first event.
    pub(super) const EMPTY: Self = Self { seq: 0, at: 0, hash: [0; 32] };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_counts() {
        let whole = Stored {
            format: 1,
            seq: 2,
            at: 3,
            about: None,
            actor: "a".into(),
            body: "bc".into(),
            nonce: Some(String::new()),
            signature: None,
            hash: Vec::new(),
        };
        let hash = whole.hashed(&[0; 32]);
        let changes: [fn(&mut Stored); 9] = [
            |s| s.format = 2,
            |s| s.seq = 3,
            |s| s.at = 4,
            |s| s.about = Some(0),
            |s| (s.actor, s.body) = ("ab".into(), "c".into()),
            |s| s.body = "bd".into(),
            |s| s.nonce = None,
            |s| s.signature = Some(String::new()),
            |s| s.nonce = Some("x".into()),
        ];
        for change in changes {
            let mut other = whole.clone();
            change(&mut other);
            assert_ne!(other.hashed(&[0; 32]), hash, "{other:?}");
        }
        assert_ne!(whole.hashed(&[1; 32]), hash);
    }
}

//! Checkpoints: signed statements of how far the chain had come, to be kept where the store's keeper cannot reach.

use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use super::canonical::{canonical, hex};
use super::db::query;
use super::error::LedgerError;
use super::keys::{SigningKey, public, signed};
use super::store::Store;

/// That a store's chain had come to this event, by its keeper's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The store's name.
    pub store: String,
    /// The number of its last event.
    pub seq: i64,
    /// That event's hash, 64 hexadecimal digits.
    pub hash: String,
    /// When, in seconds since 1970 UTC.
    pub at: i64,
    /// The public key.
    pub key: String,
    /// The signature, Ed25519, 128 hexadecimal digits.
    pub signature: String,
}

impl Checkpoint {
    /// Reads a line of JSON.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(line: &str) -> Result<Self, LedgerError> {
        serde_json::from_str(line.trim()).map_err(|e| LedgerError::Data(format!("no checkpoint: {e}")))
    }

    /// One line of JSON, without its end.
    ///
    /// # Errors
    /// None in practice.
    pub fn line(&self) -> Result<String, LedgerError> {
        canonical(self)
    }

    fn message(&self) -> String {
        let Self { store, seq, hash, at, key, .. } = self;
        format!("quell checkpoint 1\n{store}\n{seq}\n{hash}\n{at}\n{key}")
    }

    /// What is wrong with it, for a store and the key that its checkpoints are signed with.
    pub(super) fn fault(&self, store: &str, key: &str) -> Option<&'static str> {
        if self.store != store {
            return Some("a checkpoint is of another store");
        }
        let good = public(key).is_some_and(|key| signed(&key, self.message().as_bytes(), &self.signature));
        (self.key != key || !good).then_some("the signature of a checkpoint does not count")
    }
}

impl Store {
    /// Signs how far the chain has come, keeps that beside it, and gives it back to be kept elsewhere.
    ///
    /// # Errors
    /// [`LedgerError::NotPermitted`] where the key is not the one that the store was made with; what the database says.
    pub async fn checkpoint(&self, key: &SigningKey) -> Result<Checkpoint, LedgerError> {
        if key.public_hex() != self.checkpoint_key() {
            return Err(LedgerError::NotPermitted("checkpoints of this store are signed with another key".to_owned()));
        }
        let mut tx = self.begin().await?;
        let head = self.head_of(tx.conn()).await?;
        let mut checkpoint = Checkpoint {
            store: self.id().to_owned(),
            seq: head.seq,
            hash: hex(&head.hash),
            at: tx.now(),
            key: key.public_hex(),
            signature: String::new(),
        };
        checkpoint.signature = key.sign(checkpoint.message().as_bytes());
        self.point("checkpoint.before-write")?;
        let sql = "INSERT INTO checkpoints (seq, at, doc) VALUES ($1, $2, $3) \
                   ON CONFLICT (seq, at) DO UPDATE SET doc = excluded.doc";
        let args = [head.seq.into(), checkpoint.at.into(), checkpoint.line()?.into()];
        query(sql, args).execute(tx.conn()).await?;
        self.point("checkpoint.after-write")?;
        tx.commit().await?;
        Ok(checkpoint)
    }

    /// The checkpoints that are kept beside the chain, the oldest first. Whoever can cut the chain can cut these.
    ///
    /// # Errors
    /// What the database says. A text that is no checkpoint comes back as an error of its own.
    pub async fn checkpoints(&self) -> Result<Vec<Result<Checkpoint, LedgerError>>, LedgerError> {
        let rows = query("SELECT doc FROM checkpoints ORDER BY seq, at", []).fetch_all(&self.0.pool).await?;
        Ok(rows.iter().map(|row| Checkpoint::parse(&row.try_get::<String, _>(0)?)).collect())
    }
}

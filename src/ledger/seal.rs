//! Secrets that must be asked again, sealed.
//!
//! Each case has a data key of its own, random, outside the chain of events, so that destroying it destroys what it sealed
//! wherever that was copied to. The data key is wrapped by a [`Wrapper`] whose key is not in the database. Parts are sealed by
//! XChaCha20-Poly1305; the store, the case, the part's name and the number of the event that recorded the sealing are bound to
//! each as additional data, so that none opens anywhere else.
//!
//! What is erased is overwritten in a file of SQLite, and its write-ahead log is emptied. PostgreSQL keeps dead rows until it
//! vacuums, and its own log and copies for longer: what is left there is sealed under a data key that is wrapped.

use std::future::Future;
use std::pin::Pin;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{AnyConnection, Row as _};
use zeroize::Zeroizing;

use super::canonical::{canonical, sha256_hex};
use super::db::{Arg, insert, query};
use super::error::LedgerError;
use super::keys::random;
use super::store::Store;
use super::tx::Tx;
use crate::model::Secret;
use crate::model::case::CaseNumber;
use crate::model::event::{Body, Event, NewEvent};

/// What a [`Wrapper`] gives back in time.
pub type Wrapped<'a, T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'a>>;

/// Whoever holds the key that data keys are wrapped by: a file, a service.
pub trait Wrapper: Send + Sync {
    /// Its name, which tells one key from another and shows nothing of it.
    fn id(&self) -> String;
    /// Wraps a data key.
    fn wrap<'a>(&'a self, key: &'a [u8]) -> Wrapped<'a, Vec<u8>>;
    /// Unwraps what [`Wrapper::wrap`] gave.
    fn unwrap<'a>(&'a self, wrapped: &'a [u8]) -> Wrapped<'a, Zeroizing<Vec<u8>>>;
}

/// A wrapper that is a key of 32 bytes, of a file or a variable.
pub struct KeyWrapper {
    key: Zeroizing<[u8; 32]>,
    id: String,
}

impl KeyWrapper {
    /// Takes the key.
    #[must_use]
    pub fn new(key: Zeroizing<[u8; 32]>) -> Self {
        let named = Zeroizing::new([b"quell wrapper 1\n".as_slice(), key.as_slice()].concat());
        let id = format!("key:{}", sha256_hex(&named).get(..16).unwrap_or_default());
        Self { key, id }
    }
}

impl std::fmt::Debug for KeyWrapper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyWrapper({})", self.id)
    }
}

impl Wrapper for KeyWrapper {
    fn id(&self) -> String {
        self.id.clone()
    }

    fn wrap<'a>(&'a self, key: &'a [u8]) -> Wrapped<'a, Vec<u8>> {
        Box::pin(async move { seal(&self.key, key, self.id.as_bytes()) })
    }

    fn unwrap<'a>(&'a self, wrapped: &'a [u8]) -> Wrapped<'a, Zeroizing<Vec<u8>>> {
        let changed = || LedgerError::Wrapper("the wrapped key was changed".to_owned());
        Box::pin(async move { open(&self.key, wrapped, self.id.as_bytes()).map(Zeroizing::new).ok_or_else(changed) })
    }
}

/// A nonce of 24 bytes, and what was sealed with it.
fn seal(key: &[u8; 32], plain: &[u8], bound: &[u8]) -> Result<Vec<u8>, LedgerError> {
    let nonce = random::<24>()?;
    let sealed =
        XChaCha20Poly1305::new(&(*key).into()).encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: bound });
    let sealed = sealed.map_err(|_| LedgerError::Data("too much to be sealed".to_owned()))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn open(key: &[u8; 32], sealed: &[u8], bound: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = sealed.split_at_checked(24)?;
    let nonce: [u8; 24] = nonce.try_into().ok()?;
    XChaCha20Poly1305::new(&(*key).into()).decrypt(&XNonce::from(nonce), Payload { msg: text, aad: bound }).ok()
}

/// What each part is bound to.
fn bound(store: &str, case: i64, name: &str, version: i64) -> String {
    format!("quell sealed 1\n{store}\n{case}\n{version}\n{name}")
}

/// What is sealed of a credential: its parts by name, and what has to be known to ask about it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedParts {
    /// The rule that found it.
    pub rule: String,
    /// The parts.
    pub parts: Vec<(String, Secret)>,
    /// Anything else, nothing secret; it is sealed too.
    pub context: Value,
}

/// What is sealed beside the parts.
#[derive(Serialize, Deserialize)]
struct Head {
    rule: String,
    names: Vec<String>,
    context: Value,
}

/// A data key, wrapped. It is made before the transaction that uses it begins, for its wrapper may be far away.
pub struct DataKey {
    key: Zeroizing<[u8; 32]>,
    wrapper: String,
    wrapped: Vec<u8>,
}

impl DataKey {
    /// Makes one at random.
    ///
    /// # Errors
    /// What the wrapper says.
    pub async fn make(wrapper: &dyn Wrapper) -> Result<Self, LedgerError> {
        let key = Zeroizing::new(random::<32>()?);
        let wrapped = wrapper.wrap(key.as_slice()).await?;
        Ok(Self { key, wrapper: wrapper.id(), wrapped })
    }
}

impl Tx {
    /// Seals a case's secret until a time (in seconds since 1970 UTC), in place of what was sealed before, and writes that it
    /// was.
    ///
    /// # Errors
    /// [`LedgerError::NotPermitted`] where that time is past; what the database says.
    pub async fn seal(
        &mut self,
        case: CaseNumber,
        parts: &SealedParts,
        until: i64,
        key: DataKey,
    ) -> Result<Vec<Event>, LedgerError> {
        if until <= self.now() {
            return Err(LedgerError::NotPermitted("what is sealed is kept for some time".to_owned()));
        }
        let sealed = NewEvent::by_quell(Some(case), Body::SecretSealed { until });
        let events = self.append_any(vec![sealed]).await?;
        self.broken = true;
        let version = self.seq();
        self.store().point("seal.before-key")?;
        let sql = "INSERT INTO data_keys (about, version, until, wrapper, wrapped) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (about) DO UPDATE SET version = excluded.version, until = excluded.until, \
                   wrapper = excluded.wrapper, wrapped = excluded.wrapped";
        let args = [case.0.into(), version.into(), until.into(), key.wrapper.into(), Arg::Blob(key.wrapped)];
        query(sql, args).execute(self.conn()).await?;
        self.store().point("seal.after-key")?;
        let sql = "DELETE FROM sealed WHERE about = $1";
        self.erased |= query(sql, [case.0.into()]).execute(self.conn()).await?.rows_affected() > 0;
        let names: Vec<String> = parts.parts.iter().map(|(name, _)| name.clone()).collect();
        let head = Head { rule: parts.rule.clone(), names, context: parts.context.clone() };
        let head = Secret::new(canonical(&head)?.into_bytes());
        let all = std::iter::once(("", &head)).chain(parts.parts.iter().map(|(name, secret)| (name.as_str(), secret)));
        let store = self.store().id().to_owned();
        let mut rows = Vec::new();
        for (place, (name, secret)) in all.enumerate() {
            // The head is bound under a name that no part has: parts are counted from one.
            let named = format!("{place}:{name}");
            let text = seal(&key.key, secret.expose(), bound(&store, case.0, &named, version).as_bytes())?;
            let place = Arg::Int(i64::try_from(place).unwrap_or(i64::MAX));
            rows.push(vec![case.0.into(), place, super::canonical::column(name).into(), Arg::Blob(text)]);
        }
        insert(self.conn(), "INSERT INTO sealed (about, place, name, text)", "", rows).await?;
        self.store().point("seal.after-text")?;
        self.broken = false;
        Ok(events)
    }

    /// Destroys what is sealed of a case and writes that it was. Whether there was anything.
    ///
    /// # Errors
    /// What the database says.
    pub async fn erase(&mut self, case: CaseNumber, reason: &str) -> Result<bool, LedgerError> {
        let keys = query("DELETE FROM data_keys WHERE about = $1", [case.0.into()]).execute(self.conn()).await?;
        self.store().point("erase.after-key")?;
        let texts = query("DELETE FROM sealed WHERE about = $1", [case.0.into()]).execute(self.conn()).await?;
        self.store().point("erase.after-text")?;
        let gone = keys.rows_affected() + texts.rows_affected() > 0;
        self.erased |= gone;
        let known = self.case(case).await?.is_some_and(|case| case.sealed.is_some());
        if known {
            let body = Body::SecretErased { reason: reason.to_owned() };
            self.append_any(vec![NewEvent::by_quell(Some(case), body)]).await?;
        }
        Ok(gone || known)
    }
}

/// What is stored of a sealed secret.
struct Found {
    version: i64,
    until: i64,
    wrapper: String,
    wrapped: Vec<u8>,
    texts: Vec<Vec<u8>>,
}

async fn find(conn: &mut AnyConnection, case: CaseNumber) -> Result<Option<Found>, LedgerError> {
    let sql = "SELECT version, until, wrapper, wrapped FROM data_keys WHERE about = $1";
    let Some(row) = query(sql, [case.0.into()]).fetch_optional(&mut *conn).await? else { return Ok(None) };
    let (version, until, wrapper, wrapped) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
    let sql = "SELECT text FROM sealed WHERE about = $1 ORDER BY place";
    let rows = query(sql, [case.0.into()]).fetch_all(&mut *conn).await?;
    let texts = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    Ok(Some(Found { version, until, wrapper, wrapped, texts }))
}

impl Store {
    /// The names of the wrappers that data keys are wrapped by.
    ///
    /// # Errors
    /// What the database says.
    pub async fn wrappers(&self) -> Result<Vec<String>, LedgerError> {
        let rows = query("SELECT DISTINCT wrapper FROM data_keys ORDER BY wrapper", []).fetch_all(&self.0.pool).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Opens what is sealed of a case; `None` where nothing is. Past its time it is erased and refused.
    ///
    /// # Errors
    /// [`LedgerError::WrongKey`], [`LedgerError::Expired`], [`LedgerError::Damaged`], or what the wrapper and the database say.
    pub async fn unseal(&self, case: CaseNumber, by: &dyn Wrapper) -> Result<Option<SealedParts>, LedgerError> {
        let mut snapshot = self.0.pool.begin_with(self.0.dialect.snapshot()).await?;
        let found = find(&mut snapshot, case).await?;
        let now = self.clock(&mut snapshot).await?;
        snapshot.rollback().await?;
        let Some(found) = found else { return Ok(None) };
        if now >= found.until {
            self.point("unseal.expired")?;
            self.erase_due(case).await?;
            return Err(LedgerError::Expired(case));
        }
        if by.id() != found.wrapper {
            return Err(LedgerError::WrongKey { sealed_with: found.wrapper, given: by.id() });
        }
        let key = by.unwrap(&found.wrapped).await?;
        let key: &[u8; 32] = key.as_slice().try_into().map_err(|_| LedgerError::Damaged(case))?;
        self.opened(case, key, &found).ok_or(LedgerError::Damaged(case)).map(Some)
    }

    fn opened(&self, case: CaseNumber, key: &[u8; 32], found: &Found) -> Option<SealedParts> {
        let one = |place: usize, name: &str| {
            let named = bound(self.id(), case.0, &format!("{place}:{name}"), found.version);
            open(key, found.texts.get(place)?, named.as_bytes()).map(Secret::new)
        };
        let head: Head = serde_json::from_slice(one(0, "")?.expose()).ok()?;
        if found.texts.len() != head.names.len() + 1 {
            return None;
        }
        let part = |(place, name): (usize, String)| Some((name.clone(), one(place + 1, &name)?));
        let parts = head.names.into_iter().enumerate().map(part).collect::<Option<_>>()?;
        Some(SealedParts { rule: head.rule, parts, context: head.context })
    }

    /// Erases everything whose time is over, by the database's clock. The cases.
    ///
    /// # Errors
    /// What the database says; what was erased before stays erased.
    pub async fn expire(&self) -> Result<Vec<CaseNumber>, LedgerError> {
        let now = self.now().await?;
        let sql = "SELECT about FROM data_keys WHERE until <= $1 ORDER BY about";
        let mut gone = Vec::new();
        for row in query(sql, [now.into()]).fetch_all(&self.0.pool).await? {
            let case = CaseNumber(row.try_get(0)?);
            if self.erase_due(case).await? {
                gone.push(case);
            }
        }
        Ok(gone)
    }

    /// Erases what is sealed of a case, if it is still past its time under the lock.
    async fn erase_due(&self, case: CaseNumber) -> Result<bool, LedgerError> {
        let mut tx = self.begin().await?;
        let sql = "SELECT about FROM data_keys WHERE about = $1 AND until <= $2";
        let now = tx.now();
        if query(sql, [case.0.into(), now.into()]).fetch_optional(tx.conn()).await?.is_none() {
            return Ok(false);
        }
        tx.erase(case, "its time is over").await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Wraps every data key that one wrapper wrapped by another. Case by case: when it is interrupted, what was done is done, and
    /// calling it again does the rest. How many.
    ///
    /// # Errors
    /// What the wrappers and the database say.
    pub async fn rewrap(&self, old: &dyn Wrapper, new: &dyn Wrapper) -> Result<usize, LedgerError> {
        let (mut done, mut after) = (0, 0_i64);
        if old.id() == new.id() {
            return Ok(0);
        }
        loop {
            let sql = "SELECT about, version, wrapped FROM data_keys WHERE wrapper = $1 AND about > $2 ORDER BY about LIMIT 1";
            let row = query(sql, [old.id().into(), after.into()]).fetch_optional(&self.0.pool).await?;
            let Some(row) = row else { break };
            let (about, version): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            let key = old.unwrap(&row.try_get::<Vec<u8>, _>(2)?).await?;
            self.point("rewrap.after-unwrap")?;
            let wrapped = new.wrap(&key).await?;
            self.point("rewrap.after-wrap")?;
            let mut tx = self.begin().await?;
            let sql =
                "UPDATE data_keys SET wrapper = $1, wrapped = $2 WHERE about = $3 AND version = $4 AND wrapper = $5";
            let args = [new.id().into(), Arg::Blob(wrapped), about.into(), version.into(), old.id().into()];
            let changed = query(sql, args).execute(tx.conn()).await?.rows_affected();
            self.point("rewrap.after-write")?;
            tx.commit().await?;
            self.point("rewrap.after-commit")?;
            done += usize::from(changed > 0);
            after = about;
        }
        if done > 0 {
            self.truncate_log().await;
        }
        Ok(done)
    }
}

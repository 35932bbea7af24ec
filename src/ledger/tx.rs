//! A writer's transaction: events are appended, and everything that is made of them is written with them, or nothing is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::Ordering;

use ed25519_dalek::VerifyingKey;
use sqlx::{Any, AnyConnection, Row as _, Transaction};
use tokio::sync::OwnedMutexGuard;

use super::canonical::{canonical, column};
use super::chain::{COLUMNS, FORMAT, Head, Stored};
use super::db::{Arg, insert, query, texts};
use super::error::LedgerError;
use super::keys::{self, Signed};
use super::parallel;
use super::project::cases::{self, Held};
use super::project::people::People;
use super::project::policies;
use super::project::write::read_people;
use super::store::Store;
use crate::model::case::{Case, CaseNumber};
use crate::model::event::{Body, Event, NewEvent};
use crate::model::principal::PrincipalId;

/// A writer's transaction. Nothing is written until [`Tx::commit`] returns; dropping it undoes everything.
pub struct Tx {
    pub(super) inner: Transaction<'static, Any>,
    pub(super) store: Store,
    head: Head,
    pub(super) now: i64,
    /// What the clock said.
    clock: i64,
    pub(super) cases: BTreeMap<CaseNumber, Held>,
    pub(super) people: Option<People>,
    /// Public keys that were read, by their text: each is read once.
    keys: HashMap<String, Option<VerifyingKey>>,
    /// The number that the next case gets, once it is known.
    pub(super) next: Option<i64>,
    /// Whether a step failed halfway, so that committing would write half of it.
    pub(super) broken: bool,
    /// Whether something was erased that must leave the log too.
    pub(super) erased: bool,
    /// Held until the transaction is over.
    _turn: OwnedMutexGuard<()>,
}

impl Tx {
    pub(super) async fn begin(store: &Store) -> Result<Self, LedgerError> {
        let mut tx = Self::over_empty(store).await?;
        tx.store.point("begin.after-lock")?;
        tx.head = store.head_of(&mut tx.inner).await?;
        let now = store.clock(&mut tx.inner).await?;
        (tx.now, tx.clock) = (now.max(tx.head.at), now);
        Ok(tx)
    }

    /// A transaction that has the lock and has read nothing.
    pub(super) async fn over_empty(store: &Store) -> Result<Self, LedgerError> {
        let turn = store.0.writer.clone().lock_owned().await;
        let dialect = store.0.dialect;
        let mut inner = store.0.pool.begin_with(dialect.begin()).await?;
        if let Some(lock) = dialect.lock() {
            query(lock, []).execute(&mut *inner).await?;
        }
        let now = store.clock(&mut inner).await?;
        let (store, head) = (store.clone(), Head::EMPTY);
        let (cases, people, next, clock) = (BTreeMap::new(), None, None, now);
        let (keys, broken, erased) = (HashMap::new(), false, false);
        Ok(Self { inner, store, head, now, clock, cases, people, keys, next, broken, erased, _turn: turn })
    }

    pub(super) fn conn(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }

    pub(super) const fn store(&self) -> &Store {
        &self.store
    }

    /// The time of everything that this transaction writes, in seconds since 1970 UTC: the database's clock, read once, and
    /// never before the last event's.
    #[must_use]
    pub const fn now(&self) -> i64 {
        self.now
    }

    /// What the database's clock said when this transaction began, in seconds since 1970 UTC: after a clock was set back, that is
    /// before the last event. Jobs are due by it, as they are claimed by it.
    #[must_use]
    pub const fn clock(&self) -> i64 {
        self.clock
    }

    /// The number of the last event, those of this transaction included.
    #[must_use]
    pub const fn seq(&self) -> i64 {
        self.head.seq
    }

    /// A case as it stands in this transaction.
    ///
    /// # Errors
    /// What the database says.
    pub async fn case(&mut self, number: CaseNumber) -> Result<Option<Case>, LedgerError> {
        if !self.cases.contains_key(&number) {
            cases::load(&mut self.inner, &[number.0], &mut self.cases).await?;
        }
        Ok(self.cases.get(&number).map(|held| held.case.clone()))
    }

    /// The case that goes by one of these fingerprints; by the first of them that one goes by.
    ///
    /// # Errors
    /// What the database says.
    pub async fn find(&mut self, fingerprints: &[String]) -> Result<Option<CaseNumber>, LedgerError> {
        for print in fingerprints {
            let sql = "SELECT about FROM fingerprints WHERE fingerprint = $1";
            if let Some(row) = query(sql, [column(print).into()]).fetch_optional(&mut *self.inner).await? {
                return Ok(Some(CaseNumber(row.try_get(0)?)));
            }
        }
        Ok(None)
    }

    /// A number that no case has; each call gives another.
    ///
    /// # Errors
    /// What the database says.
    pub async fn next_case(&mut self) -> Result<CaseNumber, LedgerError> {
        let number = self.next_number().await?;
        self.next = Some(number + 1);
        Ok(CaseNumber(number))
    }

    pub(super) async fn next_number(&mut self) -> Result<i64, LedgerError> {
        if let Some(next) = self.next {
            return Ok(next);
        }
        let row = query("SELECT coalesce(max(number), 0) FROM cases", []).fetch_one(&mut *self.inner).await?;
        let next = row.try_get::<i64, _>(0)? + 1;
        self.next = Some(next);
        Ok(next)
    }

    /// Refuses to go on where a case moved on since its caller looked at it.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`], or what the database says.
    pub async fn expect(&mut self, case: CaseNumber, version: i64) -> Result<(), LedgerError> {
        let found = self.case(case).await?.map_or(0, |case| case.version);
        if found == version { Ok(()) } else { Err(LedgerError::Conflict { case, expected: version, found }) }
    }

    /// Writes events, in their order, with everything that is made of them. A principal's event is signed by that principal.
    /// What jobs and sealing write goes through their own calls.
    ///
    /// # Errors
    /// [`LedgerError::BadSignature`], [`LedgerError::NotPermitted`], [`LedgerError::Fold`], [`LedgerError::Taken`], or what
    /// the database says. The transaction can only be dropped then.
    pub async fn append(&mut self, events: Vec<NewEvent>) -> Result<Vec<Event>, LedgerError> {
        for event in &events {
            let reserved = matches!(
                event.body,
                Body::StoreMade { .. }
                    | Body::JobQueued { .. }
                    | Body::JobEnded { .. }
                    | Body::SecretSealed { .. }
                    | Body::SecretErased { .. }
            );
            if reserved {
                return Err(LedgerError::NotPermitted("the ledger alone writes such events".to_owned()));
            }
        }
        self.append_any(events).await
    }

    pub(super) async fn append_any(&mut self, events: Vec<NewEvent>) -> Result<Vec<Event>, LedgerError> {
        if std::mem::replace(&mut self.broken, true) {
            return Err(LedgerError::Broken);
        }
        if self.store.id().is_empty() {
            return Err(LedgerError::NotPermitted("it was opened for an audit, and is not written to".to_owned()));
        }
        self.store.point("append.before-check")?;
        let (stored, events) = self.prepare(events).await?;
        self.unused(&stored).await?;
        self.write(stored, &events).await?;
        self.broken = false;
        Ok(events)
    }

    /// Writes events that were hashed elsewhere, byte for byte. The caller has verified them.
    pub(super) async fn replay(&mut self, stored: Vec<Stored>) -> Result<(), LedgerError> {
        if std::mem::replace(&mut self.broken, true) {
            return Err(LedgerError::Broken);
        }
        let events = stored.iter().map(Stored::event).collect::<Result<Vec<_>, _>>()?;
        for event in &events {
            let (actor, body, at) = (&event.actor, &event.body, event.at);
            self.people().await?.take(actor, body, at)?;
        }
        self.write(stored, &events).await?;
        self.broken = false;
        Ok(())
    }

    /// Checks and hashes. What is folded and returned is read back from the text that is stored: what cannot be read back is
    /// not written.
    async fn prepare(&mut self, new: Vec<NewEvent>) -> Result<(Vec<Stored>, Vec<Event>), LedgerError> {
        let mut head = self.head.clone();
        let (mut rows, mut events) = (Vec::with_capacity(new.len()), Vec::with_capacity(new.len()));
        let mut later = Vec::new();
        let (first, at) = (head.seq + 1, self.now);
        for made in parallel::map(&new, |place, event| written(first + place as i64, at, event)) {
            let (mut row, event) = made?;
            in_its_place(&event)?;
            later.extend(self.admit(&row, &event).await?);
            head = Head { seq: row.seq, at: row.at, hash: row.hashed(&head.hash) };
            row.hash = head.hash.to_vec();
            rows.push(row);
            events.push(event);
        }
        keys::check_all(&later)?;
        Ok((rows, events))
    }

    /// Whether an event may be written, but for what is returned: a signature that is checked with those of the other events.
    /// What changes who is registered, and so whose key counts for the events after it, is checked here.
    async fn admit(&mut self, row: &Stored, event: &Event) -> Result<Option<Signed>, LedgerError> {
        let mut later = None;
        let bad = |why| Err(LedgerError::BadSignature { actor: event.actor.name().escape_debug().to_string(), why });
        match (event.actor.signer(), &row.nonce, &row.signature) {
            (Some(id), Some(nonce), Some(signature)) => {
                let who = keys::signed_as(&event.actor)?.unwrap_or_default();
                let store = self.store.id().to_owned();
                let key = self.people().await?.key_for(id, &event.body)?;
                let message = keys::message(&store, row.about, &who, nonce, &row.body);
                if !keys::is_nonce(nonce) {
                    return bad("its nonce is none");
                }
                let Some(key) = *self.keys.entry(key).or_insert_with_key(|key| keys::public(key)) else {
                    return bad(keys::NOT_THEIRS);
                };
                let actor = id.as_str().to_owned();
                let signed = Signed { key, message, signature: signature.clone(), actor };
                if is_about_people(&event.body) {
                    keys::check_all(&[signed])?;
                } else {
                    later = Some(signed);
                }
            }
            (Some(_), ..) => return bad("there is none"),
            (_, None, None) => {}
            _ => return bad("only a registered principal signs"),
        }
        // Whoever has no key may do what depends on nobody who is registered.
        let mut nobody = People::default();
        let people = if event.actor.principal().is_some() { self.people().await? } else { &mut nobody };
        people.take(&event.actor, &event.body, event.at)?;
        Ok(later)
    }

    /// Nonces are new: a signed event that is sent again is not written again.
    async fn unused(&mut self, rows: &[Stored]) -> Result<(), LedgerError> {
        let used = |row: &Stored| {
            let actor = row.event()?.actor.name().to_owned();
            Err(LedgerError::BadSignature { actor, why: "its nonce was used before" })
        };
        let signed: Vec<(&str, &Stored)> = rows.iter().filter_map(|row| Some((row.nonce.as_deref()?, row))).collect();
        let mut own = BTreeSet::new();
        for (nonce, row) in &signed {
            if !own.insert(*nonce) {
                return used(row);
            }
        }
        for chunk in signed.chunks(256) {
            let (names, args) = texts(chunk.iter().map(|(nonce, _)| *nonce));
            let sql = format!("SELECT nonce FROM events WHERE nonce IN ({names})");
            let Some(known) = query(&sql, args).fetch_optional(&mut *self.inner).await? else { continue };
            let known: String = known.try_get(0)?;
            if let Some((_, row)) = chunk.iter().find(|(nonce, _)| *nonce == known) {
                return used(row);
            }
        }
        Ok(())
    }

    async fn write(&mut self, rows: Vec<Stored>, events: &[Event]) -> Result<(), LedgerError> {
        let Some(last) = rows.last() else { return Ok(()) };
        let hash = last.hash.as_slice().try_into().unwrap_or_default();
        let head = Head { seq: last.seq, at: last.at, hash };
        self.store.point("append.before-insert")?;
        let rows = rows.into_iter().map(|row| {
            vec![
                Arg::Int(row.format),
                Arg::Int(row.seq),
                Arg::Int(row.at),
                Arg::MaybeInt(row.about),
                Arg::Text(row.actor),
                Arg::Text(row.body),
                Arg::MaybeText(row.nonce),
                Arg::MaybeText(row.signature),
                Arg::Blob(row.hash),
            ]
        });
        insert(&mut self.inner, &format!("INSERT INTO events ({COLUMNS})"), "", rows.collect()).await?;
        self.store.point("append.after-insert")?;
        self.head = head;
        self.project_cases(events).await?;
        self.project_rest(events).await
    }

    pub(super) async fn people(&mut self) -> Result<&mut People, LedgerError> {
        if self.people.is_none() {
            self.people = Some(read_people(&mut self.inner).await?);
        }
        Ok(self.people.get_or_insert_default())
    }

    /// A principal as it stands in this transaction.
    ///
    /// # Errors
    /// What the database says.
    pub async fn person(
        &mut self,
        id: &PrincipalId,
    ) -> Result<Option<crate::model::principal::Principal>, LedgerError> {
        Ok(self.people().await?.get(id).cloned())
    }

    /// Writes everything. When it returns without an error, it is on the disk; with one, it may be or not.
    ///
    /// # Errors
    /// [`LedgerError::Broken`] where a step failed, and nothing is written; or what the database says.
    pub async fn commit(self) -> Result<(), LedgerError> {
        if self.broken {
            return Err(LedgerError::Broken);
        }
        self.store.point("commit.before")?;
        self.inner.commit().await?;
        if self.erased {
            self.store.0.truncate.store(true, Ordering::Relaxed);
        }
        self.store.point("commit.after")?;
        if self.store.0.truncate.load(Ordering::Relaxed) {
            self.store.truncate_log().await;
            self.store.point("erase.after-truncate")?;
        }
        Ok(())
    }
}

/// An event as it is stored, without its hash, and as it is read back from there.
fn written(seq: i64, at: i64, event: &NewEvent) -> Result<(Stored, Event), LedgerError> {
    let row = Stored {
        format: FORMAT,
        seq,
        at,
        about: event.case.map(|case| case.0),
        actor: canonical(&event.actor)?,
        body: canonical(&event.body)?,
        nonce: event.nonce.clone(),
        signature: event.signature.clone(),
        hash: Vec::new(),
    };
    let event = row.event()?;
    Ok((row, event))
}

/// What is about the store is about no case, and what is about a case names it.
pub(super) fn in_its_place(event: &Event) -> Result<(), LedgerError> {
    let of_store = is_about_people(&event.body)
        || policies::concerns(&event.body)
        || matches!(
            event.body,
            Body::StoreMade { .. } | Body::ScanEnded { .. } | Body::JobQueued { .. } | Body::JobEnded { .. }
        );
    match event.case {
        Some(_) if of_store => Err(LedgerError::Data("an event about the store is about no case".to_owned())),
        None if !of_store && !matches!(event.body, Body::Refused { .. }) => {
            Err(crate::model::case::FoldError::NoCase(event.seq).into())
        }
        _ => Ok(()),
    }
}

/// Whether an event changes who is registered.
pub(super) const fn is_about_people(body: &Body) -> bool {
    matches!(
        body,
        Body::PersonAdded { .. } | Body::PersonBound { .. } | Body::RolesSet { .. } | Body::PersonRevoked { .. }
    )
}

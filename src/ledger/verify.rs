//! Whether the chain is what was written: every hash, every number, every signature, every checkpoint; and whether each event
//! was written by somebody who might, after what makes it possible.
//!
//! Events are read in batches, so that memory does not grow with the store. While one batch is checked on threads of its own,
//! the next is read. Each event is checked against the hash that is stored of the one before: a change is told where it is,
//! once, and not at every event after it.

use std::collections::{BTreeMap, HashSet};

use ed25519_dalek::VerifyingKey;
use sqlx::Row as _;

use super::batches::Batch;
use super::canonical::hex;
use super::chain::{FORMAT, Head, Stored};
use super::checkpoint::Checkpoint;
use super::db::query;
use super::error::LedgerError;
use super::keys;
use super::parallel;
use super::project::people::People;
use super::project::policies::Policies;
use super::project::standing::Standing;
use super::store::Store;
use super::tx::in_its_place;
use crate::model::event::{Body, Event};

/// What is wrong at an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Its number.
    pub seq: i64,
    /// What is wrong.
    pub what: String,
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many events there are.
    pub events: i64,
    /// The last event's number, and its hash.
    pub head: (i64, String),
    /// How many checkpoints hold, those that are kept beside the chain included.
    pub checkpoints: usize,
    /// How many checkpoints from elsewhere hold.
    pub external: usize,
    /// What is wrong; the first 1,000 of it.
    pub faults: Vec<Fault>,
    /// From this event on, nothing from elsewhere shows whether events were cut from the end. Without any checkpoint from
    /// elsewhere that is the first event, and a cut tail cannot be seen.
    pub tail_unproved_from: i64,
}

impl Verified {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.faults.is_empty()
    }

    /// What is not proved of the end of the chain, in words.
    #[must_use]
    pub fn tail(&self) -> String {
        if self.external == 0 {
            return "no checkpoint from elsewhere: whether events were cut from the end cannot be seen".to_owned();
        }
        let last = self.tail_unproved_from - 1;
        format!("a checkpoint from elsewhere proves events up to {last}; whether any were cut after it cannot be seen")
    }
}

/// How many faults are told.
const MOST: usize = 1000;

/// A checker of a chain, batch by batch. It reads nothing itself.
pub(super) struct Checker {
    head: Head,
    events: i64,
    people: People,
    policies: Policies,
    standing: Standing,
    keys: BTreeMap<String, Option<VerifyingKey>>,
    nonces: HashSet<String>,
    store: Option<(String, String)>,
    trusted: Option<String>,
    /// By event: each checkpoint, and whether it comes from elsewhere.
    checkpoints: BTreeMap<i64, Vec<(Checkpoint, bool)>>,
    good: usize,
    external: usize,
    proved: i64,
    faults: Vec<Fault>,
}

impl Checker {
    pub(super) fn new(external: &[Checkpoint], own: Vec<Checkpoint>, trusted: Option<&str>) -> Self {
        let mut checkpoints: BTreeMap<i64, Vec<(Checkpoint, bool)>> = BTreeMap::new();
        let both = external.iter().map(|c| (c.clone(), true)).chain(own.into_iter().map(|c| (c, false)));
        for (checkpoint, elsewhere) in both {
            checkpoints.entry(checkpoint.seq).or_default().push((checkpoint, elsewhere));
        }
        Self {
            head: Head::EMPTY,
            events: 0,
            people: People::default(),
            policies: Policies::default(),
            standing: Standing::default(),
            keys: BTreeMap::new(),
            nonces: HashSet::new(),
            store: None,
            trusted: trusted.map(str::to_owned),
            checkpoints,
            good: 0,
            external: 0,
            proved: 0,
            faults: Vec::new(),
        }
    }

    pub(super) fn fault(&mut self, seq: i64, what: impl Into<String>) {
        if self.faults.len() < MOST {
            self.faults.push(Fault { seq, what: what.into() });
        }
    }

    pub(super) const fn is_full(&self) -> bool {
        self.faults.len() >= MOST
    }

    pub(super) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The store's name, once the first event was seen.
    pub(super) fn store(&self) -> Option<&(String, String)> {
        self.store.as_ref()
    }

    /// Takes the next events.
    pub(super) fn take(&mut self, rows: &[Stored]) {
        let read = parallel::map(rows, |_, row| row.parsed());
        let mut said = Vec::new();
        let signatures = self.walk(rows, read, &mut said);
        let wrong = in_parallel(rows, &self.head.hash, &signatures);
        // What is not what was written is told once, and not for what it says as well.
        let changed: HashSet<i64> = wrong.iter().map(|(seq, _)| *seq).collect();
        for (seq, what) in wrong {
            self.fault(seq, what);
        }
        for (seq, what) in said.into_iter().filter(|(seq, _)| !changed.contains(seq)) {
            self.fault(seq, what);
        }
        if let Some(last) = rows.last() {
            let hash = last.hash.as_slice().try_into().unwrap_or([0; 32]);
            self.head = Head { seq: last.seq, at: last.at, hash };
            self.events += rows.len() as i64;
        }
    }

    /// What has to be looked at in order. The signatures that are to be checked, by the place of their event; what is wrong with
    /// what events say is added to `said`.
    fn walk(
        &mut self,
        rows: &[Stored],
        read: Vec<Result<Event, String>>,
        said: &mut Vec<(i64, String)>,
    ) -> Vec<Option<(VerifyingKey, String)>> {
        let (mut seq, mut at) = (self.head.seq, self.head.at);
        let mut signatures = Vec::with_capacity(rows.len());
        for (row, event) in rows.iter().zip(read) {
            match row.seq - seq {
                1 => {}
                2.. => self.fault(row.seq, format!("the events {} to {} are missing", seq + 1, row.seq - 1)),
                _ => self.fault(row.seq, "it is not in its place"),
            }
            if row.at < at {
                self.fault(row.seq, "it is older than the one before");
            }
            if row.format != FORMAT {
                self.fault(row.seq, format!("its form {} is not known", row.format));
            }
            (seq, at) = (row.seq, row.at);
            let signature = event.and_then(|event| {
                self.begins(row, &event)?;
                let signature = self.signature(row, &event)?;
                self.follows(&event)?;
                Ok(signature)
            });
            signatures.push(signature.unwrap_or_else(|what| {
                said.push((row.seq, what));
                None
            }));
            self.compare(row);
        }
        signatures
    }

    /// The first event says which store this is, and no other does.
    fn begins(&mut self, row: &Stored, event: &Event) -> Result<(), String> {
        match &event.body {
            Body::StoreMade { store, checkpoint_key } if row.seq == 1 => {
                if self.trusted.as_ref().is_some_and(|trusted| trusted != checkpoint_key) {
                    self.fault(1, "it names another key for checkpoints than the one that is trusted");
                }
                self.store = Some((store.clone(), checkpoint_key.clone()));
                Ok(())
            }
            Body::StoreMade { .. } => Err("it says which store this is, as the first alone does".to_owned()),
            _ if row.seq == 1 => Err("it does not say which store this is".to_owned()),
            _ => Ok(()),
        }
    }

    /// Whose signature it must have. Events about people are taken, so that the keys and roles are those of that moment.
    fn signature(&mut self, row: &Stored, event: &Event) -> Result<Option<(VerifyingKey, String)>, String> {
        let mut found = None;
        let signer = event.actor.signer();
        match (signer, &row.nonce, &row.signature) {
            (Some(id), Some(nonce), Some(_)) => {
                let who = keys::signed_as(&event.actor).map_err(|e| e.to_string())?.unwrap_or_default();
                let key = self.people.key_for(id, &event.body).map_err(|e| e.to_string())?;
                let known = self.keys.entry(key).or_insert_with_key(|key| keys::public(key));
                let key = known.ok_or("the key of its principal is none")?;
                if !self.nonces.insert(nonce.clone()) {
                    return Err("its nonce was used before".to_owned());
                }
                let store = self.store.as_ref().map_or("", |(id, _)| id);
                found = Some((key, keys::message(store, row.about, &who, nonce, &row.body)));
            }
            (Some(_), ..) => return Err("its signature is missing".to_owned()),
            (_, None, None) => {}
            _ => return Err("it has a signature of nobody".to_owned()),
        }
        in_its_place(event).map_err(|e| e.to_string())?;
        self.people.take(&event.actor, &event.body, row.at).map_err(|e| e.to_string())?;
        Ok(found)
    }

    /// Whether it can follow on what was before in its case.
    fn follows(&mut self, event: &Event) -> Result<(), String> {
        if let Some(what) = self.standing.fault(event) {
            return Err(what);
        }
        self.policies.take(event).map_err(|e| e.to_string())?;
        self.standing.take(event);
        Ok(())
    }

    fn compare(&mut self, row: &Stored) {
        let Some(all) = self.checkpoints.remove(&row.seq) else { return };
        for (checkpoint, elsewhere) in all {
            let (store, key) = self.store.clone().unwrap_or_default();
            let key = self.trusted.clone().unwrap_or(key);
            if let Some(what) = checkpoint.fault(&store, &key) {
                self.fault(row.seq, what);
            } else if checkpoint.hash != hex(&row.hash) {
                self.fault(row.seq, "its hash is not the one that a checkpoint has");
            } else {
                self.good += 1;
                if elsewhere {
                    self.external += 1;
                    self.proved = self.proved.max(row.seq);
                }
            }
        }
    }

    pub(super) fn done(mut self) -> Verified {
        if self.events == 0 {
            self.fault(1, "it is missing");
        }
        let (store, key) = self.store.clone().unwrap_or_default();
        let key = self.trusted.clone().unwrap_or(key);
        for checkpoint in std::mem::take(&mut self.checkpoints).into_values().flatten().map(|(c, _)| c) {
            let what = match checkpoint.fault(&store, &key) {
                Some(what) => what.to_owned(),
                None if checkpoint.seq > self.head.seq => {
                    format!("cut: a checkpoint has event {}, and the last is {}", checkpoint.seq, self.head.seq)
                }
                None => "a checkpoint has it, and it is missing".to_owned(),
            };
            self.fault(checkpoint.seq, what);
        }
        self.faults.sort();
        Verified {
            events: self.events,
            head: (self.head.seq, hex(&self.head.hash)),
            checkpoints: self.good,
            external: self.external,
            faults: self.faults,
            tail_unproved_from: self.proved + 1,
        }
    }
}

/// Checks hashes and signatures on as many threads as the machine has.
fn in_parallel(
    rows: &[Stored],
    previous: &[u8],
    signatures: &[Option<(VerifyingKey, String)>],
) -> Vec<(i64, &'static str)> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let size = rows.len().div_ceil(threads).max(256);
    let check = |start: usize, part: &[Stored]| {
        let mut before: &[u8] = start.checked_sub(1).and_then(|n| rows.get(n)).map_or(previous, |row| &row.hash);
        let mut wrong = Vec::new();
        for (place, row) in part.iter().enumerate() {
            if row.hashed(before).as_slice() != row.hash.as_slice() {
                wrong.push((row.seq, "it is not what was written: its hash does not fit"));
            }
            let signature = row.signature.as_deref().unwrap_or_default();
            if let Some(Some((key, message))) = signatures.get(start + place)
                && !keys::signed(key, message.as_bytes(), signature)
            {
                wrong.push((row.seq, "its signature is not its principal's"));
            }
            before = &row.hash;
        }
        wrong
    };
    std::thread::scope(|scope| {
        let parts = rows.chunks(size).enumerate();
        let running: Vec<_> = parts.map(|(n, part)| scope.spawn(move || check(n * size, part))).collect();
        running
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|_| vec![(0, "a check did not end")]))
            .collect()
    })
}

impl Store {
    /// Checks the whole chain. `external` are checkpoints from elsewhere, and `trusted` is the key that they are believed by;
    /// without it, the one that the store names.
    ///
    /// # Errors
    /// Where the database fails. What is wrong with the chain is no error: it is told as faults.
    pub async fn verify(&self, external: &[Checkpoint], trusted: Option<&str>) -> Result<Verified, LedgerError> {
        let (mut own, mut unread) = (Vec::new(), Vec::new());
        match self.checkpoints().await {
            Ok(all) => {
                for checkpoint in all {
                    match checkpoint {
                        Ok(checkpoint) => own.push(checkpoint),
                        Err(error) => unread.push(error.to_string()),
                    }
                }
            }
            Err(error) => unread.push(format!("the checkpoints beside the chain: {}", damage(error)?)),
        }
        let mut checker = Checker::new(external, own, trusted);
        for what in unread {
            checker.fault(0, what);
        }
        match self.numberless().await {
            Ok(0) => {}
            Ok(many) => checker.fault(0, format!("{many} events have no number")),
            Err(error) => checker.fault(0, format!("the events: {}", damage(error)?)),
        }
        let mut reader = self.reader().await?;
        let mut next = match reader.batch(i64::MIN).await {
            Ok(next) => next,
            Err(error) => Batch::damaged(&damage(error)?),
        };
        while !next.over && !checker.is_full() {
            let Batch { rows, last, unread, .. } = next;
            for (seq, what) in unread {
                checker.fault(seq, what);
            }
            let checked = tokio::task::spawn_blocking(move || {
                checker.take(&rows);
                checker
            });
            let (read, done) = tokio::join!(reader.batch(last), checked);
            checker = done.map_err(|e| LedgerError::Data(format!("a check did not end: {e}")))?;
            next = match read {
                Ok(next) => next,
                Err(error) => Batch::damaged(&damage(error)?),
            };
        }
        for (seq, what) in next.unread.into_iter().filter(|_| next.over) {
            checker.fault(seq, what);
        }
        reader.close().await?;
        Ok(checker.done())
    }

    /// How many events have no number: none, unless the table was made anew without its key.
    async fn numberless(&self) -> Result<i64, LedgerError> {
        let sql = "SELECT count(*) FROM events WHERE seq IS NULL";
        Ok(query(sql, []).fetch_one(&self.0.pool).await?.try_get(0)?)
    }
}

/// What is damaged, in words; a database that does not answer is an error.
pub(super) fn damage(error: LedgerError) -> Result<String, LedgerError> {
    match error {
        LedgerError::Unreachable(_) | LedgerError::Locked | LedgerError::Full => Err(error),
        other => Ok(format!("they cannot be read: {other}")),
    }
}

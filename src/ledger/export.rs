//! The chain as a file of JSON lines, which can be checked without the store and read into an empty one.
//!
//! The first line names the store, and the checkpoints that are kept beside the chain follow. Each event has its actor and body
//! as the very texts that its hash is made over. A last line says how many events there were. Sealed secrets, the
//! payloads of jobs, and everything that is made of events are not in it.

use std::io::{BufRead, Read as _, Write};

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::batches::batch;
use super::canonical::{canonical, hex, unhex};
use super::chain::Stored;
use super::checkpoint::Checkpoint;
use super::db::query;
use super::error::LedgerError;
use super::store::{Options, Store};
use super::verify::{Checker, Verified};

/// The form of exports that this program writes.
const FORM: u32 = 1;
/// The longest line that is read.
const LONGEST: u64 = 64 << 20;
/// How many events are taken at once.
const BATCH: usize = 1000;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "line", deny_unknown_fields)]
enum Line {
    Ledger {
        form: u32,
        store: String,
    },
    Event {
        format: i64,
        seq: i64,
        at: i64,
        case: Option<i64>,
        actor: String,
        body: String,
        nonce: Option<String>,
        signature: Option<String>,
        hash: String,
    },
    Checkpoint {
        checkpoint: Checkpoint,
    },
    End {
        events: i64,
    },
}

impl Store {
    /// Writes the chain as lines of JSON. How many events.
    ///
    /// # Errors
    /// Where the database fails, or the writer.
    pub async fn export(&self, to: &mut (dyn Write + Send)) -> Result<i64, LedgerError> {
        let own = self.checkpoints().await?.into_iter().flatten().collect::<Vec<_>>();
        let mut conn = self.0.pool.acquire().await?;
        write(to, &Line::Ledger { form: FORM, store: self.id().to_owned() })?;
        for checkpoint in own {
            write(to, &Line::Checkpoint { checkpoint })?;
        }
        let (mut events, mut next) = (0, batch(&mut conn, i64::MIN).await?);
        while !next.over {
            if let Some((seq, what)) = next.unread.pop() {
                return Err(LedgerError::Chain { seq, what });
            }
            for row in next.rows {
                let Stored { format, seq, at, about: case, actor, body, nonce, signature, hash } = row;
                let hash = hex(&hash);
                write(to, &Line::Event { format, seq, at, case, actor, body, nonce, signature, hash })?;
                events += 1;
            }
            self.point("export.after-batch")?;
            next = batch(&mut conn, next.last).await?;
        }
        write(to, &Line::End { events })?;
        to.flush().map_err(LedgerError::io("the export"))?;
        Ok(events)
    }

    /// Makes a store of an export, with every event and hash as it was; what is made of events is made anew. Whatever does not
    /// verify is refused, and nothing is made then. Secrets that were sealed are not in an export; jobs that had not ended come
    /// back parked, for what they were to do is not in it either.
    ///
    /// # Errors
    /// [`LedgerError::Exists`], [`LedgerError::Unsound`], or what the database and the reader say.
    pub async fn import(
        address: &Address,
        options: Options,
        from: &mut (dyn BufRead + Send),
        external: &[Checkpoint],
        trusted: Option<&str>,
    ) -> Result<Self, LedgerError> {
        let unsound = |what: String| LedgerError::Unsound { place: "the export".to_owned(), what };
        let mut reader = Reader::new(from);
        let (id, own) = reader.start().map_err(unsound)?;
        let mut tx = Self::empty(address, options.clone(), id, String::new()).await?;
        let mut checker = Checker::new(external, own.clone(), trusted);
        loop {
            let (rows, over) = reader.batch().map_err(unsound)?;
            checker.take(&rows);
            if let Some(fault) = checker.faults().first() {
                return Err(unsound(format!("event {}: {}", fault.seq, fault.what)));
            }
            tx.replay(rows).await?;
            tx.store().point("import.after-batch")?;
            if over {
                break;
            }
        }
        let sql = "INSERT INTO checkpoints (seq, at, doc) VALUES ($1, $2, $3)";
        for one in own {
            let args = [one.seq.into(), one.at.into(), one.line()?.into()];
            query(sql, args).execute(tx.conn()).await?;
        }
        let named = checker.store().map(|(id, _)| id.clone());
        let verified = checker.done();
        if let Some(fault) = verified.faults.first() {
            return Err(unsound(format!("event {}: {}", fault.seq, fault.what)));
        }
        if named.as_deref() != Some(tx.store().id()) {
            return Err(unsound("its first line names another store than its first event".to_owned()));
        }
        // Jobs, which no replay makes.
        let store = tx.store().clone();
        store.compare(tx.conn(), true, &[]).await?;
        tx.commit().await?;
        Self::open(address, options).await
    }
}

fn write(to: &mut dyn Write, line: &Line) -> Result<(), LedgerError> {
    let text = canonical(line)?;
    writeln!(to, "{text}").map_err(LedgerError::io("the export"))
}

/// Checks an export without its store. Faults of the file itself are told at event zero.
#[must_use]
pub fn verify_export(from: &mut (dyn BufRead + Send), external: &[Checkpoint], trusted: Option<&str>) -> Verified {
    let mut reader = Reader::new(from);
    let started = reader.start();
    let own = started.as_ref().map(|(_, own)| own.clone()).unwrap_or_default();
    let mut checker = Checker::new(external, own, trusted);
    let mut wrong = started.as_ref().err().cloned();
    while wrong.is_none() && !checker.is_full() {
        match reader.batch() {
            Ok((rows, over)) => {
                checker.take(&rows);
                if over {
                    break;
                }
            }
            Err(what) => wrong = Some(what),
        }
    }
    let first = checker.store().map(|(id, _)| id.clone());
    if wrong.is_none() && first != started.ok().map(|(id, _)| id) {
        wrong = Some("the first line names another store than the first event".to_owned());
    }
    if let Some(what) = wrong {
        checker.fault(0, what);
    }
    checker.done()
}

/// Lines of an export, some at a time.
struct Reader<'r> {
    from: &'r mut (dyn BufRead + Send),
    /// The first event, read with what comes before it.
    held: Option<Line>,
    lines: u64,
    events: i64,
}

impl<'r> Reader<'r> {
    fn new(from: &'r mut (dyn BufRead + Send)) -> Self {
        Self { from, held: None, lines: 0, events: 0 }
    }

    /// The store's name, and the checkpoints.
    fn start(&mut self) -> Result<(String, Vec<Checkpoint>), String> {
        let store = match self.line()? {
            Some(Line::Ledger { form: FORM, store }) => store,
            Some(Line::Ledger { form, .. }) => {
                return Err(format!("made by a newer quell (form {form}, this one knows {FORM})"));
            }
            _ => return Err("it is no export of a ledger".to_owned()),
        };
        let mut checkpoints = Vec::new();
        loop {
            match self.line()? {
                Some(Line::Checkpoint { checkpoint }) => checkpoints.push(checkpoint),
                other => {
                    self.held = other;
                    return Ok((store, checkpoints));
                }
            }
        }
    }

    fn line(&mut self) -> Result<Option<Line>, String> {
        if let Some(line) = self.held.take() {
            return Ok(Some(line));
        }
        self.lines += 1;
        let mut text = Vec::new();
        let mut part = (&mut *self.from).take(LONGEST);
        part.read_until(b'\n', &mut text).map_err(|e| format!("line {}: {e}", self.lines))?;
        if text.is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(&text).map(Some).map_err(|e| format!("line {}: {e}", self.lines))
    }

    /// Events, and whether that was the end.
    fn batch(&mut self) -> Result<(Vec<Stored>, bool), String> {
        let mut rows = Vec::new();
        while rows.len() < BATCH {
            match self.line()? {
                Some(Line::Event { format, seq, at, case: about, actor, body, nonce, signature, hash }) => {
                    let hash = unhex(&hash).ok_or_else(|| format!("line {}: no hash", self.lines))?;
                    rows.push(Stored { format, seq, at, about, actor, body, nonce, signature, hash });
                    self.events += 1;
                }
                Some(Line::End { events }) if events == self.events => return Ok((rows, true)),
                Some(Line::End { events }) => {
                    return Err(format!("it says that it has {events} events, and has {}", self.events));
                }
                Some(_) => return Err(format!("line {} is not in its place", self.lines)),
                None => return Err("it ends early".to_owned()),
            }
        }
        Ok((rows, false))
    }
}

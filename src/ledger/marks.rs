//! How far somebody has read the events, and which cases something happened to since.

use std::collections::BTreeSet;

use serde::Deserialize;
use sqlx::Row as _;

use super::canonical::column;
use super::db::{query, texts};
use super::error::LedgerError;
use super::jobs::{Job, NewJob};
use super::store::Store;
use super::tx::Tx;
use crate::model::case::CaseNumber;
use crate::model::event::{Body, NewEvent};

/// Cases that something happened to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Their numbers.
    pub cases: BTreeSet<CaseNumber>,
    /// The number of the last event that was looked at.
    pub last: i64,
    /// Whether there are more events.
    pub more: bool,
}

/// The part of an event's body that says what it is.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    kind: std::borrow::Cow<'a, str>,
}

impl Store {
    /// How far a reader has come; zero where it has read nothing.
    ///
    /// # Errors
    /// What the database says.
    pub async fn mark(&self, name: &str) -> Result<i64, LedgerError> {
        let row = query("SELECT seq FROM marks WHERE name = $1", [name.into()]).fetch_optional(&self.0.pool).await?;
        row.map_or(Ok(0), |row| Ok(row.try_get(0)?))
    }

    /// Cases that something happened to after an event, among the next `limit` events; what is of one of the kinds in `but` (as
    /// bodies name them) does not count.
    ///
    /// # Errors
    /// What the database says.
    pub async fn touched(&self, after: i64, limit: u32, but: &[&str]) -> Result<Touched, LedgerError> {
        let sql = "SELECT seq, about, CASE WHEN about IS NULL THEN '' ELSE body END FROM events \
                   WHERE seq > $1 ORDER BY seq LIMIT $2";
        let rows = query(sql, [after.into(), i64::from(limit).into()]).fetch_all(&self.0.pool).await?;
        let mut touched = Touched { last: after, more: rows.len() as u64 >= u64::from(limit), ..Touched::default() };
        for row in rows {
            touched.last = row.try_get(0)?;
            let Some(case) = row.try_get::<Option<i64>, _>(1)?.map(CaseNumber) else { continue };
            let body: String = row.try_get(2)?;
            let kind = serde_json::from_str::<Kind<'_>>(&body).map(|body| body.kind.into_owned()).unwrap_or_default();
            if !but.contains(&kind.as_str()) {
                touched.cases.insert(case);
            }
        }
        Ok(touched)
    }
}

impl Store {
    /// The case whose task has this name in a tracker: `tracker#key`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn case_of_task(&self, name: &str) -> Result<Option<CaseNumber>, LedgerError> {
        let sql = "SELECT about FROM facts WHERE name = 'task' AND value = $1 ORDER BY about LIMIT 1";
        let row = query(sql, [column(name).into()]).fetch_optional(&self.0.pool).await?;
        row.map(|row| Ok(CaseNumber(row.try_get(0)?))).transpose()
    }

    /// Cases after one, by number, of which no job of this kind is to come by a time: those that are not over, and those that
    /// changed since another.
    ///
    /// # Errors
    /// What the database says.
    pub async fn without_job(
        &self,
        what: &str,
        after: CaseNumber,
        by: i64,
        since: i64,
        limit: u32,
    ) -> Result<Vec<CaseNumber>, LedgerError> {
        let sql = "SELECT number FROM cases WHERE number > $1 AND (stage <> 'closed' OR updated > $2) AND NOT EXISTS \
                   (SELECT 1 FROM jobs WHERE jobs.about = cases.number AND what = $3 AND \
                   (state = 'leased' OR (state = 'ready' AND due <= $4))) \
                   ORDER BY number LIMIT $5";
        let args = [after.0.into(), since.into(), what.into(), by.into(), i64::from(limit).into()];
        let rows = query(sql, args).fetch_all(&self.0.pool).await?;
        rows.iter().map(|row| Ok(CaseNumber(row.try_get(0)?))).collect()
    }

    /// Whether there is or was a job of this key.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_queued(&self, dedupe: &str) -> Result<bool, LedgerError> {
        let sql = "SELECT id FROM jobs WHERE dedupe = $1";
        Ok(query(sql, [column(dedupe).into()]).fetch_optional(&self.0.pool).await?.is_some())
    }

    /// Makes the job of this key due now, where it would wait for more than so many seconds, or was given up or ended. It is one that
    /// is done again and again, of which the record has the beginning alone.
    ///
    /// # Errors
    /// What the database says.
    pub async fn hasten(&self, dedupe: &str, most: i64) -> Result<(), LedgerError> {
        let mut tx = self.begin().await?;
        let now = tx.clock();
        let sql = "UPDATE jobs SET state = 'ready', due = $1, attempts = 0 WHERE dedupe = $2 AND \
                   (state IN ('done', 'parked') OR (state = 'ready' AND due > $3))";
        query(sql, [now.into(), column(dedupe).into(), (now + most).into()]).execute(tx.conn()).await?;
        tx.commit().await
    }

    /// Jobs of these kinds that went wrong: those that were given up (`parked`), or those that are to be tried again (`ready`), by
    /// number.
    ///
    /// # Errors
    /// What the database says.
    pub async fn troubled(&self, kinds: &[&str], state: &str) -> Result<Vec<Job>, LedgerError> {
        let (names, args) = texts(kinds.iter().copied());
        let sql = format!("SELECT id FROM jobs WHERE what IN ({names}) AND error <> '' ORDER BY id");
        let mut all = Vec::new();
        for row in query(&sql, args).fetch_all(&self.0.pool).await? {
            all.extend(self.job(row.try_get(0)?).await?.filter(|job| job.state == state));
        }
        Ok(all)
    }
}

impl Tx {
    /// Puts a new job in the place of one that was given up. Whether that was still so.
    ///
    /// # Errors
    /// What the database says.
    pub async fn replace(&mut self, parked: i64, job: NewJob) -> Result<bool, LedgerError> {
        let sql = "UPDATE jobs SET state = 'done', error = '' WHERE id = $1 AND state = 'parked'";
        if query(sql, [parked.into()]).execute(self.conn()).await?.rows_affected() == 0 {
            return Ok(false);
        }
        self.append_any(vec![NewEvent::by_quell(None, Body::JobEnded { job: parked, parked: None })]).await?;
        self.queue(job).await?;
        Ok(true)
    }

    /// Says how far a reader has come, in the transaction of what it makes of that. Somebody else who read the same meanwhile
    /// is not gone back behind.
    ///
    /// # Errors
    /// What the database says.
    pub async fn set_mark(&mut self, name: &str, seq: i64) -> Result<(), LedgerError> {
        let sql = "INSERT INTO marks (name, seq) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET seq = excluded.seq \
                   WHERE marks.seq < excluded.seq";
        query(sql, [name.into(), seq.into()]).execute(self.conn()).await?;
        self.store().point("mark.set")
    }
}

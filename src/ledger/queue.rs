//! What is asked and done about jobs as a whole, beside taking one and ending it.

use sqlx::Row as _;

use super::canonical::column;
use super::db::{query, texts};
use super::error::LedgerError;
use super::jobs::{COLUMNS, Job, NewJob, read};
use super::store::Store;
use super::tx::Tx;
use crate::model::case::CaseNumber;
use crate::model::event::{Body, NewEvent};

impl Store {
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
        let (names, mut args) = texts(kinds.iter().copied());
        args.push(column(state).into());
        let sql = format!(
            "SELECT {COLUMNS} FROM jobs WHERE what IN ({names}) AND state = ${} AND error <> '' ORDER BY id",
            args.len()
        );
        query(&sql, args).fetch_all(&self.0.pool).await?.iter().map(read).collect()
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
}

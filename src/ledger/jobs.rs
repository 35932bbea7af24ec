//! Jobs: work that is leased, in the same database as the cases it is about.
//!
//! A lease has a number that grows each time the job is taken. Whoever renews, completes or fails a job does so under the
//! number that they were given; once somebody else took it, nothing of theirs is written. The database's clock alone says when
//! a lease is over. A worker renews at a third of [`LEASE`], and before any change outside.

use serde_json::Value;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::canonical::{canonical, column};
use super::db::{Arg, query};
use super::error::LedgerError;
use super::store::Store;
use super::tx::Tx;
use crate::model::case::CaseNumber;
use crate::model::event::{Body, NewEvent};

/// How long a lease lasts, in seconds.
pub const LEASE: i64 = 60;
/// How often a job is tried before it is parked.
pub const ATTEMPTS: i64 = 8;

/// Work to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// What kind of work.
    pub what: String,
    /// What makes it the same as another: kind, credential, generation. There is one job of each, ended ones included.
    pub dedupe: String,
    /// The case.
    pub case: Option<CaseNumber>,
    /// What the worker needs to know; nothing secret.
    pub payload: Value,
    /// Not before this time, in seconds since 1970 UTC.
    pub due: i64,
}

/// Whether a job was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// It was, under this number.
    New(i64),
    /// There was one of the same key, under this number.
    Known(i64),
}

/// A job, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// As in [`NewJob`].
    pub what: String,
    /// As in [`NewJob`].
    pub dedupe: String,
    /// As in [`NewJob`].
    pub case: Option<CaseNumber>,
    /// As in [`NewJob`].
    pub payload: Value,
    /// `ready`, `leased`, `done` or `parked`.
    pub state: String,
    /// Not before this time, in seconds since 1970 UTC.
    pub due: i64,
    /// The number of its last lease.
    pub lease: i64,
    /// When that lease is over, in seconds since 1970 UTC.
    pub lease_until: i64,
    /// How often it was tried.
    pub attempts: i64,
    /// What went wrong last.
    pub error: String,
}

pub(super) const COLUMNS: &str = "id, what, dedupe, about, payload, state, due, lease, lease_until, attempts, error";

pub(super) fn read(row: &AnyRow) -> Result<Job, LedgerError> {
    let payload: String = row.try_get(4)?;
    Ok(Job {
        id: row.try_get(0)?,
        what: row.try_get(1)?,
        dedupe: row.try_get(2)?,
        case: row.try_get::<Option<i64>, _>(3)?.map(CaseNumber),
        payload: serde_json::from_str(&payload).map_err(|e| LedgerError::Data(format!("a job cannot be read: {e}")))?,
        state: row.try_get(5)?,
        due: row.try_get(6)?,
        lease: row.try_get(7)?,
        lease_until: row.try_get(8)?,
        attempts: row.try_get(9)?,
        error: row.try_get(10)?,
    })
}

/// What went wrong, as it is kept.
fn shortened(error: &str) -> String {
    column(error).chars().take(2000).collect()
}

/// How long a job waits after it failed so often, in seconds: 10, 20, 40, … and an hour at most.
fn backoff(attempts: i64) -> i64 {
    let doubled = u32::try_from(attempts.clamp(0, 20)).unwrap_or(0);
    (5_i64 << doubled).min(3600)
}

impl Tx {
    /// Queues a job, unless there was one of the same key.
    ///
    /// # Errors
    /// What the database says.
    pub async fn queue(&mut self, job: NewJob) -> Result<Queued, LedgerError> {
        let dedupe = column(&job.dedupe);
        let sql = "SELECT id FROM jobs WHERE dedupe = $1";
        if let Some(row) = query(sql, [dedupe.as_str().into()]).fetch_optional(self.conn()).await? {
            return Ok(Queued::Known(row.try_get(0)?));
        }
        let row = query("SELECT coalesce(max(id), 0) FROM jobs", []).fetch_one(self.conn()).await?;
        let id = row.try_get::<i64, _>(0)? + 1;
        let what = column(&job.what);
        let args = [
            Arg::Int(id),
            what.as_str().into(),
            dedupe.as_str().into(),
            Arg::MaybeInt(job.case.map(|case| case.0)),
            canonical(&job.payload)?.into(),
            job.due.into(),
        ];
        let sql = "INSERT INTO jobs (id, what, dedupe, about, payload, state, due, lease, lease_until, attempts, error) \
                   VALUES ($1, $2, $3, $4, $5, 'ready', $6, 0, 0, 0, '')";
        query(sql, args).execute(self.conn()).await?;
        self.store().point("job.queued")?;
        let body = Body::JobQueued { job: id, what, dedupe };
        self.append_any(vec![NewEvent::by_quell(None, body)]).await?;
        Ok(Queued::New(id))
    }

    /// Ends a job that is done, in the transaction of its result and of the jobs that follow it.
    ///
    /// # Errors
    /// [`LedgerError::Lost`] where somebody else has it by now: the whole transaction is to be dropped, and cannot be
    /// committed.
    pub async fn complete(&mut self, job: &Job) -> Result<(), LedgerError> {
        self.end(job, "done", "", None).await?;
        self.store().point("job.completed")
    }

    /// Gives a job up, with the reason.
    ///
    /// # Errors
    /// As in [`Tx::complete`].
    pub async fn park(&mut self, job: &Job, error: &str) -> Result<(), LedgerError> {
        let error = shortened(error);
        self.end(job, "parked", &error, Some(error.clone())).await?;
        self.store().point("job.parked")
    }

    async fn again(&mut self, job: &Job, seconds: i64, attempts: i64, error: &str) -> Result<(), LedgerError> {
        let sql = "UPDATE jobs SET state = 'ready', due = $1, attempts = $2, error = $3 \
                   WHERE id = $4 AND lease = $5 AND state = 'leased'";
        let due = self.clock() + seconds;
        let args = [due.into(), attempts.into(), shortened(error).into(), job.id.into(), job.lease.into()];
        if query(sql, args).execute(self.conn()).await?.rows_affected() == 0 {
            self.broken = true;
            return Err(LedgerError::Lost(job.id));
        }
        Ok(())
    }

    async fn end(&mut self, job: &Job, state: &str, error: &str, parked: Option<String>) -> Result<(), LedgerError> {
        let sql = "UPDATE jobs SET state = $1, error = $2 WHERE id = $3 AND lease = $4 AND state = 'leased'";
        let args = [state.into(), error.into(), job.id.into(), job.lease.into()];
        let changed = query(sql, args).execute(self.conn()).await?.rows_affected();
        if changed == 0 {
            self.broken = true;
            return Err(LedgerError::Lost(job.id));
        }
        self.append_any(vec![NewEvent::by_quell(None, Body::JobEnded { job: job.id, parked })]).await?;
        Ok(())
    }
}

impl Store {
    /// Takes a job that is due, or whose lease is over, of one of these kinds (of any where none is named). One that was
    /// tried too often is parked instead.
    ///
    /// # Errors
    /// What the database says.
    pub async fn claim(&self, kinds: &[&str]) -> Result<Option<Job>, LedgerError> {
        loop {
            match self.pick(kinds).await? {
                Some(job) if job.state == "leased" => return Ok(Some(job)),
                Some(job) => self.park_overdue(&job).await?,
                None => return Ok(None),
            }
        }
    }

    /// Leases a job, or gives back one that is to be parked as it is: under the state `overdue`.
    async fn pick(&self, kinds: &[&str]) -> Result<Option<Job>, LedgerError> {
        let turn = match self.0.address.path() {
            Some(_) => Some(self.0.writer.clone().lock_owned().await),
            None => None,
        };
        let mut inner = self.0.pool.begin_with(self.0.dialect.begin()).await?;
        let now = self.clock(&mut inner).await?;
        // One after the other: both at once would sort everything that is due. No lease is longer than LEASE: where one seems
        // to be, the clock was set back since.
        let (over, due) =
            ("state = 'leased' AND (lease_until <= $1 OR lease_until > $2)", "state = 'ready' AND due <= $1");
        let mut found = None;
        for (which, times) in [(over, vec![now, now + LEASE]), (due, vec![now])] {
            let mut args: Vec<Arg> = times.into_iter().map(Arg::Int).collect();
            let mut of_kind = String::new();
            if !kinds.is_empty() {
                let names: Vec<String> = (1..=kinds.len()).map(|n| format!("${}", args.len() + n)).collect();
                of_kind = format!(" AND what IN ({})", names.join(","));
                args.extend(kinds.iter().map(|kind| Arg::from(*kind)));
            }
            let sql = format!(
                "SELECT {COLUMNS} FROM jobs WHERE {which}{of_kind} ORDER BY due, id LIMIT 1{}",
                self.0.dialect.skip_locked()
            );
            found = query(&sql, args).fetch_optional(&mut *inner).await?;
            if found.is_some() {
                break;
            }
        }
        let Some(row) = found else { return Ok(None) };
        let mut job = read(&row)?;
        // One that was given back is not one whose worker went away.
        if job.attempts >= ATTEMPTS && job.state == "leased" {
            job.state = "overdue".to_owned();
            return Ok(Some(job));
        }
        (job.lease, job.lease_until, job.attempts) = (job.lease + 1, now + LEASE, job.attempts + 1);
        job.state = "leased".to_owned();
        let sql = "UPDATE jobs SET state = 'leased', lease = $1, lease_until = $2, attempts = $3 WHERE id = $4";
        let args = [job.lease.into(), job.lease_until.into(), job.attempts.into(), job.id.into()];
        query(sql, args).execute(&mut *inner).await?;
        self.point("job.claimed")?;
        inner.commit().await?;
        self.point("job.after-claim")?;
        drop(turn);
        Ok(Some(job))
    }

    async fn park_overdue(&self, job: &Job) -> Result<(), LedgerError> {
        let mut tx = self.begin().await?;
        let now = tx.clock();
        // Under the lock it may look different.
        let sql = "SELECT id FROM jobs WHERE id = $1 AND lease = $2 AND state = 'leased' \
                   AND (lease_until <= $3 OR lease_until > $4)";
        let still = query(sql, [job.id.into(), job.lease.into(), now.into(), (now + LEASE).into()])
            .fetch_optional(tx.conn())
            .await?;
        if still.is_none() {
            return Ok(());
        }
        let why = format!("its worker did not come back, {} times", job.attempts);
        tx.end(job, "parked", &why, Some(why.clone())).await?;
        self.point("job.parked")?;
        tx.commit().await
    }

    /// Renews a lease for another [`LEASE`].
    ///
    /// # Errors
    /// [`LedgerError::Lost`] where somebody else has it by now: the work stops.
    pub async fn renew(&self, job: &mut Job) -> Result<(), LedgerError> {
        let _turn = match self.0.address.path() {
            Some(_) => Some(self.0.writer.clone().lock_owned().await),
            None => None,
        };
        let mut conn = self.0.pool.acquire().await?;
        let until = self.clock(&mut conn).await? + LEASE;
        let sql = "UPDATE jobs SET lease_until = $1 WHERE id = $2 AND lease = $3 AND state = 'leased'";
        let args = [until.into(), job.id.into(), job.lease.into()];
        let changed = query(sql, args).execute(&mut *conn).await?.rows_affected();
        if changed == 0 {
            return Err(LedgerError::Lost(job.id));
        }
        job.lease_until = until;
        self.point("job.renewed")
    }

    /// Gives a job back that failed: it is due again after a while that doubles, and is parked after [`ATTEMPTS`]. Whether it
    /// was parked.
    ///
    /// # Errors
    /// [`LedgerError::Lost`] where somebody else has it by now.
    pub async fn fail(&self, job: &Job, error: &str) -> Result<bool, LedgerError> {
        let mut tx = self.begin().await?;
        if job.attempts >= ATTEMPTS {
            tx.park(job, error).await?;
            tx.commit().await?;
            return Ok(true);
        }
        tx.again(job, backoff(job.attempts), job.attempts, error).await?;
        self.point("job.failed")?;
        tx.commit().await?;
        Ok(false)
    }

    /// Gives a job back that is to be tried again after so many seconds. That it was tried counts where `counts` says so: not
    /// where a service is away, or wants fewer requests.
    ///
    /// # Errors
    /// [`LedgerError::Lost`] where somebody else has it by now.
    pub async fn postpone(&self, job: &Job, seconds: i64, counts: bool, error: &str) -> Result<(), LedgerError> {
        self.postpone_all(&[job], seconds, counts, error).await
    }

    /// Gives several back, as in [`Store::postpone`], so that they are due at the same second.
    ///
    /// # Errors
    /// [`LedgerError::Lost`] where somebody else has one of them by now: none is given back.
    pub async fn postpone_all(
        &self,
        jobs: &[&Job],
        seconds: i64,
        counts: bool,
        error: &str,
    ) -> Result<(), LedgerError> {
        let mut tx = self.begin().await?;
        for job in jobs {
            tx.again(job, seconds, job.attempts - i64::from(!counts), error).await?;
        }
        self.point("job.postponed")?;
        tx.commit().await
    }

    /// A job.
    ///
    /// # Errors
    /// What the database says.
    pub async fn job(&self, id: i64) -> Result<Option<Job>, LedgerError> {
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = $1");
        query(&sql, [id.into()]).fetch_optional(&self.0.pool).await?.as_ref().map(read).transpose()
    }

    /// Jobs in a state (`ready`, `leased`, `done`, `parked`), by number; 1,000 at most.
    ///
    /// # Errors
    /// What the database says.
    pub async fn jobs(&self, state: &str) -> Result<Vec<Job>, LedgerError> {
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE state = $1 ORDER BY id LIMIT 1000");
        query(&sql, [column(state).into()]).fetch_all(&self.0.pool).await?.iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_an_hour() {
        assert_eq!([1, 2, 3, 7, 8, 100].map(backoff), [10, 20, 40, 640, 1280, 3600]);
    }
}

//! Events, read many at a time and in their order.

use std::str::FromStr as _;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Any, AnyConnection, AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use super::chain::{COLUMNS, Stored};
use super::db::query;
use super::error::LedgerError;
use super::store::Store;

/// How many events are read at once.
const BATCH: usize = 4096;

impl Store {
    /// What reads the chain to be checked.
    pub(super) async fn reader(&self) -> Result<Reader, LedgerError> {
        let direct = match self.0.address.path() {
            Some(_) => {
                // Of the rows that wait to be taken, a thousand instead of fifty: two threads hand them over, and wait for
                // each other less often.
                let options = SqliteConnectOptions::from_str(&self.0.address.url()?)?.row_buffer_size(1024);
                Some(options.busy_timeout(Duration::from_secs(30)).disable_statement_logging().connect().await?)
            }
            None => None,
        };
        Ok(Reader { pooled: self.0.pool.acquire().await?, direct })
    }
}

/// What reads events to be checked. A file is read past what both databases have in common, which copies each row twice.
pub(super) struct Reader {
    pooled: PoolConnection<Any>,
    direct: Option<SqliteConnection>,
}

impl Reader {
    pub(super) async fn batch(&mut self, after: i64) -> Result<Batch, LedgerError> {
        if let Some(conn) = &mut self.direct
            && let Ok(rows) = direct(conn, after).await
        {
            return Ok(Batch::of(rows, after));
        }
        // Whatever is wrong with a row is found, and named, there.
        batch(&mut self.pooled, after).await
    }

    pub(super) async fn close(self) -> Result<(), LedgerError> {
        match self.direct {
            Some(conn) => Ok(conn.close().await?),
            None => Ok(()),
        }
    }
}

async fn direct(conn: &mut SqliteConnection, after: i64) -> Result<Vec<Stored>, sqlx::Error> {
    let sql = format!("SELECT {COLUMNS} FROM events WHERE seq > $1 ORDER BY seq LIMIT {BATCH}");
    let mut rows = sqlx::query(AssertSqlSafe(sql)).bind(after).fetch(conn);
    let mut all = Vec::with_capacity(BATCH);
    while let Some(row) = rows.try_next().await? {
        all.push(Stored::read(&row)?);
    }
    Ok(all)
}

/// What was read at once.
pub(super) struct Batch {
    pub(super) rows: Vec<Stored>,
    /// The number of the last event that was asked for.
    pub(super) last: i64,
    /// What could not be read, and why.
    pub(super) unread: Vec<(i64, String)>,
    /// Whether there was nothing any more.
    pub(super) over: bool,
}

impl Batch {
    /// What was read after one event, where all of it could be.
    fn of(rows: Vec<Stored>, after: i64) -> Self {
        let last = rows.last().map_or(after, |row| row.seq);
        Self { over: rows.is_empty(), rows, last, unread: Vec::new() }
    }

    /// The end, where what follows cannot be read at all.
    pub(super) fn damaged(what: &str) -> Self {
        Self { rows: Vec::new(), last: i64::MAX, unread: vec![(0, format!("the events: {what}"))], over: true }
    }
}

/// The events after one. Where some cannot be read, each is read alone, so that the bad ones can be named.
pub(super) async fn batch(conn: &mut AnyConnection, after: i64) -> Result<Batch, LedgerError> {
    let sql = format!("SELECT {COLUMNS} FROM events WHERE seq > $1 ORDER BY seq LIMIT {BATCH}");
    let read = query(&sql, [after.into()]).fetch_all(&mut *conn).await;
    let rows = read.and_then(|rows| rows.iter().map(Stored::read).collect::<Result<Vec<_>, _>>());
    let error = match rows {
        Ok(rows) => return Ok(Batch::of(rows, after)),
        Err(error) => LedgerError::from(error),
    };
    if matches!(error, LedgerError::Unreachable(_) | LedgerError::Locked) {
        return Err(error);
    }
    let numbers = format!("SELECT seq FROM events WHERE seq > $1 ORDER BY seq LIMIT {BATCH}");
    let one = format!("SELECT {COLUMNS} FROM events WHERE seq = $1");
    let mut found = Batch { rows: Vec::new(), last: after, unread: Vec::new(), over: true };
    for row in query(&numbers, [after.into()]).fetch_all(&mut *conn).await? {
        found.over = false;
        found.last = row.try_get(0)?;
        let read = query(&one, [found.last.into()]).fetch_one(&mut *conn).await;
        match read.and_then(|row| Stored::read(&row)) {
            Ok(row) => found.rows.push(row),
            Err(error) => found.unread.push((found.last, format!("it cannot be read: {error}"))),
        }
    }
    Ok(found)
}

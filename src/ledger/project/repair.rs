//! How projections are made again: tables that are gone or cannot be read come back empty, and are filled from the events.

use futures_util::TryStreamExt as _;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::cases::{APPROVAL_COLUMNS, CASE_COLUMNS, FACT_COLUMNS};
use super::rebuild::Difference;
use crate::ledger::db::{Dialect, query};
use crate::ledger::error::LedgerError;
use crate::ledger::schema;
use crate::ledger::store::Store;
use crate::ledger::tx::Tx;
use crate::ledger::verify::{Fault, damage};

const JOB_COLUMNS: &str = "id, what, dedupe, state, about, payload, due, lease, lease_until, attempts, error";

/// Tables that are made of events, with their columns.
const MADE: [(&str, &str); 8] = [
    ("cases", CASE_COLUMNS),
    ("facts", FACT_COLUMNS),
    ("approvals", APPROVAL_COLUMNS),
    ("fingerprints", "fingerprint, about, seq"),
    ("people", "id, doc"),
    ("policies", "hash, state, doc"),
    ("scans", "target, seq"),
    ("jobs", JOB_COLUMNS),
];

/// Tables that no event fills: they come back empty where they are gone, and are left alone otherwise.
const KEPT: [(&str, &str); 3] = [
    ("data_keys", "about, version, until, wrapper, wrapped"),
    ("sealed", "about, place, name, text"),
    ("meta", "name, value"),
];

fn lost(table: &'static str, what: &'static str) -> Difference {
    Difference { table, key: "*".to_owned(), what }
}

impl Store {
    /// Compares every projection with what the events come to; writes the latter, unless it is told to look only. All that
    /// differed. Tables that are gone or cannot be read are made anew; what is written is made of events that verify alone.
    ///
    /// # Errors
    /// [`LedgerError::Unsound`] where the events do not verify, and nothing is written then; looking only, that is told as
    /// differences. What the database says.
    pub async fn rebuild(&self, dry: bool) -> Result<Vec<Difference>, LedgerError> {
        if !dry && let Some(fault) = self.verify(&[], None).await?.faults.first() {
            let what = format!("event {}: {}", fault.seq, fault.what);
            return Err(LedgerError::Unsound { place: self.0.address.to_string(), what });
        }
        let mut lost = self.missing().await?;
        let error = match self.rebuilt(dry, &lost).await {
            Err(error) => error,
            done => return done,
        };
        let told = damage(error)?;
        let mut found: Vec<Difference> = self.verify(&[], None).await?.faults.iter().map(unsound).collect();
        if !found.is_empty() {
            found.dedup();
            found.extend(lost);
            return Ok(found);
        }
        let known = lost.len();
        self.unreadable(&mut lost).await?;
        if lost.len() == known {
            return Err(LedgerError::Data(told));
        }
        self.rebuilt(dry, &lost).await
    }

    /// The same, where it is known which tables are lost.
    async fn rebuilt(&self, dry: bool, lost: &[Difference]) -> Result<Vec<Difference>, LedgerError> {
        let tables: Vec<&str> = lost.iter().map(|one| one.table).collect();
        let mut found = if dry {
            let mut snapshot = self.0.pool.begin_with(self.0.dialect.snapshot()).await?;
            let found = self.compare(&mut snapshot, false, &tables).await?;
            snapshot.rollback().await?;
            found
        } else {
            let mut tx: Tx = self.begin().await?;
            restore(tx.conn(), self.0.dialect, &tables).await?;
            let found = self.compare(tx.conn(), true, &[]).await?;
            self.point("rebuild.before-commit")?;
            tx.commit().await?;
            found
        };
        found.retain(|one| !tables.contains(&one.table));
        found.extend(lost.iter().cloned());
        Ok(found)
    }

    /// Tables that are not there, or not with their columns.
    async fn missing(&self) -> Result<Vec<Difference>, LedgerError> {
        let mut found = Vec::new();
        for (table, columns) in MADE.into_iter().chain(KEPT) {
            let sql = format!("SELECT {columns} FROM {table} WHERE 1 = 0");
            if let Err(error) = query(&sql, []).fetch_optional(&self.0.pool).await {
                damage(error.into())?;
                found.push(lost(table, "missing"));
            }
        }
        Ok(found)
    }

    /// Adds tables with a row that cannot be read.
    async fn unreadable(&self, found: &mut Vec<Difference>) -> Result<(), LedgerError> {
        for (table, columns) in MADE {
            if found.iter().any(|one| one.table == table) {
                continue;
            }
            let sql = format!("SELECT {columns} FROM {table}");
            let mut rows = query(&sql, []).fetch(&self.0.pool);
            let bad = loop {
                match rows.try_next().await {
                    Ok(Some(row)) if is_read(table, &row) => {}
                    Ok(Some(_)) => break true,
                    Ok(None) => break false,
                    Err(error) => break !damage(error.into())?.is_empty(),
                }
            };
            if bad {
                found.push(lost(table, "not readable"));
            }
        }
        Ok(())
    }
}

fn unsound(fault: &Fault) -> Difference {
    Difference { table: "events", key: fault.seq.to_string(), what: "not sound" }
}

/// Whether a row can be told from others by its key.
fn is_read(table: &str, row: &AnyRow) -> bool {
    match table {
        "cases" | "facts" | "approvals" | "jobs" => row.try_get::<i64, _>(0).is_ok(),
        "fingerprints" => {
            row.try_get::<String, _>(0).is_ok() && [1, 2].iter().all(|n| row.try_get::<i64, _>(*n).is_ok())
        }
        _ => row.try_get::<String, _>(0).is_ok(),
    }
}

/// Makes lost tables anew, empty. Jobs have what no event tells: of those, only the rows that cannot be read go.
async fn restore(conn: &mut AnyConnection, dialect: Dialect, lost: &[&str]) -> Result<(), LedgerError> {
    for (table, _) in MADE.iter().chain(&KEPT).filter(|(table, _)| lost.contains(table)) {
        if *table == "jobs" && is_there(conn, dialect).await? {
            readable_jobs(conn).await?;
            continue;
        }
        query(&format!("DROP TABLE IF EXISTS {table}"), []).execute(&mut *conn).await?;
    }
    schema::restore(conn, dialect).await
}

/// Whether the table of jobs is there with its columns. A statement that fails would end the transaction.
async fn is_there(conn: &mut AnyConnection, dialect: Dialect) -> Result<bool, LedgerError> {
    let sql = match dialect {
        Dialect::Sqlite => "SELECT count(*) FROM pragma_table_info('jobs')",
        Dialect::Postgres => {
            "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'quell' AND table_name = 'jobs'"
        }
    };
    let columns: i64 = query(sql, []).fetch_one(conn).await?.try_get(0)?;
    Ok(columns >= JOB_COLUMNS.split(',').count() as i64)
}

async fn readable_jobs(conn: &mut AnyConnection) -> Result<(), LedgerError> {
    let ids = query("SELECT id FROM jobs", []).fetch_all(&mut *conn).await?;
    for row in ids {
        let id: i64 = row.try_get(0)?;
        let sql = format!("SELECT {JOB_COLUMNS} FROM jobs WHERE id = $1");
        if query(&sql, [id.into()]).fetch_one(&mut *conn).await.is_err() {
            query("DELETE FROM jobs WHERE id = $1", [id.into()]).execute(&mut *conn).await?;
        }
    }
    Ok(())
}

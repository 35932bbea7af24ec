//! How far somebody has read the events, and which cases something happened to since.

use std::collections::BTreeSet;

use serde::Deserialize;
use sqlx::Row as _;

use super::canonical::column;
use super::db::query;
use super::error::LedgerError;
use super::store::Store;
use super::tx::Tx;
use crate::model::case::CaseNumber;

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

    /// The case whose task has this name in a tracker: `tracker#key`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn case_of_task(&self, name: &str) -> Result<Option<CaseNumber>, LedgerError> {
        let sql = "SELECT about FROM facts WHERE name = 'task' AND value = $1 ORDER BY about LIMIT 1";
        let row = query(sql, [column(name).into()]).fetch_optional(&self.0.pool).await?;
        row.map(|row| Ok(CaseNumber(row.try_get(0)?))).transpose()
    }
}

impl Tx {
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

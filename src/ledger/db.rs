//! The few things in which SQLite and PostgreSQL differ, and how rows are written many at a time.

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe};

use super::error::LedgerError;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// The number of the writers' lock in PostgreSQL: "quell" and a one.
const LOCK: &str = "SELECT pg_advisory_xact_lock(31072361590785)";

impl Dialect {
    /// SQL with the types of this database in place of `{int}`, `{blob}` and `{strict}`.
    pub(super) fn sql(self, text: &str) -> String {
        let (int, blob, strict) = match self {
            Self::Sqlite => ("INTEGER", "BLOB", "STRICT"),
            Self::Postgres => ("BIGINT", "BYTEA", ""),
        };
        text.replace("{int}", int).replace("{blob}", blob).replace("{strict}", strict)
    }

    /// The database's clock, in seconds since 1970 UTC.
    pub(super) const fn clock(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT CAST(strftime('%s', 'now') AS INTEGER)",
            Self::Postgres => "SELECT CAST(floor(extract(epoch FROM clock_timestamp())) AS BIGINT)",
        }
    }

    /// How a transaction of a writer begins.
    pub(super) const fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// What takes the single writers' lock in a transaction, where beginning does not.
    pub(super) const fn lock(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(LOCK),
        }
    }

    /// How a transaction begins whose reads all see the same moment.
    pub(super) const fn snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// The function that says where a text stands in another.
    pub(super) const fn position(self) -> &'static str {
        match self {
            Self::Sqlite => "instr",
            Self::Postgres => "strpos",
        }
    }

    /// Until when the risk of a case is accepted, out of its document.
    pub(super) const fn accepted_until(self) -> &'static str {
        match self {
            Self::Sqlite => "json_extract(doc, '$.accepted[0]')",
            Self::Postgres => "CAST(CAST(doc AS json) -> 'accepted' ->> 0 AS bigint)",
        }
    }

    /// What keeps a row that was picked from others, without waiting for rows that others keep.
    pub(super) const fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Whether the table `meta` is there, as a count.
    pub(super) const fn made(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'meta'",
            Self::Postgres => "SELECT count(*) FROM pg_tables WHERE schemaname = 'quell' AND tablename = 'meta'",
        }
    }

    /// What each new connection is told. A full sync before a commit is acknowledged, and freed pages overwritten.
    pub(super) fn connected(self, max_pages: Option<i64>) -> String {
        match self {
            Self::Sqlite => format!(
                "PRAGMA busy_timeout = 30000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                 PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA cache_size = -32768; {}",
                max_pages.map_or_else(String::new, |pages| format!("PRAGMA max_page_count = {pages};"))
            ),
            Self::Postgres => "SET search_path TO quell; SET lock_timeout = '30s'; SET synchronous_commit = on; \
                               SET client_min_messages = warning"
                .to_owned(),
        }
    }
}

/// A value of a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Arg {
    Int(i64),
    MaybeInt(Option<i64>),
    Text(String),
    MaybeText(Option<String>),
    Blob(Vec<u8>),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// A query with its values, bound in their order to `$1`, `$2`, ….
pub(super) fn query<'q>(sql: &str, args: impl IntoIterator<Item = Arg>) -> Query<'q, Any, AnyArguments> {
    args.into_iter().fold(sqlx::query(AssertSqlSafe(sql.to_owned())), |query, arg| match arg {
        Arg::Int(value) => query.bind(value),
        Arg::MaybeInt(value) => query.bind(value),
        Arg::Text(value) => query.bind(value),
        Arg::MaybeText(value) => query.bind(value),
        Arg::Blob(value) => query.bind(value),
    })
}

/// `($1, $2), ($3, $4)`: so many rows of so many columns. SQLite looks a name up among all others for each value that is bound,
/// so that a thousand names cost more than the rows: it gets `?` without names.
fn places(rows: usize, columns: usize, named: bool) -> String {
    let name = |n: usize| if named { format!("${n}") } else { "?".to_owned() };
    let row = |r: usize| {
        let names: Vec<String> = (1..=columns).map(|c| name(r * columns + c)).collect();
        format!("({})", names.join(","))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(",")
}

/// Writes rows, many in one statement: `head (…) VALUES … tail`. In few sizes, so that few statements are prepared.
pub(super) async fn insert(
    conn: &mut AnyConnection,
    head: &str,
    tail: &str,
    rows: Vec<Vec<Arg>>,
) -> Result<(), LedgerError> {
    let named = conn.backend_name() != "SQLite";
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let size = [128, 32, 8, 1].into_iter().find(|size| *size <= rows.len()).unwrap_or(1);
        let chunk: Vec<Vec<Arg>> = rows.by_ref().take(size).collect();
        let columns = chunk.first().map_or(0, Vec::len);
        let sql = format!("{head} VALUES {} {tail}", places(size, columns, named));
        query(&sql, chunk.into_iter().flatten()).execute(&mut *conn).await?;
    }
    Ok(())
}

/// `$1, $2, …` for so many values of a list. Powers of two, so that few statements are prepared; the caller pads.
pub(super) fn list(values: &[i64]) -> (String, Vec<Arg>) {
    let size = values.len().next_power_of_two();
    let names: Vec<String> = (1..=size).map(|n| format!("${n}")).collect();
    let padding = std::iter::repeat_n(Arg::Int(-1), size - values.len());
    (names.join(","), values.iter().map(|v| Arg::Int(*v)).chain(padding).collect())
}

/// As in [`list`], for texts. None is empty: that is what they are padded with.
pub(super) fn texts<'a>(values: impl ExactSizeIterator<Item = &'a str>) -> (String, Vec<Arg>) {
    let size = values.len().next_power_of_two();
    let names: Vec<String> = (1..=size).map(|n| format!("${n}")).collect();
    let mut args: Vec<Arg> = values.map(Arg::from).collect();
    args.resize(size, Arg::from(""));
    (names.join(","), args)
}

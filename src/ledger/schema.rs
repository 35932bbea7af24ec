//! The tables, and how an older store becomes a newer one.

use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::db::{Dialect, query};
use super::error::LedgerError;

/// What leads from each schema to the next. Schemas count from 1, and a step that was released never changes.
pub(super) const STEPS: &[&str] = &[FIRST, MARKS];

/// How far somebody has read the events, and which jobs a case has.
const MARKS: &str = "
CREATE TABLE marks (name TEXT PRIMARY KEY, seq {int} NOT NULL) {strict};
CREATE INDEX jobs_about ON jobs (about, what, state);
";

const FIRST: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) {strict};
CREATE TABLE events (seq {int} PRIMARY KEY, format {int} NOT NULL, at {int} NOT NULL, about {int}, actor TEXT NOT NULL,
    body TEXT NOT NULL, nonce TEXT, signature TEXT, hash {blob} NOT NULL) {strict};
CREATE INDEX events_about ON events (about, seq) WHERE about IS NOT NULL;
CREATE UNIQUE INDEX events_nonce ON events (nonce) WHERE nonce IS NOT NULL;
CREATE TABLE checkpoints (seq {int} NOT NULL, at {int} NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (seq, at)) {strict};
CREATE TABLE cases (number {int} PRIMARY KEY, version {int} NOT NULL, stage TEXT NOT NULL, severity {int} NOT NULL,
    provider TEXT NOT NULL, rule TEXT NOT NULL, owner TEXT NOT NULL, verdict TEXT NOT NULL, detected {int} NOT NULL,
    updated {int} NOT NULL, search TEXT NOT NULL, doc TEXT NOT NULL) {strict};
CREATE INDEX cases_stage ON cases (stage, number);
CREATE TABLE fingerprints (fingerprint TEXT PRIMARY KEY, about {int} NOT NULL, seq {int} NOT NULL) {strict};
CREATE INDEX fingerprints_about ON fingerprints (about);
CREATE TABLE facts (about {int} NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, source TEXT NOT NULL,
    folded TEXT NOT NULL) {strict};
CREATE INDEX facts_about ON facts (about);
CREATE INDEX facts_name ON facts (name);
CREATE TABLE approvals (about {int} NOT NULL, place {int} NOT NULL, request TEXT NOT NULL, action TEXT NOT NULL,
    state TEXT NOT NULL, at {int} NOT NULL, expires {int} NOT NULL, PRIMARY KEY (about, place)) {strict};
CREATE INDEX approvals_waiting ON approvals (state, expires);
CREATE INDEX approvals_request ON approvals (request);
CREATE TABLE people (id TEXT PRIMARY KEY, doc TEXT NOT NULL) {strict};
CREATE TABLE policies (hash TEXT PRIMARY KEY, state TEXT NOT NULL, doc TEXT NOT NULL) {strict};
CREATE TABLE scans (target TEXT PRIMARY KEY, seq {int} NOT NULL) {strict};
CREATE TABLE jobs (id {int} PRIMARY KEY, what TEXT NOT NULL, dedupe TEXT NOT NULL UNIQUE, about {int},
    payload TEXT NOT NULL, state TEXT NOT NULL, due {int} NOT NULL, lease {int} NOT NULL, lease_until {int} NOT NULL,
    attempts {int} NOT NULL, error TEXT NOT NULL) {strict};
CREATE INDEX jobs_due ON jobs (state, due);
CREATE TABLE data_keys (about {int} PRIMARY KEY, version {int} NOT NULL, until {int} NOT NULL, wrapper TEXT NOT NULL,
    wrapped {blob} NOT NULL) {strict};
CREATE INDEX data_keys_until ON data_keys (until);
CREATE TABLE sealed (about {int} NOT NULL, place {int} NOT NULL, name TEXT NOT NULL, text {blob} NOT NULL,
    PRIMARY KEY (about, place)) {strict};
";

/// The schema of a store; zero where there is none.
pub(super) async fn version(conn: &mut AnyConnection, dialect: Dialect) -> Result<i64, LedgerError> {
    let made: i64 = query(dialect.made(), []).fetch_one(&mut *conn).await?.try_get(0)?;
    if made == 0 {
        return Ok(0);
    }
    let row = query("SELECT value FROM meta WHERE name = 'schema'", []).fetch_optional(&mut *conn).await?;
    let Some(row) = row else { return Ok(0) };
    let text: String = row.try_get(0)?;
    text.parse().map_err(|_| LedgerError::Data(format!("the store's schema is `{}`", text.escape_debug())))
}

/// Refuses a store of a newer program.
pub(super) fn known(found: i64, steps: &[&str]) -> Result<(), LedgerError> {
    let known = steps.len() as i64;
    if found > known { Err(LedgerError::Newer { found, known }) } else { Ok(()) }
}

/// Takes the steps that a store has not had yet. The caller has the writers' lock, and commits.
pub(super) async fn migrate(
    conn: &mut AnyConnection,
    dialect: Dialect,
    steps: &[&str],
    from: i64,
) -> Result<(), LedgerError> {
    if from == 0 && dialect == Dialect::Postgres {
        sqlx::raw_sql("CREATE SCHEMA IF NOT EXISTS quell; SET search_path TO quell").execute(&mut *conn).await?;
    }
    for step in steps.iter().skip(usize::try_from(from).unwrap_or(0)) {
        sqlx::raw_sql(AssertSqlSafe(dialect.sql(step))).execute(&mut *conn).await?;
    }
    let sql =
        "INSERT INTO meta (name, value) VALUES ('schema', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    query(sql, [steps.len().to_string().into()]).execute(&mut *conn).await?;
    Ok(())
}

/// Makes tables and indexes that are gone anew, empty. The caller has the writers' lock, and commits.
pub(super) async fn restore(conn: &mut AnyConnection, dialect: Dialect) -> Result<(), LedgerError> {
    for step in STEPS {
        let missing = dialect.sql(step);
        let missing = missing.replace("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ");
        let missing = missing.replace("INDEX ", "INDEX IF NOT EXISTS ");
        sqlx::raw_sql(AssertSqlSafe(missing)).execute(&mut *conn).await?;
    }
    let sql = "INSERT INTO meta (name, value) VALUES ('schema', $1) ON CONFLICT (name) DO NOTHING";
    query(sql, [STEPS.len().to_string().into()]).execute(&mut *conn).await?;
    Ok(())
}

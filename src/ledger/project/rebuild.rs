//! Makes every projection anew from the events, and says where what is stored differs.
//!
//! Cases are taken a few hundred at a time, so that memory does not grow with the store. Jobs have a payload that no event
//! tells: one that is missing comes back parked, and the others are compared by what events say.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::cases::{self, APPROVAL_COLUMNS, CASE_COLUMNS, Changes, FACT_COLUMNS, Rows};
use super::people::People;
use super::policies::Policies;
use super::target_key;
use crate::ledger::batches::batch;
use crate::ledger::canonical::canonical;
use crate::ledger::chain::{COLUMNS, Stored};
use crate::ledger::db::{Arg, insert, list, query};
use crate::ledger::error::LedgerError;
use crate::ledger::store::Store;
use crate::model::case::{Case, CaseNumber};
use crate::model::event::{Body, Event};

/// A row that is not what the events come to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// Which row; `*` is the whole table.
    pub key: String,
    /// `missing`, `different`, or `not made of any event`. Of a table, `missing` or `not readable`; of an event, `not sound`, and
    /// nothing is compared with it.
    pub what: &'static str,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} `{}` is {}", self.table, self.key.escape_debug(), self.what)
    }
}

/// How many cases are folded at once.
const CHUNK: usize = 256;

/// What stands with a job that is known from events alone; it is parked, and its end is not on record.
const LOST: &str = "what it was to do was lost";

/// Rows of a small table, by key.
type Table = BTreeMap<String, Vec<Arg>>;

impl Store {
    /// Compares every projection with what the events come to, in a transaction of the caller's, and writes that where it is
    /// told to. Tables that are lost are not looked at.
    pub(in crate::ledger) async fn compare(
        &self,
        conn: &mut AnyConnection,
        write: bool,
        lost: &[&str],
    ) -> Result<Vec<Difference>, LedgerError> {
        let mut found = Vec::new();
        self.compare_cases(conn, write, lost, &mut found).await?;
        self.point("rebuild.after-cases")?;
        let made = globals(conn).await?;
        for (table, columns, rows) in made.into_iter().filter(|(table, ..)| !lost.contains(table)) {
            let stored = table_of(conn, table, columns).await?;
            let differ = differences(table, &rows, &stored);
            if write && !differ.is_empty() {
                replace(conn, table, columns, rows, &differ).await?;
            }
            found.extend(differ);
        }
        self.point("rebuild.after-people")?;
        Ok(found)
    }

    async fn compare_cases(
        &self,
        conn: &mut AnyConnection,
        write: bool,
        lost: &[&str],
        found: &mut Vec<Difference>,
    ) -> Result<(), LedgerError> {
        let mut after = i64::MIN;
        let mut prints_differ = false;
        loop {
            let sql = format!("SELECT DISTINCT about FROM events WHERE about > $1 ORDER BY about LIMIT {CHUNK}");
            let rows = query(&sql, [after.into()]).fetch_all(&mut *conn).await?;
            let numbers = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
            let last = numbers.last().copied();
            let folded = fold(conn, &numbers).await?;
            let until = last.unwrap_or(i64::MAX);
            let mut stored = stored_rows(conn, after, until, lost).await?;
            let mut changes = Changes::default();
            for (number, now) in &folded.rows {
                let before = stored.remove(number);
                tell(*number, before.as_ref(), now, found);
                changes.add(*number, before.as_ref(), now);
            }
            for (number, rows) in stored {
                tell(number, Some(&rows), &Rows::default(), found);
                if write {
                    for (table, key) in [("cases", "number"), ("facts", "about"), ("approvals", "about")] {
                        let sql = format!("DELETE FROM {table} WHERE {key} = $1");
                        query(&sql, [number.into()]).execute(&mut *conn).await?;
                    }
                }
            }
            if write {
                changes.write(conn, &|_| Ok(())).await?;
            }
            if !lost.contains(&"fingerprints") {
                prints_differ |= compare_prints(conn, &folded.prints, after, until, found).await?;
            }
            let Some(last) = last else { break };
            after = last;
        }
        if write && prints_differ {
            query("DELETE FROM fingerprints", []).execute(&mut *conn).await?;
            let mut next = batch(conn, i64::MIN).await?;
            while !next.over {
                let events = next.rows.iter().map(Stored::event).collect::<Result<Vec<Event>, _>>()?;
                cases::tie(conn, events.iter().flat_map(cases::fingerprints).collect()).await?;
                next = batch(conn, next.last).await?;
            }
        }
        Ok(())
    }
}

/// Cases that were folded anew.
struct Folded {
    rows: BTreeMap<i64, Rows>,
    /// Which case says that it goes by a fingerprint, and since which event.
    prints: Vec<(String, i64, i64)>,
}

async fn fold(conn: &mut AnyConnection, numbers: &[i64]) -> Result<Folded, LedgerError> {
    let (mut cases, mut prints): (BTreeMap<CaseNumber, Case>, Vec<_>) = (BTreeMap::new(), Vec::new());
    if !numbers.is_empty() {
        let (names, args) = list(numbers);
        let sql = format!("SELECT {COLUMNS} FROM events WHERE about IN ({names}) ORDER BY seq");
        for row in query(&sql, args).fetch_all(&mut *conn).await? {
            let event = Stored::read(&row)?.event()?;
            let Some(number) = event.case else { continue };
            prints.extend(cases::fingerprints(&event));
            let case = Case::after(cases.remove(&number), &event)?;
            cases.insert(number, case);
        }
    }
    let rows = cases.iter().map(|(number, case)| Ok((number.0, sorted(cases::rows(case)?))));
    Ok(Folded { rows: rows.collect::<Result<_, LedgerError>>()?, prints })
}

fn sorted(mut rows: Rows) -> Rows {
    rows.facts.sort();
    rows
}

/// What is stored of the cases above one number and up to another.
async fn stored_rows(
    conn: &mut AnyConnection,
    after: i64,
    until: i64,
    lost: &[&str],
) -> Result<BTreeMap<i64, Rows>, LedgerError> {
    let mut all: BTreeMap<i64, Rows> = BTreeMap::new();
    let tables = [("cases", CASE_COLUMNS, "number", ""), ("facts", FACT_COLUMNS, "about", "")].into_iter().chain([(
        "approvals",
        APPROVAL_COLUMNS,
        "about",
        ", place",
    )]);
    for (table, columns, key, more) in tables.filter(|(table, ..)| !lost.contains(table)) {
        let sql = format!("SELECT {columns} FROM {table} WHERE {key} > $1 AND {key} <= $2 ORDER BY {key}{more}");
        for row in query(&sql, [after.into(), until.into()]).fetch_all(&mut *conn).await? {
            let of = all.entry(row.try_get(0)?).or_default();
            match table {
                "cases" => of.case = values(&row),
                "facts" => of.facts.push(values(&row)),
                _ => of.approvals.push(values(&row)),
            }
        }
    }
    Ok(all.into_iter().map(|(number, rows)| (number, sorted(rows))).collect())
}

/// The values of a row: numbers and texts. Anything else is none that is made of events.
fn values(row: &AnyRow) -> Vec<Arg> {
    let value = |n: usize| match row.try_get::<i64, _>(n) {
        Ok(number) => Arg::Int(number),
        Err(_) => row.try_get::<String, _>(n).map_or(Arg::MaybeText(None), Arg::Text),
    };
    (0..row.len()).map(value).collect()
}

fn tell(number: i64, stored: Option<&Rows>, now: &Rows, found: &mut Vec<Difference>) {
    let empty = Rows::default();
    let before = stored.unwrap_or(&empty);
    let what = |before: bool, now: bool| match (before, now) {
        (false, _) => "missing",
        (_, false) => "not made of any event",
        _ => "different",
    };
    let mut tell = |table, same: bool, before: bool, now: bool| {
        if !same {
            let key = CaseNumber(number).to_string();
            found.push(Difference { table, key, what: what(before, now) });
        }
    };
    tell("cases", before.case == now.case, !before.case.is_empty(), !now.case.is_empty());
    tell("facts", before.facts == now.facts, !before.facts.is_empty(), !now.facts.is_empty());
    let (was, is) = (!before.approvals.is_empty(), !now.approvals.is_empty());
    tell("approvals", before.approvals == now.approvals, was, is);
}

/// Whether fingerprints differ, of the cases above one number and up to another.
async fn compare_prints(
    conn: &mut AnyConnection,
    prints: &[(String, i64, i64)],
    after: i64,
    until: i64,
    found: &mut Vec<Difference>,
) -> Result<bool, LedgerError> {
    let before = found.len();
    let mut wanted: BTreeMap<(&str, i64), i64> = BTreeMap::new();
    for (print, about, seq) in prints {
        let first = wanted.entry((print, *about)).or_insert(*seq);
        *first = (*first).min(*seq);
    }
    let mut tell = |key: &str, what| found.push(Difference { table: "fingerprints", key: key.to_owned(), what });
    let sql = "SELECT fingerprint, about, seq FROM fingerprints WHERE about > $1 AND about <= $2";
    let mut own = BTreeSet::new();
    for row in query(sql, [after.into(), until.into()]).fetch_all(&mut *conn).await? {
        let (print, about, seq): (String, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        match wanted.get(&(print.as_str(), about)) {
            Some(first) if *first == seq => {}
            Some(_) => tell(&print, "different"),
            None => tell(&print, "not made of any event"),
        }
        own.insert((print, about));
    }
    for ((print, about), first) in wanted {
        if own.contains(&(print.to_owned(), about)) {
            continue;
        }
        // Another case may have had it before; that is then compared with that case.
        let sql = "SELECT seq FROM fingerprints WHERE fingerprint = $1";
        let row = query(sql, [print.into()]).fetch_optional(&mut *conn).await?;
        match row.map(|row| row.try_get::<i64, _>(0)).transpose()? {
            Some(seq) if seq < first => {}
            Some(_) => tell(print, "different"),
            None => tell(print, "missing"),
        }
    }
    Ok(found.len() > before)
}

/// Tables that are made of events about no case: name, columns, rows.
async fn globals(conn: &mut AnyConnection) -> Result<Vec<(&'static str, &'static str, Table)>, LedgerError> {
    let (mut people, mut policies) = (People::default(), Policies::default());
    let (mut scans, mut jobs) = (Table::new(), Table::new());
    let mut next = batch(conn, i64::MIN).await?;
    while !next.over {
        for row in &next.rows {
            // What is about a case is about that alone.
            if row.about.is_some() {
                continue;
            }
            let event = row.event()?;
            people.take(&event.actor, &event.body, event.at)?;
            policies.take(&event)?;
            take_rest(&event, &mut scans, &mut jobs);
        }
        next = batch(conn, next.last).await?;
    }
    let mut people_rows = Table::new();
    for one in people.iter() {
        people_rows.insert(one.principal.id.as_str().to_owned(), vec![canonical(one)?.into()]);
    }
    let mut policy_rows = Table::new();
    for (hash, one) in &policies.0 {
        policy_rows.insert(hash.clone(), vec![one.state.as_str().into(), canonical(one)?.into()]);
    }
    Ok(vec![
        ("people", "id, doc", people_rows),
        ("policies", "hash, state, doc", policy_rows),
        ("scans", "target, seq", scans),
        ("jobs", "id, what, dedupe, state", jobs),
    ])
}

fn take_rest(event: &Event, scans: &mut Table, jobs: &mut Table) {
    match &event.body {
        Body::ScanEnded { target, .. } => {
            scans.insert(target_key(target), vec![event.seq.into()]);
        }
        Body::JobQueued { job, what, dedupe } => {
            jobs.insert(job.to_string(), vec![what.as_str().into(), dedupe.as_str().into(), "open".into()]);
        }
        Body::JobEnded { job, parked } => {
            let state = if parked.is_some() { "parked" } else { "done" };
            if let Some(last) = jobs.get_mut(&job.to_string()).and_then(|row| row.last_mut()) {
                *last = state.into();
            }
        }
        _ => {}
    }
}

async fn table_of(conn: &mut AnyConnection, table: &str, plain: &str) -> Result<Table, LedgerError> {
    let mut all = Table::new();
    let columns = plain.replace("state", &format!("CASE WHEN error = '{LOST}' THEN 'open' ELSE state END"));
    let columns = if table == "jobs" { columns.as_str() } else { plain };
    for row in query(&format!("SELECT {columns} FROM {table}"), []).fetch_all(&mut *conn).await? {
        let mut values = values(&row);
        let key = match values.remove(0) {
            Arg::Int(number) => number.to_string(),
            Arg::Text(text) => text,
            other => format!("{other:?}"),
        };
        if table == "jobs"
            && let Some(Arg::Text(state)) = values.last_mut()
            && matches!(state.as_str(), "ready" | "leased")
        {
            "open".clone_into(state);
        }
        all.insert(key, values);
    }
    Ok(all)
}

fn differences(table: &'static str, made: &Table, stored: &Table) -> Vec<Difference> {
    let keys: BTreeSet<&String> = made.keys().chain(stored.keys()).collect();
    let what = |key: &String| match (made.get(key), stored.get(key)) {
        (Some(made), Some(stored)) if made == stored => None,
        (Some(_), Some(_)) => Some("different"),
        (Some(_), None) => Some("missing"),
        _ => Some("not made of any event"),
    };
    keys.into_iter().filter_map(|key| what(key).map(|what| Difference { table, key: key.clone(), what })).collect()
}

/// Writes the rows that differ.
async fn replace(
    conn: &mut AnyConnection,
    table: &str,
    columns: &str,
    rows: Table,
    differ: &[Difference],
) -> Result<(), LedgerError> {
    let key_column = columns.split(',').next().unwrap_or_default();
    let is_job = table == "jobs";
    for difference in differ {
        let key: Arg =
            if is_job { difference.key.parse::<i64>().unwrap_or(0).into() } else { difference.key.as_str().into() };
        query(&format!("DELETE FROM {table} WHERE {key_column} = $1"), [key.clone()]).execute(&mut *conn).await?;
        let Some(row) = rows.get(&difference.key) else { continue };
        let mut values = vec![key];
        values.extend(row.iter().cloned());
        if is_job {
            let mut error = "";
            if let Some(state) = values.last_mut().filter(|state| **state == Arg::from("open")) {
                (*state, error) = ("parked".into(), LOST);
            }
            values.extend([Arg::from("null"), 0.into(), 0.into(), 0.into(), 0.into(), error.into()]);
            let columns = "id, what, dedupe, state, payload, due, lease, lease_until, attempts, error";
            insert(conn, &format!("INSERT INTO jobs ({columns})"), "", vec![values]).await?;
        } else {
            insert(conn, &format!("INSERT INTO {table} ({columns})"), "", vec![values]).await?;
        }
    }
    Ok(())
}

//! The rows that are made of one case.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, Row as _};

use crate::ledger::canonical::{canonical, column};
use crate::ledger::db::{Arg, insert, list, query};
use crate::ledger::error::LedgerError;
use crate::ledger::parallel;
use crate::model::case::{Case, CaseNumber};
use crate::model::event::{Body, Event};
use crate::model::owner::Ownership;

/// Every row of one case, by table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ledger) struct Rows {
    pub(in crate::ledger) case: Vec<Arg>,
    pub(in crate::ledger) facts: Vec<Vec<Arg>>,
    pub(in crate::ledger) approvals: Vec<Vec<Arg>>,
}

pub(in crate::ledger) const CASE_COLUMNS: &str =
    "number, version, stage, severity, provider, rule, owner, verdict, detected, updated, search, doc";
pub(in crate::ledger) const FACT_COLUMNS: &str = "about, name, value, source, folded";
pub(in crate::ledger) const APPROVAL_COLUMNS: &str = "about, place, request, action, state, at, expires";

/// The rows that a case comes to.
pub(in crate::ledger) fn rows(case: &Case) -> Result<Rows, LedgerError> {
    let number = Arg::Int(case.number.0);
    let facts = case.facts().into_iter().map(|fact| {
        let value = column(&fact.value);
        let folded = value.to_lowercase();
        vec![number.clone(), fact.name.into(), value.into(), column(&fact.source).into(), folded.into()]
    });
    let approvals = case.approvals.iter().enumerate().map(|(place, approval)| {
        let request = &approval.request;
        let (action, state) = (request.plan.action.as_str(), approval.state.as_str());
        let place = Arg::Int(i64::try_from(place).unwrap_or(i64::MAX));
        let (at, expires) = (approval.at.into(), request.expires.into());
        vec![number.clone(), place, column(&request.id).into(), action.into(), state.into(), at, expires]
    });
    let (facts, approvals) = (facts.collect(), approvals.collect());
    Ok(Rows { case: case_row(case)?, facts, approvals })
}

fn case_row(case: &Case) -> Result<Vec<Arg>, LedgerError> {
    let text = |raw: &[u8]| column(&String::from_utf8_lossy(raw));
    let opening = &case.opening;
    let owner = match case.ownership() {
        Ownership::Known { owner, .. } => text(owner.name.raw()),
        _ => String::new(),
    };
    let mut search = vec![column(&opening.title), column(&opening.redacted)];
    for place in &opening.places {
        search.push(text(place.repository.raw()));
        search.push(text(place.path.raw()));
    }
    search.dedup();
    Ok(vec![
        case.number.0.into(),
        case.version.into(),
        case.stage.as_str().into(),
        (case.severity() as i64).into(),
        column(&opening.provider).into(),
        column(&opening.rule).into(),
        owner.into(),
        case.verdict().map_or("", |v| v.verdict.as_str()).into(),
        case.detected.into(),
        case.updated.into(),
        search.join("\n").to_lowercase().into(),
        canonical(case)?.into(),
    ])
}

/// The fingerprints that an event ties to its case.
pub(in crate::ledger) fn fingerprints(event: &Event) -> impl Iterator<Item = (String, i64, i64)> {
    let prints = match &event.body {
        Body::CaseOpened(opening) => opening.fingerprints.as_slice(),
        Body::PlacesJoined { fingerprints, .. } => fingerprints.as_slice(),
        _ => &[],
    };
    let about = event.case.map_or(0, |case| case.0);
    prints.iter().map(move |print| (column(print), about, event.seq))
}

/// A case in a transaction, and the rows that are stored of it.
#[derive(Debug)]
pub(in crate::ledger) struct Held {
    pub(in crate::ledger) case: Case,
    /// None where it is new.
    pub(in crate::ledger) stored: Option<Rows>,
}

/// Reads cases by their numbers.
pub(in crate::ledger) async fn load(
    conn: &mut AnyConnection,
    numbers: &[i64],
    held: &mut BTreeMap<CaseNumber, Held>,
) -> Result<(), LedgerError> {
    for chunk in numbers.chunks(256) {
        let (names, args) = list(chunk);
        let sql = format!("SELECT doc FROM cases WHERE number IN ({names})");
        let found = query(&sql, args).fetch_all(&mut *conn).await?;
        let docs = found.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
        let read = parallel::map(&docs, |_, doc| {
            let case = parse(doc)?;
            let stored = Some(rows(&case)?);
            Ok::<_, LedgerError>(Held { case, stored })
        });
        for one in read {
            let one = one?;
            held.insert(one.case.number, one);
        }
    }
    Ok(())
}

/// Reads a case.
pub(in crate::ledger) fn parse(doc: &str) -> Result<Case, LedgerError> {
    serde_json::from_str(doc)
        .map_err(|e| LedgerError::Data(format!("a case cannot be read: {e}; rebuild the projections")))
}

/// What is deleted and written for cases: whatever differs from what is stored.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Changes {
    cases: Vec<Vec<Arg>>,
    facts: Vec<Vec<Arg>>,
    approvals: Vec<Vec<Arg>>,
    no_facts: Vec<i64>,
    no_approvals: Vec<i64>,
}

impl Changes {
    /// Adds what a case changed to.
    pub(in crate::ledger) fn add(&mut self, number: i64, stored: Option<&Rows>, now: &Rows) {
        let empty = Rows::default();
        let before = stored.unwrap_or(&empty);
        if before.case != now.case {
            self.cases.push(now.case.clone());
        }
        if before.facts != now.facts {
            self.facts.extend(now.facts.iter().cloned());
            self.no_facts.extend(Some(number).filter(|_| stored.is_some()));
        }
        if before.approvals != now.approvals {
            self.approvals.extend(now.approvals.iter().cloned());
            self.no_approvals.extend(Some(number).filter(|_| stored.is_some()));
        }
    }

    /// Writes them. `point` is called between tables.
    pub(in crate::ledger) async fn write(
        self,
        conn: &mut AnyConnection,
        point: &(dyn Fn(&'static str) -> Result<(), LedgerError> + Send + Sync),
    ) -> Result<(), LedgerError> {
        let tail = "ON CONFLICT (number) DO UPDATE SET version = excluded.version, stage = excluded.stage, \
                    severity = excluded.severity, provider = excluded.provider, rule = excluded.rule, \
                    owner = excluded.owner, verdict = excluded.verdict, detected = excluded.detected, \
                    updated = excluded.updated, search = excluded.search, doc = excluded.doc";
        insert(conn, &format!("INSERT INTO cases ({CASE_COLUMNS})"), tail, self.cases).await?;
        point("case.after-write")?;
        clear(conn, "facts", &self.no_facts).await?;
        insert(conn, &format!("INSERT INTO facts ({FACT_COLUMNS})"), "", self.facts).await?;
        point("facts.after-write")?;
        clear(conn, "approvals", &self.no_approvals).await?;
        insert(conn, &format!("INSERT INTO approvals ({APPROVAL_COLUMNS})"), "", self.approvals).await?;
        point("approvals.after-write")
    }
}

async fn clear(conn: &mut AnyConnection, table: &str, numbers: &[i64]) -> Result<(), LedgerError> {
    for chunk in numbers.chunks(256) {
        let (names, args) = list(chunk);
        query(&format!("DELETE FROM {table} WHERE about IN ({names})"), args).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Ties fingerprints to their cases. Whoever had one first keeps it.
pub(in crate::ledger) async fn tie(
    conn: &mut AnyConnection,
    prints: Vec<(String, i64, i64)>,
) -> Result<(), LedgerError> {
    let rows = prints.into_iter().map(|(print, about, seq)| vec![print.into(), about.into(), seq.into()]).collect();
    let head = "INSERT INTO fingerprints (fingerprint, about, seq)";
    insert(conn, head, "ON CONFLICT (fingerprint) DO NOTHING", rows).await
}

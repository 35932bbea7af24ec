//! Writes what events come to, in the transaction that writes the events.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AnyConnection, Row as _};

use super::cases::{self, Changes, Held};
use super::people::People;
use super::policies::{self, Policies};
use super::standing::{self, Standing};
use super::target_key;
use crate::ledger::canonical::{canonical, column};
use crate::ledger::db::{insert, query, texts};
use crate::ledger::error::LedgerError;
use crate::ledger::parallel;
use crate::ledger::tx::{Tx, is_about_people};
use crate::model::case::{Case, CaseNumber};
use crate::model::event::{Body, Event};

/// How many cases a transaction keeps in memory between two calls.
const KEPT: usize = 4096;

impl Tx {
    /// Folds the events into their cases and writes what changed.
    pub(in crate::ledger) async fn project_cases(&mut self, events: &[Event]) -> Result<(), LedgerError> {
        let touched: BTreeSet<CaseNumber> = events.iter().filter_map(|event| event.case).collect();
        if touched.is_empty() {
            return Ok(());
        }
        let next = self.next_number().await?;
        let missing = touched.iter().filter(|n| !self.cases.contains_key(n) && n.0 < next).map(|n| n.0);
        let missing: Vec<i64> = missing.collect();
        cases::load(&mut self.inner, &missing, &mut self.cases).await?;
        self.not_taken(events).await?;
        for event in events {
            let Some(number) = event.case else { continue };
            if number.0 <= 0 {
                return Err(LedgerError::Data("a case's number is above zero".to_owned()));
            }
            let (before, stored) =
                self.cases.remove(&number).map_or((None, None), |held| (Some(held.case), held.stored));
            let wrong = before.as_ref().filter(|_| standing::depends(&event.body));
            if let Some(wrong) = wrong.and_then(|case| Standing::of(case).fault(event)) {
                return Err(LedgerError::NotPermitted(wrong));
            }
            let case = Case::after(before, event)?;
            self.cases.insert(number, Held { case, stored });
            self.next = self.next.max(Some(number.0 + 1));
        }
        let mut changes = Changes::default();
        let held: Vec<(i64, &Held)> = touched.iter().filter_map(|n| Some((n.0, self.cases.get(n)?))).collect();
        let made = parallel::map(&held, |_, (_, held)| cases::rows(&held.case));
        let made = made.into_iter().collect::<Result<Vec<_>, _>>()?;
        for ((number, held), now) in held.iter().zip(&made) {
            changes.add(*number, held.stored.as_ref(), now);
        }
        let numbers: Vec<i64> = held.iter().map(|(number, _)| *number).collect();
        for (number, now) in numbers.into_iter().zip(made) {
            if let Some(held) = self.cases.get_mut(&CaseNumber(number)) {
                held.stored = Some(now);
            }
        }
        let store = self.store.clone();
        store.point("case.before-write")?;
        changes.write(&mut self.inner, &|name| store.point(name)).await?;
        let prints = events.iter().flat_map(cases::fingerprints).collect();
        cases::tie(&mut self.inner, prints).await?;
        self.store.point("fingerprints.after-write")?;
        if self.cases.len() > KEPT {
            self.cases.clear();
        }
        Ok(())
    }

    /// A credential has one case.
    async fn not_taken(&mut self, events: &[Event]) -> Result<(), LedgerError> {
        let mut own: BTreeMap<String, CaseNumber> = BTreeMap::new();
        for event in events {
            let (Body::CaseOpened(opening), Some(case)) = (&event.body, event.case) else { continue };
            let Some(print) = opening.fingerprints.first().map(|print| column(print)) else {
                return Err(LedgerError::Data("a case has a fingerprint".to_owned()));
            };
            if let Some(case) = own.insert(print.clone(), case) {
                return Err(LedgerError::Taken { fingerprint: print, case });
            }
        }
        let prints: Vec<&String> = own.keys().collect();
        for chunk in prints.chunks(128) {
            let (names, args) = texts(chunk.iter().map(|print| print.as_str()));
            let sql = format!("SELECT fingerprint, about FROM fingerprints WHERE fingerprint IN ({names})");
            if let Some(row) = query(&sql, args).fetch_optional(&mut *self.inner).await? {
                let (fingerprint, case) = (row.try_get(0)?, CaseNumber(row.try_get(1)?));
                return Err(LedgerError::Taken { fingerprint, case });
            }
        }
        Ok(())
    }

    /// People, policies, and the last scan of each target.
    pub(in crate::ledger) async fn project_rest(&mut self, events: &[Event]) -> Result<(), LedgerError> {
        if events.iter().any(|event| is_about_people(&event.body)) {
            self.store_people().await?;
            self.store.point("people.after-write")?;
        }
        if events.iter().any(|event| policies::concerns(&event.body)) {
            let mut all = read_policies(&mut self.inner).await?;
            for event in events {
                all.take(event)?;
            }
            let row = |(hash, one): (&String, &policies::PolicyStanding)| {
                Ok(vec![hash.as_str().into(), one.state.as_str().into(), canonical(one)?.into()])
            };
            let rows = all.0.iter().map(row).collect::<Result<Vec<_>, LedgerError>>()?;
            let tail = "ON CONFLICT (hash) DO UPDATE SET state = excluded.state, doc = excluded.doc";
            insert(&mut self.inner, "INSERT INTO policies (hash, state, doc)", tail, rows).await?;
            self.store.point("policies.after-write")?;
        }
        for event in events {
            if let Body::ScanEnded { target, .. } = &event.body {
                let sql = "INSERT INTO scans (target, seq) VALUES ($1, $2) \
                           ON CONFLICT (target) DO UPDATE SET seq = excluded.seq";
                query(sql, [target_key(target).into(), event.seq.into()]).execute(&mut *self.inner).await?;
                self.store.point("scans.after-write")?;
            }
        }
        Ok(())
    }

    async fn store_people(&mut self) -> Result<(), LedgerError> {
        let mut rows = Vec::new();
        for one in self.people().await?.iter() {
            rows.push(vec![one.principal.id.as_str().into(), canonical(one)?.into()]);
        }
        let tail = "ON CONFLICT (id) DO UPDATE SET doc = excluded.doc";
        insert(&mut self.inner, "INSERT INTO people (id, doc)", tail, rows).await
    }
}

/// Everybody, as stored.
pub(in crate::ledger) async fn read_people(conn: &mut AnyConnection) -> Result<People, LedgerError> {
    let mut all = Vec::new();
    for row in query("SELECT doc FROM people", []).fetch_all(conn).await? {
        let doc: String = row.try_get(0)?;
        all.push(serde_json::from_str(&doc).map_err(|e| LedgerError::Data(format!("a person cannot be read: {e}")))?);
    }
    Ok(People::new(all))
}

/// Every policy set, as stored.
pub(in crate::ledger) async fn read_policies(conn: &mut AnyConnection) -> Result<Policies, LedgerError> {
    let mut all = Policies::default();
    for row in query("SELECT hash, doc FROM policies", []).fetch_all(conn).await? {
        let doc: String = row.try_get(1)?;
        let standing = serde_json::from_str(&doc);
        all.0.insert(
            row.try_get(0)?,
            standing.map_err(|e| LedgerError::Data(format!("a policy set cannot be read: {e}")))?,
        );
    }
    Ok(all)
}

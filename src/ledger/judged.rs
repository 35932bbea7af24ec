//! What people's judgements come to: how right a rule is, and where a policy set can be compared with people.

use std::collections::BTreeMap;

use sqlx::Row as _;

use super::canonical::column;
use super::chain::{COLUMNS, Stored};
use super::db::{Arg, query};
use super::error::LedgerError;
use super::store::Store;
use crate::model::case::{CaseNumber, Outcome};
use crate::model::event::Body;
use crate::model::principal::PrincipalKind;

/// How many cases of a rule people judged, each by its last judgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Real credentials.
    pub real: u64,
    /// None.
    pub none: u64,
    /// Credentials that are meant to be there. They are told apart, and are neither for a rule nor against it.
    pub test: u64,
}

/// The share of a rule's findings that are credentials, with its 95 % interval; all from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    /// What was measured.
    pub share: f64,
    /// The interval's lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// From so many judgements on, a rule can be called imprecise.
const ENOUGH: u64 = 20;
/// The two-sided 95 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

impl Judged {
    /// How many count for or against the rule.
    #[must_use]
    pub const fn counted(&self) -> u64 {
        self.real + self.none
    }

    /// The measured precision, real / (real + none), with the Wilson score interval (E. B. Wilson, 1927, JASA 22:209–212);
    /// `None` where nothing counts.
    #[must_use]
    pub fn precision(&self) -> Option<Precision> {
        let n = self.counted() as f64;
        if self.counted() == 0 {
            return None;
        }
        let share = self.real as f64 / n;
        let square = Z * Z;
        let middle = share + square / (2.0 * n);
        let half = Z * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
        let whole = 1.0 + square / n;
        Some(Precision { share, low: ((middle - half) / whole).max(0.0), high: ((middle + half) / whole).min(1.0) })
    }

    /// Whether most findings of the rule are no credentials, as sure as 20 judgements and the interval are.
    #[must_use]
    pub fn is_imprecise(&self) -> bool {
        self.counted() >= ENOUGH && self.precision().is_some_and(|precision| precision.high < 0.5)
    }
}

impl Store {
    /// What persons judged of a rule's findings. A case counts once, by the last judgement, also where it was opened again
    /// since: what it was judged to be then is no less true of the rule.
    ///
    /// # Errors
    /// What the database says.
    pub async fn judged(&self, rule: &str) -> Result<Judged, LedgerError> {
        // Quotation marks in a text are escaped: nothing that a person wrote has this in it.
        const KIND: &str = "\"kind\":\"outcome-set\"";
        let position = self.0.dialect.position();
        let sql = format!(
            "SELECT {COLUMNS} FROM events WHERE about IN (SELECT number FROM cases WHERE rule = $1) \
             AND {position}(body, $2) > 0 ORDER BY seq"
        );
        let people = self.people().await?;
        let mut last = BTreeMap::new();
        for row in query(&sql, [column(rule).into(), KIND.into()]).fetch_all(&self.0.pool).await? {
            let event = Stored::read(&row)?.event()?;
            let by = event.actor.principal();
            let is_person = people.iter().any(|one| Some(&one.id) == by && one.kind == PrincipalKind::Person);
            if let (Body::OutcomeSet { outcome, .. }, Some(case), true) = (event.body, event.case, is_person) {
                last.insert(case, outcome);
            }
        }
        let of = |wanted: Outcome| last.values().filter(|outcome| **outcome == wanted).count() as u64;
        Ok(Judged { real: of(Outcome::True), none: of(Outcome::False), test: of(Outcome::Test) })
    }

    /// Cases about which a policy set decided, where something of this name stood in the way: the newest first, below one
    /// where one is given, so many at most. Their documents are not read.
    ///
    /// # Errors
    /// What the database says.
    pub async fn held_back(
        &self,
        set: &str,
        by: &str,
        below: Option<CaseNumber>,
        limit: u32,
    ) -> Result<Vec<CaseNumber>, LedgerError> {
        const KIND: &str = "\"kind\":\"decided\"";
        let position = self.0.dialect.position();
        let named = |key: &str, text: &str| format!("\"{key}\":\"{text}\"");
        let sql = format!(
            "SELECT DISTINCT about FROM events WHERE about IS NOT NULL AND about < $1 AND {position}(body, $2) > 0 \
             AND {position}(body, $3) > 0 AND {position}(body, $4) > 0 ORDER BY about DESC LIMIT $5"
        );
        let args = [
            Arg::Int(below.map_or(i64::MAX, |case| case.0)),
            KIND.into(),
            named("policy", set).into(),
            named("id", by).into(),
            Arg::Int(i64::from(limit)),
        ];
        let rows = query(&sql, args).fetch_all(&self.0.pool).await?;
        rows.iter().map(|row| Ok(CaseNumber(row.try_get(0)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(real: u64, none: u64) -> Judged {
        Judged { real, none, test: 7 }
    }

    #[test]
    fn the_interval_is_wilsons() {
        // 8 of 10, and 0 and 10 of 10, as published tables of the Wilson interval have them.
        for (real, none, share, low, high) in
            [(8, 2, 0.8, 0.4902, 0.9433), (0, 10, 0.0, 0.0, 0.2775), (10, 0, 1.0, 0.7225, 1.0)]
        {
            let found = judged(real, none).precision().unwrap();
            for (found, wanted) in [(found.share, share), (found.low, low), (found.high, high)] {
                assert!((found - wanted).abs() < 5e-5, "{real} {none}: {found} {wanted}");
            }
        }
        assert_eq!(judged(0, 0).precision(), None, "tests are neither for nor against");
    }

    #[test]
    fn a_rule_is_imprecise_on_enough_judgements_alone() {
        assert!(!judged(0, 19).is_imprecise() && judged(0, 20).is_imprecise());
        assert!(judged(5, 15).is_imprecise(), "at most 47 of 100");
        assert!(!judged(6, 14).is_imprecise(), "52 of 100 are within the interval");
    }
}

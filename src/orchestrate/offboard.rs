//! What is tied to a person or a service who leaves (requirement 73).

use std::collections::BTreeMap;

use super::{CommandError, Orchestrator};
use crate::model::case::{Case, CaseNumber};

/// A case that is tied to somebody, and by which evidence.
#[derive(Clone, Debug)]
pub struct Tie {
    /// The case.
    pub case: Case,
    /// What ties it: the kind of fact, what it says and where it comes from.
    pub by: Vec<(String, String, String)>,
}

impl Orchestrator<'_> {
    /// Every case with a fact that has one of these names in it: as owner, author, identity, account or service. Open
    /// cases come first.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub async fn tied(&self, names: &[String]) -> Result<Vec<Tie>, CommandError> {
        let mut by: BTreeMap<CaseNumber, Vec<(String, String, String)>> = BTreeMap::new();
        for name in names {
            for (number, fact) in self.store.with_fact(None, name).await? {
                if !matches!(fact.name, "fingerprint" | "repository") {
                    by.entry(number).or_default().push((fact.name.to_owned(), fact.value, fact.source));
                }
            }
        }
        let mut ties = Vec::new();
        for (number, mut by) in by {
            by.sort();
            by.dedup();
            ties.extend(self.store.case(number).await?.map(|case| Tie { case, by }));
        }
        ties.sort_by_key(|tie| (!tie.case.stage.is_open(), tie.case.number));
        Ok(ties)
    }
}

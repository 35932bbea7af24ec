//! What is known about a case is gathered anew: who may own it, who depends on it, what breaks, how fast it is restored.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{CommandError, Orchestrator};
use crate::model::answers::{Answer, Capability, Dependent, Evidence};
use crate::model::case::{Case, CaseNumber, Place};
use crate::model::event::{Body, NewEvent};
use crate::model::owner::ClaimSource;
use crate::model::{Confidence, Untrusted};
use crate::owners::{Asked, Catalog, Histories, answers, claims, references};

/// The most references of a repository that are kept.
const REFERENCES: usize = 50;

/// What is asked when a case's owners and answers are gathered.
#[derive(Clone, Copy)]
pub struct Gatherer<'a> {
    /// The organisation's record.
    pub catalog: &'a Catalog,
    /// Repositories on this machine.
    pub histories: &'a Histories,
    /// What can be done to credentials of a provider, and undone, by the provider's id.
    pub capability: &'a dyn Fn(&str) -> Option<(Capability, Evidence)>,
    /// Whether the scan that found it left something out.
    pub gaps: bool,
}

impl Orchestrator<'_> {
    /// Gathers claims and answers for a case, and writes them down.
    ///
    /// # Errors
    /// Where there is no such case, or the ledger cannot be written.
    pub async fn gather(&self, number: CaseNumber, with: &Gatherer<'_>) -> Result<(), CommandError> {
        let mut case = self.case(number).await?;
        let version = case.version;
        // Whoever comes without the organisation's record, or without a registered key, does not replace what it said.
        let of_record = case.claims.iter().any(|claim| claim.source == ClaimSource::Catalog);
        let replaces = case.answered.is_some();
        if replaces && (self.caller.principal.is_none() || of_record && with.catalog.services.is_empty()) {
            return Ok(());
        }
        let now = self.store.now().await?;
        let said = case.said().cloned();
        let host = said.as_ref().map(|(v, ..)| text(&v.host)).unwrap_or_default();
        let (dependents, unread) = dependents(&case, now);
        let opening = case.opening.clone();
        let asked = Asked {
            provider: &opening.provider,
            rule: &opening.rule,
            identity: said.as_ref().map(|(v, ..)| &v.identity),
            identity_at: said.as_ref().map_or(0, |(_, at, _)| *at),
            recipe: said.as_ref().map_or("", |(v, ..)| &v.recipe),
            host: &host,
            names: &opening.names,
            places: &opening.places,
            proved: &proved,
            files: with.histories,
            now,
            gaps: with.gaps || unread,
        };
        let claims = claims(&asked, with.catalog);
        let changed = claims != case.claims;
        case.claims.clone_from(&claims);
        let mut answers = answers(&asked, with.catalog, case.ownership().owner(), dependents);
        if let Some((capability, evidence)) = (with.capability)(&opening.provider) {
            answers.capability = Answer::of(capability, evidence);
        }
        if let (None, Some(at)) = (answers.expires.value, opening.expires) {
            answers.expires = Answer::of(at, own(now));
        }
        let claims = changed.then_some(Body::ClaimsGathered { claims });
        let bodies = claims.into_iter().chain([Body::Answered { answers: Box::new(answers) }]);
        let events = bodies.map(|body| NewEvent::by_quell(Some(number), body)).collect();
        let mut tx = self.store.begin().await?;
        tx.expect(number, version).await?;
        tx.append(events).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// That the credential itself says so: a token that names its own end.
fn own(now: i64) -> Evidence {
    let place = Untrusted::from("what it says of itself");
    Evidence { source: "credential".to_owned(), place, at: now, confidence: Confidence::High }
}

/// Whether the name of a place's repository is more than what its own configuration says: quell cloned it from there, or it
/// is the directory itself.
fn proved(place: &Place) -> bool {
    let cloned = [&b"https://"[..], b"github:"].iter().any(|start| place.root.raw().starts_with(start));
    cloned || place.repository == place.root
}

/// What uses the credential by the names of its variables, in the repositories that are on this machine; `None` where none
/// is, or it has no name. And whether something of them could not be read.
fn dependents(case: &Case, now: i64) -> (Option<Vec<Dependent>>, bool) {
    let roots: BTreeSet<&Untrusted> = case.opening.places.iter().map(|place| &place.root).collect();
    let roots = roots.into_iter().map(|root| PathBuf::from(OsStr::from_bytes(root.raw())));
    let roots: Vec<PathBuf> = roots.filter(|root| root.is_absolute() && root.is_dir()).collect();
    let own: Vec<(Untrusted, u32)> = case.opening.places.iter().map(|p| (p.path.clone(), p.line)).collect();
    let (mut all, mut unread, mut looked) = (Vec::new(), false, false);
    for root in &roots {
        if case.opening.names.is_empty() {
            break;
        }
        let found = references(Path::new(root), &case.opening.names, &own, REFERENCES, now);
        looked |= found.unspecific.len() < case.opening.names.len();
        unread |= found.capped || !found.coverage.is_complete();
        all.extend(found.dependents);
    }
    (looked.then_some(all), unread)
}

fn text(value: &Untrusted) -> String {
    String::from_utf8_lossy(value.raw()).into_owned()
}

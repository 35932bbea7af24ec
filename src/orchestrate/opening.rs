//! A finding becomes a case, joins the one that its credential has, or opens it again.

use super::settings::DAY;
use super::{CommandError, Orchestrator};
use crate::ledger::{DataKey, SealedParts, Tx, Wrapper};
use crate::model::case::{Case, CaseNumber, Outcome, Place, Stage};
use crate::model::event::{Body, NewEvent, Opening, Reopening};
use crate::model::{Untrusted, Verification};

/// So many cases are written in one transaction.
const BATCH: usize = 200;
/// A place that is seen again is written down again after this time, in seconds.
const SEEN_AGAIN: i64 = DAY;

/// A credential that is to be tracked.
pub struct Tracked {
    /// What its case would begin with.
    pub opening: Opening,
    /// Its secrets, where they are to be sealed.
    pub parts: Option<SealedParts>,
    /// What its issuer said, where it was asked.
    pub verification: Option<Verification>,
}

/// What was scanned.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// The targets, for people.
    pub target: Untrusted,
    /// Whether everything that was asked for was read.
    pub complete: bool,
}

/// What became of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// A case was opened.
    New,
    /// It has a case; new places have joined it, if there were any.
    Joined,
    /// Its case was closed and is open again.
    Reopened(Reopening),
}

/// The case of a credential, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The case.
    pub case: CaseNumber,
    /// What became of it.
    pub how: How,
}

impl Orchestrator<'_> {
    /// Tracks credentials: one case each, in the order given. Secrets are sealed by `wrapper`.
    ///
    /// # Errors
    /// Where the ledger cannot be written; what was acknowledged before stays.
    pub async fn track(
        &self,
        tracked: &[Tracked],
        scanned: &Scanned,
        wrapper: Option<&dyn Wrapper>,
    ) -> Result<Vec<Opened>, CommandError> {
        let mut all = Vec::with_capacity(tracked.len());
        for batch in tracked.chunks(BATCH) {
            let mut keys = Vec::with_capacity(batch.len());
            for one in batch {
                keys.push(self.key(one, wrapper).await?);
            }
            let mut tx = self.store.begin().await?;
            for (one, key) in batch.iter().zip(keys) {
                all.push(self.track_one(&mut tx, one, key).await?);
            }
            tx.commit().await?;
        }
        let ended = Body::ScanEnded {
            target: scanned.target.clone(),
            complete: scanned.complete,
            credentials: tracked.len() as u64,
            opened: all.iter().filter(|opened| opened.how == How::New).count() as u64,
        };
        let mut tx = self.store.begin().await?;
        tx.append(vec![NewEvent::by_quell(None, ended)]).await?;
        tx.commit().await?;
        Ok(all)
    }

    /// A key for what is to be sealed, made before the ledger is locked: whoever keeps the wrapping key may be far away.
    /// What is still sealed is the same secret, and stays: a fingerprint stands for one.
    async fn key(&self, one: &Tracked, wrapper: Option<&dyn Wrapper>) -> Result<Option<DataKey>, CommandError> {
        let (Some(wrapper), Some(_)) = (wrapper, &one.parts) else { return Ok(None) };
        for print in &one.opening.fingerprints {
            if let Some(number) = self.store.find(print).await? {
                let until = self.store.case(number).await?.and_then(|case| case.sealed);
                if until > Some(self.store.now().await?) {
                    return Ok(None);
                }
            }
        }
        Ok(Some(DataKey::make(wrapper).await?))
    }

    async fn track_one(&self, tx: &mut Tx, one: &Tracked, key: Option<DataKey>) -> Result<Opened, CommandError> {
        let known = match tx.find(&one.opening.fingerprints).await? {
            Some(number) => tx.case(number).await?,
            None => None,
        };
        let now = tx.now();
        let (number, how, mut bodies) = match &known {
            None => (tx.next_case().await?, How::New, vec![Body::CaseOpened(Box::new(one.opening.clone()))]),
            Some(case) => {
                let (how, bodies) = again(case, one, now);
                (case.number, how, bodies)
            }
        };
        let newer = |v: &&Verification| {
            known.as_ref().and_then(|c| c.verdicts.last()).is_none_or(|(_, t, _)| !v.cached || *t < v.asked)
        };
        let weighed = |v: &Verification| known.as_ref().map_or_else(|| v.clone(), |case| case.weighed(v.clone()));
        bodies.extend(one.verification.iter().filter(newer).map(|v| Body::VerdictHad {
            verification: Box::new(weighed(v)),
            by: self.caller.actor(),
            nominal: None,
        }));
        let events = bodies.into_iter().map(|body| NewEvent::by_quell(Some(number), body)).collect::<Vec<_>>();
        if !events.is_empty() {
            tx.append(events).await?;
        }
        if let (Some(parts), Some(key)) = (&one.parts, key) {
            tx.seal(number, parts, now + self.settings.seal_days * DAY, key).await?;
        }
        Ok(Opened { case: number, how })
    }
}

/// What is written about a credential that has a case.
fn again(case: &Case, one: &Tracked, now: i64) -> (How, Vec<Body>) {
    let known = |place: &&Place| case.opening.places.iter().find(|known| known.is(place));
    let fresh: Vec<Place> = one.opening.places.iter().filter(|place| known(place).is_none()).cloned().collect();
    let stale = |place: &&Place| known(place).is_some_and(|k| k.seen + SEEN_AGAIN <= now || moved(k, place));
    let places: Vec<Place> = one.opening.places.iter().filter(stale).chain(&fresh).cloned().collect();
    let fingerprints: Vec<String> =
        one.opening.fingerprints.iter().filter(|print| !case.opening.fingerprints.contains(print)).cloned().collect();
    let mut bodies = Vec::new();
    let appeared = !fresh.is_empty();
    if !places.is_empty() || !fingerprints.is_empty() {
        bodies.push(Body::PlacesJoined { places, fingerprints });
    }
    let lives = one.verification.as_ref().is_some_and(Verification::proves_life);
    let judged = matches!(case.outcome, Some((Outcome::False | Outcome::Test, _)));
    let why = match case.stage {
        Stage::Closed if lives => Some(Reopening::LivesAgain),
        // What a person judged to be no credential stays judged, wherever else it turns up.
        Stage::Closed if appeared && !judged => Some(Reopening::Appeared),
        _ => None,
    };
    match why {
        Some(why) => {
            bodies.push(Body::CaseReopened { why });
            (How::Reopened(why), bodies)
        }
        None => (How::Joined, bodies),
    }
}

/// Whether more, or something else, is known of a place than was.
fn moved(known: &Place, now: &Place) -> bool {
    let commit = now.commit.is_some() && now.commit != known.commit;
    let presence = now.presence.is_some() && now.presence != known.presence;
    known.line != now.line || commit || presence
}

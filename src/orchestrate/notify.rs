//! Notices: which a case needs, when each goes out, and what becomes of it. A notice has an id made of what it says about which case to
//! whom, the same for every try; it is delivered, or kept among the dead letters. The first that reaches a resolved owner is
//! when they were told.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::follow::{DIGEST, ESCALATE, NOTICE};
use super::outside::{Channel, Outside, OutsideError, tells_owner, tier};
use super::routes::{About, Due, due};
use super::task::changes;
use super::{CommandError, Orchestrator};
use crate::ledger::{Job, NewJob};
use crate::model::canonical::digest;
use crate::model::case::{Approval, ApprovalState, Case, CaseNumber, Stage};
use crate::model::event::{Body, NewEvent, NoticeKind};

/// After how many seconds a notice is tried again, each time that it failed; then it is a dead letter.
pub const WAITS: [i64; 7] = [5, 60, 300, 1800, 7200, 18_000, 36_000];
/// The most notices in one.
const TOGETHER: usize = 200;

/// A notice that a case needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    case: CaseNumber,
    what: NoticeKind,
    about: String,
    route: String,
    id: String,
    due: Due,
    now: i64,
}

/// More notices at once along one route than this are one message: whoever gets a thousand reads none.
const STORM: usize = 20;

/// The jobs of notices that are new. Where many would go out at once along one route, they go together.
pub(super) fn jobs(all: Vec<Wanted>) -> Vec<NewJob> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for one in all.iter().filter(|one| one.due == Due::Now) {
        *counts.entry(one.route.clone()).or_default() += 1;
    }
    let many = |one: &Wanted| one.due == Due::Now && counts.get(&one.route).is_some_and(|count| *count > STORM);
    let together = |one: Wanted| if many(&one) { Wanted { due: Due::Digest(one.now), ..one } } else { one };
    all.into_iter().map(together).map(Wanted::job).collect()
}

impl Wanted {
    /// What makes it the same as another.
    pub(super) fn dedupe(&self) -> String {
        format!("{NOTICE}:{}", self.id)
    }

    /// The job that delivers it.
    pub(super) fn job(self) -> NewJob {
        let (what, due, slot) = match self.due {
            Due::Now => (NOTICE, self.now, None),
            Due::At(at) => (NOTICE, at, None),
            Due::Digest(at) => (DIGEST, at, Some(at)),
        };
        let payload = json!({
            "notice": self.id, "route": self.route, "what": self.what, "about": self.about, "slot": slot,
        });
        let dedupe = self.dedupe();
        NewJob { what: what.to_owned(), dedupe, case: Some(self.case), payload, due }
    }
}

/// The notices that a case needs as it stands; those that it had are among them, under the same ids.
pub(super) fn wanted(outside: &Outside<'_>, store: &str, case: &Case, now: i64) -> Vec<Wanted> {
    let mut all = Vec::new();
    let round = case.reopened.to_string();
    if case.stage.is_open() {
        let what = if case.reopened == 0 { NoticeKind::Opened } else { NoticeKind::Reopened };
        all.push((what, round.clone()));
    }
    // Whoever was told nothing hears no more of it.
    if case.notices.iter().any(|notice| notice.failed.is_none()) {
        let changes = changes(case).filter(|(before, _, at)| before.is_some() && *at > case.since).last();
        if let Some((_, place, _)) = changes.filter(|_| case.stage.is_open()) {
            all.push((NoticeKind::Verdict, place.to_string()));
        }
        if case.stage == Stage::Closed {
            all.push((NoticeKind::Closed, round));
        }
    }
    for approval in case.approvals.iter().filter(|a| a.state == ApprovalState::Waiting) {
        all.push((NoticeKind::Approval, approval.request.id.clone()));
    }
    let wanted = |(what, about): (NoticeKind, String)| {
        let channels = outside.channels_for(case, what);
        let one = |channel: &Channel| Wanted {
            case: case.number,
            what,
            route: channel.route.name.clone(),
            id: id(store, case.number, what, &about, &channel.route.name),
            about: about.clone(),
            due: when(channel, case, what, now),
            now,
        };
        channels.into_iter().map(one).collect::<Vec<_>>()
    };
    all.into_iter().flat_map(wanted).collect()
}

/// A notice's id: of letters and digits.
fn id(store: &str, case: CaseNumber, what: NoticeKind, about: &str, route: &str) -> String {
    let hash = digest([store, &case.to_string(), what.as_str(), about, route]);
    let digits: String = hash.trim_start_matches("sha256:").chars().take(32).collect();
    format!("notice-{digits}")
}

fn when(channel: &Channel, case: &Case, what: NoticeKind, now: i64) -> Due {
    due(&channel.route, &About { owner: None, tier: tier(case), severity: case.severity(), kind: what }, now)
}

/// What a job of a notice says.
struct Asked<'a> {
    number: CaseNumber,
    notice: &'a str,
    route: &'a str,
    what: NoticeKind,
    about: &'a str,
    slot: Option<i64>,
}

impl<'a> Asked<'a> {
    fn of(job: &'a Job) -> Option<Self> {
        let text = |name: &str| job.payload.get(name).and_then(Value::as_str);
        let what = text("what")?;
        Some(Self {
            number: job.case?,
            notice: text("notice")?,
            route: text("route")?,
            what: NoticeKind::ALL.into_iter().find(|kind| kind.as_str() == what)?,
            about: text("about")?,
            slot: job.payload.get("slot").and_then(Value::as_i64),
        })
    }

    /// Whether what it says is still so.
    fn stands(&self, case: &Case) -> bool {
        match self.what {
            NoticeKind::Opened | NoticeKind::Reopened => case.stage.is_open() && self.is_of_this_round(case),
            NoticeKind::Verdict => {
                let last = changes(case).last();
                case.stage.is_open() && last.is_some_and(|(_, place, _)| place.to_string() == self.about)
            }
            NoticeKind::Escalation => {
                case.stage.is_open() && case.acknowledged.is_none() && self.is_of_this_round(case)
            }
            NoticeKind::Approval => {
                let waits = |a: &Approval| a.state == ApprovalState::Waiting && a.request.id == self.about;
                case.approvals.iter().any(waits)
            }
            NoticeKind::Closed => case.stage == Stage::Closed && self.is_of_this_round(case),
            NoticeKind::Digest => true,
        }
    }

    /// Whether the case was not closed and opened again since.
    fn is_of_this_round(&self, case: &Case) -> bool {
        self.about == case.reopened.to_string()
    }

    /// That it was delivered; whether its owner was told by it is seen by who that is now.
    fn delivered(&self, outside: &Outside<'_>, case: &Case) -> NewEvent {
        let (notice, route) = (self.notice.to_owned(), self.route.to_owned());
        let to_owner = outside.channel(self.route).is_some_and(|channel| tells_owner(channel, case));
        let body = Body::NoticeDelivered { notice, route, what: self.what, to_owner };
        NewEvent::by_quell(Some(self.number), body)
    }

    fn failed(&self, why: &str) -> NewEvent {
        let (notice, route) = (self.notice.to_owned(), self.route.to_owned());
        let why: String = why.chars().take(500).collect();
        NewEvent::by_quell(Some(self.number), Body::NoticeFailed { notice, route, what: self.what, why })
    }
}

impl Orchestrator<'_> {
    /// Delivers the notice of a job, and ends the job. Whether there was still something to tell.
    ///
    /// # Errors
    /// Where it was not delivered, or the ledger cannot be written.
    pub async fn deliver(&self, outside: &Outside<'_>, job: &mut Job) -> Result<bool, OutsideError> {
        self.store.renew(job).await?;
        let asked = Asked::of(job).ok_or_else(|| OutsideError::Unknown("notice".to_owned()))?;
        let channel = outside.channel(asked.route).ok_or_else(|| OutsideError::Unknown(asked.route.to_owned()))?;
        let (case, now) = (self.case(asked.number).await?, self.store.now().await?);
        let stands = asked.stands(&case);
        // A try that failed may come back in quiet hours.
        if let Due::At(at) = when(channel, &case, asked.what, now)
            && stands
        {
            self.store.postpone(job, (at - now).max(1), false, "quiet hours").await?;
            return Ok(false);
        }
        if stands {
            let message = outside.words.notice(&case, asked.what, asked.notice, now);
            let sent = channel.notifier.send(&message).await;
            sent.map_err(|error| OutsideError::Notice { channel: asked.route.to_owned(), error })?;
        }
        self.ended(outside, &[(job, asked, stands, case)]).await?;
        Ok(stands)
    }

    /// Delivers jobs that wait for the same digest of the same route as one message, and ends them.
    ///
    /// # Errors
    /// As in [`Self::deliver`].
    pub async fn deliver_together(&self, outside: &Outside<'_>, jobs: &mut [Job]) -> Result<(), OutsideError> {
        for job in jobs.iter_mut() {
            self.store.renew(job).await?;
        }
        let mut all = Vec::new();
        for job in jobs.iter() {
            let Some(asked) = Asked::of(job) else { return Err(OutsideError::Unknown("notice".to_owned())) };
            let case = self.case(asked.number).await?;
            let stands = asked.stands(&case);
            all.push((job, asked, stands, case));
        }
        let Some((_, first, ..)) = all.first() else { return Ok(()) };
        let (route, slot) = (first.route.to_owned(), first.slot.unwrap_or(0));
        let channel = outside.channel(&route).ok_or_else(|| OutsideError::Unknown(route.clone()))?;
        // Each part is on record before the next goes out, and its id is made of its first notice: nobody else's is the same,
        // and what is tried again is the same part under the same id.
        for part in all.chunks(TOGETHER) {
            let told: Vec<_> = part.iter().filter(|told| told.2).map(|(_, a, _, c)| (c.clone(), a.what)).collect();
            let first = part.first().map_or("", |(_, asked, ..)| asked.notice);
            let hash = digest([self.store.id(), &route, &slot.to_string(), first]);
            let id = format!("digest-{}", hash.trim_start_matches("sha256:").get(..32).unwrap_or_default());
            if !told.is_empty() {
                let message = outside.words.digest(&told, &id, self.store.now().await?);
                let sent = channel.notifier.send(&message).await;
                sent.map_err(|error| OutsideError::Notice { channel: route.clone(), error })?;
            }
            self.ended(outside, part).await?;
        }
        Ok(())
    }

    /// That notices were delivered, with what follows on each: who is told when nobody acknowledges it.
    async fn ended(&self, outside: &Outside<'_>, all: &[(&Job, Asked<'_>, bool, Case)]) -> Result<(), OutsideError> {
        let mut tx = self.store.begin().await?;
        let now = tx.clock();
        for (job, asked, stands, case) in all {
            if *stands {
                tx.append(vec![asked.delivered(outside, case)]).await?;
                if let Some(next) = escalation(outside, asked, now) {
                    tx.queue(next).await?;
                }
            }
            tx.complete(job).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Says that notices were not delivered, by one try: they are tried again together, or kept among the dead letters; then
    /// whoever would be told later that nobody acknowledged them is told now. How many dead letters they are now.
    ///
    /// # Errors
    /// Where somebody else has one of the jobs by now, or the ledger cannot be written.
    pub async fn undelivered(
        &self,
        outside: &Outside<'_>,
        jobs: &[&Job],
        error: &OutsideError,
    ) -> Result<usize, OutsideError> {
        let told = error.to_string();
        let wait = |job: &Job| {
            let tried = usize::try_from(job.attempts - 1).ok().filter(|_| !error.is_permanent());
            tried.and_then(|tried| WAITS.get(tried)).copied()
        };
        let (again, dead): (Vec<&Job>, Vec<&Job>) = jobs.iter().partition(|job| wait(job).is_some());
        if let Some(longest) = again.iter().filter_map(|job| wait(job)).max() {
            let seconds = error.after().unwrap_or(0).max(longest);
            self.store.postpone_all(&again, seconds, true, &told).await?;
        }
        for job in &dead {
            let mut tx = self.store.begin().await?;
            if let Some(asked) = Asked::of(job) {
                tx.append(vec![asked.failed(&told)]).await?;
                if let Some(next) = escalation(outside, &asked, tx.clock()) {
                    tx.queue(NewJob { due: tx.clock(), ..next }).await?;
                }
            }
            tx.park(job, &told).await?;
            tx.commit().await?;
        }
        Ok(dead.len())
    }

    /// Tries a dead letter again, under the id that it had.
    ///
    /// # Errors
    /// Where it is none, the caller may not, or the ledger cannot be written.
    pub async fn retry(&self, id: i64) -> Result<(), OutsideError> {
        self.may_work().await?;
        let job = self.store.job(id).await?.filter(|job| job.state == "parked");
        let Some(job) = job.filter(|job| [NOTICE, DIGEST, super::follow::TASK].contains(&job.what.as_str())) else {
            let help = "`quell notice list` lists them";
            return Err(CommandError::usage(format!("there is no dead letter {id}"), help).into());
        };
        let dedupe = format!("{}:again-{id}", job.dedupe);
        let due = self.store.now().await?;
        let what = if job.what == DIGEST { NOTICE.to_owned() } else { job.what };
        let mut tx = self.store.begin().await?;
        tx.replace(id, NewJob { what, dedupe, case: job.case, payload: job.payload, due }).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Sees whether somebody acknowledged the case of a job; where nobody did, whoever comes next is told. Ends the job.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub async fn escalate(&self, outside: &Outside<'_>, job: &Job) -> Result<(), OutsideError> {
        let Some(number) = job.case else { return Ok(()) };
        let case = self.case(number).await?;
        let text = |name: &str| job.payload.get(name).and_then(Value::as_str).unwrap_or_default();
        let (to, about) = (text("to"), text("about"));
        let mut tx = self.store.begin().await?;
        if let Some(channel) = outside.channel(to)
            && case.stage.is_open()
            && case.acknowledged.is_none()
            && case.reopened.to_string() == about
        {
            let (what, about) = (NoticeKind::Escalation, about.to_owned());
            let id = id(self.store.id(), number, what, &about, to);
            let (route, now) = (channel.route.name.clone(), tx.clock());
            let due = when(channel, &case, what, now);
            tx.queue(Wanted { case: number, what, about, route, id, due, now }.job()).await?;
        }
        tx.complete(job).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The job that sees later whether somebody acknowledged what was delivered.
fn escalation(outside: &Outside<'_>, asked: &Asked<'_>, now: i64) -> Option<NewJob> {
    let again = matches!(asked.what, NoticeKind::Opened | NoticeKind::Reopened | NoticeKind::Escalation);
    let route = &outside.channel(asked.route).filter(|_| again)?.route;
    let (after, to) = route.escalates()?;
    Some(NewJob {
        what: ESCALATE.to_owned(),
        dedupe: format!("{ESCALATE}:{}", asked.notice),
        case: Some(asked.number),
        payload: json!({ "to": to, "about": asked.about }),
        due: now + after,
    })
}

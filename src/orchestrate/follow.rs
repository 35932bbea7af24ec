//! What follows from what happened: each case that an event is about may need a task, notices, and its next check. Nothing is done
//! here but to queue that, in the transaction that says how far the events were read; so nothing is left out, whoever stops
//! where, and the same is queued once, however often it is looked at.

use serde_json::json;

use super::notify::{self, Wanted};
use super::outside::{Outside, Tracker, is_told};
use super::schedule::{Anchor, Check};
use super::settings::{DAY, HOUR};
use super::{CommandError, Orchestrator};
use crate::ledger::{ATTEMPTS, Job, NewJob, Tx};
use crate::model::Why;
use crate::model::canonical::digest;
use crate::model::case::{Case, CaseNumber};

/// After how many seconds an issuer is asked again that could not be asked, the first time; then twice as many, and so on.
const SOON: i64 = 300;
/// What readers of the events are called: one for each set of trackers and channels. Where that set is another, all events are read
/// anew, so that who was added is told of what there is already.
const READER: &str = "follow";
/// What says in which hour cases were watched last.
const WATCH: &str = "watch";
/// For how long a case that is closed is watched: as long as it is asked about.
const WATCHED: i64 = 40 * DAY;
/// How many events are read at once.
const EVENTS: u32 = 5000;
/// Events that nobody needs to be told: what quell said outside, and what it was told there.
const OWN: [&str; 8] = [
    "answered",
    "claims-gathered",
    "command-heard",
    "notice-failed",
    "refused",
    "secret-sealed",
    "task-commented",
    "task-written",
];

/// Jobs that write a task.
pub const TASK: &str = "task";
/// Jobs that deliver a notice.
pub const NOTICE: &str = "notice";
/// Jobs that wait to be delivered together.
pub const DIGEST: &str = "digest";
/// Jobs that see whether somebody acknowledged a case.
pub const ESCALATE: &str = "escalate";
/// Jobs that ask an issuer again.
pub const CHECK: &str = "check";
/// Jobs that read what people write in tasks.
pub const LISTEN: &str = "listen";

impl Orchestrator<'_> {
    /// Queues what follows from the events since the last time. How many cases were looked at.
    ///
    /// # Errors
    /// Where the ledger cannot be read or written.
    pub async fn follow(&self, outside: &Outside<'_>) -> Result<u64, CommandError> {
        let mut count = 0;
        let reader = reader(outside);
        loop {
            let from = self.store.mark(&reader).await?;
            let touched = self.store.touched(from, EVENTS, &OWN).await?;
            if touched.last == from {
                return Ok(count);
            }
            let mut tx = self.store.begin().await?;
            let (mut jobs, mut wanted) = (Vec::new(), Vec::new());
            for number in &touched.cases {
                let Some(case) = tx.case(*number).await? else { continue };
                jobs.extend(self.following(outside, &case, touched.last, tx.clock()));
                if is_told(&case) {
                    wanted.extend(notify::wanted(outside, self.store.id(), &case, tx.clock()));
                }
                count += 1;
            }
            queue(&mut tx, jobs).await?;
            let new = self.unknown(wanted).await?;
            queue(&mut tx, notify::jobs(new)).await?;
            tx.set_mark(&reader, touched.last).await?;
            tx.commit().await?;
            if !touched.more {
                return Ok(count);
            }
        }
    }

    /// What is to be done about a case as it stands.
    fn following(&self, outside: &Outside<'_>, case: &Case, seq: i64, now: i64) -> Vec<NewJob> {
        let mut jobs = Vec::new();
        if is_told(case) && (outside.tracker(case).is_some() || !case.tasks.is_empty()) {
            let dedupe = format!("{TASK}:{}:{seq}", case.number);
            let payload = json!({ "since": now });
            jobs.push(NewJob { what: TASK.to_owned(), dedupe, case: Some(case.number), payload, due: now });
        }
        jobs.extend(check(case, now));
        jobs.extend(at_once(case, now));
        jobs
    }

    /// Those notices that were not queued before.
    async fn unknown(&self, wanted: Vec<Wanted>) -> Result<Vec<Wanted>, CommandError> {
        let mut new = Vec::new();
        for one in wanted {
            if !self.store.is_queued(&one.dedupe()).await? {
                new.push(one);
            }
        }
        Ok(new)
    }

    /// Looks, once an hour, for cases that have no check to come: theirs was given up, or came back from an export, or was due at a
    /// time that the clock is not near any more. Each has the next one of its schedule again.
    ///
    /// # Errors
    /// Where the ledger cannot be read or written.
    pub async fn watch(&self) -> Result<(), CommandError> {
        let now = self.store.now().await?;
        let hour = now.div_euclid(HOUR);
        if self.store.mark(WATCH).await? >= hour {
            return Ok(());
        }
        let mut after = CaseNumber(0);
        loop {
            let some = self.store.without_job(CHECK, after, now + WATCHED, now - WATCHED, 500).await?;
            let mut tx = self.store.begin().await?;
            for number in &some {
                let Some(case) = tx.case(*number).await? else { continue };
                let again =
                    check(&case, now).map(|job| NewJob { dedupe: format!("{}:again-{hour}", job.dedupe), ..job });
                queue(&mut tx, again.into_iter().collect()).await?;
            }
            match some.last() {
                Some(last) => after = *last,
                None => {
                    tx.set_mark(WATCH, hour).await?;
                    tx.commit().await?;
                    return Ok(());
                }
            }
            tx.commit().await?;
        }
    }

    /// Ends the job of a check and queues the next, whether this one was made or not: the checks of a case never end for want of
    /// an answer.
    ///
    /// # Errors
    /// Where somebody else has the job by now, or the ledger cannot be written.
    pub async fn checked(&self, job: &Job) -> Result<(), CommandError> {
        let mut tx = self.store.begin().await?;
        let now = tx.clock();
        if let Some(number) = job.case
            && let Some(case) = tx.case(number).await?
        {
            let next = Anchor::of(&case)
                .and_then(|anchor| anchor.next(now, seed(number)).map(|next| scheduled(&case, anchor, next)));
            queue(&mut tx, check(&case, now).into_iter().chain(next).collect()).await?;
        }
        tx.complete(job).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Puts a check off whose issuer could not be asked, for a reason that passes: it is asked again after 5, 10, 20 minutes and
    /// so on, while that is before the next check of the schedule. Whether it was put off. What a person waits for is not.
    ///
    /// # Errors
    /// Where somebody else has the job by now, or the ledger cannot be written.
    pub async fn put_off(&self, job: &Job, why: Why) -> Result<bool, CommandError> {
        let settles = job.payload.get("settles").is_some_and(serde_json::Value::is_string);
        let Some(number) = job.case.filter(|_| passes(why) && !settles && (1..ATTEMPTS).contains(&job.attempts)) else {
            return Ok(false);
        };
        let wait = SOON << (job.attempts - 1);
        let case = self.case(number).await?;
        let now = self.store.now().await?;
        let next = Anchor::of(&case).and_then(|anchor| anchor.next(now, seed(number)));
        if next.is_some_and(|next| next.due <= now + wait) {
            return Ok(false);
        }
        self.store.postpone(job, wait, true, why.sentence()).await?;
        Ok(true)
    }

    /// Whether the check that a job stands for is still to be made, and which time of the schedule it is one of. `None` where
    /// the case moved on without it.
    #[must_use]
    pub fn is_due(&self, case: &Case, job: &Job, now: i64) -> Option<Option<i64>> {
        let anchor = Anchor::of(case);
        let nominal = anchor.and_then(|anchor| anchor.nominal(now, seed(case.number)));
        let named = job.payload.get("anchor").and_then(|name| name.as_str());
        match named {
            // Out of turn, asked for by what happened: it stands where it is made.
            None => Some(None),
            Some(name) => (anchor.map(Anchor::name).as_deref() == Some(name)).then_some(nominal),
        }
    }

    /// Queues jobs in a transaction of their own.
    pub(super) async fn queued(&self, jobs: Vec<NewJob>) -> Result<(), CommandError> {
        let mut tx = self.store.begin().await?;
        queue(&mut tx, jobs).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The reader for these trackers and channels.
fn reader(outside: &Outside<'_>) -> String {
    let trackers = outside.trackers.iter().map(|tracker| {
        let Tracker { sink, teams, security, from, commands } = tracker;
        format!("{} {teams:?} {security} {} {commands}", sink.name(), from.as_str())
    });
    let channels = outside.channels.iter().map(|channel| format!("{:?}", channel.route));
    let all: Vec<String> = trackers.chain(channels).collect();
    let hash = digest(all.iter().map(String::as_str));
    format!("{READER}:{}", hash.trim_start_matches("sha256:").get(..16).unwrap_or_default())
}

/// Queues jobs, each once.
async fn queue(tx: &mut Tx, jobs: Vec<NewJob>) -> Result<(), CommandError> {
    for job in jobs {
        tx.queue(job).await?;
    }
    Ok(())
}

/// The next check of a case by the schedule: the last that nobody made in time, else the next that is to come.
fn check(case: &Case, now: i64) -> Option<NewJob> {
    let anchor = Anchor::of(case)?;
    let seed = seed(case.number);
    let asked = case.verdicts.last().map(|(_, at, _)| *at);
    let missed = anchor.last(now, seed).filter(|check| asked.is_none_or(|asked| asked < check.due));
    Some(scheduled(case, anchor, missed.or_else(|| anchor.next(now, seed))?))
}

/// The job of a check.
fn scheduled(case: &Case, anchor: Anchor, Check { nominal, due }: Check) -> NewJob {
    let dedupe = format!("{CHECK}:{}:{}:{nominal}", case.number, anchor.name());
    let payload = json!({ "anchor": anchor.name(), "nominal": nominal });
    NewJob { what: CHECK.to_owned(), dedupe, case: Some(case.number), payload, due }
}

/// Whether an issuer that could not be asked for that reason may be soon.
const fn passes(why: Why) -> bool {
    matches!(
        why,
        Why::NoAddress | Why::Unreachable | Why::Timeout | Why::RateLimited | Why::Outage | Why::ControlFailed
    )
}

/// Checks out of turn: after what a person says that they did, and where somebody closed a task.
fn at_once(case: &Case, now: i64) -> Vec<NewJob> {
    let job = |why: String, settles: Option<&str>| NewJob {
        what: CHECK.to_owned(),
        dedupe: format!("{CHECK}:{}:{why}", case.number),
        case: Some(case.number),
        payload: json!({ "settles": settles, "since": now }),
        due: now,
    };
    let asked = case.verdicts.last().map_or(0, |(_, at, _)| *at);
    let acted = case.acts.last().filter(|act| act.at >= asked).map(|act| job(format!("act-{}", act.at), None));
    let closed = case.tasks.iter().filter(|task| case.stage.is_open() && task.is_contested(case));
    let closed =
        closed.map(|task| job(format!("closed-{}-{}", task.task.name(), task.moved), Some(&task.task.tracker)));
    closed.chain(acted).collect()
}

/// What the jitter of a case's checks is made of.
fn seed(number: CaseNumber) -> u64 {
    number.0.unsigned_abs()
}

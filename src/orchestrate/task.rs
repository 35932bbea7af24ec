//! A case's task: opened where its owner works, kept up as the case moves, closed when the case is. One task a case, whatever a
//! tracker answers: one that was opened and not told is found by its marker, one that was told and not opened is missed, and
//! of two the older stays.

use super::outside::{Comment, Outside, OutsideError, TaskAbout, Tracker, is_told};
use super::settings::{DAY, HOUR};
use super::{CommandError, Orchestrator};
use crate::connectors::tracker::{Marker, Task, TaskSink, TaskText, TrackerError};
use crate::ledger::Job;
use crate::model::canonical::digest;
use crate::model::case::{ApprovalState, Case, CaseNumber, CaseTask, Stage};
use crate::model::event::{Body, NewEvent, TaskRef};
use crate::model::{Severity, Untrusted, Verdict};

/// How far back a tracker is searched for a task that may have been opened before: it may lag, and clocks differ.
const LAG: i64 = HOUR;

/// By when a credential is to be dealt with, from when the case was opened.
#[must_use]
pub const fn deadline(severity: Severity) -> i64 {
    match severity {
        Severity::Critical => DAY,
        Severity::High => 3 * DAY,
        Severity::Medium => 14 * DAY,
        Severity::Low | Severity::Info => 30 * DAY,
    }
}

/// A task at work: the case, its tracker, and the job that it is done for.
struct Desk<'a> {
    outside: &'a Outside<'a>,
    tracker: &'a Tracker,
    marker: Marker,
    case: Case,
    now: i64,
}

impl Desk<'_> {
    fn sink(&self) -> &dyn TaskSink {
        &*self.tracker.sink
    }

    fn name(&self) -> String {
        self.sink().name().to_owned()
    }

    fn failed(&self, error: TrackerError) -> OutsideError {
        OutsideError::Tracker { tracker: self.name(), error }
    }

    /// What the task says, and the hash of that.
    fn text(&self) -> (TaskText, String) {
        let about = TaskAbout {
            now: self.now,
            deadline: self.case.since + deadline(self.case.opening.severity),
            commands: self.tracker.commands,
        };
        let (title, body) = self.outside.words.task(&self.case, about, self.sink().format());
        let digest = digest([title.as_str(), body.as_str()]);
        let labels = vec![format!("severity: {}", self.case.opening.severity.as_str())];
        (TaskText { title, body, labels, due: Some(about.deadline), marker: self.marker.clone() }, digest)
    }
}

impl Orchestrator<'_> {
    /// Brings the task of a job's case up to what the case is, and ends the job.
    ///
    /// # Errors
    /// Where the tracker fails or the ledger cannot be written: what was done is on record, and the rest is done the next
    /// time.
    pub async fn sync_task(&self, outside: &Outside<'_>, job: &mut Job) -> Result<(), OutsideError> {
        if let Some(number) = job.case {
            let since = job.payload.get("since").and_then(serde_json::Value::as_i64).unwrap_or(0);
            self.synced(outside, number, since, job).await?;
        }
        let mut tx = self.store.begin().await?;
        tx.complete(job).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn synced(
        &self,
        outside: &Outside<'_>,
        number: CaseNumber,
        since: i64,
        job: &mut Job,
    ) -> Result<(), OutsideError> {
        let case = self.case(number).await?;
        let wanted = if is_told(&case) { outside.tracker(&case) } else { None };
        let Some((tracker, to_owner)) = wanted else { return Ok(()) };
        // The owner is told before anything is closed: a tracker that they left may not answer any more.
        let mut at = self.at(outside, tracker, case).await?;
        let known = at.case.task_of(tracker.sink.name()).is_some();
        if !known && at.case.stage.is_open() {
            self.opened(&at, to_owner, since, job).await?;
            at.case = self.case(number).await?;
        }
        if let Some(task) = at.case.task_of(tracker.sink.name()) {
            match self.kept_up(&at, job).await {
                Err(OutsideError::Tracker { error: TrackerError::Gone, .. })
                    if at.case.stage.is_open() && self.is_gone(&at, &task.task.key).await? =>
                {
                    // Somebody deleted it: the owner has a task all the same.
                    self.opened(&at, to_owner, since, job).await?;
                    at.case = self.case(number).await?;
                    self.kept_up(&at, job).await?;
                }
                other => other?,
            }
        }
        let case = self.case(number).await?;
        for old in case.tasks.iter().filter(|task| task.open && task.task.tracker != tracker.sink.name()) {
            let Some(left) = outside.tracker_named(&old.task.tracker) else { continue };
            let at = self.at(outside, left, case.clone()).await?;
            let to = Comment::Moved { to: tracker.sink.name().to_owned() };
            self.ends(&at, old, &to, "its owner works elsewhere", job).await?;
        }
        Ok(())
    }

    async fn kept_up(&self, at: &Desk<'_>, job: &mut Job) -> Result<(), OutsideError> {
        self.written(at, job).await?;
        self.told(at, job).await?;
        self.moved(at, job).await
    }

    async fn is_gone(&self, at: &Desk<'_>, key: &str) -> Result<bool, OutsideError> {
        Ok(at.sink().see(key).await.map_err(|e| at.failed(e))?.is_none())
    }

    async fn at<'a>(
        &self,
        outside: &'a Outside<'a>,
        tracker: &'a Tracker,
        case: Case,
    ) -> Result<Desk<'a>, OutsideError> {
        let marker = Marker::new(self.store.id(), &case.number.to_string());
        let marker =
            marker.map_err(|error| OutsideError::Tracker { tracker: tracker.sink.name().to_owned(), error })?;
        Ok(Desk { outside, tracker, marker, case, now: self.store.now().await? })
    }

    /// Finds the task that an earlier try opened, or opens it, and looks whether it is there.
    async fn opened(&self, at: &Desk<'_>, to_owner: bool, since: i64, job: &mut Job) -> Result<(), OutsideError> {
        let since = since.min(at.now) - LAG;
        let find = async || at.sink().find(&at.marker, since).await.map_err(|e| at.failed(e));
        let mut found = find().await?;
        let (text, digest) = at.text();
        let mut digest_now = String::new();
        if found.is_empty() {
            self.store.renew(job).await?;
            at.sink().create(&text).await.map_err(|e| at.failed(e))?;
            digest_now = digest;
            found = find().await?;
        }
        let Some(kept) = found.first().cloned() else {
            return Err(at.failed(TrackerError::Broken("it says that it made a task, and has none")));
        };
        for twin in found.iter().skip(1).filter(|twin| twin.open) {
            self.store.renew(job).await?;
            let comment = Comment::Duplicate { of: reference(at, &kept) };
            let body = at.outside.words.comment(&at.case, &comment, at.sink().format());
            let marker = at.marker.about("duplicate").map_err(|e| at.failed(e))?;
            at.sink().comment(&twin.key, &body, &marker).await.map_err(|e| at.failed(e))?;
            at.sink().set_open(&twin.key, false).await.map_err(|e| at.failed(e))?;
        }
        let mut bodies = vec![Body::TaskOpened { task: reference(at, &kept), to_owner }];
        if !digest_now.is_empty() {
            bodies.push(Body::TaskWritten { tracker: at.name(), digest: digest_now });
        }
        if !kept.open {
            let why = "it was closed before it was found".to_owned();
            bodies.push(Body::TaskMoved { tracker: at.name(), open: false, why, by: Some(String::new()) });
        }
        self.record(at.case.number, bodies).await?;
        Ok(())
    }

    /// Writes what the task says, where it says something else.
    async fn written(&self, at: &Desk<'_>, job: &mut Job) -> Result<(), OutsideError> {
        let (text, digest) = at.text();
        let Some(task) = at.case.task_of(at.sink().name()).filter(|task| task.digest != digest) else { return Ok(()) };
        self.store.renew(job).await?;
        at.sink().write(&task.task.key, &text).await.map_err(|e| at.failed(e))?;
        self.record(at.case.number, vec![Body::TaskWritten { tracker: at.name(), digest }]).await?;
        Ok(())
    }

    /// Comments on what has changed since the task was opened: verdicts, and what waits for approval.
    async fn told(&self, at: &Desk<'_>, job: &mut Job) -> Result<(), OutsideError> {
        let Some(task) = at.case.task_of(at.sink().name()) else { return Ok(()) };
        let mut all = Vec::new();
        // Only so many of its comments are remembered, and they are made in this order.
        let places = task.commented.iter().filter_map(|about| about.strip_prefix("verdict-")?.parse::<usize>().ok());
        let said = places.max().map_or(0, |last| last + 1).max(task.verdicts);
        for (before, place, _) in changes(&at.case).filter(|(_, place, _)| *place >= said) {
            all.push((format!("verdict-{place}"), Comment::Verdict { before, place }));
        }
        for approval in at.case.approvals.iter().filter(|a| a.state == ApprovalState::Waiting) {
            let request = approval.request.id.clone();
            all.push((format!("approval-{request}"), Comment::Approval { request }));
        }
        for (about, comment) in all {
            self.says(at, task, &about, &comment, job).await?;
        }
        Ok(())
    }

    /// Opens and closes the task with its case. What a person closed is for the check that follows on that.
    async fn moved(&self, at: &Desk<'_>, job: &mut Job) -> Result<(), OutsideError> {
        let Some(task) = at.case.task_of(at.sink().name()) else { return Ok(()) };
        match (at.case.stage, task.open) {
            (Stage::Closed, true) => self.ends(at, task, &Comment::Closed, "its case is closed", job).await,
            (stage, false) if stage.is_open() && !task.is_contested(&at.case) => {
                let round = format!("opened-{}-", at.case.reopened);
                let about = format!("{round}{}", task.moved);
                // One that goes on here, after it went on elsewhere, has the same case as before.
                let again = at.case.reopened > 0 && !task.commented.iter().any(|known| known.starts_with(&round));
                let (comment, why) = match again {
                    true => (Comment::Reopened, "its case is open again"),
                    false => (Comment::Back, "its owner works here again"),
                };
                self.begins(at, task, &about, &comment, why, job).await
            }
            _ => Ok(()),
        }
    }

    /// Opens a task again, with the reason.
    async fn begins(
        &self,
        at: &Desk<'_>,
        task: &CaseTask,
        about: &str,
        comment: &Comment,
        why: &str,
        job: &mut Job,
    ) -> Result<(), OutsideError> {
        // First the reason: once it is open on record, nobody comes back to give it.
        self.says(at, task, about, comment, job).await?;
        self.store.renew(job).await?;
        at.sink().set_open(&task.task.key, true).await.map_err(|e| at.failed(e))?;
        let body = Body::TaskMoved { tracker: at.name(), open: true, why: why.to_owned(), by: None };
        Ok(self.record(at.case.number, vec![body]).await?)
    }

    /// Closes a task, with the reason.
    async fn ends(
        &self,
        at: &Desk<'_>,
        task: &CaseTask,
        comment: &Comment,
        why: &str,
        job: &mut Job,
    ) -> Result<(), OutsideError> {
        self.says(at, task, &format!("closed-{}-{}", at.case.reopened, task.moved), comment, job).await?;
        self.store.renew(job).await?;
        at.sink().set_open(&task.task.key, false).await.map_err(|e| at.failed(e))?;
        let body = Body::TaskMoved { tracker: at.name(), open: false, why: why.to_owned(), by: None };
        self.record(at.case.number, vec![body]).await?;
        Ok(())
    }

    /// Comments on a task, once about the same.
    async fn says(
        &self,
        at: &Desk<'_>,
        task: &CaseTask,
        about: &str,
        comment: &Comment,
        job: &mut Job,
    ) -> Result<(), OutsideError> {
        if task.commented.iter().any(|known| known == about) {
            return Ok(());
        }
        self.store.renew(job).await?;
        let body = at.outside.words.comment(&at.case, comment, at.sink().format());
        let marker = at.marker.about(about).map_err(|e| at.failed(e))?;
        at.sink().comment(&task.task.key, &body, &marker).await.map_err(|e| at.failed(e))?;
        let (tracker, about) = (at.name(), about.to_owned());
        self.record(at.case.number, vec![Body::TaskCommented { tracker, about }]).await?;
        Ok(())
    }

    /// What comes of a task that a person closed, once its issuer was asked again: where the credential is proved dead, its case is
    /// closed if that person may close it; where it is not, it is an accepted risk if that person may accept it; else the task is open
    /// again, with the reason.
    ///
    /// # Errors
    /// As in [`Self::sync_task`].
    pub async fn settle(
        &self,
        outside: &Outside<'_>,
        tracker: &str,
        job: &mut Job,
        accepts: Option<&Orchestrator<'_>>,
    ) -> Result<(), OutsideError> {
        let Some(number) = job.case else { return Ok(()) };
        let case = self.case(number).await?;
        let tracker = outside.tracker_named(tracker).ok_or_else(|| OutsideError::Unknown(tracker.to_owned()))?;
        let at = self.at(outside, tracker, case).await?;
        let Some(task) = at.case.task_of(tracker.sink.name()).filter(|task| task.is_contested(&at.case)) else {
            return Ok(());
        };
        let accepted = format!("risk-{}", task.moved);
        if at.case.stage == Stage::RiskAccepted {
            return self.says(&at, task, &accepted, &Comment::RiskAccepted, job).await;
        }
        if !at.case.stage.is_open() {
            return Ok(());
        }
        let mut refusal = None;
        let is_dead = at.case.proof_of_death().is_some();
        if let (Some(person), true) = (accepts, is_dead) {
            // The proof is of a host that a configuration lists, so that a person has to close it: they did.
            match person.close(number).await {
                Ok(_) => return Ok(()),
                Err(CommandError::Refused { why, .. } | CommandError::Usage { why, .. }) => refusal = Some(why),
                Err(error) => return Err(error.into()),
            }
        }
        if let (Some(person), false) = (accepts, is_dead) {
            let until = self.store.now().await? + RISK_DAYS * DAY;
            let reason = format!("closed the task {}", task.task.name());
            match person.accept_risk(number, until, &reason).await {
                Ok(()) => {
                    let at = self.at(outside, tracker, self.case(number).await?).await?;
                    return self.says(&at, task, &accepted, &Comment::RiskAccepted, job).await;
                }
                Err(CommandError::Refused { why, .. } | CommandError::Usage { why, .. }) => refusal = Some(why),
                Err(error) => return Err(error.into()),
            }
        }
        let about = format!("not-dead-{}", task.moved);
        let by = task.closed_by.clone();
        let comment = Comment::NotDead { by, refused: refusal };
        let why = if is_dead { "its case is open" } else { "its issuer did not prove it dead" };
        self.begins(&at, task, &about, &comment, why, job).await
    }

    /// Answers a command that somebody wrote in a task, once.
    pub(super) async fn answers(
        &self,
        outside: &Outside<'_>,
        number: CaseNumber,
        tracker: &Tracker,
        about: &str,
        comment: &Comment,
        job: &mut Job,
    ) -> Result<(), OutsideError> {
        let at = self.at(outside, tracker, self.case(number).await?).await?;
        let Some(task) = at.case.task_of(tracker.sink.name()) else { return Ok(()) };
        self.says(&at, task, about, comment, job).await
    }

    /// Writes down what was done outside. Somebody else may have written about the case meanwhile: this is so all the same.
    pub(super) async fn record(&self, number: CaseNumber, bodies: Vec<Body>) -> Result<(), CommandError> {
        let mut tx = self.store.begin().await?;
        tx.append(bodies.into_iter().map(|body| NewEvent::by_quell(Some(number), body)).collect()).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// For how many days the risk is accepted by whoever closes a task and may accept it.
const RISK_DAYS: i64 = 30;

fn reference(at: &Desk<'_>, task: &Task) -> TaskRef {
    TaskRef { tracker: at.name(), key: task.key.clone(), url: Untrusted::from(task.url.as_str()) }
}

/// What a case's issuer said, where that was something else than before: the place of what was said before among all answers, its
/// own, and when it was said. That it could not be asked is no change.
pub(super) fn changes(case: &Case) -> impl Iterator<Item = (Option<usize>, usize, i64)> {
    let mut before: Option<(usize, Verdict)> = None;
    case.verdicts.iter().enumerate().filter_map(move |(place, (verification, ..))| {
        let now = verification.verdict;
        if !now.is_had() || before.is_some_and(|(_, known)| known == now) {
            return None;
        }
        Some((before.replace((place, now)).map(|(place, _)| place), place, verification.asked))
    })
}

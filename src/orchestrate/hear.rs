//! What people do in tasks: commands that they write, and tasks that they close. A command acts under the registered person whose account
//! wrote it, as the policy lets that person; whoever is not registered, a program, and a comment that was changed do nothing.

use serde_json::json;

use super::follow::LISTEN;
use super::outside::{Comment, Outside, OutsideError, Tracker};
use super::spoken::Spoken;
use super::{Caller, CommandError, Orchestrator};
use crate::connectors::tracker::{self, Account, TrackerError};
use crate::ledger::{Job, NewJob};
use crate::model::Untrusted;
use crate::model::case::{Case, CaseNumber, CaseTask};
use crate::model::event::Body;
use crate::model::owner::{Owner, OwnerKind};
use crate::model::principal::{Principal, Relayed};

/// How often a tracker is read, in seconds.
const EVERY: i64 = 60;
/// How far back it is read again: it may lag, and clocks differ.
const LAG: i64 = 300;
/// So many commands of people who are not registered are kept for a case.
const STRANGERS: usize = 20;
/// The longest text of a command that is kept.
const KEPT: usize = 1000;

impl Orchestrator<'_> {
    /// Queues the reading of each tracker, once for each minute.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub async fn listening(&self, outside: &Outside<'_>) -> Result<(), CommandError> {
        let now = self.store.now().await?;
        let job = |tracker: &Tracker| NewJob {
            what: LISTEN.to_owned(),
            dedupe: format!("{LISTEN}:{}:{}", tracker.sink.name(), now.div_euclid(EVERY)),
            case: None,
            payload: json!({ "tracker": tracker.sink.name() }),
            due: now,
        };
        self.queued(outside.trackers.iter().map(job).collect()).await
    }

    /// Reads what changed in a tracker since the last time, and ends the job. How many commands were heard.
    ///
    /// # Errors
    /// Where the tracker fails, or the ledger cannot be written. What was heard is heard.
    pub async fn listen(&self, outside: &Outside<'_>, job: &mut Job) -> Result<u64, OutsideError> {
        let name = job.payload.get("tracker").and_then(|name| name.as_str()).unwrap_or_default().to_owned();
        let tracker = outside.tracker_named(&name).ok_or_else(|| OutsideError::Unknown(name.clone()))?;
        let failed = |error: TrackerError| OutsideError::Tracker { tracker: name.clone(), error };
        let mark = format!("heard:{name}");
        let now = self.store.now().await?;
        let since = self.store.mark(&mark).await? - LAG;
        let mut heard = 0;
        for key in tracker.sink.changed(since).await.map_err(failed)? {
            self.store.renew(job).await?;
            let found = self.store.with_fact(Some("task"), &format!("{name}#{key}")).await?;
            let Some((number, _)) = found.first() else { continue };
            heard += self.read(outside, tracker, *number, since).await?;
        }
        let mut tx = self.store.begin().await?;
        tx.set_mark(&mark, now).await?;
        tx.complete(job).await?;
        tx.commit().await?;
        Ok(heard)
    }

    /// Reads a task: whether somebody closed it, and what they wrote.
    async fn read(
        &self,
        outside: &Outside<'_>,
        tracker: &Tracker,
        number: CaseNumber,
        since: i64,
    ) -> Result<u64, OutsideError> {
        let name = tracker.sink.name();
        let failed = |error: TrackerError| OutsideError::Tracker { tracker: name.to_owned(), error };
        let case = self.case(number).await?;
        let Some(task) = case.task_of(name) else { return Ok(0) };
        let key = task.task.key.clone();
        let mut heard = 0;
        if tracker.commands {
            for comment in tracker.sink.comments(&key, since).await.map_err(failed)? {
                heard += self.comment(outside, number, task, &comment).await?;
            }
        }
        let case = self.case(number).await?;
        let Some(task) = case.task_of(name) else { return Ok(heard) };
        if let Some(seen) = tracker.sink.see(&key).await.map_err(failed)?
            && !seen.open
            && task.open
            && case.stage.is_open()
        {
            let by = seen.closed_by.map(|account| account.name).unwrap_or_default();
            let why = "somebody closed it".to_owned();
            let body = Body::TaskMoved { tracker: name.to_owned(), open: false, why, by: Some(by) };
            self.record(number, vec![body]).await?;
        }
        Ok(heard)
    }

    /// Hears a comment, once.
    async fn comment(
        &self,
        outside: &Outside<'_>,
        number: CaseNumber,
        task: &CaseTask,
        comment: &tracker::Comment,
    ) -> Result<u64, OutsideError> {
        if comment.own {
            return Ok(0);
        }
        let mut heard = 0;
        for (place, (line, command)) in Spoken::all(&comment.text).into_iter().enumerate() {
            let id = format!("{}#{}-{place}", task.task.name(), comment.id);
            let case = self.case(number).await?;
            if case.heard.iter().any(|(known, _)| *known == id) {
                continue;
            }
            let speaker = self.speaker(&comment.account, comment.edited, &id).await?;
            let strangers = case.heard.iter().filter(|(_, registered)| !registered).count();
            if speaker.is_err() && strangers >= STRANGERS {
                continue;
            }
            let registered = speaker.is_ok();
            let refused = match speaker {
                Ok(caller) => self.does(&caller, &case, command).await?,
                Err(why) => Some(why.to_owned()),
            };
            let line: String = line.chars().take(KEPT).collect();
            let body = Body::CommandHeard {
                comment: id.clone(),
                account: Untrusted::from(comment.account.name.as_str()),
                text: Untrusted::from(line.as_str()),
                registered,
                answer: refused.clone().unwrap_or_else(|| "done".to_owned()),
            };
            self.record(number, vec![body]).await?;
            heard += 1;
            // Strangers are not answered: whoever wants a task full of comments would write many.
            if registered {
                let answer = Comment::Answer { account: comment.account.name.clone(), text: line, refused };
                self.answers(outside, number, task, &format!("{}-{place}", comment.id), &answer).await?;
            }
        }
        Ok(heard)
    }

    /// Whom a comment speaks for, or why for nobody.
    async fn speaker(
        &self,
        account: &Account,
        edited: bool,
        comment: &str,
    ) -> Result<Result<Caller, &'static str>, OutsideError> {
        if edited {
            return Ok(Err("the comment was changed after it was written"));
        }
        if account.bot {
            return Ok(Err("a program wrote it"));
        }
        let people = self.store.people().await?;
        let own = |person: &&Principal| person.is_active() && person.is_account(&account.name);
        let Some(person) = people.iter().find(own) else { return Ok(Err("nobody is registered with this account")) };
        Ok(self.relayed(person, &account.name, comment).ok_or("whoever runs this is no relay"))
    }

    /// The caller that a registered person is in a tracker, where whoever runs this is a relay.
    #[must_use]
    pub fn relayed(&self, person: &Principal, account: &str, comment: &str) -> Option<Caller> {
        let relay = self.caller.principal.as_ref().filter(|relay| relay.relays())?;
        let relayed = Relayed {
            person: person.id.clone(),
            account: account.to_owned(),
            comment: comment.to_owned(),
            by: relay.id.clone(),
        };
        Some(Caller {
            principal: Some(person.clone()),
            key: self.caller.key.clone(),
            name: person.id.as_str().to_owned(),
            as_kind: None,
            relayed: Some(relayed),
        })
    }

    /// Whoever closed a task, as a caller; where that is a registered person and whoever runs this is a relay.
    ///
    /// # Errors
    /// Where the tracker or the ledger cannot be read.
    pub async fn closer(
        &self,
        outside: &Outside<'_>,
        case: &Case,
        tracker: &str,
    ) -> Result<Option<Caller>, OutsideError> {
        let Some((tracker, task)) = outside.tracker_named(tracker).zip(case.task_of(tracker)) else { return Ok(None) };
        let failed = |error: TrackerError| OutsideError::Tracker { tracker: tracker.sink.name().to_owned(), error };
        let seen = tracker.sink.see(&task.task.key).await.map_err(failed)?;
        let Some(account) = seen.and_then(|seen| seen.closed_by).filter(|account| !account.bot) else {
            return Ok(None);
        };
        let people = self.store.people().await?;
        let own = |person: &&Principal| person.is_active() && person.is_account(&account.name);
        let comment = format!("{}#closed-{}", task.task.name(), task.moved);
        Ok(people.iter().find(own).and_then(|person| self.relayed(person, &account.name, &comment)))
    }

    /// Does what a person wrote, as that person. Why not, where it was refused.
    async fn does(&self, caller: &Caller, case: &Case, command: Spoken) -> Result<Option<String>, OutsideError> {
        let office = Orchestrator { caller, ..*self };
        let number = case.number;
        let done = match command {
            Spoken::Approve(hash) => office.approve(number, &hash).await.map(drop),
            Spoken::Reject(reason) => office.reject(number, None, &reason).await,
            Spoken::Owner(team) => {
                let owner = Owner { kind: OwnerKind::Team, name: Untrusted::from(team.as_str()) };
                let done = office.assign(number, owner, "named in the task").await;
                match done {
                    Ok(()) => self.decide(number).await.map(drop),
                    refused => refused,
                }
            }
            Spoken::AcceptRisk { until, reason } => office.accept_risk(number, until, &reason).await,
            Spoken::Acknowledge => office.acknowledge(number).await,
            Spoken::Done { action, cause, reason } => office.did(number, action, cause, &reason).await,
            Spoken::Wrong(help) => return Ok(Some(help)),
        };
        match done {
            Ok(()) => Ok(None),
            Err(error @ (CommandError::Refused { .. } | CommandError::Usage { .. } | CommandError::NoCase(_))) => {
                Ok(Some(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

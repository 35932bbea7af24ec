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
use crate::model::case::{Case, CaseNumber};
use crate::model::event::{Body, Event, NewEvent};
use crate::model::owner::{Owner, OwnerKind};
use crate::model::principal::{Actor, Principal, Relayed};

/// How far a tracker's clock may be ahead.
const DAY: i64 = 86_400;
/// How often a tracker is read, in seconds.
const EVERY: i64 = 60;
/// How far back it is read again: it may lag, and clocks differ.
const LAG: i64 = 300;
/// So many commands of people who are not registered are kept for a case.
const STRANGERS: usize = 20;
/// The longest text of a command that is kept.
const KEPT: usize = 1000;

/// What is on record of a command that was done.
const DONE: &str = "done";

/// Whom a comment speaks for.
enum Speaker {
    /// A registered person, as a caller.
    Person(Box<Caller>),
    /// A registered person, who is not heard here; why.
    Unheard(&'static str),
    /// Nobody who is known; why.
    Nobody(&'static str),
}

impl Speaker {
    const fn is_registered(&self) -> bool {
        !matches!(self, Self::Nobody(_))
    }
}

impl Orchestrator<'_> {
    /// Queues the reading of each tracker: one job for each, which is done again and again, so that the record does not
    /// grow where nothing happens. `at_once` does not wait for the next time.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub async fn listening(&self, outside: &Outside<'_>, at_once: bool) -> Result<(), CommandError> {
        let now = self.store.now().await?;
        let job = |tracker: &Tracker| NewJob {
            what: LISTEN.to_owned(),
            dedupe: format!("{LISTEN}:{}", tracker.sink.name()),
            case: None,
            payload: json!({ "tracker": tracker.sink.name() }),
            due: now,
        };
        let jobs: Vec<NewJob> = outside.trackers.iter().map(job).collect();
        let named: Vec<String> = jobs.iter().map(|job| job.dedupe.clone()).collect();
        self.queued(jobs).await?;
        for dedupe in &named {
            self.store.hasten(dedupe, if at_once { 0 } else { EVERY }).await?;
        }
        Ok(())
    }

    /// Reads what changed in a tracker since the last time, and gives the job back for the next. How many commands were heard.
    ///
    /// # Errors
    /// Where the tracker fails, or the ledger cannot be written. What was heard is heard.
    pub async fn listen(&self, outside: &Outside<'_>, job: &mut Job) -> Result<u64, OutsideError> {
        let name = job.payload.get("tracker").and_then(|name| name.as_str()).unwrap_or_default().to_owned();
        let tracker = outside.tracker_named(&name).ok_or_else(|| OutsideError::Unknown(name.clone()))?;
        let failed = |error: TrackerError| OutsideError::Tracker { tracker: name.clone(), error };
        let (mark, last) = (format!("heard:{name}"), format!("changed:{name}"));
        let now = self.store.now().await?;
        let since = self.store.mark(&mark).await? - LAG;
        let (mut heard, mut seen, mut trouble) = (0, self.store.mark(&last).await?, None);
        for key in tracker.sink.changed(since).await.map_err(failed)? {
            self.store.renew(job).await?;
            let Some(number) = self.store.case_of_task(&format!("{name}#{key}")).await? else { continue };
            match self.read(outside, tracker, number, since, job).await {
                Ok((count, changed)) => {
                    heard += count;
                    seen = seen.max(changed.filter(|at| *at <= now + DAY).unwrap_or(0));
                }
                // A task that is gone says no more, and the others do.
                Err(OutsideError::Tracker { error, .. }) if error.is_permanent() => {}
                Err(error @ OutsideError::Tracker { .. }) => trouble = Some(error),
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = trouble {
            return Err(error);
        }
        let mut tx = self.store.begin().await?;
        tx.set_mark(&last, seen).await?;
        // By the tracker's own time, where ours is ahead of it: what is written there meanwhile is heard.
        tx.set_mark(&mark, now.min(seen + LAG)).await?;
        tx.commit().await?;
        self.listened(job).await?;
        Ok(heard)
    }

    /// Gives the job of reading a tracker back for the next time.
    ///
    /// # Errors
    /// Where somebody else has it by now, or the ledger cannot be written.
    pub async fn listened(&self, job: &Job) -> Result<(), OutsideError> {
        self.store.postpone(job, EVERY, false, "").await?;
        Ok(())
    }

    /// Reads a task: whether somebody closed it, and what they wrote.
    async fn read(
        &self,
        outside: &Outside<'_>,
        tracker: &Tracker,
        number: CaseNumber,
        since: i64,
        job: &mut Job,
    ) -> Result<(u64, Option<i64>), OutsideError> {
        let name = tracker.sink.name();
        let failed = |error: TrackerError| OutsideError::Tracker { tracker: name.to_owned(), error };
        let case = self.case(number).await?;
        let Some(task) = case.task_of(name) else { return Ok((0, None)) };
        let key = task.task.key.clone();
        // Before its comments: one that is written meanwhile is younger than this.
        let Some(seen) = tracker.sink.see(&key).await.map_err(failed)? else { return Ok((0, None)) };
        let mut heard = 0;
        if tracker.commands {
            for comment in tracker.sink.comments(&key, since).await.map_err(failed)? {
                heard += self.comment(outside, number, tracker, &comment, job).await?;
            }
        }
        let case = self.case(number).await?;
        if case.task_of(name).is_some_and(|task| task.open) && !seen.open {
            // Where nobody has to do anything about the case, it claims nothing.
            let by = seen.closed_by.map(|account| account.name).unwrap_or_default();
            let by = Some(by).filter(|_| case.stage.is_open());
            let why = "somebody closed it".to_owned();
            self.record(number, vec![Body::TaskMoved { tracker: name.to_owned(), open: false, why, by }]).await?;
        }
        Ok((heard, Some(seen.updated)))
    }

    /// Hears a comment, once.
    async fn comment(
        &self,
        outside: &Outside<'_>,
        number: CaseNumber,
        tracker: &Tracker,
        comment: &tracker::Comment,
        job: &mut Job,
    ) -> Result<u64, OutsideError> {
        if comment.own {
            return Ok(0);
        }
        let mut heard = 0;
        for (place, (line, command)) in Spoken::all(&comment.text).into_iter().enumerate() {
            let about = format!("answer-{}-{place}", comment.id);
            let case = self.case(number).await?;
            let Some(task) = case.task_of(tracker.sink.name()) else { break };
            let id = format!("{}#{}-{place}", task.task.name(), comment.id);
            let known = case.heard.iter().find(|(known, _)| *known == id).map(|(_, registered)| *registered);
            // Whoever is not registered is not answered: they would fill a task with that. What was answered is over.
            if known == Some(false) || known.is_some() && task.commented.contains(&about) {
                continue;
            }
            let line: String = line.chars().take(KEPT).collect();
            let (registered, refused) = match known {
                Some(registered) => (registered, self.answer(number, &id).await?),
                None => {
                    let strangers = case.heard.iter().filter(|(_, registered)| !registered).count();
                    let speaker = self.speaker(&comment.account, comment.edited, &id).await?;
                    if !speaker.is_registered() && strangers >= STRANGERS {
                        continue;
                    }
                    let (registered, refused) = self.acted(speaker, &case, &id, command).await?;
                    let body = Body::CommandHeard {
                        comment: id.clone(),
                        account: Untrusted::from(comment.account.name.as_str()),
                        text: Untrusted::from(line.as_str()),
                        registered,
                        answer: refused.clone().unwrap_or_else(|| DONE.to_owned()),
                    };
                    if self.hears(number, &id, body).await? {
                        heard += 1;
                    }
                    (registered, refused)
                }
            };
            if registered {
                let answer = Comment::Answer { account: comment.account.name.clone(), text: line, refused };
                self.answers(outside, number, tracker, &about, &answer, job).await?;
            }
        }
        Ok(heard)
    }

    /// Writes down what was heard, unless somebody else did meanwhile. Whether it was written.
    async fn hears(&self, number: CaseNumber, id: &str, body: Body) -> Result<bool, OutsideError> {
        let mut tx = self.store.begin().await?;
        if tx.case(number).await?.is_some_and(|case| case.heard.iter().any(|(known, _)| known == id)) {
            return Ok(false);
        }
        tx.append(vec![NewEvent::by_quell(Some(number), body)]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// What became of a command that was heard before: why it was refused, or nothing where it was done.
    async fn answer(&self, number: CaseNumber, id: &str) -> Result<Option<String>, OutsideError> {
        let events = self.store.events(0, u32::MAX, Some(number)).await?;
        let answer = events.into_iter().find_map(|event| match event.body {
            Body::CommandHeard { comment, answer, .. } if comment == id => Some(answer),
            _ => None,
        });
        Ok(answer.filter(|answer| answer != DONE))
    }

    /// Does what a comment says, for whom it speaks. Whether that is a registered person, and why not where it was refused.
    async fn acted(
        &self,
        speaker: Speaker,
        case: &Case,
        id: &str,
        command: Spoken,
    ) -> Result<(bool, Option<String>), OutsideError> {
        let caller = match speaker {
            Speaker::Person(caller) => caller,
            Speaker::Unheard(why) => return Ok((true, Some(why.to_owned()))),
            Speaker::Nobody(why) => return Ok((false, Some(why.to_owned()))),
        };
        // Somebody may have done it, and gone away before it was written down as heard.
        let done = |event: &Event| matches!(&event.actor, Actor::Relayed(relayed) if relayed.comment == id);
        if self.store.events(0, u32::MAX, Some(case.number)).await?.iter().any(done) {
            return Ok((true, None));
        }
        Ok((true, self.does(&caller, case, command).await?))
    }

    /// Whom a comment speaks for.
    async fn speaker(&self, account: &Account, edited: bool, comment: &str) -> Result<Speaker, OutsideError> {
        if edited {
            return Ok(Speaker::Nobody("the comment was changed after it was written"));
        }
        if account.bot {
            return Ok(Speaker::Nobody("a program wrote it"));
        }
        let people = self.store.people().await?;
        let own = |person: &&Principal| person.is_active() && person.is_account(&account.name);
        let Some(person) = people.iter().find(own) else {
            return Ok(Speaker::Nobody("nobody is registered with this account"));
        };
        let relayed = self.relayed(person, &account.name, comment).map(Box::new);
        Ok(relayed.map_or(Speaker::Unheard("whoever runs this is no relay"), Speaker::Person))
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

//! What is done about a case outside of the ledger: tasks, notices, and what people say that they did.

use serde::{Deserialize, Serialize};

use super::super::action::Action;
use super::super::event::{Body, Event, NoticeKind, RestoreCause, TaskRef};
use super::super::principal::Actor;
use super::Case;

/// So many of the last comments and notices are remembered.
const REMEMBERED: usize = 100;

/// A task of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseTask {
    /// It.
    pub task: TaskRef,
    /// Since when it is known, in seconds since 1970 UTC.
    pub since: i64,
    /// Whether it is open.
    pub open: bool,
    /// Who closed it, as the tracker names them, where that was not quell; empty where it does not say.
    pub closed_by: Option<String>,
    /// When it was opened or closed last, in seconds since 1970 UTC.
    pub moved: i64,
    /// Hash of what it says; empty before it was written by quell the first time.
    pub digest: String,
    /// What it was commented on, the newest last.
    pub commented: Vec<String>,
    /// How many answers of its issuer the case had when the task was opened: those it does not need a comment on.
    #[serde(default)]
    pub verdicts: usize,
}

impl CaseTask {
    /// Whether somebody closed it since its case was opened last: a claim that is to be checked. One that was closed before, with
    /// the risk accepted, is just to be opened again.
    #[must_use]
    pub const fn is_contested(&self, case: &Case) -> bool {
        self.closed_by.is_some() && !self.open && self.moved >= case.since
    }
}

/// A notice that was delivered, or given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseNotice {
    /// Its id.
    pub id: String,
    /// The route.
    pub route: String,
    /// What it says.
    pub what: NoticeKind,
    /// When, in seconds since 1970 UTC.
    pub at: i64,
    /// Why it was given up; `None` where it was delivered.
    pub failed: Option<String>,
}

/// What a person says that they did about the credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedAct {
    /// What.
    pub action: Action,
    /// Why, or how.
    pub reason: String,
    /// What made a restoration necessary.
    pub cause: Option<RestoreCause>,
    /// Who.
    pub by: Actor,
    /// When they said so, in seconds since 1970 UTC.
    pub at: i64,
}

impl Case {
    /// Takes an event about tasks, notices or what people did; whether it was one.
    pub(super) fn worked(&mut self, event: &Event) -> bool {
        match &event.body {
            Body::TaskOpened { task, to_owner } => {
                self.task(task, event.at);
                if *to_owner {
                    self.notified.get_or_insert(event.at);
                }
            }
            Body::TaskWritten { tracker, digest } => {
                if let Some(task) = self.task_in(tracker) {
                    task.digest.clone_from(digest);
                }
            }
            Body::TaskCommented { tracker, about } => {
                if let Some(task) = self.task_in(tracker) {
                    remember(&mut task.commented, about.clone());
                }
            }
            Body::TaskMoved { tracker, open, by, .. } => {
                if let Some(task) = self.task_in(tracker) {
                    (task.open, task.moved) = (*open, event.at);
                    task.closed_by = by.clone().filter(|_| !*open);
                }
            }
            Body::NoticeDelivered { notice, route, what, to_owner } => {
                self.told(notice, route, *what, event.at, None);
                if *to_owner {
                    self.notified.get_or_insert(event.at);
                }
            }
            Body::NoticeFailed { notice, route, what, why } => {
                self.told(notice, route, *what, event.at, Some(why.clone()));
            }
            Body::ActReported { action, reason, cause } => self.acts.push(ReportedAct {
                action: *action,
                reason: reason.clone(),
                cause: *cause,
                by: event.actor.clone(),
                at: event.at,
            }),
            Body::CommandHeard { comment, registered, .. } => self.heard.push((comment.clone(), *registered)),
            Body::Acknowledged => {}
            _ => return false,
        }
        true
    }

    /// Whoever works on a case looks after it.
    pub(super) fn acknowledge(&mut self, event: &Event) {
        if event.actor.principal().is_some() && event.body.acknowledges() && self.acknowledged.is_none() {
            self.acknowledged = Some((event.at, event.actor.clone()));
        }
    }

    /// The task in a tracker.
    #[must_use]
    pub fn task_of(&self, tracker: &str) -> Option<&CaseTask> {
        self.tasks.iter().find(|task| task.task.tracker == tracker)
    }

    fn task_in(&mut self, tracker: &str) -> Option<&mut CaseTask> {
        self.tasks.iter_mut().find(|task| task.task.tracker == tracker)
    }

    fn task(&mut self, task: &TaskRef, at: i64) {
        let new = CaseTask {
            task: task.clone(),
            since: at,
            open: true,
            closed_by: None,
            moved: at,
            digest: String::new(),
            commented: Vec::new(),
            verdicts: self.verdicts.len(),
        };
        match self.task_in(&task.tracker) {
            Some(known) => *known = new,
            None => self.tasks.push(new),
        }
    }

    fn told(&mut self, id: &str, route: &str, what: NoticeKind, at: i64, failed: Option<String>) {
        let (id, route) = (id.to_owned(), route.to_owned());
        self.notices.retain(|known| known.id != id);
        remember(&mut self.notices, CaseNotice { id, route, what, at, failed });
    }
}

fn remember<T>(all: &mut Vec<T>, one: T) {
    if all.len() >= REMEMBERED {
        all.remove(0);
    }
    all.push(one);
}

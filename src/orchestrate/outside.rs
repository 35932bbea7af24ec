//! Who is told outside of the ledger, and in what words: trackers, channels, and what writes the texts. All of it comes from
//! an administrator's configuration; what is written where, and when, is decided here.

use super::CommandError;
use super::routes::{About, Route, routes, same};
use crate::connectors::notice::{Message, NoticeError, Notifier};
use crate::connectors::tracker::{TaskFormat, TaskSink, TrackerError};
use crate::ledger::LedgerError;
use crate::model::Severity;
use crate::model::action::{Action, Tier};
use crate::model::case::{ApprovalState, Case};
use crate::model::event::{NoticeKind, TaskRef};

/// A tracker with what it is for.
pub struct Tracker {
    /// It.
    pub sink: Box<dyn TaskSink>,
    /// The teams that work there; empty for everybody.
    pub teams: Vec<String>,
    /// Whether it is the security team's own, which takes what has no owner.
    pub security: bool,
    /// The least severity that has a task.
    pub from: Severity,
    /// Whether commands are heard in its comments.
    pub commands: bool,
}

/// A way to tell people, with what goes there.
pub struct Channel {
    /// What goes there, and when.
    pub route: Route,
    /// What sends it.
    pub notifier: Box<dyn Notifier>,
}

/// What a comment on a task says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comment {
    /// What its issuer says has changed.
    Verdict {
        /// The place of what it said before among the verdicts of the case; `None` the first time.
        before: Option<usize>,
        /// The place of what it says.
        place: usize,
    },
    /// Somebody closed the task without a proof of death, and it is open again.
    NotDead {
        /// Who, where the tracker says so.
        by: Option<String>,
        /// Why the risk is not accepted, where they might have accepted it.
        refused: Option<String>,
    },
    /// Somebody closed the task who may accept the risk, and that is what it comes to.
    RiskAccepted,
    /// The case is closed.
    Closed,
    /// The case is open again.
    Reopened,
    /// The owner works here again.
    Back,
    /// Approval is asked for.
    Approval {
        /// The request.
        request: String,
    },
    /// What became of a command.
    Answer {
        /// The account that wrote it.
        account: String,
        /// What it wrote.
        text: String,
        /// `None` where it was done, else why not.
        refused: Option<String>,
    },
    /// The same is another task.
    Duplicate {
        /// Which.
        of: TaskRef,
    },
    /// The owner works elsewhere.
    Moved {
        /// In which tracker.
        to: String,
    },
}

/// What writes the texts. What it is given comes from outside in part; what it gives is escaped for where it goes.
pub trait Words: Sync {
    /// The title and the body of a case's task.
    fn task(&self, case: &Case, about: TaskAbout, format: TaskFormat) -> (String, String);
    /// A comment on it.
    fn comment(&self, case: &Case, comment: &Comment, format: TaskFormat) -> String;
    /// A notice.
    fn notice(&self, case: &Case, what: NoticeKind, id: &str, now: i64) -> Message;
    /// Several in one.
    fn digest(&self, all: &[(Case, NoticeKind)], id: &str, now: i64) -> Message;
}

/// What a task says besides its case.
#[derive(Clone, Copy, Debug)]
pub struct TaskAbout {
    /// The time, in seconds since 1970 UTC: what is past by then is not asked for.
    pub now: i64,
    /// By when it is to be dealt with, in seconds since 1970 UTC.
    pub deadline: i64,
    /// Whether commands are heard in its comments.
    pub commands: bool,
}

/// Everything outside of the ledger.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// Trackers.
    pub trackers: &'a [Tracker],
    /// Channels.
    pub channels: &'a [Channel],
    /// Texts.
    pub words: &'a dyn Words,
}

/// Why something outside was not done.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// A command failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A tracker failed.
    #[error("{tracker}: {error}")]
    Tracker {
        /// Which.
        tracker: String,
        /// How.
        error: TrackerError,
    },
    /// A notice was not delivered.
    #[error("{channel}: {error}")]
    Notice {
        /// The route.
        channel: String,
        /// How.
        error: NoticeError,
    },
    /// The job names what the configuration does not.
    #[error("the configuration has no `{0}` any more")]
    Unknown(String),
}

impl From<LedgerError> for OutsideError {
    fn from(error: LedgerError) -> Self {
        Self::Command(error.into())
    }
}

impl OutsideError {
    /// Whether trying again is of no use until a person has changed something.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Command(_) => false,
            Self::Tracker { error, .. } => error.is_permanent(),
            Self::Notice { error, .. } => error.permanent,
            Self::Unknown(_) => true,
        }
    }

    /// In how many seconds at least it may be tried again, where the service says so.
    #[must_use]
    pub fn after(&self) -> Option<i64> {
        let seconds = match self {
            Self::Tracker { error, .. } => error.retry_after(),
            Self::Notice { error, .. } => error.after,
            _ => None,
        };
        seconds.and_then(|seconds| i64::try_from(seconds).ok())
    }
}

impl Outside<'_> {
    /// The tracker in which the task of a case stands, and whether its owner works there: the owner's team's, else one for
    /// everybody, else the security team's. Without a known owner, the security team's alone.
    #[must_use]
    pub fn tracker(&self, case: &Case) -> Option<(&Tracker, bool)> {
        let owner = owner(case);
        let fits = |t: &&Tracker| case.severity() >= t.from || case.task_of(t.sink.name()).is_some();
        let all = || self.trackers.iter().filter(fits);
        let of_team = |t: &&Tracker| owner.as_deref().is_some_and(|owner| t.teams.iter().any(|team| same(team, owner)));
        let for_all = |t: &&Tracker| owner.is_some() && t.teams.is_empty() && !t.security;
        let of_owner = all().find(of_team).or_else(|| all().find(for_all)).map(|tracker| (tracker, true));
        of_owner.or_else(|| all().find(|t| t.security).map(|tracker| (tracker, false)))
    }

    /// The tracker of that name.
    #[must_use]
    pub fn tracker_named(&self, name: &str) -> Option<&Tracker> {
        self.trackers.iter().find(|tracker| tracker.sink.name() == name)
    }

    /// The channel of a route.
    #[must_use]
    pub fn channel(&self, route: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.route.name == route)
    }

    /// The channels that a notice takes.
    pub(super) fn channels_for(&self, case: &Case, what: NoticeKind) -> Vec<&Channel> {
        let owner = owner(case);
        let about = About { owner: owner.as_deref(), tier: tier(case), severity: case.severity(), kind: what };
        let taken = routes(self.channels.iter().map(|channel| &channel.route), &about);
        self.channels.iter().filter(|channel| taken.iter().any(|route| route.name == channel.route.name)).collect()
    }
}

/// Whether what goes along a channel tells the owner of a case.
pub(super) fn tells_owner(channel: &Channel, case: &Case) -> bool {
    channel.route.tells_owner(owner(case).as_deref())
}

/// The owner's name, where one is known.
fn owner(case: &Case) -> Option<String> {
    case.ownership().owner().map(|owner| String::from_utf8_lossy(owner.name.raw()).into_owned())
}

/// How far automation may go with a credential: the highest tier of its last decisions about a change.
#[must_use]
pub fn tier(case: &Case) -> Tier {
    let changes = |action: Action| matches!(action, Action::Rotate | Action::Quarantine | Action::Revoke);
    let all = case.decisions.iter().filter(|(decision, _)| changes(decision.action));
    all.map(|(decision, _)| decision.tier).max().unwrap_or(Tier::Watch)
}

/// Whether people are to be told about a case: the policy lets quell do that by itself, or a person approved it; or they were
/// told before, and hear how it ends.
pub(super) fn is_told(case: &Case) -> bool {
    let automatic = case.decision(Action::Notify).is_some_and(|decision| decision.tier == Tier::Automatic);
    let approved = case
        .approvals
        .iter()
        .any(|approval| approval.request.plan.action == Action::Notify && approval.state == ApprovalState::Granted);
    automatic || approved || !case.tasks.is_empty() || case.notices.iter().any(|notice| notice.failed.is_none())
}

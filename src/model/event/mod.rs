//! Events: what happened, in the order in which it happened. Everything else in a ledger is made of them.

mod opening;
mod words;

use serde::{Deserialize, Serialize};

use super::action::Action;
use super::answers::Answers;
use super::case::{CaseNumber, Outcome, Place};
use super::decision::{ApprovalRequest, Decision};
use super::owner::{Claim, Owner};
use super::principal::{Actor, Principal, PrincipalId, PrincipalKind, Role};
use super::{Untrusted, Verification};

pub use opening::Opening;
pub use words::{Closure, NoticeKind, PolicyFiles, Reopening, RestoreCause, TaskRef};

/// An immutable fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number: 1, 2, 3, without gaps.
    pub seq: i64,
    /// When it was written, in seconds since 1970 UTC by the database's clock; never before the one ahead of it.
    pub at: i64,
    /// The case that it is about.
    pub case: Option<CaseNumber>,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub body: Body,
    /// What a principal's signature is made over besides the body: random, and never used twice.
    pub nonce: Option<String>,
    /// The principal's signature, Ed25519, 128 hexadecimal digits.
    pub signature: Option<String>,
}

/// An event that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// The case that it is about.
    pub case: Option<CaseNumber>,
    /// Who does it.
    pub actor: Actor,
    /// What happens.
    pub body: Body,
    /// As in [`Event`]; a principal's event has both.
    pub nonce: Option<String>,
    /// As in [`Event`].
    pub signature: Option<String>,
}

impl NewEvent {
    /// Something that quell did itself.
    #[must_use]
    pub const fn by_quell(case: Option<CaseNumber>, body: Body) -> Self {
        Self { case, actor: Actor::Quell, body, nonce: None, signature: None }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Body {
    /// The ledger was made. Always the first event, and only that.
    StoreMade {
        /// Its name, 32 hexadecimal digits at random.
        store: String,
        /// The public key that its checkpoints are signed with.
        checkpoint_key: String,
    },
    /// A principal was registered; the first is an administrator whom the store was made with.
    PersonAdded {
        /// Who.
        principal: Principal,
    },
    /// A person's accounts were bound.
    PersonBound {
        /// Who.
        id: PrincipalId,
        /// As in [`Principal`].
        forge: Option<String>,
        /// As in [`Principal`].
        address: Option<String>,
    },
    /// A person's roles were changed.
    RolesSet {
        /// Who.
        id: PrincipalId,
        /// What they may do from now on.
        roles: Vec<Role>,
    },
    /// A principal's key counts no more.
    PersonRevoked {
        /// Who.
        id: PrincipalId,
        /// Why.
        reason: String,
    },
    /// A policy set was put forward.
    PolicyStaged {
        /// It.
        set: PolicyFiles,
    },
    /// A staged set was asked about past facts.
    PolicyReplayed {
        /// Which.
        hash: String,
        /// How many decisions were made again.
        decisions: u64,
        /// How many came out differently.
        differences: u64,
    },
    /// A staged set counts from now on.
    PolicyActivated {
        /// Which.
        hash: String,
        /// Whether whoever staged it did so too, as the only person there is.
        alone: bool,
    },
    /// A scan ended whose findings were tracked.
    ScanEnded {
        /// What was scanned.
        target: Untrusted,
        /// Whether everything that was asked for was read.
        complete: bool,
        /// How many credentials it found.
        credentials: u64,
        /// How many cases it opened.
        opened: u64,
    },
    /// A job was queued.
    JobQueued {
        /// Its number.
        job: i64,
        /// What it is for.
        what: String,
        /// What makes it the same as another.
        dedupe: String,
    },
    /// A job ended.
    JobEnded {
        /// Its number.
        job: i64,
        /// Whether it was given up, and why.
        parked: Option<String>,
    },
    /// A case was opened.
    CaseOpened(Box<Opening>),
    /// More is known about where it stands, and by what it is known.
    PlacesJoined {
        /// Places, new ones and those that were seen again.
        places: Vec<Place>,
        /// Fingerprints that it goes by, besides those it had.
        fingerprints: Vec<String>,
    },
    /// A closed case is open again.
    CaseReopened {
        /// Why.
        why: Reopening,
    },
    /// Its issuer was asked.
    VerdictHad {
        /// What it said.
        verification: Box<Verification>,
        /// Who had it asked. What somebody without a registered key says that an issuer said closes nothing.
        by: Actor,
        /// When the schedule wanted it asked, in seconds since 1970 UTC; `None` where somebody asked out of turn.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nominal: Option<i64>,
    },
    /// Its secret was sealed.
    SecretSealed {
        /// When it is erased, in seconds since 1970 UTC.
        until: i64,
    },
    /// What was sealed was erased.
    SecretErased {
        /// Why.
        reason: String,
    },
    /// Who may own it was gathered. What was gathered before counts no more; what a person assigned stays.
    ClaimsGathered {
        /// The claims.
        claims: Vec<Claim>,
    },
    /// A person said whose it is.
    OwnerAssigned {
        /// Whose.
        owner: Owner,
        /// Why.
        reason: String,
    },
    /// The three questions were asked.
    Answered {
        /// The answers.
        answers: Box<Answers>,
    },
    /// The policy was asked.
    Decided {
        /// What it said.
        decision: Box<Decision>,
    },
    /// Somebody asks for approval.
    ApprovalRequested(Box<ApprovalRequest>),
    /// A person approved.
    Approved {
        /// The request.
        request: String,
        /// The plan, by its hash.
        plan_hash: String,
        /// What was on record about it: that the only person there is approved their own.
        alone: bool,
        /// How many people have to approve, by what was known then.
        quorum: u32,
    },
    /// A person rejected.
    Rejected {
        /// The request.
        request: String,
        /// Why.
        reason: String,
    },
    /// Whoever approved took it back, or may approve no more.
    ApprovalWithdrawn {
        /// The request.
        request: String,
        /// Who had approved.
        of: PrincipalId,
        /// Why.
        reason: String,
    },
    /// Nobody approved in time.
    ApprovalExpired {
        /// The request.
        request: String,
    },
    /// A person accepted the risk.
    RiskAccepted {
        /// Until when, in seconds since 1970 UTC.
        until: i64,
        /// Why.
        reason: String,
    },
    /// The emergency path was opened: what is allowed beyond the policy's tier, for a time and a purpose.
    EmergencyOpened {
        /// Its name.
        id: String,
        /// What for.
        purpose: String,
        /// What may be done.
        actions: Vec<Action>,
        /// When it ends, in seconds since 1970 UTC.
        until: i64,
        /// What ends it before, in words.
        trigger: String,
    },
    /// The emergency path was closed.
    EmergencyEnded {
        /// Which.
        id: String,
        /// Why.
        reason: String,
    },
    /// Somebody wrote a note.
    Noted {
        /// What it says.
        text: Untrusted,
        /// What the writer counted as.
        counts_as: PrincipalKind,
    },
    /// A person judged the finding (requirement 69).
    OutcomeSet {
        /// How.
        outcome: Outcome,
        /// Why.
        reason: String,
    },
    /// A person looks after it: whoever was told has heard.
    Acknowledged,
    /// A person says that they did something about the credential, outside of quell.
    ActReported {
        /// What.
        action: Action,
        /// Why, or how.
        reason: String,
        /// Of [`Action::Restore`]: what made it necessary.
        cause: Option<RestoreCause>,
    },
    /// A task stands in a tracker: it was opened, or found again.
    TaskOpened {
        /// It.
        task: TaskRef,
        /// Whether it stands where a resolved owner works, so that they were told by it.
        to_owner: bool,
    },
    /// What a task says was written anew.
    TaskWritten {
        /// The tracker, as in [`TaskRef`].
        tracker: String,
        /// Hash of what it says: what says the same is not written again.
        digest: String,
    },
    /// A task was commented on.
    TaskCommented {
        /// The tracker, as in [`TaskRef`].
        tracker: String,
        /// What the comment is about: the same is not said twice.
        about: String,
    },
    /// A task was closed, or opened again.
    TaskMoved {
        /// The tracker, as in [`TaskRef`].
        tracker: String,
        /// Whether it is open now.
        open: bool,
        /// Why.
        why: String,
        /// Who did that, as the tracker names them, where it was not quell; empty where it does not say.
        #[serde(default)]
        by: Option<String>,
    },
    /// Somebody wrote a command into a comment.
    CommandHeard {
        /// The comment: tracker and number, by which it is heard once.
        comment: String,
        /// Who wrote it, as `github:login`.
        account: Untrusted,
        /// What it says.
        text: Untrusted,
        /// Whether a registered person's account wrote it.
        registered: bool,
        /// What became of it: `done`, or why not.
        answer: String,
    },
    /// A notice was delivered.
    NoticeDelivered {
        /// Its id: the same for every try, and never used for another.
        notice: String,
        /// The route.
        route: String,
        /// What it says.
        what: NoticeKind,
        /// Whether the credential's resolved owner was told by it.
        to_owner: bool,
    },
    /// A notice could not be delivered, and is kept among the dead letters.
    NoticeFailed {
        /// Its id.
        notice: String,
        /// The route.
        route: String,
        /// What it would have said.
        what: NoticeKind,
        /// Why.
        why: String,
    },
    /// A policy set may act by itself from now on: it decided as people did.
    PolicyPromoted {
        /// Which set.
        hash: String,
        /// In which action.
        action: Action,
        /// In how many cases its decision was compared with a person's.
        cases: u64,
        /// In how many it was the same.
        agreed: u64,
    },
    /// A policy set acts no more by itself.
    PolicyDemoted {
        /// Which set.
        hash: String,
        /// In which action.
        action: Action,
        /// Why.
        reason: String,
    },
    /// The case was closed.
    Closed {
        /// By what.
        closure: Closure,
    },
    /// Something was refused.
    Refused {
        /// What.
        verb: String,
        /// Why.
        reason: String,
    },
}

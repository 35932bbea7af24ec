//! A store with people, a clock that tests move, and everything outside made up: trackers in memory that fail as they are told,
//! and channels that keep what they are sent. What is due is done as `quell run` does it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use quell::connectors::notice::{Message, NoticeError, Notifier};
use quell::connectors::tracker::{
    Account, Comment as Written, Marker, Pending, Task, TaskFormat, TaskSink, TaskText, TrackerError,
};
use quell::ledger::{Address, Faults, Job, LedgerError, Options, Store};
use quell::model::case::{Case, CaseNumber};
use quell::model::event::{Body, Event, NewEvent, NoticeKind, Opening};
use quell::model::owner::{Owner, OwnerKind};
use quell::model::principal::{Principal, PrincipalKind, Role};
use quell::model::{Confidence, Severity, Untrusted, Verdict, Verification};
use quell::orchestrate::outside::{Channel, Comment, Outside, OutsideError, TaskAbout, Tracker, Words};
use quell::orchestrate::routes::Route;
use quell::orchestrate::{CHECK, Caller, CommandError, DIGEST, ESCALATE, LISTEN, NOTICE, Orchestrator, Settings, TASK};
use quell::policy::{PolicySet, Profile};
use tempfile::TempDir;

use crate::ledger::{ADA, Kind, Stepped, append, by, key, make, opening, stepped, who};

/// When it begins: a Friday at noon, in UTC.
pub(super) const NOW: i64 = 1_795_132_800 + 12 * HOUR;
pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

pub(super) const BO: u8 = 2;
pub(super) const KIM: u8 = 3;
pub(super) const RELAY: u8 = 4;
pub(super) const ROBOT: u8 = 5;
pub(super) const RUNNER: u8 = 6;

pub(super) const ONE: CaseNumber = CaseNumber(1);

/// A folder in memory where the system has one: every step waits for the disk.
pub(super) fn folder() -> Kind {
    let memory = std::path::Path::new("/dev/shm");
    Kind::Files(if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap())
}

/// The store, and whoever runs.
pub(super) struct Rig {
    pub(super) store: Store,
    pub(super) clock: Arc<Stepped>,
    pub(super) address: Address,
    policy: PolicySet,
    people: Vec<Principal>,
    runner: Caller,
    settings: Settings,
    /// Whether the issuer is asked at a host that a configuration lists.
    pub(super) listed: AtomicBool,
    /// Where the store is, while nobody else has that.
    _own: Option<Kind>,
}

impl Rig {
    pub(super) async fn new(kind: &Kind) -> Self {
        Self::with(kind, None).await
    }

    /// One in a folder of its own; its steps fail as they are told.
    pub(super) async fn alone(faults: Option<Faults>) -> Self {
        let kind = folder();
        let rig = Self::with(&kind, faults).await;
        Self { _own: Some(kind), ..rig }
    }

    async fn with(kind: &Kind, faults: Option<Faults>) -> Self {
        let (clock, options) = stepped(NOW);
        let address = kind.fresh();
        let store = make(&address, Options { faults, ..options }).await;
        let mut people = vec![
            who("bo", BO, &[Role::Responder, Role::Approver]),
            who("kim", KIM, &[Role::Responder]),
            machine("relay", RELAY, PrincipalKind::Machine, &[Role::Relay]),
            machine("robot", ROBOT, PrincipalKind::Agent, &[]),
            machine("runner", RUNNER, PrincipalKind::Machine, &[]),
        ];
        for principal in &people {
            let body = Body::PersonAdded { principal: principal.clone() };
            append(&store, vec![by(&store, "ada", ADA, None, body)]).await.unwrap();
        }
        people.push(who("ada", ADA, &[Role::Administrator, Role::Approver]));
        let policy = PolicySet::builtin(Profile::Default).unwrap_or_else(|errors| panic!("{errors}"));
        let runner = caller(&people, "relay", RELAY);
        Self {
            store,
            clock,
            address,
            policy,
            people,
            runner,
            settings: Settings::default(),
            listed: AtomicBool::new(false),
            _own: None,
        }
    }

    /// The same store, as another process has it open.
    pub(super) async fn other(&self) -> Self {
        let options = Options { clock: Some(self.clock.clone()), ..Options::default() };
        Self {
            store: Store::open(&self.address, options).await.unwrap(),
            clock: self.clock.clone(),
            address: self.address.clone(),
            policy: PolicySet::builtin(Profile::Default).unwrap_or_else(|errors| panic!("{errors}")),
            people: self.people.clone(),
            runner: caller(&self.people, "relay", RELAY),
            settings: Settings::default(),
            listed: AtomicBool::new(false),
            _own: None,
        }
    }

    /// Who runs it from now on.
    pub(super) fn run_by(&mut self, name: &str, seed: u8) {
        self.runner = caller(&self.people, name, seed);
    }

    pub(super) fn office(&self) -> Orchestrator<'_> {
        self.office_of(&self.runner)
    }

    pub(super) fn office_of<'a>(&'a self, caller: &'a Caller) -> Orchestrator<'a> {
        Orchestrator { store: &self.store, policy: &self.policy, settings: &self.settings, caller }
    }

    pub(super) fn caller(&self, name: &str, seed: u8) -> Caller {
        caller(&self.people, name, seed)
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.0.load(Ordering::SeqCst)
    }

    pub(super) fn to(&self, now: i64) {
        self.clock.0.store(now, Ordering::SeqCst);
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.to(self.now() + seconds);
    }

    /// Opens a case of a credential that works.
    pub(super) async fn opens(&self, number: i64) -> CaseNumber {
        self.opens_as(number, |_| {}).await
    }

    pub(super) async fn opens_as(&self, number: i64, change: impl Fn(&mut Opening)) -> CaseNumber {
        let mut about = opening(&format!("fp{number}"));
        change(&mut about);
        let case = CaseNumber(number);
        append(&self.store, vec![NewEvent::by_quell(Some(case), Body::CaseOpened(Box::new(about)))]).await.unwrap();
        self.hears(case, Verdict::Live).await;
        case
    }

    /// The issuer says something, and the policy is asked.
    pub(super) async fn hears(&self, case: CaseNumber, verdict: Verdict) {
        self.heard(case, verdict, None).await;
    }

    pub(super) async fn heard(&self, case: CaseNumber, verdict: Verdict, nominal: Option<i64>) {
        let mut said = Verification::not_asked(verdict, "acme/key", self.now());
        said.host = Untrusted::from("api.acme.example:443");
        said.listed = self.listed.load(Ordering::SeqCst);
        self.office().verdict(case, said, nominal).await.unwrap();
        self.office().decide(case).await.unwrap();
    }

    /// A person says whose it is.
    pub(super) async fn owned(&self, case: CaseNumber, team: &str) {
        let owner = Owner { kind: OwnerKind::Team, name: Untrusted::from(team) };
        let bo = self.caller("bo", BO);
        self.office_of(&bo).assign(case, owner, "it is theirs").await.unwrap();
        self.office().decide(case).await.unwrap();
    }

    pub(super) async fn case(&self, number: CaseNumber) -> Case {
        self.store.case(number).await.unwrap().unwrap()
    }

    /// Events about a case for which something holds.
    pub(super) async fn events(&self, number: CaseNumber, which: impl Fn(&Body) -> bool) -> Vec<Event> {
        let all = self.store.events(0, u32::MAX, Some(number)).await.unwrap();
        all.into_iter().filter(|event| which(&event.body)).collect()
    }

    /// Does what is due, until nothing is. What a tracker or a channel does not do is put off.
    pub(super) async fn works(&self, outside: &Outside<'_>) -> usize {
        let office = self.office();
        let mut count = 0;
        loop {
            office.follow(outside).await.unwrap();
            let mut done = 0;
            while let Some(mut job) = self.store.claim(&[NOTICE, TASK, ESCALATE, LISTEN]).await.unwrap() {
                done += 1;
                let ended = match job.what.as_str() {
                    NOTICE => office.deliver(outside, &mut job).await.map(drop),
                    TASK => office.sync_task(outside, &mut job).await,
                    ESCALATE => office.escalate(outside, &job).await,
                    _ => office.listen(outside, &mut job).await.map(drop),
                };
                if let Err(error) = ended {
                    self.failed(outside, &[&job], error).await;
                }
            }
            done += self.digests(outside).await;
            if done == 0 {
                return count;
            }
            count += done;
        }
    }

    async fn digests(&self, outside: &Outside<'_>) -> usize {
        let mut groups: BTreeMap<String, Vec<Job>> = BTreeMap::new();
        let mut count = 0;
        while let Some(job) = self.store.claim(&[DIGEST]).await.unwrap() {
            groups.entry(format!("{}{}", job.payload["route"], job.payload["slot"])).or_default().push(job);
            count += 1;
        }
        for jobs in groups.values_mut() {
            if let Err(error) = self.office().deliver_together(outside, jobs).await {
                let mut left = Vec::new();
                for job in jobs.iter() {
                    if self.store.job(job.id).await.unwrap().unwrap().state == "leased" {
                        left.push(job);
                    }
                }
                self.failed(outside, &left, error).await;
            }
        }
        count
    }

    async fn failed(&self, outside: &Outside<'_>, jobs: &[&Job], error: OutsideError) {
        if let OutsideError::Command(CommandError::Ledger(LedgerError::Conflict { .. } | LedgerError::Io { .. })) =
            error
        {
            return;
        }
        let Some(job) = jobs.first() else { return };
        match job.what.as_str() {
            NOTICE | DIGEST => drop(self.office().undelivered(outside, jobs, &error).await.unwrap()),
            LISTEN => self.office().listened(job).await.unwrap(),
            _ if error.is_permanent() => {
                let mut tx = self.store.begin().await.unwrap();
                tx.park(job, &error.to_string()).await.unwrap();
                tx.commit().await.unwrap();
            }
            _ => {
                let wait = error.after().unwrap_or(0).max(30);
                self.store.postpone(job, wait, false, &error.to_string()).await.unwrap();
            }
        }
    }

    /// Reads the trackers.
    pub(super) async fn listens(&self, outside: &Outside<'_>) {
        self.office().listening(outside, true).await.unwrap();
        self.works(outside).await;
    }

    /// Makes the checks that are due; `says` is what the issuer answers. Which cases were asked about.
    pub(super) async fn checks(&self, outside: &Outside<'_>, says: impl Fn(&Case) -> Verdict) -> Vec<CaseNumber> {
        let office = self.office();
        let mut asked = Vec::new();
        office.follow(outside).await.unwrap();
        while let Some(mut job) = self.store.claim(&[CHECK]).await.unwrap() {
            let case = self.case(job.case.unwrap()).await;
            let Some(nominal) = office.is_due(&case, &job, self.store.now().await.unwrap()) else {
                office.checked(&job).await.unwrap();
                continue;
            };
            asked.push(case.number);
            let verdict = says(&case);
            self.heard(case.number, verdict, nominal).await;
            if let Some(tracker) = job.payload["settles"].as_str().map(str::to_owned) {
                let case = self.case(case.number).await;
                let closer = office.closer(outside, &case, &tracker).await.unwrap();
                let person = closer.as_ref().map(|caller| self.office_of(caller));
                office.settle(outside, &tracker, &mut job, person.as_ref()).await.unwrap();
            }
            let put_off = match verdict {
                Verdict::Unknown(why) => office.put_off(&job, why).await.unwrap(),
                _ => false,
            };
            if !put_off {
                office.checked(&job).await.unwrap();
            }
            office.follow(outside).await.unwrap();
        }
        asked
    }

    /// Lets time pass until something is due, and at most until then.
    pub(super) async fn waits(&self, until: i64) {
        let jobs = self.store.jobs("ready").await.unwrap();
        let next = jobs.iter().map(|job| job.due).filter(|due| *due > self.now()).min();
        self.to(next.unwrap_or(until).min(until));
    }

    /// That the record is sound.
    pub(super) async fn is_sound(&self) {
        crate::ledger::sound(crate::ledger::audit(&self.store).await);
    }
}

fn machine(name: &str, seed: u8, kind: PrincipalKind, roles: &[Role]) -> Principal {
    Principal { kind, address: None, ..who(name, seed, roles) }
}

fn caller(people: &[Principal], name: &str, seed: u8) -> Caller {
    let principal = people.iter().find(|one| one.id.as_str() == name).cloned();
    assert!(principal.is_some(), "{name}");
    Caller { principal, key: Some(key(seed)), name: name.to_owned(), as_kind: None, relayed: None }
}

/// Texts that say what they are about.
pub(super) struct Plain;

impl Words for Plain {
    fn task(&self, case: &Case, _: TaskAbout, _: TaskFormat) -> (String, String) {
        let verdict = case.verdict().map_or("nothing", |v| v.verdict.as_str());
        (format!("{}: a credential leaked", case.number), format!("{:?}: {verdict}", case.stage))
    }

    fn comment(&self, case: &Case, comment: &Comment, _: TaskFormat) -> String {
        format!("{} {comment:?}", case.number)
    }

    fn notice(&self, case: &Case, what: NoticeKind, id: &str, now: i64) -> Message {
        message(id, now, format!("{} {}", case.number, what.as_str()))
    }

    fn digest(&self, all: &[(Case, NoticeKind)], id: &str, now: i64) -> Message {
        let lines: Vec<String> = all.iter().map(|(case, what)| format!("{} {}", case.number, what.as_str())).collect();
        message(id, now, lines.join(", "))
    }
}

fn message(id: &str, at: i64, plain: String) -> Message {
    let json = serde_json::json!({ "type": "case", "timestamp": "2026-11-20T00:00:00Z", "data": { "told": plain } });
    Message { id: id.to_owned(), at, subject: "quell".to_owned(), slack: plain.clone(), plain, json }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Luck {
    Well,
    /// It fails, and nothing was done.
    Before,
    /// It fails, and all was done.
    After,
    /// It is done twice.
    Twice,
    /// It is not done, and nothing is told.
    Lie,
    /// It is refused until a person changes something.
    Refused,
}

/// A task of a tracker in memory.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) key: String,
    pub(super) marker: Marker,
    pub(super) body: String,
    pub(super) open: bool,
    pub(super) closed_by: Option<Account>,
    pub(super) comments: Vec<(Option<Marker>, Written)>,
    pub(super) updated: i64,
}

impl Kept {
    /// What quell says in comments.
    pub(super) fn said(&self) -> Vec<&str> {
        self.comments.iter().filter(|(_, comment)| comment.own).map(|(_, comment)| comment.text.as_str()).collect()
    }

    pub(super) fn says(&self, what: &str) -> usize {
        self.said().iter().filter(|text| text.contains(what)).count()
    }
}

type Lucky = dyn Fn(&str) -> Luck + Send + Sync;

/// What a tracker in memory has.
pub(super) struct Board {
    tasks: Mutex<Vec<Kept>>,
    luck: Mutex<Box<Lucky>>,
    clock: Arc<Stepped>,
    calls: Mutex<u64>,
}

impl Board {
    pub(super) fn tasks(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.tasks.lock().unwrap()
    }

    pub(super) fn open(&self) -> Vec<Kept> {
        self.tasks().iter().filter(|task| task.open).cloned().collect()
    }

    pub(super) fn only(&self) -> Kept {
        let tasks = self.tasks();
        assert_eq!(tasks.len(), 1, "{tasks:#?}");
        tasks[0].clone()
    }

    pub(super) fn calls(&self) -> u64 {
        *self.calls.lock().unwrap()
    }

    /// What becomes of calls from now on, by what is called.
    pub(super) fn luck(&self, luck: impl Fn(&str) -> Luck + Send + Sync + 'static) {
        *self.luck.lock().unwrap() = Box::new(luck);
    }

    /// Somebody closes a task.
    pub(super) fn close(&self, key: &str, by: Option<&str>) {
        let now = self.now();
        let mut tasks = self.tasks();
        let task = tasks.iter_mut().find(|task| task.key == key).unwrap();
        (task.open, task.updated) = (false, now);
        task.closed_by = by.map(account);
    }

    /// Somebody writes a comment. Its number.
    pub(super) fn comment(&self, key: &str, by: &str, text: &str) -> String {
        self.comment_as(key, account(by), false, text)
    }

    pub(super) fn comment_as(&self, key: &str, account: Account, edited: bool, text: &str) -> String {
        let now = self.now();
        let mut tasks = self.tasks();
        let task = tasks.iter_mut().find(|task| task.key == key).unwrap();
        let id = format!("{key}0{}", task.comments.len());
        let text = text.to_owned();
        task.comments.push((None, Written { id: id.clone(), account, at: now, edited, own: false, text }));
        task.updated = now;
        id
    }

    fn now(&self) -> i64 {
        self.clock.0.load(Ordering::SeqCst)
    }

    /// Does a call as luck has it.
    fn call<T>(&self, what: &str, dummy: Option<T>, does: impl Fn(&mut Vec<Kept>) -> T) -> Result<T, TrackerError> {
        *self.calls.lock().unwrap() += 1;
        let luck = (self.luck.lock().unwrap())(what);
        let mut tasks = self.tasks();
        match (luck, dummy) {
            (Luck::Refused, _) => Err(TrackerError::Refused(403)),
            (Luck::Before, _) => Err(TrackerError::Failing(500)),
            (Luck::After, _) => {
                does(&mut tasks);
                Err(TrackerError::Unreachable("no answer".to_owned()))
            }
            (Luck::Lie, Some(dummy)) => Ok(dummy),
            (Luck::Twice, Some(_)) => {
                does(&mut tasks);
                Ok(does(&mut tasks))
            }
            _ => Ok(does(&mut tasks)),
        }
    }
}

pub(super) fn account(name: &str) -> Account {
    Account { name: name.to_owned(), bot: false }
}

/// A tracker in memory.
struct Sink {
    name: String,
    board: Arc<Board>,
}

fn shown(kept: &Kept) -> Task {
    Task {
        key: kept.key.clone(),
        url: format!("https://tracker.example/{}", kept.key),
        open: kept.open,
        closed_by: kept.closed_by.clone(),
        updated: kept.updated,
    }
}

fn at<'a>(tasks: &'a mut [Kept], key: &str) -> &'a mut Kept {
    tasks.iter_mut().find(|task| task.key == key).unwrap()
}

impl TaskSink for Sink {
    fn name(&self) -> &str {
        &self.name
    }

    fn format(&self) -> TaskFormat {
        TaskFormat::Markdown
    }

    fn find<'a>(&'a self, marker: &'a Marker, _: i64) -> Pending<'a, Vec<Task>> {
        let of = |tasks: &mut Vec<Kept>| tasks.iter().filter(|task| task.marker == *marker).map(shown).collect();
        let found = self.board.call("find", None, of);
        Box::pin(async { found })
    }

    fn create<'a>(&'a self, text: &'a TaskText) -> Pending<'a, Task> {
        let now = self.board.now();
        let new = |key: usize| Kept {
            key: key.to_string(),
            marker: text.marker.clone(),
            body: text.body.clone(),
            open: true,
            closed_by: None,
            comments: Vec::new(),
            updated: now,
        };
        let made = self.board.call("create", Some(shown(&new(999_999))), |tasks| {
            tasks.push(new(tasks.len() + 1));
            shown(tasks.last().unwrap())
        });
        Box::pin(async { made })
    }

    fn see<'a>(&'a self, key: &'a str) -> Pending<'a, Option<Task>> {
        let seen = self.board.call("see", None, |tasks| tasks.iter().find(|task| task.key == key).map(shown));
        Box::pin(async { seen })
    }

    fn write<'a>(&'a self, key: &'a str, text: &'a TaskText) -> Pending<'a, ()> {
        let now = self.board.now();
        let done = self.board.call("write", None, |tasks| {
            let task = at(tasks, key);
            (task.body, task.updated) = (text.body.clone(), now);
        });
        Box::pin(async { done })
    }

    fn comments<'a>(&'a self, key: &'a str, since: i64) -> Pending<'a, Vec<Written>> {
        let all = self.board.call("comments", None, |tasks| {
            at(tasks, key).comments.iter().map(|(_, c)| c.clone()).filter(|c| c.at >= since).collect()
        });
        Box::pin(async { all })
    }

    fn comment<'a>(&'a self, key: &'a str, body: &'a str, marker: &'a Marker) -> Pending<'a, String> {
        let now = self.board.now();
        let said = self.board.call("comment", None, |tasks| {
            let task = at(tasks, key);
            if let Some((_, known)) = task.comments.iter().find(|(known, _)| known.as_ref() == Some(marker)) {
                return known.id.clone();
            }
            let id = format!("{key}0{}", task.comments.len());
            let (account, text) = (Account { name: "github:quell".to_owned(), bot: true }, body.to_owned());
            let comment = Written { id: id.clone(), account, at: now, edited: false, own: true, text };
            task.comments.push((Some(marker.clone()), comment));
            task.updated = now;
            id
        });
        Box::pin(async { said })
    }

    fn set_open<'a>(&'a self, key: &'a str, open: bool) -> Pending<'a, ()> {
        let now = self.board.now();
        let done = self.board.call("set_open", None, |tasks| {
            let task = at(tasks, key);
            (task.open, task.closed_by, task.updated) = (open, None, now);
        });
        Box::pin(async { done })
    }

    fn changed(&self, since: i64) -> Pending<'_, Vec<String>> {
        let keys = self.board.call("changed", None, |tasks| {
            tasks.iter().filter(|task| task.updated >= since).map(|task| task.key.clone()).collect()
        });
        Box::pin(async { keys })
    }
}

/// A tracker, and what it has.
pub(super) fn tracker(rig: &Rig, name: &str, teams: &[&str], security: bool) -> (Tracker, Arc<Board>) {
    let board = Arc::new(Board {
        tasks: Mutex::default(),
        luck: Mutex::new(Box::new(|_| Luck::Well)),
        clock: rig.clock.clone(),
        calls: Mutex::default(),
    });
    let sink = Sink { name: name.to_owned(), board: board.clone() };
    let teams = teams.iter().map(|team| (*team).to_owned()).collect();
    (Tracker { sink: Box::new(sink), teams, security, from: Severity::Info, commands: true }, board)
}

type Refusal = dyn Fn(usize) -> Option<NoticeError> + Send + Sync;

/// What a channel was sent, with what it answered.
pub(super) struct Inbox {
    sent: Mutex<Vec<(Message, bool)>>,
    fails: Mutex<Box<Refusal>>,
}

impl Inbox {
    /// What arrived: ids and texts.
    pub(super) fn told(&self) -> Vec<(String, String)> {
        let sent = self.sent.lock().unwrap();
        sent.iter().filter(|(_, taken)| *taken).map(|(m, _)| (m.id.clone(), m.plain.clone())).collect()
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.told().into_iter().map(|(_, text)| text).collect()
    }

    /// Every try, with its id.
    pub(super) fn tries(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|(m, _)| m.id.clone()).collect()
    }

    /// Which tries fail from now on, by their number.
    pub(super) fn fails(&self, fails: impl Fn(usize) -> Option<NoticeError> + Send + Sync + 'static) {
        *self.fails.lock().unwrap() = Box::new(fails);
    }
}

pub(super) fn away() -> NoticeError {
    NoticeError { why: "nobody answers".to_owned(), permanent: false, after: None }
}

struct Post(Arc<Inbox>);

impl Notifier for Post {
    fn send<'a>(
        &'a self,
        message: &'a Message,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), NoticeError>> + Send + 'a>> {
        let mut sent = self.0.sent.lock().unwrap();
        let failed = (self.0.fails.lock().unwrap())(sent.len() + 1);
        sent.push((message.clone(), failed.is_none()));
        Box::pin(async move { failed.map_or(Ok(()), Err) })
    }
}

/// A channel, and what it was sent.
pub(super) fn channel(route: Route) -> (Channel, Arc<Inbox>) {
    let inbox = Arc::new(Inbox { sent: Mutex::default(), fails: Mutex::new(Box::new(|_| None)) });
    (Channel { route, notifier: Box::new(Post(inbox.clone())) }, inbox)
}

/// A route to the owner's team, whichever that is.
pub(super) fn to_owners(name: &str) -> Route {
    Route { name: name.to_owned(), owner: true, ..Route::default() }
}

/// The security team's own route.
pub(super) fn to_security() -> Route {
    let teams = vec!["@acme/security".to_owned()];
    Route { name: "security".to_owned(), teams, security: true, ..Route::default() }
}

/// Nobody is told, and there is no tracker.
pub(super) const NOTHING: Outside<'static> = Outside { trackers: &[], channels: &[], words: &Plain };

pub(super) fn confidence(of: Confidence) -> impl Fn(&mut Opening) {
    move |opening| opening.confidence = of
}

//! What time does to proofs, requests and approvals: the same store, with a clock that is ahead.

use std::sync::Arc;

use quell::ledger::{Address, LedgerError, Options, SigningKey, Store};
use quell::model::case::{ApprovalState, Case, CaseNumber, Stage};
use quell::model::decision::DecisionKind;
use quell::model::{Clock, Verdict, Verification};
use quell::orchestrate::{Caller, CommandError, Orchestrator, Settings};
use quell::policy::{PolicySet, Profile};

use super::{Person, Scene};
use crate::support::token;

const CASE: CaseNumber = CaseNumber(1);

/// The system's clock, so many hours ahead.
struct Ahead(i64);

impl Clock for Ahead {
    fn now(&self) -> i64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        i64::try_from(now).unwrap() + self.0 * 3600
    }
}

/// A store as somebody meets it some hours from now.
struct Later {
    runtime: tokio::runtime::Runtime,
    store: Store,
    policy: PolicySet,
    caller: Caller,
}

impl Later {
    fn new(scene: &Scene, person: &Person<'_>, hours: i64) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = Options { clock: Some(Arc::new(Ahead(hours))), ..Options::default() };
        let store = runtime.block_on(Store::open(&Address::Sqlite(scene.db()), options)).unwrap();
        let seed = std::fs::read(scene.at(format!("people/{}/config/quell/identity.key", person.name))).unwrap();
        let seed = data_encoding::HEXLOWER.decode(&seed).unwrap().try_into().unwrap();
        let key = SigningKey::from_seed(seed);
        let people = runtime.block_on(store.people()).unwrap();
        let principal = people.into_iter().find(|p| p.key == key.public_hex());
        let caller = Caller { principal, key: Some(key), name: person.name.clone(), as_kind: None, relayed: None };
        let policy = PolicySet::builtin(Profile::Default).unwrap_or_else(|errors| panic!("{errors}"));
        Self { runtime, store, policy, caller }
    }

    /// Does something.
    fn does<T>(&self, what: impl AsyncFnOnce(Orchestrator<'_>) -> Result<T, CommandError>) -> Result<T, CommandError> {
        let settings = Settings::default();
        let (store, policy, caller) = (&self.store, &self.policy, &self.caller);
        self.runtime.block_on(what(Orchestrator { store, policy, settings: &settings, caller }))
    }

    fn case(&self) -> Case {
        self.does(async |office| office.case(CASE).await).unwrap()
    }

    /// The issuer says something, at its own host.
    fn hears(&self, verdict: Verdict) {
        let asked = self.runtime.block_on(self.store.now()).unwrap();
        let mut said = Verification::not_asked(verdict, "github/user", asked);
        said.host = "api.github.com:443".into();
        self.does(async |office| office.verdict(CASE, said, None).await).unwrap();
    }
}

fn tracked(scene: &Scene) -> Person<'_> {
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.verified("app");
    ada.binds();
    ada
}

fn why<T>(outcome: Result<T, CommandError>) -> String {
    match outcome {
        Err(error @ CommandError::Refused { .. }) => error.to_string(),
        Err(CommandError::Ledger(LedgerError::Conflict { .. })) => panic!("nobody else writes"),
        _ => panic!("it is not refused"),
    }
}

#[test]
fn a_proof_of_death_grows_old() {
    let scene = Scene::new();
    let ada = tracked(&scene);
    scene.dead();
    ada.ok(&["case", "verify", "1"]);
    let told = why(Later::new(&scene, &ada, 25).does(async |office| office.close(CASE).await));
    assert!(told.contains("its proof of death is older than 24 hours"), "{told}");
    ada.ok(&["audit", "verify"]);
}

#[test]
fn quell_closes_by_itself_on_the_word_of_the_issuers_own_host() {
    let scene = Scene::new();
    let ada = tracked(&scene);
    let now = Later::new(&scene, &ada, 1);
    now.hears(Verdict::Dead);
    let decided = now.does(async |office| office.decide(CASE).await).unwrap();
    assert!(decided.iter().any(|decision| decision.kind == DecisionKind::Act), "{decided:?}");
    assert_eq!(now.case().stage, Stage::Closed);
    now.hears(Verdict::Live);
    assert_eq!((now.case().stage, now.case().reopened), (Stage::Opened, 1));
}

#[test]
fn what_somebody_without_a_key_heard_closes_nothing() {
    let scene = Scene::new();
    let ada = tracked(&scene);
    let mut stranger = Later::new(&scene, &ada, 1);
    stranger.caller.principal = None;
    stranger.hears(Verdict::Dead);
    stranger.does(async |office| office.decide(CASE).await).unwrap();
    assert_eq!(stranger.case().stage, Stage::Decided);
    let told = why(Later::new(&scene, &ada, 1).does(async |office| office.close(CASE).await));
    assert!(told.contains("a proof of death, and there is none"), "{told}");
}

#[test]
fn a_request_counts_for_three_days_and_so_does_what_was_granted() {
    let scene = Scene::new();
    let ada = tracked(&scene);
    let plan = ada.asks("1", "rotate");
    let late = Later::new(&scene, &ada, 73);
    let told = why(late.does(async |office| office.approve(CASE, &plan).await));
    assert!(told.contains("the request has expired"), "{told}");
    // It may be asked for again; the only person there is waits a day, asks the issuer again, and approves.
    late.hears(Verdict::Live);
    let again = late.does(async |office| office.request(CASE, quell::model::action::Action::Rotate).await).unwrap();
    let soon = why(late.does(async |office| office.approve(CASE, &again.plan_hash).await));
    assert!(soon.contains("guardrail.alone-too-soon"), "{soon}");
    let next = Later::new(&scene, &ada, 98);
    next.hears(Verdict::Live);
    let approval = next.does(async |office| office.approve(CASE, &again.plan_hash).await).unwrap();
    assert_eq!((approval.state, next.case().stage), (ApprovalState::Granted, Stage::Approved));
    let events = next.runtime.block_on(next.store.events(0, u32::MAX, Some(CASE))).unwrap();
    let alone =
        |body: &quell::model::event::Body| matches!(body, quell::model::event::Body::Approved { alone, .. } if *alone);
    assert_eq!(events.iter().filter(|event| alone(&event.body)).count(), 1, "that goes on record");
    // What was granted and not carried out in time is over.
    let over = Later::new(&scene, &ada, 73 + 73);
    over.does(async |office| office.expire().await).unwrap();
    let states: Vec<ApprovalState> = over.case().approvals.iter().map(|approval| approval.state).collect();
    assert_eq!((states, over.case().stage), (vec![ApprovalState::Expired, ApprovalState::Expired], Stage::Decided));
}

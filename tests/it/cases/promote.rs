//! A policy set earns its automatic tiers: what quell would have done by itself, beside what people did.

use quell::ledger::{Address, Options, SigningKey, Store};
use quell::model::action::{Action, Tier};
use quell::model::answers::{Answer, Answers, Capability, Criticality, Environment, Evidence, Reversibility};
use quell::model::case::{CaseNumber, Outcome};
use quell::model::event::{Body, NewEvent, Opening, RestoreCause};
use quell::model::owner::{Owner, OwnerKind, Subject};
use quell::model::principal::{Actor, Principal};
use quell::model::{Confidence, Severity, Verdict, Verification};
use quell::orchestrate::{Caller, Orchestrator, Settings};
use quell::policy::{PolicySet, Profile};

use super::{Person, Scene, text};
use crate::support::token;

const DAY: i64 = 86_400;

const OWN: &str = "@id(\"acme.nothing\")\n@title(\"nothing\")\nforbid (principal, action, resource) when { false };\n";

/// The store of a scene, and somebody who signs.
struct Office {
    runtime: tokio::runtime::Runtime,
    store: Store,
    policy: PolicySet,
    caller: Caller,
    me: Principal,
}

impl Office {
    fn new(scene: &Scene, person: &Person<'_>, own: Option<&str>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let store = runtime.block_on(Store::open(&Address::Sqlite(scene.db()), Options::default())).unwrap();
        let key = || {
            let seed = std::fs::read(scene.at(format!("people/{}/config/quell/identity.key", person.name))).unwrap();
            SigningKey::from_seed(data_encoding::HEXLOWER.decode(&seed).unwrap().try_into().unwrap())
        };
        let people = runtime.block_on(store.people()).unwrap();
        let me = people.into_iter().find(|one| one.key == key().public_hex()).unwrap();
        let caller = Caller {
            principal: Some(me.clone()),
            key: Some(key()),
            name: person.name.clone(),
            as_kind: None,
            relayed: None,
        };
        let own: Vec<_> = own.map(|text| ("own.cedar".to_owned(), text.to_owned())).into_iter().collect();
        let (policy, _) = PolicySet::load(Profile::Default, &own).unwrap_or_else(|errors| panic!("{errors}"));
        Self { runtime, store, policy, caller, me }
    }

    fn writes(&self, events: Vec<NewEvent>) {
        self.runtime.block_on(async {
            let mut tx = self.store.begin().await.unwrap();
            tx.append(events).await.unwrap();
            tx.commit().await.unwrap();
        });
    }

    fn signs(&self, case: CaseNumber, body: Body) {
        let (head, _) = self.runtime.block_on(self.store.head()).unwrap();
        let nonce = format!("{}{head:08x}", &self.me.key[..24]);
        let actor = Actor::Principal(self.me.id.clone());
        let event = NewEvent { case: Some(case), actor, body, nonce: None, signature: None };
        let key = self.caller.key.as_ref().unwrap();
        self.writes(vec![key.sign_event(self.store.id(), event, &nonce).unwrap()]);
    }

    /// Asks the policy about a case. The tier of revoking.
    fn decides(&self, case: CaseNumber) -> Tier {
        let settings = Settings::default();
        let office =
            Orchestrator { store: &self.store, policy: &self.policy, settings: &settings, caller: &self.caller };
        let all = self.runtime.block_on(office.decide(case)).unwrap();
        let decision = all.iter().find(|decision| decision.action == Action::Revoke).unwrap();
        let unmet: Vec<&str> = decision.unmet.iter().map(|unmet| unmet.id.as_str()).collect();
        assert!(decision.tier == Tier::Automatic || unmet == ["guardrail.not-earned"], "{unmet:?}");
        decision.tier
    }

    /// A case about which nothing is wrong but that nothing is earned.
    fn opens(&self) -> CaseNumber {
        let now = self.runtime.block_on(self.store.now()).unwrap();
        let number = self.runtime.block_on(self.store.cases(&Default::default())).unwrap().len() as i64 + 1;
        let case = CaseNumber(number);
        let by_quell = |body| NewEvent::by_quell(Some(case), body);
        let verification = Box::new(Verification::not_asked(Verdict::Live, "acme/token", now));
        let by = self.caller.actor();
        self.writes(vec![
            by_quell(Body::CaseOpened(Box::new(opening(number)))),
            by_quell(Body::VerdictHad { verification, by, nominal: None }),
            by_quell(Body::Answered { answers: Box::new(answers(now)) }),
        ]);
        let owner = Owner { kind: OwnerKind::Team, name: "payments".into() };
        self.signs(case, Body::OwnerAssigned { owner, reason: "their service".to_owned() });
        self.decides(case);
        case
    }

    /// So many cases in which this person revoked it.
    fn agrees(&self, cases: u32) {
        for _ in 0..cases {
            self.signs(self.opens(), did(Action::Revoke, None));
        }
    }
}

fn did(action: Action, cause: Option<RestoreCause>) -> Body {
    Body::ActReported { action, reason: "by hand".to_owned(), cause }
}

fn judged(outcome: Outcome) -> Body {
    Body::OutcomeSet { outcome, reason: "looked at it".to_owned() }
}

fn opening(number: i64) -> Opening {
    Opening {
        fingerprints: vec![format!("q1-test-{number}")],
        rule: "acme-token".to_owned(),
        title: "Acme token".to_owned(),
        provider: format!("acme{number}"),
        redacted: "acme_…".to_owned(),
        severity: Severity::High,
        confidence: Confidence::High,
        advice: String::new(),
        docs: String::new(),
        controls: Vec::new(),
        names: Vec::new(),
        places: Vec::new(),
        exposed: None,
        by_report: true,
        expires: None,
    }
}

fn answers(now: i64) -> Answers {
    fn of<T>(value: T, at: i64) -> Answer<T> {
        let evidence =
            Evidence { source: "catalog".to_owned(), place: "owners.toml".into(), at, confidence: Confidence::High };
        Answer::of(value, evidence)
    }
    let undo = Some(Reversibility::Reversible);
    let can =
        Capability { quarantine: undo, revoke: undo, observe: true, tells_blocked: true, sessions_survive: false };
    Answers {
        dependents: of(Vec::new(), now),
        last_use: of(now - 100 * DAY, now),
        criticality: of(Criticality::Low, now),
        environment: of(Environment::Test, now),
        downtime_minutes: of(600, now),
        partners: of(Vec::new(), now),
        shared: of(false, now),
        purpose: of("reports".into(), now),
        decommissioned: of(false, now),
        hot_reload: of(true, now),
        capability: of(can, now),
        rehearsed: of(now - DAY, now),
        restore_minutes: of(1, now),
        privileged: of(false, now),
        made: of(now - 100 * DAY, now),
        expires: of(now + 100 * DAY, now),
        lifetime: of(200 * DAY, now),
        target: of("api.acme.example".into(), now),
        subject: Subject::Match,
        in_window: of(true, now),
        degraded: Vec::new(),
    }
}

/// A store with `ada`, who has every role.
fn made(scene: &Scene) -> Person<'_> {
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.track("app");
    ada.binds();
    ada
}

const SHOWN: [&str; 3] = ["policy", "promote", "revoke"];
const CONFIRMED: [&str; 4] = ["policy", "promote", "revoke", "--confirm"];

#[test]
fn too_few_cases_are_refused_and_a_look_is_not_recorded() {
    let scene = Scene::new();
    let ada = made(&scene);
    let run = ada.run(&SHOWN).code(6);
    assert!(run.out().contains("cases          0\n") && run.err().contains("guardrail.promoted-too-soon"));
    let office = Office::new(&scene, &ada, None);
    office.agrees(19);
    let open = office.opens();
    let run = ada.run(&SHOWN).code(6);
    assert!(run.out().contains("agreed        19, 100.0 %\n"), "{}", run.out());
    assert!(run.out().contains("undecided      1  nobody decided them yet"), "{}", run.out());
    assert!(run.err().starts_with("it would be refused: "), "{}", run.err());
    assert!(!run.err().contains("guardrail.promoted-unproven"), "{}", run.err());
    assert!(ada.recorded("refused").is_empty(), "this was a look");
    assert!(ada.refused(&CONFIRMED).contains("guardrail.promoted-too-soon"));
    assert_eq!(ada.recorded("refused").len(), 1);
    assert!(ada.recorded("policy-promoted").is_empty());
    assert_eq!(office.decides(open), Tier::Approval);
    // Nothing is to be earned in a notice, and no comparison is endless.
    assert!(ada.wrong(&["policy", "promote", "notify"]).contains("rotate"));
    assert!(ada.wrong(&["policy", "promote", "revoke", "--last", "0"]).contains("from 1 to 10000"));
    // What is earned in one act is none in another.
    assert!(ada.run(&["policy", "promote", "rotate"]).code(6).out().contains("cases          0\n"));
}

#[test]
fn people_who_decided_otherwise_are_told_and_below_95_of_100_it_is_refused() {
    let scene = Scene::new();
    let ada = made(&scene);
    let office = Office::new(&scene, &ada, None);
    office.agrees(20);
    let restored = office.opens();
    office.signs(restored, did(Action::Revoke, None));
    office.signs(restored, did(Action::Restore, Some(RestoreCause::LegitimateUse)));
    let test = office.opens();
    office.signs(test, judged(Outcome::Test));
    let told = ada.run(&SHOWN).code(6);
    assert!(told.err().contains("guardrail.promoted-unproven") && !told.err().contains("too-soon"), "{}", told.err());
    assert!(told.out().contains("agreed        20, 90.9 %\ndisagreed      2\nundecided      0\n"), "{}", told.out());
    let lines = [
        format!("{restored} would have been automatic; ada restored it for a legitimate use: by hand\n"),
        format!("{test} would have been automatic; ada judged it test: looked at it\n"),
    ];
    assert!(lines.iter().all(|line| told.out().contains(line)), "{}", told.out());
    assert!(ada.refused(&CONFIRMED).contains("guardrail.promoted-unproven"));
    let json = ada.run(&[&SHOWN[..], &["--format", "json", "--last", "3"]].concat()).code(6).json();
    let all = &json["comparison"];
    assert_eq!((all["cases"].as_u64(), all["agreed"].as_u64(), all["own"].as_u64()), (Some(3), Some(1), Some(1)));
    assert_eq!(text(all, "/shadows/0/people"), "disagreed", "the newest first");
    assert_eq!(text(&json, "/refused_by/0/id"), "guardrail.promoted-too-soon");
}

#[test]
fn what_is_earned_is_automatic_until_it_is_taken_back() {
    let scene = Scene::new();
    let ada = made(&scene);
    let [ben, cat] = ["ben", "cat"].map(|name| scene.person(name));
    ada.adds(&ben, &["responder"]);
    ada.adds(&cat, &["administrator"]);
    let office = Office::new(&scene, &ada, None);
    office.agrees(19);
    office.signs(office.opens(), judged(Outcome::False));
    let open = office.opens();
    assert_eq!(office.decides(open), Tier::Approval);
    let told = ada.ok(&SHOWN);
    assert!(told.contains("agreed        19, 95.0 %\n"), "{told}");
    assert!(told.contains("note: 19 decisions of the 19 that agreed are your own"), "{told}");
    assert!(told.ends_with("next: quell policy promote revoke --last 50 --confirm\n"), "{told}");
    assert!(!cat.ok(&SHOWN).contains("your own"));
    assert!(ben.refused(&CONFIRMED).contains("guardrail.administrator-only"));
    assert!(cat.refused(&[&CONFIRMED[..], &["--as", "agent"]].concat()).contains("guardrail.person-only"));
    cat.ok(&CONFIRMED);
    assert!(cat.wrong(&CONFIRMED).contains("revoke is earned already"));
    assert!(ada.ok(&["policy", "show"]).contains("earned   revoke (by cat: 19 of 20 cases)\n"));
    assert_eq!(office.decides(open), Tier::Automatic);
    let number = open.to_string();
    let explained = ada.ok(&["policy", "explain", &number, "revoke"]);
    assert!(explained.contains("revoke: automatic"), "{explained}");
    let quarantine = ada.ok(&["policy", "explain", &number, "quarantine"]);
    assert!(quarantine.contains("[guardrail.not-earned]"), "each act earns its own: {quarantine}");
    // What is compiled in was promoted, and nobody put it forward.
    ada.ok(&["policy", "replay"]);
    assert!(ada.recorded("policy-replayed").is_empty());
    let hash = office.policy.hash();
    assert!(cat.wrong(&["policy", "activate", hash]).contains("no policy set"));
    assert!(!ada.ok(&["policy", "show"]).contains("compiled-in sha256"));
    // Being careful needs no administrator.
    assert!(ben.wrong(&["policy", "demote", "rotate", "--reason", "wary"]).contains("rotate is not earned"));
    ben.ok(&["policy", "demote", "revoke", "--reason", "an outage nobody foresaw"]);
    assert_eq!(office.decides(open), Tier::Approval);
    assert!(ada.ok(&["policy", "show"]).contains("earned   nothing"));
    assert_eq!((ada.recorded("policy-promoted").len(), ada.recorded("policy-demoted").len()), (1, 1));
    ada.ok(&["audit", "verify"]);
    let rebuilt = ada.ok(&["store", "rebuild", "--check"]);
    assert!(!rebuilt.contains("different"), "{rebuilt}");
}

#[test]
fn another_set_starts_with_nothing_earned_and_its_stager_does_not_promote_it() {
    let scene = Scene::new();
    let ada = made(&scene);
    let cat = scene.person("cat");
    ada.adds(&cat, &["administrator"]);
    let office = Office::new(&scene, &ada, None);
    office.agrees(20);
    cat.ok(&CONFIRMED);
    let open = office.opens();
    assert_eq!(office.decides(open), Tier::Automatic);
    scene.write("own.cedar", OWN);
    let staged = ada.ok(&["policy", "stage", "--file", "own.cedar"]);
    assert_eq!(office.decides(open), Tier::Automatic, "what is staged counts for nothing yet");
    let at = staged.find("sha256:").unwrap();
    let hash = staged[at..].split_whitespace().next().unwrap();
    ada.ok(&["policy", "replay", hash]);
    cat.ok(&["policy", "activate", hash]);
    let office = Office::new(&scene, &ada, Some(OWN));
    assert_eq!(office.policy.hash(), hash);
    assert_eq!(office.decides(open), Tier::Approval);
    // What the set before decided earns this one nothing.
    assert!(cat.run(&SHOWN).code(6).out().contains("cases          0\n"));
    office.agrees(20);
    assert!(ada.refused(&CONFIRMED).contains("guardrail.stager-promotes"));
    cat.ok(&CONFIRMED);
    assert_eq!(office.decides(open), Tier::Automatic);
    ada.ok(&["audit", "verify"]);
}

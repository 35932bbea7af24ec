//! What both stores promise.

use std::sync::atomic::Ordering;
use std::time::Duration;

use quell::ledger::{
    ATTEMPTS, Address, Checkpoint, DataKey, Filter, Job, KeyWrapper, LEASE, LedgerError, NewJob, Options, PolicyState,
    Queued, SealedParts, Store, verify_export,
};
use quell::model::action::Action;
use quell::model::case::{CaseNumber, Stage};
use quell::model::decision::{ApprovalRequest, Plan};
use quell::model::event::{Body, NewEvent, PolicyFiles};
use quell::model::principal::{Actor, Role};
use quell::model::{Secret, Severity, Untrusted};
use rustix::process::Signal;
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    ADA, CHECKPOINTS, Kind, append, audit, by, id, key, make, noted, opened, postgres, runtime, sound, stepped, url,
    who,
};

/// A part of the contract.
type Check = fn(&Kind);

const ALL: &[(&str, Check)] = &[
    ("folds", folds),
    ("tasks", tasks),
    ("conflicts", conflicts),
    ("signatures", signatures),
    ("reads", reads),
    ("judges", super::judged::judges),
    ("sealing", sealing),
    ("jobs", jobs),
    ("rebuilds", rebuilds),
    ("exports", exports),
    ("opens", opens),
];

#[test]
fn sqlite_keeps_the_contract() {
    for (name, test) in ALL {
        eprintln!("sqlite: {name}");
        test(&Kind::files());
    }
}

#[test]
fn postgresql_keeps_the_contract() {
    let server = Kind::server();
    for (name, test) in ALL {
        eprintln!("postgresql: {name}");
        test(&server);
    }
}

pub(super) fn request(name: &str) -> ApprovalRequest {
    ApprovalRequest {
        id: name.to_owned(),
        plan: Plan { action: Action::Revoke, steps: Vec::new(), way_back: None },
        plan_hash: "p".into(),
        snapshot: "s".into(),
        decision: "d".into(),
        quorum: 1,
        expires: i64::MAX,
        said: None,
    }
}

fn folds(kind: &Kind) {
    runtime().block_on(async {
        let store = make(&kind.fresh(), Options::default()).await;
        assert_eq!(store.head().await.unwrap().0, 2);
        let mut tx = store.begin().await.unwrap();
        let case = tx.next_case().await.unwrap();
        assert_eq!((case, tx.next_case().await.unwrap()), (CaseNumber(1), CaseNumber(2)));
        let written = tx.append(vec![opened(1, "fp1"), noted(1, "one\0\u{202e}")]).await.unwrap();
        assert_eq!(written.iter().map(|e| e.seq).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(tx.case(case).await.unwrap().unwrap().version, 2);
        drop(tx);
        assert!(store.case(case).await.unwrap().is_none(), "dropping undoes");
        append(&store, vec![opened(1, "fp1"), noted(1, "one\0")]).await.unwrap();
        append(&store, vec![noted(1, "two")]).await.unwrap();
        let read = store.case(case).await.unwrap().unwrap();
        assert_eq!((read.version, read.notes.len(), read.stage), (3, 2, Stage::Opened));
        assert!((read.detected - store.now().await.unwrap()).abs() < 60);
        assert_eq!(store.find("fp1-second").await.unwrap(), Some(case));
        let taken = append(&store, vec![opened(2, "fp1")]).await.unwrap_err();
        assert!(matches!(taken, LedgerError::Taken { .. }), "{taken}");
        assert!(matches!(append(&store, vec![noted(9, "x")]).await, Err(LedgerError::Fold(_))));
        let mut tx = store.begin().await.unwrap();
        assert!(tx.append(vec![opened(3, "fp3"), noted(9, "x")]).await.is_err());
        assert!(matches!(tx.commit().await, Err(LedgerError::Broken)), "half of a batch is not committed");
        assert_eq!(store.events(2, 100, Some(case)).await.unwrap().len(), 3);
        sound(audit(&store).await);
    });
}

fn tasks(kind: &Kind) {
    runtime().block_on(async {
        let address = kind.fresh();
        let first = make(&address, Options::default()).await;
        let second = Store::open(&address, Options::default()).await.unwrap();
        append(&first, (1..=8).map(|n| opened(n, &format!("fp{n}"))).collect()).await.unwrap();
        let tasks: Vec<_> = (1..=8)
            .map(|n| {
                let store = if n % 2 == 0 { first.clone() } else { second.clone() };
                tokio::spawn(async move {
                    for turn in 0..10 {
                        append(&store, vec![noted(n, &turn.to_string()), noted(n, "b")]).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let verified = first.verify(&[], None).await.unwrap();
        assert_eq!((verified.events, verified.head.0, verified.holds()), (170, 170, true), "{:?}", verified.faults);
        for n in 1..=8 {
            assert_eq!(second.case(CaseNumber(n)).await.unwrap().unwrap().notes.len(), 20);
        }
        sound(audit(&second).await);
    });
}

fn conflicts(kind: &Kind) {
    runtime().block_on(async {
        let store = make(&kind.fresh(), Options::default()).await;
        append(&store, vec![opened(1, "fp1")]).await.unwrap();
        let seen = store.case(CaseNumber(1)).await.unwrap().unwrap().version;
        append(&store, vec![noted(1, "meanwhile")]).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        let refused = tx.expect(CaseNumber(1), seen).await.unwrap_err();
        assert!(matches!(refused, LedgerError::Conflict { expected: 1, found: 2, .. }), "{refused}");
        tx.expect(CaseNumber(1), 2).await.unwrap();
    });
}

fn signatures(kind: &Kind) {
    runtime().block_on(async {
        let store = make(&kind.fresh(), Options::default()).await;
        let other = make(&kind.fresh(), Options::default()).await;
        append(&store, vec![opened(1, "fp1"), opened(2, "fp2")]).await.unwrap();
        let note = |text: &str| Body::Noted {
            text: Untrusted::from(text),
            counts_as: quell::model::principal::PrincipalKind::Person,
        };
        let good = by(&store, "ada", ADA, Some(1), note("x"));
        append(&store, vec![good.clone()]).await.unwrap();
        let bad = [
            ("again", good.clone()),
            ("unsigned", NewEvent { nonce: None, signature: None, ..good.clone() }),
            ("another key", by(&store, "ada", 2, Some(1), note("x"))),
            ("nobody", by(&store, "eve", 2, Some(1), note("x"))),
            ("another store", by(&other, "ada", ADA, Some(1), note("x"))),
            ("another case", NewEvent { case: Some(CaseNumber(2)), ..by(&store, "ada", ADA, Some(1), note("x")) }),
            ("another body", NewEvent { body: note("y"), ..by(&store, "ada", ADA, Some(1), note("x")) }),
            ("another nonce", NewEvent { nonce: Some("z".into()), ..by(&store, "ada", ADA, Some(1), note("x")) }),
            ("a signature of quell", NewEvent { actor: Actor::Quell, ..good.clone() }),
        ];
        for (what, event) in bad {
            let refused = append(&store, vec![event]).await;
            assert!(matches!(refused, Err(LedgerError::BadSignature { .. })), "{what}: {refused:?}");
        }
        let bob = || Body::PersonAdded { principal: who("bob", 3, &[Role::Approver]) };
        append(&store, vec![by(&store, "ada", ADA, None, bob())]).await.unwrap();
        let mut self2 = who("ada2", 4, &[Role::Approver]);
        self2.address = Some("ADA+two@acme.example".into());
        let second = by(&store, "ada", ADA, None, Body::PersonAdded { principal: self2 });
        let refused = append(&store, vec![second]).await.unwrap_err().to_string();
        assert!(refused.contains("`ada`"), "{refused}");
        let carol = Body::PersonAdded { principal: who("carol", 5, &[]) };
        let refused = append(&store, vec![by(&store, "bob", 3, None, carol)]).await;
        assert!(matches!(refused, Err(LedgerError::NotPermitted(_))), "{refused:?}");
        let gone = Body::PersonRevoked { id: id("bob"), reason: "left".into() };
        append(&store, vec![by(&store, "ada", ADA, None, gone)]).await.unwrap();
        let refused = append(&store, vec![by(&store, "bob", 3, Some(1), note("x"))]).await;
        assert!(matches!(refused, Err(LedgerError::BadSignature { .. })), "{refused:?}");
        assert!(!store.person(&id("bob")).await.unwrap().unwrap().is_active());
        assert_eq!(store.people().await.unwrap().len(), 2);
        sound(audit(&store).await);
    });
}

fn reads(kind: &Kind) {
    runtime().block_on(async {
        let store = make(&kind.fresh(), Options::default()).await;
        let ask = |name| Body::ApprovalRequested(Box::new(request(name)));
        append(&store, (1..=5).map(|n| opened(n, &format!("Fp{n}"))).collect()).await.unwrap();
        append(&store, vec![by(&store, "ada", ADA, Some(3), ask("a-1")), by(&store, "ada", ADA, Some(4), ask("a-2"))])
            .await
            .unwrap();
        let approved = Body::Approved { request: "a-2".into(), plan_hash: "p".into(), alone: true, quorum: 1 };
        append(&store, vec![by(&store, "ada", ADA, Some(4), approved)]).await.unwrap();
        let waiting = store.waiting().await.unwrap();
        assert_eq!(
            waiting.iter().map(|w| (w.case.0, w.approval.request.id.as_str())).collect::<Vec<_>>(),
            [(3, "a-1")]
        );
        let numbers = async |filter: Filter| {
            store.cases(&filter).await.unwrap().iter().map(|case| case.number.0).collect::<Vec<_>>()
        };
        assert_eq!(numbers(Filter::default()).await, [1, 2, 3, 4, 5]);
        assert_eq!(numbers(Filter { waiting: true, ..Filter::default() }).await, [3]);
        assert_eq!(numbers(Filter { stages: vec![Stage::Approved, Stage::Closed], ..Filter::default() }).await, [4]);
        assert_eq!(numbers(Filter { after: Some(CaseNumber(2)), limit: 2, ..Filter::default() }).await, [3, 4]);
        assert_eq!(numbers(Filter { text: Some("ACME TOK".into()), limit: 1, ..Filter::default() }).await, [1]);
        assert_eq!(numbers(Filter { text: Some("%".into()), ..Filter::default() }).await, [0; 0]);
        assert_eq!(numbers(Filter { severity: Some(Severity::Critical), ..Filter::default() }).await, [0; 0]);
        assert_eq!(numbers(Filter { live: true, ..Filter::default() }).await, [0; 0]);
        let both =
            Filter { providers: vec!["acme".into(), "x".into()], severity: Some(Severity::High), ..Filter::default() };
        assert_eq!(numbers(both).await.len(), 5);
        assert_eq!(numbers(Filter { owner: Some("x".into()), ..Filter::default() }).await, [0; 0]);
        assert_eq!(store.with_fact(Some("fingerprint"), "fP2-sec").await.unwrap().len(), 1);
        assert_eq!(store.with_fact(None, "acme_tok").await.unwrap().len(), 5);
        let target = Untrusted::new(b"repo\xff\0");
        let ended = |complete| Body::ScanEnded { target: target.clone(), complete, credentials: 3, opened: 1 };
        append(&store, vec![NewEvent::by_quell(None, ended(false)), NewEvent::by_quell(None, ended(true))])
            .await
            .unwrap();
        assert!(store.last_scan(&target).await.unwrap().unwrap().complete);
        let set = |hash: &str| PolicyFiles {
            hash: hash.into(),
            schema: "s".into(),
            profile: "default".into(),
            files: vec![("a.cedar".into(), "permit".into())],
        };
        for hash in ["sha256:1", "sha256:2"] {
            let replayed = Body::PolicyReplayed { hash: hash.into(), decisions: 2, differences: 1 };
            let staged = by(&store, "ada", ADA, None, Body::PolicyStaged { set: set(hash) });
            let active = by(&store, "ada", ADA, None, Body::PolicyActivated { hash: hash.into(), alone: true });
            append(&store, vec![staged, by(&store, "ada", ADA, None, replayed), active]).await.unwrap();
        }
        assert_eq!(store.active_policy().await.unwrap().unwrap().set.hash, "sha256:2");
        assert_eq!(store.policy("sha256:1").await.unwrap().unwrap().state, PolicyState::Retired);
        let unknown = by(&store, "ada", ADA, None, Body::PolicyActivated { hash: "sha256:3".into(), alone: true });
        assert!(append(&store, vec![unknown]).await.is_err());
        let counts = store.counts().await.unwrap();
        assert_eq!((counts.waiting, counts.cases[0], counts.cases[2]), (1, (Stage::Opened, 4), (Stage::Approved, 1)));
        sound(audit(&store).await);
    });
}

pub(super) fn wrapper(byte: u8) -> KeyWrapper {
    KeyWrapper::new(Zeroizing::new([byte; 32]))
}

pub(super) fn parts() -> SealedParts {
    let secret: Vec<u8> = (0..40_u8).map(|n| b'A' + (n % 26)).collect();
    let parts = vec![("key".to_owned(), Secret::new(secret)), ("id".to_owned(), Secret::new(b"\0\xff".to_vec()))];
    SealedParts { rule: "acme-token".into(), parts, context: json!({"host": "acme.example"}) }
}

pub(super) async fn seal(store: &Store, case: i64, until: i64, by: &KeyWrapper) -> Result<(), LedgerError> {
    let key = DataKey::make(by).await?;
    let mut tx = store.begin().await?;
    tx.seal(CaseNumber(case), &parts(), until, key).await?;
    tx.commit().await
}

fn sealing(kind: &Kind) {
    runtime().block_on(async {
        let address = kind.fresh();
        let (clock, options) = stepped(1000);
        let store = make(&address, options).await;
        let (old, new) = (wrapper(1), wrapper(2));
        append(&store, (1..=3).map(|n| opened(n, &format!("fp{n}"))).collect()).await.unwrap();
        for n in 1..=3 {
            seal(&store, n, 2000 + n, &old).await.unwrap();
        }
        assert_eq!(store.case(CaseNumber(1)).await.unwrap().unwrap().sealed, Some(2001));
        assert_eq!(store.unseal(CaseNumber(1), &old).await.unwrap(), Some(parts()));
        assert_eq!(store.unseal(CaseNumber(9), &old).await.unwrap(), None);
        let wrong = store.unseal(CaseNumber(1), &new).await.unwrap_err();
        assert!(wrong.to_string().contains("key:") && matches!(wrong, LedgerError::WrongKey { .. }), "{wrong}");
        assert!(matches!(seal(&store, 1, 1000, &old).await, Err(LedgerError::NotPermitted(_))));
        // What is moved to another case does not open there.
        let mut raw = raw(&address).await;
        for sql in [
            "CREATE TABLE saved AS SELECT * FROM sealed",
            "UPDATE sealed SET text = (SELECT s.text FROM saved s WHERE s.about = 2 AND s.place = sealed.place) WHERE about = 1",
        ] {
            sqlx::raw_sql(sql).execute(&mut raw).await.unwrap();
        }
        assert!(matches!(store.unseal(CaseNumber(1), &old).await, Err(LedgerError::Damaged(_))));
        let back = "UPDATE sealed SET text = (SELECT s.text FROM saved s WHERE s.about = 1 AND s.place = sealed.place) WHERE about = 1";
        sqlx::raw_sql(back).execute(&mut raw).await.unwrap();
        sqlx::raw_sql("DROP TABLE saved").execute(&mut raw).await.unwrap();
        assert_eq!(store.rewrap(&old, &new).await.unwrap(), 3);
        assert_eq!(store.rewrap(&old, &new).await.unwrap(), 0);
        assert_eq!(store.unseal(CaseNumber(2), &new).await.unwrap(), Some(parts()));
        seal(&store, 2, 3000, &new).await.unwrap();
        assert_eq!(store.unseal(CaseNumber(2), &new).await.unwrap(), Some(parts()));
        let held = wrapped(&mut raw).await;
        assert_eq!(held.len(), 3);
        drop(raw);
        let mut tx = store.begin().await.unwrap();
        assert!(tx.erase(CaseNumber(3), "closed").await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(store.unseal(CaseNumber(3), &new).await.unwrap(), None);
        assert_eq!(store.case(CaseNumber(3)).await.unwrap().unwrap().sealed, None);
        clock.0.store(2001, Ordering::SeqCst);
        assert!(matches!(store.unseal(CaseNumber(1), &new).await, Err(LedgerError::Expired(_))));
        assert_eq!(store.unseal(CaseNumber(1), &new).await.unwrap(), None);
        clock.0.store(3000, Ordering::SeqCst);
        assert_eq!(store.expire().await.unwrap(), [CaseNumber(2)]);
        if let Some(path) = address.path() {
            let bytes = files(path);
            for (_, secret) in parts().parts.iter().filter(|(_, s)| s.len() > 8) {
                assert!(!has(&bytes, secret.expose()), "a secret in the clear");
            }
            for gone in held {
                assert!(!has(&bytes, &gone), "a wrapped key that was erased");
            }
        }
        sound(audit(&store).await);
    });
}

/// A connection past the ledger.
pub(super) async fn raw(address: &Address) -> sqlx::AnyConnection {
    use sqlx::Connection as _;
    sqlx::any::install_default_drivers();
    sqlx::AnyConnection::connect(&url(address)).await.unwrap()
}

async fn wrapped(raw: &mut sqlx::AnyConnection) -> Vec<Vec<u8>> {
    use sqlx::Row as _;
    let rows = sqlx::query("SELECT wrapped FROM data_keys").fetch_all(raw).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Every byte of the file, its log included.
fn files(path: &std::path::Path) -> Vec<u8> {
    let folder = std::fs::read_dir(path.parent().unwrap()).unwrap();
    folder.flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

pub(super) fn job(name: &str) -> NewJob {
    NewJob { what: "verify".into(), dedupe: name.into(), case: None, payload: json!({"n": name}), due: 0 }
}

async fn queue(store: &Store, job: NewJob) -> Queued {
    let mut tx = store.begin().await.unwrap();
    let queued = tx.queue(job).await.unwrap();
    tx.commit().await.unwrap();
    queued
}

fn jobs(kind: &Kind) {
    runtime().block_on(async {
        let (clock, options) = stepped(1000);
        let address = kind.fresh();
        let store = make(&address, options.clone()).await;
        // A second worker, whose process has the same database.
        let other = Store::open(&address, options).await.unwrap();
        assert_eq!(queue(&store, job("one")).await, Queued::New(1));
        assert_eq!(queue(&store, job("one")).await, Queued::Known(1));
        assert!(store.claim(&["other"]).await.unwrap().is_none());
        let mut stalled = store.claim(&["verify"]).await.unwrap().unwrap();
        assert_eq!(
            (stalled.lease, stalled.lease_until, stalled.payload.clone()),
            (1, 1000 + LEASE, json!({"n": "one"}))
        );
        assert!(other.claim(&[]).await.unwrap().is_none());
        clock.0.store(1000 + LEASE, Ordering::SeqCst);
        let mut taken = other.claim(&[]).await.unwrap().unwrap();
        assert_eq!((taken.id, taken.lease, taken.attempts), (1, 2, 2));
        assert!(matches!(store.renew(&mut stalled).await, Err(LedgerError::Lost(1))));
        assert!(matches!(store.fail(&stalled, "x").await, Err(LedgerError::Lost(1))));
        let mut tx = store.begin().await.unwrap();
        tx.append(vec![opened(1, "result of the stalled")]).await.unwrap();
        assert!(matches!(tx.complete(&stalled).await, Err(LedgerError::Lost(1))));
        assert!(matches!(tx.commit().await, Err(LedgerError::Broken)), "a lost job's result is dropped");
        other.renew(&mut taken).await.unwrap();
        let mut tx = other.begin().await.unwrap();
        tx.complete(&taken).await.unwrap();
        tx.append(vec![opened(1, "result")]).await.unwrap();
        assert_eq!(tx.queue(job("next")).await.unwrap(), Queued::New(2));
        tx.commit().await.unwrap();
        assert!(store.case(CaseNumber(1)).await.unwrap().is_some());
        let mut parked = None;
        for attempt in 1..=ATTEMPTS {
            let due = store.job(2).await.unwrap().unwrap().due.max(clock.0.load(Ordering::SeqCst));
            clock.0.store(due, Ordering::SeqCst);
            let job: Job = store.claim(&[]).await.unwrap().unwrap();
            assert_eq!(job.attempts, attempt);
            parked = Some(store.fail(&job, "no\0answer").await.unwrap());
            assert!(store.claim(&[]).await.unwrap().is_none(), "not due yet");
        }
        assert_eq!((parked, store.job(2).await.unwrap().unwrap().state.as_str()), (Some(true), "parked"));
        // One whose worker never comes back.
        queue(&store, job("dies")).await;
        for _ in 0..ATTEMPTS {
            assert!(store.claim(&[]).await.unwrap().is_some());
            clock.0.fetch_add(LEASE, Ordering::SeqCst);
        }
        assert!(store.claim(&[]).await.unwrap().is_none());
        assert_eq!(store.jobs("parked").await.unwrap().len(), 2);
        // Many workers take each job once.
        for n in 0..20 {
            queue(&store, job(&format!("many {n}"))).await;
        }
        let workers: Vec<_> = (0..4)
            .map(|n| {
                let store = if n % 2 == 0 { store.clone() } else { other.clone() };
                tokio::spawn(async move {
                    let mut own = Vec::new();
                    while let Some(job) = store.claim(&[]).await.unwrap() {
                        let mut tx = store.begin().await.unwrap();
                        tx.complete(&job).await.unwrap();
                        tx.commit().await.unwrap();
                        own.push(job.id);
                    }
                    own
                })
            })
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.await.unwrap());
        }
        all.sort_unstable();
        assert_eq!(all, (4..24).collect::<Vec<_>>());
        sound(audit(&store).await);
    });
}

fn rebuilds(kind: &Kind) {
    runtime().block_on(async {
        let address = kind.fresh();
        let store = make(&address, Options::default()).await;
        append(&store, (1..=600).map(|n| opened(n, &format!("fp{n}"))).collect()).await.unwrap();
        let joined = |print: &str| Body::PlacesJoined { places: Vec::new(), fingerprints: vec![print.into()] };
        append(&store, vec![super::quells(5, joined("fp7")), super::quells(9, joined("new"))]).await.unwrap();
        append(&store, vec![super::quells(8, joined("new"))]).await.unwrap();
        append(&store, vec![by(&store, "ada", ADA, Some(3), Body::ApprovalRequested(Box::new(request("a-1"))))])
            .await
            .unwrap();
        queue(&store, job("one")).await;
        assert_eq!(store.find("fp7").await.unwrap(), Some(CaseNumber(7)), "whoever had it first keeps it");
        sound(audit(&store).await);
        let mut raw = raw(&address).await;
        for (sql, table) in [
            ("UPDATE cases SET stage = 'closed' WHERE number = 4", "cases"),
            ("DELETE FROM cases WHERE number = 600", "cases"),
            ("UPDATE facts SET value = 'x' WHERE about = 300", "facts"),
            ("INSERT INTO facts (about, name, value, source, folded) VALUES (9999, 'a', 'b', 'c', 'b')", "facts"),
            ("UPDATE fingerprints SET about = 11 WHERE fingerprint = 'fp12'", "fingerprints"),
            ("DELETE FROM fingerprints WHERE fingerprint = 'new'", "fingerprints"),
            ("UPDATE approvals SET state = 'granted'", "approvals"),
            ("DELETE FROM people", "people"),
            ("INSERT INTO policies (hash, state, doc) VALUES ('x', 'active', '{}')", "policies"),
            ("DELETE FROM jobs", "jobs"),
        ] {
            sqlx::raw_sql(sql).execute(&mut raw).await.unwrap();
            let found = store.rebuild(true).await.unwrap();
            assert!(found.iter().any(|d| d.table == table), "{sql}: {found:?}");
            assert_eq!(store.rebuild(false).await.unwrap(), found);
            assert_eq!(store.rebuild(true).await.unwrap(), [], "{sql}");
        }
        assert_eq!(store.job(1).await.unwrap().unwrap().state, "parked");
        sqlx::raw_sql("DELETE FROM scans").execute(&mut raw).await.unwrap();
        append(&store, vec![noted(1, "goes on")]).await.unwrap();
    });
}

fn exports(kind: &Kind) {
    runtime().block_on(async {
        let store = make(&kind.fresh(), Options::default()).await;
        append(&store, (1..=20).map(|n| opened(n, &format!("fp{n}"))).collect()).await.unwrap();
        append(
            &store,
            vec![by(
                &store,
                "ada",
                ADA,
                Some(1),
                Body::Noted {
                    text: Untrusted::new(b"\xff"),
                    counts_as: quell::model::principal::PrincipalKind::Person,
                },
            )],
        )
        .await
        .unwrap();
        let mid = store.checkpoint(&key(CHECKPOINTS)).await.unwrap();
        assert!(store.checkpoint(&key(ADA)).await.is_err());
        queue(&store, job("one")).await;
        let last = store.checkpoint(&key(CHECKPOINTS)).await.unwrap();
        assert_eq!(Checkpoint::parse(&last.line().unwrap()).unwrap(), last);
        let mut file = Vec::new();
        let events = store.export(&mut file).await.unwrap();
        let check =
            |bytes: &[u8], with: &[Checkpoint]| verify_export(&mut &*bytes, with, Some(&key(CHECKPOINTS).public_hex()));
        let good = check(&file, std::slice::from_ref(&last));
        assert!(good.holds() && good.events == events && good.tail_unproved_from == events + 1, "{good:?}");
        let text = String::from_utf8(file.clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let cut = |n: usize| lines[..n].iter().map(|line| format!("{line}\n")).collect::<String>();
        assert!(!check(cut(lines.len() - 1).as_bytes(), &[]).holds(), "no end");
        let without: String =
            lines.iter().enumerate().filter(|(n, _)| *n != 9).map(|(_, l)| format!("{l}\n")).collect();
        assert!(!check(without.as_bytes(), &[]).holds(), "an event is missing");
        let mut swapped = lines.clone();
        swapped.swap(9, 10);
        assert!(!check((swapped.join("\n") + "\n").as_bytes(), &[]).holds(), "two are exchanged");
        let trusted = verify_export(&mut file.as_slice(), &[], Some(&key(ADA).public_hex()));
        assert!(!trusted.holds(), "another key is trusted");
        for place in (0..file.len()).step_by(211) {
            let mut changed = file.clone();
            changed[place] ^= 1;
            assert!(!check(&changed, &[]).holds(), "byte {place}");
        }
        let target = kind.fresh();
        let copy = Store::import(&target, Options::default(), &mut file.as_slice(), &[mid, last], None).await.unwrap();
        assert_eq!(copy.head().await.unwrap(), store.head().await.unwrap());
        assert_eq!(copy.id(), store.id());
        sound(audit(&copy).await);
        append(
            &copy,
            vec![by(
                &copy,
                "ada",
                ADA,
                Some(1),
                Body::Noted { text: Untrusted::from("on"), counts_as: quell::model::principal::PrincipalKind::Person },
            )],
        )
        .await
        .unwrap();
        let again = Store::import(&target, Options::default(), &mut file.as_slice(), &[], None).await;
        assert!(matches!(again, Err(LedgerError::Exists(_))), "{again:?}");
        let mut changed = text.replacen("Acme token", "Acme tokem", 1).into_bytes();
        let target = kind.fresh();
        let refused = Store::import(&target, Options::default(), &mut changed.as_slice(), &[], None).await;
        assert!(matches!(refused, Err(LedgerError::Unsound { .. })), "{refused:?}");
        changed.clear();
        assert!(matches!(Store::open(&target, Options::default()).await, Err(LedgerError::NotMade(_))));
    });
}

fn opens(kind: &Kind) {
    runtime().block_on(async {
        let address = kind.fresh();
        assert!(matches!(Store::open(&address, Options::default()).await, Err(LedgerError::NotMade(_))));
        let store = make(&address, Options::default()).await;
        let ada = who("ada", 1, &[Role::Administrator]);
        let again = Store::make(&address, Options::default(), ada, &key(1), &key(2).public_hex()).await;
        assert!(matches!(again, Err(LedgerError::Exists(_))));
        let (clock, options) = stepped(1);
        let behind = Store::open(&address, options).await.unwrap();
        append(&behind, vec![opened(1, "fp1")]).await.unwrap();
        let events = store.events(0, 10, None).await.unwrap();
        assert!(events[2].at >= events[1].at, "a clock that is behind does not turn time back");
        clock.0.store(1, Ordering::SeqCst);
        let mut raw = raw(&address).await;
        sqlx::raw_sql("UPDATE meta SET value = '7' WHERE name = 'schema'").execute(&mut raw).await.unwrap();
        let newer = Store::open(&address, Options::default()).await.unwrap_err().to_string();
        assert!(newer.starts_with("made by a newer quell (schema 7, this one knows 2)"), "{newer}");
    });
}

#[test]
fn a_file_is_its_owners_alone_and_is_copied_and_put_back() {
    use std::os::unix::fs::PermissionsExt as _;
    let kind = Kind::files();
    runtime().block_on(async {
        let address = kind.fresh();
        let store = make(&address, Options::default()).await;
        append(&store, vec![opened(1, "fp1")]).await.unwrap();
        let path = address.path().unwrap();
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(path), mode(path.parent().unwrap())), (0o600, 0o700));
        for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
        seal(&store, 1, i64::MAX, &wrapper(1)).await.unwrap();
        let checkpoint = store.checkpoint(&key(CHECKPOINTS)).await.unwrap();
        let copy = path.with_file_name("copy.db");
        store.backup(&copy).await.unwrap();
        assert_eq!(mode(&copy), 0o600);
        assert!(matches!(store.backup(&copy).await, Err(LedgerError::Exists(_))));
        append(&store, vec![noted(1, "after the copy")]).await.unwrap();
        let there = Store::restore(&copy, &address, Options::default(), &[], None).await;
        assert!(matches!(there, Err(LedgerError::Exists(_))));
        let target = kind.fresh();
        let all = [checkpoint];
        let verified = Store::restore(&copy, &target, Options::default(), &all, None).await.unwrap();
        assert_eq!(verified.tail_unproved_from, 5);
        let restored = Store::open(&target, Options::default()).await.unwrap();
        assert_eq!(restored.unseal(CaseNumber(1), &wrapper(1)).await.unwrap(), Some(parts()));
        sound(audit(&restored).await);
        let mut bytes = std::fs::read(&copy).unwrap();
        let at = bytes.windows(10).position(|w| w == b"Acme token").unwrap();
        bytes[at] = b'B';
        std::fs::write(&copy, bytes).unwrap();
        let target = kind.fresh();
        let refused = Store::restore(&copy, &target, Options::default(), &[], None).await;
        assert!(refused.is_err(), "a changed copy");
        assert_eq!(std::fs::read_dir(target.path().unwrap().parent().unwrap()).unwrap().count(), 0);
    });
}

#[test]
fn a_full_disk_loses_nothing() {
    let kind = Kind::files();
    runtime().block_on(async {
        let address = kind.fresh();
        let store = make(&address, Options { max_pages: Some(120), ..Options::default() }).await;
        append(&store, vec![opened(1, "fp1")]).await.unwrap();
        let long = "x".repeat(20_000);
        let mut last = 0;
        let error = loop {
            match append(&store, vec![noted(1, &long)]).await {
                Ok(seq) => last = seq,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, LedgerError::Full), "{error}");
        assert_eq!(store.head().await.unwrap().0, last);
        sound(audit(&store).await);
        store.close().await;
        let more = Store::open(&address, Options::default()).await.unwrap();
        append(&more, vec![noted(1, &long)]).await.unwrap();
    });
}

#[test]
fn a_database_that_goes_away_loses_nothing_acknowledged() {
    let kind = Kind::server();
    let Kind::Server(server) = &kind else { unreachable!() };
    runtime().block_on(async {
        let address = kind.fresh();
        let store = make(&address, Options::default()).await;
        append(&store, vec![opened(1, "fp1")]).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        tx.append(vec![noted(1, "never acknowledged")]).await.unwrap();
        server.signal(Signal::INT);
        std::thread::sleep(Duration::from_millis(1000));
        let error = tx.commit().await.unwrap_err();
        assert!(matches!(error, LedgerError::Unreachable(_)), "{error}");
        let mut again = postgres(server.dir.path(), server.port).spawn().unwrap();
        let mut written = Err(LedgerError::Broken);
        for _ in 0..100 {
            written = append(&store, vec![noted(1, "later")]).await;
            if written.is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(written.unwrap(), 4, "what was not acknowledged is not there");
        sound(audit(&store).await);
        store.close().await;
        let own = rustix::process::Pid::from_raw(i32::try_from(again.id()).unwrap()).unwrap();
        rustix::process::kill_process(own, Signal::INT).unwrap();
        again.wait().unwrap();
    });
}

//! What whoever can write to the database slips in or damages: acts that nobody was allowed, each with the hash that it must
//! have, and rows and tables that are gone or hold something else. An audit tells all of it, and ends.

use quell::ledger::{Address, LedgerError, Options, Store, canonical, verify_export};
use quell::model::case::{CaseNumber, Outcome};
use quell::model::event::{Body, Closure, NewEvent, PolicyFiles};
use quell::model::principal::{Actor, PrincipalKind, Role};
use quell::model::{Untrusted, Verdict, Verification};
use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, Row as _};

use super::contract::{raw, request};
use super::{ADA, Kind, append, audit, by, id, make, noted, opened, quells, runtime, sound, who};

const BOB: u8 = 3;
const RITA: u8 = 4;

#[test]
fn sqlite_tells_acts_that_were_forged() {
    forged(&Kind::files());
}

#[test]
fn postgresql_tells_acts_that_were_forged() {
    forged(&Kind::server());
}

#[test]
fn sqlite_tells_what_is_damaged() {
    damaged(&Kind::files());
}

#[test]
fn postgresql_tells_what_is_damaged() {
    damaged(&Kind::server());
}

/// Writes an event past the ledger, with the hash that it must have.
async fn slip(raw: &mut AnyConnection, event: &NewEvent) {
    let last = "SELECT seq, at, hash FROM events ORDER BY seq DESC LIMIT 1";
    let last = sqlx::query(last).fetch_one(&mut *raw).await.unwrap();
    let (seq, at, before): (i64, i64, Vec<u8>) = (last.get::<i64, _>(0) + 1, last.get(1), last.get(2));
    let about = event.case.map(|case| case.0);
    let (actor, body) = (canonical(&event.actor).unwrap(), canonical(&event.body).unwrap());
    let mut hasher = Sha256::new();
    let mut field = |bytes: Option<&[u8]>| {
        hasher.update(bytes.map_or(u64::MAX, |b| b.len() as u64).to_be_bytes());
        hasher.update(bytes.unwrap_or_default());
    };
    for number in [1, seq, at] {
        field(Some(&number.to_be_bytes()));
    }
    field(about.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    for text in [Some(&actor), Some(&body), event.nonce.as_ref(), event.signature.as_ref()] {
        field(text.map(String::as_bytes));
    }
    field(Some(&before));
    let hash: Vec<u8> = hasher.finalize().to_vec();
    let sql = "INSERT INTO events (format, seq, at, about, actor, body, nonce, signature, hash) \
               VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8)";
    let query = sqlx::query(sql).bind(seq).bind(at).bind(about).bind(actor).bind(body);
    let query = query.bind(event.nonce.clone()).bind(event.signature.clone()).bind(hash);
    query.execute(raw).await.unwrap();
}

fn had(verdict: Verdict) -> Body {
    let verification = Verification::not_asked(verdict, "acme/token", 1);
    Body::VerdictHad { verification: Box::new(verification), by: Actor::Principal(id("rita")), nominal: None }
}

fn approved(name: &str, plan: &str, alone: bool) -> Body {
    Body::Approved { request: name.into(), plan_hash: plan.into(), alone, quorum: 2 }
}

/// Ada administers and approves, bob approves, rita responds. In case 1, rita and bob ask; bob approved what rita asked.
async fn company(address: &Address) -> Store {
    let store = make(address, Options::default()).await;
    let add = |name: &str, seed, roles: &[Role]| {
        by(&store, "ada", ADA, None, Body::PersonAdded { principal: who(name, seed, roles) })
    };
    let people = vec![add("bob", BOB, &[Role::Approver]), add("rita", RITA, &[Role::Responder])];
    append(&store, people).await.unwrap();
    let ask = |name: &str| Body::ApprovalRequested(Box::new(request(name)));
    let acts = vec![
        opened(1, "fp1"),
        by(&store, "rita", RITA, Some(1), ask("a-1")),
        by(&store, "bob", BOB, Some(1), ask("a-2")),
        by(&store, "rita", RITA, Some(1), ask("a-3")),
        by(&store, "ada", ADA, Some(1), Body::Rejected { request: "a-3".into(), reason: "no".into() }),
        by(&store, "bob", BOB, Some(1), approved("a-1", "p", false)),
        quells(1, had(Verdict::Live)),
    ];
    append(&store, acts).await.unwrap();
    store
}

/// What nobody was allowed, and a part of what an audit says about it.
fn acts(store: &Store) -> Vec<(NewEvent, &'static str)> {
    let reason = || "r".to_owned();
    let quell = |body| NewEvent::by_quell(None, body);
    let ada = |case, body| by(store, "ada", ADA, case, body);
    let bob = |case, body| by(store, "bob", BOB, case, body);
    let rita = |case, body| by(store, "rita", RITA, case, body);
    let one = Some(1);
    let eve = || Body::PersonAdded { principal: who("eve", 8, &[Role::Approver]) };
    let set = || PolicyFiles { hash: "h".into(), schema: "s".into(), profile: "default".into(), files: Vec::new() };
    let withdrawn = |of: &str| Body::ApprovalWithdrawn { request: "a-1".into(), of: id(of), reason: reason() };
    let accepted = || Body::RiskAccepted { until: i64::MAX, reason: reason() };
    let no_credential = || Body::Closed { closure: Closure::NoCredential };
    let dead = || Body::Closed { closure: Closure::ProofOfDeath { asked: 1, recipe: "x".into() } };
    let judged = || Body::OutcomeSet { outcome: Outcome::False, reason: reason() };
    let unregistered = |body| NewEvent { actor: Actor::Unregistered("ada".into()), ..quells(1, body) };
    vec![
        (quell(eve()), "no administrator"),
        (bob(None, eve()), "no administrator"),
        (quell(Body::RolesSet { id: id("rita"), roles: Role::ALL.to_vec() }), "no administrator"),
        (quell(Body::PersonBound { id: id("rita"), forge: None, address: None }), "no administrator"),
        (quell(Body::PersonRevoked { id: id("bob"), reason: reason() }), "no administrator"),
        (quell(Body::PolicyStaged { set: set() }), "no administrator"),
        (bob(None, Body::PolicyStaged { set: set() }), "no administrator"),
        (quell(Body::PolicyActivated { hash: "h".into(), alone: false }), "no administrator"),
        (ada(None, Body::PolicyActivated { hash: "h".into(), alone: false }), "no policy set"),
        (quell(Body::PolicyReplayed { hash: "h".into(), decisions: 1, differences: 0 }), "no registered person"),
        (quells(1, approved("a-1", "p", false)), "no approver"),
        (rita(one, approved("a-2", "p", false)), "no approver"),
        (bob(one, approved("a-2", "p", false)), "the person who asked"),
        (bob(one, approved("a-1", "p", true)), "second approval"),
        (ada(one, approved("a-1", "q", false)), "another plan"),
        (ada(one, approved("a-3", "p", false)), "did not wait"),
        (ada(one, approved("a-9", "p", false)), "was not made"),
        (quells(1, Body::Rejected { request: "a-1".into(), reason: reason() }), "no approver"),
        (rita(one, accepted()), "no approver"),
        (quells(1, judged()), "no responder or approver"),
        (unregistered(judged()), "no responder or approver"),
        (quells(1, no_credential()), "no responder or approver"),
        (quells(1, dead()), "there is none"),
        (unregistered(dead()), "no responder or approver"),
        (ada(one, withdrawn("bob")), "not `bob`"),
        (ada(one, had(Verdict::Dead)), "not quell"),
        (ada(one, Body::ApprovalExpired { request: "a-1".into() }), "not quell"),
        (NewEvent { nonce: None, signature: None, ..ada(one, accepted()) }, "its signature is missing"),
        (by(store, "ada", BOB, one, accepted()), "not its principal's"),
        (noted(7, "x"), "was not opened"),
        (opened(1, "again"), "opened before"),
        (NewEvent { case: Some(CaseNumber(1)), ..quell(eve()) }, "about no case"),
        (quell(Body::StoreMade { store: "x".into(), checkpoint_key: "y".into() }), "first alone"),
    ]
}

fn forged(kind: &Kind) {
    runtime().block_on(async {
        let address = kind.fresh();
        let store = company(&address).await;
        sound(audit(&store).await);
        let mut raw = raw(&address).await;
        let last = store.head().await.unwrap().0;
        let undo = format!("DELETE FROM events WHERE seq > {last}");
        for (event, wanted) in acts(&store) {
            let what = format!("{event:?}");
            slip(&mut raw, &event).await;
            let found = store.verify(&[], None).await.unwrap();
            assert_eq!(found.faults.len(), 1, "{what}: {:?}", found.faults);
            assert!(found.faults[0].seq == last + 1 && found.faults[0].what.contains(wanted), "{:?}", found.faults);
            let mut file = Vec::new();
            store.export(&mut file).await.unwrap();
            assert_eq!(verify_export(&mut file.as_slice(), &[], None).faults, found.faults, "{what}");
            assert!(store.rebuild(true).await.is_ok(), "{what}");
            assert!(matches!(store.rebuild(false).await, Err(LedgerError::Unsound { .. })), "{what}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(undo.clone())).execute(&mut raw).await.unwrap();
            // What an audit tells is not written in the first place.
            assert!(append(&store, vec![event]).await.is_err(), "{what}");
        }
        // The key of whoever was revoked counts no more, and what it signed before does.
        let late = by(&store, "bob", BOB, Some(1), Body::RiskAccepted { until: i64::MAX, reason: "r".into() });
        let gone = Body::PersonRevoked { id: id("bob"), reason: "left".into() };
        append(&store, vec![by(&store, "ada", ADA, None, gone)]).await.unwrap();
        sound(audit(&store).await);
        slip(&mut raw, &late).await;
        let found = store.verify(&[], None).await.unwrap();
        assert!(found.faults.len() == 1 && found.faults[0].what.contains("revoked"), "{:?}", found.faults);
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DELETE FROM events WHERE seq > {}", last + 1)))
            .execute(&mut raw)
            .await
            .unwrap();
        // What was right all along.
        let dead = Body::Closed { closure: Closure::ProofOfDeath { asked: 1, recipe: "x".into() } };
        let of = Body::ApprovalWithdrawn { request: "a-1".into(), of: id("bob"), reason: "revoked".into() };
        let good = vec![
            quells(1, of),
            by(&store, "ada", ADA, Some(1), approved("a-1", "p", false)),
            quells(1, had(Verdict::Dead)),
            quells(1, dead),
        ];
        append(&store, good).await.unwrap();
        sound(audit(&store).await);
    });
}

async fn sql(raw: &mut AnyConnection, text: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(text.to_owned())).execute(raw).await.unwrap();
}

fn damaged(kind: &Kind) {
    runtime().block_on(async {
        let address = kind.fresh();
        let store = company(&address).await;
        let mut raw = raw(&address).await;
        // Whoever has the file has no rules for its columns either.
        sql(&mut raw, "CREATE TABLE loose AS SELECT * FROM events; CREATE TABLE saved AS SELECT * FROM events").await;
        sql(&mut raw, "ALTER TABLE events RENAME TO strict; ALTER TABLE loose RENAME TO events").await;
        for (damage, at) in [
            ("UPDATE events SET body = substr(body, 1, 20) WHERE seq = 5", 5),
            ("UPDATE events SET actor = '{\"as\":\"principal\",\"name\":\"ada\"}' WHERE seq = 5", 5),
            ("UPDATE events SET actor = '{' WHERE seq = 5", 5),
            ("UPDATE events SET about = 9 WHERE seq = 6", 6),
            ("UPDATE events SET body = '{' WHERE seq = 1", 1),
            ("UPDATE events SET body = NULL WHERE seq = 1", 1),
            ("UPDATE events SET body = NULL WHERE seq = 5", 5),
            ("UPDATE events SET hash = NULL WHERE seq = 5", 5),
            ("UPDATE events SET at = NULL WHERE seq = 5", 5),
            ("UPDATE events SET seq = NULL WHERE seq = 5", 0),
            ("DELETE FROM events", 1),
            ("DROP TABLE events", 0),
            ("ALTER TABLE checkpoints RENAME TO gone", 0),
        ] {
            sql(&mut raw, damage).await;
            let store = Store::open_for_audit(&address, Options::default()).await.unwrap();
            let found = store.verify(&[], None).await.unwrap();
            assert!(found.faults.iter().any(|fault| fault.seq == at), "{damage}: {:?}", found.faults);
            assert!(store.rebuild(true).await.is_ok(), "{damage}");
            let refused = store.rebuild(false).await;
            assert!(matches!(refused, Err(LedgerError::Unsound { .. })), "{damage}: {refused:?}");
            store.close().await;
            let back = "DROP TABLE IF EXISTS events; CREATE TABLE events AS SELECT * FROM saved";
            sql(&mut raw, back).await;
            if damage.contains("gone") {
                sql(&mut raw, "ALTER TABLE gone RENAME TO checkpoints").await;
            }
        }
        sql(&mut raw, "DROP TABLE events; ALTER TABLE strict RENAME TO events").await;
        projections(&address, &mut raw, kind.is_files()).await;
        drop(store);
    });
}

/// What is made of events is made again, whatever became of it.
async fn projections(address: &Address, raw: &mut AnyConnection, files: bool) {
    let mut all = vec![
        ("UPDATE people SET doc = '{'", "people"),
        ("UPDATE cases SET doc = '{'", "cases"),
        ("DROP TABLE people", "people"),
        ("DROP TABLE cases", "cases"),
        ("DROP TABLE facts; DROP TABLE approvals", "approvals"),
        ("DROP TABLE fingerprints", "fingerprints"),
        ("DROP TABLE policies; DROP TABLE scans", "scans"),
        ("DROP TABLE jobs", "jobs"),
        ("DROP TABLE sealed; DROP TABLE data_keys", "sealed"),
        ("DROP TABLE meta", "meta"),
        ("ALTER TABLE cases DROP COLUMN search", "cases"),
        (
            "DROP TABLE people; CREATE TABLE people (id TEXT PRIMARY KEY, doc TEXT); INSERT INTO people (id) VALUES ('ada')",
            "people",
        ),
    ];
    if files {
        all.push(("UPDATE people SET doc = CAST(x'ff' AS TEXT)", "people"));
        all.push(("UPDATE facts SET value = CAST(x'ff' AS TEXT)", "facts"));
    }
    for (damage, table) in all {
        sql(raw, damage).await;
        let store = Store::open_for_audit(address, Options::default()).await.unwrap();
        assert!(store.verify(&[], None).await.unwrap().holds(), "{damage}");
        let found = store.rebuild(true).await.unwrap();
        assert!(found.iter().any(|one| one.table == table), "{damage}: {found:?}");
        assert_eq!(store.rebuild(false).await.unwrap(), found, "{damage}");
        assert_eq!(store.rebuild(true).await.unwrap(), [], "{damage}");
        store.close().await;
        let whole = Store::open(address, Options::default()).await.unwrap();
        assert_eq!(whole.people().await.unwrap().len(), 3, "{damage}");
        sound(audit(&whole).await);
        whole.close().await;
    }
}

#[test]
fn what_is_no_store_is_told_as_such() {
    let kind = Kind::files();
    let dir = kind.fresh();
    let folder = dir.path().unwrap().parent().unwrap();
    std::fs::create_dir_all(folder).unwrap();
    runtime().block_on(async {
        for text in ["no database", &"no database ".repeat(1000)] {
            let path = folder.join("text.db");
            std::fs::write(&path, text).unwrap();
            for audit in [false, true] {
                let address = Address::Sqlite(path.clone());
                let begun = std::time::Instant::now();
                let refused = match audit {
                    true => Store::open_for_audit(&address, Options::default()).await,
                    false => Store::open(&address, Options::default()).await,
                };
                let told = refused.unwrap_err();
                assert!(matches!(told, LedgerError::NoStore(_)), "{told}");
                assert!(told.to_string().contains("text.db` is no store of quell"), "{told}");
                assert!(begun.elapsed().as_secs() < 10, "it is told at once");
            }
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "it is left alone");
        }
        let path = folder.join("empty.db");
        std::fs::write(&path, "").unwrap();
        std::fs::write(folder.join("checkpoint.key"), "x").unwrap();
        let address = Address::Sqlite(path);
        for refused in
            [Store::open(&address, Options::default()).await, Store::open_for_audit(&address, Options::default()).await]
        {
            assert!(matches!(refused, Err(LedgerError::NotMade(_))), "{refused:?}");
        }
        let port = crate::services::free_port();
        let address = Address::parse(&format!("postgres://quell@127.0.0.1:{port}/quell")).unwrap();
        let begun = std::time::Instant::now();
        for refused in
            [Store::open(&address, Options::default()).await, Store::open_for_audit(&address, Options::default()).await]
        {
            let told = refused.unwrap_err();
            assert!(matches!(told, LedgerError::Unreachable(_)), "{told}");
            assert!(told.to_string().to_lowercase().contains("connection refused"), "{told}");
        }
        assert!(begun.elapsed().as_secs() < 10, "it is told at once");
    });
}

#[test]
fn a_store_without_a_name_is_not_written_to() {
    let kind = Kind::files();
    runtime().block_on(async {
        let address = kind.fresh();
        let store = company(&address).await;
        sql(&mut raw(&address).await, "UPDATE events SET body = '{' WHERE seq = 1").await;
        store.close().await;
        let opened = Store::open_for_audit(&address, Options::default()).await.unwrap();
        assert_eq!(opened.id(), "");
        let text = Body::Noted { text: Untrusted::from("x"), counts_as: PrincipalKind::Person };
        let refused = append(&opened, vec![quells(1, text)]).await;
        assert!(matches!(refused, Err(LedgerError::NotPermitted(_))), "{refused:?}");
    });
}

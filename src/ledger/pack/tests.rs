//! A pack is what was written, or is refused.

use serde_json::json;

use super::*;
use crate::ledger::canonical::{hex, unhex};
use crate::ledger::chain::Stored;
use crate::ledger::{Address, Options, SigningKey, Store};
use crate::model::action::{Action, Tier};
use crate::model::case::CaseNumber;
use crate::model::decision::{Decision, DecisionKind};
use crate::model::event::{Body, NewEvent, Opening};
use crate::model::principal::{Actor, Principal, PrincipalId, PrincipalKind, Relayed, Role};
use crate::model::{Confidence, Severity, Untrusted};

const CHECKPOINTS: u8 = 99;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn id(name: &str) -> PrincipalId {
    PrincipalId::parse(name).unwrap()
}

fn who(name: &str, seed: u8, kind: PrincipalKind, roles: &[Role]) -> Principal {
    let own = kind == PrincipalKind::Person;
    Principal {
        id: id(name),
        kind,
        roles: roles.iter().copied().collect(),
        key: key(seed).public_hex(),
        forge: own.then(|| format!("github:{name}")),
        address: own.then(|| format!("{name}@acme.example")),
        since: 0,
        revoked: None,
    }
}

/// An event, signed by whoever writes it. Its nonce is its own.
fn by(store: &Store, actor: Actor, seed: u8, case: Option<i64>, body: Body, nonce: &str) -> NewEvent {
    let event = NewEvent { case: case.map(CaseNumber), actor, body, nonce: None, signature: None };
    key(seed).sign_event(store.id(), event, nonce).unwrap()
}

fn opening(print: &str) -> Box<Opening> {
    Box::new(Opening {
        fingerprints: vec![print.to_owned()],
        rule: "acme-token".into(),
        title: "Acme token".into(),
        provider: "acme".into(),
        redacted: "acme_…".into(),
        severity: Severity::High,
        confidence: Confidence::High,
        advice: "Revoke it.".into(),
        docs: "https://acme.example/docs".into(),
        controls: vec!["NHI2".into()],
        names: vec![Untrusted::new(b"\xff\0odd")],
        places: Vec::new(),
        exposed: Some(5),
        expires: None,
        by_report: false,
    })
}

fn decided() -> Body {
    Body::Decided {
        decision: Box::new(Decision {
            action: Action::Rotate,
            tier: Tier::Watch,
            kind: DecisionKind::Recommendation,
            determining: Vec::new(),
            unmet: Vec::new(),
            errors: Vec::new(),
            policy: "sha256:aa".into(),
            schema: "sha256:bb".into(),
            facts: json!({ "a": 1 }),
            snapshot: "sha256:cc".into(),
        }),
    }
}

async fn append(store: &Store, events: Vec<NewEvent>) {
    let mut tx = store.begin().await.unwrap();
    tx.append(events).await.unwrap();
    tx.commit().await.unwrap();
}

/// A store with two cases: the first has events of quell, of ada, of bob by a relay; carl wrote about the second alone.
async fn store(dir: &tempfile::TempDir) -> Store {
    let address = Address::Sqlite(dir.path().join("store.db"));
    let ada = who("ada", 1, PrincipalKind::Person, &[Role::Administrator, Role::Approver]);
    let store = Store::make(&address, Options::default(), ada, &key(1), &key(CHECKPOINTS).public_hex()).await.unwrap();
    let added = |principal| Body::PersonAdded { principal };
    let ada = Actor::Principal(id("ada"));
    let noted = |text: &str| Body::Noted { text: Untrusted::from(text), counts_as: PrincipalKind::Person };
    let people = [
        who("bob", 2, PrincipalKind::Person, &[Role::Responder]),
        who("carl", 3, PrincipalKind::Person, &[Role::Responder]),
        who("ferry", 4, PrincipalKind::Machine, &[Role::Relay]),
    ];
    for (n, principal) in people.into_iter().enumerate() {
        append(&store, vec![by(&store, ada.clone(), 1, None, added(principal), &format!("p{n}"))]).await;
    }
    let case = |number, body| NewEvent::by_quell(Some(CaseNumber(number)), body);
    append(&store, vec![case(1, Body::CaseOpened(opening("one"))), case(2, Body::CaseOpened(opening("two")))]).await;
    append(&store, vec![by(&store, Actor::Principal(id("carl")), 3, Some(2), noted("of another case"), "c1")]).await;
    append(&store, vec![by(&store, ada.clone(), 1, Some(1), noted("seen"), "a1"), case(1, decided())]).await;
    let relayed = Actor::Relayed(Relayed {
        person: id("bob"),
        account: "github:bob".into(),
        comment: "shop/9".into(),
        by: id("ferry"),
    });
    append(&store, vec![by(&store, relayed, 4, Some(1), Body::Acknowledged, "f1")]).await;
    store
}

fn made(which: i64) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = store(&dir).await;
        let mut out = Vec::new();
        store.pack(CaseNumber(which), &key(CHECKPOINTS), &mut out).await.unwrap();
        let wrong = store.pack(CaseNumber(which), &key(1), &mut Vec::new()).await;
        assert!(matches!(wrong, Err(LedgerError::NotPermitted(_))));
        assert!(store.pack(CaseNumber(9), &key(CHECKPOINTS), &mut Vec::new()).await.is_err());
        out
    })
}

fn check(pack: &[u8]) -> Result<PackVerified, LedgerError> {
    verify_pack(&mut &*pack, None)
}

/// The lines of a pack, to be changed.
fn lines(pack: &[u8]) -> Vec<Line> {
    pack.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect()
}

/// A pack of lines, with the right number of them.
fn written(mut lines: Vec<Line>) -> Vec<u8> {
    lines.pop();
    lines.push(Line::End { lines: lines.len() as u64 });
    lines.iter().flat_map(|line| (canonical(line).unwrap() + "\n").into_bytes()).collect()
}

/// The same, sealed anew by whoever has the key.
fn resealed(mut lines: Vec<Line>, seed: u8) -> Vec<u8> {
    let Some(Line::Pack(header)) = lines.first().cloned() else { panic!() };
    let event = |line: &Line| if let Line::Event(e) = line { Some((e.seq, e.hash.clone())) } else { None };
    let policy = |line: &Line| if let Line::Policy(p) = line { Some(p.clone()) } else { None };
    let events: Vec<_> = lines.iter().filter_map(event).collect();
    let policies: Vec<_> = lines.iter().filter_map(policy).collect();
    let signature = key(seed).sign(sealed(&header, &events, &policies).unwrap().as_bytes());
    for line in &mut lines {
        if let Line::Seal { signature: old } = line {
            old.clone_from(&signature);
        }
    }
    written(lines)
}

#[test]
fn a_pack_tells_its_case_and_names_nobody_else() {
    let pack = made(1);
    let trusted = key(CHECKPOINTS).public_hex();
    let verified = verify_pack(&mut &*pack, Some(&trusted)).unwrap();
    assert_eq!((verified.case.number, verified.case.version, verified.events.len()), (CaseNumber(1), 4, 4));
    // Ada, bob and the relay are registered; ada signed herself in, both of them, and a note, and the relay its word.
    assert_eq!((verified.people, verified.signatures), (3, 5));
    assert_eq!(
        verified.policies,
        [PackPolicy { hash: "sha256:aa".into(), schema: "sha256:bb".into(), profile: None, files: vec![] }]
    );
    assert!(verified.trusted && !check(&pack).unwrap().trusted);
    assert_eq!(check(&pack).unwrap().limits().len(), verified.limits().len() + 1);
    let text = String::from_utf8(pack).unwrap();
    assert!(!text.contains("carl") && !text.contains("of another case"), "{text}");
    assert!(verify_pack(&mut text.as_bytes(), Some(&key(1).public_hex())).is_err(), "another key is trusted");
    let other = check(&made(2)).unwrap();
    assert!(other.events.iter().any(|event| event.actor == Actor::Principal(id("carl"))));
}

#[test]
fn no_byte_can_be_another() {
    let pack = made(1);
    check(&pack).unwrap();
    for at in 0..pack.len() {
        // Another digit or letter, the other case, and what is no UTF-8.
        let more = [0x20, 0x80][at / 4 % 2];
        for flip in [0x01, more].into_iter().take(1 + usize::from(at % 4 == 0)) {
            let mut other = pack.clone();
            other[at] ^= flip;
            let told = check(&other);
            assert!(matches!(told, Err(LedgerError::Unsound { .. })), "byte {at} ^ {flip}: {told:?}");
        }
    }
}

#[test]
fn nothing_is_cut_added_or_turned_around() {
    let pack = made(1);
    for end in (0..pack.len()).step_by(7) {
        assert!(check(&pack[..end]).is_err(), "cut at {end}");
    }
    let whole = lines(&pack);
    for at in 0..whole.len() - 1 {
        let mut fewer = whole.clone();
        fewer.remove(at);
        assert!(check(&written(fewer)).is_err(), "without line {at}");
        let mut twice = whole.clone();
        twice.insert(at, whole[at].clone());
        assert!(check(&written(twice)).is_err(), "line {at} twice");
        let mut turned = whole.clone();
        turned.swap(at, at + 1);
        assert!(check(&written(turned)).is_err(), "line {at} behind the next");
    }
    assert!(check(&[pack.as_slice(), b" "].concat()).is_err(), "something behind its end");
    assert!(check(b"").is_err() && check(b"{}\n").is_err());
}

/// The events of a pack with the hashes that they must have after what was changed in them.
fn rehashed(mut lines: Vec<Line>) -> Vec<Line> {
    let mut before: Option<(i64, String)> = None;
    for line in &mut lines {
        let Line::Event(event) = line else { continue };
        if let Some((_, hash)) = before.filter(|(seq, _)| seq + 1 == event.seq) {
            event.ahead = hash;
        }
        let Recorded { format, seq, at, case: about, actor, body, nonce, signature, ahead, .. } = event.clone();
        let row = Stored { format, seq, at, about, actor, body, nonce, signature, hash: Vec::new() };
        event.hash = hex(&row.hashed(&unhex(&ahead).unwrap()));
        before = Some((event.seq, event.hash.clone()));
    }
    if let (Some(Line::Pack(header)), Some(last)) = (lines.first_mut(), before) {
        header.head = last;
    }
    lines
}

/// Whoever has the key of the seal can seal what they like: hashes and signatures of people still have to fit.
#[test]
fn the_keeper_of_the_seal_cannot_make_people_say_something_else() {
    let whole = lines(&made(1));
    let changed = |what: &dyn Fn(&mut Recorded)| {
        let mut lines = whole.clone();
        for line in &mut lines {
            if let Line::Event(event) = line {
                what(event);
            }
        }
        lines
    };
    let told = |lines: Vec<Line>| check(&resealed(lines, CHECKPOINTS)).map_err(|e| e.to_string());
    let refused = |lines: Vec<Line>, why: &str| {
        let told = told(lines).unwrap_err();
        assert!(told.contains(why), "{told}");
    };
    assert!(told(rehashed(whole.clone())).is_ok());
    let said = changed(&|event| event.body = event.body.replace("seen", "fine"));
    refused(said.clone(), "its hash does not fit");
    refused(rehashed(said), "its signature is not its principal's");
    let unsigned = changed(&|event| {
        if event.body.contains("seen") {
            (event.nonce, event.signature) = (None, None);
        }
    });
    refused(rehashed(unsigned), "its signature is missing");
    let unchained = changed(&|event| {
        if event.body.contains("decided") {
            event.ahead = "11".repeat(32);
        }
    });
    refused(unchained, "not that of the event before");
    // What bob did is put into quell's mouth.
    let by_quell = changed(&|event| {
        if event.body.contains("acknowledged") {
            (event.nonce, event.signature) = (None, None);
            event.actor = canonical(&Actor::Quell).unwrap();
        }
    });
    refused(rehashed(by_quell), "not permitted");
    let unknown = whole.iter().filter(|line| !matches!(line, Line::Event(event) if event.body.contains("ferry")));
    refused(unknown.cloned().collect(), "nobody of that name is registered");
    let unnamed = whole.iter().filter(|line| !matches!(line, Line::Policy(_)));
    refused(unnamed.cloned().collect(), "its policy sets are not those");
    let stranger = check(&resealed(whole.clone(), 7)).unwrap_err().to_string();
    assert!(stranger.contains("the seal does not count"), "{stranger}");
}

//! The ledger's contract, on SQLite and on PostgreSQL: what is acknowledged is kept, what is changed is found, and what is
//! half done is not there. Crashes are tried in `crash`, at every named point, by errors and by ending the process.

#[path = "ledger/contract.rs"]
mod contract;
#[path = "ledger/crash.rs"]
mod crash;
#[path = "ledger/forged.rs"]
mod forged;
#[path = "ledger/judged.rs"]
mod judged;
#[path = "ledger/speed.rs"]
mod speed;
#[path = "ledger/tamper.rs"]
mod tamper;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use quell::ledger::{Address, Options, SigningKey, Store};
use quell::model::case::CaseNumber;
use quell::model::event::{Body, NewEvent, Opening};
use quell::model::principal::{Actor, Principal, PrincipalId, PrincipalKind, Role};
use quell::model::{Clock, Confidence, Severity, Untrusted};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::services::{Service, as_user, done, free_port, service, tool};

const INSTALL: &str = "Debian's `postgresql`";

/// A clock that tests move.
#[derive(Default)]
pub(crate) struct Stepped(pub(crate) AtomicI64);

impl Clock for Stepped {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Where stores are made: a folder, or a server of PostgreSQL.
pub(crate) enum Kind {
    Files(TempDir),
    Server(Box<Service>),
}

impl Kind {
    pub(crate) fn files() -> Self {
        Self::Files(TempDir::new().unwrap())
    }

    /// A private server.
    pub(crate) fn server() -> Self {
        let (mut init, dir) = service("initdb", INSTALL, "postgres");
        let data = dir.path().join("data");
        done(init.args(["-A", "trust", "-N", "--locale=C", "-E", "UTF8", "-U", "postgres", "-D"]).arg(&data));
        std::fs::write(data.join("pg_hba.conf"), "local all all trust\nhost all all 127.0.0.1/32 trust\n").unwrap();
        let port = free_port();
        let started = Service::start(postgres(dir.path(), port), port, dir);
        for _ in 0..500 {
            let mut ready = Command::new(tool("pg_isready", INSTALL));
            let place = started.dir.path();
            if ready.arg("-h").arg(place).args(["-p", &port.to_string()]).output().unwrap().status.success() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Self::Server(Box::new(started))
    }

    /// A place where nothing is.
    pub(crate) fn fresh(&self) -> Address {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        match self {
            Self::Files(dir) => Address::Sqlite(dir.path().join(format!("s{number}/store.db"))),
            Self::Server(server) => {
                let mut psql = Command::new(tool("psql", INSTALL));
                psql.env_clear().arg("-h").arg(server.dir.path()).args(["-p", &server.port.to_string()]);
                done(psql.args(["-U", "postgres", "-q", "-c", &format!("CREATE DATABASE d{number}")]));
                Address::parse(&format!("postgres://postgres@127.0.0.1:{}/d{number}", server.port)).unwrap()
            }
        }
    }

    pub(crate) const fn is_files(&self) -> bool {
        matches!(self, Self::Files(_))
    }
}

/// The command of a server.
pub(crate) fn postgres(dir: &Path, port: u16) -> Command {
    let mut command = Command::new(tool("postgres", INSTALL));
    command.env_clear().arg("-D").arg(dir.join("data"));
    command.args(["-F", "-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
    command.arg("-c").arg(format!("unix_socket_directories={}", dir.display()));
    as_user(&mut command, "postgres", dir);
    command
}

/// What tells how to connect to a store, past the ledger.
pub(crate) fn url(address: &Address) -> String {
    match address {
        Address::Sqlite(path) => format!("sqlite:{}", path.display()),
        Address::Postgres(url) => format!("{url}?options[search_path]=quell"),
    }
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

/// Ada's, who is the first administrator; and that of checkpoints.
pub(crate) const ADA: u8 = 1;
pub(crate) const CHECKPOINTS: u8 = 99;

pub(crate) fn id(name: &str) -> PrincipalId {
    PrincipalId::parse(name).unwrap()
}

pub(crate) fn who(name: &str, seed: u8, roles: &[Role]) -> Principal {
    Principal {
        id: id(name),
        kind: PrincipalKind::Person,
        roles: roles.iter().copied().collect(),
        key: key(seed).public_hex(),
        forge: Some(format!("github:{name}")),
        address: Some(format!("{name}@acme.example")),
        since: 0,
        revoked: None,
    }
}

pub(crate) async fn make(address: &Address, options: Options) -> Store {
    let ada = who("ada", ADA, &[Role::Administrator, Role::Approver]);
    Store::make(address, options, ada, &key(ADA), &key(CHECKPOINTS).public_hex()).await.unwrap()
}

pub(crate) fn stepped(now: i64) -> (Arc<Stepped>, Options) {
    let clock = Arc::new(Stepped(AtomicI64::new(now)));
    (clock.clone(), Options { clock: Some(clock), ..Options::default() })
}

/// A nonce that was never used.
pub(crate) fn nonce() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// An event of a person, signed.
pub(crate) fn by(store: &Store, name: &str, seed: u8, case: Option<i64>, body: Body) -> NewEvent {
    let actor = Actor::Principal(id(name));
    let event = NewEvent { case: case.map(CaseNumber), actor, body, nonce: None, signature: None };
    key(seed).sign_event(store.id(), event, &nonce()).unwrap()
}

/// An event of quell's about a case.
pub(crate) fn quells(case: i64, body: Body) -> NewEvent {
    NewEvent::by_quell(Some(CaseNumber(case)), body)
}

pub(crate) fn noted(case: i64, text: &str) -> NewEvent {
    quells(case, Body::Noted { text: Untrusted::from(text), counts_as: PrincipalKind::Person })
}

pub(crate) fn opening(print: &str) -> Opening {
    Opening {
        fingerprints: vec![print.to_owned(), format!("{print}-second")],
        rule: "acme-token".into(),
        title: "Acme token".into(),
        provider: "acme".into(),
        redacted: "acme_… (40 bytes)".into(),
        severity: Severity::High,
        confidence: Confidence::High,
        advice: "Revoke it.".into(),
        docs: "https://acme.example/docs".into(),
        controls: vec!["OWASP:NHI2".into()],
        names: vec![Untrusted::from("ACME_TOKEN"), Untrusted::new(b"\xff\0odd")],
        places: Vec::new(),
        exposed: Some(5),
        expires: None,
        by_report: false,
    }
}

pub(crate) fn opened(case: i64, print: &str) -> NewEvent {
    quells(case, Body::CaseOpened(Box::new(opening(print))))
}

/// Appends and commits.
pub(crate) async fn append(store: &Store, events: Vec<NewEvent>) -> Result<i64, quell::ledger::LedgerError> {
    let mut tx = store.begin().await?;
    tx.append(events).await?;
    let seq = tx.seq();
    tx.commit().await?;
    Ok(seq)
}

/// That a store is sound: its chain verifies, and its projections are what the events come to.
#[track_caller]
pub(crate) fn sound(found: (quell::ledger::Verified, Vec<quell::ledger::Difference>)) {
    assert!(found.0.holds(), "{:?}", found.0.faults);
    assert!(found.1.is_empty(), "{:?}", found.1);
}

pub(crate) async fn audit(store: &Store) -> (quell::ledger::Verified, Vec<quell::ledger::Difference>) {
    (store.verify(&[], None).await.unwrap(), store.rebuild(true).await.unwrap())
}

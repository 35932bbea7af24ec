//! At every named point, an error and the end of the process: what was acknowledged is there, and nothing is half there.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use quell::ledger::{
    ATTEMPTS, Address, Faults, LEASE, LedgerError, NewJob, Options, POINTS, SigningKey, Store, Wrapper as _,
};
use quell::model::Untrusted;
use quell::model::case::CaseNumber;
use quell::model::event::{Body, NewEvent, PolicyFiles};
use quell::model::principal::Role;
use tempfile::TempDir;

use super::contract::{job, parts, request, seal, wrapper};
use super::{ADA, CHECKPOINTS, Kind, Stepped, append, audit, by, key, noted, opened, runtime, sound, who};

/// Points that need an older schema, which the ledger's own tests have.
fn reachable(kind: &Kind) -> impl Iterator<Item = &'static str> {
    let files = kind.is_files();
    let copies = |point: &str| point.starts_with("backup.") || point.starts_with("restore.");
    POINTS.iter().copied().filter(move |p| !p.starts_with("migrate.") && (files || !copies(p)))
}

#[test]
fn sqlite_survives_every_crash() {
    crashes(&Kind::files());
}

#[test]
fn postgresql_survives_every_crash() {
    crashes(&Kind::server());
}

fn crashes(kind: &Kind) {
    assert!(POINTS.len() >= 30);
    for point in reachable(kind) {
        for kill in [false, true] {
            let (address, dir) = (kind.fresh(), TempDir::new().unwrap());
            let hit = if kill { killed(&address, dir.path(), point) } else { failed(&address, dir.path(), point) };
            assert!(hit, "{point} is not reached");
            runtime().block_on(after(&address, dir.path(), point));
        }
    }
}

/// The work in this process, with an error at the point.
fn failed(address: &Address, dir: &Path, point: &'static str) -> bool {
    let hits = Arc::new(AtomicUsize::new(0));
    let counted = hits.clone();
    let faults: Faults = Arc::new(move |name| {
        if name == point {
            counted.fetch_add(1, Ordering::SeqCst);
            return Err(std::io::Error::other("made up"));
        }
        Ok(())
    });
    let ended = runtime().block_on(work(address, dir, faults));
    assert!(ended.is_err(), "{point}: nobody was told");
    hits.load(Ordering::SeqCst) > 0
}

/// The work in a process of its own, which ends at the point.
fn killed(address: &Address, dir: &Path, point: &str) -> bool {
    let module = module_path!().split_once("::").unwrap().1;
    let place = match address {
        Address::Sqlite(path) => path.display().to_string(),
        Address::Postgres(url) => url.clone(),
    };
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", &format!("{module}::a_process_that_ends"), "--test-threads=1"]);
    child.env("LEDGER_CRASH", format!("{point}\n{place}\n{}", dir.display()));
    let output = child.output().unwrap();
    assert!(!output.status.success(), "{point}: {}", String::from_utf8_lossy(&output.stdout));
    dir.join("hit").exists()
}

#[test]
#[ignore = "it is run by the other tests here, and ends its process"]
fn a_process_that_ends() {
    let Ok(told) = std::env::var("LEDGER_CRASH") else { return };
    let told: Vec<String> = told.lines().map(str::to_owned).collect();
    let (point, dir) = (told[0].clone(), PathBuf::from(&told[2]));
    let hit = dir.join("hit");
    let faults: Faults = Arc::new(move |name| {
        if name == point {
            std::fs::write(&hit, "").unwrap();
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
            loop {
                std::thread::park();
            }
        }
        Ok(())
    });
    runtime().block_on(work(&Address::parse(&told[1]).unwrap(), &dir, faults)).unwrap();
}

/// Notes that the ledger said yes, and to what.
async fn acknowledged(store: &Store, dir: &Path) -> Result<(), LedgerError> {
    let (seq, hash) = store.head().await?;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(dir.join("acknowledged")).unwrap();
    writeln!(file, "{seq} {hash}").unwrap();
    Ok(())
}

/// A bit of everything that writes.
async fn work(address: &Address, dir: &Path, faults: Faults) -> Result<(), LedgerError> {
    let clock = Arc::new(Stepped::default());
    clock.0.store(1000, Ordering::SeqCst);
    let options = Options { clock: Some(clock.clone()), faults: Some(faults), max_pages: None };
    let ada = who("ada", ADA, &[Role::Administrator, Role::Approver]);
    let checkpoints: SigningKey = key(CHECKPOINTS);
    let store = Store::make(address, options.clone(), ada, &key(ADA), &checkpoints.public_hex()).await?;
    acknowledged(&store, dir).await?;
    let bob = Body::PersonAdded { principal: who("bob", 3, &[Role::Approver]) };
    let set = PolicyFiles { hash: "h".into(), schema: "s".into(), profile: "default".into(), files: Vec::new() };
    append(&store, vec![by(&store, "ada", ADA, None, bob)]).await?;
    append(&store, vec![by(&store, "ada", ADA, None, Body::PolicyStaged { set })]).await?;
    let ended = Body::ScanEnded { target: Untrusted::from("r"), complete: true, credentials: 3, opened: 3 };
    append(&store, vec![opened(1, "a"), opened(2, "b"), opened(3, "c"), NewEvent::by_quell(None, ended)]).await?;
    acknowledged(&store, dir).await?;
    let ask = Body::ApprovalRequested(Box::new(request("a-1")));
    append(&store, vec![by(&store, "ada", ADA, Some(1), ask), noted(2, "x")]).await?;
    acknowledged(&store, dir).await?;
    sealed(&store, &clock).await?;
    acknowledged(&store, dir).await?;
    worked(&store, &clock).await?;
    acknowledged(&store, dir).await?;
    let checkpoint = store.checkpoint(&checkpoints).await?;
    std::fs::write(dir.join("checkpoint"), checkpoint.line()?).unwrap();
    store.rebuild(false).await?;
    let mut file = Vec::new();
    store.export(&mut file).await?;
    let copy = Address::Sqlite(dir.join("imported/store.db"));
    Store::import(&copy, options.clone(), &mut file.as_slice(), &[], None).await?;
    if address.path().is_some() {
        store.backup(&dir.join("copy.db")).await?;
        let target = Address::Sqlite(dir.join("restored/store.db"));
        Store::restore(&dir.join("copy.db"), &target, options, &[checkpoint], None).await?;
    }
    Ok(())
}

async fn sealed(store: &Store, clock: &Stepped) -> Result<(), LedgerError> {
    let (old, new) = (wrapper(1), wrapper(2));
    for (case, until) in [(1, 2000), (2, 9000), (3, 9000)] {
        seal(store, case, until, &old).await?;
    }
    store.rewrap(&old, &new).await?;
    let mut tx = store.begin().await?;
    tx.erase(CaseNumber(2), "closed").await?;
    tx.commit().await?;
    clock.0.store(2000, Ordering::SeqCst);
    match store.unseal(CaseNumber(1), &new).await {
        Err(LedgerError::Expired(_)) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => unreachable!("it is past its time"),
    }
}

async fn worked(store: &Store, clock: &Stepped) -> Result<(), LedgerError> {
    for name in ["one", "two"] {
        let mut tx = store.begin().await?;
        tx.queue(NewJob { due: 0, ..job(name) }).await?;
        tx.commit().await?;
    }
    let mut one = store.claim(&[]).await?.unwrap();
    store.renew(&mut one).await?;
    let mut tx = store.begin().await?;
    tx.append(vec![noted(1, "result")]).await?;
    tx.complete(&one).await?;
    tx.commit().await?;
    clock.0.fetch_add(4000.max(LEASE), Ordering::SeqCst);
    let two = store.claim(&[]).await?.unwrap();
    store.postpone(&two, 10, false, "away").await?;
    let mut tx = store.begin().await?;
    tx.set_mark("reader", 1).await?;
    tx.commit().await?;
    for _ in 0..ATTEMPTS {
        clock.0.fetch_add(4000.max(LEASE), Ordering::SeqCst);
        let two = store.claim(&[]).await?.unwrap();
        store.fail(&two, "no").await?;
    }
    Ok(())
}

/// What has to hold afterwards.
async fn after(address: &Address, dir: &Path, point: &str) {
    let told = std::fs::read_to_string(dir.join("acknowledged")).unwrap_or_default();
    let store = match Store::open(address, Options::default()).await {
        Ok(store) => store,
        Err(error) => {
            assert!(matches!(error, LedgerError::NotMade(_)) && told.is_empty(), "{point}: {error}");
            // Making it again works.
            super::make(address, Options::default()).await
        }
    };
    let events = store.verify(&[], None).await.unwrap();
    assert!(events.holds(), "{point}: {:?}", events.faults);
    if let Some(last) = told.lines().last() {
        let seq: i64 = last.split(' ').next().unwrap().parse().unwrap();
        assert!(events.head.0 >= seq, "{point}: {} of {last}", events.head.0);
        if events.head.0 == seq {
            assert_eq!(format!("{seq} {}", events.head.1), last, "{point}");
        }
    }
    sound(audit(&store).await);
    secrets(&store, point).await;
    let done =
        store.case(CaseNumber(1)).await.unwrap().is_some_and(|c| c.notes.iter().any(|n| n.text.raw() == b"result"));
    let one = store.job(1).await.unwrap();
    assert_eq!(done, one.is_some_and(|job| job.state == "done"), "{point}: the job and its result");
    if let Ok(line) = std::fs::read_to_string(dir.join("checkpoint")) {
        let checkpoint = quell::ledger::Checkpoint::parse(&line).unwrap();
        assert!(store.verify(&[checkpoint], None).await.unwrap().holds(), "{point}");
    }
    for name in ["imported/store.db", "restored/store.db"] {
        match Store::open(&Address::Sqlite(dir.join(name)), Options::default()).await {
            Ok(copy) => sound(audit(&copy).await),
            Err(error) => assert!(matches!(error, LedgerError::NotMade(_)), "{point}: {error}"),
        }
    }
    // And it goes on.
    let mut tx = store.begin().await.unwrap();
    let number = tx.next_case().await.unwrap();
    tx.append(vec![opened(number.0, "after")]).await.unwrap();
    tx.commit().await.unwrap();
    sound(audit(&store).await);
}

/// A case says that its secret is sealed if and only if it is; and it opens by one of the two keys.
async fn secrets(store: &Store, point: &str) {
    let far = Arc::new(Stepped::default());
    let options = Options { clock: Some(far), ..Options::default() };
    let early = Store::open(store.address(), options).await.unwrap();
    for case in 1..=3 {
        let says = early.case(CaseNumber(case)).await.unwrap().is_some_and(|case| case.sealed.is_some());
        let mut opened = early.unseal(CaseNumber(case), &wrapper(1)).await;
        if let Err(LedgerError::WrongKey { sealed_with, .. }) = &opened {
            assert_eq!(*sealed_with, wrapper(2).id());
            opened = early.unseal(CaseNumber(case), &wrapper(2)).await;
        }
        assert_eq!(opened.unwrap(), says.then(parts), "{point}: case {case}");
    }
}

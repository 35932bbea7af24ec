//! Figures, in a release build: `cargo test --release -- --ignored --nocapture ledger::speed`.

use std::time::Instant;

use quell::ledger::{Filter, Options, Store};
use quell::model::Untrusted;
use quell::model::case::CaseNumber;
use quell::model::event::Body;

use super::{ADA, Kind, append, by, make, noted, opened, runtime};

#[test]
#[ignore = "figures, for a release build"]
fn figures() {
    for kind in [Kind::files(), Kind::server()] {
        let name = if kind.is_files() { "sqlite" } else { "postgresql" };
        runtime().block_on(measure(&kind, name));
    }
}

fn told(name: &str, what: &str, count: i64, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("{name}: {what}: {count} in {seconds:.2} s, {:.0} a second", count as f64 / seconds);
}

async fn measure(kind: &Kind, name: &str) {
    const BATCH: i64 = 5000;
    let address = kind.fresh();
    let store = make(&address, Options::default()).await;
    let start = Instant::now();
    for batch in 0..8 {
        let cases = batch * BATCH..(batch + 1) * BATCH;
        append(&store, cases.map(|n| opened(n + 1, &format!("fp{n}"))).collect()).await.unwrap();
    }
    told(name, "cases opened, a batch of 5,000 each", 8 * BATCH, start);
    let start = Instant::now();
    for batch in 0..40 {
        let notes = (0..BATCH).map(|n| noted(1 + batch * 500 + n % 500, "a note about this")).collect();
        append(&store, notes).await.unwrap();
    }
    told(name, "notes, ten a case, a batch of 5,000 each", 40 * BATCH, start);
    let start = Instant::now();
    let verified = store.verify(&[], None).await.unwrap();
    assert!(verified.holds());
    told(name, "verified", verified.events, start);
    let note = |n: i64| Body::Noted {
        text: Untrusted::from(n.to_string().as_str()),
        counts_as: quell::model::principal::PrincipalKind::Person,
    };
    let signed: Vec<_> = (0..BATCH).map(|n| by(&store, "ada", ADA, Some(1 + n), note(n))).collect();
    let start = Instant::now();
    append(&store, signed).await.unwrap();
    told(name, "signed events", BATCH, start);
    let only = make(&kind.fresh(), Options::default()).await;
    append(&only, (0..2000).map(|n| opened(n + 1, &format!("fp{n}"))).collect()).await.unwrap();
    for _ in 0..4 {
        append(&only, (0..2000).map(|n| by(&only, "ada", ADA, Some(1 + n), note(n))).collect()).await.unwrap();
    }
    let start = Instant::now();
    assert!(only.verify(&[], None).await.unwrap().holds());
    told(name, "verified, four of five signed", 10_000, start);
    let start = Instant::now();
    let differ = store.rebuild(true).await.unwrap();
    assert!(differ.is_empty());
    told(name, "compared anew", verified.events, start);
    store.close().await;
    let start = Instant::now();
    Store::open(&address, Options::default()).await.unwrap();
    told(name, "opened", verified.events, start);
}

/// A store of a million cases: how it opens, and how it is asked. Minutes each; `QUELL_CASES` has another number of cases.
async fn million(kind: &Kind, name: &str) {
    let many: i64 = std::env::var("QUELL_CASES").map_or(1_000_000, |text| text.parse().unwrap());
    let address = kind.fresh();
    let store = make(&address, Options::default()).await;
    let start = Instant::now();
    for batch in 0..many / 10_000 {
        let cases = batch * 10_000..(batch + 1) * 10_000;
        append(&store, cases.map(|n| opened(n + 1, &format!("fp{n}"))).collect()).await.unwrap();
    }
    told(name, "cases opened", many, start);
    store.close().await;
    let start = Instant::now();
    let store = Store::open(&address, Options::default()).await.unwrap();
    assert_eq!(store.head().await.unwrap().0, many + 2);
    let opening = start.elapsed();
    told(name, "that store opened", 1, start);
    let start = Instant::now();
    let page = store.cases(&Filter { limit: 100, ..Filter::default() }).await.unwrap();
    told(name, "a page of a hundred cases", page.len() as i64, start);
    let start = Instant::now();
    let found = store.find(&format!("fp{}", many / 2)).await.unwrap();
    told(name, "a case by its fingerprint", 1, start);
    assert_eq!((page.len(), found), (100, Some(CaseNumber(many / 2 + 1))));
    let start = Instant::now();
    let counts = store.counts().await.unwrap();
    told(name, "counts", 1, start);
    assert_eq!((counts.events, counts.cases[0].1), (many + 2, many));
    let start = Instant::now();
    assert!(store.verify(&[], None).await.unwrap().holds());
    told(name, "verified", many + 2, start);
    assert!(opening.as_secs_f64() <= 5.0, "{opening:?}");
}

#[test]
#[ignore = "figures, for a release build"]
fn a_million_cases_open() {
    runtime().block_on(million(&Kind::files(), "sqlite"));
}

#[test]
#[ignore = "figures, for a release build"]
fn a_million_cases_open_on_a_server() {
    runtime().block_on(million(&Kind::server(), "postgresql"));
}

//! Every change of one byte in every column of 1,000 events is found, as are gaps, exchanges and a cut tail.

use std::collections::BTreeSet;

use quell::ledger::{Checkpoint, Options, Store};
use quell::model::Untrusted;
use quell::model::event::Body;
use sqlx::{AnyConnection, Row as _};

use super::contract::raw;
use super::{ADA, CHECKPOINTS, Kind, append, by, key, make, noted, opened, runtime};

const EVENTS: i64 = 1000;

#[test]
fn sqlite_shows_every_change() {
    changes(&Kind::files());
}

#[test]
fn postgresql_shows_every_change() {
    changes(&Kind::server());
}

async fn sql(raw: &mut AnyConnection, text: &'static str) {
    sqlx::raw_sql(text).execute(raw).await.unwrap();
}

/// The events at which something is wrong, asking in two halves, for only so many faults are told at once.
async fn wrong(store: &Store) -> BTreeSet<i64> {
    store.verify(&[], None).await.unwrap().faults.iter().map(|fault| fault.seq).collect()
}

/// One byte of a text, another than it was.
fn flip(text: &str, seq: i64) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let place = (seq as usize * 31) % bytes.len();
    bytes[place] = if bytes[place] == b'x' { b'y' } else { b'x' };
    String::from_utf8(bytes).unwrap()
}

fn changes(kind: &Kind) {
    runtime().block_on(async {
        let address = kind.fresh();
        let store = make(&address, Options::default()).await;
        append(&store, vec![opened(1, "fp1")]).await.unwrap();
        let note = |n: i64| Body::Noted {
            text: Untrusted::from(n.to_string().as_str()),
            counts_as: quell::model::principal::PrincipalKind::Person,
        };
        append(&store, (4..=40).map(|n| by(&store, "ada", ADA, Some(1), note(n))).collect()).await.unwrap();
        append(&store, (41..=EVENTS).map(|n| noted(1, &format!("note {n}"))).collect()).await.unwrap();
        let last = store.checkpoint(&key(CHECKPOINTS)).await.unwrap();
        assert_eq!(last.seq, EVENTS);
        let mut raw = raw(&address).await;
        // Whoever changes events can do without the index.
        sql(&mut raw, "DROP INDEX events_nonce").await;
        sql(&mut raw, "CREATE TABLE saved AS SELECT * FROM events").await;
        for column in ["format", "at", "about", "actor", "body", "nonce", "signature", "hash"] {
            // The half that is changed stands alone, so that no fault comes from a neighbour's change.
            for half in [0, 1] {
                let select = format!("SELECT seq, {column} FROM saved WHERE seq % 2 = {half} ORDER BY seq");
                let rows = sqlx::query(sqlx::AssertSqlSafe(select)).fetch_all(&mut raw).await.unwrap();
                let update = format!("UPDATE events SET {column} = $1 WHERE seq = $2");
                sql(&mut raw, "BEGIN").await;
                for row in &rows {
                    let seq: i64 = row.get(0);
                    let query = sqlx::query(sqlx::AssertSqlSafe(update.clone()));
                    let query = match column {
                        "format" | "at" => query.bind(row.get::<i64, _>(1) ^ 1),
                        "about" => query.bind(row.get::<Option<i64>, _>(1).unwrap_or(6) ^ 1),
                        "hash" => {
                            let mut hash: Vec<u8> = row.get(1);
                            hash[(seq % 32) as usize] ^= 1;
                            query.bind(hash)
                        }
                        _ => match row.get::<Option<String>, _>(1) {
                            Some(text) => query.bind(flip(&text, seq)),
                            None => query.bind(format!("{seq}")),
                        },
                    };
                    query.bind(seq).execute(&mut raw).await.unwrap();
                }
                sql(&mut raw, "COMMIT").await;
                let found = wrong(&store).await;
                let missed: Vec<i64> = rows.iter().map(|r| r.get(0)).filter(|seq| !found.contains(seq)).collect();
                assert!(missed.is_empty(), "{column}: {missed:?}");
                sql(&mut raw, "BEGIN; DELETE FROM events; INSERT INTO events SELECT * FROM saved; COMMIT").await;
                assert!(store.verify(&[], None).await.unwrap().holds());
            }
        }
        order(&store, &mut raw).await;
        tails(&store, &mut raw, last).await;
    });
}

async fn order(store: &Store, raw: &mut AnyConnection) {
    for (what, at) in [
        ("UPDATE events SET seq = 100000 WHERE seq = 500", 501),
        ("DELETE FROM events WHERE seq = 500", 501),
        (
            "UPDATE events SET seq = -1 WHERE seq = 500; UPDATE events SET seq = 500 WHERE seq = 501; UPDATE events SET seq = 501 WHERE seq = -1",
            500,
        ),
        ("DELETE FROM events WHERE seq = 1", 2),
        ("UPDATE events SET nonce = NULL, signature = NULL WHERE seq = 30", 30),
    ] {
        sqlx::raw_sql(what).execute(&mut *raw).await.unwrap();
        assert!(wrong(store).await.contains(&at), "{what}");
        sql(raw, "BEGIN; DELETE FROM events; INSERT INTO events SELECT * FROM saved; COMMIT").await;
    }
}

async fn tails(store: &Store, raw: &mut AnyConnection, last: Checkpoint) {
    let whole = store.verify(std::slice::from_ref(&last), None).await.unwrap();
    assert!(whole.holds() && whole.tail_unproved_from == EVENTS + 1 && whole.checkpoints == 2);
    sql(raw, "DELETE FROM events WHERE seq > 990").await;
    assert!(!wrong(store).await.is_empty(), "by the checkpoint that is kept beside it");
    sql(raw, "DELETE FROM checkpoints").await;
    let blind = store.verify(&[], None).await.unwrap();
    assert!(blind.holds() && blind.tail_unproved_from == 1, "{:?}", blind.faults);
    assert!(blind.tail().contains("cannot be seen"));
    let seen = store.verify(std::slice::from_ref(&last), None).await.unwrap();
    assert!(seen.faults.iter().any(|f| f.what.contains("cut")), "{:?}", seen.faults);
    // A checkpoint that was changed, or signed by another.
    let changes: [fn(&mut Checkpoint); 2] = [|c| c.seq = 990, |c| c.hash = c.hash.replace(['0', '1'], "2")];
    for change in changes {
        let mut other = last.clone();
        change(&mut other);
        assert!(!store.verify(&[other], None).await.unwrap().holds());
    }
    assert!(!store.verify(&[], Some(&key(ADA).public_hex())).await.unwrap().holds(), "another key is trusted");
}

#[test]
fn every_changed_byte_of_a_file_s_events_is_found() {
    let kind = Kind::files();
    runtime().block_on(async {
        let address = kind.fresh();
        let store = make(&address, Options::default()).await;
        append(&store, vec![opened(1, "fp1")]).await.unwrap();
        append(&store, (0..300).map(|n| noted(1, &format!("marked-{n:04}"))).collect()).await.unwrap();
        store.close().await;
        let path = address.path().unwrap();
        let whole = std::fs::read(path).unwrap();
        for n in (0..300).step_by(7) {
            // The text stands in the event, and in the case that is made of it.
            let marked = format!("\"kind\":\"noted\",\"text\":\"marked-{n:04}\"}}");
            let at = whole.windows(marked.len()).position(|w| w == marked.as_bytes()).unwrap();
            for (place, bit) in [(at + n % marked.len(), 1), (at + 30, 0x80)] {
                let mut changed = whole.clone();
                changed[place] ^= bit;
                std::fs::write(path, changed).unwrap();
                let store = Store::open(&address, Options::default()).await.unwrap();
                let verified = store.verify(&[], None).await.unwrap();
                assert!(verified.faults.iter().any(|f| f.seq == n as i64 + 4), "{n}: {:?}", verified.faults);
                store.close().await;
            }
        }
    });
}

//! The store: copies, keys, erasure, and what it refuses; and PostgreSQL, which is used alike.

use std::os::unix::fs::PermissionsExt;

use super::{Person, Scene, count, text};
use crate::ledger::Kind;
use crate::support::token;

/// A store with a live credential and a note.
fn kept(scene: &Scene) -> Person<'_> {
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.verified("app");
    ada.ok(&["case", "note", "1", "seen"]);
    ada
}

#[test]
fn a_backup_is_the_store_and_takes_its_place() {
    let scene = Scene::new();
    let ada = kept(&scene);
    let (list, page) = (ada.cases(), ada.shown("1"));
    assert!(ada.ok(&["store", "backup", "copy.db"]).contains("keep the keys with another copy"));
    assert_eq!(std::fs::metadata(scene.at("copy.db")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(ada.wrong(&["store", "restore", "copy.db"]).contains("there is something at"), "a store is not replaced");
    std::fs::remove_dir_all(scene.at("store")).unwrap();
    assert!(ada.wrong(&["case", "list"]).contains("there is no store at"));
    std::fs::create_dir(scene.at("store")).unwrap();
    assert!(ada.ok(&["store", "restore", "copy.db"]).contains("and they verify"));
    assert_eq!((ada.cases(), ada.shown("1")), (list, page));
    // What was sealed opens, though it stands nowhere any more.
    std::fs::remove_dir_all(scene.at("app")).unwrap();
    scene.live();
    assert!(ada.ok(&["case", "verify", "1"]).contains("LIVE; subject octocat"));
    ada.ok(&["audit", "verify"]);
    // An export has the events, and no secret.
    ada.ok(&["audit", "export", "out.jsonl"]);
    let other = scene.at("other/quell.db");
    std::fs::create_dir(scene.at("other")).unwrap();
    let at = ["--store", other.to_str().unwrap()];
    ada.ok(&[&["store", "restore", "out.jsonl"][..], &at].concat());
    ada.ok(&[&["audit", "verify"][..], &at].concat());
    let again = ada.run(&[&["case", "show", "1", "--format", "json"][..], &at].concat()).code(0).json();
    assert_eq!(again["case"]["opening"], ada.case("1")["opening"]);
}

#[test]
fn keys_of_the_store_are_asked_for_by_name_and_turned_over() {
    let scene = Scene::new();
    let ada = kept(&scene);
    std::fs::remove_dir_all(scene.at("app")).unwrap();
    let seal = scene.at("keys/seal.key");
    assert_eq!(std::fs::metadata(&seal).unwrap().permissions().mode() & 0o777, 0o600);
    let verify = |more: &str| {
        scene.config(more);
        scene.live();
        ada.run(&["case", "verify", "1"])
    };
    assert!(verify("").code(0).out().contains("LIVE"));
    // Another key.
    scene.write("keys/wrong.key", "ab".repeat(32));
    std::fs::set_permissions(scene.at("keys/wrong.key"), PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::rename(&seal, scene.at("keys/old.key")).unwrap();
    std::fs::rename(scene.at("keys/wrong.key"), &seal).unwrap();
    let told = verify("").code(2).err();
    assert!(told.contains("sealed with the key `key:") && told.contains("nothing was changed"), "{told}");
    // None; and one that others may read.
    std::fs::remove_file(&seal).unwrap();
    let told = verify("").code(2).err();
    assert!(told.contains("which secrets are sealed with, is not there") && told.contains("seal_key_file"), "{told}");
    std::fs::rename(scene.at("keys/old.key"), &seal).unwrap();
    std::fs::set_permissions(&seal, PermissionsExt::from_mode(0o644)).unwrap();
    assert!(verify("").code(2).err().contains("others may read the key"));
    std::fs::set_permissions(&seal, PermissionsExt::from_mode(0o600)).unwrap();
    // Everything else is read without it.
    assert_eq!(ada.cases().len(), 1);
    assert!(ada.ok(&["store", "rotate-key", "--to", "keys/new.key"]).contains("1 cases have new wrapping"));
    let told = verify("").code(2).err();
    assert!(told.contains("sealed with the key `key:"), "the old key opens nothing any more: {told}");
    std::fs::remove_file(&seal).unwrap();
    std::fs::rename(scene.at("keys/new.key"), &seal).unwrap();
    assert!(verify("").code(0).out().contains("LIVE"));
    ada.ok(&["audit", "verify"]);
}

#[test]
fn what_is_erased_is_gone_and_its_case_stays() {
    let scene = Scene::new();
    let ada = kept(&scene);
    assert!(ada.wrong(&["store", "erase", "1", "--reason", " "]).contains("a reason is needed"));
    ada.ok(&["store", "erase", "1", "--reason", "asked for by its owner"]);
    let case = ada.case("1");
    assert!(case["sealed"].is_null() && count(&case, "/notes") == 1);
    assert_eq!(text(&ada.events("1", "secret-erased")[0], "/body/reason"), "ada: asked for by its owner");
    std::fs::remove_dir_all(scene.at("app")).unwrap();
    let run = ada.run(&["case", "verify", "1"]).code(0);
    assert!(run.err().contains("does not stand any more where it was found, and is not sealed"), "{}", run.err());
    ada.ok(&["audit", "verify"]);
    // Whose time is over is erased, by whoever looks first.
    scene.committed("two", "a.py", &format!("TOKEN = \"{}\"\n", token(2)));
    ada.track("two");
    assert!(ada.ok(&["store", "expire"]).contains("0 erased"));
    scene.sql("UPDATE data_keys SET until = 1");
    assert!(ada.ok(&["store", "expire"]).contains("1 erased"));
    assert!(ada.case("2")["sealed"].is_null());
    ada.ok(&["audit", "verify"]);
}

#[test]
fn a_store_of_a_newer_program_is_left_alone() {
    let scene = Scene::new();
    let ada = kept(&scene);
    scene.sql("UPDATE meta SET value = '999' WHERE name = 'schema'");
    for verb in [&["case", "list"][..], &["audit", "verify"], &["scan", "--track", "app"], &["store", "rebuild"]] {
        let told = ada.wrong(verb);
        assert!(told.contains("newer quell (schema 999") && told.contains("update quell"), "{verb:?}: {told}");
    }
    scene.sql("UPDATE meta SET value = '1' WHERE name = 'schema'");
    ada.ok(&["audit", "verify"]);
    assert!(ada.wrong(&["case", "list", "--store", "mysql://x/y"]).contains("is no address of a store"));
}

#[test]
fn what_is_no_store_is_told_at_once_and_left_alone() {
    let scene = Scene::new();
    let ada = kept(&scene);
    let text = scene.write("notes.txt", "hello, this is no database at all, and it stays as it is");
    let started = std::time::Instant::now();
    let told = ada.wrong(&["scan", "--track", "app", "--store", text.to_str().unwrap()]);
    assert!(std::fs::read_to_string(text).unwrap().starts_with("hello, this"));
    assert!(!told.contains("cannot be reached"), "{told}");
    let told = ada.wrong(&["case", "list", "--store", "postgres://postgres@127.0.0.1:1/x"]);
    assert!(told.contains("refused"), "{told}");
    ada.wrong(&["store", "restore", "notes.txt", "--store", scene.at("third.db").to_str().unwrap()]);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn nobody_but_its_owner_reads_the_store() {
    let scene = Scene::new();
    kept(&scene);
    for entry in std::fs::read_dir(scene.at("store")).unwrap().flatten() {
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.path());
    }
    for entry in ["keys/seal.key", "keys/checkpoint.key", "people/ada/config/quell/identity.key"] {
        assert_eq!(std::fs::metadata(scene.at(entry)).unwrap().permissions().mode() & 0o777, 0o600, "{entry}");
    }
}

#[test]
fn postgresql_is_used_alike() {
    let server = Kind::server();
    let (url, import) = (server.fresh().to_string(), server.fresh().to_string());
    let scene = Scene::new();
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    let at = |arguments: &[&str]| ada.run(&[arguments, &["--store", &url]].concat());
    let run = at(&["scan", "--track", "--verify", "--fresh", "app"]).code(1);
    assert!(run.err().contains("1 opened: Q-1") && run.err().contains("made the store postgres://"), "{}", run.err());
    assert!(at(&["scan", "--track", "app"]).code(1).err().contains("1 known: Q-1"));
    assert!(at(&["case", "list"]).code(0).out().contains("1 shown; 1 open of 1 in all"));
    assert!(at(&["case", "show", "1"]).code(0).out().contains("LIVE; subject octocat"));
    at(&["case", "close", "1"]).code(6);
    scene.dead();
    assert!(at(&["case", "verify", "1"]).code(0).out().starts_with("Q-1  dead"));
    at(&["case", "close", "1"]).code(0);
    assert_eq!(at(&["offboard", "octocat"]).code(0).out().lines().last(), Some("1 tied to octocat; 0 open"));
    assert!(at(&["store", "backup", "copy.db"]).code(2).err().contains("pg_dump"));
    at(&["audit", "verify"]).code(0);
    // Its events go to SQLite and back.
    at(&["audit", "export", "out.jsonl"]).code(0);
    ada.ok(&["store", "restore", "out.jsonl"]);
    assert_eq!(text(&ada.case("1"), "/stage"), "closed");
    ada.ok(&["store", "restore", "out.jsonl", "--store", &import]);
    ada.ok(&["audit", "verify", "--store", &import]);
}

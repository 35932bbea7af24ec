//! The record of what happened: whole, or seen not to be.

use std::path::Path;

use super::{Person, Scene, sql, text};
use crate::support::token;

/// A text that stands in the record, and nowhere else.
const NOTE: &str = "looked at by hand in the morning";

/// A store with a case and a note; ada's.
fn kept(scene: &Scene) -> Person<'_> {
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.track("app");
    ada.ok(&["case", "note", "1", NOTE]);
    ada
}

/// Every place of a text in a file.
fn places(file: &Path, text: &str) -> Vec<usize> {
    let bytes = std::fs::read(file).unwrap();
    (0..bytes.len()).filter(|at| bytes[*at..].starts_with(text.as_bytes())).collect()
}

/// A copy of a file with one byte changed.
fn changed(from: &Path, to: &Path, at: usize) {
    let mut bytes = std::fs::read(from).unwrap();
    bytes[at] ^= 1;
    std::fs::write(to, bytes).unwrap();
}

#[test]
fn a_whole_record_verifies_and_one_changed_byte_is_found() {
    let scene = Scene::new();
    let ada = kept(&scene);
    let out = ada.ok(&["audit", "verify"]);
    assert!(
        out.ends_with("the record is whole\n") && out.contains("1 checkpoint; no checkpoint from elsewhere"),
        "{out}"
    );
    ada.ok(&["store", "backup", "copy.db"]);
    let (copy, other) = (scene.at("copy.db"), scene.at("other.db"));
    let verify = ["audit", "verify", "--store", other.to_str().unwrap()];
    std::fs::copy(&copy, &other).unwrap();
    ada.ok(&verify);
    // In the events, and in what is shown of them.
    let all = places(&copy, NOTE);
    assert!(all.len() >= 2, "{all:?}");
    for at in all {
        changed(&copy, &other, at + 3);
        let out = ada.run(&verify).code(7).out();
        assert!(out.contains("FAULT ") && out.ends_with("THE RECORD DOES NOT VERIFY\n"), "{out}");
        // Such a copy is not put in place.
        let told = ada.wrong(&["store", "restore", "other.db", "--store", scene.at("new.db").to_str().unwrap()]);
        assert!(told.contains("does not verify") && !scene.at("new.db").exists(), "{told}");
    }
    assert!(ada.wrong(&["store", "backup", "copy.db"]).contains("name another place"));
}

#[test]
fn what_is_changed_by_sql_is_found_and_told_with_its_event() {
    let scene = Scene::new();
    let ada = kept(&scene);
    ada.ok(&["store", "backup", "copy.db"]);
    let other = scene.at("other.db");
    for change in [
        "UPDATE events SET body = replace(body, 'morning', 'evening') WHERE body LIKE '%morning%'",
        "UPDATE events SET at = at + 1 WHERE seq = 4",
        "UPDATE events SET actor = replace(actor, 'ada', 'eve') WHERE body LIKE '%morning%'",
        "DELETE FROM events WHERE seq = 4",
        "UPDATE events SET seq = 1000 WHERE seq = (SELECT max(seq) FROM events)",
        "UPDATE cases SET stage = 'closed'",
        "UPDATE cases SET doc = replace(doc, 'morning', 'evening')",
        "UPDATE people SET doc = replace(doc, 'responder', 'approver')",
        "DELETE FROM fingerprints",
    ] {
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(scene.at(format!("other.db{ending}")));
        }
        std::fs::copy(scene.at("copy.db"), &other).unwrap();
        sql(&other, change);
        let run = ada.run(&["audit", "verify", "--store", other.to_str().unwrap()]).code(7);
        assert!(run.out().contains("FAULT "), "{change}: {}", run.out());
    }
}

#[test]
fn what_makes_no_sense_any_more_is_a_fault_too() {
    for change in [
        "UPDATE events SET about = 2 WHERE body LIKE '%morning%'",
        "DELETE FROM events WHERE body LIKE '%case-opened%'",
        "UPDATE events SET body = '{' WHERE body LIKE '%morning%'",
    ] {
        let scene = Scene::new();
        let ada = kept(&scene);
        scene.sql(change);
        let run = ada.run(&["audit", "verify"]).code(7);
        assert!(run.out().contains("FAULT event "), "{change}: {}", run.out());
    }
}

#[test]
fn a_record_that_was_cut_short_is_seen_by_a_checkpoint_that_was_kept() {
    let scene = Scene::new();
    scene.config("[store]\ncheckpoints = \"elsewhere/checkpoints\"\n");
    std::fs::create_dir(scene.at("elsewhere")).unwrap();
    let ada = kept(&scene);
    ada.ok(&["store", "backup", "before.db"]);
    ada.ok(&["case", "note", "1", "the note that somebody wants gone"]);
    let line = ada.ok(&["audit", "checkpoint"]);
    let lines = std::fs::read_to_string(scene.at("elsewhere/checkpoints")).unwrap();
    assert_eq!(
        (lines.lines().count(), lines.lines().last()),
        (2, Some(line.trim())),
        "a track signs one, and a person"
    );
    assert!(!ada.ok(&["audit", "verify"]).contains("no checkpoint from elsewhere"));
    // The store of before is sound by itself.
    let before = scene.at("before.db");
    let verify = ["audit", "verify", "--store", before.to_str().unwrap()];
    assert!(ada.run(&verify).code(7).out().contains("FAULT"));
    scene.config("");
    ada.ok(&verify);
    scene.write("line", &line);
    let out = ada.run(&[&verify[..], &["--checkpoints", "line"]].concat()).code(7).out();
    assert!(out.ends_with("THE RECORD DOES NOT VERIFY\n"), "{out}");
    // Such a store is not restored where checkpoints say otherwise.
    scene.config("[store]\ncheckpoints = \"elsewhere/checkpoints\"\n");
    let new = scene.at("new.db");
    assert!(
        ada.wrong(&["store", "restore", "before.db", "--store", new.to_str().unwrap()]).contains("does not verify")
    );
    assert!(!new.exists());
    // A checkpoint that another key signed says nothing.
    scene.write("line", line.replace("\"seq\":", "\"seq\":1"));
    ada.run(&["audit", "verify", "--checkpoints", "line"]).code(7);
    scene.write("line", "hello\n");
    assert!(ada.wrong(&["audit", "verify", "--checkpoints", "line"]).contains("line:1: "));
    scene.write("line", "\n");
    assert!(ada.wrong(&["audit", "verify", "--checkpoints", "line"]).contains("has no checkpoint"));
    ada.run(&["audit", "verify", "--key", &"0".repeat(64)]).code(7);
}

#[test]
fn an_export_is_checked_anywhere() {
    let scene = Scene::new();
    let ada = kept(&scene);
    let line = ada.ok(&["audit", "checkpoint"]);
    ada.ok(&["audit", "export", "out.jsonl"]);
    assert_eq!(std::fs::read_to_string(scene.at("out.jsonl")).unwrap(), ada.ok(&["audit", "export"]));
    scene.write("line", &line);
    // Somebody who has nothing but the file.
    let eve = scene.person("eve");
    scene.write("empty.toml", "");
    let verify = |file: &str, more: &[&str]| {
        let all = ["audit", "verify", "--export", file, "--config", "empty.toml", "--store", "/nonexistent/x.db"];
        eve.run(&[&all[..], more].concat())
    };
    assert!(verify("out.jsonl", &["--checkpoints", "line"]).code(0).out().ends_with("the record is whole\n"));
    let export = scene.at("out.jsonl");
    let [place] = places(&export, NOTE)[..] else { panic!("one place") };
    changed(&export, &scene.at("changed.jsonl"), place);
    assert!(verify("changed.jsonl", &[]).code(7).out().contains("FAULT event "));
    let all = std::fs::read_to_string(&export).unwrap();
    let event = |l: &&str| l.contains("\"line\":\"event\"") && l.contains(NOTE);
    let cut: Vec<&str> = all.lines().filter(|l| !event(l)).collect();
    scene.write("cut.jsonl", format!("{}\n", cut.join("\n")));
    let run = verify("cut.jsonl", &["--checkpoints", "line"]);
    assert!(matches!(run.code, Some(2 | 7)), "{:?} {}", run.code, run.out());
    assert_eq!(text(&ada.case("1"), "/notes/0/text"), NOTE);
}

#[test]
fn what_is_shown_is_made_anew_from_the_events() {
    let scene = Scene::new();
    let ada = kept(&scene);
    assert!(ada.ok(&["store", "rebuild", "--check"]).contains("0 differ"));
    sql(&scene.db(), "UPDATE cases SET stage = 'closed'; DELETE FROM fingerprints");
    let out = ada.run(&["store", "rebuild", "--check"]).code(7).out();
    assert!(!out.contains("0 differ"), "{out}");
    ada.ok(&["store", "rebuild"]);
    ada.ok(&["audit", "verify"]);
    assert!(ada.track("app").contains("1 known: Q-1"), "its fingerprint is known again");
}

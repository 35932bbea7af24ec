//! One case a credential, wherever and however often it is found.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{PAST, Scene, count, text};
use crate::support::{made, token};

#[test]
fn one_credential_is_one_case_wherever_it_stands() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    let line = |seed| format!("TOKEN = \"{}\"\n", token(seed));
    let one = scene.committed("one", "app.py", &format!("{}OTHER_{}", line(1), line(2)));
    let told = ada.track("one");
    assert!(told.contains("2 opened: Q-1 Q-2"), "{told}");
    assert!(told.contains("`ada` is its first administrator"), "{told}");
    let case = ada.case("Q-1");
    assert_eq!((count(&case, "/opening/places"), text(&case, "/stage")), (1, "decided"));
    assert_eq!(case["opening"]["names"][0], "TOKEN");
    // The same again, by a report of another place of it too, opens nothing.
    one.write(&[("deploy/x.env", &line(1))]);
    let told = ada.track("one");
    assert!(told.contains("2 known: Q-1 Q-2") && !told.contains("opened"), "{told}");
    assert_eq!(count(&ada.case("1"), "/opening/places"), 2);
    let told = ada.track("one");
    assert!(told.contains("2 known") && !told.contains("opened"), "{told}");
    assert_eq!(ada.events("1", "places-joined").len(), 1, "what is known is not written again");
    // Another repository joins.
    scene.committed("two", "src/main.go", &line(1));
    let told = ada.track("two");
    assert!(told.contains("1 known: Q-1"), "{told}");
    let case = ada.case("q-1");
    let places = case["opening"]["places"].as_array().unwrap();
    let at: Vec<(String, &str)> =
        places.iter().map(|p| (text(p, "/repository").to_owned(), text(p, "/path"))).collect();
    let root = |name: &str| scene.at(name).canonicalize().unwrap().display().to_string();
    let wanted = [(root("one"), "app.py"), (root("one"), "deploy/x.env"), (root("two"), "src/main.go")];
    assert_eq!(at, wanted.map(|(root, path)| (root, path)));
    assert_eq!(ada.cases().len(), 2);
    // By its fingerprint it is the same case.
    let print = text(&case, "/opening/fingerprints/0").to_owned();
    assert_eq!(ada.case(&print)["number"], 1);
    assert_eq!(ada.recorded("scan-ended").len(), 4);
}

#[test]
fn a_report_is_tracked_with_its_secrets_and_without() {
    for format in ["json", "jsonl"] {
        let scene = Scene::new();
        let ada = scene.person("ada");
        let repo = scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
        repo.write(&[("b.py", &format!("TOKEN = \"{}\"\n", token(2)))]);
        let report = format!("report.{format}");
        ada.run(&["scan", "app", "--format", &format!("{format}={report}")]).code(1);
        std::fs::remove_file(scene.at("app/b.py")).unwrap();
        ada.run(&["track", &report]).code(1);
        let cases = ada.cases();
        assert_eq!(cases.len(), 2, "{format}");
        let of = |name: &str| cases.iter().find(|c| text(c, "/opening/places/0/path").ends_with(name)).unwrap();
        assert!(of("a.py")["sealed"].is_i64(), "{format}: what stands there is sealed");
        assert!(of("b.py")["sealed"].is_null(), "{format}: what is gone cannot be");
        assert_eq!(text(of("b.py"), "/opening/rule"), "github-classic-pat");
        // A scan that finds them knows them.
        repo.write(&[("b.py", &format!("TOKEN = \"{}\"\n", token(2)))]);
        let told = ada.track("app");
        assert!(told.contains("2 known") && !told.contains("opened"), "{format}: {told}");
        assert!(ada.cases().iter().all(|case| case["sealed"].is_i64()), "{format}");
    }
}

#[test]
fn a_report_names_the_places_that_the_scan_names() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.run(&["scan", "app", "--format", "json=report.json"]).code(1);
    ada.run(&["track", "report.json"]).code(1);
    let of = |case: &serde_json::Value| {
        let places = case["opening"]["places"].as_array().unwrap().clone();
        places.iter().map(|p| (p["repository"].clone(), p["path"].clone(), p["commit"].clone())).collect::<Vec<_>>()
    };
    let by_report = of(&ada.case("1"));
    ada.track("app");
    assert_eq!(of(&ada.case("1")), by_report);
    assert_eq!(text(&ada.case("1"), "/opening/places/0/path"), "a.py");
}

#[test]
fn nothing_is_sealed_where_nobody_wants_it() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.run(&["scan", "app", "--track", "--no-seal"]).code(1);
    assert!(ada.case("1")["sealed"].is_null());
    // It is read from where it stands.
    assert!(ada.ok(&["case", "verify", "1"]).contains("LIVE; subject octocat"));
    std::fs::remove_dir_all(scene.at("app")).unwrap();
    let run = ada.run(&["case", "verify", "1"]).code(0);
    assert!(run.err().contains("does not stand any more"), "{}", run.err());
    assert!(ada.wrong(&["scan", "app", "--no-seal"]).contains("add --track"));
}

#[test]
fn a_password_has_a_case_without_a_teams_key() {
    let scene = Scene::new();
    scene.bare_config("");
    let ada = scene.person("ada");
    let line = format!("db_password = \"{}\"\n", made("Kq7{alnum:10}4x", 3));
    scene.committed("app", "settings.py", &line);
    let report = ada.run(&["scan", "app", "--format", "json=plain.json", "--track"]).code(1);
    assert!(report.err().contains("1 opened: Q-1"), "{}", report.err());
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(scene.at("plain.json")).unwrap()).unwrap();
    assert!(
        written["findings"][0]["fingerprint"].is_null(),
        "a report has no hash of a password that others could try"
    );
    let told = ada.track("app");
    assert!(told.contains("1 known: Q-1") && !told.contains("opened"), "{told}");
    // A report of one that is gone says nothing that could be told apart.
    std::fs::remove_file(scene.at("app/settings.py")).unwrap();
    let run = ada.run(&["track", "plain.json"]);
    assert!(run.err().contains("not tracked: passwords without a fingerprint"), "{}", run.err());
    assert_eq!((run.code, ada.cases().len()), (Some(3), 1));
}

#[test]
fn exposure_detection_and_notification_are_kept_apart() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    let now = || i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let before = now();
    ada.track("app");
    let case = ada.case("1");
    assert_eq!(case["opening"]["exposed"], PAST);
    let detected = case["detected"].as_i64().unwrap();
    assert!((before..=now()).contains(&detected), "{detected}");
    assert!(case["notified"].is_null(), "nobody was told");
    let page = ada.ok(&["case", "show", "1"]);
    assert!(page.contains("exposed 2023-11-14T22:13:20Z; detected 20") && page.contains("owner told nobody so far"));
    // An older commit elsewhere makes the exposure older, and not the detection.
    let older = scene.repo("older");
    older.commit("Lee <lee@acme.example>", PAST - 86_400, &[("b.py", &format!("TOKEN = \"{}\"\n", token(1)))]);
    ada.track("older");
    let case = ada.case("1");
    assert_eq!((&case["opening"]["exposed"], &case["detected"]), (&(PAST - 86_400).into(), &detected.into()));
}

#[test]
fn the_commit_that_brought_a_secret_into_a_tree_is_found() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    let repo = scene.repo("app");
    let line = format!("TOKEN = \"{}\"\n", token(1));
    repo.commit("Ben <ben@acme.example>", PAST, &[("a.py", "import os\n")]);
    let leak = repo.commit("Kim <kim@acme.example>", PAST + 60, &[("a.py", &format!("import os\n{line}"))]);
    let moved = format!("import os\nimport sys\n\n{line}print(1)\n");
    repo.commit("Lee <lee@acme.example>", PAST + 120, &[("a.py", &moved)]);
    repo.write(&[("new.py", &format!("TOKEN = \"{}\"\n", token(2)))]);
    ada.track("app");
    let cases = ada.cases();
    let of = |path: &str| &cases.iter().find(|c| text(c, "/opening/places/0/path") == path).unwrap()["opening"];
    let place = &of("a.py")["places"][0];
    assert_eq!((text(place, "/commit/id"), text(place, "/commit/author")), (&*leak, "Kim <kim@acme.example>"));
    assert_eq!((&place["line"], &of("a.py")["exposed"]), (&4.into(), &(PAST + 60).into()));
    // What nobody committed is nobody's.
    assert!(of("new.py")["places"][0]["commit"].is_null() && of("new.py")["exposed"].is_null());
}

#[test]
fn what_only_history_has_is_tracked_with_its_commit() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    let repo = scene.repo("app");
    let leak = repo.commit("Kim <kim@acme.example>", PAST, &[("a.py", &format!("TOKEN = \"{}\"\n", token(1)))]);
    repo.commit("Kim <kim@acme.example>", PAST + 60, &[("a.py", "TOKEN = None\n")]);
    ada.run(&["scan", "--track", "--history", "app"]).code(1);
    let place = ada.case("1")["opening"]["places"][0].clone();
    assert_eq!((text(&place, "/commit/id"), text(&place, "/presence")), (&*leak, "history"));
    assert_eq!(text(&place, "/path"), "a.py");
    let name = scene.at("app").canonicalize().unwrap();
    assert_eq!(text(&place, "/root"), name.to_str().unwrap());
}

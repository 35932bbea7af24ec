//! `quell report`, as people and programs meet it.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};

use super::{PAST, Person, Scene, text};
use crate::support::token;

/// A name that a page must not take for markup.
const HOSTILE: &str = "<script>alert(1)<script>";

/// Four cases: one died and was closed, one works and waits for approval, one is accepted, one was never asked about. Who wrote them,
/// who owns one, and where one stands, tries to be markup.
fn scene() -> Scene {
    let scene = Scene::new();
    let repo = scene.repo("app");
    let author = "\"><img src=x onerror=alert(2)> <kim@acme.example>";
    let line = |seed| format!("TOKEN = \"{}\"\n", token(seed));
    let hostile = format!("{HOSTILE}.py");
    repo.commit(author, PAST, &[("a.py", &line(1)), ("b.py", &line(2)), ("c.py", &line(3)), (&hostile, &line(4))]);
    let ada = scene.person("ada");
    ada.track("app");
    ada.binds();
    ada.ok(&["case", "assign", "2", "--team", HOSTILE, "--reason", "they said so"]);
    ada.ok(&["case", "assign", "3", "--team", "payments", "--reason", "theirs"]);
    for case in ["1", "2"] {
        scene.live();
        ada.ok(&["case", "verify", case]);
    }
    ada.refused(&["case", "close", "1"]);
    scene.dead();
    ada.ok(&["case", "verify", "1"]);
    ada.ok(&["case", "close", "1"]);
    let month = date("+30 days");
    ada.ok(&["accept-risk", "3", "--until", &month, "--reason", "<b>a sandbox</b>"]);
    let ben = scene.person("ben");
    ada.adds(&ben, &["approver"]);
    ada.asks("2", "rotate");
    scene
}

fn date(which: &str) -> String {
    let out = Command::new("date").args(["-u", "-d", which, "+%F"]).output().unwrap().stdout;
    String::from_utf8(out).unwrap().trim().to_owned()
}

fn told(person: &Person<'_>, more: &[&str]) -> Value {
    person.run(&[&["report", "--json", "-"], more].concat()).code(0).json()
}

#[test]
fn a_period_counts_what_was_found_and_done_in_it() {
    let scene = scene();
    let ada = scene.person("ada");
    let all = told(&ada, &[]);
    let found = &all["found"];
    let counts = ["cases", "live", "live_at_end", "never_verified", "never_notified"].map(|key| found[key].clone());
    assert_eq!(counts, [4, 2, 1, 2, 4].map(Value::from), "{found:#}");
    assert_eq!(found["by_provider"], json!([{ "name": "github", "cases": 4, "live": 2 }]));
    let owners: Vec<&Value> = found["by_owner"].as_array().unwrap().iter().map(|row| &row["name"]).collect();
    assert!(owners.contains(&&Value::from(HOSTILE)) && owners.contains(&&Value::from("payments")), "{owners:?}");
    assert_eq!(text(found, "/by_rule/0/id"), "github-classic-pat");
    assert!(text(found, "/by_rule/0/title").contains("GitHub"));
    assert_eq!(found["live_and_untold"], json!(["Q-2"]));
    assert_eq!(all["done"]["closed"], json!({ "by_proof": 1, "by_judgement": 0 }));
    let exceptions = &all["exceptions"];
    assert_eq!((text(exceptions, "/risks/0/case"), text(exceptions, "/risks/0/owner")), ("Q-3", "payments"));
    assert_eq!((text(exceptions, "/risks/0/by"), text(exceptions, "/risks/0/reason")), ("ada", "<b>a sandbox</b>"));
    let approvals = &exceptions["approvals"];
    assert_eq!((&approvals["requested"], &approvals["waiting"]), (&json!(1), &json!(1)));
    assert_eq!(text(exceptions, "/refused/0/what"), "close");
    let recommended = &all["recommended"];
    assert!(recommended["kinds"]["recommendation"].as_u64() >= Some(4) && recommended["kinds"]["act"] == 0);
    assert!(text(recommended, "/policies/0/hash").starts_with("sha256:"));
    let unmet = recommended["unmet"].as_array().unwrap();
    assert!(unmet.iter().all(|row| row["title"] != row["id"]) && !unmet.is_empty(), "{unmet:?}");
    assert_eq!(all["coverage"]["scans"]["ended"], 1);
    let control = |framework: usize, id: &str| {
        let controls = all["frameworks"][framework]["controls"].as_array().unwrap();
        controls.iter().find(|control| control["id"] == id).unwrap().clone()
    };
    assert_eq!(
        control(1, "RS.MI-02")["carried_out_by"].as_array().unwrap().last().unwrap(),
        "1 closure by proof of death"
    );
    assert!(control(0, "NHI2")["named"].as_u64() >= Some(4));
    // A team has its own.
    let own = told(&ada, &["--team", "payments"]);
    assert_eq!(
        (&own["team"], &own["found"]["cases"], &own["done"]["closed"]["by_proof"]),
        (&json!("payments"), &json!(1), &json!(0))
    );
    let none = ada.run(&["report", "--team", "paymets"]).code(0);
    assert!(none.err().contains("no case is `paymets`'s"), "{}", none.err());
    // Another period has nothing of it.
    let before = told(&ada, &["--until", &date("today")]);
    assert_eq!((&before["found"]["cases"], &before["exceptions"]["risks"]), (&json!(0), &json!([])));
    let today = told(&ada, &["--since", &date("today"), "--until", &date("tomorrow")]);
    assert_eq!(today["found"]["cases"], 4);
}

#[test]
fn the_page_of_a_period_shows_hostile_names_and_no_secret() {
    let scene = scene();
    let ada = scene.person("ada");
    ada.ok(&["report", "--html", "period.html", "--json", "period.json"]);
    let (page, document) = (scene.at("period.html"), scene.at("period.json"));
    assert_eq!(std::fs::metadata(&page).unwrap().permissions().mode() & 0o077, 0, "evidence is for who may read it");
    let page = std::fs::read_to_string(page).unwrap();
    let document = std::fs::read_to_string(document).unwrap();
    assert!(page.contains("&lt;script&gt;alert(1)&lt;script&gt;") && page.contains("&lt;b&gt;a sandbox"));
    for wrong in ["<script", "<img", "<b>a sandbox"] {
        assert!(!page.contains(wrong), "{wrong}");
    }
    for written in [&page, &document, &ada.ok(&["report"])] {
        for seed in 1..=4 {
            let secret = token(seed);
            assert!(!written.contains(&secret[secret.len() / 3..]), "no secret in it");
        }
    }
    assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
    assert_eq!(ada.ok(&["report", "--html", "-"]).matches("</html>").count(), 1);
    // Who may not read evidence has no report.
    ada.refused(&["report", "--as", "agent"]);
    ada.refused(&["report", "--html", "x.html", "--as", "machine"]);
    assert!(!scene.at("x.html").exists());
}

#[test]
fn a_bad_period_is_told_as_such() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.track("app");
    let wrong = |more: &[&str]| ada.wrong(&[&["report"], more].concat());
    assert!(wrong(&["--since", "yesterday"]).contains("`yesterday` is no day"));
    assert!(wrong(&["--since", "2026-02-30"]).contains("is no day"));
    assert!(wrong(&["--since", "2026-01-02", "--until", "2026-01-02"]).contains("the period is empty"));
    assert!(wrong(&["--since", "2999-01-01"]).contains("has not begun"));
    assert!(wrong(&["--html", "x", "--json", "x"]).contains("the same place"));
    assert!(wrong(&["--html", "-", "--json", "-"]).contains("the same place"));
    assert!(wrong(&["--html", "no/such/folder/x"]).contains("help: "));
    assert!(wrong(&["--sla", "approval=x"]).contains("no number of days"));
}

#[test]
fn a_period_in_a_few_lines() {
    let scene = scene();
    let told = scene.person("ada").ok(&["report", "--until", &date("tomorrow")]);
    let (first, rest) = told.split_once('\n').unwrap();
    let last = date("today");
    assert!(first.contains(&format!("to {last} (UTC), as of {last} ")), "{first}");
    let stable: Vec<&str> = rest.lines().map(|line| line.split(", the oldest for").next().unwrap()).collect();
    insta::assert_snapshot!("period_summary", stable.join("\n"));
}

//! A case from its opening to its end, and back.

use super::{Person, Scene, count, text, tier};
use crate::support::{made, token};

/// A store with one live credential.
fn live(scene: &Scene) -> Person<'_> {
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.verified("app");
    ada
}

#[test]
fn a_case_is_closed_on_a_proof_of_death_and_on_nothing_less() {
    let scene = Scene::new();
    let ada = live(&scene);
    let page = ada.ok(&["case", "show", "1"]);
    assert!(page.starts_with("Q-1  LIVE  critical  "), "{page}");
    assert!(page.contains("is        LIVE; subject octocat; scopes repo, gist"), "{page}");
    assert!(ada.refused(&["case", "close", "1"]).contains("a proof of death, and there is none"));
    // An issuer that cannot be understood proves nothing.
    scene.says(vec![crate::issuers::Said::new(503, "text/plain", "")]);
    ada.ok(&["case", "verify", "1"]);
    assert!(ada.refused(&["case", "close", "1"]).contains("there is none"));
    scene.dead();
    let page = ada.ok(&["case", "verify", "1"]);
    assert!(page.starts_with("Q-1  dead  ") && page.ends_with("next      quell case close Q-1\n"), "{page}");
    assert_eq!(
        text(&ada.case("1"), "/stage"),
        "decided",
        "an issuer that a configuration lists closes nothing by itself"
    );
    assert!(ada.ok(&["case", "close", "1"]).contains("closed by its proof of death, github/"));
    let case = ada.case("1");
    assert_eq!((text(&case, "/stage"), case["reopened"].as_i64()), ("closed", Some(0)));
    assert_eq!(ada.events("1", "closed")[0]["body"]["closure"]["by"], "proof-of-death");
    assert!(ada.wrong(&["case", "close", "1"]).contains("Q-1 is closed"));
    assert!(ada.ok(&["case", "list"]).contains("0 shown; 0 open of 1 in all"));
    // It works again.
    scene.live();
    let page = ada.ok(&["case", "verify", "1"]);
    assert!(page.starts_with("Q-1  LIVE  critical") && page.contains("reopened 1 ×"), "{page}");
    let case = ada.case("1");
    assert_eq!(ada.events("1", "case-reopened")[0]["body"]["why"], "lives-again");
    let said: Vec<&str> = case["verdicts"].as_array().unwrap().iter().map(|v| text(v, "/0/verdict")).collect();
    assert_eq!(said, ["live", "unknown:outage", "dead", "live"], "its history stays");
    assert!(ada.refused(&["case", "close", "1"]).contains("there is none"), "the old proof is worth nothing");
    assert_eq!(ada.events("1", "refused").len(), 3);
}

#[test]
fn a_new_place_of_a_closed_case_opens_it_again() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.verified("app");
    scene.dead();
    ada.ok(&["case", "verify", "1"]);
    ada.ok(&["case", "close", "1"]);
    assert_eq!(text(&ada.case("1"), "/stage"), "closed");
    // Seen again where it was: nothing new.
    ada.track("app");
    assert_eq!(text(&ada.case("1"), "/stage"), "closed");
    // Somewhere else.
    scene.committed("other", "b.py", &format!("TOKEN = \"{}\"\n", token(1)));
    let told = ada.track("other");
    assert!(told.contains("1 opened again: Q-1"), "{told}");
    let case = ada.case("1");
    assert_eq!((case["reopened"].as_i64(), count(&case, "/opening/places")), (Some(1), 2));
    assert_eq!(ada.events("1", "case-reopened")[0]["body"]["why"], "appeared");
    assert_eq!(count(&case, "/verdicts"), 2, "its history stays");
}

#[test]
fn what_a_person_judged_to_be_no_credential_stays_judged() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    let line = format!("db_password = \"{}\"\n", made("Kq7{alnum:10}4x", 3));
    scene.committed("app", "a.py", &line);
    ada.track("app");
    assert!(ada.wrong(&["case", "outcome", "1", "fals", "--reason", "x"]).contains("did you mean `false`"));
    assert!(ada.wrong(&["case", "outcome", "1", "false", "--reason", "  "]).contains("a reason is needed"));
    ada.ok(&["case", "outcome", "1", "false", "--reason", "the example of the manual"]);
    assert_eq!(tier(&ada.case("1"), "notify"), "approval", "nobody is told of what is no credential by quell itself");
    assert!(ada.ok(&["case", "close", "1"]).contains("closed as no credential"));
    scene.committed("other", "b.py", &line);
    let told = ada.track("other");
    assert!(told.contains("1 known: Q-1") && !told.contains("opened"), "{told}");
    let case = ada.case("1");
    assert_eq!((text(&case, "/stage"), count(&case, "/opening/places")), ("closed", 2));
    assert_eq!(case["outcome"], serde_json::json!(["false", "the example of the manual"]));
}

#[test]
fn a_risk_is_accepted_until_a_day_and_then_it_is_open_again() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.track("app");
    let until = |day: &str| ada.run(&["accept-risk", "1", "--until", day, "--reason", "a sandbox"]);
    assert!(until("2999-01-01").code(6).err().contains("guardrail.unbound"), "who has no address accepts nothing");
    ada.binds();
    assert!(until("tomorrow").code(2).err().contains("is no day"));
    until("2001-01-01").code(2);
    assert!(until("2999-01-01").code(6).err().contains("default.risk-too-long"));
    let day = std::process::Command::new("date").args(["-u", "-d", "+30 days", "+%F"]).output().unwrap().stdout;
    until(String::from_utf8(day).unwrap().trim()).code(0);
    let case = ada.case("1");
    assert_eq!((text(&case, "/stage"), text(&case, "/accepted/1")), ("risk-accepted", "a sandbox"));
    assert!(ada.ok(&["case", "list"]).contains("0 shown"));
    // It is known, and stays accepted where it is seen again.
    assert!(ada.track("app").contains("1 known"));
    assert_eq!(text(&ada.case("1"), "/stage"), "risk-accepted");
}

#[test]
fn a_day_that_is_past_is_told_as_such() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.track("app");
    ada.binds();
    let told = ada.wrong(&["accept-risk", "1", "--until", "2001-01-01", "--reason", "a sandbox"]);
    assert!(told.contains("a day that is to come"), "{told}");
}

#[test]
fn the_page_of_a_dead_credential_offers_nothing_that_makes_no_sense_any_more() {
    let scene = Scene::new();
    let ada = live(&scene);
    scene.dead();
    let page = ada.ok(&["case", "verify", "1"]);
    let would = page.lines().find(|line| line.starts_with("quell ")).unwrap();
    assert!(!would.contains("rotate") && !would.contains("revoke"), "{would}");
}

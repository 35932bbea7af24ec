//! `quell metrics`, as people and programs meet it; and a small fleet of which the truth is known.

#[path = "../../benches/fleet.rs"]
mod fleet;

use fleet::{Plan, runs, truth};
use quell::metrics::FIVE_DAYS;
use serde_json::Value;

use crate::cases::{Person, Scene};
use crate::support::token;

fn json(person: &Person<'_>, more: &[&str]) -> Value {
    person.run(&[&["metrics", "--format", "json"], more].concat()).code(0).json()
}

#[test]
fn metrics_count_what_was_tracked_and_verified() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.verified("app");
    scene.committed("other", "b.py", &format!("TOKEN = \"{}\"\n", token(2)));
    ada.track("other");
    let found = json(&ada, &["--by", "provider"]);
    let coverage = &found["figures"]["coverage"];
    let counts = ["cases", "followed", "never_verified", "never_notified"].map(|key| coverage[key].as_u64().unwrap());
    assert_eq!(counts, [2, 0, 1, 2], "{coverage:#}");
    assert_eq!(found["slices"][0]["slice"], "github");
    assert_eq!(found["scans"]["ended"], 2);
    // Since it was found, one is followed, and it dies: in a later second, or nobody could say that it lived.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    scene.dead();
    ada.ok(&["case", "verify", "1"]);
    ada.ok(&["case", "close", "1"]);
    let found = json(&ada, &["--clock", "detected"]);
    assert_eq!(found["figures"]["coverage"]["followed"], 1);
    assert_eq!(found["figures"]["mean_times"]["remediation"]["n"], 1);
    assert_eq!(found["figures"]["revoked"]["n"], 1);
}

#[test]
fn metrics_come_in_every_format_and_as_images() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.verified("app");
    assert!(ada.ok(&["metrics", "--curve"]).contains("1 case, 0 followed"));
    assert!(ada.ok(&["metrics", "--format", "csv", "--by", "month"]).starts_with("dimension,slice,metric,"));
    assert!(ada.ok(&["metrics", "--format", "openmetrics"]).ends_with("# EOF\n"));
    ada.ok(&["metrics", "--clock", "detected", "--svg", "c.svg", "--png", "c.png", "--sla", "approval=3"]);
    assert!(std::fs::read_to_string(scene.at("c.svg")).unwrap().starts_with("<svg"));
    assert!(std::fs::read(scene.at("c.png")).unwrap().starts_with(b"\x89PNG"));
    assert!(ada.wrong(&["metrics", "--by", "teem"]).contains("did you mean `team`"));
    assert!(ada.wrong(&["metrics", "--sla", "approval"]).contains("is no agreed time"));
    assert!(ada.wrong(&["metrics", "--since", "yesterday"]).contains("is no day"));
}

#[test]
fn the_truth_about_a_fleet_lies_within_the_interval_as_often_as_it_says() {
    let told = runs(40, Plan { size: 2_000, days: 60, retried: true, seed: 0 });
    let holds = told.iter().filter(|one| one.holds).count();
    assert!(holds >= 34, "of 40: {holds}");
    let mean = told.iter().map(|one| one.estimate).sum::<f64>() / 40.0;
    assert!((mean - truth(FIVE_DAYS)).abs() < 0.006, "{mean}");
    let far = |estimate: f64| (estimate - truth(FIVE_DAYS)).abs() > 0.06;
    assert!(!told.iter().filter_map(|one| one.intervals).any(far), "estimated as intervals");
}

//! How right a rule is, by what people judged of its findings.

use super::Scene;
use crate::support::token;

const RULE: &str = "github-classic-pat";

fn judged(out: &str) -> Vec<&str> {
    let after = out.lines().skip_while(|line| !line.starts_with("judged"));
    after.map(|line| line.split_once(' ').map_or(line, |(_, text)| text.trim())).collect()
}

#[test]
fn judgements_of_people_are_a_rules_measured_precision() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    let plain = ada.ok(&["rules", "show", RULE]);
    assert!(judged(&plain).is_empty() && !scene.db().exists(), "nothing is made for this");
    let lines: String = (1..=25).map(|n| format!("T{n} = \"{}\"\n", token(n))).collect();
    scene.committed("app", "a.py", &lines);
    ada.track("app");
    assert_eq!(ada.ok(&["rules", "show", RULE]), plain, "nothing is judged yet");
    let judge = |case: u32, outcome: &str| {
        ada.ok(&["case", "outcome", &case.to_string(), outcome, "--reason", "looked at it"]);
    };
    // The last word about a case counts, once.
    judge(1, "false");
    judge(1, "true");
    for case in 2..=9 {
        judge(case, if case <= 8 { "true" } else { "false" });
    }
    judge(10, "false");
    judge(11, "test");
    let out = ada.ok(&["rules", "show", RULE]);
    assert_eq!(judged(&out), ["8 true, 2 false, 1 test", "80.0 % (95 % interval 49.0 to 94.3 %)"]);
    assert!(out.starts_with(&plain));
    // Whoever has no key, and whoever counts as an agent, judges nothing.
    let eve = scene.person("eve");
    eve.refused(&["case", "outcome", "12", "false", "--reason", "no"]);
    ada.refused(&["case", "outcome", "12", "false", "--reason", "no", "--as", "agent"]);
    assert_eq!(eve.ok(&["rules", "show", RULE]), out);
    // Another rule has judgements of its own.
    assert!(judged(&ada.ok(&["rules", "show", "gitlab-pat"])).is_empty());
    // Mostly wrong, and surely so.
    for case in 6..=25 {
        judge(case, "false");
    }
    let out = ada.ok(&["rules", "show", RULE]);
    let told = judged(&out);
    assert_eq!(told[..2], ["5 true, 20 false, 0 test", "20.0 % (95 % interval 8.9 to 39.1 %)"]);
    assert!(told[2].starts_with("measured imprecise") && told[3].contains("--exclude github-classic-pat"), "{out}");
}

#[test]
fn a_store_that_cannot_be_read_hides_no_rule() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    scene.write("store/quell.db", "this is no database");
    let run = ada.run(&["rules", "show", RULE]).code(0);
    assert!(run.out().contains(RULE) && run.err().starts_with("warning: how people judged"), "{}", run.err());
}

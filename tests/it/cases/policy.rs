//! Policies: shown, checked, tested, explained, put forward, replayed and activated.

use super::{Scene, text, tier};
use crate::support::token;

const BY_HAND: &str = r#"@id("acme.github-by-hand")
@title("it is not a token of GitHub")
@control("CSF:RS.MA-02")
forbid (principal, action in Action::"notify", resource)
unless { resource.provider.known && resource.provider.value != "github" };
"#;

const EVERYTHING: &str = "@id(\"acme.all\")\n@title(\"everything\")\npermit (principal, action, resource);\n";

const ACTIONS: [&str; 3] = ["notify", "rotate", "revoke"];

/// A store with a live credential, and the files.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    scene.write("own.cedar", BY_HAND);
    scene.write("all.cedar", EVERYTHING);
    scene.person("ada").verified("app");
    scene
}

fn hash(out: &str) -> String {
    let at = out.find("sha256:").unwrap();
    out[at..].split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_stricter_set_counts_after_a_replay_and_by_another_administrator() {
    let scene = scene();
    let [ada, ben, cat] = ["ada", "ben", "cat"].map(|name| scene.person(name));
    ada.adds(&ben, &["approver"]);
    ada.adds(&cat, &["administrator"]);
    assert_eq!(tier(&ada.case("1"), "notify"), "automatic");
    let before = ada.ok(&["policy", "show"]);
    let staged = ada.ok(&["policy", "stage", "--file", "own.cedar"]);
    let new = hash(&staged);
    assert!(staged.contains(&format!("another administrator: quell policy activate {new}")), "{staged}");
    assert!(!before.contains(&new) && ada.ok(&["policy", "show"]).contains(&format!("staged {new} by ada")));
    // What is staged counts for nothing yet.
    ada.ok(&["case", "decide", "1"]);
    assert_eq!(tier(&ada.case("1"), "notify"), "automatic");
    let activate = ["policy", "activate", &new];
    assert!(cat.refused(&activate).contains("guardrail.not-replayed"));
    let replay = ada.ok(&["policy", "replay", &new]);
    assert!(replay.contains("Q-1 notify: automatic → watch; now also acme.github-by-hand"), "{replay}");
    assert!(replay.ends_with("3 decisions made again, 1 differ\n"), "{replay}");
    assert!(ada.refused(&activate).contains("guardrail.stager-activates"));
    assert!(ben.refused(&activate).contains("guardrail.administrator-only"));
    assert!(cat.refused(&[&activate[..], &["--as", "agent"]].concat()).contains("guardrail.person-only"));
    assert!(cat.wrong(&["policy", "activate", "sha256:00"]).contains("no policy set"));
    assert_eq!(hash(&ada.ok(&["policy", "show"])), hash(&before));
    cat.ok(&activate);
    assert_eq!(hash(&ada.ok(&["policy", "show"])), new);
    // Decisions change after, and say by which policies.
    let told = ada.ok(&["policy", "explain", "1", "notify"]);
    assert!(told.contains("Q-1 notify: watch (recommendation)") && told.contains("[acme.github-by-hand] CSF:RS.MA-02"));
    assert!(told.contains("it is another decision than the last that was recorded"), "{told}");
    ada.ok(&["case", "decide", "1"]);
    let case = ada.case("1");
    assert_eq!((tier(&case, "notify"), tier(&case, "rotate")), ("watch".into(), "approval".into()));
    assert_eq!(text(&case, "/decisions/2/0/policy"), new);
    assert!(ada.ok(&["policy", "replay"]).contains(", 0 differ"), "what is on record follows from its facts");
    assert_eq!(ada.recorded("policy-activated").len(), 1);
    ada.ok(&["audit", "verify"]);
}

#[test]
fn a_set_that_permits_everything_changes_no_tier() {
    let scene = scene();
    let ada = scene.person("ada");
    let before = ada.case("1");
    let new = hash(&ada.ok(&["policy", "stage", "--file", "all.cedar"]));
    assert!(ada.ok(&["policy", "replay", &new]).ends_with("3 decisions made again, 0 differ\n"));
    // The only administrator activates their own, and that stands on record.
    ada.ok(&["policy", "activate", &new]);
    let activated = ada.recorded("policy-activated");
    assert!(text(&activated[0], "/body").contains("\"alone\":true"), "{activated:?}");
    ada.ok(&["case", "decide", "1"]);
    let after = ada.case("1");
    for action in ACTIONS {
        assert_eq!(tier(&after, action), tier(&before, action), "{action}");
    }
    // Nor does it let anybody do what guardrails forbid.
    assert!(ada.refused(&["case", "close", "1"]).contains("proof of death"));
    let eve = scene.person("eve");
    assert!(eve.refused(&["case", "list"]).contains("guardrail.person-only"));
    assert!(eve.refused(&["policy", "stage", "--file", "own.cedar"]).contains("guardrail.person-only"));
}

#[test]
fn mistakes_are_told_with_file_and_line() {
    let scene = scene();
    let ada = scene.person("ada");
    let wrong = |text: &str| {
        scene.write("bad.cedar", text);
        let told = ada.wrong(&["policy", "check", "--file", "bad.cedar"]);
        ada.wrong(&["policy", "stage", "--file", "bad.cedar"]);
        told
    };
    let told = wrong(&BY_HAND.replace("resource.provider.known", "resource.provder.known"));
    assert!(told.contains("bad.cedar:5: ") && told.contains("did you mean `provider`?"), "{told}");
    let told = wrong(&BY_HAND.replace("Action::\"notify\"", "Action::\"notfy\""));
    assert!(told.contains("bad.cedar:4: ") && told.contains("notfy"), "{told}");
    assert!(wrong(&BY_HAND.replace("acme.github", "guardrail.github")).contains("guardrail."));
    assert!(wrong(&BY_HAND.replace("};", "}")).contains("bad.cedar:"));
    assert!(wrong(&BY_HAND.replace("@title(\"it is not a token of GitHub\")\n", "")).contains("title"));
    assert!(ada.wrong(&["policy", "check", "--file", "missing.cedar"]).contains("cannot be read"));
    assert!(ada.ok(&["policy", "check", "--file", "own.cedar"]).contains("policies, sha256:"));
    assert!(ada.wrong(&["policy", "check", "--profile", "regulted"]).contains("did you mean `regulated`?"));
    // A forbid that something missing slips past is warned about.
    let guard = BY_HAND.split("unless").next().unwrap();
    scene.write("past.cedar", format!("{guard}when {{ resource.environment == Environment::\"production\" }};\n"));
    let run = ada.run(&["policy", "check", "--file", "past.cedar"]).code(0);
    let warned = "`notify` goes from watch to automatic when `environment` is not known";
    assert!(run.err().contains(warned), "{}", run.err());
}

#[test]
fn cases_of_a_policy_are_run() {
    let scene = scene();
    let ada = scene.person("ada");
    let cases = "[[case]]\nname = \"github is told by hand\"\naction = \"notify\"\ntier = \"watch\"\nbase = \"good\"\n\
                 unmet = [\"acme.github-by-hand\"]\n[case.facts]\nprovider = \"github\"\n";
    scene.write("cases.toml", cases);
    let out = ada.ok(&["policy", "test", "cases.toml", "--file", "own.cedar"]);
    assert!(out.contains("ok     github is told by hand") && out.ends_with("1 cases, 0 failed\n"), "{out}");
    let out = ada.run(&["policy", "test", "cases.toml"]).code(1).out();
    assert!(out.contains("FAILED github is told by hand") && out.ends_with("1 cases, 1 failed\n"), "{out}");
    scene.write("cases.toml", cases.replace("notify", "notfy"));
    assert_ne!(ada.run(&["policy", "test", "cases.toml", "--file", "own.cedar"]).code, Some(0));
    // One policy whole.
    let whole = ada.ok(&["policy", "show", "guardrail.owner-unknown"]);
    assert!(whole.contains("forbid (") && whole.contains("@id(\"guardrail.owner-unknown\")"), "{whole}");
    assert!(ada.wrong(&["policy", "show", "guardrail.nothing"]).contains("there is no policy"));
    assert!(ada.ok(&["policy", "explain", "1"]).contains("[guardrail.owner-unknown] OWASP:NHI1 CSF:PR.AA-05"));
}

#[test]
fn a_stricter_profile_is_a_replay_away() {
    let scene = scene();
    let ada = scene.person("ada");
    let out = ada.ok(&["policy", "replay", "--profile", "regulated"]);
    assert!(out.contains("Q-1 revoke: approval → watch") && out.contains("regulated.revoke-owner"), "{out}");
    assert!(ada.recorded("policy-replayed").is_empty(), "what was not staged is only looked at");
}

//! Everything that is tied to somebody who leaves.

use super::{PAST, Scene};
use crate::support::token;

#[test]
fn everything_that_is_tied_to_a_person_or_a_service_is_listed() {
    let scene = Scene::new();
    scene.config("[owners]\nfile = \"owners.toml\"\n");
    scene.write(
        "owners.toml",
        "[[team]]\nname = \"payments\"\n[[person]]\nname = \"Kim Example\"\naddresses = [\"kim@acme.example\"]\n\
         forge = [\"github:octocat\"]\n",
    );
    let ada = scene.person("ada");
    let line = |seed| format!("TOKEN = \"{}\"\n", token(seed));
    let repo = |name: &str, author: &str, seed: u64| {
        scene.repo(name).commit(author, PAST, &[("a.py", &line(seed))]);
    };
    // By its author, by its identity, by its owner, and one that is somebody else's.
    repo("one", "K <kim@acme.example>", 1);
    repo("two", "Ben <ben@acme.example>", 2);
    repo("three", "Ben <ben@acme.example>", 3);
    repo("four", "Ben <ben@acme.example>", 4);
    ada.track("one");
    ada.verified("two");
    ada.track("three");
    ada.track("four");
    ada.ok(&["case", "assign", "3", "--person", "Kim Example", "--reason", "made it"]);
    ada.ok(&["case", "assign", "4", "--team", "payments", "--reason", "theirs"]);
    let of = |name: &str| {
        let run = ada.run(&["offboard", name, "--format", "json"]).json();
        let all = run.as_array().unwrap().clone();
        all.iter().map(|tie| tie["case"]["number"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(of("kim@acme.example"), [1, 2, 3], "whoever the record knows is looked for by every account");
    assert_eq!(of("Kim Example"), [1, 2, 3]);
    assert_eq!(of("octocat"), [2]);
    assert_eq!(of("ben@acme.example"), [2, 3, 4]);
    assert_eq!(of("payments"), [4]);
    assert_eq!(of("nobody@acme.example"), [0; 0]);
    let out = ada.run(&["offboard", "Kim Example"]).code(1).out();
    for told in
        ["author K <kim@acme.example>, by commit", "subject octocat, by provider", "owner Kim Example, by assigned"]
    {
        assert!(out.contains(told), "{told}: {out}");
    }
    assert!(out.ends_with("3 tied to Kim Example; 3 open\n"), "{out}");
    // What is closed comes last, and alone is no finding.
    scene.dead();
    ada.ok(&["case", "verify", "2"]);
    ada.ok(&["case", "close", "2"]);
    assert_eq!(of("Kim Example"), [1, 3, 2]);
    ada.run(&["offboard", "octocat"]).code(0);
    assert!(ada.wrong(&["offboard"]).contains("NAMES"));
}

#[test]
fn a_path_a_fingerprint_and_a_repository_tie_to_nobody() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    scene.committed("payments", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.track("payments");
    ada.run(&["offboard", "payments"]).code(0);
}

#[test]
fn the_exit_code_is_the_same_in_every_format() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.track("app");
    ada.run(&["offboard", "kim@acme.example"]).code(1);
    ada.run(&["offboard", "kim@acme.example", "--format", "json"]).code(1);
}

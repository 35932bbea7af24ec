//! Who may do what: people by registered keys, and nobody twice.

use serde_json::Value;

use super::{PAST, Person, Scene, count, text, tier};
use crate::support::token;

/// A case whose leak ben brought in; ada administers, and ben, cat and dan approve.
fn team(scene: &Scene) -> [Person<'_>; 4] {
    let [ada, ben, cat, dan] = ["ada", "ben", "cat", "dan"].map(|name| scene.person(name));
    let repo = scene.repo("app");
    repo.commit("Ben <Ben@acme.example>", PAST, &[("a.py", &format!("TOKEN = \"{}\"\n", token(1)))]);
    ada.verified("app");
    ada.binds();
    for other in [&ben, &cat, &dan] {
        ada.adds(other, &["responder", "approver"]);
    }
    [ada, ben, cat, dan]
}

fn refusals(who: &Person<'_>) -> Vec<String> {
    who.events("1", "refused").iter().map(|event| text(event, "/body/reason").to_owned()).collect()
}

fn approval(who: &Person<'_>, number: usize) -> Value {
    who.case("1")["approvals"][number].clone()
}

#[test]
fn people_are_registered_by_an_administrator_and_nobody_is_two_people() {
    let scene = Scene::new();
    let [ada, ben, cat, _] = team(&scene);
    let list = ada.ok(&["people", "list"]);
    assert!(list.contains("responder,approver,administrator     github:ada  ada@acme.example"), "{list}");
    assert!(list.lines().next().unwrap().ends_with("(you)") && list.lines().count() == 4, "{list}");
    let (eve, key) = (scene.person("eve"), scene.person("eve").key());
    let add = |who: &Person<'_>, key: &str, forge: &str, address: &str| {
        let more = ["--key", key, "--role", "approver", "--forge", forge, "--address", address];
        who.run(&[&["people", "add", "eve"][..], &more].concat())
    };
    for (key, forge, address, why) in [
        (&key, "github:eve", "ben+spare@acme.example", "that address is bound to `ben`"),
        (&key, "github:eve", "BEN@ACME.example", "that address is bound to `ben`"),
        (&key, "GitHub:Ben", "eve@acme.example", "that forge account is bound to `ben`"),
        (&ben.key(), "github:eve", "eve@acme.example", "that key is or was `ben`'s"),
    ] {
        let run = add(&ada, key, forge, address);
        assert!(matches!(run.code, Some(2 | 6)) && run.err().contains(why), "{}", run.err());
    }
    assert!(add(&ada, &key, "eve", "eve@acme.example").code(2).err().contains("no forge account"));
    assert!(add(&ada, &key, "github:eve", "eve").code(2).err().contains("no mail address"));
    assert!(ada.wrong(&["people", "add", "eve", "--key", &key]).contains("one forge account and one address"));
    // Others register nobody.
    for who in [&cat, &eve] {
        let run = add(who, &key, "github:eve", "eve@acme.example").code(6);
        assert!(run.err().contains("guardrail.administrator-only"), "{}", run.err());
    }
    assert!(cat.refused(&["people", "roles", "cat", "administrator"]).contains("administrator-only"));
    assert!(cat.refused(&["people", "bind", "ben", "--address", "x@acme.example"]).contains("administrator-only"));
    assert!(cat.refused(&["people", "revoke", "ada", "--reason", "x"]).contains("administrator-only"));
    assert!(
        ada.wrong(&["people", "add", "bot", "--kind", "agent", "--role", "approver", "--key", &key])
            .contains("an agent has no role")
    );
    // Somebody administers always.
    assert!(ada.refused(&["people", "revoke", "ada", "--reason", "x"]).contains("nobody would be left"));
    assert!(ada.refused(&["people", "roles", "ada", "approver"]).contains("nobody would be left"));
    assert_eq!(ada.ok(&["people", "list"]), list, "nothing of this changed anything");
    ada.ok(&["people", "revoke", "ben", "--reason", "has left"]);
    let list = ada.ok(&["people", "list"]);
    assert!(!list.contains("ben ") && ada.ok(&["people", "list", "--all"]).contains("revoked: has left"), "{list}");
    assert!(ben.refused(&["case", "list"]).contains("guardrail.key-revoked"));
    // A key that was revoked comes back under no name.
    assert!(add(&ada, &ben.key(), "github:eve", "eve@acme.example").err().contains("that key is or was"));
}

#[test]
fn an_attempt_at_a_second_self_is_refused_on_record() {
    let scene = Scene::new();
    let [ada, ..] = team(&scene);
    let key = scene.person("eve").key();
    let more = ["--key", &key, "--role", "approver", "--forge", "github:eve", "--address", "ben+x@acme.example"];
    let before = ada.recorded("refused").len();
    ada.run(&[&["people", "add", "eve"][..], &more].concat()).code(6);
    assert_eq!(ada.recorded("refused").len(), before + 1);
}

#[test]
fn requester_leaker_agents_and_strangers_approve_nothing_and_it_is_on_record() {
    let scene = Scene::new();
    let [ada, ben, cat, dan] = team(&scene);
    let (bot, eve) = (scene.person("bot"), scene.person("eve"));
    ada.ok(&["people", "add", "bot", "--kind", "agent", "--key", &bot.key()]);
    let plan = ada.asks("1", "rotate");
    let approve = ["approve", "1", "--plan", &plan];
    let refused = [
        (ada.refused(&approve), "guardrail.requester-approves"),
        (ben.refused(&approve), "guardrail.leaker-approves"),
        (bot.refused(&approve), "guardrail.person-only"),
        (eve.refused(&approve), "guardrail.person-only"),
        (cat.refused(&[&approve[..], &["--as", "agent"]].concat()), "guardrail.person-only"),
        (cat.refused(&[&approve[..], &["--as", "machine"]].concat()), "guardrail.person-only"),
        (cat.refused(&["approve", "1", "--plan", "sha256:0000000000000000"]), "no request has this plan"),
        (cat.refused(&["approve", "1", "--plan", &plan[..18]]), "no request has this plan"),
    ];
    for (number, (told, why)) in refused.iter().enumerate() {
        assert!(told.contains(why) && told.contains("help:"), "{number}: {told}");
    }
    let recorded = refusals(&ada);
    assert_eq!(recorded.len(), refused.len(), "{recorded:#?}");
    for (reason, start) in recorded.iter().zip([
        "ada (person): ",
        "ben (person): ",
        "bot (agent): ",
        "somebody without a registered key, who says `eve` (machine): ",
        "cat (agent): ",
        "cat (machine): ",
    ]) {
        assert!(reason.starts_with(start), "{reason}");
    }
    assert_eq!(count(&approval(&ada, 0), "/by"), 0);
    // What an agent may: recommend. It is kept beside the request, as what it is.
    bot.ok(&["case", "note", "1", "safe to rotate, everybody agrees"]);
    for verb in [
        &["case", "show", "1"][..],
        &["case", "verify", "1"],
        &["case", "assign", "1", "--team", "x", "--reason", "y"],
        &["case", "outcome", "1", "false", "--reason", "y"],
        &["case", "request", "1", "revoke"],
        &["case", "close", "1"],
        &["case", "emergency", "1", "--action", "revoke", "--purpose", "x", "--trigger", "y"],
        &["reject", "1", "--reason", "x"],
        &["accept-risk", "1", "--until", "2027-01-01", "--reason", "x"],
        &["offboard", "octocat"],
        &["audit", "export"],
        &["store", "backup", "copy.db"],
        &["store", "erase", "1", "--reason", "x"],
        &["store", "rotate-key", "--to", "keys/other.key"],
        &["policy", "explain", "1"],
        &["policy", "replay"],
        &["policy", "stage", "--profile", "regulated"],
    ] {
        let told = bot.refused(verb);
        assert!(told.contains("guardrail.person-only"), "{verb:?}: {told}");
    }
    assert!(!scene.at("copy.db").exists() && !scene.at("keys/other.key").exists());
    // Two people who may.
    assert!(cat.ok(&approve).contains("approved by 1 of 2"));
    assert!(cat.refused(&approve).contains("you approved it before"), "one person is one approval");
    assert_eq!((approval(&ada, 0)["state"].as_str(), text(&ada.case("1"), "/stage")), (Some("waiting"), "decided"));
    assert!(dan.ok(&approve).contains("Q-1: approved"));
    assert_eq!((approval(&ada, 0)["state"].as_str(), text(&ada.case("1"), "/stage")), (Some("granted"), "approved"));
    assert!(ben.refused(&approve).contains("enough people approved it before"), "an approval is not used twice");
    let approved = ada.events("1", "approved");
    let by: Vec<(&str, &Value)> = approved.iter().map(|e| (text(e, "/actor/name"), &e["body"]["alone"])).collect();
    assert_eq!(by, [("cat", &Value::Bool(false)), ("dan", &Value::Bool(false))]);
    ada.ok(&["audit", "verify"]);
}

#[test]
fn no_verb_shows_evidence_to_an_agent() {
    let scene = Scene::new();
    let [ada, ..] = team(&scene);
    let bot = scene.person("bot");
    ada.ok(&["people", "add", "bot", "--kind", "agent", "--key", &bot.key()]);
    for who in [&bot, &scene.person("eve")] {
        let run = who.run(&["case", "decide", "1"]);
        assert!(!run.out().contains("a.py"), "{}", run.out());
    }
}

#[test]
fn what_an_agent_said_stands_beside_the_request_unchecked() {
    let scene = Scene::new();
    let [ada, ..] = team(&scene);
    let bot = scene.person("bot");
    ada.ok(&["people", "add", "bot", "--kind", "agent", "--key", &bot.key()]);
    bot.ok(&["case", "note", "1", "\u{1b}[2Jplan sha256:00 is fine\nnext      quell approve Q-1"]);
    ada.ok(&["case", "note", "1", "checked by hand"]);
    ada.asks("1", "rotate");
    let page = ada.ok(&["case", "show", "1"]);
    let said = page.lines().find(|line| line.contains("said by the caller, not checked: ")).unwrap();
    assert!(said.contains("plan sha256:00 is fine") && !page.contains('\u{1b}'), "{said}");
    assert_eq!(page.lines().filter(|line| line.starts_with("next ")).count(), 1, "{page}");
}

#[test]
fn an_approval_counts_for_what_was_shown_and_for_nothing_else() {
    let scene = Scene::new();
    let [ada, _, cat, dan] = team(&scene);
    let plan = ada.asks("1", "rotate");
    assert!(ada.wrong(&["case", "request", "1", "rotate"]).contains("waits for approval already"));
    cat.ok(&["approve", "1", "--plan", &plan]);
    // The facts change: nobody can approve it any more.
    ada.ok(&["case", "assign", "1", "--team", "payments", "--reason", "their service"]);
    let told = dan.refused(&["approve", "1", "--plan", &plan]);
    assert!(told.contains("guardrail.plan-changed"), "{told}");
    assert_eq!(approval(&ada, 0)["state"], "waiting", "whoever is refused changes nothing");
    // Asked again, it counts again; the old approval does not.
    let again = ada.asks("1", "rotate");
    assert_ne!(again, plan, "what is approved has the owner in it");
    assert_eq!(approval(&ada, 0)["state"], "expired");
    assert!(dan.refused(&["approve", "1", "--plan", &plan]).contains("the request has expired"));
    assert!(cat.ok(&["approve", "1", "--plan", &again]).contains("1 of 2"));
    // Whoever approved takes it back.
    assert!(dan.wrong(&["approve", "1", "--withdraw", "--reason", "x"]).contains("you approved nothing"));
    cat.ok(&["approve", "1", "--withdraw", "--reason", "I looked at the wrong case"]);
    assert_eq!(count(&approval(&ada, 1), "/by"), 0);
    assert!(dan.ok(&["approve", "1", "--plan", &again]).contains("1 of 2"));
    assert!(cat.ok(&["approve", "1", "--plan", &again]).contains("Q-1: approved"));
    // Taken back after it was granted: the case is where it was.
    dan.ok(&["approve", "1", "--withdraw", "--reason", "not today"]);
    let case = ada.case("1");
    assert_eq!((text(&case, "/stage"), text(&case, "/approvals/1/state")), ("decided", "waiting"));
    dan.ok(&["reject", "1", "--reason", "the team does it tomorrow"]);
    assert_eq!(approval(&ada, 1)["state"], "rejected");
    assert!(cat.refused(&["approve", "1", "--plan", &again]).contains("it was rejected"));
    // Nothing may be asked for that nobody could approve.
    ada.ok(&["case", "outcome", "1", "true", "--reason", "it is ours"]);
    scene.committed("other", "b.py", &format!("TOKEN = \"{}\"\n", token(2)));
    ada.track("other");
    let told = ada.refused(&["case", "request", "2", "rotate"]);
    assert!(told.contains("rotate may not be approved yet: its issuer was asked"), "{told}");
}

#[test]
fn an_approver_who_was_revoked_approves_nothing() {
    let scene = Scene::new();
    let [ada, _, cat, _] = team(&scene);
    let plan = ada.asks("1", "rotate");
    cat.ok(&["approve", "1", "--plan", &plan]);
    ada.ok(&["people", "revoke", "cat", "--reason", "lost the laptop"]);
    assert!(cat.refused(&["approve", "1", "--plan", &plan]).contains("guardrail.key-revoked"));
}

#[test]
fn what_somebody_approved_whose_key_was_revoked_counts_no_more() {
    let scene = Scene::new();
    let [ada, _, cat, dan] = team(&scene);
    let plan = ada.asks("1", "rotate");
    cat.ok(&["approve", "1", "--plan", &plan]);
    ada.ok(&["people", "revoke", "cat", "--reason", "lost the laptop"]);
    let told = dan.ok(&["approve", "1", "--plan", &plan]);
    assert_eq!(text(&approval(&ada, 0), "/state"), "waiting", "{told}");
    assert_eq!(text(&ada.case("1"), "/stage"), "decided");
}

#[test]
fn a_team_of_one_works_and_that_stands_on_record() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.verified("app");
    let plan = ada.asks("1", "rotate");
    assert!(ada.refused(&["approve", "1", "--plan", &plan]).contains("guardrail.unbound"));
    ada.binds();
    let told = ada.refused(&["approve", "1", "--plan", &plan]);
    assert!(told.contains("guardrail.alone-too-soon") && !told.contains("requester-approves"), "{told}");
    // As soon as somebody else could, nobody approves their own.
    let ben = scene.person("ben");
    ada.adds(&ben, &["approver"]);
    let plan = ada.asks("1", "revoke");
    assert!(ada.refused(&["approve", "1", "--plan", &plan]).contains("guardrail.requester-approves"));
    assert!(ben.ok(&["approve", "1", "--plan", &plan]).contains("approved by 1 of 2"));
}

#[test]
fn the_emergency_path_is_bounded_and_lets_one_approval_suffice() {
    let scene = Scene::new();
    let [ada, ben, cat, _] = team(&scene);
    let open = |who: &Person<'_>, hours: &str, more: &[&str]| {
        let all = ["case", "emergency", "1", "--action", "revoke", "--hours", hours, "--purpose", "it is being used"];
        who.run(&[&all[..], more].concat())
    };
    assert!(open(&cat, "1", &[]).code(2).err().contains("--trigger"));
    let trigger = ["--trigger", "the attacker is gone"];
    assert!(open(&cat, "99", &trigger).code(6).err().contains("default.emergency-too-long"));
    assert!(open(&scene.person("eve"), "1", &trigger).code(6).err().contains("person-only"));
    let out = open(&cat, "1", &trigger).code(0).out();
    let id = out.split_whitespace().next().unwrap().to_owned();
    let plan = ada.asks("1", "revoke");
    assert_eq!(approval(&ada, 0)["request"]["quorum"], 1);
    assert!(ben.refused(&["approve", "1", "--plan", &plan]).contains("guardrail.leaker-approves"), "guardrails hold");
    assert!(cat.ok(&["approve", "1", "--plan", &plan]).contains("Q-1: approved"));
    cat.ok(&["case", "emergency", "1", "--end", &id, "--reason", "over"]);
    ada.asks("1", "rotate");
    assert_eq!(approval(&ada, 1)["request"]["quorum"], 2);
    assert_eq!(tier(&ada.case("1"), "revoke"), "approval", "an emergency raises no tier");
}

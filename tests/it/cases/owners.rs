//! Who owns it, as the organisation's record, issuers and repositories say; and that a target decides nothing of it.

use super::{PAST, Scene, text};
use crate::support::token;

const RECORD: &str = r#"
[[team]]
name = "payments"
contact = "payments@acme.example"
members = ["Kim Example"]
forge = ["@acme/payments"]

[[person]]
name = "Kim Example"
addresses = ["kim@acme.example"]
forge = ["github:octocat"]

[[person]]
name = "Lee Gone"
addresses = ["lee@acme.example"]
forge = ["github:lee"]
left = "2024-01-31"

[[service]]
name = "shop"
team = "payments"
repositories = ["REPO"]
identities = [{ provider = "github", subject = "SUBJECT" }]
criticality = "high"
environment = "production"
"#;

/// A scene with a record in which `app` is the team's, and the token's identity is a name.
fn scene(subject: &str) -> Scene {
    let scene = Scene::new();
    scene.config("[owners]\nfile = \"owners.toml\"\n");
    let root = scene.path().canonicalize().unwrap().join("app").display().to_string();
    scene.write("owners.toml", RECORD.replace("REPO", &root).replace("SUBJECT", subject));
    scene
}

fn owner(page: &str) -> &str {
    page.lines().find_map(|line| line.strip_prefix("owner     ")).unwrap()
}

#[test]
fn the_record_asserts_and_the_issuer_confirms() {
    let scene = scene("octocat");
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.track("app");
    let page = ada.ok(&["case", "show", "1"]);
    assert_eq!(owner(&page), "team payments (asserted)", "{page}");
    assert!(page.contains("criticality high (") && page.contains("environment production ("), "{page}");
    let page = ada.ok(&["case", "verify", "1"]);
    assert_eq!(owner(&page), "team payments (confirmed)", "{page}");
    assert_eq!(text(&ada.case("1"), "/answers/subject"), "match");
    // What a person says counts before all of it, with a reason.
    ada.ok(&["case", "assign", "1", "--person", "Kim Example", "--reason", "took it over"]);
    let page = ada.ok(&["case", "show", "1"]);
    assert!(
        owner(&page).starts_with("person Kim Example (confirmed); assigned by ada, ") && page.contains("took it over")
    );
    assert!(ada.ok(&["case", "list", "--owner", "Kim Example"]).contains("1 shown"));
    assert!(ada.ok(&["case", "list", "--owner", "payments"]).contains("0 shown"));
}

#[test]
fn another_identity_than_the_record_means_is_told() {
    let scene = scene("shop-deployer");
    let record = std::fs::read_to_string(scene.at("owners.toml")).unwrap();
    scene.write("owners.toml", record.replace("github:octocat", "github:kim"));
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.verified("app");
    let page = ada.ok(&["case", "show", "1"]);
    assert!(page.contains("the owner's record means another identity"), "{page}");
    assert_eq!(text(&ada.case("1"), "/answers/subject"), "mismatch");
    assert!(ada.ok(&["policy", "explain", "1"]).contains("[guardrail.subject-unconfirmed]"));
}

#[test]
fn claims_that_disagree_are_shown() {
    let scene = scene("octocat");
    let more =
        "[[team]]\nname = \"web\"\ncontact = \"web@acme.example\"\n[[service]]\nname = \"front\"\nteam = \"web\"\n";
    let record = std::fs::read_to_string(scene.at("owners.toml")).unwrap();
    let repository = record.lines().find(|line| line.starts_with("repositories")).unwrap();
    scene.write("owners.toml", format!("{record}{more}{repository}\n"));
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    ada.track("app");
    let page = ada.ok(&["case", "show", "1"]);
    assert!(owner(&page).starts_with("disputed: team payments, team web"), "{page}");
    assert!(page.ends_with("next      quell case verify Q-1\n"), "{page}");
    assert!(ada.ok(&["policy", "explain", "1"]).contains("[guardrail.owner-conflict]"));
    assert!(ada.ok(&["case", "list"]).contains("  disputed  "));
    ada.ok(&["case", "assign", "1", "--team", "web", "--reason", "they agreed"]);
    assert!(owner(&ada.ok(&["case", "show", "1"])).starts_with("team web (confirmed)"));
}

#[test]
fn whoever_has_left_owns_nothing() {
    let scene = scene("octocat");
    let ada = scene.person("ada");
    let repo = scene.repo("other");
    repo.commit("Lee <lee@acme.example>", PAST, &[("a.py", &format!("TOKEN = \"{}\"\n", token(1)))]);
    ada.track("other");
    let page = ada.ok(&["case", "show", "1"]);
    assert_eq!(owner(&page), "not known", "{page}");
    assert!(page.contains("Lee Gone, who left on 2024-01-31, by author"), "{page}");
    assert!(ada.ok(&["policy", "explain", "1"]).contains("[guardrail.owner-departed]"));
}

#[test]
fn a_forged_codeowners_stays_a_hint() {
    let scene = scene("octocat");
    let ada = scene.person("ada");
    let repo = scene.repo("app");
    let leak = format!("TOKEN = \"{}\"\n", token(1));
    repo.commit("Ben <ben@acme.example>", PAST, &[("README", "shop\n")]);
    // The leak's commit brings its own owners.
    repo.commit("Eve <eve@evil.example>", PAST + 60, &[("a.py", &leak), (".github/CODEOWNERS", "* @acme/eve\n")]);
    ada.track("app");
    let page = ada.ok(&["case", "show", "1"]);
    assert_eq!(owner(&page), "team payments (asserted)", "{page}");
    assert!(!page.contains("acme/eve"), "what the leak itself brought is not read: {page}");
    // One that was there before is heard, as a hint, and below the record.
    let second = scene.repo("second");
    second.commit("Ben <ben@acme.example>", PAST, &[("CODEOWNERS", "* @acme/front\n")]);
    second.commit("Eve <eve@evil.example>", PAST + 60, &[("b.py", &format!("TOKEN = \"{}\"\n", token(2)))]);
    ada.track("second");
    let page = ada.ok(&["case", "show", "2"]);
    assert!(page.contains("hint: ") && page.contains("acme/front") && page.contains("CODEOWNERS"), "{page}");
    assert!(owner(&page).ends_with("(hint)"), "{page}");
    assert!(ada.ok(&["policy", "explain", "2"]).contains("[guardrail.owner-unknown]"), "a hint is nobody");
    // A repository that calls itself another makes nothing firmer.
    let third = scene.repo("third");
    third.commit("Eve <eve@evil.example>", PAST, &[("c.py", &format!("TOKEN = \"{}\"\n", token(3)))]);
    third.git(&["remote", "add", "origin", "https://github.com/acme/shop.git"]);
    let record = std::fs::read_to_string(scene.at("owners.toml")).unwrap();
    let root = scene.path().canonicalize().unwrap().join("app").display().to_string();
    scene.write("owners.toml", record.replace(&root, "github.com/acme/shop"));
    ada.track("third");
    let page = ada.ok(&["case", "show", "3"]);
    assert!(page.contains("github.com/acme/shop  c.py"), "{page}");
    assert!(owner(&page).ends_with("(hint)"), "{page}");
}

#[test]
fn a_mistake_in_the_record_is_told_with_its_line() {
    let scene = scene("octocat");
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    scene.write("owners.toml", "[[team]]\nname = \"payments\"\ncontcat = \"x\"\n");
    let told = ada.wrong(&["scan", "--track", "app"]);
    assert!(told.contains("owners.toml:3: ") && told.contains("contact"), "{told}");
    std::fs::remove_file(scene.at("owners.toml")).unwrap();
    let told = ada.wrong(&["scan", "--track", "app"]);
    assert!(told.contains("cannot be read") && told.contains("quell init --owners"), "{told}");
}

#[test]
fn a_mistake_in_the_record_is_told_in_words() {
    let scene = scene("octocat");
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    scene.write("owners.toml", "[[person]]\nname = \"Lee\"\nleft = 2024-01-31\n");
    let told = ada.wrong(&["scan", "--track", "app"]);
    assert!(told.contains("owners.toml:3: ") && told.matches("owners.toml:").count() == 1, "{told}");
    assert!(told.contains("quotes"), "{told}");
}

#[test]
fn a_mistake_in_the_record_is_told_before_anything_is_written() {
    let scene = scene("octocat");
    let ada = scene.person("ada");
    scene.committed("app", "a.py", &format!("TOKEN = \"{}\"\n", token(1)));
    scene.write("owners.toml", "[[team]]\nname = \"payments\"\ncontcat = \"x\"\n");
    ada.wrong(&["scan", "--track", "app"]);
    assert!(!scene.db().exists());
}

#[test]
fn files_of_a_target_name_no_store_no_people_and_no_policy() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    let eve = scene.person("eve").key();
    let evil = scene.at("app/evil.db").display().to_string();
    let config = format!(
        "[store]\nurl = \"{evil}\"\nseal = false\n[owners]\nfile = \"owners.toml\"\n[run]\n\
         targets = [\"/\"]\n"
    );
    let people = format!("[[person]]\nname = \"eve\"\nkey = \"{eve}\"\nroles = [\"administrator\"]\n");
    let repo = scene.repo("app");
    repo.commit(
        "Eve <eve@evil.example>",
        PAST,
        &[
            ("a.py", &format!("TOKEN = \"{}\"\n", token(1))),
            ("quell.toml", &config),
            ("config.toml", &config),
            ("quell/config.toml", &config),
            (".config/quell/config.toml", &config),
            (
                "owners.toml",
                "[[team]]\nname = \"evil\"\n[[service]]\nname = \"x\"\nteam = \"evil\"\nrepositories = [\"*\"]\n",
            ),
            ("people.toml", &people),
            ("policies/all.cedar", "@id(\"x\")\n@title(\"x\")\npermit (principal, action, resource);\n"),
            (".env", &format!("QUELL_STORE={evil}\nQUELL_CONFIG=config.toml\n")),
        ],
    );
    // From inside of it, and with no configuration named.
    let mut command = ada.command(&["scan", "--track", "."]);
    command.current_dir(scene.at("app")).env_remove("QUELL_CONFIG").env_remove("QUELL_STORE");
    let run = crate::support::run(&mut command).code(1);
    let own = scene.at("people/ada/state/quell/quell.db");
    assert!(
        own.exists() && !scene.at("app/evil.db").exists() && run.err().contains("`ada` is its first"),
        "{}",
        run.err()
    );
    let at = ["--store", own.to_str().unwrap()];
    let list = ada.ok(&[&["people", "list"][..], &at].concat());
    assert!(list.lines().count() == 1 && !list.contains("eve"), "{list}");
    let page = ada.ok(&[&["case", "show", "1"][..], &at].concat());
    assert!(!page.contains("team evil"), "{page}");
    assert!(ada.ok(&[&["policy", "show"][..], &at].concat()).starts_with("profile  default\n"));
    // What a target may say in its own file is told where it is not for it to say.
    repo.write(&[(".quell.toml", &config)]);
    let mut command = ada.command(&["scan", "--track", "."]);
    let run = crate::support::run(command.current_dir(scene.at("app")));
    assert!(!scene.at("app/evil.db").exists());
    let told = format!("{}{}", run.out(), run.err());
    assert!(told.contains(".quell.toml") && told.contains("store"), "{told}");
}

#[test]
fn pipelines_manifests_and_code_answer_who_depends_on_it() {
    let scene = scene("octocat");
    let ada = scene.person("ada");
    let workflow = "on: push\njobs:\n  ship:\n    environment: production\n    runs-on: x\n    steps:\n      - run: ./ship\n        env: { KEY: '${{ secrets.SHOP_API_TOKEN }}' }\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec:\n  containers:\n    - name: app\n      env:\n        - name: SHOP_API_TOKEN\n          valueFrom: { secretKeyRef: { name: shop, key: SHOP_API_TOKEN } }\n";
    let leak = format!("SHOP_API_TOKEN = \"{}\"\n", token(1));
    let files = [
        ("settings.py", leak.as_str()),
        (".github/workflows/ship.yml", workflow),
        ("deploy/web.yaml", pod),
        ("src/pay.py", "import os\n\ndef pay():\n    return os.environ[\"SHOP_API_TOKEN\"]\n"),
        ("README.md", "no word of it\n"),
    ];
    scene.repo("app").commit("Kim <kim@acme.example>", PAST, &files);
    ada.track("app");
    let case = ada.case("1");
    let all = case["answers"]["dependents"]["value"].as_array().unwrap();
    let mut told: Vec<_> = all
        .iter()
        .map(|one| {
            assert!(one["evidence"]["at"].as_i64().unwrap() > 0, "{one:#}");
            (text(one, "/kind"), text(one, "/name"), text(one, "/evidence/source"), text(one, "/evidence/place"))
        })
        .collect();
    told.sort_unstable();
    let wanted = [
        ("ci-job", ".github/workflows/ship.yml", "github-actions", ":8"),
        ("code", "src/pay.py", "code", ":4"),
        ("manifest", "deploy/web.yaml", "kubernetes", ":9"),
    ];
    assert_eq!(told.len(), wanted.len(), "{told:?}");
    for ((kind, _, source, place), (wanted, path, of, line)) in told.iter().zip(wanted) {
        assert_eq!((*kind, *source), (wanted, of));
        assert!(place.contains(path) && place.ends_with(line), "{place}");
    }
    let page = ada.ok(&["case", "show", "1"]);
    assert!(page.contains("ship.yml") && page.contains("ship"), "{page}");
    // The policy has their number, and how old that is.
    let decisions = case["decisions"].to_string();
    assert!(decisions.contains("\"dependents\":3,\"dependents_age_hours\":0,"), "{decisions}");
}

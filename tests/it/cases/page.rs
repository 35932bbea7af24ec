//! What people and programs see of a case, word for word.

use serde_json::Value;

use super::{PAST, Scene};
use crate::support::token;

const RECORD: &str = r#"
[[team]]
name = "payments"
contact = "payments@acme.example"
forge = ["@acme/payments"]

[[service]]
name = "shop"
team = "payments"
repositories = ["REPO"]
identities = [{ provider = "github", subject = "octocat" }]
criticality = "high"
environment = "production"
downtime_minutes = 30
partners = ["Bank"]
purpose = "deploys the shop"
"#;

/// A case of which much is known.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.config("[owners]\nfile = \"owners.toml\"\n");
    let root = scene.path().canonicalize().unwrap().join("shop").display().to_string();
    scene.write("owners.toml", RECORD.replace("REPO", &root));
    let repo = scene.repo("shop");
    repo.commit("Ben <ben@acme.example>", PAST - 60, &[("CODEOWNERS", "* @acme/payments\n")]);
    let deploy = format!("SHOP_TOKEN = \"{}\"\n", token(1));
    let uses = "import os\nos.environ[\"SHOP_TOKEN\"]\n";
    repo.commit("Kim <kim@acme.example>", PAST, &[("deploy.py", &deploy), ("shop/main.py", uses)]);
    let ada = scene.person("ada");
    ada.verified("shop");
    ada.binds();
    ada.ok(&["case", "note", "1", "the bank was told\u{1b}[2J"]);
    let ben = scene.person("ben");
    ada.adds(&ben, &["approver"]);
    ada.asks("1", "rotate");
    scene
}

/// A text without what differs from run to run: times, ages, names of files, ports and hashes.
fn stable(text: &str, scene: &Scene) -> String {
    let root = scene.path().canonicalize().unwrap().display().to_string();
    let text = text.replace(&root, "[DIR]").replace(&format!("127.0.0.1:{}", scene.issuer.port), "[ISSUER]");
    let mut out = String::new();
    for line in text.lines() {
        // How old the documentation is follows from the day.
        let dated = line.split_once("(documentation, ").and_then(|(a, b)| Some((a, b.split_once(" old")?.1)));
        let line = &dated.map_or_else(|| line.to_owned(), |(a, b)| format!("{a}(documentation, [AGE] old{b}"));
        let words: Vec<&str> = line.split(' ').collect();
        let mut told: Vec<String> = words.iter().map(|word| stable_word(word)).collect();
        for (at, pair) in words.windows(2).enumerate() {
            // An age, as pages and lists have it; what is a figure of the record stays.
            let digits = !pair[0].is_empty() && pair[0].bytes().all(|b| b.is_ascii_digit());
            let aged = words.get(at + 2).is_some_and(|word| ["ago", "old"].iter().any(|w| word.starts_with(w)));
            if digits && (pair[1] == "s" || pair[1] == "min" && aged) {
                told[at] = "[N]".to_owned();
                told[at + 1] = "s".to_owned();
            }
        }
        let mut line = told.join(" ");
        while line.contains("[N] s   ") {
            line = line.replace("[N] s   ", "[N] s  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn stable_word(word: &str) -> String {
    let is = |form: &str| {
        word.len() >= form.len()
            && word.bytes().zip(form.bytes()).all(|(b, f)| if f == b'0' { b.is_ascii_digit() } else { b == f })
    };
    // The commit's time is the test's own.
    if is("0000-00-00T00:00:00Z") && !word.starts_with("2023-11-14") {
        return format!("[TIME]{}", &word[20..]);
    }
    if let Some(rest) = word.strip_prefix("sha256:") {
        let hash = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        return format!("[HASH]{}", &rest[hash..]);
    }
    if word.strip_prefix("a-").is_some_and(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit())) {
        return "[REQUEST]".to_owned();
    }
    if word.len() >= 12 && word.bytes().all(|b| b.is_ascii_hexdigit()) {
        "[COMMIT]".to_owned()
    } else {
        word.to_owned()
    }
}

#[test]
fn the_page_that_is_read_at_night() {
    let scene = scene();
    let ada = scene.person("ada");
    let page = ada.ok(&["case", "show", "1"]);
    assert!(!page.contains('\u{1b}') && !page.contains(&token(1)[4..20]), "{page}");
    insta::assert_snapshot!("case_page", stable(&page, &scene));
    insta::assert_snapshot!("case_list", stable(&ada.ok(&["case", "list"]), &scene));
}

#[test]
fn programs_read_the_same_case_back() {
    let scene = scene();
    let ada = scene.person("ada");
    let shown = ada.shown("1");
    let case: quell::model::case::Case = serde_json::from_value(shown["case"].clone()).unwrap();
    assert_eq!(serde_json::to_value(&case).unwrap(), shown["case"]);
    assert_eq!((case.number.0, case.opening.places.len()), (1, 1));
    for event in shown["events"].as_array().unwrap() {
        let body: quell::model::event::Body = serde_json::from_value(event["body"].clone()).unwrap();
        assert_eq!(serde_json::to_value(&body).unwrap(), event["body"]);
    }
    let seqs: Vec<i64> = shown["events"].as_array().unwrap().iter().map(|e| e["seq"].as_i64().unwrap()).collect();
    assert!(seqs.is_sorted() && !seqs.is_empty());
    assert!(!shown.to_string().contains(&token(1)[4..20]), "no secret in it");
    let all = Value::from(ada.cases());
    assert_eq!(all[0], shown["case"], "a list has whole cases");
}

#[test]
fn lists_are_narrowed_and_paged() {
    let scene = Scene::new();
    let ada = scene.person("ada");
    let repo = scene.repo("app");
    for seed in 1..=5 {
        repo.write(&[(&format!("{seed}.py"), &format!("TOKEN = \"{}\"\n", token(seed)))]);
    }
    ada.track("app");
    ada.ok(&["case", "outcome", "2", "test", "--reason", "an example"]);
    ada.ok(&["case", "close", "2"]);
    scene.live();
    ada.ok(&["case", "verify", "3"]);
    ada.asks("3", "rotate");
    let of = |more: &[&str]| {
        let all = ada.run(&[&["case", "list", "--format", "json"][..], more].concat()).code(0).json();
        all.as_array().unwrap().iter().map(|c| c["number"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(of(&[]), [1, 3, 4, 5]);
    assert_eq!(of(&["--all"]), [1, 2, 3, 4, 5]);
    assert_eq!(of(&["--stage", "closed"]), [2]);
    assert_eq!(of(&["--live"]), [3]);
    assert_eq!(of(&["--waiting"]), [3]);
    assert_eq!(of(&["--all", "--limit", "2"]), [1, 2]);
    assert_eq!(of(&["--all", "--limit", "2", "--after", "Q-2"]), [3, 4]);
    assert_eq!(of(&["--text", "4.py"]), [4]);
    assert_eq!(of(&["--provider", "github"]), [1, 3, 4, 5]);
    assert_eq!(of(&["--provider", "gitlab"]), [0; 0]);
    assert!(ada.wrong(&["case", "list", "--stage", "close"]).contains("did you mean `closed`?"));
    assert!(ada.wrong(&["case", "show", "Q-99"]).contains("no case `Q-99`"));
    assert!(ada.wrong(&["case", "show", "q1-nothing"]).contains("is no case"));
}

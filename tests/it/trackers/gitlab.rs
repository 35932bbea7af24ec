//! GitLab, by the shapes of its documentation.

use std::sync::Mutex;

use quell::connectors::tracker::{Gitlab, TaskSink, TrackerError};
use serde_json::{Value, json};

use super::http::{Http, Reply};
use super::{marker, runtime, text};

fn sink(url: &str) -> Gitlab {
    Gitlab::new("lab", reqwest::Client::builder().no_proxy(), url, "acme/shop", "word").unwrap()
}

fn note(id: u64, name: &str, body: &str, at: &str) -> Value {
    json!({ "id": id, "body": body, "author": { "id": 1, "username": name, "state": "active" }, "created_at": at,
        "updated_at": at, "system": false, "noteable_type": "Issue", "internal": false })
}

/// A project with at most one issue.
fn project() -> Http {
    let issue: Mutex<Option<Value>> = Mutex::default();
    let notes: Mutex<Vec<Value>> = Mutex::default();
    Http::start(move |asked| {
        let host = asked.head.lines().find_map(|l| l.strip_prefix("host: ")).unwrap();
        let (mut issue, mut notes) = (issue.lock().unwrap(), notes.lock().unwrap());
        let path = asked.line().replace("/api/v4/projects/acme%2Fshop/issues", "/");
        match path.as_str() {
            "GET /api/v4/user" => Reply::json(&json!({ "id": 1, "username": "quell", "bot": false })),
            "GET /" => Reply::json(&Value::from(issue.iter().cloned().collect::<Vec<_>>())),
            "POST /" => {
                *issue = Some(json!({
                    "id": 76, "iid": 6, "state": "opened", "title": asked.body["title"], "closed_by": null,
                    "description": asked.body["description"], "author": { "username": "quell" },
                    "labels": asked.body["labels"].as_str().unwrap().split(',').collect::<Vec<_>>(),
                    "due_date": asked.body["due_date"], "web_url": format!("{}://{host}/acme/shop/-/issues/6", "http"),
                    "created_at": "2026-11-22T02:13:28.081Z", "updated_at": "2026-11-22T02:13:28.081Z",
                }));
                Reply::json(issue.as_ref().unwrap())
            }
            "PUT //6" => {
                let issue = issue.as_mut().unwrap();
                match asked.body["state_event"].as_str() {
                    Some("close") => {
                        (issue["state"], issue["closed_by"]) = (json!("closed"), json!({ "username": "kim" }))
                    }
                    Some(_) => (issue["state"], issue["closed_by"]) = (json!("opened"), Value::Null),
                    None => issue["description"] = asked.body["description"].clone(),
                }
                Reply::json(issue)
            }
            "GET //6" => Reply::json(issue.as_ref().unwrap()),
            "POST //6/notes" => {
                let id = 300 + notes.len() as u64;
                notes.insert(0, note(id, "quell", asked.body["body"].as_str().unwrap(), "2026-11-22T02:14:00.000Z"));
                Reply::json(&notes[0])
            }
            "GET //6/notes" => {
                let mut system = note(9, "kim", "closed", "2026-11-22T02:13:29.000Z");
                system["system"] = json!(true);
                let mut edited = note(7, "kim", "/quell approve", "2026-11-22T02:13:30.000Z");
                edited["updated_at"] = json!("2026-11-22T02:13:30.500Z");
                let people = [
                    edited,
                    system,
                    note(6, "project_5_bot_a1", "x", "2026-11-22T02:13:29.000Z"),
                    note(5, "kim", "x", "2026-11-22T02:13:28.000Z"),
                ];
                Reply::json(&Value::from([notes.as_slice(), &people].concat()))
            }
            _ => Reply::of(404, "{\"message\": \"404 Not found\"}"),
        }
    })
}

#[test]
fn a_task_lives_on_gitlab() {
    let server = project();
    runtime().block_on(async {
        let sink = sink(&server.url());
        assert_eq!(sink.find(&marker("Q-17"), 0).await.unwrap(), []);
        let task = sink.create(&text("Q-17", "see\n/close\n  /assign @kim")).await.unwrap();
        assert_eq!((task.key.as_str(), task.open, task.updated), ("6", true, 1_795_313_608));
        assert_eq!(sink.find(&marker("Q-17"), 0).await.unwrap(), [task]);
        assert_eq!(sink.find(&marker("Q-1"), 0).await.unwrap(), []);
        sink.write("6", &text("Q-17", "new")).await.unwrap();
        let about = marker("Q-17").about("a").unwrap();
        let id = sink.comment("6", "/close", &about).await.unwrap();
        assert_eq!(sink.comment("6", "/close", &about).await.unwrap(), id);
        let comments = sink.comments("6", 1_795_313_609).await.unwrap();
        let seen: Vec<(&str, &str, bool, bool, bool)> =
            comments.iter().map(|c| (c.id.as_str(), c.account.name.as_str(), c.account.bot, c.edited, c.own)).collect();
        assert_eq!(
            seen,
            [
                ("6", "gitlab:project_5_bot_a1", true, false, false),
                ("7", "gitlab:kim", false, true, false),
                ("300", "gitlab:quell", false, false, true),
            ]
        );
        sink.set_open("6", true).await.unwrap();
        sink.set_open("6", false).await.unwrap();
        let closed = sink.see("6").await.unwrap().unwrap();
        assert!(!closed.open && closed.closed_by.unwrap().name == "gitlab:kim");
        sink.set_open("6", true).await.unwrap();
        assert!(sink.see("6").await.unwrap().unwrap().open);
        assert_eq!(sink.changed(0).await.unwrap(), ["6"]);
        assert_eq!(sink.see("7").await.unwrap(), None);
        assert_eq!(sink.see("6/notes").await, Err(TrackerError::Key));
    });
    let asked = server.seen();
    assert!(asked.iter().all(|a| a.head.contains("private-token: word\r\n")));
    let made = &asked.iter().find(|a| a.method == "POST").unwrap().body;
    assert_eq!((&made["labels"], &made["due_date"]), (&json!("quell,severity:high"), &json!("2026-11-22")));
    assert!(made["description"].as_str().unwrap().ends_with("see\n\\/close\n  \\/assign @kim"));
    let states: Vec<&Value> = asked.iter().filter(|a| a.method == "PUT").map(|a| &a.body["state_event"]).collect();
    assert_eq!(states, [&Value::Null, &json!("close"), &json!("reopen")], "nothing is done twice");
    let written = &asked.iter().find(|a| a.method == "PUT").unwrap().body;
    assert!(written.get("labels").is_none() && written["add_labels"] == "quell,severity:high");
    let noted = &asked.iter().find(|a| a.line() == "POST /api/v4/projects/acme%2Fshop/issues/6/notes").unwrap().body;
    assert!(noted["body"].as_str().unwrap().ends_with("\n\\/close"));
}

#[test]
fn projects_have_names() {
    for bad in ["", "/", "a//b", "../x", "a b", "a/..", "a?b"] {
        assert!(Gitlab::new("x", reqwest::Client::builder(), "https://git.example", bad, "t").is_err(), "{bad}");
    }
}

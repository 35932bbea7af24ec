//! Jira, by the shapes of its documentation: Cloud, and Data Center.

use std::sync::Mutex;

use data_encoding::BASE64;
use quell::connectors::tracker::{Jira, JiraAuth, TaskFormat, TaskSink, TaskText, TrackerError};
use serde_json::{Value, json};

use super::http::{Http, Reply};
use super::{marker, runtime, text};

fn cloud(url: &str) -> Jira {
    let auth = JiraAuth::Cloud { email: "quell@acme.example".to_owned(), token: "word".to_owned() };
    Jira::new("desk", reqwest::Client::builder().no_proxy(), url, "SEC", "Task", auth).unwrap()
}

fn center(url: &str) -> Jira {
    let auth = JiraAuth::DataCenter { token: "word".to_owned() };
    Jira::new("desk", reqwest::Client::builder().no_proxy(), url, "SEC", "Task", auth).unwrap()
}

fn document(text: &str) -> String {
    json!({ "version": 1, "type": "doc", "content": [{ "type": "paragraph", "content": [{ "type": "text", "text": text }] }] })
        .to_string()
}

fn adf(case: &str) -> TaskText {
    TaskText { body: document("a body"), ..text(case, "") }
}

const TIME: &str = "2026-11-22T02:13:28.000+0000";

fn issue(number: u64, creator: &Value, category: &str, properties: &Value) -> Value {
    json!({
        "id": (10_000 + number).to_string(), "key": format!("SEC-{number}"), "properties": properties,
        "fields": { "creator": creator, "created": TIME, "updated": TIME, "status": {
            "name": "x", "statusCategory": { "id": 2, "key": category, "name": "x" } } },
    })
}

/// A project of Cloud, or of Data Center, with an old issue of somebody's and at most one of quell's, which no search of Cloud
/// knows yet.
fn project(version: &'static str, lagging: bool) -> Http {
    let me = match version {
        "3" => json!({ "accountId": "5b10:quell", "accountType": "atlassian" }),
        _ => json!({ "name": "quell", "key": "quell" }),
    };
    let (made, notes) = (Mutex::new(None::<(Value, String)>), Mutex::new(Vec::<Value>::new()));
    Http::start(move |asked| {
        let (mut made, mut notes) = (made.lock().unwrap(), notes.lock().unwrap());
        let own = made.as_ref().map(|(properties, category)| issue(8, &me, category, properties));
        let line = asked.line().replace(&format!("/rest/api/{version}"), "");
        match line.as_str() {
            "GET /myself" => Reply::json(&me),
            "POST /search/jql" | "POST /search" if asked.body["jql"].as_str().unwrap().contains("DESC") => {
                Reply::json(&json!({ "issues": [issue(7, &json!({ "accountId": "kim" }), "new", &json!({}))] }))
            }
            "POST /search/jql" | "POST /search" => {
                let known: Vec<Value> = own.into_iter().filter(|_| !lagging).collect();
                Reply::json(&json!({ "issues": known, "isLast": true }))
            }
            "POST /issue/bulkfetch" => {
                let keys = asked.body["issueIdsOrKeys"].as_array().unwrap();
                let known: Vec<Value> = own.into_iter().filter(|_| keys.contains(&json!("SEC-8"))).collect();
                Reply::json(&json!({ "issues": known, "issueErrors": [] }))
            }
            "POST /issue" => {
                let property = &asked.body["properties"][0];
                let name = property["key"].as_str().unwrap();
                *made = Some((json!({ name: property["value"] }), "new".to_owned()));
                Reply::of(201, &json!({ "id": "10008", "key": "SEC-8", "self": "https://evil.example/" }).to_string())
            }
            "GET /issue/SEC-8" => {
                let mut issue = own.unwrap();
                let moved = |who: &str, at: &str, field: &str| {
                    json!({ "author": { "accountId": who, "name": who, "accountType": "atlassian" }, "created": at,
                        "items": [{ "field": field }] })
                };
                issue["changelog"] = json!({ "histories": [
                    moved("later", "2026-11-22T05:00:00.000+0000", "labels"),
                    moved("kim", "2026-11-22T04:00:00.000+0000", "status"),
                    moved("before", "2026-11-22T03:00:00.000+0000", "status"),
                ]});
                Reply::json(&issue)
            }
            "PUT /issue/SEC-8" => Reply::of(204, ""),
            "GET /issue/SEC-8/transitions" => Reply::json(&json!({ "transitions": [
                { "id": "11", "name": "Start", "to": { "statusCategory": { "key": "indeterminate" } } },
                { "id": "31", "name": "Done", "to": { "statusCategory": { "key": "done" } } },
            ]})),
            "POST /issue/SEC-8/transitions" => {
                let done = asked.body["transition"]["id"] == "31";
                made.as_mut().unwrap().1 = if done { "done" } else { "indeterminate" }.to_owned();
                Reply::of(204, "")
            }
            "POST /issue/SEC-8/comment" => {
                let id = (500 + notes.len()).to_string();
                let note =
                    json!({ "id": id, "author": me, "body": asked.body["body"], "created": TIME, "updated": TIME });
                notes.insert(0, note);
                Reply::of(201, &notes[0].to_string())
            }
            "GET /issue/SEC-8/comment" => {
                let body = |text: &str| match version {
                    "3" => serde_json::from_str(&document(text)).unwrap(),
                    _ => json!(text),
                };
                let note = |id: &str, who: &str, kind: &str, updated: &str| {
                    json!({ "id": id, "author": { "accountId": who, "name": who, "accountType": kind },
                        "body": body("/quell approve"), "created": TIME, "updated": updated })
                };
                let people = [
                    note("3", "robot", "app", TIME),
                    note("2", "kim", "atlassian", "2026-11-22T02:13:28.500+0000"),
                    note("1", "kim", "atlassian", TIME),
                ];
                let all = [notes.as_slice(), &people].concat();
                Reply::json(&json!({ "startAt": 0, "total": all.len(), "comments": all }))
            }
            _ => Reply::of(404, "{\"errorMessages\": [\"Issue does not exist\"]}"),
        }
    })
}

#[test]
fn a_task_lives_in_cloud_though_its_search_lags() {
    let server = project("3", true);
    runtime().block_on(async {
        let sink = cloud(&server.url());
        assert_eq!(sink.format(), TaskFormat::Adf);
        assert_eq!(sink.find(&marker("Q-17"), 0).await.unwrap(), []);
        let task = sink.create(&adf("Q-17")).await.unwrap();
        assert_eq!(
            (task.key.as_str(), task.url.as_str()),
            ("SEC-8", format!("{}/browse/SEC-8", server.url()).as_str())
        );
        assert_eq!(sink.find(&marker("Q-17"), 0).await.unwrap(), [task]);
        assert_eq!(sink.find(&marker("Q-1"), 0).await.unwrap(), []);
        sink.write("SEC-8", &adf("Q-17")).await.unwrap();
        let about = marker("Q-17").about("a").unwrap();
        let id = sink.comment("SEC-8", &document("It is live."), &about).await.unwrap();
        assert_eq!(sink.comment("SEC-8", &document("It is live."), &about).await.unwrap(), id);
        let comments = sink.comments("SEC-8", 0).await.unwrap();
        let seen: Vec<(&str, &str, bool, bool, bool)> =
            comments.iter().map(|c| (c.id.as_str(), c.account.name.as_str(), c.account.bot, c.edited, c.own)).collect();
        assert_eq!(
            seen,
            [
                ("1", "jira:kim", false, false, false),
                ("2", "jira:kim", false, true, false),
                ("3", "jira:robot", true, false, false),
                ("500", "jira:5b10:quell", false, false, true),
            ]
        );
        assert_eq!(comments[0].text, "/quell approve");
        sink.set_open("SEC-8", false).await.unwrap();
        let closed = sink.see("SEC-8").await.unwrap().unwrap();
        assert!(!closed.open && closed.closed_by.unwrap().name == "jira:kim", "who changed the status last");
        sink.set_open("SEC-8", true).await.unwrap();
        assert!(sink.see("SEC-8").await.unwrap().unwrap().open);
        assert_eq!(sink.changed(0).await.unwrap(), ["SEC-8"]);
        assert_eq!(sink.see("SEC-9").await.unwrap(), None);
        for bad in ["OPS-8", "SEC-", "SEC-8/comment", "SEC-x", "8"] {
            assert_eq!(sink.see(bad).await, Err(TrackerError::Key), "{bad}");
        }
        assert!(sink.create(&text("Q-2", "no document")).await.unwrap_err().is_permanent());
    });
    let asked = server.seen();
    let authorization = format!("authorization: Basic {}\r\n", BASE64.encode(b"quell@acme.example:word"));
    assert!(asked.iter().all(|a| a.head.contains(&authorization)));
    let made = &asked.iter().find(|a| a.path == "/rest/api/3/issue").unwrap().body;
    assert_eq!(made["fields"]["labels"], json!(["quell", "severity:high"]));
    assert_eq!((&made["fields"]["duedate"], &made["fields"]["project"]["key"]), (&json!("2026-11-22"), &json!("SEC")));
    let written = &asked.iter().find(|a| a.method == "PUT").unwrap().body;
    assert!(written["fields"].get("labels").is_none() && written["update"]["labels"][0]["add"] == "quell", "{written}");
    let states = asked.iter().filter(|a| a.line().starts_with("POST") && a.path.ends_with("/transitions")).count();
    assert_eq!(states, 2);
}

#[test]
fn a_task_lives_in_a_data_center_and_nothing_of_it_is_marked_up() {
    let server = project("2", false);
    let body = "[link|https://evil.example] {noformat} *x* {noformat:title=y}";
    runtime().block_on(async {
        let sink = center(&server.url());
        assert_eq!(sink.format(), TaskFormat::Plain);
        sink.create(&text("Q-17", body)).await.unwrap();
        assert_eq!(sink.find(&marker("Q-17"), 0).await.unwrap().len(), 1);
        let about = marker("Q-17").about("a").unwrap();
        let id = sink.comment("SEC-8", "h1. x", &about).await.unwrap();
        assert_eq!(sink.comment("SEC-8", "h1. x", &about).await.unwrap(), id);
        let comments = sink.comments("SEC-8", 0).await.unwrap();
        assert!(comments[3].own && comments[3].account.name == "jira:quell");
    });
    let asked = server.seen();
    assert!(asked.iter().all(|a| a.head.contains("authorization: Bearer word\r\n")));
    let made = &asked.iter().find(|a| a.path == "/rest/api/2/issue").unwrap().body;
    let text = made["fields"]["description"].as_str().unwrap();
    assert_eq!(text.matches("{noformat").count(), 2, "{text}");
    assert!(text.starts_with("{noformat}\n") && text.ends_with("\n{noformat}"));
}

#[test]
fn a_project_without_due_dates_has_tasks_all_the_same() {
    let server = Http::start(|asked| match asked.line().as_str() {
        "POST /rest/api/3/issue" if asked.body["fields"].get("duedate").is_some() => {
            Reply::of(400, "{\"errors\": {\"duedate\": \"Field 'duedate' cannot be set.\"}}")
        }
        "POST /rest/api/3/issue" => Reply::of(201, "{\"key\": \"SEC-8\"}"),
        _ => Reply::json(&issue(8, &json!({ "accountId": "a" }), "new", &json!({}))),
    });
    runtime().block_on(async {
        let sink = cloud(&server.url());
        assert_eq!(sink.create(&adf("Q-1")).await.unwrap().key, "SEC-8");
        let undated = TaskText { due: None, ..adf("Q-1") };
        sink.create(&undated).await.unwrap();
    });
    assert_eq!(server.count("POST /rest/api/3/issue"), 3);
}

#[test]
fn a_workflow_without_a_way_is_said() {
    let server = Http::start(|asked| match asked.path.as_str() {
        "/rest/api/3/issue/SEC-8" => Reply::json(&issue(8, &json!({ "accountId": "a" }), "new", &json!({}))),
        _ => Reply::json(&json!({ "transitions": [{ "id": "1", "to": { "statusCategory": { "key": "new" } } }] })),
    });
    let error = runtime().block_on(async { cloud(&server.url()).set_open("SEC-8", false).await }).unwrap_err();
    assert!(error.is_permanent() && error.to_string().contains("workflow"), "{error}");
}

//! Trackers that answer badly. What holds for one holds for all: they are asked by the same code.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use quell::connectors::tracker::{Github, GithubAuth, Gitlab, TaskSink, TrackerError};
use serde_json::{Value, json};

use super::http::{Http, Reply};
use super::{marker, runtime, text};

fn gitlab(server: &Http) -> Gitlab {
    Gitlab::new("lab", reqwest::Client::builder().no_proxy(), &server.url(), "acme/shop", "word").unwrap()
}

fn github(server: &Http) -> Github {
    let auth = GithubAuth::Token("word".to_owned());
    Github::new("hub", reqwest::Client::builder().no_proxy(), &server.url(), "acme/shop", auth).unwrap()
}

/// What both say to a task that is looked at.
fn seen(server: &Http) -> [Result<Option<quell::connectors::tracker::Task>, TrackerError>; 2] {
    runtime().block_on(async { [gitlab(server).see("5").await, github(server).see("5").await] })
}

#[test]
fn answers_that_are_none() {
    let cases: [(Reply, Result<(), TrackerError>); 11] = [
        (Reply::of(404, "{}"), Ok(())),
        (Reply::of(410, "{\"message\": \"This issue was deleted\"}"), Ok(())),
        (Reply::of(401, "<html>"), Err(TrackerError::Refused(401))),
        (Reply::of(403, "{}"), Err(TrackerError::Refused(403))),
        (Reply::of(422, "{}"), Err(TrackerError::Refused(422))),
        (Reply::of(503, "busy"), Err(TrackerError::Failing(503))),
        (Reply::of(429, "{}").with("retry-after: 42"), Err(TrackerError::Limited { after: Some(42) })),
        (Reply::of(301, "").with("location: /elsewhere"), Err(TrackerError::Broken("it sends on to another place"))),
        (Reply::of(200, "{\"number\": 5"), Err(TrackerError::Broken("it is not the JSON that is documented"))),
        (Reply::of(200, "[1]"), Err(TrackerError::Broken("it is not the JSON that is documented"))),
        (Reply::endless(), Err(TrackerError::Broken("it is too long"))),
    ];
    for (reply, wanted) in cases {
        let told = format!("{wanted:?}");
        let server = Http::start(move |_| reply.clone());
        for result in seen(&server) {
            assert_eq!(result.map(|task| assert_eq!(task, None)), wanted, "{told}");
        }
    }
}

#[test]
fn what_only_reads_is_asked_again_and_what_makes_something_is_not() {
    let asked = AtomicUsize::new(0);
    let server = Http::start(move |request| match request.method.as_str() {
        "GET" if asked.fetch_add(1, Ordering::Relaxed) % 2 == 1 => Reply::of(404, "{}"),
        _ => Reply::of(500, "{}"),
    });
    for result in seen(&server) {
        assert_eq!(result, Ok(None));
    }
    assert_eq!(server.seen().len(), 4);
    runtime().block_on(async {
        assert_eq!(gitlab(&server).create(&text("Q-1", "x")).await, Err(TrackerError::Failing(500)));
        assert_eq!(github(&server).create(&text("Q-1", "x")).await, Err(TrackerError::Failing(500)));
    });
    assert_eq!(server.seen().len(), 6);
}

#[test]
fn a_slow_answer_ends() {
    let server = Http::start(|_| Reply::drip());
    let start = Instant::now();
    let result = runtime().block_on(async { github(&server).see("5").await });
    assert!(matches!(result, Err(TrackerError::Unreachable(_))), "{result:?}");
    assert!((5..30).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn nobody_listens() {
    let server = Http::start(|_| Reply::of(200, "{}"));
    let mut dead = server.url();
    dead.truncate(dead.rfind(':').unwrap());
    let sink = Gitlab::new("x", reqwest::Client::builder().no_proxy(), &format!("{dead}:1"), "a/b", "t").unwrap();
    let error = runtime().block_on(async { sink.see("5").await }).unwrap_err();
    assert!(matches!(error, TrackerError::Unreachable(_)) && !error.is_permanent());
}

#[test]
fn a_task_elsewhere_is_none() {
    let issue = |url: &str, more: Value| {
        let mut issue = json!({
            "number": 5, "iid": 5, "html_url": url, "web_url": url, "state": "closed", "body": "", "description": "",
            "user": { "login": "a" }, "author": { "username": "a" },
            "created_at": "2026-11-22T02:13:28Z", "updated_at": "2026-11-22T02:13:28Z",
        });
        issue.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        issue
    };
    for (url, more) in [
        ("https://evil.example/acme/shop/issues/5", json!({})),
        ("javascript:alert(1)", json!({})),
        ("//127.0.0.1/x", json!({})),
        ("HERE", json!({ "state": "half" })),
        ("HERE", json!({ "updated_at": "soon" })),
        ("HERE", json!({ "state": 1 })),
    ] {
        let reply = issue(url, more);
        let server = Http::start(move |asked| {
            let host = asked.head.lines().find_map(|l| l.strip_prefix("host: ")).unwrap();
            let here = format!("{}://{host}/acme/shop/issues/5", "http");
            Reply::of(200, &reply.to_string().replace("HERE", &here))
        });
        for result in seen(&server) {
            assert!(matches!(result, Err(TrackerError::Broken(_))), "{url}: {result:?}");
        }
    }
}

#[test]
fn pages_without_end_end() {
    let server = Http::start(|asked| match asked.path.as_str() {
        "/api/v4/user" => Reply::json(&json!({ "username": "quell" })),
        _ => {
            let note = json!({ "iid": 1, "web_url": "x", "state": "opened", "description": null, "author": null,
                "created_at": "2026-11-22T02:13:28Z", "updated_at": "2026-11-22T02:13:28Z" });
            Reply::json(&Value::from(vec![note; 20]))
        }
    });
    let result = runtime().block_on(async { gitlab(&server).find(&marker("Q-1"), 0).await });
    assert_eq!(result, Err(TrackerError::Broken("it has pages without end")));
    assert!(server.seen().len() < 500);
}

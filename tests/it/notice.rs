//! Notices as their receivers get them: a receiver of webhooks that checks every signature by another library than quell's and
//! fails, hangs, redirects and talks without end; and a real mail server, with and without TLS.

mod mail;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quell::connectors::notice::{Mail, MailServer, MailTls, Message, NoticeError, Notifier, Slack, Webhook};
use quell::model::Secret;
use ring::hmac;
use serde_json::json;

/// A request as it came: its header fields by name in small letters, and its body.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    path: String,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What a receiver does with the n-th request.
type Answers = dyn Fn(usize, &Seen, &mut TcpStream) + Send + Sync;

/// A receiver on this machine. Its thread ends with the process.
pub(crate) struct Receiver {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Receiver {
    pub(crate) fn start(answers: impl Fn(usize, &Seen, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, seen) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(Vec::new())));
        let (all, answers): (_, Arc<Answers>) = (Arc::clone(&seen), Arc::new(answers));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (all, answers) = (Arc::clone(&all), Arc::clone(&answers));
                std::thread::spawn(move || serve(stream, &all, &*answers));
            }
        });
        Self { port, seen }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}{path}", "http", self.port)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, all: &Mutex<Vec<Seen>>, answers: &Answers) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.strip_prefix("POST ")?.split(' ').next()?.to_owned();
    let mut fields = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        assert!(fields.insert(name.to_ascii_lowercase(), value.to_owned()).is_none(), "{name} is there twice");
    }
    let mut body = vec![0; fields.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    let seen = Seen { path, fields, body: String::from_utf8(body).ok()? };
    let number = {
        let mut all = all.lock().unwrap();
        all.push(seen.clone());
        all.len()
    };
    answers(number, &seen, &mut stream);
    Some(())
}

pub(crate) fn answer(stream: &mut TcpStream, status: &str, fields: &str, body: &str) {
    let length = body.len();
    let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{fields}\r\n{body}");
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn message(id: &str, at: i64) -> Message {
    let data = json!({ "case": "Q-1", "about": "Schlüssel" });
    Message {
        id: id.into(),
        at,
        subject: "A credential leaked".into(),
        plain: "It leaked.\n".into(),
        slack: "*It* leaked &lt;here&gt;".into(),
        json: json!({ "type": "case.opened", "timestamp": "2026-11-20T00:00:00Z", "data": data }),
    }
}

pub(crate) fn secret(byte: u8) -> (Vec<u8>, Secret) {
    let bytes = vec![byte; 32];
    let written = Secret::new(["whsec", "_", &STANDARD.encode(&bytes)].concat().into_bytes());
    (bytes, written)
}

fn hook(url: &str, secrets: &[Secret]) -> Webhook {
    Webhook::new(url, secrets, None).unwrap()
}

/// Whether one of the signatures is of this key.
fn is_signed(seen: &Seen, key: &[u8]) -> bool {
    let fields = &seen.fields;
    let signed = format!("{}.{}.{}", fields["webhook-id"], fields["webhook-timestamp"], seen.body);
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let of_key = |text: &str| {
        let bytes = text.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
        bytes.is_some_and(|bytes| hmac::verify(&key, signed.as_bytes(), &bytes).is_ok())
    };
    fields["webhook-signature"].split(' ').any(of_key)
}

#[test]
fn every_webhook_arrives_signed_and_under_its_own_id_although_one_call_in_five_fails() {
    let receiver = Receiver::start(|number, _, stream| match number % 20 {
        0 => {}
        5 => answer(stream, "500 Internal Server Error", "", "no"),
        10 => answer(stream, "503 Service Unavailable", "retry-after: 7\r\n", ""),
        15 => answer(stream, "404 Not Found", "", ""),
        _ => answer(stream, "200 OK", "", "{}"),
    });
    let ((old, old_written), (new, new_written)) = (secret(1), secret(2));
    let hook = hook(&receiver.url("/in?a=b"), &[new_written, old_written]);
    let (mut tries, mut waits) = (BTreeMap::new(), 0);
    block(async {
        for number in 0..200 {
            let mut message = message(&format!("n_{number}"), 1_795_000_000);
            message.json["data"]["case"] = json!(format!("Q-{number}"));
            // A caller tries again with the same message at another time.
            while let Err(error) = hook.send(&message).await {
                assert!(!error.permanent, "{error}");
                waits += usize::from(error.after == Some(7));
                message.at += 60;
            }
            tries.insert(message.id.clone(), (message.at - 1_795_000_000) / 60 + 1);
        }
    });
    let seen = receiver.seen();
    assert!(waits >= 5, "{waits}");
    let mut bodies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut calls: BTreeMap<String, i64> = BTreeMap::new();
    for one in &seen {
        assert!(is_signed(one, &old) && is_signed(one, &new) && !is_signed(one, &[3; 32]), "{one:?}");
        assert_eq!((one.path.as_str(), one.fields["content-type"].as_str()), ("/in?a=b", "application/json"));
        let id = &one.fields["webhook-id"];
        let before = calls.entry(id.clone()).or_default();
        assert_eq!(one.fields["webhook-timestamp"], (1_795_000_000 + *before * 60).to_string());
        *before += 1;
        bodies.entry(id.clone()).or_default().insert(one.body.clone());
    }
    assert_eq!(calls, tries, "every message arrived, and none under another id");
    assert!(bodies.values().all(|bodies| bodies.len() == 1), "an id has one body");
    assert_eq!(bodies.values().flatten().collect::<BTreeSet<_>>().len(), 200, "a body has one id");
    assert!(seen.len() >= 245, "{}", seen.len());
}

#[test]
fn a_webhook_follows_nothing_reads_little_and_heeds_what_is_gone() {
    let receiver = Receiver::start(|_, seen, stream| match seen.path.as_str() {
        "/moved" => answer(stream, "307 Temporary Redirect", "location: /other\r\n", ""),
        "/gone" => answer(stream, "410 Gone", "", ""),
        "/busy" => answer(stream, "429 Too Many Requests", "retry-after: 120\r\n", ""),
        "/broken" => drop(stream.write_all(b"no HTTP\r\n\r\n")),
        "/endless" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            while stream.write_all(&[b"1000\r\n", &[b'x'; 4096][..], b"\r\n"].concat()).is_ok() {}
        }
        "/cut" => drop(stream.write_all(b"HTTP/1.1 204 No Content\r\ncontent-length: 100\r\n\r\nhalf")),
        _ => answer(stream, "200 OK", "", ""),
    });
    let (_, written) = secret(1);
    let send = |path: &str| block(hook(&receiver.url(path), std::slice::from_ref(&written)).send(&message("n_1", 0)));
    let moved = send("/moved").unwrap_err();
    assert!(!moved.permanent && moved.why.contains("307"), "{moved}");
    let gone = send("/gone").unwrap_err();
    assert!(gone.permanent && gone.why.contains("410"), "{gone}");
    assert_eq!(send("/busy"), Err(NoticeError { why: "it answers 429".into(), permanent: false, after: Some(120) }));
    assert!(!send("/broken").unwrap_err().permanent);
    let before = Instant::now();
    assert_eq!((send("/endless"), send("/cut")), (Ok(()), Ok(())));
    assert!(before.elapsed().as_secs() < 10);
    assert!(receiver.seen().iter().all(|seen| seen.path != "/other"));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("{}://127.0.0.1:{nobody}/word", "http");
    let refused = block(hook(&url, &[written]).send(&message("n_1", 0))).unwrap_err();
    assert!(
        !refused.permanent && refused.why.contains("cannot be reached") && !refused.why.contains("word"),
        "{refused}"
    );
}

#[test]
fn slack_takes_a_text_and_its_words_are_known() {
    let receiver = Receiver::start(|_, seen, stream| match seen.path.as_str() {
        "/services/none" => answer(stream, "404 Not Found", "", "no_service"),
        "/services/archived" => answer(stream, "410 Gone", "", "channel_is_archived"),
        "/services/token" => answer(stream, "403 Forbidden", "", "invalid_token"),
        "/services/busy" => answer(stream, "429 Too Many Requests", "retry-after: 30\r\n", "rate_limited"),
        "/services/portal" => answer(stream, "200 OK", "", "<html>sign in</html>"),
        "/services/moved" => answer(stream, "302 Found", "location: /services/other\r\n", ""),
        _ => answer(stream, "200 OK", "", "ok"),
    });
    let send = |path: &str| {
        let url = Secret::new(format!("{}\n", receiver.url(path)).into_bytes());
        block(Slack::new(&url, None).unwrap().send(&message("n_1", 0)))
    };
    assert_eq!(send("/services/good"), Ok(()));
    let seen = receiver.seen().remove(0);
    let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!((&body["text"], &body["unfurl_links"]), (&json!("*It* leaked &lt;here&gt;"), &json!(false)));
    for path in ["/services/none", "/services/archived", "/services/token"] {
        let error = send(path).unwrap_err();
        assert!(error.permanent && !error.why.contains("services"), "{error}");
    }
    let busy = send("/services/busy").unwrap_err();
    assert_eq!((busy.permanent, busy.after), (false, Some(30)));
    for path in ["/services/portal", "/services/moved"] {
        assert!(!send(path).unwrap_err().permanent, "{path}");
    }
    assert!(receiver.seen().iter().all(|seen| seen.path != "/services/other"));
}

#[test]
fn who_never_answers_is_waited_for_half_a_minute() {
    let receiver = Receiver::start(|_, seen, _| {
        let long = seen.path == "/never";
        std::thread::sleep(std::time::Duration::from_secs(if long { 60 } else { 2 }));
    });
    // It takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (_, written) = secret(1);
    let hook = hook(&receiver.url("/never"), &[written]);
    let slack = Slack::new(&Secret::new(receiver.url("/never").into_bytes()), None).unwrap();
    let port = silent.local_addr().unwrap().port();
    let server = MailServer { host: "127.0.0.1".into(), port, tls: MailTls::None, login: None };
    let mail = Mail::new(server, "quell@acme.example", &["pay@acme.example".into()], None).unwrap();
    let message = message("n_1", 0);
    let before = Instant::now();
    let all = block(async { tokio::join!(hook.send(&message), slack.send(&message), mail.send(&message)) });
    let took = before.elapsed().as_secs();
    assert!((25..45).contains(&took), "{took}");
    for error in [all.0, all.1, all.2].map(Result::unwrap_err) {
        assert!(!error.permanent, "{error}");
    }
}

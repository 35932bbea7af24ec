//! A tracker's server on loopback that answers what a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// What was asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    /// What follows the `?`, decoded.
    pub(super) query: String,
    /// The head as it came.
    pub(super) head: String,
    pub(super) body: Value,
}

impl Asked {
    /// `METHOD /path`.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
    /// Whether the body never ends: in small pieces with pauses, or at full speed.
    drip: bool,
    endless: bool,
}

impl Reply {
    pub(super) fn json(value: &Value) -> Self {
        Self::of(200, &value.to_string())
    }

    pub(super) fn of(status: u16, body: &str) -> Self {
        Self { status, body: body.as_bytes().to_vec(), ..Self::default() }
    }

    pub(super) fn with(mut self, line: &str) -> Self {
        self.head.push_str(&format!("{line}\r\n"));
        self
    }

    pub(super) fn drip() -> Self {
        Self { status: 200, drip: true, ..Self::default() }
    }

    pub(super) fn endless() -> Self {
        Self { status: 200, endless: true, ..Self::default() }
    }

    fn write(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        write!(
            stream,
            "HTTP/1.1 {} x\r\nconnection: close\r\ncontent-type: application/json\r\n{}",
            self.status, self.head
        )?;
        if self.drip || self.endless {
            stream.write_all(b"\r\n[")?;
            let piece = if self.drip { vec![b' '] } else { vec![b' '; 60_000] };
            loop {
                stream.write_all(&piece)?;
                std::thread::sleep(Duration::from_millis(if self.drip { 200 } else { 0 }));
            }
        }
        write!(stream, "content-length: {}\r\n\r\n", self.body.len())?;
        stream.write_all(&self.body)
    }
}

/// A server; its thread ends with the tests.
pub(super) struct Http {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<Asked>>>,
}

impl Http {
    pub(super) fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let asked = read(&stream)?;
                    log.lock().unwrap().push(asked.clone());
                    let mut stream = stream;
                    answer(&asked).write(&mut stream).ok()
                });
            }
        });
        Self { port, seen }
    }

    pub(super) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", "http", self.port)
    }

    pub(super) fn seen(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().clone()
    }

    /// How often a line was asked.
    pub(super) fn count(&self, line: &str) -> usize {
        self.seen().iter().filter(|asked| asked.line() == line).count()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        stream.read_line(&mut head).ok().filter(|n| *n > 0)?;
    }
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|l| l.strip_prefix("content-length: ")?.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let mut words = head.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let query = pairs.map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("&");
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Asked { method, path: path.to_owned(), query, head: head.clone(), body })
}

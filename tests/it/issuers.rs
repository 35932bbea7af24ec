//! Made-up issuers on loopback: a server that answers what a test says, a hole that counts what falls in, and findings to
//! verify.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quell::model::{Clock, Companion, Confidence, Finding, FingerprintInput, FingerprintKey, Location, Part, Secret};
use quell::rules::recipe::AnswerDecl;
use quell::rules::template::parts;
use quell::rules::{Rule, RuleSet, VerifyDecl, load};
use quell::scan::kind;
use quell::verify::{Endpoints, Network, Options};

use crate::support::{made, sample_of};

/// An answer as it goes over the wire, and whether the connection is kept dripping after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) drip: bool,
    pub(crate) endless: bool,
}

impl Said {
    pub(crate) fn new(status: u16, kind: &str, body: &str) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { status, headers, body: body.as_bytes().to_vec(), ..Self::default() }
    }

    pub(crate) fn of(answer: &AnswerDecl) -> Self {
        let mut said = Self::new(answer.status, "application/json", &answer.body);
        for (name, value) in &answer.headers {
            said.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            said.headers.push((name.clone(), value.clone()));
        }
        said
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn write(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} x\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.drip || self.endless {
            head.push_str("transfer-encoding: chunked\r\n\r\n");
            stream.write_all(head.as_bytes())?;
            let (chunk, pause) = if self.drip { (1, 1000) } else { (60_000, 0) };
            let data = vec![b' '; chunk];
            loop {
                stream.write_all(format!("{chunk:x}\r\n").as_bytes())?;
                stream.write_all(&data)?;
                stream.write_all(b"\r\n")?;
                std::thread::sleep(Duration::from_millis(pause));
            }
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        stream.write_all(head.as_bytes())?;
        stream.write_all(&self.body)
    }
}

/// What a server was sent: the first step of the path, which tests give to each provider, and all bytes.
pub(crate) type Sent = (String, Vec<u8>);

/// Answers by the first step of the path: each request takes the next answer of its row, and the last one stays.
#[derive(Clone)]
pub(crate) struct Issuer {
    pub(crate) port: u16,
    rows: Arc<Mutex<BTreeMap<String, VecDeque<Said>>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Issuer {
    pub(crate) fn start() -> Self {
        Self::slow(Duration::ZERO)
    }

    /// One that takes its time for each answer.
    pub(crate) fn slow(latency: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = Self { port: listener.local_addr().unwrap().port(), rows: Arc::default(), sent: Arc::default() };
        let serving = issuer.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.answer(stream, latency));
            }
        });
        issuer
    }

    fn answer(&self, mut stream: TcpStream, latency: Duration) -> Option<()> {
        let request = request(&mut stream)?;
        let line = String::from_utf8_lossy(request.split(|b| *b == b'\r').next()?).into_owned();
        let row = line.split(['/', ' ']).nth(2).unwrap_or_default().to_owned();
        self.sent.lock().unwrap().push((row.clone(), request));
        std::thread::sleep(latency);
        let said = {
            let mut rows = self.rows.lock().unwrap();
            let answers = rows.get_mut(&row)?;
            if answers.len() > 1 { answers.pop_front()? } else { answers.front()?.clone() }
        };
        said.write(&mut stream).ok()
    }

    /// What the row of a name answers from now on.
    pub(crate) fn say(&self, row: &str, answers: Vec<Said>) {
        self.rows.lock().unwrap().insert(row.to_owned(), answers.into());
    }

    /// What was sent so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

/// One request with its body.
fn request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = all.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&all[..end]).to_ascii_lowercase();
            let length =
                head.lines().find_map(|l| l.strip_prefix("content-length: ")?.trim().parse().ok()).unwrap_or(0);
            if all.len() >= end + 4 + length {
                return Some(all);
            }
        }
        let read = stream.read(&mut buffer).ok().filter(|n| *n > 0)?;
        all.extend_from_slice(&buffer[..read]);
    }
}

/// A hole: whatever connects and whatever is sent falls in and is kept.
#[derive(Clone)]
pub(crate) struct Sinkhole {
    pub(crate) port: u16,
    fallen: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Sinkhole {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("0.0.0.0:0")).unwrap();
        let hole = Self { port: listener.local_addr().unwrap().port(), fallen: Arc::default() };
        let fallen = Arc::clone(&hole.fallen);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let number = {
                    let mut fallen = fallen.lock().unwrap();
                    fallen.push(Vec::new());
                    fallen.len() - 1
                };
                let fallen = Arc::clone(&fallen);
                std::thread::spawn(move || {
                    let mut buffer = [0; 4096];
                    while let Ok(read @ 1..) = stream.read(&mut buffer) {
                        fallen.lock().unwrap()[number].extend_from_slice(&buffer[..read]);
                    }
                });
            }
        });
        hole
    }

    /// What each connection brought.
    pub(crate) fn fallen(&self) -> Vec<Vec<u8>> {
        self.fallen.lock().unwrap().clone()
    }
}

/// A clock that stands.
pub(crate) struct Standing(pub(crate) i64);

impl Clock for Standing {
    fn now(&self) -> i64 {
        self.0
    }
}

/// Verifies findings with these endpoints, and nothing kept.
pub(crate) fn verify(rules: &RuleSet, findings: &mut [Finding], endpoints: &[(String, String)], network: &Network) {
    let endpoints: Vec<(&str, [String; 1])> =
        endpoints.iter().map(|(key, url)| (key.as_str(), [url.clone()])).collect();
    let endpoints = Endpoints::new(endpoints.iter().map(|(key, url)| (*key, url.as_slice()))).unwrap();
    let options = Options {
        rules,
        endpoints: &endpoints,
        network: Some(network),
        cache: None,
        cache_key: None,
        fresh: true,
        clock: &Standing(1_800_000_000),
        max_requests: None,
        logins: true,
        seed: 7,
    };
    quell::verify::verify(findings, &options).unwrap();
}

/// A recipe of the rule files with a rule that names it.
pub(crate) struct Tried {
    pub(crate) provider: String,
    pub(crate) name: String,
    pub(crate) recipe: VerifyDecl,
    pub(crate) then: Option<VerifyDecl>,
    pub(crate) rule: &'static Rule,
}

/// Every recipe that a rule names, of this kind of protocol.
pub(crate) fn recipes(https: bool) -> Vec<Tried> {
    let sources = load::read_dir(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/rules"))).unwrap();
    let files = load::files(&sources, &[]).unwrap();
    let mut all = Vec::new();
    for file in files {
        for (name, recipe) in &file.verify {
            let recipe = recipe.get_ref().clone();
            let Some(rule) = file.rule.iter().find(|rule| rule.verify.as_deref() == Some(name)) else { continue };
            if (recipe.request.protocol == "https") != https {
                continue;
            }
            let then = recipe.then.as_ref().map(|then| file.verify[then].get_ref().clone());
            let rule = crate::support::rule(rule.id.get_ref());
            all.push(Tried { provider: file.provider.id.get_ref().clone(), name: name.clone(), recipe, then, rule });
        }
    }
    all
}

impl Tried {
    /// A finding of its rule, with every part that the recipe asks for.
    pub(crate) fn finding(&self, rules: &RuleSet, seed: u64) -> Finding {
        let mut names = BTreeSet::new();
        for recipe in [Some(&self.recipe), self.then.as_ref()].into_iter().flatten() {
            let request = &recipe.request;
            let maps = [&request.headers, &request.query, &request.form];
            let json = request.json.as_ref().map(|json| json.to_string()).unwrap_or_default();
            let texts = maps.iter().flat_map(|map| map.values()).cloned();
            for text in texts.chain([request.url.clone(), request.body.clone().unwrap_or_default()]) {
                parts(&text, &mut names).unwrap();
            }
            for part in json.split('{').filter_map(|rest| rest.split_once('}').map(|(name, _)| name)) {
                if part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && !part.is_empty() {
                    names.insert(part.to_owned());
                }
            }
        }
        let companions = names.iter().filter(|name| !["secret", "endpoint", "assertion"].contains(&name.as_str()));
        let companions = companions.map(|name| {
            let known = self.rule.companions.iter().find(|c| c.name == *name);
            let value =
                known.map_or_else(|| made("acme{digits:4}", seed), |c| sample_of(crate::support::rule(&c.rule), seed));
            (name.clone(), value)
        });
        finding(rules, self.rule, &sample_of(self.rule, seed), companions.collect())
    }
}

/// A finding of a rule with these parts.
pub(crate) fn finding(rules: &RuleSet, rule: &Rule, secret: &str, parts: Vec<(String, String)>) -> Finding {
    let location = Location {
        path: "src/settings.py".into(),
        part: Part::File,
        start: 0,
        end: secret.len() as u64,
        line: 1,
        column: 1,
        end_line: 1,
        end_column: 2,
        commit: None,
        history: None,
    };
    let companions = parts.into_iter().map(|(name, value)| Companion {
        name: name.into(),
        kind: None,
        secret: Secret::new(value.into_bytes()),
        location: location.clone(),
    });
    let companions = companions.collect();
    let secret = Secret::new(secret.as_bytes().to_vec());
    Finding {
        leaks: None,
        kind: Arc::new(kind(rules, rule)),
        other_kinds: Vec::new(),
        severity: rule.severity,
        confidence: Confidence::High,
        fingerprint: FingerprintKey::open().unwrap().fingerprint(FingerprintInput::Token(&secret)),
        secret,
        locations: vec![location],
        companions,
        facts: Vec::new(),
        verification: None,
    }
}

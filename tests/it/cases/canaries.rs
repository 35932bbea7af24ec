//! 200 credentials go through everything, a run that is killed in the middle included, and are then looked for in whatever was
//! written, in every spelling that a careless program might give them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::{Person, Scene};
use crate::issuers::{Said, Tried, recipes};
use crate::support::{SHOWING, formats, sample_of};

/// How many providers, and credentials of each.
const PROVIDERS: usize = 20;
const EACH: usize = 10;

/// A credential in every spelling, without its first bytes: what may be shown of it is a prefix.
fn spellings(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let part = &secret[secret.len() / 3..];
    let bytes = part.as_bytes();
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let percent = |all: bool| -> String {
        let plain = |b: &u8| !all && (b.is_ascii_alphanumeric() || b"-._~".contains(b));
        bytes.iter().map(|b| if plain(b) { char::from(*b).to_string() } else { format!("%{b:02X}") }).collect()
    };
    let json = serde_json::to_string(part).unwrap();
    let escaped: String = bytes.iter().map(|b| format!("\\u{:04x}", u16::from(*b))).collect();
    let mut all = vec![
        ("raw", bytes.to_vec()),
        ("hex", hex.clone().into_bytes()),
        ("HEX", hex.to_uppercase().into_bytes()),
        ("url", percent(false).into_bytes()),
        ("url, every byte", percent(true).into_bytes()),
        ("reversed", bytes.iter().rev().copied().collect()),
        ("UTF-16LE", part.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("UTF-16BE", part.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("json", json.trim_matches('"').as_bytes().to_vec()),
        ("json, every byte", escaped.into_bytes()),
        ("decimal", bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(",").into_bytes()),
    ];
    // Wherever it stands in what is encoded: the letters that its own bytes alone decide.
    for (name, shift) in [("base64", 0), ("base64, one on", 1), ("base64, two on", 2)] {
        for engine in [&STANDARD, &URL_SAFE] {
            let text = engine.encode([&vec![b'x'; shift], bytes].concat());
            let from = (shift * 8).div_ceil(6);
            let to = (shift + bytes.len()) * 8 / 6;
            all.push((name, text.as_bytes()[from..to].to_vec()));
        }
    }
    all
}

/// What finds each credential in each spelling.
struct Search {
    patterns: Vec<(usize, &'static str)>,
    automaton: AhoCorasick,
}

impl Search {
    fn new(secrets: &[String]) -> Self {
        let (mut patterns, mut texts) = (Vec::new(), Vec::new());
        for (number, secret) in secrets.iter().enumerate() {
            for (name, text) in spellings(secret) {
                assert!(text.len() >= 8, "too short to be looked for: {name}");
                patterns.push((number, name));
                texts.push(text);
            }
        }
        Self { patterns, automaton: AhoCorasick::new(texts).unwrap() }
    }

    /// How often each spelling stands in a text, and of which credentials.
    fn found(&self, text: &[u8]) -> BTreeMap<&'static str, Vec<usize>> {
        let mut all: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for hit in self.automaton.find_overlapping_iter(text) {
            let (number, name) = self.patterns[hit.pattern().as_usize()];
            let numbers = all.entry(name).or_default();
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        all
    }

    /// That a text has none.
    #[track_caller]
    fn clean(&self, what: &str, text: &[u8]) {
        let found = self.found(text);
        assert!(found.is_empty(), "{what} ({} bytes): {found:?}", text.len());
    }
}

/// Every file below, whatever it is called.
fn files(below: &Path, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(below).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), all);
        } else {
            all.push(entry.path());
        }
    }
}

/// Credentials in files of `tree`, with an issuer for each provider: some work, some are refused.
fn planted(scene: &Scene) -> Vec<String> {
    let usable = |t: &Tried| {
        t.rule.companions.is_empty()
            && t.recipe.per_minute.is_none()
            && t.then.is_none()
            && t.rule.shape == quell::rules::Shape::Token
            && t.recipe.request.signer.is_none()
            && sample_of(t.rule, 1).len() >= 24
    };
    let mut all: Vec<Tried> = recipes(true).into_iter().filter(usable).collect();
    all.dedup_by(|a, b| a.provider == b.provider);
    // GitHub's has a place in the scene's own configuration.
    all.retain(|tried| tried.provider != "github");
    all.truncate(PROVIDERS);
    assert_eq!(all.len(), PROVIDERS);
    let (mut endpoints, mut secrets) = (String::new(), Vec::new());
    for (number, tried) in all.iter().enumerate() {
        let answers = &tried.recipe.answer;
        let refusal = answers.iter().find(|a| matches!(a.means.as_str(), "dead" | "indistinct")).map(Said::of);
        let live = answers.iter().find(|a| a.means == "live").map(Said::of);
        // Every third works, and tells its own token back, as some do.
        let echo = |said: Said| Said { body: with_echo(&said.body, &sample_of(tried.rule, 1)), ..said };
        let said =
            if number % 3 == 0 { live.map(echo).into_iter().chain(refusal).collect() } else { vec![refusal.unwrap()] };
        scene.issuer.say(&tried.provider, said);
        let port = scene.issuer.port;
        endpoints.push_str(&format!("{} = \"http://127.0.0.1:{port}/{}\"\n", tried.provider, tried.provider));
        for seed in 0..EACH {
            let secret = sample_of(tried.rule, seed as u64 + 1);
            let keyword = tried.rule.keywords.first().map(ToString::to_string).unwrap_or_default();
            scene.write(format!("tree/{number}/{seed}.env"), format!("# {keyword}\n{keyword}_TOKEN=\"{secret}\"\n"));
            secrets.push(secret);
        }
    }
    let config = std::fs::read_to_string(scene.at("quell.toml")).unwrap();
    scene.write("quell.toml", config.replace("[endpoints]\n", &format!("[endpoints]\n{endpoints}")));
    secrets
}

/// A JSON object with the token beside what it says.
fn with_echo(body: &[u8], token: &str) -> Vec<u8> {
    match serde_json::from_slice(body) {
        Ok(serde_json::Value::Object(mut map)) => {
            for key in ["token", "name", "login", "email", "id"] {
                map.insert(key.to_owned(), token.into());
            }
            serde_json::to_vec(&map).unwrap()
        }
        _ => body.to_vec(),
    }
}

/// Begins to track and is killed when the store has grown: in the middle of writing.
fn killed(scene: &Scene, ada: &Person<'_>) -> (Vec<u8>, u64) {
    let log = std::fs::File::create(scene.at("killed.log")).unwrap();
    let mut command = ada.command(&["scan", "--track", "--verify", "tree"]);
    let mut child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    let size = || std::fs::metadata(scene.at("store/quell.db-wal")).map_or(0, |about| about.len());
    let until = Instant::now() + Duration::from_secs(100);
    while size() < 600_000 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        assert!(Instant::now() < until, "it writes nothing");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    (std::fs::read(scene.at("killed.log")).unwrap(), size())
}

#[test]
fn two_hundred_credentials_leave_no_trace() {
    let scene = Scene::new();
    let secrets = planted(&scene);
    assert_eq!(secrets.len(), 200);
    let search = Search::new(&secrets);
    let ada = scene.person("ada");
    // The search itself finds every spelling.
    for (number, secret) in secrets.iter().enumerate().step_by(17) {
        for (name, text) in spellings(secret) {
            let found = search.found(&[b"\0{\"a\":\"", &text[..], b"\"}"].concat());
            assert!(found.get(name).is_some_and(|all| all.contains(&number)), "{name}");
        }
    }
    let everything = |what: &str| {
        let mut all = Vec::new();
        files(scene.path(), &mut all);
        let root = scene.at("tree");
        let (mut looked, mut bytes) = (0, 0);
        for file in all.iter().filter(|file| !file.starts_with(&root)) {
            let text = std::fs::read(file).unwrap();
            (looked, bytes) = (looked + 1, bytes + text.len());
            search.clean(&format!("{what}: {}", file.display()), &text);
        }
        (looked, bytes)
    };
    let (told, log) = killed(&scene, &ada);
    search.clean("what it wrote until then", &told);
    assert!(log >= 600_000 && scene.at("store/quell.db-wal").exists());
    let (looked, bytes) = everything("after it was killed");
    assert!(looked >= 6 && bytes > 600_000, "{looked} {bytes}");
    // What was acknowledged stands, and the rest is done now.
    ada.ok(&["audit", "verify"]);
    let run = ada.run(&["scan", "--track", "--verify", "tree"]).code(1);
    search.clean("standard output", &run.stdout);
    search.clean("standard error", &run.stderr);
    let cases = ada.cases();
    assert!(cases.len() >= 200, "{}", cases.len());
    assert!(
        cases.iter().all(|case| case["sealed"].is_i64() && case["decisions"].as_array().is_some_and(|d| !d.is_empty()))
    );
    assert!(cases.iter().any(|case| case["verdicts"][0][0]["verdict"] == "live"), "some are live");
    // Every report, every page, every event.
    std::fs::create_dir(scene.at("reports")).unwrap();
    let outputs: Vec<String> = formats().map(|format| format!("{format}=reports/{format}")).collect();
    let mut arguments = vec!["scan", "tree", "--verify"];
    arguments.extend(outputs.iter().flat_map(|output| ["--format", output]));
    ada.run(&arguments).code(1);
    for arguments in [
        &["verify", "reports/json"][..],
        &["scan", "tree/0", "--format", "jsonl=reports/some"],
        &["track", "reports/some"],
        &["case", "list", "--all"],
        &["case", "list", "--all", "--format", "json"],
        &["case", "show", "1", "--events"],
        &["case", "show", "1", "--events", "--format", "json"],
        &["case", "verify", "1"],
        &["policy", "explain", "1"],
        &["policy", "replay"],
        &["audit", "export"],
        &["store", "info"],
    ] {
        let run = ada.run(arguments);
        assert!(matches!(run.code, Some(0 | 1 | 3)), "{arguments:?}: {:?} {}", run.code, run.err());
        search.clean(&format!("{arguments:?}"), &run.stdout);
        search.clean(&format!("{arguments:?}"), &run.stderr);
    }
    ada.ok(&["store", "backup", "copy.db"]);
    ada.ok(&["audit", "export", "export.jsonl"]);
    everything("at the end");
    ada.ok(&["audit", "verify"]);
    // The control: who asks for them gets them, and the search sees that.
    std::fs::create_dir(scene.at("shown")).unwrap();
    let outputs: Vec<String> = SHOWING.iter().map(|format| format!("{format}=shown/{format}")).collect();
    let mut arguments = vec!["scan", "tree", "--show-secrets"];
    arguments.extend(outputs.iter().flat_map(|output| ["--format", output]));
    ada.run(&arguments).code(1);
    for format in SHOWING {
        let found = search.found(&std::fs::read(scene.at(format!("shown/{format}"))).unwrap());
        assert_eq!(found.get("raw").map(Vec::len), Some(200), "{format}: {:?}", found.keys());
    }
}

//! Runs the built command in a clean environment, reads its reports, and makes trees and samples.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use quell::rules::embedded::embedded;
use quell::rules::template::{Bindings, Random, expand};
use quell::rules::{Rule, lint};
use serde_json::Value;
use tempfile::TempDir;

/// The command that is tested.
pub(crate) const QUELL: &str = env!("CARGO_BIN_EXE_quell");

/// A run that takes longer than this hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// The names of all formats.
pub(crate) fn formats() -> impl Iterator<Item = &'static str> {
    quell::report::Format::ALL.iter().map(|(name, _)| *name)
}

/// The formats that show a secret to whoever asks; the others are for places where many read along.
pub(crate) const SHOWING: [&str; 6] = ["plain", "json", "jsonl", "sarif", "csv", "html"];

/// The command without anything of the caller's environment: no home, no configuration, no colours.
pub(crate) fn quell() -> Command {
    let mut command = Command::new(QUELL);
    clean(&mut command);
    command
}

/// Takes the caller's environment away from a command.
pub(crate) fn clean(command: &mut Command) {
    let nowhere = "/nonexistent/quell-tests";
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", nowhere)
        .env("XDG_CONFIG_HOME", nowhere)
        .env("NO_COLOR", "1")
        .current_dir("/");
}

/// How a run ended and what it wrote.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Run {
    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Standard output as one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|e| panic!("no JSON ({e}): {}\n{}", self.out(), self.err()))
    }

    /// Asserts the exit code, and shows what was written where it is another.
    #[track_caller]
    pub(crate) fn code(self, wanted: i32) -> Self {
        assert_eq!(self.code, Some(wanted), "exit code\n--- stdout\n{}\n--- stderr\n{}", self.out(), self.err());
        self
    }
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Run {
    run_with(command, b"")
}

/// Runs a command with a text as its standard input. One that does not end is ended and fails the test.
#[track_caller]
pub(crate) fn run_with(command: &mut Command, input: &[u8]) -> Run {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A command that needs no input may close it early.
        let _ = stdin.write_all(&input);
    });
    let (out, err) = (collect(child.stdout.take().unwrap()), collect(child.stderr.take().unwrap()));
    let code = wait(&mut child);
    writer.join().unwrap();
    Run { code, stdout: out.join().unwrap(), stderr: err.join().unwrap() }
}

fn collect(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        pipe.read_to_end(&mut all).unwrap();
        all
    })
}

#[track_caller]
pub(crate) fn wait(child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if start.elapsed() > LIMIT {
            child.kill().unwrap();
            panic!("the command hangs: it did not end within {LIMIT:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Scans the current directory of a tree as JSON, with more arguments.
#[track_caller]
pub(crate) fn scan(tree: &Tree, arguments: &[&str]) -> Run {
    run(quell().current_dir(tree.path()).args(["scan", "--format", "json"]).args(arguments))
}

/// The findings of a JSON report.
pub(crate) fn findings(report: &Value) -> &Vec<Value> {
    report["findings"].as_array().unwrap()
}

/// Every place of every finding: path, start, end, line, column, and the finding itself.
pub(crate) fn places(report: &Value) -> Vec<(Place, &Value)> {
    findings(report)
        .iter()
        .flat_map(|f| f["locations"].as_array().unwrap().iter().map(move |l| (Place::of(l), f)))
        .collect()
}

/// A place as a report names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) line: u64,
    pub(crate) column: u64,
}

impl Place {
    pub(crate) fn of(location: &Value) -> Self {
        let number = |name: &str| location[name].as_u64().unwrap();
        Self {
            path: location["path"].as_str().unwrap().to_owned(),
            start: number("start") as usize,
            end: number("end") as usize,
            line: number("line"),
            column: number("column"),
        }
    }
}

/// The rules that a finding names: its own, and the others that matched the same bytes.
pub(crate) fn rules_of(finding: &Value) -> Vec<String> {
    let others = finding["other_rules"].as_array().unwrap().iter();
    others.chain([&finding["rule"]]).map(|r| r.as_str().unwrap().to_owned()).collect()
}

/// The embedded rule of an id.
pub(crate) fn rule(id: &str) -> &'static Rule {
    embedded().rule(id).unwrap_or_else(|| panic!("there is no rule `{id}`"))
}

/// A well-formed secret of a rule, the same for the same seed.
pub(crate) fn sample_of(rule: &Rule, seed: u64) -> String {
    String::from_utf8(lint::sample(&rule.sample, rule.checksum, &mut Random::new(seed)).unwrap()).unwrap()
}

/// A well-formed GitHub token: the format has a checksum, so that nothing else is taken for one.
pub(crate) fn token(seed: u64) -> String {
    sample_of(rule("github-classic-pat"), seed)
}

/// A template of a rule (a `match` or `miss` line) with a sample in it, and the sample.
pub(crate) fn expanded(rule: &Rule, line: &str, seed: u64) -> (String, String) {
    let sample = sample_of(rule, seed);
    let text = expand(line, &mut Random::new(seed + 7), &lint::bindings(sample.clone().into_bytes())).unwrap();
    (String::from_utf8(text).unwrap(), sample)
}

/// A template without a sample, expanded.
pub(crate) fn made(template: &str, seed: u64) -> String {
    String::from_utf8(expand(template, &mut Random::new(seed), &Bindings::new()).unwrap()).unwrap()
}

/// A directory that is made for a test and removed after it.
pub(crate) struct Tree(TempDir);

impl Tree {
    pub(crate) fn new() -> Self {
        Self(tempfile::Builder::new().prefix("quell-").tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn at(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.path().join(relative)
    }

    /// Writes a file, and the directories that it needs.
    pub(crate) fn write(&self, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn dir(&self, relative: impl AsRef<Path>) -> PathBuf {
        let path = self.at(relative);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// Runs git in a directory of the tree, with no configuration but its own.
    #[track_caller]
    pub(crate) fn git<S: AsRef<OsStr>>(&self, directory: &str, arguments: &[S]) -> Run {
        let mut command = Command::new("git");
        clean(&mut command);
        command
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .current_dir(self.at(directory));
        for name in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{name}_NAME"), "Tester").env(format!("GIT_{name}_EMAIL"), "tester@example.com");
        }
        run(command.args(arguments)).code(0)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // The standard library holds a descriptor for every level it is down; `rm` does not. Nobody waits for it: a large
        // tree takes seconds.
        let mut command = Command::new("rm");
        let _ = command
            .arg("-rf")
            .arg(self.0.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.0.disable_cleanup(true);
    }
}

/// The paths that a report skipped for a reason, and its numbers of files and directories.
pub(crate) fn skipped(report: &Value, reason: &str) -> (u64, u64, Vec<String>) {
    let all = report["coverage"]["skipped"].as_array().unwrap();
    all.iter().find(|s| s["reason"] == reason).map_or((0, 0, Vec::new()), |s| {
        let examples = s["examples"].as_array().unwrap().iter().map(|e| e.as_str().unwrap().to_owned());
        (s["files"].as_u64().unwrap(), s["directories"].as_u64().unwrap(), examples.collect())
    })
}

/// The gaps of a report: path, kind, why.
pub(crate) fn gaps(report: &Value) -> Vec<(String, String, String)> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    report["coverage"]["gaps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| (text(&g["path"]), text(&g["kind"]), text(&g["why"])))
        .collect()
}

/// The notices of a report: path and text.
pub(crate) fn notices(report: &Value) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    report["coverage"]["notices"].as_array().unwrap().iter().map(|n| (text(&n["path"]), text(&n["text"]))).collect()
}

/// The rules' id of the first finding, its fingerprint, and nothing else: for tests about one secret.
#[track_caller]
pub(crate) fn only_finding(report: &Value) -> &Value {
    let all = findings(report);
    assert_eq!(all.len(), 1, "one finding: {report:#}");
    &all[0]
}

/// A zlib stream of stored blocks.
pub(crate) fn stored(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks: Vec<&[u8]> = if data.is_empty() { vec![data] } else { data.chunks(65_535).collect() };
    for (i, block) in blocks.iter().enumerate() {
        let len = block.len() as u16;
        out.push(u8::from(i + 1 == blocks.len()));
        out.extend(len.to_le_bytes());
        out.extend((!len).to_le_bytes());
        out.extend_from_slice(block);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}

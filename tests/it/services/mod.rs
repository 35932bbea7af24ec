//! Real services, each started on a free port with a directory of its own and stopped when its test ends; and what
//! quell learns of credentials that they made.
//!
//! Every contract is the same: a credential works, a wrong one is refused in the words that its recipe declares, what locks
//! or removes it behind quell's back changes the verdict as declared, and nothing but a working one is ever `Live`.

mod directory;
mod http;
mod issuers;
mod liars;
mod messages;
mod sql;
mod stores;
#[cfg(feature = "remediate")]
mod transit;

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use quell::model::{Clock, Confidence, Finding, FingerprintKey, Untrusted, Verdict, Verification};
use quell::rules::embedded::embedded;
use quell::scan::{MAX_MATCHES, Markers, Progress, ScanOptions, Target, scan};
use quell::sources::{Options as Walk, PathFilter};
use quell::verify::{Endpoints, Network, Options, verify};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::made;

/// How long a service may take to take connections.
const START: Duration = Duration::from_secs(60);

/// A running service.
pub(crate) struct Service {
    child: Child,
    /// Its port.
    pub(crate) port: u16,
    /// Its directory.
    pub(crate) dir: TempDir,
    /// What it ends by. Most end at once by what a terminal sends.
    pub(crate) end: Signal,
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, self.end);
        }
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    /// Starts a command and waits until it takes connections at the port.
    pub(crate) fn start(mut command: Command, port: u16, dir: TempDir) -> Self {
        let log = fs::File::create(dir.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut child = command.spawn().unwrap();
        let until = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = child.try_wait().unwrap();
            let log = || fs::read_to_string(dir.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < until, "{command:?} does not start ({ended:?})\n{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, port, dir, end: Signal::INT }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn place(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its address for HTTP, without TLS.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", "http", self.place())
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), signal).unwrap();
    }
}

/// A port that nothing listens at. Below those that the system gives out, some of which a service adds to its own.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) * 7 + u64::from(std::process::id()) * 13;
        let port = 20_000 + u16::try_from(step % 10_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Where a program is, or what to install.
#[track_caller]
pub(crate) fn tool(program: &str, install: &str) -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/python/bin");
    let system = ["/usr/bin", "/usr/sbin", "/usr/local/bin"].map(PathBuf::from);
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|v| v.path().join("bin"));
    let found = [own].into_iter().chain(system).chain(versions).map(|dir| dir.join(program)).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("`{program}` is not installed: run tests/run as root, or install {install}"))
}

/// A command that runs as a user of the system where the tests run as root, with a directory of its own.
pub(crate) fn service(program: &str, install: &str, user: &str) -> (Command, TempDir) {
    let mut command = Command::new(tool(program, install));
    let dir = TempDir::new_in("/tmp").unwrap();
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", dir.path()).current_dir(dir.path());
    as_user(&mut command, user, dir.path());
    (command, dir)
}

/// Gives a command, and what it works in, to a user.
pub(crate) fn as_user(command: &mut Command, user: &str, path: &Path) {
    if !rustix::process::getuid().is_root() || user.is_empty() {
        return;
    }
    let known = fs::read_to_string("/etc/passwd").unwrap();
    let line = known.lines().find(|line| line.split(':').next() == Some(user));
    let line = line.unwrap_or_else(|| panic!("the system has no user `{user}`, whom the service's package brings"));
    let ids: Vec<u32> = line.split(':').skip(2).take(2).map(|id| id.parse().unwrap()).collect();
    command.uid(ids[0]).gid(ids[1]);
    own(path, ids[0], ids[1]);
}

fn own(path: &Path, user: u32, group: u32) {
    std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        own(&entry.path(), user, group);
    }
}

/// Runs a command to its end; it must succeed. What it wrote.
#[track_caller]
pub(crate) fn done(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// A password that nobody has had.
pub(crate) fn password() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    made("{alpha:6}{digits:4}{alnum:8}", u64::from(now.subsec_nanos()) ^ NEXT.fetch_add(1, Ordering::Relaxed) << 32)
}

/// An authority, and a certificate of it for this machine: certificate, key and authority, as PEM.
pub(crate) fn certificate() -> [String; 3] {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "services");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    [certificate.pem(), key.serialize_pem(), authority.pem()]
}

struct System;

impl Clock for System {
    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        i64::try_from(since.as_secs()).unwrap()
    }
}

/// Scans a text, and asks about what a rule finds in it; `listed` are the endpoints.
#[track_caller]
pub(crate) fn ask(text: &str, rule: &str, listed: &[(&str, &str)]) -> Verification {
    ask_by(&Network::new(None, None).unwrap(), text, rule, listed)
}

/// The same by a network of one's own.
#[track_caller]
pub(crate) fn ask_by(network: &Network, text: &str, rule: &str, listed: &[(&str, &str)]) -> Verification {
    let options = ScanOptions {
        rules: embedded(),
        enable: &|_| true,
        confidence: Confidence::Low,
        key: &FingerprintKey::open().unwrap(),
        threads: 1,
        now: 0,
        max_matches: MAX_MATCHES,
        markers: Markers::Hold,
        walk: Walk { ignored_too: false, filter: PathFilter::new(&[], &[]).unwrap(), max_file_size: None },
        consumers: quell::scan::Consumption::Nothing,
    };
    let stream: Box<dyn Read + Send> = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
    let report = scan(vec![Target::Stream(stream, Untrusted::from("deploy.env"))], &options, &Progress::default());
    let kinds = |f: &Finding| [&f.kind].into_iter().chain(&f.other_kinds).any(|kind| kind.rule.as_ref() == rule);
    let mut findings: Vec<_> = report.findings.into_iter().filter(kinds).collect();
    assert_eq!(findings.len(), 1, "findings of {rule}");
    let values: Vec<(&str, Vec<String>)> =
        listed.iter().map(|(key, value)| (*key, vec![(*value).to_owned()])).collect();
    let endpoints = Endpoints::new(values.iter().map(|(key, values)| (*key, values.as_slice()))).unwrap();
    let options = Options {
        rules: embedded(),
        endpoints: &endpoints,
        network: Some(network),
        cache: None,
        cache_key: None,
        fresh: true,
        clock: &System,
        max_requests: None,
        logins: true,
        seed: System.now().unsigned_abs(),
    };
    verify(&mut findings, &options).unwrap();
    *findings.remove(0).verification.unwrap()
}

/// Asserts a verdict, and that a live one was held against a made-up credential.
#[track_caller]
pub(crate) fn is(asked: &Verification, wanted: Verdict) {
    assert_eq!(asked.verdict, wanted, "{asked:?}");
    assert!(asked.controlled, "{asked:?}");
}

/// Asserts that nothing was learnt.
#[track_caller]
pub(crate) fn is_unknown(asked: &Verification) {
    assert!(matches!(asked.verdict, Verdict::Unknown(_)), "{asked:?}");
}

/// Who it is, as it was told.
pub(crate) fn subject(asked: &Verification) -> String {
    asked.identity.subject.as_ref().map(|s| String::from_utf8_lossy(s.raw()).into_owned()).unwrap_or_default()
}

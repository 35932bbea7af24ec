//! Cases as people work with them, by the built command: opened, verified, decided, approved, closed and opened again, with the
//! record of all of it. Every person has a home and a key of their own; the store and its keys are shared.

#[path = "cases/audit.rs"]
mod audit;
#[path = "cases/canaries.rs"]
mod canaries;
#[path = "cases/checks.rs"]
mod checks;
#[path = "cases/commands.rs"]
mod commands;
#[path = "cases/life.rs"]
mod life;
#[path = "cases/notices.rs"]
mod notices;
#[path = "cases/offboard.rs"]
mod offboard;
#[path = "cases/owners.rs"]
mod owners;
#[path = "cases/page.rs"]
mod page;
#[path = "cases/people.rs"]
mod people;
#[path = "cases/period.rs"]
mod period;
#[path = "cases/policy.rs"]
mod policy;
#[path = "cases/precision.rs"]
mod precision;
#[path = "cases/promote.rs"]
mod promote;
#[path = "cases/rig.rs"]
mod rig;
#[path = "cases/run.rs"]
mod run;
#[path = "cases/store.rs"]
mod store;
#[path = "cases/tasks.rs"]
mod tasks;
#[path = "cases/time.rs"]
mod time;
#[path = "cases/track.rs"]
mod track;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

use crate::issuers::{Issuer, Said};
use crate::support::{self, Run, clean, made, quell};

/// Where everything of a test lies, and an issuer of GitHub's tokens. In memory where the system has room for that:
/// each command waits for the disk several times.
pub(crate) struct Scene {
    dir: TempDir,
    pub(crate) issuer: Issuer,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let room = |about: rustix::fs::StatVfs| about.f_bavail * about.f_frsize >= 1 << 30;
        let mut builder = tempfile::Builder::new();
        builder.prefix("quell-cases-");
        let dir =
            if rustix::fs::statvfs(memory).is_ok_and(room) { builder.tempdir_in(memory) } else { builder.tempdir() }
                .unwrap();
        let scene = Self { dir, issuer: Issuer::start() };
        scene.write("keys/fingerprint.key", made("{alnum:44}", 987_654_321));
        scene.config("");
        scene.live();
        scene
    }

    /// The configuration that everybody has: the keys, the issuer, and more.
    pub(crate) fn config(&self, more: &str) {
        self.bare_config(&format!("[fingerprint]\nkey_file = \"keys/fingerprint.key\"\n{more}"));
    }

    /// The same without a team's key of fingerprints.
    pub(crate) fn bare_config(&self, more: &str) {
        let (own, rest) = match more.split_once("[store]\n") {
            Some((before, after)) => (after, before),
            None => ("", more),
        };
        let keys = "seal_key_file = \"keys/seal.key\"\ncheckpoint_key_file = \"keys/checkpoint.key\"";
        let port = self.issuer.port;
        let endpoints = format!("[endpoints]\ngithub = \"http://127.0.0.1:{port}/x\"\n");
        self.write("quell.toml", format!("{rest}\n{endpoints}[store]\n{keys}\n{own}"));
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path().join(path)
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.at("store/quell.db")
    }

    pub(crate) fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// What the issuer answers from now on: the token, then the made-up one.
    pub(crate) fn says(&self, answers: Vec<Said>) {
        self.issuer.say("x", answers);
    }

    /// The token works, once for each of a few questions.
    pub(crate) fn live(&self) {
        let live = || Said::new(200, "application/json", r#"{"login":"octocat","id":1,"site_admin":false}"#);
        self.says(vec![live().with("x-oauth-scopes", "repo, gist"), dead()]);
    }

    /// The token is refused.
    pub(crate) fn dead(&self) {
        self.says(vec![dead()]);
    }

    pub(crate) fn person(&self, name: &str) -> Person<'_> {
        std::fs::create_dir_all(self.at(format!("people/{name}/tmp"))).unwrap();
        Person { scene: self, name: name.to_owned() }
    }

    /// An empty repository.
    pub(crate) fn repo(&self, name: &str) -> Repo<'_> {
        let repo = Repo { scene: self, name: name.to_owned() };
        std::fs::create_dir_all(self.at(name)).unwrap();
        repo.git(&["init", "-q", "-b", "main", "."]);
        repo
    }

    /// A repository with one commit of one file.
    pub(crate) fn committed(&self, name: &str, file: &str, text: &str) -> Repo<'_> {
        let repo = self.repo(name);
        repo.commit("Kim <kim@acme.example>", PAST, &[(file, text)]);
        repo
    }

    /// Changes the database past the program.
    pub(crate) fn sql(&self, text: &'static str) {
        sql(&self.db(), text);
    }
}

/// Changes a database of SQLite past the program.
pub(crate) fn sql(file: &Path, text: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut raw = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
        sqlx::raw_sql(text).execute(&mut raw).await.unwrap();
        raw.close().await.unwrap();
    });
}

/// When commits are made, unless a test says otherwise: long ago.
pub(crate) const PAST: i64 = 1_700_000_000;

/// What an issuer says of a token that it does not know.
pub(crate) fn dead() -> Said {
    Said::new(401, "application/json", r#"{"message":"Bad credentials"}"#)
}

/// Somebody who works on cases.
pub(crate) struct Person<'a> {
    scene: &'a Scene,
    pub(crate) name: String,
}

impl Person<'_> {
    /// The command as this person, with everything of theirs in their own folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let home = self.scene.at(format!("people/{}", self.name));
        let mut command = quell();
        command
            .current_dir(self.scene.path())
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_STATE_HOME", home.join("state"))
            .env("TMPDIR", home.join("tmp"))
            .env("USER", &self.name)
            .env("QUELL_CONFIG", self.scene.at("quell.toml"))
            .env("QUELL_STORE", self.scene.db())
            .args(arguments);
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        support::run(&mut self.command(arguments))
    }

    /// What a command that succeeds writes.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        self.run(arguments).code(0).out()
    }

    /// Why a command is refused.
    #[track_caller]
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments).code(6);
        assert!(run.err().starts_with("refused: "), "{}", run.err());
        run.err()
    }

    /// Why a command makes no sense.
    #[track_caller]
    pub(crate) fn wrong(&self, arguments: &[&str]) -> String {
        self.run(arguments).code(2).err()
    }

    /// Tracks what stands in a target. What became of it.
    #[track_caller]
    pub(crate) fn track(&self, target: &str) -> String {
        self.run(&["scan", "--track", target]).code(1).err()
    }

    /// Tracks it, and asks issuers.
    #[track_caller]
    pub(crate) fn verified(&self, target: &str) -> String {
        self.run(&["scan", "--track", "--verify", "--fresh", target]).code(1).err()
    }

    /// A case with its events.
    #[track_caller]
    pub(crate) fn shown(&self, number: &str) -> Value {
        self.run(&["case", "show", number, "--format", "json"]).code(0).json()
    }

    /// A case.
    #[track_caller]
    pub(crate) fn case(&self, number: &str) -> Value {
        self.shown(number)["case"].clone()
    }

    /// Events about a case of a kind, the oldest first.
    #[track_caller]
    pub(crate) fn events(&self, number: &str, kind: &str) -> Vec<Value> {
        of_kind(self.shown(number)["events"].as_array().unwrap(), kind)
    }

    /// Every case.
    #[track_caller]
    pub(crate) fn cases(&self) -> Vec<Value> {
        self.run(&["case", "list", "--all", "--limit", "9999", "--format", "json"])
            .code(0)
            .json()
            .as_array()
            .unwrap()
            .clone()
    }

    /// Events of a kind in the whole record, as the export has their bodies.
    #[track_caller]
    pub(crate) fn recorded(&self, kind: &str) -> Vec<Value> {
        let all: Vec<Value> = self.ok(&["audit", "export"]).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        of_kind(&all, kind)
    }

    /// The public key.
    #[track_caller]
    pub(crate) fn key(&self) -> String {
        self.ok(&["people", "key"]).trim().to_owned()
    }

    /// Registers somebody, with an account and an address that follow from the name.
    #[track_caller]
    pub(crate) fn adds(&self, other: &Person<'_>, roles: &[&str]) {
        let (key, forge) = (other.key(), format!("github:{}", other.name));
        let address = format!("{}@acme.example", other.name);
        let mut all = vec!["people", "add", &other.name, "--key", &key, "--forge", &forge, "--address", &address];
        all.extend(roles.iter().flat_map(|role| ["--role", role]));
        self.ok(&all);
    }

    /// Binds their own account and address.
    #[track_caller]
    pub(crate) fn binds(&self) {
        let (forge, address) = (format!("github:{}", self.name), format!("{}@acme.example", self.name));
        self.ok(&["people", "bind", &self.name, "--forge", &forge, "--address", &address]);
    }

    /// Asks for the approval of an action. The hash of its plan.
    #[track_caller]
    pub(crate) fn asks(&self, number: &str, action: &str) -> String {
        let out = self.ok(&["case", "request", number, action]);
        out.split("--plan ").nth(1).unwrap().trim().to_owned()
    }
}

/// Events whose body is of a kind.
fn of_kind(all: &[Value], kind: &str) -> Vec<Value> {
    let body = |event: &Value| match event.get("body") {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap(),
        Some(body) => body.clone(),
        None => event.get("event").and_then(|e| e.get("body")).cloned().unwrap_or_default(),
    };
    all.iter().filter(|event| body(event)["kind"] == kind).cloned().collect()
}

/// A repository of a test.
pub(crate) struct Repo<'a> {
    scene: &'a Scene,
    pub(crate) name: String,
}

impl Repo<'_> {
    pub(crate) fn path(&self) -> PathBuf {
        self.scene.at(&self.name)
    }

    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_as("Tester <tester@example.com>", PAST, arguments)
    }

    #[track_caller]
    fn git_as(&self, author: &str, at: i64, arguments: &[&str]) -> String {
        let (name, address) = author.trim_end_matches('>').split_once(" <").unwrap();
        let mut command = Command::new("git");
        clean(&mut command);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").current_dir(self.path());
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), name).env(format!("GIT_{who}_EMAIL"), address);
            command.env(format!("GIT_{who}_DATE"), format!("{at} +0000"));
        }
        support::run(command.args(arguments)).code(0).out()
    }

    /// Writes files.
    pub(crate) fn write(&self, files: &[(&str, &str)]) {
        for (file, text) in files {
            self.scene.write(Path::new(&self.name).join(file), text);
        }
    }

    /// Writes files and commits them. The commit's id.
    #[track_caller]
    pub(crate) fn commit(&self, author: &str, at: i64, files: &[(&str, &str)]) -> String {
        self.write(files);
        self.git(&["add", "-A"]);
        self.git_as(author, at, &["commit", "-qm", "change"]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }
}

/// A text of a value.
#[track_caller]
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer}: {value:#}"))
}

/// How many there are in a list.
#[track_caller]
pub(crate) fn count(value: &Value, pointer: &str) -> usize {
    value.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no list at {pointer}: {value:#}")).len()
}

/// The tier of an action, as it was decided last.
#[track_caller]
pub(crate) fn tier(case: &Value, action: &str) -> String {
    let all = case["decisions"].as_array().unwrap();
    let decision = all.iter().find(|d| d[0]["action"] == action);
    decision.unwrap_or_else(|| panic!("nothing was decided about {action}: {case:#}"))[0]["tier"]
        .as_str()
        .unwrap()
        .to_owned()
}

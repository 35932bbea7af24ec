//! `quell scan --verify` and `quell verify`: what the three kinds of users see of an issuer's answer.

use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::issuers::{Issuer, Said};
use crate::support::{Run, Tree, findings, formats, gaps, made, only_finding, quell, run, run_with, sample_of, token};

const GOOD: &str = r#"{"login":"octocat","id":1,"site_admin":false}"#;
const BAD: &str = r#"{"message":"Bad credentials"}"#;

fn live() -> Said {
    Said::new(200, "application/json", GOOD).with("x-oauth-scopes", "repo, gist")
}

fn dead() -> Said {
    Said::new(401, "application/json", BAD)
}

/// A tree with a token, an issuer that knows it, and a configuration that names the issuer.
struct Scene {
    tree: Tree,
    issuer: Issuer,
    config: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let (tree, issuer) = (Tree::new(), Issuer::start());
        tree.write("src/app.py", format!("TOKEN = \"{}\"\n", token(1)));
        let config =
            tree.write("conf/quell.toml", format!("[endpoints]\ngithub = \"http://127.0.0.1:{}/x\"\n", issuer.port));
        let scene = Self { tree, issuer, config };
        scene.says(vec![live(), dead()]);
        scene
    }

    fn says(&self, answers: Vec<Said>) {
        self.issuer.say("x", answers);
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = quell();
        command.current_dir(self.tree.path()).env("XDG_STATE_HOME", self.tree.at("state")).args(arguments);
        command.arg("--config").arg(&self.config);
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Run {
        run(&mut self.command(arguments))
    }

    /// Scans as JSON.
    #[track_caller]
    fn scan(&self, arguments: &[&str], code: i32) -> Value {
        self.run(&[&["scan", "src", "--verify", "--format", "json"], arguments].concat()).code(code).json()
    }

    fn asked(&self) -> usize {
        self.issuer.sent().len()
    }
}

fn verdict(report: &Value) -> (&str, &Value) {
    let verification = &only_finding(report)["verification"];
    (verification["verdict"].as_str().unwrap(), verification)
}

#[test]
fn a_scan_tells_what_works_and_whose_it_is() {
    let scene = Scene::new();
    let report = scene.scan(&[], 1);
    let (word, told) = verdict(&report);
    assert_eq!((word, &told["controlled"], &told["cached"]), ("live", &Value::Bool(true), &Value::Bool(false)));
    assert_eq!(told["identity"]["subject"], "octocat");
    assert_eq!(told["identity"]["scopes"], serde_json::json!(["repo", "gist"]));
    assert_eq!(only_finding(&report)["severity"], "critical");
    scene.says(vec![dead()]);
    let report = scene.scan(&["--fresh"], 1);
    assert_eq!((verdict(&report).0, &only_finding(&report)["severity"]), ("dead", &Value::from("info")));
}

#[test]
fn what_is_live_fails_a_run_and_what_is_not_known_is_a_gap() {
    let scene = Scene::new();
    let fail = ["--fail-on", "live", "--fresh"];
    scene.scan(&fail, 1);
    scene.says(vec![dead()]);
    scene.scan(&fail, 0);
    scene.says(vec![Said::new(200, "text/html", "<html>Sign in</html>")]);
    let report = scene.scan(&fail, 3);
    let gaps = gaps(&report);
    assert_eq!((gaps.len(), gaps[0].1.as_str()), (1, "no-verdict"));
    assert!(gaps[0].2.contains("none that the provider documents"), "{}", gaps[0].2);
    // What no recipe knows is not known either.
    scene.tree.write("src/b.py", format!("db_password = \"{}\"\n", made("Kq7{alnum:10}4x", 3)));
    scene.says(vec![live(), dead()]);
    assert_eq!(findings(&scene.scan(&fail, 4)).len(), 2);
}

#[test]
fn an_answer_counts_for_a_day_and_for_its_host() {
    let scene = Scene::new();
    scene.scan(&[], 1);
    assert_eq!(scene.asked(), 2, "the token, and the made-up one");
    let report = scene.scan(&[], 1);
    assert_eq!((scene.asked(), &verdict(&report).1["cached"]), (2, &Value::Bool(true)));
    scene.says(vec![live(), dead()]);
    scene.scan(&["--fresh"], 1);
    assert_eq!(scene.asked(), 4);
    let file = scene.tree.at("state/quell/verdicts.json");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let kept = String::from_utf8(std::fs::read(&file).unwrap()).unwrap();
    assert!(kept.contains("octocat") && !kept.contains(&token(1)[4..20]), "{kept}");
    // Another host is asked for itself.
    let before = scene.asked();
    std::fs::write(&scene.config, format!("[endpoints]\ngithub = \"http://localhost:{}/x\"\n", scene.issuer.port))
        .unwrap();
    scene.scan(&[], 1);
    assert!(scene.asked() > before);
    std::fs::write(&file, "{ damaged").unwrap();
    let out = scene.run(&["scan", "src", "--verify"]).code(1).out();
    assert!(out.contains("the answers of earlier runs are not used: it is damaged"), "{out}");
}

#[test]
fn of_two_instances_the_one_that_knows_it_counts() {
    let scene = Scene::new();
    let url = |row: &str| format!("\"http://127.0.0.1:{}/{row}\"", scene.issuer.port);
    std::fs::write(&scene.config, format!("[endpoints]\ngithub = [{}, {}]\n", url("other"), url("x"))).unwrap();
    scene.issuer.say("other", vec![dead()]);
    assert_eq!(verdict(&scene.scan(&["--fresh"], 1)).0, "live");
    scene.says(vec![Said::new(503, "text/plain", "")]);
    assert_eq!(verdict(&scene.scan(&["--fresh"], 1)).1["why"], "outage", "a refusal by one says nothing of the other");
    scene.says(vec![dead()]);
    assert_eq!(verdict(&scene.scan(&["--fresh"], 1)).0, "dead");
}

#[test]
fn one_credential_in_many_places_is_asked_about_once() {
    let scene = Scene::new();
    for number in 0..50 {
        scene.tree.write(format!("src/{number}.py"), format!("TOKEN = \"{}\"\n", token(1)));
    }
    let report = scene.scan(&[], 1);
    assert_eq!((only_finding(&report)["locations"].as_array().unwrap().len(), scene.asked()), (51, 2));
}

#[test]
fn a_budget_is_kept_and_told() {
    let scene = Scene::new();
    let report = scene.scan(&["--max-requests", "1"], 1);
    assert_eq!((verdict(&report).0, verdict(&report).1["why"].as_str()), ("unknown", Some("budget-spent")));
    assert_eq!(scene.asked(), 1, "the control had no request left, so nothing is believed");
}

#[test]
fn without_a_network_nothing_is_known_and_the_scan_succeeds() {
    let scene = Scene::new();
    let report = scene.scan(&["--offline"], 1);
    assert_eq!((verdict(&report).0, verdict(&report).1["why"].as_str()), ("unknown", Some("offline")));
    assert_eq!(scene.asked(), 0);
    scene.scan(&["--offline", "--fail-on", "live"], 3);
}

#[test]
fn every_format_tells_the_verdict_and_none_the_secret() {
    let scene = Scene::new();
    let hostile = r#"{"login":"\u001b[31m<b>=cmd|x</b>\u202e\n::error::@team","id":1}"#;
    for format in formats() {
        scene.says(vec![Said::new(200, "application/json", hostile), dead()]);
        let run = scene.run(&["scan", "src", "--verify", "--fresh", "--format", format]).code(1);
        let out = run.out();
        assert!(out.to_lowercase().contains("live"), "{format}: {out}");
        assert!(!out.contains(&token(1)[4..20]), "{format}");
        assert!(!out.contains('\u{1b}') && !out.contains('\u{202e}'), "{format}: {out}");
        assert!(!["html", "junit"].contains(&format) || !out.contains("<b>=cmd"), "{format}: {out}");
    }
}

#[test]
fn a_report_is_asked_about_again() {
    let scene = Scene::new();
    for format in ["json", "jsonl"] {
        let file = format!("report.{format}");
        scene.run(&["scan", "src", "--format", &format!("{format}={file}")]).code(1);
        scene.says(vec![live(), dead()]);
        let again = scene.run(&["verify", &file, "--format", "json"]).code(1).json();
        assert_eq!(verdict(&again).0, "live");
        scene.says(vec![dead()]);
        let again = scene.run(&["verify", &file, "--format", "json"]).code(0).json();
        assert_eq!((verdict(&again).0, &verdict(&again).1["cached"]), ("dead", &Value::Bool(false)));
    }
    scene.tree.write("src/app.py", "TOKEN = None\n");
    let run = scene.run(&["verify", "report.json"]).code(3);
    assert!(run.out().contains("it does not stand there any more"), "{}", run.out());
    for (name, text) in
        [("cut.jsonl", "{\"type\":\"finding\",\"finding\":0}\n"), ("other.json", "{\"a\":1}"), ("text", "hello")]
    {
        scene.tree.write(name, text);
        let run = scene.run(&["verify", name]).code(2);
        assert!(run.err().contains("report") && run.err().contains("help:"), "{}", run.err());
    }
}

#[test]
fn a_secret_of_old_is_read_again_from_its_history() {
    let scene = Scene::new();
    scene.tree.git(".", &["init", "-q", "-b", "main", "repo"]);
    scene.tree.write("repo/a.py", format!("TOKEN = \"{}\"\n", token(5)));
    scene.tree.git("repo", &["add", "."]);
    scene.tree.git("repo", &["commit", "-qm", "one"]);
    scene.tree.git("repo", &["rm", "-q", "a.py"]);
    scene.tree.git("repo", &["commit", "-qm", "two"]);
    scene.run(&["scan", "--history", "repo", "--format", "json=old.json"]).code(1);
    let again = scene.run(&["verify", "old.json", "--repository", "repo", "--format", "json"]).code(1).json();
    assert_eq!(verdict(&again).0, "live");
}

#[test]
fn one_credential_is_handed_in_by_a_stream_alone() {
    let scene = Scene::new();
    let arguments = ["verify", "--stdin", "--rule", "github-classic-pat", "--format", "json"];
    for text in [token(1), format!("{}\n", token(1)), format!("export GITHUB_TOKEN={}\n", token(1))] {
        scene.says(vec![live(), dead()]);
        let report = run_with(&mut scene.command(&arguments), text.as_bytes()).code(1).json();
        assert_eq!(verdict(&report).0, "live");
    }
    let file = std::fs::File::open(scene.tree.write("token", token(1))).unwrap();
    let fd = rustix::io::fcntl_dupfd_cloexec(&file, 20).unwrap();
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::empty()).unwrap();
    scene.says(vec![live(), dead()]);
    let number = fd.as_raw_fd().to_string();
    let report = scene.run(&["verify", "--fd", &number, "--rule", "github-classic-pat", "--format", "json"]).code(1);
    assert_eq!(verdict(&report.json()).0, "live");
    let pair = made("{base64:38}{alnum:2}", 3);
    for (arguments, input, told) in [
        (&["verify", "--stdin"][..], "x", "--rule"),
        (&["verify", "--stdin", "--rule", "github-classic-pta"], "x", "did you mean"),
        (&["verify", "--stdin", "--rule", "github-classic-pat"], " \n", "no credential came in"),
        (&["verify", "--stdin", "--rule", "github-classic-pat"], "abc\nnot a part", "not the form of one"),
        (&["verify", "--stdin", "--rule", "github-classic-pat"], &token(1)[..39], "not the form of one"),
        (&["verify", "--stdin", "--rule", "aws-secret-access-key"], &format!("{pair}\nnot a part"), "NAME=VALUE"),
        (&["verify", "--stdin", "--rule", "aws-secret-access-key"], &format!("{pair}\nkey=x"), "has no part `key`"),
        (&["verify", "--fd", "987", "--rule", "github-classic-pat"], "", "cannot be read"),
        (&["verify"], "", "REPORT"),
    ] {
        let run = run_with(&mut scene.command(arguments), input.as_bytes()).code(2);
        assert!(run.err().contains(told), "{arguments:?}: {}", run.err());
    }
}

#[test]
fn the_hosts_that_may_be_asked_are_printed() {
    let scene = Scene::new();
    std::fs::write(
        &scene.config,
        "[endpoints]\ngithub = \"https://git.example.com/api/v3\"\npostgres = [\"*.db.internal\"]\n",
    )
    .unwrap();
    let out = scene.run(&["verify", "--hosts"]).code(0).out();
    for host in ["api.stripe.com:443", "git.example.com:443", "*.db.internal", "gitlab.com:443"] {
        assert!(out.lines().any(|line| line.starts_with(host)), "{host}: {out}");
    }
    assert!(!out.contains("api.github.com"), "the listed one stands in its place: {out}");
}

#[test]
fn mistakes_in_the_configuration_are_told() {
    let scene = Scene::new();
    for (text, told) in [
        ("[endpoints]\ngithup = \"https://x.example\"\n", "did you mean `github`?"),
        ("[endpoints]\ngithub = \"http://x.example\"\n", "in the clear"),
        ("[endpoints]\ngithub = \"https://u:p@x.example\"\n", "login"),
        ("[endpoints]\npostgres = \"u:PASSWORD@db.example\"\n", "login"),
        ("[endpoints]\ngithub = \"https://x.example/?t=PASSWORD\"\n", "neither a URL nor a host"),
        ("[network]\nproxy = \"http://u:PASSWORD@proxy:3128\"\n", "is no proxy"),
        ("[endpoints]\ngithub = \"git.example.com\"\n", "is asked by HTTPS"),
        ("[endpoints]\npostgres = \"https://db.example.com\"\n", "is no HTTPS service"),
        ("[endpoints]\npostgres = \"*.com\"\n", "hosts of everybody"),
        ("[endpoints]\nhttps = \"https://x.example\"\n", "neither a provider nor a protocol"),
        ("[endpoints]\ngithub = 3\n", "a text in quotes, or a list of them"),
        ("[endpoints]\npostgres = [\"a b\"]\n", "neither a URL nor a host"),
        ("[network]\nproxy = \"socks5://x\"\n", "is no proxy"),
        ("[network]\nca_file = \"missing.pem\"\n", "cannot be read"),
        ("[verify]\nmax_request = 1\n", "max_requests"),
    ] {
        let password = made("Kq7{alnum:10}4x", 3);
        std::fs::write(&scene.config, text.replace("PASSWORD", &password)).unwrap();
        let run = scene.run(&["scan", "src", "--verify"]).code(2);
        assert!(run.err().contains(told), "{text}: {}", run.err());
        assert!(!run.err().contains(&password), "a login is told: {}", run.err());
    }
    scene.run(&["scan", "src", "--fresh"]).code(2);
    assert_eq!(scene.asked(), 0);
}

#[test]
fn suppressed_findings_are_not_asked_about() {
    let scene = Scene::new();
    scene.tree.write("src/app.py", format!("TOKEN = \"{}\"  # quell:allow\n", token(1)));
    scene.scan(&[], 0);
    assert_eq!(scene.asked(), 0);
}

#[test]
fn explain_shows_the_recipe_and_the_last_answer() {
    let scene = Scene::new();
    let report = scene.scan(&[], 1);
    let fingerprint = only_finding(&report)["fingerprint"].as_str().unwrap().to_owned();
    let out = scene.run(&["explain", &fingerprint, "src"]).code(0).out();
    for told in ["LIVE", "200, application/json", "GET https://api.github.com/user", "status 401", "a made-up one"] {
        assert!(out.contains(told), "{told}: {out}");
    }
    assert!(!out.contains(&token(1)[4..20]));
    let bare = scene.command(&["explain", &fingerprint, "src"]).env("XDG_STATE_HOME", scene.tree.at("none")).output();
    assert!(bare.unwrap().status.success() && !scene.tree.at("none").exists(), "who only looks leaves nothing behind");
    let rule = scene.run(&["explain", "gitlab-pat"]).code(0).out();
    assert!(rule.contains("gitlab.com") && rule.contains("verify"), "{rule}");
}

/// What verification costs: 10,000 places of 500 credentials at 20 providers that take 50 ms, and the scan without it.
/// `cargo test --release --test it -- --ignored --nocapture verification_costs`
#[test]
#[ignore = "a measurement"]
fn verification_costs() {
    use std::time::{Duration, Instant};
    let tree = Tree::new();
    let issuer = Issuer::slow(Duration::from_millis(50));
    let mut config = "[endpoints]\n".to_owned();
    let usable = |t: &crate::issuers::Tried| {
        t.rule.companions.is_empty()
            && t.recipe.per_minute.is_none()
            && t.rule.keywords.len() == 1
            && t.then.is_none()
            && t.rule.shape == quell::rules::Shape::Token
            && t.recipe.request.signer.is_none()
    };
    let mut providers: Vec<crate::issuers::Tried> = crate::issuers::recipes(true).into_iter().filter(usable).collect();
    providers.dedup_by(|a, b| a.provider == b.provider);
    providers.truncate(20);
    for (number, tried) in providers.iter().enumerate() {
        let refusal =
            tried.recipe.answer.iter().find(|a| matches!(a.means.as_str(), "dead" | "indistinct" | "absent")).unwrap();
        issuer.say(&tried.provider, vec![Said::of(refusal)]);
        config.push_str(&format!("{} = \"http://127.0.0.1:{}/{}\"\n", tried.provider, issuer.port, tried.provider));
        for seed in 0..25 {
            let secret = sample_of(tried.rule, (number * 25 + seed) as u64 + 1);
            let line = format!("token = \"{secret}\"\n");
            for place in 0..20 {
                tree.write(format!("t/{number}-{seed}-{place}.txt"), &line);
            }
        }
    }
    let config = tree.write("quell.toml", config);
    for verify in [false, true] {
        let mut command = quell();
        command.current_dir(tree.path()).args(["scan", "t", "--format", "json=out.json", "--config"]).arg(&config);
        if verify {
            command.arg("--verify");
        }
        let started = Instant::now();
        let mut child =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        let (mut peak, pid) = (0, child.id());
        while child.try_wait().unwrap().is_none() {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
            peak = line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak);
            std::thread::sleep(Duration::from_millis(2));
        }
        let report: Value = serde_json::from_slice(&std::fs::read(tree.at("out.json")).unwrap()).unwrap();
        let (mut places, mut had) = (0, 0);
        for finding in findings(&report) {
            places += finding["locations"].as_array().unwrap().len();
            had += usize::from(matches!(finding["verification"]["verdict"].as_str(), Some("dead" | "indistinct")));
        }
        eprintln!(
            "verify {verify}: {places} places, {} findings, {had} verdicts, {} requests, {:.2} s, {peak} KiB",
            findings(&report).len(),
            issuer.sent().len(),
            started.elapsed().as_secs_f64()
        );
    }
}

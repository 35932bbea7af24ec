//! Repositories on servers: all that they have is found, nothing is left behind, and no server leads quell anywhere else.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::git::{commit, leak, repository};
use crate::server::{Answer, Request, Server, backend};
use crate::support::{Run, Tree, findings, gaps, notices, places, quell, run, token, wait};

const REFS: &str = "application/x-git-upload-pack-advertisement";
const PACK: &str = "application/x-git-upload-pack-result";

/// Makes `srv/OWNER/NAME.git` with a token in its files, one that was taken out again, and one in a pull request.
pub(crate) fn serve(tree: &Tree, name: &str, seed: u64) -> PathBuf {
    let work = format!("work/{name}");
    repository(tree, &work);
    tree.write(format!("{work}/a.env"), leak(seed));
    tree.write(format!("{work}/b.env"), leak(seed + 1));
    commit(tree, &work, &["a.env", "b.env"]);
    tree.git(&work, &["rm", "-q", "b.env"]);
    tree.git(&work, &["commit", "-q", "-m", "out"]);
    tree.git(&work, &["checkout", "-q", "-b", "pull"]);
    tree.write(format!("{work}/c.env"), leak(seed + 2));
    commit(tree, &work, &["c.env"]);
    tree.git(&work, &["update-ref", "refs/pull/1/head", "HEAD"]);
    tree.git(&work, &["checkout", "-q", "main"]);
    tree.git(&work, &["branch", "-q", "-D", "pull"]);
    let bare = format!("srv/{name}.git");
    tree.dir("srv");
    tree.git(".", &["clone", "-q", "--mirror", &work, &bare]);
    tree.at("srv")
}

/// `quell scan` with a temporary directory of the tree's.
pub(crate) fn scan(tree: &Tree, server: &Server, arguments: &[&str]) -> Command {
    let mut command = quell();
    command.env("TMPDIR", tree.dir("tmp")).env("QUELL_CA_FILE", &server.authority).current_dir(tree.path());
    command.args(["scan", "--format", "json"]).args(arguments);
    command
}

/// Runs it; whatever came of it, nothing is left behind, and the place where the clone was is not told.
#[track_caller]
pub(crate) fn ran(tree: &Tree, command: &mut Command, code: i32) -> Run {
    let run = run(command).code(code);
    let left: Vec<_> = std::fs::read_dir(tree.at("tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    let here = tree.at("tmp").to_string_lossy().into_owned();
    assert!(!run.out().contains(&here) && !run.err().contains(&here), "{}{}", run.out(), run.err());
    run
}

/// The one gap of a report: what and why.
#[track_caller]
fn gap(report: &Value) -> (String, String, String) {
    let gaps = gaps(report);
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    gaps[0].clone()
}

/// How a token is sent to git.
fn basic(token: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("x-access-token:{token}")))
}

fn paths(report: &Value) -> Vec<String> {
    let mut paths: Vec<String> = places(report).into_iter().map(|(place, _)| place.path).collect();
    paths.sort();
    paths
}

#[test]
fn all_that_a_repository_has_is_found_and_named_by_its_url_and_nothing_is_left_behind() {
    let tree = Tree::new();
    let server = Server::git(&tree, serve(&tree, "acme/one", 10));
    // A configuration of the user that would lead git elsewhere.
    let elsewhere = format!(
        "[url \"https://127.0.0.1:1/\"]\n insteadOf = https://\n insteadOf = quell://\n[http]\n proxy = http://127.0.0.1:1\n[init]\n templateDir = {0}\n[core]\n hooksPath = {0}\n[transfer]\n fsckObjects = nonsense\n",
        tree.dir("template").display()
    );
    tree.write("template/hooks/post-checkout", "#!/bin/sh\nexit 1\n");
    for file in ["home/.gitconfig", "home/.config/git/config"] {
        tree.write(file, &elsewhere);
    }
    let url = server.url("/acme/one.git");
    for arguments in [&[url.as_str()][..], &["--history", &format!("{url}/")]] {
        let mut command = scan(&tree, &server, arguments);
        command.env("HOME", tree.at("home")).env("GIT_CONFIG_GLOBAL", tree.at("home/.gitconfig"));
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            command.env(name, "http://127.0.0.1:1");
        }
        let report = ran(&tree, &mut command, 1).json();
        assert_eq!(paths(&report), ["a", "b", "c"].map(|name| format!("{url}: {name}.env")));
        let presence = |path: &str| {
            let all = places(&report);
            let (_, finding) = all.iter().find(|(place, _)| place.path.ends_with(path)).unwrap();
            let place = &finding["locations"][0];
            assert!(place["commit"]["author"].as_str().unwrap().contains("tester@example.com"), "{place}");
            place["history"]["presence"].as_str().unwrap().to_owned()
        };
        assert_eq!(["a.env", "b.env", "c.env"].map(presence), ["head", "history", "tip"]);
        assert_eq!(gaps(&report), []);
    }
    assert!(server.seen().iter().all(|request| !request.headers.contains_key("authorization")));
}

#[test]
fn a_suppression_at_head_counts_and_an_empty_repository_is_clean() {
    let tree = Tree::new();
    let root = serve(&tree, "acme/one", 20);
    tree.git("srv", &["init", "-q", "--bare", "empty.git"]);
    let server = Server::git(&tree, root);
    let url = server.url("/acme/one");
    let report = ran(&tree, &mut scan(&tree, &server, &[&server.url("/acme/one.git")]), 1).json();
    let fingerprint = findings(&report)[0]["fingerprint"].as_str().unwrap().to_owned();
    let text = format!("[[suppress]]\nfingerprint = \"{fingerprint}\"\nreason = \"revoked\"\n");
    tree.write("work/acme/one/.quell.toml", text);
    commit(&tree, "work/acme/one", &[".quell.toml"]);
    tree.git("work/acme/one", &["push", "-q", "../../../srv/acme/one.git", "main"]);
    let url = format!("{url}.git");
    let report = ran(&tree, &mut scan(&tree, &server, &[&url]), 1).json();
    assert_eq!(findings(&report).len(), 2);
    assert!(notices(&report).iter().any(|(path, text)| path.starts_with(&url) && text.contains("revoked")));
    let report = ran(&tree, &mut scan(&tree, &server, &["--no-target-ignores", &url]), 1).json();
    assert_eq!(findings(&report).len(), 3);
    let report = ran(&tree, &mut scan(&tree, &server, &[&server.url("/empty.git")]), 0).json();
    assert_eq!((findings(&report).len(), gaps(&report).len()), (0, 0));
}

#[test]
fn an_authority_that_nobody_trusts_is_refused() {
    let tree = Tree::new();
    let server = Server::git(&tree, serve(&tree, "acme/one", 30));
    let other = Server::start(&tree, "other", |_| Answer::new(404, "text/plain", ""));
    let url = server.url("/acme/one.git");
    let mut command = scan(&tree, &server, &[&url, "--ca-file", other.authority.to_str().unwrap()]);
    let (path, kind, why) = gap(&ran(&tree, &mut command, 3).json());
    assert_eq!((path.as_str(), kind.as_str()), (url.as_str(), "unreadable"));
    assert!(why.contains("certificate is not trusted") && why.contains("--ca-file"), "{why}");
    assert_eq!(server.seen().len(), 0, "nothing was asked for");
    for file in ["missing.pem", "work/acme/one/a.env"] {
        let run = ran(&tree, &mut scan(&tree, &server, &[&url, "--ca-file", file]), 2);
        assert!(run.err().contains("certificate"), "{}", run.err());
    }
}

#[test]
fn a_token_goes_to_the_host_that_was_named_and_to_no_other() {
    let tree = Tree::new();
    let root = serve(&tree, "acme/one", 40);
    let other = Server::git(&tree, root.clone());
    let elsewhere = other.port;
    let server = Server::start(&tree, "named", move |request| {
        let here = format!("https://{}", request.headers["host"]);
        let to = |path: &str| Answer::redirect(&format!("{path}/info/refs?service=git-upload-pack"));
        match request.path.split("/info/").next().unwrap() {
            "/moved" => to(&format!("{here}/moved-again")),
            "/moved-again" => to("/acme/one.git"),
            "/round" => to("/round"),
            "/elsewhere" => to(&format!("https://127.0.0.1:{elsewhere}/acme/one.git")),
            "/localhost" => to(&format!("https://localhost:{}/acme/one.git", here.rsplit_once(':').unwrap().1)),
            "/plain" => to(&format!("http://127.0.0.1:{elsewhere}/acme/one.git")),
            "/sign-in" => Answer::redirect("/login?to=x"),
            "/user" => to(&here.replace("https://", "https://a:b@")),
            _ => backend(&root, request),
        }
    });
    let word = "word-of-mine-4711";
    let with = |path: &str, code: i32| {
        let mut command = scan(&tree, &server, &[&server.url(path)]);
        let run = ran(&tree, command.env("QUELL_GIT_TOKEN", word).env("GITHUB_TOKEN", "not-this-one"), code);
        assert!(!run.out().contains(word) && !run.err().contains(word));
        run.json()
    };
    let report = with("/moved", 1);
    assert_eq!(paths(&report).len(), 3);
    assert!(paths(&report).iter().all(|path| path.starts_with(&server.url("/moved: "))));
    let pair = basic(word);
    assert!(server.seen().iter().all(|request| request.headers["authorization"] == pair));
    for (path, what) in [
        ("/round", "again and again"),
        ("/elsewhere", "to another host"),
        ("/localhost", "to another host"),
        ("/plain", "something else than https"),
        ("/sign-in", "something else than a repository"),
        ("/user", "something else than a repository"),
    ] {
        let (_, _, why) = gap(&with(path, 3));
        assert!(why.contains(what), "{path}: {why}");
    }
    assert_eq!(other.seen().len(), 0, "nobody else was asked");
}

#[test]
fn a_token_file_is_read_and_one_that_others_may_read_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let tree = Tree::new();
    let server = Server::git(&tree, serve(&tree, "acme/one", 50));
    let file = tree.write("token", "word-of-mine\n");
    let url = server.url("/acme/one.git");
    for (mode, told) in [(0o600, false), (0o640, true)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let run = ran(&tree, &mut scan(&tree, &server, &[&url, "--token-file", "token"]), 1);
        assert_eq!(run.err().contains("others may read the token file"), told, "{}", run.err());
    }
    assert!(server.seen().iter().all(|r| r.headers["authorization"] == basic("word-of-mine")));
    tree.write("token", "two words");
    let run = ran(&tree, &mut scan(&tree, &server, &[&url, "--token-file", "token"]), 2);
    assert!(run.err().contains("it is no token") && !run.err().contains("two words"), "{}", run.err());
}

#[test]
fn what_is_no_https_url_is_refused_with_what_to_write() {
    let tree = Tree::new();
    tree.dir("tmp");
    for (target, told) in [
        ("http://127.0.0.1:1/o/r", "write `https://"),
        ("ssh://git@127.0.0.1/o/r", "write `https://"),
        ("git@127.0.0.1:o/r", "write `https://"),
        ("git://127.0.0.1/o/r", "write `https://"),
        ("ext::sh -c touch% ran", "write `https://"),
        ("file:///etc", "write the path alone"),
        ("https://me:hunter2@127.0.0.1:1/o/r", "QUELL_GIT_TOKEN"),
        ("https://hunter2@127.0.0.1:1/o/r", "QUELL_GIT_TOKEN"),
        ("https://127.0.0.1:1", "write `https://"),
        ("github:", "write `github:OWNER`"),
        ("github:..", "write `github:OWNER`"),
        ("github:../..", "write `github:OWNER`"),
        ("github:o/../../x", "write `github:OWNER`"),
        ("github:o/r?x", "write `github:OWNER`"),
        ("github:o@127.0.0.1/r", "write `github:OWNER`"),
    ] {
        let run = run(quell().env("TMPDIR", tree.at("tmp")).current_dir(tree.path()).args(["scan", target])).code(2);
        assert!(run.err().contains(told) && !run.err().contains("hunter2"), "{target}: {}", run.err());
    }
    let url = "https://127.0.0.1:1/o/r";
    for (arguments, told) in [
        (&[url, "."][..], "cannot be scanned together"),
        (&[url, "github:o"], "cannot be scanned together"),
        (&[url, "https://127.0.0.1:2/o/r"], "cannot be scanned together"),
        (&[url, "--staged"], "whole history"),
        (&[url, "--range", "A..B"], "whole history"),
        (&[url, "--include", "x"], "github:OWNER"),
        (&["github:o/r", "--include", "x"], "github:OWNER"),
        (&["github:o/r", "--exclude", "no-such-rule"], "no rule or provider"),
        (&["--archived"], "github:OWNER"),
        (&["--forks", "."], "github:OWNER"),
        (&[".", "--token-file", "x"], "on a server"),
    ] {
        let run = run(quell().current_dir(tree.path()).arg("scan").args(arguments)).code(2);
        assert!(run.err().contains(told), "{arguments:?}: {}", run.err());
    }
    let run_in = |directory: &str| run(quell().env("TMPDIR", tree.at(directory)).args(["scan", url]));
    assert!(run_in("nowhere").code(2).err().contains("set TMPDIR"));
    tree.write("a::b", leak(1));
    assert_eq!(findings(&crate::support::scan(&tree, &["a::b"]).code(1).json()).len(), 1, "a file is a file");
}

/// A repository's own answers, with a test's in their place.
fn instead(tree: &Tree, seed: u64, change: impl Fn(&Request, Answer) -> Answer + Send + Sync + 'static) -> Server {
    let root = serve(tree, "acme/one", seed);
    Server::start(tree, "authority", move |request| change(request, backend(&root, request)))
}

#[test]
fn answers_that_are_none_are_gaps() {
    let tree = Tree::new();
    let kinds = ["corrupt", "missing", "unreadable"];
    type Change = fn(&Request, Answer) -> Answer;
    let first = |r: &Request| r.method == "GET";
    assert!(first(&Request { method: "GET".into(), path: String::new(), headers: Default::default(), body: vec![] }));
    let cases: &[(Change, &str, &str)] = &[
        (|_, _| Answer::new(200, "text/html\u{1}", "<html>"), "unreadable", "cannot be reached"),
        (|_, _| Answer::new(200, "text/html", "<html>"), "corrupt", "no git repository"),
        (|_, a| Answer::new(200, PACK, a.body), "corrupt", "no git repository"),
        (|_, _| Answer::new(404, "text/plain", ""), "missing", "a token is needed"),
        (|_, _| Answer::new(500, "text/plain", ""), "unreadable", "answers 500"),
        (|_, _| Answer::new(200, REFS, ""), "corrupt", "ends too early"),
        (|_, _| Answer::new(200, REFS, "001e# service=git-upload-pack\n0000000eERR \x1b[2Jno"), "corrupt", "no`"),
        (
            |r, a| if r.method == "GET" { Answer { claimed: Some(a.body.len() + 9), ..a } } else { a },
            "corrupt",
            "broken",
        ),
        (|r, a| if r.method == "GET" { a } else { Answer::new(200, REFS, a.body) }, "corrupt", "no git repository"),
        (|r, a| if r.method == "GET" { a } else { Answer::redirect(&r.path) }, "unreadable", "not the first"),
        (|r, a| if r.method == "GET" { a } else { Answer::new(200, PACK, "") }, "corrupt", "broken"),
        (
            |r, a| {
                let half = a.body.len() / 2;
                if r.method == "GET" { a } else { Answer::new(200, PACK, &a.body[..half]) }
            },
            "corrupt",
            "broken",
        ),
        (
            |_, mut a| {
                if let Some(at) = a.body.windows(4).position(|w| w == b"PACK") {
                    a.body[at + 30] ^= 0x55;
                }
                a
            },
            "corrupt",
            "broken",
        ),
    ];
    for (number, (change, kind, told)) in cases.iter().enumerate() {
        let tree = Tree::new();
        let server = instead(&tree, 60, change);
        let run = ran(&tree, &mut scan(&tree, &server, &[&server.url("/acme/one.git")]), 3);
        let (_, found, why) = gap(&run.json());
        assert!(kinds.contains(kind) && found == *kind && why.contains(told), "{number}: {found}: {why}");
        assert!(!run.err().contains('\x1b'), "{}", run.err());
    }
    drop(tree);
}

#[test]
fn more_than_is_allowed_is_not_received() {
    let tree = Tree::new();
    let server = Server::git(&tree, serve(&tree, "acme/one", 70));
    let url = server.url("/acme/one.git");
    // The first is too little for the list of refs, the second for the pack.
    for most in ["100", "700"] {
        let (_, kind, why) = gap(&ran(&tree, &mut scan(&tree, &server, &[&url, "--max-clone-size", most]), 3).json());
        assert!(kind == "over-budget" && why.contains("--max-clone-size"), "{why}");
    }
    ran(&tree, &mut scan(&tree, &server, &[&url, "--max-clone-size", "1M"]), 1);
}

#[test]
fn names_of_refs_that_lead_out_of_the_mirror_are_gaps_and_those_that_are_no_utf8_are_read() {
    let tree = Tree::new();
    let server = instead(&tree, 80, |request, mut answer| {
        if request.method == "GET" {
            let end = answer.body.len() - 4;
            let id = String::from_utf8_lossy(&answer.body[38..78]).into_owned();
            answer.body.truncate(end);
            for name in [&b"refs/heads/../../../../escaped"[..], b"refs/heads/\x1b[2J", b"refs/heads/\xff\xfe"] {
                let line = [id.as_bytes(), b" ", name, b"\n"].concat();
                answer.body.extend(format!("{:04x}", line.len() + 4).as_bytes());
                answer.body.extend(line);
            }
            answer.body.extend(b"0000");
        }
        answer
    });
    let run = ran(&tree, &mut scan(&tree, &server, &[&server.url("/acme/one.git")]), 4);
    assert_eq!(gaps(&run.json()).iter().filter(|g| g.2.contains("git does not allow")).count(), 2, "{}", run.out());
    assert_eq!(paths(&run.json()).len(), 3);
    assert!(!tree.at("escaped").exists() && !run.err().contains('\x1b'));
}

#[test]
fn a_server_that_keeps_something_back_does_not_look_complete() {
    let tree = Tree::new();
    // What is asked for the pull request is asked for `main` once more: its commit does not come.
    let server = instead(&tree, 85, |_, answer| answer);
    let id = |name: &str| tree.git("work/acme/one", &["rev-parse", name]).out().trim().to_owned();
    let (pull, main, root) = (id("refs/pull/1/head"), id("main"), tree.at("srv"));
    let keeping = Server::start(&tree, "keeping", move |request| {
        let mut request = request.clone();
        if request.method == "POST" {
            request.body = String::from_utf8(request.body).unwrap().replace(&pull, &main).into_bytes();
        }
        backend(&root, &request)
    });
    drop(server);
    let report = ran(&tree, &mut scan(&tree, &keeping, &[&keeping.url("/acme/one.git")]), 4).json();
    let gaps = gaps(&report);
    assert!(gaps.iter().any(|gap| gap.0.contains("refs/pull/1/head") || gap.1 == "missing"), "{gaps:?}");
}

#[test]
fn a_repository_that_is_shallow_on_its_server_is_a_gap() {
    let tree = Tree::new();
    let root = serve(&tree, "acme/one", 95);
    let from = format!("file://{}", tree.at("srv/acme/one.git").display());
    tree.git(".", &["clone", "-q", "--bare", "--depth", "1", "-b", "main", &from, "srv/acme/shallow.git"]);
    let server = Server::git(&tree, root);
    let (_, _, why) = gap(&ran(&tree, &mut scan(&tree, &server, &[&server.url("/acme/shallow.git")]), 3).json());
    assert!(why.contains("shallow on its server"), "{why}");
}

#[test]
fn a_signal_leaves_nothing_behind() {
    let tree = Tree::new();
    let server = instead(&tree, 90, |request, answer| {
        if request.method == "POST" {
            std::thread::sleep(Duration::from_secs(60));
        }
        answer
    });
    for signal in ["-INT", "-TERM"] {
        let before = server.seen().len();
        let mut command = scan(&tree, &server, &[&server.url("/acme/one.git")]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let start = Instant::now();
        while server.seen().len() < before + 2 {
            assert!(start.elapsed() < Duration::from_secs(60), "the clone does not begin");
            std::thread::sleep(Duration::from_millis(10));
        }
        let mirrors: Vec<_> = std::fs::read_dir(tree.at("tmp")).unwrap().flatten().collect();
        assert_eq!(mirrors.len(), 1);
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(mirrors[0].metadata().unwrap().permissions().mode() & 0o777, 0o700);
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert_eq!(wait(&mut child), None, "the signal ends it");
        assert_eq!(std::fs::read_dir(tree.at("tmp")).unwrap().count(), 0);
    }
}

#[test]
fn one_credential_in_two_repositories_is_one_finding() {
    let tree = Tree::new();
    serve(&tree, "acme/one", 100);
    let server = Server::git(&tree, serve(&tree, "acme/two", 101));
    let urls = [server.url("/acme/one.git"), server.url("/acme/two.git")];
    let run = ran(&tree, &mut scan(&tree, &server, &[&urls[0], &urls[1]]), 1);
    let report = run.json();
    assert_eq!((findings(&report).len(), places(&report).len()), (4, 6));
    assert!(!run.out().contains(&token(100)));
    let lines: Vec<_> =
        run.err().lines().filter(|line| line.contains(": 3 findings, 0 gaps, ")).map(str::to_owned).collect();
    assert!(lines.len() == 2 && lines[0].starts_with(&urls[0]), "{}", run.err());
}

//! Nobody but a credential's issuer is sent a byte of it: every trick of threat 10, with holes where a secret would fall in.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use quell::model::{Finding, Verdict, Why};
use quell::rules::embedded::embedded;
use quell::verify::{Endpoints, Network, Resolver};

use crate::issuers::{Issuer, Said, Sinkhole, finding, verify};
use crate::server::{Answer, Server};
use crate::support::{QUELL, Tree, clean, quell, rule, run, token};

fn github(url: &str) -> Vec<(String, String)> {
    vec![("github".to_owned(), url.to_owned())]
}

fn one() -> Vec<Finding> {
    vec![finding(embedded(), rule("github-classic-pat"), &token(1), Vec::new())]
}

/// The verdict about a GitHub token with this endpoint.
fn verdict(url: &str, network: &Network) -> Verdict {
    let mut findings = one();
    verify(embedded(), &mut findings, &github(url), network);
    findings[0].verification.as_ref().unwrap().verdict
}

fn network() -> Network {
    Network::new(None, None).unwrap()
}

/// A network in which every name has these addresses, one after the other.
fn named(addresses: Vec<&str>) -> (Network, Arc<AtomicUsize>) {
    let (asked, addresses) =
        (Arc::new(AtomicUsize::new(0)), addresses.into_iter().map(|a| a.parse().unwrap()).collect());
    let (counter, addresses): (_, Vec<IpAddr>) = (Arc::clone(&asked), addresses);
    let resolve = move |_: &str| {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        vec![addresses[number.min(addresses.len() - 1)]]
    };
    (network().resolving(Resolver::Function(Box::new(resolve))), asked)
}

#[test]
fn names_that_point_inside_are_not_asked() {
    let hole = Sinkhole::open();
    for inside in
        ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "0.0.0.0", "64:ff9b::7f00:1", "2002:7f00:1::"]
    {
        let (network, _) = named(vec![inside]);
        let got = verdict(&format!("https://git.example.com:{}", hole.port), &network);
        assert_eq!(got, Verdict::Unknown(Why::AddressRefused), "{inside}");
    }
    // A provider's own host may not even be private.
    for inside in ["10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "fd00::1", "127.0.0.1"] {
        let (network, _) = named(vec![inside]);
        let mut findings = one();
        verify(embedded(), &mut findings, &[], &network);
        let got = findings[0].verification.as_ref().unwrap().verdict;
        assert_eq!(got, Verdict::Unknown(Why::AddressRefused), "{inside}");
    }
    assert_eq!(hole.fallen(), Vec::<Vec<u8>>::new());
}

#[test]
fn a_name_is_resolved_once_and_its_address_kept() {
    // The second time the name points to this machine.
    let (network, asked) = named(vec!["192.0.2.1", "127.0.0.1"]);
    let hole = Sinkhole::open();
    for _ in 0..3 {
        let got = verdict(&format!("https://git.example.com:{}", hole.port), &network);
        assert_eq!(got, Verdict::Unknown(Why::AddressRefused));
    }
    assert_eq!((asked.load(Ordering::SeqCst), hole.fallen().len()), (1, 0));
}

#[test]
fn spellings_of_this_machine_are_this_machine() {
    let hole = Sinkhole::open();
    let listed = ["db.internal".to_owned(), "*.db.internal".to_owned()];
    let endpoints = Endpoints::new([("postgres", listed.as_slice())].into_iter()).unwrap();
    let port = hole.port;
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "017700000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "0",
    ] {
        let text = format!("{host}:{port}");
        let (parsed, own) = quell::verify::endpoints::host_and_port(&text).unwrap();
        assert_eq!(endpoints.named(&["postgres"], &parsed, own.unwrap()), None, "{text}");
    }
    assert_eq!(hole.fallen(), Vec::<Vec<u8>>::new());
}

#[test]
fn a_certificate_of_another_name_gets_nothing() {
    let tree = Tree::new();
    let server = Server::start(&tree, "authority", |_| Answer::new(200, "application/json", r#"{"login":"a","id":1}"#));
    let pem = std::fs::read(&server.authority).unwrap();
    // Trusted, and of the right name.
    let trusted = Network::new(Some(&pem), None).unwrap();
    assert_eq!(
        verdict(&server.url(""), &trusted),
        Verdict::Unknown(Why::ControlFailed),
        "it is asked, and believes all"
    );
    let asked = server.seen().len();
    // Trusted, and of another name.
    let other = Network::new(Some(&pem), None).unwrap();
    let local = Resolver::Function(Box::new(|_| vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]));
    let got = verdict(&format!("https://127.0.0.2:{}", server.port), &other.resolving(local));
    assert!(matches!(got, Verdict::Unknown(Why::Tls | Why::Unreachable)), "{got:?}");
    // Not trusted.
    assert_eq!(verdict(&server.url(""), &network()), Verdict::Unknown(Why::Tls));
    assert_eq!(server.seen().len(), asked);
}

#[test]
fn there_is_no_way_back_from_tls() {
    let hole = Sinkhole::open();
    let network = network();
    let started = Instant::now();
    let got = verdict(&format!("https://127.0.0.1:{}", hole.port), &network);
    assert!(matches!(got, Verdict::Unknown(Why::Tls | Why::Timeout)), "{got:?}");
    assert!(started.elapsed() < Duration::from_secs(60));
    let secret = token(1);
    for bytes in hole.fallen() {
        assert!(!bytes.windows(8).any(|w| secret.as_bytes().windows(8).any(|s| s == w)), "a secret before TLS");
        assert!(!bytes.starts_with(b"GET"), "a request in the clear");
    }
}

#[test]
fn proxies_of_the_environment_are_not_used() {
    let (tree, hole) = (Tree::new(), Sinkhole::open());
    let issuer = Issuer::start();
    issuer.say("x", vec![Said::new(401, "application/json", r#"{"message":"Bad credentials"}"#)]);
    tree.write("a.txt", format!("token = \"{}\"\n", token(1)));
    let config = tree.write("quell.toml", format!("[endpoints]\ngithub = \"http://127.0.0.1:{}/x\"\n", issuer.port));
    let proxy = format!("http://127.0.0.1:{}", hole.port);
    let mut command = quell();
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env(name, &proxy);
    }
    let run = run(command.current_dir(tree.path()).args(["scan", "a.txt", "--verify", "--config"]).arg(config)).code(1);
    assert!(run.out().contains("dead"), "{}", run.out());
    assert_eq!(hole.fallen().len(), 0);
}

#[test]
fn a_proxy_that_an_administrator_names_carries_tls_alone() {
    let (tree, hole) = (Tree::new(), Sinkhole::open());
    tree.write("a.txt", format!("token = \"{}\"\n", token(1)));
    let config = tree.write("quell.toml", format!("[network]\nproxy = \"http://127.0.0.1:{}\"\n", hole.port));
    let run = run(quell().current_dir(tree.path()).args(["scan", "a.txt", "--verify", "--config"]).arg(config)).code(1);
    assert!(run.out().contains("unknown"), "{}", run.out());
    let fallen: Vec<String> = hole.fallen().iter().map(|b| String::from_utf8_lossy(b).into_owned()).collect();
    assert!(fallen.iter().all(|sent| sent.starts_with("CONNECT api.github.com:443 ")), "{fallen:?}");
    assert!(!fallen.is_empty() && fallen.iter().all(|sent| !sent.contains(&token(1))));
}

#[test]
fn a_target_names_no_host() {
    let (tree, hole) = (Tree::new(), Sinkhole::open());
    let url = format!("http://127.0.0.1:{}", hole.port);
    tree.write(".quell.toml", format!("[endpoints]\ngithub = \"{url}\"\n[network]\nproxy = \"{url}\"\n"));
    tree.write("config.toml", format!("[endpoints]\ngithub = \"{url}\"\n"));
    tree.write("a.txt", format!("token = \"{}\"\ngithub_api = \"{url}\"\n", token(1)));
    let config = tree.write("out/empty.toml", "[verify]\nmax_requests = 0\n");
    let run = run(quell().current_dir(tree.path()).args(["scan", ".", "--verify", "--config"]).arg(config));
    assert!(run.out().contains("the number of requests is used up"), "{}\n{}", run.out(), run.err());
    assert_eq!(hole.fallen().len(), 0);
}

#[test]
fn a_secret_is_no_argument_and_in_no_environment() {
    let tree = Tree::new();
    let issuer = Issuer::slow(Duration::from_millis(700));
    issuer.say("x", vec![Said::new(401, "application/json", r#"{"message":"Bad credentials"}"#)]);
    let config = tree.write("quell.toml", format!("[endpoints]\ngithub = \"http://127.0.0.1:{}/x\"\n", issuer.port));
    let mut command = std::process::Command::new(QUELL);
    clean(&mut command);
    command.args(["verify", "--stdin", "--rule", "github-classic-pat", "--config"]).arg(config);
    let mut child = command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), token(1).as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    for file in ["cmdline", "environ"] {
        let bytes = std::fs::read(format!("/proc/{}/{file}", child.id())).unwrap();
        assert!(!bytes.windows(8).any(|w| w == &token(1).as_bytes()[8..16]));
    }
    let out = child.wait_with_output().unwrap();
    assert!(out.status.code() == Some(0) && !String::from_utf8_lossy(&out.stdout).contains(&token(1)));
}

#[test]
fn an_answer_that_quotes_the_secret_is_not_told() {
    let secret = token(1);
    let issuer = Issuer::start();
    let echo = format!(r#"{{"login":"me-{secret}","id":1,"company":"Acme"}}"#);
    let refused = Said::new(401, "application/json", r#"{"message":"Bad credentials"}"#);
    let live = Said::new(200, "application/json", &echo).with("x-oauth-scopes", &format!("repo, {secret}"));
    issuer.say("x", vec![live, refused]);
    let mut findings = one();
    verify(embedded(), &mut findings, &github(&format!("http://127.0.0.1:{}/x", issuer.port)), &network());
    let verification = findings[0].verification.as_ref().unwrap();
    assert_eq!(verification.verdict, Verdict::Live);
    assert!(!format!("{verification:?}").contains(&secret[10..20]), "{verification:?}");
    assert!(verification.identity.account.is_some() && verification.identity.subject.is_none());
}

#[test]
fn a_provider_that_drips_or_never_ends_costs_its_own_deadline() {
    let issuer = Issuer::start();
    issuer.say("drip", vec![Said { status: 200, drip: true, ..Said::default() }]);
    issuer.say("flood", vec![Said { status: 200, endless: true, ..Said::default() }]);
    let (live, refused) = (
        Said::new(200, "application/json", r#"{"username":"a","id":1}"#),
        Said::new(401, "application/json", r#"{"message":"401 Unauthorized"}"#),
    );
    issuer.say("quick", vec![live, refused]);
    let url = |row: &str| format!("http://127.0.0.1:{}/{row}", issuer.port);
    let ended = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = [("github", "drip"), ("github", "flood"), ("gitlab", "quick")]
        .into_iter()
        .map(|(provider, row)| {
            let (endpoints, ended) = (vec![(provider.to_owned(), url(row))], Arc::clone(&ended));
            std::thread::spawn(move || {
                let id = if provider == "github" { "github-classic-pat" } else { "gitlab-pat" };
                let secret = crate::support::sample_of(rule(id), 3);
                let mut findings = vec![finding(embedded(), rule(id), &secret, Vec::new())];
                let started = Instant::now();
                verify(embedded(), &mut findings, &endpoints, &network());
                let verdict = findings[0].verification.as_ref().unwrap().verdict;
                ended.lock().unwrap().push((row, verdict, started.elapsed()));
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    let ended = ended.lock().unwrap();
    let of = |row: &str| ended.iter().find(|(name, ..)| *name == row).unwrap();
    assert_eq!(of("drip").1, Verdict::Unknown(Why::Timeout));
    assert_eq!(of("flood").1, Verdict::Unknown(Why::TooLarge));
    assert!(of("quick").1.is_had() || of("quick").1 == Verdict::Unknown(Why::Unexpected), "{:?}", of("quick"));
}

/// What stands near a secret may be another's, and what looks like one provider's secret may be another's too.
#[test]
fn a_refusal_is_no_death_where_it_may_be_for_something_else() {
    let issuer = Issuer::start();
    let refused = r#"<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match the signature you provided.</Message></Error></ErrorResponse>"#;
    issuer.say("aws", vec![Said::new(403, "text/xml", refused)]);
    issuer.say("github", vec![Said::new(401, "application/json", r#"{"message":"Bad credentials"}"#)]);
    let at = |row: &str| vec![(row.to_owned(), format!("http://127.0.0.1:{}/{row}", issuer.port))];
    let (pair, id) = (rule("aws-secret-access-key"), rule("aws-access-key-id"));
    let id_of = |seed| crate::support::sample_of(id, seed);
    let mut findings = vec![finding(embedded(), pair, &crate::support::sample_of(pair, 1), vec![])];
    for seed in 1..3 {
        let mut part = finding(embedded(), pair, "x", vec![("key_id".to_owned(), id_of(seed))]).companions.remove(0);
        part.kind = Some(Arc::new(quell::scan::kind(embedded(), id)));
        findings[0].companions.push(part);
    }
    verify(embedded(), &mut findings, &at("aws"), &network());
    assert_eq!(findings[0].verification.as_ref().unwrap().verdict, Verdict::Indistinct);
    assert_eq!(issuer.sent().len(), 2, "each id beside it is tried");
    for seed in 3..12 {
        let mut part = findings[0].companions[0].clone();
        part.secret = quell::model::Secret::new(id_of(seed).into_bytes());
        findings[0].companions.push(part);
    }
    verify(embedded(), &mut findings, &at("aws"), &network());
    assert_eq!(findings[0].verification.as_ref().unwrap().verdict, Verdict::Unknown(Why::Ambiguous));
    let mut findings = one();
    findings[0].other_kinds.push(Arc::new(quell::scan::kind(embedded(), rule("gitlab-pat"))));
    verify(embedded(), &mut findings, &at("github"), &network());
    assert_eq!(findings[0].verification.as_ref().unwrap().verdict, Verdict::Unknown(Why::Ambiguous));
}

/// Namespaces are resolved in a time that grows with the third power of their number: minutes, for what fits an answer.
#[test]
fn an_answer_of_namespaces_holds_nobody_up() {
    let issuer = Issuer::start();
    let open: String = (0..8000).map(|n| format!("<a xmlns:b{n}=\"1\">")).collect();
    issuer.say("aws", vec![Said::new(200, "text/xml", &(open + &"</a>".repeat(8000)))]);
    let (pair, id) = (rule("aws-secret-access-key"), crate::support::sample_of(rule("aws-access-key-id"), 1));
    let secret = crate::support::sample_of(pair, 1);
    let mut findings = vec![finding(embedded(), pair, &secret, vec![("key_id".to_owned(), id)])];
    let started = Instant::now();
    verify(
        embedded(),
        &mut findings,
        &[("aws".to_owned(), format!("http://127.0.0.1:{}/aws", issuer.port))],
        &network(),
    );
    assert_eq!(findings[0].verification.as_ref().unwrap().verdict, Verdict::Unknown(Why::Unexpected));
    assert!(started.elapsed() < Duration::from_secs(60));
}

/// Many passwords of one account in a file do not lock it.
#[test]
fn an_account_is_tried_a_few_times_in_a_run() {
    let hole = Sinkhole::open();
    let url = rule("postgres-url");
    let host = format!("127.0.0.1:{}", hole.port);
    let made = |n: u64| {
        let parts = vec![("user".to_owned(), "app".to_owned()), ("host".to_owned(), host.clone())];
        finding(embedded(), url, &crate::support::sample_of(url, n), parts)
    };
    let mut findings: Vec<Finding> = (0..40).map(made).collect();
    let listed = vec![("postgres".to_owned(), "127.0.0.1".to_owned())];
    verify(embedded(), &mut findings, &listed, &network());
    let locked = |f: &&Finding| f.verification.as_ref().unwrap().verdict == Verdict::Unknown(Why::MayLock);
    assert!(findings.iter().filter(locked).count() >= 30 && hole.fallen().len() <= 3, "{}", hole.fallen().len());
}

/// Many tokens, each of its own.
fn many(count: u64) -> Vec<Finding> {
    (0..count).map(|n| finding(embedded(), rule("github-classic-pat"), &token(n + 1), Vec::new())).collect()
}

fn count(findings: &[Finding], wanted: Verdict) -> usize {
    findings.iter().filter(|f| f.verification.as_ref().unwrap().verdict == wanted).count()
}

#[test]
fn a_place_that_wants_fewer_requests_is_left_alone() {
    let issuer = Issuer::start();
    issuer.say("x", vec![Said::new(429, "application/json", "{}")]);
    let mut findings = many(40);
    verify(embedded(), &mut findings, &github(&format!("http://127.0.0.1:{}/x", issuer.port)), &network());
    assert_eq!(count(&findings, Verdict::Unknown(Why::RateLimited)), 40);
    // Those that were on their way at the third refusal are answered.
    assert!(issuer.sent().len() < 30, "{} requests", issuer.sent().len());
}

#[test]
fn a_control_that_could_not_be_asked_is_asked_again() {
    let tree = Tree::new();
    let (known, outages) = (many(6), Arc::new(AtomicUsize::new(0)));
    let tokens: Vec<String> = (1..7).map(token).collect();
    let failed = Arc::clone(&outages);
    let server = Server::start(&tree, "authority", move |request| {
        let sent = request.headers.get("authorization").map(String::as_str).unwrap_or_default();
        match tokens.iter().any(|token| sent.ends_with(token)) {
            true => Answer::new(200, "application/json", r#"{"login":"octocat","id":1}"#),
            // The first made-up one meets an outage.
            false if failed.fetch_add(1, Ordering::SeqCst) == 0 => Answer::new(503, "text/plain", ""),
            false => Answer::new(401, "application/json", r#"{"message":"Bad credentials"}"#),
        }
    });
    let network = Network::new(Some(&std::fs::read(&server.authority).unwrap()), None).unwrap();
    let mut findings = known;
    verify(embedded(), &mut findings, &github(&server.url("")), &network);
    assert_eq!((count(&findings, Verdict::Unknown(Why::Outage)), count(&findings, Verdict::Live)), (1, 5));
    assert_eq!(outages.load(Ordering::SeqCst), 2, "once more, and then never again");
}

/// A proxy that an administrator names: `CONNECT`, and the host's own TLS inside.
#[test]
fn through_a_proxy_the_host_proves_itself() {
    let tree = Tree::new();
    let server =
        Server::start(&tree, "authority", |_| Answer::new(401, "application/json", r#"{"message":"Bad credentials"}"#));
    let (to, listener) = (server.port, std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(String::new()));
    let told = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                std::io::Read::read_exact(&mut stream, &mut byte).unwrap();
                head.extend(byte);
            }
            told.lock().unwrap().push_str(&String::from_utf8_lossy(&head));
            std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let mut there = std::net::TcpStream::connect(("127.0.0.1", to)).unwrap();
            let (mut from, mut back) = (stream.try_clone().unwrap(), there.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut there));
            std::thread::spawn(move || std::io::copy(&mut back, &mut stream));
        }
    });
    let host = quell::verify::endpoints::host("127.0.0.1").unwrap();
    let through =
        |pem: Option<&[u8]>| Network::new(pem, Some(quell::verify::Proxy { host: host.clone(), port })).unwrap();
    // The certificate is that of `localhost` and 127.0.0.1: another name is another host.
    let pem = std::fs::read(&server.authority).unwrap();
    let got = verdict("https://git.example.com", &through(Some(&pem)));
    assert_eq!(got, Verdict::Unknown(Why::Tls));
    assert!(asked.lock().unwrap().starts_with("CONNECT git.example.com:443 HTTP/1.1"), "{}", asked.lock().unwrap());
    assert_eq!(server.seen().len(), 0);
}

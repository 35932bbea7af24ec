//! Redis, and the registry of containers.

use std::fs;

use quell::model::Verdict;
use quell::verify::Network;

use super::{Service, ask, ask_by, certificate, done, free_port, is, is_unknown, password, service, subject, tool};

const REDIS: &str = "Debian's `redis-server`";
const REGISTRY: &str = "Debian's `docker-registry`";

fn redis(configuration: &str) -> Service {
    let (mut command, dir) = service("redis-server", REDIS, "redis");
    let port = free_port();
    fs::write(dir.path().join("redis.conf"), configuration).unwrap();
    command.arg(dir.path().join("redis.conf")).args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    Service::start(command, port, dir)
}

fn told(server: &Service, admin: &str, words: &[&str]) {
    let mut client = std::process::Command::new(tool("redis-cli", "Debian's `redis-tools`"));
    client.env_clear().env("REDISCLI_AUTH", admin).args(["-p", &server.port.to_string()]);
    let said = done(client.args(words));
    assert!(!said.contains("ERR") && !said.contains("WRONGPASS"), "{words:?}: {said}");
}

#[test]
fn a_user_of_redis() {
    let admin = password();
    let server = redis(&format!("requirepass {admin}"));
    let (own, wrong, place) = (password(), password(), server.place());
    let at = |user: &str, word: &str| {
        ask(&format!("REDIS_URL=redis://{user}:{word}@{place}/0"), "redis-url", &[("redis", &place)])
    };
    told(&server, &admin, &["ACL", "SETUSER", "svc", "on", &format!(">{own}"), "~*", "+@all"]);
    let live = at("svc", &own);
    is(&live, Verdict::Live);
    assert_eq!(subject(&live), "svc");
    is(&at("", &admin), Verdict::Live);
    is(&at("svc", &wrong), Verdict::Indistinct);
    told(&server, &admin, &["ACL", "SETUSER", "svc", "-@all"]);
    is(&at("svc", &own), Verdict::LiveLimited);
    told(&server, &admin, &["ACL", "SETUSER", "svc", "+@all", "off"]);
    is(&at("svc", &own), Verdict::Indistinct);
    told(&server, &admin, &["ACL", "SETUSER", "svc", "on"]);
    is(&at("svc", &own), Verdict::Live);
    told(&server, &admin, &["ACL", "SETUSER", "svc", "nopass"]);
    is_unknown(&at("svc", &own));
    told(&server, &admin, &["ACL", "DELUSER", "svc"]);
    is(&at("svc", &own), Verdict::Indistinct);
}

#[test]
fn redis_without_a_password_and_redis_with_tls() {
    let open = redis("");
    let (own, place) = (password(), open.place());
    for user in ["", "default"] {
        is_unknown(&ask(&format!("redis://{user}:{own}@{place}"), "redis-url", &[("redis", &place)]));
    }
    is(&ask(&format!("redis://svc:{own}@{place}"), "redis-url", &[("redis", &place)]), Verdict::Indistinct);
    let tls = certificate();
    let (mut command, dir) = service("redis-server", REDIS, "redis");
    for (name, pem) in ["tls.crt", "tls.key", "authority.crt"].iter().zip(&tls) {
        fs::write(dir.path().join(name), pem).unwrap();
    }
    let port = free_port();
    command.args(["--port", "0", "--tls-port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--tls-cert-file", "tls.crt", "--tls-key-file", "tls.key", "--tls-ca-cert-file", "authority.crt"]);
    command.args(["--tls-auth-clients", "no", "--requirepass", &own]);
    let server = Service::start(command, port, dir);
    let place = server.place();
    let known = Network::new(Some(tls[2].as_bytes()), None).unwrap();
    let asked =
        |network: &Network| ask_by(network, &format!("rediss://:{own}@{place}"), "redis-url", &[("redis", &place)]);
    is(&asked(&known), Verdict::Live);
    is_unknown(&asked(&Network::new(None, None).unwrap()));
}

#[test]
fn a_login_at_a_registry_of_containers() {
    let (mut command, dir) = service("docker-registry", REGISTRY, "docker-registry");
    let (own, wrong) = (password(), password());
    let mut perl = std::process::Command::new(tool("perl", "Debian's `perl-base`"));
    let hash = done(perl.args(["-e", r#"print "svc:", crypt($ARGV[0], q($2b$05$) . "a" x 21 . "u"), "\n""#, &own]));
    fs::write(dir.path().join("htpasswd"), hash).unwrap();
    let port = free_port();
    let configuration = format!(
        "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {0}/data\nhttp:\n  addr: 127.0.0.1:{port}\n\
         auth:\n  htpasswd:\n    realm: services\n    path: {0}/htpasswd\n",
        dir.path().display()
    );
    fs::write(dir.path().join("config.yml"), configuration).unwrap();
    command.arg("serve").arg(dir.path().join("config.yml"));
    let server = Service::start(command, port, dir);
    let at = |word: &str| {
        let login = data_encoding::BASE64.encode(format!("svc:{word}").as_bytes());
        let text = format!("{{\"auths\": {{\"{}\": {{\"auth\": \"{login}\"}}}}}}", server.place());
        ask(&text, "docker-registry-auth", &[("docker", &server.url())])
    };
    let live = at(&own);
    is(&live, Verdict::Live);
    assert_eq!(subject(&live), "svc");
    is(&at(&wrong), Verdict::Indistinct);
    fs::write(server.dir.path().join("htpasswd"), "").unwrap();
    is(&at(&own), Verdict::Indistinct);
}

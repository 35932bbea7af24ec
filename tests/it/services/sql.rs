//! PostgreSQL and MariaDB.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use quell::model::{Verdict, Why};
use quell::verify::Network;
use rustix::process::Signal;

use super::{
    Service, as_user, ask, ask_by, certificate, done, free_port, is, is_unknown, password, service, subject, tool,
};
use crate::support::{Tree, only_finding, quell, run};

const POSTGRES: &str = "Debian's `postgresql`";
const MARIADB: &str = "Debian's `mariadb-server`";

/// A server with these rules for who may come; with TLS where it has a certificate.
fn postgres(hba: &str, tls: Option<&[String; 3]>) -> Service {
    let (mut init, dir) = service("initdb", POSTGRES, "postgres");
    let data = dir.path().join("data");
    done(init.args(["-A", "trust", "-N", "--locale=C", "-U", "postgres", "-D"]).arg(&data));
    fs::write(data.join("pg_hba.conf"), format!("local all all trust\n{hba}\n")).unwrap();
    if let Some([certificate, key, _]) = tls {
        fs::write(data.join("server.crt"), certificate).unwrap();
        fs::write(data.join("server.key"), key).unwrap();
        fs::set_permissions(data.join("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let port = free_port();
    let mut command = Command::new(tool("postgres", POSTGRES));
    command.env_clear().arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-F"]);
    command.arg("-c").arg(format!("unix_socket_directories={}", dir.path().display()));
    command.args(["-c", if tls.is_some() { "ssl=on" } else { "ssl=off" }]);
    as_user(&mut command, "postgres", dir.path());
    let started = Service::start(command, port, dir);
    // It listens before it serves.
    for _ in 0..200 {
        let mut ready = Command::new(tool("pg_isready", POSTGRES));
        if ready.arg("-h").arg(started.dir.path()).args(["-p", &port.to_string()]).output().unwrap().status.success() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    started
}

fn sql(service: &Service, text: &str) {
    let mut psql = Command::new(tool("psql", POSTGRES));
    psql.env_clear().arg("-h").arg(service.dir.path());
    done(psql.args(["-p", &service.port.to_string(), "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1", "-c", text]));
}

#[test]
fn a_role_of_postgresql() {
    let server = postgres("host all all 127.0.0.1/32 scram-sha-256", None);
    let (own, wrong) = (password(), password());
    let place = server.place();
    let at = |word: &str| {
        ask(&format!("DATABASE_URL=postgres://svc:{word}@{place}/app"), "postgres-url", &[("postgres", &place)])
    };
    sql(&server, &format!("CREATE ROLE svc LOGIN PASSWORD '{own}'"));
    let live = at(&own);
    is(&live, Verdict::Live);
    assert_eq!(subject(&live), "svc");
    assert!(live.identity.privilege.is_none());
    assert_eq!(live.host.raw(), place.as_bytes());
    by_the_command(&own, &place);
    is(&at(&wrong), Verdict::Indistinct);
    sql(&server, "ALTER ROLE svc NOLOGIN");
    is(&at(&own), Verdict::Blocked);
    is(&at(&wrong), Verdict::Indistinct);
    sql(&server, "ALTER ROLE svc LOGIN CONNECTION LIMIT 0");
    is(&at(&own), Verdict::Blocked);
    sql(&server, "ALTER ROLE svc CONNECTION LIMIT -1 VALID UNTIL '2001-01-01'");
    is(&at(&own), Verdict::Indistinct);
    sql(&server, "ALTER ROLE svc VALID UNTIL 'infinity' SUPERUSER");
    let live = at(&own);
    is(&live, Verdict::Live);
    assert!(live.identity.privilege.is_some());
    sql(&server, "ALTER ROLE svc NOSUPERUSER; REVOKE CONNECT ON DATABASE postgres FROM PUBLIC");
    is(&at(&own), Verdict::LiveLimited);
    sql(&server, "DROP ROLE svc");
    is(&at(&own), Verdict::Indistinct);
}

/// What a user of the command sees of the same login, and that no report has the password.
fn by_the_command(own: &str, place: &str) {
    let tree = Tree::new();
    tree.write("app/deploy.env", format!("DATABASE_URL=postgres://svc:{own}@{place}/app\n"));
    let config = tree.write("quell.toml", format!("[endpoints]\npostgres = [\"{place}\"]\n"));
    let mut command = quell();
    command.current_dir(tree.path()).env("XDG_STATE_HOME", tree.at("state"));
    let ran = run(command.args(["scan", "app", "--verify", "--format", "json", "--config"]).arg(config)).code(1);
    let report = ran.json();
    let told = &only_finding(&report)["verification"];
    assert_eq!((told["verdict"].as_str(), told["controlled"].as_bool()), (Some("live"), Some(true)), "{told}");
    assert_eq!(told["identity"]["subject"], "svc");
    assert!(!ran.out().contains(own) && !ran.err().contains(own));
    // A password has no fingerprint without a team's key, and is asked about once a day all the same.
    let again = |fresh: &[&str]| {
        let mut command = quell();
        command.current_dir(tree.path()).env("XDG_STATE_HOME", tree.at("state"));
        let ran =
            run(command.args(["scan", "app", "--verify", "--format", "json", "--config", "quell.toml"]).args(fresh));
        only_finding(&ran.code(1).json())["verification"]["cached"].as_bool().unwrap()
    };
    assert!(again(&[]) && !again(&["--fresh"]));
    for file in ["verdicts.json", "cache.key"] {
        let kept = tree.at("state/quell").join(file);
        assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
        assert!(!String::from_utf8_lossy(&fs::read(&kept).unwrap()).contains(own), "{file}");
    }
}

#[test]
fn postgresql_with_tls_and_with_md5_and_with_trust() {
    let tls = certificate();
    let hba =
        "hostssl all md5 127.0.0.1/32 md5\nhostssl all clear 127.0.0.1/32 password\nhost all all 127.0.0.1/32 trust";
    let server = postgres(hba, Some(&tls));
    let own = password();
    sql(&server, &format!("CREATE ROLE clear LOGIN PASSWORD '{own}'; CREATE ROLE anyone LOGIN PASSWORD '{own}'"));
    sql(&server, &format!("SET password_encryption = md5; CREATE ROLE md5 LOGIN PASSWORD '{own}'"));
    let place = server.place();
    let known = Network::new(Some(tls[2].as_bytes()), None).unwrap();
    let at = |network: &Network, role: &str| {
        ask_by(network, &format!("postgresql://{role}:{own}@{place}"), "postgres-url", &[("postgres", &place)])
    };
    // A made-up role is let in by `trust` here, so nothing that this server says is believed.
    assert_eq!(at(&known, "md5").verdict, Verdict::Unknown(Why::ControlFailed));
    is_unknown(&at(&known, "anyone"));
    let hba = "hostssl all all 127.0.0.1/32 md5";
    fs::write(
        server.dir.path().join("data/pg_hba.conf"),
        format!("local all all trust\nhostssl all clear 127.0.0.1/32 password\n{hba}\n"),
    )
    .unwrap();
    sql(&server, "SELECT pg_reload_conf(), pg_sleep(0.3)");
    is(&at(&known, "md5"), Verdict::Live);
    is(&at(&known, "clear"), Verdict::Live);
    assert_eq!(
        at(&Network::new(None, None).unwrap(), "md5").verdict,
        Verdict::Unknown(Why::Tls),
        "an authority that nobody knows"
    );
}

#[test]
fn an_account_of_mariadb() {
    let (_, dir) = service("mariadbd", MARIADB, "mysql");
    let data = dir.path().join("data");
    let mut init = Command::new(tool("mariadb-install-db", MARIADB));
    init.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").arg("--no-defaults").arg("--skip-test-db");
    done(
        init.arg("--user=mysql")
            .arg("--auth-root-authentication-method=normal")
            .arg(format!("--datadir={}", data.display())),
    );
    let tls = certificate();
    for (name, pem) in ["server.crt", "server.key", "authority.crt"].iter().zip(&tls) {
        fs::write(dir.path().join(name), pem).unwrap();
    }
    let port = free_port();
    let mut command = Command::new(tool("mariadbd", MARIADB));
    let at = |name: &str| dir.path().join(name).display().to_string();
    command.env_clear().args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve"]);
    command.args([
        format!("--datadir={}", data.display()),
        format!("--socket={}", at("socket")),
        format!("--port={port}"),
    ]);
    command.args([format!("--ssl-cert={}", at("server.crt")), format!("--ssl-key={}", at("server.key"))]);
    as_user(&mut command, "mysql", dir.path());
    let mut server = Service::start(command, port, dir);
    server.end = Signal::TERM;
    let socket = server.dir.path().join("socket");
    let sql = |text: &str| {
        let mut client = Command::new(tool("mariadb", MARIADB));
        done(client.env_clear().arg("--no-defaults").arg("--socket").arg(&socket).args(["-u", "root", "-e", text]));
    };
    let (own, wrong) = (password(), password());
    let place = server.place();
    let known = Network::new(Some(tls[2].as_bytes()), None).unwrap();
    let at = |word: &str| ask_by(&known, &format!("mysql://svc:{word}@{place}/app"), "mysql-url", &[("mysql", &place)]);
    sql(&format!("CREATE USER svc@'%' IDENTIFIED BY '{own}'"));
    let live = at(&own);
    is(&live, Verdict::Live);
    assert_eq!(subject(&live), "svc@%");
    is(&at(&wrong), Verdict::Indistinct);
    sql("ALTER USER svc@'%' ACCOUNT LOCK");
    is(&at(&own), Verdict::Blocked);
    is(&at(&wrong), Verdict::Indistinct);
    sql("ALTER USER svc@'%' ACCOUNT UNLOCK PASSWORD EXPIRE");
    is(&at(&own), Verdict::LiveLimited);
    sql("ALTER USER svc@'%' PASSWORD EXPIRE NEVER");
    sql(&format!("SET PASSWORD FOR svc@'%' = PASSWORD('{own}')"));
    is(&at(&own), Verdict::Live);
    assert_eq!(
        ask(&format!("mysql://svc:{own}@{place}/app"), "mysql-url", &[("mysql", &place)]).verdict,
        Verdict::Unknown(Why::Tls),
        "an authority that nobody knows"
    );
    sql("DROP USER svc@'%'");
    is(&at(&own), Verdict::Indistinct);
}

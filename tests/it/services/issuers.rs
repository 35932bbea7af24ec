//! Issuers that no test can ask, played by servers of ours that check what they are sent: Google's, Entra's, and a MongoDB
//! that keeps to SCRAM.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use bson::spec::BinarySubtype;
use bson::{Binary, RawDocumentBuf, rawdoc};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use quell::model::{Verdict, Why};
use quell::verify::Network;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use ring::{digest, hmac, pbkdf2};
use serde_json::{Value, json};

use super::{ask, ask_by, done, is, is_unknown, password, subject, tool};
use crate::server::{Answer, Server};
use crate::support::{Tree, made};

fn told(status: u16, body: &Value) -> Answer {
    Answer::new(status, "application/json", body.to_string())
}

/// A field of a form.
fn field(body: &[u8], name: &str) -> String {
    let form = url::form_urlencoded::parse(body);
    form.into_owned().find(|(known, _)| known == name).map(|(_, value)| value).unwrap_or_default()
}

#[test]
fn an_account_of_google_signs_and_its_key_is_not_sent() {
    let tree = Tree::new();
    let path = tree.at("key");
    let mut keygen = Command::new(tool("ssh-keygen", "Debian's `openssh-client`"));
    done(keygen.args(["-q", "-N", "", "-t", "rsa", "-b", "2048", "-m", "PKCS8", "-f"]).arg(&path));
    let pem = std::fs::read_to_string(&path).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let pair = RsaKeyPair::from_pkcs8(&BASE64.decode(body.as_bytes()).unwrap()).unwrap();
    let public = pair.public_key().as_ref().to_vec();
    let account = made("{lower:4}{digits:2}{lower:4}@{lower:6}-{digits:6}.iam.gserviceaccount.com", 7);
    let (known, half) = (account.clone(), body[60..120].to_owned());
    let server = Server::start(&tree, "authority", move |request| {
        assert!(!String::from_utf8_lossy(&request.body).contains(&half));
        let assertion = field(&request.body, "assertion");
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public).verify(signed.as_bytes(), &signature).unwrap();
        let claims = BASE64URL_NOPAD.decode(signed.split_once('.').unwrap().1.as_bytes()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["aud"], "https://oauth2.googleapis.com/token");
        if claims["iss"] == known.as_str() {
            told(200, &json!({ "access_token": "x", "token_type": "Bearer", "expires_in": 3600 }))
        } else {
            told(400, &json!({ "error": "invalid_grant", "error_description": "Invalid grant: account not found" }))
        }
    });
    let network = Network::new(Some(&std::fs::read(&server.authority).unwrap()), None).unwrap();
    let file = json!({ "type": "service_account", "private_key": pem, "client_email": account }).to_string();
    let url = server.url("");
    let live = ask_by(&network, &file, "gcp-service-account-key", &[("gcp", &url)]);
    is(&live, Verdict::Live);
    assert_eq!(subject(&live), account);
    // Without its account it is a key like any.
    let file = json!({ "private_key": pem }).to_string();
    is_unknown(&ask(&file, "private-key-pkcs8", &[]));
}

#[test]
fn a_client_secret_of_entra() {
    let tree = Tree::new();
    let secret = made("{alnum:3}8Q~{alnum:20}_.~{alnum:11}", 9);
    let own = secret.clone();
    let server = Server::start(&tree, "authority", move |request| {
        assert!(request.path.ends_with("/oauth2/v2.0/token"), "{}", request.path);
        let code = if field(&request.body, "client_secret") == own { 0 } else { 7_000_215 };
        match code {
            0 => told(200, &json!({ "token_type": "Bearer", "access_token": "x" })),
            _ => told(401, &json!({ "error": "invalid_client", "error_codes": [code] })),
        }
    });
    let network = Network::new(Some(&std::fs::read(&server.authority).unwrap()), None).unwrap();
    let (client, tenant) = (made("{uuid}", 1), made("{uuid}", 2));
    let at = |secret: &str| {
        let text = format!("AZURE_CLIENT_ID={client}\nAZURE_TENANT_ID={tenant}\nAZURE_CLIENT_SECRET={secret}\n");
        ask_by(&network, &text, "azure-client-secret", &[("azure", &server.url(""))])
    };
    let live = at(&secret);
    is(&live, Verdict::Live);
    assert_eq!(subject(&live), client);
    // The application beside it may be another's.
    is(&at(&made("{alnum:3}8Q~{alnum:20}_.~{alnum:11}", 10)), Verdict::Indistinct);
}

#[test]
fn a_key_of_an_account_that_is_a_trap_is_not_asked_about() {
    let tree = Tree::new();
    let server = Server::start(&tree, "authority", |_| told(500, &json!({})));
    let network = Network::new(Some(&std::fs::read(&server.authority).unwrap()), None).unwrap();
    // Where a key id keeps its account.
    let id = |account: u64| {
        let bits = u128::from(account << 7 | 1 << 47) << 32 | 0x1d9e_37b5;
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let body: String = (0..16).rev().map(|i| digits[(bits >> (5 * i)) as usize & 31] as char).collect();
        format!("AKIA{body}")
    };
    let secret = made("{base64:38}{alnum:2}", 11);
    let at = |account: u64| {
        let text = format!("AWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={secret}\n", id(account));
        ask_by(&network, &text, "aws-secret-access-key", &[("aws", &server.url(""))])
    };
    assert_eq!(at(52_310_077_262).verdict, Verdict::Unknown(Why::Canary));
    assert_eq!(server.seen().len(), 0);
    assert_eq!(at(123_456_789_012).verdict, Verdict::Unknown(Why::Outage));
}

/// Answers one client as MongoDB does; `own` is the password of `svc`.
fn mongod(mut stream: TcpStream, own: &str) -> Option<()> {
    let (salt, rounds) = ([7u8; 16], 4096u32);
    let mut bare = String::new();
    loop {
        let mut head = [0; 21];
        stream.read_exact(&mut head).ok()?;
        let mut body = vec![0; u32::from_le_bytes(head[..4].try_into().unwrap()) as usize - 21];
        stream.read_exact(&mut body).unwrap();
        let asked = RawDocumentBuf::from_bytes(body).unwrap();
        let payload = || String::from_utf8(asked.get_binary("payload").unwrap().bytes.to_vec()).unwrap();
        let binary = |text: String| Binary { subtype: BinarySubtype::Generic, bytes: text.into_bytes() };
        let failed = || rawdoc! { "ok": 0.0, "code": 18, "codeName": "AuthenticationFailed" };
        let said = if asked.get("hello").unwrap().is_some() {
            rawdoc! { "ok": 1.0, "saslSupportedMechs": ["SCRAM-SHA-1", "SCRAM-SHA-256"] }
        } else if asked.get("saslStart").unwrap().is_some() {
            let first = payload();
            let first = first.strip_prefix("n,,").unwrap();
            let nonce = first.split_once(",r=").unwrap().1;
            let challenge = format!("r={nonce}more,s={},i={rounds}", BASE64.encode(&salt));
            bare = format!("{first},{challenge}");
            rawdoc! { "ok": 1.0, "conversationId": 1, "done": false, "payload": binary(challenge) }
        } else if asked.get("saslContinue").unwrap().is_some() {
            let last = payload();
            let (without, proof) = last.rsplit_once(",p=").unwrap();
            let mut salted = [0; 32];
            let rounds = std::num::NonZeroU32::new(rounds).unwrap();
            pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, own.as_bytes(), &mut salted);
            let keyed = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text);
            let all = format!("{bare},{without}");
            let client = keyed(&salted, b"Client Key");
            let stored = digest::digest(&digest::SHA256, client.as_ref());
            let signature = keyed(stored.as_ref(), all.as_bytes());
            let wanted: Vec<u8> = client.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
            let server = keyed(keyed(&salted, b"Server Key").as_ref(), all.as_bytes());
            let right = BASE64.encode(&wanted) == proof && bare.starts_with("n=svc,");
            let last = binary(format!("v={}", BASE64.encode(server.as_ref())));
            if right {
                rawdoc! { "ok": 1.0, "conversationId": 1, "done": true, "payload": last }
            } else {
                failed()
            }
        } else {
            let roles = rawdoc! { "role": "readWrite", "db": "app" };
            rawdoc! { "ok": 1.0, "authInfo": { "authenticatedUserRoles": [roles] } }
        };
        let said = said.as_bytes();
        let head = [said.len() as i32 + 21, 9, 1, 2013, 0].map(i32::to_le_bytes).concat();
        stream.write_all(&[&head, &[0][..], said].concat()).ok()?;
    }
}

#[test]
fn a_user_of_mongodb() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let own = password();
    let known = own.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let known = known.clone();
            std::thread::spawn(move || {
                let mut first = [0];
                // It has no TLS.
                let is_tls = stream.peek(&mut first).is_ok() && first[0] == 0x16;
                if !is_tls {
                    mongod(stream, &known);
                }
            });
        }
    });
    let at = |user: &str, word: &str| {
        ask(&format!("mongodb://{user}:{word}@{place},{place}/app"), "mongodb-url", &[("mongodb", &place)])
    };
    let live = at("svc", &own);
    is(&live, Verdict::Live);
    assert_eq!(subject(&live), "svc");
    assert_eq!(live.identity.scopes.len(), 1);
    is(&at("svc", &password()), Verdict::Indistinct);
    is(&at("other", &own), Verdict::Indistinct);
}

//! Mail, handed in at a real server.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use quell::connectors::notice::{Mail, MailServer, MailTls, Message, NoticeError, Notifier};
use quell::model::Secret;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{block, message};
use crate::services::{Service, certificate, free_port, password, service};

const SMTP: &str = "`aiosmtpd` from PyPI";

/// A server that keeps what it takes, with a certificate and a key if it has TLS. Whom it takes depends on the name.
const SERVER: &str = r#"
import os, ssl, sys, time
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
port, folder, tls, word = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4].encode()
class Keep:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone"):
            return "550 5.1.1 no such \x1b[31muser"
        if address.startswith("later"):
            return "451 4.3.0 come again"
        envelope.rcpt_tos.append(address)
        return "250 taken"
    async def handle_DATA(self, server, session, envelope):
        number = len([name for name in os.listdir(folder) if name.endswith(".mail")])
        head = ("for: " + " ".join(envelope.rcpt_tos) + "\n").encode()
        with open(os.path.join(folder, "%d.part" % number), "wb") as f:
            f.write(head + envelope.content)
        os.rename(os.path.join(folder, "%d.part" % number), os.path.join(folder, "%d.mail" % number))
        return "554 5.7.1 it looks like spam" if b"REFUSE-ME" in envelope.content else "250 kept"
def known(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data.login == b"quell" and data.password == word
    return AuthResult(success=good, handled=False)
context = None
if tls != "none":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem"))
more = {"authenticator": known, "auth_required": True, "auth_require_tls": tls == "start"} if word else {}
if tls == "start":
    more.update(tls_context=context, require_starttls=True)
c = Controller(Keep(), hostname="127.0.0.1", port=port, ssl_context=context if tls == "implicit" else None, **more)
c._trigger_server = lambda: None
c.start()
time.sleep(600)
"#;

struct Post {
    server: Service,
    folder: PathBuf,
    authority: String,
}

impl Post {
    fn start(tls: &str, word: &str) -> Self {
        let (mut command, dir) = service("python", SMTP, "");
        let (port, folder) = (free_port(), dir.path().join("mail"));
        let [certificate, key, authority] = certificate();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("certificate.pem"), certificate).unwrap();
        fs::write(folder.join("key.pem"), key).unwrap();
        command.args(["-c", SERVER, &port.to_string()]).arg(&folder).args([tls, word]);
        Self { server: Service::start(command, port, dir), folder, authority }
    }

    fn mail(&self, tls: MailTls, word: &str, to: &[&str]) -> Mail {
        let login = (!word.is_empty()).then(|| ("quell".to_owned(), Secret::new(word.as_bytes().to_vec())));
        let server = MailServer { host: "127.0.0.1".into(), port: self.server.port, tls, login };
        let to: Vec<String> = to.iter().map(|name| format!("{name}@acme.example")).collect();
        Mail::new(server, "Quell <quell@acme.example>", &to, Some(self.authority.as_bytes())).unwrap()
    }

    /// Mails in the order in which they came.
    fn kept(&self) -> Vec<String> {
        let paths = (0..).map(|number| self.folder.join(format!("{number}.mail")));
        paths.map_while(|path| fs::read_to_string(path).ok()).collect()
    }
}

fn send(mail: &Mail, message: &Message) -> Result<(), NoticeError> {
    block(mail.send(message))
}

/// A field of a mail, unfolded.
fn field(mail: &str, name: &str) -> Vec<String> {
    let (_, mail) = mail.split_once('\n').unwrap();
    let head = mail.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    head.split("\r\n").filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned)).collect()
}

/// What a mail says: read by Python, which is another reader than the library that wrote it.
fn read(mail: &str) -> (String, String) {
    let (mut command, dir) = service("python", SMTP, "");
    let file = dir.path().join("mail");
    fs::write(&file, mail.split_once('\n').unwrap().1).unwrap();
    let script = "import email, email.policy, json, sys\n\
                  m = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)\n\
                  print(json.dumps([m['subject'], m.get_content()]))";
    let said = crate::services::done(command.args(["-c", script]).arg(&file));
    serde_json::from_str(&said).unwrap()
}

#[test]
fn a_mail_arrives_whole_and_is_the_same_when_it_is_sent_again() {
    let post = Post::start("none", "");
    let mail = post.mail(MailTls::None, "", &["pay", "web"]);
    let mut message = message("n_7f", 784_111_777);
    message.subject = "Schlüssel von `grün`\r\nBcc: all@acme.example\r\n\r\nbody".into();
    message.plain = format!("Über\n.\n..\r\n.\r\nQUIT\n{}\nEnde\n", "lang ".repeat(500));
    assert_eq!((send(&mail, &message), send(&mail, &message)), (Ok(()), Ok(())));
    let kept = post.kept();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0], kept[1]);
    assert!(kept[0].is_ascii() && kept[0].starts_with("for: pay@acme.example web@acme.example\n"), "{}", kept[0]);
    for (name, wanted) in [
        ("Message-ID", "<n_7f@acme.example>"),
        ("Date", "Sun, 06 Nov 1994 08:49:37 +0000"),
        ("From", "Quell <quell@acme.example>"),
        ("To", "pay@acme.example, web@acme.example"),
        ("Auto-Submitted", "auto-generated"),
        ("Content-Type", "text/plain; charset=utf-8"),
    ] {
        assert_eq!(field(&kept[0], name), [wanted]);
    }
    assert!(field(&kept[0], "Bcc").is_empty(), "{}", kept[0]);
    let (subject, body) = read(&kept[0]);
    assert_eq!(subject, "Schlüssel von `grün`  Bcc: all@acme.example    body");
    assert_eq!(body.trim_end().replace("\r\n", "\n"), message.plain.trim_end().replace("\r\n", "\n"));
}

#[test]
fn a_mail_that_not_all_get_is_not_delivered_and_says_who_did_not() {
    let post = Post::start("none", "");
    let told = |to: &[&str], text: &str| {
        let mut message = message("n_1", 0);
        message.plain.push_str(text);
        let error = send(&post.mail(MailTls::None, "", to), &message).unwrap_err();
        assert!(error.why.bytes().all(|b| matches!(b, b' '..=b'~')), "{error:?}");
        (error.permanent, error.why, post.kept().len())
    };
    let (permanent, why, kept) = told(&["gone"], "");
    assert!(permanent && why.contains("gone@acme.example") && why.contains("550"), "{why}");
    let (later, why, none) = told(&["later"], "");
    assert!(!later && why.contains("451 4.3.0 come again") && (kept, none) == (0, 0), "{why}");
    // The others have it.
    let (permanent, why, kept) = told(&["pay", "gone"], "");
    assert!(permanent && kept == 1 && !why.contains("pay@"), "{why}");
    assert!(post.kept()[0].starts_with("for: pay@acme.example\n"));
    let (permanent, why, _) = told(&["later", "pay", "gone"], "");
    assert!(!permanent && why.contains("later@") && why.contains("gone@"), "one may get it yet: {why}");
    let (permanent, why, _) = told(&["pay"], "REFUSE-ME");
    assert!(permanent && why.contains("554"), "{why}");
}

#[test]
fn a_mail_goes_over_tls_with_a_login_or_not_at_all() {
    let word = password();
    for (name, tls) in [("start", MailTls::StartTls), ("implicit", MailTls::Implicit)] {
        let post = Post::start(name, &word);
        assert_eq!(send(&post.mail(tls, &word, &["pay"]), &message("n_1", 0)), Ok(()), "{name}");
        let wrong = send(&post.mail(tls, &password(), &["pay"]), &message("n_2", 0)).unwrap_err();
        assert!(!wrong.permanent && wrong.why.contains("535"), "{wrong}");
        // Nobody vouches for it.
        let stranger = Post { authority: certificate()[2].clone(), ..post };
        let refused = send(&stranger.mail(tls, &word, &["pay"]), &message("n_3", 0)).unwrap_err();
        assert!(!refused.permanent && !refused.why.contains(&word), "{refused}");
        assert_eq!(stranger.kept().len(), 1, "{name}");
    }
    // A server that offers no TLS gets neither the mail nor the password.
    let plain = Post::start("none", &word);
    let refused = send(&plain.mail(MailTls::StartTls, &word, &["pay"]), &message("n_1", 0)).unwrap_err();
    assert!(!refused.permanent && refused.why.contains("STARTTLS"), "{refused}");
    assert!(plain.kept().is_empty());
}

#[test]
fn what_is_said_in_the_clear_behind_starttls_is_not_believed() {
    let [certificate, key, authority] = certificate();
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        stream.write_all(b"220 here\r\n").unwrap();
        lines.read_line(&mut line).unwrap();
        stream.write_all(b"250-here\r\n250 STARTTLS\r\n").unwrap();
        lines.read_line(&mut line).unwrap();
        // Whoever stands between adds all the answers that a mail needs.
        stream.write_all(&[&b"220 go\r\n"[..], &b"250 here\r\n".repeat(8)].concat()).unwrap();
        let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
        let mut all = Vec::new();
        let _ = tls.read_to_end(&mut all);
    });
    let server = MailServer { host: "127.0.0.1".into(), port, tls: MailTls::StartTls, login: None };
    let mail =
        Mail::new(server, "quell@acme.example", &["pay@acme.example".into()], Some(authority.as_bytes())).unwrap();
    let refused = send(&mail, &message("n_1", 0)).unwrap_err();
    assert!(!refused.permanent, "{refused}");
}

//! Mail by SMTP (RFC 5321): with STARTTLS that must be there (RFC 3207), with TLS from the first byte (RFC 8314), or plain to
//! this machine alone.
//!
//! A mail goes to every recipient that the server takes, since it is better that some are told than none. It counts as
//! delivered only where all were taken; else the error names the others, and another try goes to all: its `Message-ID` is
//! the same, so that whoever has it already keeps one. A reply `5yz` is for good where it is about the message or all that
//! were not taken; in greeting, TLS and login it is about the session, which an administrator can mend.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Letter};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, AsyncTokioStream, Certificate, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::commands::{Data, Mail as From, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Severity;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Host;

use super::{CONNECT, ChannelError, Message, NoticeError, Notifier, PATIENCE, Sending, check_id, is_local};
use crate::model::{Secret, root_cause};

/// The last second of the year 9999: what writes a date knows none behind it.
const LAST: u64 = 253_402_300_799;
/// The longest subject, in characters.
const SUBJECT: usize = 200;
/// What of a server's words is told, in characters.
const TOLD: usize = 160;

/// How a connection to a mail server is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// From the first byte, as at port 465.
    Implicit,
    /// By STARTTLS, as at port 587. A server without it gets nothing.
    StartTls,
    /// Not at all: to an address of this machine, by number.
    None,
}

/// Where mail is handed in.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// A name or an IP address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How it is kept from others.
    pub tls: MailTls,
    /// User and password, where it asks for them.
    pub login: Option<(String, Secret)>,
}

/// A mail to people.
pub struct Mail {
    server: MailServer,
    tls: Option<TlsParameters>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Mail {
    /// Mail from an address to others, by a server. `pem` has authorities to trust beside the system's.
    ///
    /// # Errors
    /// Where an address or the host is none, the server would be asked without TLS and is not this machine, or the password
    /// or certificates cannot be used.
    pub fn new(server: MailServer, from: &str, to: &[String], pem: Option<&[u8]>) -> Result<Self, ChannelError> {
        let brackets = if server.host.contains(':') { format!("[{}]", server.host) } else { server.host.clone() };
        let host = Host::parse(&brackets).map_err(|_| ChannelError::Host(server.host.clone()))?;
        let host = match &host {
            Host::Domain(name) => Host::Domain(name.as_str()),
            Host::Ipv4(ip) => Host::Ipv4(*ip),
            Host::Ipv6(ip) => Host::Ipv6(*ip),
        };
        if server.tls == MailTls::None && !is_local(Some(host)) {
            return Err(ChannelError::Plain(server.host));
        }
        if server.login.as_ref().is_some_and(|(_, word)| std::str::from_utf8(word.expose()).is_err()) {
            return Err(ChannelError::Password);
        }
        let (from, to) = (mailbox(from)?, to.iter().map(|to| mailbox(to)).collect::<Result<Vec<_>, _>>()?);
        if to.is_empty() {
            return Err(ChannelError::Nobody);
        }
        let tls = (server.tls != MailTls::None).then(|| parameters(&server.host, pem)).transpose()?;
        Ok(Self { server, tls, from, to })
    }

    /// The mail as it is handed over, in ASCII.
    fn letter(&self, message: &Message) -> Result<Vec<u8>, NoticeError> {
        check_id(&message.id)?;
        let since = Duration::from_secs(u64::try_from(message.at).unwrap_or_default().min(LAST));
        let date = SystemTime::UNIX_EPOCH + since;
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let builder = Letter::builder()
            .from(self.from.clone())
            .date(date)
            .message_id(Some(format!("<{}@{}>", message.id, self.from.email.domain())))
            .subject(line(&message.subject, SUBJECT))
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .header(ContentType::TEXT_PLAIN);
        let builder = self.to.iter().fold(builder, |builder, to| builder.to(to.clone()));
        let letter = builder.body(message.plain.clone());
        Ok(letter.map_err(|e| NoticeError::never(format!("it makes no mail: {e}")))?.formatted())
    }

    /// A connection that is encrypted as it has to be, and logged in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, NoticeError> {
        let failed = |e: Error| NoticeError::again(format!("the mail server cannot be used: {}", told(&e)));
        let hello = ClientId::Domain(self.from.email.domain().to_owned());
        let place = (self.server.host.as_str(), self.server.port);
        let mut connection = match &self.tls {
            Some(tls) if self.server.tls == MailTls::Implicit => {
                let tls = Some(tls.clone());
                AsyncSmtpConnection::connect_tokio1(place, Some(CONNECT), &hello, tls, None).await.map_err(failed)?
            }
            tls => {
                let stream = timeout(CONNECT, TcpStream::connect(place)).await.map_err(io::Error::from).flatten();
                let lost = |e: io::Error| NoticeError::again(format!("no mail server: {}", root_cause(&e)));
                let stream = Box::new(Narrow(stream.map_err(lost)?));
                let mut connection =
                    AsyncSmtpConnection::connect_with_transport(stream, &hello).await.map_err(failed)?;
                if let Some(tls) = tls {
                    connection.starttls(tls.clone(), &hello).await.map_err(failed)?;
                }
                connection
            }
        };
        if let Some((user, word)) = &self.server.login {
            let word = String::from_utf8_lossy(word.expose()).into_owned();
            let login = Credentials::new(user.clone(), word);
            let done = connection.auth(&[Mechanism::Plain, Mechanism::Login], &login).await;
            // Its words are not told: a server may repeat what it was sent.
            done.map_err(|e| match e.status() {
                Some(code) => NoticeError::again(format!("the mail server refuses the login with {code}")),
                None => failed(e),
            })?;
        }
        Ok(connection)
    }

    /// Hands a mail over to whoever is taken.
    async fn hand_over(&self, connection: &mut AsyncSmtpConnection, letter: &[u8]) -> Result<(), NoticeError> {
        let refused = |e: Error| NoticeError {
            why: format!("the mail server does not take it: {}", told(&e)),
            permanent: e.is_permanent(),
            after: None,
        };
        connection.command(From::new(Some(self.from.email.clone()), Vec::new())).await.map_err(refused)?;
        let mut left = Vec::new();
        for to in &self.to {
            match connection.command(Rcpt::new(to.email.clone(), Vec::new())).await {
                Ok(_) => {}
                Err(e) if e.status().is_some() => left.push((&to.email, e)),
                Err(e) => return Err(refused(e)),
            }
        }
        if left.len() < self.to.len() {
            connection.command(Data).await.map_err(refused)?;
            let reply = connection.message(letter).await.map_err(refused)?;
            if reply.code().severity != Severity::PositiveCompletion {
                return Err(NoticeError::again("the mail server neither takes nor refuses it"));
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        let permanent = left.iter().all(|(_, e)| e.is_permanent());
        let names: Vec<String> = left.iter().map(|(to, e)| format!("`{to}` ({})", told(e))).collect();
        Err(NoticeError { why: format!("it was not taken for {}", names.join(", ")), permanent, after: None })
    }

    async fn deliver(&self, message: &Message) -> Result<(), NoticeError> {
        let letter = self.letter(message)?;
        let whole = async {
            let mut connection = self.connect().await?;
            let done = self.hand_over(&mut connection, &letter).await;
            Ok((connection, done))
        };
        let in_time = timeout(PATIENCE, whole).await;
        let (mut connection, done) = in_time.map_err(|_| NoticeError::again("the mail server is too slow"))??;
        // What it says to our leaving changes nothing.
        let _ = timeout(Duration::from_secs(1), connection.abort()).await;
        done
    }
}

impl Notifier for Mail {
    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a> {
        Box::pin(self.deliver(message))
    }
}

/// A stream of which one byte is read at a time.
///
/// Whoever stands between can send more in the clear behind a server's answer to `STARTTLS`. What reads ahead would take that
/// for the server's answers under TLS; read this way, it breaks the handshake.
#[derive(Debug)]
struct Narrow(TcpStream);

impl AsyncRead for Narrow {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut byte = [0];
        let mut narrow = ReadBuf::new(&mut byte);
        if buffer.remaining() > 0 {
            ready!(Pin::new(&mut self.0).poll_read(cx, &mut narrow))?;
            buffer.put_slice(narrow.filled());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Narrow {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Narrow {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }
}

fn mailbox(text: &str) -> Result<Mailbox, ChannelError> {
    let plain = text.is_ascii() && !text.bytes().any(|b| b.is_ascii_control());
    text.parse().ok().filter(|_| plain).ok_or_else(|| ChannelError::Address(text.escape_default().to_string()))
}

fn parameters(host: &str, pem: Option<&[u8]>) -> Result<TlsParameters, ChannelError> {
    let failed = |e: Error| ChannelError::Client(root_cause(&e));
    let builder = TlsParametersBuilder::new(host.to_owned());
    let builder = match pem {
        Some(pem) => builder.add_root_certificate(Certificate::from_pem(pem).map_err(failed)?),
        None => builder,
    };
    builder.build().map_err(failed)
}

/// A text as one line of at most so many characters, without what turns its direction around.
fn line(text: &str, most: usize) -> String {
    let odd = |c: char| {
        c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if odd(c) { ' ' } else { c }).take(most).collect()
}

/// What went wrong: a server's reply, as ASCII, or a cause.
fn told(error: &Error) -> String {
    match error.status() {
        Some(code) => {
            let said = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            let said: String = said.chars().filter(|c| matches!(c, ' '..='~')).take(TOLD).collect();
            format!("{code} {said}").trim_end().to_owned()
        }
        None => line(&root_cause(error), TOLD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, tls: MailTls) -> MailServer {
        MailServer { host: host.into(), port: 25, tls, login: None }
    }

    fn mail(host: &str, tls: MailTls, from: &str, to: &[&str]) -> Result<Mail, ChannelError> {
        let to: Vec<String> = to.iter().map(|to| (*to).to_owned()).collect();
        Mail::new(server(host, tls), from, &to, None)
    }

    #[test]
    fn mail_without_tls_goes_to_this_machine_alone() {
        let with = |host: &str, tls| mail(host, tls, "quell@acme.example", &["pay@acme.example"]).err();
        for local in ["127.0.0.1", "::1"] {
            assert_eq!(with(local, MailTls::None), None);
        }
        for other in ["localhost", "mail.acme.example", "10.0.0.1"] {
            assert_eq!(with(other, MailTls::None), Some(ChannelError::Plain(other.into())));
            assert_eq!((with(other, MailTls::StartTls), with(other, MailTls::Implicit)), (None, None));
        }
        assert_eq!(with("mail acme", MailTls::Implicit), Some(ChannelError::Host("mail acme".into())));
    }

    #[test]
    fn addresses_are_addresses() {
        let with = |from: &str, to: &[&str]| mail("127.0.0.1", MailTls::None, from, to).err();
        assert_eq!(with("Quell <quell@acme.example>", &["a@acme.example", "b@acme.example"]), None);
        assert_eq!(with("quell@acme.example", &[]), Some(ChannelError::Nobody));
        for bad in
            ["", "acme", "a@acme.example\r\nBcc: b@acme.example", "ä@acme.example", "a@acme.example, b@acme.example"]
        {
            assert!(matches!(with(bad, &["a@acme.example"]), Some(ChannelError::Address(_))), "{bad:?}");
            assert!(matches!(with("a@acme.example", &[bad]), Some(ChannelError::Address(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_letter_is_ascii_and_the_same_for_every_try() {
        let mail = mail("127.0.0.1", MailTls::None, "quell@acme.example", &["pay@acme.example"]).unwrap();
        let subject = format!("grün\r\nBcc: all@acme.example\u{202e}{}", "x".repeat(500));
        let json = serde_json::Value::Null;
        let mut message =
            Message { id: "n_1".into(), at: 784_111_777, subject, plain: "ä\n.\n".into(), slack: String::new(), json };
        let first = String::from_utf8(mail.letter(&message).unwrap()).unwrap();
        assert!(first.is_ascii());
        assert!(
            first.contains("Message-ID: <n_1@acme.example>\r\n")
                && first.contains("\r\nAuto-Submitted: auto-generated\r\n")
        );
        assert!(first.contains("Date: Sun, 06 Nov 1994 08:49:37 +0000\r\n"), "{first}");
        assert!(!first.contains("\r\nBcc:"), "{first}");
        message.at += 60;
        let second = String::from_utf8(mail.letter(&message).unwrap()).unwrap();
        assert_eq!(first.replace("08:49:37", "08:50:37"), second);
        for at in [i64::MIN, -1, i64::MAX] {
            message.at = at;
            assert!(mail.letter(&message).is_ok(), "{at}");
        }
        message.id = "n 1>".into();
        assert!(mail.letter(&message).unwrap_err().permanent);
    }
}

//! Whether the value that a name is given is a password or key that somebody wrote down.
//!
//! It looks at structure alone: references, code, words, paths, hashes, dates and placeholders are told from literals
//! by what they are made of and by the rest of the name. What is left gets a confidence.

use super::assign::{Form, Value};
use super::chunk::Quoting;
use super::placeholder::{is_placeholder, is_reference, is_row};
use super::{entropy, names};
use crate::model::Confidence;
use crate::rules::grams;

/// Values that are words of interfaces, of documentation or of languages.
const WORDS: &str = "password passwd passphrase secret token apikey api_key null none nil true false string undefined \
    required optional default empty hidden unset yes no on off username user admin root test testing tests foo bar foobar \
    baz value key auth basic bearer credentials";

/// Passwords of documentation and development set-ups.
const STOCK: &str = "pass pw pwd p4ssw0rd passw0rd p@ssw0rd p@ssword pass123 password1 password123 postgres mysql guest \
    changeit 123456 1234 12345 12345678 123456789 admin123 test123 qwerty letmein welcome me you x-oauth-basic \
    jbswy3dpehpk3pxp";

/// Signs that stand in keys and passwords.
const SIGNS: &str = "+/=_-.~!@#$%^&*?:()";

/// Judges a value; `None` where it is no literal at all. `name` is the whole name that it is given.
pub(super) fn judge(name: &[u8], value: &Value, secret: &[u8]) -> Option<Confidence> {
    let text = std::str::from_utf8(secret).ok()?;
    let bare = value.quoting == Quoting::Bare;
    // Cheapest first: most values are words or references.
    let compared = value.form == Form::Compared;
    if (compared && bare) || is_word(text) || is_reference(secret) || (bare && is_expression(text)) {
        return None;
    }
    if is_path_or_address(text)
        || is_pattern(text)
        || is_number_or_date(text)
        || is_hash_or_id(name, text)
        || names::is_about(name)
        || (value.form == Form::Called && !names::is_setter(name))
    {
        return None;
    }
    let password = names::is_password(name);
    // Code compares with words and test values more than with secrets.
    let weak = compared && text.len() < MIN_COMPARED;
    let doubtful = || is_placeholder(secret) || is_row(secret) || is_stock(text) || repeats(name, text);
    let sure = !weak && is_random(password, text) && !looks_like_identifier(password, text) && !doubtful();
    Some(if sure { Confidence::Medium } else { Confidence::Low })
}

/// Whether a value is a listed password, or a listed word with a number or signs behind it: `Secret123!`.
fn is_stock(text: &str) -> bool {
    let lower = text.to_lowercase();
    let word = lower.trim_end_matches(|c: char| !c.is_alphabetic());
    names::is_listed(STOCK, &lower) || names::is_listed(WORDS, word)
}

/// The shortest value that code compares with of which something is said.
const MIN_COMPARED: usize = 12;

/// Whether a value is as mixed as what its name holds: passwords are typed, keys are random.
fn is_random(password: bool, text: &str) -> bool {
    let any = |f: fn(char) -> bool| text.chars().any(f);
    let sign = |c: char| SIGNS.contains(c);
    let (lower, upper) = (any(|c| c.is_ascii_lowercase()), any(|c| c.is_ascii_uppercase()));
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let kinds = [lower, upper, digits > 0, text.chars().any(sign)].iter().filter(|k| **k).count();
    let entropy = entropy::hundredths(text.as_bytes());
    let len = text.len();
    if password {
        // Prose of other scripts has many such characters, a password one or two.
        let foreign = text.chars().filter(|c| !c.is_ascii()).count();
        let typed = digits > 0 && (len >= 8 && kinds >= 2 || kinds >= 3);
        foreign <= 2 && entropy >= if len < 8 { 220 } else { 250 } && (typed || is_unpronounceable(text))
    } else {
        let foreign = text.chars().any(|c| !c.is_ascii_alphanumeric() && !sign(c));
        let mixed = (lower || upper) && entropy >= 300 && digits >= if len >= 16 { 1 } else { 3 };
        !foreign && len >= 12 && (mixed || is_unpronounceable(text))
    }
}

/// Whether a text has hardly a 3-gram of ordinary words: nine of ten rows of random letters, and few words of any
/// language that is written with them.
fn is_unpronounceable(text: &str) -> bool {
    // Short words have few 3-grams to tell by.
    let limit = if text.len() >= 8 { 26 } else { 20 };
    text.len() >= 6
        && text.is_ascii()
        && text.bytes().filter(u8::is_ascii_alphabetic).count() >= 5
        && grams::commonness(text.as_bytes()) < limit
}

/// Whether a value says no more than its name does: `clientSecret: "client-secret-1"`.
fn repeats(name: &[u8], text: &str) -> bool {
    let letters =
        |b: &[u8]| -> Vec<u8> { b.iter().filter(|b| b.is_ascii_alphabetic()).map(u8::to_ascii_lowercase).collect() };
    let (name, value) = (letters(name), letters(text.as_bytes()));
    let holds = |a: &[u8], b: &[u8]| a.windows(b.len()).any(|w| w == b);
    value.len() >= 4 && holds(&name, &value) || name.len() >= 4 && value.len() <= name.len() + 6 && holds(&value, &name)
}

/// Whether a login is one that documentation and development set-ups are full of: a listed word as password, the
/// user's own name, or something short or plain on a host of the machine itself or of an example.
pub(super) fn is_stock_login(user: &[u8], secret: &[u8], host: &[u8]) -> bool {
    let lower = |b: &[u8]| String::from_utf8_lossy(b).to_lowercase();
    let (user, secret, host) = (lower(user), lower(secret), lower(host));
    let host = host.split(':').next().unwrap_or_default();
    let stock = names::is_listed(WORDS, &secret) || names::is_listed(STOCK, &secret);
    let plain = secret.len() < 12 || secret.chars().all(char::is_alphabetic);
    stock || (!user.is_empty() && secret == user) || (is_nowhere(host) && plain)
}

/// Whether a host is this machine, or a name kept for examples and tests (RFC 2606, RFC 6761).
fn is_nowhere(host: &str) -> bool {
    const ENDS: &str = "example.com example.org example.net .test .invalid .example .local .localhost";
    names::is_listed("localhost 127.0.0.1 0.0.0.0 host hostname server", host)
        || ENDS.split_ascii_whitespace().any(|e| host.ends_with(e))
}

/// Whether a bare value is code: a call, a member, an operator, a type.
fn is_expression(text: &str) -> bool {
    let calls = ["[", "->", "::", "=>"].iter().any(|s| text.contains(s)) || text.find('(').is_some_and(|at| at > 0);
    let name = |p: &str| !p.is_empty() && p.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let member = text.contains('.') && text.split('.').all(|p| name(p) && !p.starts_with(|c: char| c.is_ascii_digit()));
    let constant = text.contains('_') && text.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit());
    // `!vault`, `&anchor` and `(cast)` are code or markup; `!x7#…` is a password.
    let rest = text.trim_start_matches(|c: char| "&*!|(".contains(c));
    let marked =
        rest.len() < text.len() && (name(rest) || rest.contains(')') || !rest.contains(|c: char| c.is_ascii_digit()));
    calls || member || constant || marked || text.ends_with(':') || text.starts_with(|c: char| "-+\\,;:=>/".contains(c))
}

fn is_path_or_address(text: &str) -> bool {
    const FILES: [&str; 12] =
        [".pem", ".key", ".crt", ".cer", ".p12", ".pfx", ".jks", ".json", ".yml", ".yaml", ".txt", ".enc"];
    let file = FILES.iter().any(|end| text.ends_with(end));
    // `20/m/h`, and `host:1521/name`
    let rate = text.matches('/').count() >= 2 && text.split('/').all(|p| p.len() <= 3);
    let port = text
        .split_once(':')
        .and_then(|(_, rest)| rest.split_once('/'))
        .is_some_and(|(port, _)| (2..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit()));
    let relative = ["/", "./", "../", "~/", "\\\\"].iter().any(|p| text.starts_with(p));
    let drive = matches!(text.as_bytes(), [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic());
    file || rate
        || port
        || relative
        || drive
        || text.contains("://")
        || (text.matches('/').count() >= 3 && text.contains('.'))
}

/// A regular expression, a format of dates or an elision.
fn is_pattern(text: &str) -> bool {
    let classes = ["(?", "[a-", "[A-", "[0-", "[^", "\\d", "\\w", "\\s", ".*", ".+"].iter().any(|p| text.contains(p));
    classes || ["%Y", "%d", "%s", "%v"].iter().any(|p| text.contains(p)) || text.contains("...")
}

/// A word of prose or of an interface: letters alone that make words, or a listed one.
fn is_word(text: &str) -> bool {
    let lettered = text.len() < 24 && text.chars().all(|c| c.is_alphabetic() || "_- .".contains(c));
    (lettered && !is_unpronounceable(text)) || (text.len() < 12 && names::is_listed(WORDS, &text.to_lowercase()))
}

/// A digest, commit or UUID, where the name or the value itself says so.
fn is_hash_or_id(name: &[u8], text: &str) -> bool {
    const NAMES: &str = "sha sha1 sha2 sha256 sha512 md5 digest integrity commit etag revision fingerprint thumbprint";
    const STARTS: &str = "sha256: sha512- sha1- sha256- sha384- ENC[ AQICAH ENC( vault:v1: AgA ssh-rsa ssh-ed25519";
    let bare = text.trim_start_matches('{').trim_end_matches('}');
    let uuid = bare.len() == 36
        && bare.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        });
    uuid || is_hashed(text)
        || names::has_listed(name, NAMES)
        || STARTS.split_ascii_whitespace().any(|p| text.starts_with(p))
}

/// Whether a value is what is stored of a password so that nobody can read it: `$id$…`, `algorithm$…$…`, `{ALGORITHM}…`,
/// `algorithm:…`. Such a hash opens nothing.
fn is_hashed(text: &str) -> bool {
    const ALGORITHMS: [&str; 8] = ["pbkdf2", "argon2", "scrypt", "bcrypt", "sha", "md5", "crypt", "ssha"];
    let named = |id: &str| {
        let id = id.to_ascii_lowercase();
        id.len() <= 20 && ALGORITHMS.iter().any(|a| id.starts_with(a))
    };
    match text.as_bytes().first() {
        // Modular crypt format: an identifier between dollar signs, and more of them behind it.
        Some(b'$') => text.get(1..).and_then(|t| t.split_once('$')).is_some_and(|(id, rest)| {
            let plain = id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            !id.is_empty() && plain && (id.split('-').any(named) || id.len() <= 3 && rest.len() >= 20)
        }),
        Some(b'{') => text.get(1..).and_then(|t| t.split_once('}')).is_some_and(|(id, _)| named(id)),
        _ => text.split_once(['$', ':']).is_some_and(|(id, rest)| named(id) && rest.len() >= 16),
    }
}

/// A number, a version, a date or a time.
fn is_number_or_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let date = matches!(bytes, [a, b, c, d, b'-' | b'/', e, f, b'-' | b'/', g, h, ..] if [a, b, c, d, e, f, g, h].iter().all(|x| x.is_ascii_digit()));
    date || bytes.iter().all(|b| b.is_ascii_digit() || b"+-._:,eE".contains(b))
}

/// Words that are joined, by signs or by their case, perhaps with a number at the end: `my-secret-1`,
/// `oauth2ClientSecret`, `V1SecretVolumeSource`.
fn looks_like_identifier(password: bool, text: &str) -> bool {
    let parts: Vec<&str> = text.split(['_', '-', '.', ':', '/']).collect();
    let worded = |p: &&str| p.trim_end_matches(|c: char| c.is_ascii_digit()).chars().all(|c| c.is_ascii_alphabetic());
    let one_case = |p: &str| !p.chars().any(char::is_uppercase) || !p.chars().any(char::is_lowercase);
    let joined = parts.len() >= 2
        && parts.iter().all(|p| worded(p) && (one_case(p) || in_words(p)))
        && parts.iter().any(|p| p.len() >= 3 && p.chars().all(char::is_alphabetic));
    // People join a word and a number to a password (`word-1234`), and random letters are no words.
    let numbered = password
        && text.len() <= 16
        && text.bytes().filter(u8::is_ascii_digit).count() >= 3
        && !["pass", "test", "secret", "user", "admin"].iter().any(|w| names::contains(text.as_bytes(), w));
    let constant = parts.len() >= 2
        && parts
            .iter()
            .all(|p| p.starts_with(|c: char| c.is_ascii_uppercase()) && !p.contains(|c: char| c.is_ascii_lowercase()))
        && parts.iter().any(|p| p.len() >= 4 && p.chars().all(char::is_alphabetic));
    let random = parts.iter().any(|p| p.len() >= 6) && is_unpronounceable(text);
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    // `MYDBPasswd` is the name of one.
    let called = text.chars().all(|c| c.is_ascii_alphabetic() || c == '_')
        && ["pass", "pwd", "secret", "token"].iter().any(|w| names::contains(text.as_bytes(), w));
    called || constant || !random && (joined && !numbered || plain && in_words(text))
}

/// Whether most of a text lies in runs of a capital or small letter with at least three small ones behind it. Random
/// text has few such runs.
fn in_words(text: &str) -> bool {
    let (mut inside, mut words, mut run) = (0, 0, 0);
    for c in text.chars().chain(['0']) {
        if c.is_ascii_lowercase() {
            run += 1;
            continue;
        }
        if run >= 4 {
            (inside, words) = (inside + run, words + 1);
        }
        run = usize::from(c.is_ascii_uppercase());
    }
    // Names have a digit or two (`oauth2`); passwords that people build of words have more.
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    words >= 2 && digits <= 2 && inside * 10 >= text.len() * 7
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::template::{Bindings, Random, expand};

    fn judged(name: &str, text: &str, quoting: Quoting) -> Option<Confidence> {
        let value = Value { span: 0..text.len(), opened: 0, quoting, form: Form::Assigned, quote: b'"' };
        judge(name.as_bytes(), &value, text.as_bytes())
    }

    fn made(template: &str, seed: u64) -> String {
        String::from_utf8(expand(template, &mut Random::new(seed), &Bindings::new()).unwrap()).unwrap()
    }

    #[test]
    fn random_values_and_typed_passwords_are_literals() {
        let cases = [("db_password", "{alpha:6}{digits:2}!"), ("api_key", "{alnum:24}"), ("clientSecret", "{hex:32}")];
        for (name, template) in cases {
            let sure =
                (0..50).filter(|s| judged(name, &made(template, *s), Quoting::Quoted) == Some(Confidence::Medium));
            assert!(sure.count() >= 48, "{name} = {template}");
        }
    }

    #[test]
    fn what_is_no_literal_is_refused() {
        use Quoting::{Bare, Quoted};
        let key = made("{alnum:20}", 1);
        for (name, text, quoting) in [
            ("password", "os.environ.get('X')", Bare),
            ("password", "${DB_PASSWORD}", Quoted),
            ("password", "password", Quoted),
            ("password_url", key.as_str(), Quoted),
            ("tokenType", key.as_str(), Quoted),
            ("token", "config.token", Bare),
            ("secret", "/run/secrets/db1", Quoted),
            ("password_hash", key.as_str(), Quoted),
            ("secret", made("{uuid}", 1).as_str(), Quoted),
            ("password", "Enter your password", Quoted),
            ("token", "DEFAULT_TOKEN_2", Bare),
            ("password", "1219328376.07815", Quoted),
            ("secret", "1999-04-02T08:03:20+05:30", Quoted),
        ] {
            assert_eq!(judged(name, text, quoting), None, "{name}={text}");
        }
    }

    #[test]
    fn identifiers_and_stock_passwords_are_doubtful() {
        for text in ["my-secret-number-1", "V1SecretVolumeSource", "oauth2ClientSecretName", "password123"] {
            assert!(judged("secret", text, Quoting::Quoted) <= Some(Confidence::Low), "{text}");
        }
        assert!(is_stock_login(b"u", b"password", b"db.internal") && is_stock_login(b"app", b"app", b"db.internal"));
        assert!(is_stock_login(b"u", b"abcd1234", b"localhost:5432"));
        assert!(!is_stock_login(b"u", b"abcd1234", b"db.internal"));
    }
}

//! What values are made of: code, words, paths, dates and names told from passwords and keys by structure alone. `score`
//! says what each of it is worth.

use super::decode::base64_any;
use super::placeholder::is_placeholder;
use super::{entropy, letters, names};
use crate::rules::grams;

/// Values that are words of interfaces, of documentation or of languages.
const WORDS: &str = "password passwd passphrase secret token apikey api_key null none nil true false string undefined \
    required optional default empty hidden unset yes no on off username user admin root test testing tests foo bar foobar \
    baz value key auth basic bearer credentials";

/// Passwords of documentation and development set-ups.
const STOCK: &str = "pass pw pwd p4ssw0rd passw0rd p@ssw0rd p@ssword pass123 password1 password123 postgres mysql guest \
    changeit 123456 1234 12345 12345678 123456789 admin123 test123 qwerty letmein welcome me you x-oauth-basic";

/// Signs that stand in keys and passwords.
const SIGNS: &str = "+/=_-.~!@#$%^&*?:()";

/// Whether a value is a listed password, or a listed word with a number or signs behind it: `Secret123!`.
pub(super) fn is_stock(text: &str) -> bool {
    let lower = text.to_lowercase();
    let word = lower.trim_end_matches(|c: char| !c.is_alphabetic());
    let typed = || lower.len() <= 10 && KEYBOARD.iter().any(|row| lower.contains(row));
    names::is_listed(STOCK, &lower) || names::is_listed(WORDS, word) || lower.contains(TOTP) || typed()
}

/// Rows of keyboards.
const KEYBOARD: [&str; 6] = ["qwer", "asdf", "zxcv", "hjkl", "uiop", "qazw"];

/// The key of examples of one-time passwords.
const TOTP: &str = "jbswy3dpehpk3pxp";

/// Whether a key is shorter than keys are. Secrets that people make up may be of fewer random letters.
pub(super) fn is_short_key(name: &[u8], text: &str) -> bool {
    text.len() < MIN_KEY && !(names::is_shared(name) && text.len() >= 6 && letters::make_no_word(text))
}

/// The shortest value that code compares with of which something is said.
pub(super) const MIN_COMPARED: usize = 12;

/// The shortest key of which something is said.
const MIN_KEY: usize = 12;
/// From this length on a value was hardly typed.
pub(super) const LONG: usize = 20;

/// Letters of both cases, digits and signs in a text.
struct Kinds {
    letters: bool,
    digits: usize,
    kinds: usize,
}

impl Kinds {
    fn of(text: &str) -> Self {
        let (mut lower, mut upper, mut sign, mut digits) = (false, false, false, 0);
        for c in text.chars() {
            match c {
                'a'..='z' => lower = true,
                'A'..='Z' => upper = true,
                '0'..='9' => digits += 1,
                other => sign = sign || is_sign(other),
            }
        }
        let kinds = [lower, upper, digits > 0, sign].iter().filter(|k| **k).count();
        Self { letters: lower || upper, digits, kinds }
    }
}

fn is_sign(c: char) -> bool {
    SIGNS.contains(c)
}

/// Whether a value mixes what it is made of as typed passwords do.
pub(super) fn is_typed(text: &str) -> bool {
    let Kinds { digits, kinds, .. } = Kinds::of(text);
    text.len() >= 6 && digits > 0 && (text.len() >= 8 && kinds >= 2 || kinds >= 3) || letters::are_scrambled(text)
}

/// Whether a value mixes letters and digits as keys do.
pub(super) fn is_mixed(text: &str) -> bool {
    // The digits of `%3D` are none of the value's.
    let escaped = text.split('%').skip(1).flat_map(|part| part.bytes().take(2)).filter(u8::is_ascii_digit).count();
    let Kinds { letters, digits, .. } = Kinds::of(text);
    let digits = digits - escaped;
    letters && entropy::hundredths(text.as_bytes()) >= 300 && digits >= if text.len() >= 16 { 1 } else { 3 }
}

/// Whether a value that mixes nothing is made of random letters.
pub(super) fn is_lettered(password: bool, text: &str) -> bool {
    !(if password { is_typed(text) } else { is_mixed(text) }) && is_unpronounceable(text)
}

/// Whether a value is made of random letters, or of few characters with digits.
pub(super) fn is_loose(password: bool, text: &str) -> bool {
    is_lettered(password, text) || password && letters::are_scrambled(text)
}

/// Whether a value is made as secrets are, in one of these ways.
pub(super) fn is_structured(password: bool, text: &str) -> bool {
    (if password { is_typed(text) || is_pin(text) } else { is_mixed(text) }) || is_unpronounceable(text)
}

/// Whether a value has characters that keys do not have, or more of them than passwords do: prose of other scripts has
/// many, a password one or two.
pub(super) fn has_foreign(password: bool, text: &str) -> bool {
    if password {
        text.chars().filter(|c| !c.is_ascii()).count() > 2
    } else {
        text.chars().any(|c| !c.is_ascii_alphanumeric() && !is_sign(c))
    }
}

/// Whether the entropy of a value is below that of passwords that people type; keys have their own measure.
pub(super) fn is_low(password: bool, text: &str) -> bool {
    let limit = match text.len() {
        ..12 if letters::make_no_word(text) || letters::are_scrambled(text) || is_pin(text) => 180,
        ..8 => 220,
        _ => 250,
    };
    password && entropy::hundredths(text.as_bytes()) < limit
}

/// Whether a password is shorter than people are made to choose, and not made of random letters.
pub(super) fn is_short(text: &str) -> bool {
    text.len() < 6 && !is_structured(true, text)
}

/// Whether its characters hardly repeat.
pub(super) fn is_rich(text: &str) -> bool {
    let limit = match text.len() {
        ..8 => return false,
        8..16 => 300,
        16..32 => 350,
        _ => 375,
    };
    entropy::hundredths(text.as_bytes()) >= limit
}

/// Whether a value is an address of mail.
pub(super) fn is_mail(text: &str) -> bool {
    let part = |p: &str| !p.is_empty() && p.chars().all(|c| c.is_ascii_alphanumeric() || "._+-".contains(c));
    text.split_once('@').is_some_and(|(user, host)| {
        let top = host.rsplit_once('.').map_or("", |(_, top)| top);
        part(user) && part(host) && (2..=6).contains(&top.len()) && top.chars().all(|c| c.is_ascii_lowercase())
    })
}

/// Whether a value is a word with a capital under a name with one: `"Password": "Wagwoord"`, a label and its translation.
pub(super) fn is_label(name: &[u8], text: &str) -> bool {
    let titled = |b: &[u8]| matches!(b, [first, rest @ ..] if first.is_ascii_uppercase() && rest.iter().all(u8::is_ascii_lowercase));
    titled(name) && titled(text.as_bytes())
}

/// Whether words are joined to a phrase, with more behind it: `this_is_a_secret_1a2b3c`.
pub(super) fn is_phrase(text: &str) -> bool {
    let word = |p: &&str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase());
    text.split(['_', '-']).filter(word).count() >= 4 && !letters::make_no_word(text)
}

/// Whether a value is base64 of words, of a listed password or of a placeholder.
pub(super) fn encodes_words(text: &str) -> bool {
    if text.len() < 8 || text.len() > 64 || !text.len().is_multiple_of(4) {
        return false;
    }
    let Some(Ok(inner)) = base64_any(text.as_bytes()).map(String::from_utf8) else { return false };
    let inner = inner.trim_end();
    inner.len() >= 4
        && inner.bytes().all(|b| (b' '..=b'~').contains(&b))
        && (is_word(inner)
            || is_stock(inner)
            || looks_like_identifier(false, inner)
            || is_placeholder(inner.as_bytes()))
}

/// Whether a value has blanks: no secret that is assigned has them.
pub(super) fn has_blanks(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_whitespace())
}

/// Whether a text has hardly a 3-gram of ordinary words: nine of ten rows of random letters, and few words of any
/// language that is written with them.
pub(super) fn is_unpronounceable(text: &str) -> bool {
    // Short words have few 3-grams to tell by.
    let limit = if text.len() >= 8 { 26 } else { 20 };
    letters::make_no_word(text)
        || text.len() >= 6
            && text.is_ascii()
            && text.bytes().filter(u8::is_ascii_alphabetic).count() >= 5
            && grams::commonness(text.as_bytes()) < limit
            && !letters::is_known(text.as_bytes())
}

/// Whether a value says no more than its name does: `clientSecret: "client-secret-1"`.
pub(super) fn repeats(name: &[u8], text: &str) -> bool {
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
    let plain = (secret.len() < 12 || secret.chars().all(char::is_alphabetic)) && !letters::make_no_word(&secret);
    stock || (!user.is_empty() && secret == user) || (is_nowhere(host) && plain)
}

/// Whether a host is this machine, or a name kept for examples and tests (RFC 2606, RFC 6761).
fn is_nowhere(host: &str) -> bool {
    const ENDS: &str = "example.com example.org example.net .test .invalid .example .local .localhost";
    names::is_listed("localhost 127.0.0.1 0.0.0.0 host hostname server", host)
        || ENDS.split_ascii_whitespace().any(|e| host.ends_with(e))
}

/// Whether a bare value is code: a call, a member, an operator, a type.
pub(super) fn is_expression(text: &str) -> bool {
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

pub(super) fn is_path_or_address(text: &str) -> bool {
    const FILES: [&str; 22] = [
        ".pem", ".key", ".crt", ".cer", ".p12", ".pfx", ".jks", ".json", ".yml", ".yaml", ".txt", ".enc", ".js", ".ts",
        ".py", ".go", ".rs", ".java", ".html", ".xml", ".toml", ".conf",
    ];
    let file = FILES.iter().any(|end| text.ends_with(end));
    // `20/m/h,5/m/ip`, and `host:1521/name`
    let rate = text.matches('/').count() >= 2 && text.split(['/', ',']).all(|p| p.len() <= 3);
    let port = text
        .split_once(':')
        .and_then(|(_, rest)| rest.split_once('/'))
        .is_some_and(|(port, _)| (2..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit()));
    let relative = ["/", "./", "../", "~/", "\\\\"].iter().any(|p| text.starts_with(p));
    let drive = matches!(text.as_bytes(), [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic());
    let escaped = ["%2F", "%2f"].iter().any(|slash| text.matches(slash).count() >= 3);
    file || rate
        || escaped
        || port
        || relative
        || drive
        || text.contains("://")
        || (text.matches('/').count() >= 3 && text.contains('.'))
}

/// A regular expression, a format of dates or an elision.
pub(super) fn is_pattern(text: &str) -> bool {
    let classes = ["(?", "[a-", "[A-", "[0-", "[^", "\\d", "\\w", "\\s", ".*", ".+"].iter().any(|p| text.contains(p));
    // The rest of `"… = '" + x + "'"`.
    let joined = matches!(
        text.as_bytes(),
        [b'"' | b'\'', b'.' | b'+' | b'&', ..] | [b'"' | b'\'', b' ', b'.' | b'+' | b'&', ..]
    );
    classes || joined || ["%Y", "%d", "%s", "%v"].iter().any(|p| text.contains(p)) || text.contains("...")
}

/// A word of prose or of an interface: letters alone that make words, or a listed one.
pub(super) fn is_word(text: &str) -> bool {
    let lettered = text.len() < 24 && text.chars().all(|c| c.is_alphabetic() || "_- .".contains(c));
    (lettered && !is_unpronounceable(text)) || (text.len() < 12 && names::is_listed(WORDS, &text.to_lowercase()))
}

/// Whether a password is a row of digits: six to twelve, four of them different.
pub(super) fn is_pin(text: &str) -> bool {
    let seen = text.bytes().fold(0u16, |seen, b| seen | 1 << (b & 15));
    (6..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) && seen.count_ones() >= 4
}

/// A number, a version, a date or a time.
pub(super) fn is_number_or_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let date = matches!(bytes, [a, b, c, d, b'-' | b'/', e, f, b'-' | b'/', g, h, ..] if [a, b, c, d, e, f, g, h].iter().all(|x| x.is_ascii_digit()));
    date || bytes.iter().all(|b| b.is_ascii_digit() || b"+-._:,eE".contains(b))
}

/// Words that are joined, by signs or by their case, perhaps with a number at the end: `my-secret-1`,
/// `oauth2ClientSecret`, `V1SecretVolumeSource`.
pub(super) fn looks_like_identifier(password: bool, text: &str) -> bool {
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
    // `django.contrib.auth.hashers.BCryptHasher` is the path of a class.
    let small = |p: &&str| p.len() >= 2 && p.bytes().all(|b| b.is_ascii_lowercase());
    let module = text.matches('.').count() >= 2 && text.split('.').filter(small).count() * 2 > parts.len();
    let random = parts.iter().any(|p| p.len() >= 6) && is_unpronounceable(text);
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    // `MYDBPasswd` is the name of one.
    let called = text.chars().all(|c| c.is_ascii_alphabetic() || c == '_')
        && ["pass", "pwd", "secret", "token"].iter().any(|w| names::contains(text.as_bytes(), w));
    called || constant || !random && (joined && !numbered || plain && (module || in_words(text)))
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
    use super::super::assign::{Form, Value};
    use super::super::chunk::Quoting;
    use super::super::score::{self, Subject};
    use super::*;
    use crate::model::Confidence;
    use crate::rules::template::{Bindings, Random, expand};

    fn judged(name: &str, text: &str, quoting: Quoting) -> Option<Confidence> {
        let value = Value { span: 0..text.len(), opened: 0, quoting, form: Form::Assigned, quote: 0, listed: false };
        let (name, secret) = (name.as_bytes(), text.as_bytes());
        let password = names::is_password(name);
        let hit = 0..0;
        score::judge(&Subject { text: secret, hit: &hit, name, value: &value, secret, shown: text, password })
    }

    fn made(template: &str, seed: u64) -> String {
        String::from_utf8(expand(template, &mut Random::new(seed), &Bindings::new()).unwrap()).unwrap()
    }

    #[test]
    fn random_values_and_typed_passwords_are_literals() {
        let cases = [("db_password", "{alpha:6}{digits:2}!"), ("api_key", "{alnum:24}"), ("clientSecret", "{hex:32}")];
        for (name, template) in cases {
            let sure =
                (0..50).filter(|s| judged(name, &made(template, *s), Quoting::Quoted) >= Some(Confidence::Medium));
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

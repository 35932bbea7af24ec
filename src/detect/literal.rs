//! Whether the value that a name is given is a password or key that somebody typed: the first generic judgement.
//!
//! It looks at structure alone: references, code, words, paths, hashes and placeholders are told from literals by
//! what they are made of and by the rest of the name. What is left gets a confidence.

use std::ops::Range;

use super::assign::Value;
use super::chunk::Quoting;
use super::entropy;
use super::placeholder::{is_placeholder, is_reference};
use crate::model::Confidence;
use crate::rules::Shape;

/// Parts of names that say that the value is about a secret, not one.
const ABOUT: [&str; 84] = [
    "url", "uri", "name", "path", "file", "filename", "dir", "type", "length", "len", "size", "count", "expiry", "expires", "expire", "expiration", "ttl", "timeout", "field",
    "label", "placeholder", "hint", "regex", "pattern", "format", "prefix", "suffix", "header", "param", "policy", "required", "enabled", "enable", "disabled", "min", "max",
    "validator", "validation", "input", "prompt", "text", "title", "message", "msg", "error", "err", "description", "help", "button", "class", "endpoint", "host", "env",
    "variable", "kind", "version", "algorithm", "alg", "scheme", "store", "manager", "provider", "service", "hash", "hashed", "digest", "checksum", "encrypted", "cipher", "public",
    "pub", "id", "ids", "arn", "ref", "selector", "column", "table", "method", "mode", "strength", "rotation", "location", "link",
];

/// What stands in values that are words of interfaces and documentation, in lower case.
const WORDS: [&str; 40] = [
    "password", "passwd", "secret", "token", "apikey", "api_key", "null", "none", "nil", "true", "false", "string", "undefined", "required", "optional", "default", "empty",
    "hidden", "unset", "yes", "no", "on", "off", "username", "user", "admin", "root", "test", "testing", "tests", "foo", "bar", "foobar", "baz", "value", "key", "auth", "basic",
    "bearer", "credentials",
];

/// Judges a value. `name` is the whole name that it is given, as far as it was read; `strong` is for names that
/// hold keys and tokens (random) and not passwords (typed).
pub(super) fn judge(name: &[u8], value: &Value, secret: &[u8]) -> Option<Confidence> {
    let text = std::str::from_utf8(secret).ok()?;
    let password = ["pass", "pwd"].iter().any(|w| contains(name, w));
    if is_reference(secret) || name_is_about(name) || (value.compared && value.quoting == Quoting::Bare) {
        return None;
    }
    let bare = value.quoting == Quoting::Bare;
    if bare && is_expression(text) || is_path_or_address(text) || is_word(text) || is_hash_or_id(name, text) {
        return None;
    }
    if is_placeholder(secret) {
        return Some(Confidence::Low);
    }
    let kinds = Kinds::of(text);
    let entropy = entropy::hundredths(secret);
    let sure = if password {
        text.len() >= 8 && kinds.count() >= 2 && kinds.digit && !kinds.looks_like_identifier(text) && entropy >= 250
    } else {
        text.len() >= 16 && kinds.digit && kinds.lower | kinds.upper && entropy >= 300 && !kinds.other && !kinds.looks_like_identifier(text)
    };
    Some(if sure && !(value.compared) { Confidence::Medium } else { Confidence::Low })
}

/// Whether the login of a URL is one that documentation and development set-ups are full of: a listed word as
/// password, or the user's own name, or letters alone on a host of the machine itself or of an example.
pub(super) fn is_stock_login(user: &[u8], secret: &[u8], host: &[u8]) -> bool {
    let lower = |b: &[u8]| String::from_utf8_lossy(b).to_lowercase();
    let (user, secret, host) = (lower(user), lower(secret), lower(host));
    let bare_host = host.split(':').next().unwrap_or_default();
    let nowhere = matches!(bare_host, "localhost" | "127.0.0.1" | "0.0.0.0" | "host" | "hostname" | "server" | "")
        || ["example.com", "example.org", "example.net", ".test", ".invalid", ".example", ".local", ".localhost"].iter().any(|e| bare_host.ends_with(e));
    let stock = WORDS.contains(&secret.as_str()) || matches!(secret.as_str(), "pass" | "pw" | "pwd" | "p4ssw0rd" | "passw0rd" | "postgres" | "mysql" | "guest" | "changeit" | "123456" | "1234" | "12345678");
    stock || (!user.is_empty() && secret == user) || (nowhere && (secret.len() < 12 || secret.chars().all(char::is_alphabetic)))
}

/// The whole name that a keyword at `hit` stands in: back to its first character, on to its last.
pub(super) fn name_around(text: &[u8], hit: Range<usize>) -> Range<usize> {
    let part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let back = text.get(hit.start.saturating_sub(Shape::NAME)..hit.start).unwrap_or_default();
    let on = text.get(hit.end..(hit.end + Shape::NAME).min(text.len())).unwrap_or_default();
    let before = back.iter().rev().take_while(|b| part(b)).count();
    let after = on.iter().take_while(|b| part(b)).count();
    hit.start - before..hit.end + after
}

fn contains(name: &[u8], word: &str) -> bool {
    name.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether the last words of a name say that its value is about a secret (`password_url`, `tokenType`).
fn name_is_about(name: &[u8]) -> bool {
    let words = words(name);
    let last = words.last().map(String::as_str).unwrap_or_default();
    ABOUT.contains(&last) || words.iter().any(|w| matches!(w.as_str(), "hash" | "hashed" | "encrypted" | "public" | "csrf" | "regex" | "placeholder" | "label" | "tokenizer"))
}

/// Splits `snake_case`, `kebab-case`, `dotted.names` and `camelCase` into lower-case words.
fn words(name: &[u8]) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut lower = false;
    for b in name {
        if !b.is_ascii_alphanumeric() || (b.is_ascii_uppercase() && lower) {
            out.push(String::new());
        }
        if let Some(word) = out.last_mut().filter(|_| b.is_ascii_alphanumeric()) {
            word.push(b.to_ascii_lowercase() as char);
        }
        lower = b.is_ascii_lowercase();
    }
    out.retain(|w| !w.is_empty());
    out
}

/// Whether a bare value is code: a call, a member, an operator, a type.
fn is_expression(text: &str) -> bool {
    let calls = text.contains('(') || text.contains('[') || text.contains("->") || text.contains("::") || text.contains("=>");
    let member = text.split('.').count() >= 2 && text.split('.').all(|p| !p.is_empty() && p.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !p.starts_with(|c: char| c.is_ascii_digit()));
    let constant = text.contains('_') && text.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit());
    calls || member || constant || text.starts_with(['&', '*', '!', '|', '(', '-', '+', '\\', ',', ';', ':', '=', '>', '/'])
}

fn is_path_or_address(text: &str) -> bool {
    text.starts_with('/') || text.starts_with("./") || text.starts_with("../") || text.starts_with("~/") || text.contains("://") || text.contains("/./") || text.matches('/').count() >= 3 && text.contains('.')
}

/// A word of prose or of an interface: a listed one, or letters alone.
fn is_word(text: &str) -> bool {
    let lower = text.to_lowercase();
    WORDS.contains(&lower.as_str()) || (text.chars().all(|c| c.is_alphabetic() || c == '_' || c == '-' || c == ' ' || c == '.') && text.len() < 24)
}

/// A digest, commit or UUID, where the name does not say that it is a key.
fn is_hash_or_id(name: &[u8], text: &str) -> bool {
    let uuid = text.len() == 36 && text.bytes().enumerate().all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() });
    let named = ["sha1", "sha256", "sha512", "md5", "digest", "integrity", "commit", "etag", "revision"].iter().any(|w| contains(name, w));
    let self_described = ["sha256:", "sha512-", "sha1-", "sha256-", "sha384-", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$1$", "$argon2", "$pbkdf2", "pbkdf2:", "{SSHA}", "ENC[", "AQICAH"].iter().any(|p| text.starts_with(p));
    uuid || named || self_described
}

/// Which kinds of characters a value has.
struct Kinds {
    lower: bool,
    upper: bool,
    digit: bool,
    /// Signs that stand in keys and passwords.
    sign: bool,
    /// What stands in neither: blanks, brackets, quotes.
    other: bool,
}

impl Kinds {
    fn of(text: &str) -> Self {
        let any = |f: fn(char) -> bool| text.chars().any(f);
        let sign = |c: char| "+/=_-.~!@#$%^&*?:".contains(c);
        Self { lower: any(|c| c.is_lowercase()), upper: any(|c| c.is_uppercase()), digit: any(|c| c.is_ascii_digit()), sign: text.chars().any(sign), other: text.chars().any(|c| !c.is_alphanumeric() && !sign(c)) }
    }

    fn count(&self) -> usize {
        [self.lower, self.upper, self.digit, self.sign].iter().filter(|k| **k).count()
    }

    /// Words joined by `_`, `-` or `.`, perhaps with a number at the end: `my-secret-1`, `test_token_2`.
    fn looks_like_identifier(&self, text: &str) -> bool {
        let parts: Vec<&str> = text.split(['_', '-', '.', ':', '/']).collect();
        let word = |p: &&str| p.chars().all(|c| c.is_ascii_lowercase()) || p.chars().all(|c| c.is_ascii_uppercase()) || p.chars().all(|c| c.is_ascii_digit());
        let worded = |p: &&str| p.trim_end_matches(|c: char| c.is_ascii_digit()).chars().all(|c| c.is_ascii_alphabetic());
        parts.len() >= 2 && parts.iter().filter(|p| word(p) || worded(p)).count() == parts.len() && parts.iter().any(|p| p.len() >= 3 && p.chars().all(char::is_alphabetic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(name: &str, text: &str, quoting: Quoting) -> Option<Confidence> {
        let value = Value { span: 0..text.len(), quoting, compared: false, quote: b'"' };
        judge(name.as_bytes(), &value, text.as_bytes())
    }

    #[test]
    fn literals_are_told_from_the_rest() {
        use Quoting::{Bare, Quoted};
        for (name, text) in [("db_password", "S3cr3tPass!"), ("password", "hunter2hunter2"), ("api_key", "f3Kq9ZpT7sLm2Xc8Vb4N"), ("clientSecret", "9f86d081884c7d659a2feaa0c55ad015")] {
            assert_eq!(judged(name, text, Quoted), Some(Confidence::Medium), "{name}={text}");
        }
        for (name, text, quoting) in [
            ("password", "os.environ.get('X')", Bare), ("password", "${DB_PASSWORD}", Quoted), ("password", "password", Quoted), ("password_url", "f3Kq9ZpT7sLm2Xc8Vb4N", Quoted),
            ("tokenType", "f3Kq9ZpT7sLm2Xc8Vb4N", Quoted), ("token", "config.token", Bare), ("secret", "/run/secrets/db1", Quoted), ("password_hash", "f3Kq9ZpT7sLm2Xc8Vb4N", Quoted),
            ("secret", "550e8400-e29b-41d4-a716-446655440000", Quoted), ("password", "Enter your password", Quoted), ("token", "DEFAULT_TOKEN_2", Bare),
        ] {
            assert_eq!(judged(name, text, quoting), None, "{name}={text}");
        }
        assert_eq!(judged("password", "abc", Quoted), None);
        assert_eq!(judged("secret", "my-secret-1", Quoted), Some(Confidence::Low));
    }
}

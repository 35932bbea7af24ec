//! Names that values are given: where they begin and end, and whether they announce a secret or something about one.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use crate::rules::Shape;

/// The words of a list, made once.
fn set(words: &'static str) -> HashSet<&'static str> {
    words.split_ascii_whitespace().collect()
}

/// Last words of names whose value is about a secret and not one: `password_url`, `tokenType`.
static ABOUT: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    set("url uri name names path file filename dir folder type length len size count expiry expires expire \
    expiration ttl timeout field label placeholder hint regex pattern format prefix suffix header headers param params \
    policy required enabled enable disabled min max validator validation input prompt text title message msg error err \
    description desc help button class endpoint host env variable kind version algorithm alg scheme store manager \
    provider service hash hashed digest checksum encrypted cipher public pub id ids arn ref selector column table method \
    mode strength rotation location link bucket region scope scopes usage limit index position status state \
    reason extractor generator factory handler resolver reader writer parser store source sources email mail author \
    date timestamp username encoder decoder converter hasher hashers validators compass bypass surpass trespass \
    overpass encompass underpass")
});

/// Words that say the same wherever they stand in a name.
const ABOUT_ANYWHERE: &str = "hashed regex placeholder tokenizer pagination continuation";

/// Words that say it right before what they describe: `page_token`, `publicKey`, `max_tokens`.
const ABOUT_BEFORE: &str = "page next cursor csrf xsrf public hash encrypted label max min num allowed excluded";

/// What the names of secrets end in.
const SECRETS: &str = "password passwd passphrase passcode pass pwd secret token key credential credentials auth";

/// First words of functions that are asked about a secret, or for one, and given something else.
const ASKING: &str = "get hash check verify has is should must validate encrypt decrypt compare assert expect require \
    find read load parse fetch lookup match matches contains test env config complete delete remove generate derive sign \
    import export";

/// Whether the first of several words in a function's name is one of those.
pub(super) fn asks(name: &[u8]) -> bool {
    let rest = name.get(1..).unwrap_or_default();
    let len = 1 + rest.iter().take_while(|b| b.is_ascii_lowercase()).count();
    let asking = |first: &[u8]| ASKING.split_ascii_whitespace().any(|w| w.as_bytes().eq_ignore_ascii_case(first));
    len < name.len() && name.get(..len).is_some_and(asking)
}

/// Whether a function sets a secret, by its name: `password(…)`, `withSecret(…)`, but not `getToken(…)`, `tokenOf(…)` or
/// `tests.pass(…)`.
pub(super) fn is_setter(name: &[u8]) -> bool {
    // `password.fill("…")`, `passwordInput.sendKeys("…")`
    const FILLING: [&[u8]; 6] = [b".fill", b".type", b".sendKeys", b".setValue", b".send_keys", b".pressSequentially"];
    if FILLING.iter().any(|end| name.ends_with(end)) {
        return true;
    }
    let own = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    let words = words(own);
    let last = words.last().map(String::as_str).unwrap_or_default();
    !asks(own) && ends_as_secret(last) && last != "pass"
}

/// The bytes of names.
static PART: [bool; 256] = parts();

#[expect(clippy::indexing_slicing, reason = "computed at compile time, where a panic is an error")]
const fn parts() -> [bool; 256] {
    let mut out = [false; 256];
    let mut b = 0u8;
    while b < 128 {
        out[b as usize] = b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        b += 1;
    }
    out
}

/// Whether a byte may stand in a name.
pub(super) fn is_part(b: u8) -> bool {
    PART.get(usize::from(b)).is_some_and(|part| *part)
}

/// Whether the last word of a name says that it is a secret's.
pub(super) fn ends_as_secret(word: &str) -> bool {
    is_listed(SECRETS, word.trim_end_matches(|c: char| c.is_ascii_digit()))
}

/// Where the name begins that a keyword at `hit` stands in.
pub(super) fn start(text: &[u8], hit: usize) -> usize {
    let back = text.get(hit.saturating_sub(Shape::NAME)..hit).unwrap_or_default();
    hit - back.iter().rev().take_while(|b| is_part(**b)).count()
}

/// The whole name that a keyword at `hit` stands in: back to its first character, on to its last.
pub(super) fn around(text: &[u8], hit: Range<usize>) -> Range<usize> {
    // The sign that ends a keyword (`_pw=`) is no part of the name.
    let signs = text.get(hit.clone()).unwrap_or_default().iter().rev().take_while(|b| !is_part(**b)).count();
    let end = hit.end - signs;
    let on = text.get(end..(end + Shape::NAME).min(text.len())).unwrap_or_default();
    start(text, hit.start)..end + on.iter().take_while(|b| is_part(**b)).count()
}

/// Whether a name says that its value is about a secret.
pub(super) fn is_about(name: &[u8]) -> bool {
    let words = words(name);
    let last = words.last().map(String::as_str).unwrap_or_default();
    let described = |pair: &[String]| match pair {
        [word, what] => {
            is_listed(ABOUT_BEFORE, word)
                && is_listed("token tokens key keys password passwords credential credentials", what)
        }
        _ => false,
    };
    ABOUT.contains(last) || words.iter().any(|w| is_listed(ABOUT_ANYWHERE, w)) || words.windows(2).any(described)
}

/// Whether a name's last word says that its value is a secret.
pub(super) fn is_sure(name: &[u8]) -> bool {
    let end = name.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |last| last + 1);
    let name = name.get(..end).unwrap_or_default();
    // As `words` splits them, without making them.
    let begins = |pair: &[u8]| match pair {
        [a, b] => !a.is_ascii_alphanumeric() || (a.is_ascii_lowercase() && b.is_ascii_uppercase()),
        _ => false,
    };
    let last = name.get(name.windows(2).rposition(begins).map_or(0, |at| at + 1)..).unwrap_or_default();
    let digits = last.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let word = last.get(..last.len() - digits).unwrap_or_default();
    SECRETS.split_ascii_whitespace().any(|secret| secret.as_bytes().eq_ignore_ascii_case(word))
}

/// Whether a name is that of a digest, a commit or a fingerprint.
pub(super) fn is_digest(name: &[u8]) -> bool {
    const NAMES: &str = "sha sha1 sha2 sha256 sha512 md5 digest integrity commit etag revision fingerprint thumbprint";
    has_listed(name, NAMES)
}

/// Whether a name's last word is one for secrets that two sides share, which people make up as they do passwords.
pub(super) fn is_shared(name: &[u8]) -> bool {
    name.len() >= 6 && name.get(name.len() - 6..).is_some_and(|end| end.eq_ignore_ascii_case(b"secret"))
}

/// Whether a name is written as those of environment variables are.
pub(super) fn is_variable(name: &[u8]) -> bool {
    name.contains(&b'_') && name.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_')
}

/// Whether a name holds passwords, which people type, and not keys, which are random.
pub(super) fn is_password(name: &[u8]) -> bool {
    contains(name, "pass")
        || contains(name, "pwd")
        || contains(name, "_pw")
        || contains(name, "identified by")
        || contains(name, "securestring")
}

/// Whether a word stands in a list of words.
pub(super) fn is_listed(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|w| w == word)
}

/// Whether one of a name's words is listed.
pub(super) fn has_listed(name: &[u8], list: &str) -> bool {
    words(name).iter().any(|w| is_listed(list, w))
}

/// Whether a name has a word in it, whatever its case.
pub(super) fn contains(name: &[u8], word: &str) -> bool {
    name.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word.as_bytes()))
}

/// Splits `snake_case`, `kebab-case`, `dotted.names` and `camelCase` into lower-case words.
pub(super) fn words(name: &[u8]) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_whole_and_by_their_words() {
        let text = b"let my.dbPasswordUrl = 1";
        assert_eq!(&text[around(text, 9..17)], b"my.dbPasswordUrl");
        for name in ["dbPasswordUrl", "token_type", "PASSWORD-HASH", "nextPageToken", "max_tokens", "secret.name"] {
            assert!(is_about(name.as_bytes()), "{name}");
        }
        assert!(["setPassword", "db.password", "withApiKey"].iter().all(|n| is_setter(n.as_bytes())));
        assert!(
            !["getToken", "x.pass", "should_pass", "tokenOf", "hashPassword"].iter().any(|n| is_setter(n.as_bytes()))
        );
        for name in ["db_password", "clientSecret", "api.key", "TOKEN", "NEXT_AUTH_SECRET", "FB_PAGE_ACCESS_TOKEN"] {
            assert!(!is_about(name.as_bytes()), "{name}");
        }
    }
}

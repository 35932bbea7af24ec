//! Placeholders and references told from literals by their structure.

/// Words of at least four letters that stand in placeholders and hardly ever in random text.
const WORDS: &str = "example placeholder your_ your- yourt yourk yours yourp changeme change_me change-me replace redacted \
    insert dummy xxxx .... **** removed notreal fake todo";

/// Whether a value stands for another one: a run of one character, few characters, an ascending row, a word such
/// as `example` or `your_key`.
///
/// For a random value of 20 letters and digits the chance of being taken for one is below 1 in 10,000.
#[must_use]
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    has_word(value)
        || few_characters(value)
        || longest_run(value) >= 7
        || longest_row(value) >= 8
        || is_name(value)
        || ends_template(value)
}

/// Whether a value is the name of a setting: lower-case words, one of them for secrets, as in a list of names.
fn is_name(value: &[u8]) -> bool {
    const PARTS: [&str; 7] = ["tok", "secret", "pass", "pwd", "api", "key", "auth"];
    let is_separator = |b: &u8| matches!(b, b'_' | b'-' | b'.');
    let (digits, separators) = value.iter().fold((0, 0), |(digits, separators), b| {
        (digits + usize::from(b.is_ascii_digit()), separators + usize::from(is_separator(b)))
    });
    let is_made = value.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || is_separator(b));
    let has_part = |part: &&str| memchr::memmem::find(value, part.as_bytes()).is_some();
    // `hetznerdnstoken` and `neo4j-pass`; people do make passwords such as `mypass12`.
    let is_joined = digits == 0 && PARTS.iter().filter(|p| p.len() > 3).chain(&["token", "apikey"]).any(has_part);
    is_made && (is_joined || separators > 0 && digits <= 2 && PARTS.iter().any(has_part))
}

/// Whether a value ends a template that begins before it: `chars:22}` of `{chars:22}`.
fn ends_template(value: &[u8]) -> bool {
    value.last() == Some(&b'}') && !value.contains(&b'{')
}

/// Whether a value is made of ascending rows (`abc123def456`), or of one stretch three times and more.
#[must_use]
pub(super) fn is_row(value: &[u8]) -> bool {
    let repeats = |period: usize| value.iter().zip(value.get(period..).unwrap_or_default()).all(|(a, b)| a == b);
    if value.len() >= 9 && (1..=(value.len() / 3).min(16)).any(repeats) {
        return true;
    }
    let ascends = |pair: &&[u8]| matches!(pair, [a, b] if a.is_ascii_alphanumeric() && a.wrapping_add(1) == *b);
    value.len() >= 6 && value.windows(2).filter(ascends).count() * 3 >= value.len() * 2 - 2
}

fn has_word(value: &[u8]) -> bool {
    let starts =
        |rest: &[u8], word: &str| rest.get(..word.len()).is_some_and(|w| w.eq_ignore_ascii_case(word.as_bytes()));
    // How the words begin; few places of a random value get further.
    const BEGIN: &[u8] = b"explyochreinduxx..**nofato";
    value.windows(4).enumerate().any(|(at, window)| {
        let [a, b, ..] = window else { return false };
        let begins = BEGIN.chunks_exact(2).any(|p| p == [a.to_ascii_lowercase(), b.to_ascii_lowercase()]);
        begins && value.get(at..).is_some_and(|rest| WORDS.split_ascii_whitespace().any(|word| starts(rest, word)))
    })
}

/// Whether a value of some length is made of a few characters alone. A long one of sixteen may be hexadecimal.
fn few_characters(value: &[u8]) -> bool {
    let mut seen = [false; 256];
    for slot in value.iter().map(|b| usize::from(*b)) {
        if let Some(seen) = seen.get_mut(slot) {
            *seen = true;
        }
    }
    let distinct = seen.iter().filter(|s| **s).count();
    distinct <= 1 || value.len() >= 8 && distinct <= (1 + value.len() / 12).min(8)
}

fn longest_run(value: &[u8]) -> usize {
    longest(value, |a, b| a == b)
}

/// The longest ascending or descending row, `9` followed by `0` and `z` by `a` included.
fn longest_row(value: &[u8]) -> usize {
    let next = |a: u8, b: u8| {
        a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() && (a.wrapping_add(1) == b || (a == b'9' && b == b'0'))
    };
    longest(value, next).max(longest(value, |a, b| next(b, a)))
}

fn longest(value: &[u8], joined: impl Fn(u8, u8) -> bool) -> usize {
    let (mut best, mut len) = (usize::from(!value.is_empty()), 1);
    for pair in value.windows(2) {
        len = if let [a, b] = pair
            && joined(*a, *b)
        {
            len + 1
        } else {
            1
        };
        best = best.max(len);
    }
    best
}

/// Whether a value refers to another place instead of being one: a variable, a template, a path to a secret.
#[must_use]
pub(super) fn is_reference(value: &[u8]) -> bool {
    const STARTS: &str = "{{ <% %( %{ #{ env. env( env[ process.env os.environ os.getenv getenv System. var. local. data. \
        secrets. vault: vault/ ssm: arn: op:// file: http:// https:// ref+ module. each. params. self. this. ENV[";
    // What those begin with.
    let begins = value.first().is_some_and(|b| b"{<%#epogSvlsdrafhmtE".contains(b));
    let wrapped = |open: u8, close: u8| value.first() == Some(&open) && value.last() == Some(&close);
    let inside = |open: &[u8], close: u8| {
        let start = value.windows(open.len()).position(|w| w == open);
        start.and_then(|at| value.get(at..)).is_some_and(|rest| rest.contains(&close))
    };
    begins && STARTS.split_ascii_whitespace().any(|s| value.starts_with(s.as_bytes()))
        || is_variable(value)
        || has_field(value)
        || [(b'<', b'>'), (b'[', b']'), (b'{', b'}'), (b'%', b'%')]
            .into_iter()
            .any(|(open, close)| wrapped(open, close))
        || value.iter().any(|b| b"${#<".contains(b))
            && (inside(b"${", b'}')
                || inside(b"{{", b'}')
                || inside(b"$(", b')')
                || inside(b"#{", b'}')
                || inside(b"<%", b'>'))
}

/// Whether a field of a template stands in a value: `{name}`, `{user.password}`, `{hex:32}`.
fn has_field(value: &[u8]) -> bool {
    value.split(|b| *b == b'{').skip(1).any(|rest| {
        let name = rest.iter().position(|b| *b == b'}').and_then(|end| rest.get(..end)).unwrap_or_default();
        name.first().is_some_and(u8::is_ascii_alphabetic)
            && name.iter().all(|b| b.is_ascii_alphanumeric() || b"_.:-".contains(b))
    })
}

/// `$NAME`, `$1`, `@NAME@`, `$(…`: a variable and nothing else.
fn is_variable(value: &[u8]) -> bool {
    let name = |rest: &[u8]| rest.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
    match value {
        [b'$', b'{' | b'(', ..] => true,
        [b'$', rest @ ..] | [b'@', rest @ .., b'@'] => !rest.is_empty() && name(rest),
        _ => value.starts_with(b"@Microsoft.KeyVault"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_values() {
        for text in [
            "xxxxxxxxxxxxxxxx",
            "your_api_key_here",
            "0123456789abcdef",
            "AAAAAAAAAAAAAAAAAAAA",
            "EXAMPLEKEY",
            "abababababababababababababababab",
            "<insert>",
            "abc1234567890xyz",
        ] {
            assert!(is_placeholder(text.as_bytes()), "{text}");
        }
        assert!(is_row(b"abc123def456") && !is_row(b"f3Kq9ZpT7sLm2Xc8Vb4N"));
        for text in ["f3Kq9ZpT7sLm2Xc8Vb4N", "9f86d081884c7d659a2feaa0c55ad015", "hunter2", "S3cr3t!pass"] {
            assert!(!is_placeholder(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn random_values_are_hardly_ever_taken_for_placeholders() {
        use crate::rules::template::{Bindings, Random, expand};
        let mut random = Random::new(7);
        let mut taken = 0;
        for _ in 0..20_000 {
            taken += usize::from(is_placeholder(&expand("{alnum:20}", &mut random, &Bindings::new()).unwrap()));
        }
        assert!(taken <= 4, "{taken} of 20,000");
    }

    #[test]
    fn references_are_told_from_values() {
        for text in [
            "${X}",
            "{{ x }}",
            "os.environ[\"A\"]",
            "process.env.X",
            "$X",
            "prefix-${X}-y",
            "<token>",
            "%TOKEN%",
            "secrets.TOKEN",
            "op://vault/item",
            "#{x}",
            "a-{hex:32}",
        ] {
            assert!(is_reference(text.as_bytes()), "{text}");
        }
        for text in ["pa$$word1", "abc{def", "a{1}b", "50%off", "$ecret!1", "@bc!1"] {
            assert!(!is_reference(text.as_bytes()), "{text}");
        }
    }
}

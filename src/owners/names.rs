//! Names of variables that a secret is assigned to, found on its line.

use std::ops::Range;

use crate::model::Untrusted;

/// How much of a line before the secret is looked at, in bytes.
const BEFORE: usize = 1024;
/// The longest name, in bytes.
const LONGEST: usize = 128;

/// Names that the secret at `span` (bytes of the line) is assigned to: what stands left of `=`, `:`, `=>` or `:=`, the
/// key of a call (`setenv("NAME", …)`), the word behind Docker's `ENV`. The whole name first, and for one with dots
/// (`process.env.NAME`) its last part where that is written like a variable. Nothing where there is none.
#[must_use]
pub fn names_at(line: &[u8], span: Range<usize>) -> Vec<Untrusted> {
    let before = line.get(..span.start).unwrap_or(line);
    let before = before.get(before.len().saturating_sub(BEFORE)..).unwrap_or_default();
    let Some(name) = name(before) else { return Vec::new() };
    let last = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    let upper = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
    if last.len() < name.len() && last.len() > 2 && last.iter().all(upper) {
        // What stands before it says where the code reads it from, and is no part of its name.
        return vec![Untrusted::new(last)];
    }
    vec![Untrusted::new(name)]
}

fn name(before: &[u8]) -> Option<&[u8]> {
    // The value may have begun before the secret: `postgres://user:`.
    let ends = |b: &u8| b.is_ascii_whitespace() || b"\"'`=,{}()[]<>;".contains(b);
    let start = before.iter().rposition(ends).map_or(0, |at| at + 1);
    let (left, value) = before.split_at_checked(start)?;
    if let Some(key) = value.strip_suffix(b":").filter(|_| left.trim_ascii_end().is_empty()) {
        // `key:value`
        return identifier(key).filter(|found| found.len() == key.len());
    }
    // `key:"value"` and `b"value"`
    let left = trim_end(left, |b| b.is_ascii_whitespace() || b"\"'`".contains(&b));
    if let Some(rest) = left.strip_suffix(b"ENV").map(<[u8]>::trim_ascii_end).filter(|rest| rest.is_empty()) {
        return identifier(value).filter(|_| rest.is_empty());
    }
    let words: Vec<&[u8]> = left.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).collect();
    if let [b"ENV" | b"ARG", name] = words.as_slice() {
        return identifier(name);
    }
    let operators: [&[u8]; 8] = [b"=>", b":=", b"?=", b"+=", b"==", b"=", b":", b","];
    let operator = operators.into_iter().find(|op| left.ends_with(op))?;
    let key = left.strip_suffix(operator)?.trim_ascii_end();
    if operator == b"," {
        // `setenv("NAME", "value")`: the key of a call stands in quotes.
        let quoted = key.strip_suffix(b"\"").or_else(|| key.strip_suffix(b"'"))?;
        return identifier(quoted).filter(|name| is_specific(name));
    }
    // `let key: &str = "value"`
    let key = if operator == b"=" { without_type(key) } else { key };
    let key = trim_end(key, |b| b"\"'`])".contains(&b) || b.is_ascii_whitespace());
    identifier(key)
}

/// What stands before a type: `shop_key` of `shop_key: &str`.
fn without_type(key: &[u8]) -> &[u8] {
    let is_type = |b: &u8| b.is_ascii_alphanumeric() || b"_&<>[]|?' ".contains(b);
    let named = |head: &[u8]| head.last().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    match split_last(key, b':') {
        Some((head, of_type)) if named(head) && !of_type.is_empty() && of_type.iter().all(is_type) => head,
        _ => key,
    }
}

/// The identifier at the end of a text.
fn identifier(text: &[u8]) -> Option<&[u8]> {
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || b"_.-$".contains(b);
    let start = text.iter().rposition(|b| !is_part(b)).map_or(0, |at| at + 1);
    let found = text.get(start..)?;
    let first = found.iter().position(|b| b.is_ascii_alphabetic() || *b == b'_')?;
    let found = trim_end(found.get(first..)?, |b| b".-$".contains(&b));
    (1..=LONGEST).contains(&found.len()).then_some(found)
}

fn trim_end(text: &[u8], unwanted: impl Fn(u8) -> bool) -> &[u8] {
    let end = text.iter().rposition(|b| !unwanted(*b)).map_or(0, |at| at + 1);
    text.get(..end).unwrap_or_default()
}

fn split_last(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let found = text.iter().rposition(|b| *b == at)?;
    Some((text.get(..found)?.trim_ascii_end(), text.get(found + 1..)?.trim_ascii()))
}

/// Whether a name says which secret is meant: `password` and `token` stand everywhere, `SHOP_DB_PASSWORD` does not.
#[must_use]
pub fn is_specific(name: &[u8]) -> bool {
    let inner = |b: &u8| b"_.-".contains(b);
    let mixed = || name.iter().skip(1).any(u8::is_ascii_uppercase) && name.iter().any(u8::is_ascii_lowercase);
    (6..=LONGEST).contains(&name.len()) && (name.iter().any(inner) || mixed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Vec<String> {
        let at = line.find("VALUE").unwrap();
        names_at(line.as_bytes(), at..at + 5).iter().map(|n| String::from_utf8_lossy(n.raw()).into_owned()).collect()
    }

    #[test]
    fn the_name_left_of_an_assignment_is_found() {
        for (line, name) in [
            ("SHOP_KEY=VALUE", "SHOP_KEY"),
            ("export SHOP_KEY=\"VALUE\"", "SHOP_KEY"),
            ("SHOP_KEY: VALUE", "SHOP_KEY"),
            ("SHOP_KEY:VALUE", "SHOP_KEY"),
            ("  \"shopKey\": \"VALUE\",", "shopKey"),
            ("shop-key = 'VALUE' # x", "shop-key"),
            (":shop_key => \"VALUE\"", "shop_key"),
            ("'shop_key' => 'VALUE'", "shop_key"),
            ("shopKey := \"VALUE\"", "shopKey"),
            ("let shop_key: &str = \"VALUE\";", "shop_key"),
            ("const shopKey: string = 'VALUE'", "shopKey"),
            ("String shopKey = \"VALUE\";", "shopKey"),
            ("os.environ[\"SHOP_KEY\"] = \"VALUE\"", "SHOP_KEY"),
            ("process.env.SHOP_KEY = 'VALUE'", "SHOP_KEY"),
            ("spring.datasource.password=VALUE", "spring.datasource.password"),
            ("DATABASE_URL=postgres://shop:VALUE@db/shop", "DATABASE_URL"),
            ("url: \"postgres://shop:VALUE@db/shop\"", "url"),
            ("ENV SHOP_KEY VALUE", "SHOP_KEY"),
            ("setenv(\"SHOP_KEY\", \"VALUE\", 1)", "SHOP_KEY"),
            ("docker run -e SHOP_KEY=VALUE x", "SHOP_KEY"),
            ("tool --shop-key=VALUE", "shop-key"),
            ("{\"a\": 1, \"shop_key\": \"VALUE\"}", "shop_key"),
        ] {
            assert_eq!(names(line), [name], "{line}");
        }
        for line in ["VALUE", "// VALUE", "see VALUE", "f(x, \"VALUE\")", "curl -u shop VALUE"] {
            assert_eq!(names(line), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn any_bytes_are_taken() {
        let line: Vec<u8> = (0..=255).cycle().take(5000).collect();
        for at in 0..line.len() {
            let _ = names_at(&line, at..at + 1);
        }
        assert!(names_at(b"a=b", 100..200).len() <= 1);
    }

    #[test]
    fn common_words_are_not_specific() {
        for name in ["password", "token", "key", "SECRET", "a_b", ""] {
            assert!(!is_specific(name.as_bytes()), "{name}");
        }
        for name in ["SHOP_KEY", "shopKey", "shop-key", "spring.datasource.password"] {
            assert!(is_specific(name.as_bytes()), "{name}");
        }
    }
}

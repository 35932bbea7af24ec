//! Templates of samples: text with `{…}` in place of what is made up at run time, so that no secret-shaped
//! literal ever stands in a file.
//!
//! | placeholder | becomes |
//! |---|---|
//! | `{digits:N}` `{lower:N}` `{upper:N}` `{alpha:N}` | N random characters |
//! | `{alnum:N}` (`base62`), `{alnumlower:N}`, `{alnumupper:N}` | letters and digits |
//! | `{hex:N}` `{HEX:N}` `{base32:N}` `{base64:N}` `{base64url:N}` | characters of that alphabet |
//! | `{chars:N:ABC}` | N of the characters listed |
//! | `{one:a\|b\|c}` | one of them |
//! | `{uuid}` | a random UUID |
//! | `{b64(…)}` `{b64url(…)}` | the inner template, expanded and encoded (padded, unpadded) |
//! | `{pem:N}` | N lines of 64 base64 characters |
//! | `{sample}` `{NAME}` | what the caller binds to the name |
//! | `{{` `}}` | a brace |

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// A source of numbers for samples: xorshift64*, seeded. Not for cryptography; samples are not secrets.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// A generator that gives the same numbers for the same seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `n` (0 where `n` is 0).
    pub const fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize;
        if n == 0 { 0 } else { value % n }
    }

    fn pick(&mut self, alphabet: &[u8]) -> u8 {
        let index = self.below(alphabet.len());
        alphabet.get(index).copied().unwrap_or(b'?')
    }
}

/// Values bound to names in a template.
pub type Bindings = BTreeMap<String, Vec<u8>>;

/// Expands a template.
///
/// # Errors
/// A sentence about what the template has wrong.
pub fn expand(template: &str, random: &mut Random, bindings: &Bindings) -> Result<Vec<u8>, String> {
    fill(template, &mut |inner| placeholder(inner, random, bindings))
}

/// A template with `…` in place of all that is made up, for a text that may stand in a file: `{one:a|b}` is its first
/// option, `{sample}` and `{broken}` are `sample`.
///
/// # Errors
/// A sentence about what the template has wrong.
pub fn redacted(template: &str, sample: &str) -> Result<String, String> {
    let filled = fill(template, &mut |inner| {
        let known = (matches!(inner, "broken") || inner.starts_with("sample")).then_some(sample);
        let first = || inner.strip_prefix("one:").and_then(|options| options.split('|').next());
        Ok(known.or_else(first).unwrap_or("…").as_bytes().to_vec())
    })?;
    let mut text = String::from_utf8_lossy(&filled).into_owned();
    while text.contains("……") {
        text = text.replace("……", "…");
    }
    Ok(text)
}

/// Adds the names that a template of a request asks for, inside of `b64(…)` too.
///
/// # Errors
/// A sentence about what the template has wrong.
pub fn parts(template: &str, names: &mut BTreeSet<String>) -> Result<(), String> {
    let mut asked = Vec::new();
    fill(template, &mut |inner| {
        asked.push(inner.to_owned());
        Ok(Vec::new())
    })?;
    for inner in asked {
        match inner.strip_prefix("b64(").and_then(|rest| rest.strip_suffix(')')) {
            Some(within) => parts(within, names)?,
            None if !inner.is_empty()
                && inner.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') =>
            {
                names.insert(inner);
            }
            None => return Err(format!("`{{{}}}` is no part of a credential", head(&inner))),
        }
    }
    Ok(())
}

/// A template with each placeholder replaced by what `value` makes of it.
///
/// # Errors
/// A sentence about what the template has wrong, or `value`'s.
pub fn fill(template: &str, value: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (text, tail) = rest.split_at(at);
        out.extend_from_slice(text.as_bytes());
        if let Some(after) = tail.strip_prefix("{{").or_else(|| tail.strip_prefix("}}")) {
            out.push(tail.as_bytes().first().copied().unwrap_or(b'{'));
            rest = after;
            continue;
        }
        let end = closing(tail).ok_or_else(|| {
            format!("`{}` has no matching brace; write `{{{{` or `}}}}` for a brace itself", head(tail))
        })?;
        let (inner, after) = (tail.get(1..end).unwrap_or_default(), tail.get(end + 1..).unwrap_or_default());
        out.extend(value(inner)?);
        rest = after;
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

fn head(text: &str) -> String {
    text.chars().take(24).collect()
}

/// The index of the brace that closes the one that `text` starts with.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(i);
                }
            }
            _ => {}
        }
    }
    None
}

fn placeholder(inner: &str, random: &mut Random, bindings: &Bindings) -> Result<Vec<u8>, String> {
    if let Some(value) = bindings.get(inner) {
        return Ok(value.clone());
    }
    for (open, padded) in [("b64(", true), ("b64url(", false)] {
        if let Some(body) = inner.strip_prefix(open).and_then(|s| s.strip_suffix(')')) {
            let plain = expand(body, random, bindings)?;
            return Ok(if padded { STANDARD.encode(plain) } else { URL_SAFE_NO_PAD.encode(plain) }.into_bytes());
        }
    }
    if inner == "uuid" {
        return expand("{hex:8}-{hex:4}-4{hex:3}-{chars:1:89ab}{hex:3}-{hex:12}", random, bindings);
    }
    let (name, argument) = inner.split_once(':').ok_or_else(|| format!("`{{{inner}}}` is not a known placeholder"))?;
    if name == "one" {
        let options: Vec<&str> = argument.split('|').collect();
        let chosen = options.get(random.below(options.len())).copied().unwrap_or_default();
        return Ok(chosen.as_bytes().to_vec());
    }
    let (count, listed) = argument.split_once(':').unwrap_or((argument, ""));
    let count: usize = count.parse().map_err(|_| format!("`{{{inner}}}` needs a number after the colon"))?;
    if count > 20_000 {
        return Err(format!("`{{{inner}}}` is longer than any secret"));
    }
    if name == "pem" {
        let line = |random: &mut Random| [&letters("base64", random, 64)[..], b"\n"].concat();
        return Ok((0..count).flat_map(|_| line(random)).collect());
    }
    let alphabet = if name == "chars" { Some(listed.as_bytes()) } else { alphabet(name) };
    let alphabet = alphabet.ok_or_else(|| format!("`{{{inner}}}` is not a known placeholder"))?;
    Ok((0..count).map(|_| random.pick(alphabet)).collect())
}

fn letters(name: &str, random: &mut Random, count: usize) -> Vec<u8> {
    let alphabet = alphabet(name).unwrap_or(b"?");
    (0..count).map(|_| random.pick(alphabet)).collect()
}

fn alphabet(name: &str) -> Option<&'static [u8]> {
    const ALL: &[u8; 66] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/-_";
    Some(match name {
        "digits" => &ALL[..10],
        "lower" => &ALL[10..36],
        "upper" => &ALL[36..62],
        "alpha" => &ALL[10..62],
        "alnum" | "base62" => &ALL[..62],
        "alnumlower" => &ALL[..36],
        "alnumupper" => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "hex" => b"0123456789abcdef",
        "HEX" => b"0123456789ABCDEF",
        "base32" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        "base64" => &ALL[..64],
        "base64url" => b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(template: &str) -> Result<String, String> {
        let bindings = Bindings::from([("sample".to_owned(), b"S".to_vec())]);
        expand(template, &mut Random::new(1), &bindings).map(|b| String::from_utf8(b).unwrap())
    }

    #[test]
    fn placeholders_expand_to_their_alphabet_and_length() {
        assert_eq!(text("a{{{sample}}}b").unwrap(), "a{S}b");
        assert_eq!(text("{b64(u:{sample})}").unwrap(), "dTpT");
        let hex = text("{hex:40}").unwrap();
        assert!(hex.len() == 40 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_eq!(text("{uuid}").unwrap().len(), 36);
        assert!(["x", "y"].contains(&text("{one:x|y}").unwrap().as_str()));
        assert_eq!(text("{pem:2}").unwrap().len(), 130);
        assert_eq!(text("{chars:5:z}").unwrap(), "zzzzz");
        assert_eq!(text("{alnum:30}"), text("{alnum:30}"), "the same seed gives the same text");
    }

    #[test]
    fn a_redacted_template_keeps_what_is_written_in_it() {
        let sample = redacted("sk_{one:live|test}_{alnum:9}{hex:3}-{b64(u:{hex:40})}", "").unwrap();
        assert_eq!(sample, "sk_live_…-…");
        assert_eq!(redacted("{{\"key\": \"{sample}\"}}, {uuid}", &sample).unwrap(), "{\"key\": \"sk_live_…-…\"}, …");
        assert!(redacted("{hex:3", "").is_err());
    }

    #[test]
    fn a_broken_template_says_what_is_wrong() {
        for bad in ["{hex}", "{hex:x}", "{nope:3}", "{hex:3", "}", "{hex:99999}"] {
            assert!(text(bad).is_err(), "{bad}");
        }
    }
}

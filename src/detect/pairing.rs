//! Names that are themselves the value of a field, with their own value in a field beside it: `name: DB_PASSWORD` and
//! `value: …` below it, `{"key": "token", "value": "…"}`, `<add key="ApiKey" value="…"/>`, `<key>ApiKey</key><string>…`,
//! `variable "db_password" { default = "…" }`.

use std::ops::Range;

use super::names;

/// How far behind a name the field of its value may begin.
pub(super) const REACH: usize = 320;
/// How far before a name the field may begin that it stands in.
const BACK: usize = 32;

/// Where the value begins that belongs to the name of the keyword at `hit`, the name's closing quote ending at `at`;
/// `None` where the name is not the value of a field.
pub(super) fn value(text: &[u8], hit: Range<usize>, at: usize) -> Option<usize> {
    let rest = text.get(at..(at + REACH).min(text.len()))?;
    // Cheapest first: most names are followed by an operator, or by a word of prose.
    let first = *rest.iter().find(|b| !matches!(b, b' ' | b'\t'))?;
    let closed = matches!(text.get(at.wrapping_sub(1)), Some(b'"' | b'\'' | b'`'));
    let may = match first {
        b'\n' | b'\r' | b'<' => true,
        b',' | b'>' | b'{' => closed,
        _ => closed && first.is_ascii_alphabetic(),
    };
    if !may {
        return None;
    }
    let start = names::start(text, hit.start);
    let before = text.get(start.saturating_sub(BACK)..start)?;
    let found = match first {
        b'<' => before.ends_with(b">").then(|| element_after(rest)).flatten(),
        b'{' => declares(before).then(|| field(rest.get(1..)?, b"default", ends_block).map(|i| i + 1)).flatten(),
        b'>' => names_a_field(before).then_some(1),
        _ => names_a_field(before).then(|| field(rest, b"value", ends_object)).flatten(),
    };
    found.map(|offset| at + offset)
}

/// Whether a field whose value is a name stands before it: `name: "`, `"key":"`, `key="`, `- name: `.
fn names_a_field(before: &[u8]) -> bool {
    let quote = |b: &u8| matches!(b, b'"' | b'\'' | b'`' | b'\\');
    let trimmed = trim_end(before, quote).trim_ascii_end();
    let Some(field) = trimmed.strip_suffix(b":").or(trimmed.strip_suffix(b"=")).or(trimmed.strip_suffix(b"=>")) else {
        return false;
    };
    let field = trim_end(field.trim_ascii_end(), quote);
    [&b"name"[..], b"key"].into_iter().any(|end| {
        field.len() >= end.len() && field.get(field.len() - end.len()..).is_some_and(|f| f.eq_ignore_ascii_case(end))
    })
}

/// Whether the name is that of a variable that is declared: `variable "`.
fn declares(before: &[u8]) -> bool {
    before.strip_suffix(b"\"").is_some_and(|b| b.trim_ascii_end().ends_with(b"variable"))
}

fn trim_end(text: &[u8], trimmed: impl Fn(&u8) -> bool) -> &[u8] {
    let kept = text.iter().rposition(|b| !trimmed(b)).map_or(0, |last| last + 1);
    text.get(..kept).unwrap_or_default()
}

/// The offset behind the operator and blanks of a field of that name, before the end of what the fields belong to.
fn field(rest: &[u8], name: &[u8], ends: fn(&[u8]) -> bool) -> Option<usize> {
    let mut inside = false;
    for at in 0..rest.len() {
        let here = rest.get(at..)?;
        if ends(here) {
            return None;
        }
        let begins = !inside && here.get(..name.len()).is_some_and(|w| w.eq_ignore_ascii_case(name));
        if let Some(operator) = begins.then(|| after_operator(here, name.len())).flatten() {
            return Some(at + operator);
        }
        inside = here.first().is_some_and(|b| names::is_part(*b));
    }
    None
}

/// The offset behind `"`, `:` or `=` and blanks, from the end of a field's name.
fn after_operator(here: &[u8], name: usize) -> Option<usize> {
    let run =
        |from: usize, set: &[u8]| here.get(from..).unwrap_or_default().iter().take_while(|b| set.contains(b)).count();
    let mut at = name;
    at += run(at, b"\"'\\");
    at += run(at, b" \t");
    let operator = run(at, b":=>");
    (1..=2).contains(&operator).then(|| at + operator + run(at + operator, b" \t"))
}

/// The end of an object, an item of a list or a tag.
fn ends_object(here: &[u8]) -> bool {
    match here {
        [b'{' | b'}' | b'[' | b']' | b'>', ..] | [b'\n', b'\n', ..] => true,
        [b'\n', rest @ ..] => rest.trim_ascii_start().starts_with(b"- "),
        _ => false,
    }
}

/// The end of a block that began on a line before.
fn ends_block(here: &[u8]) -> bool {
    here.starts_with(b"\n}")
}

/// The offset behind `</key>` and the opening tag of the next element.
fn element_after(rest: &[u8]) -> Option<usize> {
    let close = rest.strip_prefix(b"</")?.iter().position(|b| *b == b'>')? + 3;
    let open = rest.get(close..)?;
    let blank = open.len() - open.trim_ascii_start().len();
    let tag = open.get(blank..)?.strip_prefix(b"<")?;
    let name = tag.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let holds = tag.get(..name).is_some_and(|n| [&b"string"[..], b"value"].iter().any(|t| n.eq_ignore_ascii_case(t)));
    (holds && tag.get(name) == Some(&b'>')).then(|| close + blank + 1 + name + 1)
}

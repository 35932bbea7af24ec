//! The extent of a value, from where an operator or a field leaves off: quotes of every kind, calls that only convert,
//! defaults of variables, text of elements, blocks of text, or nothing around it.

use std::ops::Range;

use super::chunk::Quoting;
use super::names;
use crate::rules::Shape;

/// What a name has to do with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// It is given it.
    Assigned,
    /// It is compared with it (`==`).
    Compared,
    /// It is a string, and the value the next one (`"name", "value"`).
    Beside,
    /// It is that of a function that is called with it.
    Called,
}

/// A value that a name announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// Where it is, between its quotes; of a bare value, where it begins: its end is for the pattern to find.
    pub span: Range<usize>,
    /// Where its opening quote stands; of a bare value, where it begins.
    pub opened: usize,
    /// How it is written.
    pub quoting: Quoting,
    /// What the name has to do with it.
    pub form: Form,
    /// The quote that opened it, or 0.
    pub quote: u8,
    /// Whether it stands in a list, so that others may follow.
    pub listed: bool,
}

/// The longest value that is looked at.
const MAX_VALUE: usize = Shape::TOKEN;
/// The longest name of a function that converts.
const MAX_CALLEE: usize = 48;
/// The longest indentation of a block of text.
const MAX_INDENT: usize = 64;

/// Functions that make a value of the text that they are given, besides constructors.
const CONVERTING: &str = "from byte bytes string str of decode encode value_of valueOf b64decode b64encode fromhex fromHex \
    decodeString getBytes unhex unhexlify char_array createSecretKey generate password PASSWORD";

/// How far behind a keyword an element of a list may begin.
const LIST: usize = 900;
/// And how many of them are looked at.
const MAX_ELEMENTS: usize = 7;

/// Reads the openers at `at` and the extent of the value behind them; of a list, that of its first element.
pub(super) fn at(text: &[u8], at: usize, form: Form) -> Option<Value> {
    match text.get(at..).and_then(list) {
        Some(first) => Some(Value { listed: true, ..one(text, at + first, form)? }),
        None => one(text, at, form),
    }
}

/// The values that stand in a list behind its first one, for a keyword that starts at `start`.
pub(super) fn others<'t>(text: &'t [u8], start: usize, first: Option<&Value>) -> impl Iterator<Item = Value> + use<'t> {
    let second = first.and_then(|first| next(text, start, first));
    std::iter::successors(second, move |value| next(text, start, value)).take(MAX_ELEMENTS)
}

/// The element of a list behind another one.
fn next(text: &[u8], start: usize, value: &Value) -> Option<Value> {
    let rest = text.get(value.span.end..).filter(|_| value.listed)?;
    let close = rest.iter().take(5).take_while(|b| **b == b'\\' || **b == value.quote).count();
    let comma = rest.get(close..)?.strip_prefix(b",")?;
    let blank = blanks(comma);
    let at = value.span.end + close + 1 + blank;
    let quoted = at < start + LIST && comma.get(blank..).and_then(opener).is_some();
    quoted.then(|| one(text, at, value.form)).flatten().map(|next| Value { listed: true, ..next })
}

/// The offset of the first quoted element of a list: `["…`, `[]string{"…`.
fn list(rest: &[u8]) -> Option<usize> {
    let open = if rest.starts_with(b"[]string{") { 9 } else { usize::from(rest.first() == Some(&b'[')) };
    let behind = rest.get(open..).filter(|_| open > 0)?;
    let blank = blanks(behind);
    behind.get(blank..).and_then(opener).map(|_| open + blank)
}

/// The length of the blanks and ends of lines at the beginning of a text.
fn blanks(text: &[u8]) -> usize {
    text.iter().take(MAX_INDENT).take_while(|b| b.is_ascii_whitespace()).count()
}

fn one(text: &[u8], at: usize, form: Form) -> Option<Value> {
    let element = text.get(at.checked_sub(1)?) == Some(&b'>') && text.get(at.wrapping_sub(2)) != Some(&b'=');
    let rest = text.get(at..(at + MAX_VALUE + MAX_INDENT).min(text.len()))?;
    let skip = conversion(rest);
    let converted = rest.get(skip..)?;
    let skip = skip + prefix(converted);
    if let Some((quote, len, escaped)) = opener(rest.get(skip..)?) {
        let start = skip + len;
        let body = rest.get(start..)?;
        let end = closing(body, quote, escaped)?;
        let body = body.get(..end)?;
        let inner = default(body).or_else(|| field(body, quote)).unwrap_or(0..end);
        let span = at + start + inner.start..at + start + inner.end;
        return Some(Value { span, opened: at + skip, quoting: Quoting::Quoted, form, quote, listed: false });
    }
    if element {
        let (start, end) = text_of_element(rest)?;
        let span = at + start..at + end;
        return Some(Value { span, opened: at, quoting: Quoting::Quoted, form, quote: b'<', listed: false });
    }
    // OpenSSL's options say where a password comes from.
    let from = if rest.starts_with(b"pass:") { 5 } else { 0 };
    let start = at + from + default(rest).map_or_else(|| block(rest).unwrap_or(0), |inner| inner.start);
    Some(Value { span: start..start, opened: start, quoting: Quoting::Bare, form, quote: 0, listed: false })
}

/// The quote that opens a string, how many bytes open it, and whether it is an escaped one.
fn opener(rest: &[u8]) -> Option<(u8, usize, bool)> {
    match rest {
        [b'\\', b'\\', b'\\', b'"', ..] => Some((b'"', 4, true)),
        [b'\\', q @ (b'"' | b'\''), ..] => Some((*q, 2, true)),
        [b'"', b'"', b'"', c, ..] if *c != b'"' => Some((b'"', 3, false)),
        [b'\'', b'\'', b'\'', c, ..] if *c != b'\'' => Some((b'\'', 3, false)),
        [q @ (b'"' | b'\'' | b'`'), ..] => Some((*q, 1, false)),
        [b'&', b'q', b'u', b'o', b't', b';', ..] => Some((b'&', 6, false)),
        _ => None,
    }
}

/// The length of the letters and signs before a quote that say what kind of string it is.
fn prefix(rest: &[u8]) -> usize {
    match rest {
        [b'b' | b'r' | b'u' | b'f' | b'L' | b'@' | b'N', b'"' | b'\'', ..] => 1,
        [b'r', b'#', b'"', ..] | [b'b', b'r', b'"' | b'\'', ..] => 2,
        [b'r', b'#', b'#', b'"', ..] | [b'b', b'r', b'#', b'"', ..] => 3,
        _ => 0,
    }
}

/// The length of calls that only convert the string that follows: `String::from(`, `new Password(`,
/// `createSecretKey(Buffer.from(`; 0 where none stands before a quote.
pub(super) fn conversion(rest: &[u8]) -> usize {
    let mut at = 0;
    if !rest.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'[') {
        return 0;
    }
    let part = |b: &u8| names::is_part(*b) || matches!(b, b':' | b'[' | b']');
    // Most values are no calls.
    let word = rest.iter().take(MAX_CALLEE).take_while(|b| part(b)).count();
    if rest.get(word) != Some(&b'(') && !rest.starts_with(b"new ") {
        return 0;
    }
    for _ in 0..3 {
        let here = rest.get(at..).unwrap_or_default();
        let new = if here.starts_with(b"new ") { 4 } else { 0 };
        let callee = here.get(new..).unwrap_or_default();
        let len = callee.iter().take(MAX_CALLEE).take_while(|b| part(b)).count();
        if callee.get(len) != Some(&b'(') || !converts(callee.get(..len).unwrap_or_default()) {
            break;
        }
        at += new + len + 1;
    }
    match rest.get(at..) {
        Some([b'"' | b'\'' | b'`', ..] | [_, b'"' | b'\'', ..]) => at,
        _ => 0,
    }
}

fn converts(callee: &[u8]) -> bool {
    let last = callee.rsplit(|b| matches!(b, b'.' | b':' | b']')).next().unwrap_or_default();
    let listed = || std::str::from_utf8(last).is_ok_and(|last| names::is_listed(CONVERTING, last));
    let constant = last.iter().all(|b| b.is_ascii_uppercase() || *b == b'_');
    let made = last.first().is_some_and(u8::is_ascii_uppercase) && !constant && !names::asks(last);
    made || listed()
}

/// Where the literal stands in `${NAME:-literal}`.
fn default(rest: &[u8]) -> Option<Range<usize>> {
    let name = rest.strip_prefix(b"${")?.iter().take(Shape::NAME).take_while(|b| names::is_part(**b)).count();
    let start = name + 4;
    let literal = rest.get(name + 2..)?.strip_prefix(b":-")?;
    let end = literal.iter().position(|b| matches!(b, b'}' | b'\n' | b'$'))?;
    (literal.get(end) == Some(&b'}')).then_some(start..start + end)
}

/// Where the longest string stands in an object that is written in a string: `"{\"user\": \"…\", \"token\": \"…\"}"`. What
/// a field says about a secret is none.
fn field(body: &[u8], quote: u8) -> Option<Range<usize>> {
    let mark: &[u8] = match body {
        [b'{', b'\\', b'"', ..] => b"\\\"",
        [b'{', b'"', ..] if quote != b'"' => b"\"",
        _ => return None,
    };
    let (mut best, mut about, mut from): (Option<Range<usize>>, bool, usize) = (None, false, 1);
    while let Some(open) = memchr::memmem::find(body.get(from..)?, mark) {
        let start = from + open + mark.len();
        let Some(len) = memchr::memmem::find(body.get(start..)?, mark) else { break };
        from = start + len + mark.len();
        if body.get(from..)?.trim_ascii_start().starts_with(b":") {
            about = names::is_about(body.get(start..start + len)?);
        } else if !about && best.as_ref().is_none_or(|best| best.len() < len) {
            best = Some(start..start + len);
        }
    }
    best
}

/// The offset of the first line of a block of text: `|`, perhaps with signs, the end of the line, and an indentation.
fn block(rest: &[u8]) -> Option<usize> {
    let [b'|' | b'>', behind @ ..] = rest else { return None };
    let signs = behind.iter().take(3).take_while(|b| matches!(b, b'-' | b'+' | b'1'..=b'9' | b'\r')).count();
    let indented = behind.get(signs..)?.strip_prefix(b"\n")?;
    let indent = indented.iter().take(MAX_INDENT).take_while(|b| matches!(b, b' ' | b'\t')).count();
    (indent > 0).then_some(1 + signs + 1 + indent)
}

/// Where the text of an element begins and ends, up to its closing tag on the same line.
fn text_of_element(rest: &[u8]) -> Option<(usize, usize)> {
    const CDATA: &[u8] = b"<![CDATA[";
    let start = if rest.starts_with(CDATA) { CDATA.len() } else { 0 };
    let body = rest.get(start..)?;
    let closed = |i: usize| {
        if start > 0 { body.get(i..).is_some_and(|b| b.starts_with(b"]]>")) } else { body.get(i) == Some(&b'<') }
    };
    let end = body.iter().enumerate().position(|(i, b)| *b == b'\n' || closed(i))?;
    (body.get(end) != Some(&b'\n')).then_some((start, start + end))
}

/// The offset of the closing quote; the value may not go over the end of its line.
fn closing(body: &[u8], quote: u8, escaped: bool) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = memchr::memchr3(quote, b'\\', b'\n', body.get(from..)?).map(|found| from + found) {
        match body.get(at) {
            Some(b'\n') => return None,
            Some(b'\\') if !escaped => from = at + 2,
            _ => return Some(at),
        }
    }
    None
}
